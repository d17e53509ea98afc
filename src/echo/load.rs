//! Many connections at once: each sends its messages one after the other, and every byte that comes back is
//! looked at.

use super::address::Address;
use super::latency::Latencies;
use super::pattern::{LONGEST, Pattern};
use crate::kernel::interrupt::Interrupts;
use crate::kernel::serving::{Epoll, Interest, Ready, raise_descriptor_limit};
use crate::kernel::{Errno, Failure, Read};
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::socket::{SockFlag, SockType, connect, getsockopt, socket, sockopt};
use nix::unistd::{read, write};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::time::{Duration, Instant};

/// How many connections may be on their way: more would overflow what a kernel keeps for those that are not
/// made yet, and it drops these for a second.
const CONNECTING: usize = 256;

/// How long to wait where a unix socket's backlog is full: nothing tells when it no longer is.
const AGAIN: Duration = Duration::from_millis(2);

/// What to do.
#[derive(Debug, Clone)]
pub struct Load {
    /// Where the server listens.
    pub address: Address,
    /// How many connections.
    pub connections: usize,
    /// How many messages each sends.
    pub messages: u64,
    /// How many bytes a message has, at least 1.
    pub bytes: u64,
    /// Whether connections stay open when they are done.
    pub hold: bool,
}

/// Why a connection failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A call failed.
    Call(Failure),
    /// The server ended it before all had come back.
    EndedEarly,
    /// Other bytes came than were sent.
    OtherBytes,
    /// This program was asked to end.
    Interrupted,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// How long it took, from the first connect(2) to the last byte.
    pub time: Duration,
    /// How long each message took, from its first byte's way out to its last one's way in.
    pub latencies: Latencies,
    /// Bytes that came back, and were right.
    pub bytes: u64,
    /// How many connections failed, by cause.
    pub failures: Vec<(Cause, usize)>,
    /// The connections that are held.
    pub held: Held,
}

/// Connections that are open and do nothing.
#[derive(Debug)]
pub struct Held {
    connections: Vec<OwnedFd>,
    interrupts: Interrupts,
}

impl Held {
    /// How many.
    pub fn count(&self) -> usize {
        self.connections.len()
    }

    /// Waits for the end of standard input or a signal that asks to end.
    pub fn wait(self) -> Read<()> {
        let stdin = std::io::stdin();
        let mut buffer = [0; 512];
        while self.interrupts.asked() == 0 {
            let mut fds = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
            match ppoll(&mut fds, None, Some(*self.interrupts.open())) {
                Ok(_) if matches!(read(stdin.as_fd(), &mut buffer), Ok(1..) | Err(Errno::EAGAIN)) => {}
                Ok(_) => break,
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(Failure::new("ppoll", errno)),
            }
        }
        Ok(())
    }
}

struct Peer {
    fd: OwnedFd,
    number: usize,
    connected: bool,
    interest: Interest,
    sent: u64,
    received: u64,
    begun: Instant,
}

struct Loop<'a> {
    load: &'a Load,
    epoll: Epoll,
    pattern: Pattern,
    peers: Vec<Option<Peer>>,
    begun: usize,
    connecting: usize,
    finished: usize,
    outcome: Outcome,
    buffer: Vec<u8>,
}

/// Does it. A connection that fails is no failure of this.
pub fn run(load: &Load) -> Read<Outcome> {
    let _ = raise_descriptor_limit();
    let start = Instant::now();
    let mut all = Loop {
        load,
        epoll: Epoll::new(512)?,
        pattern: Pattern::new(),
        peers: Vec::new(),
        begun: 0,
        connecting: 0,
        finished: 0,
        outcome: Outcome {
            time: Duration::ZERO,
            latencies: Latencies::default(),
            bytes: 0,
            failures: Vec::new(),
            held: Held { connections: Vec::new(), interrupts: Interrupts::take()? },
        },
        buffer: vec![0; LONGEST],
    };
    while all.finished < load.connections {
        if all.outcome.held.interrupts.asked() > 0 {
            for _ in all.finished..load.connections {
                all.fail(Cause::Interrupted);
            }
            break;
        }
        let delay = all.connect();
        if all.finished < load.connections {
            all.turn(delay)?;
        }
    }
    all.outcome.time = start.elapsed();
    Ok(all.outcome)
}

impl Loop<'_> {
    /// Begins as many connections as may be on their way. Where the server has no room for one now, this
    /// gives the time after which to try again.
    fn connect(&mut self) -> Option<Duration> {
        while self.begun < self.load.connections && self.connecting < CONNECTING {
            match self.begin(self.begun) {
                Ok(peer) => {
                    let index = usize::try_from(peer.fd.as_raw_fd()).unwrap_or(0);
                    if self.peers.len() <= index {
                        self.peers.resize_with(index + 1, || None);
                    }
                    self.peers[index] = Some(peer);
                    self.connecting += 1;
                }
                Err(Failure { call: "connect", errno: Errno::EAGAIN }) => return Some(AGAIN),
                Err(failure) => self.fail(Cause::Call(failure)),
            }
            self.begun += 1;
        }
        None
    }

    fn begin(&self, number: usize) -> Read<Peer> {
        let address = &self.load.address;
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let failed = |call| move |errno| Failure::new(call, errno);
        let fd = socket(address.family(), SockType::Stream, flags, None).map_err(failed("socket"))?;
        let raw = address.raw().map_err(failed("connect"))?;
        match connect(fd.as_raw_fd(), raw.as_ref()) {
            Ok(()) | Err(Errno::EINPROGRESS) => {}
            Err(errno) => return Err(Failure::new("connect", errno)),
        }
        // That it can be written says that it is there.
        let interest = Interest::Writable;
        self.epoll.add(&fd, interest, u64::from(fd.as_raw_fd().unsigned_abs()))?;
        Ok(Peer { fd, number, connected: false, interest, sent: 0, received: 0, begun: Instant::now() })
    }

    fn turn(&mut self, timeout: Option<Duration>) -> Read<()> {
        let ready = self.epoll.wait(timeout, &self.outcome.held.interrupts)?;
        for index in 0..ready {
            let Some(ready) = self.epoll.ready(index) else { break };
            let index = usize::try_from(ready.token).unwrap_or(usize::MAX);
            let Some(mut peer) = self.peers.get_mut(index).and_then(Option::take) else { continue };
            match self.step(&mut peer, ready) {
                Ok(false) => self.peers[index] = Some(peer),
                Ok(true) => {
                    self.finished += 1;
                    if self.load.hold {
                        self.epoll.remove(&peer.fd)?;
                        self.outcome.held.connections.push(peer.fd);
                    }
                }
                Err(cause) => {
                    self.connecting -= usize::from(!peer.connected);
                    self.fail(cause);
                }
            }
        }
        Ok(())
    }

    fn fail(&mut self, cause: Cause) {
        self.finished += 1;
        match self.outcome.failures.iter_mut().find(|(other, _)| *other == cause) {
            Some((_, count)) => *count += 1,
            None => self.outcome.failures.push((cause, 1)),
        }
    }

    /// What one connection can do now; whether it is done.
    fn step(&mut self, peer: &mut Peer, ready: Ready) -> Result<bool, Cause> {
        if !peer.connected {
            let error = getsockopt(&peer.fd, sockopt::SocketError).map_err(call("getsockopt"))?;
            if error != 0 {
                return Err(call("connect")(Errno::from_raw(error)));
            }
            peer.connected = true;
            self.connecting -= 1;
            peer.begun = Instant::now();
        }
        if ready.readable && self.receive(peer)? {
            return Ok(true);
        }
        self.send(peer)?;
        let interest =
            if peer.sent < self.end_of_message(peer) { Interest::Both } else { Interest::Readable };
        if interest != peer.interest {
            peer.interest = interest;
            let token = u64::from(peer.fd.as_raw_fd().unsigned_abs());
            self.epoll.change(&peer.fd, interest, token).map_err(Cause::Call)?;
        }
        Ok(false)
    }

    /// The position behind the message that is on its way.
    fn end_of_message(&self, peer: &Peer) -> u64 {
        (peer.received / self.load.bytes + 1) * self.load.bytes
    }

    fn send(&self, peer: &mut Peer) -> Result<(), Cause> {
        let left = self.end_of_message(peer) - peer.sent;
        if left == 0 {
            return Ok(());
        }
        let length = usize::try_from(left).unwrap_or(LONGEST);
        match write(&peer.fd, self.pattern.from(peer.number, peer.sent, length)) {
            Ok(written) => peer.sent += written as u64,
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(errno) => return Err(call("write")(errno)),
        }
        Ok(())
    }

    /// Takes what has come, and says whether it was the last.
    fn receive(&mut self, peer: &mut Peer) -> Result<bool, Cause> {
        let length = match read(&peer.fd, &mut self.buffer) {
            Ok(0) => return Err(Cause::EndedEarly),
            Ok(length) => length,
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(false),
            Err(errno) => return Err(call("read")(errno)),
        };
        let received = peer.received + length as u64;
        let expected = self.pattern.from(peer.number, peer.received, length);
        if received > peer.sent || self.buffer[..length] != *expected {
            return Err(Cause::OtherBytes);
        }
        self.outcome.bytes += length as u64;
        peer.received = received;
        // Never more than one message is on its way, so it has come when a multiple has.
        if received.is_multiple_of(self.load.bytes) {
            let now = Instant::now();
            self.outcome.latencies.add(now - peer.begun);
            peer.begun = now;
        }
        Ok(received == self.load.bytes * self.load.messages)
    }
}

fn call(call: &'static str) -> impl Fn(Errno) -> Cause {
    move |errno| Cause::Call(Failure::new(call, errno))
}
