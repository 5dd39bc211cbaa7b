//! Abstract objects, block states and refinement facts.

use crate::names::G;
use crate::shared::Map;
use crate::val::{C, Csts, ObjId, Path, Val, tflag};
use litemap::LiteMap;
use smallvec::SmallVec;
use std::sync::Arc;
use surefix_ir::{FnId, ValueId};
use surefix_models::Kinds;

/// Where an object comes from; the same site gives the same [`ObjId`] in one run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Site {
    /// Created by that instruction (second number: several objects of one instruction).
    Alloc(ValueId, u32),
    /// What a parameter refers to.
    Param(u16, Path),
    /// Value of a global.
    Global(G, G),
}

/// What an object is for calls.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ObjKind {
    Plain,
    /// A list, array, tuple or set.
    Seq,
    Map,
    /// A mutable text (`StringBuilder`).
    Text,
    /// A function value; captured values are in `elems`.
    Closure(FnId, u32),
    /// A method bound to the receiver in `elems[0]`.
    Bound(G),
    /// An iterator over the elements.
    Iter,
}

/// An abstract object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Obj {
    pub kind: ObjKind,
    /// Stands for one concrete object: strong updates are allowed.
    pub unique: bool,
    pub ty: Option<G>,
    pub fields: LiteMap<G, Val>,
    /// Exact elements.
    pub elems: Option<Vec<Val>>,
    /// Exact entries of a map.
    pub entries: Option<LiteMap<C, Val>>,
    /// Join of elements or values that are not known one by one.
    pub rest: Option<Val>,
    /// Join of keys that are not constants.
    pub keys: Option<Val>,
    /// Content of a mutable text.
    pub text: Option<Val>,
    /// Typestate properties.
    pub props: LiteMap<Arc<str>, Val>,
    /// The parameter part this object stands for: what is not known here is asked of the caller.
    pub sym: Option<(u16, Path)>,
    /// Changed since the function was entered.
    pub dirty: bool,
}

impl Obj {
    pub fn new(kind: ObjKind, unique: bool) -> Obj {
        Obj {
            kind,
            unique,
            ty: None,
            fields: LiteMap::new(),
            elems: None,
            entries: None,
            rest: None,
            keys: None,
            text: None,
            props: LiteMap::new(),
            sym: None,
            dirty: false,
        }
    }
    pub fn seq(elems: Vec<Val>, unique: bool) -> Obj {
        Obj { elems: Some(elems), ..Obj::new(ObjKind::Seq, unique) }
    }
    pub fn map(unique: bool) -> Obj {
        Obj { entries: Some(LiteMap::new()), ..Obj::new(ObjKind::Map, unique) }
    }
    /// Join of everything contained.
    pub fn any_elem(&self) -> Option<Val> {
        let mut out: Option<Val> = self.rest.clone();
        for v in self.elems.iter().flatten().chain(self.entries.iter().flat_map(|e| e.values())) {
            join_opt(&mut out, v);
        }
        out
    }
    /// Join of the keys.
    pub fn any_key(&self) -> Option<Val> {
        let mut out = self.keys.clone();
        for k in self.entries.iter().flat_map(|e| e.keys()) {
            join_opt(&mut out, &Val::cst(k.clone()));
        }
        out
    }
    /// Gives up exactness.
    pub fn smash(&mut self) {
        let any = self.any_elem();
        let keys = self.any_key();
        self.elems = None;
        self.entries = None;
        self.rest = any;
        self.keys = keys;
    }
    pub fn join(&mut self, o: &Obj) {
        if self == o {
            return;
        }
        self.unique &= o.unique;
        self.dirty |= o.dirty;
        if self.ty != o.ty {
            self.ty = None;
        }
        for (k, v) in &o.fields {
            match self.fields.get_mut(k) {
                Some(mine) => mine.join(v),
                None => {
                    self.fields.insert(*k, v.clone());
                }
            }
        }
        match (&mut self.elems, &o.elems) {
            (Some(a), Some(b)) if a.len() == b.len() => a.iter_mut().zip(b).for_each(|(x, y)| x.join(y)),
            (None, None) => join_into(&mut self.rest, &o.rest),
            _ if self.kind == ObjKind::Map => join_into(&mut self.rest, &o.rest),
            _ => {
                self.smash();
                let any = o.any_elem();
                join_into(&mut self.rest, &any);
            }
        }
        match (&mut self.entries, &o.entries) {
            (Some(a), Some(b)) if a.len() == b.len() && a.keys().eq(b.keys()) => {
                a.iter_mut().for_each(|(k, x)| x.join(&b[k]));
            }
            (None, None) => {}
            _ => {
                // A key that only one side has may be absent: keep it with null beside it.
                let mut all = self.entries.take().unwrap_or_default();
                let theirs = o.entries.clone().unwrap_or_default();
                for v in all.iter_mut().filter(|(k, _)| !theirs.contains_key(k)).map(|e| e.1) {
                    v.join(&Val::cst(C::Null));
                }
                for (k, mut v) in theirs {
                    match all.get_mut(&k) {
                        Some(mine) => mine.join(&v),
                        None => {
                            v.join(&Val::cst(C::Null));
                            all.insert(k, v);
                        }
                    }
                }
                self.entries = Some(all);
                if self.rest.is_none() && o.rest.is_some() {
                    self.rest = o.rest.clone();
                }
            }
        }
        join_into(&mut self.keys, &o.keys);
        match (&mut self.text, &o.text) {
            (Some(a), Some(b)) => a.join(b),
            (None, Some(b)) => self.text = Some(b.clone()),
            _ => {}
        }
        // A property set on one path only is unknown afterwards.
        let keys: Vec<Arc<str>> = self.props.keys().chain(o.props.keys()).cloned().collect();
        for k in keys {
            match (self.props.get(&k).cloned(), o.props.get(&k)) {
                (Some(mut a), Some(b)) => {
                    a.join(b);
                    self.props.insert(k, a);
                }
                _ => {
                    self.props.insert(k, Val::top());
                }
            }
        }
    }
}

pub(crate) fn join_opt(slot: &mut Option<Val>, v: &Val) {
    match slot {
        Some(s) => s.join(v),
        None => *slot = Some(v.clone()),
    }
}

pub(crate) fn join_into(slot: &mut Option<Val>, o: &Option<Val>) {
    if let Some(v) = o {
        join_opt(slot, v);
    }
}

/// What a taken branch proves about a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fact {
    /// The value is one of these.
    pub cst: Option<Csts>,
    /// The value is none of these.
    pub not: SmallVec<[C; 1]>,
    pub clean: Kinds,
    pub deny: u128,
    pub allow: u128,
    pub flags: u8,
    pub num: bool,
    pub ty: Option<G>,
}

impl Default for Fact {
    fn default() -> Fact {
        Fact {
            cst: None,
            not: SmallVec::new(),
            clean: Kinds::NONE,
            deny: 0,
            allow: u128::MAX,
            flags: 0,
            num: false,
            ty: None,
        }
    }
}

impl Fact {
    pub fn clean(kinds: Kinds) -> Fact {
        Fact { clean: kinds, ..Fact::default() }
    }
    pub fn is_empty(&self) -> bool {
        *self == Fact::default()
    }
    /// Both hold.
    pub fn and(&mut self, o: &Fact) {
        if o.cst.is_some() {
            self.cst = o.cst.clone();
        }
        self.not.extend(o.not.iter().cloned());
        self.clean = self.clean.or(o.clean);
        self.deny |= o.deny;
        self.allow &= o.allow;
        self.flags |= o.flags;
        self.num |= o.num;
        self.ty = o.ty.or(self.ty);
    }
    /// One of them holds.
    pub fn or(&mut self, o: &Fact) {
        self.cst = match (self.cst.take(), &o.cst) {
            (Some(mut a), Some(b)) => {
                a.join(b);
                Some(a)
            }
            _ => None,
        };
        self.not.retain(|c| o.not.contains(c));
        self.clean = self.clean.and(o.clean);
        self.deny &= o.deny;
        self.allow |= o.allow;
        self.flags &= o.flags;
        self.num &= o.num;
        if self.ty != o.ty {
            self.ty = None;
        }
    }
    pub fn apply(&self, v: &mut Val) {
        if let Some(c) = &self.cst {
            match (&v.cst, c) {
                (Csts::Top, c) => v.cst = c.clone(),
                (Csts::Set(have), Csts::Set(want)) => {
                    let both: SmallVec<[C; 1]> = have.iter().filter(|h| want.contains(h)).cloned().collect();
                    if !both.is_empty() {
                        v.cst = Csts::Set(both);
                    }
                }
                _ => {}
            }
            if v.shapes.len() == 1 && v.ident.is_none() {
                v.shapes.clear();
            }
        }
        if !self.not.is_empty()
            && let Csts::Set(have) = &v.cst
        {
            let left: SmallVec<[C; 1]> = have.iter().filter(|h| !self.not.contains(h)).cloned().collect();
            if !left.is_empty() {
                v.cst = Csts::Set(left);
            }
        }
        let hits = |t: &mut crate::val::Taint| {
            t.clean = t.clean.or(self.clean);
            t.deny |= self.deny;
            t.allow &= self.allow;
            t.flags |= self.flags & !tflag::NORMAL;
        };
        v.taint.iter_mut().for_each(hits);
        if !v.shapes.is_empty()
            && (self.deny != 0 || self.allow != u128::MAX || !self.clean.is_empty() || self.flags != 0)
        {
            for s in &mut v.shapes {
                if s.iter().any(|f| matches!(f, crate::val::SFrag::Hole(h) if !h.taint.is_empty())) {
                    let frags = Arc::make_mut(s);
                    for f in frags {
                        if let crate::val::SFrag::Hole(h) = f {
                            Arc::make_mut(h).taint.iter_mut().for_each(hits);
                        }
                    }
                }
            }
        }
        v.num |= self.num;
        if let Some(t) = self.ty
            && !v.tys.contains(&t)
        {
            v.tys = SmallVec::from_slice(&[t]);
            v.exact = false;
        }
    }
}

/// Flow-sensitive state at a point.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct State {
    pub heap: Map<ObjId, Arc<Obj>>,
    pub refine: Map<ValueId, Fact>,
    pub globals: Map<(G, G), Val>,
    /// Parameters that decided undecided branches on the way here.
    pub ctl: u64,
}

impl State {
    /// Joins `o` into `self`; true when something changed.
    pub fn join(&mut self, o: &State, widen: bool) -> bool {
        let mut changed = self.join_heap(o, widen);
        if !self.refine.same(&o.refine) && !self.refine.is_empty() {
            let before = self.refine.len();
            let mut other = false;
            let mine = self.refine.edit();
            mine.retain(|v, _| o.refine.contains_key(v));
            for (v, f) in mine.iter_mut() {
                let theirs = &o.refine[v];
                if f != theirs {
                    let old = f.clone();
                    f.or(theirs);
                    other |= *f != old;
                }
            }
            changed |= other || self.refine.len() != before;
        }
        if !self.globals.same(&o.globals) && !self.globals.is_empty() {
            let before = self.globals.len();
            let mut other = false;
            let mine = self.globals.edit();
            mine.retain(|k, _| o.globals.contains_key(k));
            for (k, v) in mine.iter_mut() {
                let theirs = &o.globals[k];
                if v != theirs {
                    let old = v.clone();
                    v.join(theirs);
                    if *v != old {
                        if widen {
                            v.widen();
                        }
                        other = true;
                    }
                }
            }
            changed |= other || self.globals.len() != before;
        }
        if self.ctl | o.ctl != self.ctl {
            self.ctl |= o.ctl;
            changed = true;
        }
        changed
    }

    fn join_heap(&mut self, o: &State, widen: bool) -> bool {
        if self.heap.same(&o.heap) {
            return false;
        }
        let differs = |id: &ObjId, obj: &Arc<Obj>| match self.heap.get(id) {
            None => true,
            Some(mine) => !Arc::ptr_eq(mine, obj) && **mine != **obj,
        };
        let news: Vec<ObjId> = o.heap.iter().filter(|(id, obj)| differs(id, obj)).map(|(id, _)| *id).collect();
        if news.is_empty() {
            return false;
        }
        let mut changed = false;
        let heap = self.heap.edit();
        for id in news {
            let obj = &o.heap[&id];
            match heap.get_mut(&id) {
                None => {
                    heap.insert(id, obj.clone());
                    changed = true;
                }
                Some(mine) => {
                    let mut joined = (**mine).clone();
                    joined.join(obj);
                    if widen && joined != **mine {
                        joined.smash();
                        if let Some(t) = &mut joined.text {
                            t.widen();
                        }
                        joined.rest.iter_mut().for_each(Val::widen);
                        joined.fields.iter_mut().for_each(|(_, v)| v.widen());
                    }
                    if joined != **mine {
                        *mine = Arc::new(joined);
                        changed = true;
                    }
                }
            }
        }
        changed
    }
}
