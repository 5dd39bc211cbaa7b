//! `random.f(…)` → `secrets.SystemRandom().f(…)`: the same methods and distributions, numbers from the system.

use crate::{FixCx, Found};
use surefix_text::{Assurance, Edit, Fix, Reason, Refusal, Tier};

pub(super) fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let no = |why: &str| Err(Refusal::new(Reason::NoRecipe, why));
    let Some(call) = found.call() else { return no("the call is not known") };
    let Some(method) = call.callee.strip_prefix("random.").filter(|m| !m.contains('.')) else {
        return no(
            "only functions of the module random have a drop-in replacement; a generator object may be shared and seeded",
        );
    };
    let py = cx.python(found.file);
    py.no_error_at(call.span)?;
    let Some(callee) = py.callee(call.span) else { return no("the call has no plain callee") };
    let mut edits = Vec::new();
    let module = py.bring("secrets", call.span, &mut edits)?;
    // `choice` exists in the module itself; everything else is a method of the system's generator.
    let new = if method == "choice" { format!("{module}.choice") } else { format!("{module}.SystemRandom().{method}") };
    edits.push(Edit::replace(found.file, callee, new));
    Ok(Fix {
        title: "Draw the secret from the system's random number generator".to_string(),
        edits,
        assurance: Assurance::start(Tier::Preserving),
        needs: vec![(found.file, "secrets".to_string())],
    })
}
