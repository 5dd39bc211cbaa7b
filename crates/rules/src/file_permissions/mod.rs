//! `file-permissions`: file permissions open to other users.

mod java;
mod python;

use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows};
use surefix_ir::Lang;
use surefix_text::{FileId, Fix, Reason, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "file-permissions",
    title: "File permissions open to other users",
    cwe: &[732],
    severity: Severity::Medium,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::Observable,
    page: include_str!("../../../../docs/rules/file-permissions.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    for call in flows::watched(cx, &META) {
        let message = match cx.lang(FileId(call.file)) {
            Lang::Java => java::judge(call),
            Lang::Python => python::judge(call).map(|(_, what)| what).filter(|_| !python::restored(cx, call)),
        };
        if let Some(message) = message {
            out.push(flows::from_call(&META, call, "mode", message.to_string(), ""));
        }
    }
}

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let Some(call) = found.call() else { return Err(Refusal::new(Reason::ShapeUnknown, "the call is not known")) };
    match cx.detect.lang(found.file) {
        Lang::Java => java::fix(cx, found, call),
        Lang::Python => python::fix(cx, found, call),
    }
}
