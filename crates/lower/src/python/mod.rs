//! Python front end: the tree of ruff's parser becomes the IR of a file in two walks.
//!
//! The first walk ([`scope`]) finds what each name is: local, captured, global. The second lowers. Conventions beyond
//! the IR's own contract:
//!
//! - Whether an iteration goes on is an [`Op::Unknown`](surefix_ir::Op::Unknown) without operands.
//! - A comprehension is a loop; its value joins an empty aggregate (no iteration) and one with the element as its only
//!   item. Both have the comprehension's span, and so has the copy that is its value.
//! - Operands of concatenations, templates and displays that are plain variables are copies with the operand's span.
//! - A method of a local class that captures variables is also stored in the class as a closure.
//! - Names bound by nothing but imports or `class` statements are no local variables, not even inside functions.

mod call;
mod class;
mod comp;
mod cond;
mod def;
mod env;
mod expr;
mod flow;
mod pattern;
mod scope;
mod stmt;
mod text;
mod types;

use crate::Input;
use env::{ClassCtx, FnCtx};
use ruff_python_ast::token::TokenKind;
use ruff_python_ast::{ModModule, PySourceType};
use ruff_python_parser::{Parsed, parse_unchecked_source};
use ruff_text_size::Ranged;
use rustc_hash::FxHashMap;
use scope::Scopes;
use surefix_ir::build::FnBuilder;
use surefix_ir::{Class, ClassId, FnId, Function, Import, Interner, Lang, LowerDiagnostic, Module, Sym, flags};
use surefix_text::Span;

/// Above this many bytes a file gets a stack of its own, because the SSA builder recurses over joins.
const BIG_FILE: usize = 8 << 10;
/// Bytes of stack for each byte of a big file, and the most that is taken.
const STACK_PER_BYTE: usize = 100;
const MAX_STACK: usize = 512 << 20;
/// Levels of nesting above which a file is refused, and the stack that dropping one level of a tree may take.
const MAX_DEPTH: usize = 30_000;
const STACK_PER_LEVEL: usize = 2 << 10;
/// Depth that needs no more stack than every thread has.
const SHALLOW: usize = 200;

/// Lowers one Python file.
pub fn lower(input: &Input<'_>) -> Module {
    let size = input.text.len();
    let whole = Span::new(0, u32::try_from(size).unwrap_or(u32::MAX));
    if u32::try_from(size).is_err() {
        return refused(input, whole, "file too large");
    }
    let parsed = parse_unchecked_source(input.text, PySourceType::Python);
    let depth = depth(&parsed);
    if depth > MAX_DEPTH {
        // Dropping recurses as deep as the tree is: more than any stack holds.
        std::mem::forget(parsed);
        return refused(input, whole, "nested too deeply");
    }
    if size <= BIG_FILE && depth <= SHALLOW {
        return lower_here(input, parsed);
    }
    let stack = size.saturating_mul(STACK_PER_BYTE).max(depth * STACK_PER_LEVEL).clamp(4 << 20, MAX_STACK);
    stacker::grow(stack, || lower_here(input, parsed))
}

/// The module of a file that is not looked into.
fn refused(input: &Input<'_>, whole: Span, what: &str) -> Module {
    let mut module = empty(input, Interner::default());
    module.diagnostics.push(LowerDiagnostic { span: whole, what: what.to_owned() });
    module.error_spans.push(whole);
    module
}

fn empty(input: &Input<'_>, mut strings: Interner) -> Module {
    let name = strings.intern(input.module);
    Module {
        lang: Lang::Python,
        name,
        is_package: input.is_package,
        strings,
        imports: Vec::new(),
        classes: Vec::new(),
        functions: Vec::new(),
        init: None,
        diagnostics: Vec::new(),
        error_spans: Vec::new(),
        lines: input.text.lines().count() as u32,
    }
}

/// An upper bound of the depth of the tree, from its tokens: everything between two commas of a bracket may nest.
fn depth(parsed: &Parsed<ModModule>) -> usize {
    let (mut open, mut here, mut total, mut indent, mut best) = (Vec::new(), 0usize, 0usize, 0usize, 0usize);
    for token in parsed.tokens() {
        match token.kind() {
            TokenKind::Name | TokenKind::String | TokenKind::Int | TokenKind::Float | TokenKind::Complex => {}
            TokenKind::Comment | TokenKind::NonLogicalNewline | TokenKind::FStringMiddle => {}
            TokenKind::Comma => {
                total -= here;
                here = 0;
            }
            TokenKind::Newline => {
                open.clear();
                (here, total) = (0, 0);
            }
            TokenKind::Indent => indent += 1,
            TokenKind::Dedent => indent = indent.saturating_sub(1),
            TokenKind::Lpar
            | TokenKind::Lsqb
            | TokenKind::Lbrace
            | TokenKind::FStringStart
            | TokenKind::TStringStart => {
                total += 1;
                open.push(here + 1);
                here = 0;
            }
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace | TokenKind::FStringEnd | TokenKind::TStringEnd => {
                if let Some(outer) = open.pop() {
                    total -= here;
                    here = outer;
                }
            }
            _ => {
                here += 1;
                total += 1;
            }
        }
        best = best.max(total + 4 * indent);
    }
    best
}

fn lower_here(input: &Input<'_>, parsed: Parsed<ModModule>) -> Module {
    let mut strings = Interner::default();
    strings.intern(input.module);
    let mut low = Low {
        src: input.text,
        scopes: Scopes::default(),
        module: input.module,
        is_package: input.is_package,
        strings,
        imports: Vec::new(),
        classes: Vec::new(),
        functions: Vec::new(),
        diagnostics: Vec::new(),
        fns: Vec::new(),
        cls: Vec::new(),
        fns_done: FxHashMap::default(),
        classes_done: FxHashMap::default(),
    };
    low.scopes = scope::find(parsed.syntax(), &mut low.strings);
    low.module_body(parsed.syntax());
    low.finish(input, &parsed)
}

/// State of lowering one file.
struct Low<'a> {
    src: &'a str,
    scopes: Scopes,
    module: &'a str,
    is_package: bool,
    strings: Interner,
    imports: Vec<Import>,
    classes: Vec<Class>,
    functions: Vec<Option<Function>>,
    diagnostics: Vec<LowerDiagnostic>,
    /// Functions being lowered, innermost last.
    fns: Vec<FnCtx<'a>>,
    /// Classes whose bodies are being lowered, innermost last.
    cls: Vec<ClassCtx>,
    /// Functions by node: code that is lowered twice (`finally`) declares each function once.
    fns_done: FxHashMap<usize, FnId>,
    /// Classes by node, likewise.
    classes_done: FxHashMap<usize, ClassId>,
}

impl<'a> Low<'a> {
    fn diagnose(&mut self, span: Span, what: &str) {
        self.diagnostics.push(LowerDiagnostic { span, what: what.to_owned() });
    }

    fn finish(mut self, input: &Input<'_>, parsed: &Parsed<ModModule>) -> Module {
        let end = u32::try_from(input.text.len()).unwrap_or(u32::MAX);
        let mut errors: Vec<Span> = parsed.errors().iter().map(|e| span(&e.location)).collect();
        for s in &mut errors {
            *s = Span::new(s.lo.min(end), s.hi.min(end));
        }
        errors.sort();
        let mut merged: Vec<Span> = Vec::new();
        for s in errors {
            match merged.last_mut() {
                Some(last) if s.lo <= last.hi => *last = last.to(s),
                _ => merged.push(s),
            }
        }
        for s in &merged {
            self.diagnose(*s, "syntax error");
        }
        let mut functions: Vec<Function> = Vec::with_capacity(self.functions.len());
        for f in self.functions {
            // Every reserved function is filled; an empty one keeps the numbering should that ever fail.
            functions.push(f.unwrap_or_else(|| FnBuilder::new(Sym::EMPTY, Sym::EMPTY, Span::default()).finish()));
        }
        if !merged.is_empty() {
            for f in &mut functions {
                // Spans are sorted and disjoint: the first one that ends behind the start decides.
                let at = merged.partition_point(|e| e.hi < f.span.lo);
                if merged.get(at).is_some_and(|e| e.lo <= f.span.hi) {
                    f.flags |= flags::PARTIAL;
                }
            }
        }
        let mut module = empty(input, self.strings);
        module.init = (!functions.is_empty()).then_some(FnId(0));
        module.imports = self.imports;
        module.classes = self.classes;
        module.functions = functions;
        module.diagnostics = self.diagnostics;
        module.error_spans = merged;
        module
    }
}

/// The bytes of a node.
fn span(node: &impl Ranged) -> Span {
    let r = node.range();
    Span::new(r.start().to_u32(), r.end().to_u32())
}

/// The identity of a node, for look-ups only.
fn key<T>(node: &T) -> usize {
    std::ptr::from_ref(node) as usize
}

/// Runs `f` with enough stack for one level of recursion.
fn deep<R>(f: impl FnOnce() -> R) -> R {
    stacker::maybe_grow(128 * 1024, 4 * 1024 * 1024, f)
}
