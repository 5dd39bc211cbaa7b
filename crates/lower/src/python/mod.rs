//! Python front end.

use crate::Input;
use surefix_ir::{Interner, Lang, Module, Sym};

/// Lowers one Python file.
pub fn lower(input: &Input<'_>) -> Module {
    let mut strings = Interner::default();
    let name = strings.intern(input.module);
    Module {
        lang: Lang::Python,
        name,
        is_package: input.is_package,
        strings,
        imports: Vec::new(),
        classes: Vec::new(),
        functions: Vec::new(),
        init: None,
        diagnostics: Vec::new(),
        error_spans: Vec::new(),
        lines: input.text.lines().count() as u32,
    }
}
