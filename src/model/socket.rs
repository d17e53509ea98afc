//! What is known of a socket.

use super::{Named, Word};
use std::borrow::Cow;
use std::num::NonZero;
use thin_vec::ThinVec;

/// A socket, as its network namespace lists it or as it says of itself. Unknown facts are absent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Socket {
    /// `inet`, `inet6`, `unix`, `netlink`, …
    pub family: Option<Word>,
    /// `stream`, `dgram`, `seqpacket`, `raw`.
    pub kind: Option<Word>,
    /// The kernel's name for the protocol, such as `TCPv6`.
    pub protocol: Cow<'static, str>,
    /// `LISTEN`, `ESTABLISHED`, …
    pub state: Option<Word>,
    /// Its own address.
    pub local: Option<Box<[u8]>>,
    /// The peer's address.
    pub remote: Option<Box<[u8]>>,
    /// The inode number of the network namespace in which it was made.
    pub netns: Option<NonZero<u64>>,
    /// The number that the kernel gives to no other socket until it boots again (SO_COOKIE, socket(7)).
    pub cookie: Option<NonZero<u64>>,
    /// Bytes received and not yet read; of a listening socket, connections not yet accepted.
    pub recv_queue: Option<u32>,
    /// Bytes sent and not yet taken: of TCP not yet acknowledged.
    pub send_queue: Option<u32>,
    /// Of a listening socket: how many connections may wait to be accepted (listen(2)).
    pub backlog: Option<u32>,
    /// What shutdown(2) has ended: `read`, `write` or `both`.
    pub shutdown: Option<Word>,
    /// What only its protocol has.
    pub facts: ThinVec<Named>,
}

impl Socket {
    /// Whether it waits for others to connect.
    pub fn listens(&self) -> bool {
        self.state == Some(&"LISTEN")
    }
}

/// What the kernel remembers of a TCP connection for a while after its end (TIME_WAIT, tcp(7)): two
/// addresses. There is no socket any more, so no descriptor refers to it, and no process has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lingering {
    /// The address at the side that closed first.
    pub local: String,
    /// The peer's.
    pub remote: String,
}
