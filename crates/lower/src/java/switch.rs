//! `switch` in all forms, patterns.

use super::kinds::{F, K};
use super::name::Jump;
use super::{Kids, Low, span};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use surefix_ir::build::Var;
use surefix_ir::{BinOp, BlockId, Call, Callee, Const, Op, Sym, Term, TypeRef, ValueId};
use surefix_text::Span;
use tree_sitter::Node;

/// One group of labels and its code.
struct Case<'t> {
    labels: Kids<'t>,
    body: Kids<'t>,
    /// `->`.
    rule: bool,
    block: BlockId,
    span: Span,
}

impl<'t> Low<'t> {
    /// Lowers a switch; gives its value when it is an expression.
    pub(super) fn switch(&mut self, n: Node<'t>, is_expr: bool) -> Option<ValueId> {
        let on = self.in_field(n, F::Condition);
        let body = self.field(n, F::Body)?;
        let mut cases: Vec<Case<'t>> = Vec::new();
        for c in self.kids(body) {
            let kind = self.kind(c);
            if !matches!(kind, K::SwitchGroup | K::SwitchRule) {
                continue;
            }
            let (labels, body) = self.kids(c).into_iter().partition(|x| self.kind(*x) == K::SwitchLabel);
            let block = self.new_block();
            cases.push(Case { labels, body, rule: kind == K::SwitchRule, block, span: span(c) });
        }
        let join = self.new_block();
        let var = if is_expr { self.f().map(|f| f.b.new_var()) } else { None };
        let bindings = self.dispatch(on, &cases, join, is_expr);
        if let Some(f) = self.f() {
            let fins = f.fins.len();
            let labels = SmallVec::new();
            let yields = var.map(|v| (v, join));
            f.jumps.push(Jump { labels, brk: Some(join), cont: None, yields, plain: true, fins });
        }
        let mark = self.f().map_or(0, |f| f.order.len());
        for (i, case) in cases.iter().enumerate() {
            let next = cases.get(i + 1).map(|c| c.block);
            self.enter(case.block);
            let own = self.f().map_or(0, |f| f.order.len());
            for (name, var) in bindings.get(i).into_iter().flatten() {
                if let Some(f) = self.f() {
                    f.bring(*name, *var);
                }
            }
            if case.rule {
                self.rule(case, var, join);
                if let Some(f) = self.f() {
                    f.leave(own);
                }
            } else {
                for s in &case.body {
                    self.stmt(*s);
                }
                self.goto(next.unwrap_or(join));
            }
        }
        if let Some(f) = self.f() {
            f.leave(mark);
        }
        self.pop_jump();
        self.enter(join);
        let var = var?;
        self.f().map(|f| f.b.read(var))
    }

    fn rule(&mut self, case: &Case<'t>, var: Option<Var>, join: BlockId) {
        let Some(body) = case.body.first().copied() else { return };
        let value = match (var, self.kind(body)) {
            (Some(_), K::ExpressionStatement) => self.kid(body, |_| true),
            _ => None,
        };
        match (value, var) {
            (Some(e), Some(var)) => {
                let before = self.f().map(|f| f.b.enter_stmt(case.span));
                let v = self.expr(e);
                self.write_and_goto(var, v, join);
                if let (Some(f), Some(s)) = (self.f(), before) {
                    f.b.set_stmt(s);
                }
            }
            _ => {
                self.stmt(body);
                self.goto(join);
            }
        }
    }

    /// Goes from the scrutinee to the case blocks. Gives each case's bindings.
    fn dispatch(&mut self, on: ValueId, cases: &[Case<'t>], join: BlockId, is_expr: bool) -> Vec<Vec<(Sym, Var)>> {
        let mut bindings: Vec<Vec<(Sym, Var)>> = Vec::new();
        let mut constants: Option<Vec<(Const, BlockId)>> = Some(Vec::new());
        let mut default = None;
        for case in cases {
            for l in case.labels.iter() {
                let labels = self.kids(*l);
                if labels.is_empty() {
                    default = Some(case.block);
                }
                for e in labels {
                    if self.is_default(e) {
                        default = Some(case.block);
                        continue;
                    }
                    let c = self.label_constant(e);
                    match (c, &mut constants) {
                        (Some(c), Some(list)) => list.push((c, case.block)),
                        (None, all) => *all = None,
                        _ => {}
                    }
                }
            }
        }
        let exhausted = if default.is_none() && is_expr { Some(self.new_block()) } else { None };
        let default_block = default.or(exhausted).unwrap_or(join);
        if let Some(list) = constants {
            self.end(Term::Switch { on, cases: list, default: default_block });
        } else {
            for case in cases {
                let mark = self.f().map_or(0, |f| f.order.len());
                for l in case.labels.iter() {
                    self.test_label(*l, on, case.block);
                }
                let gone = self.f().map(|f| f.leave(mark)).unwrap_or_default();
                bindings.push(gone);
            }
            self.goto(default_block);
        }
        if let Some(b) = exhausted {
            // The compiler has checked that no value is left.
            self.enter(b);
            self.end(Term::Throw(None));
        }
        bindings
    }

    /// The second half of `case null, default`, which the grammar takes for a name.
    fn is_default(&self, n: Node<'t>) -> bool {
        self.kind(n) == K::Identifier && self.text(n) == "default"
    }

    /// The constant of a `case` label: literals, names of enum constants, constants of the class itself.
    fn label_constant(&mut self, n: Node<'t>) -> Option<Const> {
        match self.kind(n) {
            K::Identifier => {
                let name = self.sym(n);
                if self.is_local(name) {
                    return None;
                }
                match self.class_at().and_then(|c| c.fields.get(&name)) {
                    Some(f) if f.value.is_some() => f.value.clone(),
                    _ => Some(Const::Str(name)),
                }
            }
            K::Pattern | K::Guard => None,
            K::Null => None,
            _ => self.literal(n),
        }
    }

    /// Tests one label: goes to `hit` when it matches, and on otherwise.
    fn test_label(&mut self, label: Node<'t>, on: ValueId, hit: BlockId) {
        let kids = self.kids(label);
        if kids.is_empty() {
            return;
        }
        let guard = kids.iter().copied().find(|k| self.kind(*k) == K::Guard);
        for e in kids {
            if self.is_default(e) {
                continue;
            }
            let next = self.new_block();
            match self.kind(e) {
                K::Guard => {
                    self.goto(next);
                }
                K::Pattern => {
                    self.pattern(e, on, next, span(label));
                    match guard.and_then(|g| self.kid(g, |_| true)) {
                        Some(g) => self.cond(g, hit, next),
                        None => self.goto(hit),
                    }
                }
                _ => {
                    let value = match self.label_constant(e) {
                        Some(c) => self.constant(c, span(e)),
                        None => self.expr(e),
                    };
                    let test = self.push(Op::Bin(BinOp::Eq, on, value), span(e));
                    self.branch_to(test, hit, next);
                }
            }
            self.enter(next);
        }
    }

    /// Tests a pattern and declares its bindings; goes to `fail` when it does not match, and on otherwise.
    pub(super) fn pattern(&mut self, n: Node<'t>, on: ValueId, fail: BlockId, at: Span) {
        stacker::maybe_grow(128 * 1024, 8 * 1024 * 1024, || self.pattern_here(n, on, fail, at));
    }

    fn pattern_here(&mut self, n: Node<'t>, on: ValueId, fail: BlockId, at: Span) {
        match self.kind(n) {
            K::Pattern => {
                if let Some(inner) = self.kid(n, |_| true) {
                    self.pattern(inner, on, fail, at);
                }
            }
            K::TypePattern | K::RecordPatternComponent => {
                let kids = self.kids(n);
                let ty_node = kids.iter().copied().find(|k| self.kind(*k).is_type());
                let name = kids.iter().rev().copied().find(|k| self.kind(*k) == K::Identifier);
                let mut value = on;
                if let Some(t) = ty_node {
                    let ty = self.type_ref(t, 0);
                    let open = self.strings.get(ty.name) == "*";
                    let primitive =
                        matches!(self.kind(t), K::IntegralType | K::FloatingType | K::BooleanType) && ty.dims == 0;
                    if !open && !primitive {
                        self.test(ty.clone(), on, fail, span(n));
                        value = self.push(Op::Cast(ty, on), name.map_or(span(n), span));
                    }
                }
                if let Some(name) = name {
                    let name = self.sym(name);
                    self.declare_with(name, value);
                }
            }
            K::RecordPattern => {
                let kids = self.kids(n);
                let Some(head) = kids.first().copied() else { return };
                let ty =
                    if self.kind(head).is_type() { self.type_ref(head, 0) } else { Self::named_type(self.sym(head)) };
                self.test(ty.clone(), on, fail, span(n));
                let record = self.push(Op::Cast(ty.clone(), on), span(n));
                let Some(body) = kids.iter().copied().find(|k| self.kind(*k) == K::RecordPatternBody) else { return };
                let names = self.record_components(&ty);
                for (i, c) in self.kids(body).into_iter().enumerate() {
                    let at = span(c);
                    let part = match names.get(i) {
                        Some(name) => {
                            let callee = Callee::Method { recv: record, name: *name };
                            let args_span = Span::point(at.hi);
                            let call = Call { callee, args: Vec::new(), name_span: at, args_span };
                            self.push(Op::Call(Box::new(call)), at)
                        }
                        None => self.push(Op::Element(record, i32::try_from(i).unwrap_or(i32::MAX)), at),
                    };
                    self.pattern(c, part, fail, at);
                }
            }
            K::UnderscorePattern => {}
            _ => {
                self.broken(n);
            }
        }
    }

    fn test(&mut self, ty: TypeRef, on: ValueId, fail: BlockId, at: Span) {
        let test = self.push(Op::InstanceOf(ty, on), at);
        let then = self.new_block();
        self.branch_to(test, then, fail);
        self.enter(then);
    }

    /// Component names of a record of this file; empty for others.
    fn record_components(&mut self, ty: &TypeRef) -> Vec<Sym> {
        if self.records.is_none() {
            let found = self.find_records();
            self.records = Some(found);
        }
        let name = self.strings.get(ty.name);
        let simple = name.rsplit('.').next().unwrap_or(name);
        let simple = self.strings.find(simple).unwrap_or(ty.name);
        self.records.as_ref().and_then(|r| r.get(&simple)).cloned().unwrap_or_default()
    }

    fn find_records(&mut self) -> FxHashMap<Sym, Vec<Sym>> {
        let mut found = Vec::new();
        let mut cursor = self.tree.walk();
        'walk: loop {
            let n = cursor.node();
            if self.kind(n) == K::RecordDeclaration {
                found.push(n);
            }
            if cursor.goto_first_child() {
                continue;
            }
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    break 'walk;
                }
            }
        }
        let mut out = FxHashMap::default();
        for n in found {
            let (Some(name), Some(list)) = (self.field(n, F::Name), self.field(n, F::Parameters)) else { continue };
            let name = self.sym(name);
            let parts = self.formal_params(list).into_iter().map(|p| p.name).collect();
            out.insert(name, parts);
        }
        out
    }
}
