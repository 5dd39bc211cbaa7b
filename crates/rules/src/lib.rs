//! Vulnerability classes: metadata, detection, recipes. One folder (or file) per class; classes do not know each other.
//!
//! A rule reads the [`surefix_dataflow::Analysis`] and reports [`Found`]s; asked for a fix it returns
//! a [`Fix`] or a [`Refusal`]. Everything here is pure.

mod context;
mod meta;
mod registry;

pub use context::{Decisions, DetectCx, FixCx};
pub use meta::{Confidence, Found, RuleMeta, Severity};
pub use registry::{RULES, Rule, rule};
pub use surefix_text::{Fix, Refusal};
