//! The lab on sockets, run as a person runs it, and held against what the kernel and ss say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "tests start processes as a person's shell would")]
#![allow(clippy::print_stderr, reason = "where what was skipped is told")]

#[path = "../common/mod.rs"]
mod common;

use common::terminal::on;
use common::{Ran, held_pids, installed, is_root, plain, program, run, start, state, within};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use unicode_width::UnicodeWidthStr as _;

const MODELS: [&str; 3] = ["epoll", "fork", "thread"];

/// `ganariya-fd echo-server --clients CLIENTS --model MODEL ARGUMENTS`
fn lab(clients: u8, model: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(["echo-server", "--clients", &clients.to_string(), "--model", model, "--timeout", "60"]);
    command.args(arguments);
    plain(&mut command);
    command
}

fn document(clients: u8, model: &str) -> Value {
    let ran = run(&mut lab(clients, model, &["--format", "json"]));
    assert_eq!(ran.status, 0, "{}", ran.err);
    ran.json()
}

/// The moment of this name.
fn moment<'a>(document: &'a Value, name: &str) -> &'a Value {
    let moments = document["moments"].as_array().unwrap();
    moments.iter().find(|moment| moment["name"] == name).unwrap_or_else(|| panic!("no {name}"))
}

/// The sockets of a moment: each process's command and pid, and the descriptor.
fn sockets(moment: &Value) -> Vec<(String, i64, &Value)> {
    let mut sockets = Vec::new();
    for process in moment["processes"].as_array().unwrap() {
        let (command, pid) = (process["command"].as_str().unwrap(), process["pid"].as_i64().unwrap());
        for descriptor in process["descriptors"].as_array().unwrap() {
            if descriptor["kind"] == "tcp" {
                sockets.push((command.to_owned(), pid, descriptor));
            }
        }
    }
    sockets
}

/// Of each step who made which call, and its result.
fn steps(document: &Value) -> Vec<(&str, &str, &str)> {
    let mut steps = Vec::new();
    for step in document["steps"].as_array().unwrap() {
        let text = |key: &str| step[key].as_str().unwrap();
        steps.push((text("actor"), text("call"), text("result")));
    }
    steps
}

#[test]
fn the_steps_are_those_of_a_server_and_its_clients() {
    let document = document(2, "epoll");
    let all = steps(&document);
    let of = |actor: &str| -> Vec<&str> {
        all.iter().filter(|(who, ..)| *who == actor).map(|(_, call, _)| *call).collect()
    };
    let served = ["read", "write"];
    let server: Vec<&str> = ["socket", "bind", "listen", "epoll_create1", "epoll_ctl"]
        .into_iter()
        .chain(["accept4", "epoll_ctl"].repeat(2))
        .chain(served.repeat(2))
        .chain(["read", "close"].repeat(2))
        .chain(["close", "close"])
        .collect();
    assert_eq!(of("server"), server);
    let client = ["socket", "connect", "write", "read", "shutdown", "read", "close"];
    let mut calls = of("client");
    // The second one chooses its own port.
    calls.remove(calls.iter().position(|call| *call == "bind").unwrap());
    calls.sort_unstable();
    let mut twice = client.repeat(2);
    twice.sort_unstable();
    assert_eq!(calls, twice);
    assert_eq!(of("old-server"), ["socket", "bind", "listen", "clone"]);
    assert_eq!(of("new-server"), ["socket", "bind", "bind", "listen", "close"]);
    let binds: Vec<_> = all.iter().filter(|(who, call, _)| *who == "new-server" && *call == "bind").collect();
    assert_eq!((binds[0].2, binds[1].2), ("EADDRINUSE", "0"));
    // A message each way, and then the end.
    let reads: Vec<_> =
        all.iter().filter(|(_, call, _)| *call == "read").map(|(.., result)| *result).collect();
    assert_eq!(reads, ["8", "8", "8", "8", "0", "0", "0", "0"]);
}

#[test]
fn every_model_serves_every_client_by_a_socket_of_its_own() {
    for model in MODELS {
        let document = document(3, model);
        let all = sockets(&document);
        let facts = |key: &str, socket: &Value| socket["facts"][key].as_str().unwrap_or_default().to_owned();
        let (_, _, listener) = all.iter().find(|(.., one)| facts("state", one) == "LISTEN").unwrap();
        let address = facts("local", listener);
        let connected = |command: &str| -> Vec<&(String, i64, &Value)> {
            let own =
                all.iter().filter(|(who, _, socket)| who == command && facts("state", socket) != "LISTEN");
            own.collect()
        };
        let (servers, clients) = (connected("server"), connected("client"));
        assert_eq!((servers.len(), clients.len()), (3, 3), "{model}");
        let mut numbers = vec![listener["ino"].clone(), listener["facts"]["cookie"].clone()];
        for (_, pid, server) in &servers {
            // The same local address and port as the listening socket, and not the same socket.
            assert_eq!(
                (facts("local", server), facts("state", server)),
                (address.clone(), "ESTABLISHED".into())
            );
            for key in [&server["ino"], &server["facts"]["cookie"]] {
                assert!(key.is_u64() && !numbers.contains(key), "{server}");
                numbers.push(key.clone());
            }
            // Its peer is the client with the mirrored addresses, and that one's is it.
            let (_, client_pid, client) = clients
                .iter()
                .find(|(.., client)| facts("local", client) == facts("remote", server))
                .unwrap_or_else(|| panic!("{server}"));
            assert_eq!(facts("remote", client), address);
            let peer = |command: &str, pid: i64, socket: &Value| json!([{"pid": pid, "command": command, "fd": socket["fd"], "access": "rw"}]);
            assert_eq!(server["peers"], peer("client", *client_pid, client), "{model}");
            assert_eq!(client["peers"], peer("server", *pid, server), "{model}");
        }
        // One port at two addresses.
        let locals: Vec<_> = clients.iter().map(|(.., client)| facts("local", client)).collect();
        let port = |local: &str| local.rsplit(':').next().unwrap().to_owned();
        assert!(locals[1].starts_with("127.0.0.2:") && locals[0].starts_with("127.0.0.1:"), "{locals:?}");
        assert_eq!(port(&locals[0]), port(&locals[1]));
        let mut pids: Vec<_> = servers.iter().map(|(_, pid, _)| *pid).collect();
        pids.dedup();
        assert_eq!(pids.len(), if model == "fork" { 3 } else { 1 });
    }
}

#[test]
fn a_connection_is_there_before_it_is_accepted() {
    for model in MODELS {
        let document = document(1, model);
        let waiting = moment(&document, "waiting");
        let all = sockets(waiting);
        let [(_, server, listener), (_, client, socket)] = &all[..] else { panic!("{waiting}") };
        assert_eq!(socket["facts"]["state"], "ESTABLISHED");
        assert_eq!(listener["facts"]["recv_queue"], 1, "{listener}");
        let end = |command: &str, pid: i64, socket: &Value| json!([{"pid": pid, "command": command, "fd": socket["fd"], "access": "rw", "backlog": true}]);
        assert_eq!(socket["peers"], end("server", *server, listener));
        assert_eq!(listener["peers"], end("client", *client, socket));
    }
}

#[test]
fn what_went_through_is_counted_and_what_is_left_is_remembered() {
    let document = document(2, "epoll");
    let info = |socket: &Value, key: &str| socket["facts"]["tcp_info"][key].as_u64();
    let echoed = moment(&document, "echoed");
    for (.., socket) in sockets(echoed).iter().filter(|(.., socket)| socket["facts"]["state"] != "LISTEN") {
        assert_eq!((info(socket, "bytes_received"), info(socket, "bytes_sent")), (Some(8), Some(8)));
    }
    let half = moment(&document, "half closed");
    let states: Vec<_> = sockets(half).iter().map(|(.., socket)| socket["facts"]["state"].clone()).collect();
    assert!(states.contains(&json!("CLOSE_WAIT")) && states.contains(&json!("FIN_WAIT2")), "{states:?}");
    let closed = moment(&document, "closed");
    assert_eq!(closed["processes"], json!([]));
    let connected = moment(&document, "connected");
    let mut clients: Vec<_> = sockets(connected)
        .iter()
        .filter(|(command, ..)| command == "client")
        .map(|(.., socket)| json!({"local": socket["facts"]["local"], "remote": socket["facts"]["remote"]}))
        .collect();
    let mut remembered = closed["time_wait"].as_array().unwrap().clone();
    for rows in [&mut clients, &mut remembered] {
        rows.sort_by_key(ToString::to_string);
    }
    assert_eq!(remembered, clients);
    if installed("ss") {
        let ss = run(Command::new("ss").args(["-Htan", "state", "time-wait"]));
        for row in remembered {
            let addresses = [row["local"].as_str().unwrap(), row["remote"].as_str().unwrap()];
            let told = |line: &str| addresses.iter().all(|address| line.contains(address));
            assert!(ss.lossy().lines().any(told), "{row}: {}", ss.lossy());
        }
    }
}

#[test]
fn a_child_that_inherited_the_listening_socket_keeps_the_port() {
    let document = document(1, "epoll");
    let kept = moment(&document, "kept");
    let all = sockets(kept);
    let [(command, pid, socket)] = &all[..] else { panic!("{kept}") };
    assert_eq!((command.as_str(), &socket["facts"]["state"]), ("old-server", &json!("LISTEN")));
    // The parent is gone, and it is the child that the clone returned.
    let made = steps(&document).into_iter().find(|(who, call, _)| (*who, *call) == ("old-server", "clone"));
    assert_eq!(made.unwrap().2, pid.to_string());
    assert_eq!(kept["processes"].as_array().unwrap().len(), 1);
    let exits = document["exits"].as_array().unwrap();
    let ended = |name: &str| exits.iter().filter(|exit| exit["command"] == name).collect::<Vec<_>>();
    assert_eq!(ended("old-server")[1]["signal"], "SIGKILL");
    assert!(ended("server").iter().chain(&ended("client")).all(|exit| exit["status"] == 0), "{exits:?}");
}

/// A lab that is held when all are connected, its document, and the pids by their names.
fn held(model: &str, stdin: Stdio) -> (Child, Value, Vec<(String, i32)>) {
    let mut command = lab(3, model, &["--format", "json", "--hold"]);
    let mut lab = start(command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()));
    // The document is written before the line, and its end is not that of the output.
    let out = serde_json::Deserializer::from_reader(lab.stdout.as_mut().unwrap());
    let document = out.into_iter::<Value>().next().unwrap().unwrap();
    let pids = held_pids(&mut lab);
    (lab, document, pids)
}

#[test]
fn held_processes_have_the_sockets_that_ss_shows() {
    for model in MODELS {
        let (lab, document, pids) = held(model, Stdio::null());
        let names: Vec<_> = pids.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names.iter().filter(|name| **name == "client").count(), 3, "{names:?}");
        for (_, pid) in &pids {
            assert_eq!(state(*pid), Some('t'), "a tracing stop");
        }
        if installed("ss") {
            let ss = run(Command::new("ss").args(["-Htanpe"]));
            let all = sockets(&document);
            assert_eq!(all.len(), 7);
            for (command, pid, socket) in all {
                let text = ss.lossy();
                let line = text.lines().find(|line| line.contains(&format!("ino:{} ", socket["ino"])));
                let line = line.unwrap_or_else(|| panic!("{socket}: {}", ss.lossy()));
                let words: Vec<&str> = line.split_whitespace().collect();
                // ss abbreviates one state and writes `-` for `_`.
                let state = words[0].replace("ESTAB", "ESTABLISHED").replace('-', "_");
                let facts = &socket["facts"];
                assert_eq!(facts["state"], state.as_str(), "{line}");
                assert_eq!(facts["local"], words[3], "{line}");
                assert_eq!(facts["remote"].as_str().unwrap_or("0.0.0.0:*"), words[4], "{line}");
                let queues = json!([facts["recv_queue"], facts["send_queue"]]);
                // Of a listening socket its second number is how many may wait.
                if state != "LISTEN" {
                    assert_eq!(queues.to_string(), format!("[{},{}]", words[1], words[2]));
                }
                let user = format!("(\"{command}\",pid={pid},fd={})", socket["fd"]);
                assert!(line.contains(&user), "{user}: {line}");
                assert!(line.contains(&format!("sk:{:x} ", facts["cookie"].as_u64().unwrap())), "{line}");
            }
        }
        kill(Pid::from_raw(common::pid_of(&lab)), Signal::SIGTERM).unwrap();
        assert_eq!(lab.wait_with_output().unwrap().status.code(), Some(143));
        assert!(pids.iter().all(|(_, pid)| matches!(state(*pid), None | Some('Z'))), "nothing is left");
    }
}

#[test]
fn enter_lets_held_processes_go_on() {
    let (mut lab, _, pids) = held("epoll", Stdio::piped());
    lab.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    assert_eq!(lab.wait().unwrap().code(), Some(0));
    assert!(pids.iter().all(|(_, pid)| matches!(state(*pid), None | Some('Z'))));
}

/// The lab on a terminal so wide.
fn on_a_terminal(columns: u16, model: &str, arguments: &[&str]) -> String {
    let (text, status) = on(columns, lab(2, model, arguments).env("NO_COLOR", "1"), "");
    assert_eq!(status, Some(0), "{text}");
    text
}

#[test]
fn the_figure_joins_both_sides() {
    let text = on_a_terminal(80, "epoll", &[]);
    let wires: Vec<&str> = text.lines().filter(|line| line.contains('⇄')).collect();
    assert_eq!(wires.len(), 2, "{text}");
    for (line, from) in wires.iter().zip(["127.0.0.1:", "127.0.0.2:"]) {
        assert!(line.contains("│ 3 tcp ") && line.contains(&format!("├─ {from}")), "{line}");
    }
    assert!(text.lines().any(|line| line.contains("LISTEN ─┤ 3 tcp")), "{text}");
    // Too narrow for boxes, and no terminal at all: a line for each connection.
    for text in
        [on_a_terminal(60, "epoll", &["--ascii"]), run(&mut lab(2, "epoll", &["--ascii"])).text().into()]
    {
        let wire = text.lines().find(|line| line.contains("<->")).unwrap_or_else(|| panic!("{text}"));
        let words: Vec<&str> = wire.split_whitespace().collect();
        let [client, "fd", "3", from, "<->", to, "fd", "5", server] = words[..] else { panic!("{wire}") };
        assert!(client.starts_with("client[") && server.starts_with("server["), "{wire}");
        assert!(from.starts_with("127.0.0.1:") && to.starts_with("127.0.0.1:"), "{wire}");
    }
}

#[test]
fn the_articles_questions_are_answered_in_both_languages() {
    let answers: BTreeMap<&str, [&str; 4]> = BTreeMap::from([
        (
            "en",
            [
                "A socket is a file, too",
                "accept returned new sockets, and not the listening one",
                "One port serves them all",
                "A pid tells processes of a machine apart",
            ],
        ),
        (
            "ja",
            [
                "ソケットもファイルです",
                "accept が返したのは待ち受けソケットではなく",
                "1 つのポートですべてに応じられます",
                "pid は 1 台のマシンのプロセスを",
            ],
        ),
    ]);
    for (lang, answers) in answers {
        for model in MODELS {
            let text = on_a_terminal(80, model, &["--lang", lang]);
            let whole = text.split_whitespace().collect::<Vec<_>>();
            let whole = whole.join(if lang == "ja" { "" } else { " " });
            for answer in answers {
                let answer = if lang == "ja" { answer.replace(' ', "") } else { answer.to_owned() };
                assert!(whole.contains(&answer), "{answer}: {text}");
            }
            assert!(text.lines().all(|line| line.width() <= 80), "{text}");
        }
    }
}

#[test]
fn quiet_leaves_the_explanations_out_and_nothing_else() {
    let ran: Ran = run(&mut lab(2, "epoll", &["--quiet", "--tables", "none"]));
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(!ran.text().contains("A socket is a file") && !ran.text().contains("LOCAL"), "{}", ran.text());
    assert_eq!(ran.text().matches("] connect(3, ").count() + ran.text().matches("  connect(3, ").count(), 2);
}

#[test]
fn an_ordinary_user_sees_the_same_lesson() {
    if !is_root() || !installed("setpriv") {
        return;
    }
    let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("ganariya-fd");
    std::fs::copy(program(), &copy).unwrap();
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut inner = Command::new(copy);
    inner.args(["echo-server", "--clients", "2", "--format", "json", "--timeout", "60"]);
    let mut command = within(&nobody, &inner);
    plain(&mut command);
    let ran = run(&mut command);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let document = ran.json();
    let states: Vec<_> =
        sockets(&document).iter().map(|(.., socket)| socket["facts"]["state"].clone()).collect();
    assert_eq!(states, ["LISTEN", "ESTABLISHED", "ESTABLISHED", "ESTABLISHED", "ESTABLISHED"]);
    assert_eq!(moment(&document, "closed")["time_wait"].as_array().unwrap().len(), 2);
}

#[test]
fn a_given_port_is_used_and_one_that_is_taken_is_told() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ran = run(&mut lab(1, "epoll", &["--listen", &address]));
    let holder = format!("{address}: bind: EADDRINUSE; held by ");
    assert_eq!((ran.status, ran.text()), (2, ""), "{}", ran.err);
    assert!(
        ran.err.contains(&holder) && ran.err.contains(&format!("[{}] fd ", std::process::id())),
        "{}",
        ran.err
    );
    drop(taken);
    let ran = run(&mut lab(1, "epoll", &["--listen", &address, "--format", "json"]));
    assert_eq!(sockets(&ran.json())[0].2["facts"]["local"], address.as_str());
}
