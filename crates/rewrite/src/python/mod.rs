//! Python: one file, its tree, and what a recipe asks about places in it.

mod args;
mod expr;
mod imports;
mod names;
mod stdlib;
mod stmts;

pub use args::Arg;
pub use names::{PyUses, Write};
pub use stmts::suite_around;

use crate::java::{comments_in, fresh};
use crate::layout::{self, no};
use ruff_python_ast::visitor::source_order::{
    SourceOrderVisitor, TraversalSignal, walk_expr, walk_node, walk_pattern, walk_stmt,
};
use ruff_python_ast::{AnyNodeRef, Expr, ModModule, Pattern, Stmt};
use ruff_python_parser::Parsed;
use ruff_text_size::{Ranged, TextRange};
use std::cell::OnceCell;
use std::collections::BTreeSet;
use surefix_ir::Module;
use surefix_syntax::{Lang, Piece, Quote, Style, comments, python};
use surefix_text::{Edit, FileId, Reason, Refusal, Span};

/// One Python file as recipes see it. Cheap to make: the tree is parsed when it is first asked for.
pub struct PyCx<'a> {
    /// The file.
    pub file: FileId,
    /// Its text.
    pub text: &'a str,
    /// Its module.
    pub module: &'a Module,
    parsed: OnceCell<Parsed<ModModule>>,
    pieces: OnceCell<Vec<Piece>>,
    style: OnceCell<Style>,
}

impl Drop for PyCx<'_> {
    fn drop(&mut self) {
        // Dropping a tree recurses as deep as the code is nested.
        if let Some(parsed) = self.parsed.take() {
            python::deep(self.text, || drop(parsed));
        }
    }
}

impl<'a> PyCx<'a> {
    /// A context for the file.
    pub fn new(file: FileId, text: &'a str, module: &'a Module) -> PyCx<'a> {
        PyCx { file, text, module, parsed: OnceCell::new(), pieces: OnceCell::new(), style: OnceCell::new() }
    }

    /// The parse: tree, tokens, errors.
    pub fn parsed(&self) -> &Parsed<ModModule> {
        self.parsed.get_or_init(|| python::parse(self.text))
    }

    /// The tree.
    pub fn tree(&self) -> &ModModule {
        self.parsed().syntax()
    }

    /// The expression at exactly `span`, parentheses around it not counted.
    pub fn expr_at(&self, span: Span) -> Option<&Expr> {
        python::expr_at(self.tree(), span)
    }

    /// The smallest expression that covers `span`.
    pub fn covering_expr(&self, span: Span) -> Option<&Expr> {
        python::covering_expr(self.tree(), span)
    }

    /// The smallest statement that covers `span`.
    pub fn covering_stmt(&self, span: Span) -> Option<&Stmt> {
        python::covering_stmt(self.tree(), span)
    }

    /// Every node that covers `span`, from the module inwards.
    pub fn path_to(&self, span: Span) -> Vec<AnyNodeRef<'_>> {
        python::path_to(self.tree(), span)
    }

    /// The source text of a span.
    pub fn expr_text(&self, span: Span) -> &'a str {
        span.of(self.text)
    }

    /// The statement around `span`; says nothing about whether code may be moved in front of it: see [`PyCx::hoist_point`].
    pub fn stmt_of(&self, span: Span) -> Option<Span> {
        self.covering_stmt(span).map(python::span_of)
    }

    /// The innermost function whose body holds `span`.
    pub fn function_of(&self, span: Span) -> Option<Span> {
        self.scopes(span).into_iter().rev().find_map(|n| match n {
            AnyNodeRef::StmtFunctionDef(f) => Some(python::span_of(f)),
            _ => None,
        })
    }

    /// The innermost class whose body holds `span`.
    pub fn class_of(&self, span: Span) -> Option<Span> {
        self.scopes(span).into_iter().rev().find_map(|n| match n {
            AnyNodeRef::StmtClassDef(c) => Some(python::span_of(c)),
            _ => None,
        })
    }

    /// True when `span` stands in an `async def`.
    pub fn is_async_at(&self, span: Span) -> bool {
        let inner = self.scopes(span).into_iter().rev().find(|n| matches!(n, AnyNodeRef::StmtFunctionDef(_)));
        matches!(inner, Some(AnyNodeRef::StmtFunctionDef(f)) if f.is_async)
    }

    /// Functions, classes and lambdas whose bodies hold `span`, outermost first.
    pub(crate) fn scopes(&self, span: Span) -> Vec<AnyNodeRef<'_>> {
        let from = |body: &[Stmt]| body.first().is_some_and(|s| python::span_of(s).lo <= span.lo);
        let mut path = self.path_to(span);
        path.retain(|n| match n {
            AnyNodeRef::StmtFunctionDef(f) => from(&f.body),
            AnyNodeRef::StmtClassDef(c) => from(&c.body),
            AnyNodeRef::ExprLambda(l) => python::span_of(&*l.body).contains(span),
            _ => false,
        });
        path
    }

    /// The file's line ending near `at`.
    pub fn eol_at(&self, at: u32) -> &'static str {
        layout::eol_at(self.text, at)
    }

    /// The blanks at the start of the line of `at`.
    pub fn indent_at(&self, at: u32) -> &'a str {
        layout::indent_at(self.text, at)
    }

    fn style(&self) -> &Style {
        self.style.get_or_init(|| Style::detect(Lang::Python, self.text))
    }

    /// One level of indentation in this file.
    pub fn indent_unit(&self) -> &'static str {
        self.style().indent.unit()
    }

    /// The quotes this file prefers.
    pub fn quote(&self) -> Quote {
        self.style().quote
    }

    /// A string literal for `text` in the file's quotes; the other quotes where that saves escapes.
    pub fn string_literal(&self, text: &str) -> String {
        let mut q = self.quote().char();
        let other = if q == '"' { '\'' } else { '"' };
        if text.contains(q) && !text.contains(other) {
            q = other;
        }
        let empty: String = [q, q].iter().collect();
        let body = crate::literal::escape_for(Lang::Python, &empty, text).unwrap_or_default();
        format!("{q}{body}{q}")
    }

    pub(crate) fn pieces(&self) -> &[Piece] {
        self.pieces.get_or_init(|| comments::pieces(Lang::Python, self.text))
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

    /// Refuses with `error-region` when the file has a syntax error: Python's parser cannot tell how far one reaches.
    pub fn no_error_at(&self, span: Span) -> Result<(), Refusal> {
        let near = |r: TextRange| {
            let line = Span::new(layout::line_start(self.text, span.lo), layout::line_end(self.text, span.hi));
            line.lo <= r.end().to_u32() && r.start().to_u32() <= line.hi
        };
        match self.parsed().errors().iter().any(|e| near(e.location)) {
            true => no(Reason::ErrorRegion, "the code stands in or next to a syntax error"),
            false => Ok(()),
        }
    }

    /// A name that the file does not use: `base`, `base2`, … Names in `edits` count too.
    pub fn fresh_name(&self, base: &str, edits: &[Edit]) -> String {
        let word = |c: char| !(c.is_alphanumeric() || c == '_');
        let mut taken: BTreeSet<&str> = self.text.split(word).collect();
        for e in edits.iter().filter(|e| e.file == self.file) {
            taken.extend(e.text.split(word));
        }
        fresh(base, |n| taken.contains(n) || stdlib::is_reserved(n))
    }

    /// The tokens of a string expression: one, or several where literals stand side by side.
    pub fn literal_tokens(&self, span: Span) -> Vec<Span> {
        match self.expr_at(span) {
            Some(Expr::StringLiteral(s)) => s.value.iter().map(python::span_of).collect(),
            Some(Expr::BytesLiteral(s)) => s.value.iter().map(python::span_of).collect(),
            Some(Expr::FString(s)) => s.value.iter().map(python::span_of).collect(),
            _ => Vec::new(),
        }
    }
}

/// Calls `f` for `node` and every node below it in source order; a `false` skips the children.
pub fn walk<'t>(node: AnyNodeRef<'t>, f: &mut impl FnMut(AnyNodeRef<'t>) -> bool) {
    walk_node(&mut Walker(f), node);
}

struct Walker<'f, F>(&'f mut F);

impl<'a, F: FnMut(AnyNodeRef<'a>) -> bool> SourceOrderVisitor<'a> for Walker<'_, F> {
    fn enter_node(&mut self, node: AnyNodeRef<'a>) -> TraversalSignal {
        if (self.0)(node) { TraversalSignal::Traverse } else { TraversalSignal::Skip }
    }
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        guarded(|| walk_stmt(self, stmt));
    }
    fn visit_expr(&mut self, expr: &'a Expr) {
        guarded(|| walk_expr(self, expr));
    }
    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        guarded(|| walk_pattern(self, pattern));
    }
}

fn guarded(f: impl FnOnce()) {
    stacker::maybe_grow(128 * 1024, 2 * 1024 * 1024, f);
}

/// The span of a node.
pub(crate) fn span(node: AnyNodeRef<'_>) -> Span {
    let r = node.range();
    Span::new(r.start().to_u32(), r.end().to_u32())
}
