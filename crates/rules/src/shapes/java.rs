//! Java expressions that build text, taken apart.

use super::{
    Carrier, Chain, Event, Field, Loops, Operand, OperandKind, Piece, PieceKind, Step, Style, Text, is_name, no,
};
use std::collections::BTreeSet;
use surefix_dialect::{Dialect, HoleContext};
use surefix_ir::Lang;
use surefix_rewrite::java::locals::LocalKind;
use surefix_rewrite::{JavaCx, LiteralMap, Uses, formats};
use surefix_syntax::java::{self, span_of};
use surefix_text::{Reason, Refusal, Span};
use tree_sitter::Node;

/// Takes the expression at `arg` apart, which stands in the statement `stmt`. An operand is followed to where it is built unless
/// `is_value` takes its context.
pub(crate) fn text(
    cx: &JavaCx<'_>,
    dialect: Dialect,
    arg: Span,
    stmt: Span,
    is_value: &dyn Fn(&HoleContext) -> bool,
) -> Result<Text, Refusal> {
    text_in(cx, dialect, arg, stmt, is_value, Loops::Refuse)
}

/// The same, and what becomes of loops.
pub(crate) fn text_in(
    cx: &JavaCx<'_>,
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
        let Some(node) = cx.node_at(arg) else { return no(Reason::ShapeUnknown, "the argument is not one expression") };
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
                let Some(p) = text.pieces.get(piece) else { continue };
                let Some(operand) = text.chains.get(p.chain).and_then(|c| c.operands.get(p.operand)) else { continue };
                let PieceKind::Val { expr, field: None } = &p.kind else { continue };
                let whole = matches!(operand.kind, OperandKind::Val) && operand.span == *expr;
                if !whole
                    || expand.contains(expr)
                    || (is_name(&context) && (closed.contains(expr) || !is_built_text(cx, *expr, NAME)))
                {
                    continue;
                }
                let bare = context.quote == surefix_dialect::Quote::None;
                let is_text = || dialect == Dialect::Sql && bare && is_built_text(cx, *expr, VALUE);
                if (!is_value(&context) || is_text()) && is_expandable(cx, *expr) {
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

/// A variable or call behind which more of the text may be built.
fn is_expandable(cx: &JavaCx<'_>, expr: Span) -> bool {
    let Some(node) = cx.node_at(expr) else { return false };
    match node.kind() {
        "identifier" => match cx.uses(cx.node_text(node), expr) {
            Some(u) => u.kind == LocalKind::Variable,
            None => constant_of(cx, cx.node_text(node)).is_some(),
        },
        "method_invocation" => {
            is_to_string(cx, node).is_some() || is_concat(cx, node).is_some() || helper_of(cx, node).is_some()
        }
        _ => false,
    }
}

/// Characters that show that a literal is a part of the language, where a value or where a name is expected.
const VALUE: fn(&str) -> bool = |t| t.contains(['\'', '"', '`']);
const NAME: fn(&str) -> bool = |t| t.is_empty() || t.starts_with(char::is_whitespace) || t.contains('=');

/// True when a variable is put together from string literals that `wanted` takes: as a bare operand it is text, not a value.
fn is_built_text(cx: &JavaCx<'_>, expr: Span, wanted: fn(&str) -> bool) -> bool {
    let Some(node) = cx.node_at(expr) else { return false };
    if node.kind() == "method_invocation" {
        return is_to_string(cx, node).is_some();
    }
    let Some(uses) = cx.uses(cx.node_text(node), expr).filter(|u| u.kind == LocalKind::Variable) else {
        return false;
    };
    let assigned = uses.writes.iter().filter_map(|w| {
        let p = cx.node_at(*w)?.parent()?;
        p.child_by_field_name("right").map(span_of)
    });
    uses.init.into_iter().chain(assigned).any(|s| {
        let Some(n) = cx.node_at(s) else { return false };
        let mut found = false;
        let chain = n.kind() == "string_literal" || (n.kind() == "binary_expression" && operator(cx, n) == "+");
        if chain {
            java::walk(n, &mut |l| {
                if l.kind() == "string_literal" {
                    let map = LiteralMap::new(Lang::Java, cx.node_text(l));
                    found |= map.is_some_and(|m| wanted(m.decoded()));
                }
                l.kind() != "method_invocation"
            });
        }
        found
    })
}

fn operator<'a>(cx: &JavaCx<'a>, n: Node<'_>) -> &'a str {
    n.child_by_field_name("operator").map_or("", |o| cx.node_text(o))
}

/// True when a string literal is an operand of the `+` chain itself.
fn has_literal(n: Node<'_>) -> bool {
    let mut at = Some(n);
    while let Some(n) = at {
        if n.kind() == "string_literal" {
            return true;
        }
        if n.kind() != "binary_expression" {
            return false;
        }
        if n.child_by_field_name("right").is_some_and(|r| r.kind() == "string_literal") {
            return true;
        }
        at = n.child_by_field_name("left");
    }
    false
}

fn call_name<'a>(cx: &JavaCx<'a>, call: Node<'_>) -> &'a str {
    call.child_by_field_name("name").map_or("", |n| cx.node_text(n))
}

fn call_args(call: Node<'_>) -> Vec<Node<'_>> {
    let Some(list) = call.child_by_field_name("arguments") else { return Vec::new() };
    let mut cursor = list.walk();
    list.named_children(&mut cursor).filter(|n| !n.kind().ends_with("_comment")).collect()
}

/// `sb.toString()`, `String.valueOf(sb)`: the builder's identifier.
fn is_to_string<'t>(cx: &JavaCx<'_>, call: Node<'t>) -> Option<Node<'t>> {
    let args = call_args(call);
    let object = call.child_by_field_name("object")?;
    let inner = match (call_name(cx, call), args.as_slice()) {
        ("toString", []) => object,
        ("valueOf", [one]) if cx.node_text(object) == "String" => *one,
        _ => return None,
    };
    // `new StringBuilder("a").append(x).toString()` or a variable.
    let root = append_root(cx, inner);
    let builder = match root.kind() {
        "identifier" => {
            let uses = cx.uses(cx.node_text(root), span_of(root))?;
            is_builder(cx, &uses)
        }
        "object_creation_expression" => {
            root.child_by_field_name("type").is_some_and(|t| is_builder_type(cx.node_text(t)))
        }
        _ => false,
    };
    builder.then_some(inner)
}

fn is_builder_type(name: &str) -> bool {
    matches!(name.rsplit('.').next(), Some("StringBuilder" | "StringBuffer"))
}

fn is_builder(cx: &JavaCx<'_>, uses: &Uses) -> bool {
    let init = uses.init.and_then(|i| cx.node_at(i));
    let made = init.map(|i| append_root(cx, i)).filter(|i| i.kind() == "object_creation_expression");
    cx.type_text(uses).is_some_and(is_builder_type)
        || made.and_then(|m| m.child_by_field_name("type")).is_some_and(|t| is_builder_type(cx.node_text(t)))
}

/// The receiver at the root of a chain of `append` calls.
fn append_root<'t>(cx: &JavaCx<'_>, node: Node<'t>) -> Node<'t> {
    let mut at = node;
    while at.kind() == "method_invocation" && call_name(cx, at) == "append" {
        match at.child_by_field_name("object") {
            Some(o) => at = o,
            None => break,
        }
    }
    at
}

/// `a.concat(b)`: receiver and argument.
fn is_concat<'t>(cx: &JavaCx<'_>, call: Node<'t>) -> Option<(Node<'t>, Node<'t>)> {
    if call.kind() != "method_invocation" || call_name(cx, call) != "concat" {
        return None;
    }
    match call_args(call).as_slice() {
        [arg] => Some((call.child_by_field_name("object")?, *arg)),
        _ => None,
    }
}

/// The initialiser of a private or local constant of this file that one place uses.
fn constant_of<'t>(cx: &'t JavaCx<'_>, name: &str) -> Option<Node<'t>> {
    let mut found = None;
    let mut mentions = 0;
    java::walk(cx.root(), &mut |n| {
        if n.kind() == "identifier" && cx.node_text(n) == name {
            mentions += 1;
        }
        if n.kind() == "field_declaration" {
            let mut c = n.walk();
            let mods = n.children(&mut c).find(|m| m.kind() == "modifiers").map_or("", |m| cx.node_text(m));
            let mut c = n.walk();
            for d in n.children_by_field_name("declarator", &mut c) {
                let named = d.child_by_field_name("name").is_some_and(|i| cx.node_text(i) == name);
                if named && mods.contains("private") && mods.contains("final") {
                    found = d.child_by_field_name("value");
                }
            }
        }
        true
    });
    found.filter(|_| mentions == 2)
}

/// A private method of this file with one caller whose body is one `return`: the returned expression and the method.
fn helper_of<'t>(cx: &'t JavaCx<'_>, call: Node<'_>) -> Option<(Node<'t>, Node<'t>)> {
    let name = call_name(cx, call);
    let plain = call.child_by_field_name("object").is_none_or(|o| o.kind() == "this");
    if !plain || name.is_empty() {
        return None;
    }
    let (mut method, mut methods, mut calls) = (None, 0, 0);
    java::walk(cx.root(), &mut |n| {
        match n.kind() {
            "method_declaration" if n.child_by_field_name("name").is_some_and(|i| cx.node_text(i) == name) => {
                method = Some(n);
                methods += 1;
            }
            "method_invocation" | "method_reference" => {
                let last = n.child_by_field_name("name").or_else(|| n.named_child(1));
                calls += usize::from(last.is_some_and(|i| cx.node_text(i) == name));
            }
            _ => {}
        }
        true
    });
    let method = method.filter(|_| methods == 1 && calls == 1)?;
    let mut c = method.walk();
    let private = method
        .children(&mut c)
        .any(|m| m.kind() == "modifiers" && cx.node_text(m).split_whitespace().any(|w| w == "private"));
    let body = method.child_by_field_name("body")?;
    let mut c = body.walk();
    let stmts: Vec<Node<'_>> = body.named_children(&mut c).filter(|n| !n.kind().ends_with("_comment")).collect();
    match stmts.as_slice() {
        [.., ret] if private && ret.kind() == "return_statement" => Some((ret.named_child(0)?, method)),
        _ => None,
    }
}

/// `sb.setLength(sb.length() - n)` and `sb.deleteCharAt(sb.length() - 1)`: n.
fn trimmed(cx: &JavaCx<'_>, call: Node<'_>, name: &str) -> Option<usize> {
    let args = call_args(call);
    let [arg] = args.as_slice() else { return None };
    let spelled: String = cx.node_text(*arg).chars().filter(|c| !c.is_whitespace()).collect();
    let n: usize = spelled.strip_prefix(name)?.strip_prefix(".length()-")?.parse().ok()?;
    let fits = if call_name(cx, call) == "deleteCharAt" { n == 1 } else { (1..=8).contains(&n) };
    fits.then_some(n)
}

/// A loop whose turns may end early, or in another method: the steps of one turn do not belong together.
fn jumps(n: Node<'_>) -> bool {
    let mut found = false;
    java::walk(n, &mut |n| {
        found |= matches!(
            n.kind(),
            "break_statement"
                | "continue_statement"
                | "labeled_statement"
                | "try_statement"
                | "try_with_resources_statement"
                | "switch_expression"
                | "lambda_expression"
                | "class_body"
        );
        !found
    });
    found
}

struct Builder<'b, 'c, 'a> {
    cx: &'c JavaCx<'a>,
    loops: Loops,
    stmt: Span,
    expand: &'b BTreeSet<Span>,
    text: Text,
    /// Parameters of the helper that is being read, and the caller's arguments.
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

    fn resolve(&mut self, node: Node<'c>, event: usize) -> Result<Ways, Refusal> {
        self.depth += 1;
        if self.depth > 200 {
            return no(Reason::Budget, "the text is nested too deeply");
        }
        let out = self.resolve_inner(node, event);
        self.depth -= 1;
        out
    }

    fn resolve_inner(&mut self, node: Node<'c>, event: usize) -> Result<Ways, Refusal> {
        if node.kind() == "parenthesized_expression"
            && let Some(inner) = node.named_child(0)
        {
            return self.resolve(inner, event);
        }
        self.chain(node, event, None)
    }

    /// One chain of operands.
    fn chain(&mut self, node: Node<'c>, event: usize, append: Option<(Span, Span)>) -> Result<Ways, Refusal> {
        let mut operands = Vec::new();
        self.flatten(node, &mut operands);
        let chain = self.text.chains.len();
        self.text.chains.push(Chain { span: span_of(node), operands: Vec::new(), event, append });
        let mut ways: Ways = vec![Vec::new()];
        for op in operands {
            let (kind, more) = self.operand(chain, op, event)?;
            if let Some(c) = self.text.chains.get_mut(chain) {
                c.operands.push(Operand { kind, span: op });
            }
            if more.len() > 1 && ways.len() > 1 {
                return no(Reason::AlternativesConflict, "more than one part of the text is built in alternatives");
            }
            let mut next = Vec::new();
            for w in &ways {
                for m in &more {
                    next.push([w.as_slice(), m.as_slice()].concat());
                }
            }
            ways = next;
        }
        Ok(ways)
    }

    /// Operands of `a + b + c`; numbers that are added before the first text stay one operand.
    fn flatten(&self, node: Node<'c>, out: &mut Vec<Span>) {
        let mut rights = Vec::new();
        let mut at = node;
        while at.kind() == "binary_expression" && operator(self.cx, at) == "+" {
            let (Some(l), Some(r)) = (at.child_by_field_name("left"), at.child_by_field_name("right")) else { break };
            let head_is_text = l.kind() == "string_literal"
                || r.kind() == "string_literal"
                || has_literal(l)
                || super::java_value::is_string(self.cx, span_of(l))
                || super::java_value::is_string(self.cx, span_of(r));
            if !head_is_text && !rights.is_empty() {
                break;
            }
            rights.push(span_of(r));
            at = l;
        }
        out.push(span_of(at));
        out.extend(rights.into_iter().rev());
    }

    fn operand(&mut self, chain: usize, span: Span, event: usize) -> Result<(OperandKind, Ways), Refusal> {
        let operand = self.text.chains.get(chain).map_or(0, |c| c.operands.len());
        let Some(node) = self.cx.node_at(span) else { return no(Reason::ShapeUnknown, "an operand is not readable") };
        match node.kind() {
            "string_literal" => {
                let Some(map) = LiteralMap::new(Lang::Java, span.of(self.cx.text)) else {
                    return no(Reason::ShapeUnknown, "a string literal is not readable");
                };
                let text = map.decoded().to_string();
                let range = 0..text.len();
                let p = self.push(chain, operand, PieceKind::Lit { text, range });
                return Ok((OperandKind::Lit(map), vec![vec![p]]));
            }
            "character_literal" => {
                let token = span.of(self.cx.text);
                let body = token.get(1..token.len().saturating_sub(1)).unwrap_or("");
                let body = if body == "\"" { "\\\"".to_string() } else { body.to_string() };
                if let Some(c) =
                    LiteralMap::new(Lang::Java, &format!("\"{body}\"")).and_then(|m| m.decoded().chars().next())
                {
                    let kind = PieceKind::Lit { text: c.to_string(), range: 0..c.len_utf8() };
                    let p = self.push(chain, operand, kind);
                    return Ok((OperandKind::Char, vec![vec![p]]));
                }
            }
            "parenthesized_expression" => {
                if let Some(inner) = node.named_child(0)
                    && inner.kind() == "binary_expression"
                    && operator(self.cx, inner) == "+"
                    && has_literal(inner)
                {
                    let ways = self.resolve(inner, event)?;
                    return Ok((OperandKind::Nested, ways));
                }
            }
            "method_invocation" => {
                if let Some(t) = self.template(chain, operand, node)? {
                    return Ok(t);
                }
                if let Some((recv, arg)) = is_concat(self.cx, node)
                    && (self.expand.contains(&span)
                        || recv.kind() == "string_literal"
                        || is_concat(self.cx, recv).is_some())
                {
                    let mut ways = self.resolve(recv, event)?;
                    let more = self.chain(arg, event, Some((span, span_of(recv))))?;
                    ways = self.join(ways, more)?;
                    return Ok((OperandKind::Nested, ways));
                }
            }
            _ => {}
        }
        if self.expand.contains(&span)
            && let Some(ways) = self.expanded(node, event)?
        {
            return Ok((OperandKind::Nested, ways));
        }
        let name = self.cx.node_text(node);
        let expr = self.params.iter().find(|(n, _)| n == name).map_or(span, |(_, arg)| *arg);
        let p = self.push(chain, operand, PieceKind::Val { expr, field: None });
        Ok((OperandKind::Val, vec![vec![p]]))
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

    /// `String.format("…", a, b)` and `"…".formatted(a, b)`.
    fn template(
        &mut self,
        chain: usize,
        operand: usize,
        call: Node<'c>,
    ) -> Result<Option<(OperandKind, Ways)>, Refusal> {
        let cx = self.cx;
        let args = call_args(call);
        let object = call.child_by_field_name("object");
        let (token, rest) = match call_name(cx, call) {
            "format" if object.is_some_and(|o| cx.node_text(o) == "String") => match args.as_slice() {
                [t, rest @ ..] if t.kind() == "string_literal" => (*t, rest.to_vec()),
                [_, t, rest @ ..] if t.kind() == "string_literal" => (*t, rest.to_vec()),
                _ => return Ok(None),
            },
            "formatted" => match object {
                Some(o) if o.kind() == "string_literal" => (o, args.clone()),
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        let Some(map) = LiteralMap::new(Lang::Java, cx.node_text(token)) else { return Ok(None) };
        let decoded = map.decoded().to_string();
        let Some(fields) = formats::java_fields(&decoded) else { return Ok(None) };
        if fields.iter().any(|f| !f.name.is_empty() || f.spec.contains('<')) || fields.len() != rest.len() {
            return no(Reason::NoRecipe, "the format string numbers its arguments or does not use all of them");
        }
        let rest: Vec<Span> = rest.into_iter().map(span_of).collect();
        let mut way = Vec::new();
        let mut at = 0;
        for (arg, f) in fields.iter().enumerate() {
            self.template_text(chain, operand, &decoded, at..f.range.start, "%%", &mut way);
            let expr = rest.get(arg).copied().unwrap_or_default();
            let field = Field {
                range: f.range.clone(),
                arg,
                plain: f.spec.is_empty() && matches!(f.conversion.as_str(), "s" | "d"),
                spec: format!("%{}{}", f.spec, f.conversion),
            };
            way.push(self.push(chain, operand, PieceKind::Val { expr, field: Some(field) }));
            at = f.range.end;
        }
        self.template_text(chain, operand, &decoded, at..decoded.len(), "%%", &mut way);
        if way.iter().any(|p| self.text.lit(*p).is_some_and(|t| t.contains("%n"))) {
            return no(Reason::NoRecipe, "the format string has a %n");
        }
        let kind = OperandKind::Template {
            tokens: vec![(span_of(token), map)],
            style: Style::Java,
            args: rest,
            whole: span_of(call),
        };
        Ok(Some((kind, vec![way])))
    }

    fn template_text(
        &mut self,
        chain: usize,
        operand: usize,
        decoded: &str,
        range: std::ops::Range<usize>,
        sign: &str,
        way: &mut Vec<usize>,
    ) {
        super::split_template(decoded, range, &[sign], &mut |text, range| {
            way.push(self.push(chain, operand, PieceKind::Lit { text, range }));
        });
    }

    /// What stands behind a variable or call.
    fn expanded(&mut self, node: Node<'c>, event: usize) -> Result<Option<Ways>, Refusal> {
        match node.kind() {
            "identifier" => {
                let name = self.cx.node_text(node);
                match self.cx.uses(name, span_of(node)) {
                    Some(uses) if uses.kind == LocalKind::Variable => self.variable(&uses, node).map(Some),
                    Some(_) => Ok(None),
                    None => match constant_of(self.cx, name) {
                        Some(init) => self.resolve(init, event).map(Some),
                        None => Ok(None),
                    },
                }
            }
            "method_invocation" => {
                if let Some(inner) = is_to_string(self.cx, node) {
                    return self.builder_text(inner, event).map(Some);
                }
                match helper_of(self.cx, node) {
                    Some((ret, method)) => self.helper(node, ret, method).map(Some),
                    None => Ok(None),
                }
            }
            _ => Ok(None),
        }
    }

    fn helper(&mut self, call: Node<'c>, ret: Node<'c>, method: Node<'c>) -> Result<Ways, Refusal> {
        let Some(list) = method.child_by_field_name("parameters") else {
            return no(Reason::ShapeUnknown, "the helper has no parameter list");
        };
        let mut c = list.walk();
        let names: Vec<String> = list
            .named_children(&mut c)
            .filter_map(|p| Some(self.cx.node_text(p.child_by_field_name("name")?).to_string()))
            .collect();
        let args = call_args(call);
        if names.len() != args.len() || !self.params.is_empty() {
            return no(Reason::NonOwnedCallee, "the method that builds the text cannot be followed");
        }
        for n in &names {
            let changed = self.cx.uses(n, span_of(ret)).is_none_or(|u| !u.writes.is_empty());
            if changed {
                return no(
                    Reason::NonOwnedCallee,
                    format!("the method that builds the text assigns its parameter {n}"),
                );
            }
        }
        self.params = names.into_iter().zip(args.into_iter().map(span_of)).collect();
        let home = self.cx.stmt_of(span_of(call)).unwrap_or(self.stmt);
        let event = self.event(home, false);
        let events = self.text.events.len();
        let ways = self.resolve(ret, event)?;
        if self.text.events.len() != events || ways.len() > 1 {
            return no(Reason::NonOwnedCallee, "the method that builds the text does so in several steps");
        }
        self.params.clear();
        Ok(ways)
    }

    /// Where a statement stands: the condition it depends on, whether it repeats.
    fn place(&self, stmt: Span, declared: Span, used: Span) -> Result<Step, Refusal> {
        let mut guarded = false;
        let mut turn: Option<Span> = None;
        let mut sometimes = false;
        let mut node = self.cx.covering(stmt);
        while let Some(n) = node {
            let s = span_of(n);
            if s.contains(used) && s.contains(declared) && s != stmt {
                break;
            }
            if s != stmt || n.kind() == "enhanced_for_statement" {
                match n.kind() {
                    "for_statement" | "enhanced_for_statement" | "while_statement" | "do_statement"
                        if !s.contains(declared) =>
                    {
                        if turn.is_some() || s.contains(used) || self.loops != Loops::Follow || jumps(n) {
                            return no(Reason::ShapeUnknown, "the text is built in a loop");
                        }
                        turn = Some(s);
                        sometimes = guarded;
                    }
                    "if_statement" | "switch_expression" | "catch_clause" | "lambda_expression"
                        if !s.contains(used) =>
                    {
                        guarded = true;
                    }
                    _ => {}
                }
            }
            node = n.parent();
        }
        Ok(Step { guarded: guarded || turn.is_some(), turn, sometimes })
    }

    fn variable(&mut self, uses: &Uses, node: Node<'c>) -> Result<Ways, Refusal> {
        let cx = self.cx;
        let used = span_of(node);
        if is_builder(cx, uses) {
            return self.builder_variable(uses, used);
        }
        let declared = uses.statement.unwrap_or(uses.declarator);
        let mut ways: Ways = Vec::new();
        let mut homes: Vec<Span> = Vec::new();
        let mut building: Vec<Span> = vec![used];
        let mut first = declared;
        if let Some(init) = uses.init.and_then(|i| cx.node_at(i)).filter(|i| i.kind() != "null_literal") {
            let event = self.event(declared, false);
            ways = self.resolve(init, event)?;
            homes = vec![declared; ways.len()];
        }
        for w in &uses.writes {
            let assignment = cx.node_at(*w).and_then(|n| n.parent()).filter(|p| p.kind() == "assignment_expression");
            let Some(assignment) = assignment else {
                return no(Reason::ShapeUnknown, format!("{} is changed in a way that is not understood", uses.name));
            };
            let stmt = match assignment.parent() {
                Some(p) if p.kind() == "expression_statement" => span_of(p),
                _ => {
                    return no(
                        Reason::ShapeUnknown,
                        format!("an assignment to {} is part of an expression", uses.name),
                    );
                }
            };
            building.push(*w);
            let step = self.place(stmt, declared, used)?;
            let guarded = step.guarded;
            if stmt.lo >= used.lo {
                if self.in_loop_with(declared, used) {
                    return no(Reason::ShapeUnknown, format!("{} changes after its use in a loop", uses.name));
                }
                continue;
            }
            let Some(right) = assignment.child_by_field_name("right") else { continue };
            let plain = operator(cx, assignment) == "=";
            let event = self.step(stmt, step);
            let own = |n: Node<'_>| n.kind() == "identifier" && cx.node_text(n) == uses.name;
            let mut operands = Vec::new();
            self.flatten(right, &mut operands);
            let self_concat =
                plain && operands.len() > 1 && operands.first().and_then(|o| cx.node_at(*o)).is_some_and(own);
            if plain && !self_concat && step.turn.is_some() {
                return no(Reason::ShapeUnknown, format!("{} is replaced in a loop", uses.name));
            }
            if plain && !self_concat {
                let more = self.resolve(right, event)?;
                if !guarded || ways.is_empty() {
                    first = if ways.is_empty() { first } else { stmt };
                    homes = vec![stmt; more.len()];
                    ways = more;
                } else {
                    let bound = |w: &Vec<usize>| w.iter().any(|p| self.text.expr(*p).is_some());
                    if ways.iter().zip(&homes).any(|(w, h)| bound(w) && !self.exclusive(*h, stmt)) {
                        return no(
                            Reason::AlternativesConflict,
                            format!("{} is replaced on some ways after values went into it", uses.name),
                        );
                    }
                    homes.extend(vec![stmt; more.len()]);
                    ways.extend(more);
                }
                continue;
            }
            let more =
                if self_concat { self.rest_chain(right, &operands, event)? } else { self.chain(right, event, None)? };
            if self_concat && let Some(o) = operands.first() {
                building.push(*o);
            }
            if guarded && ways.len() > 1 {
                return no(
                    Reason::AlternativesConflict,
                    format!("{} is built in alternatives and then in parts", uses.name),
                );
            }
            ways = self.join(ways, more)?;
            homes.truncate(ways.len());
        }
        if ways.is_empty() {
            return no(Reason::ShapeUnknown, format!("no text is assigned to {} before its use", uses.name));
        }
        if ways.len() > 8 {
            return no(Reason::AlternativesConflict, "the text is built in too many alternatives");
        }
        self.carrier(uses, first, &building);
        Ok(ways)
    }

    /// A guarded assignment needs an exclusive counterpart: both stand in different branches of one statement.
    fn exclusive(&self, a: Span, b: Span) -> bool {
        let common = self.cx.covering(a.to(b));
        let Some(n) = common else { return false };
        match n.kind() {
            "if_statement" => {
                let (then, other) = (n.child_by_field_name("consequence"), n.child_by_field_name("alternative"));
                let inside = |x: Option<Node<'_>>, s: Span| x.is_some_and(|x| span_of(x).contains(s));
                (inside(then, a) && inside(other, b)) || (inside(then, b) && inside(other, a))
            }
            "switch_block" => true,
            _ => false,
        }
    }

    fn in_loop_with(&self, declared: Span, used: Span) -> bool {
        let mut node = self.cx.covering(used);
        while let Some(n) = node {
            let looped =
                matches!(n.kind(), "for_statement" | "enhanced_for_statement" | "while_statement" | "do_statement");
            if looped && !span_of(n).contains(declared) {
                return true;
            }
            node = n.parent();
        }
        false
    }

    /// `x = x + a + b`: the chain without its first operand.
    fn rest_chain(&mut self, node: Node<'c>, operands: &[Span], event: usize) -> Result<Ways, Refusal> {
        let chain = self.text.chains.len();
        self.text.chains.push(Chain { span: span_of(node), operands: Vec::new(), event, append: None });
        let mut ways: Ways = vec![Vec::new()];
        for (i, op) in operands.iter().enumerate() {
            let (kind, more) =
                if i == 0 { (OperandKind::Nested, vec![Vec::new()]) } else { self.operand(chain, *op, event)? };
            if let Some(c) = self.text.chains.get_mut(chain) {
                c.operands.push(Operand { kind, span: *op });
            }
            ways = self.join(ways, more)?;
        }
        Ok(ways)
    }

    fn carrier(&mut self, uses: &Uses, first: Span, building: &[Span]) {
        let other_uses = uses.reads.iter().filter(|r| !building.contains(r)).copied().collect();
        let carrier = Carrier { name: uses.name.clone(), declarator: uses.declarator, first, other_uses };
        if !self.text.carriers.contains(&carrier) {
            self.text.carriers.push(carrier);
        }
    }

    /// The text of a builder expression: `new StringBuilder("a").append(x)`, `sb.append(x)`, `sb`.
    fn builder_text(&mut self, node: Node<'c>, event: usize) -> Result<Ways, Refusal> {
        let root = append_root(self.cx, node);
        let ways = if root.kind() == "identifier" {
            let Some(uses) = self.cx.uses(self.cx.node_text(root), span_of(root)) else {
                return no(Reason::ShapeUnknown, "the builder is not a local variable");
            };
            self.builder_variable(&uses, span_of(root))?
        } else {
            self.builder_start(root, event)?
        };
        let more = self.appends(node, event)?;
        self.join(ways, more)
    }

    fn builder_start(&mut self, root: Node<'c>, event: usize) -> Result<Ways, Refusal> {
        if root.kind() != "object_creation_expression" {
            return no(Reason::ShapeUnknown, "the builder is not created where it can be seen");
        }
        match call_args(root).as_slice() {
            [] => Ok(vec![Vec::new()]),
            [n] if n.kind().ends_with("_integer_literal") => Ok(vec![Vec::new()]),
            [arg] => self.chain(*arg, event, None),
            _ => no(Reason::ShapeUnknown, "the builder's constructor is not understood"),
        }
    }

    /// Pieces of the `append` calls of a chain, receiver first.
    fn appends(&mut self, node: Node<'c>, event: usize) -> Result<Ways, Refusal> {
        let mut calls = Vec::new();
        let mut at = node;
        while at.kind() == "method_invocation" && call_name(self.cx, at) == "append" {
            let Some(recv) = at.child_by_field_name("object") else { break };
            calls.push((at, recv));
            at = recv;
        }
        let mut ways: Ways = vec![Vec::new()];
        for (call, recv) in calls.into_iter().rev() {
            let args = call_args(call);
            let [arg] = args.as_slice() else {
                return no(Reason::ShapeUnknown, "an append takes a part of its argument");
            };
            let more = self.chain(*arg, event, Some((span_of(call), span_of(recv))))?;
            ways = self.join(ways, more)?;
        }
        Ok(ways)
    }

    fn builder_variable(&mut self, uses: &Uses, used: Span) -> Result<Ways, Refusal> {
        let cx = self.cx;
        if uses.kind != LocalKind::Variable || !uses.writes.is_empty() || uses.captured {
            return no(Reason::ShapeUnknown, format!("the builder {} does not stay in this method", uses.name));
        }
        let declared = uses.statement.unwrap_or(uses.declarator);
        let Some(init) = uses.init.and_then(|i| cx.node_at(i)) else {
            return no(Reason::ShapeUnknown, format!("the builder {} is not created where it is declared", uses.name));
        };
        let event = self.event(declared, false);
        let mut ways = self.builder_start(append_root(cx, init), event)?;
        let more = self.appends(init, event)?;
        ways = self.join(ways, more)?;
        let mut building = vec![used];
        for r in &uses.reads {
            let Some(id) = cx.node_at(*r) else { continue };
            if *r == used {
                continue;
            }
            let mut at = id;
            while let Some(p) = at.parent().filter(|p| {
                p.kind() == "method_invocation"
                    && p.child_by_field_name("object") == Some(at)
                    && call_name(cx, *p) == "append"
            }) {
                at = p;
            }
            let parent = at.parent();
            let reader =
                parent.filter(|p| p.kind() == "method_invocation" && p.child_by_field_name("object") == Some(at));
            if let Some(call) = reader {
                match call_name(cx, call) {
                    "length" if building.contains(r) => continue,
                    "toString" | "length" | "isEmpty" | "charAt" | "indexOf" if at == id => {
                        if call_name(cx, call) == "toString" {
                            continue;
                        }
                        building.push(*r);
                        continue;
                    }
                    "setLength" | "deleteCharAt" if at == id && self.loops == Loops::Follow => {
                        let home = call.parent().filter(|p| p.kind() == "expression_statement").map(span_of);
                        let (Some(n), Some(home)) = (trimmed(cx, call, &uses.name), home) else {
                            let detail = format!("the builder {} is cut in a way that is not understood", uses.name);
                            return no(Reason::ShapeUnknown, detail);
                        };
                        if home.lo > used.lo || self.place(home, declared, used)?.turn.is_some() {
                            return no(Reason::ShapeUnknown, format!("the builder {} is cut in a loop", uses.name));
                        }
                        self.text.trims.push((home, n));
                        building.extend(uses.reads.iter().filter(|r| home.contains(**r)).copied());
                        continue;
                    }
                    other => {
                        let detail = format!("the builder {} goes through {other}", uses.name);
                        return no(Reason::ShapeUnknown, detail);
                    }
                }
            }
            let stmt = parent.filter(|p| p.kind() == "expression_statement").map(span_of);
            let Some(stmt) = stmt else {
                if r.lo < used.lo {
                    return no(Reason::ShapeUnknown, format!("the builder {} is passed on", uses.name));
                }
                continue;
            };
            building.push(*r);
            let step = self.place(stmt, declared, used)?;
            if stmt.lo > used.lo {
                return no(Reason::ShapeUnknown, format!("the builder {} grows after its use", uses.name));
            }
            let event = self.step(stmt, step);
            let more = self.appends(at, event)?;
            ways = self.join(ways, more)?;
        }
        self.carrier(uses, declared, &building);
        Ok(ways)
    }
}
