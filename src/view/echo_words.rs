//! What the echo server and its client say, in English and Japanese.

use super::Lang;
use super::lang::messages;

messages! {
    /// A note: where it listens is not only this machine's.
    echo_reachable(address: &str) {
        en: "{address} can be reached from other machines, and whoever can gets an answer",
        ja: "{address} は他のマシンからも接続でき、誰にでも応答します",
    }
    /// A note: what further clients need has run out.
    echo_exhausted(failure: &str) {
        en: "no further clients can be let in for now ({failure}): they wait in the backlog until others leave",
        ja: "これ以上のクライアントを今は受け入れられません（{failure}）。他のクライアントが抜けるまでバックログで待たせます",
    }
    /// An address that others have.
    echo_held_by(fault: &str, holders: &str) {
        en: "{fault}; held by {holders}",
        ja: "{fault}。使用中: {holders}",
    }
    /// The same, where the holder was not found, and not all tables could be read.
    echo_holder_hidden(fault: &str) {
        en: "{fault}; its holder is in none of the tables that you may read: sudo shows it",
        ja: "{fault}。使用しているプロセスは、読めるテーブルの中にはありません。sudo なら分かります",
    }
    /// The same, where all tables were read.
    echo_holder_nobody(fault: &str) {
        en: "{fault}; no process seen from here has it open",
        ja: "{fault}。ここから見えるプロセスはどれも開いていません",
    }
    /// A path where something stands that is no socket.
    echo_no_socket(fault: &str) {
        en: "{fault}; a file that is no socket is there, and stays",
        ja: "{fault}。ソケットではないファイルがそこにあるため、そのまま残します",
    }
    /// A port that not everybody may take.
    echo_privileged(fault: &str, first: u16) {
        en: "{fault}; ports below {first} need CAP_NET_BIND_SERVICE: take one from {first} on, or run with sudo",
        ja: "{fault}。{first} より小さいポートには CAP_NET_BIND_SERVICE が必要です。{first} 以上のポートを使うか、sudo で実行してください",
    }
    /// An address of another machine.
    echo_not_ours(fault: &str) {
        en: "{fault}; this machine has no such address",
        ja: "{fault}。このマシンにそのアドレスはありません",
    }
    /// A text that is no address.
    echo_no_port(text: &str) {
        en: "{text}: lacks a port, as in 127.0.0.1:7007 or [::1]:7007",
        ja: "{text}: ポートがありません（例: 127.0.0.1:7007、[::1]:7007）",
    }
    /// A text that is no address.
    echo_bad_port(text: &str) {
        en: "{text}: a port is a number up to 65535",
        ja: "{text}: ポートは 65535 以下の数です",
    }
    /// A text that is no address.
    echo_bad_host(text: &str) {
        en: "{text}: a host is a numeric address or localhost; names are not looked up",
        ja: "{text}: ホストには数値のアドレスか localhost を指定してください。名前は解決しません",
    }
    /// To a client that is told no port.
    echo_port_zero(address: &str) {
        en: "{address}: nobody listens at port 0",
        ja: "{address}: ポート 0 で待ち受けるものはありません",
    }
    /// What the server sent back was not what it was sent.
    echo_differs(sent: u64, received: u64) {
        en: "what came back is not what was sent: {sent} bytes went, {received} came",
        ja: "返ってきたものが送ったものと異なります: 送信 {sent} バイト、受信 {received} バイト",
    }
    /// Datagrams that were not answered.
    echo_lost(lost: u64, sent: u64) {
        en: "{lost} of {sent} datagrams were not answered",
        ja: "{sent} 個のデータグラムのうち {lost} 個に応答がありませんでした",
    }
    /// Connections of a load that failed.
    echo_failed(count: usize, why: &str) {
        en: "{count} connections failed: {why}",
        ja: "{count} 本の接続が失敗しました: {why}",
    }
    /// Why a connection of a load failed.
    echo_ended_early() {
        en: "the server ended it before all had come back",
        ja: "すべてが返る前にサーバーが切断しました",
    }
    /// Why a connection of a load failed.
    echo_other_bytes() {
        en: "other bytes came back than were sent",
        ja: "送ったものと異なるバイトが返ってきました",
    }
    /// Why a connection of a load failed.
    echo_interrupted() {
        en: "a signal asked for an end before it was done",
        ja: "終わる前にシグナルで終了を求められました",
    }
    /// Options that exclude one another.
    echo_message_or_load() {
        en: "with --bytes, --connections or --hold the messages are made: none can be given",
        ja: "--bytes、--connections、--hold ではメッセージは自動的に作られるため、指定できません",
    }
}
