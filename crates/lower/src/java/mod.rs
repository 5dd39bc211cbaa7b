//! Java front end: one walk over a tree-sitter tree gives the IR of a file.
//!
//! Names are resolved inside the file only as far as scoping goes (locals, captured locals, fields of the class
//! itself); everything else stays a name for the linker. Two conventions go beyond the IR's own contract:
//!
//! - A lambda in an instance context has a [`ParamKind::This`](surefix_ir::ParamKind::This) parameter that no
//!   argument fills: it is the receiver of the function that creates the lambda.
//! - A local that an anonymous or local class captures is a field `val$name` of its instances, stored right behind
//!   the `new`.

mod class;
mod cond;
mod expr;
mod flow;
mod kinds;
mod lambda;
mod literal;
mod member;
mod name;
mod ops;
mod stmt;
mod switch;
mod types;

use crate::Input;
use kinds::{F, K, Tables};
use name::{ClassCtx, FnCtx};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use surefix_ir::build::FnBuilder;
use surefix_ir::{
    Class, ClassId, FnId, Function, Import, ImportKind, Interner, Lang, LowerDiagnostic, Module, Sym, flags,
};
use surefix_text::Span;
use tree_sitter::{Node, Parser, Tree, TreeCursor};

/// Above this many bytes a file gets a stack of its own, because the SSA builder recurses over joins: the shortest
/// statement with a join takes about ten bytes, a step of the recursion about one kilobyte.
const BIG_FILE: usize = 8 << 10;
/// Bytes of stack for each byte of a big file, and the most that is taken.
const STACK_PER_BYTE: usize = 100;
const MAX_STACK: usize = 512 << 20;

/// Named children of a node.
type Kids<'t> = SmallVec<[Node<'t>; 8]>;

/// Lowers one Java file.
pub fn lower(input: &Input<'_>) -> Module {
    let size = input.text.len();
    if size <= BIG_FILE {
        return lower_here(input);
    }
    let stack = size.saturating_mul(STACK_PER_BYTE).clamp(4 << 20, MAX_STACK);
    stacker::grow(stack, || lower_here(input))
}

fn lower_here(input: &Input<'_>) -> Module {
    let t = Tables::java();
    let mut module = Module {
        lang: Lang::Java,
        name: Sym::EMPTY,
        is_package: false,
        strings: Interner::default(),
        imports: Vec::new(),
        classes: Vec::new(),
        functions: Vec::new(),
        init: None,
        diagnostics: Vec::new(),
        error_spans: Vec::new(),
        lines: input.text.lines().count() as u32,
    };
    let mut parser = Parser::new();
    let tree = parser.set_language(t.language()).ok().and_then(|()| parser.parse(input.text, None));
    let Some(tree) = tree else {
        let span = Span::new(0, u32::try_from(input.text.len()).unwrap_or(u32::MAX));
        module.diagnostics.push(LowerDiagnostic { span, what: "not parsed".to_owned() });
        module.error_spans.push(span);
        return module;
    };
    let mut low = Low::new(input, t, &tree);
    low.program(tree.root_node());
    low.finish(&tree, module)
}

/// State of lowering one file.
struct Low<'t> {
    src: &'t str,
    t: &'static Tables,
    tree: &'t Tree,
    /// Reused for every listing of children.
    cursor: TreeCursor<'t>,
    strings: Interner,
    package: String,
    file_stem: &'t str,
    imports: Vec<Import>,
    classes: Vec<Class>,
    functions: Vec<Option<Function>>,
    diagnostics: Vec<LowerDiagnostic>,
    /// Functions being lowered, innermost last.
    fns: Vec<FnCtx<'t>>,
    /// Classes being lowered, innermost last.
    cls: Vec<ClassCtx>,
    /// Anonymous and local classes by node: a body that is lowered twice (field initialisers, `finally`) declares one class.
    bodies_done: FxHashMap<usize, ClassId>,
    /// Lambdas by node, with the names they capture.
    lambdas_done: FxHashMap<usize, (FnId, Vec<Sym>)>,
    /// Names that anonymous and local classes capture.
    captured: FxHashMap<ClassId, Vec<Sym>>,
    /// Local classes by simple name.
    local_classes: FxHashMap<Sym, ClassId>,
    /// Component names of the file's records, collected on first need.
    records: Option<FxHashMap<Sym, Vec<Sym>>>,
    /// Labels in front of the statement to come.
    labels: SmallVec<[Sym; 1]>,
}

impl<'t> Low<'t> {
    fn new(input: &Input<'t>, t: &'static Tables, tree: &'t Tree) -> Low<'t> {
        let file = input.path.rsplit('/').next().unwrap_or("");
        Low {
            src: input.text,
            t,
            tree,
            cursor: tree.walk(),
            strings: Interner::default(),
            package: String::new(),
            file_stem: file.strip_suffix(".java").unwrap_or(file),
            imports: Vec::new(),
            classes: Vec::new(),
            functions: Vec::new(),
            diagnostics: Vec::new(),
            fns: Vec::new(),
            cls: Vec::new(),
            bodies_done: FxHashMap::default(),
            lambdas_done: FxHashMap::default(),
            captured: FxHashMap::default(),
            local_classes: FxHashMap::default(),
            records: None,
            labels: SmallVec::new(),
        }
    }

    fn kind(&self, n: Node<'t>) -> K {
        self.t.kind(n)
    }

    fn field(&self, n: Node<'t>, f: F) -> Option<Node<'t>> {
        self.t.field(n, f)
    }

    fn text(&self, n: Node<'t>) -> &'t str {
        self.src.get(n.byte_range()).unwrap_or("")
    }

    fn sym(&mut self, n: Node<'t>) -> Sym {
        let text = self.text(n);
        self.strings.intern(text)
    }

    /// Text of a dotted name without white space and comments.
    fn dotted(&mut self, n: Node<'t>) -> String {
        let text = self.text(n);
        if !text.contains(|c: char| c.is_whitespace() || c == '/') {
            return text.to_owned();
        }
        let mut parts = Vec::new();
        let mut at = n;
        while self.kind(at) == K::ScopedIdentifier {
            if let Some(name) = self.field(at, F::Name) {
                parts.push(self.text(name));
            }
            match at.named_child(0) {
                Some(scope) => at = scope,
                None => break,
            }
        }
        parts.push(self.text(at));
        parts.reverse();
        parts.join(".")
    }

    /// Named children without comments.
    fn kids(&mut self, n: Node<'t>) -> Kids<'t> {
        let mut out = Kids::new();
        self.cursor.reset(n);
        if self.cursor.goto_first_child() {
            loop {
                let c = self.cursor.node();
                if c.is_error() || c.is_named() && !c.is_extra() {
                    out.push(c);
                }
                if !self.cursor.goto_next_sibling() {
                    break;
                }
            }
        }
        out
    }

    /// Children of `n` in `field`.
    fn each(&mut self, n: Node<'t>, field: F) -> Kids<'t> {
        let id = self.t.field_id(field);
        let mut out = Kids::new();
        self.cursor.reset(n);
        if self.cursor.goto_first_child() {
            loop {
                if self.cursor.field_id().is_some_and(|f| f.get() == id) {
                    out.push(self.cursor.node());
                }
                if !self.cursor.goto_next_sibling() {
                    break;
                }
            }
        }
        out
    }

    /// The first named child of one of the kinds that `want` accepts.
    fn kid(&mut self, n: Node<'t>, want: impl Fn(K) -> bool) -> Option<Node<'t>> {
        self.kids(n).into_iter().find(|c| want(self.kind(*c)))
    }

    fn diagnose(&mut self, span: Span, what: &str) {
        self.diagnostics.push(LowerDiagnostic { span, what: what.to_owned() });
    }

    fn f(&mut self) -> Option<&mut FnCtx<'t>> {
        self.fns.last_mut()
    }

    fn reserve_fn(&mut self) -> FnId {
        self.functions.push(None);
        FnId(self.functions.len() as u32 - 1)
    }

    fn program(&mut self, root: Node<'t>) {
        let mut stray: Vec<Node<'t>> = Vec::new();
        // An error node at the top is looked through: what was recognised inside it is lowered.
        let mut work: Vec<Node<'t>> = self.kids(root).into_iter().rev().collect();
        while let Some(n) = work.pop() {
            match self.kind(n) {
                K::PackageDeclaration => {
                    if let Some(name) = self.kid(n, |k| matches!(k, K::ScopedIdentifier | K::Identifier)) {
                        self.package = self.dotted(name);
                    }
                }
                K::ImportDeclaration => self.import(n),
                K::ModuleDeclaration => {}
                K::Error => work.extend(self.kids(n).into_iter().rev()),
                k if k.is_class() => {
                    self.class(n);
                }
                k if k.is_statement()
                    || matches!(
                        k,
                        K::MethodDeclaration
                            | K::ConstructorDeclaration
                            | K::FieldDeclaration
                            | K::ConstantDeclaration
                            | K::StaticInitializer
                    ) =>
                {
                    stray.push(n);
                }
                _ => {}
            }
        }
        if !stray.is_empty() {
            self.implicit_class(root, stray);
        }
    }

    fn import(&mut self, n: Node<'t>) {
        let mut is_static = false;
        let mut wildcard = false;
        let mut name = None;
        let mut all = n.walk();
        for c in n.children(&mut all) {
            match self.kind(c) {
                K::ScopedIdentifier | K::Identifier => name = Some(c),
                K::Asterisk => wildcard = true,
                _ => is_static |= c.kind() == "static",
            }
        }
        let Some(name) = name else { return };
        let path = self.dotted(name);
        let local = if wildcard { "" } else { path.rsplit('.').next().unwrap_or("") };
        let kind = match (is_static, wildcard) {
            (false, false) => ImportKind::Type,
            (false, true) => ImportKind::TypeWildcard,
            (true, false) => ImportKind::Static,
            (true, true) => ImportKind::StaticWildcard,
        };
        let (local, path) = (self.strings.intern(local), self.strings.intern(&path));
        self.imports.push(Import { local, path, kind, span: span(n), scope: None });
    }

    fn finish(mut self, tree: &Tree, mut module: Module) -> Module {
        module.name = self.strings.intern(&self.package);
        let root = tree.root_node();
        if root.has_error() {
            module.error_spans = error_spans(root);
        }
        for s in &module.error_spans {
            self.diagnostics.push(LowerDiagnostic { span: *s, what: "syntax error".to_owned() });
        }
        let empty = self.strings.intern("");
        let mut functions: Vec<Function> = Vec::with_capacity(self.functions.len());
        for f in self.functions {
            // Every reserved function is filled; an empty one keeps the numbering should that ever fail.
            functions.push(f.unwrap_or_else(|| FnBuilder::new(empty, empty, Span::default()).finish()));
        }
        if !module.error_spans.is_empty() {
            for f in &mut functions {
                // Spans are sorted and disjoint: the first one that ends behind the start decides.
                let at = module.error_spans.partition_point(|e| e.hi < f.span.lo);
                if module.error_spans.get(at).is_some_and(|e| e.lo <= f.span.hi) {
                    f.flags |= flags::PARTIAL;
                }
            }
        }
        module.strings = self.strings;
        module.imports = self.imports;
        module.classes = self.classes;
        module.functions = functions;
        module.diagnostics = self.diagnostics;
        module
    }
}

/// The bytes of `n`.
fn span(n: Node<'_>) -> Span {
    let r = n.byte_range();
    Span::new(u32::try_from(r.start).unwrap_or(u32::MAX), u32::try_from(r.end).unwrap_or(u32::MAX))
}

/// Error and missing nodes in file order, overlapping ones merged.
fn error_spans(root: Node<'_>) -> Vec<Span> {
    let mut out: Vec<Span> = Vec::new();
    let mut cursor = root.walk();
    loop {
        let n = cursor.node();
        let bad = n.is_error() || n.is_missing();
        if bad {
            let s = span(n);
            match out.last_mut() {
                Some(last) if s.lo <= last.hi => *last = last.to(s),
                _ => out.push(s),
            }
        }
        if !bad && n.has_error() && cursor.goto_first_child() {
            continue;
        }
        loop {
            if cursor.goto_next_sibling() {
                break;
            }
            if !cursor.goto_parent() {
                return out;
            }
        }
    }
}
