//! `code-injection`: code injection.

mod java_spel;
mod python_eval;

use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows};
use surefix_ir::Lang;
use surefix_models::Kind;
use surefix_text::{Fix, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "code-injection",
    title: "Code injection",
    cwe: &[94, 95, 917],
    severity: Severity::Critical,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::AttackOnly,
    page: include_str!("../../../../docs/rules/code-injection.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    let mut all = Vec::new();
    flows::report(cx, &META, &[Kind::Code], flows::any, &mut all);
    all.retain(|f| !java_spel::is_restricted(cx, f) && !python_eval::only_parses(f));
    out.append(&mut all);
}

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    match cx.detect.lang(found.file) {
        Lang::Java => java_spel::fix(cx, found),
        Lang::Python => python_eval::fix(cx, found),
    }
}
