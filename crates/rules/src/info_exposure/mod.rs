//! `info-exposure`: internal details sent to the client.

mod java;
mod python;

use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows};
use surefix_ir::Lang;
use surefix_models::Kind;
use surefix_text::{Fix, Refusal, Tier};

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
    let mut all = Vec::new();
    flows::report(cx, &META, &[Kind::Info], flows::any, &mut all);
    all.retain(|f| java::is_internal(cx, f));
    out.append(&mut all);
    java::printed_traces(cx, &META, out);
}

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    match cx.detect.lang(found.file) {
        Lang::Java => java::fix(cx, found),
        Lang::Python => python::fix(cx, found),
    }
}
