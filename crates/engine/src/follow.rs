//! Which finding after a change is which finding before it.

use crate::map::PosMap;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use surefix_rules::Found;
use surefix_text::{FileId, Span};

/// For each old finding its index among the new ones, and for each new one whether it was there before.
pub struct Followed {
    /// Old index → new index.
    pub now: Vec<Option<usize>>,
    /// New index → old index.
    pub was: Vec<Option<usize>>,
}

/// Follows findings through edits: first the exact place, then the same argument of the same sink around it, then the same
/// rule around it, then the same fingerprint in the file. Where several findings stood in replaced text, the `targets` (those
/// that a fix was made for) are the last to be found again.
pub fn follow(
    old: &[Found],
    old_prints: &[String],
    new: &[Found],
    new_prints: &[String],
    maps: &BTreeMap<FileId, PosMap>,
    targets: &BTreeSet<usize>,
) -> Followed {
    let mut out = Followed { now: vec![None; old.len()], was: vec![None; new.len()] };
    let same = PosMap::default();
    let map = |f: &Found| maps.get(&f.file).unwrap_or(&same);
    let mut exact: HashMap<(FileId, Span, &str, &str, &str), usize> = HashMap::new();
    for (j, n) in new.iter().enumerate() {
        exact.insert((n.file, n.span, n.rule, &n.subject, &n.sink), j);
    }
    let link = |out: &mut Followed, i: usize, j: usize| {
        if out.now[i].is_none() && out.was[j].is_none() {
            out.now[i] = Some(j);
            out.was[j] = Some(i);
        }
    };
    for (i, o) in old.iter().enumerate() {
        if let Some(j) = exact.get(&(o.file, map(o).span(o.span), o.rule, o.subject.as_str(), o.sink.as_str())) {
            link(&mut out, i, *j);
        }
    }
    let mut by_file: BTreeMap<FileId, Vec<usize>> = BTreeMap::new();
    for (j, n) in new.iter().enumerate() {
        by_file.entry(n.file).or_default().push(j);
    }
    let none = Vec::new();
    let mut order: Vec<usize> = (0..old.len()).collect();
    order.sort_by_key(|i| targets.contains(i));
    for loose in [false, true] {
        for &i in &order {
            let o = &old[i];
            if out.now[i].is_some() {
                continue;
            }
            let around = map(o).span_wide(o.span);
            let hit = by_file.get(&o.file).unwrap_or(&none).iter().copied().find(|j| {
                let n = &new[*j];
                out.was[*j].is_none()
                    && n.rule == o.rule
                    && (n.span.overlaps(around) || n.span == around)
                    && (loose || (n.subject == o.subject && n.sink == o.sink))
            });
            if let Some(j) = hit {
                link(&mut out, i, j);
            }
        }
    }
    for i in order {
        let o = &old[i];
        if out.now[i].is_none() {
            let hit =
                by_file.get(&o.file).unwrap_or(&none).iter().copied().find(|j| {
                    out.was[*j].is_none() && new[*j].rule == o.rule && new_prints.get(*j) == old_prints.get(i)
                });
            if let Some(j) = hit {
                link(&mut out, i, j);
            }
        }
    }
    out
}
