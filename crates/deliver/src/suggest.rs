//! Fixes as suggestions on the lines that a request changes.

use crate::compose::Unit;
use crate::describe::note;
use crate::forge::Suggestion;
use crate::git::GitError;
use crate::range::Range;
use crate::repo::Repo;
use std::collections::BTreeMap;

/// A run of lines in the version that is there: which ones go, and what comes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hunk {
    first: usize,
    /// Lines replaced; 0: an insertion before `first`.
    count: usize,
    text: String,
}

/// Hunks of a unified diff without their context.
fn hunks(diff: &str) -> Vec<Hunk> {
    let mut out: Vec<Hunk> = Vec::new();
    let mut at = 0;
    let mut open = false;
    for line in diff.split_inclusive('\n') {
        if let Some(rest) = line.strip_prefix("@@ -") {
            let mut numbers = rest.split([',', ' ']);
            let start: usize = numbers.next().and_then(|n| n.parse().ok()).unwrap_or(1);
            let none = rest.split(' ').next().is_some_and(|r| r.ends_with(",0"));
            // An insertion names the line before it.
            at = if none { start + 1 } else { start };
            open = false;
            continue;
        }
        if at == 0 {
            continue;
        }
        match line.as_bytes().first() {
            Some(b'-') | Some(b'+') => {
                if !open {
                    out.push(Hunk { first: at, count: 0, text: String::new() });
                    open = true;
                }
                if let Some(h) = out.last_mut() {
                    if line.starts_with('-') {
                        h.count += 1;
                        at += 1;
                    } else {
                        h.text.push_str(&line[1..]);
                    }
                }
            }
            Some(b' ') => {
                open = false;
                at += 1;
            }
            _ => {}
        }
    }
    out
}

/// Ranges of lines (first, last) of the new side of a diff without context.
fn new_lines(diff: &str) -> Vec<(usize, usize)> {
    diff.lines()
        .filter_map(|l| {
            let plus = l.strip_prefix("@@ ")?.split(' ').find(|w| w.starts_with('+'))?;
            let (start, count) = plus[1..].split_once(',').unwrap_or((&plus[1..], "1"));
            let (start, count): (usize, usize) = (start.parse().ok()?, count.parse().ok()?);
            (count > 0).then(|| (start, start + count - 1))
        })
        .collect()
}

/// Suggestions for those units all of whose changes lie in lines that the request changes. `before` are the texts of the
/// request's version by root-relative path, `prefix` the project's place in the repository.
pub fn suggestions(
    repo: &Repo,
    range: &Range,
    units: &[Unit],
    before: &BTreeMap<String, Vec<u8>>,
    prefix: &str,
) -> Result<Vec<Suggestion>, GitError> {
    let mut out = Vec::new();
    for u in units {
        let mut all = Vec::new();
        let mut fits = true;
        for (path, after) in &u.files {
            let full = if prefix.is_empty() { path.clone() } else { format!("{prefix}/{path}") };
            let (Some(old), Ok(new)) = (before.get(path), std::str::from_utf8(after)) else {
                fits = false;
                break;
            };
            let Ok(old) = std::str::from_utf8(old) else {
                fits = false;
                break;
            };
            let args =
                ["diff", "-U0", "--no-ext-diff", "--no-renames", "--end-of-options", &range.base, &range.tip, "--"];
            let mut args = args.to_vec();
            args.push(&full);
            let changed = new_lines(&String::from_utf8_lossy(&repo.git.bytes(&args, b"")?));
            let lines: Vec<&str> = old.split_inclusive('\n').collect();
            for h in hunks(&surefix_text::diff::unified(path, old, new)) {
                match place(&h, &lines, &changed) {
                    Some((first, last, text)) => all.push(Suggestion {
                        path: full.clone(),
                        first,
                        last,
                        note: note(u),
                        text: text.replace("\r\n", "\n"),
                    }),
                    None => fits = false,
                }
            }
        }
        // Half a fix is none.
        if fits {
            out.extend(all);
        }
    }
    Ok(out)
}

/// The lines that a hunk replaces, all of them changed by the request, and the new text.
fn place(h: &Hunk, lines: &[&str], changed: &[(usize, usize)]) -> Option<(usize, usize, String)> {
    let inside = |first: usize, last: usize| changed.iter().any(|(a, b)| *a <= first && last <= *b);
    if h.count > 0 {
        let last = h.first + h.count - 1;
        return inside(h.first, last).then(|| (h.first, last, h.text.clone()));
    }
    // An insertion takes a neighbour along.
    let neighbour = |n: usize| lines.get(n.checked_sub(1)?).copied();
    if inside(h.first, h.first) {
        return Some((h.first, h.first, format!("{}{}", h.text, neighbour(h.first)?)));
    }
    let before = h.first.checked_sub(1)?;
    inside(before, before).then(|| Some((before, before, format!("{}{}", neighbour(before)?, h.text))))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hunks_without_context() {
        let old = "a\nb\nc\nd\ne\nf\n";
        let new = "a\nB\nB2\nc\nd\ne\nnew\nf\n";
        let h = hunks(&surefix_text::diff::unified("x", old, new));
        assert_eq!(
            h,
            [Hunk { first: 2, count: 1, text: "B\nB2\n".into() }, Hunk { first: 6, count: 0, text: "new\n".into() }]
        );
        let lines: Vec<&str> = old.split_inclusive('\n').collect();
        assert_eq!(place(&h[0], &lines, &[(1, 3)]), Some((2, 2, "B\nB2\n".into())));
        assert_eq!(place(&h[0], &lines, &[(3, 9)]), None);
        assert_eq!(place(&h[1], &lines, &[(5, 5)]), Some((5, 5, "e\nnew\n".into())));
        assert_eq!(new_lines("@@ -1,0 +2,3 @@ x\n@@ -9 +12 @@\n@@ -3,2 +4,0 @@\n"), [(2, 4), (12, 12)]);
    }
}
