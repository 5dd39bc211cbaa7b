//! Settings of one run: the file's values, then the flags, resolved to plain answers.

use crate::config::{Config, FailOn, Level, MaxTier};
use crate::outcome::Verdict;
use globset::{Glob, GlobSet, GlobSetBuilder};
use std::collections::{BTreeMap, BTreeSet};
use surefix_rules::{Confidence, Decisions, Severity};
use surefix_text::Tier;

/// What the command line says; `None` and empty leave the file's value.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--tier`.
    pub tier: Option<MaxTier>,
    /// `--confidence`.
    pub confidence: Option<Level>,
    /// `--rule`.
    pub rules: Vec<String>,
    /// `--exclude-rule`.
    pub exclude_rules: Vec<String>,
    /// `--fail-on`.
    pub fail_on: Option<FailOn>,
    /// `--threads`; 0: one a core.
    pub threads: usize,
}

/// Settings of one run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Decisions of the project's owner.
    pub decisions: Decisions,
    /// Threads; 0: one a core.
    pub threads: usize,
    /// Findings below are not reported.
    pub report_confidence: Confidence,
    /// Severity from which a remaining finding fails the run; `None`: never.
    pub fail_on: Option<Severity>,
    /// Look at test code.
    pub tests: bool,
    /// Look at generated code.
    pub generated: bool,
    /// Look at vendored code.
    pub vendored: bool,
    include: Option<GlobSet>,
    exclude: GlobSet,
    only: BTreeSet<String>,
    without: BTreeSet<String>,
    tier: MaxTier,
    /// A flag sets the tier for every rule and path that the file does not speak of.
    fix_confidence: Option<Confidence>,
    rule_tier: BTreeMap<String, MaxTier>,
    overrides: Vec<PathRule>,
    suppress: Vec<Accepted>,
    /// Verdicts of fixes that a gate outside of the engine refused, by fingerprint.
    withheld: BTreeMap<String, Verdict>,
    baseline: BTreeSet<String>,
    scopes: Vec<(Scope, &'static str)>,
}

/// Which findings a run is about.
#[derive(Clone, Debug)]
pub enum Scope {
    /// All but these fingerprints.
    Without(BTreeSet<String>),
    /// Only these fingerprints.
    Only(BTreeSet<String>),
}

#[derive(Clone, Debug)]
struct PathRule {
    paths: GlobSet,
    tier: Option<MaxTier>,
    without: BTreeSet<String>,
    rules: BTreeMap<String, MaxTier>,
}

#[derive(Clone, Debug)]
struct Accepted {
    rule: Option<String>,
    path: Option<GlobSet>,
    fingerprint: Option<String>,
    reason: String,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings::resolve(&Config::default(), &Flags::default())
    }
}

fn set(globs: &[String]) -> GlobSet {
    let mut b = GlobSetBuilder::new();
    // `Config::parse` has refused invalid globs with their place.
    globs.iter().filter_map(|g| Glob::new(g).ok()).for_each(|g| {
        b.add(g);
    });
    b.build().unwrap_or_else(|_| GlobSet::empty())
}

fn confidence(l: Level) -> Confidence {
    match l {
        Level::Low => Confidence::Low,
        Level::Medium => Confidence::Medium,
        Level::High => Confidence::High,
    }
}

impl Settings {
    /// The file's values, overruled by the flags.
    pub fn resolve(config: &Config, flags: &Flags) -> Settings {
        let decisions = config
            .decisions
            .iter()
            .map(|(rule, keys)| (rule.clone(), keys.iter().map(|(k, v)| (k.clone(), v.list())).collect()))
            .collect();
        let only = if flags.rules.is_empty() { &config.rules.only } else { &flags.rules };
        let fail_on = match flags.fail_on.or(config.report.fail_on).unwrap_or(FailOn::Medium) {
            FailOn::Low => Some(Severity::Low),
            FailOn::Medium => Some(Severity::Medium),
            FailOn::High => Some(Severity::High),
            FailOn::Critical => Some(Severity::Critical),
            FailOn::Never => None,
        };
        Settings {
            decisions: Decisions(decisions),
            threads: flags.threads,
            report_confidence: confidence(flags.confidence.or(config.report.confidence).unwrap_or(Level::Medium)),
            fail_on,
            tests: config.paths.tests,
            generated: config.paths.generated,
            vendored: config.paths.vendored,
            include: (!config.paths.include.is_empty()).then(|| set(&config.paths.include)),
            exclude: set(&config.paths.exclude),
            only: only.iter().cloned().collect(),
            without: config.rules.exclude.iter().chain(&flags.exclude_rules).cloned().collect(),
            tier: flags.tier.or(config.fix.tier).unwrap_or(MaxTier::AttackOnly),
            fix_confidence: config.fix.confidence.map(confidence),
            rule_tier: config.fix.rules.clone(),
            overrides: config
                .overrides
                .iter()
                .map(|o| PathRule {
                    paths: set(&o.paths),
                    tier: o.tier,
                    without: o.exclude_rules.iter().cloned().collect(),
                    rules: o.rules.clone(),
                })
                .collect(),
            suppress: config
                .suppress
                .iter()
                .map(|s| Accepted {
                    rule: s.rule.clone(),
                    path: s.path.as_ref().map(|p| set(std::slice::from_ref(p))),
                    fingerprint: s.fingerprint.clone(),
                    reason: s.reason.clone(),
                })
                .collect(),
            withheld: BTreeMap::new(),
            baseline: BTreeSet::new(),
            scopes: Vec::new(),
        }
    }

    /// Gives findings, by fingerprint, the verdict of a gate outside of the engine: no fix of theirs is tried again.
    pub fn withhold(mut self, verdicts: BTreeMap<String, Verdict>) -> Settings {
        self.withheld = verdicts;
        self
    }

    /// The verdict of a gate outside of the engine.
    pub fn withheld(&self, fingerprint: &str) -> Option<&Verdict> {
        self.withheld.get(fingerprint)
    }

    /// Accepts the findings of a baseline.
    pub fn with_baseline(mut self, prints: BTreeSet<String>) -> Settings {
        self.baseline = prints;
        self
    }

    /// Leaves findings outside of a scope alone: they are `excluded`, and `why` says so.
    pub fn with_scope(mut self, scope: Scope, why: &'static str) -> Settings {
        self.scopes.push((scope, why));
        self
    }

    /// True when the baseline holds the finding.
    pub fn in_baseline(&self, fingerprint: &str) -> bool {
        self.baseline.contains(fingerprint)
    }

    /// Why the run is not about a finding; `None` when it is.
    pub fn out_of_scope(&self, fingerprint: &str) -> Option<&'static str> {
        let out = |scope: &Scope| match scope {
            Scope::Without(those) => those.contains(fingerprint),
            Scope::Only(these) => !these.contains(fingerprint),
        };
        self.scopes.iter().find(|(s, _)| out(s)).map(|(_, why)| *why)
    }

    /// True when the rule runs at all.
    pub fn runs(&self, rule: &str) -> bool {
        (self.only.is_empty() || self.only.contains(rule)) && !self.without.contains(rule)
    }

    /// True when the file is not to be looked at.
    pub fn excludes(&self, path: &str) -> bool {
        self.exclude.is_match(path)
    }

    /// True when findings of the rule in the file are reported.
    pub fn reports(&self, rule: &str, path: &str) -> bool {
        self.include.as_ref().is_none_or(|i| i.is_match(path))
            && !self.overrides.iter().any(|o| o.without.contains(rule) && o.paths.is_match(path))
    }

    /// The worst tier allowed for the rule in the file.
    fn max_tier(&self, rule: &str, path: &str) -> MaxTier {
        let mut tier = self.rule_tier.get(rule).copied().unwrap_or(self.tier);
        for o in self.overrides.iter().filter(|o| o.paths.is_match(path)) {
            tier = o.rules.get(rule).copied().or(o.tier).unwrap_or(tier);
        }
        tier
    }

    /// True when a fix of this tier may be applied.
    pub fn tier_allowed(&self, rule: &str, path: &str, tier: Tier) -> bool {
        let max = self.max_tier(rule, path);
        match tier {
            Tier::Preserving => max >= MaxTier::Preserving,
            Tier::AttackOnly => max >= MaxTier::AttackOnly,
            Tier::Observable => max >= MaxTier::Observable,
            // The owner has written the value down: that is the permission.
            Tier::Decision => max > MaxTier::Off && self.decisions.0.contains_key(rule),
            Tier::Refuse => false,
        }
    }

    /// The confidence that a fix of this tier needs.
    pub fn needed_confidence(&self, tier: Tier) -> Confidence {
        let base = if tier <= Tier::AttackOnly { Confidence::Medium } else { Confidence::High };
        self.fix_confidence.unwrap_or(base)
    }

    /// The reason of the configured suppression that covers a finding.
    pub fn suppressed(&self, rule: &str, path: &str, fingerprint: &str) -> Option<&str> {
        self.suppress
            .iter()
            .find(|s| {
                s.rule.as_ref().is_none_or(|r| r == rule)
                    && s.path.as_ref().is_none_or(|p| p.is_match(path))
                    && s.fingerprint.as_ref().is_none_or(|f| fingerprint.starts_with(f.as_str()))
            })
            .map(|s| s.reason.as_str())
    }

    /// True when a remaining finding of this severity fails the run.
    pub fn fails(&self, severity: Severity) -> bool {
        self.fail_on.is_some_and(|limit| severity >= limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_beat_the_file_and_paths_beat_rules() {
        let text = "[fix]\ntier = \"preserving\"\n[fix.rules]\nxss = \"observable\"\n[[override]]\npaths = [\"old/**\"]\ntier = \"off\"\nexclude-rules = [\"a\"]\n[report]\nfail-on = \"high\"\n";
        let config = Config::parse("s", text, &[]).unwrap();
        let s = Settings::resolve(&config, &Flags::default());
        assert!(!s.tier_allowed("b", "x.py", Tier::AttackOnly));
        assert!(s.tier_allowed("xss", "x.py", Tier::Observable));
        assert!(!s.tier_allowed("xss", "old/x.py", Tier::Preserving));
        assert!(!s.reports("a", "old/x.py") && s.reports("a", "x.py"));
        assert!(!s.fails(Severity::Medium) && s.fails(Severity::High));
        let flags = Flags { tier: Some(MaxTier::Observable), fail_on: Some(FailOn::Never), ..Flags::default() };
        let s = Settings::resolve(&config, &flags);
        assert!(s.tier_allowed("b", "x.py", Tier::Observable) && !s.fails(Severity::Critical));
        assert_eq!(s.needed_confidence(Tier::Observable), Confidence::High);
        assert!(!s.tier_allowed("b", "x.py", Tier::Decision));
    }
}
