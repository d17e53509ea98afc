//! Who is let in, and when nobody is.
//!
//! The kernel says that a listening socket is ready as long as a client waits there. A server that cannot
//! take one, because it has as many as it may or because descriptors or memory ran out, would be woken at
//! once for ever. So it does not look at these sockets until a client has left, or some time has passed: it
//! may be other programs that hold what is lacking. Those who come meanwhile wait in the backlog.

use super::listener::Listener;
use crate::kernel::{Errno, Failure, Read};
use nix::sys::socket::SockFlag;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// How long to wait for what is lacking, where no client leaves.
const PAUSE: Duration = Duration::from_millis(500);

/// How long not to repeat what was said.
const SAID: Duration = Duration::from_secs(60);

/// The listening sockets, and whether to look at them.
pub struct Door<'a> {
    pub listeners: Vec<Listener>,
    max_clients: usize,
    shut_until: Option<Instant>,
    said_at: Option<Instant>,
    exhausted: &'a mut dyn FnMut(Failure),
}

impl<'a> Door<'a> {
    pub fn new(
        listeners: Vec<Listener>,
        max_clients: Option<usize>,
        exhausted: &'a mut dyn FnMut(Failure),
    ) -> Self {
        let max_clients = max_clients.unwrap_or(usize::MAX);
        Self { listeners, max_clients, shut_until: None, said_at: None, exhausted }
    }

    /// Whether to let another client in, where there are so many.
    pub fn is_open(&mut self, clients: usize) -> bool {
        if self.shut_until.is_some_and(|until| Instant::now() >= until) {
            self.shut_until = None;
        }
        clients < self.max_clients && self.shut_until.is_none()
    }

    /// When to look again, where that is not whenever a client leaves.
    pub fn opens_at(&self) -> Option<Instant> {
        self.shut_until
    }

    /// A client has left, and with it what another one needs.
    pub fn somebody_left(&mut self) {
        self.shut_until = None;
    }

    /// Lets nobody in for a while, for want of what `failure` names.
    pub fn shut(&mut self, failure: Failure) {
        let now = Instant::now();
        self.shut_until = Some(now + PAUSE);
        if self.said_at.is_none_or(|at| now >= at + SAID) {
            self.said_at = Some(now);
            (self.exhausted)(failure);
        }
    }

    /// Lets one in who waits at a listening socket, given by its index.
    pub fn let_in(&mut self, listener: usize, flags: SockFlag) -> Read<Option<OwnedFd>> {
        let Some(listener) = self.listeners.get(listener) else { return Ok(None) };
        let errno = match listener.accept(flags) {
            Ok(client) => return Ok(Some(client)),
            Err(errno) => errno,
        };
        match errno {
            Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM | Errno::ENOBUFS => {
                self.shut(Failure::new("accept4", errno));
                Ok(None)
            }
            // Already gone, or failed before anybody took it; accept(2) wants these treated alike.
            Errno::EAGAIN
            | Errno::EINTR
            | Errno::ECONNABORTED
            | Errno::EPROTO
            | Errno::EPERM
            | Errno::ENETDOWN
            | Errno::ENOPROTOOPT
            | Errno::EHOSTDOWN
            | Errno::ENONET
            | Errno::EHOSTUNREACH
            | Errno::EOPNOTSUPP
            | Errno::ENETUNREACH => Ok(None),
            errno => Err(Failure::new("accept4", errno)),
        }
    }
}
