//! Java: one file, its tree, and what a recipe asks about places in it.

mod args;
mod expr;
mod imports;
pub mod locals;
mod stmts;
mod throws;

use crate::layout::{self, no};
use std::cell::OnceCell;
use std::collections::BTreeSet;
use surefix_ir::Module;
use surefix_syntax::{Lang, Piece, Style, comments, java};
use surefix_text::{FileId, Reason, Refusal, Span};
use tree_sitter::{Node, Tree};

/// True for the simple names of types that the package declares in other files.
type Declares<'a> = Box<dyn Fn(&str) -> bool + 'a>;

/// One Java file as recipes see it. Cheap to make: the tree is parsed when it is first asked for.
pub struct JavaCx<'a> {
    /// The file.
    pub file: FileId,
    /// Its text.
    pub text: &'a str,
    /// Its module.
    pub module: &'a Module,
    declares: Declares<'a>,
    tree: OnceCell<Tree>,
    pieces: OnceCell<Vec<Piece>>,
    style: OnceCell<Style>,
}

/// True for nodes that declare a type.
pub fn is_type_decl(kind: &str) -> bool {
    matches!(
        kind,
        "class_declaration"
            | "interface_declaration"
            | "enum_declaration"
            | "record_declaration"
            | "annotation_type_declaration"
    )
}

/// True for nodes that hold a body of statements which belong to a type: methods, constructors, initialisers.
pub fn is_method_like(kind: &str) -> bool {
    matches!(
        kind,
        "method_declaration" | "constructor_declaration" | "compact_constructor_declaration" | "static_initializer"
    )
}

impl<'a> JavaCx<'a> {
    /// A context for the file.
    pub fn new(file: FileId, text: &'a str, module: &'a Module) -> JavaCx<'a> {
        JavaCx {
            file,
            text,
            module,
            declares: Box::new(|_| false),
            tree: OnceCell::new(),
            pieces: OnceCell::new(),
            style: OnceCell::new(),
        }
    }

    /// Tells which simple names are types that other files of the same package declare, so that imports cannot hide them.
    /// Asked only when an import is needed.
    pub fn with_package_types(mut self, declares: impl Fn(&str) -> bool + 'a) -> JavaCx<'a> {
        self.declares = Box::new(declares);
        self
    }

    /// The tree.
    pub fn tree(&self) -> &Tree {
        self.tree.get_or_init(|| java::parse_kept(self.text))
    }

    /// The root node.
    pub fn root(&self) -> Node<'_> {
        self.tree().root_node()
    }

    /// The innermost named node at exactly `span`.
    pub fn node_at(&self, span: Span) -> Option<Node<'_>> {
        java::node_at(self.tree(), span)
    }

    /// The smallest named node that covers `span`.
    pub fn covering(&self, span: Span) -> Option<Node<'_>> {
        java::covering(self.tree(), span)
    }

    /// The source text of a node.
    pub fn node_text(&self, node: Node<'_>) -> &'a str {
        java::span_of(node).of(self.text)
    }

    /// The source text of a span.
    pub fn expr_text(&self, span: Span) -> &'a str {
        span.of(self.text)
    }

    /// The statement around `span`: the closest statement, local variable declaration or explicit constructor call. Says
    /// nothing about whether code may be moved in front of it: see [`JavaCx::hoist_point`].
    pub fn stmt_of(&self, span: Span) -> Option<Span> {
        self.stmt_node(span).map(java::span_of)
    }

    pub(crate) fn stmt_node(&self, span: Span) -> Option<Node<'_>> {
        let node = self.covering(span)?;
        let found = java::enclosing(node, |n| {
            java::statement(n) == Some(n)
                || is_method_like(n.kind())
                || (n.kind() == "switch_expression" && n.parent().is_some_and(|p| stmts::holds_statements(p.kind())))
        })?;
        (!is_method_like(found.kind())).then_some(found)
    }

    /// The method, constructor or initialiser around `span` (not a lambda).
    pub fn method_of(&self, span: Span) -> Option<Node<'_>> {
        java::enclosing(self.covering(span)?, |n| {
            is_method_like(n.kind()) || (n.kind() == "block" && n.parent().is_some_and(|p| p.kind() == "class_body"))
        })
    }

    /// The bytes of [`JavaCx::method_of`].
    pub fn method_span(&self, span: Span) -> Option<Span> {
        self.method_of(span).map(java::span_of)
    }

    /// The innermost type declaration or anonymous class body around `span`.
    pub fn class_of(&self, span: Span) -> Option<Node<'_>> {
        java::enclosing(self.covering(span)?, |n| {
            is_type_decl(n.kind())
                || (n.kind() == "class_body" && n.parent().is_some_and(|p| p.kind() == "object_creation_expression"))
        })
    }

    /// The bytes of [`JavaCx::class_of`].
    pub fn class_span(&self, span: Span) -> Option<Span> {
        self.class_of(span).map(java::span_of)
    }

    /// The declared return type of the method around `span` as written; `None` in constructors, initialisers and lambdas.
    pub fn return_type(&self, span: Span) -> Option<&'a str> {
        let at =
            java::enclosing(self.covering(span)?, |n| is_method_like(n.kind()) || n.kind() == "lambda_expression")?;
        Some(self.node_text(at.child_by_field_name("type")?))
    }

    /// The name of the method around `span`.
    pub fn method_name(&self, span: Span) -> Option<&'a str> {
        Some(self.node_text(self.method_of(span)?.child_by_field_name("name")?))
    }

    /// True when `span` stands in a static method, static initialiser or static field's initialiser.
    pub fn is_static_at(&self, span: Span) -> bool {
        let Some(node) = self.covering(span) else { return false };
        let member = java::enclosing(node, |n| is_method_like(n.kind()) || n.kind() == "field_declaration");
        let Some(member) = member else { return false };
        let mut cursor = member.walk();
        member.kind() == "static_initializer"
            || member
                .children(&mut cursor)
                .filter(|c| c.kind() == "modifiers")
                .any(|m| self.node_text(m).split_whitespace().any(|w| w == "static"))
    }

    /// The file's line ending near `at`.
    pub fn eol_at(&self, at: u32) -> &'static str {
        layout::eol_at(self.text, at)
    }

    /// The blanks at the start of the line of `at`.
    pub fn indent_at(&self, at: u32) -> &'a str {
        layout::indent_at(self.text, at)
    }

    /// One level of indentation in this file.
    pub fn indent_unit(&self) -> &'static str {
        self.style.get_or_init(|| Style::detect(Lang::Java, self.text)).indent.unit()
    }

    /// A Java string literal for `text`, quotes included.
    pub fn string_literal(&self, text: &str) -> String {
        string_literal(text)
    }

    pub(crate) fn pieces(&self) -> &[Piece] {
        self.pieces.get_or_init(|| comments::pieces(Lang::Java, self.text))
    }

    /// The comments that overlap `span`.
    pub fn comments_in(&self, span: Span) -> Vec<Span> {
        comments_in(self.pieces(), span)
    }

    /// Refuses with `comment-inside` when a comment stands in `span`.
    pub fn no_comment_inside(&self, span: Span) -> Result<(), Refusal> {
        match self.comments_in(span).first() {
            Some(_) => no(Reason::CommentInside, "a comment stands inside the code that would be replaced"),
            None => Ok(()),
        }
    }

    /// Refuses with `error-region` when a syntax error touches `span`.
    pub fn no_error_at(&self, span: Span) -> Result<(), Refusal> {
        if java::error_in(self.tree(), span) {
            return no(Reason::ErrorRegion, "the code stands in or next to a syntax error");
        }
        Ok(())
    }

    /// A name that nothing in the method around `near` and no field of the types around it uses: `base`, or `base2`, `base3`
    /// and so on. Names in `edits` count too, so that several names can be asked for in one fix.
    pub fn fresh_name(&self, base: &str, near: Span, edits: &[surefix_text::Edit]) -> String {
        let mut taken: BTreeSet<&str> = BTreeSet::new();
        let around = self.outer_method(near).unwrap_or_else(|| self.root());
        java::walk(around, &mut |n| {
            if matches!(n.kind(), "identifier" | "type_identifier") {
                taken.insert(self.node_text(n));
            }
            true
        });
        let mut class = self.class_of(near);
        while let Some(c) = class {
            let body = if c.kind() == "class_body" { Some(c) } else { c.child_by_field_name("body") };
            let params = c.child_by_field_name("parameters");
            for holder in [body, params].into_iter().flatten() {
                taken.extend(self.member_names(holder));
            }
            class = c.parent().and_then(|p| java::enclosing(p, |n| is_type_decl(n.kind()) || n.kind() == "class_body"));
        }
        let word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        for e in edits.iter().filter(|e| e.file == self.file) {
            taken.extend(e.text.split(|c| !word(c)));
        }
        fresh(base, |n| taken.contains(n) || is_keyword(n))
    }

    /// Names of the fields (or record components) that a body declares.
    fn member_names<'t>(&'t self, body: Node<'t>) -> Vec<&'a str> {
        let mut names = Vec::new();
        let mut cursor = body.walk();
        for member in body.named_children(&mut cursor) {
            match member.kind() {
                "field_declaration" | "constant_declaration" => {
                    let mut c = member.walk();
                    for d in member.children_by_field_name("declarator", &mut c) {
                        names.extend(d.child_by_field_name("name").map(|n| self.node_text(n)));
                    }
                }
                "formal_parameter" | "enum_constant" => {
                    names.extend(member.child_by_field_name("name").map(|n| self.node_text(n)));
                }
                _ => {}
            }
        }
        names
    }

    /// The outermost method around a place: the one whose locals anonymous classes and lambdas inside can see.
    pub(crate) fn outer_method(&self, near: Span) -> Option<Node<'_>> {
        let mut at = Some(self.covering(near)?);
        let mut found = None;
        while let Some(n) = at {
            if is_method_like(n.kind()) || (n.kind() == "block" && n.parent().is_some_and(|p| p.kind() == "class_body"))
            {
                found = Some(n);
            }
            at = n.parent();
        }
        found
    }
}

pub(crate) fn comments_in(pieces: &[Piece], span: Span) -> Vec<Span> {
    let comment = |p: &Piece| match p {
        Piece::Comment(c) if c.span.overlaps(span) => Some(c.span),
        _ => None,
    };
    pieces.iter().filter_map(comment).collect()
}

/// `base`, or the first of `base2`, `base3`, … that is not taken.
pub(crate) fn fresh(base: &str, taken: impl Fn(&str) -> bool) -> String {
    if !taken(base) {
        return base.to_owned();
    }
    let mut n = 2u32;
    loop {
        let name = format!("{base}{n}");
        if !taken(&name) || n == u32::MAX {
            return name;
        }
        n += 1;
    }
}

fn is_keyword(name: &str) -> bool {
    const WORDS: &str = " abstract assert boolean break byte case catch char class const continue default do double else \
        enum extends final finally float for goto if implements import instanceof int interface long native new package \
        private protected public return short static strictfp super switch synchronized this throw throws transient try \
        void volatile while true false null _ var record yield sealed permits ";
    WORDS.contains(&format!(" {name} "))
}

/// A Java string literal for `text`, quotes included.
pub fn string_literal(text: &str) -> String {
    format!("\"{}\"", crate::literal::escape_java(text, false))
}
