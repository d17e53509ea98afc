//! The one JSON document of a lab: its steps, the tables of its moments, how its commands ended and
//! what they wrote.

use super::json::{Context, ProcessesDoc, head, text};
use super::json_gaps::{FailureDoc, GapsDoc, UnknownDoc};
use super::lab::{StageLine, change_text, meaning};
use super::{Lang, Style};
use crate::model::{Change, Failure, Fate, Inode, Lingering, Snapshot, Step};
use crate::query::{Known, Listing};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use std::io::{self, Write};
use std::time::SystemTime;

/// All that a lab has told.
#[derive(Debug)]
pub struct LabDocument<'a> {
    /// `pipe`, `fork` or `echo-server`.
    pub lab: &'a str,
    /// What it ran.
    pub title: &'a str,
    /// The moment that it is about; none means the last.
    pub about: Option<&'a str>,
    /// When it began.
    pub taken_at: SystemTime,
    /// Its steps.
    pub steps: &'a [Step],
    /// The tables of its moments.
    pub moments: &'a [MomentRecord],
    /// Its commands.
    pub stages: &'a [StageLine<'a>],
    /// The pipes through which outputs were taken up.
    pub captured: &'a [Inode],
    /// Standard output and standard error, each with how many bytes more there were; nothing while the
    /// commands have not run yet.
    pub output: Option<[(&'a [u8], u64); 2]>,
    /// Why it was ended, where it did not end by itself: `timeout`, `signal` or `dismissed`.
    pub ended_by: Option<&'a str>,
    /// The language of the steps' texts.
    pub lang: Lang,
}

/// The tables of a moment.
#[derive(Debug)]
pub struct MomentRecord {
    /// `start`, `fork`, `before exec` or `exec`.
    pub name: &'static str,
    /// How many steps came before it.
    pub after_step: usize,
    /// The tables.
    pub snapshot: Snapshot,
    /// The connections in TIME_WAIT, where they were asked for.
    pub lingering: Option<Result<Vec<Lingering>, Failure>>,
}

/// Writes the document.
pub fn lab_document(out: &mut dyn Write, document: &LabDocument<'_>) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, document)?;
    writeln!(out)
}

impl Serialize for LabDocument<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let about = self.moments.iter().find(|moment| Some(moment.name) == self.about);
        let last = about.or(self.moments.last()).map(|moment| &moment.snapshot);
        let mut map = serializer.serialize_map(None)?;
        head(&mut map, self.taken_at, last.and_then(|snapshot| snapshot.host.as_ref()))?;
        map.serialize_entry("lab", self.lab)?;
        map.serialize_entry("command_line", self.title)?;
        let style = Style { lang: self.lang, color: false, ascii: false, width: None };
        let steps: Vec<_> = self.steps.iter().map(|step| StepDoc { step, style }).collect();
        map.serialize_entry("steps", &steps)?;
        let moments = self.moments.iter().map(|moment| MomentDoc { moment, captured: self.captured });
        map.serialize_entry("moments", &moments.collect::<Vec<_>>())?;
        if let Some(snapshot) = last {
            let known = Known::new(snapshot);
            let context = Context::new(&known, self.captured, None);
            map.serialize_entry("processes", &ProcessesDoc(&context, &Listing::new(&known).rows))?;
            map.serialize_entry("gaps", &GapsDoc(&[snapshot]))?;
        } else {
            map.serialize_entry("processes", &[(); 0])?;
            map.serialize_entry("gaps", &[(); 0])?;
        }
        let exits: Vec<_> = self
            .stages
            .iter()
            .enumerate()
            .map(|(index, stage)| ExitDoc { stage: index + 1, line: stage })
            .collect();
        map.serialize_entry("exits", &exits)?;
        map.serialize_entry("ended_by", &self.ended_by)?;
        if let Some(output) = &self.output {
            map.serialize_entry("output", &OutputDoc(output))?;
        }
        map.end()
    }
}

struct StepDoc<'a> {
    step: &'a Step,
    style: Style,
}

impl Serialize for StepDoc<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { step, style } = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("n", &step.n)?;
        map.serialize_entry("actor", &step.actor)?;
        map.serialize_entry("pid", &step.pid)?;
        map.serialize_entry("call", step.call)?;
        map.serialize_entry("args", &step.args)?;
        map.serialize_entry("result", &step.result)?;
        map.serialize_entry("text", &meaning(step, *style))?;
        let change = |change: &Change| change_text(change, Style { ascii: true, ..*style });
        map.serialize_entry("changes", &step.changes.iter().map(change).collect::<Vec<_>>())?;
        map.end()
    }
}

struct MomentDoc<'a> {
    moment: &'a MomentRecord,
    captured: &'a [Inode],
}

impl Serialize for MomentDoc<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { moment, captured } = self;
        let known = Known::new(&moment.snapshot);
        let context = Context::new(&known, captured, None);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", moment.name)?;
        map.serialize_entry("after_step", &moment.after_step)?;
        map.serialize_entry("processes", &ProcessesDoc(&context, &Listing::new(&known).rows))?;
        match &moment.lingering {
            Some(Ok(rows)) => {
                let rows: Vec<_> = rows.iter().map(LingeringDoc::from).collect();
                map.serialize_entry("time_wait", &rows)?;
            }
            Some(Err(failure)) => {
                map.serialize_entry("time_wait", &[UnknownDoc { unknown: FailureDoc::from(failure) }])?;
            }
            None => {}
        }
        map.end()
    }
}

#[derive(Serialize)]
struct LingeringDoc<'a> {
    local: &'a str,
    remote: &'a str,
}

impl<'a> From<&'a Lingering> for LingeringDoc<'a> {
    fn from(row: &'a Lingering) -> Self {
        Self { local: &row.local, remote: &row.remote }
    }
}

struct ExitDoc<'a> {
    stage: usize,
    line: &'a StageLine<'a>,
}

impl Serialize for ExitDoc<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { stage, line } = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("pid", &line.pid)?;
        map.serialize_entry("stage", stage)?;
        map.serialize_entry("command", line.command)?;
        match line.fate {
            Some(Fate::Exited(status)) => map.serialize_entry("status", &status)?,
            Some(Fate::Killed(signal)) => map.serialize_entry("signal", &super::lab::signal_word(signal))?,
            None => {}
        }
        map.end()
    }
}

struct OutputDoc<'a>(&'a [(&'a [u8], u64); 2]);

impl Serialize for OutputDoc<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, (bytes, left_out)) in ["stdout", "stderr"].into_iter().zip(self.0) {
            text(&mut map, key, bytes)?;
            if *left_out > 0 {
                map.serialize_entry(&format!("{key}_left_out"), left_out)?;
            }
        }
        map.end()
    }
}
