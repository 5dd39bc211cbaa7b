//! Sets of ASCII characters and the question whether a hole can leave its context.

use serde::{Deserialize, Serialize};

/// The bit of one ASCII character; zero for anything else.
#[must_use]
pub const fn bit(c: u8) -> u128 {
    if c < 128 { 1u128 << c } else { 0 }
}

/// The bits of all ASCII characters of a text; other characters are ignored.
#[must_use]
pub const fn mask(text: &str) -> u128 {
    let bytes = text.as_bytes();
    let mut set = 0u128;
    let mut at = 0;
    while at < bytes.len() {
        set |= bit(bytes[at]);
        at += 1;
    }
    set
}

/// The bits of the ASCII digits.
pub const DIGITS: u128 = mask("0123456789");

/// The bits of the ASCII letters and digits.
pub const ALNUM: u128 = DIGITS | mask("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

/// The characters of a plain decimal number.
pub const NUMBER: u128 = DIGITS | mask(".+-");

/// The characters that end a line.
pub const LINE_ENDS: u128 = mask("\r\n");

/// Which characters let text leave the context it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Breaks {
    /// ASCII characters; an attacker needs at least one of them.
    pub set: u128,
    /// Removing characters never protects: only a list of allowed characters outside `set` does.
    pub any: bool,
}

impl Breaks {
    /// Only the characters of `set` break out.
    #[must_use]
    pub const fn of(set: u128) -> Self {
        Self { set, any: false }
    }

    /// Everything breaks out but a value made of nothing else than `safe`.
    #[must_use]
    pub const fn all_but(safe: u128) -> Self {
        Self { set: !safe, any: true }
    }

    /// Either of two contexts is left.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self { set: self.set | other.set, any: self.any || other.any }
    }
}
