//! From clue to meaning: what kind of file a descriptor refers to, and what there is to say of it.
//!
//! One file for each kind, with one [`Kind`] in it; the files' names are the kinds'. [`KINDS`] lists
//! them in the order in which they are asked: the first that recognises a clue has it, and the last,
//! `unknown`, recognises all. To add a kind, write its file and name it twice below; a test holds the
//! list against the folder.
//!
//! Nothing here reads anything: a [`Clue`] holds all that the kernel said. What takes a call of its own
//! is a [`Question`] that a kind has, and `collect` puts the answer into the clue. Two files are no kinds:
//! `answers`, on that, and `locks`, which any file may have.

mod anon;
mod answers;
mod block;
mod bpf_link;
mod bpf_map;
mod bpf_prog;
mod char;
mod dir;
mod eventfd;
mod eventpoll;
mod fanotify;
mod fifo;
mod file;
mod icmp;
mod inotify;
mod io_uring;
mod locks;
mod memfd;
mod mqueue;
mod namespace;
mod netlink;
mod packet;
mod perf_event;
mod pidfd;
mod pipe;
mod raw;
mod signalfd;
mod socket;
mod symlink;
mod tcp;
mod timerfd;
mod tty;
mod udp;
mod udplite;
mod unix;
mod unknown;
mod userfaultfd;
mod vsock;

pub use answers::{Answers, BpfObject, FileHandle, Question};
pub use locks::locks;
pub use netlink::protocol_name as netlink_protocol;
pub use socket::family_name;
pub use tty::MASTER as PTY_MASTER;

use crate::model::{Access, Beyond, Endpoint, Facts, Failure, Inode, KindName, Watch, Word};
use std::collections::HashMap;
use std::sync::LazyLock;

/// All kinds, in the order in which they are asked.
pub const KINDS: &[&Kind] = &[
    &pipe::KIND,
    &fifo::KIND,
    &tcp::KIND,
    &udp::KIND,
    &unix::KIND,
    &udplite::KIND,
    &icmp::KIND,
    &raw::KIND,
    &netlink::KIND,
    &packet::KIND,
    &vsock::KIND,
    &socket::KIND,
    &namespace::KIND,
    &pidfd::KIND,
    &memfd::KIND,
    &mqueue::KIND,
    &file::KIND,
    &dir::KIND,
    &symlink::KIND,
    &tty::KIND,
    &char::KIND,
    &block::KIND,
    &eventfd::KIND,
    &eventpoll::KIND,
    &timerfd::KIND,
    &signalfd::KIND,
    &inotify::KIND,
    &fanotify::KIND,
    &bpf_map::KIND,
    &bpf_prog::KIND,
    &bpf_link::KIND,
    &io_uring::KIND,
    &userfaultfd::KIND,
    &perf_event::KIND,
    &anon::KIND,
    &unknown::KIND,
];

/// A kind of file.
pub struct Kind {
    /// Its name.
    pub name: KindName,
    /// Whether a clue is of this kind.
    pub recognises: fn(&Clue<'_>) -> bool,
    /// What there is to say of a file of this kind.
    pub describe: fn(&Clue<'_>) -> Description,
    /// Of a kind of socket: the protocols that belong to it.
    pub protocols: &'static [Protocol],
    /// What of such a file takes a question of its own to the kernel, where that is asked for.
    pub asks: fn(&Clue<'_>) -> Vec<Question>,
    /// A clue as the kernel gives it for such a file.
    pub sample: Clue<'static>,
}

impl Kind {
    /// What a kind has that says nothing of it.
    const BASE: Self = Self {
        name: KindName(&""),
        recognises: |_| false,
        describe: |_| Description::default(),
        protocols: &[],
        asks: |_| Vec::new(),
        sample: Clue::NONE,
    };
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Kind({})", self.name)
    }
}

/// A protocol of sockets.
#[derive(Debug, Clone, Copy)]
pub struct Protocol {
    /// The kernel's name for it (`struct proto.name`, which sockfs shows).
    pub name: &'static str,
    /// The address family.
    pub family: &'static str,
    /// `stream`, `dgram` or `raw`, where the protocol has just one.
    pub kind: Option<&'static str>,
    /// The name of the list that the kernel has of its sockets, where it has one.
    pub table: Option<&'static str>,
    /// The word for a state by its number in `include/net/tcp_states.h`.
    pub state: fn(u8) -> Option<Word>,
}

/// The type of an inode (inode(7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileType {
    /// S_IFREG
    Regular,
    /// S_IFDIR
    Directory,
    /// S_IFLNK
    Symlink,
    /// S_IFCHR
    Char,
    /// S_IFBLK
    Block,
    /// S_IFIFO
    Fifo,
    /// S_IFSOCK
    Socket,
    /// No type bits: an anonymous inode.
    Anonymous,
}

/// What the kernel said of one descriptor.
#[derive(Debug, Clone, Copy)]
pub struct Clue<'a> {
    /// The text of its link.
    pub link: Option<&'a [u8]>,
    /// The inode's type.
    pub file_type: Option<FileType>,
    /// The inode.
    pub inode: Option<Inode>,
    /// Of a device file: the device.
    pub rdev: Option<(u32, u32)>,
    /// How many names the inode has.
    pub nlink: u32,
    /// Its length, its permission bits, and what it takes on its device.
    pub extent: Option<Extent>,
    /// The mount that it was opened through, by its number in mountinfo (proc_pid_mountinfo(5)).
    pub mount: Option<u64>,
    /// The block size for I/O, in bytes.
    pub block_size: u32,
    /// Of a device file: the name of the driver that the device belongs to.
    pub driver: Option<&'a str>,
    /// Of a character device: whether a terminal driver has it.
    pub is_tty: bool,
    /// Whether it is on the device on which the kernel makes memfds.
    pub on_memfd_device: bool,
    /// Whether it is on the kernel's filesystem of namespaces.
    pub on_nsfs: bool,
    /// What the descriptor was opened for.
    pub access: Option<Access>,
    /// Of a socket: the kernel's name for its protocol.
    pub protocol: Option<&'a str>,
    /// Whether it is on a filesystem of message queues.
    pub is_mqueue: bool,
    /// Of the master of a pseudoterminal: the device of its devpts instance.
    pub devpts: Option<&'a Result<(u32, u32), Failure>>,
    /// The lines of fdinfo that only this kind has.
    pub lines: &'a [(Vec<u8>, Vec<u8>)],
    /// What was answered to the kind's questions.
    pub answers: Option<&'a Answers>,
}

/// What stat(2) says of a file's length and place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Its length in bytes.
    pub size: u64,
    /// What it takes, in bytes: less than its length where it has holes.
    pub allocated: u64,
    /// The permission bits, with set-user-ID, set-group-ID and sticky.
    pub mode: u32,
}

impl Clue<'_> {
    /// A clue that says nothing.
    pub const NONE: Clue<'static> = Clue {
        link: None,
        file_type: None,
        inode: None,
        rdev: None,
        nlink: 1,
        extent: None,
        mount: None,
        block_size: 4096,
        driver: None,
        is_tty: false,
        on_memfd_device: false,
        on_nsfs: false,
        access: None,
        protocol: None,
        is_mqueue: false,
        devpts: None,
        lines: &[],
        answers: None,
    };

    /// The value of a line of fdinfo.
    pub fn text(&self, name: &str) -> Option<&str> {
        let line = self.lines.iter().find(|(known, _)| known == name.as_bytes());
        line.and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// The value of a line of fdinfo that is a decimal number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    /// Whether the link's text begins so.
    pub fn link_starts_with(&self, prefix: &[u8]) -> bool {
        self.link.is_some_and(|link| link.starts_with(prefix))
    }

    /// Whether it is an anonymous inode of this name, which some kernels put in brackets and some do not.
    pub fn is_anonymous(&self, name: &str) -> bool {
        let told = self.link.and_then(|link| link.strip_prefix(b"anon_inode:"));
        let bare = |told: &[u8]| {
            told.strip_prefix(b"[").and_then(|told| told.strip_suffix(b"]")) == Some(name.as_bytes())
        };
        told.is_some_and(|told| told == name.as_bytes() || bare(told))
    }

    /// Whether the file has a path. The kernel puts `(unreachable)` before one that does not lead
    /// there from the reader's root.
    pub fn has_path(&self) -> bool {
        self.link_starts_with(b"/") || self.link_starts_with(b"(unreachable)")
    }
}

/// What a kind has to say of a file.
#[derive(Debug, Clone, Default)]
pub struct Description {
    /// What only this kind has.
    pub facts: Facts,
    /// The ends of channels that it is.
    pub ends: Vec<Endpoint>,
    /// What else is known of its other side.
    pub beyond: Option<Beyond>,
    /// Of an epoll instance: what it watches.
    pub watches: Vec<Watch>,
    /// The most telling of it in one line, in the kernel's own words.
    pub brief: Option<String>,
    /// The kernel's ` (deleted)` says nothing here: such a file never had a name.
    pub nameless: bool,
}

/// The kind of a file.
pub fn recognise(clue: &Clue<'_>) -> &'static Kind {
    KINDS.iter().find(|kind| (kind.recognises)(clue)).copied().unwrap_or(&unknown::KIND)
}

/// The protocol of this name, where a kind has it.
pub fn protocol(name: &str) -> Option<&'static Protocol> {
    // Asked of each socket, of which there may be as many as descriptors.
    static BY_NAME: LazyLock<HashMap<&str, &Protocol>> = LazyLock::new(|| {
        KINDS.iter().flat_map(|kind| kind.protocols).map(|protocol| (protocol.name, protocol)).collect()
    });
    BY_NAME.get(name).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_sample_is_recognised_as_its_own_kind() {
        for kind in KINDS {
            assert_eq!(recognise(&kind.sample).name, kind.name);
        }
    }

    #[test]
    fn the_list_is_the_folder() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/kind");
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|file| !["mod.rs", "answers.rs", "locks.rs"].contains(&file.as_str()))
            .map(|file| file.trim_end_matches(".rs").to_owned())
            .collect();
        let listed: BTreeSet<String> = KINDS.iter().map(|kind| kind.name.to_string()).collect();
        assert_eq!(files, listed);
    }

    #[test]
    fn kernels_differ_in_how_they_write_the_names() {
        for (link, file_type, kind) in [
            ("anon_inode:inotify", FileType::Anonymous, "inotify"),
            ("anon_inode:[inotify]", FileType::Anonymous, "inotify"),
            ("anon_inode:[pidfd]", FileType::Anonymous, "pidfd"),
            ("pidfd:[4711]", FileType::Regular, "pidfd"),
            ("anon_inode:bpf-map", FileType::Anonymous, "bpf_map"),
            ("anon_inode:bpf_link", FileType::Anonymous, "bpf_link"),
            ("anon_inode:[bpf_link]", FileType::Anonymous, "bpf_link"),
            ("time:[4026531834]", FileType::Regular, "namespace"),
            ("anon_inode:kvm-vcpu:0", FileType::Anonymous, "anon"),
            ("anon_inode:[timerfd", FileType::Anonymous, "anon"),
            ("/timerfd", FileType::Regular, "file"),
            // No path begins without a slash, but a name may hold anything behind it.
            ("/tmp/net:[4026531840]", FileType::Regular, "file"),
            ("/anon_inode:[timerfd]", FileType::Regular, "file"),
        ] {
            let clue = Clue { link: Some(link.as_bytes()), file_type: Some(file_type), ..Clue::NONE };
            assert_eq!(recognise(&clue).name.as_str(), kind, "{link}");
        }
    }

    #[test]
    fn no_protocol_belongs_to_two_kinds() {
        let names: Vec<_> = KINDS.iter().flat_map(|kind| kind.protocols).map(|p| p.name).collect();
        let unique: BTreeSet<_> = names.iter().collect();
        assert_eq!(names.len(), unique.len());
    }
}
