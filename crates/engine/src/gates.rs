//! The in-memory gates G1 to G5 of a set of fixes, and whom to blame. (G6 is the loop itself: it ends when no recipe offers
//! anything any more.)

use crate::detect::Detected;
use crate::dominate::guards;
use crate::fingerprint::{enclosing, statement};
use crate::follow::Followed;
use crate::front;
use crate::map::PosMap;
use crate::outcome::{Gate, GateResult};
use crate::tree::{Replacement, Tree};
use std::collections::{BTreeMap, BTreeSet};
use surefix_ir::{Callee, ImportKind, Lang, Module, Op};
use surefix_rules::{Confidence, Found};
use surefix_text::{Edit, EditKind, FileId, Fix, SourceFile, Span};

/// A gate's objection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The gate.
    pub gate: Gate,
    /// What is wrong.
    pub detail: String,
    /// Fixes that can be to blame, the likeliest set only.
    pub suspects: Vec<usize>,
}

/// The evidence of a fix that passed.
pub fn evidence() -> Vec<GateResult> {
    Gate::ALL
        .into_iter()
        .map(|gate| {
            let not_run = match gate {
                Gate::Build | Gate::Tests | Gate::Probe => Some("building and testing was not asked for"),
                _ => None,
            };
            GateResult { gate, not_run: not_run.map(str::to_string) }
        })
        .collect()
}

/// The fixes that change a file.
pub fn touching(fixes: &[(usize, &Fix)], file: FileId) -> Vec<usize> {
    let hit = |f: &Fix| f.edits.iter().any(|e| e.file == file && e.kind == EditKind::Replace);
    fixes.iter().filter(|(_, f)| hit(f)).map(|(i, _)| *i).collect()
}

/// Text with sorted, disjoint replacements put in: independent of the edit plan, as a check on it.
pub fn splice(text: &str, edits: &[Edit]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for e in edits {
        out.push_str(text.get(at..e.span.lo as usize).unwrap_or(""));
        out.push_str(&e.text);
        at = e.span.hi as usize;
    }
    out.push_str(text.get(at..).unwrap_or(""));
    out
}

/// G4: the text can be written in the file's encoding, and reading it again gives the same text. `original` is the text as it
/// was read: its bytes must come out as they were, so that what no edit touches stays byte for byte.
pub fn bytes(source: &SourceFile, original: &str, after: &str) -> Result<(), String> {
    let before = front::encode(source, original)?;
    if *blake3::hash(&before).as_bytes() != source.hash {
        return Err("the file cannot be written back byte for byte".to_string());
    }
    let bytes = front::encode(source, after)?;
    let again = front::decode(&source.path, &bytes).map_err(|e| format!("the result cannot be read again: {e}"))?;
    if again.text == after && again.encoding == source.encoding {
        Ok(())
    } else {
        Err("the result reads differently in the file's encoding".to_string())
    }
}

/// G1: a syntax error where there was none.
pub fn parse(tree: &Tree, r: &Replacement, maps: &BTreeMap<FileId, PosMap>) -> Option<String> {
    let (new, old) = (r.module.as_ref()?, tree.module(r.file)?);
    let same = PosMap::default();
    let map = maps.get(&r.file).unwrap_or(&same);
    let known: Vec<Span> = old.error_spans.iter().map(|s| map.span_wide(*s)).collect();
    let fresh =
        new.error_spans.iter().find(|s| !known.iter().any(|k| k.overlaps(**s) || k.contains(**s) || s.contains(*k)))?;
    let line = r.text.get(..fresh.lo as usize).unwrap_or("").matches('\n').count() + 1;
    Some(format!("{}: a syntax error would appear at line {line}", tree.path(r.file)))
}

/// Judges the state after the fixes against the state before.
pub struct Judge<'a> {
    /// The tree after the change.
    pub tree: &'a Tree,
    /// Index and fix.
    pub fixes: &'a [(usize, &'a Fix)],
    /// Index of the fix and of its finding before.
    pub targets: &'a [(usize, usize)],
    /// Before.
    pub before: &'a Detected,
    /// After.
    pub after: &'a Detected,
    /// Which is which.
    pub followed: &'a Followed,
    /// Places.
    pub maps: &'a BTreeMap<FileId, PosMap>,
    /// What the fixes replaced.
    pub old: &'a [Replacement],
    /// New findings below this confidence do not count.
    pub floor: Confidence,
    /// Findings before that belong to a tracked finding.
    pub live: &'a BTreeSet<usize>,
    /// Simple names of library members that models know.
    pub known: &'a BTreeSet<&'a str>,
}

impl Judge<'_> {
    /// The objections, and the findings that went away with the fix of another one.
    pub fn verdict(&self) -> (Vec<Problem>, Vec<(usize, usize)>) {
        let mut problems = Vec::new();
        let mut covered = Vec::new();
        for (i, at) in self.targets {
            if let Some(j) = self.followed.now.get(*at).copied().flatten() {
                let f = &self.after.found[j];
                let detail = format!("{}: {} is still found at line {}", self.tree.path(f.file), f.rule, self.line(f));
                problems.push(Problem { gate: Gate::Gone, detail, suspects: vec![*i] });
            }
        }
        self.unknown_calls(&mut problems);
        self.budgets(&mut problems);
        for (j, f) in self.after.found.iter().enumerate() {
            if self.followed.was[j].is_none() && f.confidence >= self.floor {
                let detail = format!("{}: {} would appear at line {}", self.tree.path(f.file), f.rule, self.line(f));
                problems.push(Problem { gate: Gate::Clean, detail, suspects: self.near(f) });
            }
        }
        for (at, f) in self.before.found.iter().enumerate() {
            if self.followed.now[at].is_some()
                || self.targets.iter().any(|t| t.1 == at)
                || !self.live.contains(&at)
                || f.confidence < self.floor
            {
                continue;
            }
            match self.by(f).or_else(|| self.guarded(f)) {
                Some(i) => covered.push((at, i)),
                None => {
                    let detail = format!(
                        "{}: {} was lost sight of, though nothing of it was changed",
                        self.tree.path(f.file),
                        f.rule
                    );
                    let mut suspects = touching(self.fixes, f.file);
                    if suspects.is_empty() {
                        suspects = self.fixes.iter().map(|(i, _)| *i).collect();
                    }
                    problems.push(Problem { gate: Gate::Clean, detail, suspects });
                }
            }
        }
        for (i, fix) in self.fixes {
            for (file, name) in &fix.needs {
                if !self.resolves(*file, name) {
                    let detail = format!("{}: `{name}` does not resolve", self.tree.path(*file));
                    problems.push(Problem { gate: Gate::Names, detail, suspects: vec![*i] });
                }
            }
        }
        (problems, covered)
    }

    /// A flow that ends because the fix calls something that nobody knows is only out of sight.
    fn unknown_calls(&self, problems: &mut Vec<Problem>) {
        for (i, fix) in self.fixes {
            let flow =
                |(k, at): &(usize, usize)| k == i && self.before.found.get(*at).is_some_and(|f| f.flow.is_some());
            if !self.targets.iter().any(flow) {
                continue;
            }
            let mut files: Vec<FileId> = fix
                .edits
                .iter()
                .filter(|e| e.kind == EditKind::Replace && !e.text.is_empty())
                .map(|e| e.file)
                .collect();
            files.sort();
            files.dedup();
            for file in files {
                let Some(module) = self.tree.module(file) else { continue };
                let fresh: Vec<Span> = fix
                    .edits
                    .iter()
                    .filter(|e| e.file == file && e.kind == EditKind::Replace)
                    .map(|e| self.maps.get(&file).map_or(e.span, |m| m.span_wide(e.span)))
                    .collect();
                let stranger = calls(module)
                    .filter(|(_, at)| fresh.iter().any(|s| s.contains(*at)))
                    .map(|(name, _)| name)
                    .find(|name| !self.knows(fix, name) && !self.called_before(fix, file, name));
                if let Some(name) = stranger {
                    let detail = format!(
                        "{}: nothing is known of `{name}`, which the fix calls, so the flow may only be out of sight",
                        self.tree.path(file)
                    );
                    problems.push(Problem { gate: Gate::Gone, detail, suspects: vec![*i] });
                    break;
                }
            }
        }
    }

    /// True when what the fix replaces in the file calls that name, too: the flow was seen on its way through it.
    fn called_before(&self, fix: &Fix, file: FileId, name: &str) -> bool {
        let Some(module) = self.old.iter().find(|r| r.file == file).and_then(|r| r.module.as_ref()) else {
            return false;
        };
        let replaced = |at: Span| fix.edits.iter().any(|e| e.file == file && e.span.contains(at));
        calls(module).any(|(n, at)| n == name && replaced(at))
    }

    /// True when a model, the project or the fix itself says what a call of this name is; raising an error is harmless.
    fn knows(&self, fix: &Fix, name: &str) -> bool {
        name.ends_with("Error")
            || name.ends_with("Exception")
            || self.known.contains(name)
            || fix.needs.iter().any(|(_, n)| simple_name(n) == name)
            || self.before.found.iter().any(|f| f.call().is_some_and(|c| simple_name(&c.callee) == name))
            || self.tree.program.modules.iter().any(|m| {
                m.strings.find(name).is_some_and(|sym| {
                    m.functions.iter().any(|f| f.name == sym) || m.classes.iter().any(|c| c.name == sym)
                })
            })
    }

    /// A budget that was not spent before may hide a flow.
    fn budgets(&self, problems: &mut Vec<Problem>) {
        let old: BTreeSet<_> = self.before.analysis.budgets.iter().collect();
        for hit in self.after.analysis.budgets.iter().filter(|b| !old.contains(b)) {
            let suspects = touching(self.fixes, hit.file);
            if !suspects.is_empty() {
                let detail = format!(
                    "{}: after the change a budget of the analysis is spent in {} ({})",
                    self.tree.path(hit.file),
                    hit.function,
                    hit.what
                );
                problems.push(Problem { gate: Gate::Gone, detail, suspects });
            }
        }
    }

    fn line(&self, f: &Found) -> usize {
        self.tree.text(f.file).and_then(|t| t.get(..f.span.lo as usize)).unwrap_or("").matches('\n').count() + 1
    }

    /// Fixes near a new finding: in its statement, on its trace, in its function, in its files, any.
    fn near(&self, f: &Found) -> Vec<usize> {
        let module = self.tree.module(f.file);
        let function = module.and_then(|m| enclosing(m, f.span));
        let mut circles: Vec<Vec<(FileId, Span)>> = vec![vec![(f.file, statement(f, function))]];
        circles.push(f.trace().iter().map(|s| (s.place.file, s.place.span)).collect());
        circles.push(function.map(|func| (f.file, func.span)).into_iter().collect());
        let everywhere = Span::new(0, u32::MAX);
        let files: BTreeSet<FileId> = f.trace().iter().map(|s| s.place.file).chain([f.file]).collect();
        circles.push(files.into_iter().map(|file| (file, everywhere)).collect());
        for circle in circles {
            let hit: Vec<usize> = self
                .fixes
                .iter()
                .filter(|(_, fix)| {
                    fix.edits.iter().any(|e| {
                        e.kind == EditKind::Replace
                            && circle.iter().any(|(file, span)| {
                                let new = self.maps.get(file).map_or(e.span, |m| m.span_wide(e.span));
                                e.file == *file && new.lo <= span.hi && span.lo <= new.hi
                            })
                    })
                })
                .map(|(i, _)| *i)
                .collect();
            if !hit.is_empty() {
                return hit;
            }
        }
        self.fixes.iter().map(|(i, _)| *i).collect()
    }

    /// The fix that changed something of a finding: its statement, or a place on its trace.
    fn by(&self, f: &Found) -> Option<usize> {
        let mut places: Vec<(FileId, Span)> = vec![(f.file, f.span)];
        if let Some(call) = f.call()
            && call.file == f.file.0
        {
            places.push((f.file, call.stmt));
        }
        places.extend(f.trace().iter().map(|s| (s.place.file, s.place.span)));
        let hit = |fix: &Fix| {
            fix.edits.iter().any(|e| {
                e.kind == EditKind::Replace
                    && places.iter().any(|(file, s)| e.file == *file && e.span.lo <= s.hi && s.lo <= e.span.hi)
            })
        };
        let same_rule = |i: &usize| {
            self.targets.iter().any(|(k, at)| k == i && self.before.found.get(*at).is_some_and(|t| t.rule == f.rule))
        };
        let mut all: Vec<usize> = self.fixes.iter().filter(|(_, fix)| hit(fix)).map(|(i, _)| *i).collect();
        all.sort_by_key(|i| !same_rule(i));
        all.first().copied()
    }

    /// The fix whose new code checks the value of a finding, and leaves, before the value gets there: such a guard ends the flow
    /// to every later use as well. The value must come from where the value of the fix's own finding comes from.
    fn guarded(&self, f: &Found) -> Option<usize> {
        let start = |f: &Found| f.trace().first().map(|s| (s.place.file, s.place.span));
        let origin = start(f)?;
        let mut places: Vec<(FileId, Span)> = f.trace().iter().map(|s| (s.place.file, s.place.span)).collect();
        places.push((f.file, f.span));
        let ends = |(i, fix): &(usize, &Fix)| {
            let mut own = self.targets.iter().filter(|(k, _)| k == i).filter_map(|(_, at)| self.before.found.get(*at));
            if !own.any(|t| start(t) == Some(origin)) {
                return false;
            }
            let files: BTreeSet<FileId> = fix.edits.iter().map(|e| e.file).collect();
            files.into_iter().any(|file| {
                let Some(module) = self.tree.module(file) else { return false };
                let same = PosMap::default();
                let map = self.maps.get(&file).unwrap_or(&same);
                let new = |e: &&Edit| e.file == file && e.kind == EditKind::Replace && !e.text.is_empty();
                let fresh: Vec<Span> = fix.edits.iter().filter(new).map(|e| map.span_wide(e.span)).collect();
                let uses: Vec<Span> = places.iter().filter(|(at, _)| *at == file).map(|(_, s)| map.span(*s)).collect();
                guards(module, &fresh, &uses)
            })
        };
        self.fixes.iter().find(|f| ends(f)).map(|(i, _)| *i)
    }

    /// G5: the name is bound in the file by an import, defined in the project, built in, or written in full.
    fn resolves(&self, file: FileId, name: &str) -> bool {
        let Some(module) = self.tree.module(file) else {
            // A dependency of a build file: the text must name it.
            return self.tree.text(file).is_some_and(|t| t.contains(name));
        };
        resolves_in(module, name)
            || self.tree.text(file).is_some_and(|t| name.contains('.') && t.contains(name))
            || self
                .tree
                .program
                .modules
                .iter()
                .any(|m| defines(m, name) && (same_package(m, module) || imports(module, name)))
    }
}

/// The last part of a qualified name; a constructor goes by its type's.
pub fn simple_name(full: &str) -> &str {
    let name = full.strip_suffix(".<init>").unwrap_or(full);
    name.rsplit('.').next().unwrap_or(name)
}

/// The calls of a module that take something: simple name of the callee, and the name's token. What is only called on a value
/// gives the value back, whatever it does with it.
fn calls(module: &Module) -> impl Iterator<Item = (&str, Span)> {
    module.functions.iter().flat_map(|f| &f.instrs).filter_map(|i| {
        let Op::Call(call) = &i.op else { return None };
        if call.args.is_empty() {
            return None;
        }
        let name = match &call.callee {
            Callee::Method { name, .. } | Callee::Name(name) | Callee::Super(name) => *name,
            Callee::New { ty, .. } => ty.name,
            Callee::Value(_) | Callee::ThisCtor => return None,
        };
        let name = simple_name(module.strings.get(name));
        (!name.is_empty() && !call.name_span.is_empty()).then_some((name, call.name_span))
    })
}

fn imports(module: &Module, name: &str) -> bool {
    let package = name.rsplit_once('.').map_or("", |(p, _)| p);
    module.imports.iter().any(|i| {
        let path = module.strings.get(i.path);
        match i.kind {
            ImportKind::TypeWildcard | ImportKind::StaticWildcard | ImportKind::FromWildcard => path == package,
            _ => path == name || name.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')),
        }
    })
}

fn resolves_in(module: &Module, name: &str) -> bool {
    if imports(module, name) || defines(module, name) {
        return true;
    }
    match module.lang {
        Lang::Java => {
            name.strip_prefix("java.lang.").is_some_and(|n| !n.contains('.') || n.starts_with(char::is_uppercase))
        }
        Lang::Python => !name.contains('.') || name.starts_with("builtins."),
    }
}

fn same_package(a: &Module, b: &Module) -> bool {
    a.lang == Lang::Java && a.lang == b.lang && a.strings.get(a.name) == b.strings.get(b.name)
}

fn defines(module: &Module, name: &str) -> bool {
    let s = &module.strings;
    s.find(name).is_some_and(|sym| {
        module.classes.iter().any(|c| c.qualified == sym) || module.functions.iter().any(|f| f.qualified == sym)
    })
}
