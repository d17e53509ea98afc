//! The name of a kind of file.

use std::fmt;

/// The name of a kind of file, as it stands in the KIND column and in JSON. The room `kind` makes
/// them, one for each kind. It is as wide as one pointer: ends and files have one each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KindName(pub &'static &'static str);

impl KindName {
    /// The word.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for KindName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}
