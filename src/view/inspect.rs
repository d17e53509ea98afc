//! Processes and their tables, for a person or, line by line, for a program.

use super::cells::{Cells, Context, process as process_name};
use super::table::{self, Column, Frame, Give, Text};
use super::{Style, Tone, escape, lang, lines};
use crate::model::{Process, Snapshot, State};
use std::io::{self, Write};

/// Writes `snapshot`: a block for each process, or with `flat` one listing.
pub fn inspect(out: &mut dyn Write, snapshot: &Snapshot, style: Style, flat: bool) -> io::Result<()> {
    let context = Context::new(snapshot, style);
    if style.width.is_none() {
        return listing(out, &context, flat);
    }
    if flat {
        return flat_table(out, &context);
    }
    for (index, process) in snapshot.processes.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        block(out, &context, process, false)?;
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

/// Writes one process: its heading and its table. `brief` leaves out where it runs.
pub(super) fn block(
    out: &mut dyn Write,
    context: &Context<'_>,
    process: &Process,
    brief: bool,
) -> io::Result<()> {
    heading(out, context.style, process, brief)?;
    let language = context.style.lang;
    let fds = match &process.table {
        Ok(table) => &table.descriptors,
        Err(failure) => {
            let text = lang::unreadable_table(language, &failure.to_string());
            return paragraph(out, &text, Tone::Warning, context.style);
        }
    };
    if fds.is_empty() {
        return paragraph(out, &why_empty(process, context.style), Tone::Plain, context.style);
    }
    if context.style.width.is_none() {
        return rows_of(out, context, process);
    }
    let columns = [
        ("FD", Give::Never),
        ("MODE", Give::Never),
        ("KIND", Give::Never),
        ("NAME", Give::Wrapped),
        ("FLAGS", Give::First),
        ("CONNECTED TO", Give::Wrapped),
    ]
    .map(|(heading, give)| Column { heading, give });
    let number_width = fds.iter().map(|fd| fd.fd.to_string().len()).max().unwrap_or(1);
    table::write(out, context.style, Frame::Boxes, &columns, || {
        fds.iter().map(|descriptor| {
            let cells = context.cells(process, descriptor);
            let fd = format!("{:>number_width$} {}", cells.fd, cells.letter).trim_end().to_owned();
            let mut row = vec![(fd, Tone::Plain)];
            row.extend(common(&cells));
            row.insert(4, (cells.flags.join(" "), Tone::Plain));
            row
        })
    })
}

/// A line for each descriptor of one process.
fn rows_of(out: &mut dyn Write, context: &Context<'_>, process: &Process) -> io::Result<()> {
    let fds = process.table.iter().flat_map(|table| &table.descriptors);
    let rows = fds.map(|descriptor| {
        let cells = context.cells(process, descriptor);
        let flags = cells.flags.join(",");
        vec![cells.fd, cells.letter, cells.mode, cells.kind, cells.name, flags, cells.connected]
    });
    lines::write(out, &["FD", "SHARED", "MODE", "KIND", "NAME", "FLAGS", "CONNECTED TO"], rows)
}

/// Why a table that was read has nothing in it.
fn why_empty(process: &Process, style: Style) -> String {
    match process.state {
        State::Zombie | State::Dead => lang::zombie(style.lang),
        _ => lang::no_descriptors(style.lang),
    }
}

/// MODE, KIND, NAME and CONNECTED TO.
fn common(cells: &Cells) -> [Text; 4] {
    let name_tone = if cells.is_gap { Tone::Warning } else { Tone::Plain };
    let wire = if cells.is_end { Tone::Wire } else { Tone::Plain };
    [
        (cells.mode.clone(), Tone::Plain),
        (cells.kind.clone(), wire),
        (cells.name.clone(), name_tone),
        (cells.connected.clone(), wire),
    ]
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

const FLAT: [(&str, Give); 8] = [
    ("COMMAND", Give::Wrapped),
    ("PID", Give::Never),
    ("USER", Give::Never),
    ("FD", Give::Never),
    ("MODE", Give::Never),
    ("KIND", Give::Never),
    ("NAME", Give::Wrapped),
    ("CONNECTED TO", Give::Wrapped),
];

/// One table of all processes' descriptors.
fn flat_table(out: &mut dyn Write, context: &Context<'_>) -> io::Result<()> {
    let columns = FLAT.map(|(heading, give)| Column { heading, give });
    table::write(out, context.style, Frame::Open, &columns, || {
        context.snapshot.processes.iter().flat_map(|process| {
            let who = [
                (escape::show(&process.comm), Tone::Plain),
                (process.id.pid.to_string(), Tone::Plain),
                (user(process), Tone::Plain),
            ];
            let mut rows: Vec<Vec<Text>> = Vec::new();
            match &process.table {
                Ok(table) => rows.extend(table.descriptors.iter().map(|descriptor| {
                    let cells = context.cells(process, descriptor);
                    let mut row = who.to_vec();
                    row.push((cells.fd.clone(), Tone::Plain));
                    row.extend(common(&cells));
                    row
                })),
                Err(failure) => {
                    let mut row = who.to_vec();
                    row.extend(["-", "-", "-"].map(|dash| (dash.to_owned(), Tone::Plain)));
                    row.push((format!("(fd table: {failure})"), Tone::Warning));
                    row.push((String::new(), Tone::Plain));
                    rows.push(row);
                }
            }
            rows
        })
    })
}

/// One line for each descriptor. Of a process that was asked for and has none, one line says so.
fn listing(out: &mut dyn Write, context: &Context<'_>, flat: bool) -> io::Result<()> {
    let headings: &[_] = if flat {
        &["COMMAND", "PID", "USER", "FD", "MODE", "KIND", "NAME", "CONNECTED TO"]
    } else {
        &["COMMAND", "PID", "USER", "FD", "SHARED", "MODE", "KIND", "NAME", "FLAGS", "CONNECTED TO"]
    };
    let rows = context.snapshot.processes.iter().flat_map(|process| {
        let who = [escape::show(&process.comm), process.id.pid.to_string(), user(process)];
        let (fds, missing) = match &process.table {
            Ok(table) if table.descriptors.is_empty() && !flat => {
                (&[][..], Some(format!("({})", why_empty(process, context.style))))
            }
            Ok(table) => (&table.descriptors[..], None),
            Err(failure) => (&[][..], Some(format!("(fd table: {failure})"))),
        };
        let of_missing = missing.map({
            let who = who.clone();
            move |text| {
                let mut row = who.to_vec();
                row.resize(if flat { 6 } else { 7 }, String::new());
                row.push(text);
                row.resize(if flat { 8 } else { 10 }, String::new());
                row
            }
        });
        fds.iter()
            .map(move |descriptor| {
                let cells = context.cells(process, descriptor);
                let mut row = who.to_vec();
                row.push(cells.fd);
                if !flat {
                    row.push(cells.letter);
                }
                row.extend([cells.mode, cells.kind, cells.name]);
                if !flat {
                    row.push(cells.flags.join(","));
                }
                row.push(cells.connected);
                row
            })
            .chain(of_missing)
    });
    lines::write(out, headings, rows)
}
