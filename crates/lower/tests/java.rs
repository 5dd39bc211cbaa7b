//! The Java front end: shapes of the IR, breadth over all constructs, broken and hostile input.

mod java_support;

use java_support::{function, java, ops, problems, reachable, show};
use surefix_ir::{ClassKind, Const, ImportKind, Module, Op, ParamKind, flags};

/// Lowers statements inside `T m(String a, String b, int i, Object o)` of a class with fields `f` and `S`.
fn method(body: &str) -> (Module, String) {
    let text = format!(
        "class C {{\n String f; static int S;\n Object m(String a, String b, int i, Object o) throws Exception {{\n{body}\n}}\n}}\n"
    );
    (java(&text), text)
}

fn shape(body: &str) -> String {
    let (m, text) = method(body);
    assert_eq!(m.diagnostics, [], "{body}");
    assert_eq!(problems(&m, &text), Vec::<String>::new(), "{body}");
    show(&m, function(&m, "m"))
}

/// Operations of `m` behind its five parameters.
fn body_ops(body: &str) -> Vec<String> {
    let (m, text) = method(body);
    assert_eq!(m.diagnostics, [], "{body}");
    assert_eq!(problems(&m, &text), Vec::<String>::new(), "{body}");
    ops(&m, "m").split_off(5)
}

/// The source text of every instruction whose operation `want` accepts.
fn spans(m: &Module, text: &str, want: impl Fn(&Op) -> bool) -> Vec<String> {
    let mut out = Vec::new();
    for f in &m.functions {
        for b in reachable(f) {
            for v in &f.block(b).instrs {
                if want(&f.instr(*v).op) {
                    out.push(f.instr(*v).span.of(text).to_owned());
                }
            }
        }
    }
    out
}

#[test]
fn concatenation_is_flat_from_the_first_text() {
    assert_eq!(
        body_ops("return \"x\" + a + 'c' + i;"),
        ["\"x\"", "copy %1", "'c'", "copy %3", "concat %5, %6, %7, %8"]
    );
    assert_eq!(
        body_ops("return 1 + 2 + \"a\" + b;"),
        ["1", "2", "Add %5, %6", "\"a\"", "copy %2", "concat %7, %8, %9"]
    );
    assert_eq!(body_ops("return a + b;"), ["copy %1", "copy %2", "Add %5, %6"]);
    assert_eq!(body_ops("return a + (\"x\" + b);"), ["copy %1", "\"x\"", "copy %2", "concat %6, %7", "concat %5, %8"]);
    assert_eq!(body_ops("a += \"x\"; return a;"), ["copy %1", "\"x\"", "concat %5, %6"]);
    assert_eq!(body_ops("i += 2; return i;"), ["copy %3", "2", "Add %5, %6"]);
}

#[test]
fn spans_are_those_of_the_source() {
    let (m, text) = method("String q = \"select \" + (a) + f.trim(); return o.run(q /* c */, (b));");
    assert_eq!(spans(&m, &text, |o| matches!(o, Op::Copy(_))), ["a"]);
    assert_eq!(spans(&m, &text, |o| matches!(o, Op::Const(_))), ["\"select \""]);
    assert_eq!(spans(&m, &text, |o| matches!(o, Op::Concat(_))), ["\"select \" + (a) + f.trim()"]);
    let f = function(&m, "m");
    let calls: Vec<_> = f
        .instrs
        .iter()
        .filter_map(|i| if let Op::Call(c) = &i.op { Some((i, c)) } else { None })
        .map(|(i, c)| {
            let args: Vec<_> = c.args.iter().map(|a| a.span.of(&text)).collect();
            (i.span.of(&text), c.name_span.of(&text), c.args_span.of(&text), args, f.stmts[i.stmt.0 as usize].of(&text))
        })
        .collect();
    assert_eq!(calls[0].0, "f.trim()");
    assert_eq!((calls[0].1, calls[0].2), ("trim", "()"));
    assert_eq!((calls[1].1, calls[1].2), ("run", "(q /* c */, (b))"));
    assert_eq!(calls[1].3, ["q", "(b)"]);
    assert_eq!(calls[1].4, "return o.run(q /* c */, (b));");
    let names: Vec<_> = f.names.iter().map(|n| m.strings.get(n.1)).collect();
    assert!(names.contains(&"q") && names.contains(&"a"), "{names:?}");
}

#[test]
fn fields_names_and_calls() {
    assert_eq!(
        body_ops("f = a; this.f = b; S = 1; outer = 2; return f;"),
        ["%0.f = %1", "%0.f = %2", "1", "name C", "%8.S = %7", "2", "name outer = %10", "%0.f"]
    );
    assert_eq!(
        body_ops("foo(a); String.valueOf(S); super.foo(); System.out.println(i); return a.b.c;"),
        [
            "foo(%1)",
            "name String",
            "name C",
            "%7.S",
            "%6.valueOf(%8)",
            "super.foo()",
            "name System",
            "%11.out",
            "%12.println(%3)",
            "%1.b",
            "%14.c"
        ]
    );
}

#[test]
fn arrays_casts_and_updates() {
    assert_eq!(
        body_ops("int[] x = {1, i}; x[0]++; x[i] -= 2; return (String) o;"),
        [
            "1",
            "Array[%5, %3]",
            "0",
            "%6[%7]",
            "1",
            "Add %8, %9",
            "%6[%7] = %10",
            "%6[%3]",
            "2",
            "Sub %12, %13",
            "%6[%3] = %14",
            "(String) %4"
        ]
    );
    assert_eq!(body_ops("return new int[i][2][];"), ["2", "array int[][](%3, %5)"]);
    assert_eq!(shape("return i++ + ++i;").matches("Add").count(), 3);
    assert_eq!(body_ops("return -1 + ~i - -i;"), ["-1", "BitNot %3", "Add %5, %6", "Neg %3", "Sub %7, %8"]);
}

#[test]
fn conditions_branch_without_a_boolean() {
    let s = shape("if (a == null || !(i > 1 && o.ok())) return a; return b;");
    assert!(!s.contains("phi") && !s.contains("Not") && !s.contains("true"), "{s}");
    assert_eq!(s.matches(" if %").count(), 3, "{s}");
    // Both ways into the first return: the left operand and the negated right one.
    let s = shape("while (i < 9 && o.ok()) i++; return i;");
    assert_eq!(s.matches(" if %").count(), 2, "{s}");
    assert_eq!(s.matches("phi").count(), 1, "{s}");
}

#[test]
fn booleans_as_values_and_ternaries_join() {
    let s = shape("boolean r = i > 1 && i < 5; return r ? a : b;");
    assert_eq!(s.matches("phi").count(), 2, "{s}");
    assert!(s.contains("true") && s.contains("false"), "{s}");
    let s = shape("return (i > 1 && i < 5) ? a : b;");
    assert_eq!(s.matches("phi").count(), 1, "{s}");
    assert!(!s.contains("true"), "{s}");
}

#[test]
fn switch_on_constants() {
    let s = shape("switch (i) { case 1: case 'c': f = a; case -3: f = b; break; default: return o; } return f;");
    assert!(s.contains("switch %3 [1 b1, 'c' b2, -3 b3] b4"), "{s}");
    assert!(s.contains("b2: %6 = %0.f = %1; goto b3"), "falls through: {s}");
    let s =
        shape("return switch (a) { case \"x\", \"y\" -> b; case \"z\" -> { String t = b; yield t; } default -> a; };");
    assert!(s.contains("switch %1 [\"x\" b1, \"y\" b1, \"z\" b2] b3"), "{s}");
    assert!(s.contains("phi b1:%2, b2:%2, b3:%1"), "{s}");
    let text = "class C { static final int K = 7; enum E { A } Object m(E e, int i) { switch (e) { case A: return 1; } switch (i) { case K: return 2; } return 3; } }";
    let m = java(text);
    let s = show(&m, function(&m, "m"));
    assert!(s.contains("[\"A\" b") && s.contains("[7 b"), "{s}");
}

#[test]
fn null_and_default_share_a_case() {
    let s = shape("switch (o) { case null, default -> f = a; case String s -> f = s; } return f;");
    assert!(!s.contains("\"default\""), "{s}");
    assert!(s.contains("%5 = null; %6 = Eq %4, %5; if %6 b1 b4"), "{s}");
}

#[test]
fn patterns_test_cast_and_bind() {
    let s = shape("if (!(o instanceof String s)) return a; return s;");
    assert!(s.contains("%5 = %4 is String") && s.contains("(String) %4"), "{s}");
    let s = body_ops("return o instanceof String s && s.isEmpty() ? s : a;");
    for want in ["%4 is String", "(String) %4", "%6.isEmpty()"] {
        assert!(s.iter().any(|x| x == want), "{want} in {s:?}");
    }
    let text = "class C { record P(int x, Object y) {} Object m(Object o) { return switch (o) { case P(int x, String y) when x > 1 -> y; case Q(var z) -> z; case null -> 1; default -> o; }; } }";
    let m = java(text);
    assert_eq!(m.diagnostics, []);
    assert_eq!(problems(&m, text), Vec::<String>::new());
    let o = ops(&m, "m");
    for want in
        ["%1 is P", "(P) %1", "%3.x()", "%3.y()", "%5 is String", "Gt %4, %8", "%1 is Q", "element %11 0", "Eq %1, %13"]
    {
        assert!(o.iter().any(|x| x == want), "{want} in {o:#?}");
    }
}

#[test]
fn finally_stands_on_every_exit() {
    let s = shape("try { if (i > 1) return a; f = b; } finally { o.done(); } return b;");
    assert_eq!(s.matches("%4.done()").count(), 3, "{s}");
    assert!(s.contains("catch ") && s.contains("throw %"), "{s}");
    let s = shape("for (;;) { try { if (i > 1) break; continue; } finally { o.done(); } } return b;");
    assert_eq!(s.matches("%4.done()").count(), 3, "{s}");
    // The finally code of an inner try is not guarded by itself, and runs before the outer one.
    let s = shape("try { try { return a; } finally { o.in(); } } finally { o.out(); }");
    assert!(s.contains("%4.in(); goto b8\nb8: %6 = %4.out(); return %1"), "{s}");
    assert_eq!((s.matches("in()").count(), s.matches("out()").count()), (2, 2), "{s}");
}

#[test]
fn handlers_see_the_values_at_the_exception() {
    let s = shape(
        "String x = a; try { x = o.one(); x = o.two(); } catch (RuntimeException | Error e) { return x; } return x;",
    );
    let phi = s.lines().find(|l| l.contains("phi") && l.contains("catch RuntimeException|Error")).expect(&s);
    assert!(phi.contains(":%1") && phi.contains(":%5"), "{s}");
    let s =
        shape("try { o.a(); } catch (java.io.IOException e) { throw e; } catch (Exception e) { return e; } return a;");
    assert!(s.contains("catch java.io.IOException|Exception") && s.contains("is java.io.IOException"), "{s}");
}

#[test]
fn resources_are_entered_and_closed() {
    let o = body_ops("try (var r = o.open(); r) { return r.read(); } finally { o.done(); }");
    let count = |want: &str| o.iter().filter(|x| *x == want).count();
    // On the return and on an exception, the file's own `finally` likewise.
    let found = ["%4.open()", "enter %5", "%6.read()", "exit %6", "%4.done()"].map(count);
    assert_eq!(found, [1, 1, 1, 2, 2], "{o:?}");
}

#[test]
fn lambdas_capture_values_and_the_receiver() {
    let text = "class C { String f; Object m(String a) { int k = 1; return o.run(x -> y -> a + k + x + f); } static Object s(String a) { return (Runnable) () -> use(a); } }";
    let m = java(text);
    assert_eq!(m.diagnostics, []);
    assert_eq!(problems(&m, text), Vec::<String>::new());
    let lambdas: Vec<_> = m.functions.iter().filter(|f| f.is(flags::LAMBDA)).collect();
    let params: Vec<Vec<_>> =
        lambdas.iter().map(|f| f.params.iter().map(|p| (m.strings.get(p.name), p.kind)).collect()).collect();
    use ParamKind::*;
    assert_eq!(params[0], [("this", This), ("x", Normal), ("a", Capture), ("k", Capture)]);
    assert_eq!(params[1], [("this", This), ("y", Normal), ("a", Capture), ("k", Capture), ("x", Capture)]);
    assert_eq!(params[2], [("a", Capture)]);
    assert_eq!(m.strings.get(lambdas[1].qualified), "C.m.<lambda>.<lambda>");
    assert!(ops(&m, "m").iter().any(|o| o.ends_with("(%1, %2)") && o.starts_with("closure")), "{:?}", ops(&m, "m"));
}

#[test]
fn method_references() {
    let o = body_ops("use(a::trim, String::valueOf, C::new, int[]::new, this::m, super::m, a.b::c); return null;");
    let refs: Vec<_> = o.iter().filter(|x| x.contains("::")).map(String::as_str).collect();
    assert_eq!(refs.len(), 7, "{o:?}");
    assert_eq!((refs[0], refs[4], refs[5]), ("%1::trim", "%0::m", "%0::m"));
}

#[test]
fn anonymous_and_local_classes_capture_into_fields() {
    let text = "class C { int g; void m(String a) { class L { String l() { return a + g; } } int n = 2; Object o = new Object() { int own = n; String t() { return a + own + new L().l(); } }; use(new L()); } }";
    let m = java(text);
    assert_eq!(m.diagnostics, []);
    assert_eq!(problems(&m, text), Vec::<String>::new());
    let names: Vec<_> = m.classes.iter().map(|c| m.strings.get(c.qualified)).collect();
    assert_eq!(names, ["C", "C.L", "C.$1"]);
    assert!(ops(&m, "l").contains(&"%0.val$a".to_owned()), "{:?}", ops(&m, "l"));
    assert!(ops(&m, "l").contains(&"name g".to_owned()));
    let o = ops(&m, "m");
    assert!(o.iter().any(|x| x.contains("new Object{}()")), "{o:?}");
    assert!(
        o.iter().any(|x| x.ends_with(".val$n = %2")) && o.iter().filter(|x| x.ends_with(".val$a = %1")).count() == 2,
        "{o:?}"
    );
    let t = function(&m, "t");
    assert_eq!(t.parent.map(|p| m.strings.get(m.functions[p.0 as usize].name)), Some("m"));
}

#[test]
fn constructors_run_the_initialisers() {
    let text = "class C extends B { int x = 1; static int y = 2; { x++; } static { y++; } C(int x) { super(x); this.x = x; } C() { this(3); } }\nclass D { int z = 4; }";
    let m = java(text);
    assert_eq!(problems(&m, text), Vec::<String>::new());
    let inits: Vec<_> = m.functions.iter().filter(|f| f.is(flags::CONSTRUCTOR)).map(|f| show(&m, f)).collect();
    assert_eq!(
        inits[0],
        "b0: %0 = param 0; %1 = param 1; %2 = super.<init>(%1); %3 = 1; %4 = %0.x = %3; %5 = %0.x; %6 = 1; %7 = Add %5, %6; %8 = %0.x = %7; %9 = %0.x = %1; return\n"
    );
    assert_eq!(inits[1], "b0: %0 = param 0; %1 = 3; %2 = this(%1); return\n");
    assert_eq!(inits[2], "b0: %0 = param 0; %1 = 4; %2 = %0.z = %1; return\n");
    assert_eq!(
        ops(&m, "<clinit>"),
        ["2", "name C", "%1.y = %0", "name C", "%3.y", "1", "Add %4, %5", "name C", "%7.y = %6"]
    );
}

#[test]
fn records_enums_and_interfaces() {
    let text = "package a.b;\nrecord R(int x, String... y) { R { if (x < 0) x = 0; } int x() { return x; } }\nenum E { A(1) { int f() { return 2; } }, B(2); final int k; E(int k) { this.k = k; } int f() { return k; } static E first() { return A; } }\nsealed interface I<T extends R> permits J { int K = 3; T get(T t); default int d() { return K; } }\n@interface N { String value() default \"x\"; }";
    let m = java(text);
    assert_eq!(m.diagnostics, []);
    assert_eq!(problems(&m, text), Vec::<String>::new());
    let kinds: Vec<_> = m.classes.iter().map(|c| (m.strings.get(c.qualified), c.kind)).collect();
    use ClassKind::*;
    assert_eq!(
        kinds,
        [("a.b.R", Record), ("a.b.E", Enum), ("a.b.E.$1", Class), ("a.b.I", Interface), ("a.b.N", Annotation)]
    );
    let r: Vec<_> = m.classes[0].methods.iter().map(|f| m.strings.get(m.functions[f.0 as usize].name)).collect();
    assert_eq!(r, ["<init>", "x", "y"]);
    let y = &m.classes[0].fields[1];
    assert_eq!(y.ty.as_ref().map(|t| t.dims), Some(1));
    let init = show(&m, &m.functions[m.classes[0].methods[0].0 as usize]);
    assert!(init.contains("phi") && init.contains(".x = %") && init.contains(".y = %2"), "{init}");
    assert_eq!(ops(&m, "first"), ["name E", "%0.A"]);
    let get = function(&m, "get");
    assert!(get.is(flags::ABSTRACT) && get.is(flags::PUBLIC) && get.blocks.is_empty());
    assert!(!function(&m, "d").is(flags::ABSTRACT));
}

#[test]
fn declarations_keep_types_annotations_and_imports() {
    let text = "package p;\nimport a.B;\nimport a.*;\nimport static a.B.m;\nimport static a.B.*;\nclass C<T> extends java.util.ArrayList<Map.Entry<String, ? extends T[]>> implements Runnable {\n @Path(value = \"/x\" + \"y\", methods = {\"GET\", \"PUT\"}, on = true, kind = K.Z) public final String[] m(@Query(\"q\") final List<String> q, int[]... n) throws IOException, E { return null; } }";
    let m = java(text);
    assert_eq!(m.diagnostics, []);
    assert_eq!(m.strings.get(m.name), "p");
    let imports: Vec<_> = m.imports.iter().map(|i| (m.strings.get(i.local), m.strings.get(i.path), i.kind)).collect();
    assert_eq!(
        imports,
        [
            ("B", "a.B", ImportKind::Type),
            ("", "a", ImportKind::TypeWildcard),
            ("m", "a.B.m", ImportKind::Static),
            ("", "a.B", ImportKind::StaticWildcard)
        ]
    );
    let c = &m.classes[0];
    assert_eq!(m.strings.get(c.supers[0].name), "java.util.ArrayList");
    assert_eq!(m.strings.get(c.supers[0].args[0].name), "Map.Entry");
    assert_eq!((m.strings.get(c.supers[0].args[0].args[1].name), c.supers[0].args[0].args[1].dims), ("T", 1));
    let f = function(&m, "m");
    assert!(f.is(flags::PUBLIC) && f.is(flags::FINAL));
    let args: Vec<_> = f.annotations[0].args.iter().map(|(k, v)| (m.strings.get(*k), m.strings.get(*v))).collect();
    assert_eq!(args, [("value", "/xy"), ("methods", "GET"), ("methods", "PUT"), ("on", "true"), ("kind", "K.Z")]);
    assert_eq!(f.params[2].kind, ParamKind::VarArgs);
    assert_eq!(f.params[2].ty.as_ref().map(|t| t.dims), Some(2));
    assert_eq!(m.strings.get(f.params[1].annotations[0].args[0].1), "q");
    assert_eq!(f.throws.len(), 2);
    assert_eq!(f.ret.as_ref().map(|t| t.dims), Some(1));
}

#[test]
fn every_construct_lowers() {
    let snippets = [
        ";",
        "{ { } }",
        "int x, y = 2, z[] = {1, 2}; x = y + z[0];",
        "final var x = a; use(x);",
        "long l = 0x7FL + 0b11 + 017 + 1_000 + 9223372036854775807L; use(l);",
        "double d = 1.5e3 + .5f + 0x1p3 + 1d; use(d);",
        "char c = '\\u0041'; use(c, '\\n', '\\'');",
        "String t = \"\"\"\n  a \"b\" \\\n  c\n  \"\"\"; use(t);",
        "if (i > 1) f = a;",
        "if (i > 1) f = a; else if (i > 2) f = b; else { f = null; }",
        "while (i > 0) { i--; if (i == 3) continue; if (i == 4) break; }",
        "do { i++; if (i == 2) continue; } while (i < 5);",
        "for (int j = 0, k = 1; j < k; j++, k--) { use(j, k); }",
        "for (;;) { break; }",
        "for (i = 0; ; ) { if (i++ > 2) break; }",
        "for (String s : new String[] {a, b}) { use(s); }",
        "for (final var e : (Iterable<String>) o) use(e);",
        "outer: for (int x = 0; x < 3; x++) { for (;;) { if (x == 1) continue outer; break outer; } }",
        "blk: { if (i > 1) break blk; f = a; }",
        "a1: b1: while (true) { break a1; }",
        "switch (i) { }",
        "switch (i) { case 1 -> f = a; case 2, 3 -> { f = b; } default -> throw new Error(); }",
        "switch (a) { default: f = a; case \"x\": f = b; }",
        "int r = switch (i) { case 1: yield 2; case 2: { yield 3; } default: yield 4; }; use(r);",
        "int r = switch (o) { case Integer n when n > 3 -> n; case String s -> s.length(); case Object x -> 1; }; use(r);",
        "use(switch (i) { case 1 -> { try { yield 1; } finally { o.x(); } } default -> 2; });",
        "switch (o) { case A.B -> f = a; default -> f = b; }",
        "switch (o) { case Box<String>(var x) -> use(x); case Box(Pair(int p, String q), _) -> use(p, q); default -> {} }",
        "if (o instanceof final String s && !s.isEmpty()) use(s);",
        "if (o instanceof P(int x, String y)) use(x, y);",
        "boolean z = o instanceof String || o instanceof int[]; use(z);",
        "while (!(o instanceof String s)) { o = o.next(); } use(s);",
        "try { use(a); } catch (Exception e) { use(e); }",
        "try { use(a); } finally { use(b); }",
        "try { use(a); } catch (A | B e) { use(e); } catch (C e) { throw e; } finally { f = b; }",
        "try (var x = open(a); C y = open(b);) { use(x, y); } catch (E e) { }",
        "try (f) { use(f); }",
        "try (this.f) { use(f); }",
        "throw new IllegalStateException(\"x\" + a);",
        "assert i > 0; assert i < 9 : \"bad \" + i;",
        "synchronized (this) { f = a; }",
        "class L extends T implements U { int q = i; void r() { use(a, q); } } new L().r();",
        "record Q(int x) { static int z; Q(String s) { this(1); } } use(new Q(1).x());",
        "enum Y { P, Q { void z() { } }; void z() { } } use(Y.P);",
        "interface W { void w(); } W w = () -> { }; w.w();",
        "Runnable r = () -> use(a); r.run();",
        "Fn<String, String> g = (String x) -> { return x + a; }; g.apply(b);",
        "Fn2 g = (x, y) -> x + y; Fn g2 = (var x) -> x; use(g, g2);",
        "Fn g = (final @A int x, String... y) -> y[x]; use(g);",
        "use(String::length, this::m, super::toString, C::new, int[]::new, List<String>::new, a.b::c);",
        "new Thread() { int k = i; { k++; } @Override public void run() { use(k, a, C.this.f); } }.start();",
        "new Thread(a, b) { }.start();",
        "Object n = o.new Inner(a); Object n2 = this.new Inner(); use(n, n2);",
        "int[][] x = new int[3][]; int y[][] = {{1}, {}}; x[0] = y[1]; x[0][1] += 2; use(x.length);",
        "use(String.class, int[].class, java.util.Map.Entry.class, void.class);",
        "use((int) 'c', (List<String> & Runnable) o, (String) (Object) a, -i, +i, ~i, !o.ok());",
        "i <<= 1; i >>= 1; i >>>= 1; i &= 1; i |= 1; i ^= 1; i %= 2; i *= 2; i /= 2; i -= 1;",
        "this.f += a; f += \"x\"; S++; --S; C.S += 1; o.p.q = a; o.z()[i++] += b;",
        "String s = i > 0 ? a : i < 0 ? b : null; use(s);",
        "boolean z = a == b ^ i >= 2 | !(i != 3) & true; use(z || false && z);",
        "use(i = 3, f = b, (a = b) + \"x\");",
        "Collections.<String>emptyList(); this.<String>foo(); new <String>C();",
        "C.super.toString(); use(C.super.x, C.this, super.f);",
        "byte z = (byte) i++; use(z);",
        "List<? super String>[] l = null; Map<String, int[]>.Entry<?> e = null; use(l, e);",
        "@SuppressWarnings(\"x\") final int x = 1; use(x);",
        "var record = 1; var sealed = record; use(record + sealed); yield(i);",
    ];
    for s in snippets {
        let (m, text) = method(&format!("{s}\nuse(f);"));
        let said: Vec<_> = m.diagnostics.iter().map(|d| (&d.what, d.span.of(&text))).collect();
        // A few of the names above do not compile, none is a syntax error.
        assert!(said.is_empty(), "{s}: {said:?}");
        assert_eq!(problems(&m, &text), Vec::<String>::new(), "{s}");
        for f in &m.functions {
            for b in reachable(f) {
                let block = f.block(b);
                for v in &block.instrs {
                    let asked = matches!(block.term, surefix_ir::Term::If { cond, .. } if cond == *v);
                    assert!(asked || !matches!(f.instr(*v).op, Op::Unknown(_)), "{s}: unknown in\n{}", show(&m, f));
                }
            }
        }
    }
}

#[test]
fn code_behind_a_jump_has_no_effect_on_joins() {
    let s = shape("String x = a; if (i > 1) { x = b; } else { return o; } return x;");
    assert!(!s.contains("phi") && s.contains("return %2"), "{s}");
    let s = shape("String x; try { x = o.a(); } catch (Exception e) { return null; } finally { o.b(); } return x;");
    assert!(!s.contains("unknown"), "{s}");
}

#[test]
fn text_of_constants_is_decoded() {
    let (m, _) = method("use(\"a\\t\\u00e9\\\"\", \"\"\"\n   x\n     y\n   \"\"\");");
    let found: Vec<_> = function(&m, "m")
        .instrs
        .iter()
        .filter_map(|i| if let Op::Const(Const::Str(s)) = &i.op { Some(m.strings.get(*s)) } else { None })
        .collect();
    assert_eq!(found, ["a\té\"", "x\n  y\n"]);
}

#[test]
fn errors_mark_their_function_and_keep_the_rest() {
    let text = "class C { void bad() { int x = ; use(x; } void good() { run(1); } void open( { }";
    let m = java(text);
    assert!(!m.error_spans.is_empty());
    assert!(m.diagnostics.iter().any(|d| d.what == "syntax error"));
    assert!(function(&m, "bad").is(flags::PARTIAL));
    assert_eq!(problems(&m, text), Vec::<String>::new());
    let good = function(&m, "good");
    assert!(!good.is(flags::PARTIAL), "{:?}", m.error_spans);
    assert!(ops(&m, "good").iter().any(|o| o.starts_with("run(")));
}

#[test]
fn any_prefix_lowers() {
    let text = "package p; class C { int f = 1; Object m(Object o) throws E { try (var r = o.x()) { return switch (o) { case P(int x) when x > 1 -> x; default -> { yield o::y; } }; } catch (A | B e) { for (;;) if (o instanceof S s) break; } finally { new T(1) { void u() { a[1] += (int) \"x\" + o; } }; } return (x, y) -> \"\"\"\n t\"\"\"; } }";
    for n in 0..=text.len() {
        let cut = &text[..n];
        let m = java(cut);
        assert_eq!(problems(&m, cut), Vec::<String>::new(), "{cut}");
        let cut = &text[n..];
        let m = java(cut);
        assert_eq!(problems(&m, cut), Vec::<String>::new(), "{cut}");
    }
}

#[test]
fn odd_files() {
    for text in [
        "",
        "\u{0}\u{1}",
        "// only a comment",
        "import a.b;",
        "void main() { run(); }",
        "x y z",
        "}}}}",
        "\"",
        "class",
        "class C { int x = 1 int y }",
    ] {
        let m = java(text);
        assert_eq!(problems(&m, text), Vec::<String>::new(), "{text}");
    }
    let m = java("void main() { run(); }");
    assert_eq!(m.strings.get(function(&m, "main").qualified), "T.main");
}

#[test]
fn depth_does_not_overflow() {
    const N: usize = 10_000;
    let nest = |open: &str, inner: &str, close: &str| format!("{}{inner}{}", open.repeat(N), close.repeat(N));
    let bodies = [
        format!("return {};", nest("(", "a", ")")),
        format!("return a{};", " + b".repeat(N)),
        format!("return \"x\"{};", " + b".repeat(N)),
        format!("return a{};", ".b()".repeat(N)),
        format!("return a{};", ".b".repeat(N)),
        format!("return a{};", "[i]".repeat(N)),
        format!("return {};", nest("f(", "a", ")")),
        format!("return {}i;", "- ".repeat(N)),
        format!("if ({}o.ok()) return a;", "!".repeat(N)),
        format!("if (i > 0{}) return a;", " && i > 1".repeat(N)),
        format!("if ({}) return a;", nest("(i > 0 || ", "o.ok()", ")")),
        format!("return {}a;", "i > 0 ? b : ".repeat(N)),
        format!("{}i = 1;", "i = ".repeat(N)),
        format!("{} else f = a;", vec!["if (i > 0) f = b;"; N].join(" else ")),
        format!("{} return i;", "if (o.ok()) i = 1; ".repeat(N)),
        format!("Object x = {};", nest("{", "", "}")),
        nest("{", "", "}"),
        nest("if (i > 0) {", "", "}"),
        // Fewer: the phis of nested loops are simplified in quadratic time.
        format!("{}{}", "while (i > 0) {".repeat(500), "}".repeat(500)),
        format!("use({}1);", "x -> ".repeat(1_000)),
        format!("use({}null{});", "new T() { Object p = ".repeat(300), "; }".repeat(300)),
        nest_finally(40),
    ];
    for body in bodies {
        let (m, text) = method(&body);
        let start: String = body.chars().take(30).collect();
        assert!(!text.is_empty() && m.functions.iter().any(|f| m.strings.get(f.name) == "m"), "{start}");
    }
}

fn nest_finally(depth: usize) -> String {
    format!("{}{}", "try { o.a(); } finally { ".repeat(depth), "}".repeat(depth))
}
