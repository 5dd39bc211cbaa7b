//! Conditions as control flow.

use super::{Low, deep, span};
use ruff_python_ast::{BoolOp, CmpOp, Expr, ExprBoolOp, ExprCall, ExprCompare, ExprIf, UnaryOp};
use surefix_ir::{BinOp, BlockId, Const, Op, ValueId};
use surefix_text::Span;

fn comparison(op: CmpOp) -> BinOp {
    match op {
        CmpOp::Eq => BinOp::Eq,
        CmpOp::NotEq => BinOp::Ne,
        CmpOp::Lt => BinOp::Lt,
        CmpOp::LtE => BinOp::Le,
        CmpOp::Gt => BinOp::Gt,
        CmpOp::GtE => BinOp::Ge,
        CmpOp::Is => BinOp::Is,
        CmpOp::IsNot => BinOp::IsNot,
        CmpOp::In => BinOp::In,
        CmpOp::NotIn => BinOp::NotIn,
    }
}

impl<'a> Low<'a> {
    /// Lowers a condition that goes to `yes` or `no`, both unsealed.
    pub(super) fn cond(&mut self, e: &'a Expr, yes: BlockId, no: BlockId) {
        deep(|| self.cond_here(e, yes, no));
    }

    fn cond_here(&mut self, e: &'a Expr, mut yes: BlockId, mut no: BlockId) {
        let mut e = e;
        while let Expr::UnaryOp(u) = e
            && u.op == UnaryOp::Not
        {
            std::mem::swap(&mut yes, &mut no);
            e = &u.operand;
        }
        match e {
            Expr::BoolOp(b) => {
                let last = b.values.len().saturating_sub(1);
                for (i, part) in b.values.iter().enumerate() {
                    if i == last {
                        self.cond(part, yes, no);
                        break;
                    }
                    let next = self.new_block();
                    match b.op {
                        BoolOp::And => self.cond(part, next, no),
                        BoolOp::Or => self.cond(part, yes, next),
                    }
                    self.enter(next);
                }
            }
            Expr::If(t) => {
                let (then, other) = (self.new_block(), self.new_block());
                self.cond(&t.test, then, other);
                self.enter(then);
                self.cond(&t.body, yes, no);
                self.enter(other);
                self.cond(&t.orelse, yes, no);
            }
            Expr::Compare(c) => {
                let mut left = self.expr(&c.left);
                let last = c.ops.len().saturating_sub(1);
                for (i, (op, right)) in c.ops.iter().zip(c.comparators.iter()).enumerate() {
                    let (v, r) = self.compare_one(c, i, *op, left, right);
                    if i == last {
                        self.branch_to(v, yes, no);
                        break;
                    }
                    let next = self.new_block();
                    self.branch_to(v, next, no);
                    self.enter(next);
                    left = r;
                }
            }
            Expr::Call(c) if self.is_type_test(c) => {
                let (value, types) = self.type_test_parts(c);
                self.type_test(types, value, span(c), yes, no);
            }
            _ => {
                let v = self.expr(e);
                self.branch_to(v, yes, no);
            }
        }
    }

    /// Comparison number `i` of a chain; gives the result and the right operand.
    fn compare_one(
        &mut self,
        c: &'a ExprCompare,
        i: usize,
        op: CmpOp,
        left: ValueId,
        right: &'a Expr,
    ) -> (ValueId, ValueId) {
        let r = self.expr(right);
        let from = if i == 0 { span(c).lo } else { c.comparators.get(i - 1).map_or(span(c).lo, |p| span(p).lo) };
        let to = if c.ops.len() == 1 { span(c).hi } else { span(right).hi };
        let at = Span::new(from.min(to), to);
        (self.push(Op::Bin(comparison(op), left, r), at), r)
    }

    /// A comparison as a value.
    pub(super) fn compare(&mut self, c: &'a ExprCompare) -> ValueId {
        let mut left = self.expr(&c.left);
        if let ([op], [right]) = (c.ops.as_ref(), c.comparators.as_ref()) {
            return self.compare_one(c, 0, *op, left, right).0;
        }
        let last = c.ops.len().saturating_sub(1);
        let var = self.new_var();
        let join = self.new_block();
        for (i, (op, right)) in c.ops.iter().zip(c.comparators.iter()).enumerate() {
            let (v, r) = self.compare_one(c, i, *op, left, right);
            if i == last {
                self.write_and_goto(var, v, join);
                break;
            }
            self.write(var, surefix_ir::Sym::EMPTY, v);
            let next = self.new_block();
            self.branch_to(v, next, join);
            self.enter(next);
            left = r;
        }
        self.enter(join);
        self.read(var)
    }

    /// `and`, `or` as values: one of the operands.
    pub(super) fn bool_op(&mut self, b: &'a ExprBoolOp) -> ValueId {
        let var = self.new_var();
        let join = self.new_block();
        let last = b.values.len().saturating_sub(1);
        for (i, part) in b.values.iter().enumerate() {
            let v = self.expr(part);
            if i == last {
                self.write_and_goto(var, v, join);
                break;
            }
            self.write(var, surefix_ir::Sym::EMPTY, v);
            let next = self.new_block();
            match b.op {
                BoolOp::And => self.branch_to(v, next, join),
                BoolOp::Or => self.branch_to(v, join, next),
            }
            self.enter(next);
        }
        self.enter(join);
        self.read(var)
    }

    /// A condition as a boolean.
    pub(super) fn boolean(&mut self, e: &'a Expr) -> ValueId {
        let (yes, no, join) = (self.new_block(), self.new_block(), self.new_block());
        self.cond(e, yes, no);
        let var = self.new_var();
        for (block, value) in [(yes, true), (no, false)] {
            self.enter(block);
            let v = self.constant(Const::Bool(value), span(e));
            self.write_and_goto(var, v, join);
        }
        self.enter(join);
        self.read(var)
    }

    pub(super) fn ternary(&mut self, e: &'a ExprIf) -> ValueId {
        // `a if b else c if d else …` is deep to the right; one join for the whole chain.
        let var = self.new_var();
        let join = self.new_block();
        let mut at = e;
        loop {
            let (then, other) = (self.new_block(), self.new_block());
            self.cond(&at.test, then, other);
            self.enter(then);
            let v = self.expr(&at.body);
            self.write_and_goto(var, v, join);
            self.enter(other);
            match at.orelse.as_ref() {
                Expr::If(next) => at = next,
                last => {
                    let v = self.expr(last);
                    self.write_and_goto(var, v, join);
                    break;
                }
            }
        }
        self.enter(join);
        self.read(var)
    }

    /// True for `isinstance(x, T)` with plain names for types.
    pub(super) fn is_type_test(&mut self, c: &ExprCall) -> bool {
        let Expr::Name(n) = c.func.as_ref() else { return false };
        if n.id.as_str() != "isinstance" || c.arguments.args.len() != 2 || !c.arguments.keywords.is_empty() {
            return false;
        }
        let name = self.strings.intern("isinstance");
        let builtin = matches!(self.place(name), super::env::Place::Global)
            && !self.scopes.get(0).and_then(|s| s.get(name)).is_some_and(|i| i.has(super::scope::is::BOUND));
        let named = |e: &Expr| super::types::dotted(e).is_some();
        builtin
            && c.arguments.args.get(1).is_some_and(|t| match t {
                Expr::Tuple(t) => !t.elts.is_empty() && t.elts.iter().all(named),
                one => named(one),
            })
            && !c.arguments.args.iter().any(|a| a.is_starred_expr())
    }

    /// The tested value and the types of a call that [`Low::is_type_test`] accepts.
    pub(super) fn type_test_parts(&mut self, c: &'a ExprCall) -> (ValueId, Vec<surefix_ir::TypeRef>) {
        let value = match c.arguments.args.first() {
            Some(v) => self.expr(v),
            None => self.opaque(span(c)),
        };
        let types = c.arguments.args.get(1).map(|t| self.types_in(t)).unwrap_or_default();
        (value, types)
    }
}
