//! Who is there: what choosing processes takes, without any table.

use super::gap;
use crate::kernel::Source;
use crate::model::{Candidate, Gap, ProcessId, Subject};

/// All processes, ascending; with their users where `users` says so, which is one more file of each. One that
/// ends meanwhile is left out.
pub fn roll_call(source: &dyn Source, users: bool, gaps: &mut Vec<Gap>) -> Vec<Candidate> {
    let pids = source.pids().unwrap_or_else(|failure| {
        gaps.push(gap(None, Subject::ProcessList, failure));
        Vec::new()
    });
    pids.into_iter()
        .filter_map(|pid| {
            let stat = source.stat(pid).ok()?;
            let uid = if users { source.user_of(pid).ok() } else { None };
            Some(Candidate {
                id: ProcessId { pid, start_ticks: stat.start_ticks },
                ppid: stat.ppid,
                is_kernel_thread: stat.is_kernel_thread(),
                comm: stat.comm,
                uid,
            })
        })
        .collect()
}
