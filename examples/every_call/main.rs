//! Makes system calls that concern descriptors, in a known order, and exits.
//!
//! What it does is told by the name given as its argument: a scenario. `strace -f` or the tests of the
//! stop engine look at it. What its program's start does comes before the first prctl(2), and what its
//! end does after the last one: a scenario stands between the two.
#![allow(clippy::disallowed_methods, reason = "programs are started here as any program starts them")]

mod calls;
mod tasks;

use std::error::Error;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    nix::sys::prctl::set_name(c"begin")?;
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["files"] => calls::files(),
        ["pipes"] => calls::pipes(),
        ["sockets"] => calls::sockets(),
        ["passing"] => calls::passing(),
        ["threads"] => tasks::threads(),
        ["unshare"] => tasks::unshare(),
        ["spawn"] => tasks::spawn(),
        ["exec-from-thread"] => tasks::exec_from_thread(),
        ["exec-among-births"] => tasks::exec_among_births(),
        _ => {
            Err("usage: every_call files|pipes|sockets|passing|threads|unshare|spawn|exec-from-thread".into())
        }
    }?;
    nix::sys::prctl::set_name(c"end")?;
    Ok(())
}
