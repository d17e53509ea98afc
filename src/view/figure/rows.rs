//! The layout for narrow terminals: the processes one under the other, rails at their left and pipes
//! at their right. It has room for names, and for a pipeline of any length.
//!
//! ```text
//!   ║  ┌ ls[4101] ────┐
//!   ╟──┤ 0 rw A tty   │
//!   ║  │ 1 w    pipe  ├─ pipe:[98213] ─┐
//!   ║  └──────────────┘                │
//!   ║  ┌ grep[4102] ──┐                │
//!   ║  │ 0 r    pipe  │◀───────────────┘
//! ```

use super::plan::{Arrow, Caption, Foot, Frame, MARGIN, Of, On, Plan, Point, Rail, Wire};
use super::words::{Detail, Words, name};
use crate::model::Access;
use crate::query::At;
use crate::view::Tone;
use unicode_width::UnicodeWidthStr;

/// From one rail to the next, or to the boxes.
const RAIL: usize = 3;

/// The least columns that a caption needs to be read.
const CAPTION: usize = 24;

/// A pipe at the right of the boxes.
struct Loop {
    object: usize,
    writer: At,
    reader: At,
    /// Which of the lanes.
    lane: usize,
}

/// Lays the figure out, where it fits into `width`.
pub fn lay_out(words: &Words<'_>, detail: Detail, width: usize) -> Option<Plan> {
    let figure = words.figure;
    let is_rail = |object: &usize| figure.pair(&figure.objects[*object]).is_none();
    let rails: Vec<usize> = (0..figure.objects.len()).filter(is_rail).collect();
    let left = MARGIN + RAIL * rails.len();
    let mut plan = Plan { frames: frames(words, detail, left), ..Plan::default() };
    let under = plan.frames.last().map_or(0, Frame::under);
    let loops = loops(words, &plan.frames);
    let right = plan.frames.first().map_or(left, |frame| frame.right() + 1);
    let pipe =
        |object: usize| format!(" {} ", words.shorten(&name(figure.objects[object].file), detail.longest));
    // Names stand on the wires before the first lane.
    let lanes = right + 1 + loops.iter().map(|shown| pipe(shown.object).width()).max().unwrap_or(0) + 1;
    let end = loops.iter().map(|shown| lanes + 2 * shown.lane + 1).max().unwrap_or(right);
    if end > width || left + CAPTION > width {
        return None;
    }
    for (net, shown) in loops.iter().enumerate() {
        let line = |at: At| plan.frames[at.node].row(at.slot);
        let (from, to, x) = (line(shown.writer), line(shown.reader), lanes + 2 * shown.lane);
        plan.wires.push(Wire {
            object: shown.object,
            net,
            path: vec![
                Point { x: right - 1, y: from },
                Point { x, y: from },
                Point { x, y: to },
                Point { x: right - 1, y: to },
            ],
            feet: [
                Foot { on: On::Slot(shown.writer), arrow: Arrow::None },
                Foot { on: On::Slot(shown.reader), arrow: Arrow::Before },
            ],
            text: Some((Point { x: right + 1, y: from }, pipe(shown.object))),
            tone: Tone::Wire,
        });
    }
    // The captions of the rails that are nearest come first, so that no rail is crossed by another.
    let mut ends = vec![under; rails.len()];
    let mut y = under;
    for (place, &object) in rails.iter().enumerate().rev() {
        let shown = &figure.objects[object];
        ends[place] = y;
        let told = words.caption(shown, width.saturating_sub(left));
        y += told.len();
        plan.captions.push(Caption {
            at: Point { x: left, y: ends[place] },
            lines: told,
            tone: Words::tone(shown),
        });
    }
    for (place, &object) in rails.iter().enumerate() {
        let x = MARGIN + RAIL * place;
        let tone = Words::tone(&figure.objects[object]);
        let mut first = ends[place];
        for (at, slot, _) in figure.leads().filter(|lead| lead.2 == object) {
            let y = plan.frames[at.node].row(at.slot);
            first = first.min(y);
            let flows = |access| slot.file.access == Some(access);
            plan.wires.push(Wire {
                object,
                net: loops.len() + place,
                path: vec![Point { x: left, y }, Point { x, y }],
                feet: [
                    Foot { on: On::Slot(at), arrow: Arrow::Before.if_flows(flows(Access::Read)) },
                    Foot { on: On::Object, arrow: Arrow::Before.if_flows(flows(Access::Write)) },
                ],
                text: None,
                tone,
            });
        }
        let path =
            [Point { x, y: first }, Point { x, y: ends[place] }, Point { x: left - 2, y: ends[place] }];
        plan.rails.push(Rail { object, path: path.to_vec(), text: None, tone });
    }
    Some(plan)
}

/// The boxes, all of one width.
fn frames(words: &Words<'_>, detail: Detail, x: usize) -> Vec<Frame> {
    let mut y = 0;
    let mut frames = Vec::new();
    for (node, shown) in words.figure.nodes.iter().enumerate() {
        let (title, rows) = (words.title(shown, detail), words.slots(shown, detail));
        let frame = Frame::around(Of::Process(node), Point { x, y }, title, rows, Tone::Plain);
        y = frame.under();
        frames.push(frame);
    }
    let widest = frames.iter().map(|frame| frame.width).max().unwrap_or(0);
    for frame in &mut frames {
        frame.width = widest;
    }
    frames
}

/// The pipes, each on the first lane that is free all the way.
fn loops(words: &Words<'_>, frames: &[Frame]) -> Vec<Loop> {
    let line = |at: At| frames[at.node].row(at.slot);
    let span = |shown: &Loop| {
        let (writer, reader) = (line(shown.writer), line(shown.reader));
        (writer.min(reader), writer.max(reader))
    };
    let pipes = words.figure.objects.iter().enumerate().filter_map(|(object, shown)| {
        let (writer, reader) = words.figure.pair(shown)?;
        Some(Loop { object, writer, reader, lane: 0 })
    });
    let mut loops: Vec<Loop> = pipes.collect();
    loops.sort_by_key(|shown| span(shown));
    let mut free_from: Vec<usize> = Vec::new();
    for shown in &mut loops {
        let (first, last) = span(shown);
        shown.lane = free_from.iter().position(|&free| free <= first).unwrap_or(free_from.len());
        match free_from.get_mut(shown.lane) {
            Some(free) => *free = last + 1,
            None => free_from.push(last + 1),
        }
    }
    loops
}
