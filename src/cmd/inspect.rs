//! `inspect`: the tables of living processes.

use super::choose::{self, Chosen};
use super::{Fatal, INCOMPLETE, NOTHING, Streams};
use crate::collect::{Need, Only, Request, collect, nearest_shell};
use crate::kernel::{Live, PlaceAsk};
use crate::model::Snapshot;
use crate::query::{Field, Known, Listing, Wants};
use crate::view::{self, Layout, Style, escape, lang};
use clap::ValueEnum;
use std::mem::ManuallyDrop;
use std::time::Duration;

/// Show the descriptors of processes, what they refer to and what is at their other ends
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  ganariya-fd inspect                          of the shell that you type this into
  ganariya-fd inspect $$ 4711                  of two processes, and what these share
  ganariya-fd inspect -c nginx -k tcp          the TCP sockets of all processes called so
  ganariya-fd inspect --tree $$ --format tree  a shell and its descendants, as a tree
  ganariya-fd inspect -w 'kind = pipe and access = w and not cloexec'
  ganariya-fd inspect --all --deleted --columns command,pid,fd,size,name --sort -size
  sudo ganariya-fd inspect --all | grep fifo   of all processes, a line each
  ganariya-fd inspect --tcp-info 4711          with the round trip times of its connections
  ganariya-fd inspect --format json 4711 | jq '.processes[].descriptors[].name'")]
pub struct Args {
    /// The processes; none, and no other choice, means the nearest shell above this command
    #[arg(value_name = "PID", value_parser = clap::value_parser!(i32).range(1..))]
    pids: Vec<i32>,
    /// All processes, in one listing
    #[arg(long, conflicts_with = "pids")]
    all: bool,
    #[command(flatten)]
    choose: choose::Options,
    #[command(flatten)]
    output: Output,
    /// Add what TCP measures of each connection: round trip time, window, retransmissions, timers
    #[arg(long)]
    tcp_info: bool,
    /// End with status 3 when anything could not be read
    #[arg(long)]
    strict: bool,
}

/// How to print.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Output")]
struct Output {
    /// How to print
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Which columns, or keys of JSON and CSV: command,pid,fd,kind,name,facts.state, …
    #[arg(long, value_name = "LIST")]
    columns: Option<String>,
    /// Look again after so many seconds, again and again, and mark what is new, changed or gone
    #[arg(long, value_name = "SECONDS", value_parser = super::seconds)]
    interval: Option<Duration>,
    /// By which columns to sort; a minus before one turns its order round
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    sort: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Tables on a terminal, else a line for each descriptor
    Table,
    /// The processes as a tree, each with its descriptors
    Tree,
    /// One JSON document
    Json,
    /// One JSON object a line
    Jsonl,
    /// Comma-separated values
    Csv,
    /// The field output of lsof -F, for scripts that read it already
    Lsof,
}

/// What to print, and how.
struct Plan {
    format: Format,
    columns: Option<Vec<Field>>,
    sort: Vec<(Field, bool)>,
    /// One listing of all, instead of a block for each process.
    flat: bool,
    /// With what TCP measures.
    tcp_info: bool,
}

pub fn run(args: &Args, style: Style, streams: &mut Streams<'_>) -> Result<u8, Fatal> {
    let source = Live::new();
    let lang = style.lang;
    let mut chosen = args.choose.read(&distinct(&args.pids), &source, lang)?;
    if !args.all && chosen.is_open() {
        chosen.whom.pids = vec![caller(&source, style, streams)?];
    }
    let plan = Plan {
        format: args.output.format,
        columns: args.output.columns.as_deref().map(|text| choose::fields(text, lang)).transpose()?,
        sort: args
            .output
            .sort
            .as_deref()
            .map(|text| choose::order(text, lang))
            .transpose()?
            .unwrap_or_default(),
        flat: args.all || chosen.whom.pids.is_empty(),
        tcp_info: args.tcp_info,
    };
    if plan.format == Format::Lsof {
        if plan.columns.is_some() {
            return Err(Fatal::Message(lang::no_columns(lang, "lsof")));
        }
        // What is held without a descriptor is in the format always.
        chosen.places = PlaceAsk { links: true, mapped: true };
    }
    if let Some(interval) = args.output.interval {
        return repeat(&source, &plan, &chosen, interval, style, streams);
    }
    // Not one of the many pieces of these is freed: the process ends with them, and the kernel takes all back at once.
    let snapshot = ManuallyDrop::new(look(&source, &plan, &chosen));
    let known = ManuallyDrop::new(Known::new(&snapshot));
    let listing = ManuallyDrop::new(listing(&known, &plan, &chosen));
    let (matched, unjudged) = (!listing.rows.is_empty(), listing.unjudged);
    print(&plan, &listing, style, streams)?;
    if unjudged > 0 {
        let _ = writeln!(streams.err, "ganariya-fd: {}", lang::unjudged(lang, unjudged));
    }
    for note in &view::notes::notes(&snapshot, lang) {
        let _ = writeln!(streams.err, "ganariya-fd: {note}");
    }
    let complete = snapshot.is_complete() && unjudged == 0;
    Ok(match (matched, args.strict && !complete) {
        (_, true) => INCOMPLETE,
        (false, false) => NOTHING,
        (true, false) => 0,
    })
}

/// Reads what is chosen.
fn look(source: &Live, plan: &Plan, chosen: &Chosen) -> Snapshot {
    let mut gaps = Vec::new();
    let which = chosen.which(source, &mut gaps);
    let need = need(plan, chosen);
    // The heading of a block counts the whole table.
    let only = if plan.flat && plan.format != Format::Tree { chosen.only() } else { Only::All };
    let mut snapshot = collect(source, &Request { which, need, only });
    snapshot.gaps.splice(0..0, gaps);
    snapshot
}

/// What of it is listed, in which order.
fn listing<'a>(known: &'a Known<'a>, plan: &Plan, chosen: &Chosen) -> Listing<'a> {
    let mut listing = Listing::new(known);
    listing.narrow(&chosen.choice);
    if !plan.sort.is_empty() {
        listing.sort(&plan.sort, plan.flat && matches!(plan.format, Format::Table | Format::Csv));
    }
    listing
}

/// Looks again and again, until a signal ends it, nobody reads on, or those who were named are all gone.
fn repeat(
    source: &Live,
    plan: &Plan,
    chosen: &Chosen,
    interval: Duration,
    style: Style,
    streams: &mut Streams<'_>,
) -> Result<u8, Fatal> {
    let format =
        plan.format.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
    if !matches!(plan.format, Format::Table | Format::Jsonl) {
        return Err(Fatal::Message(lang::no_interval(style.lang, &format)));
    }
    let mut before: Option<Snapshot> = None;
    let mut matched = false;
    loop {
        let snapshot = look(source, plan, chosen);
        let (old, new) = (before.as_ref().map(Known::new), Known::new(&snapshot));
        let (old, new) = (old.as_ref().map(|old| listing(old, plan, chosen)), listing(&new, plan, chosen));
        let (out, columns) = (&mut streams.out, plan.columns.as_deref());
        if plan.format == Format::Table {
            if before.is_some() {
                writeln!(out)?;
            }
            view::round(out, old.as_ref(), &new, columns, style)?;
        } else {
            view::round_lines(out, old.as_ref(), &new, columns)?;
        }
        out.flush()?;
        matched |= !new.rows.is_empty();
        if before.is_none() {
            for note in &view::notes::notes(&snapshot, style.lang) {
                let _ = writeln!(streams.err, "ganariya-fd: {note}");
            }
        }
        if snapshot.processes.is_empty() && !chosen.whom.pids.is_empty() {
            return Ok(if matched { 0 } else { NOTHING });
        }
        drop((old, new));
        before = Some(snapshot);
        std::thread::sleep(interval);
    }
}

fn distinct(pids: &[i32]) -> Vec<i32> {
    let mut distinct = Vec::new();
    for &pid in pids {
        if !distinct.contains(&pid) {
            distinct.push(pid);
        }
    }
    distinct
}

/// What has to be read for what is to be shown: decided here, once.
fn need(plan: &Plan, chosen: &Chosen) -> Need {
    let of = |fields: &[Field]| fields.iter().fold(Wants::default(), |wants, field| wants.and(field.wants()));
    let shown = match (&plan.columns, plan.format) {
        (Some(columns), Format::Json | Format::Jsonl) => of(columns),
        // A name in a table tells the addresses of a socket.
        (Some(columns), _) => {
            of(columns).and(Wants { sockets: columns.contains(&Field::Name), ..Wants::default() })
        }
        // The listing of all processes has no column that needs fdinfo or kcmp, a call for each
        // descriptor at the least.
        (None, Format::Table) if plan.flat => {
            Wants { users: true, sockets: true, ends: true, ..Wants::default() }
        }
        (None, Format::Lsof) => {
            Wants { details: true, users: true, fdinfo: true, sockets: true, ..Wants::default() }
        }
        (None, _) => Wants {
            details: true,
            users: true,
            fdinfo: true,
            sockets: true,
            ends: true,
            identity: true,
            tcp_info: false,
        },
    };
    // The heading of a block tells of the process.
    let heading = plan.format == Format::Tree || (plan.format == Format::Table && !plan.flat);
    let sorted = plan.sort.iter().fold(Wants::default(), |wants, (field, _)| wants.and(field.wants()));
    let Plan { tcp_info, .. } = *plan;
    let asked = Wants { tcp_info, sockets: tcp_info, details: heading, ..Wants::default() };
    choose::need(shown.and(sorted).and(asked), chosen)
}

/// Prints what is listed.
fn print(plan: &Plan, listing: &Listing<'_>, style: Style, streams: &mut Streams<'_>) -> Result<(), Fatal> {
    let (out, columns) = (&mut streams.out, plan.columns.as_deref());
    match plan.format {
        Format::Table | Format::Tree if listing.rows.is_empty() => {}
        Format::Table => view::inspect(out, listing, Layout { flat: plan.flat, columns }, style)?,
        Format::Tree => view::tree(out, listing, columns, style)?,
        Format::Json => view::document(out, listing, columns)?,
        Format::Jsonl => view::json_lines(out, listing, columns)?,
        Format::Csv => view::csv(out, listing, columns)?,
        Format::Lsof => view::lsof(out, listing, super::is_utf8())?,
    }
    Ok(streams.out.flush()?)
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
