//! Single results of a step: tests, messages, files, each by a name that stays the same from run to run.

mod junit;
mod lines;

use crate::plan::{Report, Step};
use crate::sandbox::{Ended, How, Place};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Report files above this size are not read.
const MAX_FILE: u64 = 256 << 20;
/// Report files of one step that are read.
const MAX_FILES: usize = 200_000;
/// Bytes of a failure's text that are kept.
const MESSAGE: usize = 2000;
/// Bytes of a name that are kept.
const NAME: usize = 500;

/// How one test ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Result1 {
    /// It passed.
    Passed,
    /// It was left out.
    Skipped,
    /// It failed; the text is what the runner says of it.
    Failed(String),
}

/// Results by name. A name that occurs again gets a number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Results(pub BTreeMap<String, Result1>);

impl Results {
    fn add(&mut self, name: &str, result: Result1) {
        let name = cut(name.trim(), NAME);
        let result = match result {
            Result1::Failed(m) => Result1::Failed(cut(m.trim(), MESSAGE)),
            r => r,
        };
        let mut key = name.clone();
        let mut n = 2;
        while self.0.contains_key(&key) {
            key = format!("{name} ({n})");
            n += 1;
        }
        self.0.insert(key, result);
    }
    /// The same with every text changed.
    pub fn map_text(self, change: &dyn Fn(&str) -> String) -> Results {
        let one = |(name, result): (String, Result1)| match result {
            Result1::Failed(m) => (change(&name), Result1::Failed(change(&m))),
            r => (change(&name), r),
        };
        Results(self.0.into_iter().map(one).collect())
    }
    /// Number of passed ones.
    pub fn passed(&self) -> usize {
        self.0.values().filter(|r| **r == Result1::Passed).count()
    }
    /// Number of failed ones.
    pub fn failed(&self) -> usize {
        self.0.values().filter(|r| matches!(r, Result1::Failed(_))).count()
    }
}

/// The beginning of a text, cut between characters.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().map(|(i, _)| i).find(|i| *i >= most) {
        Some(at) => format!("{}…", &text[..at]),
        None => text.to_string(),
    }
}

/// Reads the results of a step that has ended; `None` when only the exit code speaks.
pub fn read(step: &Step, ended: &Ended, place: &Place) -> Option<Results> {
    if !matches!(ended.how, How::Exit(_)) {
        // What was written before a run was cut off is no answer.
        return None;
    }
    let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    let whole = !ended.truncated;
    match step.report {
        Report::Exit => None,
        Report::JunitFile => {
            let bytes = regular(&place.reports(), Path::new("junit.xml"))?;
            junit::read(&text(&bytes)).map(|list| collect([list]))
        }
        Report::JunitFolders(names) => {
            let files = junit_files(&place.written().join(&step.dir), names);
            let lists: Vec<_> =
                files.iter().filter_map(|f| std::fs::read(f).ok()).filter_map(|b| junit::read(&text(&b))).collect();
            (!lists.is_empty()).then(|| collect(lists))
        }
        Report::NodeJson => lines::node(&regular(&place.reports(), Path::new("results.json"))?),
        Report::GoJson if whole => lines::go(&text(&ended.stdout)),
        Report::Tap if whole => lines::tap(&text(&ended.stdout)),
        Report::CargoTest if whole => lines::cargo(&text(&ended.stdout)),
        Report::Unittest if whole => lines::unittest(&text(&ended.stderr)),
        Report::Compileall if whole && matches!(ended.how, How::Exit(0 | 1)) => {
            Some(lines::compileall(&text(&ended.stdout)))
        }
        Report::Messages if whole && matches!(ended.how, How::Exit(0..=2)) => {
            lines::messages(&text(&ended.stdout), &ended.how)
        }
        _ => None,
    }
}

/// Removes reports that an earlier command, or the user's own build before the copy, left in the place.
pub fn clear(step: &Step, place: &Place) -> std::io::Result<()> {
    if place.reports().exists() {
        crate::sandbox::mend(&place.reports())?;
    }
    match step.report {
        Report::JunitFolders(names) => {
            junit_files(&place.written().join(&step.dir), names).iter().try_for_each(std::fs::remove_file)
        }
        _ => Ok(()),
    }
}

fn collect(lists: impl IntoIterator<Item = Vec<(String, Result1)>>) -> Results {
    let mut out = Results::default();
    for (name, result) in lists.into_iter().flatten() {
        out.add(&name, result);
    }
    out
}

/// The bytes of a regular file below a directory, reached without a symbolic link: commands could have put one there.
pub(crate) fn regular(dir: &Path, file: &Path) -> Option<Vec<u8>> {
    let mut at = dir.to_path_buf();
    for part in file.components() {
        if !at.symlink_metadata().is_ok_and(|m| m.is_dir()) {
            return None;
        }
        at.push(part);
    }
    let meta = at.symlink_metadata().ok()?;
    (meta.is_file() && meta.len() <= MAX_FILE).then(|| std::fs::read(at).ok()).flatten()
}

/// XML files in folders of some names, sorted.
fn junit_files(dir: &Path, names: &[&str]) -> Vec<PathBuf> {
    let mut out = Vec::new();
    let mut stack = vec![(dir.to_path_buf(), false)];
    while let Some((d, inside)) = stack.pop() {
        for e in std::fs::read_dir(&d).into_iter().flatten().flatten() {
            let name = e.file_name().to_string_lossy().into_owned();
            let Ok(kind) = e.file_type() else { continue };
            if kind.is_dir() {
                stack.push((e.path(), inside || names.contains(&name.as_str())));
            } else if kind.is_file()
                && inside
                && name.ends_with(".xml")
                && e.metadata().is_ok_and(|m| m.len() <= MAX_FILE)
            {
                out.push(e.path());
            }
        }
        if out.len() > MAX_FILES {
            break;
        }
    }
    out.sort();
    out
}

#[cfg(test)]
mod tests;
