//! Applies model rows to a call or an attribute.

use crate::call::CallIn;
use crate::heap::{Obj, State, join_opt};
use crate::interp::Frame;
use crate::names::G;
use crate::summary::Event;
use crate::val::{C, Src, Taint, Trace, Val, tflag};
use crate::{Crumbs, Place, StepKind};
use litemap::LiteMap;
use std::sync::Arc;
use surefix_ir::{Lang, ValueId};
use surefix_models::{Base, Fact, Kind, Kinds, Path, PropValue, Row, Step};

fn mask_of(s: &str) -> u128 {
    s.chars().filter(char::is_ascii).fold(0, |m, c| m | 1u128 << c as u32)
}

impl<'a> Frame<'_, 'a> {
    fn fits(&self, row: &Row, input: &CallIn) -> bool {
        let Some(sig) = &row.sig else { return true };
        let var = sig.last().is_some_and(|s| s.ends_with("...") || s == "..");
        if sig.len() != input.args.len() && !(var && input.args.len() + 1 >= sig.len()) {
            return false;
        }
        sig.iter().zip(&input.args).all(|(want, a)| {
            let (want, variadic) = want.strip_suffix("...").map_or((want.as_str(), false), |w| (w, true));
            if want == "_" || want == ".." || want == "*" || want == "Object" {
                return true;
            }
            let text = a.val.as_str().is_some()
                || !a.val.shapes.is_empty()
                || a.val.tys.iter().any(|t| self.eng.link.str(*t) == "java.lang.String");
            let array = a.val.tys.iter().any(|t| self.eng.link.str(*t) == "[]");
            if a.val.is_null() {
                return true;
            }
            if want.ends_with("[]") {
                return !text || array;
            }
            if array {
                return variadic;
            }
            match want {
                "String" | "CharSequence" => {
                    !a.val.num
                        && (text
                            || a.val.tys.is_empty()
                            || a.val.tys.iter().any(|t| self.eng.link.str(*t).ends_with(want)))
                }
                "int" | "long" | "short" | "byte" | "boolean" | "double" | "float" => {
                    !text && (a.val.num || a.val.tys.is_empty())
                }
                "char" => !text || matches!(a.val.cst.single(), Some(C::Char(_))),
                _ => {
                    if text {
                        return false;
                    }
                    if a.val.num && !a.val.tys.is_empty() {
                        return false;
                    }
                    a.val.tys.is_empty()
                        || a.val.tys.iter().any(|t| {
                            let simple = |g: G| self.eng.link.str(g).rsplit('.').next() == Some(want);
                            simple(*t)
                                || self.eng.link.supers(*t).iter().copied().any(simple)
                                || !self.eng.link.is_model_type(*t)
                        })
                }
            }
        })
    }

    /// The arguments a path's base names, with their index.
    fn base_vals(&self, input: &CallIn, base: &Base) -> Vec<(Option<usize>, ValueId, Val)> {
        match base {
            Base::This => input.recv.iter().map(|(id, v)| (None, *id, v.clone())).collect(),
            Base::Ret => Vec::new(),
            Base::AnyArg => input.args.iter().map(|a| (Some(a.index), a.id, a.val.clone())).collect(),
            Base::Arg { pos, keyword, onwards } => {
                let mut n = 0u8;
                let mut out = Vec::new();
                for a in &input.args {
                    if a.kw != G::EMPTY {
                        if keyword.as_deref() == Some(self.eng.link.str(a.kw)) {
                            out.push((Some(a.index), a.id, a.val.clone()));
                        }
                        continue;
                    }
                    if let Some(p) = pos
                        && (n == *p || (*onwards && n > *p) || (a.spread != 0 && n <= *p))
                    {
                        out.push((Some(a.index), a.id, a.val.clone()));
                    }
                    n += 1;
                }
                out
            }
        }
    }

    fn step(&mut self, st: &mut State, id: ValueId, x: &Val, step: &Step) -> Val {
        match step {
            Step::Elem | Step::Value => {
                let mut v = self.element_of(st, id, id, x);
                // A single value where a collection is expected counts as its own element.
                if x.refs.is_empty() {
                    v.absorb(x, Crumbs::default());
                    if v.shapes.is_empty() {
                        v.shapes = x.shapes.clone();
                    }
                }
                v
            }
            Step::Key => {
                let mut out: Option<Val> = None;
                for r in &x.refs {
                    if let Some(k) = st.heap.get(r).and_then(|o| o.any_key()) {
                        join_opt(&mut out, &k);
                    }
                }
                out.unwrap_or_else(|| {
                    let mut v = Val::top();
                    v.absorb(x, Crumbs::default());
                    v
                })
            }
            Step::Field(f) => match self.eng.link.find(f) {
                Some(g) => self.load_field(st, id, id, x, g),
                None => x.clone(),
            },
            Step::All => self.deep(st, x),
        }
    }

    fn read(&mut self, st: &mut State, input: &CallIn, p: &Path) -> Vec<(Option<usize>, Val)> {
        let mut out = Vec::new();
        let onwards = matches!(p.base, Base::Arg { onwards: true, .. });
        for (n, id, mut v) in self.base_vals(input, &p.base) {
            // An array given for a varargs parameter stands for its elements.
            if onwards && v.tys.iter().any(|t| self.eng.link.str(*t) == "[]") {
                v = self.element_of(st, id, id, &v);
            }
            for s in &p.steps {
                v = self.step(st, id, &v, s);
            }
            out.push((n, v));
        }
        out
    }

    fn write_taint(&mut self, st: &mut State, input: &CallIn, p: &Path, from: &Val, out: &mut Option<Val>) {
        if from.taint.is_empty() && from.deps == 0 {
            if p.base == Base::Ret && out.is_none() {
                *out = Some(Val::top());
            }
            return;
        }
        if p.base == Base::Ret {
            out.get_or_insert_with(Val::top).absorb(from, Crumbs::default());
            return;
        }
        for (_, id, v) in self.base_vals(input, &p.base) {
            for r in &v.refs {
                if let Some(o) = st.heap.get(r) {
                    let mut o = (**o).clone();
                    let mut x = Val::top();
                    x.absorb(from, Crumbs::default());
                    o.dirty = true;
                    if o.text.is_some() {
                        join_opt(&mut o.text, &x);
                    } else {
                        join_opt(&mut o.rest, &x);
                    }
                    st.heap.insert(*r, Arc::new(o));
                }
            }
            if let Some(Some(slot)) = self.vals.get_mut(id.0 as usize) {
                slot.absorb(from, Crumbs::default());
            }
        }
    }

    fn through(&self, v: ValueId, x: &Val, callee: G) -> Val {
        let at = self.place(v);
        let mut x = x.clone();
        for t in &mut x.taint {
            t.trace = t.trace.step(at, StepKind::Through, callee);
        }
        x
    }

    /// Calls a library member with model rows.
    pub fn lib_call(&mut self, st: &mut State, v: ValueId, rows: &'a [Row], input: CallIn) -> Option<Val> {
        let rows: Vec<&'a Row> = rows.iter().filter(|r| self.fits(r, &input)).collect();
        self.lib_calls.insert(v, rows.clone());
        self.sinks_and_watches(st, v, &rows, &input);
        let mut out: Option<Val> = None;
        let mut handled = false;
        let mut ty: Option<G> = None;
        for row in &rows {
            match &row.fact {
                Fact::Sink { .. } => handled = true,
                Fact::Watch(_) | Fact::Guard { .. } => {}
                Fact::Neutral => {
                    handled = true;
                    out.get_or_insert_with(Val::top);
                }
                Fact::Intrinsic(name) => {
                    handled = true;
                    match self.intrinsic(st, v, name, &input) {
                        Some(x) => join_opt(&mut out, &x),
                        None => return None,
                    }
                }
                Fact::Source { out: path, kind } => {
                    handled = true;
                    let at = self.place(v);
                    let t = Taint::new(
                        Src::Real { kind: *kind, name: input.callee, at },
                        Trace::default().step(at, StepKind::Source, input.callee),
                    );
                    let mut x = Val::top();
                    x.taint.push(t);
                    self.write_taint(st, &input, path, &x, &mut out);
                }
                Fact::Flow { from, to } => {
                    handled = true;
                    for (_, x) in self.read(st, &input, from) {
                        let d = self.deep(st, &x);
                        let mut x = self.through(v, &d, input.callee);
                        x.taint.iter_mut().for_each(|t| t.flags &= tflag::NO_DOTDOT);
                        for p in to {
                            self.write_taint(st, &input, p, &x, &mut out);
                        }
                    }
                    out.get_or_insert_with(Val::top);
                }
                Fact::Clean { from, to, kinds, deny, allow } => {
                    handled = true;
                    for (_, x) in self.read(st, &input, from) {
                        let d = self.deep(st, &x);
                        let mut x = self.through(v, &d, input.callee);
                        for t in &mut x.taint {
                            t.clean = t.clean.or(*kinds);
                            t.deny |= mask_of(deny);
                            if let Some(a) = allow {
                                t.allow &= mask_of(a);
                            }
                            if kinds.has(Kind::Path) {
                                t.flags |= tflag::NO_DOTDOT;
                            }
                        }
                        self.write_taint(st, &input, to, &x, &mut out);
                    }
                    out.get_or_insert_with(Val::top);
                }
                Fact::Decode { from, to } => {
                    handled = true;
                    for (_, x) in self.read(st, &input, from) {
                        let d = self.deep(st, &x);
                        let mut x = self.through(v, &d, input.callee);
                        for t in &mut x.taint {
                            t.clean = Kinds::NONE;
                            t.decoded = Kinds::ALL;
                            t.deny = 0;
                            t.allow = u128::MAX;
                            t.flags = 0;
                        }
                        self.write_taint(st, &input, to, &x, &mut out);
                    }
                    out.get_or_insert_with(Val::top);
                }
                Fact::SetProp { on, key, value } if on.base == Base::Ret => {
                    if let Some((key, x)) = self.prop(st, &input, key, value) {
                        let x = LiteMap::from_iter([(Arc::from(key), x)]);
                        self.give_props(st, v, x, &mut out);
                    }
                }
                Fact::SetProp { on, key, value } => self.set_prop(st, &input, on, key, value),
                Fact::CopyProps { from, to } => {
                    if to.base == Base::Ret {
                        self.props_to_result(st, v, &input, from, &mut out);
                    } else {
                        self.copy_props(st, &input, from, to);
                    }
                }
                Fact::Returns(t) => {
                    ty = match t.as_str() {
                        "this" => input.recv.as_ref().and_then(|r| r.1.tys.first().copied()),
                        "arg0" => match input.args.first().and_then(|a| a.val.cst.single()) {
                            Some(C::Class(g) | C::Path(g)) => Some(*g),
                            _ => None,
                        },
                        t => self.eng.link.find(t),
                    };
                }
                Fact::Invokes { callee, params, to } => {
                    handled = true;
                    let fs = self.read(st, &input, callee);
                    for (_, f) in fs {
                        let mut args = Vec::new();
                        for (i, p) in params.iter().enumerate() {
                            let mut x: Option<Val> = None;
                            for (_, y) in self.read(st, &input, p) {
                                join_opt(&mut x, &y);
                            }
                            args.push(crate::call::A {
                                id: v,
                                val: x.unwrap_or_else(Val::top),
                                kw: G::EMPTY,
                                spread: 0,
                                index: i,
                            });
                        }
                        let x = self.call_value(st, v, &f, args);
                        if let (Some(to), Some(x)) = (to, x) {
                            if to.base == Base::Ret && to.steps.is_empty() {
                                join_opt(&mut out, &x);
                            } else if to.base == Base::Ret {
                                let mut o = Obj::new(crate::heap::ObjKind::Seq, true);
                                o.rest = Some(x);
                                let seq = self.alloc(st, v, 3, o);
                                join_opt(&mut out, &seq);
                            } else {
                                self.write_taint(st, &input, to, &x, &mut out);
                            }
                        }
                    }
                    out.get_or_insert_with(Val::top);
                }
            }
        }
        let mut out = match out {
            Some(x) => x,
            None if handled => Val::top(),
            None => {
                let recv = input.recv.as_ref().map(|r| r.1.clone());
                let mut x = self.unknown_call(st, v, recv.as_ref(), &input.args);
                // A known member without a row about its data: arguments flow to the result, no doubt about the callee.
                x.taint.iter_mut().for_each(|t| t.crumbs = Crumbs(t.crumbs.0 & !Crumbs::UNKNOWN_CALLEE.0));
                x
            }
        };
        if let Some(t) = ty {
            if !matches!(self.eng.link.str(t), "void") {
                if !out.tys.contains(&t) && (out.tys.is_empty() || !out.exact) {
                    out.tys = smallvec::smallvec![t];
                    out.exact = false;
                }
                let scalar = matches!(
                    self.eng.link.str(t),
                    "int" | "long" | "boolean" | "double" | "float" | "short" | "byte" | "bool"
                );
                out.num |= scalar;
            }
            self.ensure_obj(st, v, &mut out);
        }
        Some(out)
    }

    /// Gives a library object an identity, so that properties can be set on it.
    fn ensure_obj(&mut self, st: &mut State, v: ValueId, x: &mut Val) {
        if x.refs.is_empty() && !x.num && x.cst == crate::val::Csts::Top && x.shapes.is_empty() {
            let name = x.tys.first().map(|t| self.eng.link.str(*t)).unwrap_or("");
            if matches!(name, "java.lang.String" | "str" | "bytes" | "[]" | "list" | "dict" | "")
                || name.starts_with("java.util.")
                || x.taint.iter().any(|t| matches!(t.src, Src::Real { .. }))
            {
                return;
            }
            let mut o = Obj::new(crate::heap::ObjKind::Plain, true);
            o.ty = x.tys.first().copied();
            let y = self.alloc(st, v, 7, o);
            x.refs = y.refs;
        }
    }

    /// Name and value of a property that a call sets; `None` when the name is not constant.
    fn prop(&mut self, st: &mut State, input: &CallIn, key: &str, value: &PropValue) -> Option<(String, Val)> {
        let mut key = key.to_string();
        for (i, a) in input.args.iter().enumerate() {
            let hole = format!("{{arg{i}}}");
            if key.contains(&hole) {
                let Some(s) = (match a.val.cst.single() {
                    Some(C::Path(g)) => Some(Arc::from(self.eng.link.str(*g))),
                    _ => a.val.as_str(),
                }) else {
                    self.relevant |= a.val.deps;
                    return None;
                };
                key = key.replace(&hole, &s);
            }
        }
        let x = match value {
            PropValue::Const(c) => match c.as_str() {
                "true" => Val::bool(true),
                "false" => Val::bool(false),
                c => c.parse::<i64>().map_or_else(|_| Val::str(c), Val::int),
            },
            PropValue::Path(p) => {
                let mut x: Option<Val> = None;
                for (_, y) in self.read(st, input, p) {
                    join_opt(&mut x, &y);
                }
                x.unwrap_or_else(Val::top)
            }
        };
        self.relevant |= x.deps;
        Some((key, x))
    }

    fn set_prop(&mut self, st: &mut State, input: &CallIn, on: &Path, key: &str, value: &PropValue) {
        let Some((key, x)) = self.prop(st, input, key, value) else { return };
        let bases = self.base_vals(input, &on.base);
        for (_, _, b) in bases {
            let strong = b.refs.len() == 1;
            for r in &b.refs {
                if let Some(o) = st.heap.get(r) {
                    let mut o = (**o).clone();
                    o.dirty = true;
                    match o.props.get_mut(key.as_str()) {
                        Some(old) if !strong || !o.unique => old.join(&x),
                        _ => {
                            o.props.insert(key.as_str().into(), x.clone());
                        }
                    }
                    st.heap.insert(*r, Arc::new(o));
                }
            }
        }
    }

    fn all_props(&self, st: &State, x: &Val) -> LiteMap<Arc<str>, Val> {
        self.snap(st, x).props
    }

    fn props_to_result(&mut self, st: &mut State, v: ValueId, input: &CallIn, from: &Path, out: &mut Option<Val>) {
        let mut props = LiteMap::new();
        for (_, x) in self.read(st, input, from) {
            props.extend(self.all_props(st, &x));
        }
        self.give_props(st, v, props, out);
    }

    fn give_props(&mut self, st: &mut State, v: ValueId, props: LiteMap<Arc<str>, Val>, out: &mut Option<Val>) {
        let x = out.get_or_insert_with(Val::top);
        if x.refs.is_empty() {
            let o = Obj::new(crate::heap::ObjKind::Plain, true);
            let y = self.alloc(st, v, 7, o);
            x.refs = y.refs;
        }
        for r in x.refs.clone() {
            if let Some(o) = st.heap.get(&r) {
                let mut o = (**o).clone();
                o.props.extend(props.clone());
                st.heap.insert(r, Arc::new(o));
            }
        }
    }

    fn copy_props(&mut self, st: &mut State, input: &CallIn, from: &Path, to: &Path) {
        let mut props: LiteMap<Arc<str>, Val> = LiteMap::new();
        for (_, x) in self.read(st, input, from) {
            props.extend(self.all_props(st, &x));
        }
        for (_, x) in self.read(st, input, to) {
            for r in &x.refs {
                if let Some(o) = st.heap.get(r) {
                    let mut o = (**o).clone();
                    o.dirty = true;
                    o.props.extend(props.clone());
                    st.heap.insert(*r, Arc::new(o));
                }
            }
        }
    }

    fn sinks_and_watches(&mut self, st: &mut State, v: ValueId, rows: &[&Row], input: &CallIn) {
        let mut sinks = Vec::new();
        let mut tags: Vec<Arc<str>> = Vec::new();
        for row in rows {
            match &row.fact {
                Fact::Sink { input: path, kind } => {
                    for (n, mut x) in self.read(st, input, path) {
                        if x.taint.is_empty() {
                            // An object built around tainted data (`new File(x)`, a list of arguments).
                            let shapes = x.shapes.clone();
                            x = self.deep(st, &x);
                            x.shapes = shapes;
                        }
                        if !x.taint.is_empty() && !x.num {
                            match sinks.iter_mut().find(|s: &&mut (Kind, Option<usize>, Val)| s.0 == *kind && s.1 == n)
                            {
                                Some(s) => s.2.join(&x),
                                None => sinks.push((*kind, n, x)),
                            }
                        }
                    }
                }
                Fact::Watch(tag) => tags.push(tag.as_str().into()),
                _ => {}
            }
        }
        if sinks.is_empty() && tags.is_empty() {
            return;
        }
        tags.sort();
        tags.dedup();
        self.event(st, v, input, sinks, tags);
    }

    fn event(
        &mut self,
        st: &State,
        v: ValueId,
        input: &CallIn,
        sinks: Vec<(Kind, Option<usize>, Val)>,
        tags: Vec<Arc<str>>,
    ) {
        let recv = input.recv.as_ref().map(|r| self.snap(st, &r.1));
        let count = input.args.iter().map(|a| a.index + 1).max().unwrap_or(0);
        let mut args: Vec<crate::summary::Snap> = Vec::with_capacity(count);
        for i in 0..count {
            let x = input.args.iter().find(|a| a.index == i).map(|a| a.val.clone()).unwrap_or_else(Val::top);
            args.push(self.snap(st, &x));
        }
        let mut deps = st.ctl;
        if !tags.is_empty() {
            for a in args.iter().chain(&recv) {
                for (x, direct) in std::iter::once((&a.val, a.val.ident.is_some()))
                    .chain(a.props.values().map(|p| (p, p.ident.is_some())))
                {
                    if x.cst == crate::val::Csts::Top {
                        deps |= x.deps;
                        // What is handed on as it came is filled in for each caller anyway.
                        if !direct {
                            self.relevant |= x.deps;
                        }
                    }
                }
            }
        }
        let mut new =
            Event { func: self.f, value: v, callee: input.callee, tags, recv, args, sinks, deps, via: Vec::new() };
        new.sinks.iter_mut().for_each(|s| s.2.refs.clear());
        new.args.iter_mut().chain(&mut new.recv).for_each(crate::summary::Snap::forget_objects);
        // A block may be visited again: the last visit's state subsumes the earlier ones, but taints must not get lost.
        let n = self
            .events
            .range((v, 0)..=(v, u32::MAX))
            .find(|(_, e)| e.callee == new.callee && e.via.is_empty())
            .map(|e| e.0.1);
        match n {
            Some(n) => {
                if let Some(old) = self.events.get_mut(&(v, n)) {
                    let mut merged = new;
                    for (k, i, x) in std::mem::take(&mut old.sinks) {
                        match merged.sinks.iter_mut().find(|s| s.0 == k && s.1 == i) {
                            Some(s) => s.2.join(&x),
                            None => merged.sinks.push((k, i, x)),
                        }
                    }
                    merged.deps |= old.deps;
                    *old = merged;
                }
            }
            None => {
                let n = self.events.range((v, 0)..=(v, u32::MAX)).count() as u32;
                self.events.insert((v, n), new);
            }
        }
    }

    /// Text returned by a function whose caller, a framework, sends it on.
    pub fn return_event(&mut self, st: &State, v: ValueId, x: &Val) {
        let Some((kinds, what)) = self.eng.entries.get(&self.f).and_then(|e| e.returns.clone()) else { return };
        let link = self.eng.link;
        let is_text = |x: &Val| {
            let named = |t: &G| matches!(link.str(*t), "java.lang.String" | "str" | "bytes");
            !x.shapes.is_empty() || x.as_str().is_some() || x.tys.iter().any(named)
        };
        let mut text = x.clone();
        // `return body, status` of Flask: the first element is the body.
        if let [r] = x.refs.as_slice()
            && x.tys.iter().any(|t| link.str(*t) == "tuple")
            && let Some(first) = st.heap.get(r).and_then(|o| o.elems.as_ref()).and_then(|e| e.first())
        {
            text = first.clone();
        }
        if !is_text(&text) {
            if !text.tys.is_empty() || !text.refs.is_empty() {
                return;
            }
            // Of unknown type: only what comes straight from a source is surely text.
            text.taint.retain(|t| !t.crumbs.has(Crumbs::UNKNOWN_CALLEE));
        }
        if text.taint.is_empty() || text.num {
            return;
        }
        let kinds = Kind::ALL.iter().copied().filter(|k| kinds.has(*k));
        let sinks: Vec<(Kind, Option<usize>, Val)> = kinds.map(|k| (k, None, text.clone())).collect();
        let callee = link.find(&what).unwrap_or(G::EMPTY);
        self.event(st, v, &CallIn { recv: None, args: Vec::new(), callee }, sinks, Vec::new());
    }

    /// Rows of an attribute, subscript or context manager: they act on its value (`ret`).
    pub fn attribute_rows(
        &mut self,
        st: &mut State,
        v: ValueId,
        callee: G,
        rows: &'a [Row],
        base: Option<&Val>,
        x: &mut Val,
    ) {
        let input = CallIn { recv: base.map(|b| (v, b.clone())), args: Vec::new(), callee };
        let at = self.place(v);
        let mut out: Option<Val> = None;
        let mut said = false;
        for row in rows {
            match &row.fact {
                Fact::Source { kind, .. } => {
                    said = true;
                    let t = Taint::new(
                        Src::Real { kind: *kind, name: callee, at },
                        Trace::default().step(at, StepKind::Source, callee),
                    );
                    x.add_taint(&t);
                }
                Fact::Returns(t) => {
                    if let Some(g) = self.eng.link.find(t)
                        && !x.exact
                    {
                        x.tys = smallvec::smallvec![g];
                    }
                }
                Fact::Flow { from, to } if to.iter().any(|p| p.base == Base::Ret) => {
                    said = true;
                    for (_, y) in self.read(st, &input, from) {
                        let y = self.through(v, &y, callee);
                        x.absorb(&y, Crumbs::default());
                    }
                }
                Fact::Clean { from, to, kinds, deny, allow } if to.base == Base::Ret => {
                    said = true;
                    for (_, y) in self.read(st, &input, from) {
                        let mut y = self.through(v, &y, callee);
                        for t in &mut y.taint {
                            t.clean = t.clean.or(*kinds);
                            t.deny |= mask_of(deny);
                            if let Some(a) = allow {
                                t.allow &= mask_of(a);
                            }
                        }
                        x.absorb(&y, Crumbs::default());
                    }
                }
                Fact::Neutral => said = true,
                Fact::CopyProps { from, to } if to.base == Base::Ret => {
                    let mut slot = Some(x.clone());
                    self.props_to_result(st, v, &input, from, &mut slot);
                    if let Some(y) = slot {
                        *x = y;
                    }
                }
                Fact::Intrinsic(name) => {
                    said = true;
                    if let Some(y) = self.intrinsic(st, v, name, &input) {
                        join_opt(&mut out, &y);
                    }
                }
                _ => {}
            }
        }
        if let Some(y) = out {
            let taint = x.taint.clone();
            let tys = x.tys.clone();
            *x = y;
            taint.iter().for_each(|t| x.add_taint(t));
            if x.tys.is_empty() {
                x.tys = tys;
            }
        }
        if !said && let Some(b) = base {
            x.absorb(b, Crumbs::default());
        }
        let tags: Vec<Arc<str>> = rows
            .iter()
            .filter_map(|r| match &r.fact {
                Fact::Watch(t) => Some(Arc::from(t.as_str())),
                _ => None,
            })
            .collect();
        if !tags.is_empty() {
            self.event(st, v, &input, Vec::new(), tags);
        }
        if self.lang == Lang::Python {
            self.ensure_obj(st, v, x);
        }
    }

    /// Stores into attributes that are sinks or carry properties (`response.headers = x`, `ctx.check_hostname = False`).
    pub fn store_rows(&mut self, st: &mut State, v: ValueId, base: &Val, name: G, x: &Val) {
        let link = self.eng.link;
        let mut hits: Vec<(G, &'a [Row])> = Vec::new();
        for t in base.tys.clone() {
            if let Some((decl, rows)) = link.rows(self.lang, t, name) {
                hits.push((link.join(decl, name).unwrap_or(name), rows));
            }
        }
        if let Some(C::Path(p)) = base.cst.single()
            && let Some(g) = link.join(*p, name)
            && let Some(rows) = link.rows_of(self.lang, g)
        {
            hits.push((g, rows));
        }
        for (callee, rows) in hits {
            let arg = crate::call::A { id: v, val: x.clone(), kw: G::EMPTY, spread: 0, index: 0 };
            let input = CallIn { recv: Some((v, base.clone())), args: vec![arg], callee };
            let rows: Vec<&Row> = rows.iter().collect();
            self.sinks_and_watches(st, v, &rows, &input);
        }
    }

    /// Subscript stores with rows on `__setitem__`: argument 0 is the key, argument 1 the value.
    pub fn store_rows_index(&mut self, st: &mut State, v: ValueId, base: &Val, set: G, key: &Val, x: &Val) {
        let link = self.eng.link;
        for t in base.tys.clone() {
            if let Some((decl, rows)) = link.rows(self.lang, t, set) {
                let callee = link.join(decl, set).unwrap_or(set);
                let a =
                    |i: usize, val: &Val| crate::call::A { id: v, val: val.clone(), kw: G::EMPTY, spread: 0, index: i };
                let input = CallIn { recv: Some((v, base.clone())), args: vec![a(0, key), a(1, x)], callee };
                let rows: Vec<&Row> = rows.iter().collect();
                self.sinks_and_watches(st, v, &rows, &input);
            }
        }
    }

    /// The value an exception handler sees.
    pub fn caught(&mut self, _st: &mut State, v: ValueId, mut x: Val) -> Val {
        let at: Place = self.place(v);
        if x.tys.is_empty()
            && let Some(t) =
                self.eng.link.find(if self.lang == Lang::Java { "java.lang.Throwable" } else { "Exception" })
        {
            x.tys.push(t);
        }
        let _ = at;
        x
    }
}
