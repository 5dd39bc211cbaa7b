//! Services that recipes ask: imports, statements, arguments, names, literals and manifests.
//!
//! Each service works on texts it is given, pushes [`surefix_text::Edit`]s, and can say no with a
//! [`surefix_text::Refusal`]. A service that refuses has pushed nothing.
//!
//! * [`JavaCx`] and [`PyCx`]: one file of a language, its tree parsed on first use.
//! * [`LiteralMap`]: from the value of a string literal back to its bytes, so that a fix can edit inside the token.
//! * [`Project`]: build files, language levels, dependencies.

pub mod formats;
pub mod java;
pub mod layout;
pub mod literal;
pub mod project;
pub mod python;
pub mod unused;
mod wrap;

pub use java::JavaCx;
pub use java::locals::Uses;
pub use literal::LiteralMap;
pub use project::{MANIFEST_BASE, Project, is_test_path};
pub use python::PyCx;
