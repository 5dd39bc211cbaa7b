//! Decoding and encoding, line index, embedded text.

use proptest::prelude::*;
use surefix_text::{DecodeError, Encoding, Eol, LineIndex, Region, SourceFile, Span};

fn decode(path: &str, raw: &[u8]) -> SourceFile {
    let f = SourceFile::decode(path, raw).expect("decodes");
    assert_eq!(f.encode(&f.text).expect("encodes"), raw, "round trip of {raw:x?}");
    f
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(bytes).collect()
}

#[test]
fn encodings() {
    let text = "x = 'é€😀'\r\n";
    let table = [
        (text.as_bytes().to_vec(), Encoding::Utf8),
        (format!("\u{feff}{text}").into_bytes(), Encoding::Utf8Bom),
        (utf16(text, u16::to_le_bytes), Encoding::Utf16Le),
        (utf16(text, u16::to_be_bytes), Encoding::Utf16Be),
    ];
    for (raw, encoding) in table {
        let f = decode("a/B.java", &raw);
        assert_eq!((f.encoding, f.text.as_str(), f.eol, f.final_newline), (encoding, text, Eol::CrLf, true));
        assert_eq!(f.hash, *blake3_of(&raw).as_bytes());
    }
    let all: Vec<u8> = (1..=255).collect();
    let f = decode("x.java", &all);
    assert_eq!(f.encoding, Encoding::Latin1);
    assert!(f.text.contains('€'), "0x80 is the euro sign in windows-1252");
    let err = f.encode("ab😀").expect_err("not in windows-1252");
    assert_eq!((err.offset, err.ch), (2, '😀'));
}

fn blake3_of(raw: &[u8]) -> blake3::Hash {
    blake3::hash(raw)
}

#[test]
fn what_is_not_text() {
    assert_eq!(SourceFile::decode("a", b"ab\0c"), Err(DecodeError::Binary { at: 2 }));
    assert_eq!(SourceFile::decode("a", b"\xef\xbb\xbfab\0c"), Err(DecodeError::Binary { at: 5 }));
    assert!(matches!(SourceFile::decode("a", &utf16("a\0", u16::to_le_bytes)), Err(DecodeError::Binary { .. })));
    assert!(matches!(SourceFile::decode("a", b"\xff\xfea"), Err(DecodeError::Malformed { .. })));
    assert!(matches!(SourceFile::decode("a", b"\xff\xfe\x00\xd8"), Err(DecodeError::Malformed { .. })));
    assert!(matches!(SourceFile::decode("a", b"\xef\xbb\xbf\xff"), Err(DecodeError::Malformed { .. })));
}

#[test]
fn coding_lines() {
    let table: [(&str, &[u8], Encoding, &str); 9] = [
        ("a.py", b"# -*- coding: latin-1 -*-\nx='\x80'", Encoding::Iso8859, "\u{80}"),
        ("a.py", b"#!/usr/bin/python\r\n# vim: set fileencoding=cp1252 :\r\nx='\x80'", Encoding::Latin1, "€"),
        ("a.py", b"\n# coding=latin1\nx='\xe9'", Encoding::Iso8859, "é"),
        ("a.py", b"\n\n# coding=latin1\nx='\xc3\xa9'", Encoding::Utf8, "é"),
        ("a.py", b"x=1\n# coding=latin1\nx='\xc3\xa9'", Encoding::Utf8, "é"),
        ("tool", b"#!/usr/bin/env python3\n# coding: latin-1\n'\xc3\xa9'", Encoding::Iso8859, "Ã©"),
        ("a.java", b"# coding: latin-1\n'\xc3\xa9'", Encoding::Utf8, "é"),
        ("a.py", b"# coding: utf-8\n'\xc3\xa9'", Encoding::Utf8, "é"),
        ("a.py", b"s = 1 # coding: latin-1\n'\xc3\xa9'", Encoding::Utf8, "é"),
    ];
    for (path, raw, encoding, piece) in table {
        let f = decode(path, raw);
        assert_eq!(f.encoding, encoding, "{}", f.text);
        assert!(f.text.contains(piece), "{:?}", f.text);
    }
    assert!(matches!(SourceFile::decode("a.py", b"# coding: gbk\n'\xc4\xe3'"), Err(DecodeError::Unsupported { .. })));
    let plain = decode("a.py", b"# coding: gbk\nx = 1\n");
    assert!(plain.encode("# coding: gbk\nx = 'é'\n").is_err(), "only ASCII may go into an unknown encoding");
}

#[test]
fn line_endings() {
    let f = decode("a.py", b"a\nb\r\nc\rd");
    assert_eq!((f.eol, f.final_newline), (Eol::Mixed, false));
    let at: Vec<&str> = (0..=8).map(|o| f.eol_at(o)).collect();
    assert_eq!(at, ["\n", "\n", "\r\n", "\r\n", "\r\n", "\r", "\r", "\r", "\r"]);
    for (text, eol) in [
        ("", Eol::Lf),
        ("a", Eol::Lf),
        ("a\n", Eol::Lf),
        ("a\r\n\r\n", Eol::CrLf),
        ("a\rb\r", Eol::Cr),
        ("\n\r", Eol::Mixed),
    ] {
        assert_eq!(decode("a", text.as_bytes()).eol, eol, "{text:?}");
    }
    assert_eq!(decode("a", b"a\r\nb").eol_at(4), "\r\n");
    assert_eq!(decode("a", b"ab").eol_at(9), "\n");
}

#[test]
fn an_edited_file_keeps_its_encoding() {
    let f = decode("a.java", b"a\xe9\r\n");
    let g = f.with_text("aéß\r\n".to_owned()).expect("latin-1");
    assert_eq!(g, SourceFile::decode("a.java", b"a\xe9\xdf\r\n").expect("decodes"));
}

#[test]
fn positions() {
    let index = LineIndex::new("ab\r\né😀x\rz\n");
    let p = index.position(10);
    assert_eq!((p.line, p.byte, p.chars, p.utf16), (2, 7, 3, 4));
    assert_eq!(index.position(7), index.position(6), "inside a character: its start");
    assert_eq!(index.offset_of_utf16(2, 3), None, "inside a surrogate pair");
    assert_eq!((index.line(11), index.line(12), index.line_count()), (2, 3, 4));
    assert_eq!((index.line_start(0), index.line_start(4), index.line_start(5)), (None, Some(14), None));
    assert_eq!(index.position(99), index.position(14));
}

proptest! {
    #[test]
    fn any_bytes_round_trip(raw in prop::collection::vec(1u8.., 0..64)) {
        if let Ok(f) = SourceFile::decode("x.py", &raw) {
            prop_assert_eq!(f.encode(&f.text).expect("encodes"), raw);
        }
    }

    #[test]
    fn line_index_equals_counting(text in "[a\r\né€😀]{0,24}") {
        let index = LineIndex::new(&text);
        let (mut line, mut start) = (1u32, 0usize);
        for at in (0..=text.len()).filter(|&i| text.is_char_boundary(i)) {
            let before = &text[..at];
            let ended = before.ends_with('\n') || (before.ends_with('\r') && !text[at..].starts_with('\n'));
            if ended {
                line += 1;
                start = at;
            }
            let col = &text[start..at];
            let p = index.position(at as u32);
            let want = (line, col.len() as u32 + 1, col.chars().count() as u32 + 1, col.encode_utf16().count() as u32 + 1);
            prop_assert_eq!((p.line, p.byte, p.chars, p.utf16), want);
            prop_assert_eq!(index.offset_of_byte(p.line, p.byte), Some(at as u32));
            prop_assert_eq!(index.offset_of_chars(p.line, p.chars), Some(at as u32));
            prop_assert_eq!(index.offset_of_utf16(p.line, p.utf16), Some(at as u32));
        }
    }

    /// Pieces: 0 verbatim `a`, 1 an escape `\u0041` for one byte, 2 a skipped continuation.
    #[test]
    fn embedded_spans_cover_what_they_decode(pieces in prop::collection::vec(0..3u8, 0..12), base in 0..5u32) {
        let mut host = "#".repeat(base as usize);
        let mut inner = String::new();
        let mut of = Vec::new();
        let mut region = Region::new(Span::new(base, base));
        for p in &pieces {
            let lo = host.len() as u32;
            match p {
                0 => { host.push('a'); inner.push('a'); region.verbatim(1); of.push(Span::new(lo, lo + 1)); }
                1 => { host.push_str("\\u0041"); inner.push('A'); region.escaped(6, 1); of.push(Span::new(lo, lo + 6)); }
                _ => { host.push_str("\\\n"); region.skip(2); }
            }
        }
        prop_assert_eq!(region.inner_len() as usize, inner.len());
        for lo in 0..inner.len() {
            prop_assert_eq!(region.to_inner(of[lo].lo), Some(lo as u32));
            for hi in lo + 1..=inner.len() {
                let span = Span::new(lo as u32, hi as u32);
                let got = region.to_host(span).expect("inside");
                prop_assert_eq!(got, of[lo].to(of[hi - 1]));
                prop_assert_eq!(region.is_verbatim(span), got.of(&host) == span.of(&inner));
            }
            prop_assert_eq!(region.to_host(Span::point(lo as u32)), Some(Span::point(of[lo].lo)));
        }
        prop_assert_eq!(region.to_host(Span::new(0, inner.len() as u32 + 1)), None);
    }
}
