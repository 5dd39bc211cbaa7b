//! Inserting guards: code that leaves with an exception before a dangerous call sees a value it must not see.
//!
//! A guard throws what the scope around it can throw already (a checked exception that is declared or caught there, else an
//! unchecked one), stands in front of everything that depends on it, and is never swallowed before the dangerous call.

use surefix_rewrite::JavaCx;
use surefix_rewrite::PyCx;
use surefix_syntax::java;
use surefix_text::{Assurance, Edit, FileId, Fix, Reason, Refusal, Span, Tier};

/// Longest line that a guard is written on.
const WIDTH: usize = 110;

/// A fix in the making: edits and the names that they rely on.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    /// Edits.
    pub edits: Vec<Edit>,
    /// Names that must resolve.
    pub needs: Vec<(FileId, String)>,
}

impl Draft {
    /// Makes a Java type usable and returns what to write for it.
    pub(crate) fn java_type(&mut self, cx: &JavaCx<'_>, qualified: &str) -> Result<String, Refusal> {
        let written = cx.bring_type(qualified, &mut self.edits)?;
        self.need(cx.file, qualified);
        Ok(written)
    }

    /// Makes a Python module usable and returns what to write for it.
    pub(crate) fn python_module(&mut self, cx: &PyCx<'_>, module: &str, at: Span) -> Result<String, Refusal> {
        let written = cx.bring(module, at, &mut self.edits)?;
        self.need(cx.file, module);
        Ok(written)
    }

    /// Makes a name of a Python module usable and returns what to write for it.
    pub(crate) fn python_name(&mut self, cx: &PyCx<'_>, module: &str, name: &str, at: Span) -> Result<String, Refusal> {
        let written = cx.bring_from(module, name, at, &mut self.edits)?;
        self.need(cx.file, &format!("{module}.{name}"));
        Ok(written)
    }

    fn need(&mut self, file: FileId, name: &str) {
        let need = (file, name.to_string());
        if !self.needs.contains(&need) {
            self.needs.push(need);
        }
    }

    /// The finished fix.
    pub(crate) fn done(self, title: &str, tier: Tier, why: &str) -> Fix {
        let mut assurance = Assurance::start(tier);
        assurance.lower(tier, why);
        Fix { title: title.to_string(), edits: self.edits, assurance, needs: self.needs }
    }
}

/// Where a guard goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spot {
    /// In front of the statement.
    Before(Span),
    /// Behind the statement.
    After(Span),
}

impl Spot {
    /// The statement.
    pub(crate) fn stmt(self) -> Span {
        match self {
            Spot::Before(s) | Spot::After(s) => s,
        }
    }
}

/// Source text on one line: line breaks and the blanks around them become one blank, none in front of a dot or inside
/// parentheses. Literals stay as they are.
pub(crate) fn one_line(source: &str) -> String {
    if !source.contains(['\n', '\r']) {
        return source.to_string();
    }
    let mut out = String::with_capacity(source.len());
    let (mut quote, mut escaped, mut gap) = (None, false, false);
    for c in source.chars() {
        match quote {
            Some(q) => {
                out.push(c);
                if !escaped && c == q {
                    quote = None;
                }
                escaped = c == '\\' && !escaped;
            }
            None if c.is_whitespace() => gap = true,
            None => {
                let tight = matches!(c, '.' | ')' | ',' | ';') || out.ends_with(['(', '.']) || out.is_empty();
                if gap && !tight {
                    out.push(' ');
                }
                gap = false;
                if matches!(c, '"' | '\'') {
                    quote = Some(c);
                }
                out.push(c);
            }
        }
    }
    out
}

/// A refusal in one word.
fn no<T>(reason: Reason, detail: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new(reason, detail))
}

/// Inserts `if (condition) { throw new E("message"); }`. `exceptions` are tried in order; the last one must be unchecked.
/// A long condition is broken before `break_at` (a piece of the condition such as `.startsWith(`).
pub(crate) fn java_guard(
    cx: &JavaCx<'_>,
    spot: Spot,
    condition: &str,
    break_at: &str,
    exceptions: &[&str],
    message: &str,
    draft: &mut Draft,
) -> Result<(), Refusal> {
    let stmt = spot.stmt();
    cx.no_error_at(stmt)?;
    let exception = cx.throwable_at(stmt, exceptions);
    let name = draft.java_type(cx, exception)?;
    let head = format!("if ({condition}) {{");
    let mut lines = Vec::new();
    let wide = cx.indent_at(stmt.lo).len() + head.len() > WIDTH;
    match head.rfind(break_at).filter(|_| wide && !break_at.is_empty()) {
        Some(at) => {
            let (first, rest) = head.split_at(at);
            lines.push(first.trim_end().to_string());
            lines.push(format!("        {rest}"));
        }
        None => lines.push(head),
    }
    lines.push(format!("    throw new {name}({});", cx.string_literal(message)));
    lines.push("}".to_string());
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    match spot {
        Spot::Before(s) => cx.insert_before_stmt(s, &lines, &mut draft.edits),
        Spot::After(s) => cx.insert_after_stmt(s, &lines, &mut draft.edits),
    }
}

/// Inserts `if condition:` and a statement that leaves, in front of or behind a statement.
pub(crate) fn python_guard(
    cx: &PyCx<'_>,
    spot: Spot,
    condition: &str,
    leave: &str,
    draft: &mut Draft,
) -> Result<(), Refusal> {
    cx.no_error_at(spot.stmt())?;
    let lines = [format!("if {condition}:"), format!("    {leave}")];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    match spot {
        Spot::Before(s) => cx.insert_before_stmt(s, &lines, &mut draft.edits),
        Spot::After(s) => cx.insert_after_stmt(s, &lines, &mut draft.edits),
    }
}

/// The statement that leaves a Python function with an error, in the manner of the web framework that the file uses.
pub(crate) fn python_leave(cx: &PyCx<'_>, at: Span, message: &str, draft: &mut Draft) -> Result<String, Refusal> {
    let imports = |name: &str| {
        cx.module.imports.iter().any(|i| {
            let path = cx.module.strings.get(i.path);
            path == name || path.strip_prefix(name).is_some_and(|r| r.starts_with('.'))
        })
    };
    let text = cx.string_literal(message);
    if cx.function_of(at).is_some() {
        if imports("flask") {
            let abort = draft.python_name(cx, "flask", "abort", at)?;
            return Ok(format!("{abort}(404)"));
        }
        if imports("django.http") || imports("django.views") || imports("django.shortcuts") {
            let error = draft.python_name(cx, "django.http", "Http404", at)?;
            return Ok(format!("raise {error}({text})"));
        }
        if imports("fastapi") {
            let error = draft.python_name(cx, "fastapi", "HTTPException", at)?;
            return Ok(format!("raise {error}(status_code=404)"));
        }
    }
    Ok(format!("raise ValueError({text})"))
}

/// The variable that takes the value of the expression at `expr` and the statement that assigns it: `T x = expr;` or `x = expr;`.
pub(crate) fn java_target<'a>(cx: &JavaCx<'a>, expr: Span) -> Option<(&'a str, Span)> {
    let mut node = cx.node_at(expr)?;
    loop {
        let parent = node.parent()?;
        let field = |name| parent.child_by_field_name(name) == Some(node);
        match parent.kind() {
            "parenthesized_expression" | "cast_expression" => node = parent,
            _ if java::span_of(parent) == java::span_of(node) => node = parent,
            "variable_declarator" if field("value") => {
                let stmt = parent.parent().filter(|p| p.kind() == "local_variable_declaration")?;
                let in_list = stmt.parent().is_some_and(|p| holds_statements(p.kind()));
                let name = parent.child_by_field_name("name")?;
                return in_list.then(|| (cx.node_text(name), java::span_of(stmt)));
            }
            "assignment_expression" if field("right") => {
                let plain = parent.child_by_field_name("operator").is_none_or(|o| o.kind() == "=");
                let left = parent.child_by_field_name("left").filter(|l| l.kind() == "identifier")?;
                let stmt = parent.parent().filter(|p| p.kind() == "expression_statement")?;
                return plain.then(|| (cx.node_text(left), java::span_of(stmt)));
            }
            _ => return None,
        }
    }
}

fn holds_statements(kind: &str) -> bool {
    matches!(kind, "block" | "constructor_body" | "switch_block_statement_group")
}

/// True when an exception thrown at `guard` could be caught without leaving the code that leads to `sink`: a `try` stands around
/// the guard and not around the sink.
pub(crate) fn java_swallowed(cx: &JavaCx<'_>, guard: Span, sink: Span) -> bool {
    let Some(mut node) = cx.covering(guard) else { return true };
    while let Some(parent) = node.parent() {
        if java::span_of(parent).contains(sink) && java::span_of(node).contains(sink) {
            return false;
        }
        if parent.kind().starts_with("try_") && parent.child_by_field_name("body") == Some(node) {
            // A `finally` alone does not swallow.
            let mut cursor = parent.walk();
            if parent.named_children(&mut cursor).any(|c| c.kind() == "catch_clause") {
                return true;
            }
        }
        if java::span_of(parent).contains(sink) {
            return false;
        }
        node = parent;
    }
    false
}

/// True when `name` can be read at `at` and means there what it meant at `from`, where a value was put into it: it is a local or
/// parameter that is not assigned between the two places.
pub(crate) fn java_same_value(cx: &JavaCx<'_>, name: &str, from: Span, at: Span) -> bool {
    let Some(uses) = cx.uses(name, from) else { return false };
    let visible = uses.scope.contains(at) || uses.scope.contains(Span::point(at.lo));
    visible && !uses.writes.iter().any(|w| w.lo >= from.hi && w.lo < at.lo)
}

/// The variable that takes the value of the Python expression at `expr`, and the statement: `x = expr`.
pub(crate) fn python_target<'a>(cx: &PyCx<'a>, expr: Span) -> Option<(&'a str, Span)> {
    let stmt = cx.stmt_of(expr)?;
    let text = stmt.of(cx.text);
    let head = Span::new(stmt.lo, expr.lo).of(cx.text);
    // `name = ` or `name: T = ` and nothing behind the expression.
    if !cx.text.get(expr.hi as usize..stmt.hi as usize)?.trim().is_empty() {
        return None;
    }
    let (left, empty) = head.rsplit_once('=')?;
    let left = left.split(':').next()?.trim();
    let ident = !left.is_empty()
        && !left.starts_with(|c: char| c.is_ascii_digit())
        && left.chars().all(|c| c.is_alphanumeric() || c == '_');
    if !ident || !empty.trim().is_empty() || left.len() > text.len() {
        return None;
    }
    let lo = stmt.lo as usize;
    Some((cx.text.get(lo..lo + left.len()).filter(|l| *l == left)?, stmt))
}

/// True when a statement with this span is a compound or control statement whose guard position needs care.
pub(crate) fn python_swallowed(cx: &PyCx<'_>, guard: Span, sink: Span) -> Result<bool, Refusal> {
    use surefix_syntax::python::span_of;
    for node in cx.path_to(guard) {
        if let ruff_python_ast::AnyNodeRef::StmtTry(t) = node {
            let body = match (t.body.first(), t.body.last()) {
                (Some(a), Some(b)) => span_of(a).to(span_of(b)),
                _ => return no(Reason::ControlFlow, "an empty try"),
            };
            if !t.handlers.is_empty() && body.contains(guard) && !body.contains(sink) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
