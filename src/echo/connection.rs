//! One client: what was read of it and could not yet be written back.
//!
//! A state machine without a socket. It reads only when nothing is left to write, so that a client that
//! sends and never reads fills the kernel's queues and then waits itself, and costs no more memory than one
//! buffer. The end of what the client sends is an end only once everything went back: a client may shut
//! its writing side down and still read.

use crate::kernel::Errno;

/// What carries bytes both ways without waiting.
pub trait Wire {
    /// read(2): how many bytes came, 0 at their end, EAGAIN where there are none now.
    fn read(&mut self, into: &mut [u8]) -> Result<usize, Errno>;
    /// write(2): how many bytes it took, EAGAIN where it takes none now.
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Errno>;
}

/// What a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// That the client sends something.
    Read,
    /// That the client takes what is left for it.
    Write,
    /// Nothing any more: all was sent back.
    Close,
}

/// The state of one client.
#[derive(Debug, Default)]
pub struct Connection {
    /// What was read and not yet written; most of the time nothing, and no memory.
    pending: Vec<u8>,
    /// How much of that was written since.
    written: usize,
}

impl Connection {
    /// One turn: one write of what is left, or else one read and the write of what it gave. `buffer` is any
    /// room to read into. No connection gets more than that before all others had theirs.
    pub fn turn(&mut self, wire: &mut impl Wire, buffer: &mut [u8]) -> Result<Next, Errno> {
        if !self.pending.is_empty() {
            self.written += some(wire.write(&self.pending[self.written..]))?;
            if self.written < self.pending.len() {
                return Ok(Next::Write);
            }
            *self = Self::default();
            return Ok(Next::Read);
        }
        let length = match wire.read(buffer) {
            Ok(0) => return Ok(Next::Close),
            read => some(read)?,
        };
        if length == 0 {
            return Ok(Next::Read);
        }
        let bytes = &buffer[..length];
        let written = some(wire.write(bytes))?;
        if written == length {
            return Ok(Next::Read);
        }
        self.pending = bytes[written..].to_vec();
        Ok(Next::Write)
    }
}

/// How many bytes went through; none where the call would have had to wait.
fn some(result: Result<usize, Errno>) -> Result<usize, Errno> {
    match result {
        Err(Errno::EAGAIN | Errno::EINTR) => Ok(0),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    /// A client that sends `input` in pieces and takes the echo in pieces: each step allows so many bytes,
    /// 0 is EAGAIN.
    struct Script {
        input: VecDeque<u8>,
        output: Vec<u8>,
        reads: VecDeque<usize>,
        writes: VecDeque<usize>,
        unwritten: usize,
    }

    impl Wire for Script {
        fn read(&mut self, into: &mut [u8]) -> Result<usize, Errno> {
            assert_eq!(self.unwritten, 0, "read while something was left to write");
            let allowed = self.reads.pop_front().unwrap_or(usize::MAX);
            if allowed == 0 {
                return Err(Errno::EAGAIN);
            }
            let length = allowed.min(into.len()).min(self.input.len());
            for (place, byte) in into.iter_mut().zip(self.input.drain(..length)) {
                *place = byte;
            }
            self.unwritten = length;
            Ok(length)
        }

        fn write(&mut self, bytes: &[u8]) -> Result<usize, Errno> {
            assert_eq!(bytes.len(), self.unwritten, "something was dropped or written twice");
            let allowed = self.writes.pop_front().unwrap_or(usize::MAX);
            if allowed == 0 {
                return Err(if self.writes.len().is_multiple_of(2) { Errno::EAGAIN } else { Errno::EINTR });
            }
            let length = allowed.min(bytes.len());
            self.output.extend(&bytes[..length]);
            self.unwritten -= length;
            Ok(length)
        }
    }

    proptest! {
        #[test]
        fn every_byte_goes_back_in_order_and_the_end_comes_last(
            input in proptest::collection::vec(any::<u8>(), 0..300),
            reads in proptest::collection::vec(0..40_usize, 0..40),
            writes in proptest::collection::vec(0..40_usize, 0..40),
            room in 1..50_usize,
        ) {
            let mut script = Script {
                input: input.clone().into(),
                output: Vec::new(),
                reads: reads.into(),
                writes: writes.into(),
                unwritten: 0,
            };
            let (mut connection, mut buffer) = (Connection::default(), vec![0; room]);
            let mut turns = 0;
            loop {
                let next = connection.turn(&mut script, &mut buffer).unwrap();
                prop_assert!(connection.pending.len() <= room);
                prop_assert_eq!(next == Next::Write, script.unwritten > 0);
                if next == Next::Close {
                    break;
                }
                turns += 1;
                prop_assert!(turns < 1000);
            }
            prop_assert_eq!(script.output, input);
        }
    }

    /// A wire that fails.
    struct Broken(Errno);

    impl Wire for Broken {
        fn read(&mut self, into: &mut [u8]) -> Result<usize, Errno> {
            into[0] = 1;
            Ok(1)
        }

        fn write(&mut self, _: &[u8]) -> Result<usize, Errno> {
            Err(self.0)
        }
    }

    #[test]
    fn what_is_broken_is_told() {
        for errno in [Errno::EPIPE, Errno::ECONNRESET, Errno::ETIMEDOUT] {
            assert_eq!(Connection::default().turn(&mut Broken(errno), &mut [0; 8]), Err(errno));
        }
    }
}
