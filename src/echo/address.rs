//! Where a server listens and a client connects: as a person writes it, as the program shows it and as the
//! kernel takes it.

use nix::sys::socket::{AddressFamily, SockaddrLike, SockaddrStorage, UnixAddr};
use std::ffi::OsStr;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

/// An address of a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// Of IPv4 or IPv6, with the port (ip(7), ipv6(7)).
    Inet(SocketAddr),
    /// A path in the file system (unix(7)).
    Path(PathBuf),
    /// A name in the abstract namespace, without its leading NUL (unix(7)).
    Abstract(Vec<u8>),
    /// None: that of a unix socket that was never bound.
    Nameless,
}

/// Why a text is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressFault {
    /// It lacks the port.
    NoPort,
    /// What stands in the place of the port is no number up to 65535.
    Port,
    /// The host is no numeric address and not `localhost`.
    Host,
}

impl Address {
    /// 127.0.0.1, and a port that the kernel is to choose.
    pub fn any_port() -> Self {
        Self::Inet((Ipv4Addr::LOCALHOST, 0).into())
    }

    /// Reads `ADDR:PORT`, `[ADDR]:PORT`, `localhost:PORT`, `:PORT` or `PORT`; without a host it is this
    /// machine's own, 127.0.0.1. Names are not looked up.
    pub fn inet(text: &str) -> Result<Self, AddressFault> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Inet(address));
        }
        if let Ok(port) = text.parse() {
            return Ok(Self::Inet((Ipv4Addr::LOCALHOST, port).into()));
        }
        let (host, port) = match text.rsplit_once(':') {
            // The last part of an IPv6 address is none.
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port),
            _ if is_host(text) => return Err(AddressFault::NoPort),
            _ if text.bytes().all(|byte| byte.is_ascii_digit()) => return Err(AddressFault::Port),
            _ => return Err(AddressFault::Host),
        };
        if !(host.is_empty() || host == "localhost") {
            return Err(if is_host(host) { AddressFault::Port } else { AddressFault::Host });
        }
        let port = port.parse().map_err(|_| AddressFault::Port)?;
        Ok(Self::Inet((Ipv4Addr::LOCALHOST, port).into()))
    }

    /// Reads a path, or `@` and a name of the abstract namespace.
    pub fn unix(text: &OsStr) -> Self {
        match text.as_bytes() {
            [b'@', name @ ..] => Self::Abstract(name.to_vec()),
            _ => Self::Path(text.into()),
        }
    }

    /// Whether other machines can reach it.
    pub fn is_reachable(&self) -> bool {
        matches!(self, Self::Inet(address) if !address.ip().to_canonical().is_loopback())
    }

    /// The port, of those that have one.
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Inet(address) => Some(address.port()),
            _ => None,
        }
    }

    /// As the kernel takes it. ENAMETOOLONG where a unix socket's name has no room.
    pub(super) fn raw(&self) -> nix::Result<Box<dyn SockaddrLike>> {
        Ok(match self {
            Self::Inet(address) => Box::new(SockaddrStorage::from(*address)),
            Self::Path(path) => Box::new(UnixAddr::new(path)?),
            Self::Abstract(name) => Box::new(UnixAddr::new_abstract(name)?),
            Self::Nameless => Box::new(UnixAddr::new_unnamed()),
        })
    }

    /// As the kernel gives it.
    pub(super) fn of(raw: &SockaddrStorage) -> Self {
        if let Some(address) = raw.as_sockaddr_in() {
            return Self::Inet(SocketAddr::V4((*address).into()));
        }
        if let Some(address) = raw.as_sockaddr_in6() {
            return Self::Inet(SocketAddr::V6((*address).into()));
        }
        let Some(address) = raw.as_unix_addr() else { return Self::Nameless };
        match (address.path(), address.as_abstract()) {
            (Some(path), _) => Self::Path(path.into()),
            (_, Some(name)) => Self::Abstract(name.to_vec()),
            _ => Self::Nameless,
        }
    }

    /// Its family, as socket(2) wants it.
    pub(super) fn family(&self) -> AddressFamily {
        match self {
            Self::Inet(SocketAddr::V4(_)) => AddressFamily::Inet,
            Self::Inet(SocketAddr::V6(_)) => AddressFamily::Inet6,
            _ => AddressFamily::Unix,
        }
    }
}

fn is_host(text: &str) -> bool {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    text == "localhost" || bare.parse::<IpAddr>().is_ok()
}

impl fmt::Display for Address {
    /// The form in which the tables show it too: `127.0.0.1:80`, `[::1]:80`, a path, `@name`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(address) => address.fmt(f),
            Self::Path(path) => path.display().fmt(f),
            Self::Abstract(name) => write!(f, "@{}", String::from_utf8_lossy(name)),
            Self::Nameless => f.write_str("-"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> Result<String, AddressFault> {
        Address::inet(text).map(|address| address.to_string())
    }

    #[test]
    fn a_missing_host_is_this_machine() {
        for text in ["7007", ":7007", "localhost:7007", "127.0.0.1:7007"] {
            assert_eq!(shown(text).unwrap(), "127.0.0.1:7007");
        }
        assert_eq!(shown("[::1]:7007").unwrap(), "[::1]:7007");
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (text, fault) in [
            ("127.0.0.1", AddressFault::NoPort),
            ("localhost", AddressFault::NoPort),
            ("::1", AddressFault::NoPort),
            ("[::1]", AddressFault::NoPort),
            ("127.0.0.1:http", AddressFault::Port),
            ("127.0.0.1:", AddressFault::Port),
            (":70000", AddressFault::Port),
            ("[::1]:65536", AddressFault::Port),
            ("example.org:80", AddressFault::Host),
            ("", AddressFault::Port),
            ("70000", AddressFault::Port),
        ] {
            assert_eq!(shown(text), Err(fault), "{text}");
        }
    }

    #[test]
    fn who_can_reach_it() {
        for (text, reachable) in [
            ("127.0.0.1:1", false),
            ("127.9.9.9:1", false),
            ("[::1]:1", false),
            ("[::ffff:127.0.0.1]:1", false),
            ("0.0.0.0:1", true),
            ("[::]:1", true),
            ("192.0.2.1:1", true),
        ] {
            assert_eq!(Address::inet(text).unwrap().is_reachable(), reachable, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_can_be_given(address: SocketAddr) {
            // A label of a flow is nothing that a person writes.
            let address = match address {
                SocketAddr::V6(mut v6) => { v6.set_flowinfo(0); SocketAddr::V6(v6) }
                v4 @ SocketAddr::V4(_) => v4,
            };
            let address = Address::Inet(address);
            prop_assert_eq!(Address::inet(&address.to_string()), Ok(address));
        }

        #[test]
        fn no_text_is_too_odd(text: String) {
            let _ = Address::inet(&text);
        }

        #[test]
        fn the_kernels_form_gives_the_same_address(name in proptest::collection::vec(any::<u8>(), 1..100)) {
            let address = Address::Abstract(name);
            let raw = address.raw().unwrap();
            prop_assert_eq!(raw.family(), Some(AddressFamily::Unix));
        }
    }
}
