//! Reads and writes of fields, elements and globals.

use crate::heap::{Obj, ObjKind, Site, State, join_opt};
use crate::interp::{Frame, MAX_ELEMS};
use crate::names::{Entity, G};
use crate::summary::GlobalFact;
use crate::val::{C, Csts, SFrag, Step, Val, tflag};
use crate::{Crumbs, FnRef};
use smallvec::smallvec;
use std::sync::Arc;
use surefix_ir::{Lang, Op, ValueId};

/// Properties inside properties that are followed.
const MAX_PROPERTIES: u8 = 3;

impl Frame<'_, '_> {
    /// The value of a library path: a module, class, function, or an attribute with a model row.
    pub fn path_val(&mut self, st: &mut State, v: ValueId, g: G) -> Val {
        match self.eng.link.str(g) {
            "java.lang.Boolean.TRUE" => return Val::bool(true),
            "java.lang.Boolean.FALSE" => return Val::bool(false),
            _ => {}
        }
        let mut val = Val::cst(C::Path(g));
        if let Some(rows) = self.eng.link.rows_of(self.lang, g) {
            let attribute = rows.iter().any(|r| {
                use surefix_models::{Base, Fact};
                match &r.fact {
                    Fact::Source { out, .. } => out.base == Base::Ret,
                    Fact::Returns(_) => true,
                    _ => false,
                }
            });
            // Functions stay callable paths: their rows apply at the call.
            if attribute && self.lang == Lang::Python && !self.is_called(v) {
                val = Val::top();
                self.attribute_rows(st, v, g, rows, None, &mut val);
            } else if attribute
                && self.lang == Lang::Java
                && matches!(self.func.instr(v).op, Op::LoadField(..) | Op::LoadName(_))
            {
                let mut typed = Val::top();
                self.attribute_rows(st, v, g, rows, None, &mut typed);
                val.tys = typed.tys;
            }
        }
        val
    }

    /// True when the value of `v` is only used as what a call calls.
    fn is_called(&self, v: ValueId) -> bool {
        self.func.instrs.iter().any(|i| match &i.op {
            Op::Call(c) => matches!(c.callee, surefix_ir::Callee::Value(f) if f == v),
            _ => false,
        })
    }

    pub fn load_field(&mut self, st: &mut State, v: ValueId, base_id: ValueId, base: &Val, name: G) -> Val {
        let link = self.eng.link;
        let mut out: Option<Val> = None;
        // Members of modules and classes.
        if let Csts::Set(cs) = &base.cst {
            for c in cs.clone() {
                let x = match c {
                    C::Path(p) => match link.join(p, name) {
                        Some(g) => {
                            let e = link.entity(g);
                            self.entity_val(st, v, &e)
                        }
                        None => {
                            let mut x = Val::top();
                            x.absorb(base, Crumbs::default());
                            x
                        }
                    },
                    C::Class(q) => {
                        if let Some(x) = st.globals.get(&(q, name)).cloned() {
                            x
                        } else if let Some((decl, _)) = link.field(q, name) {
                            self.global(st, v, decl, name)
                        } else if let Some(f) = link.methods(q, name).first() {
                            Val::cst(C::Func(*f))
                        } else if let Some(g) = link.join(q, name).filter(|g| link.classes.contains_key(g)) {
                            Val::cst(C::Class(g))
                        } else if self.lang == Lang::Python
                            && let Some((decl, rows)) = link.rows(self.lang, q, name)
                        {
                            // An attribute that a library's base class gives: `objects` of a Django model.
                            let g = link.join(decl, name).unwrap_or(name);
                            let mut x = Val::top();
                            self.attribute_rows(st, v, g, rows, None, &mut x);
                            x
                        } else {
                            Val::top()
                        }
                    }
                    C::Null => continue,
                    _ => Val::top(),
                };
                join_opt(&mut out, &x);
            }
        }
        let n = link.str(name);
        if n == "length" && self.lang == Lang::Java {
            let mut x = Val::number().with_deps(base.deps);
            if let [r] = base.refs.as_slice()
                && let Some(o) = st.heap.get(r)
                && let Some(e) = &o.elems
            {
                x = Val::int(e.len() as i64);
            }
            return x;
        }
        for r in base.refs.clone() {
            let Some(o) = st.heap.get(&r).cloned() else { continue };
            if let Some(x) = o.fields.get(&name) {
                join_opt(&mut out, x);
                continue;
            }
            let ty = o.ty.or(base.tys.first().copied());
            let fty = ty.and_then(|t| link.field_type(t, name));
            let mut x = if let Some(sym) = &o.sym {
                let mut x = self.sym_part(st, sym, Step::Field(name), fty);
                // What the whole program stores in that field narrows the symbolic value.
                if let Some(t) = ty
                    && let Some(known) = self.field_fact(st, t, name)
                {
                    if known.cst != Csts::Top {
                        x.cst = known.cst.clone();
                        x.shapes = known.shapes.clone();
                        x.deps = 0;
                        x.ident = None;
                    }
                    if x.tys.is_empty() || known.exact {
                        x.tys = known.tys.clone();
                        x.exact = known.exact;
                    }
                }
                let mut no = (**st.heap.get(&r).unwrap_or(&o)).clone();
                no.fields.insert(name, x.clone());
                st.heap.insert(r, Arc::new(no));
                x
            } else {
                fty.map_or_else(Val::top, Val::typed)
            };
            if let Some(rest) = &o.rest {
                x.absorb(rest, Crumbs::default());
            }
            join_opt(&mut out, &x);
        }
        // Attributes with model rows, properties of project classes.
        let mut seen_rows = false;
        for t in base.tys.clone() {
            if let Some((decl, rows)) = link.rows(self.lang, t, name) {
                let g = link.join(decl, name).unwrap_or(name);
                let mut x = if self.lang == Lang::Python { Val::top() } else { out.take().unwrap_or_else(Val::top) };
                self.attribute_rows(st, v, g, rows, Some(base), &mut x);
                if self.lang == Lang::Python {
                    if seen_rows { join_opt(&mut out, &x) } else { out = Some(x) }
                } else {
                    out = Some(x);
                }
                seen_rows = true;
            } else if let Some(f) = link.methods(t, name).first().copied()
                && link.func(f).is(surefix_ir::flags::PROPERTY)
            {
                // A property of a tree asks its children for the same property, without end.
                let x = if self.properties < MAX_PROPERTIES {
                    self.properties += 1;
                    let x = self.call_project(st, v, f, vec![base.clone()], &[]);
                    self.properties -= 1;
                    x.unwrap_or_else(Val::top)
                } else {
                    let mut x = Val::top();
                    x.absorb(base, Crumbs::WIDENED);
                    x
                };
                out = Some(x);
                seen_rows = true;
            } else if self.lang == Lang::Python
                && !link.classes.contains_key(&t)
                && let Some(dynamic) = link.find("__getattr__")
                && let Some((decl, rows)) = link.rows(self.lang, t, dynamic)
            {
                // A class that makes its attributes up says with one row what they are.
                let g = link.join(decl, dynamic).unwrap_or(dynamic);
                let mut x = Val::top();
                self.attribute_rows(st, v, g, rows, Some(base), &mut x);
                if seen_rows {
                    join_opt(&mut out, &x)
                } else {
                    out = Some(x)
                }
                seen_rows = true;
            } else if out.as_ref().is_none_or(|o| o.ident.is_some())
                && let Some((decl, fl)) = link.field(t, name)
                && fl.is_static
            {
                let x = self.global(st, v, decl, name);
                if x.cst != Csts::Top || !x.refs.is_empty() || !x.tys.is_empty() {
                    out = Some(x);
                }
            }
        }
        let mut out = out.unwrap_or_else(|| {
            let mut x = Val::top();
            // A part of an opaque tainted value is as tainted.
            self.absorb_part(&mut x, base);
            x
        });
        if base.refs.is_empty() && !seen_rows && base.cst == Csts::Top {
            self.absorb_part(&mut out, base);
        }
        let _ = base_id;
        out
    }

    pub fn store_field(&mut self, st: &mut State, v: ValueId, base: &Val, name: G, x: &Val) {
        if let Csts::Set(cs) = &base.cst {
            for c in cs {
                if let C::Class(q) | C::Path(q) = c {
                    st.globals.insert((*q, name), x.clone());
                }
            }
        }
        let strong = base.refs.len() == 1;
        for r in &base.refs {
            if let Some(o) = st.heap.get(r) {
                let mut o = (**o).clone();
                o.dirty = true;
                if strong && o.unique {
                    o.fields.insert(name, x.clone());
                } else {
                    match o.fields.get_mut(&name) {
                        Some(old) => old.join(x),
                        None => {
                            o.fields.insert(name, x.clone());
                        }
                    }
                }
                o.props.insert(format!(".{}", self.eng.link.str(name)).into(), x.clone());
                st.heap.insert(*r, Arc::new(o));
            }
        }
        self.store_rows(st, v, base, name, x);
    }

    /// Any element of a collection.
    pub fn element_of(&mut self, st: &mut State, v: ValueId, base_id: ValueId, base: &Val) -> Val {
        let mut out: Option<Val> = None;
        for r in base.refs.clone() {
            let Some(o) = st.heap.get(&r).cloned() else { continue };
            match (&o.sym, o.any_elem()) {
                (Some(sym), e) if o.elems.is_none() && o.entries.is_none() => {
                    let mut x = self.sym_part(st, sym, Step::Elem, None);
                    if let Some(e) = e {
                        x.join(&e);
                    }
                    join_opt(&mut out, &x);
                }
                (_, Some(e)) => join_opt(&mut out, &e),
                (_, None) => {}
            }
        }
        let mut x = out.unwrap_or_else(Val::top);
        if base.refs.is_empty() {
            x.absorb(base, Crumbs::default());
            if base.as_str().is_some()
                || base.tys.iter().any(|t| matches!(self.eng.link.str(*t), "str" | "java.lang.String"))
                || !base.shapes.is_empty()
            {
                x.taint.iter_mut().for_each(|t| t.flags |= tflag::ONE_CHAR);
            }
        }
        let _ = (v, base_id);
        x
    }

    pub fn iterate(&mut self, st: &mut State, v: ValueId, base_id: ValueId, base: &Val) -> Val {
        // Iterating a map gives its keys.
        let mut keys: Option<Val> = None;
        for r in &base.refs {
            if let Some(o) = st.heap.get(r)
                && (o.kind == ObjKind::Map)
                && let Some(k) = o.any_key()
            {
                join_opt(&mut keys, &k);
            }
        }
        if let Some(k) = keys
            && self.lang == Lang::Python
        {
            return k;
        }
        if let Some(s) = base.as_str() {
            let mut x = Val::top();
            let set: smallvec::SmallVec<[C; 1]> = {
                let mut cs: Vec<C> = s.chars().map(|c| C::Str(c.to_string().into())).collect();
                cs.sort();
                cs.dedup();
                cs.into_iter().collect()
            };
            if set.len() <= 6 {
                x.cst = Csts::Set(set);
            }
            return x;
        }
        self.element_of(st, v, base_id, base)
    }

    pub fn load_index(&mut self, st: &mut State, v: ValueId, base_id: ValueId, base: &Val, key: &Val) -> Val {
        self.relevant |= key.deps;
        let mut out: Option<Val> = None;
        for r in base.refs.clone() {
            let Some(o) = st.heap.get(&r).cloned() else { continue };
            let x = self.obj_get(st, r, &o, key);
            join_opt(&mut out, &x);
        }
        // Subscripts with model rows (`request.args["x"]`, `environ["X"]`).
        if let Some(get) = self.eng.link.find("__getitem__") {
            for t in base.tys.clone() {
                if let Some((decl, rows)) = self.eng.link.rows(self.lang, t, get) {
                    let g = self.eng.link.join(decl, get).unwrap_or(get);
                    let mut x = Val::top();
                    self.attribute_rows(st, v, g, rows, Some(base), &mut x);
                    join_opt(&mut out, &x);
                }
            }
        }
        if let (Some(s), Some(i)) = (base.as_str(), key.as_int()) {
            let n = s.chars().count() as i64;
            let at = if i < 0 { i + n } else { i };
            if let Some(c) = usize::try_from(at).ok().and_then(|i| s.chars().nth(i)) {
                return Val::str(&c.to_string()).with_deps(base.deps | key.deps);
            }
        }
        let mut x = out.unwrap_or_else(|| {
            let mut x = Val::top();
            x.absorb(base, Crumbs::default());
            x
        });
        if base.refs.is_empty() {
            x.absorb(base, Crumbs::default());
        }
        let _ = base_id;
        x
    }

    fn obj_get(&mut self, st: &mut State, r: crate::val::ObjId, o: &Arc<Obj>, key: &Val) -> Val {
        if let Some(elems) = &o.elems {
            if let Some(i) = key.as_int() {
                let n = elems.len() as i64;
                let at = if i < 0 && self.lang == Lang::Python { i + n } else { i };
                return usize::try_from(at)
                    .ok()
                    .and_then(|i| elems.get(i))
                    .cloned()
                    .unwrap_or_else(|| Val::cst(C::Null));
            }
            return o.any_elem().unwrap_or_else(Val::top);
        }
        if let Some(entries) = &o.entries {
            match key.cst.single() {
                Some(c) => {
                    if let Some(x) = entries.get(c) {
                        let mut x = x.clone();
                        // A write under an unknown key may have hit this one.
                        if o.keys.is_some()
                            && let Some(rest) = &o.rest
                        {
                            x.join(rest);
                        }
                        return x;
                    }
                    let mut x = o.rest.clone();
                    if let Some(sym) = &o.sym {
                        let s = self.sym_part(st, sym, Step::Key(c.clone()), None);
                        join_opt(&mut x, &s);
                    }
                    return x.unwrap_or_else(|| Val::cst(C::Null));
                }
                None => {
                    let mut x = o.any_elem();
                    if let Some(sym) = &o.sym {
                        let s = self.sym_part(st, sym, Step::Elem, None);
                        join_opt(&mut x, &s);
                    }
                    return x.unwrap_or_else(Val::top);
                }
            }
        }
        if let Some(sym) = &o.sym {
            let step = match key.cst.single() {
                Some(C::Int(i)) if (0..64).contains(i) => Step::Idx(*i as u32),
                Some(c) => Step::Key(c.clone()),
                None => Step::Elem,
            };
            let mut x = self.sym_part(st, sym, step, None);
            if let Some(rest) = &o.rest {
                x.join(rest);
                x.absorb(rest, Crumbs::default());
            }
            let _ = r;
            return x;
        }
        o.any_elem().unwrap_or_else(Val::top)
    }

    pub fn store_index(&mut self, st: &mut State, v: ValueId, base: &Val, key: &Val, x: &Val) {
        let strong = base.refs.len() == 1;
        for r in &base.refs {
            let Some(o) = st.heap.get(r) else { continue };
            let mut o = (**o).clone();
            o.dirty = true;
            let sure = strong && o.unique;
            if o.sym.is_some() && o.elems.is_none() && o.entries.is_none() {
                o.kind = ObjKind::Map;
                o.entries = Some(Default::default());
            }
            if o.elems.is_some() {
                let n = o.elems.as_ref().map_or(0, Vec::len) as i64;
                match key.as_int().map(|i| if i < 0 { i + n } else { i }) {
                    Some(i) if (0..n).contains(&i) => {
                        if let Some(slot) = o.elems.as_mut().and_then(|e| e.get_mut(i as usize)) {
                            if sure { *slot = x.clone() } else { slot.join(x) }
                        }
                    }
                    _ => {
                        o.smash();
                        join_opt(&mut o.rest, x);
                    }
                }
            } else if let (Some(entries), Some(c)) = (&mut o.entries, key.cst.single()) {
                match entries.get_mut(c) {
                    Some(slot) if !sure => slot.join(x),
                    _ => {
                        if entries.len() < 200 {
                            entries.insert(c.clone(), x.clone());
                        } else {
                            o.smash();
                            join_opt(&mut o.rest, x);
                        }
                    }
                }
            } else {
                join_opt(&mut o.rest, x);
                if o.kind == ObjKind::Map {
                    join_opt(&mut o.keys, key);
                }
            }
            st.heap.insert(*r, Arc::new(o));
        }
        let set = self.eng.link.find("__setitem__");
        if let Some(set) = set {
            self.store_rows_index(st, v, base, set, key, x);
        }
    }

    pub fn delete_index(&mut self, st: &mut State, base: &Val, key: &Val) {
        let strong = base.refs.len() == 1;
        for r in &base.refs {
            let Some(o) = st.heap.get(r) else { continue };
            let mut o = (**o).clone();
            o.dirty = true;
            match (&mut o.elems, &mut o.entries, key.cst.single()) {
                (Some(e), _, Some(C::Int(i))) if strong && *i >= 0 && (*i as usize) < e.len() => {
                    e.remove(*i as usize);
                }
                (_, Some(m), Some(c)) if strong => {
                    m.remove(c);
                }
                _ => o.smash(),
            }
            st.heap.insert(*r, Arc::new(o));
        }
    }

    pub fn slice(
        &mut self,
        st: &mut State,
        v: ValueId,
        base_id: ValueId,
        base: &Val,
        bounds: &[Option<Val>; 3],
    ) -> Val {
        for b in bounds.iter().flatten() {
            self.relevant |= b.deps;
        }
        let ints: Vec<Option<Option<i64>>> = bounds.iter().map(|b| b.as_ref().map(|b| b.as_int())).collect();
        let known = ints.iter().all(|i| *i != Some(None)) && ints[2].is_none();
        let range = |n: i64| -> (usize, usize) {
            let fix = |i: i64| (if i < 0 { i + n } else { i }).clamp(0, n);
            let lo = fix(ints[0].flatten().unwrap_or(0));
            let hi = ints[1].map_or(n, |h| fix(h.unwrap_or(n)));
            (lo as usize, hi.max(lo) as usize)
        };
        if let Some(s) = base.as_str().filter(|_| known) {
            let chars: Vec<char> = s.chars().collect();
            let (lo, hi) = range(chars.len() as i64);
            return Val::str(&chars[lo..hi].iter().collect::<String>()).with_deps(base.deps);
        }
        if let [r] = base.refs.as_slice()
            && let Some(o) = st.heap.get(r).cloned()
        {
            let mut n = Obj::new(ObjKind::Seq, true);
            match (&o.elems, known) {
                (Some(e), true) => {
                    let (lo, hi) = range(e.len() as i64);
                    n.elems = Some(e[lo..hi].to_vec());
                }
                _ => n.rest = Some(self.element_of(st, v, base_id, base)),
            }
            let mut out = self.alloc(st, v, 0, n);
            out.tys = base.tys.clone();
            if o.sym.is_some() {
                out.absorb(base, Crumbs::default());
            }
            return out;
        }
        self.substring_val(v, base_id, base)
    }

    /// A part of a text: still tainted, shape no longer known beyond being one hole.
    pub fn substring_val(&self, _v: ValueId, _base_id: ValueId, base: &Val) -> Val {
        let mut out = Val::top();
        out.tys = base.tys.clone();
        out.taint = base.taint.clone();
        for t in &mut out.taint {
            t.flags &= tflag::NO_DOTDOT;
        }
        out.deps = base.deps;
        out
    }

    pub fn enter(&mut self, st: &mut State, v: ValueId, a: ValueId) -> Val {
        let x = self.get(st, a);
        if self.lang == Lang::Python
            && let Some(enter) = self.eng.link.find("__enter__")
        {
            for t in x.tys.clone() {
                if let Some((decl, rows)) = self.eng.link.rows(self.lang, t, enter) {
                    let g = self.eng.link.join(decl, enter).unwrap_or(enter);
                    let mut out = Val::top();
                    self.attribute_rows(st, v, g, rows, Some(&x), &mut out);
                    return out;
                }
                if let Some(f) = self.eng.link.methods(t, enter).first().copied() {
                    return self.call_project(st, v, f, vec![x], &[]).unwrap_or_else(Val::top);
                }
            }
        }
        x
    }

    /// The value of a global as far as the whole program fixes it.
    pub fn global(&mut self, st: &mut State, v: ValueId, owner: G, name: G) -> Val {
        let link = self.eng.link;
        let mut x = match self.field_fact(st, owner, name) {
            Some(x) => x,
            None => Val::top(),
        };
        if x.tys.is_empty()
            && let Some(t) = link.field_type(owner, name)
        {
            x.tys = smallvec![t];
        }
        if let Some(g) = link.join(owner, name)
            && let Some(rows) = link.rows_of(self.lang, g)
        {
            self.attribute_rows(st, v, g, rows, None, &mut x);
        }
        x
    }

    /// What the program's initialisers store in a field or global: constants, types and collections that no other
    /// code changes. Computed once per name, without knowledge of callers.
    pub fn field_fact(&mut self, st: &mut State, owner: G, name: G) -> Option<Val> {
        self.globals_asked.insert((owner, name));
        let global = self.eng.global(owner, name);
        // Who writes it must come later in the order, or the two would wait for each other.
        if global.first? <= self.eng.order.rank(self.f) {
            return None;
        }
        let fact = global.facts.get(self.round as usize)?;
        let fact = fact.get_or_init(|| self.compute_field(owner, name, &global.writers));
        let mut val = fact.val.clone()?;
        // Give the object of the initialiser a place in this run.
        if let Some(o) = &fact.object {
            let id = self.site(Site::Global(owner, name));
            if !st.heap.contains_key(&id) {
                let mut o = (**o).clone();
                o.dirty = false;
                st.heap.insert(id, Arc::new(o));
            }
            val.refs = smallvec![id];
        }
        Some(val)
    }

    fn compute_field(&self, owner: G, name: G, writers: &[FnRef]) -> GlobalFact {
        let link = self.eng.link;
        let mut out: Option<Val> = None;
        let mut heap = Vec::new();
        for w in writers {
            let func = link.func(*w);
            let s = self.eng.summary(*w, self.round, Arc::new(Vec::new()));
            let mut found: Option<Val> = None;
            for ((o, n), x) in s.globals.iter() {
                if *n == name && (*o == owner || link.is_subtype(*o, owner) || link.is_subtype(owner, *o)) {
                    join_opt(&mut found, x);
                }
            }
            for (i, site) in s.sites.iter().enumerate() {
                if *site == Site::Param(0, Default::default())
                    && let Some(o) = s.heap.get(&crate::val::ObjId(i as u32))
                    && o.dirty
                    && let Some(x) = o.fields.get(&name)
                {
                    join_opt(&mut found, x);
                }
            }
            let Some(mut x) = found else {
                if func.is(surefix_ir::flags::INITIALISER) || func.is(surefix_ir::flags::CONSTRUCTOR) {
                    continue;
                }
                return GlobalFact::default();
            };
            if x.refs.len() == 1
                && let Some(o) = s.heap.get(&x.refs[0])
                && o.sym.is_none()
                && out.is_none()
                && self.flat(o)
            {
                heap.push(o.clone());
            }
            x.refs.clear();
            x.ident = None;
            if x.deps != 0 {
                x.cst = Csts::Top;
                x.shapes.clear();
            }
            if x.shapes.iter().any(|s| s.iter().any(|f| !matches!(f, SFrag::Lit { .. }))) {
                x.shapes.clear();
            }
            x.deps = 0;
            x.taint.retain(|t| matches!(t.src, crate::val::Src::Real { .. }));
            join_opt(&mut out, &x);
        }
        let mutated = (heap.len() == 1).then(|| link.mutated(name));
        GlobalFact { val: out, object: heap.pop().filter(|_| mutated == Some(false)), mutated }
    }

    /// An object whose parts are plain constants, so that it means the same in every run.
    fn flat(&self, o: &Obj) -> bool {
        let plain = |v: &Val| v.refs.is_empty() && v.deps == 0 && v.ident.is_none();
        o.elems.iter().flatten().all(plain)
            && o.entries.iter().flat_map(|e| e.values()).all(plain)
            && o.rest.iter().all(plain)
            && o.fields.values().all(plain)
            && o.elems.as_ref().is_none_or(|e| e.len() <= MAX_ELEMS)
    }

    /// A part of something opaque. In Python nothing declares what unknown code makes of a value, so its attributes are one more
    /// step into the unknown; in Java the field has a type.
    fn absorb_part(&self, x: &mut Val, of: &Val) {
        match self.lang {
            Lang::Python => x.absorb_part(of),
            Lang::Java => x.absorb(of, Crumbs::default()),
        }
    }

    /// The entity of a value used as a class or function.
    pub fn entity_of(&self, v: &Val) -> Vec<Entity> {
        v.cst
            .all()
            .unwrap_or(&[])
            .iter()
            .filter_map(|c| match c {
                C::Class(g) => Some(Entity::Class(*g)),
                C::Func(f) => Some(Entity::Func(*f)),
                C::Path(g) => Some(Entity::Path(*g)),
                _ => None,
            })
            .collect()
    }
}
