//! The loop of the models in which each client is somebody else's: waits at the listening sockets and hands
//! over whoever arrives.
//!
//! It waits with ppoll(2), which needs no descriptor, and with the signals open: also the end of a child or
//! thread is one.

use super::GRACE;
use super::door::Door;
use crate::kernel::interrupt::Interrupts;
use crate::kernel::{Errno, Failure, Read};
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::socket::SockFlag;
use nix::sys::time::TimeSpec;
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::Instant;

/// Those who serve.
pub trait Servants {
    /// Hands a client over; gives it back where nobody could be made to serve it.
    fn take(&mut self, client: OwnedFd, door: &mut Door<'_>) -> Result<(), (OwnedFd, Failure)>;
    /// How many clients are served now.
    fn count(&self) -> usize;
    /// Takes note of those who have ended, and says whether there were any.
    fn reap(&mut self) -> bool;
    /// Has all of them come to an end, with what they have received.
    fn hang_up(&self);
}

/// The most bytes of a datagram.
const ROOM: usize = 1 << 16;

struct Reception<'a, S> {
    door: Door<'a>,
    servants: S,
    /// Let in, and not handed over for want of memory or processes.
    unserved: Option<OwnedFd>,
    buffer: Vec<u8>,
}

pub fn serve<S: Servants>(door: Door<'_>, interrupts: &Interrupts, servants: S) -> Read<()> {
    let mut reception = Reception { door, servants, unserved: None, buffer: vec![0; ROOM] };
    while interrupts.asked() == 0 {
        reception.turn(None, interrupts)?;
    }
    let until = Instant::now() + GRACE;
    reception.door.listeners.clear();
    reception.unserved = None;
    reception.servants.hang_up();
    while reception.servants.count() > 0 && interrupts.asked() < 2 && Instant::now() < until {
        reception.turn(Some(until), interrupts)?;
    }
    Ok(())
}

impl<S: Servants> Reception<'_, S> {
    fn turn(&mut self, until: Option<Instant>, interrupts: &Interrupts) -> Read<()> {
        let open = self.door.is_open(self.servants.count());
        if open && let Some(client) = self.unserved.take() {
            self.hand_over(client);
            return Ok(());
        }
        for index in self.wait(open, until, interrupts)? {
            if let Some(datagrams) = self.door.listeners.get(index).filter(|listener| listener.datagrams) {
                datagrams.answer(&mut self.buffer);
            } else if self.unserved.is_none()
                && self.door.is_open(self.servants.count())
                && let Some(client) = self.door.let_in(index, SockFlag::empty())?
            {
                self.hand_over(client);
            }
        }
        if interrupts.child_ended() && self.servants.reap() {
            self.door.somebody_left();
        }
        Ok(())
    }

    fn hand_over(&mut self, client: OwnedFd) {
        if let Err((client, failure)) = self.servants.take(client, &mut self.door) {
            self.unserved = Some(client);
            self.door.shut(failure);
        }
    }

    /// ppoll(2): the indices of the sockets at which somebody waits. Connections count where the door is
    /// open.
    fn wait(&self, open: bool, until: Option<Instant>, interrupts: &Interrupts) -> Read<Vec<usize>> {
        let looked_at = self.door.listeners.iter().enumerate().filter(|(_, one)| open || one.datagrams);
        let (indices, mut fds): (Vec<usize>, Vec<PollFd<'_>>) =
            looked_at.map(|(index, one)| (index, PollFd::new(one.as_fd(), PollFlags::POLLIN))).unzip();
        let wake = [until, self.door.opens_at()].into_iter().flatten().min();
        let timeout = wake.map(|wake| TimeSpec::from(wake.saturating_duration_since(Instant::now())));
        match ppoll(&mut fds, timeout, Some(*interrupts.open())) {
            Ok(_) => {}
            Err(Errno::EINTR) => return Ok(Vec::new()),
            Err(errno) => return Err(Failure::new("ppoll", errno)),
        }
        let ready = indices.iter().zip(&fds).filter(|(_, fd)| fd.any().unwrap_or(false));
        Ok(ready.map(|(index, _)| *index).collect())
    }
}
