//! The project's own tasks: `cargo xtask TASK`.

mod bench;
mod eval;
mod fuzz;
mod models;
mod mutate;
mod new_rule;
mod readme;
mod test;
mod tidy;

use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask TASK

  test [ARGS]                         fetch the pinned jars and wheels, then run all tests (ARGS go to cargo test)
  tidy                                edges between crates, paths named in documents, file lengths, module docs, rules
  models --check [LIB...]             resolve every row of the models against the real libraries
  new-rule ID --cwe N [--title TEXT]  a new rule: its room, page and specification
  eval --expected CSV --sarif FILE    rates of a labelled suite; --list names the wrong answers
  eval --mutate SRC OUT --expected CSV  a copy of a suite under other names and constants
  bench FOLDER... [--runs N]          parse-only, cold scan, fix: time, lines a second, memory, growth
  fuzz [--seconds N] [--seed N] [FOLDER...]  broken and arbitrary files through parsing, lowering, validation and fixing
";

/// Root of the repository.
pub fn root() -> Result<PathBuf> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    dir.canonicalize().context("the repository's root")
}

fn run() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((task, rest)) = args.split_first() else { bail!("{USAGE}") };
    match task.as_str() {
        "test" => test::run(rest),
        "tidy" => tidy::run(),
        "models" => models::run(rest),
        "new-rule" => new_rule::run(rest),
        "eval" => eval::run(rest),
        "bench" => bench::run(rest),
        "fuzz" => fuzz::run(rest),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            Ok(())
        }
        other => bail!("unknown task `{other}`\n\n{USAGE}"),
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("error: {e:#}");
            ExitCode::FAILURE
        }
    }
}
