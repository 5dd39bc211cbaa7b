//! Rows of a model file after parsing, and the set that answers look-ups.

use crate::{CallFix, Kind, Kinds, SourceKind};
use rustc_hash::FxHashMap;
use surefix_ir::Lang;

/// Base of an access path in a row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Base {
    /// Receiver (for constructors: the new object).
    This,
    /// Result (for attributes: the attribute's value).
    Ret,
    /// Argument by position, or (Python) by that keyword name: `arg0`, `arg0/query`, `kw:shell`.
    Arg {
        /// Position; `None` for keyword-only.
        pos: Option<u8>,
        /// Keyword.
        keyword: Option<String>,
        /// `arg1+`: this and all later positions.
        onwards: bool,
    },
    /// `arg*`: every argument.
    AnyArg,
}

/// One step of an access path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// `.elem`: any element of a list, array, tuple or set.
    Elem,
    /// `.key`: any key of a map.
    Key,
    /// `.value`: any value of a map.
    Value,
    /// `.field:name`: a field or attribute.
    Field(String),
    /// `.all`: anything reachable.
    All,
}

/// An access path of a row (`arg1.elem`, `this`, `ret.value`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    /// Base.
    pub base: Base,
    /// Steps from the base.
    pub steps: Vec<Step>,
}

/// What a row says of a callable or attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// Untrusted data appears at `out`.
    Source {
        /// Where it appears.
        out: Path,
        /// Its kind.
        kind: SourceKind,
    },
    /// Data at `input` is used dangerously.
    Sink {
        /// What is used.
        input: Path,
        /// How.
        kind: Kind,
    },
    /// Taint (and nothing else) goes from `from` to each of `to`. Where no flow row exists, an unmodelled callee propagates
    /// receiver and arguments to its result; a row of any kind but watch and returns replaces that default.
    Flow {
        /// From.
        from: Path,
        /// To.
        to: Vec<Path>,
    },
    /// As a flow, but the kinds in `kinds` are harmless afterwards, and the characters of `deny` cannot occur (or only those of `allow` can).
    Clean {
        /// From.
        from: Path,
        /// To.
        to: Path,
        /// Cleared kinds.
        kinds: Kinds,
        /// Characters that do not occur afterwards.
        deny: String,
        /// The only ASCII characters that can occur afterwards, when known.
        allow: Option<String>,
    },
    /// Undoes an encoding: kinds cleared before are live again, character facts are lost.
    Decode {
        /// From.
        from: Path,
        /// To.
        to: Path,
    },
    /// A named operation that the analysis evaluates itself (`str.char_at`, `list.push`): list in `schema`.
    Intrinsic(String),
    /// Sets property `key` of the object at `on` to the value at `value` (typestate). `{arg0}` in the key is replaced by the constant argument.
    SetProp {
        /// Object.
        on: Path,
        /// Property.
        key: String,
        /// Value: an access path, or a constant as text (`=true`).
        value: PropValue,
    },
    /// The object at `to` takes over all properties of the object at `from`.
    CopyProps {
        /// From.
        from: Path,
        /// To.
        to: Path,
    },
    /// The result (or attribute) has this type (qualified name). `this` = the receiver's type, `arg0` = the class given as argument 0.
    Returns(String),
    /// Record a call fact under this tag for detection code.
    Watch(String),
    /// Known to do nothing of interest: result is fresh and clean, no default propagation.
    Neutral,
    /// A lambda at `callee` is called with these argument paths in order; its result goes to `to`.
    Invokes {
        /// The function value.
        callee: Path,
        /// What each of its parameters gets.
        params: Vec<Path>,
        /// Where its result goes.
        to: Option<Path>,
    },
    /// A guard: when the call's result is `when`, the value at `input` has the kinds cleared.
    Guard {
        /// Checked value.
        input: Path,
        /// Polarity.
        when: bool,
        /// Cleared kinds.
        kinds: Kinds,
    },
}

/// Value of a property in [`Fact::SetProp`].
#[derive(Clone, Debug, PartialEq)]
pub enum PropValue {
    /// Value at a path.
    Path(Path),
    /// Constant text (`true`, `1`, `x`).
    Const(String),
}

/// A row: a fact with the signature it holds for.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Parameter simple type names (`String`, `byte[]`, `_` any); `None`: any signature.
    pub sig: Option<Vec<String>>,
    /// The fact.
    pub fact: Fact,
    /// Index into [`ModelSet::libs`].
    pub lib: u16,
}

/// How an entry row finds functions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryHow {
    /// Method of a subclass of `what` with one of the names.
    Override,
    /// Function annotated (decorated) by `what`.
    Annotation,
    /// Parameter annotated by `what`.
    ParamAnnotation,
    /// Parameter whose default calls `what` (FastAPI `= Query()`).
    ParamDefault,
    /// Function in a module that imports `what`, whose parameter has one of the names.
    ParamName,
    /// Function whose parameter has type `what`.
    ParamType,
    /// Functions of those names at module or class level, anywhere.
    Name,
    /// Annotated method of a class that `what` annotates.
    ClassAnnotation,
}

/// What an entry row says of parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryParams {
    /// Nothing: framework objects whose methods are sources.
    None,
    /// Every parameter that is no framework object and not the receiver, from position n (receiver counted), is tainted.
    From(u8, SourceKind),
    /// The matched parameter itself is tainted.
    Matched(SourceKind),
    /// The matched parameter has this type.
    Typed(String),
    /// Nothing of parameters: text that the function returns is used in these ways.
    Returns(Kinds),
}

/// A row that names entry points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// How functions are found.
    pub how: EntryHow,
    /// Qualified name of class, annotation, module or type.
    pub what: String,
    /// Names (method or parameter), empty: all.
    pub names: Vec<String>,
    /// Parameters.
    pub params: EntryParams,
}

/// A library's identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lib {
    /// Id, for example `java.servlet`.
    pub id: String,
    /// Language.
    pub lang: Lang,
    /// File it came from (`models/java/servlet.toml`, or the user's file).
    pub file: String,
    /// What `cargo xtask models --check` resolves the rows against: `jdk`, `stdlib`, Maven coordinates or pip requirements.
    pub artifacts: Vec<String>,
}

/// All model rows of a run.
#[derive(Clone, Debug, Default)]
pub struct ModelSet {
    /// Libraries in load order.
    pub libs: Vec<Lib>,
    /// Rows by language and qualified name (`java.sql.Statement.executeQuery`, `sqlite3.Cursor.execute`, `flask.request.args`; Java constructors end in `.<init>`, Python constructors are the class itself).
    pub members: FxHashMap<(Lang, String), Vec<Row>>,
    /// Declarative call rules by language and qualified name, in the order of their rows.
    pub fixes: FxHashMap<(Lang, String), Vec<CallFix>>,
    /// Direct supertypes of library types.
    pub supers: FxHashMap<(Lang, String), Vec<String>>,
    /// Entry points by language.
    pub entries: Vec<(Lang, Entry)>,
    /// Functions that read resource files: qualified name → format (`properties`, `json`, `yaml`, `ini`, `env`).
    pub resources: FxHashMap<(Lang, String), String>,
    /// Other names of a type or function (`jakarta.servlet.X` → `javax.servlet.X`; `flask.wrappers.Request` → `flask.Request`), already resolved to the canonical one.
    pub canonical: FxHashMap<(Lang, String), String>,
    /// Package prefixes that are spelled differently (`jakarta.servlet` → `javax.servlet`).
    pub package_alias: Vec<(Lang, String, String)>,
}

impl ModelSet {
    /// The rows of a member, empty when there are none.
    pub fn rows(&self, lang: Lang, qualified: &str) -> &[Row] {
        self.members.get(&(lang, qualified.to_string())).map_or(&[], Vec::as_slice)
    }

    /// The declarative call rules of a member, empty when there are none.
    pub fn call_fixes(&self, lang: Lang, qualified: &str) -> &[CallFix] {
        self.fixes.get(&(lang, qualified.to_string())).map_or(&[], Vec::as_slice)
    }
}
