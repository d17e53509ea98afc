//! What neither a link nor stat nor fdinfo tells of a file, and another call does.
//!
//! None of these calls touches the file itself as a reader or a writer of it would: what is opened is opened
//! as a mere place (O_PATH), or is an object of BPF or a namespace, of which having it open says nothing.

use super::bpf;
use super::lookup::Root;
use super::mounts::{self, Mount};
use super::proc_dir::ProcDir;
use super::statx::statx_at;
use super::{DeviceTables, Errno, Failure, Read, fdinfo};
use nix::fcntl::{OFlag, open};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::Mode;
use nix::unistd::fchdir;
use std::collections::HashMap;
use std::os::fd::{AsFd as _, AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStringExt;

pub use super::bpf::BpfObject;

/// One question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileAsk {
    /// The command (`comm`) of the process that a pidfd refers to, whose pid its fdinfo has.
    CommandOf(i32),
    /// The name of what bpf(2) has this number for. Needs CAP_SYS_ADMIN.
    BpfName(BpfObject, u32),
    /// The path of the file behind a loop device or a partition of one, as sysfs(5) has it.
    BackingFile((u32, u32)),
    /// The path of a file known by its handle (open_by_handle_at(2)), as links in `/proc` have it. Needs
    /// CAP_DAC_READ_SEARCH.
    PathOf(FileHandle),
    /// Where the mount of this number is, below the root of the process.
    MountPoint(u64),
    /// The type of a namespace (ioctl_ns(2)), by the name that it has under `/proc/PID/ns`.
    NamespaceType,
}

/// A file's handle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileHandle {
    /// The device of the filesystem, as mountinfo has it.
    pub dev: (u32, u32),
    /// `handle_type`
    pub form: i32,
    /// `f_handle`
    pub bytes: Vec<u8>,
}

/// Answers questions on one descriptor, in their order.
pub fn answer(devices: &DeviceTables, pid: i32, fd: i32, asks: &[FileAsk]) -> Vec<Read<Vec<u8>>> {
    let mut paths = paths(pid, asks);
    asks.iter()
        .enumerate()
        .map(|(index, ask)| match ask {
            FileAsk::CommandOf(target) => command(pid, fd, *target),
            FileAsk::BpfName(object, id) => bpf::name(*object, *id),
            FileAsk::BackingFile(device) => backing_file(*device),
            FileAsk::PathOf(_) | FileAsk::MountPoint(_) => {
                paths.remove(&index).unwrap_or(Err(Failure::new("open_by_handle_at", Errno::ENOENT)))
            }
            FileAsk::NamespaceType => namespace_type(devices, pid, fd),
        })
        .collect()
}

/// The command of the target of a pidfd. The pid may be another process's by the time that it is looked up: only
/// if the pidfd still has it afterwards it was this one's all the while.
fn command(pid: i32, fd: i32, target: i32) -> Read<Vec<u8>> {
    let comm = ProcDir::open(target)?.stat()?.comm;
    let mut dir = ProcDir::open(pid)?;
    let info = fdinfo::parse(dir.read(&format!("fdinfo/{fd}"))?);
    let line = info.and_then(|info| info.lines.into_iter().find(|(name, _)| name == b"Pid"));
    let still = line.is_some_and(|(_, value)| value == target.to_string().as_bytes());
    if still { Ok(comm) } else { Err(Failure::new("read", Errno::ESRCH)) }
}

fn backing_file((major, minor): (u32, u32)) -> Read<Vec<u8>> {
    // A partition's folder is within its disk's.
    let read = |below: &str| {
        let text = std::fs::read(format!("/sys/dev/block/{major}:{minor}/{below}loop/backing_file"))?;
        Ok(text.strip_suffix(b"\n").map(<[u8]>::to_vec).unwrap_or(text))
    };
    read("").or_else(|_| read("../")).map_err(|error: std::io::Error| {
        Failure::new("open", Errno::from_raw(error.raw_os_error().unwrap_or_default()))
    })
}

/// NS_GET_NSTYPE of `include/uapi/linux/nsfs.h`.
const NS_GET_NSTYPE: libc::Ioctl = 0xb703;

/// The types of `include/uapi/linux/sched.h`, which NS_GET_NSTYPE gives.
const TYPES: [(i32, &str); 8] = [
    (libc::CLONE_NEWNET, "net"),
    (libc::CLONE_NEWNS, "mnt"),
    (libc::CLONE_NEWUTS, "uts"),
    (libc::CLONE_NEWIPC, "ipc"),
    (libc::CLONE_NEWPID, "pid"),
    (libc::CLONE_NEWUSER, "user"),
    (libc::CLONE_NEWCGROUP, "cgroup"),
    (0x80, "time"),
];

fn namespace_type(devices: &DeviceTables, pid: i32, fd: i32) -> Read<Vec<u8>> {
    let failed = |call| move |errno| Failure::new(call, errno);
    // What the number means now may be another file, which must not be opened but as a place.
    let place =
        open(format!("/proc/{pid}/fd/{fd}").as_str(), OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())
            .map_err(failed("open"))?;
    if devices.nsfs != Some(statx_at(place.as_fd(), c"")?.dev) {
        return Err(Failure::new("statx", Errno::ESTALE));
    }
    let itself = format!("/proc/self/fd/{}", place.as_raw_fd());
    let namespace =
        open(itself.as_str(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()).map_err(failed("open"))?;
    // SAFETY: the call takes no argument and gives a number.
    let number = unsafe { libc::ioctl(namespace.as_raw_fd(), NS_GET_NSTYPE) };
    let number = Errno::result(number).map_err(failed("ioctl"))?;
    let name = TYPES.iter().find(|(known, _)| *known == number).map(|(_, name)| name.as_bytes().to_vec());
    name.ok_or(Failure::new("ioctl", Errno::EBADMSG))
}

/// The answers to those of the questions that are about places, by their index.
fn paths(pid: i32, asks: &[FileAsk]) -> HashMap<usize, Read<Vec<u8>>> {
    let is_on_place = |ask: &FileAsk| matches!(ask, FileAsk::PathOf(_) | FileAsk::MountPoint(_));
    if !asks.iter().any(is_on_place) {
        return HashMap::new();
    }
    let found = || {
        let mut dir = ProcDir::open(pid)?;
        let mounts = mounts::parse(dir.read("mountinfo")?);
        let root = Root::of(dir.as_fd())?;
        // A handle is opened relative to a descriptor that is more than a place, or to the working directory.
        // So a thread has a working directory of its own for it, and nothing else sees anything opened.
        std::thread::scope(|scope| {
            let ask = scope.spawn(|| {
                unshare(CloneFlags::CLONE_FS).map_err(|errno| Failure::new("unshare", errno))?;
                Ok(ask_places(&root, &mounts, asks))
            });
            ask.join().unwrap_or(Err(Failure::new("clone", Errno::EAGAIN)))
        })
    };
    match found() {
        Ok(answers) => answers,
        Err(failure) => (0..asks.len()).map(|index| (index, Err(failure))).collect(),
    }
}

fn ask_places(root: &Root, mounts: &[Mount], asks: &[FileAsk]) -> HashMap<usize, Read<Vec<u8>>> {
    let mut here = None;
    let mut by_device: HashMap<(u32, u32), Vec<&Mount>> = HashMap::new();
    for mount in mounts.iter().filter(|mount| mount.is_local()) {
        by_device.entry(mount.dev).or_default().push(mount);
    }
    for mounts in by_device.values_mut() {
        mounts.sort_by_key(|mount| mount.root.len());
        mounts.truncate(TRIES);
    }
    let mut answer = |ask: &FileAsk| match ask {
        FileAsk::PathOf(handle) => Some(path(root, by_device.get(&handle.dev), handle, &mut here)),
        FileAsk::MountPoint(id) => {
            let mount = mounts.iter().find(|mount| mount.id == *id);
            Some(
                mount.map(|mount| mount.point.clone()).ok_or(Failure::new("read (mountinfo)", Errno::ENOENT)),
            )
        }
        _ => None,
    };
    asks.iter().enumerate().filter_map(|(index, ask)| Some((index, answer(ask)?))).collect()
}

/// How many mounts of one filesystem are tried, of those that show a part of it each.
const TRIES: usize = 4;

/// The path of a file on one of these mounts. `here` is the one at which the working directory is.
fn path(
    root: &Root,
    mounts: Option<&Vec<&Mount>>,
    handle: &FileHandle,
    here: &mut Option<u64>,
) -> Read<Vec<u8>> {
    let mut failure = Failure::new("read (mountinfo)", Errno::ENOENT);
    for mount in mounts.into_iter().flatten() {
        match path_in(root, mount, handle, here) {
            // Without the right there is no use in asking again.
            Err(errno @ Failure { errno: Errno::EPERM | Errno::ENOSYS, .. }) => return Err(errno),
            Err(other) => failure = other,
            found => return found,
        }
    }
    Err(failure)
}

fn path_in(root: &Root, mount: &Mount, handle: &FileHandle, here: &mut Option<u64>) -> Read<Vec<u8>> {
    if *here != Some(mount.id) {
        let directory = root.directory(&mount.point).map_err(|errno| Failure::new("openat2", errno))?;
        // Something else may be mounted over it.
        if statx_at(directory.as_fd(), c"")?.mount != Some(mount.id) {
            return Err(Failure::new("openat2", Errno::ESTALE));
        }
        fchdir(&directory).map_err(|errno| Failure::new("fchdir", errno))?;
        *here = Some(mount.id);
    }
    let file = open_handle(handle)?;
    let link = nix::fcntl::readlink(format!("/proc/self/fd/{}", file.as_raw_fd()).as_str())
        .map(OsStringExt::into_vec)
        .map_err(|errno| Failure::new("readlink", errno))?;
    // Of a file that the kernel has no name at hand for, and of one outside of what the mount shows, the text
    // is no path to it.
    let stat = statx_at(file.as_fd(), c"")?;
    if root.has(&link, &stat) { Ok(link) } else { Err(Failure::new("openat2", Errno::ENOENT)) }
}

/// MAX_HANDLE_SZ of `include/linux/exportfs.h`.
const LONGEST: usize = 128;

#[repr(C)]
struct RawHandle {
    length: u32,
    form: i32,
    bytes: [u8; LONGEST],
}

/// Opens a file of the filesystem that the working directory is on, as a mere place.
fn open_handle(handle: &FileHandle) -> Read<OwnedFd> {
    let failed = |errno| Failure::new("open_by_handle_at", errno);
    let mut raw = RawHandle { length: 0, form: handle.form, bytes: [0; LONGEST] };
    raw.bytes.get_mut(..handle.bytes.len()).ok_or(failed(Errno::EINVAL))?.copy_from_slice(&handle.bytes);
    raw.length = u32::try_from(handle.bytes.len()).map_err(|_| failed(Errno::EINVAL))?;
    let flags = libc::O_PATH | libc::O_CLOEXEC;
    // SAFETY: the call reads a `struct file_handle` of as many bytes as it says, and `raw` has room for more
    // and outlives it.
    let fd = unsafe { libc::syscall(libc::SYS_open_by_handle_at, libc::AT_FDCWD, &raw mut raw, flags) };
    let fd = Errno::result(fd).map_err(failed)?;
    let fd = i32::try_from(fd).map_err(|_| failed(Errno::EBADF))?;
    // SAFETY: the call has just given this descriptor to nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
