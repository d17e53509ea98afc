//! Which processes and files are chosen, and which of their fields.

use crate::common::{Actor, fixture, inspect, installed, is_root, run, shell, within};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::os::fd::AsRawFd;
use std::process::Command;

/// The document of `inspect ARGUMENTS`.
fn document(arguments: &[&str]) -> Value {
    let arguments = [&["--format", "json"], arguments].concat();
    run(&mut inspect(&arguments)).json()
}

fn pids(document: &Value) -> BTreeSet<i64> {
    document["processes"].as_array().unwrap().iter().map(|process| process["pid"].as_i64().unwrap()).collect()
}

/// The numbers and places of the only process.
fn fds(arguments: &[&str]) -> Vec<Value> {
    let document = document(arguments);
    let processes = document["processes"].as_array().unwrap();
    let all = processes.iter().flat_map(|process| process["descriptors"].as_array().unwrap());
    all.map(|shown| shown["fd"].clone()).collect()
}

/// A shell with a name of its own.
fn named(name: &str, script: &str) -> (tempfile::TempDir, Actor) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let shell_path = run(Command::new("sh").args(["-c", "command -v sh"])).text().trim().to_owned();
    std::os::unix::fs::symlink(shell_path, &path).unwrap();
    let mut command = Command::new(path);
    command.arg("-c").arg(format!("{script}\necho ready\nread line")).stderr(std::process::Stdio::null());
    let actor = Actor::start(&mut command);
    (folder, actor)
}

#[test]
fn processes_are_chosen_by_command_user_and_tree() {
    let (_folder, one) = named("ganariya-one", "");
    let (_other_folder, other) = named("ganariya-two", "");
    let (one, other) = (i64::from(one.pid), i64::from(other.pid));
    assert_eq!(pids(&document(&["-c", "^ganariya-(one|two)$"])), BTreeSet::from([one, other]));
    assert_eq!(pids(&document(&["-c", "ganariya-one", "-c", "ganariya-two"])), BTreeSet::from([one, other]));
    assert_eq!(pids(&document(&["-c", "ganariya-one"])), BTreeSet::from([one]));
    // Different kinds narrow.
    assert_eq!(pids(&document(&["-c", "ganariya-one", &one.to_string()])), BTreeSet::from([one]));
    let parent = crate::common::own_pid().to_string();
    assert_eq!(
        pids(&document(&["--tree", &parent, "-c", "^ganariya-(one|two)$"])),
        BTreeSet::from([one, other])
    );
    assert!(pids(&document(&["--tree", &parent])).is_superset(&BTreeSet::from([
        one,
        other,
        parent.parse().unwrap()
    ])));
    let uid = nix::unistd::geteuid().to_string();
    let ours = pids(&document(&["-u", &uid, "-c", "^ganariya-(one|two)$"]));
    assert_eq!(ours, BTreeSet::from([one, other]));
    let ran = run(&mut inspect(&["-c", "no such command anywhere"]));
    assert_eq!((ran.status, ran.text()), (1, ""));
}

#[test]
fn a_user_is_chosen_by_name_and_by_number() {
    if !is_root() || !installed("setpriv") {
        return;
    }
    let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let actor = Actor::start(&mut within(&nobody, &shell("")));
    let pid = actor.pid.to_string();
    for user in ["65534", "nobody"] {
        assert_eq!(pids(&document(&["-u", user, &pid])), BTreeSet::from([actor.pid.into()]), "{user}");
    }
    assert_eq!(pids(&document(&["-u", "root", &pid])), BTreeSet::new());
    let ran = run(&mut inspect(&["-u", "no-such-user"]));
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("no user is called no-such-user"), "{}", ran.err);
}

/// A shell with files of several kinds.
fn several() -> (tempfile::TempDir, Actor) {
    let folder = tempfile::tempdir().unwrap();
    let script = "echo 12345 >data; exec 3<data 4>>log.log 5<>/dev/null 6<.; mkfifo f; exec 7<>f; rm log.log";
    let actor = Actor::start(shell(script).current_dir(folder.path()));
    (folder, actor)
}

#[test]
fn files_are_chosen_by_kind_number_name_and_expression() {
    let (folder, actor) = several();
    let pid = actor.pid.to_string();
    let folder = folder.path().to_str().unwrap();
    for (arguments, expected) in [
        (vec!["-k", "file"], json!([3, 4])),
        (vec!["-k", "dir,fifo"], json!([6, 7])),
        (vec!["-k", "dir", "-k", "char"], json!([2, 5, 6])),
        (vec!["-f", "3-5"], json!([3, 4, 5])),
        (vec!["-f", "6-"], json!([6, 7])),
        (vec!["-f", "3-", "-k", "char"], json!([5])),
        (vec!["--deleted"], json!([4])),
        (vec!["-w", "kind = file and access = w"], json!([4])),
        (vec!["-w", "access = w and fd > 2"], json!([4, 5, 7])),
        (vec!["-w", "access == w and fd > 2"], json!([4])),
        (vec!["-w", r#"name ~ "\.log$""#], json!([4])),
        (vec!["-w", "flags = O_APPEND or kind = dir"], json!([4, 6])),
        (vec!["-w", "deleted and not cloexec"], json!([4])),
        (vec!["-w", "not (kind = pipe or kind = char)"], json!([3, 4, 6, 7])),
        (vec!["-w", "offset = 0 and kind = file"], json!([3, 4])),
        (vec!["-w", "peers"], json!([0, 1, 7])),
        (vec!["-w", "fd >= 7 and peers = sh"], json!([])),
    ] {
        // Whoever runs the tests may have given on more.
        let ours = fds(&[&arguments[..], &[&pid]].concat()).into_iter();
        let ours: Vec<Value> = ours.filter(|fd| fd.as_i64().is_some_and(|fd| fd < 10)).collect();
        // A FIFO that is open for both has itself at the other end, which is nobody else.
        let expected: Vec<Value> = expected.as_array().unwrap().clone();
        let expected: Vec<Value> =
            expected.into_iter().filter(|fd| arguments[1..] != ["peers"] || *fd != json!(7)).collect();
        assert_eq!(ours, expected, "{arguments:?}");
    }
    let by_path = format!("name = {folder}/data");
    assert_eq!(fds(&["-w", &by_path, &pid]), [json!(3)]);
    // Among all processes, too.
    assert_eq!(pids(&document(&["-w", &by_path])), BTreeSet::from([actor.pid.into()]));
    let ran = run(&mut inspect(&["-k", "tcp", &pid]));
    assert_eq!((ran.status, ran.text()), (1, ""));
}

#[test]
fn a_socket_is_told_by_its_kind_where_nothing_else_of_it_is_asked() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (pid, fd) = (crate::common::own_pid().to_string(), listener.as_raw_fd().to_string());
    let light = ["--format", "csv", "--columns", "fd,kind"];
    for arguments in [vec!["-k", "tcp"], vec!["-w", "kind = tcp and fd >= 0"], vec!["-f", &fd]] {
        for which in [&[&*pid][..], &[]] {
            let ran = run(&mut inspect(&[&light[..], &arguments, which].concat()));
            assert!(
                ran.text().lines().any(|line| line == format!("{fd},tcp")),
                "{arguments:?} {}",
                ran.text()
            );
        }
    }
}

#[test]
fn the_other_end_may_be_one_that_is_not_chosen() {
    let actor = Actor::shell("exec 5<&0");
    let document = document(&["-f", "0", &actor.pid.to_string()]);
    let shown = crate::common::descriptor(&document, actor.pid, 0);
    assert_eq!(shown["shared_with"], json!([{"pid": actor.pid, "fd": 5}]));
    assert_eq!(shown["peers"][0]["pid"], crate::common::own_pid());
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (arguments, words) in [
        (vec!["-w", "kind = "], "a value belongs here"),
        (vec!["-w", "colour = red"], "there is no field called colour"),
        (vec!["-w", "nmae = x"], "there is no field called nmae; did you mean name?"),
        (vec!["-w", "kind = file)"], "this ) closes nothing"),
        (vec!["-w", "kind = file deleted"], "and or or belongs before this"),
        (vec!["-k", "pip"], "there is no kind of file called pip; there are: pipe, "),
        (vec!["-f", "0-x"], "0-x is no list of descriptors"),
        (vec!["-c", "("], "( is no regular expression"),
        (vec!["--columns", "fd,colour"], "there is no field called colour"),
        (vec!["--sort", "-colour"], "there is no field called colour"),
    ] {
        let ran = run(&mut inspect(&[&arguments[..], &["1"]].concat()));
        assert_eq!(ran.status, 2, "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains(words), "{arguments:?}: {}", ran.err);
    }
    let ran = run(&mut inspect(&["-w", "name = 'あ' and x", "1"]));
    let lines: Vec<&str> = ran.err.lines().collect();
    assert_eq!(lines[1..], ["  name = 'あ' and x", "                  ^"]);
    let ran = run(&mut inspect(&["--lang", "ja", "-w", "x", "1"]));
    assert!(ran.err.contains("x という項目はありません"), "{}", ran.err);
}

#[test]
fn columns_choose_the_fields_of_every_format() {
    let (folder, actor) = several();
    let pid = actor.pid.to_string();
    let columns = ["--columns", "fd,name,ino,size", "-f", "3,4"];
    let lines = run(&mut inspect(&[&columns[..], &[&pid]].concat())).clean();
    let rows: Vec<Vec<&str>> = lines.text().lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["FD", "NAME", "INO", "SIZE"]);
    let data = folder.path().canonicalize().unwrap().join("data");
    let ino = std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(&data).unwrap()).to_string();
    assert_eq!(rows[1][..3], ["3", data.to_str().unwrap(), &ino]);
    let document = document(&[&columns[..], &[&pid]].concat());
    let shown = &document["processes"][0];
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(keys(shown), BTreeSet::from(["descriptors".to_owned()]));
    let of_fd: BTreeSet<String> = ["fd", "name", "ino", "facts"].map(str::to_owned).into();
    assert_eq!(keys(&shown["descriptors"][0]), of_fd);
    let csv = run(&mut inspect(&[&columns[..], &["--format", "csv", &pid]].concat())).clean();
    let mut reader = csv.text().lines();
    assert_eq!(reader.next(), Some("fd,name,ino,facts.size"));
    assert!(reader.next().unwrap().starts_with(&format!("3,{},{ino},", data.display())));
}

#[test]
fn csv_quotes_what_has_commas_and_newlines_and_escapes_what_is_hostile() {
    let folder = tempfile::tempdir().unwrap();
    let name = "a,\"b\"\n\u{1b}[31m";
    let mut command = shell("exec 3>\"$NAME\"");
    let actor = Actor::start(command.current_dir(&folder).env("NAME", name));
    let ran = run(&mut inspect(&["--format", "csv", "-f", "3", &actor.pid.to_string()])).clean();
    assert!(!ran.text().contains('\u{1b}'), "{}", ran.text());
    assert_eq!(ran.text().lines().count(), 2, "{}", ran.text());
    assert!(ran.text().contains(r#"a,""b""\n\x1b[31m""#), "{}", ran.text());
}

#[test]
fn lines_are_sorted_by_what_is_asked_for() {
    let (_folder, actor) = several();
    let pid = actor.pid.to_string();
    assert_eq!(fds(&["--sort", "-fd", "-f", "3-5", &pid]), [json!(5), json!(4), json!(3)]);
    assert_eq!(fds(&["--sort", "kind,-fd", "-f", "3-7", &pid]), [5, 6, 7, 4, 3].map(|fd| json!(fd)));
    let (_one_folder, one) = named("ganariya-sort", "exec 9</dev/null");
    let (_other_folder, other) = named("ganariya-sort", "exec 8</dev/null");
    let arguments = ["-c", "ganariya-sort", "-f", "8,9", "--sort", "-fd", "--columns", "pid,fd"];
    let ran = run(&mut inspect(&arguments));
    let rows: Vec<Vec<&str>> =
        ran.text().lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows, [[one.pid.to_string().as_str(), "9"], [other.pid.to_string().as_str(), "8"]]);
}

#[test]
fn a_tree_has_children_below_their_parents() {
    let script = "exec 3</dev/null\n(exec 4</dev/null sleep 1000) & trap 'kill $!' EXIT";
    let actor = Actor::shell(script);
    let child = || {
        let path = format!("/proc/{0}/task/{0}/children", actor.pid);
        std::fs::read_to_string(path).unwrap().trim().to_owned()
    };
    crate::common::wait_until("child that sleeps", || {
        std::fs::read_to_string(format!("/proc/{}/comm", child())).is_ok_and(|name| name == "sleep\n")
    });
    let pid = actor.pid.to_string();
    let ran = run(&mut inspect(&["--tree", &pid, "--format", "tree", "-f", "3-4", "--ascii"]));
    let lines: Vec<&str> = ran.text().lines().collect();
    assert!(lines[0].starts_with(&format!("sh[{pid}]  ")), "{}", ran.text());
    assert!(lines[1].starts_with("|  3"), "{}", ran.text());
    assert!(lines[2].starts_with(&format!("`- sleep[{}]  ", child())), "{}", ran.text());
    assert!(lines[3].starts_with("      3") && lines[4].starts_with("      4"), "{}", ran.text());
}

/// What is not chosen is not read either, and that changes nothing of what is.
#[test]
fn files_left_unread_change_nothing_of_those_that_are_chosen() {
    let (actor, _) = fixture();
    let tree = actor.pid.to_string();
    let entries = |arguments: &[&str]| -> Vec<Value> {
        let document = document(&[&["--tree", &tree], arguments].concat());
        let all = document["processes"][0]["descriptors"].as_array().unwrap().clone();
        // Labels are those of one document.
        let unlabelled = |mut entry: Value| {
            entry.as_object_mut().unwrap().remove("open_file").unwrap();
            entry
        };
        all.into_iter().map(unlabelled).collect()
    };
    let whole = entries(&[]);
    for (arguments, kinds) in [
        (&["-k", "pipe"][..], &["pipe"][..]),
        (&["-k", "tcp,unix"], &["tcp", "unix"]),
        (&["-k", "tcp,pipe"], &["tcp", "pipe"]),
        (&["-k", "udp", "-w", "facts.protocol ~ UDP"], &["udp"]),
        (&["--deleted"], &[]),
    ] {
        let is_chosen = |entry: &&Value| match kinds {
            [] => entry["deleted"] == true,
            kinds => kinds.contains(&entry["kind"].as_str().unwrap()),
        };
        let expected: Vec<Value> = whole.iter().filter(is_chosen).cloned().collect();
        assert!(!expected.is_empty(), "{arguments:?}");
        assert_eq!(entries(arguments), expected, "{arguments:?}");
    }
}
