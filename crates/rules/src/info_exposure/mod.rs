//! `info-exposure`: internal details sent to the client.

use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows};
use surefix_ir::Lang;
use surefix_models::Kind;
use surefix_text::{Fix, Reason, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "info-exposure",
    title: "Internal details sent to the client",
    cwe: &[209, 497],
    severity: Severity::Low,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::Observable,
    page: include_str!("../../../../docs/rules/info-exposure.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    flows::report(cx, &META, &[Kind::Info], flows::any, out);
}

fn fix(_cx: &FixCx<'_>, _found: &Found) -> Result<Fix, Refusal> {
    Err(Refusal::new(Reason::NoRecipe, "no recipe covers this shape"))
}
