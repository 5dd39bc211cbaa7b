//! Python values: what a recipe may assume of them.

use ruff_python_ast::Expr;
use surefix_rewrite::PyCx;
use surefix_text::Span;

/// The expression, or the one value its variable gets, may be `None`: a look-up without default, or a call.
pub(crate) fn may_be_none(cx: &PyCx<'_>, expr: Span) -> bool {
    let mut at = expr;
    for _ in 0..4 {
        match cx.expr_at(at) {
            Some(Expr::Name(n)) => match cx.uses(&n.id, at) {
                Some(u) if u.param.is_none() && u.is_single_assignment() => {
                    match u.writes.first().and_then(|w| w.value) {
                        Some(v) => at = v,
                        None => return true,
                    }
                }
                Some(u) if u.param.is_some() => {
                    let default = u.param.is_some_and(|p| p.of(cx.text).contains("None"));
                    return default || !u.writes.is_empty();
                }
                _ => return true,
            },
            Some(Expr::Subscript(_) | Expr::FString(_) | Expr::StringLiteral(_) | Expr::BinOp(_)) => return false,
            Some(Expr::Call(c)) => {
                return match &*c.func {
                    Expr::Attribute(a) => match a.attr.as_str() {
                        "get" => c.arguments.args.len() < 2 && c.arguments.keywords.is_empty(),
                        "strip" | "lower" | "upper" | "replace" | "format" | "join" | "decode" | "title" => false,
                        _ => true,
                    },
                    Expr::Name(n) => !matches!(n.id.as_str(), "str" | "input" | "repr"),
                    _ => true,
                };
            }
            _ => return true,
        }
    }
    true
}

/// The value is the same when it is evaluated later in the function: a variable that is not assigned again.
pub(crate) fn keeps(cx: &PyCx<'_>, expr: Span) -> bool {
    let Some(Expr::Name(n)) = cx.expr_at(expr) else { return false };
    cx.uses(&n.id, expr).is_some_and(|u| {
        let later = u.writes.iter().any(|w| w.stmt.lo > expr.lo);
        !later && !u.other_binding && (!u.is_global || u.is_single_assignment())
    })
}

/// A name for a local that holds `expr`.
pub(crate) fn name_for(cx: &PyCx<'_>, expr: Span) -> String {
    let word = |s: &str| {
        let out: String =
            s.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
        out.trim_matches('_').to_string()
    };
    let literal = |e: &Expr| match e {
        Expr::StringLiteral(s) => Some(word(s.value.to_str())),
        _ => None,
    };
    let name = match cx.expr_at(expr) {
        Some(Expr::Call(c)) => c.arguments.args.first().and_then(literal),
        Some(Expr::Subscript(s)) => literal(&s.slice),
        Some(Expr::Attribute(a)) => Some(word(a.attr.as_str())),
        _ => None,
    };
    match name {
        Some(n) if n.chars().next().is_some_and(|c| c.is_ascii_lowercase()) && n.len() <= 30 => n,
        _ => "value".to_string(),
    }
}
