//! Narration, notes and hints in English and Japanese.
//!
//! One function for each message, which holds both texts: a message that lacks one does not compile.
//! JSON keys, column names and `--help` stay English.

/// A language of the narration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Japanese.
    Ja,
}

impl Lang {
    /// The language that a locale's name asks for: `ja_JP.UTF-8` and `ja` are Japanese.
    pub fn of_locale(locale: &str) -> Self {
        let tag = locale.split(['.', '@', '_', '-']).next().unwrap_or_default();
        if tag.eq_ignore_ascii_case("ja") { Self::Ja } else { Self::En }
    }
}

/// Declares messages.
macro_rules! messages {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),*) { en: $en:literal, ja: $ja:literal $(,)? })+) => {
        $($(#[$doc])*
        pub fn $name(lang: Lang, $($arg: $type),*) -> String {
            match lang {
                Lang::En => format!($en),
                Lang::Ja => format!($ja),
            }
        })+
    };
}
/// For the files that hold the messages of one matter.
pub(super) use messages;

pub use super::choice_words::*;
pub use super::echo_words::*;
pub use super::narration::*;

messages! {
    /// In the place of a peer, when all tables were looked through.
    nobody() {
        en: "nobody",
        ja: "相手なし",
    }
    /// In the place of a peer that is not on this side of the network.
    outside(address: &str) {
        en: "{address} (outside)",
        ja: "{address}（外部）",
    }
    /// The socket that a connection waits at, to be accepted.
    in_backlog(peer: &str) {
        en: "in the backlog of {peer}",
        ja: "{peer} の accept 待ち",
    }
    /// One that waits to be accepted.
    not_accepted(peer: &str) {
        en: "{peer}, not accepted yet",
        ja: "{peer}（未 accept）",
    }
    /// A descriptor that an epoll instance watches.
    watches(fd: i32, events: &str) {
        en: "watches fd {fd} ({events})",
        ja: "fd {fd} を監視（{events}）",
    }
    /// The same, when the number means something else by now.
    watch_stale(watch: &str) {
        en: "{watch}: not this number's file any more",
        ja: "{watch}: 番号はもう別のもの",
    }
    /// After the first few of many peers.
    and_more(count: usize) {
        en: "and {count} more",
        ja: "他 {count} 件",
    }
    /// Which process is shown when none was named.
    nearest_shell(process: &str) {
        en: "no PID was given: this is {process}, the nearest shell above this command",
        ja: "PID の指定がないため、このコマンドに最も近い祖先のシェル {process} を表示します",
    }
    /// The same, where there is no shell.
    nearest_parent(process: &str) {
        en: "no PID was given and no shell is above this command: this is its parent, {process}",
        ja: "PID の指定がなく、祖先にシェルもないため、親プロセス {process} を表示します",
    }
    /// Explains the letters.
    letters() {
        en: "Descriptors with the same letter share one open file description: one offset, one set of status flags (proved by kcmp).",
        ja: "同じ英字の記述子は、1 つのオープンファイル記述（オフセットと状態フラグ）を共有しています（kcmp で確認済み）。",
    }
    /// A zombie's empty table.
    zombie() {
        en: "It has exited and waits for its parent to collect its status: its descriptors were closed at exit.",
        ja: "すでに終了し、親が終了ステータスを回収するのを待っています。記述子は終了時にすべて閉じられました。",
    }
    /// A table that is truly empty.
    no_descriptors() {
        en: "No descriptor is open.",
        ja: "開いている記述子はありません。",
    }
    /// Stands in the place of a table that could not be read.
    unreadable_table(failure: &str) {
        en: "the fd table could not be read ({failure})",
        ja: "fd テーブルを読めませんでした（{failure}）",
    }
    /// All gaps, in one line.
    could_not_be_read(list: &str) {
        en: "could not be read: {list}",
        ja: "読めなかったもの: {list}",
    }
    /// One gap of one process.
    gap_of_one(what: &str, process: &str, failure: &str) {
        en: "{what} of {process} ({failure})",
        ja: "{process} の {what}（{failure}）",
    }
    /// The same gap of several.
    gap_of_many(what: &str, count: usize, failure: &str) {
        en: "{what} of {count} processes ({failure})",
        ja: "{count} 個のプロセスの {what}（{failure}）",
    }
    /// Several descriptors.
    some_fds(count: usize) {
        en: "{count} fds",
        ja: "fd {count} 個",
    }
    /// What may be in a table that could not be read.
    other_ends() {
        en: "other ends in the tables",
        ja: "テーブルにある相手側",
    }
    /// A pid that names no process.
    no_such_process(pid: i32, failure: &str) {
        en: "no process has the pid {pid} ({failure})",
        ja: "pid {pid} のプロセスはありません（{failure}）",
    }
    /// How many more pids name no process.
    more_gone(count: usize) {
        en: "{count} more pids name no process",
        ja: "他に {count} 個の pid のプロセスもありません",
    }
    /// Hint.
    hint_ptrace() {
        en: "needs CAP_SYS_PTRACE; run as the same user or with sudo",
        ja: "CAP_SYS_PTRACE が必要です。同じユーザーとして、または sudo で実行してください",
    }
    /// Hint.
    hint_gone() {
        en: "it has exited, or this /proc does not show it",
        ja: "すでに終了したか、この /proc からは見えません",
    }
    /// Hint.
    hint_stale() {
        en: "the file's server does not answer for it",
        ja: "ファイルのサーバーが応答しません",
    }
    /// Hint.
    hint_kernel() {
        en: "this kernel does not offer it",
        ja: "このカーネルでは使えません",
    }
    /// The words of a block's heading.
    fds_of(count: usize, limit: &str) {
        en: "{count} fds of {limit}",
        ja: "fd {count} 個（上限 {limit}）",
    }
    /// No limit.
    unlimited() {
        en: "unlimited",
        ja: "無制限",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locales_are_told_by_their_language() {
        for locale in ["ja", "ja_JP.UTF-8", "ja_JP", "JA-jp"] {
            assert_eq!(Lang::of_locale(locale), Lang::Ja, "{locale}");
        }
        for locale in ["C", "C.UTF-8", "en_US.UTF-8", "jam_JM", ""] {
            assert_eq!(Lang::of_locale(locale), Lang::En, "{locale}");
        }
    }
}
