//! Java trees: parsing and searches by span.

use std::cell::RefCell;
use surefix_text::Span;
use tree_sitter::{Node, Parser, Tree};

thread_local! {
    static PARSER: RefCell<Parser> = RefCell::new(parser());
    /// The latest first.
    static LAST: RefCell<Vec<(String, Tree)>> = const { RefCell::new(Vec::new()) };
}

/// A text before and after a fix.
const KEPT: usize = 2;

fn parser() -> Parser {
    let mut parser = Parser::new();
    // The grammar is linked into the binary: whether it fits is decided at build time, and by every test of this file.
    parser.set_language(&tree_sitter_java::LANGUAGE.into()).expect("the linked Java grammar fits the linked parser");
    parser
}

/// Parses `text`; syntax errors become error nodes of the tree. Any nesting depth is survived; walk the tree with a cursor.
pub fn parse(text: &str) -> Tree {
    // The parser answers `None` only without a language or after a cancellation, and nothing cancels it.
    let parse = |text: &str| {
        PARSER.with_borrow_mut(|p| p.parse(text, None)).expect("a parse that nothing cancels ends with a tree")
    };
    let tree = parse(text);
    if !tree.root_node().has_error() {
        return tree;
    }
    match respelled(text) {
        Some(other) => parse(&other),
        None => tree,
    }
}

/// The text with what the grammar lacks spelled in another way that means the same and is as long: octal literals with an underscore behind
/// the zero (`0_17`, Java Language Specification 3.10.1) and blanks between `@` and `interface` (9.6).
fn respelled(text: &str) -> Option<String> {
    let pieces = crate::comments::pieces(surefix_ir::Lang::Java, text);
    let code = crate::comments::mask(text, &pieces);
    let mut out = text.as_bytes().to_vec();
    let mut changed = false;
    for (i, b) in code.iter().enumerate() {
        let word = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$' | b'.'));
        let before = i.checked_sub(1).and_then(|i| code.get(i));
        if *b == b'0' && !word(before) {
            let underscores = code[i + 1..].iter().take_while(|b| **b == b'_').count();
            if code.get(i + 1 + underscores).is_some_and(u8::is_ascii_digit) {
                out[i + 1..=i + underscores].fill(b'0');
                changed |= underscores > 0;
            }
        }
        if *b == b'@' {
            let blanks = code[i + 1..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
            let rest = &code[i + 1 + blanks..];
            if blanks > 0 && rest.starts_with(b"interface") && !word(rest.get(9)) {
                out[i] = b' ';
                out[i + blanks] = b'@';
                changed = true;
            }
        }
    }
    // Only ASCII bytes took the place of others.
    changed.then(|| String::from_utf8(out).ok()).flatten()
}

/// As [`parse`], for a text that is looked at again and again: each thread keeps the trees of the last texts it was asked for.
pub fn parse_kept(text: &str) -> Tree {
    LAST.with_borrow_mut(|last| match last.iter().position(|(t, _)| t == text) {
        Some(at) => {
            last[..=at].rotate_right(1);
            last[0].1.clone()
        }
        None => {
            let tree = parse(text);
            last.truncate(KEPT - 1);
            last.insert(0, (text.to_string(), tree.clone()));
            tree
        }
    })
}

/// The bytes of a node.
pub fn span_of(node: Node<'_>) -> Span {
    let r = node.byte_range();
    Span::new(u32::try_from(r.start).unwrap_or(u32::MAX), u32::try_from(r.end).unwrap_or(u32::MAX))
}

/// The smallest named node that covers `span`.
pub fn covering(tree: &Tree, span: Span) -> Option<Node<'_>> {
    if span.lo > span.hi {
        return None;
    }
    tree.root_node().named_descendant_for_byte_range(span.lo as usize, span.hi as usize)
}

/// The innermost named node at exactly `span`.
pub fn node_at(tree: &Tree, span: Span) -> Option<Node<'_>> {
    covering(tree, span).filter(|n| span_of(*n) == span)
}

/// The node of a kind at exactly `span`, where several nodes share their bytes.
pub fn node_of_kind<'t>(tree: &'t Tree, span: Span, kind: &str) -> Option<Node<'t>> {
    let mut node = node_at(tree, span);
    while let Some(n) = node.filter(|n| span_of(*n) == span) {
        if n.kind() == kind {
            return Some(n);
        }
        node = n.parent();
    }
    None
}

/// The closest node around (or at) `node` that `wanted` accepts.
pub fn enclosing<'t>(node: Node<'t>, wanted: impl Fn(Node<'t>) -> bool) -> Option<Node<'t>> {
    let mut at = Some(node);
    while let Some(n) = at {
        if wanted(n) {
            return Some(n);
        }
        at = n.parent();
    }
    None
}

/// The closest statement or local declaration around `node`, blocks not counted.
pub fn statement(node: Node<'_>) -> Option<Node<'_>> {
    enclosing(node, |n| {
        n.kind().ends_with("_statement")
            || matches!(n.kind(), "local_variable_declaration" | "explicit_constructor_invocation")
    })
}

/// Calls `f` for every named node in source order; a `false` skips the node's children. Does not recurse.
pub fn walk<'t>(root: Node<'t>, f: &mut impl FnMut(Node<'t>) -> bool) {
    let mut cursor = root.walk();
    loop {
        let node = cursor.node();
        let into = !node.is_named() || f(node);
        if into && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return;
            }
        }
    }
}

/// True when a syntax error touches `span`.
pub fn error_in(tree: &Tree, span: Span) -> bool {
    if !tree.root_node().has_error() {
        return false;
    }
    let mut found = false;
    walk(tree.root_node(), &mut |n| {
        let s = span_of(n);
        let near = s.lo <= span.hi && span.lo <= s.hi;
        found |= near && (n.is_error() || n.is_missing());
        near && n.has_error() && !found
    });
    // A missing token (`;`) is not a named node: only the flag of the node around it tells.
    found || covering(tree, span).is_some_and(|n| n.has_error())
}
