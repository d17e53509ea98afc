//! The lab wires what a shell wires: the tables of the same pipeline under bash, dash and the lab.
//!
//! Every stage is a `sleep`, which opens nothing that it keeps. When all stand still, their tables are
//! read from `/proc` here, without the program; only which descriptors share an open file description
//! is asked of `inspect`, which has the kernel's word for it (kcmp). Pipes, and open file descriptions,
//! are compared by who has them, as their numbers differ from run to run.

use crate::common::{document, installed, plain, program, run, start, state, wait_until};
use crate::{Ran, Told, told};
use ganariya_fd::lab::Pipeline;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use proptest::prelude::*;
use serde_json::Value;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

/// Of one descriptor what must be equal.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    fd: i32,
    /// The file's path, or `pipe A` of the first pipe that is met and so on.
    name: String,
    access: &'static str,
    append: bool,
    /// Equal for those that share an open file description, in the order in which they are met.
    open_file: usize,
}

/// How many stages a test's pipeline can have.
const MOST: usize = 4;

/// The seconds that the first stage of this run sleeps, by which its processes are found: those of one
/// test process are unlike those of another.
fn first_argument(run: usize) -> u64 {
    (u64::from(std::process::id()) * 100 + run as u64) * MOST as u64 + 1_000_000_000
}

/// `pipeline` with a sleep of its own for each `CMD`, and how many these are.
fn with_sleeps(pipeline: &str, first: u64) -> (String, usize) {
    let count = pipeline.matches("CMD").count();
    assert!((1..=MOST).contains(&count), "{pipeline}");
    let sleep =
        |text: String, stage: usize| text.replacen("CMD", &format!("sleep {}", first + stage as u64), 1);
    ((0..count).fold(pipeline.to_owned(), sleep), count)
}

/// The process that sleeps so many seconds, when it does.
fn sleeper(seconds: u64) -> Option<i32> {
    let wanted = format!("sleep\0{seconds}\0");
    let pids =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.into_iter().find(|pid: &i32| {
        fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|words| words == wanted.as_bytes())
            && state(*pid) == Some('S')
    })
}

/// The sleeping stages of one run, in order; none is left when this is dropped.
struct Sleepers {
    first: u64,
    count: usize,
}

impl Sleepers {
    fn pids(&self) -> Vec<i32> {
        (0..self.count as u64).filter_map(|stage| sleeper(self.first + stage)).collect()
    }
}

impl Drop for Sleepers {
    fn drop(&mut self) {
        for pid in self.pids() {
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
    }
}

/// The flags of an open file description, as fdinfo has them.
fn flags(pid: i32, fd: i32) -> i32 {
    let text = fs::read_to_string(format!("/proc/{pid}/fdinfo/{fd}")).unwrap();
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
    i32::from_str_radix(flags.trim(), 8).unwrap()
}

/// The place of `value` among those seen before it.
fn index<T: PartialEq>(seen: &mut Vec<T>, value: T) -> usize {
    seen.iter().position(|known| *known == value).unwrap_or_else(|| {
        seen.push(value);
        seen.len() - 1
    })
}

fn name_of(pid: i32, fd: i32) -> String {
    fs::read_link(format!("/proc/{pid}/fd/{fd}")).unwrap().to_str().unwrap().to_owned()
}

/// The tables of the stages.
fn tables(pids: &[i32], document: &Value) -> Vec<Vec<Row>> {
    let (mut pipes, mut open_files) = (Vec::new(), Vec::new());
    let mut of_stage = |pid: i32| {
        let entries = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
        let mut fds: Vec<i32> =
            entries.map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap()).collect();
        fds.sort_unstable();
        let row = |fd: i32| {
            let (mut name, flags) = (name_of(pid, fd), flags(pid, fd));
            if name.starts_with("pipe:") {
                name = format!("pipe {}", index(&mut pipes, name.clone()));
            }
            let proved = crate::common::descriptor(document, pid, fd);
            assert_eq!(proved["identity"], "proven", "{proved}");
            Row {
                fd,
                name,
                access: ["r", "w", "rw", "-"][usize::try_from(flags & 3).unwrap()],
                append: flags & 0o2000 != 0,
                open_file: index(&mut open_files, proved["open_file"].as_str().unwrap().to_owned()),
            }
        };
        fds.into_iter().map(row).collect::<Vec<_>>()
    };
    pids.iter().map(|&pid| of_stage(pid)).collect()
}

/// Starts `command` on the files `in`, `out` and `err` of the folder, without a descriptor that the
/// tests may have inherited, and reads its sleeping stages' tables. The command is ended then.
fn observe(folder: &Path, command: &[&str], first: u64, stages: usize) -> Vec<Vec<Row>> {
    let file = |name: &str| File::create(folder.join(name)).unwrap();
    fs::write(folder.join("in"), "").unwrap();
    let script =
        "for fd in /proc/$$/fd/*; do fd=${fd##*/}; [ $fd -gt 2 ] && eval \"exec $fd>&-\"; done; exec \"$@\"";
    let mut launcher = Command::new("bash");
    launcher.args(["-c", script, "launcher"]).args(command).current_dir(folder);
    launcher.stdin(File::open(folder.join("in")).unwrap()).stdout(file("out")).stderr(file("err"));
    plain(&mut launcher);
    let mut child = start(&mut launcher);
    let sleepers = Sleepers { first, count: stages };
    wait_until(&format!("sleeping stages of {command:?}"), || sleepers.pids().len() == stages);
    let pids = sleepers.pids();
    let tables = tables(&pids, &document(&pids));
    // With its stages, the lab or the shell ends.
    drop(sleepers);
    child.wait().unwrap();
    tables
}

/// Whether what the lab prints says the same of its stages.
fn assert_listed(told: &Told, tables: &[Vec<Row>], pipeline: &str) {
    let mut pipes = Vec::new();
    for ((_, listed), table) in told.tables[1..].iter().zip(tables) {
        let listed: Vec<_> = listed
            .iter()
            .map(|cells| {
                let name = match cells[4].split(" (").next().unwrap() {
                    pipe if cells[3] == "pipe" => format!("pipe {}", index(&mut pipes, pipe.to_owned())),
                    name => name.to_owned(),
                };
                (cells[0].parse().unwrap(), name, cells[2].clone(), cells[5].contains("APPEND"))
            })
            .collect();
        let read: Vec<(i32, _, _, _)> =
            table.iter().map(|row| (row.fd, row.name.clone(), row.access.to_owned(), row.append)).collect();
        assert_eq!(listed, read, "{pipeline}");
    }
    assert_eq!(told.tables.len(), tables.len() + 1, "{pipeline}");
}

/// Pipelines that both shells understand, with `CMD` for each command.
const POSIX: [&str; 20] = [
    "CMD | CMD",
    "CMD 2>&1 >f | CMD",
    "CMD >f 2>&1 | CMD",
    "CMD <f | CMD >g 2>&1",
    "CMD | CMD 2>&1 | CMD",
    "CMD >f | CMD <f | CMD >>f | CMD >f",
    "CMD 3>f",
    "CMD 3>f 4>g 5<f 3>g",
    "CMD 5>f 3>&5 5>&- | CMD",
    "CMD 2>&- | CMD <&-",
    "CMD >f 2>f | CMD",
    "CMD >>f 2>&1 | CMD <>f",
    "CMD 3>&1 1>&2 2>&3 3>&- | CMD",
    "CMD <f >g 2>>h | CMD 1<>f",
    "CMD >&- 2>f | CMD 0<&- 3<f",
    "CMD 7>&- 2>&2 1>&1 | CMD",
    "CMD >|f 2>|g | CMD",
    "CMD 3<&0 </dev/null | CMD 4>&1 >/dev/null",
    "<f CMD >g 2>&1 | 2>&1 CMD >h",
    "CMD >f >g >>h | CMD <f <g",
];

/// Pipelines that dash does not understand, or otherwise.
const BASH: [&str; 9] = [
    "CMD |& CMD",
    "CMD 2>f |& CMD",
    "CMD >f |& CMD |& CMD",
    "CMD &>f | CMD",
    "CMD &>>f | CMD 2>&1",
    "CMD <<<'a b' | CMD",
    "CMD | CMD <<<a 3<<<b",
    "CMD 10>f 2>&10 | CMD",
    "CMD 2>&1>f | CMD",
];

fn assert_as_in(shells: &[&str], pipelines: &[&str], runs: usize) {
    let shells: Vec<_> = shells.iter().filter(|shell| installed(shell)).collect();
    if !installed("bash") {
        return;
    }
    for (index, pipeline) in pipelines.iter().enumerate() {
        let first = first_argument(runs + index);
        let (text, stages) = with_sleeps(pipeline, first);
        let folder = tempfile::tempdir().unwrap();
        // What is read has to be there.
        for file in ["f", "g", "h"] {
            fs::write(folder.path().join(file), "").unwrap();
        }
        let lab = [program().to_str().unwrap(), "pipe", "--timeout", "120", &text];
        let wired = observe(folder.path(), &lab, first, stages);
        let out = fs::read(folder.path().join("out")).unwrap();
        let err = fs::read_to_string(folder.path().join("err")).unwrap();
        assert_listed(&told(&Ran { status: 0, out, err }), &wired, pipeline);
        for shell in &shells {
            let in_shell = observe(folder.path(), &[shell, "-c", &text], first, stages);
            assert_eq!(wired, in_shell, "{pipeline}: the lab, and {shell}");
        }
    }
}

#[test]
fn tables_are_those_of_bash_and_dash() {
    assert_as_in(&["bash", "dash"], &POSIX, 0);
}

#[test]
fn what_only_bash_knows_is_wired_as_bash_does() {
    assert_as_in(&["bash"], &BASH, POSIX.len());
}

/// The words that `shell` makes of `text`, or nothing where it does not take it.
fn words_in(shell: &str, text: &str) -> Option<Vec<u8>> {
    let ran = run(Command::new(shell).args(["-c", &format!("printf '%s\\0' {text}")]));
    (ran.status == 0).then_some(ran.out)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_the_grammar_takes_bash_takes_as_well(
        pieces in proptest::collection::vec(
            prop_oneof![
                4 => Just("a"), 4 => Just(" "), 1 => Just("2"), 1 => Just("10"), 2 => Just("-"), 1 => Just("="),
                2 => Just(">"), 2 => Just("<"), 2 => Just("&"), 2 => Just("|"),
                1 => Just("'"), 1 => Just("\""), 1 => Just("\\"), 1 => Just("\n"), 1 => Just(";"), 1 => Just("#"),
                1 => Just("time "), 1 => Just("if "),
            ],
            1..12,
        )
    ) {
        let text = pieces.concat();
        if let Ok(pipeline) = Pipeline::parse(&text) && installed("bash") {
            let checked = run(Command::new("bash").args(["-n", "-c", "--", &text]));
            prop_assert_eq!((checked.status, checked.err.as_str()), (0, ""), "{:?}", text);
            if let [stage] = &pipeline.stages[..] && stage.redirections.is_empty() {
                let words: Vec<u8> =
                    stage.words.iter().flat_map(|word| [word.as_bytes(), b"\0"].concat()).collect();
                for shell in ["bash", "dash"].into_iter().filter(|shell| installed(shell)) {
                    prop_assert_eq!(words_in(shell, &text), Some(words.clone()), "{:?} in {}", text, shell);
                }
            }
        }
    }
}
