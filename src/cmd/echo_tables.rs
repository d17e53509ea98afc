//! The tables that a running `echo-server` prints: made by a process beside it, so that no client waits
//! for one, and none of it is in the server's memory or table.
//!
//! The server writes a byte into a pipe when a connection comes or goes, and does not wait. Whatever came
//! while a table was made is in the next one.

use super::{Fatal, Streams};
use crate::collect::{Ends, Need, Request, Which, collect};
use crate::kernel::spawn::{Beside, launch_beside};
use crate::kernel::{Live, Source};
use crate::view::lang::Lang;
use crate::view::{Style, connections};
use std::ffi::{CString, OsString};
use std::io::{self, Read as _, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// The first argument that makes this program print the tables of the process that is its parent.
const ROLE: &str = "echo-tables";

/// The least time from one table to the next.
const PAUSE: Duration = Duration::from_millis(300);

/// How much longer than making a table took, the next one is put off: so that a server of many clients has
/// the machine for these.
const SHARE: u32 = 10;

/// How many sockets a table shows.
const MOST: usize = 24;

/// Starts the process that prints the tables of this one.
pub fn start(style: Style) -> Result<Beside, Fatal> {
    let lang = if style.lang == Lang::Ja { "ja" } else { "en" };
    let color = if style.color { "color" } else { "plain" };
    let lines = if style.ascii { "ascii" } else { "boxes" };
    let words = ["ganariya-fd", ROLE, lang, color, lines];
    let argv: Vec<CString> = words.into_iter().filter_map(|word| CString::new(word).ok()).collect();
    launch_beside(c"/proc/self/exe", &argv).map_err(|failure| Fatal::Message(failure.to_string()))
}

/// Prints the tables, where the arguments ask for that.
pub fn act(args: &[OsString], streams: &mut Streams<'_>) -> Option<Result<u8, Fatal>> {
    let words: Option<Vec<&str>> = args.iter().map(|word| word.to_str()).collect();
    let [_, ROLE, lang, color, lines] = words?[..] else { return None };
    let style = Style {
        lang: if lang == "ja" { Lang::Ja } else { Lang::En },
        color: color == "color",
        ascii: lines == "ascii",
        width: None,
    };
    Some(print(style, streams).map(|()| 0))
}

fn print(style: Style, streams: &mut Streams<'_>) -> Result<(), Fatal> {
    let server = i32::try_from(std::os::unix::process::parent_id()).unwrap_or(0);
    let source = Live::new();
    let changes = changes();
    let mut earliest = Instant::now();
    // The end of the pipe is the end of the server.
    while changes.recv().is_ok() && settles(&changes, earliest) {
        let started = Instant::now();
        let width = terminal_size::terminal_size().map_or(80, |(width, _)| width.0);
        let style = Style { width: streams.is_terminal.then_some(width), ..style };
        table(&source, server, style, streams.out)?;
        earliest = Instant::now() + PAUSE.max(started.elapsed() * SHARE);
    }
    Ok(())
}

/// What the server tells on standard input, as something that can be waited for with a deadline.
fn changes() -> Receiver<()> {
    let (tell, told) = channel();
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(1..) = io::stdin().read(&mut bytes) {
            if tell.send(()).is_err() {
                break;
            }
        }
    });
    told
}

/// Waits until then, and says whether the server is still there. What changes meanwhile is all told by the
/// next table.
fn settles(changes: &Receiver<()>, earliest: Instant) -> bool {
    loop {
        match changes.recv_timeout(earliest.saturating_duration_since(Instant::now())) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => return true,
            Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
}

/// Prints the connections of the server and of the children that serve for it.
fn table(source: &Live, server: i32, style: Style, out: &mut dyn Write) -> Result<(), Fatal> {
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    let is_child = |pid: &i32| *pid != own && source.stat(*pid).is_ok_and(|stat| stat.ppid == server);
    let children = source.pids().unwrap_or_default().into_iter().filter(is_child);
    let pids = std::iter::once(server).chain(children).collect();
    let need = Need { fdinfo: true, sockets: true, tcp_info: true, ends: Ends::Sockets, ..Need::NAMES };
    let snapshot = collect(source, &Request::new(Which::Pids(pids), need));
    connections::live(out, &snapshot, MOST, style)?;
    Ok(out.flush()?)
}
