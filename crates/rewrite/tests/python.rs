//! Python services: whole texts before and after.

use surefix_ir::{Lang, Module};
use surefix_lower::{Input, lower};
use surefix_rewrite::PyCx;
use surefix_text::{Assurance, Edit, EditPlan, FileId, Fix, Reason, Refusal, Span, Tier};

const FILE: FileId = FileId(0);

fn module(text: &str) -> Module {
    lower(Lang::Python, Input { path: "a.py", text, module: "a", is_package: false })
}

fn apply(text: &str, edits: Vec<Edit>) -> String {
    let fix = Fix { title: String::new(), edits, assurance: Assurance::start(Tier::Preserving), needs: Vec::new() };
    let mut plan = EditPlan::new();
    plan.offer(0, &fix).unwrap();
    let new = plan.apply(FILE, text).unwrap();
    assert!(surefix_syntax::python::parse(text).errors().is_empty(), "test input does not parse:\n{text}");
    let parsed = surefix_syntax::python::parse(&new);
    assert!(parsed.errors().is_empty(), "{:?}\n{new}", parsed.errors());
    new
}

fn find(text: &str, what: &str) -> Span {
    let lo = text.find(what).unwrap_or_else(|| panic!("{what} not in {text}")) as u32;
    Span::new(lo, lo + what.len() as u32)
}

fn edit(text: &str, f: impl FnOnce(&PyCx<'_>, &mut Vec<Edit>) -> Result<(), Refusal>) -> Result<String, Reason> {
    let module = module(text);
    let cx = PyCx::new(FILE, text, &module);
    let mut edits = Vec::new();
    f(&cx, &mut edits).map_err(|r| {
        assert!(edits.is_empty(), "a refusal pushed edits");
        r.reason
    })?;
    Ok(apply(text, edits))
}

fn with<R>(text: &str, f: impl FnOnce(&PyCx<'_>) -> R) -> R {
    let module = module(text);
    f(&PyCx::new(FILE, text, &module))
}

/// What is brought: a module, or `module:name`.
fn bring(text: &str, what: &str) -> (String, String) {
    let mut name = String::new();
    let new = edit(text, |cx, edits| {
        let at = find(text, "USE");
        name = match what.split_once(':') {
            Some((m, n)) => cx.bring_from(m, n, at, edits)?,
            None => cx.bring(what, at, edits)?,
        };
        Ok(())
    });
    (new.unwrap_or_else(|r| panic!("{r:?} for {text}")), name)
}

#[test]
fn imports() {
    let cases = [
        // Sorted, in the section of the standard library.
        ("import flask\n\nUSE\n", "html", "import html\n\nimport flask\n\nUSE\n", "html"),
        (
            "import os\nimport sys\n\nimport flask\n\nUSE\n",
            "re",
            "import os\nimport re\nimport sys\n\nimport flask\n\nUSE\n",
            "re",
        ),
        (
            "import os\n\nimport flask\n\nUSE\n",
            "defusedxml",
            "import os\n\nimport defusedxml\nimport flask\n\nUSE\n",
            "defusedxml",
        ),
        (
            "import os\n\nfrom . import x\n\nUSE\n",
            "flask:abort",
            "import os\n\nfrom flask import abort\n\nfrom . import x\n\nUSE\n",
            "abort",
        ),
        ("import os\nfrom a import b\n\nUSE\n", "html", "import html\nimport os\nfrom a import b\n\nUSE\n", "html"),
        // Docstring, __future__, comments, CRLF, no final newline.
        ("\"\"\"Doc.\"\"\"\n\nUSE\n", "html", "\"\"\"Doc.\"\"\"\n\nimport html\n\nUSE\n", "html"),
        ("\"\"\"Doc.\"\"\"\nUSE\n", "html", "\"\"\"Doc.\"\"\"\n\nimport html\n\nUSE\n", "html"),
        (
            "'''D'''\r\nfrom __future__ import annotations\r\n\r\nUSE",
            "html",
            "'''D'''\r\nfrom __future__ import annotations\r\n\r\nimport html\r\n\r\nUSE",
            "html",
        ),
        (
            "#!/usr/bin/env python\n# -*- coding: utf-8 -*-\n# about USE\nUSE\n",
            "html",
            "#!/usr/bin/env python\n# -*- coding: utf-8 -*-\nimport html\n\n# about USE\nUSE\n",
            "html",
        ),
        ("# licence\n\nUSE\n", "html", "# licence\n\nimport html\n\nUSE\n", "html"),
        ("USE", "html", "import html\n\nUSE", "html"),
        // Reuse, aliases, module instead of name, name instead of module.
        ("import html as h\nUSE\n", "html", "import html as h\nUSE\n", "h"),
        ("from html import escape as e\nUSE\n", "html:escape", "from html import escape as e\nUSE\n", "e"),
        ("import html as h\nUSE\n", "html:escape", "import html as h\nUSE\n", "h.escape"),
        (
            "import xml.etree.ElementTree as ET\nUSE\n",
            "xml.etree.ElementTree",
            "import xml.etree.ElementTree as ET\nUSE\n",
            "ET",
        ),
        (
            "from xml.etree import ElementTree\nUSE\n",
            "xml.etree.ElementTree",
            "from xml.etree import ElementTree\nUSE\n",
            "ElementTree",
        ),
        ("import os\nUSE\n", "os.path", "import os\nUSE\n", "os.path"),
        ("import xml.sax\nUSE\n", "xml.dom", "import xml.dom\nimport xml.sax\nUSE\n", "xml.dom"),
        // Extension of an existing from-import.
        (
            "from flask import Flask, request # c\nUSE\n",
            "flask:abort",
            "from flask import Flask, abort, request # c\nUSE\n",
            "abort",
        ),
        (
            "from flask import (\n    abort,\n    request,\n)\nUSE\n",
            "flask:escape",
            "from flask import (\n    abort,\n    escape,\n    request,\n)\nUSE\n",
            "escape",
        ),
        (
            "from flask import (\n    abort,\n    request,\n)\nUSE\n",
            "flask:session",
            "from flask import (\n    abort,\n    request,\n    session,\n)\nUSE\n",
            "session",
        ),
        // TYPE_CHECKING, try, other functions: not visible.
        (
            "import typing\nif typing.TYPE_CHECKING:\n    import html\ntry:\n    import re\nexcept ImportError: pass\ndef f():\n    import json\ndef g():\n    USE\n",
            "json",
            "import json\nimport typing\nif typing.TYPE_CHECKING:\n    import html\ntry:\n    import re\nexcept ImportError: pass\ndef f():\n    import json\ndef g():\n    USE\n",
            "json",
        ),
        ("def g():\n    import html\n    USE\n", "html", "def g():\n    import html\n    USE\n", "html"),
        // Extension in the function around the place: its decorators are not part of a function, and what a class body binds is not
        // seen by a comprehension in it.
        (
            "def f():\n    from a import b\n    @USE\n    def g():\n        pass\n",
            "a:d",
            "def f():\n    from a import b, d\n    @USE\n    def g():\n        pass\n",
            "d",
        ),
        (
            "def f():\n    from a import b\n    class C:\n        if b:\n            from a import c\n            y = [USE for x in c]\n",
            "a:d",
            "def f():\n    from a import b, d\n    class C:\n        if b:\n            from a import c\n            y = [USE for x in c]\n",
            "d",
        ),
        // Clashes: a local, a global, a builtin in use.
        (
            "import html\ndef f(html):\n    USE\n",
            "html",
            "import html\nimport html as _html\ndef f(html):\n    USE\n",
            "_html",
        ),
        ("def html(): pass\nUSE\n", "html", "import html as _html\n\ndef html(): pass\nUSE\n", "_html"),
        ("compile(USE)\n", "re:compile", "from re import compile as _compile\n\ncompile(USE)\n", "_compile"),
        // An import below the place is no help at module level, but is in a function.
        ("import os\nUSE\nimport html\n", "html", "import html\nimport os\nUSE\nimport html\n", "html"),
        ("def f():\n    USE\nimport html\n", "html", "def f():\n    USE\nimport html\n", "html"),
    ];
    for (text, what, want, name) in cases {
        let (new, got) = bring(text, what);
        assert_eq!((new.as_str(), got.as_str()), (want, name), "{what} for {text:?}");
        assert_eq!(bring(&new, what), (want.to_owned(), name.to_owned()), "second time for {text:?}");
    }
}

#[test]
fn several_imports_of_one_fix() {
    let text = "import flask\n\nUSE\n";
    let new = edit(text, |cx, e| {
        for m in ["shlex", "html", "shlex"] {
            assert_eq!(cx.bring(m, find(text, "USE"), e)?, m);
        }
        Ok(())
    });
    assert_eq!(new.unwrap(), "import html\nimport shlex\n\nimport flask\n\nUSE\n");
    let taken = "html = _html = 1\nUSE\n";
    assert_eq!(edit(taken, |cx, e| cx.bring("html", find(taken, "USE"), e).map(|_| ())), Err(Reason::NameTaken));
}

#[test]
fn statements() {
    let simple = ["x = 1"];
    let compound = ["if x:", "    raise E"];
    let cases: &[(&str, &[&str], &str)] = &[
        ("def f():\n\tUSE()\n", &compound, "def f():\n\tif x:\n\t\traise E\n\tUSE()\n"),
        ("def f():\r\n  USE()", &simple, "def f():\r\n  x = 1\r\n  USE()"),
        ("a(); USE()\n", &simple, "a(); x = 1; USE()\n"),
        ("a(); USE() # c\n", &compound, "a()\nif x:\n    raise E\nUSE() # c\n"),
        ("if a: USE() # c\n", &simple, "if a: x = 1; USE() # c\n"),
        ("if a: USE() # c\nelse: b()\n", &compound, "if a:\n    if x:\n        raise E\n    USE() # c\nelse: b()\n"),
        ("@d\ndef f(a=USE()): pass\n", &simple, "x = 1\n@d\ndef f(a=USE()): pass\n"),
    ];
    for (text, lines, want) in cases {
        let new = edit(text, |cx, e| cx.insert_before_stmt(cx.hoist_point(find(text, "USE()"))?, lines, e));
        assert_eq!(new.as_deref(), Ok(*want), "{text:?}");
    }
    let text = "if a: b(); USE()\n";
    assert_eq!(edit(text, |cx, e| cx.insert_before_stmt(find(text, "USE()"), &compound, e)), Err(Reason::ControlFlow));
    let after = [
        ("  if a:\n    USE() # c\n  b()\n", "  if a:\n    USE() # c\n    x = 1\n  b()\n"),
        ("USE(); b()\n", "USE(); x = 1; b()\n"),
        ("if a: USE()\n", "if a: USE(); x = 1\n"),
        ("USE()", "USE()\nx = 1"),
    ];
    for (text, want) in after {
        let wrap = |t: &str| if t.starts_with(' ') { format!("def f():\n{t}") } else { t.to_owned() };
        let (text, want) = (wrap(text), wrap(want));
        let new = edit(&text, |cx, e| cx.insert_after_stmt(find(&text, "USE()"), &simple, e));
        assert_eq!(new.as_deref(), Ok(want.as_str()));
    }
}

#[test]
fn no_place_for_a_statement() {
    let cases = [
        "while USE(): pass",
        "a = b and USE()",
        "a = 1 if b else USE()",
        "a = lambda: USE()",
        "a = [USE() for b in c]",
        "assert USE()",
        "if a: pass\nelif USE(): pass",
        "with a, USE(): pass",
        "a = b < c < USE()",
        "try: pass\nexcept USE(): pass",
        "match a:\n    case 1 if USE(): pass",
    ];
    for text in cases {
        assert_eq!(
            with(text, |cx| cx.hoist_point(find(text, "USE()")).map_err(|r| r.reason)),
            Err(Reason::ControlFlow),
            "{text}"
        );
    }
    for text in [
        "for a in USE(): pass",
        "a = [b for b in USE()]",
        "with USE(): pass",
        "return_ = USE() and b",
        "if USE(): pass",
    ] {
        assert_eq!(with(text, |cx| cx.hoist_point(find(text, "USE()")).map(|s| s.lo)), Ok(0), "{text}");
    }
}

#[test]
fn expressions() {
    let cases = [
        ("a * X", "b + c", "a * (b + c)"),
        ("X + a", "b + c", "b + c + a"),
        ("a - X", "b - c", "a - (b - c)"),
        ("X.a", "b + c", "(b + c).a"),
        ("X.a", "1", "(1).a"),
        ("f(X)", "b if c else d", "f(b if c else d)"),
        ("f(X)", "b, c", "f((b, c))"),
        ("(X).a", "b + c", "(b + c).a"),
        ("not X", "a or b", "not (a or b)"),
        ("a = X", "b, c", "a = b, c"),
        ("a[X]", "b + c", "a[b + c]"),
        ("[a for a in X]", "b if c else d", "[a for a in (b if c else d)]"),
        ("-X", "a ** b", "-a ** b"),
        ("X ** 2", "-a", "(-a) ** 2"),
        ("a and X", "b or c", "a and (b or c)"),
        ("f(*X)", "a or b", "f(*(a or b))"),
    ];
    for (text, new, want) in cases {
        assert_eq!(edit(text, |cx, e| cx.replace_expr(find(text, "X"), new, e)).as_deref(), Ok(want), "{text}");
    }
    let text = "f(a + # c\n  b)";
    assert_eq!(edit(text, |cx, e| cx.replace_expr(find(text, "a + # c\n  b"), "x", e)), Err(Reason::CommentInside));
    assert_eq!(edit("f(a)", |cx, e| cx.replace_expr(Span::new(2, 3), "b +", e)), Err(Reason::ShapeUnknown));
    with("f(a, 'x' + b, self.c, m.LIMIT, d.e, g(), f'{a}b', f'{g()}')", |cx| {
        let args = cx.args(Span::new(0, cx.text.len() as u32));
        let pure: Vec<bool> = args.iter().map(|a| cx.is_simple_pure(a.span)).collect();
        assert_eq!(pure, [true, true, true, true, false, false, true, false]);
        assert_eq!(cx.string_literal("a\"b"), "'a\"b'");
    });
}

#[test]
fn arguments() {
    type Change<'c> = &'c dyn Fn(&PyCx<'_>, &mut Vec<Edit>) -> Result<(), Refusal>;
    let all = |text: &str| Span::new(0, text.len() as u32);
    let set = |n: &'static str, v: &'static str| {
        move |cx: &PyCx<'_>, e: &mut Vec<Edit>| cx.set_keyword(all(cx.text), n, v, e)
    };
    let cases: &[(&str, Change<'_>, &str)] = &[
        ("f(a, shell=True)", &set("shell", "False"), "f(a, shell=False)"),
        ("f()", &set("t", "1"), "f(t=1)"),
        ("f(a,)", &set("t", "1"), "f(a, t=1,)"),
        ("f(\n  a,\n  b=(1),\n)", &set("t", "1"), "f(\n  a,\n  b=(1),\n  t=1,\n)"),
        ("f((a))", &set("t", "1"), "f((a), t=1)"),
        ("f(a, *b, k=1)", &|cx, e| cx.remove_keyword(all(cx.text), "k", e), "f(a, *b)"),
        ("f(a, b)", &|cx, e| cx.remove_arg(all(cx.text), 0, e), "f(b)"),
        ("f(a,)", &|cx, e| cx.remove_arg(all(cx.text), 0, e), "f()"),
        ("f(a, b)", &|cx, e| cx.insert_arg(all(cx.text), 1, "x", e), "f(a, x, b)"),
        ("f(a, (b))", &|cx, e| cx.replace_arg(all(cx.text), 1, "x", e), "f(a, (x))"),
    ];
    for (text, change, want) in cases {
        assert_eq!(edit(text, |cx, e| change(cx, e)).as_deref(), Ok(*want), "{text}");
    }
    assert_eq!(edit("f(**k)", set("t", "1")), Err(Reason::ShapeUnknown));
    assert_eq!(edit("f(x for x in y)", set("t", "1")), Err(Reason::ShapeUnknown));
}

#[test]
fn names() {
    let text = "import os\ng = 1\ndef f(p, q=2):\n    s = p\n    s += q\n    t: str = os.x\n    def inner():\n        return t, g\n    for i, j in q: pass\n    return s\n";
    with(text, |cx| {
        let at = find(text, "return s");
        let s = cx.uses("s", at).unwrap();
        assert_eq!((s.writes.len(), s.reads.len(), s.is_single_assignment()), (2, 2, false));
        assert_eq!(s.writes[0].value.map(|v| v.of(text)), Some("p"));
        let t = cx.uses("t", at).unwrap();
        assert!(t.is_single_assignment() && t.captured);
        let p = cx.uses("p", at).unwrap();
        assert!(p.param.is_some() && p.is_single_assignment() && !p.captured);
        assert_eq!(cx.uses("i", at).unwrap().writes[0].value, None);
        assert!(cx.uses("g", at).unwrap().is_global);
        assert!(cx.uses("os", at).unwrap().other_binding);
        assert!(cx.uses("nothing", at).is_none());
        assert_eq!(cx.fresh_name("s", &[Edit::insert(FILE, 0, "s2 = 1")]), "s3");
        assert_eq!(cx.function_of(find(text, "t, g")).map(|s| s.of(text).starts_with("def inner")), Some(true));
    });
    with("x = 'a' \"b\" f'{c}'\n", |cx| {
        let tokens = cx.literal_tokens(Span::new(4, 18));
        assert_eq!(tokens.iter().map(|t| t.of(cx.text)).collect::<Vec<_>>(), ["'a'", "\"b\"", "f'{c}'"]);
    });
}
