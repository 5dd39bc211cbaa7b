//! Removes what unreachable blocks leave behind: their edges keep phis alive that would be trivial without them.

use surefix_ir::{BlockId, Function, Op, Term, ValueId};

/// Empties the unreachable blocks of `f` and removes the phis that become trivial.
pub(crate) fn prune(f: &mut Function) {
    let mut live = vec![false; f.blocks.len()];
    let mut work = vec![BlockId(0)];
    while let Some(b) = work.pop() {
        let Some(seen) = live.get_mut(b.0 as usize) else { continue };
        if !std::mem::replace(seen, true) {
            work.extend(f.block(b).successors());
        }
    }
    if live.iter().all(|l| *l) {
        return;
    }
    for (block, _) in f.blocks.iter_mut().zip(&live).filter(|(_, live)| !**live) {
        block.instrs.clear();
        block.term = Term::Unreachable;
        block.unwind = None;
    }
    let mut phis = Vec::new();
    for block in &f.blocks {
        for v in &block.instrs {
            let Some(Op::Phi(ops)) = f.instrs.get_mut(v.0 as usize).map(|i| &mut i.op) else { continue };
            ops.retain(|o| live.get(o.0.0 as usize).is_some_and(|l| *l));
            phis.push(*v);
        }
    }
    let replaced = trivial(f, &phis);
    if replaced.iter().enumerate().all(|(i, v)| v.0 as usize == i) {
        return;
    }
    let of = |v: ValueId| replaced.get(v.0 as usize).copied().unwrap_or(v);
    for block in &mut f.blocks {
        block.instrs.retain(|v| of(*v) == *v);
        match &mut block.term {
            Term::If { cond: v, .. } | Term::Switch { on: v, .. } | Term::Return(Some(v)) | Term::Throw(Some(v)) => {
                *v = of(*v);
            }
            _ => {}
        }
    }
    for (i, instr) in f.instrs.iter_mut().enumerate() {
        if replaced.get(i).is_some_and(|v| v.0 as usize != i) {
            instr.op = Op::Unknown(Vec::new());
        } else {
            instr.op.map_operands(&mut |v| of(v));
        }
    }
    for n in &mut f.names {
        n.0 = of(n.0);
    }
    f.names.sort();
    f.names.dedup_by_key(|n| n.0);
}

/// For every value what it stands for: itself, or the only operand of a trivial phi.
fn trivial(f: &Function, phis: &[ValueId]) -> Vec<ValueId> {
    let mut to: Vec<ValueId> = (0..f.instrs.len() as u32).map(ValueId).collect();
    let resolve = |to: &[ValueId], mut v: ValueId| {
        while let Some(next) = to.get(v.0 as usize).filter(|n| **n != v) {
            v = *next;
        }
        v
    };
    // Both directions in turn: chains of phis resolve in one pass along their direction.
    let mut order: Vec<ValueId> = phis.to_vec();
    loop {
        let mut changed = false;
        order.reverse();
        for v in &order {
            let at = v.0 as usize;
            if to.get(at) != Some(v) {
                continue;
            }
            let Some(Op::Phi(ops)) = f.instrs.get(at).map(|i| &i.op) else { continue };
            let mut others = ops.iter().map(|o| resolve(&to, o.1)).filter(|o| o != v);
            let Some(one) = others.next() else { continue };
            if others.all(|o| o == one)
                && let Some(slot) = to.get_mut(at)
            {
                *slot = one;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    (0..to.len() as u32).map(|v| resolve(&to, ValueId(v))).collect()
}
