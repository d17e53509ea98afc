//! `echo-server`: a real server, whose descriptors can be looked at.

use super::echo_address::{explain, inet};
use super::{Fatal, Streams, echo_lab, echo_tables};
use crate::echo::{Address, Config, Model, Server};
use crate::view::{Style, escape, lang};
use clap::ValueEnum;
use std::ffi::OsString;
use std::time::Duration;

/// Serve clients by sending back what they send, or watch a server and its clients step by step
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  ganariya-fd echo-server --clients 3                 a lesson on sockets: server and clients, step by step
  ganariya-fd echo-server                             at 127.0.0.1 and a port that it prints
  ganariya-fd echo-server --listen 7007 --model fork  a process for each client
  ganariya-fd echo-server --listen '[::1]:7007' --listen 7007 --unix /tmp/echo
  ganariya-fd echo-server --unix @echo                a name without a file
  ganariya-fd echo-server --udp --listen 7007
  ganariya-fd inspect $(pgrep -f echo-server)         its descriptors, from another shell

The first line of output for each address is `listening on ADDR:PORT`.

Exit status: 0 when a signal asked it to end or the lesson was seen, 2 for wrong usage or an address that cannot be had.")]
pub struct Args {
    /// Where to listen: 127.0.0.1:7007, `[::1]:7007`, or a port alone for 127.0.0.1; 0 lets the kernel choose
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Vec<String>,
    /// Listen at a path, or with @ at a name of the abstract namespace
    #[arg(long, value_name = "PATH|@NAME", conflicts_with = "clients")]
    unix: Vec<OsString>,
    /// Serve datagrams at the addresses of --listen, instead of connections
    #[arg(long, conflicts_with = "clients")]
    udp: bool,
    /// Who serves a client
    #[arg(long, value_enum, default_value = "epoll")]
    model: ModelArg,
    /// How many clients to have at a time; others wait in the backlog
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "clients")]
    max_clients: Option<u32>,
    /// Let a client go that has neither sent nor taken anything for so long
    #[arg(long, value_name = "SECONDS", value_parser = super::seconds, conflicts_with = "clients")]
    idle_timeout: Option<Duration>,
    /// Print where it listens, and no tables of its connections
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    lab: echo_lab::Options,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ModelArg {
    /// One loop around epoll serves all
    Epoll,
    /// A child process serves each
    Fork,
    /// A thread serves each
    Thread,
}

pub fn run(args: &Args, style: Style, streams: &mut Streams<'_>) -> Result<u8, Fatal> {
    let inet = args.listen.iter().map(|text| inet(text, style.lang));
    let mut listen = inet.collect::<Result<Vec<_>, _>>()?;
    // Datagrams are asked for, and a path alone would not be served with any.
    if listen.is_empty() && args.udp {
        listen.push(Address::any_port());
    }
    if args.lab.is_asked_for() {
        return lesson(args, &listen, style, streams);
    }
    listen.extend(args.unix.iter().map(|text| Address::unix(text)));
    // Before anything is open that it would inherit, and any signal is taken.
    let (changes, end) = if args.quiet {
        (None, None)
    } else {
        let (changes, end) = echo_tables::start(style)?.part();
        (Some(changes), Some(end))
    };
    let config = Config {
        listen,
        datagrams: args.udp,
        model: match args.model {
            ModelArg::Epoll => Model::Epoll,
            ModelArg::Fork => Model::Fork,
            ModelArg::Thread => Model::Thread,
        },
        max_clients: args.max_clients.and_then(|count| usize::try_from(count).ok()),
        idle_timeout: args.idle_timeout,
        changes,
    };
    let server = Server::open(config).map_err(|fault| explain(&fault, args.udp, style.lang))?;
    for address in server.addresses() {
        writeln!(streams.out, "listening on {}", escape::show(address.to_string().as_bytes()))?;
    }
    streams.out.flush()?;
    for address in server.addresses().filter(|address| address.is_reachable()) {
        let _ =
            writeln!(streams.err, "ganariya-fd: {}", lang::echo_reachable(style.lang, &address.to_string()));
    }
    let ended = server.run(&mut |failure| {
        let note = lang::echo_exhausted(style.lang, &failure.to_string());
        let _ = writeln!(streams.err, "ganariya-fd: {note}");
    });
    if let Some(end) = end {
        end();
    }
    ended.map(|()| 0).map_err(|failure| Fatal::Message(failure.to_string()))
}

/// Runs the lab with this server.
fn lesson(args: &Args, listen: &[Address], style: Style, streams: &mut Streams<'_>) -> Result<u8, Fatal> {
    let address = match listen {
        [] => "127.0.0.1:0".to_owned(),
        [Address::Inet(address)] if address.ip().is_loopback() && address.is_ipv4() => address.to_string(),
        _ => return Err(Fatal::Message(lang::lesson_address(style.lang))),
    };
    // Who has the address is found out here, and not before everybody's eyes.
    let config = Config { listen: listen.to_vec(), ..Config::default() };
    drop(Server::open(config).map_err(|fault| explain(&fault, false, style.lang))?);
    let model = args.model.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
    echo_lab::run(&args.lab, &[&address, &model], args.quiet, style, streams)
}

/// Plays the server of the lab, where the arguments ask for that; its driver watches.
pub fn act(args: &[OsString]) -> Option<Result<u8, Fatal>> {
    let [_, role, address, model] = args else { return None };
    (role.to_str() == Some(echo_lab::ROLE))
        .then(|| play(&address.to_string_lossy(), &model.to_string_lossy()))
}

fn play(address: &str, model: &str) -> Result<u8, Fatal> {
    echo_lab::take_role()?;
    let model = match model {
        "fork" => Model::Fork,
        "thread" => Model::Thread,
        _ => Model::Epoll,
    };
    let style = Style { lang: lang::Lang::En, color: false, ascii: true, width: None };
    let listen = vec![inet(address, style.lang)?];
    let server = Server::open(Config { listen, model, ..Config::default() })
        .map_err(|fault| Fatal::Message(fault.failure.to_string()))?;
    server.run(&mut |_| {}).map(|()| 0).map_err(|failure| Fatal::Message(failure.to_string()))
}
