//! From actions to edits of Java source.

use super::{Action, Chain, OperandKind, Text, literal_source, literal_value, no};
use std::ops::Range;
use surefix_rewrite::java::string_literal;
use surefix_rewrite::{JavaCx, LiteralMap};
use surefix_syntax::java;
use surefix_text::{Edit, Reason, Refusal, Span};

/// What an operand becomes.
enum Out {
    Same { lit: bool },
    Gone,
    /// New text of a literal, and whether it is empty.
    Lit { source: String, empty: bool },
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

/// The edits that carry out `actions` (one a piece).
pub(crate) fn render(cx: &JavaCx<'_>, text: &Text, actions: &[Action], edits: &mut Vec<Edit>) -> Result<(), Refusal> {
    let mut outs: Vec<Vec<Out>> = Vec::new();
    for i in 0..text.chains.len() {
        outs.push(chain_out(cx, text, i, actions)?);
    }
    move_into_previous_append(cx, text, &mut outs);
    for (chain, out) in text.chains.iter().zip(&outs) {
        if out.iter().all(|o| matches!(o, Out::Same { .. })) {
            continue;
        }
        edit_chain(cx, chain, out, edits)?;
    }
    Ok(())
}

fn pieces_of(text: &Text, chain: usize, operand: usize) -> impl Iterator<Item = usize> + '_ {
    let mine = move |p: &super::Piece| p.chain == chain && p.operand == operand;
    text.pieces.iter().enumerate().filter(move |(_, p)| mine(p)).map(|(i, _)| i)
}

fn chain_out(cx: &JavaCx<'_>, text: &Text, index: usize, actions: &[Action]) -> Result<Vec<Out>, Refusal> {
    let Some(chain) = text.chains.get(index) else { return Ok(Vec::new()) };
    let mut out = Vec::new();
    for (n, op) in chain.operands.iter().enumerate() {
        let mine: Vec<usize> = pieces_of(text, index, n).collect();
        let action = |p: &usize| actions.get(*p).cloned().unwrap_or_default();
        let changed = mine.iter().any(|p| action(p) != Action::Keep);
        let lit = matches!(op.kind, OperandKind::Lit(_));
        if !changed {
            out.push(Out::Same { lit });
            continue;
        }
        let first = mine.first().map(action).unwrap_or_default();
        let made = match (&op.kind, first) {
            (OperandKind::Lit(map), Action::Cut(cuts)) => {
                let Some(source) = literal_source(op.span.of(cx.text), map, &cuts) else {
                    return no(Reason::ShapeUnknown, "a string literal cannot be cut where the quote stands");
                };
                Out::Lit { source, empty: literal_value(map, &cuts).is_empty() }
            }
            (OperandKind::Char(_), Action::Cut(_)) => Out::Gone,
            (OperandKind::Template { .. }, _) => template_out(cx, text, &op.kind, &mine, actions)?,
            (_, Action::Drop) => Out::Gone,
            (_, Action::Put(t)) => Out::Put(t),
            (_, Action::Code(c)) => Out::Code(c),
            _ => return no(Reason::ShapeUnknown, "a part of the text cannot be edited"),
        };
        out.push(made);
    }
    Ok(out)
}

/// A formatted string after its fields changed.
fn template_out(
    cx: &JavaCx<'_>,
    text: &Text,
    kind: &OperandKind,
    mine: &[usize],
    actions: &[Action],
) -> Result<Out, Refusal> {
    let OperandKind::Template { token, map, style, args, whole } = kind else {
        return no(Reason::ShapeUnknown, "the format string is not readable");
    };
    let t = template_cuts(text, mine, actions, *style)?;
    let kept: Vec<Span> = (0..args.len()).filter(|i| t.kept.contains(i)).filter_map(|i| args.get(i).copied()).collect();
    let source = literal_source(token.of(cx.text), map, &t.cuts);
    let Some(source) = source else { return no(Reason::ShapeUnknown, "the format string cannot be cut where the quote stands") };
    cx.no_comment_inside(*whole)?;
    if kept.is_empty() {
        return Ok(Out::Lit { source, empty: false });
    }
    // Head and tail of the call stay.
    let list = cx.arg_list(*whole).map(java::span_of).unwrap_or(*whole);
    let inside = token.lo >= list.lo;
    let head = Span::new(whole.lo, token.lo).of(cx.text);
    let middle = if inside { ", ".to_string() } else { Span::new(token.hi, list.lo + 1).of(cx.text).to_string() };
    let rest: Vec<&str> = kept.iter().map(|s| s.of(cx.text)).collect();
    Ok(Out::Code(format!("{head}{source}{middle}{})", rest.join(", "))))
}

/// The cuts of a template's token and the arguments that stay.
pub(crate) struct TemplateCuts {
    pub cuts: Vec<(Range<usize>, String)>,
    pub kept: Vec<usize>,
}

/// What the actions on the pieces of a template mean for its token.
pub(crate) fn template_cuts(
    text: &Text,
    mine: &[usize],
    actions: &[Action],
    style: super::Style,
) -> Result<TemplateCuts, Refusal> {
    let mut cuts: Vec<(Range<usize>, String)> = Vec::new();
    let mut kept = Vec::new();
    let action = |p: usize| actions.get(p).cloned().unwrap_or_default();
    for p in mine {
        if let Some(super::PieceKind::Val { field: Some(f), .. }) = text.pieces.get(*p).map(|p| &p.kind)
            && matches!(action(*p), Action::Keep | Action::Code(_))
        {
            if matches!(action(*p), Action::Code(_)) {
                return no(Reason::NoRecipe, "a name in a format string would have to be replaced");
            }
            kept.push(f.arg);
        }
    }
    let plain = kept.is_empty();
    let spell = |t: &str| if plain { t.to_string() } else { style.encode(t) };
    for p in mine {
        match text.pieces.get(*p).map(|p| &p.kind) {
            Some(super::PieceKind::Val { field: Some(f), .. }) => match action(*p) {
                Action::Drop => cuts.push((f.range.clone(), String::new())),
                Action::Put(t) => cuts.push((f.range.clone(), spell(&t))),
                _ => {}
            },
            Some(super::PieceKind::Lit { text: t, range }) => {
                // A doubled sign that is no longer one of a template.
                let doubled = range.len() > t.len();
                match action(*p) {
                    Action::Cut(list) if !doubled => {
                        for (r, new) in list {
                            cuts.push((range.start + r.start..range.start + r.end, spell(&new)));
                        }
                    }
                    Action::Cut(list) => {
                        let gone = list.iter().any(|(r, _)| !r.is_empty());
                        let extra: String = list.iter().map(|(_, n)| n.as_str()).collect();
                        let new = if gone { extra } else { format!("{t}{extra}") };
                        cuts.push((range.clone(), spell(&new)));
                    }
                    _ if doubled && plain => cuts.push((range.clone(), t.clone())),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    // Neighbours become one.
    let mut merged: Vec<(Range<usize>, String)> = Vec::new();
    for (r, new) in cuts {
        match merged.last_mut() {
            Some((last, text)) if last.end == r.start => {
                last.end = r.end;
                text.push_str(&new);
            }
            _ => merged.push((r, new)),
        }
    }
    Ok(TemplateCuts { cuts: merged, kept })
}

/// `.append("a = '").append(x).append("'")`: the placeholder joins the literal of the call before it.
fn move_into_previous_append(cx: &JavaCx<'_>, text: &Text, outs: &mut [Vec<Out>]) {
    for i in 1..text.chains.len() {
        let (Some(chain), Some(before)) = (text.chains.get(i), text.chains.get(i - 1)) else { continue };
        let Some((_, recv)) = chain.append else { continue };
        let follows = match before.append {
            Some((call, _)) => call == recv,
            // `new StringBuilder("…").append(x)`
            None => recv.hi == before.span.hi + 1 && recv.contains(before.span),
        };
        let alone = matches!(outs.get(i).map(Vec::as_slice), Some([Out::Put(_)]));
        let lit = before.operands.last().is_some_and(|o| {
            matches!(&o.kind, OperandKind::Lit(m) if !m.is_triple())
        });
        if !follows || !alone || !lit {
            continue;
        }
        let Some(Out::Put(put)) = outs.get_mut(i).and_then(Vec::pop) else { continue };
        if let Some(list) = outs.get_mut(i) {
            list.push(Out::Gone);
        }
        let last = before.operands.len() - 1;
        let token = before.operands.get(last).map_or("", |o| o.span.of(cx.text));
        if let Some(out) = outs.get_mut(i - 1).and_then(|o| o.get_mut(last)) {
            let source = match out {
                Out::Lit { source, .. } => source.clone(),
                _ => token.to_string(),
            };
            *out = Out::Lit { source: join_text(&source, &put), empty: false };
        }
    }
}

/// A literal's source with text added at its end.
fn join_text(source: &str, more: &str) -> String {
    let map = LiteralMap::new(surefix_ir::Lang::Java, source);
    let close = if map.as_ref().is_some_and(LiteralMap::is_triple) { 3 } else { 1 };
    let escaped = map.and_then(|m| m.escape(more)).unwrap_or_else(|| more.to_string());
    let (head, tail) = source.split_at(source.len().saturating_sub(close));
    format!("{head}{escaped}{tail}")
}

fn body(source: &str) -> &str {
    source.get(1..source.len().saturating_sub(1)).unwrap_or("")
}

fn edit_chain(cx: &JavaCx<'_>, chain: &Chain, out: &[Out], edits: &mut Vec<Edit>) -> Result<(), Refusal> {
    let span = |i: usize| chain.operands.get(i).map_or(chain.span, |o| o.span);
    let token = |i: usize| span(i).of(cx.text);
    let gap = |i: usize| Span::new(span(i.saturating_sub(1)).hi, span(i).lo).of(cx.text);
    let triple = |s: &str| s.starts_with("\"\"\"");
    let mut segs: Vec<Seg> = Vec::new();
    for (i, o) in out.iter().enumerate() {
        let joined = segs.last().is_some_and(|s| s.text.is_some() && s.lit && s.last + 1 == i && !gap(i).contains(['\n', '\r']));
        match o {
            Out::Same { lit } => {
                let last = segs.last_mut().filter(|_| *lit && joined && !triple(token(i)));
                match last {
                    Some(s) if s.text.as_deref().is_some_and(|t| !triple(t) && t.ends_with('"')) => {
                        let head = s.text.take().unwrap_or_default();
                        s.text = Some(format!("\"{}{}\"", body(&head), body(token(i))));
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
                    s.text = Some(join_text(&head, t));
                    s.last = i;
                }
                None => segs.push(Seg { text: Some(string_literal(t)), first: i, last: i, lit: true }),
            },
            Out::Code(c) => segs.push(Seg { text: Some(c.clone()), first: i, last: i, lit: false }),
            Out::Lit { source, empty } => {
                let last = segs.last_mut().filter(|s| s.text.is_some() && s.lit && s.last + 1 == i);
                match last {
                    Some(s) if *empty => s.last = i,
                    Some(s)
                        if !gap(i).contains(['\n', '\r'])
                            && !triple(source)
                            && s.text.as_deref().is_some_and(|t| !triple(t)) =>
                    {
                        let head = s.text.take().unwrap_or_default();
                        s.text = Some(format!("\"{}{}\"", body(&head), body(source)));
                        s.last = i;
                    }
                    _ if *empty => {}
                    _ => segs.push(Seg { text: Some(source.clone()), first: i, last: i, lit: true }),
                }
            }
        }
    }
    if segs.is_empty() {
        return remove_or_empty(cx, chain, edits);
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
            new.push_str(if s.first > 0 { gap(s.first) } else { " + " });
        }
        match &s.text {
            Some(t) => new.push_str(t),
            None => new.push_str(Span::new(span(s.first).lo, span(s.last).hi).of(cx.text)),
        }
    }
    if tail > 0 && (head > 0 || !middle.is_empty()) {
        new.push_str(gap(n - tail));
    }
    for c in cx.comments_in(region) {
        if !new.contains(c.of(cx.text)) {
            return no(Reason::CommentInside, "a comment stands between the parts of the text that would be replaced");
        }
    }
    cx.no_error_at(region)?;
    edits.push(Edit::replace(cx.file, region, new));
    Ok(())
}

/// Nothing is left of a chain: an `append` goes away, elsewhere an empty text stays.
fn remove_or_empty(cx: &JavaCx<'_>, chain: &Chain, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
    cx.no_comment_inside(chain.span)?;
    let Some((call, recv)) = chain.append else {
        edits.push(Edit::replace(cx.file, chain.span, "\"\""));
        return Ok(());
    };
    let whole = cx.stmt_of(call).filter(|s| {
        let rest = Span::new(call.hi, s.hi).of(cx.text);
        s.lo == call.lo && rest.trim() == ";" && cx.is_simple_pure(recv)
    });
    match whole {
        Some(stmt) => {
            let text = cx.text;
            let own_line = surefix_rewrite::layout::first_on_line(text, stmt.lo)
                && surefix_rewrite::layout::last_on_line(text, stmt.hi);
            let in_block = cx.node_at(stmt).and_then(|n| n.parent()).is_some_and(|p| p.kind() == "block");
            let gone = match own_line && in_block {
                true => Span::new(
                    surefix_rewrite::layout::line_start(text, stmt.lo),
                    surefix_rewrite::layout::next_line(text, stmt.hi),
                ),
                false => {
                    edits.push(Edit::replace(cx.file, chain.span, "\"\""));
                    return Ok(());
                }
            };
            edits.push(Edit::delete(cx.file, gone));
        }
        None => {
            let gone = Span::new(recv.hi, call.hi);
            cx.no_comment_inside(gone)?;
            edits.push(Edit::delete(cx.file, gone));
        }
    }
    Ok(())
}
