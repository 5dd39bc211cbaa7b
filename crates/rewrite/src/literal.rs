//! String literal tokens: from their value back to their bytes, and new text in a token's own spelling.

use crate::layout::to_u32;
use std::ops::Range;
use surefix_ir::Lang;
use surefix_text::{Edit, FileId, Span};

/// How a token spells its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    lang: Lang,
    /// Bytes of prefix and opening quote.
    open: usize,
    /// Bytes of the closing quote.
    close: usize,
    quote: char,
    triple: bool,
    raw: bool,
    bytes: bool,
    formatted: bool,
}

/// One piece of the value and the bytes that spell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Unit {
    dec: (usize, usize),
    src: (usize, usize),
}

/// A replacement field of an f-string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hole {
    /// Offset in the decoded text at which the field stands.
    pub at: usize,
    /// Bytes of the field in the token, braces included.
    pub source: Range<usize>,
}

/// A string literal token, decoded, with the way back. Offsets into `decoded` are bytes; fields of an f-string have no
/// width there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiteralMap {
    shape: Shape,
    token: String,
    decoded: String,
    units: Vec<Unit>,
    holes: Vec<Hole>,
}

impl LiteralMap {
    /// Reads one token (`"a\n"`, `rb'…'`, `f"…{x}…"`, `"""…"""`); `None` when it is not a complete string literal of the language.
    pub fn new(lang: Lang, token: &str) -> Option<LiteralMap> {
        let shape = shape_of(lang, token)?;
        let mut map =
            LiteralMap { shape, token: token.to_owned(), decoded: String::new(), units: Vec::new(), holes: Vec::new() };
        match (lang, shape.triple) {
            (Lang::Java, true) => map.text_block()?,
            (Lang::Java, false) => map.java(shape.open, token.len() - shape.close)?,
            (Lang::Python, _) => map.python()?,
        }
        Some(map)
    }

    /// The value.
    pub fn decoded(&self) -> &str {
        &self.decoded
    }

    /// Replacement fields, in order.
    pub fn holes(&self) -> &[Hole] {
        &self.holes
    }

    /// True for `r'…'` and the like.
    pub fn is_raw(&self) -> bool {
        self.shape.raw
    }

    /// True for `b'…'`.
    pub fn is_bytes(&self) -> bool {
        self.shape.bytes
    }

    /// True for f-strings.
    pub fn is_formatted(&self) -> bool {
        self.shape.formatted
    }

    /// True for triple-quoted strings and text blocks.
    pub fn is_triple(&self) -> bool {
        self.shape.triple
    }

    /// The quote character.
    pub fn quote(&self) -> char {
        self.shape.quote
    }

    /// The bytes of the token between the quotes.
    pub fn body(&self) -> Range<usize> {
        self.shape.open..self.token.len().saturating_sub(self.shape.close)
    }

    /// The bytes of the token that spell `decoded[range]`. At a field's place, a range starts behind the field and ends in front of
    /// it, so that fields at its edges stay; fields strictly inside are covered. An empty range is a point behind a
    /// field that stands there. `None` when the range cuts an escape apart or is out of range.
    pub fn source(&self, range: Range<usize>) -> Option<Range<usize>> {
        if range.start > range.end || range.end > self.decoded.len() {
            return None;
        }
        let body = self.body();
        if range.is_empty() {
            let before = self.units.iter().rev().find(|u| u.dec.1 <= range.start).map_or(body.start, |u| u.src.1);
            let split = self.units.iter().any(|u| u.dec.0 < range.start && range.start < u.dec.1);
            let hole = self.holes.iter().rev().find(|h| h.at == range.start).map_or(0, |h| h.source.end);
            let start = match self.units.iter().find(|u| u.dec.0 >= range.start) {
                // Incidental blanks of a text block stand between two units: stay behind them.
                Some(u) if hole == 0 && self.shape.triple && self.shape.lang == Lang::Java => u.src.0,
                _ => before.max(hole),
            };
            return (!split).then_some(start..start);
        }
        let first = self.units.iter().find(|u| u.dec.0 == range.start)?;
        let last = self.units.iter().rev().find(|u| u.dec.1 == range.end)?;
        Some(first.src.0..last.src.1)
    }

    /// [`LiteralMap::source`] as a span of the file, for a token that starts at `token_lo`.
    pub fn span(&self, token_lo: u32, range: Range<usize>) -> Option<Span> {
        let s = self.source(range)?;
        Some(Span::new(token_lo + to_u32(s.start), token_lo + to_u32(s.end)))
    }

    /// The offset in the decoded text of a byte of the token; bytes inside an escape give its start, bytes of a field its place.
    pub fn decoded_at(&self, source: usize) -> usize {
        let after = self.units.iter().find(|u| u.src.1 > source);
        after.map_or(self.decoded.len(), |u| u.dec.0)
    }

    /// An edit that replaces `decoded[range]` by `new` inside the token at `token_lo`, escaped for this token.
    pub fn edit(&self, file: FileId, token_lo: u32, range: Range<usize>, new: &str) -> Option<Edit> {
        Some(Edit::replace(file, self.span(token_lo, range)?, self.escape(new)?))
    }

    /// An edit that removes `decoded[range]`.
    pub fn cut(&self, file: FileId, token_lo: u32, range: Range<usize>) -> Option<Edit> {
        self.edit(file, token_lo, range, "")
    }

    /// `new` as it is spelled inside this token; `None` when a raw or byte literal cannot spell it.
    pub fn escape(&self, new: &str) -> Option<String> {
        let s = &self.shape;
        if s.lang == Lang::Java {
            return Some(escape_java(new, s.triple));
        }
        if s.bytes && !new.is_ascii() {
            return None;
        }
        let mut out = String::with_capacity(new.len());
        for c in new.chars() {
            match c {
                '{' | '}' if s.formatted => out.extend([c, c]),
                '\\' | '\r' if s.raw => return None,
                '\n' if s.raw && !s.triple => return None,
                c if c == s.quote && s.raw => return None,
                c if s.raw => out.push(c),
                '\\' => out.push_str("\\\\"),
                '\n' if s.triple => out.push('\n'),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                c if c == s.quote => out.extend(['\\', c]),
                c if c.is_control() && u32::from(c) < 0x100 => out.push_str(&format!("\\x{:02x}", u32::from(c))),
                c => out.push(c),
            }
        }
        Some(out)
    }

    fn push(&mut self, text: &str, src: (usize, usize)) {
        let lo = self.decoded.len();
        self.decoded.push_str(text);
        self.units.push(Unit { dec: (lo, self.decoded.len()), src });
    }

    fn push_char(&mut self, c: char, src: (usize, usize)) {
        self.push(c.encode_utf8(&mut [0; 4]), src);
    }

    /// Java between two offsets, escapes decoded.
    fn java(&mut self, lo: usize, hi: usize) -> Option<()> {
        let token = self.token.clone();
        let mut at = lo;
        while at < hi {
            let rest = token.get(at..hi)?;
            let (c, len) = java_char(rest)?;
            match c {
                Some(c) => self.push_char(c, (at, at + len)),
                None => self.push("", (at, at + len)),
            }
            at += len;
        }
        Some(())
    }

    /// A text block: the common indentation and blanks at line ends are not part of the value.
    fn text_block(&mut self) -> Option<()> {
        let token = self.token.clone();
        let hi = token.len() - self.shape.close;
        let open = token.get(self.shape.open..hi)?;
        let first = self.shape.open + open.find(['\n', '\r'])?;
        let first = first + if token.get(first..)?.starts_with("\r\n") { 2 } else { 1 };
        // Lines with their offsets; the last one has no ending.
        let mut lines: Vec<(usize, usize, usize)> = Vec::new();
        let mut lo = first;
        loop {
            let rest = token.get(lo..hi)?;
            match rest.find(['\n', '\r']) {
                Some(i) => {
                    let next = i + if rest.get(i..)?.starts_with("\r\n") { 2 } else { 1 };
                    lines.push((lo, lo + i, lo + next));
                    lo += next;
                }
                None => {
                    lines.push((lo, hi, hi));
                    break;
                }
            }
        }
        let blank = |c: char| matches!(c, ' ' | '\t' | '\u{c}');
        let last = lines.len() - 1;
        let mut margin = usize::MAX;
        for (i, (lo, end, _)) in lines.iter().enumerate() {
            let line = token.get(*lo..*end)?;
            if i == last || !line.trim_matches(blank).is_empty() {
                margin = margin.min(line.len() - line.trim_start_matches(blank).len());
            }
        }
        for (i, (lo, end, next)) in lines.iter().enumerate() {
            let line = token.get(*lo..*end)?;
            let kept = line.trim_end_matches(blank).len();
            if kept > margin {
                self.java(lo + margin, lo + kept)?;
            }
            if i != last {
                let joined = kept > 0 && odd_backslashes(line.get(..kept)?);
                if joined {
                    // `\` at the line's end joins the lines: undo the lone backslash.
                    let unit = self.units.pop()?;
                    self.decoded.truncate(unit.dec.0);
                    self.push("", (unit.src.0, *next));
                } else {
                    self.push("\n", (*end, *next));
                }
            }
        }
        Some(())
    }

    fn python(&mut self) -> Option<()> {
        let token = self.token.clone();
        let shape = self.shape;
        let (mut at, hi) = (shape.open, token.len() - shape.close);
        while at < hi {
            let rest = token.get(at..hi)?;
            let c = rest.chars().next()?;
            let next = rest.chars().nth(1);
            match c {
                '{' | '}' if shape.formatted && next == Some(c) => {
                    self.push_char(c, (at, at + 2));
                    at += 2;
                }
                '{' if shape.formatted => {
                    let len = field_len(rest)?;
                    self.holes.push(Hole { at: self.decoded.len(), source: at..at + len });
                    at += len;
                }
                '\\' if !shape.raw => {
                    let (text, len) = python_escape(rest, shape.bytes)?;
                    self.push(&text, (at, at + len));
                    at += len;
                }
                '\r' => {
                    let len = if next == Some('\n') { 2 } else { 1 };
                    self.push("\n", (at, at + len));
                    at += len;
                }
                c => {
                    self.push_char(c, (at, at + c.len_utf8()));
                    at += c.len_utf8();
                }
            }
        }
        Some(())
    }
}

/// `new_text` as it is spelled inside `token`, a string literal; `None` when the token cannot spell it.
pub fn escape_for(lang: Lang, token: &str, new_text: &str) -> Option<String> {
    LiteralMap::new(lang, token)?.escape(new_text)
}

fn shape_of(lang: Lang, token: &str) -> Option<Shape> {
    let letters = token.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (prefix, rest) = token.split_at_checked(letters)?;
    let quote = rest.chars().next()?;
    let ok = match lang {
        Lang::Java => letters == 0 && quote == '"',
        Lang::Python => letters <= 2 && prefix.chars().all(|c| "rRbBuUfFtT".contains(c)) && matches!(quote, '"' | '\''),
    };
    let three: String = [quote; 3].iter().collect();
    let triple = rest.len() >= 6 && rest.starts_with(&three) && rest.ends_with(&three);
    let width = if triple { 3 } else { 1 };
    let closed = rest.len() >= 2 * width && rest.ends_with(quote);
    let has = |set: &str| prefix.chars().any(|c| set.contains(c));
    (ok && closed).then_some(Shape {
        lang,
        open: letters + width,
        close: width,
        quote,
        triple,
        raw: has("rR"),
        bytes: has("bB"),
        formatted: has("fFtT"),
    })
}

fn odd_backslashes(line: &str) -> bool {
    line.bytes().rev().take_while(|b| *b == b'\\').count() % 2 == 1
}

/// One character of a Java literal and its length in the source; `None` inside for a joined line.
fn java_char(rest: &str) -> Option<(Option<char>, usize)> {
    let c = rest.chars().next()?;
    if c != '\\' {
        return Some((Some(c), c.len_utf8()));
    }
    let e = match rest.chars().nth(1) {
        Some(e) => e,
        // A lone backslash at the end of a text block's line.
        None => return Some((Some('\\'), 1)),
    };
    let simple = |c: char| Some((Some(c), 2));
    match e {
        'n' => simple('\n'),
        't' => simple('\t'),
        'r' => simple('\r'),
        'b' => simple('\u{8}'),
        'f' => simple('\u{c}'),
        's' => simple(' '),
        '"' | '\'' | '\\' => simple(e),
        'u' => {
            let us = rest.get(1..)?.bytes().take_while(|b| *b == b'u').count();
            let hex = rest.get(1 + us..5 + us)?;
            let unit = u32::from_str_radix(hex, 16).ok()?;
            // Surrogate halves come in pairs of escapes.
            if (0xd800..0xdc00).contains(&unit) {
                let low = rest.get(5 + us..)?;
                let lus = low.strip_prefix('\\')?.bytes().take_while(|b| *b == b'u').count();
                let low_unit = u32::from_str_radix(low.get(1 + lus..5 + lus)?, 16).ok()?;
                let c = 0x10000 + ((unit - 0xd800) << 10) + low_unit.checked_sub(0xdc00)?;
                return Some((Some(char::from_u32(c)?), 5 + us + 5 + lus));
            }
            Some((Some(char::from_u32(unit)?), 5 + us))
        }
        '0'..='7' => {
            let max = if e <= '3' { 3 } else { 2 };
            let digits: String = rest.get(1..)?.chars().take(max).take_while(|c| ('0'..='7').contains(c)).collect();
            let value = u32::from_str_radix(&digits, 8).ok()?;
            Some((char::from_u32(value), 1 + digits.len()))
        }
        _ => None,
    }
}

fn python_escape(rest: &str, bytes: bool) -> Option<(String, usize)> {
    let e = rest.chars().nth(1)?;
    let one = |c: char| Some((c.to_string(), 2));
    let hex = |n: usize| -> Option<(String, usize)> {
        let value = u32::from_str_radix(rest.get(2..2 + n)?, 16).ok()?;
        // A lone surrogate has no UTF-8 form.
        Some((char::from_u32(value).unwrap_or('\u{fffd}').to_string(), 2 + n))
    };
    match e {
        '\r' if rest.as_bytes().get(2) == Some(&b'\n') => Some((String::new(), 3)),
        '\n' | '\r' => Some((String::new(), 2)),
        '\\' | '\'' | '"' => one(e),
        'a' => one('\u{7}'),
        'b' => one('\u{8}'),
        'f' => one('\u{c}'),
        'n' => one('\n'),
        'r' => one('\r'),
        't' => one('\t'),
        'v' => one('\u{b}'),
        'x' => hex(2),
        'u' if !bytes => hex(4),
        'U' if !bytes => hex(8),
        'N' if !bytes => Some(('\u{fffd}'.to_string(), rest.find('}')? + 1)),
        '0'..='7' => {
            let digits: String = rest.get(1..)?.chars().take(3).take_while(|c| ('0'..='7').contains(c)).collect();
            let value = u32::from_str_radix(&digits, 8).ok()?;
            Some((char::from_u32(value)?.to_string(), 1 + digits.len()))
        }
        // Not an escape: the backslash stays.
        _ => Some(("\\".to_owned(), 1)),
    }
}

/// Bytes of a replacement field that starts `rest`, nested fields and strings included.
fn field_len(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let mut depth = 0usize;
    let mut at = 0usize;
    while let Some(b) = bytes.get(at) {
        match b {
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return (*b == b'}').then_some(at + 1);
                }
            }
            b'"' | b'\'' => {
                let three = bytes.get(at..at + 3).is_some_and(|t| t.iter().all(|c| c == b));
                let width = if three { 3 } else { 1 };
                at += width;
                loop {
                    let c = bytes.get(at)?;
                    let closes = bytes.get(at..at + width).is_some_and(|t| t.iter().all(|c| c == b));
                    if closes {
                        at += width - 1;
                        break;
                    }
                    at += if *c == b'\\' { 2 } else { 1 };
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// `text` as it is spelled inside a Java string literal or text block.
pub(crate) fn escape_java(text: &str, block: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' if block => out.push('\n'),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}
