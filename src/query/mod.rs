//! Answers computed from a snapshot, without reading or rendering anything: who is connected to whom,
//! who shares what, what there is to draw.

mod figure;
mod sharing;
mod wiring;

pub use figure::{At, Figure, Label, Node, Object, Slot};
pub use sharing::Sharing;
pub use wiring::{Found, Peer, Peers, Wiring};
