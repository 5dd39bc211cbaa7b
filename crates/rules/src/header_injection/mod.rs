//! `header-injection`: HTTP response splitting.

mod java;

use crate::{Confidence, DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows, line_breaks};
use surefix_dataflow::{Flow, Frag};
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
    let first = out.len();
    flows::report(cx, &META, &[Kind::Header], is_response, out);
    for f in out.iter_mut().skip(first).filter(|f| CHECKED.contains(&f.sink.as_str())) {
        // Containers refuse line breaks in cookies: a flow with any doubt is no news.
        f.confidence = match f.confidence {
            Confidence::High => Confidence::Medium,
            Confidence::Medium | Confidence::Low => Confidence::Low,
        };
    }
}

/// Headers that servlet containers write by rules of their own: control characters in a cookie's name or value are an error.
const CHECKED: &[&str] = &[
    "javax.servlet.http.Cookie.<init>",
    "javax.servlet.http.Cookie.setValue",
    "javax.servlet.http.HttpServletResponse.addCookie",
];

/// False for headers of requests that the program itself sends: the JDK's clients refuse line breaks.
fn is_response(flow: &Flow) -> bool {
    // Text that is known through and through, and holds nothing untrusted, is constant.
    let constant = !flow.shapes.is_empty() && flow.shapes.iter().all(|s| s.frags.iter().all(is_constant));
    !flow.call.callee.starts_with("java.net.") && !constant
}

fn is_constant(frag: &Frag) -> bool {
    match frag {
        Frag::Lit { .. } => true,
        Frag::Hole(_) => false,
        Frag::Rep(turn) => turn.iter().all(is_constant),
    }
}

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    match cx.detect.lang(found.file) {
        Lang::Java => java::fix(cx, found),
        Lang::Python => line_breaks::fix_python(cx, found, "Take line breaks out of the header"),
    }
}
