//! What the tests of the figure share: snapshots made by hand, and a drawing as a grid of glyphs.

mod drawings;
mod properties;

use super::{Plan, Words, figure, plan};
use crate::model::{
    Access, Channel, ChannelKey, Coverage, Descriptor, Endpoint, Failure, FdTable, FileId, Files, Holder,
    Identity, Inode, KindName, More, OpenFile, Process, ProcessId, Snapshot, State,
};
use crate::query::Figure;
use crate::view::{Lang, Style};
use std::time::SystemTime;
use thin_vec::ThinVec;
use unicode_width::UnicodeWidthChar;

/// A snapshot in the making.
#[derive(Debug)]
pub struct Draft {
    pub snapshot: Snapshot,
}

impl Draft {
    pub fn new() -> Self {
        let snapshot = Snapshot {
            taken_at: SystemTime::UNIX_EPOCH,
            host: None,
            processes: Vec::new(),
            files: Files::default(),
            holders: Vec::new(),
            coverage: Coverage { whole_host: true, unreadable: Vec::new() },
            gaps: Vec::new(),
        };
        Self { snapshot }
    }

    /// Opens a file: a new open file description.
    pub fn open(&mut self, kind: KindName, name: impl AsRef<[u8]>, access: Access, ino: u64) -> FileId {
        let mut file = OpenFile {
            kind,
            name: Ok(name.as_ref().to_vec()),
            deleted: false,
            access: Some(access),
            inode: Some(Inode { dev: (0, 14), ino }),
            facts: ThinVec::new(),
            socket: None,
            ends: Box::default(),
            more: More::default(),
        };
        (file.more.flags, file.more.offset, file.more.identity) = (Some(0), Some(0), Identity::Proven);
        self.snapshot.files.add(vec![file]).next().unwrap()
    }

    pub fn tty(&mut self) -> FileId {
        self.open(KindName(&"tty"), "/dev/pts/3", Access::ReadWrite, 6)
    }

    /// An end of a pipe.
    pub fn end(&mut self, ino: u64, access: Access) -> FileId {
        let file = self.open(KindName(&"pipe"), format!("pipe:[{ino}]"), access, ino);
        self.snapshot.files[file].ends = [endpoint(ino, access)].into();
        file
    }

    /// The end of a pipe to read from, and that to write to.
    pub fn pipe(&mut self, ino: u64) -> (FileId, FileId) {
        (self.end(ino, Access::Read), self.end(ino, Access::Write))
    }

    pub fn process(&mut self, comm: impl AsRef<[u8]>, pid: i32, slots: &[(i32, FileId)]) {
        let descriptors = slots.iter().map(|&(fd, file)| Descriptor {
            fd,
            cloexec: Some(false),
            file,
            watches: ThinVec::new(),
        });
        self.snapshot.processes.push(Process {
            id: ProcessId { pid, start_ticks: 1 },
            leader: None,
            shares_table: false,
            ppid: 1,
            group: 1,
            comm: comm.as_ref().to_vec(),
            argv: Vec::new(),
            uid: Some(1000),
            user: None,
            state: State::Tracing,
            ns_pids: vec![pid],
            cgroup: None,
            container: None,
            limit: None,
            table: Ok(FdTable { descriptors: descriptors.collect() }),
            places: Vec::new(),
        });
    }

    /// The descriptors of one of the processes, to be changed.
    pub fn slots(&mut self, process: usize) -> &mut Vec<Descriptor> {
        &mut self.snapshot.processes[process].table.as_mut().unwrap().descriptors
    }

    /// An end in a process that is not shown.
    pub fn holder(&mut self, comm: &str, pid: i32, fd: i32, ino: u64, access: Access) {
        self.snapshot.holders.push(Holder {
            process: ProcessId { pid, start_ticks: 1 },
            leader: None,
            comm: comm.into(),
            fd,
            access: Some(access),
            endpoint: endpoint(ino, access),
        });
    }

    pub fn unproven(&mut self, file: FileId) {
        self.snapshot.files[file].more.identity = Identity::Unproven(failure("kcmp", "EPERM"));
    }

    pub fn draw(&self, style: Style) -> String {
        let mut out = Vec::new();
        figure(&mut out, &self.snapshot, style).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// The plan, where there is one for `style`, with the words' figure.
    pub fn with_plan(&self, style: Style, check: impl Fn(&Figure<'_>, &Plan)) -> bool {
        let figure = Figure::new(&self.snapshot);
        let plan = plan(&Words::new(&figure, style), usize::from(style.width.unwrap()));
        if let Some(plan) = &plan {
            check(&figure, plan);
        }
        plan.is_some()
    }
}

fn endpoint(ino: u64, access: Access) -> Endpoint {
    let channel = Channel { medium: KindName(&"pipe"), key: ChannelKey::File(Inode { dev: (0, 14), ino }) };
    Endpoint { channel, side: access.into() }
}

pub fn failure(call: &str, error: &str) -> Failure {
    Failure::new(call, error)
}

pub fn style(width: u16) -> Style {
    Style { lang: Lang::En, color: false, ascii: false, width: Some(width) }
}

/// A drawing's cells; the second one of a wide character holds a NUL.
pub fn grid(text: &str) -> Vec<Vec<char>> {
    let line = |line: &str| {
        let cells = |char: char| {
            let more = char.width().unwrap_or(0).saturating_sub(1);
            std::iter::once(char).chain(std::iter::repeat_n('\0', more))
        };
        line.chars().filter(|char| char.width() != Some(0)).flat_map(cells).collect()
    };
    text.lines().map(line).collect()
}
