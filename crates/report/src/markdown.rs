//! Markdown: for a pull request's comment or a job summary.

use crate::escape::{fenced, markdown};
use crate::place::Lines;
use std::collections::BTreeMap;
use std::fmt::Write;
use surefix_engine::{Outcome, Verdict};

/// The report as Markdown.
pub fn render(outcome: &Outcome) -> String {
    let lines: BTreeMap<&str, Lines<'_>> = outcome.texts.iter().map(|(p, t)| (p.as_str(), Lines::new(t))).collect();
    let c = &outcome.coverage;
    let mut out = String::from("# Surefix\n\n");
    let _ = writeln!(out, "Analysed {} files ({} lines), skipped {}.", c.files(), c.lines, c.skipped.len());
    for (why, n) in c.skipped_by_reason() {
        let _ = writeln!(out, "- skipped {n}: {}", markdown(why));
    }
    if !c.partly_parsed.is_empty() {
        let _ = writeln!(out, "- only partly parsed: {}", c.partly_parsed.len());
    }
    if !c.budget_cut.is_empty() {
        let _ = writeln!(out, "- functions cut by a step budget: {}", c.budget_cut.len());
    }
    let _ = writeln!(out, "\n| verdict | findings |\n| --- | --- |");
    let counts = outcome.counts();
    for name in Verdict::NAMES {
        if let Some(n) = counts.get(name).filter(|n| **n > 0) {
            let _ = writeln!(out, "| {name} | {n} |");
        }
    }
    let _ = writeln!(out, "| **all** | {} |", outcome.findings.len());
    if !outcome.findings.is_empty() {
        out.push_str("\n| finding | place | severity | verdict |\n| --- | --- | --- | --- |\n");
    }
    for f in &outcome.findings {
        let at = lines.get(f.path.as_str()).map_or(0, |l| l.chars(f.found.span).line);
        let _ = writeln!(
            out,
            "| {} | {}:{at} | {} | {}: {} |",
            markdown(f.rule.id),
            markdown(&f.path),
            f.severity().name(),
            f.verdict.name(),
            markdown(crate::why(&f.verdict).lines().next().unwrap_or(""))
        );
    }
    for f in &outcome.findings {
        if let Verdict::Fixed(fix) | Verdict::Fixable { fix, .. } = &f.verdict {
            let at = lines.get(f.path.as_str()).map_or(0, |l| l.chars(f.found.span).line);
            let _ = writeln!(out, "\n### {} in {}:{at}\n", markdown(&fix.title), markdown(&f.path));
            let _ = writeln!(out, "{}\n", markdown(&f.found.message));
            out.push_str(&fenced("diff", &fix.diff));
        }
    }
    for d in &outcome.diagnostics {
        let _ = writeln!(out, "\n> {}: {}", markdown(&d.path), markdown(&d.message));
    }
    out
}
