//! `cargo bench --bench rooms`: what each room takes, within this one process, of 1,000 and of 10,000 descriptors:
//! so one sees where a change was felt, and that the cost grows as the descriptors do.
//!
//! - `scan` reads this process's own table: names alone, as the listing of all processes does, and with all fields.
//!   A quarter each are files, ends of pipes, unix sockets and eventfds.
//! - `join` looks who is connected to whom and who shares what in what was read; also where all descriptors are
//!   ends of one pipe.
//! - `select` evaluates an expression of each.
//! - `render` writes them as lines, a table, JSON lines and CSV, to nowhere.
#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]
#![allow(clippy::print_stdout, reason = "what it is for")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ganariya_fd::collect::{Need, Request, Which, collect};
use ganariya_fd::kernel::Live;
use ganariya_fd::model::Snapshot;
use ganariya_fd::query::filter::Filter;
use ganariya_fd::query::{Choice, Field, Known, Listing, Peers};
use ganariya_fd::view::{self, Lang, Layout, Style};
use nix::sys::eventfd::EventFd;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::pipe;
use std::fs::File;
use std::hint::black_box;
use std::io::sink;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

const SIZES: [usize; 2] = [1_000, 10_000];

/// Holds open so many descriptors of four kinds; nothing where the limit is lower.
fn mixed(size: usize) -> Option<Vec<OwnedFd>> {
    make_room(size)?;
    let mut held: Vec<OwnedFd> = Vec::new();
    while held.len() < size {
        let (reader, writer) = pipe().unwrap();
        let (one, other) = UnixStream::pair().unwrap();
        held.extend([reader, writer, one.into(), other.into()]);
        for _ in 0..2 {
            held.extend([File::open("/dev/null").unwrap().into(), EventFd::new().unwrap().into()]);
        }
    }
    Some(held)
}

/// Holds open so many ends of one pipe.
fn one_pipe(size: usize) -> Option<Vec<OwnedFd>> {
    make_room(size)?;
    let (reader, writer) = pipe().unwrap();
    let mut held = Vec::new();
    for _ in 0..size / 2 {
        held.extend([reader.try_clone().unwrap(), writer.try_clone().unwrap()]);
    }
    Some(held)
}

fn make_room(size: usize) -> Option<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let fits = hard > size as u64 + 100;
    if !fits {
        println!("{size} descriptors: the limit is {hard}");
    }
    fits.then_some(())
}

fn read(need: Need) -> Snapshot {
    let pid = i32::try_from(std::process::id()).unwrap();
    collect(&Live::new(), &Request::new(Which::Pids(vec![pid]), need))
}

fn scan(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("scan");
    group.sample_size(20);
    for size in SIZES {
        let Some(_held) = mixed(size) else { continue };
        group.throughput(Throughput::Elements(size as u64));
        for (name, need) in [("names", Need::NAMES), ("all", Need::ALL)] {
            group.bench_function(BenchmarkId::new(name, size), |bencher| bencher.iter(|| read(need)));
        }
    }
    group.finish();
}

fn join(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("join");
    for size in SIZES {
        for (name, hold) in [("mixed", mixed as fn(usize) -> Option<Vec<OwnedFd>>), ("one-pipe", one_pipe)] {
            let Some(held) = hold(size) else { continue };
            let snapshot = read(Need::ALL);
            drop(held);
            group.throughput(Throughput::Elements(size as u64));
            group.bench_function(BenchmarkId::new(name, size), |bencher| {
                bencher.iter(|| count_peers(&Known::new(&snapshot), &snapshot));
            });
        }
    }
    group.finish();
}

/// How many other ends there are, asked for each descriptor.
fn count_peers(known: &Known<'_>, snapshot: &Snapshot) -> usize {
    let all = snapshot.descriptors().map(|(process, descriptor)| known.wiring.peers(process.id, descriptor));
    all.map(|peers| if let Peers::Found(found) = peers { found.len() } else { 0 }).sum()
}

fn select(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("select");
    let expression = "kind = pipe and access = w and not cloexec or name ~ null";
    let filter = || Filter::parse(expression, &|name| Field::named(name).is_some()).unwrap();
    for size in SIZES {
        let Some(_held) = mixed(size) else { continue };
        let snapshot = read(Need::ALL);
        let known = Known::new(&snapshot);
        let choice = Choice { filter: Some(filter()), ..Choice::default() };
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter(|| {
                let mut listing = Listing::new(&known);
                listing.narrow(&choice);
                black_box(listing.rows.len())
            });
        });
    }
    group.finish();
}

fn render(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("render");
    group.sample_size(20);
    let plain = Style { lang: Lang::En, color: false, ascii: false, width: None };
    let terminal = Style { color: true, width: Some(120), ..plain };
    for size in SIZES {
        let Some(_held) = mixed(size) else { continue };
        let snapshot = read(Need::ALL);
        let known = Known::new(&snapshot);
        let listing = Listing::new(&known);
        group.throughput(Throughput::Elements(size as u64));
        for (name, style) in [("lines", plain), ("table", terminal)] {
            group.bench_function(BenchmarkId::new(name, size), |bencher| {
                bencher.iter(|| view::inspect(&mut sink(), &listing, Layout::default(), style).unwrap());
            });
        }
        group.bench_function(BenchmarkId::new("jsonl", size), |bencher| {
            bencher.iter(|| view::json_lines(&mut sink(), &listing, None).unwrap());
        });
        group.bench_function(BenchmarkId::new("csv", size), |bencher| {
            bencher.iter(|| view::csv(&mut sink(), &listing, None).unwrap());
        });
    }
    group.finish();
}

criterion_group!(rooms, scan, join, select, render);
criterion_main!(rooms);
