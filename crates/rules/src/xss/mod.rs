//! `xss`: cross-site scripting.

mod content_type;
mod java_writer;
mod python;

use crate::operands::Site;
use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows};
use surefix_dataflow::{Flow, StepKind, TraceStep};
use surefix_ir::Lang;
use surefix_models::Kind;
use surefix_text::{Fix, Reason, Refusal, Tier};

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
        let other = |flow: &Flow| {
            python::sent_as_json(cx, flow)
                || python::other_type_later(cx, flow)
                || content_type::declared_otherwise(cx, flow)
        };
        at <= first || !f.flow.as_ref().is_some_and(|flow| other(flow))
    });
    python::environments(cx, &META, out);
}

/// True when markup stands around a value wherever it goes.
fn stands_in_markup(site: &Site) -> bool {
    site.around.iter().all(|(before, after)| before.contains('<') || after.contains('<'))
}

/// Refuses to encode what code that is not known made of the input, when no markup stands around it: it may be JSON, or a page.
fn made_by_known_code(flow: &Flow, sites: &[Site], written: &str) -> Result<(), Refusal> {
    let unknown = |s: &TraceStep| s.what == StepKind::Through && s.name.is_empty();
    if !flow.trace.iter().any(unknown) || written.contains('<') || sites.iter().all(stands_in_markup) {
        return Ok(());
    }
    let why = "the response is what code that is not known makes of the input: it may be JSON or markup, which encoding would destroy";
    Err(Refusal::new(Reason::ContextUnsafe, why).with_steps(
        "Set the content type where the response is made: application/json or text/plain is not rendered, text/html wants \
         every value encoded.",
    ))
}

/// Methods that write values as JSON.
const SERIALIZERS: &[&str] = &[
    "dumps",
    "json_encode",
    "model_dump_json",
    "to_json",
    "toJSONString",
    "toJson",
    "toPrettyString",
    "writeValueAsString",
];

/// Refuses where the last thing that was made of the input is JSON, whoever made it.
fn made_as_json(flow: &Flow) -> Result<(), Refusal> {
    let makes = |s: &&TraceStep| matches!(s.what, StepKind::Through | StepKind::Concat);
    let last = flow.trace.iter().rev().find(makes).map_or("", |s| s.name.rsplit('.').next().unwrap_or(""));
    if !SERIALIZERS.contains(&last) {
        return Ok(());
    }
    let why = "the text is JSON: escaping for a page would change what programs read";
    Err(Refusal::new(Reason::ContextUnsafe, why).with_steps(
        "Say that the response is JSON, so that browsers do not show it as a page: `mimetype=\"application/json\"` or `jsonify` in Flask, \
         `JsonResponse` in Django, `setContentType(\"application/json\")` in a servlet.",
    ))
}

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    if let Some(flow) = &found.flow {
        made_as_json(flow)?;
    }
    match cx.detect.lang(found.file) {
        Lang::Java => java_writer::fix(cx, found),
        Lang::Python => python::fix(cx, found),
    }
}
