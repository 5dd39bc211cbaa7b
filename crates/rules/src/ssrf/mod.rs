//! `ssrf`: server-side request forgery.

use crate::origins::Origins;
use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows, hosts};
use surefix_dataflow::{Flow, Frag, Shape};
use surefix_ir::{Callee, Lang, Op};
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
    let begins = |s: &Shape| {
        let mut head = String::new();
        for frag in &s.frags {
            let Frag::Lit { text, .. } = frag else { break };
            head.push_str(text);
        }
        host_is_fixed(&head)
    };
    if !flow.shapes.is_empty() && flow.shapes.iter().all(begins) {
        return true;
    }
    let Some(origins) = Origins::of_sink(cx, flow) else { return false };
    let Some((value, _)) = hosts::address(cx, flow) else { return false };
    let value = origins.behind(value);
    if let Some(Op::Call(c)) = origins.op(value)
        && let Callee::Method { recv, name } = &c.callee
        && origins.module.strings.get(*name) == "format"
    {
        let template = origins.behind(*recv);
        let pieces = origins.parts(template).unwrap_or_else(|| vec![template]);
        let constant: Option<String> = pieces.iter().map(|p| origins.text(*p)).collect();
        return constant.is_some_and(|t| t.split('{').next().is_some_and(host_is_fixed));
    }
    let Some(parts) = origins.parts(value) else { return false };
    let head = parts.first().and_then(|p| origins.text(*p)).unwrap_or("");
    host_is_fixed(head)
}

/// True when `head` holds the scheme and the whole host of an address.
fn host_is_fixed(head: &str) -> bool {
    head.split_once("://").is_some_and(|(_, rest)| rest.find(['/', '?', '#']).is_some_and(|at| at > 0))
}

/// What a person does.
const STEPS: &str = "List the hosts that the program may contact under `[decisions.ssrf]` as `allowed-hosts` in surefix.toml, and the check is \
    inserted. Where any host is meant (web hooks), resolve the name, refuse private, loopback and link-local addresses of every \
    answer, connect to the address that was checked, and do not follow redirects unchecked.";

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    hosts::fix(cx, found, STEPS)
}
