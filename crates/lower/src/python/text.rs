//! Text: literals, f-strings, concatenation, `%`.

use super::{Low, span};
use ruff_python_ast::{
    Expr, ExprBinOp, ExprBytesLiteral, ExprFString, ExprStringLiteral, ExprTString, FStringPart,
    InterpolatedStringElement, InterpolatedStringFormatSpec, Operator,
};
use smallvec::SmallVec;
use surefix_ir::{BinOp, Const, FormatStyle, Op, Sym, ValueId};
use surefix_text::Span;

/// The IR's operator; `None` for matrix multiplication.
fn operator(op: Operator) -> Option<BinOp> {
    Some(match op {
        Operator::Add => BinOp::Add,
        Operator::Sub => BinOp::Sub,
        Operator::Mult => BinOp::Mul,
        Operator::MatMult => return None,
        Operator::Div => BinOp::Div,
        Operator::Mod => BinOp::Mod,
        Operator::Pow => BinOp::Pow,
        Operator::LShift => BinOp::Shl,
        Operator::RShift => BinOp::Shr,
        Operator::BitOr => BinOp::Or,
        Operator::BitXor => BinOp::Xor,
        Operator::BitAnd => BinOp::And,
        Operator::FloorDiv => BinOp::FloorDiv,
    })
}

impl<'a> Low<'a> {
    /// True when the value is text for certain: a literal, or put together from some.
    pub(super) fn is_text(&self, v: ValueId) -> bool {
        let Some(f) = self.fns.last() else { return false };
        let mut at = v;
        loop {
            match f.b.func.instrs.get(at.0 as usize).map(|i| &i.op) {
                Some(Op::Copy(of)) if of.0 < at.0 => at = *of,
                Some(Op::Const(Const::Str(_) | Const::Bytes(_)) | Op::Concat(_) | Op::Format(..) | Op::ToText(..)) => {
                    return true;
                }
                _ => return false,
            }
        }
    }

    /// Lowers an expression and gives the value the span of this place, so that a recipe can point at it.
    pub(super) fn copied(&mut self, e: &'a Expr) -> ValueId {
        let v = self.expr(e);
        self.copy_of(v, e)
    }

    /// `v` under the span of the expression `e` that gave it.
    pub(super) fn copy_of(&mut self, v: ValueId, e: &Expr) -> ValueId {
        let at = span(e);
        let name = match e {
            Expr::Name(n) => self.strings.intern(n.id.as_str()),
            _ => Sym::EMPTY,
        };
        let Some(f) = self.fns.last_mut() else { return v };
        if f.b.func.instrs.get(v.0 as usize).is_some_and(|i| i.span == at) {
            return v;
        }
        let copy = f.b.push(Op::Copy(v), at);
        if name != Sym::EMPTY {
            f.b.func.names.push((copy, name));
        }
        copy
    }

    fn joined(&mut self, mut parts: Vec<ValueId>, at: Span) -> ValueId {
        match parts.as_slice() {
            [] => self.constant(Const::Str(Sym::EMPTY), at),
            [_] => parts.remove(0),
            _ => self.push(Op::Concat(parts), at),
        }
    }

    pub(super) fn string(&mut self, e: &ExprStringLiteral) -> ValueId {
        let mut parts = Vec::with_capacity(1);
        for s in e.value.iter() {
            let text = self.strings.intern(&s.value);
            parts.push(self.constant(Const::Str(text), span(s)));
        }
        self.joined(parts, span(e))
    }

    pub(super) fn bytes(&mut self, e: &ExprBytesLiteral) -> ValueId {
        let mut parts = Vec::with_capacity(1);
        for b in e.value.iter() {
            let text: String = b.value.iter().map(|b| char::from(*b)).collect();
            let text = self.strings.intern(&text);
            parts.push(self.constant(Const::Bytes(text), span(b)));
        }
        self.joined(parts, span(e))
    }

    pub(super) fn f_string(&mut self, e: &'a ExprFString) -> ValueId {
        let mut parts = Vec::new();
        for p in e.value.iter() {
            match p {
                FStringPart::Literal(s) => {
                    let text = self.strings.intern(&s.value);
                    parts.push(self.constant(Const::Str(text), span(s)));
                }
                FStringPart::FString(f) => {
                    for x in f.elements.iter() {
                        self.element(x, &mut parts);
                    }
                }
            }
        }
        // Also a lone hole is a concatenation: what is not text becomes text.
        match parts.as_slice() {
            [] => self.constant(Const::Str(Sym::EMPTY), span(e)),
            _ => self.push(Op::Concat(parts), span(e)),
        }
    }

    fn element(&mut self, x: &'a InterpolatedStringElement, parts: &mut Vec<ValueId>) {
        match x {
            InterpolatedStringElement::Literal(l) => {
                let text = self.strings.intern(&l.value);
                parts.push(self.constant(Const::Str(text), span(l)));
            }
            InterpolatedStringElement::Interpolation(i) => {
                if let Some(d) = &i.debug_text {
                    let text = self.strings.intern(d.as_str());
                    parts.push(self.constant(Const::Str(text), Span::point(span(i).lo)));
                }
                let v = self.copied(&i.expression);
                // `{x=}` shows the representation unless a format says otherwise.
                let shown = i.debug_text.is_some() && i.format_spec.is_none();
                let conversion = i.conversion.to_byte().unwrap_or(if shown { b'r' } else { 0 });
                let spec = i.format_spec.as_deref().map_or(Sym::EMPTY, |s| self.spec(s));
                parts.push(self.push(Op::ToText(v, conversion, spec), span(i)));
            }
        }
    }

    /// Text of a format spec, holes as written; their values are evaluated.
    fn spec(&mut self, s: &'a InterpolatedStringFormatSpec) -> Sym {
        for x in s.elements.iter() {
            if let InterpolatedStringElement::Interpolation(i) = x {
                self.expr(&i.expression);
                if let Some(inner) = i.format_spec.as_deref() {
                    super::deep(|| self.spec(inner));
                }
            }
        }
        let text = span(s).of(self.src);
        self.strings.intern(text)
    }

    /// A template string is no text: its parts flow into it.
    pub(super) fn t_string(&mut self, e: &'a ExprTString) -> ValueId {
        let mut parts = Vec::new();
        for t in e.value.iter() {
            for x in t.elements.iter() {
                self.element(x, &mut parts);
            }
        }
        self.push(Op::Unknown(parts), span(e))
    }

    /// Binary operators; a chain that is deep to the left is walked in a loop.
    pub(super) fn binary(&mut self, e: &'a Expr) -> ValueId {
        let mut spine: SmallVec<[&'a ExprBinOp; 8]> = SmallVec::new();
        let mut at = e;
        while let Expr::BinOp(b) = at {
            spine.push(b);
            at = &b.left;
        }
        spine.reverse();
        let is_sum = |b: Option<&&'a ExprBinOp>| b.is_some_and(|b| b.op == Operator::Add);
        let mut acc = if is_sum(spine.first()) { self.copied(at) } else { self.expr(at) };
        let mut i = 0;
        while let Some(b) = spine.get(i) {
            if b.op != Operator::Add {
                let right = self.expr(&b.right);
                acc = self.arithmetic(b.op, acc, right, span(*b));
                i += 1;
                continue;
            }
            // A run of `+`: one concatenation when any operand is text.
            let mut parts = vec![acc];
            let first = i;
            while let Some(b) = spine.get(i).filter(|b| b.op == Operator::Add) {
                parts.push(self.copied(&b.right));
                i += 1;
            }
            let run = spine.get(first..i).unwrap_or_default();
            let whole = run.last().map_or(span(e), |b| span(*b));
            if parts.iter().any(|p| self.is_text(*p)) {
                acc = self.push(Op::Concat(parts), whole);
            } else {
                for (b, right) in run.iter().zip(parts.into_iter().skip(1)) {
                    acc = self.push(Op::Bin(BinOp::Add, acc, right), span(*b));
                }
            }
        }
        acc
    }

    fn arithmetic(&mut self, op: Operator, left: ValueId, right: ValueId, at: Span) -> ValueId {
        match operator(op) {
            Some(BinOp::Mod) if self.is_text(left) => self.push(Op::Format(FormatStyle::Percent, left, right), at),
            Some(op) => self.push(Op::Bin(op, left, right), at),
            None => self.push(Op::Unknown(vec![left, right]), at),
        }
    }

    /// `old op= value`; `target` is what is assigned.
    pub(super) fn augmented(
        &mut self,
        op: Operator,
        old: ValueId,
        target: &Expr,
        value: &'a Expr,
        at: Span,
    ) -> ValueId {
        if op != Operator::Add {
            let right = self.expr(value);
            return self.arithmetic(op, old, right, at);
        }
        let left = self.copy_of(old, target);
        let right = self.copied(value);
        if self.is_text(left) || self.is_text(right) {
            self.push(Op::Concat(vec![left, right]), at)
        } else {
            self.push(Op::Bin(BinOp::Add, left, right), at)
        }
    }
}
