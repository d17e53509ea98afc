//! What the engine cannot know: calls of another architecture, tables that it may not read.

use crate::common::{is_root, skip_for_want_of};
use crate::replay::Replay;
use crate::runner::Case;
use crate::tracee::{Tracee, table};
use ganariya_fd::collect::follow::Event;
use ganariya_fd::kernel::ptrace::Pace;
use ganariya_fd::model::Fate;
use nix::sys::wait::waitpid;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

pub const CASES: &[Case] = &[
    ("calls_of_a_32_bit_program_are_told_by_what_they_leave", foreign),
    ("tables_that_may_not_be_read_are_not_empty", unreadable),
];

/// A 32-bit program for x86: pipe(2), fork(2), dup(2) of 3, close(2) of 4, an exit with 5.
fn program_of_32_bits() -> Vec<u8> {
    let code: &[u8] = &[
        0x83, 0xec, 0x10, // sub esp, 16
        0xb8, 42, 0, 0, 0, 0x89, 0xe3, 0xcd, 0x80, // pipe(esp)
        0xb8, 2, 0, 0, 0, 0xcd, 0x80, // fork()
        0xb8, 41, 0, 0, 0, 0xbb, 3, 0, 0, 0, 0xcd, 0x80, // dup(3)
        0xb8, 6, 0, 0, 0, 0xbb, 4, 0, 0, 0, 0xcd, 0x80, // close(4)
        0xb8, 20, 0, 0, 0, 0xcd, 0x80, // getpid()
        0xb8, 1, 0, 0, 0, 0xbb, 5, 0, 0, 0, 0xcd, 0x80, // exit(5)
    ];
    let (base, head) = (0x0804_8000_u32, 52 + 32);
    let size = head + u32::try_from(code.len()).unwrap();
    let mut elf = vec![0x7f, b'E', b'L', b'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let half = |elf: &mut Vec<u8>, values: &[u16]| values.iter().for_each(|v| elf.extend(v.to_le_bytes()));
    let word = |elf: &mut Vec<u8>, values: &[u32]| values.iter().for_each(|v| elf.extend(v.to_le_bytes()));
    // An executable for EM_386.
    half(&mut elf, &[2, 3]);
    word(&mut elf, &[1, base + head, 52, 0, 0]);
    half(&mut elf, &[52, 32, 1, 0, 0, 0]);
    // One segment, loaded to be read and executed.
    word(&mut elf, &[1, 0, base, base, size, size, 5, 0x1000]);
    elf.extend(code);
    elf
}

fn foreign() {
    if !cfg!(target_arch = "x86_64") {
        return skip_for_want_of("a machine that runs 32-bit programs for x86");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small");
    fs::write(&path, program_of_32_bits()).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let runs = Command::new(&path).status().is_ok_and(|status| status.code() == Some(5));
    if !runs {
        return skip_for_want_of("a kernel that runs 32-bit programs");
    }
    let mut tracee = Tracee::launch(&[path.to_str().unwrap()]);
    let (first, mut replay, mut told, mut ends) = (tracee.first, Replay::default(), Vec::new(), Vec::new());
    tracee.run(Pace::ToCall, |event| {
        replay.see(event);
        match event {
            Event::Step { step, .. } => told.push((step.pid == first, step.call, step.changes.len())),
            Event::Born { birth, .. } => {
                assert_eq!((birth.parent, birth.is_thread, birth.shares_table), (first, false, false));
            }
            Event::Ended { fate, .. } => ends.push(*fate),
            Event::Entry { call, .. } => panic!("{call} of another architecture"),
            _ => {}
        }
    });
    told.sort_unstable();
    let expected = [(false, "?", 1), (false, "?", 1), (true, "?", 1), (true, "?", 1), (true, "?", 2)];
    assert_eq!(told, expected);
    assert_eq!(ends, [Fate::Exited(5); 2]);
    assert_eq!(replay.exits, 2);
}

/// A program that its user may execute but not read becomes such that the user may not look into it.
fn unreadable() {
    const USER: u32 = 65534;
    const ROLE: &str = "GANARIYA_FD_TEST_UNREADABLE";
    if let Some(cat) = std::env::var_os(ROLE) {
        return unreadable_to_me(cat.to_str().unwrap());
    }
    if !is_root() {
        return skip_for_want_of("root's right to become somebody else");
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let cat = folder.path().join("cat");
    fs::copy("/bin/cat", &cat).unwrap();
    fs::set_permissions(&cat, fs::Permissions::from_mode(0o711)).unwrap();
    // The test again, at a place where that user reaches it.
    let me = folder.path().join("engine");
    fs::copy(std::env::current_exe().unwrap(), &me).unwrap();
    let mut command = Command::new(&me);
    command.env(ROLE, &cat).uid(USER).gid(USER).current_dir("/");
    assert!(command.status().unwrap().success());
    let _ = waitpid(None, None);
}

fn unreadable_to_me(cat: &str) {
    let script = format!("exec 5</dev/null 6</dev/null; {cat} /dev/null; exec {cat} /dev/null");
    let mut tracee = Tracee::launch(&["sh", "-c", &script]);
    let (mut unread, mut steps, mut ends, mut after) = (Vec::new(), 0, 0, 0);
    tracee.run(Pace::ToCall, |event| match event {
        Event::Exec { step, stop, .. } if fs::read_dir(format!("/proc/{}/fd", stop.tid())).is_err() => {
            assert_eq!(step.changes, []);
            unread.push(stop.tid());
        }
        Event::Step { step, .. } if unread.contains(&step.pid) => {
            assert_eq!(step.changes, [], "{step:?}");
            after += 1;
        }
        Event::Step { stop, .. } => {
            let _ = table(stop.tid());
            steps += 1;
        }
        Event::Ended { .. } => ends += 1,
        _ => {}
    });
    assert_eq!((unread.len(), ends), (2, 2));
    assert!(steps > 5 && after > 10, "{steps} {after}");
}
