//! Inserting statements into Java code.

use super::{JavaCx, is_method_like};
use crate::layout::{self, first_on_line, no, push_insert};
use surefix_syntax::java;
use surefix_text::{Edit, Reason, Refusal, Span};
use tree_sitter::Node;

/// True for nodes whose direct children are a list of statements.
pub(crate) fn holds_statements(kind: &str) -> bool {
    matches!(kind, "block" | "constructor_body" | "switch_block_statement_group")
}

/// Where a statement stands.
enum Home<'t> {
    /// In a list of statements.
    List,
    /// The single statement of `if`, `else`, a loop or a switch arrow: braces must go around it. The node is the owner.
    Single(Node<'t>),
}

impl JavaCx<'_> {
    /// The statement in front of which code can run that stands in for evaluating `expr` there: it is reached exactly when
    /// `expr` is. Refuses with `control-flow` for loop conditions and updates, the right side of `&&` and `||`,
    /// branches of `?:`, lambdas without a block, switch expressions' values, field initialisers, annotations and
    /// arguments of `this(…)` or `super(…)`.
    pub fn hoist_point(&self, expr: Span) -> Result<Span, Refusal> {
        let Some(mut node) = self.covering(expr) else { return no(Reason::ShapeUnknown, "no code at the place") };
        while let Some(parent) = node.parent() {
            let field = |name| parent.child_by_field_name(name) == Some(node);
            let why = match parent.kind() {
                "lambda_expression" if field("body") && node.kind() != "block" => "a lambda without a block",
                "binary_expression" if field("right") && self.is_short_circuit(parent) => "the right side of && or ||",
                "ternary_expression" if !field("condition") => "a branch of ?:",
                "while_statement" | "do_statement" if field("condition") => "a loop condition",
                "for_statement" if !field("body") && !field("init") => "a for loop's condition or update",
                "assert_statement" => "an assertion, which may be switched off",
                "switch_rule" if node.kind() == "expression_statement" && !switch_is_statement(parent) => {
                    "a switch expression's value"
                }
                "switch_label" | "guard" => "a case label",
                "explicit_constructor_invocation" => "arguments of this(…) or super(…)",
                "resource_specification" if parent.named_child(0) != Some(node) => "a resource that is not the first",
                "field_declaration" | "constant_declaration" | "enum_constant" => "a field's initialiser",
                "annotation" => "an annotation",
                _ => "",
            };
            if !why.is_empty() {
                return no(
                    Reason::ControlFlow,
                    format!("no statement can stand in front of the expression: it is {why}"),
                );
            }
            // The update part of a for loop is not a statement; everything else is decided at the closest statement.
            if self.is_statement(node) && !is_loop_part(node, parent) {
                return Ok(java::span_of(node));
            }
            if is_method_like(parent.kind()) {
                break;
            }
            node = parent;
        }
        no(Reason::ControlFlow, "the expression stands outside every statement")
    }

    /// True when nothing with a side effect is evaluated before `expr` inside the statement `stmt` (K1: moving `expr` in front
    /// of the statement keeps the order).
    pub fn first_effect(&self, stmt: Span, expr: Span) -> bool {
        let Some(node) = self.stmt_node(stmt).filter(|n| java::span_of(*n) == stmt).or_else(|| self.covering(stmt))
        else {
            return false;
        };
        let mut first = true;
        java::walk(node, &mut |n| {
            let s = java::span_of(n);
            if s.lo >= expr.lo || !first {
                return false;
            }
            if s.hi <= expr.lo {
                let effect = matches!(
                    n.kind(),
                    "method_invocation" | "object_creation_expression" | "update_expression" | "assignment_expression"
                );
                first &= !effect;
                return n.kind() != "lambda_expression" && n.kind() != "class_body";
            }
            true
        });
        first
    }

    fn is_short_circuit(&self, node: Node<'_>) -> bool {
        node.child_by_field_name("operator").is_some_and(|o| matches!(self.node_text(o), "&&" | "||"))
    }

    fn is_statement(&self, node: Node<'_>) -> bool {
        java::statement(node) == Some(node)
            || (node.kind() == "switch_expression" && node.parent().is_some_and(|p| holds_statements(p.kind())))
    }

    /// Inserts `lines` (without indentation and line ending; nested lines carry their own extra indentation) in front of the
    /// statement at `stmt`. A statement that is the single body of `if`, `else`, a loop or a `case ->` gets braces.
    pub fn insert_before_stmt(&self, stmt: Span, lines: &[&str], edits: &mut Vec<Edit>) -> Result<(), Refusal> {
        let (node, home) = self.home(stmt)?;
        let span = java::span_of(node);
        match home {
            Home::List => {
                let text = self.block_text(span.lo, lines);
                push_insert(edits, self.file, span.lo, &text);
            }
            Home::Single(owner) => self.brace(owner, span, lines, &[], edits)?,
        }
        Ok(())
    }

    /// Inserts `lines` after the statement at `stmt`; refuses when the statement never completes (`return`, `throw`, …).
    pub fn insert_after_stmt(&self, stmt: Span, lines: &[&str], edits: &mut Vec<Edit>) -> Result<(), Refusal> {
        let (node, home) = self.home(stmt)?;
        let leaves = matches!(
            node.kind(),
            "return_statement" | "throw_statement" | "break_statement" | "continue_statement" | "yield_statement"
        );
        if leaves {
            return no(Reason::ControlFlow, "nothing after the statement would run");
        }
        let span = java::span_of(node);
        match home {
            Home::List => {
                let at = self.past_comment(span.hi);
                let text = if layout::last_on_line(self.text, at) || at > span.hi {
                    let (indent, eol) = (self.indent_at(span.lo), self.eol_at(span.hi));
                    lines.iter().map(|l| format!("{eol}{indent}{}", self.reindent(l))).collect()
                } else {
                    lines.iter().map(|l| format!(" {}", l.trim())).collect::<String>()
                };
                push_insert(edits, self.file, at, &text);
            }
            Home::Single(owner) => self.brace(owner, span, &[], lines, edits)?,
        }
        Ok(())
    }

    /// Inserts `type name = init;` in front of the statement at `stmt`.
    pub fn declare_before(
        &self,
        stmt: Span,
        ty: &str,
        name: &str,
        init: &str,
        edits: &mut Vec<Edit>,
    ) -> Result<(), Refusal> {
        self.insert_before_stmt(stmt, &[&format!("{ty} {name} = {init};")], edits)
    }

    /// `lines` as they stand in front of a statement that starts at `at`; ends where the statement goes on.
    fn block_text(&self, at: u32, lines: &[&str]) -> String {
        if !first_on_line(self.text, at) {
            return lines.iter().map(|l| format!("{} ", l.trim())).collect();
        }
        let (indent, eol) = (self.indent_at(at), self.eol_at(at));
        lines.iter().map(|l| format!("{}{eol}{indent}", self.reindent(l))).collect()
    }

    /// A line whose leading levels of four spaces become the file's own unit.
    fn reindent(&self, line: &str) -> String {
        let body = line.trim_start_matches(' ');
        let levels = (line.len() - body.len()) / 4;
        format!("{}{body}", self.indent_unit().repeat(levels))
    }

    fn home(&self, stmt: Span) -> Result<(Node<'_>, Home<'_>), Refusal> {
        let found = self.covering(stmt).and_then(|n| {
            java::enclosing(n, |n| java::span_of(n) == stmt && self.is_statement(n)).or_else(|| self.stmt_node(stmt))
        });
        let Some(mut node) = found else { return no(Reason::ControlFlow, "there is no statement at the place") };
        if java::error_in(self.tree(), java::span_of(node)) {
            return no(Reason::ErrorRegion, "the statement stands in or next to a syntax error");
        }
        if node.kind() == "explicit_constructor_invocation" {
            return no(Reason::ControlFlow, "no statement can stand in front of this(…) or super(…)");
        }
        loop {
            let Some(parent) = node.parent() else { return no(Reason::ControlFlow, "the statement has no block") };
            match parent.kind() {
                k if holds_statements(k) => return Ok((node, Home::List)),
                // The label belongs to the statement.
                "labeled_statement" => node = parent,
                "if_statement" | "while_statement" | "do_statement" | "enhanced_for_statement" => {
                    return Ok((node, Home::Single(parent)));
                }
                "for_statement" if parent.child_by_field_name("body") == Some(node) => {
                    return Ok((node, Home::Single(parent)));
                }
                // The declaration in a loop's head: in front of the loop.
                "for_statement" | "resource_specification" => node = parent,
                "switch_rule" if node.kind() == "throw_statement" || switch_is_statement(parent) => {
                    return Ok((node, Home::Single(parent)));
                }
                "switch_rule" => {
                    return no(Reason::ControlFlow, "the statement is the value of a switch expression");
                }
                _ => return no(Reason::ControlFlow, "the statement does not stand in a block"),
            }
        }
    }

    /// Puts braces around the single statement at `span`, with lines before and after it.
    fn brace(
        &self,
        owner: Node<'_>,
        span: Span,
        before: &[&str],
        after: &[&str],
        edits: &mut Vec<Edit>,
    ) -> Result<(), Refusal> {
        let mut cursor = owner.walk();
        let head = owner
            .children(&mut cursor)
            .map(java::span_of)
            .zip(0..)
            .filter(|(s, _)| s.hi <= span.lo)
            .filter(|(s, i)| {
                let node = owner.child(*i);
                !s.is_empty() && node.is_some_and(|n| !n.kind().ends_with("_comment"))
            })
            .last();
        let Some((head, _)) = head else { return no(Reason::ControlFlow, "the statement has no owner") };
        let (eol, outer) = (self.eol_at(span.hi), self.indent_at(java::span_of(owner).lo).to_owned());
        let tail = self.past_comment(span.hi);
        if first_on_line(self.text, span.lo) {
            push_once(edits, self.file, head.hi, " {");
            if !before.is_empty() {
                push_insert(edits, self.file, span.lo, &self.block_text(span.lo, before));
            }
            let inner = self.indent_at(span.lo);
            let after: String = after.iter().map(|l| format!("{eol}{inner}{}", self.reindent(l))).collect();
            push_insert(edits, self.file, tail, &format!("{after}{eol}{outer}}}"));
        } else if self.comments_in(Span::new(span.hi, layout::line_end(self.text, span.hi))).is_empty() {
            push_insert(edits, self.file, span.lo, &format!("{{ {}", self.block_text(span.lo, before)));
            let after: String = after.iter().map(|l| format!(" {}", l.trim())).collect();
            push_insert(edits, self.file, span.hi, &format!("{after} }}"));
        } else {
            return no(Reason::CommentInside, "a comment follows the statement that needs braces");
        }
        Ok(())
    }

    /// The end of a line comment that follows `at` on its line, else `at`.
    fn past_comment(&self, at: u32) -> u32 {
        let end = layout::line_end(self.text, at);
        match self.comments_in(Span::new(at, end)).as_slice() {
            [c] if c.hi == end && Span::new(at, c.lo).of(self.text).trim().is_empty() => c.hi,
            _ => at,
        }
    }
}

fn push_once(edits: &mut Vec<Edit>, file: surefix_text::FileId, at: u32, text: &str) {
    let edit = Edit::insert(file, at, text);
    if !edits.contains(&edit) {
        edits.push(edit);
    }
}

/// A local variable declaration or expression in the head of a loop, which no statement list holds.
fn is_loop_part(node: Node<'_>, parent: Node<'_>) -> bool {
    parent.kind() == "for_statement" && parent.child_by_field_name("body") != Some(node)
}

/// True for a switch whose value nobody takes.
fn switch_is_statement(rule: Node<'_>) -> bool {
    let Some(switch) = java::enclosing(rule, |n| n.kind() == "switch_expression") else { return false };
    match switch.parent() {
        Some(p) if p.kind() == "expression_statement" => switch.byte_range().end == p.byte_range().end,
        Some(p) => holds_statements(p.kind()),
        None => false,
    }
}
