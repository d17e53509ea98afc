//! A real terminal for a command: a pseudoterminal of a given width, whose other side the test reads.

use super::start;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::pty::{Winsize, openpty};
use std::io::Read as _;
use std::process::{Command, Stdio};

/// Runs `command` with a terminal of so many columns as its standard input, output and error, until
/// nobody has it open any more, and gives what it showed, with line ends as in a file.
pub fn in_terminal(columns: u16, command: &mut Command) -> String {
    let size = Winsize { ws_row: 50, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let pty = openpty(Some(&size), None).unwrap();
    // What a test holds must not be inherited: the terminal would never seem closed.
    for end in [&pty.master, &pty.slave] {
        fcntl(end, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).unwrap();
    }
    let stdio = || Stdio::from(pty.slave.try_clone().unwrap());
    let mut child = start(command.stdin(stdio()).stdout(stdio()).stderr(stdio()));
    // The command keeps its copies until it is dropped, and the test its own.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    drop(pty.slave);
    let mut shown = Vec::new();
    let mut master = std::fs::File::from(pty.master);
    let mut buffer = [0; 4096];
    // When the last descriptor of the other side is closed, reading fails with EIO (pty(7)).
    while let Ok(count @ 1..) = master.read(&mut buffer) {
        shown.extend_from_slice(&buffer[..count]);
    }
    child.wait().unwrap();
    String::from_utf8_lossy(&shown).replace("\r\n", "\n")
}
