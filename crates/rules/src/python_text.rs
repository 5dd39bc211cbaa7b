//! Which Python expressions are certainly texts (`str`, neither bytes nor None): `str()` around them would be noise.

use ruff_python_ast::{AnyNodeRef, Expr, ExprCall, Operator, Stmt};
use surefix_rewrite::PyCx;
use surefix_rewrite::python::walk;
use surefix_syntax::python::span_of;
use surefix_text::Span;

/// Methods that answer a text when they are called on one.
const KEEP: &[&str] = &[
    "strip",
    "lstrip",
    "rstrip",
    "replace",
    "removeprefix",
    "removesuffix",
    "lower",
    "upper",
    "title",
    "format",
    "join",
];

/// Methods that only a text has when they are given a literal text (bytes take bytes).
const TELL: &[&str] = &[
    "startswith",
    "endswith",
    "strip",
    "lstrip",
    "rstrip",
    "split",
    "rsplit",
    "partition",
    "rpartition",
    "removeprefix",
    "removesuffix",
];

/// True when the expression at `span` is a text whatever happens.
pub(crate) fn is_text(px: &PyCx<'_>, span: Span) -> bool {
    px.expr_at(span).is_some_and(|e| text(px, e, 0))
}

fn text(px: &PyCx<'_>, expr: &Expr, depth: u32) -> bool {
    if depth > 8 {
        return false;
    }
    let inner = |e: &Expr| text(px, e, depth + 1);
    match expr {
        Expr::StringLiteral(_) | Expr::FString(_) => true,
        Expr::BinOp(b) => match b.op {
            Operator::Add => inner(&b.left) || inner(&b.right),
            Operator::Mod => inner(&b.left),
            _ => false,
        },
        Expr::Call(c) => match &*c.func {
            Expr::Name(n) => matches!(n.id.as_str(), "str" | "repr") && px.uses(&n.id, span_of(n)).is_none(),
            Expr::Attribute(a) => {
                (KEEP.contains(&a.attr.as_str()) && inner(&a.value)) || (tells(c) && KEEP.contains(&a.attr.as_str()))
            }
            _ => false,
        },
        Expr::Name(n) => name(px, &n.id, span_of(n), depth),
        _ => false,
    }
}

/// A call of a method with a literal text that only texts take.
fn tells(call: &ExprCall) -> bool {
    let Expr::Attribute(a) = &*call.func else { return false };
    let literal = |e: &Expr| matches!(e, Expr::StringLiteral(_));
    match call.arguments.args.as_ref() {
        [first, ..] if TELL.contains(&a.attr.as_str()) => literal(first),
        [a0, a1] => a.attr.as_str() == "replace" && literal(a0) && literal(a1),
        _ => false,
    }
}

fn name(px: &PyCx<'_>, name: &str, at: Span, depth: u32) -> bool {
    let Some(uses) = px.uses(name, at) else { return false };
    if uses.other_binding || uses.is_global || uses.captured {
        return false;
    }
    let written =
        uses.writes.iter().all(|w| w.value.and_then(|v| px.expr_at(v)).is_some_and(|v| text(px, v, depth + 1)));
    written && if uses.param.is_some() { used_as_text(px, name, at) } else { !uses.writes.is_empty() }
}

/// True when a statement of the function that runs before the one around `at` calls a method of the variable that only texts have.
fn used_as_text(px: &PyCx<'_>, name: &str, at: Span) -> bool {
    let path = px.path_to(at);
    let Some(AnyNodeRef::StmtFunctionDef(f)) = path.iter().rev().find(|n| matches!(n, AnyNodeRef::StmtFunctionDef(_)))
    else {
        return false;
    };
    f.body.iter().take_while(|s| span_of(*s).hi <= at.lo).any(|s| match s {
        Stmt::Assign(s) => uses_as_text(&s.value, name),
        Stmt::Expr(s) => uses_as_text(&s.value, name),
        Stmt::If(s) => uses_as_text(&s.test, name),
        _ => false,
    })
}

/// True when the expression calls such a method whatever else it does.
fn uses_as_text(expr: &Expr, name: &str) -> bool {
    let mut found = false;
    walk(AnyNodeRef::from(expr), &mut |n| {
        if let AnyNodeRef::ExprCall(c) = n
            && let Expr::Attribute(a) = &*c.func
            && matches!(&*a.value, Expr::Name(n) if n.id.as_str() == name)
            && tells(c)
        {
            found = true;
        }
        // What may not run tells nothing.
        !matches!(
            n,
            AnyNodeRef::ExprBoolOp(_)
                | AnyNodeRef::ExprIf(_)
                | AnyNodeRef::ExprLambda(_)
                | AnyNodeRef::ExprGenerator(_)
                | AnyNodeRef::ExprListComp(_)
                | AnyNodeRef::ExprSetComp(_)
                | AnyNodeRef::ExprDictComp(_)
        )
    });
    found
}
