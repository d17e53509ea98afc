//! Ends, and what they are ends of.

use super::{Access, Failure, Inode, KindName};

/// What bytes flow through between descriptors. Descriptors that have ends of one channel are
/// connected, whichever processes they are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Channel {
    /// The kind of file that has it.
    pub medium: KindName,
    /// Which one.
    pub key: ChannelKey,
}

/// What tells one channel of a medium from all others of the machine. Each is as wide as the kernel's
/// own: numbers of inodes repeat on other filesystems, those of terminals in other instances of devpts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ChannelKey {
    /// One file, through which all who have it open are connected: a pipe, a FIFO, a message queue.
    File(Inode),
    /// A number of a device: the index of a pseudoterminal in its devpts instance, or of what has no
    /// device, with 0:0.
    Number {
        /// The device.
        dev: (u32, u32),
        /// The number.
        number: u64,
    },
    /// Two sockets that are connected to one another, by their inodes, the lower one first; 0 is one
    /// that no descriptor refers to.
    Connection(u64, u64),
    /// What is sent to the socket of this inode, by sockets that are connected to it and not it to them.
    Inbox(u64),
    /// The connections that wait until they are accepted from the listening socket of this inode.
    Backlog(u64),
}

/// Which side of a channel an end is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// That of a channel with a direction: it takes bytes out, puts them in, or both, as a FIFO does
    /// that was opened for both.
    Flow {
        /// It takes bytes out.
        reads: bool,
        /// It puts bytes in.
        writes: bool,
    },
    /// The first side of a channel between two: of a connection the socket with the lower inode, of a
    /// pseudoterminal the master, of a backlog the listening socket.
    One,
    /// The other side of it.
    Other,
}

impl Side {
    /// All that there are.
    pub const ALL: [Self; 6] = [
        Self::Flow { reads: true, writes: false },
        Self::Flow { reads: false, writes: true },
        Self::Flow { reads: true, writes: true },
        Self::Flow { reads: false, writes: false },
        Self::One,
        Self::Other,
    ];

    /// Which of [`Self::ALL`].
    pub fn ordinal(self) -> usize {
        match self {
            Self::Flow { reads: true, writes: false } => 0,
            Self::Flow { reads: false, writes: true } => 1,
            Self::Flow { reads: true, writes: true } => 2,
            Self::Flow { reads: false, writes: false } => 3,
            Self::One => 4,
            Self::Other => 5,
        }
    }

    /// Whether bytes flow between this and `other`, in whichever direction.
    pub fn faces(self, other: Self) -> bool {
        match (self, other) {
            (Self::Flow { reads, writes }, Self::Flow { reads: takes, writes: puts }) => {
                (reads && puts) || (writes && takes)
            }
            (Self::One, Self::Other) | (Self::Other, Self::One) => true,
            _ => false,
        }
    }

    /// Whether it takes bytes out of the channel.
    pub fn reads(self) -> bool {
        !matches!(self, Self::Flow { reads: false, .. })
    }

    /// Whether it puts bytes into the channel.
    pub fn writes(self) -> bool {
        !matches!(self, Self::Flow { writes: false, .. })
    }
}

impl From<Access> for Side {
    fn from(access: Access) -> Self {
        Self::Flow { reads: access.reads(), writes: access.writes() }
    }
}

/// An end of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// Of which.
    pub channel: Channel,
    /// Which side.
    pub side: Side,
}

/// What is known of an other side that no descriptor of this machine was matched with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beyond {
    /// It is at this address, which is none of the network namespace's own: on another machine, or in
    /// another namespace of this one.
    Outside(Vec<u8>),
    /// It could not be found out.
    Unknown(Failure),
    /// Nobody asked.
    NotAsked,
}

/// A file that an epoll instance watches (epoll(7)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watch {
    /// The number under which it was added.
    pub fd: i32,
    /// EPOLL* events that are waited for.
    pub events: u32,
    /// What the program gets back with an event.
    pub data: u64,
    /// The file's offset when it was asked.
    pub pos: i64,
    /// The file that was added.
    pub inode: Inode,
    /// Whether the number still means it, in the process that has the epoll instance.
    pub means: Means,
}

/// Whether a number still means the file that was added under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// The same open file description (proved by kcmp).
    Current,
    /// Nothing, or another open file description: what was added lives on behind another descriptor,
    /// and is still watched.
    Stale,
    /// Not known.
    Unproven,
}

impl Means {
    /// `current`, `stale` or `unproven`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Stale => "stale",
            Self::Unproven => "unproven",
        }
    }
}
