//! What libraries do, as data: sources, sinks, sanitizers, propagators, return types, watched calls.
//!
//! One TOML file per library lies in `models/<language>/<library>.toml`; they are compiled into the binary ([`builtin`]) and
//! users add their own ([`load`]). The format is described in [`schema`]; [`ModelSet`] answers look-ups by qualified name.

mod callfix;
mod intrinsics;
mod kinds;
mod load;
mod lookup;
mod parse;
mod raw;
mod row;
pub mod schema;

pub use callfix::{Ask, CallFix, Change, FixTier, Test, callables};
pub use intrinsics::INTRINSICS;
pub use kinds::{Kind, Kinds, SourceKind};
pub use load::{ModelError, builtin, builtin_errors, load};
pub use row::*;
