//! The driver: which functions are evaluated, and how events become flows and call facts.

use crate::graph::Order;
use crate::names::{G, Linked, Names};
use crate::reuse::{Kept, Parts, Reuse};
use crate::summary::{Engine, Event, Snap};
use crate::val::{C, SFrag, SShape, Src, Taint, Val, tflag};
use crate::*;
use litemap::LiteMap;
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;
use std::sync::Arc;
use surefix_dialect::{Dialect, Label, Piece};
use surefix_ir::{Callee, FnId, Lang, Op};
use surefix_models::{Kind, Kinds, ModelSet};
use surefix_text::FileId;

/// Settings of an analysis.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Worker threads; 0: as many as the pool it is called from has.
    pub threads: usize,
    /// Files whose functions are judged one by one, without what they call or who calls them (tests, vendored code), by index.
    pub local: Vec<bool>,
}

/// Analyses a program. Deterministic: the same program and models give the same answer with any number of threads.
pub fn analyze(program: &Program, models: &ModelSet, options: &Options) -> Analysis {
    let link = Linked::new(program, models, Names::default());
    let order = Order::new(&link);
    let mut engine = Engine::new(&link, &options.local, order, crate::entry::entries(&link), Kept::none());
    run(&mut engine, false)
}

/// As [`analyze`], with what an analysis of an earlier state of the program left in `reuse`, which is replaced by what this one
/// leaves. The models must be the same.
pub fn analyze_again(program: &Program, models: &ModelSet, options: &Options, reuse: &mut Option<Reuse>) -> Analysis {
    let mut past = reuse.take();
    let link = Linked::new(program, models, past.as_mut().map(Reuse::take_names).unwrap_or_default());
    let order = Order::new(&link);
    let entries = crate::entry::entries(&link);
    let kept = past.map_or_else(Kept::none, |p| p.keep(&link, &options.local, &order, &entries));
    let stale = kept.stale;
    let mut engine = Engine::new(&link, &options.local, order, entries, kept);
    let analysis = run(&mut engine, stale);
    let parts = Parts::new(engine);
    *reuse = Some(Reuse::new(parts, program, &options.local, link.into_names()));
    analysis
}

/// Evaluates what can matter and reports; `stale`: the table may hold what has no use any more.
fn run(engine: &mut Engine<'_>, stale: bool) -> Analysis {
    let mut wave = seeds(engine.link);
    wave.extend(engine.entries.iter().filter(|(_, e)| e.returns.is_some()).map(|(f, _)| *f));
    wave.sort();
    wave.dedup();
    let mut seen: FxHashSet<FnRef> = wave.iter().copied().collect();
    while !wave.is_empty() {
        let open: Vec<Vec<FnRef>> = wave
            .par_iter()
            .with_max_len(8)
            .map(|f| {
                let s = engine.summary(*f, 0, Arc::new(Vec::new()));
                if s.events.iter().any(Event::latent) { callers(engine, *f) } else { Vec::new() }
            })
            .collect();
        let mut next: Vec<FnRef> = open.into_iter().flatten().filter(|f| !engine.local(f.file)).collect();
        next.sort();
        next.dedup();
        next.retain(|f| seen.insert(*f));
        wave = next;
    }
    if stale {
        engine.sweep(seen.into_iter());
    }
    report(engine)
}

/// Functions that contain a call or store that can be a sink or is watched, by simple name.
fn seeds(link: &Linked<'_>) -> Vec<FnRef> {
    let mut out = Vec::new();
    for (fi, m) in link.program.modules.iter().enumerate() {
        let file = FileId(fi as u32);
        let hot: Vec<bool> = (0..m.strings.len() as u32)
            .map(|s| {
                let sym = surefix_ir::Sym(s);
                link.hot.contains(&link.g(file, sym))
                    || m.imports.iter().any(|i| {
                        i.local == sym && {
                            let p = m.strings.get(i.path);
                            link.find(p.rsplit('.').next().unwrap_or(p)).is_some_and(|g| link.hot.contains(&g))
                        }
                    })
            })
            .collect();
        let subscript = m.lang == Lang::Python;
        for (id, f) in m.functions.iter().enumerate() {
            let hit = f.instrs.iter().any(|i| match &i.op {
                Op::Call(c) => match &c.callee {
                    Callee::Method { name, .. } | Callee::Name(name) | Callee::Super(name) => hot[name.0 as usize],
                    Callee::New { ty, .. } => {
                        let t = m.strings.get(ty.name);
                        hot[ty.name.0 as usize]
                            || link.find(t.rsplit('.').next().unwrap_or(t)).is_some_and(|g| link.hot.contains(&g))
                    }
                    Callee::Value(_) => true,
                    Callee::ThisCtor => false,
                },
                Op::StoreField(_, n, _) | Op::LoadField(_, n) | Op::BoundMethod(_, n) => hot[n.0 as usize],
                Op::LoadName(n) => hot[n.0 as usize] && subscript,
                Op::StoreIndex(..) => subscript,
                _ => false,
            });
            if hit && !f.blocks.is_empty() {
                out.push(FnRef { file, id: FnId(id as u32) });
            }
        }
    }
    out
}

/// Functions that may call `f`: as declarations tell, and in Python, where they tell little, by name.
fn callers(engine: &Engine<'_>, f: FnRef) -> Vec<FnRef> {
    let link = engine.link;
    let mut out: Vec<FnRef> = engine.order.callers(f).collect();
    if link.lang(f.file) == Lang::Java {
        return out;
    }
    let func = link.func(f);
    let m = link.module(f.file);
    let name = m.strings.get(func.name);
    let mut names: Vec<G> = vec![link.g(f.file, func.name)];
    if matches!(name, "<init>" | "__init__" | "__call__" | "__enter__")
        && let Some(c) = func.owner.and_then(|c| m.classes.get(c.0 as usize))
    {
        names.push(link.g(f.file, c.name));
        for s in link.all_subclasses(link.g(f.file, c.qualified)) {
            if let Some(r) = link.classes.get(&s) {
                names.push(link.g(r.file, link.module(r.file).classes[r.id.0 as usize].name));
            }
        }
    }
    for n in names {
        let list = link.callers_by_name.get(&n).map_or(&[][..], Vec::as_slice);
        if list.len() > 60 {
            continue;
        }
        out.extend(list.iter().copied().filter(|c| link.lang(c.file) == m.lang));
    }
    // A lambda or nested function is called where it is made, or by what it is given to there.
    if let Some(p) = func.parent {
        out.push(FnRef { file: f.file, id: p });
    }
    out
}

type FlowKey = (FileId, u32, u32, u32, Kind, Option<usize>, String);

fn report(engine: &Engine<'_>) -> Analysis {
    let link = engine.link;
    let all = engine.summaries();
    let mut called: FxHashSet<FnRef> = FxHashSet::default();
    let mut budgets = Vec::new();
    let mut functions: FxHashSet<FnRef> = FxHashSet::default();
    for ((f, ..), s) in &all {
        functions.insert(*f);
        called.extend(s.calls.iter().filter(|c| *c != f));
        if let Some(what) = s.budget {
            let name = link.g(f.file, link.func(*f).qualified);
            budgets.push(BudgetHit { file: f.file, function: link.str(name).to_string(), what: what.to_string() });
        }
    }
    budgets.sort();
    budgets.dedup();
    let mut reach: FxHashSet<FnRef> = FxHashSet::default();
    let any_entry = engine.entries.values().any(|e| e.is_entry);
    let mut todo: Vec<FnRef> = engine.entries.iter().filter(|e| e.1.is_entry).map(|e| *e.0).collect();
    let mut by_fn: FxHashMap<FnRef, Vec<FnRef>> = FxHashMap::default();
    for ((f, ..), s) in &all {
        by_fn.entry(*f).or_default().extend(s.calls.iter().copied());
    }
    while let Some(f) = todo.pop() {
        if reach.insert(f) {
            todo.extend(by_fn.get(&f).into_iter().flatten());
        }
    }
    let mut flows: BTreeMap<FlowKey, Flow> = BTreeMap::new();
    let mut calls: BTreeMap<(u32, u32, u32, String), CallFact> = BTreeMap::new();
    for ((f, round, proj), s) in &all {
        if *round > 0 || !proj.is_empty() {
            continue;
        }
        let root = !called.contains(f) || engine.entries.get(f).is_some_and(|e| e.is_entry);
        for e in &s.events {
            if e.deps != 0 && !root {
                continue;
            }
            let out = Out { link, event: e };
            if !e.tags.is_empty() {
                let fact = out.call_fact(None);
                let key = (fact.file, fact.span.lo, fact.span.hi, fact.callee.clone());
                match calls.get_mut(&key) {
                    Some(old) => join_fact(old, &fact),
                    None => {
                        calls.insert(key, fact);
                    }
                }
            }
            for (kind, arg, val) in &e.sinks {
                for t in &val.taint {
                    let Some(flow) = out.flow(*kind, *arg, val, t, &reach, any_entry) else { continue };
                    let at = flow.call.span;
                    let source = flow.source.map_or("", |s| s.name()).to_string();
                    let key = (FileId(flow.call.file), at.lo, at.hi, flow.call.func, *kind, *arg, source);
                    match flows.get(&key) {
                        Some(old) if rank(old) <= rank(&flow) => {
                            let more: Vec<Shape> =
                                flow.shapes.iter().filter(|s| !old.shapes.contains(s)).cloned().collect();
                            if let Some(old) = flows.get_mut(&key)
                                && !old.shapes.is_empty()
                            {
                                if flow.shapes.is_empty() || old.shapes.len() + more.len() > 8 {
                                    old.shapes.clear()
                                } else {
                                    old.shapes.extend(more)
                                }
                            }
                        }
                        Some(old) => {
                            let mut flow = flow;
                            let more: Vec<Shape> =
                                old.shapes.iter().filter(|s| !flow.shapes.contains(s)).cloned().collect();
                            if !flow.shapes.is_empty() {
                                if old.shapes.is_empty() || flow.shapes.len() + more.len() > 8 {
                                    flow.shapes.clear()
                                } else {
                                    flow.shapes.extend(more)
                                }
                            }
                            flows.insert(key, flow);
                        }
                        None => {
                            flows.insert(key, flow);
                        }
                    }
                }
            }
        }
    }
    Analysis {
        flows: flows.into_values().collect(),
        calls: calls.into_values().collect(),
        budgets,
        functions: functions.len(),
    }
}

/// Better evidence first: fewer doubts, then the shorter trace, then the earlier source.
fn rank(f: &Flow) -> (u32, usize, String, Option<Place>) {
    (f.crumbs.count(), f.trace.len(), f.source_name.clone(), f.trace.first().map(|t| t.place))
}

fn join_fact(a: &mut CallFact, b: &CallFact) {
    for t in &b.tags {
        if !a.tags.contains(t) {
            a.tags.push(t.clone());
        }
    }
    a.tags.sort();
    if a.args.len() == b.args.len() {
        for (x, y) in a.args.iter_mut().zip(&b.args) {
            join_arg(x, y);
        }
    }
    if let (Some(x), Some(y)) = (&mut a.recv, &b.recv) {
        join_arg(x, y);
    }
}

fn join_arg(a: &mut ArgFact, b: &ArgFact) {
    a.consts = match (a.consts.take(), &b.consts) {
        (Some(mut x), Some(y)) => {
            x.extend(y.iter().filter(|c| !x.contains(c)).cloned().collect::<Vec<_>>());
            x.sort();
            Some(x)
        }
        _ => None,
    };
    for t in &b.types {
        if !a.types.contains(t) {
            a.types.push(t.clone());
        }
    }
    a.types.sort();
    a.taint = a.taint.or(b.taint);
    for s in &b.shapes {
        if !a.shapes.contains(s) {
            a.shapes.push(s.clone());
        }
    }
    let keys: Vec<String> = a.props.keys().chain(b.props.keys()).cloned().collect();
    for k in keys {
        if a.props.get(&k) != b.props.get(&k) {
            a.props.insert(k, None);
        }
    }
    if a.alloc != b.alloc {
        a.alloc = None;
    }
    if a.elems != b.elems {
        a.elems = None;
    }
    a.number &= b.number;
}

struct Out<'x, 'a> {
    link: &'x Linked<'a>,
    event: &'x Event,
}

impl Out<'_, '_> {
    fn consts(&self, v: &Val) -> Option<Vec<ConstVal>> {
        let all = v.cst.all()?;
        let mut out: Vec<ConstVal> = all
            .iter()
            .map(|c| match c {
                C::Null => ConstVal::Null,
                C::Bool(b) => ConstVal::Bool(*b),
                C::Int(i) => ConstVal::Int(*i),
                C::Str(s) => ConstVal::Str(s.to_string()),
                C::Float(f) => ConstVal::Other(f64::from_bits(*f).to_string()),
                C::Char(c) => ConstVal::Str(char::from_u32(*c).map(String::from).unwrap_or_default()),
                C::Class(g) | C::Path(g) => ConstVal::Ref(self.link.str(*g).to_string()),
                C::Func(f) => {
                    ConstVal::Ref(self.link.str(self.link.g(f.file, self.link.func(*f).qualified)).to_string())
                }
            })
            .collect();
        out.sort();
        out.dedup();
        Some(out)
    }

    fn arg(&self, s: &Snap, span: surefix_text::Span, kind: Option<Kind>, depth: u32) -> ArgFact {
        let mut taint = Kinds::NONE;
        for t in &s.val.taint {
            if matches!(t.src, Src::Real { .. }) {
                taint = taint.or(t.label().minus(t.clean));
            }
        }
        ArgFact {
            span,
            keyword: String::new(),
            spread: 0,
            consts: self.consts(&s.val),
            types: s.val.tys.iter().map(|t| self.link.str(*t).to_string()).collect(),
            taint,
            shapes: self.shapes(&s.val, kind),
            props: s.props.iter().map(|(k, v)| (k.to_string(), self.consts(v))).collect(),
            alloc: s.alloc,
            elems: if depth > 1 {
                None
            } else {
                s.elems.as_ref().map(|e| {
                    e.iter()
                        .map(|x| {
                            let snap = Snap { val: x.clone(), props: LiteMap::new(), alloc: None, elems: None };
                            self.arg(&snap, span, kind, depth + 2)
                        })
                        .collect()
                })
            },
            number: s.val.num,
        }
    }

    fn shapes(&self, v: &Val, kind: Option<Kind>) -> Vec<Shape> {
        v.shape_list().map(|l| l.iter().map(|s| self.shape(s, kind)).collect()).unwrap_or_default()
    }

    fn shape(&self, s: &SShape, kind: Option<Kind>) -> Shape {
        let mut frags: Vec<Frag> = Vec::with_capacity(s.len());
        for f in s.iter() {
            frags.push(self.frag(f, kind));
        }
        if let Some(d) = kind.and_then(dialect_of) {
            let mut pieces = Vec::new();
            pieces_of(&frags, &mut pieces);
            let mut ctx = surefix_dialect::contexts(d, &pieces).into_iter();
            label(&mut frags, &mut ctx);
        }
        Shape { frags }
    }

    fn frag(&self, f: &SFrag, kind: Option<Kind>) -> Frag {
        match f {
            SFrag::Lit { text, at } => Frag::Lit { text: text.to_string(), at: *at },
            SFrag::Rep(inner) => Frag::Rep(inner.iter().map(|f| self.frag(f, kind)).collect()),
            SFrag::Hole(h) => {
                let real: Vec<&Taint> = h.taint.iter().filter(|t| matches!(t.src, Src::Real { .. })).collect();
                let tainted = real.iter().any(|t| kind.is_none_or(|k| t.live(k))) && !h.num;
                let allow = real.iter().fold(0u128, |a, t| a | t.allow);
                let deny = real.iter().fold(u128::MAX, |a, t| a & t.deny);
                Frag::Hole(Box::new(Hole {
                    place: h.place,
                    stmt: h.stmt,
                    func: h.func,
                    value: h.value,
                    tainted,
                    ty: h.ty.map(|t| self.link.str(t).to_string()),
                    number: h.num,
                    allow: (!real.is_empty() && allow != u128::MAX).then_some(allow),
                    deny: if real.is_empty() { 0 } else { deny },
                    via: h.via.to_vec(),
                    context: None,
                }))
            }
        }
    }

    fn call_fact(&self, kind: Option<Kind>) -> CallFact {
        let e = self.event;
        let f = self.link.func(e.func);
        let instr = f.instr(e.value);
        let stmt = f.stmts.get(instr.stmt.0 as usize).copied().unwrap_or(f.span);
        let (name_span, args_span, spans): (_, _, Vec<_>) = match &instr.op {
            Op::Call(c) => (c.name_span, c.args_span, c.args.iter().map(|a| (a.span, a.name, a.spread)).collect()),
            _ => (instr.span, instr.span, Vec::new()),
        };
        let m = self.link.module(e.func.file);
        let mut args = Vec::new();
        for (i, a) in e.args.iter().enumerate() {
            let (span, name, spread) = spans.get(i).copied().unwrap_or((instr.span, surefix_ir::Sym::EMPTY, 0));
            let mut fact = self.arg(a, span, kind, 0);
            fact.keyword = m.strings.get(name).to_string();
            fact.spread = spread;
            args.push(fact);
        }
        let recv_span = match &instr.op {
            Op::Call(c) => match &c.callee {
                Callee::Method { recv, .. } => f.instr(*recv).span,
                _ => instr.span,
            },
            _ => instr.span,
        };
        let mut used = false;
        for i in &f.instrs {
            i.op.operands(&mut |o| used |= o == e.value);
        }
        for b in &f.blocks {
            used |= match &b.term {
                surefix_ir::Term::Return(Some(v)) | surefix_ir::Term::Throw(Some(v)) => *v == e.value,
                surefix_ir::Term::If { cond, .. } => *cond == e.value,
                surefix_ir::Term::Switch { on, .. } => *on == e.value,
                _ => false,
            };
        }
        CallFact {
            tags: e.tags.iter().map(|t| t.to_string()).collect(),
            callee: self.link.str(e.callee).to_string(),
            file: e.func.file.0,
            func: e.func.id.0,
            value: e.value.0,
            span: instr.span,
            name_span,
            args_span,
            stmt,
            recv: e.recv.as_ref().map(|r| self.arg(r, recv_span, kind, 0)),
            args,
            result_used: used,
        }
    }

    fn flow(
        &self,
        kind: Kind,
        arg: Option<usize>,
        val: &Val,
        t: &Taint,
        reach: &FxHashSet<FnRef>,
        any_entry: bool,
    ) -> Option<Flow> {
        let Src::Real { kind: source, name, .. } = &t.src else { return None };
        if !t.live(kind) || !self.can_hurt(kind, val, t) {
            return None;
        }
        let e = self.event;
        let mut trace: Vec<TraceStep> = t
            .trace
            .steps()
            .into_iter()
            .map(|(place, what, name)| TraceStep { place, what, name: self.link.str(name).to_string() })
            .collect();
        trace.dedup();
        let call = self.call_fact(Some(kind));
        trace.push(TraceStep {
            place: Place { file: e.func.file, span: call.span },
            what: StepKind::Sink,
            name: call.callee.clone(),
        });
        let mut crumbs = t.crumbs;
        if self.link.func(e.func).is(surefix_ir::flags::PARTIAL) {
            crumbs = crumbs.or(Crumbs::PARTIAL);
        }
        Some(Flow {
            kind,
            source: Some(*source),
            source_name: self.link.str(*name).to_string(),
            shapes: self.known_text(kind, val, t, &call),
            call,
            arg,
            trace,
            crumbs,
            reachable: !any_entry || reach.contains(&e.func),
        })
    }

    /// The shapes of the value at the sink. Of a vector whose elements are not told apart, what is proven about the untrusted one.
    fn known_text(&self, kind: Kind, val: &Val, t: &Taint, call: &CallFact) -> Vec<Shape> {
        let shapes = self.shapes(val, Some(kind));
        if !shapes.is_empty() || kind != Kind::CmdArgv || t.allow == u128::MAX {
            return shapes;
        }
        let hole = Hole {
            place: Place { file: self.event.func.file, span: call.span },
            stmt: call.stmt,
            func: self.event.func,
            value: call.value,
            tainted: true,
            ty: None,
            number: false,
            allow: Some(t.allow),
            deny: t.deny,
            via: Vec::new(),
            context: None,
        };
        vec![Shape { frags: vec![Frag::Hole(Box::new(hole))] }]
    }

    /// False when what is proven about the text makes this sink harmless.
    fn can_hurt(&self, kind: Kind, val: &Val, t: &Taint) -> bool {
        let only = |chars: &str| {
            let mask = chars.chars().fold(0u128, |m, c| m | 1 << c as u32);
            t.allow & !mask & !t.deny == 0
        };
        let word = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
        if t.allow != u128::MAX {
            match kind {
                Kind::Code | Kind::Reflect | Kind::Jndi | Kind::Template | Kind::Deser | Kind::Trust | Kind::Info => {}
                Kind::Ssrf | Kind::Redirect => {}
                Kind::CmdShell | Kind::CmdLine | Kind::CmdArgv => {
                    if only(&format!("{word}.,@%+=:")) {
                        return false;
                    }
                }
                Kind::Path => {
                    if only(&format!("{word} -@+=,")) {
                        return false;
                    }
                }
                Kind::Regex => {
                    if only(word) {
                        return false;
                    }
                }
                _ => {
                    if only(&format!("{word}-")) {
                        return false;
                    }
                }
            }
        }
        let denied = |c: char| t.deny & (1 << c as u32) != 0 || t.allow & (1 << c as u32) == 0;
        match kind {
            Kind::Path if t.flags & tflag::NO_DOTDOT != 0 || denied('.') || (denied('/') && denied('\\')) => {
                // Still absolute? Only behind a constant directory is the rest of the text harmless.
                let behind = val.shape_list().is_some_and(|l| {
                    l.iter().all(|s| matches!(s.first(), Some(SFrag::Lit { text, .. }) if !text.is_empty()))
                });
                if behind || denied('/') {
                    return false;
                }
            }
            Kind::Header if denied('\r') && denied('\n') => return false,
            Kind::Log if denied('\n') && denied('\r') => return false,
            Kind::Xss if denied('<') && val.shape_list().is_none() => return false,
            _ => {}
        }
        let Some(d) = dialect_of(kind) else { return true };
        let Some(list) = val.shape_list() else { return true };
        // Judge every hole that carries this taint in its context.
        let mut seen = false;
        for s in &list {
            let mut frags = Vec::new();
            flatten(s, &mut frags);
            let pieces: Vec<Piece<'_>> = frags
                .iter()
                .map(|f| match f {
                    SFrag::Lit { text, .. } => Piece::Lit(text),
                    _ => Piece::Hole,
                })
                .collect();
            let ctx = surefix_dialect::contexts(d, &pieces);
            let mut i = 0;
            for f in frags {
                match f {
                    SFrag::Lit { .. } | SFrag::Rep(_) => continue,
                    SFrag::Hole(h) => {
                        let c = ctx.get(i);
                        i += 1;
                        let Some(ht) = h.taint.iter().find(|x| x.src == t.src) else { continue };
                        seen = true;
                        if h.num || !ht.live(kind) {
                            continue;
                        }
                        let Some(c) = c else { return true };
                        if ht.flags & tflag::SQL_ESCAPED != 0
                            && matches!(c.label, Label::SqlQuotedWhole | Label::SqlQuotedPart)
                        {
                            continue;
                        }
                        let allow = (ht.allow != u128::MAX).then_some(ht.allow);
                        let harmless = match kind {
                            Kind::Ssrf | Kind::Redirect => {
                                matches!(c.label, Label::UrlPath | Label::UrlQuery | Label::UrlFragment)
                            }
                            Kind::CmdArgv | Kind::CmdLine | Kind::Path => false,
                            _ => !surefix_dialect::can_break(c, allow, ht.deny),
                        };
                        if !harmless {
                            return true;
                        }
                    }
                }
            }
        }
        !seen
    }
}

/// The literals and holes in order; the part of a repetition counts once.
fn flatten<'f>(frags: &'f [SFrag], out: &mut Vec<&'f SFrag>) {
    for f in frags {
        match f {
            SFrag::Rep(inner) => flatten(inner, out),
            other => out.push(other),
        }
    }
}

/// The pieces that a lexer reads; the part of a repetition counts once.
fn pieces_of<'f>(frags: &'f [Frag], out: &mut Vec<Piece<'f>>) {
    for f in frags {
        match f {
            Frag::Lit { text, .. } => out.push(Piece::Lit(text)),
            Frag::Hole(_) => out.push(Piece::Hole),
            Frag::Rep(inner) => pieces_of(inner, out),
        }
    }
}

/// Gives the holes their contexts in the order of [`pieces_of`].
fn label(frags: &mut [Frag], ctx: &mut impl Iterator<Item = surefix_dialect::HoleContext>) {
    for f in frags {
        match f {
            Frag::Hole(h) => h.context = ctx.next(),
            Frag::Rep(inner) => label(inner, ctx),
            Frag::Lit { .. } => {}
        }
    }
}

/// The language of the text at a sink.
fn dialect_of(kind: Kind) -> Option<Dialect> {
    Some(match kind {
        Kind::Sql => Dialect::Sql,
        Kind::Xss => Dialect::Html,
        Kind::CmdShell | Kind::CmdLine => Dialect::Shell,
        Kind::Ldap => Dialect::Ldap,
        Kind::XPath => Dialect::XPath,
        Kind::Path => Dialect::Path,
        Kind::Ssrf | Kind::Redirect => Dialect::Url,
        Kind::Regex => Dialect::Regex,
        _ => return None,
    })
}
