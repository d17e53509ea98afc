//! The commands: a file for each, with its arguments, its help and what it runs.
//!
//! A new command is a file and its line in `Command` and in the match of `dispatch`.

mod choose;
mod completions;
mod echo_address;
mod echo_client;
mod echo_lab;
mod echo_server;
mod echo_tables;
mod fork;
mod inspect;
mod lab;
mod pipe;
mod refusal;
mod who;

use crate::view::{Lang, Style};
use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

/// Where a command writes.
#[expect(missing_debug_implementations, reason = "a writer has none")]
pub struct Streams<'a> {
    /// Standard output.
    pub out: &'a mut dyn Write,
    /// Standard error.
    pub err: &'a mut dyn Write,
    /// Whether standard output is a terminal.
    pub is_terminal: bool,
}

/// Show what every file descriptor is, who shares it and what is at its other end
#[derive(Debug, Parser)]
#[command(
    name = "ganariya-fd",
    version,
    arg_required_else_help = true,
    subcommand_required = true,
    after_help = "Examples:
  ganariya-fd inspect                  the descriptors of the shell that you type this into
  ganariya-fd inspect 4711 4712        those of two processes, and what these share
  ganariya-fd inspect --all | less     those of all processes, a line each
  ganariya-fd who :8080                which processes hold a port, and how they came to it
  ganariya-fd fork 'sleep 9 > a.txt'   watch what a redirection changes, and in whom
  ganariya-fd pipe 'ls | grep Cargo'   watch a real pipeline being wired
  ganariya-fd echo-server --clients 3  watch a server accept its clients

Exit status: 0 something matched, 1 nothing matched, 2 wrong usage or a fatal error,
3 with --strict when anything could not be read."
)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    global: Global,
}

/// What every command takes.
#[derive(Debug, clap::Args)]
struct Global {
    /// Language of narration and notes; else from GANARIYA_FD_LANG, LC_ALL, LC_MESSAGES or LANG
    #[arg(long, global = true, value_enum, value_name = "LANG")]
    lang: Option<LangArg>,
    /// When to colour; auto does on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value = "auto")]
    color: ColorArg,
    /// Draw lines and arrows with ASCII alone
    #[arg(long, global = true)]
    ascii: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LangArg {
    /// English
    En,
    /// Japanese
    Ja,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ColorArg {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    Inspect(inspect::Args),
    Who(who::Args),
    Fork(fork::Args),
    Pipe(pipe::Args),
    EchoServer(echo_server::Args),
    EchoClient(echo_client::Args),
    Completions(completions::Args),
}

/// Why a command ended without doing its work.
#[derive(Debug)]
pub enum Fatal {
    /// Its output could not be written.
    Output(io::Error),
    /// Anything else, in words for a person.
    Message(String),
}

impl From<io::Error> for Fatal {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl fmt::Display for Fatal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Output(error) => write!(f, "standard output: {error}"),
            Self::Message(message) => f.write_str(message),
        }
    }
}

/// Nothing matched.
const NOTHING: u8 = 1;
/// Wrong usage or a fatal error.
const FATAL: u8 = 2;
/// Something could not be read, with `--strict`.
const INCOMPLETE: u8 = 3;

/// The definition of the command line.
pub fn definition() -> clap::Command {
    Cli::command()
}

/// Runs the command that `args` name and gives its exit status.
pub fn run(args: impl IntoIterator<Item = OsString>, streams: &mut Streams<'_>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    // A lab's actor is this program in a role, and no command that a person types.
    let result = if let Some(status) = pipe::act(&args)
        .or_else(|| fork::act(&args))
        .or_else(|| echo_lab::act(&args))
        .or_else(|| echo_server::act(&args))
    {
        status
    } else if let Some(status) = echo_tables::act(&args, streams) {
        status
    } else {
        match Cli::try_parse_from(args) {
            Ok(cli) => dispatch(&cli, streams),
            Err(error) => return refuse(&error, streams),
        }
    };
    let result = result.and_then(|status| {
        streams.out.flush()?;
        Ok(status)
    });
    match result {
        Ok(status) => ExitCode::from(status),
        // The reader has seen enough: `| head` is no error.
        Err(Fatal::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(fatal) => {
            let _ = writeln!(streams.err, "ganariya-fd: {fatal}");
            ExitCode::from(FATAL)
        }
    }
}

fn dispatch(cli: &Cli, streams: &mut Streams<'_>) -> Result<u8, Fatal> {
    let style = cli.global.style(streams.is_terminal);
    match &cli.command {
        Command::Inspect(args) => inspect::run(args, style, streams),
        Command::Who(args) => who::run(args, style, streams),
        Command::Fork(args) => fork::run(args, style, streams),
        Command::Pipe(args) => pipe::run(args, style, streams),
        Command::EchoServer(args) => echo_server::run(args, style, streams),
        Command::EchoClient(args) => echo_client::run(args, style, streams),
        Command::Completions(args) => completions::run(args, streams),
    }
}

/// Prints clap's message: help and version to standard output with 0, mistakes to standard error
/// with 2.
fn refuse(error: &clap::Error, streams: &mut Streams<'_>) -> ExitCode {
    let text = error.render();
    let status = if error.use_stderr() {
        let _ = write!(streams.err, "{text}");
        FATAL
    } else {
        let _ = write!(streams.out, "{text}");
        let _ = streams.out.flush();
        0
    };
    ExitCode::from(status)
}

impl Global {
    fn style(&self, is_terminal: bool) -> Style {
        let color = match self.color {
            ColorArg::Always => true,
            ColorArg::Never => false,
            ColorArg::Auto => is_terminal && !set("NO_COLOR") && variable("TERM") != "dumb",
        };
        let lang = match self.lang {
            Some(LangArg::En) => Lang::En,
            Some(LangArg::Ja) => Lang::Ja,
            None => environment_lang(),
        };
        let width = terminal_size::terminal_size().map_or(80, |(width, _)| width.0);
        Style { lang, color, ascii: self.ascii, width: is_terminal.then_some(width) }
    }
}

/// A time in seconds, whole or not, as an argument. The longest is so short that a clock can be moved on by
/// it.
fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    if number > f64::from(u32::MAX) {
        return Err(format!("longer than {} seconds", u32::MAX));
    }
    match Duration::try_from_secs_f64(number) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("not a time above 0".to_owned()),
    }
}

fn environment_lang() -> Lang {
    ["GANARIYA_FD_LANG", "LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .find(|name| set(name))
        .map_or(Lang::En, |name| Lang::of_locale(&variable(name)))
}

/// Whether the locale writes characters as UTF-8 (locale(7)).
fn is_utf8() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find(|name| set(name)).map(variable);
    locale.is_some_and(|name| name.to_ascii_lowercase().replace('-', "").contains("utf8"))
}

fn set(name: &str) -> bool {
    !variable(name).is_empty()
}

fn variable(name: &str) -> String {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::seconds;
    use std::time::{Duration, Instant};

    #[test]
    fn a_time_is_above_zero_and_no_longer_than_a_clock_goes() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        let longest = seconds("4294967295").unwrap();
        assert!(Instant::now().checked_add(longest).is_some());
        for refused in ["0", "-1", "1e-20", "nan", "inf", "1e19", "4294967296", "5s", ""] {
            assert!(seconds(refused).is_err(), "{refused}");
        }
    }
}
