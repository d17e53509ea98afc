//! Shares work out over the processors.
//!
//! Reading `/proc` is nearly all time in the kernel, and processes have no lock in common there: with two
//! processors it takes half the time. The order of what comes out is that of what went in.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread;

/// So few of what takes some microseconds each that starting threads would take longer than they save.
const FEW: usize = 32;
/// How many are taken at a time.
const HANDFUL: usize = 4;

/// What `work` makes of each of `all`, in their order.
pub fn share_out<T: Copy + Sync, R: Send>(all: &[T], work: &(dyn Fn(T) -> R + Sync)) -> Vec<R> {
    share_large(all, if all.len() < FEW { 1 } else { workers() }, work)
}

/// Has each of `all` worked on where it is.
pub fn share_mut<T: Send>(all: &mut [T], work: &(dyn Fn(&mut T) + Sync)) {
    let workers = if all.len() < FEW { 1 } else { workers() };
    let rest = Mutex::new(all.iter_mut());
    let next = || rest.lock().unwrap_or_else(PoisonError::into_inner).next();
    let part = || {
        while let Some(one) = next() {
            work(one);
        }
    };
    thread::scope(|scope| {
        for _ in 1..workers {
            scope.spawn(part);
        }
        part();
    });
}

/// How many threads may work at once.
pub fn workers() -> usize {
    // Asked once: it reads files of the control groups (cgroups(7)).
    static WORKERS: LazyLock<usize> =
        LazyLock::new(|| thread::available_parallelism().map_or(1, NonZero::get));
    *WORKERS
}

/// The same for what is large, by so many threads at the most.
pub fn share_large<T: Copy + Sync, R: Send>(
    all: &[T],
    workers: usize,
    work: &(dyn Fn(T) -> R + Sync),
) -> Vec<R> {
    let workers = workers.min(all.len()).max(1);
    if workers == 1 {
        return all.iter().map(|&one| work(one)).collect();
    }
    let handful = if all.len() < FEW { 1 } else { HANDFUL };
    let next = AtomicUsize::new(0);
    let part = || {
        let mut done = Vec::new();
        loop {
            let from = next.fetch_add(handful, Ordering::Relaxed);
            let Some(rest) = all.get(from..).filter(|rest| !rest.is_empty()) else { return done };
            done.extend(rest.iter().take(handful).enumerate().map(|(index, &one)| (from + index, work(one))));
        }
    };
    let mut done: Vec<(usize, R)> = thread::scope(|scope| {
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(part)).collect();
        let mut done = part();
        for other in others {
            match other.join() {
                Ok(theirs) => done.extend(theirs),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

/// The results of both, each made by a thread of its own where that is worth it.
pub fn both<T: Send>(apart: bool, one: impl FnOnce() -> T + Send, two: impl FnOnce() -> T) -> (T, T) {
    if !apart {
        return (one(), two());
    }
    thread::scope(|scope| {
        let one = scope.spawn(one);
        let two = two();
        (one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), two)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_stays_whoever_does_the_work() {
        for count in [0, 1, 31, 33, 1000] {
            let all: Vec<usize> = (0..count).collect();
            let doubled: Vec<usize> = all.iter().map(|one| one * 2).collect();
            assert_eq!(share_out(&all, &|one| one * 2), doubled);
            let mut in_place = all.clone();
            share_mut(&mut in_place, &|one| *one *= 2);
            assert_eq!(in_place, doubled);
        }
    }
}
