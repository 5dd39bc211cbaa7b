//! `xss`: cross-site scripting.

mod content_type;
mod java_writer;
mod python;

use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows};
use surefix_ir::Lang;
use surefix_models::Kind;
use surefix_text::{Fix, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "xss",
    title: "Cross-site scripting",
    cwe: &[79, 80],
    severity: Severity::High,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::AttackOnly,
    page: include_str!("../../../../docs/rules/xss.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    let first = out.len();
    flows::report(cx, &META, &[Kind::Xss], content_type::is_page, out);
    let mut at = 0;
    out.retain(|f| {
        at += 1;
        let other = |flow: &surefix_dataflow::Flow| {
            python::other_type_later(cx, flow) || content_type::declared_otherwise(cx, flow)
        };
        at <= first || !f.flow.as_ref().is_some_and(|flow| other(flow))
    });
    python::environments(cx, &META, out);
}

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, surefix_text::Refusal> {
    match cx.detect.lang(found.file) {
        Lang::Java => java_writer::fix(cx, found),
        Lang::Python => python::fix(cx, found),
    }
}
