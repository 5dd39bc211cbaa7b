//! `session-fixation`: session kept across a login.

use crate::{Confidence, DetectCx, FixCx, Found, Rule, RuleMeta, Severity, facts, flows, purpose, removal};
use surefix_dataflow::ConstVal;
use surefix_ir::Lang;
use surefix_rewrite::JavaCx;
use surefix_text::{Assurance, FileId, Fix, Reason, Refusal, Span, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "session-fixation",
    title: "Session kept across a login",
    cwe: &[384],
    severity: Severity::Medium,
    langs: &[Lang::Java],
    best_tier: Tier::Observable,
    page: include_str!("../../../../docs/rules/session-fixation.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

/// Words of methods in which somebody logs in.
const LOGIN: &[&str] = &["login", "signin", "authenticate", "logon"];

/// Words of attributes that say who is logged in.
const WHO: &[&str] = &[
    "user",
    "username",
    "userid",
    "account",
    "principal",
    "customer",
    "member",
    "logged",
    "loggedin",
    "authenticated",
    "role",
    "admin",
];

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    for call in flows::watched(cx, &META) {
        let name = flows::short(&call.callee);
        if !matches!(name, "HttpSession.setAttribute" | "HttpSession.putValue") {
            continue;
        }
        let file = FileId(call.file);
        let (text, module) = (cx.text(file), cx.module(file));
        let Some(func) = module.functions.get(call.func as usize) else { continue };
        let code = func.span.of(text);
        let logs_in = {
            let n = module.strings.get(func.name).to_ascii_lowercase();
            LOGIN.iter().any(|w| n.contains(w)) && !n.contains("logout") && !n.contains("fail")
        };
        let who = facts::text(call.args.first()).is_some_and(|k| purpose::names_any(k, WHO));
        let renewed = ["changeSessionId", ".invalidate()", "migrateSession"].iter().any(|w| code.contains(w));
        if !logs_in || !who || renewed || facts::always(call.args.get(1), |c| *c == ConstVal::Null) {
            continue;
        }
        // One finding a method: the first attribute.
        if out
            .iter()
            .any(|f: &Found| f.rule == META.id && f.file == file && f.call().is_some_and(|c| c.func == call.func))
        {
            continue;
        }
        let message = "The session from before the login is kept: who planted its id is logged in too".to_string();
        let mut found = flows::from_call(&META, call, "session", message, "servlet");
        found.confidence = Confidence::Medium;
        out.push(found);
    }
}

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let Some(call) = found.call() else { return Err(Refusal::new(Reason::NoRecipe, "the call is not known")) };
    let jx = cx.java(found.file);
    jx.no_error_at(call.span)?;
    let Some(request) = request(&jx, call.span) else {
        return Err(Refusal::new(Reason::ShapeUnknown, "the method has no parameter that is the request")
            .with_steps("Call changeSessionId() on the request right after the login succeeded."));
    };
    if removal::java_statement(&jx, call.span).is_none() {
        return Err(Refusal::new(Reason::ControlFlow, "the attribute is not set by a statement of its own"));
    }
    let stmt = jx.hoist_point(call.span)?;
    let mut edits = Vec::new();
    // The session exists by then, without one the call would fail.
    jx.insert_after_stmt(stmt, &[&format!("{request}.changeSessionId();")], &mut edits)?;
    let mut assurance = Assurance::start(Tier::Observable);
    assurance.lower(
        Tier::Observable,
        "the id of the session is another one after the login; whatever remembered the old one has to read it again",
    );
    Ok(Fix { title: "Give the session a new id at the login".to_string(), edits, assurance, needs: Vec::new() })
}

/// The method's parameter of type `HttpServletRequest`.
fn request(jx: &JavaCx<'_>, at: Span) -> Option<String> {
    let params = jx.method_of(at)?.child_by_field_name("parameters")?;
    let mut cursor = params.walk();
    let found = params.named_children(&mut cursor).find(|p| {
        p.child_by_field_name("type").is_some_and(|t| facts::last(jx.node_text(t)) == "HttpServletRequest")
    })?;
    let name = jx.node_text(found.child_by_field_name("name")?).to_string();
    let own = jx.uses(&name, at)?;
    own.writes.is_empty().then_some(name)
}
