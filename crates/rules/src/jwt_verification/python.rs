//! PyJWT and python-jose.

use super::no_key;
use crate::{Confidence, DetectCx, FixCx, Found, declarative, facts};
use ruff_python_ast::Expr;
use surefix_dataflow::CallFact;
use surefix_rewrite::PyCx;
use surefix_syntax::python::span_of;
use surefix_text::{Edit, FileId, Reason, Refusal, Span};

/// What shape of unverified token a watched call is.
pub(super) fn judge(cx: &DetectCx<'_>, call: &CallFact) -> Option<(&'static str, Confidence)> {
    let file = FileId(call.file);
    let py = PyCx::new(file, cx.text(file), cx.module(file));
    let decodes = matches!(
        call.callee.as_str(),
        "jwt.decode" | "jwt.decode_complete" | "jwt.PyJWT.decode" | "jwt.PyJWT.decode_complete" | "jose.jwt.decode"
    );
    if !decodes {
        return None;
    }
    let variant = if off_in_options(&py, call.span).is_some() {
        "options"
    } else if facts::is_bool(facts::arg(call, facts::KEYWORD_ONLY, "verify"), false) {
        "verify"
    } else if none_allowed(&py, call.span) {
        "none"
    } else {
        return None;
    };
    // Claims are often read first to find the key with which the token is then verified.
    let text = cx.text(file);
    let code = cx.module(file).functions.get(call.func as usize).map_or(text, |f| f.span.of(text));
    let again = variant != "none"
        && ((code.matches(".decode(").count() > 1 && code.contains("algorithms=")) || said_unverified(&py, call.span));
    Some((variant, if again { Confidence::Low } else { Confidence::High }))
}

/// The result's name says that it is not to be believed: the claims are read to find out who has to verify the token.
fn said_unverified(py: &PyCx<'_>, call: Span) -> bool {
    declarative::assigned_name(py, call).is_some_and(|n| n.to_ascii_lowercase().contains("unverified"))
}

/// The `"verify_signature": False` entry of the options that are written in the call.
fn off_in_options(py: &PyCx<'_>, call: Span) -> Option<Span> {
    let Some(Expr::Dict(d)) = py.keyword(call, "options").and_then(|s| py.expr_at(s)) else { return None };
    d.items.iter().find_map(|i| {
        let key = i.key.as_ref()?;
        let off = matches!(&i.value, Expr::BooleanLiteral(b) if !b.value);
        let named = matches!(key, Expr::StringLiteral(s) if s.value.to_str() == "verify_signature");
        (named && off).then(|| Span::new(span_of(key).lo, span_of(&i.value).hi))
    })
}

/// `algorithms=["none"]`.
fn none_allowed(py: &PyCx<'_>, call: Span) -> bool {
    match py.keyword(call, "algorithms").and_then(|s| py.expr_at(s)) {
        Some(Expr::List(l)) => {
            l.elts.iter().any(|e| matches!(e, Expr::StringLiteral(s) if s.value.to_str().eq_ignore_ascii_case("none")))
        }
        _ => false,
    }
}

pub(super) fn fix(cx: &FixCx<'_>, found: &Found, call: &CallFact, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
    let py = cx.python(found.file);
    py.no_error_at(call.span)?;
    if found.variant == "none" {
        return Err(no_key("the call accepts tokens without a signature"));
    }
    let args = py.args(call.span);
    // With the check switched on, PyJWT wants a key and the algorithms, and raises an error for every token otherwise.
    let key =
        args.iter().filter(|a| a.name.is_none()).nth(1).or(args.iter().find(|a| a.name.as_deref() == Some("key")));
    let empty = |s: Span| matches!(py.expr_text(s), "None" | "\"\"" | "''" | "b\"\"" | "b''");
    if key.is_none_or(|k| k.unpacked || empty(k.value)) {
        return Err(no_key("the call is given no key"));
    }
    let third = args.iter().filter(|a| a.name.is_none()).nth(2);
    let algorithms = args.iter().find(|a| a.name.as_deref() == Some("algorithms")).or(third);
    if algorithms.is_none_or(|a| a.unpacked || empty(a.value)) {
        return Err(no_key("the call does not say which algorithms are allowed"));
    }
    if found.variant == "verify" {
        return py.remove_keyword(call.span, "verify", edits);
    }
    let (Some(entry), Some(options)) = (off_in_options(&py, call.span), py.keyword(call.span, "options")) else {
        return Err(Refusal::new(Reason::ShapeUnknown, "the options are not written in the call"));
    };
    let Some(Expr::Dict(d)) = py.expr_at(options) else {
        return Err(Refusal::new(Reason::ShapeUnknown, "the options are not written in the call"));
    };
    if d.items.len() == 1 {
        return py.remove_keyword(call.span, "options", edits);
    }
    // The other options stay as they are.
    let value = Span::new(entry.hi.saturating_sub(5), entry.hi);
    if value.of(py.text) != "False" {
        return Err(Refusal::new(Reason::ShapeUnknown, "the option is not written as False"));
    }
    edits.push(Edit::replace(py.file, value, "True"));
    Ok(())
}
