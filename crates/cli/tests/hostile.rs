//! Input that nobody would write on purpose, and some that somebody would.

mod support;

use std::path::Path;
use support::*;

fn coverage(v: &serde_json::Value) -> Vec<(String, String)> {
    let skipped = v["coverage"]["skipped"].as_array().unwrap();
    skipped.iter().map(|s| (s["path"].as_str().unwrap().into(), s["why"].as_str().unwrap().into())).collect()
}

/// The good file beside the bad one is always done.
fn beside(files: &[(&str, &[u8])], code: i32) -> serde_json::Value {
    let p = Project::new(&[("good.py", FLAWED)]);
    for (name, bytes) in files {
        p.put(name, bytes);
    }
    let before = snapshot(&p.path());
    let r = p.exits(code, &["fix", "--format", "json"]);
    let after = snapshot(&p.path());
    for ((path, old), (_, new)) in before.iter().zip(&after) {
        if path.ends_with("good.py") {
            assert_eq!(String::from_utf8_lossy(new), FLAWED.replace(FLAW, FIXED), "{}", r.err);
        } else {
            assert!(old == new, "{} was changed", path.display());
        }
    }
    serde_json::from_str(&r.out).unwrap()
}

#[test]
fn broken_empty_and_binary_files() {
    let v = beside(
        &[
            ("empty.py", b""),
            ("Empty.java", b""),
            ("blank.py", b"\n\n\n"),
            ("broken.py", b"def f(:\n  x = (\n"),
            ("Broken.java", b"class A { void f( { int x = ; }"),
            ("quote.py", b"x = '''\n"),
            ("bin.py", b"\x7fELF\0\0\0"),
            ("bad16.py", b"\xff\xfe\x00"),
            ("Latin.java", b"class L { String s = \"caf\xe9\"; }"),
            ("bom.py", b"\xef\xbb\xbf"),
            ("cr.py", b"x = 1\ry = 2\r"),
        ],
        0,
    );
    assert_eq!(
        coverage(&v),
        [
            ("bad16.py".into(), "not valid in the encoding of its byte order mark".into()),
            ("bin.py".into(), "binary".to_string())
        ]
    );
    let partly: Vec<&str> =
        v["coverage"]["partly_parsed"].as_array().unwrap().iter().filter_map(|p| p.as_str()).collect();
    assert_eq!(partly, ["Broken.java", "broken.py", "quote.py"]);
}

#[test]
fn a_flaw_beside_a_syntax_error_is_found_and_fixed_outside_it() {
    let text = FLAWED.to_string() + "\n\ndef broken(:\n    pass\n";
    let p = Project::new(&[("app.py", &text)]);
    p.exits(0, &["fix"]);
    assert_eq!(p.read("app.py"), text.replace(FLAW, FIXED));
}

#[test]
fn large_files_and_long_lines() {
    let huge = b"x = 1\n".repeat(50 * 1024 * 1024 / 6 + 1);
    let line = [b"x = \"".to_vec(), vec![b'a'; 5 * 1024 * 1024], b"\"\n".to_vec()].concat();
    let v = beside(&[("huge.py", &huge), ("line.py", &line), ("Line.java", &line)], 0);
    let skipped = coverage(&v);
    assert_eq!(skipped.len(), 3, "{skipped:?}");
    assert_eq!(skipped[1], ("huge.py".into(), "larger than 10 MB".into()));
    assert_eq!(skipped[0].1, "a line longer than 1 MB");
}

#[test]
fn deep_nesting() {
    let n = 10_000;
    let parens = format!("x = {}1{}\n", "(".repeat(n), ")".repeat(n));
    let lists = format!("x = {}{}\n", "[".repeat(n), "]".repeat(n));
    let open = format!("x = {}\n", "(".repeat(n));
    let sum = format!("x = {}1\n", "1 + ".repeat(n));
    let not = format!("x = {}1\n", "not ".repeat(n));
    let java = format!("class A {{ int x = {}1{}; }}\n", "(".repeat(n), ")".repeat(n));
    let join = format!("class B {{ String x = {}\"\"; }}\n", "\"a\" + ".repeat(n));
    let blocks = format!("class C {{ void f() {} {} }}\n", "{".repeat(n), "}".repeat(n));
    let ifs = format!("class D {{ void f(boolean b) {{ {} ; }} }}\n", "if (b) ".repeat(n));
    let calls = format!("class E {{ Object f() {{ return {}null{}; }} }}\n", "f(".repeat(n), ")".repeat(n));
    let chain = format!("class F {{ F f() {{ return this{}; }} }}\n", ".f()".repeat(n));
    let files: Vec<(&str, &[u8])> = vec![
        ("parens.py", parens.as_bytes()),
        ("lists.py", lists.as_bytes()),
        ("open.py", open.as_bytes()),
        ("sum.py", sum.as_bytes()),
        ("not.py", not.as_bytes()),
        ("A.java", java.as_bytes()),
        ("B.java", join.as_bytes()),
        ("C.java", blocks.as_bytes()),
        ("D.java", ifs.as_bytes()),
        ("E.java", calls.as_bytes()),
        ("F.java", chain.as_bytes()),
    ];
    beside(&files, 0);
}

#[test]
fn paths_that_are_not_there_or_hold_nothing() {
    let p = Project::new(&[("notes.txt", "x"), ("docs/more.txt", "x"), ("a.py", FLAWED)]);
    let before = snapshot(&p.path());
    assert_eq!(p.exits(2, &["fix", "a.py", "nowhere/x.py"]).err, "error: no such file or directory: nowhere/x.py\n");
    assert!(p.exits(2, &["fix", "docs"]).err.contains("no file of a supported language in docs"));
    p.exits(2, &["scan", "notes.txt"]);
    assert_eq!(snapshot(&p.path()), before);
    // A whole tree without code is no mistake, but silence would be.
    let p = Project::new(&[("notes.txt", "x")]);
    let r = p.exits(0, &["scan"]);
    assert!(
        r.out.contains("Analysed 0 files") && r.err.contains("warning: no file of a supported language"),
        "{}",
        r.err
    );
}

#[test]
fn nothing_in_the_code_steers_the_terminal() {
    let evil = FLAWED
        .replace("SELECT id", "SELECT \u{1b}[2J\u{1b}]0;pwned\u{7} id")
        .replace("name = request", "name = \u{202e}request");
    let evil = evil.replace('\u{202e}', "") + "# \u{202e} \u{1b}[31m surefix: ignore[\u{1b}[31m\n";
    let p = Project::new(&[("a.py", &evil)]);
    for args in [&["scan"][..], &["scan", "--format", "markdown"], &["explain", "a.py:13"], &["fix"]] {
        let r = p.run(args);
        assert!(!r.out.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{args:?}: {:?}", r.out);
        assert!(!r.err.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{args:?}: {:?}", r.err);
    }
}

#[cfg(unix)]
mod unix {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    #[test]
    fn links_and_odd_names() {
        let p = Project::new(&[
            ("surefix.toml", ""),
            ("src/app.py", FLAWED),
            ("src/with space\tand tab.py", FLAWED),
            ("other/b.py", FLAWED),
        ]);
        let root = p.path();
        symlink(&root, root.join("src/up")).unwrap();
        symlink(root.join("src"), root.join("src/self")).unwrap();
        symlink("nothing.py", root.join("src/dangling.py")).unwrap();
        symlink("loop.py", root.join("src/loop.py")).unwrap();
        symlink(root.join("other/b.py"), root.join("src/link.py")).unwrap();
        std::fs::write(root.join(OsStr::from_bytes(b"src/caf\xe9.py")), FLAWED).unwrap();
        let v = p.json(&["fix", "src"]);
        let skipped = coverage(&v);
        assert!(skipped.contains(&("src/link.py".into(), "symbolic link".into())), "{skipped:?}");
        assert!(skipped.contains(&("src/caf\u{fffd}.py".into(), "file name is not UTF-8".into())), "{skipped:?}");
        assert_eq!(v["changed_files"], serde_json::json!(["src/app.py", "src/with space\tand tab.py"]));
        assert_eq!(p.read("other/b.py"), FLAWED);
        assert_eq!(std::fs::read(root.join(OsStr::from_bytes(b"src/caf\xe9.py"))).unwrap(), FLAWED.as_bytes());
        assert!(p.exits(2, &["scan", "src/loop.py"]).err.starts_with("error: cannot read src/loop.py"));
    }

    fn am_root() -> bool {
        tempfile::NamedTempFile::new().unwrap().as_file().metadata().unwrap().uid() == 0
    }

    /// The program as somebody whom permissions bind, also when the tests run as root.
    fn as_nobody(p: &Project, args: &[&str]) -> Ran {
        let root = p.path();
        let mut c = p.command(args);
        if am_root() {
            let copy = root.join(".bin");
            std::fs::create_dir_all(&copy).unwrap();
            let exe = copy.join("surefix");
            std::fs::copy(env!("CARGO_BIN_EXE_surefix"), &exe).unwrap();
            std::fs::set_permissions(&root, PermissionsExt::from_mode(0o755)).unwrap();
            c = Command::new(exe);
            c.args(args).current_dir(&root).uid(65534).gid(65534);
        }
        ran(c.output().unwrap())
    }

    fn mode(p: &Path, mode: u32) {
        std::fs::set_permissions(p, PermissionsExt::from_mode(mode)).unwrap();
    }

    fn own(p: &Path) {
        if am_root() {
            std::os::unix::fs::chown(p, Some(65534), Some(65534)).unwrap();
        }
    }

    #[test]
    fn unreadable_files_fail_the_run_and_not_the_others() {
        let p = Project::new(&[("surefix.toml", ""), ("secret.py", FLAWED), ("dir/x.py", FLAWED), ("good.py", FLAWED)]);
        let root = p.path();
        mode(&root.join("secret.py"), 0);
        mode(&root.join("dir"), 0);
        own(&root);
        own(&root.join("good.py"));
        let r = as_nobody(&p, &["fix"]);
        mode(&root.join("dir"), 0o755);
        assert_eq!(r.code, 3, "{}{}", r.out, r.err);
        assert!(r.err.contains("error: secret.py: cannot be read: Permission denied"), "{}", r.err);
        assert!(r.err.contains("error: dir: cannot be read: permission denied"), "{}", r.err);
        assert_eq!(p.read("good.py"), FLAWED.replace(FLAW, FIXED));
    }

    #[test]
    fn read_only_places_are_told_and_the_others_written() {
        let p = Project::new(&[("surefix.toml", ""), ("ro/a.py", FLAWED), ("b.py", FLAWED), ("c.py", FLAWED)]);
        let root = p.path();
        for f in ["", "ro", "ro/a.py", "b.py", "c.py"] {
            own(&root.join(f));
        }
        mode(&root.join("ro"), 0o555);
        mode(&root.join("b.py"), 0o444);
        let r = as_nobody(&p, &["fix"]);
        mode(&root.join("ro"), 0o755);
        assert_eq!(r.code, 3, "{}{}", r.out, r.err);
        assert!(r.err.contains("error: ro/a.py: not written: Permission denied"), "{}", r.err);
        assert!(r.err.contains("error: b.py: not written: the file is read-only"), "{}", r.err);
        assert!(r.err.contains("1 file was changed:\n  c.py\n"), "{}", r.err);
        assert_eq!((p.read("ro/a.py"), p.read("b.py")), (FLAWED.into(), FLAWED.into()));
        assert_eq!(p.read("c.py"), FLAWED.replace(FLAW, FIXED));
        // The verdicts tell the truth about what is on the disk.
        assert!(r.out.contains("Found 3 findings: 1 fixed, 2 fixable"), "{}", r.out);
        let left: Vec<_> = std::fs::read_dir(root.join("ro")).unwrap().flatten().map(|e| e.file_name()).collect();
        assert_eq!(left, ["a.py"]);
    }

    #[test]
    fn a_root_that_takes_no_undo_patch_takes_no_change() {
        let p = Project::new(&[("surefix.toml", ""), ("sub/a.py", FLAWED)]);
        let root = p.path();
        own(&root.join("sub"));
        own(&root.join("sub/a.py"));
        if !am_root() {
            mode(&root, 0o555);
        }
        let r = as_nobody(&p, &["fix"]);
        mode(&root, 0o755);
        assert_eq!(r.code, 3, "{}{}", r.out, r.err);
        assert!(r.err.contains("the patch for taking it back cannot be saved"), "{}", r.err);
        assert_eq!(p.read("sub/a.py"), FLAWED);
    }

    #[test]
    fn no_room_for_the_report() {
        if !Path::new("/dev/full").exists() {
            return;
        }
        let p = Project::new(&[("app.py", FLAWED)]);
        let r = p.exits(3, &["scan", "--output", "/dev/full"]);
        assert!(r.err.contains("/dev/full: cannot be written: No space left"), "{}", r.err);
        let r = p.exits(3, &["scan", "--output", "no/such/dir/x"]);
        assert!(r.err.contains("cannot be written"), "{}", r.err);
    }
}
