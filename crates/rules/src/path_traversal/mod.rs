//! `path-traversal`: path traversal.

use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, containment, flows};
use surefix_dataflow::Flow;
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
    flows::report(cx, &META, &[Kind::Path], names_a_file, out);
}

/// False for names in archives, which are another rule's, and for what is no path in an overload of the sink: the content that
/// is copied, and the prefix of a temporary file's name, in which the JDK accepts no directories.
fn names_a_file(flow: &Flow) -> bool {
    if !flows::not_archive(flow) {
        return false;
    }
    let Some(arg) = flow.arg.and_then(|a| flow.call.args.get(a)) else { return true };
    let method = flow.call.callee.rsplit('.').next().unwrap_or("");
    let all = |is: fn(&str) -> bool| !arg.types.is_empty() && arg.types.iter().all(|t| is(t));
    match method {
        "copy" => !all(|t| t.ends_with("InputStream") || t.ends_with("Reader") || t.ends_with("[]")),
        "createTempFile" | "createTempDirectory" if flow.call.callee.starts_with("java.nio.file.Files.") => {
            !all(|t| t == "java.lang.String")
        }
        _ => true,
    }
}

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    containment::fix(cx, found)
}
