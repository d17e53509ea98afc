//! What the actor of a pipeline does: what a shell does, and nothing else.
//!
//! Every line here that calls the kernel is one system call, which the driver sees at its return.

use super::Pipeline;
use crate::kernel::{Errno, Read, actor};

/// The name by which the actor is known while it plays the shell. Setting it is the sign for the
/// driver that what the runtime does at its start is over.
pub const ROLE: &std::ffi::CStr = c"shell";

/// Wires `pipeline` and waits for it; the exit status is that of its last stage.
///
/// For each stage but the last there is a pipe. A child moves the ends that are its own to 0 and 1 and
/// closes the numbers that it does not need; the parent closes every end that a child has got, because
/// a reader sees the end of the input only when the last write end is closed.
pub fn play_pipe(pipeline: &Pipeline) -> Read<u8> {
    actor::restore_sigpipe()?;
    actor::set_name(ROLE)?;
    let mut children = Vec::new();
    let mut before: Option<i32> = None;
    for (index, words) in pipeline.stages.iter().enumerate() {
        let is_last = index + 1 == pipeline.stages.len();
        let next = if is_last { None } else { Some(actor::pipe()?) };
        let Some(child) = actor::fork()? else {
            let status = become_stage(words, before, next);
            actor::exit(status);
        };
        children.push(child);
        if let Some(read_end) = before {
            actor::close(read_end)?;
        }
        before = match next {
            Some((read_end, write_end)) => {
                actor::close(write_end)?;
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

/// The child's part; it comes back only when it could not become the command. 127 says that there is
/// no such command, 126 that it could not be executed (POSIX, 2.8.2).
fn become_stage(words: &[String], input: Option<i32>, output: Option<(i32, i32)>) -> u8 {
    let wired = wire(input, output);
    let argv: Vec<Vec<u8>> = words.iter().map(|word| word.clone().into_bytes()).collect();
    let failure = match wired.and_then(|()| actor::exec(&argv)) {
        Ok(never) => match never {},
        Err(failure) => failure,
    };
    let name = words.first().map_or("", String::as_str);
    actor::complain(&format!("ganariya-fd: {name:?}: {failure}\n"));
    if failure.errno == Errno::ENOENT { 127 } else { 126 }
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
