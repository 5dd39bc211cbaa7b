//! `unsafe-reflection`: class or member chosen by untrusted text.

use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows};
use surefix_ir::Lang;
use surefix_models::Kind;
use surefix_text::{Fix, Reason, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "unsafe-reflection",
    title: "Class or member chosen by untrusted text",
    cwe: &[470],
    severity: Severity::High,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::Decision,
    page: include_str!("../../../../docs/rules/unsafe-reflection.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    flows::report(cx, &META, &[Kind::Reflect], flows::any, out);
}

fn fix(_cx: &FixCx<'_>, _found: &Found) -> Result<Fix, Refusal> {
    Err(Refusal::new(Reason::NoRecipe, "no recipe covers this shape"))
}
