//! Python: parsers that are told to resolve external entities, and old versions of lxml that do so by themselves.

use crate::{Confidence, DetectCx, FixCx, Found, RuleMeta, flows};
use surefix_dataflow::{CallFact, ConstVal};
use surefix_models::Kind;
use surefix_text::{Assurance, Edit, FileId, Fix, Reason, Refusal, Tier};

const STEPS: &str = "1. Create the parser with resolve_entities=False and no_network=True.\n\
    2. Give it to the function that reads the document.";

/// Reports what is set wrongly. The standard library's parsers do not fetch external entities unless told to.
pub fn detect(cx: &DetectCx<'_>, meta: &RuleMeta, out: &mut Vec<Found>) {
    for call in flows::watched(cx, meta) {
        let last = call.callee.rsplit('.').next().unwrap_or("");
        if call.callee.starts_with("lxml.") {
            if last.ends_with("Parser") || last == "makeparser" || last == "iterparse" {
                lxml_parser(cx, meta, call, out);
            } else if matches!(last, "parse" | "fromstring" | "XML" | "XMLID" | "fromstringlist") {
                lxml_default(cx, meta, call, out);
            }
        } else if call.callee.starts_with("xml.sax.") && last == "setFeature" {
            let external = call.args.first().is_some_and(|a| {
                a.consts.as_deref().is_some_and(|c| {
                    c.iter().any(|c| match c {
                        ConstVal::Str(s) => {
                            s.ends_with("/external-general-entities") || s.ends_with("/external-parameter-entities")
                        }
                        ConstVal::Ref(r) => r.ends_with("feature_external_ges") || r.ends_with("feature_external_pes"),
                        _ => false,
                    })
                })
            });
            if external && call.args.get(1).is_some_and(is_on) {
                let message = "The parser is told to fetch external entities".to_string();
                out.push(flows::from_call(meta, call, "arg1", message, "sax-feature"));
            }
        }
    }
}

fn is_on(a: &surefix_dataflow::ArgFact) -> bool {
    a.consts.as_deref().is_some_and(|c| {
        !c.is_empty() && c.iter().all(|c| matches!(c, ConstVal::Bool(true)) || matches!(c, ConstVal::Int(i) if *i != 0))
    })
}

fn is_off(a: &surefix_dataflow::ArgFact) -> bool {
    a.consts.as_deref().is_some_and(|c| !c.is_empty() && c.iter().all(|c| *c == ConstVal::Bool(false)))
}

fn lxml_parser(_cx: &DetectCx<'_>, meta: &RuleMeta, call: &CallFact, out: &mut Vec<Found>) {
    for a in &call.args {
        let (subject, message, variant) = match a.keyword.as_str() {
            "resolve_entities" if is_on(a) => ("resolve_entities", "The parser resolves external entities", "resolve"),
            "no_network" if is_off(a) => ("no_network", "The parser may fetch documents from the network", "network"),
            "load_dtd" if is_on(a) => ("load_dtd", "The parser loads external document types", "dtd"),
            _ => continue,
        };
        let mut found = flows::from_call(meta, call, subject, message.to_string(), variant);
        found.confidence = Confidence::Medium;
        out.push(found);
    }
}

/// Before version 5, lxml resolved entities that point to local files by default.
fn lxml_default(cx: &DetectCx<'_>, meta: &RuleMeta, call: &CallFact, out: &mut Vec<Found>) {
    let own_parser =
        call.args.iter().enumerate().any(|(i, a)| a.keyword == "parser" || (a.keyword.is_empty() && i == 1));
    let tainted = call.args.first().is_some_and(|a| a.taint.has(Kind::Xml));
    let path = cx.program.paths[call.file as usize].as_str();
    let old = cx.project.has_dep(path, "lxml").flatten().is_some_and(|v| crate::encoders::older(&v, (5, 0, 0)));
    if tainted && !own_parser && old {
        let message = "Untrusted XML is read by a parser that resolves external entities".to_string();
        out.push(flows::from_call(meta, call, "arg0", message, "default"));
    }
}

/// Plans the fix.
pub fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let Some(call) = &found.call else {
        return Err(Refusal::new(Reason::NoRecipe, "no recipe covers this shape"));
    };
    let px = cx.python(FileId(call.file));
    px.no_error_at(call.span)?;
    let version = cx.detect.project.has_dep(cx.path(found.file), "lxml").flatten();
    let mut edits: Vec<Edit> = Vec::new();
    let mut assurance = Assurance::start(Tier::AttackOnly);
    match found.variant {
        "sax-feature" => px.replace_arg(call.span, 1, "False", &mut edits)?,
        "resolve" => {
            let Some(value) = px.keyword(call.span, "resolve_entities") else {
                return Err(Refusal::new(Reason::ShapeUnknown, "the setting is not written in the call"));
            };
            if version.is_some_and(|v| !crate::encoders::older(&v, (5, 0, 0))) {
                let internal = px.string_literal("internal");
                px.replace_expr(value, &internal, &mut edits)?;
            } else {
                px.replace_expr(value, "False", &mut edits)?;
                assurance.lower(Tier::Observable, "entities that a document declares itself stay unresolved too");
            }
        }
        "network" => {
            px.remove_keyword(call.span, "no_network", &mut edits)?;
            assurance.lower(Tier::Observable, "documents that refer to others in the network are read without them");
        }
        "dtd" => {
            px.remove_keyword(call.span, "load_dtd", &mut edits)?;
            assurance.lower(Tier::Observable, "default values and entities of external document types are missing");
        }
        _ => {
            let Some(function) = px.callee(call.span) else {
                return Err(Refusal::new(Reason::ShapeUnknown, "the call is not found in the text"));
            };
            let text = function.of(px.text);
            let Some((module, _)) = text.rsplit_once('.') else {
                return Err(Refusal::new(Reason::NoRecipe, "the function is imported by its name").with_steps(STEPS));
            };
            px.set_keyword(call.span, "parser", &format!("{module}.XMLParser(resolve_entities=False)"), &mut edits)?;
            assurance.lower(Tier::Observable, "entities that a document declares itself stay unresolved too");
        }
    }
    Ok(Fix { title: "Switch off external entities".into(), edits, assurance, needs: Vec::new() })
}
