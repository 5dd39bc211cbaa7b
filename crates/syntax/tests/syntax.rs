//! Detection, comments, suppressions, style, kinds of files, searches in trees.

use proptest::prelude::*;
use surefix_syntax::{
    FileClass, Indent, Lang, Origin, Quote, Rules, Style, Suppressions, classify, comments, detect, java, python,
};
use surefix_text::Span;

fn found(lang: Lang, text: &str) -> Vec<&str> {
    comments(lang, text).iter().map(|c| c.span.of(text)).collect()
}

#[test]
fn languages() {
    let table: [(&str, &str, Option<Lang>); 11] = [
        ("a/B.java", "", Some(Lang::Java)),
        ("a/b.PY", "", Some(Lang::Python)),
        ("a/b.pyw", "", Some(Lang::Python)),
        ("a/b.pyi", "", None),
        ("a/b.txt", "#!/usr/bin/python", None),
        ("bin/tool", "#!/usr/bin/env python3.12\n", Some(Lang::Python)),
        ("bin/tool", "#!/usr/bin/env -S A=1 python3 -u\n", Some(Lang::Python)),
        ("bin/tool", "#! /usr/bin/python -u\r\n", Some(Lang::Python)),
        ("bin/tool", "#!/bin/sh\n# python", None),
        (".python", "#!/usr/bin/pypy3\n", Some(Lang::Python)),
        ("d.java/tool", "", None),
    ];
    for (path, head, want) in table {
        assert_eq!(detect(path, head.as_bytes()), want, "{path} {head}");
    }
}

#[test]
fn java_comments() {
    let text = "a = \"// no\"; // one\r\nchar c = '\"'; /* two */ d = '\\''; /** three\n */\ns = \"\"\"\n // no \\\"\"\" \" no */ \"\"\"; // four\n\"open // no\n// five\n/**/ /* open";
    assert_eq!(
        found(Lang::Java, text),
        ["// one", "/* two */", "/** three\n */", "// four", "// five", "/**/", "/* open"]
    );
}

#[test]
fn python_comments() {
    let table: [(&str, &[&str]); 14] = [
        ("a = '# no' # yes", &["# yes"]),
        ("a = '''# no\n' # no\n''' # yes", &["# yes"]),
        ("a = r'\\' # no' # yes", &["# yes"]),
        ("a = f'{x} # no' # yes", &["# yes"]),
        ("a = f'{x[\"#\"]!r:>{w}} # no' # yes", &["# yes"]),
        ("a = f'{x['#']} {{ # no' # yes", &["# yes"]),
        ("a = f'''{ # in\n x }# no''' # yes", &["# in", "# yes"]),
        ("a = f'{f\"{1:#x}\"} # no' # yes", &["# yes"]),
        ("a = f'\\N{NUMBER SIGN} # no' # yes", &["# yes"]),
        ("a = rf'\\{x} # no' # yes", &["# yes"]),
        ("a = f'{ {1: 2}[1] } # no' # yes", &["# yes"]),
        ("a = 'open # no\n# yes", &["# yes"]),
        ("a = f'open # no\n# yes", &["# yes"]),
        ("a = 'x \\\r\n # no' # yes", &["# yes"]),
    ];
    for (text, want) in table {
        assert_eq!(found(Lang::Python, text), want, "{text}");
    }
}

fn covered(lang: Lang, text: &str, rule: &str) -> Vec<u32> {
    let s = Suppressions::collect(lang, text);
    (1..=text.lines().count() as u32).filter(|l| s.covers(*l, rule).is_some()).collect()
}

#[test]
fn python_suppressions() {
    let table: [(&str, &[u32]); 23] = [
        ("q(s)  # surefix: ignore[sql-injection] -- enum\nq(t)", &[1]),
        ("q(s)  # surefix: ignore[xss, sql-injection]\nq(t)", &[1]),
        ("q(s)  # surefix: ignore[xss] -- other\n", &[]),
        ("# surefix: ignore -- why\n\n# more\nq(\n  s)\nq(t)", &[1, 2, 3, 4, 5]),
        ("q(\n  s)  # surefix: ignore\nq(t)", &[1, 2]),
        ("q(  # nosec\n  s,\n  t)\nq(t)", &[1, 2, 3]),
        ("t = [\n  s,  # nosec\n  t,\n]", &[2]),
        ("t = [\n  # nosec\n  s,\n  t,\n]", &[2, 3]),
        ("x = '''\n# nosec\n'''\n", &[]),
        ("# surefix: ignore-file[sql-injection] -- why\nimport a\nq(s)", &[1, 2, 3]),
        ("import a\n# surefix: ignore-file -- why\nq(s)", &[]),
        ("q(s)  # nosec B608\nq(s) # nosec: B101\nq(s) #nosec B608, B101", &[1, 3]),
        ("q(s)  # type: ignore  # nosec because\n", &[1]),
        ("q(s)  # noqa\nq(s) # noqa: S608\nq(s) # noqa: E501,S608\nq(s) # noqa: E501", &[2, 3]),
        ("# ruff: noqa: S608\nq(s)", &[1, 2]),
        ("# ruff: noqa\nq(s)", &[]),
        ("q(s)  # NOSONAR legacy\nq(s) # NOSONAR(python:S2077)\nq(s) # NOSONAR(S1)", &[1, 2]),
        ("q(s)  # nosemgrep\nq(s) # nosemgrep: python.lang.security.formatted-sql-query\nq(s) # nosem: other", &[1, 2]),
        ("# codeql[py/sql-injection]\nq(s)\nq(s) # lgtm[py/xss]\nq(s) # lgtm[py/sql-injection]", &[1, 2, 4]),
        ("q(s)  # looks good, lgtm\n", &[]),
        ("q(s)  # nosection\n", &[]),
        ("s = 'x' \\\n  'y'  # nosec\nq(s)", &[1, 2]),
        ("# nosec\ns = '''\n\n'''\nq(s)", &[1, 2, 3, 4]),
    ];
    for (text, want) in table {
        assert_eq!(covered(Lang::Python, text, "sql-injection"), want, "{text}");
    }
}

#[test]
fn java_suppressions() {
    let table: [(&str, &[u32]); 8] = [
        ("q(s); // surefix: ignore[sql-injection] -- x\nq(t);", &[1]),
        ("// surefix: ignore -- x\nq(a,\n  b);\nq(t);", &[1, 2, 3]),
        ("/*\n * surefix: ignore -- x\n */\nq(t);\nq(u);", &[2, 3, 4]),
        ("if (a) { // NOSONAR\n  q(s);\n}", &[1]),
        ("q(s); // nosec\n", &[]),
        ("s = \"// NOSONAR\";", &[]),
        (
            "class A {\n @SuppressWarnings({\"unchecked\", \"java:S2077\"})\n void f() {\n  q(s);\n }\n void g() {}\n}",
            &[2, 3, 4, 5],
        ),
        (
            "class A {\n @SuppressWarnings(\"all\")\n void f() { q(s); }\n @SuppressWarnings(value = \"surefix:sql-injection\") int x = q(s);\n}",
            &[4],
        ),
    ];
    for (text, want) in table {
        assert_eq!(covered(Lang::Java, text, "sql-injection"), want, "{text}");
    }
}

#[test]
fn suppressions_say_why() {
    let s = Suppressions::collect(
        Lang::Python,
        "q(s)  # surefix: ignore[b,a] -- it's # fine\nq(t)  # surefix: ignore\nq(u) # NOSONAR why\n",
    );
    let all: Vec<_> = s.iter().map(|s| (s.origin, s.rules.clone(), s.reason.as_deref(), s.lacks_reason())).collect();
    let ids = Rules::Only(vec!["a".to_owned(), "b".to_owned()]);
    assert_eq!(all[0], (Origin::Surefix, ids, Some("it's # fine"), false));
    assert_eq!(all[1], (Origin::Surefix, Rules::All, None, true));
    assert_eq!(all[2], (Origin::Nosonar, Rules::All, Some("why"), false));
    for wrong in ["ignroe", "ignore[]", "ignore[a", "ignore because", "ignore-file[a] -- late"] {
        let s = Suppressions::collect(Lang::Python, &format!("x = 1\n# surefix: {wrong}\n"));
        assert_eq!((s.problems.len(), s.iter().count()), (1, 0), "{wrong}");
    }
    let both = Suppressions::collect(Lang::Python, "q(s)  # nosec # surefix: ignore -- own\n");
    assert_eq!(both.covers(1, "xss").map(|s| s.origin), Some(Origin::Surefix));
}

#[test]
fn styles() {
    let table = [
        (Lang::Python, "def f():\n\tx = 'a'\n\tif x:\n\t\ty = \"b'\"\n", Indent::Tabs, Quote::Single),
        (Lang::Python, "def f():\n  x = g(a,\n        b)\n  if x:\n    y\n", Indent::Spaces(2), Quote::Double),
        (Lang::Python, "x = 'a' + 'b' + \"c\"\n'''doc: \"\"'''\n", Indent::Spaces(4), Quote::Single),
        (
            Lang::Java,
            "class A {\r\n   int x;\r\n   void f() { // {\r\n      g(\r\n              x);\r\n   }\r\n}\r\n",
            Indent::Spaces(3),
            Quote::Double,
        ),
        (Lang::Java, "", Indent::Spaces(4), Quote::Double),
    ];
    for (lang, text, indent, quote) in table {
        assert_eq!(Style::detect(lang, text), Style { indent, quote }, "{text}");
    }
    assert_eq!((Indent::Spaces(3).unit(), Indent::Tabs.unit()), ("   ", "\t"));
}

#[test]
fn kinds_of_java_files() {
    use FileClass::*;
    let table = [
        ("src/main/java/com/acme/App.java", "class App {}", Normal),
        ("src/main/java/com/acme/FooTest00001.java", "class FooTest00001 {}", Normal),
        ("src/main/java/com/acme/SmokeTest.java", "class SmokeTest {}", Normal),
        ("src/test/java/com/acme/Helper.java", "class Helper {}", Test),
        ("m/src/integrationTest/java/X.java", "", Test),
        ("extensions/db/tests/src/com/acme/Stub.java", "", Test),
        ("app/FooTest.java", "", Test),
        ("app/FooIT.java", "", Test),
        ("app/AUDIT.java", "", Normal),
        ("app/Test.java", "", Normal),
        ("src/main/java/com/acme/vendor/Vendor.java", "", Normal),
        ("src/com/acme/vendor/tests/Vendor.java", "", Normal),
        ("com/example/third_party/A.java", "", Normal),
        ("third_party/a/src/main/java/A.java", "", Vendored),
        ("target/generated-sources/a/A.java", "", Generated),
        ("src/main/java/A.java", "// Code generated by protoc. DO NOT EDIT.\nclass A {}", Generated),
        ("src/main/java/A.java", "/*\n * This file was automatically generated by X.\n */\nclass A {}", Generated),
        ("src/main/java/A.java", "/** Shows reports generated by the engine. */\nclass A {}", Normal),
        (
            "src/main/java/A.java",
            "import x;\n@javax.annotation.Generated(value = {\"x\"})\npublic class A {}",
            Generated,
        ),
        ("src/main/java/A.java", "class A { @Generated(\"x\") void f() {} }", Normal),
        ("src/main/java/A.java", "@lombok.Generated class A {}", Normal),
        ("src/main/java/A.java", "class A { String s = \"DO NOT EDIT\"; }", Normal),
        ("examples/src/main/java/A.java", "", Example),
        ("src/main/java/com/example/A.java", "", Normal),
    ];
    for (path, text, want) in table {
        assert_eq!(classify(Lang::Java, path, text), want, "{path}: {text}");
    }
}

#[test]
fn kinds_of_python_files() {
    use FileClass::*;
    let long = format!("x=[{}]", "1,".repeat(4000));
    let spaced = format!("x = [{}]\n{}", "1, ".repeat(900), "def f():\n    pass\n".repeat(300));
    let table = [
        ("app/views.py", "", Normal),
        ("app/test_views.py", "def test_x(): pass", Test),
        ("app/test_views.py", "RATE = 3", Normal),
        ("app/speed_test.py", "import unittest", Test),
        ("app/conftest.py", "", Test),
        ("tests/helpers.py", "", Test),
        ("test/test_a.py", "", Test),
        ("test/app.py", "", Normal),
        ("app/latest_test/app.py", "", Normal),
        ("app/api_pb2.py", "", Generated),
        ("app/m.py", "# -*- coding: utf-8 -*-\n# Generated by the compiler.  DO NOT EDIT!\n", Generated),
        ("app/m.py", "\"\"\"Lists what was generated by the job.\"\"\"\n", Normal),
        (".venv/lib/python3.12/site-packages/x.py", "", Vendored),
        ("venv/lib/x.py", "", Vendored),
        ("env/views.py", "", Normal),
        ("pip/_vendor/x.py", "", Vendored),
        ("app/data.py", long.as_str(), Minified),
        ("app/data.py", spaced.as_str(), Normal),
        ("examples/a.py", "", Example),
        ("app/examples/a.py", "", Normal),
    ];
    for (path, text, want) in table {
        assert_eq!(classify(Lang::Python, path, text), want, "{path}");
    }
}

fn span(text: &str, part: &str) -> Span {
    let lo = text.find(part).expect("part") as u32;
    Span::new(lo, lo + part.len() as u32)
}

#[test]
fn java_nodes() {
    let text = "class A { void f() { q(\"a\" + b); int x = g(); } }";
    let tree = java::parse(text);
    let node = java::node_at(&tree, span(text, "\"a\" + b")).expect("exact");
    assert_eq!(node.kind(), "binary_expression");
    assert_eq!(java::statement(node).map(|n| java::span_of(n).of(text)), Some("q(\"a\" + b);"));
    assert!(java::node_at(&tree, span(text, "a\" + b")).is_none());
    assert_eq!(java::covering(&tree, span(text, "a\" + b")).map(|n| n.kind()), Some("binary_expression"));
    assert_eq!(
        java::node_of_kind(&tree, span(text, "int x = g();"), "local_variable_declaration").map(|n| n.kind()),
        Some("local_variable_declaration")
    );
    assert!(!java::error_in(&tree, Span::new(0, text.len() as u32)));
    let broken = "class A { void f() { q(; } void g() { h(); } }";
    let tree = java::parse(broken);
    assert!(java::error_in(&tree, span(broken, "q(;")));
    assert!(!java::error_in(&tree, span(broken, "h()")));
    let mut kinds = Vec::new();
    java::walk(java::parse("class A {}").root_node(), &mut |n| {
        kinds.push(n.kind().to_owned());
        true
    });
    assert_eq!(kinds, ["program", "class_declaration", "identifier", "class_body"]);
}

#[test]
fn python_nodes() {
    let text = "def f(a):\n    if a:\n        q((a + 'x'), f\"{a.b} y\")\n    return a\n";
    let parsed = python::parse(text);
    let module = parsed.syntax();
    for part in ["a + 'x'", "a.b", "q((a + 'x'), f\"{a.b} y\")", "f\"{a.b} y\""] {
        assert_eq!(python::expr_at(module, span(text, part)).map(|e| python::span_of(e).of(text)), Some(part));
    }
    assert!(python::expr_at(module, span(text, "(a + 'x')")).is_none(), "parentheses are not part of it");
    assert!(python::expr_at(module, span(text, "+ 'x'")).is_none());
    assert_eq!(
        python::covering_expr(module, span(text, "+ 'x'")).map(|e| python::span_of(e).of(text)),
        Some("a + 'x'")
    );
    assert!(python::stmt_at(module, span(text, "return a")).is_some_and(|s| s.is_return_stmt()));
    assert!(python::covering_stmt(module, span(text, "a.b")).is_some_and(|s| s.is_expr_stmt()));
    let path: Vec<_> =
        python::path_to(module, span(text, "return a")).iter().map(|n| python::span_of(n).of(text).len()).collect();
    assert_eq!(path, [text.len(), text.len() - 1, "return a".len()]);
    assert!(!parsed.has_invalid_syntax());
}

#[test]
fn depth_is_survived() {
    for text in [
        "a + ".repeat(100_000) + "a",
        "(".repeat(10_000) + &")".repeat(10_000),
        "-".repeat(50_000) + "1",
        "[".repeat(20_000),
    ] {
        python::deep(&text, || {
            let parsed = python::parse(&text);
            let last = Span::new(text.len() as u32 - 1, text.len() as u32);
            python::covering_expr(parsed.syntax(), last);
            python::covering_expr(parsed.syntax(), Span::new(0, 1));
            python::path_to(parsed.syntax(), Span::new(0, 1));
        });
        comments(Lang::Python, &text);
        let java_text = format!("class A {{ int x = {text}; }}");
        let tree = java::parse(&java_text);
        java::error_in(&tree, Span::new(0, java_text.len() as u32));
        Suppressions::collect(Lang::Java, &(java_text + "// NOSONAR"));
    }
    let nested = "f'{".repeat(20_000);
    comments(Lang::Python, &nested);
}

proptest! {
    #[test]
    fn any_text_is_survived(text in "[a-f'\"#/*{}\\[\\]:\\\\\n\r (surefix: ignore)(nosec B608)é]{0,60}", java in any::<bool>()) {
        let lang = if java { Lang::Java } else { Lang::Python };
        let mut end = 0;
        for c in comments(lang, &text) {
            prop_assert!(end <= c.span.lo && c.span.lo < c.span.hi);
            prop_assert!(!c.span.of(&text).is_empty());
            end = c.span.hi;
        }
        Suppressions::collect(lang, &text);
        classify(lang, "a/b", &text);
        Style::detect(lang, &text);
    }

    /// The scanner and the real tokenizer agree wherever the code is valid.
    #[test]
    fn python_comments_are_the_parsers(parts in prop::collection::vec(prop::sample::select(vec![
        "x = 'a'\n", "# c\n", "y = f'{x}#'  # d\n", "z = '''#\n'''\n", "w = f\"{x:>{y}} {x!r}\" # e\n", "b = rb'\\'' # f\n",
        "f(# g\n 1)\n", "u = f'''{ # h\n x}#'''\n", "v = f'{x['a']}' '#'\n", "t = f'{{#}}' # i\n", "\r\n",
    ]), 0..10)) {
        let text = parts.concat();
        let parsed = python::parse(&text);
        prop_assert!(!parsed.has_invalid_syntax(), "{text}");
        let want: Vec<Span> = parsed.tokens().iter().filter(|t| t.kind().is_comment()).map(python::span_of).collect();
        let got: Vec<Span> = comments(Lang::Python, &text).iter().map(|c| c.span).collect();
        prop_assert_eq!(got, want);
    }
}

#[test]
fn java_spellings_that_the_grammar_lacks() {
    let text =
        "@ interface Mark { int mode() default 0_17; } // @ interface\nclass A { int a = 0__7, b = 10_0, c = 0x_; }\n";
    let tree =
        java::parse("public @\tinterface Mark { int mode() default 0_17; }\nclass A { int a = 0__7, b = 1_0; }\n");
    assert!(!tree.root_node().has_error(), "{}", tree.root_node().to_sexp());
    // What is wrong stays wrong, and spans are those of the text.
    let tree = java::parse(text);
    assert!(tree.root_node().has_error());
    let literal = java::node_at(&tree, span_of_text(text, "0_17")).expect("the literal");
    assert_eq!(literal.kind(), "octal_integer_literal");
}

fn span_of_text(text: &str, part: &str) -> surefix_text::Span {
    let lo = u32::try_from(text.find(part).expect("the part")).expect("a small text");
    surefix_text::Span::new(lo, lo + u32::try_from(part.len()).expect("a small part"))
}
