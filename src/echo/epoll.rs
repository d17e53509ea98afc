//! The epoll model: one loop serves all clients.
//!
//! Level-triggered, so that a short read needs no second one to find out that there is no more: a message
//! is an epoll_pwait, a read and a write. One buffer serves all. What a client waits for changes only when
//! it did not take all that was written, and back.

use super::connection::{Connection, Next, Wire};
use super::door::Door;
use super::idle::Idle;
use super::{Changes, GRACE};
use crate::kernel::interrupt::Interrupts;
use crate::kernel::serving::{Epoll, Interest, Ready};
use crate::kernel::{Errno, Read};
use nix::sys::socket::{Shutdown, SockFlag, shutdown};
use nix::unistd::{read, write};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::time::{Duration, Instant};

/// The most bytes that are read at once, and with that the most that are kept for one client.
const ROOM: usize = 1 << 16;

/// How many descriptors one wait may give.
const BATCH: usize = 512;

/// Tokens from here on are listening sockets, those below are clients: the numbers of their descriptors.
const LISTENERS: u64 = 1 << 32;

struct Client {
    fd: OwnedFd,
    connection: Connection,
    next: Next,
}

struct Loop<'a> {
    epoll: Epoll,
    door: Door<'a>,
    changes: Changes,
    idle: Option<Idle>,
    /// By the number of the descriptor, which the kernel keeps small. A word on a client that has left and
    /// whose number was given again is harmless: there is nothing to read then, and that is all.
    clients: Vec<Option<Client>>,
    count: usize,
    /// Whether the listening sockets are looked at.
    watched: bool,
    buffer: Vec<u8>,
}

pub fn serve(door: Door<'_>, interrupts: &Interrupts, changes: Changes, idle: Option<Duration>) -> Read<()> {
    let epoll = Epoll::new(BATCH)?;
    for (token, listener) in (LISTENERS..).zip(&door.listeners) {
        epoll.add(listener, Interest::Readable, token)?;
    }
    let mut all = Loop {
        epoll,
        door,
        changes,
        idle: idle.map(Idle::new),
        clients: Vec::new(),
        count: 0,
        watched: true,
        buffer: vec![0; ROOM],
    };
    while interrupts.asked() == 0 {
        all.turn(None, interrupts)?;
    }
    all.drain(interrupts)
}

impl Loop<'_> {
    /// Waits, and serves all who are ready once.
    fn turn(&mut self, until: Option<Instant>, interrupts: &Interrupts) -> Read<()> {
        self.watch()?;
        let idle = self.idle.as_ref().and_then(Idle::deadline);
        let wake = [until, idle, self.door.opens_at()].into_iter().flatten().min();
        let timeout = wake.map(|wake| wake.saturating_duration_since(Instant::now()));
        let ready = self.epoll.wait(timeout, interrupts)?;
        // One look at the clock does for all that are ready now.
        let now = self.idle.is_some().then(Instant::now);
        for index in 0..ready {
            let Some(Ready { token, .. }) = self.epoll.ready(index) else { break };
            match token.checked_sub(LISTENERS) {
                Some(listener) => self.arrive(usize::try_from(listener).unwrap_or(usize::MAX), now)?,
                None => self.echo(usize::try_from(token).unwrap_or(usize::MAX), now)?,
            }
        }
        while let Some((idle, now)) = self.idle.as_ref().zip(now)
            && let Some(client) = idle.expired(now)
        {
            self.leave(client);
        }
        Ok(())
    }

    /// Looks at the listening sockets, or does not, as the door is now.
    fn watch(&mut self) -> Read<()> {
        let open = self.door.is_open(self.count);
        if open != self.watched {
            self.watched = open;
            let interest = if open { Interest::Readable } else { Interest::Nothing };
            for (token, listener) in (LISTENERS..).zip(&self.door.listeners) {
                if !listener.datagrams {
                    self.epoll.change(listener, interest, token)?;
                }
            }
        }
        Ok(())
    }

    /// Lets a client in, or answers a datagram.
    fn arrive(&mut self, listener: usize, now: Option<Instant>) -> Read<()> {
        if let Some(datagrams) = self.door.listeners.get(listener).filter(|listener| listener.datagrams) {
            datagrams.answer(&mut self.buffer);
            return Ok(());
        }
        // It may have been shut by what came before in the same turn.
        if !self.door.is_open(self.count) {
            return Ok(());
        }
        let Some(fd) = self.door.let_in(listener, SockFlag::SOCK_NONBLOCK)? else { return Ok(()) };
        let number = fd.as_raw_fd().unsigned_abs();
        if let Err(failure) = self.epoll.add(&fd, Interest::Readable, number.into()) {
            // For want of memory, or of watches (epoll(7), max_user_watches): this one cannot be kept.
            self.door.shut(failure);
            return Ok(());
        }
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        if self.clients.len() <= index {
            self.clients.resize_with(index + 1, || None);
        }
        self.clients[index] = Some(Client { fd, connection: Connection::default(), next: Next::Read });
        self.count += 1;
        if let Some((idle, now)) = self.idle.as_mut().zip(now) {
            idle.touch(index, now);
        }
        self.changes.tell();
        Ok(())
    }

    fn echo(&mut self, index: usize, now: Option<Instant>) -> Read<()> {
        let Some(client) = self.clients.get_mut(index).and_then(Option::as_mut) else { return Ok(()) };
        // An error ends this client and no other.
        let next = client.connection.turn(&mut &client.fd, &mut self.buffer).unwrap_or(Next::Close);
        if next == Next::Close {
            self.leave(index);
            return Ok(());
        }
        if next != client.next {
            client.next = next;
            let interest = if next == Next::Read { Interest::Readable } else { Interest::Writable };
            let number = client.fd.as_raw_fd().unsigned_abs();
            self.epoll.change(&client.fd, interest, number.into())?;
        }
        if let Some((idle, now)) = self.idle.as_mut().zip(now) {
            idle.touch(index, now);
        }
        Ok(())
    }

    /// Closes a connection, with which it leaves the epoll instance.
    fn leave(&mut self, index: usize) {
        self.clients[index] = None;
        self.count -= 1;
        if let Some(idle) = &mut self.idle {
            idle.remove(index);
        }
        self.door.somebody_left();
        self.changes.tell();
    }

    fn drain(mut self, interrupts: &Interrupts) -> Read<()> {
        let until = Instant::now() + GRACE;
        self.door.listeners.clear();
        for client in self.clients.iter().flatten() {
            let _ = shutdown(client.fd.as_raw_fd(), Shutdown::Read);
        }
        while self.count > 0 && interrupts.asked() < 2 && Instant::now() < until {
            self.turn(Some(until), interrupts)?;
        }
        Ok(())
    }
}

impl Wire for &OwnedFd {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, Errno> {
        read(*self, into)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, Errno> {
        write(*self, bytes)
    }
}
