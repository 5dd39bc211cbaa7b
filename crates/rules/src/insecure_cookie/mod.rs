//! `insecure-cookie`: cookie without the Secure or HttpOnly flag.

mod java_builders;
mod java_servlet;
mod python_response;

use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, facts, flows, settings};
use surefix_dataflow::{ArgFact, CallFact, ConstVal};
use surefix_ir::{Const, Lang};
use surefix_text::{Assurance, Fix, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "insecure-cookie",
    title: "Cookie without the Secure or HttpOnly flag",
    cwe: &[614, 1004, 1275],
    severity: Severity::Medium,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::Observable,
    page: include_str!("../../../../docs/rules/insecure-cookie.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

/// What is known of a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flag {
    /// Switched on on every path, or decided by an expression that the author chose.
    On,
    /// Switched off, or on some path.
    Off,
    /// Never mentioned.
    Absent,
}

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    for call in flows::watched(cx, &META) {
        let name = call.callee.rsplit('.').next().unwrap_or("");
        let (secure, http_only) = match name {
            "addCookie" if call.callee.starts_with("javax.servlet.") => match call.args.first() {
                // A cookie that somebody else made and gave here: what is set on it is not known.
                Some(c) if c.alloc.is_some() || !c.props.is_empty() => {
                    if removes(c.props.get("max_age").and_then(|v| v.as_deref()))
                        || empty(c.props.get("value").and_then(|v| v.as_deref()))
                    {
                        continue;
                    }
                    let http_only = if readable(c.props.get("name").and_then(|v| v.as_deref())) {
                        Flag::On
                    } else {
                        prop(c, "http_only")
                    };
                    (prop(c, "secure"), http_only)
                }
                _ => continue,
            },
            "build" if call.callee.ends_with("ResponseCookieBuilder.build") => match java_builders::spring(call) {
                Some(flags) => flags,
                None => continue,
            },
            "<init>" if call.callee == "javax.ws.rs.core.NewCookie.<init>" => match java_builders::jaxrs(call) {
                Some(flags) => flags,
                None => continue,
            },
            "setSecure" | "setHttpOnly" if call.callee.contains("SessionCookieConfig") => {
                if facts::is_bool(call.args.first(), false) {
                    let what = "The cookie of the session is switched to be less protected";
                    out.push(flows::from_call(&META, call, "flags", what.to_string(), "switch"));
                }
                continue;
            }
            "set_cookie" | "set_signed_cookie" | "set_secure_cookie" => {
                if call.args.iter().any(|a| a.spread == 2)
                    || removes(argument(call, "max_age", 2).and_then(|a| a.consts.as_deref()))
                    || empty(argument(call, "value", 1).and_then(|a| a.consts.as_deref()))
                {
                    continue;
                }
                let (at_secure, at_http) = positions(&call.callee);
                let http_only = match flag(argument(call, "httponly", at_http)) {
                    // Written by the author: a script of the page reads it.
                    Flag::Off => Flag::On,
                    _ if readable(argument(call, "key", 0).and_then(|a| a.consts.as_deref())) => Flag::On,
                    f => f,
                };
                (flag(argument(call, "secure", at_secure)), http_only)
            }
            _ => continue,
        };
        let (variant, what) = match (secure == Flag::On, http_only == Flag::On) {
            (true, true) => continue,
            (false, true) => ("secure", "is sent over unencrypted connections too (no Secure flag)"),
            (true, false) => ("http-only", "can be read by scripts of the page (no HttpOnly flag)"),
            (false, false) => ("both", "is sent over unencrypted connections and can be read by scripts of the page"),
        };
        out.push(flows::from_call(&META, call, "flags", format!("The cookie {what}"), variant));
    }
    for s in settings::all(cx, &|n| SETTINGS.contains(&n)) {
        let known = s.home != settings::Home::Module || settings::is_django(cx, s.file);
        if *s.value == Const::Bool(false) && known && !settings::is_for_development(cx, &s) {
            let what = "The cookie of the session is switched to be less protected";
            out.push(flows::from_place(&META, s.file, s.value_span, "flags", s.name, what.to_string(), "setting"));
        }
    }
}

/// Settings of Flask and Django that switch a flag of the framework's own cookies. The CSRF cookie may have to be readable.
const SETTINGS: &[&str] = &[
    "SESSION_COOKIE_SECURE",
    "SESSION_COOKIE_HTTPONLY",
    "CSRF_COOKIE_SECURE",
    "REMEMBER_COOKIE_SECURE",
    "REMEMBER_COOKIE_HTTPONLY",
];

/// Positions of `secure` and `httponly` among the positional arguments of the framework's method.
fn positions(callee: &str) -> (usize, usize) {
    let framework = callee.split('.').next().unwrap_or("");
    if matches!(framework, "flask" | "werkzeug" | "django" | "starlette" | "fastapi") {
        (6, 7)
    } else {
        (usize::MAX, usize::MAX)
    }
}

fn argument<'a>(call: &'a CallFact, keyword: &str, at: usize) -> Option<&'a ArgFact> {
    call.args.iter().find(|a| a.keyword == keyword).or_else(|| call.args.get(at).filter(|a| a.keyword.is_empty()))
}

fn flag(arg: Option<&ArgFact>) -> Flag {
    match arg.map(|a| a.consts.as_deref()) {
        None => Flag::Absent,
        Some(Some(c)) if c.iter().any(|c| matches!(c, ConstVal::Bool(false) | ConstVal::Null)) => Flag::Off,
        Some(_) => Flag::On,
    }
}

fn prop(cookie: &ArgFact, key: &str) -> Flag {
    match cookie.props.get(key) {
        None => Flag::Absent,
        Some(Some(c)) if c.contains(&ConstVal::Bool(false)) => Flag::Off,
        Some(_) => Flag::On,
    }
}

/// A cookie that is being removed carries nothing.
fn removes(max_age: Option<&[ConstVal]>) -> bool {
    max_age == Some(&[ConstVal::Int(0)])
}

/// A cookie that is made empty has nothing to protect.
fn empty(value: Option<&[ConstVal]>) -> bool {
    value.is_some_and(|v| {
        !v.is_empty() && v.iter().all(|c| *c == ConstVal::Null || matches!(c, ConstVal::Str(s) if s.is_empty()))
    })
}

/// Cookies of the double-submit pattern must be readable by scripts.
fn readable(name: Option<&[ConstVal]>) -> bool {
    name.is_some_and(|n| {
        n.iter().any(|c| matches!(c, ConstVal::Str(s) if s.to_ascii_lowercase().contains("xsrf") || s.to_ascii_lowercase().contains("csrf")))
    })
}

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let sink = found.sink.as_str();
    match cx.detect.lang(found.file) {
        Lang::Java if sink.starts_with("javax.servlet.http.HttpServletResponse") => java_servlet::fix(cx, found),
        Lang::Java => java_builders::fix(cx, found),
        Lang::Python if found.variant == "setting" => {
            let mut edits = Vec::new();
            cx.python(found.file).replace_expr(found.span, "True", &mut edits)?;
            Ok(done(edits))
        }
        Lang::Python => python_response::fix(cx, found),
    }
}

fn done(edits: Vec<surefix_text::Edit>) -> Fix {
    let mut assurance = Assurance::start(Tier::Observable);
    assurance.lower(Tier::Observable, NOTICED);
    Fix { title: "Set the flags that protect the cookie".to_string(), edits, assurance, needs: Vec::new() }
}

/// The note on who can notice.
const NOTICED: &str =
    "deployments that serve the page without TLS no longer receive the cookie, and scripts cannot read it";
