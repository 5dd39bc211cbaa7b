//! Python: a path that leaves its base directory is rejected where it is built.

use crate::guards::{Draft, Spot, python_guard, python_leave, python_swallowed, python_target};
use crate::origins::Origins;
use crate::{FixCx, Found};
use ruff_python_ast::{Expr, Operator};
use surefix_dataflow::Flow;
use surefix_ir::{BinOp, Callee, Op, ValueId};
use surefix_rewrite::PyCx;
use surefix_syntax::python::span_of;
use surefix_text::{Fix, Reason, Refusal, Span, Tier};

const MESSAGE: &str = "path escapes base directory";

fn no<T>(reason: Reason, detail: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new(reason, detail))
}

fn whole<T>() -> Result<T, Refusal> {
    no(Reason::DecisionNeeded, "the whole path is chosen by the caller and no base directory stands in the code")
}

/// A place where untrusted text is put behind a base directory.
struct Site {
    /// The expression of the path.
    span: Span,
    /// The base directory as source.
    base: String,
    /// The path is a `pathlib` object.
    object: bool,
}

/// Plans the fix.
pub(crate) fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let Some(flow) = &found.flow else { return no(Reason::ShapeUnknown, "the finding has no flow") };
    let Some(origins) = Origins::of_sink(cx.detect, flow) else {
        return no(Reason::ShapeUnknown, "the call is not known well enough");
    };
    let Some((value, arg)) = origins.sink_value(flow) else {
        return no(Reason::ShapeUnknown, "the path is not an argument of the call");
    };
    let py = cx.python(origins.file);
    py.no_error_at(found.span)?;
    let found_site = site(&py, &origins, value, arg, 0);
    let site = match (found_site, cx.decisions.get(found.rule, "base-directories")) {
        (Ok(site), _) => site,
        (Err(_), [base]) => {
            let decided = Site { span: arg, base: py.string_literal(base), object: false };
            let mut fix = guard(&py, flow, &decided, found.span)?;
            fix.assurance.lower(Tier::Decision, "the base directory comes from the configuration");
            return Ok(fix);
        }
        (Err(stop), _) => return Err(stop.with_steps(super::STEPS)),
    };
    let sent = flow.call.callee == "flask.send_file" && site.span == arg && !site.object;
    if sent && let Some(fix) = from_directory(&py, flow, arg)? {
        return Ok(fix);
    }
    guard(&py, flow, &site, found.span)
}

/// `send_file(os.path.join(base, name), …)` → `send_from_directory(base, name, …)`.
fn from_directory(py: &PyCx<'_>, flow: &Flow, arg: Span) -> Result<Option<Fix>, Refusal> {
    let Some(Expr::Call(join)) = py.expr_at(arg) else { return Ok(None) };
    let joined = matches!(&*join.func, Expr::Attribute(a) if a.attr.as_str() == "join");
    let [base, name] = &*join.arguments.args else { return Ok(None) };
    if !joined || !join.arguments.keywords.is_empty() || base.is_starred_expr() || name.is_starred_expr() {
        return Ok(None);
    }
    let call = flow.call.span;
    let known = ["mimetype", "as_attachment", "download_name", "conditional", "etag", "last_modified", "max_age"];
    let args = py.args(call);
    let plain = args.iter().enumerate().all(|(i, a)| i == 0 || a.name.as_deref().is_some_and(|n| known.contains(&n)));
    if !plain {
        return Ok(None);
    }
    let Some(callee) = py.callee(call) else { return Ok(None) };
    let mut draft = Draft::default();
    py.no_comment_inside(arg)?;
    let new = match callee.of(py.text).strip_suffix("send_file") {
        Some(module) if !module.is_empty() => format!("{module}send_from_directory"),
        _ => draft.python_name(py, "flask", "send_from_directory", call)?,
    };
    draft.edits.push(surefix_text::Edit::replace(py.file, callee, new));
    let text = format!("{}, {}", span_of(base).of(py.text), span_of(name).of(py.text));
    draft.edits.push(surefix_text::Edit::replace(py.file, arg, text));
    let why = "paths outside the directory answer 404";
    Ok(Some(draft.done("Send the file from its directory", Tier::AttackOnly, why)))
}

/// Finds the place that builds the path `v`, which the expression at `span` gives.
fn site(py: &PyCx<'_>, o: &Origins<'_>, v: ValueId, span: Span, depth: u32) -> Result<Site, Refusal> {
    if depth > 16 {
        return whole();
    }
    let inner = o.behind(v);
    let at = if inner == v { o.span(v) } else { o.span(inner) };
    let at = if py.expr_at(at).is_some() { at } else { span };
    match o.op(inner) {
        Some(Op::Concat(_) | Op::Bin(BinOp::Add, ..)) => {
            let base = text_base(py, o, inner, at)?;
            Ok(Site { span: at, base, object: false })
        }
        Some(Op::Bin(BinOp::Div, a, _)) => {
            if o.depends(*a) {
                return whole();
            }
            let Some(Expr::BinOp(b)) = py.expr_at(at).filter(|e| matches!(e, Expr::BinOp(b) if b.op == Operator::Div))
            else {
                return whole();
            };
            let left = span_of(&*b.left);
            pure(py, left)?;
            Ok(Site { span: at, base: left.of(py.text).to_string(), object: true })
        }
        Some(Op::Call(c)) => {
            let name = match &c.callee {
                Callee::Method { name, .. } | Callee::Name(name) => o.module.strings.get(*name),
                _ => return whole(),
            };
            match (name.rsplit('.').next().unwrap_or(name), c.args.as_slice()) {
                ("join" | "joinpath", [first, rest @ ..]) if !rest.is_empty() && is_os_path(py, &c.name_span) => {
                    let parts: Vec<ValueId> = c.args.iter().map(|a| a.value).collect();
                    if o.first_tainted(&parts) == Some(0) || o.depends(first.value) {
                        return whole();
                    }
                    pure(py, first.span)?;
                    Ok(Site { span: at, base: first.span.of(py.text).to_string(), object: false })
                }
                ("joinpath", [_, ..]) => {
                    let Callee::Method { recv, .. } = &c.callee else { return whole() };
                    let base = o.span(*recv);
                    if o.depends(*recv) || py.expr_at(base).is_none() {
                        return whole();
                    }
                    pure(py, base)?;
                    Ok(Site { span: at, base: base.of(py.text).to_string(), object: true })
                }
                ("Path" | "PurePath", [first, rest @ ..]) if !rest.is_empty() => {
                    if o.depends(first.value) {
                        return whole();
                    }
                    pure(py, first.span)?;
                    Ok(Site { span: at, base: first.span.of(py.text).to_string(), object: true })
                }
                ("Path" | "str" | "abspath" | "normpath" | "realpath" | "fspath" | "expanduser", [one]) => {
                    site(py, o, one.value, one.span, depth + 1)
                }
                ("resolve" | "absolute" | "strip" | "as_posix", []) => match &c.callee {
                    Callee::Method { recv, .. } => site(py, o, *recv, o.span(*recv), depth + 1),
                    _ => whole(),
                },
                _ => whole(),
            }
        }
        _ => whole(),
    }
}

/// The `join` is that of `os.path`, not of a text.
fn is_os_path(py: &PyCx<'_>, name: &Span) -> bool {
    let before = py.text.get(..name.lo as usize).unwrap_or("");
    before.ends_with("path.") || !before.ends_with('.')
}

fn pure(py: &PyCx<'_>, span: Span) -> Result<(), Refusal> {
    let repeatable = py.is_simple_pure(span)
        || py.expr_at(span).is_some_and(|e| match e {
            Expr::Attribute(_) | Expr::StringLiteral(_) => true,
            Expr::Subscript(s) => s.slice.is_string_literal_expr() && py.is_simple_pure(span_of(&*s.value)),
            _ => false,
        });
    match repeatable {
        true => Ok(()),
        false => no(Reason::SideEffect, "the base directory is computed by a call that a guard would repeat"),
    }
}

/// The directory in front of the first untrusted part of an f-string or of `+`.
fn text_base(py: &PyCx<'_>, o: &Origins<'_>, v: ValueId, at: Span) -> Result<String, Refusal> {
    let Some(parts) = o.parts(v) else { return whole() };
    let plain: Vec<ValueId> = parts
        .iter()
        .map(|p| match o.op(*p) {
            Some(Op::ToText(x, 0, _)) => *x,
            _ => *p,
        })
        .collect();
    let Some(first) = o.first_tainted(&plain) else {
        return no(Reason::ShapeUnknown, "it is not known which part of the path is untrusted");
    };
    let lead = plain.get(..first).unwrap_or_default();
    let mut base: Vec<String> = Vec::new();
    // The last separator decides what is directory and what is the beginning of a name.
    let cut = lead.iter().rposition(|p| o.text(*p).is_some_and(|t| t.contains('/')));
    let Some(cut) = cut else {
        return if lead.is_empty() {
            whole()
        } else {
            no(Reason::ShapeUnknown, "it is not known whether the directory ends in a separator")
        };
    };
    if lead.iter().skip(cut + 1).any(|p| o.text(*p).is_none()) {
        return no(Reason::ShapeUnknown, "it is not known whether the directory ends in a separator");
    }
    for (i, p) in lead.iter().take(cut + 1).enumerate() {
        match o.text(*p) {
            Some(t) => {
                let end = if i == cut { t.rfind('/').map_or(t.len(), |s| s + 1) } else { t.len() };
                base.push(py.string_literal(t.get(..end).unwrap_or(t)));
            }
            None => {
                let span = o.span(*p);
                if py.expr_at(span).is_none() || !at.contains(span) {
                    return no(Reason::ShapeUnknown, "the directory is not one expression");
                }
                pure(py, span)?;
                base.push(span.of(py.text).to_string());
            }
        }
    }
    match base.as_slice() {
        [one] if one.trim_matches(['"', '\'']).chars().all(|c| matches!(c, '/' | '.')) => whole(),
        // `BASE + "/"` names the same directory as `BASE`.
        [one, slash] if slash.trim_matches(['"', '\'']) == "/" => Ok(one.clone()),
        _ => Ok(base.join(" + ")),
    }
}

/// Writes the guard. `sink` is what it must stand in front of.
fn guard(py: &PyCx<'_>, flow: &Flow, site: &Site, sink: Span) -> Result<Fix, Refusal> {
    let mut draft = Draft::default();
    // `path = join(path, name)` leaves no base to compare with behind it.
    let target = python_target(py, site.span).filter(|(name, _)| !super::mentions(&site.base, name));
    let (spot, path) = match target {
        Some((name, stmt)) if !stmt.contains(sink) && !python_swallowed(py, stmt, sink)? => {
            (Spot::After(stmt), name.to_string())
        }
        Some((name, stmt)) if !stmt.contains(sink) => {
            let before = py.hoist_point(sink)?;
            let steady = py.uses(name, sink).is_some_and(|u| u.writes.iter().all(|w| w.stmt == stmt));
            if !steady {
                return no(
                    Reason::ControlFlow,
                    "an exception thrown where the path is built would be caught before its use",
                );
            }
            (Spot::Before(before), name.to_string())
        }
        _ => {
            let before = py.hoist_point(site.span)?;
            if !py.comments_in(site.span).is_empty() {
                return no(Reason::CommentInside, "a comment stands inside the expression that builds the path");
            }
            let source = site.span.of(py.text);
            if simple(py, site.span) {
                (Spot::Before(before), source.to_string())
            } else {
                if !py.first_effect(before, site.span) {
                    return no(Reason::SideEffect, "building the path earlier would change the order of effects");
                }
                let free = |n: &&&str| py.fresh_name(n, &draft.edits) == **n;
                let name = ["path", "file_path", "full_path"].iter().find(free).copied().unwrap_or("path");
                let name = py.fresh_name(name, &draft.edits);
                py.assign_before(before, &name, source, &mut draft.edits)?;
                draft.edits.push(surefix_text::Edit::replace(py.file, with_parentheses(py, site.span), name.clone()));
                (Spot::Before(before), name)
            }
        }
    };
    let at = spot.stmt();
    let lists = ["listdir", "scandir", "walk", "makedirs", "rmtree", "mkdir", "copytree", "chdir", "iterdir", "glob"];
    let names_base = lists.iter().any(|l| flow.call.callee.ends_with(l));
    let os = draft.python_module(py, "os", at)?;
    let full = format!("{os}.path.abspath({path})");
    let full = if names_base { format!("{os}.path.join({full}, \"\")") } else { full };
    let base = format!("{os}.path.join({os}.path.abspath({}), \"\")", site.base);
    let leave = python_leave(py, at, MESSAGE, &mut draft)?;
    python_guard(py, spot, &format!("not {full}.startswith({base})"), &leave, &mut draft)?;
    let why = "only paths outside the base directory are rejected";
    Ok(draft.done("Reject paths outside the base directory", Tier::AttackOnly, why))
}

/// The expression with the parentheses around it that are no call's.
fn with_parentheses(py: &PyCx<'_>, span: Span) -> Span {
    let (head, tail) = (py.text.get(..span.lo as usize).unwrap_or(""), py.text.get(span.hi as usize..).unwrap_or(""));
    let Some(before) = head.strip_suffix('(').filter(|_| tail.starts_with(')')) else { return span };
    let call = before.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | ')' | ']' | '"' | '\''));
    if call { span } else { Span::new(span.lo - 1, span.hi + 1) }
}

/// A variable.
fn simple(py: &PyCx<'_>, span: Span) -> bool {
    py.expr_at(span).is_some_and(Expr::is_name_expr)
}
