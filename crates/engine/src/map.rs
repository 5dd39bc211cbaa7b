//! Where a place of the old text is in the new text, and the other way round.

use surefix_text::Span;

/// A position map of one file between the text before and after a set of edits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PosMap {
    /// Old span and new span of each replacement, in order, disjoint.
    pieces: Vec<(Span, Span)>,
}

impl PosMap {
    /// From the replacements (old span, length of the new text), in any order, disjoint; equal ones count once.
    pub fn new(mut replaced: Vec<(Span, u32)>) -> PosMap {
        replaced.sort_unstable();
        replaced.dedup();
        let mut shift: i64 = 0;
        let mut pieces = Vec::with_capacity(replaced.len());
        for (old, len) in replaced {
            let lo = (i64::from(old.lo) + shift).max(0) as u32;
            pieces.push((old, Span::new(lo, lo.saturating_add(len))));
            shift += i64::from(len) - i64::from(old.len());
        }
        PosMap { pieces }
    }

    /// The new place of an old span: what was inserted at its ends is left out, what was replaced across an end is taken in.
    pub fn span(&self, old: Span) -> Span {
        let lo = self.translate(old.lo, true, End::Lo);
        let hi = if old.is_empty() { lo } else { self.translate(old.hi, false, End::Hi) };
        Span::new(lo, hi.max(lo))
    }

    /// The new place of an old span with all that was inserted at its ends.
    pub fn span_wide(&self, old: Span) -> Span {
        let lo = self.translate(old.lo, false, End::Lo);
        let hi = self.translate(old.hi, true, End::Hi);
        Span::new(lo, hi.max(lo))
    }

    /// `after`: an insertion exactly at `p` goes before the answer. Inside a replaced span the answer is its end on that side.
    fn translate(&self, p: u32, after: bool, end: End) -> u32 {
        let mut shift: i64 = 0;
        for (old, new) in &self.pieces {
            if old.lo > p || (old.lo == p && (!old.is_empty() || !after)) {
                break;
            }
            if p < old.hi {
                return if end == End::Lo { new.lo } else { new.hi };
            }
            shift += i64::from(new.len()) - i64::from(old.len());
        }
        (i64::from(p) + shift).max(0) as u32
    }

    /// The old place of a new span, when no replacement touches it.
    pub fn back(&self, new: Span) -> Option<Span> {
        let mut shift: i64 = 0;
        for (old, now) in &self.pieces {
            if now.hi < new.lo || (now.hi == new.lo && !new.is_empty()) {
                shift += i64::from(old.len()) - i64::from(now.len());
            } else if now.lo > new.hi || (now.lo == new.hi && !new.is_empty()) {
                break;
            } else {
                return None;
            }
        }
        let at = |p: u32| u32::try_from(i64::from(p) + shift).ok();
        Some(Span::new(at(new.lo)?, at(new.hi)?))
    }
}

/// Which end of a span is meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Lo,
    Hi,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_follow_edits() {
        // "abc def ghi": insert "XX" at 4, replace def (4..7) by "Q".
        let map = PosMap::new(vec![(Span::point(4), 2), (Span::new(4, 7), 1)]);
        assert_eq!(map.span(Span::new(8, 11)), Span::new(8, 11));
        assert_eq!(map.span(Span::new(4, 7)), Span::new(6, 7));
        assert_eq!(map.span(Span::new(0, 3)), Span::new(0, 3));
        assert_eq!(map.span_wide(Span::new(4, 7)), Span::new(4, 7));
        assert_eq!(map.span(Span::new(0, 11)), Span::new(0, 11));
        assert_eq!(map.back(Span::new(8, 11)), Some(Span::new(8, 11)));
        assert_eq!(map.back(Span::new(5, 6)), None);
    }

    #[test]
    fn what_lies_in_replaced_text_may_be_anywhere_in_the_new_one() {
        let map = PosMap::new(vec![(Span::new(2, 9), 3)]);
        assert_eq!(map.span(Span::new(4, 6)), Span::new(2, 5));
        assert_eq!(map.span_wide(Span::new(4, 6)), Span::new(2, 5));
        assert_eq!(map.span_wide(Span::new(6, 12)), Span::new(2, 8));
    }

    #[test]
    fn wrapping_keeps_the_inner_place() {
        let map = PosMap::new(vec![(Span::point(2), 4), (Span::point(5), 1)]);
        assert_eq!(map.span(Span::new(2, 5)), Span::new(6, 9));
        assert_eq!(map.back(Span::new(7, 8)), Some(Span::new(3, 4)));
    }
}
