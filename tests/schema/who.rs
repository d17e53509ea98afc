//! `who`, in both forms.

use crate::common::{Actor, plain, program, python, run};
use crate::schema::{check, check_lines};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Both forms of what `who ARGUMENTS` prints, held against the schema. Gives the document.
fn both(arguments: &[&str]) -> Value {
    let form = |form| {
        let mut command = Command::new(program());
        command.args(["who", "--format", form]).args(arguments);
        plain(&mut command);
        run(&mut command)
    };
    let document = form("json").json();
    check("who_document", &document);
    let lines = form("jsonl").json_lines();
    let types = check_lines("line", &lines);
    for (key, word) in [("holders", "holder"), ("kernel_holders", "kernel_holder")] {
        assert_eq!(types.contains(&word), document[key] != serde_json::json!([]), "{types:?}");
    }
    document
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn holders_of_several_targets_are_as_the_schema_says() {
    let folder = tempfile::tempdir().unwrap();
    let [one, other, none] = ["one", "other", "none"].map(|name| folder.path().join(name));
    std::fs::write(&none, "").unwrap();
    // The copy in the child is one that was inherited.
    let script =
        format!("exec 3>'{}' 4>'{}'; sleep 100 <&- & trap \"kill $!\" EXIT", text(&one), text(&other));
    let _actor = Actor::shell(&script);
    let document = both(&[text(&one), text(&other), text(&none), text(folder.path())]);
    let holders = document["holders"].as_array().unwrap();
    assert!(holders.iter().any(|holder| holder["inherited_from"].is_object()), "{document}");
    assert_eq!(both(&[text(&none)])["holders"], serde_json::json!([]));
}

#[test]
fn places_ports_and_deleted_files_are_as_the_schema_says() {
    let sh = std::fs::canonicalize("/bin/sh").unwrap();
    let _actor = Actor::shell("");
    let document = both(&[text(&sh)]);
    assert!(document["holders"].as_array().unwrap().iter().any(|holder| holder["fd"] == "exe"), "{document}");
    both(&["--deleted"]);
    both(&["--mount", "/"]);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = format!("tcp:{}", listener.local_addr().unwrap().port());
    let document = both(&[&port]);
    assert_eq!(document["holders"][0]["facts"]["state"], "LISTEN");
}

#[test]
fn a_holder_with_a_name_that_is_not_utf8_is_as_the_schema_says() {
    if !crate::common::installed("python3") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let actor = Actor::start(python("").current_dir(&folder));
    drop(actor);
    let script = "import os\nf = open(b'\\xff', 'w')\nopen('/proc/self/comm', 'wb').write(b'\\xfe')";
    let _actor = Actor::start(python(script).current_dir(&folder));
    let document = both(&["--recursive", text(folder.path())]);
    let holder = document["holders"].as_array().unwrap().iter().find(|holder| holder["kind"] == "file");
    let holder = holder.unwrap_or_else(|| panic!("{document}"));
    assert!(holder["name_bytes"].is_string() && holder["command_bytes"] == "/g==", "{holder}");
}
