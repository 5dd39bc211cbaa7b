//! `insecure-temp-file`: insecure temporary file.

mod java;
mod python;

use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows};
use surefix_ir::Lang;
use surefix_text::{Fix, Reason, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "insecure-temp-file",
    title: "Insecure temporary file",
    cwe: &[377, 379],
    severity: Severity::Medium,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::AttackOnly,
    page: include_str!("../../../../docs/rules/insecure-temp-file.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    for call in flows::watched(cx, &META) {
        let message = match call.callee.as_str() {
            "tempfile.mktemp" => "Another user can create the file between the choice of its name and its first use",
            "java.io.File.createTempFile" => "The temporary file can be read by every user of the machine",
            "com.google.common.io.Files.createTempDir" => {
                "The temporary directory can be read by every user of the machine"
            }
            _ => continue,
        };
        out.push(flows::from_call(&META, call, "call", message.to_string(), ""));
    }
}

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let Some(call) = found.call() else { return Err(Refusal::new(Reason::ShapeUnknown, "the call is not known")) };
    match cx.detect.lang(found.file) {
        Lang::Java => java::fix(cx, found, call),
        Lang::Python => python::fix(cx, found, call),
    }
}
