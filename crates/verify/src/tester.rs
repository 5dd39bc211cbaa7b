//! Runs the steps for real: a place with the changed files, the sandbox around each command, the results it left.

use crate::judge::StepRun;
use crate::plan::Plan;
use crate::results;
use crate::sandbox::{Place, Sandbox};
use crate::scratch::Scratch;
use crate::session::Tester;
use crate::units::Texts;
use std::io;
use std::path::{Path, PathBuf};

/// A project behind a sandbox.
pub struct Project<'a> {
    /// Its root.
    pub root: &'a Path,
    /// What to run.
    pub plan: &'a Plan,
    /// Where.
    pub sandbox: &'a Sandbox,
    /// Directory of this run.
    pub scratch: &'a Scratch,
    /// Time spent in commands.
    pub spent: std::time::Duration,
}

impl Tester for Project<'_> {
    fn run(&mut self, changed: &Texts, steps: &[usize]) -> Vec<StepRun> {
        let place = match self.place(changed) {
            Ok(p) => p,
            Err(e) => {
                let failed = StepRun {
                    success: false,
                    how: format!("the copy of the project could not be made: {e}"),
                    results: None,
                    tail: String::new(),
                };
                return vec![failed; steps.len()];
            }
        };
        let plan = self.plan;
        let list = steps.iter().filter_map(|s| plan.steps.get(*s));
        list.map(|step| {
            // Reports of the step before must not be taken for this one's.
            let cleared = results::clear(step, &place);
            let ended = self.command(&place, &step.dir, &step.argv);
            // The project's place on this machine is nobody's business.
            let places = [place.written().to_string_lossy().into_owned(), self.root.to_string_lossy().into_owned()];
            let clean = |text: &str| places.iter().fold(text.to_string(), |t, p| t.replace(p.as_str(), "."));
            let results = cleared.ok().and_then(|()| results::read(step, &ended, &place)).map(|r| r.map_text(&clean));
            let text = clean(&String::from_utf8_lossy(&ended.tail));
            StepRun { success: ended.how.success(), how: clean(&ended.how.text()), results, tail: last_lines(&text) }
        })
        .collect()
    }
}

/// Lines of output that are kept for a person.
const LINES: usize = 40;

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

impl Project<'_> {
    /// Runs one command, its time counted.
    pub(crate) fn command(&mut self, place: &Place, dir: &str, argv: &[String]) -> crate::sandbox::Ended {
        let began = std::time::Instant::now();
        let ended = self.sandbox.run(place, dir, argv, &[]);
        self.spent += began.elapsed();
        ended
    }

    /// A fresh place with the changed files.
    pub(crate) fn place(&self, changed: &Texts) -> io::Result<Place> {
        let scratch = self.scratch.part("place")?;
        let copied = !self.sandbox.walls().overlay;
        let place = Place { root: self.root.to_path_buf(), scratch, copied };
        let to = place.written();
        if copied {
            copy(self.root, &to)?;
        } else {
            private_git(self.root, &to)?;
        }
        for (path, bytes) in changed {
            put(self.root, &to, path, bytes)?;
        }
        Ok(place)
    }
}

/// Writes a changed file with the permissions of the original, and directories on the way to it like the original ones: an
/// upper directory stands for the one below.
fn put(root: &Path, to: &Path, path: &str, bytes: &[u8]) -> io::Result<()> {
    let (mut from, mut at) = (root.to_path_buf(), to.to_path_buf());
    let mut parts = path.split('/').peekable();
    while let Some(part) = parts.next() {
        if part == ".." || part.is_empty() {
            return Err(io::Error::other("a path that leaves the project"));
        }
        from.push(part);
        at.push(part);
        if parts.peek().is_none() {
            // A copy that is shared with the original must not be written through.
            let _ = std::fs::remove_file(&at);
            std::fs::write(&at, bytes)?;
        } else if !at.is_dir() {
            std::fs::create_dir(&at)?;
        }
        like(&from, &at);
    }
    Ok(())
}

/// Gives a file the permissions and the owner of another. Where that is not allowed, commands see what they see.
fn like(from: &Path, to: &Path) {
    let Ok(meta) = std::fs::symlink_metadata(from) else { return };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if std::fs::symlink_metadata(to).is_ok_and(|m| (m.uid(), m.gid()) != (meta.uid(), meta.gid())) {
            let _ = std::os::unix::fs::lchown(to, Some(meta.uid()), Some(meta.gid()));
        }
    }
    if !meta.is_symlink() {
        let _ = std::fs::set_permissions(to, meta.permissions());
    }
}

/// Copies a tree with permissions and times; blocks are shared where the file system can. Symbolic links stay links. Git's own
/// directory, which can be large and holds credentials, is left out.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut stack: Vec<(PathBuf, PathBuf)> = vec![(from.to_path_buf(), to.to_path_buf())];
    while let Some((from, to)) = stack.pop() {
        for e in std::fs::read_dir(&from)? {
            let e = e?;
            let (source, target) = (e.path(), to.join(e.file_name()));
            let kind = e.file_type()?;
            if e.file_name() == ".git" || e.file_name() == ".surefix" {
                continue;
            }
            if kind.is_dir() {
                std::fs::create_dir(&target)?;
                like(&source, &target);
                stack.push((source, target));
            } else if kind.is_symlink() {
                #[cfg(unix)]
                std::os::unix::fs::symlink(std::fs::read_link(&source)?, &target)?;
            } else if kind.is_file() {
                std::fs::copy(&source, &target)?;
                like(&source, &target);
                // Builds compare times.
                if let Ok(time) = e.metadata().and_then(|m| m.modified()) {
                    let _ = std::fs::File::open(&target).and_then(|f| f.set_modified(time));
                }
            }
            // Pipes and sockets are nothing that a build could use.
        }
    }
    Ok(())
}

/// Keys of git's configuration that builds may see. All others can hold credentials (`http.extraheader`, addresses with a
/// password) or name programs.
const GIT_KEYS: &[&str] = &[
    "repositoryformatversion",
    "filemode",
    "bare",
    "logallrefupdates",
    "ignorecase",
    "precomposeunicode",
    "symlinks",
    "autocrlf",
    "eol",
    "objectformat",
    "refstorage",
    "partialclone",
];

/// Puts harmless configurations over those of the repository and of its submodules.
fn private_git(root: &Path, upper: &Path) -> io::Result<()> {
    let git = root.join(".git");
    if !git.is_dir() {
        return Ok(());
    }
    let mut stack = vec![(git, 0)];
    while let Some((dir, depth)) = stack.pop() {
        for name in ["config", "config.worktree"] {
            let file = dir.join(name);
            if !file.is_file() {
                continue;
            }
            // What cannot be read cannot be told from what holds a secret.
            let text = std::fs::read(&file).map(|b| harmless(&String::from_utf8_lossy(&b))).unwrap_or_default();
            if let Ok(rel) = file.strip_prefix(root)
                && let Some(rel) = rel.to_str()
            {
                put(root, upper, rel, text.as_bytes())?;
            }
        }
        // Below `modules` lie the repositories of submodules, below `worktrees` those of other work trees.
        let inner = dir.file_name().is_some_and(|n| n != ".git");
        for e in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
            let name = e.file_name();
            let skip = ["objects", "refs", "logs", "hooks", "info", "lfs"].iter().any(|s| name == *s);
            let wanted = inner || name == "modules" || name == "worktrees";
            if depth < 8 && wanted && !skip && e.file_type().is_ok_and(|t| t.is_dir()) {
                stack.push((e.path(), depth + 1));
            }
        }
    }
    Ok(())
}

fn harmless(config: &str) -> String {
    let mut out = String::new();
    let mut kept = false;
    for line in config.lines() {
        let l = line.trim();
        if l.starts_with('[') {
            let name = l.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
            kept = name == "core" || name == "extensions";
            if kept {
                out.push_str(&format!("[{name}]\n"));
            }
        } else if kept
            && let Some((key, value)) = l.split_once('=')
            && GIT_KEYS.contains(&key.trim().to_ascii_lowercase().as_str())
            && !value.trim_end().ends_with('\\')
        {
            out.push_str(&format!("\t{} = {}\n", key.trim(), value.trim()));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_of_git_stay_outside() {
        let config = "[core]\n\tbare = false\n\tfsmonitor = ./evil\n\tsshCommand = ssh -i key\n[remote \"origin\"]\n\turl = https://u:p@h/\n\
            [http \"https://github.com/\"]\n\textraheader = AUTHORIZATION: basic abc\n[extensions]\n\tobjectFormat = sha256\n";
        assert_eq!(harmless(config), "[core]\n\tbare = false\n[extensions]\n\tobjectFormat = sha256\n");
    }

    #[cfg(unix)]
    #[test]
    fn a_copy_keeps_links_times_and_permissions() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("a"), dir.path().join("b"));
        std::fs::create_dir_all(from.join("x/.git")).unwrap();
        std::fs::create_dir(&to).unwrap();
        std::fs::write(from.join("x/run.sh"), "1").unwrap();
        std::fs::set_permissions(from.join("x/run.sh"), std::fs::Permissions::from_mode(0o755)).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", from.join("link")).unwrap();
        let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        std::fs::File::open(from.join("x/run.sh")).unwrap().set_modified(old).unwrap();
        copy(&from, &to).unwrap();
        let meta = std::fs::metadata(to.join("x/run.sh")).unwrap();
        assert_eq!((meta.permissions().mode() & 0o777, meta.modified().unwrap()), (0o755, old));
        assert!(to.join("link").is_symlink() && !to.join("x/.git").exists());
        put(&from, &to, "x/run.sh", b"2").unwrap();
        assert_eq!(std::fs::read(from.join("x/run.sh")).unwrap(), b"1");
        assert_eq!(std::fs::metadata(to.join("x/run.sh")).unwrap().permissions().mode() & 0o777, 0o755);
        assert!(put(&from, &to, "../out", b"2").is_err());
    }
}
