//! One connection of a client: what is sent, and what comes back meanwhile.
//!
//! Both directions are waited for at once. Who first sends all and then reads would wait for ever with a
//! server that waits until it may write: between the two there is room for some hundred kilobytes.

use super::address::Address;
use super::listener::Fault;
use crate::kernel::{Errno, Failure};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    MsgFlags, Shutdown, SockFlag, SockType, SockaddrStorage, connect, getpeername, getsockname, recv, send,
    shutdown, socket,
};
use nix::unistd::read;
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// The most bytes that are read or made at once.
const ROOM: usize = 1 << 16;

/// How long to wait for the answer to a datagram: it may have been lost, and nothing tells.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// Why an exchange did not come to its end.
#[derive(Debug)]
pub enum Broken {
    /// What came back could not be passed on.
    Output(io::Error),
    /// A call failed.
    Fault(Fault),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// What is to be sent.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// What is read from standard input until its end.
    Stdin,
    /// A text, so many times.
    Text(&'a [u8], u64),
}

/// What went, and what came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exchange {
    /// Bytes that the kernel took.
    pub sent: u64,
    /// Bytes that came back.
    pub received: u64,
    /// Whether these were the same.
    pub same: bool,
}

/// Where what comes back goes.
pub type Show<'a> = &'a mut dyn FnMut(&[u8]) -> io::Result<()>;

/// A connected socket.
#[derive(Debug)]
pub struct Link {
    fd: OwnedFd,
    /// Its own address, which the kernel chose.
    pub local: Address,
    /// The server's.
    pub remote: Address,
}

impl Link {
    /// socket(2) and connect(2), which waits until the server's kernel has answered. With `datagrams`
    /// nobody is asked: it only sets where they go, and from where they are taken.
    pub fn open(address: &Address, datagrams: bool) -> Result<Self, Fault> {
        let kind = if datagrams { SockType::Datagram } else { SockType::Stream };
        let fd = socket(address.family(), kind, SockFlag::SOCK_CLOEXEC, None)
            .map_err(Fault::at(address, "socket"))?;
        let raw = address.raw().map_err(Fault::at(address, "connect"))?;
        connect(fd.as_raw_fd(), raw.as_ref()).map_err(Fault::at(address, "connect"))?;
        let local: SockaddrStorage =
            getsockname(fd.as_raw_fd()).map_err(Fault::at(address, "getsockname"))?;
        // One that the server has closed already has none any more.
        let remote = getpeername(fd.as_raw_fd()).map_or_else(|_| address.clone(), |raw| Address::of(&raw));
        Ok(Self { fd, local: Address::of(&local), remote })
    }

    /// The number of its descriptor.
    pub fn number(&self) -> i32 {
        self.fd.as_raw_fd()
    }

    fn fault(&self, call: &'static str) -> impl Fn(Errno) -> Broken {
        let fault = Fault::at(&self.remote, call);
        move |errno| Broken::Fault(fault(errno))
    }

    /// Sends all of `input` and then ends this side, and gives what comes back to `show`, until the server
    /// ends its side.
    pub fn exchange(&self, input: Input<'_>, show: Show<'_>) -> Result<Exchange, Broken> {
        let (mut source, mut buffer) = (Source::new(input), vec![0; ROOM]);
        let (mut went, mut came) = (Account::default(), Account::default());
        loop {
            if source.is_empty() {
                source.refill().map_err(|errno| Broken::Fault(Failure::new("read", errno).into()))?;
                if source.is_over() {
                    // A server that is gone tells so when it is read from.
                    let _ = shutdown(self.fd.as_raw_fd(), Shutdown::Write);
                }
            }
            let (readable, writable) = self.wait(&mut source)?;
            if readable {
                match recv(self.fd.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT) {
                    Ok(0) => break,
                    Ok(length) => {
                        came.add(&buffer[..length]);
                        show(&buffer[..length])?;
                    }
                    Err(Errno::EAGAIN | Errno::EINTR) => {}
                    Err(errno) => return Err(self.fault("recvfrom")(errno)),
                }
            }
            if writable && !source.is_empty() {
                let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
                match send(self.fd.as_raw_fd(), source.bytes(), flags) {
                    Ok(length) => {
                        went.add(&source.bytes()[..length]);
                        source.advance(length);
                    }
                    Err(Errno::EAGAIN | Errno::EINTR) => {}
                    Err(errno) => return Err(self.fault("sendto")(errno)),
                }
            }
        }
        Ok(Exchange { sent: went.bytes, received: came.bytes, same: went == came && source.is_over() })
    }

    /// Waits until the socket can be read, or written where there is something to write, or until there is
    /// more to send.
    fn wait(&self, source: &mut Source<'_>) -> Result<(bool, bool), Broken> {
        let writes = if source.is_empty() { PollFlags::empty() } else { PollFlags::POLLOUT };
        let mut fds = vec![PollFd::new(self.fd.as_fd(), PollFlags::POLLIN | writes)];
        let stdin = io::stdin();
        if source.awaits_stdin() {
            fds.push(PollFd::new(stdin.as_fd(), PollFlags::POLLIN));
        }
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) => {}
            Err(Errno::EINTR) => return Ok((false, false)),
            Err(errno) => return Err(self.fault("poll")(errno)),
        }
        let broken = PollFlags::POLLERR | PollFlags::POLLHUP;
        let any = |index: usize, wanted: PollFlags| {
            fds.get(index).and_then(PollFd::revents).is_some_and(|found| found.intersects(wanted | broken))
        };
        let found = (any(0, PollFlags::POLLIN), any(0, PollFlags::POLLOUT));
        source.ready = any(1, PollFlags::POLLIN | PollFlags::POLLNVAL);
        Ok(found)
    }

    /// Sends a datagram and waits for its echo; whatever comes goes to `show`. Whether it came within
    /// [`PATIENCE`].
    pub fn exchange_datagram(&self, bytes: &[u8], show: Show<'_>) -> Result<bool, Broken> {
        send(self.fd.as_raw_fd(), bytes, MsgFlags::MSG_NOSIGNAL).map_err(self.fault("sendto"))?;
        let (deadline, mut buffer) = (Instant::now() + PATIENCE, vec![0; ROOM]);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            let mut fds = [PollFd::new(self.fd.as_fd(), PollFlags::POLLIN)];
            let time = PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX);
            match poll(&mut fds, time) {
                Ok(0) | Err(Errno::EINTR) => continue,
                Ok(_) => {}
                Err(errno) => return Err(self.fault("poll")(errno)),
            }
            match recv(self.fd.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT) {
                Ok(length) => {
                    show(&buffer[..length])?;
                    // Another one is the late echo of an earlier one.
                    if buffer[..length] == *bytes {
                        return Ok(true);
                    }
                }
                Err(Errno::EAGAIN | Errno::EINTR) => {}
                Err(errno) => return Err(self.fault("recvfrom")(errno)),
            }
        }
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// What is left to send, a piece at a time.
struct Source<'a> {
    input: Input<'a>,
    piece: Vec<u8>,
    sent: usize,
    over: bool,
    /// Whether standard input has something, or has ended.
    ready: bool,
}

impl<'a> Source<'a> {
    fn new(input: Input<'a>) -> Self {
        Self { input, piece: Vec::with_capacity(ROOM), sent: 0, over: false, ready: false }
    }

    fn bytes(&self) -> &[u8] {
        &self.piece[self.sent..]
    }

    fn is_empty(&self) -> bool {
        self.sent == self.piece.len()
    }

    fn is_over(&self) -> bool {
        self.over && self.is_empty()
    }

    fn awaits_stdin(&self) -> bool {
        matches!(self.input, Input::Stdin) && self.is_empty() && !self.over
    }

    fn advance(&mut self, length: usize) {
        self.sent += length;
    }

    /// Takes what there is now, which may be nothing.
    fn refill(&mut self) -> Result<(), Errno> {
        if self.over {
            return Ok(());
        }
        self.piece.clear();
        self.sent = 0;
        match &mut self.input {
            Input::Text(text, times) => {
                while *times > 0 && self.piece.len() < ROOM {
                    self.piece.extend_from_slice(text);
                    *times -= 1;
                }
                self.over = self.piece.is_empty();
            }
            Input::Stdin if std::mem::take(&mut self.ready) => {
                self.piece.resize(ROOM, 0);
                let result = read(io::stdin().as_fd(), &mut self.piece);
                self.piece.truncate(result.unwrap_or(0));
                match result {
                    Ok(length) => self.over = length == 0,
                    // Nothing yet, from one that does not wait.
                    Err(Errno::EAGAIN | Errno::EINTR) => {}
                    Err(errno) => return Err(errno),
                }
            }
            Input::Stdin => {}
        }
        Ok(())
    }
}

/// What went through: how much, and a sum by which two can be compared (FNV-1a).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Account {
    bytes: u64,
    sum: u64,
}

impl Default for Account {
    fn default() -> Self {
        Self { bytes: 0, sum: 0xcbf2_9ce4_8422_2325 }
    }
}

impl Account {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.sum = (self.sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self.bytes += bytes.len() as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_given_so_many_times() {
        for (text, times) in [(&b"ab\n"[..], 50_000), (b"", 3), (b"x", 0), (&[7; 10_000], 30)] {
            let (mut source, mut all) = (Source::new(Input::Text(text, times)), Vec::new());
            while !source.is_over() {
                source.refill().unwrap();
                let half = source.bytes().len().div_ceil(2);
                all.extend_from_slice(&source.bytes()[..half]);
                source.advance(half);
                all.extend_from_slice(source.bytes());
                source.advance(source.bytes().len());
            }
            assert_eq!(all, text.repeat(usize::try_from(times).unwrap()));
        }
    }

    #[test]
    fn accounts_depend_on_every_byte_and_not_on_the_pieces() {
        let mut whole = Account::default();
        whole.add(b"one two");
        let mut pieces = Account::default();
        pieces.add(b"one");
        pieces.add(b" two");
        assert_eq!(whole, pieces);
        let mut other = Account::default();
        other.add(b"one twp");
        assert_ne!(whole, other);
    }
}
