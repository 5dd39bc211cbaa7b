//! What libraries do, as data: sources, sinks, sanitizers, propagators, return types, watched calls.
//!
//! One TOML file per library lies in `models/<language>/<library>.toml`; they are compiled into the binary and users add
//! their own. The format is described in [`schema`]; [`ModelSet`] answers look-ups by qualified name.

mod kinds;
mod row;
pub mod schema;

pub use kinds::{Kind, Kinds, SourceKind};
pub use row::*;
