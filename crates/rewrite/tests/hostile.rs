//! Broken and cut-off texts: no service panics, and what it accepts in a sound text stays sound.

use surefix_ir::{Lang, Module};
use surefix_lower::{Input, lower};
use surefix_rewrite::{JavaCx, LiteralMap, Project, PyCx};
use surefix_text::{Assurance, Edit, EditPlan, FileId, Fix, Span, Tier};

const FILE: FileId = FileId(0);

const JAVA: &str = "/* é */ package a.b;\r\nimport java.util.*; // c\r\n\timport static a.B.c;\nclass A<T> extends B { int f = g(1, \"x\");\n A(int p) { this(p, q()); }\n void m(final String s, int... v) throws java.io.IOException { if (s == null) return; else for (;;) { s.trim(); } l: while (a && b()) c(s, /* k */ 2);\n switch (v[0]) { case 1: d(); default: } int y = switch (s) { case \"a\" -> 1; default -> { yield 2; } }; try (R r = o(); r) { r.x(); } catch (E | F e) { throw e; } Runnable z = () -> m(s); new Object() { void n() { int s = 1; s++; } }; } }\n";

const PYTHON: &str = "#!/x\n'''é'''\nfrom __future__ import a\nimport os, sys as s; x = 1\nfrom b import (c,\n  d)\nif t:\n    import html\ndef f(p, *q, k=g()):\n    y = [i for i in p if (i)] ; z = f'{y!r:>{w}}{{' 'a' r'\\x41'\n    while a and b(): c(x, k=1, *d, **e)\n    with o() as r, r.x(): return lambda v: m(v)\n    try: pass\n    except (E, F) as e: raise\n    match y:\n        case [1, *r] if h(): pass\n    assert q, \"x\"\nclass C(B, m=1):\n    f = g(1)(2).h[3:4]\n    def n(self): return -self.f ** (2 + 1)";

fn module(lang: Lang) -> Module {
    lower(lang, Input { path: "a", text: "", module: "a", is_package: false })
}

fn fixed(text: &str, edits: Vec<Edit>) -> Option<String> {
    let fix = Fix { title: String::new(), edits, assurance: Assurance::start(Tier::Preserving), needs: Vec::new() };
    let mut plan = EditPlan::new();
    plan.offer(0, &fix).ok()?;
    Some(plan.apply(FILE, text).unwrap())
}

fn spans(text: &str, step: usize) -> Vec<Span> {
    let at: Vec<usize> = text.char_indices().map(|c| c.0).chain([text.len()]).collect();
    let mut out = Vec::new();
    for (n, lo) in at.iter().enumerate().step_by(step) {
        for len in [0, 1, 3, 4, 7, 12] {
            if let Some(hi) = at.get(n + len) {
                out.push(Span::new(*lo as u32, *hi as u32));
            }
        }
    }
    out
}

fn java(text: &str, step: usize, sound: bool) {
    let module = module(Lang::Java);
    let cx = JavaCx::new(FILE, text, &module);
    let check = |what: &str, at: Span, edits: Vec<Edit>| {
        if let Some(new) = fixed(text, edits).filter(|_| sound) {
            assert!(!surefix_syntax::java::parse(&new).root_node().has_error(), "{what} at {:?}:\n{new}", at.of(text));
        }
    };
    cx.duplicate_locals();
    for at in spans(text, step) {
        let mut e = Vec::new();
        if cx.bring_type("java.nio.file.Path", &mut e).is_ok() {
            check("import", at, e);
        }
        let mut e = Vec::new();
        if cx.hoist_point(at).and_then(|s| cx.insert_before_stmt(s, &["if (x) {", "    h();", "}"], &mut e)).is_ok() {
            check("before", at, e);
        }
        let mut e = Vec::new();
        if cx.stmt_of(at).is_some_and(|s| cx.insert_after_stmt(s, &["h();"], &mut e).is_ok()) {
            check("after", at, e);
        }
        for i in 0..3 {
            let mut e = Vec::new();
            if cx.insert_arg(at, i, "n", &mut e).is_ok() {
                check("insert_arg", at, e);
            }
            let mut e = Vec::new();
            if cx.remove_arg(at, i, &mut e).is_ok() {
                check("remove_arg", at, e);
            }
            let mut e = Vec::new();
            if cx.replace_arg(at, i, "n ? 1 : 2", &mut e).is_ok() {
                check("replace_arg", at, e);
            }
        }
        let _ = (cx.uses(at.of(text), at), cx.can_throw(at, "java.io.IOException"), cx.is_simple_pure(at));
        let _ = (cx.first_effect(at, at), cx.return_type(at), cx.fresh_name("s", at, &[]), cx.is_static_at(at));
        let _ = (cx.parenthesized(at, "a + b"), cx.is_caught(at, "java.io.IOException"));
        let _ = LiteralMap::new(Lang::Java, at.of(text));
    }
}

fn python(text: &str, step: usize, sound: bool) {
    let module = module(Lang::Python);
    let cx = PyCx::new(FILE, text, &module);
    let check = |what: &str, at: Span, edits: Vec<Edit>| {
        if let Some(new) = fixed(text, edits).filter(|_| sound) {
            let parsed = surefix_syntax::python::parse(&new);
            assert!(parsed.errors().is_empty(), "{what} at {:?}: {:?}\n{new}", at.of(text), parsed.errors());
        }
    };
    for at in spans(text, step) {
        for what in ["html", "os.path", "zlib"] {
            let mut e = Vec::new();
            if cx.bring(what, at, &mut e).is_ok() && cx.bring_from("b", "escape", at, &mut e).is_ok() {
                check("import", at, e);
            }
        }
        for lines in [&["h()"][..], &["if x:", "    h()"][..]] {
            let mut e = Vec::new();
            if cx.hoist_point(at).and_then(|s| cx.insert_before_stmt(s, lines, &mut e)).is_ok() {
                check("before", at, e);
            }
            let mut e = Vec::new();
            if cx.stmt_of(at).is_some_and(|s| cx.insert_after_stmt(s, lines, &mut e).is_ok()) {
                check("after", at, e);
            }
        }
        let mut e = Vec::new();
        if cx.set_keyword(at, "zz", "n", &mut e).is_ok() {
            check("set_keyword", at, e);
        }
        for i in 0..3 {
            let mut e = Vec::new();
            if cx.remove_arg(at, i, &mut e).is_ok() {
                check("remove_arg", at, e);
            }
            let mut e = Vec::new();
            if cx.replace_arg(at, i, "n if 1 else 2", &mut e).is_ok() {
                check("replace_arg", at, e);
            }
        }
        let mut e = Vec::new();
        let load = cx.is_simple_pure(at);
        if load
            && cx.replace_expr(at, "n + 1", &mut e).is_ok()
            && cx.uses(at.of(text), at).is_none_or(|u| u.reads.contains(&at))
        {
            check("replace_expr", at, e);
        }
        let _ =
            (cx.uses(at.of(text), at), cx.first_effect(at, at), cx.parenthesized(at, "a, b"), cx.literal_tokens(at));
        let _ = LiteralMap::new(Lang::Python, at.of(text));
    }
}

#[test]
fn whole_texts() {
    java(JAVA, 1, true);
    python(PYTHON, 1, true);
}

#[test]
fn cut_texts() {
    for (i, _) in JAVA.char_indices().step_by(13) {
        java(&JAVA[..i], 17, false);
        java(&JAVA[i..], 31, false);
    }
    for (i, _) in PYTHON.char_indices().step_by(13) {
        python(&PYTHON[..i], 17, false);
        python(&PYTHON[i..], 31, false);
    }
    let manifests = [
        (
            "pom.xml",
            "<project><parent><artifactId>a</artifactId><relativePath>pom.xml</relativePath></parent><artifactId>a</artifactId><dependencies><!-- > --><dependency><groupId>${x</groupId></dependency></dependencies></project>",
        ),
        ("build.gradle", "dependencies {\n  implementation \"a:b:${c}\" /* } */\n}\n"),
        ("pyproject.toml", "[project]\ndependencies = [\"a\", 1]\n[tool.poetry.dependencies]\nx = {}\n"),
        ("requirements.txt", "é==1 \\\n  --x\n"),
        ("setup.cfg", "[options]\ninstall_requires = \n  a\n"),
        ("setup.py", "setup(install_requires=['a',])"),
    ];
    for (name, text) in manifests {
        for (i, _) in text.char_indices() {
            for part in [&text[..i], &text[i..]] {
                let p = Project::new(&[(name.to_owned(), part.to_owned())]);
                for path in ["A.java", "a.py"] {
                    let mut e = Vec::new();
                    let _ = (p.java_level(path), p.python_min(path), p.has_dep(path, "g:a"));
                    let _ = p.add_dependency(path, "g:a", "1", &mut e);
                }
            }
        }
    }
}
