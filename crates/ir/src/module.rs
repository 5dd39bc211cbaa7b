//! One file in IR form: imports, classes, functions, strings.

use crate::{FnId, Function, Interner, Sym};
use serde::{Deserialize, Serialize};
use surefix_text::Span;

/// Host language of a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// Java up to 21.
    Java,
    /// Python 3.
    Python,
}

impl Lang {
    /// Lower-case name (`java`).
    pub const fn name(self) -> &'static str {
        match self {
            Lang::Java => "java",
            Lang::Python => "python",
        }
    }
}

/// Index of a class in [`Module::classes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClassId(pub u32);

/// A file in IR form. Owned, `Send`, serialisable; holds no reference to its text or tree.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Module {
    /// Host language.
    pub lang: Lang,
    /// Dotted package (Java `package a.b;` → `a.b`) or dotted module name (Python: from the path, `pkg/mod.py` → `pkg.mod`,
    /// `pkg/__init__.py` → `pkg`). Empty for Java's unnamed package.
    pub name: Sym,
    /// True for a Python package's `__init__.py` (relative imports start one level lower).
    pub is_package: bool,
    /// Strings of this module.
    pub strings: Interner,
    /// Imports in file order, local ones too.
    pub imports: Vec<Import>,
    /// Classes in file order, outer before inner; anonymous and local ones too.
    pub classes: Vec<Class>,
    /// Functions: methods, lambdas, constructors, initialisers and module bodies.
    pub functions: Vec<Function>,
    /// The function that holds module-level code (Python), `None` for Java.
    pub init: Option<FnId>,
    /// What was not understood.
    pub diagnostics: Vec<LowerDiagnostic>,
    /// Spans in which the parser found a syntax error; no fix may touch them.
    pub error_spans: Vec<Span>,
    /// Number of lines of the file.
    pub lines: u32,
}

/// A construct that became an unknown value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LowerDiagnostic {
    /// Where.
    pub span: Span,
    /// What, without quoting the scanned code.
    pub what: String,
}

/// An import. Names a local alias for something elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// The local name it binds; empty for wildcards. `import a.b` in Python binds `a`; Java `import a.B` binds `B`.
    pub local: Sym,
    /// Absolute dotted path of what is bound: `a.B`, `a.B.member` (static), the package or class of a wildcard. Python relative
    /// imports are already resolved against [`Module::name`]. For Python `import a.b` (no alias) the path is `a`, and
    /// a second entry with an empty `local` and kind [`ImportKind::Module`] names `a.b`.
    pub path: Sym,
    /// Form of the import.
    pub kind: ImportKind,
    /// The whole import statement.
    pub span: Span,
    /// Function in which a local import stands; `None` at top level.
    pub scope: Option<FnId>,
}

/// Form of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ImportKind {
    /// Java `import a.B;`
    Type,
    /// Java `import a.*;`
    TypeWildcard,
    /// Java `import static a.B.m;`
    Static,
    /// Java `import static a.B.*;`
    StaticWildcard,
    /// Python `import a.b [as c]`.
    Module,
    /// Python `from a import b [as c]`.
    From,
    /// Python `from a import *`.
    FromWildcard,
}

/// A type as written, not yet resolved: dotted name without type arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeRef {
    /// Name as written (`List`, `java.util.List`, `Map.Entry`, `int`), `*` when unknown.
    pub name: Sym,
    /// Type arguments (`List<String>` → one); Python subscripts (`list[str]`, `Optional[X]`) likewise.
    pub args: Vec<TypeRef>,
    /// Array dimensions (varargs count as one).
    pub dims: u8,
}

/// Annotation or decorator. Decorators that are calls keep their constant arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Annotation {
    /// Dotted name as written (`RequestMapping`, `app.route`).
    pub name: Sym,
    /// Arguments: name (`value` for Java's single argument, empty for Python positionals) and text when it is a constant
    /// string, number, boolean or list of these (one entry an element).
    pub args: Vec<(Sym, Sym)>,
    /// The whole annotation.
    pub span: Span,
}

/// Kind of a class-like declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ClassKind {
    /// Class (Java or Python), also anonymous and local ones.
    Class,
    /// Interface.
    Interface,
    /// Enum.
    Enum,
    /// Record (Java) or dataclass-like (Python `@dataclass`, `NamedTuple`): fields are constructor parameters in order.
    Record,
    /// Annotation type.
    Annotation,
}

/// A class-like declaration.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Class {
    /// Simple name; `$1` and so on for anonymous classes.
    pub name: Sym,
    /// Fully qualified dotted name: module name, outer classes, name (`a.b.Outer.Inner`).
    pub qualified: Sym,
    /// Kind.
    pub kind: ClassKind,
    /// Superclass first if any, then interfaces; Python bases in order.
    pub supers: Vec<TypeRef>,
    /// Type parameter names (for erasure: a type named like one is unknown).
    pub type_params: Vec<Sym>,
    /// Fields (Java fields, record components, enum constants; Python class attributes and `self.x` assignments found in methods).
    pub fields: Vec<Field>,
    /// Methods, constructors (`<init>` in Java, `__init__` in Python) and static initialisers (`<clinit>`).
    pub methods: Vec<FnId>,
    /// Annotations or decorators.
    pub annotations: Vec<Annotation>,
    /// Enclosing class.
    pub outer: Option<ClassId>,
    /// True when instances have no enclosing instance.
    pub is_static: bool,
    /// True for abstract classes.
    pub is_abstract: bool,
    /// Whole declaration.
    pub span: Span,
    /// The body's braces (Java) or the suite (Python).
    pub body_span: Span,
}

/// A field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Name.
    pub name: Sym,
    /// Declared type.
    pub ty: Option<TypeRef>,
    /// Static (class attribute in Python).
    pub is_static: bool,
    /// Final (never assigned after initialisation).
    pub is_final: bool,
    /// Annotations.
    pub annotations: Vec<Annotation>,
    /// The declarator.
    pub span: Span,
}
