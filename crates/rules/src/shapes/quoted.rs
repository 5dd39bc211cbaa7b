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

/// What a placeholder may stand next to once the actions are carried out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Char(char),
    /// The end of a value that stays in the text.
    Unknown,
}

/// Inserts a blank beside each placeholder that would run into the word next to it: the quotes that kept `'…'AND` apart are
/// gone. `known` gives what the analysis saw in a value.
pub(crate) fn keep_apart(text: &Text, known: &dyn Fn(usize) -> Option<Vec<String>>, actions: &mut [Action]) {
    let rendered: Vec<Option<Vec<String>>> = (0..text.pieces.len())
        .map(|p| match (text.lit(p), actions.get(p)) {
            (Some(lit), Some(Action::Cut(cuts))) => Some(vec![cut_text(lit, cuts)]),
            (Some(lit), _) => Some(vec![lit.to_string()]),
            (None, Some(Action::Put(t))) => Some(vec![t.clone()]),
            (None, Some(Action::Drop)) => Some(vec![String::new()]),
            (None, Some(Action::Code(_))) => None,
            (None, _) => known(p),
        })
        .collect();
    for p in 0..text.pieces.len() {
        let Some(Action::Put(put)) = actions.get(p) else { continue };
        let (mut before, mut after) = (false, false);
        for way in text.ways.iter().filter(|w| w.contains(&p)) {
            let mut back = way.clone();
            back.reverse();
            let first = put.chars().next();
            let last = put.chars().next_back();
            before |= neighbours(text, &back, p, &rendered, false).into_iter().any(|n| fuses(first, last, n, true));
            after |= neighbours(text, way, p, &rendered, true).into_iter().any(|n| fuses(first, last, n, false));
        }
        if before || after {
            let blank = |b: bool| if b { " " } else { "" };
            let apart = format!("{}{put}{}", blank(before), blank(after));
            if let Some(a) = actions.get_mut(p) {
                *a = Action::Put(apart);
            }
        }
    }
}

/// The text of a literal after its cuts.
fn cut_text(lit: &str, cuts: &[(Range<usize>, String)]) -> String {
    let mut out = String::new();
    let mut at = 0;
    for (r, new) in cuts {
        out.push_str(lit.get(at..r.start).unwrap_or(""));
        out.push_str(new);
        at = r.end;
    }
    out.push_str(lit.get(at..).unwrap_or(""));
    out
}

/// What can follow the piece in this order: pieces under a condition, and turns of a loop, may be left out.
fn neighbours(text: &Text, order: &[usize], piece: usize, rendered: &[Option<Vec<String>>], first: bool) -> Vec<Next> {
    let mut out = Vec::new();
    let Some(at) = order.iter().position(|p| *p == piece) else { return out };
    let mut rest = order.get(at + 1..).unwrap_or_default().to_vec();
    let turn = text.event_of(piece).and_then(|e| e.turn);
    if turn.is_some() {
        // The same turn again.
        let end = rest.iter().position(|p| text.event_of(*p).is_none_or(|e| e.turn != turn)).unwrap_or(rest.len());
        let again: Vec<usize> =
            order.iter().copied().filter(|p| text.event_of(*p).is_some_and(|e| e.turn == turn)).collect();
        let mut turned: Vec<usize> = rest.drain(..end).collect();
        if !settled(text, piece, &turned, rendered, first, &mut out) {
            turned.clear();
            settled(text, piece, &again, rendered, first, &mut out);
        } else {
            return out;
        }
    }
    settled(text, piece, &rest, rendered, first, &mut out);
    out
}

/// Adds the first (or last) characters of these pieces up to the first that is always there; true when there is one.
fn settled(
    text: &Text,
    piece: usize,
    order: &[usize],
    rendered: &[Option<Vec<String>>],
    first: bool,
    out: &mut Vec<Next>,
) -> bool {
    let turn = text.event_of(piece).and_then(|e| e.turn);
    let mut asked = Vec::new();
    for p in order {
        let event = text.event_of(*p);
        // What stands behind the first text of a step is no neighbour, whether the step is taken or not.
        if asked.contains(&event) {
            continue;
        }
        let separator = |t: &str| matches!(t.trim().to_ascii_uppercase().as_str(), "," | "AND" | "OR");
        let mut always = event == text.event_of(piece)
            || event.is_none_or(|e| match e.turn {
                // Turns that leave something out leave out what would stand at the end.
                Some(_) if e.turn == turn => !e.sometimes || text.lit(*p).is_some_and(separator),
                _ => !e.guarded && !e.sometimes,
            });
        match rendered.get(*p).and_then(Option::as_ref) {
            Some(texts) => {
                for t in texts {
                    let c = if first { t.chars().next() } else { t.chars().next_back() };
                    match c {
                        Some(super::HOLE | super::CLEAN) => out.push(Next::Unknown),
                        Some(c) => out.push(Next::Char(c)),
                        None => always = false,
                    }
                }
                if texts.iter().all(|t| !t.is_empty()) {
                    asked.push(event);
                }
            }
            None => out.push(Next::Unknown),
        }
        if always {
            return true;
        }
    }
    false
}

/// The placeholder and its neighbour would be read as one token, or as another one.
fn fuses(first: Option<char>, last: Option<char>, next: Next, before: bool) -> bool {
    let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '@' | '#');
    let Next::Char(c) = next else { return true };
    // A variable of XPath; SQL has numbers behind the sign.
    let variable = first == Some('$') && last.is_some_and(|l| !l.is_ascii_digit());
    match before {
        true if variable => false,
        // `a:name`, `::name` and `\:name` are no parameters, `a$1` is a name, `5?` no number.
        true => word(c) || (c == '?' && first == Some('?')) || (first == Some(':') && matches!(c, ':' | '\\')),
        false if variable => word(c) || matches!(c, '-' | '.' | ':'),
        // `:name::type` is read as `:nam`.
        false => word(c) || (c == '?' && last == Some('?')) || (first == Some(':') && c == ':'),
    }
}
