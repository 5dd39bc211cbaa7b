//! Pushing: never with force over what somebody else made, with the token in the environment of that one command.

use crate::git::GitError;
use crate::repo::Repo;

/// What a push may replace.
#[derive(Clone, Copy, Debug)]
pub enum Over<'a> {
    /// Only what the new commit grew from.
    Ancestor,
    /// Exactly this commit, or nothing when the branch must not be there yet.
    Exactly(Option<&'a str>),
}

impl Repo {
    /// Pushes a commit to a branch of the remote.
    pub fn push(&self, remote: &str, commit: &str, branch: &str, over: Over<'_>) -> Result<(), GitError> {
        if !crate::range::plain(branch) {
            return Err(GitError::State("the branch's name is none that git takes".to_string()));
        }
        let git = self.net(remote);
        let refspec = format!("{commit}:refs/heads/{branch}");
        // A hook of the clone is the repository's code; with a token at hand it is not run.
        let mut args = vec!["push".to_string(), "--quiet".into(), "--no-verify".into(), "--porcelain".into()];
        args.push("--recurse-submodules=no".into());
        if let Over::Exactly(old) = over {
            args.push(format!("--force-with-lease=refs/heads/{branch}:{}", old.unwrap_or_default()));
        }
        args.extend(["--end-of-options".to_string(), remote.to_string(), refspec]);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let out = git.output(&args, b"")?;
        if out.status.success() { Ok(()) } else { Err(git.failed(&args, &out)) }
    }

    /// Removes a branch of the remote, if it still is this commit.
    pub fn remove_branch(&self, remote: &str, branch: &str, at: &str) -> Result<(), GitError> {
        let git = self.net(remote);
        let lease = format!("--force-with-lease=refs/heads/{branch}:{at}");
        let refspec = format!(":refs/heads/{branch}");
        git.bytes(&["push", "--quiet", "--no-verify", &lease, "--end-of-options", remote, &refspec], b"").map(drop)
    }

    /// Branches of the remote below a prefix, with their commits.
    pub fn remote_branches(&self, remote: &str, prefix: &str) -> Result<Vec<(String, String)>, GitError> {
        let git = self.net(remote);
        let pattern = format!("refs/heads/{prefix}*");
        let text = git.text(&["ls-remote", "--quiet", "--end-of-options", remote, &pattern])?;
        Ok(text
            .lines()
            .filter_map(|l| {
                let (commit, name) = l.split_once('\t')?;
                Some((name.strip_prefix("refs/heads/")?.to_string(), commit.to_string()))
            })
            .collect())
    }
}
