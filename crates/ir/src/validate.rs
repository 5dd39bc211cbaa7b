//! The validator: what every module must satisfy. Front ends run it in all their tests.
//!
//! A block counts as one step: a value defined in it is there on its unwind edge too, as [`Block::unwind`] promises.
//! Unreachable blocks are allowed; their operands must exist, and their phis must name their predecessors.

use crate::*;
use surefix_text::Span;

/// Every violation, in order, as sentences that name function and block. Empty for a valid module.
pub fn validate(m: &Module) -> Vec<String> {
    let mut c = Check { m, at: "module".to_owned(), out: Vec::new() };
    c.module();
    c.out
}

struct Check<'a> {
    m: &'a Module,
    at: String,
    out: Vec<String>,
}

impl Check<'_> {
    fn say(&mut self, what: impl std::fmt::Display) {
        self.out.push(format!("{}: {what}", self.at));
    }

    fn sym(&mut self, s: Sym) {
        if s.0 as usize >= self.m.strings.len() {
            self.say(format_args!("string {} does not exist", s.0));
        }
    }

    fn function_id(&mut self, f: FnId) {
        if f.0 as usize >= self.m.functions.len() {
            self.say(format_args!("function f{} does not exist", f.0));
        }
    }

    fn class_id(&mut self, c: ClassId) {
        if c.0 as usize >= self.m.classes.len() {
            self.say(format_args!("class c{} does not exist", c.0));
        }
    }

    fn span(&mut self, s: Span) {
        if s.lo > s.hi {
            self.say(format_args!("span {}..{} ends before it starts", s.lo, s.hi));
        }
    }

    fn ty(&mut self, t: &TypeRef) {
        self.sym(t.name);
        for a in &t.args {
            stacker::maybe_grow(64 * 1024, 1024 * 1024, || self.ty(a));
        }
    }

    fn types(&mut self, types: &[TypeRef]) {
        types.iter().for_each(|t| self.ty(t));
    }

    fn annotations(&mut self, annotations: &[Annotation]) {
        for a in annotations {
            self.sym(a.name);
            self.span(a.span);
            for (k, v) in &a.args {
                self.sym(*k);
                self.sym(*v);
            }
        }
    }

    fn constant(&mut self, c: &Const) {
        match c {
            Const::Str(s) | Const::Bytes(s) | Const::Class(s) => self.sym(*s),
            Const::Char(c) if *c > 0x0010_ffff => self.say(format_args!("{c} is no character")),
            _ => {}
        }
    }

    fn module(&mut self) {
        let m = self.m;
        self.sym(m.name);
        m.init.into_iter().for_each(|f| self.function_id(f));
        for i in &m.imports {
            self.sym(i.local);
            self.sym(i.path);
            self.span(i.span);
            i.scope.into_iter().for_each(|f| self.function_id(f));
        }
        m.diagnostics.iter().for_each(|d| self.span(d.span));
        m.error_spans.iter().for_each(|s| self.span(*s));
        for (n, c) in m.classes.iter().enumerate() {
            self.at = format!("class c{n}");
            self.class(c, ClassId(n as u32));
        }
        for (n, f) in m.functions.iter().enumerate() {
            let name = if (f.qualified.0 as usize) < m.strings.len() { m.strings.get(f.qualified) } else { "?" };
            let at = format!("function f{n} ({name})");
            self.at = at.clone();
            self.function(f);
            self.body(f, &at);
        }
    }

    fn class(&mut self, c: &Class, id: ClassId) {
        [c.name, c.qualified].into_iter().chain(c.type_params.iter().copied()).for_each(|s| self.sym(s));
        [c.span, c.body_span].into_iter().for_each(|s| self.span(s));
        self.types(&c.supers);
        self.annotations(&c.annotations);
        if let Some(o) = c.outer {
            self.class_id(o);
            if o >= id {
                self.say("the outer class comes before the inner");
            }
        }
        for f in &c.fields {
            self.sym(f.name);
            self.types(f.ty.as_slice());
            self.annotations(&f.annotations);
            self.span(f.span);
        }
        c.methods.iter().for_each(|f| self.function_id(*f));
    }

    fn function(&mut self, f: &Function) {
        [f.name, f.qualified].into_iter().chain(f.type_params.iter().copied()).for_each(|s| self.sym(s));
        [f.span, f.body_span].into_iter().chain(f.stmts.iter().copied()).for_each(|s| self.span(s));
        self.types(f.ret.as_slice());
        self.types(&f.throws);
        self.annotations(&f.annotations);
        f.owner.into_iter().for_each(|c| self.class_id(c));
        f.parent.into_iter().for_each(|p| self.function_id(p));
        for (n, p) in f.params.iter().enumerate() {
            self.sym(p.name);
            self.types(p.ty.as_slice());
            self.annotations(&p.annotations);
            p.default.iter().for_each(|c| self.constant(c));
            p.default_call.into_iter().for_each(|s| self.sym(s));
            self.span(p.span);
            if p.kind == ParamKind::This && n > 0 {
                self.say(format_args!("parameter {n} is a receiver but not the first"));
            }
            let before = n.checked_sub(1).and_then(|i| f.params.get(i));
            if before.is_some_and(|b| b.kind == ParamKind::Capture) && p.kind != ParamKind::Capture {
                self.say(format_args!("parameter {n} follows a captured one"));
            }
            if (p.default.is_some() || p.default_call.is_some()) && !p.has_default {
                self.say(format_args!("parameter {n} has a default and denies it"));
            }
        }
        if !f.names.is_sorted_by(|a, b| a.0 < b.0) {
            self.say("names are not sorted by value, one each");
        }
        for (v, name) in &f.names {
            self.sym(*name);
            if v.0 as usize >= f.instrs.len() {
                self.say(format_args!("named value %{} does not exist", v.0));
            }
        }
        if f.blocks.is_empty() && !f.instrs.is_empty() {
            self.say("instructions without a block");
        }
    }

    fn body(&mut self, f: &Function, at: &str) {
        let blocks = f.blocks.len();
        let mut in_range = true;
        for (n, b) in f.blocks.iter().enumerate() {
            self.at = format!("{at} b{n}");
            for s in b.successors() {
                if s.0 as usize >= blocks {
                    self.say(format_args!("successor b{} does not exist", s.0));
                    in_range = false;
                }
            }
        }
        if !in_range || blocks == 0 {
            return;
        }
        let graph = Graph::new(f);
        if graph.preds.first().is_some_and(|p| !p.is_empty()) {
            self.at = at.to_owned();
            self.say("the entry block has predecessors");
        }
        let places = self.place(f, at);
        for (n, b) in f.blocks.iter().enumerate() {
            self.at = format!("{at} b{n}");
            for (index, v) in b.instrs.iter().enumerate() {
                let Some(i) = f.instrs.get(v.0 as usize) else { continue };
                self.span(i.span);
                if i.stmt.0 as usize >= f.stmts.len() {
                    self.say(format_args!("%{}: statement s{} does not exist", v.0, i.stmt.0));
                }
                self.details(*v, &i.op, n);
                if let Op::Phi(ops) = &i.op {
                    self.phi(*v, ops, n, &graph, &places);
                    continue;
                }
                i.op.operands(&mut |o| self.used(*v, o, (n, index), &graph, &places));
            }
            let end = (n, b.instrs.len());
            match &b.term {
                Term::If { cond: v, .. } | Term::Return(Some(v)) | Term::Throw(Some(v)) => {
                    self.used_by("the terminator", *v, end, &graph, &places)
                }
                Term::Switch { on, cases, .. } => {
                    self.used_by("the terminator", *on, end, &graph, &places);
                    cases.iter().for_each(|c| self.constant(&c.0));
                }
                Term::Goto(_) | Term::Return(None) | Term::Throw(None) | Term::Unreachable => {}
            }
        }
    }

    /// Where each value is defined: block and index in it.
    fn place(&mut self, f: &Function, at: &str) -> Vec<Option<(usize, usize)>> {
        let mut places = vec![None; f.instrs.len()];
        let mut params = vec![false; f.params.len()];
        for (n, b) in f.blocks.iter().enumerate() {
            self.at = format!("{at} b{n}");
            let mut phis_over = false;
            for (index, v) in b.instrs.iter().enumerate() {
                let Some(place) = places.get_mut(v.0 as usize) else {
                    self.say(format_args!("instruction %{} does not exist", v.0));
                    continue;
                };
                if place.replace((n, index)).is_some() {
                    self.say(format_args!("%{} stands in two places", v.0));
                }
                match f.instrs.get(v.0 as usize).map(|i| &i.op) {
                    Some(Op::Phi(_)) if phis_over => self.say(format_args!("phi %{} does not stand first", v.0)),
                    Some(Op::Phi(_)) | None => {}
                    Some(Op::Param(p)) => {
                        phis_over = true;
                        if n != 0 {
                            self.say(format_args!("parameter %{} does not stand in the entry block", v.0));
                        }
                        match params.get_mut(*p as usize) {
                            Some(seen @ false) => *seen = true,
                            Some(_) => self.say(format_args!("parameter {p} has two values")),
                            None => self.say(format_args!("parameter {p} does not exist")),
                        }
                    }
                    Some(_) => phis_over = true,
                }
            }
        }
        places
    }

    fn phi(
        &mut self,
        v: ValueId,
        ops: &[(BlockId, ValueId)],
        block: usize,
        graph: &Graph,
        places: &[Option<(usize, usize)>],
    ) {
        let mut named: Vec<usize> = ops.iter().map(|(b, _)| b.0 as usize).collect();
        named.sort_unstable();
        let preds = graph.preds.get(block).map(Vec::as_slice).unwrap_or(&[]);
        if named != preds {
            self.say(format_args!("phi %{} names the predecessors {named:?}, they are {preds:?}", v.0));
            return;
        }
        for (b, o) in ops {
            self.used(v, *o, (b.0 as usize, usize::MAX), graph, places);
        }
    }

    fn used(&mut self, by: ValueId, v: ValueId, at: (usize, usize), graph: &Graph, places: &[Option<(usize, usize)>]) {
        if !defined(v, at, graph, places) {
            self.used_by(&format!("%{}", by.0), v, at, graph, places);
        }
    }

    fn used_by(&mut self, by: &str, v: ValueId, at: (usize, usize), graph: &Graph, places: &[Option<(usize, usize)>]) {
        if defined(v, at, graph, places) {
            return;
        }
        match places.get(v.0 as usize) {
            None => self.say(format_args!("{by} uses %{}, which does not exist", v.0)),
            Some(None) => self.say(format_args!("{by} uses %{}, which stands in no block", v.0)),
            Some(Some(_)) => self.say(format_args!("{by} uses %{}, which is not defined on every path to it", v.0)),
        }
    }

    /// Everything about an operation but its operands.
    fn details(&mut self, v: ValueId, op: &Op, block: usize) {
        let v = v.0;
        match op {
            Op::Const(c) => self.constant(c),
            Op::LoadField(_, s)
            | Op::StoreField(_, s, _)
            | Op::LoadName(s)
            | Op::StoreName(s, _)
            | Op::BoundMethod(_, s) => self.sym(*s),
            Op::ToText(_, conversion, spec) => {
                self.sym(*spec);
                if !matches!(conversion, 0 | b's' | b'r' | b'a') {
                    self.say(format_args!("%{v}: conversion {conversion} is unknown"));
                }
            }
            Op::NewArray(t, _) | Op::Cast(t, _) | Op::InstanceOf(t, _) => self.ty(t),
            Op::Catch(types) => self.types(types),
            Op::Aggregate(kind, items) => {
                let odd = |i: &&Item| (*kind == AggKind::Dict && !i.spread) != i.key.is_some();
                if items.iter().find(odd).is_some() {
                    self.say(format_args!("%{v}: exactly the items of a dict have keys, spread ones do not"));
                }
            }
            Op::Closure(id, captured) => {
                self.function_id(*id);
                if let Some(target) = self.m.functions.get(id.0 as usize) {
                    let wanted = target.params.iter().filter(|p| p.kind == ParamKind::Capture).count();
                    if wanted != captured.len() {
                        self.say(format_args!(
                            "%{v}: closure over {} values, f{} captures {wanted}",
                            captured.len(),
                            id.0
                        ));
                    }
                }
            }
            Op::Call(c) => {
                self.span(c.name_span);
                self.span(c.args_span);
                for a in &c.args {
                    self.sym(a.name);
                    self.span(a.span);
                    if a.spread > 2 {
                        self.say(format_args!("%{v}: an argument is spread {} times", a.spread));
                    }
                }
                match &c.callee {
                    Callee::Method { name, .. } | Callee::Name(name) | Callee::Super(name) => self.sym(*name),
                    Callee::New { ty, body } => {
                        self.ty(ty);
                        body.iter().for_each(|b| self.class_id(*b));
                    }
                    Callee::Value(_) | Callee::ThisCtor => {}
                }
            }
            Op::Phi(_) if block == 0 => self.say(format_args!("phi %{v} stands in the entry block")),
            _ => {}
        }
    }
}

/// True when `v` is defined wherever control reaches `at` (a block and an index in it).
fn defined(v: ValueId, at: (usize, usize), graph: &Graph, places: &[Option<(usize, usize)>]) -> bool {
    let Some(Some((block, index))) = places.get(v.0 as usize).copied() else { return false };
    if !graph.reachable(at.0) {
        return true;
    }
    if block == at.0 { index < at.1 } else { graph.dominates(block, at.0) }
}

/// Predecessors and dominators.
struct Graph {
    /// Of each block, sorted, each once; unreachable ones too.
    preds: Vec<Vec<usize>>,
    /// Interval of each block in a walk of the dominator tree; `None` when unreachable.
    interval: Vec<Option<(u32, u32)>>,
}

impl Graph {
    /// All successors are in range, and there is an entry.
    fn new(f: &Function) -> Graph {
        let n = f.blocks.len();
        let mut preds = vec![Vec::new(); n];
        for (from, b) in f.blocks.iter().enumerate() {
            for s in b.successors() {
                let p: &mut Vec<usize> = &mut preds[s.0 as usize];
                // Blocks come in order, so equal ones are neighbours.
                if p.last() != Some(&from) {
                    p.push(from);
                }
            }
        }
        let order = reverse_postorder(f);
        let mut rank = vec![usize::MAX; n];
        order.iter().enumerate().for_each(|(i, b)| rank[*b] = i);
        let idom = dominators(&order, &rank, &preds);
        Graph { interval: intervals(&order, &idom), preds }
    }

    fn reachable(&self, b: usize) -> bool {
        self.interval.get(b).is_some_and(Option::is_some)
    }

    fn dominates(&self, a: usize, b: usize) -> bool {
        match (self.interval.get(a), self.interval.get(b)) {
            (Some(Some(a)), Some(Some(b))) => a.0 <= b.0 && b.1 <= a.1,
            _ => false,
        }
    }
}

fn reverse_postorder(f: &Function) -> Vec<usize> {
    let mut seen = vec![false; f.blocks.len()];
    let mut order = Vec::with_capacity(f.blocks.len());
    let mut stack = vec![(0usize, f.blocks[0].successors(), 0usize)];
    seen[0] = true;
    while let Some((block, successors, next)) = stack.last_mut() {
        match successors.get(*next).map(|s| s.0 as usize) {
            Some(s) => {
                *next += 1;
                if !std::mem::replace(&mut seen[s], true) {
                    stack.push((s, f.blocks[s].successors(), 0));
                }
            }
            None => {
                order.push(*block);
                stack.pop();
            }
        }
    }
    order.reverse();
    order
}

/// Immediate dominators by the iteration of Cooper, Harvey and Kennedy, in ranks of the reverse postorder.
fn dominators(order: &[usize], rank: &[usize], preds: &[Vec<usize>]) -> Vec<usize> {
    const NONE: usize = usize::MAX;
    let mut idom = vec![NONE; order.len()];
    idom[0] = 0;
    loop {
        let mut changed = false;
        for (i, b) in order.iter().enumerate().skip(1) {
            let mut new = NONE;
            for p in preds[*b].iter().map(|p| rank[*p]).filter(|r| *r != NONE && idom[*r] != NONE) {
                if new == NONE {
                    new = p;
                    continue;
                }
                let (mut x, mut y) = (p, new);
                while x != y {
                    while x > y {
                        x = idom[x];
                    }
                    while y > x {
                        y = idom[y];
                    }
                }
                new = x;
            }
            if idom[i] != new {
                idom[i] = new;
                changed = true;
            }
        }
        if !changed {
            return idom;
        }
    }
}

/// Numbers the dominator tree so that dominance is inclusion.
fn intervals(order: &[usize], idom: &[usize]) -> Vec<Option<(u32, u32)>> {
    // Size of each subtree, children before parents.
    let mut size = vec![1u32; order.len()];
    for i in (1..order.len()).rev() {
        size[idom[i]] += size[i];
    }
    let mut start = vec![0u32; order.len()];
    let mut free = vec![1u32; order.len()];
    for i in 1..order.len() {
        let parent = idom[i];
        start[i] = free[parent];
        free[parent] += size[i];
        free[i] = start[i] + 1;
    }
    let blocks = order.iter().max().map_or(0, |b| b + 1);
    let mut out = vec![None; blocks];
    for (i, b) in order.iter().enumerate() {
        out[*b] = Some((start[i], start[i] + size[i]));
    }
    out
}
