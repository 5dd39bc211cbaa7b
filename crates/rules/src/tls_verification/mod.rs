//! `tls-verification`: certificates or host names are not verified.

pub(crate) mod choice;
mod java;
mod python;

use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows};
use surefix_ir::Lang;
use surefix_text::{Assurance, FileId, Fix, Reason, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "tls-verification",
    title: "Certificates or host names are not verified",
    cwe: &[295, 297],
    severity: Severity::High,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::Observable,
    page: include_str!("../../../../docs/rules/tls-verification.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    for call in flows::watched(cx, &META) {
        let judged = match cx.lang(FileId(call.file)) {
            Lang::Java => java::judge(cx, call),
            Lang::Python => python::judge(cx, call),
        };
        if let Some((subject, what, variant)) = judged {
            out.push(flows::from_call(&META, call, subject, what.to_string(), variant));
        }
    }
}

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let Some(call) = found.call() else { return Err(Refusal::new(Reason::NoRecipe, "the call is not known")) };
    choice::none_made(cx, found)?;
    let mut edits = Vec::new();
    match cx.detect.lang(found.file) {
        Lang::Java => java::fix(cx, found, call, &mut edits)?,
        Lang::Python => python::fix(cx, found, call, &mut edits)?,
    }
    let mut assurance = Assurance::start(Tier::Observable);
    assurance.lower(Tier::Observable, NOTICED);
    Ok(Fix { title: "Verify certificates and host names".to_string(), edits, assurance, needs: Vec::new() })
}

/// The note on who can notice.
const NOTICED: &str = "servers with a self-signed certificate or another name are refused until their certificate is put into a trust store";
