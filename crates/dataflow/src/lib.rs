//! Interprocedural data-flow analysis: which untrusted values reach which sinks, and what is known of each call argument.
//!
//! Input is a [`Program`] (IR modules and resource files) and a model set; output is an [`Analysis`]. The analysis does
//! not know rules: it answers with [`Flow`]s (a live source label at a sink) and [`CallFact`]s (calls that a model row watches).
//!
//! How it works: every function is interpreted abstractly once with symbolic parameters (`interp`); the result is a summary
//! that callers instantiate. Where a parameter decides something inside (a branch, an index, a callee, an
//! algorithm's name), the function is interpreted again for the caller's value of that parameter.

mod analyze;
mod arith;
mod builtins;
mod call;
mod collections;
mod entry;
mod graph;
mod guard;
mod heap;
mod instantiate;
mod interp;
mod intrinsics;
mod library;
mod names;
mod objects;
mod operate;
mod resources;
mod result;
mod reuse;
mod shared;
mod summary;
mod template;
mod unknown;
mod val;

pub use analyze::{Options, analyze, analyze_again};
pub use result::*;
pub use reuse::Reuse;
