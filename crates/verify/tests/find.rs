//! Which commands are found, and why others are not.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use surefix_engine::config::{Config, VerifyConfig};
use surefix_verify::find::{Facts, find};
use surefix_verify::plan::{Plan, Report, Serves};

/// A project with these files, on a machine with these programs.
fn plan(files: &[(&str, &str)], programs: &[&str], config: &VerifyConfig) -> Plan {
    let dir = tempfile::tempdir().unwrap();
    let put = |base: &str, name: &str, text: &str| {
        let full = dir.path().join(base).join(name);
        std::fs::create_dir_all(full.parent().unwrap()).unwrap();
        std::fs::write(&full, text).unwrap();
        if text == "PROGRAM" {
            std::fs::set_permissions(&full, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
    };
    files.iter().for_each(|(n, t)| put("project", n, t));
    programs.iter().for_each(|p| put("tools/bin", p, "PROGRAM"));
    put("home", ".m2/wrapper/dists/apache-maven-3.9.9/x", "");
    let path = dir.path().join("tools/bin").into_os_string();
    let facts = Facts::look(&dir.path().join("project"), Some(&path), vec![dir.path().join("home")], false);
    find(&facts, config)
}

fn shown(p: &Plan) -> Vec<String> {
    p.steps.iter().map(|s| format!("{}|{}|{}", s.serves.name(), s.dir, s.shown())).collect()
}

fn left(p: &Plan) -> String {
    p.left_out.iter().map(|l| format!("{}|{}|{}\n", l.dir, l.what, l.why)).collect()
}

const QUIET: &str = "mvn -B -ntp -o -Daether.enhancedLocalRepository.trackingFilename=none.repositories";

#[test]
fn maven_reactors_and_their_wrappers() {
    let none = VerifyConfig::default();
    let files = [
        ("pom.xml", "<project><modules><module>a</module></modules></project>"),
        ("a/pom.xml", "<project/>"),
        ("a/src/test/java/T.java", "class T {}"),
        ("tool/pom.xml", "<project/>"),
    ];
    let p = plan(&files, &["mvn"], &none);
    assert_eq!(
        shown(&p),
        [
            format!("build||{QUIET} test-compile"),
            format!("tests||{QUIET} -Dmaven.test.failure.ignore=true test"),
            format!("build|tool|{QUIET} test-compile"),
        ]
    );
    assert!(left(&p).contains("tool|tests of Maven|there is no src/test"));
    assert!(p.covers(Serves::Tests, "a/src/main/java/X.java") && !p.covers(Serves::Tests, "a/x.py"));
    assert!(left(&plan(&files[..1], &[], &none)).contains("mvn is not installed and there is no mvnw"));
    // A wrapper goes first when its distribution is there, and not when it would have to be loaded.
    let wrapper = |version: &str| {
        let url = format!("distributionUrl=https://x.example/apache-maven-{version}-bin.zip\n");
        let files = [("pom.xml", "<project/>"), ("mvnw", "PROGRAM"), (".mvn/wrapper/maven-wrapper.properties", &url)];
        let p = plan(&files, &["mvn"], &none);
        (p.steps[0].argv[0].clone(), p.steps[0].why.clone())
    };
    assert_eq!(wrapper("3.9.9").0, "./mvnw");
    let (program, why) = wrapper("3.0");
    assert_eq!(program, "mvn");
    assert!(why.contains("not on this machine"), "{why}");
}

#[test]
fn gradle_with_and_without_tests() {
    let files =
        [("settings.gradle.kts", ""), ("app/build.gradle.kts", ""), ("app/src/test/java/T.java", ""), ("gradlew", "x")];
    let p = plan(&files, &["gradle"], &VerifyConfig::default());
    assert_eq!(
        shown(&p),
        [
            "build||gradle --no-daemon --console=plain --continue --offline testClasses",
            "tests||gradle --no-daemon --console=plain --continue --offline test",
        ]
    );
    assert_eq!(p.steps[1].report, Report::JunitFolders(&["test-results"]));
    let p = plan(&files, &[], &VerifyConfig::default());
    assert!(left(&p).contains("the network is not allowed, and gradle is not installed"), "{}", left(&p));
}

#[test]
fn python_by_what_the_project_uses() {
    let none = VerifyConfig::default();
    let unit =
        [("app/__init__.py", ""), ("tests/__init__.py", ""), ("tests/test_a.py", "import unittest"), ("setup.py", "")];
    assert_eq!(
        shown(&plan(&unit, &["python3"], &none)),
        [
            "build||python3 -m compileall -q -f app setup.py tests",
            "tests||python3 -m unittest discover -v -s tests -p 'test*.py' -t .",
        ]
    );
    let asks = [("a.py", ""), ("test_a.py", "import pytest")];
    let p = plan(&asks, &["python3"], &none);
    assert!(left(&p).contains("pytest|the tests need it"), "{}", left(&p));
    let venv = [
        ("src/a.py", ""),
        ("tests/test_a.py", ""),
        ("pyproject.toml", "[tool.pytest.ini_options]\n[tool.mypy]\n"),
        (".venv/pyvenv.cfg", ""),
        (".venv/bin/python", "PROGRAM"),
        (".venv/lib/python3.12/site-packages/pytest/__init__.py", ""),
        ("svc/api/pyproject.toml", ""),
        ("svc/api/b.py", ""),
        (".gitignore", ".venv\n"),
    ];
    let p = plan(&venv, &[], &none);
    assert_eq!(
        shown(&p),
        [
            "build||./.venv/bin/python -m compileall -q -f src tests",
            "tests||./.venv/bin/python -m pytest -q -p no:cacheprovider --junitxml={reports}/junit.xml",
            "build|svc/api|../../.venv/bin/python -m compileall -q -f b.py",
        ]
    );
    assert!(left(&p).contains("mypy|the project configures it, but it is not installed"), "{}", left(&p));
    assert!(left(&p).contains("svc/api|tests of Python"), "{}", left(&p));
    assert!(left(&plan(&asks, &[], &none)).contains("python3 is not installed"));
}

#[test]
fn node_packages_by_lock_file_and_script() {
    let json = r#"{"scripts":{"build":"tsc -b","test":"jest"},"devDependencies":{"jest":"1"}}"#;
    let files = [
        ("package.json", json),
        ("pnpm-lock.yaml", ""),
        ("tsconfig.json", "{}"),
        ("node_modules/.bin/tsc", "PROGRAM"),
        ("b/package.json", r#"{"scripts":{"test":"node --test | tap-min"}}"#),
        ("b/yarn.lock", ""),
        ("c/package.json", r#"{"scripts":{"test":"echo \"Error: no test specified\" && exit 1"}}"#),
    ];
    let p = plan(&files, &["pnpm", "yarn", "npm"], &VerifyConfig::default());
    assert_eq!(
        shown(&p),
        [
            "build||node_modules/.bin/tsc --noEmit --pretty false",
            "build||pnpm run build",
            "tests||pnpm run test -- --json --outputFile={reports}/results.json",
            "tests|b|yarn run test",
        ]
    );
    assert_eq!(p.steps[3].report, Report::Exit, "a pipe takes no more arguments");
    let p = plan(&files[..2], &["pnpm"], &VerifyConfig::default());
    assert!(left(&p).contains("the dependencies are not installed"), "{}", left(&p));
}

#[test]
fn go_cargo_make_and_nothing() {
    let none = VerifyConfig::default();
    let p = plan(
        &[("go.mod", ""), ("a_test.go", ""), ("r/Cargo.toml", ""), ("Makefile", "test:\n")],
        &["go", "cargo", "make"],
        &none,
    );
    assert_eq!(
        shown(&p),
        [
            "build||go build ./...",
            "build||go vet ./...",
            "tests||go test -json ./...",
            "build|r|cargo check --all-targets --offline",
            "tests|r|cargo test --no-fail-fast --offline",
        ]
    );
    let p = plan(&[("Makefile", "all:\ncheck : all\n")], &["make"], &none);
    assert_eq!(shown(&p), ["build||make", "tests||make check"]);
    let p = plan(&[("README", "")], &["make", "go"], &none);
    assert_eq!(p.text(), "no build or type check was found\nno tests were found\n");
}

#[test]
fn settings_win_and_exclude() {
    let text = "[[verify.command]]\ngate = \"tests\"\nrun = [\"make\", \"it works\"]\nreport = \"tap\"\ndir = \"x\"\n[[verify.command]]\ngate = \"build\"\nrun = [\"b\"]\n";
    let config = Config::parse("s", text, &[]).unwrap();
    let p = plan(&[("go.mod", "")], &["go"], &config.verify);
    assert_eq!(shown(&p), ["build||b", "tests|x|make 'it works'"]);
    assert_eq!(p.steps[1].report, Report::Tap);
    let config = Config::parse("s", "[verify]\nexclude = [\"old\"]\n", &[]).unwrap();
    let p = plan(&[("old/go.mod", ""), ("new/go.mod", "")], &["go"], &config.verify);
    assert!(p.steps.iter().all(|s| s.dir == "new"), "{:?}", shown(&p));
    assert!(left(&p).contains("old|go build ./...|excluded by the settings"));
    for bad in ["dir = \"../x\"\n", "dir = \"/x\"\n"] {
        let text = format!("[[verify.command]]\ngate = \"build\"\nrun = [\"b\"]\n{bad}");
        assert!(Config::parse("s", &text, &[]).unwrap_err().message.contains("leaves the project"));
    }
    assert!(Config::parse("s", "[[verify.command]]\ngate = \"build\"\nrun = []\n", &[]).is_err());
}

#[test]
fn programs_of_the_project_are_not_taken_for_tools() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("go.mod"), "").unwrap();
    std::fs::create_dir(dir.path().join("bin")).unwrap();
    let go = dir.path().join("bin/go");
    std::fs::write(&go, "").unwrap();
    std::fs::set_permissions(&go, std::fs::Permissions::from_mode(0o755)).unwrap();
    let facts = Facts::look(dir.path(), Some(Path::new("bin:.").as_os_str()), Vec::new(), false);
    assert!(left(&find(&facts, &VerifyConfig::default())).contains("go is not installed"));
}
