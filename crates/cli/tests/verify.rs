//! `fix --verify`, `verify --plan`, `verify BUNDLE` and `undo`, with projects whose tests break under a wrong recipe: one that
//! only these tests have, as a model file of the project.
#![cfg(target_os = "linux")]

mod support;

use std::process::Command;
use support::*;

/// Two calls that rows of [`RECIPES`] change: the first change breaks a test, the second one does not.
const UTIL: &str = "\
import json


def stable(value):
    return json.dumps(value, sort_keys=True)


def plain(value):
    return json.dumps(value, check_circular=True)
";

const TESTS: &str = "\
import unittest

from shop import util


class UtilTest(unittest.TestCase):
    def test_stable(self):
        self.assertEqual(util.stable({\"b\": 1, \"a\": 2}), '{\"a\": 2, \"b\": 1}')

    def test_plain(self):
        self.assertEqual(util.plain([1]), \"[1]\")

    def test_red(self):
        self.fail(\"was red before\")
";

const RECIPES: &str = "\
[lib]
id = \"own\"
lang = \"python\"
artifacts = [\"own\"]
fix = [
    [\"json.dumps\", \"weak-hash\", { when = \"kw:sort_keys=true\", remove = \"kw:sort_keys\", tier = \"preserving\", title = \"Break the order\", message = \"A wrong recipe\" }],
    [\"json.dumps\", \"weak-hash\", { when = \"kw:check_circular=true\", remove = \"kw:check_circular\", tier = \"preserving\", title = \"Leave out what is the default\", message = \"A right recipe\" }],
]
";

fn shop() -> Project {
    let p = Project::new(&[
        ("surefix.toml", "models = [\"own.toml\"]\n"),
        ("own.toml", RECIPES),
        ("shop/__init__.py", ""),
        ("shop/util.py", UTIL),
        ("tests/__init__.py", ""),
        ("tests/test_util.py", TESTS),
    ]);
    // An environment of its own, without pytest: what is installed on the machine does not matter.
    environment(&p);
    p
}

fn environment(p: &Project) {
    let done = Command::new("python3").args(["-m", "venv", "--without-pip", ".venv"]).current_dir(p.path()).status();
    assert!(done.expect("python3 is missing").success(), "python3 has no venv");
}

impl Project {
    /// Runs with a cache of its own.
    fn verified(&self, args: &[&str]) -> Ran {
        let cache = self.path().join(".cache");
        ran(self.command(args).env("XDG_CACHE_HOME", cache).output().unwrap())
    }
}

fn fixed(which: &str) -> String {
    UTIL.replace(which, "")
}

#[test]
fn the_plan_says_what_and_why_and_runs_nothing() {
    let p = shop();
    p.put("package.json", br#"{"scripts":{"test":"\u001b[31m"}}"#);
    let before = snapshot(&p.path());
    let r = p.verified(&["verify", "--plan"]);
    assert_eq!((r.code, r.err.as_str()), (0, ""));
    assert!(r.out.contains("tests: ./.venv/bin/python -m unittest discover"), "{}", r.out);
    assert!(r.out.contains("because there are test files") && !r.out.contains('\u{1b}'), "{}", r.out);
    assert_eq!(snapshot(&p.path()), before);
}

#[test]
fn a_wrong_fix_is_dropped_and_the_right_one_stays() {
    let p = shop();
    let r = p.verified(&["fix", "--verify", "--format", "json"]);
    assert_eq!(r.code, 4, "{}\n{}", r.out, r.err);
    let v: serde_json::Value = serde_json::from_str(&r.out).unwrap();
    let by =
        |message: &str| v["findings"].as_array().unwrap().iter().find(|f| f["message"] == message).unwrap().clone();
    let (wrong, right) = (by("A wrong recipe"), by("A right recipe"));
    assert_eq!((wrong["verdict"].as_str(), wrong["gate"].as_str()), (Some("rejected"), Some("G8 tests")), "{wrong}");
    let detail = wrong["detail"].as_str().unwrap();
    assert!(
        detail.contains("unittest discover") && detail.contains("test_stable") && detail.contains("AssertionError"),
        "{detail}"
    );
    assert!(!detail.contains(&p.path().display().to_string()), "no path of the machine: {detail}");
    assert_eq!(right["verdict"], "fixed");
    for gate in right["fix"]["gates"].as_array().unwrap() {
        let probe = gate["gate"] == "G9 probe";
        assert_eq!(gate["passed"].as_bool(), Some(!probe), "{gate}");
    }
    assert_eq!(p.read("shop/util.py"), fixed(", check_circular=True"));
    assert!(
        r.err.contains("2 passed, 1 failed as before") && r.err.contains(" runs of the project's commands"),
        "{}",
        r.err
    );
    // Nothing but the fix appears in the project: what Python wrote while testing is gone.
    let left: Vec<_> = snapshot(&p.path())
        .into_iter()
        .map(|(f, _)| f)
        .filter(|f| !f.starts_with(p.path().join(".cache")) && !f.starts_with(p.path().join(".venv")))
        .collect();
    assert_eq!(left.len(), 6, "{left:?}");
    let runs = p.path().join(".cache/surefix/runs");
    assert_eq!(std::fs::read_dir(runs).unwrap().count(), 0, "the copy is gone");
}

#[test]
fn a_preview_verifies_and_writes_nothing() {
    let p = shop();
    let r = p.verified(&["fix", "--diff", "--verify"]);
    assert_eq!(r.code, 0, "{}", r.err);
    assert!(r.out.contains("-    return json.dumps(value, check_circular=True)"), "{}", r.out);
    assert!(!r.out.contains("sort_keys"), "the rejected fix is no part of it: {}", r.out);
    assert_eq!(p.read("shop/util.py"), UTIL);
    // What the command said stands below the verdict, line by line.
    let r = p.verified(&["fix", "--check", "--verify"]);
    assert!(r.out.contains("test_stable got worse") && r.out.contains("\n    | AssertionError: "), "{}", r.out);
    // The second run knows the baseline.
    let r = p.verified(&["fix", "--diff", "--verify"]);
    assert!(r.err.contains("the baseline known from before"), "{}", r.err);
}

#[test]
fn without_anything_to_run_it_says_so_and_never_passed() {
    let p = Project::new(&[("surefix.toml", "[verify]\nexclude = [\"**\"]\nalways = true\n"), ("app.py", FLAWED)]);
    p.put("surefix.toml", b"[verify]\nexclude = [\"\"]\nalways = true\n");
    let r = p.verified(&["fix", "--format", "json"]);
    assert_eq!(r.code, 0, "{}", r.err);
    let v: serde_json::Value = serde_json::from_str(&r.out).unwrap();
    let gates = v["findings"][0]["fix"]["gates"].as_array().unwrap().clone();
    for name in ["G7 build", "G8 tests"] {
        let g = gates.iter().find(|g| g["gate"] == name).unwrap();
        assert_eq!(g["passed"], false, "{g}");
        assert!(g["not_run"].as_str().unwrap().contains("found for app.py"), "{g}");
    }
    assert!(r.err.contains("Not verified: no build and no tests were found"), "{}", r.err);
}

#[test]
fn a_project_without_tests_is_verified_by_its_build_only() {
    let p = Project::new(&[("surefix.toml", ""), ("app.py", FLAWED)]);
    let r = p.verified(&["fix", "--verify"]);
    assert_eq!(r.code, 0, "{}", r.err);
    assert!(r.err.contains("No test could be used: verified by the build only"), "{}", r.err);
    assert!(r.err.contains("Not run: tests of Python: there are no files test*.py"), "{}", r.err);
}

#[test]
fn a_build_that_did_not_work_before_is_no_judge() {
    let p = Project::new(&[
        ("surefix.toml", "[[verify.command]]\ngate = \"build\"\nrun = [\"false\"]\n"),
        ("app.py", FLAWED),
    ]);
    let r = p.verified(&["fix", "--verify", "--format", "json"]);
    assert_eq!(r.code, 0, "{}", r.err);
    let v: serde_json::Value = serde_json::from_str(&r.out).unwrap();
    let g =
        v["findings"][0]["fix"]["gates"].as_array().unwrap().iter().find(|g| g["gate"] == "G7 build").unwrap().clone();
    assert!(g["not_run"].as_str().unwrap().contains("`false` fails before the fixes, too (exit code 1)"), "{g}");
    assert!(r.err.contains("Not used: `false` fails before the fixes, too"), "{}", r.err);
}

#[test]
fn hostile_commands_of_the_project_end_at_their_limits() {
    let script = "import os, subprocess, sys, time\n\
        open('app.py', 'w').write('')\n\
        print(open(os.path.expanduser('~/.ssh/id')).read() if os.path.exists(os.path.expanduser('~/.ssh/id')) else 'nothing')\n\
        print(os.environ.get('API_TOKEN', 'no token'))\n\
        sys.exit(3 if 'SELECT id FROM users WHERE name = ?' in open('flag.py').read() else 0)\n";
    let p = Project::new(&[
        ("surefix.toml", "[[verify.command]]\ngate = \"tests\"\nrun = [\"python3\", \"evil.py\"]\n"),
        ("flag.py", FLAWED),
        ("app.py", "x = 1\n"),
        ("evil.py", script),
    ]);
    let out = p
        .command(&["fix", "--verify", "--format", "json"])
        .env("API_TOKEN", "hunter2")
        .env("XDG_CACHE_HOME", p.path().join(".cache"))
        .output()
        .unwrap();
    let r = ran(out);
    assert_eq!(r.code, 4, "{}", r.err);
    assert!(r.out.contains("no token") && !r.out.contains("hunter2") && !r.err.contains("hunter2"), "{}", r.out);
    assert_eq!((p.read("app.py"), p.read("flag.py")), ("x = 1\n".to_string(), FLAWED.to_string()));
}

#[test]
fn an_interrupted_run_changes_nothing_and_leaves_nothing_for_long() {
    let p = Project::new(&[
        ("surefix.toml", "[[verify.command]]\ngate = \"tests\"\nrun = [\"sleep\", \"8765432\"]\n"),
        ("app.py", FLAWED),
    ]);
    let cache = p.path().join(".cache");
    let mut child = p
        .command(&["fix", "--verify"])
        .env("XDG_CACHE_HOME", &cache)
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let sleeping = || {
        std::fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .any(|e| std::fs::read(e.path().join("cmdline")).is_ok_and(|c| c == b"sleep\08765432\0"))
    };
    let began = std::time::Instant::now();
    let wait = |wanted: bool| {
        while sleeping() != wanted {
            assert!(began.elapsed().as_secs() < 60, "the command {}", if wanted { "never ran" } else { "lives on" });
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    };
    wait(true);
    child.kill().unwrap();
    child.wait().unwrap();
    wait(false);
    assert_eq!(p.read("app.py"), FLAWED);
    let runs = cache.join("surefix/runs");
    assert_eq!(std::fs::read_dir(&runs).unwrap().count(), 1, "a killed run cannot clean up");
    p.put("surefix.toml", b"[[verify.command]]\ngate = \"tests\"\nrun = [\"true\"]\n");
    // Two at once: each has its own copy; the writing itself is locked.
    let both: Vec<_> = (0..2)
        .map(|_| {
            p.command(&["fix", "--diff", "--verify"])
                .env("XDG_CACHE_HOME", &cache)
                .stdout(std::process::Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut c in both {
        assert!(c.wait().unwrap().success());
    }
    assert_eq!(std::fs::read_dir(&runs).unwrap().count(), 0);
}

#[test]
fn the_sandbox_can_be_required() {
    let p = shop();
    let r = p.verified(&["fix", "--diff", "--verify", "--sandbox=required"]);
    // Where namespaces are not to be had, it refuses and says what is missing.
    assert!(r.code == 0 || (r.code == 2 && r.err.contains("--sandbox=required")), "{}", r.err);
}

#[test]
fn git_repositories_of_all_kinds_can_be_verified() {
    // The command sees the project, its git directory without credentials, and nothing of the fixes' place on the disk.
    let check = "test -f lib.py && { ! test -d .git || { git log -1 >&2 && ! grep -q SECRET .git/config; }; }";
    let toml = format!("[[verify.command]]\ngate = \"tests\"\nrun = [\"sh\", \"-c\", \"{check}\"]\n");
    let source = Project::new(&[("surefix.toml", &toml), ("app.py", FLAWED), ("lib.py", "")]);
    source.git(&["init", "-q"]);
    source.git(&["add", "."]);
    source.git(&["commit", "-q", "-m", "one"]);
    source.put("note.txt", b"x");
    source.git(&["add", "."]);
    source.git(&["commit", "-q", "-m", "two"]);
    let url = format!("file://{}", source.path().display());
    let p = Project::new(&[]);
    p.git(&["clone", "-q", "--depth", "1", &url, "shallow"]);
    p.git(&["-C", "shallow", "config", "http.extraheader", "SECRET"]);
    p.git(&["clone", "-q", &url, "detached"]);
    p.git(&["-C", "detached", "checkout", "-q", "--detach", "HEAD~1"]);
    p.git(&["init", "-q", "super"]);
    p.git(&["-C", "super", "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, "lib"]);
    p.git(&["-C", "detached", "worktree", "add", "-q", "../tree", "HEAD"]);
    for dir in ["shallow", "detached", "super/lib", "tree"] {
        let mut c = p.command(&["fix", "--verify", "."]);
        let r = ran(c.current_dir(p.path().join(dir)).env("XDG_CACHE_HOME", p.path().join(".cache")).output().unwrap());
        assert_eq!(r.code, 0, "{dir}: {}\n{}", r.out, r.err);
        assert!(r.err.contains("Checked with `sh -c") && !r.err.contains("Not used"), "{dir}: {}", r.err);
        assert_eq!(p.read(&format!("{dir}/app.py")), FLAWED.replace(FLAW, FIXED), "{dir}");
    }
    p.git(&["clone", "-q", "--bare", &url, "bare"]);
    let out = p.command(&["fix", "--verify", "."]).current_dir(p.path().join("bare")).output().unwrap();
    assert_eq!(ran(out).code, 0, "there is no code in a bare repository");
}

#[test]
fn a_proof_is_replayed_and_a_forged_one_refused() {
    let p = shop();
    p.git(&["init", "-q"]);
    p.put(".gitignore", b".cache\n.venv\nproof.json\nforged.json\n");
    p.git(&["add", "."]);
    p.git(&["commit", "-q", "-m", "one"]);
    let r = p.verified(&["fix", "--verify", "--proof", "proof.json"]);
    assert_eq!(r.code, 4, "{}", r.err);
    let v: serde_json::Value = serde_json::from_str(&p.read("proof.json")).unwrap();
    assert_eq!(v["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(v["subject"][0]["name"], "shop/util.py");
    let text = p.read("proof.json");
    assert!(!text.contains(&p.path().display().to_string()), "no path of the machine");
    // The fixed tree is not the one that the proof speaks of.
    let r = p.verified(&["verify", "proof.json"]);
    assert!(r.code == 1 && r.out.contains("inputs/shop/util.py") || r.out.contains("shop/util.py: "), "{}", r.out);
    p.git(&["checkout", "-q", "."]);
    let r = p.verified(&["verify", "proof.json"]);
    assert_eq!(r.code, 0, "{}{}", r.out, r.err);
    assert!(r.out.starts_with("the same: 2 findings"), "{}", r.out);
    assert_eq!(p.read("shop/util.py"), UTIL, "a replay writes nothing");
    p.put("forged.json", text.replace("\"rejected\"", "\"fixed\"").as_bytes());
    let r = p.verified(&["verify", "forged.json"]);
    assert!(r.code == 2 && r.err.contains("it was changed"), "{}", r.err);
    // A second run on the same files gives the same bytes.
    p.verified(&["fix", "--verify", "--proof", "forged.json"]);
    let again: serde_json::Value = serde_json::from_str(&p.read("forged.json")).unwrap();
    assert_eq!(again["predicate"]["content_sha256"], v["predicate"]["content_sha256"]);
}

#[test]
fn one_fix_is_taken_out_again_after_later_changes() {
    let p = Project::new(&[("surefix.toml", "models = [\"own.toml\"]\n"), ("own.toml", RECIPES), ("util.py", UTIL)]);
    let v = p.json(&["fix"]);
    let id = |message: &str| {
        let f = v["findings"].as_array().unwrap().iter().find(|f| f["message"] == message).unwrap().clone();
        f["fingerprint"].as_str().unwrap()[..12].to_string()
    };
    let both = fixed(", check_circular=True").replace(", sort_keys=True", "");
    assert_eq!(p.read("util.py"), both);
    // Later work moves the lines and changes others.
    let later = format!("# later\n\n{}\n\ndef more():\n    return 1\n", both.replace("def plain", "def simple"));
    p.put("util.py", later.as_bytes());
    let r = p.exits(0, &["undo", &id("A wrong recipe")]);
    assert!(r.out.contains("Break the order") && r.out.contains("  util.py"), "{}", r.out);
    let expected = later.replace(
        "def stable(value):\n    return json.dumps(value)",
        "def stable(value):\n    return json.dumps(value, sort_keys=True)",
    );
    assert_eq!(p.read("util.py"), expected, "exactly one fix");
    let r = p.exits(1, &["undo", &id("A wrong recipe")]);
    assert!(r.err.contains("not in the files any more"), "{}", r.err);
    // Where the lines of the fix were changed, it says that it cannot.
    p.put("util.py", expected.replace("return json.dumps(value)\n", "return json.dumps([value])\n").as_bytes());
    let r = p.exits(1, &["undo", &id("A right recipe")]);
    assert!(r.err.contains("util.py: the lines of the fix were changed since"), "{}", r.err);
    assert!(p.exits(2, &["undo", "0000"]).err.contains("no fix with the id"));
}

const JAVA: &str = "\
package shop;

import java.math.BigDecimal;

public class Prices {
    static BigDecimal cents(BigDecimal price) {
        return price.setScale(2);
    }

    static int digest(byte[] data) throws java.security.NoSuchAlgorithmException {
        return java.security.MessageDigest.getInstance(\"SHA-384\").digest(data).length;
    }
}
";

const JAVA_RECIPES: &str = "\
[lib]
id = \"own\"
lang = \"java\"
artifacts = [\"own\"]
fix = [
    [\"java.math.BigDecimal.setScale\", \"weak-hash\", { when = \"arg0=2\", set = \"arg0=3\", tier = \"preserving\", title = \"Break the scale\", message = \"A wrong recipe\" }],
    [\"java.security.MessageDigest.getInstance\", \"weak-hash\", { when = \"arg0=SHA-384\", set = 'arg0=\"SHA-512\"', tier = \"preserving\", title = \"Take the longer one\", message = \"A right recipe\" }],
]
";

/// The wrong fix is dropped because of the test `name`, the right one stays.
fn one_of_two(r: &Ran, name: &str) {
    assert_eq!(r.code, 4, "{}\n{}", r.out, r.err);
    let v: serde_json::Value = serde_json::from_str(&r.out).unwrap();
    let mut ends: Vec<_> = v["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| (f["message"].as_str().unwrap(), f["verdict"].as_str().unwrap(), f["detail"].as_str().unwrap()))
        .collect();
    ends.sort();
    assert_eq!((ends[0].0, ends[0].1), ("A right recipe", "fixed"), "{ends:?}\n{}", r.err);
    assert_eq!((ends[1].0, ends[1].1), ("A wrong recipe", "rejected"), "{ends:?}\n{}", r.err);
    assert!(ends[1].2.contains(name), "{ends:?}");
}

#[test]
fn maven_with_junit() {
    let pom = "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>\
        <groupId>shop</groupId><artifactId>shop</artifactId><version>1</version>\
        <properties><maven.compiler.source>17</maven.compiler.source><maven.compiler.target>17</maven.compiler.target>\
        <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding></properties>\
        <dependencies><dependency><groupId>junit</groupId><artifactId>junit</artifactId><version>4.13.2</version><scope>test</scope></dependency></dependencies>\
        <build><plugins><plugin><artifactId>maven-surefire-plugin</artifactId><version>3.2.5</version></plugin></plugins></build></project>\n";
    let test = "package shop;\n\nimport static org.junit.Assert.assertEquals;\n\nimport java.math.BigDecimal;\nimport org.junit.Test;\n\n\
        public class PricesTest {\n    @Test public void cents() { assertEquals(\"1.50\", Prices.cents(new BigDecimal(\"1.5\")).toString()); }\n\
        \n    @Test public void digest() throws Exception { assertEquals(true, Prices.digest(new byte[1]) > 40); }\n}\n";
    // The wrong recipe alone: each run of Maven takes seconds.
    let wrong: String =
        JAVA_RECIPES.lines().filter(|l| !l.contains("A right recipe")).map(|l| format!("{l}\n")).collect();
    let p = Project::new(&[
        ("surefix.toml", "models = [\"own.toml\"]\n"),
        ("own.toml", &wrong),
        ("pom.xml", pom),
        ("src/main/java/shop/Prices.java", JAVA),
        ("src/test/java/shop/PricesTest.java", test),
    ]);
    // Brings the artifacts onto the machine, which a verification never does.
    let mut maven = Command::new("mvn");
    let warm = maven.args(["-q", "-B", "-ntp", "test"]).current_dir(p.path()).output().expect("mvn is missing");
    assert!(warm.status.success(), "{}", String::from_utf8_lossy(&warm.stdout));
    std::fs::remove_dir_all(p.path().join("target")).unwrap();
    let r = p.verified(&["fix", "--verify", "--format", "json"]);
    assert_eq!(r.code, 4, "{}\n{}", r.out, r.err);
    let v: serde_json::Value = serde_json::from_str(&r.out).unwrap();
    let f = &v["findings"][0];
    assert_eq!((f["verdict"].as_str(), f["gate"].as_str()), (Some("rejected"), Some("G8 tests")), "{f}\n{}", r.err);
    let detail = f["detail"].as_str().unwrap();
    assert!(detail.contains("shop.PricesTest.cents got worse") && detail.contains("expected:<1.50"), "{detail}");
    assert!(r.err.contains("2 passed, 0 failed"), "{}", r.err);
    assert!(!p.path().join("target").exists());
    assert_eq!(p.read("src/main/java/shop/Prices.java"), JAVA);
}

/// Gradle itself is not to be had from the registries that tests may use: this stand-in for the wrapper compiles, runs the tests
/// and writes the report that Gradle writes.
const GRADLEW: &str = "\
#!/bin/sh
set -e
mkdir -p build/classes build/test-results/test
javac -d build/classes src/main/java/shop/*.java src/test/java/shop/*.java
case \"$*\" in
*--offline*testClasses) ;;
*--offline*test) java -cp build/classes shop.PricesTest build/test-results/test/TEST-shop.PricesTest.xml ;;
*) echo \"not expected: $*\" >&2; exit 9 ;;
esac
";

#[test]
fn gradle_by_a_stand_in() {
    let test = "package shop;\n\nimport java.math.BigDecimal;\nimport java.nio.file.*;\n\npublic class PricesTest {\n\
        \n    public static void main(String[] args) throws Exception {\n\
        boolean cents = Prices.cents(new BigDecimal(\"1.5\")).toString().equals(\"1.50\");\n\
        boolean digest = Prices.digest(new byte[1]) > 40;\n\
        Files.writeString(Path.of(args[0]), \"<testsuite>\" + one(\"cents\", cents) + one(\"digest\", digest) + \"</testsuite>\");\n\
        System.exit(cents && digest ? 0 : 1);\n    }\n\n    static String one(String name, boolean ok) {\n\
        return \"<testcase classname='shop.PricesTest' name='\" + name + \"'>\" + (ok ? \"\" : \"<failure message='no'/>\") + \"</testcase>\";\n    }\n}\n";
    let p = Project::new(&[
        ("surefix.toml", "models = [\"own.toml\"]\n"),
        ("own.toml", JAVA_RECIPES),
        ("build.gradle", ""),
        ("gradlew", GRADLEW),
        ("gradle/wrapper/gradle-wrapper.properties", "distributionUrl=https\\://x.example/gradle-8.9-bin.zip\n"),
        (".home/.gradle/wrapper/dists/gradle-8.9-bin/x", ""),
        ("src/main/java/shop/Prices.java", JAVA),
        ("src/test/java/shop/PricesTest.java", test),
    ]);
    let mut c = p.command(&["fix", "--verify", "--format", "json"]);
    let r = ran(c.env("XDG_CACHE_HOME", p.path().join(".cache")).env("HOME", p.path().join(".home")).output().unwrap());
    one_of_two(&r, "shop.PricesTest.cents");
    assert!(r.err.contains("sh ./gradlew --no-daemon"), "{}", r.err);
}

/// Pytest need not be installed where these tests run: this stand-in runs functions `test_*` and writes the report that pytest writes.
const PYTEST: &str = "\
import importlib, pathlib, sys
sys.path.insert(0, '.')
report = next(a.split('=', 1)[1] for a in sys.argv if a.startswith('--junitxml='))
out, bad = [], 0
for path in sorted(pathlib.Path('tests').glob('test_*.py')):
    module = importlib.import_module(f'tests.{path.stem}')
    for name in sorted(n for n in dir(module) if n.startswith('test_')):
        try:
            getattr(module, name)()
            out.append(f'<testcase classname=\"tests.{path.stem}\" name=\"{name}\"/>')
        except AssertionError:
            bad += 1
            out.append(f'<testcase classname=\"tests.{path.stem}\" name=\"{name}\"><failure message=\"assert\">E</failure></testcase>')
pathlib.Path(report).write_text('<testsuites><testsuite>' + ''.join(out) + '</testsuite></testsuites>')
sys.exit(1 if bad else 0)
";

#[test]
fn pytest_by_a_stand_in() {
    let p = shop();
    let tests = "from shop import util\n\n\ndef test_stable():\n    assert util.stable({\"b\": 1, \"a\": 2}) == '{\"a\": 2, \"b\": 1}'\n\n\n\
        def test_plain():\n    assert util.plain([1]) == \"[1]\"\n";
    p.put("tests/test_util.py", tests.as_bytes());
    p.put("pyproject.toml", b"[tool.pytest.ini_options]\n");
    let lib = std::fs::read_dir(p.path().join(".venv/lib")).unwrap().flatten().next().unwrap().file_name();
    p.put(&format!(".venv/lib/{}/site-packages/pytest.py", lib.to_string_lossy()), PYTEST.as_bytes());
    let r = p.verified(&["fix", "--verify", "--format", "json"]);
    one_of_two(&r, "tests.test_util.test_stable");
    assert!(r.err.contains("-m pytest -q") && r.err.contains("2 passed, 0 failed"), "{}", r.err);
}

#[test]
fn the_helper_is_not_for_use_by_hand() {
    let p = Project::new(&[]);
    for args in [&["__sandbox"][..], &["__sandbox", "x"], &["__sandbox", "exec"]] {
        let r = ran(p.command(args).stdin(std::process::Stdio::null()).output().unwrap());
        assert_eq!(r.code, 125, "{args:?}: {}", r.err);
    }
    let status = Command::new(env!("CARGO_BIN_EXE_surefix")).arg("--help").output().unwrap();
    assert!(!String::from_utf8_lossy(&status.stdout).contains("__sandbox"));
}
