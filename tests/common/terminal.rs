//! A real terminal for a command: a pseudoterminal of a given width, whose other side the test reads.

use super::start;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::pty::{OpenptyResult, Winsize, openpty};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

/// A terminal of so many columns. Neither side stays open in processes that are started meanwhile.
fn terminal(columns: u16) -> OpenptyResult {
    let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let pty = openpty(&size, None).unwrap();
    for side in [&pty.master, &pty.slave] {
        fcntl(side, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).unwrap();
    }
    pty
}

/// Gives `command` the terminal as its three streams, types `typed`, and returns what the terminal
/// got until the last process let go of it, with the command's status.
pub fn on(columns: u16, command: &mut Command, typed: &str) -> (String, Option<i32>) {
    let OpenptyResult { master, slave } = terminal(columns);
    let stream = || Stdio::from(slave.try_clone().unwrap());
    let mut child = start(command.stdin(stream()).stdout(stream()).stderr(stream()));
    // The command keeps its copies of the slave's side until it is dropped or given others.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    drop(slave);
    let mut master = File::from(master);
    master.write_all(typed.as_bytes()).unwrap();
    let (mut text, mut part) = (Vec::new(), [0; 4096]);
    // The last close of the slave's side is an EIO here.
    while let Ok(length @ 1..) = master.read(&mut part) {
        text.extend_from_slice(&part[..length]);
    }
    let status = child.wait().unwrap().code();
    // The terminal's line discipline puts a carriage return before each line feed.
    (String::from_utf8(text).unwrap().replace("\r\n", "\n"), status)
}
