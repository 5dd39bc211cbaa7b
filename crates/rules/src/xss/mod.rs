//! `xss`: cross-site scripting.

mod java_writer;
mod python;

use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows};
use surefix_dataflow::{ArgFact, ConstVal, Flow};
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
    flows::report(cx, &META, &[Kind::Xss], is_page, out);
    let mut at = 0;
    out.retain(|f| {
        at += 1;
        at <= first || !f.flow.as_ref().is_some_and(|flow| python::other_type_later(cx, flow))
    });
    python::environments(cx, &META, out);
}

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, surefix_text::Refusal> {
    match cx.detect.lang(found.file) {
        Lang::Java => java_writer::fix(cx, found),
        Lang::Python => python::fix(cx, found),
    }
}

/// False when the response is known not to be a page: its content type is set to something that browsers do not render as HTML.
fn is_page(flow: &Flow) -> bool {
    let call = &flow.call;
    // A body of unknown type is written by whatever converter takes it: as JSON, or byte by byte. Only texts are pages.
    let body = flow.arg.and_then(|a| call.args.get(a)).filter(|_| call.callee.starts_with("org.springframework.http."));
    if body.is_some_and(|b| b.types.is_empty() && b.shapes.is_empty() && b.consts.is_none()) {
        return false;
    }
    let props = call.recv.iter().chain(&call.args).find_map(content_type);
    let keyword = call.args.iter().find(|a| matches!(a.keyword.as_str(), "content_type" | "mimetype" | "media_type"));
    let known = keyword.and_then(|a| a.consts.as_deref()).or(props);
    match known {
        Some(values) if !values.is_empty() => values.iter().any(|v| match v {
            ConstVal::Str(s) => renders(s),
            ConstVal::Ref(name) => !harmless_constant(name),
            // Unset again.
            _ => true,
        }),
        _ => true,
    }
}

fn content_type(fact: &ArgFact) -> Option<&[ConstVal]> {
    ["content_type", "contentType", "content-type", "mimetype", "media_type"]
        .iter()
        .find_map(|k| fact.props.get(*k).and_then(|v| v.as_deref()))
}

/// True for the types in which a browser runs scripts.
fn renders(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    essence.is_empty()
        || essence.contains("html")
        || essence.contains("xml")
        || essence == "*/*"
        || !essence.contains('/')
}

/// `MediaType.APPLICATION_JSON` and the like.
fn harmless_constant(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or("").to_ascii_uppercase();
    ["JSON", "TEXT_PLAIN", "OCTET_STREAM", "PDF", "CSV", "IMAGE_", "EVENT_STREAM", "NDJSON"]
        .iter()
        .any(|k| last.contains(k))
        && !last.contains("XML")
        && !last.contains("HTML")
}
