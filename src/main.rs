//! The binary: gives the library the standard streams.

use ganariya_fd::cmd::{self, Streams};
use std::io::{self, BufWriter, IsTerminal};
use std::process::ExitCode;

fn main() -> ExitCode {
    let stdout = io::stdout();
    let is_terminal = stdout.is_terminal();
    let mut out = BufWriter::with_capacity(1 << 16, stdout.lock());
    let mut streams = Streams { out: &mut out, err: &mut io::stderr(), is_terminal };
    cmd::run(std::env::args_os(), &mut streams)
}
