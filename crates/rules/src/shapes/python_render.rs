//! From actions to edits of Python source.

use super::chain::{Host, Out, edit_chain};
use super::java_render::{pieces_of, template_cuts, unwrapped};
use super::{Action, OperandKind, PieceKind, Text, literal_source, no};
use ruff_python_ast::AnyNodeRef;
use ruff_text_size::Ranged;
use std::ops::Range;
use surefix_rewrite::{LiteralMap, PyCx};
use surefix_text::{Edit, Reason, Refusal, Span};

/// The span of a node.
pub(crate) fn node_span(node: AnyNodeRef<'_>) -> Span {
    let r = node.range();
    Span::new(r.start().to_u32(), r.end().to_u32())
}

/// The edits that carry out `actions` (one a piece).
pub(crate) fn render(cx: &PyCx<'_>, text: &Text, actions: &[Action], edits: &mut Vec<Edit>) -> Result<(), Refusal> {
    let host = Host {
        lang: surefix_ir::Lang::Python,
        text: cx.text,
        file: cx.file,
        comments: Box::new(|s| cx.comments_in(s)),
        check: Box::new(|s| cx.no_error_at(s)),
        literal: Box::new(|t| cx.string_literal(t)),
    };
    for (i, chain) in text.chains.iter().enumerate() {
        let mut out = Vec::new();
        for (n, op) in chain.operands.iter().enumerate() {
            let mine: Vec<usize> = pieces_of(text, i, n).collect();
            let action = |p: &usize| actions.get(*p).cloned().unwrap_or_default();
            if mine.iter().all(|p| action(p) == Action::Keep) {
                out.push(Out::Same { lit: matches!(op.kind, OperandKind::Lit(_)) });
                continue;
            }
            let first = mine.first().map(action).unwrap_or_default();
            let made = match (&op.kind, first) {
                (OperandKind::Lit(map), _) => token_out(cx, text, map, op.span, &mine, actions)?,
                (OperandKind::Template { tokens, style, args, whole }, _) => {
                    template(cx, text, &mine, actions, (tokens, *style, args, *whole), edits)?;
                    Out::Same { lit: false }
                }
                (_, Action::Drop) => Out::Gone,
                (_, Action::Put(t)) => Out::Put(t),
                (_, Action::Code(c)) => Out::Code(c),
                _ => return no(Reason::ShapeUnknown, "a part of the text cannot be edited"),
            };
            out.push(made);
        }
        if out.iter().all(|o| matches!(o, Out::Same { .. })) {
            continue;
        }
        if !edit_chain(&host, chain, &out, edits)? {
            edits.push(Edit::replace(cx.file, chain.span, "\"\""));
        }
    }
    Ok(())
}

/// A string token after its text and fields changed; an f-string without fields loses its `f`.
fn token_out(
    cx: &PyCx<'_>,
    text: &Text,
    map: &LiteralMap,
    token: Span,
    mine: &[usize],
    actions: &[Action],
) -> Result<Out, Refusal> {
    let source = token.of(cx.text);
    let mut changes: Vec<(Range<usize>, String)> = Vec::new();
    let mut fields = 0;
    let mut rest = 0;
    let cannot = || no(Reason::ShapeUnknown, "a string literal cannot be cut where the quote stands");
    for p in mine {
        let action = actions.get(*p).cloned().unwrap_or_default();
        match text.pieces.get(*p).map(|p| &p.kind) {
            Some(PieceKind::Lit { text: t, range }) => {
                rest += t.len();
                if let Action::Cut(list) = action {
                    for (r, new) in list {
                        let decoded = range.start + r.start..range.start + r.end;
                        let (Some(src), Some(new_text)) = (map.source(decoded), map.escape(&new)) else {
                            return cannot();
                        };
                        rest = rest + new.len() - r.len();
                        changes.push((src, new_text));
                    }
                }
            }
            Some(PieceKind::Val { field: Some(f), .. }) => match action {
                Action::Drop => changes.push((f.range.clone(), String::new())),
                Action::Put(t) => {
                    let Some(new) = map.escape(&t) else { return cannot() };
                    rest += new.len();
                    changes.push((f.range.clone(), new));
                }
                Action::Code(c) => {
                    fields += 1;
                    let other = if map.quote() == '"' { '\'' } else { '"' };
                    let c = if c.contains(other) { c } else { c.replace(map.quote(), &other.to_string()) };
                    if c.contains(map.quote()) || c.contains('\\') {
                        return no(Reason::NoRecipe, "the new expression does not fit into the f-string");
                    }
                    changes.push((f.range.clone(), format!("{{{}}}", unwrapped(&c))));
                }
                _ => fields += 1,
            },
            _ => return cannot(),
        }
    }
    // Fields that hold text built elsewhere have no piece here.
    let own = mine.iter().filter(|p| text.expr(**p).is_some()).count();
    fields += map.holes().len().saturating_sub(own);
    changes.sort_by_key(|(r, _)| (r.start, r.end));
    let mut out = String::new();
    let mut at = 0;
    for (r, new) in &changes {
        if r.start < at {
            return cannot();
        }
        out.push_str(source.get(at..r.start).unwrap_or(""));
        out.push_str(new);
        at = r.end;
    }
    out.push_str(source.get(at..).unwrap_or(""));
    if map.is_formatted() && fields == 0 {
        let n = out.bytes().take_while(u8::is_ascii_alphabetic).count();
        let prefix: String = out.chars().take(n).filter(|c| !matches!(c, 'f' | 'F')).collect();
        let body = out.get(n..).unwrap_or("").replace("{{", "{").replace("}}", "}");
        out = format!("{prefix}{body}");
    }
    Ok(Out::Lit { source: out, empty: rest == 0 && fields == 0 })
}

/// Edits of a template in place: its token, and the values behind it.
fn template(
    cx: &PyCx<'_>,
    text: &Text,
    mine: &[usize],
    actions: &[Action],
    op: (&[(Span, LiteralMap)], super::Style, &[Span], Span),
    edits: &mut Vec<Edit>,
) -> Result<(), Refusal> {
    let (tokens, style, args, whole) = op;
    let t = template_cuts(text, mine, actions, style)?;
    cx.no_error_at(whole)?;
    for ((token, map), cuts) in tokens.iter().zip(super::by_token(tokens, &t.cuts)) {
        if cuts.is_empty() {
            continue;
        }
        let Some(source) = literal_source(surefix_ir::Lang::Python, token.of(cx.text), map, &cuts) else {
            return no(Reason::ShapeUnknown, "the template cannot be cut where the quote stands");
        };
        edits.push(Edit::replace(cx.file, *token, source));
    }
    // Behind the template's expression.
    let left = match cx.expr_at(whole) {
        Some(ruff_python_ast::Expr::BinOp(b)) => node_span(AnyNodeRef::from(&*b.left)),
        Some(ruff_python_ast::Expr::Call(c)) => match &*c.func {
            ruff_python_ast::Expr::Attribute(a) => node_span(AnyNodeRef::from(&*a.value)),
            _ => whole,
        },
        _ => whole,
    };
    // Parentheses around the template stay.
    let mut lo = left.hi;
    let mut close = Span::new(lo, whole.hi).of(cx.text);
    while close.trim_start().starts_with(')') {
        let skip = close.len() - close.trim_start().len() + 1;
        lo += u32::try_from(skip).unwrap_or(0);
        close = Span::new(lo, whole.hi).of(cx.text);
    }
    let tail = Span::new(lo, whole.hi);
    cx.no_comment_inside(tail)?;
    let mut all_kept = t.kept.clone();
    all_kept.sort_unstable();
    all_kept.dedup();
    if all_kept.len() == args.len() {
        for (i, c) in &t.code {
            if let Some(span) = args.get(*i) {
                edits.push(Edit::replace(cx.file, *span, unwrapped(c)));
            }
        }
        return Ok(());
    }
    if !t.code.is_empty() {
        return no(Reason::NoRecipe, "some fields of the template go and others change");
    }
    if t.kept.is_empty() {
        edits.push(Edit::delete(cx.file, tail));
        return Ok(());
    }
    let all = cx.args(whole);
    let kept: Vec<&str> = (0..args.len())
        .filter(|i| t.kept.contains(i))
        .filter_map(|i| match style {
            super::Style::Braces => all.get(i).map(|a| a.span.of(cx.text)),
            _ => args.get(i).map(|a| a.of(cx.text)),
        })
        .collect();
    let dict = matches!(cx.expr_at(whole), Some(ruff_python_ast::Expr::BinOp(b)) if b.right.is_dict_expr());
    let new = match (style, kept.as_slice()) {
        (super::Style::Braces, list) => format!(".format({})", list.join(", ")),
        (_, _) if dict => {
            return no(Reason::NoRecipe, "the template takes names from a dictionary that is still needed");
        }
        (_, [one]) => format!(" % ({one},)"),
        (_, list) => format!(" % ({})", list.join(", ")),
    };
    edits.push(Edit::replace(cx.file, tail, new));
    Ok(())
}
