//! What the lab tells of the wiring: its steps, and the tables at exec.

use crate::common::{installed, is_root, plain, program, run};
use crate::{pipe, success, told};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::process::{Command, Stdio};

/// A step without its number and the pid of its actor: `shell pipe2() = [3, 4]`.
fn call(step: &str) -> String {
    let mut words = step.split_ascii_whitespace().skip(1);
    let actor = words.next().unwrap().split('[').next().unwrap().to_owned();
    let rest = step.split_once("]  ").unwrap().1.trim_start();
    let call = rest.split("  ").next().unwrap();
    format!("{actor} {call}")
}

#[test]
fn the_write_end_is_at_ls_and_the_read_end_at_grep() {
    let told = success(&["ls | grep Cargo"]);
    let table = |name: &str| {
        let found = told.tables.iter().find(|(process, _)| process.starts_with(&format!("{name}[")));
        found.unwrap_or_else(|| panic!("no table of {name}")).clone()
    };
    let ((ls, ls_fds), (grep, grep_fds)) = (table("ls"), table("grep"));
    let (out, input) = (&ls_fds[1], &grep_fds[0]);
    // FD SHARED MODE KIND NAME FLAGS CONNECTED TO
    assert_eq!(&out[..4], ["1", "-", "w", "pipe"]);
    assert_eq!(&input[..4], ["0", "-", "r", "pipe"]);
    assert!(out[4].starts_with("pipe:["));
    assert_eq!(out[4], input[4], "one pipe");
    assert_eq!(out[6], format!("{grep} fd 0 (r)"));
    assert_eq!(input[6], format!("{ls} fd 1 (w)"));
    for (_, fds) in &told.tables {
        let numbers: Vec<_> = fds.iter().map(|cells| cells[0].as_str()).collect();
        assert_eq!(numbers, ["0", "1", "2"], "the lab's plumbing shows");
    }
    assert_eq!(told.output, "Cargo.lock\nCargo.toml\n");
    let ends: Vec<_> = told.exits.iter().map(|line| line.split_once(']').unwrap().1.trim()).collect();
    assert_eq!(ends, ["exited with status 0"; 2]);
}

#[test]
fn the_steps_are_those_of_a_shell_in_order() {
    let told = success(&["true | cat"]);
    let calls: Vec<_> = told.steps.iter().map(|step| call(step)).collect();
    let shell: Vec<_> = calls.iter().filter(|call| call.starts_with("shell ")).collect();
    assert_eq!(shell.len(), 5, "{calls:?}");
    assert_eq!(shell[0], "shell pipe2() = [3, 4]");
    assert!(shell[1].starts_with("shell fork() = "));
    assert_eq!(shell[2], "shell close(4)");
    assert!(shell[3].starts_with("shell fork() = "));
    assert_eq!(shell[4], "shell close(3)");
    let of = |name: &str| -> Vec<_> { calls.iter().filter(|call| call.starts_with(name)).cloned().collect() };
    let first = of("true ");
    assert_eq!(first[..3], ["true close(3)", "true dup2(4, 1)", "true close(4)"]);
    assert!(first[3].starts_with("true execve(\"/"), "{first:?}");
    let second = of("cat ");
    assert_eq!(second[..2], ["cat dup2(3, 0)", "cat close(3)"]);
    assert!(second[2].starts_with("cat execve(\"/"));
    assert_eq!(calls.len(), 12);
}

#[test]
fn a_middle_stage_has_an_end_of_both_pipes() {
    let told = success(&["echo one | cat | tr a-z A-Z"]);
    let middle = &told.tables[2].1;
    assert_eq!((middle[0][2].as_str(), middle[1][2].as_str()), ("r", "w"));
    assert_ne!(middle[0][4], middle[1][4], "two pipes");
    assert_eq!(middle[0][4], told.tables[1].1[1][4]);
    assert_eq!(middle[1][4], told.tables[3].1[0][4]);
    assert_eq!(told.output, "ONE\n");
}

#[test]
fn the_pipe_shown_is_the_one_that_the_stage_has() {
    // The command says itself what its 1 is.
    let told = success(&["readlink /proc/self/fd/1 | cat"]);
    assert_eq!(told.output.trim_end(), told.tables[1].1[1][4]);
}

#[test]
fn descriptors_that_the_caller_left_open_do_not_reach_the_stages() {
    let script =
        format!("exec 7</dev/null 9>/dev/null; exec '{}' pipe 'ls /proc/self/fd | cat'", program().display());
    let mut command = Command::new("sh");
    command.arg("-c").arg(script);
    plain(&mut command);
    let ran = run(&mut command);
    // 3 is the folder that ls lists.
    assert_eq!(told(&ran).output, "0\n1\n2\n3\n", "{}", ran.err);
}

#[test]
fn what_the_caller_closed_is_closed_in_the_stages() {
    for (closed, first, last) in
        [("<&-", json!([1, 2]), json!([0, 1, 2])), ("2>&-", json!([0, 1]), json!([0, 1]))]
    {
        let script = format!("exec '{}' pipe --tables exec 'true | true' {closed}", program().display());
        let mut command = Command::new("sh");
        command.arg("-c").arg(script);
        plain(&mut command);
        let told = told(&run(&mut command));
        let numbers = |index: usize| -> Value {
            told.tables[index].1.iter().map(|cells| cells[0].parse::<i32>().unwrap()).collect()
        };
        assert_eq!((numbers(1), numbers(2)), (first, last), "{closed}");
    }
}

#[test]
fn stages_have_the_signals_that_a_shell_would_give_them() {
    let told = success(&["grep -E 'Sig(Blk|Ign)' /proc/self/status | cat"]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "grep -E 'Sig(Blk|Ign)' /proc/self/status | cat"]);
    assert_eq!(told.output, run(&mut shell).text());
}

#[test]
fn the_first_stage_reads_what_the_caller_gives() {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("printf abc | '{}' pipe 'cat | wc -c'", program().display()));
    plain(&mut command);
    let ran = run(&mut command);
    assert_eq!(told(&ran).output.trim(), "3");
}

#[test]
fn words_reach_the_command_as_a_shell_would_pass_them() {
    let told = success(&[r#"printf '%s\n' 'a b' "c'd" e\ f '' | cat"#]);
    assert_eq!(told.output, "a b\nc'd\ne f\n\n");
}

#[test]
fn names_of_commands_do_not_reach_the_terminal_raw() {
    let ran = run(&mut pipe(&["'no\u{1b}[31msuch' | cat"]));
    assert!(!ran.out.contains(&0x1b), "{:?}", ran.text());
    assert!(!ran.err.contains('\u{1b}'), "{:?}", ran.err);
}

#[test]
fn a_user_without_rights_wires_his_own() {
    if !is_root() || !installed("setpriv") {
        return;
    }
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let copy = folder.path().join("ganariya-fd");
    std::fs::copy(program(), &copy).unwrap();
    std::process::Command::new("chmod").args(["-R", "a+rx"]).arg(folder.path()).status().unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&copy);
    command.args(["pipe", "id -u | cat"]).current_dir("/").stdin(Stdio::null());
    plain(&mut command);
    let ran = run(&mut command);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let told = told(&ran);
    assert_eq!(told.output, "65534\n");
    let kinds: BTreeSet<_> =
        told.tables[1..].iter().flat_map(|(_, fds)| fds.iter().map(|fd| fd[3].clone())).collect();
    assert!(kinds.contains("pipe"));
}
