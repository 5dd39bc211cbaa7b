//! Lambdas and method references.

use super::kinds::{F, K};
use super::name::plain_param;
use super::{Low, span};
use surefix_ir::{FnId, Op, Param, ParamKind, Sym, Term, ValueId, flags};
use tree_sitter::Node;

impl<'t> Low<'t> {
    pub(super) fn lambda(&mut self, n: Node<'t>) -> ValueId {
        let (id, names) = match self.lambdas_done.get(&n.id()) {
            Some(done) => done.clone(),
            None => {
                let (id, captures) = self.lambda_body(n);
                let names: Vec<Sym> = captures.iter().map(|c| c.0).collect();
                self.lambdas_done.insert(n.id(), (id, names));
                let values = captures.iter().map(|c| c.1).collect();
                return self.push(Op::Closure(id, values), span(n));
            }
        };
        // A second copy of the same code: the names are looked up again, here.
        let mut values = Vec::new();
        for name in names {
            let v = match self.read_local(name, span(n)) {
                Some(v) => v,
                None => self.push(Op::Unknown(Vec::new()), span(n)),
            };
            values.push(v);
        }
        self.push(Op::Closure(id, values), span(n))
    }

    /// Lowers the function; gives it and its captured names with their values outside.
    fn lambda_body(&mut self, n: Node<'t>) -> (FnId, Vec<(Sym, ValueId)>) {
        let name = self.strings.intern("<lambda>");
        let (class, this, around) = match self.fns.last() {
            Some(f) => (f.class, f.this, Some(f.b.func.qualified)),
            None => (0, None, None),
        };
        let id = self.open_fn(name, span(n));
        let owner = self.cls.get(class).map(|c| c.id);
        let qualified = around.map(|q| format!("{}.<lambda>", self.strings.get(q)));
        let qualified = qualified.map(|q| self.strings.intern(&q));
        if let Some(f) = self.f() {
            f.lambda = true;
            f.class = class;
            f.b.func.owner = owner;
            f.b.func.flags = flags::LAMBDA | if this.is_none() { flags::STATIC } else { 0 };
            if let Some(q) = qualified {
                f.b.func.qualified = q;
            }
        }
        if this.is_some() {
            self.add_this(span(n));
        }
        // The entry block holds the parameters and stays open: captured ones are found on the way.
        let start = self.new_block();
        let mut params: Vec<Param> = Vec::new();
        if let Some(list) = self.field(n, F::Parameters) {
            match self.kind(list) {
                K::FormalParameters => params = self.formal_params(list),
                K::InferredParameters => {
                    for p in self.kids(list) {
                        let name = self.sym(p);
                        params.push(plain_param(name, ParamKind::Normal, span(p)));
                    }
                }
                _ => {
                    let name = self.sym(list);
                    params.push(plain_param(name, ParamKind::Normal, span(list)));
                }
            }
        }
        for p in params {
            self.add_param(p);
        }
        if let Some(f) = self.f() {
            f.b.switch_to(start);
        }
        if let Some(body) = self.field(n, F::Body) {
            if let Some(f) = self.f() {
                f.b.func.body_span = span(body);
            }
            if self.kind(body) == K::Block {
                self.block(body);
            } else {
                if let Some(f) = self.f() {
                    f.b.enter_stmt(span(body));
                }
                let v = self.expr(body);
                self.end(Term::Return(Some(v)));
            }
        }
        let mut captures = Vec::new();
        if let Some(f) = self.f() {
            if !f.b.is_closed() {
                f.end(Term::Return(None));
            }
            let last = f.b.current();
            f.b.switch_to(surefix_ir::BlockId(0));
            f.b.goto(start);
            f.b.seal(start);
            f.b.switch_to(last);
            captures = f.captures.iter().map(|c| (c.0, c.2)).collect();
        }
        self.close_fn();
        (id, captures)
    }

    /// `recv::m`, `Type::m`, `Type::new`.
    pub(super) fn method_reference(&mut self, n: Node<'t>) -> ValueId {
        let at = span(n);
        let kids = self.kids(n);
        let Some(target) = kids.first().copied() else { return self.broken(n) };
        let last = kids.last().copied().filter(|l| l.id() != target.id() && self.kind(*l) == K::Identifier);
        let name = match last {
            Some(l) => self.sym(l),
            None => self.strings.intern("new"),
        };
        let recv = if self.kind(target).is_type() {
            let ty = self.type_ref(target, 0);
            self.push(Op::LoadName(ty.name), span(target))
        } else {
            self.expr(target)
        };
        self.push(Op::BoundMethod(recv, name), at)
    }
}
