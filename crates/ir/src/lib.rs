//! The language-neutral intermediate representation (IR): what every front end produces and the analysis reads.
//!
//! One [`Module`] per source file. Functions are control-flow graphs of blocks; values are in static single assignment
//! form: a [`ValueId`] is the index of the [`Instr`] that defines it. Locals are renamed by [`build::FnBuilder`]; the
//! heap stays in memory form (loads and stores). Nothing here knows a host language.

pub mod build;
mod func;
mod intern;
mod module;
pub mod text;
pub mod validate;

pub use func::*;
pub use intern::{Interner, Sym};
pub use module::*;
