//! Which commits a run compares: the tip and the base it grew from, fetched where a shallow clone lacks them.

use crate::git::GitError;
use crate::repo::Repo;

/// A tip and where it left the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// Commit that is judged.
    pub tip: String,
    /// Commit that the change grew from.
    pub base: String,
}

/// True for what can be a name of a branch or a commit: nothing that git would read as a pattern or a pair.
pub fn plain(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('-')
        && !name.contains("..")
        && !name.chars().any(|c| c.is_control() || " :*?[\\^~".contains(c))
}

/// How far a shallow clone is deepened, step by step; after that all of it is fetched.
const DEEPER: [&str; 3] = ["50", "200", "1000"];

impl Repo {
    /// The commit of a branch: as the remote has it, else the local one. It is fetched when it is not here.
    pub fn branch_commit(&self, remote: Option<&str>, branch: &str) -> Option<String> {
        if let Some(remote) = remote {
            let tracking = format!("refs/remotes/{remote}/{branch}");
            if let Some(c) = self.git.commit(&tracking) {
                return Some(c);
            }
            if let Some(c) = self.fetch(remote, &format!("refs/heads/{branch}")) {
                return Some(c);
            }
        }
        self.git.commit(&format!("refs/heads/{branch}"))
    }

    /// The newest commit of a branch of the remote, asked for now.
    pub fn fetch(&self, remote: &str, what: &str) -> Option<String> {
        if !plain(what) {
            return None;
        }
        let mut args = vec!["fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head"];
        if self.shallow() {
            args.push("--depth=50");
        }
        // A name of our own keeps the user's tracking branches as they are.
        let target = format!("+{what}:refs/surefix/fetched");
        args.extend(["--end-of-options", remote, target.as_str()]);
        let commit = self.net(remote).ok(&args).then(|| self.git.commit("refs/surefix/fetched")).flatten();
        self.git.ok(&["update-ref", "-d", "refs/surefix/fetched"]);
        commit
    }

    /// A commit that is here, or can be fetched by its id.
    pub fn bring(&self, remote: Option<&str>, commit: &str) -> Option<String> {
        if !commit.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        self.git.commit(commit).or_else(|| self.fetch(remote?, commit))
    }

    /// True when older commits are missing.
    pub fn shallow(&self) -> bool {
        self.git.maybe(&["rev-parse", "--is-shallow-repository"]).is_some_and(|t| t == "true")
    }

    /// Where the tip left the target. A shallow clone is deepened until the place is known.
    pub fn range(&self, remote: Option<&str>, tip: &str, target: &str) -> Result<Range, GitError> {
        let base = || self.git.maybe(&["merge-base", "--end-of-options", tip, target]);
        let mut found = base();
        if found.is_none()
            && self.shallow()
            && let Some(remote) = remote
        {
            for n in DEEPER {
                let deepen = format!("--deepen={n}");
                let args = ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules", &deepen, "--end-of-options"];
                let mut args = args.to_vec();
                args.extend([remote, tip, target]);
                self.net(remote).ok(&args);
                found = base();
                if found.is_some() || !self.shallow() {
                    break;
                }
            }
            if found.is_none() && self.shallow() {
                self.net(remote).ok(&["fetch", "--quiet", "--no-tags", "--unshallow", "--end-of-options", remote]);
                found = base();
            }
        }
        match found {
            Some(base) => Ok(Range { tip: tip.to_string(), base }),
            None => Err(GitError::State(
                "the change and its target have no common commit here; fetch more history (for example `fetch-depth: 0`)".into(),
            )),
        }
    }

    /// Paths that differ between two commits, from the top.
    pub fn changed_paths(&self, from: &str, to: &str) -> Result<Vec<String>, GitError> {
        self.git.paths(&[
            "diff",
            "--name-only",
            "--no-renames",
            "--no-ext-diff",
            "-z",
            "--end-of-options",
            from,
            to,
            "--",
        ])
    }

    /// The remote to work with: the one named, else `origin`, else the only one there is.
    pub fn remote(&self, named: Option<&str>) -> Result<Option<String>, GitError> {
        let all = self.git.text(&["remote"])?;
        let all: Vec<&str> = all.lines().collect();
        match named {
            Some(n) if all.contains(&n) => Ok(Some(n.to_string())),
            Some(n) => Err(GitError::State(format!("there is no remote `{}`", surefix_report::escape::line(n)))),
            None => Ok(all
                .iter()
                .find(|r| **r == "origin")
                .or(all.first().filter(|_| all.len() == 1))
                .map(|r| r.to_string())),
        }
    }

    /// The remote's default branch as the clone knows it.
    pub fn default_branch(&self, remote: Option<&str>) -> Option<String> {
        let remote = remote?;
        let name = self.git.maybe(&["symbolic-ref", "--quiet", "--short", &format!("refs/remotes/{remote}/HEAD")])?;
        name.strip_prefix(&format!("{remote}/")).map(str::to_string)
    }
}
