//! Fingerprints, version 1: what identifies a finding across runs, moved lines, reformatting and unrelated edits.
//!
//! Hashed are: rule; the enclosing function's qualified name (outside functions: the file's path); the sink's resolved name
//! and argument; the source's kind; the tokens of the sink's statement without comments and white space; the ordinal among
//! findings equal in all that, in file order. In Python the qualified name is taken without the module's name, which comes
//! from the path, so that moving a file changes nothing.

use std::collections::HashMap;
use surefix_ir::{Function, Lang, Module};
use surefix_rules::Found;
use surefix_text::Span;

/// Fingerprints of findings that are sorted by file and place. `path` and `text` answer for a finding's file.
pub fn fingerprints<'a>(
    found: &[Found],
    module: impl Fn(&Found) -> Option<&'a Module>,
    path: impl Fn(&Found) -> &'a str,
    text: impl Fn(&Found) -> &'a str,
) -> Vec<String> {
    let mut seen: HashMap<[u8; 32], u32> = HashMap::new();
    found
        .iter()
        .map(|f| {
            let module = module(f);
            let function = module.and_then(|m| enclosing(m, f.span));
            let home = match (module, function) {
                (Some(m), Some(func)) => qualified(m, func),
                _ => path(f).to_string(),
            };
            let text = text(f);
            let stmt = statement(f, function);
            let lang = module.map_or(Lang::Java, |m| m.lang);
            let mut h = blake3::Hasher::new();
            h.update(b"surefix-fingerprint-1");
            for part in [f.rule, &home, &f.sink, &f.subject, &f.source] {
                field(&mut h, part);
            }
            for token in tokens(stmt.of(text), lang) {
                field(&mut h, token);
            }
            let base = *h.finalize().as_bytes();
            let ordinal = seen.entry(base).or_insert(0);
            let mut h = blake3::Hasher::new();
            h.update(&base);
            h.update(&ordinal.to_le_bytes());
            *ordinal += 1;
            h.finalize().to_hex().chars().take(32).collect()
        })
        .collect()
}

fn field(h: &mut blake3::Hasher, text: &str) {
    h.update(&(text.len() as u64).to_le_bytes());
    h.update(text.as_bytes());
}

/// The innermost named function around a place; module bodies do not count.
pub fn enclosing(module: &Module, span: Span) -> Option<&Function> {
    module
        .functions
        .iter()
        .enumerate()
        .filter(|(i, f)| module.init.is_none_or(|init| init.0 as usize != *i) && f.span.contains(span))
        .min_by_key(|(i, f)| (f.span.len(), std::cmp::Reverse(*i)))
        .map(|(_, f)| f)
}

fn qualified(module: &Module, function: &Function) -> String {
    let full = module.strings.get(function.qualified);
    if module.lang != Lang::Python {
        return full.to_string();
    }
    let name = module.strings.get(module.name);
    full.strip_prefix(name).map_or(full, |rest| rest.trim_start_matches('.')).to_string()
}

/// The statement of the sink: as the call tells, or the innermost one of the function around the place.
pub fn statement(f: &Found, function: Option<&Function>) -> Span {
    if let Some(call) = f.call()
        && call.file == f.file.0
        && call.stmt.contains(f.span)
        && !call.stmt.is_empty()
    {
        return call.stmt;
    }
    function
        .into_iter()
        .flat_map(|func| func.stmts.iter().copied())
        .filter(|s| s.contains(f.span))
        .min_by_key(|s| s.len())
        .unwrap_or(f.span)
}

/// Tokens of a piece of code without comments and white space. String literals are one token each.
pub fn tokens(code: &str, lang: Lang) -> Vec<&str> {
    let bytes = code.as_bytes();
    let mut out = Vec::new();
    let mut i = 0;
    while i < bytes.len() {
        let rest = &bytes[i..];
        let start = i;
        if rest[0].is_ascii_whitespace() || (lang == Lang::Python && rest.starts_with(b"\\\n")) {
            i += 1;
            continue;
        }
        let line_comment = if lang == Lang::Python { rest[0] == b'#' } else { rest.starts_with(b"//") };
        if line_comment {
            i += rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
            continue;
        }
        if lang == Lang::Java && rest.starts_with(b"/*") {
            i += code.get(i + 2..).and_then(|r| r.find("*/")).map_or(rest.len(), |n| n + 4);
            continue;
        }
        if rest[0] == b'"' || rest[0] == b'\'' {
            let triple = [rest[0]; 3];
            let end: &[u8] = if rest.starts_with(&triple) && (lang == Lang::Python || rest[0] == b'"') {
                &triple
            } else {
                &triple[..1]
            };
            i += end.len();
            while i < bytes.len() && !bytes[i..].starts_with(end) {
                i += if bytes[i] == b'\\' { 2 } else { 1 };
            }
            i = (i + end.len()).min(bytes.len());
        } else if rest[0].is_ascii_alphanumeric() || rest[0] == b'_' || rest[0] >= 0x80 {
            while i < bytes.len() && (bytes[i].is_ascii_alphanumeric() || bytes[i] == b'_' || bytes[i] >= 0x80) {
                i += 1;
            }
        } else {
            i += 1;
        }
        while !code.is_char_boundary(i) {
            i += 1;
        }
        out.push(&code[start..i]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_and_comments_do_not_count() {
        let a = tokens("st.execute( \"a  b\" + x ); // why", Lang::Java);
        assert_eq!(a, tokens("st\n  .execute(\"a  b\"\n/* c */+x);", Lang::Java));
        assert_ne!(a, tokens("st.execute(\"a b\" + x);", Lang::Java));
        assert_eq!(tokens("f('''a\n# b''', é) # c", Lang::Python), ["f", "(", "'''a\n# b'''", ",", "é", ")"]);
        assert_eq!(tokens("\"open\\", Lang::Java), ["\"open\\"]);
    }
}
