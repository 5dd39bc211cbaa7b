//! Fingerprints survive what does not concern the finding, and change with what does.

mod support;

use proptest::prelude::*;
use support::*;
use surefix_engine::Depth;

fn prints(path: &str, text: &str) -> Vec<String> {
    run(&[BAD], &[(path, text)], "", Depth::Detect).findings.into_iter().map(|f| f.fingerprint).collect()
}

const JAVA: &str =
    "class A {\n    void f() {\n        use(bad, 1);\n        use(bad, 2);\n    }\n    void g() { use(bad, 1); }\n}\n";

#[test]
fn unrelated_changes_do_not_count() {
    let base = prints("A.java", JAVA);
    assert_eq!(base.len(), 3);
    assert!(base.iter().all(|p| p.len() == 32));
    let same = |path: &str, text: &str| assert_eq!(prints(path, text), base, "{text}");
    same("src/x/A.java", JAVA);
    same("A.java", &JAVA.replace("void f", "// why\n\n    void f"));
    same("A.java", &JAVA.replace("use(bad, 1)", "use( bad,\n      /* c */ 1 )"));
    same("A.java", &JAVA.replace("class A {", "class A {\n    void unrelated() { other(); }\n"));
    same("A.java", &JAVA.replace('\n', "\r\n"));
}

#[test]
fn what_concerns_it_counts() {
    let base = prints("A.java", JAVA);
    assert_ne!(prints("A.java", &JAVA.replace("bad, 2", "bad, 3"))[1], base[1]);
    assert_ne!(prints("A.java", &JAVA.replace("void g", "void h"))[2], base[2]);
    // Two that are equal in everything are told apart by their order.
    let twice = prints("A.java", &JAVA.replace("bad, 2", "bad, 1"));
    assert_eq!(twice[0], base[0]);
    assert_ne!(twice[1], twice[0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn blank_lines_and_comments_anywhere_between_statements(at in 0usize..4, n in 1usize..5, crlf: bool) {
        let lines: Vec<&str> = JAVA.lines().collect();
        let mut text: Vec<String> = lines.iter().map(|l| l.to_string()).collect();
        for i in 0..n {
            text.insert(at + 1, if i % 2 == 0 { String::new() } else { "  // note".to_string() });
        }
        let joined = text.join(if crlf { "\r\n" } else { "\n" });
        prop_assert_eq!(prints("A.java", &joined), prints("A.java", JAVA));
    }
}
