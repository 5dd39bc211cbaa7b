//! Intrinsics of reflection, of Python's builtins and of resource files.

use crate::Crumbs;
use crate::call::{A, CallIn};
use crate::heap::{Obj, ObjKind, State, join_opt};
use crate::interp::Frame;
use crate::names::G;
use crate::val::{C, Csts, Val};
use surefix_ir::ValueId;

impl Frame<'_, '_> {
    pub fn reflect_op(&mut self, st: &mut State, v: ValueId, op: &str, this: Val, args: &[A]) -> Option<Val> {
        let class_of = |me: &Self, s: &str| {
            let g = me.eng.link.find(s)?;
            Some(if me.eng.link.classes.contains_key(&g) { C::Class(g) } else { C::Path(g) })
        };
        match op {
            "for_name" => {
                let x = args.iter().map(|a| &a.val).find(|a| !a.num).cloned().unwrap_or_else(Val::top);
                self.relevant |= x.deps;
                Some(match x.as_str().and_then(|s| class_of(self, &s)) {
                    Some(c) => Val::cst(c),
                    None => {
                        let mut out = Val::top();
                        out.absorb(&x, Crumbs::default());
                        out
                    }
                })
            }
            "new_instance" => match this.cst.single() {
                Some(C::Class(q) | C::Path(q)) => {
                    let q = *q;
                    self.construct(st, v, q, args.to_vec())
                }
                _ => Some(Val::top()),
            },
            "get_method" => {
                let name = args.first().and_then(|a| a.val.as_str()).and_then(|s| self.eng.link.find(&s));
                Some(match name {
                    Some(n) => {
                        let mut o = Obj::new(ObjKind::Bound(n), true);
                        o.elems = Some(vec![this]);
                        self.alloc(st, v, 4, o)
                    }
                    None => Val::top(),
                })
            }
            _ => {
                // invoke(receiver, args…)
                let name = match self.only(st, &this).map(|o| o.kind.clone()) {
                    Some(ObjKind::Bound(n)) => n,
                    _ => return Some(self.unknown_call(st, v, Some(&this), args)),
                };
                let (first, rest) = match args.split_first() {
                    Some((f, r)) => (f.clone(), r.to_vec()),
                    None => return Some(Val::top()),
                };
                if first.val.is_null() {
                    let class = self
                        .only(st, &this)
                        .and_then(|o| o.elems.as_ref().and_then(|e| e.first().cloned()))
                        .unwrap_or_else(Val::top);
                    return self.call_method(st, v, (v, class), name, rest);
                }
                self.call_method(st, v, (first.id, first.val), name, rest)
            }
        }
    }

    pub fn py_op(&mut self, st: &mut State, v: ValueId, op: &str, args: &[A], callee: G) -> Option<Val> {
        let arg = |n: usize| args.get(n).map(|a| a.val.clone()).unwrap_or_else(Val::top);
        let id = |n: usize| args.get(n).map_or(v, |a| a.id);
        let deps = args.iter().fold(0, |d, a| d | a.val.deps);
        let x = arg(0);
        Some(
            match op {
                "len" => match (self.only(st, &x), x.as_str()) {
                    (Some(o), _) if o.elems.is_some() => Val::int(o.elems.as_ref().map_or(0, Vec::len) as i64),
                    (_, Some(s)) => Val::int(s.chars().count() as i64),
                    _ => Val::number(),
                },
                "str" => {
                    let exc = x.tys.iter().any(|t| {
                        self.eng.link.str(*t).ends_with("Exception") || self.eng.link.str(*t).ends_with("Error")
                    });
                    let _ = exc;
                    if let Some(f) = self
                        .eng
                        .link
                        .find("__str__")
                        .and_then(|m| x.tys.first().and_then(|t| self.eng.link.methods(*t, m).first().copied()))
                    {
                        return self.call_project(st, v, f, vec![x], &[]);
                    }
                    let mut y = self.as_text(st, id(0), x, true);
                    y.refs.clear();
                    y
                }
                "int" => match (x.as_str().and_then(|s| s.trim().parse::<i64>().ok()), x.as_int()) {
                    (Some(i), _) | (_, Some(i)) => Val::int(i),
                    _ => Val::number(),
                },
                "bool" => x.truth().map_or_else(Val::number, Val::bool),
                "list" | "tuple" | "set" | "reversed" | "sorted" | "iter" | "filter" => {
                    let src = if op == "filter" { arg(1) } else { x };
                    let sid = if op == "filter" { id(1) } else { id(0) };
                    let elems = self
                        .only(st, &src)
                        .filter(|o| o.kind != ObjKind::Map)
                        .and_then(|o| o.elems.clone())
                        .filter(|_| matches!(op, "list" | "tuple" | "iter"));
                    if args.is_empty() {
                        return Some(self.new_seq(st, v, Some(Vec::new()), None, None));
                    }
                    let any = if elems.is_none() { Some(self.iterate(st, v, sid, &src)) } else { None };
                    let mut out = self.new_seq(st, v, elems, any, None);
                    if op == "tuple"
                        && let Some(t) = self.eng.link.find("tuple")
                    {
                        out.tys = smallvec::smallvec![t];
                    }
                    out
                }
                "dict" => {
                    let mut o = match self.only(st, &x) {
                        Some(src) if src.kind == ObjKind::Map && src.sym.is_none() => (**src).clone(),
                        _ => Obj::map(true),
                    };
                    o.unique = true;
                    for a in args.iter().filter(|a| a.kw != G::EMPTY) {
                        let k = C::Str(self.eng.link.str(a.kw).into());
                        o.entries.get_or_insert_default().insert(k, a.val.clone());
                    }
                    let mut out = self.alloc(st, v, 4, o);
                    if x.refs.is_empty() && args.first().is_some_and(|a| a.kw == G::EMPTY) {
                        out.absorb(&x, Crumbs::default());
                    }
                    if let Some(t) = self.eng.link.find("dict") {
                        out.tys.push(t);
                    }
                    out
                }
                "isinstance" => {
                    let _ = callee;
                    Val::number()
                }
                "getattr" => match arg(1).as_str().and_then(|s| self.eng.link.find(&s)) {
                    Some(g) => {
                        let mut y = self.load_field(st, v, id(0), &x, g);
                        if args.len() > 2 {
                            y.join(&arg(2));
                        }
                        y
                    }
                    None => {
                        self.relevant |= arg(1).deps;
                        let mut y = Val::top();
                        y.absorb(&x, Crumbs::default());
                        y.absorb(&arg(1), Crumbs::default());
                        y
                    }
                },
                "setattr" => {
                    if let Some(g) = arg(1).as_str().and_then(|s| self.eng.link.find(&s)) {
                        let y = arg(2);
                        self.store_field(st, v, &x, g, &y);
                    }
                    Val::cst(C::Null)
                }
                "range" => self.new_seq(st, v, None, Some(Val::number()), None),
                "enumerate" => {
                    let e = self.iterate(st, v, id(0), &x);
                    let pair = Obj::seq(vec![Val::number(), e], true);
                    let p = self.alloc(st, v, 5, pair);
                    self.new_seq(st, v, None, Some(p), None)
                }
                "zip" => {
                    let parts: Vec<Val> = (0..args.len()).map(|i| self.iterate(st, v, id(i), &arg(i))).collect();
                    let p = self.alloc(st, v, 5, Obj::seq(parts, true));
                    self.new_seq(st, v, None, Some(p), None)
                }
                "map" => {
                    let call_args: Vec<A> = (1..args.len())
                        .map(|i| {
                            let val = self.iterate(st, v, id(i), &arg(i));
                            A { id: v, val, kw: G::EMPTY, spread: 0, index: i }
                        })
                        .collect();
                    let y = self.call_value(st, v, &x, call_args).unwrap_or_else(Val::top);
                    self.new_seq(st, v, None, Some(y), None)
                }
                "next" => self.element_of(st, v, id(0), &x),
                "min" | "max" => {
                    let mut out: Option<Val> = None;
                    if args.len() == 1 {
                        return Some(self.iterate(st, v, id(0), &x));
                    }
                    for a in args.iter().filter(|a| a.kw == G::EMPTY) {
                        join_opt(&mut out, &a.val);
                    }
                    out.unwrap_or_else(Val::top)
                }
                "any" | "all" => Val::number(),
                "open" => {
                    let mut o = Obj::new(ObjKind::Plain, true);
                    o.ty = self.eng.link.find("io.TextIOWrapper");
                    let mut out = self.alloc(st, v, 4, o);
                    out.tys.extend(self.eng.link.find("io.TextIOWrapper"));
                    // Keeps the path's constants, so that readers of resource files find them.
                    out.shapes = x.shapes.clone();
                    out.cst = if x.as_str().is_some() { x.cst.clone() } else { Csts::Top };
                    out
                }
                _ => {
                    let mut out = Val::top();
                    args.iter().for_each(|a| out.absorb(&a.val, Crumbs::default()));
                    out
                }
            }
            .with_deps(deps),
        )
    }

    pub fn resource_op(
        &mut self,
        st: &mut State,
        v: ValueId,
        op: &str,
        this: (ValueId, Val),
        args: &[A],
        input: &CallIn,
    ) -> Val {
        let rest = |n: usize| args.get(n).map(|a| a.val.clone()).unwrap_or_else(Val::top);
        match op {
            "open" => {
                // The path's constants ride on the stream's value.
                let x = rest(0);
                self.relevant |= x.deps;
                let mut o = Obj::new(ObjKind::Plain, true);
                if let Some(s) = x.as_str() {
                    o.props.insert("resource".into(), Val::str(&s));
                }
                let mut out = self.alloc(st, v, 4, o);
                out.deps = x.deps;
                out
            }
            "load" => {
                let x = rest(0);
                let name = match self.snap(st, &x).props.get("resource") {
                    Some(p) => p.as_str(),
                    None => x.as_str(),
                };
                let entries = name.as_ref().and_then(|n| crate::resources::properties(self.eng.link.program, n));
                self.edit(st, &this.1, &mut |o, _| {
                    let map = o.entries.get_or_insert_default();
                    match &entries {
                        Some(e) => {
                            for (k, x) in e {
                                map.insert(C::Str(k.as_str().into()), Val::str(x));
                            }
                        }
                        None => {
                            // The default of a later look-up stays visible as a constant beside it.
                            join_opt(&mut o.rest, &Val::top());
                        }
                    }
                });
                let _ = input;
                Val::top()
            }
            _ => {
                let k = rest(0);
                let x = self.load_index(st, v, this.0, &this.1, &k);
                if args.len() > 1 {
                    if x.is_null() {
                        return rest(1);
                    }
                    if x.cst == Csts::Top && x.taint.is_empty() {
                        // Unknown file: the default is one possibility.
                        let mut y = x;
                        y.join(&rest(1));
                        if y.cst == Csts::Top {
                            y.cst = rest(1).cst;
                        }
                        return y;
                    }
                }
                x
            }
        }
    }
}
