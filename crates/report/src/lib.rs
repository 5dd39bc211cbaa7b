//! Output formats: terminal, JSON, SARIF 2.1.0, Markdown, unified diff. The only crate that knows them.
//!
//! Everything that comes from scanned code or from file names is made harmless on the way out ([`escape`]).

pub mod escape;
pub mod json;
pub mod markdown;
pub mod pipeline;
mod place;
pub mod sarif;
pub mod terminal;

use surefix_engine::{Changed, Outcome};

/// The unified diff of all changed files, as `git apply` takes it; raw bytes, because files need not be UTF-8. `prefix` is the
/// root's place in its git repository: git reads the paths of a diff from the top.
pub fn patch(outcome: &Outcome, prefix: &str) -> Vec<u8> {
    let one = |c: &Changed| surefix_engine::diff_bytes(&below(prefix, &c.path), c.bytes_before(), c.bytes_after());
    outcome.changed.iter().flat_map(one).collect()
}

/// The patch that takes [`patch`] back.
pub fn undo_patch(outcome: &Outcome, prefix: &str) -> Vec<u8> {
    let one = |c: &Changed| surefix_engine::diff_bytes(&below(prefix, &c.path), c.bytes_after(), c.bytes_before());
    outcome.changed.iter().flat_map(one).collect()
}

/// A path as git names it: from the top of the repository.
pub(crate) fn below(prefix: &str, path: &str) -> String {
    if prefix.is_empty() { path.to_string() } else { format!("{prefix}/{path}") }
}

/// What every format says of a verdict beyond its name, one line.
pub fn why(verdict: &surefix_engine::Verdict) -> String {
    use surefix_engine::Verdict as V;
    match verdict {
        V::Fixed(fix) | V::Fixable { fix, policy: None } => format!("{} (tier {})", fix.title, fix.tier.name()),
        V::Fixable { fix, policy: Some(p) } => {
            format!("{} (tier {}); not applied: {}", fix.title, fix.tier.name(), p.detail)
        }
        V::Rejected { title, gate, detail } => format!("{title}: refused by gate {}: {detail}", gate.name()),
        V::Abstained(r) => format!("{}: {}", r.reason.code(), r.detail),
        V::FalsePositive { proof } => proof.clone(),
        V::Suppressed { by } => by.clone(),
        V::Excluded { why } | V::Stale { why } => why.clone(),
    }
}
