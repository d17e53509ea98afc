//! `inspect`: the tables of living processes.

use super::{Fatal, INCOMPLETE, NOTHING, Streams};
use crate::collect::{Need, Request, Which, collect, nearest_shell};
use crate::kernel::Live;
use crate::view::{self, Style, escape, lang};
use clap::ValueEnum;

/// Show the descriptors of processes, what they refer to and what is at their other ends
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  ganariya-fd inspect                          of the shell that you type this into
  ganariya-fd inspect $$ 4711                  of two processes, and what these share
  sudo ganariya-fd inspect --all | grep fifo   of all processes, a line each
  ganariya-fd inspect --tcp-info 4711          with the round trip times of its connections
  ganariya-fd inspect --format json 4711 | jq '.processes[].descriptors[].name'")]
pub struct Args {
    /// The processes; none means the nearest shell above this command
    #[arg(value_name = "PID", value_parser = clap::value_parser!(i32).range(1..))]
    pids: Vec<i32>,
    /// All processes, in one listing
    #[arg(long, conflicts_with = "pids")]
    all: bool,
    /// How to print
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Add what TCP measures of each connection: round trip time, window, retransmissions, timers
    #[arg(long)]
    tcp_info: bool,
    /// End with status 3 when anything could not be read
    #[arg(long)]
    strict: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Tables on a terminal, else a line for each descriptor
    Table,
    /// One JSON document
    Json,
    /// One JSON object a line
    Jsonl,
}

pub fn run(args: &Args, style: Style, streams: &mut Streams<'_>) -> Result<u8, Fatal> {
    let source = Live::new();
    let which = if args.all {
        Which::All
    } else if args.pids.is_empty() {
        Which::Pids(vec![caller(&source, style, streams)?])
    } else {
        let mut pids = Vec::new();
        for &pid in &args.pids {
            if !pids.contains(&pid) {
                pids.push(pid);
            }
        }
        Which::Pids(pids)
    };
    // The listing of all processes has no column that needs fdinfo or kcmp, a call for each
    // descriptor at the least.
    let need = match (args.format, args.all) {
        (Format::Table, true) => Need { fdinfo: false, identity: false, ..Need::ALL },
        _ => Need::ALL,
    };
    let need = Need { tcp_info: args.tcp_info, ..need };
    let snapshot = collect(&source, &Request { which, need });
    match args.format {
        Format::Table => {
            if !snapshot.processes.is_empty() {
                view::inspect(streams.out, &snapshot, style, args.all)?;
            }
        }
        Format::Json => view::document(streams.out, &snapshot)?,
        Format::Jsonl => view::json_lines(streams.out, &snapshot)?,
    }
    streams.out.flush()?;
    let notes = view::notes::notes(&snapshot, style.lang);
    for note in &notes {
        let _ = writeln!(streams.err, "ganariya-fd: {note}");
    }
    Ok(match (snapshot.processes.is_empty(), args.strict && !snapshot.is_complete()) {
        (_, true) => INCOMPLETE,
        (true, false) => NOTHING,
        (false, false) => 0,
    })
}

/// The process meant by a person who names none.
fn caller(source: &Live, style: Style, streams: &mut Streams<'_>) -> Result<i32, Fatal> {
    let parent = i32::try_from(std::os::unix::process::parent_id()).unwrap_or(0);
    let ancestor = nearest_shell(source, parent)
        .map_err(|failure| Fatal::Message(lang::no_such_process(style.lang, parent, &failure.to_string())))?;
    let name = format!("{}[{}]", escape::show(&ancestor.comm), ancestor.pid);
    let note = if ancestor.is_shell {
        lang::nearest_shell(style.lang, &name)
    } else {
        lang::nearest_parent(style.lang, &name)
    };
    let _ = writeln!(streams.err, "ganariya-fd: {note}");
    Ok(ancestor.pid)
}
