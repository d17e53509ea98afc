//! What the labs have in common: their options, and how what they tell is shown.

use super::{Fatal, Streams};
use crate::kernel::Live;
use crate::lab::{self, Actor, At, Moment, Outcome, Plan, Problem, Stage, Tables, Tell};
use crate::model::{Fate, Step};
use crate::view::lab::{Narrator, StageLine, at_exec, closing, ended, note, opening, running};
use crate::view::moments::{
    after_fork, after_move, at_start, before_exec, before_fork, held, stopped, stuck,
};
use crate::view::{LabDocument, MomentRecord, Style, escape, lab_document, lang};
use clap::ValueEnum;
use std::ffi::CString;
use std::io::Write;
use std::time::{Duration, SystemTime};

/// The options of every lab.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Wait for Enter, read from the terminal, at each step
    #[arg(long)]
    step: bool,
    /// Keep the processes standing at their exec until Enter; any tool may look at them
    #[arg(long)]
    hold: bool,
    /// Which whole tables to show
    #[arg(long, value_enum, value_name = "WHICH", default_value = "all")]
    tables: TablesArg,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Leave the explanations out
    #[arg(long)]
    quiet: bool,
    /// End it when it takes longer
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = super::seconds)]
    timeout: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// One JSON document when it has ended, with the commands' output in it
    Json,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum TablesArg {
    /// At the start, after each fork, before an exec that follows redirections, and at exec
    All,
    /// At exec
    Exec,
    /// None
    None,
}

impl From<TablesArg> for Tables {
    fn from(which: TablesArg) -> Self {
        match which {
            TablesArg::All => Self::All,
            TablesArg::Exec => Self::Exec,
            TablesArg::None => Self::None,
        }
    }
}

/// What a lab runs.
#[derive(Debug)]
pub struct Script<'a> {
    /// The lab's name.
    pub lab: &'a str,
    /// What stands over it.
    pub title: &'a str,
    /// Who plays the shell: this program in a role, or a real shell.
    pub actor: Actor<'a>,
    /// The actor's program; this one where it is none other.
    pub program: Option<CString>,
    /// Its arguments, with the name that it is called by.
    pub arguments: Vec<&'a str>,
    /// What is worth knowing of what was seen.
    pub note: String,
    /// Whether it leaves an end open that it should close.
    pub leave_open: bool,
}

/// Runs a lab and shows it.
pub fn run(
    options: &Options,
    script: &Script<'_>,
    style: Style,
    streams: &mut Streams<'_>,
) -> Result<u8, Fatal> {
    let arguments: Result<Vec<CString>, _> = script.arguments.iter().copied().map(CString::new).collect();
    let arguments = arguments.map_err(|_| Fatal::Message(lang::fault_nul(style.lang)))?;
    let plan = Plan {
        // This program, also when its file was replaced or removed since.
        program: script.program.as_deref().unwrap_or(c"/proc/self/exe"),
        argv: &arguments,
        actor: script.actor.clone(),
        leave_open: script.leave_open,
        // The document is about the moment of the execs, whichever other tables it has.
        tables: match options.format {
            Format::Text => options.tables.into(),
            Format::Json => Tables::from(options.tables).max(Tables::Exec),
        },
        step: options.step,
        hold: options.hold,
        capture: options.format == Format::Json,
        traced: true,
        timeout: options.timeout,
    };
    match show(options, &plan, script, style, streams) {
        Err(problem) if problem.is_forbidden() && script.can_stop() => {
            let failure = problem.to_string();
            let note = lang::falling_back(style.lang, &lang::trace_forbidden(style.lang, &failure));
            writeln!(streams.err, "ganariya-fd: {note}")?;
            let stopping = script.arguments.iter().map(|word| match *word {
                super::pipe::ROLE => super::pipe::STOPPING_ROLE,
                word => word,
            });
            let arguments: Vec<CString> = stopping.filter_map(|word| CString::new(word).ok()).collect();
            let plan = Plan { argv: &arguments, traced: false, ..plan.clone() };
            show(options, &plan, script, style, streams).map_err(|problem| explain(problem, style))
        }
        result => result.map_err(|problem| explain(problem, style)),
    }
}

impl Script<'_> {
    /// Whether its actor can stop itself, for want of a tracer.
    fn can_stop(&self) -> bool {
        self.arguments.contains(&super::pipe::ROLE)
    }
}

fn show(
    options: &Options,
    plan: &Plan<'_>,
    script: &Script<'_>,
    style: Style,
    streams: &mut Streams<'_>,
) -> Result<u8, Problem> {
    match options.format {
        Format::Text => narrate(options, plan, script, style, streams),
        Format::Json => record(plan, script, style, streams),
    }
}

/// Runs the plan, traced or not.
fn drive(plan: &Plan<'_>, tell: &mut Tell<'_>) -> Result<Outcome, Problem> {
    let source = Live::new();
    if plan.traced { lab::drive(&source, plan, tell) } else { lab::drive_untraced(&source, plan, tell) }
}

/// Tells the lab as it happens.
fn narrate(
    options: &Options,
    plan: &Plan<'_>,
    script: &Script<'_>,
    style: Style,
    streams: &mut Streams<'_>,
) -> Result<u8, Problem> {
    let mut narrator = Narrator::new(options.quiet);
    let Streams { out, err, .. } = streams;
    let outcome = drive(plan, &mut |moment| {
        match moment {
            Moment::Begun => opening(out, script.title, options.quiet || !plan.traced, style)?,
            Moment::Step(step) => narrator.step(out, step, style)?,
            Moment::Tables { at, snapshot, stages } => match at {
                At::Start => at_start(out, snapshot, style)?,
                At::BeforeFork => before_fork(out, snapshot, style)?,
                At::Moved { .. } => after_move(out, snapshot, style)?,
                At::AfterFork { child } => {
                    let stage = stages.iter().find(|stage| stage.pid == child);
                    let command = stage.map_or("", |stage| stage.command.as_str());
                    // What the column means is said once.
                    let first = stages.first().is_some_and(|stage| stage.pid == child);
                    after_fork(out, snapshot, command, first && !options.quiet, style)?;
                }
                At::BeforeExec { .. } => before_exec(out, snapshot, style)?,
                At::Stopped => stopped(out, snapshot, style)?,
                At::Exec => {
                    at_exec(out, snapshot, &lines(stages), style)?;
                    if !options.quiet {
                        note(out, &script.note, style)?;
                    }
                }
            },
            Moment::Held { shell, stages, .. } => {
                let standing: Vec<_> = standing(script, shell, stages).collect();
                held(out, &standing.iter().map(|(_, pid)| *pid).collect::<Vec<_>>(), style)?;
                out.flush()?;
                tell_held(*err, standing)?;
            }
            Moment::Running => running(out, style)?,
            Moment::Stuck { reader, fd, snapshot } => stuck(out, snapshot, reader, fd, style)?,
        }
        // The actors write to the same place.
        out.flush()
    })?;
    finish(*out, &outcome, style)?;
    Ok(status(&outcome, &script.actor))
}

/// Records the lab, and writes it as one document when it has ended; where it is held, when it is.
fn record(
    plan: &Plan<'_>,
    script: &Script<'_>,
    style: Style,
    streams: &mut Streams<'_>,
) -> Result<u8, Problem> {
    let taken_at = SystemTime::now();
    let (mut steps, mut moments) = (Vec::new(), Vec::new());
    let document = |steps: &[Step], moments: &[MomentRecord], outcome: &Outcome, out: &mut dyn Write| {
        let output = outcome.output.as_ref();
        let document = LabDocument {
            lab: script.lab,
            title: script.title,
            about: None,
            taken_at,
            steps,
            moments,
            stages: &lines(&outcome.stages),
            captured: &outcome.captured,
            output: output.map(|(out, err)| [(&out.bytes[..], out.left_out), (&err.bytes[..], err.left_out)]),
            ended_by: ended_by(outcome),
            lang: style.lang,
        };
        lab_document(out, &document)
    };
    let Streams { out, err, .. } = streams;
    let outcome = drive(plan, &mut |moment| {
        match moment {
            Moment::Step(step) => steps.push(step.clone()),
            Moment::Tables { at, snapshot, .. } => {
                let name = match at {
                    At::Start => "start",
                    At::BeforeFork => "before fork",
                    At::AfterFork { .. } => "fork",
                    At::Moved { .. } => "offset moved",
                    At::BeforeExec { .. } => "before exec",
                    At::Exec => "exec",
                    At::Stopped => "stopped before exec",
                };
                moments.push(MomentRecord {
                    name,
                    after_step: steps.len(),
                    snapshot: snapshot.clone(),
                    lingering: None,
                });
            }
            Moment::Held { shell, stages, captured } => {
                let so_far =
                    Outcome { stages: stages.to_vec(), captured: captured.to_vec(), ..Outcome::default() };
                document(&steps, &moments, &so_far, *out)?;
                out.flush()?;
                tell_held(*err, standing(script, shell, stages))?;
            }
            Moment::Begun | Moment::Running | Moment::Stuck { .. } => {}
        }
        Ok(())
    })?;
    if !plan.hold {
        document(&steps, &moments, &outcome, *out)?;
    }
    Ok(status(&outcome, &script.actor))
}

/// What ended the lab before its commands did.
pub fn ended_by(outcome: &Outcome) -> Option<&'static str> {
    match outcome {
        Outcome { asked: Some(_), .. } => Some("signal"),
        Outcome { late: Some(_), .. } => Some("timeout"),
        Outcome { dismissed: true, .. } => Some("dismissed"),
        Outcome { stuck: true, .. } => Some("stuck"),
        _ => None,
    }
}

/// `held: shell=4100 ls=4101 grep=4102`, for scripts: everybody who lives, each name as one word.
pub fn tell_held<'a>(
    err: &mut dyn Write,
    living: impl IntoIterator<Item = (&'a str, i32)>,
) -> std::io::Result<()> {
    write!(err, "held:")?;
    for (name, pid) in living {
        write!(err, " {}={pid}", escape::word(name.as_bytes()))?;
    }
    writeln!(err)
}

/// Those that stand still: the shell and the stages that live.
fn standing<'a>(
    script: &'a Script<'_>,
    shell: i32,
    stages: &'a [Stage],
) -> impl Iterator<Item = (&'a str, i32)> {
    std::iter::once((script.actor.name(), shell)).chain(living(stages))
}

/// The names and pids of the stages that live.
pub fn living(stages: &[Stage]) -> impl Iterator<Item = (&str, i32)> {
    stages.iter().filter(|stage| stage.fate.is_none()).map(|stage| (stage.command.as_str(), stage.pid))
}

/// Writes how the lab ended, and why before its time.
pub fn finish(out: &mut dyn Write, outcome: &Outcome, style: Style) -> std::io::Result<()> {
    if outcome.asked.is_some() {
        // A terminal shows the key that asked, and leaves the cursor behind it.
        writeln!(out)?;
    }
    closing(out, &lines(&outcome.stages), style)?;
    if let Some(limit) = outcome.late {
        ended(out, &lang::ended_late(style.lang, &limit.as_secs_f64().to_string()), style)?;
    }
    if outcome.asked.is_some() {
        ended(out, &lang::ended_asked(style.lang), style)?;
    }
    if outcome.stuck {
        ended(out, &lang::ended_stuck(style.lang), style)?;
    }
    if outcome.dismissed {
        ended(out, &lang::dismissed(style.lang), style)?;
    }
    Ok(())
}

/// The stages as the view has them.
pub fn lines(stages: &[Stage]) -> Vec<StageLine<'_>> {
    stages
        .iter()
        .map(|stage| StageLine { command: &stage.command, pid: stage.pid, fate: stage.fate })
        .collect()
}

/// Why a lab could not go on, in words for a person.
pub fn explain(problem: Problem, style: Style) -> Fatal {
    let forbidden = problem.is_forbidden();
    match problem {
        Problem::Output(error) => Fatal::Output(error),
        Problem::Call(failure) if forbidden => {
            Fatal::Message(lang::trace_forbidden(style.lang, &failure.to_string()))
        }
        Problem::Call(failure) => Fatal::Message(failure.to_string()),
        Problem::ActorLost => Fatal::Message(lang::actor_lost(style.lang)),
    }
}

/// What the last command's status is to the caller, as a shell gives it; of a real shell its own.
fn status(outcome: &Outcome, actor: &Actor<'_>) -> u8 {
    if outcome.late.is_some() || outcome.dismissed || outcome.stuck {
        return 0;
    }
    let last = match actor {
        Actor::Role { .. } => outcome.stages.last().and_then(|stage| stage.fate).or(outcome.shell),
        Actor::Shell { .. } => outcome.shell,
    };
    let code = match (outcome.asked, last) {
        (Some(signal), _) | (None, Some(Fate::Killed(signal))) => 128 + signal,
        (None, Some(Fate::Exited(status))) => status,
        (None, None) => i32::from(super::FATAL),
    };
    u8::try_from(code).unwrap_or(u8::MAX)
}
