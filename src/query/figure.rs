//! What there is to draw of a snapshot: processes with their slots, and the objects that these lead to.
//!
//! No coordinates and no words are here: how a figure is laid out and drawn is the view's. An object is
//! a file, not an open file description: two descriptions of one file lead to one object under two
//! labels, and so a reader sees that it was opened twice.

use super::{Peer, Sharing, Wiring};
use crate::model::{
    Access, Channel, Descriptor, Failure, FileId, Identity, Inode, OpenFile, Process, Snapshot,
};
use std::collections::HashMap;

/// A figure's parts, in the order of the snapshot.
#[derive(Debug)]
pub struct Figure<'a> {
    /// The processes.
    pub nodes: Vec<Node<'a>>,
    /// What their slots lead to, as far as it is to be drawn: every channel, and every file that more
    /// than one slot refers to.
    pub objects: Vec<Object<'a>>,
    /// Why an end that was not found may be there all the same.
    pub unsearched: Option<&'a Failure>,
}

/// A process.
#[derive(Debug)]
pub struct Node<'a> {
    /// Which.
    pub process: &'a Process,
    /// Its descriptors, ascending, or why its table could not be read.
    pub slots: Result<Vec<Slot<'a>>, &'a Failure>,
}

/// A descriptor in its process's box.
#[derive(Debug)]
pub struct Slot<'a> {
    /// The number.
    pub fd: i32,
    /// What it refers to.
    pub file: &'a OpenFile,
    /// What tells its open file description from others.
    pub label: Label,
    /// Which of the figure's objects it leads to, where it leads to one.
    pub object: Option<usize>,
}

/// Tells open file descriptions apart: the same letter is the same description.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Label {
    /// No other slot refers to the same file, or none could share this description.
    None,
    /// That of a description; those that are shared have the letters of [`Sharing`].
    Letter(String),
    /// Others refer to the same file, and whether they share the description is not known.
    Unproven,
}

/// Where a slot is: its node and its place there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct At {
    /// Index of the node.
    pub node: usize,
    /// Index in the node's slots.
    pub slot: usize,
}

/// What slots lead to.
#[derive(Debug)]
pub struct Object<'a> {
    /// The first open file description of it: its name and kind are the object's.
    pub file: &'a OpenFile,
    /// The slots, in order.
    pub references: Vec<At>,
    /// Ends of it in processes that are not in the figure.
    pub outside: Vec<Peer<'a>>,
}

/// What makes two descriptors lead to the same object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Channel(Channel),
    File(Inode),
    Description(FileId),
}

impl Key {
    fn new(file: &OpenFile, id: FileId) -> Self {
        // Every anonymous inode is one and the same inode: only the description tells them apart.
        let anonymous = file.name.as_ref().is_ok_and(|name| name.starts_with(b"anon_inode:"));
        match (file.pipe(), file.inode) {
            (Some(channel), _) => Self::Channel(channel),
            (None, Some(inode)) if !anonymous => Self::File(inode),
            _ => Self::Description(id),
        }
    }
}

impl<'a> Figure<'a> {
    /// Finds them in `snapshot`.
    pub fn new(snapshot: &'a Snapshot) -> Self {
        let (objects, numbers) = objects(snapshot);
        let sharing = Sharing::new(snapshot);
        let mut letters = Letters { sharing: &sharing, likes: likes(snapshot), own: HashMap::new() };
        let nodes = snapshot
            .processes
            .iter()
            .map(|process| Node {
                process,
                slots: process.table.as_ref().map(|table| {
                    let slot = |descriptor: &Descriptor| {
                        let file = snapshot.file(descriptor);
                        let object = numbers.get(&Key::new(file, descriptor.file)).copied();
                        let label = letters.label(descriptor, file);
                        Slot { fd: descriptor.fd, file, label, object }
                    };
                    table.descriptors.iter().map(slot).collect()
                }),
            })
            .collect();
        let unsearched = snapshot.coverage.unreadable.first().map(|(_, failure)| failure);
        Self { nodes, objects, unsearched }
    }

    /// The slot at a place.
    pub fn slot(&self, at: At) -> Option<&Slot<'a>> {
        self.nodes.get(at.node)?.slots.as_ref().ok()?.get(at.slot)
    }

    /// Every slot that leads to an object, in order.
    pub fn leads(&self) -> impl Iterator<Item = (At, &Slot<'a>, usize)> {
        self.nodes.iter().enumerate().flat_map(|(node, shown)| {
            shown
                .slots
                .iter()
                .flatten()
                .enumerate()
                .filter_map(move |(slot, lead)| lead.object.map(|object| (At { node, slot }, lead, object)))
        })
    }

    /// Of a channel with one writer and one reader, both in the figure: these. What has more ends, or
    /// fewer, cannot be drawn as one wire between two slots.
    pub fn pair(&self, object: &Object<'_>) -> Option<(At, At)> {
        let &[one, other] = &object.references[..] else { return None };
        let access = |at| self.slot(at)?.file.access;
        match (object.file.pipe(), access(one), access(other)) {
            _ if !object.outside.is_empty() => None,
            (Some(_), Some(Access::Write), Some(Access::Read)) => Some((one, other)),
            (Some(_), Some(Access::Read), Some(Access::Write)) => Some((other, one)),
            _ => None,
        }
    }
}

/// The objects that are to be drawn, and the number of each.
fn objects(snapshot: &Snapshot) -> (Vec<Object<'_>>, HashMap<Key, usize>) {
    let mut numbers = HashMap::new();
    let mut all: Vec<(Key, Object<'_>)> = Vec::new();
    for (node, process) in snapshot.processes.iter().enumerate() {
        for (slot, descriptor) in process.table.iter().flat_map(|table| &table.descriptors).enumerate() {
            let file = snapshot.file(descriptor);
            let key = Key::new(file, descriptor.file);
            let index = *numbers.entry(key).or_insert(all.len());
            if index == all.len() {
                all.push((key, Object { file, references: Vec::new(), outside: Vec::new() }));
            }
            all[index].1.references.push(At { node, slot });
        }
    }
    let wiring = Wiring::new(snapshot);
    let shown = |peer: &Peer<'_>| snapshot.processes.iter().any(|process| process.id == peer.process);
    numbers.clear();
    let mut objects = Vec::new();
    for (key, mut object) in all {
        if let Key::Channel(channel) = key {
            object.outside = wiring.holders(channel).filter(|peer| !shown(peer)).collect();
        } else if object.references.len() < 2 {
            continue;
        }
        numbers.insert(key, objects.len());
        objects.push(object);
    }
    (objects, numbers)
}

/// Descriptors that letters have to tell apart: those of one object. The two ends of a pipe need none
/// for that.
type Like = (Key, Option<Access>);

fn like(file: &OpenFile, id: FileId) -> Like {
    (Key::new(file, id), file.pipe().and(file.access))
}

/// How many there are of each.
fn likes(snapshot: &Snapshot) -> HashMap<Like, usize> {
    let mut likes = HashMap::new();
    for (_, descriptor) in snapshot.descriptors() {
        *likes.entry(like(snapshot.file(descriptor), descriptor.file)).or_default() += 1;
    }
    likes
}

struct Letters<'a> {
    sharing: &'a Sharing,
    likes: HashMap<Like, usize>,
    /// Those of descriptions that nobody shares, of files that others refer to as well.
    own: HashMap<FileId, String>,
}

impl Letters<'_> {
    fn label(&mut self, descriptor: &Descriptor, file: &OpenFile) -> Label {
        let contested = self.likes.get(&like(file, descriptor.file)).is_some_and(|&count| count > 1);
        match (&file.more.identity, self.sharing.letter(descriptor)) {
            (_, Some(letter)) => Label::Letter(letter),
            (Identity::Unproven(_), None) => Label::Unproven,
            (Identity::NotAsked, None) if contested => Label::Unproven,
            (Identity::Proven, None) if contested => {
                let next = self.sharing.next_letter(self.own.len());
                Label::Letter(self.own.entry(descriptor.file).or_insert(next).clone())
            }
            _ => Label::None,
        }
    }
}
