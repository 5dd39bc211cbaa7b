//! A text form of modules that parses back: tests of everything above the IR need no front end.
//!
//! ```text
//! module python app.views lines 12
//! import sqlite3 = sqlite3 module @0..14
//! function find app.views.find @16..90 @30..90
//!   param normal name @25..29
//!   stmts @16..90 @34..60
//!   name %1 rows
//!   block b0:
//!     %0 = param 0 @25..29
//!     %1 = call method %0.strip() name@3..4 args@4..6 @34..40 s1
//!     return %1
//! end
//! ```
//!
//! One instruction a line. Indentation does not matter, lines that start with `;` are comments, every `@lo..hi` may be
//! left out (0..0), and so may `stmts` and `sN`. Functions are `f0`, `f1`, … and classes `c0`, `c1`, … in their order. Names
//! that are not plain dotted words stand in quotes with the escapes `\\ \" \n \r \t \u{hex}`.

mod parse;

use crate::*;
use std::fmt::Write;
use surefix_text::Span;

pub use parse::parse;

macro_rules! table {
    ($name:ident: $ty:ty { $($variant:ident $word:literal),* $(,)? }) => {
        /// Words of the text form.
        pub(crate) const $name: &[(<$ty as Same>::T, &str)] = &[$((<$ty>::$variant, $word)),*];
    };
}

/// Lets [`table`] name a type twice.
pub(crate) trait Same {
    type T;
}
impl<T> Same for T {
    type T = T;
}

table!(LANGS: Lang { Java "java", Python "python" });
table!(BIN: BinOp {
    Add "add", Sub "sub", Mul "mul", Div "div", FloorDiv "floordiv", Mod "mod", Pow "pow", And "and", Or "or", Xor "xor",
    Shl "shl", Shr "shr", UShr "ushr", Eq "eq", Ne "ne", Lt "lt", Le "le", Gt "gt", Ge "ge", In "in", NotIn "notin",
    Is "is", IsNot "isnot",
});
table!(UN: UnOp { Not "not", Neg "neg", BitNot "bitnot", Plus "plus" });
table!(AGG: AggKind { Array "array", List "list", Tuple "tuple", Set "set", Dict "dict", Generator "generator" });
table!(PARAMS: ParamKind {
    This "this", Normal "normal", VarArgs "varargs", KeywordOnly "keyword", KwArgs "kwargs", Capture "capture",
});
table!(IMPORTS: ImportKind {
    Type "type", TypeWildcard "type-wildcard", Static "static", StaticWildcard "static-wildcard", Module "module",
    From "from", FromWildcard "from-wildcard",
});
table!(CLASSES: ClassKind {
    Class "class", Interface "interface", Enum "enum", Record "record", Annotation "annotation",
});

fn word<T: PartialEq>(table: &[(T, &'static str)], v: &T) -> &'static str {
    table.iter().find(|(t, _)| t == v).map_or("?", |(_, w)| w)
}

/// The text form of `m`. `parse(&print(m))` gives the same module up to the numbering of strings.
pub fn print(m: &Module) -> String {
    let mut p = Printer { m, out: String::new() };
    p.module();
    p.out
}

struct Printer<'a> {
    m: &'a Module,
    out: String,
}

/// True for names that the parser reads without quotes.
fn is_plain(s: &str) -> bool {
    let special = s.strip_prefix('<').and_then(|s| s.strip_suffix('>'));
    if let Some(inner) = special {
        return !inner.is_empty() && inner.bytes().all(|b| b.is_ascii_lowercase());
    }
    s.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && s.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'$'))
}

fn quote(out: &mut String, s: &str) {
    out.push('"');
    for c in s.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
                out.push_str(&format!("\\u{{{:x}}}", u32::from(c)))
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// `write!` to a string cannot fail.
macro_rules! put {
    ($p:expr, $($arg:tt)*) => {{ let _ = write!($p.out, $($arg)*); }};
}

impl Printer<'_> {
    fn module(&mut self) {
        let m = self.m;
        put!(self, "module {} ", m.lang.name());
        self.sym(m.name);
        if m.is_package {
            put!(self, " package");
        }
        if let Some(f) = m.init {
            put!(self, " init f{}", f.0);
        }
        put!(self, " lines {}\n", m.lines);
        for i in &m.imports {
            put!(self, "import ");
            self.sym(i.local);
            put!(self, " = ");
            self.sym(i.path);
            put!(self, " {}", word(IMPORTS, &i.kind));
            if let Some(f) = i.scope {
                put!(self, " in f{}", f.0);
            }
            self.span(i.span);
            self.out.push('\n');
        }
        for d in &m.diagnostics {
            put!(self, "diagnostic ");
            quote(&mut self.out, &d.what);
            self.span(d.span);
            self.out.push('\n');
        }
        for s in &m.error_spans {
            put!(self, "error @{}..{}\n", s.lo, s.hi);
        }
        for (n, c) in m.classes.iter().enumerate() {
            put!(self, "; c{n}\n");
            self.class(c);
        }
        for (n, f) in m.functions.iter().enumerate() {
            put!(self, "; f{n}\n");
            self.function(f);
        }
    }

    fn class(&mut self, c: &Class) {
        put!(self, "class {} ", word(CLASSES, &c.kind));
        self.sym(c.name);
        self.out.push(' ');
        self.sym(c.qualified);
        if c.is_static {
            put!(self, " static");
        }
        if c.is_abstract {
            put!(self, " abstract");
        }
        if let Some(o) = c.outer {
            put!(self, " outer c{}", o.0);
        }
        put!(self, " @{}..{} @{}..{}\n", c.span.lo, c.span.hi, c.body_span.lo, c.body_span.hi);
        self.types("super", &c.supers);
        self.type_params(&c.type_params);
        self.annotations(&c.annotations);
        for f in &c.fields {
            put!(self, "  field ");
            self.sym(f.name);
            self.typed(f.ty.as_ref());
            if f.is_static {
                put!(self, " static");
            }
            if f.is_final {
                put!(self, " final");
            }
            self.span(f.span);
            self.out.push('\n');
            self.annotations(&f.annotations);
        }
        for m in &c.methods {
            put!(self, "  method f{}\n", m.0);
        }
        put!(self, "end\n");
    }

    fn function(&mut self, f: &Function) {
        put!(self, "function ");
        self.sym(f.name);
        self.out.push(' ');
        self.sym(f.qualified);
        if f.flags != 0 {
            put!(self, " flags {}", f.flags);
        }
        if let Some(c) = f.owner {
            put!(self, " owner c{}", c.0);
        }
        if let Some(p) = f.parent {
            put!(self, " parent f{}", p.0);
        }
        put!(self, " @{}..{} @{}..{}\n", f.span.lo, f.span.hi, f.body_span.lo, f.body_span.hi);
        self.types("ret", f.ret.as_slice());
        self.types("throws", &f.throws);
        self.type_params(&f.type_params);
        self.annotations(&f.annotations);
        for p in &f.params {
            put!(self, "  param {} ", word(PARAMS, &p.kind));
            self.sym(p.name);
            self.typed(p.ty.as_ref());
            if p.has_default {
                put!(self, " default");
            }
            if let Some(c) = &p.default {
                put!(self, " = ");
                self.constant(c);
            }
            if let Some(c) = p.default_call {
                put!(self, " call ");
                self.sym(c);
            }
            self.span(p.span);
            self.out.push('\n');
            self.annotations(&p.annotations);
        }
        put!(self, "  stmts");
        f.stmts.iter().for_each(|s| put!(self, " @{}..{}", s.lo, s.hi));
        self.out.push('\n');
        for (v, name) in &f.names {
            put!(self, "  name %{} ", v.0);
            self.sym(*name);
            self.out.push('\n');
        }
        let mut placed = vec![false; f.instrs.len()];
        for (n, b) in f.blocks.iter().enumerate() {
            put!(self, "  block b{n}");
            if let Some(u) = b.unwind {
                put!(self, " unwind b{}", u.0);
            }
            put!(self, ":\n");
            for v in &b.instrs {
                if let Some(done) = placed.get_mut(v.0 as usize) {
                    *done = true;
                }
                self.instr(f, *v);
            }
            self.term(&b.term);
        }
        if placed.contains(&false) {
            put!(self, "  dead:\n");
            let dead = placed.iter().enumerate().filter(|(_, done)| !**done);
            dead.for_each(|(i, _)| self.instr(f, ValueId(i as u32)));
        }
        put!(self, "end\n");
    }

    fn instr(&mut self, f: &Function, v: ValueId) {
        // A validator's finding must be printable: an id out of range is a comment.
        let Some(i) = f.instrs.get(v.0 as usize) else {
            put!(self, "    ; %{} does not exist\n", v.0);
            return;
        };
        put!(self, "    %{} = ", v.0);
        self.op(&i.op);
        self.span(i.span);
        put!(self, " s{}\n", i.stmt.0);
    }

    fn term(&mut self, t: &Term) {
        match t {
            Term::Goto(b) => put!(self, "    goto b{}", b.0),
            Term::If { cond, then, other } => put!(self, "    if %{} b{} b{}", cond.0, then.0, other.0),
            Term::Switch { on, cases, default } => {
                put!(self, "    switch %{} (", on.0);
                for (n, (c, b)) in cases.iter().enumerate() {
                    self.comma(n);
                    self.constant(c);
                    put!(self, " => b{}", b.0);
                }
                put!(self, ") else b{}", default.0);
            }
            Term::Return(None) => put!(self, "    return"),
            Term::Return(Some(v)) => put!(self, "    return %{}", v.0),
            Term::Throw(None) => put!(self, "    throw"),
            Term::Throw(Some(v)) => put!(self, "    throw %{}", v.0),
            Term::Unreachable => put!(self, "    unreachable"),
        }
        self.out.push('\n');
    }

    fn op(&mut self, op: &Op) {
        match op {
            Op::Param(n) => put!(self, "param {n}"),
            Op::Const(c) => {
                put!(self, "const ");
                self.constant(c);
            }
            Op::Phi(ops) => {
                put!(self, "phi(");
                for (n, (b, v)) in ops.iter().enumerate() {
                    self.comma(n);
                    put!(self, "b{}: %{}", b.0, v.0);
                }
                put!(self, ")");
            }
            Op::Copy(v) => put!(self, "copy %{}", v.0),
            Op::Bin(o, a, b) => put!(self, "bin {} %{} %{}", word(BIN, o), a.0, b.0),
            Op::Un(o, a) => put!(self, "un {} %{}", word(UN, o), a.0),
            Op::Concat(vs) => self.call_like("concat", vs),
            Op::Format(FormatStyle::Percent, a, b) => put!(self, "format percent %{} %{}", a.0, b.0),
            Op::ToText(v, conversion, spec) => {
                put!(self, "totext %{} {conversion} ", v.0);
                self.sym(*spec);
            }
            Op::Call(c) => self.call(c),
            Op::Aggregate(kind, items) => {
                put!(self, "aggregate {}(", word(AGG, kind));
                for (n, i) in items.iter().enumerate() {
                    self.comma(n);
                    put!(self, "{}", if i.spread { "*" } else { "" });
                    if let Some(k) = i.key {
                        put!(self, "%{}: ", k.0);
                    }
                    put!(self, "%{}", i.value.0);
                }
                put!(self, ")");
            }
            Op::NewArray(t, vs) => {
                put!(self, "newarray ");
                self.ty(t);
                self.call_like("", vs);
            }
            Op::LoadField(v, f) => self.member("loadfield", *v, *f),
            Op::StoreField(v, f, x) => {
                self.member("storefield", *v, *f);
                put!(self, " = %{}", x.0);
            }
            Op::LoadIndex(a, b) => put!(self, "loadindex %{}[%{}]", a.0, b.0),
            Op::StoreIndex(a, b, c) => put!(self, "storeindex %{}[%{}] = %{}", a.0, b.0, c.0),
            Op::DeleteIndex(a, b) => put!(self, "deleteindex %{}[%{}]", a.0, b.0),
            Op::Slice(a, bounds) => {
                put!(self, "slice %{}[", a.0);
                for (n, b) in bounds.iter().enumerate() {
                    put!(self, "{}", if n > 0 { ":" } else { "" });
                    if let Some(b) = b {
                        put!(self, "%{}", b.0);
                    }
                }
                put!(self, "]");
            }
            Op::LoadName(s) => {
                put!(self, "loadname ");
                self.sym(*s);
            }
            Op::StoreName(s, v) => {
                put!(self, "storename ");
                self.sym(*s);
                put!(self, " = %{}", v.0);
            }
            Op::Closure(f, vs) => {
                put!(self, "closure f{}", f.0);
                self.call_like("", vs);
            }
            Op::BoundMethod(v, n) => self.member("boundmethod", *v, *n),
            Op::Cast(t, v) => self.typed_op("cast", t, *v),
            Op::InstanceOf(t, v) => self.typed_op("instanceof", t, *v),
            Op::IterNext(v) => put!(self, "iternext %{}", v.0),
            Op::Element(v, n) => put!(self, "element %{} {n}", v.0),
            Op::Rest(v, n, m) => put!(self, "rest %{} {n} {m}", v.0),
            Op::Yield(v) => put!(self, "yield %{}", v.0),
            Op::Await(v) => put!(self, "await %{}", v.0),
            Op::NewCell(v) => put!(self, "newcell %{}", v.0),
            Op::LoadCell(v) => put!(self, "loadcell %{}", v.0),
            Op::StoreCell(a, b) => put!(self, "storecell %{} = %{}", a.0, b.0),
            Op::Catch(types) => {
                put!(self, "catch(");
                for (n, t) in types.iter().enumerate() {
                    self.comma(n);
                    self.ty(t);
                }
                put!(self, ")");
            }
            Op::Enter(v) => put!(self, "enter %{}", v.0),
            Op::Exit(v) => put!(self, "exit %{}", v.0),
            Op::Unknown(vs) => self.call_like("unknown", vs),
        }
    }

    fn call(&mut self, c: &Call) {
        match &c.callee {
            Callee::Method { recv, name } => self.member("call method", *recv, *name),
            Callee::Name(n) => {
                put!(self, "call name ");
                self.sym(*n);
            }
            Callee::Value(v) => put!(self, "call value %{}", v.0),
            Callee::Super(n) => {
                put!(self, "call super ");
                self.sym(*n);
            }
            Callee::ThisCtor => put!(self, "call this"),
            Callee::New { ty, body } => {
                put!(self, "call new ");
                self.ty(ty);
                if let Some(c) = body {
                    put!(self, " body c{} ", c.0);
                }
            }
        }
        self.out.push('(');
        for (n, a) in c.args.iter().enumerate() {
            self.comma(n);
            (0..a.spread).for_each(|_| self.out.push('*'));
            if a.name != Sym::EMPTY {
                self.sym(a.name);
                self.out.push('=');
            }
            put!(self, "%{}", a.value.0);
            self.at("", a.span);
        }
        self.out.push(')');
        self.at(" name", c.name_span);
        self.at(" args", c.args_span);
    }

    fn constant(&mut self, c: &Const) {
        match c {
            Const::Null => put!(self, "null"),
            Const::Bool(b) => put!(self, "{b}"),
            Const::Int(n) => put!(self, "int {n}"),
            Const::Float(bits) => put!(self, "float {bits}"),
            Const::Char(c) => put!(self, "char {c}"),
            Const::Str(s) => self.quoted("str ", *s),
            Const::Bytes(s) => self.quoted("bytes ", *s),
            Const::Class(s) => {
                put!(self, "class ");
                self.sym(*s);
            }
            Const::Ellipsis => put!(self, "ellipsis"),
        }
    }

    fn quoted(&mut self, word: &str, s: Sym) {
        self.out.push_str(word);
        let text = self.text(s).to_owned();
        quote(&mut self.out, &text);
    }

    fn text(&self, s: Sym) -> &str {
        if (s.0 as usize) < self.m.strings.len() { self.m.strings.get(s) } else { "\u{fffd}" }
    }

    fn sym(&mut self, s: Sym) {
        let text = self.text(s).to_owned();
        if is_plain(&text) { self.out.push_str(&text) } else { quote(&mut self.out, &text) }
    }

    fn comma(&mut self, n: usize) {
        if n > 0 {
            self.out.push_str(", ");
        }
    }

    fn member(&mut self, op: &str, v: ValueId, name: Sym) {
        put!(self, "{op} %{}.", v.0);
        self.sym(name);
    }

    fn call_like(&mut self, op: &str, vs: &[ValueId]) {
        put!(self, "{op}(");
        for (n, v) in vs.iter().enumerate() {
            self.comma(n);
            put!(self, "%{}", v.0);
        }
        self.out.push(')');
    }

    fn typed_op(&mut self, op: &str, t: &TypeRef, v: ValueId) {
        put!(self, "{op} ");
        self.ty(t);
        put!(self, " %{}", v.0);
    }

    fn ty(&mut self, t: &TypeRef) {
        self.sym(t.name);
        if !t.args.is_empty() {
            self.out.push('<');
            for (n, a) in t.args.iter().enumerate() {
                self.comma(n);
                stacker::maybe_grow(64 * 1024, 1024 * 1024, || self.ty(a));
            }
            self.out.push('>');
        }
        (0..t.dims).for_each(|_| self.out.push_str("[]"));
    }

    fn typed(&mut self, t: Option<&TypeRef>) {
        if let Some(t) = t {
            put!(self, ": ");
            self.ty(t);
        }
    }

    fn types(&mut self, word: &str, types: &[TypeRef]) {
        for t in types {
            put!(self, "  {word} ");
            self.ty(t);
            self.out.push('\n');
        }
    }

    fn type_params(&mut self, names: &[Sym]) {
        for n in names {
            put!(self, "  typeparam ");
            self.sym(*n);
            self.out.push('\n');
        }
    }

    fn annotations(&mut self, annotations: &[Annotation]) {
        for a in annotations {
            put!(self, "    annotation ");
            self.sym(a.name);
            self.out.push('(');
            for (n, (k, v)) in a.args.iter().enumerate() {
                self.comma(n);
                self.sym(*k);
                self.out.push('=');
                self.sym(*v);
            }
            self.out.push(')');
            self.span(a.span);
            self.out.push('\n');
        }
    }

    fn span(&mut self, s: Span) {
        self.at(" ", s);
    }

    fn at(&mut self, before: &str, s: Span) {
        if s != Span::default() {
            put!(self, "{before}@{}..{}", s.lo, s.hi);
        }
    }
}
