//! Files are what they are, whatever they are called.

use crate::common::{Actor, installed, is_root, may_unshare, run, shell, skip_for_want_of, within};
use crate::{by, found, holders, who};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A shell in `folder`.
fn in_folder(folder: &Path, script: &str) -> Actor {
    Actor::start(shell(script).current_dir(folder))
}

/// The pids that fuser names, and how: a letter for each place that is no descriptor.
fn fuser(arguments: &[&str]) -> Option<BTreeSet<i64>> {
    if !installed("fuser") {
        return None;
    }
    let ran = run(Command::new("fuser").args(arguments));
    Some(ran.text().split_whitespace().map(|pid| pid.parse().unwrap()).collect())
}

#[test]
fn a_file_is_found_by_any_of_its_names_and_by_none_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("one"), "").unwrap();
    fs::hard_link(path("one"), path("other")).unwrap();
    symlink("one", path("link")).unwrap();
    fs::write(path("like it"), "").unwrap();
    let actor = in_folder(folder.path(), "exec 3<one 4>>other 5<'like it'");
    for name in ["one", "other", "link"] {
        assert_eq!(holders(&found(&[text(&path(name))])), by(actor.pid, &["3", "4"]), "{name}");
    }
    assert_eq!(holders(&found(&[text(&path("like it"))])), by(actor.pid, &["5"]));
    if let Some(pids) = fuser(&[text(&path("other"))]) {
        assert_eq!(pids, BTreeSet::from([actor.pid.into()]));
    }
}

#[test]
fn a_directory_is_held_as_working_directory_and_as_root() {
    let folder = tempfile::tempdir().unwrap();
    let actor = in_folder(folder.path(), "exec 3<.");
    assert_eq!(holders(&found(&[text(folder.path())])), by(actor.pid, &["3", "cwd"]));
}

#[test]
fn a_program_is_held_by_who_runs_it_and_a_library_by_who_has_it_mapped() {
    if !installed("sleep") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("a program");
    let sleep = run(Command::new("sh").args(["-c", "command -v sleep"])).text().trim().to_owned();
    fs::copy(sleep, &program).unwrap();
    let script = format!("'{}' 1000 & echo $!; trap 'kill $!' EXIT", program.display());
    let actor = Actor::shell(&script);
    let pid: i32 = actor.line.trim().parse().unwrap();
    crate::common::wait_until("program that runs", || {
        fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|link| link == program)
    });
    assert_eq!(holders(&found(&[text(&program)])), by(pid, &["exe"]));
    if let Some(pids) = fuser(&[text(&program)]) {
        assert_eq!(pids, BTreeSet::from([pid.into()]));
    }
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let library =
        maps.lines().find_map(|line| line.split_whitespace().nth(5).filter(|name| name.contains("libc.so")));
    if let Some(library) = library {
        let document = found(&[library]);
        assert!(holders(&document).contains(&(pid.into(), "mem".to_owned())), "{document}");
        if let Some(pids) = fuser(&["-a", library]) {
            let ours: BTreeSet<i64> = holders(&document).into_iter().map(|(pid, _)| pid).collect();
            // The programs themselves hold it, too, as long as they look.
            assert!(pids.contains(&pid.into()) && ours.contains(&actor.pid.into()), "{pids:?} {ours:?}");
        }
    }
}

#[test]
fn what_is_below_a_directory_is_found_deleted_files_included() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("a/b")).unwrap();
    let script = "exec 3>a/b/file 4>a/gone 5>outside 6<a/b; rm a/gone; ln outside a/b/inside";
    let actor = in_folder(folder.path(), script);
    let below = folder.path().join("a");
    assert_eq!(holders(&found(&["--recursive", text(&below)])), by(actor.pid, &["3", "4", "5", "6"]));
    assert_eq!(holders(&found(&[text(&below)])), by(actor.pid, &[]));
    // Of what has another name the kernel's own name is not below; lsof knows nothing of what is deleted.
    if installed("lsof") {
        let ran = run(Command::new("lsof").args(["-nPwt", "+D", text(&below)]));
        assert_eq!(ran.text().trim(), actor.pid.to_string());
    }
    let gone = folder.path().join("a/gone");
    assert_eq!(holders(&found(&["--deleted", text(&gone)])), by(actor.pid, &["4"]));
    assert_eq!(holders(&found(&["--deleted", "--recursive", text(&below)])), by(actor.pid, &["4"]));
    assert!(holders(&found(&["--deleted"])).contains(&(actor.pid.into(), "4".to_owned())));
    let ran = run(&mut who(&[text(&gone)]));
    assert_eq!((ran.status, ran.err.contains("ENOENT")), (2, true), "{}", ran.err);
}

#[test]
fn a_mount_is_held_by_whoever_has_anything_on_it_in_whichever_namespace() {
    if !may_unshare("-m") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let script =
        "mkdir m n && mount -t tmpfs m m && mount --bind m n && mkdir m/d && cd n/d && exec 3>../f 4>../../o";
    let actor = Actor::start(within(&["unshare", "-m"], &shell(script)).current_dir(folder.path()));
    // Named as those in the namespace see it.
    let inside = |arguments: &[&str]| {
        let pid = actor.pid.to_string();
        let mut command = within(&["nsenter", "-m", "-t", &pid], &who(arguments));
        crate::common::plain(&mut command);
        run(command.stderr(std::process::Stdio::piped()))
    };
    for mount in ["m", "n"] {
        let mount = folder.path().join(mount);
        let ran = inside(&["--format", "json", "--mount", text(&mount)]);
        assert_eq!(holders(&ran.json()), by(actor.pid, &["3", "cwd"]), "{}", ran.err);
        let file = mount.join("f");
        assert_eq!(holders(&inside(&["--format", "json", text(&file)]).json()), by(actor.pid, &["3"]));
    }
    // That of the whole machine is none of a folder's.
    let ran = inside(&["--mount", text(folder.path())]);
    assert_eq!((ran.status, ran.text()), (2, ""), "{}", ran.err);
    assert!(ran.err.contains("neither a mount point nor a device"), "{}", ran.err);
}

#[test]
fn a_file_behind_a_loop_device_is_held_by_the_kernel() {
    if !is_root() || !installed("losetup") {
        return skip_for_want_of("the right to set up a loop device");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image");
    fs::write(&path, vec![0; 1 << 16]).unwrap();
    let ran = run(Command::new("losetup").args(["--find", "--show", text(&path)]));
    if ran.status != 0 {
        return skip_for_want_of(&format!("a loop device: {}", ran.err));
    }
    let device = ran.text().trim().to_owned();
    let document = found(&[text(&path)]);
    assert_eq!(run(Command::new("losetup").args(["--detach", &device])).status, 0);
    let kernel = document["kernel_holders"].as_array().unwrap();
    assert_eq!(kernel.len(), 1, "{document}");
    assert_eq!(format!("/dev/{}", kernel[0]["by"].as_str().unwrap()), device);
    assert_eq!(kernel[0]["name"], text(&path.canonicalize().unwrap()));
    assert_eq!(holders(&document), BTreeSet::new());
    assert_eq!(found(&[text(&path)])["kernel_holders"], serde_json::json!([]));
}

#[test]
fn a_name_that_looks_like_another_target_is_a_file_with_a_path() {
    let folder = tempfile::tempdir().unwrap();
    let actor = in_folder(folder.path(), "exec 3>:80 4>pipe:[1] 5>@x");
    for (name, fd) in [("./:80", "3"), ("./pipe:[1]", "4"), ("./@x", "5")] {
        let ran = run(who(&["--format", "json", name]).current_dir(folder.path()));
        assert_eq!(holders(&ran.json()), by(actor.pid, &[fd]), "{name}");
    }
    for wrong in [":x", "tcp:", "udp:[::1]", "tcp:70000", ":"] {
        let ran = run(&mut who(&[wrong]));
        assert_eq!(ran.status, 2, "{wrong}");
        assert!(ran.err.contains("names no port"), "{wrong}: {}", ran.err);
    }
}
