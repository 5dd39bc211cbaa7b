//! The Python front end: shapes of the IR, breadth over all constructs, broken and hostile input.

mod py_support;

use py_support::{function, lines, lower, ops, problems, python};
use surefix_ir::{ClassKind, Const, ImportKind, Module, Op, ParamKind, flags};

/// Lowers statements inside `def f(a, b, i)`, one level deep.
fn body(text: &str) -> (Module, String) {
    let mut out = String::from("def f(a, b, i):\n");
    for l in text.lines() {
        out.push_str(&format!("    {l}\n"));
    }
    let m = python(&out);
    (m, out)
}

fn checked(text: &str) -> (Module, String) {
    let (m, text) = body(text);
    assert_eq!(m.diagnostics, [], "{text}");
    assert_eq!(problems(&m, &text), Vec::<String>::new(), "{text}");
    (m, text)
}

/// Operations of `f` behind its three parameters.
fn body_ops(text: &str) -> Vec<String> {
    ops(&checked(text).0, "f").split_off(3)
}

/// Blocks of `f` as one text, one line an instruction.
fn shape(text: &str) -> String {
    lines(&checked(text).0, "f").join("\n")
}

fn file(text: &str) -> Module {
    let m = python(text);
    assert_eq!(m.diagnostics, [], "{text}");
    assert_eq!(problems(&m, text), Vec::<String>::new(), "{text}");
    m
}

/// The source text of every instruction whose operation `want` accepts.
fn spans(m: &Module, text: &str, want: impl Fn(&Op) -> bool) -> Vec<String> {
    let mut out = Vec::new();
    for f in &m.functions {
        for v in f.blocks.iter().flat_map(|b| &b.instrs) {
            if want(&f.instr(*v).op) {
                out.push(f.instr(*v).span.of(text).to_owned());
            }
        }
    }
    out
}

#[test]
fn concatenation_is_flat_when_any_operand_is_text() {
    assert_eq!(body_ops("return a + b + 'x'"), ["copy %0", "copy %1", "const str x", "concat(%3, %4, %5)"].map(quoted));
    assert_eq!(body_ops("return a + b"), ["copy %0", "copy %1", "bin add %3 %4"]);
    assert_eq!(body_ops("a += 'x'\nreturn a"), ["copy %0", "const str x", "concat(%3, %4)"].map(quoted));
    assert_eq!(body_ops("x = 'k'\nreturn a * 2 + x").last().map(String::as_str), Some("concat(%5, %6)"));
    assert_eq!(
        body_ops("return 'a' 'b' r'\\c'"),
        ["const str a", "const str b", "const str \"\\\\c\"", "concat(%3, %4, %5)"].map(quoted)
    );
}

/// The text form quotes every string; expectations leave plain quotes out.
fn quoted(s: &str) -> String {
    match s.strip_prefix("const str ") {
        Some(t) if !t.starts_with('"') => format!("const str \"{t}\""),
        _ => s.to_owned(),
    }
}

#[test]
fn formatted_strings_are_concatenations_of_texts() {
    assert_eq!(
        body_ops("return f'<{a}>{b!r:>{i}}{i=}{{}}' 't'"),
        [
            "const str <",
            "copy %0",
            "totext %4 0 \"\"",
            "const str >",
            "copy %1",
            "totext %7 114 \">{i}\"",
            "const str i=",
            "copy %2",
            "totext %10 114 \"\"",
            "const str {}",
            "const str t",
            "concat(%3, %5, %6, %8, %9, %11, %12, %13)"
        ]
        .map(quoted)
    );
    let (m, text) = checked("return f'{a[\"k\"]} {f'{b}' + \"x\"}'");
    assert_eq!(spans(&m, &text, |o| matches!(o, Op::ToText(..))), ["{a[\"k\"]}", "{b}", "{f'{b}' + \"x\"}"]);
    assert_eq!(
        spans(&m, &text, |o| matches!(o, Op::Concat(_))),
        ["f'{b}'", "f'{b}' + \"x\"", "f'{a[\"k\"]} {f'{b}' + \"x\"}'"]
    );
    assert_eq!(spans(&m, &text, |o| matches!(o, Op::Copy(_))), ["b"]);
}

#[test]
fn percent_on_text_is_a_template() {
    assert_eq!(
        body_ops("return '%s-%d' % (a, i)"),
        ["const str %s-%d", "copy %0", "copy %2", "aggregate tuple(%4, %5)", "format percent %3 %6"].map(quoted)
    );
    assert_eq!(body_ops("return a % b"), ["bin mod %0 %1"]);
    assert_eq!(body_ops("x = 'a%s'\nx %= b\nreturn x")[1], "format percent %3 %1");
    assert!(body_ops("return '{} {n}'.format(a, n=b)")[1].starts_with("call method %3.format(%0"));
}

#[test]
fn spans_are_those_of_the_source() {
    let (m, text) = checked("q = 'select ' + (a) + b.trim()\nreturn o.run(q, *i,  k = (b))  # done");
    assert_eq!(spans(&m, &text, |o| matches!(o, Op::Copy(_))), ["a"]);
    assert_eq!(spans(&m, &text, |o| matches!(o, Op::Concat(_))), ["'select ' + (a) + b.trim()"]);
    let f = function(&m, "f");
    let call = f.instrs.iter().rev().find_map(|i| if let Op::Call(c) = &i.op { Some((i, c)) } else { None });
    let (i, c) = call.expect("a call");
    assert_eq!((c.name_span.of(&text), c.args_span.of(&text)), ("run", "(q, *i,  k = (b))"));
    let args: Vec<_> = c.args.iter().map(|a| (a.span.of(&text), m.strings.get(a.name), a.spread)).collect();
    assert_eq!(args, [("q", "", 0), ("*i", "", 1), ("k = (b)", "k", 0)]);
    assert_eq!(f.stmts[i.stmt.0 as usize].of(&text), "return o.run(q, *i,  k = (b))");
    let names: Vec<_> = f.names.iter().map(|n| m.strings.get(n.1)).collect();
    assert!(names.contains(&"q"), "{names:?}");
}

#[test]
fn clauses_are_no_statements() {
    let (m, text) = checked("if a: pass\nelif g(b): use(i)\nmatch a:\n    case h.X if j(b): pass");
    let f = function(&m, "f");
    let stmt = |name: &str| {
        let call = |i: &&surefix_ir::Instr| matches!(&i.op, Op::Call(_)) && i.span.of(&text).starts_with(name);
        let i = f.instrs.iter().find(call).expect("a call");
        f.stmts[i.stmt.0 as usize].of(&text).lines().next().unwrap_or("").to_owned()
    };
    assert_eq!([stmt("g("), stmt("use("), stmt("j(")], ["if a: pass", "use(i)", "match a:"]);
}

#[test]
fn calls_tell_locals_from_names() {
    let o = body_ops("return g(a, *b, k=i, **b), a(1), a.m(2), g(1)(2)");
    assert_eq!(o[0], "call name g(%0, *%1, k=%2, **%1)");
    assert_eq!(o[2], "call value %0(%4)");
    assert_eq!(o[4], "call method %0.m(%6)");
    assert_eq!(o[8], "call value %9(%10)");
}

#[test]
fn conditions_branch_without_a_boolean() {
    let s = shape("if a is None or not (i > 1 and b.ok()): return a\nreturn b");
    assert!(!s.contains("phi") && !s.contains("not") && !s.contains("true"), "{s}");
    assert_eq!(s.matches("\nif %").count(), 3, "{s}");
    let s = shape("if isinstance(b, (int, c.D)): return a\nreturn isinstance(a, str)");
    assert!(s.contains("instanceof int %1") && s.contains("instanceof c.D %1"), "{s}");
    assert!(s.contains("instanceof str %0") && !s.contains("call"), "{s}");
    let s = shape("isinstance = a\nreturn isinstance(a, str)");
    assert!(s.contains("call value %0"), "{s}");
}

#[test]
fn operands_are_the_values_of_boolean_expressions() {
    let s = shape("return a or b");
    assert!(s.contains("if %0 b1 b2") && s.contains("phi(b0: %0, b2: %1)"), "{s}");
    let s = shape("return 1 < i <= 9");
    assert!(s.contains("bin lt") && s.contains("bin le %2") && s.contains("phi("), "{s}");
    let s = shape("return a if i else b if a else 0");
    assert_eq!(s.matches("phi(").count(), 1, "{s}");
    let s = shape("return not (a or b)");
    assert!(s.contains("const true") && s.contains("const false") && !s.contains("un not"), "{s}");
    assert_eq!(body_ops("return not a, -1, -i, ~i, +i")[1], "const int -1");
}

#[test]
fn comprehensions_are_loops_that_join() {
    let text = "return [x.id for x in a if x.ok]";
    let s = shape(text);
    for want in ["aggregate list()", "iternext %0", "loadfield %5.ok", "aggregate list(%7)", "phi(", "copy %9"] {
        assert!(s.contains(want), "{want} in {s}");
    }
    let (m, text) = checked(text);
    assert_eq!(spans(&m, &text, |o| matches!(o, Op::Aggregate(..))), ["[x.id for x in a if x.ok]"; 2]);
    assert_eq!(spans(&m, &text, |o| matches!(o, Op::IterNext(_))), ["a"]);
    let o = body_ops("return {k: v for k, v in b.items()}, {y for z in a for y in z}, g(x for x in b)");
    for want in ["aggregate dict()", "element %6 0", "element %6 1", "aggregate set()", "aggregate generator()"] {
        assert!(o.iter().any(|x| x == want), "{want} in {o:?}");
    }
    assert_eq!(o.iter().filter(|x| x.starts_with("iternext")).count(), 4);
    // The variable of a comprehension is its own; the one of an assignment expression is the function's.
    let s = shape("x = a\n[x for x in b]\nreturn x");
    assert!(s.ends_with("return %0"), "{s}");
    let s = shape("if any((n := x) for x in a): return n");
    assert!(s.contains("return %"), "{s}");
}

#[test]
fn displays_copy_variables_and_spread() {
    assert_eq!(
        body_ops("return [*a, 1], {**b, 'k': a}, {a}, ()"),
        [
            "copy %0",
            "const int 1",
            "aggregate list(*%3, %4)",
            "copy %1",
            "const str k",
            "copy %0",
            "aggregate dict(*%6, %7: %8)",
            "copy %0",
            "aggregate set(%10)",
            "aggregate tuple()",
            "aggregate tuple(%5, %9, %11, %12)"
        ]
        .map(quoted)
    );
}

#[test]
fn assignments_unpack_and_store() {
    assert_eq!(
        body_ops("x, (y, *z), a.q, a[0] = b\nreturn y"),
        [
            "element %1 0",
            "element %1 1",
            "element %4 0",
            "rest %4 1 0",
            "element %1 2",
            "storefield %0.q = %7",
            "element %1 3",
            "const int 0",
            "storeindex %0[%10] = %9"
        ]
    );
    assert!(shape("a, b = b, a\nreturn a").ends_with("return %1"));
    assert_eq!(body_ops("del a[i]\nreturn a[1:], a[::2]")[0], "deleteindex %0[%2]");
    assert_eq!(body_ops("return a[1:i:b]")[1], "slice %0[%3:%2:%1]");
    assert_eq!(
        body_ops("b['k'] += a\nb.c -= 1"),
        [
            "const str k",
            "loadindex %1[%3]",
            "copy %0",
            "bin add %4 %5",
            "storeindex %1[%3] = %6",
            "loadfield %1.c",
            "const int 1",
            "bin sub %8 %9",
            "storefield %1.c = %10"
        ]
        .map(quoted)
    );
}

#[test]
fn finally_and_managers_stand_on_every_exit() {
    let s = shape("try:\n    if i: return a\n    x = b\nfinally:\n    b.done()\nreturn x");
    assert_eq!(s.matches("call method %1.done()").count(), 3, "{s}");
    let s =
        shape("for x in a:\n    try:\n        if x: break\n        continue\n    finally:\n        b.done()\nreturn b");
    assert_eq!(s.matches("call method %1.done()").count(), 3, "{s}");
    let s = shape("with open(a) as h, b:\n    return h.read()");
    assert!(s.contains("enter %3") && s.contains("call method %4.read()"), "{s}");
    assert_eq!((s.matches("exit %3").count(), s.matches("exit %1").count()), (2, 2), "{s}");
    let s = shape("with suppress(E):\n    a.x()\nreturn a");
    assert_eq!(s.matches("if %").count(), 1, "{s}");
}

#[test]
fn handlers_see_the_values_at_the_exception() {
    let s = shape(
        "x = a\ntry:\n    x = b.one()\n    x = b.two()\nexcept (ValueError, m.E) as e:\n    return x\nexcept Exception as e:\n    raise R(e) from e\nelse:\n    i.fine()\nreturn x",
    );
    assert!(s.contains("catch(ValueError, m.E, Exception)"), "{s}");
    assert!(s.contains("instanceof ValueError") && s.contains("instanceof m.E"), "{s}");
    assert!(!s.contains("unknown") && s.contains("phi("), "{s}");
    let fine = s.lines().rev().skip_while(|l| !l.contains("fine")).find(|l| l.starts_with("block")).unwrap_or("");
    assert!(!fine.contains("unwind"), "{s}");
    let s = shape("try:\n    a.x()\nexcept:\n    raise\nreturn b");
    assert!(s.contains("%4 = catch()\nthrow %4"), "{s}");
    let s = shape("try:\n    a.x()\nexcept* A as e:\n    b.x(e)\nexcept* B:\n    b.y()\nreturn b");
    assert!(s.contains("catch(A, B)") && s.matches("unknown()").count() == 2, "{s}");
}

#[test]
fn loops_with_else() {
    let s = shape("for x in a:\n    if x: break\nelse:\n    return b\nreturn i");
    assert!(s.contains("return %1") && s.contains("return %2"), "{s}");
    let s = shape("while True:\n    i += 1\n    if i > a: return i");
    assert!(!s.contains("const true") && s.matches("return").count() == 1, "{s}");
}

#[test]
fn patterns_test_and_bind() {
    let o = body_ops(
        "match a:\n    case 1 | 'x': return b\n    case None: return 0\n    case [p, *q, r]: return q, p, r\n    case {'k': v, **rest} if v: return rest\n    case P(s, t=u) as w: return w, s, u\n    case str(s): return s\n    case {}: return 1\n    case _: return i",
    );
    for want in [
        "bin eq %0 %3",
        "bin is %0 %8",
        "element %0 0",
        "rest %0 1 1",
        "element %0 -1",
        "loadindex %0[%20]",
        "instanceof P %0",
        "cast P %0",
        "element %25 0",
        "loadfield %25.t",
        "instanceof str %0",
    ] {
        assert!(o.iter().any(|x| x == want), "{want} in {o:#?}");
    }
    // Fields of a record of the file by position.
    let m = file(
        "@dataclass\nclass P:\n    x: int\n    y: str = ''\ndef f(a):\n    match a:\n        case P(_, q): return q\n",
    );
    assert_eq!(ops(&m, "f")[3], "loadfield %2.y");
}

#[test]
fn captured_variables_are_values_or_boxes() {
    let m = file(
        "def f(a):\n    n = 0\n    def g(x):\n        nonlocal n\n        n += x\n        return g(a)\n    for k in a:\n        h = lambda y=a: k + y\n    return g, h, n\n",
    );
    let s = lines(&m, "f").join("\n");
    assert!(s.contains("newcell") && s.contains("closure f2(%0, %") && s.contains("closure f3("), "{s}");
    let kinds = |name: &str| {
        let f = function(&m, name);
        f.params.iter().map(|p| (m.strings.get(p.name), p.kind)).collect::<Vec<_>>()
    };
    use ParamKind::{Capture, Normal};
    assert_eq!(kinds("g"), [("x", Normal), ("a", Capture), ("n", Capture)]);
    assert_eq!(kinds("<lambda>"), [("y", Normal), ("k", Capture)]);
    let g = ops(&m, "g");
    for want in ["loadcell %2", "storecell %2 = %5", "closure f2(%1, %2)", "call value %7(%1)"] {
        assert!(g.iter().any(|x| x == want), "{want} in {g:?}");
    }
    assert_eq!(m.strings.get(function(&m, "g").qualified), "pkg.mod.f.g");
    assert_eq!(function(&m, "g").parent.map(|p| p.0), Some(1));
    // Comprehension variables are captured too.
    let m = file("def f(a):\n    return [lambda: x for x in a]\n");
    assert!(ops(&m, "f").iter().any(|o| o == "closure f2(%3)"), "{:?}", ops(&m, "f"));
}

#[test]
fn a_closure_over_a_box_sees_later_writes() {
    let m = file("def f(a):\n    def g():\n        return n\n    n = a\n    return g()\n");
    let s = lines(&m, "f").join("\n");
    assert!(s.contains("closure f2(%2)") && s.contains("storecell %2 = %0"), "{s}");
    assert_eq!(ops(&m, "g"), ["param 0", "loadcell %0"]);
}

#[test]
fn module_names_are_stored_and_loaded() {
    let m = file(
        "x = 1\ndef f():\n    global x\n    x = 2\n    return x, y\ny = g(x)\ndel y\nfor z in y: pass\nf(z)\nif x: f = 3\n",
    );
    assert_eq!(ops(&m, "f")[..3], ["const int 2", "storename x = %0", "loadname x"]);
    let init = ops(&m, "<module>");
    for want in ["storename x = %0", "storename y = %", "storename z = %"] {
        assert!(init.iter().any(|o| o.starts_with(want)), "{want} in {init:?}");
    }
    // Deleting a name stores nothing for others to see.
    assert_eq!(init.iter().filter(|o| o.starts_with("storename y")).count(), 1, "{init:?}");
    assert_eq!(m.init.map(|f| f.0), Some(0));
    assert!(function(&m, "<module>").is(flags::INITIALISER));
}

#[test]
fn classes_have_fields_methods_and_kinds() {
    let m = file(
        "from dataclasses import dataclass\nclass A(b.Base, Generic[T], metaclass=ABCMeta):\n    k = 1\n    n: 'str | None' = None\n    def __init__(self, a: Optional[int], *, q=Query(None)):\n        super().__init__(a)\n        Base.setup(self, a)\n        b.Base.setup(self, a)\n        self.z: dict[str, A] = a\n        self.k = q\n    @property\n    def p(self): return self.z\n    @classmethod\n    def c(cls): return cls()\n    @staticmethod\n    def s(x): return A.k\n    class I:\n        def m(this): return this\n@dataclass(frozen=True)\nclass R:\n    x: int\n    y: ClassVar[int] = 1\nclass E(Enum):\n    RED = 1\n",
    );
    let kinds: Vec<_> = m.classes.iter().map(|c| (m.strings.get(c.qualified), c.kind)).collect();
    use ClassKind::*;
    assert_eq!(kinds, [("pkg.mod.A", Class), ("pkg.mod.A.I", Class), ("pkg.mod.R", Record), ("pkg.mod.E", Enum)]);
    let a = &m.classes[0];
    assert!(a.is_abstract && a.supers.iter().map(|s| m.strings.get(s.name)).eq(["b.Base", "Generic"]));
    let fields: Vec<_> = a
        .fields
        .iter()
        .map(|f| (m.strings.get(f.name), f.is_static, f.ty.as_ref().map(|t| m.strings.get(t.name))))
        .collect();
    assert_eq!(fields, [("k", true, None), ("n", true, Some("str")), ("z", false, Some("dict"))]);
    let init = ops(&m, "__init__");
    assert_eq!(init[3], "call super __init__(%1)");
    assert_eq!(init[5], "call method %4.setup(%0, %1)", "not a base of that name: {init:?}");
    assert_eq!(init[6], "call super setup(%1)");
    let f = function(&m, "__init__");
    assert!(f.is(flags::CONSTRUCTOR));
    assert_eq!(f.params[0].kind, ParamKind::This);
    assert_eq!(f.params[1].ty.as_ref().map(|t| m.strings.get(t.name)), Some("int"));
    let q = &f.params[2];
    assert_eq!(
        (q.kind, q.has_default, q.default_call.map(|d| m.strings.get(d))),
        (ParamKind::KeywordOnly, true, Some("Query"))
    );
    let flag = |name: &str, bit| function(&m, name).is(bit);
    assert!(flag("p", flags::PROPERTY) && flag("c", flags::CLASSMETHOD) && flag("s", flags::STATIC));
    assert_eq!(function(&m, "s").params[0].kind, ParamKind::Normal);
    let r: Vec<_> = m.classes[2].fields.iter().map(|f| (m.strings.get(f.name), f.is_static)).collect();
    assert_eq!(r, [("x", false), ("y", true)]);
    assert!(m.classes[3].fields[0].is_final);
    let body = ops(&m, "<module>");
    assert!(body.iter().any(|o| o.starts_with("storefield") && o.contains(".k = ")), "{body:?}");
}

#[test]
fn a_class_body_reads_from_around_what_it_has_not_assigned() {
    let m = file("x = a\nclass C:\n    x = x\n    y = x + z\n    z = len(y)\n    len = 1\n    w = len(z)\n");
    let o = ops(&m, "<module>");
    assert!(o.iter().any(|x| x.ends_with(".x = %0")), "{o:?}");
    assert!(o.iter().any(|x| x == "loadname z"), "{o:?}");
    assert_eq!(o.iter().filter(|x| x.starts_with("call name len(")).count(), 1, "{o:?}");
    assert_eq!(o.iter().filter(|x| x.starts_with("call value %")).count(), 1, "{o:?}");
}

#[test]
fn local_classes_capture() {
    let m = file(
        "def f(a):\n    class L:\n        z = 1\n        y = z + 1\n        def m(self): return a + self.z\n        n = property(m)\n    return L()\n",
    );
    assert_eq!(m.strings.get(m.classes[0].qualified), "pkg.mod.L");
    let o = ops(&m, "f");
    assert!(o.iter().any(|x| x == "closure f2(%0)") && o.iter().any(|x| x.contains(".m = ")), "{o:?}");
    assert!(o.iter().any(|x| x == "call name L()"), "{o:?}");
    assert_eq!(function(&m, "m").params.len(), 2);
}

#[test]
fn decorators_and_defaults_keep_their_constants() {
    let m = file(
        "@app.route('/x', methods=['GET', 'POST'], strict=True)\n@login\ndef f(a: Annotated[str, Form()] , b='k', c=-1, *d: int, e=g()): pass\n",
    );
    let f = function(&m, "f");
    let a = &f.annotations[0];
    let args: Vec<_> = a.args.iter().map(|(k, v)| (m.strings.get(*k), m.strings.get(*v))).collect();
    assert_eq!(m.strings.get(a.name), "app.route");
    assert_eq!(args, [("", "/x"), ("methods", "GET"), ("methods", "POST"), ("strict", "True")]);
    assert_eq!(m.strings.get(f.annotations[1].name), "login");
    let defaults: Vec<_> = f.params.iter().map(|p| p.default.clone()).collect();
    assert!(matches!(defaults[1], Some(Const::Str(s)) if m.strings.get(s) == "k"));
    assert_eq!(defaults[2], Some(Const::Int(-1)));
    let calls: Vec<_> = f.params.iter().map(|p| p.default_call.map(|d| m.strings.get(d))).collect();
    assert_eq!(calls, [Some("Form"), None, None, None, Some("g")]);
    let init = ops(&m, "<module>");
    assert!(init.iter().any(|o| o.contains(".route(")) && init.iter().any(|o| o == "call name g()"), "{init:?}");
}

#[test]
fn imports_are_absolute() {
    let text = "import a.b, c as d\nfrom . import x\nfrom ..y import z as w\nfrom e import *\ndef f():\n    from .g import h\n    return h\n";
    let imports = |m: &Module| {
        let f = |i: &surefix_ir::Import| {
            (m.strings.get(i.local).to_owned(), m.strings.get(i.path).to_owned(), i.kind, i.scope.is_some())
        };
        m.imports.iter().map(f).collect::<Vec<_>>()
    };
    let want = |list: &[(&str, &str, ImportKind, bool)]| {
        list.iter().map(|(a, b, c, d)| ((*a).to_owned(), (*b).to_owned(), *c, *d)).collect::<Vec<_>>()
    };
    use ImportKind::{From, FromWildcard};
    assert_eq!(
        imports(&lower(text, "p.q.m", false)),
        want(&[
            ("a", "a", ImportKind::Module, false),
            ("", "a.b", ImportKind::Module, false),
            ("d", "c", ImportKind::Module, false),
            ("x", "p.q.x", From, false),
            ("w", "p.y.z", From, false),
            ("", "e", FromWildcard, false),
            ("h", "p.q.g.h", From, true),
        ])
    );
    let package = imports(&lower(text, "p.q", true));
    assert_eq!((package[3].1.as_str(), package[4].1.as_str()), ("p.q.x", "p.y.z"));
    let m = file("try:\n    import j\nexcept ImportError:\n    j = None\nj.x()\n");
    let s = lines(&m, "<module>").join("\n");
    assert!(s.contains("loadname j") && s.contains("phi("), "{s}");
}

#[test]
fn asynchronous_code_and_generators() {
    let m = file(
        "async def f(a, b):\n    async with a as x:\n        async for z in x:\n            await z\n            yield z\n    return\ndef g(a):\n    y = yield\n    yield from a\n",
    );
    let f = function(&m, "f");
    assert!(f.is(flags::ASYNC) && f.is(flags::GENERATOR) && !function(&m, "g").is(flags::ASYNC));
    let o = ops(&m, "f");
    for want in ["enter %0", "await %2", "iternext %3", "yield %6"] {
        assert!(o.iter().any(|x| x.starts_with(want)), "{want} in {o:?}");
    }
    assert_eq!(ops(&m, "g"), ["param 0", "const null", "yield %1", "iternext %0", "yield %3", "unknown(%0)"]);
}

#[test]
fn every_construct_lowers_to_something_known() {
    let snippets = [
        "x: int = 1\nuse(x)",
        "x: int\nuse(i)",
        "type X = list[int]\nuse(i)",
        "def g[T: int, *U, **V](x: T, /, y, *args: *U, k, **kw) -> list[T]: return x\nuse(g)",
        "class G[T](Base[T]): pass\nuse(G)",
        "use(a @ b, a // b, a ** b, a << 1 >> 2, a & b | a ^ b)",
        "a //= 2; a **= 2; a <<= 1; a >>= 1; a &= 1; a |= 1; a ^= 1; a /= 2; a *= 2",
        "use(a in b, a not in b, a is b, a is not b, a != b, a == b == i)",
        "use(1_000, 0xff, 1.5, True, None, ..., b'x', u'y', r'\\d')",
        "use(*a, *b, x=1, **a, **b)",
        "use(lambda: 0, lambda *a, **k: a, lambda x, /, y=1, *, z: x)",
        "use([x for y in a if y if not b for x in y], {**a, **b})",
        "use(a[0], a[-1], a[1:2], a[:], a[1, 2], a[b:][i], a[*b])",
        "with a, b as c: use(c)",
        "with (a as x, b as y,): use(x, y)",
        "with open(a) as b.f: use(b)",
        "for i, (x, *y) in a: use(x, y)",
        "for b.x in a: use(b)",
        "while i: i -= 1\nelse: use(i)",
        "while i:\n    if a: continue\n    break",
        "try: use(a)\nexcept E: use(b)",
        "try: use(a)\nfinally: use(b)",
        "try:\n    use(a)\nexcept E as e:\n    use(e)\nexcept:\n    pass\nelse:\n    use(i)\nfinally:\n    use(b)",
        "try:\n    use(a)\nexcept* (E, F) as e:\n    use(e)",
        "match a, b:\n    case (1, x) | [x, 1] if x > 1: use(x)\n    case {'a': [y, *_], **z}: use(y, z)",
        "match a:\n    case -1 | 1.5 | b'x' | c.D | True: use(a)\n    case C(): use(b)\n    case [] | (): use(i)\n    case (x): use(x)",
        "global q\nq = a\nuse(q)",
        "def g():\n    nonlocal a\n    a = 1\ng()\nuse(a)",
        "assert a\nassert a, f'bad {a}'",
        "raise E\nuse(a)",
        "raise E(a) from None",
        "del a, b[0], i.x, (i)",
        "pass",
        "if a: pass\nelif b: use(b)\nelif i: pass\nelse: use(a)",
        "x = y = a\nuse(x, y)",
        "[x, y] = a\nx, = b\nuse(x, y)",
        "a[1:2] = b\na[i], a.x = b, i",
        "print(f'{a:{i}.{b}}', f'{a!s}', f'''{\na}''', f'{a:%Y-%m}', f'{a,}', f\"{f'{f'{a}'}'}\")",
        "import os.path, sys as system\nfrom os import path as p, sep\nuse(os.path.join(p, sep), system)",
        "class L(a.B, metaclass=M, k=1):\n    x = i\n    def m(self): return super().m(), super(L, self).n, super().x\nuse(L)",
        "@dec\n@dec2(a)\nclass D:\n    '''Doc.'''\n    @x.setter\n    def x(self, v): self._x = v\nuse(D)",
        "if (n := a.x) and (m := n.y): use(n, m)",
        "use((yield), (yield a))",
        "return",
        "x = a if b else i\nuse(x)",
        "use(not a, not not a, not a == b, -(-i))",
        "use(a.b.c().d[0].e(1)(2))",
        "use('a' if a else 'b' + a, ('x' 'y'), 'x' * 3)",
        "use(a, # comment\n    b)",
        "use(a); use(b);",
        "x = [[j for j in k] for k in a]\nuse(x)",
        "use(print)\nprint = 1",
        "use(isinstance(a, int | str), isinstance(a, b()))",
    ];
    for s in snippets {
        let (m, text) = body(&format!("{s}\nuse(f)"));
        assert!(m.diagnostics.is_empty(), "{s}: {:?}", m.diagnostics);
        assert_eq!(problems(&m, &text), Vec::<String>::new(), "{s}");
    }
    let m = file(
        "async def f(a):\n    x = [await y async for y in a if await y]\n    async with a, x as b: pass\n    async for q in b: pass\n    else: pass\n",
    );
    assert!(ops(&m, "f").iter().filter(|o| o.starts_with("await")).count() >= 5);
}

#[test]
fn code_behind_a_jump_has_no_effect_on_joins() {
    let s = shape("x = a\nif i:\n    x = b\nelse:\n    return i\nreturn x");
    assert!(!s.contains("phi") && s.contains("block b1:\nreturn %1"), "{s}");
    let s = shape("try:\n    x = a.x()\nexcept E:\n    return None\nfinally:\n    b.y()\nreturn x");
    assert!(!s.lines().any(|l| l.contains("phi")), "{s}");
}

#[test]
fn text_of_constants_is_decoded() {
    let (m, _) = checked("use('a\\t\\u00e9\\'', '''x\ny''', b'\\xff', 9223372036854775807, 9223372036854775808)");
    let found: Vec<_> = function(&m, "f")
        .instrs
        .iter()
        .filter_map(|i| match &i.op {
            Op::Const(Const::Str(s) | Const::Bytes(s)) => Some(m.strings.get(*s).to_owned()),
            Op::Const(Const::Int(n)) => Some(n.to_string()),
            _ => None,
        })
        .collect();
    // The test's own indentation stands in the second text.
    assert_eq!(found, ["a\té'", "x\n    y", "\u{ff}", "9223372036854775807"]);
}

#[test]
fn errors_mark_their_function_and_keep_the_rest() {
    let text = "def bad(a):\n    x = = 1\n    use(a)\n\ndef good(a):\n    return run(a)\n";
    let m = python(text);
    assert!(!m.error_spans.is_empty());
    assert!(m.diagnostics.iter().any(|d| d.what == "syntax error"));
    assert!(function(&m, "bad").is(flags::PARTIAL));
    assert!(!function(&m, "good").is(flags::PARTIAL));
    assert_eq!(problems(&m, text), Vec::<String>::new());
    assert!(ops(&m, "good").iter().any(|o| o == "call name run(%0)"));
}

const MIXED: &str = "from .a import b as c\n@d.e(1)\nclass C(B[int], metaclass=M):\n    x: 'T' = 1\n    async def m(self, *a, k=(1, 2), **kw):\n        async with a as (p, *q), b:\n            return [y async for y in p if (z := y)]\n        try:\n            for i in range(3):\n                if i: continue\n                else: break\n            else: yield f\"{i!r:>{k}}é\" 'x' % kw\n        except* (E, F) as e:\n            raise G from e\n        finally:\n            match a:\n                case {'k': [1, *r], **s} | P(t, u=v) if v: del r[0]\n                case _: nonlocal_ = lambda w=1: (yield w)\n    def g():\n        global h\n        h += not a < b <= c and d or e\n";

#[test]
fn any_part_lowers() {
    let m = python(MIXED);
    assert_eq!(problems(&m, MIXED), Vec::<String>::new());
    for n in (0..=MIXED.len()).filter(|n| MIXED.is_char_boundary(*n)) {
        for cut in [&MIXED[..n], &MIXED[n..]] {
            let m = python(cut);
            assert_eq!(problems(&m, cut), Vec::<String>::new(), "{cut}");
        }
    }
}

#[test]
fn damaged_text_lowers() {
    // A fixed generator: the same damage in every run.
    let mut state = 0x2545_f491_4f6c_dd1du64;
    let mut next = |n: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % n.max(1) as u64) as usize
    };
    let chars: Vec<char> = MIXED.chars().collect();
    let noise: Vec<char> = "()[]{}:;,.=*'\"\\\n\t @#f%é\u{0}".chars().collect();
    for _ in 0..400 {
        let mut text = chars.clone();
        for _ in 0..1 + next(6) {
            let at = next(text.len());
            match next(3) {
                0 => text[at] = noise[next(noise.len())],
                1 => text.insert(at, noise[next(noise.len())]),
                _ => {
                    let to = (at + next(30)).min(text.len());
                    text.drain(at..to);
                }
            }
        }
        let text: String = text.into_iter().collect();
        let m = python(&text);
        assert_eq!(problems(&m, &text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn odd_files() {
    for text in [
        "",
        "\u{0}\u{1}",
        "# only a comment",
        "x",
        "x y z",
        ")))",
        "'",
        "f'{",
        "class",
        "def",
        "def f(",
        "return 1",
        "break",
        "nonlocal x",
        "global x\nx = 1",
        "\tx\n  y",
        "super().x()",
        "class C: super().x()",
        "def f(self): super().x()",
        "yield 1",
        "await x",
        "*a",
        "a = *b",
        "lambda: (yield)",
        "def f(a, a): a",
        "class C:\n  C = C",
        "del x",
        "import .",
        "from ....... import a",
        "%magic",
        "match x:\n  case",
        "f(x for x in y, 1)",
        "def f():\n  def f(): f()\n  f()\n  f = 1",
        "class A:\n  class A:\n    A = A\n    def A(A): A",
        "[[x for x in x] for x in x]",
        "def f():\n  global g\n  def g(): g()\n  class g: pass\n  import g",
        "def f(x):\n  def g():\n    nonlocal x, y\n    x = y = 1\n  return x",
        "x = lambda: [lambda: x for x in [lambda: x]]",
    ] {
        let m = python(text);
        assert_eq!(problems(&m, text), Vec::<String>::new(), "{text}");
        surefix_ir::text::print(&m);
    }
}

#[test]
fn depth_does_not_overflow() {
    const N: usize = 5_000;
    let nest = |open: &str, inner: &str, close: &str| format!("{}{inner}{}", open.repeat(N), close.repeat(N));
    let blocks = |head: &str, n: usize| {
        let mut out = String::new();
        for i in 0..n {
            out.push_str(&" ".repeat(i));
            out.push_str(head);
            out.push('\n');
        }
        out.push_str(&" ".repeat(n));
        out.push_str("pass\n");
        out
    };
    let texts = [
        format!("x = {}", nest("(", "a", ")")),
        format!("x = {}", nest("[", "a", "]")),
        format!("x = {}", nest("{1:", "a", "}")),
        format!("x = a{}", " + b".repeat(N)),
        format!("x = 'x'{}", " + b".repeat(N)),
        format!("x = a{}", ".b()".repeat(N)),
        format!("x = a{}", ".b".repeat(N)),
        format!("x = a{}", "[i]".repeat(N)),
        format!("x = {}", nest("f(", "a", ")")),
        format!("x = {}i", "- ".repeat(N)),
        format!("x = {}i", "not ".repeat(N)),
        format!("x = a{}", " ** b".repeat(N)),
        format!("x = a{}", " and b".repeat(N)),
        format!("x = a{}", " < b".repeat(N)),
        format!("x = {}a", "b if c else ".repeat(N)),
        format!("x = {}1", "lambda: ".repeat(500)),
        format!("{}1", "x = ".repeat(N)),
        nest("(", "x", ")") + " = 1",
        format!("{} = 1", nest("(", "x,", ")")),
        format!("if a: pass\n{}", "elif a: pass\n".repeat(N)),
        "if a: b = 1\n".repeat(N),
        format!("match x:\n case {}: pass", nest("[", "a", "]")),
        format!("x: {} = 1", nest("A[", "B", "]")),
        format!("x = {}1{}", "f'{".repeat(100), "}'".repeat(100)),
        format!("x = {}", "[b for a in ".repeat(200) + "c" + &"]".repeat(200)),
        blocks("if a:", 90),
        blocks("while a:", 90),
        blocks("for b in c:", 60),
        blocks("def f(a):", 90),
        blocks("class C:", 90),
        blocks("with a:", 60),
        format!("x = {}", nest("(", "a", "")),
        "(".repeat(200_000),
        "[lambda:".repeat(50_000),
    ];
    for text in texts {
        let m = python(&text);
        let start: String = text.chars().take(30).collect();
        assert!(m.init.is_some() || !m.diagnostics.is_empty(), "{start}");
    }
    let finally = |n: usize| {
        let mut out = String::new();
        for i in 0..n {
            let pad = " ".repeat(i);
            out.push_str(&format!("{pad}try: a()\n{pad}finally:\n"));
        }
        out + &" ".repeat(n) + "pass\n"
    };
    let text = finally(40);
    let m = python(&text);
    assert_eq!(problems(&m, &text), Vec::<String>::new());
    assert!(m.diagnostics.iter().any(|d| d.what == "finally block left out on one exit"));
}

#[test]
fn equal_files_give_equal_modules() {
    let print = || surefix_ir::text::print(&python(MIXED));
    assert_eq!(print(), print());
}
