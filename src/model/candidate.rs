//! A process before its table is read.

use super::ProcessId;

/// What choosing a process takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Which.
    pub id: ProcessId,
    /// Its parent; 0 where that is outside the reader's pid namespace.
    pub ppid: i32,
    /// The command's name.
    pub comm: Vec<u8>,
    /// Effective user id, where that was read.
    pub uid: Option<u32>,
    /// Whether it is a thread of the kernel, which has no descriptors.
    pub is_kernel_thread: bool,
}
