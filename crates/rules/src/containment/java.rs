//! Java: a path that leaves its base directory is rejected where it is built.

use crate::containment::separator::ends_in_separator;
use crate::guards::{Draft, Spot, java_guard, java_same_value, java_swallowed, java_target, one_line};
use crate::origins::Origins;
use crate::{FixCx, Found};
use std::collections::BTreeSet;
use surefix_dataflow::{Flow, StepKind};
use surefix_ir::{Callee, Op, ValueId};
use surefix_rewrite::JavaCx;
use surefix_syntax::java;
use surefix_text::{Edit, Fix, Reason, Refusal, Span, Tier};

const MESSAGE: &str = "path escapes base directory";
const EXCEPTIONS: &[&str] = &["java.io.IOException", "java.lang.IllegalArgumentException"];

/// What a place that builds a path builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// `String`.
    Text,
    /// `java.io.File`.
    File,
    /// `java.nio.file.Path`.
    Path,
    /// `java.net.URI`.
    Uri,
}

/// A place where untrusted text is put behind a base directory.
struct Site {
    what: What,
    value: ValueId,
    /// The base directory as an expression of type `Path`; types are still fully qualified between `\u{1}` marks.
    base: String,
}

fn no<T>(reason: Reason, detail: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new(reason, detail))
}

const PATHS: &str = "java.nio.file.Paths";
const FILE: &str = "java.io.File";
const URI: &str = "java.net.URI";

/// Plans the fix.
pub(crate) fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let Some(flow) = &found.flow else { return no(Reason::ShapeUnknown, "the finding has no flow") };
    let Some(origins) = Origins::of_sink(cx.detect, flow) else {
        return no(Reason::ShapeUnknown, "the call is not known well enough");
    };
    let Some((value, _)) = origins.sink_value(flow) else {
        return no(Reason::ShapeUnknown, "the path is not an argument of the call");
    };
    let cx_java = cx.java(origins.file);
    let mut walk = Walk { cx, java: &cx_java, origins: &origins, sites: Vec::new(), seen: BTreeSet::new() };
    let outcome = walk.collect(value, 0);
    let sites = std::mem::take(&mut walk.sites);
    match outcome {
        Ok(()) if !sites.is_empty() => guard(&cx_java, &origins, &sites, found.span),
        Ok(()) => no(Reason::ShapeUnknown, "the place where the path is built was not found"),
        Err(stop) => match elsewhere(cx, flow) {
            Some(done) => done,
            None => configured(cx, found, flow, &cx_java, &origins, value, stop),
        },
    }
}

/// The path arrives through a call: the guard goes where it is built.
fn elsewhere(cx: &FixCx<'_>, flow: &Flow) -> Option<Result<Fix, Refusal>> {
    for (at, step) in flow.trace.iter().enumerate().rev() {
        if !matches!(step.what, StepKind::Concat | StepKind::Through) {
            continue;
        }
        let file = step.place.file;
        let Some((origins, value)) = Origins::at(cx.detect, flow, file, step.place.span) else { continue };
        // In the sink's own function everything was looked at already.
        if file.0 == flow.call.file && origins.func.span.contains(flow.call.span) {
            continue;
        }
        let java = cx.java(file);
        let mut walk = Walk { cx, java: &java, origins: &origins, sites: Vec::new(), seen: BTreeSet::new() };
        if walk.collect(value, 0).is_err() || walk.sites.is_empty() {
            continue;
        }
        let sites = std::mem::take(&mut walk.sites);
        // Where the path leaves the function: the guard must stand before that.
        let next =
            flow.trace.iter().skip(at + 1).find(|s| s.place.file == file && origins.func.span.contains(s.place.span));
        let leaves = next.map_or(step.place.span, |s| s.place.span);
        return Some(guard(&java, &origins, &sites, leaves));
    }
    None
}

/// The whole path is chosen by the caller: only the owner of the project knows the directory.
fn configured(
    cx: &FixCx<'_>,
    found: &Found,
    flow: &Flow,
    java: &JavaCx<'_>,
    origins: &Origins<'_>,
    value: ValueId,
    stop: Refusal,
) -> Result<Fix, Refusal> {
    if let Some(fix) = upload_name(flow, java)? {
        return Ok(fix);
    }
    let [base] = cx.decisions.get(found.rule, "base-directories") else {
        return Err(stop.with_steps(super::STEPS));
    };
    let at = origins.behind(value);
    let what = match (origins.op(value), found.sink.as_str()) {
        (_, s) if s.starts_with("java.io.File.") && flow.arg.is_none() => What::File,
        (_, s) if s.starts_with("java.nio.file.Files.") || s.starts_with("java.nio.file.Path.") => What::Path,
        _ => What::Text,
    };
    let base = format!("\u{1}{PATHS}\u{1}.get({})", java.string_literal(base));
    let mut fix = guard(java, origins, &[Site { what, value: at, base }], found.span)?;
    fix.assurance.lower(Tier::Decision, "the base directory comes from the configuration");
    Ok(fix)
}

/// A name that an upload carries is meant as a file name: its last element is what counts.
fn upload_name(flow: &Flow, java: &JavaCx<'_>) -> Result<Option<Fix>, Refusal> {
    let upload = ["getSubmittedFileName", "getOriginalFilename"].iter().any(|n| flow.source_name.ends_with(n));
    let Some(at) = flow.arg.filter(|_| upload) else { return Ok(None) };
    let Some(arg) = flow.call.args.get(at) else { return Ok(None) };
    // Only the name itself: of a path that was put together the last element alone would be another place.
    let whole = |s: &surefix_dataflow::TraceStep| match s.what {
        StepKind::Concat | StepKind::Store => false,
        StepKind::Through => s.name.starts_with("java.lang.String."),
        _ => true,
    };
    let text = !arg.types.is_empty() && arg.types.iter().all(|t| t == "java.lang.String");
    if !text || !flow.trace.iter().all(whole) {
        return Ok(None);
    }
    let mut draft = Draft::default();
    let file = draft.java_type(java, FILE)?;
    let text = java.as_primary(arg.span.of(java.text));
    java.replace_expr(arg.span, &format!("new {file}({text}.replace('\\\\', '/')).getName()"), &mut draft.edits)?;
    let why = "directories in the name of an uploaded file are dropped";
    Ok(Some(draft.done("Use only the last element of the uploaded file's name", Tier::AttackOnly, why)))
}

struct Walk<'w> {
    cx: &'w FixCx<'w>,
    java: &'w JavaCx<'w>,
    origins: &'w Origins<'w>,
    sites: Vec<Site>,
    seen: BTreeSet<ValueId>,
}

impl Walk<'_> {
    /// Finds the places that build the path `v`.
    fn collect(&mut self, v: ValueId, depth: u32) -> Result<(), Refusal> {
        if depth > 24 || !self.seen.insert(v) {
            return Ok(());
        }
        match self.origins.op(v) {
            Some(Op::Copy(a) | Op::Cast(_, a)) => self.collect(*a, depth + 1),
            Some(Op::Phi(ways)) => {
                for (_, w) in ways {
                    if !self.origins.fixed(*w) || self.origins.depends(*w) {
                        self.collect(*w, depth + 1)?;
                    }
                }
                Ok(())
            }
            Some(Op::Const(_)) => Ok(()),
            Some(Op::Concat(_) | Op::Bin(..)) => {
                let Some(parts) = self.origins.parts(v) else { return whole() };
                let base = self.base_of_text(&parts)?;
                self.sites.push(Site { what: What::Text, value: v, base: paths_get(&base) });
                Ok(())
            }
            Some(Op::Call(c)) => self.call(v, c, depth),
            _ => whole(),
        }
    }

    fn call(&mut self, v: ValueId, c: &surefix_ir::Call, depth: u32) -> Result<(), Refusal> {
        let name = |s: surefix_ir::Sym| self.origins.module.strings.get(s);
        match &c.callee {
            Callee::New { ty, .. } => {
                let class = name(ty.name);
                if self.java.means_type(class, FILE) {
                    return match c.args.as_slice() {
                        [one] => self.file_of(v, one.value, depth),
                        [parent, child] => {
                            self.parent_child(v, What::File, (parent.value, parent.span), &[child.value])
                        }
                        _ => whole(),
                    };
                }
                if self.java.means_type(class, URI) {
                    return self.uri(v, c);
                }
                // A reader or stream around a path is another sink's business.
                whole()
            }
            Callee::Method { recv, name: n } => {
                let n = name(*n);
                match (n, c.args.as_slice()) {
                    (
                        "toPath" | "toFile" | "toAbsolutePath" | "normalize" | "getAbsoluteFile" | "getCanonicalFile"
                        | "getPath" | "getAbsolutePath" | "getCanonicalPath" | "toString" | "toUri" | "toRealPath"
                        | "trim" | "getParentFile" | "getParent" | "getFileName",
                        [],
                    ) => self.collect(*recv, depth + 1),
                    ("resolve", [child]) => {
                        let Some(base) = self.java.receiver(self.origins.span(v)) else { return whole() };
                        self.parent_child(v, What::Path, (*recv, base), &[child.value])
                    }
                    ("get" | "of", [one]) if self.names(*recv, n) => self.collect(one.value, depth + 1),
                    ("get" | "of", [first, rest @ ..]) if self.names(*recv, n) => {
                        let rest: Vec<ValueId> = rest.iter().map(|a| a.value).collect();
                        self.parent_child(v, What::Path, (first.value, first.span), &rest)
                    }
                    _ => whole(),
                }
            }
            _ => whole(),
        }
    }

    /// `new File(x)`: of a text, or of a URI.
    fn file_of(&mut self, v: ValueId, arg: ValueId, depth: u32) -> Result<(), Refusal> {
        let before = self.sites.len();
        self.collect(arg, depth + 1)?;
        // A guard on a URI is written on the file made of it.
        let last = self.sites.get_mut(before).filter(|s| s.what == What::Uri);
        if let Some(s) = last {
            s.what = What::File;
            s.value = v;
        }
        Ok(())
    }

    /// True when the receiver of `get` or `of` is `java.nio.file.Paths` or `java.nio.file.Path`.
    fn names(&self, recv: ValueId, method: &str) -> bool {
        let text: String = self.origins.span(recv).of(self.java.text).split_whitespace().collect();
        let class = if method == "get" { PATHS } else { "java.nio.file.Path" };
        self.java.means_type(&text, class)
    }

    /// The base directory in front of the first untrusted part of a text.
    fn base_of_text(&self, parts: &[ValueId]) -> Result<String, Refusal> {
        let Some(first) = self.origins.first_tainted(parts) else {
            return no(Reason::ShapeUnknown, "it is not known which part of the path is untrusted");
        };
        self.prefix(&parts[..first])
    }

    /// The directory that constant or trusted leading parts name.
    fn prefix(&self, parts: &[ValueId]) -> Result<String, Refusal> {
        let text = self.java.text;
        let lead = |n: usize| -> Option<String> {
            let (a, b) = (parts.first()?, parts.get(n.checked_sub(1)?)?);
            Some(self.origins.span(*a).to(self.origins.span(*b)).of(text).to_string())
        };
        for n in (1..=parts.len()).rev() {
            let Some(part) = parts.get(n - 1) else { break };
            let span = self.origins.span(*part);
            if let Some(lit) = self.origins.text(*part).filter(|_| !matches!(self.origins.op(*part), Some(Op::Copy(_))))
            {
                let Some(cut) = lit.rfind(['/', '\\']) else { continue };
                if n == 1 && lit[..=cut].chars().all(|c| matches!(c, '/' | '\\' | '.')) {
                    return whole();
                }
                if cut + 1 == lit.len() {
                    return self.pure(lead(n));
                }
                let kept = self.java.string_literal(&lit[..=cut]);
                return match n {
                    1 => Ok(kept),
                    _ => self.pure(lead(n - 1).map(|l| format!("{l} + {kept}"))),
                };
            }
            if ends_in_separator(self.cx, self.origins.file, span, 0) {
                return self.pure(lead(n));
            }
            return no(
                Reason::ShapeUnknown,
                format!("it is not known whether `{}` ends in a separator", short(span.of(text))),
            );
        }
        whole()
    }

    /// The text when evaluating it twice is harmless.
    fn pure(&self, text: Option<String>) -> Result<String, Refusal> {
        let Some(text) = text else { return whole() };
        match repeatable(&text) {
            true => Ok(text),
            false => no(Reason::SideEffect, "the base directory is computed by a call that a guard would repeat"),
        }
    }

    /// `new File(parent, child)`, `Paths.get(first, more)`, `base.resolve(child)`.
    fn parent_child(&mut self, v: ValueId, what: What, base: (ValueId, Span), rest: &[ValueId]) -> Result<(), Refusal> {
        let (parent, span) = base;
        if self.origins.depends(parent) || rest.is_empty() {
            return whole();
        }
        let all: Vec<ValueId> = std::iter::once(parent).chain(rest.iter().copied()).collect();
        if self.origins.first_tainted(&all) == Some(0) {
            return whole();
        }
        let source = span.of(self.java.text);
        if !repeatable(source) {
            return no(Reason::SideEffect, "the base directory is computed by a call that a guard would repeat");
        }
        let base = match what {
            What::Path if matches!(self.origins.op(v), Some(Op::Call(c)) if c.args.len() == 1) => {
                self.java.as_primary(source)
            }
            What::Path => paths_get(source),
            _ => match self.directory_in(rest) {
                Some(directory) => format!("new \u{1}{FILE}\u{1}({}, {directory}).toPath()", one_line(source)),
                None => self.file_base(parent, span),
            },
        };
        self.sites.push(Site { what, value: v, base });
        Ok(())
    }

    /// The directory that the child's own text begins with: `"/users/"` in `new File(root, "/users/" + name)`. The base is that
    /// directory, for `..` must not lead to what lies beside it.
    fn directory_in(&self, rest: &[ValueId]) -> Option<String> {
        let [child] = rest else { return None };
        let parts = self.origins.parts(self.origins.behind(*child))?;
        // Written in the call: a variable's text could change in between.
        if self.origins.behind(*child) != *child {
            return None;
        }
        match self.origins.first_tainted(&parts)? {
            1 => self.prefix(&parts[..1]).ok().filter(|p| p.starts_with('"')),
            _ => None,
        }
    }

    /// The parent of `new File(parent, child)` as a path.
    fn file_base(&self, parent: ValueId, span: Span) -> String {
        let source = span.of(self.java.text);
        if let Some(Op::Call(c)) = self.origins.op(self.origins.behind(parent))
            && let (Callee::New { ty, .. }, [one]) = (&c.callee, c.args.as_slice())
            && self.java.means_type(self.origins.module.strings.get(ty.name), FILE)
            && span == self.origins.span(self.origins.behind(parent))
        {
            return paths_get(one.span.of(self.java.text));
        }
        match self.declared_type(source, span).as_deref() {
            Some("String" | "java.lang.String") => paths_get(source),
            Some(t) if self.java.means_type(t, FILE) => format!("{}.toPath()", self.java.as_primary(source)),
            // `path.toFile()`.
            _ if source.ends_with(".toFile()") => source.trim_end_matches(".toFile()").trim_end().to_string(),
            // Takes a text as well as a file.
            _ => format!("new \u{1}{FILE}\u{1}({source}, \"\").toPath()"),
        }
    }

    /// The declared type of a literal, local or own field.
    fn declared_type(&self, source: &str, at: Span) -> Option<String> {
        if source.starts_with('"') {
            return Some("String".into());
        }
        if let Some(uses) = self.java.uses(source, at) {
            return self.java.type_text(&uses).map(str::to_string);
        }
        super::separator::field(self.cx, self.origins.file, at, source).map(|f| f.ty)
    }

    /// `new URI("file:" + … + x)` and `new URI("file", null, … + x, null, null)`.
    fn uri(&mut self, v: ValueId, c: &surefix_ir::Call) -> Result<(), Refusal> {
        let Some(at) = c.args.iter().position(|a| self.origins.depends(a.value)).or(match c.args.len() {
            1 => Some(0),
            5 => Some(2),
            _ => None,
        }) else {
            return whole();
        };
        let Some(arg) = c.args.get(at) else { return whole() };
        let inner = self.origins.behind(arg.value);
        let Some(parts) = self.origins.parts(inner) else { return whole() };
        let Some(first) = self.origins.first_tainted(&parts) else {
            return no(Reason::ShapeUnknown, "it is not known which part of the address is untrusted");
        };
        // Behind the scheme and its slashes a directory must be named.
        let named = parts[..first].iter().any(|p| match self.origins.text(*p) {
            Some(t) => t.trim_start_matches("file:").chars().any(|c| c.is_alphanumeric()),
            None => ends_in_separator(self.cx, self.origins.file, self.origins.span(*p), 0),
        });
        if !named {
            return whole();
        }
        let prefix = self.prefix(&parts[..first])?;
        let call = self.origins.span(v);
        let text = self.java.text;
        let args = Span::new(c.args_span.lo, arg.span.lo).of(text);
        let rest = Span::new(arg.span.hi, call.hi).of(text);
        let (args, rest) = (one_line(args), one_line(rest));
        let sep = if args.ends_with(',') { " " } else { "" };
        let base = format!("new \u{1}{FILE}\u{1}(new \u{1}{URI}\u{1}{args}{sep}{prefix}{rest}).toPath()");
        if !repeatable(&base) {
            return no(Reason::SideEffect, "the address is computed by a call that a guard would repeat");
        }
        self.sites.push(Site { what: What::Uri, value: v, base: one_line(&base) });
        Ok(())
    }
}

fn paths_get(source: &str) -> String {
    format!("\u{1}{PATHS}\u{1}.get({})", one_line(source))
}

fn whole<T>() -> Result<T, Refusal> {
    no(Reason::DecisionNeeded, "the whole path is chosen by the caller and no base directory stands in the code")
}

fn short(text: &str) -> String {
    let mut out: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if out.chars().count() > 60 {
        out = out.chars().take(57).collect::<String>() + "...";
    }
    out
}

/// True for expressions that give the same value again without any effect: names, literals, `+`, and calls of pure methods of texts,
/// files and paths on such.
fn repeatable(source: &str) -> bool {
    const PURE: &[&str] = &[
        "replace",
        "trim",
        "toString",
        "toPath",
        "toFile",
        "getAbsolutePath",
        "getPath",
        "get",
        "of",
        "normalize",
        "toAbsolutePath",
        "getParent",
        "getParentFile",
        "getAbsoluteFile",
        "getProperty",
        "resolve",
        "getName",
    ];
    let text = format!("class A {{ Object a = {}; }}", source.replace('\u{1}', ""));
    let tree = java::parse(&text);
    if tree.root_node().has_error() {
        return false;
    }
    let mut good = true;
    java::walk(tree.root_node(), &mut |n| {
        good &= match n.kind() {
            "method_invocation" => {
                n.child_by_field_name("name").is_some_and(|m| PURE.contains(&java::span_of(m).of(&text)))
            }
            "object_creation_expression" => n.child_by_field_name("type").is_some_and(|t| {
                let t = java::span_of(t).of(&text);
                matches!(t.rsplit('.').next(), Some("File" | "URI"))
            }),
            "assignment_expression" | "update_expression" | "lambda_expression" | "line_comment" | "block_comment" => {
                false
            }
            _ => true,
        };
        good
    });
    good
}

/// Writes the guards for every site. `sink` is what they must stand in front of.
fn guard(java: &JavaCx<'_>, o: &Origins<'_>, sites: &[Site], sink: Span) -> Result<Fix, Refusal> {
    let mut draft = Draft::default();
    for site in sites {
        let (spot, path) = place(java, o, site, sink, &mut draft.edits)?;
        let mut base = site.base.clone();
        if base.len() > 120 && base.starts_with("new ") {
            // Too long for a condition.
            let file = draft.java_type(java, FILE)?;
            let name = java.fresh_name("base", spot.stmt(), &draft.edits);
            let made = bring(java, base.trim_end_matches(".toPath()"), &mut draft)?;
            let line = format!("{file} {name} = {made};");
            match spot {
                Spot::Before(s) => java.insert_before_stmt(s, &[&line], &mut draft.edits)?,
                Spot::After(s) => java.insert_after_stmt(s, &[&line], &mut draft.edits)?,
            }
            base = format!("{name}.toPath()");
        }
        let condition = format!("!{path}.toAbsolutePath().normalize().startsWith({base}.toAbsolutePath().normalize())");
        let condition = bring(java, &condition, &mut draft)?;
        java_guard(java, spot, &condition, ".startsWith(", EXCEPTIONS, MESSAGE, &mut draft)?;
    }
    let why = "only paths outside the base directory are rejected";
    Ok(draft.done("Reject paths outside the base directory", Tier::AttackOnly, why))
}

/// Replaces the marked type names by what the file must write for them.
fn bring(java: &JavaCx<'_>, text: &str, draft: &mut Draft) -> Result<String, Refusal> {
    // A file that says `Path.of` everywhere goes on saying it.
    let (old, new) = (format!("\u{1}{PATHS}\u{1}.get("), "\u{1}java.nio.file.Path\u{1}.of(");
    let text = if java.text.contains("Path.of(") && !java.text.contains("Paths.get(") {
        text.replace(&old, new)
    } else {
        text.to_string()
    };
    let mut out = String::new();
    for (i, piece) in text.split('\u{1}').enumerate() {
        if i % 2 == 1 { out.push_str(&draft.java_type(java, piece)?) } else { out.push_str(piece) }
    }
    Ok(out)
}

/// Where the guard of a site goes, and the path as it can be written there.
fn place(
    java: &JavaCx<'_>,
    o: &Origins<'_>,
    site: &Site,
    sink: Span,
    edits: &mut Vec<Edit>,
) -> Result<(Spot, String), Refusal> {
    let span = o.span(site.value);
    let as_path = |name: &str| match site.what {
        What::Text => format!("\u{1}{PATHS}\u{1}.get({name})"),
        What::File | What::Uri => format!("{}.toPath()", java.as_primary(name)),
        What::Path => java.as_primary(name),
    };
    if let Some((name, stmt)) = java_target(java, span)
        && java.is_local(name, span)
        && !stmt.contains(sink)
        && !super::mentions(&site.base, name)
    {
        if !java_swallowed(java, stmt, sink) {
            return Ok((Spot::After(stmt), as_path(name)));
        }
        let before = java.hoist_point(sink)?;
        // The variable must hold this path or nothing: another path may lie elsewhere with good reason.
        let alone = java.uses(name, span).is_some_and(|u| {
            let init = u.init.filter(|i| i.of(java.text) != "null" && !i.contains(span));
            init.is_none() && u.writes.iter().all(|w| stmt.contains(*w))
        });
        if alone && java_same_value(java, name, span, before) {
            return Ok((Spot::Before(before), as_path(name)));
        }
        return no(
            Reason::ControlFlow,
            "an exception thrown where the path is built would be caught before the path is used",
        );
    }
    // The path is built inside the statement that uses it: its parts are written once more in the guard.
    let before = java.hoist_point(span)?;
    if java_swallowed(java, before, sink) {
        return no(
            Reason::ControlFlow,
            "an exception thrown where the path is built would be caught before the path is used",
        );
    }
    let mut source = span.of(java.text).to_string();
    if !java.comments_in(span).is_empty() {
        return no(Reason::CommentInside, "a comment stands inside the expression that builds the path");
    }
    if !repeatable(&source) {
        source = hoist_child(java, o, site.value, before, edits)?;
    }
    let source = one_line(&source);
    Ok((Spot::Before(before), as_path(&source)))
}

/// Gives the untrusted part, a call, a variable of its own, so that the guard can read it too.
fn hoist_child(
    java: &JavaCx<'_>,
    o: &Origins<'_>,
    site: ValueId,
    before: Span,
    edits: &mut Vec<Edit>,
) -> Result<String, Refusal> {
    let parts: Vec<(ValueId, Span)> = match (o.parts(site), o.op(site)) {
        (Some(parts), _) => parts.iter().map(|p| (*p, o.span(*p))).collect(),
        (_, Some(Op::Call(c))) => c.args.iter().map(|a| (a.value, a.span)).collect(),
        _ => Vec::new(),
    };
    let values: Vec<ValueId> = parts.iter().map(|p| p.0).collect();
    let Some((_, child)) = o.first_tainted(&values).and_then(|i| parts.get(i)) else {
        return no(Reason::ShapeUnknown, "it is not known which part of the path is untrusted");
    };
    if !java.first_effect(before, *child) {
        return no(Reason::SideEffect, "evaluating the untrusted part earlier would change the order of effects");
    }
    let text_call = java.call_name(*child).is_some_and(|n| {
        matches!(
            n.of(java.text),
            "getParameter"
                | "getHeader"
                | "getPathInfo"
                | "getQueryString"
                | "getOriginalFilename"
                | "getSubmittedFileName"
                | "getRequestURI"
                | "getServletPath"
                | "getValue"
                | "getName"
                | "trim"
                | "substring"
                | "replace"
                | "toString"
                | "decode"
                | "concat"
        )
    });
    if !text_call {
        return no(Reason::SideEffect, "the untrusted part is a call that the guard would repeat");
    }
    let name = java.fresh_name("name", before, edits);
    java.declare_before(before, "String", &name, child.of(java.text), edits)?;
    java.replace_expr(*child, &name, edits)?;
    let span = o.span(site);
    let text = java.text;
    let (head, tail) = (Span::new(span.lo, child.lo).of(text), Span::new(child.hi, span.hi).of(text));
    let source = format!("{head}{name}{tail}");
    if !repeatable(&source) {
        return no(Reason::SideEffect, "the path is computed by calls that a guard would repeat");
    }
    Ok(source)
}
