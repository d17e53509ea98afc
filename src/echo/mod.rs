//! A real echo server, and a client that puts one to the test.
//!
//! What a server needs of the kernel is little, and it is to be seen: its calls are what a lesson on
//! descriptors is about. So each step here is the one system call that it takes, and the tables of a
//! server hold its listening sockets, one socket for each client, in the epoll model one epoll instance, and
//! nothing else. Signals are waited for without a descriptor (`kernel::interrupt`).
//!
//! Three models serve the clients, which all bring the same bytes back:
//!
//! | model | who serves a client | calls for a message |
//! |---|---|---|
//! | [`Model::Epoll`] | one loop serves all | epoll_pwait, read, write |
//! | [`Model::Fork`] | a process of its own | read, write |
//! | [`Model::Thread`] | a thread of its own | read, write |
//!
//! Nothing of a client's can harm the others: what it sends is read only when all before went back
//! (`connection`), its errors end it alone, and where descriptors or memory run out those that come wait in
//! the backlog until somebody leaves (`door`).
//!
//! An end that is asked for (SIGINT, SIGTERM, SIGHUP) is a drain: nobody is let in any more, the reading
//! side of each connection is shut down, so that it gives what has come already and then its end, and the
//! server returns when all went back, after [`GRACE`], or when it is asked again.

mod address;
mod blocking;
pub mod client;
mod connection;
mod door;
mod epoll;
mod fork;
mod idle;
pub mod latency;
mod listener;
pub mod load;
mod pattern;
mod thread;
mod waiting;

pub use address::{Address, AddressFault};
pub use listener::{Fault, is_other_file};

use crate::kernel::interrupt::Interrupts;
use crate::kernel::serving::raise_descriptor_limit;
use crate::kernel::{Failure, Read};
use door::Door;
use listener::Listener;
use std::os::fd::OwnedFd;
use std::sync::{Arc, RwLock};
use std::time::Duration;

/// How long clients have to take what is left for them when the server is asked to end.
pub const GRACE: Duration = Duration::from_secs(2);

/// Who serves a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Model {
    /// One loop around epoll(7) serves all.
    #[default]
    Epoll,
    /// A child process for each (fork(2)).
    Fork,
    /// A thread for each (pthreads(7)).
    Thread,
}

/// What a server is to be.
#[derive(Debug, Default)]
pub struct Config {
    /// Where it listens; nowhere means 127.0.0.1 and a port that the kernel chooses.
    pub listen: Vec<Address>,
    /// Whether it serves datagrams at the addresses with a port, instead of connections. They are answered
    /// by the loop that lets clients in, whatever the model.
    pub datagrams: bool,
    /// Who serves a client.
    pub model: Model,
    /// How many clients it has at a time; the others wait in the backlog.
    pub max_clients: Option<usize>,
    /// After how long a client that neither sends nor takes anything is let go.
    pub idle_timeout: Option<Duration>,
    /// The write end of a pipe, O_NONBLOCK: gets a byte at the start, and after each client that came or went. Where it has
    /// no room the byte is left out, since whoever reads has something to read then.
    pub changes: Option<OwnedFd>,
}

/// A server that listens.
#[derive(Debug)]
pub struct Server {
    // Before the signals are given back, paths are removed.
    listeners: Vec<Listener>,
    config: Config,
    interrupts: Interrupts,
}

impl Server {
    /// Listens at all addresses. From here on the signals that ask to end are taken, so it is this thread
    /// that has to call [`Server::run`], and the process's children are all the server's.
    pub fn open(mut config: Config) -> Result<Self, Fault> {
        // Where it cannot be raised, the limit is reached the sooner, and told then.
        let _ = raise_descriptor_limit();
        let interrupts = Interrupts::take()?;
        if config.listen.is_empty() {
            config.listen.push(Address::any_port());
        }
        let open = |address: &Address| Listener::open(address, config.datagrams && address.port().is_some());
        let listeners = config.listen.iter().map(open).collect::<Result<_, _>>()?;
        Ok(Self { listeners, config, interrupts })
    }

    /// Where it listens, with the ports that the kernel chose, in the order in which they were given.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.listeners.iter().map(|listener| &listener.address)
    }

    /// Serves until a signal asks it to end. `exhausted` is told, once a while, what the server lacks to let
    /// further clients in.
    pub fn run(self, exhausted: &mut dyn FnMut(Failure)) -> Read<()> {
        let Self { listeners, config, interrupts } = self;
        let changes = Changes(Arc::new(RwLock::new(config.changes)));
        changes.tell();
        let ending = changes.clone();
        let idle = config.idle_timeout;
        let door = Door::new(listeners, config.max_clients, exhausted);
        let ended = match config.model {
            Model::Epoll => epoll::serve(door, &interrupts, changes, idle),
            Model::Fork => waiting::serve(door, &interrupts, fork::Children::new(idle, changes)),
            Model::Thread => waiting::serve(door, &interrupts, thread::Threads::new(idle, changes)),
        };
        // A thread whose client takes nothing outlives this, and whoever reads the pipe waits for its end.
        ending.close();
        ended
    }
}

/// Where it is told that a client came or went.
#[derive(Debug, Clone)]
struct Changes(Arc<RwLock<Option<OwnedFd>>>);

impl Changes {
    fn tell(&self) {
        if let Ok(Some(fd)) = self.0.read().as_deref() {
            let _ = nix::unistd::write(fd, b"!");
        }
    }

    /// Gives the pipe up, in this process and for all of its threads.
    fn close(&self) {
        if let Ok(mut fd) = self.0.write() {
            *fd = None;
        }
    }
}
