//! Byte offsets to lines and columns, and back.

use memchr::memchr2_iter;

/// A place in a text as people and other tools count it. Everything is 1-based.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Position {
    /// Line.
    pub line: u32,
    /// Column in UTF-8 bytes.
    pub byte: u32,
    /// Column in characters (Unicode scalar values).
    pub chars: u32,
    /// Column in UTF-16 code units (SARIF, LSP).
    pub utf16: u32,
}

/// A character of more than one byte, with how far byte offsets have run ahead of the other units after it.
#[derive(Clone, Copy, Debug)]
struct Wide {
    /// First byte.
    at: u32,
    /// One past its last byte.
    end: u32,
    /// Bytes minus characters in the text up to `end`.
    chars: u32,
    /// Bytes minus UTF-16 units in the text up to `end`.
    utf16: u32,
}

/// Line starts of one text. Lines end with `\n`, `\r\n` or a lone `\r`. Every question costs a binary search.
#[derive(Clone, Debug)]
pub struct LineIndex {
    /// Offset of each line's first byte; the first is 0.
    starts: Vec<u32>,
    wide: Vec<Wide>,
    len: u32,
}

#[derive(Clone, Copy)]
enum Unit {
    Chars,
    Utf16,
}

impl LineIndex {
    /// Reads `text` once. Text beyond 4 GiB is not indexed.
    pub fn new(text: &str) -> LineIndex {
        let bytes = text.as_bytes();
        let mut starts = vec![0u32];
        for i in memchr2_iter(b'\n', b'\r', bytes) {
            let crlf = bytes[i] == b'\r' && bytes.get(i + 1) == Some(&b'\n');
            if !crlf && let Ok(next) = u32::try_from(i + 1) {
                starts.push(next);
            }
        }
        let mut wide = Vec::new();
        if !text.is_ascii() {
            let (mut chars, mut utf16) = (0u32, 0u32);
            for (at, c) in text.char_indices().filter(|(_, c)| !c.is_ascii()) {
                let Ok(at) = u32::try_from(at) else { break };
                chars += c.len_utf8() as u32 - 1;
                utf16 += (c.len_utf8() - c.len_utf16()) as u32;
                wide.push(Wide { at, end: at.saturating_add(c.len_utf8() as u32), chars, utf16 });
            }
        }
        LineIndex { starts, wide, len: u32::try_from(bytes.len()).unwrap_or(u32::MAX) }
    }

    /// Number of lines; text after the last line ending counts as a line even when it is empty.
    pub fn line_count(&self) -> u32 {
        self.starts.len() as u32
    }

    /// The 1-based line that contains `offset`; offsets past the end are on the last line.
    pub fn line(&self, offset: u32) -> u32 {
        self.starts.partition_point(|&s| s <= offset) as u32
    }

    /// Offset of the first byte of `line` (1-based).
    pub fn line_start(&self, line: u32) -> Option<u32> {
        self.starts.get((line as usize).checked_sub(1)?).copied()
    }

    /// Offset past the line's own ending: the start of the next line, or the end of the text.
    pub fn line_end(&self, line: u32) -> Option<u32> {
        self.line_start(line)?;
        Some(self.starts.get(line as usize).copied().unwrap_or(self.len))
    }

    /// Line and columns of `offset`. An offset inside a character counts as the start of it, one past the end as the end.
    pub fn position(&self, offset: u32) -> Position {
        let offset = self.char_start(offset.min(self.len));
        let line = self.line(offset);
        let start = self.line_start(line).unwrap_or(0);
        let units = |unit| self.units_before(offset, unit) - self.units_before(start, unit) + 1;
        Position { line, byte: offset - start + 1, chars: units(Unit::Chars), utf16: units(Unit::Utf16) }
    }

    /// Offset of a 1-based line and byte column; `None` outside the line or inside a character.
    pub fn offset_of_byte(&self, line: u32, column: u32) -> Option<u32> {
        let offset = self.line_start(line)?.checked_add(column.checked_sub(1)?)?;
        (offset <= self.line_end(line)? && self.char_start(offset) == offset).then_some(offset)
    }

    /// Offset of a 1-based line and character column; `None` outside the line.
    pub fn offset_of_chars(&self, line: u32, column: u32) -> Option<u32> {
        self.offset_of(line, column, Unit::Chars)
    }

    /// Offset of a 1-based line and UTF-16 column; `None` outside the line or inside a surrogate pair.
    pub fn offset_of_utf16(&self, line: u32, column: u32) -> Option<u32> {
        self.offset_of(line, column, Unit::Utf16)
    }

    fn offset_of(&self, line: u32, column: u32, unit: Unit) -> Option<u32> {
        let (start, end) = (self.line_start(line)?, self.line_end(line)?);
        let want = self.units_before(start, unit).checked_add(column.checked_sub(1)?)?;
        // The wide characters that begin before the wanted place decide how many bytes are ahead.
        let n = self.wide.partition_point(|w| self.units_before(w.at, unit) < want);
        let offset = want.checked_add(n.checked_sub(1).and_then(|i| self.wide.get(i)).map_or(0, |w| w.ahead(unit)))?;
        let exact = offset <= end && self.char_start(offset) == offset && self.units_before(offset, unit) == want;
        exact.then_some(offset)
    }

    /// The wide character that contains `offset` strictly inside gives its start; every other offset itself.
    fn char_start(&self, offset: u32) -> u32 {
        let n = self.wide.partition_point(|w| w.at < offset);
        match n.checked_sub(1).and_then(|i| self.wide.get(i)) {
            Some(w) if offset < w.end => w.at,
            _ => offset,
        }
    }

    fn units_before(&self, offset: u32, unit: Unit) -> u32 {
        let n = self.wide.partition_point(|w| w.end <= offset);
        offset - n.checked_sub(1).and_then(|i| self.wide.get(i)).map_or(0, |w| w.ahead(unit))
    }
}

impl Wide {
    fn ahead(&self, unit: Unit) -> u32 {
        match unit {
            Unit::Chars => self.chars,
            Unit::Utf16 => self.utf16,
        }
    }
}
