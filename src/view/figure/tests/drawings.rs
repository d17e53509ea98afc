//! Drawings as a person sees them.

use super::*;

/// A shell and the stages of a pipeline, on one terminal.
fn pipeline(stages: &[&str]) -> Draft {
    let mut draft = Draft::new();
    let tty = draft.tty();
    draft.process("shell", 4100, &[(0, tty), (1, tty), (2, tty)]);
    let mut input = tty;
    for (index, stage) in (0u8..).zip(stages) {
        let last = usize::from(index) + 1 == stages.len();
        let (next, output) = if last { (tty, tty) } else { draft.pipe(98213 + u64::from(index)) };
        draft.process(stage, 4101 + i32::from(index), &[(0, input), (1, output), (2, tty)]);
        input = next;
    }
    draft
}

/// `ls | grep > FILE`
fn to_file(name: &str) -> Draft {
    let mut draft = pipeline(&["ls", "grep"]);
    let file = draft.open(KindName(&"file"), name, Access::Write, 77);
    draft.slots(2)[1].file = file;
    draft
}

fn forked() -> Draft {
    let mut draft = Draft::new();
    let tty = draft.tty();
    let (read, write) = draft.pipe(98213);
    let file = draft.open(KindName(&"file"), "/home/me/notes.txt", Access::Write, 77);
    let slots = [(0, tty), (1, tty), (2, tty), (3, read), (4, write), (5, file)];
    draft.process("shell", 4100, &slots);
    draft.process("shell", 4101, &slots);
    draft
}

/// `2>&1` beside a second `open`.
fn twice() -> Draft {
    let mut draft = Draft::new();
    let tty = draft.tty();
    let [one, two] = [77; 2].map(|ino| draft.open(KindName(&"file"), "/home/me/log.txt", Access::Write, ino));
    draft.process("sh", 4100, &[(0, tty), (1, one), (2, one), (3, two)]);
    draft.process("tail", 4101, &[(0, tty), (1, tty), (2, tty)]);
    draft
}

fn forgotten() -> Draft {
    let mut draft = pipeline(&["ls", "grep"]);
    let write = draft.slots(1)[1].clone();
    draft.slots(0).push(Descriptor { fd: 4, ..write });
    draft
}

fn odd() -> Draft {
    let mut draft = Draft::new();
    let ttys = [(); 2].map(|()| draft.tty());
    for tty in ttys {
        draft.unproven(tty);
    }
    let (read, write) = draft.pipe(98213);
    let lonely = draft.end(98214, Access::Write);
    draft.holder("less", 999, 0, 98213, Access::Read);
    draft.process("a\x1b[31m", 4100, &[(0, ttys[0]), (1, write), (2, lonely)]);
    draft.process("b", 4101, &[(0, ttys[1]), (7, read)]);
    draft.process("c", 4102, &[]);
    draft.snapshot.processes[2].table = Err(failure("openat", "EACCES"));
    draft.process("d", 4103, &[]);
    draft
}

#[track_caller]
fn assert_drawn(drawn: &str, expected: &str) {
    assert!(drawn == expected.trim_start_matches('\n'), "drawn is\n{drawn}");
}

#[test]
fn colours_change_nothing_but_colours() {
    for draft in [pipeline(&["ls", "sort", "head"]), forked(), forgotten(), odd()] {
        for width in [40, 80, 140] {
            let colored = draft.draw(Style { color: true, ..style(width) });
            assert!(colored.contains('\x1b'));
            let mut plain = String::new();
            for part in colored.split('\x1b') {
                plain.push_str(
                    part.split_once('m').filter(|_| part.starts_with('[')).map_or(part, |(_, rest)| rest),
                );
            }
            assert_eq!(plain, draft.draw(style(width)));
        }
    }
}

#[test]
fn a_reader_of_what_could_not_be_searched_is_unknown_and_not_nobody() {
    let mut draft = odd();
    draft.snapshot.coverage.unreadable.push((1, failure("openat", "EACCES")));
    assert!(draft.draw(style(140)).contains("a\\x1b[31m 2  ──▶  ? (openat: EACCES)"));
}

#[test]
fn two_eventfds_are_two_objects_although_they_are_one_inode() {
    let mut draft = Draft::new();
    let [one, two] =
        [12; 2].map(|ino| draft.open(KindName(&"anon"), "anon_inode:[eventfd]", Access::ReadWrite, ino));
    draft.process("a", 4100, &[(3, one), (4, two)]);
    let drawn = draft.draw(style(80));
    assert!(!drawn.contains('═') && drawn.contains("3 rw anon_inode:[eventfd]"), "{drawn}");
}

#[test]
fn many_processes_are_listed() {
    let drawn = pipeline(&["a", "b", "c", "d", "e", "f"]).draw(style(200));
    assert!(drawn.starts_with("PROCESS") && drawn.contains("pipe:[98213]:  a 1  ──▶  b 0"), "{drawn}");
}

#[test]
fn a_pipeline_of_two_on_80_columns() {
    let drawn = pipeline(&["ls", "grep"]).draw(style(80));
    assert_drawn(
        &drawn,
        r"
     ┌ shell[4100] ─┐     ┌ ls[4101] ───┐
  ┌──┤ 0 rw A tty   │  ┌──┤ 0 rw A tty  │   ┌──────┐    ┌ grep[4102] ─┐
  ├──┤ 1 rw A tty   │  │  │ 1 w    pipe ├──▶│ pipe ├───▶│ 0 r    pipe │
  ├──┤ 2 rw A tty   │  ├──┤ 2 rw A tty  │   └──────┘ ┌──┤ 1 rw A tty  │
  │  └──────────────┘  │  └─────────────┘            ├──┤ 2 rw A tty  │
  │                    │                             │  └─────────────┘
 ═╧══ A /dev/pts/3 ════╧═════════════════════════════╧═════════════════
  A = one open file description of /dev/pts/3:  shell 0-2  ls 0,2  grep 1,2
  pipe:[98213]:  ls 1  ──▶  grep 0
",
    );
}

#[test]
fn a_pipeline_of_two_on_140_columns() {
    let drawn = pipeline(&["ls", "grep"]).draw(style(140));
    assert_drawn(
        &drawn,
        r"
     ┌ shell[4100] ─┐     ┌ ls[4101] ───┐
  ┌──┤ 0 rw A tty   │  ┌──┤ 0 rw A tty  │   ┌──────────────┐    ┌ grep[4102] ─┐
  ├──┤ 1 rw A tty   │  │  │ 1 w    pipe ├──▶│ pipe:[98213] ├───▶│ 0 r    pipe │
  ├──┤ 2 rw A tty   │  ├──┤ 2 rw A tty  │   └──────────────┘ ┌──┤ 1 rw A tty  │
  │  └──────────────┘  │  └─────────────┘                    ├──┤ 2 rw A tty  │
  │                    │                                     │  └─────────────┘
 ═╧══ A /dev/pts/3 ════╧═════════════════════════════════════╧═════════════════
  A = one open file description of /dev/pts/3:  shell 0-2  ls 0,2  grep 1,2
",
    );
}

#[test]
fn a_pipeline_of_three_on_140_columns() {
    let drawn = pipeline(&["ls", "sort", "head"]).draw(style(140));
    assert_drawn(
        &drawn,
        r"
     ┌ shell[4100] ─┐     ┌ ls[4101] ───┐
  ┌──┤ 0 rw A tty   │  ┌──┤ 0 rw A tty  │   ┌──────────────┐    ┌ sort[4102] ─┐
  ├──┤ 1 rw A tty   │  │  │ 1 w    pipe ├──▶│ pipe:[98213] ├───▶│ 0 r    pipe │   ┌──────────────┐    ┌ head[4103] ─┐
  ├──┤ 2 rw A tty   │  ├──┤ 2 rw A tty  │   └──────────────┘    │ 1 w    pipe ├──▶│ pipe:[98214] ├───▶│ 0 r    pipe │
  │  └──────────────┘  │  └─────────────┘                    ┌──┤ 2 rw A tty  │   └──────────────┘ ┌──┤ 1 rw A tty  │
  │                    │                                     │  └─────────────┘                    ├──┤ 2 rw A tty  │
  │                    │                                     │                                     │  └─────────────┘
 ═╧══ A /dev/pts/3 ════╧═════════════════════════════════════╧═════════════════════════════════════╧═════════════════
  A = one open file description of /dev/pts/3:  shell 0-2  ls 0,2  sort 2  head 1,2
",
    );
}

#[test]
fn a_pipeline_of_three_on_80_columns() {
    let drawn = pipeline(&["ls", "sort", "head"]).draw(style(80));
    assert_drawn(
        &drawn,
        r"
     ┌ shell[4100] ─┐
  ╓──┤ 0 rw A tty   │
  ╟──┤ 1 rw A tty   │
  ╟──┤ 2 rw A tty   │
  ║  └──────────────┘
  ║  ┌ ls[4101] ────┐
  ╟──┤ 0 rw A tty   │
  ║  │ 1 w    pipe  ├─ pipe:[98213] ─┐
  ╟──┤ 2 rw A tty   │                │
  ║  └──────────────┘                │
  ║  ┌ sort[4102] ──┐                │
  ║  │ 0 r    pipe  │◀───────────────┘
  ║  │ 1 w    pipe  ├─ pipe:[98214] ─┐
  ╟──┤ 2 rw A tty   │                │
  ║  └──────────────┘                │
  ║  ┌ head[4103] ──┐                │
  ║  │ 0 r    pipe  │◀───────────────┘
  ╟──┤ 1 rw A tty   │
  ╟──┤ 2 rw A tty   │
  ║  └──────────────┘
  ╚═ A = one open file description of /dev/pts/3:  shell 0-2  ls 0,2  sort 2
       head 1,2
",
    );
}

#[test]
fn a_stage_that_writes_to_a_file() {
    let drawn = to_file("/home/me/out.txt").draw(style(80));
    assert_drawn(
        &drawn,
        r"
     ┌ shell[4100] ─┐     ┌ ls[4101] ───┐
  ┌──┤ 0 rw A tty   │  ┌──┤ 0 rw A tty  │   ┌──────┐    ┌ grep[4102] ─────────┐
  ├──┤ 1 rw A tty   │  │  │ 1 w    pipe ├──▶│ pipe ├───▶│ 0 r    pipe         │
  ├──┤ 2 rw A tty   │  ├──┤ 2 rw A tty  │   └──────┘    │ 1 w    /ho…/out.txt │
  │  └──────────────┘  │  └─────────────┘            ┌──┤ 2 rw A tty          │
  │                    │                             │  └─────────────────────┘
 ═╧══ A /dev/pts/3 ════╧═════════════════════════════╧═════════════════════════
  A = one open file description of /dev/pts/3:  shell 0-2  ls 0,2  grep 2
  pipe:[98213]:  ls 1  ──▶  grep 0
",
    );
}

#[test]
fn a_parent_and_its_child_share_everything() {
    let drawn = forked().draw(style(80));
    assert_drawn(
        &drawn,
        r"
           ┌ shell[4100] ─┐           ┌ shell[4101] ─┐
  ┌────────┤ 0 rw A tty   │  ┌────────┤ 0 rw A tty   │
  ├────────┤ 1 rw A tty   │  ├────────┤ 1 rw A tty   │
  ├────────┤ 2 rw A tty   │  ├────────┤ 2 rw A tty   │
  │ ┌─────▶│ 3 r  B pipe  │  │ ┌─────▶│ 3 r  B pipe  │
  │ │ ┌────┤ 4 w  C pipe  │  │ │ ┌────┤ 4 w  C pipe  │
  │ │ │ ┌──┤ 5 w  D file  │  │ │ │ ┌──┤ 5 w  D file  │
  │ │ │ │  └──────────────┘  │ │ │ │  └──────────────┘
 ═╧═│═│═│══ A /dev/pts/3 ════╧═│═│═│══════════════════
 ═══╧═▼═│══ B,C pipe:[98213] ══╧═▼═│══════════════════
 ═══════▼══ D /home/me/notes.txt ══▼══════════════════
  A = one open file description of /dev/pts/3:  shell[4100] 0-2  shell[4101] 0-2
  pipe:[98213]:  C = shell[4100] 4  shell[4101] 4  ──▶  B = shell[4100] 3
    shell[4101] 3
  D = one open file description of /home/me/notes.txt:  shell[4100] 5
    shell[4101] 5
",
    );
}

#[test]
fn a_file_opened_twice_is_told_from_a_copy() {
    let drawn = twice().draw(style(80));
    assert_drawn(
        &drawn,
        r"
         ┌ sh[4100] ───┐     ┌ tail[4101] ─┐
  ┌──────┤ 0 rw A tty  │  ┌──┤ 0 rw A tty  │
  │ ┌────┤ 1 w  B file │  ├──┤ 1 rw A tty  │
  │ ├────┤ 2 w  B file │  ├──┤ 2 rw A tty  │
  │ │ ┌──┤ 3 w  C file │  │  └─────────────┘
  │ │ │  └─────────────┘  │
 ═╧═│═│══ A /dev/pts/3 ═══╧═════════════════
 ═══▼═▼══ B,C /home/me/log.txt ═════════════
  A = one open file description of /dev/pts/3:  sh 0  tail 0-2
  /home/me/log.txt, opened 2 times:  B = sh 1,2;  C = sh 3
",
    );
}

#[test]
fn a_writer_that_the_shell_forgot() {
    let drawn = forgotten().draw(style(80));
    assert_drawn(
        &drawn,
        r"
       ┌ shell[4100] ─┐       ┌ ls[4101] ───┐       ┌ grep[4102] ─┐
  ┌────┤ 0 rw A tty   │  ┌────┤ 0 rw A tty  │  ┌───▶│ 0 r    pipe │
  ├────┤ 1 rw A tty   │  │ ┌──┤ 1 w  B pipe │  │ ┌──┤ 1 rw A tty  │
  ├────┤ 2 rw A tty   │  ├─│──┤ 2 rw A tty  │  │ ├──┤ 2 rw A tty  │
  │ ┌──┤ 4 w  B pipe  │  │ │  └─────────────┘  │ │  └─────────────┘
  │ │  └──────────────┘  │ │                   │ │
 ═╧═│══ A /dev/pts/3 ════╧═│═══════════════════│═╧═════════════════
 ═══▼══ B pipe:[98213] ════▼═══════════════════╧═══════════════════
  A = one open file description of /dev/pts/3:  shell 0-2  ls 0,2  grep 1,2
  pipe:[98213]:  B = shell 4  ls 1  ──▶  grep 0
",
    );
}

#[test]
fn a_writer_that_the_shell_forgot_on_60_columns() {
    let drawn = forgotten().draw(style(60));
    assert_drawn(
        &drawn,
        r"
        ┌ shell[4100] ─┐
  ╓─────┤ 0 rw A tty   │
  ╟─────┤ 1 rw A tty   │
  ╟─────┤ 2 rw A tty   │
  ║  ║◀─┤ 4 w  B pipe  │
  ║  ║  └──────────────┘
  ║  ║  ┌ ls[4101] ────┐
  ╟──║──┤ 0 rw A tty   │
  ║  ║◀─┤ 1 w  B pipe  │
  ╟──║──┤ 2 rw A tty   │
  ║  ║  └──────────────┘
  ║  ║  ┌ grep[4102] ──┐
  ║  ╟─▶│ 0 r    pipe  │
  ╟──║──┤ 1 rw A tty   │
  ╟──║──┤ 2 rw A tty   │
  ║  ║  └──────────────┘
  ║  ╚═ pipe:[98213]:  B = shell 4  ls 1  ──▶  grep 0
  ╚════ A = one open file description of /dev/pts/3:
          shell 0-2  ls 0,2  grep 1,2
",
    );
}

#[test]
fn ascii() {
    let drawn = pipeline(&["ls", "grep"]).draw(Style { ascii: true, ..style(80) });
    assert_drawn(
        &drawn,
        r"
     + shell[4100] -+     + ls[4101] ---+
  +--+ 0 rw A tty   |  +--+ 0 rw A tty  |   +------+    + grep[4102] -+
  +--+ 1 rw A tty   |  |  | 1 w    pipe +-->| pipe +--->| 0 r    pipe |
  +--+ 2 rw A tty   |  +--+ 2 rw A tty  |   +------+ +--+ 1 rw A tty  |
  |  +--------------+  |  +-------------+            +--+ 2 rw A tty  |
  |                    |                             |  +-------------+
 =+== A /dev/pts/3 ====+=============================+=================
  A = one open file description of /dev/pts/3:  shell 0-2  ls 0,2  grep 1,2
  pipe:[98213]:  ls 1  -->  grep 0
",
    );
}

#[test]
fn ascii_on_60_columns() {
    let drawn = forgotten().draw(Style { ascii: true, ..style(60) });
    assert_drawn(
        &drawn,
        r"
        + shell[4100] -+
  +-----+ 0 rw A tty   |
  +-----+ 1 rw A tty   |
  +-----+ 2 rw A tty   |
  #  #<-+ 4 w  B pipe  |
  #  #  +--------------+
  #  #  + ls[4101] ----+
  +--#--+ 0 rw A tty   |
  #  #<-+ 1 w  B pipe  |
  +--#--+ 2 rw A tty   |
  #  #  +--------------+
  #  #  + grep[4102] --+
  #  +->| 0 r    pipe  |
  +--#--+ 1 rw A tty   |
  +--#--+ 2 rw A tty   |
  #  #  +--------------+
  #  += pipe:[98213]:  B = shell 4  ls 1  -->  grep 0
  +==== A = one open file description of /dev/pts/3:
          shell 0-2  ls 0,2  grep 1,2
",
    );
}

#[test]
fn names_of_east_asia_keep_boxes_in_shape() {
    let drawn =
        to_file("/home/私/資料/とても長い名前のファイル.txt").draw(Style { lang: Lang::Ja, ..style(80) });
    assert_drawn(
        &drawn,
        r"
     ┌ shell[4100] ─┐     ┌ ls[4101] ───┐
  ┌──┤ 0 rw A tty   │  ┌──┤ 0 rw A tty  │   ┌──────┐    ┌ grep[4102] ─────────┐
  ├──┤ 1 rw A tty   │  │  │ 1 w    pipe ├──▶│ pipe ├───▶│ 0 r    pipe         │
  ├──┤ 2 rw A tty   │  ├──┤ 2 rw A tty  │   └──────┘    │ 1 w    /ho…イル.txt │
  │  └──────────────┘  │  └─────────────┘            ┌──┤ 2 rw A tty          │
  │                    │                             │  └─────────────────────┘
 ═╧══ A /dev/pts/3 ════╧═════════════════════════════╧═════════════════════════
  A = /dev/pts/3 のオープンファイル記述 1 つ:  shell 0-2  ls 0,2  grep 2
  pipe:[98213]:  ls 1  ──▶  grep 0
",
    );
}

#[test]
fn what_is_unproven_unreadable_or_elsewhere_is_said() {
    let drawn = odd().draw(style(140));
    assert_drawn(
        &drawn,
        r"
         ┌ a\x1b[31m[4100] ─┐       ┌ b[4101] ────┐   ┌ c[4102] ───────────────────┐   ┌ d[4103] ─┐
  ┌──────┤ 0 rw ? tty       │  ┌────┤ 0 rw ? tty  │   │ unreadable: openat: EACCES │   │ no fds   │
  │ ┌────┤ 1 w    pipe      │  │ ┌─▶│ 7 r    pipe │   └────────────────────────────┘   └──────────┘
  │ │ ┌──┤ 2 w    pipe      │  │ │  └─────────────┘
  │ │ │  └──────────────────┘  │ │
 ═╧═│═│══ ? /dev/pts/3 ════════╧═│═════════════════════════════════════════════════════════════════
 ═══▼═│══ pipe:[98213] ══════════╧═════════════════════════════════════════════════════════════════
 ═════▼══ pipe:[98214] ════════════════════════════════════════════════════════════════════════════
  /dev/pts/3:  ? = a\x1b[31m 0  b 0  (? = unproven whether they share: kcmp: EPERM)
  pipe:[98213]:  a\x1b[31m 1  ──▶  b 7  less[999] 0 (not in the figure)
  pipe:[98214]:  a\x1b[31m 2  ──▶  nobody
",
    );
}

#[test]
fn where_there_is_no_terminal_it_is_a_list() {
    let drawn = odd().draw(Style { width: None, ..style(80) });
    assert_drawn(
        &drawn,
        r"
PROCESS          FD  MODE  LABEL  KIND  NAME
a\x1b[31m[4100]  0   rw    ?      tty   /dev/pts/3
a\x1b[31m[4100]  1   w     -      pipe  pipe:[98213]
a\x1b[31m[4100]  2   w     -      pipe  pipe:[98214]
b[4101]          0   rw    ?      tty   /dev/pts/3
b[4101]          7   r     -      pipe  pipe:[98213]
c[4102]          -   -     -      -     unreadable: openat: EACCES
d[4103]          -   -     -      -     no fds

  /dev/pts/3:  ? = a\x1b[31m 0  b 0  (? = unproven whether they share: kcmp: EPERM)
  pipe:[98213]:  a\x1b[31m 1  ──▶  b 7  less[999] 0 (not in the figure)
  pipe:[98214]:  a\x1b[31m 2  ──▶  nobody
",
    );
}
