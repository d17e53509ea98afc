//! The text of each column for one descriptor.

use super::{Style, escape};
use crate::model::{Descriptor, OpenFile, Process, Snapshot, Socket, flag_names};
use crate::query::{Peer, Peers, Sharing, Wiring};
use std::fmt::Write as _;

/// How many other ends a cell of a table names; a line that is not for a terminal names them all.
const PEERS_IN_A_CELL: usize = 4;

/// One descriptor's cells. A cell without anything to say is empty.
pub struct Cells {
    pub fd: String,
    pub letter: String,
    pub mode: String,
    pub kind: String,
    pub name: String,
    pub flags: Vec<String>,
    pub connected: String,
    pub is_end: bool,
    pub is_gap: bool,
}

/// What is asked for each descriptor.
pub struct Context<'a> {
    pub snapshot: &'a Snapshot,
    pub wiring: Wiring<'a>,
    pub sharing: Sharing,
    pub style: Style,
}

impl<'a> Context<'a> {
    pub fn new(snapshot: &'a Snapshot, style: Style) -> Self {
        Self { snapshot, wiring: Wiring::new(snapshot), sharing: Sharing::new(snapshot), style }
    }

    pub fn cells(&self, process: &Process, descriptor: &Descriptor) -> Cells {
        let file = self.snapshot.file(descriptor);
        let mut flags: Vec<String> = Vec::new();
        if descriptor.cloexec == Some(true) {
            flags.push("CLOEXEC".to_owned());
        }
        if let Some(bits) = file.flags {
            // The access mode has a column of its own, and every 64-bit program has O_LARGEFILE.
            let names = flag_names(bits).into_iter().skip(1).filter(|name| name != "O_LARGEFILE");
            flags.extend(names.map(|name| name.trim_start_matches("O_").to_owned()));
        }
        let peers = self.wiring.peers(process.id, descriptor);
        Cells {
            fd: descriptor.fd.to_string(),
            letter: self.sharing.letter(descriptor).unwrap_or_default(),
            mode: file.access.map_or("?", |access| access.as_str()).to_owned(),
            kind: file.kind.to_string(),
            name: self.name(file),
            flags,
            is_end: peers != Peers::NotAnEnd,
            connected: self.connected(&peers),
            is_gap: file.name.is_err(),
        }
    }

    fn name(&self, file: &OpenFile) -> String {
        let mut text = match (&file.name, &file.socket) {
            (Err(failure), _) => return format!("({failure})"),
            (Ok(name), Some(socket)) => return self.socket(name, socket),
            (Ok(name), None) => escape::name(name),
        };
        if file.deleted {
            text.push_str(" (deleted)");
        }
        // The offset of what cannot be seeked stays 0.
        if let Some(offset) = file.offset.filter(|&offset| offset != 0) {
            let _ = write!(text, " (offset {offset})");
        }
        text
    }

    fn socket(&self, name: &[u8], socket: &Socket) -> String {
        let mut words = Vec::new();
        match (&socket.local, &socket.remote) {
            (Some(local), Some(remote)) => {
                let arrow = self.style.glyph("→", "->");
                words.push(format!("{} {arrow} {}", escape::name(local), escape::name(remote)));
            }
            (Some(local), None) => words.push(escape::name(local)),
            (None, _) => words.push(escape::show(name)),
        }
        words.extend(socket.state.map(str::to_owned));
        if socket.family.is_none() || socket.family == Some("unix") {
            let what = if socket.family.is_some() { socket.kind } else { Some(socket.protocol.as_str()) };
            words.extend(what.map(|what| escape::show(what.as_bytes())).filter(|what| !what.is_empty()));
        }
        words.join(" ")
    }

    fn connected(&self, peers: &Peers<'_>) -> String {
        match peers {
            Peers::NotAnEnd => String::new(),
            Peers::Unknown(failure) => format!("? ({failure})"),
            Peers::Found(peers) if peers.is_empty() => super::lang::nobody(self.style.lang),
            Peers::Found(peers) => {
                let shown = match self.style.width {
                    Some(_) if peers.len() > PEERS_IN_A_CELL => PEERS_IN_A_CELL,
                    _ => peers.len(),
                };
                let mut names: Vec<_> = peers[..shown].iter().map(peer).collect();
                if shown < peers.len() {
                    names.push(super::lang::and_more(self.style.lang, peers.len() - shown));
                }
                // A line of its own for each, in a cell.
                names.join(if self.style.width.is_some() { "\n" } else { ", " })
            }
        }
    }
}

/// `grep[4712] fd 0 (r)`
pub fn peer(peer: &Peer<'_>) -> String {
    let access = peer.access.map_or("?", |access| access.as_str());
    format!("{} fd {} ({access})", process(peer.comm, peer.process.pid), peer.fd)
}

/// `grep[4712]`
pub fn process(comm: &[u8], pid: i32) -> String {
    format!("{}[{pid}]", escape::show(comm))
}
