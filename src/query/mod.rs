//! Answers computed from a snapshot, without reading or rendering anything: who is connected to whom,
//! who shares what.

mod sharing;
mod wiring;

pub use sharing::Sharing;
pub use wiring::{Peer, Peers, Wiring};
