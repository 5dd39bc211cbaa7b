//! Breaking a call's argument list where a fix made its line too long.

use crate::layout::{eol_at, first_on_line, indent_at, line_end, line_start};
use surefix_text::{Edit, FileId, Span};

/// Lines with more columns are always broken, whatever the file does elsewhere.
const WIDE: usize = 120;

/// An argument list in its text.
pub(crate) struct List<'a> {
    /// The file.
    pub file: FileId,
    /// Its text.
    pub text: &'a str,
    /// The parentheses with what is between them.
    pub span: Span,
    /// The arguments, in order.
    pub args: &'a [Span],
    /// One step of indentation.
    pub unit: &'a str,
    /// How many steps a broken line is indented; in languages that hang the list, 1.
    pub steps: usize,
    /// Lines up to this many columns are never broken.
    pub narrow: usize,
    /// The first argument and the closing parenthesis go on lines of their own, and a comma follows the last argument.
    pub hang: bool,
}

/// The columns that a line of the file may have: as many as its longest one, within reason.
fn limit(list: &List<'_>) -> usize {
    list.text.lines().map(|l| l.chars().count()).max().unwrap_or(0).clamp(list.narrow, WIDE)
}

/// Columns of the line once the edits are applied to it.
fn columns(list: &List<'_>, line: Span, edits: &[Edit]) -> usize {
    let old = line.of(list.text).chars().count();
    let (mut more, mut less) = (0, 0);
    for e in edits.iter().filter(|e| e.file == list.file && line.contains(e.span)) {
        more += e.text.chars().count();
        less += e.span.of(list.text).chars().count();
    }
    (old + more).saturating_sub(less)
}

/// Adds line breaks between the arguments that stand on one line which the edits made too long. Nothing happens when the line
/// has room, when the edits add lines themselves, or when anything but commas and blanks stands between the arguments.
pub(crate) fn arguments(list: &List<'_>, edits: &mut Vec<Edit>) {
    let mine = |e: &&Edit| e.file == list.file && list.span.contains(e.span) && !e.text.is_empty();
    let mine: Vec<Edit> = edits.iter().filter(mine).cloned().collect();
    if mine.iter().any(|e| e.text.contains(['\n', '\r'])) {
        return;
    }
    let mut lines: Vec<Span> = mine
        .iter()
        .filter(|e| list.args.iter().any(|a| a.contains(e.span)))
        .map(|e| Span::new(line_start(list.text, e.span.lo), line_end(list.text, e.span.lo)))
        .collect();
    lines.sort();
    lines.dedup();
    let limit = limit(list);
    for line in lines {
        if columns(list, line, edits) > limit {
            one_line(list, line, edits);
        }
    }
}

/// Breaks one line of the list, whole or not at all.
fn one_line(list: &List<'_>, line: Span, edits: &mut Vec<Edit>) {
    let on_line: Vec<Span> = list.args.iter().copied().filter(|a| line.contains(*a)).collect();
    let (Some(first), Some(last)) = (on_line.first().copied(), on_line.last().copied()) else { return };
    let eol = eol_at(list.text, line.lo);
    // A line behind the one with the parenthesis has its indentation already.
    let hangs = first_on_line(list.text, first.lo) || line.lo > list.span.lo;
    let outer = indent_at(list.text, line.lo);
    let indent = if hangs { outer.to_string() } else { format!("{outer}{}", list.unit.repeat(list.steps)) };
    let mut new = Vec::new();
    for pair in on_line.windows(2) {
        let gap = Span::new(pair[0].hi, pair[1].lo);
        if gap.of(list.text).trim() != "," {
            return;
        }
        new.push(Edit::replace(list.file, gap, format!(",{eol}{indent}")));
    }
    let rest = Span::new(last.hi, list.span.hi - 1);
    if list.hang && !hangs {
        let whole = line.contains(list.span) && on_line.len() == list.args.len() && first.lo == list.span.lo + 1;
        if !whole || !rest.of(list.text).trim().is_empty() {
            return;
        }
        new.push(Edit::insert(list.file, first.lo, format!("{eol}{indent}")));
        new.push(Edit::insert(list.file, rest.hi, format!(",{eol}{outer}")));
        // Two insertions at one point would be a conflict.
        if new.iter().any(|n| edits.iter().any(|e| e.file == n.file && e.span == n.span)) {
            return;
        }
    } else if list.hang && on_line.last() == list.args.last() {
        let rest = rest.of(list.text);
        if rest.trim().is_empty() && rest.contains(['\n', '\r']) {
            new.push(Edit::insert(list.file, last.hi, ","));
        }
    }
    edits.extend(new);
}
