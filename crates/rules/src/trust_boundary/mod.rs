//! `trust-boundary`: untrusted data kept as if trusted.

use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows};
use surefix_ir::Lang;
use surefix_models::Kind;
use surefix_text::{Fix, Reason, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "trust-boundary",
    title: "Untrusted data kept as if trusted",
    cwe: &[501],
    severity: Severity::Medium,
    langs: &[Lang::Java],
    best_tier: Tier::Decision,
    page: include_str!("../../../../docs/rules/trust-boundary.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    flows::report(cx, &META, &[Kind::Trust], flows::any, out);
}

fn fix(_cx: &FixCx<'_>, _found: &Found) -> Result<Fix, Refusal> {
    Err(Refusal::new(Reason::NoRecipe, "no recipe covers this shape"))
}
