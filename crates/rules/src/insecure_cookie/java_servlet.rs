//! `setSecure(true)` and `setHttpOnly(true)` in front of `addCookie`.

use super::NOTICED;
use crate::{FixCx, Found};
use surefix_dataflow::CallFact;
use surefix_rewrite::JavaCx;
use surefix_syntax::java as tree;
use surefix_text::{Assurance, Edit, Fix, Reason, Refusal, Span, Tier};
use tree_sitter::Node;

fn no<T>(reason: Reason, why: &str) -> Result<T, Refusal> {
    Err(Refusal::new(reason, why))
}

pub(super) fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let Some(call) = found.call() else { return no(Reason::NoRecipe, "the call is not known") };
    let jx = cx.java(found.file);
    let Some(arg) = jx.args(call.span).first().copied() else {
        return no(Reason::ShapeUnknown, "the call has no cookie");
    };
    let mut edits = Vec::new();
    let wanted: &[&str] = match found.variant {
        "secure" => &["setSecure"],
        "http-only" => &["setHttpOnly"],
        _ => &["setSecure", "setHttpOnly"],
    };
    match jx.node_at(arg).map(|n| n.kind()) {
        Some("identifier") => on_variable(&jx, call, arg, wanted, &mut edits)?,
        Some("object_creation_expression") => inline(&jx, call, arg, wanted, &mut edits)?,
        _ => return no(Reason::NonOwnedCallee, "the cookie is made somewhere else"),
    }
    let mut assurance = Assurance::start(Tier::Observable);
    assurance.lower(Tier::Observable, NOTICED);
    Ok(Fix { title: "Set the flags that protect the cookie".to_string(), edits, assurance, needs: Vec::new() })
}

/// The cookie is a variable: what switches a flag off is switched on, what is missing is inserted before `addCookie`.
fn on_variable(
    jx: &JavaCx<'_>,
    call: &CallFact,
    arg: Span,
    wanted: &[&str],
    edits: &mut Vec<Edit>,
) -> Result<(), Refusal> {
    let name = jx.expr_text(arg);
    let stmt = jx.hoist_point(call.span)?;
    let method = jx.method_of(call.span);
    let mut lines = Vec::new();
    for setter in wanted {
        let mut off: Vec<Span> = Vec::new();
        let mut other = false;
        let mut under_condition = false;
        if let Some(method) = method {
            tree::walk(method, &mut |n| {
                if n.kind() == "method_invocation"
                    && n.child_by_field_name("name").is_some_and(|x| jx.node_text(x) == *setter)
                    && n.child_by_field_name("object").is_some_and(|o| jx.node_text(o) == name)
                {
                    let args = jx.args(tree::span_of(n));
                    match args.as_slice() {
                        [one] if jx.expr_text(*one) == "false" => off.push(*one),
                        [one] if jx.expr_text(*one) == "true" => under_condition |= conditional(n, call.span),
                        _ => other = true,
                    }
                }
                true
            });
        }
        if other {
            return no(Reason::AlternativesConflict, "the flag is decided by an expression on one of the paths");
        }
        if under_condition {
            let why = format!("a condition decides whether {setter}(true) is called");
            return Err(Refusal::new(Reason::DecisionNeeded, why).with_steps(
                "Decide whether the cookie may be sent without the flag at all. If not, take the condition away; if it must, let it hold for \
                 installations without HTTPS only.",
            ));
        }
        // The one that holds at this place is rewritten; without any, the setter is called right before.
        let same_block = off.iter().filter(|s| s.hi < call.span.lo).collect::<Vec<_>>();
        match same_block.as_slice() {
            [] => lines.push(format!("{name}.{setter}(true);")),
            all => edits.extend(all.iter().map(|s| Edit::replace(jx.file, **s, "true"))),
        }
    }
    if !lines.is_empty() {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        jx.insert_before_stmt(stmt, &lines, edits)?;
    }
    Ok(())
}

/// True when a call stands under a condition that does not hold for the place as well.
fn conditional(call: Node<'_>, place: Span) -> bool {
    let mut at = call.parent();
    while let Some(n) = at {
        if tree::span_of(n).contains(place) {
            return false;
        }
        if matches!(n.kind(), "if_statement" | "switch_expression" | "ternary_expression") {
            return true;
        }
        at = n.parent();
    }
    false
}

/// `addCookie(new Cookie(…))`: the cookie gets a name first.
fn inline(jx: &JavaCx<'_>, call: &CallFact, arg: Span, wanted: &[&str], edits: &mut Vec<Edit>) -> Result<(), Refusal> {
    let stmt = jx.hoist_point(call.span)?;
    if !jx.first_effect(stmt, arg) {
        return no(Reason::SideEffect, "something with an effect is evaluated before the cookie is made");
    }
    let node = jx.node_at(arg);
    let ty = node.and_then(|n| n.child_by_field_name("type")).map(|t| jx.node_text(t));
    let Some(ty) = ty else { return no(Reason::TypeUnknown, "the cookie has no type") };
    jx.no_comment_inside(arg)?;
    let name = jx.fresh_name("cookie", call.span, edits);
    let mut lines = vec![format!("{ty} {name} = {};", jx.expr_text(arg))];
    lines.extend(wanted.iter().map(|s| format!("{name}.{s}(true);")));
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    jx.insert_before_stmt(stmt, &lines, edits)?;
    edits.push(Edit::replace(jx.file, arg, name));
    Ok(())
}
