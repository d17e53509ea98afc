//! Shows what every file descriptor is, where it came from, who shares it and what is at its other end.
//!
//! # The map
//!
//! Data flows one way:
//!
//! ```text
//! kernel ─┐
//! kind  ──┴▶ collect ▶ model ▶ query ▶ view ▶ writer          lab: a driver on kernel + collect
//!                                                             cmd drives everything; nobody imports cmd
//! ```
//!
//! | room | what lives there | may import |
//! |---|---|---|
//! | [`kernel`] | bytes in, plain rows out: `/proc`, kcmp, ptrace stops, spawning; alone has `unsafe` | nothing of ours |
//! | [`model`] | the nouns: snapshot, process, descriptor, open file description, gap | nothing of ours |
//! | [`kind`] | clue → meaning: one file for each kind of file | `model` |
//! | [`collect`] | rows → snapshot, ptrace stops → events; identity by kcmp; what failed becomes a gap | `kernel`, `kind`, `model` |
//! | [`query`] | answers computed from a snapshot: peers, sharing, what to draw | `model` |
//! | [`lab`] | real actors, stopped at real system calls | `kernel`, `collect`, `model`, `query` |
//! | [`echo`] | the echo server and its client: real sockets, three models of serving | `kernel` |
//! | [`view`] | answers → bytes, for people in two languages and for programs | `model`, `query` |
//! | [`cmd`] | a file for each subcommand: arguments, help and what it runs | all |
//!
//! One file stands beside the rooms: `shares`, which shares work out over the processors.
//!
//! The borders are held by `tests/rooms.rs`. The library never prints: [`cmd::run`] writes to what it
//! is given, and the binary gives it standard output and standard error.

pub mod cmd;
pub mod collect;
pub mod echo;
pub mod kernel;
pub mod kind;
pub mod lab;
pub mod model;
pub mod query;
mod shares;
pub mod view;
