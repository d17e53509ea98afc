//! What the actors of the lab on sockets do besides the server, which is the real one: its clients, a
//! server that leaves a child behind, and the one that wants its port afterwards.
//!
//! Every line here that calls the kernel is one system call, which the driver sees at its return.

use crate::kernel::{Errno, Failure, Read, actor, actor_sockets as sockets};
use std::ffi::{CStr, CString};
use std::net::SocketAddrV4;

/// The name of a client.
pub const CLIENT: &CStr = c"client";
/// The name of a server that forks and ends.
pub const PREDECESSOR: &CStr = c"old-server";
/// The name of the one that comes after it.
pub const SUCCESSOR: &CStr = c"new-server";

/// A part to play.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// Connects, says something, reads it back and ends.
    Client {
        /// The server.
        server: SocketAddrV4,
        /// Its own address, where the kernel is not to choose it.
        from: Option<SocketAddrV4>,
        /// What it says.
        message: String,
    },
    /// Listens, forks without a thought, and ends.
    Predecessor(SocketAddrV4),
    /// Wants to listen at the same address: tries it, and once more.
    Successor(SocketAddrV4),
}

/// The first argument that makes this program play a role of this lab.
const ARGUMENT: &str = "echo-role";

impl Role {
    /// The arguments that make this program play it.
    pub fn argv(&self) -> Vec<CString> {
        let mut words = vec!["ganariya-fd".to_owned(), ARGUMENT.to_owned()];
        match self {
            Self::Client { server, from, message } => {
                words.extend(["client".to_owned(), server.to_string(), message.clone()]);
                words.extend(from.map(|from| from.to_string()));
            }
            Self::Predecessor(address) => words.extend(["old".to_owned(), address.to_string()]),
            Self::Successor(address) => words.extend(["new".to_owned(), address.to_string()]),
        }
        words.into_iter().filter_map(|word| CString::new(word).ok()).collect()
    }

    /// The role that these arguments ask for, where they ask for one.
    pub fn of(arguments: &[&str]) -> Option<Self> {
        let [_, ARGUMENT, rest @ ..] = arguments else { return None };
        match rest {
            ["client", server, message, from @ ..] => Some(Self::Client {
                server: server.parse().ok()?,
                from: from.first().and_then(|from| from.parse().ok()),
                message: (*message).to_owned(),
            }),
            ["old", address] => Some(Self::Predecessor(address.parse().ok()?)),
            ["new", address] => Some(Self::Successor(address.parse().ok()?)),
            _ => None,
        }
    }

    /// Plays it; the exit status is 0.
    pub fn play(&self) -> Read<u8> {
        match self {
            Self::Client { server, from, message } => client(*server, *from, message.as_bytes()),
            Self::Predecessor(address) => predecessor(*address),
            Self::Successor(address) => successor(*address),
        }?;
        Ok(0)
    }
}

fn client(server: SocketAddrV4, from: Option<SocketAddrV4>, message: &[u8]) -> Read<()> {
    actor::take_role(CLIENT)?;
    let socket = sockets::tcp_socket()?;
    if let Some(from) = from {
        // Somebody else may have the port at that address; the kernel then chooses another.
        let _ = sockets::bind(socket, from);
    }
    sockets::connect(socket, server)?;
    actor::write(socket, message)?;
    let mut left = message.len();
    while left > 0 {
        match actor::read(socket, left)? {
            0 => return Err(Failure::new("read", Errno::ECONNRESET)),
            count => left -= count,
        }
    }
    sockets::shut_writing(socket)?;
    actor::read(socket, 1)?;
    actor::close(socket)
}

fn listen_at(address: SocketAddrV4) -> Read<i32> {
    let socket = sockets::tcp_socket()?;
    sockets::reuse_address(socket)?;
    sockets::bind(socket, address)?;
    sockets::listen(socket)?;
    Ok(socket)
}

fn predecessor(address: SocketAddrV4) -> Read<()> {
    actor::take_role(PREDECESSOR)?;
    listen_at(address)?;
    // The child never runs: all that there is to see of it is what it has inherited.
    match actor::fork()? {
        Some(_) => Ok(()),
        None => actor::exit(0),
    }
}

fn successor(address: SocketAddrV4) -> Read<()> {
    actor::take_role(SUCCESSOR)?;
    let socket = sockets::tcp_socket()?;
    sockets::reuse_address(socket)?;
    match sockets::bind(socket, address) {
        Err(Failure { errno: Errno::EADDRINUSE, .. }) => sockets::bind(socket, address)?,
        result => result?,
    }
    sockets::listen(socket)?;
    actor::close(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_what_its_arguments_say() {
        let at = |text: &str| text.parse().unwrap();
        let client = |from| Role::Client { server: at("127.0.0.1:7"), from, message: "a\nb".to_owned() };
        let roles = [
            client(None),
            client(Some(at("127.0.0.2:9"))),
            Role::Predecessor(at("127.0.0.1:7")),
            Role::Successor(at("127.0.0.1:7")),
        ];
        for role in roles {
            let argv = role.argv();
            let words: Vec<_> = argv.iter().map(|word| word.to_str().unwrap()).collect();
            assert_eq!(Role::of(&words), Some(role));
        }
    }
}
