//! Local variables of Java: declaration, initialiser, every reference.

use super::{JavaCx, is_method_like, is_type_decl};
use surefix_syntax::java;
use surefix_text::Span;
use tree_sitter::Node;

/// How a local name is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LocalKind {
    /// `T x = …;`
    Variable,
    /// A parameter of a method or constructor.
    Parameter,
    /// A parameter of a lambda.
    LambdaParameter,
    /// The variable of an enhanced `for`.
    ForEach,
    /// A resource of `try (…)`.
    Resource,
    /// The parameter of a `catch`.
    Catch,
    /// A pattern variable; its scope here is the rest of the enclosing block.
    Pattern,
}

/// A local variable and everything that mentions it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uses {
    /// Its name.
    pub name: String,
    /// How it is declared.
    pub kind: LocalKind,
    /// The declared type's span; `None` for untyped lambda parameters.
    pub type_span: Option<Span>,
    /// The declarator: name and initialiser (`x = f()`), or the whole parameter.
    pub declarator: Span,
    /// The name inside the declarator.
    pub name_span: Span,
    /// The declaration statement, for variables.
    pub statement: Option<Span>,
    /// True when the statement declares nothing else.
    pub alone: bool,
    /// The initialiser.
    pub init: Option<Span>,
    /// Where the name is visible.
    pub scope: Span,
    /// Identifiers that read it (`x += 1` and `x++` read and write), in order.
    pub reads: Vec<Span>,
    /// Identifiers that are assigned after the declaration, in order.
    pub writes: Vec<Span>,
    /// True when a lambda or an inner class mentions it.
    pub captured: bool,
    /// True when `final` is written.
    pub is_final: bool,
}

impl Uses {
    /// Never assigned after it got its value.
    pub fn is_effectively_final(&self) -> bool {
        let assigned_later = self.kind == LocalKind::Variable && self.init.is_none();
        self.is_final || self.writes.is_empty() || (assigned_later && self.writes.len() == 1 && !self.reads_precede())
    }
    fn reads_precede(&self) -> bool {
        self.reads.first().zip(self.writes.first()).is_some_and(|(r, w)| r.lo < w.lo)
    }
    /// Reads and writes, in order.
    pub fn all(&self) -> Vec<Span> {
        let mut all: Vec<Span> = self.reads.iter().chain(&self.writes).copied().collect();
        all.sort();
        all.dedup();
        all
    }
}

impl JavaCx<'_> {
    /// The declared type's text of a local.
    pub fn type_text(&self, uses: &Uses) -> Option<&str> {
        uses.type_span.map(|s| s.of(self.text))
    }

    /// The local variable or parameter that `name` means at `at`; `None` for fields and unknown names.
    pub fn uses(&self, name: &str, at: Span) -> Option<Uses> {
        let method = self.outer_method(at)?;
        let mut found: Vec<Uses> = Vec::new();
        java::walk(method, &mut |n| {
            found.extend(self.declaration(n, name));
            true
        });
        // The innermost declaration that covers the place.
        let covers = |u: &&Uses| u.scope.contains(at) || u.declarator.contains(at);
        let scopes: Vec<Span> = found.iter().map(|u| u.scope).collect();
        let mut uses = found.iter().filter(covers).min_by_key(|u| u.scope.len())?.clone();
        if self.field_hides(name, at, uses.scope) {
            return None;
        }
        java::walk(method, &mut |n| {
            if n.kind() != "identifier" || self.node_text(n) != name {
                return true;
            }
            let s = java::span_of(n);
            let hidden = scopes.iter().any(|o| o.contains(s) && o.len() < uses.scope.len());
            if !uses.scope.contains(s) || s == uses.name_span || hidden || !is_variable(n) {
                return true;
            }
            if self.field_hides(name, s, uses.scope) {
                return true;
            }
            let (read, write) = access(n);
            if read {
                uses.reads.push(s);
            }
            if write {
                uses.writes.push(s);
            }
            let inner = java::enclosing(n, |p| {
                java::span_of(p).contains(uses.scope) || matches!(p.kind(), "lambda_expression" | "class_body")
            });
            uses.captured |= inner.is_some_and(|p| !java::span_of(p).contains(uses.scope));
            true
        });
        Some(uses)
    }

    /// The declarators of the file's fields with this name, each with whether `final` is written.
    pub fn fields(&self, name: &str) -> Vec<(Node<'_>, bool)> {
        let mut found = Vec::new();
        java::walk(self.root(), &mut |n| {
            if n.kind() == "variable_declarator"
                && let Some(p) = n.parent().filter(|p| p.kind() == "field_declaration")
                && n.child_by_field_name("name").is_some_and(|x| self.node_text(x) == name)
            {
                found.push((n, self.node_text(p).contains("final ")));
            }
            true
        });
        found
    }

    /// True when a statement before the one around `node`, in its block or in one around it, calls a method of the variable: it would have
    /// failed there.
    pub fn used_before(&self, node: Node<'_>, name: &str) -> bool {
        let mut at = node;
        while let Some(parent) = at.parent() {
            if matches!(parent.kind(), "block" | "constructor_body") {
                let mut before = at.prev_named_sibling();
                while let Some(s) = before {
                    // Only what certainly runs: the statement itself, or the condition of an `if`.
                    let sure = match s.kind() {
                        "if_statement" | "while_statement" => s.child_by_field_name("condition"),
                        "expression_statement" | "local_variable_declaration" => Some(s),
                        _ => None,
                    };
                    if sure.is_some_and(|s| self.calls_surely(s, name)) {
                        return true;
                    }
                    before = s.prev_named_sibling();
                }
            }
            if is_method_like(parent.kind()) {
                break;
            }
            at = parent;
        }
        false
    }

    /// True when the code calls a method of the variable whatever else it does.
    fn calls_surely(&self, code: Node<'_>, name: &str) -> bool {
        let mut found = false;
        java::walk(code, &mut |n| {
            let of_it = n.kind() == "method_invocation"
                && n.child_by_field_name("object")
                    .is_some_and(|o| o.kind() == "identifier" && self.node_text(o) == name);
            found |= of_it;
            let maybe =
                matches!(n.kind(), "lambda_expression" | "class_body" | "ternary_expression" | "switch_expression")
                    || (n.kind() == "binary_expression"
                        && n.child_by_field_name("operator").is_some_and(|o| matches!(o.kind(), "&&" | "||")));
            !maybe
        });
        found
    }

    /// True when `name` at `at` means a local variable or parameter.
    pub fn is_local(&self, name: &str, at: Span) -> bool {
        self.uses(name, at).is_some()
    }

    /// Local declarations that repeat a name of an enclosing scope in the same method, which Java forbids: the second ones.
    /// A fixed text with more of these than the text before is wrong.
    pub fn duplicate_locals(&self) -> Vec<Span> {
        let mut out = Vec::new();
        let mut open: Vec<(String, Span, Span)> = Vec::new();
        java::walk(self.root(), &mut |n| {
            let s = java::span_of(n);
            open.retain(|(_, scope, _)| scope.contains(Span::point(s.lo)));
            let name = n.child_by_field_name("name").or_else(|| untyped_lambda_parameter(n)).map(|i| self.node_text(i));
            if let Some(u) = name.and_then(|name| self.declaration(n, name)) {
                let owner = self.method_of(u.name_span).map(java::span_of).unwrap_or_default();
                let twice = open
                    .iter()
                    .any(|(name, scope, method)| *name == u.name && *method == owner && scope.contains(u.name_span));
                // Pattern variables have scopes that only flow decides.
                if twice && u.kind != LocalKind::Pattern {
                    out.push(u.name_span);
                }
                if u.kind != LocalKind::Pattern {
                    open.push((u.name.clone(), u.scope, owner));
                }
            }
            true
        });
        out
    }

    /// True when an anonymous or local class between the place and the variable's scope has a field of that name.
    fn field_hides(&self, name: &str, at: Span, scope: Span) -> bool {
        let mut node = self.covering(at);
        while let Some(n) = node.filter(|n| !java::span_of(*n).contains(scope)) {
            if n.kind() == "class_body" && self.member_names(n).contains(&name) {
                return true;
            }
            node = n.parent();
        }
        false
    }

    /// The declaration of `name` that `n` is.
    fn declaration<'t>(&'t self, n: Node<'t>, name: &str) -> Option<Uses> {
        let named = || n.child_by_field_name("name").filter(|i| self.node_text(*i) == name);
        // Most nodes declare nothing, and parents are dear: they are found from the root down.
        let id = match n.kind() {
            "identifier" => Some(n).filter(|i| self.node_text(*i) == name),
            "variable_declarator" | "formal_parameter" | "enhanced_for_statement" => named(),
            "resource" | "catch_formal_parameter" | "instanceof_expression" => named(),
            "type_pattern" | "record_pattern_component" => n
                .named_child((n.named_child_count() as u32).checked_sub(1)?)
                .filter(|last| last.kind() == "identifier" && self.node_text(*last) == name),
            _ => None,
        }?;
        let parent = n.parent()?;
        let ty = n.child_by_field_name("type");
        let make = |kind, ty: Option<Node<'t>>, scope: Span| {
            let holder = if n.kind() == "variable_declarator" { parent } else { n };
            let mut cursor = holder.walk();
            let modifiers = holder.children(&mut cursor).find(|c| c.kind() == "modifiers");
            Uses {
                name: name.to_owned(),
                kind,
                type_span: ty.map(java::span_of),
                declarator: java::span_of(n),
                name_span: java::span_of(id),
                statement: None,
                alone: true,
                init: n.child_by_field_name("value").map(java::span_of),
                scope,
                reads: Vec::new(),
                writes: Vec::new(),
                captured: false,
                is_final: modifiers.is_some_and(|m| self.node_text(m).split_whitespace().any(|w| w == "final")),
            }
        };
        let from = |holder: Node<'t>| Span::new(java::span_of(n).lo, java::span_of(holder).hi);
        match n.kind() {
            "variable_declarator" if parent.kind() == "local_variable_declaration" => {
                let mut holder = parent.parent()?;
                if holder.kind() == "switch_block_statement_group" {
                    holder = holder.parent()?;
                }
                let mut uses = make(LocalKind::Variable, parent.child_by_field_name("type"), from(holder));
                let mut cursor = parent.walk();
                uses.alone = parent.children_by_field_name("declarator", &mut cursor).count() == 1;
                uses.statement = Some(java::span_of(parent));
                Some(uses)
            }
            "formal_parameter" => {
                let owner = java::enclosing(parent, |p| is_method_like(p.kind()) || p.kind() == "lambda_expression")?;
                let kind =
                    if owner.kind() == "lambda_expression" { LocalKind::LambdaParameter } else { LocalKind::Parameter };
                Some(make(kind, ty, java::span_of(owner)))
            }
            "variable_declarator" if parent.kind() == "spread_parameter" => {
                let owner = java::enclosing(parent, |p| is_method_like(p.kind()) || p.kind() == "lambda_expression")?;
                Some(make(LocalKind::Parameter, None, java::span_of(owner)))
            }
            "identifier" if untyped_lambda_parameter(n).is_some() => {
                let owner = java::enclosing(parent, |p| p.kind() == "lambda_expression")?;
                Some(make(LocalKind::LambdaParameter, None, java::span_of(owner)))
            }
            "enhanced_for_statement" => {
                let mut uses = make(LocalKind::ForEach, ty, from(n));
                uses.declarator = ty.map_or(uses.name_span, |t| java::span_of(t).to(uses.name_span));
                uses.init = None;
                uses.scope = n.child_by_field_name("body").map_or(uses.scope, java::span_of);
                Some(uses)
            }
            "resource" => {
                let owner = java::enclosing(n, |p| p.kind() == "try_with_resources_statement")?;
                let body = owner.child_by_field_name("body")?;
                Some(make(LocalKind::Resource, ty, from(body)))
            }
            "catch_formal_parameter" => Some(make(LocalKind::Catch, n.named_child(0), java::span_of(parent))),
            "instanceof_expression" => {
                let block = java::enclosing(n, |p| matches!(p.kind(), "block" | "constructor_body" | "class_body"))?;
                Some(make(LocalKind::Pattern, n.child_by_field_name("right"), from(block)))
            }
            "type_pattern" | "record_pattern_component" => {
                let block = java::enclosing(n, |p| matches!(p.kind(), "block" | "constructor_body" | "class_body"))?;
                Some(make(LocalKind::Pattern, n.named_child(0), from(block)))
            }
            _ => None,
        }
    }
}

/// `n` when it is the parameter of a lambda without types.
fn untyped_lambda_parameter(n: Node<'_>) -> Option<Node<'_>> {
    let parent = n.parent()?;
    let single = parent.kind() == "lambda_expression" && parent.child_by_field_name("parameters") == Some(n);
    (n.kind() == "identifier" && (single || parent.kind() == "inferred_parameters")).then_some(n)
}

/// True when an identifier stands for a variable.
fn is_variable(n: Node<'_>) -> bool {
    let Some(parent) = n.parent() else { return false };
    let field = |name| parent.child_by_field_name(name) == Some(n);
    match parent.kind() {
        "field_access" => !field("field"),
        "method_invocation" => !field("name"),
        "method_reference" => parent.child(0) == Some(n),
        "labeled_statement" | "break_statement" | "continue_statement" | "scoped_identifier" | "element_value_pair" => {
            false
        }
        "marker_annotation" | "annotation" | "inferred_parameters" | "type_pattern" | "record_pattern_component" => {
            false
        }
        "variable_declarator"
        | "formal_parameter"
        | "catch_formal_parameter"
        | "resource"
        | "enhanced_for_statement"
        | "instanceof_expression"
        | "method_declaration"
        | "constructor_declaration"
        | "enum_constant" => !field("name"),
        "lambda_expression" => !field("parameters"),
        k if is_type_decl(k) => false,
        _ => true,
    }
}

/// Whether a variable's identifier is read and written.
fn access(n: Node<'_>) -> (bool, bool) {
    let Some(parent) = n.parent() else { return (true, false) };
    match parent.kind() {
        "update_expression" => (true, true),
        "assignment_expression" if parent.child_by_field_name("left") == Some(n) => {
            let plain = parent.child_by_field_name("operator").is_none_or(|o| o.kind() == "=");
            // The value of an assignment that something uses counts as a read.
            let used =
                parent.parent().is_some_and(|p| p.kind() != "expression_statement" && p.kind() != "for_statement");
            (!plain || used, true)
        }
        _ => (true, false),
    }
}
