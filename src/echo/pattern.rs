//! The bytes that a load sends: each connection its own, and at each position other ones, so that a byte
//! that is lost, doubled or another client's does not pass for the right one.

/// After so many bytes they repeat: a prime, so that no size of message or buffer fits into it.
const PERIOD: usize = 65_521;

/// The most bytes that are given at once.
pub const LONGEST: usize = 1 << 16;

/// The bytes of all connections.
#[derive(Debug)]
pub struct Pattern(Vec<u8>);

impl Pattern {
    /// Makes them.
    pub fn new() -> Self {
        let mut state: u32 = 0x9e37_79b9;
        let mut next = || {
            // A generator of Marsaglia's (xorshift).
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state.to_le_bytes()[1]
        };
        let period: Vec<u8> = (0..PERIOD).map(|_| next()).collect();
        // Whatever the position, what comes then is in one piece.
        let bytes = period.iter().cycle().take(PERIOD + LONGEST).copied().collect();
        Self(bytes)
    }

    /// What a connection sends from a position on, at most [`LONGEST`] bytes.
    pub fn from(&self, connection: usize, position: u64, length: usize) -> &[u8] {
        let period = PERIOD as u64;
        let start = (connection as u64 % period * 7919 + position % period) % period;
        let start = usize::try_from(start).unwrap_or(0);
        &self.0[start..start + length.min(LONGEST)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_pieces_are_the_whole(connection in 0..100_000_usize, at in 0..1_000_000_u64, half in 0..LONGEST) {
            let pattern = Pattern::new();
            let whole = pattern.from(connection, at, LONGEST);
            prop_assert_eq!(whole.len(), LONGEST);
            prop_assert_eq!(pattern.from(connection, at, half), &whole[..half]);
            let rest = pattern.from(connection, at + half as u64, LONGEST - half);
            prop_assert_eq!(rest, &whole[half..]);
        }

        #[test]
        fn others_send_other_bytes(connection in 0..10_000_usize, at in 0..100_000_u64) {
            let pattern = Pattern::new();
            let own = pattern.from(connection, at, 64);
            prop_assert_ne!(own, pattern.from(connection + 1, at, 64));
            prop_assert_ne!(own, pattern.from(connection, at + 1, 64));
        }
    }
}
