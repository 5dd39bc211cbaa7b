//! `missing-timeout`: network call without a timeout.

use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity};
use surefix_ir::Lang;
use surefix_text::{Fix, Reason, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "missing-timeout",
    title: "Network call without a timeout",
    cwe: &[400, 1088],
    severity: Severity::Low,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::Observable,
    page: include_str!("../../../../docs/rules/missing-timeout.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

fn detect(_cx: &DetectCx<'_>, _out: &mut Vec<Found>) {}

fn fix(_cx: &FixCx<'_>, _found: &Found) -> Result<Fix, Refusal> {
    Err(Refusal::new(Reason::NoRecipe, "no recipe covers this shape"))
}
