//! The text form gives back what it was given; the validator accepts what the builder makes and names what is wrong.

use proptest::prelude::*;
use surefix_ir::build::{FnBuilder, Var};
use surefix_ir::{text, validate::validate, *};
use surefix_text::Span;

/// Everything of a module but the numbering of strings.
fn shape(m: &Module) -> String {
    let all = format!(
        "{:?} {:?} {} {:?} {:?} {:?} {:?} {:?} {:?} {}",
        m.lang, m.name, m.is_package, m.imports, m.classes, m.functions, m.init, m.diagnostics, m.error_spans, m.lines
    );
    let mut out = String::new();
    let mut rest = all.as_str();
    while let Some(at) = rest.find("Sym(") {
        let (before, after) = rest.split_at(at + 4);
        let (id, tail) = after.split_once(')').expect("closed");
        out.push_str(before);
        out.push_str(&format!("{:?}", m.strings.get(Sym(id.parse().expect("number")))));
        rest = tail;
    }
    out + rest
}

fn round_trip(m: &Module) {
    let printed = text::print(m);
    let back = text::parse(&printed).unwrap_or_else(|e| panic!("{e}\n{printed}"));
    assert_eq!(shape(&back), shape(m), "{printed}");
    assert_eq!(text::print(&back), printed);
}

fn parse(text: &str) -> Module {
    text::parse(text).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

const EVERYTHING: &str = r#"
; every operation once
module java com.acme.shop init f1 lines 40
import B = com.acme.B type @1..20
import "" = "" type-wildcard
import m = com.acme.B.m static in f0
import "" = a static-wildcard
import os = os module
import x = a.b.x from
import "" = a from-wildcard
diagnostic "what \" \\ \n \u{1b} \u{e9}é" @3..4
error @5..9
class class Shop com.acme.Shop @0..90 @10..90
  super Base<List<String[]>, "*">[][]
  super Runnable
  typeparam T
    annotation Entity(value="a b", x=y) @0..3
  field total: int static final @11..20
    annotation Id()
  field other @21..25
  method f0
end
class enum "$1" com.acme.Shop.$1 static abstract outer c0 @0..0 @0..0
end
class interface I I @0..0 @0..0
end
class record I I @0..0 @0..0
end
class annotation I I @0..0 @0..0
end
function <init> "com.acme.Shop.<init>" flags 33 owner c0 parent f1 @30..90 @40..90
  ret void
  throws java.io.IOException
  typeparam U
    annotation Inject() @30..35
  param this this @30..30
  param normal a: Map<String, int[]> default = str "x\"" call Query @31..34
    annotation Q(value="") @31..32
  param varargs b
  param keyword c default
  param kwargs d
  param capture e
  stmts @30..90 @41..50
  name %1 alpha
  name %2 "be ta"
  block b0 unwind b3:
    %0 = param 0 @30..30 s0
    %1 = param 1 @31..34 s1
    %2 = const null
    %3 = const true
    %4 = const false
    %5 = const int -9223372036854775808
    %6 = const float 4607182418800017408
    %7 = const char 233
    %8 = const str "SELECT \t'" @41..50 s1
    %9 = const bytes "\u{0}ÿ"
    %10 = const class java.lang.String
    %11 = const ellipsis
    %12 = copy %1
    %13 = bin add %5 %5
    %14 = un neg %5
    %15 = concat(%8, %1)
    %16 = format percent %8 %1
    %17 = totext %1 114 ">10"
    %18 = totext %1 0 ""
    %19 = call method %1.executeQuery(%2@43..44, *%3, **%4, k=%5@45..48) name@41..42 args@42..50 @41..50 s1
    %20 = call name foo.bar()
    %21 = call value %1(%1)
    %22 = call super <init>(%1)
    %23 = call this(%1) args@1..2
    %24 = call new ArrayList<String>(%1) name@3..4
    %25 = call new Runnable body c1 ()
    %26 = aggregate dict(%8: %1, *%2)
    %27 = aggregate list(%1, *%2)
    %28 = newarray byte[](%5)
    %29 = loadfield %1.length
    %30 = storefield %0.total = %5
    %31 = loadindex %1[%5]
    %32 = storeindex %1[%5] = %2
    %33 = deleteindex %1[%5]
    %34 = slice %1[:%5:]
    %35 = slice %1[%5::%5]
    %36 = loadname name
    %37 = storename "na me" = %36
    %38 = closure f1(%1)
    %39 = boundmethod %1.run
    %40 = cast Map.Entry<K, V> %1
    %41 = instanceof String %1
    %42 = iternext %1
    %43 = element %1 -2
    %44 = rest %1 1 2
    %45 = yield %1
    %46 = await %1
    %47 = newcell %1
    %48 = loadcell %47
    %49 = storecell %47 = %5
    %50 = enter %1
    %51 = exit %1
    %52 = unknown(%1, %2)
    if %41 b1 b2
  block b1:
    switch %5 (int 1 => b2, str "a" => b4, null => b2) else b4
  block b2:
    %53 = phi(b0: %1, b1: %5)
    goto b4
  block b3:
    %54 = catch(java.io.IOException, Error)
    throw %54
  block b4:
    return %1
  block b5:
    throw
  block b6:
    return
  dead:
    %55 = unknown()
end
function f com.acme.f
  param capture x
  stmts @0..0
  block b0:
    %0 = param 0
    unreachable
end
function abstract com.acme.g flags 2
  stmts @1..2
end
"#;

#[test]
fn every_operation_round_trips() {
    let m = parse(EVERYTHING);
    assert_eq!(validate(&m), Vec::<String>::new());
    round_trip(&m);
    // The text itself, comments and indentation aside, is what is printed.
    let lines = |t: &str| {
        t.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with(';')).map(str::to_owned).collect::<Vec<_>>()
    };
    let (want, got) = (lines(EVERYTHING), lines(&text::print(&m)));
    let normal = |l: &String| {
        let l = l.replace("\\u{e9}", "é");
        let defaulted = l.starts_with('%') && !l.contains(" s");
        if defaulted { format!("{l} s0") } else { l }
    };
    for (w, g) in want.iter().zip(&got) {
        let head = w.starts_with("function") || w.starts_with("class");
        let w = normal(w);
        assert!(
            *g == w || (head && g.starts_with(&w)) || g.trim_end_matches(" s0") == w.trim_end_matches(" s0"),
            "{w}\n{g}"
        );
    }
    assert_eq!(want.len(), got.len());
}

#[test]
fn operator_words_round_trip() {
    let ops = "add sub mul div floordiv mod pow and or xor shl shr ushr eq ne lt le gt ge in notin is isnot";
    for (n, word) in ops.split(' ').enumerate() {
        let un = ["not", "neg", "bitnot", "plus"][n % 4];
        let agg = ["array", "list", "tuple", "set", "generator"][n % 5];
        let m = parse(&format!(
            "module python m\nfunction f f\nblock b0:\n%0 = const int 1\n%1 = bin {word} %0 %0\n%2 = un {un} %1\n%3 = aggregate {agg}(%2)\nreturn %3\nend"
        ));
        assert_eq!(validate(&m), Vec::<String>::new());
        round_trip(&m);
    }
}

#[test]
fn errors_name_the_line() {
    let table = [
        ("", "there is no `module` line"),
        ("import a = b type", "line 1: the first line must be"),
        ("module cobol m", "line 1: `cobol`"),
        ("module java m\nfunction f f", "no `end`"),
        ("module java m\nfunction f f\n%0 = const null", "line 3: an instruction outside a block"),
        ("module java m\nfunction f f\nblock b1:", "line 3: the next block is b0"),
        ("module java m\nfunction f f\nblock b0:\n%1 = const null\nend", "line 5: %0 is not defined"),
        ("module java m\nfunction f f\nblock b0:\n%0 = const null\n%0 = const null", "line 5: %0 is defined twice"),
        ("module java m\nfunction f f\nblock b0:\n%0 = frob %1", "line 4: `frob`"),
        ("module java m\nfunction f f\nblock b0:\n%0 = copy %1 rest", "line 4: `s0` expected"),
        (
            "module java m\nfunction f f\nblock b0:\n%4000000000 = const null",
            "line 4: %4000000000 leaves too large a gap",
        ),
        ("module java m\nfunction f f\nblock b0:\n%0 = const str \"a", "line 4: a string without an end"),
        ("module java m\nfunction f f\nblock b0:\ngoto b0\ngoto b0", "line 5: a terminator outside a block"),
    ];
    for (text, want) in table {
        let got = text::parse(text).expect_err(text);
        assert!(got.contains(want), "{got}\n{want}");
    }
}

fn wrong(body: &str) -> String {
    let text = format!(
        "module java m\nclass class C C\nend\nfunction f m.f\nparam normal a\nblock b0:\n%0 = param 0\n{body}\nend"
    );
    validate(&parse(&text)).join("\n")
}

#[test]
fn violations_are_named() {
    let table = [
        ("return %9", "b0: the terminator uses %9, which does not exist"),
        ("goto b3", "b0: successor b3 does not exist"),
        ("%1 = copy %2\n%2 = copy %0\nreturn", "%1 uses %2, which is not defined on every path"),
        ("%1 = copy %2\nreturn\ndead:\n%2 = copy %0", "%1 uses %2, which stands in no block"),
        (
            "if %0 b1 b2\nblock b1:\n%1 = copy %0\ngoto b2\nblock b2:\nreturn %1",
            "b2: the terminator uses %1, which is not defined on every path",
        ),
        (
            "if %0 b1 b2\nblock b1:\n%1 = copy %0\ngoto b2\nblock b2:\n%2 = phi(b0: %1, b1: %1)\nreturn",
            "%2 uses %1, which is not defined on every path",
        ),
        (
            "if %0 b1 b2\nblock b1:\ngoto b2\nblock b2:\n%1 = phi(b0: %0)\nreturn",
            "phi %1 names the predecessors [0], they are [0, 1]",
        ),
        ("goto b1\nblock b1:\n%1 = phi(b0: %0, b0: %0)\nreturn", "they are [0]"),
        ("goto b1\nblock b1 unwind b2:\nreturn\nblock b2:\n%1 = phi(b0: %0)\nreturn", "they are [1]"),
        ("goto b1\nblock b1:\n%1 = copy %0\n%2 = phi(b0: %0)\nreturn", "phi %2 does not stand first"),
        ("goto b1\nblock b1:\n%1 = param 0\nreturn", "parameter %1 does not stand in the entry block"),
        ("%1 = param 0\nreturn", "parameter 0 has two values"),
        ("%1 = param 7\nreturn", "parameter 7 does not exist"),
        ("goto b0", "the entry block has predecessors"),
        ("name %0 a\nname %0 b\nreturn", "names are not sorted"),
        ("name %4 a\nreturn", "named value %4 does not exist"),
        ("%1 = copy %0 @4..3\nreturn", "span 4..3 ends before it starts"),
        ("%1 = copy %0 s3\nreturn", "statement s3 does not exist"),
        ("%1 = closure f9()\nreturn", "function f9 does not exist"),
        ("%1 = closure f0(%0)\nreturn", "closure over 1 values, f0 captures 0"),
        ("%1 = call new C body c4 ()\nreturn", "class c4 does not exist"),
        ("%1 = aggregate dict(%0)\nreturn", "exactly the items of a dict have keys"),
        ("%1 = totext %0 9 \"\"\nreturn", "conversion 9"),
        ("%1 = call name f(***%0)\nreturn", "spread 3 times"),
    ];
    for (body, want) in table {
        let got = wrong(body);
        assert!(got.contains(want), "{body}\n{got}");
    }
    assert_eq!(
        wrong("return\nblock b1:\n%1 = copy %0\ngoto b2\nblock b2:\n%2 = copy %1\nreturn"),
        "",
        "unreachable code is fine"
    );
    assert_eq!(
        wrong("goto b1\nblock b1 unwind b2:\n%1 = copy %0\nreturn\nblock b2:\n%2 = copy %1\nreturn"),
        "",
        "a block is one step"
    );
    let mut m = parse("module java m\nfunction f f\nblock b0:\n%0 = const null\nreturn\nend");
    m.functions[0].name = Sym(99);
    m.functions[0].blocks[0].instrs.push(ValueId(0));
    m.functions[0].blocks[0].instrs.push(ValueId(8));
    let got = validate(&m).join("\n");
    for want in ["string 99 does not exist", "%0 stands in two places", "instruction %8 does not exist"] {
        assert!(got.contains(want), "{got}");
    }
    text::print(&m);
}

#[test]
fn deep_and_large_functions() {
    let mut text = "module java m\nfunction f f\nblock b0:\n%0 = const null\ngoto b1\n".to_owned();
    for i in 1..20_000 {
        text.push_str(&format!("block b{i}:\n%{i} = copy %{}\nif %0 b{} b{}\n", i - 1, i + 1, (i + 2).min(20_000)));
    }
    text.push_str("block b20000:\nreturn %0\nend\n");
    let violations = validate(&parse(&text));
    assert_eq!(violations.len(), 19_999 - 2, "b1 and b2 dominate what follows, the others can be jumped over");
    let nested = |n: usize| format!("module java m\nfunction f f\nret {}x{}\nend", "x<".repeat(n), ">".repeat(n));
    round_trip(&parse(&nested(400)));
    assert!(text::parse(&nested(20_000)).is_err());
}

/// A little structured program over three variables.
#[derive(Clone, Debug)]
enum Stmt {
    Assign(u32, u32),
    If(Vec<Stmt>, Vec<Stmt>),
    While(Vec<Stmt>),
    Try(Vec<Stmt>, Vec<Stmt>),
    Return,
}

fn program() -> impl Strategy<Value = Vec<Stmt>> {
    let leaf = prop_oneof![6 => (0..3u32, 0..3u32).prop_map(|(a, b)| Stmt::Assign(a, b)), 1 => Just(Stmt::Return)];
    let stmt = leaf.prop_recursive(4, 24, 4, |inner| {
        let block = || prop::collection::vec(inner.clone(), 0..4);
        prop_oneof![
            (block(), block()).prop_map(|(a, b)| Stmt::If(a, b)),
            block().prop_map(Stmt::While),
            (block(), block()).prop_map(|(a, b)| Stmt::Try(a, b)),
        ]
    });
    prop::collection::vec(stmt, 0..6)
}

fn lower(b: &mut FnBuilder, vars: &[Var], names: &[Sym], program: &[Stmt]) {
    for s in program {
        b.enter_stmt(Span::new(1, 2));
        // As front ends must: code after a `return` goes on in a fresh block, so that a loop there has an entry.
        if b.is_closed() {
            b.split();
        }
        match s {
            Stmt::Assign(to, from) => {
                let old = b.read(vars[*from as usize]);
                let new = b.push(Op::Unknown(vec![old]), Span::new(3, 5));
                b.write(vars[*to as usize], names[*to as usize], new);
            }
            Stmt::If(then, other) => {
                let cond = b.read(vars[0]);
                let (_, otherwise) = b.branch(cond);
                let join = b.new_block();
                lower(b, vars, names, then);
                b.goto(join);
                b.switch_to(otherwise);
                lower(b, vars, names, other);
                b.goto(join);
                b.seal(join);
                b.switch_to(join);
            }
            Stmt::While(body) => {
                let (head, exit) = (b.new_block(), b.new_block());
                b.goto(head);
                b.switch_to(head);
                let cond = b.read(vars[1]);
                let inside = b.new_block();
                b.end(Term::If { cond, then: inside, other: exit });
                b.seal(inside);
                b.switch_to(inside);
                lower(b, vars, names, body);
                b.goto(head);
                b.seal(head);
                b.seal(exit);
                b.switch_to(exit);
            }
            Stmt::Try(body, handler) => {
                let (catch, join) = (b.new_block(), b.new_block());
                b.push_handler(catch);
                lower(b, vars, names, body);
                b.pop_handler();
                b.goto(join);
                b.seal(catch);
                b.switch_to(catch);
                b.push(Op::Catch(Vec::new()), Span::default());
                lower(b, vars, names, handler);
                b.goto(join);
                b.seal(join);
                b.switch_to(join);
            }
            Stmt::Return => {
                let v = b.read(vars[2]);
                b.end(Term::Return(Some(v)));
            }
        }
    }
}

proptest! {
    #[test]
    fn what_the_builder_makes_is_valid_and_round_trips(program in program()) {
        let mut m = parse("module python m lines 3");
        let names: Vec<Sym> = ["x", "y", "z"].iter().map(|n| m.strings.intern(n)).collect();
        let name = m.strings.intern("m.f");
        let mut b = FnBuilder::new(name, name, Span::new(0, 9));
        let vars: Vec<Var> = (0..3).map(|_| b.new_var()).collect();
        lower(&mut b, &vars, &names, &program);
        m.functions.push(b.finish());
        prop_assert_eq!(validate(&m), Vec::<String>::new(), "{}", text::print(&m));
        round_trip(&m);
    }

    #[test]
    fn names_of_any_kind_round_trip(name in "[a-z.<>$\"\\\\ \n\u{0}-\u{2fff}]{0,8}") {
        let mut m = parse("module python m\nfunction f f\nparam normal a: T\nblock b0:\n%0 = param 0\n%1 = call method %0.n(k=%0)\n%2 = const str \"\"\n%3 = loadname n\nreturn\nend");
        let s = m.strings.intern(&name);
        let f = &mut m.functions[0];
        (f.name, f.params[0].name) = (s, s);
        f.params[0].ty = Some(TypeRef { name: s, args: Vec::new(), dims: 1 });
        f.instrs[2].op = Op::Const(Const::Str(s));
        f.instrs[3].op = Op::LoadName(s);
        if let Op::Call(c) = &mut f.instrs[1].op {
            c.callee = Callee::Method { recv: ValueId(0), name: s };
            c.args[0].name = s;
        }
        round_trip(&m);
    }

    #[test]
    fn no_text_makes_the_parser_panic(lines in prop::collection::vec("(block b0:|%[0-9] = |const |str |phi|call |method|goto b|[a-z0-9%@(),.=\"\\\\<>:]){0,6}", 0..8)) {
        let _ = text::parse(&format!("module java m\nfunction f f\n{}\nend", lines.join("\n")));
    }
}
