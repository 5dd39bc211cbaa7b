//! Trying fixes out: apply them in memory, run the gates, find the guilty ones.

use super::imports::Extra;
use super::{FixLoop, Planned};
use crate::detect::{Detected, detect};
use crate::follow::{Followed, follow};
use crate::front;
use crate::gates::{self, Problem};
use crate::map::PosMap;
use crate::outcome::Gate;
use crate::tree::Replacement;
use std::collections::{BTreeMap, BTreeSet};
use surefix_rules::Confidence;
use surefix_text::{Assurance, Edit, EditKind, FileId, Fix, Tier};

/// Analyses that the search for guilty fixes of one round may spend.
const MAX_CHECKS: usize = 40;

/// What an attempt to apply some fixes led to.
pub(super) struct Attempt {
    pub(super) problems: Vec<Problem>,
    /// Findings that went away with a fix of another one: index before, index of the fix.
    pub(super) covered: Vec<(usize, usize)>,
    /// The new state, when the analysis got that far; the tree is exchanged then.
    pub(super) done: Option<Box<Done>>,
}

impl Attempt {
    fn failed(problem: Problem) -> Attempt {
        Attempt { problems: vec![problem], covered: Vec::new(), done: None }
    }
}

pub(super) struct Done {
    pub(super) next: Detected,
    pub(super) followed: Followed,
    pub(super) maps: BTreeMap<FileId, PosMap>,
    /// What the fixes replaced.
    pub(super) old: Vec<Replacement>,
    /// Imports that were taken out with the fixes.
    pub(super) orphans: Vec<Extra>,
}

impl FixLoop<'_> {
    /// Applies a subset of the chosen fixes and runs the gates. The tree is exchanged when `done` is given.
    pub(super) fn attempt(&mut self, chosen: &[Planned], subset: &[usize]) -> Result<Attempt, String> {
        let mut plan = front::Plan::new();
        for i in subset {
            // A subset of fixes that fit together fits together.
            if let Err(why) = plan.offer(&chosen[*i].fix) {
                return Ok(Attempt::failed(Problem { gate: Gate::Bytes, detail: why, suspects: vec![*i] }));
            }
        }
        let fixes: Vec<(usize, &Fix)> = subset.iter().map(|i| (*i, &chosen[*i].fix)).collect();
        let mut edits: BTreeMap<FileId, Vec<Edit>> = BTreeMap::new();
        for (_, fix) in &fixes {
            for e in fix.edits.iter().filter(|e| e.kind == EditKind::Replace) {
                edits.entry(e.file).or_default().push(e.clone());
            }
        }
        for list in edits.values_mut() {
            list.sort();
            list.dedup();
        }
        let orphans = self.take_out_orphans(&fixes, &mut edits, &mut plan);
        let mut texts = BTreeMap::new();
        let mut maps = BTreeMap::new();
        let mut problems = Vec::new();
        for (file, list) in &mut edits {
            let before = self.tree.text(*file).unwrap_or("");
            let spliced = gates::splice(before, list);
            let original = self.originals.get(file).map_or(before, |r| r.text.as_str());
            let checked = plan.apply(*file, before).and_then(|after| {
                let source = self.tree.source(*file).ok_or("no such file")?;
                gates::bytes(source, original, &after)?;
                if spliced == after { Ok(after) } else { Err("an edit spilled over".to_string()) }
            });
            let after = match checked {
                Ok(after) => after,
                Err(why) => {
                    let detail = format!("{}: {why}", self.tree.path(*file));
                    problems.push(Problem { gate: Gate::Bytes, detail, suspects: gates::touching(&fixes, *file) });
                    continue;
                }
            };
            maps.insert(*file, PosMap::new(list.iter().map(|e| (e.span, e.text.len() as u32)).collect()));
            texts.insert(*file, after);
        }
        let mut replacements = Vec::new();
        for r in self.tree.prepare(texts) {
            match r {
                Ok(r) => {
                    if let Some(detail) = gates::parse(self.tree, &r, &maps) {
                        problems.push(Problem { gate: Gate::Parse, detail, suspects: gates::touching(&fixes, r.file) });
                    }
                    replacements.push(r);
                }
                Err((file, why)) => {
                    let detail = format!("{}: cannot be analysed after the change: {why}", self.tree.path(file));
                    problems.push(Problem { gate: Gate::Parse, detail, suspects: gates::touching(&fixes, file) });
                }
            }
        }
        if !problems.is_empty() {
            return Ok(Attempt { problems, covered: Vec::new(), done: None });
        }
        let old = self.tree.swap(replacements);
        let next = match detect(self.tree, self.settings, self.knowledge, &mut self.reuse) {
            Ok(next) => next,
            Err(e) => {
                self.tree.swap(old);
                let suspects = subset.to_vec();
                let detail = format!("the analysis broke down after the change: {e}");
                return Ok(Attempt::failed(Problem { gate: Gate::Gone, detail, suspects }));
            }
        };
        let d = &self.detected;
        let targets: Vec<(usize, usize)> = subset.iter().map(|i| (*i, chosen[*i].at)).collect();
        let aims = targets.iter().map(|t| t.1).collect();
        let followed = follow(&d.found, &d.fingerprints, &next.found, &next.fingerprints, &maps, &aims);
        let judge = gates::Judge {
            tree: self.tree,
            fixes: &fixes,
            targets: &targets,
            before: d,
            after: &next,
            followed: &followed,
            maps: &maps,
            old: &old,
            floor: self.settings.report_confidence.min(Confidence::Medium),
            live: &self.live(),
            known: &self.known,
        };
        let (problems, covered) = judge.verdict();
        Ok(Attempt { problems, covered, done: Some(Box::new(Done { next, followed, maps, old, orphans })) })
    }

    /// Adds the edits that take orphaned imports out, but for those that a fix is in the way of.
    fn take_out_orphans(
        &self,
        fixes: &[(usize, &Fix)],
        edits: &mut BTreeMap<FileId, Vec<Edit>>,
        plan: &mut front::Plan,
    ) -> Vec<Extra> {
        let mut orphans = self.orphans(fixes, edits);
        orphans.retain(|(_, e)| {
            let title = "Take out imports that nothing uses any more".to_string();
            let assurance = Assurance::start(Tier::Preserving);
            plan.offer(&Fix { title, edits: vec![e.clone()], assurance, needs: Vec::new() }).is_ok()
        });
        for (_, e) in &orphans {
            let list = edits.entry(e.file).or_default();
            list.push(e.clone());
            list.sort();
        }
        orphans
    }

    /// Present findings that somebody still cares about: all but those already rejected count as well.
    fn live(&self) -> BTreeSet<usize> {
        self.tracks.iter().filter_map(|t| t.now).collect()
    }

    /// Which of the chosen fixes are to blame. Problems with one suspect name it; otherwise the first problem is searched by
    /// halves for the fix with which it appears.
    pub(super) fn guilty(
        &mut self,
        chosen: &[Planned],
        problems: &[Problem],
        checks: &mut usize,
    ) -> Result<BTreeMap<usize, Problem>, String> {
        let mut out: BTreeMap<usize, Problem> = BTreeMap::new();
        for p in problems {
            if let [one] = p.suspects[..] {
                out.entry(one).or_insert_with(|| p.clone());
            }
        }
        let Some(first) = problems.iter().find(|p| !p.suspects.is_empty()) else {
            // Nobody in particular: then none of them can be trusted.
            let p = problems.first().cloned().unwrap_or_else(|| Problem {
                gate: Gate::Clean,
                detail: "the change could not be verified".to_string(),
                suspects: Vec::new(),
            });
            return Ok((0..chosen.len()).map(|i| (i, p.clone())).collect());
        };
        if !out.is_empty() {
            return Ok(out);
        }
        let suspects = first.suspects.clone();
        let (mut lo, mut hi) = (0, suspects.len());
        while hi - lo > 1 {
            if *checks >= MAX_CHECKS {
                return Ok(suspects.iter().map(|i| (*i, first.clone())).collect());
            }
            *checks += 1;
            let mid = lo + (hi - lo) / 2;
            let subset: Vec<usize> =
                (0..chosen.len()).filter(|i| suspects.iter().position(|s| s == i).is_none_or(|n| n < mid)).collect();
            let attempt = self.attempt(chosen, &subset)?;
            if let Some(done) = attempt.done {
                self.tree.swap(done.old);
            }
            if attempt.problems.iter().any(|p| p.gate == first.gate) { hi = mid } else { lo = mid }
        }
        Ok(suspects.get(lo).map(|i| (*i, first.clone())).into_iter().collect())
    }
}
