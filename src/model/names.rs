//! The name of a kind of file.

use std::fmt;

/// The name of a kind of file, as it stands in the KIND column and in JSON. The room `kind` makes
/// them, one for each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KindName(pub &'static str);

impl fmt::Display for KindName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}
