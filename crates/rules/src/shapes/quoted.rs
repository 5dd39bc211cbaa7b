//! Values in quotes: which constant text goes with a value when a placeholder takes the place of the whole string.

use super::{Action, Text};
use std::ops::Range;

/// A part of the value of a placeholder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// Constant text that stood inside the quotes.
    Text(String),
    /// A value, by its piece.
    Piece(usize),
}

/// A place that one placeholder fills.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// What is bound, in order.
    pub parts: Vec<Value>,
    /// The first value's piece.
    pub first: usize,
    /// The constant text between quotes and values is cut with the quotes.
    pub quoted: bool,
}

/// One value as a language's plan describes it: the piece, the group, and the bytes to cut around it.
pub(crate) struct Hole {
    pub piece: usize,
    pub group: usize,
    pub cut_before: usize,
    pub cut_after: usize,
    pub prefix: String,
    pub suffix: String,
    pub quoted: bool,
}

/// Groups of a way and the cuts in its literals: piece, range of its text.
pub(crate) fn quoted_groups(text: &Text, way: &[usize], holes: &[Hole]) -> (Vec<Group>, Vec<(usize, Range<usize>)>) {
    let mut groups: Vec<(usize, Group)> = Vec::new();
    let mut cuts: Vec<(usize, Range<usize>)> = Vec::new();
    for h in holes {
        let Some(at) = way.iter().position(|p| *p == h.piece) else { continue };
        let mut left = h.cut_before;
        for p in way.get(..at).unwrap_or_default().iter().rev() {
            let Some(lit) = text.lit(*p).filter(|_| left > 0) else { break };
            let n = left.min(lit.len());
            add(&mut cuts, *p, lit.len() - n..lit.len());
            left -= n;
        }
        let mut right = h.cut_after;
        for p in way.get(at + 1..).unwrap_or_default() {
            let Some(lit) = text.lit(*p).filter(|_| right > 0) else { break };
            let n = right.min(lit.len());
            add(&mut cuts, *p, 0..n);
            right -= n;
        }
        let mut parts = Vec::new();
        if !h.prefix.is_empty() {
            parts.push(Value::Text(h.prefix.clone()));
        }
        parts.push(Value::Piece(h.piece));
        if !h.suffix.is_empty() {
            parts.push(Value::Text(h.suffix.clone()));
        }
        match groups.iter_mut().find(|(id, _)| *id == h.group) {
            Some((_, g)) => g.parts.extend(parts),
            None => groups.push((h.group, Group { parts, first: h.piece, quoted: h.quoted })),
        }
    }
    (groups.into_iter().map(|(_, g)| g).collect(), cuts)
}

fn add(cuts: &mut Vec<(usize, Range<usize>)>, piece: usize, range: Range<usize>) {
    if !range.is_empty() && !cuts.contains(&(piece, range.clone())) {
        cuts.push((piece, range));
    }
}

/// Merges overlapping cuts of each piece into actions.
pub(crate) fn cut_actions(text: &Text, cuts: &[(usize, Range<usize>)], actions: &mut [Action]) {
    for piece in 0..text.pieces.len() {
        let mut mine: Vec<Range<usize>> = cuts.iter().filter(|(p, _)| *p == piece).map(|(_, r)| r.clone()).collect();
        if mine.is_empty() {
            continue;
        }
        mine.sort_by_key(|r| (r.start, r.end));
        let mut merged: Vec<(Range<usize>, String)> = Vec::new();
        for r in mine {
            match merged.last_mut() {
                Some((last, _)) if last.end >= r.start => last.end = last.end.max(r.end),
                _ => merged.push((r, String::new())),
            }
        }
        if let Some(a) = actions.get_mut(piece) {
            *a = Action::Cut(merged);
        }
    }
}
