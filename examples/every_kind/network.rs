//! A network namespace of this process's own.

use crate::Outcome;
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};
use std::fs;
use std::os::fd::AsRawFd as _;

/// Enters a new namespace, where the loopback interface is up and every group may use ping sockets.
pub fn enter_a_new_one() -> Outcome<()> {
    unshare(CloneFlags::CLONE_NEWNET)?;
    raise_loopback()?;
    // A new namespace allows it to no group at all.
    fs::write("/proc/sys/net/ipv4/ping_group_range", "0 2147483647")?;
    Ok(())
}

/// Sends RTM_NEWLINK for interface 1 with IFF_UP, and waits for the kernel's word that it is done
/// (netlink(7), rtnetlink(7)). The address 127.0.0.1 and ::1 come with it.
fn raise_loopback() -> Outcome<()> {
    const RTM_NEWLINK: u16 = 16;
    const NLM_F_REQUEST_ACK: u16 = 1 | 4;
    const IFF_UP: u32 = 1;
    let mut message = Vec::new();
    message.extend(32_u32.to_ne_bytes());
    message.extend(RTM_NEWLINK.to_ne_bytes());
    message.extend(NLM_F_REQUEST_ACK.to_ne_bytes());
    // Sequence number and port.
    message.extend([0; 8]);
    // Family and type of device.
    message.extend([0; 4]);
    // The index, the flags and which of them to change.
    message.extend(1_u32.to_ne_bytes());
    message.extend(IFF_UP.to_ne_bytes());
    message.extend(IFF_UP.to_ne_bytes());
    let flags = SockFlag::SOCK_CLOEXEC;
    let kernel = socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkRoute)?;
    send(kernel.as_raw_fd(), &message, MsgFlags::empty())?;
    let mut answer = [0; 512];
    recv(kernel.as_raw_fd(), &mut answer, MsgFlags::empty())?;
    let error = i32::from_ne_bytes(answer[16..20].try_into()?);
    if error != 0 {
        return Err(std::io::Error::from_raw_os_error(-error).into());
    }
    Ok(())
}
