//! A source file in memory: decoded text, and everything needed to write it back byte for byte.
//!
//! Decoding never changes line endings. A BOM is remembered in [`Encoding`] and left out of the text, so spans count
//! from the first character. [`SourceFile::encode`] is the exact inverse of [`SourceFile::decode`] on unedited text.

use crate::LineIndex;
use encoding_rs::WINDOWS_1252;
use memchr::{memchr, memchr_iter, memchr2};

/// How a file's bytes spell its characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// UTF-8 without a BOM; ASCII too.
    Utf8,
    /// UTF-8 with a BOM.
    Utf8Bom,
    /// UTF-16, low byte first, with a BOM.
    Utf16Le,
    /// UTF-16, high byte first, with a BOM.
    Utf16Be,
    /// Windows-1252, the fallback for what is not UTF-8: every byte has a character, so every file round-trips.
    Latin1,
    /// ISO 8859-1 proper, only where a Python coding line asks for it (0x80..0x9f are control characters there).
    Iso8859,
}

/// Line ending of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Eol {
    /// `\n`, also for a file without any line ending.
    Lf,
    /// `\r\n`.
    CrLf,
    /// More than one kind.
    Mixed,
    /// Lone `\r`.
    Cr,
}

/// Why bytes are not a source file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// NUL bytes: not text.
    #[error("the file is binary (NUL byte at offset {at})")]
    Binary {
        /// Offset of the first NUL: a byte of the raw file, or of the decoded text of a UTF-16 file.
        at: usize,
    },
    /// Spans have 32 bits.
    #[error("the file is larger than 4 GiB")]
    TooLarge,
    /// The BOM announces an encoding that the rest of the file breaks.
    #[error("the file's byte order mark says {encoding:?} but its content is not valid in it")]
    Malformed {
        /// The announced encoding.
        encoding: Encoding,
    },
    /// A Python coding line names an encoding that is not supported, and the file is not plain ASCII.
    #[error("the file declares the encoding `{name}`, which is not supported")]
    Unsupported {
        /// The name on the coding line.
        name: String,
    },
}

/// A character that the file's encoding cannot express.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: the character U+{:04X} cannot be written in the file's encoding {encoding:?}", u32::from(*ch))]
pub struct EncodeError {
    /// The file.
    pub path: String,
    /// Byte offset in the text to encode.
    pub offset: usize,
    /// The character.
    pub ch: char,
    /// The file's encoding.
    pub encoding: Encoding,
}

/// A decoded source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Path relative to the project root, with `/`.
    pub path: String,
    /// BLAKE3 hash of the raw bytes.
    pub hash: [u8; 32],
    /// Encoding of the raw bytes.
    pub encoding: Encoding,
    /// The text: decoded, BOM removed, line endings as in the file.
    pub text: String,
    /// Line ending of the whole file.
    pub eol: Eol,
    /// True when the last line is terminated (or the file is empty).
    pub final_newline: bool,
    /// The declared encoding is some superset of ASCII; only ASCII may be written.
    ascii_only: bool,
}

impl SourceFile {
    /// Decodes `raw`. BOMs decide first, then (in Python files) the coding line, then valid UTF-8, then Windows-1252.
    pub fn decode(path: &str, raw: &[u8]) -> Result<SourceFile, DecodeError> {
        if u32::try_from(raw.len()).is_err() {
            return Err(DecodeError::TooLarge);
        }
        let mut ascii_only = false;
        let (encoding, text) = match raw {
            [0xef, 0xbb, 0xbf, rest @ ..] => {
                reject_nul(rest, 3)?;
                let text = str::from_utf8(rest).map_err(|_| DecodeError::Malformed { encoding: Encoding::Utf8Bom })?;
                (Encoding::Utf8Bom, text.to_owned())
            }
            [0xff, 0xfe, rest @ ..] => (Encoding::Utf16Le, utf16(rest, Encoding::Utf16Le, u16::from_le_bytes)?),
            [0xfe, 0xff, rest @ ..] => (Encoding::Utf16Be, utf16(rest, Encoding::Utf16Be, u16::from_be_bytes)?),
            _ => {
                reject_nul(raw, 0)?;
                match declared(path, raw) {
                    Some(name) => {
                        let (encoding, only_ascii) = by_name(&name, raw)?;
                        ascii_only = only_ascii;
                        (encoding, single_byte_or_utf8(encoding, raw))
                    }
                    None => match str::from_utf8(raw) {
                        Ok(text) => (Encoding::Utf8, text.to_owned()),
                        Err(_) => (Encoding::Latin1, single_byte_or_utf8(Encoding::Latin1, raw)),
                    },
                }
            }
        };
        if u32::try_from(text.len()).is_err() {
            return Err(DecodeError::TooLarge);
        }
        Ok(SourceFile {
            path: path.to_owned(),
            hash: *blake3::hash(raw).as_bytes(),
            encoding,
            eol: eol_of(&text),
            final_newline: text.is_empty() || text.ends_with(['\n', '\r']),
            text,
            ascii_only,
        })
    }

    /// The bytes of `new_text` in this file's encoding, BOM included.
    pub fn encode(&self, new_text: &str) -> Result<Vec<u8>, EncodeError> {
        let fail =
            |offset: usize, ch: char| EncodeError { path: self.path.clone(), offset, ch, encoding: self.encoding };
        if self.ascii_only
            && let Some((offset, ch)) = new_text.char_indices().find(|(_, c)| !c.is_ascii())
        {
            return Err(fail(offset, ch));
        }
        let mut out = Vec::with_capacity(new_text.len() + 3);
        match self.encoding {
            Encoding::Utf8 => out.extend_from_slice(new_text.as_bytes()),
            Encoding::Utf8Bom => {
                out.extend_from_slice(&[0xef, 0xbb, 0xbf]);
                out.extend_from_slice(new_text.as_bytes());
            }
            Encoding::Utf16Le => {
                out.extend_from_slice(&[0xff, 0xfe]);
                new_text.encode_utf16().for_each(|u| out.extend_from_slice(&u.to_le_bytes()));
            }
            Encoding::Utf16Be => {
                out.extend_from_slice(&[0xfe, 0xff]);
                new_text.encode_utf16().for_each(|u| out.extend_from_slice(&u.to_be_bytes()));
            }
            Encoding::Latin1 => {
                for (offset, ch) in new_text.char_indices() {
                    if ch.is_ascii() {
                        out.push(ch as u8);
                        continue;
                    }
                    let mut buf = [0u8; 4];
                    let (bytes, _, unmappable) = WINDOWS_1252.encode(ch.encode_utf8(&mut buf));
                    if unmappable {
                        return Err(fail(offset, ch));
                    }
                    out.extend_from_slice(&bytes);
                }
            }
            Encoding::Iso8859 => {
                for (offset, ch) in new_text.char_indices() {
                    out.push(u8::try_from(u32::from(ch)).map_err(|_| fail(offset, ch))?);
                }
            }
        }
        Ok(out)
    }

    /// This file with another text: the same path and encoding, a new hash.
    pub fn with_text(&self, new_text: String) -> Result<SourceFile, EncodeError> {
        let raw = self.encode(&new_text)?;
        Ok(SourceFile {
            path: self.path.clone(),
            hash: *blake3::hash(&raw).as_bytes(),
            encoding: self.encoding,
            eol: eol_of(&new_text),
            final_newline: new_text.is_empty() || new_text.ends_with(['\n', '\r']),
            text: new_text,
            ascii_only: self.ascii_only,
        })
    }

    /// The line ending to use for text inserted at `offset`: that of its line, else of the line before, else `\n`.
    pub fn eol_at(&self, offset: u32) -> &'static str {
        let bytes = self.text.as_bytes();
        let mut at = (offset as usize).min(bytes.len());
        // Between the two bytes of a CRLF, the ending is that CRLF.
        if at > 0 && bytes.get(at - 1) == Some(&b'\r') && bytes.get(at) == Some(&b'\n') {
            at -= 1;
        }
        let (before, after) = bytes.split_at(at);
        if let Some(i) = memchr2(b'\n', b'\r', after) {
            return match (after.get(i), after.get(i + 1)) {
                (Some(b'\n'), _) => "\n",
                (_, Some(b'\n')) => "\r\n",
                _ => "\r",
            };
        }
        match memchr::memrchr2(b'\n', b'\r', before) {
            Some(i) if before.get(i) == Some(&b'\r') => "\r",
            Some(i) if i > 0 && before.get(i - 1) == Some(&b'\r') => "\r\n",
            _ => "\n",
        }
    }

    /// The line index of the text.
    pub fn line_index(&self) -> LineIndex {
        LineIndex::new(&self.text)
    }
}

fn reject_nul(bytes: &[u8], base: usize) -> Result<(), DecodeError> {
    match memchr(0, bytes) {
        Some(at) => Err(DecodeError::Binary { at: at + base }),
        None => Ok(()),
    }
}

fn utf16(bytes: &[u8], encoding: Encoding, unit: fn([u8; 2]) -> u16) -> Result<String, DecodeError> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(DecodeError::Malformed { encoding });
    }
    let text: String = char::decode_utf16(pairs.iter().map(|p| unit(*p)))
        .collect::<Result<_, _>>()
        .map_err(|_| DecodeError::Malformed { encoding })?;
    reject_nul(text.as_bytes(), 0)?;
    Ok(text)
}

fn single_byte_or_utf8(encoding: Encoding, raw: &[u8]) -> String {
    match encoding {
        Encoding::Latin1 => WINDOWS_1252.decode_without_bom_handling(raw).0.into_owned(),
        Encoding::Iso8859 => raw.iter().map(|&b| char::from(b)).collect(),
        // `by_name` gives UTF-8 only after a check of the bytes.
        _ => String::from_utf8_lossy(raw).into_owned(),
    }
}

/// The encoding named by a Python coding line (PEP 263), `None` for other files and without such a line.
fn declared(path: &str, raw: &[u8]) -> Option<String> {
    let python = path.rsplit_once('.').is_some_and(|(_, e)| matches!(e, "py" | "pyw" | "pyi"));
    let (first, rest) = split_line(raw);
    let shebang = first.starts_with(b"#!") && memchr::memmem::find(first, b"python").is_some();
    if !python && !shebang {
        return None;
    }
    if let Some(name) = coding_of(first) {
        return Some(name);
    }
    let blank = first.iter().copied().find(|b| !matches!(b, b' ' | b'\t' | 0x0c)).is_none_or(|b| b == b'#');
    if blank { coding_of(split_line(rest).0) } else { None }
}

fn split_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let Some(end) = memchr2(b'\n', b'\r', bytes) else { return (bytes, &[]) };
    let ending = if bytes[end..].starts_with(b"\r\n") { 2 } else { 1 };
    (&bytes[..end], &bytes[end + ending..])
}

/// `^[ \t\f]*#.*?coding[:=][ \t]*([-_.a-zA-Z0-9]+)`, by hand.
fn coding_of(line: &[u8]) -> Option<String> {
    let start = line.iter().position(|b| !matches!(b, b' ' | b'\t' | 0x0c))?;
    let comment = line.get(start..).filter(|l| l.first() == Some(&b'#'))?;
    for at in memchr::memmem::find_iter(comment, b"coding") {
        let Some((b':' | b'=', rest)) = comment.get(at + 6..).and_then(|r| r.split_first().map(|(b, r)| (*b, r)))
        else {
            continue;
        };
        let rest = rest.trim_ascii_start();
        let len = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')).count();
        if len > 0 {
            return Some(String::from_utf8_lossy(&rest[..len]).into_owned());
        }
    }
    None
}

/// The encoding of a declared name, and whether only ASCII may be written.
fn by_name(name: &str, raw: &[u8]) -> Result<(Encoding, bool), DecodeError> {
    let norm: String = name.to_ascii_lowercase().replace(['_', ' '], "-");
    let norm = norm.as_str();
    if norm == "latin-1" || norm.starts_with("latin-1-") || matches!(norm, "iso-8859-1" | "iso8859-1" | "latin1" | "l1")
    {
        return Ok((Encoding::Iso8859, false));
    }
    if matches!(norm, "cp1252" | "windows-1252" | "1252") {
        return Ok((Encoding::Latin1, false));
    }
    if norm == "utf8" || norm == "utf-8" || norm.starts_with("utf-8-") {
        // Python refuses a file that breaks its own promise; the fallback at least keeps its bytes.
        let ok = str::from_utf8(raw).is_ok();
        return Ok((if ok { Encoding::Utf8 } else { Encoding::Latin1 }, false));
    }
    if raw.is_ascii() && !norm.starts_with("utf-7") && !norm.starts_with("utf7") {
        return Ok((Encoding::Utf8, true));
    }
    Err(DecodeError::Unsupported { name: name.to_owned() })
}

fn eol_of(text: &str) -> Eol {
    let bytes = text.as_bytes();
    let all = memchr_iter(b'\n', bytes).count();
    let (mut crlf, mut cr) = (0usize, 0usize);
    for i in memchr_iter(b'\r', bytes) {
        if bytes.get(i + 1) == Some(&b'\n') {
            crlf += 1;
        } else {
            cr += 1;
        }
    }
    match (all - crlf > 0, crlf > 0, cr > 0) {
        (_, false, false) => Eol::Lf,
        (false, true, false) => Eol::CrLf,
        (false, false, true) => Eol::Cr,
        _ => Eol::Mixed,
    }
}
