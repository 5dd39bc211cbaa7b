//! Global names, classes, functions and model rows of a program, linked once before the analysis.

use crate::{FnRef, Program};
use hashbrown::HashTable;
use rustc_hash::{FxHashMap, FxHashSet, FxHasher};
use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use surefix_ir::{Callee, Class, ClassId, FnId, Function, ImportKind, Lang, Module, Op, Sym, TypeRef};
use surefix_models::{ModelSet, Row};
use surefix_text::FileId;

/// A global name: index into the program-wide interner, which is frozen after linking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct G(pub u32);

impl G {
    pub const EMPTY: G = G(0);
}

/// The interner.
#[derive(Default)]
pub(crate) struct Names {
    list: Vec<Box<str>>,
    table: HashTable<u32>,
}

fn hash(s: &str) -> u64 {
    let mut h = FxHasher::default();
    s.hash(&mut h);
    h.finish()
}

impl Names {
    fn intern(&mut self, s: &str) -> G {
        let h = hash(s);
        let Names { list, table } = self;
        if let Some(&id) = table.find(h, |&id| &*list[id as usize] == s) {
            return G(id);
        }
        let id = list.len() as u32;
        list.push(s.into());
        table.insert_unique(h, id, |&o| hash(&list[o as usize]));
        G(id)
    }
    fn find(&self, s: &str) -> Option<G> {
        self.table.find(hash(s), |&id| &*self.list[id as usize] == s).map(|&id| G(id))
    }
}

/// A project class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ClassRef {
    pub file: FileId,
    pub id: ClassId,
}

/// What a simple name stands for at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entity {
    Class(G),
    Func(FnRef),
    /// Static or module-level variable: owner (class or module), name.
    Global(G, G),
    /// Instance field of `this`.
    ThisField(G),
    Path(G),
}

/// The linked program.
pub(crate) struct Linked<'a> {
    pub program: &'a Program,
    pub models: &'a ModelSet,
    names: Names,
    syms: Vec<Vec<G>>,
    pub classes: FxHashMap<G, ClassRef>,
    pub class_supers: FxHashMap<G, Vec<G>>,
    pub subclasses: FxHashMap<G, Vec<G>>,
    methods: FxHashMap<(G, G), Vec<FnRef>>,
    pub functions: FxHashMap<G, Vec<FnRef>>,
    pub module_of: FxHashMap<G, FileId>,
    /// Module-level names with the functions that store them.
    pub globals: FxHashMap<(G, G), Vec<FnRef>>,
    /// Functions by a simple name they call.
    pub callers_by_name: FxHashMap<G, Vec<FnRef>>,
    /// Functions that store a field of that name.
    pub field_writers: FxHashMap<G, Vec<FnRef>>,
    rows: FxHashMap<(G, G), (Lang, &'a [Row])>,
    full_rows: FxHashMap<G, (Lang, &'a [Row])>,
    model_types: FxHashSet<G>,
    model_supers: FxHashMap<G, Vec<G>>,
    alias: FxHashMap<G, G>,
    prefix_alias: Vec<(Lang, String, String)>,
    imports: Vec<FxHashMap<Sym, G>>,
    wild: Vec<Vec<(G, ImportKind)>>,
    file_classes: Vec<FxHashMap<Sym, Vec<ClassId>>>,
    /// Names of members that carry source, sink or watch rows.
    pub hot: FxHashSet<G>,
    /// Proper supertypes of every type that has any, nearest first; `None` while linking.
    all_supers: Option<FxHashMap<G, Vec<G>>>,
}

impl<'a> Linked<'a> {
    /// `names` of an earlier program keep their numbers.
    pub fn new(program: &'a Program, models: &'a ModelSet, mut names: Names) -> Linked<'a> {
        names.intern("");
        let mut syms = Vec::with_capacity(program.modules.len());
        for m in &program.modules {
            syms.push(m.strings.iter().map(|s| names.intern(s)).collect::<Vec<_>>());
        }
        let mut l = Linked {
            program,
            models,
            names,
            syms,
            classes: FxHashMap::default(),
            class_supers: FxHashMap::default(),
            subclasses: FxHashMap::default(),
            methods: FxHashMap::default(),
            functions: FxHashMap::default(),
            module_of: FxHashMap::default(),
            globals: FxHashMap::default(),
            callers_by_name: FxHashMap::default(),
            field_writers: FxHashMap::default(),
            rows: FxHashMap::default(),
            full_rows: FxHashMap::default(),
            model_types: FxHashSet::default(),
            model_supers: FxHashMap::default(),
            alias: FxHashMap::default(),
            prefix_alias: models.package_alias.clone(),
            imports: Vec::new(),
            wild: Vec::new(),
            file_classes: Vec::new(),
            hot: FxHashSet::default(),
            all_supers: None,
        };
        l.link_models();
        l.link_imports();
        l.link_classes();
        let types: FxHashSet<G> = l.class_supers.keys().chain(l.model_supers.keys()).copied().collect();
        l.all_supers = Some(types.into_iter().map(|q| (q, l.collect_supers(q))).collect());
        l.link_functions();
        l
    }

    fn link_models(&mut self) {
        let models = self.models;
        let mut keys: Vec<_> = models.members.iter().collect();
        keys.sort_by(|a, b| a.0.cmp(b.0));
        for ((lang, full), rows) in keys {
            let g = self.names.intern(full);
            self.full_rows.insert(g, (*lang, rows));
            let mut end = full.len();
            while let Some(dot) = full[..end].rfind('.') {
                let prefix = self.names.intern(&full[..dot]);
                if end == full.len() {
                    let member = self.names.intern(&full[dot + 1..]);
                    self.rows.insert((prefix, member), (*lang, rows));
                    self.model_types.insert(prefix);
                    if rows.iter().any(|r| {
                        use surefix_models::Fact::*;
                        matches!(r.fact, Sink { .. } | Watch(_))
                    }) {
                        self.hot.insert(member);
                        if &full[dot + 1..] == "<init>" {
                            let simple = full[..dot].rsplit('.').next().unwrap_or("").to_string();
                            let simple = self.names.intern(&simple);
                            self.hot.insert(simple);
                        }
                    }
                }
                end = dot;
            }
            if !full.contains('.') {
                self.hot.insert(g);
            }
            for r in rows {
                if let surefix_models::Fact::Returns(t) = &r.fact {
                    let t = self.names.intern(t);
                    self.model_types.insert(t);
                }
            }
        }
        let mut supers: Vec<_> = models.supers.iter().collect();
        supers.sort();
        for ((_, sub), sups) in supers {
            let s = self.names.intern(sub);
            self.model_types.insert(s);
            let list = sups.iter().map(|x| self.names.intern(x)).collect::<Vec<_>>();
            self.model_types.extend(list.iter().copied());
            self.model_supers.insert(s, list);
        }
        let mut canon: Vec<_> = models.canonical.iter().collect();
        canon.sort();
        for ((_, from), to) in canon {
            let (f, t) = (self.names.intern(from), self.names.intern(to));
            self.alias.insert(f, t);
        }
        for (lang, e) in &models.entries {
            let what = self.names.intern(&e.what);
            // Annotations have no members, but imports of a whole package have to find them.
            if *lang == Lang::Java {
                self.model_types.insert(what);
            }
            for n in &e.names {
                self.names.intern(n);
            }
        }
        for n in [
            "this$0",
            "<init>",
            "__init__",
            "<clinit>",
            "<module>",
            "__call__",
            "__enter__",
            "builtins",
            "surefix.parameter",
            "<return>",
        ] {
            self.names.intern(n);
        }
    }

    fn link_imports(&mut self) {
        for (f, m) in self.program.modules.iter().enumerate() {
            let mut map = FxHashMap::default();
            let mut wild = Vec::new();
            for i in &m.imports {
                let text = self.canon_text(m.lang, m.strings.get(i.path));
                let mut end = text.len();
                let g = self.names.intern(&text);
                while let Some(dot) = text[..end].rfind('.') {
                    self.names.intern(&text[..dot]);
                    end = dot;
                }
                let g = self.alias.get(&g).copied().unwrap_or(g);
                match i.kind {
                    ImportKind::TypeWildcard | ImportKind::StaticWildcard | ImportKind::FromWildcard => {
                        wild.push((g, i.kind))
                    }
                    _ if i.local == Sym::EMPTY => {}
                    _ => {
                        map.insert(i.local, g);
                    }
                }
            }
            self.imports.push(map);
            self.wild.push(wild);
            let name = self.syms[f][m.name.0 as usize];
            if m.lang == Lang::Python {
                self.module_of.insert(name, FileId(f as u32));
            }
            let mut by_name: FxHashMap<Sym, Vec<ClassId>> = FxHashMap::default();
            for (c, class) in m.classes.iter().enumerate() {
                by_name.entry(class.name).or_default().push(ClassId(c as u32));
            }
            self.file_classes.push(by_name);
        }
    }

    fn canon_text(&self, lang: Lang, text: &str) -> String {
        for (l, from, to) in &self.prefix_alias {
            if *l == lang
                && let Some(rest) = text.strip_prefix(from.as_str())
                && (rest.is_empty() || rest.starts_with('.'))
            {
                return format!("{to}{rest}");
            }
        }
        text.to_string()
    }

    fn link_classes(&mut self) {
        for (f, m) in self.program.modules.iter().enumerate() {
            for (c, class) in m.classes.iter().enumerate() {
                let q = self.syms[f][class.qualified.0 as usize];
                let r = ClassRef { file: FileId(f as u32), id: ClassId(c as u32) };
                self.classes.entry(q).or_insert(r);
            }
        }
        for (f, m) in self.program.modules.iter().enumerate() {
            let file = FileId(f as u32);
            for (c, class) in m.classes.iter().enumerate() {
                let q = self.syms[f][class.qualified.0 as usize];
                let supers: Vec<G> = class
                    .supers
                    .iter()
                    .filter_map(|t| self.resolve_or_intern(file, t.name, Some(ClassId(c as u32))))
                    .filter(|s| *s != q)
                    .collect();
                for s in &supers {
                    self.subclasses.entry(*s).or_default().push(q);
                }
                self.class_supers.entry(q).or_insert(supers);
            }
        }
    }

    fn resolve_or_intern(&mut self, file: FileId, name: Sym, ctx: Option<ClassId>) -> Option<G> {
        if let Some(g) = self.type_name(file, name, ctx) {
            return Some(g);
        }
        let text = self.module(file).strings.get(name).to_string();
        if text.is_empty() || text == "*" {
            return None;
        }
        // `a.b.C` through an imported `a`.
        if let Some((head, rest)) = text.split_once('.')
            && let Some(h) = self.module(file).strings.find(head)
            && let Some(&g) = self.imports[file.0 as usize].get(&h)
        {
            let full = format!("{}.{}", self.str(g), rest);
            return Some(self.names.intern(&full));
        }
        Some(self.names.intern(&text))
    }

    fn link_functions(&mut self) {
        for (f, m) in self.program.modules.iter().enumerate() {
            let file = FileId(f as u32);
            let syms = &self.syms[f];
            let g = |s: Sym| syms[s.0 as usize];
            for (i, func) in m.functions.iter().enumerate() {
                let r = FnRef { file, id: FnId(i as u32) };
                self.functions.entry(g(func.qualified)).or_default().push(r);
                let mut called: Vec<G> = Vec::new();
                for instr in &func.instrs {
                    match &instr.op {
                        Op::Call(c) => match &c.callee {
                            Callee::Method { name, .. } | Callee::Name(name) | Callee::Super(name) => {
                                called.push(g(*name))
                            }
                            Callee::New { ty, .. } => {
                                let text = m.strings.get(ty.name);
                                let simple = text.rsplit('.').next().unwrap_or(text);
                                if let Some(s) = self.names.find(simple) {
                                    called.push(s);
                                }
                            }
                            Callee::Value(_) | Callee::ThisCtor => {}
                        },
                        Op::StoreField(_, name, _) => self.field_writers.entry(g(*name)).or_default().push(r),
                        Op::StoreName(name, _) => {
                            self.field_writers.entry(g(*name)).or_default().push(r);
                            if m.lang == Lang::Python {
                                self.globals.entry((g(m.name), g(*name))).or_default().push(r);
                            }
                        }
                        Op::BoundMethod(_, name) | Op::LoadField(_, name)
                            if m.lang == Lang::Python || matches!(instr.op, Op::BoundMethod(..)) =>
                        {
                            called.push(g(*name));
                        }
                        Op::LoadName(name) if m.lang == Lang::Python => called.push(g(*name)),
                        Op::Closure(id, _) => {
                            if let Some(f) = m.functions.get(id.0 as usize) {
                                called.push(g(f.name));
                            }
                        }
                        _ => {}
                    }
                }
                called.sort();
                called.dedup();
                for n in called {
                    self.callers_by_name.entry(n).or_default().push(r);
                }
            }
            for class in &m.classes {
                let q = g(class.qualified);
                for id in &class.methods {
                    if let Some(func) = m.functions.get(id.0 as usize) {
                        self.methods.entry((q, g(func.name))).or_default().push(FnRef { file, id: *id });
                    }
                }
            }
        }
        for v in self.field_writers.values_mut() {
            v.dedup();
        }
        for v in self.globals.values_mut() {
            v.dedup();
        }
    }

    /// True for an enumeration of the project: frameworks turn text into one of its members or refuse the request.
    pub fn is_enum(&self, q: G) -> bool {
        self.class(q).is_some_and(|c| c.kind == surefix_ir::ClassKind::Enum)
            || self.find("enum.Enum").is_some_and(|e| self.classes.contains_key(&q) && self.is_subtype(q, e))
    }

    /// What the next program starts with.
    pub fn into_names(self) -> Names {
        self.names
    }

    pub fn module(&self, file: FileId) -> &'a Module {
        &self.program.modules[file.0 as usize]
    }
    pub fn func(&self, f: FnRef) -> &'a Function {
        &self.module(f.file).functions[f.id.0 as usize]
    }
    pub fn class(&self, q: G) -> Option<&'a Class> {
        let r = self.classes.get(&q)?;
        self.module(r.file).classes.get(r.id.0 as usize)
    }
    pub fn lang(&self, file: FileId) -> Lang {
        self.module(file).lang
    }
    /// Global name of a module's symbol.
    pub fn g(&self, file: FileId, s: Sym) -> G {
        self.syms[file.0 as usize].get(s.0 as usize).copied().unwrap_or(G::EMPTY)
    }
    pub fn str(&self, g: G) -> &str {
        &self.names.list[g.0 as usize]
    }
    pub fn find(&self, s: &str) -> Option<G> {
        self.names.find(s)
    }
    /// `prefix.member`, when any part of the program or the models names it; aliases resolved.
    pub fn join(&self, prefix: G, member: G) -> Option<G> {
        let mut s = String::with_capacity(64);
        s.push_str(self.str(prefix));
        s.push('.');
        s.push_str(self.str(member));
        let g = self.names.find(&s)?;
        Some(self.alias.get(&g).copied().unwrap_or(g))
    }
    /// The type a written type name stands for.
    pub fn ty(&self, file: FileId, t: &TypeRef, ctx: Option<ClassId>) -> Option<G> {
        if t.dims > 0 {
            return self.find("[]");
        }
        self.type_name(file, t.name, ctx)
    }

    fn nested(&self, q: G, name: Sym, file: FileId) -> Option<G> {
        let n = self.g(file, name);
        self.join(q, n).filter(|g| self.classes.contains_key(g))
    }

    pub fn type_name(&self, file: FileId, name: Sym, ctx: Option<ClassId>) -> Option<G> {
        let m = self.module(file);
        let text = m.strings.get(name);
        if text.is_empty() || text == "*" {
            return None;
        }
        let canon = |g: G| self.alias.get(&g).copied().unwrap_or(g);
        if let Some((head, rest)) = text.split_once('.') {
            if let Some(g) = self.names.find(&self.canon_text(m.lang, text)).map(canon)
                && (self.classes.contains_key(&g) || self.model_types.contains(&g))
            {
                return Some(g);
            }
            let head = m.strings.find(head)?;
            let base = self.type_name(file, head, ctx).or_else(|| self.imports[file.0 as usize].get(&head).copied())?;
            return self.names.find(&format!("{}.{rest}", self.str(base))).map(canon);
        }
        // Nested and enclosing classes, innermost first.
        let mut at = ctx;
        while let Some(c) = at {
            let class = m.classes.get(c.0 as usize)?;
            if class.type_params.contains(&name) {
                return None;
            }
            if class.name == name {
                return Some(self.g(file, class.qualified));
            }
            let q = self.g(file, class.qualified);
            if let Some(g) = self.nested(q, name, file) {
                return Some(g);
            }
            at = class.outer;
        }
        if let Some(list) = self.file_classes[file.0 as usize].get(&name) {
            let c = &m.classes[list[0].0 as usize];
            return Some(self.g(file, c.qualified));
        }
        if let Some(&g) = self.imports[file.0 as usize].get(&name) {
            return Some(g);
        }
        let n = self.g(file, name);
        if m.lang == Lang::Java {
            if let Some(g) = self.join_text(m.strings.get(m.name), text).filter(|g| self.classes.contains_key(g)) {
                return Some(g);
            }
            for (w, kind) in &self.wild[file.0 as usize] {
                if *kind == ImportKind::TypeWildcard
                    && let Some(g) = self.join(*w, n)
                    && (self.classes.contains_key(&g) || self.model_types.contains(&g))
                {
                    return Some(g);
                }
            }
            if let Some(g) = self.names.find(&format!("java.lang.{text}"))
                && self.model_types.contains(&g)
            {
                return Some(g);
            }
            // Inherited nested classes.
            let mut at = ctx;
            while let Some(c) = at {
                let class = m.classes.get(c.0 as usize)?;
                for &s in self.supers(self.g(file, class.qualified)).iter() {
                    if let Some(g) = self.nested(s, name, file) {
                        return Some(g);
                    }
                }
                at = class.outer;
            }
        } else {
            for (w, _) in &self.wild[file.0 as usize] {
                if let Some(g) = self.join(*w, n)
                    && (self.classes.contains_key(&g) || self.model_types.contains(&g))
                {
                    return Some(g);
                }
            }
        }
        Some(n)
    }

    fn join_text(&self, prefix: &str, name: &str) -> Option<G> {
        if prefix.is_empty() { self.names.find(name) } else { self.names.find(&format!("{prefix}.{name}")) }
    }

    /// All proper supertypes, nearest first.
    pub fn supers(&self, q: G) -> Cow<'_, [G]> {
        match &self.all_supers {
            Some(all) => Cow::Borrowed(all.get(&q).map_or(&[], Vec::as_slice)),
            None => Cow::Owned(self.collect_supers(q)),
        }
    }
    fn collect_supers(&self, q: G) -> Vec<G> {
        let mut out: Vec<G> = Vec::new();
        let mut i = 0;
        let push = |out: &mut Vec<G>, of: G| {
            for s in self.class_supers.get(&of).into_iter().chain(self.model_supers.get(&of)).flatten() {
                if !out.contains(s) && *s != q {
                    out.push(*s);
                }
            }
        };
        push(&mut out, q);
        while i < out.len() {
            let of = out[i];
            push(&mut out, of);
            i += 1;
        }
        out
    }
    pub fn is_subtype(&self, sub: G, sup: G) -> bool {
        sub == sup || self.supers(sub).contains(&sup)
    }
    pub fn is_model_type(&self, g: G) -> bool {
        self.model_types.contains(&g)
    }

    /// Model rows of a member of a type, its own or inherited, with the qualified name of the declaring type.
    pub fn rows(&self, lang: Lang, ty: G, member: G) -> Option<(G, &'a [Row])> {
        if let Some((l, rows)) = self.rows.get(&(ty, member))
            && *l == lang
        {
            return Some((ty, rows));
        }
        for &s in self.supers(ty).iter() {
            if let Some((l, rows)) = self.rows.get(&(s, member))
                && *l == lang
            {
                return Some((s, rows));
            }
        }
        None
    }
    /// Model rows of a fully qualified name.
    pub fn rows_of(&self, lang: Lang, full: G) -> Option<&'a [Row]> {
        self.full_rows.get(&full).filter(|r| r.0 == lang).map(|r| r.1)
    }

    /// Project methods of that name declared in the type or inherited, nearest class only.
    pub fn methods(&self, ty: G, name: G) -> &[FnRef] {
        if let Some(v) = self.methods.get(&(ty, name)) {
            return v;
        }
        for &s in self.supers(ty).iter() {
            if let Some(v) = self.methods.get(&(s, name)) {
                return v;
            }
        }
        &[]
    }
    pub fn own_methods(&self, ty: G, name: G) -> &[FnRef] {
        self.methods.get(&(ty, name)).map_or(&[], Vec::as_slice)
    }
    /// All transitive project subclasses.
    pub fn all_subclasses(&self, ty: G) -> Vec<G> {
        let mut out = self.subclasses.get(&ty).cloned().unwrap_or_default();
        let mut i = 0;
        while i < out.len() && out.len() < 200 {
            for s in self.subclasses.get(&out[i]).cloned().unwrap_or_default() {
                if !out.contains(&s) {
                    out.push(s);
                }
            }
            i += 1;
        }
        out
    }
    /// Declared field in the class or its project supers: declaring class and field index.
    pub fn field(&self, ty: G, name: G) -> Option<(G, &'a surefix_ir::Field)> {
        let mut all = vec![ty];
        all.extend(self.supers(ty).iter().copied());
        for q in all {
            if let Some(r) = self.classes.get(&q) {
                let class = &self.module(r.file).classes[r.id.0 as usize];
                if let Some(f) = class.fields.iter().find(|f| self.g(r.file, f.name) == name) {
                    return Some((q, f));
                }
            }
        }
        None
    }
    /// Type of a declared field.
    pub fn field_type(&self, ty: G, name: G) -> Option<G> {
        let (q, f) = self.field(ty, name)?;
        let r = self.classes.get(&q)?;
        self.ty(r.file, f.ty.as_ref()?, Some(r.id))
    }

    /// The functions that may store into that field or global; `None` when they are unknown or too many to ask.
    pub fn writers(&self, owner: G, name: G) -> Option<Vec<FnRef>> {
        const MANY: usize = 24;
        let writers = self.field_writers.get(&name).filter(|w| w.len() <= MANY)?;
        let is_module = self.module_of.contains_key(&owner) && !self.classes.contains_key(&owner);
        let belongs = |w: &&FnRef| {
            if is_module {
                return self.g(w.file, self.module(w.file).name) == owner;
            }
            let class = self.func(**w).owner.and_then(|c| self.module(w.file).classes.get(c.0 as usize));
            // A write through another object of this class cannot be told from unrelated classes: only typed ones count.
            class
                .map(|c| self.g(w.file, c.qualified))
                .is_some_and(|q| self.is_subtype(q, owner) || self.is_subtype(owner, q))
        };
        Some(writers.iter().filter(belongs).copied().collect())
    }

    /// True when some function changes a container of that name in place.
    pub fn mutated(&self, name: G) -> bool {
        const MUTATORS: &[&str] = &[
            "append",
            "add",
            "update",
            "pop",
            "remove",
            "clear",
            "insert",
            "extend",
            "setdefault",
            "put",
            "push",
            "putAll",
            "addAll",
        ];
        let Some(users) = self.callers_by_name.get(&name) else {
            return false;
        };
        users.iter().any(|u| {
            let f = self.func(*u);
            if f.is(surefix_ir::flags::INITIALISER) {
                return false;
            }
            let loads: Vec<u32> = f
                .instrs
                .iter()
                .enumerate()
                .filter(|(_, i)| match &i.op {
                    Op::LoadName(n) | Op::LoadField(_, n) => self.g(u.file, *n) == name,
                    _ => false,
                })
                .map(|(i, _)| i as u32)
                .collect();
            f.instrs.iter().any(|i| match &i.op {
                Op::StoreIndex(b, ..) | Op::DeleteIndex(b, _) => loads.contains(&b.0),
                Op::Call(c) => match &c.callee {
                    Callee::Method { recv, name } => {
                        loads.contains(&recv.0) && MUTATORS.contains(&self.module(u.file).strings.get(*name))
                    }
                    _ => false,
                },
                _ => false,
            })
        })
    }

    /// What an unqualified name that is no local means inside a function.
    pub fn name(&self, f: FnRef, name: Sym) -> Entity {
        let m = self.module(f.file);
        let n = self.g(f.file, name);
        let func = self.func(f);
        if m.lang == Lang::Java {
            let mut at = func.owner;
            let mut own = true;
            while let Some(c) = at {
                let Some(class) = m.classes.get(c.0 as usize) else { break };
                let q = self.g(f.file, class.qualified);
                if let Some((decl, field)) = self.field(q, n) {
                    if field.is_static || !own {
                        return Entity::Global(decl, n);
                    }
                    return Entity::ThisField(n);
                }
                own = false;
                at = class.outer;
            }
            if let Some(&g) = self.imports[f.file.0 as usize].get(&name) {
                return self.entity(g);
            }
            if let Some(g) = self.type_name(f.file, name, func.owner) {
                if self.classes.contains_key(&g) {
                    return Entity::Class(g);
                }
                if self.model_types.contains(&g) {
                    return Entity::Path(g);
                }
            }
            for (w, kind) in &self.wild[f.file.0 as usize] {
                if *kind == ImportKind::StaticWildcard {
                    if let Some((decl, _)) = self.field(*w, n) {
                        return Entity::Global(decl, n);
                    }
                    if let Some(g) = self.join(*w, n).filter(|g| self.full_rows.contains_key(g)) {
                        return Entity::Path(g);
                    }
                }
            }
            return Entity::Path(n);
        }
        if let Some(&g) = self.imports[f.file.0 as usize].get(&name) {
            return self.entity(g);
        }
        self.module_member(m.name, f.file, n).unwrap_or_else(|| {
            for (w, _) in &self.wild[f.file.0 as usize] {
                if let Some(g) = self.join(*w, n) {
                    match self.entity(g) {
                        Entity::Path(p) if !self.full_rows.contains_key(&p) => {}
                        e => return e,
                    }
                }
            }
            Entity::Path(n)
        })
    }

    fn module_member(&self, module: Sym, file: FileId, n: G) -> Option<Entity> {
        let mg = self.g(file, module);
        if let Some(q) = self.join(mg, n) {
            if self.classes.contains_key(&q) {
                return Some(Entity::Class(q));
            }
            if let Some(fs) = self.functions.get(&q)
                && let Some(last) = fs.last()
            {
                return Some(Entity::Func(*last));
            }
        }
        if self.globals.contains_key(&(mg, n)) {
            return Some(Entity::Global(mg, n));
        }
        None
    }

    /// What an absolute dotted path means.
    pub fn entity(&self, g: G) -> Entity {
        self.entity_at(g, 0)
    }

    fn entity_at(&self, g: G, depth: u32) -> Entity {
        let g = self.alias.get(&g).copied().unwrap_or(g);
        if self.classes.contains_key(&g) {
            return Entity::Class(g);
        }
        if let Some(fs) = self.functions.get(&g)
            && let Some(f) = fs.last()
        {
            return Entity::Func(*f);
        }
        if self.module_of.contains_key(&g) || depth > 8 {
            return Entity::Path(g);
        }
        let text = self.str(g);
        if let Some(dot) = text.rfind('.')
            && let (Some(owner), Some(member)) = (self.names.find(&text[..dot]), self.names.find(&text[dot + 1..]))
        {
            if self.globals.contains_key(&(owner, member)) {
                return Entity::Global(owner, member);
            }
            if self.field(owner, member).is_some_and(|(_, f)| f.is_static) {
                return Entity::Global(owner, member);
            }
            // A name re-exported by a project module; a wholesale import does not write it.
            if let Some(&file) = self.module_of.get(&owner) {
                if let Some(sym) = self.module(file).strings.find(self.str(member))
                    && let Some(&to) = self.imports[file.0 as usize].get(&sym)
                    && to != g
                {
                    return self.entity_at(to, depth + 1);
                }
                for (w, _) in &self.wild[file.0 as usize] {
                    if let Some(j) = self.join(*w, member)
                        && j != g
                    {
                        let e = self.entity_at(j, depth + 1);
                        if !matches!(e, Entity::Path(_)) {
                            return e;
                        }
                    }
                }
            }
            // `import static a.B.m` or a member of a class.
            if self.classes.contains_key(&owner)
                && let Some(f) = self.methods(owner, member).first()
            {
                return Entity::Func(*f);
            }
        }
        Entity::Path(g)
    }
}
