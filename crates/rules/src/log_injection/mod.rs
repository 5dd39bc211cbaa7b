//! `log-injection`: log entries forged by untrusted text.

mod java;
mod python;

use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows, line_breaks};
use surefix_ir::Lang;
use surefix_models::Kind;
use surefix_text::{Fix, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "log-injection",
    title: "Log entries forged by untrusted text",
    cwe: &[117],
    severity: Severity::Low,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::AttackOnly,
    page: include_str!("../../../../docs/rules/log-injection.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    flows::report(cx, &META, &[Kind::Log], python::one_text, out);
}

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let mut fix = match cx.detect.lang(found.file) {
        Lang::Java => java::fix(cx, found),
        Lang::Python => line_breaks::fix_python(cx, found, "Take line breaks out of the logged value"),
    }?;
    let name = found.flow.as_ref().map_or("", |f| f.source_name.as_str());
    if BODIES.iter().any(|b| name.ends_with(b)) {
        fix.assurance
            .lower(Tier::Observable, "bodies of requests have several lines by nature, which are logged as one");
    }
    Ok(fix)
}

/// Sources that are the body of a request: documents, not names.
const BODIES: &[&str] = &[
    "HttpRequest.body",
    "Request.body",
    "Request.data",
    "Request.get_data",
    "ServletRequest.getInputStream",
    "ServletRequest.getReader",
];
