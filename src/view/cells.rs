//! The text of each column for one descriptor.

use super::table::Text;
use super::{Style, Tone, escape};
use crate::model::{
    Descriptor, Fact, Means, OpenFile, Process, Side, Snapshot, Socket, Watch, event_names, flag_names,
};
use crate::query::{Entry, Field, Known, NAMED_IN_A_LINE, Peer, Peers, Sharing, Value, Wiring};
use std::borrow::Cow;
use std::fmt::Write as _;

/// How many other ends a cell of a table names.
const PEERS_IN_A_CELL: usize = 4;

/// One descriptor's cells. A cell without anything to say is empty.
pub struct Cells {
    pub mode: String,
    pub kind: String,
    pub name: String,
    pub flags: Vec<String>,
}

/// What is asked for each descriptor.
pub struct Context<'a> {
    known: &'a Known<'a>,
    pub snapshot: &'a Snapshot,
    pub wiring: &'a Wiring<'a>,
    pub sharing: &'a Sharing,
    pub style: Style,
    /// Whether names tell what TCP measures, where that is known.
    pub measures: bool,
}

impl<'a> Context<'a> {
    pub fn new(known: &'a Known<'a>, style: Style) -> Self {
        let Known { snapshot, wiring, sharing } = known;
        Self { known, snapshot, wiring, sharing, style, measures: true }
    }

    /// The same, for tables whose bytes are counted elsewhere.
    pub fn without_measures(known: &'a Known<'a>, style: Style) -> Self {
        Self { measures: false, ..Self::new(known, style) }
    }

    pub fn cells(&self, descriptor: &Descriptor) -> Cells {
        let file = self.snapshot.file(descriptor);
        Cells {
            mode: mode(file).to_owned(),
            kind: file.kind.to_string(),
            name: self.name(file),
            flags: flags(descriptor, file),
        }
    }

    /// The cell of a field, and whether it tells of a wire or of a gap.
    pub fn cell(&self, field: &Field, entry: &Entry<'_>) -> Text {
        let (text, tone) = self.words(field, entry);
        (text.into_owned(), tone)
    }

    /// The same, without a copy of what is a word of this program.
    pub fn words(&self, field: &Field, entry: &Entry<'_>) -> (Cow<'static, str>, Tone) {
        let file = entry.file;
        let plain = |text: String| (text.into(), Tone::Plain);
        match field {
            field if field.is_of_process() => plain(cell_of_process(field, entry.process).0),
            Field::Fd => plain(entry.label()),
            Field::Access if entry.place.is_some() => plain(String::new()),
            Field::Access => (mode(file).into(), Tone::Plain),
            Field::Kind => (file.kind.as_str().into(), self.tone(entry)),
            Field::Name => {
                let tone = if file.name.is_err() { Tone::Warning } else { Tone::Plain };
                (self.name(file).into(), tone)
            }
            Field::Flags => {
                let flags = entry.descriptor.map(|descriptor| flags(descriptor, file)).unwrap_or_default();
                plain(flags.join(if self.style.width.is_some() { " " } else { "," }))
            }
            Field::SharedWith => {
                let letter = entry.descriptor.and_then(|descriptor| self.sharing.letter(descriptor));
                plain(letter.unwrap_or_default())
            }
            Field::Peers => (self.other_end(entry).into(), self.tone(entry)),
            Field::Fact(keys) if keys.len() == 1 && keys[0] == "locks" => plain(locks(file)),
            field => plain(value(&field.value(self.known, entry))),
        }
    }

    /// Whether it is an end, as colour tells.
    fn tone(&self, entry: &Entry<'_>) -> Tone {
        let is_end = |descriptor: &Descriptor| {
            let peers = self.wiring.peers(entry.process.owner(), descriptor);
            !matches!(peers, Peers::NotAnEnd | Peers::NotAsked) || !descriptor.watches.is_empty()
        };
        if self.style.color && entry.descriptor.is_some_and(is_end) { Tone::Wire } else { Tone::Plain }
    }

    /// What is at the other end, or what an epoll instance watches.
    fn other_end(&self, entry: &Entry<'_>) -> String {
        let Some(descriptor) = entry.descriptor else { return String::new() };
        match &descriptor.watches[..] {
            [] => self.connected(&self.wiring.peers(entry.process.owner(), descriptor)),
            watches => self.watches(watches),
        }
    }

    fn name(&self, file: &OpenFile) -> String {
        let mut text = match (&file.name, &file.socket) {
            (Err(failure), _) => return format!("({failure})"),
            (Ok(name), Some(socket)) => return self.socket(name, socket),
            (Ok(name), None) => escape::name(name),
        };
        if file.deleted {
            text.push_str(" (deleted)");
        }
        if let Some(brief) = &file.more.brief {
            let _ = write!(text, " ({})", escape::show(brief.as_bytes()));
        }
        // The offset of what cannot be seeked stays 0.
        if let Some(offset) = file.more.offset.filter(|&offset| offset != 0) {
            let _ = write!(text, " (offset {offset})");
        }
        text
    }

    fn socket(&self, name: &[u8], socket: &Socket) -> String {
        let mut words = Vec::new();
        match (&socket.local, &socket.remote) {
            (Some(local), Some(remote)) => {
                let arrow = self.style.glyph("→", "->");
                words.push(format!("{} {arrow} {}", escape::name(local), escape::name(remote)));
            }
            (Some(local), None) => words.push(escape::name(local)),
            (None, _) => words.push(escape::show(name)),
        }
        words.extend(of_protocol(socket, self.measures));
        words.extend(socket.state.copied().map(str::to_owned));
        words.extend(waiting(socket));
        words.join(" ")
    }

    fn connected(&self, peers: &Peers<'_>) -> String {
        let lang = self.style.lang;
        match peers {
            Peers::NotAnEnd | Peers::NotAsked => String::new(),
            Peers::Unknown(failure) => format!("? ({failure})"),
            Peers::Outside(address) => super::lang::outside(lang, &escape::name(address)),
            Peers::Found(peers) if peers.is_empty() => super::lang::nobody(lang),
            Peers::Found(peers) => self.some(peers.len(), peers.iter(), |peer| {
                let name = self::peer(peer);
                match (peer.is_of_a_backlog(), peer.endpoint.side) {
                    (true, Side::One) => super::lang::in_backlog(lang, &name),
                    (true, _) => super::lang::not_accepted(lang, &name),
                    (false, _) => name,
                }
            }),
        }
    }

    /// The first few of many in a cell, a line for each; more of them in a line.
    fn some<T>(&self, count: usize, all: impl Iterator<Item = T>, name: impl Fn(T) -> String) -> String {
        let most = if self.style.width.is_some() { PEERS_IN_A_CELL } else { NAMED_IN_A_LINE };
        let shown = count.min(most);
        let mut names: Vec<_> = all.take(shown).map(name).collect();
        if shown < count {
            names.push(super::lang::and_more(self.style.lang, count - shown));
        }
        names.join(if self.style.width.is_some() { "\n" } else { ", " })
    }

    /// What an epoll instance watches.
    fn watches(&self, watches: &[Watch]) -> String {
        let lang = self.style.lang;
        self.some(watches.len(), watches.iter(), |Watch { fd, events, means, .. }| {
            let names: Vec<_> = event_names(*events)
                .into_iter()
                .map(|name| name.trim_start_matches("EPOLL").to_owned())
                .collect();
            let watch = super::lang::watches(lang, *fd, &names.join("|"));
            match means {
                Means::Current => watch,
                Means::Stale => super::lang::watch_stale(lang, &watch),
                Means::Unproven => format!("{watch} ?"),
            }
        })
    }
}

/// The cell of a field that is the process's.
pub fn cell_of_process(field: &Field, process: &Process) -> Text {
    let text = match field {
        Field::Pid => pid(process),
        Field::User => super::inspect::user(process),
        Field::Argv => {
            let words: Vec<_> = process.argv.iter().map(|argument| escape::word(argument)).collect();
            words.join(" ")
        }
        field => value(&field.value_of_process(process)),
    };
    (text, Tone::Plain)
}

/// What a file is open for, as in the MODE column.
pub fn mode(file: &OpenFile) -> &'static str {
    file.access.map_or("?", |access| access.as_str())
}

fn flags(descriptor: &Descriptor, file: &OpenFile) -> Vec<String> {
    let mut flags: Vec<String> = Vec::new();
    if descriptor.cloexec == Some(true) {
        flags.push("CLOEXEC".to_owned());
    }
    if let Some(bits) = file.more.flags {
        // The access mode has a column of its own, and every 64-bit program has O_LARGEFILE.
        let names = flag_names(bits).into_iter().skip(1).filter(|name| name != "O_LARGEFILE");
        flags.extend(names.map(|name| name.trim_start_matches("O_").to_owned()));
    }
    flags
}

/// The locks held through a descriptor: `FLOCK WRITE, POSIX READ 5-14`.
fn locks(file: &OpenFile) -> String {
    let Some(Fact::List(locks)) = Fact::named(&file.facts, "locks") else { return String::new() };
    let lock = |lock: &Fact| {
        let Fact::Group(facts) = lock else { return String::new() };
        let fact = |name: &str| Fact::named(facts, name).map(show);
        let range = match (fact("start"), fact("end")) {
            (Some(start), None) if start == "0" => None,
            (Some(start), end) => Some(format!("{start}-{}", end.unwrap_or_default())),
            (None, _) => None,
        };
        [fact("type"), fact("mode"), range].into_iter().flatten().collect::<Vec<_>>().join(" ")
    };
    locks.iter().map(lock).collect::<Vec<_>>().join(", ")
}

/// A value as a cell has it.
fn value(value: &Value<'_>) -> String {
    match value {
        Value::Absent => String::new(),
        Value::Unknown => "?".to_owned(),
        Value::Bool(flag) => if *flag { "yes" } else { "no" }.to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Seconds(seconds) => format!("{seconds}s"),
        Value::Text(text) => escape::show(text),
        Value::OneOf(word, _) => (*word).to_owned(),
        Value::List(list) => list.iter().map(self::value).collect::<Vec<_>>().join(" "),
    }
}

/// `4711`, or `4711/4713` of a thread that is shown for itself.
pub fn pid(process: &Process) -> String {
    match process.tid() {
        Some(tid) => format!("{}/{tid}", process.pid()),
        None => process.pid().to_string(),
    }
}

/// `grep[4712] fd 0 (r)`
pub fn peer(peer: Peer<'_>) -> String {
    let access = peer.access.map_or("?", |access| access.as_str());
    let name = match peer.leader {
        Some(leader) => format!("{}[{}/{}]", escape::show(peer.comm), leader.pid, peer.process.pid),
        None => process(peer.comm, peer.process.pid),
    };
    format!("{name} fd {} ({access})", peer.fd)
}

/// `grep[4712]`
pub fn process(comm: &[u8], pid: i32) -> String {
    format!("{}[{pid}]", escape::show(comm))
}

fn show(fact: &Fact) -> String {
    match fact {
        Fact::Text(text) => escape::show(text),
        Fact::Number(number) => number.to_string(),
        Fact::Integer(number) => number.to_string(),
        Fact::Flag(flag) => flag.to_string(),
        Fact::Time(time) => format!("{time:?}"),
        Fact::List(list) => list.iter().map(show).collect::<Vec<_>>().join(","),
        Fact::Group(group) => {
            group.iter().map(|(name, fact)| format!("{name} {}", show(fact))).collect::<Vec<_>>().join(" ")
        }
    }
}

/// Of what TCP measures, what one looks for first.
fn tcp(info: &Fact) -> Option<String> {
    let Fact::Group(facts) = info else { return None };
    let value = |name: &str| Fact::named(facts, name).map(show);
    let words: Vec<String> = [
        value("rtt").filter(|rtt| rtt != "0ns").map(|rtt| format!("rtt {rtt}")),
        value("snd_cwnd").map(|cwnd| format!("cwnd {cwnd}")),
        value("unacked").filter(|count| count != "0").map(|count| format!("unacked {count}")),
        value("total_retrans").filter(|count| count != "0").map(|count| format!("retransmitted {count}")),
        value("timer").map(|timer| format!("timer {timer}")),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!words.is_empty()).then(|| format!("({})", words.join(", ")))
}

/// What the addresses do not tell.
fn of_protocol(socket: &Socket, measures: bool) -> Vec<String> {
    let fact = |name: &str| Fact::named(&socket.facts, name).map(show);
    let labelled = |label: &str, key| fact(key).map(|value| format!("{label} {value}"));
    let words = match socket.family.copied() {
        Some("unix") => vec![socket.kind.copied().map(str::to_owned)],
        Some("netlink") => vec![
            fact("netlink_protocol"),
            labelled("port", "port").filter(|port| port != "port 0"),
            labelled("groups", "groups").filter(|groups| groups != "groups "),
        ],
        Some("packet") => {
            vec![socket.kind.copied().map(str::to_owned), fact("ether_protocol"), labelled("on", "interface")]
        }
        Some("inet" | "inet6") => vec![
            labelled("protocol", "ip_protocol"),
            labelled("ident", "ident"),
            labelled("on", "interface"),
            Fact::named(&socket.facts, "tcp_info").filter(|_| measures).and_then(tcp),
        ],
        Some("vsock") => Vec::new(),
        _ => vec![Some(escape::show(socket.protocol.as_bytes()))],
    };
    words.into_iter().flatten().filter(|word| !word.is_empty()).collect()
}

/// What waits in the queues: bytes, or connections.
pub fn waiting(socket: &Socket) -> Option<String> {
    let waits = |queue: Option<u32>| queue.filter(|&count| count > 0);
    match (socket.listens(), waits(socket.recv_queue), waits(socket.send_queue)) {
        (true, Some(count), _) => Some(match socket.backlog {
            Some(limit) => format!("(backlog {count}/{limit})"),
            None => format!("(backlog {count})"),
        }),
        (false, Some(unread), Some(unsent)) => Some(format!("(unread {unread}, unsent {unsent})")),
        (false, Some(unread), None) => Some(format!("(unread {unread})")),
        (false, None, Some(unsent)) => Some(format!("(unsent {unsent})")),
        _ => None,
    }
}
