//! `test`: everything that is needed to test, then the tests.

use anyhow::{Context, Result, anyhow, bail};
use std::process::Command;

/// Programs without which tests fail, and what to install for them.
const TOOLS: [(&str, &str, &str); 5] = [
    ("cc", "--version", "a C compiler"),
    ("javac", "-version", "a JDK"),
    ("mvn", "-version", "Maven"),
    ("python3", "--version", "Python 3"),
    ("git", "--version", "git"),
];

/// Fetches the pinned libraries, then runs `cargo test --workspace` with the arguments.
pub fn run(args: &[String]) -> Result<()> {
    let root = crate::root()?;
    let absent: Vec<String> = TOOLS
        .iter()
        .filter(|(program, flag, _)| !Command::new(program).arg(flag).output().is_ok_and(|o| o.status.success()))
        .map(|(program, _, what)| format!("{program} ({what})"))
        .collect();
    if !absent.is_empty() {
        bail!("missing on this machine: {}", absent.join(", "));
    }
    let jars = surefix_spec::libs::jars(&root).map_err(|e| anyhow!(e))?;
    let wheels = surefix_spec::libs::wheels(&root).map_err(|e| anyhow!(e))?;
    println!("{} jars, packages in {}", jars.len(), wheels.display());
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .current_dir(&root)
        .args(["test", "--workspace", "--no-fail-fast"])
        .args(args)
        .status()
        .context("cargo")?;
    if !status.success() {
        bail!("tests failed");
    }
    if args.is_empty() { crate::readme::check(&root) } else { Ok(()) }
}
