//! Taking statements and links of method chains out.

use surefix_rewrite::{JavaCx, PyCx, layout};
use surefix_syntax::java as tree;
use surefix_text::{Edit, Reason, Refusal, Span};

fn no<T>(reason: Reason, why: &str) -> Result<T, Refusal> {
    Err(Refusal::new(reason, why))
}

/// The bytes to delete for a statement: its lines when it has them for itself, else the statement with the blanks behind it.
fn lines(text: &str, stmt: Span) -> Span {
    let alone = layout::first_on_line(text, stmt.lo) && layout::last_on_line(text, stmt.hi);
    if alone {
        return Span::new(layout::line_start(text, stmt.lo), layout::next_line(text, stmt.hi));
    }
    let blanks = text.get(stmt.hi as usize..).map_or(0, |t| t.len() - t.trim_start_matches([' ', '\t']).len());
    Span::new(stmt.lo, stmt.hi + u32::try_from(blanks).unwrap_or(0))
}

/// Deletes the Java statement that is nothing but the call at `call`.
pub(crate) fn java(jx: &JavaCx<'_>, call: Span, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
    let Some(stmt) = java_statement(jx, call) else {
        return no(Reason::ControlFlow, "the call is part of an expression, so it cannot be taken out as a statement");
    };
    jx.no_error_at(stmt)?;
    jx.no_comment_inside(stmt)?;
    edits.push(Edit::delete(jx.file, lines(jx.text, stmt)));
    Ok(())
}

/// Deletes a declaration of local variables.
pub(crate) fn java_declaration(jx: &JavaCx<'_>, stmt: Span, edits: &mut Vec<Edit>) {
    edits.push(Edit::delete(jx.file, lines(jx.text, stmt)));
}

/// The statement that is nothing but the call at `call`, when it stands in a block.
pub(crate) fn java_statement(jx: &JavaCx<'_>, call: Span) -> Option<Span> {
    let node = jx.covering(call)?;
    let stmt = tree::enclosing(node, |n| n.kind() == "expression_statement")?;
    let home = stmt.parent()?;
    let whole = stmt.named_child(0).is_some_and(|c| tree::span_of(c) == call);
    (whole && matches!(home.kind(), "block" | "constructor_body" | "switch_block_statement_group"))
        .then(|| tree::span_of(stmt))
}

/// Takes `.name(…)` at the end of `call` out of a chain, with the line break in front of it: `a.b(x).c()` → `a.c()` for `a.b(x)`.
pub(crate) fn java_link(jx: &JavaCx<'_>, call: Span, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
    let Some(recv) = jx.receiver(call) else {
        return no(Reason::ShapeUnknown, "the call is not written on a receiver");
    };
    if java_statement(jx, call).is_some() && jx.is_simple_pure(recv) {
        return java(jx, call, edits);
    }
    let link = Span::new(recv.hi, call.hi);
    jx.no_error_at(link)?;
    jx.no_comment_inside(link)?;
    if java_statement(jx, call).is_some() && jx.node_at(recv).is_none_or(|n| n.kind() != "method_invocation") {
        return no(Reason::ShapeUnknown, "what would be left is no statement");
    }
    edits.push(Edit::delete(jx.file, link));
    Ok(())
}

/// Deletes the Python statement at `stmt`; a suite that would be empty gets `pass`.
pub(crate) fn python(py: &PyCx<'_>, stmt: Span, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
    py.no_error_at(stmt)?;
    py.no_comment_inside(stmt)?;
    let text = py.text;
    if only_one(py, stmt) {
        edits.push(Edit::replace(py.file, stmt, "pass"));
        return Ok(());
    }
    let rest = Span::new(stmt.hi, layout::line_end(text, stmt.hi)).of(text).trim_start();
    if layout::first_on_line(text, stmt.lo) && (rest.is_empty() || rest.starts_with('#')) {
        // What tells a linter to be silent about the statement goes with it; any other comment stays.
        let marker = rest.trim_start_matches('#').trim_start();
        let silencer = ["noqa", "nosec", "pylint:", "type: ignore", "NOSONAR"].iter().any(|m| marker.starts_with(m));
        let whole = Span::new(layout::line_start(text, stmt.lo), layout::next_line(text, stmt.hi));
        edits.push(Edit::delete(py.file, if silencer { whole } else { lines(text, stmt) }));
    } else {
        return no(Reason::ControlFlow, "the statement shares its line with others");
    }
    Ok(())
}

/// True when the statement is all of its suite.
fn only_one(py: &PyCx<'_>, stmt: Span) -> bool {
    use ruff_python_ast::{AnyNodeRef, Stmt};
    let is = |body: &[Stmt]| matches!(body, [one] if surefix_syntax::python::span_of(one) == stmt);
    py.path_to(stmt).into_iter().any(|n| match n {
        AnyNodeRef::StmtFunctionDef(f) => is(&f.body),
        AnyNodeRef::StmtClassDef(c) => is(&c.body),
        AnyNodeRef::StmtIf(s) => is(&s.body),
        AnyNodeRef::ElifElseClause(s) => is(&s.body),
        AnyNodeRef::StmtFor(s) => is(&s.body) || is(&s.orelse),
        AnyNodeRef::StmtWhile(s) => is(&s.body) || is(&s.orelse),
        AnyNodeRef::StmtWith(s) => is(&s.body),
        AnyNodeRef::StmtTry(s) => is(&s.body) || is(&s.orelse) || is(&s.finalbody),
        AnyNodeRef::ExceptHandlerExceptHandler(h) => is(&h.body),
        AnyNodeRef::MatchCase(c) => is(&c.body),
        _ => false,
    })
}
