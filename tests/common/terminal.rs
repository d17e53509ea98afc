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
    let text = to_the_end(&mut master);
    let status = child.wait().unwrap().code();
    // The terminal's line discipline puts a carriage return before each line feed.
    (String::from_utf8(text).unwrap().replace("\r\n", "\n"), status)
}

/// Reads what the terminal gets until the slave's side is closed for the last time, which is an EIO here.
///
/// A first EIO is not yet the end: the kernel looks whether anything has come, then whether the other side is
/// closed, and what was written between the two is not seen by that read (`n_tty_read` of
/// `drivers/tty/n_tty.c`). The next one sees it, and after the close nothing more can come.
fn to_the_end(master: &mut File) -> Vec<u8> {
    let (mut text, mut part) = (Vec::new(), [0; 4096]);
    let mut closed = false;
    loop {
        match master.read(&mut part) {
            Ok(length @ 1..) => text.extend_from_slice(&part[..length]),
            _ if closed => return text,
            _ => closed = true,
        }
    }
}
