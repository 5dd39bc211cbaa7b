//! Python: contexts whose checks are switched off, host keys that are taken as they come. Arguments of calls are declared in the models.

use crate::{DetectCx, FixCx, Found, declarative, facts, removal};
use surefix_dataflow::CallFact;
use surefix_rewrite::PyCx;
use surefix_text::{Edit, FileId, Reason, Refusal, Span};

const CHECKS: &str =
    "The check of certificates or host names is switched off: anybody on the way can pose as the server";
const HOST_KEY: &str = "An unknown host key is accepted: anybody on the way can pose as the server";

const EVERYWHERE: &str =
    "No connection of the whole program verifies certificates: anybody on the way can pose as the server";

/// What is wrong with a watched call or assignment: subject, message, variant.
pub(super) fn judge(cx: &DetectCx<'_>, call: &CallFact) -> Option<(&'static str, &'static str, &'static str)> {
    match call.callee.as_str() {
        "ssl.SSLContext.check_hostname" if facts::is_bool(call.args.first(), false) => {
            (!server(cx, call)).then_some(("check_hostname", CHECKS, "attribute"))
        }
        "ssl.SSLContext.verify_mode" if facts::always(call.args.first(), |c| facts::refers(c, "CERT_NONE")) => {
            (!server(cx, call)).then_some(("verify_mode", CHECKS, "attribute"))
        }
        "ssl._create_default_https_context" => {
            // Functions that models describe are no constants for the analysis, so the text is asked.
            let py = PyCx::new(FileId(call.file), cx.text(FileId(call.file)), cx.module(FileId(call.file)));
            let value = declarative::assigned(&py, call.span).map(|v| facts::last(py.expr_text(v)));
            (value == Some("_create_unverified_context")).then_some(("context", EVERYWHERE, "global"))
        }
        "paramiko.SSHClient.set_missing_host_key_policy" => {
            let policy = call.args.first()?;
            let lax = |n: &str| matches!(facts::last(n), "AutoAddPolicy" | "WarningPolicy");
            let by_type = !policy.types.is_empty() && policy.types.iter().all(|t| lax(t));
            let by_name = facts::always(Some(policy), |c| matches!(c, surefix_dataflow::ConstVal::Ref(r) if lax(r)));
            (by_type || by_name).then_some(("policy", HOST_KEY, "policy"))
        }
        _ => None,
    }
}

/// A server's context need not ask clients for certificates.
fn server(cx: &DetectCx<'_>, call: &CallFact) -> bool {
    let file = FileId(call.file);
    let text = cx.text(file);
    let module = cx.module(file);
    let around = module.functions.get(call.func as usize).map_or(text, |f| f.span.of(text));
    ["server_side", "CLIENT_AUTH", "PROTOCOL_TLS_SERVER", "load_cert_chain", "start_server"]
        .iter()
        .any(|w| around.contains(w))
}

pub(super) fn fix(cx: &FixCx<'_>, found: &Found, call: &CallFact, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
    let py = cx.python(found.file);
    py.no_error_at(call.span)?;
    if found.variant == "policy" {
        return policy(&py, call, edits);
    }
    if found.variant == "global" {
        let stmt = py.stmt_of(call.span);
        let Some(stmt) = stmt.filter(|_| declarative::assigned(&py, call.span).is_some()) else {
            return Err(Refusal::new(Reason::ShapeUnknown, "the context is not replaced by a plain assignment"));
        };
        return removal::python(&py, stmt, edits);
    }
    // Both or none: a context with one of them switched on and the other off raises an error.
    let mine: Vec<&Found> = cx
        .all
        .iter()
        .filter(|f| f.rule == found.rule && f.file == found.file && f.variant == "attribute")
        .filter(|f| f.call().is_some_and(|c| c.func == call.func && target(&py, c.span) == target(&py, call.span)))
        .collect();
    trust(&py, call, &mine, edits)?;
    for f in mine {
        let Some(value) = declarative::assigned(&py, f.span) else {
            return Err(Refusal::new(Reason::ShapeUnknown, "the check is not switched off by a plain assignment"));
        };
        let new = if f.subject == "check_hostname" {
            "True".to_string()
        } else {
            let text = py.expr_text(value);
            match text.strip_suffix("CERT_NONE") {
                Some(prefix) if prefix.ends_with('.') => format!("{prefix}CERT_REQUIRED"),
                Some("") => py.bring_from("ssl", "CERT_REQUIRED", call.span, edits)?,
                _ => return Err(Refusal::new(Reason::NonOwnedCallee, "the mode is decided elsewhere")),
            }
        };
        if f.subject == "check_hostname" && py.expr_text(value) != "False" {
            return Err(Refusal::new(Reason::NonOwnedCallee, "the check is switched by a variable"));
        }
        edits.push(Edit::replace(py.file, value, new));
    }
    Ok(())
}

/// A context that is made empty trusts nobody: certificates of the system are loaded where the function loads none.
fn trust(py: &PyCx<'_>, call: &CallFact, mine: &[&Found], edits: &mut Vec<Edit>) -> Result<(), Refusal> {
    let Some(name) = target(py, call.span) else { return Ok(()) };
    let around = py.function_of(call.span).map_or(py.text, |f| f.of(py.text));
    let empty = around.lines().any(|l| {
        let made = l.split_once('=').filter(|(left, _)| left.trim() == name);
        made.is_some_and(|(_, right)| {
            right.trim().split('(').next().is_some_and(|c| facts::last(c.trim()) == "SSLContext")
        })
    });
    let loads = ["load_default_certs", "load_verify_locations", "set_default_verify_paths"];
    if !empty || loads.iter().any(|l| around.contains(&format!("{name}.{l}"))) {
        return Ok(());
    }
    let Some(stmt) = mine.iter().filter_map(|f| py.stmt_of(f.span)).max() else { return Ok(()) };
    py.insert_after_stmt(stmt, &[&format!("{name}.load_default_certs()")], edits)
}

/// What is assigned to, without the attribute: `ctx` of `ctx.check_hostname = False`.
fn target<'t>(py: &PyCx<'t>, span: Span) -> Option<&'t str> {
    match py.covering_stmt(span)? {
        ruff_python_ast::Stmt::Assign(a) => match a.targets.as_slice() {
            [ruff_python_ast::Expr::Attribute(t)] => Some(py.expr_text(surefix_syntax::python::span_of(&*t.value))),
            _ => None,
        },
        _ => None,
    }
}

/// `set_missing_host_key_policy(paramiko.RejectPolicy())`, with the known hosts loaded before.
fn policy(py: &PyCx<'_>, call: &CallFact, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
    let no = |reason, why: &str| Err(Refusal::new(reason, why));
    let (Some(recv), Some(arg)) = (py.receiver(call.span), py.args(call.span).first().map(|a| a.value)) else {
        return no(Reason::ShapeUnknown, "the call has no receiver or no policy");
    };
    let text = py.expr_text(arg);
    let (path, tail) = text.split_once('(').map_or((text, ""), |(p, _)| (p, "()"));
    let name = facts::last(path.trim());
    if !matches!(name, "AutoAddPolicy" | "WarningPolicy") {
        return no(Reason::NonOwnedCallee, "the policy is decided elsewhere, not in the call");
    }
    if !py.is_simple_pure(recv) {
        return no(Reason::SideEffect, "the client is not a plain variable");
    }
    let prefix = &path[..path.len() - name.len()];
    let new = if prefix.is_empty() {
        py.bring_from("paramiko", "RejectPolicy", call.span, edits)?
    } else {
        format!("{prefix}RejectPolicy")
    };
    edits.push(Edit::replace(py.file, arg, format!("{new}{tail}")));
    let around = py.function_of(call.span).map_or(py.text, |f| f.of(py.text));
    let client = py.expr_text(recv);
    if !around.contains(&format!("{client}.load_system_host_keys"))
        && !around.contains(&format!("{client}.load_host_keys"))
    {
        let stmt = py.hoist_point(call.span)?;
        py.insert_before_stmt(stmt, &[&format!("{client}.load_system_host_keys()")], edits)?;
    }
    Ok(())
}
