//! Python (placeholder while the Java half settles).

use crate::{FixCx, Found};
use surefix_dataflow::Flow;
use surefix_text::{Fix, Reason, Refusal};

pub(super) fn fix(_cx: &FixCx<'_>, _found: &Found, _flow: &Flow) -> Result<Fix, Refusal> {
    Err(Refusal::new(Reason::NoRecipe, "no recipe covers this shape"))
}
