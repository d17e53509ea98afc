//! What the lab on sockets tells: what its steps mean, and what there is to see at its moments.

use super::cells::Context;
use super::connections::{connections, wiring};
use super::exchange_words::{
    about_connected, about_half_closed, about_inheritance, about_kept, about_lingering, about_waiting,
    accepted, bound, bound_anywhere, client_closed, client_socket, connected, echoed, ends, event_loop,
    forked, free_again, half_closed, heard, heard_back, heard_back_end, heard_end, left_behind, listening,
    no_lingering, note_new_sockets, note_numbers, note_one_port, nothing_lingers, own_socket, said,
    same_port, scene_accepted, scene_closed, scene_connected, scene_echoed, scene_half_closed, scene_kept,
    scene_listening, scene_waiting, socket_number, socket_numbers, taken, threaded, watched,
};
use super::inspect::{block, legend, paragraph};
use super::lab::rule;
use super::lang::Lang;
use super::{Style, Tone, escape};
use crate::model::{Failure, Lingering, Snapshot, Socket, Step};
use crate::query::Known;
use std::io::{self, Write};

/// What a step of the lab means; nothing for one of another lab, or without a lesson.
pub fn meaning(step: &Step, language: Lang) -> Option<String> {
    let argument = |index: usize| step.args.get(index).map_or("?", String::as_str);
    let (fd, result) = (argument(0), step.result.as_str());
    Some(match (step.actor.as_str(), step.call) {
        ("server", "socket") => own_socket(language, result),
        ("server", "bind") if argument(1).ends_with(":0") => bound_anywhere(language),
        ("server", "bind") => bound(language),
        ("server", "listen") => listening(language, fd),
        ("server", "epoll_create1") => event_loop(language, result),
        ("server", "epoll_ctl") if argument(1) == "EPOLL_CTL_ADD" => watched(language, argument(2)),
        ("server", "accept" | "accept4") => accepted(language, fd, result),
        ("server", "clone" | "clone3" | "fork") if argument(0).contains("CLONE_THREAD") => {
            threaded(language, result)
        }
        ("server", "clone" | "clone3" | "fork") => forked(language, result),
        ("server", "read" | "recvfrom") if result == "0" => heard_end(language),
        ("server", "read" | "recvfrom") => heard(language, fd),
        ("server", "write" | "sendto") => echoed(language, fd),
        ("client", "socket") => client_socket(language, result),
        ("client", "bind") => same_port(language),
        ("client", "connect") => connected(language),
        ("client", "write") => said(language),
        ("client", "read") if result == "0" => heard_back_end(language),
        ("client", "read") => heard_back(language),
        ("client", "shutdown") => half_closed(language),
        ("client", "close") => client_closed(language),
        ("old-server", "clone" | "clone3" | "fork") => left_behind(language, result),
        ("new-server", "bind") if result == "EADDRINUSE" => taken(language),
        ("new-server", "bind") => free_again(language),
        _ => return None,
    })
}

/// What tells the lesson of a step from those of other steps of the same call; nothing where the step
/// is of another lab.
pub fn aspect(step: &Step) -> Option<String> {
    let is_ours = matches!(step.actor.as_str(), "server" | "client" | "old-server" | "new-server");
    is_ours.then(|| format!("{} {}", step.actor, step.result == "0"))
}

/// Writes the table of the server that listens.
pub fn listening_scene(out: &mut dyn Write, snapshot: &Snapshot, style: Style) -> io::Result<()> {
    tables(out, snapshot, &scene_listening(style.lang), None, style)
}

/// Writes the tables of the server and of a client that it has not accepted.
pub fn waiting_scene(out: &mut dyn Write, snapshot: &Snapshot, quiet: bool, style: Style) -> io::Result<()> {
    let about = (!quiet).then(|| about_waiting(style.lang));
    tables(out, snapshot, &scene_waiting(style.lang), about.as_deref(), style)
}

/// Writes the connections when one more was accepted.
pub fn accepted_scene(
    out: &mut dyn Write,
    snapshot: &Snapshot,
    client: usize,
    style: Style,
) -> io::Result<()> {
    listed(out, snapshot, &scene_accepted(style.lang, client), style)
}

/// Writes all tables, the connections and the figure.
pub fn connected_scene(
    out: &mut dyn Write,
    snapshot: &Snapshot,
    quiet: bool,
    style: Style,
) -> io::Result<()> {
    writeln!(out)?;
    rule(out, &scene_connected(style.lang), style)?;
    if !quiet {
        paragraph(out, &about_connected(style.lang), Tone::Faint, style)?;
    }
    let known = Known::new(snapshot);
    let context = Context::without_measures(&known, style);
    for shown in &snapshot.processes {
        writeln!(out)?;
        block(out, &context, shown, true)?;
    }
    legend(out, &context)?;
    writeln!(out)?;
    connections(out, snapshot, usize::MAX, style)?;
    writeln!(out)?;
    wiring(out, snapshot, style)?;
    if !quiet {
        for text in answers(snapshot, style.lang) {
            writeln!(out)?;
            paragraph(out, &text, Tone::Faint, style)?;
        }
    }
    writeln!(out)
}

/// What the tables answer.
fn answers(snapshot: &Snapshot, language: Lang) -> Vec<String> {
    let sockets = || {
        snapshot.descriptors().filter_map(|(_, descriptor)| {
            let file = snapshot.file(descriptor);
            Some((file.inode?.ino, file.socket.as_ref()?))
        })
    };
    let Some((inode, listener)) = sockets().find(|(_, socket)| socket.listens()) else {
        return vec![note_numbers(language)];
    };
    let number = |inode: u64, socket: &Socket| match socket.cookie {
        Some(cookie) => socket_numbers(language, inode, cookie.get()),
        None => socket_number(language, inode),
    };
    let local = listener.local.as_deref().unwrap_or_default();
    let accepted: Vec<_> = sockets()
        .filter(|(_, socket)| !socket.listens() && socket.local.as_deref() == Some(local))
        .map(|(inode, socket)| number(inode, socket))
        .collect();
    vec![
        note_one_port(language, &escape::name(local)),
        note_new_sockets(language, &number(inode, listener), &accepted.join(", ")),
        note_numbers(language),
    ]
}

/// Writes the connections with what went through them.
pub fn echoed_scene(out: &mut dyn Write, snapshot: &Snapshot, style: Style) -> io::Result<()> {
    listed(out, snapshot, &scene_echoed(style.lang), style)
}

/// Writes the two sockets of a connection of which one side is shut.
pub fn half_closed_scene(
    out: &mut dyn Write,
    snapshot: &Snapshot,
    quiet: bool,
    style: Style,
) -> io::Result<()> {
    writeln!(out)?;
    paragraph(out, &scene_half_closed(style.lang), Tone::Strong, style)?;
    connections(out, snapshot, usize::MAX, style)?;
    if !quiet {
        paragraph(out, &about_half_closed(style.lang), Tone::Faint, style)?;
    }
    writeln!(out)
}

/// Writes what is in TIME_WAIT at the ports of the lab.
pub fn closed_scene(
    out: &mut dyn Write,
    lingering: &Result<Vec<Lingering>, Failure>,
    quiet: bool,
    style: Style,
) -> io::Result<()> {
    writeln!(out)?;
    rule(out, &scene_closed(style.lang), style)?;
    match lingering {
        Err(failure) => {
            paragraph(out, &no_lingering(style.lang, &failure.to_string()), Tone::Warning, style)?;
        }
        Ok(rows) if rows.is_empty() => paragraph(out, &nothing_lingers(style.lang), Tone::Plain, style)?,
        Ok(rows) => {
            paragraph(out, &about_lingering(style.lang), Tone::Faint, style)?;
            let arrow = style.glyph("→", "->");
            let widest = rows.iter().map(|row| row.local.len()).max().unwrap_or(0);
            for Lingering { local, remote } in rows {
                writeln!(out, "    {local:widest$} {arrow} {remote}  TIME_WAIT")?;
            }
        }
    }
    writeln!(out)?;
    if !quiet {
        paragraph(out, &about_inheritance(style.lang), Tone::Faint, style)?;
        writeln!(out)?;
    }
    Ok(())
}

/// Writes the table of the child that keeps a port taken.
pub fn kept_scene(out: &mut dyn Write, snapshot: &Snapshot, quiet: bool, style: Style) -> io::Result<()> {
    let about = (!quiet).then(|| about_kept(style.lang));
    tables(out, snapshot, &scene_kept(style.lang), about.as_deref(), style)
}

/// Says that the lab ends a process.
pub fn ended_by_lab(out: &mut dyn Write, name: &str, style: Style) -> io::Result<()> {
    paragraph(out, &ends(style.lang, name), Tone::Faint, style)
}

fn tables(
    out: &mut dyn Write,
    snapshot: &Snapshot,
    heading: &str,
    about: Option<&str>,
    style: Style,
) -> io::Result<()> {
    writeln!(out)?;
    paragraph(out, heading, Tone::Strong, style)?;
    let known = Known::new(snapshot);
    let context = Context::without_measures(&known, style);
    for (index, shown) in snapshot.processes.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        block(out, &context, shown, true)?;
    }
    if let Some(about) = about {
        paragraph(out, about, Tone::Faint, style)?;
    }
    writeln!(out)
}

fn listed(out: &mut dyn Write, snapshot: &Snapshot, heading: &str, style: Style) -> io::Result<()> {
    writeln!(out)?;
    paragraph(out, heading, Tone::Strong, style)?;
    connections(out, snapshot, usize::MAX, style)?;
    writeln!(out)
}
