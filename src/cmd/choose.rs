//! The options that choose: which processes, which of their files, and which columns.

use super::Fatal;
use crate::collect::{Among, Ends, Need, Only, Threads, Which, roll_call};
use crate::kernel::{Live, PlaceAsk, Source};
use crate::kind;
use crate::model::{Gap, KindName, Place};
use crate::query::filter::Filter;
use crate::query::numbers::Slots;
use crate::query::{Choice, Field, Wants, Whom};
use crate::view::lang::{self, Lang};
use crate::view::{escape, filter_words};
use regex::bytes::Regex;
use std::ffi::OsString;

/// Which processes and files are meant.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Selection (several of one kind widen, different kinds narrow)")]
pub struct Options {
    /// Those whose command's name this regular expression finds
    #[arg(short = 'c', long = "command", value_name = "REGEX")]
    commands: Vec<OsString>,
    /// Those of this user, by name or number
    #[arg(short = 'u', long = "user", value_name = "USER", value_delimiter = ',')]
    users: Vec<String>,
    /// This process and all its descendants
    #[arg(long = "tree", value_name = "PID", value_parser = clap::value_parser!(i32).range(1..), value_delimiter = ',')]
    trees: Vec<i32>,
    /// Also threads of the kernel, which have no descriptors
    #[arg(long)]
    kernel_threads: bool,
    /// Also threads that use their process's table; one with a table of its own is always shown
    #[arg(long)]
    threads: bool,
    /// Files of these kinds: pipe, tcp, file, …
    #[arg(short, long = "kind", value_name = "KIND", value_delimiter = ',')]
    kinds: Vec<String>,
    /// These descriptors and places: 0-2,7,cwd,root,exe,mem
    #[arg(short, long = "fd", value_name = "LIST")]
    fd: Option<String>,
    /// Files for which an expression holds, such as 'kind = pipe and not cloexec'
    #[arg(short = 'w', long = "where", value_name = "EXPR")]
    filter: Option<String>,
    /// Files whose name is gone
    #[arg(long)]
    deleted: bool,
    /// Also what is held without a descriptor: working and root directory, program, mapped files
    #[arg(long)]
    mapped: bool,
}

/// What the options mean, as far as it takes no look at the processes.
#[derive(Debug)]
pub struct Chosen {
    /// Which processes.
    pub whom: Whom,
    /// Which of their files.
    pub choice: Choice,
    /// Which places have to be looked at.
    pub places: PlaceAsk,
    /// Which threads.
    pub threads: Threads,
}

impl Options {
    /// Takes the options apart.
    pub fn read(&self, pids: &[i32], source: &dyn Source, lang: Lang) -> Result<Chosen, Fatal> {
        let mut commands = Vec::new();
        for text in &self.commands {
            let text = text.to_string_lossy();
            let regex = Regex::new(&text)
                .map_err(|_| Fatal::Message(lang::bad_regex(lang, &escape::show(text.as_bytes()))))?;
            commands.push(regex);
        }
        let mut users = Vec::new();
        for name in &self.users {
            let user = name.parse().ok().or_else(|| source.user_id(name));
            let unknown = || Fatal::Message(lang::no_such_user(lang, &escape::show(name.as_bytes())));
            users.push(user.ok_or_else(unknown)?);
        }
        let slots = self.fd.as_deref().map(|text| slots(text, lang)).transpose()?;
        let in_slots = |place| slots.as_ref().is_some_and(|slots| slots.places.contains(&place));
        let places = PlaceAsk {
            links: self.mapped || [Place::Cwd, Place::Root, Place::Exe].into_iter().any(in_slots),
            mapped: self.mapped || in_slots(Place::Mem),
        };
        Ok(Chosen {
            whom: Whom {
                pids: pids.to_vec(),
                commands,
                users,
                trees: self.trees.clone(),
                kernel_threads: self.kernel_threads,
            },
            choice: Choice {
                kinds: kinds(&self.kinds, lang)?,
                slots,
                deleted: self.deleted,
                filter: self.filter.as_deref().map(|text| filter(text, lang)).transpose()?,
            },
            places,
            threads: if self.threads { Threads::All } else { Threads::Apart },
        })
    }
}

impl Chosen {
    /// Whether nothing says which processes are meant, nor which files.
    pub fn is_open(&self) -> bool {
        self.whom.is_anybody() && self.choice.is_any()
    }

    /// Which processes to read.
    pub fn which(&self, source: &Live, gaps: &mut Vec<Gap>) -> Which {
        let Whom { pids, commands, users, trees, kernel_threads } = &self.whom;
        let by_pid_alone = commands.is_empty() && users.is_empty() && trees.is_empty() && !kernel_threads;
        match by_pid_alone {
            true if pids.is_empty() => Which::All,
            // One that is not there is told.
            true => Which::Pids(pids.clone()),
            false => Which::Those(self.whom.choose(&roll_call(source, !users.is_empty(), gaps))),
        }
    }

    /// Which files to read of processes of which nothing else is told. Those left out are in no listing, and are
    /// neither other ends of those that are nor share their open file descriptions.
    pub fn only(&self) -> Only {
        let Choice { kinds, deleted, .. } = &self.choice;
        let all = |test: fn(KindName) -> bool| !kinds.is_empty() && kinds.iter().copied().all(test);
        if self.places != PlaceAsk::default() {
            return Only::All;
        }
        if *deleted {
            Only::Deleted
        } else if all(|kind| kind.as_str() == "pipe") {
            Only::Pipes
        } else if all(is_of_sockets) {
            Only::Sockets
        } else {
            Only::All
        }
    }

    /// The fields that the choice of files asks for.
    pub fn wants(&self) -> Wants {
        let fields = self.choice.filter.iter().flat_map(|filter| filter.fields());
        let known = fields.filter_map(Field::named);
        known.fold(Wants::default(), |wants, field| wants.and(field.wants()))
    }
}

/// What to read, so that all of this is known.
pub fn need(wants: Wants, chosen: &Chosen) -> Need {
    let wants = wants.and(chosen.wants());
    Need {
        details: wants.details,
        users: wants.users || wants.details,
        fdinfo: wants.fdinfo,
        sockets: wants.sockets,
        tcp_info: wants.tcp_info,
        ends: if wants.ends { Ends::All } else { Ends::None },
        identity: if wants.identity { Among::All } else { Among::Nobody },
        places: chosen.places,
        threads: chosen.threads,
    }
}

/// Reads the names of fields, such as `command,fd,facts.state`.
pub fn fields(text: &str, lang: Lang) -> Result<Vec<Field>, Fatal> {
    let mut fields = Vec::new();
    for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let field = Field::named(&name.to_ascii_lowercase()).or_else(|| Field::named(name));
        let unknown = || {
            let known: Vec<_> = Field::names().collect();
            Fatal::Message(lang::no_such_field(lang, &escape::show(name.as_bytes()), &known.join(", ")))
        };
        let field = field.ok_or_else(unknown)?;
        if !fields.contains(&field) {
            fields.push(field);
        }
    }
    Ok(fields)
}

/// Reads by which fields to sort: `command,-offset`, where a minus turns the order round.
pub fn order(text: &str, lang: Lang) -> Result<Vec<(Field, bool)>, Fatal> {
    let mut order = Vec::new();
    for word in text.split(',').map(str::trim) {
        let (name, descending) = word.strip_prefix('-').map_or((word, false), |name| (name, true));
        order.extend(fields(name, lang)?.into_iter().map(|field| (field, descending)));
    }
    Ok(order)
}

fn kinds(names: &[String], lang: Lang) -> Result<Vec<KindName>, Fatal> {
    let find = |name: &String| {
        let kind = kind::KINDS.iter().find(|kind| kind.name.as_str() == name.as_str());
        kind.map(|kind| kind.name).ok_or_else(|| {
            let known: Vec<_> = kind::KINDS.iter().map(|kind| kind.name.as_str()).collect();
            Fatal::Message(lang::no_such_kind(lang, &escape::show(name.as_bytes()), &known.join(", ")))
        })
    };
    names.iter().map(find).collect()
}

/// Whether files of a kind are sockets, and none is the name of one, which O_PATH may have opened.
fn is_of_sockets(name: KindName) -> bool {
    let of_this = |kind: &&&kind::Kind| kind.name == name;
    name.as_str() != "socket"
        && kind::KINDS.iter().find(of_this).is_some_and(|kind| !kind.protocols.is_empty())
}

fn slots(text: &str, lang: Lang) -> Result<Slots, Fatal> {
    Slots::parse(text).map_err(|part| Fatal::Message(lang::bad_slots(lang, &escape::word(part.as_bytes()))))
}

fn filter(text: &str, lang: Lang) -> Result<Filter, Fatal> {
    Filter::parse(text, &|name| Field::named(name).is_some())
        .map_err(|fault| Fatal::Message(filter_words::fault(lang, text, &fault)))
}
