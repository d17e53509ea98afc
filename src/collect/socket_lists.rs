//! Reads the lists in which sockets are looked up, and asks those that are in none.

use super::gap;
use super::processes::Task;
use super::sockets::{Depth, List, Tables, has_address};
use super::waiting::Waiting;
use super::wires::Wires;
use crate::kernel::{
    Errno, Failure, Netns, Read, SocketAsk, SocketDetail, SocketList, SocketRow, SocketTable, Source,
};
use crate::kind::{self, Protocol};
use crate::model::{Gap, Subject};
use crate::shares::{share_large, workers};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Loads what the sockets in `tasks` need; nothing where there is none.
pub fn load(
    source: &dyn Source,
    tasks: &mut [Task],
    depth: Depth,
    ahead: Option<Ahead>,
    gaps: &mut Vec<Gap>,
) -> Tables {
    // Of all processes nearly every socket is shown.
    let shown: Option<HashSet<u64>> = ahead.is_none().then(|| inodes(tasks).collect());
    let ask = SocketAsk { only: shown.as_ref().filter(|_| !depth.ends), ..depth.ask() };
    let mut loader = Loader {
        source,
        ask,
        shown: shown.as_ref(),
        gaps,
        loaded: BTreeMap::new(),
        places: BTreeMap::new(),
        mptcp: HashMap::new(),
        ahead,
        tables: Tables::default(),
    };
    for task in tasks.iter() {
        loader.lists_of(task);
    }
    let mut known = Known::default();
    for task in tasks {
        loader.protocols_of(task, &mut known);
        loader.strays_of(task);
    }
    loader.interfaces();
    let Loader { places, mut tables, loaded, gaps, .. } = loader;
    if depth.ends {
        let lists = loaded.into_iter().map(|((netns, list), at)| (netns, list, &tables.lists[at].rows[..]));
        tables.wires = Wires::lay(source, lists, &places, gaps);
    }
    tables
}

/// The lists of the reader's own network namespace, where most processes are.
pub struct Ahead {
    netns: u64,
    lists: HashMap<SocketTable, Read<SocketList>>,
}

/// Sockets by their inodes.
#[derive(Debug, Default)]
pub struct Sockets(HashSet<u64>);

impl Sockets {
    /// Whether a link leads to one of them.
    pub fn has_link(&self, link: &[u8]) -> bool {
        let digits = link.strip_prefix(b"socket:[").and_then(|rest| rest.strip_suffix(b"]"));
        let ino = digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        !self.0.is_empty() && ino.is_some_and(|ino| self.0.contains(&ino))
    }
}

impl Ahead {
    /// Reads them; nothing where the reader's namespace cannot be told.
    pub fn read(source: &dyn Source, depth: Depth) -> Option<Self> {
        let place = Netns::OfProcess(i32::try_from(std::process::id()).ok()?);
        let netns = source.net_namespace(place).ok()?;
        let lists = share_large(&SocketTable::ALL, workers(), &|list| {
            (list, source.sockets(place, list, depth.ask()))
        });
        Some(Self { netns, lists: lists.into_iter().collect() })
    }

    /// The sockets in the lists that do not have this port at their own side.
    pub fn without_port(&self, port: u16) -> Sockets {
        let has_port = |row: &SocketRow| match &row.detail {
            SocketDetail::Inet(inet) => inet.local.port() == port,
            _ => false,
        };
        let rows = self.lists.values().flatten().flat_map(|list| &list.rows);
        let (with, without): (Vec<&SocketRow>, Vec<_>) = rows.partition(|row| has_port(row));
        let mut inodes: HashSet<u64> = without.into_iter().map(|row| row.ino).collect();
        for row in with {
            inodes.remove(&row.ino);
        }
        Sockets(inodes)
    }
}

struct Loader<'a> {
    source: &'a dyn Source,
    ask: SocketAsk<'a>,
    /// The inodes of the sockets shown, where these are a few of all.
    shown: Option<&'a HashSet<u64>>,
    gaps: &'a mut Vec<Gap>,
    /// Where each list read is.
    loaded: BTreeMap<(u64, SocketTable), usize>,
    /// A way into each namespace.
    places: BTreeMap<u64, Netns>,
    /// The lists that were read already.
    ahead: Option<Ahead>,
    /// Whether a namespace has sockets of MPTCP.
    mptcp: HashMap<u64, bool>,
    tables: Tables,
}

impl Loader<'_> {
    /// Reads the lists in which the sockets of a process are, if it made them where it is now.
    fn lists_of(&mut self, task: &Task) {
        let (pid, sockets) = (task.row.pid, || task.described.sockets());
        let Some(netns) = task.netns else { return };
        // Of a socket that was not asked for its protocol, the list that it is in tells that.
        let is_untold = sockets().any(|fd| fd.protocol.is_none());
        let wanted: BTreeSet<SocketTable> = if is_untold {
            SocketTable::ALL.into_iter().collect()
        } else {
            sockets().filter_map(protocol).filter_map(table).collect()
        };
        let place = Netns::OfProcess(pid);
        match netns {
            Ok(netns) => {
                self.tables.namespaces.insert(pid, netns);
                if is_untold {
                    let source = self.source;
                    self.mptcp.entry(netns).or_insert_with(|| source.has_mptcp(place).unwrap_or(true));
                }
                self.load(netns, place, wanted);
            }
            Err(failure) => {
                self.gaps.push(gap(Some(pid), Subject::ProcessFact("ns/net"), failure));
            }
        }
    }

    /// Reads lists of a namespace, those that were not read yet.
    fn load(&mut self, netns: u64, place: Netns, lists: impl IntoIterator<Item = SocketTable>) {
        let (source, ask) = (self.source, self.ask);
        let mut ahead = self.ahead.as_mut().filter(|ahead| ahead.netns == netns);
        let (mut read, mut unread) = (Vec::new(), Vec::new());
        for list in lists.into_iter().filter(|&list| !self.loaded.contains_key(&(netns, list))) {
            match ahead.as_mut().and_then(|ahead| ahead.lists.remove(&list)) {
                Some(sockets) => read.push((list, sockets)),
                None => unread.push(list),
            }
        }
        if read.is_empty() && unread.is_empty() {
            return;
        }
        read.extend(share_large(&unread, workers(), &|list| (list, source.sockets(place, list, ask))));
        for (list, sockets) in read {
            self.keep(netns, place, list, sockets);
        }
    }

    fn keep(&mut self, netns: u64, place: Netns, list: SocketTable, sockets: Read<SocketList>) {
        self.places.entry(netns).or_insert(place);
        let rows = match sockets {
            Ok(sockets) => {
                if let Some(failure) = sockets.without_diag {
                    self.without_diag(netns, place, list, failure);
                }
                match (self.shown, list) {
                    (Some(shown), SocketTable::Tcp | SocketTable::Udp | SocketTable::UdpLite) => {
                        near(sockets.rows, shown)
                    }
                    _ => sockets.rows,
                }
            }
            Err(failure) => {
                self.tables.unlisted.insert((netns, list), failure);
                Vec::new()
            }
        };
        self.loaded.insert((netns, list), self.tables.lists.len());
        self.add(List { netns: Some(netns), table: Some(list), rows });
    }

    /// Notes what a list under `/proc/net` leaves open.
    fn without_diag(&mut self, netns: u64, place: Netns, list: SocketTable, failure: Failure) {
        let untold = match list {
            // Who is connected to whom.
            SocketTable::Unix => true,
            SocketTable::Tcp => self.ask.tcp_info,
            _ => false,
        };
        if untold {
            let (Netns::OfProcess(pid) | Netns::OfSocket { pid, .. }) = place;
            self.gaps.push(gap(Some(pid), Subject::SocketDiag(list.name()), failure));
        }
        if list == SocketTable::Unix {
            self.tables.unlisted.insert((netns, list), failure);
        }
    }

    fn add(&mut self, list: List) {
        let at = u32::try_from(self.tables.lists.len()).unwrap_or(u32::MAX);
        self.tables.by_inode.reserve(list.rows.len());
        for (row, place) in list.rows.iter().zip(0..).filter(|(row, _)| row.ino != 0) {
            // Of an MPTCP socket each subflow is listed under its inode, the first one first.
            self.tables.by_inode.entry(row.ino).or_insert((at, place));
        }
        self.tables.lists.push(list);
    }

    fn add_stray(&mut self, netns: Option<u64>, row: SocketRow) {
        self.add(List { netns, table: None, rows: vec![row] });
    }

    /// Fills in the protocols of the sockets that were not asked for theirs. What is in one list with one family
    /// and type has one protocol, so that the first of each is asked, and those about which a list says more.
    fn protocols_of(&mut self, task: &mut Task, known: &mut Known) {
        let pid = task.row.pid;
        for fd in task.described.sockets_mut().filter(|fd| fd.protocol.is_none()) {
            let class = self.class_of(fd.ino);
            let found = class.and_then(|class| known.get(&class).cloned());
            let protocol = found.map_or_else(|| self.source.protocol(pid, fd.fd).map(shared), Ok);
            if let (Some(class), Ok(name)) = (class, &protocol) {
                known.entry(class).or_insert_with(|| name.clone());
            }
            fd.protocol = Some(protocol);
        }
    }

    /// What has one protocol with the socket of this inode.
    fn class_of(&self, ino: u64) -> Option<Class> {
        let &(list, row) = self.tables.by_inode.get(&ino)?;
        let List { netns, table, rows } = &self.tables.lists[list as usize];
        let (netns, list, row) = ((*netns)?, (*table)?, &rows[row as usize]);
        // The list of TCP has sockets of MPTCP, too; those that are bound and no more are counted nowhere.
        let is_plain = list != SocketTable::Tcp
            || (self.mptcp.get(&netns) == Some(&false) && !matches!(row.state, Some(7 | 13)));
        is_plain.then_some((list, row.family, row.kind))
    }

    /// Asks the sockets of a process that are in no list.
    fn strays_of(&mut self, task: &Task) {
        let pid = task.row.pid;
        for fd in task.described.sockets() {
            let ino = fd.ino;
            if self.tables.by_inode.contains_key(&ino) {
                continue;
            }
            match self.source.ask_socket(pid, fd.fd) {
                // The number means another socket by now.
                Ok(asked) if asked.ino != ino => {}
                Ok(asked) => {
                    let place = Netns::OfSocket { pid, fd: fd.fd };
                    if let (Ok(netns), Some(list)) = (asked.netns, protocol(fd).and_then(table)) {
                        self.load(netns, place, [list]);
                    }
                    match asked.row {
                        _ if self.tables.by_inode.contains_key(&ino) => {}
                        // Without its namespace a socket that has a peer may have it anywhere.
                        Ok(row) => match asked.netns {
                            Ok(netns) => self.add_stray(Some(netns), row),
                            Err(failure) => {
                                if has_address(&row) {
                                    self.missing(pid, fd, failure);
                                }
                                self.add_stray(None, row);
                            }
                        },
                        Err(failure) => self.missing(pid, fd, failure),
                    }
                }
                // It was closed meanwhile.
                Err(failure) if failure.means_gone() || failure.errno == Errno::EBADF => {}
                Err(failure) => self.missing(pid, fd, failure),
            }
        }
    }

    /// Notes a socket of which nothing could be learnt: where its list failed, that says why.
    fn missing(&mut self, pid: i32, fd: &Waiting, failure: Failure) {
        let netns = self.tables.namespaces.get(&pid);
        let list = protocol(fd).and_then(table);
        let failed = netns.zip(list).and_then(|(&netns, list)| self.tables.unlisted.get(&(netns, list)));
        let (subject, failure) = match (failed, list) {
            (Some(failed), Some(list)) => (Subject::Sockets(list.name()), *failed),
            _ => (Subject::Descriptor(fd.fd), failure),
        };
        self.gaps.push(gap(Some(pid), subject, failure));
    }

    /// Reads the names of the interfaces that sockets shown are bound to.
    fn interfaces(&mut self) {
        let bound = |row: &SocketRow| match &row.detail {
            SocketDetail::Inet(inet) => inet.interface != 0,
            SocketDetail::Packet { interface, .. } => *interface != 0,
            _ => false,
        };
        let lists = self.tables.lists.iter().filter(|list| list.rows.iter().any(bound));
        let wanted: BTreeSet<u64> = lists.filter_map(|list| list.netns).collect();
        for netns in wanted {
            let Some(&place) = self.places.get(&netns) else { continue };
            match self.source.net(place) {
                Ok(net) => drop(self.tables.nets.insert(netns, net)),
                Err(failure) => self.gaps.push(gap(None, Subject::Net, failure)),
            }
        }
    }
}

/// A list, a family and a type.
type Class = (SocketTable, u16, Option<u16>);
/// The protocols of those that were asked.
type Known = HashMap<Class, Cow<'static, str>>;

/// The sockets that have a port in common with one of those shown: so have their peers, those who send to them and
/// those who wait to be accepted by them.
fn near(mut rows: Vec<SocketRow>, shown: &HashSet<u64>) -> Vec<SocketRow> {
    let ports = |row: &SocketRow| match &row.detail {
        SocketDetail::Inet(inet) => [inet.local.port(), inet.remote.port()],
        _ => [0, 0],
    };
    let own = rows.iter().filter(|row| shown.contains(&row.ino)).flat_map(ports);
    let own: HashSet<u16> = own.filter(|&port| port != 0).collect();
    rows.retain(|row| shown.contains(&row.ino) || ports(row).iter().any(|port| own.contains(port)));
    rows.shrink_to_fit();
    rows
}

/// The name of a protocol, where a kind knows it without a copy for each socket.
fn shared(name: String) -> Cow<'static, str> {
    kind::protocol(&name).map_or(Cow::Owned(name), |known| Cow::Borrowed(known.name))
}

/// The inodes of all sockets that tasks have.
fn inodes(tasks: &[Task]) -> impl Iterator<Item = u64> {
    tasks.iter().flat_map(|task| task.described.sockets()).map(|fd| fd.ino)
}

/// The protocol of a descriptor that is a socket, where a kind knows it.
fn protocol(fd: &Waiting) -> Option<&'static Protocol> {
    kind::protocol(fd.protocol.as_ref()?.as_ref().ok()?)
}

/// The list that sockets of a protocol are in.
pub fn table(protocol: &Protocol) -> Option<SocketTable> {
    let name = protocol.table?;
    SocketTable::ALL.into_iter().find(|table| table.name() == name)
}
