//! `nosql-injection`: NoSQL query injection.

mod java;
mod python;

use crate::shapes::no;
use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows};
use surefix_ir::Lang;
use surefix_models::Kind;
use surefix_text::{Fix, Reason, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "nosql-injection",
    title: "NoSQL query injection",
    cwe: &[943],
    severity: Severity::High,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::AttackOnly,
    page: include_str!("../../../../docs/rules/nosql-injection.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    let mut found = Vec::new();
    flows::report(cx, &META, &[Kind::NoSql], flows::any, &mut found);
    // A value below a comparison or update operator is compared or stored as it is; it cannot bring an operator.
    found.retain(|f| cx.lang(f.file) != Lang::Python || !python::is_harmless(cx, f));
    out.append(&mut found);
}

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let Some(flow) = found.flow.as_deref() else {
        return no(Reason::ShapeUnknown, "the way of the value is not known");
    };
    match cx.detect.lang(found.file) {
        Lang::Java => java::fix(cx, found, flow),
        Lang::Python => python::fix(cx, found, flow),
    }
}
