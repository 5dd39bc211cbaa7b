//! `surefix ci`: the platforms by their variables, what a change brings and what was there, and what may be written where.

#[path = "support/lab.rs"]
mod lab;
#[path = "../../deliver/tests/support/standin.rs"]
mod standin;
mod support;

use lab::*;
use standin::{Played, TOKEN};
use support::*;

const CI: [&str; 2] = ["ci", "--no-verify"];

fn fixed() -> String {
    FLAWED.replace(FLAW, FIXED)
}

/// `main` has an old flaw; the branch `work` brings a new one. Gives the tip of `work`.
fn with_request() -> (Lab, String) {
    let lab = Lab::new(&[("old.py", FLAWED), ("app.py", &clean())]);
    lab.p.git(&["checkout", "-q", "-b", "work"]);
    let moved = format!("# one line more\n\n\n{FLAWED}");
    lab.change("old.py", &moved);
    let tip = lab.change("app.py", FLAWED);
    lab.push("work");
    (lab, tip)
}

fn event(lab: &Lab, tip: &str, head: &str) -> String {
    let path = lab.remote.path().join("event.json");
    let text = format!(
        "{{\"pull_request\": {{\"number\": 7, \"head\": {{\"ref\": \"work\", \"sha\": \"{tip}\", \"repo\": {{\"full_name\": \"{head}\"}}}}, \
         \"base\": {{\"ref\": \"main\", \"repo\": {{\"full_name\": \"o/r\"}}}}}}, \"repository\": {{\"default_branch\": \"main\"}}}}"
    );
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_string()
}

#[test]
fn every_platform_is_known_and_only_the_new_flaw_is_fixed() {
    let platforms: [(&str, &[(&str, &str)]); 6] = [
        (
            "GitHub Actions",
            &[
                ("GITHUB_ACTIONS", "true"),
                ("GITHUB_EVENT_NAME", "pull_request"),
                ("GITHUB_HEAD_REF", "work"),
                ("GITHUB_BASE_REF", "main"),
                ("GITHUB_REF", "refs/pull/7/merge"),
                ("GITHUB_EVENT_PATH", "EVENT"),
            ],
        ),
        (
            "GitLab CI",
            &[
                ("GITLAB_CI", "true"),
                ("CI_MERGE_REQUEST_IID", "7"),
                ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "work"),
                ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main"),
                ("CI_COMMIT_SHA", "TIP"),
                ("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "1"),
                ("CI_MERGE_REQUEST_PROJECT_ID", "1"),
                ("CI_PROJECT_ID", "1"),
            ],
        ),
        (
            "Azure Pipelines",
            &[
                ("TF_BUILD", "True"),
                ("SYSTEM_PULLREQUEST_PULLREQUESTID", "7"),
                ("SYSTEM_PULLREQUEST_SOURCEBRANCH", "refs/heads/work"),
                ("SYSTEM_PULLREQUEST_TARGETBRANCH", "refs/heads/main"),
                ("SYSTEM_PULLREQUEST_SOURCECOMMITID", "TIP"),
                ("SYSTEM_PULLREQUEST_ISFORK", "False"),
            ],
        ),
        (
            "Bitbucket Pipelines",
            &[
                ("BITBUCKET_BUILD_NUMBER", "1"),
                ("BITBUCKET_PR_ID", "7"),
                ("BITBUCKET_BRANCH", "work"),
                ("BITBUCKET_PR_DESTINATION_BRANCH", "main"),
                ("BITBUCKET_COMMIT", "TIP"),
            ],
        ),
        (
            "Jenkins",
            &[("JENKINS_URL", "http://j/"), ("CHANGE_ID", "7"), ("CHANGE_BRANCH", "work"), ("CHANGE_TARGET", "main")],
        ),
        (
            "CircleCI",
            &[
                ("CIRCLECI", "true"),
                ("CIRCLE_PULL_REQUEST", "https://forge.example/o/r/pull/7"),
                ("CIRCLE_BRANCH", "work"),
                ("CIRCLE_SHA1", "TIP"),
            ],
        ),
    ];
    let (lab, tip) = with_request();
    let ev = event(&lab, &tip, "o/r");
    let known = lab.p.git(&["show", "HEAD:old.py"]).out;
    for (name, vars) in platforms {
        lab.p.git(&["push", "-q", "--force", "origin", &format!("{tip}:refs/heads/work")]);
        // As a pipeline has it: a fresh checkout with a detached head.
        let _ = std::fs::remove_dir_all(lab.p.path().join("surefix-report"));
        lab.p.git(&["checkout", "-q", "--detach", &tip]);
        let env: Vec<(&str, &str)> = vars
            .iter()
            .map(|(k, v)| {
                (
                    *k,
                    if *v == "TIP" {
                        tip.as_str()
                    } else if *v == "EVENT" {
                        ev.as_str()
                    } else {
                        *v
                    },
                )
            })
            .collect();
        let r = lab.exits(0, &CI, &env);
        assert!(
            r.err.contains(&format!("{name}: request 7\n")) && r.err.contains("pushed 1 commit to work"),
            "{}",
            r.err
        );
        let new = lab.there(&["rev-parse", "work"]);
        assert_eq!(lab.there(&["rev-parse", "work^"]), tip, "{name}");
        assert_eq!(lab.there(&["show", "work:app.py"]), fixed().trim_end(), "{name}");
        assert_eq!(lab.there(&["show", "work:old.py"]), known.trim_end(), "{name}");
        // The user's checkout is as it was, but for the reports.
        assert_eq!(lab.p.git(&["status", "--porcelain"]).out, "?? surefix-report/\n", "{name}");
        assert_eq!(lab.p.path().join("surefix-report/gl-code-quality-report.json").exists(), name == "GitLab CI");
        // The pipeline of the pushed commit does nothing more.
        if name == "Azure Pipelines" {
            lab.p.git(&["fetch", "-q", "origin"]);
            lab.p.git(&["checkout", "-q", "--detach", &new]);
            let again: Vec<(&str, &str)> =
                env.iter().map(|(k, v)| (*k, if *v == tip { new.as_str() } else { *v })).collect();
            let r = lab.exits(0, &CI, &again);
            assert!(!r.err.contains("pushed"), "{}", r.err);
            assert_eq!(lab.there(&["rev-parse", "work"]), new);
        }
    }
}

#[test]
fn a_forks_request_writes_nothing_and_leaves_the_patch() {
    let (lab, tip) = with_request();
    let ev = event(&lab, &tip, "stranger/r");
    let server = standin::forge(Played::GitHub);
    let summary = lab.remote.path().join("summary.md");
    std::fs::write(&summary, "before\n").unwrap();
    let env = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_EVENT_NAME", "pull_request"),
        ("GITHUB_EVENT_PATH", ev.as_str()),
        ("GITHUB_TOKEN", TOKEN),
        ("GITHUB_API_URL", server.base.as_str()),
        ("GITHUB_SERVER_URL", "https://github.com"),
        ("GITHUB_REPOSITORY", "o/r"),
        ("GITHUB_STEP_SUMMARY", summary.to_str().unwrap()),
    ];
    let r = lab.exits(1, &CI, &env);
    assert!(r.err.contains("request 7 of a fork"), "{}", r.err);
    assert_eq!(lab.there(&["rev-parse", "work"]), tip);
    assert!(server.state.lock().unwrap().calls.is_empty());
    lab.p.git(&["apply", "surefix-report/surefix.patch"]);
    assert_eq!(lab.p.read("app.py"), fixed());
    let text = std::fs::read_to_string(&summary).unwrap();
    assert!(text.starts_with("before\n# Surefix\n") && text.contains("app.py:13"), "{text}");
    assert!(r.err.contains("::error file=app.py,line=13,col=5,title=Surefix%3A SQL injection::"), "{}", r.err);
    let sarif: serde_json::Value = serde_json::from_str(&lab.p.read("surefix-report/surefix.sarif")).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    for e in std::fs::read_dir(lab.p.path().join("surefix-report")).unwrap().flatten() {
        assert!(!std::fs::read_to_string(e.path()).unwrap().contains(TOKEN));
    }
}

#[test]
fn where_the_branch_is_protected_the_fix_is_suggested() {
    let (lab, tip) = with_request();
    lab.hook(lab.remote.path().join("r.git/hooks/pre-receive"), "echo 'work is protected' >&2; exit 1");
    let ev = event(&lab, &tip, "o/r");
    let server = standin::forge(Played::GitHub);
    {
        let mut s = server.state.lock().unwrap();
        s.tip = tip.clone();
        s.prs = (1..=7)
            .map(|number| standin::Pr {
                number,
                source: "work".into(),
                target: "main".into(),
                state: "open",
                ..Default::default()
            })
            .collect();
    }
    let env = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_EVENT_NAME", "pull_request"),
        ("GITHUB_EVENT_PATH", ev.as_str()),
        ("GITHUB_TOKEN", TOKEN),
        ("GITHUB_API_URL", server.base.as_str()),
        ("GITHUB_SERVER_URL", "https://github.com"),
        ("GITHUB_REPOSITORY", "o/r"),
    ];
    let r = lab.exits(1, &CI, &env);
    assert!(r.err.contains("work is protected") && r.err.contains("offered 1 suggestion"), "{}", r.err);
    {
        let s = server.state.lock().unwrap();
        assert!(s.violations.is_empty(), "{:?}", s.violations);
        let (path, line, text) = &s.prs[6].suggestions[0];
        assert_eq!((path.as_str(), *line), ("app.py", 13));
        assert!(text.contains(&format!("```suggestion\n{FIXED}```\n")), "{text}");
    }
    // A second run does not say it again.
    let r = lab.exits(1, &CI, &env);
    assert!(r.err.contains("no new suggestions"), "{}", r.err);
    assert_eq!(server.state.lock().unwrap().prs[6].suggestions.len(), 1);
    assert!(lab.p.path().join("surefix-report/surefix.patch").metadata().unwrap().len() > 0);
}

#[test]
fn a_force_moved_base_and_a_branch_that_moved_on_end_well() {
    let (lab, tip) = with_request();
    // The base is rewritten: what it shares with the change is older now.
    let root = lab.head("main");
    lab.p.git(&["checkout", "-q", "--orphan", "other", &root]);
    lab.p.git(&["commit", "-q", "-m", "rewritten"]);
    let env = [("JENKINS_URL", "x"), ("CHANGE_ID", "7"), ("CHANGE_BRANCH", "work"), ("CHANGE_TARGET", "main")];
    lab.p.git(&["push", "-q", "--force", "origin", "HEAD:refs/heads/main"]);
    lab.p.git(&["checkout", "-q", "--detach", &tip]);
    let code = lab.command(&CI, &env).output().unwrap();
    let err = String::from_utf8_lossy(&code.stderr).into_owned();
    assert!(code.status.code() == Some(2) && err.contains("no common commit"), "{err}");
    lab.p.git(&["push", "-q", "--force", "origin", &format!("{root}:refs/heads/main")]);
    // Somebody pushes to the branch while the pipeline of the older commit runs.
    lab.p.git(&["checkout", "-q", "work"]);
    lab.change("more.txt", "x\n");
    lab.push("work");
    lab.p.git(&["checkout", "-q", "--detach", &tip]);
    let late = [
        ("GITLAB_CI", "true"),
        ("CI_MERGE_REQUEST_IID", "7"),
        ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "work"),
        ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main"),
        ("CI_COMMIT_SHA", tip.as_str()),
        ("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "1"),
        ("CI_PROJECT_ID", "1"),
    ];
    let moved = lab.there(&["rev-parse", "work"]);
    let r = lab.exits(1, &CI, &late);
    assert!(r.err.contains("the fixes are not on the branch"), "{}", r.err);
    assert_eq!(lab.there(&["rev-parse", "work"]), moved);
}

#[test]
fn a_branch_without_a_request_is_only_reported() {
    let (lab, tip) = with_request();
    let r = lab.exits(1, &CI, &[]);
    assert!(r.err.starts_with("plain git: branch work\n") && !r.err.contains("pushed"), "{}", r.err);
    assert!(r.out.contains("Found 2 findings: 1 fixable, 1 excluded"), "{}", r.out);
    assert_eq!(lab.there(&["rev-parse", "work"]), tip);
    // Everything, and nothing.
    assert!(lab.exits(1, &["ci", "--no-write", "--all-findings"], &[]).out.contains("2 fixable"));
    lab.p.git(&["checkout", "-q", "--detach", "main"]);
    lab.p.git(&["checkout", "-q", "-b", "docs"]);
    lab.change("README.md", "x\n");
    lab.exits(0, &CI, &[]);
}

#[test]
fn a_baseline_accepts_what_is_there() {
    let lab = Lab::new(&[("old.py", FLAWED), ("surefix.toml", "[report]\nbaseline = \"known.txt\"\n")]);
    assert!(lab.exits(2, &["scan"], &[]).err.contains("known.txt: cannot be read"));
    lab.exits(1, &["scan", "--write-baseline", "known.txt"], &[]);
    let text = lab.p.read("known.txt");
    assert!(text.lines().count() == 2 && text.lines().nth(1).unwrap().ends_with(" sql-injection old.py"), "{text}");
    lab.exits(0, &["scan"], &[]);
    lab.exits(0, &["fix"], &[]);
    assert_eq!(lab.p.read("old.py"), FLAWED);
    lab.p.put("new.py", FLAWED.replace("def user", "def other").as_bytes());
    lab.exits(1, &["scan"], &[]);
    // Written again, the old one is still in it.
    lab.exits(1, &["scan", "--write-baseline", "known.txt"], &[]);
    assert_eq!(lab.p.read("known.txt").lines().count(), 3);
    lab.p.put("known.txt", b"# x\nnonsense\n");
    assert!(lab.exits(2, &["scan"], &[]).err.contains("known.txt:2: not a fingerprint"));
}

#[test]
fn what_runners_take_for_commands_is_no_command() {
    let evil = "a\n::set-output name=x::y\n##vso[task.setvariable variable=z]q,;]%0A.py";
    let lab = Lab::new(&[("x.py", &clean())]);
    lab.p.git(&["checkout", "-q", "-b", "work"]);
    let tip = lab.change(evil, FLAWED);
    lab.push("work");
    let base = [
        ("GITHUB_EVENT_NAME", "push"),
        ("GITHUB_REF", "refs/heads/work"),
        ("TF_BUILD", "True"),
        ("BUILD_SOURCEBRANCH", "refs/heads/work"),
    ];
    for on in [("GITHUB_ACTIONS", "true"), ("X", "y")] {
        let mut env = base.to_vec();
        env.push(on);
        let r = lab.exits(1, &CI, &env);
        for l in r.out.lines().chain(r.err.lines()) {
            let command = l.trim_start().starts_with("::") || l.contains("##vso[");
            let own = l.starts_with("::error file=a<U+000A>%3A%3Aset-output")
                || l.starts_with("##vso[task.logissue type=error;sourcepath=a<U+000A>");
            assert!(!command || own && l.matches("##vso[").count() <= 2, "{l}");
        }
        assert!(r.out.lines().all(|l| !l.trim_start().starts_with("::")), "{}", r.out);
    }
    assert_eq!(lab.there(&["rev-parse", "work"]), tip);
}

#[test]
fn init_writes_the_step_for_each_platform_once() {
    let p = Project::new(&[]);
    for (name, file) in [
        ("github", ".github/workflows/surefix.yml"),
        ("gitlab", ".gitlab-ci.yml"),
        ("azure", "azure-pipelines.yml"),
        ("bitbucket", "bitbucket-pipelines.yml"),
        ("jenkins", "Jenkinsfile"),
        ("circleci", ".circleci/config.yml"),
    ] {
        p.exits(0, &["init", "--ci", name]);
        let text = p.read(file);
        assert!(text.contains("surefix") && text.contains(" ci"), "{text}");
        // Nothing from outside is put into a script; it comes by the environment.
        let mut script = false;
        for l in text.lines() {
            script = if l.trim_start().starts_with("run:") || l.trim_start().starts_with("- script:") {
                true
            } else {
                script && l.starts_with("          ")
            };
            assert!(!(script && l.contains("${{")), "{name}: {l}");
        }
        let r = p.exits(2, &["init", "--ci", name]);
        assert_eq!(r.out, text);
    }
}

#[test]
#[cfg(unix)]
fn reports_are_written_inside_of_the_project_only() {
    let (lab, _) = with_request();
    let outside = lab.remote.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    for bad in ["../x", "/tmp/surefix-x", "a/../../x", ""] {
        lab.p.put("surefix.toml", format!("[ci]\noutput = \"{bad}\"\n").as_bytes());
        assert!(lab.exits(2, &CI, &[]).err.contains("[ci] output"), "{bad}");
    }
    lab.p.put("surefix.toml", b"[ci]\noutput = \"link/here\"\n");
    std::os::unix::fs::symlink(&outside, lab.p.path().join("link")).unwrap();
    assert!(lab.exits(2, &CI, &[]).err.contains("[ci] output"));
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
    // A report of that name which is a link is not written through.
    lab.p.put("surefix.toml", b"[ci]\noutput = \"out\"\n");
    std::fs::create_dir(lab.p.path().join("out")).unwrap();
    std::fs::write(outside.join("victim"), "mine").unwrap();
    std::os::unix::fs::symlink(outside.join("victim"), lab.p.path().join("out/surefix.md")).unwrap();
    lab.exits(1, &CI, &[]);
    assert_eq!(std::fs::read_to_string(outside.join("victim")).unwrap(), "mine");
    assert!(lab.p.read("out/surefix.md").starts_with("# Surefix"));
}
