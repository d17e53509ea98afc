//! Who holds what, for people and for programs.

use super::cells::{Context, process as process_name};
use super::columns::{columns, heading};
use super::json::{Context as JsonContext, EntryDoc, head, line, optional, text};
use super::json_gaps::{GapDoc, GapsDoc, UncoveredDoc};
use super::table::{self, Frame, Text};
use super::{Style, Tone, escape, lang, lines};
use crate::model::{Process, Snapshot};
use crate::query::{Entry, Field, Known, Origin};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use std::io::{self, Write};

/// One holder of what was asked for.
#[derive(Debug, Clone)]
pub struct Holding<'a> {
    /// What was asked for, as it was written.
    pub target: &'a str,
    /// By whom, and by which descriptor or in which place.
    pub entry: Entry<'a>,
    /// Where that is from.
    pub origin: Origin<'a>,
}

/// A file that the kernel itself holds: behind a loop device, or as swap space.
#[derive(Debug, Clone)]
pub struct KernelHolding<'a> {
    /// What was asked for, as it was written.
    pub target: &'a str,
    /// `loop0`, or `swap`.
    pub by: String,
    /// The file's path, as the kernel tells it.
    pub path: Vec<u8>,
}

/// All that was found.
#[derive(Debug)]
pub struct Found<'a> {
    /// The snapshots that were looked through, one for each of what was asked for.
    pub known: &'a [Known<'a>],
    /// What was asked for, as it was written.
    pub targets: &'a [String],
    /// The holders, in the order of the targets.
    pub holdings: Vec<Holding<'a>>,
    /// The kernel's own.
    pub of_kernel: Vec<KernelHolding<'a>>,
}

const FIELDS: [Field; 7] =
    [Field::Command, Field::Pid, Field::User, Field::Fd, Field::Access, Field::Kind, Field::Name];

/// Writes a table for each target, or off a terminal a line for each holder.
pub fn who(out: &mut dyn Write, found: &Found<'_>, style: Style) -> io::Result<()> {
    let mut headings: Vec<String> = FIELDS.iter().map(heading).collect();
    headings.push("INHERITED FROM".to_owned());
    let several = found.targets.len() > 1;
    if style.width.is_none() {
        if several {
            headings.insert(0, "TARGET".to_owned());
        }
        let rows = found.targets.iter().flat_map(|target| {
            let name = several.then(|| escape::show(target.as_bytes()));
            rows(found, target, style)
                .map(move |row| name.iter().cloned().chain(row.into_iter().map(|(text, _)| text)).collect())
        });
        return lines::write(out, &headings.iter().map(String::as_str).collect::<Vec<_>>(), rows);
    }
    let mut fields = FIELDS.to_vec();
    // It gives way as the other end of a wire does.
    fields.push(Field::Peers);
    for (index, target) in found.targets.iter().enumerate() {
        if several {
            let gap = if index > 0 { "\n" } else { "" };
            writeln!(out, "{gap}{}", Tone::Strong.paint(&escape::show(target.as_bytes()), style.color))?;
        }
        if rows(found, target, style).next().is_none() {
            writeln!(out, "  {}", lang::nobody_holds(style.lang))?;
            continue;
        }
        table::write(out, style, Frame::Open, &columns(&fields, &headings), || rows(found, target, style))?;
    }
    Ok(())
}

fn rows<'a>(found: &'a Found<'a>, target: &'a str, style: Style) -> impl Iterator<Item = Vec<Text>> + 'a {
    let holdings = found.holdings.iter().filter(move |holding| holding.target == target);
    let of_processes = holdings.map(move |holding| {
        let context = Context::new(known_of(found, holding), style);
        let mut row: Vec<Text> = FIELDS.iter().map(|field| context.cell(field, &holding.entry)).collect();
        row.push((origin(holding.origin), Tone::Wire));
        row
    });
    let of_kernel = found.of_kernel.iter().filter(move |holding| holding.target == target).map(|holding| {
        let cells = ["(kernel)", "-", "-", &holding.by, "-", "-", &escape::name(&holding.path), ""];
        cells.map(|cell| (cell.to_owned(), Tone::Plain)).to_vec()
    });
    of_processes.chain(of_kernel)
}

fn known_of<'a>(found: &'a Found<'a>, holding: &Holding<'_>) -> &'a Known<'a> {
    let index = found.targets.iter().position(|target| target == holding.target).unwrap_or(0);
    &found.known[index.min(found.known.len() - 1)]
}

/// `bash[4700] fd 3`, with a question mark where that is not proven.
fn origin(origin: Origin<'_>) -> String {
    let name = |process: &Process| process_name(&process.comm, process.id.pid);
    match origin {
        Origin::Own => String::new(),
        Origin::Inherited(process, fd) => format!("{} fd {fd}", name(process)),
        Origin::Unproven(process, fd) => format!("{} fd {fd} ?", name(process)),
    }
}

/// The pids of the holders, each once, ascending, a line each.
pub fn pids(out: &mut dyn Write, found: &Found<'_>) -> io::Result<()> {
    let pids: std::collections::BTreeSet<i32> =
        found.holdings.iter().map(|holding| holding.entry.process.pid()).collect();
    pids.into_iter().try_for_each(|pid| writeln!(out, "{pid}"))
}

/// Writes one document.
pub fn who_document(out: &mut dyn Write, found: &Found<'_>) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &Document(found))?;
    writeln!(out)
}

/// Writes one object a line: the holders, and then the gaps.
pub fn who_lines(out: &mut dyn Write, found: &Found<'_>) -> io::Result<()> {
    for holding in &found.holdings {
        line(out, &HoldingDoc { found, holding, as_line: true })?;
    }
    for holding in &found.of_kernel {
        line(out, &KernelDoc { holding, as_line: true })?;
    }
    for snapshot in snapshots(found) {
        for gap in &snapshot.gaps {
            line(out, &GapDoc { gap, as_line: true })?;
        }
        for (pid, failure) in snapshot.unsearched() {
            line(out, &UncoveredDoc { pid: *pid, failure, as_line: true })?;
        }
    }
    Ok(())
}

fn snapshots<'a>(found: &'a Found<'a>) -> impl Iterator<Item = &'a Snapshot> {
    found.known.iter().map(|known| known.snapshot)
}

struct Document<'a>(&'a Found<'a>);

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(found) = self;
        let mut map = serializer.serialize_map(None)?;
        if let Some(first) = snapshots(found).next() {
            head(&mut map, first.taken_at, first.host.as_ref())?;
        }
        map.serialize_entry("targets", found.targets)?;
        let holders = found.holdings.iter().map(|holding| HoldingDoc { found, holding, as_line: false });
        map.serialize_entry("holders", &holders.collect::<Vec<_>>())?;
        let kernel = found.of_kernel.iter().map(|holding| KernelDoc { holding, as_line: false });
        map.serialize_entry("kernel_holders", &kernel.collect::<Vec<_>>())?;
        map.serialize_entry("gaps", &GapsDoc(&snapshots(found).collect::<Vec<_>>()))?;
        map.end()
    }
}

struct HoldingDoc<'a> {
    found: &'a Found<'a>,
    holding: &'a Holding<'a>,
    as_line: bool,
}

impl Serialize for HoldingDoc<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { found, holding, as_line } = self;
        let mut map = serializer.serialize_map(None)?;
        if *as_line {
            map.serialize_entry("type", "holder")?;
        }
        map.serialize_entry("target", holding.target)?;
        let process = holding.entry.process;
        map.serialize_entry("pid", &process.pid())?;
        optional(&mut map, "tid", process.tid())?;
        text(&mut map, "command", &process.comm)?;
        map.serialize_entry("uid", &process.uid)?;
        map.serialize_entry("user", &process.user)?;
        let context = JsonContext::new(known_of(found, holding), &[], None);
        EntryDoc { context: &context, entry: holding.entry, as_line: false }.fields(&mut map)?;
        let (from, proven) = match holding.origin {
            Origin::Own => (None, true),
            Origin::Inherited(process, fd) => (Some(FromDoc { process, fd }), true),
            Origin::Unproven(process, fd) => (Some(FromDoc { process, fd }), false),
        };
        map.serialize_entry("inherited_from", &from)?;
        if !proven {
            map.serialize_entry("inheritance", "unproven")?;
        }
        map.end()
    }
}

struct FromDoc<'a> {
    process: &'a Process,
    fd: i32,
}

impl Serialize for FromDoc<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("pid", &self.process.id.pid)?;
        text(&mut map, "command", &self.process.comm)?;
        map.serialize_entry("fd", &self.fd)?;
        map.end()
    }
}

struct KernelDoc<'a> {
    holding: &'a KernelHolding<'a>,
    as_line: bool,
}

impl Serialize for KernelDoc<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { holding, as_line } = self;
        let mut map = serializer.serialize_map(None)?;
        if *as_line {
            map.serialize_entry("type", "kernel_holder")?;
        }
        map.serialize_entry("target", holding.target)?;
        map.serialize_entry("by", &holding.by)?;
        text(&mut map, "name", &holding.path)?;
        map.end()
    }
}
