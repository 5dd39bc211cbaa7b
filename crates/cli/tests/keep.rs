//! `--with-tests`: probes that stay in the project as regression tests.
#![cfg(target_os = "linux")]

mod support;

use std::process::Command;
use support::*;

const STORE: &str = "\
import logging
import sqlite3

log = logging.getLogger(__name__)


def open_db():
    return sqlite3.connect(\"shop.db\")


def find(name: str):
    log.info(\"asked\")
    return open_db().execute(\"SELECT id FROM users WHERE name = '%s'\" % name).fetchall()
";

const APP: &str = "\
# Copyright 2026 The Shop.
import store
from flask import Flask, request

app = Flask(__name__)


@app.route(\"/user\")
def user():
    return str(len(store.find(request.args[\"name\"])))
";

const SETTINGS: &str = "\
[paths]
exclude = [\"stubs/**\"]

[verify]
env = { PYTHONPATH = \"stubs:.\" }
";

fn project(test: &str) -> Project {
    Project::new(&[
        ("surefix.toml", SETTINGS),
        ("app.py", APP),
        ("store.py", STORE),
        ("requirements.txt", "flask\n"),
        ("stubs/flask.py", FLASK),
        ("tests/test_store.py", test),
    ])
}

const TEST: &str = "\
import unittest

import store


class StoreTest(unittest.TestCase):
    def test_there(self):
        self.assertTrue(store.open_db)
";

const WANTED: &str = "\
# Copyright 2026 The Shop.
\"\"\"The input of user() must not become part of an SQL statement (CWE-89).\"\"\"

import unittest
from unittest import mock

import app
import store

ATTACK = \"x' OR 'x'='x\"


class UserTest(unittest.TestCase):
    def test_user_resists_sql_injection(self):
        database = mock.MagicMock()
        with mock.patch.object(store, \"open_db\", database):
            with app.app.test_request_context(\"/\", query_string={\"name\": ATTACK}):
                app.user()
        calls = [call for call in database.mock_calls if call[0].endswith(\"execute\")]
        statements = [str(call.args[0]) for call in calls if call.args]
        self.assertTrue(statements)
        self.assertFalse(any(ATTACK in text for text in statements))
";

const PATH: &str = "tests/test_app_user_sql_injection.py";

fn run(p: &Project, args: &[&str]) -> Ran {
    ran(p.command(args).env("XDG_CACHE_HOME", p.path().join(".cache")).output().unwrap())
}

#[test]
fn a_test_comes_with_the_fix_and_goes_with_it() {
    let p = project(TEST);
    let r = run(&p, &["fix", "--with-tests", "--format", "json"]);
    assert_eq!(r.code, 0, "{}\n{}", r.out, r.err);
    let v: serde_json::Value = serde_json::from_str(&r.out).unwrap();
    assert_eq!(v["findings"][0]["fix"]["tests"], serde_json::json!([PATH]), "{}", r.err);
    assert_eq!(v["changed_files"], serde_json::json!(["store.py", PATH]));
    assert_eq!(p.read(PATH), WANTED);
    assert!(r.err.contains(&format!("Added test {PATH}: it fails without the fix and passes with it")), "{}", r.err);
    // A second run finds nothing to do.
    assert_eq!(run(&p, &["fix", "--with-tests", "--check"]).code, 0);
    // The proof is of the files as they were.
    let proof: serde_json::Value = serde_json::from_str(&p.read(".surefix/proof-1.json")).unwrap();
    let content = &proof["predicate"]["content"];
    assert!(content["inputs"].get(PATH).is_none() && content["request"]["with_tests"] == true);
    let id = v["findings"][0]["fingerprint"].as_str().unwrap();
    let r = run(&p, &["undo", &id[..12]]);
    assert_eq!(r.code, 0, "{}", r.err);
    assert!(r.out.contains(PATH), "{}", r.out);
    assert_eq!((p.read("store.py"), p.path().join(PATH).exists()), (STORE.to_string(), false));
    // Replaying does the same again, tests included.
    let r = run(&p, &["verify", ".surefix/proof-1.json"]);
    assert_eq!(r.code, 0, "{}\n{}", r.out, r.err);
}

#[test]
fn the_patch_takes_the_test_back_and_a_changed_test_is_not_removed() {
    let p = project(TEST);
    p.git(&["init", "-q"]);
    p.git(&["add", "."]);
    p.git(&["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a"]);
    let r = run(&p, &["fix", "--with-tests", "--format", "json"]);
    let v: serde_json::Value = serde_json::from_str(&r.out).unwrap();
    let id = v["findings"][0]["fingerprint"].as_str().unwrap().to_string();
    p.put(PATH, b"# mine\n");
    let r = run(&p, &["undo", &id]);
    assert_eq!(r.code, 1, "{}", r.err);
    assert!(r.err.contains(PATH) && p.read("store.py") != STORE, "{}", r.err);
    p.put(PATH, WANTED.as_bytes());
    p.git(&["apply", ".git/surefix/undo-1.patch"]);
    assert_eq!((p.read("store.py"), p.path().join(PATH).exists()), (STORE.to_string(), false));
}

#[test]
fn each_commit_holds_its_test() {
    let p = project(TEST);
    p.git(&["init", "-q"]);
    p.git(&["config", "user.name", "a"]);
    p.git(&["config", "user.email", "a@b"]);
    p.git(&["add", "."]);
    p.git(&["commit", "-qm", "a"]);
    let r = run(&p, &["fix", "--with-tests", "--commit"]);
    assert_eq!(r.code, 0, "{}\n{}", r.out, r.err);
    let shown = p.git(&["show", "--stat", "--format=%B"]).out;
    assert!(shown.contains(PATH) && shown.contains("store.py") && shown.contains("fails without the fix"), "{shown}");
}

#[test]
fn a_test_that_does_not_show_the_fix_is_not_kept() {
    // The other tests leave the function replaced.
    let p = project(&TEST.replace("import store\n", "import store\n\nstore.find = lambda name: []\n"));
    let r = run(&p, &["fix", "--with-tests"]);
    assert!(r.err.contains("No test for sql-injection in store.py: the test does not pass with the fix"), "{}", r.err);
    assert!(!p.path().join(PATH).exists() && p.read("store.py") != STORE);
}

#[test]
fn a_test_for_junit() {
    let pom = "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>\
        <groupId>shop</groupId><artifactId>shop</artifactId><version>1</version>\
        <properties><maven.compiler.source>17</maven.compiler.source><maven.compiler.target>17</maven.compiler.target>\
        <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding></properties>\
        <dependencies><dependency><groupId>junit</groupId><artifactId>junit</artifactId><version>4.13.2</version><scope>test</scope></dependency>\
        <dependency><groupId>javax.servlet</groupId><artifactId>javax.servlet-api</artifactId><version>4.0.1</version><scope>provided</scope></dependency>\
        <dependency><groupId>org.owasp.encoder</groupId><artifactId>encoder</artifactId><version>1.2.3</version></dependency></dependencies>\
        <build><plugins><plugin><artifactId>maven-surefire-plugin</artifactId><version>3.2.5</version></plugin></plugins></build></project>\n";
    let hello = "/* Copyright 2026 The Shop. */\npackage shop;\n\nimport java.io.IOException;\nimport javax.servlet.http.HttpServlet;\n\
        import javax.servlet.http.HttpServletRequest;\nimport javax.servlet.http.HttpServletResponse;\n\n\
        public class Hello extends HttpServlet {\n    @Override\n\
        \x20   protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {\n\
        \x20       response.getWriter().println(\"<p>Hello \" + request.getParameter(\"name\") + \"</p>\");\n    }\n}\n";
    let test = "package shop;\n\nimport org.junit.Test;\n\npublic class HelloTest {\n    @Test public void made() { new Hello(); }\n}\n";
    let p = Project::new(&[
        ("pom.xml", pom),
        ("src/main/java/shop/Hello.java", hello),
        ("src/test/java/shop/HelloTest.java", test),
    ]);
    // Brings the artifacts onto the machine, which a verification never does.
    let mut maven = Command::new("mvn");
    let warm = maven.args(["-q", "-B", "-ntp", "test"]).current_dir(p.path()).output().expect("mvn is missing");
    assert!(warm.status.success(), "{}", String::from_utf8_lossy(&warm.stdout));
    let r = run(&p, &["fix", "--with-tests"]);
    assert_eq!(r.code, 0, "{}\n{}", r.out, r.err);
    let text = p.read("src/test/java/shop/HelloDoGetXssTest.java");
    assert!(
        text.starts_with("/* Copyright 2026 The Shop. */\npackage shop;\n") && text.contains("import org.junit.Test;")
    );
    let mut maven = Command::new("mvn");
    let after = maven.args(["-o", "-B", "-ntp", "test"]).current_dir(p.path()).output().unwrap();
    let said = String::from_utf8_lossy(&after.stdout);
    assert!(after.status.success() && said.contains("Tests run: 2, Failures: 0"), "{said}");
}
