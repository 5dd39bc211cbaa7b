//! jjwt, java-jwt, Nimbus and jose4j.

use super::no_key;
use crate::{Confidence, DetectCx, FixCx, Found, flows, removal};
use surefix_dataflow::CallFact;
use surefix_rewrite::JavaCx;
use surefix_syntax::java as tree;
use surefix_text::{Edit, FileId, Reason, Refusal, Span};

/// The text of the method (or class) around a call.
fn around<'t>(cx: &'t DetectCx<'_>, call: &CallFact) -> &'t str {
    let file = FileId(call.file);
    let text = cx.text(file);
    cx.module(file).functions.get(call.func as usize).map_or(text, |f| f.span.of(text))
}

/// What shape of unverified token a watched call is.
pub(super) fn judge(cx: &DetectCx<'_>, call: &CallFact) -> Option<(&'static str, Confidence)> {
    let code = around(cx, call);
    let any = |words: &[&str]| words.iter().any(|w| code.contains(w));
    Some(match flows::short(&call.callee) {
        "JwtParser.parse" | "JwtParser.parseClaimsJwt" | "JwtParser.parsePlaintextJwt" => ("jjwt", Confidence::High),
        "JwtParser.parseUnsecuredClaims" | "JwtParser.parseUnsecuredContent" => ("jjwt", Confidence::High),
        "JwtParserBuilder.unsecured" => ("jjwt-unsecured", Confidence::High),
        // Reading a token that was verified just before, or that is verified next with the key it names, is usual.
        "JWT.decode" if !any(&[".verify(", "JWT.require"]) => ("decode", claims(code)),
        "SignedJWT.parse" if !any(&["verify(", ".process("]) => ("decode", claims(code)),
        "JWTParser.parse" if !any(&["verify(", ".process("]) => ("decode", claims(code)),
        "Algorithm.none" => ("none", Confidence::High),
        "JwtConsumerBuilder.setSkipSignatureVerification" | "JwtConsumerBuilder.setDisableRequireSignature" => {
            ("jose4j", Confidence::High)
        }
        _ => return None,
    })
}

/// Unverified claims matter where they are read; a method that only takes a token apart for somebody else says nothing.
fn claims(code: &str) -> Confidence {
    let read = ["getClaim", "getSubject", "getJWTClaimsSet", "getClaims"].iter().any(|w| code.contains(w));
    if read { Confidence::Medium } else { Confidence::Low }
}

pub(super) fn fix(cx: &FixCx<'_>, found: &Found, call: &CallFact, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
    let jx = cx.java(found.file);
    jx.no_error_at(call.span)?;
    let code = around(cx.detect, call);
    match found.variant {
        "jjwt" => jjwt(&jx, call, code, edits),
        "jjwt-unsecured" if ["verifyWith", "keyLocator"].iter().any(|w| code.contains(w)) => {
            removal::java_link(&jx, call.span, edits)
        }
        "jose4j" if code.contains("setVerificationKey") => removal::java_link(&jx, call.span, edits),
        "none" => Err(no_key("tokens are made or checked without any key")),
        _ => Err(no_key("no key is at hand where the token is read")),
    }
}

/// `parse` accepts tokens without a signature; `parseClaimsJws` (from 0.12 on `parseSignedClaims`) does not.
fn jjwt(jx: &JavaCx<'_>, call: &CallFact, code: &str, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
    let new = if ["verifyWith", "keyLocator"].iter().any(|w| code.contains(w)) {
        "parseSignedClaims"
    } else if code.contains("setSigningKey") {
        "parseClaimsJws"
    } else {
        return Err(no_key("the parser is given no key in this method"));
    };
    fits(jx, call.span)?;
    let Some(name) = jx.call_name(call.span) else {
        return Err(Refusal::new(Reason::ShapeUnknown, "the call has no name"));
    };
    edits.push(Edit::replace(jx.file, name, new));
    Ok(())
}

/// The narrower result fits: it is not used, only asked for its body, or assigned to a type without arguments.
fn fits(jx: &JavaCx<'_>, call: Span) -> Result<(), Refusal> {
    let mut node = jx.node_at(call);
    let mut inner = call;
    while let Some(parent) = node.and_then(|n| n.parent()) {
        match parent.kind() {
            "expression_statement" => return Ok(()),
            "method_invocation" => {
                let name = parent.child_by_field_name("name").map_or("", |n| jx.node_text(n));
                let on = parent.child_by_field_name("object").is_some_and(|o| tree::span_of(o) == inner);
                if on && matches!(name, "getBody" | "getPayload" | "getHeader") {
                    return Ok(());
                }
                break;
            }
            "variable_declarator" => {
                let ty = parent.parent().and_then(|d| d.child_by_field_name("type")).map_or("", |t| jx.node_text(t));
                if matches!(ty, "Jwt" | "Jws<Claims>" | "var" | "Jwt<?, ?>" | "Jwt<?,?>" | "Jws") {
                    return Ok(());
                }
                break;
            }
            "parenthesized_expression" => {
                inner = tree::span_of(parent);
                node = Some(parent);
            }
            _ => break,
        }
    }
    Err(Refusal::new(Reason::TypeUnknown, "the type that the result is given to may not take a signed token"))
}
