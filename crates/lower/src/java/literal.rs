//! Decoding of literals. All functions are total: a malformed literal gives the nearest sensible value.

/// Value of an integer literal of any base; without `L` it wraps to 32 bits as the language does.
pub(super) fn integer(text: &str) -> i64 {
    let long = text.ends_with(['l', 'L']);
    let digits: String = text.trim_end_matches(['l', 'L']).chars().filter(|c| *c != '_').collect();
    let lower = digits.to_ascii_lowercase();
    let (radix, body) = if let Some(h) = lower.strip_prefix("0x") {
        (16, h)
    } else if let Some(b) = lower.strip_prefix("0b") {
        (2, b)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, lower.strip_prefix("0o").unwrap_or(&lower[1..]))
    } else {
        (10, lower.as_str())
    };
    let value = u64::from_str_radix(body, radix).unwrap_or(u64::MAX);
    // A decimal literal out of range is the operand of a unary minus, or an error; only other bases wrap.
    if !long && radix != 10 { i64::from(value as u32 as i32) } else { value as i64 }
}

/// Bits of a floating-point literal.
pub(super) fn float(text: &str) -> u64 {
    let clean: String = text.chars().filter(|c| *c != '_').collect::<String>().to_ascii_lowercase();
    if let Some(hex) = clean.strip_prefix("0x") {
        let hex = hex.trim_end_matches(['f', 'd']);
        let (mantissa, exponent) = hex.split_once('p').unwrap_or((hex, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let mut value = 0f64;
        for d in whole.chars() {
            value = value * 16.0 + f64::from(d.to_digit(16).unwrap_or(0));
        }
        let mut scale = 1.0 / 16.0;
        for d in fraction.chars() {
            value += f64::from(d.to_digit(16).unwrap_or(0)) * scale;
            scale /= 16.0;
        }
        let exponent: i32 = exponent.parse().unwrap_or(0);
        return (value * 2f64.powi(exponent)).to_bits();
    }
    let body = clean.trim_end_matches(['f', 'd']);
    let value = if clean.ends_with('f') {
        f64::from(body.parse::<f32>().unwrap_or(0.0))
    } else {
        body.parse::<f64>().unwrap_or(0.0)
    };
    value.to_bits()
}

/// Code point of a character literal, quotes included.
pub(super) fn character(text: &str) -> u32 {
    let inner = text.strip_prefix('\'').and_then(|t| t.strip_suffix('\'')).unwrap_or(text);
    unescape(inner).chars().next().map_or(0, u32::from)
}

/// Text of a string literal or text block, delimiters included.
pub(super) fn string(text: &str) -> String {
    if text.len() >= 6 && text.starts_with("\"\"\"") {
        let inner = text.strip_prefix("\"\"\"").and_then(|t| t.strip_suffix("\"\"\"")).unwrap_or("");
        return text_block(inner);
    }
    let inner = text.strip_prefix('"').unwrap_or(text);
    unescape(inner.strip_suffix('"').unwrap_or(inner))
}

/// Strips incidental white space as the language specification's section 3.10.6 says, then reads the escapes.
fn text_block(inner: &str) -> String {
    let body = inner.replace("\r\n", "\n").replace('\r', "\n");
    let body = body.split_once('\n').map_or(body.as_str(), |(_, rest)| rest);
    let lines: Vec<&str> = body.split('\n').collect();
    let last = lines.len() - 1;
    let indent_of = |l: &str| l.chars().take_while(|c| c.is_whitespace()).map(char::len_utf8).sum::<usize>();
    let indent = lines
        .iter()
        .enumerate()
        .filter(|(i, l)| *i == last || !l.trim().is_empty())
        .map(|(_, l)| indent_of(l))
        .min()
        .unwrap_or(0);
    let mut out = String::with_capacity(body.len());
    for (i, l) in lines.iter().enumerate() {
        if i > 0 {
            out.push('\n');
        }
        out.push_str(l.get(indent..).unwrap_or("").trim_end());
    }
    unescape(&out)
}

/// Reads escapes; Unicode escapes may stand for surrogate pairs.
pub(super) fn unescape(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut buffer = [0u16; 2];
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            units.extend_from_slice(c.encode_utf16(&mut buffer));
            continue;
        }
        let Some(e) = chars.next() else {
            units.push(u16::from(b'\\'));
            break;
        };
        let simple = match e {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'b' => '\u{8}',
            'f' => '\u{c}',
            's' => ' ',
            '\n' => continue,
            'u' => {
                while chars.peek() == Some(&'u') {
                    chars.next();
                }
                let mut value = 0u32;
                for _ in 0..4 {
                    match chars.peek().and_then(|d| d.to_digit(16)) {
                        Some(d) => {
                            value = value * 16 + d;
                            chars.next();
                        }
                        None => break,
                    }
                }
                units.push(value as u16);
                continue;
            }
            '0'..='7' => {
                let mut value = e.to_digit(8).unwrap_or(0);
                let most = if e <= '3' { 2 } else { 1 };
                for _ in 0..most {
                    match chars.peek().and_then(|d| d.to_digit(8)) {
                        Some(d) => {
                            value = value * 8 + d;
                            chars.next();
                        }
                        None => break,
                    }
                }
                units.push(value as u16);
                continue;
            }
            other => other,
        };
        units.extend_from_slice(simple.encode_utf16(&mut buffer));
    }
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers() {
        for (text, value) in [
            ("0", 0),
            ("1_000", 1000),
            ("0x7F", 127),
            ("0xFFFFFFFF", -1),
            ("0xFFFFFFFFL", 0xFFFF_FFFF),
            ("0777", 511),
            ("0b1010", 10),
            ("42L", 42),
            ("9223372036854775808L", i64::MIN),
            ("2147483648", 2_147_483_648),
        ] {
            assert_eq!(integer(text), value, "{text}");
        }
    }

    #[test]
    fn floats() {
        for (text, value) in [("1.5", 1.5), ("1e3", 1000.0), (".5f", 0.5), ("1d", 1.0), ("0x1.8p1", 3.0)] {
            assert_eq!(float(text), f64::to_bits(value), "{text}");
        }
    }

    #[test]
    fn text() {
        assert_eq!(character("'\\''"), 39);
        assert_eq!(character("'\\uuu0041'"), 65);
        assert_eq!(character("'é'"), 0xe9);
        assert_eq!(string(r#""a\tb\\\"c\101\u00e9\uD83D\uDE00""#), "a\tb\\\"cAé😀");
        assert_eq!(string(r#""\400""#), " 0");
        assert_eq!(string(r#""\uD83D""#), "\u{FFFD}");
        assert_eq!(string("\"\"\"\n    select *\n      from t  \n    \"\"\""), "select *\n  from t\n");
        assert_eq!(string("\"\"\"\r\n  a\\\r\n  b\\s\"\"\""), "ab ");
        assert_eq!(string("\"\"\"\n  a\n\n  b\"\"\""), "a\n\nb");
    }
}
