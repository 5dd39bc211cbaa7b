//! Regression tests in Python: what the probe does, written down for a person, with nothing but `unittest.mock` and the test tools
//! of the framework at hand.
//!
//! Everything in the test comes from the syntax tree of the project's file; nothing of what its code said when it ran.

use super::{Input, words};
use crate::find::Facts;
use ruff_python_ast::{Expr, ModModule, Stmt, StmtFunctionDef};
use std::collections::BTreeSet;
use surefix_dataflow::{Flow, StepKind};
use surefix_engine::RegressionTest;
use surefix_syntax::python;
use surefix_text::Span;

mod aim;
mod text;

use aim::Aim;
use text::{Style, literal};

/// The test of a finding.
pub(super) fn draft(of: &Input<'_>) -> Result<RegressionTest, String> {
    let Input { facts, step, outcome, finding: f, raises } = *of;
    let flow = f.found.flow.as_deref().ok_or("the flaw is no flow of an input")?;
    let source = flow.trace.iter().find(|s| s.what == StepKind::Source).ok_or("the source is not known")?;
    let sink = flow.trace.iter().rfind(|s| s.what == StepKind::Sink).ok_or("the sink is not known")?;
    let file = outcome.path(source.place.file);
    let sink_file = outcome.path(sink.place.file);
    let text = outcome.texts.get(file).ok_or("the source's text is not at hand")?;
    let sink_text = outcome.texts.get(sink_file).ok_or("the sink's text is not at hand")?;
    python::deep(text, || {
        python::deep(sink_text, || {
            let tree = python::parse(text);
            let sink_tree = python::parse(sink_text);
            let aim = Aim {
                rule: f.rule.id,
                file,
                tree: tree.syntax(),
                source: source.place.span,
                source_name: &source.name,
                sink_file,
                sink_tree: sink_tree.syntax(),
                flow,
            };
            let home = Home::of(facts, &step.dir, &step.id, file)?;
            let test = aim.test(&home.module_of(facts, file)?, &home.module_of(facts, sink_file)?, raises)?;
            let function = words(test.function.trim_matches('_'));
            let stem = format!("{}_{function}_{}", words(&home.stem), words(f.rule.id));
            let (name, body) = test.text(home.style, f);
            let text = licence(text) + &body;
            let file_name = if home.suffix { format!("{stem}_test.py") } else { format!("test_{stem}.py") };
            let path = if home.dir.is_empty() { file_name } else { format!("{}/{file_name}", home.dir) };
            Ok(RegressionTest { path, text, name })
        })
    })
}

/// The comment about the licence at the top of a file, which new files of a project have to carry as well.
fn licence(source: &str) -> String {
    let source = source.trim_start_matches('\u{feff}');
    let kept = |l: &&str| l.starts_with('#') && !l.starts_with("#!") && !l.contains("coding");
    let lines: Vec<&str> =
        source.lines().skip_while(|l| l.starts_with("#!") || l.contains("coding")).take_while(kept).collect();
    let text: String = lines.iter().map(|l| format!("{l}\n")).collect();
    let lower = text.to_ascii_lowercase();
    if lower.contains("licen") || lower.contains("copyright") { text } else { String::new() }
}

/// Where the project keeps its tests, and what they look like.
struct Home {
    /// Directory of the new file, root-relative.
    dir: String,
    /// Directory from which the tests are run.
    from: String,
    /// Name of the file with the flaw, without its ending.
    stem: String,
    style: Style,
    /// `a_test.py` instead of `test_a.py`.
    suffix: bool,
    /// The texts of the tests, to see how they import.
    texts: Vec<String>,
}

impl Home {
    fn of(facts: &Facts, dir: &str, step: &str, file: &str) -> Result<Home, String> {
        let under = |f: &&str| dir.is_empty() || f.strip_prefix(dir).is_some_and(|r| r.starts_with('/'));
        let is_test = |f: &&str| {
            let name = f.rsplit('/').next().unwrap_or(f);
            name.ends_with(".py") && (name.starts_with("test_") || name.ends_with("_test.py") || name == "tests.py")
        };
        let all: Vec<&str> = facts.files().filter(under).filter(is_test).collect();
        let stem = file.rsplit('/').next().unwrap_or(file).trim_end_matches(".py").to_string();
        let own = [format!("test_{stem}.py"), format!("{stem}_test.py")];
        let shared = |t: &str| t.split('/').zip(file.split('/')).take_while(|(a, b)| a == b).count();
        let near = all
            .iter()
            .max_by_key(|t| {
                let name = t.rsplit('/').next().unwrap_or(t);
                (own.iter().any(|o| o == name), shared(t), std::cmp::Reverse(t.matches('/').count()))
            })
            .ok_or("the project has no tests of Python there")?;
        let at = near.rsplit_once('/').map_or("", |(d, _)| d).to_string();
        let texts: Vec<String> =
            all.iter().take(200).filter_map(|t| std::fs::read_to_string(facts.root().join(t)).ok()).collect();
        let beside = std::fs::read_to_string(facts.root().join(near)).unwrap_or_default();
        let style = match step {
            s if s.contains("django") => Style::Django,
            s if s.contains("pytest") && (beside.contains("\ndef test_") || !beside.contains("TestCase")) => {
                Style::Pytest
            }
            _ => Style::Unittest,
        };
        let suffix = near.ends_with("_test.py");
        Ok(Home { dir: at, from: dir.to_string(), stem, style, suffix, texts })
    }

    /// The name by which tests import a file.
    fn module_of(&self, facts: &Facts, file: &str) -> Result<String, String> {
        let rel = if self.from.is_empty() { file } else { file.get(self.from.len() + 1..).unwrap_or(file) };
        let whole = rel.trim_end_matches(".py").trim_end_matches("/__init__");
        let parts: Vec<&str> = whole.split('/').collect();
        let plain = |p: &&str| !p.is_empty() && p.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !parts.iter().all(|p| plain(p) && !p.starts_with(|c: char| c.is_ascii_digit())) {
            return Err("the file cannot be imported by its name".to_string());
        }
        // From the outermost folder on that is a package.
        let mut start = parts.len() - 1;
        while start > 0 && facts.has(&crate::find::join(&self.from, &parts[..start].join("/")), "__init__.py") {
            start -= 1;
        }
        let imported = |from: usize| {
            let name = parts[from..].join(".");
            let (package, last) = name.rsplit_once('.').unwrap_or(("", &name));
            let forms = [format!("import {name}"), format!("from {name} "), format!("from {package} import {last}")];
            self.texts.iter().any(|t| forms.iter().any(|f| t.contains(f.as_str())))
        };
        let from = (0..parts.len()).find(|i| imported(*i)).unwrap_or(start);
        Ok(parts[from..].join("."))
    }
}

/// The functions and classes around a place, outermost first.
fn around(tree: &ModModule, span: Span) -> Vec<Def<'_>> {
    let mut out = Vec::new();
    let mut body = tree.body.as_slice();
    loop {
        let inside = |s: &&Stmt| {
            let own = python::span_of(*s);
            own.lo <= span.lo && span.hi <= own.hi
        };
        match body.iter().find(inside) {
            Some(Stmt::FunctionDef(f)) => {
                out.push(Def::Function(f));
                body = &f.body;
            }
            Some(Stmt::ClassDef(c)) => {
                out.push(Def::Class(c.name.as_str()));
                body = &c.body;
            }
            // A definition behind a condition is one that cannot be relied upon.
            _ => return out,
        }
    }
}

enum Def<'a> {
    Function(&'a StmtFunctionDef),
    Class(&'a str),
}

/// The name that a chain of attributes, calls and subscripts begins with.
fn head(mut e: &Expr) -> Option<&str> {
    loop {
        e = match e {
            Expr::Attribute(a) => &a.value,
            Expr::Subscript(s) => &s.value,
            Expr::Await(a) => &a.value,
            Expr::Call(c) => match (&*c.func, c.arguments.args.first()) {
                (Expr::Name(n), Some(first)) if n.id.as_str() == "closing" => first,
                _ => &c.func,
            },
            Expr::Name(n) => return Some(n.id.as_str()),
            _ => return None,
        };
    }
}

/// Names that the module itself gives a meaning to: what it defines, assigns or imports.
fn module_names(tree: &ModModule) -> BTreeSet<&str> {
    let mut out = BTreeSet::new();
    for s in &tree.body {
        match s {
            Stmt::FunctionDef(f) => {
                out.insert(f.name.as_str());
            }
            Stmt::ClassDef(c) => {
                out.insert(c.name.as_str());
            }
            Stmt::Assign(a) => out.extend(a.targets.iter().filter_map(|t| match t {
                Expr::Name(n) => Some(n.id.as_str()),
                _ => None,
            })),
            Stmt::AnnAssign(a) => {
                if let (Expr::Name(n), Some(_)) = (&*a.target, &a.value) {
                    out.insert(n.id.as_str());
                }
            }
            Stmt::Import(i) => out.extend(
                i.names
                    .iter()
                    .map(|a| a.asname.as_ref().map_or_else(|| a.name.split('.').next().unwrap_or(""), |n| n.as_str())),
            ),
            Stmt::ImportFrom(i) => {
                out.extend(i.names.iter().map(|a| a.asname.as_ref().unwrap_or(&a.name).as_str()));
            }
            _ => {}
        }
    }
    out
}

/// True when the module imports a package under its own name.
fn imports(tree: &ModModule, package: &str) -> bool {
    tree.body.iter().any(|s| match s {
        Stmt::Import(i) => i.names.iter().any(|a| a.asname.is_none() && a.name.as_str() == package),
        _ => false,
    })
}

/// The flow's argument as the recorded call has it.
fn argument(flow: &Flow) -> String {
    match flow.arg.and_then(|i| Some((i, flow.call.args.get(i)?))) {
        Some((_, a)) if !a.keyword.is_empty() => format!("call.kwargs[{}]", literal(&a.keyword)),
        Some((i, _)) => format!("call.args[{i}]"),
        None => "call.args[0]".to_string(),
    }
}
