//! The sockets that the rows refer to, looked up in the lists of their network namespaces.
//!
//! Each list is read once for each namespace and protocol, and none for a protocol of which no socket is
//! shown. The inode of a socket is its own on the whole machine, so one lookup by inode finds it whatever
//! namespace it was made in; its addresses mean something within that namespace alone. A socket that is
//! not in the lists of its process's namespace is in none, because it is bound to nothing, or was made in
//! another namespace. Only the socket itself knows, so it alone is asked.

use super::cause;
use super::socket_lists::table;
use super::wires::{self, Wires};
use crate::kernel::{Failure, NetRow, SocketAsk, SocketDetail, SocketRow, SocketTable};
use crate::kind::{self, Protocol};
use crate::model::{Beyond, Channel, Endpoint, Fact, Facts, Inode, Socket, Word};
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::num::NonZero;

/// What to find out of sockets.
#[derive(Debug, Clone, Copy, Default)]
pub struct Depth {
    /// Who is connected to whom.
    pub ends: bool,
    /// What TCP measures.
    pub tcp_info: bool,
}

impl Depth {
    /// What it takes to ask of the lists.
    pub(super) fn ask(self) -> SocketAsk<'static> {
        SocketAsk { tcp_info: self.tcp_info, peers: self.ends, only: None }
    }
}

/// Sockets of one namespace.
pub(super) struct List {
    /// The inode number of the namespace, where that is known.
    pub netns: Option<u64>,
    /// The list that has them; `None` of what is in none.
    pub table: Option<SocketTable>,
    pub rows: Vec<SocketRow>,
}

/// The sockets of the lists that were read.
#[derive(Default)]
pub struct Tables {
    /// Each list, and what is in none.
    pub(super) lists: Vec<List>,
    /// By inode: in which list a socket is, and where in that.
    pub(super) by_inode: HashMap<u64, (u32, u32)>,
    /// What is the namespaces' own, where a socket is bound to an interface.
    pub(super) nets: HashMap<u64, NetRow>,
    pub(super) wires: Wires,
    /// Why a namespace's sockets of a list, or their ends, are not known.
    pub(super) unlisted: HashMap<(u64, SocketTable), Failure>,
    /// The namespaces of the processes with sockets.
    pub(super) namespaces: HashMap<i32, u64>,
}

impl Tables {
    fn find(&self, inode: Option<Inode>) -> Option<(Option<u64>, &SocketRow)> {
        self.by_inode.get(&inode?.ino).map(|&(list, row)| {
            let list = &self.lists[list as usize];
            (list.netns, &list.rows[row as usize])
        })
    }

    /// What is known of a socket.
    pub fn describe(&self, inode: Option<Inode>, protocol: Option<&str>) -> Socket {
        let known = protocol.and_then(kind::protocol);
        let mut socket = Socket {
            family: known.map(|protocol| &protocol.family),
            kind: known.and_then(|protocol| protocol.kind.as_ref()),
            protocol: match known {
                Some(protocol) => protocol.name.into(),
                None => protocol.unwrap_or_default().to_owned().into(),
            },
            ..Socket::default()
        };
        if let Some((netns, row)) = self.find(inode) {
            socket.netns = netns.and_then(NonZero::new);
            let names = netns.and_then(|netns| self.nets.get(&netns)).map(|net| &net.interfaces);
            fill(&mut socket, row, known, names);
        }
        socket
    }

    /// The sockets that have an end of one of these channels.
    pub fn of_channels(&self, channels: &HashSet<Channel>) -> Vec<u64> {
        self.wires.of_channels(channels)
    }

    /// The ends that a socket of process `pid` is, and what else is known of its other side.
    pub fn ends(
        &self,
        pid: i32,
        inode: Option<Inode>,
        protocol: Option<&str>,
    ) -> (Vec<Endpoint>, Option<Beyond>) {
        let Some(Inode { ino, .. }) = inode else { return Default::default() };
        let (ends, beyond) = (self.wires.ends(ino), self.wires.beyond(ino));
        if ends.len() > 0 || beyond.is_some() {
            return (ends.collect(), beyond.cloned());
        }
        // In a list that could not be read, or not to the full, its peer may be.
        let found = self.find(inode);
        let netns = found.and_then(|(netns, _)| netns).or_else(|| self.namespaces.get(&pid).copied());
        let list = protocol.and_then(kind::protocol).and_then(table);
        let failure = netns.zip(list).and_then(|place| self.unlisted.get(&place));
        let may_have = found.is_none_or(|(_, row)| may_be_connected(row));
        let unknown = failure.filter(|_| may_have).map(|failure| Beyond::Unknown(cause(*failure)));
        (Vec::new(), unknown)
    }
}

/// Whether a socket has any address, its own or a peer's.
pub(super) fn has_address(row: &SocketRow) -> bool {
    match &row.detail {
        SocketDetail::Inet(inet) => inet.local.port() != 0 || inet.remote.port() != 0,
        SocketDetail::None => false,
        _ => true,
    }
}

/// Whether a socket of this state can have a peer at all.
fn may_be_connected(row: &SocketRow) -> bool {
    let bare = matches!(row.state, Some(7 | 10 | 13));
    // A unix socket of datagrams may have those who send to it, connected or not.
    matches!(row.detail, SocketDetail::Unix(_)) || !bare
}

/// SOCK_* by number.
fn socket_type(number: u16) -> Option<Word> {
    match number {
        1 => Some(&"stream"),
        2 => Some(&"dgram"),
        3 => Some(&"raw"),
        5 => Some(&"seqpacket"),
        _ => None,
    }
}

fn fill(
    socket: &mut Socket,
    row: &SocketRow,
    protocol: Option<&Protocol>,
    interfaces: Option<&HashMap<u32, String>>,
) {
    socket.family = socket.family.or_else(|| kind::family_name(row.family));
    socket.kind = row.kind.and_then(socket_type).or(socket.kind);
    socket.state = row.state.zip(protocol).and_then(|(state, protocol)| (protocol.state)(state));
    // The lists have the queues of MPTCP's first subflow, and what waits is in the whole one's own.
    let listed = protocol.is_none_or(|protocol| !protocol.name.starts_with("MPTCP"));
    if listed || row.backlog.is_some() {
        socket.recv_queue = row.recv_queue;
        socket.send_queue = row.send_queue;
    }
    socket.backlog = row.backlog;
    socket.cookie = row.cookie.and_then(NonZero::new);
    socket.shutdown = match row.shutdown {
        Some(1) => Some(&"read"),
        Some(2) => Some(&"write"),
        Some(3) => Some(&"both"),
        _ => None,
    };
    let mut facts = Facts::new();
    let mut fact = |name: &'static str, fact| facts.push((name.into(), fact));
    let interface = |index: u32| match interfaces.and_then(|names| names.get(&index)) {
        Some(name) => Fact::text(name.as_str()),
        // Gone since, or its name could not be read: the number is what the socket has.
        None => Fact::Number(index.into()),
    };
    match &row.detail {
        SocketDetail::Inet(inet) => {
            let list = protocol.and_then(table);
            let bare = matches!(list, Some(SocketTable::Raw | SocketTable::Icmp));
            let text = |address: std::net::SocketAddr| {
                // Most are no longer, and it does not grow piece by piece.
                let mut text = String::with_capacity("255.255.255.255:65535".len());
                let _ = if bare { write!(text, "{}", address.ip()) } else { write!(text, "{address}") };
                text.into_bytes().into_boxed_slice()
            };
            let unset = |address: std::net::SocketAddr| {
                address.ip().is_unspecified() && (address.port() == 0 || bare)
            };
            let has_local = bare || !unset(inet.local);
            socket.local = has_local.then(|| text(inet.local));
            socket.remote = (!unset(inet.remote)).then(|| text(inet.remote));
            match list {
                Some(SocketTable::Raw) => fact("ip_protocol", Fact::Number(inet.local.port().into())),
                Some(SocketTable::Icmp) if inet.local.port() != 0 => {
                    fact("ident", Fact::Number(inet.local.port().into()));
                }
                _ => {}
            }
            if inet.interface != 0 {
                fact("interface", interface(inet.interface));
            }
            if let Some(v6only) = inet.v6only {
                fact("v6only", Fact::Flag(v6only));
            }
            // Of a socket without a connection nothing was measured; of a listening one the kernel puts
            // other numbers into the same fields.
            let connected = !matches!(row.state, Some(7 | 10 | 13));
            if let Some(tcp) = inet.tcp.as_ref().filter(|_| connected) {
                fact("tcp_info", Fact::Group(super::tcp_info::facts(tcp)));
            }
        }
        SocketDetail::Unix(unix) => {
            socket.local = unix.name.as_deref().map(|name| unix_name(name).into());
            if let Some(((major, minor), ino)) = unix.file {
                fact("bound_dev", Fact::text(format!("{major}:{minor}")));
                fact("bound_ino", Fact::Number(ino.into()));
            }
        }
        SocketDetail::Netlink { protocol, port, groups } => {
            fact("netlink_protocol", Fact::text(kind::netlink_protocol(*protocol)));
            fact("port", Fact::Number((*port).into()));
            if let Some(groups) = groups {
                fact("groups", Fact::List(groups.iter().map(|&group| Fact::Number(group.into())).collect()));
            }
        }
        SocketDetail::Packet { protocol, interface: index } => {
            fact("ether_protocol", Fact::text(format!("{protocol:#06x}")));
            if *index != 0 {
                fact("interface", interface(*index));
            }
        }
        SocketDetail::Vsock { local, remote } => {
            socket.local = Some(wires::vsock_address(*local).into());
            socket.remote = remote.map(|remote| wires::vsock_address(remote).into());
        }
        SocketDetail::None => {}
    }
    socket.facts = facts.into();
}

/// A path, or an abstract name with `@` in the place of its leading NUL, as the kernel writes it.
fn unix_name(name: &[u8]) -> Vec<u8> {
    match name.split_first() {
        Some((0, rest)) => [b"@", rest].concat(),
        _ => name.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_named_by_a_kind_is_one_that_the_kernel_has() {
        let protocols = kind::KINDS.iter().flat_map(|kind| kind.protocols);
        for protocol in protocols.filter(|protocol| protocol.table.is_some()) {
            assert!(table(protocol).is_some(), "{protocol:?}");
        }
    }

    #[test]
    fn an_abstract_name_keeps_its_own_bytes() {
        assert_eq!(unix_name(b"\0a\0b\n"), b"@a\0b\n");
        assert_eq!(unix_name(b"/run/x"), b"/run/x");
    }
}
