//! Bringing a Java type into scope: reuse, insert, or its full name.

use super::{JavaCx, is_type_decl};
use crate::layout::{self, first_on_line, line_start, next_line, no, push_insert, push_line_sorted, push_pin, to_u32};
use std::collections::BTreeSet;
use surefix_syntax::java;
use surefix_text::{Edit, Reason, Refusal, Span};

/// An import declaration of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ImportLine {
    /// `java.util.List`, `java.util` for a wildcard, `a.B.m` for a static one.
    pub path: String,
    pub is_static: bool,
    pub wildcard: bool,
    pub span: Span,
}

impl ImportLine {
    fn simple(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or("")
    }
    fn key(&self) -> String {
        if self.wildcard { format!("{}.*", self.path) } else { self.path.clone() }
    }
}

impl JavaCx<'_> {
    /// Makes the type `qualified` (`java.nio.file.Path`; nested types as `java.util.Map.Entry`) usable and returns the name to
    /// write. Reuses an import (and pins it), inserts one in the file's own order, or returns the fully qualified name
    /// when the simple name means something else in this file.
    pub fn bring_type(&self, qualified: &str, edits: &mut Vec<Edit>) -> Result<String, Refusal> {
        let Some((package, simple)) = qualified.rsplit_once('.') else { return Ok(qualified.to_owned()) };
        let owner_is_type = package.rsplit('.').next().is_some_and(|s| s.starts_with(char::is_uppercase));
        let imports = self.imports();
        let exact = imports.iter().find(|i| !i.is_static && !i.wildcard && i.path == qualified);
        if owner_is_type && exact.is_none() {
            return Ok(format!("{}.{simple}", self.bring_type(package, edits)?));
        }
        if self.declares_type(simple) {
            // A type of this very file may be what is asked for.
            let own = self.module.strings.find(qualified);
            let same = own.is_some_and(|q| self.module.classes.iter().any(|c| c.qualified == q && c.outer.is_none()));
            return if same { Ok(simple.to_owned()) } else { self.full_name(qualified) };
        }
        if let Some(import) = exact {
            push_pin(edits, self.file, import.span);
            return Ok(simple.to_owned());
        }
        let planned = self.planned(edits);
        if planned.iter().any(|p| p == qualified) {
            return Ok(simple.to_owned());
        }
        let other = |path: &str| path.rsplit('.').next() == Some(simple);
        if imports.iter().any(|i| !i.wildcard && i.simple() == simple && i.simple().starts_with(char::is_uppercase))
            || planned.iter().any(|p| other(p))
        {
            return self.full_name(qualified);
        }
        let same_package = self.package_name() == package;
        if !same_package && (self.declares)(simple) {
            return self.full_name(qualified);
        }
        if same_package {
            return Ok(simple.to_owned());
        }
        let used = self.mentions_type(simple);
        let mut wildcards = imports.iter().filter(|i| i.wildcard && !i.is_static);
        if let Some(import) = wildcards.clone().find(|i| i.path == package) {
            // Another wildcard might hold the same simple name; a name in use compiles today and so cannot be ambiguous.
            if used || wildcards.all(|i| i.path == package) {
                push_pin(edits, self.file, import.span);
                return Ok(simple.to_owned());
            }
        } else if package == "java.lang" {
            return Ok(simple.to_owned());
        } else if used {
            // It means something from the same package or from a wildcard import.
            return self.full_name(qualified);
        }
        self.insert_import(&imports, qualified, edits)?;
        Ok(simple.to_owned())
    }

    /// Makes a static member (`java.util.Objects.requireNonNull`) usable and returns what to write before the arguments: the
    /// bare name when a static import of it is there already, `Objects.requireNonNull` otherwise.
    pub fn bring_static(&self, member: &str, edits: &mut Vec<Edit>) -> Result<String, Refusal> {
        let Some((owner, name)) = member.rsplit_once('.') else { return Ok(member.to_owned()) };
        let imports = self.imports();
        let statics = || imports.iter().filter(|i| i.is_static);
        let found = statics().find(|i| !i.wildcard && i.path == member);
        // A method of the file hides every static import of the same name.
        if let Some(import) = found.filter(|_| !self.declares_method(name)) {
            push_pin(edits, self.file, import.span);
            return Ok(name.to_owned());
        }
        Ok(format!("{}.{name}", self.bring_type(owner, edits)?))
    }

    /// True when the simple name `name` means the type `qualified` in this file, as far as its imports tell.
    pub fn means_type(&self, name: &str, qualified: &str) -> bool {
        if name == qualified {
            return true;
        }
        let Some((package, simple)) = qualified.rsplit_once('.') else { return false };
        if name != simple || self.declares_type(simple) {
            return false;
        }
        let imports = self.imports();
        let mut exact = imports.iter().filter(|i| !i.is_static && !i.wildcard && i.simple() == simple);
        match exact.next() {
            Some(i) => i.path == qualified,
            None => {
                package == "java.lang"
                    || self.package_name() == package
                    || imports.iter().any(|i| !i.is_static && i.wildcard && i.path == package)
            }
        }
    }

    pub(crate) fn imports(&self) -> Vec<ImportLine> {
        let root = self.root();
        let mut cursor = root.walk();
        let mut out = Vec::new();
        for node in root.named_children(&mut cursor).filter(|n| n.kind() == "import_declaration") {
            let mut inner = node.walk();
            let mut line =
                ImportLine { path: String::new(), is_static: false, wildcard: false, span: java::span_of(node) };
            for child in node.children(&mut inner) {
                match child.kind() {
                    "static" => line.is_static = true,
                    "asterisk" => line.wildcard = true,
                    "identifier" | "scoped_identifier" => {
                        line.path = self.node_text(child).split_whitespace().collect::<String>();
                    }
                    _ => {}
                }
            }
            if !node.has_error() {
                out.push(line);
            }
        }
        out
    }

    /// The package the file declares; empty for the unnamed one.
    pub fn package_name(&self) -> String {
        let root = self.root();
        let mut cursor = root.walk();
        let package = root.named_children(&mut cursor).find(|n| n.kind() == "package_declaration");
        let Some(package) = package else { return String::new() };
        let mut inner = package.walk();
        let name = package.named_children(&mut inner).find(|n| n.kind().ends_with("identifier"));
        name.map(|n| self.node_text(n).split_whitespace().collect()).unwrap_or_default()
    }

    /// Imports that the fix already inserts.
    fn planned(&self, edits: &[Edit]) -> Vec<String> {
        let lines = edits.iter().filter(|e| e.file == self.file).flat_map(|e| e.text.lines());
        lines
            .filter_map(|l| Some(l.trim().strip_prefix("import ")?.trim_end_matches(';').trim().to_owned()))
            .filter(|p| !p.starts_with("static "))
            .collect()
    }

    fn declares_type(&self, simple: &str) -> bool {
        let mut found = false;
        java::walk(self.root(), &mut |n| {
            let name = match n.kind() {
                k if is_type_decl(k) => n.child_by_field_name("name"),
                "type_parameter" => {
                    let mut c = n.walk();
                    n.named_children(&mut c).find(|c| c.kind() == "type_identifier")
                }
                _ => None,
            };
            found |= name.is_some_and(|n| self.node_text(n) == simple);
            !found
        });
        found
    }

    fn declares_method(&self, name: &str) -> bool {
        let mut found = false;
        java::walk(self.root(), &mut |n| {
            let here = n.kind() == "method_declaration" && n.child_by_field_name("name").is_some();
            found |= here && n.child_by_field_name("name").is_some_and(|n| self.node_text(n) == name);
            !found
        });
        found
    }

    /// True when the file uses `simple` where a type can stand.
    fn mentions_type(&self, simple: &str) -> bool {
        let mut found = false;
        java::walk(self.root(), &mut |n| {
            if matches!(n.kind(), "import_declaration" | "package_declaration") || found {
                return false;
            }
            if matches!(n.kind(), "type_identifier" | "identifier") && self.node_text(n) == simple {
                let parent = n.parent();
                let field = |name| parent.and_then(|p| p.child_by_field_name(name)) == Some(n);
                let kind = parent.map_or("", |p| p.kind());
                let qualified = (kind == "scoped_type_identifier" && parent.and_then(|p| p.named_child(0)) != Some(n))
                    || (kind == "scoped_identifier" && field("name"))
                    || (kind == "field_access" && field("field"))
                    || (kind == "method_invocation" && field("name"));
                found = !qualified;
            }
            true
        });
        found
    }

    /// The fully qualified name, unless its first part is a variable here.
    fn full_name(&self, qualified: &str) -> Result<String, Refusal> {
        let first = qualified.split('.').next().unwrap_or("");
        let mut hidden = false;
        java::walk(self.root(), &mut |n| {
            let declares = matches!(
                n.kind(),
                "variable_declarator"
                    | "formal_parameter"
                    | "catch_formal_parameter"
                    | "resource"
                    | "enhanced_for_statement"
            );
            hidden |= declares && n.child_by_field_name("name").is_some_and(|n| self.node_text(n) == first);
            !hidden
        });
        if hidden {
            return no(Reason::NameTaken, format!("a variable named {first} hides the package of {qualified}"));
        }
        Ok(qualified.to_owned())
    }

    fn insert_import(&self, imports: &[ImportLine], path: &str, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
        let text = self.text;
        let types: Vec<&ImportLine> = imports.iter().filter(|i| !i.is_static).collect();
        let Some(groups) = self.groups(&types) else {
            return self.first_import(imports, path, edits);
        };
        let (group, own) = choose(&groups, path);
        if own {
            // A group of its own, with blank lines around it.
            let at = match groups.get(group) {
                Some(next) => next.first().map_or(0, |i| self.own_line_start(i.span)),
                None => groups.last().and_then(|g| g.last()).map_or(0, |i| next_line(text, i.span.hi)),
            };
            let eol = layout::eol_at(text, at.saturating_sub(1));
            let line = if group < groups.len() {
                format!("import {path};{eol}{eol}")
            } else {
                format!("{eol}import {path};{eol}")
            };
            if edits.iter().any(|e| e.file == self.file && e.span == Span::point(at)) {
                push_line_sorted(edits, self.file, at, &format!("import {path};{eol}"));
            } else {
                push_insert(edits, self.file, at, &line);
            }
            return Ok(());
        }
        let group = groups.get(group).cloned().unwrap_or_default();
        let keys: Vec<String> = group.iter().map(|i| i.key()).collect();
        let sorted = keys.windows(2).all(|w| matches!(w, [a, b] if a <= b));
        let place = if sorted { keys.iter().position(|k| k.as_str() > path) } else { beside_nearest(&keys, path) };
        match place.and_then(|i| group.get(i)) {
            Some(next) if first_on_line(text, next.span.lo) => {
                let at = line_start(text, next.span.lo);
                let (indent, eol) = (layout::indent_at(text, at), layout::eol_at(text, at));
                push_line_sorted(edits, self.file, at, &format!("{indent}import {path};{eol}"));
            }
            Some(next) => push_insert(edits, self.file, next.span.lo, &format!("import {path}; ")),
            None => {
                let Some(last) = group.last() else { return Ok(()) };
                self.import_after(last.span, path, "", edits);
            }
        }
        Ok(())
    }

    /// Inserts the import on the line after what stands at `span`.
    fn import_after(&self, span: Span, path: &str, blank: &str, edits: &mut Vec<Edit>) {
        let text = self.text;
        let eol = layout::eol_at(text, span.hi);
        let rest = Span::new(span.hi, layout::line_end(text, span.hi));
        let comment_or_blank = rest.of(text).trim().is_empty() || rest.of(text).trim_start().starts_with("//");
        let next = next_line(text, span.hi);
        if comment_or_blank && next > rest.hi {
            let indent = layout::indent_at(text, span.lo);
            push_line_sorted_after(edits, self.file, next, blank, &format!("{indent}import {path};{eol}"));
        } else if comment_or_blank {
            // No line ending to build on: the text ends here.
            push_insert(edits, self.file, rest.hi, &format!("{eol}{blank}import {path};"));
        } else {
            push_insert(edits, self.file, span.hi, &format!(" import {path};"));
        }
    }

    fn first_import(&self, imports: &[ImportLine], path: &str, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
        let text = self.text;
        if let Some(first) = imports.first() {
            // Static imports only: the type imports go in front of them, as a group.
            let at = self.own_line_start(first.span);
            let eol = layout::eol_at(text, at);
            let fresh = !edits.iter().any(|e| e.file == self.file && e.span == Span::point(at));
            let line = format!("import {path};{eol}");
            if fresh {
                push_insert(edits, self.file, at, &format!("{line}{eol}"));
            } else {
                push_line_sorted(edits, self.file, at, &line);
            }
            return Ok(());
        }
        let root = self.root();
        let mut cursor = root.walk();
        let package = root.named_children(&mut cursor).find(|n| n.kind() == "package_declaration");
        if let Some(package) = package {
            let eol = layout::eol_at(text, java::span_of(package).hi);
            self.import_after(java::span_of(package), path, eol, edits);
            return Ok(());
        }
        let at = self.after_header();
        let eol = layout::eol_at(text, at);
        let line = format!("import {path};{eol}");
        if edits.iter().any(|e| e.file == self.file && e.span == Span::point(at)) {
            push_line_sorted(edits, self.file, at, &line);
        } else {
            push_insert(edits, self.file, at, &format!("{line}{eol}"));
        }
        Ok(())
    }

    /// Where code starts in a file without a package: after the header comment, before the first type's own comment.
    fn after_header(&self) -> u32 {
        use surefix_syntax::{CommentKind, Piece};
        let Some(Piece::Comment(c)) = self.pieces().first() else { return 0 };
        if !Span::new(0, c.span.lo).of(self.text).trim().is_empty() {
            return 0;
        }
        let next = next_line(self.text, c.span.hi);
        let blank_follows = layout::last_on_line(self.text, next) && (next as usize) < self.text.len();
        if blank_follows {
            let mut at = next;
            while (at as usize) < self.text.len() && layout::last_on_line(self.text, at) {
                at = next_line(self.text, at);
            }
            at
        } else if c.kind == CommentKind::Block && layout::last_on_line(self.text, c.span.hi) {
            next
        } else {
            0
        }
    }

    fn own_line_start(&self, span: Span) -> u32 {
        if first_on_line(self.text, span.lo) { line_start(self.text, span.lo) } else { span.lo }
    }

    /// Imports by blank-line groups; `None` when there are none.
    fn groups<'i>(&self, imports: &[&'i ImportLine]) -> Option<Vec<Vec<&'i ImportLine>>> {
        let mut groups: Vec<Vec<&ImportLine>> = Vec::new();
        for import in imports {
            let glued = groups.last().and_then(|g| g.last()).is_some_and(|last| {
                let between = Span::new(last.span.hi, import.span.lo).of(self.text);
                between.replace("\r\n", "\n").matches(['\n', '\r']).count() <= 1
            });
            match groups.last_mut() {
                Some(g) if glued => g.push(import),
                _ => groups.push(vec![import]),
            }
        }
        (!groups.is_empty()).then_some(groups)
    }
}

/// Adds `line` at `at`; the first one gets `blank` in front of it.
fn push_line_sorted_after(edits: &mut Vec<Edit>, file: surefix_text::FileId, at: u32, blank: &str, line: &str) {
    if edits.iter().any(|e| e.file == file && e.span == Span::point(at) && !e.text.is_empty()) {
        push_line_sorted(edits, file, at, line);
    } else {
        push_insert(edits, file, at, &format!("{blank}{line}"));
    }
}

/// Leading dotted parts that two names share.
/// Where a path belongs in a group that is not sorted as a whole: in the last run of those that share most with it, in its order where it
/// has one, else behind it. `None`: at the end.
fn beside_nearest(keys: &[String], path: &str) -> Option<usize> {
    let near: Vec<u32> = keys.iter().map(|k| shared(k, path)).collect();
    let most = near.iter().copied().max().filter(|n| *n > 0)?;
    let end = near.iter().rposition(|n| *n == most)? + 1;
    let start = near[..end].iter().rposition(|n| *n != most).map_or(0, |i| i + 1);
    let run = keys.get(start..end)?;
    let sorted = run.windows(2).all(|w| matches!(w, [a, b] if a <= b));
    let within = if sorted { run.iter().position(|k| k.as_str() > path).map(|i| start + i) } else { None };
    within.or((end < keys.len()).then_some(end))
}

fn shared(a: &str, b: &str) -> u32 {
    to_u32(a.split('.').zip(b.split('.')).take_while(|(x, y)| x == y).count())
}

/// The group for a path, and whether a new group must be made in front of that index.
fn choose(groups: &[Vec<&ImportLine>], path: &str) -> (usize, bool) {
    let score = |g: &Vec<&ImportLine>| g.iter().map(|i| shared(&i.path, path)).max().unwrap_or(0);
    let best = (0..groups.len()).rev().max_by_key(|i| groups.get(*i).map_or(0, score)).unwrap_or(0);
    if groups.get(best).map_or(0, score) > 0 {
        return (best, false);
    }
    let first_part = |s: &str| s.split('.').next().unwrap_or("").to_owned();
    let heads: Vec<BTreeSet<String>> = groups.iter().map(|g| g.iter().map(|i| first_part(&i.path)).collect()).collect();
    let by_head = groups.len() > 1 && heads.iter().all(|h| h.len() == 1);
    if !by_head {
        // java and javax share a group in most files.
        let java = |h: &BTreeSet<String>| h.contains("java") || h.contains("javax");
        let kin = (path.starts_with("java")).then(|| heads.iter().position(java)).flatten();
        return (kin.unwrap_or(groups.len() - 1), false);
    }
    let firsts: Vec<&String> = heads.iter().filter_map(|h| h.first()).collect();
    let sorted = firsts.windows(2).all(|w| matches!(w, [a, b] if a <= b));
    let new = first_part(path);
    let place = if sorted { firsts.iter().position(|h| **h > new) } else { None };
    (place.unwrap_or(groups.len()), true)
}
