//! `open-redirect`: redirect to an untrusted address.

mod django;
mod local;

use crate::origins::Origins;
use crate::{Confidence, DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows, hosts};
use surefix_dataflow::{Flow, Frag, Shape};
use surefix_ir::{Callee, Lang, Op};
use surefix_models::Kind;
use surefix_text::{FileId, Fix, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "open-redirect",
    title: "Redirect to an untrusted address",
    cwe: &[601],
    severity: Severity::Medium,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::AttackOnly,
    page: include_str!("../../../../docs/rules/open-redirect.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    let first = out.len();
    flows::report(cx, &META, &[Kind::Redirect], flows::any, out);
    let mut at = 0;
    out.retain(|f| {
        at += 1;
        let harmless = |flow: &Flow| stays_here(cx, flow) || only_query(flow) || local::is_checked(cx, flow);
        at <= first || !f.flow.as_ref().is_some_and(|flow| harmless(flow))
    });
    for found in out.iter_mut().skip(first) {
        if found.flow.as_ref().is_some_and(|f| own_address(f) || checked(cx, f)) {
            found.confidence = Confidence::Low;
        }
    }
}

/// The address begins with a path of this site: a slash and a constant character that is no second slash.
fn stays_here(cx: &DetectCx<'_>, flow: &Flow) -> bool {
    let Some(origins) = Origins::of_sink(cx, flow) else { return false };
    let Some((value, _)) = hosts::address(cx, flow) else { return false };
    let Some(parts) = origins.parts(origins.behind(value)) else { return false };
    let head = parts.first().and_then(|p| origins.text(*p)).unwrap_or("");
    head.strip_prefix('/').and_then(|rest| rest.chars().next()).is_some_and(|c| c.is_alphanumeric() || c == '_')
}

/// The untrusted text stands behind a question mark or number sign of the program's own: it names no host.
fn only_query(flow: &Flow) -> bool {
    let behind = |s: &Shape| {
        for f in &s.frags {
            match f {
                Frag::Lit { text, .. } if text.contains(['?', '#']) => return true,
                Frag::Hole(h) if h.tainted => return false,
                Frag::Rep(_) => return false,
                _ => {}
            }
        }
        true
    };
    let tainted = |f: &Frag| matches!(f, Frag::Hole(h) if h.tainted);
    flow.shapes.iter().any(|s| s.frags.iter().any(tainted)) && flow.shapes.iter().all(behind)
}

/// The address of the request itself: it begins with a slash and was found by a route. Only `//host` would leave the site, which
/// routes do not match.
fn own_address(flow: &Flow) -> bool {
    const OWN: &[&str] = &[
        "Request.path",
        "Request.path_qs",
        "Request.path_info",
        "Request.full_path",
        "Request.get_full_path",
        "HttpServletRequest.getServletPath",
    ];
    OWN.iter().any(|o| flow.source_name.ends_with(o))
}

/// The function calls a check by the name that Django's had and that guides tell to write: the project's own check is not read
/// as one by the analysis.
fn checked(cx: &DetectCx<'_>, flow: &Flow) -> bool {
    const CHECKS: &[&str] = &[
        "is_safe_url",
        "is_safe_redirect",
        "is_safe_redirect_url",
        "is_safe_redirect_uri",
        "url_has_allowed_host_and_scheme",
        "isSafeUrl",
        "isSafeRedirect",
    ];
    let module = cx.module(FileId(flow.call.file));
    let Some(func) = module.functions.get(flow.call.func as usize) else { return false };
    func.instrs.iter().any(|i| {
        let Op::Call(c) = &i.op else { return false };
        let name = match &c.callee {
            Callee::Method { name, .. } => module.strings.get(*name),
            _ => i.span.of(cx.text(FileId(flow.call.file))).split('(').next().unwrap_or(""),
        };
        CHECKS.contains(&name.rsplit('.').next().unwrap_or(name).trim())
    })
}

/// What a person does.
const STEPS: &str = "Redirect to paths of this site only (one leading slash, no second slash or backslash, no control characters), or list the \
    hosts under `[decisions.open-redirect]` as `allowed-hosts` in surefix.toml, and the check is inserted.";

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    if cx.detect.lang(found.file) == Lang::Python
        && let Some(fix) = django::fix(cx, found)?
    {
        return Ok(fix);
    }
    if cx.detect.lang(found.file) == Lang::Python
        && cx.decisions.get(META.id, "allowed-hosts").is_empty()
        && let Some(fix) = local::fix(cx, found)?
    {
        return Ok(fix);
    }
    hosts::fix(cx, found, STEPS)
}
