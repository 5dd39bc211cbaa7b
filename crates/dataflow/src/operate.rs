//! Literal collections, names and text: operations of one instruction.

use crate::heap::{Obj, ObjKind, Site, State, join_opt};
use crate::interp::{Frame, MAX_ELEMS};
use crate::names::{Entity, G};
use crate::summary::Snap;
use crate::val::{C, Csts, SFrag, SHole, SShape, Shapes, Src, Val, concat_shapes, shape_text};
use crate::{Crumbs, StepKind};
use litemap::LiteMap;
use smallvec::SmallVec;
use std::collections::BTreeSet;
use std::sync::Arc;
use surefix_ir::{AggKind, Lang, Op, ParamKind, Sym, ValueId};

impl Frame<'_, '_> {
    pub fn aggregate(&mut self, st: &mut State, v: ValueId, kind: AggKind, items: &[surefix_ir::Item]) -> Val {
        let mut o;
        if kind == AggKind::Dict {
            o = Obj::map(true);
            for it in items {
                let x = self.get(st, it.value);
                if it.spread {
                    for r in &x.refs {
                        if let Some(src) = st.heap.get(r).cloned() {
                            if let (Some(e), Some(m)) = (&src.entries, &mut o.entries) {
                                m.extend(e.clone());
                            }
                            crate::heap::join_into(&mut o.rest, &src.rest);
                            crate::heap::join_into(&mut o.keys, &src.keys);
                        }
                    }
                    if x.refs.is_empty() {
                        join_opt(&mut o.rest, &x);
                    }
                    continue;
                }
                let k = it.key.map(|k| self.get(st, k)).unwrap_or_else(Val::top);
                match k.cst.single() {
                    Some(c) => {
                        if let Some(m) = &mut o.entries {
                            m.insert(c.clone(), x);
                        }
                    }
                    None => {
                        join_opt(&mut o.rest, &x);
                        join_opt(&mut o.keys, &k);
                    }
                }
            }
        } else {
            let looped = kind == AggKind::Generator || self.in_comprehension(items, v);
            let mut elems = Vec::new();
            let mut exact = !looped && items.len() <= MAX_ELEMS;
            let mut rest = None;
            for it in items {
                let x = self.get(st, it.value);
                if it.spread {
                    match x.refs.first().and_then(|r| st.heap.get(r)).and_then(|o| o.elems.clone()) {
                        Some(e) if x.refs.len() == 1 => elems.extend(e),
                        _ => {
                            exact = false;
                            let any = self.element_of(st, v, it.value, &x);
                            join_opt(&mut rest, &any);
                        }
                    }
                } else {
                    elems.push(x);
                }
            }
            if exact {
                o = Obj::seq(elems, true);
            } else {
                o = Obj::new(ObjKind::Seq, true);
                elems.iter().for_each(|e| join_opt(&mut rest, e));
                o.rest = rest;
            }
        }
        let name = match kind {
            AggKind::Array => "[]",
            AggKind::List => "list",
            AggKind::Tuple => "tuple",
            AggKind::Set => "set",
            AggKind::Dict => "dict",
            AggKind::Generator => "generator",
        };
        let mut val = self.alloc(st, v, 0, o);
        if let Some(t) = self.eng.link.find(name) {
            val.tys.push(t);
            val.exact = true;
        }
        val
    }

    /// True when an aggregate's elements were computed in a loop before it (a comprehension).
    fn in_comprehension(&self, items: &[surefix_ir::Item], v: ValueId) -> bool {
        items.len() == 1 && {
            let inner = self.func.instr(items[0].value).span;
            let outer = self.func.instr(v).span;
            // A one-element display ends right behind its element; a comprehension goes on with `for`.
            let phi = matches!(self.func.instr(items[0].value).op, Op::Phi(_));
            phi || self
                .func
                .instrs
                .iter()
                .any(|i| matches!(i.op, Op::IterNext(_)) && outer.contains(i.span) && !inner.contains(i.span))
        }
    }

    /// Resolves a name that is no local.
    pub fn load_name(&mut self, st: &mut State, v: ValueId, name: Sym) -> Val {
        let e = self.eng.link.name(self.f, name);
        self.entity_val(st, v, &e)
    }

    pub fn entity_val(&mut self, st: &mut State, v: ValueId, e: &Entity) -> Val {
        match e {
            Entity::Class(g) => Val::cst(C::Class(*g)),
            Entity::Func(f) => Val::cst(C::Func(*f)),
            Entity::Path(g) => self.path_val(st, v, *g),
            Entity::Global(owner, name) => {
                if let Some(x) = st.globals.get(&(*owner, *name)) {
                    return x.clone();
                }
                self.global(st, v, *owner, *name)
            }
            Entity::ThisField(n) => {
                let this = self.this(st);
                self.load_field(st, v, v, &this, *n)
            }
        }
    }

    /// The receiver, following lambdas to the method around them is not needed: they capture `this`.
    pub fn this(&mut self, st: &State) -> Val {
        match self.func.params.first() {
            Some(p) if p.kind == ParamKind::This => {
                let id = self.func.blocks.first().and_then(|b| b.instrs.first().copied());
                id.map_or_else(Val::top, |id| self.get(st, id))
            }
            _ => {
                let mut v = Val::top();
                if let Some(c) = self.func.owner.and_then(|c| self.module.classes.get(c.0 as usize)) {
                    v.tys.push(self.g(c.qualified));
                }
                v
            }
        }
    }

    pub fn store_name(&mut self, st: &mut State, v: ValueId, name: Sym, x: &Val) {
        match self.eng.link.name(self.f, name) {
            Entity::Global(owner, n) => {
                st.globals.insert((owner, n), x.clone());
            }
            Entity::ThisField(n) => {
                let this = self.this(st);
                self.store_field(st, v, &this, n, x);
            }
            _ => {}
        }
    }

    /// A hole for the value `x` produced by instruction `v`.
    pub fn hole(&self, v: ValueId, x: &Val) -> SShape {
        Arc::new(vec![SFrag::Hole(Arc::new(SHole {
            place: self.place(v),
            stmt: self.stmt_span(v),
            func: self.f,
            value: v.0,
            taint: x.taint.clone(),
            ty: x.tys.first().copied(),
            num: x.num,
            ident: x.ident.clone(),
            via: SmallVec::new(),
        }))])
    }

    /// A hole for the value `x` that argument `index` of the call `call` has.
    pub fn hole_at(&self, call: ValueId, v: ValueId, index: Option<usize>, x: &Val) -> SShape {
        let mut shape = self.hole(v, x);
        if let Op::Call(c) = &self.func.instr(call).op
            && let Some(arg) = index.and_then(|i| c.args.get(i))
            && let [SFrag::Hole(h)] = Arc::make_mut(&mut shape).as_mut_slice()
        {
            let h = Arc::make_mut(h);
            h.place.span = arg.span;
            h.stmt = self.stmt_span(call);
        }
        shape
    }

    /// The shapes of an operand, a hole when nothing is known.
    pub fn shapes_of(&self, v: ValueId, x: &Val) -> Shapes {
        if x.cst == Csts::one(C::Null) && self.lang == Lang::Java {
            return Shapes::one(Arc::new(vec![SFrag::Lit { text: "null".into(), at: None }]));
        }
        x.shape_list().unwrap_or_else(|| Shapes::one(self.hole(v, x)))
    }

    /// Text of several parts in order.
    pub fn concat(&mut self, _st: &mut State, v: ValueId, parts: &[(ValueId, Val)]) -> Val {
        let shapes: Vec<_> = parts.iter().map(|(id, x)| self.shapes_of(*id, x)).collect();
        let mut out = Val::top();
        out.shapes = concat_shapes(&shapes);
        self.finish_text(&mut out, parts.iter().map(|p| &p.1));
        let at = self.place(v);
        for t in &mut out.taint {
            t.trace = t.trace.step(at, StepKind::Concat, G::EMPTY);
        }
        if out.shapes.is_empty() && parts.len() > 1 {
            out.taint.iter_mut().for_each(|t| t.crumbs = t.crumbs.or(Crumbs::WIDENED));
        }
        if let Some(t) = self.eng.link.find(if self.lang == Lang::Java { "java.lang.String" } else { "str" }) {
            out.tys.push(t);
        }
        out
    }

    /// Sets constants from shapes and joins the taints of the parts.
    pub fn finish_text<'x>(&self, out: &mut Val, parts: impl Iterator<Item = &'x Val>) {
        for x in parts {
            for t in &x.taint {
                if !x.num || matches!(t.src, Src::Param(..)) {
                    let mut t = t.clone();
                    // Facts about the whole text hold for a part of it only character by character.
                    t.flags &= crate::val::tflag::NO_DOTDOT | crate::val::tflag::SQL_ESCAPED;
                    out.add_taint(&t);
                }
            }
            out.deps |= x.deps;
        }
        let texts: Option<BTreeSet<C>> = out.shapes.iter().map(|s| shape_text(s).map(|t| C::Str(t.into()))).collect();
        if let Some(t) = texts
            && !t.is_empty()
            && t.len() <= 6
        {
            out.cst = Csts::Set(t.into_iter().collect());
        }
    }

    /// Records what is known of an argument now.
    pub fn snap(&self, st: &State, x: &Val) -> Snap {
        let mut s = Snap { val: x.clone(), props: LiteMap::new(), alloc: None, elems: None };
        if x.refs.len() == 1
            && let Some(o) = st.heap.get(&x.refs[0])
        {
            s.props = o.props.clone();
            if let Site::Alloc(v, _) = self.sites[x.refs[0].0 as usize]
                && o.unique
                && (v.0 as usize) < self.func.instrs.len()
            {
                s.alloc = Some(self.place(v));
            }
            s.elems = o.elems.clone();
        } else {
            for (i, r) in x.refs.iter().enumerate() {
                if let Some(o) = st.heap.get(r) {
                    for (k, p) in &o.props {
                        match s.props.get_mut(k) {
                            Some(v) => v.join(p),
                            None if i == 0 => {
                                s.props.insert(k.clone(), p.clone());
                            }
                            None => {
                                s.props.insert(k.clone(), Val::top());
                            }
                        }
                    }
                }
            }
        }
        s
    }
}
