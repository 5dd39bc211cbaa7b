//! Library operations that the analysis evaluates itself: text, builders, lists, maps, numbers, reflection.

use crate::Crumbs;
use crate::call::{A, CallIn};
use crate::heap::{Obj, ObjKind, State, join_opt};
use crate::interp::{Frame, MAX_ELEMS};
use crate::names::G;
use crate::template::Syntax;
use crate::val::{C, Csts, ObjId, Step, Val, tflag};
use std::sync::Arc;
use surefix_ir::{Lang, ValueId};

impl Frame<'_, '_> {
    /// The content of a mutable text object.
    pub fn text_of(&mut self, st: &mut State, r: ObjId) -> Val {
        let Some(o) = st.heap.get(&r).cloned() else { return Val::top() };
        let mut x = match (&o.text, &o.sym) {
            (Some(t), _) => t.clone(),
            (None, Some(sym)) => {
                let x = self.sym_part(st, sym, Step::Text, None);
                if let Some(o) = st.heap.get(&r) {
                    let mut o = (**o).clone();
                    o.text = Some(x.clone());
                    st.heap.insert(r, Arc::new(o));
                }
                x
            }
            (None, None) => Val::str(""),
        };
        if let Some(rest) = &o.rest {
            x.absorb(rest, Crumbs::default());
        }
        x
    }

    pub fn set_text(&mut self, st: &mut State, recv: &Val, x: &Val) {
        let strong = recv.refs.len() == 1;
        for r in &recv.refs {
            if let Some(o) = st.heap.get(r) {
                let mut o = (**o).clone();
                o.dirty = true;
                o.kind = ObjKind::Text;
                match &mut o.text {
                    Some(old) if !(strong && o.unique) => old.join(x),
                    slot => *slot = Some(x.clone()),
                }
                st.heap.insert(*r, Arc::new(o));
            }
        }
    }

    pub fn edit(&mut self, st: &mut State, recv: &Val, f: &mut dyn FnMut(&mut Obj, bool)) {
        let strong = recv.refs.len() == 1;
        for r in &recv.refs {
            if let Some(o) = st.heap.get(r) {
                let mut o = (**o).clone();
                o.dirty = true;
                let sure = strong && o.unique;
                f(&mut o, sure);
                st.heap.insert(*r, Arc::new(o));
            }
        }
    }

    pub fn only<'s>(&self, st: &'s State, x: &Val) -> Option<&'s Arc<Obj>> {
        match x.refs.as_slice() {
            [r] => st.heap.get(r),
            _ => None,
        }
    }

    pub fn new_seq(
        &mut self,
        st: &mut State,
        v: ValueId,
        elems: Option<Vec<Val>>,
        rest: Option<Val>,
        like: Option<&Val>,
    ) -> Val {
        let mut o = Obj::new(ObjKind::Seq, true);
        match elems {
            Some(e) if e.len() <= MAX_ELEMS => {
                o.elems = Some(e);
                if let Some(r) = rest {
                    o.smash();
                    join_opt(&mut o.rest, &r);
                }
            }
            Some(e) => {
                let mut any = rest;
                e.iter().for_each(|x| join_opt(&mut any, x));
                o.rest = any;
            }
            None => o.rest = rest,
        }
        let mut out = self.alloc(st, v, 4, o);
        if let Some(l) = like {
            out.tys = l.tys.clone();
        } else if let Some(t) = self.eng.link.find(if self.lang == Lang::Java { "java.util.List" } else { "list" }) {
            out.tys.push(t);
        }
        out
    }

    /// Result derived from text: keeps taints, drops shape and constants.
    pub fn derived(&self, v: ValueId, callee: G, x: &Val) -> Val {
        let mut out = Val::top();
        out.taint = x.taint.clone();
        let at = self.place(v);
        for t in &mut out.taint {
            t.trace = t.trace.step(at, crate::StepKind::Through, callee);
            t.flags &= tflag::NO_DOTDOT;
        }
        out.deps = x.deps;
        if let Some(t) = self.eng.link.find(if self.lang == Lang::Java { "java.lang.String" } else { "str" }) {
            out.tys.push(t);
        }
        out
    }

    pub fn text_arg(&mut self, st: &mut State, x: &Val) -> Val {
        // A builder or char array given as text.
        if let [r] = x.refs.as_slice()
            && st.heap.get(r).is_some_and(|o| o.kind == ObjKind::Text)
        {
            return self.text_of(st, *r);
        }
        x.clone()
    }

    /// Evaluates intrinsic `name`; `None` means that the call never returns.
    pub fn intrinsic(&mut self, st: &mut State, v: ValueId, name: &str, input: &CallIn) -> Option<Val> {
        let args: Vec<A> = input.args.clone();
        let arg = |n: usize| args.get(n).map(|a| a.val.clone());
        // A static form takes its receiver as argument 0.
        let (this_id, this, off) = match &input.recv {
            Some((id, x)) => (*id, x.clone(), 0),
            None => match args.first() {
                Some(a) => (a.id, a.val.clone(), 1),
                None => (v, Val::top(), 0),
            },
        };
        let rest = |n: usize| args.get(n + off).map(|a| a.val.clone());
        let rest_id = |n: usize| args.get(n + off).map_or(v, |a| a.id);
        let deps = this.deps | args.iter().fold(0, |d, a| d | a.val.deps);
        let callee = input.callee;
        let (family, op) = name.split_once('.').unwrap_or((name, ""));
        if name == "call.never" {
            return None;
        }
        let out = match family {
            "str" => self.text_op(st, v, op, (this_id, this), &args, off, callee),
            "re" => {
                // Matches are guards; their value is a match object with the text inside.
                let text = match op {
                    "compile" | "pattern_fullmatch" | "pattern_match" => arg(0),
                    "matcher_matches" => None,
                    _ => arg(1),
                };
                match (op, text) {
                    ("compile", Some(t)) => Val { cst: t.cst.clone(), ..self.derived(v, callee, &t) },
                    (_, Some(t)) => self.derived(v, callee, &t),
                    (_, None) => Val::number(),
                }
            }
            "sb" => match op {
                "new" => {
                    let mut init =
                        arg(0).map(|x| self.text_arg(st, &x)).filter(|x| !x.num).unwrap_or_else(|| Val::str(""));
                    if init.shapes.is_empty() && init.cst == Csts::Top {
                        let id = args.first().map_or(v, |a| a.id);
                        init.shapes.push(self.hole(id, &init));
                    }
                    self.set_text(st, &this, &init);
                    Val::top()
                }
                "to_text" => {
                    let mut out: Option<Val> = None;
                    for r in this.refs.clone() {
                        let t = self.text_of(st, r);
                        join_opt(&mut out, &t);
                    }
                    let mut out = out.unwrap_or_else(|| self.derived(v, callee, &this));
                    if let Some(t) = self.eng.link.find("java.lang.String") {
                        out.tys = smallvec::smallvec![t];
                    }
                    out
                }
                "append" => {
                    // The text is the last argument that is text (offset forms come after it).
                    let mut x = rest(0).map(|x| self.text_arg(st, &x)).unwrap_or_else(Val::top);
                    if x.shape_list().is_none() {
                        // The hole is what is written in the call, not where the value was made.
                        x.shapes.push(self.hole_at(v, rest_id(0), args.get(off).map(|a| a.index), &x));
                    }
                    let mut merged: Option<Val> = None;
                    for r in this.refs.clone() {
                        let t = self.text_of(st, r);
                        let y = if self.looping
                            && t.shapes.len() + t.taint.len() > 0
                            && st.heap.get(&r).is_some_and(|o| !o.unique)
                        {
                            let mut y = t.clone();
                            y.absorb(&x, Crumbs::default());
                            y
                        } else {
                            self.concat(st, v, &[(this_id, t), (rest_id(0), x.clone())])
                        };
                        join_opt(&mut merged, &y);
                    }
                    match merged {
                        Some(m) => {
                            let to = this.clone();
                            self.set_text(st, &to, &m);
                            let mut out = this.clone();
                            out.deps |= deps;
                            return Some(out);
                        }
                        None => {
                            let mut out = this.clone();
                            out.absorb(&x, Crumbs::default());
                            if let Some(Some(slot)) = self.vals.get_mut(this_id.0 as usize) {
                                slot.absorb(&x, Crumbs::default());
                            }
                            return Some(out);
                        }
                    }
                }
                _ => {
                    // insert, replace, delete, reverse, set_length: the text changes in a way that is not followed.
                    let mut t: Option<Val> = None;
                    for r in this.refs.clone() {
                        let x = self.text_of(st, r);
                        join_opt(&mut t, &x);
                    }
                    let mut t = t.map(|t| self.derived(v, callee, &t)).unwrap_or_else(Val::top);
                    for a in &args {
                        if !a.val.num {
                            t.absorb(&a.val, Crumbs::default());
                        }
                    }
                    let to = this.clone();
                    self.set_text(st, &to, &t);
                    return Some(this);
                }
            },
            "num" => match op {
                "box" => rest(0).filter(|_| input.recv.is_some()).unwrap_or(this),
                "parse" => {
                    let x =
                        if input.recv.is_some() && !args.is_empty() { arg(0).unwrap_or_else(Val::top) } else { this };
                    match x.as_str().and_then(|s| s.trim().parse::<i64>().ok()) {
                        Some(i) => Val::int(i),
                        None => x.as_int().map_or_else(Val::number, Val::int),
                    }
                }
                _ => {
                    let ints: Option<Vec<i64>> = args.iter().map(|a| a.val.as_int()).collect();
                    match (op, ints.as_deref()) {
                        ("abs", Some([x])) => Val::int(x.wrapping_abs()),
                        ("max", Some([x, y])) => Val::int(*x.max(y)),
                        ("min", Some([x, y])) => Val::int(*x.min(y)),
                        _ => Val::number(),
                    }
                }
            },
            "list" | "set" => self.list_op(st, v, op, (this_id, this), &args, input.recv.is_some()),
            "map" | "entry" => self.map_op(st, v, name, (this_id, this), &args, input.recv.is_some()),
            "iter" => match op {
                "new" => {
                    let e = match (input.recv.is_some(), args.len()) {
                        (true, _) | (false, 1..) => self.iterate(st, v, this_id, &this),
                        _ => Val::top(),
                    };
                    let mut o = Obj::new(ObjKind::Iter, true);
                    o.rest = Some(e);
                    let mut out = self.alloc(st, v, 4, o);
                    out.taint = this.taint.clone();
                    out
                }
                "next" => self.element_of(st, v, this_id, &this),
                _ => Val::number(),
            },
            "obj" => match op {
                "identity" => return Some(this),
                "clone" => return Some(this),
                "equals" => {
                    if this.as_str().is_some() || !this.shapes.is_empty() {
                        return Some(self.text_op(st, v, "equals", (this_id, this), &args, off, callee));
                    }
                    Val::number()
                }
                _ => Val::top(),
            },
            "arg" => return arg(0).or(Some(Val::top())),
            "opt" => match op {
                "of" => {
                    let x = arg(0).unwrap_or_else(Val::top);
                    let mut out = self.new_seq(st, v, Some(vec![x]), None, None);
                    out.tys.clear();
                    out
                }
                "or_else" => {
                    let mut x = self.element_of(st, v, this_id, &this);
                    if let Some(y) = rest(0) {
                        x.join(&y);
                    }
                    x
                }
                _ => self.element_of(st, v, this_id, &this),
            },
            "res" => return Some(self.resource_op(st, v, op, (this_id, this), &args, input)),
            "reflect" => return self.reflect_op(st, v, op, this, &args),
            "py" => return self.py_op(st, v, op, &args, callee),
            _ => {
                let mut out = Val::top();
                out.absorb(&this, Crumbs::UNKNOWN_CALLEE);
                for a in &args {
                    out.absorb(&a.val, Crumbs::UNKNOWN_CALLEE);
                }
                out
            }
        };
        Some(out.with_deps(deps))
    }

    #[allow(clippy::too_many_arguments)]
    pub fn text_op(
        &mut self,
        st: &mut State,
        v: ValueId,
        op: &str,
        this: (ValueId, Val),
        args: &[A],
        off: usize,
        callee: G,
    ) -> Val {
        let (this_id, recv) = this;
        let recv = self.text_arg(st, &recv);
        let rest = |n: usize| args.get(n + off).map(|a| &a.val);
        let s = recv.as_str();
        let a_str = rest(0).and_then(Val::as_str);
        let a_int = rest(0).and_then(Val::as_int);
        let pos = |i: i64| usize::try_from(i).ok();
        let chars = |s: &str| s.chars().collect::<Vec<char>>();
        let derived = |me: &Self| me.derived(v, callee, &recv);
        let fold = |me: &mut Self, f: &dyn Fn(&str) -> String| match &recv.cst {
            Csts::Set(cs) if cs.iter().all(|c| matches!(c, C::Str(_))) && !cs.is_empty() => {
                let mut out: Option<Val> = None;
                for c in cs {
                    if let C::Str(s) = c {
                        join_opt(&mut out, &Val::str(&f(s)));
                    }
                }
                out.unwrap_or_else(Val::top)
            }
            _ => {
                let mut x = me.derived(v, callee, &recv);
                for (t, old) in x.taint.iter_mut().zip(&recv.taint) {
                    t.flags = old.flags;
                }
                x
            }
        };
        match op {
            "char_at" => match (s, a_int.and_then(pos)) {
                (Some(s), Some(i)) => match chars(&s).get(i) {
                    Some(c) => Val::cst(C::Char(*c as u32)),
                    None => Val::top(),
                },
                _ => {
                    self.relevant |= recv.deps | rest(0).map_or(0, |a| a.deps);
                    let mut x = derived(self);
                    x.taint.iter_mut().for_each(|t| t.flags |= tflag::ONE_CHAR);
                    x
                }
            },
            "substring" => match (s, a_int, rest(1)) {
                (Some(s), Some(lo), hi) => {
                    let cs = chars(&s);
                    let hi = match hi {
                        None => Some(cs.len()),
                        Some(h) => h.as_int().and_then(pos),
                    };
                    match (pos(lo), hi) {
                        (Some(lo), Some(hi)) if lo <= hi && hi <= cs.len() => {
                            Val::str(&cs[lo..hi].iter().collect::<String>())
                        }
                        _ => derived(self),
                    }
                }
                _ => derived(self),
            },
            "length" => s.map_or_else(Val::number, |s| Val::int(s.chars().count() as i64)),
            "is_empty" => s.map_or_else(Val::number, |s| Val::bool(s.is_empty())),
            "equals" | "equals_ignore_case" => match (&recv.cst, rest(0).map(|r| &r.cst)) {
                (Csts::Set(a), Some(Csts::Set(b))) if !a.is_empty() && !b.is_empty() => {
                    let norm = |c: &C| match c {
                        C::Str(s) if op == "equals_ignore_case" => C::Str(s.to_lowercase().into()),
                        c => c.clone(),
                    };
                    let (a, b): (Vec<C>, Vec<C>) = (a.iter().map(norm).collect(), b.iter().map(norm).collect());
                    if a.len() == 1 && b.len() == 1 {
                        Val::bool(a == b)
                    } else if a.iter().all(|x| !b.contains(x)) {
                        Val::bool(false)
                    } else {
                        Val::number()
                    }
                }
                _ => Val::number(),
            },
            "contains" => match (s, a_str) {
                (Some(s), Some(a)) => Val::bool(s.contains(&*a)),
                _ => Val::number(),
            },
            "starts_with" => match (s, a_str) {
                (Some(s), Some(a)) => Val::bool(s.starts_with(&*a)),
                _ => Val::number(),
            },
            "ends_with" => match (s, a_str) {
                (Some(s), Some(a)) => Val::bool(s.ends_with(&*a)),
                _ => Val::number(),
            },
            "index_of" => match (s, a_str) {
                (Some(s), Some(a)) => Val::int(s.find(&*a).map_or(-1, |b| s[..b].chars().count() as i64)),
                _ => Val::number(),
            },
            "lower" => fold(self, &|s| s.to_lowercase()),
            "upper" => fold(self, &|s| s.to_uppercase()),
            "trim" => match rest(0).and_then(Val::as_str) {
                Some(set) => fold(self, &|s| s.trim_matches(|c| set.contains(c)).to_string()),
                None => fold(self, &|s| s.trim().to_string()),
            },
            "repeat" => match (s, a_int) {
                (Some(s), Some(n)) if (0..1000).contains(&n) => Val::str(&s.repeat(n as usize)),
                _ => derived(self),
            },
            "of" | "encode" | "decode" | "chars" => {
                // The argument of `getBytes(UTF_8)` and `encode("utf-8")` is a character set, no text.
                let of_recv = off == 1 || args.is_empty() || matches!(op, "encode" | "chars");
                let target = if of_recv { recv.clone() } else { rest(0).cloned().unwrap_or_else(Val::top) };
                // The static form converts its argument, the constructor form too (`new String(bytes)`).
                let target = if op == "decode"
                    && !args.is_empty()
                    && rest(0).is_some_and(|r| !r.taint.is_empty() || r.as_str().is_some() || !r.shapes.is_empty())
                    && recv.taint.is_empty()
                    && recv.as_str().is_none()
                {
                    rest(0).cloned().unwrap_or_else(Val::top)
                } else {
                    target
                };
                let target = self.text_arg(st, &target);
                let id = if of_recv { this_id } else { args[0].id };
                let mut x = self.as_text(st, id, target, true);
                x.refs.clear();
                if op == "of" || op == "decode" {
                    x.tys.clear();
                    if let Some(t) =
                        self.eng.link.find(if self.lang == Lang::Java { "java.lang.String" } else { "str" })
                    {
                        x.tys.push(t);
                    }
                }
                x
            }
            "replace" | "replace_all" => {
                let to = rest(1).cloned().unwrap_or_else(Val::top);
                match (s, a_str.clone(), to.as_str()) {
                    (Some(s), Some(from), Some(to)) if op == "replace" => Val::str(&s.replace(&*from, &to)),
                    _ => {
                        let mut x = derived(self);
                        for (t, old) in x.taint.iter_mut().zip(&recv.taint) {
                            t.flags = old.flags & (tflag::NO_DOTDOT | tflag::SQL_ESCAPED);
                        }
                        x.absorb(&to, Crumbs::default());
                        if let (Some(from), Some(to)) = (a_str, to.as_str()) {
                            let gone: u128 = if op == "replace" {
                                if from.chars().count() == 1 {
                                    from.chars().filter(char::is_ascii).fold(0, |m, c| m | 1 << c as u32)
                                } else {
                                    0
                                }
                            } else {
                                removed_by(&from)
                            };
                            let back: u128 = to.chars().filter(char::is_ascii).fold(0, |m, c| m | 1 << c as u32);
                            for t in &mut x.taint {
                                t.deny = (t.deny | gone) & !back;
                                t.allow |= back;
                                if from.as_ref() == "'" && (to.as_ref() == "''" || to.as_ref() == "\\'") {
                                    t.flags |= tflag::SQL_ESCAPED;
                                }
                                // Removing `..` once can leave `..` behind; only a different non-empty filler breaks it up.
                                if from.as_ref() == ".." && !to.is_empty() && !to.contains('.') {
                                    t.flags |= tflag::NO_DOTDOT;
                                }
                                // HTML text is safe once `<` cannot occur; an escape that writes `&lt;` says so too.
                            }
                        }
                        x
                    }
                }
            }
            "concat" => {
                let other = rest(0).cloned().unwrap_or_else(Val::top);
                let id = args.get(off).map_or(v, |a| a.id);
                self.concat(st, v, &[(this_id, recv.clone()), (id, other)])
            }
            "join" => {
                // Java: join(sep, a, b, …) or join(sep, list). Python: sep.join(list).
                let (sep, sep_id, parts) = (recv.clone(), this_id, &args[off.min(args.len())..]);
                let list: Option<Vec<(ValueId, Val)>> = match parts {
                    [one] => match self.only(st, &one.val).and_then(|o| o.elems.clone()) {
                        Some(e) => {
                            let ids = self.element_ids(one.id);
                            Some(
                                e.into_iter()
                                    .enumerate()
                                    .map(|(i, x)| (ids.get(i).copied().unwrap_or(one.id), x))
                                    .collect(),
                            )
                        }
                        None => None,
                    },
                    many => Some(many.iter().map(|a| (a.id, a.val.clone())).collect()),
                };
                match list {
                    Some(l) if !l.is_empty() => {
                        let mut seq = Vec::new();
                        for (i, p) in l.into_iter().enumerate() {
                            if i > 0 {
                                seq.push((sep_id, sep.clone()));
                            }
                            seq.push(p);
                        }
                        self.concat(st, v, &seq)
                    }
                    Some(_) => Val::str(""),
                    None => {
                        let mut x = derived(self);
                        for p in parts {
                            let e = self.element_of(st, v, p.id, &p.val);
                            x.absorb(&e, Crumbs::default());
                            let d = self.deep(st, &p.val);
                            x.absorb(&d, Crumbs::default());
                        }
                        x.shapes.push(self.hole(v, &x));
                        x
                    }
                }
            }
            "format" => {
                // `String.format([locale,] template, args…)`, `template.formatted(args…)`.
                let (t_at, first) = if off == 0 {
                    (None, 0)
                } else {
                    (
                        args.iter().position(|a| {
                            a.val.as_str().is_some() || !a.val.shapes.is_empty() || !a.val.taint.is_empty()
                        }),
                        1,
                    )
                };
                let (t, first) = match t_at {
                    Some(i) if off == 1 => (args[i].val.clone(), i + 1),
                    _ => (recv.clone(), first),
                };
                let mut list: Vec<(ValueId, Val)> = args.iter().skip(first).map(|a| (a.id, a.val.clone())).collect();
                if let [(id, one)] = list.as_slice()
                    && one.tys.iter().any(|t| self.eng.link.str(*t) == "[]")
                    && let Some(e) = self.only(st, one).and_then(|o| o.elems.clone())
                {
                    let ids = self.element_ids(*id);
                    let id = *id;
                    list = e.into_iter().enumerate().map(|(i, x)| (ids.get(i).copied().unwrap_or(id), x)).collect();
                }
                let mut all = Val::top();
                for a in args {
                    let d = self.deep(st, &a.val);
                    all.absorb(&d, Crumbs::default());
                }
                self.template(st, v, &t, &all, Syntax::Java, &mut |n, _| list.get(n).cloned())
            }
            "pyformat" => {
                let mut all = recv.clone();
                for a in args {
                    let d = self.deep(st, &a.val);
                    all.absorb(&d, Crumbs::default());
                }
                all.shapes.clear();
                all.cst = Csts::Top;
                let pos: Vec<(ValueId, Val)> =
                    args.iter().filter(|a| a.kw == G::EMPTY).map(|a| (a.id, a.val.clone())).collect();
                let named: Vec<(String, ValueId, Val)> = args
                    .iter()
                    .filter(|a| a.kw != G::EMPTY)
                    .map(|a| (self.eng.link.str(a.kw).to_string(), a.id, a.val.clone()))
                    .collect();
                self.template(st, v, &recv, &all, Syntax::Braces, &mut |n, name| {
                    if name.is_empty() {
                        pos.get(n).cloned()
                    } else {
                        named.iter().find(|x| x.0 == name).map(|x| (x.1, x.2.clone()))
                    }
                })
            }
            "split" => {
                if let (Some(s), Some(sep)) = (&s, &a_str) {
                    let plain = self.lang == Lang::Python || !sep.chars().any(|c| ".*+?()[]{}|^$\\".contains(c));
                    if plain && !sep.is_empty() {
                        let parts: Vec<Val> = s.split(&**sep).map(Val::str).collect();
                        let mut x = self.new_seq(st, v, Some(parts), None, None);
                        self.array_type(&mut x);
                        return x;
                    }
                }
                let mut e = derived(self);
                if let Some(sep) = &a_str
                    && sep.chars().count() == 1
                {
                    // The separator does not occur in the parts (Python; Java when it is no pattern character).
                    let c = sep.chars().next().unwrap_or(' ');
                    if c.is_ascii()
                        && (self.lang == Lang::Python || !".*+?()[]{}|^$\\".contains(c))
                        && rest(1).is_none()
                    {
                        e.taint.iter_mut().for_each(|t| t.deny |= 1 << c as u32);
                    }
                }
                let mut x = self.new_seq(st, v, None, Some(e), None);
                self.array_type(&mut x);
                x
            }
            "partition" => {
                let e = derived(self);
                self.new_seq(st, v, Some(vec![e.clone(), e.clone(), e]), None, None)
            }
            "matches" | "isdigit" | "isalnum" => Val::number(),
            _ => derived(self),
        }
    }
}

/// Single ASCII characters that a regular expression used with "replace all" removes: a plain character, an escape or a class.
fn removed_by(pattern: &str) -> u128 {
    use regex_syntax::hir::{Class, HirKind};
    let Ok(hir) = regex_syntax::Parser::new().parse(pattern) else { return 0 };
    fn mask(h: &regex_syntax::hir::Hir) -> Option<u128> {
        match h.kind() {
            HirKind::Literal(l) => match l.0.as_ref() {
                [b] if *b < 128 => Some(1 << *b),
                _ => None,
            },
            HirKind::Class(Class::Unicode(c)) => {
                let mut m = 0u128;
                for r in c.ranges() {
                    for ch in (r.start() as u32)..=(r.end() as u32).min(127) {
                        m |= 1 << ch;
                    }
                }
                Some(m)
            }
            HirKind::Repetition(r) if r.min <= 1 => mask(&r.sub),
            HirKind::Capture(c) => mask(&c.sub),
            HirKind::Alternation(parts) => {
                let mut m = 0;
                for p in parts {
                    if let Some(x) = mask(p) {
                        m |= x;
                    }
                }
                Some(m)
            }
            _ => None,
        }
    }
    mask(&hir).unwrap_or(0)
}
