//! Functions: parameters, blocks, instructions, terminators.

use crate::{Annotation, ClassId, Sym, TypeRef};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use surefix_text::Span;

/// Index of a function in `Module::functions`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FnId(pub u32);

/// An SSA value: the index of its defining instruction in [`Function::instrs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ValueId(pub u32);

/// Index of a block in [`Function::blocks`]; block 0 is the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BlockId(pub u32);

/// Properties of a function, as bits of [`Function::flags`].
pub mod flags {
    /// No receiver.
    pub const STATIC: u32 = 1;
    /// No body.
    pub const ABSTRACT: u32 = 1 << 1;
    /// `async def`.
    pub const ASYNC: u32 = 1 << 2;
    /// Contains `yield`; the returned value is the aggregate of what is yielded.
    pub const GENERATOR: u32 = 1 << 3;
    /// Lambda or method reference.
    pub const LAMBDA: u32 = 1 << 4;
    /// Constructor (`<init>`, `__init__`); parameter 0 is the new object.
    pub const CONSTRUCTOR: u32 = 1 << 5;
    /// Static initialiser, or a module's body.
    pub const INITIALISER: u32 = 1 << 6;
    /// Contains a syntax error; no fix inside the error.
    pub const PARTIAL: u32 = 1 << 7;
    /// Python `@property`, `@cached_property`.
    pub const PROPERTY: u32 = 1 << 8;
    /// Python `@classmethod`; parameter 0 is the class.
    pub const CLASSMETHOD: u32 = 1 << 9;
    /// Public (Java `public`, or a member of an interface; Python: always).
    pub const PUBLIC: u32 = 1 << 10;
    /// Declared `final`, `private` or in a final class: not overridden.
    pub const FINAL: u32 = 1 << 11;
    /// Declared `synchronized`.
    pub const SYNCHRONIZED: u32 = 1 << 12;
}

/// How a parameter takes its argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ParamKind {
    /// Receiver: `this`, `self`, `cls`. Always parameter 0 when present.
    This,
    /// Positional (or keyword in Python).
    Normal,
    /// Java varargs, Python `*args`.
    VarArgs,
    /// Python keyword-only.
    KeywordOnly,
    /// Python `**kwargs`.
    KwArgs,
    /// Value of a captured variable; filled by [`Op::Closure`] in order. Always last.
    Capture,
}

/// A parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Param {
    /// Name.
    pub name: Sym,
    /// Declared type.
    pub ty: Option<TypeRef>,
    /// How it is filled.
    pub kind: ParamKind,
    /// Annotations (Java).
    pub annotations: Vec<Annotation>,
    /// Default value when it is a constant. For FastAPI-like `q: str = Query(...)` the called name is in `default_call`.
    pub default: Option<Const>,
    /// True when there is any default.
    pub has_default: bool,
    /// Dotted name called in the default expression.
    pub default_call: Option<Sym>,
    /// The parameter's text.
    pub span: Span,
}

/// A literal constant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Const {
    /// `null`, `None`.
    Null,
    /// Boolean.
    Bool(bool),
    /// Integer (Java int, long, short, byte; Python ints that fit).
    Int(i64),
    /// Floating point, by bits.
    Float(u64),
    /// Java `char` as a code point.
    Char(u32),
    /// Text, decoded.
    Str(Sym),
    /// Byte string (Python `b""`), each byte as the character of that number.
    Bytes(Sym),
    /// Java class literal `X.class`.
    Class(Sym),
    /// Python `...`.
    Ellipsis,
}

/// Binary operators. Comparison and boolean ones give a boolean. Short-circuit operators are control flow, not this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum BinOp {
    /// `+`: addition, or concatenation when an operand is text.
    Add,
    Sub,
    /// `*`; Python: also repetition.
    Mul,
    /// Java `/` (truncating on integers), Python `/` (always real).
    Div,
    /// Python `//`.
    FloorDiv,
    /// Java remainder, Python modulo on numbers. Python `%` with text on the left is [`Op::Call`] of `str.__mod__`-like formatting: lowered as [`Op::Format`].
    Mod,
    Pow,
    And,
    Or,
    Xor,
    Shl,
    Shr,
    /// Java `>>>`.
    UShr,
    /// Java `==` is identity on references ([`BinOp::Is`]-like for objects), value equality on numbers; Python `==` is value equality.
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    /// Python `in`: left is the element.
    In,
    NotIn,
    /// Python `is`.
    Is,
    IsNot,
}

/// Unary operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum UnOp {
    /// Boolean not.
    Not,
    /// Arithmetic negation.
    Neg,
    /// Bit complement.
    BitNot,
    /// Unary plus.
    Plus,
}

/// Kind of a literal collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AggKind {
    /// Java array initialiser.
    Array,
    /// Python list, list comprehension.
    List,
    /// Python tuple.
    Tuple,
    /// Python set.
    Set,
    /// Python dict; every item has a key.
    Dict,
    /// Result of a generator expression or generator function.
    Generator,
}

/// One element of an [`Op::Aggregate`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Key, for dicts.
    pub key: Option<ValueId>,
    /// Value.
    pub value: ValueId,
    /// `*x` or `**x`: the elements of `value`, not `value`.
    pub spread: bool,
}

/// An argument of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arg {
    /// Value.
    pub value: ValueId,
    /// Keyword name (Python); empty for positional.
    pub name: Sym,
    /// `*x` (1) or `**x` (2); 0 otherwise.
    pub spread: u8,
    /// Whole argument, keyword included.
    pub span: Span,
}

/// What is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Callee {
    /// `recv.name(...)` where `recv` is a value.
    Method {
        /// Receiver.
        recv: ValueId,
        /// Method name.
        name: Sym,
    },
    /// `name(...)` where `name` is not a local variable: function, class, inherited method, static import; resolved at link time.
    Name(Sym),
    /// Call of a value: a local variable that holds a function, the result of a call. Java functional interfaces are called by [`Callee::Method`].
    Value(ValueId),
    /// `super.name(...)`; `super(...)` and Python `super().__init__(...)` have name `<init>` / `__init__`. The receiver is parameter 0.
    Super(Sym),
    /// Java `this(...)`.
    ThisCtor,
    /// Java `new T(...)`; `body` for anonymous classes. Python class calls are [`Callee::Name`] or [`Callee::Method`] and found at link time.
    New {
        /// The class as written.
        ty: TypeRef,
        /// Anonymous class body.
        body: Option<ClassId>,
    },
}

/// A call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// What is called.
    pub callee: Callee,
    /// Arguments in source order, receiver not included.
    pub args: Vec<Arg>,
    /// The called name's token (`executeQuery`); the type's name for `new`.
    pub name_span: Span,
    /// From the opening to past the closing parenthesis.
    pub args_span: Span,
}

/// How text is put together from a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FormatStyle {
    /// Python `template % values` (`args` holds one value: a tuple, a dict or a single value).
    Percent,
}

/// An instruction's operation. Operands are values of the same function, defined on every path that reaches the use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Op {
    /// Parameter number n of [`Function::params`]. Stands in the entry block.
    Param(u32),
    /// Literal; the instruction's span is the literal's token (adjacent Python string literals: one instruction each, then [`Op::Concat`]).
    Const(Const),
    /// `dst = value of the operand of the predecessor taken`. Stands first in its block, one operand a predecessor.
    Phi(Vec<(BlockId, ValueId)>),
    /// The same value under another span (parentheses are not this; Python walrus, Java assignment used as a value are not needed either).
    Copy(ValueId),
    /// Binary operation.
    Bin(BinOp, ValueId, ValueId),
    /// Unary operation.
    Un(UnOp, ValueId),
    /// Text concatenation of the parts in order: f-strings, adjacent literals, `+` and `+=` chains with a literal string among the operands.
    Concat(Vec<ValueId>),
    /// Formatting by a template.
    Format(FormatStyle, ValueId, ValueId),
    /// Converts to text as `str(x)` / f-string `{x!r:>10}` do: operand, conversion (`s`, `r`, `a`, or none = 0), format spec (empty when none).
    ToText(ValueId, u8, Sym),
    /// Call.
    Call(Box<Call>),
    /// Literal collection. A fresh object.
    Aggregate(AggKind, Vec<Item>),
    /// Java `new T[n]…`: element type, lengths.
    NewArray(TypeRef, SmallVec<[ValueId; 1]>),
    /// `base.field`: fields, attributes, modules' members, `array.length`.
    LoadField(ValueId, Sym),
    /// `base.field = value`. No result is used.
    StoreField(ValueId, Sym, ValueId),
    /// `base[index]`.
    LoadIndex(ValueId, ValueId),
    /// `base[index] = value`.
    StoreIndex(ValueId, ValueId, ValueId),
    /// Python `del base[index]`.
    DeleteIndex(ValueId, ValueId),
    /// `base[lo:hi:step]`.
    Slice(ValueId, [Option<ValueId>; 3]),
    /// A name that is not a local variable of this function: module-level name, import, builtin, class, inherited or outer field. Resolved at link time.
    LoadName(Sym),
    /// Assignment to a module-level name (Python module body or `global x`), or to an unqualified name that is no local (Java: inherited or outer field; own fields are [`Op::StoreField`] on `this`).
    StoreName(Sym, ValueId),
    /// A function value: lambda, nested function, method reference to known code. Operands fill the captured parameters.
    Closure(FnId, Vec<ValueId>),
    /// Method reference `recv::name`, or a bound method.
    BoundMethod(ValueId, Sym),
    /// Cast or type assertion.
    Cast(TypeRef, ValueId),
    /// Type test (`instanceof`, `isinstance` with a plain name, class patterns).
    InstanceOf(TypeRef, ValueId),
    /// One unspecified element of what iterating the operand gives (for-each variable). Dict iteration gives keys, as iterating does.
    IterNext(ValueId),
    /// Unpacking: element n of the operand; negative n counts from the end. (`a, b = x`).
    Element(ValueId, i32),
    /// Rest of an unpacking (`a, *b, c = x`): elements from n to len - m.
    Rest(ValueId, u32, u32),
    /// `yield x`; the result is the value sent in (unknown).
    Yield(ValueId),
    /// `await x`, and what `async for` / `async with` wait for.
    Await(ValueId),
    /// A box for a local variable that a nested function captures and someone re-assigns.
    NewCell(ValueId),
    /// Reads the box.
    LoadCell(ValueId),
    /// Writes the box.
    StoreCell(ValueId, ValueId),
    /// The exception value at the start of a handler; types it can have (empty: any).
    Catch(Vec<TypeRef>),
    /// What entering a context manager or a try-with-resources gives: operand is the manager. The result of `__enter__`; Java: the resource.
    Enter(ValueId),
    /// Leaving it (`__exit__`, `close()`).
    Exit(ValueId),
    /// Not understood, or deliberately opaque. Operands flow into the result as far as anyone knows.
    Unknown(Vec<ValueId>),
}

/// An instruction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instr {
    /// Operation.
    pub op: Op,
    /// The expression's (or statement's) bytes in the file.
    pub span: Span,
    /// Innermost enclosing statement, an index into [`Function::stmts`].
    pub stmt: StmtId,
}

/// Index into [`Function::stmts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StmtId(pub u32);

/// How a block ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Term {
    /// Jump.
    Goto(BlockId),
    /// Two-way branch on a boolean (or truthy) value. The condition's defining instructions stay visible for refinement.
    If {
        /// Condition.
        cond: ValueId,
        /// When true.
        then: BlockId,
        /// When false.
        other: BlockId,
    },
    /// Multi-way branch by equality with constants (Java `switch` on values). Fall-through is plain control flow between the case blocks.
    Switch {
        /// Scrutinee.
        on: ValueId,
        /// Constant and target, in source order.
        cases: Vec<(Const, BlockId)>,
        /// When nothing matches.
        default: BlockId,
    },
    /// Return.
    Return(Option<ValueId>),
    /// Throw or raise; goes to the block's unwind target.
    Throw(Option<ValueId>),
    /// Never reached.
    Unreachable,
}

/// A basic block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Instructions in order; phis first.
    pub instrs: Vec<ValueId>,
    /// End.
    pub term: Term,
    /// Handler that an exception inside this block goes to. Inside a `try`, a block is split before each write of a
    /// local, so that the values at the block's end are those at its exceptions.
    pub unwind: Option<BlockId>,
}

impl Block {
    /// All successors, the unwind target last.
    pub fn successors(&self) -> SmallVec<[BlockId; 4]> {
        let mut out = SmallVec::new();
        match &self.term {
            Term::Goto(b) => out.push(*b),
            Term::If { then, other, .. } => out.extend([*then, *other]),
            Term::Switch { cases, default, .. } => {
                out.extend(cases.iter().map(|c| c.1));
                out.push(*default);
            }
            Term::Return(_) | Term::Throw(_) | Term::Unreachable => {}
        }
        out.extend(self.unwind);
        out
    }
}

/// A function.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Function {
    /// Simple name; `<init>`, `<clinit>`, `<module>`, `<lambda>` for the special ones.
    pub name: Sym,
    /// Qualified dotted name (`a.b.C.m`, `pkg.mod.f`, nested: `pkg.mod.f.g`).
    pub qualified: Sym,
    /// Class it belongs to (lambdas: the class around them).
    pub owner: Option<ClassId>,
    /// Enclosing function of a lambda, nested function or local class's method.
    pub parent: Option<FnId>,
    /// Parameters; `This` first, captures last.
    pub params: Vec<Param>,
    /// Declared result type.
    pub ret: Option<TypeRef>,
    /// Declared checked exceptions.
    pub throws: Vec<TypeRef>,
    /// Annotations or decorators.
    pub annotations: Vec<Annotation>,
    /// Bits of [`flags`].
    pub flags: u32,
    /// Names of type parameters (erased).
    pub type_params: Vec<Sym>,
    /// Blocks; empty for abstract functions.
    pub blocks: Vec<Block>,
    /// Instructions by value number.
    pub instrs: Vec<Instr>,
    /// Spans of statements.
    pub stmts: Vec<Span>,
    /// Source name of the local variable a value was assigned to, sorted by value: the last write wins. For traces and recipes.
    pub names: Vec<(ValueId, Sym)>,
    /// Whole declaration.
    pub span: Span,
    /// Body (block, suite or expression).
    pub body_span: Span,
}

impl Function {
    /// True when `flag` of [`flags`] is set.
    pub fn is(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }
    /// The defining instruction of `v`.
    pub fn instr(&self, v: ValueId) -> &Instr {
        &self.instrs[v.0 as usize]
    }
    /// The block.
    pub fn block(&self, b: BlockId) -> &Block {
        &self.blocks[b.0 as usize]
    }
}
