//! Inserting statements into Python code.

use super::{PyCx, span};
use crate::layout::{self, first_on_line, no, push_insert};
use ruff_python_ast::{AnyNodeRef, Stmt};
use surefix_syntax::python::{span_of, stmt_at};
use surefix_text::{Edit, Reason, Refusal, Span};

/// True for statements with a suite of their own.
fn is_compound(stmt: &Stmt) -> bool {
    matches!(
        stmt,
        Stmt::FunctionDef(_)
            | Stmt::ClassDef(_)
            | Stmt::If(_)
            | Stmt::For(_)
            | Stmt::While(_)
            | Stmt::With(_)
            | Stmt::Try(_)
            | Stmt::Match(_)
    )
}

/// True for lines that can stand beside a `;`.
fn simple_lines(lines: &[&str]) -> bool {
    let compound = |l: &&str| l.starts_with([' ', '\t', '@', '#']) || l.trim_end().ends_with(':');
    !lines.iter().any(compound)
}

/// The suite of a node in which a place lies.
pub fn suite_around<'t>(node: AnyNodeRef<'t>, at: Span) -> Option<&'t [Stmt]> {
    let suites: Vec<&[Stmt]> = match node {
        AnyNodeRef::StmtFunctionDef(f) => vec![&f.body],
        AnyNodeRef::StmtIf(s) => vec![&s.body],
        AnyNodeRef::ElifElseClause(s) => vec![&s.body],
        AnyNodeRef::StmtWith(s) => vec![&s.body],
        AnyNodeRef::StmtTry(s) => vec![&s.body, &s.orelse, &s.finalbody],
        AnyNodeRef::StmtFor(s) => vec![&s.body, &s.orelse],
        AnyNodeRef::StmtWhile(s) => vec![&s.body, &s.orelse],
        _ => Vec::new(),
    };
    suites.into_iter().find(|b| b.iter().any(|s| span_of(s).contains(at)))
}

impl PyCx<'_> {
    /// The statement in front of which code can run that stands in for evaluating `expr` there: it is reached exactly when
    /// `expr` is. Refuses with `control-flow` for loop and `elif` conditions, later operands of `and`, `or` and chained
    /// comparisons, branches of `x if c else y`, lambdas, comprehensions, assertions, `case` guards, `except` types and later `with` items.
    pub fn hoist_point(&self, expr: Span) -> Result<Span, Refusal> {
        let path = self.path_to(expr);
        let mut found = None;
        for (i, node) in path.iter().enumerate() {
            if node.is_statement() && !matches!(node, AnyNodeRef::ModModule(_)) {
                found = Some(span(*node));
            }
            let child = path.get(i + 1).map_or(expr, |n| span(*n));
            let is = |s: Span| s.contains(child);
            let why = match node {
                AnyNodeRef::ExprLambda(_) => "inside a lambda",
                AnyNodeRef::ExprBoolOp(b) if !b.values.first().is_some_and(|v| is(span_of(v))) => {
                    "a later operand of and or or"
                }
                AnyNodeRef::ExprCompare(c) if c.comparators.iter().skip(1).any(|v| is(span_of(v))) => {
                    "a later operand of a chained comparison"
                }
                AnyNodeRef::ExprIf(e) if !is(span_of(&*e.test)) => "a branch of a conditional expression",
                AnyNodeRef::ExprListComp(e) if !first_iter(&e.generators).contains(expr) => "inside a comprehension",
                AnyNodeRef::ExprSetComp(e) if !first_iter(&e.generators).contains(expr) => "inside a comprehension",
                AnyNodeRef::ExprDictComp(e) if !first_iter(&e.generators).contains(expr) => "inside a comprehension",
                AnyNodeRef::ExprGenerator(e) if !first_iter(&e.generators).contains(expr) => "inside a generator",
                AnyNodeRef::StmtWhile(w) if is(span_of(&*w.test)) => "a loop condition",
                AnyNodeRef::StmtAssert(_) => "an assertion, which may be switched off",
                AnyNodeRef::ElifElseClause(c) if c.test.as_ref().is_some_and(|t| is(span_of(t))) => "an elif condition",
                AnyNodeRef::MatchCase(c) if !c.body.iter().any(|s| is(span_of(s))) => "a case's pattern or guard",
                AnyNodeRef::ExceptHandlerExceptHandler(h) if !h.body.iter().any(|s| is(span_of(s))) => {
                    "an except clause's type"
                }
                AnyNodeRef::StmtWith(w) if w.items.iter().skip(1).any(|item| is(span_of(item))) => {
                    "a later item of a with"
                }
                _ => "",
            };
            if !why.is_empty() {
                return no(
                    Reason::ControlFlow,
                    format!("no statement can stand in front of the expression: it is {why}"),
                );
            }
        }
        match found {
            Some(stmt) => Ok(stmt),
            None => no(Reason::ControlFlow, "the expression stands outside every statement"),
        }
    }

    /// True when nothing with a side effect is evaluated before `expr` inside the statement `stmt` (K1).
    pub fn first_effect(&self, stmt: Span, expr: Span) -> bool {
        let Some(node) = stmt_at(self.tree(), stmt) else { return false };
        let mut first = true;
        super::walk(AnyNodeRef::from(node), &mut |n| {
            let s = span(n);
            if s.lo >= expr.lo || !first {
                return false;
            }
            let effect = matches!(
                n,
                AnyNodeRef::ExprCall(_)
                    | AnyNodeRef::ExprAwait(_)
                    | AnyNodeRef::ExprYield(_)
                    | AnyNodeRef::ExprYieldFrom(_)
                    | AnyNodeRef::ExprNamed(_)
            );
            first &= !(s.hi <= expr.lo && effect);
            !matches!(n, AnyNodeRef::ExprLambda(_))
        });
        first
    }

    /// Inserts `lines` (without indentation and line ending; nested lines carry extra indentation of four spaces a level) in front
    /// of the statement at `stmt`. `a; b` and one-line suites are kept or expanded as needed.
    pub fn insert_before_stmt(&self, stmt: Span, lines: &[&str], edits: &mut Vec<Edit>) -> Result<(), Refusal> {
        self.find(stmt)?;
        if first_on_line(self.text, stmt.lo) {
            let (indent, eol) = (self.indent_at(stmt.lo), self.eol_at(stmt.lo));
            let text: String = lines.iter().map(|l| format!("{}{eol}{indent}", self.reindent(l))).collect();
            push_insert(edits, self.file, stmt.lo, &text);
        } else if simple_lines(lines) {
            let text: String = lines.iter().map(|l| format!("{}; ", l.trim())).collect();
            push_insert(edits, self.file, stmt.lo, &text);
        } else {
            let (gap, indent) = self.expandable(stmt)?;
            let eol = self.eol_at(stmt.lo);
            let text: String = lines.iter().map(|l| format!("{eol}{indent}{}", self.reindent(l))).collect();
            edits.push(Edit::replace(self.file, gap, format!("{text}{eol}{indent}")));
        }
        Ok(())
    }

    /// Inserts `lines` after the statement at `stmt`; refuses when the statement never completes (`return`, `raise`, …).
    pub fn insert_after_stmt(&self, stmt: Span, lines: &[&str], edits: &mut Vec<Edit>) -> Result<(), Refusal> {
        let node = self.find(stmt)?;
        if matches!(node, Stmt::Return(_) | Stmt::Raise(_) | Stmt::Break(_) | Stmt::Continue(_)) {
            return no(Reason::ControlFlow, "nothing after the statement would run");
        }
        let rest = Span::new(stmt.hi, layout::line_end(self.text, stmt.hi));
        let comment = self.comments_in(rest).first().copied();
        let code = Span::new(stmt.hi, comment.map_or(rest.hi, |c| c.lo)).of(self.text).trim();
        let beside = !code.is_empty() || (!first_on_line(self.text, stmt.lo) && !is_compound(node));
        if !beside {
            let at = if comment.is_some() { rest.hi } else { stmt.hi };
            let (indent, eol) = (self.indent_at(stmt.lo), self.eol_at(stmt.hi));
            let text: String = lines.iter().map(|l| format!("{eol}{indent}{}", self.reindent(l))).collect();
            push_insert(edits, self.file, at, &text);
        } else if simple_lines(lines) && !is_compound(node) {
            let text: String = lines.iter().map(|l| format!("; {}", l.trim())).collect();
            push_insert(edits, self.file, stmt.hi, &text);
        } else {
            return no(Reason::ControlFlow, "the statement shares its line with others");
        }
        Ok(())
    }

    /// Inserts `name = init` in front of the statement at `stmt`.
    pub fn assign_before(&self, stmt: Span, name: &str, init: &str, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
        self.insert_before_stmt(stmt, &[&format!("{name} = {init}")], edits)
    }

    fn find(&self, stmt: Span) -> Result<&Stmt, Refusal> {
        self.no_error_at(stmt)?;
        match stmt_at(self.tree(), stmt) {
            Some(Stmt::ImportFrom(i)) if i.module.as_deref() == Some("__future__") => {
                no(Reason::ControlFlow, "only a docstring may stand in front of an import from __future__")
            }
            Some(s) => Ok(s),
            None => no(Reason::ControlFlow, "there is no statement at the place"),
        }
    }

    /// The gap in front of a statement that can become a line break, and the indentation after it: the statement follows `;` in a
    /// suite on lines of its own, or is all of a one-line suite.
    fn expandable(&self, stmt: Span) -> Result<(Span, String), Refusal> {
        let head = Span::new(layout::line_start(self.text, stmt.lo), stmt.lo);
        let before = head.of(self.text).trim_end();
        let gap = Span::new(head.lo + layout::to_u32(before.len()), stmt.lo);
        let indent = self.indent_at(stmt.lo);
        let tail = Span::new(stmt.hi, layout::line_end(self.text, stmt.hi));
        let alone = !tail.of(self.text).trim_start().starts_with(';');
        if before.ends_with(':') && alone {
            return Ok((gap, format!("{indent}{}", self.indent_unit())));
        }
        if let Some(first) = before.strip_suffix(';') {
            // The first statement of the line must start it, or the suite is a one-line one.
            let lo = head.lo + layout::to_u32(indent.len());
            let own_line =
                self.covering_stmt(Span::new(lo, lo + 1)).is_some_and(|s| span_of(s).lo == lo && !is_compound(s));
            if own_line {
                let cut = head.lo + layout::to_u32(first.trim_end().len());
                return Ok((Span::new(cut, stmt.lo), indent.to_owned()));
            }
        }
        no(Reason::ControlFlow, "the statement shares its line with others")
    }

    fn reindent(&self, line: &str) -> String {
        let body = line.trim_start_matches(' ');
        let levels = (line.len() - body.len()) / 4;
        format!("{}{body}", self.indent_unit().repeat(levels))
    }
}

fn first_iter(generators: &[ruff_python_ast::Comprehension]) -> Span {
    generators.first().map(|g| span_of(&g.iter)).unwrap_or_default()
}
