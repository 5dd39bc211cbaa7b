//! Bringing a Python module or name into scope: reuse, extend, insert, or an alias.

use super::names::bindings;
use super::{PyCx, span, stdlib, suite_around, walk};
use crate::layout::{self, first_on_line, line_start, next_line, no, push_insert, push_line_sorted, push_pin};
use ruff_python_ast::{AnyNodeRef, Expr, ExprContext, Stmt, StmtImportFrom};
use surefix_syntax::python::span_of;
use surefix_text::{Edit, EditKind, Reason, Refusal, Span};

/// An import statement that the place can rely on.
struct Known {
    /// `a.b` of `import a.b`, `a` of `from a import b`.
    module: String,
    /// `b` of `from a import b`.
    member: Option<String>,
    /// What to write to reach it.
    local: String,
    span: Span,
}

/// Order of import sections.
fn section(module: &str, level: u32) -> u8 {
    match () {
        () if module == "__future__" => 0,
        () if level > 0 => 3,
        () if stdlib::is_stdlib(module) => 1,
        () => 2,
    }
}

impl PyCx<'_> {
    /// Makes the module `module` (`html`, `os.path`, `xml.etree.ElementTree`) usable at `at`; returns the expression to write for
    /// it: its name, or the alias under which it is imported. Inserts `import module` in the file's order when it is
    /// missing, under an alias when the name means something else.
    pub fn bring(&self, module: &str, at: Span, edits: &mut Vec<Edit>) -> Result<String, Refusal> {
        for k in self.known(at) {
            let hit = match &k.member {
                // `import os.path` binds `os` as well.
                None => {
                    k.module == module || matches!((k.module.as_str(), module), ("os", "os.path") | ("os.path", "os"))
                }
                Some(m) => format!("{}.{m}", k.module) == module,
            };
            if hit {
                let local = match k.member {
                    None if k.module == "os" && module == "os.path" => format!("{}.path", k.local),
                    // Under an alias only the module itself is bound.
                    None if k.module == "os.path" && module == "os" && k.local != "os.path" => continue,
                    None if k.module == "os.path" && module == "os" => "os".to_owned(),
                    _ => k.local,
                };
                if self.visible(&local, k.span, at) {
                    push_pin(edits, self.file, k.span);
                    return Ok(local);
                }
            }
        }
        let head = module.split('.').next().unwrap_or(module);
        if self.planned(edits, &format!("import {module}")) && self.is_free(head, at) {
            return Ok(module.to_owned());
        }
        if self.is_free(head, at) || self.only_packages(head, at) {
            self.insert_import(module, None, &format!("import {module}"), at, edits)?;
            return Ok(module.to_owned());
        }
        let alias = self.alias(module.rsplit('.').next().unwrap_or(module), at)?;
        self.insert_import(module, None, &format!("import {module} as {alias}"), at, edits)?;
        Ok(alias)
    }

    /// Makes `name` of `module` usable at `at` (`bring_from("markupsafe", "escape", …)`); returns what to write: `escape`, an alias, or
    /// `markupsafe.escape` when the module itself is imported. Extends a `from module import …` of the file or
    /// inserts a new one.
    pub fn bring_from(&self, module: &str, name: &str, at: Span, edits: &mut Vec<Edit>) -> Result<String, Refusal> {
        let known = self.known(at);
        let direct = known.iter().find(|k| k.module == module && k.member.as_deref() == Some(name));
        if let Some(k) = direct.filter(|k| self.visible(&k.local, k.span, at)) {
            push_pin(edits, self.file, k.span);
            return Ok(k.local.clone());
        }
        let whole = known.iter().find(|k| {
            let full = k.member.as_ref().map_or(k.module.clone(), |m| format!("{}.{m}", k.module));
            full == module && self.visible(&k.local, k.span, at)
        });
        if let Some(k) = whole {
            push_pin(edits, self.file, k.span);
            return Ok(format!("{}.{name}", k.local));
        }
        if self.planned(edits, &format!("from {module} import {name}")) && self.is_free(name, at) {
            return Ok(name.to_owned());
        }
        let free = self.is_free(name, at);
        let local = if free { name.to_owned() } else { self.alias(name, at)? };
        let what = if free { name.to_owned() } else { format!("{name} as {local}") };
        if let Some(stmt) = self.extendable(module, at).or_else(|| self.near(module, at)) {
            self.extend(stmt, &what, edits);
        } else {
            self.insert_import(module, Some(name), &format!("from {module} import {what}"), at, edits)?;
        }
        Ok(local)
    }

    /// Import statements of the module's own level that run before `at`, and those of the function around it.
    fn known(&self, at: Span) -> Vec<Known> {
        let mut out = Vec::new();
        let scopes = self.scopes(at);
        let in_function =
            scopes.iter().any(|s| matches!(s, AnyNodeRef::StmtFunctionDef(_) | AnyNodeRef::ExprLambda(_)));
        let mut bodies: Vec<(&[Stmt], bool)> = Vec::new();
        for scope in scopes.iter().rev() {
            if let AnyNodeRef::StmtFunctionDef(f) = scope {
                bodies.push((&f.body, true));
            }
        }
        bodies.push((&self.tree().body, !in_function));
        for (body, before) in bodies {
            for stmt in body.iter().filter(|s| !before || span_of(*s).hi <= at.lo) {
                let s = span_of(stmt);
                match stmt {
                    Stmt::Import(i) => out.extend(i.names.iter().map(|a| Known {
                        module: a.name.to_string(),
                        member: None,
                        local: a.asname.as_ref().unwrap_or(&a.name).to_string(),
                        span: s,
                    })),
                    Stmt::ImportFrom(i) if i.level == 0 => out.extend(i.names.iter().map(|a| Known {
                        module: i.module.as_ref().map(ToString::to_string).unwrap_or_default(),
                        member: Some(a.name.to_string()),
                        local: a.asname.as_ref().unwrap_or(&a.name).to_string(),
                        span: s,
                    })),
                    _ => {}
                }
            }
        }
        out
    }

    /// True when `local` at `at` still means what the import at `import` bound.
    fn visible(&self, local: &str, import: Span, at: Span) -> bool {
        let head = local.split('.').next().unwrap_or(local);
        let module = AnyNodeRef::from(self.tree());
        let scopes = self.scopes(at);
        let holder = scopes.iter().rev().find(|s| span(**s).contains(import)).copied();
        // `import a` twice, or `import a.b` beside `import a.c`, binds the same package.
        let plain = self.plain_import_of(import, head);
        let rebound = |n: AnyNodeRef<'_>| {
            let harmless = |b: &crate::python::names::Binding| {
                b.span == import || (b.import && plain && self.plain_import_of(b.span, head))
            };
            bindings(n).iter().any(|b| b.name == head && !b.outer && !harmless(b))
        };
        let last = scopes.len().wrapping_sub(1);
        let hides = scopes.iter().enumerate().any(|(i, s)| {
            let class_outside = matches!(s, AnyNodeRef::StmtClassDef(_)) && i != last;
            !class_outside && holder.is_none_or(|h| span(h).contains(span(*s))) && rebound(*s)
        });
        !hides && (holder.is_some() || !rebound(module))
    }

    fn plain_import_of(&self, stmt: Span, head: &str) -> bool {
        let plain = |a: &ruff_python_ast::Alias| a.asname.is_none() && a.name.split('.').next() == Some(head);
        match surefix_syntax::python::stmt_at(self.tree(), stmt) {
            Some(Stmt::Import(i)) => i.names.iter().any(plain),
            _ => false,
        }
    }

    /// True when nothing at `at` is called `name`, and no code relies on a builtin or star import of that name.
    fn is_free(&self, name: &str, at: Span) -> bool {
        let module = AnyNodeRef::from(self.tree());
        let bound = |n: AnyNodeRef<'_>| bindings(n).iter().any(|b| b.name == name);
        if bound(module) || self.scopes(at).into_iter().any(bound) {
            return false;
        }
        let mut free = true;
        walk(module, &mut |n| {
            match n {
                AnyNodeRef::ExprName(e) => {
                    let load = e.id.as_str() == name && e.ctx == ExprContext::Load;
                    // A read that an inner scope answers is no reason to stay away.
                    free &= !load || self.scopes(span_of(e)).into_iter().any(bound);
                }
                AnyNodeRef::StmtGlobal(g) => free &= !g.names.iter().any(|n| n.as_str() == name),
                _ => {}
            }
            free
        });
        free
    }

    /// True when `head` is bound only by plain imports of its submodules (`import xml.sax` when `xml.dom` is wanted).
    fn only_packages(&self, head: &str, at: Span) -> bool {
        let module = AnyNodeRef::from(self.tree());
        let mine: Vec<_> = bindings(module).into_iter().filter(|b| b.name == head).collect();
        let hidden = self.scopes(at).into_iter().any(|s| bindings(s).iter().any(|b| b.name == head));
        !hidden && !mine.is_empty() && mine.iter().all(|b| b.import && self.plain_import_of(b.span, head))
    }

    fn alias(&self, name: &str, at: Span) -> Result<String, Refusal> {
        let alias = format!("_{name}");
        if self.is_free(&alias, at) && !self.text.contains(&alias) {
            return Ok(alias);
        }
        no(Reason::NameTaken, format!("the names {name} and {alias} mean something else here"))
    }

    fn planned(&self, edits: &[Edit], line: &str) -> bool {
        let mine = edits.iter().filter(|e| e.file == self.file && e.kind == EditKind::Replace);
        mine.flat_map(|e| e.text.lines()).any(|l| l.trim() == line)
    }

    /// A module-level `from module import …` that a name can be added to.
    fn extendable(&self, module: &str, at: Span) -> Option<&StmtImportFrom> {
        let limit = self.limit(at);
        if self.one_name_a_line() {
            return None;
        }
        self.tree().body.iter().find_map(|s| takes_more(s, module, limit))
    }

    /// A `from module import …` of the function around `at` that certainly runs before it.
    fn near(&self, module: &str, at: Span) -> Option<&StmtImportFrom> {
        let function = self.function_of(at)?;
        let path = self.path_to(at);
        let inside = path.iter().filter(|n| function.contains(span(**n)));
        let own = inside.take_while(|n| !matches!(n, AnyNodeRef::StmtClassDef(_)));
        let suites = own.filter_map(|n| suite_around(*n, at));
        suites.flatten().filter_map(|s| takes_more(s, module, at.lo)).last()
    }

    /// True when the file imports each name by a statement of its own: two of them name the same module, and none has two names.
    fn one_name_a_line(&self) -> bool {
        let froms = self.tree().body.iter().filter_map(|s| match s {
            Stmt::ImportFrom(i) => Some((i.level, i.module.as_deref().unwrap_or(""), i.names.len())),
            _ => None,
        });
        let all: Vec<(u32, &str, usize)> = froms.collect();
        let twice = all.iter().enumerate().any(|(i, a)| all[..i].iter().any(|b| (a.0, a.1) == (b.0, b.1)));
        twice && all.iter().all(|a| a.2 == 1)
    }

    fn extend(&self, stmt: &StmtImportFrom, what: &str, edits: &mut Vec<Edit>) {
        let names: Vec<&str> = stmt.names.iter().map(|a| a.name.as_str()).collect();
        // Constants, classes, functions; or plainly by letters.
        let by_kind = |n: &str| {
            let upper = n.chars().all(|c| !c.is_lowercase());
            let kind = if upper { 0 } else { 2 - u8::from(n.starts_with(char::is_uppercase)) };
            (kind, n.to_lowercase())
        };
        let by_letter = |n: &str| (0, n.to_lowercase());
        let in_order = |key: &dyn Fn(&str) -> (u8, String)| {
            names.len() > 1 && names.windows(2).all(|w| matches!(w, [a, b] if key(a) <= key(b)))
        };
        let after = |key: &dyn Fn(&str) -> (u8, String)| stmt.names.iter().find(|a| key(&a.name) > key(what));
        let next = match () {
            () if in_order(&by_kind) => after(&by_kind),
            () if in_order(&by_letter) => after(&by_letter),
            () => None,
        };
        let gap = |at: u32| match first_on_line(self.text, at) {
            true => format!("{}{}", self.eol_at(at), self.indent_at(at)),
            false => " ".to_owned(),
        };
        match (next, stmt.names.last()) {
            (Some(next), _) => {
                let at = span_of(next).lo;
                push_insert(edits, self.file, at, &format!("{what},{}", gap(at)));
            }
            (None, Some(last)) => {
                let s = span_of(last);
                push_insert(edits, self.file, s.hi, &format!(",{}{what}", gap(s.lo)));
            }
            (None, None) => {}
        }
    }

    /// Module-level code must be imported for before it runs; code in functions runs after the whole module.
    fn limit(&self, at: Span) -> u32 {
        let function = |s: &AnyNodeRef<'_>| matches!(s, AnyNodeRef::StmtFunctionDef(_) | AnyNodeRef::ExprLambda(_));
        if self.scopes(at).iter().any(function) { u32::MAX } else { at.lo }
    }

    fn insert_import(
        &self,
        module: &str,
        member: Option<&str>,
        line: &str,
        at: Span,
        edits: &mut Vec<Edit>,
    ) -> Result<(), Refusal> {
        let limit = self.limit(at);
        let body = &self.tree().body;
        // Imports after the first definition are there for a reason of their own.
        let end = body
            .iter()
            .position(|s| matches!(s, Stmt::FunctionDef(_) | Stmt::ClassDef(_)) || span_of(s).hi > limit)
            .unwrap_or(body.len());
        let usable: Vec<Import> = body.iter().take(end).filter_map(import).collect();
        let mine: Vec<Import> = usable.into_iter().filter(|i| i.section > 0).collect();
        let own = section(module, 0);
        if mine.is_empty() {
            return self.first_import(line, limit, edits);
        }
        let mut groups: Vec<Vec<Import>> = Vec::new();
        for i in mine {
            let glued = groups.last().and_then(|g| g.last()).is_some_and(|last| {
                let between = Span::new(last.span.hi, i.span.lo).of(self.text);
                between.replace("\r\n", "\n").matches(['\n', '\r']).count() <= 1
            });
            match groups.last_mut() {
                Some(g) if glued => g.push(i),
                _ => groups.push(vec![i]),
            }
        }
        let holds = |g: &Vec<Import>| g.iter().filter(|i| i.section == own).count();
        let best = groups.iter().enumerate().rev().max_by_key(|(_, g)| holds(g)).map(|(i, g)| (i, holds(g)));
        let chosen = match best {
            Some((i, n)) if n > 0 => groups.get(i),
            // One mixed block takes everything; with sections, a section of its own.
            _ if groups.len() == 1
                && groups
                    .iter()
                    .flatten()
                    .any(|i| i.section != groups.iter().flatten().next().map_or(0, |f| f.section)) =>
            {
                groups.first()
            }
            _ => None,
        };
        let Some(group) = chosen else {
            let before = groups.iter().find(|g| g.iter().all(|i| i.section > own)).and_then(|g| g.first());
            return match before {
                Some(next) if first_on_line(self.text, next.span.lo) => {
                    let at = line_start(self.text, next.span.lo);
                    let eol = self.eol_at(at);
                    self.push_lines(at, line, "", eol, edits)
                }
                _ => {
                    let last = groups.last().and_then(|g| g.last()).map_or(Span::point(0), |i| i.span);
                    let eol = self.eol_at(last.hi);
                    self.after(last, line, eol, edits)
                }
            };
        };
        let from = member.is_some();
        let key = (from, module.to_lowercase());
        let kinds_split = group.windows(2).all(|w| matches!(w, [a, b] if a.from <= b.from));
        let candidates: Vec<&Import> =
            if kinds_split { group.iter().filter(|i| i.from == from).collect() } else { group.iter().collect() };
        let sorted =
            candidates.windows(2).all(|w| matches!(w, [a, b] if a.module.to_lowercase() <= b.module.to_lowercase()));
        let next = match candidates.iter().find(|i| sorted && i.module.to_lowercase() > key.1) {
            Some(i) => Some(*i),
            // Plain imports go in front of the first `from`.
            None if kinds_split && !from && candidates.is_empty() => group.first(),
            None => None,
        };
        match next {
            Some(next) if first_on_line(self.text, next.span.lo) => {
                let at = line_start(self.text, next.span.lo);
                push_line_sorted(edits, self.file, at, &format!("{line}{}", self.eol_at(at)));
                Ok(())
            }
            _ => {
                let last = candidates.last().copied().or(group.last());
                self.after(last.map_or(Span::point(0), |i| i.span), line, "", edits)
            }
        }
    }

    /// Inserts the line after the logical line that ends with the statement at `stmt`.
    fn after(&self, stmt: Span, line: &str, blank: &str, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
        let at = next_line(self.text, stmt.hi);
        let inside = |s: &Stmt| span_of(s).lo < at && at < span_of(s).hi;
        if self.tree().body.iter().any(inside) || !self.text.is_char_boundary(at as usize) {
            return no(Reason::ControlFlow, "the import block shares a line with other code");
        }
        let eol = self.eol_at(stmt.hi);
        if at == layout::line_end(self.text, stmt.hi) {
            // No line ending to build on: the text ends here.
            push_insert(edits, self.file, at, &format!("{eol}{blank}{line}"));
            return Ok(());
        }
        self.push_lines(at, line, blank, "", edits)
    }

    fn push_lines(&self, at: u32, line: &str, before: &str, after: &str, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
        let eol = self.eol_at(at.saturating_sub(1));
        if edits.iter().any(|e| e.file == self.file && e.span == Span::point(at) && e.kind == EditKind::Replace) {
            push_line_sorted(edits, self.file, at, &format!("{line}{eol}"));
        } else {
            push_insert(edits, self.file, at, &format!("{before}{line}{eol}{after}"));
        }
        Ok(())
    }

    /// The file has no import to stand beside: after the docstring and `__future__`, else after the header comments.
    fn first_import(&self, line: &str, limit: u32, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
        let body = &self.tree().body;
        let mut last: Option<&Stmt> = None;
        for (i, stmt) in body.iter().enumerate() {
            let docstring = i == 0 && matches!(stmt, Stmt::Expr(e) if matches!(&*e.value, Expr::StringLiteral(_)));
            let future = matches!(stmt, Stmt::ImportFrom(f) if f.module.as_deref() == Some("__future__"));
            if !docstring && !future {
                break;
            }
            last = Some(stmt);
        }
        if let Some(last) = last {
            if span_of(last).hi > limit {
                return no(Reason::ControlFlow, "the code runs before an import could");
            }
            let eol = self.eol_at(span_of(last).hi);
            let crowded = !layout::last_on_line(self.text, next_line(self.text, span_of(last).hi));
            let at = span_of(last);
            let fresh =
                !edits.iter().any(|e| e.file == self.file && e.span == Span::point(next_line(self.text, at.hi)));
            self.after(at, line, eol, edits)?;
            // A blank line on both sides.
            if crowded
                && fresh
                && let Some(e) = edits.last_mut().filter(|e| e.text.ends_with(['\n', '\r']))
            {
                e.text.push_str(eol);
            }
            return Ok(());
        }
        let mut at = 0;
        while self.text.get(at as usize..).is_some_and(|t| t.starts_with('#')) {
            at = next_line(self.text, at);
        }
        let blank = layout::last_on_line(self.text, at);
        // A comment right above the code belongs to it, unless it is the interpreter or coding line.
        let first = body.first().map_or(u32::MAX, |s| span_of(s).lo);
        if at > 0 && !blank && first <= layout::line_end(self.text, at) {
            at = 0;
            while self.text.get(at as usize..).is_some_and(|t| t.starts_with("#!") || (t.starts_with('#') && coding(t)))
            {
                at = next_line(self.text, at);
            }
        }
        while (at as usize) < self.text.len() && layout::last_on_line(self.text, at) {
            at = next_line(self.text, at);
        }
        let eol = self.eol_at(at);
        let after = if (at as usize) < self.text.len() { eol } else { "" };
        self.push_lines(at, line, "", after, edits)
    }
}

fn coding(text: &str) -> bool {
    text.lines().next().is_some_and(|l| l.contains("coding:") || l.contains("coding="))
}

struct Import {
    module: String,
    from: bool,
    section: u8,
    span: Span,
}

fn import(stmt: &Stmt) -> Option<Import> {
    let span = span_of(stmt);
    match stmt {
        Stmt::Import(i) => {
            let module = i.names.first()?.name.to_string();
            Some(Import { section: section(&module, 0), module, from: false, span })
        }
        Stmt::ImportFrom(i) => {
            let module = i.module.as_ref().map(ToString::to_string).unwrap_or_default();
            Some(Import { section: section(&module, i.level), module, from: true, span })
        }
        _ => None,
    }
}

/// The statement as a `from module import …` that a name can be added to and that ends in front of `limit`.
fn takes_more<'s>(stmt: &'s Stmt, module: &str, limit: u32) -> Option<&'s StmtImportFrom> {
    let Stmt::ImportFrom(i) = stmt else { return None };
    let star = i.names.iter().any(|a| a.name.as_str() == "*");
    let from = i.level == 0 && i.module.as_deref() == Some(module);
    (from && !star && !i.names.is_empty() && span_of(i).hi <= limit).then_some(i)
}
