//! The layout of connections: at the right the processes that serve, at the left those who are connected to
//! them, each beside its connection.
//!
//! ```text
//!                                                        ┌ server[4200] ─┐
//!                                127.0.0.1:37007 LISTEN ─┤ 3 tcp         │
//!  ┌ client[4201] ─┐                                     │               │
//!  │ 3 tcp         ├─ 127.0.0.1:41022 ⇄ 127.0.0.1:37007 ─┤ 5 tcp         │
//!  └───────────────┘                                     └───────────────┘
//! ```

use super::plan::{Arrow, Foot, Frame, MARGIN, Of, On, Plan, Point, Wire};
use crate::view::Tone;
use unicode_width::UnicodeWidthStr;

/// A process at the right.
#[derive(Debug)]
pub struct Serving {
    pub title: String,
    pub slots: Vec<Served>,
}

/// A slot of it.
#[derive(Debug)]
pub struct Served {
    pub label: String,
    /// What is written on the wire that leads to it.
    pub text: String,
    pub from: From,
}

/// Where the wire to a slot comes from.
#[derive(Debug)]
pub enum From {
    /// Nowhere yet: the slot waits for others.
    Nobody,
    /// Where that is, was not found.
    Unknown,
    /// A slot of a process at the left: its title and its label.
    Process(String, String),
}

/// Lays the figure out; its first column after everything says whether it fits.
pub fn lay_out(boxes: &[Serving]) -> (Plan, usize) {
    let slots = || boxes.iter().flat_map(|serving| &serving.slots);
    let frame =
        |at, title: &str, rows| Frame::around(Of::Process(0), at, title.to_owned(), rows, Tone::Plain);
    let row = |label: &str| (label.to_owned(), Tone::Plain);
    let left = |at, served: &Served| match &served.from {
        From::Process(title, label) => Some(frame(at, title, vec![row(label)])),
        From::Nobody | From::Unknown => None,
    };
    let origin = Point { x: MARGIN, y: 0 };
    let left_width = slots().filter_map(|served| left(origin, served)).map(|frame| frame.width).max();
    let texts = slots().map(|served| served.text.width()).max().unwrap_or(0);
    // A piece of the wire stands at either side of the longest text.
    let begin = MARGIN + left_width.unwrap_or(0);
    let right = Point { x: begin + texts + 2, y: 0 };
    let mut plan = Plan::default();
    let (mut y, mut right_width) = (0, 0);
    for serving in boxes {
        let (mut rows, mut lines) = (Vec::new(), Vec::new());
        for (index, served) in serving.slots.iter().enumerate() {
            let has_left = matches!(served.from, From::Process(..));
            // The border of the box at the left is over the slot's line and under it.
            if has_left && index > 0 {
                rows.push(row(""));
            }
            lines.push(y + 1 + rows.len());
            rows.push(row(&served.label));
            if has_left && index + 1 < serving.slots.len() {
                rows.push(row(""));
            }
        }
        for (served, line) in serving.slots.iter().zip(lines) {
            if let Some(mut frame) = left(Point { x: MARGIN, y: line - 1 }, served) {
                frame.width = left_width.unwrap_or(frame.width);
                plan.frames.push(frame);
            }
            plan.wires.push(wire(served, plan.wires.len(), line, begin, right.x));
        }
        let frame = frame(Point { y, ..right }, &serving.title, rows);
        right_width = right_width.max(frame.width);
        y = frame.under();
        plan.frames.push(frame);
    }
    for frame in plan.frames.iter_mut().filter(|frame| frame.at.x == right.x) {
        frame.width = right_width;
    }
    (plan, right.x + right_width)
}

/// The wire to a slot, from the box at its left or from where its text ends.
fn wire(served: &Served, net: usize, y: usize, begin: usize, end: usize) -> Wire {
    let width = served.text.width();
    let (from, text) = match served.from {
        From::Nobody => (end - 1, end - 1 - width),
        From::Unknown | From::Process(..) => {
            let pieces = end - begin - width;
            let edge = if matches!(served.from, From::Unknown) { begin } else { begin - 1 };
            (edge, begin + pieces - pieces / 2)
        }
    };
    let foot = Foot { on: On::Object, arrow: Arrow::None };
    Wire {
        object: 0,
        net,
        path: vec![Point { x: from, y }, Point { x: end, y }],
        feet: [foot; 2],
        text: Some((Point { x: text, y }, served.text.clone())),
        tone: Tone::Wire,
    }
}
