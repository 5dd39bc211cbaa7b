//! Format strings: the fields of `%`, `str.format` and `java.util.Formatter`, with their places in the decoded text.

use std::ops::Range;

/// One field of a format string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Bytes of the decoded text.
    pub range: Range<usize>,
    /// Name, index or empty (`%(name)s` → `name`, `{0.x}` → `0.x`, `%2$s` → `2`).
    pub name: String,
    /// Conversion: `s`, `d`, … for `%` and Java; `r`, `s`, `a` or empty for `str.format`.
    pub conversion: String,
    /// Flags, width and precision (`%`, Java), or the format spec (`str.format`).
    pub spec: String,
}

impl Field {
    /// True when the field is the plain text of its argument: `%s`, `{}`, without width, flags or another conversion.
    pub fn is_plain(&self) -> bool {
        self.spec.is_empty() && matches!(self.conversion.as_str(), "" | "s")
    }
}

/// Fields of a Python `%` format. `%%` is left out; `None` when the format is wrong.
pub fn percent_fields(decoded: &str) -> Option<Vec<Field>> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(i) = decoded.get(at..)?.find('%') {
        let lo = at + i;
        let mut rest = decoded.get(lo + 1..)?;
        if rest.starts_with('%') {
            at = lo + 2;
            continue;
        }
        let mut name = "";
        if let Some(key) = rest.strip_prefix('(') {
            name = key.split_once(')')?.0;
            rest = key.get(name.len() + 1..)?;
        }
        let spec = rest.bytes().take_while(|b| b"#0- +*.123456789hlL".contains(b)).count();
        let conversion = rest.get(spec..)?.chars().next()?;
        if !"diouxXeEfFgGcrsa%".contains(conversion) {
            return None;
        }
        let hi = decoded.len() - rest.len() + spec + 1;
        out.push(Field {
            range: lo..hi,
            name: name.to_owned(),
            conversion: conversion.to_string(),
            spec: rest.get(..spec)?.to_owned(),
        });
        at = hi;
    }
    Some(out)
}

/// Fields of a Python `str.format` string. `{{` and `}}` are left out; `None` when the format is wrong.
pub fn brace_fields(decoded: &str) -> Option<Vec<Field>> {
    let bytes = decoded.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(b) = bytes.get(at) {
        if !matches!(b, b'{' | b'}') {
            at += 1;
            continue;
        }
        if bytes.get(at + 1) == Some(b) {
            at += 2;
            continue;
        }
        if *b == b'}' {
            return None;
        }
        let mut depth = 0usize;
        let mut end = at;
        loop {
            match bytes.get(end)? {
                b'{' => depth += 1,
                b'}' => depth -= 1,
                _ => {}
            }
            end += 1;
            if depth == 0 {
                break;
            }
        }
        let inner = decoded.get(at + 1..end - 1)?;
        // A `:` or `!` inside `[…]` belongs to the name.
        let mut bracket = false;
        let cut = inner.find(|c| {
            bracket = (bracket || c == '[') && c != ']';
            !bracket && matches!(c, ':' | '!')
        });
        let (name, tail) = inner.split_at(cut.unwrap_or(inner.len()));
        let (conversion, spec) = match tail.strip_prefix('!') {
            Some(t) => t.split_once(':').unwrap_or((t, "")),
            None => ("", tail.strip_prefix(':').unwrap_or("")),
        };
        out.push(Field {
            range: at..end,
            name: name.to_owned(),
            conversion: conversion.to_owned(),
            spec: spec.to_owned(),
        });
        at = end;
    }
    Some(out)
}

/// Fields of a `java.util.Formatter` string that take an argument. `%%` and `%n` are left out; `None` when the format is wrong.
pub fn java_fields(decoded: &str) -> Option<Vec<Field>> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(i) = decoded.get(at..)?.find('%') {
        let lo = at + i;
        let rest = decoded.get(lo + 1..)?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let indexed = digits > 0 && rest.get(digits..)?.starts_with('$');
        let name = if indexed { rest.get(..digits)? } else { "" };
        let body = rest.get(if indexed { digits + 1 } else { 0 }..)?;
        let spec = body.bytes().take_while(|b| b"-#+ 0,(<.123456789".contains(b)).count();
        let conversion = body.get(spec..)?.chars().next()?;
        let date = matches!(conversion, 't' | 'T');
        let width = if date { body.get(spec + 1..)?.chars().next().map_or(1, |c| 1 + c.len_utf8()) } else { 1 };
        if !"bBhHsScCdoxXeEfgGaAtT%n".contains(conversion) {
            return None;
        }
        let hi = decoded.len() - body.len() + spec + width;
        if !matches!(conversion, '%' | 'n') {
            out.push(Field {
                range: lo..hi,
                name: name.to_owned(),
                conversion: body.get(spec..spec + width)?.to_owned(),
                spec: body.get(..spec)?.to_owned(),
            });
        }
        at = hi;
    }
    Some(out)
}
