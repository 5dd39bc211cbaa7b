//! Builds a [`Function`] in SSA form while a front end walks the tree once.
//!
//! The construction is the on-the-fly algorithm of Braun et al. (2013): a front end writes and reads *variables*
//! ([`Var`]); phis appear where blocks join, and trivial ones are removed at the end. A block must be *sealed* once
//! all its predecessors are known.

use crate::*;
use rustc_hash::FxHashMap;
use surefix_text::Span;

/// A local variable of the function under construction (after scoping: two variables of one name in different scopes differ).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Var(pub u32);

#[derive(Default)]
struct Pending {
    preds: Vec<BlockId>,
    sealed: bool,
    /// Phis that wait for the seal.
    open: Vec<(Var, ValueId)>,
    closed: bool,
    defs: FxHashMap<Var, ValueId>,
}

/// Builder of one function. Create it with [`FnBuilder::new`], finish it with [`FnBuilder::finish`].
pub struct FnBuilder {
    /// The function so far; its blocks and instructions belong to the builder, the other fields to the front end.
    pub func: Function,
    pending: Vec<Pending>,
    current: BlockId,
    handlers: Vec<BlockId>,
    stmt: StmtId,
    vars: u32,
    replaced: FxHashMap<ValueId, ValueId>,
}

impl FnBuilder {
    /// A function with an empty, sealed entry block, which is current.
    pub fn new(name: Sym, qualified: Sym, span: Span) -> FnBuilder {
        let func = Function {
            name,
            qualified,
            owner: None,
            parent: None,
            params: Vec::new(),
            ret: None,
            throws: Vec::new(),
            annotations: Vec::new(),
            flags: 0,
            type_params: Vec::new(),
            blocks: Vec::new(),
            instrs: Vec::new(),
            stmts: vec![span],
            names: Vec::new(),
            span,
            body_span: span,
        };
        let mut b = FnBuilder {
            func,
            pending: Vec::new(),
            current: BlockId(0),
            handlers: Vec::new(),
            stmt: StmtId(0),
            vars: 0,
            replaced: FxHashMap::default(),
        };
        let entry = b.new_block();
        b.seal(entry);
        b.current = entry;
        b
    }

    /// A new variable.
    pub fn new_var(&mut self) -> Var {
        self.vars += 1;
        Var(self.vars - 1)
    }

    /// Says that what follows belongs to the statement at `span`; returns the statement before, for [`FnBuilder::set_stmt`].
    pub fn enter_stmt(&mut self, span: Span) -> StmtId {
        let before = self.stmt;
        self.func.stmts.push(span);
        self.stmt = StmtId(self.func.stmts.len() as u32 - 1);
        before
    }

    /// Goes back to an enclosing statement.
    pub fn set_stmt(&mut self, stmt: StmtId) {
        self.stmt = stmt;
    }

    /// A new, unsealed block without predecessors. Inside a `try` region its unwind target is the innermost handler.
    pub fn new_block(&mut self) -> BlockId {
        let id = BlockId(self.func.blocks.len() as u32);
        let unwind = self.handlers.last().copied();
        self.func.blocks.push(Block { instrs: Vec::new(), term: Term::Unreachable, unwind });
        self.pending.push(Pending::default());
        if let Some(h) = unwind {
            self.add_pred(h, id);
        }
        id
    }

    /// The block that instructions go to.
    pub fn current(&self) -> BlockId {
        self.current
    }

    /// True when the current block already ended (code after `return`): instructions there are unreachable.
    pub fn is_closed(&self) -> bool {
        self.pending[self.current.0 as usize].closed
    }

    /// Makes `b` current.
    pub fn switch_to(&mut self, b: BlockId) {
        self.current = b;
    }

    fn add_pred(&mut self, of: BlockId, pred: BlockId) {
        let p = &mut self.pending[of.0 as usize];
        debug_assert!(!p.sealed, "predecessor added to a sealed block");
        if !p.preds.contains(&pred) {
            p.preds.push(pred);
        }
    }

    /// Says that all predecessors of `b` are known.
    pub fn seal(&mut self, b: BlockId) {
        if std::mem::replace(&mut self.pending[b.0 as usize].sealed, true) {
            return;
        }
        for (var, phi) in std::mem::take(&mut self.pending[b.0 as usize].open) {
            self.fill_phi(b, var, phi);
        }
    }

    /// Ends the current block; ignored when it already ended.
    pub fn end(&mut self, term: Term) {
        if self.is_closed() {
            return;
        }
        let at = self.current;
        self.func.blocks[at.0 as usize].term = term;
        let unwind = self.func.blocks[at.0 as usize].unwind;
        for s in self.func.blocks[at.0 as usize].successors() {
            if Some(s) != unwind {
                self.add_pred(s, at);
            }
        }
        self.pending[at.0 as usize].closed = true;
    }

    /// Ends the current block with a jump to `to`; ignored when it already ended.
    pub fn goto(&mut self, to: BlockId) {
        self.end(Term::Goto(to));
    }

    /// Ends the current block with a branch and returns `(then, other)`, both sealed, `then` current.
    pub fn branch(&mut self, cond: ValueId) -> (BlockId, BlockId) {
        let (then, other) = (self.new_block(), self.new_block());
        self.end(Term::If { cond, then, other });
        self.seal(then);
        self.seal(other);
        self.switch_to(then);
        (then, other)
    }

    /// Enters a region whose exceptions go to `handler` (an unsealed block) and starts a fresh block in it.
    pub fn push_handler(&mut self, handler: BlockId) {
        self.handlers.push(handler);
        self.split();
    }

    /// Leaves the innermost region and starts a fresh block outside. The handler may be sealed afterwards.
    pub fn pop_handler(&mut self) {
        self.handlers.pop();
        self.split();
    }

    /// Depth of handler nesting, for front ends that leave several regions at once (`break` through `finally`).
    pub fn handler_depth(&self) -> usize {
        self.handlers.len()
    }

    /// Temporarily replaces the handler stack by its first `depth` entries (for inlined `finally` code); give the result to [`FnBuilder::restore_handlers`].
    pub fn cut_handlers(&mut self, depth: usize) -> Vec<BlockId> {
        let saved = self.handlers.clone();
        self.handlers.truncate(depth);
        self.split();
        saved
    }

    /// Undoes [`FnBuilder::cut_handlers`].
    pub fn restore_handlers(&mut self, saved: Vec<BlockId>) {
        self.handlers = saved;
        self.split();
    }

    /// Continues in a fresh block (after a closed one: in an unreachable block).
    pub fn split(&mut self) {
        let next = self.new_block();
        self.goto(next);
        self.seal(next);
        self.current = next;
    }

    /// Appends an instruction and returns its value. After the end of a block it goes to a fresh unreachable block.
    pub fn push(&mut self, op: Op, span: Span) -> ValueId {
        if self.is_closed() {
            self.split();
        }
        let v = self.new_value(op, span);
        self.func.blocks[self.current.0 as usize].instrs.push(v);
        v
    }

    fn new_value(&mut self, op: Op, span: Span) -> ValueId {
        let v = ValueId(self.func.instrs.len() as u32);
        self.func.instrs.push(Instr { op, span, stmt: self.stmt });
        v
    }

    /// The operation behind a value.
    pub fn op(&self, v: ValueId) -> Option<&Op> {
        self.func.instrs.get(v.0 as usize).map(|i| &i.op)
    }

    /// A literal.
    pub fn constant(&mut self, c: Const, span: Span) -> ValueId {
        self.push(Op::Const(c), span)
    }

    /// An opaque value that `parts` flow into.
    pub fn unknown(&mut self, parts: Vec<ValueId>, span: Span) -> ValueId {
        self.push(Op::Unknown(parts), span)
    }

    /// Declares the next parameter and gives its value.
    pub fn param(&mut self, param: Param) -> ValueId {
        let (n, name, span) = (self.func.params.len() as u32, param.name, param.span);
        self.func.params.push(param);
        let v = self.push(Op::Param(n), span);
        self.func.names.push((v, name));
        v
    }

    /// Assigns a local variable. `name` is its source name, for traces.
    pub fn write(&mut self, var: Var, name: Sym, value: ValueId) {
        if self.is_closed() {
            self.split();
        }
        if !self.handlers.is_empty() && !self.func.blocks[self.current.0 as usize].instrs.is_empty() {
            self.split();
        }
        self.pending[self.current.0 as usize].defs.insert(var, value);
        if name != Sym::EMPTY {
            self.func.names.push((value, name));
        }
    }

    /// Reads a local variable; a variable that was never written on some path is an unknown value there.
    pub fn read(&mut self, var: Var) -> ValueId {
        if self.is_closed() {
            self.split();
        }
        self.read_in(var, self.current)
    }

    fn read_in(&mut self, var: Var, block: BlockId) -> ValueId {
        // Walk chains of single predecessors in a loop: straight-line code must not recurse.
        let mut chain = Vec::new();
        let mut at = block;
        let value = loop {
            let p = &self.pending[at.0 as usize];
            if let Some(&v) = p.defs.get(&var) {
                break v;
            }
            if !p.sealed {
                let phi = self.new_phi(at);
                self.pending[at.0 as usize].open.push((var, phi));
                self.pending[at.0 as usize].defs.insert(var, phi);
                break phi;
            }
            match p.preds.as_slice() {
                [] => {
                    let v = self.new_value(Op::Unknown(Vec::new()), Span::point(self.func.span.lo));
                    self.insert_front(at, v);
                    self.pending[at.0 as usize].defs.insert(var, v);
                    break v;
                }
                [one] => {
                    chain.push(at);
                    at = *one;
                }
                _ => {
                    let phi = self.new_phi(at);
                    self.pending[at.0 as usize].defs.insert(var, phi);
                    self.fill_phi(at, var, phi);
                    break phi;
                }
            }
        };
        for b in chain {
            self.pending[b.0 as usize].defs.insert(var, value);
        }
        value
    }

    fn insert_front(&mut self, b: BlockId, v: ValueId) {
        let instrs = &self.func.blocks[b.0 as usize].instrs;
        let phis = instrs
            .iter()
            .take_while(|v| matches!(self.func.instrs[v.0 as usize].op, Op::Phi(_) | Op::Param(_)))
            .count();
        self.func.blocks[b.0 as usize].instrs.insert(phis, v);
    }

    fn new_phi(&mut self, b: BlockId) -> ValueId {
        let v = self.new_value(Op::Phi(Vec::new()), self.func.stmts[self.stmt.0 as usize]);
        self.func.blocks[b.0 as usize].instrs.insert(0, v);
        v
    }

    fn fill_phi(&mut self, b: BlockId, var: Var, phi: ValueId) {
        let preds = self.pending[b.0 as usize].preds.clone();
        let mut operands = Vec::with_capacity(preds.len());
        for p in preds {
            let v = self.read_in(var, p);
            operands.push((p, v));
        }
        self.func.instrs[phi.0 as usize].op = Op::Phi(operands);
    }

    /// Removes trivial phis and unreachable blocks' edges, checks nothing, and gives the function. Unsealed blocks are sealed.
    pub fn finish(mut self) -> Function {
        if !self.is_closed() {
            self.end(Term::Return(None));
        }
        for b in 0..self.pending.len() as u32 {
            self.seal(BlockId(b));
        }
        self.simplify_phis();
        self.func.names.sort();
        self.func.names.dedup_by_key(|n| n.0);
        self.func
    }

    fn resolve(&self, mut v: ValueId) -> ValueId {
        while let Some(&next) = self.replaced.get(&v) {
            v = next;
        }
        v
    }

    fn simplify_phis(&mut self) {
        loop {
            let mut changed = false;
            for i in 0..self.func.instrs.len() as u32 {
                let v = ValueId(i);
                if self.replaced.contains_key(&v) {
                    continue;
                }
                let Op::Phi(ops) = &self.func.instrs[i as usize].op else { continue };
                let mut same = None;
                let mut trivial = true;
                for (_, o) in ops {
                    let o = self.resolve(*o);
                    if o == v || Some(o) == same {
                        continue;
                    }
                    if same.is_some() {
                        trivial = false;
                        break;
                    }
                    same = Some(o);
                }
                if trivial && let Some(s) = same {
                    self.replaced.insert(v, s);
                    changed = true;
                }
            }
            if !changed {
                break;
            }
        }
        if self.replaced.is_empty() {
            return;
        }
        for b in 0..self.func.blocks.len() {
            let mut instrs = std::mem::take(&mut self.func.blocks[b].instrs);
            instrs.retain(|v| !self.replaced.contains_key(v));
            self.func.blocks[b].instrs = instrs;
        }
        let map: Vec<ValueId> = (0..self.func.instrs.len() as u32).map(|i| self.resolve(ValueId(i))).collect();
        for (i, instr) in self.func.instrs.iter_mut().enumerate() {
            if map[i] != ValueId(i as u32) {
                instr.op = Op::Unknown(Vec::new());
            } else {
                instr.op.map_operands(&mut |v| map[v.0 as usize]);
            }
        }
        for block in &mut self.func.blocks {
            match &mut block.term {
                Term::If { cond, .. } => *cond = map[cond.0 as usize],
                Term::Switch { on, .. } => *on = map[on.0 as usize],
                Term::Return(Some(v)) | Term::Throw(Some(v)) => *v = map[v.0 as usize],
                _ => {}
            }
        }
        for n in &mut self.func.names {
            n.0 = map[n.0.0 as usize];
        }
    }
}

impl Op {
    /// Rewrites every operand.
    pub fn map_operands(&mut self, f: &mut impl FnMut(ValueId) -> ValueId) {
        let mut each = |v: &mut ValueId| *v = f(*v);
        match self {
            Op::Param(_) | Op::Const(_) | Op::LoadName(_) | Op::Catch(_) => {}
            Op::Phi(ops) => ops.iter_mut().for_each(|o| each(&mut o.1)),
            Op::Copy(a)
            | Op::Un(_, a)
            | Op::ToText(a, ..)
            | Op::LoadField(a, _)
            | Op::StoreName(_, a)
            | Op::BoundMethod(a, _)
            | Op::Cast(_, a)
            | Op::InstanceOf(_, a)
            | Op::IterNext(a)
            | Op::Element(a, _)
            | Op::Rest(a, ..)
            | Op::Yield(a)
            | Op::Await(a)
            | Op::NewCell(a)
            | Op::LoadCell(a)
            | Op::Enter(a)
            | Op::Exit(a) => each(a),
            Op::Bin(_, a, b)
            | Op::Format(_, a, b)
            | Op::StoreField(a, _, b)
            | Op::LoadIndex(a, b)
            | Op::DeleteIndex(a, b)
            | Op::StoreCell(a, b) => {
                each(a);
                each(b);
            }
            Op::StoreIndex(a, b, c) => {
                each(a);
                each(b);
                each(c);
            }
            Op::Concat(vs) | Op::Closure(_, vs) | Op::Unknown(vs) => vs.iter_mut().for_each(each),
            Op::NewArray(_, vs) => vs.iter_mut().for_each(each),
            Op::Slice(a, bounds) => {
                each(a);
                bounds.iter_mut().flatten().for_each(each);
            }
            Op::Aggregate(_, items) => {
                for item in items {
                    item.key.iter_mut().for_each(&mut each);
                    each(&mut item.value);
                }
            }
            Op::Call(call) => {
                match &mut call.callee {
                    Callee::Method { recv, .. } => each(recv),
                    Callee::Value(v) => each(v),
                    Callee::Name(_) | Callee::Super(_) | Callee::ThisCtor | Callee::New { .. } => {}
                }
                call.args.iter_mut().for_each(|a| each(&mut a.value));
            }
        }
    }

    /// Calls `f` for every operand.
    pub fn operands(&self, f: &mut impl FnMut(ValueId)) {
        let mut copy = self.clone();
        copy.map_operands(&mut |v| {
            f(v);
            v
        });
    }
}
