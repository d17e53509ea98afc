//! Netlink, netlink(7): a question to the kernel that it answers with a list.
//!
//! What comes is taken apart by slices whose lengths are checked. The numbers are in the machine's byte
//! order.

use super::{Errno, Failure, Read};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recvmsg, sendto, socket,
};
use std::io::IoSliceMut;
use std::os::fd::{AsRawFd, OwnedFd};

/// NLMSG_* and NLM_F_* of `include/uapi/linux/netlink.h`.
const NLMSG_NOOP: u16 = 1;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLMSG_OVERRUN: u16 = 4;
const NLM_F_REQUEST: u16 = 0x001;
const NLM_F_DUMP_INTR: u16 = 0x010;
const NLM_F_DUMP: u16 = 0x300;

/// The length of `struct nlmsghdr`.
const HEADER: usize = 16;

/// The kernel fills at most 32 KiB at a time with an answer, whatever room is given (`net/netlink/
/// af_netlink.c`, `netlink_dump`).
const ROOM: usize = 64 << 10;

/// How often a list is asked for that changes, or is lost, while it is given.
const TRIES: usize = 5;

/// A netlink socket in the network namespace of the thread that opened it.
pub struct Netlink {
    protocol: SockProtocol,
    socket: OwnedFd,
    room: Vec<u8>,
    sequence: u32,
}

impl Netlink {
    /// Opens one, where the calling thread is.
    pub fn open(protocol: SockProtocol) -> Read<Self> {
        Ok(Self { protocol, socket: open(protocol)?, room: vec![0; ROOM], sequence: 0 })
    }

    /// Asks for a list and has `decode` add what each of its messages tells. The whole is asked for again
    /// where the kernel says that it changed meanwhile (NLM_F_DUMP_INTR) or had no memory for a part: EAGAIN
    /// and ENOBUFS tell that it did so every time. EBADMSG says that `decode` could make nothing of a message.
    /// An error that the kernel answers with is a failure of `recvmsg`.
    pub fn dump<T>(
        &mut self,
        message_type: u16,
        body: &[u8],
        mut decode: impl FnMut(&[u8], &mut Vec<T>) -> Option<()>,
    ) -> Read<Vec<T>> {
        let mut failure = Failure::new("recvmsg", Errno::EAGAIN);
        for _ in 0..TRIES {
            self.sequence = self.sequence.wrapping_add(1);
            self.send(message_type, body)?;
            let mut answer = Answer { sequence: self.sequence, interrupted: false, rows: Vec::new() };
            match self.receive(&mut answer, &mut decode) {
                Ok(()) if !answer.interrupted => return Ok(answer.rows),
                Ok(()) => {}
                Err(lost @ Failure { errno: Errno::ENOBUFS, .. }) => {
                    failure = lost;
                    // What is left of that answer may never come, and until it has come this socket
                    // takes no other question.
                    self.socket = open(self.protocol)?;
                }
                Err(failure) => return Err(failure),
            }
        }
        Err(failure)
    }

    fn send(&self, message_type: u16, body: &[u8]) -> Read<()> {
        let message = message(message_type, NLM_F_REQUEST | NLM_F_DUMP, self.sequence, body);
        // Port 0 is the kernel.
        sendto(self.socket.as_raw_fd(), &message, &NetlinkAddr::new(0, 0), MsgFlags::empty())
            .map(drop)
            .map_err(|errno| Failure::new("sendto", errno))
    }

    /// Receives until the answer has ended.
    fn receive<T>(
        &mut self,
        answer: &mut Answer<T>,
        decode: &mut impl FnMut(&[u8], &mut Vec<T>) -> Option<()>,
    ) -> Read<()> {
        loop {
            let mut slices = [IoSliceMut::new(&mut self.room)];
            let socket = self.socket.as_raw_fd();
            let received = match recvmsg::<NetlinkAddr>(socket, &mut slices, None, MsgFlags::empty()) {
                Err(Errno::EINTR) => continue,
                received => received.map_err(|errno| Failure::new("recvmsg", errno))?,
            };
            if received.flags.contains(MsgFlags::MSG_TRUNC) {
                return Err(Failure::new("recvmsg", Errno::EMSGSIZE));
            }
            // Another process may send to this port as well.
            let from_kernel = received.address.is_some_and(|address| address.pid() == 0);
            let length = received.bytes;
            if from_kernel && answer.take(self.room.get(..length).unwrap_or_default(), decode)? {
                return Ok(());
            }
        }
    }
}

fn open(protocol: SockProtocol) -> Read<OwnedFd> {
    socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)
        .map_err(|errno| Failure::new("socket", errno))
}

/// What came so far of the answer to one question.
struct Answer<T> {
    sequence: u32,
    interrupted: bool,
    rows: Vec<T>,
}

impl<T> Answer<T> {
    /// Takes what one call received. Says whether that was the end.
    fn take(
        &mut self,
        mut bytes: &[u8],
        decode: &mut impl FnMut(&[u8], &mut Vec<T>) -> Option<()>,
    ) -> Read<bool> {
        let malformed = Failure::new("recvmsg", Errno::EBADMSG);
        while !bytes.is_empty() {
            let length = u32_at(bytes, 0).and_then(|length| usize::try_from(length).ok()).ok_or(malformed)?;
            let message_type = u16_at(bytes, 4).ok_or(malformed)?;
            let flags = u16_at(bytes, 6).ok_or(malformed)?;
            let sequence = u32_at(bytes, 8).ok_or(malformed)?;
            let payload = bytes.get(HEADER..length).ok_or(malformed)?;
            bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
            // What is left of an earlier question.
            if sequence != self.sequence {
                continue;
            }
            self.interrupted |= flags & NLM_F_DUMP_INTR != 0;
            match message_type {
                NLMSG_NOOP => {}
                NLMSG_OVERRUN => return Err(Failure::new("recvmsg", Errno::ENOBUFS)),
                // Both begin with an error number, negative; 0 is none. An answer may also end with
                // one: so sock_diag(7) says that it has no handler for a protocol.
                NLMSG_ERROR | NLMSG_DONE => {
                    let error = array_at(payload, 0).map_or(0, i32::from_ne_bytes);
                    if error < 0 {
                        return Err(Failure::new("recvmsg", Errno::from_raw(error.saturating_neg())));
                    }
                    return Ok(true);
                }
                _ => decode(payload, &mut self.rows).ok_or(malformed)?,
            }
        }
        Ok(false)
    }
}

/// One message with its header, `struct nlmsghdr`.
pub fn message(message_type: u16, flags: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(HEADER + body.len()).unwrap_or(u32::MAX);
    let mut message = length.to_ne_bytes().to_vec();
    message.extend(message_type.to_ne_bytes());
    message.extend(flags.to_ne_bytes());
    message.extend(sequence.to_ne_bytes());
    message.extend(0u32.to_ne_bytes());
    message.extend(body);
    message
}

/// The attributes in `bytes`, each with its type: `struct nlattr`, whose length counts itself and which
/// stands at a multiple of four bytes. It ends where one is not whole.
pub fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(u16_at(bytes, 0)?);
        // The two bits above are flags: NLA_F_NESTED and NLA_F_NET_BYTEORDER.
        let kind = u16_at(bytes, 2)? & 0x3fff;
        let payload = bytes.get(4..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, payload))
    })
}

/// The `N` bytes at `offset`, where there are as many.
pub fn array_at<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..offset.checked_add(N)?)?.try_into().ok()
}

/// The number of 16 bits at `offset`.
pub fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    array_at(bytes, offset).map(u16::from_ne_bytes)
}

/// The number of 32 bits at `offset`.
pub fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    array_at(bytes, offset).map(u32::from_ne_bytes)
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use proptest::prelude::*;

    /// One attribute, padded.
    pub fn attribute(kind: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = u16::try_from(4 + payload.len()).unwrap().to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(payload);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn answer() -> Answer<Vec<u8>> {
        Answer { sequence: 7, interrupted: false, rows: Vec::new() }
    }

    #[allow(clippy::unnecessary_wraps, reason = "it stands in for what decodes")]
    fn keep(payload: &[u8], rows: &mut Vec<Vec<u8>>) -> Option<()> {
        rows.push(payload.to_vec());
        Some(())
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), kind: u16, flags: u16) {
            let _ = answer().take(&bytes, &mut keep);
            let _ = answer().take(&message(kind, flags, 7, &bytes), &mut keep);
            let _ = attributes(&bytes).count();
        }

        #[test]
        fn messages_and_attributes_are_given_back(kind in 0u16..0x3fff, payload in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut body = attribute(kind, &payload);
            body.extend(attribute(1, b"x"));
            let mut bytes = message(16, 0, 7, &body);
            bytes.extend(message(16, 0, 6, b"another question"));
            bytes.extend(message(NLMSG_DONE, 0, 7, &0i32.to_ne_bytes()));
            let mut answer = answer();
            prop_assert_eq!(answer.take(&bytes, &mut keep), Ok(true));
            prop_assert_eq!(&answer.rows, &vec![body.clone()]);
            let found: Vec<_> = attributes(&body).collect();
            prop_assert_eq!(found, vec![(kind, payload.as_slice()), (1, b"x".as_slice())]);
        }
    }

    #[test]
    fn an_error_is_told_also_at_the_end() {
        for kind in [NLMSG_ERROR, NLMSG_DONE] {
            let bytes = message(kind, 0, 7, &(-libc::ENOENT).to_ne_bytes());
            assert_eq!(answer().take(&bytes, &mut keep), Err(Failure::new("recvmsg", Errno::ENOENT)));
        }
    }

    #[test]
    fn a_list_that_changed_is_known() {
        let mut answer = answer();
        let bytes = message(NLMSG_DONE, NLM_F_DUMP_INTR, 7, &0i32.to_ne_bytes());
        assert_eq!(answer.take(&bytes, &mut keep), Ok(true));
        assert!(answer.interrupted);
    }

    #[test]
    fn what_cannot_be_decoded_is_no_empty_list() {
        let bytes = message(20, 0, 7, b"short");
        let failed = answer().take(&bytes, &mut |_, _| None);
        assert_eq!(failed, Err(Failure::new("recvmsg", Errno::EBADMSG)));
    }
}
