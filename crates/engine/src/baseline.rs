//! The baseline: findings that a team knows and does not want to hear of for now. One line a finding, so that it merges.

use crate::outcome::Outcome;
use std::collections::BTreeSet;

const HEAD: &str =
    "# Findings known to this project: fingerprint, rule, path. Written by `surefix scan --write-baseline`.\n";

/// The fingerprints of a baseline; the error is the number of a line that is none, from 1.
pub fn parse(text: &str) -> Result<BTreeSet<String>, usize> {
    let mut out = BTreeSet::new();
    for (i, line) in text.lines().enumerate() {
        let line = line.trim().trim_start_matches('\u{feff}');
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let print = line.split_whitespace().next().unwrap_or_default();
        if print.len() != 32 || !print.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(i + 1);
        }
        out.insert(print.to_ascii_lowercase());
    }
    Ok(out)
}

/// A baseline of all findings that remain in the code, sorted by path, rule and fingerprint.
pub fn write(outcome: &Outcome) -> String {
    let mut lines: Vec<(&str, &str, &str)> = outcome
        .findings
        .iter()
        .filter(|f| f.verdict.remains() || matches!(f.verdict, crate::Verdict::Fixed(_)))
        .map(|f| (f.path.as_str(), f.rule.id, f.fingerprint.as_str()))
        .collect();
    lines.sort_unstable();
    let mut out = HEAD.to_string();
    for (path, rule, print) in lines {
        let path: String = path.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        out.push_str(&format!("{print} {rule} {path}\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_bad_ones_named() {
        let print = "0123456789abcdef0123456789ABCDEF";
        let read = parse(&format!("# x\n\n{print} xss a b.py\n")).unwrap();
        assert_eq!(read.into_iter().collect::<Vec<_>>(), [print.to_ascii_lowercase()]);
        assert_eq!(parse("# x\nno\n"), Err(2));
    }
}
