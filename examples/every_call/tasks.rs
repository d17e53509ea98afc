//! Threads and processes.

use crate::Outcome;
use nix::sched::CloneFlags;
use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::mpsc;
use std::thread;

/// Two threads share a table: one opens, the other closes.
pub fn threads() -> Outcome {
    let (opened, to_close) = mpsc::channel::<File>();
    let closer = thread::spawn(move || to_close.into_iter().for_each(drop));
    for _ in 0..20 {
        opened.send(File::open("/dev/null")?)?;
    }
    drop(opened);
    closer.join().map_err(|_| "the thread panicked")?;
    Ok(())
}

/// A thread takes a table of its own (unshare(2)) and closes there what stays open here, and opens what
/// is not there for the first one.
pub fn unshare() -> Outcome {
    let stays = File::open("/dev/null")?;
    let (gone, wait) = mpsc::channel::<()>();
    let (may_go, until) = mpsc::channel::<()>();
    let other = thread::spawn(move || -> Result<(), nix::Error> {
        // Of something else first: the table stays shared.
        nix::sched::unshare(CloneFlags::CLONE_FS)?;
        let shared = File::open("/dev/full").map_err(|_| nix::Error::EIO)?;
        nix::sched::unshare(CloneFlags::CLONE_FILES)?;
        let own = File::open("/dev/zero").map_err(|_| nix::Error::EIO)?;
        drop(shared);
        drop(gone);
        let _ = until.recv();
        drop(own);
        Ok(())
    });
    let _ = wait.recv();
    let here = File::open("/dev/random")?;
    drop(may_go);
    other.join().map_err(|_| "the thread panicked")??;
    drop((here, stays));
    Ok(())
}

/// Programs are started as the C library's posix_spawn(3) does it.
pub fn spawn() -> Outcome {
    for _ in 0..3 {
        Command::new("true").status()?;
    }
    Ok(())
}

/// A thread that is not the first one executes a program, while others stand around.
pub fn exec_from_thread() -> Outcome {
    let around = [(); 3].map(|()| {
        thread::spawn(|| {
            loop {
                thread::park();
            }
        })
    });
    let _file = File::open("/dev/null")?;
    let executing = thread::spawn(|| Command::new("cat").arg("/dev/null").exec());
    let error = executing.join().map_err(|_| "the thread panicked")?;
    drop(around);
    Err(error.into())
}

/// A thread executes a program while others make threads and processes without a pause.
pub fn exec_among_births() -> Outcome {
    let makers = [(); 2].map(|()| {
        thread::spawn(|| {
            loop {
                let _ = thread::spawn(|| {}).join();
                let _ = Command::new("true").spawn();
            }
        })
    });
    // So that they are at it.
    for _ in 0..3 {
        Command::new("true").status()?;
    }
    let executing = thread::spawn(|| Command::new("cat").arg("/dev/null").exec());
    let error = executing.join().map_err(|_| "the thread panicked")?;
    drop(makers);
    Err(error.into())
}
