//! What a person sees who types something: help, rules, pages, completions, mistakes.

mod support;

use support::*;

#[test]
fn alone_it_shows_the_three_commands() {
    let p = Project::new(&[]);
    let r = p.exits(0, &[]);
    let commands: Vec<&str> = r.out.lines().filter(|l| l.starts_with("  surefix ")).collect();
    assert_eq!(commands.len(), 3, "{}", r.out);
    for c in ["surefix scan", "surefix fix --diff", "surefix fix "] {
        assert!(r.out.contains(c), "{}", r.out);
    }
    assert_eq!(r.err, "");
}

#[test]
fn help_and_version_are_results_and_mistakes_are_not() {
    let p = Project::new(&[]);
    let help = p.exits(0, &["fix", "--help"]).out;
    for flag in [
        "--diff",
        "--check",
        "--tier",
        "--rule",
        "--exclude-rule",
        "--fail-on",
        "--exit-non-zero-on-fix",
        "--threads",
        "--config",
        "--format",
        "--output",
    ] {
        assert!(help.contains(flag), "{flag} in {help}");
    }
    assert!(p.exits(0, &["--version"]).out.starts_with("surefix "));
    for args in
        [&["scann"][..], &["scan", "--tiers"], &["fix", "--tier", "all"], &["rule"], &["scan", "--threads", "x"]]
    {
        let r = p.exits(2, args);
        assert!(r.out.is_empty() && r.err.contains("error:"), "{args:?}: {}", r.err);
    }
    assert!(p.run(&["scann"]).err.contains("scan"));
}

#[test]
fn rules_and_their_pages() {
    let p = Project::new(&[]);
    let list = p.exits(0, &["rules"]).out;
    let ids: Vec<&str> = list.lines().filter_map(|l| l.split_whitespace().next()).collect();
    assert!(ids.contains(&"sql-injection") && ids.is_sorted());
    for id in ids {
        let page = p.exits(0, &["rule", id]).out;
        assert!(page.contains("CWE-") && page.len() > 100, "{id}: {page}");
    }
    let r = p.exits(2, &["rule", "sql-injecton"]);
    assert!(r.err.contains("did you mean `sql-injection`?"), "{}", r.err);
    assert!(p.exits(2, &["scan", "--rule", "xs"]).err.contains("did you mean `xss`?"));
    assert_eq!(
        p.exits(2, &["scan", "--exclude-rule", "nothing-like-it"]).err,
        "error: unknown rule `nothing-like-it`\n"
    );
}

#[test]
fn completions_for_every_shell() {
    let p = Project::new(&[]);
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(p.exits(0, &["completions", shell]).out.contains("exclude-rule"), "{shell}");
    }
}

#[test]
fn init_writes_a_valid_file_once() {
    let p = Project::new(&[("a.py", "x = 1\n")]);
    p.exits(0, &["init"]);
    let text = p.read("surefix.toml");
    assert!(text.lines().filter(|l| l.starts_with('#')).count() > 20);
    p.exits(0, &["scan"]);
    let r = p.exits(2, &["init"]);
    assert!(r.err.contains("there already"), "{}", r.err);
    assert_eq!(p.read("surefix.toml"), text);
}

#[test]
fn colour_only_where_it_is_wanted() {
    let p = Project::new(&[("app.py", FLAWED)]);
    let plain = p.exits(1, &["scan"]);
    assert!(!plain.out.contains('\u{1b}') && !plain.err.contains('\u{1b}'), "{}", plain.out);
    assert!(p.exits(1, &["scan", "--color", "always"]).out.contains("\u{1b}["));
    let quiet = ran(p.command(&["scan"]).env("NO_COLOR", "1").env("TERM", "xterm").output().unwrap());
    assert!(!quiet.out.contains('\u{1b}'));
    // Progress is for terminals.
    assert_eq!(plain.err, "");
}

#[test]
fn explain_finds_by_fingerprint_and_by_place() {
    let p = Project::new(&[("app.py", FLAWED)]);
    let all = p.json(&["scan"]);
    let print = all["findings"][0]["fingerprint"].as_str().unwrap().to_string();
    let text = p.exits(0, &["explain", &print[..10]]).out;
    assert!(text.contains("1. untrusted data enters") && text.contains("13 |"), "{text}");
    assert!(text.contains("G2 gone passed") && text.contains("+    cur.execute("), "{text}");
    assert_eq!(p.exits(0, &["explain", "app.py:13"]).out, text);
    assert!(p.exits(2, &["explain", "app.py:1"]).err.contains("no such finding"));
    assert!(p.exits(2, &["explain", "ffffffff"]).err.contains("no such finding"));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    use std::process::Stdio;
    let p = Project::new(&[("app.py", FLAWED)]);
    let mut child = p.command(&["scan"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let r = ran(child.wait_with_output().unwrap());
    assert_eq!((r.code, r.err.as_str()), (1, ""));
}
