//! What other scanners' suppression ids mean in terms of Surefix rules. Data only; an id that is not here covers nothing.

/// One vulnerability class under its foreign names.
#[derive(Clone, Copy, Debug)]
pub struct Class {
    /// Surefix rule ids.
    pub rules: &'static [&'static str],
    /// Sonar keys without a repository prefix.
    pub sonar: &'static [&'static str],
    /// Numbers shared by bandit (`B608`) and Ruff (`S608`), without the letter.
    pub bandit: &'static [&'static str],
    /// CodeQL ids without the language.
    pub codeql: &'static [&'static str],
    /// Words in a Semgrep rule id that tell the class.
    pub semgrep: &'static [&'static str],
}

const fn class(
    rules: &'static [&'static str],
    sonar: &'static [&'static str],
    bandit: &'static [&'static str],
    codeql: &'static [&'static str],
    semgrep: &'static [&'static str],
) -> Class {
    Class { rules, sonar, bandit, codeql, semgrep }
}

/// Every class with a foreign name.
#[rustfmt::skip]
pub const CLASSES: &[Class] = &[
    class(&["sql-injection"], &["S3649", "S2077"], &["608", "610", "611"], &["sql-injection", "concatenated-sql-query"], &["sqli", "sql-injection", "formatted-sql", "sqlalchemy-execute-raw-query", "tainted-sql", "avoid-raw-sql", "raw-query"]),
    class(&["command-injection"], &["S2076", "S5883", "S6350", "S4721"], &["602", "603", "604", "605", "606", "607", "609"], &["command-line-injection", "concatenated-command-line", "relative-path-command"], &["subprocess-shell-true", "dangerous-subprocess", "dangerous-os-exec", "dangerous-system-call", "dangerous-spawn", "command-injection", "formatted-runtime-call", "tainted-cmd"]),
    class(&["path-traversal", "partial-path-check"], &["S2083", "S6549"], &[], &["path-injection", "partial-path-traversal", "partial-path-traversal-from-remote"], &["path-traversal"]),
    class(&["zip-slip", "tar-slip"], &["S6096", "S5042"], &["202"], &["zipslip", "tarslip"], &["zip-slip", "zipslip", "tarfile-extractall"]),
    class(&["xxe"], &["S2755"], &["313", "314", "315", "316", "317", "318", "319", "320", "405", "406", "407", "408", "409", "410"], &["xxe", "xml-bomb"], &["xxe", "use-defused-xml", "xmlinputfactory", "documentbuilderfactory", "saxparserfactory", "transformerfactory"]),
    class(&["xss"], &["S5131", "S5247", "S5696"], &["701", "702", "703", "704", "308"], &["xss", "reflective-xss", "jinja2/autoescape-false"], &["xss", "avoid-mark-safe", "no-direct-response-writer", "explicit-unescape", "autoescape"]),
    class(&["ssrf"], &["S5144", "S7044"], &["310"], &["ssrf", "full-ssrf", "partial-ssrf"], &["ssrf"]),
    class(&["open-redirect"], &["S5146"], &[], &["unvalidated-url-redirection", "url-redirection"], &["open-redirect", "unvalidated-redirect"]),
    class(&["log-injection"], &["S5145"], &[], &["log-injection"], &["log-injection", "crlf-injection-logs"]),
    class(&["header-injection"], &["S5167"], &[], &["http-response-splitting"], &["http-response-splitting", "header-injection"]),
    class(&["ldap-injection"], &["S2078"], &[], &["ldap-injection"], &["ldap-injection"]),
    class(&["xpath-injection"], &["S2091"], &[], &["xml/xpath-injection", "xpath-injection"], &["xpath-injection"]),
    class(&["nosql-injection"], &["S5147"], &[], &["nosql-injection"], &["nosql-injection", "mongo-injection"]),
    class(&["code-injection"], &["S5334", "S1523"], &["102", "307"], &["spel-expression-injection", "jexl-expression-injection", "code-injection", "unsafe-eval", "groovy-injection", "mvel-expression-injection", "ognl-injection"], &["eval-detected", "exec-detected", "code-injection", "spel-injection", "el-injection", "script-engine-injection"]),
    class(&["template-injection"], &["S5496"], &["701"], &["template-injection", "server-side-template-injection"], &["render-template-string", "template-injection", "ssti"]),
    class(&["regex-injection"], &["S2631", "S5852"], &[], &["regex-injection", "redos", "polynomial-redos"], &["regex-injection", "redos", "regex-dos"]),
    class(&["jndi-injection"], &[], &[], &["jndi-injection"], &["jndi-injection"]),
    class(&["unsafe-reflection"], &["S2658", "S6173"], &[], &["unsafe-reflection"], &["unsafe-reflection", "non-literal-import"]),
    class(&["insecure-deserialization"], &["S5135"], &["301", "302", "403", "506", "614"], &["unsafe-deserialization"], &["deserialization", "avoid-pyyaml-load", "avoid-pickle", "avoid-unsafe-ruamel", "object-input-stream"]),
    class(&["weak-hash"], &["S4790"], &["303", "324"], &["weak-sensitive-data-hashing", "weak-cryptographic-algorithm"], &["use-of-md5", "use-of-sha1", "insecure-hash", "insecure-hashlib", "md5-used"]),
    class(&["weak-cipher"], &["S5542", "S5547"], &["304", "305"], &["weak-cryptographic-algorithm", "potentially-weak-cryptographic-algorithm", "broken-crypto-algorithm"], &["des-is-deprecated", "desede-is-deprecated", "use-of-rc4", "use-of-rc2", "use-of-blowfish", "ecb-cipher", "insecure-cipher", "no-null-cipher", "use-of-aes-ecb"]),
    class(&["static-iv"], &["S3329"], &[], &["static-initialization-vector"], &["no-static-initialization-vector", "static-iv"]),
    class(&["insecure-randomness"], &["S2245", "S4347"], &["311"], &["insecure-randomness", "predictable-seed"], &["weak-random", "insecure-random"]),
    class(&["weak-key"], &["S4426"], &["505"], &["insufficient-key-size", "weak-crypto-key"], &["insufficient-rsa-key-size", "insufficient-dsa-key-size", "insufficient-ec-key-size", "use-of-weak-rsa-key", "weak-key"]),
    class(&["hardcoded-secret"], &["S2068", "S6418"], &["105", "106", "107"], &["hardcoded-credentials", "hardcoded-credential-api-call", "hardcoded-password-field"], &["secrets", "hardcoded-password", "hardcoded-token", "hardcoded-secret", "hardcoded-jwt"]),
    class(&["tls-verification"], &["S4830", "S5527"], &["501", "323", "507"], &["insecure-trustmanager", "unsafe-hostname-verification", "request-without-cert-validation", "paramiko-missing-host-key-validation"], &["disabled-cert-validation", "insecure-trust-manager", "insecure-hostname-verifier", "unverified-ssl-context"]),
    class(&["tls-version"], &["S4423"], &["502", "503", "504"], &["insecure-protocol", "insecure-default-protocol"], &["weak-ssl", "weak-ssl-context", "ssl-wrap-socket"]),
    class(&["jwt-verification"], &["S5659"], &[], &["missing-jwt-signature-check", "jwt-missing-verification"], &["unverified-jwt-decode", "jwt-none-alg", "java-jwt-decode-without-verify"]),
    class(&["timing-unsafe-comparison"], &[], &[], &["timing-attack-against-headers-value", "timing-attack-against-signature", "timing-attack-against-hash", "timing-attack-against-header-value", "timing-attack-sensitive-info", "possible-timing-attack-against-hash"], &["timing-attack", "timing-unsafe"]),
    class(&["insecure-cookie"], &["S2092", "S3330"], &[], &["insecure-cookie", "client-exposed-cookie", "sensitive-cookie-not-httponly"], &["cookie-missing", "cookie-issecure", "cookie-ishttponly", "secure-set-cookie", "set-cookie"]),
    class(&["session-fixation"], &["S5876"], &[], &["session-fixation"], &["session-fixation"]),
    class(&["csrf-disabled"], &["S4502", "S3752"], &[], &["spring-disabled-csrf-protection", "csrf-protection-disabled"], &["csrf-disabled", "csrf-exempt", "no-csrf-exempt"]),
    class(&["trust-boundary"], &["S3318"], &[], &["trust-boundary-violation"], &["tainted-session", "trust-boundary"]),
    class(&["info-exposure"], &["S1989"], &[], &["stack-trace-exposure"], &["stack-trace", "active-debug-code-printstacktrace"]),
    class(&["debug-enabled"], &["S4507"], &["201"], &["flask-debug"], &["debug-enabled", "app-run-param-config", "avoid_app_run_with_bad_host"]),
    class(&["insecure-temp-file"], &["S5443", "S5445"], &["108", "306"], &["local-temp-file-or-directory-information-disclosure", "insecure-temporary-file"], &["mktemp", "tempfile-insecure", "hardcoded-tmp-path", "insecure-temp"]),
    class(&["file-permissions"], &["S2612"], &["103"], &["overly-permissive-file", "world-writable-file-read"], &["insecure-file-permissions", "incorrect-default-permission", "overly-permissive-file"]),
    class(&["cleartext-transport"], &["S5332"], &["312", "321", "402"], &["non-ssl-connection", "non-https-url"], &["unencrypted-socket", "request-with-http", "insecure-transport", "ftplib"]),
    class(&["missing-timeout"], &[], &["113"], &[], &["use-timeout"]),
    class(&["resource-leak"], &["S2095"], &[], &["input-resource-leak", "output-resource-leak", "database-resource-leak", "file-not-closed"], &["open-never-closed"]),
];

/// Rules of a Sonar key: `S2077`, `java:S2077`, `python:S2077`, `squid:S2077`.
pub fn sonar(id: &str) -> Vec<&'static str> {
    let key = id.trim().rsplit(':').next().unwrap_or("");
    collect(|c| c.sonar.contains(&key))
}

/// Rules of a bandit id, `B608`.
pub fn bandit(id: &str) -> Vec<&'static str> {
    id.trim().strip_prefix(['B', 'b']).map(|n| collect(|c| c.bandit.contains(&n))).unwrap_or_default()
}

/// Rules of a Ruff or flake8-bandit id, `S608`.
pub fn ruff(id: &str) -> Vec<&'static str> {
    id.trim().strip_prefix(['S', 's']).map(|n| collect(|c| c.bandit.contains(&n))).unwrap_or_default()
}

/// Rules of a CodeQL id, `java/sql-injection`.
pub fn codeql(id: &str) -> Vec<&'static str> {
    let Some((lang, rest)) = id.trim().split_once('/') else { return Vec::new() };
    if !matches!(lang, "java" | "py" | "python") {
        return Vec::new();
    }
    collect(|c| c.codeql.contains(&rest))
}

/// Rules of a Semgrep id; the words of the whole dotted id decide.
pub fn semgrep(id: &str) -> Vec<&'static str> {
    let id = id.trim().to_ascii_lowercase();
    collect(|c| c.semgrep.iter().any(|w| id.contains(w)))
}

/// True for a Surefix rule id that some foreign id stands for.
pub fn is_rule(id: &str) -> bool {
    CLASSES.iter().any(|c| c.rules.contains(&id))
}

fn collect(matches: impl Fn(&Class) -> bool) -> Vec<&'static str> {
    let mut out: Vec<&str> = CLASSES.iter().filter(|c| matches(c)).flat_map(|c| c.rules.iter().copied()).collect();
    out.sort_unstable();
    out.dedup();
    out
}
