//! Where everything of a figure is drawn, in columns and lines from 0: the form between the layouts and
//! the emitters.

#![cfg_attr(
    not(test),
    expect(dead_code, reason = "what is drawn of what: the text tells by its place, the tests ask for it")
)]

use crate::query::At;
use crate::view::Tone;
use unicode_width::UnicodeWidthStr;

/// The columns that stay free at the left of everything.
pub const MARGIN: usize = 2;

/// A place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Point {
    pub x: usize,
    pub y: usize,
}

/// A figure, laid out.
#[derive(Debug, Default)]
pub struct Plan {
    pub frames: Vec<Frame>,
    pub wires: Vec<Wire>,
    pub rails: Vec<Rail>,
    pub captions: Vec<Caption>,
}

/// What a frame is around.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// The node of that index.
    Process(usize),
    /// The object of that index.
    Object(usize),
}

/// A box.
#[derive(Debug)]
pub struct Frame {
    pub of: Of,
    /// Its upper left corner.
    pub at: Point,
    /// With its borders.
    pub width: usize,
    /// With its borders.
    pub height: usize,
    /// In the upper border.
    pub title: String,
    /// The texts inside, from the first line under the upper border.
    pub rows: Vec<(String, Tone)>,
    /// Of the border.
    pub tone: Tone,
}

impl Frame {
    /// A box around `rows`, as wide as these and its title need.
    pub fn around(of: Of, at: Point, title: String, rows: Vec<(String, Tone)>, tone: Tone) -> Self {
        let widest = rows.iter().map(|(text, _)| text.width()).max().unwrap_or(0);
        // A piece of the border follows the title.
        let heading = if title.is_empty() { 0 } else { title.width() + 1 };
        Self { of, at, width: widest.max(heading) + 4, height: rows.len() + 2, title, rows, tone }
    }

    /// The column of the right border.
    pub fn right(&self) -> usize {
        self.at.x + self.width - 1
    }

    /// The line of a slot.
    pub fn row(&self, slot: usize) -> usize {
        self.at.y + 1 + slot
    }

    /// The first line under it.
    pub fn under(&self) -> usize {
        self.at.y + self.height
    }
}

/// A line from a slot to an object, or between two slots through an object.
#[derive(Debug)]
pub struct Wire {
    /// Which object.
    pub object: usize,
    /// Wires of one net join where they meet; others cross.
    pub net: usize,
    /// Its corners. The first and the last are on a border or on a rail.
    pub path: Vec<Point>,
    /// What the two ends of the path are at.
    pub feet: [Foot; 2],
    /// What is written on it, and where.
    pub text: Option<(Point, String)>,
    pub tone: Tone,
}

/// An end of a wire's path.
#[derive(Debug, Clone, Copy)]
pub struct Foot {
    pub on: On,
    pub arrow: Arrow,
}

/// What an end of a wire's path is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// A slot of a process.
    Slot(At),
    /// The wire's object: its frame or its rail.
    Object,
}

/// Where the arrowhead of an end is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrow {
    /// Nowhere: the line joins what it ends at.
    None,
    /// In front of what the line ends at.
    Before,
    /// On the rail: what is in front of it may be another one.
    On,
}

impl Arrow {
    /// `self`, where bytes flow that way.
    pub fn if_flows(self, flows: bool) -> Self {
        if flows { self } else { Self::None }
    }
}

/// What many slots lead to, as a line.
#[derive(Debug)]
pub struct Rail {
    pub object: usize,
    /// Its corners.
    pub path: Vec<Point>,
    /// What is written on it, and where.
    pub text: Option<(Point, String)>,
    pub tone: Tone,
}

/// What is told of an object, under the figure.
#[derive(Debug)]
pub struct Caption {
    /// The place of its first character.
    pub at: Point,
    pub lines: Vec<String>,
    pub tone: Tone,
}
