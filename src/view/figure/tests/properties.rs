//! What holds of every figure, whatever the processes are.
//!
//! A drawing is not believed for its plan: its glyphs are followed from each slot, as a reader's finger
//! would, and have to lead to the object that the model says and to no other.

use super::super::plan::{Arrow, Frame, Of, On, Point};
use super::*;
use crate::query::At;
use proptest::prelude::*;
use std::collections::{BTreeSet, HashSet};

const NAMES: [&str; 6] = [
    "/home/me/a.txt",
    "/dev/pts/3",
    "/tmp/とても長い名前のファイル/報告書.txt",
    "/srv/\u{1b}]0;title\u{7}/\u{202e}gpj.exe",
    "/var/log/very/long/path/to/something/that/nobody/wants/to/read/in/full.log",
    "e\u{301}\u{301}\u{301}/\n\u{9b}31m 👍",
];

/// What a descriptor is of, as numbers: which file, and which description of it.
type Choice = (u64, usize);

fn draft(tables: &[Vec<Choice>], comms: &[String], unproven: bool, outside: bool) -> Draft {
    let mut draft = Draft::new();
    let mut files = Vec::new();
    for (index, name) in (1u64..).zip(NAMES) {
        // Of a file three descriptions, of which the last is open for less.
        let access = [Access::ReadWrite, Access::Write, Access::Read];
        files.push(access.map(|access| draft.open(KindName(&"file"), name, access, index)));
    }
    for ino in 98213..98219 {
        let (read, write) = draft.pipe(ino);
        files.push([read, write, draft.end(ino, Access::Read)]);
    }
    if unproven {
        files[0].iter().for_each(|file| draft.unproven(*file));
    }
    if outside {
        draft.holder("less\u{1b}[m", 99, 0, 98213, Access::Read);
    }
    for ((pid, table), comm) in (4100..).zip(tables).zip(comms) {
        let file = |&(object, description): &Choice| files[usize::try_from(object).unwrap()][description];
        let slots: Vec<_> = (0..).zip(table.iter().map(file)).collect();
        draft.process(comm, pid, &slots);
    }
    draft
}

fn drafts() -> impl Strategy<Value = Draft> {
    let table = proptest::collection::vec((0u64..12, 0usize..3), 0..6);
    let tables = proptest::collection::vec(table, 1..6);
    let comms = proptest::collection::vec("[a-zあ-ん\u{1b}\u{202e}]{1,8}", 6);
    (tables, comms, any::<bool>(), any::<bool>())
        .prop_map(|(tables, comms, unproven, outside)| draft(&tables, &comms, unproven, outside))
}

/// Pipes between neighbours, as pipelines have them.
fn pipelines() -> impl Strategy<Value = Draft> {
    (2usize..6, proptest::collection::vec(0usize..4, 6), any::<bool>()).prop_map(
        |(stages, extra, backwards)| {
            let tables: Vec<Vec<Choice>> = (0..stages)
                .map(|stage| {
                    let pipe = |stage: usize| 6 + u64::try_from(stage).unwrap();
                    let mut table = vec![(1, 0); extra[stage]];
                    if stage > 0 {
                        table.push((pipe(stage - 1), usize::from(backwards)));
                    }
                    if stage + 1 < stages {
                        table.push((pipe(stage), usize::from(!backwards)));
                    }
                    table.push((1, 0));
                    table
                })
                .collect();
            let comms = vec!["stage".to_owned(); 6];
            draft(&tables, &comms, false, false)
        },
    )
}

proptest! {
    #[test]
    fn no_line_is_wider_than_the_terminal_and_nothing_is_raw(
        draft in drafts(), width in 48u16..160, ascii: bool, japanese: bool,
    ) {
        let lang = if japanese { Lang::Ja } else { Lang::En };
        let drawn = draft.draw(Style { lang, ascii, ..style(width) });
        for line in grid(&drawn) {
            prop_assert!(line.len() <= usize::from(width), "{} > {}\n{}", line.len(), width, drawn);
        }
        prop_assert!(!drawn.chars().any(|char| char.is_control() && char != '\n'), "{}", drawn);
        prop_assert!(!drawn.contains('\u{202e}'), "{}", drawn);
        if ascii && !japanese {
            let ours = drawn.chars().filter(|char| !char.is_ascii());
            let theirs: HashSet<char> = NAMES.concat().chars().chain('あ'..='ん').collect();
            prop_assert_eq!(ours.filter(|char| !theirs.contains(char)).collect::<String>(), "");
        }
    }

    #[test]
    fn wires_lead_where_the_model_says(draft in prop_oneof![drafts(), pipelines()], width in 60u16..240) {
        let drawn = draft.draw(style(width));
        draft.with_plan(style(width), |figure, plan| Drawing { figure, plan, grid: grid(&drawn) }.check(&drawn));
    }

    #[test]
    fn every_descriptor_is_listed_where_there_is_no_terminal(draft in drafts()) {
        let drawn = draft.draw(Style { width: None, ..style(80) });
        let all = draft.snapshot.descriptors().count();
        let rows = drawn.lines().take_while(|line| !line.is_empty()).filter(|line| !line.contains("no fds"));
        prop_assert_eq!(rows.count(), all + 1, "{}", drawn);
    }
}

#[test]
fn a_pipeline_that_fits_is_drawn_side_by_side() {
    let draft = draft(&[vec![(1, 0), (6, 1)], vec![(6, 0), (1, 0)]], &["a".into(), "b".into()], false, false);
    let drawn = draft.with_plan(style(80), |_, plan| {
        assert_eq!(plan.frames.len(), 3);
        assert!(plan.frames[0].at.x < plan.frames[1].at.x);
    });
    assert!(drawn);
}

struct Drawing<'a> {
    figure: &'a Figure<'a>,
    plan: &'a Plan,
    grid: Vec<Vec<char>>,
}

/// A direction, as what is added to a column and a line.
type Way = (isize, isize);

const WAYS: [Way; 4] = [(0, -1), (0, 1), (-1, 0), (1, 0)];

/// Which of [`WAYS`] a glyph has arms to.
fn arms(glyph: char) -> Vec<Way> {
    let all = match glyph {
        '│' | '║' | '▲' | '▼' => [true, true, false, false],
        '─' | '═' | '◀' | '▶' => [false, false, true, true],
        '┌' => [false, true, false, true],
        '┐' => [false, true, true, false],
        '└' => [true, false, false, true],
        '┘' => [true, false, true, false],
        '├' | '╟' | '╓' => [true, true, false, true],
        '┤' => [true, true, true, false],
        '┬' => [false, true, true, true],
        '┴' | '╧' => [true, false, true, true],
        _ => [false; 4],
    };
    WAYS.into_iter().zip(all).filter(|(_, has)| *has).map(|(way, _)| way).collect()
}

impl Drawing<'_> {
    fn check(&self, drawn: &str) {
        self.frames_are_whole(drawn);
        let nodes: Vec<_> =
            self.plan.frames.iter().filter(|frame| matches!(frame.of, Of::Process(_))).collect();
        for (index, node) in self.figure.nodes.iter().enumerate() {
            for (slot, shown) in node.slots.iter().flatten().enumerate() {
                let frame = nodes[index];
                let y = frame.row(slot);
                let text: String = self.grid[y][frame.at.x + 2..frame.right()].iter().collect();
                assert!(text.trim_start().starts_with(&format!("{} ", shown.fd)), "{text}\n{drawn}");
                let at = At { node: index, slot };
                let reached: BTreeSet<usize> = [(frame.at.x, (-1, 0)), (frame.right(), (1, 0))]
                    .into_iter()
                    .filter(|&(x, way)| self.leaves(Point { x, y }, way))
                    .flat_map(|(x, way)| self.follow(Point { x, y }, way, at, drawn))
                    .collect();
                assert_eq!(reached, shown.object.into_iter().collect(), "slot {shown:?}\n{drawn}");
            }
        }
    }

    /// Every box has its borders in one column each.
    fn frames_are_whole(&self, drawn: &str) {
        for Frame { at, width, height, .. } in &self.plan.frames {
            for y in at.y + 1..at.y + height - 1 {
                for x in [at.x, at.x + width - 1] {
                    assert!("│┤├".contains(self.grid[y][x]), "{} at {x}, {y}\n{drawn}", self.grid[y][x]);
                }
            }
            assert_eq!((self.grid[at.y][at.x], self.grid[at.y + height - 1][at.x + width - 1]), ('┌', '┘'));
        }
    }

    fn glyph(&self, at: Point) -> char {
        // The name of a pipe may stand on its wire.
        let named = |wire: &super::super::plan::Wire| {
            let text = wire.text.as_ref();
            text.is_some_and(|(from, text)| {
                from.y == at.y
                    && (from.x..from.x + unicode_width::UnicodeWidthStr::width(text.as_str())).contains(&at.x)
            })
        };
        if self.plan.wires.iter().any(named) {
            return '─';
        }
        self.grid.get(at.y).and_then(|line| line.get(at.x)).copied().unwrap_or(' ')
    }

    /// Whether a wire begins at a border: it joins it, or an arrowhead points to it.
    fn leaves(&self, border: Point, way: Way) -> bool {
        let next = step(border, way).map_or(' ', |next| self.glyph(next));
        arms(self.glyph(border)).contains(&way) || next == if way.0 < 0 { '▶' } else { '◀' }
    }

    /// The objects that a wire leads to.
    fn follow(&self, from: Point, way: Way, slot: At, drawn: &str) -> Vec<usize> {
        let (mut found, mut met, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
        let mut open = vec![(from, way, false)];
        while let Some((at, way, forced)) = open.pop() {
            let Some(next) = step(at, way) else { panic!("a wire leaves the drawing\n{drawn}") };
            if !seen.insert((next, way)) {
                continue;
            }
            let glyph = self.glyph(next);
            let back = (-way.0, -way.1);
            let rail = self.rail_at(next);
            let ends_here = forced || arms(glyph).contains(&back);
            if let Some(object) = rail {
                // Down to a rail that lies, or sideways to one that stands: across it, or its end.
                let crossed = match glyph {
                    '│' | '═' => way.1 != 0,
                    '║' => !forced,
                    _ => false,
                };
                if crossed {
                    open.push((next, way, false));
                } else {
                    found.push(object);
                }
            } else if let Some(of) = self.frame_at(next) {
                match of {
                    Of::Object(object) if ends_here => found.push(object),
                    Of::Process(_) if ends_here => met.push(next),
                    _ => panic!("a wire crosses a box at {next:?}\n{drawn}"),
                }
            } else if ends_here {
                let points = "◀▶▲▼".contains(glyph);
                open.extend(
                    arms(glyph).into_iter().filter(|arm| *arm != back).map(|arm| (next, arm, points)),
                );
            } else {
                assert_eq!(arms(glyph).len(), 2, "{glyph} at {next:?} from {slot:?}\n{drawn}");
                open.push((next, way, false));
            }
        }
        // From slot to slot, through the name on the wire.
        let through = self.plan.wires.iter().filter(|wire| {
            wire.feet.iter().all(|foot| matches!(foot.on, On::Slot(_)))
                && wire.feet.iter().any(|foot| foot.on == On::Slot(slot))
        });
        found.extend(through.map(|wire| {
            let ends = [wire.path[0], wire.path[wire.path.len() - 1]];
            assert!(
                ends.iter().all(|end| *end == from || met.contains(end)),
                "{ends:?} from {slot:?}\n{drawn}"
            );
            assert!(wire.feet[1].arrow == Arrow::Before);
            wire.object
        }));
        found
    }

    fn rail_at(&self, at: Point) -> Option<usize> {
        let on = |from: Point, to: Point| {
            (from.x.min(to.x)..=from.x.max(to.x)).contains(&at.x)
                && (from.y.min(to.y)..=from.y.max(to.y)).contains(&at.y)
        };
        let rail =
            self.plan.rails.iter().find(|rail| rail.path.windows(2).any(|pair| on(pair[0], pair[1])))?;
        Some(rail.object)
    }

    /// What the box is of whose border is there.
    fn frame_at(&self, at: Point) -> Option<Of> {
        let frame = self.plan.frames.iter().find(|frame| {
            (at.x == frame.at.x || at.x == frame.right()) && (frame.at.y..frame.under()).contains(&at.y)
        })?;
        Some(frame.of)
    }
}

fn step(at: Point, way: Way) -> Option<Point> {
    Some(Point { x: at.x.checked_add_signed(way.0)?, y: at.y.checked_add_signed(way.1)? })
}
