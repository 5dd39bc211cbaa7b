//! Questions that a [`ModelSet`] answers.

use crate::{Fact, ModelSet, Row};
use std::borrow::Cow;
use std::collections::BTreeSet;
use surefix_ir::Lang;

impl ModelSet {
    /// The spelling that rows use for a qualified name: aliases of the name itself, of its package, of the types it begins with.
    pub fn canonical_name<'n>(&self, lang: Lang, name: &'n str) -> Cow<'n, str> {
        let mut out = Cow::Borrowed(name);
        for (l, from, to) in &self.package_alias {
            if *l == lang
                && let Some(rest) = out.strip_prefix(from.as_str())
                && (rest.is_empty() || rest.starts_with('.'))
            {
                out = Cow::Owned(format!("{to}{rest}"));
                break;
            }
        }
        let mut end = out.len();
        loop {
            let Some(head) = out.get(..end) else { return out };
            if let Some(to) = self.canonical.get(&(lang, head.to_string())) {
                return Cow::Owned(format!("{to}{}", out.get(end..).unwrap_or("")));
            }
            match head.rfind('.') {
                Some(dot) => end = dot,
                None => return out,
            }
        }
    }

    /// All supertypes of a library type without itself, nearest first; those of one distance in the order of their rows.
    pub fn supers_of(&self, lang: Lang, ty: &str) -> Vec<&str> {
        let mut out: Vec<&str> = Vec::new();
        let direct = |of: &str| self.supers.get(&(lang, of.to_string())).into_iter().flatten();
        let mut at = 0;
        let mut of = ty;
        loop {
            for s in direct(of) {
                if s != ty && !out.contains(&s.as_str()) {
                    out.push(s);
                }
            }
            match out.get(at) {
                Some(next) => of = next,
                None => return out,
            }
            at += 1;
        }
    }

    /// The rows of a member and the type that has them: the type itself, else its nearest supertype with rows for that name.
    pub fn lookup(&self, lang: Lang, ty: &str, member: &str) -> Option<(&str, &[Row])> {
        let ty = self.canonical_name(lang, ty);
        let found = |t: &str| self.members.get_key_value(&(lang, format!("{t}.{member}")));
        let hit = found(&ty).or_else(|| self.supers_of(lang, &ty).into_iter().find_map(found));
        let ((_, full), rows) = hit?;
        let owner = full.len().checked_sub(member.len() + 1).and_then(|n| full.get(..n))?;
        Some((owner, rows))
    }

    /// Simple names of all members with a source, sink or watch row, sorted; a constructor counts by its type's simple name.
    /// A file in which none of them occurs can hold no finding.
    pub fn all_member_names(&self) -> Vec<&str> {
        let mut out = BTreeSet::new();
        for ((_, full), rows) in &self.members {
            if rows.iter().any(|r| matches!(r.fact, Fact::Source { .. } | Fact::Sink { .. } | Fact::Watch(_))) {
                let name = full.strip_suffix(".<init>").unwrap_or(full);
                out.insert(name.rsplit('.').next().unwrap_or(name));
            }
        }
        out.into_iter().collect()
    }
}
