//! Takes over the diffs that came out: rewrites `diff` blocks, adds them where a case expects nothing yet, removes them
//! where nothing is changed any more.

use crate::Case;
use std::collections::BTreeMap;
use std::path::Path;

/// Rewrites the specifications; the number of blocks that changed.
pub fn bless(root: &Path, cases: &[Case<'_>]) -> std::io::Result<usize> {
    let mut by_spec: BTreeMap<&str, Vec<&Case<'_>>> = BTreeMap::new();
    for c in cases {
        by_spec.entry(&c.spec.path).or_default().push(c);
    }
    let mut n = 0;
    for (path, mut cases) in by_spec {
        cases.retain(|c| c.case.diff.as_ref().map_or("", |d| d.text.as_str()) != c.checked.diff && !c.case.none);
        // A verdict without a diff that changes something is a disagreement, not a diff to take over.
        cases.retain(|c| c.case.diff.is_some() || c.case.expected.is_empty());
        if cases.is_empty() {
            continue;
        }
        n += cases.len();
        let file = root.join(path);
        let text = std::fs::read_to_string(&file)?;
        let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
        // From the end, so that earlier places keep their numbers.
        cases.sort_by_key(|c| std::cmp::Reverse(c.case.line));
        for c in cases {
            let body = c.checked.diff.lines().map(str::to_string);
            match &c.case.diff {
                Some(d) => drop(lines.splice(d.from..d.to, body)),
                None => {
                    let block =
                        ["".to_string(), "```diff".to_string()].into_iter().chain(body).chain(["```".to_string()]);
                    let at = c.case.end.min(lines.len());
                    lines.splice(at..at, block.collect::<Vec<_>>());
                }
            }
        }
        std::fs::write(&file, lines.join("\n") + "\n")?;
    }
    Ok(n)
}
