//! From an outcome to units that can be committed one after the other, each complete by itself.
//!
//! Fixes of one round are made for the same texts and share equal edits, so any subset of a round, on top of all earlier rounds,
//! is a sound state. Units are therefore ordered by round first. Should putting the pieces together not give the very bytes that
//! were verified, they are delivered as one.

use std::collections::{BTreeMap, BTreeSet};
use surefix_engine::{Applied, ChangeKind, Changed, Finding, Outcome, RegressionTest, SharedEdit, Verdict};
use surefix_rules::{Confidence, RuleMeta};
use surefix_text::{Edit, LineIndex, SourceFile};

/// How fixes are spread over commits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Split {
    /// One commit a fix.
    #[default]
    PerFix,
    /// One commit a rule.
    PerRule,
    /// One commit.
    Single,
}

/// A finding with the fix that was applied.
#[derive(Clone, Debug)]
pub struct Item {
    /// The rule.
    pub rule: RuleMeta,
    /// Root-relative path of the finding.
    pub path: String,
    /// Line from 1, in the text before.
    pub line: usize,
    /// Fingerprint.
    pub fingerprint: String,
    /// One sentence on what is wrong.
    pub message: String,
    /// Confidence.
    pub confidence: Confidence,
    /// The fix.
    pub fix: Applied,
    /// The commit that had fixed the same finding before.
    pub regression: Option<String>,
}

impl Item {
    /// What the trailers call the recipe: rule and language.
    pub fn recipe(&self) -> String {
        let language = match self.path.rsplit_once('.').map(|(_, e)| e) {
            Some("java") => "java",
            Some("py" | "pyw") => "python",
            Some("xml") => "xml",
            _ => "text",
        };
        format!("{}/{language}", self.rule.id)
    }
}

/// One commit's worth of fixes.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Findings in order; never empty.
    pub items: Vec<Item>,
    /// New bytes of the files concerned, on top of all units before, by root-relative path.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Unit {
    /// Tests that come with its fixes, as new files; one that belongs to several findings comes several times.
    pub fn tests(&self) -> impl Iterator<Item = &RegressionTest> {
        self.items.iter().flat_map(|i| &i.fix.tests)
    }
}

/// One fix with all findings that it removes.
struct Piece<'a> {
    items: Vec<Item>,
    fix: &'a Applied,
    rule: &'static str,
}

/// The applied fixes of an outcome as units. Fixes that were not applied are left out.
pub fn units(outcome: &Outcome, split: Split) -> Vec<Unit> {
    let pieces = pieces(outcome);
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut seen: BTreeMap<(usize, &str), usize> = BTreeMap::new();
    for (i, p) in pieces.iter().enumerate() {
        let at = match split {
            Split::PerFix => None,
            Split::PerRule => seen.get(&(p.fix.pass, p.rule)).copied(),
            Split::Single => (!groups.is_empty()).then_some(0),
        };
        match at {
            Some(at) => groups[at].push(i),
            None => {
                seen.insert((p.fix.pass, p.rule), groups.len());
                groups.push(vec![i]);
            }
        }
    }
    match build(outcome, &groups, &pieces) {
        Some(units) => units,
        // The pieces do not give what was verified: then only the whole is what was.
        None => whole(outcome, &pieces),
    }
}

/// All fixes as one unit, with the very bytes that were verified.
fn whole(outcome: &Outcome, pieces: &[Piece<'_>]) -> Vec<Unit> {
    let items: Vec<Item> = pieces.iter().flat_map(|p| p.items.iter().cloned()).collect();
    let files: BTreeMap<String, Vec<u8>> = outcome.changed.iter().map(|c| (c.path.clone(), c.after.clone())).collect();
    if items.is_empty() || files.is_empty() { Vec::new() } else { vec![Unit { items, files }] }
}

fn pieces(outcome: &Outcome) -> Vec<Piece<'_>> {
    let mut out: Vec<Piece<'_>> = Vec::new();
    for f in &outcome.findings {
        let Verdict::Fixed(fix) = &f.verdict else { continue };
        let item = item(outcome, f, fix);
        match out.iter_mut().find(|p| p.fix == &**fix) {
            Some(p) => p.items.push(item),
            None => out.push(Piece { items: vec![item], fix, rule: f.rule.id }),
        }
    }
    // Findings are sorted by path and place; the sort is stable.
    out.sort_by_key(|p| p.fix.pass);
    out
}

fn item(outcome: &Outcome, f: &Finding, fix: &Applied) -> Item {
    let text = outcome.texts.get(&f.path).map_or("", String::as_str);
    Item {
        rule: f.rule,
        path: f.path.clone(),
        line: LineIndex::new(text).line(f.found.span.lo) as usize,
        fingerprint: f.fingerprint.clone(),
        message: f.found.message.clone(),
        confidence: f.confidence(),
        fix: fix.clone(),
        regression: None,
    }
}

/// The units; `None` when putting their edits together does not give what was verified.
fn build(outcome: &Outcome, groups: &[Vec<usize>], pieces: &[Piece<'_>]) -> Option<Vec<Unit>> {
    let edited = outcome.changed.iter().filter(|c| c.kind == ChangeKind::Edited);
    let changed: BTreeMap<&str, &Changed> = edited.map(|c| (c.path.as_str(), c)).collect();
    // Texts with all rounds before the present one, the edits of the present round so far, and the texts with these.
    let mut base: BTreeMap<&str, String> = BTreeMap::new();
    let mut edits: BTreeMap<&str, Vec<Edit>> = BTreeMap::new();
    let mut now: BTreeMap<&str, String> = changed.iter().map(|(p, c)| (*p, c.text_before.clone())).collect();
    let mut round = 0;
    let mut out: Vec<Unit> = Vec::new();
    let shared = last_to_touch(outcome, groups, pieces)?;
    for group in groups {
        let mut touched: BTreeSet<&str> = BTreeSet::new();
        for (i, p) in group.iter().map(|i| (*i, &pieces[*i])) {
            if p.fix.pass != round {
                round = p.fix.pass;
                base.clone_from(&now);
                edits.clear();
            }
            let own: BTreeSet<&str> = p.fix.made.iter().map(|e| outcome.path(e.file)).collect();
            for e in p.fix.made.iter().chain(shared.get(&i).into_iter().flatten().copied()) {
                edits.entry(outcome.path(e.file)).or_default().push(e.clone());
            }
            for path in &own {
                let list = edits.entry(path).or_default();
                list.sort();
                list.dedup();
                let text = put_together(base.get(path)?, list)?;
                now.insert(*path, text);
            }
            touched.extend(own);
        }
        let mut files = BTreeMap::new();
        for path in touched {
            let c = changed.get(path)?;
            let text = now.get(path)?;
            files.insert(path.to_string(), SourceFile::decode(path, &c.before).ok()?.encode(text).ok()?);
        }
        let items: Vec<Item> = group.iter().flat_map(|i| pieces[*i].items.iter().cloned()).collect();
        let mut unit = Unit { items, files };
        let tests: Vec<_> = unit.tests().map(|t| (t.path.clone(), t.text.clone().into_bytes())).collect();
        unit.files.extend(tests);
        // A fix all of whose edits came with others is no commit of its own.
        let same = unit.files.iter().all(|(p, b)| {
            let before = out.iter().rev().find_map(|u: &Unit| u.files.get(p));
            before.or(changed.get(p.as_str()).map(|c| &c.before)) == Some(b)
        });
        match out.last_mut() {
            Some(last) if same => last.items.extend(unit.items),
            _ => out.push(unit),
        }
    }
    changed.iter().all(|(p, c)| now.get(p) == Some(&c.text_after)).then_some(out)
}

/// True when the edit may need that fix: one of its round in its file.
fn is_of(shared: &SharedEdit, fix: &Applied) -> bool {
    fix.pass == shared.pass && fix.made.iter().any(|e| e.file == shared.made.file)
}

/// Edits of several fixes together, by the piece that is the last of their round to change the file: only then are they sound.
/// `None` when no piece of the round changes it.
fn last_to_touch<'a>(
    outcome: &'a Outcome,
    groups: &[Vec<usize>],
    pieces: &[Piece<'_>],
) -> Option<BTreeMap<usize, Vec<&'a Edit>>> {
    let mut out: BTreeMap<usize, Vec<&Edit>> = BTreeMap::new();
    for s in &outcome.shared {
        let last = groups.iter().flatten().rfind(|i| is_of(s, pieces[**i].fix))?;
        out.entry(*last).or_default().push(&s.made);
    }
    Some(out)
}

/// The text with these edits, which are sorted; `None` when they overlap.
fn put_together(text: &str, edits: &[Edit]) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut at = 0usize;
    for e in edits {
        let (lo, hi) = (e.span.lo as usize, e.span.hi as usize);
        if lo < at {
            return None;
        }
        out.push_str(text.get(at..lo)?);
        out.push_str(&e.text);
        at = hi;
    }
    out.push_str(text.get(at..)?);
    Some(out)
}

/// A unit by itself on top of the texts as they were, without those before it; `None` when it relies on one of an earlier round.
pub fn alone(outcome: &Outcome, unit: &Unit) -> Option<Unit> {
    let mut edits: BTreeMap<&str, Vec<Edit>> = BTreeMap::new();
    for i in &unit.items {
        if i.fix.pass != 1 {
            return None;
        }
        for e in &i.fix.made {
            edits.entry(outcome.path(e.file)).or_default().push(e.clone());
        }
    }
    for s in outcome.shared.iter().filter(|s| s.pass == 1) {
        let mut fixes = outcome.findings.iter().filter_map(|f| match &f.verdict {
            Verdict::Fixed(fix) if is_of(s, fix) => Some(fix),
            _ => None,
        });
        let all = fixes.all(|fix| unit.items.iter().any(|i| i.fix == **fix));
        if all && let Some(list) = edits.get_mut(outcome.path(s.made.file)) {
            list.push(s.made.clone());
        }
    }
    let files: Option<BTreeMap<String, Vec<u8>>> = edits
        .into_iter()
        .map(|(path, mut list)| {
            list.sort();
            list.dedup();
            let c = outcome.changed.iter().find(|c| c.path == path)?;
            let text = put_together(&c.text_before, &list)?;
            Some((path.to_string(), SourceFile::decode(path, &c.before).ok()?.encode(&text).ok()?))
        })
        .collect();
    Some(Unit { items: unit.items.clone(), files: files? })
}
