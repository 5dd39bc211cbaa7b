//! Taking one fix out again: what is kept of every fix, and the three-way merge.

use crate::units::Units;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use surefix_engine::{ChangeKind, Changed, Outcome, RegressionTest, Verdict};

/// What is kept of a fix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Version of this form.
    pub version: u32,
    /// Fingerprints of the findings that the fix removed.
    pub findings: Vec<String>,
    /// Rules, in the order of the findings.
    pub rules: Vec<String>,
    /// Title.
    pub title: String,
    /// Several different fixes that cannot be told apart.
    pub tangled: bool,
    /// Files.
    pub files: Vec<Side>,
}

/// A file of a fix: both contents by hash, in files beside the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// Root-relative path.
    pub path: String,
    /// With all fixes of the run.
    pub with: String,
    /// With all but this one; empty: it is not there.
    pub without: String,
}

/// Why a fix was not taken out; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such fix.
    #[error("no fix with the id {0} was written here (ids stand in brackets behind findings)")]
    Unknown(String),
    /// The beginning fits several.
    #[error("{0} is the beginning of several ids: {1}")]
    Ambiguous(String, String),
    /// It cannot be told apart from others.
    #[error(
        "{0} fixes changed the same files in several rounds and cannot be taken apart; the patch of the run takes them all back"
    )]
    Tangled(usize),
    /// The text around it was changed.
    #[error("{0}: the lines of the fix were changed since, so that it cannot be taken out by itself")]
    Conflict(String),
    /// It is not there any more.
    #[error("the fix is not in the files any more")]
    Gone,
    /// The record cannot be read.
    #[error("what was kept of the fix cannot be read: {0}")]
    Io(String),
}

fn folder(state: &Path) -> PathBuf {
    state.join("fixes")
}

fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

fn tests(verdict: &Verdict) -> &[RegressionTest] {
    if let Verdict::Fixed(a) = verdict { &a.tests } else { &[] }
}

/// Keeps what is needed to take each fix of a run out again. `state`: Surefix's own directory of the project; `written`: the
/// files that were written.
pub fn keep(state: &Path, outcome: &Outcome, written: &[String]) -> std::io::Result<()> {
    let units = Units::new(outcome);
    let written: BTreeSet<&String> = written.iter().collect();
    let dir = folder(state);
    if !units.list.is_empty() {
        std::fs::create_dir_all(&dir)?;
    }
    let put = |bytes: &[u8]| -> std::io::Result<String> {
        let name = hash(bytes);
        let file = dir.join(&name);
        if !file.is_file() {
            std::fs::write(file, bytes)?;
        }
        Ok(name)
    };
    for (unit, texts) in units.list.iter().zip(units.without_each()) {
        if !unit.files.iter().all(|f| written.contains(f)) {
            continue;
        }
        let mut files = Vec::new();
        for path in &unit.files {
            let Some(c) = units.changed(path) else { continue };
            let without = texts.get(path).unwrap_or(&c.before);
            files.push(Side { path: path.clone(), with: put(&c.after)?, without: put(without)? });
        }
        let findings: Vec<_> = unit.findings.iter().filter_map(|i| outcome.findings.get(*i)).collect();
        for t in findings.iter().flat_map(|f| tests(&f.verdict)) {
            if !files.iter().any(|s| s.path == t.path) {
                let with = put(t.text.as_bytes())?;
                files.push(Side { path: t.path.clone(), with, without: String::new() });
            }
        }
        let titles: Vec<&str> = findings
            .iter()
            .filter_map(|f| match &f.verdict {
                Verdict::Fixed(a) => Some(a.diff.as_str()),
                _ => None,
            })
            .collect();
        let record = Record {
            version: 1,
            findings: findings.iter().map(|f| f.fingerprint.clone()).collect(),
            rules: findings.iter().map(|f| f.rule.id.to_string()).collect(),
            title: findings
                .iter()
                .find_map(|f| match &f.verdict {
                    Verdict::Fixed(a) => Some(a.title.clone()),
                    _ => None,
                })
                .unwrap_or_default(),
            tangled: titles.iter().any(|t| *t != titles[0]),
            files,
        };
        let text = serde_json::to_vec_pretty(&record)?;
        for f in &record.findings {
            std::fs::write(dir.join(format!("{f}.json")), &text)?;
        }
    }
    Ok(())
}

/// The record of a fix by the beginning of its id (at least four digits).
pub fn find(state: &Path, id: &str) -> Result<Record, Error> {
    let id = id.to_ascii_lowercase();
    if id.len() < 4 || !id.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(Error::Unknown(id));
    }
    let mut hits: Vec<String> = std::fs::read_dir(folder(state))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|e| e.file_name().into_string().ok()?.strip_suffix(".json").map(str::to_string))
        .filter(|n| n.starts_with(&id))
        .collect();
    hits.sort();
    match hits.as_slice() {
        [] => Err(Error::Unknown(id)),
        [one] => {
            let bytes =
                std::fs::read(folder(state).join(format!("{one}.json"))).map_err(|e| Error::Io(e.to_string()))?;
            serde_json::from_slice(&bytes).map_err(|e| Error::Io(e.to_string()))
        }
        several => Err(Error::Ambiguous(id, several.join(", "))),
    }
}

/// The files as they are without the fix. Files that no longer hold it are left out.
pub fn take_out(root: &Path, state: &Path, record: &Record) -> Result<Vec<Changed>, Error> {
    if record.tangled {
        return Err(Error::Tangled(record.findings.len()));
    }
    let mut out = Vec::new();
    for side in &record.files {
        let inside = !side.path.split('/').any(|p| p == ".." || p.is_empty());
        let content = |name: &str| -> Result<Vec<u8>, Error> {
            let bytes = std::fs::read(folder(state).join(name)).map_err(|e| Error::Io(e.to_string()))?;
            if inside && hash(&bytes) == name { Ok(bytes) } else { Err(Error::Io(format!("{}: damaged", side.path))) }
        };
        let with = content(&side.with)?;
        let now = std::fs::read(root.join(&side.path));
        if side.without.is_empty() {
            // A test that came with the fix.
            match now {
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
                Ok(now) if now == with => out.push(Changed {
                    path: side.path.clone(),
                    text_before: String::from_utf8_lossy(&now).into_owned(),
                    text_after: String::new(),
                    before: now,
                    after: Vec::new(),
                    group: 0,
                    kind: ChangeKind::Removed,
                }),
                _ => return Err(Error::Conflict(side.path.clone())),
            }
            continue;
        }
        let without = content(&side.without)?;
        let now = now.map_err(|e| Error::Io(format!("{}: {e}", side.path)))?;
        let after = if now == with {
            without
        } else {
            match diffy::merge_bytes(&with, &now, &without) {
                Ok(merged) => merged,
                // Where the fix could be put in again, it is out.
                Err(_) if diffy::merge_bytes(&without, &now, &with).is_ok_and(|again| again != now) => continue,
                Err(_) => return Err(Error::Conflict(side.path.clone())),
            }
        };
        if after == now {
            continue;
        }
        out.push(Changed {
            path: side.path.clone(),
            text_before: String::from_utf8_lossy(&now).into_owned(),
            text_after: String::from_utf8_lossy(&after).into_owned(),
            before: now,
            after,
            group: 0,
            kind: ChangeKind::Edited,
        });
    }
    // Tests without their fix are no sign of it.
    if out.iter().all(|c| c.kind == ChangeKind::Removed) { Err(Error::Gone) } else { Ok(out) }
}
