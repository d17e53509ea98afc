//! A server at work, and clients of it.

use crate::common::{Actor, pid_of, plain, program, start, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, getsockname, socket};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

pub const MODELS: [&str; 3] = ["epoll", "fork", "thread"];

/// So long a test waits for what has to come at once.
const PATIENCE: Option<Duration> = Some(Duration::from_secs(30));

/// A server that listens.
pub struct Server {
    pub pid: i32,
    /// Where it listens, as it says.
    pub places: Vec<String>,
    folder: TempDir,
    child: Child,
    _out: BufReader<ChildStdout>,
}

impl Server {
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_within(&[], arguments)
    }

    /// One that prints its tables, which nobody reads.
    pub fn printing(arguments: &[&str]) -> Self {
        Self::begin(&[], &[&["echo-server"], arguments].concat())
    }

    /// Starts it by another program, which executes it.
    pub fn start_within(around: &[&str], arguments: &[&str]) -> Self {
        Self::begin(around, &[&["echo-server", "--quiet"], arguments].concat())
    }

    fn begin(around: &[&str], arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut words = around.iter().map(std::convert::AsRef::as_ref).chain([program().as_os_str()]);
        let mut command = Command::new(words.next().unwrap());
        command.args(words).args(arguments);
        plain(&mut command);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(File::create(folder.path().join("errors")).unwrap());
        let mut child = start(&mut command);
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let given = arguments.iter().filter(|word| ["--listen", "--unix"].contains(*word)).count();
        let mut places = Vec::new();
        for _ in 0..given.max(1) {
            let mut line = String::new();
            out.read_line(&mut line).unwrap();
            let place = line.strip_prefix("listening on ").unwrap_or_else(|| {
                panic!("{line:?}: {}", fs::read_to_string(folder.path().join("errors")).unwrap())
            });
            places.push(place.trim_end().to_owned());
        }
        Self { pid: pid_of(&child), places, folder, child, _out: out }
    }

    /// A client at the first place.
    pub fn client(&self) -> Client {
        Client::connect(&self.places[0])
    }

    /// What it has said on standard error.
    pub fn errors(&self) -> String {
        fs::read_to_string(self.folder.path().join("errors")).unwrap()
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid), signal).unwrap();
    }

    /// Waits for its end and gives its status, 128 + the signal that killed it.
    pub fn ended(&mut self) -> i32 {
        use std::os::unix::process::ExitStatusExt as _;
        let mut ended = None;
        wait_until("end of the server", || {
            ended = self.child.try_wait().unwrap();
            ended.is_some()
        });
        let status = ended.unwrap();
        status.code().unwrap_or_else(|| 128 + status.signal().unwrap())
    }

    /// How many of its descriptors are sockets.
    pub fn sockets(&self) -> usize {
        crate::common::sockets_of(self.pid).len()
    }

    pub fn children(&self) -> Vec<i32> {
        children(self.pid)
    }

    /// A number of `/proc/PID/status`, by its name.
    pub fn status(&self, name: &str) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// The processor time that it has used, in clock ticks.
    pub fn ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The descriptors from 3 on that whoever runs the tests gave them, and they give to all that they start.
pub fn inherited() -> Vec<i32> {
    let actor = Actor::shell("");
    let numbers = descriptors(actor.pid).into_iter().filter(|fd| *fd > 2).collect();
    drop(actor);
    numbers
}

/// The numbers of a process's descriptors.
pub fn descriptors(pid: i32) -> Vec<i32> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap()).collect()
}

/// The children of a process, also those that have ended.
pub fn children(pid: i32) -> Vec<i32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

/// A client that fails where it would wait for ever.
pub enum Client {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Client {
    /// Connects to a place as a server tells it.
    pub fn connect(place: &str) -> Self {
        let client = if let Some(name) = place.strip_prefix('@') {
            let address = SocketAddr::from_abstract_name(name).unwrap();
            Self::Unix(UnixStream::connect_addr(&address).unwrap())
        } else if place.starts_with('/') {
            Self::Unix(UnixStream::connect(place).unwrap())
        } else {
            Self::Tcp(TcpStream::connect(place).unwrap())
        };
        match &client {
            Self::Tcp(stream) => stream.set_read_timeout(PATIENCE).unwrap(),
            Self::Unix(stream) => stream.set_read_timeout(PATIENCE).unwrap(),
        }
        client
    }

    pub fn set_nonblocking(&self, nonblocking: bool) {
        match self {
            Self::Tcp(stream) => stream.set_nonblocking(nonblocking).unwrap(),
            Self::Unix(stream) => stream.set_nonblocking(nonblocking).unwrap(),
        }
    }

    /// Ends its writing side.
    pub fn finish(&self) {
        match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write).unwrap(),
            Self::Unix(stream) => stream.shutdown(Shutdown::Write).unwrap(),
        }
    }

    /// Sends a little and expects it back.
    pub fn echoes(&mut self, text: &str) {
        self.write_all(text.as_bytes()).unwrap();
        self.receives(text);
    }

    pub fn receives(&mut self, text: &str) {
        let mut bytes = vec![0; text.len()];
        self.read_exact(&mut bytes).unwrap();
        assert_eq!(bytes, text.as_bytes());
    }

    /// Whether nothing has come for it, and no end.
    pub fn waits(&mut self) -> bool {
        self.set_nonblocking(true);
        let result = self.read(&mut [0]);
        self.set_nonblocking(false);
        result.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Expects that the server closes the connection, and nothing before that.
    pub fn sees_the_end(&mut self) {
        let mut rest = Vec::new();
        self.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"");
    }

    /// Sends until nothing more is taken, and gives what was taken: the server is asleep, and the queues
    /// between both are full.
    pub fn fill(&mut self, server: &Server) -> Vec<u8> {
        let piece = bytes(60_000);
        let mut sent = Vec::new();
        self.set_nonblocking(true);
        let mut refused = 0;
        wait_until("full queues", || {
            let asleep = [server.pid].iter().chain(&server.children()).all(|pid| {
                // Each thread has a state of its own.
                let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
                let tasks = tasks.map(|task| task.unwrap().file_name().into_string().unwrap());
                tasks.into_iter().all(|task| crate::common::state(task.parse().unwrap()) == Some('S'))
            });
            match self.write(&piece[sent.len() % 7..]) {
                Ok(length) => {
                    let from = sent.len() % 7;
                    sent.extend_from_slice(&piece[from..from + length]);
                    refused = 0;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => refused += u32::from(asleep),
                Err(error) => panic!("{error}"),
            }
            refused > 20
        });
        self.set_nonblocking(false);
        sent
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}

impl Read for Client {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(into),
            Self::Unix(stream) => stream.read(into),
        }
    }
}

impl Write for Client {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A port at which nobody listens, and that nobody else gets while the socket lives.
pub fn closed_port() -> (OwnedFd, String) {
    let fd = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
    bind(fd.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, 0)).unwrap();
    let place = getsockname::<SockaddrIn>(fd.as_raw_fd()).unwrap().to_string();
    (fd, place)
}

/// So many bytes, of which none stands in another's place unnoticed.
pub fn bytes(count: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..count).map(|_| next()).collect()
}

/// The program in another role than the server's, to its end.
pub fn ganariya(arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(arguments);
    plain(&mut command);
    command
}
