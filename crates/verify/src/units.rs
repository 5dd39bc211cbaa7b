//! Fixes as units that can be applied without each other, and the texts of any set of them.

use std::collections::{BTreeMap, BTreeSet};
use surefix_engine::{Applied, ChangeKind, Changed, Outcome, Verdict};
use surefix_text::{Edit, EditKind, EditPlan, FileId, Fix};

/// A set of findings whose fixes go in together or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Indices of the findings in the outcome, ascending.
    pub findings: Vec<usize>,
    /// Files changed, sorted.
    pub files: Vec<String>,
    /// Edits in terms of the original files; `None`: the unit stands for whole files.
    edits: Option<Vec<Edit>>,
}

/// The units of an outcome.
#[derive(Clone, Debug)]
pub struct Units<'a> {
    /// Sorted by their first finding.
    pub list: Vec<Unit>,
    outcome: &'a Outcome,
    ids: BTreeMap<&'a str, FileId>,
}

/// Changed files with their new bytes, by root-relative path.
pub type Texts = BTreeMap<String, Vec<u8>>;

fn fixed(outcome: &Outcome) -> impl Iterator<Item = (usize, &Applied)> {
    outcome.findings.iter().enumerate().filter_map(|(i, f)| match &f.verdict {
        Verdict::Fixed(a) => Some((i, a.as_ref())),
        _ => None,
    })
}

impl<'a> Units<'a> {
    /// Takes an outcome apart. Fixes of later rounds rely on earlier ones of the same files, so these make one unit for whole
    /// files; so do those whose edits do not add up to the texts that were verified in memory.
    pub fn new(outcome: &'a Outcome) -> Units<'a> {
        let ids: BTreeMap<&str, FileId> = outcome.paths.iter().map(|(id, p)| (p.as_str(), FileId(*id))).collect();
        // Findings that share one fix.
        let mut list: Vec<Unit> = Vec::new();
        let mut seen: BTreeMap<&[String], Vec<(&Applied, usize)>> = BTreeMap::new();
        let mut late: BTreeSet<String> = BTreeSet::new();
        for (i, a) in fixed(outcome) {
            if a.pass > 1 || a.edits.is_none() {
                late.extend(a.files.iter().cloned());
            }
            let near = seen.entry(&a.files).or_default();
            match near.iter().find(|(other, _)| *other == a) {
                Some((_, at)) => list[*at].findings.push(i),
                None => {
                    near.push((a, list.len()));
                    list.push(Unit { findings: vec![i], files: a.files.clone(), edits: a.edits.clone() });
                }
            }
        }
        let mut out = Units { list, outcome, ids };
        out.join(late);
        // The proof that taking apart loses nothing: all together make the verified texts.
        loop {
            let all: Vec<usize> = (0..out.list.len()).collect();
            let texts = out.texts(&all);
            let odd: BTreeSet<String> = outcome
                .changed
                .iter()
                .filter(|c| c.kind == ChangeKind::Edited && texts.get(&c.path) != Some(&c.after))
                .map(|c| c.path.clone())
                .filter(|p| !out.list.iter().any(|u| u.edits.is_none() && u.files.contains(p)))
                .collect();
            if odd.is_empty() {
                return out;
            }
            out.join(odd);
        }
    }

    /// Makes all units that touch one of the files whole-file units, joined with whatever shares a file with them.
    fn join(&mut self, mut files: BTreeSet<String>) {
        for u in self.list.iter().filter(|u| u.edits.is_none()) {
            files.extend(u.files.iter().cloned());
        }
        loop {
            let before = files.len();
            let more: Vec<String> = self
                .list
                .iter()
                .filter(|u| u.files.iter().any(|f| files.contains(f)))
                .flat_map(|u| u.files.clone())
                .collect();
            files.extend(more);
            if files.len() == before {
                break;
            }
        }
        let (whole, mut rest): (Vec<Unit>, Vec<Unit>) =
            std::mem::take(&mut self.list).into_iter().partition(|u| u.files.iter().any(|f| files.contains(f)));
        let mut groups: Vec<Unit> = Vec::new();
        for u in whole {
            let mut merged = Unit { edits: None, ..u };
            let touches = |g: &Unit| g.files.iter().any(|f| merged.files.contains(f));
            let (near, far): (Vec<Unit>, Vec<Unit>) = groups.into_iter().partition(touches);
            groups = far;
            for n in near {
                merged.findings.extend(n.findings);
                merged.files.extend(n.files);
            }
            merged.findings.sort_unstable();
            merged.files.sort();
            merged.files.dedup();
            groups.push(merged);
        }
        rest.extend(groups);
        rest.sort_by(|a, b| a.findings.cmp(&b.findings));
        self.list = rest;
    }

    /// A changed file.
    pub(crate) fn changed(&self, path: &str) -> Option<&'a Changed> {
        let at = self.outcome.changed.binary_search_by(|c| c.path.as_str().cmp(path)).ok()?;
        self.outcome.changed.get(at)
    }

    /// For each unit its files as they are when all units but this one are applied.
    pub fn without_each(&self) -> impl Iterator<Item = Texts> {
        let mut by_file: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        for (n, u) in self.list.iter().enumerate() {
            for f in &u.files {
                by_file.entry(f).or_default().insert(n);
            }
        }
        let without = move |(n, u): (usize, &Unit)| {
            let near: BTreeSet<usize> = u.files.iter().flat_map(|f| &by_file[f.as_str()]).copied().collect();
            let near: Vec<usize> = near.into_iter().filter(|o| *o != n).collect();
            let mut texts = self.texts(&near);
            texts.retain(|path, _| u.files.contains(path));
            texts
        };
        self.list.iter().enumerate().map(without)
    }

    /// The changed files when only these units are applied.
    pub fn texts(&self, units: &[usize]) -> Texts {
        let mut out = Texts::new();
        let mut edits: BTreeMap<&str, Vec<Edit>> = BTreeMap::new();
        for u in units.iter().filter_map(|u| self.list.get(*u)) {
            for path in &u.files {
                match &u.edits {
                    None => {
                        if let Some(c) = self.changed(path) {
                            out.insert(path.clone(), c.after.clone());
                        }
                    }
                    Some(list) => {
                        let id = self.ids.get(path.as_str());
                        let own = list.iter().filter(|e| Some(&e.file) == id && e.kind == EditKind::Replace).cloned();
                        edits.entry(path).or_default().extend(own);
                    }
                }
            }
        }
        for (path, list) in edits {
            let Some(c) = self.changed(path) else { continue };
            // What does not fit together is noticed because the texts differ from the verified ones.
            let Some(text) = splice(&c.text_before, &list) else { continue };
            if text == c.text_after {
                out.insert(path.to_string(), c.after.clone());
            } else if let Some(bytes) = recode(c, &text) {
                out.insert(path.to_string(), bytes);
            }
        }
        out
    }

    /// The findings' indices of some units, ascending.
    pub fn findings(&self, units: &[usize]) -> Vec<usize> {
        let mut out: Vec<usize> =
            units.iter().filter_map(|u| self.list.get(*u)).flat_map(|u| u.findings.iter().copied()).collect();
        out.sort_unstable();
        out
    }
}

/// A text with edits put in, each once; `None` when they are at odds.
fn splice(text: &str, edits: &[Edit]) -> Option<String> {
    let file = edits.first()?.file;
    let mut plan = EditPlan::new();
    for (n, e) in edits.iter().enumerate() {
        let fix = Fix {
            title: String::new(),
            edits: vec![e.clone()],
            assurance: surefix_text::Assurance::start(surefix_text::Tier::Preserving),
            needs: Vec::new(),
        };
        plan.offer(n as u32, &fix).ok()?;
    }
    plan.apply(file, text).ok()
}

/// The bytes of a text in the encoding of the file.
fn recode(c: &Changed, text: &str) -> Option<Vec<u8>> {
    let source = surefix_text::SourceFile::decode(&c.path, &c.before).ok()?;
    source.encode(text).ok()
}
