//! The syntax that [`crate::operands`] asks for, in Java and Python.

use crate::FixCx;
use crate::operands::Syntax;
use surefix_rewrite::{JavaCx, PyCx};
use surefix_syntax::{java, python};
use surefix_text::{FileId, Span};

/// Java. Files are parsed once each.
pub struct JavaText<'a> {
    files: std::cell::RefCell<Vec<std::rc::Rc<JavaCx<'a>>>>,
    cx: &'a FixCx<'a>,
}

impl<'a> JavaText<'a> {
    /// For one fix.
    pub fn new(cx: &'a FixCx<'a>) -> JavaText<'a> {
        JavaText { files: std::cell::RefCell::default(), cx }
    }
    /// The services for a file.
    pub fn file(&self, file: FileId) -> std::rc::Rc<JavaCx<'a>> {
        if let Some(j) = self.files.borrow().iter().find(|j| j.file == file) {
            return j.clone();
        }
        let new = std::rc::Rc::new(self.cx.java(file));
        self.files.borrow_mut().push(new.clone());
        new
    }
}

/// The operands of a `+` chain; parentheses around the chain are not counted.
pub fn java_operands(jx: &JavaCx<'_>, span: Span) -> Vec<Span> {
    let Some(mut node) = jx.node_at(span) else { return vec![span] };
    while node.kind() == "parenthesized_expression"
        && let Some(inner) = node.named_child(0)
    {
        node = inner;
    }
    let mut out = Vec::new();
    let plus = |n: tree_sitter::Node<'_>| {
        n.kind() == "binary_expression" && n.child_by_field_name("operator").is_some_and(|o| jx.node_text(o) == "+")
    };
    while plus(node) {
        let (Some(left), Some(right)) = (node.child_by_field_name("left"), node.child_by_field_name("right")) else {
            break;
        };
        out.push(java::span_of(right));
        node = left;
    }
    out.push(java::span_of(node));
    out.reverse();
    out
}

impl Syntax for JavaText<'_> {
    fn operand_at(&self, file: FileId, span: Span) -> Option<Span> {
        if self.cx.detect.lang(file) != surefix_ir::Lang::Java {
            return None;
        }
        let jx = self.file(file);
        let mut node = jx.node_at(span)?;
        loop {
            let parent = node.parent()?;
            match parent.kind() {
                "parenthesized_expression" => node = parent,
                k if java::span_of(parent) == java::span_of(node) && k != "binary_expression" => node = parent,
                "binary_expression" => {
                    let plus = parent.child_by_field_name("operator").is_some_and(|o| jx.node_text(o) == "+");
                    return plus.then(|| java::span_of(node));
                }
                "assignment_expression" => {
                    let plus = parent.child_by_field_name("operator").is_some_and(|o| jx.node_text(o) == "+=");
                    let right = parent.child_by_field_name("right") == Some(node);
                    return (plus && right).then(|| java::span_of(node));
                }
                _ => return None,
            }
        }
    }
    fn operands(&self, file: FileId, span: Span) -> Vec<Span> {
        java_operands(&self.file(file), span)
    }
    fn is_literal(&self, file: FileId, span: Span) -> bool {
        self.file(file).node_at(span).is_some_and(|n| n.kind().ends_with("_literal"))
    }
}

/// Python. Files are parsed once each.
pub struct PyText<'a> {
    files: std::cell::RefCell<Vec<std::rc::Rc<PyCx<'a>>>>,
    cx: &'a FixCx<'a>,
}

impl<'a> PyText<'a> {
    /// For one fix.
    pub fn new(cx: &'a FixCx<'a>) -> PyText<'a> {
        PyText { files: std::cell::RefCell::default(), cx }
    }
    /// The services for a file.
    pub fn file(&self, file: FileId) -> std::rc::Rc<PyCx<'a>> {
        if let Some(p) = self.files.borrow().iter().find(|p| p.file == file) {
            return p.clone();
        }
        let new = std::rc::Rc::new(self.cx.python(file));
        self.files.borrow_mut().push(new.clone());
        new
    }
}

use ruff_python_ast::{AnyNodeRef, Expr, Operator};

/// The operands of a `+` chain or f-string.
pub fn py_operands(px: &PyCx<'_>, span: Span) -> Vec<Span> {
    let mut out = Vec::new();
    fn go(e: &Expr, out: &mut Vec<Span>, depth: u32) {
        match e {
            Expr::BinOp(b) if b.op == Operator::Add && depth < 500 => {
                go(&b.left, out, depth + 1);
                out.push(python::span_of(&*b.right));
            }
            Expr::FString(f) => {
                for part in f.value.elements() {
                    out.push(match part.as_interpolation() {
                        Some(i) => python::span_of(&*i.expression),
                        None => python::span_of(part),
                    });
                }
            }
            e => out.push(python::span_of(e)),
        }
    }
    match px.expr_at(span) {
        Some(e) => go(e, &mut out, 0),
        None => out.push(span),
    }
    out
}

impl Syntax for PyText<'_> {
    fn operand_at(&self, file: FileId, span: Span) -> Option<Span> {
        if self.cx.detect.lang(file) != surefix_ir::Lang::Python {
            return None;
        }
        let px = self.file(file);
        px.expr_at(span)?;
        let path = px.path_to(span);
        let covers = |n: &AnyNodeRef<'_>| {
            let r = ruff_text_size::Ranged::range(n);
            Span::new(r.start().to_u32(), r.end().to_u32()) != span
        };
        let outer: Vec<&AnyNodeRef<'_>> = path.iter().filter(|n| covers(n)).collect();
        match outer.last()? {
            AnyNodeRef::InterpolatedElement(i) if python::span_of(&*i.expression) == span => Some(span),
            AnyNodeRef::ExprBinOp(b) if b.op == Operator::Add => Some(span),
            AnyNodeRef::ExprBinOp(b) if b.op == Operator::Mod && python::span_of(&*b.right) == span => Some(span),
            AnyNodeRef::StmtAugAssign(a) if a.op == Operator::Add && python::span_of(&*a.value) == span => Some(span),
            AnyNodeRef::ExprTuple(_) => {
                let up = outer.len().checked_sub(2).and_then(|i| outer.get(i))?;
                matches!(up, AnyNodeRef::ExprBinOp(b) if b.op == Operator::Mod).then_some(span)
            }
            AnyNodeRef::Arguments(_) | AnyNodeRef::Keyword(_) => {
                let call =
                    outer.iter().rev().find_map(|n| if let AnyNodeRef::ExprCall(c) = n { Some(c) } else { None })?;
                let format = matches!(&*call.func, Expr::Attribute(a) if a.attr.as_str() == "format" || a.attr.as_str() == "append");
                format.then_some(span)
            }
            _ => None,
        }
    }
    fn operands(&self, file: FileId, span: Span) -> Vec<Span> {
        py_operands(&self.file(file), span)
    }
    fn is_literal(&self, file: FileId, span: Span) -> bool {
        match self.file(file).expr_at(span) {
            Some(e) => e.is_literal_expr(),
            // The constant parts of an f-string are no expressions.
            None => true,
        }
    }
}
