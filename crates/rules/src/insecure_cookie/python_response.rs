//! Keyword arguments of `set_cookie`.

use super::NOTICED;
use crate::{FixCx, Found};
use surefix_text::{Assurance, Fix, Reason, Refusal, Tier};

pub(super) fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let Some(call) = found.call() else { return Err(Refusal::new(Reason::NoRecipe, "the call is not known")) };
    let py = cx.python(found.file);
    py.no_error_at(call.span)?;
    if py.args(call.span).iter().filter(|a| a.name.is_none()).count() > 6 {
        return Err(Refusal::new(Reason::NoRecipe, "the flags are given by position"));
    }
    let mut edits = Vec::new();
    let at = py.args(call.span).len();
    for (name, wanted) in [("secure", found.variant != "http-only"), ("httponly", found.variant != "secure")] {
        if wanted {
            if py.keyword(call.span, name).is_some() {
                py.set_keyword(call.span, name, "True", &mut edits)?;
            } else {
                py.insert_arg(call.span, at, &format!("{name}=True"), &mut edits)?;
            }
        }
    }
    let mut assurance = Assurance::start(Tier::Observable);
    assurance.lower(Tier::Observable, NOTICED);
    Ok(Fix { title: "Set the flags that protect the cookie".to_string(), edits, assurance, needs: Vec::new() })
}
