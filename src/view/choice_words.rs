//! What is said of options that choose.

use super::Lang;
use super::lang::messages;

messages! {
    /// A regular expression that is none.
    bad_regex(text: &str) {
        en: "{text} is no regular expression",
        ja: "{text} は正規表現として読めません",
    }
    /// A user that the system does not know.
    no_such_user(name: &str) {
        en: "no user is called {name}",
        ja: "{name} というユーザーはいません",
    }
    /// A kind of file that there is not.
    no_such_kind(name: &str, known: &str) {
        en: "there is no kind of file called {name}; there are: {known}",
        ja: "{name} という種類はありません。使える種類: {known}",
    }
    /// A field that there is not.
    no_such_field(name: &str, known: &str) {
        en: "there is no field called {name}; there are: {known}, and facts.NAME",
        ja: "{name} という項目はありません。使える項目: {known}, facts.NAME",
    }
    /// Numbers of descriptors that are none.
    bad_slots(text: &str) {
        en: "{text} is no list of descriptors, such as 0-2,7,cwd",
        ja: "{text} は記述子の一覧（0-2,7,cwd など）として読めません",
    }
    /// Entries for which an expression could not be judged.
    unjudged(count: usize) {
        en: "{count} of what was looked at could not be judged by the expression: what it asks for could not be read",
        ja: "式で判断できないものが {count} 件ありました。式が参照する値を読めませんでした",
    }
    /// Columns and sorting with a format that has none.
    no_columns(format: &str) {
        en: "the format {format} has no columns to choose",
        ja: "形式 {format} では列を選べません",
    }
    /// Repeating with a format that is one document.
    no_interval(format: &str) {
        en: "the format {format} cannot be repeated: use table or jsonl",
        ja: "形式 {format} は繰り返せません。table か jsonl を使ってください",
    }
    /// Below a target that nobody holds.
    nobody_holds() {
        en: "nobody",
        ja: "該当なし",
    }
    /// A port that is none.
    bad_port(text: &str) {
        en: "{text} names no port: it is :8080, tcp:8080 or tcp:127.0.0.1:8080, and a file of that name is ./{text}",
        ja: "{text} はポートではありません。ポートは :8080、tcp:8080、tcp:127.0.0.1:8080 のように書き、その名のファイルは ./{text} と書きます",
    }
    /// A target that is not there.
    no_target(path: &str, failure: &str) {
        en: "{path}: {failure}",
        ja: "{path}: {failure}",
    }
    /// A target that nothing is mounted at.
    no_mount(path: &str) {
        en: "{path} is neither a mount point nor a device: what is on its filesystem is held by many who do not hold it",
        ja: "{path} はマウントポイントでもデバイスでもありません。同じファイルシステムを使うだけのプロセスまで含まれてしまいます",
    }
    /// Directories that could not be looked through.
    not_walked(count: usize, path: &str, failure: &str) {
        en: "{count} directories could not be looked through, the first of them {path} ({failure})",
        ja: "{count} 個のディレクトリを調べられませんでした。最初のものは {path}（{failure}）",
    }
    /// Between two rounds of a listing that is repeated.
    round(time: &str) {
        en: "at {time}",
        ja: "{time} 時点",
    }
    /// A round in which there is nothing.
    nothing_listed() {
        en: "nothing",
        ja: "該当なし",
    }
}
