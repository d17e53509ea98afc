//! Calls of one process with one thread. Every scenario closes what it opened, but for
//! what is passed to it: a number from a message has no owner yet.

use crate::Outcome;
use nix::fcntl::{AT_FDCWD, FcntlArg, FdFlag, OFlag, OpenHow, fcntl, open, openat2};
use nix::mqueue::{MQ_OFlag, MqAttr, mq_open, mq_unlink};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::inotify::{InitFlags, Inotify};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::SigSet;
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, UnixAddr, getsockopt, recvmsg, sendmsg,
    socket, socketpair, sockopt,
};
use nix::sys::stat::Mode;
use nix::sys::timerfd::{ClockId, TimerFd, TimerFlags};
use nix::unistd::{Whence, dup, dup2, dup3, lseek, pipe, pipe2};
use std::io::{IoSlice, IoSliceMut};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

/// Opening, copying, altering.
pub fn files() -> Outcome {
    let missing = open("/dev/null/missing", OFlag::O_RDONLY, Mode::empty());
    assert!(missing.is_err());
    let null = open("/dev/null", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    let mut copy = dup(&null)?;
    fcntl(&copy, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    fcntl(&copy, FcntlArg::F_GETFD)?;
    fcntl(&copy, FcntlArg::F_SETFD(FdFlag::empty()))?;
    fcntl(&copy, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    let how = OpenHow::new().flags(OFlag::O_WRONLY);
    let full = openat2(AT_FDCWD, "/dev/full", how)?;
    dup2(&full, &mut copy)?;
    dup3(&null, &mut copy, OFlag::O_CLOEXEC)?;
    let memory = memfd_create("memory", MFdFlags::MFD_CLOEXEC)?;
    lseek(&memory, 5_000_000_000, Whence::SeekSet)?;
    drop((memory, full, copy, null));
    Ok(())
}

/// What has no name.
pub fn pipes() -> Outcome {
    let (read, write) = pipe()?;
    let both = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
    let event = EventFd::from_value_and_flags(7, EfdFlags::EFD_CLOEXEC)?;
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    epoll.add(&event, EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, 1))?;
    epoll.delete(&event)?;
    let signal = SignalFd::with_flags(&SigSet::empty(), SfdFlags::SFD_CLOEXEC)?;
    let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_CLOEXEC)?;
    let inotify = Inotify::init(InitFlags::IN_CLOEXEC)?;
    drop((inotify, timer, signal));
    drop(epoll);
    drop((event, both, read, write));
    let name = format!("/every_call.{}", std::process::id());
    let (mode, sizes) = (Mode::from_bits_truncate(0o600), MqAttr::new(0, 1, 16, 0));
    let how = MQ_OFlag::O_CREAT | MQ_OFlag::O_RDWR;
    if let Ok(queue) = mq_open(name.as_str(), how, mode, Some(&sizes)) {
        mq_unlink(name.as_str())?;
        nix::mqueue::mq_close(queue)?;
    }
    Ok(())
}

/// A connection over TCP, and a pair.
pub fn sockets() -> Outcome {
    let pair = socketpair(AddressFamily::Unix, SockType::Stream, None, SockFlag::SOCK_NONBLOCK)?;
    drop(pair);
    let datagrams = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    getsockopt(&datagrams, sockopt::SocketError)?;
    let server = TcpListener::bind("127.0.0.1:0")?;
    let client = TcpStream::connect(server.local_addr()?)?;
    let (accepted, _) = server.accept()?;
    client.shutdown(Shutdown::Write)?;
    drop((accepted, client, server, datagrams));
    Ok(())
}

/// A descriptor in flight.
pub fn passing() -> Outcome {
    let (ours, theirs) = UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    ours.set_nonblocking(false)?;
    let null = open("/dev/null", OFlag::O_RDONLY, Mode::empty())?;
    let numbers = [null.as_raw_fd(), null.as_raw_fd()];
    let rights = [ControlMessage::ScmRights(&numbers)];
    sendmsg::<UnixAddr>(ours.as_raw_fd(), &[IoSlice::new(b"!")], &rights, MsgFlags::empty(), None)?;
    let (mut byte, mut room) = ([0], nix::cmsg_space!([i32; 2]));
    let mut parts = [IoSliceMut::new(&mut byte)];
    recvmsg::<UnixAddr>(theirs.as_raw_fd(), &mut parts, Some(&mut room), MsgFlags::MSG_CMSG_CLOEXEC)?;
    drop((null, theirs, ours));
    Ok(())
}
