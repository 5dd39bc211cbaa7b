//! What rules share: from flows and watched calls to findings.

use crate::{Confidence, DetectCx, Found, RuleMeta};
use surefix_dataflow::{CallFact, Crumbs, Flow};
use surefix_models::{Kind, SourceKind};
use surefix_text::{FileId, Span};

/// Accepts flows from every source.
pub fn any(_: &Flow) -> bool {
    true
}

/// Accepts flows from names of archive entries only.
pub fn archive(flow: &Flow) -> bool {
    flow.source == Some(SourceKind::Archive)
}

/// Accepts flows from everything but names of archive entries.
pub fn not_archive(flow: &Flow) -> bool {
    !archive(flow)
}

/// Reports every flow into a sink of one of `kinds` that `accept` takes.
pub fn report(cx: &DetectCx<'_>, meta: &RuleMeta, kinds: &[Kind], accept: fn(&Flow) -> bool, out: &mut Vec<Found>) {
    for flow in &cx.analysis.flows {
        if kinds.contains(&flow.kind) && accept(flow) && meta.langs.contains(&cx.lang(FileId(flow.call.file))) {
            out.push(from_flow(meta, flow));
        }
    }
}

/// The finding that a flow is.
pub fn from_flow(meta: &RuleMeta, flow: &Flow) -> Found {
    let subject = flow.arg.map_or_else(|| "receiver".to_string(), |i| format!("arg{i}"));
    let sink = short(&flow.call.callee);
    Found {
        rule: meta.id,
        file: FileId(flow.call.file),
        span: flow.call.span,
        message: format!("Untrusted data from {} reaches {sink}", source(flow)),
        subject,
        sink: flow.call.callee.clone(),
        source: flow.source.map_or("", SourceKind::name).to_string(),
        confidence: confidence(flow),
        flow: Some(Box::new(flow.clone())),
        call: None,
        variant: "",
    }
}

/// What a flow starts from, in words of the program.
fn source(flow: &Flow) -> String {
    if flow.source_name == "surefix.parameter" {
        let name = flow.trace.first().map_or("", |s| s.name.as_str());
        return format!("parameter {name}").trim_end().to_string();
    }
    short(&flow.source_name).to_string()
}

/// The finding that a misused call is.
pub fn from_call(meta: &RuleMeta, call: &CallFact, subject: &str, message: String, variant: &'static str) -> Found {
    Found {
        rule: meta.id,
        file: FileId(call.file),
        span: call.span,
        message,
        subject: subject.to_string(),
        sink: call.callee.clone(),
        source: String::new(),
        confidence: Confidence::High,
        flow: None,
        call: Some(Box::new(call.clone())),
        variant,
    }
}

/// The finding of something that is no call: an assignment, an operator, an annotation. `sink` names it.
pub fn from_place(
    meta: &RuleMeta,
    file: FileId,
    span: Span,
    subject: &str,
    sink: &str,
    message: String,
    variant: &'static str,
) -> Found {
    Found {
        rule: meta.id,
        file,
        span,
        message,
        subject: subject.to_string(),
        sink: sink.to_string(),
        source: String::new(),
        confidence: Confidence::High,
        flow: None,
        call: None,
        variant,
    }
}

/// Watched calls with this tag in the languages of the rule.
pub fn watched<'a>(cx: &'a DetectCx<'_>, meta: &'a RuleMeta) -> impl Iterator<Item = &'a CallFact> {
    cx.analysis
        .calls
        .iter()
        .filter(|c| c.tags.iter().any(|t| t == meta.id) && meta.langs.contains(&cx.lang(FileId(c.file))))
}

/// Confidence by the losses of precision on the way.
pub fn confidence(flow: &Flow) -> Confidence {
    // Input of the operator is tracked, but nobody is attacked by what they type themselves.
    let local = !flow.source.is_some_and(SourceKind::reported);
    let doubts = flow.crumbs.count();
    if local || !flow.reachable || doubts > 1 {
        Confidence::Low
    } else if doubts == 1 && flow.crumbs != Crumbs::MANY_CALLEES {
        Confidence::Medium
    } else {
        Confidence::High
    }
}

/// The last two parts of a qualified name: `Statement.executeQuery`.
pub fn short(qualified: &str) -> &str {
    let mut dots = qualified.rmatch_indices('.');
    dots.next();
    dots.next().map_or(qualified, |(at, _)| &qualified[at + 1..])
}
