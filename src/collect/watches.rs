//! Whether the numbers under which an epoll instance watches files still mean these files.
//!
//! An instance keeps watching the open file description that was added, until that is closed for good; the
//! number may be closed or given to another file long before (epoll(7), "Questions and answers", 6). So a
//! number in fdinfo proves nothing by itself.

use crate::kernel::Source;
use crate::model::{Inode, Means, Snapshot, Watch};
use std::cmp::Ordering;
use std::collections::HashMap;

/// Settles what the watches of the epoll instances shown mean, each in the process that it is shown in.
pub fn verify(source: &dyn Source, snapshot: &mut Snapshot) {
    let Snapshot { processes, files, .. } = snapshot;
    for process in processes {
        let Ok(table) = &mut process.table else { continue };
        if table.descriptors.iter().all(|fd| fd.watches.is_empty()) {
            continue;
        }
        let numbers: HashMap<i32, Target> = table
            .descriptors
            .iter()
            .map(|fd| (fd.fd, &files[fd.file]))
            .map(|(fd, file)| (fd, Target { inode: file.inode, is_socket: file.socket.is_some() }))
            .collect();
        for fd in &mut table.descriptors {
            let epoll = (process.id.pid, fd.fd);
            let mut seen: HashMap<i32, u32> = HashMap::new();
            for watch in &mut fd.watches {
                let nth = seen.entry(watch.fd).or_default();
                watch.means = means(source, epoll, watch, *nth, numbers.get(&watch.fd));
                *nth += 1;
            }
            // The kernel's order is that of the files' places in its memory, which tells nobody anything.
            fd.watches.sort_by_key(|watch| watch.fd);
        }
    }
}

/// What a number refers to in the process now.
#[derive(Clone, Copy)]
struct Target {
    inode: Option<Inode>,
    is_socket: bool,
}

fn means(source: &dyn Source, epoll: (i32, i32), watch: &Watch, nth: u32, target: Option<&Target>) -> Means {
    match target {
        None => return Means::Stale,
        // A socket has one open file description, so its inode is proof; and so is another inode of
        // anything. Devices are not compared then: of some filesystems the kernel has another number
        // for itself than for stat(2).
        Some(Target { inode: Some(inode), is_socket }) if inode.ino != watch.inode.ino || *is_socket => {
            return if *inode == watch.inode { Means::Current } else { Means::Stale };
        }
        Some(_) => {}
    }
    match source.compare_watch(epoll, watch.fd, nth, (epoll.0, watch.fd)) {
        Ok(Ordering::Equal) => Means::Current,
        Ok(_) => Means::Stale,
        Err(_) => Means::Unproven,
    }
}
