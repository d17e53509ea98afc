//! The driver of the lab on sockets: a real server, real clients, and one of them at a time.
//!
//! None of the actors is the other's child, and none knows the other's pid: what connects them are
//! addresses. Each is traced, and stands still at the entry of the call in which it would wait for the
//! other. So between any two turns all of them stand, and the kernel's tables are those of one moment:
//! a connection is seen in the backlog because its server has not been let go yet, not because somebody
//! was quick enough.

use super::driver::{End, WIRING};
use super::echo_moment::{EchoMoment, EchoPlan, SERVER, Scene, TellEcho};
use super::echo_roles::{CLIENT, PREDECESSOR, Role, SUCCESSOR};
use super::telling::is_fork;
use super::{Outcome, Problem, Stage, Tables};
use crate::collect::follow::{Event, Follower};
use crate::collect::{Ends, Need, Request, Which, collect, lingering};
use crate::kernel::Source;
use crate::kernel::ptrace::{Pace, Stop, Tracer, process_of, send};
use crate::kernel::signals::{SIGCONT, SIGKILL, SIGTERM, Signals, Woken};
use crate::kernel::spawn;
use crate::kernel::terminal::{Answer, Keyboard, Modes};
use crate::model::{Failure, Fate, Lingering, Snapshot, Step};
use std::collections::{HashMap, HashSet};
use std::ffi::CStr;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

/// Why a turn did not come to its end.
enum Halt {
    End(End),
    Problem(Problem),
}

impl<P: Into<Problem>> From<P> for Halt {
    fn from(problem: P) -> Self {
        Self::Problem(problem.into())
    }
}

/// The calls in which a server waits for connections, or for whatever its event loop watches.
const WAITS: [&str; 2] = ["epoll_pwait", "ppoll"];
/// The calls in which a process or thread that serves one client waits for it.
const READS: [&str; 2] = ["read", "recvfrom"];

/// Drives the lab and tells `tell` what happens. Nothing that it started is left when this returns.
pub fn drive_echo(
    source: &dyn Source,
    plan: &EchoPlan<'_>,
    tell: &mut TellEcho<'_>,
) -> Result<Outcome, Problem> {
    let _modes = Modes::note();
    let mut tracer = Tracer::new(Signals::take()?);
    let server = spawn::launch(&mut tracer, plan.program, plan.server)?;
    let mut lesson = Lesson {
        source,
        plan,
        follower: Follower::new(source, tracer, server),
        stages: vec![Stage { pid: server, command: name_of(SERVER), fate: None }],
        threads: HashMap::new(),
        held: HashMap::new(),
        born: Vec::new(),
        playing: HashSet::new(),
        steps: 0,
        address: None,
        connections: HashSet::new(),
        outcome: Outcome::default(),
    };
    match lesson.play(server, tell) {
        Ok(()) => {}
        Err(Halt::End(End::Asked(signal))) => lesson.outcome.asked = Some(signal),
        Err(Halt::End(End::Late | End::Stuck)) => lesson.outcome.late = Some(plan.timeout),
        Err(Halt::End(End::Dismissed)) => lesson.outcome.dismissed = true,
        Err(Halt::Problem(problem)) => return Err(problem),
    }
    Ok(lesson.finish())
}

struct Lesson<'a> {
    source: &'a dyn Source,
    plan: &'a EchoPlan<'a>,
    follower: Follower<'a>,
    /// Everybody who was there, in the order of their births.
    stages: Vec<Stage>,
    /// The threads that live, besides the first ones of processes, by the names of these.
    threads: HashMap<i32, String>,
    /// Who stands still, and where.
    held: HashMap<i32, Stop>,
    /// Who was born in the turn that is played.
    born: Vec<i32>,
    /// Who has begun to play.
    playing: HashSet<i32>,
    steps: usize,
    /// Where the server listens.
    address: Option<SocketAddrV4>,
    /// The local addresses of the sockets that were connected.
    connections: HashSet<Box<[u8]>>,
    outcome: Outcome,
}

impl Lesson<'_> {
    fn play(&mut self, server: i32, tell: &mut TellEcho<'_>) -> Result<(), Halt> {
        tell(EchoMoment::Begun)?;
        self.turn(server, &WAITS, tell)?;
        let address = self.address_of(server)?;
        self.address = Some(address);
        self.scene(Scene::Listening, vec![server], tell)?;
        let served = self.connect_all(server, address, tell)?;
        self.scene(Scene::Connected, self.living(), tell)?;
        if self.plan.hold {
            tell(EchoMoment::Held { stages: &self.stages })?;
            self.wait_for_person(Keyboard::input())?;
        }
        for &(client, serving) in &served {
            self.turn(client, &["read"], tell)?;
            self.serve(server, serving, tell)?;
            self.turn(client, &["shutdown"], tell)?;
        }
        self.scene(Scene::Echoed, self.living(), tell)?;
        for (index, &(client, serving)) in served.iter().enumerate() {
            self.turn(client, &["read"], tell)?;
            if index == 0 {
                self.wait_for_answer_to_fin(client);
                let process = process_of(serving).unwrap_or(serving);
                self.scene(Scene::HalfClosed, vec![process, client], tell)?;
            }
            self.serve(server, serving, tell)?;
            self.turn(client, &[], tell)?;
        }
        self.end(server, SIGTERM, tell)?;
        self.turn(server, &[], tell)?;
        self.scene(Scene::Closed, Vec::new(), tell)?;
        self.inherit(address, tell)
    }

    /// Has each client connect and the server accept it: who each is, and who serves it.
    fn connect_all(
        &mut self,
        server: i32,
        address: SocketAddrV4,
        tell: &mut TellEcho<'_>,
    ) -> Result<Vec<(i32, i32)>, Halt> {
        let mut served = Vec::new();
        for number in 1..=self.plan.clients {
            // The second comes from the first one's port, at another address.
            let first = served.first().map(|&(client, _)| self.address_of(client));
            let from = match (number, first) {
                (2, Some(first)) => Some(SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, 2), first?.port())),
                _ => None,
            };
            let role = Role::Client { server: address, from, message: format!("hello {number}\n") };
            let client = self.launch(&role, CLIENT)?;
            self.turn(client, &["write"], tell)?;
            if number == 1 {
                self.scene(Scene::Waiting, vec![server, client], tell)?;
            }
            self.turn(server, &WAITS, tell)?;
            let mut serving = server;
            for child in std::mem::take(&mut self.born) {
                self.turn(child, &READS, tell)?;
                serving = child;
            }
            served.push((client, serving));
            if number < self.plan.clients {
                self.scene(Scene::Accepted { client: number }, self.living(), tell)?;
            }
        }
        Ok(served)
    }

    /// Lets whoever serves a client do what there is to do now.
    fn serve(&mut self, server: i32, serving: i32, tell: &mut TellEcho<'_>) -> Result<(), Halt> {
        if serving == server { self.turn(server, &WAITS, tell) } else { self.turn(serving, &READS, tell) }
    }

    /// Has a child keep a port taken, and another server find out.
    fn inherit(&mut self, address: SocketAddrV4, tell: &mut TellEcho<'_>) -> Result<(), Halt> {
        let old = self.launch(&Role::Predecessor(address), PREDECESSOR)?;
        self.turn(old, &[], tell)?;
        let Some(child) = self.born.pop() else { return Err(Problem::ActorLost.into()) };
        let new = self.launch(&Role::Successor(address), SUCCESSOR)?;
        // It stands before its first attempt, and then before its second.
        self.turn(new, &["bind"], tell)?;
        self.turn(new, &["bind"], tell)?;
        self.scene(Scene::Kept, vec![child], tell)?;
        self.end(child, SIGKILL, tell)?;
        self.turn(child, &[], tell)?;
        self.turn(new, &[], tell)
    }

    fn launch(&mut self, role: &Role, name: &CStr) -> Result<i32, Halt> {
        let pid = spawn::launch(self.follower.tracer(), self.plan.program, &role.argv())?;
        self.follower.follow(pid);
        self.stages.push(Stage { pid, command: name_of(name), fate: None });
        Ok(pid)
    }

    /// Asks a process to end, by a signal that it takes when it goes on.
    fn end(&mut self, pid: i32, signal: i32, tell: &mut TellEcho<'_>) -> Result<(), Halt> {
        tell(EchoMoment::Ends { name: &self.name(pid), pid })?;
        send(pid, signal);
        Ok(())
    }

    /// Lets one task go on until it is about to make one of these calls, or has ended. Whoever is born
    /// meanwhile stands still.
    fn turn(&mut self, tid: i32, until: &[&str], tell: &mut TellEcho<'_>) -> Result<(), Halt> {
        if !self.lives(tid) {
            return Ok(());
        }
        if let Some(stop) = self.held.remove(&tid) {
            self.follower.go(stop, Pace::ToCall)?;
        }
        loop {
            let deadline = Instant::now() + self.plan.timeout.max(WIRING);
            let stop = match self.follower.next(Some(deadline))? {
                Event::Entry { call, stop } if stop.tid() == tid && self.rests(tid, call, until) => {
                    self.held.insert(tid, stop);
                    return Ok(());
                }
                Event::Born { birth, stop } => {
                    let command = self.name(birth.parent);
                    if birth.is_thread {
                        self.threads.insert(birth.child, command);
                    } else {
                        self.stages.push(Stage { pid: birth.child, command, fate: None });
                    }
                    self.playing.insert(birth.child);
                    self.born.push(birth.child);
                    self.held.insert(birth.child, stop);
                    continue;
                }
                Event::Step { step, stop } => {
                    self.at_step(step, tell)?;
                    stop
                }
                Event::Entry { stop, .. } | Event::Exec { stop, .. } | Event::Exiting { stop } => stop,
                Event::Ended { tid: ended, fate } => {
                    self.at_end(ended, fate);
                    if ended == tid {
                        return if until.is_empty() || self.has_played(tid) {
                            Ok(())
                        } else {
                            Err(Problem::ActorLost.into())
                        };
                    }
                    continue;
                }
                Event::Asked(signal) => return Err(Halt::End(End::Asked(signal))),
                Event::Late => return Err(Halt::End(End::Late)),
                Event::Nobody => return Err(Problem::ActorLost.into()),
            };
            self.follower.go(stop, Pace::ToCall)?;
        }
    }

    /// Whether a task that plays is about to make one of these calls.
    fn rests(&self, tid: i32, call: &str, until: &[&str]) -> bool {
        self.playing.contains(&tid) && until.contains(&call)
    }

    fn at_step(&mut self, mut step: Step, tell: &mut TellEcho<'_>) -> Result<(), Halt> {
        if !self.playing.contains(&step.pid) {
            // What came before are the dynamic linker and the runtime of the actor's own program.
            let name = self.name(step.pid);
            if step.call == "prctl"
                && self.source.stat(step.pid).is_ok_and(|stat| stat.comm == name.as_bytes())
            {
                self.playing.insert(step.pid);
            }
            return Ok(());
        }
        if !is_worth_telling(&step) {
            return Ok(());
        }
        self.steps += 1;
        step.n = self.steps;
        step.actor = self.name(step.pid);
        tell(EchoMoment::Step(&step))?;
        if self.plan.step { self.wait_for_person(Keyboard::terminal()?) } else { Ok(()) }
    }

    fn at_end(&mut self, tid: i32, fate: Fate) {
        self.held.remove(&tid);
        self.threads.remove(&tid);
        if let Some(stage) = self.stages.iter_mut().find(|stage| stage.pid == tid) {
            stage.fate = Some(fate);
        }
    }

    fn lives(&self, tid: i32) -> bool {
        self.threads.contains_key(&tid) || self.living().contains(&tid)
    }

    /// Whether a task that has ended had a part in what was told: a thread ends when its client has.
    fn has_played(&self, tid: i32) -> bool {
        self.stages.first().is_some_and(|server| server.pid != tid) && self.playing.contains(&tid)
    }

    fn living(&self) -> Vec<i32> {
        self.stages.iter().filter(|stage| stage.fate.is_none()).map(|stage| stage.pid).collect()
    }

    fn name(&self, tid: i32) -> String {
        let stage = self.stages.iter().find(|stage| stage.pid == tid);
        stage.map_or_else(
            || self.threads.get(&tid).cloned().unwrap_or_default(),
            |stage| stage.command.clone(),
        )
    }

    /// Tells what there is to see: the tables of these, as far as they are asked for.
    fn scene(&mut self, scene: Scene, pids: Vec<i32>, tell: &mut TellEcho<'_>) -> Result<(), Halt> {
        let wanted = match scene {
            Scene::Connected | Scene::Closed => Tables::Exec,
            _ => Tables::All,
        };
        if self.plan.tables < wanted {
            return Ok(());
        }
        let snapshot = self.tables(pids);
        if scene == Scene::Connected {
            let sockets = snapshot.files.iter().filter_map(|file| file.socket.as_ref());
            self.connections =
                sockets.filter(|one| one.remote.is_some()).filter_map(|one| one.local.clone()).collect();
        }
        let remembered = (scene == Scene::Closed).then(|| self.remembered());
        tell(EchoMoment::Scene { scene, snapshot: &snapshot, lingering: remembered.as_ref() })?;
        Ok(())
    }

    /// The server's connections that are in TIME_WAIT, and nobody else's: not those of an earlier server at the
    /// same address either.
    fn remembered(&self) -> Result<Vec<Lingering>, Failure> {
        let own = i32::try_from(std::process::id()).unwrap_or(0);
        let address = self.address.map(|address| address.to_string()).unwrap_or_default();
        let mut all = lingering(self.source, own)?;
        let is_ours = |one: &str| self.connections.contains(one.as_bytes());
        all.retain(|one| {
            (one.local == address || one.remote == address) && is_ours(&one.local) && is_ours(&one.remote)
        });
        Ok(all)
    }

    fn tables(&self, pids: Vec<i32>) -> Snapshot {
        // The terminal that all of them have is not what this is about.
        let need = Need { tcp_info: true, ends: Ends::Sockets, ..Need::ALL };
        collect(self.source, &Request::new(Which::Pids(pids), need))
    }

    /// Waits until the kernel at the other side has acknowledged a client's FIN, which it may put off for a
    /// moment (tcp(7), TCP_QUICKACK), or does not do in time: the state is shown as it is then.
    fn wait_for_answer_to_fin(&self, client: i32) {
        let deadline = Instant::now() + Duration::from_secs(1);
        let waits = |snapshot: &Snapshot| {
            let mut sockets = snapshot.files.iter().filter_map(|file| file.socket.as_ref());
            sockets.any(|socket| socket.state == Some(&"FIN_WAIT1"))
        };
        while waits(&self.sockets_of(client)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn sockets_of(&self, pid: i32) -> Snapshot {
        let need = Need { sockets: true, ..Need::NAMES };
        collect(self.source, &Request::new(Which::Pids(vec![pid]), need))
    }

    /// The address of the socket that an actor has.
    fn address_of(&self, pid: i32) -> Result<SocketAddrV4, Problem> {
        let snapshot = self.sockets_of(pid);
        let mut sockets = snapshot.files.iter().filter_map(|file| file.socket.as_ref());
        let local =
            sockets.find_map(|socket| socket.local.as_deref()?.utf8_chunks().next()?.valid().parse().ok());
        local.ok_or(Problem::ActorLost)
    }

    /// Waits until the person presses Enter.
    fn wait_for_person(&mut self, mut keyboard: Keyboard) -> Result<(), Halt> {
        loop {
            match keyboard.wait(self.follower.tracer().signals())? {
                Answer::Enter => return Ok(()),
                Answer::End => return Err(Halt::End(End::Dismissed)),
                Answer::Woken(Woken::Asked(signal)) => return Err(Halt::End(End::Asked(signal))),
                Answer::Woken(_) => {}
            }
        }
    }

    /// Ends whoever is left.
    fn finish(mut self) -> Outcome {
        for pid in self.follower.tracer().live().collect::<Vec<_>>() {
            send(pid, SIGCONT);
        }
        for (tid, fate) in self.follower.end_all() {
            self.at_end(tid, fate);
        }
        self.outcome.stages = self.stages;
        self.outcome
    }
}

fn name_of(name: &CStr) -> String {
    name.to_string_lossy().into_owned()
}

/// Whether a step is one of what the lab is about.
fn is_worth_telling(step: &Step) -> bool {
    let is_own = matches!(
        step.call,
        "socket"
            | "bind"
            | "listen"
            | "connect"
            | "accept"
            | "accept4"
            | "epoll_create1"
            | "epoll_ctl"
            | "shutdown"
            | "close"
    );
    let is_transfer = matches!(step.call, "read" | "write" | "recvfrom" | "sendto");
    let of_a_socket = step.args.first().and_then(|fd| fd.parse::<i32>().ok()).is_some_and(|fd| fd > 2);
    is_own || is_fork(step.call) || (is_transfer && of_a_socket)
}
