//! Redirections: what they do to the tables and to the files, in the order in which they are written.

use crate::common::{Ran, installed, is_root, plain, program, run};
use crate::{Told, pipe, told};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A folder without what other tests make.
fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Runs a pipeline in `folder`.
fn run_in(folder: &Path, pipeline: &str) -> Ran {
    run(pipe(&[pipeline]).current_dir(folder))
}

/// What a pipeline in `folder` told, which ended with 0 and nothing on standard error.
fn success_in(folder: &Path, pipeline: &str) -> Told {
    let ran = run_in(folder, pipeline);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{pipeline}: {}", ran.text());
    told(&ran)
}

fn text(folder: &Path, file: &str) -> String {
    fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Of a stage, from 1, the lines of its table: FD SHARED MODE KIND NAME FLAGS CONNECTED TO.
fn table(told: &Told, stage: usize) -> &[Vec<String>] {
    &told.tables[stage].1
}

/// The line of a number.
fn row<'a>(told: &'a Told, stage: usize, fd: &str) -> &'a [String] {
    let found = table(told, stage).iter().find(|cells| cells[0] == fd);
    found.unwrap_or_else(|| panic!("no fd {fd}: {:?}", told.tables))
}

/// The calls of the process of this name, without their results on its table.
fn calls(told: &Told, name: &str) -> Vec<String> {
    let of_name =
        |step: &&String| step.split_ascii_whitespace().nth(1).unwrap().starts_with(&format!("{name}["));
    let call = |step: &String| {
        let rest = step.split_once("]  ").unwrap().1.trim_start();
        rest.split("  ").next().unwrap().to_owned()
    };
    told.steps.iter().filter(of_name).map(call).collect()
}

#[test]
fn redirections_are_done_in_the_order_in_which_they_stand() {
    let folder = folder();
    let both = "sh -c 'echo out; echo err >&2'";
    let copied_first = success_in(folder.path(), &format!("{both} 2>&1 >f | tr a-z A-Z"));
    assert_eq!((text(folder.path(), "f").as_str(), copied_first.output.as_str()), ("out\n", "ERR\n"));
    assert_eq!(row(&copied_first, 1, "2")[3], "pipe");
    assert_eq!(row(&copied_first, 1, "2")[4], row(&copied_first, 2, "0")[4]);
    assert_eq!(row(&copied_first, 1, "1")[3], "file");

    let opened_first = success_in(folder.path(), &format!("{both} >f 2>&1 | tr a-z A-Z"));
    assert_eq!((text(folder.path(), "f").as_str(), opened_first.output.as_str()), ("out\nerr\n", ""));
    let (out, err) = (row(&opened_first, 1, "1"), row(&opened_first, 1, "2"));
    assert_eq!((&out[4], &out[1]), (&err[4], &err[1]), "one open file description");
    assert!(out[4].ends_with("/f"), "{out:?}");

    let of = |told: &Told| -> Vec<String> {
        calls(told, "sh")
            .into_iter()
            .filter(|call| call.starts_with("dup2") || call.starts_with("open"))
            .collect()
    };
    assert_eq!(of(&copied_first)[0..2], ["dup2(4, 1)", "dup2(1, 2)"]);
    assert_eq!(of(&opened_first)[3..], ["dup2(1, 2)"]);
}

#[test]
fn a_file_is_opened_moved_and_its_first_number_closed() {
    let folder = folder();
    let told = success_in(folder.path(), "true >f 3>g");
    let calls = calls(&told, "true");
    assert_eq!(calls[0], r#"openat("f", O_WRONLY|O_CREAT|O_TRUNC, 0666) = 3"#);
    assert_eq!(calls[1..3], ["dup2(3, 1)", "close(3)"]);
    // The number that the kernel gives is the wanted one already.
    assert_eq!(calls[3], r#"openat("g", O_WRONLY|O_CREAT|O_TRUNC, 0666) = 3"#);
    assert!(calls[4].starts_with("execve("), "{calls:?}");
    assert!(row(&told, 1, "3")[4].ends_with("/g"));
}

#[test]
fn a_new_file_has_the_permissions_that_the_umask_leaves() {
    let folder = folder();
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("umask 027; exec '{}' pipe 'true >f >>g'", program().display()));
    plain(command.current_dir(folder.path()));
    assert_eq!(run(&mut command).status, 0);
    for file in ["f", "g"] {
        let mode = fs::metadata(folder.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640, "{file}");
    }
}

#[test]
fn a_file_is_emptied_appended_to_or_left_by_its_operator() {
    let folder = folder();
    for (pipeline, mode, flags, content) in [
        ("echo one >f", "w", "-", "one\n"),
        ("echo two >>f", "w", "APPEND", "one\ntwo\n"),
        ("echo 3 1<>f", "rw", "-", "3\ne\ntwo\n"),
        ("echo four >|f", "w", "-", "four\n"),
        ("sh -c 'echo out; echo err >&2' &>f", "w", "-", "out\nerr\n"),
        ("sh -c 'echo out; echo err >&2' &>>f", "w", "APPEND", "out\nerr\nout\nerr\n"),
    ] {
        let told = success_in(folder.path(), pipeline);
        assert_eq!(
            (row(&told, 1, "1")[2].as_str(), row(&told, 1, "1")[5].as_str()),
            (mode, flags),
            "{pipeline}"
        );
        assert_eq!(text(folder.path(), "f"), content, "{pipeline}");
    }
    // What reads and writes is made where it is missing, and starts at 0.
    let told = success_in(folder.path(), "cat <>new");
    assert_eq!((row(&told, 1, "0")[2].as_str(), told.output.as_str()), ("rw", ""));
}

#[test]
fn a_closed_number_is_not_there_at_exec() {
    let folder = folder();
    let told = success_in(folder.path(), "true 2>&- <&- 7>&-");
    let numbers: Vec<_> = table(&told, 1).iter().map(|cells| cells[0].as_str()).collect();
    assert_eq!(numbers, ["1"]);
    // That 7 was not open is no failure.
    assert!(calls(&told, "true").contains(&"close(7) = EBADF".to_owned()));
}

#[test]
fn both_outputs_go_into_the_pipe_after_what_the_stage_redirects_itself() {
    let folder = folder();
    let both = "sh -c 'echo out; echo err >&2'";
    let told = success_in(folder.path(), &format!("{both} |& sort"));
    assert_eq!(told.output, "err\nout\n");
    assert_eq!(row(&told, 1, "1")[4], row(&told, 1, "2")[4]);
    let told = success_in(folder.path(), &format!("{both} >f |& cat"));
    assert_eq!((told.output.as_str(), text(folder.path(), "f").as_str()), ("", "out\nerr\n"));
}

#[test]
fn a_here_string_is_read_from_a_pipe_that_nobody_writes_any_more() {
    let folder = folder();
    let told = success_in(folder.path(), "cat <<<'two words' | tr a-z A-Z");
    assert_eq!(told.output, "TWO WORDS\n");
    assert_eq!((row(&told, 1, "0")[2].as_str(), row(&told, 1, "0")[3].as_str()), ("r", "pipe"));
    let calls = calls(&told, "cat");
    let at = calls.iter().position(|call| call.starts_with("pipe2")).unwrap();
    let pipe = ["pipe2() = [3, 4]", r#"write(4, "two words\n") = 10"#, "close(4)", "dup2(3, 0)", "close(3)"];
    assert_eq!(calls[at..at + 5], pipe);
}

#[test]
fn a_here_string_that_no_pipe_could_hold_is_read_from_a_file_without_a_name() {
    let folder = folder();
    for (length, kind) in [(4095, "pipe"), (4096, "file")] {
        let told = success_in(folder.path(), &format!("wc -c <<<{}", "x".repeat(length)));
        assert_eq!(told.output.trim(), (length + 1).to_string());
        let row = row(&told, 1, "0");
        assert_eq!((row[2].as_str(), row[3].as_str()), ("r", kind), "{row:?}");
    }
}

#[test]
fn a_redirection_that_fails_ends_its_stage_alone() {
    let folder = folder();
    fs::create_dir(folder.path().join("directory")).unwrap();
    for (redirection, call, subject) in [
        (">directory", r#"openat("directory", O_WRONLY|O_CREAT|O_TRUNC, 0666) = EISDIR"#, "directory"),
        ("<missing", r#"openat("missing", O_RDONLY) = ENOENT"#, "missing"),
        (">missing/f", r#"openat("missing/f", O_WRONLY|O_CREAT|O_TRUNC, 0666) = ENOENT"#, "missing/f"),
        ("2>&9", "dup2(9, 2) = EBADF", "9"),
        ("100000000>&1", "dup2(1, 100000000) = EBADF", "1"),
    ] {
        let ran = run_in(folder.path(), &format!("echo one {redirection} | echo two"));
        assert_eq!(ran.status, 0, "{redirection}");
        let told = told(&ran);
        assert!(calls(&told, "echo").contains(&call.to_owned()), "{redirection}: {:?}", told.steps);
        let errno = call.rsplit(' ').next().unwrap();
        assert!(ran.err.contains(&format!("{subject:?}: ")) && ran.err.contains(errno), "{}", ran.err);
        assert_eq!(told.output, "two\n");
        assert!(told.exits[0].ends_with("exited with status 1"), "{:?}", told.exits);
        assert!(ran.text().contains("never became its command: it exited with status 1."), "{}", ran.text());
    }
}

#[test]
fn the_status_is_that_of_a_failed_redirection_where_it_is_the_last_stages() {
    let folder = folder();
    assert_eq!(run_in(folder.path(), "true | cat <missing").status, 1);
}

#[test]
fn a_complaint_goes_where_standard_error_is_by_then() {
    let folder = folder();
    let told = success_in(folder.path(), "true 2>err <missing | cat");
    assert!(told.exits[0].ends_with("status 1"));
    assert_eq!(text(folder.path(), "err"), "ganariya-fd: \"missing\": openat: ENOENT\n");
    // What stands behind the one that failed is not done.
    success_in(folder.path(), "true 2>err <missing >never | cat");
    assert!(!folder.path().join("never").exists());
}

#[test]
fn a_file_is_created_even_where_its_command_does_not_exist() {
    let folder = folder();
    let ran = run_in(folder.path(), "nosuchcommand >f");
    assert_eq!((ran.status, text(folder.path(), "f").as_str()), (127, ""));
    let calls = calls(&told(&ran), "nosuchcommand");
    let at = |start: &str| calls.iter().position(|call| call.starts_with(start)).unwrap();
    assert!(at("openat(\"f\"") < at("execve(\"nosuchcommand\") = ENOENT"));
}

#[test]
fn a_stage_of_redirections_alone_does_them_and_ends() {
    let folder = folder();
    fs::write(folder.path().join("f"), "old").unwrap();
    let told = success_in(folder.path(), ">f | wc -c");
    assert_eq!((text(folder.path(), "f").as_str(), told.output.trim()), ("", "0"));
    assert!(told.exits[0].starts_with(":[") && told.exits[0].ends_with("status 0"), "{:?}", told.exits);
    let ran = run_in(folder.path(), ">f | wc -c");
    assert!(ran.text().contains("has no command: its redirections are done"), "{}", ran.text());
    assert!(!ran.text().contains("never became"), "{}", ran.text());
}

#[test]
fn a_user_without_rights_is_refused_by_the_kernel() {
    if !is_root() || !installed("setpriv") {
        return;
    }
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let copy = folder.path().join("ganariya-fd");
    fs::copy(program(), &copy).unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, "").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(fs::metadata(&secret).unwrap().uid(), 0);
    for (pipeline, call) in [
        ("cat <secret", "openat(\"secret\", O_RDONLY) = EACCES"),
        ("true >new", "openat(\"new\", O_WRONLY|O_CREAT|O_TRUNC, 0666) = EACCES"),
    ] {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(&copy)
            .args(["pipe", pipeline]);
        plain(command.current_dir(folder.path()).stdin(Stdio::null()));
        let ran = run(&mut command);
        assert_eq!(ran.status, 1, "{pipeline}: {}", ran.err);
        assert!(ran.text().contains(call), "{pipeline}: {}", ran.text());
        assert!(ran.err.contains("EACCES"), "{}", ran.err);
    }
}

#[test]
fn what_the_grammar_does_not_know_is_refused_with_the_advice_to_use_a_shell() {
    for (pipeline, position, what) in
        [("ls >$log", 5, "$"), ("cat <<END", 5, "<<"), ("ls && ls", 4, "&&"), ("cat <(ls)", 5, "<(")]
    {
        let ran = run(&mut pipe(&[pipeline]));
        assert_eq!(ran.status, 2, "{pipeline}");
        assert!(ran.err.contains(&format!("at character {position}:")), "{}", ran.err);
        assert!(ran.err.contains(&format!("does not do {what};")), "{}", ran.err);
        assert!(ran.err.contains("--shell bash"), "{}", ran.err);
    }
}
