//! What is a secret and what only looks like one.

use super::META;
use crate::{DetectCx, Found, flows};
use surefix_ir::{Const, Op};
use surefix_text::FileId;

/// Words that only stand where a secret goes.
const PLACEHOLDERS: &[&str] = &[
    "changeme",
    "change_me",
    "change-me",
    "changeit",
    "placeholder",
    "example",
    "sample",
    "dummy",
    "todo",
    "fixme",
    "your",
    "insert",
    "replace",
    "xxxx",
    "test",
    "foobar",
    "foo",
    "none",
    "null",
    "undefined",
    "default",
    "redacted",
    "secret",
    "password",
    "passwd",
    "admin",
    "root",
    "guest",
    "user",
    "postgres",
    "mysql",
    "dev",
    "local",
    "12345678",
    "123456",
    "key",
    "token",
    "unused",
    "fake",
    "mock",
];

/// True for text that is worth stealing: not empty, no placeholder, no reference to where the secret is, no word of a human language.
pub(super) fn is_real(text: &str) -> bool {
    let lower = text.trim().to_ascii_lowercase();
    let reference = ["${", "#{", "{{", "<", "%(", "$(", "env:", "vault:", "file:", "classpath:", "ENC("];
    if lower.len() < 8 || reference.iter().any(|r| text.contains(r)) || lower.starts_with('$') {
        return false;
    }
    if PLACEHOLDERS.contains(&lower.as_str()) {
        return false;
    }
    // "your-secret-key", "change-me-in-production": several words that are placeholders.
    let mut words = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty());
    if words.any(|w| {
        matches!(
            w,
            "your"
                | "changeme"
                | "change"
                | "example"
                | "placeholder"
                | "dummy"
                | "test"
                | "insert"
                | "replace"
                | "todo"
                | "xxx"
        )
    }) {
        return false;
    }
    let distinct = {
        let mut chars: Vec<char> = lower.chars().collect();
        chars.sort_unstable();
        chars.dedup();
        chars.len()
    };
    distinct >= 5
}

/// Prefixes of tokens that a service gives out: prefix, length of what follows at least.
const TOKENS: &[(&str, usize)] = &[
    ("AKIA", 16),
    ("ASIA", 16),
    ("ghp_", 36),
    ("gho_", 36),
    ("ghs_", 36),
    ("github_pat_", 60),
    ("glpat-", 20),
    ("xoxb-", 24),
    ("xoxp-", 24),
    ("sk_live_", 20),
    ("rk_live_", 20),
    ("SG.", 50),
    ("AIza", 35),
    ("npm_", 36),
    ("pypi-AgEI", 50),
    ("dop_v1_", 60),
];

/// Literals that are tokens by their form, and private keys.
pub(super) fn tokens(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    for (i, module) in cx.program.modules.iter().enumerate() {
        let any = module.functions.iter().flat_map(|f| &f.instrs);
        for instr in any {
            let Op::Const(Const::Str(s) | Const::Bytes(s)) = &instr.op else { continue };
            let Some(what) = token(module.strings.get(*s)) else { continue };
            let file = FileId(u32::try_from(i).unwrap_or(u32::MAX));
            out.push(flows::from_place(&META, file, instr.span, "secret", what, super::message(what), ""));
        }
    }
}

/// What kind of token a text is.
fn token(text: &str) -> Option<&'static str> {
    let t = text.trim();
    if t.starts_with("-----BEGIN ") && t.contains("PRIVATE KEY-----") && t.len() > 200 {
        return Some("a private key");
    }
    let shape = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let hit = TOKENS.iter().find(|(p, n)| {
        t.strip_prefix(p).is_some_and(|rest| {
            rest.len() >= *n
                && rest.len() < 200
                && rest.chars().all(shape)
                && !t.to_ascii_lowercase().contains("example")
        })
    });
    let exact = |p: &str| {
        !matches!(p, "AKIA" | "ASIA")
            || (t.len() == 20 && t.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit()))
    };
    let repeated = {
        let tail: Vec<char> = t.chars().rev().take(12).collect();
        tail.windows(2).all(|w| w[0] == w[1])
    };
    hit.filter(|(p, _)| exact(p) && !repeated).map(|_| "an access token")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_no_secrets() {
        for t in [
            "",
            "changeme",
            "your-secret-key",
            "${DB_PASSWORD}",
            "<password>",
            "aaaaaaaaaa",
            "test",
            "password",
            "short",
        ] {
            assert!(!is_real(t), "{t}");
        }
        assert!(is_real("kX9!pq27Lm"));
        assert!(is_real("django-insecure-8f3k2!a9s"));
    }

    #[test]
    fn tokens_by_form() {
        assert_eq!(token(&format!("AKIA{}", "J7Q2XK4WNPL5RT6Y")), Some("an access token"));
        assert_eq!(token("AKIAIOSFODNN7EXAMPLE"), None);
        assert_eq!(token(&format!("ghp_{}", "x".repeat(36))), None);
        assert_eq!(token("AIzaNot"), None);
    }
}
