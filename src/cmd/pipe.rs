//! `pipe`: a real pipeline, wired before one's eyes.

use super::lab::{self, Options, Script};
use super::{Fatal, Streams};
use crate::lab::{Fault, Pipeline, Refusal, play_pipe};
use crate::view::{Style, lang};
use std::ffi::OsString;

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
    #[command(flatten)]
    options: Options,
}

/// The first argument that makes this program play the shell of a pipeline, the second.
const ROLE: &str = "pipe-actor";

pub fn run(args: &Args, style: Style, streams: &mut Streams<'_>) -> Result<u8, Fatal> {
    let pipeline = parse(&args.pipeline, style)?;
    let script = Script {
        lab: "pipe",
        title: &args.pipeline,
        role: "shell",
        arguments: vec![ROLE, &args.pipeline],
        commands: pipeline.stages.iter().map(|words| words[0].clone()).collect(),
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
