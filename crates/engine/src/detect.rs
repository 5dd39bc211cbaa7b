//! One detection over the tree: analysis, rules, one finding a place, in a fixed order.

use crate::Knowledge;
use crate::fingerprint::fingerprints;
use crate::guard::{culprits, guarded};
use crate::outcome::Diagnostic;
use crate::settings::Settings;
use crate::tree::Tree;
use rayon::prelude::*;
use std::cmp::Reverse;
use std::sync::Arc;
use surefix_dataflow::{Analysis, Options, Program, Reuse};
use surefix_ir::Module;
use surefix_rules::{DetectCx, Found, Rule};
use surefix_text::FileId;

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

/// The most files at which an analysis may break down before the run is given up.
const MOST_BROKEN: usize = 8;

/// As [`detect`]; files at which the analysis breaks down are taken out of the tree, each with a message.
pub fn detect_around(
    tree: &mut Tree,
    settings: &Settings,
    knowledge: &Knowledge<'_>,
    reuse: &mut Option<Reuse>,
) -> Result<Detected, String> {
    let first = match detect(tree, settings, knowledge, reuse) {
        Ok(done) => return Ok(done),
        Err(e) => e,
    };
    let whole = tree.program.clone();
    let local = local(tree, settings);
    let found = culprits(whole.modules.len(), MOST_BROKEN, |with| {
        let mut program = whole.clone();
        for (module, _) in program.modules.iter_mut().zip(with).filter(|(_, w)| !**w) {
            *module = hollow(module);
        }
        analyse(&program, local.clone(), settings, knowledge, &mut None).map(|_| ())
    });
    let broken = found.ok_or(first)?;
    let mut messages = Vec::new();
    for (i, why) in broken {
        if let Some(module) = tree.program.modules.get_mut(i) {
            *module = hollow(module);
        }
        let path = tree.program.paths.get(i).cloned().unwrap_or_default();
        messages.push(Diagnostic {
            path,
            line: 0,
            message: format!("not analysed: internal error ({why})"),
            failure: true,
        });
    }
    let mut done = detect(tree, settings, knowledge, reuse)?;
    done.diagnostics.append(&mut messages);
    Ok(done)
}

/// A module with nothing in it, in the place of one that cannot be analysed.
fn hollow(of: &Module) -> Arc<Module> {
    Arc::new(Module {
        lang: of.lang,
        name: of.name,
        is_package: of.is_package,
        strings: of.strings.clone(),
        imports: Vec::new(),
        classes: Vec::new(),
        functions: Vec::new(),
        init: None,
        diagnostics: Vec::new(),
        error_spans: of.error_spans.clone(),
        lines: of.lines,
    })
}

/// The files whose findings will be excluded: they are judged function by function, which costs next to nothing.
fn local(tree: &Tree, settings: &Settings) -> Vec<bool> {
    tree.code.iter().map(|c| c.class.is_some_and(|c| !c.wanted(settings))).collect()
}

fn analyse(
    program: &Program,
    local: Vec<bool>,
    settings: &Settings,
    knowledge: &Knowledge<'_>,
    reuse: &mut Option<Reuse>,
) -> Result<Analysis, String> {
    let options = Options { threads: settings.threads, local };
    // After a breakdown nothing is left to build on.
    let mut past = reuse.take();
    let analysis = guarded(|| surefix_dataflow::analyze_again(program, knowledge.models, &options, &mut past))?;
    *reuse = past;
    Ok(analysis)
}

/// What a rule finds. Where it breaks down it is asked again file by file, so that only the guilty file is lost.
fn ask(rule: &Rule, tree: &Tree, analysis: &Analysis, knowledge: &Knowledge<'_>) -> (Vec<Found>, Vec<Diagnostic>) {
    let run = |analysis: &Analysis| {
        guarded(|| {
            let mut found = Vec::new();
            rule.find(&view(tree, analysis, knowledge), &mut found);
            found
        })
    };
    let broken = |path: String, why: &str| Diagnostic {
        path,
        line: 0,
        message: format!("rule {} broke down: {why}", rule.meta.id),
        failure: true,
    };
    let why = match run(analysis) {
        Ok(found) => return (found, Vec::new()),
        Err(e) => e,
    };
    if run(&Analysis::default()).is_err() {
        return (Vec::new(), vec![broken(String::new(), &why)]);
    }
    let mut files: Vec<u32> =
        analysis.flows.iter().map(|f| f.call.file).chain(analysis.calls.iter().map(|c| c.file)).collect();
    files.sort_unstable();
    files.dedup();
    let (mut found, mut messages) = (Vec::new(), Vec::new());
    for file in files {
        let part = Analysis {
            flows: analysis.flows.iter().filter(|f| f.call.file == file).cloned().collect(),
            calls: analysis.calls.iter().filter(|c| c.file == file).cloned().collect(),
            ..Analysis::default()
        };
        match run(&part) {
            Ok(more) => found.extend(more),
            Err(e) => messages.push(broken(tree.path(FileId(file)).to_string(), &e)),
        }
    }
    (found, messages)
}

/// Analyses the tree and runs the rules. `reuse` holds what the analysis of an earlier state of the tree left, and is renewed.
/// `Err` when the analysis itself broke down.
pub fn detect(
    tree: &Tree,
    settings: &Settings,
    knowledge: &Knowledge<'_>,
    reuse: &mut Option<Reuse>,
) -> Result<Detected, String> {
    let analysis = analyse(&tree.program, local(tree, settings), settings, knowledge, reuse)?;
    let mut out = Detected::default();
    let per_rule: Vec<(Vec<Found>, Vec<Diagnostic>)> = knowledge
        .rules
        .par_iter()
        .filter(|r| settings.runs(r.meta.id))
        .map(|rule| ask(rule, tree, &analysis, knowledge))
        .collect();
    for (found, mut messages) in per_rule {
        out.found.extend(found);
        out.diagnostics.append(&mut messages);
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
