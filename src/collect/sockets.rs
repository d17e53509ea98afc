//! The sockets that the rows refer to, looked up in the tables of their network namespaces.

use super::gap;
use crate::kernel::{SocketRow, SocketTable, Source, TaskRow};
use crate::kind::{self, Protocol};
use crate::model::{Gap, Inode, Socket, Subject};
use std::collections::{BTreeSet, HashMap};

/// The tables loaded, each once: for every network namespace that a process with sockets is in, those
/// of the protocols that its sockets have.
#[derive(Default)]
pub struct Tables {
    /// The namespace of each process with sockets.
    namespaces: HashMap<i32, u64>,
    /// By namespace and inode.
    rows: HashMap<(u64, u64), SocketRow>,
}

impl Tables {
    /// Loads what the sockets in `tasks` need; nothing where there is none.
    pub fn load(source: &dyn Source, tasks: &[TaskRow], gaps: &mut Vec<Gap>) -> Self {
        let mut tables = Self::default();
        let mut loaded = BTreeSet::new();
        for task in tasks {
            let wanted: BTreeSet<SocketTable> = task
                .table
                .iter()
                .flatten()
                .filter_map(|fd| fd.protocol.as_ref()?.as_ref().ok())
                .filter_map(|name| table(kind::protocol(name)?.table?))
                .collect();
            if wanted.is_empty() {
                continue;
            }
            let namespace = match source.net_namespace(task.pid) {
                Ok(namespace) => namespace,
                Err(failure) => {
                    gaps.push(gap(Some(task.pid), Subject::ProcessFact("ns/net"), failure));
                    continue;
                }
            };
            tables.namespaces.insert(task.pid, namespace);
            for table in wanted {
                if !loaded.insert((namespace, table)) {
                    continue;
                }
                match source.sockets(task.pid, table) {
                    Ok(rows) => tables.rows.extend(rows.into_iter().map(|row| ((namespace, row.ino()), row))),
                    Err(failure) => {
                        gaps.push(gap(Some(task.pid), Subject::Sockets(table.file()), failure));
                    }
                }
            }
        }
        tables
    }

    /// What is known of a socket of process `pid`.
    pub fn describe(&self, pid: i32, inode: Option<Inode>, protocol: Option<&str>) -> Socket {
        let known = protocol.and_then(kind::protocol);
        let mut socket = Socket {
            family: known.map(|protocol| protocol.family),
            kind: known.and_then(|protocol| protocol.kind),
            protocol: protocol.unwrap_or_default().to_owned(),
            ..Socket::default()
        };
        let (Some(known), Some(inode), Some(&namespace)) = (known, inode, self.namespaces.get(&pid)) else {
            return socket;
        };
        // An inode number of sockfs is one socket's on the whole machine; it may have been made in
        // another namespace than the process is in now, and is then not in this table.
        if let Some(row) = self.rows.get(&(namespace, inode.ino)) {
            fill(&mut socket, row, known);
            socket.netns = Some(namespace);
        }
        socket
    }
}

fn table(file: &str) -> Option<SocketTable> {
    use SocketTable::{Tcp, Tcp6, Udp, Udp6, Unix};
    [Tcp, Tcp6, Udp, Udp6, Unix].into_iter().find(|table| table.file() == file)
}

fn fill(socket: &mut Socket, row: &SocketRow, protocol: &Protocol) {
    match row {
        SocketRow::Inet { local, remote, state, recv_queue, send_queue, .. } => {
            socket.state = (protocol.state)(*state, false);
            socket.local = Some(local.to_string().into_bytes());
            let connected = remote.port() != 0 || !remote.ip().is_unspecified();
            socket.remote = connected.then(|| remote.to_string().into_bytes());
            socket.recv_queue = Some(*recv_queue);
            socket.send_queue = Some(*send_queue);
        }
        SocketRow::Unix { kind, state, listening, path, .. } => {
            socket.kind = match kind {
                1 => Some("stream"),
                2 => Some("dgram"),
                5 => Some("seqpacket"),
                _ => None,
            };
            socket.state = (protocol.state)(*state, *listening);
            socket.local.clone_from(path);
        }
    }
}
