//! Holds the pages in `man/` against the definitions of the command line.
//!
//! Each page is what clap_mangen makes of a command's definition, with the sections written by hand in
//! `man/sections`. `BLESS=1 cargo test --test man` writes the pages anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use clap::Command;
use clap_mangen::Man;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What parts the sections that stand before the options from those that stand after them.
const OPTIONS_HERE: &str = ".\\\" OPTIONS\n";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("man")
}

/// The pages by their files' names.
fn pages() -> BTreeMap<String, String> {
    let mut program = ganariya_fd::cmd::definition().disable_help_subcommand(true);
    program.build();
    let mut pages = BTreeMap::new();
    pages.insert("ganariya-fd".to_owned(), page(&program, "ganariya-fd", true));
    for command in program.get_subcommands() {
        if command.is_hide_set() {
            continue;
        }
        let name = format!("ganariya-fd-{}", command.get_name());
        pages.insert(name.clone(), page(command, &name, false));
    }
    pages
}

fn page(command: &Command, name: &str, has_commands: bool) -> String {
    let sections = fs::read_to_string(folder().join("sections").join(name))
        .unwrap_or_else(|error| panic!("man/sections/{name}: {error}"));
    let (before, after) = sections
        .split_once(OPTIONS_HERE)
        .unwrap_or_else(|| panic!("man/sections/{name} does not say where the options stand"));
    let source = format!("ganariya-fd {}", env!("CARGO_PKG_VERSION"));
    // clap wants a name that lives for ever.
    let whole: &'static str = Box::leak(name.to_owned().into_boxed_str());
    let man = Man::new(command.clone().name(whole).bin_name(name.replacen("fd-", "fd ", 1)))
        .title(name)
        .section("1")
        .source(source)
        .manual("ganariya-fd manual")
        .date("");
    let mut bytes = Vec::new();
    man.render_title(&mut bytes).unwrap();
    man.render_name_section(&mut bytes).unwrap();
    man.render_synopsis_section(&mut bytes).unwrap();
    bytes.extend_from_slice(before.as_bytes());
    man.render_options_section(&mut bytes).unwrap();
    if has_commands {
        man.render_subcommands_section(&mut bytes).unwrap();
    }
    bytes.extend_from_slice(after.as_bytes());
    String::from_utf8(bytes).unwrap()
}

#[test]
fn pages_are_current() {
    let pages = pages();
    let bless = std::env::var_os("BLESS").is_some();
    for (name, page) in &pages {
        let path = folder().join(format!("{name}.1"));
        if bless {
            fs::write(&path, page).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == *page, "man/{name}.1 is not current: run BLESS=1 cargo test --test man");
    }
    let committed = fs::read_dir(folder()).unwrap().filter(|entry| {
        let path = entry.as_ref().unwrap().path();
        path.extension().is_some_and(|end| end == "1")
    });
    assert_eq!(committed.count(), pages.len(), "a page in man/ belongs to no command");
}

#[test]
fn every_page_tells_its_exit_status_and_has_examples() {
    for (name, page) in pages() {
        for section in [".SH DESCRIPTION", ".SH \"EXIT STATUS\"", ".SH EXAMPLES", ".SH \"SEE ALSO\""] {
            assert!(page.contains(section), "{name} lacks {section}");
        }
    }
}
