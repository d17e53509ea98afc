//! What the lab on sockets is asked for, and what it tells.

use super::{Stage, Tables};
use crate::model::{Failure, Lingering, Snapshot, Step};
use std::ffi::{CStr, CString};
use std::io;
use std::time::Duration;

/// The name that the server takes when it begins.
pub const SERVER: &CStr = c"server";

/// What to show, and how.
#[derive(Debug)]
pub struct EchoPlan<'a> {
    /// The program that plays every part: this one.
    pub program: &'a CStr,
    /// The arguments that make it the server, which takes [`SERVER`] as its name.
    pub server: &'a [CString],
    /// How many clients there are.
    pub clients: usize,
    /// At which moments to read whole tables.
    pub tables: Tables,
    /// Whether to wait for Enter, read from the terminal, at each step.
    pub step: bool,
    /// Whether to keep all standing still when all clients are connected until the person has looked.
    pub hold: bool,
    /// How long nothing may happen.
    pub timeout: Duration,
}

/// A moment at which everybody stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scene {
    /// The server listens.
    Listening,
    /// A client is connected, and the server has not called accept yet.
    Waiting,
    /// The server has accepted the connection of this client, counted from 1.
    Accepted {
        /// Which.
        client: usize,
    },
    /// All clients are connected.
    Connected,
    /// Each has got its message back.
    Echoed,
    /// A client has shut its writing side down, and the server has not read that yet.
    HalfClosed,
    /// All have ended, and the kernel remembers their connections for a while.
    Closed,
    /// A server has ended, and its child has inherited the listening socket.
    Kept,
}

/// What the driver tells, as it happens.
#[derive(Debug)]
pub enum EchoMoment<'a> {
    /// The server is there and is traced.
    Begun,
    /// A system call has returned.
    Step(&'a Step),
    /// What there is to see at a moment.
    Scene {
        /// Which.
        scene: Scene,
        /// The tables of those whom it is about.
        snapshot: &'a Snapshot,
        /// At [`Scene::Closed`]: the connections that are in TIME_WAIT.
        lingering: Option<&'a Result<Vec<Lingering>, Failure>>,
    },
    /// All are held until the person has looked.
    Held {
        /// Everybody.
        stages: &'a [Stage],
    },
    /// The lab itself ends this process by a signal.
    Ends {
        /// Its name.
        name: &'a str,
        /// Its pid.
        pid: i32,
    },
}

/// What the driver tells is told to this.
pub type TellEcho<'a> = dyn FnMut(EchoMoment<'_>) -> io::Result<()> + 'a;
