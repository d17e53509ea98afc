//! The tables of a lab's moments: at its start, after a fork side by side, before an exec.

use super::cells::{Cells, Context, peer, process};
use super::inspect::{block, paragraph};
use super::table::{self, Column, Frame, Give, Text};
use super::{Style, Tone, escape, figure, lang, lines};
use crate::model::{Descriptor, Identity, Process, Snapshot};
use crate::query::{Known, Peers};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Writes the table that the lab begins with.
pub fn at_start(out: &mut dyn Write, snapshot: &Snapshot, style: Style) -> io::Result<()> {
    alone(out, snapshot, &lang::heading_start(style.lang), style)
}

/// Writes the table that the first child will inherit.
pub fn before_fork(out: &mut dyn Write, snapshot: &Snapshot, style: Style) -> io::Result<()> {
    writeln!(out)?;
    alone(out, snapshot, &lang::heading_before_fork(style.lang), style)
}

/// Writes the table of a child that has changed it and is about to execute its command.
pub fn before_exec(out: &mut dyn Write, snapshot: &Snapshot, style: Style) -> io::Result<()> {
    writeln!(out)?;
    alone(out, snapshot, &lang::heading_before_exec(style.lang), style)
}

fn alone(out: &mut dyn Write, snapshot: &Snapshot, heading: &str, style: Style) -> io::Result<()> {
    paragraph(out, heading, Tone::Strong, style)?;
    let known = Known::new(snapshot);
    let context = Context::new(&known, style);
    for (index, shown) in snapshot.processes.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        block(out, &context, shown, true)?;
    }
    writeln!(out)
}

/// Writes the tables of a parent and its new child side by side, and which of the descriptors that have
/// the same number share one open file description.
///
/// `command` is what the child is to become; `explain` says what the last column means.
pub fn after_fork(
    out: &mut dyn Write,
    snapshot: &Snapshot,
    command: &str,
    explain: bool,
    style: Style,
) -> io::Result<()> {
    let arrow = style.glyph("→", "->");
    let command = format!(" {arrow} {}", escape::show(command.as_bytes()));
    side_by_side(out, snapshot, &lang::heading_after_fork(style.lang), &command, style)?;
    if explain {
        paragraph(out, &lang::same_after_fork(style.lang), Tone::Faint, style)?;
    }
    writeln!(out)
}

/// Writes the tables of both when the child has moved an offset that they share.
pub fn after_move(out: &mut dyn Write, snapshot: &Snapshot, style: Style) -> io::Result<()> {
    side_by_side(out, snapshot, &lang::heading_after_move(style.lang), "", style)?;
    writeln!(out)
}

fn side_by_side(
    out: &mut dyn Write,
    snapshot: &Snapshot,
    heading: &str,
    child_becomes: &str,
    style: Style,
) -> io::Result<()> {
    writeln!(out)?;
    let [parent, child] = &snapshot.processes[..] else {
        return alone(out, snapshot, heading, style);
    };
    paragraph(out, heading, Tone::Strong, style)?;
    let known = Known::new(snapshot);
    let context = Context::new(&known, style);
    let rows = pairs(parent, child);
    let name = |shown: &Process| process(&shown.comm, shown.id.pid);
    let names = [name(parent), name(child) + child_becomes];
    let side = |descriptor: Option<&Descriptor>| {
        descriptor.map_or_else(String::new, |descriptor| slot(&context.cells(descriptor)))
    };
    let row = |fd: i32, (left, right): Pair<'_>| {
        [fd.to_string(), side(left), side(right), sameness(&context, left, right)]
    };
    if style.width.is_none() {
        writeln!(out, "FD: {} | {}", names[0], names[1])?;
        let rows = rows.iter().map(|(fd, pair)| row(*fd, *pair).to_vec());
        return lines::write(out, &["FD", "PARENT", "CHILD", "SAME"], rows);
    }
    let columns =
        [("FD", Give::Never), ("PARENT", Give::Wrapped), ("CHILD", Give::Wrapped), ("SAME", Give::Wrapped)]
            .map(|(heading, give)| Column { heading, give });
    let heading: Vec<Text> =
        ["", &names[0], &names[1], ""].map(|name| (name.to_owned(), Tone::Strong)).to_vec();
    table::write(out, style, Frame::Boxes, &columns, || {
        let rows = rows.iter().map(|(fd, pair)| row(*fd, *pair).map(|text| (text, Tone::Plain)).to_vec());
        std::iter::once(heading.clone()).chain(rows)
    })
}

type Pair<'a> = (Option<&'a Descriptor>, Option<&'a Descriptor>);

/// The descriptors of both by their numbers.
fn pairs<'a>(parent: &'a Process, child: &'a Process) -> BTreeMap<i32, Pair<'a>> {
    let mut pairs: BTreeMap<i32, Pair<'a>> = BTreeMap::new();
    for descriptor in parent.table.iter().flat_map(|table| &table.descriptors) {
        pairs.entry(descriptor.fd).or_default().0 = Some(descriptor);
    }
    for descriptor in child.table.iter().flat_map(|table| &table.descriptors) {
        pairs.entry(descriptor.fd).or_default().1 = Some(descriptor);
    }
    pairs
}

/// A slot in a few words: `rw tty /dev/pts/3 CLOEXEC`.
fn slot(cells: &Cells) -> String {
    let mut words = vec![cells.mode.clone(), cells.kind.clone(), cells.name.clone()];
    words.extend(cells.flags.iter().cloned());
    words.join(" ")
}

/// Whether two descriptors share one open file description, and by which letter.
fn sameness(context: &Context<'_>, left: Option<&Descriptor>, right: Option<&Descriptor>) -> String {
    let (Some(left), Some(right)) = (left, right) else {
        return String::new();
    };
    let unproven =
        [left, right].iter().find_map(|descriptor| match &context.snapshot.file(descriptor).more.identity {
            Identity::Unproven(failure) => Some(failure),
            Identity::Proven | Identity::NotAsked => None,
        });
    match unproven {
        Some(failure) => format!("? ({failure})"),
        None if left.file == right.file => {
            let letter = context.sharing.letter(left).unwrap_or_default();
            lang::same(context.style.lang, &letter)
        }
        None => lang::not_same(context.style.lang),
    }
}

/// Says how the held processes may be looked at from another shell.
pub fn held(out: &mut dyn Write, pids: &[i32], style: Style) -> io::Result<()> {
    writeln!(out)?;
    paragraph(out, &lang::held(style.lang), Tone::Strong, style)?;
    let list: Vec<_> = pids.iter().map(i32::to_string).collect();
    let commas = list.join(",");
    for command in [
        format!("ganariya-fd inspect {}", list.join(" ")),
        format!("lsof -nP -p {commas}"),
        format!("ls -l{}", pids.iter().map(|pid| format!(" /proc/{pid}/fd")).collect::<Vec<_>>().concat()),
    ] {
        writeln!(out, "    {command}")?;
    }
    Ok(())
}

/// Says who waits for the end of an input that cannot come, and who keeps it from coming.
pub fn stuck(out: &mut dyn Write, snapshot: &Snapshot, reader: i32, fd: i32, style: Style) -> io::Result<()> {
    writeln!(out)?;
    let known = Known::new(snapshot);
    let context = Context::new(&known, style);
    let found =
        snapshot.descriptors().find(|(process, descriptor)| process.id.pid == reader && descriptor.fd == fd);
    let Some((shown, descriptor)) = found else { return Ok(()) };
    let name = process(&shown.comm, reader);
    let writers = match context.wiring.peers(shown.id, descriptor) {
        Peers::Found(writers) => writers.iter().map(peer).collect::<Vec<_>>().join(", "),
        _ => return Ok(()),
    };
    paragraph(out, &lang::stuck(style.lang, &name, &fd.to_string(), &writers), Tone::Warning, style)
}

/// Writes the tables of processes that have stopped themselves before their exec.
pub fn stopped(out: &mut dyn Write, snapshot: &Snapshot, style: Style) -> io::Result<()> {
    alone(out, snapshot, &lang::heading_stopped(style.lang), style)?;
    figure(out, snapshot, style)
}
