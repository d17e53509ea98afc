//! The words of a figure: titles, slots, and what is told of each object. All of other processes'
//! names goes through [`escape`] here and is shortened only here.

use crate::model::{Access, Identity, OpenFile};
use crate::query::{Figure, Label, Node, Object, Slot};
use crate::view::cells::process;
use crate::view::{Style, Tone, escape, lang};
use std::fmt::Write as _;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How much is told in the boxes.
#[derive(Debug, Clone, Copy)]
pub struct Detail {
    /// The most columns for a name.
    pub longest: usize,
    /// Whether a pipe's box has its name; otherwise it has its kind, and a caption tells the name.
    pub pipes_named: bool,
}

/// How many ends outside the figure are told one by one.
const OUTSIDE: usize = 4;

/// The words of one figure.
#[derive(Debug)]
pub struct Words<'a> {
    pub figure: &'a Figure<'a>,
    pub style: Style,
    /// What the processes are called where their boxes' titles tell the rest.
    names: Vec<String>,
}

impl<'a> Words<'a> {
    pub fn new(figure: &'a Figure<'a>, style: Style) -> Self {
        let comm = |node: &Node<'_>| node.process.comm.clone();
        let alone = |wanted: &[u8]| figure.nodes.iter().filter(|node| comm(node) == wanted).count() == 1;
        let names = figure.nodes.iter().map(|node| match comm(node) {
            comm if alone(&comm) => escape::name(&comm),
            comm => process(&comm, node.process.id.pid),
        });
        Self { figure, style, names: names.collect() }
    }

    /// `ls[4101]`. The number stays whole.
    pub fn title(&self, node: &Node<'_>, detail: Detail) -> String {
        let pid = node.process.id.pid;
        format!("{}[{pid}]", self.shorten(&escape::show(&node.process.comm), detail.longest.min(20)))
    }

    /// By how many columns pids and the numbers of pipes may grow. They differ from run to run, and the
    /// same pipeline should be drawn in the same form each time.
    pub fn growth(&self) -> usize {
        // At most 4194304 pids (proc_sys_kernel(5)) and, of pipes, 2 to the 32nd inodes.
        let missing = |number: String, digits: usize| digits.saturating_sub(number.len());
        let pids = self.figure.nodes.iter().map(|node| missing(node.process.id.pid.to_string(), 7));
        let pipes = self.figure.objects.iter().filter(|object| self.figure.pair(object).is_some());
        let inodes = pipes.filter_map(|pipe| Some(missing(pipe.file.inode?.ino.to_string(), 10)));
        pids.chain(inodes).sum()
    }

    /// The lines of a process's box: one for each slot, or one that says why there is none.
    pub fn slots(&self, node: &Node<'_>, detail: Detail) -> Vec<(String, Tone)> {
        let slots = match &node.slots {
            Ok(slots) if slots.is_empty() => return vec![(lang::figure_empty(self.style.lang), Tone::Faint)],
            Ok(slots) => slots,
            Err(failure) => {
                let text = lang::figure_unreadable(self.style.lang, &failure.to_string());
                return vec![(self.shorten(&text, detail.longest.max(20)), Tone::Warning)];
            }
        };
        let widest =
            |text: fn(&Slot<'_>) -> String| slots.iter().map(|slot| text(slot).len()).max().unwrap_or(0);
        let (fd, mode, mark) = (widest(|slot| slot.fd.to_string()), widest(mode), widest(label));
        let line = |slot: &Slot<'_>| {
            let mut line = format!("{:>fd$} {:<mode$}", slot.fd, self::mode(slot));
            if mark > 0 {
                let _ = write!(line, " {:<mark$}", label(slot));
            }
            let name = match slot.object {
                Some(_) => slot.file.kind.to_string(),
                None => self.shorten(&name(slot.file), detail.longest),
            };
            let tone = match (&slot.file.name, slot.file.pipe()) {
                (Err(_), _) => Tone::Warning,
                (Ok(_), Some(_)) => Tone::Wire,
                (Ok(_), None) => Tone::Plain,
            };
            (format!("{line} {name}"), tone)
        };
        slots.iter().map(line).collect()
    }

    /// What a pipe's box or wire is called.
    pub fn pipe(&self, object: &Object<'_>, detail: Detail) -> String {
        if detail.pipes_named {
            self.shorten(&name(object.file), detail.longest)
        } else {
            object.file.kind.to_string()
        }
    }

    /// The labels of a rail and its name: `A /dev/pts/3`.
    pub fn rail(&self, object: &Object<'_>) -> String {
        let mut labels: Vec<_> = self.ends(object).into_iter().map(|end| label(end.slot)).collect();
        labels.retain(|label| !label.is_empty());
        labels.sort_by_key(|label| (label.len(), label.clone()));
        labels.dedup();
        let file = name(object.file);
        if labels.is_empty() { file } else { format!("{} {file}", labels.join(",")) }
    }

    pub fn tone(object: &Object<'_>) -> Tone {
        if object.file.pipe().is_some() { Tone::Wire } else { Tone::Plain }
    }

    /// What is told of an object, in lines of at most `width` columns: what it is, which fds of whom
    /// refer to it, and through which open file descriptions.
    pub fn caption(&self, object: &Object<'_>, width: usize) -> Vec<String> {
        let language = self.style.lang;
        let ends = self.ends(object);
        let file = name(object.file);
        let mut pieces = Vec::new();
        if object.file.pipe().is_some() {
            pieces.push(format!("{file}:"));
            pieces.extend(self.side(object, &ends, Access::writes));
            pieces.push(self.style.glyph("──▶", "-->").to_owned());
            pieces.extend(self.side(object, &ends, Access::reads));
        } else {
            let mut labels: Vec<_> = ends.iter().map(|end| end.slot.label.clone()).collect();
            labels.dedup();
            labels.sort_by_key(order);
            labels.dedup();
            match &labels[..] {
                [Label::Letter(letter)] => {
                    pieces.push(format!("{letter} = {}:", lang::figure_one(language, &file)));
                    pieces.extend(self.members(&ends));
                }
                [Label::Letter(_), ..] if !labels.contains(&Label::Unproven) => {
                    pieces.push(format!("{}:", lang::figure_opened(language, &file, labels.len())));
                    pieces.extend(self.groups(&ends));
                }
                _ => {
                    pieces.push(format!("{file}:"));
                    pieces.extend(self.groups(&ends));
                }
            }
        }
        pieces.extend(ends.iter().find_map(|end| self.doubt(end.slot)));
        self.join(&pieces, width)
    }
}

/// A slot and the node that it is of.
#[derive(Clone, Copy)]
struct End<'a> {
    node: usize,
    slot: &'a Slot<'a>,
}

impl Words<'_> {
    fn ends(&self, object: &Object<'_>) -> Vec<End<'_>> {
        let end = |at: &crate::query::At| Some(End { node: at.node, slot: self.figure.slot(*at)? });
        object.references.iter().filter_map(end).collect()
    }

    /// Who writes into a channel, or who reads from it.
    fn side(&self, object: &Object<'_>, ends: &[End<'_>], takes: fn(Access) -> bool) -> Vec<String> {
        let language = self.style.lang;
        let here: Vec<_> =
            ends.iter().filter(|end| end.slot.file.access.is_some_and(takes)).copied().collect();
        let mut pieces = self.groups(&here);
        let outside: Vec<_> = object.outside.iter().filter(|peer| peer.access.is_some_and(takes)).collect();
        for peer in outside.iter().take(OUTSIDE) {
            let peer = format!("{} {}", process(peer.comm, peer.process.pid), peer.fd);
            pieces.push(lang::figure_outside(language, &peer));
        }
        if outside.len() > OUTSIDE {
            pieces.push(lang::and_more(language, outside.len() - OUTSIDE));
        }
        if pieces.is_empty() {
            pieces.push(match self.figure.unsearched {
                Some(failure) => format!("? ({failure})"),
                None => lang::nobody(language),
            });
        }
        pieces
    }

    /// `B = ls 1;` for each label, `ls 1` where there is none.
    fn groups(&self, ends: &[End<'_>]) -> Vec<String> {
        let mut ends = ends.to_vec();
        ends.sort_by_key(|end| order(&end.slot.label));
        let mut pieces: Vec<String> = Vec::new();
        for group in ends.chunk_by(|one, other| one.slot.label == other.slot.label) {
            if let Some(last) = pieces.last_mut() {
                *last += ";";
            }
            let mut members = self.members(group);
            let label = label(group[0].slot);
            if let (Some(first), false) = (members.first_mut(), label.is_empty()) {
                *first = format!("{label} = {first}");
            }
            pieces.extend(members);
        }
        pieces
    }

    /// `ls 0,2` for each process.
    fn members(&self, ends: &[End<'_>]) -> Vec<String> {
        let member = |of_node: &[End<'_>]| {
            let fds: Vec<_> = of_node.iter().map(|end| end.slot.fd).collect();
            format!("{} {}", self.names[of_node[0].node], ranges(&fds))
        };
        ends.chunk_by(|one, other| one.node == other.node).map(member).collect()
    }

    /// Why it is not known whether a slot shares.
    fn doubt(&self, slot: &Slot<'_>) -> Option<String> {
        let language = self.style.lang;
        let text = match (&slot.label, &slot.file.more.identity) {
            (Label::Unproven, Identity::Unproven(failure)) => {
                lang::figure_unproven(language, &failure.to_string())
            }
            (Label::Unproven, _) => lang::figure_not_asked(language),
            _ => return None,
        };
        Some(text)
    }

    /// Puts pieces into lines, two blanks apart. A piece that is longer than a line is shortened: the
    /// tables have it whole.
    fn join(&self, pieces: &[String], width: usize) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for piece in pieces {
            match lines.last_mut() {
                Some(line) if line.width() + 2 + piece.width() <= width => {
                    line.push_str("  ");
                    line.push_str(piece);
                }
                Some(_) => lines.push(format!("  {}", self.shorten(piece, width.saturating_sub(2)))),
                None => lines.push(self.shorten(piece, width)),
            }
        }
        lines
    }

    /// `text` in at most `width` columns: where it is longer, the middle is left out. More of the end
    /// is kept than of the beginning, since that is where paths differ.
    pub fn shorten(&self, text: &str, width: usize) -> String {
        if text.width() <= width {
            return text.to_owned();
        }
        let gap = self.style.glyph("…", "...");
        let room = width.saturating_sub(gap.width());
        let head = fitting(text.chars(), room / 3);
        let tail: String = fitting(text.chars().rev(), room - room / 3).chars().rev().collect();
        // What would combine with the gap belongs to what was left out.
        let tail = tail.trim_start_matches(|char: char| char.width() == Some(0));
        if room == 0 { String::new() } else { format!("{head}{gap}{tail}") }
    }
}

/// The first characters that take at most `room` columns.
fn fitting(chars: impl Iterator<Item = char>, mut room: usize) -> String {
    let fits = |char: &char| {
        let left = room.checked_sub(char.width().unwrap_or(0));
        room = left.unwrap_or(0);
        left.is_some()
    };
    chars.take_while(fits).collect()
}

/// The name of a file in a few words.
pub fn name(file: &OpenFile) -> String {
    let name = match &file.name {
        Err(failure) => return format!("? ({failure})"),
        Ok(name) => name,
    };
    let address = file.socket.as_ref().and_then(|socket| socket.local.as_ref());
    match address {
        Some(address) => format!("{} {}", file.kind, escape::name(address)),
        None if file.deleted => format!("{} (deleted)", escape::name(name)),
        None => escape::name(name),
    }
}

/// Letters stand in their order, and what is unproven at the end.
fn order(label: &Label) -> (usize, String) {
    match label {
        Label::None => (0, String::new()),
        // After Z comes AA.
        Label::Letter(letter) => (letter.len(), letter.clone()),
        Label::Unproven => (usize::MAX, String::new()),
    }
}

/// What a slot may be used for.
pub fn mode(slot: &Slot<'_>) -> String {
    slot.file.access.map_or("?", Access::as_str).to_owned()
}

/// What stands at a slot for its open file description.
pub fn label(slot: &Slot<'_>) -> String {
    match &slot.label {
        Label::None => String::new(),
        Label::Letter(letter) => letter.clone(),
        Label::Unproven => "?".to_owned(),
    }
}

/// `0-2,5`
fn ranges(fds: &[i32]) -> String {
    let runs = fds.chunk_by(|one, next| one + 1 == *next).map(|run| match run {
        [first, _, .., last] => format!("{first}-{last}"),
        _ => run.iter().map(i32::to_string).collect::<Vec<_>>().join(","),
    });
    runs.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    #[test]
    fn runs_of_three_and_more_are_ranges() {
        assert_eq!(super::ranges(&[0, 1, 2, 5, 6, 9]), "0-2,5,6,9");
    }
}
