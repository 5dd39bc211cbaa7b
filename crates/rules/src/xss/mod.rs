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

/// Refuses to encode what code that is not known made of the input, when no markup stands around it: it may be JSON, or a page.
fn made_by_known_code(flow: &Flow, sites: &[Site], written: &str) -> Result<(), Refusal> {
    let unknown = |s: &TraceStep| s.what == StepKind::Through && s.name.is_empty();
    let markup = |s: &Site| s.around.iter().all(|(before, after)| before.contains('<') || after.contains('<'));
    if !flow.trace.iter().any(unknown) || written.contains('<') || sites.iter().all(markup) {
        return Ok(());
    }
    let why = "the response is what code that is not known makes of the input: it may be JSON or markup, which encoding would destroy";
    Err(Refusal::new(Reason::ContextUnsafe, why).with_steps(
        "Set the content type where the response is made: application/json or text/plain is not rendered, text/html wants \
         every value encoded.",
    ))
}

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    match cx.detect.lang(found.file) {
        Lang::Java => java_writer::fix(cx, found),
        Lang::Python => python::fix(cx, found),
    }
}
