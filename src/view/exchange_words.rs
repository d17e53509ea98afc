//! What is said of sockets in the lab of the echo server.

use super::lang::{Lang, messages};

messages! {
    /// socket, in the server.
    own_socket(fd: &str) {
        en: "A socket is a file, too: {fd} is its number in this process. It has no address yet, and nobody is at its other end.",
        ja: "ソケットもファイルです。{fd} はこのプロセスでの番号です。まだアドレスも通信相手もありません。",
    }
    /// bind, with a port.
    bound() {
        en: "The socket gets an address of its own: of this machine, and a port on it.",
        ja: "ソケットに自分側のアドレス（このマシンの IP アドレスとポート）が付きました。",
    }
    /// bind, with port 0.
    bound_anywhere() {
        en: "The socket gets an address of its own. Port 0 leaves the choice of a free port to the kernel.",
        ja: "ソケットに自分側のアドレスが付きました。ポート 0 を指定すると、空きポートをカーネルが選びます。",
    }
    /// listen.
    listening(fd: &str) {
        en: "Now {fd} is a listening socket. The kernel completes connections to it by itself, and keeps them in its backlog until accept takes them. No byte of a client will ever pass through it.",
        ja: "{fd} は接続を待つソケット（LISTEN）になりました。接続はカーネルが自動で確立し、accept されるまでバックログに置きます。クライアントのデータがこのソケットを通ることはありません。",
    }
    /// epoll_create1.
    event_loop(fd: &str) {
        en: "An epoll instance is a file as well. Through {fd} one thread waits for all of its sockets at once; Go's netpoller works like that.",
        ja: "epoll インスタンスもファイルです。1 つのスレッドが {fd} を通して、すべてのソケットを同時に待てます。Go の netpoller も同じ仕組みです。",
    }
    /// epoll_ctl.
    watched(fd: &str) {
        en: "{fd} joins what the epoll instance watches: it tells when there is something to do at it.",
        ja: "{fd} を epoll の監視対象に加えました。{fd} で何か起きると知らせが届きます。",
    }
    /// accept.
    accepted(listening: &str, new: &str) {
        en: "accept made a new socket, {new}: its local address and port are those of the listening one, its remote address is this client's. {listening} is neither copied nor used up, and listens on.",
        ja: "accept は新しいソケット {new} を作りました。自分側のアドレスとポートは待ち受けソケットと同じ、相手側はこのクライアントのアドレスです。{listening} はコピーされたのでも使われたのでもなく、そのまま次の接続を待ちます。",
    }
    /// read, in the server.
    heard(fd: &str) {
        en: "What a client writes arrives at the socket of its own connection. Who it was, the server knows by the number that it read from: {fd}.",
        ja: "クライアントが書いたものは、その接続のソケットに届きます。誰からのデータかは、どの番号から読んだか（{fd}）で分かります。",
    }
    /// write, in the server.
    echoed(fd: &str) {
        en: "The echo goes out through {fd}, and so to the same client.",
        ja: "エコーは同じ {fd} から送り、同じクライアントに届きます。",
    }
    /// read of 0 bytes, in the server.
    heard_end() {
        en: "0 bytes are the end of the input: this client will send no more.",
        ja: "0 バイトの read は入力の終わりです。このクライアントからはもう何も届きません。",
    }
    /// A process for a client.
    forked(child: &str) {
        en: "A process for this client: {child}. Its table is a copy, so now both have both sockets. The child closes its copy of the listening one, and the parent must close its copy of the connection: while any copy is open, the client sees no end.",
        ja: "このクライアント専用のプロセス {child} です。テーブルのコピーなので、両方が両方のソケットを持ちます。子は待ち受けソケットの、親は接続のコピーを閉じなければなりません。コピーが 1 つでも開いている限り、クライアントに終わりが届かないからです。",
    }
    /// A thread for a client.
    threaded(thread: &str) {
        en: "A thread for this client: {thread}. It has no table of its own: whatever number it opens or closes, it does so for the whole process.",
        ja: "このクライアント専用のスレッド {thread} です。自分のテーブルはなく、番号の開け閉めはプロセス全体に及びます。",
    }
    /// socket, in a client.
    client_socket(fd: &str) {
        en: "The client's table is its own: its {fd} has nothing to do with the server's {fd}.",
        ja: "クライアントのテーブルはクライアント自身のものです。この {fd} はサーバーの {fd} と関係ありません。",
    }
    /// bind, in a client.
    same_port() {
        en: "This client takes the same port as the first one, at another address of this machine. Nothing clashes: what tells connections apart are both addresses and both ports together.",
        ja: "このクライアントは、最初のクライアントと同じポートを別のアドレスで使います。衝突はしません。接続を区別するのは、両側のアドレスとポートの 4 つ組だからです。",
    }
    /// connect.
    connected() {
        en: "ESTABLISHED, as far as the client can tell: the kernel at the other side has answered, not the server. Where it was not bound, the kernel has chosen its address and port, too.",
        ja: "クライアントから見れば、もう接続済み（ESTABLISHED）です。応えたのはサーバーではなく、相手側のカーネルです。bind していなければ、自分側のアドレスとポートもカーネルが選びます。",
    }
    /// write, in a client.
    said() {
        en: "From here on it is a file like any other: write puts bytes in. They wait in the kernel until somebody reads them.",
        ja: "ここからは普通のファイルと同じく、write でバイト列を送ります。読まれるまではカーネルの中で待ちます。",
    }
    /// read, in a client.
    heard_back() {
        en: "The same bytes, back from the server.",
        ja: "同じバイト列がサーバーから返ってきました。",
    }
    /// shutdown, in a client.
    half_closed() {
        en: "The client has nothing more to say, and tells the other side so (FIN). It can still read.",
        ja: "クライアントはもう送らないことを相手に伝えます（FIN）。読むことはまだできます。",
    }
    /// read of 0 bytes, in a client.
    heard_back_end() {
        en: "The server has closed its end, too.",
        ja: "サーバーも自分の端を閉じました。",
    }
    /// close, in a client.
    client_closed() {
        en: "The number is free, and the socket is gone. This side closed first, so its kernel remembers both addresses for a minute: TIME_WAIT.",
        ja: "番号は空き、ソケットはなくなりました。先に閉じた側なので、カーネルは両方のアドレスを 1 分間覚えておきます（TIME_WAIT）。",
    }
    /// fork, in the server that ends.
    left_behind(child: &str) {
        en: "Child {child} inherits the listening socket with the rest of the table.",
        ja: "子 {child} は、テーブルとともに待ち受けソケットも受け継ぎます。",
    }
    /// bind that failed.
    taken() {
        en: "The port is taken, although the server that listened there has ended.",
        ja: "そこで待ち受けていたサーバーはもう終わったのに、ポートは使用中です。",
    }
    /// bind that did not fail.
    free_again() {
        en: "The last copy of the old socket is closed, so the port is free. (Connections in TIME_WAIT are no obstacle: SO_REUSEADDR is set.)",
        ja: "古いソケットの最後のコピーが閉じられ、ポートが空きました（TIME_WAIT の接続は、SO_REUSEADDR があるので妨げになりません）。",
    }
    /// Heading.
    scene_listening() {
        en: "The server listens:",
        ja: "サーバーが待ち受けを始めました:",
    }
    /// Heading.
    scene_waiting() {
        en: "Connected, and not accepted yet:",
        ja: "接続済みで、まだ accept されていません:",
    }
    /// Under it.
    about_waiting() {
        en: "The client is ESTABLISHED already. The server has no descriptor for the connection: it waits in the backlog of the listening socket.",
        ja: "クライアントはもう ESTABLISHED です。サーバーにはこの接続の記述子がなく、接続は待ち受けソケットのバックログで待っています。",
    }
    /// Heading.
    scene_accepted(number: usize) {
        en: "Client {number} is accepted:",
        ja: "クライアント {number} が accept されました:",
    }
    /// Heading.
    scene_connected() {
        en: "all clients are connected",
        ja: "全クライアントが接続した時点",
    }
    /// Under it.
    about_connected() {
        en: "Everybody stands still, so these tables are of one moment.",
        ja: "全員が止まっているので、以下は同じ時点のテーブルです。",
    }
    /// One port, many clients.
    note_one_port(port: &str) {
        en: "One port serves them all: every connection has {port} at the server's side, and its own address and port at the client's. The kernel finds the socket by all four.",
        ja: "1 つのポートですべてに応じられます。どの接続もサーバー側は {port} で、クライアント側のアドレスとポートが異なります。カーネルは 4 つすべてを見てソケットを見つけます。",
    }
    /// accept's sockets.
    note_new_sockets(listening: &str, accepted: &str) {
        en: "accept returned new sockets, and not the listening one: that is {listening}, the others are {accepted}.",
        ja: "accept が返したのは待ち受けソケットではなく、新しいソケットです。待ち受けソケットは {listening}、他は {accepted} です。",
    }
    /// A socket's two numbers.
    socket_numbers(inode: u64, cookie: u64) {
        en: "inode {inode} (cookie {cookie})",
        ja: "inode {inode}（cookie {cookie}）",
    }
    /// A socket's number.
    socket_number(inode: u64) {
        en: "inode {inode}",
        ja: "inode {inode}",
    }
    /// pid, port and fd.
    note_numbers() {
        en: "A pid tells processes of a machine apart, a port the sockets at one of its addresses, an fd the entries of one process's table. Who connects needs the address and port alone: no pid and no fd ever crosses the network.",
        ja: "pid は 1 台のマシンのプロセスを、ポートは 1 つのアドレスのソケットを、fd は 1 つのプロセスのテーブルの項目を区別します。接続に必要なのはアドレスとポートだけで、pid も fd もネットワークを渡りません。",
    }
    /// Heading.
    scene_echoed() {
        en: "After a message each way:",
        ja: "メッセージが往復した後:",
    }
    /// Heading.
    scene_half_closed() {
        en: "The client has shut down its writing side, and the server has not read that yet:",
        ja: "クライアントが書き込み側を閉じ、サーバーはまだそれを読んでいません:",
    }
    /// Under it.
    about_half_closed() {
        en: "To TCP the FIN is one more byte, which nobody will read: it is what counts as unread, and in the bytes that came in.",
        ja: "TCP にとって FIN は、誰にも読まれない 1 バイトです。未読の 1 と、届いたバイト数の 1 はこれを数えたものです。",
    }
    /// Heading.
    scene_closed() {
        en: "after the end",
        ja: "終わった後",
    }
    /// Over the list.
    about_lingering() {
        en: "What the kernel remembers of the connections, at the side that closed first. There is no socket any more, and no descriptor and no process has them:",
        ja: "先に閉じた側でカーネルが覚えている接続です。ソケットはもうなく、どのプロセスのどの記述子のものでもありません:",
    }
    /// Instead of the list.
    no_lingering(failure: &str) {
        en: "What is in TIME_WAIT could not be read ({failure}).",
        ja: "TIME_WAIT の接続を読めませんでした（{failure}）。",
    }
    /// Instead of the list.
    nothing_lingers() {
        en: "Nothing is in TIME_WAIT.",
        ja: "TIME_WAIT の接続はありません。",
    }
    /// Over the last part.
    about_inheritance() {
        en: "Another server at the same address: it listens, forks, and ends at once.",
        ja: "同じアドレスで別のサーバーを動かします。listen し、fork して、すぐに終わります。",
    }
    /// Heading.
    scene_kept() {
        en: "Who keeps the port taken?",
        ja: "ポートを使い続けているのは誰か:",
    }
    /// Under it.
    about_kept() {
        en: "The child: it inherited the listening socket, which lives as long as any descriptor refers to it.",
        ja: "子です。待ち受けソケットを受け継いでいます。どれか 1 つの記述子が指している限り、ソケットは生き続けます。",
    }
    /// The lab's own doing.
    ends(name: &str) {
        en: "The lab ends {name} by a signal.",
        ja: "ラボがシグナルで {name} を終わらせます。",
    }
}
