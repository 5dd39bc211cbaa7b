//! Lines, indentation and insertions of a text, byte for byte.

use surefix_text::{Edit, EditKind, FileId, Reason, Refusal, Span};

/// Offset of the first byte of the line that contains `at`.
pub fn line_start(text: &str, at: u32) -> u32 {
    let head = text.as_bytes().get(..at as usize).unwrap_or(text.as_bytes());
    head.iter().rposition(|b| matches!(b, b'\n' | b'\r')).map_or(0, |i| to_u32(i + 1))
}

/// Offset of the end of the line that contains `at`, its line ending not counted.
pub fn line_end(text: &str, at: u32) -> u32 {
    let tail = text.as_bytes().get(at as usize..).unwrap_or(&[]);
    at + to_u32(tail.iter().position(|b| matches!(b, b'\n' | b'\r')).unwrap_or(tail.len()))
}

/// Offset past the line ending of the line that contains `at`: the start of the next line, or the end of the text.
pub fn next_line(text: &str, at: u32) -> u32 {
    let end = line_end(text, at);
    let tail = text.as_bytes().get(end as usize..).unwrap_or(&[]);
    end + match tail {
        [b'\r', b'\n', ..] => 2,
        [_, ..] => 1,
        [] => 0,
    }
}

/// Blanks at the start of the line that contains `at`.
pub fn indent_at(text: &str, at: u32) -> &str {
    let line = text.get(line_start(text, at) as usize..).unwrap_or("");
    let len = line.bytes().take_while(|b| matches!(b, b' ' | b'\t' | 0x0c)).count();
    line.get(..len).unwrap_or("")
}

/// True when only blanks stand between the line's start and `at`.
pub fn first_on_line(text: &str, at: u32) -> bool {
    line_start(text, at) as usize + indent_at(text, at).len() >= at as usize
}

/// True when only blanks stand between `at` and the line's end.
pub fn last_on_line(text: &str, at: u32) -> bool {
    Span::new(at, line_end(text, at)).of(text).trim().is_empty()
}

/// The line ending for text inserted at `at`: that of its line, else that of the line before, else `\n`.
pub fn eol_at(text: &str, at: u32) -> &'static str {
    // Between the two bytes of a CRLF, the ending is that CRLF.
    let crlf = at > 0 && text.as_bytes().get(at as usize - 1..=at as usize) == Some(b"\r\n");
    let at = if crlf { at - 1 } else { at };
    let read = |end: u32| match text.as_bytes().get(end as usize..).unwrap_or(&[]) {
        [b'\r', b'\n', ..] => Some("\r\n"),
        [b'\r', ..] => Some("\r"),
        [b'\n', ..] => Some("\n"),
        _ => None,
    };
    let before = || {
        let start = line_start(text, at).checked_sub(1)?;
        let crlf = start > 0 && text.as_bytes().get(start as usize - 1..=start as usize) == Some(b"\r\n");
        read(if crlf { start - 1 } else { start })
    };
    read(line_end(text, at)).or_else(before).unwrap_or("\n")
}

/// Usize to offset; texts above 4 GiB do not reach this crate.
pub(crate) fn to_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// A refusal in one word.
pub(crate) fn no<T>(reason: Reason, detail: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new(reason, detail))
}

/// Adds an insertion to a fix. An insertion at the same point in the same fix is extended, because two different
/// insertions at one point would be a conflict; an equal one is not repeated.
pub fn push_insert(edits: &mut Vec<Edit>, file: FileId, at: u32, text: &str) {
    let same = |e: &&mut Edit| e.file == file && e.span == Span::point(at) && e.kind == EditKind::Replace;
    match edits.iter_mut().find(same) {
        Some(e) => e.text.push_str(text),
        None => edits.push(Edit::insert(file, at, text)),
    }
}

/// Adds whole import lines at a line start, kept sorted among those that the fix already inserts there.
pub(crate) fn push_line_sorted(edits: &mut Vec<Edit>, file: FileId, at: u32, line: &str) {
    let same = |e: &&mut Edit| e.file == file && e.span == Span::point(at) && e.kind == EditKind::Replace;
    match edits.iter_mut().find(same) {
        Some(e) if e.text.split_inclusive('\n').any(|l| l == line) => {}
        Some(e) => {
            let mut lines: Vec<&str> = e.text.split_inclusive('\n').collect();
            let place = lines.iter().position(|l| !l.trim().is_empty() && *l > line).unwrap_or_else(|| {
                // Before the blank lines that end the block.
                lines.iter().rposition(|l| !l.trim().is_empty()).map_or(lines.len(), |i| i + 1)
            });
            lines.insert(place, line);
            e.text = lines.concat();
        }
        None => edits.push(Edit::insert(file, at, line)),
    }
}

/// Adds a pin unless the fix has it.
pub(crate) fn push_pin(edits: &mut Vec<Edit>, file: FileId, span: Span) {
    let pin = Edit::pin(file, span);
    if !edits.contains(&pin) {
        edits.push(pin);
    }
}
