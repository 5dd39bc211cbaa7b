//! Calls.

use super::types::dotted;
use super::{Low, span};
use ruff_python_ast::{Arguments, Expr, ExprCall};
use ruff_text_size::Ranged;
use surefix_ir::{Arg, Call, Callee, Op, ParamKind, Sym, ValueId};

impl<'a> Low<'a> {
    /// Lowers arguments in source order, the first `skip` left out.
    pub(super) fn args(&mut self, list: &'a Arguments, skip: usize) -> Vec<Arg> {
        let mut out = Vec::with_capacity(list.len());
        for a in list.iter_source_order().skip(skip) {
            let (name, spread, inner) = match (a.as_keyword().map(|k| &k.arg), a.value()) {
                (Some(Some(name)), v) => (self.strings.intern(name.as_str()), 0, v),
                (Some(None), v) => (Sym::EMPTY, 2, v),
                (None, Expr::Starred(s)) => (Sym::EMPTY, 1, s.value.as_ref()),
                (None, v) => (Sym::EMPTY, 0, v),
            };
            let value = self.expr(inner);
            let at = surefix_text::Span::new(a.start().to_u32(), a.end().to_u32());
            out.push(Arg { value, name, spread, span: at });
        }
        out
    }

    pub(super) fn call(&mut self, c: &'a ExprCall) -> ValueId {
        if self.is_type_test(c) {
            let (value, mut types) = self.type_test_parts(c);
            if types.len() == 1
                && let Some(ty) = types.pop()
            {
                return self.push(Op::InstanceOf(ty, value), span(c));
            }
            return self.any_type(types, value, span(c));
        }
        let args_span = span(&c.arguments);
        let mut skip = 0;
        let (callee, name_span) = match c.func.as_ref() {
            Expr::Name(n) => {
                let name = self.strings.intern(n.id.as_str());
                if n.id.is_empty() || self.is_variable(name) || self.is_member(name) {
                    (Callee::Value(self.expr(&c.func)), span(n))
                } else {
                    (Callee::Name(name), span(n))
                }
            }
            Expr::Attribute(a) => {
                let name = self.strings.intern(a.attr.as_str());
                if self.is_super(&a.value) {
                    (Callee::Super(name), span(&a.attr))
                } else if self.calls_base(&a.value, &c.arguments) {
                    skip = 1;
                    (Callee::Super(name), span(&a.attr))
                } else {
                    (Callee::Method { recv: self.expr(&a.value), name }, span(&a.attr))
                }
            }
            other => (Callee::Value(self.expr(other)), span(other)),
        };
        let args = self.args(&c.arguments, skip);
        self.push(Op::Call(Box::new(Call { callee, args, name_span, args_span })), span(c))
    }

    fn is_member(&mut self, name: Sym) -> bool {
        matches!(self.place(name), super::env::Place::Member)
    }

    /// True when parameter 0 of the function here is the receiver.
    pub(super) fn has_receiver(&self) -> bool {
        let first = self.fns.last().and_then(|f| f.b.func.params.first());
        first.is_some_and(|p| p.kind == ParamKind::This)
    }

    /// True for `super()` and `super(C, self)` in a method.
    pub(super) fn is_super(&mut self, e: &Expr) -> bool {
        let Expr::Call(c) = e else { return false };
        let Expr::Name(n) = c.func.as_ref() else { return false };
        if n.id.as_str() != "super" || !self.has_receiver() {
            return false;
        }
        let name = self.strings.intern("super");
        !self.is_variable(name) && matches!(c.arguments.args.len(), 0 | 2)
    }

    /// True for `Base.m(self, …)` in a method of a class with that base.
    fn calls_base(&self, of: &Expr, args: &Arguments) -> bool {
        let Some((receiver, class)) = self.fns.last().and_then(|f| f.receiver) else { return false };
        let first = args.args.first();
        if !self.has_receiver()
            || !matches!(first, Some(Expr::Name(n)) if n.id.as_str() == self.strings.get(receiver))
            || args.keywords.iter().any(|k| first.is_some_and(|f| k.start() < f.start()))
        {
            return false;
        }
        let (Some(name), Some(class)) = (dotted(of), self.classes.get(class.0 as usize)) else { return false };
        class.supers.iter().any(|s| self.strings.get(s.name) == name)
    }

    /// True when `value` is of one of the types, as a value.
    fn any_type(&mut self, types: Vec<surefix_ir::TypeRef>, value: ValueId, at: surefix_text::Span) -> ValueId {
        let (yes, no, join) = (self.new_block(), self.new_block(), self.new_block());
        self.type_test(types, value, at, yes, no);
        let var = self.new_var();
        for (block, is) in [(yes, true), (no, false)] {
            self.enter(block);
            let v = self.constant(surefix_ir::Const::Bool(is), at);
            self.write_and_goto(var, v, join);
        }
        self.enter(join);
        self.read(var)
    }
}
