//! `match` and its patterns.

use super::types::dotted;
use super::{Low, deep, span};
use ruff_python_ast::{Expr, Identifier, Pattern, PatternMatchClass, PatternMatchSequence, Singleton, StmtMatch};
use surefix_ir::{BinOp, BlockId, ClassKind, Const, Op, Sym, ValueId};

/// Classes whose single positional pattern is the value itself.
const WHOLE: &[&str] =
    &["bool", "bytearray", "bytes", "dict", "float", "frozenset", "int", "list", "set", "str", "tuple"];

impl<'a> Low<'a> {
    pub(super) fn match_statement(&mut self, m: &'a StmtMatch) {
        let subject = self.expr(&m.subject);
        let join = self.new_block();
        for case in &m.cases {
            let next = self.new_block();
            self.pattern(&case.pattern, subject, next);
            if let Some(guard) = case.guard.as_deref() {
                let holds = self.new_block();
                self.cond(guard, holds, next);
                self.enter(holds);
            }
            self.suite(&case.body);
            self.goto(join);
            self.enter(next);
        }
        self.goto(join);
        self.enter(join);
    }

    /// Goes on where `p` matches `value`, with its names bound; to `no` otherwise.
    fn pattern(&mut self, p: &'a Pattern, value: ValueId, no: BlockId) {
        deep(|| self.pattern_here(p, value, no));
    }

    fn require(&mut self, test: ValueId, no: BlockId) {
        let yes = self.new_block();
        self.branch_to(test, yes, no);
        self.enter(yes);
    }

    fn bind(&mut self, name: &Identifier, value: ValueId) {
        let sym = self.strings.intern(name.as_str());
        self.write_name(sym, value, span(name));
    }

    fn pattern_here(&mut self, p: &'a Pattern, value: ValueId, no: BlockId) {
        let at = span(p);
        match p {
            Pattern::MatchValue(m) => {
                let want = self.expr(&m.value);
                let test = self.push(Op::Bin(BinOp::Eq, value, want), at);
                self.require(test, no);
            }
            Pattern::MatchSingleton(m) => {
                let c = match m.value {
                    Singleton::None => Const::Null,
                    Singleton::True => Const::Bool(true),
                    Singleton::False => Const::Bool(false),
                };
                let want = self.constant(c, at);
                let test = self.push(Op::Bin(BinOp::Is, value, want), at);
                self.require(test, no);
            }
            Pattern::MatchSequence(m) => self.sequence(m, value, no),
            Pattern::MatchMapping(m) => {
                let test = self.opaque(at);
                self.require(test, no);
                for (k, inner) in m.keys.iter().zip(m.patterns.iter()) {
                    let key = self.expr(k);
                    let test = self.push(Op::Bin(BinOp::In, key, value), span(k));
                    self.require(test, no);
                    let part = self.push(Op::LoadIndex(value, key), span(inner));
                    self.pattern(inner, part, no);
                }
                if let Some(rest) = &m.rest {
                    let v = self.push(Op::Copy(value), span(rest));
                    self.bind(rest, v);
                }
            }
            Pattern::MatchClass(m) => self.class_pattern(m, value, no),
            // Stands in sequences only.
            Pattern::MatchStar(m) => {
                if let Some(name) = &m.name {
                    self.bind(name, value);
                }
            }
            Pattern::MatchAs(m) => {
                if let Some(inner) = m.pattern.as_deref() {
                    self.pattern(inner, value, no);
                }
                if let Some(name) = &m.name {
                    self.bind(name, value);
                }
            }
            Pattern::MatchOr(m) => {
                let yes = self.new_block();
                let last = m.patterns.len().saturating_sub(1);
                for (i, one) in m.patterns.iter().enumerate() {
                    if i == last {
                        self.pattern(one, value, no);
                        self.goto(yes);
                        break;
                    }
                    let next = self.new_block();
                    self.pattern(one, value, next);
                    self.goto(yes);
                    self.enter(next);
                }
                self.enter(yes);
            }
        }
    }

    fn sequence(&mut self, m: &'a PatternMatchSequence, value: ValueId, no: BlockId) {
        // Whether the length fits.
        let test = self.opaque(span(m));
        self.require(test, no);
        let count = m.patterns.len();
        let star = m.patterns.iter().position(|p| matches!(p, Pattern::MatchStar(_)));
        for (i, p) in m.patterns.iter().enumerate() {
            let part = match star {
                Some(s) if s == i => Op::Rest(value, i as u32, (count - i - 1) as u32),
                Some(s) if i > s => Op::Element(value, i as i32 - count as i32),
                _ => Op::Element(value, i as i32),
            };
            if matches!(p, Pattern::MatchStar(s) if s.name.is_none()) || is_wildcard(p) {
                continue;
            }
            let v = self.push(part, span(p));
            self.pattern(p, v, no);
        }
    }

    fn class_pattern(&mut self, m: &'a PatternMatchClass, value: ValueId, no: BlockId) {
        let at = span(m);
        let ty = match m.cls.as_ref() {
            e @ (Expr::Name(_) | Expr::Attribute(_)) => self.type_ref(e),
            _ => None,
        };
        let Some(ty) = ty else {
            let test = self.opaque(at);
            self.require(test, no);
            return;
        };
        let name = dotted(&m.cls).unwrap_or_default();
        let test = self.push(Op::InstanceOf(ty.clone(), value), at);
        self.require(test, no);
        let object = self.push(Op::Cast(ty, value), at);
        let fields = self.positional_fields(&name);
        let single = m.arguments.patterns.len() == 1 && WHOLE.contains(&name.as_str());
        for (i, p) in m.arguments.patterns.iter().enumerate() {
            if is_wildcard(p) {
                continue;
            }
            let part = match fields.get(i) {
                _ if single => object,
                Some(field) => self.push(Op::LoadField(object, *field), span(p)),
                None => self.push(Op::Element(object, i as i32), span(p)),
            };
            self.pattern(p, part, no);
        }
        for k in &m.arguments.keywords {
            let field = self.strings.intern(k.attr.as_str());
            let part = self.push(Op::LoadField(object, field), span(&k.attr));
            self.pattern(&k.pattern, part, no);
        }
    }

    /// Fields of a record of this file in order.
    fn positional_fields(&mut self, name: &str) -> Vec<Sym> {
        let Some(sym) = self.strings.find(name) else { return Vec::new() };
        let class = self.classes.iter().find(|c| c.name == sym && c.kind == ClassKind::Record);
        class.map(|c| c.fields.iter().filter(|f| !f.is_static).map(|f| f.name).collect()).unwrap_or_default()
    }
}

fn is_wildcard(p: &Pattern) -> bool {
    matches!(p, Pattern::MatchAs(m) if m.pattern.is_none() && m.name.is_none())
}
