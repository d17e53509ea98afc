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
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<'a> {
    sides: Vec<&'a [Peer<'a>]>,
    /// Whose peers they are: a FIFO opened for both faces itself.
    own: (ProcessId, i32),
    /// A descriptor may be at the other side of two channels of one socket.
    repeats: bool,
    len: usize,
}

impl<'a> Found<'a> {
    fn new(sides: Vec<&'a [Peer<'a>]>, own: (ProcessId, i32), faces_itself: bool, repeats: bool) -> Self {
        let mut found = Self { sides, own, repeats, len: 0 };
        found.len = if repeats {
            found.iter().count()
        } else {
            let all: usize = found.sides.iter().map(|side| side.len()).sum();
            all - usize::from(faces_itself)
        };
        found
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &'a Peer<'a>> {
        let (own, repeats) = (self.own, self.repeats);
        let mut seen = HashSet::new();
        self.sides
            .clone()
            .into_iter()
            .flatten()
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
    /// Those of a channel by their side: a handful of sides, whatever the number of ends.
    ends: HashMap<Channel, Vec<(Side, Vec<Peer<'a>>)>>,
}

impl<'a> Wiring<'a> {
    /// Joins the ends in `snapshot`.
    pub fn new(snapshot: &'a Snapshot) -> Self {
        let mut ends: HashMap<Channel, Vec<(Side, Vec<Peer<'a>>)>> = HashMap::new();
        // What a thread shares with its process is there once.
        let own = snapshot.descriptors().filter(|(process, _)| !process.shares_table);
        let shown = own.flat_map(|(process, descriptor)| {
            let file = snapshot.file(descriptor);
            file.ends.iter().map(move |&endpoint| Peer {
                process: process.id,
                leader: process.leader,
                comm: &process.comm,
                fd: descriptor.fd,
                access: file.access,
                file: Some(descriptor.file),
                endpoint,
            })
        });
        let others = snapshot.holders.iter().map(|holder| Peer {
            process: holder.process,
            leader: holder.leader,
            comm: &holder.comm,
            fd: holder.fd,
            access: holder.access,
            file: None,
            endpoint: holder.endpoint,
        });
        for peer in shown.chain(others) {
            let sides = ends.entry(peer.endpoint.channel).or_default();
            match sides.iter_mut().find(|(side, _)| *side == peer.endpoint.side) {
                Some((_, peers)) => peers.push(peer),
                None => sides.push((peer.endpoint.side, vec![peer])),
            }
        }
        Self { snapshot, ends }
    }

    /// Who is at the other end of a descriptor. Of a socket of datagrams these are whom it sends to and
    /// those who are connected to it.
    pub fn peers(&self, process: ProcessId, descriptor: &Descriptor) -> Peers<'_> {
        let file = self.snapshot.file(descriptor);
        match &file.beyond {
            Some(Beyond::Outside(address)) => return Peers::Outside(address),
            Some(Beyond::Unknown(failure)) => return Peers::Unknown(failure),
            Some(Beyond::NotAsked) => return Peers::NotAsked,
            None if file.ends.is_empty() => return Peers::NotAnEnd,
            None => {}
        }
        let facing = |end: &Endpoint| {
            let own = end.side;
            let sides = self.sides(end.channel).iter();
            sides.filter(move |(side, _)| own.faces(*side)).map(|(_, peers)| &peers[..])
        };
        let sides = file.ends.iter().flat_map(facing).collect();
        let faces_itself = file.ends.iter().any(|end| end.side.faces(end.side));
        let own = (process, descriptor.fd);
        let peers = Found::new(sides, own, faces_itself, file.ends.len() > 1);
        match self.snapshot.coverage.unreadable.first() {
            _ if peers.is_empty() && is_of_nobody(&file.ends) => Peers::Found(peers),
            Some((_, failure)) if peers.is_empty() => Peers::Unknown(failure),
            _ => Peers::Found(peers),
        }
    }

    /// Every end of a channel that was found.
    pub fn holders(&self, channel: Channel) -> impl Iterator<Item = &Peer<'a>> {
        self.sides(channel).iter().flat_map(|(_, peers)| peers)
    }

    fn sides(&self, channel: Channel) -> &[(Side, Vec<Peer<'a>>)] {
        self.ends.get(&channel).map_or(&[], Vec::as_slice)
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
