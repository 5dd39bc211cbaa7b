//! Leaving regions: `try`, `with`, `return`, `break`, `continue`.

use super::env::{Fin, FinKind};
use super::types::simple;
use super::{Low, deep, span};
use ruff_python_ast::{ExceptHandler, ExceptHandlerExceptHandler, Expr, StmtTry, WithItem};
use surefix_ir::{BlockId, Op, Sym, Term, TypeRef, ValueId};
use surefix_text::Span;

/// Nesting of duplicated `finally` code beyond which exits do not get copies of their own: code size is exponential in it.
const MAX_COPIES: u32 = 4;
/// Number of instructions of a function beyond which exits do not get copies of `finally` code.
const MAX_INSTRS: usize = 200_000;
/// Context managers that are there to swallow exceptions.
const SWALLOWING: &[&str] = &["suppress", "raises", "assertRaises", "assertRaisesRegex", "assertRaisesMessage"];

impl<'a> Low<'a> {
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
            if self.is_closed() {
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

    fn run_fin(&mut self, fin: &Fin<'a>) {
        match fin.kind {
            FinKind::Exit(v, at, _) => {
                self.push(Op::Exit(v), at);
            }
            FinKind::Block(body) => {
                let Some(f) = self.f() else { return };
                if f.copies >= MAX_COPIES || f.b.func.instrs.len() > MAX_INSTRS {
                    let at = super::def::body_span(body, 0);
                    self.diagnose(at, "finally block left out on one exit");
                    return;
                }
                f.copies += 1;
                let loops = f.loops.split_off(fin.loops.min(f.loops.len()));
                self.suite(body);
                if let Some(f) = self.f() {
                    f.copies -= 1;
                    f.loops.truncate(fin.loops);
                    f.loops.extend(loops);
                }
            }
        }
    }

    /// Lowers `body` so that `kind` runs whenever it is left.
    fn guarded(&mut self, kind: FinKind<'a>, body: impl FnOnce(&mut Self)) {
        let (join, handler) = (self.new_block(), self.new_block());
        let Some(f) = self.f() else { return };
        let fin = Fin { kind, handlers: f.b.handler_depth(), loops: f.loops.len() };
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
            FinKind::Block(b) => Span::point(super::def::body_span(b, 0).lo),
            FinKind::Exit(_, at, _) => at,
        };
        let exception = self.push(Op::Catch(Vec::new()), at);
        if let Some(f) = self.f() {
            f.caught.push(exception);
        }
        self.run_fin(&fin);
        if let Some(f) = self.f() {
            f.caught.pop();
        }
        if matches!(kind, FinKind::Exit(_, _, true)) {
            let again = self.new_block();
            let swallowed = self.opaque(at);
            self.branch_to(swallowed, join, again);
            self.enter(again);
        }
        self.end(Term::Throw(Some(exception)));
        self.enter(join);
    }

    /// Goes on in a handler, which is reached by exceptions alone.
    fn enter_handler(&mut self, handler: BlockId) {
        if let Some(f) = self.f() {
            f.b.seal(handler);
            f.b.switch_to(handler);
        }
    }

    pub(super) fn try_statement(&mut self, t: &'a StmtTry) {
        if t.finalbody.is_empty() {
            self.try_except(t);
        } else {
            self.guarded(FinKind::Block(&t.finalbody), |low| low.try_except(t));
        }
    }

    fn try_except(&mut self, t: &'a StmtTry) {
        if t.handlers.is_empty() {
            self.suite(&t.body);
            self.suite(&t.orelse);
            return;
        }
        let (join, handler) = (self.new_block(), self.new_block());
        if let Some(f) = self.f() {
            f.b.push_handler(handler);
        }
        self.suite(&t.body);
        if let Some(f) = self.f() {
            let closed = f.b.is_closed();
            f.b.pop_handler();
            if closed {
                f.b.end(Term::Unreachable);
            }
        }
        // What `else` raises is not caught here.
        self.suite(&t.orelse);
        self.goto(join);
        self.enter_handler(handler);
        self.clauses(t, join);
        self.enter(join);
    }

    fn clauses(&mut self, t: &'a StmtTry, join: BlockId) {
        let clauses: Vec<&'a ExceptHandlerExceptHandler> = t
            .handlers
            .iter()
            .map(|h| {
                let ExceptHandler::ExceptHandler(h) = h;
                h
            })
            .collect();
        let types: Vec<Vec<TypeRef>> =
            clauses.iter().map(|c| c.type_.as_deref().map(|e| self.types_in(e)).unwrap_or_default()).collect();
        // A clause without types catches everything.
        let any = types.iter().any(Vec::is_empty);
        let all = if any { Vec::new() } else { types.concat() };
        let at = clauses.first().map_or_else(Span::default, |c| match (&c.name, &c.type_) {
            (Some(n), _) => span(n),
            (None, Some(t)) => span(t.as_ref()),
            (None, None) => Span::point(span(*c).lo),
        });
        let exception = self.push(Op::Catch(all), at);
        if let Some(f) = self.f() {
            f.caught.push(exception);
        }
        let last = clauses.len().saturating_sub(1);
        for (i, (clause, types)) in clauses.into_iter().zip(types).enumerate() {
            let mut value = exception;
            let mut next = None;
            if t.is_star {
                // Parts of a group go to several clauses in turn.
                let (then, other) = (self.new_block(), self.new_block());
                let some = self.opaque(span(clause));
                self.branch_to(some, then, other);
                self.enter(then);
                next = Some(other);
            } else if i != last {
                let (then, other) = (self.new_block(), self.new_block());
                let only = match types.as_slice() {
                    [only] => Some(only.clone()),
                    _ => None,
                };
                self.type_test(types, exception, span(clause), then, other);
                self.enter(then);
                if let (Some(ty), Some(name)) = (only, &clause.name) {
                    value = self.push(Op::Cast(ty, exception), span(name));
                }
                next = Some(other);
            }
            if let Some(name) = &clause.name {
                let sym = self.strings.intern(name.as_str());
                self.write_name(sym, value, span(name));
            }
            self.suite(&clause.body);
            match next {
                Some(next) => {
                    self.goto(if t.is_star { next } else { join });
                    self.enter(next);
                }
                None => self.goto(join),
            }
        }
        if let Some(f) = self.f() {
            f.caught.pop();
        }
        self.goto(join);
    }

    /// The items of a `with`, each left when what follows is left.
    pub(super) fn with_items(&mut self, items: &'a [WithItem], is_async: bool, body: &'a [ruff_python_ast::Stmt]) {
        deep(|| {
            let Some((first, rest)) = items.split_first() else {
                self.suite(body);
                return;
            };
            let at = span(first);
            let manager = self.expr(&first.context_expr);
            let mut value = self.push(Op::Enter(manager), at);
            if is_async {
                value = self.push(Op::Await(value), at);
            }
            if let Some(target) = first.optional_vars.as_deref() {
                self.assign(target, value, at);
            }
            let swallows = match &first.context_expr {
                Expr::Call(c) => super::types::dotted(&c.func).is_some_and(|n| SWALLOWING.contains(&simple(&n))),
                _ => false,
            };
            let exit = FinKind::Exit(manager, at, swallows);
            self.guarded(exit, |low| low.with_items(rest, is_async, body));
        });
    }

    pub(super) fn return_value(&mut self, value: Option<ValueId>) {
        self.leave_regions(0, |low| low.end(Term::Return(value)));
    }

    /// `break` and `continue`.
    pub(super) fn jump(&mut self, is_break: bool) {
        match self.fns.last().and_then(|f| f.loops.last().copied()) {
            Some(l) => self.leave_regions(l.fins, |low| low.goto(if is_break { l.brk } else { l.cont })),
            // A jump without a loop: the file does not compile.
            None => self.end(Term::Unreachable),
        }
    }

    pub(super) fn push_loop(&mut self, brk: BlockId, cont: BlockId) {
        if let Some(f) = self.f() {
            let fins = f.fins.len();
            f.loops.push(super::env::Loop { brk, cont, fins });
        }
    }

    pub(super) fn pop_loop(&mut self) {
        if let Some(f) = self.f() {
            f.loops.pop();
        }
    }

    /// A value that nobody reads again.
    pub(super) fn forget(&mut self, name: Sym, at: Span) {
        use super::env::{Place, Slot};
        if let Place::Slot(Slot::Var(var)) | Place::ClassVar(var) = self.target(name) {
            let v = self.opaque(at);
            self.write(var, Sym::EMPTY, v);
        }
    }
}
