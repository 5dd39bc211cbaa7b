//! What the recipes offer, and what the settings and the code around it allow of it.

use super::{FixLoop, Planned, Which};
use crate::detect::view;
use crate::guard::guarded;
use crate::outcome::{Diagnostic, Verdict};
use crate::tree::manifest_index;
use rayon::prelude::*;
use surefix_rules::{FixCx, Found};
use surefix_text::{EditKind, Fix, Reason, Refusal};

/// A finding by its index in the first and in the present detection, what its recipe says, and the message of a recipe that broke
/// down.
type Answer = (usize, usize, Result<Fix, Refusal>, Option<String>);

impl FixLoop<'_> {
    /// Asks the recipes for a fix of every finding without a final verdict. Refusals become verdicts that a later round may
    /// still change.
    pub(super) fn plan(&mut self, which: Which) -> Vec<Planned> {
        let pending: Vec<(usize, usize)> = self
            .tracks
            .iter()
            .enumerate()
            .filter(|(_, t)| matches!(t.verdict, None | Some(Verdict::Abstained(_))))
            .filter_map(|(i, t)| Some((i, t.now?)))
            .collect();
        let cx = view(self.tree, &self.detected.analysis, self.knowledge);
        let fix_cx = FixCx { detect: &cx, decisions: &self.settings.decisions, all: &self.detected.found };
        let answers: Vec<Answer> = pending
            .into_par_iter()
            .filter_map(|(track, at)| {
                let found = &fix_cx.all[at];
                if let Some(why) = self.banned.get(&(found.rule, found.file)) {
                    let detail = match why {
                        Reason::Cycle => "this fix and another one undo each other; neither is kept",
                        _ => "the fixes of this file never come to rest; none is kept",
                    };
                    return Some((track, at, Err(Refusal::new(*why, detail)), None));
                }
                let rule = self.knowledge.rules.iter().find(|r| r.meta.id == found.rule)?;
                match guarded(|| rule.plan(&fix_cx, found)) {
                    Ok(answer) => Some((track, at, answer.and_then(|f| self.admissible(f)), None)),
                    Err(e) => {
                        let refusal = Refusal::new(Reason::NoRecipe, "the recipe broke down on this code");
                        Some((track, at, Err(refusal), Some(e)))
                    }
                }
            })
            .collect();
        let mut out = Vec::new();
        for (track, at, answer, broken) in answers {
            let found = &self.detected.found[at];
            if let Some(e) = broken {
                self.diagnostics.push(Diagnostic {
                    path: self.tree.path(found.file).to_string(),
                    line: 0,
                    message: format!("the recipe of {} broke down: {e}", found.rule),
                    failure: false,
                });
            }
            match answer {
                Err(refusal) => self.tracks[track].verdict = Some(Verdict::Abstained(refusal)),
                Ok(fix) => {
                    let policy = self.policy(found, &fix);
                    self.tracks[track].verdict = None;
                    let wanted = match which {
                        Which::Allowed => policy.is_none(),
                        Which::Denied => policy.is_some(),
                        Which::All => true,
                    };
                    if wanted {
                        out.push(Planned { track, at, fix, policy });
                    }
                }
            }
        }
        out
    }

    /// Why the settings do not allow a fix.
    fn policy(&self, found: &Found, fix: &Fix) -> Option<Refusal> {
        let tier = fix.assurance.tier();
        let path = self.tree.path(found.file);
        if !self.settings.tier_allowed(found.rule, path, tier) {
            let detail = format!("the fix is of tier {}, which the settings do not allow here", tier.name());
            return Some(Refusal::new(Reason::TierNotAllowed, detail));
        }
        let needed = self.settings.needed_confidence(tier);
        if found.confidence < needed {
            let detail = format!(
                "the confidence is {}, a fix of tier {} needs {}",
                found.confidence.name(),
                tier.name(),
                needed.name()
            );
            return Some(Refusal::new(Reason::ConfidenceTooLow, detail));
        }
        None
    }

    /// Refuses a fix that touches what no fix may touch.
    fn admissible(&self, fix: Fix) -> Result<Fix, Refusal> {
        let mut replaces = false;
        for e in &fix.edits {
            let Some(text) = self.tree.text(e.file) else {
                return Err(Refusal::new(Reason::NoRecipe, "the recipe named a file that is not there"));
            };
            if text.get(e.span.lo as usize..e.span.hi as usize).is_none() {
                return Err(Refusal::new(Reason::NoRecipe, "the recipe named a place that is not there"));
            }
            if e.kind == EditKind::Pin {
                continue;
            }
            replaces |= e.span.of(text) != e.text;
            if let Some(module) = self.tree.module(e.file)
                && module.error_spans.iter().any(|s| s.lo <= e.span.hi && e.span.lo <= s.hi)
            {
                let detail = format!("the edit would touch a syntax error in {}", self.tree.path(e.file));
                return Err(Refusal::new(Reason::ErrorRegion, detail));
            }
            if manifest_index(e.file).is_none()
                && let Some(class) = self.tree.code.get(e.file.0 as usize).and_then(|c| c.class)
                && !class.wanted(self.settings)
            {
                let detail = format!("the edit would touch {} code: {}", class.name(), self.tree.path(e.file));
                return Err(Refusal::new(Reason::NonOwnedCallee, detail));
            }
        }
        if !replaces {
            return Err(Refusal::new(Reason::NoRecipe, "the fix would change nothing"));
        }
        Ok(fix)
    }
}
