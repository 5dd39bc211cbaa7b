//! `timing-unsafe-comparison`: comparison of secrets in variable time.

use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity};
use surefix_ir::Lang;
use surefix_text::{Fix, Reason, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "timing-unsafe-comparison",
    title: "Comparison of secrets in variable time",
    cwe: &[208],
    severity: Severity::Low,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::Preserving,
    page: include_str!("../../../../docs/rules/timing-unsafe-comparison.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

fn detect(_cx: &DetectCx<'_>, _out: &mut Vec<Found>) {}

fn fix(_cx: &FixCx<'_>, _found: &Found) -> Result<Fix, Refusal> {
    Err(Refusal::new(Reason::NoRecipe, "no recipe covers this shape"))
}
