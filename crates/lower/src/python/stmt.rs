//! Statements.

use super::env::{Place, Slot};
use super::{Low, span};
use ruff_python_ast::{
    Expr, ExprAttribute, Stmt, StmtAnnAssign, StmtAssert, StmtAssign, StmtAugAssign, StmtFor, StmtIf, StmtImport,
    StmtImportFrom, StmtRaise, StmtWhile,
};
use surefix_ir::{FnId, Import, ImportKind, Op, Term, ValueId};
use surefix_text::Span;

impl<'a> Low<'a> {
    /// Lowers a statement.
    pub(super) fn stmt(&mut self, s: &'a Stmt) {
        let before = self.f().map(|f| f.b.enter_stmt(span(s)));
        self.stmt_here(s);
        if let (Some(f), Some(b)) = (self.f(), before) {
            f.b.set_stmt(b);
        }
    }

    fn stmt_here(&mut self, s: &'a Stmt) {
        match s {
            Stmt::FunctionDef(f) => self.function_def(f),
            Stmt::ClassDef(c) => self.class_def(c),
            Stmt::Return(r) => {
                let v = r.value.as_deref().map(|v| self.expr(v));
                self.return_value(v);
            }
            Stmt::Delete(d) => d.targets.iter().for_each(|t| self.delete(t)),
            Stmt::Assign(a) => self.assignment(a),
            Stmt::AugAssign(a) => self.augmented_assignment(a),
            Stmt::AnnAssign(a) => self.annotated_assignment(a),
            Stmt::For(f) => self.for_statement(f),
            Stmt::While(w) => self.while_statement(w),
            Stmt::If(i) => self.if_statement(i),
            Stmt::With(w) => self.with_items(&w.items, w.is_async, &w.body),
            Stmt::Match(m) => self.match_statement(m),
            Stmt::Raise(r) => self.raise(r),
            Stmt::Try(t) => self.try_statement(t),
            Stmt::Assert(a) => self.assert(a),
            Stmt::Import(i) => self.import(i),
            Stmt::ImportFrom(i) => self.import_from(i),
            Stmt::Expr(e) => match e.value.as_ref() {
                // Documentation and stubs.
                Expr::StringLiteral(_) | Expr::EllipsisLiteral(_) => {}
                value => {
                    self.expr(value);
                }
            },
            Stmt::Break(_) => self.jump(true),
            Stmt::Continue(_) => self.jump(false),
            // Names of types are never values that matter.
            Stmt::TypeAlias(_) | Stmt::Global(_) | Stmt::Nonlocal(_) | Stmt::Pass(_) => {}
            Stmt::IpyEscapeCommand(_) => self.diagnose(span(s), "unknown statement"),
        }
    }

    fn assignment(&mut self, a: &'a StmtAssign) {
        let at = span(a);
        // `a, b = x, y` needs no tuple.
        if let ([Expr::Tuple(t)], Expr::Tuple(v)) = (a.targets.as_slice(), a.value.as_ref())
            && t.elts.len() == v.elts.len()
            && !t.elts.iter().chain(&v.elts).any(|e| e.is_starred_expr())
        {
            let mut values = Vec::with_capacity(v.elts.len());
            for e in &v.elts {
                values.push(self.expr(e));
            }
            for (t, v) in t.elts.iter().zip(values) {
                self.assign(t, v, at);
            }
            return;
        }
        let v = self.expr(&a.value);
        for t in &a.targets {
            self.assign(t, v, at);
        }
    }

    /// Assigns `v` to what `target` denotes; `at` is the whole assignment.
    pub(super) fn assign(&mut self, target: &'a Expr, v: ValueId, at: Span) {
        super::deep(|| match target {
            Expr::Name(n) if n.id.is_empty() => {}
            Expr::Name(n) => {
                let name = self.strings.intern(n.id.as_str());
                if matches!(self.target(name), Place::ClassVar(_)) {
                    self.class_attribute(name, None, span(n));
                }
                self.write_name(name, v, at);
            }
            Expr::Attribute(a) => {
                self.instance_attribute(a, None);
                self.store_attribute(a, v, at);
            }
            Expr::Subscript(s) => {
                let base = self.expr(&s.value);
                let index = self.expr(&s.slice);
                let v = if s.slice.is_slice_expr() { self.push(Op::IterNext(v), at) } else { v };
                self.push(Op::StoreIndex(base, index, v), at);
            }
            Expr::Tuple(t) => self.unpack(&t.elts, v, at),
            Expr::List(l) => self.unpack(&l.elts, v, at),
            Expr::Starred(s) => self.assign(&s.value, v, at),
            // Only in a broken program.
            other => {
                self.expr(other);
            }
        });
    }

    fn store_attribute(&mut self, a: &'a ExprAttribute, v: ValueId, at: Span) {
        let base = self.expr(&a.value);
        let name = self.strings.intern(a.attr.as_str());
        self.push(Op::StoreField(base, name, v), at);
    }

    fn unpack(&mut self, targets: &'a [Expr], v: ValueId, at: Span) {
        let count = targets.len();
        let star = targets.iter().position(|t| t.is_starred_expr());
        for (i, t) in targets.iter().enumerate() {
            let part = match star {
                Some(s) if s == i => Op::Rest(v, i as u32, (count - i - 1) as u32),
                Some(s) if i > s => Op::Element(v, i as i32 - count as i32),
                _ => Op::Element(v, i as i32),
            };
            let part = self.push(part, span(t));
            self.assign(t, part, at);
        }
    }

    fn annotated_assignment(&mut self, a: &'a StmtAnnAssign) {
        match a.target.as_ref() {
            Expr::Name(n) => {
                let name = self.strings.intern(n.id.as_str());
                self.class_attribute(name, Some(&a.annotation), span(a));
            }
            Expr::Attribute(t) => self.instance_attribute(t, Some(&a.annotation)),
            _ => {}
        }
        if let Some(value) = a.value.as_deref() {
            let v = self.expr(value);
            self.assign(&a.target, v, span(a));
        }
    }

    fn augmented_assignment(&mut self, a: &'a StmtAugAssign) {
        let at = span(a);
        let target: &'a Expr = &a.target;
        match target {
            Expr::Attribute(t) => {
                self.instance_attribute(t, None);
                let base = self.expr(&t.value);
                let name = self.strings.intern(t.attr.as_str());
                let old = self.push(Op::LoadField(base, name), span(t));
                let v = self.augmented(a.op, old, target, &a.value, at);
                self.push(Op::StoreField(base, name, v), at);
            }
            Expr::Subscript(t) => {
                let base = self.expr(&t.value);
                let index = self.expr(&t.slice);
                let old = self.push(Op::LoadIndex(base, index), span(t));
                let v = self.augmented(a.op, old, target, &a.value, at);
                self.push(Op::StoreIndex(base, index, v), at);
            }
            _ => {
                let old = self.expr(target);
                let v = self.augmented(a.op, old, target, &a.value, at);
                self.assign(target, v, at);
            }
        }
    }

    fn delete(&mut self, target: &'a Expr) {
        super::deep(|| match target {
            Expr::Name(n) => {
                let name = self.strings.intern(n.id.as_str());
                self.forget(name, span(n));
            }
            Expr::Attribute(a) => {
                self.expr(&a.value);
            }
            Expr::Subscript(s) => {
                let base = self.expr(&s.value);
                let index = self.expr(&s.slice);
                self.push(Op::DeleteIndex(base, index), span(s));
            }
            Expr::Tuple(t) => t.elts.iter().for_each(|e| self.delete(e)),
            Expr::List(l) => l.elts.iter().for_each(|e| self.delete(e)),
            other => {
                self.expr(other);
            }
        });
    }

    fn if_statement(&mut self, i: &'a StmtIf) {
        let join = self.new_block();
        let (then, mut other) = (self.new_block(), self.new_block());
        self.cond(&i.test, then, other);
        self.enter(then);
        self.suite(&i.body);
        self.goto(join);
        self.enter(other);
        for clause in &i.elif_else_clauses {
            // A clause is no statement: nothing can be put in front of it.
            match &clause.test {
                Some(test) => {
                    let then = self.new_block();
                    other = self.new_block();
                    self.cond(test, then, other);
                    self.enter(then);
                    self.suite(&clause.body);
                    self.goto(join);
                    self.enter(other);
                }
                None => self.suite(&clause.body),
            }
        }
        self.goto(join);
        self.enter(join);
    }

    fn while_statement(&mut self, w: &'a StmtWhile) {
        let (header, body, exit) = (self.new_block(), self.new_block(), self.new_block());
        let done = if w.orelse.is_empty() { exit } else { self.new_block() };
        self.enter_loop(header);
        // `while True` ends by jumps alone.
        let endless = match w.test.as_ref() {
            Expr::BooleanLiteral(b) => b.value,
            Expr::NumberLiteral(n) => matches!(&n.value, ruff_python_ast::Number::Int(i) if i.as_i64() == Some(1)),
            _ => false,
        };
        if endless {
            self.goto(body);
        } else {
            self.cond(&w.test, body, done);
        }
        self.enter(body);
        self.push_loop(exit, header);
        self.suite(&w.body);
        self.pop_loop();
        self.goto(header);
        self.seal(header);
        self.loop_end(done, exit, &w.orelse);
    }

    /// The `else` of a loop that ended by itself, and what follows.
    fn loop_end(&mut self, done: surefix_ir::BlockId, exit: surefix_ir::BlockId, orelse: &'a [Stmt]) {
        if done != exit {
            self.enter(done);
            self.suite(orelse);
            self.goto(exit);
        }
        self.enter(exit);
    }

    fn for_statement(&mut self, f: &'a StmtFor) {
        let iterated = self.expr(&f.iter);
        let at = span(f.iter.as_ref());
        let (header, body, exit) = (self.new_block(), self.new_block(), self.new_block());
        let done = if f.orelse.is_empty() { exit } else { self.new_block() };
        self.enter_loop(header);
        // Whether there is another element is nobody's business but the collection's.
        let more = self.opaque(at);
        self.branch_to(more, body, done);
        self.enter(body);
        let mut element = self.push(Op::IterNext(iterated), at);
        if f.is_async {
            element = self.push(Op::Await(element), at);
        }
        self.assign(&f.target, element, Span::new(span(f).lo, at.hi));
        self.push_loop(exit, header);
        self.suite(&f.body);
        self.pop_loop();
        self.goto(header);
        self.seal(header);
        self.loop_end(done, exit, &f.orelse);
    }

    fn raise(&mut self, r: &'a StmtRaise) {
        let v = match r.exc.as_deref() {
            Some(e) => Some(self.expr(e)),
            None => self.fns.last().and_then(|f| f.caught.last().copied()),
        };
        if let Some(cause) = r.cause.as_deref() {
            self.expr(cause);
        }
        self.end(Term::Throw(v));
    }

    /// Assertions can be off: the condition and the message are evaluated, nothing is concluded.
    fn assert(&mut self, a: &'a StmtAssert) {
        let (holds, fails) = (self.new_block(), self.new_block());
        self.cond(&a.test, holds, fails);
        self.enter(fails);
        if let Some(message) = a.msg.as_deref() {
            self.expr(message);
        }
        self.goto(holds);
        self.enter(holds);
    }

    fn add_import(&mut self, local: &str, path: &str, kind: ImportKind, at: Span) {
        let (local, path) = (self.strings.intern(local), self.strings.intern(path));
        let Some((id, copies)) = self.fns.last().map(|f| (f.id, f.copies)) else { return };
        let scope = (id != FnId(0)).then_some(id);
        let import = Import { local, path, kind, span: at, scope };
        // Code that is lowered twice imports once.
        if copies > 0 && self.imports.contains(&import) {
            return;
        }
        self.imports.push(import);
    }

    /// A name that is imported or declared as a class here and assigned elsewhere is a variable.
    pub(super) fn bind_linked(&mut self, local: &str, at: Span) {
        let name = self.strings.intern(local);
        match self.target(name) {
            Place::Slot(Slot::Var(var)) | Place::ClassVar(var) => {
                let v = self.push(Op::LoadName(name), at);
                self.write(var, name, v);
            }
            Place::Slot(Slot::Cell(cell)) => {
                let v = self.push(Op::LoadName(name), at);
                self.push(Op::StoreCell(cell, v), at);
            }
            Place::Slot(Slot::Itself) | Place::Member | Place::Global => {}
        }
    }

    fn import(&mut self, i: &'a StmtImport) {
        let at = span(i);
        for a in &i.names {
            let path = a.name.as_str();
            if path.is_empty() {
                continue;
            }
            match &a.asname {
                Some(local) => {
                    self.add_import(local.as_str(), path, ImportKind::Module, at);
                    self.bind_linked(local.as_str(), span(a));
                }
                None => {
                    let head = path.split('.').next().unwrap_or(path);
                    self.add_import(head, head, ImportKind::Module, at);
                    if head.len() != path.len() {
                        self.add_import("", path, ImportKind::Module, at);
                    }
                    self.bind_linked(head, span(a));
                }
            }
        }
    }

    fn import_from(&mut self, i: &'a StmtImportFrom) {
        let at = span(i);
        let base = self.import_base(i.level, i.module.as_ref().map_or("", |m| m.as_str()));
        for a in &i.names {
            let name = a.name.as_str();
            if name.is_empty() {
                continue;
            }
            if name == "*" {
                self.add_import("", &base, ImportKind::FromWildcard, at);
                continue;
            }
            let local = a.asname.as_ref().map_or(name, |l| l.as_str());
            let path = super::def::join(&base, name);
            self.add_import(local, &path, ImportKind::From, at);
            self.bind_linked(local, span(a));
        }
    }

    /// The absolute module that `from … import` names.
    fn import_base(&self, level: u32, module: &str) -> String {
        if level == 0 {
            return module.to_owned();
        }
        let mut parts: Vec<&str> = self.module.split('.').filter(|p| !p.is_empty()).collect();
        let up = if self.is_package { level - 1 } else { level };
        parts.truncate(parts.len().saturating_sub(up as usize));
        super::def::join(&parts.join("."), module).trim_end_matches('.').to_owned()
    }
}
