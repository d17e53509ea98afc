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

/// A column's heading, and how its cells give way where a terminal is too narrow for all.
#[derive(Debug, Clone, Copy)]
pub struct Column<'a> {
    pub heading: &'a str,
    pub give: Give,
}

/// How a column may be narrowed and its cells wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Give {
    /// Not at all.
    Never,
    /// Before all others, as far as its longest word: a list of words, of which most rows have few.
    First,
    /// Between its words, and where that is not enough within them.
    Wrapped,
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

/// Words up to this width are kept whole as long as other columns can give way: a process with its pid, an
/// address. Of a path that is too much to ask.
const WHOLE_WORDS: u16 = 22;

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
    columns: &[Column<'_>],
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
            let cells = row.into_iter().zip(&widths);
            let cells = cells.map(|((text, tone), &width)| paint(broken(text, width), tone));
            table.add_row(cells.collect::<Vec<_>>());
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

/// The width of each column's content: as wide as it is, or where all do not fit into `room`, narrowed
/// until they do. Lists of words give way first, then what can be wrapped between words, and words are
/// broken last.
fn fit(columns: &[Column<'_>], rows: impl Iterator<Item = Vec<Text>>, room: usize) -> Vec<u16> {
    let mut widths: Vec<u16> = columns.iter().map(|column| display_width(column.heading)).collect();
    let mut words: Vec<u16> = columns.iter().map(|column| longest_word(column.heading)).collect();
    for row in rows {
        for ((width, word), (text, _)) in widths.iter_mut().zip(&mut words).zip(&row) {
            *width = (*width).max(display_width(text));
            *word = (*word).max(longest_word(text));
        }
    }
    let floor = |index: usize| words[index].clamp(NARROWEST, WHOLE_WORDS);
    narrow(&mut widths, room, |index| (columns[index].give == Give::First).then(|| floor(index)));
    narrow(&mut widths, room, |index| (columns[index].give != Give::Never).then(|| floor(index)));
    narrow(&mut widths, room, |index| (columns[index].give != Give::Never).then_some(NARROWEST));
    widths
}

/// Narrows the widest of the columns that have a floor, down to that, until all fit into `room`.
fn narrow(widths: &mut [u16], room: usize, floor: impl Fn(usize) -> Option<u16>) {
    loop {
        let total: usize = widths.iter().map(|&width| usize::from(width)).sum();
        let mut giving: Vec<(u16, usize, u16)> = (0..widths.len())
            .filter_map(|index| Some((widths[index], index, floor(index)?)))
            .filter(|&(width, _, floor)| width > floor)
            .collect();
        giving.sort_unstable();
        let Some((width, widest, floor)) = giving.pop() else { return };
        if total <= room {
            return;
        }
        // At once as far as the next widest, so that this ends soon also for a name of 4,096 bytes.
        let next = giving.pop().map_or(0, |(width, ..)| width).max(floor);
        let excess = u16::try_from(total - room).unwrap_or(u16::MAX);
        widths[widest] -= excess.min(width - next).max(1);
    }
}

/// A cell's text with its line breaks where it is wider than its column. `fd` stays with its number, as do
/// two words in parentheses; a word that is too long for a line is left to be broken within.
fn broken(text: String, width: u16) -> String {
    if display_width(&text) <= width {
        return text;
    }
    let lines = text.lines().map(|line| {
        let (mut broken, mut column) = (String::new(), 0);
        let mut words = line.split(' ').peekable();
        while let Some(word) = words.next() {
            let opens = word.starts_with('(') && !word.ends_with(')');
            let second = words.next_if(|next| {
                (word == "fd" && next.bytes().all(|byte| byte.is_ascii_digit()))
                    || (opens && next.ends_with(')'))
            });
            let unit = second.map_or_else(|| word.to_owned(), |second| format!("{word} {second}"));
            let unit_width = display_width(&unit);
            if column > 0 && column + 1 + unit_width > width && unit_width <= width {
                broken.push('\n');
                column = 0;
            } else if !broken.is_empty() {
                broken.push(' ');
                column += 1;
            }
            broken.push_str(&unit);
            // Where a word is broken within, the next one stands behind its rest.
            column = (column + unit_width) % width.max(1);
        }
        broken
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The width of the longest word.
fn longest_word(text: &str) -> u16 {
    text.split_whitespace().map(display_width).max().unwrap_or(0)
}

/// The width of `text`, or of the widest of its lines, in columns of a terminal: two for a character of
/// East Asia.
pub fn display_width(text: &str) -> u16 {
    // As most are.
    if text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        return u16::try_from(text.len()).unwrap_or(u16::MAX);
    }
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
            Column { heading: "FD", give: Give::Never },
            Column { heading: "NAME", give: Give::Wrapped },
            Column { heading: "CONNECTED TO", give: Give::Wrapped },
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
