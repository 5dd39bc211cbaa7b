//! `partial-path-check`: path check that a sibling directory passes.

use crate::guards::Draft;
use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows};
use surefix_dataflow::{CallFact, ConstVal, Frag, Hole};
use surefix_ir::Lang;
use surefix_text::{FileId, Fix, Reason, Refusal, Span, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "partial-path-check",
    title: "Path check that a sibling directory passes",
    cwe: &[22],
    severity: Severity::Medium,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::Preserving,
    page: include_str!("../../../../docs/rules/partial-path-check.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    for call in flows::watched(cx, &META) {
        if call.recv.is_none() || call.args.len() != 1 || closed(cx, call) {
            continue;
        }
        // Only canonical paths on both sides make it a check of directories.
        if !call.callee.contains("Canonical") && !both_canonical(cx, call) {
            continue;
        }
        let message = "The check accepts directories whose name only begins like the allowed one".to_string();
        out.push(flows::from_call(&META, call, "arg0", message, ""));
    }
}

/// The text of the call says that both sides are canonical or normal paths.
fn both_canonical(cx: &DetectCx<'_>, call: &CallFact) -> bool {
    let text = cx.text(FileId(call.file));
    let canonical = |s: &str| s.contains("getCanonicalPath()");
    call.recv.as_ref().is_some_and(|r| canonical(r.span.of(text)))
        && call.args.iter().all(|a| canonical(a.span.of(text)))
}

/// The prefix ends in a separator.
fn closed(cx: &DetectCx<'_>, call: &CallFact) -> bool {
    let Some(arg) = call.args.first() else { return true };
    let source: String = arg.span.of(cx.text(FileId(call.file))).split_whitespace().collect();
    let text = ["separator", "separatorChar", "\"/\"", "'/'", "getSeparator()"].iter().any(|e| source.ends_with(e));
    let ends = |s: &str| s.ends_with(['/', '\\']);
    let literal = arg
        .consts
        .as_ref()
        .is_some_and(|c| c.iter().all(|c| matches!(c, ConstVal::Str(s) if ends(s) || !s.contains(['/', '\\']))));
    let shaped = !arg.shapes.is_empty()
        && arg.shapes.iter().all(|s| match s.frags.last() {
            Some(Frag::Lit { text, .. }) => ends(text),
            Some(Frag::Hole(h)) => separator(cx, h),
            _ => false,
        });
    text || literal || shaped
}

/// The last part is `File.separator`.
fn separator(cx: &DetectCx<'_>, hole: &Hole) -> bool {
    let text: String = hole.place.span.of(cx.text(hole.place.file)).split_whitespace().collect();
    text.ends_with("separator") || text.ends_with("separatorChar")
}

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let Some(call) = found.call() else { return Err(Refusal::new(Reason::ShapeUnknown, "the call is not known")) };
    let java = cx.java(found.file);
    let args = java.args(call.span);
    let (Some(receiver), [arg]) = (java.receiver(call.span), args.as_slice()) else {
        return Err(Refusal::new(Reason::ShapeUnknown, "the call has no receiver or argument"));
    };
    let mut draft = Draft::default();
    // `a.getCanonicalPath()` is a file already; any other text is made a path.
    let path = |span: Span, draft: &mut Draft| -> Result<String, Refusal> {
        java.no_comment_inside(span)?;
        let text = span.of(java.text);
        match text.strip_suffix(".getCanonicalPath()") {
            Some(file) => Ok(format!("{file}.getCanonicalFile().toPath()")),
            None => Ok(format!("{}.get({text})", draft.java_type(&java, "java.nio.file.Paths")?)),
        }
    };
    let (left, right) = (path(receiver, &mut draft)?, path(*arg, &mut draft)?);
    java.replace_expr(receiver, &left, &mut draft.edits)?;
    java.replace_expr(*arg, &right, &mut draft.edits)?;
    let why = "only neighbours of the directory whose name begins like it are told apart from it";
    Ok(draft.done("Compare directories by whole names", Tier::Preserving, why))
}
