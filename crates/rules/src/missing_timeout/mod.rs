//! `missing-timeout`: network call without a timeout.

mod java;

use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, declarative, facts, flows};
use surefix_dataflow::CallFact;
use surefix_ir::Lang;
use surefix_text::{Assurance, FileId, Fix, Reason, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "missing-timeout",
    title: "Network call without a timeout",
    cwe: &[400, 1088],
    severity: Severity::Low,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::Observable,
    page: include_str!("../../../../docs/rules/missing-timeout.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

/// Calls of Python that wait for ever unless they are given a timeout: position, keyword.
const PYTHON: &[(&str, usize, &str)] = &[
    ("urllib.request.urlopen", 2, "timeout"),
    ("http.client.HTTPConnection", 2, "timeout"),
    ("http.client.HTTPSConnection", 2, "timeout"),
    ("smtplib.SMTP", 3, "timeout"),
    ("smtplib.SMTP_SSL", 5, "timeout"),
    ("ftplib.FTP", 4, "timeout"),
    ("ftplib.FTP_TLS", 4, "timeout"),
    ("poplib.POP3", 2, "timeout"),
    ("telnetlib.Telnet", 2, "timeout"),
];

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    for call in flows::watched(cx, &META) {
        let file = FileId(call.file);
        let found = match cx.lang(file) {
            Lang::Python => python(cx, call),
            Lang::Java => java::waits_forever(cx, call),
        };
        if found {
            let message = format!("{} waits for ever when the other side does not answer", flows::short(&call.callee));
            out.push(flows::from_call(&META, call, "timeout", message, ""));
        }
    }
}

fn python(cx: &DetectCx<'_>, call: &CallFact) -> bool {
    let text = cx.text(FileId(call.file));
    if facts::hides(call) || text.contains("setdefaulttimeout") || !declarative::is_call(cx, call) {
        return false;
    }
    if let Some(method) = call.callee.strip_prefix("requests.") {
        let session = method.starts_with("Session.");
        // A session of a subclass, or with an adapter, may have a timeout of its own.
        let plain = call.recv.as_ref().is_none_or(|r| r.types.iter().all(|t| t == "requests.Session"));
        let sends = session || !method.contains('.');
        // Timeouts of sessions are set where they are made.
        return sends
            && !(session && (!plain || text.contains(".mount(")))
            && facts::arg(call, facts::KEYWORD_ONLY, "timeout").is_none();
    }
    // `getattr(http.client, "HTTPSConnection", None)` is a name, no call of what it names.
    if text.get(call.span.lo as usize..).is_some_and(|t| t.starts_with("getattr(")) {
        return false;
    }
    PYTHON.iter().any(|(name, at, keyword)| call.callee == *name && facts::arg(call, *at, keyword).is_none())
        && !connects_later(call, text)
}

/// Clients that connect when they are made only if they are given a host.
const CONNECTS_WITH_HOST: &[&str] =
    &["ftplib.FTP", "ftplib.FTP_TLS", "smtplib.SMTP", "smtplib.SMTP_SSL", "telnetlib.Telnet"];

/// True when the client is made without a host, and every `connect` of the file that could be the one behind it has a timeout (the one
/// of SMTP takes none).
fn connects_later(call: &CallFact, text: &str) -> bool {
    if !CONNECTS_WITH_HOST.contains(&call.callee.as_str()) || facts::arg(call, 0, "host").is_some() {
        return false;
    }
    let mut connects = text.split(".connect(").skip(1).peekable();
    let bounded = |rest: &str| rest.split_once(')').is_some_and(|(args, _)| args.contains("timeout"));
    connects.peek().is_none() || connects.all(bounded)
}

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let Some(call) = found.call() else { return Err(Refusal::new(Reason::NoRecipe, "the call is not known")) };
    let mut edits = Vec::new();
    match cx.detect.lang(found.file) {
        Lang::Python => {
            let py = cx.python(found.file);
            py.no_error_at(call.span)?;
            py.set_keyword(call.span, "timeout", "60", &mut edits)?;
        }
        Lang::Java => java::fix(cx, found, call, &mut edits)?,
    }
    let mut assurance = Assurance::start(Tier::Observable);
    assurance
        .lower(Tier::Observable, "an answer that stays away for 60 seconds becomes an error instead of a longer wait");
    Ok(Fix { title: "Give up waiting after 60 seconds".to_string(), edits, assurance, needs: Vec::new() })
}
