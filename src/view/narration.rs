//! What the labs say, in English and Japanese.

use super::Lang;
use super::lang::messages;

messages! {
    /// Before the steps of a lab.
    lab_opening() {
        en: "Each line below is a system call that a real process made, reported by the kernel when the call returned. At the right: what it changed in that process's table of descriptors.",
        ja: "以下の各行は、実際のプロセスが行ったシステムコールを、それが戻った時点でカーネルから読み取ったものです。右側は、そのプロセスの記述子テーブルに起きた変化です。",
    }
    /// A step.
    step_pipe(read: &str, write: &str) {
        en: "A pipe, inside the kernel: what is written to {write} can be read from {read}.",
        ja: "カーネルの中にパイプができました。{write} に書いたものを {read} から読めます。",
    }
    /// A step.
    step_fork(child: &str) {
        en: "Child {child} starts with a copy of the table. The numbers are its own; the open file descriptions behind them are shared.",
        ja: "子 {child} はテーブルのコピーから始まります。番号は子自身のもの、その先のオープンファイル記述は親と共有です。",
    }
    /// A step.
    step_dup2(old: &str, new: &str) {
        en: "In this process {new} now refers to what {old} refers to. Nobody else's table changed.",
        ja: "このプロセスでは {new} が {old} と同じものを指すようになりました。他のプロセスのテーブルは変わりません。",
    }
    /// A step.
    step_close(fd: &str) {
        en: "This process gives the number {fd} up; copies of it elsewhere stay.",
        ja: "このプロセスは番号 {fd} を手放しました。他にあるコピーは残ります。",
    }
    /// A step: the parent closes its copy of a write end.
    step_close_writer(fd: &str) {
        en: "The shell gives its copy of the write end up. If it kept {fd}, the reader would wait for it and never see the end of the input.",
        ja: "シェルは書き込み端のコピーを手放します。{fd} を持ち続けると、読む側は入力の終わり（EOF）をいつまでも受け取れません。",
    }
    /// A step: the parent closes its copy of a read end.
    step_close_reader(fd: &str) {
        en: "The shell gives its copy of the read end up. If it kept {fd}, the writer would not get SIGPIPE when the reader is gone.",
        ja: "シェルは読み取り端のコピーを手放します。{fd} を持ち続けると、読む側が終わっても書く側は SIGPIPE を受け取れません。",
    }
    /// A step.
    step_exec() {
        en: "Another program, the same process and the same table; only descriptors with CLOEXEC are closed.",
        ja: "プログラムだけが入れ替わり、プロセスもテーブルも同じです。閉じられるのは CLOEXEC の付いた記述子だけです。",
    }
    /// A step that failed.
    step_failed(error: &str) {
        en: "The call failed with {error}.",
        ja: "この呼び出しは {error} で失敗しました。",
    }
    /// Heading of a lab's first table.
    heading_start() {
        en: "Before the first step:",
        ja: "最初のステップの前:",
    }
    /// Heading of a table.
    heading_before_fork() {
        en: "Before the fork:",
        ja: "fork の前:",
    }
    /// Heading of two tables.
    heading_after_fork() {
        en: "After the fork, parent and child side by side:",
        ja: "fork の直後、親と子を並べると:",
    }
    /// Heading of two tables.
    heading_after_move() {
        en: "After the child's seek, parent and child side by side:",
        ja: "子が seek した後、親と子を並べると:",
    }
    /// Heading of a table.
    heading_before_exec() {
        en: "The child's table now, before its exec:",
        ja: "exec の前の、子のテーブル:",
    }
    /// Under two tables.
    same_after_fork() {
        en: "yes: one open file description, which both numbers refer to (proved by kcmp). Its offset moves for both.",
        ja: "同じ: 両方の番号が 1 つのオープンファイル記述を指しています（kcmp で確認済み）。オフセットは両方から見て動きます。",
    }
    /// Whether two descriptors share.
    same(letter: &str) {
        en: "yes {letter}",
        ja: "同じ {letter}",
    }
    /// Whether two descriptors share.
    not_same() {
        en: "no",
        ja: "別",
    }
    /// All stand still until the person has looked.
    held() {
        en: "All are held here. Look at them from another shell; Enter lets them go on.",
        ja: "ここで全員が止まっています。別のシェルから覗いてください。Enter で再開します。",
    }
    /// What people think of pipes.
    note_pids() {
        en: "No command here knows another's pid, or that there is another: each inherited an end of a pipe from the shell. That is all that connects them.",
        ja: "どのコマンドも相手の pid を知らず、相手がいることさえ知りません。それぞれがシェルからパイプの端を受け継いだだけで、それが両者をつないでいます。",
    }
    /// What people think of descriptors.
    note_links() {
        en: "ls -l /proc/PID/fd shows descriptors as symbolic links. That is how /proc lets one look at them: in the kernel each is an entry of the process's table that refers to an open file description.",
        ja: "ls -l /proc/PID/fd では記述子がシンボリックリンクに見えますが、それは /proc の見せ方です。カーネルの中では、プロセスのテーブルの 1 項目がオープンファイル記述を指しています。",
    }
    /// A reader waits in vain.
    stuck(reader: &str, fd: &str, writers: &str) {
        en: "{reader} waits in a read of {fd} for the end of its input, which cannot come: somebody could still write. The write end is open at: {writers}. A reader sees the end only when the last write end is closed.",
        ja: "{reader} は fd {fd} の read で入力の終わりを待っていますが、終わりは来ません。まだ書き込める者がいるからです。書き込み端を持っているのは: {writers}。最後の書き込み端が閉じられて初めて、読む側に EOF が届きます。",
    }
    /// The lab ended what waited in vain.
    ended_stuck() {
        en: "Nothing more can happen, so everything was ended.",
        ja: "これ以上何も起こらないため、すべて終了させました。",
    }
    /// A shell that is not installed.
    no_shell(name: &str) {
        en: "there is no shell {name} on the PATH",
        ja: "シェル {name} が PATH に見つかりません",
    }
    /// The person ended the lab.
    dismissed() {
        en: "Ended at your word: nothing that the lab started is left.",
        ja: "指示により終了しました。ラボが起動したものは残っていません。",
    }
    /// Heading.
    heading_at_exec() {
        en: "at exec",
        ja: "exec の時点",
    }
    /// Says what the tables are of.
    at_exec() {
        en: "Every stage is stopped at its exec, before its first instruction: these are the tables that the commands are born with.",
        ja: "どの段も exec の直後、最初の命令の前で止まっています。コマンドが生まれたときに持つテーブルです。",
    }
    /// Heading.
    heading_output() {
        en: "output of the commands",
        ja: "コマンドの出力",
    }
    /// Heading.
    heading_exits() {
        en: "how it ended",
        ja: "終わり方",
    }
    /// How a process ended.
    exited(status: i32) {
        en: "exited with status {status}",
        ja: "終了ステータス {status} で終了",
    }
    /// How a process ended.
    killed(signal: &str) {
        en: "was killed by {signal}",
        ja: "{signal} によって終了",
    }
    /// How a process ended that nobody could watch.
    fate_unknown() {
        en: "its end was seen by its parent alone",
        ja: "終わりを見たのは親だけです",
    }
    /// A stage that never became its command.
    ended_before_exec(name: &str, fate: &str) {
        en: "{name} never became its command: it {fate}.",
        ja: "{name} はコマンドになれませんでした（{fate}）。",
    }
    /// A stage that has no command to become.
    ended_without_command(name: &str) {
        en: "{name} has no command: its redirections are done, and it has ended.",
        ja: "{name} にはコマンドがありません。リダイレクトを行って終了しました。",
    }
    /// The lab ended what took too long.
    ended_late(seconds: &str) {
        en: "It did not end by itself within {seconds} s and was ended; --timeout gives it longer.",
        ja: "{seconds} 秒以内に終わらなかったため、終了させました。--timeout で延ばせます。",
    }
    /// The lab was asked to end.
    ended_asked() {
        en: "Asked to end: everything that the lab started was ended.",
        ja: "終了を求められたため、起動したものをすべて終了させました。",
    }
    /// `sleep 100 & > a.txt`
    background_redirection(text: &str, command: &str) {
        en: "to a shell `{text}` is two commands: `{command} &`, which keeps the shell's standard output, and a redirection without a command, which only makes the file. To redirect the first, write the redirection before the &. Here is `{command}` alone, with its standard output as it is",
        ja: "シェルにとって `{text}` は 2 つのコマンドです。`{command} &` はシェルの標準出力をそのまま受け継ぎ、& の後のリダイレクトだけのコマンドはファイルを作るだけです。前者をリダイレクトするには & の前に書きます。ここでは `{command}` だけを動かし、標準出力が元のままであることを示します",
    }
    /// A pipeline where one command is meant.
    fork_takes_one(text: &str) {
        en: "fork takes one command; for a pipeline there is: ganariya-fd pipe '{text}'",
        ja: "fork が扱うのは 1 つのコマンドです。パイプラインには ganariya-fd pipe '{text}' を使ってください",
    }
    /// ptrace is not permitted.
    trace_forbidden(failure: &str) {
        en: "this lab has to trace its own processes, and that is forbidden here ({failure}): by kernel.yama.ptrace_scope=3, by a seccomp filter, or because another tracer (strace, gdb) runs this program",
        ja: "このラボは自分のプロセスをトレースする必要がありますが、ここでは禁止されています（{failure}）。kernel.yama.ptrace_scope=3、seccomp フィルター、または別のトレーサー（strace、gdb）の下での実行が原因です",
    }
    /// What is done instead of tracing.
    falling_back(why: &str) {
        en: "{why}. So no calls can be shown: the processes stop themselves right before their exec instead",
        ja: "{why}。そのためシステムコールは表示できません。代わりに各プロセスは exec の直前で自ら停止します",
    }
    /// Heading of several tables.
    heading_stopped() {
        en: "Each process has stopped itself right before its exec:",
        ja: "各プロセスは exec の直前で自ら停止しています:",
    }
    /// The actor vanished.
    actor_lost() {
        en: "the lab's shell ended before its pipeline was wired",
        ja: "パイプラインの配線が終わる前に、ラボのシェルが終了しました",
    }
    /// Where the lesson cannot be.
    lesson_address() {
        en: "the lesson takes place at one address of 127.0.0.0/8, such as --listen 7007; a server without --clients may listen anywhere",
        ja: "レッスンは 127.0.0.0/8 のアドレス 1 つで行います（例: --listen 7007）。--clients なしのサーバーはどこでも待ち受けられます",
    }
    /// Over a running server's table.
    connections(server: &str, count: usize) {
        en: "{server}: {count} connected",
        ja: "{server}: 接続 {count} 件",
    }
    /// What an epoll instance watches.
    event_loop_watches(process: &str, fd: i32, watched: &str) {
        en: "{process} fd {fd} (eventpoll) watches fd {watched}",
        ja: "{process} fd {fd}（eventpoll）が監視する fd: {watched}",
    }
    /// The server or a client vanished.
    lesson_lost() {
        en: "a process of the lab ended before its part was over",
        ja: "ラボのプロセスが、役割を終える前に終了しました",
    }
    /// A pipeline that is refused.
    refused(position: usize, what: &str) {
        en: "the pipeline is not understood at character {position}: {what}",
        ja: "パイプラインの {position} 文字目を解釈できません: {what}",
    }
    /// Fault.
    fault_empty() {
        en: "a command is missing",
        ja: "コマンドがありません",
    }
    /// Fault.
    fault_unclosed(quote: char) {
        en: "this {quote} is not closed",
        ja: "この {quote} が閉じられていません",
    }
    /// Fault.
    fault_backslash() {
        en: "a backslash at the very end quotes nothing",
        ja: "末尾のバックスラッシュの後に文字がありません",
    }
    /// Fault.
    fault_special(text: &str) {
        en: "this lab knows commands, quotes, redirections and | and does not do {text}; quote it to pass it on as it is, or have a real shell do it all: pipe --shell bash '…'",
        ja: "このラボが扱うのはコマンド、引用符、リダイレクト、| で、{text} は扱えません。文字どおりに渡すなら引用符で囲み、実際のシェルに任せるなら pipe --shell bash '…' としてください",
    }
    /// Fault.
    fault_no_target() {
        en: "nothing stands behind this redirection",
        ja: "このリダイレクトの先が書かれていません",
    }
    /// Fault.
    fault_not_a_number() {
        en: "behind >& and <& stands the number of a descriptor, or - to close one; >f 2>&1 redirects both outputs into f",
        ja: ">& と <& の後には記述子の番号か、閉じるための - を書きます。両方の出力を f に向けるには >f 2>&1 とします",
    }
    /// Fault.
    fault_too_large(largest: i32) {
        en: "no descriptor can have this number: {largest} is the largest",
        ja: "記述子の番号として大きすぎます（最大 {largest}）",
    }
    /// Fault.
    fault_nul() {
        en: "an argument cannot hold a NUL",
        ja: "引数に NUL は使えません",
    }
    /// In a figure: what slots with one letter refer to.
    figure_one(file: &str) {
        en: "one open file description of {file}",
        ja: "{file} のオープンファイル記述 1 つ",
    }
    /// In a figure: a file with several open file descriptions.
    figure_opened(file: &str, times: usize) {
        en: "{file}, opened {times} times",
        ja: "{file}（別々に {times} 回オープン）",
    }
    /// In a figure: why a slot has no letter.
    figure_unproven(failure: &str) {
        en: "(? = unproven whether they share: {failure})",
        ja: "（? = 共有しているかは未確認: {failure}）",
    }
    /// In a figure: why a slot has no letter.
    figure_not_asked() {
        en: "(? = not compared, so they may share)",
        ja: "（? = 比較していないため、共有しているかは不明）",
    }
    /// In a figure: an end in a process that is not drawn.
    figure_outside(peer: &str) {
        en: "{peer} (not in the figure)",
        ja: "{peer}（図の外）",
    }
    /// In a process's box, in the place of its slots.
    figure_unreadable(failure: &str) {
        en: "unreadable: {failure}",
        ja: "読めません: {failure}",
    }
    /// In a process's box, in the place of its slots.
    figure_empty() {
        en: "no fds",
        ja: "fd なし",
    }
    /// The pid inside a nested namespace.
    inner_pid(pid: &str) {
        en: "pid {pid} in its own namespace",
        ja: "自身の名前空間での pid {pid}",
    }
}
