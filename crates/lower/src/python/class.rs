//! Classes: kinds, bases, fields, bodies.

use super::def::{body_span, join};
use super::env::ClassCtx;
use super::types::{dotted, simple};
use super::{Low, deep, span};
use ruff_python_ast::{Expr, ExprAttribute, StmtClassDef};
use rustc_hash::FxHashMap;
use surefix_ir::{Annotation, Class, ClassId, ClassKind, Field, Sym, TypeRef};
use surefix_text::Span;

/// Decorators and bases that turn annotated attributes into constructor parameters.
const RECORD_DECORATORS: &[&str] =
    &["dataclass", "attrs", "attrib", "define", "frozen", "mutable", "s", "dataclass_transform"];
const RECORD_BASES: &[&str] = &["NamedTuple", "BaseModel", "Struct", "SQLModel"];
const ENUM_BASES: &[&str] = &["Enum", "IntEnum", "StrEnum", "Flag", "IntFlag", "ReprEnum"];
const ABSTRACT_BASES: &[&str] = &["ABC", "ABCMeta", "Protocol"];

impl<'a> Low<'a> {
    pub(super) fn class_def(&mut self, c: &'a StmtClassDef) {
        deep(|| self.class_here(c));
    }

    fn class_here(&mut self, c: &'a StmtClassDef) {
        let annotations = self.decorators(&c.decorator_list);
        let name = self.strings.intern(c.name.as_str());
        let mut supers: Vec<TypeRef> = Vec::new();
        let mut metaclass_abstract = false;
        for b in c.bases() {
            match self.type_ref(b) {
                Some(t) => supers.push(t),
                None => {
                    self.expr(b);
                }
            }
        }
        for k in c.keywords() {
            let of = dotted(&k.value);
            metaclass_abstract |= of.as_deref().is_some_and(|n| ABSTRACT_BASES.contains(&simple(n)));
            if of.is_none() {
                self.expr(&k.value);
            }
        }
        let kind = self.class_kind(&annotations, &supers);
        let scope = self.scopes.of(super::key(c));
        let id = match self.classes_done.get(&super::key(c)) {
            Some(id) => *id,
            None => self.open_class(c, name, kind, supers, annotations),
        };
        self.classes_done.insert(super::key(c), id);
        let depth = self.fns.len();
        let is_record = kind == ClassKind::Record;
        self.cls.push(ClassCtx { id, name, scope, depth, vars: FxHashMap::default(), is_record });
        self.suite(&c.body);
        self.cls.pop();
        let is_abstract = metaclass_abstract || self.has_abstract_parts(id);
        if let Some(class) = self.classes.get_mut(id.0 as usize) {
            class.is_abstract = is_abstract;
        }
        // A name that is also assigned elsewhere is a variable.
        self.bind_linked(c.name.as_str(), span(&c.name));
    }

    fn class_kind(&self, annotations: &[Annotation], supers: &[TypeRef]) -> ClassKind {
        let base = |list: &[&str]| supers.iter().any(|s| list.contains(&simple(self.strings.get(s.name))));
        let record = |a: &Annotation| {
            let name = self.strings.get(a.name);
            // `s` alone is too short to mean `attr.s`.
            RECORD_DECORATORS.contains(&simple(name)) && (simple(name) != "s" || name == "attr.s")
        };
        if annotations.iter().any(record) || base(RECORD_BASES) {
            ClassKind::Record
        } else if base(ENUM_BASES) {
            ClassKind::Enum
        } else {
            ClassKind::Class
        }
    }

    fn has_abstract_parts(&self, id: ClassId) -> bool {
        let Some(class) = self.classes.get(id.0 as usize) else { return false };
        let named = |s: Sym, list: &[&str]| list.contains(&simple(self.strings.get(s)));
        class.supers.iter().any(|s| named(s.name, ABSTRACT_BASES))
            || class
                .methods
                .iter()
                .filter_map(|m| self.functions.get(m.0 as usize)?.as_ref())
                .flat_map(|f| f.annotations.iter())
                .any(|a| named(a.name, &["abstractmethod", "abstractproperty", "abstractclassmethod"]))
    }

    fn open_class(
        &mut self,
        c: &'a StmtClassDef,
        name: Sym,
        kind: ClassKind,
        supers: Vec<TypeRef>,
        annotations: Vec<Annotation>,
    ) -> ClassId {
        let id = ClassId(self.classes.len() as u32);
        let outer = self.class_body().map(|c| c.id);
        let prefix = outer.and_then(|o| self.classes.get(o.0 as usize)).map(|o| o.qualified);
        let prefix = prefix.map_or(self.module, |p| self.strings.get(p));
        let qualified = join(prefix, c.name.as_str());
        let qualified = self.strings.intern(&qualified);
        let type_params = self.type_params(c.type_params.as_deref());
        self.classes.push(Class {
            name,
            qualified,
            kind,
            supers,
            type_params,
            fields: Vec::new(),
            methods: Vec::new(),
            annotations,
            outer,
            is_static: true,
            is_abstract: false,
            span: span(c),
            body_span: body_span(&c.body, span(c).hi),
        });
        id
    }

    /// Declares an attribute in the class whose body this is; `annotation` is its declared type.
    pub(super) fn class_attribute(&mut self, name: Sym, annotation: Option<&'a Expr>, at: Span) {
        let Some((id, is_record)) = self.class_body().map(|c| (c.id, c.is_record)) else { return };
        let wrapper = |e: Option<&Expr>, want: &str| {
            let e = match e {
                Some(Expr::Subscript(s)) => Some(s.value.as_ref()),
                other => other,
            };
            e.and_then(dotted).is_some_and(|n| simple(&n) == want)
        };
        let is_final =
            wrapper(annotation, "Final") || self.classes.get(id.0 as usize).is_some_and(|c| c.kind == ClassKind::Enum);
        let is_static = !(is_record && annotation.is_some() && !wrapper(annotation, "ClassVar"));
        let ty = annotation.and_then(|a| self.type_ref(a));
        self.add_field(id, Field { name, ty, is_static, is_final, annotations: Vec::new(), span: at });
    }

    /// Notes `self.x` that is assigned in a method.
    pub(super) fn instance_attribute(&mut self, a: &'a ExprAttribute, annotation: Option<&'a Expr>) {
        let Some((receiver, id)) = self.fns.last().and_then(|f| f.receiver) else { return };
        if !matches!(a.value.as_ref(), Expr::Name(n) if n.id.as_str() == self.strings.get(receiver)) {
            return;
        }
        let name = self.strings.intern(a.attr.as_str());
        let ty = annotation.and_then(|a| self.type_ref(a));
        let field = Field { name, ty, is_static: false, is_final: false, annotations: Vec::new(), span: span(a) };
        self.add_field(id, field);
    }

    fn add_field(&mut self, id: ClassId, field: Field) {
        let Some(class) = self.classes.get_mut(id.0 as usize) else { return };
        match class.fields.iter_mut().find(|f| f.name == field.name) {
            Some(old) => old.ty = old.ty.take().or(field.ty),
            None => class.fields.push(field),
        }
    }
}
