//! `surefix fix`: what it writes, what it says, how it is taken back, and the exit codes.

mod support;

use std::process::{Command, Stdio};
use support::*;

fn fixed() -> String {
    FLAWED.replace(FLAW, FIXED)
}

#[test]
fn it_fixes_says_so_and_can_be_taken_back_outside_git() {
    let p = Project::new(&[("src/app.py", FLAWED)]);
    let r = p.exits(0, &["fix"]);
    assert_eq!(p.read("src/app.py"), fixed());
    assert!(r.out.contains("fixed: ") && r.out.contains("Found 1 finding: 1 fixed"), "{}", r.out);
    assert!(r.err.starts_with("1 file was changed:\n  src/app.py\n"), "{}", r.err);
    // The very words that were printed take it back.
    let command = r.err.lines().find_map(|l| l.split_once("nothing else: ")).unwrap().1;
    assert_eq!(command, "patch -p1 < .surefix/undo-1.patch");
    let done = Command::new("sh").args(["-c", command]).current_dir(p.path()).status().unwrap();
    assert!(done.success());
    assert_eq!(p.read("src/app.py"), FLAWED);
    // A second run keeps the first patch.
    assert!(p.exits(0, &["fix"]).err.contains("undo-2.patch"));
    // And a third has nothing to do.
    let r = p.exits(0, &["fix"]);
    assert_eq!((r.err.as_str(), p.read("src/app.py")), ("", fixed()));
    assert!(r.out.contains("\nFound 0 findings\n"), "{}", r.out);
}

#[test]
fn uncommitted_work_is_kept_and_the_change_taken_back_in_git() {
    let p = Project::new(&[("a/app.py", &FLAWED.replace("cursor()", "cursor ()")), ("b.txt", "b\n")]);
    p.git(&["init", "-q"]);
    p.git(&["add", "."]);
    p.git(&["commit", "-q", "-m", "x"]);
    p.put("a/app.py", FLAWED.as_bytes());
    let r = p.exits(0, &["fix", "a"]);
    assert_eq!(p.read("a/app.py"), fixed());
    let command = r.err.lines().find_map(|l| l.split_once("nothing else: ")).unwrap().1;
    assert_eq!(command, "git apply .git/surefix/undo-1.patch");
    assert!(Command::new("sh").args(["-c", command]).current_dir(p.path()).status().unwrap().success());
    assert_eq!(p.read("a/app.py"), FLAWED);
    // Nothing of Surefix's own appears in the tree.
    assert_eq!(p.git(&["status", "--porcelain"]).out, " M a/app.py\n");
}

#[test]
fn a_project_below_the_top_of_its_repository() {
    let p = Project::new(&[("sub/surefix.toml", ""), ("sub/a.py", FLAWED)]);
    p.git(&["init", "-q"]);
    let r = ran(p.command(&["fix", "--diff"]).current_dir(p.path().join("sub")).output().unwrap());
    std::fs::write(p.path().join(".git/all.diff"), &r.raw).unwrap();
    p.git(&["apply", ".git/all.diff"]);
    assert_eq!(p.read("sub/a.py"), fixed());
    p.put("sub/a.py", FLAWED.as_bytes());
    let r = p.exits(0, &["fix", "sub"]);
    assert_eq!(p.read("sub/a.py"), fixed());
    let command = r.err.lines().find_map(|l| l.split_once("nothing else: ")).unwrap().1;
    assert!(Command::new("sh").args(["-c", command]).current_dir(p.path()).status().unwrap().success());
    assert_eq!(p.read("sub/a.py"), FLAWED, "{command}");
}

#[test]
fn two_runs_do_not_write_at_once() {
    let p = Project::new(&[("surefix.toml", ""), ("a.py", FLAWED)]);
    std::fs::create_dir_all(p.path().join(".surefix")).unwrap();
    let held = std::fs::File::create(p.path().join(".surefix/lock")).unwrap();
    held.lock().unwrap();
    let r = p.exits(3, &["fix"]);
    assert!(r.err.contains("another run of surefix"), "{}", r.err);
    p.exits(1, &["scan"]);
    p.exits(0, &["fix", "--diff"]);
    drop(held);
    p.exits(0, &["fix"]);
}

#[test]
fn from_a_directory_below_the_words_still_hold() {
    let p = Project::new(&[("surefix.toml", ""), ("a b/app.py", FLAWED)]);
    let r = ran(p.command(&["fix"]).current_dir(p.path().join("a b")).output().unwrap());
    assert_eq!(r.code, 0, "{}", r.err);
    let command = r.err.lines().find_map(|l| l.split_once("nothing else: ")).unwrap().1;
    let done = Command::new("sh").args(["-c", command]).current_dir(p.path().join("a b")).status().unwrap();
    assert!(done.success(), "{command}");
    assert_eq!(p.read("a b/app.py"), FLAWED);
}

#[test]
fn a_diff_is_what_git_apply_takes() {
    let crlf = FLAWED.replace('\n', "\r\n");
    let last = FLAWED.trim_end();
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(FLAWED.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let p = Project::new(&[("a b/ü.py", FLAWED), ("crlf.py", &crlf), ("last.py", last)]);
    p.put("wide.py", &utf16);
    p.put("latin.py", &[FLAWED.as_bytes(), b"# \xe9\n"].concat());
    let before = snapshot(&p.path());
    let r = p.exits(0, &["fix", "--diff"]);
    assert_eq!(snapshot(&p.path()), before, "a preview writes nothing");
    assert!(r.err.contains("Found 5 findings: 5 fixable"), "{}", r.err);
    std::fs::write(p.path().join("../patch.diff"), b"").ok();
    let patch = p.path().join("all.diff");
    std::fs::write(&patch, &r.raw).unwrap();
    p.git(&["init", "-q"]);
    p.git(&["apply", "--check", "all.diff"]);
    p.git(&["apply", "all.diff"]);
    std::fs::remove_file(&patch).unwrap();
    let by_patch = snapshot(&p.path());
    assert_eq!(p.read("crlf.py"), fixed().replace('\n', "\r\n"));
    assert_eq!(p.read("last.py"), fixed().trim_end());
    // The patch and the fix give the same bytes.
    for (path, bytes) in &before {
        std::fs::write(path, bytes).unwrap();
    }
    p.exits(0, &["fix"]);
    assert_eq!(snapshot(&p.path()), by_patch);
}

#[test]
fn exit_codes() {
    let p = Project::new(&[("app.py", FLAWED)]);
    let before = snapshot(&p.path());
    p.exits(1, &["scan"]);
    p.exits(0, &["scan", "--fail-on", "never"]);
    p.exits(0, &["scan", "--exclude-rule", "sql-injection"]);
    p.exits(1, &["scan", "--rule", "sql-injection"]);
    p.exits(0, &["scan", "--rule", "xss"]);
    p.exits(0, &["fix", "--diff"]);
    p.exits(1, &["fix", "--check"]);
    p.exits(1, &["fix", "--diff", "--check"]);
    p.exits(1, &["fix", "--tier", "preserving"]);
    p.exits(1, &["fix", "--tier", "off"]);
    p.exits(2, &["fix", "nowhere"]);
    assert_eq!(snapshot(&p.path()), before);
    p.exits(5, &["fix", "--exit-non-zero-on-fix"]);
    p.exits(0, &["fix", "--exit-non-zero-on-fix"]);
    p.exits(0, &["fix", "--check"]);
    p.exits(0, &["scan"]);
}

#[test]
fn a_remaining_finding_beats_an_applied_fix() {
    // Which hosts are allowed is for the owner to say.
    let open = "\
import requests
from flask import Flask, request

app = Flask(__name__)


@app.route(\"/\")
def go():
    requests.get(request.args[\"url\"], timeout=5)
    return \"ok\"
";
    let p = Project::new(&[("app.py", FLAWED), ("open.py", open)]);
    let r = p.exits(1, &["fix", "--exit-non-zero-on-fix"]);
    assert!(r.out.contains("1 fixed, 1 abstained"), "{}", r.out);
    assert_eq!(p.read("app.py"), fixed());
    assert_eq!(p.read("open.py"), open);
}

#[test]
fn every_format_to_every_place() {
    let p = Project::new(&[("app.py", FLAWED)]);
    let args = [
        "--format",
        "sarif",
        "--output",
        "out.sarif",
        "--save",
        "json=out.json",
        "--save",
        "patch=out.diff",
        "--save",
        "markdown=out.md",
        "--save",
        "text=out.txt",
    ];
    let mut scan = vec!["scan"];
    scan.extend(args);
    let r = p.exits(1, &scan);
    assert_eq!((r.out.as_str(), r.err.as_str()), ("", ""));
    let sarif: serde_json::Value = serde_json::from_str(&p.read("out.sarif")).unwrap();
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "sql-injection");
    assert!(sarif["runs"][0]["results"][0]["fixes"][0]["artifactChanges"].is_array());
    let json: serde_json::Value = serde_json::from_str(&p.read("out.json")).unwrap();
    assert_eq!(json["findings"][0]["verdict"], "fixable");
    assert!(p.read("out.diff").contains(FIXED));
    assert!(p.read("out.md").contains("| fixable | 1 |"));
    assert!(p.read("out.txt").contains("app.py:13:"));
    p.exits(0, &["fix", "--output", "out.txt"]);
    assert!(p.read("out.txt").contains("fixed: "));
    assert_eq!(p.exits(2, &["scan", "--save", "xml=x"]).out, "");
    assert_eq!(p.exits(2, &["scan", "--format", "html"]).out, "");
}

#[test]
fn the_same_bytes_with_any_number_of_threads() {
    let names: Vec<String> = (0..12).map(|i| format!("d{}/m{i}.py", i % 3)).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|n| (n.as_str(), FLAWED)).collect();
    let run = |threads: &str| {
        let p = Project::new(&files);
        let out = p.exits(1, &["scan", "--threads", threads, "--format", "sarif"]).out;
        let text = p.exits(0, &["fix", "--threads", threads]).out;
        let rel: Vec<_> = snapshot(&p.path())
            .into_iter()
            .map(|(f, b)| (f.strip_prefix(p.path()).unwrap().to_path_buf(), b))
            .collect();
        (out, text, rel)
    };
    assert_eq!(run("1"), run("2"));
    assert_eq!(run("2"), run("5"));
}

#[test]
fn a_killed_run_is_completed_or_taken_back_by_the_next() {
    let p = Project::new(&[("surefix.toml", ""), ("a.py", "old a\n"), ("b.py", "new b\n"), ("c.py", FLAWED)]);
    // What a run leaves behind that was killed between two renames of one fix.
    let root = p.path();
    let hash = |t: &str| blake3::hash(t.as_bytes()).to_hex().to_string();
    let entry = |name: &str, old: &str, new: &str| {
        let staged = root.join(format!(".surefix-{name}.tmp"));
        let backup = root.join(".surefix").join(format!("old-{}", hash(old)));
        std::fs::create_dir_all(root.join(".surefix")).unwrap();
        std::fs::write(&backup, old).unwrap();
        serde_json::json!({
            "target": root.join(name), "staged": staged, "backup": backup, "old": hash(old), "new": hash(new)
        })
    };
    let journal = serde_json::json!({"version": 1, "files": [entry("b.py", "old b\n", "new b\n"), entry("a.py", "old a\n", "new a\n")]});
    std::fs::write(root.join(".surefix-a.py.tmp"), "new a\n").unwrap();
    std::fs::write(root.join(".surefix/journal.json"), journal.to_string()).unwrap();
    let r = p.exits(0, &["fix"]);
    assert!(
        r.err.starts_with("note: an earlier run was interrupted: its fix was completed in b.py, a.py\n"),
        "{}",
        r.err
    );
    assert_eq!((p.read("a.py"), p.read("b.py"), p.read("c.py")), ("new a\n".into(), "new b\n".into(), fixed()));
    // The staged file is gone: what was done is taken back.
    std::fs::write(root.join("a.py"), "old a\n").unwrap();
    let _ = (entry("b.py", "old b\n", "new b\n"), entry("a.py", "old a\n", "new a\n"));
    std::fs::write(root.join(".surefix/journal.json"), journal.to_string()).unwrap();
    let r = p.exits(0, &["fix"]);
    assert!(r.err.contains("its fix was taken back in b.py, a.py"), "{}", r.err);
    assert_eq!((p.read("a.py"), p.read("b.py")), ("old a\n".into(), "old b\n".into()));
    assert_eq!(p.exits(0, &["fix"]).err, "");
}

#[test]
fn killed_at_any_moment_every_file_is_old_or_new() {
    let names: Vec<String> = (0..30).map(|i| format!("m{i}.py")).collect();
    for delay in [20u64, 60, 120, 250, 500, 900] {
        let files: Vec<(&str, &str)> = names.iter().map(|n| (n.as_str(), FLAWED)).collect();
        let p = Project::new(&files);
        let mut child = p.command(&["fix"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(delay));
        // It may have ended already.
        let _ = child.kill();
        let _ = child.wait();
        for n in &names {
            let text = p.read(n);
            assert!(text == FLAWED || text == fixed(), "{n} after {delay} ms");
        }
        p.exits(0, &["fix"]);
        assert!(names.iter().all(|n| p.read(n) == fixed()));
        let left = snapshot(&p.path()).into_iter().filter(|(f, _)| f.extension().is_none_or(|e| e != "py")).count();
        assert_eq!(left, 0);
    }
}
