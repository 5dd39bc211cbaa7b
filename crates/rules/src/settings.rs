//! Settings of Python web frameworks: upper-case names of settings modules and configuration classes, `app.config[…]`.

use crate::DetectCx;
use surefix_ir::{Callee, Const, Function, Lang, Module, Op, ValueId, flags};
use surefix_text::{FileId, Span};

/// Where a setting is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    /// A module-level name.
    Module,
    /// An attribute of a class body; the class's index.
    Class(usize),
    /// `app.config["X"] = …` or `app.config.update(X=…)`.
    Config,
}

/// A setting with a value that is written out.
#[derive(Clone, Debug)]
pub(crate) struct Setting<'a> {
    pub file: FileId,
    pub name: &'a str,
    pub value: &'a Const,
    /// The value's token.
    pub value_span: Span,
    pub home: Home,
}

/// The settings of all Python files whose name `wanted` takes.
pub(crate) fn all<'a>(cx: &'a DetectCx<'_>, wanted: &dyn Fn(&str) -> bool) -> Vec<Setting<'a>> {
    let mut out = Vec::new();
    for (i, module) in cx.program.modules.iter().enumerate() {
        let Ok(file) = u32::try_from(i) else { continue };
        // Names are interned: a file without any of them is skipped at once.
        if module.lang == Lang::Python {
            for func in &module.functions {
                of_function(module, func, FileId(file), wanted, &mut out);
            }
        }
    }
    decided(out)
}

/// Without the settings that have both truth values in one place: a condition decides, and each branch is meant.
fn decided(all: Vec<Setting<'_>>) -> Vec<Setting<'_>> {
    let other = |s: &Setting<'_>| {
        let Const::Bool(b) = s.value else { return false };
        all.iter().any(|o| (o.file, o.name, o.home) == (s.file, s.name, s.home) && *o.value == Const::Bool(!b))
    };
    let keep: Vec<bool> = all.iter().map(|s| !other(s)).collect();
    all.into_iter().zip(keep).filter(|(_, k)| *k).map(|(s, _)| s).collect()
}

fn of_function<'a>(
    module: &'a Module,
    func: &'a Function,
    file: FileId,
    wanted: &dyn Fn(&str) -> bool,
    out: &mut Vec<Setting<'a>>,
) {
    let constant = |v: ValueId| match &func.instrs.get(v.0 as usize)?.op {
        Op::Const(c) => Some((c, func.instr(v).span)),
        _ => None,
    };
    let mut push = |name: &'a str, v: ValueId, home: Home| {
        if let Some((value, value_span)) = constant(v).filter(|_| wanted(name)) {
            out.push(Setting { file, name, value, value_span, home });
        }
    };
    for instr in &func.instrs {
        match &instr.op {
            Op::StoreName(name, v) if func.is(flags::INITIALISER) => {
                push(module.strings.get(*name), *v, Home::Module);
            }
            Op::StoreField(_, name, v) if func.is(flags::INITIALISER) => {
                let class = module.classes.iter().enumerate().filter(|(_, c)| c.body_span.contains(instr.span));
                if let Some((n, _)) = class.min_by_key(|(_, c)| c.body_span.len()) {
                    push(module.strings.get(*name), *v, Home::Class(n));
                }
            }
            Op::StoreIndex(base, key, v) if is_config(module, func, *base) => {
                if let Some((Const::Str(k), _)) = constant(*key) {
                    push(module.strings.get(*k), *v, Home::Config);
                }
            }
            Op::Call(c) => {
                if let Callee::Method { recv, name } = &c.callee
                    && matches!(module.strings.get(*name), "update" | "from_mapping")
                    && is_config(module, func, *recv)
                {
                    for a in c.args.iter().filter(|a| a.spread == 0) {
                        push(module.strings.get(a.name), a.value, Home::Config);
                    }
                }
            }
            _ => {}
        }
    }
}

/// `x.config`.
fn is_config(module: &Module, func: &Function, v: ValueId) -> bool {
    matches!(&func.instr(v).op, Op::LoadField(_, name) if module.strings.get(*name) == "config")
}

/// True for a Django settings module: named so, or holding what only settings hold.
pub(crate) fn is_django(cx: &DetectCx<'_>, file: FileId) -> bool {
    let text = cx.text(file);
    ["INSTALLED_APPS", "ROOT_URLCONF", "WSGI_APPLICATION"].iter().any(|w| text.contains(w)) && {
        let path = cx.program.paths.get(file.0 as usize).map_or("", String::as_str);
        path.contains("settings") || text.contains("MIDDLEWARE")
    }
}

/// True when path or class say that the settings are for work or tests, not for production.
pub(crate) fn is_for_development(cx: &DetectCx<'_>, s: &Setting<'_>) -> bool {
    const WORDS: &[&str] =
        &["dev", "devel", "develop", "development", "local", "test", "tests", "testing", "debug", "ci", "example"];
    let path = cx.program.paths.get(s.file.0 as usize).map_or("", String::as_str);
    let word =
        |t: &str| t.split(|c: char| !c.is_alphanumeric()).any(|w| WORDS.contains(&w.to_ascii_lowercase().as_str()));
    let module = cx.module(s.file);
    let class = match s.home {
        Home::Class(n) => module.classes.get(n).map_or("", |c| module.strings.get(c.name)),
        _ => "",
    };
    let lower = class.to_ascii_lowercase();
    word(path) || WORDS.iter().any(|w| w.len() > 2 && lower.contains(w))
}
