//! Imports that the fixes of a round leave without a use.
//!
//! Which imports go depends on all fixes of the round together, so it is asked anew for every set of fixes that is tried: when one
//! is withdrawn, what it would have taken along stays. An import that one fix alone makes useless goes with that fix; one that
//! several fixes share goes with none of them, so that each can still be taken out or applied alone.

use super::FixLoop;
use crate::gates::{splice, touching};
use std::collections::BTreeMap;
use surefix_ir::{ImportKind, Lang, Module};
use surefix_rewrite::unused::{Change, orphaned};
use surefix_text::{Edit, EditKind, FileId, Fix};

/// An edit that takes an import out, and the fixes to which it belongs; none when several share it.
pub(super) type Extra = (Vec<usize>, Edit);

/// Fixes of one file that are asked what they would leave alone.
const MAX_ALONE: usize = 30;

impl FixLoop<'_> {
    /// The edits that take the orphaned imports out, in the order of files and places.
    pub(super) fn orphans(&self, fixes: &[(usize, &Fix)], edits: &BTreeMap<FileId, Vec<Edit>>) -> Vec<Extra> {
        let mut out = Vec::new();
        for (file, list) in edits {
            let (Some(before), Some(module)) = (self.tree.text(*file), self.tree.module(*file)) else { continue };
            let original = self.originals.get(file).map_or(before, |r| r.text.as_str());
            let ask = |list: &[Edit]| {
                let after = splice(before, list);
                let change = Change { file: *file, original, before, module, after: &after, edits: list };
                orphaned(&change, &|name| self.imported_from(*file, name), &|path| self.is_own(path))
            };
            let gone = ask(list);
            if gone.is_empty() {
                continue;
            }
            let mut alone: Vec<(usize, Vec<Edit>)> = Vec::new();
            let near = touching(fixes, *file);
            if original == before && near.len() <= MAX_ALONE {
                for i in near {
                    let Some((_, fix)) = fixes.iter().find(|(k, _)| *k == i) else { continue };
                    let mine = |e: &&Edit| e.file == *file && e.kind == EditKind::Replace;
                    let mut own: Vec<Edit> = fix.edits.iter().filter(mine).cloned().collect();
                    own.sort();
                    own.dedup();
                    alone.push((i, ask(&own)));
                }
            }
            for e in gone {
                let owners = alone.iter().filter(|(_, l)| l.contains(&e)).map(|(i, _)| *i).collect();
                out.push((owners, e));
            }
        }
        out
    }

    /// Another Python file may use the name as a member of this one.
    fn imported_from(&self, file: FileId, name: &str) -> bool {
        let at = file.0 as usize;
        let Some((own, package)) = self.tree.code.get(at).map(|c| &c.name) else { return true };
        if *package {
            return true;
        }
        let member = format!("{}.{name}", own.rsplit('.').next().unwrap_or(own));
        let part = |c: char| c.is_alphanumeric() || c == '_';
        let others = self.tree.program.modules.iter().zip(&self.tree.texts).enumerate();
        others.filter(|(i, (m, _))| *i != at && m.lang == Lang::Python).any(|(_, (m, text))| {
            let named = |m: &Module| {
                m.imports.iter().any(|i| {
                    let path = m.strings.get(i.path);
                    match i.kind {
                        ImportKind::FromWildcard => path == own,
                        _ => path.strip_suffix(name).and_then(|p| p.strip_suffix('.')).is_some_and(|p| p == own),
                    }
                })
            };
            named(m)
                || text.match_indices(&member).any(|(i, _)| {
                    let (before, behind) = (&text[..i], &text[i + member.len()..]);
                    !before.ends_with(part) && !behind.starts_with(part)
                })
        })
    }

    /// A Python module of the project itself.
    fn is_own(&self, path: &str) -> bool {
        let head = path.split('.').next().unwrap_or(path);
        let python = self.tree.program.modules.iter().zip(&self.tree.code).filter(|(m, _)| m.lang == Lang::Python);
        python.map(|(_, c)| c.name.0.as_str()).any(|n| n == head || n.split('.').next() == Some(head))
    }
}
