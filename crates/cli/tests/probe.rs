//! Gate G9: functions with a flaw are called with an attack before and after the fix.
#![cfg(target_os = "linux")]

mod support;

use support::*;

const APP: &str = "\
import sqlite3

from flask import Flask, make_response, request

app = Flask(__name__)


def open_db():
    return sqlite3.connect(\"shop.db\")


@app.route(\"/user\")
def user():
    cur = open_db().cursor()
    cur.execute(\"SELECT id FROM users WHERE name = '\" + request.args[\"name\"] + \"'\")
    return \"ok\"


@app.route(\"/hello\")
def hello():
    name = request.args.get(\"name\", \"\")
    return make_response(f\"<p>Hello {name}</p>\")


@app.route(\"/never\")
def never():
    if request.args.get(\"key\") != \"a secret that no probe knows\":
        return \"no\"
    open_db().execute(\"SELECT id FROM users WHERE name = '\" + request.args[\"name\"] + \"'\")
    return \"ok\"
";

/// As much of the framework as the functions need, so that nothing must be installed. Its `escape` is a parameter.
fn project(escape: &str) -> Project {
    let flask = format!("{FLASK}\n\ndef make_response(text):\n    return str(text)\n");
    let settings = "[paths]\nexclude = [\"stubs/**\"]\n\n[verify]\nenv = { PYTHONPATH = \"stubs\" }\n";
    let markup = format!("import html\n\n\ndef escape(text):\n    return {escape}\n");
    Project::new(&[
        ("surefix.toml", settings),
        ("app.py", APP),
        ("requirements.txt", "flask\n"),
        ("stubs/flask.py", &flask),
        ("stubs/markupsafe.py", &markup),
    ])
}

fn run(p: &Project, args: &[&str]) -> (Ran, serde_json::Value) {
    let cache = p.path().join(".cache");
    let r = ran(p.command(args).env("XDG_CACHE_HOME", cache).output().unwrap());
    let v = serde_json::from_str(&r.out).unwrap_or_else(|e| panic!("{e}: {}\n{}", r.out, r.err));
    (r, v)
}

fn gate(finding: &serde_json::Value) -> &serde_json::Value {
    finding["fix"]["gates"].as_array().unwrap().iter().find(|g| g["gate"] == "G9 probe").unwrap()
}

#[test]
fn an_attack_that_no_longer_arrives_is_evidence() {
    let p = project("html.escape(text)");
    let (r, v) = run(&p, &["fix", "--verify", "--format", "json"]);
    assert_eq!(r.code, 0, "{}", r.err);
    let findings = v["findings"].as_array().unwrap();
    let of = |line: u64| findings.iter().find(|f| f["place"]["line"] == line).unwrap();
    assert_eq!(gate(of(15))["passed"], true, "{v}");
    assert_eq!(gate(of(22))["passed"], true, "{v}");
    let why = gate(of(29))["not_run"].as_str().unwrap().to_string();
    assert!(why.contains("does not reach the sink without the fix"), "{why}");
    assert!(
        r.err.contains("the attack arrived before 2 of the fixes and does not any more, 1 could not be probed"),
        "{}",
        r.err
    );
}

#[test]
fn a_fix_that_lets_the_attack_through_is_refused() {
    let p = project("text");
    let (r, v) = run(&p, &["fix", "--verify", "--format", "json"]);
    let findings = v["findings"].as_array().unwrap();
    let xss = findings.iter().find(|f| f["rule"] == "xss").unwrap();
    assert_eq!((&xss["verdict"], &xss["gate"]), (&"rejected".into(), &"G9 probe".into()), "{}", r.err);
    assert!(xss["detail"].as_str().unwrap().contains("attack still reaches the sink"), "{xss}");
    // The others stay, and the refused one is not in the file.
    let text = String::from_utf8(std::fs::read(p.path().join("app.py")).unwrap()).unwrap();
    assert!(text.contains("WHERE name = ?") && text.contains("<p>Hello {name}</p>"), "{text}");
}

#[test]
fn probes_can_be_switched_off() {
    let p = project("html.escape(text)");
    let settings = std::fs::read_to_string(p.path().join("surefix.toml")).unwrap();
    p.put("surefix.toml", settings.replace("[verify]\n", "[verify]\nprobes = false\n").as_bytes());
    let (_, v) = run(&p, &["fix", "--verify", "--format", "json"]);
    let findings = v["findings"].as_array().unwrap();
    assert!(findings.iter().all(|f| gate(f)["not_run"] == "the settings ask for no probes"), "{v}");
}
