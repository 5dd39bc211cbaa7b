//! Imports that edits leave without a use.
//!
//! A fix that takes the last mention of a name away leaves an import that linters complain about and that some builds refuse.
//! Whether an import is still needed is a question about the whole text after all edits, not about one fix.

use crate::layout::{first_on_line, last_on_line, line_start, next_line};
use crate::python::walk;
use crate::{JavaCx, PyCx};
use ruff_python_ast::{Alias, AnyNodeRef, Stmt};
use std::ops::Range;
use surefix_ir::{Lang, Module};
use surefix_syntax::{CommentKind, Piece, comments, python};
use surefix_text::{Edit, EditKind, FileId, Span};

/// A file before and after some edits.
pub struct Change<'a> {
    /// The file.
    pub file: FileId,
    /// Its text before any fix of the run.
    pub original: &'a str,
    /// Its text before the edits.
    pub before: &'a str,
    /// The module of `before`.
    pub module: &'a Module,
    /// Its text after the edits.
    pub after: &'a str,
    /// The edits, in terms of `before`.
    pub edits: &'a [Edit],
}

/// The edits that take out imports which were used in the original text and are not used after the edits. A name counts as used
/// where code has it, where a documentation comment refers to it, and where a string may be read as code. `shared` tells whether
/// another file may rely on the import of that local name (Python: a name that is imported from here), `own` whether a Python
/// module is the project's own, so that leaving it out could leave out what loading it does.
pub fn orphaned(change: &Change<'_>, shared: &dyn Fn(&str) -> bool, own: &dyn Fn(&str) -> bool) -> Vec<Edit> {
    let spans = match change.module.lang {
        Lang::Java => java(change),
        Lang::Python => python_imports(change, shared, own),
    };
    let text = change.before;
    let edited = |s: &Span| {
        let near = |e: &&Edit| e.file == change.file && e.kind == EditKind::Replace;
        change.edits.iter().filter(near).any(|e| match e.span.is_empty() {
            true => s.lo < e.span.lo && e.span.lo < s.hi,
            false => e.span.overlaps(*s),
        })
    };
    let inserted = |at: u32| change.edits.iter().any(|e| e.file == change.file && e.span == Span::point(at));
    let mut out: Vec<Span> = Vec::new();
    for s in spans.into_iter().filter(|s| !edited(s)) {
        match out.last_mut() {
            Some(last) if last.hi == s.lo && !inserted(s.lo) => last.hi = s.hi,
            _ => out.push(s),
        }
    }
    for s in &mut out {
        // A paragraph of imports that goes takes one of the blank lines around it along.
        let blank = |at: u32| Span::new(line_start(text, at), next_line(text, at)).of(text).trim().is_empty();
        let lines = s.lo == line_start(text, s.lo) && s.hi == line_start(text, s.hi);
        let above = s.lo == 0 || blank(s.lo - 1);
        let below = (s.hi as usize) < text.len() && blank(s.hi);
        let end = next_line(text, s.hi);
        if lines && above && below && !inserted(s.lo) && !inserted(s.hi) && !edited(&Span::new(s.lo, end)) {
            s.hi = end;
        }
    }
    out.into_iter().map(|s| Edit::delete(change.file, s)).collect()
}

/// The whole lines of a statement that has them for itself, without a comment.
fn whole_lines(text: &str, pieces: &[Piece], stmt: Span) -> Option<Span> {
    if !first_on_line(text, stmt.lo) || !last_on_line(text, stmt.hi) {
        return None;
    }
    let lines = Span::new(line_start(text, stmt.lo), next_line(text, stmt.hi));
    let comment = |p: &Piece| matches!(p, Piece::Comment(c) if c.span.overlaps(lines));
    (!pieces.iter().any(comment)).then_some(lines)
}

/// Words of the text outside `skip`, comments and strings, by what the language counts as a use.
struct Words<'t> {
    text: &'t str,
    lang: Lang,
    skip: Vec<Span>,
    pieces: Vec<Piece>,
}

impl<'t> Words<'t> {
    fn new(lang: Lang, text: &'t str, skip: Vec<Span>) -> Words<'t> {
        Words { text, lang, skip, pieces: comments::pieces(lang, text) }
    }

    fn has(&self, word: &str) -> bool {
        self.text.match_indices(word).any(|(at, _)| self.is_use(at..at + word.len()))
    }

    fn is_use(&self, at: Range<usize>) -> bool {
        let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
        let (before, behind) = (self.text.get(..at.start).unwrap_or(""), self.text.get(at.end..).unwrap_or(""));
        if before.ends_with(part) || behind.starts_with(part) {
            return false;
        }
        let span = Span::new(u32::try_from(at.start).unwrap_or(0), u32::try_from(at.end).unwrap_or(0));
        if self.skip.iter().any(|s| s.contains(span)) {
            return false;
        }
        // Comments in the fields of f-strings lie inside a literal.
        match self.pieces.iter().rev().find(|p| p.span().contains(span)) {
            Some(Piece::Comment(c)) => match self.lang {
                Lang::Java => c.kind == CommentKind::Doc && is_reference(c.span.of(self.text), span.lo - c.span.lo),
                Lang::Python => {
                    let body = c.span.of(self.text).trim_start_matches('#').trim_start();
                    body.starts_with("type:") || body.starts_with("noqa")
                }
            },
            Some(Piece::Text(s)) => self.lang == Lang::Python && is_code_like(s.of(self.text)),
            // A member of something else.
            None => !before.trim_end().ends_with('.') || before.trim_end().ends_with(".."),
        }
    }
}

/// The word at `at` of a documentation comment belongs to a tag that names types.
fn is_reference(comment: &str, at: u32) -> bool {
    let before = comment.get(..at as usize).unwrap_or("");
    let Some(tag) = before.rfind('@') else { return false };
    let rest = before.get(tag + 1..).unwrap_or("");
    let name: String = rest.chars().take_while(|c| c.is_alphabetic()).collect();
    let inside = rest.get(name.len()..).unwrap_or("");
    let known = matches!(name.as_str(), "link" | "linkplain" | "see" | "throws" | "exception" | "value" | "snippet");
    // Behind the closing brace, or on the next line, the text goes on.
    known
        && !inside.contains('}')
        && (matches!(name.as_str(), "link" | "linkplain" | "value") || !inside.contains('\n'))
}

/// A string that Python may read as code: an annotation, an entry of `__all__`, a name to patch; every f-string.
fn is_code_like(token: &str) -> bool {
    let prefix: String = token.chars().take_while(char::is_ascii_alphabetic).collect();
    if prefix.contains(['f', 'F', 't', 'T']) {
        return true;
    }
    let body = token.get(prefix.len()..).unwrap_or("").trim_matches(['"', '\'']);
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '[' | ']' | ',' | '|' | ' ');
    body.chars().all(plain) && (!body.contains(' ') || body.contains(['[', '|']))
}

fn java(change: &Change<'_>) -> Vec<Span> {
    let read = |text| JavaCx::new(change.file, text, change.module);
    let (old, new, first) = (read(change.before), read(change.after), read(change.original));
    if old.root().has_error() || new.root().has_error() {
        return Vec::new();
    }
    let spans = |j: &JavaCx<'_>| j.imports().into_iter().map(|i| i.span).collect::<Vec<_>>();
    let words = [&first, &old, &new].map(|j| Words::new(Lang::Java, j.text, spans(j)));
    let kept = new.imports();
    let mut out = Vec::new();
    for i in old.imports() {
        let simple = i.path.rsplit('.').next().unwrap_or("");
        let plain = !i.is_static && !i.wildcard && simple.starts_with(char::is_uppercase);
        let still = kept.iter().any(|k| !k.is_static && !k.wildcard && k.path == i.path);
        let [first, old, new] = &words;
        if plain && still && (first.has(simple) || old.has(simple)) && !new.has(simple) {
            out.extend(whole_lines(change.before, &old.pieces, i.span));
        }
    }
    out
}

/// A name that an import statement binds.
struct Bound<'t> {
    alias: &'t Alias,
    /// The name in the file.
    local: String,
    /// The module that is loaded.
    module: String,
}

/// Import statements at the top and in functions: span, whether another statement stands beside it, and what it binds.
fn statements(tree: &[Stmt]) -> Vec<(&Stmt, bool, Vec<Bound<'_>>)> {
    let mut out = Vec::new();
    let mut bodies: Vec<(&[Stmt], bool)> = vec![(tree, true)];
    while let Some((body, top)) = bodies.pop() {
        for s in body {
            let bound: Vec<Bound<'_>> = match s {
                Stmt::Import(i) => i
                    .names
                    .iter()
                    .map(|a| {
                        let head = a.name.split('.').next().unwrap_or("").to_string();
                        let local = a.asname.as_ref().map_or(head, ToString::to_string);
                        Bound { alias: a, local, module: a.name.to_string() }
                    })
                    .collect(),
                Stmt::ImportFrom(i) => {
                    let module = format!("{}{}", ".".repeat(i.level as usize), i.module.as_deref().unwrap_or(""));
                    let bind = |a| {
                        let a: &Alias = a;
                        let local = a.asname.as_ref().unwrap_or(&a.name).to_string();
                        Bound { alias: a, local, module: module.clone() }
                    };
                    i.names.iter().map(bind).collect()
                }
                Stmt::FunctionDef(f) => {
                    bodies.push((&f.body, false));
                    continue;
                }
                Stmt::ClassDef(c) => {
                    let methods = c.body.iter().filter_map(|s| s.as_function_def_stmt());
                    bodies.extend(methods.map(|f| (f.body.as_slice(), false)));
                    continue;
                }
                _ => continue,
            };
            out.push((s, top || body.len() > 1, bound));
        }
    }
    out.sort_by_key(|(s, _, _)| python::span_of(*s).lo);
    out
}

/// Every import statement of the file, wherever it stands.
fn all_imports(cx: &PyCx<'_>) -> Vec<Span> {
    let mut out = Vec::new();
    walk(AnyNodeRef::from(cx.parsed().syntax()), &mut |n| {
        match n {
            AnyNodeRef::StmtImport(i) => out.push(python::span_of(i)),
            AnyNodeRef::StmtImportFrom(i) => out.push(python::span_of(i)),
            _ => {}
        }
        true
    });
    out
}

fn python_imports(change: &Change<'_>, shared: &dyn Fn(&str) -> bool, own: &dyn Fn(&str) -> bool) -> Vec<Span> {
    let read = |text| PyCx::new(change.file, text, change.module);
    let (old, new, first) = (read(change.before), read(change.after), read(change.original));
    if [&old, &new].iter().any(|p| !p.parsed().errors().is_empty()) {
        return Vec::new();
    }
    let words = [&first, &old, &new].map(|p| Words::new(Lang::Python, p.text, all_imports(p)));
    let [in_first, in_old, in_new] = &words;
    let mut out = Vec::new();
    for (stmt, beside, bound) in statements(&old.parsed().syntax().body) {
        let span = python::span_of(stmt);
        if !old.comments_in(span).is_empty() {
            continue;
        }
        let gone: Vec<bool> = bound
            .iter()
            .map(|b| {
                let special = b.module == "__future__" || b.alias.name.as_str() == "*";
                let used = in_first.has(&b.local) || in_old.has(&b.local);
                !special && used && !in_new.has(&b.local) && !shared(&b.local)
            })
            .collect();
        let first_kept = gone.iter().position(|g| !g);
        match first_kept {
            None => {
                let loads = bound.iter().any(|b| b.module.starts_with('.') || own(&b.module));
                if beside && !loads {
                    out.extend(whole_lines(change.before, &in_old.pieces, span));
                }
            }
            Some(_) => {
                if matches!(stmt, Stmt::Import(_)) && bound.iter().zip(&gone).any(|(b, g)| *g && own(&b.module)) {
                    continue;
                }
                out.extend(aliases(&bound, &gone));
            }
        }
    }
    out
}

/// The bytes of the names that go, each with one of the commas beside it.
fn aliases(bound: &[Bound<'_>], gone: &[bool]) -> Vec<Span> {
    let span = |i: usize| bound.get(i).map(|b| python::span_of(b.alias));
    let last_kept = gone.iter().rposition(|g| !g).unwrap_or(0);
    let mut out = Vec::new();
    for i in gone.iter().enumerate().filter(|(i, g)| **g && *i < last_kept).map(|(i, _)| i) {
        if let (Some(a), Some(next)) = (span(i), span(i + 1)) {
            out.push(Span::new(a.lo, next.lo));
        }
    }
    if last_kept + 1 < gone.len()
        && let (Some(kept), Some(end)) = (span(last_kept), span(gone.len() - 1))
    {
        out.push(Span::new(kept.hi, end.hi));
    }
    out
}
