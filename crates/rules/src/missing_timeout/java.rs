//! `HttpURLConnection` without timeouts.

use crate::{DetectCx, FixCx, Found};
use surefix_dataflow::CallFact;
use surefix_rewrite::{JavaCx, Uses};
use surefix_syntax::java as tree;
use surefix_text::{Edit, FileId, Reason, Refusal, Span};

/// `HttpURLConnection c = (HttpURLConnection) url.openConnection();` where nobody sets a timeout and the connection stays in the method.
pub(super) fn waits_forever(cx: &DetectCx<'_>, call: &CallFact) -> bool {
    if call.callee != "java.net.URL.openConnection" {
        return false;
    }
    let file = FileId(call.file);
    let jx = JavaCx::new(file, cx.text(file), cx.module(file));
    let Some(uses) = variable(&jx, call.span) else { return false };
    // Other connections (jar, file) never wait for a peer.
    if !jx.type_text(&uses).is_some_and(|t| t.ends_with("HttpURLConnection") || t.ends_with("HttpsURLConnection")) {
        return false;
    }
    uses.all().iter().all(|at| only_called(&jx, *at))
}

/// The local variable whose initialiser is the connection.
fn variable(jx: &JavaCx<'_>, call: Span) -> Option<Uses> {
    let node = jx.covering(call)?;
    let declarator = tree::enclosing(node, |n| n.kind() == "variable_declarator" || tree::statement(n) == Some(n))?;
    if declarator.kind() != "variable_declarator" {
        return None;
    }
    let mut value = declarator.child_by_field_name("value")?;
    while matches!(value.kind(), "cast_expression" | "parenthesized_expression") {
        value = value.child_by_field_name("value").or_else(|| value.named_child(0))?;
    }
    if tree::span_of(value) != call {
        return None;
    }
    let name = declarator.child_by_field_name("name")?;
    let uses = jx.uses(jx.node_text(name), tree::span_of(name))?;
    (uses.writes.is_empty() && uses.alone && uses.statement.is_some()).then_some(uses)
}

/// A method is called on the variable, and it sets no timeout.
fn only_called(jx: &JavaCx<'_>, at: Span) -> bool {
    let Some(parent) = jx.node_at(at).and_then(|n| n.parent()) else { return false };
    match parent.kind() {
        "method_invocation" => {
            let recv = parent.child_by_field_name("object").is_some_and(|o| tree::span_of(o) == at);
            let name = parent.child_by_field_name("name").map_or("", |n| jx.node_text(n));
            recv && !matches!(name, "setReadTimeout" | "setConnectTimeout")
        }
        // `c != null`
        "binary_expression" => true,
        _ => false,
    }
}

pub(super) fn fix(cx: &FixCx<'_>, found: &Found, call: &CallFact, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
    let jx = cx.java(found.file);
    jx.no_error_at(call.span)?;
    let uses = variable(&jx, call.span);
    let Some((uses, stmt)) = uses.and_then(|u| u.statement.map(|s| (u, s))) else {
        return Err(Refusal::new(Reason::ShapeUnknown, "the connection is no local variable"));
    };
    let name = &uses.name;
    jx.insert_after_stmt(
        stmt,
        &[&format!("{name}.setConnectTimeout(60_000);"), &format!("{name}.setReadTimeout(60_000);")],
        edits,
    )
}
