//! `open-redirect`: redirect to an untrusted address.

mod django;

use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows, hosts};
use surefix_ir::Lang;
use surefix_models::Kind;
use surefix_text::{Fix, Refusal, Tier};

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
    flows::report(cx, &META, &[Kind::Redirect], flows::any, out);
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
    hosts::fix(cx, found, STEPS)
}
