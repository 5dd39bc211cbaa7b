//! Python: stack traces in responses.

use crate::operands;
use crate::syntaxes::PyText;
use crate::{FixCx, Found};
use ruff_python_ast::{AnyNodeRef, Expr, Stmt};
use surefix_models::SourceKind;
use surefix_rewrite::PyCx;
use surefix_text::{Assurance, Edit, Fix, Reason, Refusal, Span, Tier};

const STEPS: &str = "1. Log the exception on the server, with an identifier.\n\
    2. Answer with a constant text, and the identifier if users are to report it.\n\
    3. Keep the response's status.";

/// Plans the fix.
pub fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let Some(flow) = &found.flow else {
        return Err(Refusal::new(Reason::NoRecipe, "no recipe covers this shape"));
    };
    if flow.source == Some(SourceKind::Secret) {
        return Err(Refusal::new(Reason::NoLocalFix, "a credential is part of the response")
            .with_steps("Leave the credential out of the response, and change it if it has been sent."));
    }
    let syntax = PyText::new(cx);
    let px = syntax.file(found.file);
    px.no_error_at(flow.call.span)?;
    let Some(handler) = handler_at(&px, flow.call.span) else {
        return Err(Refusal::new(Reason::NoLocalFix, "the response is not made where the exception is caught")
            .with_steps(STEPS));
    };
    let arg = match flow.arg {
        Some(i) => px.args(flow.call.span).get(i).map(|a| a.value),
        None => Some(flow.call.span),
    };
    let Some(arg) = arg else {
        return Err(Refusal::new(Reason::ShapeUnknown, "the response's text is no argument of the call"));
    };
    let source = flow.trace.first().map(|s| s.place).filter(|p| p.file == found.file && arg.contains(p.span));
    let mut edits: Vec<Edit> = Vec::new();
    let span = match source {
        Some(p) => p.span,
        None => {
            let sites = operands::sites(cx, &syntax, flow, arg, |_| false)?;
            match sites.as_slice() {
                [s] if s.file == found.file && arg.contains(s.span) && !is_container(&px, s.span) => s.span,
                _ => {
                    return Err(Refusal::new(Reason::ShapeUnknown, "the response's text is put together elsewhere")
                        .with_steps(STEPS));
                }
            }
        }
    };
    let in_field = px.path_to(span).iter().any(|n| matches!(n, AnyNodeRef::ExprFString(_)));
    if in_field {
        return Err(
            Refusal::new(Reason::ShapeUnknown, "the exception's text is a field of a longer text").with_steps(STEPS)
        );
    }
    px.replace_expr(span, &px.string_literal("Internal server error"), &mut edits)?;
    if !logs(&px, handler) {
        let Some(stmt) = px.stmt_of(flow.call.span) else {
            return Err(Refusal::new(Reason::ControlFlow, "the response is not made by a statement"));
        };
        let stmt = px.hoist_point(flow.call.span).unwrap_or(stmt);
        let logger = logger(&px, stmt, &mut edits)?;
        let line = format!("{logger}.exception({})", px.string_literal("Request failed"));
        px.insert_before_stmt(stmt, &[&line], &mut edits)?;
    }
    let mut assurance = Assurance::start(Tier::Observable);
    assurance.lower(Tier::Observable, "clients no longer see the exception's text");
    Ok(Fix { title: "Answer with a constant text and log the exception".into(), edits, assurance, needs: Vec::new() })
}

fn is_container(px: &PyCx<'_>, span: Span) -> bool {
    matches!(px.expr_at(span), Some(Expr::Dict(_) | Expr::List(_) | Expr::Tuple(_) | Expr::Set(_)))
}

/// The innermost `except` clause around `span`, inside the same function.
fn handler_at(px: &PyCx<'_>, span: Span) -> Option<Span> {
    let function = px.function_of(span);
    px.path_to(span).into_iter().rev().find_map(|n| match n {
        AnyNodeRef::ExceptHandlerExceptHandler(h) => {
            let s = surefix_syntax::python::span_of(h);
            function.is_none_or(|f| f.contains(s)).then_some(s)
        }
        _ => None,
    })
}

/// True when the handler logs already.
fn logs(px: &PyCx<'_>, handler: Span) -> bool {
    let text = handler.of(px.text);
    [".exception(", ".error(", ".critical(", "exc_info="].iter().any(|k| text.contains(k))
}

/// A logger of the module, else the logging module.
fn logger(px: &PyCx<'_>, at: Span, edits: &mut Vec<Edit>) -> Result<String, Refusal> {
    for stmt in &px.tree().body {
        if let Stmt::Assign(a) = stmt
            && let [Expr::Name(n)] = a.targets.as_slice()
            && let Expr::Call(c) = &*a.value
            && matches!(&*c.func, Expr::Attribute(f) if f.attr.as_str() == "getLogger")
        {
            return Ok(n.id.to_string());
        }
    }
    px.bring("logging", at, edits)
}
