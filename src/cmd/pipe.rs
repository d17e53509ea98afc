//! `pipe`: a real pipeline, wired before one's eyes.

use super::{Fatal, Streams};
use crate::kernel::Live;
use crate::lab::{self, Fault, Moment, Outcome, Pipeline, Problem, Refusal, Stage};
use crate::model::Fate;
use crate::view::lab::{Narrator, StageLine, at_exec, closing, ended, opening, running};
use crate::view::{Style, lang};
use std::ffi::{CString, OsString};
use std::time::Duration;

/// Wire a real pipeline step by step, and show each process's table at its exec
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  ganariya-fd pipe 'ls | grep Cargo'
  ganariya-fd pipe 'yes | head -1'              who is killed by SIGPIPE?
  ganariya-fd pipe --timeout 1 'sleep 9 | cat'

Exit status: that of the last command of the pipeline, 128 + the signal when one killed it.
A pipeline that is ended by --timeout is no failure: 0. Wrong usage or a fatal error: 2.")]
pub struct Args {
    /// Commands joined by |; words may be quoted as in a shell
    #[arg(value_name = "PIPELINE", default_value = "ls | wc -l")]
    pipeline: String,
    /// End the pipeline when it takes longer
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    timeout: Duration,
}

/// The first argument that makes this program play the shell of a pipeline, the second.
const ROLE: &str = "pipe-actor";

fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    match Duration::try_from_secs_f64(number) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("not a time above 0".to_owned()),
    }
}

pub fn run(args: &Args, style: Style, streams: &mut Streams<'_>) -> Result<u8, Fatal> {
    let pipeline = parse(&args.pipeline, style)?;
    let words = ["ganariya-fd", ROLE, &args.pipeline];
    let words: Result<Vec<CString>, _> = words.into_iter().map(CString::new).collect();
    let words = words.map_err(|_| Fatal::Message(lang::fault_nul(style.lang)))?;
    let out = &mut *streams.out;
    let mut narrator = Narrator::default();
    let outcome = lab::pipe(
        &Live::new(),
        &pipeline, // This program, also when its file was replaced or removed since.
        (c"/proc/self/exe", &words),
        args.timeout,
        &mut |moment| {
            match moment {
                Moment::Begun => opening(out, &args.pipeline, style)?,
                Moment::Step(step) => narrator.step(out, step, style)?,
                Moment::AtExec { snapshot, stages } => at_exec(out, snapshot, &lines(stages), style)?,
                Moment::Running => running(out, style)?,
            }
            // The actors write to the same place.
            out.flush()
        },
    )
    .map_err(|problem| explain(problem, style))?;
    if outcome.asked.is_some() {
        // A terminal shows the key that asked, and leaves the cursor behind it.
        writeln!(streams.out)?;
    }
    closing(streams.out, &lines(&outcome.stages), style)?;
    if let Some(limit) = outcome.late {
        ended(streams.out, &lang::ended_late(style.lang, &limit.as_secs_f64().to_string()), style)?;
    }
    if outcome.asked.is_some() {
        ended(streams.out, &lang::ended_asked(style.lang), style)?;
    }
    Ok(status(&outcome))
}

/// Plays the shell's part, where the arguments ask for that; its driver watches.
pub fn act(args: &[OsString]) -> Option<Result<u8, Fatal>> {
    let [_, role, text] = args else { return None };
    if role != ROLE {
        return None;
    }
    let style = Style { lang: lang::Lang::En, color: false, ascii: true, width: None };
    Some(parse(&text.to_string_lossy(), style).and_then(|pipeline| {
        lab::play_pipe(&pipeline).map_err(|failure| Fatal::Message(failure.to_string()))
    }))
}

fn parse(text: &str, style: Style) -> Result<Pipeline, Fatal> {
    Pipeline::parse(text).map_err(|Refusal { position, fault }| {
        let language = style.lang;
        let what = match fault {
            Fault::EmptyStage => lang::fault_empty(language),
            Fault::Unclosed(quote) => lang::fault_unclosed(language, quote),
            Fault::LoneBackslash => lang::fault_backslash(language),
            Fault::Special('\n') => lang::fault_special(language, "\\n"),
            Fault::Special(char) => lang::fault_special(language, &char.to_string()),
            Fault::Nul => lang::fault_nul(language),
        };
        Fatal::Message(lang::refused(language, position, &what))
    })
}

fn lines(stages: &[Stage]) -> Vec<StageLine<'_>> {
    stages
        .iter()
        .map(|stage| StageLine { command: &stage.command, pid: stage.pid, fate: stage.fate })
        .collect()
}

fn explain(problem: Problem, style: Style) -> Fatal {
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

/// What the pipeline's status is to the caller, as a shell gives it.
fn status(outcome: &Outcome) -> u8 {
    let code = match (outcome.asked, outcome.late, outcome.stages.last().and_then(|stage| stage.fate)) {
        (Some(signal), _, _) | (None, None, Some(Fate::Killed(signal))) => 128 + signal,
        (None, Some(_), _) => 0,
        (None, None, Some(Fate::Exited(status))) => status,
        (None, None, None) => i32::from(super::FATAL),
    };
    u8::try_from(code).unwrap_or(u8::MAX)
}
