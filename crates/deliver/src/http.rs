//! The HTTP client: TLS verified, one host, no redirects, retries with growing pauses, and no secret in any message.

use crate::secret::{Scrubber, Secret};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use surefix_report::escape::line;

/// Largest answer that is read, in bytes.
const MAX_BODY: u64 = 32 << 20;
/// Longest pause that a server may ask for.
const MAX_PAUSE: Duration = Duration::from_secs(90);

/// What went wrong at a forge. The texts hold no secret and nothing that steers a terminal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForgeError {
    /// The address or the certificates in the settings cannot be used.
    #[error("{0}")]
    Settings(String),
    /// No answer.
    #[error("{host} did not answer: {why}")]
    Network {
        /// Host.
        host: String,
        /// The client's words.
        why: String,
    },
    /// An answer that says no.
    #[error("{what}: the server answered {status}{}", if words.is_empty() { String::new() } else { format!(": {words}") })]
    Status {
        /// Method and path.
        what: String,
        /// Status code.
        status: u16,
        /// The server's words.
        words: String,
    },
    /// An answer that is not understood.
    #[error("{what}: the server's answer is not understood ({why})")]
    Answer {
        /// Method and path.
        what: String,
        /// What is missing.
        why: String,
    },
    /// The forge cannot do it.
    #[error("{0}")]
    Unsupported(String),
}

/// How a call that failed for a passing reason is repeated.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// Tries in all.
    pub tries: u32,
    /// Pause before the second one; it doubles each time.
    pub first: Duration,
}

impl Default for Retry {
    fn default() -> Retry {
        Retry { tries: 5, first: Duration::from_secs(1) }
    }
}

/// A client for one forge.
pub struct Http {
    agent: ureq::Agent,
    base: String,
    host: String,
    headers: Vec<(&'static str, String)>,
    auth: Option<(&'static str, Secret)>,
    scrub: Scrubber,
    retry: Retry,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The body; null when it is empty.
    pub body: Value,
    /// The `Link` or `X-Next-Page` header says that there is more.
    pub more: bool,
}

impl Http {
    /// A client for the interface at `base`. `ca`: a PEM file's bytes with the only authorities that are trusted.
    pub fn new(
        base: &str,
        auth: Option<(&'static str, Secret)>,
        headers: Vec<(&'static str, String)>,
        ca: Option<&[u8]>,
        scrub: Scrubber,
        retry: Retry,
    ) -> Result<Http, ForgeError> {
        let uri: ureq::http::Uri =
            base.parse().map_err(|_| ForgeError::Settings(format!("not an address: {}", line(base))))?;
        let host = uri.host().unwrap_or_default().to_string();
        let near = matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]" | "::1");
        if host.is_empty() || uri.authority().is_some_and(|a| a.as_str().contains('@')) {
            return Err(ForgeError::Settings("an address needs a host and holds no user".to_string()));
        }
        if uri.scheme_str() != Some("https") && !near {
            return Err(ForgeError::Settings(format!("{} is not https: the token is not sent there", line(base))));
        }
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(Duration::from_secs(20)))
            .timeout_global(Some(Duration::from_secs(120)))
            .user_agent(concat!("surefix/", env!("CARGO_PKG_VERSION")));
        if near {
            config = config.proxy(None);
        }
        if let Some(pem) = ca {
            let mut certs = Vec::new();
            for item in ureq::tls::parse_pem(pem) {
                match item {
                    Ok(ureq::tls::PemItem::Certificate(c)) => certs.push(c),
                    Ok(_) => {}
                    Err(_) => return Err(ForgeError::Settings("the file of authorities is no PEM file".to_string())),
                }
            }
            if certs.is_empty() {
                return Err(ForgeError::Settings("the file of authorities holds no certificate".to_string()));
            }
            let roots = ureq::tls::RootCerts::Specific(Arc::new(certs));
            config = config.tls_config(ureq::tls::TlsConfig::builder().root_certs(roots).build());
        }
        let agent = config.build().new_agent();
        Ok(Http { agent, base: base.trim_end_matches('/').to_string(), host, headers, auth, scrub, retry })
    }

    /// A call. `path` begins with a slash and is already encoded.
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer, ForgeError> {
        let what = format!("{method} {}", line(path.split('?').next().unwrap_or(path)));
        // Repeating these changes nothing that the first try did not change.
        let again = method != "POST";
        let mut pause = self.retry.first;
        let mut tries = 0;
        loop {
            tries += 1;
            let last = tries >= self.retry.tries;
            match self.once(method, path, body) {
                Err(why) if last || !again => {
                    let why = line(&self.scrub.clean(&why)).into_owned();
                    return Err(ForgeError::Network { host: line(&self.host).into_owned(), why });
                }
                Err(_) => {}
                Ok(r) => {
                    let (passing, refused) = r.passing();
                    // A refusal for the rate did nothing, so it may be repeated; a broken gateway may have done it.
                    if last || !passing || !(again || refused) {
                        return self.answer(what, r);
                    }
                    if let Some(wait) = r.wait {
                        if wait > MAX_PAUSE {
                            return self.answer(what, r);
                        }
                        pause = pause.max(wait);
                        if wait.is_zero() {
                            pause = Duration::ZERO;
                        }
                    }
                }
            }
            std::thread::sleep(pause);
            pause = (pause.max(self.retry.first) * 2).min(MAX_PAUSE);
        }
    }

    fn once(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Raw, String> {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.base));
        for (name, value) in &self.headers {
            request = request.header(*name, value.as_str());
        }
        if let Some((name, secret)) = &self.auth {
            request = request.header(*name, secret.expose());
        }
        let sent = match body {
            Some(json) => {
                let request = request.header("content-type", "application/json").body(json.to_string());
                self.agent.run(request.map_err(|e| e.to_string())?)
            }
            None => self.agent.run(request.body(()).map_err(|e| e.to_string())?),
        };
        let mut response = sent.map_err(|e| e.to_string())?;
        let header = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_string);
        let wait = header("retry-after").and_then(|v| v.trim().parse().ok()).map(Duration::from_secs);
        let exhausted = header("x-ratelimit-remaining").is_some_and(|v| v.trim() == "0");
        let more = header("link").is_some_and(|l| l.contains("rel=\"next\""))
            || header("x-next-page").is_some_and(|p| !p.trim().is_empty());
        let status = response.status().as_u16();
        let text = response.body_mut().with_config().limit(MAX_BODY).read_to_string().map_err(|e| e.to_string())?;
        Ok(Raw { status, wait, exhausted, more, text })
    }

    fn answer(&self, what: String, r: Raw) -> Result<Answer, ForgeError> {
        if !(200..300).contains(&r.status) {
            let words = words(&r.text);
            let words = line(&self.scrub.clean(&words)).into_owned();
            let words = if (300..400).contains(&r.status) {
                "the address has moved; name the new one in the settings".to_string()
            } else {
                words
            };
            return Err(ForgeError::Status { what, status: r.status, words });
        }
        let body = if r.text.trim().is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&r.text).map_err(|_| ForgeError::Answer { what, why: "no JSON".to_string() })?
        };
        Ok(Answer { body, more: r.more })
    }

    /// All entries of a list that comes in pages, at most `pages` of them. `{page}` in the path is the number of the page.
    pub fn pages(&self, path: &str, pages: usize) -> Result<Vec<Value>, ForgeError> {
        let mut out = Vec::new();
        for page in 1..=pages {
            let answer = self.call("GET", &path.replace("{page}", &page.to_string()), None)?;
            let Value::Array(list) = answer.body else {
                return Err(ForgeError::Answer { what: format!("GET {}", line(path)), why: "no list".to_string() });
            };
            let empty = list.is_empty();
            out.extend(list);
            if empty || !answer.more {
                break;
            }
        }
        Ok(out)
    }
}

struct Raw {
    status: u16,
    wait: Option<Duration>,
    exhausted: bool,
    more: bool,
    text: String,
}

impl Raw {
    /// Whether another try may succeed, and whether this one certainly did nothing.
    fn passing(&self) -> (bool, bool) {
        match self.status {
            429 => (true, true),
            403 if self.wait.is_some() || self.exhausted => (true, true),
            503 => (true, self.wait.is_some()),
            408 | 500 | 502 | 504 => (true, false),
            _ => (false, false),
        }
    }
}

/// What a server says in its error: the usual fields, else the beginning of the text.
fn words(text: &str) -> String {
    let json: Value = serde_json::from_str(text).unwrap_or(Value::Null);
    let mut out = Vec::new();
    for pointer in ["/message", "/error", "/error/message", "/error_description"] {
        match json.pointer(pointer) {
            Some(Value::String(s)) => out.push(s.clone()),
            Some(v @ Value::Array(_)) => out.push(v.to_string()),
            _ => {}
        }
    }
    if let Some(list) = json.get("errors").and_then(Value::as_array) {
        out.extend(list.iter().filter_map(|e| e.get("message").and_then(Value::as_str).map(str::to_string)));
    }
    if out.is_empty() && json.is_null() && !text.trim_start().starts_with('<') {
        out.push(text.trim().to_string());
    }
    out.join("; ").chars().take(500).collect()
}
