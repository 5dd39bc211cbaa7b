//! The settings file: errors with place and suggestion, and what each value does to a run.

mod support;

use support::*;

fn error(toml: &str) -> String {
    let p = Project::new(&[("surefix.toml", toml), ("app.py", FLAWED)]);
    let before = snapshot(&p.path());
    let r = p.exits(2, &["fix"]);
    assert_eq!(snapshot(&p.path()), before);
    assert_eq!(r.out, "");
    r.err
}

#[test]
fn errors_point_at_the_place() {
    assert_eq!(
        error("[paths]\n\nexlude = [\"a\"]\n").lines().next(),
        Some(
            "error: surefix.toml:3:1: unknown field `exlude`, expected one of `include`, `exclude`, `tests`, `generated`, `vendored` (did you mean `exclude`?)"
        )
    );
    let e = error("[fix]\n  tier = \"obsrvable\"\n");
    assert!(e.starts_with("error: surefix.toml:2:10: ") && e.contains("did you mean `observable`?"), "{e}");
    let e = error("[rules]\nonly = [\"sql-injektion\"]\n");
    assert!(e.starts_with("error: surefix.toml:2:9: unknown rule") && e.contains("`sql-injection`"), "{e}");
    assert!(error("[paths\n").starts_with("error: surefix.toml:1:7: "));
    assert!(error("[paths]\nexclude = [\"a[\"]\n").contains("surefix.toml:2:"));
    assert!(error("models = [\"m/none.toml\"]\n").contains("m/none.toml: No such file"));
    assert!(error("models = [\"*.nothing\"]\n").contains("no file matches `*.nothing`"));
}

#[test]
fn a_named_file_must_be_there_and_be_valid() {
    let p = Project::new(&[
        ("app.py", FLAWED),
        ("cfg/s.toml", "[report]\nfail-on = \"never\"\n"),
        ("cfg/t.toml", "x = 1\n"),
    ]);
    assert!(p.exits(2, &["scan", "--config", "none.toml"]).err.contains("none.toml: cannot be read"));
    assert!(p.exits(2, &["scan", "--config", "cfg/t.toml"]).err.contains("t.toml:1:1"));
    p.exits(0, &["scan", "--config", "cfg/s.toml"]);
    p.exits(1, &["scan", "--config", "cfg/s.toml", "--fail-on", "low"]);
}

#[test]
fn values_do_what_they_say() {
    let p = Project::new(&[("app.py", FLAWED), ("old/app.py", FLAWED), ("surefix.toml", "")]);
    let paths = |v: &serde_json::Value| -> Vec<String> {
        v["findings"].as_array().unwrap().iter().map(|f| f["place"]["path"].as_str().unwrap().to_string()).collect()
    };
    assert_eq!(paths(&p.json(&["scan"])), ["app.py", "old/app.py"]);
    p.put("surefix.toml", b"[paths]\nexclude = [\"old/**\"]\n");
    let v = p.json(&["scan"]);
    assert_eq!(paths(&v), ["app.py"]);
    assert_eq!(v["coverage"]["skipped"][0]["why"], "excluded by the settings");
    p.put("surefix.toml", b"[rules]\nexclude = [\"sql-injection\"]\n");
    assert_eq!(paths(&p.json(&["scan"])), [""; 0]);
    p.put("surefix.toml", b"[fix]\ntier = \"preserving\"\n");
    let v = p.json(&["scan"]);
    assert_eq!(
        (v["findings"][0]["verdict"].as_str(), v["findings"][0]["reason"].as_str()),
        (Some("fixable"), Some("tier-not-allowed"))
    );
    // The flag beats the file.
    assert!(p.json(&["scan", "--tier", "attack-only"])["findings"][0]["reason"].is_null());
    p.put("surefix.toml", b"[[suppress]]\npath = \"old/**\"\nreason = \"frozen\"\n[fix]\ntier = \"off\"\n");
    let v = p.json(&["fix"]);
    assert_eq!(v["summary"]["verdicts"]["suppressed"], 1);
    assert_eq!(v["changed_files"].as_array().unwrap().len(), 0);
    assert_eq!(p.read("app.py"), FLAWED);
}

#[test]
fn the_projects_own_models_count() {
    let code = "from inside import ask\nimport sqlite3\n\n\ndef f(cur: sqlite3.Cursor):\n    cur.execute(\"select \" + ask())\n";
    let p = Project::new(&[("a.py", code), ("surefix.toml", "")]);
    assert_eq!(p.json(&["scan"])["findings"].as_array().unwrap().len(), 0);
    let row = "[lib]\nid = \"inside\"\nlang = \"python\"\nartifacts = [\"inside\"]\n\nsource = [[\"inside.ask\", \"ret\", \"remote\"]]\n";
    p.put("m/inside.toml", row.as_bytes());
    p.put("surefix.toml", b"models = [\"m/*.toml\"]\n");
    assert_eq!(p.json(&["scan"])["findings"].as_array().map(Vec::len), Some(1), "{}", p.run(&["scan"]).err);
    p.put("m/inside.toml", b"[lib]\nid = \"inside\"\nlang = \"python\"\nsorce = []\n");
    let r = p.exits(2, &["scan"]);
    assert!(r.err.contains("m/inside.toml:4:"), "{}", r.err);
}

#[test]
fn the_projects_own_call_rules_count() {
    let code = "from inside import fetch\n\n\ndef f(url):\n    return fetch(url, safe=False)\n";
    let row = |rule: &str| {
        let change = "{ when = \"kw:safe=false\", remove = \"kw:safe\", title = \"Ask safely\", message = \"It asks unsafely\" }";
        format!(
            "[lib]\nid = \"inside\"\nlang = \"python\"\nartifacts = [\"inside\"]\nfix = [[\"inside.fetch\", \"{rule}\", {change}]]\n"
        )
    };
    let p = Project::new(&[("a.py", code), ("surefix.toml", "models = [\"own.toml\"]\n")]);
    p.put("own.toml", row("tls-verification").as_bytes());
    let v = p.json(&["scan"]);
    assert_eq!(v["findings"][0]["message"], "It asks unsafely");
    assert_eq!(v["findings"].as_array().map(Vec::len), Some(1));
    p.run(&["fix", "--tier", "observable"]);
    assert_eq!(p.read("a.py"), code.replace(", safe=False", ""));
    p.put("own.toml", row("tls-verificaton").as_bytes());
    let r = p.exits(2, &["scan"]);
    assert!(r.err.contains("did you mean `tls-verification`?"), "{}", r.err);
}
