//! `template-injection`: template built from untrusted text.

mod python;

use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows};
use surefix_ir::Lang;
use surefix_models::Kind;
use surefix_text::{Fix, Reason, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "template-injection",
    title: "Template built from untrusted text",
    cwe: &[1336, 94],
    severity: Severity::Critical,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::AttackOnly,
    page: include_str!("../../../../docs/rules/template-injection.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    flows::report(cx, &META, &[Kind::Template], flows::any, out);
}

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    match cx.detect.lang(found.file) {
        Lang::Java => Err(Refusal::new(
            Reason::NoLocalFix,
            "the text of a template is untrusted: it can call whatever the engine reaches",
        )
        .with_steps(STEPS)),
        Lang::Python => python::fix(cx, found),
    }
}

const STEPS: &str = "1. Keep the template's text in the program or in a file of the application.\n\
    2. Give untrusted values to the template as variables.\n\
    3. Where users must write templates, use an engine without access to objects (Mustache), or a sandbox with an allow-list.";
