//! `echo-client`: sends to an echo server, and looks at what comes back.

use super::echo_address::inet;
use super::{Fatal, NOTHING, Streams};
use crate::echo::client::{Broken, Input, Link, Show};
use crate::echo::load::{self, Cause, Load, Outcome};
use crate::echo::{Address, Fault};
use crate::view::lang::{self, Lang};
use crate::view::{Style, escape};
use std::ffi::OsString;
use std::io::{self, BufRead as _, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::time::Duration;

/// Send to an echo server and print what comes back
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  ganariya-fd echo-client 127.0.0.1:7007 hello         sends a line, prints the answer
  ganariya-fd echo-client --show localhost:7007        what you type, until end-of-file
  ganariya-fd echo-client --unix @echo < file | cmp - file
  ganariya-fd echo-client --udp 127.0.0.1:7007 hello
  ganariya-fd echo-client 7007 --connections 100 --count 1000 --bytes 64
  ganariya-fd echo-client 7007 --connections 10000 --hold

Exit status: 0 when all that was sent came back, 1 when something was lost or differed or a connection
of many failed, 2 for wrong usage or a server that cannot be reached.")]
pub struct Args {
    /// The server: a numeric address or localhost, and a port. With --unix this is a message
    #[arg(value_name = "HOST:PORT", required_unless_present = "unix")]
    address: Option<OsString>,
    /// What to send, each as a line; without any, standard input until its end
    #[arg(value_name = "MESSAGE")]
    messages: Vec<OsString>,
    /// Connect to a path, or with @ to a name of the abstract namespace
    #[arg(long, value_name = "PATH|@NAME", conflicts_with = "udp")]
    unix: Option<OsString>,
    /// Send datagrams
    #[arg(long)]
    udp: bool,
    /// Print the client's own socket first
    #[arg(long)]
    show: bool,
    /// How often to send all messages; without any, messages are made as with --bytes
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1 << 32))]
    count: Option<u64>,
    /// Send messages of so many bytes, look at every byte that comes back, and print how long it took
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1 << 30))]
    #[arg(conflicts_with_all = ["messages", "udp", "show"])]
    bytes: Option<u64>,
    /// The same over so many connections at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    #[arg(conflicts_with_all = ["messages", "udp", "show"])]
    connections: Option<u32>,
    /// Keep these open until the end of standard input or a signal
    #[arg(long, conflicts_with_all = ["messages", "udp", "show"])]
    hold: bool,
}

/// How many bytes a message of a load has where that is not said.
const BYTES: u64 = 64;

pub fn run(args: &Args, style: Style, streams: &mut Streams<'_>) -> Result<u8, Fatal> {
    let mut messages: Vec<&OsString> = args.messages.iter().collect();
    let address = match (&args.unix, &args.address) {
        (Some(path), first) => {
            messages.splice(0..0, first);
            Address::unix(path)
        }
        (None, Some(address)) => inet(&address.to_string_lossy(), style.lang)?,
        (None, None) => return Err(Fatal::Message("HOST:PORT".to_owned())),
    };
    if address.port() == Some(0) {
        return Err(Fatal::Message(lang::echo_port_zero(style.lang, &address.to_string())));
    }
    let counts = args.count.is_some() && messages.is_empty() && !args.udp && !args.show;
    if args.bytes.is_some() || args.connections.is_some() || args.hold || counts {
        if !messages.is_empty() {
            return Err(Fatal::Message(lang::echo_message_or_load(style.lang)));
        }
        return run_load(args, address, style.lang, streams);
    }
    let link = Link::open(&address, args.udp).map_err(|fault| fatal(&fault))?;
    if args.show {
        let (local, remote) = (shown(&link.local), shown(&link.remote));
        let arrow = style.glyph("⇄", "<->");
        writeln!(streams.out, "fd {}  {local} {arrow} {remote}", link.number())?;
        streams.out.flush()?;
    }
    let count = args.count.unwrap_or(1);
    if args.udp {
        run_datagrams(&link, &messages, count, style.lang, streams)
    } else {
        run_stream(&link, &messages, count, style.lang, streams)
    }
}

fn run_stream(
    link: &Link,
    messages: &[&OsString],
    count: u64,
    language: Lang,
    streams: &mut Streams<'_>,
) -> Result<u8, Fatal> {
    let text: Vec<u8> = messages.iter().flat_map(|message| [message.as_bytes(), b"\n"].concat()).collect();
    let input = if messages.is_empty() { Input::Stdin } else { Input::Text(&text, count) };
    let exchange = link.exchange(input, &mut printing(streams.out)).map_err(broken)?;
    if exchange.same {
        return Ok(0);
    }
    let note = lang::echo_differs(language, exchange.sent, exchange.received);
    let _ = writeln!(streams.err, "ganariya-fd: {note}");
    Ok(NOTHING)
}

fn run_datagrams(
    link: &Link,
    messages: &[&OsString],
    count: u64,
    language: Lang,
    streams: &mut Streams<'_>,
) -> Result<u8, Fatal> {
    let (mut sent, mut lost) = (0, 0);
    let mut exchange = |line: &[u8], show: Show<'_>| {
        for _ in 0..count {
            sent += 1;
            lost += u64::from(!link.exchange_datagram(line, show).map_err(broken)?);
        }
        Ok::<(), Fatal>(())
    };
    let mut print = printing(streams.out);
    for message in messages {
        exchange(&[message.as_bytes(), b"\n"].concat(), &mut print)?;
    }
    if messages.is_empty() {
        let (mut stdin, mut line) = (io::stdin().lock(), Vec::new());
        loop {
            line.clear();
            let length = stdin.read_until(b'\n', &mut line);
            if length.map_err(|error| Fatal::Message(format!("standard input: {error}")))? == 0 {
                break;
            }
            exchange(&line, &mut print)?;
        }
    }
    if lost == 0 {
        return Ok(0);
    }
    let _ = writeln!(streams.err, "ganariya-fd: {}", lang::echo_lost(language, lost, sent));
    Ok(NOTHING)
}

fn run_load(args: &Args, address: Address, language: Lang, streams: &mut Streams<'_>) -> Result<u8, Fatal> {
    let load = Load {
        address,
        connections: usize::try_from(args.connections.unwrap_or(1)).unwrap_or(usize::MAX),
        messages: args.count.unwrap_or(1),
        bytes: args.bytes.unwrap_or(BYTES),
        hold: args.hold,
    };
    let outcome = load::run(&load).map_err(|failure| Fatal::Message(failure.to_string()))?;
    summarise(&load, &outcome, streams.out)?;
    streams.out.flush()?;
    for (cause, count) in &outcome.failures {
        let why = match cause {
            Cause::Call(failure) => failure.to_string(),
            Cause::EndedEarly => lang::echo_ended_early(language),
            Cause::OtherBytes => lang::echo_other_bytes(language),
            Cause::Interrupted => lang::echo_interrupted(language),
        };
        let _ = writeln!(streams.err, "ganariya-fd: {}", lang::echo_failed(language, *count, &why));
    }
    let status = if outcome.failures.is_empty() { 0 } else { NOTHING };
    if args.hold {
        writeln!(streams.out, "held: {} connections", outcome.held.count())?;
        streams.out.flush()?;
        outcome.held.wait().map_err(|failure| Fatal::Message(failure.to_string()))?;
    }
    Ok(status)
}

/// The figures, a line each. Their names stay English, for those who take them out of the output.
fn summarise(load: &Load, outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let failed: usize = outcome.failures.iter().map(|(_, count)| count).sum();
    let messages = outcome.latencies.total();
    let seconds = outcome.time.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate for a person")]
    let rate = messages as f64 / seconds.max(f64::MIN_POSITIVE);
    let milliseconds = |percent| {
        let time = outcome.latencies.percentile(percent);
        time.map_or_else(|| "-".to_owned(), |time: Duration| format!("{:.3} ms", time.as_secs_f64() * 1e3))
    };
    writeln!(out, "connections  {}", load.connections - failed)?;
    writeln!(out, "failed       {failed}")?;
    writeln!(out, "messages     {messages}")?;
    writeln!(out, "bytes        {}", outcome.bytes)?;
    writeln!(out, "seconds      {seconds:.3}")?;
    writeln!(out, "messages/s   {rate:.0}")?;
    writeln!(out, "p50          {}", milliseconds(50))?;
    writeln!(out, "p99          {}", milliseconds(99))
}

/// Passes on what comes as it comes.
fn printing(out: &mut dyn Write) -> impl FnMut(&[u8]) -> io::Result<()> {
    |bytes| {
        out.write_all(bytes)?;
        out.flush()
    }
}

fn shown(address: &Address) -> String {
    escape::show(address.to_string().as_bytes())
}

fn fatal(fault: &Fault) -> Fatal {
    Fatal::Message(escape::show(fault.to_string().as_bytes()))
}

fn broken(broken: Broken) -> Fatal {
    match broken {
        Broken::Output(error) => Fatal::Output(error),
        Broken::Fault(fault) => fatal(&fault),
    }
}
