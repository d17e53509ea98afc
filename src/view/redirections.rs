//! What the system calls of redirections mean, in words for people.
//!
//! A redirection is no call of its own: it is an open whose number is moved, a copy, a close. What each
//! says here is what it says of the descriptor table, so that it is as true of a shell's calls as of the
//! lab's.

use super::lang::{Lang, messages};
use crate::model::Step;

messages! {
    /// `<`
    open_read(path: &str, fd: &str) {
        en: "{path} is opened to be read: a new open file description, with an offset of its own. The kernel gives it the lowest free number, {fd}.",
        ja: "{path} を読み取り用に開きました。自分のオフセットを持つ、新しいオープンファイル記述です。カーネルは空いている最小の番号 {fd} を割り当てます。",
    }
    /// `>`
    open_write(path: &str, fd: &str) {
        en: "It is not the command that opens {path}: it has not started yet. A missing file is created and an old one emptied here, even if the command then fails. The lowest free number is {fd}.",
        ja: "{path} を開くのはコマンドではありません（まだ始まっていません）。ファイルがなければここで作られ、あれば空になります。その後コマンドが失敗しても同じです。空いている最小の番号は {fd} です。",
    }
    /// `>>`
    open_append(path: &str, fd: &str) {
        en: "O_APPEND: whoever writes through {fd} writes to the end of {path}, wherever that is by then. Nothing is emptied.",
        ja: "O_APPEND により、{fd} への書き込みは常にその時点での {path} の末尾に入ります。中身は消えません。",
    }
    /// `<>`
    open_both(path: &str, fd: &str) {
        en: "{path} is opened to be read and written: created if it is missing, and not emptied. One offset serves both; the lowest free number is {fd}.",
        ja: "{path} を読み書き両用に開きました。なければ作られますが、空にはなりません。オフセットは読み書きで共通です。空いている最小の番号は {fd} です。",
    }
    /// A here-string too long for a pipe.
    open_nameless(fd: &str) {
        en: "The here-string is longer than a pipe is sure to hold while nobody reads: it goes into a file without a name, behind {fd}.",
        ja: "このヒアストリングは、まだ誰も読まないパイプに入り切るとは限らない長さなので、名前のないファイル（{fd}）に入れます。",
    }
    /// The same file once more.
    open_again(fd: &str) {
        en: "The same file is opened a second time: {fd} is a second open file description, at offset 0 and only to be read.",
        ja: "同じファイルをもう一度開きました。{fd} は別のオープンファイル記述で、オフセットは 0、読み取り専用です。",
    }
    /// `2>&1`
    copy(old: &str, new: &str) {
        en: "{new} now refers to what {old} refers to at this moment. It is a copy and no link: if {old} is redirected later, {new} stays where it is. That is why the order of redirections matters.",
        ja: "{new} は、今この時点で {old} が指しているものを指すようになりました。リンクではなくコピーなので、後で {old} を変えても {new} は変わりません。リダイレクトの順序が大事なのはこのためです。",
    }
    /// `2>&-`
    close_standard(fd: &str) {
        en: "{fd} is free now. A command that starts like this finds nothing there: using {fd} fails with EBADF, until something that it opens happens to get this number.",
        ja: "{fd} は空きになりました。このまま始まるコマンドが {fd} を使うと EBADF で失敗します。ただし、次に開いたものがこの番号になることもあります。",
    }
    /// A here-string's pipe.
    here_pipe(read: &str, write: &str) {
        en: "A pipe between this process and itself: it puts the here-string in at {write} and keeps {read} to read it from.",
        ja: "このプロセスから自分自身へのパイプです。ヒアストリングを {write} に書き込み、{read} から読めるようにします。",
    }
    /// A here-string's text.
    here_text() {
        en: "The text waits inside the kernel now, before the command that will read it has started.",
        ja: "これを読むコマンドが始まる前に、文字列はカーネルの中に入りました。",
    }
    /// `7>&-` where 7 is not open.
    close_nothing(fd: &str) {
        en: "EBADF: nothing was open at {fd}. Shells take no notice of that.",
        ja: "EBADF: {fd} には何も開かれていませんでした。シェルはこれを無視します。",
    }
    /// `2>&9` where 9 is not open.
    copy_nothing(old: &str, new: &str) {
        en: "EBADF: {old} is not open in this process, or {new} is above what it may use (ulimit -n). The command is not started; the other stages go on.",
        ja: "EBADF: このプロセスでは {old} が開かれていないか、{new} が上限（ulimit -n）を超えています。コマンドは始まりません。他の段は続きます。",
    }
    /// A file that could not be opened.
    open_failed(path: &str, error: &str) {
        en: "{path} could not be opened ({error}): the command is not started; the other stages go on.",
        ja: "{path} を開けませんでした（{error}）。コマンドは始まりません。他の段は続きます。",
    }
}

/// What a step that a redirection consists of means; nothing where it belongs to something else.
pub fn meaning(step: &Step, by_shell: bool, failed: bool, lang: Lang) -> Option<String> {
    let argument = |index: usize| step.args.get(index).map_or("?", String::as_str);
    Some(match step.call {
        "open" | "openat" => {
            let (path, flags) = opened(step)?;
            match () {
                () if failed && by_shell => return None,
                () if failed => open_failed(lang, path, &step.result),
                () if flags.contains("O_TMPFILE") => open_nameless(lang, &step.result),
                () if path.contains("/self/fd/") => open_again(lang, &step.result),
                () if flags.contains("O_APPEND") => open_append(lang, path, &step.result),
                () if flags.starts_with("O_RDWR") => open_both(lang, path, &step.result),
                () if flags.starts_with("O_WRONLY") => open_write(lang, path, &step.result),
                () => open_read(lang, path, &step.result),
            }
        }
        "dup2" | "dup3" if failed && !by_shell => copy_nothing(lang, argument(0), argument(1)),
        "close" if failed && step.result == "EBADF" => close_nothing(lang, argument(0)),
        _ if failed => return None,
        "dup2" | "dup3" if is_standard(argument(0)) => copy(lang, argument(0), argument(1)),
        "close" if is_standard(argument(0)) => close_standard(lang, argument(0)),
        "pipe" | "pipe2" if !by_shell => {
            let (read, write) = step.result.trim_matches(['[', ']']).split_once(", ")?;
            here_pipe(lang, read, write)
        }
        "write" if !by_shell && !is_standard(argument(0)) => here_text(lang),
        _ => return None,
    })
}

/// What tells a step from another of the same call that teaches something else: the number that is
/// moved to, whether it is a copy, how a file is opened.
pub fn aspect(step: &Step) -> Option<String> {
    let argument = |index: usize| step.args.get(index).map(String::as_str);
    match step.call {
        "open" | "openat" => opened(step).map(|(_, flags)| flags.to_owned()),
        "dup2" | "dup3" => {
            let is_copy = argument(0).is_some_and(is_standard);
            argument(1).map(|new| format!("{new}{}", if is_copy { " copied" } else { "" }))
        }
        "close" => argument(0).filter(|fd| is_standard(fd)).map(str::to_owned),
        _ => None,
    }
}

/// The path and the flags of an open.
fn opened(step: &Step) -> Option<(&str, &str)> {
    let first = usize::from(step.call == "openat");
    Some((step.args.get(first)?, step.args.get(first + 1)?))
}

/// Whether it is a number that programs expect something at.
fn is_standard(fd: &str) -> bool {
    matches!(fd, "0" | "1" | "2")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(call: &'static str, args: &[&str], result: &str) -> Step {
        Step {
            n: 1,
            actor: "ls".to_owned(),
            pid: 7,
            call,
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            result: result.to_owned(),
            changes: Vec::new(),
        }
    }

    fn english(call: &'static str, args: &[&str], result: &str) -> String {
        let failed = result.starts_with('E');
        meaning(&step(call, args, result), false, failed, Lang::En).unwrap_or_default()
    }

    #[test]
    fn each_way_to_open_has_its_own_words() {
        let open =
            |flags: &str, result: &str| english("openat", &["AT_FDCWD", "\"f\"", flags, "0666"], result);
        for (flags, start) in [
            ("O_RDONLY", "\"f\" is opened to be read:"),
            ("O_WRONLY|O_CREAT|O_TRUNC", "It is not the command that opens \"f\":"),
            ("O_WRONLY|O_CREAT|O_APPEND", "O_APPEND: whoever writes through 3"),
            ("O_RDWR|O_CREAT", "\"f\" is opened to be read and written:"),
            ("O_WRONLY|O_TMPFILE", "The here-string is longer"),
        ] {
            assert!(open(flags, "3").starts_with(start), "{flags}: {}", open(flags, "3"));
        }
        assert!(open("O_RDONLY", "EACCES").contains("(EACCES)"));
        let again = english("openat", &["AT_FDCWD", "\"/proc/self/fd/3\"", "O_RDONLY"], "4");
        assert!(again.starts_with("The same file is opened a second time: 4"), "{again}");
        assert!(english("open", &["\"g\"", "O_RDONLY"], "4").starts_with("\"g\" is opened to be read:"));
    }

    #[test]
    fn a_copy_is_told_from_a_move_and_a_closed_number_from_a_spare_one() {
        assert!(english("dup2", &["1", "2"], "2").contains("no link"));
        assert_eq!(english("dup2", &["3", "1"], "1"), "");
        assert!(english("dup2", &["9", "2"], "EBADF").contains("9 is not open"));
        assert!(english("close", &["2"], "0").starts_with("2 is free now."));
        assert_eq!(english("close", &["3"], "0"), "");
        assert!(english("close", &["7"], "EBADF").contains("nothing was open at 7"));
        assert_ne!(aspect(&step("dup2", &["1", "2"], "2")), aspect(&step("dup2", &["3", "2"], "2")));
    }

    #[test]
    fn a_complaint_is_no_here_string() {
        assert_eq!(english("write", &["2", "\"no\"", "2"], "2"), "");
        assert!(english("write", &["4", "\"a\"", "1"], "1").contains("waits inside the kernel"));
        assert!(english("pipe2", &["0"], "[3, 4]").contains("in at 4 and keeps 3"));
    }
}
