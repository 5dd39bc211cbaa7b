//! Source files, spans, edits and fixes: the bottom layer of Surefix.
//!
//! Everything above speaks of text in terms of [`Span`] (bytes of the decoded host file) and [`Edit`]. The only
//! overlap logic of the program lives in [`plan`].

pub mod diff;
mod embed;
mod fix;
mod lines;
pub mod plan;
mod source;
mod span;

pub use embed::Region;
pub use fix::{Assurance, Edit, EditKind, Fix, Lowered, Reason, Refusal, Tier};
pub use lines::{LineIndex, Position};
pub use plan::{ApplyError, Conflict, ConflictKind, EditPlan, OffsetMap};
pub use source::{DecodeError, EncodeError, Encoding, Eol, SourceFile};
pub use span::{FileId, Span};
