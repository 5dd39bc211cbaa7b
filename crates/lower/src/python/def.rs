//! Functions: `def`, `lambda`, the module's body.

use super::env::{FnCtx, Slot};
use super::types::{dotted, simple};
use super::{Low, span};
use ruff_python_ast::{Decorator, Expr, ExprLambda, ModModule, Parameter, Parameters, Stmt, StmtFunctionDef};
use surefix_ir::build::FnBuilder;
use surefix_ir::{ClassId, FnId, Op, Param, ParamKind, Sym, Term, TypeRef, ValueId, flags};
use surefix_text::Span;

/// Decorators that make a method an attribute.
const PROPERTIES: &[&str] = &["property", "cached_property", "abstractproperty", "hybrid_property", "getter"];
/// Methods whose first parameter is the class without a decorator saying so.
const CLASS_METHODS: &[&str] = &["__new__", "__init_subclass__", "__class_getitem__"];

/// What a function is before its body is looked at.
struct Head<'a> {
    name: Sym,
    scope: usize,
    span: Span,
    body: Span,
    flags: u32,
    params: Option<&'a Parameters>,
    /// The class whose body it stands in.
    class: Option<ClassId>,
    /// The first parameter is the receiver.
    has_this: bool,
    /// Names it takes from functions around it, and whether each is in a box.
    captures: Vec<(Sym, bool)>,
    /// Its own name, when that is how it calls itself.
    itself: Option<Sym>,
}

/// `prefix.name`; an empty prefix is none.
pub(super) fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}

impl<'a> Low<'a> {
    pub(super) fn module_body(&mut self, m: &'a ModModule) {
        let id = self.reserve_fn();
        let whole = Span::new(0, u32::try_from(self.src.len()).unwrap_or(u32::MAX));
        let name = self.strings.intern("<module>");
        let qualified = self.strings.intern(&join(self.module, "<module>"));
        let mut b = FnBuilder::new(name, qualified, whole);
        b.func.flags = flags::INITIALISER | flags::STATIC | flags::PUBLIC;
        self.fns.push(FnCtx::new(b, id, 0));
        self.open_slots();
        self.suite(&m.body);
        self.close_fn();
    }

    fn reserve_fn(&mut self) -> FnId {
        self.functions.push(None);
        FnId(self.functions.len() as u32 - 1)
    }

    /// Finishes the innermost function.
    fn close_fn(&mut self) {
        self.end(Term::Return(None));
        let Some(f) = self.fns.pop() else { return };
        let mut func = f.b.finish();
        crate::prune::prune(&mut func);
        if let Some(slot) = self.functions.get_mut(f.id.0 as usize) {
            *slot = Some(func);
        }
    }

    /// Dotted name of what is declared as `name` here.
    pub(super) fn qualify(&mut self, name: Sym) -> Sym {
        let prefix = match (self.class_body().map(|c| c.id), self.fns.last()) {
            (Some(c), _) => self.classes.get(c.0 as usize).map(|c| c.qualified),
            (None, Some(f)) if f.id != FnId(0) => Some(f.b.func.qualified),
            _ => None,
        };
        let prefix = prefix.map_or(self.module, |p| self.strings.get(p));
        let text = join(prefix, self.strings.get(name));
        self.strings.intern(&text)
    }

    pub(super) fn decorators(&mut self, list: &'a [Decorator]) -> Vec<surefix_ir::Annotation> {
        let mut out = Vec::with_capacity(list.len());
        for d in list {
            // A call that makes the decorator happens; applying it is taken to keep what is decorated.
            if dotted(&d.expression).is_none() {
                self.expr(&d.expression);
            }
            out.extend(self.annotation(&d.expression, span(d)));
        }
        out
    }

    fn defaults(&mut self, p: &'a Parameters) {
        for e in p.iter_non_variadic_params().filter_map(|p| p.default.as_deref()) {
            if self.literal(e).is_none() {
                self.expr(e);
            }
        }
    }

    /// Names that the function with this scope captures, with whether they are in boxes here.
    fn captured(&self, scope: usize, itself: Option<Sym>) -> Vec<(Sym, bool)> {
        let free = self.scopes.free(scope);
        let Some(f) = self.fns.last() else { return Vec::new() };
        let boxed = |n: Sym| !f.comps.iter().any(|c| c.0 == n) && matches!(f.slots.get(&n), Some(Slot::Cell(_)));
        free.into_iter().filter(|n| Some(*n) != itself).map(|n| (n, boxed(n))).collect()
    }

    pub(super) fn function_def(&mut self, f: &'a StmtFunctionDef) {
        let annotations = self.decorators(&f.decorator_list);
        self.defaults(&f.parameters);
        let name = self.strings.intern(f.name.as_str());
        let at = span(f);
        let scope = self.scopes.of(super::key(f));
        let class = self.class_body().map(|c| c.id);
        // A function that is only bound once needs no box to find itself.
        let own = class.is_none()
            && self.fns.last().is_some_and(|c| matches!(c.slots.get(&name), Some(Slot::Var(_))) && c.id != FnId(0));
        let itself = own.then_some(name);
        let captures = self.captured(scope, itself);
        let id = match self.fns_done.get(&super::key(f)) {
            Some(id) => *id,
            None => {
                let mut flags = self.def_flags(f, scope, class.is_some(), &annotations);
                let is_static = flags & flags::STATIC != 0;
                let positional = !f.parameters.posonlyargs.is_empty() || !f.parameters.args.is_empty();
                let has_this = class.is_some() && !is_static && positional;
                if class.is_none() {
                    flags |= flags::STATIC;
                }
                let body = body_span(&f.body, at.hi);
                let itself = itself.filter(|n| self.scopes.free(scope).contains(n));
                let head = Head {
                    name,
                    scope,
                    span: at,
                    body,
                    flags,
                    params: Some(&f.parameters),
                    class,
                    has_this,
                    captures: captures.clone(),
                    itself,
                };
                let id = self.open(head);
                self.fns_done.insert(super::key(f), id);
                let ret = f.returns.as_deref().and_then(|r| self.type_ref(r));
                let type_params = self.type_params(f.type_params.as_deref());
                if let Some(c) = self.f() {
                    c.b.func.annotations = annotations;
                    c.b.func.ret = ret;
                    c.b.func.type_params = type_params;
                }
                self.suite(&f.body);
                self.close_fn();
                if let Some(c) = class.and_then(|c| self.classes.get_mut(c.0 as usize)) {
                    c.methods.push(id);
                }
                id
            }
        };
        self.bind_function(name, id, &captures, at);
    }

    fn def_flags(&self, f: &StmtFunctionDef, scope: usize, method: bool, list: &[surefix_ir::Annotation]) -> u32 {
        let mut out = flags::PUBLIC;
        if f.is_async {
            out |= flags::ASYNC;
        }
        if self.scopes.get(scope).is_some_and(|s| s.is_generator && scope != 0) {
            out |= flags::GENERATOR;
        }
        if !method {
            return out;
        }
        let has = |names: &[&str]| list.iter().any(|a| names.contains(&simple(self.strings.get(a.name))));
        if f.name.as_str() == "__init__" {
            out |= flags::CONSTRUCTOR;
        }
        if has(PROPERTIES) {
            out |= flags::PROPERTY;
        }
        if has(&["classmethod", "abstractclassmethod"]) || CLASS_METHODS.contains(&f.name.as_str()) {
            out |= flags::CLASSMETHOD;
        } else if has(&["staticmethod", "abstractstaticmethod"]) {
            out |= flags::STATIC;
        }
        out
    }

    /// Binds the name of a function that was just defined.
    fn bind_function(&mut self, name: Sym, id: FnId, captures: &[(Sym, bool)], at: Span) {
        use super::env::Place;
        let in_module = self.fns.last().is_none_or(|f| f.id == FnId(0));
        match self.target(name) {
            // Found by its qualified name; only captured values make a difference.
            Place::Global if in_module => {}
            Place::Member if captures.is_empty() => {}
            Place::Member => {
                let f = self.closure(id, captures, at);
                let class = self.class_value(at);
                self.push(Op::StoreField(class, name, f), at);
            }
            Place::Slot(Slot::Var(var)) | Place::ClassVar(var) => {
                let f = self.closure(id, captures, at);
                self.write(var, name, f);
            }
            Place::Slot(Slot::Cell(_) | Slot::Itself) | Place::Global => {
                let f = self.closure(id, captures, at);
                self.write_name(name, f, at);
            }
        }
    }

    fn closure(&mut self, id: FnId, captures: &[(Sym, bool)], at: Span) -> ValueId {
        let mut values = Vec::with_capacity(captures.len());
        for (name, _) in captures {
            values.push(self.capture(*name, Span::point(at.lo)));
        }
        self.push(Op::Closure(id, values), at)
    }

    pub(super) fn lambda(&mut self, l: &'a ExprLambda) -> ValueId {
        if let Some(p) = l.parameters.as_deref() {
            self.defaults(p);
        }
        let at = span(l);
        let scope = self.scopes.of(super::key(l));
        let captures = self.captured(scope, None);
        let id = match self.fns_done.get(&super::key(l)) {
            Some(id) => *id,
            None => {
                let generator = self.scopes.get(scope).is_some_and(|s| s.is_generator && scope != 0);
                let head = Head {
                    name: self.strings.intern("<lambda>"),
                    scope,
                    span: at,
                    body: span(l.body.as_ref()),
                    flags: flags::LAMBDA | flags::STATIC | flags::PUBLIC | if generator { flags::GENERATOR } else { 0 },
                    params: l.parameters.as_deref(),
                    class: None,
                    has_this: false,
                    captures: captures.clone(),
                    itself: None,
                };
                let id = self.open(head);
                self.fns_done.insert(super::key(l), id);
                if let Some(f) = self.f() {
                    f.b.enter_stmt(span(l.body.as_ref()));
                }
                let v = self.expr(&l.body);
                self.end(Term::Return(Some(v)));
                self.close_fn();
                id
            }
        };
        self.closure(id, &captures, at)
    }

    /// Starts a function: parameters, captured names, locals.
    fn open(&mut self, head: Head<'a>) -> FnId {
        let id = self.reserve_fn();
        let qualified = self.qualify(head.name);
        let class = self.class_body().map(|c| c.id);
        let around = self.fns.last();
        let owner = class.or(around.and_then(|f| f.b.func.owner));
        let lambda = head.flags & flags::LAMBDA != 0;
        let parent = around.map(|f| f.id).filter(|p| lambda || *p != FnId(0));
        let outer_receiver = around.and_then(|f| f.receiver);
        let params = head.params.map(|p| self.params(p, head.has_this)).unwrap_or_default();
        let first = params.first().map(|p| p.name);
        let mut b = FnBuilder::new(head.name, qualified, head.span);
        b.func.flags = head.flags;
        b.func.owner = owner;
        b.func.parent = parent;
        b.func.body_span = head.body;
        let mut f = FnCtx::new(b, id, head.scope);
        f.receiver = match (head.class, first) {
            (Some(c), Some(name)) if head.has_this => Some((name, c)),
            (Some(_), _) => None,
            _ => outer_receiver.filter(|r| head.captures.iter().any(|c| c.0 == r.0)),
        };
        if let Some(own) = head.itself {
            f.slots.insert(own, Slot::Itself);
        }
        self.fns.push(f);
        for p in params {
            let (name, at) = (p.name, p.span);
            let boxed = self.scopes.get(head.scope).and_then(|s| s.get(name)).is_some_and(|i| i.is_cell());
            let Some(f) = self.f() else { break };
            let v = f.b.param(p);
            let slot = if boxed {
                Slot::Cell(f.b.push(Op::NewCell(v), at))
            } else {
                let var = f.b.new_var();
                f.b.write(var, name, v);
                Slot::Var(var)
            };
            f.slots.insert(name, slot);
        }
        for (name, boxed) in head.captures {
            let Some(f) = self.f() else { break };
            let span = Span::point(head.span.lo);
            let v = f.b.param(plain(name, ParamKind::Capture, None, span));
            f.captures.push(v);
            let slot = if boxed {
                Slot::Cell(v)
            } else {
                let var = f.b.new_var();
                f.b.write(var, Sym::EMPTY, v);
                Slot::Var(var)
            };
            f.slots.insert(name, slot);
        }
        self.open_slots();
        id
    }

    fn params(&mut self, p: &'a Parameters, has_this: bool) -> Vec<Param> {
        let mut out = Vec::with_capacity(p.len());
        let add = |low: &mut Self, list: &'a [ruff_python_ast::ParameterWithDefault], kind, out: &mut Vec<Param>| {
            for x in list {
                let kind = if has_this && out.is_empty() { ParamKind::This } else { kind };
                let mut param = low.param(&x.parameter, kind, span(x));
                if let Some(d) = x.default.as_deref() {
                    param.has_default = true;
                    param.default = low.literal(d);
                    if let Expr::Call(c) = d {
                        param.default_call = dotted(&c.func).map(|n| low.strings.intern(&n));
                    }
                }
                out.push(param);
            }
        };
        add(self, &p.posonlyargs, ParamKind::Normal, &mut out);
        add(self, &p.args, ParamKind::Normal, &mut out);
        if let Some(v) = p.vararg.as_deref() {
            out.push(self.param(v, ParamKind::VarArgs, span(v)));
        }
        add(self, &p.kwonlyargs, ParamKind::KeywordOnly, &mut out);
        if let Some(v) = p.kwarg.as_deref() {
            out.push(self.param(v, ParamKind::KwArgs, span(v)));
        }
        out
    }

    fn param(&mut self, p: &'a Parameter, kind: ParamKind, at: Span) -> Param {
        let name = self.strings.intern(p.name.as_str());
        let ty = p.annotation.as_deref().and_then(|a| self.type_ref(a));
        let mut out = plain(name, kind, ty, at);
        // `Annotated[str, Query(…)]`: what stands behind the type counts like a default that the framework fills in.
        if let Some(Expr::Subscript(s)) = p.annotation.as_deref()
            && dotted(&s.value).is_some_and(|n| simple(&n) == "Annotated")
            && let Expr::Tuple(t) = s.slice.as_ref()
        {
            for e in t.elts.iter().skip(1) {
                let Some(a) = self.annotation(e, span(e)) else { continue };
                if e.is_call_expr() && out.default_call.is_none() {
                    out.default_call = Some(a.name);
                    out.has_default = true;
                }
                out.annotations.push(a);
            }
        }
        out
    }
}

/// The bytes of a suite; the point `otherwise` when it is empty.
pub(super) fn body_span(body: &[Stmt], otherwise: u32) -> Span {
    match (body.first(), body.last()) {
        (Some(a), Some(b)) => span(a).to(span(b)),
        _ => Span::point(otherwise),
    }
}

fn plain(name: Sym, kind: ParamKind, ty: Option<TypeRef>, span: Span) -> Param {
    Param { name, ty, kind, annotations: Vec::new(), default: None, has_default: false, default_call: None, span }
}
