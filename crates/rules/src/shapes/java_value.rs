//! Java values: their static type as far as the file tells, and whether they can be evaluated later.

use surefix_dataflow::{Flow, Frag};
use surefix_ir::TypeRef;
use surefix_rewrite::JavaCx;
use surefix_rewrite::java::locals::LocalKind;
use surefix_syntax::java::{self, span_of};
use surefix_text::Span;
use tree_sitter::Node;

/// The static type of an expression: simple name without type arguments (`String`, `int`), with `[]` for arrays.
pub(crate) fn type_of(cx: &JavaCx<'_>, expr: Span) -> Option<String> {
    of(cx, cx.node_at(expr)?, 0)
}

/// [`type_of`], else what the analysis knows of the hole at that place.
pub(crate) fn type_in(cx: &JavaCx<'_>, expr: Span, flow: &Flow) -> Option<String> {
    let hole = || {
        flow.shapes.iter().flat_map(|s| &s.frags).find_map(|f| match f {
            Frag::Hole(h) if h.place.file == cx.file && h.place.span == expr => h.ty.clone(),
            _ => None,
        })
    };
    type_of(cx, expr).or_else(hole).map(|t| t.rsplit('.').next().unwrap_or(&t).to_string())
}

/// The expression is a `String`.
pub(crate) fn is_string(cx: &JavaCx<'_>, expr: Span) -> bool {
    type_of(cx, expr).as_deref() == Some("String")
}

/// Methods that give text whatever they are called on (in the libraries that matter here).
const TEXT: &[&str] = &[
    "getParameter",
    "getHeader",
    "getQueryString",
    "getRequestURI",
    "getPathInfo",
    "getRemoteUser",
    "getProperty",
    "getString",
    "toString",
    "trim",
    "strip",
    "toLowerCase",
    "toUpperCase",
    "substring",
    "replace",
    "replaceAll",
    "replaceFirst",
    "concat",
    "readLine",
    "nextLine",
    "getContextPath",
    "getServletPath",
    "getMethod",
    "getRemoteAddr",
    "getenv",
    "formatted",
    "repeat",
    "getContentType",
    "getCharacterEncoding",
    "getSimpleName",
    "getMessage",
    "getSubmittedFileName",
];

fn of(cx: &JavaCx<'_>, node: Node<'_>, depth: u32) -> Option<String> {
    if depth > 60 {
        return None;
    }
    let child = |n| node.child_by_field_name(n);
    let again = |n| of(cx, n, depth + 1);
    let simple = |t: &str| {
        let t = t.split('<').next().unwrap_or(t).trim();
        t.rsplit('.').next().unwrap_or(t).to_string()
    };
    match node.kind() {
        "string_literal" => Some("String".to_string()),
        "character_literal" => Some("char".to_string()),
        "true" | "false" => Some("boolean".to_string()),
        k if k.ends_with("_integer_literal") => {
            Some(if cx.node_text(node).ends_with(['l', 'L']) { "long" } else { "int" }.to_string())
        }
        k if k.ends_with("_floating_point_literal") => Some("double".to_string()),
        "parenthesized_expression" => node.named_child(0).and_then(again),
        "cast_expression" => child("type").map(|t| simple(cx.node_text(t))),
        "object_creation_expression" => child("type").map(|t| simple(cx.node_text(t))),
        "ternary_expression" => {
            let (a, b) = (child("consequence").and_then(again)?, child("alternative").and_then(again)?);
            (a == b).then_some(a)
        }
        "binary_expression" => {
            let (a, b) = (child("left").and_then(again), child("right").and_then(again));
            let op = child("operator").map_or("", |o| cx.node_text(o));
            let text = a.as_deref() == Some("String") || b.as_deref() == Some("String");
            match op {
                "+" if text => Some("String".to_string()),
                "+" | "-" | "*" | "/" | "%" if a == b => a,
                "==" | "!=" | "<" | ">" | "<=" | ">=" | "&&" | "||" => Some("boolean".to_string()),
                _ => None,
            }
        }
        "identifier" => {
            let name = cx.node_text(node);
            match cx.uses(name, span_of(node)) {
                Some(u) => {
                    let ty = cx.type_text(&u)?;
                    let spread = u.kind == LocalKind::Parameter && u.type_span.is_none();
                    if spread || cx.node_at(u.declarator).is_some_and(|d| d.child_by_field_name("dimensions").is_some())
                    {
                        return None;
                    }
                    match ty {
                        "var" => u.init.and_then(|i| cx.node_at(i)).and_then(again),
                        t => Some(simple(t)),
                    }
                }
                None => field_type(cx, name),
            }
        }
        "field_access" if child("object").is_some_and(|o| o.kind() == "this") => {
            field_type(cx, child("field").map_or("", |f| cx.node_text(f)))
        }
        "array_access" => {
            let t = child("array").and_then(again)?;
            t.strip_suffix("[]").map(str::to_string)
        }
        "method_invocation" => {
            let name = child("name").map_or("", |n| cx.node_text(n));
            let object = child("object").map(|o| cx.node_text(o));
            match (object, name) {
                (Some("String"), "valueOf" | "format" | "join") => Some("String".to_string()),
                (Some("Integer"), "parseInt") => Some("int".to_string()),
                (Some("Integer"), "valueOf") => Some("Integer".to_string()),
                (Some("Long"), "parseLong") => Some("long".to_string()),
                (Some("Long"), "valueOf") => Some("Long".to_string()),
                (Some("Double"), "parseDouble") => Some("double".to_string()),
                (Some(_), n) if TEXT.contains(&n) => Some("String".to_string()),
                (None | Some("this"), n) => method_type(cx, n),
                (Some(_), _) => getter_type(cx, child("object").and_then(again), name),
            }
        }
        _ => None,
    }
}

fn written(cx: &JavaCx<'_>, t: &TypeRef) -> String {
    let name = cx.module.strings.get(t.name);
    let name = name.rsplit('.').next().unwrap_or(name);
    format!("{name}{}", "[]".repeat(t.dims as usize))
}

fn field_type(cx: &JavaCx<'_>, name: &str) -> Option<String> {
    let mut fields = cx.module.classes.iter().flat_map(|c| &c.fields).filter(|f| cx.module.strings.get(f.name) == name);
    let first = fields.next()?;
    fields.next().is_none().then(|| first.ty.as_ref().map(|t| written(cx, t)))?
}

fn method_type(cx: &JavaCx<'_>, name: &str) -> Option<String> {
    let mut types = cx.module.functions.iter().filter(|f| cx.module.strings.get(f.name) == name && f.owner.is_some());
    let first = types.next()?.ret.as_ref().map(|t| written(cx, t))?;
    types.all(|f| f.ret.as_ref().map(|t| written(cx, t)).as_ref() == Some(&first)).then_some(first)
}

/// The result of a getter or record accessor of a class of this file.
fn getter_type(cx: &JavaCx<'_>, receiver: Option<String>, name: &str) -> Option<String> {
    let receiver = receiver?;
    let class = cx.module.classes.iter().find(|c| cx.module.strings.get(c.name) == receiver)?;
    let method = class.methods.iter().filter_map(|m| cx.module.functions.get(m.0 as usize));
    let found = method.filter(|f| cx.module.strings.get(f.name) == name).find_map(|f| f.ret.as_ref());
    let field = || class.fields.iter().find(|f| cx.module.strings.get(f.name) == name).and_then(|f| f.ty.as_ref());
    found.or_else(field).map(|t| written(cx, t))
}

/// Whether evaluating `expr` at the later place `at` gives what it gives where it stands.
pub(crate) fn keeps_until(cx: &JavaCx<'_>, expr: Span, at: Span) -> bool {
    if !cx.is_simple_pure(expr) {
        return false;
    }
    let mut ok = true;
    let Some(node) = cx.node_at(expr) else { return false };
    java::walk(node, &mut |n| {
        if n.kind() == "identifier" && n.parent().is_none_or(|p| p.child_by_field_name("field") != Some(n)) {
            match cx.uses(cx.node_text(n), span_of(n)) {
                Some(u) => {
                    let visible = u.scope.contains(at);
                    let changes = u.writes.iter().any(|w| w.lo > expr.lo);
                    ok &= visible && !changes;
                }
                // Fields and constants: nothing here says that a call in between leaves them alone, so only finals count.
                None => ok &= is_final_field(cx, cx.node_text(n)),
            }
        }
        true
    });
    ok
}

fn is_final_field(cx: &JavaCx<'_>, name: &str) -> bool {
    let mut fields = cx.module.classes.iter().flat_map(|c| &c.fields).filter(|f| cx.module.strings.get(f.name) == name);
    let upper = name.chars().next().is_some_and(char::is_uppercase);
    fields.next().map_or(upper, |f| f.is_final)
}

/// A name for a local that holds `expr`: its own last word, else `fallback`.
pub(crate) fn name_for(cx: &JavaCx<'_>, expr: Span, fallback: &str) -> String {
    let Some(node) = cx.node_at(expr) else { return fallback.to_string() };
    let word = |s: &str| {
        let mut out = String::new();
        let mut up = false;
        for c in s.chars() {
            if c.is_ascii_alphanumeric() {
                out.push(if up { c.to_ascii_uppercase() } else { c });
                up = false;
            } else {
                up = !out.is_empty();
            }
        }
        out
    };
    let lower = |s: &str| {
        let mut c = s.chars();
        c.next().map(|f| f.to_ascii_lowercase().to_string() + c.as_str()).unwrap_or_default()
    };
    let name = match node.kind() {
        "method_invocation" => {
            let args = node.child_by_field_name("arguments").and_then(|a| a.named_child(0));
            let name = node.child_by_field_name("name").map_or("", |n| cx.node_text(n));
            match args.filter(|a| a.kind() == "string_literal") {
                Some(a) => word(cx.node_text(a).trim_matches('"')),
                None => name.strip_prefix("get").map(lower).unwrap_or_default(),
            }
        }
        "array_access" => node.child_by_field_name("array").map(|a| word(cx.node_text(a))).unwrap_or_default(),
        _ => String::new(),
    };
    let good = name.chars().next().is_some_and(|c| c.is_ascii_lowercase()) && name.len() <= 30;
    if good { name } else { fallback.to_string() }
}
