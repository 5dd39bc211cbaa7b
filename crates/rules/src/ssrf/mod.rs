//! `ssrf`: server-side request forgery.

use crate::origins::Origins;
use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows, hosts};
use surefix_dataflow::Flow;
use surefix_ir::Lang;
use surefix_models::Kind;
use surefix_text::{FileId, Fix, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "ssrf",
    title: "Server-side request forgery",
    cwe: &[918],
    severity: Severity::High,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::Decision,
    page: include_str!("../../../../docs/rules/ssrf.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    for flow in cx.analysis.flows.iter().filter(|f| f.kind == Kind::Ssrf) {
        if META.langs.contains(&cx.lang(FileId(flow.call.file))) && !names_host(cx, flow) {
            out.push(flows::from_flow(&META, flow));
        }
    }
}

/// The address begins with a constant scheme, host and slash, so that the caller chooses only what to fetch there.
fn names_host(cx: &DetectCx<'_>, flow: &Flow) -> bool {
    let Some(origins) = Origins::of_sink(cx, flow) else { return false };
    let Some((value, _)) = hosts::address(cx, flow) else { return false };
    let Some(parts) = origins.parts(origins.behind(value)) else { return false };
    let head = parts.first().and_then(|p| origins.text(*p)).unwrap_or("");
    head.split_once("://").is_some_and(|(_, rest)| rest.find('/').is_some_and(|at| at > 0))
}

/// What a person does.
const STEPS: &str = "List the hosts that the program may contact under `[decisions.ssrf]` as `allowed-hosts` in surefix.toml, and the check is \
    inserted. Where any host is meant (web hooks), resolve the name, refuse private, loopback and link-local addresses of every \
    answer, connect to the address that was checked, and do not follow redirects unchecked.";

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    hosts::fix(cx, found, STEPS)
}
