//! What of a snapshot is listed: which processes, and which of their files.
//!
//! A listing leaves out, and the snapshot keeps all: what is at the other end of a descriptor that is shown
//! may be one that is not.

use super::filter::{Condition, Filter};
use super::numbers::Slots;
use super::{Field, NAMED_IN_A_LINE, Peers, Sharing, Value, Wiring};
use crate::model::{Descriptor, Endpoint, KindName, OpenFile, Place, Process, Snapshot};
use std::cmp::Ordering;
use std::collections::HashMap;

/// A snapshot with what follows from all of it.
#[derive(Debug)]
pub struct Known<'a> {
    /// The snapshot.
    pub snapshot: &'a Snapshot,
    /// Who is connected to whom.
    pub wiring: Wiring<'a>,
    /// Who shares what.
    pub sharing: Sharing,
}

impl<'a> Known<'a> {
    /// Joins what `snapshot` has.
    pub fn new(snapshot: &'a Snapshot) -> Self {
        Self { snapshot, wiring: Wiring::new(snapshot), sharing: Sharing::new(snapshot) }
    }
}

/// A file that a process refers to, by a descriptor or without one.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The process.
    pub process: &'a Process,
    /// By which descriptor.
    pub descriptor: Option<&'a Descriptor>,
    /// In which place, where not by a descriptor.
    pub place: Option<Place>,
    /// The file.
    pub file: &'a OpenFile,
}

impl<'a> Entry<'a> {
    /// One by a descriptor.
    pub fn of(snapshot: &'a Snapshot, process: &'a Process, descriptor: &'a Descriptor) -> Self {
        Self { process, descriptor: Some(descriptor), place: None, file: snapshot.file(descriptor) }
    }

    /// The descriptor's number.
    pub fn number(&self) -> Option<i32> {
        self.descriptor.map(|descriptor| descriptor.fd)
    }

    /// The number, or the word for the place.
    pub fn label(&self) -> String {
        match (self.descriptor, self.place) {
            (Some(descriptor), _) => descriptor.fd.to_string(),
            (None, place) => place.map_or("", Place::as_str).to_owned(),
        }
    }
}

/// A process with what is listed of it.
#[derive(Debug, Clone)]
pub struct Listed<'a> {
    /// The process.
    pub process: &'a Process,
    /// Its files.
    pub entries: Entries<'a>,
}

/// Files of one process.
#[derive(Debug, Clone)]
pub enum Entries<'a> {
    /// All that it refers to, places first, then descriptors ascending. Of a long listing they would take as much
    /// room as the tables, so each is made when it is looked at.
    All(&'a Snapshot, &'a Process),
    /// These.
    Some(Vec<Entry<'a>>),
}

impl<'a> Entries<'a> {
    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = Entry<'a>> {
        let (all, some) = match self {
            Self::All(snapshot, process) => (Some(entries(snapshot, process)), None),
            Self::Some(some) => (None, Some(some.iter().copied())),
        };
        all.into_iter().flatten().chain(some.into_iter().flatten())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

/// What is listed.
#[derive(Debug)]
pub struct Listing<'a> {
    /// Of what.
    pub known: &'a Known<'a>,
    /// The processes, in order.
    pub rows: Vec<Listed<'a>>,
    /// How many entries could not be judged, because what an expression asks for could not be read.
    pub unjudged: usize,
}

/// Which entries to list. What is not given leaves none out; of several kinds of conditions all have to hold.
#[derive(Debug, Default)]
pub struct Choice {
    /// One of these kinds.
    pub kinds: Vec<KindName>,
    /// One of these numbers and places.
    pub slots: Option<Slots>,
    /// Those whose name is gone.
    pub deleted: bool,
    /// Those for which this holds.
    pub filter: Option<Filter>,
}

impl Choice {
    /// Whether it leaves anything out.
    pub fn is_any(&self) -> bool {
        self.kinds.is_empty() && self.slots.is_none() && !self.deleted && self.filter.is_none()
    }
}

impl<'a> Listing<'a> {
    /// Everything.
    pub fn new(known: &'a Known<'a>) -> Self {
        let snapshot = known.snapshot;
        let listed = |process| Listed { process, entries: Entries::All(snapshot, process) };
        let rows = snapshot.processes.iter().map(listed);
        Self { known, rows: rows.collect(), unjudged: 0 }
    }

    /// Leaves out what `choice` does not want, and processes of which nothing is left.
    pub fn narrow(&mut self, choice: &Choice) {
        if choice.is_any() {
            return;
        }
        let fields: HashMap<&str, Field> = choice
            .filter
            .iter()
            .flat_map(|filter| filter.fields())
            .filter_map(|name| Some((name, Field::named(name)?)))
            .collect();
        let (known, unjudged) = (self.known, &mut self.unjudged);
        // What was found for one of the ends of a channel that thousands hold is so for the others.
        let mut in_common: HashMap<(*const Condition, &[Endpoint]), Option<bool>> = HashMap::new();
        for listed in &mut self.rows {
            let chosen = listed.entries.iter().filter(|entry| {
                if !has_place(choice, entry) {
                    return false;
                }
                let Some(filter) = &choice.filter else { return true };
                let judged = filter.judge(&mut |condition| {
                    let Some(field) = fields.get(condition.field()) else {
                        return condition.judge(&Value::Absent);
                    };
                    let judge = || condition.judge(&field.value(known, entry));
                    match peers_in_common(field, known, entry) {
                        Some(ends) => {
                            *in_common.entry((std::ptr::from_ref(condition), ends)).or_insert_with(judge)
                        }
                        None => judge(),
                    }
                });
                *unjudged += usize::from(judged.is_none());
                judged == Some(true)
            });
            listed.entries = Entries::Some(chosen.collect());
        }
        self.rows.retain(|listed| !listed.entries.is_empty());
    }

    /// Orders what is listed by these fields, each ascending or, where its flag says so, descending; what has
    /// no value comes last. With `across` the entries of all processes are one list, else those of each
    /// process are one, and the processes are ordered by what is theirs.
    pub fn sort(&mut self, by: &[(Field, bool)], across: bool) {
        let known = self.known;
        if across {
            let mut entries: Vec<Entry<'a>> = self.entries().collect();
            order(&mut entries, by, |entry, field| field.sort_value(known, entry));
            self.rows = entries
                .into_iter()
                .map(|entry| Listed { process: entry.process, entries: Entries::Some(vec![entry]) })
                .collect();
            return;
        }
        for listed in &mut self.rows {
            let mut entries: Vec<Entry<'a>> = listed.entries.iter().collect();
            order(&mut entries, by, |entry, field| field.sort_value(known, entry));
            listed.entries = Entries::Some(entries);
        }
        let of_process: Vec<_> = by.iter().filter(|(field, _)| field.is_of_process()).cloned().collect();
        order(&mut self.rows, &of_process, |listed, field| field.value_of_process(listed.process));
    }

    /// All entries, in order.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'a>> {
        self.rows.iter().flat_map(|listed| listed.entries.iter())
    }
}

/// Where a field is about the other ends of a descriptor, and these are many: its own ends. Every descriptor that has
/// the same has the same value of the field. A FIFO that is open for both faces itself, and has another in each.
fn peers_in_common<'a>(field: &Field, known: &Known<'_>, entry: &Entry<'a>) -> Option<&'a [Endpoint]> {
    let descriptor = entry.descriptor.filter(|_| *field == Field::Peers)?;
    let ends = &entry.file.ends;
    let faces_itself = || ends.iter().any(|end| end.side.faces(end.side));
    match known.wiring.peers(entry.process.owner(), descriptor) {
        Peers::Found(found) if found.len() > NAMED_IN_A_LINE && !faces_itself() => Some(ends),
        _ => None,
    }
}

/// Sorts by the values that `value` has of each field, computed once for each.
fn order<T, F>(all: &mut Vec<T>, by: &[(Field, bool)], value: F)
where
    F: for<'b> Fn(&'b T, &Field) -> Value<'b>,
{
    let mut keyed: Vec<(Vec<Value<'static>>, T)> = std::mem::take(all)
        .into_iter()
        .map(|one| (by.iter().map(|(field, _)| value(&one, field).into_owned()).collect(), one))
        .collect();
    keyed.sort_by(|(a, _), (b, _)| {
        let pairs = a.iter().zip(b).zip(by);
        pairs
            .map(|((a, b), (_, descending))| a.order(b, *descending))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    });
    all.extend(keyed.into_iter().map(|(_, one)| one));
}

fn has_place(choice: &Choice, entry: &Entry<'_>) -> bool {
    let of_kind = choice.kinds.is_empty() || choice.kinds.contains(&entry.file.kind);
    let in_slot = choice.slots.as_ref().is_none_or(|slots| match (entry.number(), entry.place) {
        (Some(fd), _) => slots.contains(fd),
        (None, Some(place)) => slots.places.contains(&place),
        (None, None) => false,
    });
    of_kind && in_slot && (!choice.deleted || entry.file.deleted)
}

fn entries<'a>(snapshot: &'a Snapshot, process: &'a Process) -> impl Iterator<Item = Entry<'a>> + use<'a> {
    let places = process.places.iter().map(move |placed| Entry {
        process,
        descriptor: None,
        place: Some(placed.place),
        file: &snapshot.files[placed.file],
    });
    let descriptors = process.table.iter().flat_map(|table| &table.descriptors);
    places.chain(descriptors.map(move |descriptor| Entry::of(snapshot, process, descriptor)))
}
