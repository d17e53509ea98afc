//! The fields that there are to choose, filter and sort by, and their values.
//!
//! A field has the name of its key in the JSON documents. So one word means one thing, whether it chooses a
//! column (`--columns`), stands in an expression (`--where`) or orders the lines (`--sort`).

use super::{Entry, Known, Peers, Value};
use crate::model::{Access, Fact, Identity, Means, Process, flag_names};
use std::borrow::Cow;

/// How many other ends a line names that is not for a terminal, and how many descriptors a list in JSON: all of them,
/// but where thousands hold one pipe or share one open file description, of which each would have to name all others.
pub const NAMED_IN_A_LINE: usize = 64;

/// A field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// The process's pid.
    Pid,
    /// The id of a thread that is shown for itself.
    Tid,
    /// The parent's pid.
    Ppid,
    /// When it started, in clock ticks after boot.
    StartTicks,
    /// The command's name.
    Command,
    /// Its arguments.
    Argv,
    /// The effective user id.
    Uid,
    /// That user's name.
    User,
    /// What the process is doing.
    State,
    /// How many descriptors it may have.
    Limit,
    /// Its control group.
    Cgroup,
    /// The container that it is in.
    Container,
    /// The descriptor's number, or the word for a place.
    Fd,
    /// The kind of file.
    Kind,
    /// The kernel's name for it.
    Name,
    /// What it is open for.
    Access,
    /// Whether execve(2) closes it.
    Cloexec,
    /// The O_* flags.
    Flags,
    /// The file offset in bytes.
    Offset,
    /// The device.
    Dev,
    /// The inode number.
    Ino,
    /// Whether its name is gone.
    Deleted,
    /// The label of its open file description.
    OpenFile,
    /// Whether sharing is proven.
    Identity,
    /// The other descriptors of its open file description.
    SharedWith,
    /// The descriptors at its other end.
    Peers,
    /// All that only its kind has.
    Facts,
    /// One of these, by its keys, such as `["tcp_info", "rtt"]`.
    Fact(Vec<String>),
}

/// What has to be read for a field, beyond names, kinds and inodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wants {
    /// Arguments, limits and control groups, and users.
    pub details: bool,
    /// Users alone.
    pub users: bool,
    /// Flags, CLOEXEC, offsets and most kinds' facts.
    pub fdinfo: bool,
    /// Addresses and states of sockets.
    pub sockets: bool,
    /// What TCP measures.
    pub tcp_info: bool,
    /// The other ends.
    pub ends: bool,
    /// Which descriptors share an open file description.
    pub identity: bool,
}

impl Wants {
    /// What both want.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            details: self.details || other.details,
            users: self.users || other.users,
            fdinfo: self.fdinfo || other.fdinfo,
            sockets: self.sockets || other.sockets,
            tcp_info: self.tcp_info || other.tcp_info,
            ends: self.ends || other.ends,
            identity: self.identity || other.identity,
        }
    }
}

/// The fields with a name of their own, in the order of the documents.
const NAMES: [(&str, Field); 27] = [
    ("pid", Field::Pid),
    ("tid", Field::Tid),
    ("ppid", Field::Ppid),
    ("start_ticks", Field::StartTicks),
    ("command", Field::Command),
    ("argv", Field::Argv),
    ("uid", Field::Uid),
    ("user", Field::User),
    ("state", Field::State),
    ("limit", Field::Limit),
    ("cgroup", Field::Cgroup),
    ("container", Field::Container),
    ("fd", Field::Fd),
    ("kind", Field::Kind),
    ("name", Field::Name),
    ("access", Field::Access),
    ("cloexec", Field::Cloexec),
    ("flags", Field::Flags),
    ("offset", Field::Offset),
    ("dev", Field::Dev),
    ("ino", Field::Ino),
    ("deleted", Field::Deleted),
    ("open_file", Field::OpenFile),
    ("identity", Field::Identity),
    ("shared_with", Field::SharedWith),
    ("peers", Field::Peers),
    ("facts", Field::Facts),
];

/// Other words for fields: those of the headings, and facts that people name without saying so.
const ALIASES: [(&str, &str); 16] = [
    ("mode", "access"),
    ("connected", "peers"),
    ("shared", "shared_with"),
    ("inode", "ino"),
    ("device", "dev"),
    ("size", "facts.size"),
    ("nlink", "facts.nlink"),
    ("locks", "facts.locks"),
    ("mount", "facts.mount"),
    ("driver", "facts.driver"),
    ("local", "facts.local"),
    ("remote", "facts.remote"),
    ("protocol", "facts.protocol"),
    ("family", "facts.family"),
    ("netns", "facts.netns"),
    ("cookie", "facts.cookie"),
];

/// Facts that every socket may have; all others come from fdinfo or cost nothing.
pub(super) const OF_SOCKETS: [&str; 12] = [
    "family",
    "type",
    "protocol",
    "state",
    "local",
    "remote",
    "netns",
    "cookie",
    "recv_queue",
    "send_queue",
    "backlog",
    "shutdown",
];

/// What a field says of an entry where it says nothing: [`Value::Absent`] of what has none, and
/// [`Value::Unknown`] of what could not be read.
fn known<'a, T>(value: Option<T>, make: impl FnOnce(T) -> Value<'a>) -> Value<'a> {
    value.map_or(Value::Unknown, make)
}

fn text(bytes: &[u8]) -> Value<'_> {
    Value::Text(Cow::Borrowed(bytes))
}

fn number<'a>(number: impl Into<i128>) -> Value<'a> {
    Value::Number(number.into())
}

impl Field {
    /// The field of this name: that of a JSON key, `facts.` and a fact's, or a shorter word for one.
    pub fn named(name: &str) -> Option<Self> {
        let name = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, name)| name);
        if let Some(path) = name.strip_prefix("facts.") {
            let keys: Vec<String> = path.split('.').map(str::to_owned).collect();
            return keys.iter().all(|key| !key.is_empty()).then_some(Self::Fact(keys));
        }
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, field)| field.clone())
    }

    /// All names that a field has, for whoever misspelt one.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name).chain(ALIASES.iter().map(|(alias, _)| *alias))
    }

    /// All fields with a name of their own, in the order of the documents.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        const { &NAMES }.iter().map(|(_, field)| field)
    }

    /// Its key in a document.
    pub fn key(&self) -> Cow<'static, str> {
        match self {
            Self::Fact(keys) => Cow::Owned(format!("facts.{}", keys.join("."))),
            field => {
                Cow::Borrowed(NAMES.iter().find(|(_, known)| known == field).map_or("", |(name, _)| name))
            }
        }
    }

    /// Whether it is the process's, and the same for all that the process holds.
    pub fn is_of_process(&self) -> bool {
        let position = NAMES.iter().position(|(_, known)| known == self);
        position.is_some_and(|position| position < 12)
    }

    /// What has to be read for it.
    pub fn wants(&self) -> Wants {
        let none = Wants::default();
        match self {
            Self::Argv | Self::Limit | Self::Cgroup | Self::Container => Wants { details: true, ..none },
            Self::Uid | Self::User => Wants { users: true, ..none },
            Self::Cloexec | Self::Flags | Self::Offset => Wants { fdinfo: true, ..none },
            Self::OpenFile | Self::Identity | Self::SharedWith => Wants { identity: true, ..none },
            Self::Peers => Wants { ends: true, sockets: true, ..none },
            Self::Facts => Wants { fdinfo: true, sockets: true, ..none },
            Self::Fact(keys) => match keys.first().map(String::as_str) {
                Some("tcp_info") => Wants { sockets: true, tcp_info: true, ..none },
                Some("tfd") => Wants { fdinfo: true, sockets: true, ends: true, ..none },
                Some(key) if OF_SOCKETS.contains(&key) => Wants { sockets: true, ..none },
                _ => Wants { fdinfo: true, sockets: true, ..none },
            },
            _ => none,
        }
    }

    /// Its value for one entry of a listing.
    pub fn value<'a>(&self, known_all: &Known<'a>, entry: &Entry<'a>) -> Value<'a> {
        let (process, file) = (entry.process, entry.file);
        match self {
            Self::Fd => match (entry.number(), entry.place) {
                (Some(fd), _) => number(fd),
                (None, place) => place.map_or(Value::Absent, |place| text(place.as_str().as_bytes())),
            },
            Self::Kind => text(file.kind.as_str().as_bytes()),
            Self::Name => file.name.as_deref().map_or(Value::Unknown, text),
            // What is held without a descriptor has no open file description.
            Self::Access | Self::Flags | Self::Offset if entry.place.is_some() => Value::Absent,
            Self::Access => known(file.access, |access| match access {
                Access::Neither => Value::Absent,
                // What is open for both is open for each.
                Access::ReadWrite => Value::OneOf("rw", &["r", "w", "rw"]),
                access => text(access.as_str().as_bytes()),
            }),
            Self::Cloexec => match entry.descriptor {
                Some(descriptor) => known(descriptor.cloexec, Value::Bool),
                None => Value::Absent,
            },
            Self::Flags => known(file.more.flags, |bits| {
                let names = flag_names(bits).into_iter();
                Value::List(names.map(|name| Value::Text(Cow::Owned(name.into_bytes()))).collect())
            }),
            Self::Offset => known(file.more.offset, number),
            Self::Dev => known(file.inode, |inode| {
                Value::Text(Cow::Owned(format!("{}:{}", inode.dev.0, inode.dev.1).into_bytes()))
            }),
            Self::Ino => known(file.inode, |inode| number(inode.ino)),
            Self::Deleted => Value::Bool(file.deleted),
            Self::Identity | Self::OpenFile | Self::SharedWith => {
                of_identity(self, known_all, entry, usize::MAX)
            }
            Self::Peers => peers(known_all, entry, usize::MAX),
            Self::Facts => Value::Bool(!file.facts.is_empty() || file.socket.is_some()),
            Self::Fact(keys) => fact(entry, keys),
            of_process => of_process.value_of_process(process),
        }
    }

    /// What to sort by: its value, and of a list of descriptors those that are named.
    pub fn sort_value<'a>(&self, known_all: &Known<'a>, entry: &Entry<'a>) -> Value<'a> {
        match self {
            Self::Peers => peers(known_all, entry, NAMED_IN_A_LINE),
            Self::SharedWith => of_identity(self, known_all, entry, NAMED_IN_A_LINE),
            _ => self.value(known_all, entry),
        }
    }

    /// The value of a field of a process.
    pub fn value_of_process<'a>(&self, process: &'a Process) -> Value<'a> {
        match self {
            Self::Pid => number(process.pid()),
            Self::Tid => process.tid().map_or(Value::Absent, number),
            Self::Ppid => number(process.ppid),
            Self::StartTicks => number(process.id.start_ticks),
            Self::Command => text(&process.comm),
            Self::Argv => Value::List(process.argv.iter().map(|argument| text(argument)).collect()),
            Self::Uid => known(process.uid, number),
            Self::User => match (&process.user, process.uid) {
                (Some(name), _) => text(name.as_bytes()),
                (None, Some(_)) => Value::Absent,
                (None, None) => Value::Unknown,
            },
            Self::State => text(process.state.as_str().as_bytes()),
            Self::Limit => known(process.limit, |limit| limit.soft.map_or(Value::Absent, number)),
            Self::Cgroup => process.cgroup.as_ref().map_or(Value::Absent, |group| text(group.as_bytes())),
            Self::Container => process.container.as_ref().map_or(Value::Absent, |id| text(id.as_bytes())),
            _ => Value::Absent,
        }
    }
}

/// At the most `most` of a list.
fn of_identity<'a>(field: &Field, known_all: &Known<'a>, entry: &Entry<'a>, most: usize) -> Value<'a> {
    let Some(descriptor) = entry.descriptor else { return Value::Absent };
    let proven = entry.file.more.identity == Identity::Proven;
    match field {
        Field::Identity => text(if proven { b"proven" } else { b"unproven" }),
        _ if !proven => Value::Unknown,
        Field::OpenFile => Value::Text(Cow::Owned(format!("f{}", descriptor.file.number()).into_bytes())),
        _ => {
            let others = known_all.sharing.others(entry.process.owner(), descriptor);
            Value::List(others.take(most).map(|other| number(other.process.pid)).collect())
        }
    }
}

/// The commands and pids of those at the other end, at the most of `most`, or the address that it is at.
fn peers<'a>(known_all: &Known<'a>, entry: &Entry<'a>, most: usize) -> Value<'a> {
    let Some(descriptor) = entry.descriptor else { return Value::Absent };
    match known_all.wiring.peers(entry.process.owner(), descriptor) {
        Peers::NotAnEnd => Value::Absent,
        Peers::NotAsked | Peers::Unknown(_) => Value::Unknown,
        Peers::Outside(address) => Value::List(vec![Value::Text(Cow::Owned(address.to_vec()))]),
        Peers::Found(found) => Value::List(
            found
                .iter()
                .take(most)
                .flat_map(|peer| [Value::Text(Cow::Owned(peer.comm.to_vec())), number(peer.pid())])
                .collect(),
        ),
    }
}

/// A fact of a kind, or of a socket.
fn fact<'a>(entry: &Entry<'a>, keys: &[String]) -> Value<'a> {
    let Some((first, rest)) = keys.split_first() else { return Value::Absent };
    if let Some(socket) = &entry.file.socket {
        let own = match first.as_str() {
            "family" => socket.family.map(|word| text(word.as_bytes())),
            "type" => socket.kind.map(|word| text(word.as_bytes())),
            "protocol" => Some(text(socket.protocol.as_bytes())).filter(|_| !socket.protocol.is_empty()),
            "state" => socket.state.map(|word| text(word.as_bytes())),
            "local" => socket.local.as_deref().map(text),
            "remote" => socket.remote.as_deref().map(text),
            "netns" => socket.netns.map(|netns| number(netns.get())),
            "cookie" => socket.cookie.map(|cookie| number(cookie.get())),
            "recv_queue" => socket.recv_queue.map(number),
            "send_queue" => socket.send_queue.map(number),
            "backlog" => socket.backlog.map(number),
            "shutdown" => socket.shutdown.map(|word| text(word.as_bytes())),
            _ => Fact::named(&socket.facts, first).map(|fact| inner(fact, rest)),
        };
        if let Some(value) = own {
            return value;
        }
    }
    if first == "tfd" {
        let watches = entry.descriptor.into_iter().flat_map(|descriptor| &descriptor.watches);
        let means = |means: Means| text(means.as_str().as_bytes());
        let values = watches.map(|watch| match rest.first().map(String::as_str) {
            Some("ino") => number(watch.inode.ino),
            Some("means") => means(watch.means),
            _ => number(watch.fd),
        });
        return Value::List(values.collect());
    }
    Fact::named(&entry.file.facts, first).map_or(Value::Absent, |fact| inner(fact, rest))
}

/// What is at the end of `keys` in a fact.
fn inner<'a>(fact: &'a Fact, keys: &[String]) -> Value<'a> {
    match (fact, keys.split_first()) {
        (Fact::Group(facts), Some((key, rest))) => {
            Fact::named(facts, key).map_or(Value::Absent, |fact| inner(fact, rest))
        }
        (Fact::List(facts), _) => Value::List(facts.iter().map(|fact| inner(fact, keys)).collect()),
        (_, Some(_)) => Value::Absent,
        (Fact::Text(bytes), None) => text(bytes),
        (Fact::Number(count), None) => number(*count),
        (Fact::Integer(count), None) => number(*count),
        (Fact::Flag(flag), None) => Value::Bool(*flag),
        (Fact::Time(time), None) => Value::Seconds(time.as_secs_f64()),
        (Fact::Group(facts), None) => Value::Bool(!facts.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_name_is_that_of_one_field() {
        let names: Vec<_> = Field::names().collect();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
        for name in names {
            assert!(Field::named(name).is_some(), "{name}");
        }
        for (name, field) in NAMES {
            assert_eq!(field.key(), name);
            assert_eq!(Field::named(name), Some(field));
        }
        assert_eq!(Field::named("facts.tcp_info.rtt").unwrap().key(), "facts.tcp_info.rtt");
        for wrong in ["", "facts.", "facts..x", "colour"] {
            assert_eq!(Field::named(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_fields_of_a_process_come_first() {
        let of_process: Vec<_> = NAMES.iter().filter(|(_, field)| field.is_of_process()).collect();
        assert_eq!(of_process.first().unwrap().0, "pid");
        assert_eq!(of_process.last().unwrap().0, "container");
    }
}
