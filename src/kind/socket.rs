//! A socket of any other family or protocol (socket(2)), by the name that the kernel has for it.

use super::{Clue, Description, FileType, Kind, Protocol};
use crate::model::{KindName, Word};

pub const KIND: Kind = Kind {
    name: KindName(&"socket"),
    recognises: |clue| clue.file_type == Some(FileType::Socket),
    describe: |_| Description::default(),
    protocols: &[
        protocol("XDP", "xdp"),
        protocol("ALG", "alg"),
        protocol("KEY", "key"),
        protocol("KCM", "kcm"),
        protocol("SCTP", "inet"),
        protocol("SCTPv6", "inet6"),
        protocol("DCCP", "inet"),
        protocol("DCCPv6", "inet6"),
        protocol("L2TP/IP", "inet"),
        protocol("L2TP/IPv6", "inet6"),
        protocol("SMC", "smc"),
        protocol("SMC6", "smc"),
        protocol("TIPC", "tipc"),
        protocol("CAN_RAW", "can"),
        protocol("CAN_BCM", "can"),
        protocol("CAN_ISOTP", "can"),
        protocol("CAN_J1939", "can"),
        protocol("PPPOE", "pppox"),
        protocol("PPTP", "pppox"),
        protocol("PPPOL2TP", "pppox"),
        protocol("QIPCRTR", "qipcrtr"),
        protocol("MCTP", "mctp"),
        protocol("HCI", "bluetooth"),
        protocol("L2CAP", "bluetooth"),
        protocol("RFCOMM", "bluetooth"),
        protocol("SCO", "bluetooth"),
        protocol("ISO", "bluetooth"),
        protocol("BNEP", "bluetooth"),
        protocol("HIDP", "bluetooth"),
    ],
    sample: Clue {
        link: Some(b"socket:[4711]"),
        file_type: Some(FileType::Socket),
        protocol: Some("XDP"),
        ..Clue::NONE
    },
    ..Kind::BASE
};

const fn protocol(name: &'static str, family: &'static str) -> Protocol {
    Protocol { name, family, kind: None, table: None, state: |_| None }
}

/// The address families of `include/linux/socket.h` by number: their names without AF_, in lower case.
static FAMILIES: [&str; 46] = [
    "unspec",
    "unix",
    "inet",
    "ax25",
    "ipx",
    "appletalk",
    "netrom",
    "bridge",
    "atmpvc",
    "x25",
    "inet6",
    "rose",
    "decnet",
    "netbeui",
    "security",
    "key",
    "netlink",
    "packet",
    "ash",
    "econet",
    "atmsvc",
    "rds",
    "sna",
    "irda",
    "pppox",
    "wanpipe",
    "llc",
    "ib",
    "mpls",
    "can",
    "tipc",
    "bluetooth",
    "iucv",
    "rxrpc",
    "isdn",
    "phonet",
    "ieee802154",
    "caif",
    "alg",
    "nfc",
    "vsock",
    "kcm",
    "qipcrtr",
    "smc",
    "xdp",
    "mctp",
];

/// The name of an address family.
pub fn family_name(number: u16) -> Option<Word> {
    FAMILIES.get(usize::from(number))
}
