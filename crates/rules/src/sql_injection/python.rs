//! Python database libraries.

use crate::{FixCx, Found};
use surefix_dataflow::Flow;
use surefix_text::{Fix, Reason, Refusal};

pub(crate) fn fix(_cx: &FixCx<'_>, _found: &Found, _flow: &Flow) -> Result<Fix, Refusal> {
    Err(Refusal::new(Reason::NoRecipe, "no recipe covers this library"))
}
