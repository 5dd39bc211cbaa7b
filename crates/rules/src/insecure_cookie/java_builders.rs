//! Spring's `ResponseCookie`, JAX-RS's `NewCookie`, the servlet container's `SessionCookieConfig`.

use super::{Flag, done, flag, readable, removes};
use crate::{FixCx, Found};
use surefix_dataflow::{ArgFact, CallFact, ConstVal};
use surefix_rewrite::JavaCx;
use surefix_syntax::java as tree;
use surefix_text::{Edit, Fix, Reason, Refusal, Span};

/// The flags of `ResponseCookie.from(…)….build()`, when all of it is seen.
pub(super) fn spring(call: &CallFact) -> Option<(Flag, Flag)> {
    let props = &call.recv.as_ref()?.props;
    let name = props.get("name")?;
    let gone = props.get("maxAge").and_then(|v| v.as_deref()).is_some_and(|v| {
        removes(Some(v)) || v.iter().all(|c| matches!(c, ConstVal::Ref(r) if r.ends_with("Duration.ZERO")))
    });
    if gone {
        return None;
    }
    let prop = |key: &str| match props.get(key) {
        None => Flag::Absent,
        Some(Some(c)) if c.contains(&ConstVal::Bool(false)) => Flag::Off,
        Some(_) => Flag::On,
    };
    let http_only = if readable(name.as_deref()) { Flag::On } else { prop("httpOnly") };
    Some((prop("secure"), http_only))
}

/// Positions of the flags among the arguments of the constructors of `NewCookie`, by their number.
fn positions(count: usize) -> Option<(Option<usize>, Option<usize>)> {
    match count {
        2 => Some((None, None)),
        7 => Some((Some(6), None)),
        8 => Some((Some(6), Some(7))),
        10 => Some((Some(8), Some(9))),
        _ => None,
    }
}

/// The flags that a constructor of `NewCookie` is given.
pub(super) fn jaxrs(call: &CallFact) -> Option<(Flag, Flag)> {
    let (secure, http_only) = positions(call.args.len())?;
    let age = match call.args.len() {
        7 | 8 => call.args.get(5),
        10 => call.args.get(6),
        _ => None,
    };
    if removes(age.and_then(|a| a.consts.as_deref())) {
        return None;
    }
    let at = |p: Option<usize>| flag(p.and_then(|p| call.args.get(p)));
    let name: Option<&ArgFact> = call.args.first();
    let script = readable(name.and_then(|a| a.consts.as_deref()));
    Some((at(secure), if script { Flag::On } else { at(http_only) }))
}

pub(super) fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let Some(call) = found.call() else { return Err(Refusal::new(Reason::NoRecipe, "the call is not known")) };
    let jx = cx.java(found.file);
    jx.no_error_at(call.span)?;
    let mut edits = Vec::new();
    let secure = found.variant != "http-only";
    let http_only = found.variant != "secure";
    if found.variant == "switch" {
        on(&jx, jx.args(call.span).first().copied(), &mut edits)?;
    } else if call.callee.ends_with(".build") {
        builder(&jx, call, secure, http_only, &mut edits)?;
    } else {
        constructor(&jx, call, secure, http_only, &mut edits)?;
    }
    Ok(done(edits))
}

/// `false` becomes `true`.
fn on(jx: &JavaCx<'_>, at: Option<Span>, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
    match at.filter(|s| jx.expr_text(*s) == "false") {
        Some(s) => {
            edits.push(Edit::replace(jx.file, s, "true"));
            Ok(())
        }
        None => Err(Refusal::new(Reason::NonOwnedCallee, "the flag is decided by an expression")),
    }
}

/// Adds the missing links in front of `.build()`, in the chain's own layout; links that switch a flag off are turned.
fn builder(
    jx: &JavaCx<'_>,
    call: &CallFact,
    secure: bool,
    http_only: bool,
    edits: &mut Vec<Edit>,
) -> Result<(), Refusal> {
    let shape = || Refusal::new(Reason::ShapeUnknown, "the call is not the end of a chain");
    let (recv, name) = (jx.receiver(call.span).ok_or_else(shape)?, jx.call_name(call.span).ok_or_else(shape)?);
    let gap = Span::new(recv.hi, name.lo);
    jx.no_comment_inside(gap)?;
    let gap = gap.of(jx.text);
    let mut new = String::new();
    for (wanted, method) in [(secure, "secure"), (http_only, "httpOnly")] {
        if !wanted {
            continue;
        }
        let mut off = None;
        let mut node = jx.node_at(recv);
        while let Some(n) = node.filter(|n| n.kind() == "method_invocation") {
            if n.child_by_field_name("name").is_some_and(|x| jx.node_text(x) == method) {
                off = off.or(Some(jx.args(tree::span_of(n)).first().copied()));
            }
            node = n.child_by_field_name("object");
        }
        match off {
            Some(at) => on(jx, at, edits)?,
            None => new.push_str(&format!("{gap}{method}(true)")),
        }
    }
    if !new.is_empty() {
        edits.push(Edit::insert(jx.file, recv.hi, new));
    }
    Ok(())
}

/// `new NewCookie(name, value)` becomes the constructor with all parts, which the short one calls with the same values.
fn constructor(
    jx: &JavaCx<'_>,
    call: &CallFact,
    secure: bool,
    http_only: bool,
    edits: &mut Vec<Edit>,
) -> Result<(), Refusal> {
    let args = jx.args(call.span);
    let at = |p: Option<usize>| p.and_then(|p| args.get(p)).copied();
    match (args.len(), positions(args.len())) {
        (2, _) => {
            let node = jx.arg_list(call.span).and_then(|l| l.parent());
            let ty = node.and_then(|n| n.child_by_field_name("type")).map_or("NewCookie", |t| jx.node_text(t));
            jx.insert_arg(call.span, 2, &format!("null, null, null, {ty}.DEFAULT_MAX_AGE, true, {http_only}"), edits)
        }
        (7, Some((s, _))) => {
            if secure {
                on(jx, at(s), edits)?;
            }
            jx.insert_arg(call.span, 7, if http_only { "true" } else { "false" }, edits)
        }
        (_, Some((s, h))) => {
            if secure {
                on(jx, at(s), edits)?;
            }
            if http_only {
                on(jx, at(h), edits)?;
            }
            Ok(())
        }
        _ => Err(Refusal::new(Reason::NoRecipe, "this constructor has no flags")),
    }
}
