//! Lines and columns of byte offsets.

use surefix_text::Span;

/// Line starts of a text.
pub struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

/// A region as formats want it: lines and columns from 1, columns in the unit asked for, the end exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// First line.
    pub line: usize,
    /// First column.
    pub column: usize,
    /// Last line.
    pub end_line: usize,
    /// Column behind the last character.
    pub end_column: usize,
}

impl<'a> Lines<'a> {
    /// Lines end with LF, CRLF or CR.
    pub fn new(text: &'a str) -> Lines<'a> {
        let b = text.as_bytes();
        let mut starts = vec![0];
        for i in 0..b.len() {
            if b[i] == b'\n' || (b[i] == b'\r' && b.get(i + 1) != Some(&b'\n')) {
                starts.push(i + 1);
            }
        }
        Lines { text, starts }
    }

    /// The line (from 1) and the byte offset in it.
    fn locate(&self, at: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|s| *s <= at).max(1);
        (line, self.starts[line - 1])
    }

    fn point(&self, at: u32, utf16: bool) -> (usize, usize) {
        let at = (at as usize).min(self.text.len());
        let (line, start) = self.locate(at);
        let before = self.text.get(start..at).unwrap_or("");
        let column = if utf16 { before.encode_utf16().count() } else { before.chars().count() };
        (line, column + 1)
    }

    /// Columns in UTF-16 units.
    pub fn utf16(&self, span: Span) -> Region {
        let ((line, column), (end_line, end_column)) = (self.point(span.lo, true), self.point(span.hi, true));
        Region { line, column, end_line, end_column }
    }

    /// Columns in characters.
    pub fn chars(&self, span: Span) -> Region {
        let ((line, column), (end_line, end_column)) = (self.point(span.lo, false), self.point(span.hi, false));
        Region { line, column, end_line, end_column }
    }

    /// The text of a line (from 1) without its end, and where it starts.
    pub fn line(&self, line: usize) -> Option<(usize, &'a str)> {
        let start = *self.starts.get(line.checked_sub(1)?)?;
        let end = self.starts.get(line).copied().unwrap_or(self.text.len());
        Some((start, self.text.get(start..end)?.trim_end_matches(['\n', '\r'])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_in_both_units() {
        let l = Lines::new("a\r\n😀x\ny");
        assert_eq!(l.utf16(Span::new(7, 8)), Region { line: 2, column: 3, end_line: 2, end_column: 4 });
        assert_eq!(l.chars(Span::new(7, 8)), Region { line: 2, column: 2, end_line: 2, end_column: 3 });
        assert_eq!(l.line(2), Some((3, "😀x")));
        assert_eq!(l.utf16(Span::new(9, 99)).end_line, 3);
    }
}
