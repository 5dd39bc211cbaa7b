//! Replacing Java expressions and judging whether they may be moved.

use super::JavaCx;
use crate::layout::no;
use surefix_syntax::java;
use surefix_text::{Edit, Reason, Refusal, Span};
use tree_sitter::Node;

const ASSIGN: u8 = 1;
const TERNARY: u8 = 3;
const REL: u8 = 10;
const ADD: u8 = 12;
const UNARY: u8 = 15;
const PRIMARY: u8 = 16;

fn binary(op: &str) -> u8 {
    match op {
        "||" => 4,
        "&&" => 5,
        "|" => 6,
        "^" => 7,
        "&" => 8,
        "==" | "!=" => 9,
        "<" | ">" | "<=" | ">=" => REL,
        "<<" | ">>" | ">>>" => 11,
        "+" | "-" => ADD,
        _ => 13,
    }
}

/// How tightly the outermost operator of an expression binds.
fn strength(node: Node<'_>, text: &str) -> u8 {
    let op = || node.child_by_field_name("operator").map_or("", |o| java::span_of(o).of(text));
    match node.kind() {
        "assignment_expression" | "lambda_expression" => ASSIGN,
        "ternary_expression" => TERNARY,
        "binary_expression" => binary(op()),
        "instanceof_expression" => REL,
        "cast_expression" | "unary_expression" | "update_expression" => UNARY,
        "switch_expression" | "array_creation_expression" => UNARY,
        _ => PRIMARY,
    }
}

impl JavaCx<'_> {
    /// Replaces the expression at `span` by `new`, in parentheses where the place needs them. Refuses when a comment would be
    /// lost, when `new` is not an expression, or at a syntax error.
    pub fn replace_expr(&self, span: Span, new: &str, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
        self.no_error_at(span)?;
        for comment in self.comments_in(span) {
            if !new.contains(comment.of(self.text)) {
                return no(Reason::CommentInside, "a comment stands inside the expression that would be replaced");
            }
        }
        let text = self.parenthesized(span, new)?;
        edits.push(Edit::replace(self.file, span, text));
        Ok(())
    }

    /// `new` as it can stand at `span`: in parentheses when it binds less tightly than the place asks for.
    pub fn parenthesized(&self, span: Span, new: &str) -> Result<String, Refusal> {
        let Some(mut node) = self.node_at(span) else {
            return no(Reason::ShapeUnknown, "the replaced text is not one expression");
        };
        while let Some(p) = node.parent().filter(|p| java::span_of(*p) == span) {
            node = p;
        }
        let own = expression_strength(new)?;
        let needed = node.parent().map_or(0, |p| self.needed(p, node));
        Ok(if own < needed { format!("({new})") } else { new.to_owned() })
    }

    /// `text` in parentheses unless it is a primary expression (a name, call, literal, …), so that `.method()` can follow.
    pub fn as_primary(&self, text: &str) -> String {
        match expression_strength(text) {
            Ok(PRIMARY) => text.to_owned(),
            _ => format!("({text})"),
        }
    }

    fn needed(&self, parent: Node<'_>, node: Node<'_>) -> u8 {
        let field = |name| parent.child_by_field_name(name) == Some(node);
        match parent.kind() {
            "binary_expression" => {
                let op = parent.child_by_field_name("operator").map_or("", |o| self.node_text(o));
                binary(op) + u8::from(field("right"))
            }
            "unary_expression" | "update_expression" | "cast_expression" => UNARY,
            "instanceof_expression" => REL,
            "ternary_expression" if field("condition") => TERNARY + 1,
            "ternary_expression" => TERNARY,
            "method_invocation" | "field_access" | "method_reference" | "object_creation_expression" => PRIMARY,
            "array_access" if field("array") => PRIMARY,
            _ => 0,
        }
    }

    /// True when evaluating the expression at `span` again, or elsewhere in the method, gives the same value and has no effect:
    /// names, `this`, literals, constants, fields of `this`, and `+` of such. A variable counts whatever is assigned
    /// to it; ask [`JavaCx::uses`] for that.
    pub fn is_simple_pure(&self, span: Span) -> bool {
        self.node_at(span).is_some_and(|n| self.pure(n, 0))
    }

    fn pure(&self, node: Node<'_>, depth: u32) -> bool {
        if depth > 200 {
            return false;
        }
        let child = |name| node.child_by_field_name(name);
        match node.kind() {
            "identifier" | "this" | "true" | "false" | "null_literal" | "character_literal" | "class_literal" => true,
            k if k.ends_with("_integer_literal") || k.ends_with("_floating_point_literal") => true,
            "string_literal" => {
                let mut cursor = node.walk();
                !node.named_children(&mut cursor).any(|c| c.kind() == "string_interpolation")
            }
            "parenthesized_expression" => node.named_child(0).is_some_and(|n| self.pure(n, depth + 1)),
            "field_access" => {
                let field = child("field").map_or("", |f| self.node_text(f));
                match child("object") {
                    Some(o) if o.kind() == "this" => true,
                    // A constant of a type: Type.NAME or a.b.Type.NAME.
                    Some(o) => {
                        let constant = field.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
                        constant && matches!(o.kind(), "identifier" | "field_access")
                    }
                    None => false,
                }
            }
            "binary_expression" => {
                let plus = child("operator").is_some_and(|o| self.node_text(o) == "+");
                let side = |name| child(name).is_some_and(|n| self.pure(n, depth + 1));
                plus && side("left") && side("right")
            }
            "unary_expression" => child("operand").is_some_and(|n| self.pure(n, depth + 1)),
            _ => false,
        }
    }
}

/// Parses `new` as an expression and tells how tightly it binds.
fn expression_strength(new: &str) -> Result<u8, Refusal> {
    const HEAD: &str = "class A { Object a = ";
    let text = format!("{HEAD}{new}; }}");
    let tree = java::parse(&text);
    let lo = crate::layout::to_u32(HEAD.len() + new.len() - new.trim_start().len());
    let span = Span::new(lo, lo + crate::layout::to_u32(new.trim().len()));
    let node = java::node_at(&tree, span).filter(|_| !tree.root_node().has_error());
    match node {
        Some(mut n) => {
            while let Some(p) = n.parent().filter(|p| java::span_of(*p) == span) {
                n = p;
            }
            Ok(strength(n, &text))
        }
        None => no(Reason::ShapeUnknown, "the new text is not an expression"),
    }
}
