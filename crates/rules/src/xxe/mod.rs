//! `xxe`: XML external entities.

mod java;
mod java_fix;
mod python;

use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity};
use surefix_ir::Lang;
use surefix_text::{Fix, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "xxe",
    title: "XML external entities",
    cwe: &[611, 776],
    severity: Severity::High,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::AttackOnly,
    page: include_str!("../../../../docs/rules/xxe.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    java::detect(cx, &META, out);
    python::detect(cx, &META, out);
}

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    match cx.detect.lang(found.file) {
        Lang::Java => java_fix::fix(cx, found),
        Lang::Python => python::fix(cx, found),
    }
}
