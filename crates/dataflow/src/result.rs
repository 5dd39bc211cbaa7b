//! What the analysis answers: flows, call facts, string shapes, traces, budgets.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use surefix_dialect::HoleContext;
use surefix_ir::{FnId, Module};
use surefix_models::{Kind, Kinds, SourceKind};
use surefix_text::{FileId, Span};

/// What is analysed: modules by [`FileId`] (index), and the project's resource files.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// Modules; index = [`FileId`]. Files sorted by path.
    pub modules: Vec<Arc<Module>>,
    /// Root-relative paths of the modules, same index.
    pub paths: Vec<String>,
    /// Resource files (`.properties`, `.ini`, `.cfg`, `.json`, `.yaml`, `.env`), sorted by path.
    pub resources: Vec<Resource>,
}

/// A resource file of the project.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Root-relative path.
    pub path: String,
    /// Decoded text.
    pub text: String,
}

/// Everything the analysis found, in a fixed order (file, span, kind).
#[derive(Clone, Debug, Default)]
pub struct Analysis {
    /// Live source labels at sinks.
    pub flows: Vec<Flow>,
    /// Watched calls.
    pub calls: Vec<CallFact>,
    /// Budgets that were hit: the function's qualified name and what was given up.
    pub budgets: Vec<BudgetHit>,
    /// Number of functions whose body was interpreted.
    pub functions: usize,
}

/// A spent budget.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BudgetHit {
    /// File.
    pub file: FileId,
    /// Qualified name of the function.
    pub function: String,
    /// What was given up, one phrase.
    pub what: String,
}

/// A function of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FnRef {
    /// File.
    pub file: FileId,
    /// Function in it.
    pub id: FnId,
}

/// A span in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// File.
    pub file: FileId,
    /// Bytes.
    pub span: Span,
}

/// Losses of precision on the way of a value; they set the confidence and whether an automatic fix is allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Crumbs(pub u16);

impl Crumbs {
    /// Went through a callee that neither the project nor a model defines.
    pub const UNKNOWN_CALLEE: Crumbs = Crumbs(1);
    /// A collection or string was widened.
    pub const WIDENED: Crumbs = Crumbs(1 << 1);
    /// A guard on the way could not be decided.
    pub const UNDECIDED_GUARD: Crumbs = Crumbs(1 << 2);
    /// A budget was spent.
    pub const BUDGET: Crumbs = Crumbs(1 << 3);
    /// A resource file was not found; its default was assumed.
    pub const RESOURCE_MISSING: Crumbs = Crumbs(1 << 4);
    /// The sink or the way lies in a function with a syntax error.
    pub const PARTIAL: Crumbs = Crumbs(1 << 5);
    /// Several possible callees were joined.
    pub const MANY_CALLEES: Crumbs = Crumbs(1 << 6);
    /// Went through a second such callee, or is a part of what the first one made: hardly the same text any more.
    pub const UNKNOWN_AGAIN: Crumbs = Crumbs(1 << 7);
    /// The losses of a way that goes on through an unknown callee.
    pub const fn through_unknown(self) -> Crumbs {
        let again = if self.has(Crumbs::UNKNOWN_CALLEE) { Crumbs::UNKNOWN_AGAIN } else { Crumbs(0) };
        self.or(Crumbs::UNKNOWN_CALLEE).or(again)
    }
    /// The losses of a way that goes on with `next`.
    pub const fn then(self, next: Crumbs) -> Crumbs {
        let both = self.or(next);
        if next.has(Crumbs::UNKNOWN_CALLEE) { both.or(self.through_unknown()) } else { both }
    }
    /// Union.
    pub const fn or(self, o: Crumbs) -> Crumbs {
        Crumbs(self.0 | o.0)
    }
    /// True when all bits of `o` are set.
    pub const fn has(self, o: Crumbs) -> bool {
        self.0 & o.0 == o.0
    }
    /// Number of different losses.
    pub const fn count(self) -> u32 {
        self.0.count_ones()
    }
}

/// An untrusted value at a sink.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flow {
    /// Sink kind.
    #[serde(with = "kind_name")]
    pub kind: Kind,
    /// Source kind.
    #[serde(skip)]
    pub source: Option<SourceKind>,
    /// Qualified name of the source (`javax.servlet.ServletRequest.getParameter`) or of the entry parameter.
    pub source_name: String,
    /// The sink call with all that is known of it.
    pub call: CallFact,
    /// Which argument: index into `call.args`; `None` = receiver (or the whole instruction for stores and returns).
    pub arg: Option<usize>,
    /// From the source to the sink.
    pub trace: Vec<TraceStep>,
    /// String shapes of the value that reaches the sink (for collections: of the tainted element). Empty: unknown.
    pub shapes: Vec<Shape>,
    /// Losses of precision.
    pub crumbs: Crumbs,
    /// True when a known entry point reaches the code, or nobody calls it.
    pub reachable: bool,
}

mod kind_name {
    use surefix_models::Kind;
    pub fn serialize<S: serde::Serializer>(k: &Kind, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(k.name())
    }
    pub fn deserialize<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Kind, D::Error> {
        let name = <String as serde::Deserialize>::deserialize(d)?;
        Kind::ALL.iter().copied().find(|k| k.name() == name).ok_or_else(|| serde::de::Error::custom("unknown kind"))
    }
}

/// One step of a trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceStep {
    /// Where.
    pub place: Place,
    /// What happens there.
    pub what: StepKind,
    /// Name of the source, callee, parameter, field or variable concerned; may be empty.
    pub name: String,
}

/// What happens at a step of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    /// Untrusted data enters.
    Source,
    /// Passed as an argument.
    Argument,
    /// Returned to a caller.
    Return,
    /// Through a library call.
    Through,
    /// Concatenated or formatted.
    Concat,
    /// Stored into a field, element or variable.
    Store,
    /// Used dangerously.
    Sink,
}

/// A constant as the analysis knows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConstVal {
    /// `null`, `None`.
    Null,
    /// Boolean.
    Bool(bool),
    /// Integer.
    Int(i64),
    /// Text.
    Str(String),
    /// Floating point bits, class names and others, printed.
    Other(String),
    /// A named entity: class, function, module, enum constant, static constant without known value (qualified name).
    Ref(String),
}

/// What is known of an argument or receiver.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ArgFact {
    /// The argument's bytes in the calling file.
    pub span: Span,
    /// Keyword name, empty for positional.
    pub keyword: String,
    /// `*x` is 1, `**x` is 2.
    pub spread: u8,
    /// All values it can have, when known (at most 6).
    pub consts: Option<Vec<ConstVal>>,
    /// Qualified names of its possible types; empty: unknown.
    pub types: Vec<String>,
    /// Kinds for which it is live-tainted.
    #[serde(skip)]
    pub taint: Kinds,
    /// String shapes; empty: unknown.
    pub shapes: Vec<Shape>,
    /// Properties set on the object (typestate): value when known. Absent key: never set on the paths seen.
    pub props: BTreeMap<String, Option<Vec<ConstVal>>>,
    /// Where the object was created, when it is one object created in the analysed code.
    pub alloc: Option<Place>,
    /// Elements, when it is a list, array or tuple of known length.
    pub elems: Option<Vec<ArgFact>>,
    /// True when it is a number or boolean.
    pub number: bool,
}

/// A call with what is known of its arguments.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CallFact {
    /// Watch tags of the rows that matched (empty for pure sink calls).
    pub tags: Vec<String>,
    /// Qualified name of the member as the model names it (`java.sql.Statement.executeQuery`).
    pub callee: String,
    /// File.
    pub file: u32,
    /// The calling function in that file.
    pub func: u32,
    /// The call's value number in that function.
    pub value: u32,
    /// The whole call expression.
    pub span: Span,
    /// The name's token.
    pub name_span: Span,
    /// Parentheses with arguments.
    pub args_span: Span,
    /// The innermost enclosing statement.
    pub stmt: Span,
    /// Receiver of a method call (for a constructor: none).
    pub recv: Option<ArgFact>,
    /// Arguments in source order.
    pub args: Vec<ArgFact>,
    /// True when the call's value is used.
    pub result_used: bool,
}

/// A string as a sequence of known text and holes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Parts in order.
    pub frags: Vec<Frag>,
}

/// A part of a shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Frag {
    /// Known text.
    Lit {
        /// Decoded text.
        text: String,
        /// The literal token it comes from; `None` when computed (a slice, a resource file, a number).
        at: Option<Place>,
    },
    /// A value that is not known.
    Hole(Box<Hole>),
    /// Repetition of the parts, any number of times (built in a loop).
    Rep(Vec<Frag>),
}

/// A hole of a shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hole {
    /// The expression that fills the hole.
    pub place: Place,
    /// The statement it stands in.
    pub stmt: Span,
    /// Function it stands in.
    pub func: FnRef,
    /// The value number in that function.
    pub value: u32,
    /// True when a live taint for the sink's kind is on it.
    pub tainted: bool,
    /// Qualified static type when known.
    pub ty: Option<String>,
    /// A number or boolean: it can hold no dangerous text.
    pub number: bool,
    /// The only ASCII characters it can contain, when known, as a mask.
    pub allow: Option<u128>,
    /// ASCII characters that it cannot contain.
    pub deny: u128,
    /// Call sites passed on the way from the hole's function to the sink's, outermost first, when they differ.
    pub via: Vec<Place>,
    /// Context by the lexer of the sink's language.
    #[serde(skip)]
    pub context: Option<HoleContext>,
}
