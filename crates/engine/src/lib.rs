//! Project discovery, scan, plan, the fix loop with its in-memory gates, and atomic writes.
//!
//! [`scan`] takes files (from [`discover`], or from memory) and answers with an [`Outcome`]: every finding with exactly one
//! verdict, and the changed texts, which [`write`] brings to the disk.

pub mod baseline;
pub mod config;
mod detect;
pub mod discover;
mod dominate;
mod fingerprint;
mod fixloop;
mod follow;
mod front;
mod gates;
mod guard;
mod map;
mod outcome;
mod pyname;
mod settings;
mod tree;
pub mod user_models;
pub mod write;

pub use config::{Config, ConfigError};
pub use discover::{Discovered, InputFile, Role};
pub use front::{diff, diff_bytes};
pub use outcome::{
    Applied, ChangeKind, Changed, Coverage, Diagnostic, Finding, Gate, GateResult, Outcome, RegressionTest, SharedEdit,
    Skipped, Stop, Verdict,
};
pub use settings::{Flags, Scope, Settings};

use fixloop::FixLoop;
use std::collections::{BTreeMap, BTreeSet};
use surefix_models::ModelSet;
use surefix_rules::Rule;
use surefix_syntax::Suppressions;
use surefix_text::FileId;
use tree::{Tree, manifest_index};

/// What the engine knows: the rules and the library models.
pub struct Knowledge<'a> {
    /// Rules.
    pub rules: &'a [Rule],
    /// Models.
    pub models: &'a ModelSet,
}

/// How far a run goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Detection only; fixes are neither planned nor verified, and verdicts of findings say so.
    Detect,
    /// Detection, plan and gates, for a run that writes nothing: no changed texts, one verification for what the settings allow
    /// and what they do not.
    Preview,
    /// Detection, plan and gates: every finding with its verdict, and the changed texts.
    Full,
}

/// The run could not be done at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The analysis broke down.
    #[error("the analysis broke down: {0}")]
    Analysis(String),
    /// No threads.
    #[error("cannot start threads: {0}")]
    Threads(String),
}

/// Stack of each worker: hostile nesting needs depth, and only touched pages cost.
const STACK: usize = 256 << 20;

/// Runs `f` on a pool of `threads` (0: one a core) threads with large stacks.
pub fn in_pool<T: Send>(threads: usize, f: impl FnOnce() -> T + Send) -> Result<T, EngineError> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .stack_size(STACK)
        .thread_name(|i| format!("{}{i}", guard::WORKER))
        .build()
        .map_err(|e| EngineError::Threads(e.to_string()))?;
    Ok(pool.install(f))
}

/// Analyses the files, plans and verifies fixes; nothing is written. Call it inside [`in_pool`].
pub fn scan(
    mut found: Discovered,
    settings: &Settings,
    knowledge: &Knowledge<'_>,
    depth: Depth,
) -> Result<Outcome, EngineError> {
    let files = found.read();
    let mut coverage = Coverage { skipped: found.skipped.into_iter().collect(), ..Coverage::default() };
    scan_files(files, &mut coverage, found.diagnostics, settings, knowledge, depth)
}

/// As [`scan`], for files in memory.
pub fn scan_memory(
    files: Vec<InputFile>,
    settings: &Settings,
    knowledge: &Knowledge<'_>,
    depth: Depth,
) -> Result<Outcome, EngineError> {
    scan_files(files, &mut Coverage::default(), Vec::new(), settings, knowledge, depth)
}

fn scan_files(
    files: Vec<InputFile>,
    coverage: &mut Coverage,
    mut diagnostics: Vec<Diagnostic>,
    settings: &Settings,
    knowledge: &Knowledge<'_>,
    depth: Depth,
) -> Result<Outcome, EngineError> {
    let mut tree = Tree::load(files, coverage, &mut diagnostics);
    coverage.skipped.sort();
    coverage.skipped.dedup();
    let mut reuse = None;
    let mut first = detect::detect_around(&mut tree, settings, knowledge, &mut reuse).map_err(EngineError::Analysis)?;
    diagnostics.append(&mut first.diagnostics);
    coverage.functions = first.analysis.functions;
    coverage.budget_cut = first
        .analysis
        .budgets
        .iter()
        .map(|b| (tree.path(b.file).to_string(), b.function.clone(), b.what.clone()))
        .collect();
    let found = first.found.clone();
    let prints = first.fingerprints.clone();
    let mut directives = BTreeMap::new();
    let given: Vec<Option<Verdict>> = found
        .iter()
        .zip(&prints)
        .map(|(f, print)| {
            // What is not reported is followed through the gates, but nobody asked to fix it.
            given_verdict(&tree, settings, &mut directives, f, print).or_else(|| {
                let low = f.confidence < settings.report_confidence;
                low.then(|| Verdict::Excluded { why: "below the reported confidence".to_string() })
            })
        })
        .collect();
    let mut out = Outcome::default();
    let paths: Vec<String> = found.iter().map(|f| tree.path(f.file).to_string()).collect();
    let mut named: BTreeSet<FileId> = BTreeSet::new();
    for f in &found {
        named.insert(f.file);
        named.extend(f.trace().iter().map(|s| s.place.file));
    }
    let texts_of = |tree: &Tree| -> BTreeMap<FileId, String> {
        named.iter().filter_map(|f| Some((*f, tree.text(*f)?.to_string()))).collect()
    };
    let texts = texts_of(&tree);
    let mut verdicts = given.clone();
    if depth != Depth::Detect {
        let mut run = FixLoop::new(&mut tree, settings, knowledge, reuse, first, given, depth == Depth::Preview);
        out.stop = Some(run.run().map_err(EngineError::Analysis)?);
        out.passes = run.passes;
        diagnostics.append(&mut run.diagnostics);
        verdicts = run.tracks.iter_mut().map(|t| t.verdict.take()).collect();
        let together = std::mem::take(&mut run.together);
        out.shared = std::mem::take(&mut run.shared);
        let originals = run.into_originals();
        out.changed = changed(&tree, originals, &together);
    }
    for (((f, fingerprint), path), verdict) in found.into_iter().zip(prints).zip(paths).zip(verdicts) {
        let low = f.confidence < settings.report_confidence;
        if low && !matches!(verdict, Some(Verdict::Fixed(_))) {
            coverage.below_confidence += 1;
            continue;
        }
        let Some(rule) = knowledge.rules.iter().find(|r| r.meta.id == f.rule) else { continue };
        let verdict = verdict.unwrap_or_else(|| {
            Verdict::Abstained(surefix_text::Refusal::new(surefix_text::Reason::NoRecipe, "fixes were not planned"))
        });
        out.findings.push(Finding { found: f, rule: rule.meta, path, fingerprint, verdict });
    }
    for file in named {
        out.paths.insert(file.0, tree.path(file).to_string());
    }
    // Edits and traces may name files beside the findings' own: build files above all.
    for f in &out.findings {
        if let Verdict::Fixed(fix) | Verdict::Fixable { fix, .. } = &f.verdict {
            for e in fix.edits.iter().flatten() {
                out.paths.entry(e.file.0).or_insert_with(|| tree.path(e.file).to_string());
            }
        }
    }
    out.texts = texts.into_iter().map(|(f, t)| (tree.path(f).to_string(), t)).collect();
    for c in &out.changed {
        out.texts.entry(c.path.clone()).or_insert_with(|| c.text_before.clone());
    }
    for (id, path) in &out.paths {
        if !out.texts.contains_key(path)
            && let Some(t) = tree.text(FileId(*id))
        {
            out.texts.insert(path.clone(), t.to_string());
        }
    }
    diagnostics.sort();
    diagnostics.dedup();
    out.diagnostics = diagnostics;
    out.coverage = std::mem::take(coverage);
    Ok(out)
}

/// A verdict that stands before any fix is asked for.
fn given_verdict(
    tree: &Tree,
    settings: &Settings,
    directives: &mut BTreeMap<FileId, Suppressions>,
    f: &surefix_rules::Found,
    print: &str,
) -> Option<Verdict> {
    let path = tree.path(f.file);
    if !settings.reports(f.rule, path) {
        return Some(Verdict::Excluded { why: "outside the configured paths".to_string() });
    }
    if manifest_index(f.file).is_none() {
        let code = tree.code.get(f.file.0 as usize)?;
        if let Some(class) = code.class
            && !class.wanted(settings)
        {
            return Some(Verdict::Excluded { why: format!("{} code", class.name()) });
        }
        let text = tree.text(f.file)?;
        let lang = tree.module(f.file)?.lang;
        let own = directives.entry(f.file).or_insert_with(|| front::suppressions(lang, text));
        if let Some(by) = front::suppressed(own, text, f) {
            return Some(Verdict::Suppressed { by });
        }
    }
    if let Some(verdict) = settings.withheld(print) {
        return Some(verdict.clone());
    }
    if let Some(reason) = settings.suppressed(f.rule, path, print) {
        return Some(Verdict::Suppressed { by: format!("settings: {reason}") });
    }
    if settings.in_baseline(print) {
        return Some(Verdict::Suppressed { by: "settings: known in the baseline".to_string() });
    }
    settings.out_of_scope(print).map(|why| Verdict::Excluded { why: why.to_string() })
}

fn changed(tree: &Tree, originals: BTreeMap<FileId, tree::Replacement>, together: &[Vec<FileId>]) -> Vec<Changed> {
    // Files of one fix are joined; the smallest file id of a group names it.
    let mut group: BTreeMap<FileId, FileId> = originals.keys().map(|f| (*f, *f)).collect();
    for set in together {
        let members: Vec<FileId> = set.iter().filter_map(|f| group.get(f).copied()).collect();
        if let Some(least) = members.iter().min().copied() {
            for g in group.values_mut().filter(|g| members.contains(g)) {
                *g = least;
            }
        }
    }
    let mut out: Vec<Changed> = originals
        .into_iter()
        .filter_map(|(file, before)| {
            let source = tree.source(file)?;
            let after = tree.text(file)?;
            if after == before.text {
                return None;
            }
            Some(Changed {
                path: tree.path(file).to_string(),
                // The gate on bytes has seen that both work.
                before: front::encode(source, &before.text).ok()?,
                after: front::encode(source, after).ok()?,
                text_after: after.to_string(),
                text_before: before.text,
                group: group.get(&file).map_or(0, |g| g.0 as usize),
                kind: ChangeKind::Edited,
            })
        })
        .collect();
    out.sort_by(|a, b| a.path.cmp(&b.path));
    out
}
