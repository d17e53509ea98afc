//! What could not be read, as JSON.

use super::json::optional;
use crate::model::{Failure, Gap, Hint, Snapshot};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

#[derive(Serialize)]
pub(super) struct UnknownDoc<'a> {
    pub(super) unknown: FailureDoc<'a>,
}

#[derive(Serialize)]
pub(super) struct FailureDoc<'a> {
    call: &'a str,
    error: &'a str,
}

impl<'a> From<&'a Failure> for FailureDoc<'a> {
    fn from(failure: &'a Failure) -> Self {
        Self { call: failure.call(), error: failure.error() }
    }
}

/// The gaps of one snapshot after the other.
pub(super) struct GapsDoc<'a>(pub(super) &'a [&'a Snapshot]);

impl Serialize for GapsDoc<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(None)?;
        for snapshot in self.0 {
            for gap in &snapshot.gaps {
                seq.serialize_element(&GapDoc { gap, as_line: false })?;
            }
            for (pid, failure) in snapshot.unsearched() {
                seq.serialize_element(&UncoveredDoc { pid: *pid, failure, as_line: false })?;
            }
        }
        seq.end()
    }
}

pub(super) struct GapDoc<'a> {
    pub(super) gap: &'a Gap,
    pub(super) as_line: bool,
}

impl Serialize for GapDoc<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { gap, as_line } = self;
        let what = gap.subject.to_string();
        gap_object(serializer, *as_line, gap.pid, &what, &gap.failure, gap.hint)
    }
}

pub(super) struct UncoveredDoc<'a> {
    pub(super) pid: i32,
    pub(super) failure: &'a Failure,
    pub(super) as_line: bool,
}

impl Serialize for UncoveredDoc<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { pid, failure, as_line } = *self;
        gap_object(serializer, as_line, Some(pid), "other ends", failure, Some(Hint::PtraceRights))
    }
}

fn gap_object<S: Serializer>(
    serializer: S,
    as_line: bool,
    pid: Option<i32>,
    what: &str,
    failure: &Failure,
    hint: Option<Hint>,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    if as_line {
        map.serialize_entry("type", "gap")?;
    }
    map.serialize_entry("pid", &pid)?;
    map.serialize_entry("what", what)?;
    map.serialize_entry("call", failure.call())?;
    map.serialize_entry("error", failure.error())?;
    // Keys and values for programs stay English.
    optional(&mut map, "hint", hint.map(|hint| super::notes::hint(hint, super::Lang::En)))?;
    map.end()
}
