//! The pipes that stand in the gaps between processes side by side, and the heights of the processes'
//! boxes: each is moved so that the first wire from its neighbour is straight.

use super::plan::{Arrow, Foot, Frame, Of, On, Point, Wire};
use super::words::{Detail, Words};
use crate::query::{At, Figure};
use crate::view::Tone;

/// A pipe between two neighbours.
pub struct Gap {
    pub object: usize,
    /// The node at its left.
    pub node: usize,
    writer: At,
    reader: At,
}

impl Gap {
    /// The ends in the node at the left and in that at the right.
    fn ends(&self) -> (At, At) {
        if self.writer.node == self.node { (self.writer, self.reader) } else { (self.reader, self.writer) }
    }

    /// The first and the last line of its wires.
    fn lines(&self, frames: &[Frame]) -> (usize, usize) {
        let [writer, reader] = [self.writer, self.reader].map(|at| frames[at.node].row(at.slot));
        (writer.min(reader), writer.max(reader))
    }

    /// Its box, which reaches from the line of one wire to that of the other.
    pub fn frame(&self, words: &Words<'_>, detail: Detail, frames: &[Frame], x: usize) -> Frame {
        let (first, last) = self.lines(frames);
        let writer = frames[self.writer.node].row(self.writer.slot);
        let mut rows = vec![(String::new(), Tone::Wire); last + 1 - first];
        rows[writer - first].0 = words.pipe(&words.figure.objects[self.object], detail);
        Frame::around(Of::Object(self.object), Point { x, y: first - 1 }, String::new(), rows, Tone::Wire)
    }

    /// The wires into its box and out of it, of two nets from `net`.
    pub fn wires(&self, frames: &[Frame], pipe: &Frame, net: usize) -> [Wire; 2] {
        let wire = |at: At, net: usize, writes: bool| {
            let frame = &frames[at.node];
            let left = at.node == self.node;
            let (from, to) = if left { (frame.right(), pipe.at.x) } else { (frame.at.x, pipe.right()) };
            let y = frame.row(at.slot);
            Wire {
                object: self.object,
                net,
                path: vec![Point { x: from, y }, Point { x: to, y }],
                feet: [
                    Foot { on: On::Slot(at), arrow: Arrow::Before.if_flows(!writes) },
                    Foot { on: On::Object, arrow: Arrow::Before.if_flows(writes) },
                ],
                text: None,
                tone: Tone::Wire,
            }
        };
        [wire(self.writer, net, true), wire(self.reader, net + 1, false)]
    }
}

/// The pipes between neighbours, those of one gap by their slots.
pub fn gaps(figure: &Figure<'_>) -> Vec<Gap> {
    let neighbours = |(object, (writer, reader)): (usize, (At, At))| {
        let node = writer.node.min(reader.node);
        (writer.node.abs_diff(reader.node) == 1).then_some(Gap { object, node, writer, reader })
    };
    let pairs =
        figure.objects.iter().enumerate().filter_map(|(index, object)| Some((index, figure.pair(object)?)));
    let mut gaps: Vec<Gap> = pairs.filter_map(neighbours).collect();
    gaps.sort_by_key(|gap| (gap.node, gap.ends()));
    gaps
}

/// The processes' boxes at their heights, not yet at their columns.
pub fn boxes(words: &Words<'_>, detail: Detail, gaps: &[Gap]) -> Vec<Frame> {
    let nodes = &words.figure.nodes;
    let mut tops: Vec<isize> = vec![0; nodes.len()];
    for node in 1..nodes.len() {
        if let Some((left, right)) = gaps.iter().find(|gap| gap.node + 1 == node).map(Gap::ends) {
            let line = tops[node - 1].saturating_add_unsigned(left.slot);
            tops[node] = line.saturating_sub_unsigned(right.slot);
        }
    }
    let highest = tops.iter().copied().min().unwrap_or(0);
    let place = |(node, top): (usize, isize)| {
        let at = Point { x: 0, y: top.abs_diff(highest) };
        let (title, rows) = (words.title(&nodes[node], detail), words.slots(&nodes[node], detail));
        Frame::around(Of::Process(node), at, title, rows, Tone::Plain)
    };
    tops.into_iter().enumerate().map(place).collect()
}

/// Leaves those whose boxes have room; the others have to be rails.
pub fn keep_apart(gaps: &mut Vec<Gap>, frames: &[Frame]) {
    let mut taken: Vec<(usize, usize, usize)> = Vec::new();
    gaps.retain(|gap| {
        let (first, last) = gap.lines(frames);
        // With the borders above and under them.
        let (first, last) = (first - 1, last + 1);
        let free = taken.iter().all(|&(node, from, to)| node != gap.node || last < from || to < first);
        if free {
            taken.push((gap.node, first, last));
        }
        free
    });
}
