//! The untrusted parts of a command, as the Java source names them.

use crate::origins::Origins;
use std::collections::BTreeSet;
use surefix_ir::{Callee, Op, ValueId};
use surefix_rewrite::JavaCx;
use surefix_syntax::java;
use surefix_text::Span;

/// An untrusted part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    /// The expression where it is put into the command.
    pub span: Span,
    /// Its value.
    pub value: ValueId,
    /// Index of the element of the argument vector; 0 for a command line.
    pub element: usize,
    /// Nothing stands before it in its element.
    pub first: bool,
}

/// An argument vector as it is spelled: one place, every element an expression.
#[derive(Clone, Debug)]
pub(super) struct Vector {
    /// Values and expressions of the elements.
    pub elements: Vec<(ValueId, Span)>,
    /// The statements `list.add(…)` of the elements, when it is a list that is filled.
    pub adds: Option<Vec<Span>>,
}

/// The walk over the command.
pub(super) struct Leaves<'w> {
    java: &'w JavaCx<'w>,
    origins: &'w Origins<'w>,
    seen: BTreeSet<(ValueId, Span)>,
    /// What was found.
    pub all: Vec<Leaf>,
}

impl<'w> Leaves<'w> {
    pub(super) fn new(java: &'w JavaCx<'w>, origins: &'w Origins<'w>) -> Self {
        Leaves { java, origins, seen: BTreeSet::new(), all: Vec::new() }
    }

    /// Walks `v`, which the expression at `span` gives.
    pub(super) fn walk(&mut self, v: ValueId, span: Span, element: usize, first: bool, depth: u32) {
        if depth > 24 || !self.seen.insert((v, span)) {
            return;
        }
        let o = self.origins;
        let inner = o.behind(v);
        if let Some(parts) = o.parts(inner) {
            let mut first = first;
            for p in parts {
                self.walk(p, o.span(p), element, first, depth + 1);
                first &= self.may_be_blank(p, 0);
            }
            return;
        }
        if let Some(vector) = self.vector(inner) {
            for (i, (value, at)) in vector.elements.iter().enumerate() {
                self.walk(*value, *at, i, true, depth + 1);
            }
            return;
        }
        if let Some(Op::Phi(ways)) = o.op(inner)
            && ways.iter().any(|(_, w)| self.is_built(o.behind(*w)))
        {
            for (_, w) in ways {
                self.walk(*w, o.span(*w), element, first, depth + 1);
            }
            return;
        }
        if !matches!(o.op(inner), Some(Op::Const(_))) {
            self.all.push(Leaf { span, value: v, element, first });
        }
    }

    /// On some way the value is no text at all, so that what follows it begins the command.
    fn may_be_blank(&self, v: ValueId, depth: u32) -> bool {
        match self.origins.op(self.origins.behind(v)) {
            Some(Op::Phi(ways)) if depth < 8 => ways.iter().any(|(_, w)| self.may_be_blank(*w, depth + 1)),
            _ => self.origins.text(v).is_some_and(|t| t.trim().is_empty()),
        }
    }

    fn is_built(&self, v: ValueId) -> bool {
        self.origins.parts(v).is_some() || self.vector(v).is_some()
    }

    /// The elements of an array, a list of constants' making, or a list that is filled with `add`.
    pub(super) fn vector(&self, v: ValueId) -> Option<Vector> {
        let o = self.origins;
        match o.op(o.behind(v))? {
            Op::Aggregate(_, items) => {
                let node = self.java.covering(o.span(o.behind(v)))?;
                let node = java_initializer(node)?;
                let mut cursor = node.walk();
                let nodes = node.named_children(&mut cursor).filter(|n| !n.kind().ends_with("_comment"));
                let spans: Vec<Span> = nodes.map(java::span_of).collect();
                let elements: Vec<_> = items.iter().map(|i| i.value).zip(spans.iter().copied()).collect();
                (elements.len() == items.len() && spans.len() == items.len()).then_some(Vector { elements, adds: None })
            }
            Op::Call(c) => match &c.callee {
                Callee::Method { recv, name } => {
                    let class: String = o.span(*recv).of(self.java.text).split_whitespace().collect();
                    let name = o.module.strings.get(*name);
                    let of = (name == "asList" && self.java.means_type(&class, "java.util.Arrays"))
                        || (name == "of" && self.java.means_type(&class, "java.util.List"));
                    let elements: Vec<_> = c.args.iter().map(|a| (a.value, a.span)).collect();
                    (of && elements.len() > 1).then_some(Vector { elements, adds: None })
                }
                Callee::New { ty, .. } if c.args.len() <= 1 => {
                    let class = o.module.strings.get(ty.name);
                    let list = ["java.util.ArrayList", "java.util.LinkedList"];
                    if !list.iter().any(|l| self.java.means_type(class, l)) {
                        return None;
                    }
                    // `new ArrayList<>(List.of(…))`.
                    let mut elements = match c.args.first() {
                        Some(a) => self.vector(a.value).map(|v| v.elements).unwrap_or_default(),
                        None => Vec::new(),
                    };
                    let mut adds = vec![Span::default(); elements.len()];
                    for i in &o.func.instrs {
                        let Op::Call(add) = &i.op else { continue };
                        let Callee::Method { recv, name } = &add.callee else { continue };
                        if o.behind(*recv) != o.behind(v) || o.module.strings.get(*name) != "add" {
                            continue;
                        }
                        if let [one] = add.args.as_slice() {
                            elements.push((one.value, one.span));
                            adds.push(self.java.stmt_of(i.span)?);
                        }
                    }
                    (!elements.is_empty()).then_some(Vector { elements, adds: Some(adds) })
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// The leaves that carry the untrusted data. Where the trace does not tell, the only one that is not constant.
    pub(super) fn tainted(&self) -> Vec<Leaf> {
        let sure: Vec<Leaf> = self.all.iter().filter(|l| self.origins.depends(l.value)).cloned().collect();
        if !sure.is_empty() {
            return sure;
        }
        let open: Vec<&Leaf> = self.all.iter().filter(|l| self.origins.first_tainted(&[l.value]) == Some(0)).collect();
        let mut names: Vec<&str> = open.iter().map(|l| l.span.of(self.java.text)).collect();
        names.sort_unstable();
        names.dedup();
        if names.len() == 1 { open.into_iter().cloned().collect() } else { Vec::new() }
    }
}

/// The braces of an array creation or initialiser.
fn java_initializer(node: tree_sitter::Node<'_>) -> Option<tree_sitter::Node<'_>> {
    if node.kind() == "array_initializer" {
        return Some(node);
    }
    let value = node.child_by_field_name("value")?;
    (value.kind() == "array_initializer").then_some(value)
}
