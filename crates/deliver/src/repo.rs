//! The user's repository: its state, temporary work trees, and how a new commit comes into a checkout without touching anything
//! that is not committed.

use crate::git::{Git, GitError, Login};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use surefix_engine::discover::io_text;

/// What has been begun in a repository and must be finished first.
const UNDER_WAY: [(&str, &str); 6] = [
    ("MERGE_HEAD", "a merge"),
    ("CHERRY_PICK_HEAD", "a cherry-pick"),
    ("REVERT_HEAD", "a revert"),
    ("rebase-merge", "a rebase"),
    ("rebase-apply", "a rebase"),
    ("BISECT_START", "a bisection"),
];

/// A repository with a commit.
#[derive(Clone, Debug)]
pub struct Repo {
    /// Git at the top of the work tree.
    pub git: Git,
    /// The commit that is checked out.
    pub head: String,
    /// The branch that is checked out, without `refs/heads/`; `None`: detached.
    pub branch: Option<String>,
    /// What the remote's server wants to see.
    pub login: Option<Login>,
}

impl Repo {
    /// Opens the repository around `dir`.
    pub fn open(git: &Git) -> Result<Repo, GitError> {
        git.check_version()?;
        let top = git.text(&["rev-parse", "--show-toplevel"]).map_err(|e| match e {
            GitError::Failed { words, .. } if words.contains("dubious ownership") => GitError::State(
                "git does not trust this repository, because it belongs to another user (see `safe.directory` in `git help config`)"
                    .to_string(),
            ),
            GitError::Failed { words, .. } if words.contains("work tree") => {
                GitError::State("a bare repository has no files to fix; use a clone with a work tree".to_string())
            }
            GitError::Failed { .. } => GitError::State("not a git repository".to_string()),
            other => other,
        })?;
        let git = git.at(PathBuf::from(top));
        let head = git.commit("HEAD").ok_or_else(|| GitError::State("the repository has no commit yet".to_string()))?;
        let branch = git.maybe(&["symbolic-ref", "--quiet", "--short", "HEAD"]);
        Ok(Repo { git, head, branch, login: None })
    }

    /// Git that speaks to a remote: with the token, where the remote's address is one that it is for.
    pub(crate) fn net(&self, remote: &str) -> Git {
        let Some(login) = &self.login else { return self.git.clone() };
        let url = self.git.maybe(&["remote", "get-url", "--push", "--", remote]).unwrap_or_default();
        let bare = crate::secret::without_credentials(&url).replace("***@", "");
        if bare.starts_with(&login.base) { self.git.with_login(login) } else { self.git.clone() }
    }

    /// The top of the work tree.
    pub fn top(&self) -> &Path {
        self.git.dir()
    }

    /// Refuses while something is under way that a commit would get mixed up with.
    pub fn at_rest(&self) -> Result<(), GitError> {
        for (name, what) in UNDER_WAY {
            let path = self.git.text(&["rev-parse", "--git-path", name])?;
            if self.top().join(path).exists() {
                return Err(GitError::State(format!("{what} is under way; finish or abort it first")));
            }
        }
        Ok(())
    }

    /// Paths, from the top, whose index or work tree differs from the commit that is checked out.
    pub fn uncommitted(&self) -> Result<BTreeSet<String>, GitError> {
        let mut out = BTreeSet::new();
        let plain = ["diff", "--name-only", "--no-renames", "--no-ext-diff", "--ignore-submodules=all", "-z"];
        for cached in [false, true] {
            let mut args = plain.to_vec();
            args.extend(cached.then_some("--cached"));
            args.extend(["HEAD", "--"]);
            out.extend(self.git.paths(&args)?);
        }
        Ok(out)
    }

    /// Moves the checkout from `old` to `new`: its branch (or the detached head), and those files and index entries that differ
    /// between the two. Everything else, staged or not, stays as it is. Refused as a whole when a file concerned has been
    /// changed, or when the head is not `old` any more.
    pub fn advance(&self, old: &str, new: &str) -> Result<(), GitError> {
        // Times of files that were only touched are no change.
        let refresh = ["update-index", "-q", "--refresh"];
        self.git.output(&refresh, b"")?;
        if self.git.commit("HEAD").as_deref() != Some(old) {
            return Err(GitError::State("the branch was moved meanwhile; nothing was changed".to_string()));
        }
        self.git.bytes(&["read-tree", "-m", "-u", old, new], b"")?;
        let moved = self.git.bytes(&["update-ref", "-m", "surefix: commit fixes", "HEAD", new, old], b"");
        if let Err(e) = moved {
            self.git.bytes(&["read-tree", "-m", "-u", new, old], b"")?;
            return Err(e);
        }
        Ok(())
    }

    /// A temporary work tree with the files of a commit, outside of the user's checkout.
    pub fn worktree(&self, commit: &str) -> Result<Worktree, GitError> {
        let io = |e: std::io::Error| GitError::Io { path: "temporary directory".to_string(), why: io_text(&e) };
        let dir = tempfile::Builder::new().prefix("surefix-tree-").tempdir().map_err(io)?;
        let path = dir.path().canonicalize().map_err(io)?.join("tree");
        let shown =
            path.to_str().ok_or_else(|| GitError::State("the temporary directory's name is not UTF-8".into()))?;
        let tree = Worktree { git: self.git.at(&path), home: self.git.clone(), path: shown.to_string(), _dir: dir };
        // Without a checkout no hook runs, and what the commit holds comes in the next step.
        self.git.bytes(&["worktree", "add", "--quiet", "--detach", "--no-checkout", "--", shown, commit], b"")?;
        tree.git.bytes(&["read-tree", "--reset", "-u", "HEAD"], b"")?;
        Ok(tree)
    }
}

/// A work tree of its own that goes away with this value.
pub struct Worktree {
    /// Git in it.
    pub git: Git,
    home: Git,
    path: String,
    _dir: tempfile::TempDir,
}

impl Worktree {
    /// Its top.
    pub fn path(&self) -> &Path {
        self.git.dir()
    }

    /// Puts it at another commit.
    pub fn reset(&self, commit: &str) -> Result<(), GitError> {
        self.git.bytes(&["reset", "--quiet", "--hard", commit], b"").map(drop)
    }
}

impl Drop for Worktree {
    fn drop(&mut self) {
        // What cannot be removed now, `git worktree prune` and the system's own clean-up take.
        let _ = self.home.output(&["worktree", "remove", "--force", "--force", "--", &self.path], b"");
    }
}
