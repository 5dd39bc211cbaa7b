//! `header-injection`: HTTP response splitting.

mod java;

use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows, line_breaks};
use surefix_dataflow::Flow;
use surefix_ir::Lang;
use surefix_models::Kind;
use surefix_text::{Fix, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "header-injection",
    title: "HTTP response splitting",
    cwe: &[113],
    severity: Severity::Medium,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::AttackOnly,
    page: include_str!("../../../../docs/rules/header-injection.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    flows::report(cx, &META, &[Kind::Header], is_response, out);
}

/// False for headers of requests that the program itself sends: the JDK's clients refuse line breaks.
fn is_response(flow: &Flow) -> bool {
    !flow.call.callee.starts_with("java.net.")
}

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    match cx.detect.lang(found.file) {
        Lang::Java => java::fix(cx, found),
        Lang::Python => line_breaks::fix_python(cx, found, "Take line breaks out of the header"),
    }
}
