//! A task's files, described as soon as they are read, while what was read of them is at hand: so the rows of 100,000
//! descriptors are never there all at once. Sockets have to wait: what they are stands in lists that are read for all
//! tasks together.

use super::files::{self, Describer};
use super::sockets::Tables;
use super::waiting::Waiting;
use super::{cause, ends, gap, place_of};
use crate::kernel::{FdRow, FileStat, TaskRow};
use crate::model::{Descriptor, Failure, FdTable, FileId, Files, Gap, OpenFile, Place, Subject};
use thin_vec::ThinVec;

/// What there is to say of a task's files.
#[derive(Debug)]
pub struct Described {
    /// Its descriptors, or why there are none.
    pub table: Result<Table, Failure>,
    /// What it refers to without one.
    pub places: Vec<(Place, OpenFile)>,
    /// Why other ends may be hidden there.
    pub unreadable: Option<Failure>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
}

/// Descriptors, and beside each the open file description that it refers to.
#[derive(Debug, Default)]
pub struct Table {
    descriptors: Vec<Descriptor>,
    files: Vec<Met>,
}

/// An open file description.
#[derive(Debug)]
enum Met {
    Known(OpenFile),
    /// A socket that is yet to be looked up.
    Socket(Box<Waiting>),
}

/// So that one becomes the other where it stands.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Met>() == size_of::<OpenFile>());

impl Described {
    /// Describes what was read of a task, and takes it out of the row.
    pub fn of(row: &mut TaskRow, describer: &Describer<'_>) -> Self {
        let pid = row.pid;
        let (mut gaps, mut unreadable) = (Vec::new(), None);
        let table = match std::mem::replace(&mut row.table, Ok(Vec::new())) {
            Ok(fds) => {
                unreadable = ends::unseen(&fds).map(cause);
                let (descriptors, files) =
                    fds.into_iter().map(|fd| met(pid, fd, describer, &mut gaps)).unzip();
                Ok(Table { descriptors, files })
            }
            // A zombie's was closed at exit and a kernel thread has none, whoever may look at it.
            Err(_) if row.stat.is_dead() || row.stat.is_kernel_thread() => Ok(Table::default()),
            Err(failure) => {
                gaps.push(gap(Some(pid), Subject::FdTable, failure));
                unreadable = Some(cause(failure));
                Err(cause(failure))
            }
        };
        let places = std::mem::take(&mut row.places);
        let places = places
            .iter()
            .map(|place| (place_of(place.kind), describer.describe_place(pid, place, &mut gaps)))
            .collect();
        Self { table, places, unreadable, gaps }
    }

    /// Its sockets.
    pub fn sockets(&self) -> impl Iterator<Item = &Waiting> {
        self.table.iter().flat_map(|table| &table.files).filter_map(|file| match file {
            Met::Socket(waiting) => Some(&**waiting),
            Met::Known(_) => None,
        })
    }

    /// The same, to fill in what lists tell.
    pub fn sockets_mut(&mut self) -> impl Iterator<Item = &mut Waiting> {
        self.table.iter_mut().flat_map(|table| &mut table.files).filter_map(|file| match file {
            Met::Socket(waiting) => Some(&mut **waiting),
            Met::Known(_) => None,
        })
    }

    /// Describes its sockets with what the lists tell.
    pub fn look_up(&mut self, pid: i32, describer: &Describer<'_>, lists: &Tables) {
        let Self { table, gaps, .. } = self;
        let Ok(table) = table else { return };
        let known = |file| match file {
            Met::Socket(waiting) => {
                Met::Known(describer.describe(pid, &mut waiting.into_row(), lists, gaps).0)
            }
            Met::Known(file) => Met::Known(file),
        };
        // Each becomes what it is where it stands.
        table.files = std::mem::take(&mut table.files).into_iter().map(known).collect();
    }
}

impl Table {
    /// The table, when all is described, and its open file descriptions among those of the snapshot.
    pub fn finish(self, files: &mut Files) -> FdTable {
        let Self { mut descriptors, files: own } = self;
        // Both stay where they are: this makes no other vector.
        let own = own.into_iter().filter_map(|file| match file {
            Met::Known(file) => Some(file),
            Met::Socket(_) => None,
        });
        for (descriptor, file) in descriptors.iter_mut().zip(files.add(own.collect())) {
            descriptor.file = file;
        }
        FdTable { descriptors }
    }
}

fn met(pid: i32, mut row: FdRow, describer: &Describer<'_>, gaps: &mut Vec<Gap>) -> (Descriptor, Met) {
    let descriptor = Descriptor {
        fd: row.fd,
        cloexec: files::cloexec(&row),
        file: FileId::TO_COME,
        watches: ThinVec::new(),
    };
    if let Some(stat) = row.stat.ok().filter(FileStat::is_socket) {
        return (descriptor, Met::Socket(Box::new(Waiting::of(row, stat))));
    }
    let (file, watches) = describer.describe(pid, &mut row, &Tables::default(), gaps);
    (Descriptor { watches: watches.into(), ..descriptor }, Met::Known(file))
}
