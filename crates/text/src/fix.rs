//! What a fix is: edits, its tier with the reasons that lowered it, and the refusal that stands in for a fix.

use crate::{FileId, Span};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What a fix may change about behaviour, best first (`docs/tiers.md`). Ordered: a greater value is a worse tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// The same observable result for every input.
    Preserving,
    /// The same result for every benign input; only attack-shaped input is bound, escaped or rejected.
    AttackOnly,
    /// A legitimate caller or deployment can notice; the new behaviour needs no choice.
    Observable,
    /// Needs a value that cannot be derived; only with a decision in the configuration.
    Decision,
    /// No local edit removes the flaw.
    Refuse,
}

impl Tier {
    /// The name used in settings, reports and commit messages.
    pub const fn name(self) -> &'static str {
        match self {
            Tier::Preserving => "preserving",
            Tier::AttackOnly => "attack-only",
            Tier::Observable => "observable",
            Tier::Decision => "decision",
            Tier::Refuse => "refuse",
        }
    }
}

/// One lowering of the tier and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lowered {
    /// The tier from there on.
    pub to: Tier,
    /// A sentence for the commit message.
    pub why: String,
}

/// The tier of a fix in the making: starts at the recipe's best tier and can only be lowered, each time with a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assurance {
    tier: Tier,
    reasons: Vec<Lowered>,
}

impl Assurance {
    /// Starts at `best`.
    pub fn start(best: Tier) -> Assurance {
        Assurance { tier: best, reasons: Vec::new() }
    }
    /// Lowers to `to` (no effect when already as low) and keeps the reason either way.
    pub fn lower(&mut self, to: Tier, why: impl Into<String>) {
        self.tier = self.tier.max(to);
        let entry = Lowered { to, why: why.into() };
        if !self.reasons.contains(&entry) {
            self.reasons.push(entry);
        }
    }
    /// The tier as it stands.
    pub fn tier(&self) -> Tier {
        self.tier
    }
    /// Every lowering, in order.
    pub fn reasons(&self) -> &[Lowered] {
        &self.reasons
    }
}

/// How an edit takes part in conflict detection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EditKind {
    /// Replaces the span (insertion when the span is empty, deletion when the text is empty).
    Replace,
    /// Changes nothing; claims that the span stays as it is (for example an import the fix relies on).
    Pin,
}

/// Replacement of one span of one file. Text is in the file's decoded form with the file's own line endings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Edit {
    /// The file.
    pub file: FileId,
    /// The replaced bytes.
    pub span: Span,
    /// What stands there afterwards; ignored for pins.
    pub text: String,
    /// Replacement or pin.
    pub kind: EditKind,
}

impl Edit {
    /// Replaces `span` by `text`.
    pub fn replace(file: FileId, span: Span, text: impl Into<String>) -> Edit {
        Edit { file, span, text: text.into(), kind: EditKind::Replace }
    }
    /// Inserts `text` at byte `at`.
    pub fn insert(file: FileId, at: u32, text: impl Into<String>) -> Edit {
        Edit::replace(file, Span::point(at), text)
    }
    /// Deletes `span`.
    pub fn delete(file: FileId, span: Span) -> Edit {
        Edit::replace(file, span, "")
    }
    /// Claims that `span` stays unchanged.
    pub fn pin(file: FileId, span: Span) -> Edit {
        Edit { file, span, text: String::new(), kind: EditKind::Pin }
    }
}

/// A fix: applied whole or not at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fix {
    /// Imperative title without a full stop: "Bind the query's values as parameters".
    pub title: String,
    /// Edits, possibly over several files (code and manifest).
    pub edits: Vec<Edit>,
    /// Tier and the reasons that lowered it.
    pub assurance: Assurance,
    /// Names that the new code relies on and gate G5 must resolve, as (file, qualified name).
    pub needs: Vec<(FileId, String)>,
}

/// Machine-readable reason code of an abstention; the closed list that reports, settings and documentation share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// A name, keyword or clause stands where only text can stand, nothing can be bound (SQL identifier, `{call x}`).
    IdentifierHole,
    /// The analysis does not know how the string was built.
    ShapeUnknown,
    /// Alternative ways of building the value would need different edits of the same literal.
    AlternativesConflict,
    /// Moving or repeating an expression would repeat or re-order a side effect.
    SideEffect,
    /// The text is built in a function that other callers use too.
    NonOwnedCallee,
    /// The fix needs a value that only the project's owner can choose.
    DecisionNeeded,
    /// No local edit removes the flaw; manual steps are given.
    NoLocalFix,
    /// A name that the fix needs is taken by something else.
    NameTaken,
    /// The dependency that the fix needs is absent and cannot be declared.
    DependencyMissing,
    /// The project's language level is too low for the fix.
    LanguageLevel,
    /// The type or library behind a call is not known well enough.
    TypeUnknown,
    /// The code lies inside or next to a syntax error.
    ErrorRegion,
    /// The value is already escaped by hand; a second escaping would damage it.
    AlreadyEscaped,
    /// A comment stands inside the text that would be replaced.
    CommentInside,
    /// The output context of the value cannot be encoded safely.
    ContextUnsafe,
    /// The checked exception or control flow of the enclosing function does not allow the guard.
    ControlFlow,
    /// No recipe covers this shape in this language and library.
    NoRecipe,
    /// The tier of the fix is not allowed by the settings.
    TierNotAllowed,
    /// The confidence of the finding is below what the settings ask for.
    ConfidenceTooLow,
    /// The fix conflicts with another fix of the same run.
    Conflict,
    /// Two rules undo each other.
    Cycle,
    /// The step budget of the analysis was spent before the value was known.
    Budget,
}

impl Reason {
    /// The code as it stands in reports (`identifier-hole`).
    pub const fn code(self) -> &'static str {
        match self {
            Reason::IdentifierHole => "identifier-hole",
            Reason::ShapeUnknown => "shape-unknown",
            Reason::AlternativesConflict => "alternatives-conflict",
            Reason::SideEffect => "side-effect",
            Reason::NonOwnedCallee => "non-owned-callee",
            Reason::DecisionNeeded => "decision-needed",
            Reason::NoLocalFix => "no-local-fix",
            Reason::NameTaken => "name-taken",
            Reason::DependencyMissing => "dependency-missing",
            Reason::LanguageLevel => "language-level",
            Reason::TypeUnknown => "type-unknown",
            Reason::ErrorRegion => "error-region",
            Reason::AlreadyEscaped => "already-escaped",
            Reason::CommentInside => "comment-inside",
            Reason::ContextUnsafe => "context-unsafe",
            Reason::ControlFlow => "control-flow",
            Reason::NoRecipe => "no-recipe",
            Reason::TierNotAllowed => "tier-not-allowed",
            Reason::ConfidenceTooLow => "confidence-too-low",
            Reason::Conflict => "conflict",
            Reason::Cycle => "cycle",
            Reason::Budget => "budget",
        }
    }
}

/// Why there is no fix: the code, the exact precondition that failed, and what a person can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{}: {detail}", reason.code())]
pub struct Refusal {
    /// Reason code.
    pub reason: Reason,
    /// The precondition that failed, one sentence naming the code concerned.
    pub detail: String,
    /// Manual steps; may be empty.
    pub steps: Cow<'static, str>,
}

impl Refusal {
    /// A refusal without manual steps.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Refusal {
        Refusal { reason, detail: detail.into(), steps: Cow::Borrowed("") }
    }
    /// Adds the manual steps.
    pub fn with_steps(mut self, steps: impl Into<Cow<'static, str>>) -> Refusal {
        self.steps = steps.into();
        self
    }
}
