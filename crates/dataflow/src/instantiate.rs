//! Using a summary at a call: what holds for parameters is filled in with the caller's values.

use crate::call::{Binding, MAX_EVENTS, MAX_OBJECTS, MAX_VIA, MAX_WATCH_VIA};
use crate::heap::{Obj, ObjKind, Site, State, join_opt};
use crate::interp::{Frame, bit};
use crate::names::G;
use crate::summary::{Event, Snap, Summary};
use crate::val::{C, Csts, ObjId, Path, SFrag, Shapes, Src, Step, Taints, Val, concat_shapes};
use crate::{Crumbs, FnRef, StepKind};
use smallvec::{SmallVec, smallvec};
use std::collections::BTreeMap;
use std::sync::Arc;
use surefix_ir::ValueId;

/// Ways to one sink below a callee that its caller takes over.
const MAX_WAYS: usize = 4;

impl Frame<'_, '_> {
    pub fn instantiate(
        &mut self,
        st: &mut State,
        v: ValueId,
        f: FnRef,
        s: &Summary,
        b: &Binding,
        special: bool,
    ) -> Option<Val> {
        let callee = self.eng.link.g(f.file, self.eng.link.func(f).qualified);
        let mut inst = Inst {
            s,
            b,
            v,
            callee,
            paths: BTreeMap::new(),
            objs: BTreeMap::new(),
            todo: Vec::new(),
            made: 0,
            salt: f.id.0.wrapping_mul(31),
        };
        let ret = s.ret.as_ref().map(|r| self.subst(st, &mut inst, r));
        // Objects changed or reachable.
        let dirty: Vec<ObjId> = s.heap.iter().filter(|(_, o)| o.dirty).map(|(id, _)| *id).collect();
        for id in dirty {
            if matches!(s.sites.get(id.0 as usize), Some(Site::Param(..) | Site::Global(..))) {
                self.map_obj(st, &mut inst, id);
            }
        }
        let globals: Vec<((G, G), Val)> = s.globals.iter().map(|(k, x)| (*k, self.subst(st, &mut inst, x))).collect();
        let mut events = Vec::new();
        let mut ways: BTreeMap<(FnRef, ValueId), usize> = BTreeMap::new();
        for e in &s.events {
            let far = e.via.len() >= if e.sinks.is_empty() { MAX_WATCH_VIA } else { MAX_VIA };
            if (e.latent() || special) && !far && self.events.len() < MAX_EVENTS {
                // Many ways from here to one sink tell nothing new.
                let n = ways.entry((e.func, e.value)).or_insert(0);
                *n += 1;
                if *n > MAX_WAYS {
                    continue;
                }
                let e = self.subst_event(st, &mut inst, e, v);
                // Harmless once the arguments are known.
                if !e.tags.is_empty() || e.sinks.iter().any(|s| !s.2.taint.is_empty()) {
                    events.push(e);
                }
            }
        }
        let mut writes: Vec<(SmallVec<[ObjId; 2]>, Obj, bool)> = Vec::new();
        let mut guard = 0;
        while let Some(id) = inst.todo.pop() {
            guard += 1;
            if guard > 2000 {
                break;
            }
            let Some(o) = s.heap.get(&id) else { continue };
            let targets = inst.objs.get(&id).cloned().unwrap_or_default();
            let fresh = matches!(s.sites.get(id.0 as usize), Some(Site::Alloc(..)));
            if !fresh && !o.dirty {
                continue;
            }
            let mut n = Obj::new(o.kind.clone(), o.unique);
            n.ty = o.ty;
            n.dirty = !fresh;
            for (k, x) in &o.fields {
                n.fields.insert(*k, self.subst(st, &mut inst, x));
            }
            n.elems = o.elems.as_ref().map(|e| e.iter().map(|x| self.subst(st, &mut inst, x)).collect());
            n.entries =
                o.entries.as_ref().map(|e| e.iter().map(|(k, x)| (k.clone(), self.subst(st, &mut inst, x))).collect());
            n.rest = o.rest.as_ref().map(|x| self.subst(st, &mut inst, x));
            n.keys = o.keys.as_ref().map(|x| self.subst(st, &mut inst, x));
            n.text = o.text.as_ref().map(|x| self.subst(st, &mut inst, x));
            for (k, x) in &o.props {
                n.props.insert(k.clone(), self.subst(st, &mut inst, x));
            }
            writes.push((targets, n, fresh));
        }
        for (targets, n, fresh) in writes {
            let strong = targets.len() == 1;
            for t in targets {
                match st.heap.get(&t).cloned() {
                    _ if fresh => {
                        let mut n = n.clone();
                        if self.looping && st.heap.contains_key(&t) {
                            if let Some(old) = st.heap.get(&t) {
                                n.join(old);
                            }
                            n.unique = false;
                        }
                        st.heap.insert(t, Arc::new(n));
                    }
                    Some(old) => {
                        let mut m = (*old).clone();
                        m.dirty = true;
                        let sure = strong && old.unique;
                        overlay(&mut m, &n, sure);
                        st.heap.insert(t, Arc::new(m));
                    }
                    None => {
                        st.heap.insert(t, Arc::new(n.clone()));
                    }
                }
            }
        }
        for (k, x) in globals {
            st.globals.insert(k, x);
        }
        for mut e in events {
            e.deps |= st.ctl;
            let n = self.events.range((v, 0)..=(v, u32::MAX)).count() as u32;
            let dup = self
                .events
                .range((v, 0)..=(v, u32::MAX))
                .find(|(_, o)| o.func == e.func && o.value == e.value && o.via == e.via)
                .map(|x| *x.0);
            match dup {
                Some(k) => {
                    if let Some(old) = self.events.get_mut(&k) {
                        merge_event(old, e);
                    }
                }
                None => {
                    self.events.insert((v, n), e);
                }
            }
        }
        ret
    }

    fn subst_event(&mut self, st: &mut State, inst: &mut Inst<'_>, e: &Event, v: ValueId) -> Event {
        let mut deps = self.subst_deps(inst, e.deps);
        let mut snap = |me: &mut Self, st: &mut State, s: &Snap| {
            let val = me.subst(st, inst, &s.val);
            let mut out = Snap {
                props: s.props.iter().map(|(k, x)| (k.clone(), me.subst(st, inst, x))).collect(),
                alloc: s.alloc,
                elems: s.elems.as_ref().map(|e| e.iter().map(|x| me.subst(st, inst, x)).collect()),
                val,
            };
            if s.val.ident.is_some() {
                // A parameter: what the caller set on the object before holds unless the callee set it again.
                let before = me.snap(st, &out.val);
                for (k, x) in before.props {
                    out.props.entry(k).or_insert(x);
                }
                out.alloc = out.alloc.or(before.alloc);
                out.elems = out.elems.or(before.elems);
            }
            out.forget_objects();
            out
        };
        let recv = e.recv.as_ref().map(|r| snap(self, st, r));
        let args: Vec<Snap> = e.args.iter().map(|a| snap(self, st, a)).collect();
        let mut sinks: Vec<_> = e.sinks.iter().map(|(k, n, x)| (*k, *n, self.subst(st, inst, x))).collect();
        sinks.iter_mut().for_each(|s| s.2.refs.clear());
        if !e.tags.is_empty() {
            for a in args.iter().chain(&recv) {
                if a.val.cst == Csts::Top {
                    deps |= a.val.deps;
                }
                for p in a.props.values() {
                    if p.cst == Csts::Top {
                        deps |= p.deps;
                    }
                }
            }
        }
        let mut via = e.via.clone();
        via.push(self.place(v));
        Event { func: e.func, value: e.value, callee: e.callee, tags: e.tags.clone(), recv, args, sinks, deps, via }
    }

    fn subst_deps(&self, inst: &Inst<'_>, deps: u64) -> u64 {
        if deps == 0 {
            return 0;
        }
        let mut out = 0;
        for (i, a) in inst.b.actual.iter().enumerate() {
            if deps & bit(i as u16) != 0
                && let Some(a) = a
            {
                out |= a.deps;
            }
        }
        out
    }

    /// The caller's value for a part of a parameter.
    fn resolve(&mut self, st: &mut State, inst: &mut Inst<'_>, i: u16, path: &Path) -> Val {
        if let Some(x) = inst.paths.get(&(i, path.clone())) {
            return x.clone();
        }
        let mut x = inst.b.actual.get(i as usize).cloned().flatten().unwrap_or_else(Val::top);
        let id = inst.b.ids.get(i as usize).copied().flatten().unwrap_or(inst.v);
        for step in path.iter() {
            x = match step {
                Step::Field(g) => self.load_field(st, inst.v, id, &x, *g),
                Step::Elem => self.element_of(st, inst.v, id, &x),
                Step::Idx(n) => {
                    let relevant = self.relevant;
                    let y = self.load_index(st, inst.v, id, &x, &Val::int(*n as i64));
                    self.relevant = relevant;
                    y
                }
                Step::Key(k) => self.load_index(st, inst.v, id, &x, &Val::cst(k.clone())),
                Step::Text => {
                    let mut out: Option<Val> = None;
                    for r in x.refs.clone() {
                        let t = self.text_of(st, r);
                        join_opt(&mut out, &t);
                    }
                    out.unwrap_or_else(|| {
                        let mut t = Val::top();
                        t.absorb(&x, Crumbs::default());
                        t
                    })
                }
            };
        }
        inst.paths.insert((i, path.clone()), x.clone());
        x
    }

    fn map_obj(&mut self, st: &mut State, inst: &mut Inst<'_>, id: ObjId) -> SmallVec<[ObjId; 2]> {
        if let Some(x) = inst.objs.get(&id) {
            return x.clone();
        }
        let refs: SmallVec<[ObjId; 2]> = match inst.s.sites.get(id.0 as usize) {
            Some(Site::Param(i, path)) => {
                let (i, path) = (*i, path.clone());
                self.resolve(st, inst, i, &path).refs
            }
            // A state that holds very many objects is no longer exact anyway: what else a callee makes has no identity.
            Some(Site::Alloc(..)) if st.heap.len() + inst.made >= MAX_OBJECTS => SmallVec::new(),
            Some(Site::Alloc(..)) => {
                inst.made += 1;
                smallvec![self.site(Site::Alloc(inst.v, 16 + id.0 + (inst.salt << 8)))]
            }
            Some(Site::Global(o, n)) => {
                let (o, n) = (*o, *n);
                let new = self.site(Site::Global(o, n));
                if !st.heap.contains_key(&new)
                    && let Some(obj) = inst.s.heap.get(&id)
                {
                    st.heap.insert(new, obj.clone());
                }
                smallvec![new]
            }
            None => SmallVec::new(),
        };
        inst.objs.insert(id, refs.clone());
        inst.todo.push(id);
        refs
    }

    fn subst_taints(&mut self, st: &mut State, inst: &mut Inst<'_>, taint: &Taints) -> Taints {
        let mut out = Taints::new();
        let at = self.place(inst.v);
        for t in taint {
            match &t.src {
                Src::Real { .. } => {
                    let mut t = t.clone();
                    t.trace = t.trace.step(at, StepKind::Return, inst.callee);
                    crate::val::add_taint(&mut out, &t);
                }
                Src::Param(i, path) => {
                    let actual = self.resolve(st, inst, *i, path);
                    for a in &actual.taint {
                        crate::val::add_taint(&mut out, &t.compose(a, at, inst.callee));
                    }
                }
            }
        }
        out
    }

    fn subst(&mut self, st: &mut State, inst: &mut Inst<'_>, x: &Val) -> Val {
        self.work += 1;
        if x.ident.is_none() && x.taint.is_empty() && x.refs.is_empty() && x.shapes.is_empty() && x.deps == 0 {
            return x.clone();
        }
        let mut out = x.clone();
        out.taint = self.subst_taints(st, inst, &x.taint);
        out.deps = self.subst_deps(inst, x.deps);
        out.ident = None;
        if let Some((i, path)) = &x.ident {
            let actual = self.resolve(st, inst, *i, path);
            out.ident = actual.ident.clone();
            if x.cst == Csts::Top {
                out.cst = actual.cst.clone();
            }
            if out.tys.is_empty() || !x.exact {
                if !actual.tys.is_empty() {
                    out.tys = actual.tys.clone();
                }
                out.exact = actual.exact;
            }
            out.num |= actual.num;
            out.refs = actual.refs.clone();
            out.shapes = actual.shapes.clone();
            out.deps = actual.deps;
            return out;
        }
        out.refs.clear();
        for r in &x.refs {
            for n in self.map_obj(st, inst, *r) {
                if let Err(i) = out.refs.binary_search(&n) {
                    out.refs.insert(i, n);
                }
            }
        }
        let mut shapes = Shapes::new();
        for s in &x.shapes {
            let mut parts: Vec<Shapes> = Vec::new();
            for frag in s.iter() {
                match frag {
                    SFrag::Hole(h) => {
                        let mut done = None;
                        if let Some((i, path)) = &h.ident {
                            let actual = self.resolve(st, inst, *i, path);
                            let id = inst.b.ids.get(*i as usize).copied().flatten().unwrap_or(inst.v);
                            if let Some(list) = actual.shape_list() {
                                done = Some(list);
                            } else {
                                let mut hole = (*self.hole(id, &actual)).clone();
                                if let Some(SFrag::Hole(nh)) = hole.first_mut() {
                                    let mut n = (**nh).clone();
                                    n.taint = self.subst_taints(st, inst, &h.taint);
                                    n.num |= h.num;
                                    n.ty = n.ty.or(h.ty);
                                    n.via.push(self.place(inst.v));
                                    *nh = Arc::new(n);
                                }
                                done = Some(Shapes::one(Arc::new(hole)));
                            }
                        }
                        parts.push(done.unwrap_or_else(|| {
                            let mut n = (**h).clone();
                            n.taint = self.subst_taints(st, inst, &h.taint);
                            n.ident = None;
                            n.via.push(self.place(inst.v));
                            Shapes::one(Arc::new(vec![SFrag::Hole(Arc::new(n))]))
                        }));
                    }
                    SFrag::Rep(inner) => {
                        let mut list = Vec::new();
                        for f in inner.iter() {
                            list.push(match f {
                                SFrag::Hole(h) => {
                                    let mut n = (**h).clone();
                                    n.taint = self.subst_taints(st, inst, &h.taint);
                                    n.ident = None;
                                    SFrag::Hole(Arc::new(n))
                                }
                                other => other.clone(),
                            });
                        }
                        parts.push(Shapes::one(Arc::new(vec![SFrag::Rep(Arc::new(list))])));
                    }
                    lit => parts.push(Shapes::one(Arc::new(vec![lit.clone()]))),
                }
            }
            let alts = concat_shapes(&parts);
            if alts.is_empty() {
                shapes.clear();
                break;
            }
            shapes.extend(alts);
        }
        if shapes.len() > 8 {
            shapes.clear();
        }
        out.shapes = shapes;
        if out.cst == Csts::Top && !out.shapes.is_empty() {
            let texts: Option<std::collections::BTreeSet<C>> =
                out.shapes.iter().map(|s| crate::val::shape_text(s).map(|t| C::Str(t.into()))).collect();
            if let Some(t) = texts.filter(|t| t.len() <= 6) {
                out.cst = Csts::Set(t.into_iter().collect());
            }
        }
        out
    }
}

struct Inst<'s> {
    s: &'s Summary,
    b: &'s Binding,
    v: ValueId,
    callee: G,
    paths: BTreeMap<(u16, Path), Val>,
    objs: BTreeMap<ObjId, SmallVec<[ObjId; 2]>>,
    todo: Vec<ObjId>,
    /// Objects taken over so far.
    made: usize,
    salt: u32,
}

/// Puts the state that a callee left an object in over the caller's.
fn overlay(m: &mut Obj, n: &Obj, sure: bool) {
    let set = |slot: &mut Option<Val>, x: &Option<Val>| {
        if let Some(x) = x {
            match slot {
                Some(old) if !sure => old.join(x),
                _ => *slot = Some(x.clone()),
            }
        }
    };
    for (k, x) in &n.fields {
        match m.fields.get_mut(k) {
            Some(old) if !sure => old.join(x),
            _ => {
                m.fields.insert(*k, x.clone());
            }
        }
    }
    for (k, x) in &n.props {
        match m.props.get_mut(k) {
            Some(old) if !sure => old.join(x),
            _ => {
                m.props.insert(k.clone(), x.clone());
            }
        }
    }
    if n.elems.is_some() || n.entries.is_some() {
        if sure && m.sym.is_none() && (n.entries.is_none() || m.entries.is_none()) {
            m.elems = n.elems.clone();
            m.entries = n.entries.clone();
        } else if let (true, Some(e), Some(have)) = (sure, &n.entries, &mut m.entries) {
            have.extend(e.clone());
        } else {
            m.smash();
            for x in n.elems.iter().flatten().chain(n.entries.iter().flat_map(|e| e.values())) {
                join_opt(&mut m.rest, x);
            }
        }
        if m.kind == ObjKind::Plain {
            m.kind = n.kind.clone();
        }
    }
    if let Some(x) = &n.rest {
        if m.elems.is_some() {
            m.smash();
        }
        join_opt(&mut m.rest, x);
    }
    crate::heap::join_into(&mut m.keys, &n.keys);
    set(&mut m.text, &n.text);
}

fn merge_event(a: &mut Event, b: Event) {
    a.deps &= b.deps;
    if a.args.len() == b.args.len() {
        for (x, y) in a.args.iter_mut().zip(&b.args) {
            x.val.join(&y.val);
            for (k, p) in &y.props {
                match x.props.get_mut(k) {
                    Some(v) => v.join(p),
                    None => {
                        x.props.insert(k.clone(), Val::top());
                    }
                }
            }
        }
    }
    for (k, n, v) in b.sinks {
        match a.sinks.iter_mut().find(|s| s.0 == k && s.1 == n) {
            Some(s) => s.2.join(&v),
            None => a.sinks.push((k, n, v)),
        }
    }
}
