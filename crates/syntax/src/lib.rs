//! What the host languages look like before any meaning: detection, comments, suppressions, style, kinds of files, and
//! the parsers with searches by span.

pub mod classify;
pub mod comments;
pub mod foreign;
pub mod java;
pub mod lang;
pub mod python;
pub mod style;
pub mod suppress;

pub use classify::{FileClass, classify};
pub use comments::{Comment, CommentKind, Piece, comments, pieces};
pub use lang::{Lang, detect};
pub use style::{Indent, Quote, Style};
pub use suppress::{Origin, Problem, Rules, Suppression, Suppressions};
