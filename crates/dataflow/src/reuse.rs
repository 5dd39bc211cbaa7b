//! What an analysis leaves to the next one over nearly the same program.
//!
//! A summary is a function of its key, of the bodies of the functions that it was made with, and of what declarations say.
//! After an edit that changes no declaration it therefore stays true unless one of these bodies changed; only what depends on
//! such a body is evaluated again. An edit that changes a declaration gives everything up.

use crate::entry::EntryInfo;
use crate::graph::Order;
use crate::names::{G, Linked, Names};
use crate::summary::{Engine, Global, MAX_ROUND, Summary, Table};
use crate::{FnRef, Program};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use surefix_ir::{Annotation, ClassId, Const, ImportKind, Lang, Module, Param, Sym, TypeRef};
use surefix_text::FileId;

/// The summaries of an analysis, with what is needed to see which of them still hold for another program.
pub struct Reuse {
    program: Program,
    local: Vec<bool>,
    names: Names,
    digests: Vec<u64>,
    order: Order,
    entries: FxHashMap<FnRef, EntryInfo>,
    table: Table,
    globals: Globals,
}

/// Initial values of fields and globals, by owner and name.
pub(crate) type Globals = FxHashMap<(G, G), Arc<Global>>;

/// What of an earlier analysis can be used again.
pub(crate) struct Kept {
    pub table: Table,
    pub globals: Globals,
    /// True when the table may hold what this program has no use for.
    pub stale: bool,
}

impl Kept {
    /// Nothing.
    pub fn none() -> Kept {
        Kept { table: Table::new(), globals: Globals::default(), stale: false }
    }
}

impl Reuse {
    /// Takes apart what an analysis used; the names come back separately, since the next program is linked with them.
    pub(crate) fn new(parts: Parts, program: &Program, local: &[bool], names: Names) -> Reuse {
        let Parts { digests, order, entries, table, globals } = parts;
        Reuse { program: program.clone(), local: local.to_vec(), names, digests, order, entries, table, globals }
    }

    pub(crate) fn take_names(&mut self) -> Names {
        std::mem::take(&mut self.names)
    }

    /// Drops what does not hold for the program of `link` any more.
    pub(crate) fn keep(
        mut self,
        link: &Linked<'_>,
        local: &[bool],
        order: &Order,
        entries: &FxHashMap<FnRef, EntryInfo>,
    ) -> Kept {
        let (old, new) = (&self.program, link.program);
        if old.paths != new.paths || self.local != local || old.resources.len() != new.resources.len() {
            return Kept::none();
        }
        let same_text = |(a, b): (&crate::Resource, &crate::Resource)| a.path == b.path && a.text == b.text;
        if !old.resources.iter().zip(&new.resources).all(same_text) {
            return Kept::none();
        }
        let mut changed: Vec<bool> = old.modules.iter().zip(&new.modules).map(|(a, b)| !Arc::ptr_eq(a, b)).collect();
        let files: Vec<usize> = (0..changed.len()).filter(|i| changed[*i]).collect();
        if !files.par_iter().all(|i| self.digests.get(*i) == Some(&digest(link, FileId(*i as u32)))) {
            return Kept::none();
        }
        for i in &files {
            re_exports(old, new, *i, &mut changed);
        }
        let mentioned: FxHashSet<G> = files
            .iter()
            .flat_map(|i| old.modules[*i].strings.iter().chain(new.modules[*i].strings.iter()))
            .filter_map(|s| link.find(s))
            .collect();
        // A node for each summary, then one for each global.
        let all = self.table.all();
        let slots = self.table.slots();
        let mut node: FxHashMap<(G, G), u32> = FxHashMap::default();
        let mut users: Vec<Vec<u32>> = vec![Vec::new(); slots + self.globals.len()];
        let mut bad: Vec<u32> = Vec::new();
        for (n, ((owner, name), g)) in self.globals.iter().enumerate() {
            let n = (slots + n) as u32;
            node.insert((*owner, *name), n);
            let same = link.writers(*owner, *name).unwrap_or_default() == g.writers
                && (!mentioned.contains(name)
                    || g.facts.iter().filter_map(|f| f.get()?.mutated).all(|m| m == link.mutated(*name)));
            if !same {
                bad.push(n);
            }
            for (w, round) in g.writers.iter().flat_map(|w| (0..=MAX_ROUND).map(move |r| (*w, r))) {
                if let Some(s) = self.table.get(&(w, round, Arc::new(Vec::new()))) {
                    users[s.slot as usize].push(n);
                }
            }
        }
        let later = |order: &Order, a: FnRef, b: FnRef| order.rank(b) > order.rank(a);
        let first = |order: &Order, g: &Global| g.writers.iter().map(|w| order.rank(*w)).min();
        for ((f, ..), s) in &all {
            let flips = |c: &FnRef| later(order, *f, *c) != later(&self.order, *f, *c);
            let flips_global = |g: &(G, G)| {
                self.globals.get(g).is_none_or(|g| {
                    let before = first(&self.order, g).is_some_and(|r| r > self.order.rank(*f));
                    before != first(order, g).is_some_and(|r| r > order.rank(*f))
                })
            };
            if changed[f.file.0 as usize]
                || self.entries.get(f) != entries.get(f)
                || s.calls.iter().any(flips)
                || s.globals_asked.iter().any(flips_global)
            {
                bad.push(s.slot);
            }
            s.asked.iter().for_each(|a| users[*a as usize].push(s.slot));
            for g in &s.globals_asked {
                if let Some(n) = node.get(g) {
                    users[*n as usize].push(s.slot);
                }
            }
        }
        drop(all);
        let mut lost = vec![false; users.len()];
        while let Some(n) = bad.pop() {
            if !std::mem::replace(&mut lost[n as usize], true) {
                bad.extend(&users[n as usize]);
            }
        }
        self.table.retain(|s| !lost[s.slot as usize]);
        let globals = self
            .globals
            .into_iter()
            .filter(|(k, _)| node.get(k).is_some_and(|n| !lost[*n as usize]))
            .map(|(k, g)| {
                let facts = g.facts.clone();
                let first = first(order, &g);
                (k, Arc::new(Global { writers: g.writers.clone(), first, facts }))
            })
            .collect();
        Kept { table: self.table, globals, stale: true }
    }
}

/// What an engine leaves behind.
pub(crate) struct Parts {
    digests: Vec<u64>,
    order: Order,
    entries: FxHashMap<FnRef, EntryInfo>,
    table: Table,
    globals: Globals,
}

impl Parts {
    pub fn new(engine: Engine<'_>) -> Parts {
        let link = engine.link;
        let files = 0..link.program.modules.len() as u32;
        let digests = files.into_par_iter().map(|i| digest(link, FileId(i))).collect();
        let globals = engine.globals.into_inner().unwrap_or_else(|e| e.into_inner());
        Parts { digests, order: engine.order, entries: engine.entries, table: engine.table, globals }
    }
}

impl Engine<'_> {
    /// Drops what an analysis that starts at `roots` has no use for.
    pub fn sweep(&mut self, roots: impl Iterator<Item = FnRef>) {
        let all = self.table.all();
        let mut by_slot: Vec<Option<&(crate::summary::Key, Arc<Summary>)>> = vec![None; self.table.slots()];
        all.iter().for_each(|e| by_slot[e.1.slot as usize] = Some(e));
        let empty: Arc<Vec<crate::summary::Proj>> = Arc::new(Vec::new());
        let slot = |f: FnRef, round: u8| self.table.get(&(f, round, empty.clone())).map(|s| s.slot);
        let mut live = vec![false; by_slot.len()];
        let mut read: BTreeSet<(G, G)> = BTreeSet::new();
        let mut todo: Vec<u32> = roots.filter_map(|f| slot(f, 0)).collect();
        while let Some(s) = todo.pop() {
            if std::mem::replace(&mut live[s as usize], true) {
                continue;
            }
            let Some((key, summary)) = by_slot[s as usize] else { continue };
            todo.extend(&summary.asked);
            for (owner, name) in &summary.globals_asked {
                read.insert((*owner, *name));
                let global = self.global(*owner, *name);
                if global.first.is_some_and(|first| first > self.order.rank(key.0)) {
                    todo.extend(global.writers.iter().filter_map(|w| slot(*w, key.1)));
                }
            }
        }
        drop(by_slot);
        drop(all);
        self.table.retain(|s| live[s.slot as usize]);
        self.globals.get_mut().unwrap_or_else(|e| e.into_inner()).retain(|k, _| read.contains(k));
    }
}

/// Marks the modules for which a name means something else because module `i` imports something else.
fn re_exports(old: &Program, new: &Program, i: usize, changed: &mut [bool]) {
    if new.modules[i].lang != Lang::Python {
        return;
    }
    let bound = |m: &Module| -> BTreeSet<(String, String, bool)> {
        let text = |s: Sym| m.strings.get(s).to_string();
        m.imports.iter().map(|i| (text(i.local), text(i.path), i.kind == ImportKind::FromWildcard)).collect()
    };
    let (before, after) = (bound(&old.modules[i]), bound(&new.modules[i]));
    let differ: Vec<&(String, String, bool)> = before.symmetric_difference(&after).collect();
    if differ.is_empty() {
        return;
    }
    let name = new.modules[i].strings.get(new.modules[i].name);
    let within = |a: &str, b: &str| a == b || a.strip_prefix(b).is_some_and(|r| r.starts_with('.'));
    for (m, changed) in new.modules.iter().zip(changed.iter_mut()) {
        let knows = || {
            m.imports.iter().any(|i| {
                let path = m.strings.get(i.path);
                within(path, name) || within(name, path)
            })
        };
        let says = || differ.iter().any(|d| d.2 || d.0.is_empty() || m.strings.find(&d.0).is_some());
        if !*changed && m.lang == Lang::Python && says() && knows() {
            *changed = true;
        }
    }
}

/// What other files can see of a file: its declarations, with the types that they name.
fn digest(link: &Linked<'_>, file: FileId) -> u64 {
    let m = link.module(file);
    let mut d = Digest { link, file, m, h: DefaultHasher::new() };
    (m.lang, m.is_package, m.init, m.classes.len(), m.functions.len()).hash(&mut d.h);
    d.name(m.name);
    for (i, c) in m.classes.iter().enumerate() {
        let own = Some(ClassId(i as u32));
        d.name(c.name);
        d.name(c.qualified);
        (c.kind, c.outer, c.is_static, c.is_abstract).hash(&mut d.h);
        c.methods.hash(&mut d.h);
        link.class_supers.get(&link.g(file, c.qualified)).hash(&mut d.h);
        d.types(&c.supers, own);
        c.type_params.iter().for_each(|t| d.name(*t));
        d.annotations(&c.annotations);
        c.fields.len().hash(&mut d.h);
        for f in &c.fields {
            d.name(f.name);
            (f.is_static, f.is_final).hash(&mut d.h);
            d.types(f.ty.as_slice(), own);
            d.annotations(&f.annotations);
        }
    }
    for f in &m.functions {
        d.name(f.name);
        d.name(f.qualified);
        (f.owner, f.parent, f.flags, f.blocks.is_empty(), f.params.len()).hash(&mut d.h);
        f.params.iter().for_each(|p| d.param(p, f.owner));
        d.types(f.ret.as_slice(), f.owner);
        d.types(&f.throws, f.owner);
        f.type_params.iter().for_each(|t| d.name(*t));
        d.annotations(&f.annotations);
    }
    d.h.finish()
}

struct Digest<'x, 'a> {
    link: &'x Linked<'a>,
    file: FileId,
    m: &'a Module,
    h: DefaultHasher,
}

impl Digest<'_, '_> {
    fn name(&mut self, s: Sym) {
        self.link.g(self.file, s).hash(&mut self.h);
    }

    fn types(&mut self, list: &[TypeRef], own: Option<ClassId>) {
        list.len().hash(&mut self.h);
        for t in list {
            self.name(t.name);
            t.dims.hash(&mut self.h);
            self.link.ty(self.file, t, own).hash(&mut self.h);
            self.types(&t.args, own);
        }
    }

    fn annotations(&mut self, list: &[Annotation]) {
        list.len().hash(&mut self.h);
        for a in list {
            self.name(a.name);
            self.link.type_name(self.file, a.name, None).hash(&mut self.h);
            a.args.len().hash(&mut self.h);
            for (k, v) in &a.args {
                self.name(*k);
                self.name(*v);
            }
        }
    }

    fn param(&mut self, p: &Param, own: Option<ClassId>) {
        self.name(p.name);
        (p.kind, p.has_default).hash(&mut self.h);
        self.types(p.ty.as_slice(), own);
        self.annotations(&p.annotations);
        p.default_call.map(|s| self.link.g(self.file, s)).hash(&mut self.h);
        match &p.default {
            Some(Const::Str(s) | Const::Bytes(s) | Const::Class(s)) => self.m.strings.get(*s).hash(&mut self.h),
            other => other.hash(&mut self.h),
        }
    }
}
