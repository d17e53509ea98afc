//! Connections: a table of them, and the figure of who is connected to whom.

use super::cells::{Context, process as process_name, waiting};
use super::figure::{
    self,
    sides::{From, Served, Serving},
};
use super::inspect::paragraph;
use super::table::{self, Column, Frame, Give, Text};
use super::{Style, Tone, escape, lang, lines};
use crate::model::{Descriptor, Fact, OpenFile, Process, Snapshot, Socket};
use crate::query::{Entry, Field, Known, Peer, Peers};
use std::io::{self, Write};
use unicode_width::UnicodeWidthStr;

const COLUMNS: [(&str, Give); 7] = [
    ("PID", Give::Never),
    ("FD", Give::Never),
    ("LOCAL", Give::Wrapped),
    ("REMOTE", Give::Wrapped),
    ("STATE", Give::First),
    ("PEER", Give::Wrapped),
    ("IN/OUT", Give::Never),
];

/// A socket of a process shown.
struct Shown<'a> {
    process: &'a Process,
    descriptor: &'a Descriptor,
    file: &'a OpenFile,
    socket: &'a Socket,
}

fn sockets(snapshot: &Snapshot) -> impl Iterator<Item = Shown<'_>> {
    snapshot.descriptors().filter_map(|(process, descriptor)| {
        let file = snapshot.file(descriptor);
        let socket = file.socket.as_ref()?;
        // Of other families nothing here would be told.
        let is_shown = matches!(socket.family.copied(), Some("inet" | "inet6" | "unix"));
        is_shown.then_some(Shown { process, descriptor, file, socket })
    })
}

/// Writes a table of the sockets of the processes shown, the first `most` of them: whose, where from and
/// where to, in which state, who is at the other end, and how many bytes came and went, as TCP counts
/// them.
pub fn connections(out: &mut dyn Write, snapshot: &Snapshot, most: usize, style: Style) -> io::Result<()> {
    let known = Known::new(snapshot);
    let context = Context::new(&known, style);
    let rows = || sockets(snapshot).take(most).map(|shown| row(&context, &shown));
    if style.width.is_none() {
        let headings = COLUMNS.map(|(heading, _)| heading);
        let plain = rows().map(|row| row.into_iter().map(|(text, _)| text).collect());
        lines::write(out, &headings, plain)?;
    } else {
        let columns = COLUMNS.map(|(heading, give)| Column { heading, give });
        table::write(out, style, Frame::Open, &columns, rows)?;
    }
    match sockets(snapshot).count().saturating_sub(most) {
        0 => Ok(()),
        more => writeln!(out, "{}", lang::and_more(style.lang, more)),
    }
}

/// Writes what a server has at the moment: how many connections, which, and what its event loop watches.
pub fn live(out: &mut dyn Write, snapshot: &Snapshot, most: usize, style: Style) -> io::Result<()> {
    let Some(server) = snapshot.processes.first() else { return Ok(()) };
    let count = sockets(snapshot).filter(|shown| is_a_connection(shown.socket)).count();
    let text = lang::connections(style.lang, &process_name(&server.comm, server.id.pid), count);
    writeln!(out)?;
    paragraph(out, &text, Tone::Strong, style)?;
    connections(out, snapshot, most, style)?;
    for (process, descriptor) in snapshot.descriptors() {
        if descriptor.watches.is_empty() {
            continue;
        }
        let mut fds: Vec<_> =
            descriptor.watches.iter().take(most).map(|watch| watch.fd.to_string()).collect();
        if descriptor.watches.len() > most {
            fds.push(lang::and_more(style.lang, descriptor.watches.len() - most));
        }
        let name = process_name(&process.comm, process.id.pid);
        paragraph(
            out,
            &lang::event_loop_watches(style.lang, &name, descriptor.fd, &fds.join(" ")),
            Tone::Plain,
            style,
        )?;
    }
    Ok(())
}

/// Whether it is the socket of one client.
fn is_a_connection(socket: &Socket) -> bool {
    !socket.listens() && (socket.remote.is_some() || socket.state == Some(&"CONNECTED"))
}

fn row(context: &Context<'_>, shown: &Shown<'_>) -> Vec<Text> {
    let Shown { process, descriptor, socket, .. } = shown;
    let address =
        |address: &Option<Box<[u8]>>| address.as_deref().map_or_else(|| "-".to_owned(), escape::name);
    let state = [socket.state.copied().map(str::to_owned), waiting(socket)];
    // Both directions are open through a socket.
    let entry = Entry::of(context.snapshot, process, descriptor);
    let peers = context.cell(&Field::Peers, &entry).0.replace(" (rw)", "");
    let (came, went) = bytes(socket);
    let bytes = came.zip(went).map_or_else(|| "-".to_owned(), |(came, went)| format!("{came}/{went}"));
    vec![
        (process.id.pid.to_string(), Tone::Plain),
        (descriptor.fd.to_string(), Tone::Plain),
        (address(&socket.local), Tone::Plain),
        (address(&socket.remote), Tone::Plain),
        (state.into_iter().flatten().collect::<Vec<_>>().join(" "), Tone::Plain),
        (peers, Tone::Wire),
        (bytes, Tone::Plain),
    ]
}

/// How many bytes came in and went out, without what was sent again (`struct tcp_info`).
fn bytes(socket: &Socket) -> (Option<u64>, Option<u64>) {
    let Some(Fact::Group(facts)) = Fact::named(&socket.facts, "tcp_info") else { return (None, None) };
    let number = |name: &str| match Fact::named(facts, name)? {
        Fact::Number(number) => Some(*number),
        _ => None,
    };
    let sent = number("bytes_sent").zip(number("bytes_retrans"));
    (number("bytes_received"), sent.map(|(sent, again)| sent.saturating_sub(again)))
}

/// What the figure has a line for.
struct Wire<'a> {
    /// The side that connected, where it was found.
    left: Option<(String, String)>,
    /// Its address.
    from: String,
    /// The server's side.
    right: Shown<'a>,
}

/// Draws who is connected to whom: at the right the processes that listen or have accepted, at the left
/// those who connected to them. Without room for that, or a terminal, each connection is a line.
pub fn wiring(out: &mut dyn Write, snapshot: &Snapshot, style: Style) -> io::Result<()> {
    let wires = wires(&Context::new(&Known::new(snapshot), style), snapshot);
    if figure::connections(out, &boxes(snapshot, &wires, style), style)? {
        return Ok(());
    }
    list(out, &wires, style)
}

/// The connections of those who accepted them, in the order of their processes and numbers.
fn wires<'a>(context: &Context<'_>, snapshot: &'a Snapshot) -> Vec<Wire<'a>> {
    let port = |address: &Option<Box<[u8]>>| {
        let address = address.as_deref()?;
        let colon = address.iter().rposition(|&byte| byte == b':');
        // The path of a unix socket is the address of both, the listening one and those that it made.
        Some(colon.map_or_else(|| address.to_vec(), |colon| address[colon..].to_vec()))
    };
    let taken: Vec<_> = sockets(snapshot)
        .filter(|shown| shown.socket.listens())
        .filter_map(|shown| port(&shown.socket.local))
        .collect();
    sockets(snapshot)
        .filter(|shown| !shown.socket.listens())
        .filter(|shown| port(&shown.socket.local).is_some_and(|port| taken.contains(&port)))
        .map(|right| {
            let peers = context.wiring.peers(right.process.id, right.descriptor);
            let left = match &peers {
                Peers::Found(found) => found.iter().next().map(slot),
                _ => None,
            };
            let from = right.socket.remote.as_deref().map_or_else(String::new, escape::name);
            Wire { left, from, right }
        })
        .collect()
}

fn slot(peer: Peer<'_>) -> (String, String) {
    (process_name(peer.comm, peer.process.pid), peer.fd.to_string())
}

fn list(out: &mut dyn Write, wires: &[Wire<'_>], style: Style) -> io::Result<()> {
    let arrow = style.glyph("⇄", "<->");
    let rows: Vec<[String; 4]> = wires
        .iter()
        .map(|wire| {
            let left = wire.left.as_ref().map_or_else(String::new, |(name, fd)| format!("{name} fd {fd}"));
            let right = &wire.right;
            let name = process_name(&right.process.comm, right.process.id.pid);
            [left, wire.from.clone(), local(right), format!("fd {} {name}", right.descriptor.fd)]
        })
        .collect();
    let widest = |column: usize| rows.iter().map(|row| row[column].width()).max().unwrap_or(0);
    let widths = [0, 1, 2].map(widest);
    for [left, from, to, right] in &rows {
        let pad = |text: &str, column: usize| " ".repeat(widths[column] - text.width());
        let (after_left, before_from, after_to) = (pad(left, 0), pad(from, 1), pad(to, 2));
        writeln!(out, "  {left}{after_left}  {before_from}{from} {arrow} {to}{after_to}  {right}")?;
    }
    Ok(())
}

/// A socket's own address.
fn local(shown: &Shown<'_>) -> String {
    shown.socket.local.as_deref().map_or_else(String::new, escape::name)
}

/// The boxes at the right: the processes with a socket that listens, or that was accepted.
fn boxes(snapshot: &Snapshot, wires: &[Wire<'_>], style: Style) -> Vec<Serving> {
    let arrow = style.glyph("⇄", "<->");
    let label = |fd: &dyn std::fmt::Display, shown: &Shown<'_>| format!("{fd} {}", shown.file.kind);
    let boxes = snapshot.processes.iter().map(|process| {
        let own = |shown: &Shown<'_>| shown.process.id == process.id;
        let listening = sockets(snapshot).filter(|shown| own(shown) && shown.socket.listens());
        let listening = listening.map(|shown| Served {
            label: label(&shown.descriptor.fd, &shown),
            text: format!(" {} LISTEN ", local(&shown)),
            from: From::Nobody,
        });
        let accepted = wires.iter().filter(|wire| own(&wire.right)).map(|wire| Served {
            label: label(&wire.right.descriptor.fd, &wire.right),
            text: format!(" {} {arrow} {} ", wire.from, local(&wire.right)),
            from: match &wire.left {
                Some((name, fd)) => From::Process(name.clone(), label(fd, &wire.right)),
                None => From::Unknown,
            },
        });
        Serving {
            title: process_name(&process.comm, process.id.pid),
            slots: listening.chain(accepted).collect(),
        }
    });
    boxes.filter(|serving| !serving.slots.is_empty()).collect()
}
