//! Sockets as lsof has them: which of the fields a family has, and how it writes their addresses.

use super::lsof::{device, flags, offset};
use super::lsof_names::escaped;
use crate::model::{Fact, Socket};
use crate::query::Entry;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The fields of a socket from its type on.
pub fn socket(out: &mut dyn Write, entry: &Entry<'_>, utf8: bool) -> io::Result<()> {
    let Some(socket) = &entry.file.socket else { return Ok(()) };
    match entry.file.kind.as_str() {
        "tcp" => inet(out, entry, socket, "TCP", utf8),
        "udp" => inet(out, entry, socket, "UDP", utf8),
        "udplite" => inet(out, entry, socket, "UDPLITE", utf8),
        "raw" if socket.local.is_some() => raw(out, entry, socket),
        // lsof has no word for a ping of IPv6.
        "icmp" if socket.family == Some(&"inet") && fact(socket, "ident").is_some() => {
            raw(out, entry, socket)
        }
        "unix" => local(out, entry, socket, utf8),
        "netlink" if fact(socket, "netlink_protocol").is_some() => netlink(out, entry, socket),
        "packet" if fact(socket, "ether_protocol").is_some() => packet(out, entry, socket),
        _ => other(out, entry, socket, utf8),
    }
}

fn fact<'a>(socket: &'a Socket, name: &str) -> Option<&'a Fact> {
    Fact::named(&socket.facts, name)
}

fn text<'a>(socket: &'a Socket, name: &str) -> Option<&'a str> {
    match fact(socket, name)? {
        Fact::Text(text) => std::str::from_utf8(text).ok(),
        _ => None,
    }
}

/// A type, the flags and, where the family has it there, the inode as a device.
fn head(out: &mut dyn Write, entry: &Entry<'_>, word: &str, inode_is_device: bool) -> io::Result<()> {
    writeln!(out, "t{word}")?;
    flags(out, entry)?;
    if let Some(inode) = entry.file.inode.filter(|_| inode_is_device) {
        writeln!(out, "d{}", inode.ino)?;
    }
    Ok(())
}

fn inode(out: &mut dyn Write, entry: &Entry<'_>) -> io::Result<()> {
    entry.file.inode.map_or(Ok(()), |inode| writeln!(out, "i{}", inode.ino))
}

/// One that is in no list: its protocol is all there is.
fn other(out: &mut dyn Write, entry: &Entry<'_>, socket: &Socket, utf8: bool) -> io::Result<()> {
    head(out, entry, "sock", false)?;
    if let Some(inode) = entry.file.inode {
        writeln!(out, "D{:#x}", device(inode.dev))?;
    }
    offset(out, entry.file)?;
    inode(out, entry)?;
    writeln!(out, "nprotocol: {}", escaped(socket.protocol.as_bytes(), utf8))
}

fn inet(out: &mut dyn Write, entry: &Entry<'_>, socket: &Socket, name: &str, utf8: bool) -> io::Result<()> {
    let parse = |address: &Option<Box<[u8]>>| -> Option<SocketAddr> {
        std::str::from_utf8(address.as_deref()?).ok()?.parse().ok()
    };
    let addresses = match (parse(&socket.local), parse(&socket.remote)) {
        (Some(local), Some(remote)) => format!("{}->{}", address(local), address(remote)),
        (Some(local), None) => address(local),
        (None, Some(remote)) => format!("*:*->{}", address(remote)),
        (None, None) => return other(out, entry, socket, utf8),
    };
    head(out, entry, if socket.family == Some(&"inet6") { "IPv6" } else { "IPv4" }, true)?;
    offset(out, entry.file)?;
    writeln!(out, "P{name}\nn{addresses}")?;
    if let Some(state) = socket.state.filter(|_| name == "TCP") {
        writeln!(out, "TST={state}")?;
    }
    if let Some(queue) = socket.recv_queue {
        writeln!(out, "TQR={queue}")?;
    }
    // One that listens sends nothing itself: the kernel's list has 0 there.
    if let Some(queue) = socket.send_queue.or_else(|| socket.listens().then_some(0)) {
        writeln!(out, "TQS={queue}")?;
    }
    Ok(())
}

/// An address: `*` for any, one of IPv4 in a socket of IPv6 as what it is.
fn address(address: SocketAddr) -> String {
    let host = match address.ip().to_canonical() {
        ip if ip.is_unspecified() => "*".to_owned(),
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{}]", v6(ip)),
    };
    match address.port() {
        0 => format!("{host}:*"),
        port => format!("{host}:{port}"),
    }
}

/// The C library writes the obsolete form of an IPv4 address in one of IPv6 with dots (inet_ntop(3)).
fn v6(ip: Ipv6Addr) -> String {
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => {
            let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
            format!("::{}", Ipv4Addr::new(a, b, c, d))
        }
        _ => ip.to_string(),
    }
}

/// lsof has the words of `/proc/net/raw` and `/proc/net/icmp`: the addresses in hexadecimal as they lie in
/// memory, with the protocol or the identifier in the place of a port. Of ICMP it has no state.
fn raw(out: &mut dyn Write, entry: &Entry<'_>, socket: &Socket) -> io::Result<()> {
    let is_v6 = socket.family == Some(&"inet6");
    let hexadecimal = |address: Option<&Box<[u8]>>| {
        let any = if is_v6 { IpAddr::V6(Ipv6Addr::UNSPECIFIED) } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) };
        let parsed = address.and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
        let octets = match parsed.unwrap_or(any) {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        let (words, _) = octets.as_chunks::<4>();
        let words: Vec<String> =
            words.iter().map(|word| format!("{:08X}", u32::from_ne_bytes(*word))).collect();
        words.concat()
    };
    let is_icmp = entry.file.kind.as_str() == "icmp";
    let word = match (is_icmp, is_v6) {
        (true, _) => "icmp",
        (false, true) => "raw6",
        (false, false) => "raw",
    };
    head(out, entry, word, false)?;
    offset(out, entry.file)?;
    inode(out, entry)?;
    let port = match fact(socket, if is_icmp { "ident" } else { "ip_protocol" }) {
        Some(Fact::Number(number)) => *number,
        _ => 0,
    };
    let (local, remote) = (hexadecimal(socket.local.as_ref()), hexadecimal(socket.remote.as_ref()));
    let state = match socket.state.copied() {
        _ if is_icmp => "",
        Some("ESTABLISHED") => " st=01",
        _ => " st=07",
    };
    writeln!(out, "n{local}:{port:04X}->{remote}:0000{state}")
}

fn local(out: &mut dyn Write, entry: &Entry<'_>, socket: &Socket, utf8: bool) -> io::Result<()> {
    head(out, entry, "unix", false)?;
    offset(out, entry.file)?;
    inode(out, entry)?;
    let mut words = Vec::new();
    // The kernel has an @ for each NUL of an abstract name in its lists.
    let name = socket.local.as_deref().map(|name| {
        let plain: Vec<u8> = name.iter().map(|&byte| if byte == 0 { b'@' } else { byte }).collect();
        escaped(&plain, utf8)
    });
    words.extend(name);
    words.extend(socket.kind.map(|kind| format!("type={}", kind.to_ascii_uppercase())));
    writeln!(out, "n{}", words.join(" "))?;
    socket.state.map_or(Ok(()), |state| writeln!(out, "TST={state}"))
}

fn netlink(out: &mut dyn Write, entry: &Entry<'_>, socket: &Socket) -> io::Result<()> {
    head(out, entry, "netlink", false)?;
    offset(out, entry.file)?;
    inode(out, entry)?;
    let name = text(socket, "netlink_protocol").unwrap_or_default();
    let name = match name.strip_prefix("NETLINK_").unwrap_or(name) {
        // Its name before Linux 3.3.
        "SOCK_DIAG" => "INET_DIAG",
        name => name,
    };
    writeln!(out, "n{name}")
}

fn packet(out: &mut dyn Write, entry: &Entry<'_>, socket: &Socket) -> io::Result<()> {
    head(out, entry, "pack", true)?;
    offset(out, entry.file)?;
    let number = text(socket, "ether_protocol").and_then(|text| text.strip_prefix("0x"));
    if let Some(number) = number.and_then(|digits| u16::from_str_radix(digits, 16).ok()) {
        match ETHERNET.iter().find(|(known, _)| *known == number) {
            Some((_, name)) => writeln!(out, "P{name}")?,
            None => writeln!(out, "P{number}")?,
        }
    }
    let kind = socket.kind.copied().unwrap_or_default().to_ascii_uppercase();
    writeln!(out, "ntype=SOCK_{kind}")
}

/// The protocols of `include/uapi/linux/if_ether.h` that lsof has a word for, which is never longer than seven
/// letters. All others are their number in decimal.
const ETHERNET: [(u16, &str); 50] = [
    (0x0001, "802.3"),
    (0x0002, "AX25"),
    (0x0003, "ALL"),
    (0x0004, "802.2"),
    (0x0005, "SNAP"),
    (0x0006, "DDCMP"),
    (0x0007, "WAN_PPP"),
    (0x0008, "PPP MP"),
    (0x0009, "LCLTALK"),
    (0x0010, "PPPTALK"),
    (0x0011, "802.2"),
    (0x0015, "MOBITEX"),
    (0x0016, "CONTROL"),
    (0x0017, "IRDA"),
    (0x0018, "ECONET"),
    (0x0019, "HDLC"),
    (0x001a, "ARCNET"),
    (0x0060, "LOOP"),
    (0x0200, "PUP"),
    (0x0201, "PUPAT"),
    (0x0800, "IP"),
    (0x0805, "X25"),
    (0x0806, "ARP"),
    (0x08ff, "BPQ"),
    (0x0a00, "I3EPUP"),
    (0x0a01, "I3EPUPA"),
    (0x6000, "DEC"),
    (0x6001, "DNA_DL"),
    (0x6002, "DNA_RC"),
    (0x6003, "DNA_RT"),
    (0x6004, "LAT"),
    (0x6005, "DIAG"),
    (0x6006, "CUST"),
    (0x6007, "SCA"),
    (0x8035, "RARP"),
    (0x809b, "ATALK"),
    (0x80f3, "AARP"),
    (0x8100, "8021Q"),
    (0x8137, "IPX"),
    (0x86dd, "IPV6"),
    (0x8809, "SLOW"),
    (0x883e, "WCCP"),
    (0x8847, "MPLS_UC"),
    (0x8848, "MPLS_MC"),
    (0x884c, "ATMMPOA"),
    (0x8863, "PPP_DIS"),
    (0x8864, "PPP_SES"),
    (0x8884, "ATMFATE"),
    (0x88a2, "AOE"),
    (0x88ca, "TIPC"),
];
