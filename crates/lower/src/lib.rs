//! Front ends: source text of one file to the language-neutral IR. Pure; never fails, never panics on any input.

pub mod java;
mod prune;
pub mod python;

use surefix_ir::{Lang, Module};

/// One file to lower.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Path relative to the project root, `/`-separated.
    pub path: &'a str,
    /// Decoded text without BOM; spans of the IR are byte ranges of it.
    pub text: &'a str,
    /// Python: dotted module name, given by the caller. Empty for Java, which declares its package in the file.
    pub module: &'a str,
    /// Python: true for a package's `__init__.py`.
    pub is_package: bool,
}

/// Lowers one file. What is not understood becomes an unknown value and a diagnostic of the module.
pub fn lower(lang: Lang, input: Input<'_>) -> Module {
    match lang {
        Lang::Java => java::lower(&input),
        Lang::Python => python::lower(&input),
    }
}
