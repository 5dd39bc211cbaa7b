//! Python: lists of values that `join` puts into the text, as in `IN (…)`.

use crate::shapes::python_render::node_span;
use crate::shapes::{self, Loops, PieceKind, Text, no, python, python_value};
use ruff_python_ast::{Comprehension, Expr};
use surefix_dialect::{Dialect, HoleContext, Label, Quote};
use surefix_rewrite::PyCx;
use surefix_syntax::python::span_of;
use surefix_text::{Reason, Refusal, Span};

/// A list whose values become parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ValueList {
    /// The variable that holds the values.
    pub name: String,
    /// What is assigned to it in front of the text, when it is new.
    pub init: Option<String>,
    /// It is a list.
    pub is_list: bool,
    /// The values stood in quotes: they are text.
    pub quoted: bool,
    /// A column is compared with the values: some drivers convert text for it.
    pub beside_column: bool,
    /// The call of `join`, when a variable carries the text that it gives.
    pub call: Option<Span>,
    /// The statement in front of which [`ValueList::init`] belongs.
    pub stmt: Span,
}

/// Where the elements are joined.
#[derive(Clone, Copy)]
struct Home {
    /// The call of `join`.
    call: Span,
    /// Its statement.
    stmt: Span,
    guarded: bool,
    carried: bool,
    /// The call that runs the text.
    sink: Span,
    quoted: bool,
    beside_column: bool,
}

/// The list behind `",".join(…)`, when the piece is such a call and each of its parts is one value.
pub(crate) fn joined(
    cx: &PyCx<'_>,
    text: &Text,
    piece: usize,
    context: &HoleContext,
    seen: Option<&[String]>,
    sink: Span,
) -> Result<Option<ValueList>, Refusal> {
    let Some(own) = text.expr(piece) else { return Ok(None) };
    let Some(event) = text.event_of(piece) else { return Ok(None) };
    let mut home = Home {
        call: own,
        stmt: event.stmt,
        guarded: event.guarded,
        carried: false,
        sink,
        quoted: false,
        beside_column: false,
    };
    if let Some(Expr::Name(n)) = cx.expr_at(own)
        && let Some(u) = cx.uses(&n.id, own)
        && u.param.is_none()
        && u.is_single_assignment()
        && u.reads.len() == 1
        && !u.captured
        && let Some((value, stmt)) = u.writes.first().and_then(|w| Some((w.value?, w.stmt)))
    {
        // The assignment stands in the block of the text, or around it.
        let block = cx.path_to(stmt).iter().rev().map(|n| node_span(*n)).find(|s| *s != stmt);
        let guarded = event.guarded || stmt.hi > event.stmt.lo || !block.is_some_and(|b| b.contains(event.stmt));
        home = Home { call: value, stmt, guarded, carried: true, sink, quoted: false, beside_column: false };
    }
    let expr = home.call;
    let Some(Expr::Call(call)) = cx.expr_at(expr) else { return Ok(None) };
    let Expr::Attribute(a) = &*call.func else { return Ok(None) };
    if a.attr.as_str() != "join" || call.arguments.args.len() != 1 || !call.arguments.keywords.is_empty() {
        return Ok(None);
    }
    let (Expr::StringLiteral(sep), Some(arg)) = (&*a.value, call.arguments.args.first()) else { return Ok(None) };
    let unknown = |what: &str| no(Reason::ShapeUnknown, format!("the list of values {what}"));
    if !matches!(text.pieces.get(piece).map(|p| &p.kind), Some(PieceKind::Val { field, .. }) if field.as_ref().is_none_or(|f| f.plain))
    {
        return unknown("is formatted as one text");
    }
    let around = neighbours(text, piece);
    // The values stand in quotes that the text and the separator spell, or that every element brings.
    let outer = match context.label {
        Label::SqlQuotedWhole if context.quote == Quote::Single => true,
        Label::SqlInList | Label::SqlValue if context.quote == Quote::None => false,
        _ => return Ok(None),
    };
    let spelled: String = sep.value.to_str().chars().filter(|c| !c.is_whitespace()).collect();
    if spelled != if outer { "','" } else { "," } {
        return Ok(None);
    }
    let (before, after) = (around.0.trim_end(), around.1.trim_start());
    let (open, close) = match outer {
        true => (before.strip_suffix('\'').map(str::trim_end), after.strip_prefix('\'').map(str::trim_start)),
        false => (Some(before), Some(after)),
    };
    if !open.is_some_and(|b| b.ends_with(['(', ','])) || !close.is_some_and(|a| a.starts_with([')', ','])) {
        return unknown("does not stand between parentheses");
    }
    home.quoted = outer;
    home.beside_column = is_beside_column(before);
    let generators = |e: &Expr| -> Option<(Span, Vec<Comprehension>)> {
        match e {
            Expr::ListComp(c) => Some((span_of(&*c.elt), c.generators.clone())),
            Expr::Generator(c) => Some((span_of(&*c.elt), c.generators.clone())),
            _ => None,
        }
    };
    let Some((element, generators)) = generators(arg) else {
        // The elements as they are: what the analysis saw of them must be bare.
        if !is_collection(cx, span_of(arg)) {
            return unknown("may hold parts of the text");
        }
        if seen.is_some_and(|s| s.iter().any(|t| t.contains(['\'', '"', '`']))) {
            return no(Reason::AlreadyEscaped, "the elements of the list bring their own quotes into the text");
        }
        return own_name(cx, home, span_of(arg)).map(Some);
    };
    let [g] = generators.as_slice() else { return unknown("comes from several loops") };
    if g.is_async {
        return unknown("is read asynchronously");
    }
    // One element: `'x'` or `x`.
    let parts = python::text_in(cx, Dialect::Sql, element, home.stmt, &|_| true, Loops::Refuse)?;
    let [way] = parts.ways.as_slice() else { return unknown("has elements of several forms") };
    let value = match way.as_slice() {
        [v] if parts.expr(*v).is_some() => *v,
        [l, v, r] if !outer && parts.lit(*l) == Some("'") && parts.lit(*r) == Some("'") => *v,
        _ => return unknown("has elements that are more than one value"),
    };
    if !shapes::plain_field(&parts, value) {
        return unknown("has elements that are formatted");
    }
    let quoted = outer || way.len() == 3;
    home.quoted = quoted;
    if !quoted && seen.is_none_or(|s| s.iter().any(|t| t.contains(['\'', '"', '`']))) {
        return no(Reason::AlreadyEscaped, "the elements of the list may bring their own quotes into the text");
    }
    let Some(value) = parts.expr(value) else { return unknown("has no values") };
    let value = super::python_text::unescaped(cx, strip_str(cx, value));
    let target = span_of(&g.target).of(cx.text);
    let iter = span_of(&g.iter);
    if value == target && g.ifs.is_empty() && matches!(g.target, Expr::Name(_)) {
        return own_name(cx, home, iter).map(Some);
    }
    // `[x.strip() for x in xs if x]`
    let clause = Span::new(span_of(&g.target).lo, g.ifs.last().map_or(iter.hi, |i| span_of(i).hi));
    cx.no_comment_inside(clause)?;
    let clause = clause.of(cx.text);
    if clause.contains('\n') || value.contains('\n') {
        return no(Reason::NoRecipe, "the list of values is written on several lines");
    }
    hoisted(cx, home, format!("[{value} for {clause}]"), iter).map(Some)
}

/// `str(x)` as `x`.
fn strip_str(cx: &PyCx<'_>, expr: Span) -> Span {
    match cx.expr_at(expr) {
        Some(Expr::Call(c)) if c.arguments.args.len() == 1 && c.arguments.keywords.is_empty() => match &*c.func {
            Expr::Name(n) if n.id.as_str() == "str" => c.arguments.args.first().map_or(expr, span_of),
            _ => expr,
        },
        _ => expr,
    }
}

/// A call that gives a list of plain texts.
fn is_list_call(e: &Expr) -> bool {
    let Expr::Call(c) = e else { return false };
    match &*c.func {
        Expr::Attribute(a) => matches!(a.attr.as_str(), "getlist" | "split" | "rsplit" | "splitlines" | "copy"),
        Expr::Name(n) => matches!(n.id.as_str(), "list" | "sorted"),
        _ => false,
    }
}

/// The value that a variable always has, or the expression itself.
fn behind<'t>(cx: &'t PyCx<'_>, expr: Span) -> Option<&'t Expr> {
    match cx.expr_at(expr)? {
        Expr::Name(n) => {
            let u = cx.uses(&n.id, expr)?;
            if u.param.is_some() || !u.is_single_assignment() {
                return None;
            }
            cx.expr_at(u.writes.first()?.value?)
        }
        e => Some(e),
    }
}

/// The elements are values from outside, not text put together here.
fn is_collection(cx: &PyCx<'_>, expr: Span) -> bool {
    match behind(cx, expr) {
        Some(Expr::Subscript(_)) => true,
        Some(e) => is_list_call(e) && !e.as_call_expr().is_some_and(|c| c.func.is_name_expr()),
        None => false,
    }
}

/// The name of a list that stays as it is between the text and the call, or a new one.
fn own_name(cx: &PyCx<'_>, home: Home, expr: Span) -> Result<ValueList, Refusal> {
    let source = expr.of(cx.text);
    let is_list = behind(cx, expr).is_some_and(|e| is_list_call(e) || e.is_list_expr() || e.is_list_comp_expr());
    let stays = cx.expr_at(expr).is_some_and(Expr::is_name_expr)
        && is_list
        && python_value::keeps(cx, expr)
        && !handed_on(cx, expr, home);
    if stays && (!home.carried || !home.guarded) {
        return Ok(ValueList {
            name: source.to_string(),
            init: None,
            is_list,
            quoted: home.quoted,
            beside_column: home.beside_column,
            call: home.carried.then_some(home.call),
            stmt: home.stmt,
        });
    }
    cx.no_comment_inside(expr)?;
    if source.contains('\n') {
        return no(Reason::NoRecipe, "the list of values is written on several lines");
    }
    let is_name = cx.expr_at(expr).is_some_and(Expr::is_name_expr);
    let init = if is_list && !is_name { source.to_string() } else { format!("list({source})") };
    hoisted(cx, home, init, expr)
}

/// Code between the text and the call mentions the list and may change it.
fn handed_on(cx: &PyCx<'_>, name: Span, home: Home) -> bool {
    let Some(uses) = cx.uses(name.of(cx.text), name) else { return true };
    uses.captured || uses.reads.iter().any(|r| r.lo >= home.stmt.hi && r.lo < home.sink.lo)
}

/// A new variable in front of the statement that builds the text.
fn hoisted(cx: &PyCx<'_>, home: Home, init: String, iter: Span) -> Result<ValueList, Refusal> {
    if home.guarded || cx.hoist_point(home.call)? != home.stmt || !cx.first_effect(home.stmt, home.call) {
        return no(Reason::SideEffect, "the list of values cannot be kept in a variable in front of the statement");
    }
    let base = match python_value::name_for(cx, iter) {
        n if n == "value" => "values".to_string(),
        n => n,
    };
    Ok(ValueList {
        name: cx.fresh_name(&base, &[]),
        init: Some(init),
        is_list: true,
        quoted: home.quoted,
        beside_column: home.beside_column,
        call: home.carried.then_some(home.call),
        stmt: home.stmt,
    })
}

/// The text ends in `column IN (`.
fn is_beside_column(before: &str) -> bool {
    let upper = before.trim_end_matches(['(', '\'', ' ', '\t', '\r', '\n']).to_ascii_uppercase();
    let Some(head) = upper.strip_suffix("IN") else { return false };
    let head = head.trim_end();
    let head = head.strip_suffix("NOT").map_or(head, str::trim_end);
    head.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '"' | '`'))
}

/// Constant text directly before and behind a piece.
fn neighbours(text: &Text, piece: usize) -> (&str, &str) {
    let Some(way) = text.ways.iter().find(|w| w.contains(&piece)) else { return ("", "") };
    let Some(at) = way.iter().position(|p| *p == piece) else { return ("", "") };
    let lit = |i: Option<usize>| i.and_then(|i| way.get(i)).and_then(|p| text.lit(*p)).unwrap_or("");
    (lit(at.checked_sub(1)), lit(at.checked_add(1)))
}

/// The placeholders of a list.
pub(crate) fn placeholders(cx: &PyCx<'_>, sign: &str, list: &ValueList) -> String {
    let q = |s: &str| cx.string_literal(s);
    match sign.len() {
        1 => format!("{}.join({} * len({}))", q(", "), q(sign), list.name),
        _ => format!("{}.join([{}] * len({}))", q(", "), q(sign), list.name),
    }
}
