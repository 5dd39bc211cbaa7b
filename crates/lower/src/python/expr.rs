//! Expressions.

use super::{Low, deep, span};
use ruff_python_ast::{Expr, ExprDict, ExprSubscript, ExprUnaryOp, UnaryOp};
use smallvec::SmallVec;
use surefix_ir::{AggKind, Const, Item, Op, UnOp, ValueId};
use surefix_text::Span;

impl<'a> Low<'a> {
    /// Lowers an expression to its value.
    pub(super) fn expr(&mut self, e: &'a Expr) -> ValueId {
        deep(|| self.expr_here(e))
    }

    fn expr_here(&mut self, e: &'a Expr) -> ValueId {
        let at = span(e);
        match e {
            Expr::Name(n) => {
                // The parser puts an empty name where an expression is missing.
                if n.id.is_empty() {
                    return self.opaque(at);
                }
                let name = self.strings.intern(n.id.as_str());
                self.read_name(name, at)
            }
            Expr::Attribute(a) => {
                let base = if self.is_super(&a.value) { self.first_param(at) } else { self.expr(&a.value) };
                let name = self.strings.intern(a.attr.as_str());
                self.push(Op::LoadField(base, name), at)
            }
            Expr::Call(c) => self.call(c),
            Expr::StringLiteral(s) => self.string(s),
            Expr::BytesLiteral(b) => self.bytes(b),
            Expr::FString(f) => self.f_string(f),
            Expr::TString(t) => self.t_string(t),
            Expr::NumberLiteral(_) | Expr::BooleanLiteral(_) | Expr::NoneLiteral(_) | Expr::EllipsisLiteral(_) => {
                match self.literal(e) {
                    Some(c) => self.constant(c, at),
                    // Complex and large numbers.
                    None => self.opaque(at),
                }
            }
            Expr::BinOp(_) => self.binary(e),
            Expr::UnaryOp(u) => self.unary(e, u),
            Expr::BoolOp(b) => self.bool_op(b),
            Expr::Compare(c) => self.compare(c),
            Expr::If(t) => self.ternary(t),
            Expr::Named(n) => {
                let v = self.expr(&n.value);
                self.assign(&n.target, v, at);
                v
            }
            Expr::Lambda(l) => self.lambda(l),
            Expr::Subscript(s) => self.subscript(s),
            Expr::List(l) => self.display(AggKind::List, &l.elts, at),
            Expr::Tuple(t) => self.display(AggKind::Tuple, &t.elts, at),
            Expr::Set(s) => self.display(AggKind::Set, &s.elts, at),
            Expr::Dict(d) => self.dict(d),
            Expr::ListComp(c) => self.comprehension(e, AggKind::List, None, &c.elt, &c.generators),
            Expr::SetComp(c) => self.comprehension(e, AggKind::Set, None, &c.elt, &c.generators),
            Expr::Generator(c) => self.comprehension(e, AggKind::Generator, None, &c.elt, &c.generators),
            Expr::DictComp(c) => self.comprehension(e, AggKind::Dict, c.key.as_deref(), &c.value, &c.generators),
            Expr::Await(a) => {
                let v = self.expr(&a.value);
                self.push(Op::Await(v), at)
            }
            Expr::Yield(y) => {
                let v = match &y.value {
                    Some(v) => self.expr(v),
                    None => self.constant(Const::Null, at),
                };
                self.push(Op::Yield(v), at)
            }
            Expr::YieldFrom(y) => {
                let v = self.expr(&y.value);
                let element = self.push(Op::IterNext(v), span(y.value.as_ref()));
                self.push(Op::Yield(element), at);
                // What the other generator returns.
                self.push(Op::Unknown(vec![v]), at)
            }
            // Only in a broken program; elsewhere displays and calls look for it.
            Expr::Starred(s) => self.expr(&s.value),
            // Inside the tuple of a subscript (`m[1:2, 0]`).
            Expr::Slice(s) => {
                let mut parts = Vec::new();
                for b in [&s.lower, &s.upper, &s.step].into_iter().flatten() {
                    parts.push(self.expr(b));
                }
                self.push(Op::Unknown(parts), at)
            }
            Expr::IpyEscapeCommand(_) => {
                self.diagnose(at, "unknown expression");
                self.opaque(at)
            }
        }
    }

    /// The receiver of the method here.
    fn first_param(&mut self, at: Span) -> ValueId {
        let first = self.fns.last().and_then(|f| f.b.func.blocks.first()).and_then(|b| b.instrs.first().copied());
        first.unwrap_or_else(|| self.opaque(at))
    }

    fn unary(&mut self, e: &'a Expr, u: &'a ExprUnaryOp) -> ValueId {
        if let Some(c) = self.literal(e) {
            return self.constant(c, span(e));
        }
        let mut chain: SmallVec<[&'a ExprUnaryOp; 2]> = SmallVec::new();
        let mut at: &'a Expr = e;
        while let Expr::UnaryOp(u) = at {
            chain.push(u);
            at = &u.operand;
        }
        // A negated condition is a boolean, whatever its operands are.
        let by_branches = u.op == UnaryOp::Not
            && match at {
                Expr::BoolOp(_) => true,
                Expr::Compare(c) => c.ops.len() > 1,
                _ => false,
            };
        if by_branches && chain.iter().all(|u| u.op == UnaryOp::Not) {
            return self.boolean(e);
        }
        let mut v = self.expr(at);
        for u in chain.into_iter().rev() {
            let op = match u.op {
                UnaryOp::Not => UnOp::Not,
                UnaryOp::USub => UnOp::Neg,
                UnaryOp::Invert => UnOp::BitNot,
                UnaryOp::UAdd => UnOp::Plus,
            };
            v = self.push(Op::Un(op, v), span(u));
        }
        v
    }

    fn subscript(&mut self, s: &'a ExprSubscript) -> ValueId {
        let base = self.expr(&s.value);
        if let Expr::Slice(slice) = s.slice.as_ref() {
            let bounds = [&slice.lower, &slice.upper, &slice.step].map(|b| b.as_deref());
            let bounds = bounds.map(|b| b.map(|b| self.expr(b)));
            return self.push(Op::Slice(base, bounds), span(s));
        }
        let index = self.expr(&s.slice);
        self.push(Op::LoadIndex(base, index), span(s))
    }

    /// A literal list, tuple or set.
    pub(super) fn display(&mut self, kind: AggKind, elements: &'a [Expr], at: Span) -> ValueId {
        let mut items = Vec::with_capacity(elements.len());
        for e in elements {
            let (inner, spread) = match e {
                Expr::Starred(s) => (s.value.as_ref(), true),
                _ => (e, false),
            };
            let value = self.copied(inner);
            items.push(Item { key: None, value, spread });
        }
        self.push(Op::Aggregate(kind, items), at)
    }

    fn dict(&mut self, d: &'a ExprDict) -> ValueId {
        let mut items = Vec::with_capacity(d.items.len());
        for i in &d.items {
            let key = i.key.as_ref().map(|k| self.copied(k));
            let value = self.copied(&i.value);
            items.push(Item { key, value, spread: key.is_none() });
        }
        self.push(Op::Aggregate(AggKind::Dict, items), span(d))
    }
}
