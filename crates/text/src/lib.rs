//! Source files, spans, edits and fixes: the bottom layer of Surefix.
//!
//! Everything above speaks of text in terms of [`Span`] (bytes of the decoded host file) and [`Edit`]. The only
//! overlap logic of the program lives in [`plan`].

mod fix;
mod span;

pub use fix::{Assurance, Edit, EditKind, Fix, Lowered, Reason, Refusal, Tier};
pub use span::{FileId, Span};
