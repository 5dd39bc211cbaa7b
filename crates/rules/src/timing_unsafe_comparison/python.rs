//! `a == b` → `hmac.compare_digest(a, b)`, where the types of both sides are known.

use super::unknown_types;
use crate::{FixCx, Found};
use ruff_python_ast::{CmpOp, Expr};
use surefix_rewrite::PyCx;
use surefix_syntax::python::span_of;
use surefix_text::{Assurance, Fix, Reason, Refusal, Tier};

/// What one side of the comparison is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    /// Text of ASCII characters only.
    Ascii,
    /// Text.
    Text,
    /// Bytes.
    Bytes,
    /// Anything.
    Unknown,
}

pub(super) fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let py = cx.python(found.file);
    py.no_error_at(found.span)?;
    let Some(Expr::Compare(c)) = py.expr_at(found.span) else {
        return Err(Refusal::new(Reason::ShapeUnknown, "the comparison is part of a longer one"));
    };
    let ([op], [right]) = (&*c.ops, &*c.comparators) else {
        return Err(Refusal::new(Reason::ShapeUnknown, "the comparison is part of a longer one"));
    };
    let (a, b) = (span_of(&*c.left), span_of(right));
    py.no_comment_inside(found.span)?;
    let (ta, tb) = (side(&py, &c.left, 0), side(&py, right, 0));
    let (ea, eb) = (py.expr_text(a), py.expr_text(b));
    let bytes = |t: &str| format!("{}.encode()", py.as_primary(t));
    // Text that may hold more than ASCII, or is no text at all, must be made bytes first; what a known side of ASCII can never be
    // equal to stays unequal.
    let args = match (ta, tb) {
        (Side::Bytes, Side::Bytes) | (Side::Ascii, Side::Ascii) => format!("{ea}, {eb}"),
        (Side::Ascii | Side::Text, Side::Ascii | Side::Text) => format!("{}, {}", bytes(ea), bytes(eb)),
        (Side::Ascii, Side::Unknown) => format!("{}, str({eb}).encode()", bytes(ea)),
        (Side::Unknown, Side::Ascii) => format!("str({ea}).encode(), {}", bytes(eb)),
        _ => return Err(unknown_types()),
    };
    let mut edits = Vec::new();
    let module = py.bring("hmac", found.span, &mut edits)?;
    let not = if *op == CmpOp::NotEq { "not " } else { "" };
    py.replace_expr(found.span, &format!("{not}{module}.compare_digest({args})"), &mut edits)?;
    Ok(Fix {
        title: "Compare in constant time".to_string(),
        edits,
        assurance: Assurance::start(Tier::Preserving),
        needs: vec![(found.file, "hmac".to_string())],
    })
}

/// What an expression gives, by its outermost call, by the only assignment of a name, or by the annotation of a parameter.
fn side(py: &PyCx<'_>, e: &Expr, depth: u8) -> Side {
    if depth > 8 {
        return Side::Unknown;
    }
    match e {
        Expr::BytesLiteral(_) => Side::Bytes,
        Expr::StringLiteral(s) if s.value.to_str().is_ascii() => Side::Ascii,
        Expr::StringLiteral(_) | Expr::FString(_) => Side::Text,
        Expr::BinOp(b) => match (side(py, &b.left, depth + 1), side(py, &b.right, depth + 1)) {
            (l, r) if l == r => l,
            (Side::Ascii | Side::Text, Side::Ascii | Side::Text) => Side::Text,
            _ => Side::Unknown,
        },
        Expr::Call(c) => match &*c.func {
            Expr::Name(n) => match n.id.as_str() {
                "str" | "repr" | "input" => Side::Text,
                "bytes" => Side::Bytes,
                _ => Side::Unknown,
            },
            Expr::Attribute(a) => match a.attr.as_str() {
                "hexdigest" | "hex" => Side::Ascii,
                "digest" | "encode" | "b64encode" | "urlsafe_b64encode" | "b64decode" | "urlsafe_b64decode"
                | "standard_b64encode" | "unhexlify" | "hexlify" | "fromhex" => Side::Bytes,
                "decode" => match &*a.value {
                    Expr::Call(inner) => match &*inner.func {
                        Expr::Attribute(i)
                            if i.attr.as_str().ends_with("b64encode") || i.attr.as_str() == "hexlify" =>
                        {
                            Side::Ascii
                        }
                        _ => Side::Text,
                    },
                    _ => Side::Text,
                },
                "lower" | "upper" | "strip" | "rstrip" | "lstrip" => side(py, &a.value, depth + 1),
                _ => Side::Unknown,
            },
            _ => Side::Unknown,
        },
        Expr::Name(n) => {
            let Some(uses) = py.uses(n.id.as_str(), span_of(e)) else { return Side::Unknown };
            if !uses.is_single_assignment() {
                return Side::Unknown;
            }
            if let Some(p) = uses.param {
                return annotated(py.expr_text(p));
            }
            let value = uses.writes.first().and_then(|w| w.value).and_then(|v| py.expr_at(v));
            value.map_or(Side::Unknown, |v| side(py, v, depth + 1))
        }
        _ => Side::Unknown,
    }
}

/// `name: str`, without a default that could be something else.
fn annotated(param: &str) -> Side {
    match param.split_once(':').map(|(_, t)| t.trim()) {
        Some("str") => Side::Text,
        Some("bytes") => Side::Bytes,
        _ => Side::Unknown,
    }
}
