//! What a lab tells: its steps, the tables at its moments, how its commands ended.

use super::cells::{Context, peer, process};
use super::inspect::{block, legend, paragraph};
use super::{Style, Tone, escape, exchange, figure, inheritance, lang, redirections};
use crate::model::{Access, Change, ChannelKey, Fate, Glimpse, Snapshot, Step};
use crate::query::{Known, Wiring};
use std::collections::HashSet;
use std::io::{self, Write};
use unicode_width::UnicodeWidthStr;

/// How a stage of a pipeline is called, and how it ended.
#[derive(Debug, Clone, Copy)]
pub struct StageLine<'a> {
    /// The command's name.
    pub command: &'a str,
    /// Its pid.
    pub pid: i32,
    /// How it ended, if it has.
    pub fate: Option<Fate>,
}

/// Writes the pipeline as a heading, and says how to read what follows.
pub fn opening(out: &mut dyn Write, text: &str, quiet: bool, style: Style) -> io::Result<()> {
    let command = format!("$ {}", escape::show(text.as_bytes()));
    writeln!(out, "{}", Tone::Strong.paint(&command, style.color))?;
    if !quiet {
        writeln!(out)?;
        paragraph(out, &lang::lab_opening(style.lang), Tone::Faint, style)?;
    }
    writeln!(out)
}

/// The width that the call of a step is padded to, before its changes.
const CALL_WIDTH: usize = 26;

/// Tells the steps of a lab, and what each means the first time that it comes.
#[derive(Debug, Default)]
pub struct Narrator {
    quiet: bool,
    told: HashSet<Lesson>,
}

/// What a step teaches, as far as it teaches the same as another.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Lesson {
    call: &'static str,
    by_shell: bool,
    closed: Option<Access>,
    aspect: Option<String>,
}

impl Narrator {
    /// One that tells the steps, or only lists them where it is `quiet`.
    pub fn new(quiet: bool) -> Self {
        Self { quiet, ..Self::default() }
    }

    /// Writes a step: who made which call, what it changed in the table, and what that means.
    pub fn step(&mut self, out: &mut dyn Write, step: &Step, style: Style) -> io::Result<()> {
        let indent = line(out, step, style)?;
        let Some(text) = meaning(step, style).filter(|_| !self.quiet) else {
            return Ok(());
        };
        let closed = step.changes.iter().find_map(|change| match change {
            Change::Closed { what, .. } => Some(what),
            _ => None,
        });
        let lesson = Lesson {
            call: step.call,
            by_shell: is_shell(step),
            closed: closed.and_then(|what| what.access),
            aspect: exchange::aspect(step).or_else(|| redirections::aspect(step)),
        };
        // Each step of the lab fork is there to teach something of its own.
        let own = matches!(step.actor.as_str(), "parent" | "child");
        if !own && !failed(step) && !self.told.insert(lesson) {
            return Ok(());
        }
        let width = style.width.map_or(usize::MAX, usize::from).saturating_sub(indent.len());
        for line in super::wrap::wrap(&text, width) {
            writeln!(out, "{indent}{}", Tone::Faint.paint(&line, style.color))?;
        }
        Ok(())
    }
}

/// Writes the line of a step, and gives the blanks that stand under what precedes its call.
fn line(out: &mut dyn Write, step: &Step, style: Style) -> io::Result<String> {
    let who = process(step.actor.as_bytes(), step.pid);
    let head = format!("{:>3}  {who:<12}  ", step.n);
    let indent = " ".repeat(head.width());
    let room = style.width.map_or(usize::MAX, |width| usize::from(width).saturating_sub(head.width()));
    let calls = folded(&call_text(step, style), room);
    let changes: Vec<_> = step.changes.iter().map(|change| change_text(change, style)).collect();
    let changes = changes.join(", ");
    let last = calls.last().map_or(0, |call| call.width());
    let padding = " ".repeat(CALL_WIDTH.saturating_sub(last).max(2));
    let fits = last + padding.len() + changes.width() <= room;
    let changes = Tone::Wire.paint(&changes, style.color);
    let gap = match (step.changes.is_empty(), fits) {
        (true, _) => String::new(),
        (false, true) => padding,
        (false, false) => format!("\n{indent}"),
    };
    let calls: Vec<_> = calls.iter().map(|call| Tone::Strong.paint(call, style.color)).collect();
    writeln!(out, "{head}{}{gap}{changes}", calls.join(&format!("\n{indent}")))?;
    Ok(indent)
}

/// A call in as many lines as it takes, broken behind its commas and between its flags.
fn folded(call: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for piece in call.split_inclusive([' ', '|']) {
        match lines.last_mut() {
            Some(line) if line.is_empty() || (line.clone() + piece.trim_end()).width() <= room => {
                line.push_str(piece);
            }
            _ => lines.push(format!("    {piece}")),
        }
    }
    lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
}

fn is_shell(step: &Step) -> bool {
    matches!(step.actor.as_str(), "shell" | "parent")
}

/// Whether the call failed: its result is an errno's name.
fn failed(step: &Step) -> bool {
    let is_name = |char: char| char.is_ascii_uppercase() || char.is_ascii_digit();
    step.result.starts_with('E') && step.result.chars().all(is_name)
}

/// The call as a person writes it: `dup2(4, 1)`, `pipe2() = [3, 4]`, `fork() = 4101`. A result stands
/// where it says more than that the call succeeded.
fn call_text(step: &Step, style: Style) -> String {
    let name = if is_fork(step) { "fork" } else { step.call };
    let args = match step.call {
        "pipe2" if step.args == ["0"] => String::new(),
        _ if is_fork(step) => String::new(),
        // Of a thread's many flags, what makes it one.
        "clone" | "clone3" if step.args.first().is_some_and(|flags| flags.contains("CLONE_THREAD")) => {
            format!("CLONE_THREAD|CLONE_FILES|{}", style.glyph("…", "..."))
        }
        // The words are in the heading; the program is what counts.
        "execve" => step.args.first().cloned().unwrap_or_default(),
        // Relative to the current directory is how everybody reads a path.
        "openat" if step.args.first().is_some_and(|dir| dir == "AT_FDCWD") => step.args[1..].join(", "),
        // The text says how long it is.
        "write" | "sendto" => step.args.iter().take(2).cloned().collect::<Vec<_>>().join(", "),
        _ => step.args.join(", "),
    };
    // What came from another process's memory was escaped when it was read.
    let tells_more = match step.call {
        "dup2" | "dup3" => step.args.get(1).is_none_or(|new| *new != step.result),
        // The first free number may be 0, and of a read 0 is the end.
        "open" | "openat" | "dup" | "read" | "recvfrom" => true,
        _ => step.result != "0",
    };
    if tells_more { format!("{name}({args}) = {}", step.result) } else { format!("{name}({args})") }
}

/// clone(2) with nothing but a signal at the child's end is what fork(3) of the C library calls.
fn is_fork(step: &Step) -> bool {
    match step.call {
        "fork" => true,
        "clone" => {
            step.args.first().is_some_and(|flags| flags.ends_with("SIGCHLD") && !flags.contains("CLONE_VM"))
        }
        _ => false,
    }
}

pub(super) fn change_text(change: &Change, style: Style) -> String {
    match change {
        Change::Opened { fd, what } => format!("+ {fd} {}", glimpse(what)),
        Change::Closed { fd, what } => format!("- {fd} {}", glimpse(what)),
        Change::Cloexec { fd, on: true } => format!("{fd}: + CLOEXEC"),
        Change::Cloexec { fd, on: false } => format!("{fd}: - CLOEXEC"),
        Change::Moved { fd, from, to } => {
            format!("{fd}: offset {from} {} {to}", style.glyph("→", "->"))
        }
        Change::Replaced { fd, from, to } => {
            let (mut before, mut now) = (glimpse(from), glimpse(to));
            if before == now {
                // Two of one kind, such as pipes: their names tell them apart.
                (before, now) = (named(from), named(to));
            }
            format!("{fd}: {before} {} {now}", style.glyph("→", "->"))
        }
    }
}

/// `pipe r`, `tty rw`, `/tmp/a.txt w`.
fn glimpse(what: &Glimpse) -> String {
    let named = what.name.as_ref().filter(|name| name.starts_with(b"/") && what.kind.as_str() != "tty");
    let name = named.map_or_else(|| what.kind.to_string(), |name| escape::name(name));
    match what.access {
        Some(access) => format!("{name} {}", access.as_str()),
        None => name,
    }
}

/// `pipe:[98213] r`.
fn named(what: &Glimpse) -> String {
    let name = what.name.as_ref().map_or_else(|| what.kind.to_string(), |name| escape::name(name));
    what.access.map_or_else(|| name.clone(), |access| format!("{name} {}", access.as_str()))
}

pub(super) fn meaning(step: &Step, style: Style) -> Option<String> {
    let language = style.lang;
    if matches!(step.actor.as_str(), "parent" | "child") && !failed(step) {
        let inheritance = inheritance::meaning(step, language);
        if inheritance.is_some() {
            return inheritance;
        }
    }
    let exchange = exchange::meaning(step, language);
    if exchange.is_some() && (!failed(step) || step.result == "EADDRINUSE") {
        return exchange;
    }
    let redirection = redirections::meaning(step, is_shell(step), failed(step), language);
    if redirection.is_some() {
        return redirection;
    }
    if failed(step) {
        return Some(lang::step_failed(language, &step.result));
    }
    let argument = |index: usize| step.args.get(index).map_or("?", String::as_str);
    Some(match step.call {
        "pipe" | "pipe2" => {
            let ends = step.result.trim_matches(['[', ']']);
            let (read, write) = ends.split_once(", ")?;
            lang::step_pipe(language, read, write)
        }
        _ if is_fork(step) => lang::step_fork(language, &step.result),
        "dup2" | "dup3" => lang::step_dup2(language, argument(0), argument(1)),
        "close" => match step.changes.first() {
            Some(Change::Closed { what: Glimpse { kind, access: Some(access), .. }, .. })
                if kind.as_str() == "pipe" && is_shell(step) =>
            {
                if access.writes() {
                    lang::step_close_writer(language, argument(0))
                } else {
                    lang::step_close_reader(language, argument(0))
                }
            }
            _ => lang::step_close(language, argument(0)),
        },
        "execve" => lang::step_exec(language),
        _ => return None,
    })
}

/// Writes the tables of the moment at which every stage is stopped at its exec, and the wires between
/// them: drawn on a terminal, else in a line for each.
pub fn at_exec(
    out: &mut dyn Write,
    snapshot: &Snapshot,
    stages: &[StageLine<'_>],
    style: Style,
) -> io::Result<()> {
    writeln!(out)?;
    rule(out, &lang::heading_at_exec(style.lang), style)?;
    paragraph(out, &lang::at_exec(style.lang), Tone::Faint, style)?;
    let known = Known::new(snapshot);
    let context = Context::new(&known, style);
    for shown in &snapshot.processes {
        writeln!(out)?;
        block(out, &context, shown, true)?;
    }
    for stage in stages {
        if let Some(fate) = stage.fate {
            writeln!(out)?;
            let name = process(stage.command.as_bytes(), stage.pid);
            // What should have become a command and did not ends with another status.
            let (text, tone) = if fate == Fate::Exited(0) {
                (lang::ended_without_command(style.lang, &name), Tone::Faint)
            } else {
                (lang::ended_before_exec(style.lang, &name, &fate_text(fate, style)), Tone::Warning)
            };
            paragraph(out, &text, tone, style)?;
        }
    }
    legend(out, &context)?;
    if style.width.is_none() {
        return wires(out, context.wiring, style);
    }
    writeln!(out)?;
    figure(out, snapshot, style)
}

/// A line for each channel: who writes into it and who reads from it.
fn wires(out: &mut dyn Write, wiring: &Wiring<'_>, style: Style) -> io::Result<()> {
    let channels = wiring.channels();
    if !channels.is_empty() {
        writeln!(out)?;
    }
    for channel in channels {
        let ChannelKey::File(inode) = channel.key else { continue };
        let side = |writing: bool| {
            let of_side =
                wiring.holders(channel).filter(|end| if writing { end.writes() } else { end.reads() });
            let names: Vec<_> = of_side.map(peer).collect();
            if names.is_empty() { lang::nobody(style.lang) } else { names.join(", ") }
        };
        let name = format!("{}:[{}]", channel.medium, inode.ino);
        let arrow = style.glyph("──▶", "-->");
        let line = format!("{}  {} {arrow} {}", name, side(true), side(false));
        writeln!(out, "  {}", Tone::Wire.paint(&line, style.color))?;
    }
    Ok(())
}

/// Announces the output of the pipeline itself.
pub fn running(out: &mut dyn Write, style: Style) -> io::Result<()> {
    writeln!(out)?;
    rule(out, &lang::heading_output(style.lang), style)
}

/// Writes how each stage ended.
pub fn closing(out: &mut dyn Write, stages: &[StageLine<'_>], style: Style) -> io::Result<()> {
    rule(out, &lang::heading_exits(style.lang), style)?;
    let names: Vec<_> = stages.iter().map(|stage| process(stage.command.as_bytes(), stage.pid)).collect();
    let widest = names.iter().map(|name| name.width()).max().unwrap_or(0);
    for (stage, name) in stages.iter().zip(names) {
        let fate = stage.fate.map_or_else(|| lang::fate_unknown(style.lang), |fate| fate_text(fate, style));
        writeln!(out, "  {name}{}  {fate}", " ".repeat(widest - name.width()))?;
    }
    Ok(())
}

/// Writes what is worth knowing of the tables and the figure above.
pub fn note(out: &mut dyn Write, text: &str, style: Style) -> io::Result<()> {
    writeln!(out)?;
    paragraph(out, text, Tone::Faint, style)
}

/// Writes that the lab ended what ran.
pub fn ended(out: &mut dyn Write, text: &str, style: Style) -> io::Result<()> {
    paragraph(out, text, Tone::Warning, style)
}

fn fate_text(fate: Fate, style: Style) -> String {
    match fate {
        Fate::Exited(status) => lang::exited(style.lang, status),
        Fate::Killed(signal) => lang::killed(style.lang, &signal_name(signal)),
    }
}

/// The name of a signal with its number: `SIGPIPE (13)`.
fn signal_name(signal: i32) -> String {
    let word = signal_word(signal);
    if word.starts_with("SIG") { format!("{word} ({signal})") } else { word }
}

/// The name of a signal: `SIGPIPE`; of a real-time one its number.
pub(super) fn signal_word(signal: i32) -> String {
    const NAMES: [&str; 31] = [
        "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE",
        "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ",
        "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
    ];
    let name = usize::try_from(signal - 1).ok().and_then(|index| NAMES.get(index));
    name.map_or_else(|| format!("signal {signal}"), |name| format!("SIG{name}"))
}

pub(super) fn rule(out: &mut dyn Write, heading: &str, style: Style) -> io::Result<()> {
    let dash = style.glyph("─", "-");
    let width = style.width.map_or(60, usize::from);
    let rest = width.saturating_sub(heading.width() + 4);
    let line = format!("{dash}{dash} {heading} {}", dash.repeat(rest));
    writeln!(out, "{}", Tone::Strong.paint(&line, style.color))
}
