//! Rule metadata and findings.

use serde::{Deserialize, Serialize};
use surefix_dataflow::{CallFact, Flow, TraceStep};
use surefix_ir::Lang;
use surefix_text::{FileId, Span, Tier};

/// Severity of a rule. Ordered: a greater value is more severe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Severity {
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    /// Lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }
}

/// Confidence of a finding. Ordered: a greater value is surer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// No known entry point reaches it, or more than one kind of doubt.
    Low,
    /// One or more breadcrumbs.
    Medium,
    /// Every step of the flow is known.
    High,
}

impl Confidence {
    /// Lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            Confidence::Low => "low",
            Confidence::Medium => "medium",
            Confidence::High => "high",
        }
    }
}

/// Constant facts about a rule (a vulnerability class).
#[derive(Clone, Copy, Debug)]
pub struct RuleMeta {
    /// Kebab-case id: folder, page, specification and SARIF id alike.
    pub id: &'static str,
    /// Title without a full stop.
    pub title: &'static str,
    /// CWE numbers, the main one first.
    pub cwe: &'static [u16],
    /// Severity.
    pub severity: Severity,
    /// Languages with detection.
    pub langs: &'static [Lang],
    /// Best tier any recipe of the rule has; [`Tier::Refuse`] when the rule only reports.
    pub best_tier: Tier,
    /// The user's page, Markdown (`docs/rules/<id>.md`).
    pub page: &'static str,
}

/// A finding before it has a verdict.
#[derive(Clone, Debug)]
pub struct Found {
    /// Rule id.
    pub rule: &'static str,
    /// File of the primary place.
    pub file: FileId,
    /// Primary place: the sink call, or the misused call.
    pub span: Span,
    /// One sentence for the user, without quoting scanned code beyond identifiers.
    pub message: String,
    /// Sink argument or property concerned, part of the fingerprint (`arg0`, `secure`).
    pub subject: String,
    /// Resolved name of the sink or misused callee, part of the fingerprint.
    pub sink: String,
    /// Source kind's name, or empty; part of the fingerprint.
    pub source: String,
    /// Confidence.
    pub confidence: Confidence,
    /// The flow, for data-flow rules.
    pub flow: Option<Box<Flow>>,
    /// The call, for misuse rules (for flows: see `flow.call`).
    pub call: Option<Box<CallFact>>,
    /// Free note from detection to the recipe of the same rule (which shape was found).
    pub variant: &'static str,
}

impl Found {
    /// The call concerned.
    pub fn call(&self) -> Option<&CallFact> {
        self.flow.as_ref().map(|f| &f.call).or(self.call.as_deref())
    }
    /// The trace, empty for misuse rules.
    pub fn trace(&self) -> &[TraceStep] {
        self.flow.as_ref().map_or(&[], |f| &f.trace)
    }
}
