//! Intrinsics on lists, sets and maps.

use crate::Crumbs;
use crate::call::A;
use crate::heap::{Obj, ObjKind, State, join_opt};
use crate::interp::{Frame, MAX_ELEMS};
use crate::names::G;
use crate::val::{C, Val};
use surefix_ir::{Lang, ValueId};

impl Frame<'_, '_> {
    pub fn array_type(&self, x: &mut Val) {
        if self.lang == Lang::Java
            && let Some(t) = self.eng.link.find("[]")
        {
            x.tys = smallvec::smallvec![t];
        }
    }

    pub fn list_op(
        &mut self,
        st: &mut State,
        v: ValueId,
        op: &str,
        this: (ValueId, Val),
        args: &[A],
        has_recv: bool,
    ) -> Val {
        let (id, recv) = this;
        let off = if has_recv { 0 } else { 1 };
        let rest = |n: usize| args.get(n + off).map(|a| a.val.clone()).unwrap_or_else(Val::top);
        let elems = self.only(st, &recv).and_then(|o| o.elems.clone());
        match op {
            "new" => {
                let source = args.first().map(|a| (a.id, a.val.clone()));
                let init = match &source {
                    Some((_, x)) if !x.num => self.only(st, x).and_then(|o| o.elems.clone()),
                    _ => Some(Vec::new()),
                };
                let any = match (&init, &source) {
                    (None, Some((sid, x))) => Some(self.element_of(st, v, *sid, x)),
                    _ => None,
                };
                self.edit(st, &recv, &mut |o, _| {
                    o.kind = ObjKind::Seq;
                    o.elems = init.clone();
                    o.rest = any.clone();
                });
                Val::top()
            }
            "of" => {
                let one = match args {
                    [a] if a.val.tys.iter().any(|t| self.eng.link.str(*t) == "[]") => {
                        self.only(st, &a.val).map(|o| (o.elems.clone(), o.rest.clone()))
                    }
                    _ => None,
                };
                match one {
                    Some((e, r)) => self.new_seq(st, v, e, r, None),
                    None => self.new_seq(st, v, Some(args.iter().map(|a| a.val.clone()).collect()), None, None),
                }
            }
            "push" | "insert" | "add" => {
                // `add(x)`, `add(index, x)`.
                let two = args.len() - off.min(args.len()) >= 2;
                let (at, x) = if two { (rest(0).as_int(), rest(1)) } else { (None, rest(0)) };
                if two && at.is_none() {
                    self.relevant |= rest(0).deps;
                }
                if recv.refs.is_empty()
                    && let Some(Some(slot)) = self.vals.get_mut(id.0 as usize)
                {
                    slot.absorb(&x, Crumbs::default());
                }
                self.edit(st, &recv, &mut |o, sure| {
                    if o.kind == ObjKind::Plain {
                        o.kind = ObjKind::Seq;
                    }
                    match (&mut o.elems, sure) {
                        (Some(e), true) if e.len() < MAX_ELEMS && (!two || at.is_some()) => {
                            match at.and_then(|i| usize::try_from(i).ok()) {
                                Some(i) if i <= e.len() => e.insert(i, x.clone()),
                                _ => e.push(x.clone()),
                            }
                        }
                        _ => {
                            if o.elems.is_some() {
                                o.smash();
                            }
                            join_opt(&mut o.rest, &x);
                        }
                    }
                });
                Val::bool(true)
            }
            "get" => {
                let k = rest(0);
                self.load_index(st, v, id, &recv, &k)
            }
            "set" => {
                let (k, x) = (rest(0), rest(1));
                self.relevant |= k.deps;
                let old = self.load_index(st, v, id, &recv, &k);
                self.store_index(st, v, &recv, &k, &x);
                old
            }
            "remove_at" | "pop" | "remove" => {
                let has = args.len() > off;
                let k = if has { rest(0) } else { Val::int(if self.lang == Lang::Python { -1 } else { 0 }) };
                if op == "remove" && !k.num {
                    // By value.
                    let hit = elems
                        .as_ref()
                        .and_then(|e| k.cst.single().and_then(|c| e.iter().position(|x| x.cst.single() == Some(c))));
                    self.edit(st, &recv, &mut |o, sure| match (&mut o.elems, hit, sure) {
                        (Some(e), Some(i), true) => {
                            e.remove(i);
                        }
                        _ => o.smash(),
                    });
                    return Val::number();
                }
                self.relevant |= k.deps;
                let out = self.load_index(st, v, id, &recv, &k);
                let i = k.as_int();
                self.edit(st, &recv, &mut |o, sure| {
                    let n = o.elems.as_ref().map_or(0, Vec::len) as i64;
                    let at = i.map(|i| if i < 0 { i + n } else { i }).filter(|i| (0..n).contains(i));
                    match (&mut o.elems, at, sure) {
                        (Some(e), Some(i), true) => {
                            e.remove(i as usize);
                        }
                        (None, ..) => {}
                        _ => o.smash(),
                    }
                });
                out
            }
            "extend" => {
                let x = rest(0);
                let more = self.only(st, &x).and_then(|o| o.elems.clone());
                let any = if more.is_none() { Some(self.element_of(st, v, id, &x)) } else { None };
                self.edit(st, &recv, &mut |o, sure| match (&mut o.elems, &more, sure) {
                    (Some(e), Some(m), true) if e.len() + m.len() <= MAX_ELEMS => e.extend(m.iter().cloned()),
                    _ => {
                        if o.elems.is_some() {
                            o.smash();
                        }
                        for x in more.iter().flatten().chain(&any) {
                            join_opt(&mut o.rest, x);
                        }
                    }
                });
                Val::number()
            }
            "size" => elems.map_or_else(Val::number, |e| Val::int(e.len() as i64)),
            "is_empty" => elems.map_or_else(Val::number, |e| Val::bool(e.is_empty())),
            "clear" => {
                self.edit(st, &recv, &mut |o, sure| {
                    if sure {
                        o.elems = Some(Vec::new());
                        o.rest = None;
                    }
                });
                Val::top()
            }
            "contains" => {
                let x = rest(0);
                self.contains(st, &recv, &x).map_or_else(Val::number, Val::bool)
            }
            "index_of" => {
                let x = rest(0);
                let c = x.cst.single();
                match (&elems, c) {
                    (Some(e), Some(c)) if e.iter().all(|x| x.cst.single().is_some()) => {
                        Val::int(e.iter().position(|x| x.cst.single() == Some(c)).map_or(-1, |i| i as i64))
                    }
                    _ => Val::number(),
                }
            }
            "reverse" if elems.is_some() => {
                self.edit(st, &recv, &mut |o, sure| match (&mut o.elems, sure) {
                    (Some(e), true) => e.reverse(),
                    _ => o.smash(),
                });
                Val::top()
            }
            "sort" | "reverse" => {
                self.edit(st, &recv, &mut |o, _| o.smash());
                Val::top()
            }
            "copy" | "to_array" => {
                let any = if elems.is_none() { Some(self.element_of(st, v, id, &recv)) } else { None };
                let mut x = self.new_seq(st, v, elems, any, None);
                x.taint = recv.taint.clone();
                if op == "to_array" {
                    self.array_type(&mut x);
                }
                x
            }
            _ => {
                let mut x = Val::top();
                x.absorb(&recv, Crumbs::default());
                x
            }
        }
    }

    pub fn map_op(
        &mut self,
        st: &mut State,
        v: ValueId,
        op: &str,
        this: (ValueId, Val),
        args: &[A],
        has_recv: bool,
    ) -> Val {
        let (id, recv) = this;
        let off = if has_recv { 0 } else { 1 };
        let rest = |n: usize| args.get(n + off).map(|a| a.val.clone());
        match op {
            "map.new" => {
                let src = args.first().and_then(|a| self.only(st, &a.val)).cloned();
                self.edit(st, &recv, &mut |o, _| {
                    o.kind = ObjKind::Map;
                    o.entries = Some(src.as_ref().and_then(|s| s.entries.clone()).unwrap_or_default());
                    o.rest = src.as_ref().and_then(|s| s.rest.clone());
                    o.keys = src.as_ref().and_then(|s| s.keys.clone());
                });
                Val::top()
            }
            "map.of" => {
                let mut o = Obj::map(true);
                for pair in args.chunks(2) {
                    let [k, x] = pair else { continue };
                    match (k.val.cst.single(), &mut o.entries) {
                        (Some(c), Some(m)) => {
                            m.insert(c.clone(), x.val.clone());
                        }
                        _ => {
                            join_opt(&mut o.rest, &x.val);
                            join_opt(&mut o.keys, &k.val);
                        }
                    }
                }
                let mut out = self.alloc(st, v, 4, o);
                if let Some(t) = self.eng.link.find("java.util.Map") {
                    out.tys.push(t);
                }
                out
            }
            "map.put" | "map.setdefault" => {
                let (k, x) = (rest(0).unwrap_or_else(Val::top), rest(1).unwrap_or_else(|| Val::cst(C::Null)));
                self.relevant |= k.deps;
                if recv.refs.is_empty()
                    && let Some(Some(slot)) = self.vals.get_mut(id.0 as usize)
                {
                    slot.absorb(&x, Crumbs::default());
                }
                if op == "map.setdefault" {
                    let mut old = self.load_index(st, v, id, &recv, &k);
                    if old.is_null() {
                        self.store_index(st, v, &recv, &k, &x);
                        return x;
                    }
                    old.join(&x);
                    return old;
                }
                self.store_index(st, v, &recv, &k, &x);
                Val::top()
            }
            "map.get" => {
                let k = rest(0).unwrap_or_else(Val::top);
                let mut x = self.load_index(st, v, id, &recv, &k);
                if let Some(d) = rest(1) {
                    if x.is_null() {
                        x = d;
                    } else if x.cst.all().is_none_or(|c| c.contains(&C::Null)) {
                        x.join(&d);
                    }
                }
                x
            }
            "map.contains_key" => {
                let k = rest(0).unwrap_or_else(Val::top);
                self.contains(st, &recv, &k).map_or_else(Val::number, Val::bool)
            }
            "map.remove" => {
                let k = rest(0).unwrap_or_else(Val::top);
                let x = self.load_index(st, v, id, &recv, &k);
                self.delete_index(st, &recv, &k);
                x
            }
            "map.keys" => {
                let mut k: Option<Val> = None;
                for r in recv.refs.clone() {
                    let Some(o) = st.heap.get(&r).cloned() else { continue };
                    if let Some(x) = o.any_key() {
                        join_opt(&mut k, &x);
                    }
                }
                let mut k = k.unwrap_or_else(Val::top);
                if recv.refs.is_empty() {
                    k.absorb(&recv, Crumbs::default());
                }
                self.new_seq(st, v, None, Some(k), None)
            }
            "map.values" => {
                let x = self.element_of(st, v, id, &recv);
                self.new_seq(st, v, None, Some(x), None)
            }
            "map.entries" => {
                let x = self.element_of(st, v, id, &recv);
                let mut k: Option<Val> = None;
                for r in &recv.refs {
                    if let Some(y) = st.heap.get(r).and_then(|o| o.any_key()) {
                        join_opt(&mut k, &y);
                    }
                }
                let mut k = k.unwrap_or_else(Val::top);
                if recv.refs.is_empty() {
                    k.absorb(&recv, Crumbs::default());
                }
                let mut pair = Obj::seq(vec![k, x], true);
                pair.unique = true;
                let mut p = self.alloc(st, v, 5, pair);
                if let Some(t) =
                    self.eng.link.find(if self.lang == Lang::Java { "java.util.Map.Entry" } else { "tuple" })
                {
                    p.tys.push(t);
                }
                self.new_seq(st, v, None, Some(p), None)
            }
            "entry.key" => self.load_index(st, v, id, &recv, &Val::int(0)),
            "entry.value" => self.load_index(st, v, id, &recv, &Val::int(1)),
            "map.size" => Val::number(),
            "map.put_all" => {
                let src = rest(0).unwrap_or_else(Val::top);
                let o2 = self.only(st, &src).cloned();
                let opaque = if o2.is_none() { Some(self.element_of(st, v, id, &src)) } else { None };
                self.edit(st, &recv, &mut |o, sure| {
                    if o.kind == ObjKind::Plain {
                        o.kind = ObjKind::Map;
                    }
                    let m = o.entries.get_or_insert_default();
                    for (k, x) in o2.iter().flat_map(|o| o.entries.iter().flatten()) {
                        match m.get_mut(k) {
                            Some(old) if !sure => old.join(x),
                            _ => {
                                m.insert(k.clone(), x.clone());
                            }
                        }
                    }
                    if let Some(s) = &o2 {
                        crate::heap::join_into(&mut o.rest, &s.rest);
                        crate::heap::join_into(&mut o.keys, &s.keys);
                    }
                    crate::heap::join_into(&mut o.rest, &opaque);
                });
                // Keyword form of `dict.update`.
                for a in args.iter().filter(|a| a.kw != G::EMPTY) {
                    let k = Val::str(self.eng.link.str(a.kw));
                    self.store_index(st, v, &recv, &k, &a.val);
                }
                Val::top()
            }
            _ => Val::top(),
        }
    }
}
