//! Standard output that is full, closed early or a file, and command lines that are wrong.

use crate::common::{Actor, every_kind, inspect, plain, program, run, shell};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};

/// More rows than fit into a pipe and the program's own buffer.
fn long_table() -> Actor {
    Actor::start(every_kind().args(["--many", "3000"]))
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let actor = long_table();
    for arguments in [
        vec![actor.pid.to_string()],
        vec!["--all".to_owned()],
        vec!["--format".to_owned(), "json".to_owned(), actor.pid.to_string()],
        vec!["--format".to_owned(), "jsonl".to_owned(), actor.pid.to_string()],
    ] {
        let mut command = inspect(&arguments);
        let mut child = crate::common::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        assert!(first.starts_with("COMMAND") || first.starts_with('{'), "{first}");
        let mut errors = String::new();
        child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        let status = child.wait().unwrap();
        assert_eq!((status.code(), status.signal()), (Some(0), None), "{arguments:?}");
        assert_eq!(errors, "", "{arguments:?}");
    }
}

#[test]
fn head_in_a_shell_ends_it_quietly() {
    let actor = long_table();
    // The status of the first of the two is kept in a descriptor that neither of them has.
    let script = "{ { \"$0\" inspect \"$1\" 3>&-; echo $? >&3; } | head -1; } 3>&1";
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(program()).arg(actor.pid.to_string());
    plain(&mut command);
    let ran = run(&mut command);
    let lines: Vec<&str> = ran.text().lines().collect();
    assert_eq!((lines.len(), ran.err.as_str()), (2, ""), "{lines:?}");
    assert!(lines.contains(&"0") && lines.iter().any(|line| line.starts_with("COMMAND")), "{lines:?}");
}

#[test]
fn output_that_cannot_be_written_is_an_error() {
    let actor = Actor::shell("");
    let pid = actor.pid.to_string();
    for arguments in
        [vec![&*pid], vec!["--all"], vec!["--format", "json", &pid], vec!["--format", "jsonl", &pid]]
    {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let child = crate::common::start(inspect(&arguments).stdout(full).stderr(Stdio::piped()));
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(errors.starts_with("ganariya-fd: standard output: No space left"), "{errors}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
    }
}

#[test]
fn a_wrong_command_line_is_told_as_clap_tells_it() {
    for (arguments, words) in [
        (vec!["0"], "invalid value '0' for '[PID]...'"),
        (vec!["-5"], "unexpected argument '-5'"),
        (vec!["99999999999"], "invalid value '99999999999' for '[PID]...'"),
        (vec!["bash"], "invalid value 'bash' for '[PID]...'"),
        (vec!["--al"], "unexpected argument '--al' found"),
        (vec!["--all", "1"], "the argument '--all' cannot be used with '[PID]...'"),
        (vec!["--format", "xml"], "invalid value 'xml' for '--format <FORMAT>'"),
        (vec!["--lang", "de"], "invalid value 'de' for '--lang <LANG>'"),
    ] {
        let ran = run(&mut inspect(&arguments));
        assert_eq!((ran.status, ran.text()), (2, ""), "{arguments:?}");
        assert!(ran.err.starts_with("error: ") && ran.err.contains(words), "{arguments:?}: {}", ran.err);
    }
}

#[test]
fn help_goes_to_standard_output() {
    let ran = run(&mut inspect(&["--help"]));
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    for word in ["Usage: ganariya-fd inspect", "--all", "--format", "--strict", "Examples:"] {
        assert!(ran.text().contains(word), "{word}: {}", ran.text());
    }
}

#[test]
fn a_listing_has_a_line_of_its_own_for_each_descriptor_and_no_colour() {
    let actor = Actor::start(shell("exec 3</dev/null 4>/dev/null 5<>/dev/null").env("LINES", "1"));
    let ran = run(&mut inspect(&["--color", "auto", &actor.pid.to_string()])).clean();
    let header: Vec<&str> =
        ran.text().lines().next().unwrap().split("  ").filter(|w| !w.is_empty()).collect();
    let header: Vec<&str> = header.into_iter().map(str::trim).collect();
    let columns = ["COMMAND", "PID", "USER", "FD", "SHARED", "MODE", "KIND", "NAME", "FLAGS", "CONNECTED TO"];
    assert_eq!(header, columns);
    for (fd, mode) in [("3", "r"), ("4", "w"), ("5", "rw")] {
        let rows = ran.text().lines().map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
        let row = rows.into_iter().find(|row| row[3] == fd).unwrap();
        assert_eq!(row[4..], ["-", mode, "char", "/dev/null", "-", "-"]);
    }
    assert!(!ran.text().contains('\x1b'));
    assert!(ran.text().lines().all(|line| !line.ends_with(' ')));
}
