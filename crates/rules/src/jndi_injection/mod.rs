//! `jndi-injection`: JNDI look-up of an untrusted name.

use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows};
use surefix_ir::Lang;
use surefix_models::Kind;
use surefix_text::{Fix, Reason, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "jndi-injection",
    title: "JNDI look-up of an untrusted name",
    cwe: &[74, 502],
    severity: Severity::Critical,
    langs: &[Lang::Java],
    best_tier: Tier::Decision,
    page: include_str!("../../../../docs/rules/jndi-injection.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    flows::report(cx, &META, &[Kind::Jndi], flows::any, out);
}

/// What a person does.
const STEPS: &str = "Map the caller's choice to a constant name. Where a part of a name must come from outside, put it behind `java:comp/env/` and allow \
    letters, digits and `_` only. Lists of forbidden schemes miss some (`ldaps:`, `iiop:`, `corbaname:`).";

fn fix(_cx: &FixCx<'_>, _found: &Found) -> Result<Fix, Refusal> {
    let why = "only the owner of the project knows which names may be looked up";
    Err(Refusal::new(Reason::DecisionNeeded, why).with_steps(STEPS))
}
