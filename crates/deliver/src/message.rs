//! Commit messages: what was wrong, why the change is right, what may behave differently, the evidence, and trailers that later
//! runs recognise.

use crate::compose::{Item, Unit};
use std::collections::BTreeSet;
use std::fmt::Write;
use surefix_engine::{Gate, GateResult};
use surefix_report::escape::line;
use surefix_text::Tier;

/// Trailer with the fingerprint of a finding that the commit fixes; one a finding.
pub const FINDING: &str = "Surefix-Finding";
/// Trailer with the recipes used; one a recipe.
pub const RECIPE: &str = "Surefix-Recipe";
/// Trailer with the worst tier of the commit's fixes.
pub const TIER: &str = "Surefix-Tier";
/// Trailer with the program's version.
pub const VERSION: &str = "Surefix-Version";

/// Longest subject, in characters.
const SUBJECT: usize = 72;

/// The message of a unit's commit. `prefix` stands before the subject as it is.
pub fn message(unit: &Unit, prefix: &str) -> String {
    let mut out = format!("{}{}\n", line(prefix), subject(unit, prefix.chars().count()));
    let many = unit.items.len() > 1;
    for i in &unit.items {
        let _ = writeln!(
            out,
            "\n{} ({}, {} severity, {} confidence) in {}:{}:\n{}",
            i.rule.title,
            cwe(i),
            i.rule.severity.name(),
            i.confidence.name(),
            line(&i.path),
            i.line,
            wrap(&line(&sentence(&i.message)), "")
        );
        if let Some(commit) = &i.regression {
            let _ = writeln!(out, "This flaw is back: commit {commit} had fixed it.");
        }
        if many {
            let _ = writeln!(out, "{}", wrap(&format!("The change: {}.", line(&i.fix.title)), ""));
        }
    }
    out.push('\n');
    if !many && let Some(i) = unit.items.first() {
        let _ = writeln!(out, "{}", wrap(&format!("The change: {}.", line(&i.fix.title)), ""));
    }
    let _ = writeln!(
        out,
        "{}",
        wrap(
            "It is right because the changed project was analysed again: the flaw is gone, and nothing else changed its verdict.",
            ""
        )
    );
    out.push('\n');
    for tier in unit.items.iter().map(|i| i.fix.tier).collect::<BTreeSet<_>>() {
        let _ = writeln!(
            out,
            "{}",
            wrap(&format!("What may behave differently ({}): {}", tier.name(), contract(tier)), "")
        );
    }
    let reasons: BTreeSet<&str> =
        unit.items.iter().flat_map(|i| i.fix.reasons.iter().map(|r| r.why.as_str())).collect();
    for r in reasons {
        let _ = writeln!(out, "{}", wrap(&format!("- {}", line(r)), "  "));
    }
    out.push_str("\nEvidence:\n");
    for e in evidence(unit) {
        let _ = writeln!(out, "{}", wrap(&format!("- {}", line(&e)), "  "));
    }
    if let Some(said) = untested(unit) {
        let _ = writeln!(out, "\n{said}");
    }
    out.push('\n');
    out.push_str(&trailers(unit));
    out
}

/// "Not built, not tested." as far as it holds.
pub fn untested(unit: &Unit) -> Option<&'static str> {
    let passed = |gate| unit.items.iter().all(|i| i.fix.evidence.iter().any(|e| e.gate == gate && e.not_run.is_none()));
    match (passed(Gate::Build), passed(Gate::Tests)) {
        (true, true) => None,
        (false, false) => Some("This commit was not built, not tested."),
        (true, false) => Some("This commit was built, but not tested."),
        (false, true) => Some("This commit was tested, but not built."),
    }
}

/// One line a gate; gates that went the same way in all fixes are said once.
pub fn evidence(unit: &Unit) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for gate in Gate::ALL {
        for i in &unit.items {
            for GateResult { not_run, .. } in i.fix.evidence.iter().filter(|e| e.gate == gate) {
                let said = match not_run {
                    None => format!("{}: passed", gate.name()),
                    Some(why) => format!("{}: not run ({why})", gate.name()),
                };
                if !out.contains(&said) {
                    out.push(said);
                }
            }
        }
    }
    for t in unit.tests() {
        let said = format!("test {} in {}: fails without the fix, passes with it", t.name, t.path);
        if !out.contains(&said) {
            out.push(said);
        }
    }
    out
}

/// What a tier promises, in words.
pub const fn contract(tier: Tier) -> &'static str {
    match tier {
        Tier::Preserving => "nothing; the result is the same for every input.",
        Tier::AttackOnly => "only attack-shaped input, which is now bound, escaped or rejected.",
        Tier::Observable => "a legitimate caller or deployment can notice the change.",
        Tier::Decision => "what the decision in the project's settings says.",
        Tier::Refuse => "unknown.",
    }
}

/// `CWE-89, CWE-90`.
pub fn cwe(item: &Item) -> String {
    item.rule.cwe.iter().map(|n| format!("CWE-{n}")).collect::<Vec<_>>().join(", ")
}

fn trailers(unit: &Unit) -> String {
    let mut out = String::new();
    for i in &unit.items {
        let _ = writeln!(out, "{FINDING}: {}", i.fingerprint);
    }
    for r in unit.items.iter().map(Item::recipe).collect::<BTreeSet<_>>() {
        let _ = writeln!(out, "{RECIPE}: {r}");
    }
    if let Some(tier) = unit.items.iter().map(|i| i.fix.tier).max() {
        let _ = writeln!(out, "{TIER}: {}", tier.name());
    }
    let _ = writeln!(out, "{VERSION}: {}", env!("CARGO_PKG_VERSION"));
    out
}

/// The subject line without the prefix, cut to its length.
fn subject(unit: &Unit, used: usize) -> String {
    let titles: BTreeSet<&str> = unit.items.iter().map(|i| i.fix.title.as_str()).collect();
    let rules: BTreeSet<&str> = unit.items.iter().map(|i| i.rule.id).collect();
    let files: BTreeSet<&str> = unit.items.iter().map(|i| i.path.as_str()).collect();
    let n = unit.items.len();
    let short = |path: &str| path.rsplit('/').next().unwrap_or(path).to_string();
    let text = match (titles.first(), files.first()) {
        (Some(title), Some(file)) if titles.len() == 1 && files.len() == 1 => format!("{title} in {}", short(file)),
        (Some(title), _) if titles.len() == 1 => format!("{title} in {} files", files.len()),
        _ => match rules.first() {
            Some(rule) if rules.len() == 1 => format!("Fix {n} findings of {rule}"),
            _ => format!("Fix {n} findings of {} rules", rules.len()),
        },
    };
    cut(&line(&text), SUBJECT.saturating_sub(used).max(24))
}

/// At most `max` characters, with an ellipsis when something is missing.
pub fn cut(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_string();
    }
    let mut out: String = text.chars().take(max.saturating_sub(1)).collect();
    out.truncate(out.trim_end().len());
    out.push('…');
    out
}

fn sentence(text: &str) -> String {
    let text = text.trim();
    if text.ends_with(['.', '!', '?']) { text.to_string() } else { format!("{text}.") }
}

/// Lines of at most 72 characters where there are spaces; later lines begin with `indent`.
fn wrap(text: &str, indent: &str) -> String {
    let mut out = String::new();
    let mut width = 0;
    for word in text.split(' ') {
        let n = word.chars().count();
        if width > 0 && width + 1 + n > 72 {
            out.push('\n');
            out.push_str(indent);
            width = indent.len();
        } else if width > 0 {
            out.push(' ');
            width += 1;
        }
        out.push_str(word);
        width += n;
    }
    out
}
