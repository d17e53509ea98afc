//! The layout with the processes side by side in the order of the pipeline, pipes in the gaps between
//! them and rails under everything.
//!
//! ```text
//!      ┌ ls[4101] ───┐
//!   ┌──┤ 0 rw A tty  │   ┌──────────────┐    ┌ grep[4102] ─┐
//!   │  │ 1 w    pipe ├──▶│ pipe:[98213] ├───▶│ 0 r    pipe │
//!   ├──┤ 2 rw A tty  │   └──────────────┘ ┌──┤ 1 rw A tty  │
//!   │  └─────────────┘                    ├──┤ 2 rw A tty  │
//!   │                                     │  └─────────────┘
//!  ═╧══ A /dev/pts/3 ═════════════════════╧═════════════════
//! ```

use super::gaps::{Gap, boxes, gaps, keep_apart};
use super::plan::{Arrow, Caption, Foot, Frame, MARGIN, On, Plan, Point, Rail, Wire};
use super::words::{Detail, Words, label, mode};
use crate::model::Access;
use crate::query::{At, Figure};
use unicode_width::UnicodeWidthStr;

/// The columns of a wire beside a pipe's box, and the least between two boxes.
const WIRE: usize = 3;

/// From one lane to the next.
const LANE: usize = 2;

/// A line down to a rail, for the slots of one node that have one label and are open for the same.
struct Lane {
    node: usize,
    /// Which of the rails.
    rail: usize,
    label: String,
    mode: String,
    slots: Vec<At>,
    x: usize,
}

/// Lays the figure out, where it fits into `width`.
pub fn lay_out(words: &Words<'_>, detail: Detail, width: usize) -> Option<Plan> {
    let figure = words.figure;
    let mut gaps = gaps(figure);
    let mut plan = Plan { frames: boxes(words, detail, &gaps), ..Plan::default() };
    keep_apart(&mut gaps, &plan.frames);
    let is_rail = |object: &usize| gaps.iter().all(|gap| gap.object != *object);
    let rails: Vec<usize> = (0..figure.objects.len()).filter(is_rail).collect();
    let mut lanes = lanes(figure, &rails);
    let (pipes, end) = place(words, detail, &mut plan.frames, &gaps, &mut lanes);
    let spare = if detail.pipes_named { words.growth() } else { 0 };
    if end + spare > width {
        return None;
    }
    let under = plan.frames.iter().chain(&pipes).map(Frame::under).max().unwrap_or(0);
    for (net, lane) in lanes.iter().enumerate() {
        plan.wires.extend(lane.slots.iter().filter_map(|&at| {
            let access = figure.slot(at)?.file.access;
            let frame = &plan.frames[at.node];
            let (x, y) = (lane.x, frame.row(at.slot));
            Some(Wire {
                object: rails[lane.rail],
                net,
                path: vec![Point { x: frame.at.x, y }, Point { x, y }, Point { x, y: under + lane.rail }],
                feet: [
                    Foot { on: On::Slot(at), arrow: Arrow::Before.if_flows(access == Some(Access::Read)) },
                    Foot { on: On::Object, arrow: Arrow::On.if_flows(access == Some(Access::Write)) },
                ],
                text: None,
                tone: Words::tone(&figure.objects[rails[lane.rail]]),
            })
        }));
    }
    for (line, &object) in rails.iter().enumerate() {
        let crossed = lanes.iter().filter(|lane| lane.rail >= line).map(|lane| lane.x).collect();
        plan.rails.push(rail(words, object, under + line, end, crossed));
    }
    for (index, (gap, pipe)) in gaps.iter().zip(&pipes).enumerate() {
        plan.wires.extend(gap.wires(&plan.frames, pipe, lanes.len() + 2 * index));
    }
    plan.frames.extend(pipes);
    let unnamed = gaps.iter().map(|gap| gap.object).filter(|_| !detail.pipes_named);
    let mut y = under + rails.len();
    for object in rails.iter().copied().chain(unnamed).map(|object| &figure.objects[object]) {
        let told = words.caption(object, width.saturating_sub(MARGIN));
        let at = Point { x: MARGIN, y };
        y += told.len();
        plan.captions.push(Caption { at, lines: told, tone: Words::tone(object) });
    }
    Some(plan)
}

/// The lanes, of each node the one that begins highest first: what begins under it is nearer to the
/// box, so that few wires cross.
fn lanes(figure: &Figure<'_>, rails: &[usize]) -> Vec<Lane> {
    let mut lanes: Vec<Lane> = Vec::new();
    for (at, slot, object) in figure.leads() {
        let Some(rail) = rails.iter().position(|rail| *rail == object) else { continue };
        let (label, mode) = (label(slot), mode(slot));
        let same = |lane: &&mut Lane| {
            (lane.node, lane.rail, &lane.label, &lane.mode) == (at.node, rail, &label, &mode)
        };
        match lanes.iter_mut().find(same) {
            Some(lane) => lane.slots.push(at),
            None => lanes.push(Lane { node: at.node, rail, label, mode, slots: vec![at], x: 0 }),
        }
    }
    lanes
}

/// Gives every box and lane its column, from left to right. Also gives the pipes' boxes, and the first
/// column after everything.
fn place(
    words: &Words<'_>,
    detail: Detail,
    frames: &mut [Frame],
    gaps: &[Gap],
    lanes: &mut [Lane],
) -> (Vec<Frame>, usize) {
    let mut pipes = Vec::new();
    let mut x = MARGIN;
    for node in 0..frames.len() {
        let before = gaps.iter().filter(|gap| gap.node + 1 == node);
        let mut between: Vec<_> = before.map(|gap| gap.frame(words, detail, frames, x + WIRE)).collect();
        let widest = between.iter().map(|pipe| pipe.width).max();
        for pipe in &mut between {
            pipe.width = widest.unwrap_or(0);
        }
        pipes.extend(between);
        let mut own: Vec<_> = lanes.iter_mut().filter(|lane| lane.node == node).collect();
        x += match (widest, own.is_empty()) {
            (Some(pipe), true) => WIRE + pipe + WIRE,
            (Some(pipe), false) => WIRE + pipe + 1,
            (None, _) if node == 0 => 0,
            (None, true) => WIRE,
            (None, false) => LANE,
        };
        for lane in &mut own {
            lane.x = x;
            x += LANE;
        }
        // The last lane is as far from the box as an arrowhead and a piece of wire need.
        x += usize::from(!own.is_empty());
        frames[node].at.x = x;
        x += frames[node].width;
    }
    (pipes, x)
}

/// A rail under everything, with its name where no wire comes down: in the first place that is wide
/// enough, else in the widest.
fn rail(words: &Words<'_>, object: usize, y: usize, end: usize, mut crossed: Vec<usize>) -> Rail {
    let shown = &words.figure.objects[object];
    let name = words.rail(shown);
    let begin = MARGIN - 1;
    crossed.extend([begin, end]);
    crossed.sort_unstable();
    // A blank and a piece of the rail at either side.
    let room = |pair: &[usize]| (pair[1] - pair[0]).saturating_sub(6);
    let fitting = crossed.windows(2).find(|pair| room(pair) >= name.width());
    let widest = crossed.windows(2).max_by_key(|pair| room(pair));
    let place = fitting.or(widest).filter(|pair| room(pair) > 4);
    let text = place.map(|pair| {
        let name = words.shorten(&name, room(pair));
        (Point { x: pair[0] + 3, y }, format!(" {name} "))
    });
    Rail {
        object,
        path: vec![Point { x: begin, y }, Point { x: end - 1, y }],
        text,
        tone: Words::tone(shown),
    }
}
