//! Operands joined by `+`, or literals side by side: from what becomes of each operand to one edit of the chain.

use super::{Chain, no};
use surefix_ir::Lang;
use surefix_rewrite::LiteralMap;
use surefix_text::{Edit, FileId, Reason, Refusal, Span};

/// What the renderer asks of a language.
pub(crate) struct Host<'h> {
    pub lang: Lang,
    pub text: &'h str,
    pub file: FileId,
    pub comments: Box<dyn Fn(Span) -> Vec<Span> + 'h>,
    pub check: Box<dyn Fn(Span) -> Result<(), Refusal> + 'h>,
    pub literal: Box<dyn Fn(&str) -> String + 'h>,
}

/// What an operand becomes.
pub(crate) enum Out {
    Same {
        lit: bool,
    },
    Gone,
    /// New text of a literal, and whether it is empty.
    Lit {
        source: String,
        empty: bool,
    },
    /// Constant text instead of a value.
    Put(String),
    Code(String),
}

/// A stretch of operands in the new chain.
struct Seg {
    /// `None`: as it was.
    text: Option<String>,
    first: usize,
    last: usize,
    /// A literal to which more text can be joined.
    lit: bool,
}

/// What stands between two operands: a plus where neighbours are new to each other and only blanks stood there.
fn separator(gap: &str, first: usize, expected: usize) -> &str {
    let plus = gap.contains('+');
    if first == 0 || (!plus && first != expected) { " + " } else { gap }
}

/// A literal's source with text added at its end.
pub(crate) fn join_text(lang: Lang, source: &str, more: &str) -> String {
    let map = LiteralMap::new(lang, source);
    let close = if map.as_ref().is_some_and(LiteralMap::is_triple) { 3 } else { 1 };
    let escaped = map.and_then(|m| m.escape(more)).unwrap_or_else(|| more.to_string());
    let (head, tail) = source.split_at(source.len().saturating_sub(close));
    format!("{head}{escaped}{tail}")
}

/// Letters before the opening quote.
fn prefix(source: &str) -> &str {
    let n = source.bytes().take_while(u8::is_ascii_alphabetic).count();
    source.get(..n).unwrap_or("")
}

fn body(source: &str) -> &str {
    source.get(prefix(source).len() + 1..source.len().saturating_sub(1)).unwrap_or("")
}

fn triple(s: &str) -> bool {
    let rest = s.get(prefix(s).len()..).unwrap_or("");
    rest.starts_with("\"\"\"") || rest.starts_with("'''")
}

/// Two literals that can become one by joining what stands between their quotes.
fn alike(a: &str, b: &str) -> bool {
    let quote = |s: &str| s.get(prefix(s).len()..).and_then(|r| r.chars().next());
    let letters = |s: &str| prefix(s).to_ascii_lowercase();
    !triple(a) && !triple(b) && quote(a) == quote(b) && letters(a) == letters(b)
}

fn joined_literal(a: &str, b: &str) -> String {
    let open = a.get(..prefix(a).len() + 1).unwrap_or("\"");
    let close = a.chars().next_back().unwrap_or('"');
    format!("{open}{}{}{close}", body(a), body(b))
}

/// Edits the chain's source; false when nothing is left of it and nothing was edited.
pub(crate) fn edit_chain(cx: &Host<'_>, chain: &Chain, out: &[Out], edits: &mut Vec<Edit>) -> Result<bool, Refusal> {
    let span = |i: usize| chain.operands.get(i).map_or(chain.span, |o| o.span);
    let token = |i: usize| span(i).of(cx.text);
    let gap = |i: usize| Span::new(span(i.saturating_sub(1)).hi, span(i).lo).of(cx.text);
    let mut segs: Vec<Seg> = Vec::new();
    for (i, o) in out.iter().enumerate() {
        let joined =
            segs.last().is_some_and(|s| s.text.is_some() && s.lit && s.last + 1 == i && !gap(i).contains(['\n', '\r']));
        match o {
            Out::Same { lit } => {
                let last = segs.last_mut().filter(|_| *lit && joined);
                match last {
                    Some(s) if s.text.as_deref().is_some_and(|t| alike(t, token(i))) => {
                        let head = s.text.take().unwrap_or_default();
                        s.text = Some(joined_literal(&head, token(i)));
                        s.last = i;
                    }
                    _ => segs.push(Seg { text: None, first: i, last: i, lit: *lit }),
                }
            }
            Out::Gone => {
                if let Some(s) = segs.last_mut().filter(|s| s.text.is_some()) {
                    s.last = i;
                }
            }
            Out::Put(t) => match segs.last_mut().filter(|s| s.lit && s.last + 1 == i) {
                Some(s) => {
                    let head = s.text.take().unwrap_or_else(|| token(s.last).to_string());
                    s.text = Some(join_text(cx.lang, &head, t));
                    s.last = i;
                }
                None => segs.push(Seg { text: Some((cx.literal)(t)), first: i, last: i, lit: true }),
            },
            Out::Code(c) if out.len() == 1 && c.starts_with('(') && c.ends_with(')') && chain.append.is_none() => {
                let inner = c.get(1..c.len() - 1).unwrap_or(c).to_string();
                segs.push(Seg { text: Some(inner), first: i, last: i, lit: false });
            }
            Out::Code(c) => segs.push(Seg { text: Some(c.clone()), first: i, last: i, lit: false }),
            Out::Lit { source, empty } => {
                let last = segs.last_mut().filter(|s| s.text.is_some() && s.lit && s.last + 1 == i);
                match last {
                    Some(s) if *empty => s.last = i,
                    Some(s)
                        if !gap(i).contains(['\n', '\r']) && s.text.as_deref().is_some_and(|t| alike(t, source)) =>
                    {
                        let head = s.text.take().unwrap_or_default();
                        s.text = Some(joined_literal(&head, source));
                        s.last = i;
                    }
                    _ if *empty => {}
                    _ => segs.push(Seg { text: Some(source.clone()), first: i, last: i, lit: true }),
                }
            }
        }
    }
    if segs.is_empty() {
        return Ok(false);
    }
    // Common ends stay untouched.
    let same = |s: &Seg, i: usize| s.text.is_none() && s.first == i;
    let mut head = 0;
    while segs.get(head).is_some_and(|s| same(s, head)) {
        head += 1;
    }
    let (n, m) = (out.len(), segs.len());
    let mut tail = 0;
    while tail < m - head && segs.get(m - 1 - tail).is_some_and(|s| same(s, n - 1 - tail)) {
        tail += 1;
    }
    let lo = if head == 0 { span(0).lo } else { span(head - 1).hi };
    let hi = if tail == 0 { span(n - 1).hi } else { span(n - tail).lo };
    let region = Span::new(lo, hi);
    let mut new = String::new();
    let middle = segs.get(head..m - tail).unwrap_or_default();
    for (k, s) in middle.iter().enumerate() {
        if head > 0 || k > 0 {
            new.push_str(separator(gap(s.first), s.first, middle.get(k.wrapping_sub(1)).map_or(head, |p| p.last + 1)));
        }
        match &s.text {
            Some(t) => new.push_str(t),
            None => new.push_str(Span::new(span(s.first).lo, span(s.last).hi).of(cx.text)),
        }
    }
    if tail > 0 && (head > 0 || !middle.is_empty()) {
        new.push_str(separator(gap(n - tail), n - tail, middle.last().map_or(head, |p| p.last + 1)));
    }
    for c in (cx.comments)(region) {
        if !new.contains(c.of(cx.text)) {
            return no(Reason::CommentInside, "a comment stands between the parts of the text that would be replaced");
        }
    }
    (cx.check)(region)?;
    edits.push(Edit::replace(cx.file, region, new));
    Ok(true)
}
