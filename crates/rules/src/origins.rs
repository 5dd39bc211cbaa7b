//! Where the values of a sink come from inside one function: the IR read backwards, with the trace of the flow as evidence.

use crate::DetectCx;
use std::collections::BTreeSet;
use surefix_dataflow::{Flow, FnRef, Frag};
use surefix_ir::{BinOp, Callee, FnId, Function, Module, Op, ValueId};
use surefix_text::{FileId, Span};

/// One function of a flow.
pub(crate) struct Origins<'a> {
    /// The file.
    pub file: FileId,
    /// The function.
    pub func: &'a Function,
    /// Its module.
    pub module: &'a Module,
    /// Places in this file that the untrusted data passes.
    spans: BTreeSet<Span>,
    /// Values of this function that are the untrusted data.
    values: BTreeSet<u32>,
}

impl<'a> Origins<'a> {
    /// The function in which the sink of `flow` stands.
    pub(crate) fn of_sink(cx: &'a DetectCx<'_>, flow: &Flow) -> Option<Origins<'a>> {
        Origins::of(cx, flow, FnRef { file: FileId(flow.call.file), id: FnId(flow.call.func) })
    }

    /// Any function on the way of `flow`.
    pub(crate) fn of(cx: &'a DetectCx<'_>, flow: &Flow, at: FnRef) -> Option<Origins<'a>> {
        let module: &Module = cx.program.modules.get(at.file.0 as usize)?;
        let func = module.functions.get(at.id.0 as usize)?;
        let steps = flow.trace.split_last().map_or(&[][..], |(_, before)| before);
        let spans = steps.iter().filter(|s| s.place.file == at.file).map(|s| s.place.span).collect();
        let mut values = BTreeSet::new();
        for shape in &flow.shapes {
            for frag in &shape.frags {
                if let Frag::Hole(h) = frag
                    && h.tainted
                    && h.func == at
                {
                    values.insert(h.value);
                }
            }
        }
        Some(Origins { file: at.file, func, module, spans, values })
    }

    /// The innermost function whose body holds `span`, with the instruction at exactly that place.
    pub(crate) fn at(cx: &'a DetectCx<'_>, flow: &Flow, file: FileId, span: Span) -> Option<(Origins<'a>, ValueId)> {
        let module = cx.program.modules.get(file.0 as usize)?;
        let inside = module.functions.iter().enumerate().filter(|(_, f)| f.span.contains(span) && !f.blocks.is_empty());
        let (id, func) = inside.min_by_key(|(_, f)| f.span.len())?;
        let at = func.instrs.iter().rposition(|i| i.span == span && !matches!(i.op, Op::Const(_) | Op::Copy(_)))?;
        let at = ValueId(u32::try_from(at).ok()?);
        let id = FnId(u32::try_from(id).ok()?);
        Some((Origins::of(cx, flow, FnRef { file, id })?, at))
    }

    /// The operation behind a value.
    pub(crate) fn op(&self, v: ValueId) -> Option<&'a Op> {
        self.func.instrs.get(v.0 as usize).map(|i| &i.op)
    }

    /// The bytes of the expression that gives a value.
    pub(crate) fn span(&self, v: ValueId) -> Span {
        self.func.instrs.get(v.0 as usize).map_or(Span::default(), |i| i.span)
    }

    /// The value behind copies and casts.
    pub(crate) fn behind(&self, mut v: ValueId) -> ValueId {
        for _ in 0..32 {
            match self.op(v) {
                Some(Op::Copy(a) | Op::Cast(_, a)) => v = *a,
                _ => break,
            }
        }
        v
    }

    /// The parts that a value joins, when it is a text put together: concatenation, or `+` of what may be text.
    pub(crate) fn parts(&self, v: ValueId) -> Option<Vec<ValueId>> {
        match self.op(v)? {
            Op::Concat(parts) => Some(parts.clone()),
            Op::Bin(BinOp::Add, a, b) => {
                let mut parts = match self.op(*a) {
                    Some(Op::Bin(BinOp::Add, ..) | Op::Concat(_)) => self.parts(*a)?,
                    _ => vec![*a],
                };
                parts.push(*b);
                Some(parts)
            }
            _ => None,
        }
    }

    /// The constant text of a value.
    pub(crate) fn text(&self, v: ValueId) -> Option<&'a str> {
        match self.op(self.behind(v))? {
            Op::Const(surefix_ir::Const::Str(s)) => Some(self.module.strings.get(*s)),
            _ => None,
        }
    }

    /// The receiver or argument of the sink.
    pub(crate) fn sink_value(&self, flow: &Flow) -> Option<(ValueId, Span)> {
        let at = ValueId(flow.call.value);
        let Some(Op::Call(c)) = self.op(at) else {
            // A store or return: the value itself.
            return None;
        };
        match flow.arg {
            Some(i) => c.args.get(i).map(|a| (a.value, a.span)),
            None => match &c.callee {
                Callee::Method { recv, .. } => Some((*recv, self.span(*recv))),
                _ => None,
            },
        }
    }

    /// True when the untrusted data flows into `v` inside this function, as far as the trace shows.
    pub(crate) fn depends(&self, v: ValueId) -> bool {
        if self.fixed(v) {
            return false;
        }
        let mut seen = BTreeSet::new();
        let mut todo = vec![v];
        while let Some(v) = todo.pop() {
            if !seen.insert(v) || seen.len() > 2_000 {
                continue;
            }
            let Some(i) = self.func.instrs.get(v.0 as usize) else { continue };
            let here = self.values.contains(&v.0) || (self.spans.contains(&i.span) && !matches!(i.op, Op::Const(_)));
            if here {
                return true;
            }
            i.op.operands(&mut |o| todo.push(o));
            self.filled_with(v, &mut todo);
        }
        false
    }

    /// What the function puts into an object that it created itself: arguments of its methods, stored elements and fields.
    fn filled_with(&self, v: ValueId, out: &mut Vec<ValueId>) {
        let created = match self.op(v) {
            Some(Op::Call(c)) => matches!(c.callee, Callee::New { .. }),
            Some(Op::Aggregate(..) | Op::NewArray(..)) => true,
            _ => false,
        };
        if !created {
            return;
        }
        for i in &self.func.instrs {
            match &i.op {
                Op::Call(c) => {
                    if let Callee::Method { recv, .. } = &c.callee
                        && self.behind(*recv) == v
                    {
                        out.extend(c.args.iter().map(|a| a.value));
                    }
                }
                Op::StoreIndex(base, _, x) | Op::StoreField(base, _, x) if self.behind(*base) == v => out.push(*x),
                _ => {}
            }
        }
    }

    /// True when nothing but constants and names goes into `v`: no parameter, no call, no element of anything.
    pub(crate) fn fixed(&self, v: ValueId) -> bool {
        let mut seen = BTreeSet::new();
        let mut todo = vec![v];
        while let Some(v) = todo.pop() {
            if !seen.insert(v) {
                continue;
            }
            let Some(i) = self.func.instrs.get(v.0 as usize) else { return false };
            let plain = self.fixed_op(&i.op);
            if !plain {
                return false;
            }
            i.op.operands(&mut |o| todo.push(o));
        }
        true
    }

    /// True when `v` is made of constants, names and pure calls on them.
    fn steady(&self, v: ValueId) -> bool {
        let mut seen = BTreeSet::new();
        let mut todo = vec![v];
        while let Some(v) = todo.pop() {
            let Some(i) = self.func.instrs.get(v.0 as usize) else { return false };
            if seen.insert(v) {
                if let Op::Call(c) = &i.op {
                    let Callee::Method { name, .. } = &c.callee else { return false };
                    let name = self.module.strings.get(*name);
                    if !matches!(name, "replace" | "trim" | "toString" | "getProperty" | "toLowerCase" | "strip") {
                        return false;
                    }
                } else if !self.fixed_op(&i.op) {
                    return false;
                }
                i.op.operands(&mut |o| todo.push(o));
            }
        }
        true
    }

    fn fixed_op(&self, op: &Op) -> bool {
        matches!(
            op,
            Op::Const(_)
                | Op::Phi(_)
                | Op::Copy(_)
                | Op::Cast(..)
                | Op::Bin(..)
                | Op::Concat(_)
                | Op::LoadName(_)
                | Op::LoadField(..)
        )
    }

    /// Among parts of a text, the first that carries the untrusted data. Where the trace does not tell, the only part that is
    /// not made of constants.
    pub(crate) fn first_tainted(&self, parts: &[ValueId]) -> Option<usize> {
        if let Some(at) = parts.iter().position(|p| self.depends(*p)) {
            return Some(at);
        }
        let mut open = parts.iter().enumerate().filter(|(_, p)| !self.steady(**p)).map(|(i, _)| i);
        match (open.next(), open.next()) {
            (Some(one), None) => Some(one),
            _ => None,
        }
    }
}
