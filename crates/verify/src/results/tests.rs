//! The forms of reports, as the runners write them.

use super::*;

fn names(r: &Results) -> Vec<(&str, &str)> {
    let word = |r: &Result1| match r {
        Result1::Passed => "passed",
        Result1::Skipped => "skipped",
        Result1::Failed(_) => "failed",
    };
    r.0.iter().map(|(n, r)| (n.as_str(), word(r))).collect()
}

#[test]
fn junit_of_surefire_and_pytest() {
    let xml = r#"<?xml version="1.0"?><testsuites><testsuite name="s" tests="4">
      <testcase classname="a.B" name="one" time="0.1"/>
      <testcase classname="a.B" name="two"><failure message="1 &lt; 2" type="X">at a.B<![CDATA[ & more]]></failure></testcase>
      <testcase classname="a.B" name="three"><skipped message="later"/></testcase>
      <testcase classname="a.B" name="one"><system-out>failure</system-out></testcase>
      <testcase name="four"><error message="boom"/></testcase></testsuite></testsuites>"#;
    let r = collect(junit::read(xml));
    assert_eq!(
        names(&r),
        [
            ("a.B.one", "passed"),
            ("a.B.one (2)", "passed"),
            ("a.B.three", "skipped"),
            ("a.B.two", "failed"),
            ("four", "failed")
        ]
    );
    assert!(matches!(&r.0["a.B.two"], Result1::Failed(m) if m.starts_with("1 < 2\nat a.B")), "{r:?}");
    assert_eq!(junit::read("<testsuite><testcase name='a'/><tes"), None, "half a report is none");
    assert_eq!(junit::read("<project/>"), None);
}

#[test]
fn go_tests_with_their_output() {
    let text = r#"{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"a.go:3: bad\n"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Test":"TestB"}
{"Action":"skip","Package":"p","Test":"TestC"}
not json
{"Action":"fail","Package":"p"}
"#;
    let r = lines::go(text).unwrap();
    assert_eq!(names(&r), [("p", "failed"), ("p.TestA", "failed"), ("p.TestB", "passed"), ("p.TestC", "skipped")]);
    assert_eq!(r.0["p.TestA"], Result1::Failed("a.go:3: bad".to_string()));
    assert_eq!(lines::go("ok p 0.1s"), None);
}

#[test]
fn tap_with_subtests_and_directives() {
    let text = "TAP version 13\n# Subtest: x\n    ok 1 - inner\nok 1 - x\n  ---\n  duration_ms: 2\n  ...\nnot ok 2 - y # time=1ms\n  ---\n  error: 'no'\nok 3 - z # SKIP not here\n1..3\n";
    let r = lines::tap(text).unwrap();
    assert_eq!(names(&r), [("x", "passed"), ("y", "failed"), ("z", "skipped")]);
    assert!(matches!(&r.0["y"], Result1::Failed(m) if m.contains("error: 'no'")));
    assert_eq!(lines::tap("okay then\n"), None);
}

#[test]
fn unittest_of_old_and_new_versions() {
    let text = "test_a (t.T.test_a) ... ok\ntest_b (t.T)\nSays what it does ... FAIL\ntest_c (t.T.test_c) ... skipped 'x'\n\
        test_d (t.T.test_d) ... ERROR\n\n======\nFAIL: test_b (t.T)\n------\nTraceback\nAssertionError: 1\n\n------\nRan 4 tests in 0.1s\n";
    let r = lines::unittest(text).unwrap();
    assert_eq!(
        names(&r),
        [("t.T.test_a", "passed"), ("t.T.test_b", "failed"), ("t.T.test_c", "skipped"), ("t.T.test_d", "failed")]
    );
    assert!(matches!(&r.0["t.T.test_b"], Result1::Failed(m) if m.contains("AssertionError: 1")), "{r:?}");
    assert_eq!(lines::unittest("ImportError: no module\n"), None);
}

#[test]
fn cargo_jest_mocha_compileall_and_messages() {
    let r = lines::cargo(
        "running 2 tests\ntest a::b ... ok\ntest c ... FAILED\n\n---- c stdout ----\npanicked\n\nfailures:\n",
    )
    .unwrap();
    assert_eq!(names(&r), [("a::b", "passed"), ("c", "failed")]);
    let jest = br#"{"testResults":[{"name":"/w/p/src/a.test.js","status":"failed","assertionResults":[
        {"fullName":"A works","status":"passed"},{"fullName":"A fails","status":"failed","failureMessages":["no"]},{"fullName":"A later","status":"pending"}]},
        {"name":"/w/p/src/b.test.js","status":"failed","message":"cannot load","assertionResults":[]}]}"#;
    let r = lines::node(jest).unwrap();
    assert_eq!(
        names(&r),
        [
            ("src/a.test.js: A fails", "failed"),
            ("src/a.test.js: A later", "skipped"),
            ("src/a.test.js: A works", "passed"),
            ("src/b.test.js", "failed")
        ]
    );
    let mocha = br#"{"stats":{},"tests":[{"fullTitle":"m a","err":{}},{"fullTitle":"m b","err":{"message":"x"}},{"fullTitle":"m c","err":{}}],"pending":[{"fullTitle":"m c"}]}"#;
    assert_eq!(names(&lines::node(mocha).unwrap()), [("m a", "passed"), ("m b", "failed"), ("m c", "skipped")]);
    let r = lines::compileall(
        "*** Error compiling './a/b.py'...\n  File \"./a/b.py\", line 1\n    x =\nSyntaxError: invalid\n\n",
    );
    assert_eq!(names(&r), [("a/b.py", "failed")]);
    let r = lines::messages(
        "a.py:3: error: bad  [x]\na.py:9: error: bad  [x]\na.py:9: note: see\nb.ts(1,2): error TS1: no\n",
        &How::Exit(1),
    )
    .unwrap();
    assert_eq!(
        names(&r).iter().map(|n| n.0).collect::<Vec<_>>(),
        ["a.py:: error: bad  [x]", "a.py:: error: bad  [x] (2)", "b.ts(,): error TS1: no"]
    );
    assert_eq!(lines::messages("usage: mypy\n", &How::Exit(2)), None);
}

#[cfg(unix)]
#[test]
fn a_report_that_is_a_link_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("secret.xml");
    std::fs::write(&secret, "<testsuite><testcase name='a'/></testsuite>").unwrap();
    let reports = dir.path().join("target/surefire-reports");
    std::fs::create_dir_all(&reports).unwrap();
    std::os::unix::fs::symlink(&secret, reports.join("TEST-a.xml")).unwrap();
    std::os::unix::fs::symlink(&secret, reports.join("junit.xml")).unwrap();
    std::os::unix::fs::symlink(dir.path(), reports.join("test-results")).unwrap();
    assert_eq!(junit_files(dir.path(), &["surefire-reports", "test-results"]), Vec::<PathBuf>::new());
    assert_eq!(regular(&reports, Path::new("junit.xml")), None);
    std::fs::write(reports.join("TEST-b.xml"), "<testsuite/>").unwrap();
    assert_eq!(junit_files(dir.path(), &["surefire-reports"]).len(), 1);
}

#[test]
fn reports_of_an_earlier_run_are_not_taken_for_new_ones() {
    let dir = tempfile::tempdir().unwrap();
    let place = Place { root: "/p".into(), scratch: dir.path().to_path_buf(), copied: true };
    let old = place.written().join("a/target/surefire-reports/TEST-a.xml");
    std::fs::create_dir_all(old.parent().unwrap()).unwrap();
    std::fs::create_dir_all(place.reports()).unwrap();
    let xml = "<testsuite><testcase name='a'/></testsuite>";
    std::fs::write(&old, xml).unwrap();
    let step = |report| Step {
        id: "s".into(),
        serves: crate::plan::Serves::Tests,
        dir: "a".into(),
        argv: Vec::new(),
        report,
        why: String::new(),
        about: &[],
    };
    let maven = step(Report::JunitFolders(&["surefire-reports"]));
    let ended = Ended { how: How::Exit(0), stdout: Vec::new(), stderr: Vec::new(), tail: Vec::new(), truncated: false };
    assert_eq!(read(&maven, &ended, &place).map(|r| r.passed()), Some(1));
    clear(&maven, &place).unwrap();
    assert_eq!(read(&maven, &ended, &place), None);
    let pytest = step(Report::JunitFile);
    std::fs::create_dir_all(place.reports()).unwrap();
    std::fs::write(place.reports().join("junit.xml"), xml).unwrap();
    assert!(read(&pytest, &ended, &place).is_some());
    clear(&pytest, &place).unwrap();
    assert_eq!(read(&pytest, &ended, &place), None);
    // A command that was cut off has no results, whatever it wrote.
    std::fs::write(&old, xml).unwrap();
    let cut = Ended { how: How::Limit("memory".into()), ..ended };
    assert_eq!(read(&maven, &cut, &place), None);
}
