//! Types, modifiers, annotations and parameters.

use super::kinds::{F, K};
use super::{Kids, Low, literal, span};
use surefix_ir::{Annotation, Param, ParamKind, Sym, TypeRef, flags};
use tree_sitter::Node;

/// What stands in front of a declaration.
#[derive(Default)]
pub(super) struct Modifiers {
    pub public: bool,
    pub private: bool,
    pub is_static: bool,
    pub is_final: bool,
    pub is_abstract: bool,
    pub synchronized: bool,
    pub annotations: Vec<Annotation>,
}

impl Modifiers {
    /// Bits of [`flags`] for a function.
    pub(super) fn flags(&self, in_interface: bool, in_final: bool) -> u32 {
        let mut out = 0;
        for (on, flag) in [
            (self.is_static, flags::STATIC),
            (self.public || in_interface && !self.private, flags::PUBLIC),
            (self.is_final || self.private || in_final, flags::FINAL),
            (self.synchronized, flags::SYNCHRONIZED),
        ] {
            if on {
                out |= flag;
            }
        }
        out
    }
}

impl<'t> Low<'t> {
    /// Modifiers and annotations of a declaration.
    pub(super) fn modifiers(&mut self, n: Node<'t>) -> Modifiers {
        let mut out = Modifiers::default();
        let Some(m) = n.named_child(0).filter(|c| self.kind(*c) == K::Modifiers).or_else(|| {
            // A comment may stand in front.
            self.kid(n, |k| k == K::Modifiers)
        }) else {
            return out;
        };
        let mut found = Kids::new();
        self.cursor.reset(m);
        if self.cursor.goto_first_child() {
            loop {
                found.push(self.cursor.node());
                if !self.cursor.goto_next_sibling() {
                    break;
                }
            }
        }
        for c in found {
            match self.kind(c) {
                K::Annotation | K::MarkerAnnotation => {
                    let a = self.annotation(c);
                    out.annotations.push(a);
                }
                _ => match c.kind() {
                    "public" => out.public = true,
                    "private" => out.private = true,
                    "static" => out.is_static = true,
                    "final" => out.is_final = true,
                    "abstract" => out.is_abstract = true,
                    "synchronized" => out.synchronized = true,
                    _ => {}
                },
            }
        }
        out
    }

    fn annotation(&mut self, n: Node<'t>) -> Annotation {
        let name = self.field(n, F::Name).map(|c| self.dotted(c)).unwrap_or_default();
        let name = self.strings.intern(&name);
        let mut args = Vec::new();
        if let Some(list) = self.field(n, F::Arguments) {
            let value = self.strings.intern("value");
            for c in self.kids(list) {
                if self.kind(c) == K::ElementPair {
                    let key = self.field(c, F::Key).map_or(value, |k| self.sym(k));
                    if let Some(v) = self.field(c, F::Value) {
                        self.annotation_value(key, v, &mut args, 0);
                    }
                } else {
                    self.annotation_value(value, c, &mut args, 0);
                }
            }
        }
        Annotation { name, args, span: span(n) }
    }

    fn annotation_value(&mut self, key: Sym, n: Node<'t>, out: &mut Vec<(Sym, Sym)>, depth: u32) {
        if depth > 16 {
            return;
        }
        if self.kind(n) == K::ElementArray {
            for c in self.kids(n) {
                self.annotation_value(key, c, out, depth + 1);
            }
            return;
        }
        if let Some(text) = self.constant_text(n, 0) {
            let text = self.strings.intern(&text);
            out.push((key, text));
        }
    }

    /// Text of a constant in an annotation: literals, their concatenation, and names of constants as written.
    fn constant_text(&mut self, n: Node<'t>, depth: u32) -> Option<String> {
        if depth > 64 {
            return None;
        }
        match self.kind(n) {
            K::StringLiteral => Some(literal::string(self.text(n))),
            K::Char => char::from_u32(literal::character(self.text(n))).map(String::from),
            K::DecimalInt | K::HexInt | K::OctalInt | K::BinaryInt => Some(literal::integer(self.text(n)).to_string()),
            K::True | K::False | K::DecimalFloat | K::HexFloat => Some(self.text(n).to_owned()),
            K::Identifier | K::FieldAccess | K::ClassLiteral => Some(self.text(n).split_whitespace().collect()),
            K::Parenthesized => n.named_child(0).and_then(|c| self.constant_text(c, depth + 1)),
            K::Binary if self.field(n, F::Operator).is_some_and(|o| o.kind() == "+") => {
                let (l, r) = (self.field(n, F::Left)?, self.field(n, F::Right)?);
                let (l, r) = (self.constant_text(l, depth + 1)?, self.constant_text(r, depth + 1)?);
                Some(l + &r)
            }
            _ => None,
        }
    }

    /// A type reference, `dims` array dimensions on top of the written ones.
    pub(super) fn type_ref(&mut self, n: Node<'t>, dims: u8) -> TypeRef {
        stacker::maybe_grow(128 * 1024, 8 * 1024 * 1024, || self.type_ref_here(n, dims))
    }

    fn type_ref_here(&mut self, n: Node<'t>, dims: u8) -> TypeRef {
        match self.kind(n) {
            K::ArrayType => {
                let more = self.field(n, F::Dimensions).map_or(0, |d| self.dims(d));
                match self.field(n, F::Element) {
                    Some(e) => self.type_ref(e, dims.saturating_add(more)),
                    None => self.unknown_type(),
                }
            }
            K::AnnotatedType => match self.kid(n, K::is_type) {
                Some(inner) => self.type_ref(inner, dims),
                None => self.unknown_type(),
            },
            K::GenericType => {
                let mut out = None;
                let mut args = Vec::new();
                for c in self.kids(n) {
                    match self.kind(c) {
                        K::TypeArguments => {
                            for a in self.kids(c) {
                                let k = self.kind(a);
                                if k.is_type() {
                                    let a = self.type_ref(a, 0);
                                    args.push(a);
                                }
                            }
                        }
                        k if k.is_type() => out = Some(self.type_ref(c, dims)),
                        _ => {}
                    }
                }
                let mut out = out.unwrap_or_else(|| self.unknown_type());
                out.args = args;
                out
            }
            K::Wildcard => {
                let upper = !self.text(n).contains("super");
                match self.kid(n, K::is_type) {
                    Some(bound) if upper => self.type_ref(bound, dims),
                    _ => self.unknown_type(),
                }
            }
            K::ScopedType => {
                let mut parts = Vec::new();
                let mut at = n;
                loop {
                    let kids = self.kids(at);
                    let last = kids.iter().rev().find(|c| self.kind(**c) == K::TypeIdentifier).copied();
                    let first = kids.iter().find(|c| self.kind(**c).is_type()).copied();
                    match (self.kind(at), first, last) {
                        (K::ScopedType, Some(first), Some(last)) => {
                            parts.push(self.text(last));
                            at = first;
                        }
                        (K::GenericType, Some(first), _) => at = first,
                        _ => {
                            parts.push(self.text(at));
                            break;
                        }
                    }
                }
                parts.reverse();
                let name = self.strings.intern(&parts.join("."));
                TypeRef { name, args: Vec::new(), dims }
            }
            _ => {
                let name = match self.text(n) {
                    "var" | "" => "*",
                    text => text,
                };
                let name = self.strings.intern(name);
                TypeRef { name, args: Vec::new(), dims }
            }
        }
    }

    fn unknown_type(&mut self) -> TypeRef {
        TypeRef { name: self.strings.intern("*"), args: Vec::new(), dims: 0 }
    }

    /// A type by its plain name.
    pub(super) fn named_type(name: Sym) -> TypeRef {
        TypeRef { name, args: Vec::new(), dims: 0 }
    }

    /// Number of `[]` in a `dimensions` node.
    pub(super) fn dims(&self, n: Node<'t>) -> u8 {
        let count = self.text(n).bytes().filter(|b| *b == b'[').count();
        u8::try_from(count).unwrap_or(u8::MAX)
    }

    /// Array dimensions written behind a declared name.
    pub(super) fn declarator_dims(&self, n: Node<'t>) -> u8 {
        self.field(n, F::Dimensions).map_or(0, |d| self.dims(d))
    }

    /// The types in a list (`implements A, B`, `throws X`).
    pub(super) fn types_in(&mut self, n: Node<'t>) -> Vec<TypeRef> {
        let mut out = Vec::new();
        for c in self.kids(n) {
            match self.kind(c) {
                K::TypeList => out.extend(self.types_in(c)),
                k if k.is_type() => out.push(self.type_ref(c, 0)),
                _ => {}
            }
        }
        out
    }

    /// Names of the type parameters of a declaration.
    pub(super) fn type_params(&mut self, n: Node<'t>) -> Vec<Sym> {
        let Some(list) = self.field(n, F::TypeParameters) else { return Vec::new() };
        let mut out = Vec::new();
        for p in self.kids(list) {
            if self.kind(p) == K::TypeParameter
                && let Some(name) = self.kid(p, |k| matches!(k, K::TypeIdentifier | K::Identifier))
            {
                out.push(self.sym(name));
            }
        }
        out
    }

    /// The parameters in a `formal_parameters` node, receiver parameters left out.
    pub(super) fn formal_params(&mut self, n: Node<'t>) -> Vec<Param> {
        let mut out = Vec::new();
        for c in self.kids(n) {
            let varargs = match self.kind(c) {
                K::FormalParameter => false,
                K::SpreadParameter => true,
                _ => continue,
            };
            let m = self.modifiers(c);
            let declarator = if varargs { self.kid(c, |k| k == K::VariableDeclarator).unwrap_or(c) } else { c };
            let dims = self.declarator_dims(declarator).saturating_add(u8::from(varargs));
            let ty = self.field(c, F::Type).or_else(|| self.kid(c, K::is_type));
            let ty = ty.filter(|t| self.text(*t) != "var").map(|t| self.type_ref(t, dims));
            let name = self.field(declarator, F::Name).map_or(Sym::EMPTY, |x| self.sym(x));
            out.push(Param {
                name,
                ty,
                kind: if varargs { ParamKind::VarArgs } else { ParamKind::Normal },
                annotations: m.annotations,
                default: None,
                has_default: false,
                default_call: None,
                span: span(c),
            });
        }
        out
    }
}
