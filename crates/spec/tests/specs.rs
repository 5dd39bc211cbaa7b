//! Runs every specification under `specs/`.
//!
//! `cargo test -p surefix-spec --test specs -- FILTER` runs those whose path or heading contains FILTER; `SUREFIX_BLESS=1`
//! takes over the diffs that come out.

use std::path::Path;
use std::process::ExitCode;
use surefix_spec::{Options, run};

fn main() -> ExitCode {
    let filter = std::env::args().skip(1).find(|a| !a.starts_with('-'));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let root = root.canonicalize().unwrap_or(root);
    let bless = std::env::var_os("SUREFIX_BLESS").is_some_and(|v| v == "1");
    let report = match run(&Options { root, filter, bless }) {
        Ok(r) => r,
        Err(e) => {
            eprintln!("specifications: {e}");
            return ExitCode::FAILURE;
        }
    };
    for f in &report.failures {
        println!("{f}\n");
    }
    for n in &report.notes {
        println!("{n}");
    }
    println!(
        "{} specifications, {} cases: {} compiled, {} executed, {} parsed only, {} known wrong answers, {} blocks rewritten; \
         {} examples on pages",
        report.specs,
        report.cases,
        report.compiled,
        report.executed,
        report.parsed_only,
        report.known,
        report.blessed,
        report.examples
    );
    let failed = report.failures.len();
    println!("specifications: {} passed, {failed} failed", (report.cases + report.examples).saturating_sub(failed));
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
