//! Who holds what a person asks for, and how each came to it.

use super::{Entry, Known};
use crate::model::{FileId, Identity, Inode, OpenFile, Process, ProcessId};
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

/// What is asked for, among files that were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Whatever was read: it was read by what it is.
    Read,
    /// Sockets with this local port.
    Port {
        /// Of these kinds.
        kinds: &'static [&'static str],
        /// At this address, or at all of them.
        address: Option<IpAddr>,
        /// The port.
        port: u16,
    },
    /// Unix sockets of this name: a path, or an abstract name with `@` in the place of its leading NUL.
    Unix(Vec<u8>),
    /// Unix sockets that are bound to this file.
    Bound(Inode, Vec<u8>),
    /// Files that had this path, and have lost it.
    Lost(Vec<u8>),
    /// These, which are below a directory of this path, and files that have lost a name there.
    Below(HashSet<Inode>, Vec<u8>),
}

impl Target {
    /// Whether a file is meant.
    pub fn is(&self, file: &OpenFile) -> bool {
        let local = || file.socket.as_ref().and_then(|socket| socket.local.as_deref());
        match self {
            Self::Read => file.inode.is_some(),
            Self::Port { kinds, address, port } => {
                kinds.contains(&file.kind.as_str())
                    && local().is_some_and(|local| has_port(local, *address, *port))
            }
            Self::Unix(name) => file.kind.as_str() == "unix" && local() == Some(name),
            Self::Bound(inode, name) => {
                file.kind.as_str() == "unix" && is_bound(file, *inode, local() == Some(name))
            }
            Self::Below(inodes, folder) => {
                let lost =
                    |name: &[u8]| name.strip_prefix(&folder[..]).is_some_and(|rest| rest.starts_with(b"/"));
                file.inode.is_some_and(|inode| inodes.contains(&inode))
                    || (file.deleted && file.name.as_deref().is_ok_and(lost))
            }
            Self::Lost(path) => file.deleted && file.name.as_ref().is_ok_and(|name| name == path),
        }
    }
}

/// Whether a local address has the port, and where that is asked for the address: what is bound to all
/// addresses has that one, too.
fn has_port(local: &[u8], address: Option<IpAddr>, port: u16) -> bool {
    let Some(local) = std::str::from_utf8(local).ok().and_then(|text| text.parse::<SocketAddr>().ok()) else {
        return false;
    };
    let own = local.ip().to_canonical();
    local.port() == port
        && address.is_none_or(|address| {
            let wanted = address.to_canonical();
            own == wanted || (own.is_unspecified() && (own.is_ipv6() || wanted.is_ipv4()))
        })
}

/// The kernel tells the lower 32 bits of the file's inode number, and a device that on some filesystems is
/// not the one that stat(2) gives: then the name has to be the same.
fn is_bound(file: &OpenFile, inode: Inode, is_name: bool) -> bool {
    use crate::model::Fact;
    let fact = |name: &str| Fact::named(&file.socket.as_ref()?.facts, name);
    match (fact("bound_ino"), fact("bound_dev")) {
        (Some(Fact::Number(ino)), Some(dev)) => {
            let (major, minor) = inode.dev;
            *ino == inode.ino & 0xffff_ffff && (is_name || *dev == Fact::text(format!("{major}:{minor}")))
        }
        // The list that tells no files.
        _ => is_name,
    }
}

/// Where a holder has its descriptor from.
#[derive(Debug, Clone, Copy)]
pub enum Origin<'a> {
    /// No process above it that can be seen has it.
    Own,
    /// The nearest process above it that has the same open file description, with the number there. So it
    /// came by fork(2), or was passed on before one.
    Inherited(&'a Process, i32),
    /// A process above it has the same file open; whether by the same open file description is not proven.
    Unproven(&'a Process, i32),
}

/// The origins of holders.
#[derive(Debug)]
pub struct Origins<'a> {
    processes: HashMap<i32, &'a Process>,
    /// The holders' descriptors, by process.
    held: HashMap<ProcessId, Vec<(i32, &'a OpenFile, FileId)>>,
}

impl<'a> Origins<'a> {
    /// Of these holders, among all processes of the snapshot.
    pub fn new(known: &Known<'a>, holders: &[Entry<'a>]) -> Self {
        let all = known.snapshot.processes.iter().filter(|process| process.leader.is_none());
        let mut held: HashMap<ProcessId, Vec<_>> = HashMap::new();
        for entry in holders {
            if let Some(descriptor) = entry.descriptor {
                let place = (descriptor.fd, entry.file, descriptor.file);
                held.entry(entry.process.id).or_default().push(place);
            }
        }
        Self { processes: all.map(|process| (process.id.pid, process)).collect(), held }
    }

    /// Where a holder has its descriptor from.
    pub fn of(&self, holder: &Entry<'a>) -> Origin<'a> {
        let Some(descriptor) = holder.descriptor else { return Origin::Own };
        let mut unproven = None;
        let mut pid = holder.process.leader.map_or(holder.process.ppid, |leader| leader.pid);
        // As many steps as there are processes: a pid that was given again may close a circle.
        for _ in 0..self.processes.len() {
            let Some(above) = self.processes.get(&pid) else { break };
            for (fd, file, id) in self.held.get(&above.id).into_iter().flatten() {
                // What was not compared with those above it could be none of them.
                let failed = [file, holder.file]
                    .iter()
                    .any(|file| matches!(file.more.identity, Identity::Unproven(_)));
                if !failed && *id == descriptor.file {
                    return Origin::Inherited(above, *fd);
                }
                if failed && file.inode == holder.file.inode && unproven.is_none() {
                    unproven = Some(Origin::Unproven(above, *fd));
                }
            }
            pid = above.ppid;
        }
        unproven.unwrap_or(Origin::Own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_bound_to_every_address_has_each() {
        let v4 = Some("127.0.0.1".parse().unwrap());
        let v6 = Some("::1".parse().unwrap());
        for (local, address, has) in [
            ("127.0.0.1:80", None, true),
            ("127.0.0.1:81", None, false),
            ("127.0.0.1:80", v4, true),
            ("127.0.0.2:80", v4, false),
            ("0.0.0.0:80", v4, true),
            ("[::]:80", v4, true),
            ("[::ffff:127.0.0.1]:80", v4, true),
            ("0.0.0.0:80", v6, false),
            ("[::]:80", v6, true),
            ("[::1]:80", v6, true),
            ("/run/x", None, false),
        ] {
            assert_eq!(has_port(local.as_bytes(), address, 80), has, "{local} {address:?}");
        }
    }
}
