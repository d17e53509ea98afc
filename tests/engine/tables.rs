//! No drift: what the engine says has changed is what has changed.

use crate::common::installed;
use crate::replay::Replay;
use crate::runner::Case;
use crate::tracee::{Tracee, example};
use ganariya_fd::kernel::ptrace::Pace;

pub const CASES: &[Case] = &[
    ("the_changes_of_each_scenario_make_its_tables", of_scenarios),
    ("the_changes_of_every_kind_of_file_make_its_table", of_every_kind),
    ("the_changes_of_shells_make_their_tables", of_shells),
    ("a_rename_replaces_nothing", renames),
];

fn replayed(words: &[&str]) -> Replay {
    let mut replay = Replay::default();
    Tracee::launch(words).run(Pace::ToCall, |event| replay.see(event));
    assert!(replay.steps > 5 && replay.exits > 0, "{words:?}: {} {}", replay.steps, replay.exits);
    replay
}

fn of_scenarios() {
    let program = example("every_call");
    let scenarios =
        ["files", "pipes", "sockets", "passing", "threads", "unshare", "spawn", "exec-from-thread"];
    for scenario in scenarios {
        replayed(&[&program, scenario]);
    }
}

fn of_every_kind() {
    // Its standard input is at its end, so that it exits by itself.
    let replay = replayed(&[&example("every_kind")]);
    assert!(replay.steps > 50);
}

fn of_shells() {
    let scripts = [
        "ls / | cat | wc -l >/dev/null 2>&1",
        "exec 3>/dev/null 4<&0; ls >&3; (cat <&4); exec 3>&-; true & wait",
        "cat <<X | tr a b\nabc\nX\nfor i in 1 2 3; do x=$(echo $i); done; echo $x >/dev/null; exec cat </dev/null",
    ];
    for shell in ["dash", "bash"] {
        if installed(shell) {
            for script in scripts {
                let replay = replayed(&[shell, "-c", script]);
                assert!(replay.exits > 2, "{shell}: {script}");
            }
        }
    }
    if installed("bash") {
        replayed(&[
            "bash",
            "-c",
            "cat <(echo a) <<<word | cat; coproc cat; exec 5>&\"${COPROC[1]}\"-; exec 5>&-; wait",
        ]);
    }
}

fn renames() {
    if !installed("perl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let script = "chdir shift; open F, '>', 'a'; rename 'a', 'b'; open G, '<', '/dev/null'; unlink 'b'; close G; close F";
    let path = folder.path().to_str().unwrap();
    let mut told = Vec::new();
    Tracee::launch(&["perl", "-e", script, path]).run(Pace::ToCall, |event| {
        if let ganariya_fd::collect::follow::Event::Step { step, .. } = event {
            told.extend(step.changes.clone());
        }
    });
    let replaced = told.iter().find(|change| matches!(change, ganariya_fd::model::Change::Replaced { .. }));
    assert_eq!(replaced, None);
}
