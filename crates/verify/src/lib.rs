//! The project's own build and tests as a judge of fixes: what to run, a copy to run it on, a sandbox around it, what was so
//! before, whom to blame when it got worse, and the proof of it all.
//!
//! This crate starts processes and reads what they leave; it never writes into the project.

pub mod bisect;
mod cache;
pub mod find;
pub mod judge;
pub mod keep;
pub mod plan;
pub mod probe;
pub mod proof;
pub mod results;
pub mod run;
pub mod sandbox;
pub mod scratch;
pub mod session;
pub mod tester;
pub mod undo;
pub mod units;

/// A set of globs; those that are not valid were refused with the settings.
fn globs(list: &[String]) -> globset::GlobSet {
    let mut b = globset::GlobSetBuilder::new();
    for g in list.iter().filter_map(|g| globset::Glob::new(g).ok()) {
        b.add(g);
    }
    b.build().unwrap_or_else(|_| globset::GlobSet::empty())
}
