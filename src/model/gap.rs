//! What could not be read, as data.

use std::fmt;

/// A system call and the error that it gave. It is as small as can be: many nouns have room for one, and hardly any
/// has one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Failure(Box<(String, String)>);

impl Failure {
    /// A call by its name, and an error by its name, such as `EACCES` (errno(3)).
    pub fn new(call: impl Into<String>, error: impl Into<String>) -> Self {
        Self(Box::new((call.into(), error.into())))
    }

    /// fdinfo was read and has no such line: the kernel is older than the line is.
    pub fn no_line(name: &str) -> Self {
        Self::new(format!("read ({name})"), "ENODATA")
    }

    /// The call's name.
    pub fn call(&self) -> &str {
        &self.0.0
    }

    /// The error's name.
    pub fn error(&self) -> &str {
        &self.0.1
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.call(), self.error())
    }
}

/// What a gap is in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// The process itself.
    Process,
    /// Its table of descriptors.
    FdTable,
    /// One fact of the process, by the name of the file under `/proc/PID`.
    ProcessFact(&'static str),
    /// One descriptor.
    Descriptor(i32),
    /// What it refers to without a descriptor, by the word for the place.
    Place(&'static str),
    /// A table of sockets, by its file's name.
    Sockets(&'static str),
    /// What sock_diag(7) tells of such sockets and their table does not, by the name of that.
    SocketDiag(&'static str),
    /// The addresses and interfaces of a network namespace.
    Net,
    /// Which descriptors share an open file description.
    Sharing,
    /// Which threads have a table of their own.
    Threads,
    /// The list of all processes.
    ProcessList,
    /// The machine's name.
    Host,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process => f.write_str("process"),
            Self::FdTable => f.write_str("fd table"),
            Self::ProcessFact(file) => f.write_str(file),
            Self::Descriptor(fd) => write!(f, "fd {fd}"),
            Self::Place(place) => f.write_str(place),
            Self::Sockets(table) => write!(f, "net/{table}"),
            Self::SocketDiag(table) => write!(f, "sock_diag {table}"),
            Self::Net => f.write_str("net addresses"),
            Self::Sharing => f.write_str("sharing"),
            Self::Threads => f.write_str("threads"),
            Self::ProcessList => f.write_str("process list"),
            Self::Host => f.write_str("host"),
        }
    }
}

/// What would help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hint {
    /// The rights of ptrace(2): the same user, or CAP_SYS_PTRACE.
    PtraceRights,
    /// There is no such process any more.
    Gone,
    /// The file system's server does not answer for this file.
    StaleFile,
    /// The kernel was built without the call.
    Kernel,
}

/// One thing that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The process that it is of, where it is of one.
    pub pid: Option<i32>,
    /// What is missing.
    pub subject: Subject,
    /// Which call failed, and how.
    pub failure: Failure,
    /// What would help, where that is known.
    pub hint: Option<Hint>,
}

impl Gap {
    /// Whether it says only that a process is not there, or not any more.
    pub fn is_of_a_gone_process(&self) -> bool {
        self.subject == Subject::Process && self.hint == Some(Hint::Gone)
    }
}
