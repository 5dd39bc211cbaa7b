//! Literals: value, way back, spelling.

use surefix_ir::Lang::{self, Java, Python};
use surefix_rewrite::LiteralMap;
use surefix_rewrite::formats::{brace_fields, java_fields, percent_fields};
use surefix_rewrite::literal::escape_for;

fn map(lang: Lang, token: &str) -> LiteralMap {
    LiteralMap::new(lang, token).unwrap_or_else(|| panic!("{token}"))
}

#[test]
fn values() {
    let cases = [
        (Java, r#""a\tb\u0041\101\\""#, "a\tbAA\\"),
        (Java, r#""\uD83D\uDE00x""#, "😀x"),
        (Python, r"'a\x41\u00e9\n\d'", "aAé\n\\d"),
        (Python, r"r'\n'", "\\n"),
        (Python, "'''a\r\nb'''", "a\nb"),
        (Python, r#"b'\x41\u'"#, "A\\u"),
        (Python, r#"f"a{{{x!r:>{w}}}}b""#, "a{}b"),
        (Python, r#"f'{d["k"]}{"}"}!'"#, "!"),
        (Python, "''", ""),
    ];
    for (lang, token, want) in cases {
        assert_eq!(map(lang, token).decoded(), want, "{token}");
    }
    assert_eq!(map(Java, "\"\"\"\n    a  \n      b\\\n    c\n    \"\"\"").decoded(), "a\n  bc\n");
    assert_eq!(map(Java, "\"\"\"\r\n\ta\r\n\tb\"\"\"").decoded(), "a\nb");
    for bad in ["x", "'a", "\"a'", "fr", "'"] {
        assert_eq!(LiteralMap::new(Python, bad), None, "{bad}");
    }
    assert_eq!(LiteralMap::new(Java, "'a'"), None);
}

#[test]
fn the_way_back() {
    let token = r#"f"a = '{x}' \n b""#;
    let m = map(Python, token);
    assert_eq!(m.decoded(), "a = '' \n b");
    assert_eq!(m.holes().iter().map(|h| (h.at, &token[h.source.clone()])).collect::<Vec<_>>(), [(5, "{x}")]);
    let at = |r: std::ops::Range<usize>| m.source(r).map(|s| &token[s]);
    assert_eq!((at(4..5), at(5..6), at(7..8)), (Some("'"), Some("'"), Some("\\n")));
    assert_eq!(at(4..6), Some("'{x}'"));
    assert_eq!(m.source(5..5), Some(10..10));
    assert_eq!(m.source(0..99), None);
    assert_eq!(m.decoded_at(token.find("\\n").unwrap()), 7);
    // Every character's range decodes to itself, in all shapes.
    for (lang, token) in [
        (Java, "\"\"\"\n    é\\t\n      b\n    \"\"\""),
        (Java, r#""\u0041é\n""#),
        (Python, "rf'''a\nb{{é'''"),
        (Python, r"'\x41é'"),
    ] {
        let m = map(lang, token);
        for (i, c) in m.decoded().char_indices() {
            let s = m.source(i..i + c.len_utf8()).unwrap();
            assert!(m.body().start <= s.start && s.end <= m.body().end && s.start < s.end, "{token} {c}");
        }
    }
    let file = surefix_text::FileId(3);
    let cut = map(Java, r#""x = '\t'""#).edit(file, 100, 4..7, "?").unwrap();
    assert_eq!((cut.span.lo, cut.span.hi, cut.text.as_str()), (105, 109, "?"));
}

#[test]
fn spelling() {
    assert_eq!(escape_for(Java, r#""""#, "a\"\n\\").unwrap(), r#"a\"\n\\"#);
    assert_eq!(escape_for(Python, "''", "a'\"\n").unwrap(), "a\\'\"\\n");
    assert_eq!(escape_for(Python, "f''", "{x}").unwrap(), "{{x}}");
    assert_eq!(escape_for(Python, "r''", "a'"), None);
    assert_eq!(escape_for(Python, "r''", "a\\"), None);
    assert_eq!(escape_for(Python, "b''", "é"), None);
    assert_eq!(escape_for(Python, "''''''", "a\nb").unwrap(), "a\nb");
    for text in ["", "a'b\"c", "\\", "\t\r\n\u{1}é😀", "{}%"] {
        for (lang, open) in [(Java, "\""), (Python, "'"), (Python, "\""), (Python, "f'")] {
            let close = open.trim_start_matches('f');
            let body = escape_for(lang, &format!("{open}{close}"), text).unwrap();
            assert_eq!(map(lang, &format!("{open}{body}{close}")).decoded(), text);
        }
    }
}

#[test]
fn format_fields() {
    let p = percent_fields("a %s %% %(k)5.2f").unwrap();
    assert_eq!(
        p.iter().map(|f| (f.range.clone(), f.name.as_str(), f.is_plain())).collect::<Vec<_>>(),
        [(2..4, "", true), (8..16, "k", false)]
    );
    assert_eq!(percent_fields("100%"), None);
    let b = brace_fields("{} {{x}} {0[a:b]!r:>{w}}").unwrap();
    assert_eq!(
        b.iter()
            .map(|f| (f.range.clone(), f.name.as_str(), f.conversion.as_str(), f.spec.as_str()))
            .collect::<Vec<_>>(),
        [(0..2, "", "", ""), (9..24, "0[a:b]", "r", ">{w}")]
    );
    assert_eq!((brace_fields("{"), brace_fields("a}")), (None, None));
    let j = java_fields("%s%n%% %2$-5d %tY").unwrap();
    assert_eq!(
        j.iter().map(|f| (f.name.as_str(), f.conversion.as_str(), f.spec.as_str())).collect::<Vec<_>>(),
        [("", "s", ""), ("2", "d", "-5"), ("", "tY", "")]
    );
}
