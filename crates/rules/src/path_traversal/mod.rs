//! `path-traversal`: path traversal.

mod java;
mod python;
mod separator;

use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows};
use surefix_ir::Lang;
use surefix_models::Kind;
use surefix_text::{Fix, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "path-traversal",
    title: "Path traversal",
    cwe: &[22, 23, 36, 73],
    severity: Severity::High,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::AttackOnly,
    page: include_str!("../../../../docs/rules/path-traversal.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    flows::report(cx, &META, &[Kind::Path], flows::not_archive, out);
}

/// What a person does where no base directory is known.
const STEPS: &str = "Decide which directory such paths may name. Resolve the path against it, normalise both \
    (`toAbsolutePath().normalize()`, `os.path.abspath`) and reject the path unless it starts with the directory. \
    With `base-directories = [\"/srv/data\"]` under `[decisions.path-traversal]` in surefix.toml the check is inserted.";

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    match cx.detect.lang(found.file) {
        Lang::Java => java::fix(cx, found),
        Lang::Python => python::fix(cx, found),
    }
}
