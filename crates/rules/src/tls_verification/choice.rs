//! Checks that a setting switches off: a fix would take the choice away from those who made it.

use crate::{FixCx, Found, purpose};
use ruff_python_ast::AnyNodeRef;
use surefix_ir::{Callee, Lang, Op};
use surefix_rewrite::java::locals::LocalKind;
use surefix_rewrite::{JavaCx, PyCx};
use surefix_syntax::{java, python};
use surefix_text::{FileId, Reason, Refusal, Span};

/// Words of conditions and functions that are about verification.
const VERIFICATION: &[&str] = &[
    "ca",
    "cacert",
    "cacerts",
    "cadir",
    "cafile",
    "capath",
    "cert",
    "certs",
    "certificate",
    "certificates",
    "check",
    "ignore",
    "insecure",
    "selfsigned",
    "skip",
    "strict",
    "trust",
    "trustall",
    "unsafe",
    "unverified",
    "validate",
    "validation",
    "verification",
    "verified",
    "verify",
];

/// Words of functions that say that nothing is verified.
const INSECURE: &[&str] = &["insecure", "trustall", "unsafe", "unverified"];

const STEPS: &str = "Decide whether the setting shall stay. If not, remove it with the code that it switches; if it must, let it take the \
    certificates that are trusted instead of trusting all.";

/// Refuses where a condition about verification decides whether the call is reached, in its function or around every call of a
/// function that is named for it.
pub(crate) fn none_made(cx: &FixCx<'_>, found: &Found) -> Result<(), Refusal> {
    let Some(call) = found.call() else { return Ok(()) };
    if call.callee.starts_with("com.jcraft.jsch.") && !cx.detect.text(found.file).contains("setKnownHosts") {
        let why = "no known hosts are loaded, so every host would be refused";
        return Err(Refusal::new(Reason::DecisionNeeded, why).with_steps(
            "Load the file with the keys of the hosts by JSch.setKnownHosts, then set StrictHostKeyChecking to yes.",
        ));
    }
    if inspects(cx, found, call) {
        let why = "the function looks at the certificate that the other side shows, whether it can be trusted or not";
        return Err(Refusal::new(Reason::DecisionNeeded, why).with_steps(
            "Let the connection end after the certificate was read, and send nothing over it; a suppression with that reason accepts the \
             finding.",
        ));
    }
    let decided = || -> Option<String> {
        if cx.detect.lang(found.file) == Lang::Java
            && let Some(field) = set_elsewhere(&cx.java(found.file), found.span)
        {
            return Some(format!("other code decides what {field} is"));
        }
        if let Some(condition) = condition(cx, found.file, found.span) {
            return Some(format!("the condition `{condition}` decides whether certificates and names are verified"));
        }
        let module = cx.detect.module(found.file);
        let name = module.functions.get(call.func as usize).map(|f| module.strings.get(f.name))?;
        let callers = callers(cx, name);
        let named = purpose::names_any(name, INSECURE);
        let chosen = callers.iter().all(|(file, span)| condition(cx, *file, *span).is_some());
        (named && chosen).then(|| format!("{name} is there for those who ask for a connection that is not verified"))
    };
    match decided() {
        Some(why) => Err(Refusal::new(Reason::DecisionNeeded, why).with_steps(STEPS)),
        None => Ok(()),
    }
}

/// True when the Python function around the call reads the certificate of the other side: a check of expiry or a scanner has to see those
/// that are refused, too.
fn inspects(cx: &FixCx<'_>, found: &Found, call: &surefix_dataflow::CallFact) -> bool {
    if cx.detect.lang(found.file) != Lang::Python {
        return false;
    }
    let py = cx.python(found.file);
    let around = py.function_of(call.span).map_or("", |f| f.of(py.text));
    ["getpeercert", "get_peer_certificate", "get_peer_cert_chain", "get_unverified_chain"]
        .iter()
        .any(|w| around.contains(w))
}

/// As [`none_made`], and refuses a call in a handler of failed verification: verified again, it can only fail again.
pub(crate) fn none_in_call(cx: &FixCx<'_>, found: &Found) -> Result<(), Refusal> {
    none_made(cx, found)?;
    let span = found.call().map_or(found.span, |c| c.span);
    if cx.detect.lang(found.file) != Lang::Python || !second_try(&cx.python(found.file), span) {
        return Ok(());
    }
    let why = "the call repeats without verification what failed with it";
    Err(Refusal::new(Reason::DecisionNeeded, why).with_steps(
        "Decide whether a server with a broken certificate may be contacted at all. If not, remove the second attempt and report the \
         error; if it must be, send nothing secret over it and believe nothing that comes back.",
    ))
}

fn second_try(py: &PyCx<'_>, span: Span) -> bool {
    py.path_to(span).iter().any(|n| match n {
        AnyNodeRef::ExceptHandlerExceptHandler(h) => h.type_.as_deref().is_some_and(|t| {
            let text = py.expr_text(python::span_of(t));
            ["SSLError", "SSLCertVerificationError", "CertificateError"].iter().any(|e| text.contains(e))
        }),
        _ => false,
    })
}

/// The field that is not final, or the parameter, that the call at `span` takes its only argument from.
fn set_elsewhere<'t>(jx: &JavaCx<'t>, span: Span) -> Option<&'t str> {
    let args = jx.args(span);
    let [arg] = args.as_slice() else { return None };
    let node = jx.node_at(*arg)?;
    let name = match node.kind() {
        "identifier" => node,
        "field_access" if node.child_by_field_name("object").is_some_and(|o| o.kind() == "this") => {
            node.child_by_field_name("field")?
        }
        _ => return None,
    };
    let name = jx.node_text(name);
    if node.kind() == "identifier"
        && let Some(local) = jx.uses(name, *arg)
    {
        let given = local.kind == LocalKind::Parameter && local.writes.is_empty();
        return given.then_some(name);
    }
    jx.fields(name).iter().any(|(_, is_final)| !is_final).then_some(name)
}

/// Calls by this name anywhere in the program.
fn callers(cx: &FixCx<'_>, wanted: &str) -> Vec<(FileId, Span)> {
    let mut out = Vec::new();
    for (file, module) in (0u32..).zip(&cx.detect.program.modules) {
        for instr in module.functions.iter().flat_map(|f| &f.instrs) {
            let Op::Call(c) = &instr.op else { continue };
            if let Callee::Method { name, .. } | Callee::Name(name) | Callee::Super(name) = &c.callee
                && module.strings.get(*name) == wanted
            {
                out.push((FileId(file), instr.span));
            }
        }
    }
    out
}

/// The condition about verification under which `span` runs.
fn condition(cx: &FixCx<'_>, file: FileId, span: Span) -> Option<String> {
    let text = cx.detect.text(file);
    let found = match cx.detect.lang(file) {
        Lang::Java => java_conditions(&cx.java(file), span),
        Lang::Python => python_conditions(&cx.python(file), span),
    };
    found.into_iter().map(|s| s.of(text)).find(|c| asks(c)).map(crate::guards::one_line)
}

/// Names and texts alike: `options.verify`, `os.environ.get("TRUST_ALL")`.
fn asks(condition: &str) -> bool {
    purpose::names_any(&condition.replace(['"', '\''], " "), VERIFICATION)
}

fn java_conditions(jx: &JavaCx<'_>, span: Span) -> Vec<Span> {
    let mut out = Vec::new();
    let mut node = jx.covering(span);
    while let Some(n) = node {
        let parent = n.parent();
        if matches!(n.kind(), "method_declaration" | "constructor_declaration") {
            // An anonymous class or a lambda belongs to the method around it.
            let inner = parent.and_then(|p| p.parent()).is_some_and(|p| p.kind() == "object_creation_expression");
            if !inner {
                break;
            }
        }
        if let Some(p) = parent.filter(|p| matches!(p.kind(), "if_statement" | "ternary_expression"))
            && let Some(c) = p.child_by_field_name("condition").filter(|c| *c != n)
        {
            let c = if c.kind() == "parenthesized_expression" { c.named_child(0).unwrap_or(c) } else { c };
            out.push(java::span_of(c));
        }
        node = parent;
    }
    out
}

fn python_conditions(py: &PyCx<'_>, span: Span) -> Vec<Span> {
    let mut out = Vec::new();
    for n in py.path_to(span) {
        match n {
            AnyNodeRef::StmtFunctionDef(_) => out.clear(),
            AnyNodeRef::StmtIf(s) => {
                out.push(python::span_of(&*s.test));
                // A later branch runs when the earlier conditions do not hold.
                let before = s.elif_else_clauses.iter().filter(|c| python::span_of(*c).lo < span.lo);
                out.extend(before.filter_map(|c| c.test.as_ref()).map(python::span_of));
            }
            AnyNodeRef::ExprIf(e) => out.push(python::span_of(&*e.test)),
            _ => {}
        }
    }
    out.retain(|c| !c.contains(span));
    out
}
