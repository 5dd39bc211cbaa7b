//! Scopes: locals, captured locals, fields of the class itself.

use super::{Kids, Low, span};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use surefix_ir::build::{FnBuilder, Var};
use surefix_ir::{BlockId, ClassId, Const, FnId, Op, Param, ParamKind, Sym, Term, ValueId};
use surefix_text::Span;
use tree_sitter::Node;

/// Where `break`, `continue` and `yield` go.
pub(super) struct Jump {
    pub labels: SmallVec<[Sym; 1]>,
    pub brk: Option<BlockId>,
    pub cont: Option<BlockId>,
    pub yields: Option<(Var, BlockId)>,
    /// True when an unlabelled `break` may mean it (a labelled block is not).
    pub plain: bool,
    /// Number of enclosing `finally` regions.
    pub fins: usize,
}

/// What runs when a region is left.
#[derive(Clone, Copy)]
pub(super) enum FinKind<'t> {
    /// The block of a `finally`.
    Block(Node<'t>),
    /// `close()` of a resource.
    Close(ValueId, Span),
}

/// A region that runs code when it is left.
#[derive(Clone, Copy)]
pub(super) struct Fin<'t> {
    pub kind: FinKind<'t>,
    /// Handler depth outside the region.
    pub handlers: usize,
    /// Number of jumps and of scoped names outside the region: what the code can see.
    pub jumps: usize,
    pub names: usize,
}

/// A function being lowered.
pub(super) struct FnCtx<'t> {
    pub b: FnBuilder,
    pub id: FnId,
    /// Index into the stack of classes.
    pub class: usize,
    pub lambda: bool,
    pub this: Option<ValueId>,
    pub vars: FxHashMap<Sym, SmallVec<[Var; 1]>>,
    /// Names in order of declaration, for leaving scopes.
    pub order: Vec<(Sym, Var)>,
    /// Captured names, their parameters here and their values in the enclosing function.
    pub captures: Vec<(Sym, ValueId, ValueId)>,
    pub jumps: Vec<Jump>,
    pub fins: Vec<Fin<'t>>,
    /// Nesting of code that stands in several places (`finally`).
    pub copies: u32,
    /// Blocks that some terminator goes to, by number.
    targets: Vec<bool>,
}

impl FnCtx<'_> {
    pub(super) fn new(b: FnBuilder, id: FnId, class: usize) -> Self {
        FnCtx {
            b,
            id,
            class,
            lambda: false,
            this: None,
            vars: FxHashMap::default(),
            order: Vec::new(),
            captures: Vec::new(),
            jumps: Vec::new(),
            fins: Vec::new(),
            copies: 0,
            targets: Vec::new(),
        }
    }

    /// Ends the current block; ignored when it already ended.
    pub(super) fn end(&mut self, term: Term) {
        if self.b.is_closed() {
            return;
        }
        match &term {
            Term::Goto(t) => self.target(*t),
            Term::If { then, other, .. } => {
                self.target(*then);
                self.target(*other);
            }
            Term::Switch { cases, default, .. } => {
                cases.iter().for_each(|c| self.target(c.1));
                self.target(*default);
            }
            Term::Return(_) | Term::Throw(_) | Term::Unreachable => {}
        }
        self.b.end(term);
    }

    fn target(&mut self, b: BlockId) {
        let at = b.0 as usize;
        if self.targets.len() <= at {
            self.targets.resize(at + 1, false);
        }
        self.targets[at] = true;
    }

    /// Seals `b`, of which all predecessors are known, and goes on there; closes it when nothing goes there.
    pub(super) fn enter(&mut self, b: BlockId) {
        self.b.seal(b);
        self.b.switch_to(b);
        if !self.targets.get(b.0 as usize).is_some_and(|t| *t) {
            self.b.end(Term::Unreachable);
        }
    }

    /// Starts the loop header `b`: more predecessors will come.
    pub(super) fn enter_loop(&mut self, b: BlockId) {
        self.end(Term::Goto(b));
        self.b.switch_to(b);
    }

    pub(super) fn lookup(&self, name: Sym) -> Option<Var> {
        self.vars.get(&name).and_then(|v| v.last().copied())
    }

    pub(super) fn declare(&mut self, name: Sym) -> Var {
        let var = self.b.new_var();
        self.bring(name, var);
        var
    }

    /// Makes `var` visible as `name`.
    pub(super) fn bring(&mut self, name: Sym, var: Var) {
        self.vars.entry(name).or_default().push(var);
        self.order.push((name, var));
    }

    /// Forgets the names declared since there were `mark`.
    pub(super) fn leave(&mut self, mark: usize) -> Vec<(Sym, Var)> {
        let gone = self.order.split_off(mark.min(self.order.len()));
        for (name, _) in &gone {
            if let Some(v) = self.vars.get_mut(name) {
                v.pop();
            }
        }
        gone
    }
}

/// A field of a class being lowered.
pub(super) struct FieldInfo {
    pub is_static: bool,
    /// Value of a `static final` field whose initialiser is a literal, for `case` labels.
    pub value: Option<Const>,
}

/// A class being lowered.
pub(super) struct ClassCtx {
    pub id: ClassId,
    pub name: Sym,
    pub qualified: String,
    pub fields: FxHashMap<Sym, FieldInfo>,
    /// Number of functions around the class; captured locals belong to the last of them.
    pub depth: usize,
    pub anonymous: u32,
    pub is_final: bool,
    pub is_interface: bool,
    pub has_super: bool,
}

impl<'t> Low<'t> {
    /// Names of the locals around a place are hidden while `run` lowers code that cannot see them.
    pub(super) fn hiding(&mut self, names: usize, run: impl FnOnce(&mut Self)) {
        let gone = self.f().map(|f| f.leave(names)).unwrap_or_default();
        run(self);
        if let Some(f) = self.f() {
            f.leave(names);
            for (name, var) in gone {
                f.bring(name, var);
            }
        }
    }

    pub(super) fn push(&mut self, op: Op, span: Span) -> ValueId {
        match self.fns.last_mut() {
            Some(f) => f.b.push(op, span),
            None => ValueId(0),
        }
    }

    pub(super) fn constant(&mut self, c: Const, span: Span) -> ValueId {
        self.push(Op::Const(c), span)
    }

    /// Declares a local and writes it.
    pub(super) fn declare_with(&mut self, name: Sym, value: ValueId) {
        if let Some(f) = self.f() {
            let var = f.declare(name);
            f.b.write(var, name, value);
        }
    }

    /// Value of the local `name` seen from the innermost function, captured if it belongs to one around.
    pub(super) fn read_local(&mut self, name: Sym, at: Span) -> Option<ValueId> {
        let level = self.fns.len().checked_sub(1)?;
        self.read_at(level, name, at)
    }

    fn read_at(&mut self, level: usize, name: Sym, at: Span) -> Option<ValueId> {
        stacker::maybe_grow(128 * 1024, 8 * 1024 * 1024, || self.read_at_here(level, name, at))
    }

    fn read_at_here(&mut self, level: usize, name: Sym, at: Span) -> Option<ValueId> {
        let f = self.fns.get_mut(level)?;
        if let Some(var) = f.lookup(name) {
            return Some(f.b.read(var));
        }
        if let Some(c) = f.captures.iter().find(|c| c.0 == name) {
            return Some(c.1);
        }
        let (lambda, class, this) = (f.lambda, f.class, f.this);
        if level == 0 {
            return None;
        }
        if lambda {
            let outer = self.read_at(level - 1, name, at)?;
            let f = self.fns.get_mut(level)?;
            // Parameters stand in the entry block, which a lambda keeps open until its end.
            let current = f.b.current();
            f.b.switch_to(BlockId(0));
            let here = f.b.param(plain_param(name, ParamKind::Capture, at));
            f.b.switch_to(current);
            f.captures.push((name, here, outer));
            return Some(here);
        }
        let mut class = class;
        loop {
            let c = self.cls.get(class)?;
            if c.depth != level {
                break;
            }
            if c.fields.contains_key(&name) {
                return None;
            }
            match class.checked_sub(1) {
                Some(outer) => class = outer,
                None => break,
            }
        }
        let this = this?;
        let id = self.cls.get(self.fns.get(level)?.class)?.id;
        if !self.visible(level - 1, name) {
            return None;
        }
        let list = self.captured.entry(id).or_default();
        if !list.contains(&name) {
            list.push(name);
        }
        let field = self.val_field(name);
        let f = self.fns.get_mut(level)?;
        Some(f.b.push(Op::LoadField(this, field), at))
    }

    /// True when `name` is a local seen from the function at `level`.
    fn visible(&self, mut level: usize, name: Sym) -> bool {
        loop {
            let Some(f) = self.fns.get(level) else { return false };
            if f.lookup(name).is_some() {
                return true;
            }
            if !f.lambda {
                let own = self.cls.get(f.class).is_some_and(|c| c.fields.contains_key(&name));
                if own {
                    return false;
                }
            }
            match level.checked_sub(1) {
                Some(outer) => level = outer,
                None => return false,
            }
        }
    }

    pub(super) fn val_field(&mut self, name: Sym) -> Sym {
        let text = format!("val${}", self.strings.get(name));
        self.strings.intern(&text)
    }

    /// True when `name` is a local variable here, captured or not. Does not capture.
    pub(super) fn is_local(&self, name: Sym) -> bool {
        self.fns.len().checked_sub(1).is_some_and(|l| self.visible(l, name))
    }

    /// The receiver, if there is one.
    pub(super) fn this(&self) -> Option<ValueId> {
        self.fns.last().and_then(|f| f.this)
    }

    /// Index of the class around the innermost function.
    pub(super) fn class_at(&self) -> Option<&ClassCtx> {
        let f = self.fns.last()?;
        self.cls.get(f.class)
    }

    /// Some(is_static) when `name` is a field that the class itself declares.
    pub(super) fn own_field(&self, name: Sym) -> Option<bool> {
        self.class_at()?.fields.get(&name).map(|f| f.is_static)
    }

    /// The class itself as a value, for its static fields.
    pub(super) fn class_value(&mut self, at: Span) -> ValueId {
        let name = self.class_at().map_or(Sym::EMPTY, |c| c.name);
        self.push(Op::LoadName(name), at)
    }

    /// Reads a simple name.
    pub(super) fn read_name(&mut self, n: Node<'t>) -> ValueId {
        let (name, at) = (self.sym(n), span(n));
        if let Some(v) = self.read_local(name, at) {
            return v;
        }
        match (self.own_field(name), self.this()) {
            (Some(false), Some(this)) => self.push(Op::LoadField(this, name), at),
            (Some(true), _) => {
                let class = self.class_value(at);
                self.push(Op::LoadField(class, name), at)
            }
            _ => self.push(Op::LoadName(name), at),
        }
    }

    /// Assigns a simple name; `at` is the assignment.
    pub(super) fn write_name(&mut self, n: Node<'t>, value: ValueId, at: Span) {
        let name = self.sym(n);
        if let Some(f) = self.f()
            && let Some(var) = f.lookup(name)
        {
            f.b.write(var, name, value);
            return;
        }
        match (self.own_field(name), self.this()) {
            (Some(false), Some(this)) => {
                self.push(Op::StoreField(this, name, value), at);
            }
            (Some(true), _) => {
                let class = self.class_value(span(n));
                self.push(Op::StoreField(class, name, value), at);
            }
            _ => {
                self.push(Op::StoreName(name, value), at);
            }
        }
    }

    /// Fills the captured locals of a new object of the class `id`.
    pub(super) fn fill_captures(&mut self, id: ClassId, object: ValueId, at: Span) {
        for name in self.captured.get(&id).cloned().unwrap_or_default() {
            if let Some(v) = self.read_local(name, at) {
                let field = self.val_field(name);
                self.push(Op::StoreField(object, field, v), at);
            }
        }
    }

    /// Lowers expressions for their effects.
    pub(super) fn effects(&mut self, nodes: Kids<'t>) {
        for n in nodes {
            self.expr(n);
        }
    }
}

/// A parameter without type, annotations or default.
pub(super) fn plain_param(name: Sym, kind: ParamKind, span: Span) -> Param {
    Param { name, ty: None, kind, annotations: Vec::new(), default: None, has_default: false, default_call: None, span }
}
