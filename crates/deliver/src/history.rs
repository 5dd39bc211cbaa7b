//! What earlier commits say: which findings they fixed, and which of them were taken back.

use crate::git::{Git, GitError};
use crate::message::{FINDING, VERSION};
use std::collections::BTreeMap;

/// A fix in the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// The commit.
    pub commit: String,
    /// The later commit by which somebody took it back.
    pub reverted_by: Option<String>,
}

/// Fixes in the history of a commit, by the finding's fingerprint; of several the latest one.
pub fn earlier(git: &Git, head: &str) -> Result<BTreeMap<String, Earlier>, GitError> {
    let args = [
        "log",
        "--format=%H%x00%B%x00",
        "--extended-regexp",
        &format!("--grep=^{FINDING}: [0-9a-f]{{32}}$"),
        "--grep=^This reverts commit [0-9a-f]{7,64}",
        "--end-of-options",
        head,
        "--",
    ];
    let bytes = git.bytes(&args, b"")?;
    let text = String::from_utf8_lossy(&bytes);
    let mut out: BTreeMap<String, Earlier> = BTreeMap::new();
    // From the newest on: a revert is seen before what it reverts.
    let mut reverts: Vec<(String, String)> = Vec::new();
    let mut parts = text.split('\0');
    while let (Some(commit), Some(body)) = (parts.next(), parts.next()) {
        let commit = commit.trim();
        for line in body.lines() {
            if let Some(rest) = line.strip_prefix("This reverts commit ") {
                let id: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
                // A revert that was itself reverted does not count.
                if !reverts.iter().any(|(of, _)| commit.starts_with(of.as_str())) {
                    reverts.push((id, commit.to_string()));
                }
            } else if let Some(print) = line.strip_prefix(FINDING).and_then(|r| r.strip_prefix(": ")) {
                let by = reverts.iter().find(|(of, _)| commit.starts_with(of.as_str())).map(|(_, by)| by.clone());
                out.entry(print.trim().to_string())
                    .or_insert_with(|| Earlier { commit: commit.to_string(), reverted_by: by });
            }
        }
    }
    Ok(out)
}

/// True when a commit changes a file, named from the top of the repository.
pub fn touches(git: &Git, commit: &str, path: &str) -> bool {
    let args =
        ["diff-tree", "-r", "--root", "--no-commit-id", "--name-only", "-m", "--end-of-options", commit, "--", path];
    git.maybe(&args).is_some()
}

/// True when the commit was made by this program.
pub fn is_ours(git: &Git, commit: &str) -> bool {
    git.maybe(&["log", "-1", "--format=%B", "--end-of-options", commit, "--"])
        .is_some_and(|body| body.lines().any(|l| l.starts_with(VERSION) && l[VERSION.len()..].starts_with(": ")))
}

/// True when every commit in `base..tip` was made by this program.
pub fn all_ours(git: &Git, base: &str, tip: &str) -> Result<bool, GitError> {
    let range = format!("{base}..{tip}");
    let list = git.text(&["rev-list", "--end-of-options", &range, "--"])?;
    Ok(list.lines().all(|c| is_ours(git, c)))
}
