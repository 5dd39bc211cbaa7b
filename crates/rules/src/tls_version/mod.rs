//! `tls-version`: outdated version of TLS.

use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, facts, flows};
use surefix_dataflow::{CallFact, ConstVal};
use surefix_ir::Lang;
use surefix_text::{Assurance, Edit, Fix, Reason, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "tls-version",
    title: "Outdated version of TLS",
    cwe: &[326, 327],
    severity: Severity::Medium,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::Observable,
    page: include_str!("../../../../docs/rules/tls-version.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

/// Names of protocol versions with known weaknesses.
fn is_old(name: &str) -> bool {
    let n: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    matches!(n.as_str(), "ssl" | "sslv2" | "sslv3" | "sslv2hello" | "tlsv1" | "tlsv10" | "tlsv11")
}

/// Constants of Python's `ssl` that allow one old version only.
const PYTHON_OLD: &[&str] = &["PROTOCOL_SSLv2", "PROTOCOL_SSLv3", "PROTOCOL_TLSv1", "PROTOCOL_TLSv1_1"];

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    for call in flows::watched(cx, &META) {
        match flows::short(&call.callee) {
            "SSLSocket.setEnabledProtocols"
            | "SSLServerSocket.setEnabledProtocols"
            | "SSLEngine.setEnabledProtocols"
            | "SSLParameters.setProtocols" => {
                let elems = call.args.first().and_then(|a| a.elems.as_deref()).unwrap_or_default();
                let old = elems.iter().any(|e| facts::text(Some(e)).is_some_and(is_old));
                if old {
                    out.push(flows::from_call(&META, call, "arg0", message(), "list"));
                }
            }
            "ssl.SSLContext" => {
                let old = |c: &ConstVal| PYTHON_OLD.iter().any(|p| facts::refers(c, p));
                if facts::always(facts::arg(call, 0, "protocol"), old) {
                    out.push(flows::from_call(&META, call, "protocol", message(), "context"));
                }
            }
            _ => {}
        }
    }
}

fn message() -> String {
    "The connection may use a version of TLS with known weaknesses".to_string()
}

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let Some(call) = found.call() else { return Err(Refusal::new(Reason::NoRecipe, "the call is not known")) };
    let mut edits = Vec::new();
    match cx.detect.lang(found.file) {
        Lang::Java => java_list(cx, found, call, &mut edits)?,
        Lang::Python => python_context(cx, found, call, &mut edits)?,
    }
    let mut assurance = Assurance::start(Tier::Observable);
    assurance.lower(Tier::Observable, "peers that speak nothing newer than TLS 1.1 can no longer connect");
    Ok(Fix { title: "Allow current versions of TLS only".to_string(), edits, assurance, needs: Vec::new() })
}

/// `new String[] {"TLSv1", "TLSv1.2"}`: the old ones go; where nothing is left, the current ones come.
fn java_list(cx: &FixCx<'_>, found: &Found, call: &CallFact, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
    let jx = cx.java(found.file);
    let list = jx.args(call.span).first().and_then(|a| jx.node_at(*a));
    let list = list.filter(|n| n.kind() == "array_creation_expression").and_then(|n| n.child_by_field_name("value"));
    let Some(list) = list else {
        return Err(Refusal::new(Reason::NonOwnedCallee, "the list of versions is made somewhere else"));
    };
    let mut cursor = list.walk();
    let items: Vec<_> = list.named_children(&mut cursor).filter(|n| !n.kind().ends_with("_comment")).collect();
    if items.iter().any(|n| n.kind() != "string_literal") {
        return Err(Refusal::new(Reason::NonOwnedCallee, "the list of versions is not written out"));
    }
    let span = surefix_syntax::java::span_of(list);
    jx.no_comment_inside(span)?;
    let mut keep: Vec<String> =
        items.iter().map(|n| jx.node_text(*n)).filter(|t| !is_old(t.trim_matches('"'))).map(str::to_string).collect();
    if keep.is_empty() {
        keep.push("\"TLSv1.2\"".to_string());
        if cx.detect.project.java_level(cx.path(found.file)).is_none_or(|l| l >= 11) {
            keep.push("\"TLSv1.3\"".to_string());
        }
    }
    let old = span.of(jx.text);
    let spaced = old.starts_with("{ ");
    let new = if spaced { format!("{{ {} }}", keep.join(", ")) } else { format!("{{{}}}", keep.join(", ")) };
    edits.push(Edit::replace(found.file, span, new));
    Ok(())
}

/// `ssl.SSLContext(ssl.PROTOCOL_TLSv1)`: a server gets the protocol of servers; otherwise the newest that both sides speak, not
/// below 1.2. The protocol of clients would also switch on the check of certificates, which is another matter.
fn python_context(cx: &FixCx<'_>, found: &Found, call: &CallFact, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
    let py = cx.python(found.file);
    py.no_error_at(call.span)?;
    let arg = py.args(call.span).into_iter().find(|a| a.name.as_deref().is_none_or(|n| n == "protocol"));
    let Some(arg) = arg else { return Err(Refusal::new(Reason::ShapeUnknown, "the call has no protocol")) };
    let text = py.expr_text(arg.value);
    let Some(old) = PYTHON_OLD.iter().find(|p| facts::last(text) == **p) else {
        return Err(Refusal::new(Reason::NonOwnedCallee, "the protocol is decided elsewhere, not in the call"));
    };
    let around = py.function_of(call.span).map_or(py.text, |f| f.of(py.text));
    let server =
        ["server_side=True", "load_cert_chain", "start_server", "CLIENT_AUTH"].iter().any(|w| around.contains(w));
    let prefix = &text[..text.len() - old.len()];
    if prefix.is_empty() {
        return Err(Refusal::new(Reason::NoRecipe, "the constant is imported by itself"));
    }
    if server && around.contains("server_side=True") {
        edits.push(Edit::replace(found.file, arg.value, format!("{prefix}PROTOCOL_TLS_SERVER")));
        return Ok(());
    }
    let target = match py.covering_stmt(call.span) {
        Some(ruff_python_ast::Stmt::Assign(a))
            if surefix_syntax::python::span_of(&*a.value) == call.span && a.targets.len() == 1 =>
        {
            let t = surefix_syntax::python::span_of(&a.targets[0]);
            py.is_simple_pure(t).then(|| py.expr_text(t))
        }
        _ => None,
    };
    let (Some(target), Some(stmt)) = (target, py.stmt_of(call.span)) else {
        return Err(Refusal::new(Reason::ControlFlow, "the context has no name on which a minimum version can be set"));
    };
    edits.push(Edit::replace(found.file, arg.value, format!("{prefix}PROTOCOL_TLS")));
    // A minimum that is set below is a finding of its own where it is too low.
    if around.contains(&format!("{target}.minimum_version")) {
        return Ok(());
    }
    py.insert_after_stmt(stmt, &[&format!("{target}.minimum_version = {prefix}TLSVersion.TLSv1_2")], edits)
}

#[cfg(test)]
mod tests {
    use super::is_old;

    #[test]
    fn versions() {
        assert!(is_old("SSLv3") && is_old("TLSv1") && is_old("TLSv1.1") && is_old("SSLv2Hello"));
        assert!(!is_old("TLS") && !is_old("TLSv1.2") && !is_old("TLSv1.3"));
    }
}
