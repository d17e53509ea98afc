//! The tree of the processes that are listed, each with its files below it.

use super::cells::{Context, process as process_name};
use super::columns::BLOCK;
use super::inspect::user;
use super::table::display_width;
use super::{Style, Tone, escape, wrap};
use crate::query::{Entries, Entry, Field, Listed, Listing};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, Write};

/// Writes what is listed. A process stands below its parent where that is listed, too.
pub fn tree(
    out: &mut dyn Write,
    listing: &Listing<'_>,
    chosen: Option<&[Field]>,
    style: Style,
) -> io::Result<()> {
    let context = Context::new(listing.known, style);
    let fields = chosen.unwrap_or(&BLOCK);
    let tree = Tree::new(listing);
    for &root in &tree.roots {
        branch(out, &context, fields, &tree, root, &Stem { first: String::new(), rest: String::new() })?;
    }
    super::inspect::legend(out, &context)
}

struct Tree<'a> {
    rows: &'a [Listed<'a>],
    roots: Vec<usize>,
    /// By the parent's place in the rows.
    children: HashMap<usize, Vec<usize>>,
}

impl<'a> Tree<'a> {
    fn new(listing: &'a Listing<'a>) -> Self {
        let rows = &listing.rows[..];
        // A thread that is shown for itself stands below its process.
        let places = rows.iter().enumerate().rev().filter(|(_, row)| row.process.leader.is_none());
        let places: HashMap<i32, usize> = places.map(|(index, row)| (row.process.id.pid, index)).collect();
        let (mut roots, mut children) = (Vec::new(), HashMap::<usize, Vec<usize>>::new());
        for (index, row) in rows.iter().enumerate() {
            let above = row.process.leader.map_or(row.process.ppid, |leader| leader.pid);
            match places
                .get(&above)
                .filter(|&&parent| parent != index && !leads_to(rows, &places, parent, index))
            {
                Some(&parent) => children.entry(parent).or_default().push(index),
                None => roots.push(index),
            }
        }
        Self { rows, roots, children }
    }
}

/// Whether the way up from `from` comes to `to`: pids are read one after the other, and one that was given
/// again meanwhile may close a circle.
fn leads_to(rows: &[Listed<'_>], places: &HashMap<i32, usize>, from: usize, to: usize) -> bool {
    let mut at = from;
    for _ in 0..rows.len() {
        if at == to {
            return true;
        }
        match places.get(&rows[at].process.ppid) {
            Some(&parent) if rows[at].process.leader.is_none() => at = parent,
            _ => return false,
        }
    }
    true
}

/// What stands at the left of a branch: at its first line, and at the others.
struct Stem {
    first: String,
    rest: String,
}

fn branch(
    out: &mut dyn Write,
    context: &Context<'_>,
    fields: &[Field],
    tree: &Tree<'_>,
    index: usize,
    stem: &Stem,
) -> io::Result<()> {
    let style = context.style;
    let Listed { process, entries } = &tree.rows[index];
    let children = tree.children.get(&index).map(Vec::as_slice).unwrap_or_default();
    let name = match process.tid() {
        Some(tid) => format!("{}[{}/{tid}]", escape::show(&process.comm), process.pid()),
        None => process_name(&process.comm, process.pid()),
    };
    let about = format!("{}, {}", user(process), process.state.as_str());
    writeln!(
        out,
        "{}{}  {}",
        stem.first,
        Tone::Strong.paint(&name, style.color),
        Tone::Faint.paint(&about, style.color)
    )?;
    // Its files stand to the right of the line that leads to its children.
    let guide = if children.is_empty() { "   " } else { style.glyph("│  ", "|  ") };
    let left = format!("{}{guide}", stem.rest);
    if let Err(failure) = &process.table {
        writeln!(out, "{left}{}", Tone::Warning.paint(&format!("(fd table: {failure})"), style.color))?;
    }
    files(out, context, fields, entries, &left)?;
    for (nth, &child) in children.iter().enumerate() {
        let is_last = nth + 1 == children.len();
        let (first, rest) = if is_last {
            (style.glyph("└─ ", "`- "), "   ")
        } else {
            (style.glyph("├─ ", "|- "), style.glyph("│  ", "|  "))
        };
        let stem = Stem { first: format!("{}{first}", stem.rest), rest: format!("{}{rest}", stem.rest) };
        branch(out, context, fields, tree, child, &stem)?;
    }
    Ok(())
}

/// The files of one process, in columns of their own.
fn files(
    out: &mut dyn Write,
    context: &Context<'_>,
    fields: &[Field],
    entries: &Entries<'_>,
    left: &str,
) -> io::Result<()> {
    let style = context.style;
    let rows: Vec<Vec<(String, Tone)>> = entries.iter().map(|entry| row(context, fields, &entry)).collect();
    let width = |column: usize| rows.iter().map(|row| display_width(&row[column].0)).max().unwrap_or(0);
    // A name may be long: what comes behind it is not lined up.
    let aligned = fields.iter().take_while(|field| !matches!(field, Field::Name | Field::Argv)).count();
    let widths: Vec<u16> = (0..aligned).map(width).collect();
    let room = style.width.map_or(usize::MAX, usize::from).saturating_sub(usize::from(display_width(left)));
    for row in rows {
        let mut head = String::new();
        for ((text, tone), &width) in row.iter().zip(&widths) {
            let blanks = " ".repeat(usize::from(width.saturating_sub(display_width(text))) + 2);
            let _ = write!(head, "{}{blanks}", tone.paint(text, style.color));
        }
        let hang: usize = widths.iter().map(|&width| usize::from(width) + 2).sum();
        let rest: Vec<&str> =
            row[aligned..].iter().map(|(text, _)| text.as_str()).filter(|text| !text.is_empty()).collect();
        let lines = wrap::wrap(&rest.join("  ").replace('\n', ", "), room.saturating_sub(hang).max(20));
        let mut lines = lines.into_iter();
        writeln!(out, "{left}{}", format!("{head}{}", lines.next().unwrap_or_default()).trim_end())?;
        for line in lines {
            writeln!(out, "{left}{}{line}", " ".repeat(hang))?;
        }
    }
    Ok(())
}

fn row(context: &Context<'_>, fields: &[Field], entry: &Entry<'_>) -> Vec<(String, Tone)> {
    let cell = |field: &Field| {
        let (text, tone) = context.cell(field, entry);
        let letter = match field {
            Field::Fd if !fields.contains(&Field::SharedWith) => context.cell(&Field::SharedWith, entry).0,
            _ => String::new(),
        };
        match field {
            // An arrow instead of a heading.
            Field::Peers if !text.is_empty() => (format!("{} {text}", context.style.glyph("⇄", "<->")), tone),
            _ => (format!("{text} {letter}").trim_end().to_owned(), tone),
        }
    };
    fields.iter().map(cell).collect()
}
