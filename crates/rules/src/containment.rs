//! Keeping paths inside the directory that the code puts in front of them, for every class in which paths can leave one.

pub(crate) mod java;
pub(crate) mod python;
mod separator;

use crate::{FixCx, Found};
use surefix_ir::Lang;
use surefix_text::{Fix, Refusal};

/// What a person does where no base directory is known.
const STEPS: &str = "Decide which directory such paths may name. Resolve the path against it, normalise both \
    (`toAbsolutePath().normalize()`, `os.path.abspath`) and reject the path unless it starts with the directory. \
    With `base-directories = [\"/srv/data\"]` under `[decisions.path-traversal]` in surefix.toml the check is inserted.";

/// Inserts the check of the finding's path.
pub(crate) fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    match cx.detect.lang(found.file) {
        Lang::Java => java::fix(cx, found),
        Lang::Python => python::fix(cx, found),
    }
}

/// True when the name stands in the code as a word: `dir = new File(dir, name)` leaves no base to compare with behind it.
fn mentions(code: &str, name: &str) -> bool {
    code.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$'))).any(|w| w == name)
}
