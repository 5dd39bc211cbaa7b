//! `cleartext-transport`: sensitive data over an unencrypted connection.

use crate::{Confidence, DetectCx, FixCx, Found, Rule, RuleMeta, Severity, facts, flows};
use surefix_dataflow::CallFact;
use surefix_ir::Lang;
use surefix_text::{Assurance, Edit, Fix, Reason, Refusal, Span, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "cleartext-transport",
    title: "Sensitive data over an unencrypted connection",
    cwe: &[319],
    severity: Severity::Medium,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::Observable,
    page: include_str!("../../../../docs/rules/cleartext-transport.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    for call in flows::watched(cx, &META) {
        match call.callee.as_str() {
            "telnetlib.Telnet" | "org.apache.commons.net.telnet.TelnetClient.<init>" => {
                let message = "Telnet sends everything, passwords too, in the clear".to_string();
                out.push(flows::from_call(&META, call, "protocol", message, "protocol"));
            }
            "org.apache.commons.net.ftp.FTPClient.login" | "ftplib.FTP" => {
                let user = if call.callee == "ftplib.FTP" { facts::arg(call, 1, "user") } else { call.args.first() };
                let anonymous = facts::text(user).is_some_and(|u| u.is_empty() || u.eq_ignore_ascii_case("anonymous"));
                if user.is_some() && !anonymous {
                    let message = "FTP sends the password in the clear".to_string();
                    out.push(flows::from_call(&META, call, "protocol", message, "protocol"));
                }
            }
            _ => {
                let Some((at, host)) = plain_url(call) else { continue };
                let message = format!("The request to {host} goes over an unencrypted connection");
                let mut found = flows::from_call(&META, call, &format!("arg{at}"), message, "url");
                found.confidence = Confidence::Medium;
                out.push(found);
            }
        }
    }
}

/// The argument that is a constant URL of a public host without encryption, and the host.
fn plain_url(call: &CallFact) -> Option<(usize, &str)> {
    call.args.iter().enumerate().find_map(|(i, a)| {
        let text = facts::text(Some(a))?;
        let host = host_of(text)?;
        is_public(host).then_some((i, host))
    })
}

/// The host of an `http:` URL.
fn host_of(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("HTTP://"))?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    Some(host.split(':').next().unwrap_or(host))
}

/// A name of the public internet: no address, no local name, no name reserved for examples and tests, no address of an XML vocabulary.
fn is_public(host: &str) -> bool {
    const LOCAL: &[&str] = &[
        "localhost",
        "local",
        "internal",
        "lan",
        "test",
        "example",
        "invalid",
        "localdomain",
        "intranet",
        "corp",
        "svc",
    ];
    const NAMES: &[&str] = &[
        "example.com",
        "example.org",
        "example.net",
        "www.w3.org",
        "xml.org",
        "java.sun.com",
        "xmlns.com",
        "purl.org",
        "schemas.xmlsoap.org",
    ];
    let host = host.to_ascii_lowercase();
    let last = host.rsplit('.').next().unwrap_or("");
    host.contains('.')
        && !host.ends_with(".example.com")
        && !NAMES.contains(&host.as_str())
        && !LOCAL.contains(&last)
        && last.len() >= 2
        && last.chars().all(|c| c.is_ascii_alphabetic())
        && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'))
}

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let Some(call) = found.call() else { return Err(Refusal::new(Reason::NoRecipe, "the call is not known")) };
    if found.variant == "protocol" {
        return Err(Refusal::new(Reason::NoLocalFix, "an encrypted protocol is another protocol, which the other side has to offer")
            .with_steps("Ask whether the server offers SSH, SFTP or FTP over TLS, and use a client for that. Change the password afterwards."));
    }
    let Some((at, host)) = plain_url(call) else {
        return Err(Refusal::new(Reason::ShapeUnknown, "the URL is not known"));
    };
    let decided = cx.decisions.get(META.id, "https-hosts").iter().any(|h| h.eq_ignore_ascii_case(host));
    // The project itself asks the same host with encryption.
    let https = format!("https://{host}");
    let seen = cx.detect.texts.iter().any(|t| t.contains(&https));
    if !decided && !seen {
        return Err(Refusal::new(Reason::DecisionNeeded, format!("whether {host} answers over https is not written in the code")).with_steps(
            "Try the URL with https. If it answers, name the host under `https-hosts` in `[decisions.cleartext-transport]` of surefix.toml, or change the URL.",
        ));
    }
    let arg = call.args.get(at).map(|a| a.span).unwrap_or_default();
    let text = arg.of(cx.detect.text(found.file));
    let (Some(offset), 1) = (text.find("http://"), text.matches("http://").count()) else {
        return Err(Refusal::new(Reason::NonOwnedCallee, "the URL is written somewhere else"));
    };
    let lo = arg.lo + u32::try_from(offset).unwrap_or(0);
    let mut assurance = Assurance::start(Tier::Observable);
    assurance.lower(
        Tier::Observable,
        "the request fails where the server's certificate is not trusted or a proxy only lets http through",
    );
    Ok(Fix {
        title: "Ask over an encrypted connection".to_string(),
        edits: vec![Edit::replace(found.file, Span::new(lo, lo + 4), "https")],
        assurance,
        needs: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_the_public_internet() {
        let public = |u: &str| host_of(u).is_some_and(is_public);
        assert!(public("http://api.weather.gov/points"));
        assert!(public("http://user:pw@files.acme.com:8080/x"));
        for local in [
            "http://localhost:8080/",
            "http://10.0.0.1/",
            "http://[::1]/",
            "http://service/",
            "http://db.internal/",
            "https://acme.com/",
            "http://www.w3.org/2001/XMLSchema",
            "http://x.example.com/",
            "http://{host}.acme.com/",
        ] {
            assert!(!public(local), "{local}");
        }
    }
}
