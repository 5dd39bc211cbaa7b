//! `hardcoded-secret`: secret written in the source code.

use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity};
use surefix_ir::Lang;
use surefix_text::{Fix, Reason, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "hardcoded-secret",
    title: "Secret written in the source code",
    cwe: &[798, 259, 321],
    severity: Severity::High,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::Refuse,
    page: include_str!("../../../../docs/rules/hardcoded-secret.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

fn detect(_cx: &DetectCx<'_>, _out: &mut Vec<Found>) {}

fn fix(_cx: &FixCx<'_>, _found: &Found) -> Result<Fix, Refusal> {
    Err(Refusal::new(Reason::NoRecipe, "no recipe covers this shape"))
}
