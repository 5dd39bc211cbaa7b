//! The list of rules.

use crate::{DetectCx, FixCx, Found, RuleMeta};
use surefix_text::{Fix, Refusal};

/// A vulnerability class: constant metadata and two functions.
#[derive(Clone, Copy)]
pub struct Rule {
    /// Metadata.
    pub meta: RuleMeta,
    /// Reports findings; cheap. Order does not matter, the engine sorts.
    pub detect: fn(&DetectCx<'_>, &mut Vec<Found>),
    /// Plans the fix of one finding of this rule.
    pub fix: fn(&FixCx<'_>, &Found) -> Result<Fix, Refusal>,
}

/// Every rule, sorted by id.
pub static RULES: &[Rule] = &[];

/// The rule with this id.
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|r| r.meta.id == id)
}
