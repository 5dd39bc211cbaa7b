//! `static-iv`: initialisation vector that never changes.

use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity};
use surefix_ir::Lang;
use surefix_text::{Fix, Reason, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "static-iv",
    title: "Initialisation vector that never changes",
    cwe: &[329, 1204],
    severity: Severity::High,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::Decision,
    page: include_str!("../../../../docs/rules/static-iv.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

fn detect(_cx: &DetectCx<'_>, _out: &mut Vec<Found>) {}

fn fix(_cx: &FixCx<'_>, _found: &Found) -> Result<Fix, Refusal> {
    Err(Refusal::new(Reason::NoRecipe, "no recipe covers this shape"))
}
