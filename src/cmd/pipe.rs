//! `pipe`: a real pipeline, wired before one's eyes.

use super::lab::{self, Options, Script};
use super::{Fatal, Streams, refusal};
use crate::kernel::actor::find_program;
use crate::lab::{Actor, Manner, Pipeline, play_pipe};
use crate::view::{Style, escape, lang};
use std::ffi::OsString;

/// Wire a real pipeline step by step, and show each process's table at its exec
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  ganariya-fd pipe 'ls | grep Cargo'
  ganariya-fd pipe 'yes | head -1'              who is killed by SIGPIPE?
  ganariya-fd pipe 'ls / /no 2>&1 >f | cat'     and with >f 2>&1?
  ganariya-fd pipe --leave-open 'ls | cat'      why does cat never end?
  ganariya-fd pipe --shell bash 'cat <(ls) | wc -l'
  ganariya-fd pipe --timeout 1 'sleep 9 | cat'

Redirections, with a number directly before them or without: < > >| >> <> >&N <&N >&- <&- <<<,
and &> &>> |& of both outputs. They are done in the order in which they stand.

Exit status: that of the last command of the pipeline, 128 + the signal when one killed it.
A pipeline that is ended by --timeout is no failure: 0. Wrong usage or a fatal error: 2.")]
pub struct Args {
    /// Commands with redirections, joined by | or |&; words may be quoted as in a shell
    #[arg(value_name = "PIPELINE", default_value = "ls | wc -l")]
    pipeline: String,
    /// Have this shell wire it instead (bash, dash, zsh, …); it may then be anything that it understands
    #[arg(long, value_name = "SHELL")]
    shell: Option<String>,
    /// Let the shell forget to close its write ends: who waits for the end of the input then?
    #[arg(long, conflicts_with = "shell")]
    leave_open: bool,
    #[command(flatten)]
    options: Options,
}

/// The first argument that makes this program play the shell of a pipeline, the second.
pub const ROLE: &str = "pipe-actor";
/// The same, of a shell that forgets to close its write ends.
const FORGETFUL_ROLE: &str = "forgetful-pipe-actor";
/// The same, of one whose stages stop themselves before their exec.
pub const STOPPING_ROLE: &str = "stopping-pipe-actor";

pub fn run(args: &Args, style: Style, streams: &mut Streams<'_>) -> Result<u8, Fatal> {
    if let Some(shell) = &args.shell {
        return run_shell(args, shell, style, streams);
    }
    let pipeline = parse(&args.pipeline, style)?;
    let script = Script {
        lab: "pipe",
        title: &args.pipeline,
        actor: Actor::Role {
            name: "shell",
            commands: pipeline.stages.iter().map(|stage| stage.command().to_owned()).collect(),
        },
        program: None,
        arguments: vec!["ganariya-fd", if args.leave_open { FORGETFUL_ROLE } else { ROLE }, &args.pipeline],
        note: lang::note_pids(style.lang),
        leave_open: args.leave_open,
    };
    lab::run(&args.options, &script, style, streams)
}

/// Has a real shell wire the text, whatever it is.
fn run_shell(args: &Args, shell: &str, style: Style, streams: &mut Streams<'_>) -> Result<u8, Fatal> {
    let program = find_program(shell)
        .ok_or_else(|| Fatal::Message(lang::no_shell(style.lang, &escape::show(shell.as_bytes()))))?;
    let name = shell.rsplit('/').next().unwrap_or(shell);
    let script = Script {
        lab: "pipe",
        title: &args.pipeline,
        actor: Actor::Shell { name },
        program: Some(program),
        arguments: vec![name, "-c", &args.pipeline],
        note: lang::note_pids(style.lang),
        leave_open: false,
    };
    lab::run(&args.options, &script, style, streams)
}

/// Plays the shell's part, where the arguments ask for that; its driver watches.
pub fn act(args: &[OsString]) -> Option<Result<u8, Fatal>> {
    let [_, role, text] = args else { return None };
    let manner = match role.to_str()? {
        ROLE => Manner::Proper,
        FORGETFUL_ROLE => Manner::Forgetful,
        STOPPING_ROLE => Manner::Stopping,
        _ => return None,
    };
    let style = Style { lang: lang::Lang::En, color: false, ascii: true, width: None };
    Some(parse(&text.to_string_lossy(), style).and_then(|pipeline| {
        play_pipe(&pipeline, manner).map_err(|failure| Fatal::Message(failure.to_string()))
    }))
}

fn parse(text: &str, style: Style) -> Result<Pipeline, Fatal> {
    Pipeline::parse(text).map_err(|refusal| Fatal::Message(refusal::explain(refusal, style.lang)))
}
