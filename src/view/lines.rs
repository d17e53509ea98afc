//! One line for each row, for programs and files: never cut, no boxes, no colour.

use super::table::display_width;
use crate::shares::{share_large, workers};
use std::borrow::Cow;
use std::io::{self, Write};

/// How many rows the widths are taken from. A later row with a longer cell pushes its line's rest to
/// the right, so that a long listing streams.
const MEASURED: usize = 1000;

/// So many parts are made at a time: enough for all processors, and few enough that a listing streams.
const PARTS: usize = 16;

/// Takes a row, which it does not keep.
pub type Row<'a> = dyn FnMut(&[Cow<'_, str>]) + 'a;

/// Writes lines under `headings`. Columns are two blanks apart and an empty cell is `-`.
pub fn write(
    out: &mut dyn Write,
    headings: &[&str],
    rows: impl Iterator<Item = Vec<String>>,
) -> io::Result<()> {
    let mut rows = rows.fuse();
    let first: Vec<_> = rows.by_ref().take(MEASURED).collect();
    let widths = widths(headings, &first);
    let mut text = String::new();
    line(&mut text, &widths, headings.iter().copied());
    for row in first.into_iter().chain(rows) {
        line(&mut text, &widths, row.iter().map(String::as_str));
        if text.len() > 1 << 15 {
            out.write_all(text.as_bytes())?;
            text.clear();
        }
    }
    out.write_all(text.as_bytes())
}

/// The same of rows that come in parts, each made by `make`: by all processors, in the order of the parts.
pub fn write_parts<T: Copy + Sync>(
    out: &mut dyn Write,
    headings: &[&str],
    parts: &[T],
    make: &(dyn Fn(T, &mut Row<'_>) + Sync),
) -> io::Result<()> {
    let (mut first, mut made): (Vec<Vec<String>>, _) = (Vec::new(), 0);
    while first.len() < MEASURED && made < parts.len() {
        make(parts[made], &mut |row| first.push(row.iter().map(ToString::to_string).collect()));
        made += 1;
    }
    let widths = widths(headings, &first);
    let mut text = String::new();
    line(&mut text, &widths, headings.iter().copied());
    for row in &first {
        line(&mut text, &widths, row.iter().map(String::as_str));
    }
    out.write_all(text.as_bytes())?;
    for parts in parts[made..].chunks(PARTS) {
        let texts = share_large(parts, workers(), &|part| {
            let mut text = String::new();
            make(part, &mut |row| line(&mut text, &widths, row.iter().map(Cow::as_ref)));
            text
        });
        for text in texts {
            out.write_all(text.as_bytes())?;
        }
    }
    Ok(())
}

fn widths(headings: &[&str], rows: &[Vec<String>]) -> Vec<u16> {
    let mut widths: Vec<u16> = headings.iter().map(|heading| display_width(heading)).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(display_width(cell));
        }
    }
    widths
}

fn line<'a>(text: &mut String, widths: &[u16], cells: impl Iterator<Item = &'a str>) {
    // Blanks are owed and paid before the next cell, so that no line ends in them.
    let mut owed = 0;
    for (cell, width) in cells.zip(widths) {
        let cell = if cell.is_empty() { "-" } else { cell };
        text.extend(std::iter::repeat_n(' ', owed));
        text.push_str(cell);
        owed = usize::from(width.saturating_sub(display_width(cell))) + 2;
    }
    text.push('\n');
}
