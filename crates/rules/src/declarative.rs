//! Declarative call rules: the `fix` rows of model files, the built-in ones and those of users.

use crate::{DetectCx, FixCx, Found, RuleMeta, facts, flows, purpose, removal};
use ruff_python_ast::{AnyNodeRef, Expr, Stmt};
use surefix_dataflow::{ArgFact, CallFact, ConstVal};
use surefix_ir::{Lang, Op, ValueId};
use surefix_models::{Ask, Base, CallFix, Change, FixTier, Path, Test};
use surefix_rewrite::{JavaCx, PyCx};
use surefix_syntax::{java as tree, python as pytree};
use surefix_text::{Assurance, Edit, FileId, Fix, Reason, Refusal, Span, Tier};

/// The variant of findings that a row made.
pub(crate) const VARIANT: &str = "declared";

fn no<T>(reason: Reason, why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new(reason, why))
}

/// Reports the calls that a row of this rule describes.
pub(crate) fn detect(cx: &DetectCx<'_>, meta: &RuleMeta, out: &mut Vec<Found>) {
    for call in flows::watched(cx, meta) {
        if let Some(row) = row(cx, meta.id, call)
            && !(meta.id == "debug-enabled" && asked_for(cx, call))
        {
            out.push(flows::from_call(meta, call, &subject(row), row.message.clone(), VARIANT));
        }
    }
}

/// True when debugging is only switched on under a condition that asks for it (`if config.debug:`): the switch is the setting that the
/// condition reads, and it is off unless somebody sets it.
fn asked_for(cx: &DetectCx<'_>, call: &CallFact) -> bool {
    let file = FileId(call.file);
    if cx.lang(file) != Lang::Python {
        return false;
    }
    let text = cx.text(file);
    let py = PyCx::new(file, text, cx.module(file));
    let asks = |test: &Expr| {
        // Names and texts alike: `config.debug`, `os.environ.get("APP_DEBUG")`, `ENV == "development"`.
        let words = pytree::span_of(test).of(text).replace(['"', '\''], " ");
        !test.is_unary_op_expr() && purpose::names_any(&words, DEVELOPMENT)
    };
    py.path_to(call.span).iter().any(|n| match n {
        // Only the first body: the others run when the condition does not hold.
        AnyNodeRef::StmtIf(s) => s.body.first().zip(s.body.last()).is_some_and(|(first, last)| {
            Span::new(pytree::span_of(first).lo, pytree::span_of(last).hi).contains(call.span) && asks(&s.test)
        }),
        AnyNodeRef::ElifElseClause(c) => c.test.as_ref().is_some_and(asks),
        _ => false,
    })
}

/// Words of conditions that ask whether this is a run for work on the program.
const DEVELOPMENT: &[&str] = &["debug", "dev", "devel", "develop", "development", "devmode"];

/// The first row of the rule that holds for the call.
fn row<'m>(cx: &DetectCx<'m>, rule: &str, call: &CallFact) -> Option<&'m CallFix> {
    let file = FileId(call.file);
    let module = cx.program.modules.get(file.0 as usize)?;
    let instr = module.functions.get(call.func as usize)?.instrs.get(call.value as usize)?;
    // A read of a function is no call of it.
    if !matches!(instr.op, Op::Call(_) | Op::StoreField(..) | Op::StoreIndex(..)) {
        return None;
    }
    cx.models.call_fixes(module.lang, &call.callee).iter().find(|r| {
        r.rule == rule
            && r.sig.as_ref().is_none_or(|s| s.len() == call.args.len())
            && r.when.iter().all(|t| holds(t, call))
    })
}

/// The argument concerned, part of the fingerprint.
fn subject(row: &CallFix) -> String {
    let of_change = row.changes.iter().find_map(|c| match c {
        Change::Set(p, _) | Change::Remove(p) => Some(p),
        _ => None,
    });
    of_change.or(row.when.first().map(|t| &t.input)).map_or_else(|| "call".to_string(), name)
}

fn name(p: &Path) -> String {
    match &p.base {
        Base::Arg { keyword: Some(k), .. } => k.clone(),
        Base::Arg { pos: Some(n), .. } => format!("arg{n}"),
        _ => "call".to_string(),
    }
}

fn position(p: &Path) -> (usize, &str) {
    match &p.base {
        Base::Arg { pos, keyword, .. } => {
            (pos.map_or(facts::KEYWORD_ONLY, usize::from), keyword.as_deref().unwrap_or(""))
        }
        _ => (facts::KEYWORD_ONLY, ""),
    }
}

fn given<'a>(p: &Path, call: &'a CallFact) -> Option<&'a ArgFact> {
    let (at, keyword) = position(p);
    facts::arg(call, at, keyword)
}

fn holds(test: &Test, call: &CallFact) -> bool {
    let arg = given(&test.input, call);
    match &test.ask {
        Ask::Given => arg.is_some(),
        Ask::Absent => arg.is_none() && !facts::hides(call),
        Ask::OneOf(values) => facts::always(arg, |c| values.iter().any(|v| is(c, v))),
        Ask::Below(n) => facts::always(arg, |c| matches!(c, ConstVal::Int(i) if i < n)),
    }
}

fn is(c: &ConstVal, value: &str) -> bool {
    match c {
        ConstVal::Null => value == "null",
        ConstVal::Bool(b) => value == if *b { "true" } else { "false" },
        ConstVal::Int(i) => value == i.to_string(),
        ConstVal::Str(s) => s.eq_ignore_ascii_case(value),
        ConstVal::Ref(_) => facts::refers(c, value),
        ConstVal::Other(s) => s == value,
    }
}

/// The fix of a finding that a row made.
pub(crate) fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let Some(call) = found.call() else { return no(Reason::NoRecipe, "the call is not known") };
    let Some(row) = row(cx.detect, found.rule, call) else {
        return no(Reason::NoRecipe, "no row of a model describes the call");
    };
    if row.changes.is_empty() {
        return Err(Refusal::new(Reason::NoLocalFix, "the model only reports this call").with_steps(row.note.clone()));
    }
    if found.rule == "tls-verification" {
        crate::tls_verification::choice::none_in_call(cx, found)?;
    }
    let mut out = Out { edits: Vec::new(), needs: Vec::new() };
    match cx.detect.lang(found.file) {
        Lang::Java => java(&cx.java(found.file), call, row, &mut out)?,
        Lang::Python => python(&cx.python(found.file), cx.detect, call, row, &mut out)?,
    }
    let tier = match row.tier {
        FixTier::Preserving => Tier::Preserving,
        FixTier::AttackOnly => Tier::AttackOnly,
        FixTier::Observable => Tier::Observable,
    };
    let mut assurance = Assurance::start(tier);
    if !row.note.is_empty() {
        assurance.lower(tier, row.note.clone());
    }
    let needs = out.needs.into_iter().map(|n| (found.file, n)).collect();
    Ok(Fix { title: row.title.clone(), edits: out.edits, assurance, needs })
}

struct Out {
    edits: Vec<Edit>,
    needs: Vec<String>,
}

/// The text of a change with `{a.b.C}` replaced by the names at hand.
fn expand(
    text: &str,
    out: &mut Out,
    mut bring: impl FnMut(&str, &mut Vec<Edit>) -> Result<String, Refusal>,
) -> Result<String, Refusal> {
    let mut done = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        done.push_str(before);
        let Some((name, tail)) = after.split_once('}').filter(|(n, _)| dotted(n)) else {
            done.push('{');
            rest = after;
            continue;
        };
        done.push_str(&bring(name, &mut out.edits)?);
        out.needs.push(name.to_string());
        rest = tail;
    }
    done.push_str(rest);
    Ok(done)
}

fn dotted(s: &str) -> bool {
    s.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && s.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.')
}

/// What stands in the source says itself what it is: a literal, or the name of the constant that the analysis knows.
fn spelled_out(literal: bool, text: &str, arg: &ArgFact, what: &str) -> Result<(), Refusal> {
    let named = |c: &ConstVal| matches!(c, ConstVal::Ref(r) if facts::last(r) == facts::last(text));
    if literal || facts::always(Some(arg), named) {
        return Ok(());
    }
    no(Reason::NonOwnedCallee, format!("the value of {what} is decided elsewhere, not in the call"))
}

fn java(jx: &JavaCx<'_>, call: &CallFact, row: &CallFix, out: &mut Out) -> Result<(), Refusal> {
    jx.no_error_at(call.span)?;
    for change in &row.changes {
        match change {
            Change::Set(path, text) => {
                let (at, _) = position(path);
                let (Some(span), Some(arg)) = (jx.args(call.span).get(at).copied(), given(path, call)) else {
                    return no(Reason::ShapeUnknown, format!("the call has no argument {}", at.saturating_add(1)));
                };
                let kind = jx.node_at(span).map_or("", |n| n.kind());
                let literal = kind.ends_with("_literal") || matches!(kind, "true" | "false");
                spelled_out(literal, jx.expr_text(span), arg, &name(path))?;
                let text = expand(text, out, |n, edits| jx.bring_type(n, edits))?;
                jx.replace_expr(span, &text, &mut out.edits)?;
            }
            Change::Remove(path) => jx.remove_arg(call.span, position(path).0, &mut out.edits)?,
            Change::Callee(to) => java_callee(jx, call, to, out)?,
            Change::Drop => removal::java(jx, call.span, &mut out.edits)?,
        }
    }
    Ok(())
}

fn java_callee(jx: &JavaCx<'_>, call: &CallFact, to: &str, out: &mut Out) -> Result<(), Refusal> {
    let node = jx.arg_list(call.span).and_then(|l| l.parent());
    let Some(node) = node else { return no(Reason::ShapeUnknown, "there is no call at the place") };
    if let Some(method) = to.strip_prefix('.') {
        let Some(name) = jx.call_name(call.span) else { return no(Reason::ShapeUnknown, "the call has no name") };
        out.edits.push(Edit::replace(jx.file, name, method));
        return Ok(());
    }
    out.needs.push(to.to_string());
    if node.kind() == "object_creation_expression" {
        let Some(ty) = node.child_by_field_name("type") else { return no(Reason::TypeUnknown, "nothing is created") };
        let new = jx.bring_type(to, &mut out.edits)?;
        out.edits.push(Edit::replace(jx.file, tree::span_of(ty), new));
        return Ok(());
    }
    let Some(name) = jx.call_name(call.span) else { return no(Reason::ShapeUnknown, "the call has no name") };
    let new = jx.bring_static(to, &mut out.edits)?;
    out.edits.push(Edit::replace(jx.file, Span::new(tree::span_of(node).lo, name.hi), new));
    Ok(())
}

fn python(py: &PyCx<'_>, cx: &DetectCx<'_>, call: &CallFact, row: &CallFix, out: &mut Out) -> Result<(), Refusal> {
    py.no_error_at(call.span)?;
    let is_call = is_call(cx, call);
    let mut fresh: Vec<String> = Vec::new();
    for change in &row.changes {
        match change {
            Change::Set(path, text) => {
                let text = expand(text, out, |n, edits| py.bring(n, call.span, edits))?;
                let what = name(path);
                match (python_arg(py, call, path, is_call), given(path, call)) {
                    (Some(span), Some(arg)) => {
                        let literal = py.expr_at(span).is_some_and(Expr::is_literal_expr);
                        spelled_out(literal, py.expr_text(span), arg, &what)?;
                        py.replace_expr(span, &text, &mut out.edits)?;
                    }
                    (None, None) if is_call && !position(path).1.is_empty() && !facts::hides(call) => {
                        fresh.push(format!("{}={text}", position(path).1));
                    }
                    _ => {
                        return no(
                            Reason::ShapeUnknown,
                            format!("the call has no argument {what} that could be changed"),
                        );
                    }
                }
            }
            Change::Remove(path) => {
                let (at, keyword) = position(path);
                let args = py.args(call.span);
                let named = args.iter().position(|a| a.name.as_deref() == Some(keyword) && !keyword.is_empty());
                py.remove_arg(call.span, named.unwrap_or(at), &mut out.edits)?;
            }
            Change::Callee(to) => python_callee(py, call, to, out)?,
            Change::Drop => removal::python(py, python_statement(py, call, is_call)?, &mut out.edits)?,
        }
    }
    if !fresh.is_empty() {
        let at = py.args(call.span).len();
        py.insert_arg(call.span, at, &fresh.join(", "), &mut out.edits)?;
    }
    Ok(())
}

/// False for an attribute that is only read or set.
pub(crate) fn is_call(cx: &DetectCx<'_>, call: &CallFact) -> bool {
    let module = cx.module(FileId(call.file));
    let func = module.functions.get(call.func as usize);
    func.is_some_and(|f| matches!(f.instr(ValueId(call.value)).op, Op::Call(_)))
}

/// Where the argument stands: in the call, or on the right side of an assignment to an attribute.
fn python_arg(py: &PyCx<'_>, call: &CallFact, path: &Path, is_call: bool) -> Option<Span> {
    let (at, keyword) = position(path);
    if !is_call {
        return assigned(py, call.span).filter(|_| at == 0);
    }
    let args = py.args(call.span);
    let named = args.iter().find(|a| !keyword.is_empty() && a.name.as_deref() == Some(keyword));
    named.or_else(|| args.get(at).filter(|a| a.name.is_none() && !a.unpacked)).map(|a| a.value)
}

/// The value of the assignment with one target around `span`.
pub(crate) fn assigned(py: &PyCx<'_>, span: Span) -> Option<Span> {
    match py.covering_stmt(span)? {
        Stmt::Assign(a) if a.targets.len() == 1 => Some(pytree::span_of(&*a.value)),
        Stmt::AnnAssign(a) => a.value.as_deref().map(pytree::span_of),
        _ => None,
    }
}

/// The variable to which the value of the call at `span`, and nothing else, is assigned.
pub(crate) fn assigned_name<'t>(py: &PyCx<'t>, span: Span) -> Option<&'t str> {
    let target = match py.covering_stmt(span)? {
        Stmt::Assign(a) => match a.targets.as_slice() {
            [one] if pytree::span_of(&*a.value) == span => one,
            _ => return None,
        },
        Stmt::AnnAssign(a) if a.value.as_deref().is_some_and(|v| pytree::span_of(v) == span) => &*a.target,
        _ => return None,
    };
    target.is_name_expr().then(|| py.expr_text(pytree::span_of(target)))
}

/// The statement that is nothing but the call or the assignment.
fn python_statement(py: &PyCx<'_>, call: &CallFact, is_call: bool) -> Result<Span, Refusal> {
    let stmt = py.covering_stmt(call.span);
    let whole = match stmt {
        Some(Stmt::Expr(e)) => pytree::span_of(&*e.value) == call.span,
        Some(Stmt::Assign(a)) => !is_call && a.targets.len() == 1,
        _ => false,
    };
    match stmt {
        Some(s) if whole => Ok(pytree::span_of(s)),
        _ => no(Reason::ControlFlow, "the call is part of an expression, so it cannot be taken out as a statement"),
    }
}

fn python_callee(py: &PyCx<'_>, call: &CallFact, to: &str, out: &mut Out) -> Result<(), Refusal> {
    if let Some(method) = to.strip_prefix('.') {
        let Some(name) = py.call_name(call.span) else { return no(Reason::ShapeUnknown, "the call has no name") };
        out.edits.push(Edit::replace(py.file, name, method));
        return Ok(());
    }
    let Some(callee) = py.callee(call.span) else { return no(Reason::ShapeUnknown, "the call has no plain callee") };
    let Some((module, function)) = to.rsplit_once('.') else {
        return no(Reason::NoRecipe, "the model names no module for the new function");
    };
    let new = py.bring_from(module, function, call.span, &mut out.edits)?;
    out.needs.push(to.to_string());
    out.edits.push(Edit::replace(py.file, callee, new));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_braces_are_brought() {
        let mut out = Out { edits: Vec::new(), needs: Vec::new() };
        let text = expand("new {a.b.C}({1}, {})", &mut out, |n, _| Ok(facts::last(n).to_string()));
        assert_eq!(text.as_deref(), Ok("new C({1}, {})"));
        assert_eq!(out.needs, ["a.b.C"]);
    }

    #[test]
    fn constants_match_by_kind() {
        assert!(is(&ConstVal::Str("sslv3".into()), "SSLv3"));
        assert!(is(&ConstVal::Bool(false), "false"));
        assert!(!is(&ConstVal::Str("false ".into()), "false"));
        assert!(is(&ConstVal::Ref("ssl.CERT_NONE".into()), "CERT_NONE"));
        assert!(!is(&ConstVal::Ref("ssl.MY_CERT_NONE".into()), "CERT_NONE"));
    }
}
