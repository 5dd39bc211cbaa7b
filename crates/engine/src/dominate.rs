//! Whether new code that may leave a function stands before a use of the value that it checks, on every way to it.

use std::collections::BTreeSet;
use surefix_ir::{BlockId, Function, Module, Op, ParamKind, ValueId};
use surefix_text::Span;

/// True when code at one of the places `fresh` branches on a value, cannot be gone around on the way to an instruction at one of
/// the places `uses`, does not reach it on one of its branches, and that instruction is given the value. Places are those of
/// the module's text.
pub fn guards(module: &Module, fresh: &[Span], uses: &[Span]) -> bool {
    module
        .functions
        .iter()
        .filter(|f| fresh.iter().any(|s| f.body_span.contains(*s)))
        .any(|f| in_function(f, fresh, uses))
}

fn in_function(f: &Function, fresh: &[Span], uses: &[Span]) -> bool {
    let new = |v: ValueId| f.instrs.get(v.0 as usize).is_some_and(|i| fresh.iter().any(|s| s.contains(i.span)));
    // What the new code takes from the old.
    let mut taken = BTreeSet::new();
    for i in f.instrs.iter().filter(|i| !matches!(i.op, Op::Phi(_)) && fresh.iter().any(|s| s.contains(i.span))) {
        i.op.operands(&mut |v| {
            if !new(v) && is_data(f, v) {
                taken.insert(v);
            }
        });
    }
    if taken.is_empty() {
        return false;
    }
    let blocks: Vec<BlockId> = (0..u32::try_from(f.blocks.len()).unwrap_or(0)).map(BlockId).collect();
    let branches = blocks.iter().copied().filter(|b| {
        let block = f.block(*b);
        let own = block.instrs.iter().any(|v| new(*v) && !matches!(f.instr(*v).op, Op::Phi(_)));
        own && block.successors().len() > 1
    });
    branches.into_iter().any(|guard| {
        let reached = from(f, BlockId(0), None);
        let around = from(f, BlockId(0), Some(guard));
        let arms: Vec<BTreeSet<BlockId>> = f.block(guard).successors().into_iter().map(|s| from(f, s, None)).collect();
        blocks.iter().copied().filter(|b| *b != guard && reached.contains(b) && !around.contains(b)).any(|b| {
            arms.iter().any(|arm| !arm.contains(&b))
                && f.block(b).instrs.iter().any(|v| {
                    let i = f.instr(*v);
                    !new(*v) && uses.contains(&i.span) && !slice(f, *v).is_disjoint(&taken)
                })
        })
    })
}

/// A value that can be untrusted: no constant, no receiver, no name of a module or class.
fn is_data(f: &Function, v: ValueId) -> bool {
    match f.instrs.get(v.0 as usize).map(|i| &i.op) {
        None | Some(Op::Const(_) | Op::LoadName(_) | Op::Closure(..)) => false,
        Some(Op::Param(n)) => f.params.get(*n as usize).is_some_and(|p| p.kind != ParamKind::This),
        Some(_) => true,
    }
}

/// The blocks that can be reached from one, itself included, without entering `without`.
fn from(f: &Function, start: BlockId, without: Option<BlockId>) -> BTreeSet<BlockId> {
    let mut seen = BTreeSet::new();
    let mut todo = vec![start];
    while let Some(b) = todo.pop() {
        if Some(b) != without && (b.0 as usize) < f.blocks.len() && seen.insert(b) {
            todo.extend(f.block(b).successors());
        }
    }
    seen
}

/// The values from which one is made.
fn slice(f: &Function, v: ValueId) -> BTreeSet<ValueId> {
    let mut seen = BTreeSet::new();
    let mut todo = vec![v];
    while let Some(v) = todo.pop() {
        if seen.insert(v)
            && let Some(i) = f.instrs.get(v.0 as usize)
        {
            i.op.operands(&mut |o| todo.push(o));
        }
    }
    seen
}
