//! The threads of a process that are more than a part of it: those with a table of descriptors of their own
//! (CLONE_FILES of clone(2), unshare(2)), which `/proc/PID/fd` of the process does not show.

use crate::kernel::{Errno, Read, Source, TaskRow};

/// What the threads of a process are, besides the one through which its table was read.
#[derive(Debug, Default)]
pub struct Threads {
    /// Those that use the process's table.
    pub sharing: Vec<i32>,
    /// One of each group that uses another table.
    pub apart: Vec<i32>,
}

/// Looks at the threads of a process that has several: one call for each, as long as all use one table.
/// Those that end meanwhile are left out.
pub fn of(source: &dyn Source, process: &TaskRow) -> Read<Threads> {
    let mut threads = Threads::default();
    if process.stat.threads <= 1 {
        return Ok(threads);
    }
    let mut tids = source.threads(process.pid)?;
    tids.retain(|&tid| tid != process.pid);
    // Its table is that of its first thread, whose id need not be the lowest: numbers begin again at the bottom when
    // they have come to the top (pid_max of proc_sys_kernel(5)). Where that thread has exited, it is that of the first
    // that lives.
    let mut tables = if process.stat.first_thread_is_dead() { Vec::new() } else { vec![process.pid] };
    for tid in tids {
        match shares_one_of(source, &tables, tid) {
            Ok(None) => tables.push(tid),
            Ok(Some(0)) => threads.sharing.push(tid),
            Ok(Some(_)) => {}
            Err(failure) if failure.means_gone() || failure.errno == Errno::ESRCH => {}
            Err(failure) => return Err(failure),
        }
    }
    threads.apart = tables.split_off(tables.len().min(1));
    Ok(threads)
}

/// Which of these tasks has the same table.
fn shares_one_of(source: &dyn Source, tables: &[i32], tid: i32) -> Read<Option<usize>> {
    for (index, &other) in tables.iter().enumerate() {
        if source.share_table(other, tid)? {
            return Ok(Some(index));
        }
    }
    Ok(None)
}
