//! Type declarations: fields, member order, synthetic members.

use super::kinds::{F, K};
use super::member::Init;
use super::name::{ClassCtx, FieldInfo};
use super::{Kids, Low, literal, span};
use rustc_hash::FxHashMap;
use surefix_ir::{Class, ClassId, ClassKind, Const, Field, FnId, Param, Sym, TypeRef};
use surefix_text::Span;
use tree_sitter::Node;

/// What a class body consists of.
pub(super) struct Members<'t> {
    pub inits: Vec<Init<'t>>,
    functions: Vec<Node<'t>>,
    classes: Vec<Node<'t>>,
}

/// Header of a class.
pub(super) struct Head {
    pub name: Sym,
    pub kind: ClassKind,
    pub supers: Vec<TypeRef>,
    pub has_super: bool,
    pub span: Span,
    pub body_span: Span,
}

impl<'t> Low<'t> {
    /// Lowers a declared class, interface, enum, record or annotation type.
    pub(super) fn class(&mut self, n: Node<'t>) -> ClassId {
        stacker::maybe_grow(128 * 1024, 8 * 1024 * 1024, || self.class_here(n))
    }

    fn class_here(&mut self, n: Node<'t>) -> ClassId {
        if let Some(id) = self.bodies_done.get(&n.id()) {
            return *id;
        }
        let m = self.modifiers(n);
        let kind = match self.kind(n) {
            K::InterfaceDeclaration => ClassKind::Interface,
            K::EnumDeclaration => ClassKind::Enum,
            K::RecordDeclaration => ClassKind::Record,
            K::AnnotationTypeDeclaration => ClassKind::Annotation,
            _ => ClassKind::Class,
        };
        let name = self.field(n, F::Name).map_or(Sym::EMPTY, |c| self.sym(c));
        let body = self.field(n, F::Body);
        let mut supers = Vec::new();
        let mut has_super = false;
        for c in self.kids(n) {
            let k = self.kind(c);
            if matches!(k, K::Superclass | K::SuperInterfaces | K::ExtendsInterfaces) {
                has_super |= k == K::Superclass;
                supers.extend(self.types_in(c));
            }
        }
        let components = match self.field(n, F::Parameters) {
            Some(p) if kind == ClassKind::Record => self.formal_params(p),
            _ => Vec::new(),
        };
        let head = Head { name, kind, supers, has_super, span: span(n), body_span: body.map_or(span(n), span) };
        let local = !self.fns.is_empty() && self.cls.last().is_none_or(|c| c.depth < self.fns.len());
        let id = self.open_class(head);
        self.bodies_done.insert(n.id(), id);
        if local {
            self.local_classes.insert(name, id);
        }
        let in_interface = self.cls.iter().rev().nth(1).is_some_and(|c| c.is_interface) && !local;
        let type_params = self.type_params(n);
        if let Some(c) = self.classes.get_mut(id.0 as usize) {
            c.type_params = type_params;
            c.annotations = m.annotations;
            c.is_static = m.is_static || kind != ClassKind::Class || c.outer.is_none() || in_interface;
            c.is_abstract = m.is_abstract || matches!(kind, ClassKind::Interface | ClassKind::Annotation);
        }
        if let Some(c) = self.cls.last_mut() {
            c.is_final = m.is_final || matches!(kind, ClassKind::Record | ClassKind::Enum);
        }
        let list = body.map(|b| self.kids(b)).unwrap_or_default();
        self.body(id, list, &components);
        id
    }

    /// A class for members that stand outside any class.
    pub(super) fn implicit_class(&mut self, root: Node<'t>, members: Vec<Node<'t>>) {
        let name = self.strings.intern(self.file_stem);
        let head = Head {
            name,
            kind: ClassKind::Class,
            supers: Vec::new(),
            has_super: false,
            span: span(root),
            body_span: span(root),
        };
        let id = self.open_class(head);
        if let Some(c) = self.classes.get_mut(id.0 as usize) {
            c.is_static = true;
        }
        self.body(id, members.into_iter().collect(), &[]);
    }

    /// Lowers the body of an anonymous class (also of an enum constant).
    pub(super) fn anonymous_class(&mut self, of: TypeRef, body: Node<'t>, whole: Span, args: usize) -> ClassId {
        if let Some(id) = self.bodies_done.get(&body.id()) {
            return *id;
        }
        let number = self.cls.last_mut().map_or(1, |c| {
            c.anonymous += 1;
            c.anonymous
        });
        let name = self.strings.intern(&format!("${number}"));
        let head = Head {
            name,
            kind: ClassKind::Class,
            supers: vec![of],
            has_super: true,
            span: whole,
            body_span: span(body),
        };
        let id = self.open_class(head);
        self.bodies_done.insert(body.id(), id);
        let is_static = self.fns.last().is_none_or(|f| f.this.is_none());
        if let Some(c) = self.classes.get_mut(id.0 as usize) {
            c.is_static = is_static;
        }
        if let Some(c) = self.cls.last_mut() {
            c.is_final = true;
        }
        let list = self.kids(body);
        let forwarded: Vec<Param> = (0..args)
            .map(|i| {
                let name = self.strings.intern(&format!("${i}"));
                super::name::plain_param(name, surefix_ir::ParamKind::Normal, Span::point(whole.lo))
            })
            .collect();
        self.body(id, list, &forwarded);
        id
    }

    /// Reserves the class and makes it the innermost one.
    fn open_class(&mut self, head: Head) -> ClassId {
        let id = ClassId(self.classes.len() as u32);
        let simple = self.strings.get(head.name);
        let qualified = match self.cls.last() {
            Some(outer) => format!("{}.{simple}", outer.qualified),
            None if self.package.is_empty() => simple.to_owned(),
            None => format!("{}.{simple}", self.package),
        };
        let is_interface = matches!(head.kind, ClassKind::Interface | ClassKind::Annotation);
        self.classes.push(Class {
            name: head.name,
            qualified: self.strings.intern(&qualified),
            kind: head.kind,
            supers: head.supers,
            type_params: Vec::new(),
            fields: Vec::new(),
            methods: Vec::new(),
            annotations: Vec::new(),
            outer: self.cls.last().map(|c| c.id),
            is_static: false,
            is_abstract: false,
            span: head.span,
            body_span: head.body_span,
        });
        self.cls.push(ClassCtx {
            id,
            name: head.name,
            qualified,
            fields: FxHashMap::default(),
            depth: self.fns.len(),
            anonymous: 0,
            is_final: false,
            is_interface,
            has_super: head.has_super,
        });
        id
    }

    /// Lowers the members of the innermost class and closes it. `params` are the components of a record, or the
    /// arguments that an anonymous class hands to its superclass.
    fn body(&mut self, id: ClassId, list: Kids<'t>, params: &[Param]) {
        let kind = self.classes.get(id.0 as usize).map_or(ClassKind::Class, |c| c.kind);
        if kind == ClassKind::Record {
            for p in params {
                self.add_field(id, p.name, p.ty.clone(), false, true, None, p.span);
                if let Some(f) = self.classes.get_mut(id.0 as usize).and_then(|c| c.fields.last_mut()) {
                    f.annotations = p.annotations.clone();
                }
            }
        }
        let mut members = Members { inits: Vec::new(), functions: Vec::new(), classes: Vec::new() };
        self.collect(id, list, &mut members);
        let mut methods = Vec::new();
        let mut constructors = 0u32;
        let mut canonical = false;
        let mut accessors: Vec<Sym> = Vec::new();
        // Functions and member classes in file order.
        let mut order: Vec<Node<'t>> = members.functions.drain(..).chain(members.classes.drain(..)).collect();
        order.sort_by_key(|n| n.start_byte());
        for n in order {
            match self.kind(n) {
                k if k.is_class() => {
                    self.class(n);
                }
                K::ConstructorDeclaration | K::CompactConstructor => {
                    constructors += 1;
                    let list = self.field(n, F::Parameters).map(|p| self.formal_params(p));
                    canonical |= list
                        .as_ref()
                        .is_none_or(|l| l.len() == params.len() && l.iter().zip(params).all(|(a, b)| a.ty == b.ty));
                    let f = self.constructor(n, list, params, &members.inits);
                    methods.push(f);
                }
                _ => {
                    if let Some(name) = self.field(n, F::Name) {
                        let no_params = self.field(n, F::Parameters).is_none_or(|p| p.named_child_count() == 0);
                        if no_params {
                            accessors.push(self.sym(name));
                        }
                    }
                    let f = self.method(n);
                    methods.push(f);
                }
            }
        }
        let missing = match kind {
            ClassKind::Record => !canonical,
            ClassKind::Class | ClassKind::Enum => constructors == 0,
            ClassKind::Interface | ClassKind::Annotation => false,
        };
        if missing {
            let f = self.synthetic_constructor(kind, params, &members.inits);
            methods.push(f);
        }
        if kind == ClassKind::Record {
            for p in params {
                if !accessors.contains(&p.name) {
                    let f = self.accessor(p);
                    methods.push(f);
                }
            }
        }
        if members.inits.iter().any(|i| i.is_static) {
            let f: FnId = self.static_initialiser(&members.inits);
            methods.push(f);
        }
        if let Some(c) = self.classes.get_mut(id.0 as usize) {
            c.methods = methods;
        }
        self.cls.pop();
    }

    #[allow(clippy::too_many_arguments)]
    fn add_field(
        &mut self,
        id: ClassId,
        name: Sym,
        ty: Option<TypeRef>,
        is_static: bool,
        is_final: bool,
        value: Option<Const>,
        span: Span,
    ) {
        if let Some(c) = self.classes.get_mut(id.0 as usize) {
            c.fields.push(Field { name, ty, is_static, is_final, annotations: Vec::new(), span });
        }
        if let Some(c) = self.cls.last_mut() {
            c.fields.insert(name, FieldInfo { is_static, value });
        }
    }

    /// Sorts the members of a body into fields, initialisers, functions and classes.
    fn collect(&mut self, id: ClassId, list: Kids<'t>, out: &mut Members<'t>) {
        let mut work: Vec<Node<'t>> = list.into_iter().rev().collect();
        while let Some(n) = work.pop() {
            match self.kind(n) {
                K::FieldDeclaration | K::ConstantDeclaration => self.fields(id, n, out),
                K::EnumConstant => {
                    let name = self.field(n, F::Name).map_or(Sym::EMPTY, |c| self.sym(c));
                    let ty = self.cls.last().map(|c| Self::named_type(c.name));
                    self.add_field(id, name, ty, true, true, None, span(n));
                    out.inits.push(Init { node: n, decl: n, is_static: true });
                }
                K::StaticInitializer => {
                    if let Some(b) = self.kid(n, |k| k == K::Block) {
                        out.inits.push(Init { node: b, decl: n, is_static: true });
                    }
                }
                K::Block => out.inits.push(Init { node: n, decl: n, is_static: false }),
                K::MethodDeclaration | K::AnnotationTypeElement | K::ConstructorDeclaration | K::CompactConstructor => {
                    out.functions.push(n)
                }
                K::EnumBodyDeclarations | K::Error => {
                    let inner = self.kids(n);
                    work.extend(inner.into_iter().rev());
                }
                k if k.is_class() => out.classes.push(n),
                // Only a broken file has statements here.
                k if k.is_statement() => out.inits.push(Init { node: n, decl: n, is_static: true }),
                _ => {}
            }
        }
    }

    fn fields(&mut self, id: ClassId, n: Node<'t>, out: &mut Members<'t>) {
        let m = self.modifiers(n);
        let is_interface = self.cls.last().is_some_and(|c| c.is_interface);
        let (is_static, is_final) = (m.is_static || is_interface, m.is_final || is_interface);
        let ty = self.field(n, F::Type);
        for d in self.each(n, F::Declarator) {
            let dims = self.declarator_dims(d);
            let ty = ty.map(|t| self.type_ref(t, dims));
            let name = self.field(d, F::Name).map_or(Sym::EMPTY, |c| self.sym(c));
            let init = self.field(d, F::Value);
            let value = init.filter(|_| is_static && is_final).and_then(|v| self.literal(v));
            self.add_field(id, name, ty, is_static, is_final, value, span(d));
            if let Some(f) = self.classes.get_mut(id.0 as usize).and_then(|c| c.fields.last_mut()) {
                f.annotations = m.annotations.clone();
            }
            if init.is_some() {
                out.inits.push(Init { node: d, decl: n, is_static });
            }
        }
    }

    /// The constant of a literal node, a negative number included.
    pub(super) fn literal(&mut self, n: Node<'t>) -> Option<Const> {
        let text = self.text(n);
        Some(match self.kind(n) {
            K::DecimalInt | K::HexInt | K::OctalInt | K::BinaryInt => Const::Int(literal::integer(text)),
            K::DecimalFloat | K::HexFloat => Const::Float(literal::float(text)),
            K::Char => Const::Char(literal::character(text)),
            K::True => Const::Bool(true),
            K::False => Const::Bool(false),
            K::Null => Const::Null,
            K::StringLiteral => Const::Str(self.strings.intern(&literal::string(text))),
            K::Unary => {
                let operand = self.field(n, F::Operand)?;
                if self.field(n, F::Operator)?.kind() != "-" {
                    return None;
                }
                match self.kind(operand) {
                    K::DecimalInt | K::HexInt | K::OctalInt | K::BinaryInt => {
                        Const::Int(literal::integer(self.text(operand)).wrapping_neg())
                    }
                    K::DecimalFloat | K::HexFloat => {
                        Const::Float((-f64::from_bits(literal::float(self.text(operand)))).to_bits())
                    }
                    _ => return None,
                }
            }
            _ => return None,
        })
    }
}
