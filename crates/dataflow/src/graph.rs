//! The call graph as declarations tell it, and the order in which functions are evaluated.
//!
//! Summaries need an order that does not depend on which thread asks first: every function has a rank such that calls
//! outside cycles go from a lower rank to a higher one. A call that goes back (recursion, or a callee that only the values
//! show) starts a new round; after the last round it is not followed. So each summary is a function of its key alone, needs
//! no fixpoint over several functions, and the cost is linear in the number of functions.

use crate::FnRef;
use crate::names::{Entity, G, Linked};
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use surefix_ir::{Call, Callee, FnId, Function, Lang, Op, ParamKind, ValueId, flags};
use surefix_text::FileId;

/// More candidates than this say nothing about a call.
const MAX_CANDIDATES: usize = 32;
/// The same where only the name is known.
const MAX_BY_NAME: usize = 6;

/// Ranks of the functions.
pub(crate) struct Order {
    first: Vec<u32>,
    rank: Vec<u32>,
    callers: Vec<Vec<u32>>,
}

impl Order {
    pub fn new(link: &Linked<'_>) -> Order {
        let mut first = Vec::with_capacity(link.program.modules.len());
        let mut n = 0u32;
        for m in &link.program.modules {
            first.push(n);
            n += m.functions.len() as u32;
        }
        let at = |f: FnRef| first[f.file.0 as usize] + f.id.0;
        let members = members(link);
        let edges: Vec<Vec<u32>> = (0..link.program.modules.len())
            .into_par_iter()
            .map_init(FxHashMap::default, |memo, fi| {
                let file = FileId(fi as u32);
                let functions = &link.program.modules[fi].functions;
                (0..functions.len() as u32)
                    .map(|id| {
                        let f = FnRef { file, id: FnId(id) };
                        let mut out = Edges { link, members: &members, f, func: link.func(f), memo, out: Vec::new() };
                        out.collect();
                        out.out.into_iter().map(at).collect::<Vec<u32>>()
                    })
                    .collect::<Vec<_>>()
            })
            .collect::<Vec<_>>()
            .into_iter()
            .flatten()
            .collect();
        let mut callers: Vec<Vec<u32>> = vec![Vec::new(); edges.len()];
        for (from, list) in edges.iter().enumerate() {
            list.iter().for_each(|to| callers[*to as usize].push(from as u32));
        }
        Order { rank: ranks(&edges), first, callers }
    }

    /// The functions that may call this one, as declarations tell.
    pub fn callers(&self, f: FnRef) -> impl Iterator<Item = FnRef> + '_ {
        let all = &self.callers[(self.first[f.file.0 as usize] + f.id.0) as usize];
        all.iter().map(|at| {
            let file = self.first.partition_point(|first| first <= at) - 1;
            FnRef { file: FileId(file as u32), id: FnId(at - self.first[file]) }
        })
    }

    pub fn rank(&self, f: FnRef) -> u32 {
        self.rank[(self.first[f.file.0 as usize] + f.id.0) as usize]
    }
}

/// Reverse post-order over the whole graph, from functions that nobody calls first.
fn ranks(edges: &[Vec<u32>]) -> Vec<u32> {
    let n = edges.len();
    let mut called = vec![false; n];
    for (from, list) in edges.iter().enumerate() {
        list.iter().filter(|to| **to as usize != from).for_each(|to| called[*to as usize] = true);
    }
    let mut seen = vec![false; n];
    let mut rank = vec![0u32; n];
    let mut next = n as u32;
    let mut stack: Vec<(u32, u32)> = Vec::new();
    let roots = (0..n).filter(|f| !called[*f]).chain((0..n).filter(|f| called[*f]));
    for root in roots {
        if std::mem::replace(&mut seen[root], true) {
            continue;
        }
        stack.push((root as u32, 0));
        while let Some((f, i)) = stack.pop() {
            match edges[f as usize].get(i as usize) {
                Some(&to) => {
                    stack.push((f, i + 1));
                    if !std::mem::replace(&mut seen[to as usize], true) {
                        stack.push((to, 0));
                    }
                }
                None => {
                    next -= 1;
                    rank[f as usize] = next;
                }
            }
        }
    }
    rank
}

/// Methods with a body by simple name.
fn members(link: &Linked<'_>) -> FxHashMap<G, Vec<FnRef>> {
    let mut out: FxHashMap<G, Vec<FnRef>> = FxHashMap::default();
    for (fi, m) in link.program.modules.iter().enumerate() {
        let file = FileId(fi as u32);
        for (id, f) in m.functions.iter().enumerate() {
            if f.owner.is_some() && !f.blocks.is_empty() && !f.is(flags::LAMBDA) {
                out.entry(link.g(file, f.name)).or_default().push(FnRef { file, id: FnId(id as u32) });
            }
        }
    }
    out
}

/// What is known of a value without evaluating anything.
#[derive(Clone)]
enum Known {
    Type(G),
    Entity(Entity),
}

struct Edges<'x, 'a> {
    link: &'x Linked<'a>,
    members: &'x FxHashMap<G, Vec<FnRef>>,
    f: FnRef,
    func: &'a Function,
    memo: &'x mut FxHashMap<(G, G), Vec<FnRef>>,
    out: Vec<FnRef>,
}

impl Edges<'_, '_> {
    fn collect(&mut self) {
        let func = self.func;
        let mut known: Vec<Option<Known>> = vec![None; func.instrs.len()];
        let mut calls: Vec<FnRef> = Vec::new();
        let mut fields: Vec<FnRef> = Vec::new();
        for v in func.blocks.iter().flat_map(|b| b.instrs.iter().copied()) {
            let what = self.instr(&known, v, &mut calls, &mut fields);
            known[v.0 as usize] = what;
        }
        // What is visited first ends up last: functions handed around, then writers of fields, then callees.
        self.out.extend(fields);
        self.out.extend(calls);
        let mut seen = rustc_hash::FxHashSet::default();
        self.out.retain(|f| seen.insert(*f));
    }

    fn owner(&self) -> Option<G> {
        let c = self.func.owner?;
        let class = self.link.module(self.f.file).classes.get(c.0 as usize)?;
        Some(self.link.g(self.f.file, class.qualified))
    }

    fn instr(
        &mut self,
        known: &[Option<Known>],
        v: ValueId,
        calls: &mut Vec<FnRef>,
        fields: &mut Vec<FnRef>,
    ) -> Option<Known> {
        let link = self.link;
        let file = self.f.file;
        let get = |v: &ValueId| known.get(v.0 as usize).and_then(Option::as_ref);
        match &self.func.instr(v).op {
            Op::Param(n) => {
                let p = self.func.params.get(*n as usize)?;
                if p.kind == ParamKind::This {
                    return self.owner().map(Known::Type);
                }
                link.ty(file, p.ty.as_ref()?, self.func.owner).map(Known::Type)
            }
            Op::Const(surefix_ir::Const::Str(_)) | Op::Concat(_) if link.lang(file) == Lang::Java => {
                link.find("java.lang.String").map(Known::Type)
            }
            Op::Const(surefix_ir::Const::Class(s)) => {
                let g = link.type_name(file, *s, self.func.owner)?;
                Some(Known::Entity(link.entity(g)))
            }
            Op::Copy(a) | Op::Enter(a) | Op::Await(a) => get(a).cloned(),
            Op::Phi(ops) => ops.iter().find_map(|(_, o)| get(o).cloned()),
            Op::Cast(t, _) => link.ty(file, t, self.func.owner).map(Known::Type),
            Op::LoadName(n) => {
                let e = link.name(self.f, *n);
                self.entity(e, fields)
            }
            Op::LoadField(base, n) => {
                let name = link.g(file, *n);
                match get(base) {
                    Some(Known::Entity(Entity::Path(p) | Entity::Class(p))) => {
                        if let Some((decl, _)) = link.field(*p, name) {
                            return self.field(decl, name, fields);
                        }
                        let e = link.join(*p, name).map(|g| link.entity(g));
                        e.and_then(|e| self.entity(e, fields))
                    }
                    Some(Known::Type(t)) => {
                        let t = *t;
                        self.field(t, name, fields)
                    }
                    _ => {
                        if link.lang(file) == Lang::Python {
                            calls.extend(
                                self.named(name, None).into_iter().filter(|f| link.func(*f).is(flags::PROPERTY)),
                            );
                        }
                        None
                    }
                }
            }
            Op::Closure(id, _) => {
                self.out.push(FnRef { file, id: *id });
                None
            }
            Op::BoundMethod(recv, n) => {
                let name = link.g(file, *n);
                let found = self.method(get(recv), name, None);
                self.out.extend(found);
                None
            }
            Op::Call(call) => self.call(known, call, calls),
            _ => None,
        }
    }

    /// A name that is no local: writers of a global, the type of a field.
    fn entity(&mut self, e: Entity, fields: &mut Vec<FnRef>) -> Option<Known> {
        match e {
            Entity::Global(owner, n) => self.field(owner, n, fields),
            Entity::ThisField(n) => self.owner().and_then(|q| self.field(q, n, fields)),
            e => Some(Known::Entity(e)),
        }
    }

    fn field(&mut self, owner: G, name: G, fields: &mut Vec<FnRef>) -> Option<Known> {
        let link = self.link;
        if let Some(w) = link.writers(owner, name) {
            fields.extend(w.into_iter().filter(|w| *w != self.f));
        }
        if link.lang(self.f.file) == Lang::Python
            && let Some(f) = link.methods(owner, name).first().copied()
            && link.func(f).is(flags::PROPERTY)
        {
            fields.push(f);
            return self.result(f);
        }
        link.field_type(owner, name).map(Known::Type)
    }

    fn result(&self, f: FnRef) -> Option<Known> {
        let func = self.link.func(f);
        self.link.ty(f.file, func.ret.as_ref()?, func.owner).map(Known::Type)
    }

    fn call(&mut self, known: &[Option<Known>], call: &Call, calls: &mut Vec<FnRef>) -> Option<Known> {
        let link = self.link;
        let file = self.f.file;
        let argc = call.args.len();
        let found: Vec<FnRef> = match &call.callee {
            Callee::Method { recv, name } => {
                let recv = known.get(recv.0 as usize).and_then(Option::as_ref);
                let n = link.g(file, *name);
                if let Some(Known::Entity(Entity::Path(p) | Entity::Class(p))) = recv
                    && let Some(e) = link.join(*p, n).map(|g| link.entity(g))
                    && !matches!(e, Entity::Path(_))
                {
                    return self.made(&e, argc, calls);
                }
                let found = self.method(recv, n, Some(argc));
                if found.is_empty()
                    && let Some(Known::Type(t)) = recv
                    && let Some((_, rows)) = link.rows(link.lang(file), *t, n)
                {
                    return rows.iter().find_map(|r| match &r.fact {
                        surefix_models::Fact::Returns(t) => link.find(t).map(Known::Type),
                        _ => None,
                    });
                }
                found
            }
            Callee::Name(name) => {
                let n = link.g(file, *name);
                let mut own = Vec::new();
                let mut at = self.func.owner.filter(|_| link.lang(file) == Lang::Java);
                while let Some(c) = at {
                    let Some(class) = link.module(file).classes.get(c.0 as usize) else { break };
                    own = self.dispatch(link.g(file, class.qualified), n);
                    if !own.is_empty() {
                        break;
                    }
                    at = class.outer;
                }
                if own.is_empty() {
                    let e = link.name(self.f, *name);
                    return self.made(&e, argc, calls);
                }
                fitting(link, own, argc)
            }
            Callee::Super(name) => {
                let n = link.g(file, *name);
                let q = self.owner()?;
                let supers = link.supers(q);
                let found = supers.iter().map(|s| link.own_methods(*s, n)).find(|m| !m.is_empty());
                fitting(link, found.unwrap_or(&[]).to_vec(), argc)
            }
            Callee::ThisCtor => {
                let init = link.find("<init>")?;
                fitting(link, link.own_methods(self.owner()?, init).to_vec(), argc)
            }
            Callee::New { ty, body } => {
                let q = match body {
                    Some(c) => link.module(file).classes.get(c.0 as usize).map(|c| link.g(file, c.qualified)),
                    None => link.ty(file, ty, self.func.owner),
                }?;
                self.constructors(q, argc, calls);
                return Some(Known::Type(q));
            }
            Callee::Value(_) => Vec::new(),
        };
        let found: Vec<FnRef> = found.into_iter().filter(|f| *f != self.f).collect();
        let result = found.first().and_then(|f| self.result(*f));
        calls.extend(found);
        result
    }

    /// A call of a class or function by its name.
    fn made(&mut self, e: &Entity, argc: usize, calls: &mut Vec<FnRef>) -> Option<Known> {
        match e {
            Entity::Func(f) => {
                let q = self.link.g(f.file, self.link.func(*f).qualified);
                let all = self.link.functions.get(&q).cloned().unwrap_or_else(|| vec![*f]);
                let all = if self.link.lang(f.file) == Lang::Java { fitting(self.link, all, argc) } else { all };
                calls.extend(all.into_iter().filter(|f| *f != self.f));
                self.result(*f)
            }
            Entity::Class(q) => {
                self.constructors(*q, argc, calls);
                Some(Known::Type(*q))
            }
            Entity::Path(g) if self.link.is_model_type(*g) => Some(Known::Type(*g)),
            _ => None,
        }
    }

    fn constructors(&mut self, q: G, argc: usize, calls: &mut Vec<FnRef>) {
        let link = self.link;
        let java = link.lang(self.f.file) == Lang::Java;
        let Some(init) = link.find(if java { "<init>" } else { "__init__" }) else { return };
        let mut found = link.own_methods(q, init);
        for &s in link.supers(q).iter() {
            if !found.is_empty() {
                break;
            }
            found = link.own_methods(s, init);
        }
        let found = if java { fitting(link, found.to_vec(), argc) } else { found.to_vec() };
        calls.extend(found.into_iter().filter(|f| *f != self.f));
    }

    fn method(&mut self, recv: Option<&Known>, n: G, argc: Option<usize>) -> Vec<FnRef> {
        let link = self.link;
        let found = match recv {
            Some(Known::Type(t) | Known::Entity(Entity::Class(t))) => {
                let t = *t;
                let found = self.dispatch(t, n);
                if !found.is_empty() || link.rows(link.lang(self.f.file), t, n).is_some() {
                    found
                } else {
                    self.named(n, argc)
                }
            }
            _ => self.named(n, argc),
        };
        match argc {
            Some(argc) if link.lang(self.f.file) == Lang::Java => fitting(link, found, argc),
            _ => found,
        }
    }

    /// The method of a type and everything that overrides it.
    fn dispatch(&mut self, t: G, n: G) -> Vec<FnRef> {
        let link = self.link;
        let found = self.memo.entry((t, n)).or_insert_with(|| {
            let mut found = link.methods(t, n).to_vec();
            for s in link.all_subclasses(t) {
                found.extend(link.own_methods(s, n));
            }
            found.sort();
            found.dedup();
            found.retain(|f| !link.func(*f).blocks.is_empty());
            if found.len() > MAX_CANDIDATES {
                found.clear();
            }
            found
        });
        found.clone()
    }

    /// All methods of that name, when they are few.
    fn named(&self, n: G, argc: Option<usize>) -> Vec<FnRef> {
        let lang = self.link.lang(self.f.file);
        let all = self.members.get(&n).map_or(&[][..], Vec::as_slice);
        let mut found: Vec<FnRef> = all.iter().take(64).copied().filter(|f| self.link.lang(f.file) == lang).collect();
        if let (Some(argc), Lang::Java) = (argc, lang) {
            found = fitting(self.link, found, argc);
        }
        if found.len() > MAX_BY_NAME || all.len() > 64 { Vec::new() } else { found }
    }
}

/// The candidates that take that many arguments.
fn fitting(link: &Linked<'_>, mut found: Vec<FnRef>, argc: usize) -> Vec<FnRef> {
    found.retain(|f| {
        let ps = &link.func(*f).params;
        let n = ps.iter().filter(|p| !matches!(p.kind, ParamKind::This | ParamKind::Capture)).count();
        let var = ps.iter().any(|p| p.kind == ParamKind::VarArgs);
        n == argc || (var && argc + 1 >= n)
    });
    found
}
