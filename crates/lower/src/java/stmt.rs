//! Statements.

use super::kinds::{F, K};
use super::name::Jump;
use super::{Low, span};
use smallvec::SmallVec;
use surefix_ir::{BlockId, Callee, Op, Sym, Term, ValueId};
use tree_sitter::Node;

/// Methods that take something out of a collection, iterator or optional, whose type only type arguments know.
const TAKING: &[&str] = &[
    "element",
    "elementAt",
    "first",
    "firstElement",
    "get",
    "getFirst",
    "getKey",
    "getLast",
    "getValue",
    "last",
    "lastElement",
    "next",
    "nextElement",
    "orElse",
    "peek",
    "poll",
    "pop",
    "previous",
    "remove",
    "take",
];

impl<'t> Low<'t> {
    /// Lowers a block in a scope of its own.
    pub(super) fn block(&mut self, n: Node<'t>) {
        let mark = self.f().map_or(0, |f| f.order.len());
        for s in self.kids(n) {
            self.stmt(s);
        }
        if let Some(f) = self.f() {
            f.leave(mark);
        }
    }

    /// Lowers a statement.
    pub(super) fn stmt(&mut self, n: Node<'t>) {
        stacker::maybe_grow(128 * 1024, 8 * 1024 * 1024, || {
            let kind = self.kind(n);
            match kind {
                K::Block | K::ConstructorBody => self.block(n),
                K::LabeledStatement => self.labeled(n),
                K::Error => self.broken_statement(n),
                k if k.is_class() => {
                    self.class(n);
                }
                k => {
                    let before = self.f().map(|f| f.b.enter_stmt(span(n)));
                    self.stmt_here(n, k);
                    if let (Some(f), Some(s)) = (self.f(), before) {
                        f.b.set_stmt(s);
                    }
                }
            }
        });
    }

    fn stmt_here(&mut self, n: Node<'t>, kind: K) {
        match kind {
            K::ExpressionStatement => {
                if let Some(e) = self.kid(n, |_| true) {
                    if self.kind(e) == K::SwitchExpression {
                        self.switch(e, false);
                    } else {
                        self.expr(e);
                    }
                }
            }
            K::LocalVariable => self.local(n),
            K::IfStatement => self.if_statement(n),
            K::WhileStatement => self.while_statement(n),
            K::DoStatement => self.do_statement(n),
            K::ForStatement => self.for_statement(n),
            K::EnhancedFor => self.for_each(n),
            K::ReturnStatement => self.return_statement(n),
            K::ThrowStatement => {
                let v = self.kid(n, |_| true).map(|e| self.expr(e));
                self.end(Term::Throw(v));
            }
            K::BreakStatement => self.jump(n, true),
            K::ContinueStatement => self.jump(n, false),
            K::YieldStatement => self.yield_statement(n),
            K::TryStatement | K::TryWithResources => self.try_statement(n),
            K::SwitchExpression => {
                self.switch(n, false);
            }
            K::Synchronized => {
                if let Some(lock) = self.kid(n, |k| k == K::Parenthesized) {
                    self.expr(lock);
                }
                if let Some(b) = self.field(n, F::Body) {
                    self.block(b);
                }
            }
            K::AssertStatement => self.assert(n),
            K::ConstructorCall => {
                self.constructor_call(n);
            }
            K::ImportDeclaration | K::PackageDeclaration | K::ModuleDeclaration => {}
            // The empty statement has no name in the grammar.
            K::Other if n.kind() == ";" => {}
            k if k.is_expression() => {
                self.expr(n);
            }
            _ => self.broken_statement(n),
        }
    }

    /// Lowers what was recognised inside an error.
    fn broken_statement(&mut self, n: Node<'t>) {
        if !n.has_error() && !n.is_missing() {
            self.diagnose(span(n), "unknown statement");
        }
        for c in self.kids(n) {
            let k = self.kind(c);
            if k.is_statement() || k.is_expression() || k.is_class() || k == K::Error || k == K::LabeledStatement {
                self.stmt(c);
            }
        }
    }

    fn local(&mut self, n: Node<'t>) {
        for d in self.each(n, F::Declarator) {
            let Some(node) = self.field(d, F::Name) else { continue };
            let value = self.field(d, F::Value).map(|v| self.expr(v)).map(|v| self.as_declared(n, node, v));
            let name = self.sym(node);
            match value {
                Some(v) => self.declare_with(name, v),
                None => {
                    if let Some(f) = self.f() {
                        f.declare(name);
                    }
                }
            }
        }
    }

    /// What is taken out of an array, collection or iterator has the type that its variable is declared with; nothing else tells it.
    fn as_declared(&mut self, n: Node<'t>, name: Node<'t>, value: ValueId) -> ValueId {
        let Some(ty) = self.field(n, F::Type) else { return value };
        if !matches!(self.kind(ty), K::TypeIdentifier | K::ScopedType | K::GenericType) || self.text(ty) == "var" {
            return value;
        }
        let taken = match self.f().and_then(|f| f.b.op(value).cloned()) {
            Some(Op::IterNext(_) | Op::LoadIndex(..)) => true,
            Some(Op::Call(c)) => match c.callee {
                Callee::Method { name, .. } => TAKING.contains(&self.strings.get(name)),
                _ => false,
            },
            _ => false,
        };
        if !taken {
            return value;
        }
        let ty = self.type_ref(ty, 0);
        self.push(Op::Cast(ty, value), span(name))
    }

    fn condition(&mut self, n: Node<'t>, yes: BlockId, no: BlockId) {
        match self.field(n, F::Condition) {
            Some(c) => self.cond(c, yes, no),
            None => self.goto(yes),
        }
    }

    /// The condition of a loop: `while (true)` ends by jumps alone.
    fn loop_condition(&mut self, n: Node<'t>, body: BlockId, exit: BlockId) {
        let endless = self.field(n, F::Condition).is_some_and(|c| {
            let c = self.inner(c);
            self.kind(c) == K::True
        });
        if endless { self.goto(body) } else { self.condition(n, body, exit) }
    }

    fn if_statement(&mut self, n: Node<'t>) {
        // `else if` chains are deep to the right: one join, walked in a loop.
        let join = self.new_block();
        let mark = self.f().map_or(0, |f| f.order.len());
        let mut keep = false;
        let mut at = n;
        loop {
            let (then, other) = (self.new_block(), self.new_block());
            self.condition(at, then, other);
            self.enter(then);
            if let Some(s) = self.field(at, F::Consequence) {
                self.scoped(s);
            }
            // `if (!(x instanceof T t)) return;` brings `t` into the scope of what follows.
            keep = at.id() == n.id() && self.f().is_some_and(|f| f.b.is_closed()) || keep && at.id() != n.id();
            self.goto(join);
            self.enter(other);
            match self.field(at, F::Alternative) {
                Some(e) if self.kind(e) == K::IfStatement => {
                    if let Some(f) = self.f() {
                        f.b.enter_stmt(span(e));
                    }
                    at = e;
                }
                Some(e) => {
                    self.scoped(e);
                    break;
                }
                None => break,
            }
        }
        self.goto(join);
        self.enter(join);
        if !keep && let Some(f) = self.f() {
            f.leave(mark);
        }
    }

    /// A statement that is a scope of its own (`if (c) int x = 0;` does not exist, pattern bindings do).
    fn scoped(&mut self, n: Node<'t>) {
        let mark = self.f().map_or(0, |f| f.order.len());
        self.stmt(n);
        if let Some(f) = self.f() {
            f.leave(mark);
        }
    }

    pub(super) fn push_jump(&mut self, brk: Option<BlockId>, cont: Option<BlockId>, plain: bool) {
        let labels = std::mem::take(&mut self.labels);
        if let Some(f) = self.f() {
            let fins = f.fins.len();
            f.jumps.push(Jump { labels, brk, cont, yields: None, plain, fins });
        }
    }

    pub(super) fn pop_jump(&mut self) {
        if let Some(f) = self.f() {
            f.jumps.pop();
        }
    }

    fn while_statement(&mut self, n: Node<'t>) {
        let header = self.new_block();
        let (body, exit) = (self.new_block(), self.new_block());
        let mark = self.f().map_or(0, |f| f.order.len());
        if let Some(f) = self.f() {
            f.enter_loop(header);
        }
        self.push_jump(Some(exit), Some(header), true);
        self.loop_condition(n, body, exit);
        self.enter(body);
        if let Some(b) = self.field(n, F::Body) {
            self.scoped(b);
        }
        self.goto(header);
        self.pop_jump();
        if let Some(f) = self.f() {
            f.b.seal(header);
        }
        self.enter(exit);
        // `while (!(x instanceof T t)) …` brings `t` into the scope of what follows.
        let negated = self.field(n, F::Condition).is_some_and(|c| {
            let c = self.inner(c);
            self.kind(c) == K::Unary
        });
        if !negated && let Some(f) = self.f() {
            f.leave(mark);
        }
    }

    fn do_statement(&mut self, n: Node<'t>) {
        let (body, test, exit) = (self.new_block(), self.new_block(), self.new_block());
        if let Some(f) = self.f() {
            f.enter_loop(body);
        }
        self.push_jump(Some(exit), Some(test), true);
        if let Some(b) = self.field(n, F::Body) {
            self.scoped(b);
        }
        self.goto(test);
        self.enter(test);
        self.loop_condition(n, body, exit);
        self.pop_jump();
        if let Some(f) = self.f() {
            f.b.seal(body);
        }
        self.enter(exit);
    }

    fn for_statement(&mut self, n: Node<'t>) {
        let mark = self.f().map_or(0, |f| f.order.len());
        for i in self.each(n, F::Init) {
            if self.kind(i) == K::LocalVariable {
                self.local(i);
            } else {
                self.expr(i);
            }
        }
        let header = self.new_block();
        let (body, update, exit) = (self.new_block(), self.new_block(), self.new_block());
        if let Some(f) = self.f() {
            f.enter_loop(header);
        }
        self.push_jump(Some(exit), Some(update), true);
        self.loop_condition(n, body, exit);
        self.enter(body);
        if let Some(b) = self.field(n, F::Body) {
            self.scoped(b);
        }
        self.goto(update);
        self.enter(update);
        let updates = self.each(n, F::Update);
        self.effects(updates);
        self.goto(header);
        self.pop_jump();
        if let Some(f) = self.f() {
            f.b.seal(header);
        }
        self.enter(exit);
        if let Some(f) = self.f() {
            f.leave(mark);
        }
    }

    fn for_each(&mut self, n: Node<'t>) {
        let Some(value) = self.field(n, F::Value) else {
            self.broken_statement(n);
            return;
        };
        let mark = self.f().map_or(0, |f| f.order.len());
        let iterated = self.expr(value);
        let at = span(value);
        let (header, body, exit) = (self.new_block(), self.new_block(), self.new_block());
        if let Some(f) = self.f() {
            f.enter_loop(header);
        }
        self.push_jump(Some(exit), Some(header), true);
        // Whether there is another element is nobody's business but the collection's.
        let more = self.push(Op::Unknown(Vec::new()), at);
        self.branch_to(more, body, exit);
        self.enter(body);
        let element = self.push(Op::IterNext(iterated), at);
        if let Some(node) = self.field(n, F::Name) {
            let name = self.sym(node);
            let element = self.as_declared(n, node, element);
            self.declare_with(name, element);
        }
        if let Some(b) = self.field(n, F::Body) {
            self.scoped(b);
        }
        self.goto(header);
        self.pop_jump();
        if let Some(f) = self.f() {
            f.b.seal(header);
        }
        self.enter(exit);
        if let Some(f) = self.f() {
            f.leave(mark);
        }
    }

    fn labeled(&mut self, n: Node<'t>) {
        let mut labels: SmallVec<[Sym; 1]> = SmallVec::new();
        let mut at = n;
        while self.kind(at) == K::LabeledStatement {
            let kids = self.kids(at);
            if let Some(l) = kids.first().copied().filter(|l| self.kind(*l) == K::Identifier) {
                labels.push(self.sym(l));
            }
            match kids.last().copied() {
                Some(s) if kids.len() > 1 => at = s,
                _ => return,
            }
        }
        if matches!(self.kind(at), K::WhileStatement | K::DoStatement | K::ForStatement | K::EnhancedFor) {
            self.labels = labels;
            self.stmt(at);
            self.labels.clear();
            return;
        }
        let join = self.new_block();
        self.labels = labels;
        self.push_jump(Some(join), None, false);
        self.scoped(at);
        self.pop_jump();
        self.goto(join);
        self.enter(join);
    }

    /// Assertions are off unless asked for: the condition and the message are evaluated, nothing is concluded.
    fn assert(&mut self, n: Node<'t>) {
        let kids = self.kids(n);
        let Some(c) = kids.first().copied() else { return };
        let (holds, fails) = (self.new_block(), self.new_block());
        self.cond(c, holds, fails);
        self.enter(fails);
        if let Some(message) = kids.get(1) {
            self.expr(*message);
        }
        self.goto(holds);
        self.enter(holds);
    }
}
