//! Tables in boxes for a terminal, fitted to its width.
//!
//! The widths are settled here, from all rows, and each cell is wrapped within its own by
//! comfy-table. So a long table can be built and written in parts that line up, and its first lines
//! are out before its last are made.

use super::{Style, Tone};
use comfy_table::{
    Attribute, Cell, Color, ColumnConstraint, ContentArrangement, ContentLineStyle, LineStyle, Table,
    TableStyle, Width,
};
use std::io::{self, Write};
use unicode_width::UnicodeWidthStr;

/// A column's heading, and whether it may be narrowed and its cells wrapped.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    pub heading: &'static str,
    pub flexible: bool,
}

/// What stands between the cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    /// Lines around all and between the columns.
    Boxes,
    /// Two blanks between the columns: a long listing needs the room.
    Open,
}

/// A cell's text and tone.
pub type Text = (String, Tone);

/// No flexible column becomes narrower than this, however narrow the terminal: it then overflows,
/// and every word stays readable.
const NARROWEST: u16 = 8;

/// How many rows are laid out at a time.
const PART: usize = 256;

const BOXES: TableStyle = TableStyle::new()
    .top_border(LineStyle::new('┌', '─', '┬', '┐'))
    .header_lines(ContentLineStyle::new('│', '│', '│'))
    .header_separator(LineStyle::new('├', '─', '┼', '┤'))
    .content_lines(ContentLineStyle::new('│', '│', '│'))
    .bottom_border(LineStyle::new('└', '─', '┴', '┘'));

const ASCII: TableStyle = TableStyle::new()
    .top_border(LineStyle::new('+', '-', '+', '+'))
    .header_lines(ContentLineStyle::new('|', '|', '|'))
    .header_separator(LineStyle::new('+', '-', '+', '+'))
    .content_lines(ContentLineStyle::new('|', '|', '|'))
    .bottom_border(LineStyle::new('+', '-', '+', '+'));

/// Writes a table. `rows` is asked twice: for the widths, and for the rows.
pub fn write<I: Iterator<Item = Vec<Text>>>(
    out: &mut dyn Write,
    style: Style,
    frame: Frame,
    columns: &[Column],
    rows: impl Fn() -> I,
) -> io::Result<()> {
    // In boxes each cell has a blank at either side and a line before it, and a line ends the row.
    let between = match frame {
        Frame::Boxes => columns.len() * 3 + 1,
        Frame::Open => (columns.len() - 1) * 2,
    };
    let widths = fit(columns, rows(), usize::from(style.width.unwrap_or(u16::MAX)).saturating_sub(between));
    let mut rows = rows().peekable();
    let mut first = true;
    loop {
        let part: Vec<_> = rows.by_ref().take(PART).collect();
        let last = rows.peek().is_none();
        let mut shape = match frame {
            Frame::Boxes if style.ascii => ASCII,
            Frame::Boxes => BOXES,
            Frame::Open => TableStyle::new(),
        };
        if !first {
            shape.top_border = LineStyle::none();
        }
        if !last {
            shape.bottom_border = LineStyle::none();
        }
        let mut table = Table::new();
        table.load_style(shape).set_content_arrangement(ContentArrangement::Disabled);
        if style.color {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        if first {
            let headings = columns.iter().map(|column| paint(column.heading.to_owned(), Tone::Strong));
            table.set_header(headings.collect::<Vec<_>>());
        }
        for row in part {
            table.add_row(row.into_iter().map(|(text, tone)| paint(text, tone)).collect::<Vec<_>>());
        }
        if first && last && table.row_count() == 0 {
            table.add_row(vec![""; columns.len()]);
        }
        table.style_text_only();
        let last_column = widths.len() - 1;
        let padding = |column: usize| match frame {
            Frame::Boxes => (1, 1),
            Frame::Open if column == last_column => (0, 0),
            Frame::Open => (0, 2),
        };
        table.set_constraints(widths.iter().enumerate().map(|(column, &width)| {
            let (left, right) = padding(column);
            ColumnConstraint::Absolute(Width::Fixed(width + left + right))
        }));
        for (index, column) in table.column_iter_mut().enumerate() {
            column.set_padding(padding(index));
        }
        for line in table.lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
        if last {
            return Ok(());
        }
        first = false;
    }
}

fn paint(text: String, tone: Tone) -> Cell {
    let cell = Cell::new_owned(text);
    match tone {
        Tone::Plain => cell,
        Tone::Strong => cell.add_attribute(Attribute::Bold),
        Tone::Faint => cell.add_attribute(Attribute::Dim),
        Tone::Wire => cell.fg(Color::DarkCyan),
        Tone::Warning => cell.fg(Color::DarkYellow),
    }
}

/// The width of each column's content: as wide as it is, or where all do not fit into `room`, the
/// widest flexible ones narrowed until they do.
fn fit(columns: &[Column], rows: impl Iterator<Item = Vec<Text>>, room: usize) -> Vec<u16> {
    let mut widths: Vec<u16> = columns.iter().map(|column| display_width(column.heading)).collect();
    for row in rows {
        for (width, (text, _)) in widths.iter_mut().zip(&row) {
            *width = (*width).max(display_width(text));
        }
    }
    loop {
        let total: usize = widths.iter().map(|&width| usize::from(width)).sum();
        if total <= room {
            return widths;
        }
        let widest = (0..columns.len())
            .filter(|&index| columns[index].flexible && widths[index] > NARROWEST)
            .max_by_key(|&index| widths[index]);
        let Some(widest) = widest else {
            return widths;
        };
        // At once as far as the next widest, so that this ends soon also for a name of 4,096 bytes.
        let next = (0..columns.len())
            .filter(|&index| columns[index].flexible && index != widest)
            .map(|index| widths[index])
            .max()
            .unwrap_or(NARROWEST)
            .max(NARROWEST);
        let excess = u16::try_from(total - room).unwrap_or(u16::MAX);
        let step = excess.min(widths[widest].saturating_sub(next)).max(1);
        widths[widest] -= step;
    }
}

/// The width of `text`, or of the widest of its lines, in columns of a terminal: two for a character of
/// East Asia.
pub fn display_width(text: &str) -> u16 {
    let widest = text.lines().map(UnicodeWidthStr::width).max().unwrap_or(0);
    u16::try_from(widest).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::Lang;
    use proptest::prelude::*;

    fn render(rows: &[Vec<String>], width: u16, ascii: bool) -> Vec<String> {
        let style = Style { lang: Lang::En, color: false, ascii, width: Some(width) };
        let columns = [
            Column { heading: "FD", flexible: false },
            Column { heading: "NAME", flexible: true },
            Column { heading: "CONNECTED TO", flexible: true },
        ];
        let mut out = Vec::new();
        let rows = || rows.iter().map(|row| row.iter().map(|t| (t.clone(), Tone::Plain)).collect());
        write(&mut out, style, Frame::Boxes, &columns, rows).unwrap();
        String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
    }

    proptest! {
        #[test]
        fn all_lines_are_of_one_width_and_fit(
            rows in proptest::collection::vec(("[0-9]{1,3}", "[a-zあ-ん/ ]{0,60}", "[a-zA-Z0-9\\[\\] ]{0,40}"), 1..6),
            width in 50u16..140,
        ) {
            let rows: Vec<_> = rows.into_iter().map(|(a, b, c)| vec![a, b, c]).collect();
            let lines = render(&rows, width, false);
            let first = display_width(&lines[0]);
            prop_assert!(first <= width);
            for line in &lines {
                prop_assert_eq!(display_width(line), first, "{:?}", lines);
            }
        }
    }

    #[test]
    fn parts_of_a_long_table_line_up() {
        let rows: Vec<_> = (0..600).map(|n| vec![n.to_string(), "x".repeat(n % 30), String::new()]).collect();
        let lines = render(&rows, 80, true);
        assert_eq!(lines.len(), 600 + 4);
        assert!(lines.iter().all(|line| line.len() == lines[0].len()));
        assert_eq!(lines.iter().filter(|line| line.starts_with("+-")).count(), 3);
    }
}
