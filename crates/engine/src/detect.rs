//! One detection over the tree: analysis, rules, one finding a place, in a fixed order.

use crate::Knowledge;
use crate::fingerprint::fingerprints;
use crate::guard::guarded;
use crate::outcome::Diagnostic;
use crate::settings::Settings;
use crate::tree::Tree;
use rayon::prelude::*;
use std::cmp::Reverse;
use surefix_dataflow::{Analysis, Options};
use surefix_rules::{DetectCx, Found};

/// Findings with the analysis that they come from.
#[derive(Default)]
pub struct Detected {
    /// The analysis.
    pub analysis: Analysis,
    /// Sorted by file, place, rule; one for each rule, place and argument.
    pub found: Vec<Found>,
    /// Same index as `found`.
    pub fingerprints: Vec<String>,
    /// Rules that broke down.
    pub diagnostics: Vec<Diagnostic>,
}

/// Detection's view of the tree.
pub fn view<'a>(tree: &'a Tree, analysis: &'a Analysis, knowledge: &'a Knowledge<'_>) -> DetectCx<'a> {
    DetectCx { program: &tree.program, analysis, models: knowledge.models, project: &tree.project, texts: &tree.texts }
}

/// Analyses the tree and runs the rules. `Err` when the analysis itself broke down.
pub fn detect(tree: &Tree, settings: &Settings, knowledge: &Knowledge<'_>) -> Result<Detected, String> {
    let options = Options { threads: settings.threads, ..Options::default() };
    let analysis = guarded(|| surefix_dataflow::analyze(&tree.program, knowledge.models, &options))?;
    let mut out = Detected::default();
    let cx = view(tree, &analysis, knowledge);
    let per_rule: Vec<Result<Vec<Found>, Diagnostic>> = knowledge
        .rules
        .par_iter()
        .filter(|r| settings.runs(r.meta.id))
        .map(|rule| {
            guarded(|| {
                let mut found = Vec::new();
                (rule.detect)(&cx, &mut found);
                found
            })
            .map_err(|e| Diagnostic {
                path: String::new(),
                line: 0,
                message: format!("rule {} broke down: {e}", rule.meta.id),
                failure: true,
            })
        })
        .collect();
    for r in per_rule {
        match r {
            Ok(found) => out.found.extend(found),
            Err(d) => out.diagnostics.push(d),
        }
    }
    // A finding in no file cannot be shown or fixed; it would be a defect of a rule.
    out.found.retain(|f| tree.text(f.file).is_some());
    out.found.sort_by(|a, b| {
        place(a).cmp(&place(b)).then_with(|| best_first(a).cmp(&best_first(b))).then_with(|| a.message.cmp(&b.message))
    });
    out.found.dedup_by(|b, a| place(a) == place(b));
    out.fingerprints = fingerprints(
        &out.found,
        |f| tree.module(f.file).map(|m| &**m),
        |f| tree.path(f.file),
        |f| tree.text(f.file).unwrap_or(""),
    );
    out.analysis = analysis;
    Ok(out)
}

/// What makes two reports one finding, in output order.
fn place(f: &Found) -> (u32, u32, u32, &str, &str, &str) {
    (f.file.0, f.span.lo, f.span.hi, f.rule, &f.subject, &f.sink)
}

/// Of several flows into one place the surest and shortest is shown.
fn best_first(f: &Found) -> (Reverse<surefix_rules::Confidence>, usize, &str) {
    (Reverse(f.confidence), f.trace().len(), &f.source)
}
