//! Targets that are meant to be pages of the same site: the check that only those pass, and how it looks.

use crate::guards::{Draft, Spot, python_guard};
use crate::{DetectCx, FixCx, Found};
use ruff_python_ast::{BoolOp, CmpOp, Expr, Stmt, UnaryOp};
use surefix_dataflow::Flow;
use surefix_ir::Lang;
use surefix_rewrite::PyCx;
use surefix_rewrite::python::suite_around;
use surefix_syntax::python::span_of;
use surefix_text::{FileId, Fix, Reason, Refusal, Span, Tier};

/// Parameters that carry the page to go back to: login pages fill them with a path of their own site.
const BACK: &[&str] = &["next", "next_page", "next_url", "return_to", "came_from", "back", "redirect_to"];

/// The check in front of the redirect, where the target is a variable that is meant to hold a path of this site.
pub(super) fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Option<Fix>, Refusal> {
    let py = cx.python(found.file);
    let Some(flow) = &found.flow else { return Ok(None) };
    let Some(arg) = flow.arg.and_then(|i| flow.call.args.get(i)).map(|a| value_span(&py, a.span)) else {
        return Ok(None);
    };
    let Some(Expr::Name(name)) = py.expr_at(arg) else { return Ok(None) };
    let name = name.id.as_str();
    let Some(uses) = py.uses(name, arg).filter(|u| !u.is_global && !u.other_binding && !u.captured) else {
        return Ok(None);
    };
    if asks_elsewhere(&py, name, arg) {
        let why = "the function compares the target with an address by itself, and a check for paths alone would turn away what passes there";
        return Err(Refusal::new(Reason::DecisionNeeded, why).with_steps(super::STEPS));
    }
    let local = uses.writes.iter().filter_map(|w| w.value).filter_map(|v| py.expr_at(v)).any(is_local);
    if !local || uses.writes.iter().any(|w| w.value.is_none()) {
        return Ok(None);
    }
    let before = py.hoist_point(arg)?;
    if py.function_of(before).is_none() {
        return Err(Refusal::new(Reason::ControlFlow, "the redirect is no part of a function"));
    }
    let (slash, two, back) = (py.string_literal("/"), py.string_literal("//"), py.string_literal("\\"));
    let condition = format!(
        "not {name}.startswith({slash}) or {name}.startswith({two}) or {back} in {name} or not {name}.isprintable()"
    );
    let mut draft = Draft::default();
    python_guard(&py, Spot::Before(before), &condition, &format!("{name} = {slash}"), &mut draft)?;
    let why = "targets on other sites, and targets that are no path from the root, lead to the start page";
    Ok(Some(draft.done("Redirect within the site only", Tier::AttackOnly, why)))
}

/// True when the function around a place asks whether the target begins with something that is no text of its own.
fn asks_elsewhere(py: &PyCx<'_>, name: &str, at: Span) -> bool {
    let around = py.function_of(at).map_or("", |f| f.of(py.text));
    around.match_indices(&format!("{name}.startswith(")).any(|(i, m)| {
        let rest = around.get(i + m.len()..).unwrap_or("").trim_start();
        !rest.starts_with(['"', '\'', '('])
    })
}

/// The value of an argument, without its keyword.
fn value_span(py: &PyCx<'_>, arg: Span) -> Span {
    match py.expr_at(arg) {
        Some(_) => arg,
        None => arg.of(py.text).find('=').map_or(arg, |i| {
            let rest = arg.of(py.text).get(i + 1..).unwrap_or("");
            let blanks = rest.len() - rest.trim_start().len();
            Span::new(arg.lo + u32::try_from(i + 1 + blanks).unwrap_or(0), arg.hi)
        }),
    }
}

/// The value is meant to be a path of this site: its parameter's name says so, or what stands in for it is one.
fn is_local(value: &Expr) -> bool {
    let path = |e: &Expr| match e {
        Expr::StringLiteral(s) => s.value.to_str().starts_with('/') && !s.value.to_str().starts_with("//"),
        Expr::Call(c) => match &*c.func {
            Expr::Name(n) => matches!(n.id.as_str(), "url_for" | "reverse"),
            Expr::Attribute(a) => matches!(a.attr.as_str(), "url_for" | "url_path_for" | "reverse"),
            _ => false,
        },
        _ => false,
    };
    let back = |e: &Expr| match e {
        Expr::StringLiteral(s) => BACK.contains(&s.value.to_str().to_ascii_lowercase().replace('-', "_").as_str()),
        _ => false,
    };
    match value {
        Expr::BoolOp(b) if b.op == BoolOp::Or => b.values.iter().any(|v| path(v) || is_local(v)),
        Expr::If(i) => path(&i.orelse) || is_local(&i.body),
        Expr::Subscript(s) => back(&s.slice),
        Expr::Call(c) => {
            let get =
                matches!(&*c.func, Expr::Attribute(a) if matches!(a.attr.as_str(), "get" | "pop" | "get_argument"));
            get && (c.arguments.args.first().is_some_and(back)
                || c.arguments.args.get(1).is_some_and(path)
                || c.arguments.keywords.iter().any(|k| path(&k.value)))
        }
        _ => false,
    }
}

/// True when a statement in front of the redirect, in the same block, sends every target away that is no path of this site.
pub(super) fn is_checked(cx: &DetectCx<'_>, flow: &Flow) -> bool {
    let file = FileId(flow.call.file);
    let text = cx.text(file);
    if cx.lang(file) != Lang::Python || !text.contains(".startswith(") {
        return false;
    }
    let py = PyCx::new(file, text, cx.module(file));
    let Some(arg) = flow.arg.and_then(|i| flow.call.args.get(i)).map(|a| value_span(&py, a.span)) else { return false };
    let Some(Expr::Name(name)) = py.expr_at(arg) else { return false };
    let path = py.path_to(arg);
    let bodies = path.iter().filter_map(|n| suite_around(*n, arg));
    bodies.into_iter().any(|body| {
        let at = body.iter().position(|s| span_of(s).contains(arg)).unwrap_or(0);
        let mut before = body.get(..at).unwrap_or_default().iter().rev();
        // Nothing may assign the target between the check and the redirect.
        before
            .by_ref()
            .take_while(|s| !assigns(&py, s, &name.id) || sends_away(s, &name.id))
            .any(|s| sends_away(s, &name.id))
    })
}

fn assigns(py: &PyCx<'_>, stmt: &Stmt, name: &str) -> bool {
    let span = span_of(stmt);
    py.uses(name, span).is_none_or(|u| u.other_binding || u.writes.iter().any(|w| span.contains(w.stmt)))
}

/// `if not x.startswith("/") or x.startswith("//") or "\\" in x or not x.isprintable():` with a body that gives `x` a constant path or
/// leaves the function.
fn sends_away(stmt: &Stmt, name: &str) -> bool {
    let Stmt::If(s) = stmt else { return false };
    if leaves_own_site(s, name) {
        return true;
    }
    let Expr::BoolOp(test) = &*s.test else { return false };
    if test.op != BoolOp::Or {
        return false;
    }
    let is = |e: &Expr| matches!(e, Expr::Name(n) if n.id.as_str() == name);
    let text = |e: &Expr| match e {
        Expr::StringLiteral(s) => s.value.to_str().to_string(),
        _ => String::new(),
    };
    let asks = |e: &Expr, method: &str| match e {
        Expr::Call(c) => match &*c.func {
            Expr::Attribute(a) if a.attr.as_str() == method && is(&a.value) => {
                Some(c.arguments.args.first().map(text).unwrap_or_default())
            }
            _ => None,
        },
        _ => None,
    };
    let not = |e: &Expr| match e {
        Expr::UnaryOp(u) if u.op == UnaryOp::Not => Some(u.operand.clone()),
        _ => None,
    };
    let any = |f: &dyn Fn(&Expr) -> bool| test.values.iter().any(f);
    let rooted = any(&|e| not(e).is_some_and(|e| asks(&e, "startswith").as_deref() == Some("/")));
    let doubled = any(&|e| asks(e, "startswith").as_deref() == Some("//"));
    let backslash = any(&|e| match e {
        Expr::Compare(c) => {
            matches!(&*c.ops, [CmpOp::In]) && text(&c.left) == "\\" && c.comparators.first().is_some_and(is)
        }
        _ => false,
    });
    let printable = any(&|e| not(e).is_some_and(|e| asks(&e, "isprintable").is_some()));
    let leaves = match s.body.last() {
        Some(Stmt::Return(_) | Stmt::Raise(_)) => true,
        Some(Stmt::Expr(e)) => {
            matches!(&*e.value, Expr::Call(c) if matches!(&*c.func, Expr::Name(n) if n.id == "abort"))
        }
        Some(Stmt::Assign(a)) => {
            let path = text(&a.value);
            a.targets.iter().any(is) && path.starts_with('/') && !path.starts_with("//")
        }
        _ => false,
    };
    rooted && doubled && backslash && printable && leaves
}

/// Addresses of the request's own site, which end with a slash: nothing of another host begins with them.
const OWN: &[&str] = &["host_url", "url_root", "root_url"];

/// `if not x.startswith(request.host_url):` (or with more conditions joined by `or`) with a body that gives `x` an address of this site or
/// leaves the function.
fn leaves_own_site(s: &ruff_python_ast::StmtIf, name: &str) -> bool {
    let is = |e: &Expr| matches!(e, Expr::Name(n) if n.id.as_str() == name);
    let other = |e: &Expr| {
        let Expr::UnaryOp(u) = e else { return false };
        let Expr::Call(c) = &*u.operand else { return false };
        let Expr::Attribute(method) = &*c.func else { return false };
        let own = |e: &Expr| {
            matches!(e, Expr::Attribute(a)
                if OWN.contains(&a.attr.as_str()) && matches!(&*a.value, Expr::Name(n) if n.id.as_str() == "request"))
        };
        let starts = u.op == UnaryOp::Not && method.attr.as_str() == "startswith" && is(&method.value);
        starts && c.arguments.args.first().is_some_and(own)
    };
    let tested = match &*s.test {
        Expr::BoolOp(b) if b.op == BoolOp::Or => b.values.iter().any(other),
        e => other(e),
    };
    let home = |e: &Expr| match e {
        Expr::Call(c) => matches!(&*c.func, Expr::Name(n) if matches!(n.id.as_str(), "url_for" | "reverse")),
        Expr::StringLiteral(t) => t.value.to_str().starts_with('/') && !t.value.to_str().starts_with("//"),
        _ => false,
    };
    tested
        && match s.body.last() {
            Some(Stmt::Return(_) | Stmt::Raise(_)) => true,
            Some(Stmt::Assign(a)) => a.targets.iter().any(is) && home(&a.value),
            _ => false,
        }
}
