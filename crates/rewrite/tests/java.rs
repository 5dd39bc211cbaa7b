//! Java services: whole texts before and after.

use surefix_ir::{Lang, Module};
use surefix_lower::{Input, lower};
use surefix_rewrite::JavaCx;
use surefix_rewrite::java::string_literal;
use surefix_text::{Assurance, Edit, EditPlan, FileId, Fix, Reason, Refusal, Span, Tier};

const FILE: FileId = FileId(0);

fn module(text: &str) -> Module {
    lower(Lang::Java, Input { path: "A.java", text, module: "", is_package: false })
}

fn apply(text: &str, edits: Vec<Edit>) -> String {
    let fix = Fix { title: String::new(), edits, assurance: Assurance::start(Tier::Preserving), needs: Vec::new() };
    let mut plan = EditPlan::new();
    plan.offer(0, &fix).unwrap();
    let new = plan.apply(FILE, text).unwrap();
    let before = surefix_syntax::java::parse(text).root_node().has_error();
    assert!(before || !surefix_syntax::java::parse(&new).root_node().has_error(), "new syntax error:\n{new}");
    new
}

fn find(text: &str, what: &str) -> Span {
    let lo = text.find(what).unwrap_or_else(|| panic!("{what} not in {text}")) as u32;
    Span::new(lo, lo + what.len() as u32)
}

fn edit(text: &str, f: impl FnOnce(&JavaCx<'_>, &mut Vec<Edit>) -> Result<(), Refusal>) -> Result<String, Reason> {
    let module = module(text);
    let cx = JavaCx::new(FILE, text, &module);
    let mut edits = Vec::new();
    f(&cx, &mut edits).map_err(|r| {
        assert!(edits.is_empty(), "a refusal pushed edits");
        r.reason
    })?;
    Ok(apply(text, edits))
}

fn with<R>(text: &str, f: impl FnOnce(&JavaCx<'_>) -> R) -> R {
    let module = module(text);
    f(&JavaCx::new(FILE, text, &module))
}

fn bring(text: &str, types: &[&str]) -> (String, Vec<String>) {
    let mut names = Vec::new();
    let new = edit(text, |cx, edits| {
        for t in types {
            names.push(cx.bring_type(t, edits)?);
        }
        Ok(())
    });
    (new.unwrap(), names)
}

#[test]
fn imports_go_to_their_place() {
    let path = &["java.nio.file.Path"];
    let cases: &[(&str, &[&str], &str, &str)] = &[
        // Sorted into the only group.
        (
            "package a;\n\nimport java.io.File;\nimport java.util.List;\n\nclass A {}\n",
            path,
            "package a;\n\nimport java.io.File;\nimport java.nio.file.Path;\nimport java.util.List;\n\nclass A {}\n",
            "Path",
        ),
        // CRLF, at the end of the group, comment after the last import.
        (
            "package a;\r\n\r\nimport java.io.File; // f\r\n\r\nclass A {}\r\n",
            path,
            "package a;\r\n\r\nimport java.io.File; // f\r\nimport java.nio.file.Path;\r\n\r\nclass A {}\r\n",
            "Path",
        ),
        // No imports, a package, a header.
        (
            "/* c */\npackage a;\n\nclass A {}",
            path,
            "/* c */\npackage a;\n\nimport java.nio.file.Path;\n\nclass A {}",
            "Path",
        ),
        // No package: before the type's own comment, after the licence.
        ("class A {}\n", path, "import java.nio.file.Path;\n\nclass A {}\n", "Path"),
        (
            "/* licence */\n\n/** Doc. */\nclass A {}\n",
            path,
            "/* licence */\n\nimport java.nio.file.Path;\n\n/** Doc. */\nclass A {}\n",
            "Path",
        ),
        ("/** Doc. */\nclass A {}\n", path, "import java.nio.file.Path;\n\n/** Doc. */\nclass A {}\n", "Path"),
        // The group that shares most.
        (
            "import org.x.A;\n\nimport java.io.File;\nimport java.util.List;\n\nimport static a.B.c;\nclass Z {}\n",
            path,
            "import org.x.A;\n\nimport java.io.File;\nimport java.nio.file.Path;\nimport java.util.List;\n\nimport static a.B.c;\nclass Z {}\n",
            "Path",
        ),
        // A group of its own between sorted groups.
        (
            "import com.x.A;\n\nimport org.x.B;\n\nclass Z {}\n",
            path,
            "import com.x.A;\n\nimport java.nio.file.Path;\n\nimport org.x.B;\n\nclass Z {}\n",
            "Path",
        ),
        // Unsorted: beside its kin.
        (
            "import java.util.List;\nimport java.io.File;\nimport a.B;\nclass Z {}\n",
            &["java.io.Reader"],
            "import java.util.List;\nimport java.io.File;\nimport java.io.Reader;\nimport a.B;\nclass Z {}\n",
            "Reader",
        ),
        // Reuse: exact, wildcard, java.lang, same package, nested type of an imported one.
        ("import java.nio.file.Path;\nclass A {}\n", path, "import java.nio.file.Path;\nclass A {}\n", "Path"),
        ("import java.nio.file.*;\nclass A {}\n", path, "import java.nio.file.*;\nclass A {}\n", "Path"),
        ("class A {}\n", &["java.lang.String"], "class A {}\n", "String"),
        ("package p.q;\nclass A {}\n", &["p.q.B"], "package p.q;\nclass A {}\n", "B"),
        (
            "import java.util.Map;\nclass A {}\n",
            &["java.util.Map.Entry"],
            "import java.util.Map;\nclass A {}\n",
            "Map.Entry",
        ),
        // A second wildcard could be ambiguous.
        (
            "import java.awt.*;\nimport java.util.*;\nclass A {}\n",
            &["java.util.List"],
            "import java.awt.*;\nimport java.util.*;\nimport java.util.List;\nclass A {}\n",
            "List",
        ),
        // Clashes: another import, a nested class, a type parameter, a name that a wildcard explains.
        (
            "import javax.ws.rs.Path;\nclass A {}\n",
            path,
            "import javax.ws.rs.Path;\nclass A {}\n",
            "java.nio.file.Path",
        ),
        ("class A { class Path {} }\n", path, "class A { class Path {} }\n", "java.nio.file.Path"),
        ("class A<Path> {}\n", path, "class A<Path> {}\n", "java.nio.file.Path"),
        (
            "import javax.ws.rs.*;\n@Path(\"x\") class A {}\n",
            path,
            "import javax.ws.rs.*;\n@Path(\"x\") class A {}\n",
            "java.nio.file.Path",
        ),
    ];
    for (text, types, want, name) in cases {
        let (new, names) = bring(text, types);
        assert_eq!(&new, want, "for {text:?}");
        assert_eq!(names, [*name], "for {text:?}");
        // Idempotent, and the result now knows the type.
        let (again, names) = bring(&new, types);
        assert_eq!((again.as_str(), names[0].as_str()), (*want, *name), "second time for {text:?}");
    }
}

#[test]
fn two_imports_of_one_fix_share_a_point() {
    let (new, names) = bring("package a;\nclass A {}\n", &["java.util.List", "java.io.File", "java.util.List"]);
    assert_eq!(new, "package a;\n\nimport java.io.File;\nimport java.util.List;\nclass A {}\n");
    assert_eq!(names, ["List", "File", "List"]);
    // Two types of one simple name.
    let (_, names) = bring("package a;\nclass A {}\n", &["java.util.Date", "java.sql.Date"]);
    assert_eq!(names, ["Date", "java.sql.Date"]);
}

#[test]
fn a_full_name_needs_its_first_part_free() {
    let text = "import javax.ws.rs.Path;\nclass A { void f(int java) {} }\n";
    let got = edit(text, |cx, edits| cx.bring_type("java.nio.file.Path", edits).map(|_| ()));
    assert_eq!(got, Err(Reason::NameTaken));
    let taken = "package a;\nclass A { void f() {} }\n";
    let module = module(taken);
    let cx = JavaCx::new(FILE, taken, &module).with_package_types(|name| name == "Path");
    assert_eq!(cx.bring_type("java.nio.file.Path", &mut Vec::new()).unwrap(), "java.nio.file.Path");
}

#[test]
fn statics() {
    let text = "import static java.util.Objects.requireNonNull;\nclass A { }\n";
    with(text, |cx| {
        let mut edits = Vec::new();
        assert_eq!(cx.bring_static("java.util.Objects.requireNonNull", &mut edits).unwrap(), "requireNonNull");
        assert_eq!(cx.bring_static("java.util.Objects.hash", &mut edits).unwrap(), "Objects.hash");
        assert_eq!(apply(text, edits), format!("import java.util.Objects;\n\n{text}"));
    });
}

#[test]
fn statements_in_the_files_style() {
    let body = |b: &str| format!("class A {{\n\tvoid f(int x) {{\n{b}\n\t}}\n}}\n");
    let cases = [
        ("\t\tg();", "\t\tif (x) {\n\t\t\th();\n\t\t}\n\t\tg();"),
        ("\t\ta(); g();", "\t\ta(); if (x) { h(); } g();"),
        ("\t\tif (c)\n\t\t\tg();", "\t\tif (c) {\n\t\t\tif (x) {\n\t\t\t\th();\n\t\t\t}\n\t\t\tg();\n\t\t}"),
        (
            "\t\tif (c) // why\n\t\t\tg(); // because\n\t\telse y();",
            "\t\tif (c) { // why\n\t\t\tif (x) {\n\t\t\t\th();\n\t\t\t}\n\t\t\tg(); // because\n\t\t}\n\t\telse y();",
        ),
        ("\t\tif (c) y(); else g();", "\t\tif (c) y(); else { if (x) { h(); } g(); }"),
        ("\t\tfor (;;) g();", "\t\tfor (;;) { if (x) { h(); } g(); }"),
        ("\t\tl: g();", "\t\tif (x) {\n\t\t\th();\n\t\t}\n\t\tl: g();"),
        (
            "\t\tswitch (x) {\n\t\t\tcase 1:\n\t\t\t\tg();\n\t\t}",
            "\t\tswitch (x) {\n\t\t\tcase 1:\n\t\t\t\tif (x) {\n\t\t\t\t\th();\n\t\t\t\t}\n\t\t\t\tg();\n\t\t}",
        ),
        ("\t\tswitch (x) { case 1 -> g(); }", "\t\tswitch (x) { case 1 -> { if (x) { h(); } g(); } }"),
    ];
    for (before, after) in cases {
        let text = body(before);
        let new = edit(&text, |cx, edits| {
            let stmt = cx.hoist_point(find(&text, "g()"))?;
            cx.insert_before_stmt(stmt, &["if (x) {", "    h();", "}"], edits)
        });
        assert_eq!(new.unwrap(), body(after), "for {before}");
    }
    let crlf = "class A {\r\n  void f() {\r\n    g();\r\n  }\r\n}";
    let new = edit(crlf, |cx, edits| {
        let stmt = cx.stmt_of(find(crlf, "g()")).unwrap();
        cx.declare_before(stmt, "int", "n", "1", edits)?;
        cx.insert_after_stmt(stmt, &["h();"], edits)
    });
    assert_eq!(new.unwrap(), "class A {\r\n  void f() {\r\n    int n = 1;\r\n    g();\r\n    h();\r\n  }\r\n}");
}

#[test]
fn no_place_for_a_statement() {
    let cases = [
        "while (g(x)) { }",
        "for (int i = 0; g(x); i++) { }",
        "boolean b = c && g(x);",
        "int b = c ? g(x) : 1;",
        "Runnable r = () -> g(x);",
        "int y = switch (x) { case 1 -> g(x); default -> 0; };",
        "assert g(x);",
        "try (R a = b(); R c = g(x)) { }",
    ];
    for case in cases {
        let text = format!("class A {{ void f(int x) {{ {case} }} }}");
        assert_eq!(
            with(&text, |cx| cx.hoist_point(find(&text, "g(x)")).map_err(|r| r.reason)),
            Err(Reason::ControlFlow),
            "{case}"
        );
    }
    for text in ["class A { int a = g(x); }", "class A { A() { this(g(x)); } }", "@B(g(x)) class A { }"] {
        assert!(with(text, |cx| cx.hoist_point(find(text, "g(x)"))).is_err(), "{text}");
    }
    let fine = [
        "if (g(x)) { }",
        "return g(x) && c;",
        "Runnable r = () -> { g(x); };",
        "for (int i = g(x);;) { }",
        "for (T t : g(x)) { }",
    ];
    for case in fine {
        let text = format!("class A {{ boolean f(int x) {{ {case} }} }}");
        let new =
            edit(&text, |cx, edits| cx.insert_before_stmt(cx.hoist_point(find(&text, "g(x)"))?, &["h();"], edits));
        let want = if case.contains("->") {
            text.replace("g(x)", "h(); g(x)")
        } else {
            text.replace(case, &format!("h(); {case}"))
        };
        assert_eq!(new.unwrap(), want, "{case}");
    }
    let text = "class A { int f() { return 1; } }";
    let got = edit(text, |cx, edits| cx.insert_after_stmt(find(text, "return 1;"), &["h();"], edits));
    assert_eq!(got, Err(Reason::ControlFlow));
}

#[test]
fn expressions_keep_their_meaning() {
    let cases = [
        ("a + X * b", "c + d", "a + (c + d) * b"),
        ("a + X", "c + d", "a + (c + d)"),
        ("X + a", "c + d", "c + d + a"),
        ("X.length()", "c + d", "(c + d).length()"),
        ("X.length()", "new B()", "new B().length()"),
        ("f(X)", "c ? d : e", "f(c ? d : e)"),
        ("X ? 1 : 2", "a = b", "(a = b) ? 1 : 2"),
        ("!X", "a == b", "!(a == b)"),
        ("(String) X", "a + b", "(String) (a + b)"),
        ("(X)", "a + b", "(a + b)"),
        ("a[X]", "b + 1", "a[b + 1]"),
    ];
    for (before, new, want) in cases {
        let wrap = |e: &str| format!("class A {{ Object o = {e}; }}");
        let text = wrap(before);
        let got = edit(&text, |cx, edits| cx.replace_expr(find(&text, "X"), new, edits));
        assert_eq!(got.unwrap(), wrap(want), "{before}");
    }
    let text = "class A { Object o = f(a /* c */ + b); }";
    let span = find(text, "a /* c */ + b");
    assert_eq!(edit(text, |cx, e| cx.replace_expr(span, "x", e)), Err(Reason::CommentInside));
    assert_eq!(edit(text, |cx, e| cx.replace_expr(span, "x +", e)), Err(Reason::CommentInside));
    let text = "class A { Object o = f(a); }";
    assert_eq!(edit(text, |cx, e| cx.replace_expr(find(text, "f(a)"), "x +", e)), Err(Reason::ShapeUnknown));
}

#[test]
fn arguments() {
    let text = "class A { void f() { g(a,\n      b,\n      c); h(); i(x); } }";
    let g = find(text, "g(a,\n      b,\n      c)");
    type Change<'c> = &'c dyn Fn(&JavaCx<'_>, &mut Vec<Edit>) -> Result<(), Refusal>;
    let run = |f: Change<'_>| edit(text, |cx, e| f(cx, e)).unwrap();
    assert!(run(&|cx, e| cx.insert_arg(g, 3, "d", e)).contains("c,\n      d)"));
    assert!(run(&|cx, e| cx.insert_arg(g, 1, "d", e)).contains("a,\n      d,\n      b,"));
    assert!(run(&|cx, e| cx.remove_arg(g, 0, e)).contains("g(b,\n      c)"));
    assert!(run(&|cx, e| cx.remove_arg(g, 2, e)).contains("g(a,\n      b)"));
    assert!(run(&|cx, e| cx.replace_arg(g, 1, "p + q", e)).contains("      p + q,"));
    assert!(run(&|cx, e| cx.insert_arg(find(text, "h()"), 0, "d", e)).contains("h(d)"));
    assert!(run(&|cx, e| cx.insert_arg(find(text, "i(x)"), 1, "d", e)).contains("i(x, d)"));
    assert!(run(&|cx, e| cx.remove_arg(find(text, "i(x)"), 0, e)).contains("i()"));
    assert_eq!(with(text, |cx| cx.args(g).len()), 3);
}

#[test]
fn checked_exceptions() {
    let text = "import java.io.*;\nimport java.sql.SQLException;\nclass A {\n void a() throws SQLException { a1(); }\n void b() { try { b1(); } catch (Exception e) { b2(); } }\n\
        void c() throws IOException { Runnable r = () -> { c1(); }; c2(); }\n void d() throws Exception { new T() { void x() { d1(); } }; }\n int e = e1();\n void g() { try { g1(); } catch (FileNotFoundException | SQLException e) { } }\n}\n";
    let can = |at: &str, ex: &str| with(text, |cx| cx.can_throw(find(text, at), ex));
    assert!(can("a1", "java.sql.SQLException") && !can("a1", "java.io.IOException"));
    assert!(can("a1", "java.lang.IllegalArgumentException"));
    assert!(can("b1", "java.io.IOException") && !can("b2", "java.io.IOException"));
    assert!(!can("c1", "java.io.IOException") && can("c2", "java.io.FileNotFoundException"));
    assert!(!can("d1", "java.io.IOException") && !can("e1", "java.io.IOException"));
    assert!(can("g1", "java.sql.SQLException") && !can("g1", "java.io.IOException"));
    let pick = |at: &str| {
        with(text, |cx| cx.throwable_at(find(text, at), &["java.io.IOException", "java.lang.SecurityException"]))
    };
    assert_eq!((pick("c2"), pick("a1")), ("java.io.IOException", "java.lang.SecurityException"));
}

#[test]
fn locals_and_names() {
    let text = "class A { int path; String f(final String p, int q) { String s = p; q = 2; Runnable r = () -> use(s, p); for (String t : x) { t = s; } int a = 1, b; b = a; b++; return this.s.p(s); } }";
    with(text, |cx| {
        let at = find(text, "return");
        let s = cx.uses("s", at).unwrap();
        assert_eq!(cx.type_text(&s), Some("String"));
        assert_eq!(s.init.map(|i| i.of(text)), Some("p"));
        assert_eq!((s.reads.len(), s.writes.len()), (3, 0));
        assert!(s.captured && s.alone && s.is_effectively_final());
        assert_eq!(s.statement.map(|i| i.of(text)), Some("String s = p;"));
        let p = cx.uses("p", at).unwrap();
        assert!(p.is_final && p.reads.len() == 2, "{p:?}");
        let q = cx.uses("q", at).unwrap();
        assert!(!q.is_effectively_final() && q.writes.len() == 1 && q.reads.is_empty());
        let b = cx.uses("b", at).unwrap();
        assert!(!b.alone && b.writes.len() == 2 && b.reads.len() == 1 && !b.is_effectively_final());
        assert!(cx.uses("t", at).is_none() && cx.uses("path", at).is_none());
        assert_eq!(cx.uses("t", find(text, "t = s")).map(|u| u.writes.len()), Some(1));
        assert_eq!(cx.fresh_name("path", at, &[]), "path2");
        assert_eq!(cx.fresh_name("s", at, &[Edit::insert(FILE, 0, "int s2 = 0;")]), "s3");
        assert_eq!(cx.return_type(at), Some("String"));
        assert!(!cx.is_simple_pure(find(text, "p; q")));
        assert!(cx.duplicate_locals().is_empty());
    });
    let twice =
        "class A { void f(int a) { int b; { int a; } { int c; } { int c; } new Object() { void g() { int b; } }; } }";
    assert_eq!(with(twice, |cx| cx.duplicate_locals()), [Span::new(39, 40)]);
}

#[test]
fn purity_and_order() {
    let text = "class A { Object o = f(a, \"x\" + b, this.c, Type.LIMIT, d.e, g(), 1 + 2, x++); }";
    with(text, |cx| {
        let args = cx.args(find(text, "f(a, \"x\" + b, this.c, Type.LIMIT, d.e, g(), 1 + 2, x++)"));
        let pure: Vec<bool> = args.iter().map(|a| cx.is_simple_pure(*a)).collect();
        assert_eq!(pure, [true, true, true, true, false, false, true, false]);
    });
    let text = "class A { void f() { g(a(), b()); } }";
    with(text, |cx| {
        let stmt = find(text, "g(a(), b());");
        assert!(cx.first_effect(stmt, find(text, "a()")) && !cx.first_effect(stmt, find(text, "b()")));
    });
    assert_eq!(string_literal("a\"\\\n\u{1}é"), "\"a\\\"\\\\\\n\\u0001é\"");
}
