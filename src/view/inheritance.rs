//! What the steps of the lab `fork` mean, in words for people.

use super::lang::{Lang, messages};
use crate::model::{Change, Step};

messages! {
    /// The first open.
    opened(fd: &str) {
        en: "A new open file description; {fd} is its number here: the lowest that was free.",
        ja: "新しいオープンファイル記述です。{fd} はこのプロセスでの番号で、空いていた最小のものです。",
    }
    /// Reading.
    read(fd: &str, offset: &str) {
        en: "The offset is now {offset}. It belongs to the open file description, not to the number {fd}.",
        ja: "オフセットは {offset} になりました。これは番号 {fd} ではなく、オープンファイル記述のものです。",
    }
    /// dup.
    duplicated(old: &str, new: &str) {
        en: "{new} is a second number for the same open file description as {old}: one offset for both.",
        ja: "{new} は {old} と同じオープンファイル記述を指す 2 つ目の番号です。オフセットは共通です。",
    }
    /// A file opened once more.
    opened_again(fd: &str) {
        en: "The same file opened again: {fd} is another open file description, whose offset is 0.",
        ja: "同じファイルをもう一度開きました。{fd} は別のオープンファイル記述で、オフセットは 0 です。",
    }
    /// CLOEXEC.
    cloexec(fd: &str) {
        en: "With O_CLOEXEC: {fd} goes through a fork like any other, and is closed at exec.",
        ja: "O_CLOEXEC 付きです。{fd} は fork では他と同じく受け継がれ、exec で閉じられます。",
    }
    /// A socket.
    socket(fd: &str) {
        en: "A socket is a file, too; {fd} is its number.",
        ja: "ソケットもファイルです。{fd} がその番号です。",
    }
    /// bind.
    bound() {
        en: "Port 0 lets the kernel choose a free port of 127.0.0.1.",
        ja: "ポート 0 を指定すると、127.0.0.1 の空きポートをカーネルが選びます。",
    }
    /// listen.
    listening(fd: &str) {
        en: "Connections may come now. accept would make a new socket for each, and no copy of this one. Whoever has a copy of the number {fd} keeps the port taken.",
        ja: "接続を受けられるようになりました。accept は接続ごとに新しいソケットを作るのであって、これをコピーするのではありません。番号 {fd} のコピーを持つ者がいる限り、ポートは使用中のままです。",
    }
    /// The child's own file.
    own_file(fd: &str) {
        en: "The child opens a file of its own, one without a name (O_TMPFILE). The parent has no {fd} for it.",
        ja: "子が自分のファイル（O_TMPFILE、名前なし）を開きました。親のテーブルにこの {fd} はありません。",
    }
    /// The child's standard output.
    redirected() {
        en: "The child's standard output is that file now. The parent's 1 is what it was: the table is the child's own.",
        ja: "子の標準出力はこのファイルになりました。親の 1 は元のままです。テーブルは子自身のものだからです。",
    }
    /// The seek.
    sought(fd: &str, offset: &str) {
        en: "The child moves the offset to {offset}, and so it does for the parent's {fd}: fork copied the number, not the open file description.",
        ja: "子がオフセットを {offset} に動かすと、親の {fd} から見ても動きます。fork がコピーしたのは番号で、オープンファイル記述ではありません。",
    }
    /// exec.
    executed(gone: &str) {
        en: "Another program in the same process. Closed by CLOEXEC: {gone}. All else stays open.",
        ja: "同じプロセスで別のプログラムになりました。CLOEXEC で閉じられたもの: {gone}。他は開いたままです。",
    }
}

/// What a step of this lab means; nothing where it means what it means everywhere.
pub fn meaning(step: &Step, lang: Lang) -> Option<String> {
    let argument = |index: usize| step.args.get(index).map_or("?", String::as_str);
    let offset = step.changes.iter().find_map(|change| match change {
        Change::Moved { to, .. } => Some(to.to_string()),
        _ => None,
    });
    let is_child = step.actor == "child";
    Some(match step.call {
        "openat" | "open" => {
            let is_again = step.result != "3";
            match () {
                () if is_child => own_file(lang, &step.result),
                () if step.args.iter().any(|flags| flags.contains("O_CLOEXEC")) => {
                    cloexec(lang, &step.result)
                }
                () if is_again => opened_again(lang, &step.result),
                () => opened(lang, &step.result),
            }
        }
        "read" => read(lang, argument(0), &offset?),
        "dup" => duplicated(lang, argument(0), &step.result),
        "socket" => socket(lang, &step.result),
        "bind" => bound(lang),
        "listen" => listening(lang, argument(0)),
        "dup2" => redirected(lang),
        "lseek" => sought(lang, argument(0), &offset?),
        "execve" => {
            let gone = step.changes.iter().filter_map(|change| match change {
                Change::Closed { fd, .. } => Some(fd.to_string()),
                _ => None,
            });
            executed(lang, &gone.collect::<Vec<_>>().join(", "))
        }
        _ => return None,
    })
}
