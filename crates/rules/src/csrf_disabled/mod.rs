//! `csrf-disabled`: protection against cross-site request forgery switched off.

mod python;
mod spring;

use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows};
use surefix_ir::Lang;
use surefix_text::{Assurance, FileId, Fix, Reason, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "csrf-disabled",
    title: "Protection against cross-site request forgery switched off",
    cwe: &[352],
    severity: Severity::Medium,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::Observable,
    page: include_str!("../../../../docs/rules/csrf-disabled.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    for call in flows::watched(cx, &META) {
        match cx.lang(FileId(call.file)) {
            Lang::Java => spring::detect(cx, call, out),
            Lang::Python => {
                if call.callee == "flask_wtf.csrf.CSRFProtect.exempt" {
                    let mut f = flows::from_call(&META, call, "exempt", message("this view"), "exempt");
                    f.confidence = python::confidence(cx, call.file, call.stmt);
                    out.push(f);
                }
            }
        }
    }
    python::detect(cx, out);
}

fn message(what: &str) -> String {
    format!("Other sites can send requests in the name of a logged-in user: {what} is not protected")
}

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let mut edits = Vec::new();
    let note = match found.variant {
        "spring" => {
            spring::fix(cx, found, &mut edits)?;
            "forms and scripts that change data have to send the token; Spring's form tags and Thymeleaf do so by themselves"
        }
        "flask" => {
            cx.python(found.file).replace_expr(found.span, "True", &mut edits)?;
            "forms without the hidden token field are rejected"
        }
        _ => {
            return Err(Refusal::new(Reason::DecisionNeeded, "whether other sites have to call this view is not written in the code").with_steps(
                "If browsers with a session call the view: remove the exemption and send the token with the form or script. If other systems call \
                 it (a webhook): keep the exemption, check their signature or key in the view, and read no session.",
            ));
        }
    };
    let mut assurance = Assurance::start(Tier::Observable);
    assurance.lower(Tier::Observable, note);
    Ok(Fix {
        title: "Switch the protection against forged requests on".to_string(),
        edits,
        assurance,
        needs: Vec::new(),
    })
}
