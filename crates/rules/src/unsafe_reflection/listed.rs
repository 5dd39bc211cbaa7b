//! Names that the class lists: `if action not in self.actions: return …` in front of `getattr(self, action)`.

use crate::DetectCx;
use ruff_python_ast::{CmpOp, Expr, ExprCompare, Stmt};
use surefix_dataflow::Flow;
use surefix_ir::Lang;
use surefix_rewrite::PyCx;
use surefix_rewrite::python::suite_around;
use surefix_syntax::python::span_of;
use surefix_text::{FileId, Span};

/// True when the name was compared with a list of texts of the class, and only one of them gets to the sink.
pub(super) fn is_listed(cx: &DetectCx<'_>, flow: &Flow) -> bool {
    let file = FileId(flow.call.file);
    let text = cx.text(file);
    if cx.lang(file) != Lang::Python || !text.contains(" in self.") {
        return false;
    }
    let py = PyCx::new(file, text, cx.module(file));
    let Some(arg) = flow.arg.and_then(|i| flow.call.args.get(i)).map(|a| a.span) else { return false };
    let Some(Expr::Name(name)) = py.expr_at(arg) else { return false };
    let given_once = py
        .uses(&name.id, arg)
        .is_some_and(|u| !u.other_binding && u.writes.len() + usize::from(u.param.is_some()) == 1);
    given_once
        && py.path_to(arg).iter().filter_map(|n| suite_around(*n, arg)).any(|body| {
            let at = body.iter().position(|s| span_of(s).contains(arg)).unwrap_or(0);
            body.get(..at).unwrap_or_default().iter().any(|s| match s {
                Stmt::If(s) => {
                    let leaves = matches!(s.body.last(), Some(Stmt::Return(_) | Stmt::Raise(_)));
                    leaves && tests(&py, &s.test, &name.id, CmpOp::NotIn, arg)
                }
                _ => false,
            }) || matches!(body.get(at), Some(Stmt::If(s))
                if s.body.iter().any(|b| span_of(b).contains(arg)) && tests(&py, &s.test, &name.id, CmpOp::In, arg))
        })
}

/// `name in self.listed` with that operator.
fn tests(py: &PyCx<'_>, test: &Expr, name: &str, op: CmpOp, at: Span) -> bool {
    let Expr::Compare(ExprCompare { left, ops, comparators, .. }) = test else { return false };
    let (Expr::Name(n), [found], [Expr::Attribute(a)]) = (&**left, &**ops, &**comparators) else { return false };
    let own = matches!(&*a.value, Expr::Name(s) if s.id.as_str() == "self");
    n.id.as_str() == name && *found == op && own && lists_texts(py, &a.attr, at)
}

/// True when the class around a place gives the attribute a list of texts, and nobody in the module gives it anything else.
fn lists_texts(py: &PyCx<'_>, attribute: &str, at: Span) -> bool {
    use ruff_python_ast::AnyNodeRef as N;
    let class = py.path_to(at).into_iter().rev().find_map(|n| match n {
        N::StmtClassDef(c) => Some(c),
        _ => None,
    });
    let Some(class) = class else { return false };
    let value = class.body.iter().find_map(|s| match s {
        Stmt::Assign(a) if a.targets.iter().any(|t| matches!(t, Expr::Name(n) if n.id.as_str() == attribute)) => {
            Some(&*a.value)
        }
        _ => None,
    });
    let text = |e: &Expr| matches!(e, Expr::StringLiteral(_));
    let constant = match value {
        Some(Expr::Tuple(t)) => t.elts.iter().all(text),
        Some(Expr::List(l)) => l.elts.iter().all(text),
        Some(Expr::Set(s)) => s.elts.iter().all(text),
        Some(Expr::Dict(d)) => d.items.iter().all(|i| i.key.as_ref().is_some_and(text)),
        _ => false,
    };
    let stores = [format!(".{attribute} = "), format!(".{attribute}."), format!(".{attribute}[")];
    constant && !stores.iter().any(|s| py.text.contains(s.as_str()))
}
