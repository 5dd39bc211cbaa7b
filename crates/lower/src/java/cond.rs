//! Conditions as control flow.

use super::kinds::{F, K};
use super::{Kids, Low, span};
use surefix_ir::{BlockId, Const, Op, Sym, Term, ValueId};
use tree_sitter::Node;

impl<'t> Low<'t> {
    /// A new unsealed block of the innermost function.
    pub(super) fn new_block(&mut self) -> BlockId {
        self.f().map_or(BlockId(0), |f| f.b.new_block())
    }

    /// Seals `b` and goes on there.
    pub(super) fn enter(&mut self, b: BlockId) {
        if let Some(f) = self.f() {
            f.enter(b);
        }
    }

    pub(super) fn goto(&mut self, b: BlockId) {
        if let Some(f) = self.f() {
            f.end(Term::Goto(b));
        }
    }

    pub(super) fn end(&mut self, t: Term) {
        if let Some(f) = self.f() {
            f.end(t);
        }
    }

    pub(super) fn branch_to(&mut self, cond: ValueId, then: BlockId, other: BlockId) {
        self.end(Term::If { cond, then, other });
    }

    /// Lowers a condition that goes to `yes` or `no`, both unsealed.
    pub(super) fn cond(&mut self, n: Node<'t>, yes: BlockId, no: BlockId) {
        stacker::maybe_grow(128 * 1024, 8 * 1024 * 1024, || self.cond_here(n, yes, no));
    }

    fn cond_here(&mut self, n: Node<'t>, mut yes: BlockId, mut no: BlockId) {
        let mut n = self.inner(n);
        while self.kind(n) == K::Unary && self.operator(n) == "!" {
            std::mem::swap(&mut yes, &mut no);
            match self.field(n, F::Operand) {
                Some(o) => n = self.inner(o),
                None => break,
            }
        }
        match self.kind(n) {
            K::Binary if matches!(self.operator(n), "&&" | "||") => {
                let op = self.operator(n);
                let mut parts = Kids::new();
                let mut at = n;
                while self.kind(at) == K::Binary && self.operator(at) == op {
                    let (Some(l), Some(r)) = (self.field(at, F::Left), self.field(at, F::Right)) else { break };
                    parts.push(r);
                    at = l;
                }
                parts.push(at);
                parts.reverse();
                let last = parts.len() - 1;
                for (i, part) in parts.into_iter().enumerate() {
                    if i == last {
                        self.cond(part, yes, no);
                        break;
                    }
                    let next = self.new_block();
                    if op == "&&" {
                        self.cond(part, next, no);
                    } else {
                        self.cond(part, yes, next);
                    }
                    self.enter(next);
                }
            }
            K::Ternary => {
                let (Some(c), Some(a), Some(b)) =
                    (self.field(n, F::Condition), self.field(n, F::Consequence), self.field(n, F::Alternative))
                else {
                    let v = self.broken(n);
                    self.branch_to(v, yes, no);
                    return;
                };
                let (then, other) = (self.new_block(), self.new_block());
                self.cond(c, then, other);
                self.enter(then);
                self.cond(a, yes, no);
                self.enter(other);
                self.cond(b, yes, no);
            }
            K::Instanceof => self.instance_of_branch(n, yes, no),
            _ => {
                let v = self.expr(n);
                self.branch_to(v, yes, no);
            }
        }
    }

    /// A condition as a value.
    pub(super) fn boolean(&mut self, n: Node<'t>) -> ValueId {
        let (yes, no) = (self.new_block(), self.new_block());
        self.cond(n, yes, no);
        let Some(var) = self.f().map(|f| f.b.new_var()) else { return ValueId(0) };
        let join = self.new_block();
        for (block, value) in [(yes, true), (no, false)] {
            self.enter(block);
            let v = self.constant(Const::Bool(value), span(n));
            if let Some(f) = self.f() {
                f.b.write(var, Sym::EMPTY, v);
                f.end(Term::Goto(join));
            }
        }
        self.enter(join);
        self.f().map_or(ValueId(0), |f| f.b.read(var))
    }

    pub(super) fn ternary(&mut self, n: Node<'t>) -> ValueId {
        // `a ? b : c ? d : …` is deep to the right; one join for the whole chain.
        let Some(var) = self.f().map(|f| f.b.new_var()) else { return ValueId(0) };
        let join = self.new_block();
        let mut at = n;
        loop {
            let (Some(c), Some(a), Some(b)) =
                (self.field(at, F::Condition), self.field(at, F::Consequence), self.field(at, F::Alternative))
            else {
                let v = self.broken(at);
                self.write_and_goto(var, v, join);
                break;
            };
            let (then, other) = (self.new_block(), self.new_block());
            self.cond(c, then, other);
            self.enter(then);
            let v = self.expr(a);
            self.write_and_goto(var, v, join);
            self.enter(other);
            at = self.inner(b);
            if self.kind(at) != K::Ternary {
                let v = self.expr(at);
                self.write_and_goto(var, v, join);
                break;
            }
        }
        self.enter(join);
        self.f().map_or(ValueId(0), |f| f.b.read(var))
    }

    pub(super) fn write_and_goto(&mut self, var: surefix_ir::build::Var, v: ValueId, to: BlockId) {
        if let Some(f) = self.f() {
            f.b.write(var, Sym::EMPTY, v);
            f.end(Term::Goto(to));
        }
    }

    /// `x instanceof T t` as control flow: the binding is written where the test holds.
    fn instance_of_branch(&mut self, n: Node<'t>, yes: BlockId, no: BlockId) {
        let value = self.in_field(n, F::Left);
        if let Some(p) = self.field(n, F::Pattern) {
            self.pattern(p, value, no, span(n));
            self.goto(yes);
            return;
        }
        let Some(ty) = self.field(n, F::Right).map(|t| self.type_ref(t, 0)) else {
            let v = self.broken(n);
            self.branch_to(v, yes, no);
            return;
        };
        let test = self.push(Op::InstanceOf(ty.clone(), value), span(n));
        let Some(name) = self.field(n, F::Name) else {
            self.branch_to(test, yes, no);
            return;
        };
        let then = self.new_block();
        self.branch_to(test, then, no);
        self.enter(then);
        let v = self.push(Op::Cast(ty, value), span(name));
        let name = self.sym(name);
        self.declare_with(name, v);
        self.goto(yes);
    }

    /// `instanceof` as a value.
    pub(super) fn instance_of(&mut self, n: Node<'t>) -> ValueId {
        if self.field(n, F::Pattern).is_some() {
            return self.boolean(n);
        }
        let value = self.in_field(n, F::Left);
        let Some(ty) = self.field(n, F::Right).map(|t| self.type_ref(t, 0)) else { return self.broken(n) };
        let test = self.push(Op::InstanceOf(ty.clone(), value), span(n));
        if let Some(name) = self.field(n, F::Name) {
            let v = self.push(Op::Cast(ty, value), span(name));
            let name = self.sym(name);
            self.declare_with(name, v);
        }
        test
    }
}
