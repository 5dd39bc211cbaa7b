//! From actions to edits of Java source.

use super::chain::{Host, Out, edit_chain, join_text};
use super::{Action, Chain, OperandKind, Text, literal_source, literal_value, no};
use std::ops::Range;
use surefix_ir::Lang;
use surefix_rewrite::JavaCx;
use surefix_syntax::java;
use surefix_text::{Edit, Reason, Refusal, Span};

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
        if !edit_chain(&host(cx), chain, out, edits)? {
            remove_or_empty(cx, chain, edits)?;
        }
    }
    Ok(())
}

fn host<'h>(cx: &'h JavaCx<'_>) -> Host<'h> {
    Host {
        lang: Lang::Java,
        text: cx.text,
        file: cx.file,
        comments: Box::new(|s| cx.comments_in(s)),
        check: Box::new(|s| cx.no_error_at(s)),
        literal: Box::new(|t| cx.string_literal(t)),
    }
}

pub(crate) fn pieces_of(text: &Text, chain: usize, operand: usize) -> impl Iterator<Item = usize> + '_ {
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
                let Some(source) = literal_source(Lang::Java, op.span.of(cx.text), map, &cuts) else {
                    return no(Reason::ShapeUnknown, "a string literal cannot be cut where the quote stands");
                };
                Out::Lit { source, empty: literal_value(map, &cuts).is_empty() }
            }
            (OperandKind::Char, Action::Cut(_)) => Out::Gone,
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
    let OperandKind::Template { tokens, style, args, whole } = kind else {
        return no(Reason::ShapeUnknown, "the format string is not readable");
    };
    let [(token, map)] = tokens.as_slice() else {
        return no(Reason::ShapeUnknown, "the format string is not readable");
    };
    let t = template_cuts(text, mine, actions, *style)?;
    let spelled = |i: usize| {
        let new = t.code.iter().find(|(n, _)| *n == i).map(|(_, c)| unwrapped(c));
        new.or_else(|| args.get(i).map(|a| a.of(cx.text).to_string()))
    };
    let kept: Vec<String> = (0..args.len()).filter(|i| t.kept.contains(i)).filter_map(spelled).collect();
    let source = literal_source(Lang::Java, token.of(cx.text), map, &t.cuts);
    let Some(source) = source else {
        return no(Reason::ShapeUnknown, "the format string cannot be cut where the quote stands");
    };
    cx.no_comment_inside(*whole)?;
    if kept.is_empty() {
        return Ok(Out::Lit { source, empty: false });
    }
    // Head and tail of the call stay.
    let list = cx.arg_list(*whole).map(java::span_of).unwrap_or(*whole);
    let inside = token.lo >= list.lo;
    let head = Span::new(whole.lo, token.lo).of(cx.text);
    let middle = if inside { ", ".to_string() } else { Span::new(token.hi, list.lo + 1).of(cx.text).to_string() };
    Ok(Out::Code(format!("{head}{source}{middle}{})", kept.join(", "))))
}

/// An argument needs no parentheses around it.
pub(crate) fn unwrapped(code: &str) -> String {
    code.strip_prefix('(').and_then(|c| c.strip_suffix(')')).unwrap_or(code).to_string()
}

/// The cuts of a template's token and the arguments that stay.
pub(crate) struct TemplateCuts {
    pub cuts: Vec<(Range<usize>, String)>,
    pub kept: Vec<usize>,
    /// Arguments that become another expression.
    pub code: Vec<(usize, String)>,
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
    let mut code = Vec::new();
    let action = |p: usize| actions.get(p).cloned().unwrap_or_default();
    for p in mine {
        if let Some(super::PieceKind::Val { field: Some(f), .. }) = text.pieces.get(*p).map(|p| &p.kind)
            && matches!(action(*p), Action::Keep | Action::Code(_))
        {
            kept.push(f.arg);
            if let Action::Code(c) = action(*p) {
                code.push((f.arg, c));
            }
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
    Ok(TemplateCuts { cuts: merged, kept, code })
}

/// `.append("a = '").append(x).append("'")`: the placeholder joins the literal of the call before it.
fn move_into_previous_append(cx: &JavaCx<'_>, text: &Text, outs: &mut [Vec<Out>]) {
    for i in 1..text.chains.len() {
        let (Some(chain), Some(before)) = (text.chains.get(i), text.chains.get(i - 1)) else { continue };
        let Some((_, recv)) = chain.append else { continue };
        let follows = match before.append {
            Some((call, _)) => call == recv,
            // `new StringBuilder("…").append(x)` and `"…".concat(x)`
            None => before.span == recv || recv.hi == before.span.hi + 1 && recv.contains(before.span),
        };
        let alone = matches!(outs.get(i).map(Vec::as_slice), Some([Out::Put(_)]));
        let lit = before.operands.last().is_some_and(|o| matches!(&o.kind, OperandKind::Lit(m) if !m.is_triple()));
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
            *out = Out::Lit { source: join_text(Lang::Java, &source, &put), empty: false };
        }
    }
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
