//! Java: parsers that resolve external entities.

use crate::{Confidence, DetectCx, Found, RuleMeta, flows};
use std::collections::BTreeMap;
use surefix_dataflow::{ArgFact, ConstVal};
use surefix_models::Kind;

type Props = BTreeMap<String, Option<Vec<ConstVal>>>;

/// The parser APIs, each with its own switches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    Dom,
    Sax,
    Reader,
    Stax,
    Transformer,
    Schema,
    Validator,
    Dom4j,
    Jdom,
    Digester,
    Xom,
}

impl Api {
    /// The variant's name, handed to the recipe.
    pub const fn name(self) -> &'static str {
        match self {
            Api::Dom => "dom",
            Api::Sax => "sax",
            Api::Reader => "reader",
            Api::Stax => "stax",
            Api::Transformer => "transformer",
            Api::Schema => "schema",
            Api::Validator => "validator",
            Api::Dom4j => "dom4j",
            Api::Jdom => "jdom",
            Api::Digester => "digester",
            Api::Xom => "xom",
        }
    }
    /// The other way.
    pub fn of(name: &str) -> Option<Api> {
        [
            Api::Dom,
            Api::Sax,
            Api::Reader,
            Api::Stax,
            Api::Transformer,
            Api::Schema,
            Api::Validator,
            Api::Dom4j,
            Api::Jdom,
            Api::Digester,
            Api::Xom,
        ]
        .into_iter()
        .find(|a| a.name() == name)
    }
}

/// The API and the position of the document in the call that reads one.
fn reads(callee: &str) -> Option<(Api, usize)> {
    Some(match callee {
        "javax.xml.parsers.DocumentBuilder.parse" => (Api::Dom, 0),
        "javax.xml.parsers.SAXParser.parse" => (Api::Sax, 0),
        "org.xml.sax.XMLReader.parse" => (Api::Reader, 0),
        "javax.xml.stream.XMLInputFactory.createXMLStreamReader"
        | "javax.xml.stream.XMLInputFactory.createXMLEventReader" => (Api::Stax, 0),
        "javax.xml.transform.TransformerFactory.newTransformer"
        | "javax.xml.transform.TransformerFactory.newTemplates"
        | "javax.xml.transform.Transformer.transform" => (Api::Transformer, 0),
        "javax.xml.validation.SchemaFactory.newSchema" => (Api::Schema, 0),
        "javax.xml.validation.Validator.validate" => (Api::Validator, 0),
        "org.dom4j.io.SAXReader.read" => (Api::Dom4j, 0),
        "org.jdom2.input.SAXBuilder.build" => (Api::Jdom, 0),
        "org.apache.commons.digester.Digester.parse" => (Api::Digester, 0),
        "nu.xom.Builder.build" => (Api::Xom, 0),
        _ => return None,
    })
}

/// Reports documents read by parsers that are known to be created here and are not hardened.
pub fn detect(cx: &DetectCx<'_>, meta: &RuleMeta, out: &mut Vec<Found>) {
    for call in flows::watched(cx, meta) {
        let Some((api, at)) = reads(&call.callee) else { continue };
        let (Some(recv), Some(document)) = (&call.recv, call.args.get(at)) else { continue };
        // A parser from elsewhere may be hardened there.
        if recv.alloc.is_none() || hardened(api, &recv.props) || is_harmless(api, document) {
            continue;
        }
        let tainted = document.taint.has(Kind::Xml);
        let message = match tainted {
            true => "Untrusted XML is read by a parser that resolves external entities",
            false => "XML is read by a parser that resolves external entities",
        };
        let mut found = flows::from_call(meta, call, "parser", message.to_string(), api.name());
        found.confidence = if tainted { Confidence::High } else { Confidence::Medium };
        found.source = if tainted { "remote".into() } else { String::new() };
        out.push(found);
    }
}

/// True when the document is no untrusted text: a tree, a constant, a resource of the program.
fn is_harmless(api: Api, document: &ArgFact) -> bool {
    let ty = |names: &[&str]| document.types.iter().any(|t| names.iter().any(|n| t.ends_with(n)));
    let tainted = document.taint.has(Kind::Xml);
    if api == Api::Transformer {
        // Without a document this is an identity transformation; trees were parsed before.
        let text = ty(&["StreamSource", "SAXSource", "StAXSource"]);
        let tree = ty(&["DOMSource", "JAXBSource"]) && !text;
        return tree || !(text || tainted);
    }
    if tainted {
        return false;
    }
    if matches!(api, Api::Schema | Api::Validator) {
        return true;
    }
    if document.consts.as_ref().is_some_and(|c| !c.is_empty() && c.iter().all(|c| *c != ConstVal::Null)) {
        return true;
    }
    false
}

fn all(props: &Props, wanted: impl Fn(&str) -> bool, good: impl Fn(&ConstVal) -> bool) -> bool {
    props.iter().any(|(k, v)| {
        wanted(k)
            && match v {
                // A value that is not known was set on purpose.
                None => true,
                Some(values) => !values.is_empty() && values.iter().all(&good),
            }
    })
}

fn is(value: bool) -> impl Fn(&ConstVal) -> bool {
    move |c| match c {
        ConstVal::Bool(b) => *b == value,
        ConstVal::Ref(r) => r.ends_with(if value { "Boolean.TRUE" } else { "Boolean.FALSE" }),
        ConstVal::Str(s) => s.eq_ignore_ascii_case(if value { "true" } else { "false" }),
        ConstVal::Int(i) => *i == i64::from(value),
        _ => false,
    }
}

fn empty(c: &ConstVal) -> bool {
    match c {
        ConstVal::Str(s) => s.is_empty() || !s.contains("http") && !s.contains("all"),
        _ => false,
    }
}

/// True when the settings keep external entities and external document types away.
pub fn hardened(api: Api, props: &Props) -> bool {
    let named = |names: &'static [&'static str]| move |k: &str| names.iter().any(|n| k.ends_with(n));
    let off = |names: &'static [&'static str]| all(props, named(names), is(false));
    let on = |names: &'static [&'static str]| all(props, named(names), is(true));
    let resolver = ["entity_resolver", "entityResolver", "xml_resolver", "uri_resolver", "resource_resolver"]
        .iter()
        .any(|k| props.get(*k).is_some_and(|v| v.as_deref().is_none_or(|v| !v.contains(&ConstVal::Null))));
    if resolver || props.contains_key("reader") {
        return true;
    }
    let no_doctype = on(&["disallow-doctype-decl"]);
    let secure = on(&["FEATURE_SECURE_PROCESSING", "feature/secure-processing"]);
    let access = all(props, |k| k.ends_with("ACCESS_EXTERNAL_DTD") || k.ends_with("accessExternalDTD"), empty);
    match api {
        Api::Stax => {
            off(&["SUPPORT_DTD", "supportDTD"])
                || off(&["IS_SUPPORTING_EXTERNAL_ENTITIES", "isSupportingExternalEntities"])
                || access
        }
        Api::Transformer | Api::Schema | Api::Validator => secure || access || no_doctype,
        Api::Dom | Api::Sax | Api::Reader | Api::Dom4j | Api::Jdom | Api::Digester | Api::Xom => {
            let entities = off(&["external-general-entities"]);
            let parameters = off(&["external-parameter-entities"]);
            let dtd = off(&["load-external-dtd"]) || off(&["includeExternalDTD"]);
            no_doctype
                || secure
                || access
                || (entities && parameters && dtd)
                || (api == Api::Jdom && off(&["expandEntities"]))
        }
    }
}
