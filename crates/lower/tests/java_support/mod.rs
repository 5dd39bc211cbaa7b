//! Shared by the Java tests: a printer of functions and a check of the IR's structural rules.

use surefix_ir::{Block, BlockId, Callee, Const, Function, Lang, Module, Op, Term, ValueId};
use surefix_lower::Input;
use surefix_text::Span;

/// Lowers a Java text.
pub fn java(text: &str) -> Module {
    surefix_lower::lower(Lang::Java, Input { path: "src/T.java", text, module: "", is_package: false })
}

/// The function with this simple name; panics when there is none.
pub fn function<'m>(m: &'m Module, name: &str) -> &'m Function {
    let found = m.functions.iter().find(|f| m.strings.get(f.name) == name);
    found.unwrap_or_else(|| panic!("no function {name}"))
}

fn constant(m: &Module, c: &Const) -> String {
    match c {
        Const::Null => "null".into(),
        Const::Bool(b) => b.to_string(),
        Const::Int(i) => i.to_string(),
        Const::Float(b) => format!("{:?}", f64::from_bits(*b)),
        Const::Char(c) => format!("{:?}", char::from_u32(*c).unwrap_or('?')),
        Const::Str(s) => format!("{:?}", m.strings.get(*s)),
        Const::Bytes(s) => format!("b{:?}", m.strings.get(*s)),
        Const::Class(s) => format!("{}.class", m.strings.get(*s)),
        Const::Ellipsis => "...".into(),
    }
}

fn op(m: &Module, op: &Op) -> String {
    let v = |v: &ValueId| format!("%{}", v.0);
    let vs = |l: &[ValueId]| l.iter().map(v).collect::<Vec<_>>().join(", ");
    let s = |s: &surefix_ir::Sym| m.strings.get(*s).to_owned();
    let ty = |t: &surefix_ir::TypeRef| format!("{}{}", m.strings.get(t.name), "[]".repeat(t.dims as usize));
    match op {
        Op::Param(n) => format!("param {n}"),
        Op::Const(c) => constant(m, c),
        Op::Phi(ops) => {
            format!("phi {}", ops.iter().map(|(b, x)| format!("b{}:{}", b.0, v(x))).collect::<Vec<_>>().join(", "))
        }
        Op::Copy(a) => format!("copy {}", v(a)),
        Op::Bin(o, a, b) => format!("{o:?} {}, {}", v(a), v(b)),
        Op::Un(o, a) => format!("{o:?} {}", v(a)),
        Op::Concat(l) => format!("concat {}", vs(l)),
        Op::Call(c) => {
            let callee = match &c.callee {
                Callee::Method { recv, name } => format!("{}.{}", v(recv), s(name)),
                Callee::Name(n) => s(n),
                Callee::Value(x) => v(x),
                Callee::Super(n) => format!("super.{}", s(n)),
                Callee::ThisCtor => "this".into(),
                Callee::New { ty: t, body } => format!("new {}{}", ty(t), if body.is_some() { "{}" } else { "" }),
            };
            format!("{callee}({})", c.args.iter().map(|a| v(&a.value)).collect::<Vec<_>>().join(", "))
        }
        Op::Aggregate(k, items) => {
            format!("{k:?}[{}]", items.iter().map(|i| v(&i.value)).collect::<Vec<_>>().join(", "))
        }
        Op::NewArray(t, l) => format!("array {}({})", ty(t), vs(l)),
        Op::LoadField(a, f) => format!("{}.{}", v(a), s(f)),
        Op::StoreField(a, f, x) => format!("{}.{} = {}", v(a), s(f), v(x)),
        Op::LoadIndex(a, i) => format!("{}[{}]", v(a), v(i)),
        Op::StoreIndex(a, i, x) => format!("{}[{}] = {}", v(a), v(i), v(x)),
        Op::LoadName(n) => format!("name {}", s(n)),
        Op::StoreName(n, x) => format!("name {} = {}", s(n), v(x)),
        Op::Closure(f, l) => format!("closure f{}({})", f.0, vs(l)),
        Op::BoundMethod(a, n) => format!("{}::{}", v(a), s(n)),
        Op::Cast(t, a) => format!("({}) {}", ty(t), v(a)),
        Op::InstanceOf(t, a) => format!("{} is {}", v(a), ty(t)),
        Op::IterNext(a) => format!("next {}", v(a)),
        Op::Element(a, n) => format!("element {} {n}", v(a)),
        Op::Catch(l) => format!("catch {}", l.iter().map(ty).collect::<Vec<_>>().join("|")),
        Op::Enter(a) => format!("enter {}", v(a)),
        Op::Exit(a) => format!("exit {}", v(a)),
        Op::Unknown(l) => format!("unknown {}", vs(l)),
        other => format!("{other:?}"),
    }
}

/// Reachable blocks in order of number.
pub fn reachable(f: &Function) -> Vec<BlockId> {
    let mut seen = vec![false; f.blocks.len()];
    let mut work = vec![BlockId(0)];
    while let Some(b) = work.pop() {
        if b.0 as usize >= seen.len() || std::mem::replace(&mut seen[b.0 as usize], true) {
            continue;
        }
        work.extend(f.block(b).successors());
    }
    (0..seen.len() as u32).map(BlockId).filter(|b| seen[b.0 as usize]).collect()
}

/// Prints the reachable part of a function. Jumps to the next printed block are left out, and so are block names that
/// nothing needs.
pub fn show(m: &Module, f: &Function) -> String {
    let blocks = reachable(f);
    let mut out = String::new();
    for b in &blocks {
        let Block { instrs, term, unwind } = f.block(*b);
        let handler = unwind.map_or(String::new(), |h| format!(" !b{}", h.0));
        out.push_str(&format!("b{}{handler}:", b.0));
        for v in instrs {
            out.push_str(&format!(" %{} = {};", v.0, op(m, &f.instr(*v).op)));
        }
        out.push_str(&match term {
            Term::Goto(t) => format!(" goto b{}", t.0),
            Term::If { cond, then, other } => format!(" if %{} b{} b{}", cond.0, then.0, other.0),
            Term::Switch { on, cases, default } => {
                let cases: Vec<_> = cases.iter().map(|(c, b)| format!("{} b{}", constant(m, c), b.0)).collect();
                format!(" switch %{} [{}] b{}", on.0, cases.join(", "), default.0)
            }
            Term::Return(None) => " return".into(),
            Term::Return(Some(v)) => format!(" return %{}", v.0),
            Term::Throw(None) => " throw".into(),
            Term::Throw(Some(v)) => format!(" throw %{}", v.0),
            Term::Unreachable => " unreachable".into(),
        });
        out.push('\n');
    }
    out
}

/// Operations of the reachable part in order, one string each.
pub fn ops(m: &Module, name: &str) -> Vec<String> {
    let f = function(m, name);
    let mut out = Vec::new();
    for b in reachable(f) {
        for v in &f.block(b).instrs {
            out.push(op(m, &f.instr(*v).op));
        }
    }
    out
}

/// What breaks the IR's rules in `m`, spans outside the file included.
pub fn problems(m: &Module, text: &str) -> Vec<String> {
    let mut out = surefix_ir::validate::validate(m);
    for f in &m.functions {
        let mut all: Vec<Span> = f.stmts.clone();
        all.extend([f.span, f.body_span]);
        for i in &f.instrs {
            all.push(i.span);
            if let Op::Call(c) = &i.op {
                all.extend([c.name_span, c.args_span]);
                all.extend(c.args.iter().map(|a| a.span));
            }
        }
        for s in all {
            if s.lo > s.hi || text.get(s.lo as usize..s.hi as usize).is_none() {
                out.push(format!("{}: span {s:?} is not in the file", m.strings.get(f.qualified)));
            }
        }
    }
    out
}
