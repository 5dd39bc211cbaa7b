//! Types, dotted names and decorators as written.

use super::{Low, deep, span};
use ruff_python_ast::{Expr, Number, Operator, TypeParams};
use surefix_ir::{Annotation, Const, Sym, TypeRef};
use surefix_text::Span;

/// Wrappers that say nothing about the value's own type.
const TRANSPARENT: &[&str] =
    &["Optional", "Annotated", "Final", "ClassVar", "Required", "NotRequired", "ReadOnly", "InitVar", "Awaitable"];

/// `a.b.c` of names and attributes alone.
pub(super) fn dotted(e: &Expr) -> Option<String> {
    let mut parts = Vec::new();
    let mut at = e;
    loop {
        match at {
            Expr::Attribute(a) => {
                parts.push(a.attr.as_str());
                at = &a.value;
            }
            Expr::Name(n) if !n.id.is_empty() => {
                parts.push(n.id.as_str());
                break;
            }
            _ => return None,
        }
    }
    parts.reverse();
    Some(parts.join("."))
}

/// The last part of a dotted name.
pub(super) fn simple(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

impl Low<'_> {
    fn named(&mut self, name: &str) -> TypeRef {
        TypeRef { name: self.strings.intern(name), args: Vec::new(), dims: 0 }
    }

    /// The type that an annotation, base class or pattern names; `None` when it names none.
    pub(super) fn type_ref(&mut self, e: &Expr) -> Option<TypeRef> {
        deep(|| self.type_ref_here(e))
    }

    fn type_ref_here(&mut self, e: &Expr) -> Option<TypeRef> {
        match e {
            Expr::Name(_) | Expr::Attribute(_) => dotted(e).map(|d| self.named(&d)),
            Expr::NoneLiteral(_) => Some(self.named("None")),
            Expr::StringLiteral(s) => {
                let text = s.value.to_str();
                let parsed = ruff_python_parser::parse_expression(text).ok()?;
                // Positions inside do not matter: only names are taken.
                match parsed.expr() {
                    Expr::StringLiteral(_) => None,
                    inner => self.type_ref(inner),
                }
            }
            Expr::BinOp(b) if b.op == Operator::BitOr => {
                let (left, right) = (self.type_ref(&b.left), self.type_ref(&b.right));
                self.union([left, right].into_iter().flatten().collect())
            }
            Expr::Subscript(s) => {
                let of = dotted(&s.value)?;
                let args: &[Expr] = match s.slice.as_ref() {
                    Expr::Tuple(t) => &t.elts,
                    one => std::slice::from_ref(one),
                };
                let name = simple(&of);
                if TRANSPARENT.contains(&name) {
                    return args.first().and_then(|a| self.type_ref(a));
                }
                let args: Vec<TypeRef> = args.iter().filter_map(|a| self.type_ref(a)).collect();
                if name == "Union" {
                    return self.union(args);
                }
                let mut ty = self.named(&of);
                ty.args = args;
                Some(ty)
            }
            _ => None,
        }
    }

    /// The only type besides `None`, or a `Union` of all.
    fn union(&mut self, list: Vec<TypeRef>) -> Option<TypeRef> {
        let none = self.strings.intern("None");
        let mut rest: Vec<TypeRef> = list.into_iter().filter(|t| t.name != none).collect();
        if rest.len() > 1 {
            let mut ty = self.named("Union");
            ty.args = rest;
            return Some(ty);
        }
        rest.pop()
    }

    /// Types of an `except` clause or of the second argument of `isinstance`; what is no name becomes `*`.
    pub(super) fn types_in(&mut self, e: &Expr) -> Vec<TypeRef> {
        let list: &[Expr] = match e {
            Expr::Tuple(t) => &t.elts,
            one => std::slice::from_ref(one),
        };
        let mut out = Vec::with_capacity(list.len());
        for t in list {
            match dotted(t) {
                Some(d) => out.push(self.named(&d)),
                None => out.push(self.named("*")),
            }
        }
        out
    }

    /// Names of type parameters.
    pub(super) fn type_params(&mut self, p: Option<&TypeParams>) -> Vec<Sym> {
        let list = p.map_or(&[][..], |p| p.type_params.as_slice());
        list.iter().map(|t| self.strings.intern(t.name().as_str())).collect()
    }

    /// A decorator, or what stands in `Annotated[…]`; `at` is the whole of it.
    pub(super) fn annotation(&mut self, e: &Expr, at: Span) -> Option<Annotation> {
        let (func, arguments) = match e {
            Expr::Call(c) => (c.func.as_ref(), Some(&c.arguments)),
            other => (other, None),
        };
        let name = dotted(func)?;
        let mut args = Vec::new();
        for a in arguments.iter().flat_map(|a| a.iter_source_order()) {
            let key = match a.as_keyword().map(|k| &k.arg) {
                Some(Some(name)) => self.strings.intern(name.as_str()),
                Some(None) => continue,
                None => Sym::EMPTY,
            };
            let value = a.value();
            let list: &[Expr] = match value {
                Expr::List(l) => &l.elts,
                Expr::Tuple(t) => &t.elts,
                Expr::Set(s) => &s.elts,
                one => std::slice::from_ref(one),
            };
            for v in list {
                if let Some(text) = self.constant_text(v) {
                    args.push((key, text));
                }
            }
        }
        Some(Annotation { name: self.strings.intern(&name), args, span: at })
    }

    fn constant_text(&mut self, e: &Expr) -> Option<Sym> {
        match e {
            Expr::StringLiteral(s) => Some(self.strings.intern(s.value.to_str())),
            Expr::NumberLiteral(_) | Expr::BooleanLiteral(_) => {
                let text = span(e).of(self.src);
                Some(self.strings.intern(text))
            }
            _ => None,
        }
    }

    /// The constant that an expression is written as; `None` for everything else.
    pub(super) fn literal(&mut self, e: &Expr) -> Option<Const> {
        Some(match e {
            Expr::NoneLiteral(_) => Const::Null,
            Expr::BooleanLiteral(b) => Const::Bool(b.value),
            Expr::EllipsisLiteral(_) => Const::Ellipsis,
            Expr::NumberLiteral(n) => match &n.value {
                Number::Int(i) => Const::Int(i.as_i64()?),
                Number::Float(f) => Const::Float(f.to_bits()),
                Number::Complex { .. } => return None,
            },
            Expr::StringLiteral(s) => Const::Str(self.strings.intern(s.value.to_str())),
            Expr::BytesLiteral(b) => {
                let text: String = b.value.bytes().map(char::from).collect();
                Const::Bytes(self.strings.intern(&text))
            }
            Expr::UnaryOp(u) if u.op == ruff_python_ast::UnaryOp::USub => match u.operand.as_ref() {
                Expr::NumberLiteral(n) => match &n.value {
                    Number::Int(i) => Const::Int(i.as_i64()?.checked_neg()?),
                    Number::Float(f) => Const::Float((-f).to_bits()),
                    Number::Complex { .. } => return None,
                },
                _ => return None,
            },
            _ => return None,
        })
    }
}
