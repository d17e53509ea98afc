//! Which process a person means who names none: the shell that the command was typed into.

use crate::kernel::{Read, Source};

/// Shells by the names of their commands.
const SHELLS: [&str; 15] = [
    "sh", "bash", "dash", "zsh", "fish", "ksh", "ksh93", "mksh", "ash", "busybox", "tcsh", "csh", "nu",
    "elvish", "xonsh",
];

/// Whether a command's name is a shell's. A login shell's argument 0 has a leading `-`, its name has not;
/// both are accepted.
fn is_shell(comm: &[u8]) -> bool {
    let name = comm.strip_prefix(b"-").unwrap_or(comm);
    SHELLS.iter().any(|shell| shell.as_bytes() == name)
}

/// A process above this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ancestor {
    /// Its pid.
    pub pid: i32,
    /// Its command's name.
    pub comm: Vec<u8>,
    /// Whether it is a shell.
    pub is_shell: bool,
}

/// The nearest process from `parent` upwards that is a shell, else `parent` itself: between the shell
/// and a command may stand sudo, env, time or cargo.
pub fn nearest_shell(source: &dyn Source, parent: i32) -> Read<Ancestor> {
    let first = source.stat(parent)?;
    let (mut pid, mut stat) = (parent, first.clone());
    loop {
        if is_shell(&stat.comm) {
            return Ok(Ancestor { pid, comm: stat.comm, is_shell: true });
        }
        pid = stat.ppid;
        // 0 is above init, and above the first process of a pid namespace.
        match source.stat(pid) {
            Ok(next) if pid > 0 => stat = next,
            _ => return Ok(Ancestor { pid: parent, comm: first.comm, is_shell: false }),
        }
    }
}
