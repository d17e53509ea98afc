//! Open file descriptions and the files that they refer to.

use super::{Beyond, Channel, ChannelKey, Endpoint, Failure, KindName, Socket};
use std::borrow::Cow;
use std::ops::{Deref, DerefMut, Index, IndexMut};
use std::time::Duration;
use thin_vec::ThinVec;

/// Which of a snapshot's open file descriptions. Their order is that in which they were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId {
    number: u32,
    part: u32,
}

impl FileId {
    /// In the place of one that is still to be taken into a snapshot.
    pub const TO_COME: Self = Self { number: u32::MAX, part: u32::MAX };

    /// Its number, from 0.
    pub fn number(self) -> u32 {
        self.number
    }
}

/// The open file descriptions of a snapshot.
///
/// Those of one process stay together where they were made: of 100,000, putting all into one row would take more
/// time and more room than what is done with them afterwards.
#[derive(Debug, Clone, Default)]
pub struct Files {
    /// Each with the number of its first one.
    parts: Vec<(u32, Vec<OpenFile>)>,
    len: u32,
}

impl Files {
    /// Takes in some, and gives out their names, in their order.
    pub fn add(&mut self, part: Vec<OpenFile>) -> impl Iterator<Item = FileId> + use<> {
        let (first, place) = (self.len, count(&self.parts));
        self.len += count(&part);
        self.parts.push((first, part));
        (first..self.len).map(move |number| FileId { number, part: place })
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &OpenFile> {
        self.parts.iter().flat_map(|(_, part)| part)
    }
}

/// A process has at most 2³⁰ descriptors (`fs.nr_open`, proc_sys_fs(5)), and each takes the kernel more memory than
/// this number takes.
fn count<T>(all: &[T]) -> u32 {
    u32::try_from(all.len()).unwrap_or(u32::MAX)
}

impl Index<FileId> for Files {
    type Output = OpenFile;

    fn index(&self, id: FileId) -> &OpenFile {
        let (first, part) = &self.parts[id.part as usize];
        &part[(id.number - first) as usize]
    }
}

impl IndexMut<FileId> for Files {
    fn index_mut(&mut self, id: FileId) -> &mut OpenFile {
        let (first, part) = &mut self.parts[id.part as usize];
        &mut part[(id.number - *first) as usize]
    }
}

/// What a descriptor may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Reading only.
    Read,
    /// Writing only.
    Write,
    /// Both.
    ReadWrite,
    /// Neither: it names a file (O_PATH).
    Path,
    /// Neither, but ioctl(2): opened with access mode 3, as open(2) tells.
    Neither,
}

impl Access {
    /// Whether it may be read.
    pub fn reads(self) -> bool {
        matches!(self, Self::Read | Self::ReadWrite)
    }

    /// Whether it may be written.
    pub fn writes(self) -> bool {
        matches!(self, Self::Write | Self::ReadWrite)
    }

    /// `r`, `w`, `rw`, `path` or `-`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "r",
            Self::Write => "w",
            Self::ReadWrite => "rw",
            Self::Path => "path",
            Self::Neither => "-",
        }
    }
}

/// A file: the number of an inode on a device. Files of two filesystems may have the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Inode {
    /// Major and minor number of the device.
    pub dev: (u32, u32),
    /// Its number there.
    pub ino: u64,
}

/// What stat(2) says of a file of any kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Type and permission bits (inode(7)); anonymous inodes have no type.
    pub mode: u32,
    /// Its length in bytes; of what has none, mostly 0.
    pub size: u64,
    /// How many names it has.
    pub nlink: u32,
}

/// One value of what only some kinds of file have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// Bytes, not always UTF-8.
    Text(Vec<u8>),
    /// A number.
    Number(u64),
    /// A number that may be below zero.
    Integer(i64),
    /// Yes or no.
    Flag(bool),
    /// A length of time.
    Time(Duration),
    /// Several, in the kernel's order.
    List(Vec<Fact>),
    /// Several that belong together.
    Group(Facts),
}

impl Fact {
    /// A text that is UTF-8.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into().into_bytes())
    }

    /// The one of this name.
    pub fn named<'a>(facts: &'a [Named], name: &str) -> Option<&'a Self> {
        facts.iter().find(|(known, _)| known == name).map(|(_, fact)| fact)
    }
}

/// A value and its name. Nearly all names are known when the program is built.
pub type Named = (Cow<'static, str>, Fact);

/// Named values, in the order in which to show them.
pub type Facts = Vec<Named>;

/// Whether it is known which descriptors refer to one open file description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// Compared with every descriptor that was asked about and could be the same, by kcmp(2).
    Proven,
    /// At least one comparison failed, so there may be sharing that is not shown.
    Unproven(Failure),
    /// Nobody asked.
    NotAsked,
}

/// An open file description, with what is known of the file that it refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenFile {
    /// The kind of file.
    pub kind: KindName,
    /// The kernel's name for it, without ` (deleted)` when [`Self::deleted`] says so.
    pub name: Result<Vec<u8>, Failure>,
    /// Whether the name that it was opened by is gone. A file that has another name left and may, by what
    /// could be found out, as well be called `x (deleted)` is not said to be.
    pub deleted: bool,
    /// What it was opened for; `None` where that was not read.
    pub access: Option<Access>,
    /// The file; `None` where it could not be stat'ed.
    pub inode: Option<Inode>,
    /// What only this kind has.
    pub facts: ThinVec<Named>,
    /// Of a socket: its state and addresses.
    pub socket: Option<Box<Socket>>,
    /// The channels that it is an end of; none where it is an end of nothing.
    pub ends: Box<[Endpoint]>,
    /// What a listing of all mostly does not ask for.
    pub more: More,
}

/// What most files of a long listing have nothing of, so that they have room for no more than a pointer to it.
#[derive(Debug, Clone, Eq, Default)]
pub struct More(Option<Box<Details>>);

/// Room that has nothing in it is no more than none.
impl PartialEq for More {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

/// What there may be to say of an open file description besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    /// The O_* flags of open(2), without O_CLOEXEC; `None` where fdinfo was not read.
    pub flags: Option<u32>,
    /// The file offset in bytes; `None` where fdinfo was not read.
    pub offset: Option<i64>,
    /// What stat(2) says of the file besides its number; `None` where that failed, or was not asked for.
    pub stat: Option<Stat>,
    /// The most telling of the facts in one line, in the kernel's own words and in no language. Some of it
    /// may be another process's words.
    pub brief: Option<String>,
    /// What else there is to say of its other side.
    pub beyond: Option<Beyond>,
    /// Whether sharing is known.
    pub identity: Identity,
}

impl Details {
    /// Nothing.
    const NONE: Self = Self {
        flags: None,
        offset: None,
        stat: None,
        brief: None,
        beyond: None,
        identity: Identity::NotAsked,
    };
}

impl From<Details> for More {
    fn from(details: Details) -> Self {
        Self((details != Details::NONE).then(|| Box::new(details)))
    }
}

impl Deref for More {
    type Target = Details;

    fn deref(&self) -> &Details {
        static NONE: Details = Details::NONE;
        self.0.as_deref().unwrap_or(&NONE)
    }
}

impl DerefMut for More {
    fn deref_mut(&mut self) -> &mut Details {
        self.0.get_or_insert_with(|| Box::new(Details::NONE))
    }
}

impl OpenFile {
    /// The channel that the file itself is, so that all who have it open are connected through it: that
    /// of a pipe, a FIFO, a message queue.
    pub fn pipe(&self) -> Option<Channel> {
        let channel = self.ends.first()?.channel;
        matches!(channel.key, ChannelKey::File(_)).then_some(channel)
    }
}
