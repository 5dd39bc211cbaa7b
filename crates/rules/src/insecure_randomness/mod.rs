//! `insecure-randomness`: predictable random numbers where unpredictable ones are needed.

use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity};
use surefix_ir::Lang;
use surefix_text::{Fix, Reason, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "insecure-randomness",
    title: "Predictable random numbers where unpredictable ones are needed",
    cwe: &[330, 338],
    severity: Severity::Medium,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::Preserving,
    page: include_str!("../../../../docs/rules/insecure-randomness.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

fn detect(_cx: &DetectCx<'_>, _out: &mut Vec<Found>) {}

fn fix(_cx: &FixCx<'_>, _found: &Found) -> Result<Fix, Refusal> {
    Err(Refusal::new(Reason::NoRecipe, "no recipe covers this shape"))
}
