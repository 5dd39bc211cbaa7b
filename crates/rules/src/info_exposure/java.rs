//! Java: stack traces and messages of exceptions in responses.

use crate::operands;
use crate::syntaxes::{JavaText, java_operands};
use crate::{DetectCx, FixCx, Found, RuleMeta, flows};
use surefix_ir::Lang;
use surefix_models::SourceKind;
use surefix_rewrite::{JavaCx, LiteralMap};
use surefix_syntax::java;
use surefix_text::{Assurance, Edit, Fix, Reason, Refusal, Span, Tier};

const TRACE: &str = "printed-trace";
const STEPS: &str = "1. Log the exception on the server, with an identifier.\n\
    2. Answer with a constant text, and the identifier if users are to report it.\n\
    3. Keep the response's status.";

/// Exceptions whose messages come from the platform. Messages of the program's own exceptions are often meant for users.
const BROAD: &[&str] = &[
    "Throwable",
    "Exception",
    "RuntimeException",
    "Error",
    "SQLException",
    "DataAccessException",
    "NamingException",
    "IOException",
    "ServletException",
    "PersistenceException",
    "HibernateException",
    "ClassNotFoundException",
    "ReflectiveOperationException",
    "GeneralSecurityException",
    "NullPointerException",
];

/// False for the message of an exception that the program throws itself to tell users something.
pub fn is_internal(cx: &DetectCx<'_>, found: &Found) -> bool {
    let Some(flow) = &found.flow else { return true };
    if cx.lang(found.file) != Lang::Java || flow.source != Some(SourceKind::Exception) {
        return true;
    }
    let message = ["getMessage", "getLocalizedMessage", "toString"].iter().any(|m| flow.source_name.ends_with(m));
    let Some(step) = flow.trace.first().filter(|_| message) else { return true };
    let file = step.place.file;
    let jx = JavaCx::new(file, cx.text(file), cx.module(file));
    let Some(object) = jx.receiver(step.place.span) else { return true };
    let Some(uses) = jx.uses(object.of(jx.text), object) else { return true };
    jx.type_text(&uses).is_none_or(|t| t.split('|').any(|t| BROAD.contains(&t.trim().rsplit('.').next().unwrap_or(""))))
}

/// Reports `e.printStackTrace(response.getWriter())`.
pub fn printed_traces(cx: &DetectCx<'_>, meta: &RuleMeta, out: &mut Vec<Found>) {
    for call in flows::watched(cx, meta) {
        let prints = call.callee.ends_with(".printStackTrace");
        let to_client = call.args.first().is_some_and(|a| {
            a.types.iter().any(|t| t == "surefix.ServletWriter" || t.ends_with("ServletOutputStream"))
        });
        if prints && to_client {
            out.push(flows::from_call(meta, call, "arg0", "A stack trace is sent to the client".into(), TRACE));
        }
    }
}

/// Plans the fix.
pub fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let jx = cx.java(found.file);
    let mut edits: Vec<Edit> = Vec::new();
    let mut assurance = Assurance::start(Tier::Observable);
    assurance.lower(Tier::Observable, "clients no longer see the exception's text");
    let Some(call) = found.call() else {
        return Err(Refusal::new(Reason::NoRecipe, "no recipe covers this shape"));
    };
    jx.no_error_at(call.span)?;
    let Some((name, body)) = caught_at(&jx, call.span) else {
        return Err(Refusal::new(Reason::NoLocalFix, "the response is not written where the exception is caught")
            .with_steps(STEPS));
    };
    let logged = already_logged(&jx, body, &name, call.span);
    let logger = logger(&jx, call.span, &name, &mut edits);
    if found.variant == TRACE {
        let Some(statement) = logger else {
            return Err(Refusal::new(Reason::DecisionNeeded, "the class has no logger that can take the stack trace")
                .with_steps(STEPS));
        };
        let stmt =
            jx.stmt_of(call.span).filter(|s| s.of(jx.text).trim_end_matches(';').trim_end() == call.span.of(jx.text));
        let Some(stmt) = stmt else {
            return Err(Refusal::new(Reason::ShapeUnknown, "the call is part of a larger statement"));
        };
        jx.no_comment_inside(stmt)?;
        edits.push(Edit::replace(found.file, stmt, statement));
        return Ok(Fix {
            title: "Log the stack trace instead of sending it".into(),
            edits,
            assurance,
            needs: Vec::new(),
        });
    }
    let Some(flow) = &found.flow else {
        return Err(Refusal::new(Reason::NoRecipe, "no recipe covers this shape"));
    };
    if flow.source == Some(SourceKind::Secret) {
        return Err(Refusal::new(Reason::NoLocalFix, "a credential is part of the response")
            .with_steps("Leave the credential out of the response, and change it if it has been sent."));
    }
    let syntax = JavaText::new(cx);
    let Some(arg) = flow.arg.and_then(|i| jx.args(call.args_span).get(i).copied()) else {
        return Err(Refusal::new(Reason::ShapeUnknown, "the response's text is no argument of the call"));
    };
    let sites = operands::sites(cx, &syntax, flow, arg, |_| false)?;
    let operands = java_operands(&jx, arg);
    let [site] = sites.as_slice() else {
        return Err(Refusal::new(Reason::ShapeUnknown, "the exception's text enters the response in several places"));
    };
    if site.file != found.file || !arg.contains(site.span) {
        return Err(Refusal::new(Reason::ShapeUnknown, "the response's text is put together elsewhere"));
    }
    // Literals around the exception's text become one literal with the constant.
    let literals: Option<Vec<String>> = operands
        .iter()
        .map(|o| match *o == site.span {
            true => Some("internal error".to_string()),
            false => LiteralMap::new(Lang::Java, o.of(jx.text)).map(|m| m.decoded().to_string()),
        })
        .collect();
    match literals {
        Some(parts) if parts.len() > 1 => jx.replace_expr(arg, &jx.string_literal(&parts.concat()), &mut edits)?,
        _ if site.span == arg => jx.replace_expr(arg, "\"Internal error\"", &mut edits)?,
        _ => jx.replace_expr(site.span, "\"internal error\"", &mut edits)?,
    }
    if !logged {
        let Some(statement) = logger else {
            return Err(Refusal::new(
                Reason::DecisionNeeded,
                "nothing else records the exception, and the class has no logger",
            )
            .with_steps(STEPS));
        };
        let Some(stmt) = jx.stmt_of(call.span) else {
            return Err(Refusal::new(Reason::ControlFlow, "the response is not written by a statement"));
        };
        jx.insert_before_stmt(stmt, &[&statement], &mut edits)?;
    }
    Ok(Fix { title: "Answer with a constant text and log the exception".into(), edits, assurance, needs: Vec::new() })
}

/// The exception's variable and the body of the innermost `catch` around `span`.
fn caught_at(jx: &JavaCx<'_>, span: Span) -> Option<(String, Span)> {
    let clause =
        java::enclosing(jx.covering(span)?, |n| n.kind() == "catch_clause" || n.kind().ends_with("lambda_expression"))?;
    if clause.kind() != "catch_clause" {
        return None;
    }
    let mut cursor = clause.walk();
    let parameter = clause.named_children(&mut cursor).find(|n| n.kind() == "catch_formal_parameter")?;
    let name = parameter.child_by_field_name("name")?;
    Some((jx.node_text(name).to_string(), java::span_of(clause.child_by_field_name("body")?)))
}

fn already_logged(jx: &JavaCx<'_>, body: Span, exception: &str, sink: Span) -> bool {
    let mut found = false;
    if let Some(node) = jx.node_at(body) {
        java::walk(node, &mut |n| {
            if n.kind() == "method_invocation" && !java::span_of(n).overlaps(sink) {
                let name = n.child_by_field_name("name").map_or("", |x| jx.node_text(x));
                let given = jx.args(java::span_of(n)).iter().any(|a| a.of(jx.text) == exception);
                let own = n.child_by_field_name("object").is_some_and(|o| jx.node_text(o) == exception);
                found |= given && matches!(name, "error" | "warn" | "log" | "info" | "fatal" | "debug");
                found |= own && name == "printStackTrace";
            }
            true
        });
    }
    found
}

/// A statement that logs the exception with what the class has: a logger field, or the servlet's own log.
fn logger(jx: &JavaCx<'_>, at: Span, exception: &str, edits: &mut Vec<Edit>) -> Option<String> {
    let class = jx.class_of(at)?;
    let body = class.child_by_field_name("body")?;
    let mut cursor = body.walk();
    for member in body.named_children(&mut cursor).filter(|m| m.kind() == "field_declaration") {
        let ty = member.child_by_field_name("type").map_or("", |t| jx.node_text(t));
        let name = member.child_by_field_name("declarator").and_then(|d| d.child_by_field_name("name"));
        let Some(name) = name.map(|n| jx.node_text(n)) else { continue };
        let is = |q: &str| jx.means_type(ty, q) || ty == q;
        let simple = [
            "org.slf4j.Logger",
            "org.apache.log4j.Logger",
            "org.apache.logging.log4j.Logger",
            "org.apache.commons.logging.Log",
        ];
        if simple.iter().any(|q| is(q)) {
            return Some(format!("{name}.error(\"Request failed\", {exception});"));
        }
        if is("java.util.logging.Logger") {
            let level = jx.bring_type("java.util.logging.Level", edits).ok()?;
            return Some(format!("{name}.log({level}.SEVERE, \"Request failed\", {exception});"));
        }
    }
    let parent = class.child_by_field_name("superclass").map_or("", |s| jx.node_text(s));
    let servlet = parent.split_whitespace().last().is_some_and(|p| p == "HttpServlet" || p.ends_with(".HttpServlet"));
    (servlet && !jx.is_static_at(at)).then(|| format!("log(\"Request failed\", {exception});"))
}
