//! `fork`: what a child inherits, what it shares and what it has for itself.

use super::lab::{self, Options, Script};
use super::{Fatal, Streams, refusal};
use crate::lab::{Actor, CHILD, PARENT, Pipeline, Refusal, play_fork};
use crate::view::{Style, lang};
use std::ffi::OsString;

/// Fork a real process and show what the child inherits, shares and has for itself
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  ganariya-fd fork                           files, a pipe and a socket, inherited
  ganariya-fd fork 'sleep 100 > a.txt'       what > changes, and in whom
  ganariya-fd fork 'sleep 100 & > a.txt'     why that redirects nothing of sleep's

Exit status: that of the command, 128 + the signal when one killed it. One that is ended by
--timeout is no failure: 0. Wrong usage or a fatal error: 2.")]
pub struct Args {
    /// A command with its redirections; words may be quoted as in a shell
    #[arg(value_name = "COMMAND")]
    command: Option<String>,
    #[command(flatten)]
    options: Options,
}

/// The argument that makes this program play the parent.
const ROLE: &str = "fork-actor";

pub fn run(args: &Args, style: Style, streams: &mut Streams<'_>) -> Result<u8, Fatal> {
    let Some(text) = &args.command else {
        let script = Script {
            lab: "fork",
            title: "fork",
            actor: Actor::Role { name: PARENT, commands: vec![CHILD.to_owned()] },
            program: None,
            arguments: vec!["ganariya-fd", ROLE],
            note: lang::note_links(style.lang),
            leave_open: false,
        };
        return lab::run(&args.options, &script, style, streams);
    };
    let command = match background(text) {
        Some(command) => {
            let note = lang::background_redirection(style.lang, text.trim(), command);
            writeln!(streams.err, "ganariya-fd: {note}").map_err(Fatal::Output)?;
            command
        }
        None => text,
    };
    let pipeline = Pipeline::parse(command)
        .map_err(|refused: Refusal| Fatal::Message(refusal::explain(refused, style.lang)))?;
    let [stage] = &pipeline.stages[..] else {
        return Err(Fatal::Message(lang::fork_takes_one(style.lang, command)));
    };
    let script = Script {
        lab: "fork",
        title: command,
        actor: Actor::Role { name: "shell", commands: vec![stage.command().to_owned()] },
        program: None,
        arguments: vec!["ganariya-fd", super::pipe::ROLE, command],
        note: lang::note_links(style.lang),
        leave_open: false,
    };
    lab::run(&args.options, &script, style, streams)
}

/// The command of `command & > file`, which are two commands: one in the background, and one that is
/// nothing but a redirection.
fn background(text: &str) -> Option<&str> {
    let (command, rest) = text.split_once('&')?;
    let rest = rest.trim_start();
    let plain = !command.contains(['\'', '"', '\\', '>', '<', '|', ';']) && !command.trim().is_empty();
    (plain && rest.starts_with(['>', '<']) && !text.contains("&>")).then(|| command.trim())
}

/// Plays the parent, where the arguments ask for that; its driver watches.
pub fn act(args: &[OsString]) -> Option<Result<u8, Fatal>> {
    let [_, role] = args else { return None };
    (role == ROLE).then(|| play_fork().map_err(|failure| Fatal::Message(failure.to_string())))
}

#[cfg(test)]
mod tests {
    use super::background;

    #[test]
    fn only_a_redirection_after_a_background_command_is_explained() {
        assert_eq!(background("sleep 100 & > a.txt"), Some("sleep 100"));
        assert_eq!(background("sleep 100 &> a.txt"), None);
        assert_eq!(background("sleep 100 > a.txt &"), None);
        assert_eq!(background("sleep 100 > a.txt"), None);
        assert_eq!(background("echo 'a & > b'"), None);
    }
}
