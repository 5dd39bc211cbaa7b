//! The edit plan: which fixes go in together. The only overlap logic of the program.

use crate::{Edit, EditKind, FileId, Fix, Span};
use std::collections::{BTreeMap, BTreeSet};

/// Why a fix cannot go in beside those already planned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("fix {fix} and fix {with} conflict in file {} at {}..{}: {kind}", file.0, span.lo, span.hi)]
pub struct Conflict {
    /// The fix that was offered.
    pub fix: u32,
    /// The planned fix in the way, the smallest id if several share the edit; equals `fix` when the fix is at odds with itself.
    pub with: u32,
    /// The file.
    pub file: FileId,
    /// The offered edit.
    pub span: Span,
    /// The planned edit.
    pub other: Span,
    /// What is wrong.
    pub kind: ConflictKind,
}

/// Kind of a [`Conflict`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum ConflictKind {
    /// Two different replacements share a byte.
    #[error("different replacements overlap")]
    Overlap,
    /// Two different texts at one point; their order would be a guess.
    #[error("different insertions at one point")]
    Insertions,
    /// An insertion strictly inside replaced text.
    #[error("an insertion inside replaced text")]
    InsideReplaced,
    /// A change of text that a fix relies on.
    #[error("a change of pinned text")]
    Pinned,
    /// A span that ends before it starts.
    #[error("a malformed span")]
    Malformed,
    /// The id is already planned with other edits.
    #[error("the fix is already planned with other edits")]
    Reoffered,
}

/// Why a plan does not fit a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the edit at {}..{} is outside the text or inside a character", span.lo, span.hi)]
pub struct ApplyError {
    /// The edit.
    pub span: Span,
}

/// An edit's text with the fixes that want it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shared {
    hi: u32,
    text: String,
    owners: BTreeSet<u32>,
}

/// What is planned for one file. Invariant: replacements are disjoint, no insertion lies strictly inside one, no pin
/// is changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct FilePlan {
    /// By first byte; spans are not empty.
    replaced: BTreeMap<u32, Shared>,
    inserted: BTreeMap<u32, Shared>,
    pins: BTreeMap<(u32, u32), BTreeSet<u32>>,
    /// Number of pins by length: the longest bounds how far back an overlapping pin can start.
    pin_lengths: BTreeMap<u32, u32>,
}

/// Fixes that can be applied together, over any number of files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EditPlan {
    files: BTreeMap<FileId, FilePlan>,
    /// The edits of each planned fix, sorted, without duplicates.
    fixes: BTreeMap<u32, Vec<Edit>>,
}

impl EditPlan {
    /// An empty plan.
    pub fn new() -> EditPlan {
        EditPlan::default()
    }

    /// Takes the whole fix, or nothing of it. Edits equal to planned ones are shared. Offering the same fix again is fine.
    pub fn offer(&mut self, fix_id: u32, fix: &Fix) -> Result<(), Conflict> {
        let mut edits: Vec<Edit> = fix.edits.clone();
        edits.sort();
        edits.dedup();
        if let Some(planned) = self.fixes.get(&fix_id) {
            let odd =
                edits.iter().find(|e| !planned.contains(e)).or_else(|| planned.iter().find(|e| !edits.contains(e)));
            return match odd {
                None => Ok(()),
                Some(e) => Err(Conflict {
                    fix: fix_id,
                    with: fix_id,
                    file: e.file,
                    span: e.span,
                    other: e.span,
                    kind: ConflictKind::Reoffered,
                }),
            };
        }
        for (n, edit) in edits.iter().enumerate() {
            let plan = self.files.entry(edit.file).or_default();
            let checked = plan.check(fix_id, edit);
            if checked.is_ok() {
                plan.insert(fix_id, edit);
                continue;
            }
            for done in &edits[..n] {
                self.remove(fix_id, done);
            }
            self.files.retain(|_, p| *p != FilePlan::default());
            return checked;
        }
        self.fixes.insert(fix_id, edits);
        Ok(())
    }

    /// Takes a fix out again; edits that other fixes share stay. False when it was not planned.
    pub fn withdraw(&mut self, fix_id: u32) -> bool {
        let Some(edits) = self.fixes.remove(&fix_id) else { return false };
        for edit in &edits {
            self.remove(fix_id, edit);
        }
        let touched: BTreeSet<FileId> = edits.iter().map(|e| e.file).collect();
        for file in touched {
            if self.files.get(&file).is_some_and(|p| *p == FilePlan::default()) {
                self.files.remove(&file);
            }
        }
        true
    }

    fn remove(&mut self, fix_id: u32, edit: &Edit) {
        if let Some(plan) = self.files.get_mut(&edit.file) {
            plan.remove(fix_id, edit);
        }
    }

    /// True when nothing is planned.
    pub fn is_empty(&self) -> bool {
        self.fixes.is_empty()
    }

    /// The planned fixes, ascending.
    pub fn fixes(&self) -> impl Iterator<Item = u32> + '_ {
        self.fixes.keys().copied()
    }

    /// The files whose text the plan changes, ascending.
    pub fn files(&self) -> impl Iterator<Item = FileId> + '_ {
        self.files.iter().filter(|(_, p)| !p.replaced.is_empty() || !p.inserted.is_empty()).map(|(f, _)| *f)
    }

    /// The changes of one file in the order in which they stand in it, each once, without pins.
    pub fn edits_of(&self, file: FileId) -> Vec<Edit> {
        let Some(plan) = self.files.get(&file) else { return Vec::new() };
        let edit = |(lo, s): (&u32, &Shared)| Edit::replace(file, Span::new(*lo, s.hi), s.text.as_str());
        let mut out: Vec<Edit> = plan.replaced.iter().map(edit).chain(plan.inserted.iter().map(edit)).collect();
        // By (lo, hi): an insertion comes before the replacement that starts there and after the one that ends there.
        out.sort_by_key(|e| e.span);
        out
    }

    /// The fixes that want the edit at exactly `span`, ascending.
    pub fn owners(&self, file: FileId, span: Span) -> Vec<u32> {
        let Some(plan) = self.files.get(&file) else { return Vec::new() };
        let map = if span.is_empty() { &plan.inserted } else { &plan.replaced };
        map.get(&span.lo).filter(|s| s.hi == span.hi).map(|s| s.owners.iter().copied().collect()).unwrap_or_default()
    }

    /// `text` with the changes of `file`.
    pub fn apply(&self, file: FileId, text: &str) -> Result<String, ApplyError> {
        splice(text, &self.edits_of(file))
    }

    /// Where offsets of the old text are in the new one.
    pub fn offsets(&self, file: FileId) -> OffsetMap {
        let (mut entries, mut delta) = (Vec::new(), 0i64);
        for e in self.edits_of(file) {
            let new_len = u32::try_from(e.text.len()).unwrap_or(u32::MAX);
            entries.push(Shift { span: e.span, delta, new_len });
            delta += i64::from(new_len) - (i64::from(e.span.hi) - i64::from(e.span.lo));
        }
        OffsetMap { entries }
    }

    /// The place in the new text of what stands at `offset` in the old one; see [`OffsetMap::offset`].
    pub fn map_offset(&self, file: FileId, offset: u32) -> u32 {
        self.offsets(file).offset(offset)
    }
}

/// Applies sorted, disjoint edits of one file (as from [`EditPlan::edits_of`]).
fn splice(text: &str, edits: &[Edit]) -> Result<String, ApplyError> {
    let grown: usize = edits.iter().map(|e| e.text.len()).sum();
    let mut out = String::with_capacity(text.len() + grown);
    let mut at = 0usize;
    for e in edits {
        let (lo, hi) = (e.span.lo as usize, e.span.hi as usize);
        let kept = text.get(at..lo).filter(|_| text.is_char_boundary(hi)).ok_or(ApplyError { span: e.span })?;
        out.push_str(kept);
        out.push_str(&e.text);
        at = hi;
    }
    out.push_str(text.get(at..).unwrap_or(""));
    Ok(out)
}

#[derive(Clone, Copy, Debug)]
struct Shift {
    span: Span,
    /// New minus old offset in front of this edit.
    delta: i64,
    new_len: u32,
}

/// Maps offsets of a file's old text to its new text.
#[derive(Clone, Debug)]
pub struct OffsetMap {
    entries: Vec<Shift>,
}

impl OffsetMap {
    /// The place of the old character at `offset`: behind text inserted at that point. Inside replaced text: the start
    /// of the replacement.
    pub fn offset(&self, offset: u32) -> u32 {
        // The first edit that ends behind the offset; an insertion at the offset ends at it.
        let n = self.entries.partition_point(|s| s.span.hi <= offset);
        match self.entries.get(n) {
            Some(s) if s.span.lo <= offset => shifted(s.span.lo, s.delta),
            _ => shifted(offset, self.delta_after(n)),
        }
    }

    /// The place of a whole span, insertions at its edges left out; `None` when a replacement overlaps it, or something
    /// is inserted strictly inside.
    pub fn span(&self, span: Span) -> Option<Span> {
        if span.lo > span.hi {
            return None;
        }
        if span.is_empty() {
            let inside = self.entries.iter().any(|s| s.span.lo < span.lo && span.lo < s.span.hi);
            return (!inside).then(|| Span::point(self.offset(span.lo)));
        }
        let first = self.entries.partition_point(|s| s.span.hi <= span.lo);
        if self.entries.get(first).is_some_and(|s| s.span.lo < span.hi) {
            return None;
        }
        let delta = self.delta_after(first);
        Some(Span::new(shifted(span.lo, delta), shifted(span.hi, delta)))
    }

    /// New minus old offset behind the first `n` edits.
    fn delta_after(&self, n: usize) -> i64 {
        let last = n.checked_sub(1).and_then(|i| self.entries.get(i));
        last.map_or(0, |s| s.delta + i64::from(s.new_len) - (i64::from(s.span.hi) - i64::from(s.span.lo)))
    }
}

fn shifted(at: u32, delta: i64) -> u32 {
    u32::try_from(i64::from(at) + delta).unwrap_or(if delta < 0 { 0 } else { u32::MAX })
}

impl FilePlan {
    fn check(&self, fix: u32, edit: &Edit) -> Result<(), Conflict> {
        let span = edit.span;
        let clash = |kind, lo: u32, hi: u32, owners: &BTreeSet<u32>| {
            let with = owners.first().copied().unwrap_or(fix);
            Err(Conflict { fix, with, file: edit.file, span, other: Span::new(lo, hi), kind })
        };
        if span.lo > span.hi {
            return clash(ConflictKind::Malformed, span.lo, span.hi, &BTreeSet::new());
        }
        if edit.kind == EditKind::Pin {
            // A pin bears what leaves its bytes together: everything at its edges.
            if let Some((lo, s)) = self.replacement_touching(span) {
                return clash(ConflictKind::Pinned, lo, s.hi, &s.owners);
            }
            if let Some((lo, s)) = self.insertion_inside(span) {
                return clash(ConflictKind::Pinned, lo, s.hi, &s.owners);
            }
            return Ok(());
        }
        let map = if span.is_empty() { &self.inserted } else { &self.replaced };
        if let Some(s) = map.get(&span.lo)
            && s.hi == span.hi
            && s.text == edit.text
        {
            // Whatever is planned has been checked against it already.
            return Ok(());
        }
        if span.is_empty() {
            if let Some(s) = self.inserted.get(&span.lo) {
                return clash(ConflictKind::Insertions, span.lo, s.hi, &s.owners);
            }
            if let Some((lo, s)) = self.replacement_touching(span) {
                return clash(ConflictKind::InsideReplaced, lo, s.hi, &s.owners);
            }
        } else {
            if let Some((lo, s)) = self.replacement_touching(span) {
                return clash(ConflictKind::Overlap, lo, s.hi, &s.owners);
            }
            if let Some((lo, s)) = self.insertion_inside(span) {
                return clash(ConflictKind::InsideReplaced, lo, s.hi, &s.owners);
            }
        }
        match self.pin_touching(span) {
            Some((lo, hi, owners)) => clash(ConflictKind::Pinned, lo, hi, owners),
            None => Ok(()),
        }
    }

    /// The first replacement that shares a byte with `span`, or that has the empty `span` strictly inside.
    fn replacement_touching(&self, span: Span) -> Option<(u32, &Shared)> {
        let before = self.replaced.range(..span.lo).next_back().filter(|(_, s)| s.hi > span.lo);
        before.or_else(|| self.replaced.range(span.lo..span.hi).next()).map(|(lo, s)| (*lo, s))
    }

    fn insertion_inside(&self, span: Span) -> Option<(u32, &Shared)> {
        let from = span.lo.checked_add(1).filter(|from| *from < span.hi)?;
        self.inserted.range(from..span.hi).next().map(|(at, s)| (*at, s))
    }

    /// A pin that shares a byte with `span`, has the empty `span` strictly inside, or is a point strictly inside `span`.
    fn pin_touching(&self, span: Span) -> Option<(u32, u32, &BTreeSet<u32>)> {
        let longest = *self.pin_lengths.last_key_value()?.0;
        let from = (span.lo.saturating_sub(longest), 0);
        let upto = (span.hi, 0);
        let mut pins = self.pins.range(from..upto.max(from));
        let hit = pins.find(|((lo, hi), _)| *lo < span.hi && span.lo < *hi);
        hit.map(|((lo, hi), owners)| (*lo, *hi, owners))
    }

    fn insert(&mut self, fix: u32, edit: &Edit) {
        let Span { lo, hi } = edit.span;
        match edit.kind {
            EditKind::Pin => {
                let owners = self.pins.entry((lo, hi)).or_default();
                if owners.is_empty() {
                    *self.pin_lengths.entry(hi - lo).or_default() += 1;
                }
                owners.insert(fix);
            }
            EditKind::Replace => {
                let map = if lo == hi { &mut self.inserted } else { &mut self.replaced };
                let shared = Shared { hi, text: String::new(), owners: BTreeSet::new() };
                let entry = map.entry(lo).or_insert_with(|| Shared { text: edit.text.clone(), ..shared });
                entry.owners.insert(fix);
            }
        }
    }

    fn remove(&mut self, fix: u32, edit: &Edit) {
        let Span { lo, hi } = edit.span;
        if edit.kind == EditKind::Pin {
            let Some(owners) = self.pins.get_mut(&(lo, hi)) else { return };
            owners.remove(&fix);
            if owners.is_empty() {
                self.pins.remove(&(lo, hi));
                if let Some(n) = self.pin_lengths.get_mut(&(hi - lo)) {
                    *n -= 1;
                    if *n == 0 {
                        self.pin_lengths.remove(&(hi - lo));
                    }
                }
            }
            return;
        }
        let map = if lo == hi { &mut self.inserted } else { &mut self.replaced };
        if let Some(s) = map.get_mut(&lo) {
            s.owners.remove(&fix);
            if s.owners.is_empty() {
                map.remove(&lo);
            }
        }
    }
}
