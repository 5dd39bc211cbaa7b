//! Diffs are taken by `git apply` and give exactly the new bytes.

use proptest::prelude::*;
use std::path::Path;
use std::process::Command;
use surefix_text::diff::{unified, unified_bytes};

fn git_apply(path: &str, old: &[u8], new: &[u8]) {
    let dir = tempfile::tempdir().expect("temporary directory");
    let file = dir.path().join(path);
    std::fs::create_dir_all(file.parent().unwrap_or(Path::new("."))).expect("directory");
    std::fs::write(&file, old).expect("write");
    let patch = dir.path().join("p.patch");
    let diff = unified_bytes(path, old, new);
    std::fs::write(&patch, &diff).expect("write");
    let out = Command::new("git")
        .args(["-c", "core.autocrlf=false", "apply", "--whitespace=nowarn", "p.patch"])
        .current_dir(dir.path())
        .env("GIT_CEILING_DIRECTORIES", dir.path())
        .output()
        .expect("git runs");
    let text = String::from_utf8_lossy(&diff);
    assert!(out.status.success(), "{}\n{text}", String::from_utf8_lossy(&out.stderr));
    assert_eq!(std::fs::read(&file).expect("read"), new, "{text}");
}

#[test]
fn shape() {
    let old: String = (1..=20).map(|i| format!("line {i}\n")).collect();
    let new = old.replace("line 3\n", "LINE 3\n").replace("line 20\n", "line 20");
    let want = "diff --git a/src/x.py b/src/x.py\n--- a/src/x.py\n+++ b/src/x.py\n@@ -1,6 +1,6 @@\n line 1\n line 2\n-line 3\n+LINE 3\n line 4\n line 5\n line 6\n@@ -17,4 +17,4 @@\n line 17\n line 18\n line 19\n-line 20\n+line 20\n\\ No newline at end of file\n";
    assert_eq!(unified("src/x.py", &old, &new), want);
    assert_eq!(unified("src/x.py", &old, &old), "");
}

#[test]
fn git_takes_them() {
    let cases: [(&str, &str, &str); 9] = [
        ("a.py", "a\nb\nc\n", "a\nB\nc\n"),
        ("d/e.java", "a\r\nb\r\n", "a\r\nc\r\nb\r\n"),
        ("with space.py", "a\nb", "a\nb\n"),
        ("q\"uo\\te\tü.py", "a\nb", "a\nc"),
        ("empty.py", "", "a\n"),
        ("emptied.py", "a\n", "a"),
        ("cr.py", "a\rb\rc", "a\rB\rc"),
        ("m.py", "a\r\nb\nc\n", "a\nb\nc\r\n"),
        ("-dash.py", "x\n\n\n\n\n\n\n\ny\n", "X\n\n\n\n\n\n\n\nY\n"),
    ];
    for (path, old, new) in cases {
        git_apply(path, old.as_bytes(), new.as_bytes());
    }
    git_apply("latin.py", b"x = '\xe9'\n", b"y = '\xe9'\n");
}

#[test]
fn quoting() {
    let diff = unified("ü\u{1b}[2J.py", "a\n", "b\n");
    assert!(diff.contains(r#"--- "a/\303\274\033[2J.py""#), "{diff}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn random_texts(old in "([ab]?\r?\n){1,30}[ab]?", new in "([ab]?\r?\n){1,30}[ab]?") {
        prop_assume!(old != new);
        git_apply("r.txt", old.as_bytes(), new.as_bytes());
    }
}
