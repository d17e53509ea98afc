//! JSON: one document, or one object a line.
//!
//! Every name is carried as it is: a text that is not UTF-8 has the lossy text under its key and the
//! bytes, in base64, under the key with `_bytes`. What is not known is absent or null, never 0.

use super::json_facts::FactsDoc;
use super::json_gaps::{FailureDoc, GapDoc, GapsDoc, UncoveredDoc, UnknownDoc};
use crate::model::{Access, Host, Identity, Inode, Place, Process, flag_names};
use crate::query::{Entry, Field, Known, Listed, Listing, NAMED_IN_A_LINE, Peer, Peers, Sharer};
use crate::shares::{share_large, workers};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use std::io::{self, Write};
use std::time::SystemTime;

/// The version of the documents' form.
const SCHEMA: &str = "ganariya-fd/1";

/// Writes what is listed as one document, with all fields or those that are chosen.
pub fn document(out: &mut dyn Write, listing: &Listing<'_>, chosen: Option<&[Field]>) -> io::Result<()> {
    let context = Context::new(listing.known, &[], chosen);
    serde_json::to_writer_pretty(&mut *out, &Document(&context, &listing.rows))?;
    writeln!(out)
}

/// Writes what is listed as one object a line: each process, its files, and then the gaps.
pub fn lines(out: &mut dyn Write, listing: &Listing<'_>, chosen: Option<&[Field]>) -> io::Result<()> {
    let context = Context::new(listing.known, &[], chosen);
    let snapshot = listing.known.snapshot;
    // A part is made by whichever processor is free, and written in its place.
    for part in listing.rows.chunks(PARTS) {
        let part: Vec<&Listed<'_>> = part.iter().collect();
        for text in share_large(&part, workers(), &|listed| process_lines(&context, listed)) {
            out.write_all(&text?)?;
        }
    }
    for gap in &snapshot.gaps {
        line(out, &GapDoc { gap, as_line: true })?;
    }
    for (pid, failure) in snapshot.unsearched() {
        line(out, &UncoveredDoc { pid: *pid, failure, as_line: true })?;
    }
    Ok(())
}

/// So many processes are made into lines at a time.
const PARTS: usize = 16;

/// A process and its files, a line each.
fn process_lines(context: &Context<'_>, listed: &Listed<'_>) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    line(&mut text, &ProcessDoc { context, listed, as_line: true })?;
    for entry in listed.entries.iter() {
        line(&mut text, &EntryDoc { context, entry, as_line: true })?;
    }
    Ok(text)
}

pub(super) fn line(out: &mut dyn Write, object: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, object)?;
    writeln!(out)
}

/// What every object needs.
pub(super) struct Context<'a> {
    known: &'a Known<'a>,
    /// The pipes through which a lab takes its commands' outputs up.
    captured: &'a [Inode],
    /// The fields to show; all where nobody chose.
    chosen: Option<&'a [Field]>,
}

impl<'a> Context<'a> {
    pub(super) fn new(known: &'a Known<'a>, captured: &'a [Inode], chosen: Option<&'a [Field]>) -> Self {
        Self { known, captured, chosen }
    }

    fn shows(&self, field: &Field) -> bool {
        self.chosen.is_none_or(|chosen| chosen.contains(field))
    }

    /// The facts that are chosen by their own names; `None` is all of them.
    fn chosen_facts(&self) -> Option<Vec<&'a str>> {
        if self.shows(&Field::Facts) {
            return None;
        }
        let keys = self.chosen.unwrap_or_default().iter().filter_map(|field| match field {
            Field::Fact(keys) => keys.first().map(String::as_str),
            _ => None,
        });
        Some(keys.collect())
    }
}

struct Document<'a>(&'a Context<'a>, &'a [Listed<'a>]);

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(context, rows) = *self;
        let snapshot = context.known.snapshot;
        let mut map = serializer.serialize_map(None)?;
        head(&mut map, snapshot.taken_at, snapshot.host.as_ref())?;
        map.serialize_entry("processes", &ProcessesDoc(context, rows))?;
        map.serialize_entry("gaps", &GapsDoc(&[snapshot]))?;
        map.end()
    }
}

pub(super) fn head<M: SerializeMap>(
    map: &mut M,
    taken_at: SystemTime,
    host: Option<&Host>,
) -> Result<(), M::Error> {
    map.serialize_entry("schema", SCHEMA)?;
    map.serialize_entry("taken_at", &humantime::format_rfc3339_millis(taken_at).to_string())?;
    let host = host.map(|host| HostDoc { name: &host.name, kernel: &host.kernel });
    map.serialize_entry("host", &host)
}

#[derive(Serialize)]
struct HostDoc<'a> {
    name: &'a str,
    kernel: &'a str,
}

pub(super) struct ProcessesDoc<'a>(pub(super) &'a Context<'a>, pub(super) &'a [Listed<'a>]);

impl Serialize for ProcessesDoc<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(context, rows) = *self;
        serializer.collect_seq(rows.iter().map(|listed| ProcessDoc { context, listed, as_line: false }))
    }
}

struct ProcessDoc<'a> {
    context: &'a Context<'a>,
    listed: &'a Listed<'a>,
    as_line: bool,
}

impl Serialize for ProcessDoc<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { context, listed: Listed { process, entries }, as_line } = self;
        let mut map = serializer.serialize_map(None)?;
        if *as_line {
            map.serialize_entry("type", "process")?;
        }
        for field in Field::all().filter(|field| context.shows(field)) {
            process_field(&mut map, field, process)?;
        }
        if !as_line {
            // A table that could not be read is null, and the places are in it all the same.
            let entries = (process.table.is_ok() || !entries.is_empty()).then(|| {
                entries.iter().map(|entry| EntryDoc { context, entry, as_line: false }).collect::<Vec<_>>()
            });
            map.serialize_entry("descriptors", &entries)?;
        }
        map.end()
    }
}

/// Writes the keys of a field, if that is a process's.
pub(super) fn process_field<M: SerializeMap>(
    map: &mut M,
    field: &Field,
    process: &Process,
) -> Result<(), M::Error> {
    match field {
        Field::Pid => {
            map.serialize_entry("pid", &process.pid())?;
            if process.ns_pids.len() > 1 {
                map.serialize_entry("ns_pids", &process.ns_pids)?;
            }
        }
        Field::Tid => optional(map, "tid", process.tid())?,
        Field::Ppid => map.serialize_entry("ppid", &process.ppid)?,
        Field::StartTicks => map.serialize_entry("start_ticks", &process.id.start_ticks)?,
        Field::Command => text(map, "command", &process.comm)?,
        Field::Argv => {
            let argv: Vec<_> = process.argv.iter().map(|a| String::from_utf8_lossy(a)).collect();
            map.serialize_entry("argv", &argv)?;
            if process.argv.iter().any(|argument| std::str::from_utf8(argument).is_err()) {
                let bytes: Vec<_> = process.argv.iter().map(|argument| STANDARD.encode(argument)).collect();
                map.serialize_entry("argv_bytes", &bytes)?;
            }
        }
        Field::Uid => map.serialize_entry("uid", &process.uid)?,
        Field::User => map.serialize_entry("user", &process.user)?,
        Field::State => map.serialize_entry("state", process.state.as_str())?,
        Field::Limit => {
            let limit = process.limit.map(|limit| LimitDoc { soft: limit.soft, hard: limit.hard });
            map.serialize_entry("limit", &limit)?;
        }
        Field::Cgroup => optional(map, "cgroup", process.cgroup.as_ref())?,
        Field::Container => optional(map, "container", process.container.as_ref())?,
        _ => {}
    }
    Ok(())
}

#[derive(Serialize)]
struct LimitDoc {
    soft: Option<u64>,
    hard: Option<u64>,
}

/// A descriptor, or what is referred to without one.
pub(super) struct EntryDoc<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) entry: Entry<'a>,
    pub(super) as_line: bool,
}

impl Serialize for EntryDoc<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { context, entry, as_line } = self;
        let mut map = serializer.serialize_map(None)?;
        if *as_line {
            map.serialize_entry("type", "descriptor")?;
            // Each line says whose it is, and what else of that was chosen.
            match context.chosen {
                None => {
                    map.serialize_entry("pid", &entry.process.pid())?;
                    optional(&mut map, "tid", entry.process.tid())?;
                    text(&mut map, "command", &entry.process.comm)?;
                }
                Some(chosen) => {
                    for field in chosen {
                        process_field(&mut map, field, entry.process)?;
                    }
                }
            }
        }
        self.fields(&mut map)?;
        if entry.file.inode.is_some_and(|inode| context.captured.contains(&inode)) {
            map.serialize_entry("lab", "capture")?;
        }
        map.end()
    }
}

impl EntryDoc<'_> {
    /// Writes the keys that are shown.
    pub(super) fn fields<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let Self { context, entry, .. } = self;
        for field in Field::all().filter(|field| context.shows(field)) {
            self.field(map, field)?;
        }
        match context.chosen_facts().filter(|keys| !keys.is_empty()) {
            Some(keys) => map.serialize_entry("facts", &FactsDoc { entry, keys: Some(&keys) }),
            None => Ok(()),
        }
    }

    /// Writes the keys of a field, if that is a descriptor's.
    fn field<M: SerializeMap>(&self, map: &mut M, field: &Field) -> Result<(), M::Error> {
        let Self { context, entry, .. } = self;
        let (file, descriptor) = (entry.file, entry.descriptor);
        match field {
            Field::Fd => match (descriptor, entry.place) {
                (Some(descriptor), _) => map.serialize_entry("fd", &descriptor.fd)?,
                (None, place) => map.serialize_entry("fd", &place.map(Place::as_str))?,
            },
            Field::Kind => map.serialize_entry("kind", file.kind.as_str())?,
            Field::Name => match &file.name {
                Ok(name) => text(map, "name", name)?,
                Err(_) => map.serialize_entry("name", &None::<()>)?,
            },
            Field::Access => {
                map.serialize_entry("access", &access(file.access.filter(|_| descriptor.is_some())))?;
            }
            Field::Cloexec => optional(map, "cloexec", descriptor.and_then(|descriptor| descriptor.cloexec))?,
            Field::Flags => optional(map, "flags", file.more.flags.map(flag_names))?,
            Field::Offset => optional(map, "offset", file.more.offset)?,
            Field::Dev => {
                optional(map, "dev", file.inode.map(|inode| format!("{}:{}", inode.dev.0, inode.dev.1)))?;
            }
            Field::Ino => optional(map, "ino", file.inode.map(|inode| inode.ino))?,
            Field::Deleted => map.serialize_entry("deleted", &file.deleted)?,
            Field::OpenFile => {
                let label = descriptor.filter(|_| file.more.identity == Identity::Proven);
                map.serialize_entry(
                    "open_file",
                    &label.map(|descriptor| format!("f{}", descriptor.file.number())),
                )?;
            }
            Field::Identity if descriptor.is_some() => {
                let proven = file.more.identity == Identity::Proven;
                map.serialize_entry("identity", if proven { "proven" } else { "unproven" })?;
            }
            Field::SharedWith => {
                let sharing = &context.known.sharing;
                let others = descriptor.into_iter().flat_map(|fd| sharing.others(entry.process.owner(), fd));
                let others: Vec<_> = others.take(NAMED_IN_A_LINE).map(SlotDoc::from).collect();
                map.serialize_entry("shared_with", &others)?;
                let count = descriptor.map_or(0, |fd| sharing.count_others(fd));
                optional(map, "shared_with_more", more(count))?;
            }
            Field::Peers => {
                let peers = descriptor.map(|fd| context.known.wiring.peers(entry.process.owner(), fd));
                let peers = peers.unwrap_or(Peers::NotAnEnd);
                map.serialize_entry("peers", &PeersDoc(&peers))?;
                if let Peers::Found(found) = &peers {
                    optional(map, "peers_more", more(found.len()))?;
                }
            }
            Field::Facts => map.serialize_entry("facts", &FactsDoc { entry, keys: None })?,
            _ => {}
        }
        Ok(())
    }
}

/// How many of so many a list leaves out.
fn more(count: usize) -> Option<usize> {
    count.checked_sub(NAMED_IN_A_LINE).filter(|&more| more > 0)
}

/// What is open for neither reading nor writing has no word of its own here.
fn access(access: Option<Access>) -> Option<&'static str> {
    access.filter(|access| *access != Access::Neither).map(Access::as_str)
}

#[derive(Serialize)]
struct SlotDoc {
    pid: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    tid: Option<i32>,
    fd: i32,
}

impl From<&Sharer> for SlotDoc {
    fn from(sharer: &Sharer) -> Self {
        let Sharer { process, leader, fd } = *sharer;
        Self { pid: leader.unwrap_or(process).pid, tid: leader.map(|_| process.pid), fd }
    }
}

struct PeersDoc<'a>(&'a Peers<'a>);

impl Serialize for PeersDoc<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Peers::NotAsked => serializer.serialize_none(),
            Peers::NotAnEnd => serializer.serialize_seq(Some(0))?.end(),
            Peers::Outside(address) => {
                serializer.collect_seq([OutsideDoc { outside: &String::from_utf8_lossy(address) }])
            }
            Peers::Found(peers) => serializer.collect_seq(peers.iter().take(NAMED_IN_A_LINE).map(PeerDoc)),
            Peers::Unknown(failure) => {
                let mut seq = serializer.serialize_seq(Some(1))?;
                seq.serialize_element(&UnknownDoc { unknown: FailureDoc::from(*failure) })?;
                seq.end()
            }
        }
    }
}

struct PeerDoc<'a>(Peer<'a>);

impl Serialize for PeerDoc<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(peer) = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("pid", &peer.pid())?;
        optional(&mut map, "tid", peer.leader.map(|_| peer.process.pid))?;
        text(&mut map, "command", peer.comm)?;
        map.serialize_entry("fd", &peer.fd)?;
        map.serialize_entry("access", &access(peer.access))?;
        if peer.is_of_a_backlog() {
            map.serialize_entry("backlog", &true)?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct OutsideDoc<'a> {
    outside: &'a str,
}

pub(super) fn optional<M: SerializeMap>(
    map: &mut M,
    key: &str,
    value: Option<impl Serialize>,
) -> Result<(), M::Error> {
    match value {
        Some(value) => map.serialize_entry(key, &value),
        None => Ok(()),
    }
}

pub(super) fn text<M: SerializeMap>(map: &mut M, key: &str, bytes: &[u8]) -> Result<(), M::Error> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return map.serialize_entry(key, text);
    }
    map.serialize_entry(key, &String::from_utf8_lossy(bytes))?;
    map.serialize_entry(&format!("{key}_bytes"), &STANDARD.encode(bytes))
}
