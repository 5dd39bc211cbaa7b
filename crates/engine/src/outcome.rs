//! What a run answers: every finding with exactly one verdict, what was looked at and what was not.

use std::collections::BTreeMap;
use surefix_ir::Lang;
use surefix_rules::{Confidence, Found, RuleMeta, Severity};
use surefix_text::{Edit, Lowered, Refusal, Tier};

/// A gate of a fix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gate {
    /// No new syntax error.
    Parse,
    /// The finding is gone.
    Gone,
    /// No new finding, none lost.
    Clean,
    /// Nothing but the declared edits changed.
    Bytes,
    /// Every name the fix uses resolves.
    Names,
    /// A second run would change nothing.
    Fixpoint,
    /// The project still builds.
    Build,
    /// The project's tests still pass.
    Tests,
    /// The attack input does not reach the sink any more.
    Probe,
}

impl Gate {
    /// All gates in order.
    pub const ALL: [Gate; 9] = [
        Gate::Parse,
        Gate::Gone,
        Gate::Clean,
        Gate::Bytes,
        Gate::Names,
        Gate::Fixpoint,
        Gate::Build,
        Gate::Tests,
        Gate::Probe,
    ];
    /// The gate's number and name (`G1 parse`).
    pub const fn name(self) -> &'static str {
        match self {
            Gate::Parse => "G1 parse",
            Gate::Gone => "G2 gone",
            Gate::Clean => "G3 clean",
            Gate::Bytes => "G4 bytes",
            Gate::Names => "G5 names",
            Gate::Fixpoint => "G6 fixpoint",
            Gate::Build => "G7 build",
            Gate::Tests => "G8 tests",
            Gate::Probe => "G9 probe",
        }
    }
}

/// What a gate said of a fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateResult {
    /// The gate.
    pub gate: Gate,
    /// `None`: passed; otherwise why it was not run.
    pub not_run: Option<String>,
}

/// A fix that passed the in-memory gates.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// Imperative title.
    pub title: String,
    /// Tier.
    pub tier: Tier,
    /// What lowered the tier.
    pub reasons: Vec<Lowered>,
    /// The edits in terms of the original files; `None` when the fix touches text that an earlier fix of the run wrote.
    pub edits: Option<Vec<Edit>>,
    /// The edits in terms of the texts that the fix's round began with. All rounds before have been applied to those whole.
    pub made: Vec<Edit>,
    /// Unified diff of this fix alone, against the text it was made for.
    pub diff: String,
    /// Files changed, root-relative, sorted.
    pub files: Vec<String>,
    /// Each gate as passed or as not run.
    pub evidence: Vec<GateResult>,
    /// The round of the fixpoint loop, from 1.
    pub pass: usize,
    /// Regression tests that come with the fix, as new files.
    pub tests: Vec<RegressionTest>,
}

/// A test that fails without the fix and passes with it: a new file of the project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegressionTest {
    /// Root-relative path; no file is there.
    pub path: String,
    /// The whole file.
    pub text: String,
    /// Name of the test's function or method, as runners report it.
    pub name: String,
}

/// An edit that the fixes of one round make possible together, and none of them alone.
#[derive(Clone, Debug, PartialEq)]
pub struct SharedEdit {
    /// In terms of the texts that its round began with.
    pub made: Edit,
    /// The round, from 1.
    pub pass: usize,
    /// In terms of the files as they were read; `None` when it touches text that an earlier fix of the run wrote.
    pub original: Option<Edit>,
}

/// How a finding ends.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The fix is applied.
    Fixed(Box<Applied>),
    /// A fix exists and passed the in-memory gates, but was not applied.
    Fixable {
        /// The fix.
        fix: Box<Applied>,
        /// Why it was not applied, when it is the policy; empty for a dry run.
        policy: Option<Refusal>,
    },
    /// A gate refused the fix.
    Rejected {
        /// Title of the fix.
        title: String,
        /// The gate.
        gate: Gate,
        /// What it said.
        detail: String,
    },
    /// There is no fix, and why.
    Abstained(Refusal),
    /// A foreign finding that the analysis disproves.
    FalsePositive {
        /// The proof.
        proof: String,
    },
    /// A suppression covers it.
    Suppressed {
        /// Which, and its reason.
        by: String,
    },
    /// Test, generated or vendored code, or outside the configured paths.
    Excluded {
        /// Which of them.
        why: String,
    },
    /// A foreign finding whose code is no longer there.
    Stale {
        /// Why it could not be found again.
        why: String,
    },
}

impl Verdict {
    /// The verdict's name in reports.
    pub const fn name(&self) -> &'static str {
        match self {
            Verdict::Fixed(_) => "fixed",
            Verdict::Fixable { .. } => "fixable",
            Verdict::Rejected { .. } => "rejected",
            Verdict::Abstained(_) => "abstained",
            Verdict::FalsePositive { .. } => "false-positive",
            Verdict::Suppressed { .. } => "suppressed",
            Verdict::Excluded { .. } => "excluded",
            Verdict::Stale { .. } => "stale",
        }
    }
    /// All names, in the order of summaries.
    pub const NAMES: [&'static str; 8] =
        ["fixed", "fixable", "rejected", "abstained", "false-positive", "suppressed", "excluded", "stale"];
    /// True when the flaw is still in the code and nobody has accepted it.
    pub const fn remains(&self) -> bool {
        matches!(self, Verdict::Fixable { .. } | Verdict::Rejected { .. } | Verdict::Abstained(_))
    }
}

/// A finding with its verdict. Places are those of the original text.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What detection reported.
    pub found: Found,
    /// The rule.
    pub rule: RuleMeta,
    /// Root-relative path.
    pub path: String,
    /// Fingerprint, version 1: 32 hexadecimal digits.
    pub fingerprint: String,
    /// The verdict.
    pub verdict: Verdict,
}

impl Finding {
    /// Severity of the rule.
    pub fn severity(&self) -> Severity {
        self.rule.severity
    }
    /// Confidence.
    pub fn confidence(&self) -> Confidence {
        self.found.confidence
    }
}

/// A file that was not analysed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Skipped {
    /// Root-relative path; for names that are no text, with replacement characters.
    pub path: String,
    /// Why, one phrase, the same for all files of a kind.
    pub why: String,
}

/// Something the user should know that is no finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// Root-relative path, empty when it concerns the run.
    pub path: String,
    /// Line from 1, 0 when it concerns the whole file.
    pub line: u32,
    /// The message.
    pub message: String,
    /// True when Surefix failed at something (exit code 3).
    pub failure: bool,
}

/// Why the fix loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// No further fix.
    Fixpoint,
    /// Some fixes undid each other and were all dropped; the rest reached a fixpoint.
    Cycle,
    /// Some fixes never came to rest within the budget and were dropped; the rest reached a fixpoint.
    Budget,
}

impl Stop {
    /// Name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Stop::Fixpoint => "fixpoint",
            Stop::Cycle => "cycle",
            Stop::Budget => "budget",
        }
    }
}

/// What was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Files analysed, by language.
    pub analysed: BTreeMap<Lang, usize>,
    /// Lines in them.
    pub lines: u64,
    /// Files not analysed, sorted by path.
    pub skipped: Vec<Skipped>,
    /// Files with syntax errors: analysed around the errors.
    pub partly_parsed: Vec<String>,
    /// Functions in which a step budget was spent, as (path, function, what was given up).
    pub budget_cut: Vec<(String, String, String)>,
    /// Functions interpreted.
    pub functions: usize,
    /// Constructs that became unknown values, because no front end understands them.
    pub not_understood: usize,
    /// Findings below the reported confidence.
    pub below_confidence: usize,
}

impl Coverage {
    /// Number of analysed files.
    pub fn files(&self) -> usize {
        self.analysed.values().sum()
    }
    /// Skipped files by reason.
    pub fn skipped_by_reason(&self) -> BTreeMap<&str, usize> {
        let mut out = BTreeMap::new();
        for s in &self.skipped {
            *out.entry(s.why.as_str()).or_insert(0) += 1;
        }
        out
    }
}

/// What happens to a changed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// Its bytes are replaced.
    Edited,
    /// It is new: `before` is empty, and no file may be there.
    Created,
    /// It is taken away: `after` is empty.
    Removed,
}

/// A file that the fixes change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Root-relative path.
    pub path: String,
    /// Bytes before.
    pub before: Vec<u8>,
    /// Bytes after.
    pub after: Vec<u8>,
    /// Decoded text before, for diffs.
    pub text_before: String,
    /// Decoded text after.
    pub text_after: String,
    /// Files that must be changed together with this one carry the same number.
    pub group: usize,
    /// Whether it is there before and after.
    pub kind: ChangeKind,
}

impl Changed {
    /// Its bytes before; `None`: it was not there.
    pub fn bytes_before(&self) -> Option<&[u8]> {
        (self.kind != ChangeKind::Created).then_some(&self.before)
    }
    /// Its bytes after; `None`: it is not there any more.
    pub fn bytes_after(&self) -> Option<&[u8]> {
        (self.kind != ChangeKind::Removed).then_some(&self.after)
    }
}

/// The answer of a run.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Findings, sorted by path, place, rule.
    pub findings: Vec<Finding>,
    /// What was looked at.
    pub coverage: Coverage,
    /// Messages, sorted.
    pub diagnostics: Vec<Diagnostic>,
    /// Changed files, sorted by path; not yet written.
    pub changed: Vec<Changed>,
    /// Edits that belong to no single fix: imports that only several fixes together leave without a use.
    pub shared: Vec<SharedEdit>,
    /// Why the loop ended.
    pub stop: Option<Stop>,
    /// Rounds of the loop that changed something.
    pub passes: usize,
    /// Original decoded texts by path, of every file a finding or its trace names.
    pub texts: BTreeMap<String, String>,
    /// Paths by file id.
    pub paths: BTreeMap<u32, String>,
}

impl Outcome {
    /// The path of a file id.
    pub fn path(&self, file: surefix_text::FileId) -> &str {
        self.paths.get(&file.0).map_or("", String::as_str)
    }
    /// Number of findings with each verdict, all verdicts named.
    pub fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut out: BTreeMap<&'static str, usize> = Verdict::NAMES.iter().map(|n| (*n, 0)).collect();
        for f in &self.findings {
            *out.entry(f.verdict.name()).or_insert(0) += 1;
        }
        out
    }
    /// Number of abstentions by rule and reason code.
    pub fn abstentions(&self) -> BTreeMap<(&'static str, &'static str), usize> {
        let mut out = BTreeMap::new();
        for f in &self.findings {
            if let Verdict::Abstained(r) = &f.verdict {
                *out.entry((f.rule.id, r.reason.code())).or_insert(0) += 1;
            }
        }
        out
    }
    /// True when Surefix itself failed at something.
    pub fn failed(&self) -> bool {
        self.diagnostics.iter().any(|d| d.failure)
    }
    /// Adds tests to the fix of some findings, by index, and to the changed files. Findings that share the fix share the tests.
    pub fn add_tests(&mut self, tests: BTreeMap<usize, RegressionTest>) {
        let fix = |v: &Verdict| if let Verdict::Fixed(a) = v { Some(a.clone()) } else { None };
        for (i, test) in tests {
            let Some(own) = self.findings.get(i).and_then(|f| fix(&f.verdict)) else { continue };
            let group = self.changed.iter().find(|c| own.files.contains(&c.path)).map_or(0, |c| c.group);
            self.changed.push(Changed {
                path: test.path.clone(),
                before: Vec::new(),
                after: test.text.clone().into_bytes(),
                text_before: String::new(),
                text_after: test.text.clone(),
                group,
                kind: ChangeKind::Created,
            });
            for f in &mut self.findings {
                if let Verdict::Fixed(a) = &mut f.verdict
                    && *a == own
                {
                    a.tests.push(test.clone());
                }
            }
        }
        self.changed.sort_by(|a, b| a.path.cmp(&b.path));
    }
    /// Turns `fixed` into `fixable`: the run was a preview.
    pub fn as_preview(mut self) -> Outcome {
        for f in &mut self.findings {
            if let Verdict::Fixed(fix) = &f.verdict {
                f.verdict = Verdict::Fixable { fix: fix.clone(), policy: None };
            }
        }
        self
    }
}
