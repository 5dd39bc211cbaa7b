//! Java: switch off external entities before the parser is made.

use super::java::Api;
use crate::{FixCx, Found};
use surefix_dataflow::{CallFact, Place};
use surefix_rewrite::JavaCx;
use surefix_syntax::java;
use surefix_text::{Assurance, Edit, Fix, Reason, Refusal, Span, Tier};

const STEPS: &str = "1. Find where the parser or its factory is created.\n\
    2. Switch off external entities and external document types there, before a parser is made.\n\
    3. Where documents of the project need a document type, resolve it from the program's resources.";

const FEATURES: [&str; 3] = [
    "http://xml.org/sax/features/external-general-entities",
    "http://xml.org/sax/features/external-parameter-entities",
    "http://apache.org/xml/features/nonvalidating/load-external-dtd",
];

/// The statements in front of one in its block, without blanks.
fn statements_before(jx: &JavaCx<'_>, stmt: Span) -> Vec<String> {
    let mut out = Vec::new();
    let mut at = jx.node_at(stmt).and_then(|n| n.prev_named_sibling());
    while let Some(n) = at {
        out.push(jx.node_text(n).split_whitespace().collect());
        at = n.prev_named_sibling();
    }
    out
}

/// Plans the fix.
pub fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let (Some(call), Some(api)) = (&found.call, Api::of(found.variant)) else {
        return Err(Refusal::new(Reason::NoRecipe, "no recipe covers this shape"));
    };
    let elsewhere =
        || Refusal::new(Reason::NonOwnedCallee, "the parser is created in another function").with_steps(STEPS);
    let parser = call.recv.as_ref().and_then(|r| r.alloc).ok_or_else(elsewhere)?;
    // The call whose receiver is to be hardened: the one that makes the parser, or the one that reads.
    let maker = match api {
        Api::Dom => Some(made_by(cx, parser, "newDocumentBuilder").ok_or_else(elsewhere)?),
        Api::Sax | Api::Reader => made_by(cx, parser, "newSAXParser").or_else(|| made_by(cx, parser, "getXMLReader")),
        Api::Transformer if call.callee.contains("Transformer.") => made_by(cx, parser, "newTransformer"),
        _ => None,
    };
    let target: &CallFact = maker.unwrap_or(call);
    if target.file != call.file || target.func != call.func {
        return Err(elsewhere());
    }
    let jx = cx.java(found.file);
    jx.no_error_at(target.span)?;
    let mut edits: Vec<Edit> = Vec::new();
    let mut assurance = Assurance::start(Tier::AttackOnly);
    if api == Api::Dom4j
        && let Some(created) = simple_reader(cx, &jx, found, parser)
    {
        let name = created.0;
        jx.replace_expr(created.1, &format!("{name}.createDefault()"), &mut edits)?;
        return Ok(done(edits, assurance));
    }
    if api == Api::Xom {
        return xom(&jx, found, parser);
    }
    let Some(object) = jx.receiver(target.args_span) else {
        return Err(Refusal::new(Reason::ShapeUnknown, "the parser's factory is not named in the call"));
    };
    let stmt = jx.hoist_point(target.span)?;
    let mut lines: Vec<String> = Vec::new();
    let node = jx.node_at(object);
    let name = match node.map(|n| n.kind()) {
        Some("identifier") => {
            let name = object.of(jx.text).to_string();
            let Some(uses) = jx.uses(&name, object) else {
                return Err(Refusal::new(
                    Reason::NoLocalFix,
                    "the parser's factory is a field: harden it where it is created, since parsers may be made elsewhere too",
                )
                .with_steps(STEPS));
            };
            if uses.kind == surefix_rewrite::java::locals::LocalKind::Parameter {
                return Err(elsewhere());
            }
            name
        }
        Some("method_invocation" | "object_creation_expression") => {
            if !jx.first_effect(stmt, object) {
                return Err(Refusal::new(
                    Reason::SideEffect,
                    "the parser's factory is created after another call of the same statement",
                ));
            }
            let ty = factory_type(&jx, object)
                .ok_or_else(|| Refusal::new(Reason::TypeUnknown, "the factory's type is not written"))?;
            let base = match api {
                Api::Validator | Api::Reader => "reader",
                Api::Dom4j | Api::Jdom | Api::Digester | Api::Xom => "builder",
                _ => "factory",
            };
            let name = jx.fresh_name(base, object, &edits);
            lines.push(format!("{ty} {name} = {};", object.of(jx.text)));
            jx.replace_expr(object, &name, &mut edits)?;
            name
        }
        _ => {
            return Err(
                Refusal::new(Reason::ShapeUnknown, "the parser's factory is not a local variable").with_steps(STEPS)
            );
        }
    };
    match api {
        Api::Dom | Api::Sax | Api::Reader | Api::Dom4j | Api::Jdom | Api::Digester | Api::Xom => {
            let exception = match api {
                Api::Dom => "javax.xml.parsers.ParserConfigurationException",
                Api::Jdom => "java.lang.IllegalArgumentException",
                _ => "org.xml.sax.SAXException",
            };
            let allowed = jx.can_throw(target.span, exception)
                && (!matches!(api, Api::Sax | Api::Digester)
                    || jx.can_throw(target.span, "javax.xml.parsers.ParserConfigurationException"));
            if !allowed {
                return Err(Refusal::new(
                    Reason::ControlFlow,
                    format!("{exception} of setFeature is neither caught nor declared"),
                )
                .with_steps(STEPS));
            }
            let there = statements_before(&jx, stmt);
            let wanted = FEATURES.iter().map(|f| format!("{name}.setFeature(\"{f}\", false);"));
            lines.extend(wanted.filter(|l| !there.contains(&l.replace(' ', ""))));
        }
        Api::Stax => {
            let ty = jx.bring_type("javax.xml.stream.XMLInputFactory", &mut edits)?;
            lines.push(format!("{name}.setProperty({ty}.IS_SUPPORTING_EXTERNAL_ENTITIES, false);"));
            lines.push(format!("{name}.setProperty({ty}.SUPPORT_DTD, false);"));
            assurance.lower(Tier::AttackOnly, "documents that use entities of their own document type are refused");
        }
        Api::Transformer | Api::Schema | Api::Validator => {
            let exception = match api {
                Api::Transformer => "javax.xml.transform.TransformerConfigurationException",
                _ => "org.xml.sax.SAXException",
            };
            if !jx.can_throw(target.span, exception) {
                return Err(Refusal::new(
                    Reason::ControlFlow,
                    format!("{exception} of setFeature is neither caught nor declared"),
                )
                .with_steps(STEPS));
            }
            let constants = jx.bring_type("javax.xml.XMLConstants", &mut edits)?;
            lines.push(format!("{name}.setFeature({constants}.FEATURE_SECURE_PROCESSING, true);"));
            assurance.lower(
                Tier::Observable,
                "stylesheets and schemas cannot use extension functions or fetch other documents",
            );
        }
    }
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    jx.insert_before_stmt(stmt, &lines, &mut edits)?;
    Ok(done(edits, assurance))
}

/// `new Builder()` → a builder on a reader that takes no document types: XOM itself switches external entities on in any reader.
fn xom(jx: &JavaCx<'_>, found: &Found, place: Place) -> Result<Fix, Refusal> {
    let no = |reason, why: &str| Err(Refusal::new(reason, why).with_steps(STEPS));
    let created =
        jx.node_at(place.span).filter(|n| n.kind() == "object_creation_expression" && place.file == found.file);
    let Some(created) = created else {
        return no(Reason::NonOwnedCallee, "the parser is created in another function");
    };
    let same = jx.method_of(place.span).map(java::span_of) == jx.method_of(found.span).map(java::span_of);
    if !same {
        return no(Reason::NonOwnedCallee, "the parser is created in another function");
    }
    if !jx.args(place.span).is_empty() || created.named_child_count() > 2 {
        return no(Reason::NoRecipe, "the builder is created with settings of its own");
    }
    for exception in ["org.xml.sax.SAXException", "javax.xml.parsers.ParserConfigurationException"] {
        if !jx.can_throw(place.span, exception) {
            return no(Reason::ControlFlow, &format!("{exception} of setFeature is neither caught nor declared"));
        }
    }
    let mut edits: Vec<Edit> = Vec::new();
    let stmt = jx.hoist_point(place.span)?;
    if !jx.first_effect(stmt, place.span) {
        return no(Reason::SideEffect, "the builder is created after another call of the same statement");
    }
    let ty = jx.bring_type("javax.xml.parsers.SAXParserFactory", &mut edits)?;
    let name = jx.fresh_name("factory", place.span, &edits);
    let lines = [
        format!("{ty} {name} = {ty}.newInstance();"),
        format!("{name}.setNamespaceAware(true);"),
        format!("{name}.setFeature(\"http://apache.org/xml/features/disallow-doctype-decl\", true);"),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    jx.insert_before_stmt(stmt, &lines, &mut edits)?;
    let Some(args) = created.child_by_field_name("arguments").map(java::span_of) else {
        return no(Reason::ShapeUnknown, "the creation has no arguments");
    };
    jx.no_comment_inside(args)?;
    edits.push(Edit::replace(jx.file, args, format!("({name}.newSAXParser().getXMLReader())")));
    let mut assurance = Assurance::start(Tier::AttackOnly);
    assurance.lower(Tier::Observable, "documents with a document type are refused");
    Ok(done(edits, assurance))
}

fn done(edits: Vec<Edit>, assurance: Assurance) -> Fix {
    Fix { title: "Switch off external entities".into(), edits, assurance, needs: Vec::new() }
}

/// The watched call at the place where an object was made, when it is a call of `method`; the chain is followed back to the factory.
fn made_by<'a>(cx: &'a FixCx<'_>, place: Place, method: &str) -> Option<&'a CallFact> {
    let suffix = format!(".{method}");
    let at = |p: Place| {
        cx.detect
            .analysis
            .calls
            .iter()
            .find(|c| c.file == p.file.0 && c.span == p.span && c.tags.iter().any(|t| t == "xxe"))
    };
    let call = at(place)?;
    if call.callee.ends_with(&suffix) {
        return Some(call);
    }
    // `factory.newSAXParser().getXMLReader()`
    let inner = call.recv.as_ref().and_then(|r| r.alloc).filter(|p| *p != place)?;
    at(inner).filter(|c| c.callee.ends_with(&suffix))
}

/// `new SAXReader()` where the library has `SAXReader.createDefault()`.
fn simple_reader(cx: &FixCx<'_>, jx: &JavaCx<'_>, found: &Found, place: Place) -> Option<(String, Span)> {
    let version = cx.detect.project.has_dep(cx.path(found.file), "org.dom4j:dom4j")??;
    if crate::encoders::older(&version, (2, 1, 1)) || place.file != found.file {
        return None;
    }
    let node = jx.node_at(place.span).filter(|n| n.kind() == "object_creation_expression")?;
    let ty = node.child_by_field_name("type").map(|t| jx.node_text(t).to_string())?;
    jx.args(place.span).is_empty().then_some((ty, place.span))
}

/// The type to declare for an expression that makes a factory: `X.newInstance(…)` or `new X(…)`.
fn factory_type(jx: &JavaCx<'_>, span: Span) -> Option<String> {
    let node = jx.node_at(span)?;
    let ty = match node.kind() {
        "object_creation_expression" => node.child_by_field_name("type")?,
        _ => {
            let name = node.child_by_field_name("name").map_or("", |n| jx.node_text(n));
            let object = node.child_by_field_name("object")?;
            let factory = matches!(
                name,
                "newInstance" | "newFactory" | "newDefaultInstance" | "newDefaultFactory" | "newNSInstance"
            );
            let type_name = jx.node_text(object).rsplit('.').next()?.starts_with(|c: char| c.is_ascii_uppercase());
            if !factory || !type_name {
                return None;
            }
            object
        }
    };
    let _ = java::span_of(ty);
    Some(jx.node_text(ty).to_string())
}
