//! Java front end.

use crate::Input;
use surefix_ir::{Interner, Lang, Module, Sym};

/// Lowers one Java file.
pub fn lower(input: &Input<'_>) -> Module {
    Module {
        lang: Lang::Java,
        name: Sym::EMPTY,
        is_package: false,
        strings: Interner::default(),
        imports: Vec::new(),
        classes: Vec::new(),
        functions: Vec::new(),
        init: None,
        diagnostics: Vec::new(),
        error_spans: Vec::new(),
        lines: input.text.lines().count() as u32,
    }
}
