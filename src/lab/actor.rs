//! What the actor of a pipeline does: what a shell does, and nothing else.
//!
//! Every line here that calls the kernel is one system call, which the driver sees at its return.

use super::pipeline::{Action, Mode, Pipeline, Redirection, Stage};
use crate::kernel::actor::Opening;
use crate::kernel::{Errno, Failure, Read, actor, untraced};

/// The name by which the actor is known while it plays the shell. Setting it is the sign for the
/// driver that what the runtime does at its start is over.
pub const ROLE: &std::ffi::CStr = c"shell";

/// The name of a stage that is about to stop itself before its exec.
pub const STOPPED: &std::ffi::CStr = c"before-exec";

/// How the shell is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// As a shell should be.
    Proper,
    /// It keeps its write ends.
    Forgetful,
    /// Its stages stop themselves before their exec, for want of somebody who may stop them.
    Stopping,
}

/// Wires `pipeline` and waits for it; the exit status is that of its last stage.
///
/// For each stage but the last there is a pipe. A child moves the ends that are its own to 0 and 1 and
/// closes the numbers that it does not need; the parent closes every end that a child has got, because
/// a reader sees the end of the input only when the last write end is closed.
///
pub fn play_pipe(pipeline: &Pipeline, manner: Manner) -> Read<u8> {
    actor::take_role(ROLE)?;
    let mut children = Vec::new();
    let mut before: Option<i32> = None;
    for (index, stage) in pipeline.stages.iter().enumerate() {
        let is_last = index + 1 == pipeline.stages.len();
        let next = if is_last { None } else { Some(actor::pipe()?) };
        let Some(child) = actor::fork()? else {
            let status = become_stage(stage, before, next, manner);
            actor::exit(status);
        };
        children.push(child);
        if let Some(read_end) = before {
            actor::close(read_end)?;
        }
        before = match next {
            Some((read_end, write_end)) => {
                if manner != Manner::Forgetful {
                    actor::close(write_end)?;
                }
                Some(read_end)
            }
            None => None,
        };
    }
    let mut status = 0;
    for child in children {
        status = actor::wait(child)?;
    }
    Ok(status)
}

/// What a redirection ends a stage with when it fails, as in bash; POSIX (2.8.1) wants 1 to 125.
const NOT_REDIRECTED: u8 = 1;

/// The child's part; it comes back only when it did not become a command. 127 says that there is no
/// such command, 126 that it could not be executed (POSIX, 2.8.2). What its redirections have done
/// until then stays done: a file that was created is there.
fn become_stage(stage: &Stage, input: Option<i32>, output: Option<(i32, i32)>, manner: Manner) -> u8 {
    if manner == Manner::Stopping
        && let Err(failure) = untraced::die_with_parent()
    {
        return complain(stage.command(), failure, 126);
    }
    if let Err(failure) = wire(input, output) {
        return complain(stage.command(), failure, 126);
    }
    for redirection in &stage.redirections {
        if let Err(failure) = redirect(redirection) {
            return complain(&subject(redirection), failure, NOT_REDIRECTED);
        }
    }
    if manner == Manner::Stopping
        && let Err(failure) = actor::set_name(STOPPED).and_then(|()| untraced::stop_self())
    {
        return complain(stage.command(), failure, 126);
    }
    if stage.words.is_empty() {
        return 0;
    }
    let argv: Vec<Vec<u8>> = stage.words.iter().map(|word| word.clone().into_bytes()).collect();
    let failure = match actor::exec(&argv) {
        Ok(never) => match never {},
        Err(failure) => failure,
    };
    complain(stage.command(), failure, if failure.errno == Errno::ENOENT { 127 } else { 126 })
}

/// Says what failed where this process's standard error is by now, and gives `status`.
fn complain(subject: &str, failure: Failure, status: u8) -> u8 {
    actor::complain(&format!("ganariya-fd: {subject:?}: {failure}\n"));
    status
}

/// What a complaint on a redirection is about.
fn subject(redirection: &Redirection) -> String {
    match &redirection.action {
        Action::Open { path, .. } => path.clone(),
        Action::Copy { from } => from.to_string(),
        Action::Close | Action::HereString { .. } => redirection.fd.to_string(),
    }
}

/// Does a redirection.
fn redirect(Redirection { fd, action }: &Redirection) -> Read<()> {
    match action {
        Action::Open { path, mode } => become_number(actor::open(path, opening(*mode))?, *fd),
        // Neither bash nor dash makes a call for `2>&2`, not even where 2 is free.
        Action::Copy { from } if from == fd => Ok(()),
        Action::Copy { from } => actor::dup2(*from, *fd),
        Action::Close => match actor::close(*fd) {
            // It was free already, and a shell takes no notice.
            Err(Failure { errno: Errno::EBADF, .. }) => Ok(()),
            result => result,
        },
        Action::HereString { text } => become_number(here_string(text)?, *fd),
    }
}

fn opening(mode: Mode) -> Opening {
    match mode {
        Mode::Read => Opening::Read,
        Mode::Write => Opening::Truncate,
        Mode::Append => Opening::Append,
        Mode::ReadWrite => Opening::ReadWrite,
    }
}

/// The most bytes that go into a pipe which nobody reads yet: PIPE_BUF. The kernel gives a pipe no less
/// than a page.
const FITS_INTO_PIPE: usize = 4096;

/// A descriptor from which `text` and a newline can be read. No other process writes it: it lies in a
/// pipe before the command starts, or where a pipe could not hold it, in a file without a name.
fn here_string(text: &str) -> Read<i32> {
    let text = format!("{text}\n");
    if text.len() <= FITS_INTO_PIPE {
        let (read_end, write_end) = actor::pipe()?;
        actor::write(write_end, text.as_bytes())?;
        actor::close(write_end)?;
        return Ok(read_end);
    }
    let file = actor::open(std::env::temp_dir(), Opening::Nameless)?;
    actor::write(file, text.as_bytes())?;
    // Opened again: an open file description of its own, at the beginning and only to be read.
    let again = actor::open(actor::path_of(file), Opening::Read)?;
    actor::close(file)?;
    Ok(again)
}

fn wire(input: Option<i32>, output: Option<(i32, i32)>) -> Read<()> {
    if let Some(read_end) = input {
        become_number(read_end, 0)?;
    }
    if let Some((read_end, write_end)) = output {
        actor::close(read_end)?;
        become_number(write_end, 1)?;
    }
    Ok(())
}

/// Moves a descriptor to the number that a program expects it at.
fn become_number(fd: i32, number: i32) -> Read<()> {
    if fd == number {
        return Ok(());
    }
    actor::dup2(fd, number)?;
    actor::close(fd)
}
