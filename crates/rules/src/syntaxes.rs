//! The syntax that [`crate::operands`] asks for, in Java and Python.

use crate::FixCx;
use crate::operands::{Entering, HOLE, Syntax};
use surefix_rewrite::{JavaCx, LiteralMap, PyCx};
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
    fn entering(&self, file: FileId, span: Span) -> Vec<Entering> {
        if self.cx.detect.lang(file) != surefix_ir::Lang::Java {
            return Vec::new();
        }
        let jx = self.file(file);
        let Some(mut node) = jx.node_at(span) else { return Vec::new() };
        // A statement that is one expression has its bytes but for the semicolon.
        if node.kind() == "expression_statement"
            && let Some(inner) = node.named_child(0)
        {
            node = inner;
        }
        match node.kind() {
            "method_invocation" => {
                let before = java_text_before(&jx, node);
                let args = jx.args(java::span_of(node));
                let name = node.child_by_field_name("name").map_or("", |n| jx.node_text(n));
                let given: Vec<Span> = args.into_iter().filter(|a| !self.is_literal(file, *a)).collect();
                if !matches!(name, "append" | "concat" | "insert") {
                    return given
                        .into_iter()
                        .map(|span| Entering { span, before: String::new(), after: String::new() })
                        .collect();
                }
                given.iter().flat_map(|a| java_parts(&jx, *a, &before)).collect()
            }
            "assignment_expression" => match node.child_by_field_name("right") {
                Some(right) => java_parts(&jx, java::span_of(right), ""),
                None => Vec::new(),
            },
            _ => java_parts(&jx, java::span_of(node), ""),
        }
    }
    fn constants(&self, file: FileId, span: Span) -> String {
        let jx = self.file(file);
        let Some(node) = jx.covering(span) else { return String::new() };
        let mut out = if node.kind() == "method_invocation" { java_text_before(&jx, node) } else { String::new() };
        java::walk(node, &mut |n| {
            if n.kind() == "string_literal"
                && let Some(map) = LiteralMap::new(surefix_ir::Lang::Java, jx.node_text(n))
            {
                out.push_str(map.decoded());
            }
            true
        });
        out
    }
}

/// The operands of a `+` chain that are no literals, with the constants around them.
fn java_parts(jx: &JavaCx<'_>, span: Span, before: &str) -> Vec<Entering> {
    let texts: Vec<(Span, Option<String>)> = java_operands(jx, span)
        .into_iter()
        .map(|s| (s, LiteralMap::new(surefix_ir::Lang::Java, s.of(jx.text)).map(|m| m.decoded().to_string())))
        .collect();
    surrounded(&texts, before)
}

fn surrounded(texts: &[(Span, Option<String>)], before: &str) -> Vec<Entering> {
    let join = |part: &[(Span, Option<String>)]| -> String {
        part.iter().map(|(_, t)| t.clone().unwrap_or_else(|| HOLE.to_string())).collect()
    };
    let mut out = Vec::new();
    for (i, (span, text)) in texts.iter().enumerate() {
        if text.is_none() {
            let before = format!("{before}{}", join(&texts[..i]));
            out.push(Entering { span: *span, before, after: join(texts.get(i + 1..).unwrap_or_default()) });
        }
    }
    out
}

/// What the method appended to the same builder before, in the order of the source.
fn java_text_before(jx: &JavaCx<'_>, call: tree_sitter::Node<'_>) -> String {
    fn root<'t>(mut node: tree_sitter::Node<'t>) -> tree_sitter::Node<'t> {
        while node.kind() == "method_invocation"
            && let Some(object) = node.child_by_field_name("object")
        {
            node = object;
        }
        node
    }
    let builder = root(call);
    let name = jx.node_text(builder);
    let Some(method) = jx.method_of(java::span_of(call)) else { return String::new() };
    let limit = call.child_by_field_name("arguments").map_or(call.start_byte(), |a| a.start_byte());
    let mut parts: Vec<(u32, String)> = Vec::new();
    java::walk(method, &mut |n| {
        if n.start_byte() >= limit {
            return false;
        }
        let mut note = |span: Span| {
            for s in java_operands(jx, span) {
                let literal = LiteralMap::new(surefix_ir::Lang::Java, s.of(jx.text));
                parts.push((s.lo, literal.map_or_else(|| HOLE.to_string(), |m| m.decoded().to_string())));
            }
        };
        let args = n.child_by_field_name("arguments");
        match n.kind() {
            "method_invocation" if args.is_some_and(|a| a.end_byte() < limit) => {
                let appends = n.child_by_field_name("name").is_some_and(|x| jx.node_text(x) == "append");
                if appends && jx.node_text(root(n)) == name {
                    jx.args(java::span_of(n)).into_iter().for_each(&mut note);
                }
            }
            "object_creation_expression" if n.end_byte() < limit => {
                let declared = n.parent().filter(|p| p.kind() == "variable_declarator");
                let own = declared.and_then(|d| d.child_by_field_name("name")).is_some_and(|x| jx.node_text(x) == name);
                if own || n == builder {
                    jx.args(java::span_of(n)).into_iter().for_each(&mut note);
                }
            }
            _ => {}
        }
        true
    });
    parts.sort();
    parts.into_iter().map(|p| p.1).collect()
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
    fn entering(&self, file: FileId, span: Span) -> Vec<Entering> {
        if self.cx.detect.lang(file) != surefix_ir::Lang::Python {
            return Vec::new();
        }
        let px = self.file(file);
        let expr = match px.expr_at(span) {
            Some(e) => e,
            None => match px.path_to(span).into_iter().rev().find(|n| n.is_statement()) {
                Some(AnyNodeRef::StmtAugAssign(a)) if python::span_of(a) == span => &*a.value,
                _ => return Vec::new(),
            },
        };
        let alone = |e: &Expr| Entering { span: python::span_of(e), before: String::new(), after: String::new() };
        match expr {
            Expr::BinOp(b) if b.op == Operator::Mod => match &*b.right {
                Expr::Tuple(t) => t.elts.iter().map(alone).collect(),
                e => vec![alone(e)],
            },
            Expr::Call(c) => {
                let args = c.arguments.args.iter().chain(c.arguments.keywords.iter().map(|k| &k.value));
                args.filter(|e| !e.is_literal_expr()).flat_map(|e| py_parts(&px, e)).collect()
            }
            e => py_parts(&px, e),
        }
    }
    fn constants(&self, file: FileId, span: Span) -> String {
        // The quotes around literals are no part of their texts.
        span.of(self.cx.detect.text(file)).replace(['"', '\''], "")
    }
}

/// The parts of a `+` chain or f-string that are no literals, with the constants around them.
fn py_parts(px: &PyCx<'_>, expr: &Expr) -> Vec<Entering> {
    let mut texts: Vec<(Span, Option<String>)> = Vec::new();
    let mut add = |e: &Expr| match e {
        Expr::StringLiteral(s) => texts.push((python::span_of(e), Some(s.value.to_str().to_string()))),
        Expr::FString(f) => {
            for part in f.value.elements() {
                match (part.as_interpolation(), part.as_literal()) {
                    (Some(i), _) => texts.push((python::span_of(&*i.expression), None)),
                    (None, Some(l)) => texts.push((python::span_of(part), Some(l.value.to_string()))),
                    _ => {}
                }
            }
        }
        e => texts.push((python::span_of(e), None)),
    };
    match expr {
        Expr::BinOp(b) if b.op == Operator::Add => {
            for s in py_operands(px, python::span_of(expr)) {
                if let Some(e) = px.expr_at(s) {
                    add(e);
                }
            }
        }
        e => add(e),
    }
    surrounded(&texts, "")
}
