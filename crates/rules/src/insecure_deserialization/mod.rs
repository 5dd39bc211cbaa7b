//! `insecure-deserialization`: deserialization of untrusted data.

mod java;
mod python;

use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows};
use surefix_ir::Lang;
use surefix_models::Kind;
use surefix_text::{Fix, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "insecure-deserialization",
    title: "Deserialization of untrusted data",
    cwe: &[502],
    severity: Severity::Critical,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::AttackOnly,
    page: include_str!("../../../../docs/rules/insecure-deserialization.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    let mut all = Vec::new();
    flows::report(cx, &META, &[Kind::Deser], flows::any, &mut all);
    all.retain(|f| !java::is_safe(cx, f) && !python::is_safe(cx, f));
    java::default_typing(cx, &META, &mut all);
    python::loaders(cx, &META, &mut all);
    out.append(&mut all);
}

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    match cx.detect.lang(found.file) {
        Lang::Java => java::fix(cx, found),
        Lang::Python => python::fix(cx, found),
    }
}
