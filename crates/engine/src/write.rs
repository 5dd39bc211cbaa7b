//! Writing: whole files or nothing, only over the bytes that were read, several files together with a journal, and the patch
//! that takes everything back.

use crate::discover::io_text;
use crate::outcome::{ChangeKind, Changed};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Why a file was not written. The others were done; this one is as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The file is not the one that was analysed any more.
    #[error("{path}: changed since it was read, left as it is")]
    ChangedMeanwhile {
        /// The file.
        path: String,
    },
    /// The file system refused.
    #[error("{path}: not written: {why}")]
    Io {
        /// The file.
        path: String,
        /// The system's words.
        why: String,
    },
    /// Surefix's own directory of the project cannot be written, so there would be no way back.
    #[error("nothing was changed: the patch for taking it back cannot be saved: {why}")]
    State {
        /// The system's words.
        why: String,
    },
    /// The journal of an earlier run cannot be one of Surefix's own: a project brought it along.
    #[error("{path}: names files outside of the project; nothing was done about it. Remove it to go on")]
    Journal {
        /// The journal.
        path: String,
    },
    /// A file that belongs to the same fix could not be written.
    #[error("{path}: not written, because {because} could not be")]
    Together {
        /// The file.
        path: String,
        /// The other one.
        because: String,
    },
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Files written, in order.
    pub files: Vec<String>,
    /// Files not written.
    pub errors: Vec<WriteError>,
    /// The patch that was saved for taking everything back.
    pub undo: Option<PathBuf>,
}

/// The file system as the writer needs it; tests put faults in its place.
pub trait Disk: Sync {
    /// The bytes of a file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// Writes a new file beside `target`, with its permissions, and brings it to the disk; its path is the answer.
    fn stage(&self, target: &Path, bytes: &[u8]) -> io::Result<PathBuf>;
    /// Puts the staged file in the place of the target.
    fn commit(&self, staged: &Path, target: &Path) -> io::Result<()>;
    /// Removes a file, if it is there.
    fn remove(&self, path: &Path);
}

/// The real file system.
pub struct RealDisk;

impl Disk for RealDisk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }
    fn stage(&self, target: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
        let path = staging_name(target)?;
        // A leftover of a killed run, or what somebody put in the way: it is not written through.
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(&path)?;
        let filled = fill(&mut file, target, bytes);
        if filled.is_err() {
            self.remove(&path);
        }
        filled.map(|()| path)
    }
    fn commit(&self, staged: &Path, target: &Path) -> io::Result<()> {
        std::fs::rename(staged, target)
    }
    fn remove(&self, path: &Path) {
        // Absent is what is wanted.
        let _ = std::fs::remove_file(path);
    }
}

/// The name beside the target under which its new bytes wait. It is always the same, so that the next run over a file takes
/// away what a killed one left.
fn staging_name(target: &Path) -> io::Result<PathBuf> {
    let (dir, name) =
        target.parent().zip(target.file_name()).ok_or_else(|| io::Error::other("the path names no file"))?;
    let id: String = hash(name.as_encoded_bytes()).chars().take(16).collect();
    Ok(dir.join(format!(".surefix-{id}.tmp")))
}

/// Writes the bytes and gives the file the permissions and the owner of the target.
fn fill(file: &mut File, target: &Path, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    if let Ok(meta) = std::fs::metadata(target) {
        if meta.permissions().readonly() {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the file is read-only"));
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::{MetadataExt, fchown};
            let own = file.metadata()?;
            if (own.uid(), own.gid()) != (meta.uid(), meta.gid()) {
                // Only root may give files away; a group is kept where that is allowed.
                let _ = fchown(&*file, Some(meta.uid()), Some(meta.gid()))
                    .or_else(|_| fchown(&*file, None, Some(meta.gid())));
            }
        }
        file.set_permissions(meta.permissions())?;
    }
    file.sync_all()
}

/// Keeps other runs from writing to the same project as long as it lives.
pub struct Lock {
    _file: File,
}

/// Takes the project for writing; `None` when another run has it.
pub fn lock(root: &Path) -> Result<Option<Lock>, WriteError> {
    let dir = state_dir(root);
    let fail = |e: io::Error| WriteError::State { why: io_text(&e) };
    make_state_dir(&dir).map_err(fail)?;
    let file = File::create(dir.join("lock")).map_err(fail)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Lock { _file: file })),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        // A file system without locks: then there are none.
        Err(std::fs::TryLockError::Error(_)) => Ok(Some(Lock { _file: file })),
    }
}

/// Where Surefix keeps its own files of a project: inside the git directory, or in `.surefix` at the root.
pub fn state_dir(root: &Path) -> PathBuf {
    crate::discover::repository(root).map_or_else(|| root.join(".surefix"), |(_, git)| git.join("surefix"))
}

#[derive(Serialize, Deserialize)]
struct Journal {
    version: u32,
    files: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    target: PathBuf,
    /// Empty when the file is to go.
    staged: PathBuf,
    /// Copy of the old bytes in the state directory; empty when there are none.
    backup: PathBuf,
    /// Hash of the old bytes, empty when the file was not there.
    old: String,
    /// Hash of the new bytes, empty when the file is to go.
    new: String,
}

impl Entry {
    /// True when everything lies where a run would have put it: the target in the project and reached without a link, the staged
    /// file beside it, the backup in the state directory.
    fn is_own(&self, root: &Path, state: &Path) -> bool {
        let plain = |p: &Path| p.components().all(|c| matches!(c, std::path::Component::Normal(_)));
        let inside = self.target.strip_prefix(root).is_ok_and(|rel| {
            let real = |a: &Path| root.join(a).symlink_metadata().is_ok_and(|m| m.is_dir());
            plain(rel) && rel.ancestors().skip(1).filter(|a| !a.as_os_str().is_empty()).all(real)
        });
        let named = |p: &Path| p.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.starts_with(".surefix-"));
        let beside =
            self.staged.as_os_str().is_empty() || (self.staged.parent() == self.target.parent() && named(&self.staged));
        inside && beside && (self.backup.as_os_str().is_empty() || self.backup.parent() == Some(state))
    }
    /// Brings the file into its new state.
    fn go(&self, disk: &dyn Disk) -> io::Result<()> {
        if self.new.is_empty() {
            return take_away(disk, &self.target);
        }
        disk.commit(&self.staged, &self.target)
    }
    /// Brings the file back into its old state, with the bytes it had.
    fn back(&self, disk: &dyn Disk, old: &[u8]) -> io::Result<()> {
        if self.old.is_empty() {
            return take_away(disk, &self.target);
        }
        let staged = disk.stage(&self.target, old)?;
        disk.commit(&staged, &self.target)
    }
}

fn take_away(disk: &dyn Disk, target: &Path) -> io::Result<()> {
    disk.remove(target);
    match disk.read(target) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e),
        Ok(_) => Err(io::Error::other("the file cannot be removed")),
    }
}

fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

fn make_state_dir(dir: &Path) -> io::Result<()> {
    std::fs::create_dir_all(dir)?;
    if dir.file_name().is_some_and(|n| n == ".surefix") {
        let ignore = dir.join(".gitignore");
        if !ignore.exists() {
            std::fs::write(ignore, "*\n")?;
        }
    }
    Ok(())
}

/// What an unfinished journal of an earlier run led to, in words; `None` when there is none.
pub fn recover(root: &Path, disk: &dyn Disk) -> Result<Option<String>, WriteError> {
    let dir = state_dir(root);
    let journal = dir.join("journal.json");
    let Ok(bytes) = std::fs::read(&journal) else { return Ok(None) };
    let shown = |p: &Path| p.strip_prefix(root).unwrap_or(p).to_string_lossy().to_string();
    let Ok(log) = serde_json::from_slice::<Journal>(&bytes) else {
        // Half a journal was never acted upon: it is renamed into place before the first file.
        disk.remove(&journal);
        return Ok(Some("an unreadable journal of an earlier run was removed; no file was touched by it".to_string()));
    };
    // Without git the journal lies in the project, which may have brought one along.
    if !log.files.iter().all(|e| e.is_own(root, &dir)) {
        return Err(WriteError::Journal { path: shown(&journal) });
    }
    let state: Vec<(bool, bool, bool)> = log
        .files
        .iter()
        .map(|e| {
            let now = disk.read(&e.target).map(|b| hash(&b)).unwrap_or_default();
            let staged = disk.read(&e.staged).map(|b| hash(&b)).unwrap_or_default();
            (now == e.new, now == e.old, staged == e.new)
        })
        .collect();
    let names = log.files.iter().map(|e| shown(&e.target)).collect::<Vec<_>>().join(", ");
    let fail = |e: &Entry, err: io::Error| WriteError::Io { path: shown(&e.target), why: io_text(&err) };
    let message = if state.iter().all(|(new, old, staged)| *new || (*old && *staged)) {
        for (e, (new, _, _)) in log.files.iter().zip(&state) {
            if !new {
                e.go(disk).map_err(|err| fail(e, err))?;
            }
        }
        format!("an earlier run was interrupted: its fix was completed in {names}")
    } else {
        for (e, (new, _, _)) in log.files.iter().zip(&state) {
            if *new {
                let old = if e.old.is_empty() { Ok(Vec::new()) } else { disk.read(&e.backup) };
                old.and_then(|old| e.back(disk, &old)).map_err(|err| fail(e, err))?;
            }
        }
        format!("an earlier run was interrupted: its fix was taken back in {names}")
    };
    for e in &log.files {
        disk.remove(&e.staged);
        disk.remove(&e.backup);
    }
    disk.remove(&journal);
    Ok(Some(message))
}

/// Writes the changed files. Files of one group are written all or none, across a crash too. `undo` is the patch to keep.
pub fn write(root: &Path, changed: &[Changed], undo: &[u8], disk: &dyn Disk) -> Written {
    let mut out = Written::default();
    let dir = state_dir(root);
    if !changed.is_empty() {
        let saved = make_state_dir(&dir).and_then(|()| {
            let path = next_undo(&dir);
            save(&path, undo, disk).map(|()| path)
        });
        match saved {
            Ok(path) => out.undo = Some(path),
            Err(e) => {
                // Without a way back nothing is changed.
                let why = format!("the patch for taking it back cannot be saved: {}", io_text(&e));
                out.errors =
                    changed.iter().map(|c| WriteError::Io { path: c.path.clone(), why: why.clone() }).collect();
                return out;
            }
        }
    }
    let mut groups: BTreeMap<usize, Vec<&Changed>> = BTreeMap::new();
    for c in changed {
        groups.entry(c.group).or_default().push(c);
    }
    for files in groups.into_values() {
        match write_group(root, &dir, &files, disk) {
            Ok(()) => out.files.extend(files.iter().map(|c| c.path.clone())),
            Err((at, error)) => {
                let because = files.get(at).map_or(String::new(), |c| c.path.clone());
                for (i, c) in files.iter().enumerate() {
                    if i != at {
                        out.errors.push(WriteError::Together { path: c.path.clone(), because: because.clone() });
                    }
                }
                out.errors.push(error);
            }
        }
    }
    out.files.sort();
    out
}

/// The first free name for a patch: those of earlier runs stay, because each holds work that may exist nowhere else.
fn next_undo(dir: &Path) -> PathBuf {
    let taken = |e: std::fs::DirEntry| {
        e.file_name().to_str()?.strip_prefix("undo-")?.strip_suffix(".patch")?.parse::<u32>().ok()
    };
    let last = std::fs::read_dir(dir).into_iter().flatten().flatten().filter_map(taken).max().unwrap_or(0);
    dir.join(format!("undo-{}.patch", last.saturating_add(1)))
}

fn save(path: &Path, bytes: &[u8], disk: &dyn Disk) -> io::Result<()> {
    let staged = disk.stage(path, bytes)?;
    disk.commit(&staged, path)
}

/// Makes the folders of a new file. None of them may be a link: it could lead out of the project.
pub fn make_folders(root: &Path, path: &str) -> io::Result<()> {
    let mut at = root.to_path_buf();
    let Some((folders, _)) = path.rsplit_once('/') else { return Ok(()) };
    for part in folders.split('/') {
        if part.is_empty() || part == ".." {
            return Err(io::Error::other("the path leaves the project"));
        }
        at.push(part);
        match std::fs::symlink_metadata(&at) {
            Ok(m) if m.is_dir() => {}
            Ok(_) => return Err(io::Error::other("a folder on the way to it is a link or a file")),
            Err(e) if e.kind() == io::ErrorKind::NotFound => std::fs::create_dir(&at)?,
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

fn write_group(root: &Path, dir: &Path, files: &[&Changed], disk: &dyn Disk) -> Result<(), (usize, WriteError)> {
    let mut entries: Vec<Entry> = Vec::new();
    let clean = |entries: &[Entry]| {
        for e in entries {
            disk.remove(&e.staged);
            disk.remove(&e.backup);
        }
    };
    for (i, c) in files.iter().enumerate() {
        let target = root.join(&c.path);
        let io = |e: io::Error| (i, WriteError::Io { path: c.path.clone(), why: io_text(&e) });
        let step = (|| {
            let now = match disk.read(&target) {
                Err(e) if e.kind() == io::ErrorKind::NotFound && c.kind == ChangeKind::Created => None,
                now => Some(now.map_err(io)?),
            };
            if now.as_deref() != c.bytes_before() {
                return Err((i, WriteError::ChangedMeanwhile { path: c.path.clone() }));
            }
            if c.kind == ChangeKind::Created {
                make_folders(root, &c.path).map_err(io)?;
            }
            let staged = c.bytes_after().map_or(Ok(PathBuf::new()), |new| disk.stage(&target, new)).map_err(io)?;
            let mut backup = PathBuf::new();
            if files.len() > 1 && c.bytes_before().is_some() {
                backup = dir.join(format!("old-{}", hash(&c.before)));
                if let Err(e) = save(&backup, &c.before, disk) {
                    disk.remove(&staged);
                    return Err(io(e));
                }
            }
            let named = |bytes: Option<&[u8]>| bytes.map(hash).unwrap_or_default();
            Ok(Entry {
                target: target.clone(),
                staged,
                backup,
                old: named(c.bytes_before()),
                new: named(c.bytes_after()),
            })
        })();
        match step {
            Ok(e) => entries.push(e),
            Err(e) => {
                clean(&entries);
                return Err(e);
            }
        }
    }
    let journal = dir.join("journal.json");
    if files.len() > 1 {
        let log = Journal { version: 1, files: entries };
        let text = serde_json::to_vec_pretty(&log).unwrap_or_default();
        entries = log.files;
        if let Err(e) = save(&journal, &text, disk) {
            clean(&entries);
            let path = files[0].path.clone();
            return Err((0, WriteError::Io { path, why: format!("the journal cannot be saved: {}", io_text(&e)) }));
        }
    }
    for (i, (e, c)) in entries.iter().zip(files).enumerate() {
        if let Err(err) = e.go(disk) {
            for (done, old) in entries.iter().zip(files).take(i) {
                // The journal stays when this fails, and the next run tries again.
                let _ = done.back(disk, &old.before);
            }
            let back = entries
                .iter()
                .zip(files)
                .take(i)
                .all(|(done, c)| disk.read(&done.target).ok().as_deref() == c.bytes_before());
            if back {
                clean(&entries);
                disk.remove(&journal);
            }
            return Err((i, WriteError::Io { path: c.path.clone(), why: io_text(&err) }));
        }
    }
    if files.len() > 1 {
        disk.remove(&journal);
        clean(&entries);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
