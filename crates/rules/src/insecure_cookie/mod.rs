//! `insecure-cookie`: cookie without the Secure or HttpOnly flag.

mod java_servlet;
mod python_response;

use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows};
use surefix_dataflow::{ArgFact, CallFact, ConstVal};
use surefix_ir::Lang;
use surefix_text::{Fix, Refusal, Tier};

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
                    if removes(c.props.get("max_age").and_then(|v| v.as_deref())) {
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
            "set_cookie" | "set_signed_cookie" => {
                if call.args.iter().any(|a| a.spread == 2) || removes(argument(call, "max_age", 2).and_then(|a| a.consts.as_deref())) {
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
}

/// Positions of `secure` and `httponly` among the positional arguments of the framework's method.
fn positions(callee: &str) -> (usize, usize) {
    if callee.starts_with("flask.") || callee.starts_with("werkzeug.") || callee.starts_with("django.") {
        (6, 7)
    } else if callee.starts_with("starlette.") || callee.starts_with("fastapi.") {
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

/// Cookies of the double-submit pattern must be readable by scripts.
fn readable(name: Option<&[ConstVal]>) -> bool {
    name.is_some_and(|n| {
        n.iter().any(|c| matches!(c, ConstVal::Str(s) if s.to_ascii_lowercase().contains("xsrf") || s.to_ascii_lowercase().contains("csrf")))
    })
}

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    match cx.detect.lang(found.file) {
        Lang::Java => java_servlet::fix(cx, found),
        Lang::Python => python_response::fix(cx, found),
    }
}

/// The note on who can notice.
const NOTICED: &str = "deployments that serve the page without TLS no longer receive the cookie, and scripts cannot read it";
