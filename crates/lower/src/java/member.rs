//! Methods, constructors, initialisers.

use super::kinds::{F, K};
use super::name::{FnCtx, plain_param};
use super::types::Modifiers;
use super::{Low, span};
use crate::prune::prune;
use surefix_ir::build::FnBuilder;
use surefix_ir::{Arg, Call, Callee, ClassKind, FnId, Function, Op, Param, ParamKind, Sym, TypeRef, ValueId, flags};
use surefix_text::Span;
use tree_sitter::Node;

/// A field declarator with a value, an enum constant, an initialiser block.
pub(super) struct Init<'t> {
    pub node: Node<'t>,
    /// The whole declaration: the statement the code belongs to.
    pub decl: Node<'t>,
    pub is_static: bool,
}

impl<'t> Low<'t> {
    /// Starts a function of the innermost class.
    pub(super) fn open_fn(&mut self, name: Sym, at: Span) -> FnId {
        let id = self.reserve_fn();
        let class = self.cls.len().saturating_sub(1);
        let owner = self.cls.last();
        let qualified = match owner {
            Some(c) => format!("{}.{}", c.qualified, self.strings.get(name)),
            None => self.strings.get(name).to_owned(),
        };
        let owner = owner.map(|c| c.id);
        let qualified = self.strings.intern(&qualified);
        let mut b = FnBuilder::new(name, qualified, at);
        b.func.owner = owner;
        b.func.parent = self.fns.last().map(|f| f.id);
        self.fns.push(FnCtx::new(b, id, class));
        id
    }

    /// Declares the receiver.
    pub(super) fn add_this(&mut self, at: Span) -> ValueId {
        let name = self.strings.intern("this");
        let ty = self.class_at().map(|c| c.name).map(Self::named_type);
        let Some(f) = self.f() else { return ValueId(0) };
        let v = f.b.param(Param { ty, ..plain_param(name, ParamKind::This, Span::point(at.lo)) });
        f.this = Some(v);
        v
    }

    /// Declares a parameter as a local.
    pub(super) fn add_param(&mut self, p: Param) -> ValueId {
        let Some(f) = self.f() else { return ValueId(0) };
        let name = p.name;
        let v = f.b.param(p);
        let var = f.declare(name);
        f.b.write(var, name, v);
        v
    }

    /// Ends the innermost function.
    pub(super) fn close_fn(&mut self) -> Option<FnId> {
        let f = self.fns.pop()?;
        let id = f.id;
        let mut func = f.b.finish();
        prune(&mut func);
        self.store_fn(id, func);
        Some(id)
    }

    pub(super) fn store_fn(&mut self, id: FnId, func: Function) {
        if let Some(slot) = self.functions.get_mut(id.0 as usize) {
            *slot = Some(func);
        }
    }

    fn header(&mut self, n: Node<'t>, m: Modifiers, flags: u32) {
        let type_params = self.type_params(n);
        let throws = match self.kid(n, |k| k == K::Throws) {
            Some(t) => self.types_in(t),
            None => Vec::new(),
        };
        let body_span = self.field(n, F::Body).map_or(span(n), span);
        if let Some(f) = self.f() {
            f.b.func.flags = flags;
            f.b.func.annotations = m.annotations;
            f.b.func.type_params = type_params;
            f.b.func.throws = throws;
            f.b.func.body_span = body_span;
        }
    }

    fn class_bits(&self) -> (bool, bool) {
        self.cls.last().map_or((false, false), |c| (c.is_interface, c.is_final))
    }

    /// Lowers a method or an element of an annotation type.
    pub(super) fn method(&mut self, n: Node<'t>) -> FnId {
        let m = self.modifiers(n);
        let name = self.field(n, F::Name).map_or(Sym::EMPTY, |c| self.sym(c));
        let id = self.open_fn(name, span(n));
        let (in_interface, in_final) = self.class_bits();
        let body = self.field(n, F::Body);
        let is_static = m.is_static;
        let mut bits = m.flags(in_interface, in_final);
        if body.is_none() {
            bits |= flags::ABSTRACT;
        }
        self.header(n, m, bits);
        let dims = self.declarator_dims(n);
        let ret = self.field(n, F::Type).map(|t| self.type_ref(t, dims));
        if let Some(f) = self.f() {
            f.b.func.ret = ret;
        }
        if !is_static {
            self.add_this(span(n));
        }
        if let Some(list) = self.field(n, F::Parameters) {
            for p in self.formal_params(list) {
                self.add_param(p);
            }
        }
        match body {
            Some(b) => {
                self.block(b);
                self.close_fn();
            }
            None => {
                if let Some(f) = self.fns.pop() {
                    let mut func = f.b.finish();
                    func.blocks.clear();
                    func.instrs.clear();
                    func.names.clear();
                    self.store_fn(id, func);
                }
            }
        }
        id
    }

    /// Lowers a constructor; `list` is `None` for the compact form, whose parameters are the `components`.
    pub(super) fn constructor(
        &mut self,
        n: Node<'t>,
        list: Option<Vec<Param>>,
        components: &[Param],
        inits: &[Init<'t>],
    ) -> FnId {
        let m = self.modifiers(n);
        let name = self.strings.intern("<init>");
        let id = self.open_fn(name, span(n));
        let (_, in_final) = self.class_bits();
        let bits = m.flags(false, in_final) | flags::CONSTRUCTOR;
        self.header(n, m, bits);
        let this = self.add_this(span(n));
        let compact = list.is_none();
        let params =
            list.unwrap_or_else(|| components.iter().map(|p| Param { annotations: Vec::new(), ..p.clone() }).collect());
        for p in params {
            self.add_param(p);
        }
        let Some(body) = self.field(n, F::Body) else {
            self.close_fn();
            return id;
        };
        let mut stmts = self.kids(body);
        let mut delegates = false;
        match stmts.first().copied() {
            Some(call) if self.kind(call) == K::ConstructorCall => {
                stmts.remove(0);
                delegates = self.constructor_call(call);
            }
            _ => self.implicit_super(Span::point(span(body).lo), &[]),
        }
        if !delegates {
            self.instance_inits(inits, this);
        }
        let mark = self.f().map_or(0, |f| f.order.len());
        for s in stmts {
            self.stmt(s);
        }
        if let Some(f) = self.f() {
            f.leave(mark);
        }
        if compact && self.f().is_some_and(|f| !f.b.is_closed()) {
            for p in components {
                if let Some(v) = self.read_local(p.name, p.span) {
                    self.push(Op::StoreField(this, p.name, v), p.span);
                }
            }
        }
        self.close_fn();
        id
    }

    /// `this(...)` or `super(...)`; true for the former.
    pub(super) fn constructor_call(&mut self, n: Node<'t>) -> bool {
        let before = self.f().map(|f| f.b.enter_stmt(span(n)));
        if let Some(outer) = self.field(n, F::Object) {
            self.expr(outer);
        }
        let which = self.field(n, F::Constructor);
        let delegates = which.is_some_and(|c| self.kind(c) == K::This);
        let callee = if delegates { Callee::ThisCtor } else { Callee::Super(self.strings.intern("<init>")) };
        let (args, args_span) = match self.field(n, F::Arguments) {
            Some(a) => (self.args(a), span(a)),
            None => (Vec::new(), Span::point(span(n).hi)),
        };
        let call = Call { callee, args, name_span: which.map_or(span(n), span), args_span };
        self.push(Op::Call(Box::new(call)), span(n));
        if let (Some(f), Some(s)) = (self.f(), before) {
            f.b.set_stmt(s);
        }
        delegates
    }

    /// The call of the superclass's constructor that the source leaves out.
    fn implicit_super(&mut self, at: Span, args: &[ValueId]) {
        if !self.cls.last().is_some_and(|c| c.has_super) {
            return;
        }
        let callee = Callee::Super(self.strings.intern("<init>"));
        let args = args.iter().map(|v| Arg { value: *v, name: Sym::EMPTY, spread: 0, span: at }).collect();
        self.push(Op::Call(Box::new(Call { callee, args, name_span: at, args_span: at })), at);
    }

    /// Field initialisers and initialiser blocks of an object.
    fn instance_inits(&mut self, inits: &[Init<'t>], this: ValueId) {
        if inits.iter().all(|i| i.is_static) {
            return;
        }
        // Parameters of the constructor are not in scope.
        self.hiding(0, |low| {
            for i in inits.iter().filter(|i| !i.is_static) {
                low.init(i, Some(this));
            }
        });
    }

    fn init(&mut self, i: &Init<'t>, this: Option<ValueId>) {
        let kind = self.kind(i.node);
        if kind.is_statement() {
            self.stmt(i.node);
            return;
        }
        let before = self.f().map(|f| f.b.enter_stmt(span(i.decl)));
        let at = span(i.node);
        let name = self.field(i.node, F::Name).map_or(Sym::EMPTY, |c| self.sym(c));
        let value = if kind == K::EnumConstant {
            Some(self.enum_constant(i.node))
        } else {
            self.field(i.node, F::Value).map(|v| self.expr(v))
        };
        if let Some(value) = value {
            let base = match this {
                Some(t) => t,
                None => self.class_value(at),
            };
            self.push(Op::StoreField(base, name, value), at);
        }
        if let (Some(f), Some(s)) = (self.f(), before) {
            f.b.set_stmt(s);
        }
    }

    fn enum_constant(&mut self, n: Node<'t>) -> ValueId {
        let name = self.class_at().map_or(Sym::EMPTY, |c| c.name);
        let ty: TypeRef = Self::named_type(name);
        let at = span(n);
        let name_span = self.field(n, F::Name).map_or(at, span);
        let (args, args_span) = match self.field(n, F::Arguments) {
            Some(a) => (self.args(a), span(a)),
            None => (Vec::new(), Span::point(name_span.hi)),
        };
        let body = self.field(n, F::Body).map(|b| self.anonymous_class(ty.clone(), b, at, args.len()));
        let call = Call { callee: Callee::New { ty, body }, args, name_span, args_span };
        self.push(Op::Call(Box::new(call)), at)
    }

    /// `<clinit>`.
    pub(super) fn static_initialiser(&mut self, inits: &[Init<'t>]) -> FnId {
        let name = self.strings.intern("<clinit>");
        let at = inits.iter().filter(|i| i.is_static).map(|i| span(i.decl)).reduce(Span::to).unwrap_or_default();
        let id = self.open_fn(name, at);
        if let Some(f) = self.f() {
            f.b.func.flags = flags::STATIC | flags::INITIALISER;
        }
        for i in inits.iter().filter(|i| i.is_static) {
            self.init(i, None);
        }
        self.close_fn();
        id
    }

    /// The constructor that the source leaves out.
    pub(super) fn synthetic_constructor(&mut self, kind: ClassKind, params: &[Param], inits: &[Init<'t>]) -> FnId {
        let name = self.strings.intern("<init>");
        let at = self
            .cls
            .last()
            .and_then(|c| self.classes.get(c.id.0 as usize))
            .map_or_else(Span::default, |c| Span::point(c.span.lo));
        let id = self.open_fn(name, at);
        let this = self.add_this(at);
        if let Some(f) = self.f() {
            f.b.func.flags = flags::CONSTRUCTOR | flags::PUBLIC;
        }
        let mut values = Vec::new();
        for p in params {
            let v = self.add_param(p.clone());
            values.push(v);
        }
        if kind == ClassKind::Record {
            for (p, v) in params.iter().zip(&values) {
                self.push(Op::StoreField(this, p.name, *v), p.span);
            }
        } else {
            self.implicit_super(at, &values);
        }
        self.instance_inits(inits, this);
        self.close_fn();
        id
    }

    /// The accessor of a record component that the source leaves out.
    pub(super) fn accessor(&mut self, p: &Param) -> FnId {
        let id = self.open_fn(p.name, p.span);
        let this = self.add_this(p.span);
        if let Some(f) = self.f() {
            f.b.func.flags = flags::PUBLIC | flags::FINAL;
            f.b.func.ret = p.ty.clone();
            let v = f.b.push(Op::LoadField(this, p.name), p.span);
            f.b.end(surefix_ir::Term::Return(Some(v)));
        }
        self.close_fn();
        id
    }
}
