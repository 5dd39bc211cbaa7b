//! Spring Security: `csrf().disable()`, `csrf(c -> c.disable())`, `csrf(AbstractHttpConfigurer::disable)`.

use super::{META, message};
use crate::{DetectCx, FixCx, Found, flows, removal};
use surefix_dataflow::CallFact;
use surefix_rewrite::JavaCx;
use surefix_syntax::java as tree;
use surefix_text::{Edit, FileId, Reason, Refusal, Span};

/// Words of a configuration without a session: no cookie is sent by the browser on its own, so nothing can be forged.
const STATELESS: &[&str] = &["STATELESS", "oauth2ResourceServer", "BearerToken", "SessionCreationPolicy.NEVER"];

/// Words of a configuration with logins that a session remembers.
const SESSION: &[&str] =
    &["formLogin", "rememberMe", "oauth2Login", "saml2Login", "invalidSessionUrl", "maximumSessions", "logout("];

pub(super) fn detect(cx: &DetectCx<'_>, call: &CallFact, out: &mut Vec<Found>) {
    let name = flows::short(&call.callee);
    if !matches!(name, "HttpSecurity.csrf" | "ServerHttpSecurity.csrf") {
        return;
    }
    let file = FileId(call.file);
    let text = cx.text(file);
    if STATELESS.iter().any(|w| text.contains(w)) {
        return;
    }
    let jx = JavaCx::new(file, text, cx.module(file));
    if disabled(&jx, call.span).is_some() {
        out.push(flows::from_call(&META, call, "csrf", message("the application"), "spring"));
    }
}

/// The calls that switch the protection off: `.csrf(…)` itself, or `.csrf().disable()`.
fn disabled(jx: &JavaCx<'_>, call: Span) -> Option<Span> {
    match jx.args(call).as_slice() {
        [] => {
            let outer = jx.node_at(call)?.parent().filter(|p| p.kind() == "method_invocation")?;
            let name = outer.child_by_field_name("name").map_or("", |n| jx.node_text(n));
            (name == "disable").then(|| tree::span_of(outer))
        }
        [arg] => {
            let node = jx.node_at(*arg)?;
            let off = match node.kind() {
                "method_reference" => jx.node_text(node).ends_with("::disable"),
                "lambda_expression" => {
                    let body = jx.node_text(node.child_by_field_name("body")?);
                    let plain: String =
                        body.chars().filter(|c| !c.is_whitespace() && !matches!(c, '{' | '}' | ';')).collect();
                    plain.split_once('.').is_some_and(|(v, rest)| {
                        rest == "disable()" && v.chars().all(|c| c.is_alphanumeric() || c == '_')
                    })
                }
                _ => false,
            };
            off.then_some(call)
        }
        _ => None,
    }
}

pub(super) fn fix(cx: &FixCx<'_>, found: &Found, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
    let jx = cx.java(found.file);
    if !SESSION.iter().any(|w| jx.text.contains(w)) {
        return Err(Refusal::new(Reason::DecisionNeeded, "whether browsers call the application with a session is not written in the file").with_steps(
            "If users log in with a browser: remove the line and send the token with each form and script. If only programs with a token in a header \
             call it: say so with sessionCreationPolicy(SessionCreationPolicy.STATELESS).",
        ));
    }
    let Some(whole) = disabled(&jx, found.span) else {
        return Err(Refusal::new(Reason::ShapeUnknown, "the call does not switch the protection off by itself"));
    };
    let Some(recv) = jx.receiver(found.span) else {
        return Err(Refusal::new(Reason::ShapeUnknown, "the call is not written on a receiver"));
    };
    if removal::java_statement(&jx, whole).is_some() && jx.is_simple_pure(recv) {
        return removal::java(&jx, whole, edits);
    }
    let link = Span::new(recv.hi, whole.hi);
    jx.no_error_at(link)?;
    jx.no_comment_inside(link)?;
    edits.push(Edit::delete(jx.file, link));
    Ok(())
}
