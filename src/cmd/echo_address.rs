//! Addresses as a person gives them to the echo server and its client, and why one cannot be had.

use super::Fatal;
use crate::collect::{Need, Request, Which, collect};
use crate::echo::{Address, AddressFault, Fault, is_other_file};
use crate::kernel::serving::first_unprivileged_port;
use crate::kernel::{Errno, Live, Netns, Source};
use crate::model::{Snapshot, Socket};
use crate::view::escape;
use crate::view::lang::{self, Lang};
use std::net::SocketAddr;
use std::num::NonZero;

/// How many holders of an address are named.
const NAMED: usize = 5;

/// Reads an address with a port.
pub fn inet(text: &str, language: Lang) -> Result<Address, Fatal> {
    Address::inet(text).map_err(|fault| {
        let text = escape::show(text.as_bytes());
        Fatal::Message(match fault {
            AddressFault::NoPort => lang::echo_no_port(language, &text),
            AddressFault::Port => lang::echo_bad_port(language, &text),
            AddressFault::Host => lang::echo_bad_host(language, &text),
        })
    })
}

/// Says what failed, and where it can be known, because of whom and what would help.
pub fn explain(fault: &Fault, udp: bool, language: Lang) -> Fatal {
    let text = escape::show(fault.to_string().as_bytes());
    let Some(address) = fault.address.as_ref().filter(|_| matches!(fault.failure.call, "bind" | "listen"))
    else {
        return Fatal::Message(text);
    };
    Fatal::Message(match fault.failure.errno {
        Errno::EADDRINUSE => in_use(address, udp, &text, language),
        Errno::EADDRNOTAVAIL => lang::echo_not_ours(language, &text),
        Errno::EACCES => match (address.port(), first_unprivileged_port()) {
            (Some(port), first) if port < first => lang::echo_privileged(language, &text, first),
            _ => text,
        },
        _ => text,
    })
}

/// Who has the address: all tables are looked through for its socket.
fn in_use(address: &Address, udp: bool, fault: &str, language: Lang) -> String {
    let source = Live::new();
    let need = Need { sockets: true, ..Need::NAMES };
    let snapshot = collect(&source, &Request::new(Which::All, need));
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    let netns = source.net_namespace(Netns::OfProcess(own)).ok();
    let holders = holders(&snapshot, |socket| {
        // The same address in another namespace is another one.
        socket.netns.map(NonZero::get) == netns && takes(socket, address, udp)
    });
    if holders.is_empty() {
        return match address {
            Address::Path(path) if is_other_file(path) => lang::echo_no_socket(language, fault),
            _ if snapshot.coverage.unreadable.is_empty() => lang::echo_holder_nobody(language, fault),
            _ => lang::echo_holder_hidden(language, fault),
        };
    }
    let mut named = holders[..holders.len().min(NAMED)].join(", ");
    if holders.len() > NAMED {
        named = format!("{named}, {}", lang::and_more(language, holders.len() - NAMED));
    }
    lang::echo_held_by(language, fault, &named)
}

/// The descriptors of the sockets meant, as `nginx[4711] fd 6`.
fn holders(snapshot: &Snapshot, is_meant: impl Fn(&Socket) -> bool) -> Vec<String> {
    let holds = snapshot.descriptors().filter(|(_, descriptor)| {
        let file = snapshot.file(descriptor);
        file.socket.as_deref().is_some_and(&is_meant)
    });
    holds
        .map(|(process, descriptor)| {
            format!("{}[{}] fd {}", escape::show(&process.comm), process.id.pid, descriptor.fd)
        })
        .collect()
}

/// Whether a socket keeps others from an address: it has that one, or its port at every address.
fn takes(socket: &Socket, wanted: &Address, udp: bool) -> bool {
    let Some(local) = socket.local.as_deref() else { return false };
    let Address::Inet(wanted) = wanted else {
        // An accepted socket has the name of the one that listens.
        let accepted = socket.state == Some(&"CONNECTED");
        return socket.family == Some(&"unix") && !accepted && local == wanted.to_string().as_bytes();
    };
    let is_protocol = if udp {
        socket.protocol.starts_with("UDP") && !socket.protocol.starts_with("UDPLITE")
    } else {
        // A connection has its listening socket's address too, and keeps nobody from it.
        (socket.protocol.starts_with("TCP") || socket.protocol.starts_with("MPTCP"))
            && (socket.listens() || socket.remote.is_none())
    };
    let local = std::str::from_utf8(local).ok().and_then(|text| text.parse::<SocketAddr>().ok());
    is_protocol
        && local.is_some_and(|local| {
            let same = local.ip().to_canonical() == wanted.ip().to_canonical();
            // Where one of both is every address of IPv6, it may be every one of IPv4 as well.
            let every = local.ip().is_unspecified() || wanted.ip().is_unspecified();
            let families = local.is_ipv4() == wanted.is_ipv4() || local.is_ipv6();
            local.port() == wanted.port() && (same || (every && families))
        })
}
