//! Calls: finding the callees, binding arguments, using summaries.

use crate::heap::{Fact, Obj, ObjKind, State, join_opt};
use crate::interp::{Frame, bit};
use crate::names::{Entity, G};
use crate::summary::{Proj, ProjFn};
use crate::val::{C, Csts, ObjId, Src, Val};
use crate::{Crumbs, FnRef};
use litemap::LiteMap;
use std::sync::Arc;
use surefix_ir::{Call, Callee, Lang, ParamKind, ValueId, flags};
use surefix_text::FileId;

/// An evaluated argument.
#[derive(Clone)]
pub(crate) struct A {
    pub id: ValueId,
    pub val: Val,
    /// Keyword, or empty.
    pub kw: G,
    pub spread: u8,
    /// Index in the call's argument list.
    pub index: usize,
}

/// A library call being evaluated.
pub(crate) struct CallIn {
    pub recv: Option<(ValueId, Val)>,
    pub args: Vec<A>,
    pub callee: G,
}

/// More possible callees than this are treated as an unknown callee.
const MAX_CALLEES: usize = 8;
pub(crate) const MAX_EVENTS: usize = 80;
/// Objects of one state beyond which those of callees are not taken over.
pub(crate) const MAX_OBJECTS: usize = 64;
/// Specialised callers around a specialised callee.
const MAX_LEVEL: u8 = 3;
/// Calls that an event is carried outwards.
pub(crate) const MAX_VIA: usize = 12;
/// The same for a call that is only watched.
pub(crate) const MAX_WATCH_VIA: usize = 4;
/// Work in one run of a function (instructions, values put into calls, joined objects); calls beyond are not followed.
const MAX_WORK: u64 = 60_000;
/// Work of the specialised callees that one run may ask for; a quarter of it one level deeper.
const MAX_SPECIAL: u64 = 6_000;

pub(crate) struct Binding {
    pub actual: Vec<Option<Val>>,
    pub ids: Vec<Option<ValueId>>,
}

impl<'a> Frame<'_, 'a> {
    pub fn call(&mut self, st: &mut State, v: ValueId, call: &Call) -> Option<Val> {
        let mut args: Vec<A> = Vec::with_capacity(call.args.len());
        for (index, a) in call.args.iter().enumerate() {
            args.push(A { id: a.value, val: self.get(st, a.value), kw: self.g(a.name), spread: a.spread, index });
        }
        self.expand_spreads(st, &mut args);
        match &call.callee {
            Callee::Method { recv, name } => {
                let r = self.get(st, *recv);
                let n = self.g(*name);
                self.call_method(st, v, (*recv, r), n, args)
            }
            Callee::Name(name) => {
                if self.lang == Lang::Java {
                    let n = self.g(*name);
                    if let Some(out) = self.call_own(st, v, n, &args) {
                        return out;
                    }
                }
                let e = self.eng.link.name(self.f, *name);
                self.call_entity(st, v, &e, args)
            }
            Callee::Value(f) => {
                let fv = self.get(st, *f);
                self.call_value(st, v, &fv, args)
            }
            Callee::Super(name) => {
                let n = self.g(*name);
                let this = self.this(st);
                let q =
                    self.func.owner.and_then(|c| self.module.classes.get(c.0 as usize)).map(|c| self.g(c.qualified));
                for &s in q.map(|q| self.eng.link.supers(q)).unwrap_or_default().iter() {
                    let found = self.pick(self.eng.link.own_methods(s, n).to_vec(), &args, true);
                    if let Some(f) = found.first() {
                        return self.call_args(st, v, *f, Some(this), &args);
                    }
                    if let Some((decl, rows)) = self.eng.link.rows(self.lang, s, n) {
                        let callee = self.eng.link.join(decl, n).unwrap_or(n);
                        return self.lib_call(st, v, rows, CallIn { recv: Some((v, this)), args, callee });
                    }
                }
                Some(Val::top())
            }
            Callee::ThisCtor => {
                let this = self.this(st);
                let q =
                    self.func.owner.and_then(|c| self.module.classes.get(c.0 as usize)).map(|c| self.g(c.qualified))?;
                let init = self.eng.link.find("<init>")?;
                let found: Vec<FnRef> =
                    self.eng.link.own_methods(q, init).iter().copied().filter(|f| *f != self.f).collect();
                let found = self.pick(found, &args, true);
                match found.first() {
                    Some(f) => self.call_args(st, v, *f, Some(this), &args),
                    None => Some(Val::top()),
                }
            }
            Callee::New { ty, body } => {
                let q = match body {
                    Some(c) => self.module.classes.get(c.0 as usize).map(|c| self.g(c.qualified)),
                    None => self.eng.link.ty(self.f.file, ty, self.func.owner),
                };
                let Some(q) = q else { return Some(self.unknown_call(st, v, None, &args)) };
                self.construct(st, v, q, args)
            }
        }
    }

    fn expand_spreads(&mut self, st: &mut State, args: &mut Vec<A>) {
        if args.iter().all(|a| a.spread == 0) {
            return;
        }
        let mut out = Vec::new();
        for a in args.drain(..) {
            let obj = match a.val.refs.as_slice() {
                [r] => st.heap.get(r).cloned(),
                _ => None,
            };
            match (a.spread, obj) {
                (1, Some(o)) if o.elems.is_some() => {
                    for x in o.elems.iter().flatten() {
                        out.push(A { val: x.clone(), spread: 0, ..a.clone() });
                    }
                }
                (2, Some(o)) if o.entries.is_some() => {
                    for (k, x) in o.entries.iter().flatten() {
                        if let C::Str(s) = k
                            && let Some(kw) = self.eng.link.find(s)
                        {
                            out.push(A { val: x.clone(), spread: 0, kw, ..a.clone() });
                        }
                    }
                }
                _ => out.push(a),
            }
        }
        *args = out;
    }

    /// Java: a method of the enclosing classes called without a receiver.
    fn call_own(&mut self, st: &mut State, v: ValueId, n: G, args: &[A]) -> Option<Option<Val>> {
        let link = self.eng.link;
        let mut at = self.func.owner;
        let mut own = true;
        while let Some(c) = at {
            let class = self.module.classes.get(c.0 as usize)?;
            let q = self.g(class.qualified);
            let all = link.methods(q, n).to_vec();
            if !all.is_empty() {
                let this = if own { self.this(st) } else { Val::typed(q) };
                // An unqualified call on `this` is dispatched to overriding methods too.
                let exact = own && this.exact;
                let mut found = self.pick(all, args, false);
                if own && !exact && found.iter().all(|f| !link.func(*f).is(flags::STATIC | flags::FINAL)) {
                    for s in link.all_subclasses(q) {
                        for f in self.pick(link.own_methods(s, n).to_vec(), args, false) {
                            if !found.contains(&f) {
                                found.push(f);
                            }
                        }
                    }
                }
                return Some(self.call_many(st, v, &found, Some(this), args));
            }
            for &s in link.supers(q).iter() {
                if let Some((decl, rows)) = link.rows(self.lang, s, n) {
                    let callee = link.join(decl, n).unwrap_or(n);
                    let this = self.this(st);
                    return Some(self.lib_call(
                        st,
                        v,
                        rows,
                        CallIn { recv: Some((v, this)), args: args.to_vec(), callee },
                    ));
                }
            }
            own = false;
            at = class.outer;
        }
        // Every class has the members of `Object`.
        self.func.owner?;
        let (decl, rows) = link.find("java.lang.Object").and_then(|o| link.rows(self.lang, o, n))?;
        let callee = link.join(decl, n).unwrap_or(n);
        let this = self.this(st);
        Some(self.lib_call(st, v, rows, CallIn { recv: Some((v, this)), args: args.to_vec(), callee }))
    }

    /// The candidates that fit the arguments by number and known types; `one` keeps the best only.
    fn pick(&self, mut found: Vec<FnRef>, args: &[A], one: bool) -> Vec<FnRef> {
        let link = self.eng.link;
        found.retain(|f| !link.func(*f).blocks.is_empty());
        if self.lang != Lang::Java {
            // A later definition replaces an earlier one.
            return found.last().copied().into_iter().collect();
        }
        let score = |f: &FnRef| -> Option<i32> {
            let func = link.func(*f);
            let ps: Vec<_> =
                func.params.iter().filter(|p| !matches!(p.kind, ParamKind::This | ParamKind::Capture)).collect();
            let var = ps.last().is_some_and(|p| p.kind == ParamKind::VarArgs);
            if !(ps.len() == args.len() || (var && args.len() + 1 >= ps.len())) {
                return None;
            }
            let mut s = if var { -1 } else { 0 };
            for (p, a) in ps.iter().zip(args) {
                let Some(t) = p.ty.as_ref().and_then(|t| link.ty(f.file, t, func.owner)) else { continue };
                let name = link.str(t);
                let text = a.val.as_str().is_some()
                    || !a.val.shapes.is_empty()
                    || a.val.tys.iter().any(|t| link.str(*t) == "java.lang.String");
                if text && !matches!(a.val.cst.single(), Some(C::Char(_))) {
                    s += match name {
                        "java.lang.String" => 2,
                        "java.lang.Object" | "java.lang.CharSequence" => 0,
                        _ => -3,
                    };
                } else if a.val.tys.contains(&t) {
                    s += 2;
                } else if !a.val.tys.is_empty()
                    && a.val.tys.iter().all(|x| !link.is_subtype(*x, t))
                    && link.classes.contains_key(&t)
                {
                    s -= 2;
                } else if a.val.num && name == "java.lang.String" {
                    s -= 3;
                }
            }
            Some(s)
        };
        let scored: Vec<(FnRef, i32)> = found.iter().filter_map(|f| score(f).map(|s| (*f, s))).collect();
        let Some(best) = scored.iter().map(|s| s.1).max() else { return Vec::new() };
        let mut out: Vec<FnRef> = scored.into_iter().filter(|s| s.1 == best).map(|s| s.0).collect();
        if one {
            out.truncate(1);
        }
        out
    }

    /// Callees of a method on a type: the inherited one and, unless the type is exact, all overriding ones.
    fn dispatch(&self, t: G, n: G, exact: bool, args: &[A]) -> Vec<FnRef> {
        let link = self.eng.link;
        let mut found = self.pick(link.methods(t, n).to_vec(), args, self.lang == Lang::Python);
        if !exact {
            for s in link.all_subclasses(t) {
                for f in self.pick(link.own_methods(s, n).to_vec(), args, self.lang == Lang::Python) {
                    if !found.contains(&f) {
                        found.push(f);
                    }
                }
            }
        }
        // What only tests and the like define stands in for something, but not here.
        if !self.eng.local(self.f.file) && found.iter().any(|f| !self.eng.local(f.file)) {
            found.retain(|f| !self.eng.local(f.file));
        }
        found
    }

    pub fn call_method(&mut self, st: &mut State, v: ValueId, recv: (ValueId, Val), n: G, args: Vec<A>) -> Option<Val> {
        let link = self.eng.link;
        let mut out: Option<Option<Val>> = None;
        let mut put = |x: Option<Val>| match (&mut out, x) {
            (None, x) => out = Some(x),
            (Some(Some(a)), Some(b)) => a.join(&b),
            (Some(a @ None), Some(b)) => *a = Some(b),
            (Some(_), None) => {}
        };
        let r = &recv.1;
        // Static members, module members, class objects.
        if let Csts::Set(cs) = &r.cst {
            for c in cs.clone() {
                match c {
                    C::Class(q) => {
                        let found = self.pick(link.methods(q, n).to_vec(), &args, true);
                        if let Some(f) = found.first().copied() {
                            let func = link.func(f);
                            let this = func.params.first().is_some_and(|p| p.kind == ParamKind::This);
                            let bound = this && (func.is(flags::CLASSMETHOD));
                            put(self.call_args(st, v, f, bound.then(|| r.clone()), &args));
                        } else if let Some(g) = link.join(q, n).filter(|g| link.classes.contains_key(g)) {
                            put(self.construct(st, v, g, args.clone()));
                        } else if let Some((decl, rows)) = link.rows(self.lang, q, n) {
                            let callee = link.join(decl, n).unwrap_or(n);
                            put(self.lib_call(st, v, rows, CallIn { recv: None, args: args.clone(), callee }));
                        } else if let Some((decl, f)) = link.field(q, n).filter(|f| f.1.is_static) {
                            let _ = f;
                            let fv = self.global(st, v, decl, n);
                            put(self.call_value(st, v, &fv, args.clone()));
                        }
                    }
                    C::Path(p) => {
                        if let Some(g) = link.join(p, n) {
                            let e = link.entity(g);
                            let e = if e == Entity::Path(g) && link.rows_of(self.lang, g).is_none() {
                                self.inherited(p, n, e)
                            } else {
                                e
                            };
                            put(self.call_entity(st, v, &e, args.clone()));
                        } else if let Some((decl, rows)) = link.rows(self.lang, p, n) {
                            let callee = link.join(decl, n).unwrap_or(n);
                            put(self.lib_call(st, v, rows, CallIn { recv: None, args: args.clone(), callee }));
                        } else {
                            put(Some(self.unknown_call(st, v, Some(r), &args)));
                        }
                    }
                    _ => {}
                }
            }
        }
        if let Some(done) = out.take() {
            return done;
        }
        // Function values: a lambda behind a functional interface.
        let closures: Vec<ObjId> = r
            .refs
            .iter()
            .copied()
            .filter(|o| st.heap.get(o).is_some_and(|o| matches!(o.kind, ObjKind::Closure(..) | ObjKind::Bound(_))))
            .collect();
        if !closures.is_empty() && self.lang == Lang::Java {
            let fv = r.clone();
            return self.call_value(st, v, &fv, args);
        }
        if r.ident.is_some() && r.tys.iter().all(|t| !link.classes.contains_key(t)) && self.lang == Lang::Java {
            // Which lambda it is may decide.
            self.relevant |= r.deps;
        }
        // Types.
        let mut tys: Vec<G> = r.tys.to_vec();
        if r.exact || tys.is_empty() {
            for o in &r.refs {
                if let Some(t) = st.heap.get(o).and_then(|o| o.ty)
                    && !tys.contains(&t)
                {
                    tys.push(t);
                }
            }
        }
        if tys.is_empty() {
            // What comes from a source without a declared type is text when it is asked what only text can be asked.
            let read = self.lang == Lang::Java
                && r.refs.is_empty()
                && r.taint.iter().any(|t| matches!(t.src, Src::Real { .. }))
                && link.find("java.lang.String").is_some_and(|s| link.rows(self.lang, s, n).is_some());
            let text = read || r.as_str().is_some() || !r.shapes.is_empty();
            let name = if text { if self.lang == Lang::Java { "java.lang.String" } else { "str" } } else { "" };
            tys.extend(link.find(name).filter(|_| text));
            if !text && self.lang == Lang::Java && matches!(r.cst.single(), Some(C::Class(_))) {
                // A member of the class object itself: `Own.class.getResourceAsStream`.
                tys.extend(link.find("java.lang.Class"));
            }
        }
        let mut project: Vec<FnRef> = Vec::new();
        let mut rows_of: Vec<(G, &[surefix_models::Row])> = Vec::new();
        // What a source of a library gave is an object of the library, whatever classes of the project its type has.
        let given = |t: G| {
            self.lang == Lang::Java
                && !link.classes.contains_key(&t)
                && r.taint.iter().any(|t| matches!(t.src, Src::Real { .. }))
                && r.refs
                    .iter()
                    .all(|o| st.heap.get(o).and_then(|o| o.ty).is_none_or(|t| !link.classes.contains_key(&t)))
                && link.rows(self.lang, t, n).is_some()
        };
        for t in &tys {
            let found = if given(*t) { Vec::new() } else { self.dispatch(*t, n, r.exact, &args) };
            if !found.is_empty() {
                if !r.exact && found.len() > 1 {
                    self.relevant |= r.deps;
                }
                for f in found {
                    if !project.contains(&f) {
                        project.push(f);
                    }
                }
            } else if let Some((decl, rows)) = link.rows(self.lang, *t, n) {
                let callee = link.join(decl, n).unwrap_or(n);
                if !rows_of.iter().any(|x| x.0 == callee) {
                    rows_of.push((callee, rows));
                }
            } else if let Some((decl, _)) = link.field(*t, n) {
                // A field that holds a function.
                let _ = decl;
            }
        }
        if self.lang == Lang::Python && rows_of.is_empty() && project.is_empty() {
            // An instance attribute that holds a function or class.
            let stored = r.refs.iter().any(|o| st.heap.get(o).is_some_and(|o| o.fields.contains_key(&n)));
            if stored {
                let fv = self.load_field(st, v, recv.0, r, n);
                return self.call_value(st, v, &fv, args);
            }
        }
        if rows_of.is_empty() && project.is_empty() {
            if let Some(obj) = link.find(if self.lang == Lang::Java { "java.lang.Object" } else { "object" })
                && let Some((decl, rows)) = link.rows(self.lang, obj, n)
            {
                rows_of.push((link.join(decl, n).unwrap_or(n), rows));
            } else if tys.is_empty()
                && let Some(hit) = self.guess_builtin(st, r, n, &args)
            {
                rows_of.push(hit);
            }
        }
        if rows_of.is_empty() && project.is_empty() {
            if r.ident.is_some() && r.tys.is_empty() {
                // A captured or untyped value: its type is the caller's to know.
                self.relevant |= r.deps;
            }
            if let Some(field) = self.generated_getter(&tys, n, &args) {
                return Some(self.load_field(st, v, recv.0, r, field));
            }
            return Some(self.unknown_call(st, v, Some(r), &args));
        }
        if project.len() > MAX_CALLEES {
            let mut x = self.unknown_call(st, v, Some(r), &args);
            x.taint.iter_mut().for_each(|t| t.crumbs = t.crumbs.or(Crumbs::MANY_CALLEES));
            return Some(x);
        }
        let mut result: Option<Val> = None;
        if !project.is_empty()
            && let Some(x) = self.call_many(st, v, &project, Some(recv.1.clone()), &args)
        {
            join_opt(&mut result, &x);
        }
        let only_project = rows_of.is_empty();
        for (callee, rows) in rows_of {
            let input = CallIn { recv: Some(recv.clone()), args: args.clone(), callee };
            if let Some(x) = self.lib_call(st, v, rows, input) {
                join_opt(&mut result, &x);
            }
        }
        if result.is_none() && !only_project {
            return None;
        }
        result
    }

    /// The field behind a getter that is not in the source because an annotation processor writes it.
    fn generated_getter(&self, tys: &[G], n: G, args: &[A]) -> Option<G> {
        let link = self.eng.link;
        if self.lang != Lang::Java || !args.is_empty() {
            return None;
        }
        let name = link.str(n);
        let rest = name.strip_prefix("get").or_else(|| name.strip_prefix("is"))?;
        let first = rest.chars().next().filter(|c| c.is_uppercase())?;
        let field = link.find(&format!("{}{}", first.to_lowercase(), &rest[first.len_utf8()..]))?;
        let declared = |t: &G| link.class(*t).is_some_and(|c| c.kind == surefix_ir::ClassKind::Class);
        tys.iter().any(|t| declared(t) && link.field(*t, field).is_some_and(|f| !f.1.is_static)).then_some(field)
    }

    /// A receiver of unknown type that is asked what only text, or only a path, can be asked.
    fn guess_builtin(&self, st: &State, r: &Val, n: G, args: &[A]) -> Option<(G, &'a [surefix_models::Row])> {
        let link = self.eng.link;
        let name = link.str(n);
        let owner = if name == "joinpath" { "pathlib.Path" } else { "str" };
        let asked = match name {
            "joinpath" | "strip" | "lstrip" | "rstrip" | "lower" | "upper" | "casefold" | "capitalize" | "swapcase"
            | "splitlines" | "startswith" | "endswith" | "removeprefix" | "removesuffix" | "zfill" | "isdigit"
            | "isalnum" | "isdecimal" | "isnumeric" | "isidentifier" => true,
            // Dates are replaced by keyword, data frames by one argument.
            "replace" => args.len() >= 2 && args.iter().take(2).all(|a| a.kw == G::EMPTY && a.val.as_str().is_some()),
            _ => false,
        };
        let opaque = |o: &Arc<Obj>| o.sym.is_some() && o.elems.is_none() && o.entries.is_none();
        if !asked || self.lang != Lang::Python || !r.refs.iter().all(|o| st.heap.get(o).is_none_or(opaque)) {
            return None;
        }
        let (decl, rows) = link.rows(self.lang, link.find(owner)?, n)?;
        Some((link.join(decl, n).unwrap_or(n), rows))
    }

    fn inherited(&self, p: G, n: G, e: Entity) -> Entity {
        match self.eng.link.rows(self.lang, p, n).and_then(|(decl, _)| self.eng.link.join(decl, n)) {
            Some(g) => Entity::Path(g),
            None => e,
        }
    }

    /// Calls each possible callee from the same state and joins.
    fn call_many(&mut self, st: &mut State, v: ValueId, fs: &[FnRef], this: Option<Val>, args: &[A]) -> Option<Val> {
        match fs {
            [] => Some(self.unknown_call(st, v, this.as_ref(), args)),
            [f] => self.call_args(st, v, *f, this, args),
            _ => {
                let before = st.clone();
                let mut after: Option<State> = None;
                let mut out: Option<Val> = None;
                for f in fs {
                    let mut s = before.clone();
                    if let Some(x) = self.call_args(&mut s, v, *f, this.clone(), args) {
                        join_opt(&mut out, &x);
                        match &mut after {
                            None => after = Some(s),
                            Some(a) => {
                                a.join(&s, false);
                            }
                        }
                    }
                }
                if let Some(a) = after {
                    *st = a;
                }
                out
            }
        }
    }

    pub fn call_entity(&mut self, st: &mut State, v: ValueId, e: &Entity, args: Vec<A>) -> Option<Val> {
        match e {
            Entity::Func(f) => {
                let found =
                    match self.eng.link.functions.get(&self.eng.link.g(f.file, self.eng.link.func(*f).qualified)) {
                        Some(all) if self.lang == Lang::Java => self.pick(all.clone(), &args, true),
                        _ => vec![*f],
                    };
                self.call_many(st, v, &found, None, &args)
            }
            Entity::Class(q) => self.construct(st, v, *q, args),
            Entity::Path(g) => match self.eng.link.rows_of(self.lang, *g) {
                Some(rows) => self.lib_call(st, v, rows, CallIn { recv: None, args, callee: *g }),
                None if self.eng.link.is_model_type(*g) => self.construct(st, v, *g, args),
                None => {
                    // A method reached through a re-exported type (`Type.method` of a supertype).
                    Some(self.unknown_call(st, v, None, &args))
                }
            },
            other => {
                let fv = self.entity_val(st, v, other);
                self.call_value(st, v, &fv, args)
            }
        }
    }

    /// Calls a function value.
    pub fn call_value(&mut self, st: &mut State, v: ValueId, f: &Val, args: Vec<A>) -> Option<Val> {
        let mut out: Option<Option<Val>> = None;
        let mut put = |x: Option<Val>| match (&mut out, x) {
            (None, x) => out = Some(x),
            (Some(Some(a)), Some(b)) => a.join(&b),
            (Some(a @ None), Some(b)) => *a = Some(b),
            _ => {}
        };
        for e in self.entity_of(f) {
            put(self.call_entity(st, v, &e, args.clone()));
        }
        for r in f.refs.clone() {
            let Some(o) = st.heap.get(&r).cloned() else { continue };
            match o.kind {
                ObjKind::Closure(id, file) => {
                    let target = FnRef { file: FileId(file), id };
                    let caps = o.elems.clone().unwrap_or_default();
                    put(self.call_closure(st, v, target, &args, caps));
                }
                ObjKind::Bound(name) => {
                    let recv = o.elems.as_ref().and_then(|e| e.first()).cloned().unwrap_or_else(Val::top);
                    // `Type::method`: static, or the first argument is the receiver.
                    if let Some(C::Class(q) | C::Path(q)) = recv.cst.single() {
                        let link = self.eng.link;
                        let is_static = link.methods(*q, name).iter().any(|f| link.func(*f).is(flags::STATIC));
                        if !is_static
                            && link.str(name) != "new"
                            && !args.is_empty()
                            && link.join(*q, name).is_none_or(|g| link.rows_of(self.lang, g).is_none())
                        {
                            let mut rest = args.clone();
                            let first = rest.remove(0);
                            put(self.call_method(st, v, (first.id, first.val), name, rest));
                            continue;
                        }
                        if link.str(name) == "new" {
                            put(self.construct(st, v, *q, args.clone()));
                            continue;
                        }
                    }
                    put(self.call_method(st, v, (v, recv), name, args.clone()));
                }
                _ => {}
            }
        }
        if let Some(call) = self.eng.link.find("__call__") {
            for t in f.tys.clone() {
                if let Some(m) = self.eng.link.methods(t, call).first().copied() {
                    put(self.call_args(st, v, m, Some(f.clone()), &args));
                } else if let Some((decl, rows)) = self.eng.link.rows(self.lang, t, call) {
                    let callee = self.eng.link.join(decl, call).unwrap_or(call);
                    put(self.lib_call(st, v, rows, CallIn { recv: Some((v, f.clone())), args: args.clone(), callee }));
                }
            }
        }
        match out {
            Some(x) => x,
            None => {
                self.relevant |= f.deps;
                Some(self.unknown_call(st, v, Some(f), &args))
            }
        }
    }

    pub fn call_closure(&mut self, st: &mut State, v: ValueId, f: FnRef, args: &[A], caps: Vec<Val>) -> Option<Val> {
        let func = self.eng.link.func(f);
        let has_this = func.params.first().is_some_and(|p| p.kind == ParamKind::This);
        let this = has_this.then(|| self.this(st));
        let mut b = self.bind(st, v, f, this, args);
        let mut caps = caps.into_iter();
        for (i, p) in func.params.iter().enumerate() {
            if p.kind == ParamKind::Capture {
                b.actual[i] = caps.next();
            }
        }
        self.apply(st, v, f, b)
    }

    /// Calls a project function with values that are no syntactic arguments (properties, callbacks of models).
    pub fn call_project(
        &mut self,
        st: &mut State,
        v: ValueId,
        f: FnRef,
        pos: Vec<Val>,
        kw: &[(G, Val)],
    ) -> Option<Val> {
        let mut args: Vec<A> =
            pos.into_iter().enumerate().map(|(i, val)| A { id: v, val, kw: G::EMPTY, spread: 0, index: i }).collect();
        for (k, val) in kw {
            args.push(A { id: v, val: val.clone(), kw: *k, spread: 0, index: 0 });
        }
        let has_this = self.eng.link.func(f).params.first().is_some_and(|p| p.kind == ParamKind::This);
        let this = (has_this && !args.is_empty()).then(|| args.remove(0).val);
        self.call_args(st, v, f, this, &args)
    }

    pub fn call_args(&mut self, st: &mut State, v: ValueId, f: FnRef, this: Option<Val>, args: &[A]) -> Option<Val> {
        let b = self.bind(st, v, f, this, args);
        self.apply(st, v, f, b)
    }

    fn bind(&mut self, st: &mut State, v: ValueId, f: FnRef, this: Option<Val>, args: &[A]) -> Binding {
        let link = self.eng.link;
        let func = link.func(f);
        let n = func.params.len();
        let mut b = Binding { actual: vec![None; n], ids: vec![None; n] };
        let mut next = 0;
        if func.params.first().is_some_and(|p| p.kind == ParamKind::This)
            && let Some(t) = this
        {
            b.actual[0] = Some(t);
            if let surefix_ir::Op::Call(c) = &self.func.instr(v).op
                && let Callee::Method { recv, .. } = &c.callee
            {
                b.ids[0] = Some(*recv);
            }
            next = 1;
        }
        let mut spare: Vec<&A> = Vec::new();
        let mut keywords: LiteMap<C, Val> = LiteMap::new();
        for a in args {
            if a.kw != G::EMPTY {
                match func.params.iter().position(|p| {
                    link.g(f.file, p.name) == a.kw
                        && !matches!(p.kind, ParamKind::This | ParamKind::VarArgs | ParamKind::KwArgs)
                }) {
                    Some(i) => {
                        b.actual[i] = Some(a.val.clone());
                        b.ids[i] = Some(a.id);
                    }
                    None => {
                        keywords.insert(C::Str(link.str(a.kw).into()), a.val.clone());
                    }
                }
                continue;
            }
            if a.spread != 0 {
                // Unknown many: every parameter still open may get a part of it.
                for i in next..n {
                    if b.actual[i].is_none()
                        && matches!(func.params[i].kind, ParamKind::Normal | ParamKind::KeywordOnly)
                    {
                        let x = self.element_of(st, v, a.id, &a.val);
                        b.actual[i] = Some(x);
                    }
                }
                spare.push(a);
                continue;
            }
            match func.params.get(next) {
                // A method called through its class takes its receiver as the first argument.
                Some(p) if p.kind == ParamKind::Normal || (p.kind == ParamKind::This && next == 0) => {
                    b.actual[next] = Some(a.val.clone());
                    b.ids[next] = Some(a.id);
                    next += 1;
                }
                _ => spare.push(a),
            }
        }
        for (i, p) in func.params.iter().enumerate() {
            match p.kind {
                ParamKind::VarArgs => {
                    if let [one] = spare.as_slice()
                        && self.lang == Lang::Java
                        && one.val.tys.iter().any(|t| link.str(*t) == "[]")
                    {
                        b.actual[i] = Some(one.val.clone());
                        b.ids[i] = Some(one.id);
                    } else {
                        let o = Obj::seq(spare.iter().map(|a| a.val.clone()).collect(), true);
                        b.actual[i] = Some(self.alloc(st, v, 1, o));
                    }
                }
                ParamKind::KwArgs => {
                    let mut o = Obj::map(true);
                    o.entries = Some(std::mem::take(&mut keywords));
                    b.actual[i] = Some(self.alloc(st, v, 2, o));
                }
                _ if b.actual[i].is_none() => {
                    if let Some(d) = &p.default {
                        let c = match d {
                            surefix_ir::Const::Str(s) => Some(C::Str(link.module(f.file).strings.get(*s).into())),
                            surefix_ir::Const::Null => Some(C::Null),
                            surefix_ir::Const::Bool(x) => Some(C::Bool(*x)),
                            surefix_ir::Const::Int(x) => Some(C::Int(*x)),
                            _ => None,
                        };
                        b.actual[i] = c.map(Val::cst);
                    }
                }
                _ => {}
            }
        }
        b
    }

    /// The part of a value that can decide something in a callee.
    fn project(&self, st: &State, v: &Val, depth: u32) -> Proj {
        let mut p = Proj::default();
        if v.cst != Csts::Top {
            p.cst = Some(v.cst.clone());
        }
        // Of a library type nothing in the project is a subtype: the declared one is as good as the allocated one.
        let link = self.eng.link;
        let library = |t: &G| !link.classes.contains_key(t) && link.all_subclasses(*t).is_empty();
        if v.exact || v.tys.iter().all(library) {
            p.tys = v.tys.to_vec();
        }
        p.num = v.num;
        if let [r] = v.refs.as_slice()
            && let Some(o) = st.heap.get(r)
        {
            match &o.kind {
                ObjKind::Closure(id, file) => p.func = Some(ProjFn::Closure(*id, *file)),
                ObjKind::Bound(n) => p.func = Some(ProjFn::Bound(*n)),
                _ => {}
            }
            if depth < 2 && o.sym.is_none() {
                if let Some(e) = &o.elems
                    && e.len() <= 16
                {
                    p.elems = Some(e.iter().map(|e| self.project(st, e, depth + 1)).collect());
                }
                if let Some(m) = &o.entries
                    && o.rest.is_none()
                    && m.len() <= 16
                    && o.kind == ObjKind::Map
                {
                    p.entries = Some(m.iter().map(|(k, e)| (k.clone(), self.project(st, e, depth + 1))).collect());
                }
                for (f, x) in o.fields.iter().take(16) {
                    let q = self.project(st, x, depth + 1);
                    if !q.is_empty() {
                        p.fields.push((*f, q));
                    }
                }
            }
        }
        p
    }

    fn apply(&mut self, st: &mut State, v: ValueId, f: FnRef, b: Binding) -> Option<Val> {
        let func = self.eng.link.func(f);
        if func.blocks.is_empty() {
            return Some(Val::top());
        }
        // A function that only such files call is judged as one that nobody calls: nothing of it comes up in them.
        if self.eng.local(self.f.file) {
            return Some(self.opaque(st, v, &b));
        }
        self.calls.insert(f);
        if self.spent_all() {
            return Some(self.opaque(st, v, &b));
        }
        let Some(round) = self.eng.round(self.f, self.round, f) else {
            // Recursion beyond what is unrolled: what the earlier turns give stands for all.
            return Some(Val::top());
        };
        let none: Arc<Vec<Proj>> = Arc::new(Vec::new());
        let base = self.eng.summary(f, round, none);
        self.asked.push(base.slot);
        let mut proj: Vec<Proj> = vec![Proj::default(); b.actual.len()];
        for (i, a) in b.actual.iter().enumerate() {
            let Some(a) = a else { continue };
            if base.relevant & bit(i as u16) != 0 {
                proj[i] = self.project(st, a, 0);
                // What this caller does not know itself, its own callers may.
                if proj[i].is_empty() || a.ident.is_some() {
                    self.relevant |= a.deps;
                }
            }
        }
        // Each level of specialised callers multiplies the summaries of what they call.
        let level = self.proj.first().map_or(0, |p| p.level);
        let special = level < MAX_LEVEL
            && round < crate::summary::MAX_ROUND
            && proj.iter().any(|p| !p.is_empty())
            && self.special < MAX_SPECIAL >> (2 * level);
        if let Some(first) = proj.first_mut() {
            first.level = level + 1;
        }
        let s = if special { self.eng.summary(f, round, Arc::new(proj)) } else { base.clone() };
        if special {
            self.asked.push(s.slot);
            self.special += s.cost;
        }
        let out = self.instantiate(st, v, f, &s, &b, special);
        // Facts about the arguments.
        let map = |list: &Vec<(u16, Fact)>| -> Vec<(ValueId, Fact)> {
            list.iter()
                .filter_map(|(n, f)| b.ids.get(*n as usize).copied().flatten().map(|id| (id, f.clone())))
                // What the callee proves of the characters of a text says nothing of those in a collection.
                .filter(|(id, f)| {
                    let x = self.get(st, *id);
                    f.deny == 0 || x.refs.is_empty() || self.may_be_text(st, &x)
                })
                .collect()
        };
        let posts = [map(&s.post[0]), map(&s.post[1]), map(&s.post[2])];
        for (id, fact) in &posts[0] {
            st.refine.edit().entry(*id).or_default().and(fact);
        }
        if posts.iter().any(|p| !p.is_empty()) {
            self.posts.insert(v, posts);
        }
        out
    }

    /// True when the run of this function has cost all that one may.
    fn spent_all(&mut self) -> bool {
        let out = self.work > MAX_WORK;
        if out {
            self.budget = Some("work");
        }
        out
    }

    /// Creates an object of a class.
    pub fn construct(&mut self, st: &mut State, v: ValueId, q: G, args: Vec<A>) -> Option<Val> {
        let link = self.eng.link;
        let init_name = if self.lang == Lang::Java { "<init>" } else { "__init__" };
        let init = link.find(init_name)?;
        let mut o = Obj::new(ObjKind::Plain, true);
        o.ty = Some(q);
        if !link.classes.contains_key(&q) {
            let rows = if self.lang == Lang::Java {
                link.rows(self.lang, q, init).map(|r| (link.join(r.0, init).unwrap_or(init), r.1))
            } else {
                link.rows_of(self.lang, q).map(|r| (q, r))
            };
            let own = rows.filter(|(callee, _)| self.lang != Lang::Java || link.str(*callee).starts_with(link.str(q)));
            match own {
                Some((callee, rows)) => {
                    let mut this = self.alloc(st, v, 0, o);
                    this.tys.push(q);
                    this.exact = true;
                    let input = CallIn { recv: Some((v, this.clone())), args, callee };
                    let x = self.lib_call(st, v, rows, input)?;
                    if self.lang == Lang::Python {
                        let mut x = x;
                        if x.refs.is_empty() && x.cst == Csts::Top && x.shapes.is_empty() {
                            x.refs = this.refs;
                        }
                        if x.tys.is_empty() {
                            x.tys.push(q);
                            x.exact = true;
                        }
                        return Some(x);
                    }
                    for t in &x.taint {
                        this.add_taint(t);
                    }
                    this.deps |= x.deps;
                    if !x.shapes.is_empty() || x.cst != Csts::Top {
                        this.shapes = x.shapes;
                        this.cst = x.cst;
                    }
                    if !x.refs.is_empty() {
                        this.refs = x.refs;
                    }
                    if !x.tys.is_empty() && !x.tys.contains(&q) {
                        this.tys = x.tys;
                    }
                    return Some(this);
                }
                None => {
                    let mut this = self.alloc(st, v, 0, o);
                    this.tys.push(q);
                    this.exact = true;
                    let x = self.unknown_call(st, v, None, &args);
                    this.absorb(&x, Crumbs::default());
                    return Some(this);
                }
            }
        }
        let mut this = self.alloc(st, v, 0, o);
        this.tys.push(q);
        this.exact = true;
        let own =
            if self.lang == Lang::Java { link.own_methods(q, init).to_vec() } else { link.methods(q, init).to_vec() };
        let found = self.pick(own, &args, true);
        if let Some(f) = found.first() {
            self.call_args(st, v, *f, Some(this.clone()), &args)?;
        } else {
            // An anonymous class passes its arguments to the superclass; records and dataclasses fill their fields.
            let class = link.class(q);
            let record = class.is_some_and(|c| c.kind == surefix_ir::ClassKind::Record);
            if record && let (Some(c), Some(r)) = (class, link.classes.get(&q)) {
                let fields: Vec<G> = c
                    .fields
                    .iter()
                    .filter(|f| self.lang == Lang::Python || !f.is_static)
                    .map(|f| link.g(r.file, f.name))
                    .collect();
                for (i, a) in args.iter().enumerate() {
                    let name = if a.kw != G::EMPTY { Some(a.kw) } else { fields.get(i).copied() };
                    if let Some(n) = name {
                        let (t, x) = (this.clone(), a.val.clone());
                        self.store_field(st, v, &t, n, &x);
                    }
                }
            } else {
                for &s in link.supers(q).iter() {
                    let sup = self.pick(link.own_methods(s, init).to_vec(), &args, true);
                    if let Some(f) = sup.first() {
                        self.call_args(st, v, *f, Some(this.clone()), &args)?;
                        break;
                    }
                    if let Some((callee, rows)) = if self.lang == Lang::Java {
                        link.rows(self.lang, s, init)
                    } else {
                        link.rows_of(self.lang, s).map(|r| (s, r))
                    } {
                        self.lib_call(st, v, rows, CallIn { recv: Some((v, this.clone())), args, callee });
                        break;
                    }
                }
            }
        }
        Some(this)
    }
}
