//! The name of a kind of file.

use std::fmt;

/// A word that is known when the program is built. It is as wide as one pointer, half as wide as a text: files and
/// sockets have several of them, and there may be a hundred thousand.
pub type Word = &'static &'static str;

/// The name of a kind of file, as it stands in the KIND column and in JSON. The room `kind` makes
/// them, one for each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KindName(pub Word);

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
