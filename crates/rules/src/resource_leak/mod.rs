//! `resource-leak`: resource that is not closed.

mod sql;

use crate::guards::{Draft, java_target};
use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows};
use surefix_dataflow::CallFact;
use surefix_ir::Lang;
use surefix_rewrite::{JavaCx, Uses, layout};
use surefix_syntax::java;
use surefix_text::{Edit, FileId, Fix, Reason, Refusal, Span, Tier};
use tree_sitter::Node;

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "resource-leak",
    title: "Resource that is not closed",
    cwe: &[772, 404],
    severity: Severity::Low,
    langs: &[Lang::Java],
    best_tier: Tier::Preserving,
    page: include_str!("../../../../docs/rules/resource-leak.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    for call in flows::watched(cx, &META) {
        let file = FileId(call.file);
        // What lives on a connection is closed with it, and most of it is handed on.
        if is_sql(call) && !is_connection(call) {
            continue;
        }
        let java = JavaCx::new(file, cx.text(file), cx.module(file));
        if let Some(leak) = leak(&java, call) {
            let name = leak.uses.name.as_str();
            let message = format!("`{name}` is opened here and never closed");
            out.push(flows::from_call(&META, call, name, message, ""));
        }
    }
}

/// A local resource that nothing closes and nobody else gets.
struct Leak {
    uses: Uses,
    /// The declaration.
    stmt: Span,
}

fn is_sql(call: &CallFact) -> bool {
    call.callee.starts_with("java.sql.") || call.callee.starts_with("javax.sql.")
}

/// A connection that the call opens, or takes out of a pool.
fn is_connection(call: &CallFact) -> bool {
    is_sql(call) && call.callee.ends_with(".getConnection")
}

/// What owns nothing, or must not be closed with the variable.
const HARMLESS: &[&str] =
    &["ByteArrayInputStream", "ByteArrayOutputStream", "StringReader", "StringWriter", "CharArrayWriter"];

fn leak(java: &JavaCx<'_>, call: &CallFact) -> Option<Leak> {
    let (name, stmt) = java_target(java, call.span)?;
    let uses = java.uses(name, call.span)?;
    let declared = uses.statement == Some(stmt) && uses.alone && uses.writes.is_empty() && !uses.captured;
    // A wrapper of something that others own (`System.in`, a parameter) must stay open.
    let args = java.args(call.span);
    if !declared || java.method_of(stmt).is_none() {
        return None;
    }
    if is_connection(call) {
        let kept = uses.reads.iter().all(|r| java.node_at(*r).is_some_and(|n| !sql::escapes(java, n)));
        let closed = uses.reads.iter().any(|r| sql::method_on(java, *r) == Some("close"));
        return (kept && !closed && !uses.reads.is_empty()).then_some(Leak { uses, stmt });
    }
    if args.iter().any(|a| wraps(java, *a)) {
        return None;
    }
    let only_receiver = uses.reads.iter().all(|r| {
        let Some(node) = java.node_at(*r) else { return false };
        let Some(parent) = node.parent() else { return false };
        let receiver = parent.kind() == "method_invocation" && parent.child_by_field_name("object") == Some(node);
        // Methods that hand out something which lives on the resource.
        let method = parent.child_by_field_name("name").map_or("", |n| java.node_text(n));
        let gives = (method.starts_with("get") && method != "getFilePointer")
            || matches!(method, "lines" | "iterator" | "stream" | "accept" | "toString");
        receiver && method != "close" && !gives && !handed_on(java, parent)
    });
    // The author says that it stays open on purpose.
    if stmt.of(java.text).contains("@SuppressWarnings") {
        return None;
    }
    (only_receiver && !uses.reads.is_empty()).then_some(Leak { uses, stmt })
}

/// Methods of streams that take the elements: what they give does not live on the stream any more.
const TERMINAL: &[&str] = &[
    "allMatch",
    "anyMatch",
    "average",
    "collect",
    "count",
    "findAny",
    "findFirst",
    "forEach",
    "forEachOrdered",
    "max",
    "min",
    "noneMatch",
    "reduce",
    "sum",
    "toArray",
    "toList",
];

/// True when a stream that is derived from the resource by this call is returned, stored or given away before its elements are
/// taken: it would be closed by then.
fn handed_on(java: &JavaCx<'_>, call: Node<'_>) -> bool {
    let mut at = call;
    let mut derived = false;
    loop {
        let method = at.child_by_field_name("name").map_or("", |n| java.node_text(n));
        if TERMINAL.contains(&method) {
            return false;
        }
        derived |= LAZY.contains(&method);
        match at.parent().filter(|p| p.kind() == "method_invocation" && p.child_by_field_name("object") == Some(at)) {
            Some(p) => at = p,
            None => return derived && at.parent().is_some_and(|p| p.kind() != "expression_statement"),
        }
    }
}

/// Methods that give another stream over the same resource.
const LAZY: &[&str] = &[
    "boxed",
    "distinct",
    "dropWhile",
    "filter",
    "flatMap",
    "limit",
    "map",
    "mapToDouble",
    "mapToInt",
    "mapToLong",
    "mapToObj",
    "onClose",
    "parallel",
    "peek",
    "sequential",
    "skip",
    "sorted",
    "takeWhile",
    "unordered",
    "spliterator",
];

/// The argument is a resource that stands elsewhere too.
fn wraps(java: &JavaCx<'_>, arg: Span) -> bool {
    let Some(node) = java.node_at(arg) else { return true };
    let mut found = false;
    java::walk(node, &mut |n| {
        match n.kind() {
            "object_creation_expression" => {
                let ty = n.child_by_field_name("type").map_or("", |t| java.node_text(t));
                found |= HARMLESS.iter().any(|h| ty.ends_with(h)) && n == node;
            }
            "identifier"
                if n.parent()
                    .is_some_and(|p| p.kind() != "method_invocation" || p.child_by_field_name("name") != Some(n)) =>
            {
                let text = java.node_text(n);
                let stream = java.uses(text, java::span_of(n)).and_then(|u| java.type_text(&u).map(str::to_string));
                found |= match stream.as_deref() {
                    Some(t) => !is_plain_type(t),
                    // A field or a class: constants and static calls are no streams.
                    None => text.starts_with(char::is_lowercase) && !is_package(n),
                };
            }
            "field_access" => {
                let text: String = java.node_text(n).split_whitespace().collect();
                found |= matches!(text.as_str(), "System.in" | "System.out" | "System.err");
            }
            "method_invocation" => {
                let method = n.child_by_field_name("name").map_or("", |m| java.node_text(m));
                found |= method.ends_with("Stream") || method.ends_with("Reader") || method.ends_with("Writer");
            }
            _ => {}
        }
        !found
    });
    found
}

fn is_package(n: Node<'_>) -> bool {
    n.parent().is_some_and(|p| matches!(p.kind(), "scoped_identifier" | "scoped_type_identifier" | "field_access"))
}

fn is_plain_type(t: &str) -> bool {
    let simple = t.split('<').next().unwrap_or(t).rsplit('.').next().unwrap_or(t);
    matches!(
        simple,
        "String"
            | "File"
            | "Path"
            | "int"
            | "long"
            | "boolean"
            | "char"
            | "byte"
            | "short"
            | "Integer"
            | "Long"
            | "Charset"
            | "URL"
            | "URI"
            | "byte[]"
            | "char[]"
            | "StandardCharsets"
    )
}

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let no = |reason, why: &str| Err(Refusal::new(reason, why));
    let Some(call) = found.call() else { return no(Reason::ShapeUnknown, "the call is not known") };
    let java = cx.java(found.file);
    let Some(leak) = leak(&java, call) else { return no(Reason::ShapeUnknown, "the resource is not a local variable") };
    let thrown = if is_connection(call) { "java.sql.SQLException" } else { "java.io.IOException" };
    if !java.can_throw(leak.stmt, thrown) {
        return no(Reason::ControlFlow, "closing throws a checked exception that nothing around the code takes");
    }
    let Some(node) = java.node_at(leak.stmt) else { return no(Reason::ShapeUnknown, "the declaration is not known") };
    let Some(block) = node.parent().filter(|p| p.kind() == "block" || p.kind() == "constructor_body") else {
        return no(Reason::ControlFlow, "the declaration stands in no block");
    };
    let mut cursor = block.walk();
    let rest: Vec<Span> =
        block.named_children(&mut cursor).map(java::span_of).filter(|s| s.lo >= leak.stmt.hi).collect();
    let last_use = leak.uses.reads.iter().map(|r| r.hi).max().unwrap_or(leak.stmt.hi);
    // Up to the last statement that uses it, and on while later code needs what is declared in between.
    let Some(mut end) = rest.iter().position(|s| s.hi >= last_use) else {
        return no(Reason::ShapeUnknown, "the uses of the resource were not found");
    };
    loop {
        let inside = rest.get(..=end).unwrap_or_default();
        let mut needed = None;
        for (i, s) in rest.iter().enumerate().skip(end + 1) {
            if inside.iter().any(|d| declares_used_in(&java, *d, *s)) {
                needed = Some(i);
            }
        }
        match needed {
            Some(i) => end = i,
            None => break,
        }
    }
    let (Some(first), Some(last)) = (rest.first(), rest.get(end)) else {
        return no(Reason::ShapeUnknown, "nothing follows the declaration");
    };
    wrap(&java, leak.stmt, *first, *last)
}

/// `later` uses a variable that the statement `decl` declares.
fn declares_used_in(java: &JavaCx<'_>, decl: Span, later: Span) -> bool {
    let Some(node) = java.node_at(decl).filter(|n| n.kind() == "local_variable_declaration") else { return false };
    let mut cursor = node.walk();
    node.children_by_field_name("declarator", &mut cursor).any(|d| {
        d.child_by_field_name("name").is_some_and(|n| {
            java.uses(java.node_text(n), java::span_of(n)).is_some_and(|u| u.all().iter().any(|r| later.contains(*r)))
        })
    })
}

/// `T x = …;` and what follows becomes `try (T x = …) { … }`.
fn wrap(java: &JavaCx<'_>, stmt: Span, first: Span, last: Span) -> Result<Fix, Refusal> {
    let no = |reason, why: &str| Err(Refusal::new(reason, why));
    let text = java.text;
    let lines = layout::first_on_line(text, stmt.lo) && layout::first_on_line(text, first.lo);
    let alone = layout::last_on_line(text, last.hi)
        || !java.comments_in(Span::new(last.hi, layout::line_end(text, last.hi))).is_empty();
    if !lines || !alone || Span::new(stmt.hi, first.lo).of(text).trim().starts_with("//") {
        return no(Reason::NoRecipe, "several statements or a comment stand on one line");
    }
    let body = Span::new(first.lo, last.hi);
    if body.of(text).contains("\"\"\"") {
        return no(Reason::NoRecipe, "a text block would be indented with the code");
    }
    java.no_error_at(Span::new(stmt.lo, last.hi))?;
    let declaration = stmt.of(text).strip_suffix(';').unwrap_or(stmt.of(text));
    let mut draft = Draft::default();
    draft.edits.push(Edit::replace(java.file, stmt, format!("try ({declaration}) {{")));
    let unit = java.indent_unit();
    let mut at = layout::next_line(text, stmt.hi);
    let end = layout::line_end(text, last.hi);
    while at < end {
        let stop = layout::line_end(text, at);
        if !Span::new(at, stop).of(text).trim().is_empty() {
            draft.edits.push(Edit::insert(java.file, at, unit));
        }
        let next = layout::next_line(text, at);
        if next <= at {
            break;
        }
        at = next;
    }
    let (eol, indent) = (java.eol_at(last.hi), java.indent_at(stmt.lo));
    draft.edits.push(Edit::insert(java.file, end, format!("{eol}{indent}}}")));
    let why = "the resource is closed when the block ends, however it ends";
    Ok(draft.done("Close the resource with try-with-resources", Tier::Preserving, why))
}
