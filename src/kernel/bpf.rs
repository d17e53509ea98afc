//! The names of BPF maps and programs (bpf(2)).

use super::{Errno, Failure, Read};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

/// What bpf(2) numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BpfObject {
    /// A map.
    Map,
    /// A program.
    Prog,
}

/// BPF_PROG_GET_FD_BY_ID, BPF_MAP_GET_FD_BY_ID and BPF_OBJ_GET_INFO_BY_FD of `include/uapi/linux/bpf.h`.
const PROG_GET_FD_BY_ID: i32 = 13;
const MAP_GET_FD_BY_ID: i32 = 14;
const OBJ_GET_INFO_BY_FD: i32 = 15;
/// BPF_F_RDONLY
const RDONLY: u32 = 8;

/// The parts of `union bpf_attr` that these calls read, each a struct of its own. The kernel takes any length and
/// fills the rest with zeroes.
#[repr(C)]
struct ById {
    id: u32,
    next: u32,
    flags: u32,
}

#[repr(C)]
struct Info {
    fd: u32,
    length: u32,
    at: u64,
}

/// BPF_OBJ_NAME_LEN
const NAME: usize = 16;
/// Where the name is in `struct bpf_map_info` and in `struct bpf_prog_info`.
const NAME_OF_MAP: usize = 24;
const NAME_OF_PROG: usize = 64;

/// The name that a program gave to a map or a program; ENODATA where it gave none. Numbers are given in turn, so that
/// one does not come again soon. Fails with EPERM without CAP_SYS_ADMIN.
pub fn name(object: BpfObject, id: u32) -> Read<Vec<u8>> {
    let (command, flags, at) = match object {
        BpfObject::Map => (MAP_GET_FD_BY_ID, RDONLY, NAME_OF_MAP),
        BpfObject::Prog => (PROG_GET_FD_BY_ID, 0, NAME_OF_PROG),
    };
    let fd = bpf(command, &mut ById { id, next: 0, flags })?;
    // SAFETY: the call has just given this descriptor to nobody else.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    // All zeroes: of what else is in it, lengths and addresses of tables, none is asked for.
    let mut info = [0_u8; NAME_OF_PROG + NAME];
    let length = at + NAME;
    let mut attr = Info {
        fd: fd.as_raw_fd().unsigned_abs(),
        length: u32::try_from(length).map_err(|_| Failure::new("bpf", Errno::EINVAL))?,
        at: info.as_mut_ptr() as u64,
    };
    bpf(OBJ_GET_INFO_BY_FD, &mut attr)?;
    let name = info[at..length].split(|&b| b == 0).next().unwrap_or_default();
    if name.is_empty() { Err(Failure::new("bpf", Errno::ENODATA)) } else { Ok(name.to_vec()) }
}

fn bpf<T>(command: i32, attr: &mut T) -> Read<i32> {
    // SAFETY: `attr` is as long as is said and outlives the call; what it points to, if anything, is as long as it
    // says, and its owner waits for this call to end.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_mut(attr), size_of::<T>()) };
    let result = Errno::result(result).map_err(|errno| Failure::new("bpf", errno))?;
    i32::try_from(result).map_err(|_| Failure::new("bpf", Errno::EBADF))
}
