//! Commits, made by the user's own git in a temporary work tree: its hooks run, it signs and signs off as configured, and the
//! user's index and files are not touched.

use crate::compose::Unit;
use crate::git::{Git, GitError};
use crate::message::message;
use crate::repo::Worktree;
use std::io::Write;
use std::path::Path;
use surefix_engine::discover::io_text;

/// How commits are made.
#[derive(Clone, Debug, Default)]
pub struct CommitStyle {
    /// Stands before the subject.
    pub prefix: String,
    /// Author as `Name <mail>`; absent: as git is configured.
    pub author: Option<Author>,
    /// Adds `Signed-off-by`.
    pub sign_off: bool,
    /// Who commits where git knows nobody, as in a pipeline; absent: that is an error.
    pub fallback: Option<Author>,
}

/// A name and an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// Name.
    pub name: String,
    /// Address.
    pub mail: String,
}

impl Author {
    /// Reads `Name <mail>`.
    pub fn parse(text: &str) -> Option<Author> {
        let (name, rest) = text.trim().split_once('<')?;
        let mail = rest.strip_suffix('>')?.trim();
        let name = name.trim();
        let bad = |s: &str| s.is_empty() || s.contains(['<', '>', '\n', '\0']);
        (!bad(name) && !bad(mail)).then(|| Author { name: name.to_string(), mail: mail.to_string() })
    }
}

/// Makes a commit of each unit, on top of what the work tree stands at; the last commit is the answer. `prefix` is the
/// project's place in the repository. All or nothing: after an error nobody refers to what was made.
pub fn commit(tree: &Worktree, prefix: &str, units: &[Unit], style: &CommitStyle) -> Result<String, GitError> {
    let git = identity(&tree.git, style);
    for unit in units {
        let mut list = Vec::new();
        for (path, bytes) in &unit.files {
            let full = if prefix.is_empty() { path.clone() } else { format!("{prefix}/{path}") };
            if unit.tests().any(|t| t.path == *path) {
                create(tree.path(), &full, bytes)?;
            } else {
                put(&tree.path().join(&full), &full, bytes)?;
            }
            list.extend_from_slice(full.as_bytes());
            list.push(0);
        }
        git.bytes(&["add", "--pathspec-from-file=-", "--pathspec-file-nul"], &list)?;
        let staged = git.text(&["write-tree"])?;
        let mut args = vec!["commit", "--quiet", "--cleanup=whitespace", "--file=-"];
        if style.sign_off {
            args.push("--signoff");
        }
        git.bytes(&args, message(unit, &style.prefix).as_bytes())?;
        if git.tree("HEAD")? != staged {
            return Err(GitError::State(
                "a hook changed what was being committed; that is not what was verified, so nothing was committed"
                    .into(),
            ));
        }
    }
    git.text(&["rev-parse", "HEAD"])
}

fn identity(git: &Git, style: &CommitStyle) -> Git {
    let mut git = git.clone();
    if let Some(f) = &style.fallback
        && !git.ok(&["var", "GIT_COMMITTER_IDENT"])
    {
        for (name, value) in [("NAME", &f.name), ("EMAIL", &f.mail)] {
            git = git.with(&format!("GIT_AUTHOR_{name}"), value).with(&format!("GIT_COMMITTER_{name}"), value);
        }
    }
    if let Some(a) = &style.author {
        git = git.with("GIT_AUTHOR_NAME", &a.name).with("GIT_AUTHOR_EMAIL", &a.mail);
    }
    git
}

/// Writes a new file of the work tree; nothing may be there, and no folder on the way to it may be a link.
fn create(tree: &Path, path: &str, bytes: &[u8]) -> Result<(), GitError> {
    let fail =
        |e: std::io::Error| GitError::Io { path: surefix_report::escape::line(path).into_owned(), why: io_text(&e) };
    surefix_engine::write::make_folders(tree, path).map_err(fail)?;
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(tree.join(path));
    file.and_then(|mut f| f.write_all(bytes)).map_err(fail)
}

/// Writes over a file of the work tree; never through a link, and only where there is a file.
fn put(full: &Path, shown: &str, bytes: &[u8]) -> Result<(), GitError> {
    let fail = |why: String| GitError::Io { path: surefix_report::escape::line(shown).into_owned(), why };
    let meta = std::fs::symlink_metadata(full).map_err(|e| fail(io_text(&e)))?;
    if !meta.is_file() {
        return Err(fail("not an ordinary file in the commit".to_string()));
    }
    let mut file = std::fs::File::create(full).map_err(|e| fail(io_text(&e)))?;
    file.write_all(bytes).map_err(|e| fail(io_text(&e)))
}
