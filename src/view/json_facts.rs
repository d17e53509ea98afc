//! What only some kinds of file have, as JSON.

use super::json::{optional, text};
use crate::model::{Fact, Facts, Inode, OpenFile, Watch, event_names};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// All facts of a file.
pub(super) struct FactsDoc<'a>(pub(super) &'a OpenFile, pub(super) &'a [Watch]);

impl Serialize for FactsDoc<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(file, watches) = self;
        let mut map = serializer.serialize_map(None)?;
        if let Some(socket) = &file.socket {
            optional(&mut map, "family", socket.family)?;
            optional(&mut map, "type", socket.kind)?;
            optional(&mut map, "protocol", Some(&socket.protocol).filter(|name| !name.is_empty()))?;
            optional(&mut map, "state", socket.state)?;
            for (key, address) in [("local", &socket.local), ("remote", &socket.remote)] {
                if let Some(address) = address {
                    text(&mut map, key, address)?;
                }
            }
            optional(&mut map, "netns", socket.netns)?;
            optional(&mut map, "cookie", socket.cookie)?;
            optional(&mut map, "recv_queue", socket.recv_queue)?;
            optional(&mut map, "send_queue", socket.send_queue)?;
            optional(&mut map, "backlog", socket.backlog)?;
            optional(&mut map, "shutdown", socket.shutdown)?;
            facts(&mut map, &socket.facts)?;
        }
        facts(&mut map, &file.facts)?;
        if !watches.is_empty() {
            map.serialize_entry("tfd", &watches.iter().map(WatchDoc::from).collect::<Vec<_>>())?;
        }
        map.end()
    }
}

fn facts<M: SerializeMap>(map: &mut M, facts: &Facts) -> Result<(), M::Error> {
    for (key, fact) in facts {
        match fact {
            Fact::Text(bytes) => text(map, key, bytes)?,
            fact => map.serialize_entry(key, &FactDoc(fact))?,
        }
    }
    Ok(())
}

struct FactDoc<'a>(&'a Fact);

impl Serialize for FactDoc<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Fact::Text(bytes) => serializer.serialize_str(&String::from_utf8_lossy(bytes)),
            Fact::Number(number) => serializer.serialize_u64(*number),
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
