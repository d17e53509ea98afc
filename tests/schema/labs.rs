//! The labs, as documents.

use crate::common::{plain, program, run, start};
use crate::schema::check;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::process::{Command, Stdio};

fn lab(arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(arguments).args(["--format", "json"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    plain(&mut command);
    command
}

/// The document of a lab that ran to its end.
fn ended(arguments: &[&str]) -> Value {
    let document = run(&mut lab(arguments)).json();
    check("lab_document", &document);
    document
}

/// The document of one that stands still.
fn held(arguments: &[&str]) -> Value {
    let mut command = lab(&[arguments, &["--hold"]].concat());
    let mut child = start(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()));
    let mut values = serde_json::Deserializer::from_reader(child.stdout.take().unwrap()).into_iter::<Value>();
    let document = values.next().unwrap().unwrap();
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGTERM).unwrap();
    child.wait().unwrap();
    check("lab_document", &document);
    assert_eq!(document.get("output"), None);
    document
}

#[test]
fn pipelines_are_as_the_schema_says() {
    let document = ended(&["pipe", "yes | head -1"]);
    assert_eq!(document["exits"][0]["signal"], "SIGPIPE");
    let document = ended(&["pipe", r"printf 'a\377'"]);
    assert_eq!(document["output"]["stdout_bytes"], "Yf8=");
    let document = ended(&["pipe", "--tables", "exec", "--lang", "ja", "ls / /no 2>&1 | cat"]);
    assert!(document["exits"][0]["status"].as_i64().unwrap() > 0);
    let document = ended(&["pipe", "--timeout", "0.2", "--leave-open", "sleep 77301 | cat"]);
    assert_eq!(document["ended_by"], "timeout");
    ended(&["pipe", "--shell", "sh", "echo a | cat"]);
    ended(&["pipe", "nosuchcommand_77302 | cat"]);
}

#[test]
fn a_pipeline_that_is_held_has_no_output_and_no_ends_yet() {
    let document = held(&["pipe", "sleep 77303 | cat"]);
    let exit = &document["exits"][0];
    assert!(exit.get("status").is_none() && exit.get("signal").is_none(), "{exit}");
}

#[test]
fn forks_are_as_the_schema_says() {
    ended(&["fork"]);
    ended(&["fork", "echo a 2>&1"]);
    held(&["fork", "sleep 77304"]);
}

#[test]
fn lessons_on_sockets_are_as_the_schema_says() {
    for model in ["epoll", "fork", "thread"] {
        let document = ended(&["echo-server", "--clients", "2", "--model", model]);
        let moments = document["moments"].as_array().unwrap();
        assert!(moments.iter().any(|moment| moment.get("time_wait").is_some()), "{model}");
    }
    held(&["echo-server", "--clients", "2"]);
}
