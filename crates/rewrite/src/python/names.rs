//! Names of Python scopes: what binds them, and every use of a local.

use super::{PyCx, span, walk};
use ruff_python_ast::{AnyNodeRef, ExprContext, Stmt};
use surefix_syntax::python::span_of;
use surefix_text::Span;

/// A name bound in a scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Binding {
    pub name: String,
    pub span: Span,
    /// Bound by an import statement.
    pub import: bool,
    /// Declared `global` or `nonlocal`: the name belongs to another scope.
    pub outer: bool,
}

/// One assignment to a local.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// The target name.
    pub target: Span,
    /// The statement.
    pub stmt: Span,
    /// The value of a plain `name = value` (or `name: T = value`); `None` for everything else (loops, unpacking, `+=`, …).
    pub value: Option<Span>,
    /// True for `name += value`.
    pub augmented: bool,
}

/// A local name and everything that mentions it in its function (or module).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PyUses {
    /// The name.
    pub name: String,
    /// The function, lambda or module whose name it is.
    pub scope: Span,
    /// True for module-level names.
    pub is_global: bool,
    /// The parameter that declares it.
    pub param: Option<Span>,
    /// Assignments, in order.
    pub writes: Vec<Write>,
    /// Loads, in order.
    pub reads: Vec<Span>,
    /// True when an inner function, lambda or class mentions it.
    pub captured: bool,
    /// True when it is bound by something else than assignments and a parameter (import, def, class, with, except, del, `global`).
    pub other_binding: bool,
}

impl PyUses {
    /// Has one value for ever: a parameter never assigned, or one plain assignment.
    pub fn is_single_assignment(&self) -> bool {
        !self.other_binding
            && match self.param {
                Some(_) => self.writes.is_empty(),
                None => matches!(self.writes.as_slice(), [w] if w.value.is_some()),
            }
    }
}

/// The names that a scope binds itself (inner functions and classes are one name each).
pub(crate) fn bindings(scope: AnyNodeRef<'_>) -> Vec<Binding> {
    let mut out = Vec::new();
    let mut add = |name: &str, span: Span, import: bool, outer: bool| {
        out.push(Binding { name: name.to_owned(), span, import, outer });
    };
    walk(scope, &mut |n| {
        let own = n.ptr_eq(scope);
        match n {
            AnyNodeRef::StmtFunctionDef(f) if !own => add(&f.name, span_of(&f.name), false, false),
            AnyNodeRef::StmtClassDef(c) if !own => add(&c.name, span_of(&c.name), false, false),
            AnyNodeRef::ExprLambda(_) if !own => return false,
            AnyNodeRef::Parameter(p) => add(&p.name, span_of(&p.name), false, false),
            AnyNodeRef::ExprName(e) if e.ctx != ExprContext::Load => add(&e.id, span_of(e), false, false),
            AnyNodeRef::StmtImport(i) => {
                for a in &i.names {
                    let head = a.name.split('.').next().unwrap_or("");
                    let local = a.asname.as_ref().map_or(head, |n| n.as_str());
                    add(local, span_of(i), true, false);
                }
            }
            AnyNodeRef::StmtImportFrom(i) => {
                for a in &i.names {
                    add(a.asname.as_ref().unwrap_or(&a.name), span_of(i), true, false);
                }
            }
            AnyNodeRef::ExceptHandlerExceptHandler(h) => {
                if let Some(name) = &h.name {
                    add(name, span_of(name), false, false);
                }
            }
            AnyNodeRef::PatternMatchAs(p) => p.name.iter().for_each(|n| add(n, span_of(n), false, false)),
            AnyNodeRef::PatternMatchStar(p) => p.name.iter().for_each(|n| add(n, span_of(n), false, false)),
            AnyNodeRef::PatternMatchMapping(p) => p.rest.iter().for_each(|n| add(n, span_of(n), false, false)),
            AnyNodeRef::StmtGlobal(g) => g.names.iter().for_each(|n| add(n, span_of(n), false, true)),
            AnyNodeRef::StmtNonlocal(g) => g.names.iter().for_each(|n| add(n, span_of(n), false, true)),
            _ => {}
        }
        own || !matches!(n, AnyNodeRef::StmtFunctionDef(_) | AnyNodeRef::StmtClassDef(_))
    });
    out
}

impl PyCx<'_> {
    /// The variable that `name` means at `at`: of the innermost function that binds it, else of the module.
    pub fn uses(&self, name: &str, at: Span) -> Option<PyUses> {
        let scopes = self.scopes(at);
        let binds = |n: AnyNodeRef<'_>| {
            let mine: Vec<Binding> = bindings(n).into_iter().filter(|b| b.name == name).collect();
            (!mine.is_empty() && !mine.iter().any(|b| b.outer)).then_some(mine)
        };
        let last = scopes.len().wrapping_sub(1);
        // A class body's names are invisible in the functions inside it.
        let function = scopes
            .iter()
            .enumerate()
            .rev()
            .filter(|(i, n)| !matches!(n, AnyNodeRef::StmtClassDef(_)) || *i == last)
            .find_map(|(_, n)| Some((*n, binds(*n)?)));
        let module = AnyNodeRef::from(self.tree());
        let (scope, bound) = function.or_else(|| Some((module, binds(module)?)))?;
        let mut uses = PyUses {
            name: name.to_owned(),
            scope: span(scope),
            is_global: scope.ptr_eq(module),
            param: None,
            writes: Vec::new(),
            reads: Vec::new(),
            captured: false,
            other_binding: false,
        };
        let mut inner: Vec<Span> = Vec::new();
        walk(scope, &mut |n| {
            let own = n.ptr_eq(scope);
            if !own
                && matches!(n, AnyNodeRef::StmtFunctionDef(_) | AnyNodeRef::ExprLambda(_) | AnyNodeRef::StmtClassDef(_))
            {
                let shadows = bindings(n).iter().any(|b| b.name == name && !b.outer);
                if bindings(n).iter().any(|b| b.name == name && b.outer) {
                    uses.other_binding = true;
                }
                if !shadows {
                    inner.push(span(n));
                }
                return !shadows;
            }
            match n {
                AnyNodeRef::Parameter(p) if p.name.as_str() == name => uses.param = Some(span_of(p)),
                AnyNodeRef::ExprName(e) if e.id.as_str() == name => {
                    let s = span_of(e);
                    uses.captured |= inner.iter().any(|i| i.contains(s));
                    match e.ctx {
                        ExprContext::Load => uses.reads.push(s),
                        ExprContext::Store => {
                            let w = self.write(s);
                            if w.augmented {
                                uses.reads.push(s);
                            }
                            uses.writes.push(w);
                        }
                        _ => uses.other_binding = true,
                    }
                }
                _ => {}
            }
            true
        });
        let seen = |s: Span| uses.writes.iter().any(|w| w.target == s) || uses.param.is_some_and(|p| p.contains(s));
        let other = bound.iter().any(|b| !seen(b.span));
        uses.other_binding |= other;
        Some(uses)
    }

    fn write(&self, target: Span) -> Write {
        let stmt = self.covering_stmt(target);
        let value = match stmt {
            Some(Stmt::Assign(a)) => match a.targets.as_slice() {
                [t] if span_of(t) == target => Some(span_of(&*a.value)),
                _ => None,
            },
            Some(Stmt::AnnAssign(a)) if span_of(&*a.target) == target => a.value.as_deref().map(span_of),
            _ => None,
        };
        Write {
            target,
            stmt: stmt.map_or(target, span_of),
            value,
            augmented: matches!(stmt, Some(Stmt::AugAssign(a)) if span_of(&*a.target) == target),
        }
    }
}
