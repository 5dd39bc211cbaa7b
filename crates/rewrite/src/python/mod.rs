//! Python: one file, its tree, and what a recipe asks about places in it.
use surefix_ir::Module;
use surefix_text::FileId;
/// One Python file as recipes see it.
pub struct PyCx<'a> {
    /// The file.
    pub file: FileId,
    /// Its text.
    pub text: &'a str,
    /// Its module.
    pub module: &'a Module,
}
