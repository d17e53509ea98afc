//! This machine, now.

use super::proc_dir::ProcDir;
use super::rows::{HostRow, LimitRow, StatRow, TaskDetails, TaskRow};
use super::syscall::Call;
use super::task::parse_status;
use super::{
    Ask, AskedSocket, DeviceTables, Errno, Failure, FileAsk, FileStat, KernelHolder, NetRow, Netns, Read,
    SocketAsk, SocketList, SocketRow, SocketTable, Source, devices, file_ask, kcmp, proc_dir, sockets,
    targets,
};
use nix::dir::Dir;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::{Uid, User};
use procfs::process::Syscall;
use procfs::process::{LimitValue, Limits};
use procfs::{FromBufRead, FromRead};
use std::cmp::Ordering;
use std::sync::OnceLock;

const KCMP_NOT_CALLED: &str = "kcmp (not called: /proc is that of another pid namespace)";

/// Reads `/proc` and asks the running kernel.
#[derive(Debug, Default)]
pub struct Live {
    devices: OnceLock<DeviceTables>,
    numbering: OnceLock<bool>,
}

impl Live {
    /// A reader of this machine.
    pub fn new() -> Self {
        Self::default()
    }

    /// Refuses a call that takes a pid, where that would mean another process to it.
    fn numbered_alike(&self, reason: &'static str) -> Read<()> {
        if self.numbers_agree() { Ok(()) } else { Err(Failure::new(reason, Errno::ENOTSUP)) }
    }

    /// Whether `/proc` numbers processes as this process's system calls do. In a container that was
    /// given its host's `/proc` it does not, and a pid from there means another process to kcmp(2).
    fn numbers_agree(&self) -> bool {
        *self.numbering.get_or_init(|| {
            std::fs::read_link("/proc/self")
                .ok()
                .and_then(|link| link.to_str()?.parse::<u32>().ok())
                .is_some_and(|pid| pid == std::process::id())
        })
    }
}

impl Source for Live {
    fn host(&self) -> Read<HostRow> {
        let uname = nix::sys::utsname::uname().map_err(|errno| Failure::new("uname", errno))?;
        Ok(HostRow {
            name: uname.nodename().to_string_lossy().into_owned(),
            kernel: uname.release().to_string_lossy().into_owned(),
        })
    }

    fn pids(&self) -> Read<Vec<i32>> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let mut listing =
            Dir::open("/proc", flags, Mode::empty()).map_err(|errno| Failure::new("open", errno))?;
        let mut pids = Vec::new();
        for entry in listing.iter() {
            let entry = entry.map_err(|errno| Failure::new("getdents64", errno))?;
            if let Some(pid) = entry.file_name().to_str().ok().and_then(|name| name.parse().ok()) {
                pids.push(pid);
            }
        }
        pids.sort_unstable();
        Ok(pids)
    }

    fn task(&self, pid: i32, ask: &Ask<'_>) -> Read<TaskRow> {
        let mut dir = ProcDir::open(pid)?;
        let stat = dir.stat()?;
        let nameless = &self.devices.get_or_init(devices::tables).nameless;
        // Where the first thread has exited and others go on, they have the table.
        let table = match dir.living_thread(&stat) {
            Some(task) => dir.descriptors(&task, ask, nameless),
            None => dir.descriptors("", ask, nameless),
        };
        let places = dir.places(ask);
        // Of a process that has nothing of what is looked for nobody wants to know more, nor whether it has gone by
        // now.
        let chooses = ask.only.is_some() && places.is_empty();
        if chooses && table.as_ref().is_ok_and(Vec::is_empty) {
            return Ok(TaskRow { pid, stat, details: None, table, places });
        }
        let matters = !chooses || table.is_ok();
        let details = ((ask.details || ask.users) && matters).then(|| details(&mut dir, ask.details));
        // The directory held is that of one process. If that process has exited by now, its table
        // went away under the reader, and what was read may be a part of it that looks whole.
        let after = dir.stat()?;
        if after.is_dead() && !stat.is_dead() {
            return Err(Failure::new("read", Errno::ESRCH));
        }
        Ok(TaskRow { pid, stat, details, table, places })
    }

    fn stat(&self, pid: i32) -> Read<StatRow> {
        ProcDir::open(pid)?.stat()
    }

    fn protocol(&self, pid: i32, fd: i32) -> Read<String> {
        proc_dir::protocol_name(&format!("/proc/{pid}/fd/{fd}"))
    }

    fn threads(&self, pid: i32) -> Read<Vec<i32>> {
        ProcDir::open(pid)?.threads()
    }

    fn share_table(&self, a: i32, b: i32) -> Read<bool> {
        self.numbered_alike(KCMP_NOT_CALLED)?;
        kcmp::share_table(a, b)
    }

    fn net_namespace(&self, netns: Netns) -> Read<u64> {
        sockets::namespace(netns)
    }

    fn sockets(&self, netns: Netns, table: SocketTable, ask: SocketAsk<'_>) -> Read<SocketList> {
        sockets::list(netns, table, ask)
    }

    fn has_mptcp(&self, netns: Netns) -> Read<bool> {
        sockets::has_mptcp(netns)
    }

    fn time_wait(&self, pid: i32) -> Read<Vec<SocketRow>> {
        sockets::time_wait(pid)
    }

    fn net(&self, netns: Netns) -> Read<NetRow> {
        sockets::net(netns)
    }

    fn ask_socket(&self, pid: i32, fd: i32) -> Read<AskedSocket> {
        self.numbered_alike("pidfd_open (not called: /proc is that of another pid namespace)")?;
        sockets::ask(pid, fd)
    }

    fn waiting(&self, pid: i32) -> Read<Option<(&'static str, [u64; 6])>> {
        let mut dir = ProcDir::open(pid)?;
        // A task that runs, or stands still for its tracer, waits for nothing.
        if !matches!(dir.stat()?.state, b'S' | b'D') {
            return Ok(None);
        }
        let malformed = |_| Failure::new("read", Errno::EBADMSG);
        let call = Syscall::from_read(dir.read("syscall")?).map_err(malformed)?;
        let Syscall::Blocked { syscall_number, argument_registers, .. } = call else {
            return Ok(None);
        };
        let name = Call::native(syscall_number).map_or("another call", |call| call.name);
        Ok(Some((name, argument_registers)))
    }

    fn compare(&self, a: (i32, i32), b: (i32, i32)) -> Read<Ordering> {
        self.numbered_alike(KCMP_NOT_CALLED)?;
        kcmp::compare(a, b)
    }

    fn compare_watch(&self, epoll: (i32, i32), tfd: i32, nth: u32, with: (i32, i32)) -> Read<Ordering> {
        self.numbered_alike(KCMP_NOT_CALLED)?;
        kcmp::compare_watch(epoll, tfd, nth, with)
    }

    fn devpts(&self, pid: i32, link: &[u8]) -> Read<(u32, u32)> {
        let end = link.iter().rposition(|&b| b == b'/').unwrap_or(0);
        ProcDir::open(pid)?.device_at(&[&link[..end], b"/pts"].concat())
    }

    fn file_at(&self, path: &[u8]) -> Read<FileStat> {
        targets::file_at(path)
    }

    fn real_path(&self, path: &[u8]) -> Read<Vec<u8>> {
        targets::real_path(path)
    }

    fn walk(&self, path: &[u8], found: &mut dyn FnMut(&FileStat), failed: &mut dyn FnMut(Vec<u8>, Failure)) {
        targets::walk(path, found, failed);
    }

    fn kernel_holders(&self) -> Vec<KernelHolder> {
        targets::kernel_holders()
    }

    fn user_of(&self, pid: i32) -> Read<u32> {
        let malformed = Failure::new("read", Errno::EBADMSG);
        ProcDir::open(pid)?
            .read_piece("status")
            .and_then(|text| parse_status(text).ok_or(malformed))
            .map(|row| row.uid)
    }

    fn user_id(&self, name: &str) -> Option<u32> {
        User::from_name(name).ok().flatten().map(|user| user.uid.as_raw())
    }

    fn ask_file(&self, pid: i32, fd: i32, asks: &[FileAsk]) -> Vec<Read<Vec<u8>>> {
        let devices = self.devices.get_or_init(devices::tables);
        file_ask::answer(devices, pid, fd, asks)
    }

    fn user_name(&self, uid: u32) -> Option<String> {
        User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name)
    }

    fn devices(&self) -> DeviceTables {
        self.devices.get_or_init(devices::tables).clone()
    }
}

fn details(dir: &mut ProcDir, all: bool) -> TaskDetails {
    let malformed = Failure::new("read", Errno::EBADMSG);
    let status = dir.read_piece("status").and_then(|text| parse_status(text).ok_or(malformed));
    if !all {
        return TaskDetails { argv: None, status, limit: None, cgroups: None };
    }
    let argv = dir.read("cmdline").map(|text| {
        let text = text.strip_suffix(b"\0").unwrap_or(text);
        match text {
            b"" => Vec::new(),
            text => text.split(|&b| b == 0).map(<[u8]>::to_vec).collect(),
        }
    });
    let limit = dir.read_piece("limits").and_then(|text| {
        let limits = Limits::from_buf_read(text).map_err(|_| malformed)?.max_open_files;
        let number = |limit| match limit {
            LimitValue::Value(number) => Some(number),
            LimitValue::Unlimited => None,
        };
        Ok(LimitRow { soft: number(limits.soft_limit), hard: number(limits.hard_limit) })
    });
    let cgroups = dir.read_piece("cgroup").and_then(|text| {
        let groups = procfs::ProcessCGroups::from_buf_read(text).map_err(|_| malformed)?;
        Ok(groups.into_iter().map(|group| (group.hierarchy, group.pathname)).collect())
    });
    TaskDetails { argv: Some(argv), status, limit: Some(limit), cgroups: Some(cgroups) }
}
