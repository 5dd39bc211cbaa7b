//! Leaving regions: `try`, `finally`, resources, `break`, `continue`, `return`, `yield`.

use super::kinds::{F, K};
use super::name::{Fin, FinKind};
use super::{Kids, Low, span};
use surefix_ir::{BlockId, Op, Sym, Term, TypeRef, ValueId};
use surefix_text::Span;
use tree_sitter::Node;

/// Nesting of duplicated `finally` code beyond which exits do not get copies of their own: code size is exponential in it.
const MAX_COPIES: u32 = 4;
/// Number of instructions of a function beyond which exits do not get copies of `finally` code.
const MAX_INSTRS: usize = 200_000;

impl<'t> Low<'t> {
    /// Runs the code of the regions beyond the first `to` ones, then ends the block with what `last` gives.
    pub(super) fn leave_regions(&mut self, to: usize, last: impl FnOnce(&mut Self)) {
        let Some(f) = self.f() else { return };
        if f.b.is_closed() || f.fins.len() <= to {
            last(self);
            return;
        }
        let fins = f.fins.clone();
        let mut handlers: Option<Vec<BlockId>> = None;
        for (i, fin) in fins.iter().enumerate().skip(to).rev() {
            let Some(f) = self.f() else { return };
            f.fins.truncate(i);
            let saved = f.b.cut_handlers(fin.handlers);
            handlers.get_or_insert(saved);
            self.run_fin(fin);
            if self.f().is_some_and(|f| f.b.is_closed()) {
                break;
            }
        }
        last(self);
        if let Some(f) = self.f() {
            f.fins = fins;
            if let Some(h) = handlers {
                f.b.restore_handlers(h);
                // Nothing reaches the block that restoring started.
                f.b.end(Term::Unreachable);
            }
        }
    }

    fn run_fin(&mut self, fin: &Fin<'t>) {
        match fin.kind {
            FinKind::Close(v, at) => {
                self.push(Op::Exit(v), at);
            }
            FinKind::Block(n) => {
                let Some(f) = self.f() else { return };
                if f.copies >= MAX_COPIES || f.b.func.instrs.len() > MAX_INSTRS {
                    self.diagnose(span(n), "finally block left out on one exit");
                    return;
                }
                f.copies += 1;
                let jumps = f.jumps.split_off(fin.jumps.min(f.jumps.len()));
                self.hiding(fin.names, |low| low.block(n));
                if let Some(f) = self.f() {
                    f.copies -= 1;
                    f.jumps.truncate(fin.jumps);
                    f.jumps.extend(jumps);
                }
            }
        }
    }

    /// Lowers `body` so that `kind` runs whenever it is left.
    fn guarded(&mut self, kind: FinKind<'t>, body: impl FnOnce(&mut Self)) {
        let (join, handler) = (self.new_block(), self.new_block());
        let Some(f) = self.f() else { return };
        let fin = Fin { kind, handlers: f.b.handler_depth(), jumps: f.jumps.len(), names: f.order.len() };
        f.b.push_handler(handler);
        f.fins.push(fin);
        body(self);
        let Some(f) = self.f() else { return };
        f.fins.pop();
        let dead = f.b.is_closed();
        f.b.pop_handler();
        if dead {
            f.b.end(Term::Unreachable);
        } else {
            self.run_fin(&fin);
            self.goto(join);
        }
        self.enter_handler(handler);
        let at = match kind {
            FinKind::Block(n) => Span::point(span(n).lo),
            FinKind::Close(_, at) => at,
        };
        let exception = self.push(Op::Catch(Vec::new()), at);
        self.run_fin(&fin);
        self.end(Term::Throw(Some(exception)));
        self.enter(join);
    }

    /// `try` of either form.
    pub(super) fn try_statement(&mut self, n: Node<'t>) {
        let finally = self.kid(n, |k| k == K::FinallyClause).and_then(|c| self.kid(c, |k| k == K::Block));
        match finally {
            Some(block) => self.guarded(FinKind::Block(block), |low| low.try_catch(n)),
            None => self.try_catch(n),
        }
    }

    fn try_catch(&mut self, n: Node<'t>) {
        let clauses: Kids<'t> = self.kids(n).into_iter().filter(|c| self.kind(*c) == K::CatchClause).collect();
        let Some(body) = self.field(n, F::Body) else { return };
        let resources = match self.field(n, F::Resources) {
            Some(r) => self.kids(r),
            None => Kids::new(),
        };
        if clauses.is_empty() {
            self.resources(&resources, body);
            return;
        }
        let (join, handler) = (self.new_block(), self.new_block());
        if let Some(f) = self.f() {
            f.b.push_handler(handler);
        }
        self.resources(&resources, body);
        if let Some(f) = self.f() {
            let closed = f.b.is_closed();
            f.b.pop_handler();
            f.end(if closed { Term::Unreachable } else { Term::Goto(join) });
        }
        self.enter_handler(handler);
        self.clauses(&clauses, join);
        self.enter(join);
    }

    /// Goes on in a handler, which is reached by exceptions alone.
    fn enter_handler(&mut self, handler: BlockId) {
        if let Some(f) = self.f() {
            f.b.seal(handler);
            f.b.switch_to(handler);
        }
    }

    fn clauses(&mut self, clauses: &[Node<'t>], join: BlockId) {
        let mut parsed: Vec<(Vec<TypeRef>, Option<Node<'t>>, Node<'t>)> = Vec::new();
        for c in clauses {
            let p = self.kid(*c, |k| k == K::CatchParameter);
            let types = match p.and_then(|p| self.kid(p, |k| k == K::CatchType)) {
                Some(t) => self.types_in(t),
                None => Vec::new(),
            };
            parsed.push((types, p.and_then(|p| self.field(p, F::Name)), *c));
        }
        let all: Vec<TypeRef> = parsed.iter().flat_map(|p| p.0.iter().cloned()).collect();
        let at = parsed.first().and_then(|p| p.1).or(clauses.first().copied()).map_or_else(Span::default, span);
        let exception = self.push(Op::Catch(all), at);
        let last = parsed.len().saturating_sub(1);
        for (i, (types, name, clause)) in parsed.into_iter().enumerate() {
            let mut value = exception;
            let mut next = None;
            if i != last {
                let (then, other) = (self.new_block(), self.new_block());
                for (j, ty) in types.iter().enumerate() {
                    let test = self.push(Op::InstanceOf(ty.clone(), exception), span(clause));
                    if j + 1 == types.len() {
                        self.branch_to(test, then, other);
                    } else {
                        let more = self.new_block();
                        self.branch_to(test, then, more);
                        self.enter(more);
                    }
                }
                if types.is_empty() {
                    self.goto(then);
                }
                self.enter(then);
                if let [only] = types.as_slice() {
                    let at = name.map_or(span(clause), span);
                    value = self.push(Op::Cast(only.clone(), exception), at);
                }
                next = Some(other);
            }
            let mark = self.f().map_or(0, |f| f.order.len());
            if let Some(name) = name {
                let name = self.sym(name);
                self.declare_with(name, value);
            }
            if let Some(b) = self.field(clause, F::Body) {
                self.block(b);
            }
            if let Some(f) = self.f() {
                f.leave(mark);
            }
            self.goto(join);
            if let Some(next) = next {
                self.enter(next);
            }
        }
    }

    /// The resources of a `try`, each closed when what follows is left.
    fn resources(&mut self, list: &[Node<'t>], body: Node<'t>) {
        stacker::maybe_grow(128 * 1024, 8 * 1024 * 1024, || {
            let Some((first, rest)) = list.split_first() else {
                self.block(body);
                return;
            };
            if self.kind(*first) != K::Resource {
                self.resources(rest, body);
                return;
            }
            let mark = self.f().map_or(0, |f| f.order.len());
            let before = self.f().map(|f| f.b.enter_stmt(span(*first)));
            let value: ValueId = match self.field(*first, F::Value).or_else(|| self.kid(*first, K::is_expression)) {
                Some(e) => self.expr(e),
                None => self.broken(*first),
            };
            let manager = self.push(Op::Enter(value), span(*first));
            if let Some(name) = self.field(*first, F::Name) {
                let name = self.sym(name);
                self.declare_with(name, manager);
            }
            if let (Some(f), Some(s)) = (self.f(), before) {
                f.b.set_stmt(s);
            }
            let close = FinKind::Close(manager, span(*first));
            self.guarded(close, |low| low.resources(rest, body));
            if let Some(f) = self.f() {
                f.leave(mark);
            }
        });
    }

    pub(super) fn return_statement(&mut self, n: Node<'t>) {
        let value = self.kid(n, |_| true).map(|e| self.expr(e));
        self.leave_regions(0, |low| low.end(Term::Return(value)));
    }

    pub(super) fn yield_statement(&mut self, n: Node<'t>) {
        let value = match self.kid(n, |_| true) {
            Some(e) => self.expr(e),
            None => self.broken(n),
        };
        let target = self.fns.last().and_then(|f| f.jumps.iter().rev().find_map(|j| j.yields.map(|y| (y, j.fins))));
        let Some(((var, to), fins)) = target else { return };
        if let Some(f) = self.f() {
            f.b.write(var, Sym::EMPTY, value);
        }
        self.leave_regions(fins, |low| low.goto(to));
    }

    /// `break` and `continue`.
    pub(super) fn jump(&mut self, n: Node<'t>, is_break: bool) {
        let label = self.kid(n, |k| k == K::Identifier).map(|l| self.sym(l));
        let found = self.fns.last().and_then(|f| {
            f.jumps.iter().rev().find_map(|j| {
                let to = if is_break { j.brk } else { j.cont }?;
                let hit = match label {
                    Some(l) => j.labels.contains(&l),
                    None => j.plain,
                };
                hit.then_some((to, j.fins))
            })
        });
        match found {
            Some((to, fins)) => self.leave_regions(fins, |low| low.goto(to)),
            // A jump without a target: the file does not compile.
            None => self.end(Term::Unreachable),
        }
    }
}
