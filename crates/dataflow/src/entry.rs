//! Entry points: which functions a framework calls, and which of their parameters carry untrusted data.

use crate::FnRef;
use crate::names::{G, Linked};
use rustc_hash::FxHashMap;
use surefix_ir::{Annotation, FnId, Lang, Module, ParamKind};
use surefix_models::{Entry, EntryHow, EntryParams, Kinds, SourceKind};
use surefix_text::FileId;

/// What the models say of an entry function.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct EntryInfo {
    /// Tainted parameters.
    pub sources: Vec<(u16, SourceKind)>,
    /// Parameters with a known framework type.
    pub types: Vec<(u16, G)>,
    /// A framework calls it.
    pub is_entry: bool,
    /// How text that it returns is used, and the annotation that says so.
    pub returns: Option<(Kinds, String)>,
}

/// Finds the entry functions of a program.
pub(crate) fn entries(link: &Linked<'_>) -> FxHashMap<FnRef, EntryInfo> {
    let mut out: FxHashMap<FnRef, EntryInfo> = FxHashMap::default();
    for (fi, m) in link.program.modules.iter().enumerate() {
        let file = FileId(fi as u32);
        let rows: Vec<&Entry> = link.models.entries.iter().filter(|e| e.0 == m.lang).map(|e| &e.1).collect();
        if rows.is_empty() {
            continue;
        }
        for (id, func) in m.functions.iter().enumerate() {
            if func.blocks.is_empty() {
                continue;
            }
            let r = FnRef { file, id: FnId(id as u32) };
            let name = m.strings.get(func.name);
            let owner = func.owner.and_then(|c| m.classes.get(c.0 as usize)).map(|c| link.g(file, c.qualified));
            let names_of = |a: &Annotation| annotation_names(link, r, a);
            let annotations: Vec<String> = func.annotations.iter().flat_map(names_of).collect();
            let mut info = EntryInfo::default();
            let mut by_class = false;
            for e in &rows {
                let named = |n: &str| e.names.is_empty() || e.names.iter().any(|x| x == n);
                match e.how {
                    EntryHow::Override => {
                        if named(name)
                            && let Some(q) = owner
                            && let Some(sup) = link.find(&e.what)
                            && link.is_subtype(q, sup)
                        {
                            apply(&mut info, m, func, e, None, link);
                        }
                    }
                    EntryHow::Annotation => {
                        if annotations.contains(&e.what) {
                            apply(&mut info, m, func, e, None, link);
                        }
                    }
                    EntryHow::ClassAnnotation => {
                        let class = func.owner.and_then(|c| m.classes.get(c.0 as usize));
                        if !annotations.is_empty()
                            && class.is_some_and(|c| c.annotations.iter().flat_map(names_of).any(|a| a == e.what))
                        {
                            by_class |= info.returns.is_none() && matches!(e.params, EntryParams::Returns(_));
                            apply(&mut info, m, func, e, None, link);
                        }
                    }
                    EntryHow::Name => {
                        if named(name) && !e.names.is_empty() {
                            apply(&mut info, m, func, e, None, link);
                        }
                    }
                    EntryHow::ParamAnnotation | EntryHow::ParamDefault | EntryHow::ParamName | EntryHow::ParamType => {
                        for (i, p) in func.params.iter().enumerate() {
                            let hit = match e.how {
                                EntryHow::ParamAnnotation => {
                                    p.annotations.iter().flat_map(names_of).any(|a| a == e.what)
                                }
                                EntryHow::ParamDefault => p.default_call.is_some_and(|d| {
                                    let fake = Annotation { name: d, args: Vec::new(), span: p.span };
                                    annotation_names(link, r, &fake).contains(&e.what)
                                }),
                                EntryHow::ParamName => {
                                    named(m.strings.get(p.name))
                                        && i <= 1
                                        && m.imports.iter().any(|im| {
                                            let path = m.strings.get(im.path);
                                            path == e.what
                                                || path
                                                    .strip_prefix(e.what.as_str())
                                                    .is_some_and(|x| x.starts_with('.'))
                                        })
                                }
                                _ => {
                                    p.ty.as_ref()
                                        .and_then(|t| link.ty(file, t, func.owner))
                                        .is_some_and(|t| link.str(t) == e.what)
                                }
                            };
                            if hit {
                                apply(&mut info, m, func, e, Some(i as u16), link);
                            }
                        }
                    }
                }
            }
            // Helpers among the handlers of a class: nobody sends what they return.
            if by_class && !info.is_entry {
                info.returns = None;
            }
            if info.is_entry || info.returns.is_some() || !info.sources.is_empty() || !info.types.is_empty() {
                out.insert(r, info);
            }
        }
    }
    out
}

/// True when the route says that the parameter is a number or a UUID: `<int:id>` (Flask, Django), `<id:int>` (Bottle),
/// `{id:int}` (Starlette).
fn converted(module: &Module, func: &surefix_ir::Function, name: &str) -> bool {
    let mut texts = func.annotations.iter().flat_map(|a| &a.args).map(|a| module.strings.get(a.1));
    texts.any(|t| {
        ["int", "float", "uuid"].iter().any(|c| {
            t.contains(&format!("<{c}:{name}>"))
                || t.contains(&format!("<{name}:{c}>"))
                || t.contains(&format!("{{{name}:{c}}}"))
        })
    })
}

fn apply(
    info: &mut EntryInfo,
    module: &Module,
    func: &surefix_ir::Function,
    entry: &Entry,
    matched: Option<u16>,
    link: &Linked<'_>,
) {
    match &entry.params {
        EntryParams::Returns(kinds) => info.returns = Some((*kinds, entry.what.clone())),
        EntryParams::None => info.is_entry = true,
        EntryParams::From(n, kind) => {
            info.is_entry = true;
            for (i, p) in func.params.iter().enumerate() {
                let known = info.sources.iter().any(|s| s.0 == i as u16) || info.types.iter().any(|t| t.0 == i as u16);
                let free = !converted(module, func, module.strings.get(p.name));
                if free && i >= *n as usize && !matches!(p.kind, ParamKind::This | ParamKind::Capture) && !known {
                    info.sources.push((i as u16, *kind));
                }
            }
        }
        EntryParams::Matched(kind) => {
            info.is_entry = true;
            if let Some(i) = matched
                && !info.sources.iter().any(|s| s.0 == i)
            {
                info.sources.push((i, *kind));
            }
        }
        EntryParams::Typed(t) => {
            if let (Some(i), Some(g)) = (matched, link.find(t)) {
                info.types.push((i, g));
                info.sources.retain(|s| s.0 != i);
            }
        }
    }
}

/// Qualified names that an annotation or decorator can stand for.
fn annotation_names(link: &Linked<'_>, f: FnRef, a: &Annotation) -> Vec<String> {
    let m = link.module(f.file);
    let text = m.strings.get(a.name);
    if m.lang == Lang::Java {
        let ty = link.type_name(f.file, a.name, link.func(f).owner);
        return ty.map(|t| link.str(t).to_string()).into_iter().collect();
    }
    // `app.route`: the module-level object's type, or an import.
    let mut out = Vec::new();
    let (head, rest) = text.split_once('.').unwrap_or((text, ""));
    let Some(sym) = m.strings.find(head) else { return vec![text.to_string()] };
    match link.name(f, sym) {
        crate::names::Entity::Path(g) => {
            let base = link.str(g).to_string();
            out.push(if rest.is_empty() { base } else { format!("{base}.{rest}") });
        }
        crate::names::Entity::Global(owner, name) => {
            for ty in global_types(link, owner, name) {
                let member = link.find(rest).and_then(|r| {
                    let g = link.find(&ty)?;
                    link.rows(Lang::Python, g, r).and_then(|(d, _)| link.join(d, r))
                });
                out.push(member.map_or_else(|| format!("{ty}.{rest}"), |m| link.str(m).to_string()));
            }
            out.push(text.to_string());
        }
        _ => out.push(text.to_string()),
    }
    out
}

/// Library types that a module-level name is bound to by a plain constructor call (`app = Flask(__name__)`).
fn global_types(link: &Linked<'_>, owner: G, name: G) -> Vec<String> {
    let mut out = Vec::new();
    for w in link.globals.get(&(owner, name)).into_iter().flatten() {
        let func = link.func(*w);
        for i in &func.instrs {
            let surefix_ir::Op::StoreName(n, v) = &i.op else { continue };
            if link.g(w.file, *n) != name {
                continue;
            }
            let surefix_ir::Op::Call(c) = &func.instr(*v).op else { continue };
            match &c.callee {
                surefix_ir::Callee::Name(n) => {
                    if let crate::names::Entity::Path(g) = link.name(*w, *n) {
                        out.push(link.str(g).to_string());
                    }
                }
                surefix_ir::Callee::Method { recv, name } => {
                    if let surefix_ir::Op::LoadName(b) = &func.instr(*recv).op
                        && let crate::names::Entity::Path(g) = link.name(*w, *b)
                        && let Some(j) = link.join(g, link.g(w.file, *name))
                    {
                        out.push(link.str(j).to_string());
                    }
                }
                _ => {}
            }
        }
    }
    out.sort();
    out.dedup();
    out
}
