//! What is known of a socket.

/// A socket as a table of its network namespace lists it. Unknown facts are absent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Socket {
    /// `inet`, `inet6`, `unix`; of others what the protocol's name tells.
    pub family: Option<&'static str>,
    /// `stream`, `dgram`, `seqpacket`.
    pub kind: Option<&'static str>,
    /// The kernel's name for the protocol, such as `TCPv6`.
    pub protocol: String,
    /// `LISTEN`, `ESTABLISHED`, …
    pub state: Option<&'static str>,
    /// Its own address.
    pub local: Option<Vec<u8>>,
    /// The peer's address.
    pub remote: Option<Vec<u8>>,
    /// The inode number of the network namespace in which it was found.
    pub netns: Option<u64>,
    /// Bytes received and not yet read; of a listening socket, connections not yet accepted.
    pub recv_queue: Option<u32>,
    /// Bytes sent and not yet acknowledged.
    pub send_queue: Option<u32>,
}
