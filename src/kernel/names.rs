//! The names of the flags and commands that the calls of the table take, in the order in which they
//! are written.

pub(super) type Names = &'static [(i32, &'static str)];

pub(super) const OPEN_FLAGS: Names = &[
    (libc::O_CREAT, "O_CREAT"),
    (libc::O_EXCL, "O_EXCL"),
    (libc::O_TRUNC, "O_TRUNC"),
    (libc::O_APPEND, "O_APPEND"),
    (libc::O_NONBLOCK, "O_NONBLOCK"),
    (libc::O_NOCTTY, "O_NOCTTY"),
    (libc::O_DIRECT, "O_DIRECT"),
    (libc::O_SYNC, "O_SYNC"),
    (libc::O_DSYNC, "O_DSYNC"),
    (libc::O_ASYNC, "O_ASYNC"),
    (libc::O_NOATIME, "O_NOATIME"),
    (libc::O_TMPFILE, "O_TMPFILE"),
    (libc::O_DIRECTORY, "O_DIRECTORY"),
    (libc::O_NOFOLLOW, "O_NOFOLLOW"),
    (libc::O_PATH, "O_PATH"),
    (libc::O_CLOEXEC, "O_CLOEXEC"),
];

pub(super) const DIRECTIONS: Names =
    &[(libc::SHUT_RD, "SHUT_RD"), (libc::SHUT_WR, "SHUT_WR"), (libc::SHUT_RDWR, "SHUT_RDWR")];

pub(super) const EPOLL_OPERATIONS: Names = &[
    (libc::EPOLL_CTL_ADD, "EPOLL_CTL_ADD"),
    (libc::EPOLL_CTL_DEL, "EPOLL_CTL_DEL"),
    (libc::EPOLL_CTL_MOD, "EPOLL_CTL_MOD"),
];

pub(super) const EPOLL_EVENTS: Names = &[
    (libc::EPOLLIN, "EPOLLIN"),
    (libc::EPOLLPRI, "EPOLLPRI"),
    (libc::EPOLLOUT, "EPOLLOUT"),
    (libc::EPOLLRDHUP, "EPOLLRDHUP"),
    (libc::EPOLLEXCLUSIVE, "EPOLLEXCLUSIVE"),
    (libc::EPOLLONESHOT, "EPOLLONESHOT"),
    (libc::EPOLLET, "EPOLLET"),
];

pub(super) const SOCKET_FLAGS: Names =
    &[(libc::SOCK_NONBLOCK, "SOCK_NONBLOCK"), (libc::SOCK_CLOEXEC, "SOCK_CLOEXEC")];

pub(super) const SOCKET_TYPES: Names = &[
    (0, "0"),
    (libc::SOCK_STREAM, "SOCK_STREAM"),
    (libc::SOCK_DGRAM, "SOCK_DGRAM"),
    (libc::SOCK_RAW, "SOCK_RAW"),
    (libc::SOCK_SEQPACKET, "SOCK_SEQPACKET"),
];

pub(super) const FAMILIES: Names = &[
    (libc::AF_UNIX, "AF_UNIX"),
    (libc::AF_INET, "AF_INET"),
    (libc::AF_INET6, "AF_INET6"),
    (libc::AF_NETLINK, "AF_NETLINK"),
    (libc::AF_PACKET, "AF_PACKET"),
    (libc::AF_VSOCK, "AF_VSOCK"),
];

pub(super) const FCNTL: Names = &[
    (libc::F_DUPFD, "F_DUPFD"),
    (libc::F_DUPFD_CLOEXEC, "F_DUPFD_CLOEXEC"),
    (libc::F_GETFD, "F_GETFD"),
    (libc::F_SETFD, "F_SETFD"),
    (libc::F_GETFL, "F_GETFL"),
    (libc::F_SETFL, "F_SETFL"),
];

pub(super) const FD_FLAGS: Names = &[(libc::FD_CLOEXEC, "FD_CLOEXEC")];

pub(super) const IOCTL: Names = &[
    (0x5451, "FIOCLEX"),
    (0x5450, "FIONCLEX"),
    (0x5421, "FIONBIO"),
    (0x5452, "FIOASYNC"),
    (0x5441, "TIOCGPTPEER"),
    (0x894c, "SIOCGSKNS"),
    (0x89e0, "SIOCUNIXFILE"),
];

/// Not of ints: clone3(2) has flags above the 32nd.
pub(super) const CLONE: &[(u64, &str)] = &[
    (0x100, "CLONE_VM"),
    (0x200, "CLONE_FS"),
    (0x400, "CLONE_FILES"),
    (0x800, "CLONE_SIGHAND"),
    (0x1000, "CLONE_PIDFD"),
    (0x2000, "CLONE_PTRACE"),
    (0x4000, "CLONE_VFORK"),
    (0x8000, "CLONE_PARENT"),
    (0x1_0000, "CLONE_THREAD"),
    (0x2_0000, "CLONE_NEWNS"),
    (0x4_0000, "CLONE_SYSVSEM"),
    (0x8_0000, "CLONE_SETTLS"),
    (0x10_0000, "CLONE_PARENT_SETTID"),
    (0x20_0000, "CLONE_CHILD_CLEARTID"),
    (0x80_0000, "CLONE_UNTRACED"),
    (0x100_0000, "CLONE_CHILD_SETTID"),
    (0x200_0000, "CLONE_NEWCGROUP"),
    (0x400_0000, "CLONE_NEWUTS"),
    (0x800_0000, "CLONE_NEWIPC"),
    (0x1000_0000, "CLONE_NEWUSER"),
    (0x2000_0000, "CLONE_NEWPID"),
    (0x4000_0000, "CLONE_NEWNET"),
    (0x8000_0000, "CLONE_IO"),
    (0x1_0000_0000, "CLONE_CLEAR_SIGHAND"),
    (0x2_0000_0000, "CLONE_INTO_CGROUP"),
];

/// In the lowest byte, which is a signal's in clone(2) but not in unshare(2) and clone3(2).
pub(super) const CLONE_NEWTIME: (u64, &str) = (0x80, "CLONE_NEWTIME");
