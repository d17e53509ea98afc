//! What only some kinds of file have, as JSON.

use super::json::{optional, text};
use crate::model::{Fact, Inode, Named, Watch, event_names};
use crate::query::Entry;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// The facts of a file: all, or those of these keys.
pub(super) struct FactsDoc<'a> {
    pub(super) entry: &'a Entry<'a>,
    pub(super) keys: Option<&'a [&'a str]>,
}

/// A map in which only some keys are wanted.
struct Chosen<'a, M> {
    map: M,
    keys: Option<&'a [&'a str]>,
}

impl<M: SerializeMap> Chosen<'_, M> {
    fn wants(&self, key: &str) -> bool {
        self.keys.is_none_or(|keys| keys.contains(&key))
    }

    fn optional(&mut self, key: &str, value: Option<impl Serialize>) -> Result<(), M::Error> {
        optional(&mut self.map, key, value.filter(|_| self.keys.is_none_or(|keys| keys.contains(&key))))
    }

    fn facts(&mut self, all: &[Named]) -> Result<(), M::Error> {
        for (key, fact) in all {
            if self.wants(key) {
                entry(&mut self.map, key, fact)?;
            }
        }
        Ok(())
    }
}

impl Serialize for FactsDoc<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { entry, keys } = self;
        let (file, watches) = (entry.file, entry.descriptor.map(|fd| &fd.watches[..]).unwrap_or_default());
        let mut map = Chosen { map: serializer.serialize_map(None)?, keys: *keys };
        if let Some(socket) = &file.socket {
            map.optional("family", socket.family)?;
            map.optional("type", socket.kind)?;
            map.optional("protocol", Some(&socket.protocol).filter(|name| !name.is_empty()))?;
            map.optional("state", socket.state)?;
            for (key, address) in [("local", &socket.local), ("remote", &socket.remote)] {
                if let Some(address) = address.as_ref().filter(|_| map.wants(key)) {
                    text(&mut map.map, key, address)?;
                }
            }
            map.optional("netns", socket.netns)?;
            map.optional("cookie", socket.cookie)?;
            map.optional("recv_queue", socket.recv_queue)?;
            map.optional("send_queue", socket.send_queue)?;
            map.optional("backlog", socket.backlog)?;
            map.optional("shutdown", socket.shutdown)?;
            map.facts(&socket.facts)?;
        }
        map.facts(&file.facts)?;
        let watches: Vec<_> = watches.iter().map(WatchDoc::from).collect();
        map.optional("tfd", Some(watches).filter(|watches| !watches.is_empty()))?;
        map.map.end()
    }
}

fn facts<M: SerializeMap>(map: &mut M, facts: &[Named]) -> Result<(), M::Error> {
    facts.iter().try_for_each(|(key, fact)| entry(map, key, fact))
}

fn entry<M: SerializeMap>(map: &mut M, key: &str, fact: &Fact) -> Result<(), M::Error> {
    match fact {
        Fact::Text(bytes) => text(map, key, bytes),
        fact => map.serialize_entry(key, &FactDoc(fact)),
    }
}

struct FactDoc<'a>(&'a Fact);

impl Serialize for FactDoc<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Fact::Text(bytes) => serializer.serialize_str(&String::from_utf8_lossy(bytes)),
            Fact::Number(number) => serializer.serialize_u64(*number),
            Fact::Integer(number) => serializer.serialize_i64(*number),
            Fact::Flag(flag) => serializer.serialize_bool(*flag),
            Fact::Time(time) => serializer.serialize_f64(time.as_secs_f64()),
            Fact::List(list) => serializer.collect_seq(list.iter().map(FactDoc)),
            Fact::Group(group) => {
                let mut map = serializer.serialize_map(None)?;
                facts(&mut map, group)?;
                map.end()
            }
        }
    }
}

#[derive(Serialize)]
struct WatchDoc {
    fd: i32,
    events: Vec<String>,
    data: u64,
    pos: i64,
    ino: u64,
    dev: String,
    means: &'static str,
}

impl From<&Watch> for WatchDoc {
    fn from(watch: &Watch) -> Self {
        let Inode { dev: (major, minor), ino } = watch.inode;
        Self {
            fd: watch.fd,
            events: event_names(watch.events),
            data: watch.data,
            pos: watch.pos,
            ino,
            dev: format!("{major}:{minor}"),
            means: watch.means.as_str(),
        }
    }
}
