//! What no other kind recognises.

use super::{Clue, Description, Kind};
use crate::model::KindName;

pub const KIND: Kind = Kind {
    name: KindName(&"unknown"),
    recognises: |_| true,
    describe: |_| Description::default(),
    sample: Clue { link: Some(b"mystery:[4026531833]"), ..Clue::NONE },
    ..Kind::BASE
};
