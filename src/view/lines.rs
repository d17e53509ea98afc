//! One line for each row, for programs and files: never cut, no boxes, no colour.

use super::table::display_width;
use std::io::{self, Write};

/// How many rows the widths are taken from. A later row with a longer cell pushes its line's rest to
/// the right, so that a long listing streams.
const MEASURED: usize = 1000;

/// Writes lines under `headings`. Columns are two blanks apart and an empty cell is `-`.
pub fn write(
    out: &mut dyn Write,
    headings: &[&str],
    rows: impl Iterator<Item = Vec<String>>,
) -> io::Result<()> {
    let mut rows = rows.fuse();
    let first: Vec<_> = rows.by_ref().take(MEASURED).collect();
    let mut widths: Vec<u16> = headings.iter().map(|heading| display_width(heading)).collect();
    for row in &first {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(display_width(cell));
        }
    }
    line(out, &widths, headings.iter().copied())?;
    for row in first.into_iter().chain(rows) {
        line(out, &widths, row.iter().map(String::as_str))?;
    }
    Ok(())
}

fn line<'a>(out: &mut dyn Write, widths: &[u16], cells: impl Iterator<Item = &'a str>) -> io::Result<()> {
    let mut text = String::new();
    // Blanks are owed and paid before the next cell, so that no line ends in them.
    let mut owed = 0;
    for (cell, width) in cells.zip(widths) {
        let cell = if cell.is_empty() { "-" } else { cell };
        text.extend(std::iter::repeat_n(' ', owed));
        text.push_str(cell);
        owed = usize::from(width.saturating_sub(display_width(cell))) + 2;
    }
    writeln!(out, "{text}")
}
