//! The sockets of a network namespace: the door to sock_diag(7), to the tables under `/proc/net` behind
//! it, and to the sockets themselves.

use super::netns::{self, Entrance};
use super::proc_dir::ProcDir;
use super::socket_rows::{AskedSocket, NetRow, Netns, SocketAsk, SocketList, SocketRow, SocketTable};
use super::{Errno, Failure, Read, asked, diag, net_row, proc_net};

/// The inode number of a network namespace (namespaces(7)).
///
/// That of another user's process takes the rights to trace it (EACCES); that of a socket those and
/// CAP_NET_ADMIN over the namespace (EPERM).
pub fn namespace(netns: Netns) -> Read<u64> {
    netns::number(netns)
}

/// Lists the sockets of one table.
///
/// Whatever keeps sock_diag(7) from answering, the table under `/proc/net` is read instead, where there
/// is one: a namespace may not be entered without CAP_SYS_ADMIN (setns(2), EPERM), a sandbox may refuse
/// the netlink socket, the kernel may have no handler (ENOENT). To read it in the namespace of a socket
/// one must enter that as well. When both fail, the failure is that of sock_diag, unless that of the
/// table says more.
pub fn list(netns: Netns, table: SocketTable, ask: SocketAsk<'_>) -> Read<SocketList> {
    let by_proc = |dir: &mut ProcDir| {
        let mut rows = proc_net::rows(dir, table)?;
        rows.retain(|row| ask.is_for(row));
        Ok(rows)
    };
    let (rows, without_diag) = either(netns, || diag::rows(table, ask), by_proc)?;
    Ok(SocketList { rows, without_diag })
}

/// Lists the TCP connections of a process's network namespace that are in TIME_WAIT, by sock_diag(7)
/// alone. It fails as [`list`] does where that may not be asked.
pub fn time_wait(pid: i32) -> Read<Vec<SocketRow>> {
    Entrance::of(Netns::OfProcess(pid))?.within(diag::time_wait)
}

/// Whether a network namespace has sockets of MPTCP, by the number of them that `/proc/net/protocols` has: one
/// counts there from connect(2) or listen(2) on, as it is in the list of TCP.
pub fn has_mptcp(netns: Netns) -> Read<bool> {
    let read = |dir: &mut ProcDir| {
        dir.of_any_thread(|dir, task| Ok(counts_mptcp(dir.read(&format!("{task}net/protocols"))?)))
    };
    match netns {
        Netns::OfProcess(pid) => read(&mut ProcDir::open(pid)?),
        Netns::OfSocket { .. } => Entrance::of(netns)?.within(|| read(&mut ProcDir::of_this_thread()?)),
    }
}

/// `protocol size sockets memory …` (`net/core/sock.c`, `proto_seq_printf`).
fn counts_mptcp(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let mut rows = text.lines().map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
    rows.any(|row| row.first().is_some_and(|name| name.starts_with("MPTCP")) && row.get(2) != Some(&"0"))
}

/// What a network namespace has of its own. It fails as [`list`] does.
pub fn net(netns: Netns) -> Read<NetRow> {
    either(netns, net_row::by_netlink, net_row::by_proc).map(|(row, _)| row)
}

/// Asks the socket behind a descriptor, which takes the rights of `PTRACE_MODE_ATTACH`: for a socket that
/// no list has. For a moment this process has a copy of it, and
/// while it has, the owner's close(2) does not end the connection. `pid` is a number of this process's
/// own pid namespace, as for kcmp(2).
pub fn ask(pid: i32, fd: i32) -> Read<AskedSocket> {
    asked::ask(pid, fd)
}

/// Asks by netlink in the namespace, or else reads its tables: then also says why.
fn either<T: Send>(
    netns: Netns,
    by_netlink: impl FnOnce() -> Read<T> + Send,
    by_proc: impl FnOnce(&mut ProcDir) -> Read<T> + Send,
) -> Read<(T, Option<Failure>)> {
    let entrance = Entrance::of(netns);
    let asked = entrance.as_ref().map_err(|failure| *failure).and_then(|there| there.within(by_netlink));
    let without = match asked {
        Ok(answer) => return Ok((answer, None)),
        Err(failure) => failure,
    };
    let read = match (netns, entrance) {
        (Netns::OfProcess(pid), _) => ProcDir::open(pid).and_then(|mut dir| by_proc(&mut dir)),
        (Netns::OfSocket { .. }, Ok(there)) => there.within(|| by_proc(&mut ProcDir::of_this_thread()?)),
        (Netns::OfSocket { .. }, Err(_)) => return Err(without),
    };
    match read {
        Ok(answer) => Ok((answer, Some(without))),
        // No such table, or no right to it, is no news.
        Err(Failure { errno: Errno::ENOENT | Errno::EACCES | Errno::EPERM, .. }) => Err(without),
        Err(failure) => Err(failure),
    }
}
