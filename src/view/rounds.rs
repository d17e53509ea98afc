//! A listing that is repeated, with what is different since the last time.

use super::cells::Context;
use super::columns::{FLAT, LINE, columns, heading};
use super::json::{Context as JsonContext, EntryDoc, line, optional, process_field, text};
use super::table::{self, Frame, Text};
use super::{Style, Tone, lang, lines};
use crate::model::Snapshot;
use crate::query::{Difference, Entry, Field, Known, Listing, differences};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use std::io::{self, Write};
use std::time::SystemTime;

/// Writes a round: the time, and a line for each file with what happened to it since the round before, those
/// that are gone among them.
pub fn round(
    out: &mut dyn Write,
    before: Option<&Listing<'_>>,
    listing: &Listing<'_>,
    chosen: Option<&[Field]>,
    style: Style,
) -> io::Result<()> {
    // A terminal has no room for all that a line has.
    let usual: &[Field] = if style.width.is_some() { &FLAT } else { &LINE };
    let fields = chosen.unwrap_or(usual);
    let mut headings: Vec<String> = fields.iter().map(heading).collect();
    headings.insert(0, "CHANGE".to_owned());
    let time = lang::round(style.lang, &time(listing.known.snapshot));
    writeln!(out, "{}", Tone::Strong.paint(&time, style.color))?;
    let rows = rows(before, listing, fields, style);
    if rows.is_empty() {
        return writeln!(out, "  {}", lang::nothing_listed(style.lang));
    }
    if style.width.is_none() {
        let plain = rows.into_iter().map(|row| row.into_iter().map(|(text, _)| text).collect());
        return lines::write(out, &headings.iter().map(String::as_str).collect::<Vec<_>>(), plain);
    }
    let mut all = fields.to_vec();
    // It gives way as a name does.
    all.insert(0, Field::Name);
    table::write(out, style, Frame::Open, &columns(&all, &headings), || rows.iter().cloned())
}

fn time(snapshot: &Snapshot) -> String {
    rfc3339(snapshot.taken_at)
}

fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}

fn rows(
    before: Option<&Listing<'_>>,
    listing: &Listing<'_>,
    fields: &[Field],
    style: Style,
) -> Vec<Vec<Text>> {
    let row = |known: &Known<'_>, entry: &Entry<'_>, difference: &Difference| {
        let context = Context::new(known, style);
        let (word, tone) = match difference {
            Difference::Same => (String::new(), Tone::Plain),
            Difference::Changed(fields) => (fields.join(" "), Tone::Wire),
            other => (other.word().unwrap_or_default().to_owned(), Tone::Strong),
        };
        let gone = *difference == Difference::Gone;
        let cell = |field| {
            let (text, tone) = context.cell(field, entry);
            (text, if gone { Tone::Faint } else { tone })
        };
        let mut row = vec![(word, tone)];
        row.extend(fields.iter().map(cell));
        row
    };
    let Some(before) = before else {
        return listing.entries().map(|entry| row(listing.known, &entry, &Difference::Same)).collect();
    };
    let (different, gone) = differences(before, listing);
    let mut rows: Vec<_> = listing
        .entries()
        .zip(&different)
        .map(|(entry, difference)| row(listing.known, &entry, difference))
        .collect();
    rows.extend(gone.iter().map(|entry| row(before.known, entry, &Difference::Gone)));
    rows
}

/// Writes a round as objects, one a line: a `round`, and of the first round all files, of later ones those that
/// are different.
pub fn round_lines(
    out: &mut dyn Write,
    before: Option<&Listing<'_>>,
    listing: &Listing<'_>,
    chosen: Option<&[Field]>,
) -> io::Result<()> {
    line(out, &RoundDoc(listing.known.snapshot))?;
    let Some(before) = before else {
        return super::json_lines(out, listing, chosen);
    };
    let (different, gone) = differences(before, listing);
    let changes =
        listing.entries().zip(&different).filter(|(_, difference)| **difference != Difference::Same);
    for (entry, difference) in changes {
        line(out, &ChangeDoc { known: listing.known, entry, difference, chosen })?;
    }
    for entry in gone {
        line(out, &ChangeDoc { known: before.known, entry, difference: &Difference::Gone, chosen })?;
    }
    Ok(())
}

struct RoundDoc<'a>(&'a Snapshot);

impl Serialize for RoundDoc<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", "round")?;
        map.serialize_entry("taken_at", &rfc3339(self.0.taken_at))?;
        map.end()
    }
}

struct ChangeDoc<'a> {
    known: &'a Known<'a>,
    entry: Entry<'a>,
    difference: &'a Difference,
    chosen: Option<&'a [Field]>,
}

impl Serialize for ChangeDoc<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { known, entry, difference, chosen } = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", "change")?;
        map.serialize_entry("change", &difference.word())?;
        if let Difference::Changed(fields) = difference {
            map.serialize_entry("changed", fields)?;
        }
        map.serialize_entry("pid", &entry.process.pid())?;
        optional(&mut map, "tid", entry.process.tid())?;
        text(&mut map, "command", &entry.process.comm)?;
        for field in chosen
            .iter()
            .copied()
            .flatten()
            .filter(|field| !matches!(field, Field::Pid | Field::Tid | Field::Command))
        {
            process_field(&mut map, field, entry.process)?;
        }
        let context = JsonContext::new(known, &[], *chosen);
        EntryDoc { context: &context, entry: *entry, as_line: false }.fields(&mut map)?;
        map.end()
    }
}
