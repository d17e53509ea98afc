//! What a network namespace has of its own: the addresses and names of its interfaces, by rtnetlink(7),
//! or else from tables under `/proc/net`.

use super::diag_inet::text;
use super::netlink::{Netlink, array_at, attributes, u32_at};
use super::proc_dir::ProcDir;
use super::socket_rows::NetRow;
use super::{Errno, Failure, Read};
use nix::sys::socket::SockProtocol;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Asks in the namespace of the calling thread.
pub fn by_netlink() -> Read<NetRow> {
    let mut netlink = Netlink::open(SockProtocol::NetlinkRoute)?;
    // `struct ifaddrmsg` and `struct ifinfomsg`, empty for all.
    let addresses = netlink.dump(libc::RTM_GETADDR, &[0; 8], |message, addresses| {
        addresses.extend(address(message));
        Some(())
    })?;
    let interfaces = netlink.dump(libc::RTM_GETLINK, &[0; 16], |message, interfaces| {
        interfaces.push(interface(message)?);
        Some(())
    })?;
    Ok(row(addresses.into_iter(), interfaces))
}

fn row(addresses: impl Iterator<Item = IpAddr>, interfaces: Vec<(u32, String)>) -> NetRow {
    let mut row = NetRow { addresses: addresses.collect(), interfaces: interfaces.into_iter().collect() };
    row.addresses.sort_unstable();
    row.addresses.dedup();
    row
}

/// The address in a `struct ifaddrmsg`. Where the interface has a peer, IFA_ADDRESS is the peer's and
/// IFA_LOCAL its own; of IPv6 without a peer there is only the former (`net/ipv6/addrconf.c`,
/// `inet6_fill_ifaddr`).
fn address(message: &[u8]) -> Option<IpAddr> {
    let find = |kind| attributes(message.get(8..)?).find(|(found, _)| *found == kind);
    let (_, bytes) = find(libc::IFA_LOCAL).or_else(|| find(libc::IFA_ADDRESS))?;
    match bytes.len() {
        4 => array_at::<4>(bytes, 0).map(IpAddr::from),
        16 => array_at::<16>(bytes, 0).map(IpAddr::from),
        _ => None,
    }
}

/// The index and the name in a `struct ifinfomsg`.
fn interface(message: &[u8]) -> Option<(u32, String)> {
    let index = u32_at(message, 4)?;
    let (_, name) = attributes(message.get(16..)?).find(|(kind, _)| *kind == libc::IFLA_IFNAME)?;
    Some((index, text(name)))
}

/// Reads it of a process, without entering. The names of interfaces are then only those that have an
/// address of IPv6 or are in a multicast group of IPv4, as all that are up are.
pub fn by_proc(dir: &mut ProcDir) -> Read<NetRow> {
    let mut table = |file: &str| {
        dir.of_any_thread(|dir, task| {
            let text = dir.read(&format!("{task}net/{file}"))?;
            String::from_utf8(text.to_vec()).map_err(|_| Failure::new("read", Errno::EBADMSG))
        })
    };
    let mut addresses = fib_trie(&table("fib_trie")?);
    let mut interfaces = Vec::new();
    for (file, parse) in [("igmp", igmp as fn(&str, &mut Vec<_>, &mut Vec<_>)), ("if_inet6", if_inet6)] {
        match table(file) {
            Ok(text) => parse(&text, &mut addresses, &mut interfaces),
            // A kernel without multicast, or without IPv6.
            Err(Failure { call: "openat", errno: Errno::ENOENT }) => {}
            Err(failure) => return Err(failure),
        }
    }
    dir.still_lives()?;
    Ok(row(addresses.into_iter(), interfaces))
}

/// `/proc/net/fib_trie`: the routing tables as a tree. Below `|-- 192.0.2.2` stands `/32 host LOCAL`
/// where that is an own address (`net/ipv4/fib_trie.c`, `fib_trie_seq_show`).
fn fib_trie(text: &str) -> Vec<IpAddr> {
    let mut addresses = Vec::new();
    let mut leaf: Option<Ipv4Addr> = None;
    for line in text.lines() {
        let line = line.trim_start();
        if let Some(address) = line.strip_prefix("|-- ") {
            leaf = address.trim_end().parse().ok();
        } else if line.starts_with("/32 host LOCAL") {
            addresses.extend(leaf.map(IpAddr::V4));
        }
    }
    addresses
}

/// `/proc/net/if_inet6`: address, index, length of the prefix, scope, flags, all in hexadecimal, and the
/// interface's name (`net/ipv6/addrconf.c`, `if6_seq_show`).
fn if_inet6(text: &str, addresses: &mut Vec<IpAddr>, interfaces: &mut Vec<(u32, String)>) {
    for line in text.lines() {
        let fields: Vec<_> = line.split_ascii_whitespace().collect();
        if let [address, index, .., name] = *fields {
            let address = u128::from_str_radix(address, 16).ok();
            addresses.extend(address.map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))));
            interfaces.extend(u32::from_str_radix(index, 16).ok().map(|index| (index, name.to_owned())));
        }
    }
}

/// `/proc/net/igmp`: of each interface `4 eth0 : 1 V3`, and its groups below, indented
/// (`net/ipv4/igmp.c`, `igmp_mc_seq_show`).
fn igmp(text: &str, _: &mut Vec<IpAddr>, interfaces: &mut Vec<(u32, String)>) {
    for line in text.lines().skip(1).filter(|line| !line.starts_with('\t')) {
        let mut fields = line.split_ascii_whitespace();
        let index = fields.next().and_then(|index| index.parse().ok());
        interfaces.extend(index.zip(fields.next().map(|name| name.trim_end_matches(':').to_owned())));
    }
}

#[cfg(test)]
mod tests {
    use super::super::netlink::tests::attribute;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..120), text: String) {
            let _ = address(&bytes);
            let _ = interface(&bytes);
            let _ = fib_trie(&text);
            if_inet6(&text, &mut Vec::new(), &mut Vec::new());
            igmp(&text, &mut Vec::new(), &mut Vec::new());
        }

        #[test]
        fn given_back(ip: [u8; 16], v4: bool, peer: bool, index: u32, name in "[a-z0-9.]{1,15}") {
            let ip = if v4 { &ip[..4] } else { &ip };
            let mut bytes = vec![0; 8];
            if peer {
                bytes.extend(attribute(libc::IFA_ADDRESS, &vec![9; ip.len()]));
                bytes.extend(attribute(libc::IFA_LOCAL, ip));
            } else {
                bytes.extend(attribute(libc::IFA_ADDRESS, ip));
            }
            let octets = match address(&bytes) {
                Some(IpAddr::V4(found)) => found.octets().to_vec(),
                Some(IpAddr::V6(found)) => found.octets().to_vec(),
                None => Vec::new(),
            };
            prop_assert_eq!(octets, ip);
            let mut bytes = [vec![0; 4], index.to_ne_bytes().to_vec(), vec![0; 8]].concat();
            bytes.extend(attribute(libc::IFLA_IFNAME, format!("{name}\0").as_bytes()));
            prop_assert_eq!(interface(&bytes), Some((index, name)));
        }
    }

    #[test]
    fn tables_are_read() {
        let trie = "Main:\n  +-- 127.0.0.0/8 2 0 2\n        |-- 127.0.0.0\n           /8 host LOCAL\n        |-- 127.0.0.1\n           /32 host LOCAL\n     |-- 192.0.2.255\n        /32 link BROADCAST\n";
        assert_eq!(fib_trie(trie), [IpAddr::from([127, 0, 0, 1])]);
        let (mut addresses, mut interfaces) = (Vec::new(), Vec::new());
        let inet6 = "fe8000000000000000fc00fffe000001 0a 40 20 80     eth0\n";
        if_inet6(inet6, &mut addresses, &mut interfaces);
        igmp(
            "Idx\tDevice    : Count Querier\n1\tlo        :     1      V3\n\t\t\t\t010000E0     1 0:0\n",
            &mut addresses,
            &mut interfaces,
        );
        assert_eq!(addresses, ["fe80::fc:ff:fe00:1".parse::<IpAddr>().unwrap()]);
        assert_eq!(interfaces, [(10, "eth0".to_owned()), (1, "lo".to_owned())]);
    }

    #[test]
    fn both_ways_agree_of_this_machine() {
        let netlink = by_netlink().unwrap();
        let proc = by_proc(&mut ProcDir::of_this_thread().unwrap()).unwrap();
        assert_eq!(netlink.addresses, proc.addresses);
        for (index, name) in &proc.interfaces {
            assert_eq!(netlink.interfaces.get(index), Some(name));
        }
    }
}
