//! `surefix fix --commit`: real repositories, real hooks, and a user whose work is not touched.

#[path = "support/lab.rs"]
mod lab;
mod support;

use lab::*;
use support::*;

const COMMIT: [&str; 3] = ["fix", "--commit", "--no-verify"];

fn fixed() -> String {
    FLAWED.replace(FLAW, FIXED)
}

#[test]
fn each_fix_is_a_commit_that_says_everything() {
    let lab = Lab::new(&[("src/app.py", FLAWED), ("src/reset.py", RANDOM), ("notes.txt", "n\n"), ("b.txt", "b\n")]);
    lab.p.put("notes.txt", b"staged\n");
    lab.p.git(&["add", "notes.txt"]);
    lab.p.put("b.txt", b"changed\n");
    lab.p.put("untracked.txt", b"u\n");
    let before = lab.p.git(&["status", "--porcelain=v2"]).out;
    let old = lab.head("HEAD");
    let r = lab.exits(0, &COMMIT, &[]);
    assert!(r.err.contains("2 commits on main, up to "), "{}", r.err);
    assert_eq!(lab.p.git(&["status", "--porcelain=v2"]).out, before);
    assert_eq!(lab.p.read("src/app.py"), fixed());
    assert_eq!(lab.p.git(&["rev-list", "--count", &format!("{old}..HEAD")]).out.trim(), "2");
    let log = lab.p.git(&["log", "--format=%B", "--name-only", &format!("{old}..HEAD"), "--", "src/app.py"]).out;
    for part in [
        "in app.py\n",
        "SQL injection (CWE-89, CWE-564, critical severity, high confidence) in src/app.py:13:",
        "The change: ",
        "What may behave differently (",
        "- G1 parse: passed\n",
        "- G6 fixpoint: passed\n",
        "- G7 build: not run",
        "This commit was not built, not tested.\n",
        "\nSurefix-Finding: ",
        "\nSurefix-Recipe: sql-injection/python\n",
        "\nSurefix-Version: ",
        "\nsrc/app.py\n",
    ] {
        assert!(log.contains(part), "no {part:?} in\n{log}");
    }
    assert!(log.lines().all(|l| l.chars().count() <= 100), "{log}");
    let trailers = lab.p.git(&["log", "-2", "--format=%(trailers:key=Surefix-Finding,valueonly)"]).out;
    assert_eq!(trailers.split_whitespace().filter(|t| t.len() == 32).count(), 2, "{trailers}");
    assert_eq!(lab.p.git(&["log", "-1", "--format=%an <%ae>|%cn"]).out.trim(), "Ann <ann@example.org>|Ann");
    // And a second run has nothing to do.
    let head = lab.head("HEAD");
    lab.exits(0, &COMMIT, &[]);
    assert_eq!(lab.head("HEAD"), head);
    assert_eq!(lab.p.git(&["worktree", "list"]).out.lines().count(), 1);
}

#[test]
fn commits_can_be_fewer_and_in_the_projects_style() {
    let lab = Lab::new(&[
        ("a.py", FLAWED),
        ("b.py", FLAWED),
        ("c.py", RANDOM),
        (
            "surefix.toml",
            "[commit]\nsplit = \"single\"\nprefix = \"fix(security): \"\nauthor = \"Bot <bot@example.org>\"\nsign-off = true\n",
        ),
    ]);
    let old = lab.head("HEAD");
    lab.exits(0, &["fix", "--commit=per-rule", "--no-verify"], &[]);
    assert_eq!(lab.p.git(&["rev-list", "--count", &format!("{old}..HEAD")]).out.trim(), "2");
    let subject = lab.p.git(&["log", "--format=%s"]).out;
    assert!(subject.lines().filter(|s| s.starts_with("fix(security): ")).count() == 2, "{subject}");
    lab.p.git(&["reset", "-q", "--hard", &old]);
    lab.exits(0, &COMMIT, &[]);
    assert_eq!(lab.p.git(&["rev-list", "--count", &format!("{old}..HEAD")]).out.trim(), "1");
    let all = lab.p.git(&["log", "-1", "--format=%an <%ae> %cn%n%B"]).out;
    assert!(all.starts_with("Bot <bot@example.org> Ann\nfix(security): Fix 3 findings of 2 rules\n"), "{all}");
    assert!(all.contains("\nSigned-off-by: Ann <ann@example.org>\n"), "{all}");
    assert_eq!(all.matches("\nSurefix-Finding: ").count(), 3, "{all}");
}

#[test]
fn work_that_is_not_committed_holds_a_fix_back() {
    let lab = Lab::new(&[("a.py", FLAWED), ("b.py", FLAWED)]);
    let mine = format!("{FLAWED}# mine\n");
    lab.p.put("a.py", mine.as_bytes());
    let r = lab.exits(1, &COMMIT, &[]);
    assert!(r.out.contains("a.py has changes that are not committed"), "{}", r.out);
    assert_eq!((lab.p.read("a.py"), lab.p.read("b.py")), (mine, fixed()));
    assert_eq!(lab.p.git(&["show", "HEAD:a.py"]).out, FLAWED);
}

/// Commits of fixes that share an import and a file each stand for themselves.
#[test]
fn every_commit_is_complete() {
    let two = RANDOM.replace(
        "    return str(token)\n",
        "    return str(token)\n\n\n@app.route(\"/other\")\ndef other():\n    secret_token = random.randint(0, 10**9)\n    return str(secret_token)\n",
    );
    let lab = Lab::new(&[("a.py", &two), ("b.py", FLAWED)]);
    let old = lab.head("HEAD");
    lab.exits(0, &COMMIT, &[]);
    let all = lab.p.git(&["rev-list", "--reverse", &format!("{old}..HEAD")]).out;
    assert_eq!(all.lines().count(), 3, "{all}");
    let mut last = usize::MAX;
    for c in all.lines() {
        lab.p.git(&["checkout", "-q", c]);
        let ok =
            std::process::Command::new("python3").args(["-m", "py_compile", "a.py"]).current_dir(lab.p.path()).status();
        assert!(ok.unwrap().success(), "{c}");
        let v = lab.p.json(&["scan"]);
        let n = v["findings"].as_array().unwrap().len();
        assert!(n < last, "{c}: {n}");
        last = n;
        if lab.p.read("a.py").contains("secrets.") {
            assert!(lab.p.read("a.py").contains("import secrets"), "{c}");
        }
    }
    assert_eq!(last, 0);
}

#[test]
fn hooks_are_respected() {
    let lab = Lab::new(&[("a.py", FLAWED)]);
    let old = lab.head("HEAD");
    let hook = |n: &str| lab.p.path().join(".git/hooks").join(n);
    lab.hook(hook("commit-msg"), "printf 'Change-Id: I1\\n' >> \"$1\"");
    // A hook sees the whole project, and no token.
    lab.hook(hook("pre-commit"), "test -f a.py && test -z \"$SUREFIX_TOKEN\"");
    lab.exits(0, &COMMIT, &[("SUREFIX_TOKEN", "abcdefghij")]);
    assert!(lab.p.git(&["log", "-1", "--format=%B"]).out.contains("Change-Id: I1\n"));
    lab.p.git(&["reset", "-q", "--hard", &old]);
    lab.hook(hook("pre-commit"), "echo 'not on a Friday' >&2; exit 1");
    let r = lab.exits(3, &COMMIT, &[]);
    assert!(r.err.contains("nothing was committed") && r.err.contains("not on a Friday"), "{}", r.err);
    lab.hook(hook("pre-commit"), "echo '# x' >> a.py; git add a.py");
    let r = lab.exits(3, &COMMIT, &[]);
    assert!(r.err.contains("a hook changed what was being committed"), "{}", r.err);
    assert_eq!((lab.head("HEAD"), lab.p.read("a.py").as_str()), (old, FLAWED));
    assert_eq!(lab.p.git(&["worktree", "list"]).out.lines().count(), 1);
}

#[test]
fn a_flaw_that_is_back_is_told_and_a_persons_revert_is_respected() {
    let lab = Lab::new(&[("a.py", FLAWED)]);
    lab.exits(0, &COMMIT, &[]);
    let fix = lab.head("HEAD");
    lab.change("a.py", FLAWED);
    let r = lab.exits(0, &COMMIT, &[]);
    assert!(r.err.contains(&format!("sql-injection in a.py is back: commit {} had fixed it", &fix[..12])), "{}", r.err);
    let message = lab.p.git(&["log", "-1", "--format=%B"]).out;
    assert!(message.contains(&format!("This flaw is back: commit {} had fixed it.", &fix[..12])), "{message}");
    lab.p.git(&["revert", "--no-edit", "HEAD"]);
    let head = lab.head("HEAD");
    let r = lab.exits(1, &COMMIT, &[]);
    assert!(r.out.contains("was taken back by commit"), "{}", r.out);
    assert_eq!(lab.head("HEAD"), head);
}

#[test]
fn checkouts_of_every_kind() {
    let lab = Lab::new(&[("a.py", FLAWED)]);
    // A detached head.
    lab.p.git(&["checkout", "-q", "--detach"]);
    let r = lab.exits(0, &COMMIT, &[]);
    assert!(r.err.contains("1 commit on the detached head"), "{}", r.err);
    assert_eq!(lab.p.git(&["status", "--porcelain"]).out, "");
    lab.p.git(&["checkout", "-q", "main"]);
    assert_eq!(lab.p.read("a.py"), FLAWED);
    // A linked work tree, from a folder inside of it.
    let other = lab.remote.path().join("linked");
    lab.p.git(&["worktree", "add", "-q", "-b", "side", other.to_str().unwrap()]);
    let out = lab.command(&COMMIT, &[]).current_dir(&other).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert_eq!(std::fs::read_to_string(other.join("a.py")).unwrap(), fixed());
    assert_eq!(lab.p.git(&["rev-list", "--count", "main..side"]).out.trim(), "1");
    // A submodule, and the project around it.
    let outer = Lab::new(&[("b.py", FLAWED)]);
    outer.p.git(&[
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "--quiet",
        "add",
        &format!("file://{}", lab.bare()),
        "sub",
    ]);
    outer.p.git(&["commit", "-q", "-m", "sub"]);
    outer.exits(0, &COMMIT, &[]);
    assert_eq!(outer.p.git(&["status", "--porcelain"]).out, "");
    let sub = outer.p.path().join("sub");
    let out = outer
        .command(
            &COMMIT,
            &[
                ("GIT_AUTHOR_NAME", "x"),
                ("GIT_AUTHOR_EMAIL", "x@y"),
                ("GIT_COMMITTER_NAME", "x"),
                ("GIT_COMMITTER_EMAIL", "x@y"),
            ],
        )
        .current_dir(&sub)
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert_eq!(std::fs::read_to_string(sub.join("a.py")).unwrap(), fixed());
    // A shallow clone.
    let shallow = lab.remote.path().join("shallow");
    lab.p.git(&["clone", "-q", "--depth=1", &format!("file://{}", lab.bare()), shallow.to_str().unwrap()]);
    let who = [
        ("GIT_COMMITTER_NAME", "x"),
        ("GIT_COMMITTER_EMAIL", "x@y"),
        ("GIT_AUTHOR_NAME", "x"),
        ("GIT_AUTHOR_EMAIL", "x@y"),
    ];
    let out = lab.command(&COMMIT, &who).current_dir(&shallow).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

#[test]
#[cfg(unix)]
fn names_are_only_names() {
    let names = [
        "-x.py",
        "$(touch pwned).py",
        "a\nSurefix-Finding: b.py",
        "`id`;x.py",
        ":(glob)*.py",
        "--exec=x/é \u{202e}.py",
    ];
    let files: Vec<(&str, &str)> = names.iter().map(|n| (*n, FLAWED)).collect();
    let lab = Lab::new(&files);
    let old = lab.head("HEAD");
    let r = lab.exits(0, &COMMIT, &[]);
    assert!(!r.err.contains('\u{202e}') && !r.out.contains('\u{202e}'));
    for n in names {
        assert_eq!(lab.p.read(n), fixed(), "{n:?}");
    }
    assert_eq!(lab.p.git(&["rev-list", "--count", &format!("{old}..HEAD")]).out.trim(), names.len().to_string());
    assert!(!lab.p.path().join("pwned").exists());
    let found = lab.p.git(&["log", "--format=%(trailers:key=Surefix-Finding,valueonly)", &format!("{old}..HEAD")]).out;
    assert!(found.split_whitespace().all(|f| f.len() == 32), "{found}");
}

#[test]
fn what_cannot_be_done_is_refused_before_anything_is() {
    let p = Project::new(&[("a.py", FLAWED)]);
    p.exits(2, &["fix", "--commit", "--no-verify", "--verify"]);
    assert!(p.exits(2, &COMMIT).err.contains("not a git repository"));
    p.git(&["init", "-q"]);
    assert!(p.exits(2, &COMMIT).err.contains("no commit yet"));
    p.exits(2, &["fix", "--commit", "--no-verify", "--diff"]);
    let lab = Lab::new(&[("a.py", FLAWED), ("surefix.toml", "[commit]\nauthor = \"nobody\"\n")]);
    assert!(lab.exits(2, &COMMIT, &[]).err.contains("`nobody` is not `Name <mail>`"));
    std::fs::write(lab.p.path().join(".git/MERGE_HEAD"), "").unwrap();
    lab.p.put("surefix.toml", b"");
    assert!(lab.exits(2, &COMMIT, &[]).err.contains("a merge is under way"));
    assert_eq!(lab.p.read("a.py"), FLAWED);
}

#[test]
fn a_project_below_the_top_commits_its_own_files() {
    let lab = Lab::new(&[("sub/surefix.toml", ""), ("sub/pkg/a.py", FLAWED), ("other/b.py", FLAWED)]);
    let out = lab.command(&COMMIT, &[]).current_dir(lab.p.path().join("sub/pkg")).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert_eq!((lab.p.read("sub/pkg/a.py"), lab.p.read("other/b.py").as_str()), (fixed(), FLAWED));
    assert_eq!(lab.p.git(&["show", "--name-only", "--format=", "HEAD"]).out.trim(), "sub/pkg/a.py");
}

#[test]
#[cfg(target_os = "linux")]
fn what_is_committed_was_built_and_tested() {
    let toml = "[[verify.command]]\ngate = \"build\"\nrun = [\"python3\", \"-m\", \"py_compile\", \"a.py\"]\n\
                [[verify.command]]\ngate = \"tests\"\nrun = [\"python3\", \"check.py\"]\n";
    let check = "import ast\nassert 'random.randint' in open('b.py').read()\nast.parse(open('a.py').read())\n";
    let lab = Lab::new(&[("a.py", FLAWED), ("b.py", RANDOM), ("check.py", check), ("surefix.toml", toml)]);
    let r = lab.exits(4, &["fix", "--commit"], &[]);
    // The one that the test does not like is dropped, with the command that refused it; the other is committed with its evidence.
    assert!(r.out.contains("refused by gate G8 tests"), "{}", r.out);
    assert!(r.err.contains("1 commit on main"), "{}", r.err);
    assert_eq!((lab.p.read("a.py"), lab.p.read("b.py").as_str()), (fixed(), RANDOM));
    let message = lab.p.git(&["log", "-1", "--format=%B"]).out;
    assert!(message.contains("- G7 build: passed\n- G8 tests: passed\n") && !message.contains("was not"), "{message}");
    assert_eq!(lab.p.git(&["status", "--porcelain"]).out, "");
}
