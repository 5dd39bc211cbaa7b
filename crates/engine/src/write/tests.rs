//! Faults on the way to the disk.

use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Fails, or stops as if killed, at the n-th commit.
struct Faulty {
    commits: AtomicUsize,
    fail_at: usize,
    dead: bool,
    stage_fails: Option<&'static str>,
}

impl Faulty {
    fn at(n: usize, dead: bool) -> Faulty {
        Faulty { commits: AtomicUsize::new(0), fail_at: n, dead, stage_fails: None }
    }
    fn gone(&self) -> bool {
        self.dead && self.commits.load(Ordering::SeqCst) >= self.fail_at
    }
}

impl Disk for Faulty {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        RealDisk.read(path)
    }
    fn stage(&self, target: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
        if self.gone() || self.stage_fails.is_some_and(|s| target.ends_with(s)) {
            return Err(io::Error::other("no space left on device"));
        }
        RealDisk.stage(target, bytes)
    }
    fn commit(&self, staged: &Path, target: &Path) -> io::Result<()> {
        if self.commits.fetch_add(1, Ordering::SeqCst) + 1 == self.fail_at || self.gone() {
            return Err(io::Error::other("stopped"));
        }
        RealDisk.commit(staged, target)
    }
    fn remove(&self, path: &Path) {
        if !self.gone() {
            RealDisk.remove(path);
        }
    }
}

fn change(path: &str, before: &str, after: &str, group: usize) -> Changed {
    Changed {
        path: path.into(),
        before: before.into(),
        after: after.into(),
        text_before: before.into(),
        text_after: after.into(),
        group,
        kind: ChangeKind::Edited,
    }
}

fn project() -> (tempfile::TempDir, PathBuf, Vec<Changed>) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().to_path_buf();
    for (p, t) in [("a.py", "a"), ("b.py", "b"), ("pom.xml", "p")] {
        std::fs::write(root.join(p), t).unwrap();
    }
    let changed = vec![change("a.py", "a", "A", 0), change("b.py", "b", "B", 1), change("pom.xml", "p", "P", 1)];
    (dir, root, changed)
}

fn read(root: &Path, p: &str) -> String {
    std::fs::read_to_string(root.join(p)).unwrap()
}

fn leftovers(root: &Path) -> Vec<String> {
    let mut names: Vec<String> = [root.to_path_buf(), root.join(".surefix")]
        .iter()
        .filter_map(|d| std::fs::read_dir(d).ok())
        .flatten()
        .flatten()
        .map(|e| e.file_name().to_string_lossy().to_string())
        .collect();
    names.retain(|n| n.starts_with(".surefix-") || n.starts_with("old-") || n == "journal.json");
    names
}

#[test]
fn writes_all_and_keeps_permissions() {
    let (_dir, root, changed) = project();
    #[cfg(unix)]
    std::fs::set_permissions(root.join("a.py"), std::os::unix::fs::PermissionsExt::from_mode(0o751)).unwrap();
    let w = write(&root, &changed, b"patch", &RealDisk);
    assert_eq!((w.files.len(), w.errors.len()), (3, 0));
    assert_eq!(read(&root, "b.py") + &read(&root, "pom.xml"), "BP");
    assert_eq!(read(&root, ".surefix/undo-1.patch"), "patch");
    assert!(leftovers(&root).is_empty());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(root.join("a.py")).unwrap().permissions().mode() & 0o777, 0o751);
    }
}

#[test]
fn a_file_changed_meanwhile_is_left_with_its_group() {
    let (_dir, root, changed) = project();
    std::fs::write(root.join("pom.xml"), "mine").unwrap();
    let w = write(&root, &changed, b"", &RealDisk);
    assert_eq!(w.files, ["a.py"]);
    assert_eq!(w.errors.len(), 2);
    assert_eq!((read(&root, "b.py"), read(&root, "pom.xml")), ("b".into(), "mine".into()));
    assert!(leftovers(&root).is_empty());
}

#[test]
fn no_space_leaves_the_group_and_does_the_others() {
    let (_dir, root, changed) = project();
    let disk = Faulty { stage_fails: Some("pom.xml"), ..Faulty::at(99, false) };
    let w = write(&root, &changed, b"", &disk);
    assert_eq!(w.files, ["a.py"]);
    assert_eq!(read(&root, "b.py"), "b");
    assert!(leftovers(&root).is_empty());
}

#[test]
fn killed_anywhere_the_next_run_leaves_all_old_or_all_new() {
    // Commits: undo patch, a.py, two backups, journal, b.py, pom.xml.
    for at in 1..=8 {
        let (_dir, root, changed) = project();
        write(&root, &changed, b"", &Faulty::at(at, true));
        let half = |p: &str, old: &str, new: &str| {
            let t = read(&root, p);
            assert!(t == old || t == new, "{p}: {t}");
            t == new
        };
        half("a.py", "a", "A");
        recover(&root, &RealDisk).unwrap();
        assert_eq!(half("b.py", "b", "B"), half("pom.xml", "p", "P"), "stopped at {at}");
        assert!(!leftovers(&root).contains(&"journal.json".to_string()));
    }
}

#[test]
fn a_failing_rename_takes_its_group_back() {
    let (_dir, root, changed) = project();
    let w = write(&root, &changed, b"", &Faulty::at(7, false));
    assert_eq!(w.files, ["a.py"]);
    assert_eq!((read(&root, "b.py"), read(&root, "pom.xml")), ("b".into(), "p".into()));
    assert_eq!(recover(&root, &RealDisk).unwrap(), None);
}

#[test]
fn an_interrupted_group_is_taken_back_when_a_file_has_moved_on() {
    let (_dir, root, changed) = project();
    write(&root, &changed, b"", &Faulty::at(7, true));
    assert_eq!(read(&root, "b.py"), "B");
    std::fs::write(root.join("pom.xml"), "mine").unwrap();
    let said = recover(&root, &RealDisk).unwrap().unwrap();
    assert!(said.contains("taken back"), "{said}");
    assert_eq!((read(&root, "b.py"), read(&root, "pom.xml")), ("b".into(), "mine".into()));
}

#[test]
fn leftovers_of_a_killed_run_are_taken_away_and_not_written_through() {
    let (_dir, root, changed) = project();
    let staged = staging_name(&root.join("a.py")).unwrap();
    std::fs::write(&staged, "half").unwrap();
    #[cfg(unix)]
    {
        std::fs::remove_file(&staged).unwrap();
        std::fs::write(root.join("precious"), "p").unwrap();
        std::os::unix::fs::symlink(root.join("precious"), &staged).unwrap();
    }
    assert!(write(&root, &changed, b"", &RealDisk).errors.is_empty());
    assert_eq!(read(&root, "a.py"), "A");
    #[cfg(unix)]
    assert_eq!(read(&root, "precious"), "p");
    assert!(leftovers(&root).is_empty());
}

#[test]
fn one_run_writes_at_a_time() {
    let (_dir, root, _) = project();
    let first = lock(&root).unwrap();
    assert!(first.is_some() && lock(&root).unwrap().is_none());
    drop(first);
    assert!(lock(&root).unwrap().is_some());
}

fn created(path: &str, text: &str, group: usize) -> Changed {
    Changed { kind: ChangeKind::Created, ..change(path, "", text, group) }
}

#[test]
fn a_new_file_comes_and_goes_with_its_group() {
    let (_dir, root, mut changed) = project();
    changed.push(created("tests/deep/t.py", "T", 1));
    let w = write(&root, &changed, b"", &RealDisk);
    assert_eq!((w.files.len(), w.errors.len()), (4, 0), "{:?}", w.errors);
    assert_eq!(read(&root, "tests/deep/t.py"), "T");
    let back =
        [change("a.py", "A", "a", 0), Changed { kind: ChangeKind::Removed, ..change("tests/deep/t.py", "T", "", 0) }];
    let w = write(&root, &back, b"", &RealDisk);
    assert_eq!((w.files.len(), w.errors.len()), (2, 0), "{:?}", w.errors);
    assert!(!root.join("tests/deep/t.py").exists() && leftovers(&root).is_empty());
}

#[test]
fn a_new_file_takes_nobodys_place_and_follows_no_link() {
    let (_dir, root, changed) = project();
    std::fs::write(root.join("t.py"), "mine").unwrap();
    let w = write(&root, &[created("t.py", "T", 0)], b"", &RealDisk);
    assert_eq!((w.errors.len(), read(&root, "t.py").as_str()), (1, "mine"));
    #[cfg(unix)]
    {
        let outside = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(outside.path(), root.join("tests")).unwrap();
        let with = [changed[0].clone(), created("tests/t.py", "T", 0)];
        let w = write(&root, &with, b"", &RealDisk);
        assert_eq!((w.errors.len(), read(&root, "a.py").as_str()), (2, "a"));
        assert!(!outside.path().join("t.py").exists() && leftovers(&root).is_empty());
    }
}

#[test]
fn killed_between_a_fix_and_its_new_file_is_completed() {
    let (_dir, root, mut changed) = project();
    changed.push(created("tests/t.py", "T", 1));
    // The patch, two backups, the journal, and two files: the seventh is the new one.
    let w = write(&root, &changed[1..], b"", &Faulty::at(7, true));
    assert_eq!(w.errors.len(), 3);
    assert_eq!((read(&root, "b.py").as_str(), root.join("tests/t.py").exists()), ("B", false));
    let said = recover(&root, &RealDisk).unwrap().unwrap();
    assert!(said.contains("completed"), "{said}");
    assert_eq!((read(&root, "b.py"), read(&root, "tests/t.py")), ("B".into(), "T".into()));
}

#[test]
fn killed_when_the_staged_file_is_lost_is_taken_back() {
    let (_dir, root, changed) = project();
    let list = [created("t.py", "T", 1), changed[1].clone()];
    // The patch, one backup, the journal, the new file.
    write(&root, &list, b"", &Faulty::at(5, true));
    assert!(root.join("t.py").exists());
    for e in std::fs::read_dir(&root).unwrap().flatten() {
        if e.file_name().to_string_lossy().starts_with(".surefix-") {
            std::fs::remove_file(e.path()).unwrap();
        }
    }
    let said = recover(&root, &RealDisk).unwrap().unwrap();
    assert!(said.contains("taken back") && !root.join("t.py").exists(), "{said}");
}

#[test]
fn a_journal_that_a_project_brought_along_moves_nothing() {
    let (_dir, root, _) = project();
    let outside = tempfile::tempdir().unwrap();
    let victim = outside.path().join("victim");
    let bait = root.join("bait");
    std::fs::write(&bait, "x").unwrap();
    std::fs::create_dir_all(root.join(".surefix")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(outside.path(), root.join("link")).unwrap();
    let entry = |target: PathBuf, staged: PathBuf, new: &str| Entry {
        target,
        staged,
        backup: PathBuf::new(),
        old: String::new(),
        new: new.to_string(),
    };
    let linked = root.join("link/victim");
    let forged = [
        entry(victim.clone(), bait.clone(), &hash(b"x")),
        entry(linked.clone(), staging_name(&linked).unwrap(), &hash(b"x")),
        entry(root.join("a/../../victim"), bait.clone(), &hash(b"x")),
        entry(root.join("new.py"), bait.clone(), &hash(b"x")),
    ];
    for e in forged {
        let text = serde_json::to_vec(&Journal { version: 1, files: vec![e] }).unwrap();
        std::fs::write(root.join(".surefix/journal.json"), text).unwrap();
        assert!(matches!(recover(&root, &RealDisk), Err(WriteError::Journal { .. })));
        assert!(bait.exists() && !victim.exists() && !root.join("new.py").exists());
    }
}
