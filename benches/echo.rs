//! `cargo bench --bench echo`: the echo server beside a minimal one made with tokio, on this machine and in
//! one run.
//!
//! Both are processes of their own and run all the while; this one sends, to one and then to the other,
//! in as many rounds as `ROUNDS` says, and looks at every byte that comes back. What is printed are medians,
//! and of the ratios the median of those of each round, so that whatever else the machine does meets both.
//! Numbers behind `--` choose among the works by their connections.
//! `ganariya-fd echo-server` runs as a person starts it, printing its tables.
//!
//! The tokio server is the one of its documentation: a task for each connection that reads into a buffer
//! and writes all of it back, on the runtime with a worker for each core. It has a buffer of 16 KiB for
//! each connection, without which it could not echo a message of that size at once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a benchmark fails by panicking")]
#![allow(clippy::print_stdout, reason = "what it is for")]
#![allow(clippy::cast_precision_loss, reason = "rates are told to a few digits")]
#![allow(clippy::disallowed_methods, reason = "it starts both servers as anybody would")]

use ganariya_fd::echo::Address;
use ganariya_fd::echo::load::{Load, Outcome, run};
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};

/// How often each pair is measured.
const ROUNDS: usize = 11;

/// Connections, bytes of a message, and how many messages are sent over all connections in a round.
const WORKS: [(usize, u64, u64); 6] = [
    (1, 64, 15_000),
    (100, 64, 200_000),
    (1_000, 64, 200_000),
    (1, 16_384, 15_000),
    (100, 16_384, 100_000),
    (1_000, 16_384, 100_000),
];

/// How many connections are held to see what they cost.
const IDLE: usize = 10_000;

/// The argument that makes this program the tokio server.
const PEER: &str = "--tokio-server";

fn main() {
    if std::env::args().any(|argument| argument == PEER) {
        return peer();
    }
    let ours = Server::start(Command::new(env!("CARGO_BIN_EXE_ganariya-fd")).arg("echo-server"));
    let theirs = Server::start(Command::new(std::env::current_exe().unwrap()).arg(PEER));
    println!("{}", machine());
    println!("messages per second and p99 latency, medians of {ROUNDS} rounds; every byte is verified\n");
    println!("connections  bytes    ours/s   tokio/s  ratio   p99 ours  p99 tokio  ratio");
    let asked: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let is_asked_for = |connections: &usize| asked.is_empty() || asked.contains(connections);
    for (connections, bytes, total) in WORKS.into_iter().filter(|work| is_asked_for(&work.0)) {
        compare(&ours, &theirs, connections, bytes, total);
    }
    if !is_asked_for(&IDLE) {
        return;
    }
    println!("\n{IDLE} connections, each with 10 messages of 64 bytes, and then idle:");
    for (name, server) in [("ours", &ours), ("tokio", &theirs)] {
        let load = Load { hold: true, ..server.load(IDLE, 64, 10) };
        let outcome = checked(&load);
        assert_eq!(outcome.held.count(), IDLE);
        println!("  {name:5}  {:.2} s, resident {:.1} MiB", outcome.time.as_secs_f64(), server.resident());
    }
}

fn compare(ours: &Server, theirs: &Server, connections: usize, bytes: u64, total: u64) {
    let messages = total / connections as u64;
    let (mut rates, mut tails) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        // In turns, also who is first.
        let mut both = [ours, theirs];
        if round % 2 == 1 {
            both.reverse();
        }
        let mut measured = both.map(|server| {
            let outcome = checked(&server.load(connections, bytes, messages));
            let rate = outcome.latencies.total() as f64 / outcome.time.as_secs_f64();
            (rate, outcome.latencies.percentile(99).unwrap_or_default().as_secs_f64())
        });
        if round % 2 == 1 {
            measured.reverse();
        }
        // The first round warms both up.
        if round > 0 {
            rates.push(measured.map(|(rate, _)| rate));
            tails.push(measured.map(|(_, tail)| tail));
        }
    }
    let (rate, rate_ratio) = medians(&rates);
    let (tail, tail_ratio) = medians(&tails);
    println!(
        "{connections:>11}  {bytes:>5}  {:>8.0}  {:>8.0}  {rate_ratio:>5.2}  {:>6.0} µs  {:>6.0} µs  {tail_ratio:>5.2}",
        rate[0],
        rate[1],
        tail[0] * 1e6,
        tail[1] * 1e6,
    );
}

/// The load, every byte of which came back.
fn checked(load: &Load) -> Outcome {
    let outcome = run(load).unwrap();
    assert_eq!(outcome.failures, []);
    assert_eq!(outcome.bytes, load.connections as u64 * load.messages * load.bytes);
    outcome
}

fn medians(pairs: &[[f64; 2]]) -> ([f64; 2], f64) {
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let of = |side: usize| median(pairs.iter().map(|pair| pair[side]).collect());
    ([of(0), of(1)], median(pairs.iter().map(|[ours, theirs]| ours / theirs).collect()))
}

struct Server {
    process: Child,
    address: Address,
}

impl Server {
    /// Starts a server, whose first line is `listening on ADDRESS`.
    fn start(command: &mut Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
        let mut out = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap().parse().unwrap();
        // Whatever it prints is read, so that it never waits for that.
        std::thread::spawn(move || {
            let mut rest = vec![0; 1 << 16];
            while let Ok(1..) = out.read(&mut rest) {}
        });
        Self { process, address: Address::Inet(address) }
    }

    fn load(&self, connections: usize, bytes: u64, messages: u64) -> Load {
        Load { address: self.address.clone(), connections, messages, bytes, hold: false }
    }

    /// Its resident memory, in MiB.
    fn resident(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What it was measured on.
fn machine() -> String {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(" : ?");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    format!("Linux {}, {cores} cores, {}", kernel.trim(), model.trim_start_matches([' ', '\t', ':']).trim())
}

/// The tokio server.
fn peer() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    // As many descriptors as the other one takes.
    ganariya_fd::kernel::serving::raise_descriptor_limit().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("listening on {}", listener.local_addr().unwrap());
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut buffer = vec![0; 16_384];
                while let Ok(length @ 1..) = socket.read(&mut buffer).await {
                    if socket.write_all(&buffer[..length]).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
}
