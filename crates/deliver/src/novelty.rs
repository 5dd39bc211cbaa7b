//! Which findings a change brings. Fingerprints tell it, with one exception: of findings that are alike in all but their file the
//! fingerprint counts in file order, so that a new one may take the number of an old one. There the files decide.

use std::collections::{BTreeMap, BTreeSet};
use surefix_engine::Finding;

/// What a fingerprint is made of, as far as a finding tells, and the file.
type Kind<'a> = (&'a str, &'a str, &'a str, &'a str);

fn kind(f: &Finding) -> Kind<'_> {
    (f.rule.id, &f.found.sink, &f.found.subject, &f.found.source)
}

fn counts(list: &[Finding]) -> BTreeMap<(Kind<'_>, &str), usize> {
    let mut out = BTreeMap::new();
    for f in list {
        *out.entry((kind(f), f.path.as_str())).or_insert(0) += 1;
    }
    out
}

/// Fingerprints, as `after` has them, of the findings that were there before.
pub fn old(before: &[Finding], after: &[Finding]) -> BTreeSet<String> {
    let known: BTreeSet<&str> = before.iter().map(|f| f.fingerprint.as_str()).collect();
    let (was, is) = (counts(before), counts(after));
    let grew = |f: &Finding| is.get(&(kind(f), f.path.as_str())) > was.get(&(kind(f), f.path.as_str()));
    let mut out: BTreeSet<String> =
        after.iter().filter(|f| known.contains(f.fingerprint.as_str())).map(|f| f.fingerprint.clone()).collect();
    for new in after.iter().filter(|f| !known.contains(f.fingerprint.as_str())) {
        if grew(new) {
            continue;
        }
        // Its file has no more of the kind than before: one in a file that has more took its number.
        let taker = after.iter().find(|f| kind(f) == kind(new) && grew(f) && out.contains(&f.fingerprint));
        if let Some(taker) = taker {
            out.remove(&taker.fingerprint);
            out.insert(new.fingerprint.clone());
        }
    }
    out
}
