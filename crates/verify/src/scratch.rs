//! Directories of single runs: made, locked as long as the run lives, and cleared away, also those that a killed run left.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// A directory of this run; removed with everything in it when dropped.
#[derive(Debug)]
pub struct Scratch {
    dir: PathBuf,
    _lock: File,
}

/// Parts of a run's directory.
const PARTS: &[&str] = &["upper", "work", "tmp", "home", "root", "copy", "over", "empty"];

/// Where the directories of runs and the baselines lie.
pub fn store(var: impl Fn(&str) -> Option<std::ffi::OsString>) -> PathBuf {
    let absolute = |p: &PathBuf| p.is_absolute();
    let cache = var("XDG_CACHE_HOME").map(PathBuf::from).filter(absolute);
    let home = || var("HOME").map(|h| PathBuf::from(h).join(".cache")).filter(absolute);
    cache.or_else(home).map_or_else(|| std::env::temp_dir().join("surefix-cache"), |c| c.join("surefix"))
}

/// Makes a directory that only this user can read.
fn private(dir: &Path) -> io::Result<()> {
    let mut b = std::fs::DirBuilder::new();
    b.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        b.mode(0o700);
    }
    b.create(dir)
}

impl Scratch {
    /// A new directory below `store`. Those of runs that are no more are removed first.
    pub fn make(store: &Path) -> io::Result<Scratch> {
        let runs = store.join("runs");
        private(&runs)?;
        let runs = runs.canonicalize()?;
        sweep(&runs);
        for _ in 0..100 {
            let dir = tempfile::Builder::new().prefix("run-").tempdir_in(&runs)?.keep();
            let lock = File::create(dir.join("lock"))?;
            // Another run may clear the directory away in the moment before it is locked.
            if lock.try_lock().is_ok() && dir.join("lock").is_file() {
                for p in PARTS {
                    private(&dir.join(p))?;
                }
                return Ok(Scratch { dir, _lock: lock });
            }
        }
        Err(io::Error::other("no directory of its own could be had"))
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// An empty directory inside, with the parts of a run.
    pub fn part(&self, name: &str) -> io::Result<PathBuf> {
        let dir = self.dir.join(name);
        if dir.exists() {
            crate::sandbox::mend(&dir)?;
        }
        for p in PARTS {
            private(&dir.join(p))?;
        }
        Ok(dir)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed now is left for the next run.
        let _ = crate::sandbox::mend(&self.dir);
    }
}

/// Removes the directories of runs that hold no lock any more. Gives their number.
pub fn sweep(runs: &Path) -> usize {
    let mut gone = 0;
    for e in std::fs::read_dir(runs).into_iter().flatten().flatten() {
        let dir = e.path();
        let ours = e.file_name().to_string_lossy().starts_with("run-") && e.file_type().is_ok_and(|t| t.is_dir());
        if !ours {
            continue;
        }
        let free = match File::open(dir.join("lock")) {
            Ok(f) => f.try_lock().is_ok(),
            // Without a lock file it is either just being made or a leftover: told apart by its age.
            Err(_) => {
                e.metadata().and_then(|m| m.modified()).is_ok_and(|m| m.elapsed().is_ok_and(|a| a.as_secs() > 60))
            }
        };
        if free && crate::sandbox::mend(&dir).is_ok() {
            gone += 1;
        }
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftovers_go_and_living_runs_stay() {
        let store = tempfile::tempdir().unwrap();
        let living = Scratch::make(store.path()).unwrap();
        let dead = store.path().join("runs/run-dead");
        std::fs::create_dir_all(dead.join("work/work")).unwrap();
        std::fs::write(dead.join("lock"), "").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(dead.join("work/work"), std::fs::Permissions::from_mode(0o000)).unwrap();
        }
        let other = Scratch::make(store.path()).unwrap();
        assert!(!dead.exists() && living.path().is_dir() && other.path() != living.path());
        let at = living.path().to_path_buf();
        drop(living);
        assert!(!at.exists());
    }
}
