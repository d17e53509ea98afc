//! What is different between two listings of the same choice, one taken after the other.

use super::fields::OF_SOCKETS;
use super::{Entry, Field, Listing, Value};
use crate::model::{Inode, OpenFile, Place, ProcessId};
use std::collections::HashMap;

/// What happened to an entry since the listing before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// It was there and is as it was.
    Same,
    /// It was not there.
    New,
    /// These fields, by their keys, have other values.
    Changed(Vec<String>),
    /// It is not there any more.
    Gone,
}

impl Difference {
    /// `new`, `gone` or `changed`; nothing where it is the same.
    pub fn word(&self) -> Option<&'static str> {
        match self {
            Self::Same => None,
            Self::New => Some("new"),
            Self::Changed(_) => Some("changed"),
            Self::Gone => Some("gone"),
        }
    }
}

/// What makes an entry of one listing that of another: the process and the number, or of what has none the
/// place and the file.
type Key = (ProcessId, Option<i32>, Option<(Place, Option<Inode>)>);

fn key(entry: &Entry<'_>) -> Key {
    (entry.process.id, entry.number(), entry.place.map(|place| (place, entry.file.inode)))
}

/// The fields that are compared. Labels of open file descriptions mean something within one snapshot alone.
const COMPARED: [Field; 10] = [
    Field::Kind,
    Field::Name,
    Field::Ino,
    Field::Access,
    Field::Cloexec,
    Field::Flags,
    Field::Offset,
    Field::Deleted,
    Field::SharedWith,
    Field::Peers,
];

/// Compares a listing with the one before: what is different of each of its entries, in their order, and the
/// entries of the one before that are not there any more.
pub fn differences<'a>(before: &Listing<'a>, after: &Listing<'_>) -> (Vec<Difference>, Vec<Entry<'a>>) {
    let mut old: HashMap<Key, Entry<'a>> = before.entries().map(|entry| (key(&entry), entry)).collect();
    let different = after
        .entries()
        .map(|entry| match old.remove(&key(&entry)) {
            None => Difference::New,
            Some(was) => {
                let changed = changed(before, &was, after, &entry);
                if changed.is_empty() { Difference::Same } else { Difference::Changed(changed) }
            }
        })
        .collect();
    let gone = before.entries().filter(|entry| old.contains_key(&key(entry))).collect();
    (different, gone)
}

fn changed(before: &Listing<'_>, was: &Entry<'_>, after: &Listing<'_>, is: &Entry<'_>) -> Vec<String> {
    let mut fields = COMPARED.to_vec();
    for name in fact_names(was.file).into_iter().chain(fact_names(is.file)) {
        let field = Field::Fact(vec![name.to_owned()]);
        if name != COUNTS_DOWN && !fields.contains(&field) {
            fields.push(field);
        }
    }
    let differs = |field: &&Field| {
        // What is not known now, or was not then, may be the same.
        let (old, new) = (field.value(before.known, was), field.value(after.known, is));
        old != new && old != Value::Unknown && new != Value::Unknown
    };
    fields.iter().filter(differs).map(|field| field.key().into_owned()).collect()
}

/// The fact of a timer that changes by itself.
const COUNTS_DOWN: &str = "it_value";

fn fact_names(file: &OpenFile) -> Vec<&str> {
    let of_socket = file
        .socket
        .iter()
        .flat_map(|socket| OF_SOCKETS.into_iter().chain(socket.facts.iter().map(|(name, _)| &**name)));
    of_socket.chain(file.facts.iter().map(|(name, _)| &**name)).collect()
}
