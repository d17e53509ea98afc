//! Answers computed from a snapshot, without reading or rendering anything: who is connected to whom,
//! who shares what, what there is to draw.

mod diff;
mod fields;
mod figure;
pub mod filter;
mod listing;
pub mod numbers;
mod select;
mod sharing;
mod spelling;
mod value;
mod who;
mod wiring;

pub use diff::{Difference, differences};
pub use fields::{Field, NAMED_IN_A_LINE, Wants};
pub use figure::{At, Figure, Label, Node, Object, Slot};
pub use listing::{Choice, Entries, Entry, Known, Listed, Listing};
pub use select::Whom;
pub use sharing::{Sharer, Sharing};
pub use spelling::nearest;
pub use value::Value;
pub use who::{Origin, Origins, Target};
pub use wiring::{Found, Peer, Peers, Wiring};
