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

/// What a person does.
const STEPS: &str = "Validate the value before it is stored (the pattern, range or set that this attribute may hold), or store what was looked up \
    with it. Code that reads the session must be able to trust what it finds there.";

fn fix(_cx: &FixCx<'_>, _found: &Found) -> Result<Fix, Refusal> {
    let why = "only the owner of the project knows which values this attribute of the session may hold";
    Err(Refusal::new(Reason::DecisionNeeded, why).with_steps(STEPS))
}
