//! The nouns: what there is to say of processes and their descriptors.
//!
//! Three levels, as the kernel has them. A [`Descriptor`] is a number in one process's table with its
//! own CLOEXEC bit. It refers to an [`OpenFile`], the open file description (open(2)): offset, access
//! mode and status flags, shared by dup and fork. That refers to a file, its [`Inode`]. fork copies
//! the first and shares the second; so they are different types here, and a [`Snapshot`] holds the
//! open file descriptions apart from the tables that refer to them.
//!
//! Nothing here reads, renders or guesses. What could not be read is a [`Gap`].

mod candidate;
mod changes;
mod endpoint;
mod flags;
mod gap;
mod names;
mod open_file;
mod process;
mod socket;
mod step;
mod wiring;

pub use candidate::Candidate;
pub use changes::changes;
pub use endpoint::{Beyond, Channel, ChannelKey, Endpoint, Means, Side, Watch};
pub use flags::{bit_names, event_names, flag_names};
pub use gap::{Failure, Gap, Hint, Subject};
pub use names::{KindName, Word};
pub use open_file::{
    Access, Details, Fact, Facts, FileId, Files, Identity, Inode, More, Named, OpenFile, Stat,
};
pub use process::{Descriptor, FdTable, Limit, Place, Placed, Process, ProcessId, State};
pub use socket::{Lingering, Socket};
pub use step::{Change, Fate, Glimpse, Step};
pub use wiring::{Coverage, Holder};

use std::collections::HashSet;
use std::time::SystemTime;

/// The machine that a snapshot is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// The kernel's release.
    pub kernel: String,
}

/// What was read of some processes, once.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// When the reading began.
    pub taken_at: SystemTime,
    /// Where.
    pub host: Option<Host>,
    /// The processes asked for, in the order asked for.
    pub processes: Vec<Process>,
    /// The open file descriptions that their descriptors refer to.
    pub files: Files,
    /// Who else holds an end of a channel that a descriptor shown is an end of.
    pub holders: Vec<Holder>,
    /// Whose tables were looked through for the other ends.
    pub coverage: Coverage,
    /// What could not be read.
    pub gaps: Vec<Gap>,
}

impl Snapshot {
    /// The open file description that `descriptor` refers to.
    pub fn file(&self, descriptor: &Descriptor) -> &OpenFile {
        &self.files[descriptor.file]
    }

    /// Whether all that was asked for was read. A process that is gone counts as read: there is
    /// nothing to read of it.
    pub fn is_complete(&self) -> bool {
        self.gaps.iter().all(Gap::is_of_a_gone_process) && self.unsearched().next().is_none()
    }

    /// The processes that are not shown and whose tables could not be searched for other ends, where
    /// there was an end to search the other of.
    pub fn unsearched(&self) -> impl Iterator<Item = &(i32, Failure)> {
        let has_ends = self.files.iter().any(|file| !file.ends.is_empty());
        let shown: HashSet<i32> = self.processes.iter().map(|process| process.id.pid).collect();
        self.coverage.unreadable.iter().filter(move |(pid, _)| has_ends && !shown.contains(pid))
    }

    /// Every descriptor with its process, in order.
    pub fn descriptors(&self) -> impl Iterator<Item = (&Process, &Descriptor)> {
        self.processes.iter().flat_map(|process| {
            process.table.iter().flat_map(|table| &table.descriptors).map(move |d| (process, d))
        })
    }
}
