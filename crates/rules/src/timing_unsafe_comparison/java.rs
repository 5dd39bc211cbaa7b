//! `a.equals(b)` → `MessageDigest.isEqual(a.getBytes(UTF_8), …)`, `Arrays.equals(a, b)` → `MessageDigest.isEqual(a, b)`.

use super::unknown_types;
use crate::{FixCx, Found, facts};
use surefix_rewrite::JavaCx;
use surefix_syntax::java as tree;
use surefix_text::{Assurance, Edit, Fix, Reason, Refusal, Span, Tier};
use tree_sitter::Node;

const DIGEST: &str = "java.security.MessageDigest";

pub(super) fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let jx = cx.java(found.file);
    jx.no_error_at(found.span)?;
    let shape = || Refusal::new(Reason::ShapeUnknown, "the comparison is not written as a plain call");
    let node = jx.node_at(found.span).filter(|n| n.kind() == "method_invocation").ok_or_else(shape)?;
    let args = jx.args(found.span);
    let name = node.child_by_field_name("name").map_or("", |n| jx.node_text(n));
    let recv = node.child_by_field_name("object").ok_or_else(shape)?;
    let mut edits = Vec::new();
    let mut needs = vec![(found.file, DIGEST.to_string())];
    match (name, args.as_slice()) {
        ("equals", [a, b]) if facts::last(jx.node_text(recv)) == "Arrays" => {
            let both = [*a, *b].iter().all(|s| jx.node_at(*s).is_some_and(|n| is(&jx, n, "byte[]", 0)));
            if !both {
                return Err(unknown_types());
            }
            let ty = jx.bring_type(DIGEST, &mut edits)?;
            let callee = Span::new(
                found.span.lo,
                node.child_by_field_name("name").map_or(found.span.lo, |n| tree::span_of(n).hi),
            );
            edits.push(Edit::replace(found.file, callee, format!("{ty}.isEqual")));
        }
        ("equals", [b]) => {
            let right = jx.node_at(*b).ok_or_else(shape)?;
            if !is(&jx, recv, "String", 0) || !is(&jx, right, "String", 0) {
                return Err(unknown_types());
            }
            jx.no_comment_inside(found.span)?;
            let ty = jx.bring_type(DIGEST, &mut edits)?;
            let charsets = jx.bring_type("java.nio.charset.StandardCharsets", &mut edits)?;
            needs.push((found.file, "java.nio.charset.StandardCharsets".to_string()));
            let bytes = |t: &str| format!("{}.getBytes({charsets}.UTF_8)", jx.as_primary(t));
            let (left, text) = (jx.node_text(recv), jx.expr_text(*b));
            // `equals(null)` is false, a method called on null is an error.
            let right = if made_here(&jx, right, 0) {
                bytes(text)
            } else if jx.is_simple_pure(*b) {
                format!("{text} == null ? null : {}", bytes(text))
            } else {
                return Err(Refusal::new(
                    Reason::SideEffect,
                    "the compared value may be null, and asking it twice may have an effect",
                ));
            };
            jx.replace_expr(found.span, &format!("{ty}.isEqual({}, {right})", bytes(left)), &mut edits)?;
        }
        _ => return Err(Refusal::new(Reason::NoRecipe, "only equals has an equivalent that takes constant time")),
    }
    Ok(Fix {
        title: "Compare in constant time".to_string(),
        edits,
        assurance: Assurance::start(Tier::Preserving),
        needs,
    })
}

/// Methods of the JDK and Commons Codec that give text, never null.
const GIVE_TEXT: &[&str] = &[
    "encodeToString",
    "encodeHexString",
    "formatHex",
    "toString",
    "toLowerCase",
    "toUpperCase",
    "trim",
    "substring",
    "printHexBinary",
    "format",
];

/// The expression is certainly of the type, by declaration or by what makes it.
fn is(jx: &JavaCx<'_>, node: Node<'_>, ty: &str, depth: u8) -> bool {
    if depth > 8 {
        return false;
    }
    match node.kind() {
        "parenthesized_expression" => node.named_child(0).is_some_and(|n| is(jx, n, ty, depth + 1)),
        "string_literal" => ty == "String",
        "cast_expression" => node.child_by_field_name("type").is_some_and(|t| jx.node_text(t) == ty),
        "object_creation_expression" => node.child_by_field_name("type").is_some_and(|t| jx.node_text(t) == ty),
        "binary_expression" => {
            ty == "String"
                && jx.node_text(node).contains('+')
                && node.named_child(0).is_some_and(|n| is(jx, n, ty, depth + 1))
        }
        "method_invocation" => {
            let name = node.child_by_field_name("name").map_or("", |n| jx.node_text(n));
            match ty {
                "String" => {
                    GIVE_TEXT.contains(&name) || matches!(name, "getHeader" | "getParameter") || returns(jx, name, ty)
                }
                _ => matches!(name, "doFinal" | "getBytes" | "digest" | "decodeHex") || returns(jx, name, ty),
            }
        }
        "identifier" => {
            let name = jx.node_text(node);
            match jx.uses(name, tree::span_of(node)) {
                Some(u) if jx.type_text(&u) == Some("var") => {
                    u.writes.is_empty() && u.init.and_then(|i| jx.node_at(i)).is_some_and(|n| is(jx, n, ty, depth + 1))
                }
                Some(u) => jx.type_text(&u) == Some(ty),
                None => field(jx, name, ty),
            }
        }
        "field_access" => {
            let text = jx.node_text(node);
            text.strip_prefix("this.").is_some_and(|name| field(jx, name, ty))
        }
        _ => false,
    }
}

/// Every method of that name in the file gives this type.
fn returns(jx: &JavaCx<'_>, name: &str, ty: &str) -> bool {
    let mut types = Vec::new();
    tree::walk(jx.root(), &mut |n| {
        if n.kind() == "method_declaration" && n.child_by_field_name("name").is_some_and(|x| jx.node_text(x) == name) {
            types.extend(n.child_by_field_name("type").map(|t| jx.node_text(t)));
        }
        true
    });
    !types.is_empty() && types.iter().all(|t| *t == ty)
}

/// Every field of that name in the file has this type.
fn field(jx: &JavaCx<'_>, name: &str, ty: &str) -> bool {
    let mut types = Vec::new();
    tree::walk(jx.root(), &mut |n| {
        if n.kind() == "variable_declarator"
            && n.child_by_field_name("name").is_some_and(|x| jx.node_text(x) == name)
            && let Some(p) = n.parent().filter(|p| p.kind() == "field_declaration")
        {
            types.extend(p.child_by_field_name("type").map(|t| jx.node_text(t)));
        }
        true
    });
    !types.is_empty() && types.iter().all(|t| *t == ty)
}

/// The value cannot be null: a literal, something new, text that a method of the library writes.
fn made_here(jx: &JavaCx<'_>, node: Node<'_>, depth: u8) -> bool {
    match node.kind() {
        "string_literal" | "object_creation_expression" | "binary_expression" => true,
        "method_invocation" => GIVE_TEXT.contains(&node.child_by_field_name("name").map_or("", |n| jx.node_text(n))),
        "identifier" if depth < 4 => {
            let uses = jx.uses(jx.node_text(node), tree::span_of(node));
            uses.filter(|u| u.writes.is_empty())
                .and_then(|u| u.init)
                .and_then(|i| jx.node_at(i))
                .is_some_and(|n| made_here(jx, n, depth + 1))
        }
        _ => false,
    }
}
