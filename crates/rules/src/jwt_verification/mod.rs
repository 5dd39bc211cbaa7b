//! `jwt-verification`: token accepted without verification.

mod java;
mod python;

use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows};
use surefix_ir::Lang;
use surefix_text::{Assurance, FileId, Fix, Reason, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "jwt-verification",
    title: "Token accepted without verification",
    cwe: &[347],
    severity: Severity::Critical,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::Observable,
    page: include_str!("../../../../docs/rules/jwt-verification.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    for call in flows::watched(cx, &META) {
        let judged = match cx.lang(FileId(call.file)) {
            Lang::Java => java::judge(cx, call),
            Lang::Python => python::judge(cx, call),
        };
        if let Some((variant, confidence)) = judged {
            let message =
                "The token is believed without a check of its signature, so anybody can write one".to_string();
            let mut found = flows::from_call(&META, call, "signature", message, variant);
            found.confidence = confidence;
            out.push(found);
        }
    }
}

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let Some(call) = found.call() else { return Err(Refusal::new(Reason::NoRecipe, "the call is not known")) };
    let mut edits = Vec::new();
    match cx.detect.lang(found.file) {
        Lang::Java => java::fix(cx, found, call, &mut edits)?,
        Lang::Python => python::fix(cx, found, call, &mut edits)?,
    }
    let mut assurance = Assurance::start(Tier::Observable);
    assurance.lower(Tier::Observable, "tokens without a valid signature, which were accepted, now raise an error");
    Ok(Fix { title: "Verify the token's signature".to_string(), edits, assurance, needs: Vec::new() })
}

/// The refusal where no key is at hand.
fn no_key(why: &str) -> Refusal {
    Refusal::new(Reason::DecisionNeeded, why).with_steps(
        "Find out who issues the tokens, load their key from the configuration, and verify with it and with the one algorithm they use. \
         Reject what does not verify before any claim is read.",
    )
}
