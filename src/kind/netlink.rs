//! Messages to and from the kernel (netlink(7)).

use super::{Clue, Description, FileType, Kind, Protocol};
use crate::model::{KindName, Word};

pub const KIND: Kind = Kind {
    name: KindName(&"netlink"),
    recognises: |clue| clue.protocol == Some("NETLINK"),
    describe: |_| Description::default(),
    protocols: &[Protocol { name: "NETLINK", family: "netlink", kind: None, table: Some("netlink"), state }],
    sample: Clue {
        link: Some(b"socket:[4711]"),
        file_type: Some(FileType::Socket),
        protocol: Some("NETLINK"),
        ..Clue::NONE
    },
    ..Kind::BASE
};

/// NETLINK_CONNECTED and NETLINK_UNCONNECTED of `net/netlink/af_netlink.h`.
fn state(number: u8) -> Option<Word> {
    match number {
        0 | 7 => Some(&"UNCONNECTED"),
        1 => Some(&"CONNECTED"),
        _ => None,
    }
}

/// The protocols of `include/uapi/linux/netlink.h`, by number.
const PROTOCOLS: [&str; 23] = [
    "NETLINK_ROUTE",
    "",
    "NETLINK_USERSOCK",
    "NETLINK_FIREWALL",
    "NETLINK_SOCK_DIAG",
    "NETLINK_NFLOG",
    "NETLINK_XFRM",
    "NETLINK_SELINUX",
    "NETLINK_ISCSI",
    "NETLINK_AUDIT",
    "NETLINK_FIB_LOOKUP",
    "NETLINK_CONNECTOR",
    "NETLINK_NETFILTER",
    "NETLINK_IP6_FW",
    "NETLINK_DNRTMSG",
    "NETLINK_KOBJECT_UEVENT",
    "NETLINK_GENERIC",
    "",
    "NETLINK_SCSITRANSPORT",
    "NETLINK_ECRYPTFS",
    "NETLINK_RDMA",
    "NETLINK_CRYPTO",
    "NETLINK_SMC",
];

/// The name of a netlink protocol; of one that has none, its number.
pub fn protocol_name(number: u8) -> String {
    match PROTOCOLS.get(usize::from(number)) {
        Some(&name) if !name.is_empty() => name.to_owned(),
        _ => number.to_string(),
    }
}
