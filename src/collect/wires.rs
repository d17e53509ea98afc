//! Who is connected to whom, among the sockets of the lists read.
//!
//! Each list is gone through once to index it and once to join it, so the cost is linear in its length.
//! An address means something within its own network namespace alone: sockets of two namespaces are
//! never joined by address. Unix sockets are joined by inode, across all.

use super::{cause, gap};
use crate::kernel::{InetRow, NetRow, Netns, SocketDetail, SocketRow, SocketTable, Source, UnixRow};
use crate::model::{Beyond, Channel, ChannelKey, Endpoint, Failure, Gap, KindName, Side, Subject};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, SocketAddr};

/// The ends of the sockets, by inode.
#[derive(Default)]
pub struct Wires {
    /// In their order: nearly every socket is one end.
    ends: Vec<(u64, Endpoint)>,
    beyond: HashMap<u64, Beyond>,
}

impl Wires {
    /// Joins the sockets of each list.
    pub fn lay<'a>(
        source: &dyn Source,
        lists: impl Iterator<Item = (u64, SocketTable, &'a [SocketRow])>,
        places: &BTreeMap<u64, Netns>,
        gaps: &mut Vec<Gap>,
    ) -> Self {
        let mut wires = Self::default();
        let mut nets = Nets { source, places, gaps, read: HashMap::new() };
        let mut unix = Vec::new();
        for (netns, list, rows) in lists {
            match list {
                SocketTable::Tcp => Stream::new(rows).join(netns, &mut nets, &mut wires),
                SocketTable::Udp => Datagrams::new(UDP, rows).join(netns, &mut nets, &mut wires),
                SocketTable::UdpLite => Datagrams::new(UDPLITE, rows).join(netns, &mut nets, &mut wires),
                SocketTable::Unix => unix.extend(rows),
                SocketTable::Vsock => wires.vsock(rows),
                SocketTable::Icmp | SocketTable::Raw | SocketTable::Netlink | SocketTable::Packet => {}
            }
        }
        wires.unix(&unix);
        // What was found from both sides is one end.
        wires.ends.sort_unstable();
        wires.ends.dedup();
        wires
    }

    /// The ends that a socket is.
    pub fn ends(&self, ino: u64) -> impl ExactSizeIterator<Item = Endpoint> {
        those_of(&self.ends, ino).iter().map(|&(_, end)| end)
    }

    /// What else is known of its other side.
    pub fn beyond(&self, ino: u64) -> Option<&Beyond> {
        self.beyond.get(&ino)
    }

    /// The sockets that have an end of one of these channels.
    pub fn of_channels(&self, channels: &HashSet<Channel>) -> Vec<u64> {
        let mut sockets: Vec<u64> = self
            .ends
            .iter()
            .filter(|(_, end)| channels.contains(&end.channel))
            .map(|&(ino, _)| ino)
            .collect();
        sockets.dedup();
        sockets
    }

    fn add(&mut self, ino: u64, channel: Channel, side: Side) {
        if ino != 0 {
            self.ends.push((ino, Endpoint { channel, side }));
        }
    }

    fn connect(&mut self, medium: KindName, a: u64, b: u64) {
        let (one, other) = (a.min(b), a.max(b));
        let channel = Channel { medium, key: ChannelKey::Connection(one, other) };
        self.add(one, channel, Side::One);
        self.add(other, channel, Side::Other);
    }

    fn send(&mut self, medium: KindName, from: u64, to: u64) {
        let channel = Channel { medium, key: ChannelKey::Inbox(to) };
        self.add(to, channel, Side::Flow { reads: true, writes: false });
        self.add(from, channel, Side::Flow { reads: false, writes: true });
    }

    fn wait(&mut self, medium: KindName, client: u64, listener: u64) {
        let channel = Channel { medium, key: ChannelKey::Backlog(listener) };
        self.add(listener, channel, Side::One);
        self.add(client, channel, Side::Other);
    }

    fn unix(&mut self, rows: &[&SocketRow]) {
        let sockets = || {
            rows.iter().filter_map(|row| match &row.detail {
                SocketDetail::Unix(unix) => Some((*row, unix)),
                _ => None,
            })
        };
        let peers: HashMap<u64, u64> =
            sockets().filter_map(|(row, unix)| Some((row.ino, unix.peer?))).collect();
        let waiting: HashMap<u64, u64> = sockets()
            .flat_map(|(row, unix)| unix.waiting.iter().map(|&client| (client, row.ino)))
            .filter(|&(client, _)| client != 0)
            .collect();
        for (row, unix) in sockets().filter(|(row, _)| row.ino != 0) {
            if let Some(&listener) = waiting.get(&row.ino) {
                self.wait(UNIX, row.ino, listener);
                continue;
            }
            self.join_unix(row, unix, &peers);
        }
    }

    fn join_unix(&mut self, row: &SocketRow, unix: &UnixRow, peers: &HashMap<u64, u64>) {
        const SOCK_DGRAM: u16 = 2;
        let Some(peer) = unix.peer else { return };
        // Datagrams go one way, unless the peer is connected to this one as well.
        let mutual = peers.get(&peer) == Some(&row.ino);
        if row.kind == Some(SOCK_DGRAM) && !mutual && peer != 0 {
            self.send(UNIX, row.ino, peer);
        } else {
            self.connect(UNIX, row.ino, peer);
        }
    }

    fn vsock(&mut self, rows: &[SocketRow]) {
        let sockets = || {
            rows.iter().filter_map(|row| match row.detail {
                SocketDetail::Vsock { local, remote } => Some((row.ino, local, remote?)),
                _ => None,
            })
        };
        let by_addresses: HashMap<_, _> =
            sockets().map(|(ino, local, remote)| ((local, remote), ino)).collect();
        for (ino, local, remote) in sockets().filter(|(ino, ..)| *ino != 0) {
            if let Some(&peer) = by_addresses.get(&(remote, local)) {
                self.connect(VSOCK, ino, peer);
            } else if remote.0 != local.0 {
                self.beyond.insert(ino, Beyond::Outside(vsock_address(remote)));
            } else {
                self.connect(VSOCK, ino, 0);
            }
        }
    }
}

const TCP: KindName = KindName(&"tcp");
const UDP: KindName = KindName(&"udp");
const UDPLITE: KindName = KindName(&"udplite");
const UNIX: KindName = KindName(&"unix");
const VSOCK: KindName = KindName(&"vsock");

/// `CID:PORT`; all ones are `any` (VMADDR_CID_ANY and VMADDR_PORT_ANY of vsock(7)).
pub fn vsock_address((cid, port): (u32, u32)) -> Vec<u8> {
    let part = |number: u32| if number == u32::MAX { "any".to_owned() } else { number.to_string() };
    format!("{}:{}", part(cid), part(port)).into_bytes()
}

/// The addresses of the namespaces, each read when it is first asked for.
struct Nets<'a> {
    source: &'a dyn Source,
    places: &'a BTreeMap<u64, Netns>,
    gaps: &'a mut Vec<Gap>,
    read: HashMap<u64, Result<NetRow, Failure>>,
}

impl Nets<'_> {
    /// Whether an address is a namespace's own, so that what is there is in the same list.
    fn is_own(&mut self, netns: u64, address: IpAddr) -> Result<bool, Failure> {
        if address.is_loopback() {
            return Ok(true);
        }
        let Self { source, places, gaps, read } = self;
        let net = read.entry(netns).or_insert_with(|| {
            let place = places.get(&netns).ok_or_else(|| Failure::new("setns", "ESRCH"))?;
            source.net(*place).map_err(|failure| {
                gaps.push(gap(None, Subject::Net, failure));
                cause(failure)
            })
        });
        net.as_ref().map(|net| net.addresses.contains(&address)).map_err(Clone::clone)
    }

    /// What is said of a peer at `remote` that is in no list: `None` when it would have to be in one.
    fn beyond(&mut self, netns: u64, local: SocketAddr, remote: SocketAddr) -> Option<Beyond> {
        match self.is_own(netns, remote.ip()) {
            _ if remote.ip() == local.ip() => None,
            Ok(true) => None,
            Ok(false) => Some(Beyond::Outside(remote.to_string().into_bytes())),
            Err(failure) => Some(Beyond::Unknown(failure)),
        }
    }
}

/// An address as it is on the wire: IPv4 mapped into IPv6 (RFC 4291, 2.5.5.2) is IPv4.
fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn inet(row: &SocketRow) -> Option<&InetRow> {
    match &row.detail {
        SocketDetail::Inet(inet) => Some(inet),
        _ => None,
    }
}

/// Whether a socket has the address of a peer.
fn has_remote(inet: &InetRow) -> bool {
    inet.remote.port() != 0 && !inet.remote.ip().is_unspecified()
}

/// Those of `sorted` that have this key.
fn those_of<T>(sorted: &[(u64, T)], key: u64) -> &[(u64, T)] {
    let rest = &sorted[sorted.partition_point(|&(other, _)| other < key)..];
    let count = rest.iter().take_while(|&&(other, _)| other == key).count();
    &rest[..count]
}

/// Its own and its peer's address.
fn pair_of(inet: &InetRow) -> (SocketAddr, SocketAddr) {
    (plain(inet.local), plain(inet.remote))
}

/// Sockets by their own and their peer's address. Of these the rows have them already: a map that had them again
/// would be larger than all that is made of the list.
struct Pairs<'a> {
    rows: &'a [SocketRow],
    hasher: RandomState,
    /// The hash of each pair of addresses, ascending, and which row it is of.
    hashes: Vec<(u64, u32)>,
}

impl<'a> Pairs<'a> {
    fn new(rows: &'a [SocketRow]) -> Self {
        let hasher = RandomState::new();
        let connected = rows.iter().zip(0..).filter_map(|(row, index)| Some((inet(row)?, index)));
        let connected = connected.filter(|(inet, _)| has_remote(inet));
        let mut hashes: Vec<_> =
            connected.map(|(inet, index)| (hasher.hash_one(pair_of(inet)), index)).collect();
        hashes.sort_unstable();
        Self { rows, hasher, hashes }
    }

    /// The socket at the other end of `inet`, where there is one. Two sockets may have the same pair of addresses
    /// where they are bound to different interfaces.
    fn peer(&self, inet: &InetRow) -> Option<Result<&'a SocketRow, Failure>> {
        let (local, remote) = pair_of(inet);
        let hash = self.hasher.hash_one((remote, local));
        let rows = those_of(&self.hashes, hash).iter().map(|&(_, index)| &self.rows[index as usize]);
        let mut all =
            rows.filter(|row| self::inet(row).is_some_and(|other| pair_of(other) == (remote, local)));
        let mut beside =
            all.clone().filter(|row| self::inet(row).is_some_and(|other| other.interface == inet.interface));
        let row = all.next()?;
        Some(match (all.next(), beside.next(), beside.next()) {
            (None, ..) => Ok(row),
            (_, Some(row), None) => Ok(row),
            _ => Err(Failure::new("sock_diag", "ENOTUNIQ")),
        })
    }
}

/// Sockets by the port that they are bound to, those that are connected to nobody.
type Bound<'a> = HashMap<u16, Vec<(&'a SocketRow, &'a InetRow)>>;

/// Those of `bound` that get what is sent to `address`: as the kernel's own lookup has it, one bound to
/// that very address goes before one bound to all (`net/ipv4/inet_hashtables.c`, `compute_score`).
fn receivers<'a>(bound: &Bound<'a>, address: SocketAddr, interface: u32) -> Vec<&'a SocketRow> {
    let mut best = (0, Vec::new());
    for (row, inet) in bound.get(&address.port()).into_iter().flatten() {
        let own = plain(inet.local).ip();
        let score = match own {
            ip if ip == address.ip() => 8,
            IpAddr::V4(ip) if ip.is_unspecified() && address.is_ipv4() => 4,
            // One for all addresses of IPv6 takes IPv4 as well, unless it was told not to.
            IpAddr::V6(ip) if ip.is_unspecified() && (address.is_ipv6() || inet.v6only == Some(false)) => 2,
            _ => continue,
        };
        if inet.interface != 0 && inet.interface != interface && !address.ip().is_loopback() {
            continue;
        }
        match score.cmp(&best.0) {
            std::cmp::Ordering::Less => {}
            std::cmp::Ordering::Equal => best.1.push(*row),
            std::cmp::Ordering::Greater => best = (score, vec![*row]),
        }
    }
    best.1
}

/// The connections of TCP.
struct Stream<'a> {
    rows: &'a [SocketRow],
    pairs: Pairs<'a>,
    listening: Bound<'a>,
}

impl<'a> Stream<'a> {
    fn new(rows: &'a [SocketRow]) -> Self {
        const LISTEN: u8 = 10;
        let mut listening = Bound::new();
        for row in rows.iter().filter(|row| row.state == Some(LISTEN)) {
            if let Some(inet) = inet(row) {
                listening.entry(inet.local.port()).or_default().push((row, inet));
            }
        }
        Self { rows, pairs: Pairs::new(rows), listening }
    }

    fn join(self, netns: u64, nets: &mut Nets<'_>, wires: &mut Wires) {
        for row in self.rows.iter().filter(|row| row.ino != 0) {
            let Some(inet) = inet(row).filter(|inet| has_remote(inet)) else { continue };
            let (local, remote) = pair_of(inet);
            match self.pairs.peer(inet) {
                Some(Ok(peer)) => self.pair(row, peer, remote, inet.interface, wires),
                Some(Err(failure)) => drop(wires.beyond.insert(row.ino, Beyond::Unknown(failure))),
                None => match nets.beyond(netns, local, remote) {
                    Some(beyond) => drop(wires.beyond.insert(row.ino, beyond)),
                    None => wires.connect(TCP, row.ino, 0),
                },
            }
        }
    }

    /// Joins a socket with its peer. One that no descriptor refers to, and that is established all the
    /// same, waits to be accepted.
    fn pair(&self, row: &SocketRow, peer: &SocketRow, at: SocketAddr, interface: u32, wires: &mut Wires) {
        const ESTABLISHED: u8 = 1;
        const SYN_RECV: u8 = 3;
        const CLOSE_WAIT: u8 = 8;
        if peer.ino == 0 && matches!(peer.state, Some(ESTABLISHED | SYN_RECV | CLOSE_WAIT)) {
            // Of several that listen at one address (SO_REUSEPORT) it is in the backlog of one, and
            // nothing tells of which.
            if let [listener] = receivers(&self.listening, at, interface)[..] {
                return wires.wait(TCP, row.ino, listener.ino);
            }
        }
        wires.connect(TCP, row.ino, peer.ino);
    }
}

/// The sockets of a protocol of datagrams.
struct Datagrams<'a> {
    medium: KindName,
    rows: &'a [SocketRow],
    pairs: Pairs<'a>,
    bound: Bound<'a>,
}

impl<'a> Datagrams<'a> {
    fn new(medium: KindName, rows: &'a [SocketRow]) -> Self {
        let mut bound = Bound::new();
        for row in rows {
            if let Some(inet) = inet(row).filter(|inet| !has_remote(inet)) {
                bound.entry(inet.local.port()).or_default().push((row, inet));
            }
        }
        Self { medium, rows, pairs: Pairs::new(rows), bound }
    }

    fn join(self, netns: u64, nets: &mut Nets<'_>, wires: &mut Wires) {
        for row in self.rows.iter().filter(|row| row.ino != 0) {
            let Some(inet) = inet(row).filter(|inet| has_remote(inet)) else { continue };
            let (local, remote) = pair_of(inet);
            // A datagram goes to the one that is connected back to its sender, before all others.
            match self.pairs.peer(inet) {
                Some(Ok(peer)) => wires.connect(self.medium, row.ino, peer.ino),
                Some(Err(failure)) => drop(wires.beyond.insert(row.ino, Beyond::Unknown(failure))),
                None => self.send(row, inet, nets.beyond(netns, local, remote), wires),
            }
        }
    }

    /// Joins a socket with those that get what it sends.
    fn send(&self, row: &SocketRow, inet: &InetRow, beyond: Option<Beyond>, wires: &mut Wires) {
        if let Some(beyond) = beyond {
            wires.beyond.insert(row.ino, beyond);
            return;
        }
        let receivers = receivers(&self.bound, plain(inet.remote), inet.interface);
        if receivers.is_empty() {
            wires.connect(self.medium, row.ino, 0);
        }
        for receiver in receivers {
            wires.send(self.medium, row.ino, receiver.ino);
        }
    }
}
