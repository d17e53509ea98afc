//! The figure: processes as boxes with their slots, pipes as boxes between them, everything that many
//! slots lead to as a rail.
//!
//! A figure goes through three forms. What there is to draw is [`query::Figure`](crate::query::Figure).
//! Where it is drawn is a [`Plan`], plain data made by a layout: [`columns`], with the processes side by
//! side in the order of the pipeline, or [`rows`], with one under the other, where the terminal is too
//! narrow for that. How it is drawn is an emitter's: [`text`] is the one for terminals, and others need
//! only the plan. Connections have a layout of their own, [`sides`], and the same emitter. Layouts of others were tried and were worse: they let wires cross boxes and merge, so
//! that nobody could tell which descriptor leads where.
//!
//! A wire leaves its box at the slot's row and never enters one. Wires to pipes are at a box's right,
//! or at its left where they come in; wires to rails are at its left, in lanes that nothing else uses.

mod columns;
mod gaps;
mod list;
mod plan;
mod rows;
pub mod sides;
#[cfg(test)]
mod tests;
mod text;
mod words;

use super::Style;
use crate::model::Snapshot;
use crate::query::Figure;
use plan::Plan;
use std::io::{self, Write};
use words::{Detail, Words};

/// With more processes than this, a list is easier to read.
const MOST_PROCESSES: usize = 6;

/// What a layout tries, until it fits.
const DETAILS: [Detail; 6] = [
    Detail { longest: 36, pipes_named: true },
    Detail { longest: 24, pipes_named: true },
    Detail { longest: 16, pipes_named: true },
    Detail { longest: 24, pipes_named: false },
    Detail { longest: 16, pipes_named: false },
    Detail { longest: 12, pipes_named: false },
];

/// Draws the processes of `snapshot` in their order. Where the output is no terminal, or too narrow a
/// one for boxes, the same facts are listed.
pub fn figure(out: &mut dyn Write, snapshot: &Snapshot, style: Style) -> io::Result<()> {
    let figure = Figure::new(snapshot);
    let words = Words::new(&figure, style);
    match style.width.and_then(|width| plan(&words, usize::from(width))) {
        Some(plan) => text::write(out, &plan, style),
        None => list::write(out, &words),
    }
}

/// Draws connections, where they fit into the terminal; says whether they did.
pub fn connections(out: &mut dyn Write, boxes: &[sides::Serving], style: Style) -> io::Result<bool> {
    let (plan, end) = sides::lay_out(boxes);
    let fits = style.width.is_some_and(|width| end <= usize::from(width));
    if fits {
        text::write(out, &plan, style)?;
    }
    Ok(fits)
}

/// The layout that tells most and fits into `width`, if one does.
fn plan(words: &Words<'_>, width: usize) -> Option<Plan> {
    if words.figure.nodes.is_empty() || words.figure.nodes.len() > MOST_PROCESSES {
        return None;
    }
    let fitting = |layout: fn(&Words<'_>, Detail, usize) -> Option<Plan>| {
        DETAILS.into_iter().find_map(|detail| layout(words, detail, width))
    };
    fitting(columns::lay_out).or_else(|| fitting(rows::lay_out))
}
