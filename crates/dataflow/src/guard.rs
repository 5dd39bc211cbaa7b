//! What a taken branch proves: equality, membership, prefixes, character tests, project validators.

use crate::heap::{Fact, State};
use crate::interp::Frame;
use crate::val::{C, Csts, SFrag, Val, tflag};
use surefix_ir::{BinOp, Callee, Lang, Op, UnOp, ValueId};
use surefix_models::{Base, Kind, Kinds};

fn mask_of(s: &str) -> u128 {
    s.chars().filter(|c| c.is_ascii()).fold(0, |m, c| m | 1u128 << c as u32)
}

const DIGITS: &str = "0123456789";
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

impl Frame<'_, '_> {
    fn add_fact(&self, st: &mut State, v: ValueId, f: Fact) {
        if !f.is_empty() {
            st.refine.edit().entry(v).or_default().and(&f);
        }
    }

    /// Adds a fact to `v` and to the values it is a mere copy of.
    fn learn(&self, st: &mut State, v: ValueId, f: &Fact, depth: u32) {
        self.add_fact(st, v, f.clone());
        if depth > 8 {
            return;
        }
        match &self.func.instr(v).op {
            Op::Copy(a) | Op::Cast(_, a) | Op::Await(a) | Op::ToText(a, 0, _) => self.learn(st, *a, f, depth + 1),
            _ => {}
        }
    }

    /// Values from which `v` was derived by steps that a check on `v` speaks for: case folding, canonical form, parsed part.
    fn upstream(&self, v: ValueId, out: &mut Vec<ValueId>, depth: u32) {
        if depth > 8 || out.contains(&v) {
            return;
        }
        out.push(v);
        match &self.func.instr(v).op {
            Op::Copy(a) | Op::Cast(_, a) | Op::Await(a) | Op::LoadField(a, _) => self.upstream(*a, out, depth + 1),
            Op::Call(c) => {
                if let Callee::Method { recv, .. } = &c.callee
                    && c.args.is_empty()
                {
                    self.upstream(*recv, out, depth + 1);
                }
                if c.args.len() == 1 || self.joins_nothing(v, 0) {
                    self.upstream(c.args[0].value, out, depth + 1);
                }
            }
            _ => {}
        }
    }

    /// The values that a check of `v` speaks for: what `v` was made of, and what is put together in the same way elsewhere
    /// (`new File(base, name)` in the check and again at its use). Not the parts: they may be joined to another base.
    fn spoken_for(&self, v: ValueId) -> Vec<ValueId> {
        let mut up = Vec::new();
        self.upstream(v, &mut up, 0);
        let built = |op: &Op| matches!(op, Op::Concat(_) | Op::Bin(BinOp::Add | BinOp::Div, ..) | Op::Call(_));
        for v in up.clone() {
            if !built(&self.func.instr(v).op) {
                continue;
            }
            for n in 0..self.func.instrs.len() {
                let other = ValueId(u32::try_from(n).unwrap_or(u32::MAX));
                if !up.contains(&other) && self.congruent(v, other, 0) {
                    up.push(other);
                }
            }
        }
        up
    }

    /// The value behind copies and behind the forms in which the same path is written.
    fn peeled(&self, mut v: ValueId) -> ValueId {
        for _ in 0..16 {
            v = match &self.func.instr(v).op {
                Op::Copy(a) | Op::Cast(_, a) | Op::Await(a) | Op::ToText(a, ..) => *a,
                Op::Call(c) => {
                    let (recv, name) = match &c.callee {
                        Callee::Method { recv, name } => (Some(*recv), self.module.strings.get(*name)),
                        Callee::Name(name) => (None, self.module.strings.get(*name)),
                        _ => return v,
                    };
                    let form = matches!(
                        name.rsplit('.').next(),
                        Some("abspath" | "realpath" | "normpath" | "str" | "fspath" | "get" | "of")
                    );
                    match (recv, c.args.as_slice()) {
                        (Some(r), []) => r,
                        (_, [one]) if form => one.value,
                        (_, [one, _]) if self.joins_nothing(v, 0) => one.value,
                        _ => return v,
                    }
                }
                _ => return v,
            };
        }
        v
    }

    /// True when two values are the same path in other words: compared with itself, it proves nothing.
    fn same_path(&self, a: ValueId, b: ValueId) -> bool {
        self.congruent(self.peeled(a), self.peeled(b), 0)
    }

    /// True when two values are computed alike from the same values.
    fn congruent(&self, a: ValueId, b: ValueId, depth: u32) -> bool {
        if a == b {
            return true;
        }
        if depth > 6 {
            return false;
        }
        let same = |x: &[ValueId], y: &[ValueId]| {
            x.len() == y.len() && x.iter().zip(y).all(|(x, y)| self.congruent(*x, *y, depth + 1))
        };
        match (&self.func.instr(a).op, &self.func.instr(b).op) {
            (Op::Copy(a), _) => self.congruent(*a, b, depth),
            (_, Op::Copy(b)) => self.congruent(a, *b, depth),
            (Op::Const(x), Op::Const(y)) => x == y,
            (Op::LoadName(x), Op::LoadName(y)) => x == y,
            (Op::LoadField(x, n), Op::LoadField(y, m)) => n == m && self.congruent(*x, *y, depth + 1),
            (Op::Concat(x), Op::Concat(y)) => same(x, y),
            (Op::Bin(o, x, y), Op::Bin(p, z, w)) => o == p && same(&[*x, *y], &[*z, *w]),
            (Op::ToText(x, c, s), Op::ToText(y, d, t)) => c == d && s == t && self.congruent(*x, *y, depth + 1),
            (Op::Call(x), Op::Call(y)) => {
                let callee = match (&x.callee, &y.callee) {
                    (Callee::New { ty: t, body: None }, Callee::New { ty: u, body: None }) => t.name == u.name,
                    (Callee::Method { recv: r, name: n }, Callee::Method { recv: q, name: m }) => {
                        n == m && self.congruent(*r, *q, depth + 1)
                    }
                    (Callee::Name(n), Callee::Name(m)) => n == m,
                    _ => false,
                };
                let arg = |c: &surefix_ir::Call| c.args.iter().map(|a| a.value).collect::<Vec<_>>();
                callee && same(&arg(x), &arg(y))
            }
            _ => false,
        }
    }

    /// Assumes that `v` is true (or false).
    pub fn assume(&mut self, st: &mut State, v: ValueId, yes: bool, depth: u32) {
        if depth > 12 {
            return;
        }
        match self.func.instr(v).op.clone() {
            Op::Un(UnOp::Not, a) => self.assume(st, a, !yes, depth + 1),
            Op::Copy(a) => self.assume(st, a, yes, depth + 1),
            Op::Bin(op, a, b) => {
                let (x, y) = (self.get(st, a), self.get(st, b));
                match op {
                    BinOp::Eq | BinOp::Is | BinOp::Ne | BinOp::IsNot => {
                        let same = yes == matches!(op, BinOp::Eq | BinOp::Is);
                        for (v, other) in [(a, &y), (b, &x)] {
                            if let Csts::Set(cs) = &other.cst {
                                if same && !cs.is_empty() && cs.len() > 1 {
                                    let f = Fact { cst: Some(other.cst.clone()), clean: Kinds::ALL, ..Fact::default() };
                                    self.learn(st, v, &f, 0);
                                } else if let [c] = cs.as_slice() {
                                    self.assume_eq(st, v, c, same);
                                }
                            }
                        }
                    }
                    BinOp::In | BinOp::NotIn => {
                        let inside = yes == (op == BinOp::In);
                        self.assume_member(st, a, &x, b, &y, inside);
                    }
                    BinOp::And if yes => {
                        self.assume(st, a, true, depth + 1);
                        self.assume(st, b, true, depth + 1);
                    }
                    BinOp::Or if !yes => {
                        self.assume(st, a, false, depth + 1);
                        self.assume(st, b, false, depth + 1);
                    }
                    BinOp::Lt | BinOp::Ge | BinOp::Gt | BinOp::Le => {
                        // `s.find("..") < 0`, `s.indexOf(c) >= 0`.
                        if let (Op::Call(_), Some(0)) = (&self.func.instr(a).op, y.as_int()) {
                            let absent = match op {
                                BinOp::Lt => yes,
                                BinOp::Ge => !yes,
                                _ => return,
                            };
                            self.assume_index(st, a, absent);
                        }
                    }
                    _ => {}
                }
                if matches!(op, BinOp::Eq | BinOp::Ne) && y.as_int() == Some(-1) {
                    self.assume_index(st, a, yes == (op == BinOp::Eq));
                }
            }
            Op::Call(call) => self.assume_call(st, v, &call, yes),
            Op::InstanceOf(t, a) => {
                if yes && let Some(ty) = self.eng.link.ty(self.f.file, &t, self.func.owner) {
                    let num = matches!(
                        self.eng.link.str(ty),
                        "int"
                            | "float"
                            | "bool"
                            | "java.lang.Integer"
                            | "java.lang.Long"
                            | "java.lang.Number"
                            | "java.util.UUID"
                    );
                    self.learn(st, a, &Fact { ty: Some(ty), num, ..Fact::default() }, 0);
                }
            }
            Op::Phi(ops) => {
                // A materialised `a && b`: when only one operand can have the assumed truth, that one holds.
                let mut candidates = ops.iter().filter(|(_, o)| {
                    let x = self.vals.get(o.0 as usize).cloned().flatten();
                    x.is_none_or(|x| x.truth().is_none_or(|t| t == yes))
                });
                if let (Some((_, one)), None) = (candidates.next(), candidates.next()) {
                    let one = *one;
                    if one != v {
                        self.assume(st, one, yes, depth + 1);
                    }
                }
            }
            _ => {}
        }
        // Truth of a plain value: not null, not empty.
        if yes && !matches!(self.func.instr(v).op, Op::Bin(..) | Op::Call(_) | Op::Un(..)) {
            self.learn(st, v, &Fact { not: smallvec::smallvec![C::Null], ..Fact::default() }, 0);
        }
    }

    /// Assumes that `v` equals (or differs from) a constant.
    pub fn assume_eq(&mut self, st: &mut State, v: ValueId, c: &C, same: bool) {
        if same {
            // Null carries no text at all: beside a checked way it adds nothing.
            let text = !matches!(c, C::Null);
            let allow = if text { u128::MAX } else { 0 };
            let f = Fact { cst: Some(Csts::one(c.clone())), clean: Kinds::ALL, allow, ..Fact::default() };
            self.learn(st, v, &f, 0);
            if text {
                // A check of the host, scheme or extension speaks for the address it was parsed from.
                self.speak_for(st, v, Kinds::of(Kind::Ssrf).or(Kinds::of(Kind::Redirect)));
            }
        } else {
            let mut f = Fact { not: smallvec::smallvec![c.clone()], ..Fact::default() };
            let x = self.get(st, v);
            if x.taint.iter().any(|t| t.flags & tflag::ONE_CHAR != 0) {
                f.deny = match c {
                    C::Str(s) if s.chars().count() == 1 => mask_of(s),
                    C::Char(c) => char::from_u32(*c).filter(char::is_ascii).map_or(0, |c| 1 << c as u32),
                    _ => 0,
                };
            }
            self.learn(st, v, &f, 0);
        }
        // `pattern.match(x) is not None`: an object or nothing, so the comparison is the answer itself.
        if *c == C::Null
            && self.lang == Lang::Python
            && let Op::Call(call) = &self.func.instr(v).op
        {
            self.assume_call(st, v, call, !same);
        }
    }

    fn speak_for(&mut self, st: &mut State, v: ValueId, kinds: Kinds) {
        let mut up = Vec::new();
        self.upstream(v, &mut up, 0);
        let parsed = up.iter().any(|u| matches!(self.func.instr(*u).op, Op::LoadField(..) | Op::Call(_)));
        if parsed {
            for u in up {
                self.add_fact(st, u, Fact::clean(kinds));
            }
        }
    }

    fn assume_member(&mut self, st: &mut State, a: ValueId, x: &Val, b: ValueId, of: &Val, inside: bool) {
        // `needle in text`: a character or sequence test of the text.
        if let Some(needle) = x.as_str()
            && of.as_str().is_none()
            && (of.refs.is_empty() || self.may_be_text(st, of))
        {
            self.assume_contains(st, b, &needle, inside);
            return;
        }
        if !inside {
            if let Some(h) = of.as_str() {
                let one = x.taint.iter().any(|t| t.flags & tflag::ONE_CHAR != 0);
                if one {
                    self.learn(st, a, &Fact { deny: mask_of(&h), ..Fact::default() }, 0);
                }
            }
            return;
        }
        if let Some(h) = of.as_str() {
            let one = x.taint.iter().any(|t| t.flags & tflag::ONE_CHAR != 0);
            if one {
                self.learn(st, a, &Fact { allow: mask_of(&h), ..Fact::default() }, 0);
            }
            return;
        }
        if self.trusted_collection(st, of) {
            self.learn(st, a, &Fact::clean(Kinds::ALL), 0);
            self.speak_for(st, a, Kinds::of(Kind::Ssrf).or(Kinds::of(Kind::Redirect)));
        }
    }

    /// True for a parameter (or a part of one) of unknown type or a text: in a function that checks names it is the name.
    pub fn may_be_text(&self, st: &State, of: &Val) -> bool {
        of.tys.iter().all(|t| self.eng.link.str(*t) == "str")
            && of.refs.iter().all(|r| {
                st.heap
                    .get(r)
                    .is_some_and(|o| o.sym.is_some() && o.elems.is_none() && o.entries.is_none() && o.rest.is_none())
            })
    }

    /// A collection whose every member is known not to come from outside.
    fn trusted_collection(&self, st: &State, of: &Val) -> bool {
        if of.taint.iter().any(|t| matches!(t.src, crate::val::Src::Real { .. })) {
            return false;
        }
        !of.refs.is_empty()
            && of.refs.iter().all(|r| {
                st.heap.get(r).is_some_and(|o| {
                    o.sym.is_none()
                        && o.elems
                            .iter()
                            .flatten()
                            .chain(o.rest.iter())
                            .chain(o.entries.iter().flat_map(|e| e.values()))
                            .all(|v| v.taint.is_empty())
                        && (o.elems.as_ref().is_some_and(|e| !e.is_empty())
                            || o.entries.as_ref().is_some_and(|e| !e.is_empty())
                            || o.rest.is_some())
                        && o.keys.as_ref().is_none_or(|k| k.taint.is_empty())
                })
            })
            || (of.refs.is_empty()
                && of.ident.is_none()
                && of.taint.is_empty()
                && of.cst == Csts::Top
                && of.deps == 0
                && !of.tys.is_empty())
    }

    /// The text at `v` contains (or does not contain) `needle`.
    fn assume_contains(&mut self, st: &mut State, v: ValueId, needle: &str, present: bool) {
        if present {
            return;
        }
        let mut f = Fact::default();
        if needle.chars().count() == 1 {
            f.deny = mask_of(needle);
        }
        if needle == ".." || needle == "../" || needle == "." {
            f.flags |= tflag::NO_DOTDOT;
        }
        self.learn(st, v, &f, 0);
    }

    /// The result of a search call is negative: what was searched is absent.
    fn assume_index(&mut self, st: &mut State, v: ValueId, absent: bool) {
        let Op::Call(c) = &self.func.instr(v).op else { return };
        let Callee::Method { recv, name } = &c.callee else { return };
        let n = self.module.strings.get(*name);
        if !matches!(n, "indexOf" | "find" | "count" | "lastIndexOf" | "rfind") || !absent {
            return;
        }
        if let Some(a) = c.args.first()
            && let Some(s) = self.get(st, a.value).as_str()
        {
            let recv = *recv;
            self.assume_contains(st, recv, &s, false);
        }
    }

    fn assume_call(&mut self, st: &mut State, v: ValueId, call: &surefix_ir::Call, yes: bool) {
        // Facts that the summary of a project validator gives.
        if let Some(facts) = self.posts.get(&v).cloned() {
            for (id, f) in &facts[if yes { 1 } else { 2 }] {
                self.learn(st, *id, f, 0);
                if f.clean == Kinds::ALL {
                    self.speak_for(st, *id, Kinds::of(Kind::Ssrf).or(Kinds::of(Kind::Redirect)));
                }
            }
        }
        let Some(hit) = self.lib_calls.get(&v).cloned() else { return };
        let arg = |n: usize| call.args.get(n).map(|a| a.value);
        // A module or class in front of the dot is no receiver.
        let recv = match &call.callee {
            Callee::Method { recv, .. }
                if !matches!(self.get(st, *recv).cst.single(), Some(C::Path(_) | C::Class(_))) =>
            {
                Some(*recv)
            }
            _ => None,
        };
        for row in hit {
            match &row.fact {
                surefix_models::Fact::Guard { input, when, kinds } if *when == yes => {
                    let target = match &input.base {
                        Base::This => recv,
                        Base::Arg { pos: Some(p), .. } => arg(*p as usize),
                        _ => None,
                    };
                    let vacuous = |t: ValueId| arg(0).is_some_and(|other| other != t && self.same_path(t, other));
                    if let Some(t) = target.filter(|t| !vacuous(*t)) {
                        for u in self.spoken_for(t) {
                            self.add_fact(st, u, Fact::clean(*kinds));
                        }
                    }
                }
                surefix_models::Fact::Intrinsic(name) => self.assume_intrinsic(st, name, recv, &arg, yes),
                _ => {}
            }
        }
    }

    fn assume_intrinsic(
        &mut self,
        st: &mut State,
        name: &str,
        recv: Option<ValueId>,
        arg: &dyn Fn(usize) -> Option<ValueId>,
        yes: bool,
    ) {
        let Some(this) = recv.or(arg(0)) else { return };
        let other = if recv.is_some() { arg(0) } else { arg(1) };
        let ov = other.map(|o| self.get(st, o));
        match name {
            "str.equals" | "str.equals_ignore_case" | "obj.equals" => {
                let tv = self.get(st, this);
                for (v, o) in [(Some(this), &ov), (other, &Some(tv))] {
                    let (Some(v), Some(o)) = (v, o) else { continue };
                    match o.cst.single() {
                        Some(c) if name == "str.equals_ignore_case" && yes => {
                            let _ = c;
                            self.learn(st, v, &Fact::clean(Kinds::ALL), 0);
                            self.speak_for(st, v, Kinds::of(Kind::Ssrf).or(Kinds::of(Kind::Redirect)));
                        }
                        Some(c) if name != "str.equals_ignore_case" => {
                            let c = c.clone();
                            self.assume_eq(st, v, &c, yes);
                        }
                        _ => {}
                    }
                }
            }
            "str.contains" => {
                if let Some(s) = ov.and_then(|o| o.as_str()) {
                    self.assume_contains(st, this, &s, yes);
                }
            }
            "list.contains" | "set.contains" | "map.contains_key" => {
                if let Some(o) = other {
                    let (x, of) = (self.get(st, o), self.get(st, this));
                    if yes && self.trusted_collection(st, &of) {
                        let _ = x;
                        self.learn(st, o, &Fact::clean(Kinds::ALL), 0);
                        self.speak_for(st, o, Kinds::of(Kind::Ssrf).or(Kinds::of(Kind::Redirect)));
                    }
                }
            }
            "str.starts_with" => {
                let tv = self.get(st, this);
                let Some(o) = ov else { return };
                let trusted = !o.taint.iter().any(|t| matches!(t.src, crate::val::Src::Real { .. }))
                    && !other.is_some_and(|o| self.same_path(this, o));
                let normal = tv.taint.iter().any(|t| t.flags & tflag::NORMAL != 0) || self.is_normal(this, 0);
                let closed = self.ends_in_separator(&o) || other.is_some_and(|o| self.joins_nothing(o, 0));
                if yes && trusted && normal && closed {
                    for u in self.spoken_for(this) {
                        self.add_fact(st, u, Fact::clean(Kinds::of(Kind::Path)));
                    }
                }
                if yes && trusted && self.names_a_host(&o) {
                    self.learn(st, this, &Fact::clean(Kinds::of(Kind::Ssrf).or(Kinds::of(Kind::Redirect))), 0);
                }
            }
            "str.isdigit" if yes => {
                self.learn(st, this, &Fact { allow: mask_of(DIGITS), ..Fact::default() }, 0);
            }
            "str.isalnum" if yes => {
                self.learn(st, this, &Fact { allow: mask_of(DIGITS) | mask_of(LETTERS), ..Fact::default() }, 0);
            }
            "str.matches" | "re.fullmatch" | "re.match" if yes => {
                // Receiver form: text.matches(pattern); function form: matches(pattern, text).
                let (text, pattern) =
                    if recv.is_some() { (this, ov) } else { (other.unwrap_or(this), Some(self.get(st, this))) };
                if let Some(p) = pattern.and_then(|p| p.as_str()) {
                    if let Some(mask) = pattern_mask(&p, name != "re.match") {
                        self.learn(st, text, &Fact { allow: mask, ..Fact::default() }, 0);
                    }
                    // Python's `$` before a line break aside, only Java's and `fullmatch` reach to the end.
                    if name != "re.match" && names_texts(&p) {
                        self.learn(st, text, &Fact::clean(Kinds::ALL), 0);
                    }
                }
            }
            "re.pattern_fullmatch" | "re.pattern_match" if yes => {
                let pattern = self.get(st, this).as_str();
                if let (Some(text), Some(p)) = (other, pattern)
                    && let Some(mask) = pattern_mask(&p, name == "re.pattern_fullmatch")
                {
                    self.learn(st, text, &Fact { allow: mask, ..Fact::default() }, 0);
                }
            }
            "re.matcher_matches" if yes => {
                // `pattern.matcher(text)`, written in place or kept in a local.
                let mut at = this;
                while let Op::Copy(x) = &self.func.instr(at).op {
                    at = *x;
                }
                if let Op::Call(c) = &self.func.instr(at).op
                    && let (Callee::Method { recv, .. }, [text]) = (&c.callee, c.args.as_slice())
                    && let Some(p) = self.get(st, *recv).as_str()
                    && let Some(mask) = pattern_mask(&p, true)
                {
                    let text = text.value;
                    self.learn(st, text, &Fact { allow: mask, ..Fact::default() }, 0);
                }
            }
            _ => {}
        }
    }

    /// The text ends in a path separator on every way it is built.
    fn ends_in_separator(&self, v: &Val) -> bool {
        let Some(shapes) = v.shape_list() else { return false };
        shapes.iter().all(|s| match s.last() {
            Some(SFrag::Lit { text, .. }) => text.ends_with(['/', '\\']),
            Some(SFrag::Hole(h)) => h.ty.is_none() && self.is_separator(h.value, h.func),
            _ => false,
        })
    }

    /// The value is a path from which every `..` is gone: the result of a call that makes paths canonical.
    fn is_normal(&self, v: ValueId, depth: u32) -> bool {
        if depth > 8 {
            return false;
        }
        match &self.func.instr(v).op {
            Op::Copy(a) | Op::Cast(_, a) | Op::ToText(a, ..) => self.is_normal(*a, depth + 1),
            Op::Call(c) => {
                let name = match &c.callee {
                    Callee::Method { name, .. } | Callee::Name(name) => self.module.strings.get(*name),
                    _ => return false,
                };
                match (name.rsplit('.').next().unwrap_or(name), c.args.as_slice()) {
                    ("abspath" | "realpath" | "normpath", [_, ..]) => true,
                    ("resolve" | "getCanonicalPath" | "getCanonicalFile" | "toRealPath" | "normalize", []) => true,
                    ("str" | "fspath", [one]) => self.is_normal(one.value, depth + 1),
                    // `join(path, "")` adds a separator at the end.
                    ("join", [one, _]) => self.joins_nothing(v, depth) && self.is_normal(one.value, depth + 1),
                    ("toString" | "getPath" | "toPath" | "toFile" | "as_posix", []) => match &c.callee {
                        Callee::Method { recv, .. } => self.is_normal(*recv, depth + 1),
                        _ => false,
                    },
                    _ => false,
                }
            }
            _ => false,
        }
    }

    /// `join(directory, "")`: the directory with a separator at its end.
    fn joins_nothing(&self, v: ValueId, depth: u32) -> bool {
        match &self.func.instr(v).op {
            Op::Copy(a) if depth < 8 => self.joins_nothing(*a, depth + 1),
            Op::Call(c) => {
                let name = match &c.callee {
                    Callee::Method { name, .. } | Callee::Name(name) => self.module.strings.get(*name),
                    _ => return false,
                };
                let empty = |v: ValueId| matches!(&self.func.instr(v).op, Op::Const(surefix_ir::Const::Str(s)) if self.module.strings.get(*s).is_empty());
                name.rsplit('.').next() == Some("join")
                    && c.args.len() > 1
                    && c.args.last().is_some_and(|a| empty(a.value))
            }
            _ => false,
        }
    }

    fn is_separator(&self, value: u32, func: crate::FnRef) -> bool {
        if func != self.f {
            return false;
        }
        match self.func.instrs.get(value as usize).map(|i| &i.op) {
            Some(Op::LoadField(_, n)) => matches!(self.module.strings.get(*n), "separator" | "separatorChar" | "sep"),
            _ => false,
        }
    }

    /// A constant prefix that fixes scheme and host: `https://host/`.
    fn names_a_host(&self, v: &Val) -> bool {
        v.as_str().is_some_and(|s| s.split_once("://").is_some_and(|(_, rest)| rest.find('/').is_some_and(|i| i > 0)))
    }
}

/// True when the pattern matches only texts that it spells out: what fully matches is one of the program's own constants.
fn names_texts(pattern: &str) -> bool {
    use regex_syntax::hir::{Hir, HirKind};
    fn fixed(h: &Hir, depth: u32) -> bool {
        depth < 20
            && match h.kind() {
                HirKind::Literal(_) | HirKind::Empty | HirKind::Look(_) => true,
                HirKind::Capture(c) => fixed(&c.sub, depth + 1),
                HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().all(|p| fixed(p, depth + 1)),
                HirKind::Class(_) | HirKind::Repetition(_) => false,
            }
    }
    regex_syntax::Parser::new().parse(pattern).is_ok_and(|h| fixed(&h, 0))
}

/// The ASCII characters that a match of the whole pattern can contain; `None` when unbounded or not understood.
pub(crate) fn pattern_mask(pattern: &str, full: bool) -> Option<u128> {
    use regex_syntax::hir::{Class, HirKind, Look};
    let hir = regex_syntax::Parser::new().parse(pattern).ok()?;
    fn walk(h: &regex_syntax::hir::Hir, mask: &mut u128, end: &mut bool, depth: u32) -> Option<()> {
        if depth > 60 {
            return None;
        }
        *end = false;
        match h.kind() {
            HirKind::Empty => {}
            HirKind::Literal(l) => {
                for b in l.0.iter() {
                    if *b >= 128 {
                        return None;
                    }
                    *mask |= 1 << *b;
                }
            }
            HirKind::Class(Class::Unicode(c)) => {
                for r in c.ranges() {
                    for ch in (r.start() as u32)..=(r.end() as u32).min(127) {
                        *mask |= 1 << ch;
                    }
                }
            }
            HirKind::Class(Class::Bytes(c)) => {
                for r in c.ranges() {
                    for ch in r.start()..=r.end().min(127) {
                        *mask |= 1 << ch;
                    }
                }
            }
            HirKind::Look(l) => *end = matches!(l, Look::End),
            HirKind::Repetition(r) => walk(&r.sub, mask, end, depth + 1)?,
            HirKind::Capture(c) => walk(&c.sub, mask, end, depth + 1)?,
            HirKind::Concat(parts) => {
                for p in parts {
                    walk(p, mask, end, depth + 1)?;
                }
            }
            HirKind::Alternation(parts) => {
                let mut all = true;
                for p in parts {
                    let mut e = false;
                    walk(p, mask, &mut e, depth + 1)?;
                    all &= e;
                }
                *end = all;
            }
        }
        Some(())
    }
    let (mut mask, mut end) = (0, false);
    walk(&hir, &mut mask, &mut end, 0)?;
    // Python's `$` also matches before a final line feed, which regex_syntax's End stands for here.
    if !full && end {
        mask |= 1 << 10;
    }
    (full || end).then_some(mask)
}
