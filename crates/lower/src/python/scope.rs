//! What each name of a file is: the first of the two walks.
//!
//! Every function, lambda, class body and comprehension is a scope. The walk notes where names are bound and used, and
//! passes what a scope uses but does not bind to the scope around it.

use super::{deep, key};
use ruff_python_ast::visitor::{Visitor, walk_except_handler, walk_expr, walk_pattern, walk_stmt};
use ruff_python_ast::{Alias, Comprehension, ExceptHandler, Expr, ExprContext, ModModule, Parameters, Pattern, Stmt};
use ruff_text_size::Ranged;
use rustc_hash::{FxHashMap, FxHashSet};
use surefix_ir::{Interner, Sym};

/// Properties of a name in a scope, as bits of [`Info::flags`].
pub(super) mod is {
    pub const PARAM: u16 = 1;
    pub const ASSIGN: u16 = 1 << 1;
    pub const IMPORT: u16 = 1 << 2;
    pub const DEF: u16 = 1 << 3;
    pub const CLASS: u16 = 1 << 4;
    pub const GLOBAL: u16 = 1 << 5;
    pub const NONLOCAL: u16 = 1 << 6;
    /// Read in the scope itself.
    pub const USED: u16 = 1 << 7;
    /// Read or written in a function inside.
    pub const NESTED: u16 = 1 << 8;
    /// Written in a function inside.
    pub const NESTED_WRITE: u16 = 1 << 9;
    /// Bound more than once.
    pub const AGAIN: u16 = 1 << 10;
    pub const BOUND: u16 = PARAM | ASSIGN | IMPORT | DEF | CLASS;
}

/// A name in a scope.
#[derive(Clone, Copy)]
pub(super) struct Info {
    pub flags: u16,
    /// Where it is bound last.
    last_bind: u32,
    /// Start of the first function inside that uses it.
    first_nested: u32,
}

impl Info {
    pub fn has(self, bits: u16) -> bool {
        self.flags & bits != 0
    }

    /// True when the name is bound by this scope itself.
    pub fn is_local(self) -> bool {
        self.has(is::BOUND) && !self.has(is::GLOBAL | is::NONLOCAL)
    }

    /// True for a local of a function that is a variable (and not just another name of an import or a class).
    pub fn is_var(self) -> bool {
        self.is_local() && self.has(is::PARAM | is::ASSIGN | is::DEF)
    }

    /// True when functions inside must see later assignments, or make them.
    pub fn is_cell(self) -> bool {
        self.has(is::NESTED) && (self.has(is::NESTED_WRITE) || self.last_bind > self.first_nested)
    }
}

/// Kind of a scope.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Module,
    Function,
    Class,
    Comprehension,
}

/// A scope.
pub(super) struct Scope {
    pub kind: Kind,
    pub parent: usize,
    pub names: FxHashMap<Sym, Info>,
    pub is_generator: bool,
    start: u32,
}

impl Scope {
    pub fn get(&self, name: Sym) -> Option<Info> {
        self.names.get(&name).copied()
    }
}

/// All scopes of a file; the module is number 0.
#[derive(Default)]
pub(super) struct Scopes {
    pub list: Vec<Scope>,
    by_node: FxHashMap<usize, usize>,
    /// Names that some function declares global.
    pub declared_global: FxHashSet<Sym>,
}

impl Scopes {
    /// The scope of the node with this [`key`].
    pub fn of(&self, node: usize) -> usize {
        self.by_node.get(&node).copied().unwrap_or(0)
    }

    pub fn get(&self, id: usize) -> Option<&Scope> {
        self.list.get(id)
    }

    /// Names that the function scope `id` takes from functions around it, in order of their numbers.
    pub fn free(&self, id: usize) -> Vec<Sym> {
        let Some(scope) = self.get(id) else { return Vec::new() };
        if scope.parent == 0 {
            return Vec::new();
        }
        let mut out: Vec<Sym> = scope
            .names
            .iter()
            .filter(|(_, i)| !i.is_local() && !i.has(is::GLOBAL) && i.has(is::USED | is::NESTED | is::NONLOCAL))
            .filter(|(name, _)| self.owner(scope.parent, **name).is_some())
            .map(|(name, _)| *name)
            .collect();
        out.sort();
        out
    }

    /// The function or comprehension, `from` or around it, whose variable `name` is.
    pub fn owner(&self, from: usize, name: Sym) -> Option<(usize, Info)> {
        let mut at = from;
        loop {
            let scope = self.get(at)?;
            match (scope.kind, scope.get(name)) {
                (Kind::Module, _) => return None,
                (Kind::Function | Kind::Comprehension, Some(i)) if i.has(is::GLOBAL) => return None,
                (Kind::Function | Kind::Comprehension, Some(i)) if i.is_local() => {
                    return i.is_var().then_some((at, i));
                }
                _ => at = scope.parent,
            }
        }
    }
}

/// Walks the module.
pub(super) fn find(module: &ModModule, strings: &mut Interner) -> Scopes {
    let mut w = Walk { out: Scopes::default(), strings, at: 0 };
    w.out.list.push(Scope {
        kind: Kind::Module,
        parent: 0,
        names: FxHashMap::default(),
        is_generator: false,
        start: 0,
    });
    w.visit_body(&module.body);
    w.out
}

struct Walk<'s> {
    out: Scopes,
    strings: &'s mut Interner,
    at: usize,
}

impl Walk<'_> {
    fn info(&mut self, scope: usize, name: Sym) -> Option<&mut Info> {
        let new = Info { flags: 0, last_bind: 0, first_nested: u32::MAX };
        Some(self.out.list.get_mut(scope)?.names.entry(name).or_insert(new))
    }

    fn mark(&mut self, scope: usize, name: &str, flags: u16, at: u32) {
        let name = self.strings.intern(name);
        if let Some(i) = self.info(scope, name) {
            if flags & is::BOUND != 0 {
                if i.has(is::BOUND) {
                    i.flags |= is::AGAIN;
                }
                i.last_bind = i.last_bind.max(at);
            }
            i.flags |= flags;
        }
        if flags & is::GLOBAL != 0 {
            self.out.declared_global.insert(name);
        }
    }

    fn bind(&mut self, name: &str, flags: u16, at: u32) {
        self.mark(self.at, name, flags, at);
    }

    fn open(&mut self, node: usize, kind: Kind, start: u32) -> usize {
        let before = self.at;
        self.at = self.out.list.len();
        self.out.by_node.insert(node, self.at);
        self.out.list.push(Scope { kind, parent: before, names: FxHashMap::default(), is_generator: false, start });
        before
    }

    fn close(&mut self, before: usize) {
        let id = std::mem::replace(&mut self.at, before);
        let Some(scope) = self.out.list.get_mut(id) else { return };
        let (kind, start) = (scope.kind, scope.start);
        let names = std::mem::take(&mut scope.names);
        for (name, i) in &names {
            if i.has(is::GLOBAL) {
                continue;
            }
            let (mut flags, mut nested) = (0, u32::MAX);
            if kind == Kind::Function {
                if !i.is_local() && i.has(is::USED | is::NESTED | is::NONLOCAL) {
                    (flags, nested) = (is::NESTED, start);
                    if i.has(is::NESTED_WRITE) || i.has(is::NONLOCAL) && i.has(is::BOUND) {
                        flags |= is::NESTED_WRITE;
                    }
                }
            } else {
                // Functions inside do not see the names of a class body.
                let bound = i.is_local();
                if !bound {
                    flags |= i.flags & is::USED;
                }
                if !bound || kind == Kind::Class {
                    flags |= i.flags & (is::NESTED | is::NESTED_WRITE);
                    nested = i.first_nested;
                }
            }
            if flags != 0
                && let Some(outer) = self.info(before, *name)
            {
                outer.flags |= flags;
                outer.first_nested = outer.first_nested.min(nested);
            }
        }
        if let Some(scope) = self.out.list.get_mut(id) {
            scope.names = names;
        }
    }

    fn parameters(&mut self, p: &Parameters) {
        for param in p.iter() {
            let name = param.name();
            self.bind(name.as_str(), is::PARAM, name.start().to_u32());
        }
    }

    fn defaults(&mut self, p: &Parameters) {
        for default in p.iter_non_variadic_params().filter_map(|p| p.default.as_deref()) {
            self.visit_expr(default);
        }
    }

    fn import(&mut self, alias: &Alias, dotted: bool) {
        let name = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
        let name = if dotted && alias.asname.is_none() { name.split('.').next().unwrap_or("") } else { name };
        if name != "*" {
            self.bind(name, is::IMPORT, alias.start().to_u32());
        }
    }

    fn comprehension(&mut self, node: usize, start: u32, elements: [Option<&Expr>; 2], list: &[Comprehension]) {
        let mut list = list.iter();
        let Some(first) = list.next() else { return };
        self.visit_expr(&first.iter);
        let before = self.open(node, Kind::Comprehension, start);
        self.visit_expr(&first.target);
        first.ifs.iter().for_each(|e| self.visit_expr(e));
        for c in list {
            self.visit_expr(&c.iter);
            self.visit_expr(&c.target);
            c.ifs.iter().for_each(|e| self.visit_expr(e));
        }
        elements.into_iter().flatten().for_each(|e| self.visit_expr(e));
        self.close(before);
    }

    fn generator(&mut self) {
        let mut at = self.at;
        while let Some(scope) = self.out.list.get_mut(at) {
            if matches!(scope.kind, Kind::Comprehension | Kind::Class) {
                at = scope.parent;
                continue;
            }
            scope.is_generator = true;
            break;
        }
    }

    fn expr(&mut self, e: &Expr) {
        let start = e.start().to_u32();
        match e {
            Expr::Name(n) => {
                let flags = match n.ctx {
                    ExprContext::Load => is::USED,
                    ExprContext::Store | ExprContext::Del => is::ASSIGN,
                    ExprContext::Invalid => return,
                };
                self.mark(self.at, n.id.as_str(), flags, start);
            }
            Expr::Named(n) => {
                self.visit_expr(&n.value);
                if let Expr::Name(target) = n.target.as_ref() {
                    // Binds outside of comprehensions.
                    let mut at = self.at;
                    while let Some(scope) = self.out.list.get(at).filter(|s| s.kind == Kind::Comprehension) {
                        at = scope.parent;
                    }
                    self.mark(at, target.id.as_str(), is::ASSIGN, start);
                }
            }
            Expr::Lambda(l) => {
                if let Some(p) = &l.parameters {
                    self.defaults(p);
                }
                let before = self.open(key(l), Kind::Function, start);
                if let Some(p) = &l.parameters {
                    self.parameters(p);
                }
                self.visit_expr(&l.body);
                self.close(before);
            }
            Expr::ListComp(c) => self.comprehension(key(e), start, [Some(&c.elt), None], &c.generators),
            Expr::SetComp(c) => self.comprehension(key(e), start, [Some(&c.elt), None], &c.generators),
            Expr::Generator(c) => self.comprehension(key(e), start, [Some(&c.elt), None], &c.generators),
            Expr::DictComp(c) => {
                self.comprehension(key(e), start, [c.key.as_deref(), Some(&c.value)], &c.generators);
            }
            Expr::Yield(_) | Expr::YieldFrom(_) => {
                self.generator();
                walk_expr(self, e);
            }
            Expr::StringLiteral(_) | Expr::NumberLiteral(_) => {}
            _ => walk_expr(self, e),
        }
    }

    fn stmt(&mut self, s: &Stmt) {
        let start = s.start().to_u32();
        match s {
            Stmt::FunctionDef(f) => {
                f.decorator_list.iter().for_each(|d| self.visit_expr(&d.expression));
                self.defaults(&f.parameters);
                self.bind(f.name.as_str(), is::DEF, start);
                let before = self.open(key(f), Kind::Function, start);
                self.parameters(&f.parameters);
                self.visit_body(&f.body);
                self.close(before);
            }
            Stmt::ClassDef(c) => {
                c.decorator_list.iter().for_each(|d| self.visit_expr(&d.expression));
                if let Some(a) = &c.arguments {
                    self.visit_arguments(a);
                }
                self.bind(c.name.as_str(), is::CLASS, start);
                let before = self.open(key(c), Kind::Class, start);
                self.visit_body(&c.body);
                self.close(before);
            }
            Stmt::Import(i) => i.names.iter().for_each(|a| self.import(a, true)),
            Stmt::ImportFrom(i) => i.names.iter().for_each(|a| self.import(a, false)),
            Stmt::Global(g) => g.names.iter().for_each(|n| self.bind(n.as_str(), is::GLOBAL, start)),
            Stmt::Nonlocal(g) => g.names.iter().for_each(|n| self.bind(n.as_str(), is::NONLOCAL, start)),
            Stmt::AnnAssign(a) => {
                self.visit_expr(&a.target);
                a.value.iter().for_each(|v| self.visit_expr(v));
            }
            Stmt::AugAssign(a) => {
                self.visit_expr(&a.value);
                self.visit_expr(&a.target);
                if let Expr::Name(n) = a.target.as_ref() {
                    self.bind(n.id.as_str(), is::USED, start);
                }
            }
            Stmt::TypeAlias(t) => {
                if let Expr::Name(n) = t.name.as_ref() {
                    self.bind(n.id.as_str(), is::CLASS, start);
                }
            }
            _ => walk_stmt(self, s),
        }
    }
}

impl<'t> Visitor<'t> for Walk<'_> {
    fn visit_stmt(&mut self, s: &'t Stmt) {
        deep(|| self.stmt(s));
    }

    fn visit_expr(&mut self, e: &'t Expr) {
        deep(|| self.expr(e));
    }

    fn visit_annotation(&mut self, _: &'t Expr) {}

    fn visit_except_handler(&mut self, h: &'t ExceptHandler) {
        let ExceptHandler::ExceptHandler(handler) = h;
        if let Some(n) = &handler.name {
            self.bind(n.as_str(), is::ASSIGN, n.start().to_u32());
        }
        walk_except_handler(self, h);
    }

    fn visit_pattern(&mut self, p: &'t Pattern) {
        let name = match p {
            Pattern::MatchAs(m) => m.name.as_ref(),
            Pattern::MatchStar(m) => m.name.as_ref(),
            Pattern::MatchMapping(m) => m.rest.as_ref(),
            _ => None,
        };
        if let Some(n) = name {
            self.bind(n.as_str(), is::ASSIGN, n.start().to_u32());
        }
        deep(|| walk_pattern(self, p));
    }
}
