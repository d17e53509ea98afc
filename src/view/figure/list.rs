//! The facts of a figure as a list: a line for each descriptor, and one for each object that a figure
//! would draw.

use super::words::{self, Words};
use crate::query::{Node, Slot};
use crate::view::table::{self, Column, Frame, Give, Text};
use crate::view::{Tone, escape, lang, lines};
use std::io::{self, Write};

const COLUMNS: [(&str, Give); 6] = [
    ("PROCESS", Give::Wrapped),
    ("FD", Give::Never),
    ("MODE", Give::Never),
    ("LABEL", Give::Never),
    ("KIND", Give::Never),
    ("NAME", Give::Wrapped),
];

/// Writes the list.
pub fn write(out: &mut dyn Write, words: &Words<'_>) -> io::Result<()> {
    let style = words.style;
    let rows = || words.figure.nodes.iter().flat_map(|node| rows(words, node));
    if style.width.is_some() {
        let columns = COLUMNS.map(|(heading, give)| Column { heading, give });
        table::write(out, style, Frame::Open, &columns, rows)?;
    } else {
        let plain = rows().map(|row| row.into_iter().map(|(text, _)| text).collect());
        lines::write(out, &COLUMNS.map(|(heading, _)| heading), plain)?;
    }
    let width = style.width.map_or(usize::MAX, usize::from);
    if !words.figure.objects.is_empty() {
        writeln!(out)?;
    }
    for object in &words.figure.objects {
        for line in words.caption(object, width.saturating_sub(2)) {
            writeln!(out, "  {}", Words::tone(object).paint(&line, style.color))?;
        }
    }
    Ok(())
}

fn rows(words: &Words<'_>, node: &Node<'_>) -> Vec<Vec<Text>> {
    let pid = node.process.id.pid;
    let process = (format!("{}[{pid}]", escape::show(&node.process.comm)), Tone::Strong);
    let absent = |text: String, tone: Tone| {
        let mut row = vec![process.clone()];
        row.resize(COLUMNS.len() - 1, (String::new(), Tone::Plain));
        row.push((text, tone));
        vec![row]
    };
    let language = words.style.lang;
    match &node.slots {
        Err(failure) => absent(lang::figure_unreadable(language, &failure.to_string()), Tone::Warning),
        Ok(slots) if slots.is_empty() => absent(lang::figure_empty(language), Tone::Faint),
        Ok(slots) => slots.iter().map(|slot| row(process.clone(), slot)).collect(),
    }
}

fn row(process: Text, slot: &Slot<'_>) -> Vec<Text> {
    let cells = [
        slot.fd.to_string(),
        words::mode(slot),
        words::label(slot),
        slot.file.kind.to_string(),
        words::name(slot.file),
    ];
    let tone = if slot.file.name.is_err() { Tone::Warning } else { Tone::Plain };
    std::iter::once(process).chain(cells.into_iter().map(|text| (text, tone))).collect()
}
