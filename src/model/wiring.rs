//! What the search for other ends brought in.

use super::{Access, Endpoint, Failure, ProcessId};

/// A descriptor of a process that is not shown, and that is an end of a channel that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Whose.
    pub process: ProcessId,
    /// Where that is a thread with a table of its own, its process.
    pub leader: Option<ProcessId>,
    /// That process's command.
    pub comm: Vec<u8>,
    /// The number.
    pub fd: i32,
    /// What it is open for.
    pub access: Option<Access>,
    /// The end that it is.
    pub endpoint: Endpoint,
}

/// Whose tables were looked through.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coverage {
    /// Whether the processes that are not shown were searched too.
    pub whole_host: bool,
    /// Processes of which the table or a file in it could not be read, with why: other ends may be
    /// there.
    pub unreadable: Vec<(i32, Failure)>,
}
