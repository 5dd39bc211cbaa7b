//! Code owners: whom a change of a file concerns. The last line that matches a file decides, as GitHub, GitLab and Gitea say.

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use std::collections::BTreeSet;

/// Where the file lies, the first one that is there counts.
pub const PLACES: [&str; 5] =
    [".github/CODEOWNERS", ".gitlab/CODEOWNERS", ".gitea/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"];

/// The owners named in a file.
pub struct Owners {
    lines: Vec<(Gitignore, Vec<String>)>,
}

impl Owners {
    /// Reads a file; lines that are no rule are passed over.
    pub fn parse(text: &str) -> Owners {
        let mut lines = Vec::new();
        for line in text.lines().map(str::trim) {
            // Sections of GitLab and negations, which no forge supports in rules of owners.
            if line.is_empty() || line.starts_with(['#', '[', '^', '!']) {
                continue;
            }
            let mut words = line.split_whitespace();
            let Some(pattern) = words.next() else { continue };
            let owners: Vec<String> = words.take_while(|w| !w.starts_with('#')).filter_map(owner).collect();
            let mut b = GitignoreBuilder::new("");
            if b.add_line(None, pattern).is_ok()
                && let Ok(m) = b.build()
            {
                lines.push((m, owners));
            }
        }
        Owners { lines }
    }

    /// The owners of these files, sorted: names of users, and `team:NAME`.
    pub fn of<'a>(&self, files: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        let mut out = BTreeSet::new();
        for f in files {
            let last = self.lines.iter().rev().find(|(m, _)| m.matched_path_or_any_parents(f, false).is_ignore());
            out.extend(last.into_iter().flat_map(|(_, owners)| owners.iter().cloned()));
        }
        out.into_iter().collect()
    }
}

/// `@user` as `user`, `@organisation/team` as `team:team`; addresses are nobody the forge can be asked for by.
fn owner(word: &str) -> Option<String> {
    let name = word.strip_prefix('@')?;
    match name.rsplit_once('/') {
        Some((_, team)) if !team.is_empty() => Some(format!("team:{team}")),
        None if !name.is_empty() => Some(name.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_match_decides() {
        let o = Owners::parse("# c\n* @all\n/src/ @org/web x@example.org @ann # why\n*.py @py\n/src/free/\n");
        assert_eq!(o.of(["a.java"]), ["all"]);
        assert_eq!(o.of(["src/a.java"]), ["ann", "team:web"]);
        assert_eq!(o.of(["src/x/a.py", "b.txt"]), ["all", "py"]);
        assert!(o.of(["src/free/a.java"]).is_empty());
    }
}
