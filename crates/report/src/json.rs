//! JSON, version 1 (documented in `docs/json.md`): one object, keys only ever added within a version.

use crate::place::Lines;
use serde::Serialize;
use std::collections::BTreeMap;
use surefix_engine::{Applied, Outcome, Verdict};
use surefix_text::{FileId, Span};

#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    tool: Tool,
    coverage: Coverage<'a>,
    summary: Summary<'a>,
    findings: Vec<Finding<'a>>,
    changed_files: Vec<&'a str>,
    diagnostics: Vec<Diagnostic<'a>>,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Coverage<'a> {
    files_analysed: usize,
    by_language: BTreeMap<&'static str, usize>,
    lines: u64,
    functions: usize,
    skipped: Vec<Skipped<'a>>,
    partly_parsed: &'a [String],
    not_understood: usize,
    budget_cut: Vec<Cut<'a>>,
    below_confidence: usize,
}

#[derive(Serialize)]
struct Skipped<'a> {
    path: &'a str,
    why: &'a str,
}

#[derive(Serialize)]
struct Cut<'a> {
    path: &'a str,
    function: &'a str,
    what: &'a str,
}

#[derive(Serialize)]
struct Summary<'a> {
    findings: usize,
    verdicts: BTreeMap<&'a str, usize>,
    /// Rule → reason code → number.
    abstentions: BTreeMap<&'a str, BTreeMap<&'a str, usize>>,
    passes: usize,
    stop: Option<&'static str>,
}

#[derive(Serialize)]
struct Place<'a> {
    path: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

#[derive(Serialize)]
struct Step<'a> {
    what: serde_json::Value,
    name: &'a str,
    place: Place<'a>,
}

#[derive(Serialize)]
struct Finding<'a> {
    fingerprint: &'a str,
    rule: &'a str,
    cwe: &'a [u16],
    severity: &'a str,
    confidence: &'a str,
    message: &'a str,
    sink: &'a str,
    source: &'a str,
    place: Place<'a>,
    trace: Vec<Step<'a>>,
    verdict: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<Fix<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gate: Option<&'a str>,
    detail: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    steps: &'a str,
}

#[derive(Serialize)]
struct Fix<'a> {
    title: &'a str,
    tier: &'a str,
    lowered: Vec<Lowered<'a>>,
    files: &'a [String],
    diff: &'a str,
    gates: Vec<GateLine<'a>>,
    pass: usize,
    /// Files of regression tests that come with the fix.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tests: Vec<&'a str>,
}

#[derive(Serialize)]
struct Lowered<'a> {
    to: &'a str,
    why: &'a str,
}

#[derive(Serialize)]
struct GateLine<'a> {
    gate: &'a str,
    passed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_run: Option<&'a str>,
}

#[derive(Serialize)]
struct Diagnostic<'a> {
    path: &'a str,
    line: u32,
    message: &'a str,
    failure: bool,
}

fn fix(a: &Applied) -> Fix<'_> {
    Fix {
        title: &a.title,
        tier: a.tier.name(),
        lowered: a.reasons.iter().map(|l| Lowered { to: l.to.name(), why: &l.why }).collect(),
        files: &a.files,
        diff: &a.diff,
        gates: a
            .evidence
            .iter()
            .map(|g| GateLine { gate: g.gate.name(), passed: g.not_run.is_none(), not_run: g.not_run.as_deref() })
            .collect(),
        pass: a.pass,
        tests: a.tests.iter().map(|t| t.path.as_str()).collect(),
    }
}

/// The report as JSON text with a final newline.
pub fn render(outcome: &Outcome) -> String {
    let lines: BTreeMap<&str, Lines<'_>> = outcome.texts.iter().map(|(p, t)| (p.as_str(), Lines::new(t))).collect();
    let place = |file: FileId, span: Span| {
        let path = outcome.path(file);
        let r = lines.get(path).map(|l| l.chars(span));
        Place {
            path,
            line: r.map_or(0, |r| r.line),
            column: r.map_or(0, |r| r.column),
            end_line: r.map_or(0, |r| r.end_line),
            end_column: r.map_or(0, |r| r.end_column),
        }
    };
    let findings = outcome
        .findings
        .iter()
        .map(|f| {
            let (applied, reason, gate, steps) = match &f.verdict {
                Verdict::Fixed(a) => (Some(fix(a)), None, None, ""),
                Verdict::Fixable { fix: a, policy } => {
                    (Some(fix(a)), policy.as_ref().map(|p| p.reason.code()), None, "")
                }
                Verdict::Rejected { gate, .. } => (None, None, Some(gate.name()), ""),
                Verdict::Abstained(r) => (None, Some(r.reason.code()), None, r.steps.as_ref()),
                _ => (None, None, None, ""),
            };
            Finding {
                fingerprint: &f.fingerprint,
                rule: f.rule.id,
                cwe: f.rule.cwe,
                severity: f.severity().name(),
                confidence: f.confidence().name(),
                message: &f.found.message,
                sink: &f.found.sink,
                source: &f.found.source,
                place: place(f.found.file, f.found.span),
                trace: f
                    .found
                    .trace()
                    .iter()
                    .map(|s| Step {
                        what: serde_json::to_value(s.what).unwrap_or_default(),
                        name: &s.name,
                        place: place(s.place.file, s.place.span),
                    })
                    .collect(),
                verdict: f.verdict.name(),
                fix: applied,
                reason,
                gate,
                detail: crate::why(&f.verdict),
                steps,
            }
        })
        .collect();
    let c = &outcome.coverage;
    let mut abstentions: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for ((rule, code), n) in outcome.abstentions() {
        abstentions.entry(rule).or_default().insert(code, n);
    }
    let report = Report {
        schema: 1,
        tool: Tool { name: "surefix", version: env!("CARGO_PKG_VERSION") },
        coverage: Coverage {
            files_analysed: c.files(),
            by_language: c.analysed.iter().map(|(l, n)| (l.name(), *n)).collect(),
            lines: c.lines,
            functions: c.functions,
            skipped: c.skipped.iter().map(|s| Skipped { path: &s.path, why: &s.why }).collect(),
            partly_parsed: &c.partly_parsed,
            not_understood: c.not_understood,
            budget_cut: c.budget_cut.iter().map(|(path, function, what)| Cut { path, function, what }).collect(),
            below_confidence: c.below_confidence,
        },
        summary: Summary {
            findings: outcome.findings.len(),
            verdicts: outcome.counts(),
            abstentions,
            passes: outcome.passes,
            stop: outcome.stop.map(|s| s.name()),
        },
        findings,
        changed_files: outcome.changed.iter().map(|c| c.path.as_str()).collect(),
        diagnostics: outcome
            .diagnostics
            .iter()
            .map(|d| Diagnostic { path: &d.path, line: d.line, message: &d.message, failure: d.failure })
            .collect(),
    };
    let mut text = serde_json::to_string_pretty(&report).unwrap_or_default();
    text.push('\n');
    text
}
