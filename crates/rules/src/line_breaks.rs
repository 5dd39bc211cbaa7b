//! Python: take line breaks out of a value (log lines, raw headers).

use crate::operands::{self, Site};
use crate::python_text::is_text;
use crate::syntaxes::PyText;
use crate::{FixCx, Found};
use ruff_python_ast::{AnyNodeRef, Expr};
use surefix_dataflow::{Flow, StepKind};
use surefix_rewrite::PyCx;
use surefix_syntax::python::span_of;
use surefix_text::{Assurance, Edit, Fix, Reason, Refusal, Span, Tier};

/// Plans the fix: the value (or the whole text when it holds no line break of its own) loses its line breaks.
pub fn fix_python(cx: &FixCx<'_>, found: &Found, title: &str) -> Result<Fix, Refusal> {
    let Some(flow) = &found.flow else {
        return Err(Refusal::new(Reason::NoRecipe, "no recipe covers this shape"));
    };
    let syntax = PyText::new(cx);
    let px = syntax.file(found.file);
    px.no_error_at(flow.call.span)?;
    let arg = flow.arg.and_then(|i| px.args(flow.call.span).get(i).filter(|a| !a.unpacked).map(|a| a.value));
    let Some(arg) = arg else {
        return Err(Refusal::new(Reason::ShapeUnknown, "the value is no argument of the call"));
    };
    if matches!(px.expr_at(arg), Some(Expr::Dict(_) | Expr::Tuple(_) | Expr::List(_))) {
        return Err(Refusal::new(Reason::ShapeUnknown, "the value is not one text"));
    }
    let mut edits: Vec<Edit> = Vec::new();
    let mut assurance = Assurance::start(Tier::AttackOnly);
    let sites = operands::sites(cx, &syntax, flow, arg, |c| c == '\r' || c == '\n')?;
    let own_breaks = operands::constants_hold(&flow.shapes, |c| c == '\r' || c == '\n');
    let stripped = |text: &str| {
        format!(
            "{text}.replace({}, {}).replace({}, {})",
            px.string_literal("\r"),
            px.string_literal(""),
            px.string_literal("\n"),
            px.string_literal("")
        )
    };
    // Before Python 3.12 a field of an f-string cannot hold a backslash: the whole text is changed instead.
    let in_field = |span| px.path_to(span).iter().any(|n| matches!(n, AnyNodeRef::ExprFString(_)));
    if sites.iter().any(|s| s.file == found.file && s.span != arg && in_field(s.span)) {
        if !own_breaks {
            let text = px.as_primary(arg.of(px.text));
            px.replace_expr(arg, &stripped(&text), &mut edits)?;
            return Ok(Fix { title: title.into(), edits, assurance, needs: Vec::new() });
        }
        for s in &sites {
            let closed = px.text.get(s.span.hi as usize..).is_some_and(|t| t.starts_with('}'));
            if s.file != found.file || !closed || !in_field(s.span) {
                return Err(Refusal::new(
                    Reason::ShapeUnknown,
                    "the value is formatted, its line breaks cannot be taken out in place",
                ));
            }
            edits.push(Edit::insert(found.file, s.span.hi, "!r"));
        }
        assurance.lower(Tier::Observable, "the value stands in quotes from now on");
        return Ok(Fix { title: title.into(), edits, assurance, needs: Vec::new() });
    }
    for s in &sites {
        let px = syntax.file(s.file);
        let text = s.span.of(px.text);
        operands::keeps_breaks(cx, flow, s)?;
        if let Some((part, new)) = joined(&px, s.span, stripped) {
            px.no_comment_inside(part)?;
            edits.push(Edit::replace(s.file, part, new));
            continue;
        }
        let known = (s.ty.as_deref() == Some("str") && read_as_text(flow, s)) || is_text(&px, s.span);
        let text = if known { px.as_primary(text) } else { format!("str({text})") };
        px.replace_expr(s.span, &stripped(&text), &mut edits)?;
    }
    px.wrap_args(flow.call.span, &mut edits);
    Ok(Fix { title: title.into(), edits, assurance, needs: Vec::new() })
}

/// `"\n".join(lines)`: the separators are the program's own, so each line is cleaned. What to replace, and by what.
fn joined(px: &PyCx<'_>, site: Span, stripped: impl Fn(&str) -> String) -> Option<(Span, String)> {
    let Some(Expr::Call(call)) = px.expr_at(site) else { return None };
    let Expr::Attribute(method) = &*call.func else { return None };
    let Expr::StringLiteral(separator) = &*method.value else { return None };
    let breaks = separator.value.to_str().contains(['\r', '\n']);
    let [lines] = call.arguments.args.as_ref() else { return None };
    if !breaks || method.attr.as_str() != "join" || lines.is_starred_expr() {
        return None;
    }
    let element = match lines {
        Expr::Generator(g) => Some(span_of(&*g.elt)),
        Expr::ListComp(l) => Some(span_of(&*l.elt)),
        _ => None,
    };
    Some(match element {
        Some(e) => (e, stripped(&px.as_primary(e.of(px.text)))),
        None => {
            let lines = span_of(lines);
            let line = px.fresh_name("line", &[]);
            (lines, format!("{} for {line} in {}", stripped(&line), lines.of(px.text)))
        }
    })
}

/// True when nothing but library calls made the value: their types are known. Text put together on the way may be bytes
/// (`b"".join(parts)`), which the analysis does not tell apart.
fn read_as_text(flow: &Flow, site: &Site) -> bool {
    flow.trace.iter().all(|step| match step.what {
        StepKind::Return | StepKind::Argument => false,
        StepKind::Concat => step.place.file == site.file && step.place.span.contains(site.span),
        StepKind::Through => !step.name.ends_with(".join"),
        _ => true,
    })
}
