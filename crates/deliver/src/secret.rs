//! Secrets: tokens of forges, and the words that must never be shown.

use std::fmt;

/// A token. It has no `Display`, and its `Debug` form does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A secret; an empty or blank value is none. White space around it, as a file leaves it, does not belong to it.
    pub fn new(value: &str) -> Option<Secret> {
        let value = value.trim();
        (!value.is_empty()).then(|| Secret(value.to_string()))
    }
    /// The value itself, for a header or the environment of a child; never for a message.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// Takes secrets out of texts that come from outside: the words of git, of a forge, of a proxy.
#[derive(Clone, Debug, Default)]
pub struct Scrubber {
    words: Vec<Secret>,
}

impl Scrubber {
    /// Hides these values and their usual encodings.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Scrubber {
        let mut words: Vec<Secret> = Vec::new();
        for s in secrets {
            // What is shorter would hide half the text, and is no token.
            if s.expose().len() < 6 {
                continue;
            }
            words.push(s.clone());
            for user in ["", "x-access-token", "oauth2", "x-token-auth", "surefix"] {
                words.extend(Secret::new(&base64(format!("{user}:{}", s.expose()).as_bytes())));
            }
        }
        words.sort_by_key(|w| std::cmp::Reverse(w.expose().len()));
        Scrubber { words }
    }

    /// The text without secrets, and without the credentials of any address in it.
    pub fn clean(&self, text: &str) -> String {
        let mut out = text.to_string();
        for w in &self.words {
            out = out.replace(w.expose(), "***");
        }
        without_credentials(&out)
    }
}

/// Takes `user:password@` out of every address of a text.
pub fn without_credentials(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end = after.find(|c: char| c == '/' || c.is_whitespace() || c == '\'' || c == '"').unwrap_or(after.len());
        match after[..end].rfind('@') {
            Some(i) => {
                out.push_str("***@");
                rest = &after[i + 1..];
            }
            None => rest = after,
        }
    }
    out.push_str(rest);
    out
}

/// Base64 with padding (RFC 4648).
pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let n = three.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - three.len()));
        for i in 0..4 {
            let digit = if i <= three.len() { DIGITS[(n >> (18 - 6 * i) & 63) as usize] } else { b'=' };
            out.push(digit as char);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_as_the_standard_has_it() {
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn secrets_are_taken_out() {
        let s = Secret::new(" s3cr3t-t0ken\n").unwrap();
        let scrub = Scrubber::new([&s]);
        let coded = base64(b"x-access-token:s3cr3t-t0ken");
        let text = format!("fatal: https://u:p@ss@host/x.git s3cr3t-t0ken {coded} ssh://git@h:22/x a@b");
        assert_eq!(scrub.clean(&text), "fatal: https://***@host/x.git *** *** ssh://***@h:22/x a@b");
        assert_eq!(format!("{s:?}"), "Secret(***)");
        assert!(Secret::new("  ").is_none());
    }
}
