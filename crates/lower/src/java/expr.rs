//! Expressions.

use super::kinds::{F, K};
use super::{Low, literal, span};
use smallvec::SmallVec;
use surefix_ir::{AggKind, Arg, Call, Callee, Const, Item, Op, Sym, TypeRef, ValueId};
use surefix_text::Span;
use tree_sitter::Node;

impl<'t> Low<'t> {
    /// Lowers an expression to its value.
    pub(super) fn expr(&mut self, n: Node<'t>) -> ValueId {
        stacker::maybe_grow(128 * 1024, 8 * 1024 * 1024, || self.expr_here(n))
    }

    /// The expression inside parentheses.
    pub(super) fn inner(&mut self, mut n: Node<'t>) -> Node<'t> {
        while self.kind(n) == K::Parenthesized {
            match self.kid(n, |_| true) {
                Some(c) => n = c,
                None => break,
            }
        }
        n
    }

    /// Lowers an expression and gives the value the span of this place, so that a recipe can point at it.
    pub(super) fn expr_here_copied(&mut self, n: Node<'t>) -> (ValueId, bool) {
        let n = self.inner(n);
        let at = span(n);
        let v = self.expr(n);
        let text = self.is_text(v);
        let Some(f) = self.fns.last_mut() else { return (v, text) };
        if f.b.func.instrs.get(v.0 as usize).is_some_and(|i| i.span == at) {
            return (v, text);
        }
        let copy = f.b.push(Op::Copy(v), at);
        if self.t.kind(n) == K::Identifier {
            let name = self.sym(n);
            if let Some(f) = self.f() {
                f.b.func.names.push((copy, name));
            }
        }
        (copy, text)
    }

    /// True when the value is text for certain: a literal, or a concatenation.
    pub(super) fn is_text(&self, v: ValueId) -> bool {
        let instr = self.fns.last().and_then(|f| f.b.func.instrs.get(v.0 as usize));
        matches!(instr.map(|i| &i.op), Some(Op::Const(Const::Str(_)) | Op::Concat(_)))
    }

    fn expr_here(&mut self, n: Node<'t>) -> ValueId {
        let at = span(n);
        match self.kind(n) {
            K::Identifier => self.read_name(n),
            K::Parenthesized => {
                let inner = self.inner(n);
                if inner.id() == n.id() { self.broken(n) } else { self.expr(inner) }
            }
            K::StringLiteral => self.string(n),
            K::DecimalInt | K::HexInt | K::OctalInt | K::BinaryInt | K::DecimalFloat | K::HexFloat => {
                let c = self.literal(n).unwrap_or(Const::Null);
                self.constant(c, at)
            }
            K::Char | K::True | K::False | K::Null => {
                let c = self.literal(n).unwrap_or(Const::Null);
                self.constant(c, at)
            }
            K::This => self.this_value(at),
            K::Super => self.this_value(at),
            K::ClassLiteral => {
                let ty = self.kid(n, K::is_type).map(|t| self.type_ref(t, 0));
                let text = ty.map_or_else(String::new, |t| {
                    let mut s = self.strings.get(t.name).to_owned();
                    (0..t.dims).for_each(|_| s.push_str("[]"));
                    s
                });
                let c = Const::Class(self.strings.intern(&text));
                self.constant(c, at)
            }
            K::FieldAccess => self.field_access(n),
            K::ArrayAccess => {
                let base = self.in_field(n, F::Array);
                let index = self.in_field(n, F::Index);
                self.push(Op::LoadIndex(base, index), at)
            }
            K::MethodInvocation => self.invocation(n),
            K::ObjectCreation => self.creation(n),
            K::ArrayCreation => self.array_creation(n),
            K::ArrayInitializer => {
                let mut items = Vec::new();
                for c in self.kids(n) {
                    let value = self.expr(c);
                    items.push(Item { key: None, value, spread: false });
                }
                self.push(Op::Aggregate(AggKind::Array, items), at)
            }
            K::Assignment => self.assignment(n),
            K::Binary => self.binary(n),
            K::Unary => self.unary(n),
            K::Update => self.update(n),
            K::Ternary => self.ternary(n),
            K::Cast => {
                let ty = self.each(n, F::Type).first().copied().map(|t| self.type_ref(t, 0));
                let v = self.in_field(n, F::Value);
                match ty {
                    Some(ty) => self.push(Op::Cast(ty, v), at),
                    None => v,
                }
            }
            K::Instanceof => self.instance_of(n),
            K::Lambda => self.lambda(n),
            K::MethodReference => self.method_reference(n),
            K::SwitchExpression => self.switch(n, true).unwrap_or_else(|| self.broken(n)),
            K::Template => self.template(n),
            _ => self.broken(n),
        }
    }

    /// Lowers the child in `field`.
    pub(super) fn in_field(&mut self, n: Node<'t>, field: F) -> ValueId {
        match self.field(n, field) {
            Some(c) => self.expr(c),
            None => self.broken(n),
        }
    }

    /// An unknown value from what can be lowered inside `n`.
    pub(super) fn broken(&mut self, n: Node<'t>) -> ValueId {
        let mut parts = Vec::new();
        for c in self.kids(n) {
            if self.kind(c).is_expression() || self.kind(c) == K::Error {
                let v = self.expr(c);
                parts.push(v);
            }
        }
        if !n.has_error() && !n.is_missing() {
            self.diagnose(span(n), "unknown expression");
        }
        self.push(Op::Unknown(parts), span(n))
    }

    fn this_value(&mut self, at: Span) -> ValueId {
        match self.this() {
            Some(v) => v,
            // Only a broken program has `this` in a static context.
            None => self.push(Op::Unknown(Vec::new()), at),
        }
    }

    fn field_access(&mut self, n: Node<'t>) -> ValueId {
        let at = span(n);
        let (Some(object), Some(field)) = (self.field(n, F::Object), self.field(n, F::Field)) else {
            return self.broken(n);
        };
        if self.kind(field) == K::This {
            return self.outer_this(object, at);
        }
        let qualified_super = self.kind(object) != K::Super && self.kid(n, |k| k == K::Super).is_some();
        let base = if qualified_super { self.outer_this(object, at) } else { self.expr(object) };
        let name = self.sym(field);
        self.push(Op::LoadField(base, name), at)
    }

    /// `Outer.this`: one hop along `this$0` for every class in between.
    fn outer_this(&mut self, class: Node<'t>, at: Span) -> ValueId {
        let name = self.text(class);
        let name = name.rsplit('.').next().unwrap_or(name).trim();
        let here = self.fns.last().map_or(0, |f| f.class);
        let hops = (0..=here).rev().position(|i| self.cls.get(i).is_some_and(|c| self.strings.get(c.name) == name));
        let mut v = self.this_value(at);
        let field = self.strings.intern("this$0");
        for _ in 0..hops.unwrap_or(1) {
            v = self.push(Op::LoadField(v, field), at);
        }
        v
    }

    /// Lowers the arguments in an `argument_list`.
    pub(super) fn args(&mut self, list: Node<'t>) -> Vec<Arg> {
        let kids = self.kids(list);
        let mut out = Vec::with_capacity(kids.len());
        for c in kids {
            let value = self.expr(c);
            out.push(Arg { value, name: Sym::EMPTY, spread: 0, span: span(c) });
        }
        out
    }

    fn arg_list(&mut self, n: Node<'t>) -> (Vec<Arg>, Span) {
        match self.field(n, F::Arguments) {
            Some(a) => (self.args(a), span(a)),
            None => (Vec::new(), Span::point(span(n).hi)),
        }
    }

    fn invocation(&mut self, n: Node<'t>) -> ValueId {
        // A chain of calls is deep to the left; walk it in a loop.
        let mut chain: SmallVec<[Node<'t>; 4]> = SmallVec::new();
        let mut at = n;
        let first = loop {
            chain.push(at);
            match self.field(at, F::Object) {
                Some(o) if self.kind(o) == K::MethodInvocation => at = o,
                other => break other,
            }
        };
        let mut recv: Option<ValueId> = None;
        let mut is_super = false;
        if let Some(o) = first {
            let inner = chain.last().copied().unwrap_or(n);
            is_super = self.kind(o) == K::Super || self.kid(inner, |k| k == K::Super).is_some();
            if !is_super {
                recv = Some(self.expr(o));
            }
        }
        for call in chain.into_iter().rev() {
            let Some(name_node) = self.field(call, F::Name) else {
                recv = Some(self.broken(call));
                continue;
            };
            let name = self.sym(name_node);
            let callee = match recv {
                Some(recv) => Callee::Method { recv, name },
                None if std::mem::take(&mut is_super) => Callee::Super(name),
                None => Callee::Name(name),
            };
            let (args, args_span) = self.arg_list(call);
            let c = Call { callee, args, name_span: span(name_node), args_span };
            recv = Some(self.push(Op::Call(Box::new(c)), span(call)));
        }
        recv.unwrap_or(ValueId(0))
    }

    fn creation(&mut self, n: Node<'t>) -> ValueId {
        let at = span(n);
        let Some(ty_node) = self.field(n, F::Type) else { return self.broken(n) };
        let ty = self.type_ref(ty_node, 0);
        let kids = self.kids(n);
        let outer =
            kids.first().copied().filter(|c| c.end_byte() <= ty_node.start_byte() && self.kind(*c).is_expression());
        let outer = outer.map(|o| self.expr(o));
        let (args, args_span) = self.arg_list(n);
        let mut name_span = span(ty_node);
        if self.kind(ty_node) == K::GenericType
            && let Some(raw) = self.kid(ty_node, K::is_type)
        {
            name_span = span(raw);
        }
        let body = kids.iter().copied().find(|c| self.kind(*c) == K::ClassBody);
        let body = body.map(|b| self.anonymous_class(ty.clone(), b, at, args.len()));
        let class = body.or_else(|| self.local_classes.get(&ty.name).copied());
        let call = Call { callee: Callee::New { ty, body }, args, name_span, args_span };
        let object = self.push(Op::Call(Box::new(call)), at);
        if let Some(outer) = outer {
            let field = self.strings.intern("this$0");
            self.push(Op::StoreField(object, field, outer), at);
        }
        if let Some(id) = class {
            self.fill_captures(id, object, at);
        }
        object
    }

    fn array_creation(&mut self, n: Node<'t>) -> ValueId {
        if let Some(value) = self.field(n, F::Value) {
            return self.expr(value);
        }
        let mut lengths = SmallVec::new();
        let mut open = 0u8;
        for d in self.each(n, F::Dimensions) {
            if self.kind(d) == K::DimensionsExpr {
                if let Some(e) = self.kid(d, K::is_expression) {
                    let v = self.expr(e);
                    lengths.push(v);
                }
            } else {
                open = open.saturating_add(self.dims(d));
            }
        }
        let extra = open.saturating_add(u8::try_from(lengths.len().saturating_sub(1)).unwrap_or(u8::MAX));
        let ty = match self.field(n, F::Type) {
            Some(t) => self.type_ref(t, extra),
            None => TypeRef { name: Sym::EMPTY, args: Vec::new(), dims: 0 },
        };
        self.push(Op::NewArray(ty, lengths), span(n))
    }

    /// A string literal; with holes (`\{x}`) a concatenation.
    fn string(&mut self, n: Node<'t>) -> ValueId {
        let at = span(n);
        let holes = self.src.get(n.byte_range()).is_some_and(|t| t.contains("\\{"));
        if !holes {
            let text = self.text(n);
            let sym = match text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) {
                // Most literals have no escapes: intern them from the source.
                Some(plain) if !text.starts_with("\"\"\"") && !plain.contains('\\') => self.strings.intern(plain),
                _ => {
                    let decoded = literal::string(text);
                    self.strings.intern(&decoded)
                }
            };
            return self.constant(Const::Str(sym), at);
        }
        let mut parts = Vec::new();
        let quote = if self.text(n).starts_with("\"\"\"") { 3 } else { 1 };
        let mut from = at.lo + quote;
        for c in self.kids(n) {
            if self.kind(c) == K::StringInterpolation {
                self.fragment(from, span(c).lo, &mut parts);
                if let Some(e) = self.kid(c, |_| true) {
                    let (v, _) = self.expr_here_copied(e);
                    parts.push(v);
                }
                from = span(c).hi;
            }
        }
        self.fragment(from, at.hi.saturating_sub(quote), &mut parts);
        self.push(Op::Concat(parts), at)
    }

    fn fragment(&mut self, lo: u32, hi: u32, parts: &mut Vec<ValueId>) {
        if lo < hi {
            let at = Span::new(lo, hi);
            let decoded = literal::unescape(at.of(self.src));
            let c = Const::Str(self.strings.intern(&decoded));
            let v = self.constant(c, at);
            parts.push(v);
        }
    }

    fn template(&mut self, n: Node<'t>) -> ValueId {
        let processor = self.field(n, F::TemplateProcessor);
        let text = self.in_field(n, F::TemplateArgument);
        let Some(p) = processor.filter(|p| self.text(*p) != "STR") else { return text };
        let recv = self.expr(p);
        let at = self.field(n, F::TemplateArgument).map_or(span(n), span);
        let name = self.strings.intern("process");
        let args = vec![Arg { value: text, name: Sym::EMPTY, spread: 0, span: at }];
        let call = Call { callee: Callee::Method { recv, name }, args, name_span: span(p), args_span: at };
        self.push(Op::Call(Box::new(call)), span(n))
    }
}
