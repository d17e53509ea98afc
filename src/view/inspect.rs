//! Processes and their tables, for a person or, line by line, for a program.

use super::cells::{Context, cell_of_process, process as process_name};
use super::columns::{BLOCK, FLAT, LINE, columns, heading as column_heading};
use super::table::{self, Frame, Text};
use super::{Style, Tone, escape, lang, lines};
use crate::model::{Process, State};
use crate::query::{Entries, Entry, Field, Listed, Listing};
use std::borrow::Cow;
use std::io::{self, Write};

/// How to write a listing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Layout<'a> {
    /// One listing of all processes, instead of a block for each.
    pub flat: bool,
    /// These columns, instead of the usual ones.
    pub columns: Option<&'a [Field]>,
}

/// Writes what is listed.
pub fn inspect(
    out: &mut dyn Write,
    listing: &Listing<'_>,
    layout: Layout<'_>,
    style: Style,
) -> io::Result<()> {
    let context = Context::new(listing.known, style);
    let usual: &[Field] = match (style.width, layout.flat) {
        (_, true) => &FLAT,
        (None, false) => &LINE,
        (Some(_), false) => &BLOCK,
    };
    let fields = layout.columns.unwrap_or(usual);
    if style.width.is_none() {
        return in_lines(out, &context, fields, &listing.rows, layout.flat);
    }
    if layout.flat {
        return flat_table(out, &context, fields, &listing.rows);
    }
    for (index, listed) in listing.rows.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        heading(out, style, listed.process, false)?;
        block_of(out, &context, fields, listed)?;
    }
    legend(out, &context)
}

/// Explains the letters, where there are any.
pub(super) fn legend(out: &mut dyn Write, context: &Context<'_>) -> io::Result<()> {
    if context.sharing.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    paragraph(out, &lang::letters(context.style.lang), Tone::Faint, context.style)
}

/// Writes one process as the labs show it: its heading without where it runs, and its whole table.
pub(super) fn block(
    out: &mut dyn Write,
    context: &Context<'_>,
    process: &Process,
    brief: bool,
) -> io::Result<()> {
    heading(out, context.style, process, brief)?;
    block_of(out, context, &BLOCK, &Listed { process, entries: Entries::All(context.snapshot, process) })
}

/// The table of one process.
fn block_of(
    out: &mut dyn Write,
    context: &Context<'_>,
    fields: &[Field],
    listed: &Listed<'_>,
) -> io::Result<()> {
    let Listed { process, entries } = listed;
    let language = context.style.lang;
    if let Err(failure) = &process.table {
        let text = lang::unreadable_table(language, &failure.to_string());
        paragraph(out, &text, Tone::Warning, context.style)?;
    }
    if entries.is_empty() {
        return match &process.table {
            Ok(_) => paragraph(out, &why_empty(process, context.style), Tone::Plain, context.style),
            Err(_) => Ok(()),
        };
    }
    if context.style.width.is_none() {
        let without_process: Vec<_> = LINE.iter().filter(|field| !field.is_of_process()).cloned().collect();
        let rows = entries.iter().map(|entry| plain(row(context, &without_process, &entry)));
        return lines::write(
            out,
            &headings(&without_process).iter().map(String::as_str).collect::<Vec<_>>(),
            rows,
        );
    }
    let number_width = entries.iter().map(|entry| entry.label().len()).max().unwrap_or(1);
    let lettered = !fields.contains(&Field::SharedWith);
    let headings = headings(fields);
    table::write(out, context.style, Frame::Boxes, &columns(fields, &headings), || {
        entries.iter().map(|entry| {
            let mut row = row(context, fields, &entry);
            // The letter stands behind the number, which it says something about.
            for ((text, _), _) in row.iter_mut().zip(fields).filter(|(_, field)| **field == Field::Fd) {
                let letter =
                    if lettered { context.cell(&Field::SharedWith, &entry).0 } else { String::new() };
                format!("{text:>number_width$} {letter}").trim_end().clone_into(text);
            }
            row
        })
    })
}

fn headings(fields: &[Field]) -> Vec<String> {
    fields.iter().map(column_heading).collect()
}

fn row(context: &Context<'_>, fields: &[Field], entry: &Entry<'_>) -> Vec<Text> {
    fields.iter().map(|field| context.cell(field, entry)).collect()
}

fn plain(row: Vec<Text>) -> Vec<String> {
    row.into_iter().map(|(text, _)| text).collect()
}

/// Why a table that was read has nothing in it.
fn why_empty(process: &Process, style: Style) -> String {
    match process.state {
        State::Zombie | State::Dead => lang::zombie(style.lang),
        _ => lang::no_descriptors(style.lang),
    }
}

fn heading(out: &mut dyn Write, style: Style, process: &Process, brief: bool) -> io::Result<()> {
    let mut words = Vec::new();
    words.push(format!("ppid {}", process.ppid));
    words.push(format!("user {}", user(process)));
    words.push(process.state.as_str().to_owned());
    if let Ok(table) = &process.table {
        let limit = match process.limit {
            Some(limit) => match limit.soft {
                Some(soft) => soft.to_string(),
                None => lang::unlimited(style.lang),
            },
            None => "?".to_owned(),
        };
        words.push(lang::fds_of(style.lang, table.descriptors.len(), &limit));
    }
    let name = process_name(&process.comm, process.id.pid);
    writeln!(out, "{}  {}", Tone::Strong.paint(&name, style.color), words.join(", "))?;
    let argv: Vec<_> = process.argv.iter().map(|argument| escape::word(argument)).collect();
    if process.argv.len() > 1 || process.argv.first().is_some_and(|first| *first != process.comm) {
        paragraph(out, &format!("$ {}", argv.join(" ")), Tone::Faint, style)?;
    }
    let mut where_it_runs = Vec::new();
    if process.ns_pids.len() > 1 {
        let inner: Vec<_> = process.ns_pids.iter().skip(1).map(i32::to_string).collect();
        where_it_runs.push(lang::inner_pid(style.lang, &inner.join("/")));
    }
    if let Some(container) = &process.container {
        let short: String = escape::show(container.as_bytes()).chars().take(12).collect();
        where_it_runs.push(format!("container {short}"));
    } else if let Some(group) = &process.cgroup {
        where_it_runs.push(format!("cgroup {}", escape::show(group.as_bytes())));
    }
    if !brief && !where_it_runs.is_empty() {
        paragraph(out, &where_it_runs.join(", "), Tone::Faint, style)?;
    }
    Ok(())
}

/// The user's name, else the number, else `?`.
pub fn user(process: &Process) -> String {
    match (&process.user, process.uid) {
        (Some(name), _) => escape::show(name.as_bytes()),
        (None, Some(uid)) => uid.to_string(),
        (None, None) => "?".to_owned(),
    }
}

/// Writes a paragraph, wrapped to the terminal and indented by two.
pub fn paragraph(out: &mut dyn Write, text: &str, tone: Tone, style: Style) -> io::Result<()> {
    let width = style.width.map_or(usize::MAX, usize::from).saturating_sub(2);
    for line in super::wrap::wrap(text, width) {
        writeln!(out, "  {}", tone.paint(&line, style.color))?;
    }
    Ok(())
}

/// One table of all processes' files.
fn flat_table(
    out: &mut dyn Write,
    context: &Context<'_>,
    fields: &[Field],
    rows: &[Listed<'_>],
) -> io::Result<()> {
    let headings = headings(fields);
    table::write(out, context.style, Frame::Open, &columns(fields, &headings), || {
        rows.iter().flat_map(|listed| rows_of(context, fields, listed))
    })
}

/// A line for each file. Of a process that was asked for and has none, one line says so.
fn in_lines(
    out: &mut dyn Write,
    context: &Context<'_>,
    fields: &[Field],
    rows: &[Listed<'_>],
    flat: bool,
) -> io::Result<()> {
    let headings = headings(fields);
    let headings: Vec<_> = headings.iter().map(String::as_str).collect();
    // A process at a time, or where these are sorted across all processes many of one line each.
    let parts: Vec<&[Listed<'_>]> = rows.chunks(rows.len() / 4096 + 1).collect();
    lines::write_parts(out, &headings, &parts, &|part, row| {
        for listed in part {
            lines_of(context, fields, listed, flat, row);
        }
    })
}

/// The same as [`rows_of`] for a long listing: nothing is made anew for each file that is the process's, or a word.
fn lines_of(
    context: &Context<'_>,
    fields: &[Field],
    listed: &Listed<'_>,
    flat: bool,
    row: &mut lines::Row<'_>,
) {
    let of_process = |field: &Field| field.is_of_process().then(|| cell_of_process(field, listed.process).0);
    let of_process: Vec<Option<String>> = fields.iter().map(of_process).collect();
    let mut cells: Vec<Cow<'_, str>> = Vec::with_capacity(fields.len());
    for entry in listed.entries.iter() {
        cells.clear();
        cells.extend(fields.iter().zip(&of_process).map(|(field, own)| match own {
            Some(own) => Cow::Borrowed(own.as_str()),
            None => context.words(field, &entry).0,
        }));
        row(&cells);
    }
    if let Some(missing) = missing(context, fields, listed, flat) {
        row(&plain(missing).into_iter().map(Cow::Owned).collect::<Vec<_>>());
    }
}

fn rows_of<'a>(
    context: &'a Context<'_>,
    fields: &'a [Field],
    listed: &'a Listed<'_>,
) -> impl Iterator<Item = Vec<Text>> + 'a {
    let entries = listed.entries.iter().map(|entry| row(context, fields, &entry));
    entries.chain(missing(context, fields, listed, true))
}

/// The row in the place of files that there are none of.
fn missing(context: &Context<'_>, fields: &[Field], listed: &Listed<'_>, flat: bool) -> Option<Vec<Text>> {
    let Listed { process, entries } = listed;
    let missing = match &process.table {
        Err(failure) => Some((format!("(fd table: {failure})"), Tone::Warning)),
        Ok(_) if entries.is_empty() && !flat => {
            Some((format!("({})", why_empty(process, context.style)), Tone::Plain))
        }
        Ok(_) => None,
    };
    missing.map(|(text, tone)| {
        // In the place of the name, or of what there is instead.
        let position = fields.iter().position(|field| *field == Field::Name).unwrap_or(fields.len() - 1);
        let cell = |(index, field): (usize, &Field)| match field {
            _ if index == position => (text.clone(), tone),
            field if field.is_of_process() => cell_of_process(field, process),
            Field::Fd | Field::Access | Field::Kind if flat => ("-".to_owned(), Tone::Plain),
            _ => (String::new(), Tone::Plain),
        };
        fields.iter().enumerate().map(cell).collect()
    })
}
