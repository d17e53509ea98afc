//! What a person sees: the program on a real pseudoterminal, of several widths, in both languages,
//! with and without colour.

use crate::common::terminal::on;
use crate::common::{self, Actor, document, installed, plain, program, run};
use std::fs::File;
use std::process::Command;
use unicode_width::UnicodeWidthStr as _;

/// `inspect ARGUMENTS` on such a terminal.
fn inspect(columns: u16, arguments: &[&str]) -> String {
    let (text, status) = on(columns, &mut common::inspect(arguments), "");
    assert_eq!(status, Some(0), "{text}");
    text
}

/// The lines that are parts of boxes.
fn boxes(text: &str) -> Vec<&str> {
    let edge = |char| "┌├└│+|".contains(char);
    text.lines().filter(|line| line.starts_with(edge)).collect()
}

/// Takes the colours away: `ESC [ … m`.
fn without_colour(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |plain, part| plain + part.split_once('m').unwrap().1)
}

#[test]
fn tables_fit_the_width_of_the_terminal() {
    let (actor, report) = common::fixture();
    let pid = actor.pid.to_string();
    let fds = document(&[actor.pid])["processes"][0]["descriptors"].as_array().unwrap().len();
    for columns in [80, 140] {
        for arguments in [vec![&*pid], vec!["--ascii", &pid], vec!["--lang", "ja", &pid], vec!["--all"]] {
            let text = without_colour(&inspect(columns, &arguments));
            assert!(text.lines().count() >= fds, "{text}");
            // A note on standard error is a line that the terminal breaks.
            for line in text.lines().filter(|line| !line.starts_with("ganariya-fd: ")) {
                assert!(line.width() <= columns.into(), "{columns} {arguments:?}: {line}");
            }
            // The listing of all has no boxes.
            let lines = boxes(&text);
            assert!(lines.is_empty() == (arguments == ["--all"]), "{text}");
            for line in &lines {
                assert_eq!(line.width(), lines[0].width(), "{columns} {arguments:?}: {line}");
            }
        }
    }
    // Wrapped, and not cut: every letter of a long name is there.
    let name = report["descriptors"][0]["name"].as_str().unwrap();
    let text = without_colour(&inspect(80, &[&pid]));
    let column = |line: &str| line.split('│').nth(4).map(|cell| cell.trim().to_owned());
    let names: String = boxes(&text).into_iter().filter_map(column).collect();
    assert!(names.contains(&name.replace(' ', "")), "{name}: {names}");
}

#[test]
fn a_terminal_gets_a_block_for_each_process() {
    let errors = File::create("/dev/null").unwrap();
    let shell = || Actor::start(common::shell("").stderr(errors.try_clone().unwrap()));
    let (one, other) = (shell(), shell());
    let text = without_colour(&inspect(100, &[&one.pid.to_string(), &other.pid.to_string()]));
    let headings: Vec<_> = text.lines().filter(|line| line.contains("ppid")).collect();
    assert_eq!(headings.len(), 2, "{text}");
    for (heading, actor) in headings.iter().zip([&one, &other]) {
        assert!(heading.contains(&format!("sh[{}]", actor.pid)), "{heading}");
        let words = [format!("ppid {}", common::own_pid()), "user ".to_owned(), "sleeping".to_owned()];
        assert!(words.iter().all(|word| heading.contains(word)), "{heading}");
    }
    let columns = text.lines().filter(|line| line.contains("MODE"));
    for line in columns {
        let cells: Vec<_> = line.split('│').map(str::trim).collect();
        assert_eq!(cells[1..7], ["FD", "MODE", "KIND", "NAME", "FLAGS", "CONNECTED TO"]);
    }
    // Both have one standard error.
    assert!(text.contains("share one open file description"), "{text}");
}

#[test]
fn ascii_is_ascii() {
    let (actor, _) = common::fixture();
    let text = inspect(100, &["--ascii", "--color", "never", &actor.pid.to_string()]);
    assert!(text.is_ascii(), "{text}");
    assert!(text.contains("+--") && text.contains("127.0.0.1"), "{text}");
    assert!(!inspect(100, &[&actor.pid.to_string()]).is_ascii());
}

#[test]
fn notes_are_translated_and_columns_are_not() {
    let (one, gone) = (Actor::shell(""), common::gone_pid());
    let arguments = [&*one.pid.to_string(), &gone.to_string()];
    let japanese = [&["--lang", "ja"], &arguments[..]].concat();
    let text = inspect(100, &japanese);
    for word in [&format!("pid {gone} のプロセスはありません"), "上限", "MODE", "CONNECTED TO", "sleeping"]
    {
        assert!(text.contains(word), "{word}: {text}");
    }
    let english = inspect(100, &arguments);
    assert!(english.contains(&format!("no process has the pid {gone}")), "{english}");
    for (name, value) in [("GANARIYA_FD_LANG", "ja"), ("LC_ALL", "ja_JP.UTF-8"), ("LANG", "ja_JP.eucJP")] {
        let (text, _) = on(100, common::inspect(&arguments).env(name, value), "");
        assert!(text.contains("のプロセスはありません"), "{name}={value}: {text}");
    }
    // The option counts more than the environment, and that in its order.
    let (text, _) =
        on(100, common::inspect(&[&["--lang", "en"], &arguments[..]].concat()).env("LC_ALL", "ja_JP"), "");
    assert!(text.contains("no process has"), "{text}");
    let (text, _) = on(100, common::inspect(&arguments).env("LANG", "ja_JP").env("LC_ALL", "C"), "");
    assert!(text.contains("no process has"), "{text}");
}

#[test]
fn colour_comes_where_it_is_wanted() {
    let actor = Actor::shell("");
    let pid = actor.pid.to_string();
    assert!(inspect(100, &[&pid]).contains("\x1b["));
    for text in [
        inspect(100, &["--color", "never", &pid]),
        on(100, common::inspect(&[&pid]).env("NO_COLOR", "1"), "").0,
        on(100, common::inspect(&[&pid]).env("TERM", "dumb"), "").0,
        run(&mut common::inspect(&[&pid])).text().to_owned(),
    ] {
        assert!(!text.contains('\x1b'), "{text:?}");
    }
    // An empty NO_COLOR is none (no-color.org), and what is asked for on the command line counts.
    for text in [
        on(100, common::inspect(&[&pid]).env("NO_COLOR", ""), "").0,
        on(100, common::inspect(&["--color", "always", &pid]).env("NO_COLOR", "1"), "").0,
    ] {
        assert!(text.contains("\x1b["), "{text:?}");
    }
    // Without its colours it is the same text.
    let coloured = inspect(100, &["--color", "always", &pid]);
    assert_eq!(without_colour(&coloured), inspect(100, &["--color", "never", &pid]));
}

#[test]
fn a_hostile_name_stays_in_its_cell() {
    let folder = tempfile::tempdir().unwrap();
    let name = "\u{1b}[2J\u{1b}[31m\nforged │ line\u{202e}";
    File::create(folder.path().join(name)).unwrap();
    let mut command = common::shell("exec 3<\"$NAME\"");
    let actor = Actor::start(command.current_dir(&folder).env("NAME", name));
    let text = inspect(100, &["--color", "never", &actor.pid.to_string()]);
    assert!(!text.contains(|char: char| (char.is_control() && char != '\n') || char == '\u{202e}'));
    assert!(text.contains(r"\x1b[2J"), "{text}");
}

#[test]
fn without_a_pid_the_shell_above_is_shown_and_named() {
    for shell in ["bash", "dash"] {
        if !installed(shell) {
            continue;
        }
        // Not the last command: a shell may put that in its own place.
        let mut command = Command::new(shell);
        command.args(["-c", "echo $$; \"$0\" inspect; true"]).arg(program());
        plain(&mut command);
        let ran = run(&mut command);
        let (pid, listing) = ran.text().split_once('\n').unwrap();
        let note = format!(
            "ganariya-fd: no PID was given: this is {shell}[{pid}], the nearest shell above this command\n"
        );
        assert!(ran.err.starts_with(&note), "{}", ran.err);
        assert!(
            listing.lines().skip(1).all(|line| line.starts_with(&format!("{shell}  ")) || line.contains(pid))
        );
        // Also through a command that stands between.
        let mut command = Command::new(shell);
        command.args(["-c", "echo $$; env \"$0\" inspect --format json; true"]).arg(program());
        plain(&mut command);
        let ran = run(&mut command);
        let (pid, json) = ran.text().split_once('\n').unwrap();
        let document: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(document["processes"][0]["pid"].to_string(), pid);
        assert_eq!(document["processes"][0]["command"], shell);
    }
}

#[test]
fn without_a_pid_an_interactive_shell_is_shown() {
    if !installed("bash") || !installed("setsid") {
        return;
    }
    // With the terminal as its own, as a person's shell has it.
    let mut command = Command::new("setsid");
    command.args(["--ctty", "--wait", "bash", "--norc", "--noprofile", "-i"]);
    plain(&mut command);
    let typed = format!("echo \"pid=$$\"; '{}' inspect --color never\nexit\n", program().display());
    // A dumb terminal gets none of the line editor's escapes.
    let (text, status) = on(120, command.env("TERM", "dumb"), &typed);
    assert_eq!(status, Some(0), "{text}");
    let pid = text.lines().find_map(|line| line.strip_prefix("pid=")).unwrap_or_else(|| panic!("{text}"));
    assert!(text.contains(&format!("this is bash[{pid}], the nearest shell")), "{text}");
    assert!(text.lines().any(|line| line.starts_with(&format!("bash[{pid}]  "))), "{text}");
    // Its three streams are one open file of the terminal.
    let rows: Vec<_> = boxes(&text).into_iter().filter(|line| line.contains("/dev/pts/")).collect();
    assert!(rows.len() >= 3, "{text}");
    for (row, fd) in rows.iter().zip(["0", "1", "2"]) {
        let cells: Vec<_> = row.split('│').map(str::trim).collect();
        assert!(cells[1].split_ascii_whitespace().next() == Some(fd) && cells[3] == "tty", "{row}");
    }
}
