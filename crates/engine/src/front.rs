//! What the engine asks of the layers below, in its own words: decoding, languages, lowering, suppressions, edit plans, diffs.

use crate::settings::Settings;
use surefix_ir::{Lang, Module};
use surefix_lower::Input;
use surefix_rules::Found;
use surefix_syntax::{FileClass, Suppressions};
use surefix_text::{EditPlan, FileId, Fix, LineIndex, SourceFile};

/// A kind of code that is not the project's own production code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Test code.
    Test,
    /// Written by a program.
    Generated,
    /// Somebody else's.
    Vendored,
    /// Compressed for transport.
    Minified,
}

impl Class {
    /// Lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            Class::Test => "test",
            Class::Generated => "generated",
            Class::Vendored => "vendored",
            Class::Minified => "minified",
        }
    }

    /// True when the settings ask for findings in such code.
    pub const fn wanted(self, settings: &Settings) -> bool {
        match self {
            Class::Test => settings.tests,
            Class::Generated => settings.generated,
            Class::Vendored => settings.vendored,
            Class::Minified => false,
        }
    }
}

/// The class of a file; `None` for the project's own code. Examples are shown to users as they are, so they count as own.
pub fn classify(lang: Lang, path: &str, text: &str) -> Option<Class> {
    match surefix_syntax::classify(lang, path, text) {
        FileClass::Normal | FileClass::Example => None,
        FileClass::Test => Some(Class::Test),
        FileClass::Generated => Some(Class::Generated),
        FileClass::Vendored => Some(Class::Vendored),
        FileClass::Minified => Some(Class::Minified),
    }
}

/// The language of a file, from its name or its first line.
pub fn lang(path: &str, head: &[u8]) -> Option<Lang> {
    surefix_syntax::detect(path, head)
}

/// Decodes the bytes of a file; the error is a phrase that is the same for all files of a kind.
pub fn decode(path: &str, bytes: &[u8]) -> Result<SourceFile, String> {
    use surefix_text::DecodeError as E;
    SourceFile::decode(path, bytes).map_err(|e| match e {
        E::Binary { .. } => "binary".to_string(),
        E::TooLarge => "larger than 4 GB".to_string(),
        E::Malformed { .. } => "not valid in the encoding of its byte order mark".to_string(),
        E::Unsupported { name } => format!("encoding not supported: {name}"),
    })
}

/// The bytes of a text in the encoding of a file.
pub fn encode(source: &SourceFile, text: &str) -> Result<Vec<u8>, String> {
    source.encode(text).map_err(|e| format!("U+{:04X} cannot be written in the file's encoding", u32::from(e.ch)))
}

/// Lowers one file; `name` is the dotted Python name and whether the file is a package.
pub fn lower(lang: Lang, path: &str, text: &str, name: &(String, bool)) -> Module {
    surefix_lower::lower(lang, Input { path, text, module: &name.0, is_package: name.1 })
}

/// The suppressions of a file.
pub fn suppressions(lang: Lang, text: &str) -> Suppressions {
    Suppressions::collect(lang, text)
}

/// Directives of Surefix that cannot be followed: line and what is wrong.
pub fn misspelt(lang: Lang, text: &str) -> Vec<(u32, String)> {
    // Few files hold any, and reading a file's directives scans it whole.
    if !["surefix:", "Surefix:", "SUREFIX:"].iter().any(|w| text.contains(w)) {
        return Vec::new();
    }
    let index = LineIndex::new(text);
    let all = suppressions(lang, text);
    all.problems.iter().map(|p| (index.line(p.span.lo), format!("suppression not understood: {}", p.what))).collect()
}

/// What covers a finding, in words: the directive and its reason.
pub fn suppressed(suppressions: &Suppressions, text: &str, found: &Found) -> Option<String> {
    // Most files have none, and an index of lines is not for nothing.
    suppressions.iter().next()?;
    let index = LineIndex::new(text);
    let s = suppressions.covers(index.line(found.span.lo), found.rule)?;
    Some(match &s.reason {
        Some(reason) => format!("{}: {reason}", s.origin.name()),
        None => s.origin.name().to_string(),
    })
}

/// An edit plan whose fixes are numbered as they come.
#[derive(Default)]
pub struct Plan {
    plan: EditPlan,
    next: u32,
}

impl Plan {
    /// An empty plan.
    pub fn new() -> Plan {
        Plan::default()
    }

    /// Takes the whole fix or nothing of it; the error says what stands in the way.
    pub fn offer(&mut self, fix: &Fix) -> Result<(), String> {
        let id = self.next;
        self.next += 1;
        self.plan.offer(id, fix).map_err(|c| {
            if c.with == c.fix {
                format!("the fix is at odds with itself: {}", c.kind)
            } else {
                format!("another fix is in the way: {}", c.kind)
            }
        })
    }

    /// The text of a file with everything that is planned for it.
    pub fn apply(&self, file: FileId, text: &str) -> Result<String, String> {
        self.plan.apply(file, text).map_err(|e| e.to_string())
    }
}

/// The unified diff of two texts of a file.
pub fn diff(path: &str, before: &str, after: &str) -> String {
    surefix_text::diff::unified(path, before, after)
}

/// The unified diff of the bytes of a file, as `git apply` takes it; `None`: it is not there.
pub fn diff_bytes(path: &str, before: Option<&[u8]>, after: Option<&[u8]>) -> Vec<u8> {
    surefix_text::diff::unified_sides(path, before, after)
}
