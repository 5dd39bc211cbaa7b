//! The function under construction: variables, cells, blocks.

use super::scope::{Kind, is};
use super::{Low, deep};
use ruff_python_ast::Stmt;
use rustc_hash::FxHashMap;
use surefix_ir::build::{FnBuilder, Var};
use surefix_ir::{BlockId, ClassId, Const, FnId, Op, Sym, Term, TypeRef, ValueId};
use surefix_text::Span;

/// Where a name of a function lives.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slot {
    Var(Var),
    /// In the box that this value is.
    Cell(ValueId),
    /// The function itself, which does not capture its own name.
    Itself,
}

/// What a name means at a place.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    Slot(Slot),
    /// A variable of the class body being lowered.
    ClassVar(Var),
    /// A method or inner class of the class body being lowered.
    Member,
    /// Resolved at link time.
    Global,
}

/// What must run when a region is left.
#[derive(Clone, Copy)]
pub(super) enum FinKind<'a> {
    /// A `finally` suite.
    Block(&'a [Stmt]),
    /// Leaving the context manager; whether it may swallow exceptions.
    Exit(ValueId, Span, bool),
}

/// A region with something to run.
#[derive(Clone, Copy)]
pub(super) struct Fin<'a> {
    pub kind: FinKind<'a>,
    /// Number of handlers around it.
    pub handlers: usize,
    /// Number of loops around it.
    pub loops: usize,
}

/// A loop, with the number of regions around it.
#[derive(Clone, Copy)]
pub(super) struct Loop {
    pub brk: BlockId,
    pub cont: BlockId,
    pub fins: usize,
}

/// A function being lowered.
pub(super) struct FnCtx<'a> {
    pub b: FnBuilder,
    pub id: FnId,
    pub scope: usize,
    pub slots: FxHashMap<Sym, Slot>,
    /// Variables of comprehensions around the place, innermost last.
    pub comps: Vec<(Sym, Var)>,
    /// Names captured, and their values inside.
    pub captures: Vec<ValueId>,
    pub loops: Vec<Loop>,
    pub fins: Vec<Fin<'a>>,
    /// Nesting of duplicated `finally` code.
    pub copies: u32,
    /// Exceptions being handled, innermost last.
    pub caught: Vec<ValueId>,
    /// The receiver's name and the class, in methods.
    pub receiver: Option<(Sym, ClassId)>,
    /// Blocks that some terminator goes to, by number.
    targets: Vec<bool>,
}

impl FnCtx<'_> {
    pub(super) fn new(b: FnBuilder, id: FnId, scope: usize) -> Self {
        FnCtx {
            b,
            id,
            scope,
            slots: FxHashMap::default(),
            comps: Vec::new(),
            captures: Vec::new(),
            loops: Vec::new(),
            fins: Vec::new(),
            copies: 0,
            caught: Vec::new(),
            receiver: None,
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
            _ => {}
        }
        self.b.end(term);
    }

    fn target(&mut self, b: BlockId) {
        let at = b.0 as usize;
        if self.targets.len() <= at {
            self.targets.resize(at + 1, false);
        }
        if let Some(t) = self.targets.get_mut(at) {
            *t = true;
        }
    }

    /// Seals `b`, of which all predecessors are known, and goes on there; closes it when nothing goes there.
    pub(super) fn enter(&mut self, b: BlockId) {
        self.b.seal(b);
        self.b.switch_to(b);
        if !self.targets.get(b.0 as usize).is_some_and(|t| *t) {
            self.b.end(Term::Unreachable);
        }
    }
}

/// A class body being lowered.
pub(super) struct ClassCtx {
    pub id: ClassId,
    pub name: Sym,
    pub scope: usize,
    /// Number of functions around the body.
    pub depth: usize,
    pub vars: FxHashMap<Sym, Var>,
    /// True when annotated assignments declare constructor parameters.
    pub is_record: bool,
}

impl<'a> Low<'a> {
    pub(super) fn f(&mut self) -> Option<&mut FnCtx<'a>> {
        self.fns.last_mut()
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

    /// A value that nothing is known about.
    pub(super) fn opaque(&mut self, span: Span) -> ValueId {
        self.push(Op::Unknown(Vec::new()), span)
    }

    /// A new unsealed block.
    pub(super) fn new_block(&mut self) -> BlockId {
        self.f().map_or(BlockId(0), |f| f.b.new_block())
    }

    pub(super) fn enter(&mut self, b: BlockId) {
        if let Some(f) = self.f() {
            f.enter(b);
        }
    }

    /// Starts the loop header `b`: more predecessors will come.
    pub(super) fn enter_loop(&mut self, b: BlockId) {
        if let Some(f) = self.f() {
            let dead = f.b.is_closed();
            f.end(Term::Goto(b));
            f.b.switch_to(b);
            if dead {
                f.b.end(Term::Unreachable);
            }
        }
    }

    pub(super) fn seal(&mut self, b: BlockId) {
        if let Some(f) = self.f() {
            f.b.seal(b);
        }
    }

    pub(super) fn end(&mut self, t: Term) {
        if let Some(f) = self.f() {
            f.end(t);
        }
    }

    pub(super) fn goto(&mut self, b: BlockId) {
        self.end(Term::Goto(b));
    }

    pub(super) fn branch_to(&mut self, cond: ValueId, then: BlockId, other: BlockId) {
        self.end(Term::If { cond, then, other });
    }

    pub(super) fn is_closed(&self) -> bool {
        self.fns.last().is_none_or(|f| f.b.is_closed())
    }

    pub(super) fn new_var(&mut self) -> Var {
        self.f().map_or(Var(0), |f| f.b.new_var())
    }

    pub(super) fn write(&mut self, var: Var, name: Sym, value: ValueId) {
        if let Some(f) = self.f() {
            f.b.write(var, name, value);
        }
    }

    pub(super) fn read(&mut self, var: Var) -> ValueId {
        self.f().map_or(ValueId(0), |f| f.b.read(var))
    }

    pub(super) fn write_and_goto(&mut self, var: Var, v: ValueId, to: BlockId) {
        self.write(var, Sym::EMPTY, v);
        self.goto(to);
    }

    /// The class body that the place stands in directly.
    pub(super) fn class_body(&mut self) -> Option<&mut ClassCtx> {
        let depth = self.fns.len();
        self.cls.last_mut().filter(|c| c.depth == depth)
    }

    /// What reading `name` means here. A class body reads from around it what it has not assigned yet.
    pub(super) fn place(&mut self, name: Sym) -> Place {
        self.find_place(name, false)
    }

    /// What assigning `name` means here.
    pub(super) fn target(&mut self, name: Sym) -> Place {
        self.find_place(name, true)
    }

    fn find_place(&mut self, name: Sym, assigned: bool) -> Place {
        let Some(f) = self.fns.last() else { return Place::Global };
        if let Some((_, var)) = f.comps.iter().rev().find(|c| c.0 == name) {
            return Place::Slot(Slot::Var(*var));
        }
        let depth = self.fns.len();
        if let Some(c) = self.cls.last_mut().filter(|c| c.depth == depth)
            && let Some(i) = self.scopes.get(c.scope).and_then(|s| s.get(name))
            && i.is_local()
        {
            if !i.has(is::ASSIGN) {
                return if i.has(is::IMPORT) { Place::Global } else { Place::Member };
            }
            if let Some(var) = c.vars.get(&name) {
                return Place::ClassVar(*var);
            }
            if assigned {
                let var = self.fns.last_mut().map_or(Var(0), |f| f.b.new_var());
                c.vars.insert(name, var);
                return Place::ClassVar(var);
            }
        }
        match self.fns.last().and_then(|f| f.slots.get(&name)) {
            Some(slot) => Place::Slot(*slot),
            None => Place::Global,
        }
    }

    /// True when `name` is a variable here.
    pub(super) fn is_variable(&mut self, name: Sym) -> bool {
        matches!(self.place(name), Place::Slot(_) | Place::ClassVar(_))
    }

    fn read_slot(&mut self, slot: Slot, at: Span) -> ValueId {
        match slot {
            Slot::Var(v) => self.read(v),
            Slot::Cell(c) => self.push(Op::LoadCell(c), at),
            Slot::Itself => {
                let Some((id, captures)) = self.fns.last().map(|f| (f.id, f.captures.clone())) else {
                    return ValueId(0);
                };
                self.push(Op::Closure(id, captures), at)
            }
        }
    }

    /// Reads a name.
    pub(super) fn read_name(&mut self, name: Sym, at: Span) -> ValueId {
        match self.place(name) {
            Place::Slot(slot) => self.read_slot(slot, at),
            Place::ClassVar(v) => self.read(v),
            Place::Member => {
                let class = self.class_value(at);
                self.push(Op::LoadField(class, name), at)
            }
            Place::Global => self.push(Op::LoadName(name), at),
        }
    }

    /// What a function made here captures of `name`: its value, or the box it is in.
    pub(super) fn capture(&mut self, name: Sym, at: Span) -> ValueId {
        let Some(f) = self.fns.last() else { return ValueId(0) };
        let slot = match f.comps.iter().rev().find(|c| c.0 == name) {
            Some((_, var)) => Some(Slot::Var(*var)),
            None => f.slots.get(&name).copied(),
        };
        match slot {
            Some(Slot::Cell(c)) => c,
            Some(slot) => self.read_slot(slot, at),
            None => self.opaque(at),
        }
    }

    /// Assigns a name; `at` is the assignment.
    pub(super) fn write_name(&mut self, name: Sym, value: ValueId, at: Span) {
        match self.target(name) {
            Place::Slot(Slot::Var(var)) => {
                self.write(var, name, value);
                let Some(f) = self.fns.last() else { return };
                if f.id == FnId(0) && !f.comps.iter().any(|c| c.0 == name) {
                    self.push(Op::StoreName(name, value), at);
                }
            }
            Place::Slot(Slot::Cell(cell)) => {
                self.push(Op::StoreCell(cell, value), at);
                if let Some(f) = self.f() {
                    f.b.func.names.push((value, name));
                }
            }
            Place::ClassVar(var) => {
                self.write(var, name, value);
                let class = self.class_value(at);
                self.push(Op::StoreField(class, name, value), at);
            }
            Place::Member => {
                let class = self.class_value(at);
                self.push(Op::StoreField(class, name, value), at);
            }
            Place::Slot(Slot::Itself) | Place::Global => {
                self.push(Op::StoreName(name, value), at);
            }
        }
    }

    /// The class whose body is being lowered, as a value.
    pub(super) fn class_value(&mut self, at: Span) -> ValueId {
        let depth = self.fns.len();
        let path: Vec<Sym> = self.cls.iter().filter(|c| c.depth == depth).map(|c| c.name).collect();
        let mut path = path.into_iter();
        let Some(first) = path.next() else { return self.opaque(at) };
        let mut v = self.push(Op::LoadName(first), at);
        for name in path {
            v = self.push(Op::LoadField(v, name), at);
        }
        v
    }

    /// Gives every local of the function just opened its slot.
    pub(super) fn open_slots(&mut self) {
        let Some(f) = self.fns.last() else { return };
        let (scope_id, at) = (f.scope, Span::point(f.b.func.body_span.lo));
        let Some(scope) = self.scopes.get(scope_id) else { return };
        let module = scope.kind == Kind::Module;
        let global = &self.scopes.declared_global;
        let mut names: Vec<(Sym, bool)> =
            scope
                .names
                .iter()
                .filter(|(n, i)| {
                    if module { i.has(is::ASSIGN) && !i.has(is::GLOBAL) && !global.contains(n) } else { i.is_var() }
                })
                .filter(|(_, i)| !i.has(is::PARAM))
                .map(|(n, i)| (*n, !module && i.is_cell()))
                .collect();
        names.sort();
        for (name, cell) in names {
            let slot = if cell {
                let nothing = self.opaque(at);
                Slot::Cell(self.push(Op::NewCell(nothing), at))
            } else {
                Slot::Var(self.new_var())
            };
            if let Some(f) = self.f() {
                f.slots.insert(name, slot);
            }
        }
    }

    /// Tests `value` for each of `types`: goes to `yes` when one fits, to `no` otherwise.
    pub(super) fn type_test(&mut self, types: Vec<TypeRef>, value: ValueId, at: Span, yes: BlockId, no: BlockId) {
        let last = types.len().saturating_sub(1);
        if types.is_empty() {
            self.goto(yes);
        }
        for (i, ty) in types.into_iter().enumerate() {
            let test = self.push(Op::InstanceOf(ty, value), at);
            if i == last {
                self.branch_to(test, yes, no);
                break;
            }
            let more = self.new_block();
            self.branch_to(test, yes, more);
            self.enter(more);
        }
    }

    /// Lowers the statements of a suite.
    pub(super) fn suite(&mut self, body: &'a [Stmt]) {
        for s in body {
            deep(|| self.stmt(s));
        }
    }
}
