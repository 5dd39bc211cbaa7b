//! Titles and descriptions of requests, and the note of a suggestion. Everything from the scanned code is escaped.

use crate::compose::{Item, Unit};
use crate::message::{contract, cut, cwe, evidence, untested};
use crate::requests::{Group, Mark};
use std::fmt::Write;
use surefix_report::escape::{fenced, line, markdown};

/// Longest description, in characters; forges take more, readers do not.
const MAX: usize = 60_000;

/// The title of a group's request.
pub fn title(group: &Group, units: &[Unit], prefix: &str) -> String {
    let items: Vec<&Item> = units.iter().flat_map(|u| &u.items).collect();
    let text = match items.as_slice() {
        [one] => format!("Fix {} in {}", one.rule.id, one.path.rsplit('/').next().unwrap_or(&one.path)),
        _ => format!("Fix {} findings: {}", items.len(), group.name),
    };
    cut(&line(&format!("{prefix}{text}")), 120)
}

/// The description of a group's request.
pub fn description(group: &Group, units: &[Unit]) -> String {
    let mut out = String::new();
    let n: usize = units.iter().map(|u| u.items.len()).sum();
    let _ = writeln!(
        out,
        "Surefix found {n} security {} and fixed {} in {} {}. Each commit is complete by itself.\n",
        if n == 1 { "flaw" } else { "flaws" },
        if n == 1 { "it" } else { "them" },
        units.len(),
        if units.len() == 1 { "commit" } else { "commits" },
    );
    out.push_str("| finding | place | CWE | severity | tier |\n| --- | --- | --- | --- | --- |\n");
    for i in units.iter().flat_map(|u| &u.items) {
        let _ = writeln!(
            out,
            "| {} | {}:{} | {} | {} | {} |",
            markdown(i.rule.title),
            markdown(&i.path),
            i.line,
            cwe(i),
            i.rule.severity.name(),
            i.fix.tier.name()
        );
    }
    for (k, u) in units.iter().enumerate() {
        let part = unit(u);
        if out.chars().count() + part.chars().count() > MAX {
            let _ =
                writeln!(out, "\n{} more commits are not shown here; their messages say the same.", units.len() - k);
            break;
        }
        out.push_str(&part);
    }
    out.push_str("\n### If you do not want this\n\n");
    out.push_str("- Close the request: these findings are not offered again.\n");
    out.push_str("- Take single commits out; each stands for itself.\n");
    out.push_str("- Accept a finding for good: a comment `surefix: ignore[RULE] -- REASON` on its line, or in `surefix.toml`:\n\n");
    let first = units.iter().flat_map(|u| &u.items).next();
    let print = first.map_or("", |i| i.fingerprint.as_str());
    let _ = writeln!(out, "```toml\n[[suppress]]\nfingerprint = \"{print}\"\nreason = \"why\"\n```\n");
    let mark = Mark { group: group.key.clone(), findings: group.findings.iter().cloned().collect(), gone: false };
    let _ = writeln!(out, "{}", mark.write());
    out
}

fn unit(u: &Unit) -> String {
    let mut out = String::new();
    let mut shown: Vec<&str> = Vec::new();
    for i in &u.items {
        let _ = writeln!(out, "\n### {} in {}:{}\n", markdown(i.rule.title), markdown(&i.path), i.line);
        let _ = writeln!(out, "{}\n", markdown(&i.message));
        if let Some(commit) = &i.regression {
            let _ = writeln!(out, "This flaw is back: commit {commit} had fixed it.\n");
        }
        let _ = writeln!(
            out,
            "{}. What may behave differently (`{}`): {}\n",
            markdown(&i.fix.title),
            i.fix.tier.name(),
            contract(i.fix.tier)
        );
        for r in &i.fix.reasons {
            let _ = writeln!(out, "- {}", markdown(&r.why));
        }
        if !shown.contains(&i.fix.diff.as_str()) {
            let _ = write!(out, "\n{}", fenced("diff", &i.fix.diff));
            shown.push(&i.fix.diff);
        }
    }
    out.push_str("\n<details><summary>Evidence</summary>\n\n");
    for e in evidence(u) {
        let _ = writeln!(out, "- {}", markdown(&e));
    }
    if let Some(said) = untested(u) {
        let _ = writeln!(out, "\n{said}");
    }
    out.push_str("\n</details>\n");
    out
}

/// What a comment says when a request is closed because its findings are gone.
pub const GONE: &str = "The findings that this request fixes are not in the code any more. Closed by Surefix.";

/// The note above a suggestion, with its mark as the last line.
pub fn note(u: &Unit) -> String {
    let mut out = String::new();
    for i in &u.items {
        let _ = writeln!(out, "**{}** ({}): {}\n", markdown(i.rule.title), cwe(i), markdown(&i.message));
    }
    if let Some(i) = u.items.first() {
        let _ = writeln!(out, "{}. Tier `{}`: {}", markdown(&i.fix.title), i.fix.tier.name(), contract(i.fix.tier));
    }
    if let Some(said) = untested(u) {
        let _ = writeln!(out, "\n{said}");
    }
    let mark = Mark {
        group: "suggestion".to_string(),
        findings: u.items.iter().map(|i| i.fingerprint.clone()).collect(),
        gone: false,
    };
    let _ = write!(out, "\n{}", mark.write());
    out
}
