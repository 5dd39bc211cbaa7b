//! What kind of document a response is: only pages run scripts, and only pages want their text encoded.

use crate::{DetectCx, FixCx};
use surefix_dataflow::{ArgFact, ConstVal, Flow};
use surefix_ir::Lang;
use surefix_rewrite::{JavaCx, LiteralMap};
use surefix_syntax::java;
use surefix_text::{FileId, Reason, Refusal, Span};
use tree_sitter::Node;

/// False when the response is known not to be a page: its content type is set to something that browsers do not render as HTML.
pub(super) fn is_page(flow: &Flow) -> bool {
    let call = &flow.call;
    // A body of unknown type is written by whatever converter takes it: as JSON, or byte by byte. Only texts are pages.
    let converted = ["org.springframework.http.", "javax.ws.rs.", "jakarta.ws.rs."];
    let converted = converted.iter().any(|p| call.callee.starts_with(p));
    let body = flow.arg.and_then(|a| call.args.get(a)).filter(|_| converted);
    let text = |t: &String| {
        let last = t.rsplit('.').next().unwrap_or(t);
        t.starts_with("java.lang.") && matches!(last, "String" | "CharSequence" | "StringBuilder" | "StringBuffer")
    };
    let unknown = |b: &ArgFact| b.types.is_empty() && b.shapes.is_empty() && b.consts.is_none();
    let object = |b: &ArgFact| !b.types.is_empty() && !b.types.iter().any(text);
    if body.is_some_and(|b| unknown(b) || object(b)) {
        return false;
    }
    let said = said(flow);
    said.is_empty() || said.iter().any(|values| values.is_none_or(|v| v.is_empty() || v.iter().any(may_render)))
}

fn may_render(value: &ConstVal) -> bool {
    match value {
        ConstVal::Str(s) => renders(s),
        ConstVal::Ref(name) => !harmless_constant(name),
        // Unset again.
        _ => true,
    }
}

/// Everything that the call and the response say about the content type; `None`: it is set to what is not known.
fn said(flow: &Flow) -> Vec<Option<&[ConstVal]>> {
    let call = &flow.call;
    let keyword = call.args.iter().find(|a| matches!(a.keyword.as_str(), "content_type" | "mimetype" | "media_type"));
    if let Some(k) = keyword {
        return vec![k.consts.as_deref()];
    }
    call.recv.iter().chain(&call.args).map(content_types).find(|t| !t.is_empty()).unwrap_or_default()
}

/// The content types set on an object, by a method for it or by the header's name.
fn content_types(fact: &ArgFact) -> Vec<Option<&[ConstVal]>> {
    let named = |key: &str| {
        let key = key.strip_prefix("header:").unwrap_or(key);
        let last = key.rsplit('.').next().unwrap_or(key).to_ascii_lowercase().replace('_', "-");
        matches!(last.as_str(), "content-type" | "contenttype" | "mimetype" | "media-type")
    };
    fact.props.iter().filter(|(k, _)| named(k)).map(|(_, v)| v.as_deref()).collect()
}

/// True for the types in which a browser runs scripts.
pub(super) fn renders(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    essence.is_empty()
        || essence.contains("html")
        || essence.contains("xml")
        || essence == "*/*"
        || !essence.contains('/')
}

/// `MediaType.APPLICATION_JSON` and the like.
fn harmless_constant(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or("").to_ascii_uppercase();
    ["JSON", "TEXT_PLAIN", "OCTET_STREAM", "PDF", "CSV", "IMAGE_", "EVENT_STREAM", "NDJSON"]
        .iter()
        .any(|k| last.contains(k))
        && !last.contains("XML")
        && !last.contains("HTML")
        && !last.contains("SVG")
}

/// True when the response is given another type where it is made, or the handler that writes it declares what it produces (`produces = "text/plain"`,
/// `@Produces`), and all of that is no page. A declaration on the class holds for methods without one.
pub(super) fn declared_otherwise(cx: &DetectCx<'_>, flow: &Flow) -> bool {
    let file = FileId(flow.call.file);
    let text = cx.text(file);
    if cx.lang(file) != Lang::Java {
        return false;
    }
    let jx = JavaCx::new(file, text, cx.module(file));
    let own = written(&jx, flow);
    if !own.is_empty() {
        return own.iter().all(|t| t.as_ref().is_some_and(|t| !may_render(t)));
    }
    if !(text.contains("produces") || text.contains("Produces")) {
        return false;
    }
    let types = declared(&jx, flow);
    !types.is_empty() && types.iter().all(|t| t.as_ref().is_some_and(|t| !may_render(t)))
}

/// True when the response is said to be a page where it is made, or the handler around the sink declares that it produces pages and nothing
/// else.
pub(super) fn declared_page(jx: &JavaCx<'_>, flow: &Flow) -> bool {
    let own = written(jx, flow);
    let types = if own.is_empty() { declared(jx, flow) } else { own };
    !types.is_empty() && types.iter().all(|t| t.as_ref().is_some_and(may_render))
}

/// What the handler around the sink declares that it produces: on the method, else on the class.
fn declared(jx: &JavaCx<'_>, flow: &Flow) -> Vec<Option<ConstVal>> {
    let mut node = jx.covering(flow.call.span);
    while let Some(n) = node {
        if n.kind() == "method_declaration" || surefix_rewrite::java::is_type_decl(n.kind()) {
            let types = produced(jx, n);
            if !types.is_empty() {
                return types;
            }
        }
        node = n.parent();
    }
    Vec::new()
}

/// What the code says about the content type of a response of Spring, in the function of the sink: in the chain of calls, on the
/// builder or on the headers. `None`: it is set to what is not written there.
fn written(jx: &JavaCx<'_>, flow: &Flow) -> Vec<Option<ConstVal>> {
    let mut out = Vec::new();
    if !flow.call.callee.starts_with("org.springframework.") {
        return out;
    }
    let Some(call) = jx.node_at(flow.call.span) else { return out };
    let mut at = call.child_by_field_name("object");
    while let Some(n) = at {
        match n.kind() {
            "method_invocation" => {
                said_by(jx, n, &mut out);
                at = n.child_by_field_name("object");
            }
            "identifier" => {
                said_of(jx, n, &mut out);
                break;
            }
            _ => break,
        }
    }
    if call.kind() == "object_creation_expression" {
        for a in jx.args(flow.call.span) {
            if let Some(n) = jx.node_at(a).filter(|n| n.kind() == "identifier") {
                said_of(jx, n, &mut out);
            }
        }
    }
    out
}

/// What one call says: `contentType(x)`, `header("Content-Type", x)`, `headers(variable)`.
fn said_by(jx: &JavaCx<'_>, call: Node<'_>, out: &mut Vec<Option<ConstVal>>) {
    let name = call.child_by_field_name("name").map_or("", |n| jx.node_text(n));
    let args = jx.args(java::span_of(call));
    let node = |i: usize| args.get(i).and_then(|a| jx.node_at(*a));
    match (name, node(0), node(1)) {
        ("contentType" | "setContentType", Some(value), _) => values(jx, value, out),
        ("header" | "set" | "add" | "setHeader" | "addHeader", Some(key), Some(value)) => {
            let key = match key.kind() {
                "string_literal" => LiteralMap::new(Lang::Java, jx.node_text(key)).map(|m| m.decoded().to_string()),
                _ => jx.node_text(key).rsplit('.').next().map(str::to_string),
            };
            if key.is_some_and(|k| k.to_ascii_lowercase().replace('_', "-") == "content-type") {
                values(jx, value, out);
            }
        }
        ("headers", Some(value), _) if value.kind() == "identifier" => said_of(jx, value, out),
        _ => {}
    }
}

/// What the calls on a local variable say.
fn said_of(jx: &JavaCx<'_>, name: Node<'_>, out: &mut Vec<Option<ConstVal>>) {
    let Some(uses) = jx.uses(jx.node_text(name), java::span_of(name)) else { return };
    for r in &uses.reads {
        let Some(n) = jx.node_at(*r) else { continue };
        if let Some(p) = n.parent().filter(|p| p.kind() == "method_invocation")
            && p.child_by_field_name("object") == Some(n)
        {
            said_by(jx, p, out);
        }
    }
    // A chain in the declaration.
    let mut at = uses.init.and_then(|i| jx.node_at(i)).filter(|n| n.kind() == "method_invocation");
    while let Some(n) = at.filter(|n| n.kind() == "method_invocation") {
        said_by(jx, n, out);
        at = n.child_by_field_name("object");
    }
}

/// What the annotations of a declaration say it produces; `None` for what is not constant.
fn produced(jx: &JavaCx<'_>, declaration: Node<'_>) -> Vec<Option<ConstVal>> {
    let mut out = Vec::new();
    let mut cursor = declaration.walk();
    let Some(modifiers) = declaration.children(&mut cursor).find(|n| n.kind() == "modifiers") else { return out };
    let mut cursor = modifiers.walk();
    for a in modifiers.named_children(&mut cursor).filter(|n| n.kind() == "annotation") {
        let name = a.child_by_field_name("name").map_or("", |n| jx.node_text(n));
        let simple = name.rsplit('.').next().unwrap_or("");
        let Some(args) = a.child_by_field_name("arguments") else { continue };
        let mut cursor = args.walk();
        for arg in args.named_children(&mut cursor) {
            let key = arg.child_by_field_name("key").map_or("value", |k| jx.node_text(k));
            let value = match arg.kind() {
                "element_value_pair" => arg.child_by_field_name("value"),
                _ => Some(arg),
            };
            let wanted = (simple.ends_with("Mapping") && key == "produces") || (simple == "Produces" && key == "value");
            if let Some(v) = value.filter(|_| wanted) {
                values(jx, v, &mut out);
            }
        }
    }
    out
}

fn values(jx: &JavaCx<'_>, node: Node<'_>, out: &mut Vec<Option<ConstVal>>) {
    let source = jx.node_text(node);
    match node.kind() {
        "element_value_array_initializer" => {
            let mut cursor = node.walk();
            for n in node.named_children(&mut cursor).filter(|n| !n.kind().ends_with("comment")) {
                values(jx, n, out);
            }
        }
        "string_literal" => out.push(LiteralMap::new(Lang::Java, source).map(|m| ConstVal::Str(m.decoded().into()))),
        "field_access" => out.push(Some(ConstVal::Ref(source.into()))),
        // A constant by its name; a variable may hold anything.
        "identifier" if !source.contains(char::is_lowercase) => out.push(Some(ConstVal::Ref(source.into()))),
        "method_invocation" => {
            let name = node.child_by_field_name("name").map_or("", |n| jx.node_text(n));
            let args = jx.args(java::span_of(node));
            match (name, args.as_slice()) {
                ("parseMediaType" | "valueOf" | "toString", [one]) => match jx.node_at(*one) {
                    Some(n) => values(jx, n, out),
                    None => out.push(None),
                },
                ("toString", []) => match node.child_by_field_name("object") {
                    Some(n) => values(jx, n, out),
                    None => out.push(None),
                },
                _ => out.push(None),
            }
        }
        _ => out.push(None),
    }
}

/// Refuses to encode a body that may be no page after all: encoding would destroy it, whatever it is.
pub(super) fn certainly_page(cx: &FixCx<'_>, flow: &Flow) -> Result<(), Refusal> {
    let steps = "Set the content type where the response is made: application/json or text/plain is not rendered, text/html wants \
                 every value encoded.";
    let java = cx.detect.lang(FileId(flow.call.file)) == Lang::Java;
    let own = if java { written(&cx.java(FileId(flow.call.file)), flow) } else { Vec::new() };
    if own.iter().any(Option::is_none) || (own.is_empty() && said(flow).iter().any(Option::is_none)) {
        return Err(Refusal::new(Reason::ContextUnsafe, "the content type of the response is chosen at run time")
            .with_steps(steps));
    }
    if looks_like_json(flow) || written_as_json(cx, flow) {
        return Err(Refusal::new(
            Reason::ContextUnsafe,
            "the text looks like JSON, which encoding for a page would change for those who read it",
        )
        .with_steps("Send it as application/json, and let a JSON library write the values."));
    }
    Ok(())
}

/// Every text that reaches the response begins like an object or a list of JSON.
fn looks_like_json(flow: &Flow) -> bool {
    let begins = |shape: &surefix_dataflow::Shape| {
        let Some(surefix_dataflow::Frag::Lit { text, .. }) = shape.frags.first() else { return false };
        let inner = text.trim_start();
        let Some(rest) = inner.strip_prefix(['{', '[']) else { return false };
        let rest = rest.trim_start();
        rest.starts_with(['"', '{', '[']) || (inner.starts_with('[') && rest.is_empty())
    };
    !flow.shapes.is_empty() && flow.shapes.iter().all(begins)
}

/// The same in the source, where the analysis has no shape: the argument begins with such a literal.
fn written_as_json(cx: &FixCx<'_>, flow: &Flow) -> bool {
    let Some(arg) = flow.arg.and_then(|i| flow.call.args.get(i)).map(|a| a.span) else { return false };
    let file = FileId(flow.call.file);
    if !flow.shapes.is_empty() || cx.detect.lang(file) != Lang::Java {
        return false;
    }
    let text = cx.detect.text(file);
    let source = arg.of(text);
    let jx = cx.java(file);
    let mut first: Option<Span> = None;
    if let Some(n) = jx.covering(arg) {
        java::walk(n, &mut |n| {
            if n.kind() == "string_literal" && java::span_of(n).lo == arg.lo {
                first = Some(java::span_of(n));
            }
            first.is_none()
        });
    }
    let lead = first.and_then(|s| LiteralMap::new(Lang::Java, s.of(text)));
    !source.is_empty() && lead.is_some_and(|m| m.decoded().trim_start().starts_with(['{', '[']))
}
