//! `pipe`: a real pipeline, wired before one's eyes.

use super::lab::{self, Options, Script};
use super::{Fatal, Streams, refusal};
use crate::lab::{Pipeline, play_pipe};
use crate::view::{Style, lang};
use std::ffi::OsString;

/// Wire a real pipeline step by step, and show each process's table at its exec
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  ganariya-fd pipe 'ls | grep Cargo'
  ganariya-fd pipe 'yes | head -1'              who is killed by SIGPIPE?
  ganariya-fd pipe 'ls / /no 2>&1 >f | cat'     and with >f 2>&1?
  ganariya-fd pipe --timeout 1 'sleep 9 | cat'

Redirections, with a number directly before them or without: < > >| >> <> >&N <&N >&- <&- <<<,
and &> &>> |& of both outputs. They are done in the order in which they stand.

Exit status: that of the last command of the pipeline, 128 + the signal when one killed it.
A pipeline that is ended by --timeout is no failure: 0. Wrong usage or a fatal error: 2.")]
pub struct Args {
    /// Commands with redirections, joined by | or |&; words may be quoted as in a shell
    #[arg(value_name = "PIPELINE", default_value = "ls | wc -l")]
    pipeline: String,
    #[command(flatten)]
    options: Options,
}

/// The first argument that makes this program play the shell of a pipeline, the second.
pub const ROLE: &str = "pipe-actor";

pub fn run(args: &Args, style: Style, streams: &mut Streams<'_>) -> Result<u8, Fatal> {
    let pipeline = parse(&args.pipeline, style)?;
    let script = Script {
        lab: "pipe",
        title: &args.pipeline,
        role: "shell",
        arguments: vec![ROLE, &args.pipeline],
        commands: pipeline.stages.iter().map(|stage| stage.command().to_owned()).collect(),
    };
    lab::run(&args.options, &script, style, streams)
}

/// Plays the shell's part, where the arguments ask for that; its driver watches.
pub fn act(args: &[OsString]) -> Option<Result<u8, Fatal>> {
    let [_, role, text] = args else { return None };
    if role != ROLE {
        return None;
    }
    let style = Style { lang: lang::Lang::En, color: false, ascii: true, width: None };
    Some(
        parse(&text.to_string_lossy(), style)
            .and_then(|pipeline| play_pipe(&pipeline).map_err(|failure| Fatal::Message(failure.to_string()))),
    )
}

fn parse(text: &str, style: Style) -> Result<Pipeline, Fatal> {
    Pipeline::parse(text).map_err(|refusal| Fatal::Message(refusal::explain(refusal, style.lang)))
}
