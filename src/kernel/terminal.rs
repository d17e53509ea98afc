//! A person at a keyboard, waited for together with signals.

use super::signals::{Signals, Woken};
use super::{Errno, Failure, Read};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};
use std::fs::File;
use std::io::{IsTerminal, Read as _};
use std::os::fd::AsFd;

/// The modes of the terminal at standard input, put back when this is dropped: a command that is ended
/// while it has changed them cannot do it itself (termios(3)).
#[derive(Debug)]
pub struct Modes(Option<Termios>);

impl Modes {
    /// Notes them, where standard input is a terminal.
    pub fn note() -> Self {
        Self(tcgetattr(std::io::stdin()).ok())
    }
}

impl Drop for Modes {
    fn drop(&mut self) {
        let Some(modes) = &self.0 else { return };
        if tcgetattr(std::io::stdin()).is_ok_and(|now| now == *modes) {
            return;
        }
        // From the background this would stop the program.
        let mut background = SigSet::empty();
        background.add(Signal::SIGTTOU);
        let _ = background.thread_block();
        let _ = tcsetattr(std::io::stdin(), SetArg::TCSANOW, modes);
        let _ = background.thread_unblock();
    }
}

/// Where a person types.
#[derive(Debug)]
pub enum Keyboard {
    /// The controlling terminal, whatever standard input is.
    Terminal(File),
    /// Standard input.
    Input,
    /// Standard input that has come to its end and is no terminal: nobody types there any more.
    Silent,
}

/// What came of waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Enter.
    Enter,
    /// The end of the input, as Ctrl-D gives it on a terminal.
    End,
    /// A signal.
    Woken(Woken),
}

impl Keyboard {
    /// The controlling terminal (tty(4)). ENXIO where there is none.
    pub fn terminal() -> Read<Self> {
        File::open("/dev/tty").map(Self::Terminal).map_err(|error| failure("openat", &error))
    }

    /// Standard input.
    pub fn input() -> Self {
        Self::Input
    }

    /// Waits for Enter, the end of the input or a signal. The end of an input that is no terminal is
    /// no answer of a person; from then on only signals are.
    pub fn wait(&mut self, signals: &Signals) -> Read<Answer> {
        loop {
            if let Some(woken) = signals.pending()? {
                return Ok(Answer::Woken(woken));
            }
            if !self.typed(signals)? {
                continue;
            }
            match self.line()? {
                Some(true) => return Ok(Answer::Enter),
                Some(false) if self.is_terminal() => return Ok(Answer::End),
                Some(false) => *self = Self::Silent,
                None => {}
            }
        }
    }

    /// Waits for either; whether it was the keyboard.
    fn typed(&self, signals: &Signals) -> Read<bool> {
        let stdin = std::io::stdin();
        let mut fds = vec![PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        match self {
            Self::Terminal(file) => fds.push(PollFd::new(file.as_fd(), PollFlags::POLLIN)),
            Self::Input => fds.push(PollFd::new(stdin.as_fd(), PollFlags::POLLIN)),
            Self::Silent => {}
        }
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(Failure::new("poll", errno)),
        }
        Ok(fds.get(1).and_then(PollFd::revents).is_some_and(|events| !events.is_empty()))
    }

    fn is_terminal(&self) -> bool {
        match self {
            Self::Terminal(_) => true,
            Self::Input => std::io::stdin().is_terminal(),
            Self::Silent => false,
        }
    }

    /// Reads what is there: whether a line is complete, or the input at its end. Read byte by byte: what
    /// follows the line is the first stage's.
    fn line(&mut self) -> Read<Option<bool>> {
        let mut byte = [0];
        let count = match self {
            Self::Terminal(file) => file.read(&mut byte).map_err(|error| failure("read", &error))?,
            Self::Input => {
                nix::unistd::read(std::io::stdin(), &mut byte).map_err(|errno| Failure::new("read", errno))?
            }
            Self::Silent => return Ok(None),
        };
        Ok(match (count, byte[0]) {
            (0, _) => Some(false),
            (_, b'\n') => Some(true),
            _ => None,
        })
    }
}

fn failure(call: &'static str, error: &std::io::Error) -> Failure {
    Failure::new(call, Errno::from_raw(error.raw_os_error().unwrap_or(0)))
}
