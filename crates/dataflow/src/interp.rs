//! Abstract interpretation of one function.

use crate::heap::{Obj, ObjKind, Site, State, join_opt};
use crate::names::G;
use crate::summary::{Engine, Event, Proj, ProjFn, Summary};
use crate::val::{C, Csts, MAX_PATH, ObjId, Path, SFrag, Src, Step, Taint, Trace, Val};
use crate::{Crumbs, FnRef, Place, StepKind};
use litemap::LiteMap;
use rustc_hash::FxHashMap;
use smallvec::{SmallVec, smallvec};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use surefix_ir::{BlockId, Const, Function, Lang, Module, Op, ParamKind, Sym, Term, ValueId, flags};

/// Visits of one block before its loop state is widened, and before it is given up.
const WIDEN_AFTER: u32 = 2;
const MAX_VISITS: u32 = 24;
/// Instructions interpreted in one run of a function.
const MAX_STEPS: u32 = 400_000;
/// Parts of parameters that are objects of their own in one run; what lies beyond has no identity.
const MAX_SYMBOLS: usize = 24;
/// Objects in one summary.
const MAX_EXPORTED: usize = 32;
/// Longest exact list.
pub(crate) const MAX_ELEMS: usize = 64;

/// One run of one function under one projection.
pub(crate) struct Frame<'e, 'a> {
    pub eng: &'e Engine<'a>,
    pub f: FnRef,
    /// Turn of the recursion.
    pub round: u8,
    pub func: &'a Function,
    pub module: &'a Module,
    pub lang: Lang,
    pub proj: Arc<Vec<Proj>>,
    pub vals: Vec<Option<Val>>,
    pub sites: Vec<Site>,
    site_ids: FxHashMap<Site, ObjId>,
    pub relevant: u64,
    pub events: BTreeMap<(ValueId, u32), Event>,
    pub budget: Option<&'static str>,
    pub looping: bool,
    phi_in: FxHashMap<(ValueId, BlockId), Val>,
    yields: Option<Val>,
    /// Facts about arguments by call: after return, after true, after false.
    pub posts: FxHashMap<ValueId, [Vec<(ValueId, crate::heap::Fact)>; 3]>,
    /// Model rows that applied to a call.
    pub lib_calls: FxHashMap<ValueId, Vec<&'a surefix_models::Row>>,
    /// Project functions called.
    pub calls: BTreeSet<FnRef>,
    /// Slots of summaries that were used.
    pub asked: Vec<u32>,
    pub globals_asked: BTreeSet<(G, G)>,
    /// Properties whose summaries are being put in: reading one may ask for another.
    pub properties: u8,
    /// Work done in this run.
    pub work: u64,
    /// Work of the specialised callees that this run asked for.
    pub special: u64,
    /// Symbolic objects of this run.
    symbols: usize,
}

/// Bit of parameter n in a dependency mask.
pub(crate) fn bit(n: u16) -> u64 {
    1 << n.min(63)
}

impl<'e, 'a> Frame<'e, 'a> {
    pub fn new(eng: &'e Engine<'a>, f: FnRef, round: u8, proj: Arc<Vec<Proj>>) -> Self {
        let module = eng.link.module(f.file);
        let func = eng.link.func(f);
        Frame {
            eng,
            f,
            round,
            func,
            module,
            lang: module.lang,
            proj,
            vals: vec![None; func.instrs.len()],
            sites: Vec::new(),
            site_ids: FxHashMap::default(),
            relevant: 0,
            events: BTreeMap::new(),
            budget: None,
            looping: false,
            phi_in: FxHashMap::default(),
            yields: None,
            posts: FxHashMap::default(),
            lib_calls: FxHashMap::default(),
            calls: BTreeSet::new(),
            asked: Vec::new(),
            globals_asked: BTreeSet::new(),
            properties: 0,
            work: 0,
            special: 0,
            symbols: 0,
        }
    }

    pub fn g(&self, s: Sym) -> G {
        self.eng.link.g(self.f.file, s)
    }
    pub fn place(&self, v: ValueId) -> Place {
        Place { file: self.f.file, span: self.func.instr(v).span }
    }
    pub fn stmt_span(&self, v: ValueId) -> surefix_text::Span {
        let s = self.func.instr(v).stmt;
        self.func.stmts.get(s.0 as usize).copied().unwrap_or(self.func.span)
    }

    /// The object of a site, created on first use.
    pub fn site(&mut self, site: Site) -> ObjId {
        if let Some(&id) = self.site_ids.get(&site) {
            return id;
        }
        let id = ObjId(self.sites.len() as u32);
        self.sites.push(site.clone());
        self.site_ids.insert(site, id);
        id
    }
    /// A fresh object allocated by instruction `v`.
    pub fn alloc(&mut self, st: &mut State, v: ValueId, n: u32, mut obj: Obj) -> Val {
        let id = self.site(Site::Alloc(v, n));
        obj.unique = true;
        if let Some(old) = st.heap.get(&id)
            && self.looping
        {
            // A second object of the same site: the two are one from here on.
            let mut joined = (**old).clone();
            joined.join(&obj);
            joined.unique = false;
            st.heap.insert(id, Arc::new(joined));
        } else {
            st.heap.insert(id, Arc::new(obj));
        }
        Val::obj(id)
    }

    /// The value of `v` with what the taken branches prove.
    pub fn get(&self, st: &State, v: ValueId) -> Val {
        let mut val = self.vals.get(v.0 as usize).cloned().flatten().unwrap_or_else(Val::top);
        if let Some(fact) = st.refine.get(&v) {
            fact.apply(&mut val);
        }
        val
    }

    /// The symbolic value of a part of a parameter.
    pub fn param_val(&mut self, st: &mut State, i: u16, path: Path, ty: Option<G>, proj: Option<&Proj>) -> Val {
        let mut v = Val::top();
        v.deps = bit(i);
        let deep = path.len() >= MAX_PATH;
        let mut t = Taint::new(Src::Param(i, path.clone()), Trace::default());
        t.crumbs = Crumbs::default();
        v.taint.push(t);
        v.ident = Some((i, path.clone()));
        if let Some(t) = ty {
            v.tys.push(t);
        }
        if let Some(p) = proj {
            if let Some(c) = &p.cst {
                v.cst = c.clone();
                v.deps = 0;
            }
            if !p.tys.is_empty() {
                v.tys = p.tys.iter().copied().collect();
                v.exact = true;
            }
            v.num |= p.num;
        }
        let scalar = ty.is_some_and(|t| {
            matches!(
                self.eng.link.str(t),
                "int"
                    | "long"
                    | "short"
                    | "byte"
                    | "boolean"
                    | "float"
                    | "double"
                    | "char"
                    | "java.lang.Integer"
                    | "java.lang.Long"
                    | "java.lang.Boolean"
                    | "bool"
                    | "java.util.UUID"
                    | "uuid.UUID"
                    | "pydantic.UUID1"
                    | "pydantic.UUID3"
                    | "pydantic.UUID4"
                    | "pydantic.UUID5"
                    | "pydantic.PositiveInt"
                    | "pydantic.NonNegativeInt"
                    | "datetime.date"
                    | "datetime.datetime"
                    | "decimal.Decimal"
                    | "java.math.BigDecimal"
                    | "java.math.BigInteger"
                    | "java.time.LocalDate"
            )
        });
        if scalar {
            let t = ty.map(|t| self.eng.link.str(t)).unwrap_or("");
            v.num |= t != "char";
        }
        let site = Site::Param(i, path.clone());
        let known = self.site_ids.contains_key(&site);
        if !deep && !scalar && (known || self.symbols < MAX_SYMBOLS) {
            self.symbols += usize::from(!known);
            let id = self.site(site);
            if !st.heap.contains_key(&id) {
                let mut o = Obj::new(ObjKind::Plain, true);
                o.sym = Some((i, path.clone()));
                o.ty = v.tys.first().copied();
                if let Some(p) = proj {
                    match &p.func {
                        Some(ProjFn::Closure(id, file)) => o.kind = ObjKind::Closure(*id, *file),
                        Some(ProjFn::Bound(n)) => o.kind = ObjKind::Bound(*n),
                        None => {}
                    }
                }
                st.heap.insert(id, Arc::new(o.clone()));
                if let Some(p) = proj {
                    if let Some(elems) = &p.elems {
                        if o.kind == ObjKind::Plain {
                            o.kind = ObjKind::Seq;
                        }
                        let vals = elems
                            .iter()
                            .enumerate()
                            .map(|(k, e)| self.param_val(st, i, path.with(Step::Idx(k as u32)), None, Some(e)));
                        o.elems = Some(vals.collect());
                    }
                    if let Some(entries) = &p.entries {
                        o.kind = ObjKind::Map;
                        let mut map = LiteMap::new();
                        for (k, e) in entries {
                            let sub = path.with(Step::Key(k.clone()));
                            map.insert(k.clone(), self.param_val(st, i, sub, None, Some(e)));
                        }
                        o.entries = Some(map);
                    }
                    for (name, e) in &p.fields {
                        let fv = self.param_val(st, i, path.with(Step::Field(*name)), None, Some(e));
                        o.fields.insert(*name, fv);
                    }
                    st.heap.insert(id, Arc::new(o));
                }
            }
            v.refs.push(id);
        }
        v
    }

    /// A part of a symbolic object that was not looked at yet.
    pub fn sym_part(&mut self, st: &mut State, sym: &(u16, Path), step: Step, ty: Option<G>) -> Val {
        let path = if sym.1.len() < MAX_PATH { sym.1.with(step) } else { sym.1.clone() };
        self.param_val(st, sym.0, path, ty, None)
    }

    fn enter_params(&mut self, st: &mut State) {
        let entry = self.eng.entries.get(&self.f).cloned();
        for (i, p) in self.func.params.iter().enumerate() {
            let n = i as u16;
            let mut ty = p.ty.as_ref().and_then(|t| self.eng.link.ty(self.f.file, t, self.func.owner));
            if p.kind == ParamKind::This {
                ty = self.func.owner.and_then(|c| self.module.classes.get(c.0 as usize)).map(|c| self.g(c.qualified));
            }
            if matches!(p.kind, ParamKind::VarArgs | ParamKind::KwArgs) {
                ty = None;
            }
            if let Some(e) = &entry
                && let Some((_, t)) = e.types.iter().find(|t| t.0 == n)
            {
                ty = Some(*t);
            }
            let proj = self.proj.get(i).cloned();
            let mut v = self.param_val(st, n, Path::default(), ty, proj.as_ref());
            if p.kind == ParamKind::This && self.func.is(flags::CLASSMETHOD) {
                v = ty.map_or(v, |t| Val::cst(C::Class(t)));
            }
            if let Some(e) = &entry
                && let Some((_, kind)) = e.sources.iter().find(|s| s.0 == n)
                && !v.num
                && !ty.is_some_and(|t| self.eng.link.is_enum(t))
            {
                let at = Place { file: self.f.file, span: p.span };
                let name = self.eng.link.find("surefix.parameter").unwrap_or(G::EMPTY);
                let trace = Trace::default().step(at, StepKind::Source, self.g(p.name));
                let t = Taint::new(Src::Real { kind: *kind, name, at }, trace);
                v.add_taint(&t);
                // Everything inside a request-bound object is the client's.
                for r in v.refs.clone() {
                    if let Some(o) = st.heap.get(&r) {
                        let mut o = (**o).clone();
                        let mut any = Val::top();
                        any.taint.push(t.clone());
                        o.rest = Some(any);
                        st.heap.insert(r, Arc::new(o));
                    }
                }
            }
            for v_id in self.func.blocks.first().map(|b| b.instrs.clone()).unwrap_or_default() {
                if self.func.instr(v_id).op == Op::Param(i as u32) {
                    self.vals[v_id.0 as usize] = Some(v.clone());
                }
            }
        }
    }

    /// Runs to the fixpoint and gives the summary.
    pub fn run(mut self) -> Summary {
        let n = self.func.blocks.len();
        if n == 0 {
            return Summary { ret: Some(Val::top()), ..Summary::default() };
        }
        let order = rpo(self.func);
        let mut rank = vec![usize::MAX; n];
        for (i, b) in order.iter().enumerate() {
            rank[b.0 as usize] = i;
        }
        let loops = loop_blocks(self.func, &rank);
        // Without a loop every block runs once, after all that it depends on.
        let users = if loops.contains(&true) { use_blocks(self.func) } else { Vec::new() };
        let mut ins: Vec<Option<State>> = vec![None; n];
        let mut visits = vec![0u32; n];
        let mut start = State::default();
        self.enter_params(&mut start);
        ins[0] = Some(start);
        let mut work: BTreeSet<usize> = BTreeSet::from([0]);
        let mut steps = 0u32;
        let mut exits: Vec<(State, Option<Val>, Option<ValueId>)> = Vec::new();
        let mut exit_of: BTreeMap<BlockId, usize> = BTreeMap::new();
        while let Some(i) = work.pop_first() {
            let b = order[i];
            let bi = b.0 as usize;
            visits[bi] += 1;
            if visits[bi] > MAX_VISITS {
                self.budget = Some("loop iterations");
                continue;
            }
            self.looping = loops[bi];
            let Some(mut st) = ins[bi].clone() else { continue };
            let block = &self.func.blocks[bi];
            let mut alive = true;
            for &v in &block.instrs {
                steps += 1;
                self.work += 1;
                if steps > MAX_STEPS {
                    self.budget = Some("steps");
                    alive = false;
                    break;
                }
                match self.instr(&mut st, b, v, visits[bi] > WIDEN_AFTER) {
                    Some(mut val) => {
                        if visits[bi] > 1
                            && let Some(old) = &self.vals[v.0 as usize]
                            && !matches!(self.func.instr(v).op, Op::Phi(_))
                        {
                            let mut j = old.clone();
                            j.join(&val);
                            val = j;
                        }
                        // The state at a block's start does not hold values: who uses a changed one must run again.
                        if let Some(users) = users.get(v.0 as usize)
                            && visits[bi] > 1
                            && self.vals[v.0 as usize].as_ref() != Some(&val)
                        {
                            work.extend(
                                users
                                    .iter()
                                    .filter(|u| **u != b && visits[u.0 as usize] > 0)
                                    .map(|u| rank[u.0 as usize]),
                            );
                        }
                        self.vals[v.0 as usize] = Some(val);
                    }
                    None => {
                        alive = false;
                        break;
                    }
                }
            }
            if let Some(h) = block.unwind {
                let mut at = st.clone();
                if let Some(s) = &ins[bi] {
                    at.join(s, false);
                }
                self.flow(b, h, at, &mut ins, &visits, &rank, &mut work);
            }
            if !alive {
                continue;
            }
            match &block.term {
                Term::Goto(t) => self.flow(b, *t, st, &mut ins, &visits, &rank, &mut work),
                Term::If { cond, then, other } => {
                    let c = self.get(&st, *cond);
                    let decided = self.truth(&st, &c);
                    if decided.is_none() {
                        self.relevant |= c.deps;
                    }
                    for (taken, to) in [(true, *then), (false, *other)] {
                        if decided.is_none_or(|d| d == taken) {
                            let mut s = st.clone();
                            if decided.is_none() {
                                s.ctl |= c.deps;
                                self.assume(&mut s, *cond, taken, 0);
                            }
                            self.flow(b, to, s, &mut ins, &visits, &rank, &mut work);
                        }
                    }
                }
                Term::Switch { on, cases, default } => {
                    let v = self.get(&st, *on);
                    let known = v.cst.all().map(<[C]>::to_vec);
                    if known.is_none() {
                        self.relevant |= v.deps;
                    }
                    let mut open = true;
                    let consts: Vec<C> = cases.iter().filter_map(|c| self.constant(&c.0)).collect();
                    for (c, to) in cases {
                        let Some(c) = self.constant(c) else {
                            self.flow(b, *to, st.clone(), &mut ins, &visits, &rank, &mut work);
                            continue;
                        };
                        let hit = match &known {
                            None => true,
                            Some(k) => k.iter().any(|x| same_const(x, &c)),
                        };
                        if hit {
                            let mut s = st.clone();
                            if known.is_none() {
                                s.ctl |= v.deps;
                                self.assume_eq(&mut s, *on, &c, true);
                            }
                            self.flow(b, *to, s, &mut ins, &visits, &rank, &mut work);
                        }
                    }
                    if let Some(k) = &known
                        && k.iter().all(|x| consts.iter().any(|c| same_const(x, c)))
                        && !k.is_empty()
                    {
                        open = false;
                    }
                    if open {
                        let mut s = st;
                        if known.is_none() {
                            s.ctl |= v.deps;
                            for c in &consts {
                                self.assume_eq(&mut s, *on, c, false);
                            }
                        }
                        self.flow(b, *default, s, &mut ins, &visits, &rank, &mut work);
                    }
                }
                Term::Return(v) => {
                    let val = v.map(|v| self.get(&st, v));
                    if let (Some(v), Some(val)) = (*v, &val) {
                        self.return_event(&st, v, val);
                    }
                    let entry = (st, val, *v);
                    match exit_of.get(&b) {
                        Some(&i) => exits[i] = entry,
                        None => {
                            exit_of.insert(b, exits.len());
                            exits.push(entry);
                        }
                    }
                }
                Term::Throw(_) | Term::Unreachable => {}
            }
        }
        self.finish(exits)
    }

    #[allow(clippy::too_many_arguments)]
    fn flow(
        &mut self,
        from: BlockId,
        to: BlockId,
        st: State,
        ins: &mut [Option<State>],
        visits: &[u32],
        rank: &[usize],
        work: &mut BTreeSet<usize>,
    ) {
        let func = self.func;
        let mut changed = false;
        for &v in &func.block(to).instrs {
            let Op::Phi(ops) = &func.instr(v).op else { break };
            if let Some((_, o)) = ops.iter().find(|o| o.0 == from) {
                if self.vals[o.0 as usize].is_none() {
                    continue;
                }
                let val = self.get(&st, *o);
                let slot = self.phi_in.entry((v, from));
                match slot {
                    std::collections::hash_map::Entry::Vacant(e) => {
                        e.insert(val);
                        changed = true;
                    }
                    std::collections::hash_map::Entry::Occupied(mut e) => {
                        if *e.get() != val {
                            let mut j = e.get().clone();
                            j.join(&val);
                            if j != *e.get() {
                                e.insert(j);
                                changed = true;
                            }
                        }
                    }
                }
            }
        }
        let t = to.0 as usize;
        self.work += 1 + st.heap.len() as u64 / 8;
        match &mut ins[t] {
            None => {
                ins[t] = Some(st);
                changed = true;
            }
            Some(have) => changed |= have.join(&st, visits[t] > WIDEN_AFTER),
        }
        if changed && rank[t] != usize::MAX {
            work.insert(rank[t]);
        }
    }

    fn finish(mut self, exits: Vec<(State, Option<Val>, Option<ValueId>)>) -> Summary {
        let mut ret: Option<Val> = None;
        let mut heap: Option<State> = None;
        let mut post: [Option<Vec<(u16, crate::heap::Fact)>>; 3] = [None, None, None];
        let params: Vec<(u16, ValueId)> = self.func.blocks[0]
            .instrs
            .iter()
            .filter_map(|v| match self.func.instr(*v).op {
                Op::Param(n) => Some((n as u16, *v)),
                _ => None,
            })
            .collect();
        let facts = |st: &State| -> Vec<(u16, crate::heap::Fact)> {
            params.iter().filter_map(|(n, v)| st.refine.get(v).map(|f| (*n, f.clone()))).collect()
        };
        for (st, val, id) in &exits {
            let v = val.clone().unwrap_or_else(|| Val::cst(C::Null));
            let truth = v.truth();
            for (slot, want) in [(0, None), (1, Some(true)), (2, Some(false))] {
                if want.is_some() && truth.is_some() && truth != want {
                    continue;
                }
                let mut s = st.clone();
                if let (Some(w), None, Some(id)) = (want, truth, id) {
                    self.assume(&mut s, *id, w, 0);
                }
                let mine = facts(&s);
                post[slot] = Some(match post[slot].take() {
                    None => mine,
                    Some(old) => old
                        .into_iter()
                        .filter_map(|(n, mut f)| {
                            let other = mine.iter().find(|m| m.0 == n)?;
                            f.or(&other.1);
                            (!f.is_empty()).then_some((n, f))
                        })
                        .collect(),
                });
            }
            let mut v = v;
            if truth.is_none() {
                v.deps |= st.ctl;
            }
            join_opt(&mut ret, &v);
            match &mut heap {
                None => heap = Some(st.clone()),
                Some(h) => {
                    h.join(st, false);
                }
            }
        }
        if self.func.is(flags::GENERATOR) {
            let mut st = heap.take().unwrap_or_default();
            let mut o = Obj::new(ObjKind::Seq, true);
            o.rest = self.yields.clone();
            let id = self.site(Site::Alloc(ValueId(u32::MAX), 0));
            st.heap.insert(id, Arc::new(o));
            ret = Some(Val::obj(id));
            heap = Some(st);
        }
        if let Some(r) = &ret
            && r.ident.is_none()
            && (r.num || r.cst != Csts::Top || r.shapes.is_empty())
        {
            self.relevant |= r.deps;
        }
        let heap = heap.unwrap_or_default();
        let objects = reachable(&heap, ret.as_ref(), &self.sites);
        self.asked.sort_unstable();
        self.asked.dedup();
        Summary {
            ret,
            heap: objects,
            sites: self.sites,
            globals: heap.globals,
            events: self.events.into_values().collect(),
            relevant: self.relevant,
            post: post.map(Option::unwrap_or_default),
            calls: self.calls.into_iter().collect(),
            asked: self.asked,
            globals_asked: self.globals_asked.into_iter().collect(),
            slot: 0,
            budget: self.budget,
            cost: self.work + self.special,
        }
    }

    pub fn constant(&self, c: &Const) -> Option<C> {
        Some(match c {
            Const::Null => C::Null,
            Const::Bool(b) => C::Bool(*b),
            Const::Int(i) => C::Int(*i),
            Const::Float(f) => C::Float(*f),
            Const::Char(c) => C::Char(*c),
            Const::Str(s) | Const::Bytes(s) => C::Str(self.module.strings.get(*s).into()),
            Const::Class(s) => {
                let g = self.eng.link.type_name(self.f.file, *s, self.func.owner)?;
                if self.eng.link.classes.contains_key(&g) { C::Class(g) } else { C::Path(g) }
            }
            Const::Ellipsis => return None,
        })
    }

    /// Decides a condition; containers are true when they are not empty.
    fn truth(&self, st: &State, v: &Val) -> Option<bool> {
        if let Some(t) = v.truth() {
            return Some(t);
        }
        if self.lang == Lang::Python && v.refs.len() == 1 && v.cst == Csts::Top {
            let o = st.heap.get(&v.refs[0])?;
            if o.sym.is_none()
                && let Some(e) = &o.elems
            {
                return Some(!e.is_empty());
            }
        }
        None
    }

    fn instr(&mut self, st: &mut State, b: BlockId, v: ValueId, widen: bool) -> Option<Val> {
        let func = self.func;
        let instr = func.instr(v);
        Some(match &instr.op {
            Op::Param(_) => self.vals[v.0 as usize].clone().unwrap_or_else(Val::top),
            Op::Const(c) => match self.constant(c) {
                Some(k) => {
                    let mut val = Val::cst(k);
                    if let (Const::Str(_) | Const::Bytes(_), Some(text)) = (c, val.as_str()) {
                        let at = Some(self.place(v));
                        val.shapes.push(Arc::new(vec![SFrag::Lit { text, at }]));
                    }
                    val
                }
                None => Val::top(),
            },
            Op::Phi(ops) => {
                let mut out: Option<Val> = None;
                for (p, _) in ops {
                    if let Some(x) = self.phi_in.get(&(v, *p)) {
                        join_opt(&mut out, x);
                    }
                }
                let mut out = out.unwrap_or_else(Val::top);
                if widen
                    && let Some(old) = &self.vals[v.0 as usize]
                    && *old != out
                {
                    out.join(old);
                    out.widen();
                }
                if out.cst == Csts::Top || out.cst.all().is_some_and(|c| c.len() > 1) {
                    out.deps |= st.ctl;
                }
                out
            }
            Op::Copy(a) | Op::Await(a) | Op::Enter(a) => {
                if matches!(instr.op, Op::Enter(_)) {
                    return Some(self.enter(st, v, *a));
                }
                self.get(st, *a)
            }
            Op::Exit(_) => Val::top(),
            Op::Bin(op, x, y) => {
                let (a, c) = (self.get(st, *x), self.get(st, *y));
                self.binary(st, v, *op, (*x, a), (*y, c))
            }
            Op::Un(op, x) => {
                let a = self.get(st, *x);
                crate::arith::unary(*op, &a)
            }
            Op::Concat(parts) => {
                let vals: Vec<(ValueId, Val)> = parts.iter().map(|p| (*p, self.get(st, *p))).collect();
                self.concat(st, v, &vals)
            }
            Op::ToText(a, conv, spec) => {
                let val = self.get(st, *a);
                let plain = *conv != b'r' && *conv != b'a' && self.module.strings.get(*spec).is_empty();
                self.as_text(st, *a, val, plain)
            }
            Op::Format(_, t, args) => {
                let (t, a) = (self.get(st, *t), self.get(st, *args));
                self.percent(st, v, t, (*args, a))
            }
            Op::Call(call) => return self.call(st, v, call),
            Op::Aggregate(kind, items) => self.aggregate(st, v, *kind, items),
            Op::NewArray(_, lens) => {
                let len = lens.first().map(|l| self.get(st, *l)).and_then(|l| l.as_int());
                let mut o = Obj::new(ObjKind::Seq, true);
                match len {
                    Some(n) if (0..=MAX_ELEMS as i64).contains(&n) && lens.len() == 1 => {
                        o.elems = Some(vec![Val::cst(C::Null); n as usize]);
                    }
                    _ => o.rest = None,
                }
                let mut val = self.alloc(st, v, 0, o);
                if let Some(t) = self.eng.link.find("[]") {
                    val.tys.push(t);
                    val.exact = true;
                }
                val
            }
            Op::LoadField(base, name) => {
                let b = self.get(st, *base);
                let n = self.g(*name);
                self.load_field(st, v, *base, &b, n)
            }
            Op::StoreField(base, name, value) => {
                let (b, x) = (self.get(st, *base), self.get(st, *value));
                let n = self.g(*name);
                self.store_field(st, v, &b, n, &x);
                Val::top()
            }
            Op::LoadIndex(base, i) => {
                let (b, k) = (self.get(st, *base), self.get(st, *i));
                self.load_index(st, v, *base, &b, &k)
            }
            Op::StoreIndex(base, i, value) => {
                let (b, k, x) = (self.get(st, *base), self.get(st, *i), self.get(st, *value));
                self.relevant |= k.deps;
                self.store_index(st, v, &b, &k, &x);
                Val::top()
            }
            Op::DeleteIndex(base, i) => {
                let (b, k) = (self.get(st, *base), self.get(st, *i));
                self.delete_index(st, &b, &k);
                Val::top()
            }
            Op::Slice(base, bounds) => {
                let b = self.get(st, *base);
                let bs = bounds.map(|x| x.map(|x| self.get(st, x)));
                self.slice(st, v, *base, &b, &bs)
            }
            Op::LoadName(name) => self.load_name(st, v, *name),
            Op::StoreName(name, value) => {
                let x = self.get(st, *value);
                self.store_name(st, v, *name, &x);
                Val::top()
            }
            Op::Closure(id, caps) => {
                let vals: Vec<Val> = caps.iter().map(|c| self.get(st, *c)).collect();
                let mut o = Obj::new(ObjKind::Closure(*id, self.f.file.0), true);
                let mut deps = 0;
                vals.iter().for_each(|v| deps |= v.deps);
                o.elems = Some(vals);
                self.alloc(st, v, 0, o)
            }
            Op::BoundMethod(recv, name) => {
                let r = self.get(st, *recv);
                let mut o = Obj::new(ObjKind::Bound(self.g(*name)), true);
                o.elems = Some(vec![r]);
                self.alloc(st, v, 0, o)
            }
            Op::Cast(t, a) => {
                let mut x = self.get(st, *a);
                if let Some(ty) = self.eng.link.ty(self.f.file, t, self.func.owner) {
                    match self.eng.link.str(ty) {
                        "int" | "long" | "short" | "byte" | "double" | "float" => {
                            x = crate::arith::cast(&x, self.eng.link.str(ty));
                        }
                        "char" => {
                            if let Some(i) = x.as_int() {
                                x = Val::cst(C::Char(i as u32)).with_deps(x.deps);
                            }
                        }
                        _ => {
                            let known = x.tys.iter().any(|t| self.eng.link.is_subtype(*t, ty));
                            if !x.exact && !known {
                                x.tys = smallvec![ty];
                            }
                        }
                    }
                }
                x
            }
            Op::InstanceOf(t, a) => {
                let x = self.get(st, *a);
                let mut out = Val::number().with_deps(x.deps);
                if let Some(ty) = self.eng.link.ty(self.f.file, t, self.func.owner)
                    && x.exact
                    && !x.tys.is_empty()
                    && x.cst == Csts::Top
                {
                    let hits = x.tys.iter().filter(|t| self.eng.link.is_subtype(**t, ty)).count();
                    if hits == x.tys.len() {
                        out = Val::bool(true);
                    } else if hits == 0 && x.tys.iter().all(|t| self.eng.link.classes.contains_key(t)) {
                        out = Val::bool(false);
                    }
                }
                out
            }
            Op::IterNext(a) => {
                let x = self.get(st, *a);
                self.iterate(st, v, *a, &x)
            }
            Op::Element(a, n) => {
                let x = self.get(st, *a);
                self.load_index(st, v, *a, &x, &Val::int(*n as i64))
            }
            Op::Rest(a, from, to) => {
                let x = self.get(st, *a);
                let end = (*to > 0).then(|| Val::int(-(*to as i64)));
                self.slice(st, v, *a, &x, &[Some(Val::int(*from as i64)), end, None])
            }
            Op::Yield(a) => {
                let x = self.get(st, *a);
                join_opt(&mut self.yields, &x);
                Val::top()
            }
            Op::NewCell(a) => {
                let x = self.get(st, *a);
                let mut o = Obj::new(ObjKind::Plain, true);
                o.elems = Some(vec![x]);
                self.alloc(st, v, 0, o)
            }
            Op::LoadCell(a) => {
                let c = self.get(st, *a);
                self.load_index(st, v, *a, &c, &Val::int(0))
            }
            Op::StoreCell(a, x) => {
                let (c, x) = (self.get(st, *a), self.get(st, *x));
                self.store_index(st, v, &c, &Val::int(0), &x);
                Val::top()
            }
            Op::Catch(types) => {
                let mut x = Val::top();
                for t in types {
                    if let Some(g) = self.eng.link.ty(self.f.file, t, self.func.owner) {
                        x.tys.push(g);
                    }
                }
                x.tys.sort();
                x.tys.dedup();
                self.caught(st, v, x)
            }
            Op::Unknown(parts) => {
                let mut x = Val::top();
                for p in parts {
                    let y = self.get(st, *p);
                    x.absorb(&y, Crumbs::UNKNOWN_CALLEE);
                }
                let _ = b;
                x
            }
        })
    }
}

/// The objects that a caller can see: what is returned, what parameters and globals refer to and was changed.
fn reachable(st: &State, ret: Option<&Val>, sites: &[Site]) -> BTreeMap<ObjId, Arc<Obj>> {
    let mut out = BTreeMap::new();
    let mut todo: VecDeque<ObjId> = ret.map_or(VecDeque::new(), |r| r.refs.iter().copied().collect());
    let outside = |id: &ObjId| matches!(sites.get(id.0 as usize), Some(Site::Param(..) | Site::Global(..)));
    todo.extend(st.heap.iter().filter(|(id, o)| o.dirty && outside(id)).map(|(id, _)| *id));
    todo.extend(st.globals.values().flat_map(|v| v.refs.iter().copied()));
    // The nearest first: what lies beyond the limit has no identity for callers.
    while let Some(id) = todo.pop_front().filter(|_| out.len() < MAX_EXPORTED) {
        let Some(o) = st.heap.get(&id) else { continue };
        // A part of a parameter that was only looked at tells callers nothing.
        if !o.dirty && matches!(sites.get(id.0 as usize), Some(Site::Param(..))) {
            continue;
        }
        if out.insert(id, o.clone()).is_some() {
            continue;
        }
        let parts = o.fields.values().chain(o.elems.iter().flatten()).chain(o.entries.iter().flat_map(|e| e.values()));
        let parts = parts.chain(&o.rest).chain(&o.keys).chain(&o.text).chain(o.props.values());
        todo.extend(parts.flat_map(|v| v.refs.iter().copied()));
    }
    out
}

/// Equality of constants across `char`, text and numbers as the languages compare them.
pub(crate) fn same_const(a: &C, b: &C) -> bool {
    match (a, b) {
        (C::Char(x), C::Int(y)) | (C::Int(y), C::Char(x)) => *x as i64 == *y,
        (C::Bool(x), C::Int(y)) | (C::Int(y), C::Bool(x)) => *x as i64 == *y,
        _ => a == b,
    }
}

fn rpo(f: &Function) -> Vec<BlockId> {
    let n = f.blocks.len();
    let mut seen = vec![false; n];
    let mut post = Vec::with_capacity(n);
    let mut stack: Vec<(BlockId, usize)> = vec![(BlockId(0), 0)];
    seen[0] = true;
    while let Some((b, i)) = stack.pop() {
        let succ = f.block(b).successors();
        // Visited backwards, so that the first successor comes first in the reversed order.
        if i < succ.len() {
            stack.push((b, i + 1));
            let s = succ[succ.len() - 1 - i];
            if (s.0 as usize) < n && !std::mem::replace(&mut seen[s.0 as usize], true) {
                stack.push((s, 0));
            }
        } else {
            post.push(b);
        }
    }
    post.reverse();
    post
}

/// The blocks that read each value; a phi reads it at the end of the block that it comes from.
fn use_blocks(f: &Function) -> Vec<SmallVec<[BlockId; 2]>> {
    let mut out: Vec<SmallVec<[BlockId; 2]>> = vec![SmallVec::new(); f.instrs.len()];
    let mut add = |v: ValueId, b: BlockId| {
        if let Some(list) = out.get_mut(v.0 as usize)
            && !list.contains(&b)
        {
            list.push(b);
        }
    };
    for (i, block) in f.blocks.iter().enumerate() {
        let b = BlockId(i as u32);
        for &v in &block.instrs {
            match &f.instr(v).op {
                Op::Phi(ops) => ops.iter().for_each(|(from, o)| add(*o, *from)),
                op => op.operands(&mut |o| add(o, b)),
            }
        }
        match &block.term {
            Term::Return(Some(v)) | Term::Throw(Some(v)) => add(*v, b),
            Term::If { cond, .. } => add(*cond, b),
            Term::Switch { on, .. } => add(*on, b),
            _ => {}
        }
    }
    out
}

/// Blocks that lie between a back edge's target and its source in reverse post-order: inside a loop.
fn loop_blocks(f: &Function, rank: &[usize]) -> Vec<bool> {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for (i, b) in f.blocks.iter().enumerate() {
        for s in b.successors() {
            let (from, to) = (rank[i], rank[s.0 as usize]);
            if from != usize::MAX && to != usize::MAX && to <= from {
                ranges.push((to, from));
            }
        }
    }
    (0..f.blocks.len())
        .map(|i| ranges.iter().any(|r| rank[i] != usize::MAX && r.0 <= rank[i] && rank[i] <= r.1))
        .collect()
}
