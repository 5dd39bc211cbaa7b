//! Comprehensions and generator expressions, as loops.

use super::scope::is;
use super::{Low, span};
use ruff_python_ast::{Comprehension, Expr};
use surefix_ir::{AggKind, Item, Op, Sym, ValueId};

impl<'a> Low<'a> {
    /// `e` is the whole comprehension; `key` is there for dicts.
    pub(super) fn comprehension(
        &mut self,
        e: &'a Expr,
        kind: AggKind,
        key: Option<&'a Expr>,
        value: &'a Expr,
        list: &'a [Comprehension],
    ) -> ValueId {
        let at = span(e);
        let Some(first) = list.first() else { return self.opaque(at) };
        let source = self.expr(&first.iter);
        let empty = self.push(Op::Aggregate(kind, Vec::new()), at);
        let result = self.new_var();
        self.write(result, Sym::EMPTY, empty);
        let scope = self.scopes.of(super::key(e));
        let mut names: Vec<Sym> = match self.scopes.get(scope) {
            Some(s) if scope != 0 => s.names.iter().filter(|(_, i)| i.has(is::BOUND)).map(|(n, _)| *n).collect(),
            _ => Vec::new(),
        };
        names.sort();
        let mark = self.fns.last().map_or(0, |f| f.comps.len());
        for name in names {
            let var = self.new_var();
            if let Some(f) = self.f() {
                f.comps.push((name, var));
            }
        }
        let mut headers = Vec::with_capacity(list.len());
        let mut exits = Vec::with_capacity(list.len());
        for (i, c) in list.iter().enumerate() {
            let source = if i == 0 { source } else { self.expr(&c.iter) };
            let (header, body, exit) = (self.new_block(), self.new_block(), self.new_block());
            self.enter_loop(header);
            let more = self.opaque(span(&c.iter));
            self.branch_to(more, body, exit);
            self.enter(body);
            let mut element = self.push(Op::IterNext(source), span(&c.iter));
            if c.is_async {
                element = self.push(Op::Await(element), span(&c.iter));
            }
            self.assign(&c.target, element, span(c));
            for test in &c.ifs {
                let next = self.new_block();
                self.cond(test, next, header);
                self.enter(next);
            }
            headers.push(header);
            exits.push(exit);
        }
        let item = match (kind, key) {
            (AggKind::Dict, Some(k)) => {
                let k = self.copied(k);
                let value = self.copied(value);
                Item { key: Some(k), value, spread: false }
            }
            (AggKind::Dict, None) => Item { key: None, value: self.copied(value), spread: true },
            _ => match value {
                Expr::Starred(s) => Item { key: None, value: self.copied(&s.value), spread: true },
                _ => Item { key: None, value: self.copied(value), spread: false },
            },
        };
        let one = self.push(Op::Aggregate(kind, vec![item]), at);
        self.write(result, Sym::EMPTY, one);
        // From the inside out: the end of an inner loop goes on with the next element of the outer one.
        while let (Some(header), Some(exit)) = (headers.pop(), exits.pop()) {
            self.goto(header);
            self.seal(header);
            self.enter(exit);
        }
        if let Some(f) = self.f() {
            f.comps.truncate(mark);
        }
        let v = self.read(result);
        self.push(Op::Copy(v), at)
    }
}
