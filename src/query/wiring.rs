//! Who is connected to whom: the descriptors at the other end of a channel.
//!
//! The ends that are shown and those that were found in other processes are joined once, by the channel
//! that each is an end of. What draws, explains or looks for leaks asks here, and reads nothing more.

use crate::model::{
    Access, Beyond, Channel, ChannelKey, Descriptor, Endpoint, Failure, FileId, ProcessId, Side, Snapshot,
};
use std::collections::{HashMap, HashSet};

/// A descriptor at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer<'a> {
    /// Whose.
    pub process: ProcessId,
    /// Where that is a thread with a table of its own, its process.
    pub leader: Option<ProcessId>,
    /// That process's command.
    pub comm: &'a [u8],
    /// Its number there.
    pub fd: i32,
    /// What it is open for.
    pub access: Option<Access>,
    /// Of a process shown, its open file description: peers of one are copies of one end, as far as
    /// that is proven.
    pub file: Option<FileId>,
    /// The end that it is.
    pub endpoint: Endpoint,
}

/// What is known of the other end of a descriptor.
#[derive(Debug, Clone)]
pub enum Peers<'a> {
    /// It is not an end of anything.
    NotAnEnd,
    /// These are at the other end; none, when every table was looked through and there is none.
    Found(Found<'a>),
    /// The other end is at this address, which is none of the network namespace's own.
    Outside(&'a [u8]),
    /// None was found, but not everything could be read, so there may be one.
    Unknown(&'a Failure),
    /// Nobody looked.
    NotAsked,
}

/// The descriptors at the other end of one.
///
/// It borrows them, so that asking it of each of the 10,000 holders of one pipe, and counting what it has
/// without naming all, takes time linear in their number.
#[derive(Debug, Clone)]
pub struct Found<'a> {
    snapshot: &'a Snapshot,
    sides: Vec<(Endpoint, &'a [End])>,
    /// Whose peers they are: a FIFO opened for both faces itself.
    own: (ProcessId, i32),
    /// A descriptor may be at the other side of two channels of one socket.
    repeats: bool,
    len: usize,
}

impl<'a> Found<'a> {
    fn new(
        snapshot: &'a Snapshot,
        sides: Vec<(Endpoint, &'a [End])>,
        own: (ProcessId, i32),
        faces_itself: bool,
        repeats: bool,
    ) -> Self {
        let mut found = Self { snapshot, sides, own, repeats, len: 0 };
        found.len = if repeats {
            found.iter().count()
        } else {
            let all: usize = found.sides.iter().map(|(_, ends)| ends.len()).sum();
            all - usize::from(faces_itself)
        };
        found
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = Peer<'a>> {
        let (snapshot, own, repeats) = (self.snapshot, self.own, self.repeats);
        let mut seen = HashSet::new();
        self.sides
            .clone()
            .into_iter()
            .flat_map(move |(endpoint, ends)| ends.iter().map(move |end| end.peer(snapshot, endpoint)))
            .filter(move |peer| (peer.process, peer.fd) != own)
            .filter(move |peer| !repeats || seen.insert((peer.process, peer.fd)))
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// The ends of each channel, joined once in time linear in their number.
#[derive(Debug)]
pub struct Wiring<'a> {
    snapshot: &'a Snapshot,
    /// Which of [`Self::spans`] a channel has.
    channels: HashMap<Channel, u32>,
    spans: Vec<Span>,
    /// The ends of all channels: those of one together, in the order of their sides.
    ends: Vec<End>,
}

/// Where the ends of a channel are.
#[derive(Debug, Clone, Copy, Default)]
struct Span {
    first: u32,
    /// Behind the last one of each side. While they are counted, how many there are.
    behind: [u32; Side::ALL.len()],
}

/// An end, by where in the snapshot it is.
#[derive(Debug, Clone, Copy)]
enum End {
    /// Of a process shown, and of its table.
    Shown { process: u32, slot: u32 },
    /// Of those that were found elsewhere.
    Elsewhere(u32),
}

impl End {
    fn peer(self, snapshot: &Snapshot, endpoint: Endpoint) -> Peer<'_> {
        match self {
            Self::Shown { process, slot } => {
                let process = &snapshot.processes[process as usize];
                let descriptor = process.table.as_ref().map(|table| &table.descriptors[slot as usize]);
                let file = descriptor.ok().map(|descriptor| descriptor.file);
                Peer {
                    process: process.id,
                    leader: process.leader,
                    comm: &process.comm,
                    fd: descriptor.map_or(-1, |descriptor| descriptor.fd),
                    access: file.and_then(|file| snapshot.files[file].access),
                    file,
                    endpoint,
                }
            }
            Self::Elsewhere(index) => {
                let holder = &snapshot.holders[index as usize];
                Peer {
                    process: holder.process,
                    leader: holder.leader,
                    comm: &holder.comm,
                    fd: holder.fd,
                    access: holder.access,
                    file: None,
                    endpoint,
                }
            }
        }
    }
}

/// All ends of a snapshot, in its order.
fn ends(snapshot: &Snapshot) -> impl Iterator<Item = (Endpoint, End)> {
    // What a thread shares with its process is there once.
    let own = (0..).zip(&snapshot.processes).filter(|(_, process)| !process.shares_table);
    let shown = own.flat_map(move |(process, owner)| {
        let descriptors = (0..).zip(owner.table.iter().flat_map(|table| &table.descriptors));
        descriptors.flat_map(move |(slot, descriptor)| {
            let ends = &snapshot.file(descriptor).ends;
            ends.iter().map(move |&endpoint| (endpoint, End::Shown { process, slot }))
        })
    });
    let elsewhere = (0..).zip(&snapshot.holders);
    shown.chain(elsewhere.map(|(index, holder)| (holder.endpoint, End::Elsewhere(index))))
}

impl<'a> Wiring<'a> {
    /// Joins the ends in `snapshot`.
    pub fn new(snapshot: &'a Snapshot) -> Self {
        let mut channels = HashMap::new();
        let mut spans: Vec<Span> = Vec::new();
        let mut of_ends = Vec::new();
        for (Endpoint { channel, side }, _) in ends(snapshot) {
            let next = u32::try_from(spans.len()).unwrap_or(u32::MAX);
            let span = *channels.entry(channel).or_insert_with(|| {
                spans.push(Span::default());
                next
            });
            spans[span as usize].behind[side.ordinal()] += 1;
            of_ends.push(span);
        }
        let mut first = 0;
        for span in &mut spans {
            span.first = first;
            span.behind = span.behind.map(|count| {
                first += count;
                first - count
            });
        }
        // Each one that is put into its place moves that of the next one on.
        let mut joined = vec![End::Elsewhere(0); of_ends.len()];
        for ((endpoint, end), span) in ends(snapshot).zip(of_ends) {
            let at = &mut spans[span as usize].behind[endpoint.side.ordinal()];
            joined[*at as usize] = end;
            *at += 1;
        }
        Self { snapshot, channels, spans, ends: joined }
    }

    /// Who is at the other end of a descriptor. Of a socket of datagrams these are whom it sends to and
    /// those who are connected to it.
    pub fn peers(&self, process: ProcessId, descriptor: &Descriptor) -> Peers<'_> {
        let file = self.snapshot.file(descriptor);
        match &file.more.beyond {
            Some(Beyond::Outside(address)) => return Peers::Outside(address),
            Some(Beyond::Unknown(failure)) => return Peers::Unknown(failure),
            Some(Beyond::NotAsked) => return Peers::NotAsked,
            None if file.ends.is_empty() => return Peers::NotAnEnd,
            None => {}
        }
        let facing = |end: &Endpoint| {
            let own = end.side;
            self.sides(end.channel).filter(move |(other, _)| own.faces(other.side))
        };
        let sides = file.ends.iter().flat_map(facing).collect();
        let faces_itself = file.ends.iter().any(|end| end.side.faces(end.side));
        let own = (process, descriptor.fd);
        let peers = Found::new(self.snapshot, sides, own, faces_itself, file.ends.len() > 1);
        match self.snapshot.coverage.unreadable.first() {
            _ if peers.is_empty() && is_of_nobody(&file.ends) => Peers::Found(peers),
            Some((_, failure)) if peers.is_empty() => Peers::Unknown(failure),
            _ => Peers::Found(peers),
        }
    }

    /// Every end of a channel that was found.
    pub fn holders(&self, channel: Channel) -> impl Iterator<Item = Peer<'a>> {
        let snapshot = self.snapshot;
        self.sides(channel)
            .flat_map(move |(endpoint, ends)| ends.iter().map(move |end| end.peer(snapshot, endpoint)))
    }

    /// The sides of a channel that have an end.
    fn sides(&self, channel: Channel) -> impl Iterator<Item = (Endpoint, &[End])> {
        let span = self.channels.get(&channel).map_or(Span::default(), |&span| self.spans[span as usize]);
        let mut first = span.first as usize;
        let sides = Side::ALL.into_iter().zip(span.behind).map(move |(side, behind)| {
            let ends = &self.ends[first..behind as usize];
            first = behind as usize;
            (Endpoint { channel, side }, ends)
        });
        sides.filter(|(_, ends)| !ends.is_empty())
    }

    /// The channels that have an end in a process shown, in the order of their first ends.
    pub fn channels(&self) -> Vec<Channel> {
        let mut seen = HashSet::new();
        self.snapshot
            .descriptors()
            .flat_map(|(_, descriptor)| &self.snapshot.file(descriptor).ends)
            .map(|end| end.channel)
            .filter(|channel| seen.insert(*channel))
            .collect()
    }
}

/// Whether the kernel itself says that no descriptor is at the other side of any of these.
fn is_of_nobody(ends: &[Endpoint]) -> bool {
    ends.iter().all(|end| matches!(end.channel.key, ChannelKey::Connection(0, _)))
}

impl Peer<'_> {
    /// The pid of the process, also where one of its threads has it.
    pub fn pid(&self) -> i32 {
        self.leader.unwrap_or(self.process).pid
    }

    /// Whether it takes bytes out of the channel.
    pub fn reads(&self) -> bool {
        self.endpoint.side.reads()
    }

    /// Whether it puts bytes into the channel.
    pub fn writes(&self) -> bool {
        self.endpoint.side.writes()
    }

    /// Whether the connection waits to be accepted: then it is the listening socket, or one that waits
    /// for it.
    pub fn is_of_a_backlog(&self) -> bool {
        matches!(self.endpoint.channel.key, ChannelKey::Backlog(_))
    }
}
