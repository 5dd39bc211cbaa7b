//! Interprocedural data-flow analysis: which untrusted values reach which sinks, and what is known of each call argument.
//!
//! Input is a [`Program`] (IR modules and resource files) and a model set; output is an [`Analysis`]. The analysis does
//! not know rules: it answers with [`Flow`]s (a live source label at a sink) and [`CallFact`]s (calls that a model row watches).

mod result;

pub use result::*;
