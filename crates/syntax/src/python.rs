//! Python trees: parsing and searches by span.

use ruff_python_ast::visitor::source_order::{
    SourceOrderVisitor, TraversalSignal, walk_expr, walk_node, walk_pattern, walk_stmt,
};
use ruff_python_ast::{AnyNodeRef, Expr, ModModule, Pattern, PySourceType, Stmt};
use ruff_python_parser::{Parsed, parse_unchecked_source};
use ruff_text_size::{Ranged, TextRange, TextSize};
use surefix_text::Span;

/// Stack that must be free before a level of recursion, and what is added when it is not.
const RED_ZONE: usize = 128 * 1024;
const GROWTH: usize = 2 * 1024 * 1024;

/// Parses `text`; errors are in the result, the tree covers what could be read.
///
/// The parser survives any nesting depth, but dropping the tree recurses: run parse, use and drop inside [`deep`].
pub fn parse(text: &str) -> Parsed<ModModule> {
    parse_unchecked_source(text, PySourceType::Python)
}

/// Runs `f` on a stack that is large enough to drop the tree of `text`. Costs nothing for ordinary files.
pub fn deep<R>(text: &str, f: impl FnOnce() -> R) -> R {
    // A tree is at most as deep as its longest logical line has bytes (indentation is part of that line), and dropping
    // one level takes well under 512 bytes of stack. The cap is address space, not memory.
    let bound = longest_run(text).saturating_mul(512);
    if bound <= RED_ZONE * 4 { f() } else { stacker::maybe_grow(bound.min(1 << 29), bound.min(1 << 29), f) }
}

/// Bytes of the longest logical line, estimated from above: lines inside brackets, strings or after a backslash are joined.
fn longest_run(text: &str) -> usize {
    let pieces = crate::comments::pieces(surefix_ir::Lang::Python, text);
    let masked = crate::comments::mask(text, &pieces);
    let (mut depth, mut start, mut best, mut previous) = (0u32, 0usize, 0usize, b'\n');
    for (i, &b) in masked.iter().enumerate() {
        match b {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'\n' | b'\r' if depth == 0 && previous != b'\\' => {
                best = best.max(i - start);
                start = i + 1;
            }
            _ => {}
        }
        previous = b;
    }
    best.max(masked.len() - start)
}

/// The bytes of anything with a range.
pub fn span_of(node: &impl Ranged) -> Span {
    let r = node.range();
    Span::new(r.start().to_u32(), r.end().to_u32())
}

fn range(span: Span) -> Option<TextRange> {
    (span.lo <= span.hi).then(|| TextRange::new(TextSize::new(span.lo), TextSize::new(span.hi)))
}

/// Every node that covers `span`, from the module inwards.
pub fn path_to(module: &ModModule, span: Span) -> Vec<AnyNodeRef<'_>> {
    let Some(range) = range(span) else { return Vec::new() };
    let mut finder = Finder { range, path: Vec::new(), done: false };
    walk_node(&mut finder, AnyNodeRef::from(module));
    finder.path
}

/// The expression at exactly `span` (parentheses around it not counted); the outermost if several share their bytes.
pub fn expr_at(module: &ModModule, span: Span) -> Option<&Expr> {
    search(module, span, |n| if span_of(n) == span { Pick::Take } else { Pick::Pass }, |_| Pick::Pass).0
}

/// The smallest expression that covers `span`.
pub fn covering_expr(module: &ModModule, span: Span) -> Option<&Expr> {
    search(module, span, |_| Pick::Better, |_| Pick::Pass).0
}

/// The statement at exactly `span`; the outermost if several share their bytes.
pub fn stmt_at(module: &ModModule, span: Span) -> Option<&Stmt> {
    search(module, span, |_| Pick::Pass, |n| if span_of(n) == span { Pick::Take } else { Pick::Pass }).1
}

/// The smallest statement that covers `span`.
pub fn covering_stmt(module: &ModModule, span: Span) -> Option<&Stmt> {
    search(module, span, |_| Pick::Pass, |_| Pick::Better).1
}

enum Pick {
    Pass,
    Better,
    Take,
}

fn search<'a>(
    module: &'a ModModule,
    span: Span,
    expr: impl Fn(&'a Expr) -> Pick,
    stmt: impl Fn(&'a Stmt) -> Pick,
) -> (Option<&'a Expr>, Option<&'a Stmt>) {
    let Some(range) = range(span) else { return (None, None) };
    let mut s = Search { range, expr, stmt, found: (None, None), done: false };
    walk_node(&mut s, AnyNodeRef::from(module));
    s.found
}

struct Search<'a, E, S> {
    range: TextRange,
    expr: E,
    stmt: S,
    found: (Option<&'a Expr>, Option<&'a Stmt>),
    done: bool,
}

impl<'a, E: Fn(&'a Expr) -> Pick, S: Fn(&'a Stmt) -> Pick> SourceOrderVisitor<'a> for Search<'a, E, S> {
    fn enter_node(&mut self, node: AnyNodeRef<'a>) -> TraversalSignal {
        signal(!self.done && node.range().contains_range(self.range))
    }

    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        if self.done || !stmt.range().contains_range(self.range) {
            return;
        }
        let pick = (self.stmt)(stmt);
        if !matches!(pick, Pick::Pass) {
            self.found.1 = Some(stmt);
        }
        self.done = matches!(pick, Pick::Take);
        guarded(|| walk_stmt(self, stmt));
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        if self.done || !expr.range().contains_range(self.range) {
            return;
        }
        let pick = (self.expr)(expr);
        if !matches!(pick, Pick::Pass) {
            self.found.0 = Some(expr);
        }
        self.done = matches!(pick, Pick::Take);
        guarded(|| walk_expr(self, expr));
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        guarded(|| walk_pattern(self, pattern));
    }
}

struct Finder<'a> {
    range: TextRange,
    path: Vec<AnyNodeRef<'a>>,
    done: bool,
}

impl<'a> SourceOrderVisitor<'a> for Finder<'a> {
    fn enter_node(&mut self, node: AnyNodeRef<'a>) -> TraversalSignal {
        let inside = !self.done && node.range().contains_range(self.range);
        if inside {
            self.path.push(node);
        }
        signal(inside)
    }

    fn leave_node(&mut self, node: AnyNodeRef<'a>) {
        // The first node left after being entered is the innermost; its ancestors are the path.
        self.done |= self.path.last().is_some_and(|n| n.ptr_eq(node));
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

fn signal(into: bool) -> TraversalSignal {
    if into { TraversalSignal::Traverse } else { TraversalSignal::Skip }
}

fn guarded(f: impl FnOnce()) {
    stacker::maybe_grow(RED_ZONE, GROWTH, f);
}
