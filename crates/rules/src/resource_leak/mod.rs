//! `resource-leak`: resource that is not closed.

use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity};
use surefix_ir::Lang;
use surefix_text::{Fix, Reason, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "resource-leak",
    title: "Resource that is not closed",
    cwe: &[772, 404],
    severity: Severity::Low,
    langs: &[Lang::Java],
    best_tier: Tier::Preserving,
    page: include_str!("../../../../docs/rules/resource-leak.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

fn detect(_cx: &DetectCx<'_>, _out: &mut Vec<Found>) {}

fn fix(_cx: &FixCx<'_>, _found: &Found) -> Result<Fix, Refusal> {
    Err(Refusal::new(Reason::NoRecipe, "no recipe covers this shape"))
}
