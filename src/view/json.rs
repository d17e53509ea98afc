//! JSON: one document, or one object a line.
//!
//! Every name is carried as it is: a text that is not UTF-8 has the lossy text under its key and the
//! bytes, in base64, under the key with `_bytes`. What is not known is absent or null, never 0.

use super::json_facts::FactsDoc;
use crate::model::{
    Access, Descriptor, Failure, Gap, Hint, Host, Identity, Inode, OpenFile, Process, Snapshot, flag_names,
};
use crate::query::{Peer, Peers, Sharing, Wiring};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use std::io::{self, Write};
use std::time::SystemTime;

/// The version of the documents' form.
const SCHEMA: &str = "ganariya-fd/1";

/// Writes `snapshot` as one document.
pub fn document(out: &mut dyn Write, snapshot: &Snapshot) -> io::Result<()> {
    let context = Context::new(snapshot);
    serde_json::to_writer_pretty(&mut *out, &Document(&context))?;
    writeln!(out)
}

/// Writes `snapshot` as one object a line: each process, its descriptors, and then the gaps.
pub fn lines(out: &mut dyn Write, snapshot: &Snapshot) -> io::Result<()> {
    let context = Context::new(snapshot);
    for process in &snapshot.processes {
        line(out, &ProcessDoc { context: &context, process, as_line: true })?;
        for descriptor in process.table.iter().flat_map(|table| &table.descriptors) {
            line(out, &DescriptorDoc { context: &context, process, descriptor, as_line: true })?;
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

fn line(out: &mut dyn Write, object: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, object)?;
    writeln!(out)
}

/// What every object needs.
pub(super) struct Context<'a> {
    snapshot: &'a Snapshot,
    /// The pipes through which a lab takes its commands' outputs up.
    captured: &'a [Inode],
    wiring: Wiring<'a>,
    sharing: Sharing,
}

impl<'a> Context<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        Self::with_captured(snapshot, &[])
    }

    pub(super) fn with_captured(snapshot: &'a Snapshot, captured: &'a [Inode]) -> Self {
        Self { snapshot, captured, wiring: Wiring::new(snapshot), sharing: Sharing::new(snapshot) }
    }
}

struct Document<'a>(&'a Context<'a>);

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(context) = *self;
        let snapshot = context.snapshot;
        let mut map = serializer.serialize_map(None)?;
        head(&mut map, snapshot.taken_at, snapshot.host.as_ref())?;
        map.serialize_entry("processes", &ProcessesDoc(context))?;
        map.serialize_entry("gaps", &GapsDoc(snapshot))?;
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

pub(super) struct ProcessesDoc<'a>(pub(super) &'a Context<'a>);

impl Serialize for ProcessesDoc<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(context) = *self;
        serializer.collect_seq(context.snapshot.processes.iter().map(|process| ProcessDoc {
            context,
            process,
            as_line: false,
        }))
    }
}

struct ProcessDoc<'a> {
    context: &'a Context<'a>,
    process: &'a Process,
    as_line: bool,
}

impl Serialize for ProcessDoc<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { context, process, as_line } = self;
        let mut map = serializer.serialize_map(None)?;
        if *as_line {
            map.serialize_entry("type", "process")?;
        }
        map.serialize_entry("pid", &process.id.pid)?;
        map.serialize_entry("ppid", &process.ppid)?;
        map.serialize_entry("start_ticks", &process.id.start_ticks)?;
        text(&mut map, "command", &process.comm)?;
        let argv: Vec<_> = process.argv.iter().map(|a| String::from_utf8_lossy(a)).collect();
        map.serialize_entry("argv", &argv)?;
        if process.argv.iter().any(|argument| std::str::from_utf8(argument).is_err()) {
            let bytes: Vec<_> = process.argv.iter().map(|argument| STANDARD.encode(argument)).collect();
            map.serialize_entry("argv_bytes", &bytes)?;
        }
        map.serialize_entry("uid", &process.uid)?;
        map.serialize_entry("user", &process.user)?;
        map.serialize_entry("state", process.state.as_str())?;
        if process.ns_pids.len() > 1 {
            map.serialize_entry("ns_pids", &process.ns_pids)?;
        }
        optional(&mut map, "cgroup", process.cgroup.as_ref())?;
        optional(&mut map, "container", process.container.as_ref())?;
        let limit = process.limit.map(|limit| LimitDoc { soft: limit.soft, hard: limit.hard });
        map.serialize_entry("limit", &limit)?;
        if !as_line {
            let table = process.table.as_ref().ok();
            map.serialize_entry(
                "descriptors",
                &table.map(|table| {
                    table
                        .descriptors
                        .iter()
                        .map(|descriptor| DescriptorDoc { context, process, descriptor, as_line: false })
                        .collect::<Vec<_>>()
                }),
            )?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct LimitDoc {
    soft: Option<u64>,
    hard: Option<u64>,
}

struct DescriptorDoc<'a> {
    context: &'a Context<'a>,
    process: &'a Process,
    descriptor: &'a Descriptor,
    as_line: bool,
}

impl Serialize for DescriptorDoc<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { context, process, descriptor, as_line } = self;
        let file = context.snapshot.file(descriptor);
        let mut map = serializer.serialize_map(None)?;
        if *as_line {
            map.serialize_entry("type", "descriptor")?;
            map.serialize_entry("pid", &process.id.pid)?;
            text(&mut map, "command", &process.comm)?;
        }
        map.serialize_entry("fd", &descriptor.fd)?;
        map.serialize_entry("kind", file.kind.0)?;
        match &file.name {
            Ok(name) => text(&mut map, "name", name)?,
            Err(_) => map.serialize_entry("name", &None::<()>)?,
        }
        map.serialize_entry("access", &file.access.map(Access::as_str).filter(|access| *access != "-"))?;
        optional(&mut map, "cloexec", descriptor.cloexec)?;
        optional(&mut map, "flags", file.flags.map(flag_names))?;
        optional(&mut map, "offset", file.offset)?;
        optional(&mut map, "dev", file.inode.map(|inode| format!("{}:{}", inode.dev.0, inode.dev.1)))?;
        optional(&mut map, "ino", file.inode.map(|inode| inode.ino))?;
        map.serialize_entry("deleted", &file.deleted)?;
        self.sharing(&mut map, file)?;
        map.serialize_entry("peers", &PeersDoc(&context.wiring.peers(process.id, descriptor)))?;
        map.serialize_entry("facts", &FactsDoc(file, &descriptor.watches))?;
        if file.inode.is_some_and(|inode| context.captured.contains(&inode)) {
            map.serialize_entry("lab", "capture")?;
        }
        map.end()
    }
}

impl DescriptorDoc<'_> {
    fn sharing<M: SerializeMap>(&self, map: &mut M, file: &OpenFile) -> Result<(), M::Error> {
        let proven = file.identity == Identity::Proven;
        let label = proven.then(|| format!("f{}", self.descriptor.file.0));
        map.serialize_entry("open_file", &label)?;
        map.serialize_entry("identity", if proven { "proven" } else { "unproven" })?;
        let others = self.context.sharing.others(self.process.id, self.descriptor);
        let others: Vec<_> =
            others.into_iter().map(|(process, fd)| SlotDoc { pid: process.pid, fd }).collect();
        map.serialize_entry("shared_with", &others)
    }
}

#[derive(Serialize)]
struct SlotDoc {
    pid: i32,
    fd: i32,
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
            Peers::Found(peers) => serializer.collect_seq(peers.iter().map(PeerDoc)),
            Peers::Unknown(failure) => {
                let mut seq = serializer.serialize_seq(Some(1))?;
                seq.serialize_element(&UnknownDoc { unknown: FailureDoc::from(*failure) })?;
                seq.end()
            }
        }
    }
}

struct PeerDoc<'a>(&'a Peer<'a>);

impl Serialize for PeerDoc<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(peer) = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("pid", &peer.process.pid)?;
        text(&mut map, "command", peer.comm)?;
        map.serialize_entry("fd", &peer.fd)?;
        map.serialize_entry("access", &peer.access.map(Access::as_str))?;
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

#[derive(Serialize)]
pub(super) struct UnknownDoc<'a> {
    pub(super) unknown: FailureDoc<'a>,
}

#[derive(Serialize)]
pub(super) struct FailureDoc<'a> {
    call: &'a str,
    error: &'a str,
}

impl<'a> From<&'a Failure> for FailureDoc<'a> {
    fn from(failure: &'a Failure) -> Self {
        Self { call: &failure.call, error: &failure.error }
    }
}

pub(super) struct GapsDoc<'a>(pub(super) &'a Snapshot);

impl Serialize for GapsDoc<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(None)?;
        for gap in &self.0.gaps {
            seq.serialize_element(&GapDoc { gap, as_line: false })?;
        }
        for (pid, failure) in self.0.unsearched() {
            seq.serialize_element(&UncoveredDoc { pid: *pid, failure, as_line: false })?;
        }
        seq.end()
    }
}

struct GapDoc<'a> {
    gap: &'a Gap,
    as_line: bool,
}

impl Serialize for GapDoc<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { gap, as_line } = self;
        let what = gap.subject.to_string();
        gap_object(serializer, *as_line, gap.pid, &what, &gap.failure, gap.hint)
    }
}

struct UncoveredDoc<'a> {
    pid: i32,
    failure: &'a Failure,
    as_line: bool,
}

impl Serialize for UncoveredDoc<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { pid, failure, as_line } = *self;
        gap_object(serializer, as_line, Some(pid), "other ends", failure, Some(Hint::PtraceRights))
    }
}

fn gap_object<S: Serializer>(
    serializer: S,
    as_line: bool,
    pid: Option<i32>,
    what: &str,
    failure: &Failure,
    hint: Option<Hint>,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    if as_line {
        map.serialize_entry("type", "gap")?;
    }
    map.serialize_entry("pid", &pid)?;
    map.serialize_entry("what", what)?;
    map.serialize_entry("call", &failure.call)?;
    map.serialize_entry("error", &failure.error)?;
    // Keys and values for programs stay English.
    optional(&mut map, "hint", hint.map(|hint| super::notes::hint(hint, super::Lang::En)))?;
    map.end()
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
