//! Arithmetic, comparison and text operators on abstract values.

use crate::Crumbs;
use crate::heap::State;
use crate::interp::{Frame, same_const};
use crate::val::{C, Csts, Val, const_text};
use surefix_ir::{BinOp, Lang, UnOp, ValueId};

pub(crate) fn unary(op: UnOp, a: &Val) -> Val {
    let v = match (op, a.cst.single()) {
        (UnOp::Not, _) => match a.truth() {
            Some(t) => Val::bool(!t),
            None => Val::number(),
        },
        (UnOp::Neg, Some(C::Int(i))) => Val::int(i.wrapping_neg()),
        (UnOp::Neg, Some(C::Float(f))) => Val::cst(C::Float((-f64::from_bits(*f)).to_bits())),
        (UnOp::BitNot, Some(C::Int(i))) => Val::int(!i),
        (UnOp::Plus, Some(_)) => a.clone(),
        _ => Val::number(),
    };
    v.with_deps(a.deps)
}

/// Numeric casts of Java.
pub(crate) fn cast(a: &Val, to: &str) -> Val {
    let v = match (a.cst.single(), to) {
        (Some(C::Int(i)), "int") => Val::int(*i as i32 as i64),
        (Some(C::Int(i)), "long") => Val::int(*i),
        (Some(C::Int(i)), "short") => Val::int(*i as i16 as i64),
        (Some(C::Int(i)), "byte") => Val::int(*i as i8 as i64),
        (Some(C::Int(i)), "double" | "float") => Val::cst(C::Float((*i as f64).to_bits())),
        (Some(C::Char(c)), "int" | "long") => Val::int(*c as i64),
        (Some(C::Float(f)), "int") => Val::int(f64::from_bits(*f) as i32 as i64),
        (Some(C::Float(f)), "long") => Val::int(f64::from_bits(*f) as i64),
        (Some(C::Float(_)), "double" | "float") => a.clone(),
        _ => Val::number(),
    };
    v.with_deps(a.deps)
}

fn text_like(v: &Val) -> bool {
    !v.shapes.is_empty() || matches!(v.cst.all(), Some(c) if c.iter().any(|c| matches!(c, C::Str(_))))
}

impl Frame<'_, '_> {
    fn stringy(&self, v: &Val) -> bool {
        text_like(v) || v.tys.iter().any(|t| matches!(self.eng.link.str(*t), "java.lang.String" | "str" | "bytes"))
    }

    pub fn binary(&mut self, st: &mut State, v: ValueId, op: BinOp, a: (ValueId, Val), b: (ValueId, Val)) -> Val {
        let deps = a.1.deps | b.1.deps;
        if op == BinOp::Add {
            let numeric = a.1.num && b.1.num;
            if !numeric && (self.stringy(&a.1) || self.stringy(&b.1)) {
                return self.concat(st, v, &[a, b]);
            }
            if !numeric && !a.1.refs.is_empty() && !b.1.refs.is_empty() && self.lang == Lang::Python {
                return self.concat_lists(st, v, &a, &b);
            }
        }
        if op == BinOp::Mod && self.stringy(&a.1) && self.lang == Lang::Python {
            return self.percent(st, v, a.1, b);
        }
        if op == BinOp::Mul
            && self.lang == Lang::Python
            && let (Some(s), Some(n)) = (a.1.as_str(), b.1.as_int())
            && (0..=1000).contains(&n)
        {
            return Val::str(&s.repeat(n as usize)).with_deps(deps);
        }
        if op == BinOp::Div && self.lang == Lang::Python {
            // `Path(a) / b`.
            let path = a.1.tys.iter().chain(&b.1.tys).any(|t| self.eng.link.str(*t).starts_with("pathlib."));
            if path {
                return self.path_join(st, v, &a, &b);
            }
        }
        let (x, y) = (&a.1, &b.1);
        let mut results: Option<Val> = None;
        if let (Csts::Set(xs), Csts::Set(ys)) = (&x.cst, &y.cst)
            && xs.len() * ys.len() <= 9
        {
            for p in xs {
                for q in ys {
                    let r = fold(self.lang, op, p, q).unwrap_or_else(|| generic(op));
                    crate::heap::join_opt(&mut results, &r);
                }
            }
        }
        if let Some(r) = results {
            return r.with_deps(deps);
        }
        if matches!(op, BinOp::In | BinOp::NotIn) {
            if let Some(found) = self.contains(st, y, x) {
                return Val::bool(found == (op == BinOp::In)).with_deps(deps);
            }
            self.relevant |= y.deps;
            return Val::number().with_deps(deps);
        }
        if matches!(op, BinOp::Eq | BinOp::Ne | BinOp::Is | BinOp::IsNot) {
            let eq = matches!(op, BinOp::Eq | BinOp::Is);
            // A fresh object is never null.
            let fresh = |v: &Val| {
                v.cst == Csts::Top && !v.refs.is_empty() && v.ident.is_none() && v.exact && v.taint.is_empty()
            };
            if (x.is_null() && fresh(y)) || (y.is_null() && fresh(x)) {
                return Val::bool(!eq).with_deps(deps);
            }
        }
        let mut out = generic(op).with_deps(deps);
        if matches!(op, BinOp::Add | BinOp::Mul | BinOp::Or | BinOp::And | BinOp::Mod | BinOp::Div) && !(x.num && y.num)
        {
            // Operators of unknown types: text may flow through.
            if !matches!(op, BinOp::And | BinOp::Div) || self.lang == Lang::Python {
                out.num = false;
                if op == BinOp::Add
                    && (x.num || y.num)
                    && self.lang == Lang::Java
                    && !self.stringy(x)
                    && !self.stringy(y)
                    && (x.tys.is_empty() && y.tys.is_empty())
                {
                    out.num = x.num && y.num;
                }
                if op == BinOp::Add {
                    return self.concat(st, v, &[a.clone(), b.clone()]);
                }
                out.absorb(x, Crumbs::default());
                out.absorb(y, Crumbs::default());
            }
        }
        out
    }

    fn concat_lists(&mut self, st: &mut State, v: ValueId, a: &(ValueId, Val), b: &(ValueId, Val)) -> Val {
        let mut o = crate::heap::Obj::new(crate::heap::ObjKind::Seq, true);
        let ea =
            a.1.refs.first().filter(|_| a.1.refs.len() == 1).and_then(|r| st.heap.get(r)).and_then(|o| o.elems.clone());
        let eb =
            b.1.refs.first().filter(|_| b.1.refs.len() == 1).and_then(|r| st.heap.get(r)).and_then(|o| o.elems.clone());
        match (ea, eb) {
            (Some(mut x), Some(y)) => {
                x.extend(y);
                o.elems = Some(x);
            }
            _ => {
                let mut any = self.element_of(st, v, a.0, &a.1);
                let other = self.element_of(st, v, b.0, &b.1);
                any.join(&other);
                o.rest = Some(any);
            }
        }
        let mut out = self.alloc(st, v, 0, o);
        out.tys = a.1.tys.clone();
        out
    }

    fn path_join(&mut self, st: &mut State, v: ValueId, a: &(ValueId, Val), b: &(ValueId, Val)) -> Val {
        let sep = Val::str("/");
        let mut out = self.concat(st, v, &[a.clone(), (v, sep), b.clone()]);
        out.tys = if a.1.tys.iter().any(|t| self.eng.link.str(*t).starts_with("pathlib.")) {
            a.1.tys.clone()
        } else {
            b.1.tys.clone()
        };
        out
    }

    /// Membership of `x` in the container `of`, when decided.
    pub fn contains(&self, st: &State, of: &Val, x: &Val) -> Option<bool> {
        if let (Some(h), Some(n)) = (of.as_str(), x.as_str()) {
            return Some(h.contains(&*n));
        }
        let [r] = of.refs.as_slice() else { return None };
        let o = st.heap.get(r)?;
        let c = x.cst.single()?;
        if let Some(e) = &o.elems {
            let mut maybe = false;
            for v in e {
                match v.cst.all() {
                    Some([one]) if same_const(one, c) => return Some(true),
                    Some(all) if !all.iter().any(|k| same_const(k, c)) => {}
                    _ => maybe = true,
                }
            }
            return if maybe { None } else { Some(false) };
        }
        if let Some(m) = &o.entries
            && o.rest.is_none()
            && o.sym.is_none()
        {
            return Some(m.contains_key(c));
        }
        None
    }

    /// A value converted to text.
    pub fn as_text(&mut self, _st: &mut State, id: ValueId, mut val: Val, plain: bool) -> Val {
        if !plain {
            let mut out = Val::top();
            out.taint = val.taint.clone();
            out.deps = val.deps;
            out.num = val.num;
            return out;
        }
        if val.num && val.cst == Csts::Top {
            return val;
        }
        if let Some(t) = val.cst.single().and_then(const_text)
            && val.shapes.is_empty()
        {
            val.cst = Csts::one(C::Str(t));
            val.num = false;
            return val;
        }
        if val.shapes.is_empty() {
            val.shapes.push(self.hole(id, &val));
        }
        val
    }

    /// Python's `template % args`.
    pub fn percent(&mut self, st: &mut State, v: ValueId, t: Val, args: (ValueId, Val)) -> Val {
        let values: Option<Vec<(ValueId, Val)>> = match args.1.refs.as_slice() {
            [r] => match st.heap.get(r) {
                Some(o) if o.entries.is_some() => None,
                Some(o) if args.1.tys.iter().any(|t| self.eng.link.str(*t) == "tuple") => o.elems.clone().map(|e| {
                    let ids = self.element_ids(args.0);
                    e.into_iter().enumerate().map(|(i, x)| (ids.get(i).copied().unwrap_or(args.0), x)).collect()
                }),
                _ => Some(vec![args.clone()]),
            },
            _ => Some(vec![args.clone()]),
        };
        let named = match args.1.refs.as_slice() {
            [r] => st.heap.get(r).and_then(|o| o.entries.clone()),
            _ => None,
        };
        let mut pick = |n: usize, name: &str| -> Option<(ValueId, Val)> {
            match (&values, &named) {
                (_, Some(m)) => m.get(&C::Str(name.into())).map(|x| (args.0, x.clone())),
                (Some(v), _) => v.get(n).cloned(),
                _ => None,
            }
        };
        self.template(st, v, &t, &args.1, crate::template::Syntax::Percent, &mut pick)
    }

    /// The values of a literal collection's items.
    pub fn element_ids(&self, v: ValueId) -> Vec<ValueId> {
        match &self.func.instr(v).op {
            surefix_ir::Op::Aggregate(_, items) if items.iter().all(|i| !i.spread) => {
                items.iter().map(|i| i.value).collect()
            }
            _ => Vec::new(),
        }
    }
}

fn generic(op: BinOp) -> Val {
    use BinOp::*;
    match op {
        Eq | Ne | Lt | Le | Gt | Ge | In | NotIn | Is | IsNot => Val::number(),
        _ => Val::number(),
    }
}

fn num(c: &C) -> Option<i64> {
    match c {
        C::Int(i) => Some(*i),
        C::Char(c) => Some(*c as i64),
        C::Bool(b) => Some(*b as i64),
        _ => None,
    }
}

fn real(c: &C) -> Option<f64> {
    match c {
        C::Float(f) => Some(f64::from_bits(*f)),
        _ => num(c).map(|i| i as f64),
    }
}

/// Folds a binary operation on constants as the language does it. Java integers wrap at 32 bits when both operands fit.
fn fold(lang: Lang, op: BinOp, a: &C, b: &C) -> Option<Val> {
    use BinOp::*;
    match op {
        Eq | Is | Ne | IsNot => {
            // A name stands for a value that is not known: `__name__ == "__main__"`, `os.name == "nt"`.
            let value = |c: &C| matches!(c, C::Str(_) | C::Int(_) | C::Float(_) | C::Bool(_) | C::Char(_));
            if matches!((a, b), (C::Path(_), c) | (c, C::Path(_)) if value(c)) {
                return None;
            }
            let same = match (real(a), real(b)) {
                (Some(x), Some(y)) => x == y,
                _ => a == b,
            };
            return Some(Val::bool(same == matches!(op, Eq | Is)));
        }
        In | NotIn => {
            let (C::Str(x), C::Str(y)) = (a, b) else { return None };
            return Some(Val::bool(y.contains(&**x) == (op == In)));
        }
        _ => {}
    }
    if let (C::Str(x), C::Str(y)) = (a, b) {
        return Some(match op {
            Add => Val::str(&format!("{x}{y}")),
            Lt => Val::bool(x < y),
            Le => Val::bool(x <= y),
            Gt => Val::bool(x > y),
            Ge => Val::bool(x >= y),
            _ => return None,
        });
    }
    let float = matches!(a, C::Float(_)) || matches!(b, C::Float(_)) || (op == Div && lang == Lang::Python);
    if float {
        let (x, y) = (real(a)?, real(b)?);
        let f = |r: f64| Val::cst(C::Float(r.to_bits()));
        return Some(match op {
            Add => f(x + y),
            Sub => f(x - y),
            Mul => f(x * y),
            Div if y != 0.0 => f(x / y),
            Lt => Val::bool(x < y),
            Le => Val::bool(x <= y),
            Gt => Val::bool(x > y),
            Ge => Val::bool(x >= y),
            _ => return None,
        });
    }
    let (x, y) = (num(a)?, num(b)?);
    let fits = |i: i64| i32::try_from(i).is_ok();
    let wrap = |r: i64| if lang == Lang::Java && fits(x) && fits(y) { r as i32 as i64 } else { r };
    let int = |r: Option<i64>| r.map(|r| Val::int(wrap(r)));
    match op {
        Add => int(x.checked_add(y)),
        Sub => int(x.checked_sub(y)),
        Mul => int(x.checked_mul(y)),
        Div => int(x.checked_div(y)),
        FloorDiv => int((y != 0).then(|| x.div_euclid(y))),
        Mod if lang == Lang::Python => int((y != 0).then(|| ((x % y) + y) % y)),
        Mod => int(x.checked_rem(y)),
        Pow => int(u32::try_from(y).ok().and_then(|e| x.checked_pow(e))),
        And => int(Some(x & y)),
        Or => int(Some(x | y)),
        Xor => int(Some(x ^ y)),
        Shl => int((0..63).contains(&y).then(|| x.wrapping_shl(y as u32))),
        Shr => int((0..63).contains(&y).then(|| x >> y)),
        UShr => int((0..63).contains(&y).then(|| ((x as u32) >> y) as i64)),
        Lt => Some(Val::bool(x < y)),
        Le => Some(Val::bool(x <= y)),
        Gt => Some(Val::bool(x > y)),
        Ge => Some(Val::bool(x >= y)),
        _ => None,
    }
}
