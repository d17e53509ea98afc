//! Draws a plan with the glyphs of a terminal.
//!
//! A canvas remembers of each cell which lines pass through it and of which net they are. So lines of
//! one net join (`├`), and those of two cross: the one that runs down is drawn whole over the other.

use super::plan::{Arrow, Frame, Plan, Point, Rail, Wire};
use crate::view::{Style, Tone};
use std::io::{self, Write};
use unicode_width::UnicodeWidthStr;

const UP: u8 = 1;
const DOWN: u8 = 2;
const LEFT: u8 = 4;
const RIGHT: u8 = 8;

/// Light lines by their arms.
const LIGHT: [&str; 16] = [" ", "│", "│", "│", "─", "┘", "┐", "┤", "─", "└", "┌", "├", "─", "┴", "┬", "┼"];

/// The same in ASCII.
const PLAIN: [&str; 16] = [" ", "|", "|", "|", "-", "+", "+", "+", "-", "+", "+", "+", "-", "+", "+", "+"];

/// A place on the canvas.
#[derive(Debug, Clone, Default)]
struct Cell {
    /// The arms of a box's border.
    border: u8,
    /// The arms of a rail.
    rail: u8,
    /// The arms of each net of wires.
    wires: Vec<(usize, u8)>,
    /// Where an arrowhead points.
    arrow: Option<u8>,
    /// A text that begins here.
    text: Option<String>,
    /// Whether a text that began before goes on here.
    covered: bool,
    tone: Option<Tone>,
}

impl Cell {
    fn glyph(&self, style: Style) -> &str {
        if let Some(text) = &self.text {
            return text;
        }
        if let Some(direction) = self.arrow {
            return match direction {
                UP => style.glyph("▲", "^"),
                DOWN => style.glyph("▼", "v"),
                LEFT => style.glyph("◀", "<"),
                _ => style.glyph("▶", ">"),
            };
        }
        let wires = self.wires.iter().fold(0, |all, (_, arms)| all | arms);
        if self.rail != 0 {
            return self.rail_glyph(wires, style);
        }
        let crossed = self.wires.iter().map(|(_, arms)| *arms).find(|arms| arms & (UP | DOWN) != 0);
        let arms = match crossed {
            Some(arms) if self.wires.len() > 1 => arms,
            _ => self.border | wires,
        };
        let glyphs = if style.ascii { PLAIN } else { LIGHT };
        glyphs[usize::from(arms & 15)]
    }

    fn rail_glyph(&self, wires: u8, style: Style) -> &'static str {
        let through = |arms: u8| wires & arms == arms;
        match self.rail {
            arms if arms & (UP | DOWN) == 0 => match wires {
                _ if through(UP | DOWN) => style.glyph("│", "|"),
                0 => style.glyph("═", "="),
                _ => style.glyph("╧", "+"),
            },
            arms if arms & (LEFT | RIGHT) != 0 => style.glyph("╚", "+"),
            _ if through(LEFT | RIGHT) || wires & RIGHT == 0 => style.glyph("║", "#"),
            arms if arms & UP == 0 => style.glyph("╓", "+"),
            _ => style.glyph("╟", "+"),
        }
    }
}

#[derive(Debug, Default)]
struct Canvas {
    lines: Vec<Vec<Cell>>,
}

impl Canvas {
    fn cell(&mut self, at: Point) -> &mut Cell {
        if self.lines.len() <= at.y {
            self.lines.resize(at.y + 1, Vec::new());
        }
        let line = &mut self.lines[at.y];
        if line.len() <= at.x {
            line.resize(at.x + 1, Cell::default());
        }
        &mut line[at.x]
    }

    fn text(&mut self, at: Point, text: &str, tone: Tone) {
        for offset in (1..text.width()).rev() {
            self.cell(Point { x: at.x + offset, y: at.y }).covered = true;
        }
        if !text.is_empty() {
            let cell = self.cell(at);
            cell.text = Some(text.to_owned());
            cell.tone = Some(tone);
        }
    }

    fn frame(&mut self, frame: &Frame) {
        let Point { x, y } = frame.at;
        let (right, bottom) = (frame.right(), frame.under() - 1);
        let corners = [(x, y), (right, y), (right, bottom), (x, bottom), (x, y)];
        for pair in corners.windows(2) {
            let (from, to) = (Point { x: pair[0].0, y: pair[0].1 }, Point { x: pair[1].0, y: pair[1].1 });
            for (at, arms) in steps(from, to) {
                let cell = self.cell(at);
                cell.border |= arms;
                cell.tone = Some(frame.tone);
            }
        }
        if !frame.title.is_empty() {
            self.text(Point { x: x + 1, y }, " ", Tone::Plain);
            self.text(Point { x: x + 2, y }, &frame.title, Tone::Strong);
            self.text(Point { x: x + 2 + frame.title.width(), y }, " ", Tone::Plain);
        }
        for (line, (text, tone)) in frame.rows.iter().enumerate() {
            self.text(Point { x: x + 2, y: frame.row(line) }, text, *tone);
        }
    }

    fn rail(&mut self, rail: &Rail) {
        for pair in rail.path.windows(2) {
            for (at, arms) in steps(pair[0], pair[1]) {
                let cell = self.cell(at);
                cell.rail |= arms;
                cell.tone = Some(rail.tone);
            }
        }
        if let Some((at, text)) = &rail.text {
            self.text(*at, text, rail.tone);
        }
    }

    fn wire(&mut self, wire: &Wire) {
        let mut steps: Vec<(Point, u8)> =
            wire.path.windows(2).flat_map(|pair| steps(pair[0], pair[1])).collect();
        // Two pieces for each cell that is passed: into it and out of it. Without the last two, the
        // line ends in the cell before.
        let mut arrows = Vec::new();
        if wire.feet[1].arrow == Arrow::Before {
            steps.truncate(steps.len().saturating_sub(2));
            arrows.extend(steps.last().map(|&(at, arms)| (at, opposite(arms))));
        }
        if wire.feet[0].arrow == Arrow::Before {
            steps.drain(..steps.len().min(2));
            arrows.extend(steps.first().map(|&(at, arms)| (at, opposite(arms))));
        }
        if wire.feet[1].arrow == Arrow::On {
            arrows.extend(steps.last().map(|&(at, arms)| (at, opposite(arms))));
        }
        for (at, arms) in steps {
            let cell = self.cell(at);
            // A border or a rail that a wire ends at keeps its tone.
            cell.tone.get_or_insert(wire.tone);
            match cell.wires.iter_mut().find(|(net, _)| *net == wire.net) {
                Some((_, known)) => *known |= arms,
                None => cell.wires.push((wire.net, arms)),
            }
        }
        for (at, direction) in arrows {
            self.cell(at).arrow = Some(direction);
        }
        if let Some((at, text)) = &wire.text {
            self.text(*at, text, wire.tone);
        }
    }
}

/// The arms that a straight line has on its way, from each cell to the next and back.
fn steps(from: Point, to: Point) -> Vec<(Point, u8)> {
    let (arm, length) = match (to.x.cmp(&from.x), to.y.cmp(&from.y)) {
        (std::cmp::Ordering::Greater, _) => (RIGHT, to.x - from.x),
        (std::cmp::Ordering::Less, _) => (LEFT, from.x - to.x),
        (_, std::cmp::Ordering::Greater) => (DOWN, to.y - from.y),
        _ => (UP, from.y - to.y),
    };
    let cell = |step: usize| match arm {
        RIGHT => Point { x: from.x + step, ..from },
        LEFT => Point { x: from.x - step, ..from },
        DOWN => Point { y: from.y + step, ..from },
        _ => Point { y: from.y - step, ..from },
    };
    (0..length).flat_map(|step| [(cell(step), arm), (cell(step + 1), opposite(arm))]).collect()
}

fn opposite(arm: u8) -> u8 {
    match arm {
        UP => DOWN,
        DOWN => UP,
        LEFT => RIGHT,
        _ => LEFT,
    }
}

/// Writes the drawing.
pub fn write(out: &mut dyn Write, plan: &Plan, style: Style) -> io::Result<()> {
    let mut canvas = Canvas::default();
    plan.frames.iter().for_each(|frame| canvas.frame(frame));
    plan.rails.iter().for_each(|rail| canvas.rail(rail));
    plan.wires.iter().for_each(|wire| canvas.wire(wire));
    for caption in &plan.captions {
        for (line, text) in caption.lines.iter().enumerate() {
            canvas.text(Point { x: caption.at.x, y: caption.at.y + line }, text, caption.tone);
        }
    }
    for line in &canvas.lines {
        let mut text = String::new();
        let mut run = (Tone::Plain, String::new());
        for cell in line.iter().filter(|cell| !cell.covered) {
            let tone = cell.tone.unwrap_or(Tone::Plain);
            if tone != run.0 {
                text.push_str(&run.0.paint(&run.1, style.color));
                run = (tone, String::new());
            }
            run.1.push_str(cell.glyph(style));
        }
        text.push_str(&run.0.paint(&run.1, style.color));
        writeln!(out, "{}", text.trim_end())?;
    }
    Ok(())
}
