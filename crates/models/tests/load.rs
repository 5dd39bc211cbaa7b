//! Loading model files: what is compiled in, a user's files, the errors and their places.

use surefix_ir::Lang;
use surefix_models::{
    Ask, Base, Change, EntryHow, EntryParams, Fact, FixTier, INTRINSICS, Kind, ModelError, ModelSet, PropValue,
    SourceKind, Step, builtin, builtin_errors, load,
};

fn user(text: &str) -> Result<ModelSet, Vec<ModelError>> {
    load(&ModelSet::default(), &[("own.toml".to_string(), format!("[lib]\nid = \"own\"\nlang = \"java\"\n{text}\n"))])
}

#[track_caller]
fn fails(text: &str, at: (u32, u32), message: &str, help: &str) {
    let errors = user(text).err().unwrap_or_default();
    let [e] = errors.as_slice() else { panic!("expected one error, got {errors:#?}") };
    assert_eq!((e.line, e.col), at, "{e}");
    assert!(e.message.contains(message), "message is: {e}");
    assert!(e.help.contains(help), "help is: {e}");
    assert_eq!(e.file, "own.toml");
}

#[test]
fn builtin_files_hold() {
    let errors: Vec<String> = builtin_errors().iter().map(ToString::to_string).collect();
    assert!(errors.is_empty(), "{} errors\n{}", errors.len(), errors.join("\n"));
    let set = builtin();
    assert!(set.members.len() > 1000);
    let mut ids: Vec<&str> = set.libs.iter().map(|l| l.id.as_str()).collect();
    ids.sort_unstable();
    ids.windows(2).for_each(|w| assert_ne!(w[0], w[1], "library id used twice"));
    for l in &set.libs {
        assert!(!l.artifacts.is_empty(), "{} names nothing to check against", l.file);
        assert!(l.file.starts_with(&format!("models/{}/", l.lang.name())), "{} lies in the wrong folder", l.file);
    }
}

#[test]
fn every_builtin_name_is_one_that_look_ups_arrive_at() {
    let set = builtin();
    for (lang, name) in set.members.keys() {
        assert_eq!(set.canonical_name(*lang, name), name.as_str(), "rows under a name that is an alias");
        if *lang == Lang::Java {
            assert!(name.contains('.'), "`{name}` has no type");
        }
    }
    for to in set.canonical.values() {
        assert!(!to.is_empty());
    }
}

#[test]
fn intrinsics_are_sorted_and_described() {
    assert!(INTRINSICS.windows(2).all(|w| w[0] < w[1]));
    let text = include_str!("../src/schema.rs");
    for i in INTRINSICS {
        assert!(text.contains(&format!("`{i}`")), "{i} is not described");
    }
}

#[test]
fn rows_of_all_sections() {
    let set = user(
        r#"
        packages = { "new.pkg" = "old.pkg" }
        sink = [["a.B.run(String,int[])", "arg0.elem", "cmd.argv"], ["a.B.run", "arg2+", "cmd.env"], ["a.B.join", "arg0,arg1", "path"]]
        source = [["a.B.read", "ret", "remote"]]
        flow = [["a.B.trim", "this", "this,ret"]]
        clean = [["a.B.escape", "arg0/text", "ret", "xss,sql", { deny = "<>", allow = "abc" }]]
        decode = [["a.B.unescape", "arg0", "ret"]]
        intrinsic = [["a.B.charAt", "str.char_at"]]
        prop = [["a.B.set", "this", "feature:{arg0}", "arg1"], ["a.B.on", "this", "on", "=true"]]
        props = [["a.B.make", "this", "ret"]]
        returns = [["a.B.make", "new.pkg.C"], ["a.B.all", "[]"]]
        watch = [["a.B.<init>", "weak-hash"]]
        neutral = ["a.B.size", ["a.B.name"]]
        invokes = [["a.B.each", "arg0", "this.elem", ""], ["a.B.map", "arg0", "this.elem,arg1", "ret.elem"]]
        guard = [["a.B.safe", "arg0", true, "path,ssrf"]]
        subtype = [["a.B", "new.pkg.A"]]
        alias = [["a.Old", "a.B"]]
        resource = [["a.B.load", "properties"]]
        entry = [["override", "a.Servlet", "doGet|doPost", ""], ["annotation", "a.Get", "", "from 1 remote"],
                 ["param-annotation", "a.Param", "", "matched remote"], ["param-name", "a", "request", "type a.B"]]
        "#,
    );
    let set = set.unwrap_or_else(|e| panic!("{e:#?}"));
    let rows = |n: &str| set.rows(Lang::Java, n).iter().map(|r| r.fact.clone()).collect::<Vec<_>>();
    assert_eq!(
        set.rows(Lang::Java, "a.B.run")[0].sig.as_deref(),
        Some(&["String".to_string(), "int[]".to_string()][..])
    );
    let Fact::Sink { input, kind } = &rows("a.B.run")[0] else { panic!() };
    assert_eq!((*kind, input.steps.as_slice()), (Kind::CmdArgv, &[Step::Elem][..]));
    let Fact::Sink { input, .. } = &rows("a.B.run")[1] else { panic!() };
    assert_eq!(input.base, Base::Arg { pos: Some(2), keyword: None, onwards: true });
    assert_eq!(rows("a.B.join").len(), 2, "one fact for each input");
    assert!(matches!(&rows("a.B.trim")[..], [Fact::Flow { to, .. }] if to.len() == 2));
    let [Fact::Clean { from, kinds, deny, allow, .. }] = &rows("a.B.escape")[..] else { panic!() };
    assert_eq!(from.base, Base::Arg { pos: Some(0), keyword: Some("text".into()), onwards: false });
    assert!(kinds.has(Kind::Xss) && kinds.has(Kind::Sql) && !kinds.has(Kind::Path));
    assert_eq!((deny.as_str(), allow.as_deref()), ("<>", Some("abc")));
    assert!(
        matches!(&rows("a.B.set")[..], [Fact::SetProp { value: PropValue::Path(_), key, .. }] if key == "feature:{arg0}")
    );
    assert!(matches!(&rows("a.B.on")[..], [Fact::SetProp { value: PropValue::Const(c), .. }] if c == "true"));
    assert!(rows("a.B.make").contains(&Fact::Returns("old.pkg.C".into())), "types are written as rows write them");
    assert_eq!(rows("a.B.<init>"), [Fact::Watch("weak-hash".into())]);
    assert_eq!((rows("a.B.size"), rows("a.B.name")), (vec![Fact::Neutral], vec![Fact::Neutral]));
    assert!(matches!(&rows("a.B.each")[..], [Fact::Invokes { params, to: None, .. }] if params.len() == 1));
    assert!(matches!(&rows("a.B.map")[..], [Fact::Invokes { params, to: Some(_), .. }] if params.len() == 2));
    assert!(matches!(&rows("a.B.safe")[..], [Fact::Guard { when: true, .. }]));
    assert_eq!(set.supers_of(Lang::Java, "a.B"), ["old.pkg.A"]);
    assert_eq!(set.resources.get(&(Lang::Java, "a.B.load".to_string())).map(String::as_str), Some("properties"));
    let entries: Vec<_> = set.entries.iter().map(|e| (e.1.how.clone(), e.1.params.clone())).collect();
    assert_eq!(
        entries,
        [
            (EntryHow::Override, EntryParams::None),
            (EntryHow::Annotation, EntryParams::From(1, SourceKind::Remote)),
            (EntryHow::ParamAnnotation, EntryParams::Matched(SourceKind::Remote)),
            (EntryHow::ParamName, EntryParams::Typed("a.B".into())),
        ]
    );
    assert_eq!(set.entries[0].1.names, ["doGet", "doPost"]);
}

#[test]
fn errors_point_into_the_file() {
    fails("sinks = []", (4, 1), "unknown key `sinks`", "did you mean `sink`?");
    fails("versoin = 1", (4, 1), "unknown key `versoin`", "known are");
    fails("sink = [[\"a.B.c\", \"arg0\", \"sq\"]]", (4, 27), "unknown sink kind `sq`", "did you mean `sql`?");
    fails("source = [\n  [\"a.B.c\", \"ret\", \"remot\"],\n]", (5, 20), "unknown source kind", "`remote`");
    fails("intrinsic = [[\"a.B.c\", \"str.charat\"]]", (4, 24), "unknown intrinsic `str.charat`", "`str.char_at`");
    fails("flow = [[\"a.B.c\", \"arg\", \"ret\"]]", (4, 19), "malformed path `arg`", "arg0");
    fails("flow = [[\"a.B.c\", \"this.elems\", \"ret\"]]", (4, 19), "unknown step `elems`", ".elem");
    fails("flow = [[\"a.B.c(\", \"this\", \"ret\"]]", (4, 10), "closing parenthesis", "type.member");
    fails("flow = [[\"a..c\", \"this\", \"ret\"]]", (4, 10), "no callable", "type.member");
    fails("flow = [[\"a.B.c(java.lang.String)\", \"this\", \"ret\"]]", (4, 10), "no simple type name", "String");
    fails("sink = [[\"a.B.c\", \"arg0\"]]", (4, 9), "has 3 cells, this one has 2", "\"sql\"");
    fails("sink = \"x\"", (4, 8), "must be a list of rows", "sink = [");
    fails("sink = [\"x\"]", (4, 9), "must be a list", "[\"a.B.execute\"");
    fails("watch = [[\"a.B.c\", 1]]", (4, 20), "must be text, not integer", "weak-hash");
    fails("watch = [[\"a.B.c\", \"Weak Hash\"]]", (4, 20), "no tag", "weak-hash");
    fails("guard = [[\"a.B.c\", \"arg0\", \"yes\", \"path\"]]", (4, 28), "no truth value", "true or false");
    fails(
        "clean = [[\"a.B.c\", \"arg0\", \"ret\", \"xss\", { denyy = \"<\" }]]",
        (4, 44),
        "unknown key `denyy`",
        "`deny`",
    );
    fails("resource = [[\"a.B.c\", \"propertys\"]]", (4, 23), "unknown format", "`properties`");
    fails("entry = [[\"overide\", \"a.B\", \"\", \"\"]]", (4, 11), "unknown kind of entry", "`override`");
    fails("entry = [[\"override\", \"a.B\", \"\", \"from x remote\"]]", (4, 34), "no position", "from 0 remote");
    fails("entry = [[\"override\", \"a.B\", \"\", \"all\"]]", (4, 34), "nothing of parameters", "matched remote");
    fails("x = [", (4, 6), "unclosed array", "TOML");
}

#[test]
fn call_rules() {
    let row = "fix = [[\"a.B.open|close(int)\", \"weak-key\", { when = [\"arg0<8\", \"!arg1/x\"], set = \"arg0=8\", \
               title = \"Open wider\", message = \"Too narrow\", tier = \"preserving\", note = \"slower\" }]]";
    let set = user(row).expect("the row holds");
    for name in ["a.B.open", "a.B.close"] {
        let [fix] = set.call_fixes(Lang::Java, name) else { panic!("no rule of {name}") };
        assert_eq!(fix.rule, "weak-key");
        assert_eq!(fix.sig.as_deref(), Some(&["int".to_string()][..]));
        assert_eq!(fix.when.len(), 2);
        assert_eq!(fix.when[0].ask, Ask::Below(8));
        assert_eq!(fix.when[1].ask, Ask::Absent);
        assert!(matches!(&fix.changes[..], [Change::Set(_, text)] if text == "8"));
        assert_eq!((fix.tier, fix.title.as_str(), fix.note.as_str()), (FixTier::Preserving, "Open wider", "slower"));
        // The call is watched, so that it is found at all.
        assert!(set.rows(Lang::Java, name).iter().any(|r| r.fact == Fact::Watch("weak-key".into())));
    }
    let with = |table: &str| format!("fix = [[\"a.B.c\", \"weak-key\", {{ {table} }}]]");
    fails(&with("message = \"m\", whem = \"arg0\""), (4, 47), "unknown key `whem`", "did you mean `when`?");
    fails(&with("message = \"m\", title = \"t\""), (4, 18), "belong together", "`set`");
    fails(&with("title = \"t\", drop = true"), (4, 18), "no `message`", "sentence");
    fails(&with("message = \"m\", when = \"arg0<x\""), (4, 54), "`x` is no number", "arg0<2048");
    fails(&with("message = \"m\", when = \"this=x\""), (4, 54), "`this` is no argument", "arg0");
    fails(
        &with("message = \"m\", title = \"t\", drop = true, tier = \"obvious\""),
        (4, 80),
        "unknown tier",
        "observable",
    );
    fails(&with("message = \"m\", title = \"t\", callee = \"a b\""), (4, 69), "no qualified name", "dots");
    fails("fix = [[\"a.B.c\", \"weak-key\"]]", (4, 8), "3 to 40 cells", "weak-key");
}

#[test]
fn columns_count_characters() {
    fails("sink = [[\"a.B.ä\", \"arg0\", \"sq\"]]", (4, 27), "unknown sink kind", "sql");
}

#[test]
fn head_is_checked() {
    let one = |text: &str| {
        load(&ModelSet::default(), &[("own.toml".to_string(), text.to_string())])
            .err()
            .map(|e| e[0].to_string())
            .unwrap_or_default()
    };
    assert_eq!(
        one("sink = []"),
        "own.toml:1:1: no `[lib]` table; begin the file with `[lib]`, `id = \"…\"` and `lang = \"java\"` or `\"python\"`"
    );
    assert!(one("[lib]\nlang = \"java\"").contains("`lib.id` is missing"));
    assert!(one("[lib]\nid = \"x\"").contains("`lib.lang` is missing"));
    assert!(one("[lib]\nid = \"x\"\nlang = \"ruby\"").starts_with("own.toml:3:8: unknown language `ruby`"));
    assert!(one("[lib]\nid = 5\nlang = \"java\"").starts_with("own.toml:2:6: `lib.id` must be text"));
    assert!(one("lib = 1").contains("must be a table"));
}

#[test]
fn repeated_rows() {
    fails("neutral = [\"a.B.c\",\n\"a.B.c\"]", (5, 1), "duplicate row", "stands above");
    fails("sink = [[\"a.B.c\", \"arg0\", \"sql\"], [\"a.B.c\", \"arg0\", \"sql\"]]", (4, 35), "duplicate row", "");
    assert!(
        user("sink = [[\"a.B.c(String)\", \"arg0\", \"sql\"], [\"a.B.c(int)\", \"arg0\", \"sql\"]]").is_ok(),
        "overloads differ"
    );
    // What the program knows already may be repeated, so that a newer program does not refuse older files.
    let own = |n: &str| (n.to_string(), format!("[lib]\nid = \"{n}\"\nlang = \"java\"\nneutral = [\"a.B.c\"]"));
    let first = load(&ModelSet::default(), &[own("one")]).unwrap_or_default();
    let again = load(&first, &[own("two")]).unwrap_or_else(|e| panic!("{e:?}"));
    assert_eq!((again.rows(Lang::Java, "a.B.c").len(), again.libs.len()), (1, 2));
    let two = load(&ModelSet::default(), &[own("one"), own("two")]).err().unwrap_or_default();
    assert!(two[0].message.contains("also in one"), "{two:?}");
}

#[test]
fn all_errors_come_in_the_order_of_the_file() {
    let errors =
        user("watch = [[\"a.B.c\", \"\"]]\nsink = [[\"a.B.c\", \"x\", \"sql\"], [\"a.B.c\", \"arg0\", \"y\"]]")
            .err()
            .unwrap_or_default();
    assert_eq!(errors.iter().map(|e| (e.line, e.col)).collect::<Vec<_>>(), [(4, 20), (5, 19), (5, 50)]);
}

#[test]
fn aliases_and_their_cycles() {
    let set = user(
        "packages = { \"n.p\" = \"o.p\" }\nalias = [[\"a.X\", \"a.Y\"], [\"a.Y\", \"a.Z\"], [\"o.p.Q\", \"o.p.R\"]]\nneutral = [\"a.X.m\"]",
    );
    let set = set.unwrap_or_else(|e| panic!("{e:?}"));
    let c = |n: &str| set.canonical_name(Lang::Java, n).into_owned();
    assert_eq!((c("a.X"), c("a.X.m"), c("a.Xm")), ("a.Z".into(), "a.Z.m".into(), "a.Xm".into()));
    assert_eq!(
        (c("n.p.T"), c("n.p.Q.m"), c("n.px.T"), c("n.p")),
        ("o.p.T".into(), "o.p.R.m".into(), "n.px.T".into(), "o.p".into())
    );
    assert_eq!(set.canonical_name(Lang::Python, "a.X"), "a.X");
    assert_eq!(set.rows(Lang::Java, "a.Z.m").len(), 1, "rows of an alias belong to the canonical name");
    fails("alias = [[\"a.X\", \"a.Y\"],\n[\"a.Y\", \"a.X\"]]", (5, 1), "aliases of each other", "one direction");
    fails("alias = [[\"a.X\", \"a.X\"]]", (4, 10), "aliases of each other", "");
    fails("alias = [[\"a.X\", \"a.Y\"], [\"a.X\", \"a.Z\"]]", (4, 26), "already another name of `a.Y`", "");
    fails("subtype = [[\"a.X\", \"a.Y\"], [\"a.Y\", \"a.X\"]]", (4, 28), "subtype of itself", "");
}

#[test]
fn look_ups_go_to_the_nearest_supertype() {
    let set = user(
        r#"
        subtype = [["a.D", "a.C"], ["a.D", "a.I"], ["a.C", "a.B"], ["a.I", "a.J"]]
        neutral = ["a.B.m", "a.I.n", "a.J.m"]
        watch = [["a.C.k", "x"], ["a.B.<init>", "x"]]
        sink = [["a.J.m", "arg0", "sql"]]
        packages = { "z" = "a" }
        "#,
    );
    let set = set.unwrap_or_else(|e| panic!("{e:?}"));
    assert_eq!(set.supers_of(Lang::Java, "a.D"), ["a.C", "a.I", "a.B", "a.J"]);
    let owner = |t: &str, m: &str| set.lookup(Lang::Java, t, m).map(|x| x.0.to_string());
    assert_eq!(owner("a.D", "m").as_deref(), Some("a.B"), "breadth first");
    assert_eq!(owner("z.D", "n").as_deref(), Some("a.I"));
    assert_eq!(owner("a.I", "m").as_deref(), Some("a.J"));
    assert_eq!(owner("a.D", "zzz"), None);
    assert_eq!(owner("a.Unknown", "m"), None);
    assert_eq!(set.all_member_names(), ["B", "k", "m"]);
}
