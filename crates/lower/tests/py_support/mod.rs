//! Shared by the Python tests: functions in the IR's text form without spans, and a check of the structural rules.

use surefix_ir::{FnId, Function, Lang, Module, Op, StmtId};
use surefix_lower::Input;
use surefix_text::Span;

/// Lowers a Python text as module `pkg.mod`.
pub fn python(text: &str) -> Module {
    lower(text, "pkg.mod", false)
}

/// Lowers a Python text as the given module.
pub fn lower(text: &str, module: &str, is_package: bool) -> Module {
    surefix_lower::lower(Lang::Python, Input { path: "pkg/mod.py", text, module, is_package })
}

/// The function with this simple name; panics when there is none.
pub fn function<'m>(m: &'m Module, name: &str) -> &'m Function {
    let found = m.functions.iter().find(|f| m.strings.get(f.name) == name);
    found.unwrap_or_else(|| panic!("no function {name}"))
}

/// Blocks of a function as text, one line an instruction: without spans, statements and unreachable blocks.
pub fn lines(m: &Module, name: &str) -> Vec<String> {
    let mut bare = m.clone();
    let at = m.functions.iter().position(|f| m.strings.get(f.name) == name);
    let at = FnId(at.unwrap_or_else(|| panic!("no function {name}")) as u32);
    for i in bare.functions.iter_mut().flat_map(|f| f.instrs.iter_mut()) {
        i.span = Span::default();
        i.stmt = StmtId(0);
        if let Op::Call(c) = &mut i.op {
            (c.name_span, c.args_span) = (Span::default(), Span::default());
            c.args.iter_mut().for_each(|a| a.span = Span::default());
        }
    }
    let text = surefix_ir::text::print(&bare);
    let start = format!("; f{}", at.0);
    let mut out: Vec<String> = Vec::new();
    let part = text.lines().skip_while(|l| *l != start).take_while(|l| l.trim() != "end");
    for line in part.skip_while(|l| !l.trim_start().starts_with("block ")) {
        let line = line.trim();
        if line == "dead:" {
            break;
        }
        if line == "unreachable" && out.last().is_some_and(|l| l.starts_with("block ")) {
            out.pop();
            continue;
        }
        out.push(clean(line));
    }
    out
}

fn clean(line: &str) -> String {
    let mut words: Vec<&str> = Vec::new();
    for w in line.split(' ') {
        let statement = w.strip_prefix('s').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
        if !(statement || w.starts_with('@') || w.starts_with("name@") || w.starts_with("args@")) {
            words.push(w);
        }
    }
    words.join(" ")
}

/// Only the instructions of [`lines`], without block names and ends of blocks.
pub fn ops(m: &Module, name: &str) -> Vec<String> {
    lines(m, name).into_iter().filter_map(|l| Some(l.strip_prefix('%')?.split_once(" = ")?.1.to_owned())).collect()
}

/// What breaks the IR's rules in `m`, spans outside the file included.
pub fn problems(m: &Module, text: &str) -> Vec<String> {
    let mut out = surefix_ir::validate::validate(m);
    for f in &m.functions {
        let mut all: Vec<Span> = f.stmts.clone();
        all.extend([f.span, f.body_span]);
        all.extend(f.params.iter().map(|p| p.span));
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
