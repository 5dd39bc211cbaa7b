//! What detection and recipes may look at.

use crate::Found;
use std::collections::BTreeMap;
use surefix_dataflow::{Analysis, Program};
use surefix_ir::{Lang, Module};
use surefix_models::ModelSet;
use surefix_rewrite::{JavaCx, Project, PyCx};
use surefix_text::FileId;

/// Decisions of the project's owner from `surefix.toml` (`[decisions]`): rule id → key → values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decisions(pub BTreeMap<String, BTreeMap<String, Vec<String>>>);

/// The keys of `[decisions.<rule>]` that recipes ask for, by rule; a rule that is not here takes no decisions.
pub const DECISION_KEYS: &[(&str, &[&str])] = &[
    ("cleartext-transport", &["https-hosts"]),
    ("insecure-deserialization", &["classes"]),
    ("open-redirect", &["allowed-hosts"]),
    ("path-traversal", &["base-directories"]),
    ("ssrf", &["allowed-hosts"]),
    ("zip-slip", &["base-directories"]),
];

impl Decisions {
    /// The values decided for `key` of `rule`, empty when nothing is decided.
    pub fn get(&self, rule: &str, key: &str) -> &[String] {
        debug_assert!(
            DECISION_KEYS.iter().any(|(r, keys)| *r == rule && keys.contains(&key)),
            "{rule} asks for the decision {key}, which settings cannot give"
        );
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

impl<'a> FixCx<'a> {
    /// The services for a Java file; names of types that its package declares elsewhere are known to it.
    pub fn java(&self, file: FileId) -> JavaCx<'a> {
        let module = self.detect.module(file);
        let package = module.strings.get(module.name);
        let modules = &self.detect.program.modules;
        let declares = move |name: &str| {
            modules.iter().enumerate().any(|(i, m)| {
                i != file.0 as usize
                    && m.lang == Lang::Java
                    && m.strings.get(m.name) == package
                    && m.classes.iter().any(|c| m.strings.get(c.name) == name)
            })
        };
        JavaCx::new(file, self.detect.text(file), module).with_package_types(declares)
    }
    /// The services for a Python file.
    pub fn python(&self, file: FileId) -> PyCx<'a> {
        PyCx::new(file, self.detect.text(file), self.detect.module(file))
    }
    /// The root-relative path of a file.
    pub fn path(&self, file: FileId) -> &'a str {
        &self.detect.program.paths[file.0 as usize]
    }
}
