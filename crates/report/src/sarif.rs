//! SARIF 2.1.0: code flows, fixes with the changes of each artifact, stable fingerprints, rules with help.

use crate::escape::uri;
use crate::place::Lines;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use surefix_engine::{Applied, Finding, Outcome, Verdict};
use surefix_rules::{RuleMeta, Severity};
use surefix_text::{FileId, Span};

/// Name of the fingerprint, with its version.
pub const FINGERPRINT: &str = "surefixFingerprint/v1";

struct Cx<'a> {
    outcome: &'a Outcome,
    lines: BTreeMap<&'a str, Lines<'a>>,
}

/// The report as SARIF text with a final newline. `rules` are all rules that ran, sorted by id.
pub fn render(outcome: &Outcome, rules: &[RuleMeta]) -> String {
    let lines = outcome.texts.iter().map(|(p, t)| (p.as_str(), Lines::new(t))).collect();
    let cx = Cx { outcome, lines };
    let index: BTreeMap<&str, usize> = rules.iter().enumerate().map(|(i, r)| (r.id, i)).collect();
    let c = &outcome.coverage;
    let skipped: Vec<Value> = c.skipped.iter().map(|s| json!({"path": s.path, "why": s.why})).collect();
    let cut: Vec<Value> = c.budget_cut.iter().map(|(p, f, w)| json!({"path": p, "function": f, "what": w})).collect();
    let languages: BTreeMap<&str, usize> = c.analysed.iter().map(|(l, n)| (l.name(), *n)).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "Surefix",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(rule).collect::<Vec<_>>(),
            }},
            "columnKind": "utf16CodeUnits",
            "invocations": [{
                "executionSuccessful": !outcome.failed(),
                "toolExecutionNotifications": outcome.diagnostics.iter().map(notification).collect::<Vec<_>>(),
            }],
            "results": outcome.findings.iter().map(|f| cx.result(f, &index)).collect::<Vec<_>>(),
            "properties": {
                "filesAnalysed": c.files(),
                "filesByLanguage": languages,
                "lines": c.lines,
                "skipped": skipped,
                "partlyParsed": c.partly_parsed,
                "budgetCut": cut,
                "belowConfidence": c.below_confidence,
                "verdicts": outcome.counts(),
            },
        }],
    });
    let mut text = serde_json::to_string_pretty(&log).unwrap_or_default();
    text.push('\n');
    text
}

fn level(s: Severity) -> &'static str {
    match s {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "note",
    }
}

/// The number that GitHub sorts by; the middle of each of its bands.
fn score(s: Severity) -> &'static str {
    match s {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
    }
}

fn rule(r: &RuleMeta) -> Value {
    let mut tags = vec!["security".to_string()];
    tags.extend(r.cwe.iter().map(|n| format!("external/cwe/cwe-{n:03}")));
    let name: String = r
        .id
        .split('-')
        .map(|w| w.chars().next().map(|c| c.to_uppercase().to_string()).unwrap_or_default() + w.get(1..).unwrap_or(""))
        .collect();
    json!({
        "id": r.id,
        "name": name,
        "shortDescription": {"text": r.title},
        "fullDescription": {"text": summary(r)},
        "help": {"text": plain(r.page, r.title), "markdown": if r.page.is_empty() { r.title } else { r.page }},
        "defaultConfiguration": {"level": level(r.severity)},
        "properties": {
            "tags": tags,
            "precision": "high",
            "security-severity": score(r.severity),
            "cwe": r.cwe.iter().map(|n| format!("CWE-{n}")).collect::<Vec<_>>(),
            "best-tier": r.best_tier.name(),
        },
    })
}

/// The first paragraph of the page, the title when there is none.
fn summary(r: &RuleMeta) -> String {
    r.page
        .split("\n\n")
        .map(|p| p.trim().replace('\n', " "))
        .find(|p| !p.is_empty() && !p.starts_with('#') && !p.starts_with("```"))
        .unwrap_or_else(|| r.title.to_string())
}

fn plain(page: &str, title: &str) -> String {
    if page.is_empty() { title.to_string() } else { page.replace("```", "").replace('`', "") }
}

fn notification(d: &surefix_engine::Diagnostic) -> Value {
    let mut out = json!({"level": if d.failure { "error" } else { "warning" }, "message": {"text": d.message}});
    if !d.path.is_empty() {
        let mut place = json!({"artifactLocation": {"uri": uri(&d.path), "uriBaseId": "%SRCROOT%"}});
        if d.line > 0 {
            place["region"] = json!({"startLine": d.line});
        }
        out["locations"] = json!([{"physicalLocation": place}]);
    }
    out
}

impl Cx<'_> {
    fn region(&self, file: FileId, span: Span) -> Option<Value> {
        let r = self.lines.get(self.outcome.path(file))?.utf16(span);
        Some(json!({
            "startLine": r.line, "startColumn": r.column, "endLine": r.end_line, "endColumn": r.end_column,
        }))
    }

    fn location(&self, file: FileId, span: Span, text: Option<String>) -> Value {
        let mut place = json!({"artifactLocation": self.artifact(file)});
        if let Some(region) = self.region(file, span) {
            place["region"] = region;
        }
        let mut out = json!({"physicalLocation": place});
        if let Some(text) = text {
            out["message"] = json!({"text": text});
        }
        out
    }

    fn artifact(&self, file: FileId) -> Value {
        json!({"uri": uri(self.outcome.path(file)), "uriBaseId": "%SRCROOT%"})
    }

    fn result(&self, f: &Finding, index: &BTreeMap<&str, usize>) -> Value {
        let (kind, level) = match &f.verdict {
            Verdict::Fixed(_) | Verdict::FalsePositive { .. } => ("pass", "none"),
            Verdict::Excluded { .. } | Verdict::Stale { .. } => ("notApplicable", "none"),
            _ => ("fail", level(f.severity())),
        };
        let mut out = json!({
            "ruleId": f.rule.id,
            "kind": kind,
            "level": level,
            "message": {"text": f.found.message},
            "locations": [self.location(f.found.file, f.found.span, None)],
            "partialFingerprints": {FINGERPRINT: f.fingerprint},
            "properties": {
                "verdict": f.verdict.name(),
                "detail": crate::why(&f.verdict),
                "severity": f.severity().name(),
                "confidence": f.confidence().name(),
            },
        });
        if let Some(i) = index.get(f.rule.id) {
            out["ruleIndex"] = json!(i);
        }
        let steps: Vec<Value> = f
            .found
            .trace()
            .iter()
            .map(|s| {
                let text = crate::terminal::step(s);
                json!({"location": self.location(s.place.file, s.place.span, Some(text))})
            })
            .collect();
        if !steps.is_empty() {
            out["codeFlows"] = json!([{"threadFlows": [{"locations": steps}]}]);
        }
        match &f.verdict {
            Verdict::Fixed(fix) | Verdict::Fixable { fix, .. } => {
                out["properties"]["tier"] = json!(fix.tier.name());
                if let Some(fix) = self.fix(fix) {
                    out["fixes"] = json!([fix]);
                }
            }
            Verdict::Abstained(r) => {
                out["properties"]["reason"] = json!(r.reason.code());
                if !r.steps.is_empty() {
                    out["properties"]["steps"] = json!(r.steps);
                }
            }
            Verdict::Rejected { gate, .. } => out["properties"]["gate"] = json!(gate.name()),
            Verdict::Suppressed { by } => {
                let kind = if by.starts_with("settings:") { "external" } else { "inSource" };
                out["suppressions"] = json!([{"kind": kind, "status": "accepted", "justification": by}]);
            }
            _ => {}
        }
        out
    }

    /// The fix, when all of its edits are edits of the files as they were read.
    fn fix(&self, fix: &Applied) -> Option<Value> {
        let mut files: BTreeMap<FileId, Vec<Value>> = BTreeMap::new();
        for e in fix.edits.as_ref()? {
            let region = self.region(e.file, e.span)?;
            let mut replacement = json!({"deletedRegion": region});
            if !e.text.is_empty() {
                replacement["insertedContent"] = json!({"text": e.text});
            }
            files.entry(e.file).or_default().push(replacement);
        }
        let changes: Vec<Value> = files
            .into_iter()
            .map(|(file, replacements)| json!({"artifactLocation": self.artifact(file), "replacements": replacements}))
            .collect();
        (!changes.is_empty()).then(|| json!({"description": {"text": fix.title}, "artifactChanges": changes}))
    }
}
