//! The loop: plan fixes for all findings, apply them in memory, verify, withdraw what does not pass, until nothing changes.

mod attempt;
mod imports;
mod propose;

use crate::Knowledge;
use crate::detect::{Detected, detect};
use crate::front;
use crate::gates;
use crate::map::PosMap;
use crate::outcome::{Applied, Diagnostic, SharedEdit, Stop, Verdict};
use crate::settings::Settings;
use crate::tree::{Replacement, Tree};
use attempt::Done;
use std::collections::{BTreeMap, BTreeSet};
use surefix_dataflow::Reuse;
use surefix_text::{Edit, EditKind, FileId, Fix, Reason, Refusal, Span};

/// Rounds that may change something before the loop counts as never coming to rest.
pub const MAX_PASSES: usize = 10;

/// A rule, and a file whose findings it fixes.
type Whose = (&'static str, FileId);

/// A finding on its way to a verdict.
pub struct Track {
    /// Index in the present detection, `None` when it is gone.
    pub now: Option<usize>,
    /// The verdict, once there is one.
    pub verdict: Option<Verdict>,
    /// Rounds that had changed something when a gate refused the fix.
    refused_at: usize,
}

impl Track {
    fn new(now: usize, verdict: Option<Verdict>) -> Track {
        // A verdict that was given is final: what was refused before is not tried again.
        let refused_at = if verdict.is_some() { usize::MAX } else { 0 };
        Track { now: Some(now), verdict, refused_at }
    }
}

/// Which planned fixes are wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    /// Those that the settings allow.
    Allowed,
    /// Those that they do not allow.
    Denied,
    /// All.
    All,
}

/// The loop's state.
pub struct FixLoop<'a> {
    tree: &'a mut Tree,
    settings: &'a Settings,
    knowledge: &'a Knowledge<'a>,
    /// What the last analysis left to the next.
    reuse: Option<Reuse>,
    /// The present detection.
    pub detected: Detected,
    /// Findings by index in the first detection.
    pub tracks: Vec<Track>,
    /// Position maps of each file, one a pass.
    history: BTreeMap<FileId, Vec<PosMap>>,
    /// Texts before the first change.
    originals: BTreeMap<FileId, Replacement>,
    /// Rules that may not fix a file any more, with the reason.
    banned: BTreeMap<Whose, Reason>,
    /// Files changed by one fix, which must be written together.
    pub together: Vec<Vec<FileId>>,
    /// Edits that belong to no single fix.
    pub shared: Vec<SharedEdit>,
    /// Messages.
    pub diagnostics: Vec<Diagnostic>,
    /// Rounds that changed something.
    pub passes: usize,
    /// Nothing will be written: fixes that the settings do not allow are verified together with the others.
    preview: bool,
    /// Simple names of library members that models know.
    known: BTreeSet<&'a str>,
}

/// A planned fix of one finding.
struct Planned {
    /// Index of the finding in the first detection.
    track: usize,
    /// Index in the present detection.
    at: usize,
    fix: Fix,
    policy: Option<Refusal>,
}

/// How one round ended.
#[derive(Default)]
struct Round {
    /// Fixes that went in: rule, file of the finding.
    applied: Vec<Whose>,
    /// True when a gate refused a fix.
    withdrawn: bool,
}

impl<'a> FixLoop<'a> {
    /// Starts from a detection; `verdicts` are those already given (suppressed, excluded).
    pub fn new(
        tree: &'a mut Tree,
        settings: &'a Settings,
        knowledge: &'a Knowledge<'a>,
        reuse: Option<Reuse>,
        detected: Detected,
        verdicts: Vec<Option<Verdict>>,
        preview: bool,
    ) -> FixLoop<'a> {
        let tracks = verdicts.into_iter().enumerate().map(|(i, verdict)| Track::new(i, verdict)).collect();
        let known = knowledge.models.members.keys().map(|(_, full)| gates::simple_name(full)).collect();
        FixLoop {
            tree,
            settings,
            knowledge,
            reuse,
            detected,
            tracks,
            history: BTreeMap::new(),
            originals: BTreeMap::new(),
            banned: BTreeMap::new(),
            together: Vec::new(),
            shared: Vec::new(),
            diagnostics: Vec::new(),
            passes: 0,
            preview,
            known,
        }
    }

    /// Runs to the end. Afterwards the tree holds the fixed texts (after a preview: those that were read) and every finding has
    /// a verdict. `Err`: the analysis broke down.
    pub fn run(&mut self) -> Result<Stop, String> {
        let first = std::mem::take(&mut self.detected);
        let given: Vec<Option<Verdict>> = self.tracks.iter().map(|t| t.verdict.clone()).collect();
        let mut stop = Stop::Fixpoint;
        let mut start = Some(first);
        loop {
            self.detected = match start.take() {
                Some(d) => d,
                // After a cycle everything is planned anew from the texts as they were read.
                None => detect(self.tree, self.settings, self.knowledge, &mut self.reuse)?,
            };
            match self.run_once()? {
                None => break,
                Some((why, dropped)) => {
                    stop = if why == Reason::Cycle || stop == Stop::Cycle { Stop::Cycle } else { Stop::Budget };
                    for pair in dropped {
                        self.banned.insert(pair, why);
                    }
                    self.reset(&given);
                }
            }
        }
        if self.preview {
            let originals = std::mem::take(&mut self.originals);
            self.tree.swap(originals.into_values().collect());
        } else {
            self.verify_denied()?;
        }
        for t in &mut self.tracks {
            t.verdict.get_or_insert_with(|| {
                Verdict::Abstained(Refusal::new(Reason::Conflict, "the fix never fitted beside the others"))
            });
        }
        Ok(stop)
    }

    /// Texts before the first change, by file.
    pub fn into_originals(self) -> BTreeMap<FileId, Replacement> {
        self.originals
    }

    fn reset(&mut self, given: &[Option<Verdict>]) {
        let originals = std::mem::take(&mut self.originals);
        self.tree.swap(originals.into_values().collect());
        self.history.clear();
        self.together.clear();
        self.shared.clear();
        self.passes = 0;
        for (i, (t, v)) in self.tracks.iter_mut().zip(given).enumerate() {
            *t = Track::new(i, v.clone());
        }
    }

    /// Rounds until nothing changes; `Some` names the fixes that never come to rest.
    fn run_once(&mut self) -> Result<Option<(Reason, BTreeSet<Whose>)>, String> {
        let mut states: Vec<BTreeMap<FileId, blake3::Hash>> = vec![BTreeMap::new()];
        let mut log: Vec<Vec<Whose>> = Vec::new();
        let which = if self.preview { Which::All } else { Which::Allowed };
        loop {
            let planned = self.plan(which);
            let round = self.round(planned, None)?;
            if round.applied.is_empty() {
                // Withdrawn fixes make room for those that waited; each is tried once, so this ends.
                if round.withdrawn || self.try_again() {
                    continue;
                }
                return Ok(None);
            }
            self.passes += 1;
            log.push(round.applied);
            let state: BTreeMap<FileId, blake3::Hash> = self
                .originals
                .iter()
                .filter_map(|(file, before)| {
                    let now = self.tree.text(*file)?;
                    (now != before.text).then(|| (*file, blake3::hash(now.as_bytes())))
                })
                .collect();
            if let Some(seen) = states.iter().position(|s| *s == state) {
                return Ok(Some((Reason::Cycle, log[seen..].iter().flatten().copied().collect())));
            }
            states.push(state);
            if self.passes >= MAX_PASSES {
                let last = log.last().map(|l| l.iter().copied().collect()).unwrap_or_default();
                return Ok(Some((Reason::Budget, last)));
            }
        }
    }

    /// Refused fixes get another chance once the code around them has changed: a second run would try them too.
    fn try_again(&mut self) -> bool {
        let mut any = false;
        for t in &mut self.tracks {
            if t.now.is_some() && t.refused_at < self.passes && matches!(t.verdict, Some(Verdict::Rejected { .. })) {
                t.verdict = None;
                any = true;
            }
        }
        any
    }

    /// One round: offers the fixes in order, applies what fits, verifies, withdraws the guilty. Findings whose fix went in or
    /// was rejected get their verdict; those that did not fit wait for the next round. Gives the fixes that went in (rule and
    /// file of the finding) and whether any fix was withdrawn. In a preview, what was replaced is kept in `undo`.
    fn round(
        &mut self,
        mut planned: Vec<Planned>,
        mut undo: Option<&mut Vec<Vec<Replacement>>>,
    ) -> Result<Round, String> {
        planned.sort_by_key(|p| (p.policy.is_some(), p.at));
        let mut plan = front::Plan::new();
        let mut chosen = Vec::new();
        for p in planned {
            match plan.offer(&p.fix) {
                Ok(()) => chosen.push(p),
                Err(why) => {
                    self.tracks[p.track].verdict = Some(Verdict::Abstained(Refusal::new(Reason::Conflict, why)))
                }
            }
        }
        let mut round = Round::default();
        let mut checks = 0;
        while !chosen.is_empty() {
            let all: Vec<usize> = (0..chosen.len()).collect();
            checks += 1;
            let attempt = self.attempt(&chosen, &all)?;
            if attempt.problems.is_empty()
                && let Some(done) = attempt.done
            {
                round.applied = chosen.iter().map(|p| (self.rule_of(p), self.file_of(p))).collect();
                let old = self.accept(chosen, *done, &attempt.covered, undo.is_some());
                match &mut undo {
                    Some(stack) => stack.push(old),
                    None => old.into_iter().for_each(|r| {
                        self.originals.entry(r.file).or_insert(r);
                    }),
                }
                return Ok(round);
            }
            if let Some(done) = attempt.done {
                self.tree.swap(done.old);
            }
            let guilty = self.guilty(&chosen, &attempt.problems, &mut checks)?;
            let mut kept = Vec::new();
            for (i, p) in chosen.into_iter().enumerate() {
                match guilty.get(&i) {
                    Some(problem) => {
                        round.withdrawn = true;
                        self.tracks[p.track].refused_at = self.passes;
                        self.tracks[p.track].verdict = Some(Verdict::Rejected {
                            title: p.fix.title,
                            gate: problem.gate,
                            detail: problem.detail.clone(),
                        });
                    }
                    None => kept.push(p),
                }
            }
            chosen = kept;
        }
        Ok(round)
    }

    fn rule_of(&self, p: &Planned) -> &'static str {
        self.detected.found[p.at].rule
    }

    fn file_of(&self, p: &Planned) -> FileId {
        self.detected.found[p.at].file
    }

    /// Takes a clean attempt over: verdicts, places, history. Gives the texts that were replaced.
    fn accept(
        &mut self,
        mut chosen: Vec<Planned>,
        done: Done,
        covered: &[(usize, usize)],
        preview: bool,
    ) -> Vec<Replacement> {
        let old_text = |file: FileId| done.old.iter().find(|r| r.file == file).map_or("", |r| r.text.as_str());
        for (owners, edit) in &done.orphans {
            for i in owners {
                if let Some(p) = chosen.get_mut(*i) {
                    p.fix.edits.push(edit.clone());
                }
            }
            if owners.is_empty() && !preview {
                let original = self.in_original(edit);
                self.shared.push(SharedEdit { made: edit.clone(), pass: self.passes + 1, original });
            }
        }
        let mut made: BTreeMap<usize, (Applied, Option<Refusal>)> = BTreeMap::new();
        for (i, p) in chosen.iter().enumerate() {
            let files: BTreeSet<FileId> =
                p.fix.edits.iter().filter(|e| e.kind == EditKind::Replace).map(|e| e.file).collect();
            let mut diff = String::new();
            for file in &files {
                let mut own: Vec<Edit> =
                    p.fix.edits.iter().filter(|e| e.file == *file && e.kind == EditKind::Replace).cloned().collect();
                own.sort();
                own.dedup();
                let before = old_text(*file);
                diff.push_str(&front::diff(self.tree.path(*file), before, &gates::splice(before, &own)));
            }
            let applied = Applied {
                title: p.fix.title.clone(),
                tier: p.fix.assurance.tier(),
                reasons: p.fix.assurance.reasons().to_vec(),
                edits: self.edits_in_original(&p.fix),
                made: p.fix.edits.iter().filter(|e| e.kind == EditKind::Replace).cloned().collect(),
                diff,
                files: files.iter().map(|f| self.tree.path(*f).to_string()).collect(),
                evidence: gates::evidence(),
                pass: self.passes + 1,
                tests: Vec::new(),
            };
            if files.len() > 1 && !preview && p.policy.is_none() {
                self.together.push(files.into_iter().collect());
            }
            made.insert(i, (applied, p.policy.clone()));
        }
        let verdict = |(applied, policy): &(Applied, Option<Refusal>)| {
            let fix = Box::new(applied.clone());
            if preview || policy.is_some() {
                Verdict::Fixable { fix, policy: policy.clone() }
            } else {
                Verdict::Fixed(fix)
            }
        };
        for (i, p) in chosen.iter().enumerate() {
            self.tracks[p.track].verdict = made.get(&i).map(verdict);
        }
        for (at, by) in covered {
            if let Some(t) = self.tracks.iter_mut().find(|t| t.now == Some(*at))
                && matches!(t.verdict, None | Some(Verdict::Abstained(_)) | Some(Verdict::Rejected { .. }))
            {
                t.verdict = made.get(by).map(verdict);
            }
        }
        for t in &mut self.tracks {
            t.now = t.now.and_then(|j| done.followed.now.get(j).copied().flatten());
        }
        for (file, map) in done.maps {
            self.history.entry(file).or_default().push(map);
        }
        self.detected = done.next;
        done.old
    }

    /// The fix's edits in terms of the files as they were read, unless it touches what an earlier round wrote.
    fn edits_in_original(&self, fix: &Fix) -> Option<Vec<Edit>> {
        fix.edits.iter().filter(|e| e.kind == EditKind::Replace).map(|e| self.in_original(e)).collect()
    }

    fn in_original(&self, e: &Edit) -> Option<Edit> {
        let maps = self.history.get(&e.file).map_or(&[][..], Vec::as_slice);
        let span = maps.iter().rev().try_fold(e.span, |s: Span, m| m.back(s))?;
        Some(Edit { span, ..e.clone() })
    }

    /// Verifies the fixes that the settings do not allow, on top of the others, and takes them out again: `fixable` is a promise.
    fn verify_denied(&mut self) -> Result<(), String> {
        let mut undo: Vec<Vec<Replacement>> = Vec::new();
        for _ in 0..MAX_PASSES {
            let planned = self.plan(Which::Denied);
            if planned.is_empty() {
                break;
            }
            let round = self.round(planned, Some(&mut undo))?;
            if round.applied.is_empty() && !round.withdrawn {
                break;
            }
        }
        for old in undo.into_iter().rev() {
            self.tree.swap(old);
        }
        Ok(())
    }
}
