//! What pipelines read from a job: annotations as commands of GitHub Actions and Azure Pipelines, and GitLab's code quality report.
//!
//! A line of a job's output that begins with `::` or `##vso[` is a command to the runner. What comes from scanned code is escaped
//! so that it can neither begin nor end one.

use crate::escape::line;
use crate::place::Lines;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use surefix_engine::{Finding, Outcome};
use surefix_rules::Severity;

/// Annotations at most; GitHub shows ten of each kind a step, and a job's log should stay readable.
const MOST: usize = 50;

/// A finding that remains, with its place and what a reader is told.
struct Note<'a> {
    finding: &'a Finding,
    line: usize,
    column: usize,
    text: String,
}

fn notes(outcome: &Outcome) -> Vec<Note<'_>> {
    let lines: BTreeMap<&str, Lines<'_>> = outcome.texts.iter().map(|(p, t)| (p.as_str(), Lines::new(t))).collect();
    outcome
        .findings
        .iter()
        .filter(|f| f.verdict.remains())
        .map(|f| {
            let at = lines.get(f.path.as_str()).map(|l| l.chars(f.found.span));
            Note {
                finding: f,
                line: at.map_or(1, |r| r.line),
                column: at.map_or(1, |r| r.column),
                text: format!("{} [{}] {}: {}", f.found.message, f.rule.id, f.verdict.name(), crate::why(&f.verdict)),
            }
        })
        .collect()
}

/// Commands of GitHub Actions, Gitea and Forgejo, one line each. `prefix` is the project's place in its repository.
pub fn github(outcome: &Outcome, prefix: &str) -> String {
    let data = |s: &str| s.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |s: &str| data(s).replace(':', "%3A").replace(',', "%2C");
    let mut out = String::new();
    for n in notes(outcome).into_iter().take(MOST) {
        let kind = match n.finding.severity() {
            Severity::Critical | Severity::High => "error",
            Severity::Medium => "warning",
            Severity::Low => "notice",
        };
        out.push_str(&format!(
            "::{kind} file={},line={},col={},title={}::{}\n",
            property(&line(&crate::below(prefix, &n.finding.path))),
            n.line,
            n.column,
            property(&format!("Surefix: {}", n.finding.rule.title)),
            data(&line(&n.text))
        ));
    }
    out
}

/// Logging commands of Azure Pipelines, one line each.
pub fn azure(outcome: &Outcome, prefix: &str) -> String {
    let data = |s: &str| s.replace('%', "%AZP25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |s: &str| data(s).replace(';', "%3B").replace(']', "%5D");
    let mut out = String::new();
    for n in notes(outcome).into_iter().take(MOST) {
        let kind = if n.finding.severity() >= Severity::High { "error" } else { "warning" };
        out.push_str(&format!(
            "##vso[task.logissue type={kind};sourcepath={};linenumber={};columnnumber={};code={}]{}\n",
            property(&line(&crate::below(prefix, &n.finding.path))),
            n.line,
            n.column,
            property(n.finding.rule.id),
            data(&line(&n.text))
        ));
    }
    out
}

/// Plain text that is printed in a job in which the runner reads commands: no line can be one.
pub fn inert(text: &str) -> String {
    let mut out = String::new();
    for l in text.split_inclusive('\n') {
        let start = l.trim_start();
        if start.starts_with("::") || start.starts_with("##") {
            // A blank would not do: runners trim.
            out.push_str("| ");
        }
        // Azure and the old form of GitHub look for their commands anywhere in a line.
        out.push_str(&l.replace("##vso[", "##vso [").replace("##[", "## ["));
    }
    out
}

/// GitLab's code quality report.
pub fn code_quality(outcome: &Outcome, prefix: &str) -> String {
    let list: Vec<Value> = notes(outcome)
        .into_iter()
        .map(|n| {
            let severity = match n.finding.severity() {
                Severity::Critical => "blocker",
                Severity::High => "critical",
                Severity::Medium => "major",
                Severity::Low => "minor",
            };
            json!({
                "type": "issue",
                "check_name": n.finding.rule.id,
                "description": line(&n.text),
                "categories": ["Security"],
                "severity": severity,
                "fingerprint": n.finding.fingerprint,
                "location": {"path": crate::below(prefix, &n.finding.path), "lines": {"begin": n.line}},
            })
        })
        .collect();
    let mut text = serde_json::to_string_pretty(&list).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_plain_text_is_a_command() {
        let text = "ok\n::set-output name=a::b\n  ##vso[task.setvariable variable=x]y\nx ##vso[a]b ##[error]c\n";
        let safe = inert(text);
        assert_eq!(
            safe,
            "ok\n| ::set-output name=a::b\n|   ##vso [task.setvariable variable=x]y\nx ##vso [a]b ## [error]c\n"
        );
    }
}
