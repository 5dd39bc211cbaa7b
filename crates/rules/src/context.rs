//! What detection and recipes may look at.

use crate::Found;
use std::collections::BTreeMap;
use surefix_dataflow::{Analysis, Program};
use surefix_ir::{Lang, Module};
use surefix_models::ModelSet;
use surefix_rewrite::Project;
use surefix_text::FileId;

/// Decisions of the project's owner from `surefix.toml` (`[decisions]`): rule id → key → values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decisions(pub BTreeMap<String, BTreeMap<String, Vec<String>>>);

impl Decisions {
    /// The values decided for `key` of `rule`, empty when nothing is decided.
    pub fn get(&self, rule: &str, key: &str) -> &[String] {
        self.0.get(rule).and_then(|k| k.get(key)).map_or(&[], Vec::as_slice)
    }
}

/// What detection sees.
pub struct DetectCx<'a> {
    /// The program.
    pub program: &'a Program,
    /// What the analysis found.
    pub analysis: &'a Analysis,
    /// Library models.
    pub models: &'a ModelSet,
    /// Build files, dependencies, language levels.
    pub project: &'a Project,
    /// Decoded texts of the modules, same index.
    pub texts: &'a [String],
}

impl DetectCx<'_> {
    /// The module of a file.
    pub fn module(&self, file: FileId) -> &Module {
        &self.program.modules[file.0 as usize]
    }
    /// The text of a file.
    pub fn text(&self, file: FileId) -> &str {
        &self.texts[file.0 as usize]
    }
    /// The language of a file.
    pub fn lang(&self, file: FileId) -> Lang {
        self.module(file).lang
    }
}

/// What a recipe sees: everything detection saw, and the decisions.
pub struct FixCx<'a> {
    /// Detection's view.
    pub detect: &'a DetectCx<'a>,
    /// Decisions of the owner.
    pub decisions: &'a Decisions,
    /// All findings of the run (a recipe may refuse when a neighbour needs another shape of fix).
    pub all: &'a [Found],
}
