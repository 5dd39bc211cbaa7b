//! Byte spans and file identities.

use serde::{Deserialize, Serialize};

/// Identity of a file inside one run: its index in the list of analysed files sorted by path. Stable for a run only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileId(pub u32);

/// Half-open byte range `lo..hi` of the decoded (UTF-8) text of one host file, a BOM not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    /// First byte.
    pub lo: u32,
    /// One past the last byte.
    pub hi: u32,
}

impl Span {
    /// A span from `lo` to `hi`; the caller guarantees `lo <= hi`.
    pub const fn new(lo: u32, hi: u32) -> Span {
        Span { lo, hi }
    }
    /// The empty span at `at`.
    pub const fn point(at: u32) -> Span {
        Span { lo: at, hi: at }
    }
    /// Number of bytes.
    pub const fn len(self) -> u32 {
        self.hi - self.lo
    }
    /// True when the span covers no byte.
    pub const fn is_empty(self) -> bool {
        self.lo == self.hi
    }
    /// True when `other` lies wholly inside `self` (equal counts).
    pub const fn contains(self, other: Span) -> bool {
        self.lo <= other.lo && other.hi <= self.hi
    }
    /// True when the spans share at least one byte.
    pub const fn overlaps(self, other: Span) -> bool {
        self.lo < other.hi && other.lo < self.hi
    }
    /// The smallest span that covers both.
    pub fn to(self, other: Span) -> Span {
        Span { lo: self.lo.min(other.lo), hi: self.hi.max(other.hi) }
    }
    /// The covered part of `text`; empty when the span is out of range or not on character boundaries.
    pub fn of(self, text: &str) -> &str {
        text.get(self.lo as usize..self.hi as usize).unwrap_or("")
    }
}
