//! Calls of code that is not followed: what is given may flow to the result.

use crate::call::{A, Binding};
use crate::heap::{ObjKind, State};
use crate::interp::Frame;
use crate::names::G;
use crate::val::{ObjId, Val};
use crate::{Crumbs, FnRef, StepKind};
use rustc_hash::FxHashSet;
use std::collections::VecDeque;
use surefix_ir::{FnId, ParamKind, ValueId};
use surefix_text::FileId;

/// Objects whose content counts as content of the object that refers to them.
const MAX_DEEP: usize = 40;

impl Frame<'_, '_> {
    /// A project function that is not followed: what is given may flow to the result.
    pub fn opaque(&mut self, st: &State, v: ValueId, b: &Binding) -> Val {
        self.given(st, v, b.actual.iter().flatten())
    }

    /// What a call that is not followed may make of the values it is given.
    fn given<'v>(&mut self, st: &State, v: ValueId, values: impl Iterator<Item = &'v Val>) -> Val {
        let mut out = Val::top();
        let at = self.place(v);
        for x in values {
            let deep = self.deep(st, x);
            out.absorb(&deep, Crumbs::UNKNOWN_CALLEE);
        }
        for t in &mut out.taint {
            t.trace = t.trace.step(at, StepKind::Through, G::EMPTY);
            t.flags = 0;
        }
        out
    }

    /// A callee that neither the project nor a model defines: everything given flows to the result.
    pub fn unknown_call(&mut self, st: &mut State, v: ValueId, recv: Option<&Val>, args: &[A]) -> Val {
        let mut out = self.given(st, v, recv.into_iter().chain(args.iter().map(|a| &a.val)));
        // Functions handed to unknown code may be called with anything.
        for a in args {
            for r in a.val.refs.clone() {
                if let Some(o) = st.heap.get(&r).cloned()
                    && let ObjKind::Closure(id, file) = o.kind
                {
                    let f = FnRef { file: FileId(file), id: FnId(id.0) };
                    let n = self.eng.link.func(f).params.iter().filter(|p| p.kind == ParamKind::Normal).count();
                    let mut elem = Val::top();
                    if let Some(r) = recv {
                        let d = self.deep(st, r);
                        elem.absorb(&d, Crumbs::UNKNOWN_CALLEE);
                    }
                    let fake: Vec<A> =
                        (0..n).map(|i| A { id: v, val: elem.clone(), kw: G::EMPTY, spread: 0, index: i }).collect();
                    let caps = o.elems.clone().unwrap_or_default();
                    let mut scratch = st.clone();
                    if let Some(x) = self.call_closure(&mut scratch, v, f, &fake, caps) {
                        out.absorb(&x, Crumbs::UNKNOWN_CALLEE);
                    }
                }
            }
        }
        out
    }

    /// The value with the taint of everything reachable from it, nearest first.
    pub fn deep(&mut self, st: &State, x: &Val) -> Val {
        let mut out = Val::top();
        out.taint = x.taint.clone();
        out.deps = x.deps;
        let mut seen: FxHashSet<ObjId> = FxHashSet::default();
        let mut todo: VecDeque<(ObjId, u32)> = x.refs.iter().map(|r| (*r, 0)).collect();
        while let Some((id, depth)) = todo.pop_front() {
            if seen.len() >= MAX_DEEP || !seen.insert(id) {
                continue;
            }
            let Some(o) = st.heap.get(&id) else { continue };
            self.work += 1;
            let parts = o.elems.iter().flatten().chain(o.entries.iter().flat_map(|e| e.values()));
            for e in parts.chain(&o.rest).chain(&o.text).chain(&o.keys).chain(o.fields.values()) {
                out.absorb(e, Crumbs::default());
                if depth < 3 {
                    todo.extend(e.refs.iter().filter(|r| !seen.contains(r)).map(|r| (*r, depth + 1)));
                }
            }
        }
        out
    }
}
