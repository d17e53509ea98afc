//! Who is connected to whom: the descriptors at the other end of a channel.

use crate::model::{Access, Channel, Descriptor, Endpoint, Failure, ProcessId, Snapshot};
use std::collections::{HashMap, HashSet};

/// A descriptor at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer<'a> {
    /// Whose.
    pub process: ProcessId,
    /// That process's command.
    pub comm: &'a [u8],
    /// Its number there.
    pub fd: i32,
    /// What it is open for.
    pub access: Option<Access>,
    endpoint: Endpoint,
}

/// What is known of the other end of a descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peers<'a> {
    /// It is not an end of anything.
    NotAnEnd,
    /// These are at the other end; none, when every table was looked through and there is none.
    Found(Vec<Peer<'a>>),
    /// None was found, but not every table could be read, so there may be one.
    Unknown(&'a Failure),
}

/// The ends of each channel, joined once in time linear in their number.
#[derive(Debug)]
pub struct Wiring<'a> {
    snapshot: &'a Snapshot,
    ends: HashMap<Channel, Vec<Peer<'a>>>,
}

impl<'a> Wiring<'a> {
    /// Joins the ends in `snapshot`.
    pub fn new(snapshot: &'a Snapshot) -> Self {
        let mut ends: HashMap<Channel, Vec<Peer<'a>>> = HashMap::new();
        let shown = snapshot.descriptors().filter_map(|(process, descriptor)| {
            let file = snapshot.file(descriptor);
            Some(Peer {
                process: process.id,
                comm: &process.comm,
                fd: descriptor.fd,
                access: file.access,
                endpoint: file.endpoint?,
            })
        });
        let others = snapshot.holders.iter().map(|holder| Peer {
            process: holder.process,
            comm: &holder.comm,
            fd: holder.fd,
            access: holder.access,
            endpoint: holder.endpoint,
        });
        for peer in shown.chain(others) {
            ends.entry(peer.endpoint.channel).or_default().push(peer);
        }
        Self { snapshot, ends }
    }

    /// Who is at the other end of a descriptor.
    pub fn peers(&self, process: ProcessId, descriptor: &Descriptor) -> Peers<'a> {
        let Some(endpoint) = self.snapshot.file(descriptor).endpoint else {
            return Peers::NotAnEnd;
        };
        let peers: Vec<_> = self
            .holders(endpoint.channel)
            .iter()
            .filter(|peer| endpoint.sides.face(peer.endpoint.sides))
            // A FIFO opened for both faces itself.
            .filter(|peer| (peer.process, peer.fd) != (process, descriptor.fd))
            .copied()
            .collect();
        match self.snapshot.coverage.unreadable.first() {
            Some((_, failure)) if peers.is_empty() => Peers::Unknown(failure),
            _ => Peers::Found(peers),
        }
    }

    /// Every end of a channel that was found.
    pub fn holders(&self, channel: Channel) -> &[Peer<'a>] {
        self.ends.get(&channel).map_or(&[], Vec::as_slice)
    }

    /// The channels that have an end in a process shown, in the order of their first ends.
    pub fn channels(&self) -> Vec<Channel> {
        let mut seen = HashSet::new();
        self.snapshot
            .descriptors()
            .filter_map(|(_, descriptor)| Some(self.snapshot.file(descriptor).endpoint?.channel))
            .filter(|channel| seen.insert(*channel))
            .collect()
    }
}

impl Peer<'_> {
    /// Whether it takes bytes out of the channel.
    pub fn reads(&self) -> bool {
        self.endpoint.sides.reads
    }

    /// Whether it puts bytes into the channel.
    pub fn writes(&self) -> bool {
        self.endpoint.sides.writes
    }
}
