//! The pipeline snippet of the README is executed as it stands, on a copy of the examples.

use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::Command;

/// The shell block of the README that is marked with `ci`.
fn snippet(readme: &str) -> Option<&str> {
    let (_, rest) = readme.split_once("\n```sh ci\n")?;
    Some(rest.split("\n```").next().unwrap_or(rest))
}

/// Runs the snippet: it must fail because flaws remain, and leave a report and a patch that applies.
pub fn check(root: &Path) -> Result<()> {
    let readme = std::fs::read_to_string(root.join("README.md")).context("README.md")?;
    let snippet = snippet(&readme).context("README.md has no block `sh ci`")?;
    let work = tempfile::tempdir()?;
    let tree = work.path().join("tree");
    copy(&root.join("examples"), &tree)?;
    let git = |args: &[&str]| Command::new("git").current_dir(&tree).args(args).output().context("git");
    git(&["init", "-q"])?;
    // The program is installed as the snippet says, only without optimisation, so that what the tests built is used again.
    let tools = work.path().join("tools");
    std::fs::create_dir_all(&tools)?;
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let shim = tools.join("cargo");
    std::fs::write(&shim, format!("#!/bin/sh\nexec \"{cargo}\" \"$@\" --debug --quiet\n"))?;
    let status = Command::new("chmod").arg("+x").arg(&shim).status().context("chmod")?;
    if !status.success() {
        bail!("chmod failed");
    }
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap_or_default());
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| root.join("target").into());
    // HOME moves, so cargo and rustup are told where theirs are.
    let home = std::env::var("HOME").unwrap_or_default();
    let or_home = |name: &str, folder: &str| std::env::var(name).unwrap_or_else(|_| format!("{home}/{folder}"));
    let out = Command::new("sh")
        .current_dir(&tree)
        .args(["-c", snippet])
        .env("PATH", path)
        .env("CARGO_HOME", or_home("CARGO_HOME", ".cargo"))
        .env("RUSTUP_HOME", or_home("RUSTUP_HOME", ".rustup"))
        .env("HOME", work.path())
        .env("SUREFIX_SOURCE", root)
        .env("CARGO_TARGET_DIR", target)
        .output()
        .context("sh")?;
    let said = String::from_utf8_lossy(&out.stderr);
    if out.status.code() != Some(1) {
        bail!("the README's pipeline ended with {} instead of 1 (flaws remain):\n{said}", out.status);
    }
    let sarif = std::fs::read_to_string(tree.join("surefix.sarif")).context("surefix.sarif")?;
    let sarif: serde_json::Value = serde_json::from_str(&sarif).context("surefix.sarif")?;
    let results = sarif["runs"][0]["results"].as_array().map_or(0, Vec::len);
    let applies = git(&["apply", "--check", "surefix.patch"])?;
    if results == 0 || !applies.status.success() {
        let why = String::from_utf8_lossy(&applies.stderr);
        bail!("the README's pipeline left {results} results and a patch that git says of: {why}");
    }
    println!("the README's pipeline: {results} results, and the patch applies");
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn finds_the_marked_block() {
        assert_eq!(super::snippet("a\n```sh ci\nx\ny\n```\nz"), Some("x\ny"));
        assert_eq!(super::snippet("a\n```sh\nx\n```\n"), None);
    }
}
