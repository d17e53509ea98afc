//! The plain rows of sockets: what sock_diag(7), or else a table under `/proc/net`, lists.

use super::{Failure, Read};
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

/// Which network namespace (network_namespaces(7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Netns {
    /// That in which a process is now.
    OfProcess(i32),
    /// That in which the socket behind a descriptor was made: a process may have left it since, and
    /// nobody else need be in it.
    OfSocket {
        /// Whose descriptor.
        pid: i32,
        /// Its number.
        fd: i32,
    },
}

/// A list of sockets that the kernel can give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SocketTable {
    /// TCP and MPTCP, over IPv4 and IPv6.
    Tcp,
    /// UDP, over both.
    Udp,
    /// UDP-Lite, over both.
    UdpLite,
    /// ICMP echo sockets without privilege (`net.ipv4.ping_group_range` in icmp(7)), over both.
    Icmp,
    /// raw(7), over both.
    Raw,
    /// unix(7)
    Unix,
    /// netlink(7)
    Netlink,
    /// packet(7)
    Packet,
    /// vsock(7)
    Vsock,
}

impl SocketTable {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Tcp,
        Self::Udp,
        Self::UdpLite,
        Self::Icmp,
        Self::Raw,
        Self::Unix,
        Self::Netlink,
        Self::Packet,
        Self::Vsock,
    ];

    /// Its name: that of its file under `/proc/net`, where there is one.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::UdpLite => "udplite",
            Self::Icmp => "icmp",
            Self::Raw => "raw",
            Self::Unix => "unix",
            Self::Netlink => "netlink",
            Self::Packet => "packet",
            Self::Vsock => "vsock",
        }
    }
}

/// The sockets of one list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketList {
    /// The sockets, in the kernel's order. Those in TIME_WAIT are left out: no descriptor refers to
    /// one.
    pub rows: Vec<SocketRow>,
    /// Why sock_diag did not give them, where it did not and they come from `/proc/net`: which tells
    /// less, and of unix sockets not who their peers are.
    pub without_diag: Option<Failure>,
}

/// One socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketRow {
    /// The inode in sockfs, a number that no other socket of the machine has; 0 where no descriptor
    /// refers to the socket.
    pub ino: u64,
    /// AF_*.
    pub family: u16,
    /// SOCK_*; `None` where the list does not tell.
    pub kind: Option<u16>,
    /// The state by the numbers of `include/net/tcp_states.h`, for all families: 1 is connected, 10
    /// listens, 7 is neither. `None` where the list does not tell.
    pub state: Option<u8>,
    /// Bytes received and not yet read; of a listening socket, connections not yet accepted.
    pub recv_queue: Option<u32>,
    /// Bytes sent and not yet taken: of TCP not yet acknowledged.
    pub send_queue: Option<u32>,
    /// Of a listening socket: how many connections may wait to be accepted (listen(2)).
    pub backlog: Option<u32>,
    /// What shutdown(2) has ended: bit 0 receiving, bit 1 sending.
    pub shutdown: Option<u8>,
    /// The kernel's own number for the socket, never given twice while the machine runs (SO_COOKIE).
    pub cookie: Option<u64>,
    /// What its family adds.
    pub detail: SocketDetail,
}

/// What only some families have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SocketDetail {
    /// IPv4 and IPv6.
    Inet(InetRow),
    /// AF_UNIX.
    Unix(UnixRow),
    /// AF_NETLINK.
    Netlink {
        /// NETLINK_* of netlink(7).
        protocol: u8,
        /// Its own port, often the pid of the process that made it; 0 while it has none.
        port: u32,
        /// The multicast groups joined, ascending, from 1; `None` where the list does not tell.
        groups: Option<Vec<u32>>,
    },
    /// AF_PACKET.
    Packet {
        /// ETH_P_*, in the machine's byte order; 0 receives nothing.
        protocol: u16,
        /// The index of the interface; 0 is all.
        interface: u32,
    },
    /// AF_VSOCK: context id and port. VMADDR_CID_ANY and VMADDR_PORT_ANY are all ones.
    Vsock {
        /// Its own.
        local: (u32, u32),
        /// The peer's.
        remote: Option<(u32, u32)>,
    },
    /// Nothing.
    None,
}

/// What IPv4 and IPv6 have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InetRow {
    /// Its own address; all zero where it has none. Of a raw socket the port is the protocol's number,
    /// of an ICMP socket the identifier of its echo requests.
    pub local: SocketAddr,
    /// The peer's address; all zero where there is none.
    pub remote: SocketAddr,
    /// The index of the interface that it is bound to (SO_BINDTODEVICE, or the scope of a link-local
    /// address); 0 is none.
    pub interface: u32,
    /// IPV6_V6ONLY; `None` where the list does not tell.
    pub v6only: Option<bool>,
    /// What [`SocketAsk::tcp_info`] asked for.
    pub tcp: Option<Box<TcpRow>>,
}

/// `struct tcp_info` of `include/uapi/linux/tcp.h`, and what sock_diag says beside it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TcpRow {
    /// The fields under the kernel's names without `tcpi_`, in its order and units. A kernel older than
    /// a field does not have it.
    pub fields: Vec<(&'static str, u64)>,
    /// The congestion control algorithm, tcp(7).
    pub congestion: Option<String>,
    /// Which timer runs: 1 retransmission, 2 keepalive or another of the connection's own, 3 TIME_WAIT,
    /// 4 zero window probe; 0 none (sock_diag(7)).
    pub timer: u8,
    /// When that timer ends, in milliseconds.
    pub expires: u32,
    /// How often this segment, or probe, was sent again.
    pub retransmits: u8,
}

/// What unix sockets have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnixRow {
    /// Its name, byte for byte: a path, or an abstract name with its leading NUL; `None` without one.
    pub name: Option<Vec<u8>>,
    /// The file that it is bound to (bind(2)): the device, which on btrfs and overlayfs is not that of stat(2),
    /// and the lower 32 bits of the inode number. `None` without one, and where the list does not tell.
    pub file: Option<((u32, u32), u32)>,
    /// The inode of the socket that it is connected to; 0 is one that no descriptor refers to. `None`
    /// where it is not connected, and where that was not asked.
    pub peer: Option<u64>,
    /// Of a listening socket: the inodes of those that connected and wait to be accepted.
    pub waiting: Vec<u64>,
    /// Two lines of `/proc/net/unix` claim this inode: a name with a newline in it may have forged one
    /// of them, so neither can be believed. sock_diag leaves no such doubt.
    pub ambiguous: bool,
}

/// What to ask of sockets beyond their addresses and states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SocketAsk<'a> {
    /// [`InetRow::tcp`].
    pub tcp_info: bool,
    /// [`UnixRow::peer`] and [`UnixRow::waiting`], which take the kernel longer than all the rest.
    pub peers: bool,
    /// Only the sockets with these inodes. The kernel cannot be asked for those alone: it lists all, and the others
    /// are dropped as they come.
    pub only: Option<&'a HashSet<u64>>,
}

impl SocketAsk<'_> {
    /// Whether a socket is asked for.
    pub(super) fn is_for(&self, row: &SocketRow) -> bool {
        self.only.is_none_or(|only| only.contains(&row.ino))
    }
}

/// What a network namespace has of its own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetRow {
    /// The addresses of its interfaces. All of 127.0.0.0/8 is its own besides.
    pub addresses: Vec<IpAddr>,
    /// The names of its interfaces, by index.
    pub interfaces: HashMap<u32, String>,
}

/// What a socket that no list has says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedSocket {
    /// The inode in sockfs.
    pub ino: u64,
    /// The inode number of the network namespace in which it was made. Takes CAP_NET_ADMIN over that.
    pub netns: Read<u64>,
    /// The socket, as far as it tells.
    pub row: Read<SocketRow>,
}
