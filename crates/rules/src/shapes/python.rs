//! Python expressions that build text, taken apart.

use super::{
    Carrier, Chain, Event, Field, Loops, Operand, OperandKind, Piece, PieceKind, Step, Style, Text, is_name, no,
};
use ruff_python_ast::visitor::Visitor;
use ruff_python_ast::{AnyNodeRef, ConversionFlag, Expr, FStringPart, Operator, Stmt};
use std::collections::BTreeSet;
use surefix_dialect::{Dialect, HoleContext};
use surefix_ir::Lang;
use surefix_rewrite::{LiteralMap, PyCx, formats};
use surefix_syntax::python::span_of;
use surefix_text::{Reason, Refusal, Span};

/// Takes the expression at `arg` apart, which stands in the statement `stmt`. An operand is followed to where it is built unless
/// `is_value` takes its context.
pub(crate) fn text(
    cx: &PyCx<'_>,
    dialect: Dialect,
    arg: Span,
    stmt: Span,
    is_value: &dyn Fn(&HoleContext) -> bool,
) -> Result<Text, Refusal> {
    text_in(cx, dialect, arg, stmt, is_value, Loops::Refuse)
}

/// The same, and what becomes of loops.
pub(crate) fn text_in(
    cx: &PyCx<'_>,
    dialect: Dialect,
    arg: Span,
    stmt: Span,
    is_value: &dyn Fn(&HoleContext) -> bool,
    loops: Loops,
) -> Result<Text, Refusal> {
    let mut expand: BTreeSet<Span> = BTreeSet::new();
    // Operands that cannot be followed, and what was found without them.
    let mut closed: BTreeSet<Span> = BTreeSet::new();
    let mut last: Option<Span> = None;
    let mut failed: Option<Refusal> = None;
    for _ in 0..24 {
        let mut b = Builder { cx, loops, stmt, expand: &expand, text: Text::default(), params: Vec::new(), depth: 0 };
        let Some(node) = cx.expr_at(arg) else { return no(Reason::ShapeUnknown, "the argument is not one expression") };
        let event = b.event(stmt, false);
        match (b.resolve(node, event), last) {
            (Ok(ways), _) => b.text.ways = ways,
            (Err(e), Some(l)) if expand.remove(&l) => {
                closed.insert(l);
                failed.get_or_insert(e);
                last = None;
                continue;
            }
            (Err(e), _) => return Err(e),
        }
        let text = b.text;
        let mut wanted = None;
        for way in &text.ways {
            for (piece, context) in text.contexts(dialect, way) {
                let Some(PieceKind::Val { expr, .. }) = text.pieces.get(piece).map(|p| &p.kind) else { continue };
                if expand.contains(expr)
                    || (is_name(&context) && (closed.contains(expr) || !is_built_text(cx, *expr, NAME)))
                {
                    continue;
                }
                let bare = context.quote == surefix_dialect::Quote::None;
                if (!is_value(&context) || (dialect == Dialect::Sql && bare && is_built_text(cx, *expr, VALUE)))
                    && is_expandable(cx, *expr)
                {
                    if closed.contains(expr) {
                        return Err(failed
                            .unwrap_or_else(|| Refusal::new(Reason::ShapeUnknown, "a part of the text is not known")));
                    }
                    wanted = Some(*expr);
                    break;
                }
            }
            if wanted.is_some() {
                break;
            }
        }
        match wanted {
            Some(w) => {
                last = Some(w);
                expand.insert(w)
            }
            None => return Ok(text),
        };
    }
    no(Reason::ShapeUnknown, "the text goes through too many variables")
}

fn is_expandable(cx: &PyCx<'_>, expr: Span) -> bool {
    match cx.expr_at(expr) {
        Some(Expr::Name(n)) => cx.uses(&n.id, expr).is_some_and(|u| u.param.is_none() && !u.other_binding),
        Some(Expr::Call(_)) => helper_of(cx, expr).is_some(),
        _ => false,
    }
}

/// Characters that show that a literal is a part of the language, where a value or where a name is expected.
const VALUE: fn(&str) -> bool = |t| t.contains(['\'', '"', '`']);
const NAME: fn(&str) -> bool = |t| t.is_empty() || t.starts_with(char::is_whitespace) || t.contains('=');

/// True when a variable is put together from string literals that `wanted` takes: as a bare operand it is text, not a value.
fn is_built_text(cx: &PyCx<'_>, expr: Span, wanted: fn(&str) -> bool) -> bool {
    let Some(Expr::Name(n)) = cx.expr_at(expr) else { return false };
    let Some(uses) = cx.uses(&n.id, expr).filter(|u| u.param.is_none() && !u.other_binding) else { return false };
    uses.writes.iter().filter_map(|w| w.value).any(|v| literals(cx, v).iter().any(|t| wanted(t)))
}

/// The decoded literals of a chain, template or f-string.
fn literals(cx: &PyCx<'_>, span: Span) -> Vec<String> {
    let mut out = Vec::new();
    let mut todo: Vec<&Expr> = cx.expr_at(span).into_iter().collect();
    while let Some(e) = todo.pop() {
        match e {
            Expr::StringLiteral(_) | Expr::FString(_) => {
                let maps = cx
                    .literal_tokens(span_of(e))
                    .into_iter()
                    .filter_map(|t| LiteralMap::new(Lang::Python, t.of(cx.text)));
                out.extend(maps.map(|m| m.decoded().to_string()));
            }
            Expr::BinOp(b) if b.op == Operator::Add => todo.extend([&*b.left, &*b.right]),
            Expr::BinOp(b) if b.op == Operator::Mod => todo.push(&b.left),
            Expr::Call(c) => {
                if let Expr::Attribute(a) = &*c.func
                    && a.attr.as_str() == "format"
                {
                    todo.push(&a.value);
                }
            }
            _ => {}
        }
    }
    out
}

fn has_literal(e: &Expr) -> bool {
    let mut at = e;
    loop {
        match at {
            Expr::StringLiteral(_) | Expr::FString(_) => return true,
            Expr::BinOp(b) if matches!(b.op, Operator::Add | Operator::Mod) => {
                if matches!(&*b.right, Expr::StringLiteral(_) | Expr::FString(_)) {
                    return true;
                }
                at = &b.left;
            }
            _ => return false,
        }
    }
}

/// A function of this file with one caller whose body ends in its only `return`: the returned expression and the parameters.
fn helper_of<'t>(cx: &'t PyCx<'_>, call: Span) -> Option<(&'t Expr, Vec<String>)> {
    let Some(Expr::Call(c)) = cx.expr_at(call) else { return None };
    let Expr::Name(name) = &*c.func else { return None };
    let mut found = None;
    for s in &cx.tree().body {
        if let Stmt::FunctionDef(f) = s
            && f.name.as_str() == name.id.as_str()
        {
            found = if found.is_some() { return None } else { Some(f) };
        }
    }
    let f = found?;
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let mentions = cx.text.split(|c| !word(c)).filter(|w| *w == name.id.as_str()).count();
    let params = &f.parameters;
    let plain = params.vararg.is_none() && params.kwarg.is_none() && params.kwonlyargs.is_empty();
    if mentions != 2 || !plain || !f.decorator_list.is_empty() || f.is_async || !c.arguments.keywords.is_empty() {
        return None;
    }
    let names: Vec<String> = params.iter().map(|p| p.name().to_string()).collect();
    match f.body.last() {
        Some(Stmt::Return(r)) if names.len() == c.arguments.args.len() => Some((r.value.as_deref()?, names)),
        _ => None,
    }
}

/// A loop whose turns may end early: the steps of one turn do not belong together.
fn jumps(node: AnyNodeRef<'_>) -> bool {
    struct Jumps(bool);
    impl<'a> Visitor<'a> for Jumps {
        fn visit_stmt(&mut self, s: &'a Stmt) {
            self.0 |= matches!(s, Stmt::Break(_) | Stmt::Continue(_) | Stmt::Try(_) | Stmt::With(_) | Stmt::Match(_));
            if !self.0 {
                ruff_python_ast::visitor::walk_stmt(self, s);
            }
        }
        fn visit_expr(&mut self, _: &'a Expr) {}
    }
    let mut v = Jumps(false);
    match node {
        AnyNodeRef::StmtFor(f) => v.visit_body(&f.body),
        AnyNodeRef::StmtWhile(w) => v.visit_body(&w.body),
        _ => {}
    }
    v.0
}

struct Builder<'b, 'c, 'a> {
    cx: &'c PyCx<'a>,
    loops: Loops,
    stmt: Span,
    expand: &'b BTreeSet<Span>,
    text: Text,
    params: Vec<(String, Span)>,
    depth: u32,
}

type Ways = Vec<Vec<usize>>;

impl<'c> Builder<'_, 'c, '_> {
    fn event(&mut self, stmt: Span, guarded: bool) -> usize {
        self.step(stmt, Step { guarded, ..Step::default() })
    }

    fn step(&mut self, stmt: Span, s: Step) -> usize {
        let Step { guarded, turn, sometimes } = s;
        let event = Event { stmt, guarded, at_sink: stmt == self.stmt, turn, sometimes };
        match self.text.events.iter().position(|e| *e == event) {
            Some(i) => i,
            None => {
                self.text.events.push(event);
                self.text.events.len() - 1
            }
        }
    }

    fn push(&mut self, chain: usize, operand: usize, kind: PieceKind) -> usize {
        self.text.pieces.push(Piece { chain, operand, kind });
        self.text.pieces.len() - 1
    }

    fn join(&self, ways: Ways, more: Ways) -> Result<Ways, Refusal> {
        if ways.len() > 1 && more.len() > 1 {
            return no(Reason::AlternativesConflict, "more than one part of the text is built in alternatives");
        }
        Ok(ways.iter().flat_map(|w| more.iter().map(|m| [w.as_slice(), m.as_slice()].concat())).collect())
    }

    /// One chain of operands.
    fn resolve(&mut self, node: &'c Expr, event: usize) -> Result<Ways, Refusal> {
        self.depth += 1;
        if self.depth > 200 {
            return no(Reason::Budget, "the text is nested too deeply");
        }
        let mut operands = Vec::new();
        flatten(node, &mut operands);
        let out = self.chain(span_of(node), &operands, event, None);
        self.depth -= 1;
        out
    }

    fn chain(&mut self, span: Span, operands: &[&'c Expr], event: usize, skip: Option<usize>) -> Result<Ways, Refusal> {
        let chain = self.text.chains.len();
        self.text.chains.push(Chain { span, operands: Vec::new(), event, append: None });
        let mut ways: Ways = vec![Vec::new()];
        for (i, op) in operands.iter().enumerate() {
            if skip == Some(i) {
                self.add(chain, OperandKind::Nested, span_of(*op));
                continue;
            }
            let more = self.operand(chain, op, event)?;
            ways = self.join(ways, more)?;
        }
        Ok(ways)
    }

    fn add(&mut self, chain: usize, kind: OperandKind, span: Span) {
        if let Some(c) = self.text.chains.get_mut(chain) {
            c.operands.push(Operand { kind, span });
        }
    }

    fn next(&self, chain: usize) -> usize {
        self.text.chains.get(chain).map_or(0, |c| c.operands.len())
    }

    fn operand(&mut self, chain: usize, node: &'c Expr, event: usize) -> Result<Ways, Refusal> {
        let span = span_of(node);
        match node {
            Expr::StringLiteral(s) => {
                let mut way = Vec::new();
                for token in s.value.iter() {
                    way.extend(self.token(chain, span_of(token), &[])?);
                }
                return Ok(vec![way]);
            }
            Expr::FString(f) => {
                let mut way = Vec::new();
                for part in f.value.iter() {
                    let (token, elements) = match part {
                        FStringPart::Literal(l) => (span_of(l), Vec::new()),
                        FStringPart::FString(f) => {
                            (span_of(f), f.elements.iter().filter_map(|e| e.as_interpolation()).collect())
                        }
                    };
                    way.extend(self.token(chain, token, &elements)?);
                }
                return Ok(vec![way]);
            }
            Expr::BinOp(b) if b.op == Operator::Mod => {
                if let Some(way) = self.percent(chain, node)? {
                    return Ok(vec![way]);
                }
            }
            Expr::BinOp(b) if b.op == Operator::Add && has_literal(node) => {
                // Parentheses inside a chain.
                let ways = self.resolve(node, event)?;
                self.add(chain, OperandKind::Nested, span);
                return Ok(ways);
            }
            Expr::Call(_) => {
                if let Some(way) = self.format(chain, node)? {
                    return Ok(vec![way]);
                }
            }
            _ => {}
        }
        if self.expand.contains(&span)
            && let Some(ways) = self.expanded(node)?
        {
            self.add(chain, OperandKind::Nested, span);
            return Ok(ways);
        }
        let name = span.of(self.cx.text);
        let expr = self.params.iter().find(|(n, _)| n == name).map_or(span, |(_, arg)| *arg);
        let p = self.push(chain, self.next(chain), PieceKind::Val { expr, field: None });
        self.add(chain, OperandKind::Val, span);
        Ok(vec![vec![p]])
    }

    /// One string token with its fields.
    fn token(
        &mut self,
        chain: usize,
        token: Span,
        elements: &[&'c ruff_python_ast::InterpolatedElement],
    ) -> Result<Vec<usize>, Refusal> {
        let Some(map) = LiteralMap::new(Lang::Python, token.of(self.cx.text)) else {
            return no(Reason::ShapeUnknown, "a string literal is not readable");
        };
        if map.holes().len() != elements.len() {
            return no(Reason::ShapeUnknown, "the fields of an f-string are not readable");
        }
        let operand = self.next(chain);
        let decoded = map.decoded().to_string();
        let mut way = Vec::new();
        let mut at = 0;
        for (n, (hole, e)) in map.holes().iter().zip(elements).enumerate() {
            if hole.at > at {
                let text = decoded.get(at..hole.at).unwrap_or("").to_string();
                way.push(self.push(chain, operand, PieceKind::Lit { text, range: at..hole.at }));
            }
            at = hole.at;
            if e.debug_text.is_some() {
                return no(Reason::NoRecipe, "an f-string field with = prints its own source");
            }
            let spec = match &e.format_spec {
                Some(s) => match s.elements.as_literal_only(self.cx.text) {
                    Some(s) => s,
                    None => return no(Reason::NoRecipe, "a field's format is computed"),
                },
                None => String::new(),
            };
            let conversion = match e.conversion {
                ConversionFlag::None | ConversionFlag::Str => "",
                ConversionFlag::Repr => "!r",
                ConversionFlag::Ascii => "!a",
            };
            let plain = spec.is_empty() && conversion.is_empty();
            let field = Field { range: hole.source.clone(), arg: n, plain, spec: format!("{conversion}:{spec}") };
            let own = span_of(&*e.expression);
            let name = own.of(self.cx.text);
            let expr = self.params.iter().find(|(n, _)| n == name).map_or(own, |(_, arg)| *arg);
            // A field may hold more of the text.
            if self.expand.contains(&own)
                && plain
                && let Some(ways) = self.expanded(&e.expression)?
            {
                if ways.len() > 1 {
                    return no(Reason::AlternativesConflict, "a part of the text is built in alternatives");
                }
                way.extend(ways.into_iter().flatten());
                continue;
            }
            way.push(self.push(chain, operand, PieceKind::Val { expr, field: Some(field) }));
        }
        if at < decoded.len() {
            let text = decoded.get(at..).unwrap_or("").to_string();
            let end = decoded.len();
            way.push(self.push(chain, operand, PieceKind::Lit { text, range: at..end }));
        }
        self.add(chain, OperandKind::Lit(map), token);
        Ok(way)
    }

    /// The template of `template % …` or `template.format(…)`: its tokens.
    fn template_tokens(&self, node: &'c Expr) -> Option<Vec<(Span, LiteralMap)>> {
        match node {
            Expr::StringLiteral(s) => s
                .value
                .iter()
                .map(|t| Some((span_of(t), LiteralMap::new(Lang::Python, span_of(t).of(self.cx.text))?)))
                .collect(),
            Expr::Name(n) => {
                let uses = self.cx.uses(&n.id, span_of(n))?;
                let single = uses.is_single_assignment() && uses.param.is_none() && uses.reads.len() == 1;
                let value = uses.writes.first()?.value.filter(|_| single)?;
                match self.cx.expr_at(value)? {
                    e @ Expr::StringLiteral(_) => self.template_tokens(e),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// `"…" % x`, `"…" % (a, b)`, `"…" % {"k": a}`.
    fn percent(&mut self, chain: usize, node: &'c Expr) -> Result<Option<Vec<usize>>, Refusal> {
        let Expr::BinOp(b) = node else { return Ok(None) };
        let Some(tokens) = self.template_tokens(&b.left) else { return Ok(None) };
        let decoded: String = tokens.iter().map(|(_, m)| m.decoded()).collect();
        let Some(fields) = formats::percent_fields(&decoded) else { return Ok(None) };
        let mut named: Vec<(String, Span)> = Vec::new();
        match &*b.right {
            Expr::Tuple(t) => {
                if t.elts.iter().any(Expr::is_starred_expr) {
                    return Ok(None);
                }
                named.extend(t.elts.iter().map(|e| (String::new(), span_of(e))));
            }
            Expr::Dict(d) => {
                for item in &d.items {
                    let Some(Expr::StringLiteral(k)) = &item.key else { return Ok(None) };
                    named.push((k.value.to_str().to_string(), span_of(&item.value)));
                }
            }
            e => {
                // A tuple in a variable would fill several fields.
                if let Expr::Name(n) = e
                    && let Some(u) = self.cx.uses(&n.id, span_of(n))
                    && u.writes
                        .iter()
                        .filter_map(|w| w.value)
                        .any(|v| matches!(self.cx.expr_at(v), Some(Expr::Tuple(_) | Expr::Dict(_))))
                {
                    return no(Reason::NoRecipe, "the template's values come from a variable");
                }
                named.push((String::new(), span_of(e)));
            }
        }
        let positional = named.iter().all(|(n, _)| n.is_empty());
        if (positional && fields.len() != named.len())
            || fields.iter().any(|f| f.spec.contains('*') || f.name.is_empty() != positional)
        {
            return no(Reason::NoRecipe, "the template's fields do not match its values");
        }
        let arg_of =
            |i: usize, name: &str| if positional { Some(i) } else { named.iter().position(|(n, _)| n == name) };
        let args: Vec<Span> = named.iter().map(|n| n.1).collect();
        let mut specs = Vec::new();
        for (i, f) in fields.iter().enumerate() {
            let Some(arg) = arg_of(i, &f.name) else {
                return no(Reason::NoRecipe, "the template's fields do not match its values");
            };
            specs.push((f.range.clone(), arg, f.is_plain(), format!("%{}{}", f.spec, f.conversion)));
        }
        Ok(Some(self.template(chain, tokens, Style::Percent, specs, args, span_of(node))))
    }

    /// `"…".format(…)`.
    fn format(&mut self, chain: usize, node: &'c Expr) -> Result<Option<Vec<usize>>, Refusal> {
        let Expr::Call(c) = node else { return Ok(None) };
        let Expr::Attribute(a) = &*c.func else { return Ok(None) };
        if a.attr.as_str() != "format" {
            return Ok(None);
        }
        let Some(tokens) = self.template_tokens(&a.value) else { return Ok(None) };
        let decoded: String = tokens.iter().map(|(_, m)| m.decoded()).collect();
        let Some(fields) = formats::brace_fields(&decoded) else { return Ok(None) };
        let args = self.cx.args(span_of(node));
        if args.iter().any(|a| a.unpacked) {
            return no(Reason::NoRecipe, "the template's values are unpacked from a collection");
        }
        let mut specs = Vec::new();
        let mut auto = 0;
        let explicit = fields.iter().any(|f| f.name.parse::<usize>().is_ok());
        for f in &fields {
            let arg = if f.name.is_empty() {
                auto += 1;
                Some(auto - 1)
            } else if let Ok(n) = f.name.parse::<usize>() {
                Some(n)
            } else {
                args.iter().position(|a| a.name.as_deref() == Some(f.name.as_str()))
            };
            let Some(arg) = arg.filter(|i| *i < args.len()) else {
                return no(Reason::NoRecipe, "a field of the template looks into its value");
            };
            let conversion =
                if matches!(f.conversion.as_str(), "" | "s") { String::new() } else { format!("!{}", f.conversion) };
            specs.push((f.range.clone(), arg, f.is_plain(), format!("{conversion}:{}", f.spec)));
        }
        if explicit && specs.iter().enumerate().any(|(i, s)| s.1 != i) {
            return no(Reason::NoRecipe, "the template numbers its fields out of order");
        }
        let values: Vec<Span> = args.iter().map(|a| a.value).collect();
        Ok(Some(self.template(chain, tokens, Style::Braces, specs, values, span_of(node))))
    }

    #[allow(clippy::too_many_arguments)]
    fn template(
        &mut self,
        chain: usize,
        tokens: Vec<(Span, LiteralMap)>,
        style: Style,
        specs: Vec<(std::ops::Range<usize>, usize, bool, String)>,
        args: Vec<Span>,
        whole: Span,
    ) -> Vec<usize> {
        let operand = self.next(chain);
        let decoded: String = tokens.iter().map(|(_, m)| m.decoded()).collect();
        let doubled: &[&str] = if style == Style::Percent { &["%%"] } else { &["{{", "}}"] };
        let mut way = Vec::new();
        let mut at = 0;
        for (range, arg, plain, spec) in specs {
            self.template_text(chain, operand, &decoded, at..range.start, doubled, &mut way);
            let own = args.get(arg).copied().unwrap_or_default();
            let name = own.of(self.cx.text);
            let expr = self.params.iter().find(|(n, _)| n == name).map_or(own, |(_, a)| *a);
            at = range.end;
            way.push(self.push(
                chain,
                operand,
                PieceKind::Val { expr, field: Some(Field { range, arg, plain, spec }) },
            ));
        }
        self.template_text(chain, operand, &decoded, at..decoded.len(), doubled, &mut way);
        self.add(chain, OperandKind::Template { tokens, style, args, whole }, whole);
        way
    }

    fn template_text(
        &mut self,
        chain: usize,
        operand: usize,
        decoded: &str,
        range: std::ops::Range<usize>,
        doubled: &[&str],
        way: &mut Vec<usize>,
    ) {
        super::split_template(decoded, range, doubled, &mut |text, range| {
            way.push(self.push(chain, operand, PieceKind::Lit { text, range }));
        });
    }

    fn expanded(&mut self, node: &'c Expr) -> Result<Option<Ways>, Refusal> {
        match node {
            Expr::Name(n) => match self.cx.uses(&n.id, span_of(n)) {
                Some(u) if u.param.is_none() && !u.other_binding => self.variable(&u, span_of(n)).map(Some),
                _ => Ok(None),
            },
            Expr::Call(c) => {
                let Some((ret, names)) = helper_of(self.cx, span_of(node)) else { return Ok(None) };
                if !self.params.is_empty() {
                    return no(Reason::NonOwnedCallee, "the text goes through several functions");
                }
                for n in &names {
                    if self.cx.uses(n, span_of(ret)).is_none_or(|u| !u.writes.is_empty()) {
                        return no(
                            Reason::NonOwnedCallee,
                            format!("the function that builds the text assigns its parameter {n}"),
                        );
                    }
                }
                self.params = names.into_iter().zip(c.arguments.args.iter().map(span_of)).collect();
                let home = self.cx.stmt_of(span_of(node)).unwrap_or(self.stmt);
                let event = self.event(home, false);
                let events = self.text.events.len();
                let ways = self.resolve(ret, event)?;
                if self.text.events.len() != events || ways.len() > 1 {
                    return no(Reason::NonOwnedCallee, "the function that builds the text does so in several steps");
                }
                self.params.clear();
                Ok(Some(ways))
            }
            _ => Ok(None),
        }
    }

    /// Whether a statement runs under a condition that `used` does not stand under, and the loop that repeats it.
    fn guarded(&self, stmt: Span, declared: Span, used: Span) -> Result<Step, Refusal> {
        let mut guarded = false;
        let mut turn: Option<Span> = None;
        let mut outside = false;
        for n in self.cx.path_to(stmt) {
            let s = super::python_render::node_span(n);
            if s == stmt {
                continue;
            }
            match n {
                AnyNodeRef::StmtFor(_) | AnyNodeRef::StmtWhile(_) if !s.contains(declared) => {
                    let simple = match n {
                        AnyNodeRef::StmtFor(f) => f.orelse.is_empty() && !f.is_async,
                        AnyNodeRef::StmtWhile(w) => w.orelse.is_empty(),
                        _ => false,
                    };
                    if turn.is_some() || s.contains(used) || !simple || self.loops != Loops::Follow || jumps(n) {
                        return no(Reason::ShapeUnknown, "the text is built in a loop");
                    }
                    turn = Some(s);
                    outside = guarded;
                    guarded = false;
                }
                AnyNodeRef::StmtIf(_) | AnyNodeRef::StmtMatch(_) if !s.contains(used) => guarded = true,
                AnyNodeRef::ElifElseClause(_)
                | AnyNodeRef::ExceptHandlerExceptHandler(_)
                | AnyNodeRef::MatchCase(_)
                    if !s.contains(used) =>
                {
                    guarded = true;
                }
                // The use stands in another branch of the same statement.
                AnyNodeRef::StmtIf(i) => {
                    let body = i.body.iter().any(|b| span_of(b).contains(stmt));
                    let with = i.body.iter().any(|b| span_of(b).contains(used));
                    guarded |= body && !with;
                }
                _ => {}
            }
        }
        Ok(match turn {
            Some(_) => Step { guarded: true, turn, sometimes: guarded },
            None => Step { guarded: guarded || outside, ..Step::default() },
        })
    }

    fn exclusive(&self, a: Span, b: Span) -> bool {
        let path = self.cx.path_to(a.to(b));
        match path.last() {
            Some(AnyNodeRef::StmtIf(i)) => {
                let branch = |s: Span| {
                    if i.body.iter().any(|x| span_of(x).contains(s)) {
                        return Some(0);
                    }
                    i.elif_else_clauses.iter().position(|c| span_of(c).contains(s)).map(|n| n + 1)
                };
                branch(a).is_some() && branch(b).is_some() && branch(a) != branch(b)
            }
            Some(AnyNodeRef::StmtMatch(_)) => true,
            _ => false,
        }
    }

    fn variable(&mut self, uses: &surefix_rewrite::python::PyUses, used: Span) -> Result<Ways, Refusal> {
        let cx = self.cx;
        let Some(first_write) = uses.writes.first() else {
            return no(Reason::ShapeUnknown, format!("{} gets its text elsewhere", uses.name));
        };
        let declared = first_write.stmt;
        if uses.captured && uses.writes.len() > 1 {
            return no(Reason::ShapeUnknown, format!("{} is shared with an inner function", uses.name));
        }
        let in_other_scope = uses.is_global && cx.function_of(used).is_some();
        if in_other_scope && (uses.writes.len() > 1 || uses.reads.len() > 1) {
            return no(Reason::ShapeUnknown, format!("{} is a global that other code uses", uses.name));
        }
        let mut ways: Ways = Vec::new();
        let mut homes: Vec<Span> = Vec::new();
        let mut building = vec![used];
        let mut first = declared;
        for w in &uses.writes {
            let step = self.guarded(w.stmt, declared, used)?;
            let guarded = step.guarded;
            if w.stmt.lo >= used.lo && !in_other_scope {
                let looped = cx.path_to(used).iter().any(|n| {
                    matches!(n, AnyNodeRef::StmtFor(_) | AnyNodeRef::StmtWhile(_))
                        && !super::python_render::node_span(*n).contains(declared)
                });
                if looped {
                    return no(Reason::ShapeUnknown, format!("{} changes after its use in a loop", uses.name));
                }
                continue;
            }
            let event = self.step(w.stmt, step);
            if w.augmented {
                let value = match cx.covering_stmt(w.target) {
                    Some(Stmt::AugAssign(a)) if a.op == Operator::Add => &*a.value,
                    _ => {
                        return no(
                            Reason::ShapeUnknown,
                            format!("{} is changed in a way that is not understood", uses.name),
                        );
                    }
                };
                building.push(w.target);
                if guarded && ways.len() > 1 {
                    return no(
                        Reason::AlternativesConflict,
                        format!("{} is built in alternatives and then in parts", uses.name),
                    );
                }
                let more = self.resolve(value, event)?;
                ways = self.join(ways, more)?;
                continue;
            }
            let Some(value) = w.value.and_then(|v| cx.expr_at(v)) else {
                return no(Reason::ShapeUnknown, format!("{} is changed in a way that is not understood", uses.name));
            };
            let mut operands = Vec::new();
            flatten(value, &mut operands);
            let own = |e: &&Expr| matches!(e, Expr::Name(n) if n.id.as_str() == uses.name);
            if operands.len() > 1 && operands.first().is_some_and(own) {
                building.extend(operands.first().map(|e| span_of(*e)));
                if guarded && ways.len() > 1 {
                    return no(
                        Reason::AlternativesConflict,
                        format!("{} is built in alternatives and then in parts", uses.name),
                    );
                }
                let more = self.chain(span_of(value), &operands, event, Some(0))?;
                ways = self.join(ways, more)?;
                continue;
            }
            if value.is_none_literal_expr() {
                continue;
            }
            if step.turn.is_some() {
                return no(Reason::ShapeUnknown, format!("{} is replaced in a loop", uses.name));
            }
            let more = self.resolve(value, event)?;
            if !guarded || ways.is_empty() {
                first = if ways.is_empty() { first } else { w.stmt };
                homes = vec![w.stmt; more.len()];
                ways = more;
            } else {
                let bound = |w: &Vec<usize>| w.iter().any(|p| self.text.expr(*p).is_some());
                if ways.iter().zip(&homes).any(|(way, h)| bound(way) && !self.exclusive(*h, w.stmt)) {
                    return no(
                        Reason::AlternativesConflict,
                        format!("{} is replaced on some ways after values went into it", uses.name),
                    );
                }
                homes.extend(vec![w.stmt; more.len()]);
                ways.extend(more);
            }
        }
        if ways.is_empty() || ways.len() > 8 {
            return no(Reason::ShapeUnknown, format!("it is not known which text {} holds", uses.name));
        }
        let other_uses = uses.reads.iter().filter(|r| !building.contains(r)).copied().collect();
        let carrier = Carrier { name: uses.name.clone(), declarator: first_write.target, first, other_uses };
        if !self.text.carriers.contains(&carrier) {
            self.text.carriers.push(carrier);
        }
        Ok(ways)
    }
}

fn flatten<'e>(node: &'e Expr, out: &mut Vec<&'e Expr>) {
    let mut rights = Vec::new();
    let mut at = node;
    while let Expr::BinOp(b) = at {
        if b.op != Operator::Add {
            break;
        }
        rights.push(&*b.right);
        at = &b.left;
    }
    out.push(at);
    out.extend(rights.into_iter().rev());
}

/// The text of a format specification without fields.
trait LiteralOnly {
    fn as_literal_only(&self, text: &str) -> Option<String>;
}

impl LiteralOnly for ruff_python_ast::InterpolatedStringElements {
    fn as_literal_only(&self, text: &str) -> Option<String> {
        let mut out = String::new();
        for e in self {
            match e.as_literal() {
                Some(l) => out.push_str(span_of(l).of(text)),
                None => return None,
            }
        }
        Some(out)
    }
}
