//! Operators: arithmetic, concatenation, assignment.

use super::kinds::{F, K};
use super::{Low, span};
use smallvec::SmallVec;
use surefix_ir::{BinOp, Const, Op, UnOp, ValueId};
use surefix_text::Span;
use tree_sitter::Node;

/// The operator of a token, `None` for short-circuit ones.
pub(super) fn binary_operator(token: &str) -> Option<BinOp> {
    Some(match token {
        "+" => BinOp::Add,
        "-" => BinOp::Sub,
        "*" => BinOp::Mul,
        "/" => BinOp::Div,
        "%" => BinOp::Mod,
        "&" => BinOp::And,
        "|" => BinOp::Or,
        "^" => BinOp::Xor,
        "<<" => BinOp::Shl,
        ">>" => BinOp::Shr,
        ">>>" => BinOp::UShr,
        "==" => BinOp::Eq,
        "!=" => BinOp::Ne,
        "<" => BinOp::Lt,
        "<=" => BinOp::Le,
        ">" => BinOp::Gt,
        ">=" => BinOp::Ge,
        _ => return None,
    })
}

/// What a left-associative chain amounts to so far.
enum Acc {
    Value(ValueId),
    /// Text under construction; emitted when the chain of `+` ends.
    Text(Vec<ValueId>, Span),
}

impl<'t> Low<'t> {
    pub(super) fn operator(&self, n: Node<'t>) -> &'t str {
        self.field(n, F::Operator).map_or("", |o| o.kind())
    }

    /// Binary operators; a chain that is deep to the left is walked in a loop.
    pub(super) fn binary(&mut self, n: Node<'t>) -> ValueId {
        let mut spine: SmallVec<[Node<'t>; 8]> = SmallVec::new();
        let mut at = n;
        while self.kind(at) == K::Binary && binary_operator(self.operator(at)).is_some() {
            spine.push(at);
            match self.field(at, F::Left) {
                Some(l) => at = l,
                None => return self.broken(n),
            }
        }
        if spine.is_empty() {
            return if matches!(self.operator(n), "&&" | "||") { self.boolean(n) } else { self.broken(n) };
        }
        let plus = |low: &Self, b: &Node<'t>| low.operator(*b) == "+";
        let first_plus = spine.last().is_some_and(|b| plus(self, b));
        let (first, mut text) = if first_plus { self.expr_here_copied(at) } else { (self.expr(at), false) };
        let mut acc = Acc::Value(first);
        for b in spine.into_iter().rev() {
            let Some(right) = self.field(b, F::Right) else {
                let v = self.broken(b);
                acc = Acc::Value(v);
                continue;
            };
            let whole = span(b);
            if plus(self, &b) {
                let left = match acc {
                    Acc::Text(mut parts, _) => {
                        let (r, _) = self.expr_here_copied(right);
                        parts.push(r);
                        acc = Acc::Text(parts, whole);
                        continue;
                    }
                    Acc::Value(v) => v,
                };
                let (r, right_text) = self.expr_here_copied(right);
                acc = if text || right_text {
                    Acc::Text(vec![left, r], whole)
                } else {
                    Acc::Value(self.push(Op::Bin(BinOp::Add, left, r), whole))
                };
                text = false;
            } else {
                let left = self.settle(acc);
                let r = self.expr(right);
                let op = binary_operator(self.operator(b)).unwrap_or(BinOp::Add);
                acc = Acc::Value(self.push(Op::Bin(op, left, r), whole));
                text = false;
            }
        }
        self.settle(acc)
    }

    fn settle(&mut self, acc: Acc) -> ValueId {
        match acc {
            Acc::Value(v) => v,
            Acc::Text(parts, at) => self.push(Op::Concat(parts), at),
        }
    }

    pub(super) fn unary(&mut self, n: Node<'t>) -> ValueId {
        if let Some(c) = self.literal(n) {
            return self.constant(c, span(n));
        }
        let mut chain: SmallVec<[Node<'t>; 2]> = SmallVec::new();
        let mut at = n;
        while self.kind(at) == K::Unary {
            chain.push(at);
            match self.field(at, F::Operand) {
                Some(o) => at = o,
                None => return self.broken(n),
            }
        }
        let mut v = self.expr(at);
        for u in chain.into_iter().rev() {
            let op = match self.operator(u) {
                "!" => UnOp::Not,
                "-" => UnOp::Neg,
                "~" => UnOp::BitNot,
                _ => UnOp::Plus,
            };
            v = self.push(Op::Un(op, v), span(u));
        }
        v
    }

    /// Assigns to what `target` denotes, `make` giving the new value from the old one (`None` for plain `=`).
    /// Gives the old and the new value.
    fn assign(
        &mut self,
        target: Node<'t>,
        whole: Span,
        old: bool,
        make: impl FnOnce(&mut Self, Option<ValueId>) -> ValueId,
    ) -> (Option<ValueId>, ValueId) {
        let target = self.inner(target);
        match self.kind(target) {
            K::FieldAccess => {
                let (Some(object), Some(field)) = (self.field(target, F::Object), self.field(target, F::Field)) else {
                    let v = make(self, None);
                    return (None, v);
                };
                let base = self.expr(object);
                let name = self.sym(field);
                let before = old.then(|| self.push(Op::LoadField(base, name), span(target)));
                let v = make(self, before);
                self.push(Op::StoreField(base, name, v), whole);
                (before, v)
            }
            K::ArrayAccess => {
                let base = self.in_field(target, F::Array);
                let index = self.in_field(target, F::Index);
                let before = old.then(|| self.push(Op::LoadIndex(base, index), span(target)));
                let v = make(self, before);
                self.push(Op::StoreIndex(base, index, v), whole);
                (before, v)
            }
            K::Identifier => {
                let before = old.then(|| self.read_name(target));
                let v = make(self, before);
                self.write_name(target, v, whole);
                (before, v)
            }
            _ => {
                let before = self.broken(target);
                let v = make(self, old.then_some(before));
                (Some(before), v)
            }
        }
    }

    pub(super) fn assignment(&mut self, n: Node<'t>) -> ValueId {
        // `a = b = c = …` is deep to the right, but its stores happen from the inside: recursion is guarded by `expr`.
        let (Some(left), Some(right)) = (self.field(n, F::Left), self.field(n, F::Right)) else {
            return self.broken(n);
        };
        let whole = span(n);
        let token = self.operator(n);
        let Some(op) = token.strip_suffix('=').and_then(binary_operator) else {
            return self.assign(left, whole, false, |low, _| low.expr(right)).1;
        };
        if op != BinOp::Add {
            return self
                .assign(left, whole, true, |low, old| {
                    let r = low.expr(right);
                    match old {
                        Some(l) => low.push(Op::Bin(op, l, r), whole),
                        None => r,
                    }
                })
                .1;
        }
        self.assign(left, whole, true, |low, old| {
            let left_text = old.is_some_and(|l| low.is_text(l));
            let l = old.map(|l| low.copied(l, left));
            let (r, right_text) = low.expr_here_copied(right);
            match l {
                Some(l) if left_text || right_text => low.push(Op::Concat(vec![l, r]), whole),
                Some(l) => low.push(Op::Bin(BinOp::Add, l, r), whole),
                None => r,
            }
        })
        .1
    }

    /// `v` under the span of the name `n` that reads it.
    fn copied(&mut self, v: ValueId, n: Node<'t>) -> ValueId {
        if self.kind(n) != K::Identifier {
            return v;
        }
        let name = self.sym(n);
        let Some(f) = self.f() else { return v };
        if f.b.func.instrs.get(v.0 as usize).is_some_and(|i| i.span == span(n)) {
            return v;
        }
        let copy = f.b.push(Op::Copy(v), span(n));
        f.b.func.names.push((copy, name));
        copy
    }

    /// `++` and `--`, in front or behind.
    pub(super) fn update(&mut self, n: Node<'t>) -> ValueId {
        let Some(mut target) = self.kid(n, |_| true) else { return self.broken(n) };
        let whole = span(n);
        // The grammar reads `(byte) i++` as `((byte) i)++`.
        let mut casts: SmallVec<[Node<'t>; 1]> = SmallVec::new();
        while self.kind(target) == K::Cast {
            let Some(value) = self.field(target, F::Value) else { break };
            casts.push(target);
            target = value;
        }
        let whole = if casts.is_empty() { whole } else { Span::new(span(target).lo, whole.hi) };
        let prefix = casts.is_empty() && span(target).lo != whole.lo;
        let token = if prefix { Span::new(whole.lo, span(target).lo) } else { Span::new(span(target).hi, whole.hi) };
        let op = if token.of(self.src).contains("++") { BinOp::Add } else { BinOp::Sub };
        let (before, after) = self.assign(target, whole, true, |low, old| {
            let one = low.constant(Const::Int(1), token);
            match old {
                Some(old) => low.push(Op::Bin(op, old, one), whole),
                None => one,
            }
        });
        let mut v = match before {
            Some(v) if !prefix => v,
            _ => after,
        };
        for c in casts.into_iter().rev() {
            if let Some(ty) = self.field(c, F::Type).map(|t| self.type_ref(t, 0)) {
                v = self.push(Op::Cast(ty, v), Span::new(span(c).lo, whole.hi));
            }
        }
        v
    }
}
