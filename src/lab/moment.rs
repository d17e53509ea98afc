//! What a lab is asked for, and what it tells.

use crate::kernel::Failure;
use crate::model::{Fate, Inode, Snapshot, Step};
use std::ffi::{CStr, CString};
use std::io;
use std::time::Duration;

/// What to drive, and how.
#[derive(Debug, Clone)]
pub struct Plan<'a> {
    /// The program that plays the shell: this one.
    pub program: &'a CStr,
    /// Its arguments, which name its role.
    pub argv: &'a [CString],
    /// Who plays the shell.
    pub actor: Actor<'a>,
    /// At which moments to read whole tables.
    pub tables: Tables,
    /// Whether to wait for Enter, read from the terminal, at each step.
    pub step: bool,
    /// Whether to keep all standing still at their exec until the person has looked.
    pub hold: bool,
    /// Whether the actor leaves an end open that it should close, so that a reader may wait in vain.
    pub leave_open: bool,
    /// Whether to take up the last command's standard output and everybody's standard error instead
    /// of letting them through.
    pub capture: bool,
    /// Whether it is traced; else it stops itself.
    pub traced: bool,
    /// How long all may take.
    pub timeout: Duration,
}

/// What was taken up of an output.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Output {
    /// Its beginning.
    pub bytes: Vec<u8>,
    /// How many bytes more there were.
    pub left_out: u64,
}

/// Who plays the shell.
#[derive(Debug, Clone)]
pub enum Actor<'a> {
    /// This program.
    Role {
        /// In which role: it takes that as its name when it begins.
        name: &'a str,
        /// The names of the commands that its children become, in the order of their births.
        commands: Vec<String>,
    },
    /// A real shell, which does what it does.
    Shell {
        /// Its name.
        name: &'a str,
    },
}

impl Actor<'_> {
    /// How it is called.
    pub fn name(&self) -> &str {
        match self {
            Self::Role { name, .. } | Self::Shell { name } => name,
        }
    }
}

/// At which moments to read whole tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tables {
    /// At none.
    None,
    /// When all children stand at their exec.
    Exec,
    /// At the start and after each fork, too, and before each exec where redirections came before it.
    All,
}

/// A moment at which all that are shown stand still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// Before the shell's first call.
    Start,
    /// The shell has made ready what its first child will inherit.
    BeforeFork,
    /// A child was born.
    AfterFork {
        /// Which.
        child: i32,
    },
    /// A child has changed its table and is about to execute its command.
    BeforeExec {
        /// Which.
        child: i32,
    },
    /// A child has moved an offset.
    Moved {
        /// Which.
        child: i32,
    },
    /// Every child is at its exec, or has ended before it.
    Exec,
    /// Every child has stopped itself right before its exec, where nobody may trace it.
    Stopped,
}

/// What the driver tells, as it happens.
#[derive(Debug)]
pub enum Moment<'a> {
    /// The actor is there and is traced.
    Begun,
    /// A system call has returned.
    Step(&'a Step),
    /// Tables of a moment.
    Tables {
        /// Of which.
        at: At,
        /// The tables.
        snapshot: &'a Snapshot,
        /// The children so far.
        stages: &'a [Stage],
    },
    /// All are held at their exec until the person has looked.
    Held {
        /// The shell's pid.
        shell: i32,
        /// All children.
        stages: &'a [Stage],
        /// The pipes through which output is taken up.
        captured: &'a [Inode],
    },
    /// The children are about to run.
    Running,
    /// Everything that still lives waits for the end of an input that cannot come.
    Stuck {
        /// Who waits.
        reader: i32,
        /// In a read of this descriptor.
        fd: i32,
        /// The tables of all that live.
        snapshot: &'a Snapshot,
    },
}

/// A child of the lab's shell: for a pipeline, a stage of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Its process.
    pub pid: i32,
    /// Its command's name.
    pub command: String,
    /// How it ended, when it has.
    pub fate: Option<Fate>,
}

/// How the lab ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// The stages, in order.
    pub stages: Vec<Stage>,
    /// It was ended because it took longer than this.
    pub late: Option<Duration>,
    /// It was ended because this signal asked for it.
    pub asked: Option<i32>,
    /// It was ended because the person did.
    pub dismissed: bool,
    /// It was ended because everything waited for what could not come.
    pub stuck: bool,
    /// How the shell itself ended, when it did by itself.
    pub shell: Option<Fate>,
    /// The pipes through which output was taken up.
    pub captured: Vec<Inode>,
    /// Standard output and standard error, where they were taken up.
    pub output: Option<(Output, Output)>,
}

/// Why the lab could not go on.
#[derive(Debug)]
pub enum Problem {
    /// A call of the driver failed.
    Call(Failure),
    /// What it tells could not be written.
    Output(io::Error),
    /// The actor ended before its children were there.
    ActorLost,
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self::Call(failure)
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Call(failure) => failure.fmt(f),
            Self::Output(error) => error.fmt(f),
            Self::ActorLost => f.write_str("the actor is lost"),
        }
    }
}

impl Problem {
    /// Whether tracing is forbidden here.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::Call(failure) if crate::collect::follow::is_forbidden(*failure))
    }
}

/// What the driver tells is told to this.
pub type Tell<'a> = dyn FnMut(Moment<'_>) -> io::Result<()> + 'a;
