//! `unsafe-reflection`: class or member chosen by untrusted text.

mod listed;

use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows};
use surefix_dataflow::Flow;
use surefix_ir::Lang;
use surefix_models::Kind;
use surefix_text::{Fix, Reason, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "unsafe-reflection",
    title: "Class or member chosen by untrusted text",
    cwe: &[470],
    severity: Severity::High,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::Decision,
    page: include_str!("../../../../docs/rules/unsafe-reflection.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    let first = out.len();
    flows::report(cx, &META, &[Kind::Reflect], chosen, out);
    let mut at = 0;
    out.retain(|f| {
        at += 1;
        at <= first || !f.flow.as_ref().is_some_and(|flow| listed::is_listed(cx, flow))
    });
}

/// False for the method of the request: frameworks call the handler of its name only after the route has accepted it, and views
/// dispatch this way by design.
fn chosen(flow: &Flow) -> bool {
    !flow.source_name.ends_with("Request.method")
}

/// What a person does.
const STEPS: &str = "Map the caller's choice to a constant class, method or module with a `switch` or a table, with an error for everything else. \
    Where the result is used as one interface, `Class.forName(name, false, loader).asSubclass(Type.class)` at least keeps foreign \
    classes from being initialised.";

fn fix(_cx: &FixCx<'_>, _found: &Found) -> Result<Fix, Refusal> {
    let why = "only the owner of the project knows which classes or members may be named";
    Err(Refusal::new(Reason::DecisionNeeded, why).with_steps(STEPS))
}
