//! Reads the text form.

use super::{AGG, BIN, CLASSES, IMPORTS, LANGS, PARAMS, UN};
use crate::*;
use smallvec::SmallVec;
use surefix_text::Span;

/// Reads a module; the error names the line. The result is not validated: see [`crate::validate`].
pub fn parse(text: &str) -> Result<Module, String> {
    let mut strings = Interner::default();
    let mut reader = Reader { module: None, scope: Scope::Top };
    for (n, line) in text.lines().enumerate() {
        let mut c = Cursor { rest: line.trim(), strings: &mut strings };
        if c.rest.is_empty() || c.rest.starts_with(';') {
            continue;
        }
        reader.line(&mut c).and_then(|()| c.done()).map_err(|e| format!("line {}: {e}", n + 1))?;
    }
    if !matches!(reader.scope, Scope::Top) {
        return Err("the last class or function has no `end`".to_owned());
    }
    let mut module = reader.module.ok_or("there is no `module` line")?;
    module.strings = strings;
    Ok(module)
}

type Parsed<T> = Result<T, String>;

enum Scope {
    Top,
    Class(Box<Class>),
    Function(Box<Draft>),
}

/// A function whose instructions come in the order of blocks, not of ids.
struct Draft {
    f: Function,
    instrs: Vec<Option<Instr>>,
    block: Option<usize>,
    /// The current block has its terminator, or no block began.
    ended: bool,
    dead: bool,
}

struct Reader {
    module: Option<Module>,
    scope: Scope,
}

struct Cursor<'a> {
    rest: &'a str,
    strings: &'a mut Interner,
}

impl Reader {
    fn line(&mut self, c: &mut Cursor<'_>) -> Parsed<()> {
        if c.rest == "end" {
            c.rest = "";
            return self.end();
        }
        match &mut self.scope {
            Scope::Top => self.top(c),
            Scope::Class(class) => class_line(class, c),
            Scope::Function(draft) => function_line(draft, c),
        }
    }

    fn end(&mut self) -> Parsed<()> {
        let module = self.module.as_mut().ok_or("`end` before `module`")?;
        match std::mem::replace(&mut self.scope, Scope::Top) {
            Scope::Top => return Err("`end` outside a class or function".to_owned()),
            Scope::Class(c) => module.classes.push(*c),
            Scope::Function(d) => {
                let mut d = *d;
                if d.f.stmts.is_empty() {
                    d.f.stmts.push(d.f.span);
                }
                let missing = d.instrs.iter().position(Option::is_none);
                if let Some(n) = missing {
                    return Err(format!("%{n} is not defined"));
                }
                d.f.instrs = d.instrs.into_iter().flatten().collect();
                module.functions.push(d.f);
            }
        }
        Ok(())
    }

    fn top(&mut self, c: &mut Cursor<'_>) -> Parsed<()> {
        let word = c.word();
        if word == "module" {
            if self.module.is_some() {
                return Err("a second `module` line".to_owned());
            }
            self.module = Some(module_line(c)?);
            return Ok(());
        }
        let module = self.module.as_mut().ok_or("the first line must be `module`")?;
        match word {
            "import" => {
                let local = c.sym()?;
                c.expect("=")?;
                let path = c.sym()?;
                let kind = c.of(IMPORTS)?;
                let scope = if c.eat_word("in") { Some(FnId(c.id('f')?)) } else { None };
                module.imports.push(Import { local, path, kind, span: c.span()?, scope });
            }
            "diagnostic" => {
                let what = c.string()?;
                module.diagnostics.push(LowerDiagnostic { span: c.span()?, what });
            }
            "error" => module.error_spans.push(c.span()?),
            "class" => self.scope = Scope::Class(Box::new(class_head(c)?)),
            "function" => self.scope = Scope::Function(Box::new(function_head(c)?)),
            _ => return Err(format!("`{word}` is not known here")),
        }
        Ok(())
    }
}

fn module_line(c: &mut Cursor<'_>) -> Parsed<Module> {
    let lang = c.of(LANGS)?;
    let name = c.sym()?;
    let is_package = c.eat_word("package");
    let init = if c.eat_word("init") { Some(FnId(c.id('f')?)) } else { None };
    let lines = if c.eat_word("lines") { c.number()? } else { 0 };
    Ok(Module {
        lang,
        name,
        is_package,
        strings: Interner::default(),
        imports: Vec::new(),
        classes: Vec::new(),
        functions: Vec::new(),
        init,
        diagnostics: Vec::new(),
        error_spans: Vec::new(),
        lines,
    })
}

fn class_head(c: &mut Cursor<'_>) -> Parsed<Class> {
    Ok(Class {
        kind: c.of(CLASSES)?,
        name: c.sym()?,
        qualified: c.sym()?,
        is_static: c.eat_word("static"),
        is_abstract: c.eat_word("abstract"),
        outer: if c.eat_word("outer") { Some(ClassId(c.id('c')?)) } else { None },
        span: c.span()?,
        body_span: c.span()?,
        supers: Vec::new(),
        type_params: Vec::new(),
        fields: Vec::new(),
        methods: Vec::new(),
        annotations: Vec::new(),
    })
}

fn class_line(class: &mut Class, c: &mut Cursor<'_>) -> Parsed<()> {
    match c.word() {
        "super" => class.supers.push(c.ty()?),
        "typeparam" => class.type_params.push(c.sym()?),
        "annotation" => {
            let to = class.fields.last_mut().map_or(&mut class.annotations, |f| &mut f.annotations);
            to.push(c.annotation()?);
        }
        "field" => class.fields.push(Field {
            name: c.sym()?,
            ty: c.typed()?,
            is_static: c.eat_word("static"),
            is_final: c.eat_word("final"),
            annotations: Vec::new(),
            span: c.span()?,
        }),
        "method" => class.methods.push(FnId(c.id('f')?)),
        w => return Err(format!("`{w}` is not known in a class")),
    }
    Ok(())
}

fn function_head(c: &mut Cursor<'_>) -> Parsed<Draft> {
    let f = Function {
        name: c.sym()?,
        qualified: c.sym()?,
        flags: if c.eat_word("flags") { c.number()? } else { 0 },
        owner: if c.eat_word("owner") { Some(ClassId(c.id('c')?)) } else { None },
        parent: if c.eat_word("parent") { Some(FnId(c.id('f')?)) } else { None },
        span: c.span()?,
        body_span: c.span()?,
        params: Vec::new(),
        ret: None,
        throws: Vec::new(),
        annotations: Vec::new(),
        type_params: Vec::new(),
        blocks: Vec::new(),
        instrs: Vec::new(),
        stmts: Vec::new(),
        names: Vec::new(),
    };
    Ok(Draft { f, instrs: Vec::new(), block: None, ended: true, dead: false })
}

fn function_line(d: &mut Draft, c: &mut Cursor<'_>) -> Parsed<()> {
    if c.rest.starts_with('%') {
        return instruction(d, c);
    }
    let word = c.word();
    match word {
        "ret" => d.f.ret = Some(c.ty()?),
        "throws" => d.f.throws.push(c.ty()?),
        "typeparam" => d.f.type_params.push(c.sym()?),
        "annotation" => {
            let to = d.f.params.last_mut().map_or(&mut d.f.annotations, |p| &mut p.annotations);
            to.push(c.annotation()?);
        }
        "param" => d.f.params.push(Param {
            kind: c.of(PARAMS)?,
            name: c.sym()?,
            ty: c.typed()?,
            has_default: c.eat_word("default"),
            default: if c.eat("=") { Some(c.constant()?) } else { None },
            default_call: if c.eat_word("call") { Some(c.sym()?) } else { None },
            annotations: Vec::new(),
            span: c.span()?,
        }),
        "stmts" => {
            while c.peek('@') {
                d.f.stmts.push(c.span()?);
            }
        }
        "name" => d.f.names.push((c.value()?, c.sym()?)),
        "block" => {
            let id = c.id('b')? as usize;
            if id != d.f.blocks.len() {
                return Err(format!("the next block is b{}", d.f.blocks.len()));
            }
            let unwind = if c.eat_word("unwind") { Some(BlockId(c.id('b')?)) } else { None };
            c.expect(":")?;
            d.f.blocks.push(Block { instrs: Vec::new(), term: Term::Unreachable, unwind });
            (d.block, d.ended, d.dead) = (Some(id), false, false);
        }
        "dead" => {
            c.expect(":")?;
            d.dead = true;
        }
        _ => {
            let term = c.term(word)?;
            let block = d.block.and_then(|b| d.f.blocks.get_mut(b)).filter(|_| !d.ended && !d.dead);
            block.ok_or("a terminator outside a block")?.term = term;
            d.ended = true;
        }
    }
    Ok(())
}

fn instruction(d: &mut Draft, c: &mut Cursor<'_>) -> Parsed<()> {
    let v = c.value()?;
    c.expect("=")?;
    let op = c.op()?;
    let span = c.span()?;
    let stmt = StmtId(if c.rest.is_empty() { 0 } else { c.id('s')? });
    let at = v.0 as usize;
    // Ids come from text: a huge one must not become a huge allocation.
    if at > d.instrs.len().saturating_add(1 << 20) {
        return Err(format!("%{at} leaves too large a gap"));
    }
    if d.instrs.len() <= at {
        d.instrs.resize(at + 1, None);
    }
    match d.instrs.get_mut(at) {
        Some(slot @ None) => *slot = Some(Instr { op, span, stmt }),
        _ => return Err(format!("%{at} is defined twice")),
    }
    if !d.dead {
        let block = d.block.and_then(|b| d.f.blocks.get_mut(b)).filter(|_| !d.ended);
        block.ok_or("an instruction outside a block")?.instrs.push(v);
    }
    Ok(())
}

impl<'a> Cursor<'a> {
    fn trim(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn done(&mut self) -> Parsed<()> {
        self.trim();
        if self.rest.is_empty() { Ok(()) } else { Err(format!("`{}` is left over", self.rest)) }
    }

    fn peek(&mut self, c: char) -> bool {
        self.trim();
        self.rest.starts_with(c)
    }

    fn eat(&mut self, token: &str) -> bool {
        self.trim();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, token: &str) -> Parsed<()> {
        if self.eat(token) { Ok(()) } else { Err(format!("`{token}` expected at `{}`", self.rest)) }
    }

    fn take(&mut self, accept: impl Fn(u8) -> bool) -> &'a str {
        self.trim();
        let len = self.rest.bytes().take_while(|b| accept(*b)).count();
        let (word, rest) = self.rest.split_at(len);
        self.rest = rest;
        word
    }

    fn word(&mut self) -> &'a str {
        self.take(|b| b.is_ascii_alphanumeric() || b == b'-')
    }

    fn eat_word(&mut self, word: &str) -> bool {
        self.trim();
        let whole =
            |r: &&str| !r.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '$' | '-'));
        match self.rest.strip_prefix(word).filter(whole) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn of<T: Copy>(&mut self, table: &[(T, &str)]) -> Parsed<T> {
        let word = self.word();
        table.iter().find(|(_, w)| *w == word).map(|(t, _)| *t).ok_or_else(|| format!("`{word}` is not known here"))
    }

    fn number<N: std::str::FromStr>(&mut self) -> Parsed<N> {
        let digits = self.take(|b| b.is_ascii_digit() || b == b'-');
        digits.parse().map_err(|_| format!("a number expected at `{digits}{}`", self.rest))
    }

    fn id(&mut self, letter: char) -> Parsed<u32> {
        self.trim();
        self.rest = self.rest.strip_prefix(letter).ok_or_else(|| format!("`{letter}0` expected at `{}`", self.rest))?;
        self.number()
    }

    fn value(&mut self) -> Parsed<ValueId> {
        self.id('%').map(ValueId)
    }

    fn block(&mut self) -> Parsed<BlockId> {
        self.id('b').map(BlockId)
    }

    fn span(&mut self) -> Parsed<Span> {
        if !self.eat("@") {
            return Ok(Span::default());
        }
        let lo = self.number()?;
        self.expect("..")?;
        Ok(Span { lo, hi: self.number()? })
    }

    fn string(&mut self) -> Parsed<String> {
        self.expect("\"")?;
        let mut out = String::new();
        let mut chars = self.rest.char_indices();
        while let Some((i, ch)) = chars.next() {
            match ch {
                '"' => {
                    self.rest = &self.rest[i + 1..];
                    return Ok(out);
                }
                '\\' => match chars.next().map(|(_, e)| e) {
                    Some(e @ ('"' | '\\')) => out.push(e),
                    Some('n') => out.push('\n'),
                    Some('r') => out.push('\r'),
                    Some('t') => out.push('\t'),
                    Some('u') => {
                        let hex: String =
                            chars.by_ref().map(|(_, c)| c).skip(1).take_while(|c| *c != '}').take(8).collect();
                        let code = u32::from_str_radix(&hex, 16).ok().and_then(char::from_u32);
                        out.push(code.ok_or_else(|| format!("`{hex}` is no character"))?);
                    }
                    _ => return Err("an unknown escape".to_owned()),
                },
                c => out.push(c),
            }
        }
        Err("a string without an end".to_owned())
    }

    fn sym(&mut self) -> Parsed<Sym> {
        if self.peek('"') {
            let s = self.string()?;
            return Ok(self.strings.intern(&s));
        }
        let word = if self.peek('<') {
            let end = self.rest.find('>').ok_or("`<` without `>`")?;
            let (word, rest) = self.rest.split_at(end + 1);
            self.rest = rest;
            word
        } else {
            self.take(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'$'))
        };
        if word.is_empty() {
            return Err(format!("a name expected at `{}`", self.rest));
        }
        Ok(self.strings.intern(word))
    }

    fn ty(&mut self) -> Parsed<TypeRef> {
        self.nested_ty(0)
    }

    /// The depth is limited because dropping a type recurses.
    fn nested_ty(&mut self, depth: usize) -> Parsed<TypeRef> {
        if depth > 500 {
            return Err("a type nested too deeply".to_owned());
        }
        let name = self.sym()?;
        let mut args = Vec::new();
        if self.eat("<") {
            loop {
                args.push(stacker::maybe_grow(64 * 1024, 1024 * 1024, || self.nested_ty(depth + 1))?);
                if !self.eat(",") {
                    break;
                }
            }
            self.expect(">")?;
        }
        let mut dims = 0u8;
        while self.eat("[]") {
            dims = dims.checked_add(1).ok_or("too many dimensions")?;
        }
        Ok(TypeRef { name, args, dims })
    }

    fn typed(&mut self) -> Parsed<Option<TypeRef>> {
        if self.eat(":") { self.ty().map(Some) } else { Ok(None) }
    }

    /// `(a, b)` with `each` reading an element.
    fn list<T>(&mut self, mut each: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        self.expect("(")?;
        let mut out = Vec::new();
        while !self.eat(")") {
            if !out.is_empty() {
                self.expect(",")?;
            }
            out.push(each(self)?);
        }
        Ok(out)
    }

    fn annotation(&mut self) -> Parsed<Annotation> {
        let name = self.sym()?;
        let args = self.list(|c| {
            let key = c.sym()?;
            c.expect("=")?;
            Ok((key, c.sym()?))
        })?;
        Ok(Annotation { name, args, span: self.span()? })
    }

    fn constant(&mut self) -> Parsed<Const> {
        Ok(match self.word() {
            "null" => Const::Null,
            "true" => Const::Bool(true),
            "false" => Const::Bool(false),
            "int" => Const::Int(self.number()?),
            "float" => Const::Float(self.number()?),
            "char" => Const::Char(self.number()?),
            "str" => Const::Str(self.sym()?),
            "bytes" => Const::Bytes(self.sym()?),
            "class" => Const::Class(self.sym()?),
            "ellipsis" => Const::Ellipsis,
            w => return Err(format!("`{w}` is no constant")),
        })
    }

    fn term(&mut self, word: &str) -> Parsed<Term> {
        Ok(match word {
            "goto" => Term::Goto(self.block()?),
            "if" => Term::If { cond: self.value()?, then: self.block()?, other: self.block()? },
            "switch" => {
                let on = self.value()?;
                let cases = self.list(|c| {
                    let constant = c.constant()?;
                    c.expect("=>")?;
                    Ok((constant, c.block()?))
                })?;
                self.expect("else")?;
                Term::Switch { on, cases, default: self.block()? }
            }
            "return" => Term::Return(if self.peek('%') { Some(self.value()?) } else { None }),
            "throw" => Term::Throw(if self.peek('%') { Some(self.value()?) } else { None }),
            "unreachable" => Term::Unreachable,
            w => return Err(format!("`{w}` is not known in a function")),
        })
    }

    fn values(&mut self) -> Parsed<Vec<ValueId>> {
        self.list(Self::value)
    }

    fn member(&mut self) -> Parsed<(ValueId, Sym)> {
        let v = self.value()?;
        self.expect(".")?;
        Ok((v, self.sym()?))
    }

    fn index(&mut self) -> Parsed<(ValueId, ValueId)> {
        let a = self.value()?;
        self.expect("[")?;
        let b = self.value()?;
        self.expect("]")?;
        Ok((a, b))
    }

    fn assigned(&mut self) -> Parsed<ValueId> {
        self.expect("=")?;
        self.value()
    }

    fn op(&mut self) -> Parsed<Op> {
        Ok(match self.word() {
            "param" => Op::Param(self.number()?),
            "const" => Op::Const(self.constant()?),
            "phi" => Op::Phi(self.list(|c| {
                let b = c.block()?;
                c.expect(":")?;
                Ok((b, c.value()?))
            })?),
            "copy" => Op::Copy(self.value()?),
            "bin" => Op::Bin(self.of(BIN)?, self.value()?, self.value()?),
            "un" => Op::Un(self.of(UN)?, self.value()?),
            "concat" => Op::Concat(self.values()?),
            "format" => {
                self.expect("percent")?;
                Op::Format(FormatStyle::Percent, self.value()?, self.value()?)
            }
            "totext" => Op::ToText(self.value()?, self.number()?, self.sym()?),
            "call" => Op::Call(Box::new(self.call()?)),
            "aggregate" => Op::Aggregate(self.of(AGG)?, self.list(Self::item)?),
            "newarray" => Op::NewArray(self.ty()?, SmallVec::from_vec(self.values()?)),
            "loadfield" => {
                let (v, f) = self.member()?;
                Op::LoadField(v, f)
            }
            "storefield" => {
                let (v, f) = self.member()?;
                Op::StoreField(v, f, self.assigned()?)
            }
            "loadindex" => {
                let (a, b) = self.index()?;
                Op::LoadIndex(a, b)
            }
            "storeindex" => {
                let (a, b) = self.index()?;
                Op::StoreIndex(a, b, self.assigned()?)
            }
            "deleteindex" => {
                let (a, b) = self.index()?;
                Op::DeleteIndex(a, b)
            }
            "slice" => self.slice()?,
            "loadname" => Op::LoadName(self.sym()?),
            "storename" => Op::StoreName(self.sym()?, self.assigned()?),
            "closure" => Op::Closure(FnId(self.id('f')?), self.values()?),
            "boundmethod" => {
                let (v, n) = self.member()?;
                Op::BoundMethod(v, n)
            }
            "cast" => Op::Cast(self.ty()?, self.value()?),
            "instanceof" => Op::InstanceOf(self.ty()?, self.value()?),
            "iternext" => Op::IterNext(self.value()?),
            "element" => Op::Element(self.value()?, self.number()?),
            "rest" => Op::Rest(self.value()?, self.number()?, self.number()?),
            "yield" => Op::Yield(self.value()?),
            "await" => Op::Await(self.value()?),
            "newcell" => Op::NewCell(self.value()?),
            "loadcell" => Op::LoadCell(self.value()?),
            "storecell" => Op::StoreCell(self.value()?, self.assigned()?),
            "catch" => Op::Catch(self.list(Self::ty)?),
            "enter" => Op::Enter(self.value()?),
            "exit" => Op::Exit(self.value()?),
            "unknown" => Op::Unknown(self.values()?),
            w => return Err(format!("`{w}` is no operation")),
        })
    }

    fn slice(&mut self) -> Parsed<Op> {
        let base = self.value()?;
        self.expect("[")?;
        let mut bounds = [None; 3];
        for (n, b) in bounds.iter_mut().enumerate() {
            if n > 0 {
                self.expect(":")?;
            }
            if self.peek('%') {
                *b = Some(self.value()?);
            }
        }
        self.expect("]")?;
        Ok(Op::Slice(base, bounds))
    }

    fn item(&mut self) -> Parsed<Item> {
        let spread = self.eat("*");
        let first = self.value()?;
        Ok(match self.eat(":") {
            true => Item { key: Some(first), value: self.value()?, spread },
            false => Item { key: None, value: first, spread },
        })
    }

    fn arg(&mut self) -> Parsed<Arg> {
        let mut spread = 0u8;
        while self.eat("*") {
            spread = spread.saturating_add(1);
        }
        let name = if self.peek('%') {
            Sym::EMPTY
        } else {
            let name = self.sym()?;
            self.expect("=")?;
            name
        };
        Ok(Arg { value: self.value()?, name, spread, span: self.span()? })
    }

    fn call(&mut self) -> Parsed<Call> {
        let callee = match self.word() {
            "method" => {
                let (recv, name) = self.member()?;
                Callee::Method { recv, name }
            }
            "name" => Callee::Name(self.sym()?),
            "value" => Callee::Value(self.value()?),
            "super" => Callee::Super(self.sym()?),
            "this" => Callee::ThisCtor,
            "new" => {
                let ty = self.ty()?;
                let body = if self.eat_word("body") { Some(ClassId(self.id('c')?)) } else { None };
                Callee::New { ty, body }
            }
            w => return Err(format!("`{w}` is no kind of call")),
        };
        let args = self.list(Self::arg)?;
        let name_span = if self.eat_word("name") { self.span()? } else { Span::default() };
        let args_span = if self.eat_word("args") { self.span()? } else { Span::default() };
        Ok(Call { callee, args, name_span, args_span })
    }
}
