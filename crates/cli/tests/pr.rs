//! `surefix pr`, and the main branch in a pipeline: requests are opened once, refreshed, closed, and a person's no is final.

#[path = "support/lab.rs"]
mod lab;
#[path = "../../deliver/tests/support/standin.rs"]
mod standin;
mod support;

use lab::*;
use standin::{Forge, Played, TOKEN};
use support::*;

const PR: [&str; 2] = ["pr", "--no-verify"];

fn fixed() -> String {
    FLAWED.replace(FLAW, FIXED)
}

/// A project with two flaws of two rules whose forge is the stand-in.
fn lab(more: &str) -> (Lab, Forge) {
    let server = standin::forge(Played::GitHub);
    let toml = format!(
        "[pr]\nforge = \"github\"\napi = \"{}\"\nserver = \"https://forge.example/\"\nrepository = \"o/r\"\nbase = \"main\"\n{more}",
        server.base
    );
    let lab = Lab::new(&[("app.py", FLAWED), ("reset.py", RANDOM), ("surefix.toml", &toml)]);
    (lab, server)
}

fn env() -> [(&'static str, &'static str); 1] {
    [("SUREFIX_TOKEN", TOKEN)]
}

fn states(f: &Forge) -> Vec<&'static str> {
    f.state.lock().unwrap().prs.iter().map(|p| p.state).collect()
}

#[test]
fn requests_live_as_people_want() {
    let (lab, server) = lab("labels = [\"security\"]\nreviewers = [\"ann\"]\ntitle-prefix = \"[sec] \"\n");
    lab.change(".github/CODEOWNERS", "*.py @o/web\n");
    lab.push("main");
    let r = lab.exits(1, &PR, &env());
    assert_eq!(r.err.matches("opened request").count(), 2, "{}", r.err);
    let branches = lab.there(&["branch", "--format=%(refname:short)"]);
    assert_eq!(branches.lines().filter(|b| b.starts_with("surefix/")).count(), 2, "{branches}");
    let sql = {
        let s = server.state.lock().unwrap();
        assert!(s.violations.is_empty(), "{:?}", s.violations);
        let p = s.prs.iter().find(|p| p.source.starts_with("surefix/sql-injection-")).unwrap().clone();
        assert_eq!(p.title, "[sec] Fix sql-injection in app.py");
        for part in [
            "| SQL injection | app.py:13 | CWE-89, CWE-564 |",
            "```diff\n",
            "If you do not want this",
            "surefix: ignore",
            "not built, not tested",
            "\n[//]: # (surefix:1 group=sql-injection findings=",
        ] {
            assert!(p.body.contains(part), "no {part:?} in\n{}", p.body);
        }
        assert_eq!(
            (p.labels.clone(), p.reviewers.clone()),
            (vec!["security".to_string()], vec!["ann".to_string(), "web".to_string()])
        );
        p
    };
    assert_eq!(lab.there(&["show", &format!("{}:app.py", sql.source)]), fixed().trim_end());
    assert_eq!(lab.there(&["show", &format!("{}:reset.py", sql.source)]), RANDOM.trim_end());
    assert_eq!(lab.there(&["rev-list", "--count", &format!("main..{}", sql.source)]), "1");

    // A second run does nothing.
    let tips = lab.there(&["for-each-ref"]);
    let r = lab.exits(1, &PR, &env());
    assert_eq!(r.err.matches("is up to date").count(), 2, "{}", r.err);
    assert_eq!((lab.there(&["for-each-ref"]), states(&server)), (tips, vec!["open", "open"]));

    // A person closes one; the base moves, and the other is put on top of it.
    let other = {
        let mut s = server.state.lock().unwrap();
        s.prs.iter_mut().find(|p| p.number == sql.number).unwrap().state = "closed";
        s.prs.iter().find(|p| p.number != sql.number).unwrap().clone()
    };
    lab.p.git(&["checkout", "-q", "main"]);
    lab.change("more.txt", "x\n");
    lab.push("main");
    let r = lab.exits(1, &PR, &env());
    assert!(r.err.contains(&format!("refreshed request {}", other.number)), "{}", r.err);
    assert!(r.err.contains("left: sql-injection: a request for it was closed by a person"), "{}", r.err);
    assert_eq!(lab.there(&["rev-parse", &format!("{}^", other.source)]), lab.there(&["rev-parse", "main"]));

    // It is merged: the finding is gone. The flaw that was refused goes by hand.
    lab.p.git(&["fetch", "-q", "origin", &other.source]);
    lab.p.git(&["merge", "-q", "--ff-only", "FETCH_HEAD"]);
    lab.change("app.py", &fixed());
    lab.push("main");
    server.state.lock().unwrap().prs.iter_mut().find(|p| p.number == other.number).unwrap().state = "merged";
    let r = lab.exits(0, &PR, &env());
    assert!(!r.err.contains("request"), "{}", r.err);
    assert_eq!(server.state.lock().unwrap().prs.len(), 2);
}

#[test]
fn a_request_whose_finding_is_gone_is_closed_with_a_word_and_may_come_again() {
    let (lab, server) = lab("group = \"all\"\n");
    lab.exits(1, &PR, &env());
    lab.change("app.py", &fixed());
    lab.change("reset.py", "");
    lab.push("main");
    let r = lab.exits(0, &PR, &env());
    assert!(r.err.contains("closed request 1: its findings are gone"), "{}", r.err);
    {
        let s = server.state.lock().unwrap();
        assert_eq!((s.prs[0].state, s.prs[0].comments.len()), ("closed", 1));
    }
    assert!(!lab.there(&["branch"]).contains("surefix/"));
    // Back again: our own close was no refusal.
    lab.change("app.py", FLAWED);
    lab.push("main");
    let r = lab.exits(1, &PR, &env());
    assert!(r.err.contains("opened request 2"), "{}", r.err);
}

#[test]
fn caps_hold_and_what_waits_is_said() {
    let (lab, server) = lab("group = \"finding\"\nmax-open = 1\n");
    let r = lab.exits(1, &["pr", "--dry-run"], &env());
    assert!(r.err.contains("open a request: SQL injection (1 finding)"), "{}", r.err);
    assert!(server.state.lock().unwrap().prs.is_empty() && !lab.there(&["branch"]).contains("surefix"));
    let r = lab.exits(1, &PR, &env());
    assert!(r.err.contains("1 requests are open (`max-open`)"), "{}", r.err);
    assert_eq!(states(&server).len(), 1);
}

#[test]
fn a_run_that_died_goes_on_where_it_was() {
    let (lab, server) = lab("group = \"all\"\n");
    // The list is answered, the branch is pushed, and then the forge is gone.
    let empty = (200, Vec::new(), "[]".to_string());
    let broken = (500, Vec::new(), String::new());
    server.state.lock().unwrap().first = vec![empty.clone(), broken, empty];
    let r = lab.exits(3, &PR, &env());
    assert!(
        r.err.contains("error: open a request: all rules (2 findings): POST /repos/o/r/pulls: the server answered 500"),
        "{}",
        r.err
    );
    let tips = lab.there(&["for-each-ref"]);
    assert!(tips.contains("surefix/all-"), "{tips}");
    let r = lab.exits(1, &PR, &env());
    assert!(r.err.contains("opened request 1"), "{}", r.err);
    // Not pushed twice.
    assert_eq!(lab.there(&["for-each-ref"]), tips);
    // The answer was lost, but the request is there.
    let (lab, server) = lab_lost();
    let r = lab.exits(1, &PR, &env());
    assert!(r.err.contains("opened request 1"), "{}", r.err);
    assert_eq!(states(&server), ["open"]);
}

/// A forge that makes the request and loses the answer: the first reply to the creation is an error, and the request is there.
fn lab_lost() -> (Lab, Forge) {
    let (lab, server) = lab("group = \"all\"\n");
    lab.exits(1, &PR, &env());
    let state = server.state.clone();
    let body = state.lock().unwrap().prs[0].clone();
    {
        let mut s = state.lock().unwrap();
        // As seen before the request was made: nothing is there.
        let empty = (200, Vec::new(), "[]".to_string());
        s.first = vec![empty, (502, Vec::new(), String::new())];
        assert_eq!(body.state, "open");
    }
    (lab, server)
}

#[test]
fn the_work_of_others_on_our_branch_is_left_alone() {
    let (lab, server) = lab("group = \"all\"\n");
    lab.exits(1, &PR, &env());
    let branch = server.state.lock().unwrap().prs[0].source.clone();
    lab.p.git(&["fetch", "-q", "origin", &branch]);
    lab.p.git(&["checkout", "-q", "--detach", "FETCH_HEAD"]);
    lab.change("person.txt", "x\n");
    lab.push(&branch);
    lab.p.git(&["checkout", "-q", "main"]);
    lab.change("more.txt", "x\n");
    lab.push("main");
    let tip = lab.there(&["rev-parse", &branch]);
    let r = lab.exits(1, &PR, &env());
    assert!(r.err.contains("somebody else has pushed to its branch"), "{}", r.err);
    assert_eq!(lab.there(&["rev-parse", &branch]), tip);
}

#[test]
fn the_main_branch_of_a_pipeline_works_the_backlog_down() {
    let server = standin::forge(Played::GitLab);
    let lab = Lab::new(&[("app.py", FLAWED)]);
    let env = [
        ("GITLAB_CI", "true"),
        ("CI_COMMIT_BRANCH", "main"),
        ("CI_DEFAULT_BRANCH", "main"),
        ("CI_API_V4_URL", server.base.as_str()),
        ("CI_SERVER_URL", "https://forge.example"),
        ("CI_PROJECT_PATH", "g/s/r"),
        ("GITLAB_TOKEN", TOKEN),
    ];
    let r = lab.exits(1, &["ci", "--no-verify"], &env);
    assert!(r.err.contains("GitLab CI: branch main\n") && r.err.contains("opened request 1"), "{}", r.err);
    assert!(!r.err.contains(TOKEN) && !r.out.contains(TOKEN));
    let s = server.state.lock().unwrap();
    assert!(s.violations.is_empty(), "{:?}", s.violations);
    assert!(s.prs[0].body.contains("surefix:1 group=sql-injection"));
    drop(s);
    // Its own branches are never answered with requests.
    let branch = server.state.lock().unwrap().prs[0].source.clone();
    lab.p.git(&["fetch", "-q", "origin", &branch]);
    lab.p.git(&["checkout", "-q", "--detach", "FETCH_HEAD"]);
    let mut own = env.to_vec();
    own[1].1 = branch.as_str();
    lab.exits(0, &["ci", "--no-verify"], &own);
    assert_eq!(states(&server), ["open"]);
    // Without a token there are only reports.
    lab.p.git(&["checkout", "-q", "main"]);
    let r = lab.exits(1, &["ci", "--no-verify"], &env[..6]);
    assert!(r.err.contains("no requests were opened: there is no token"), "{}", r.err);
}

#[test]
fn wrong_settings_are_said_before_anything_is_done() {
    let (lab, server) = lab("");
    assert!(lab.exits(2, &PR, &[]).err.contains("no token"));
    for (wrong, said) in [
        ("[pr]\nforge = \"github\"\n", "the remote is no address of a server"),
        ("[pr]\nbase = \"main\"\n", "set `[pr] forge`"),
        (
            "[pr]\nforge = \"gitea\"\napi = \"http://forge.example/api\"\nserver = \"https://forge.example\"\nrepository = \"o/r\"\nbase = \"main\"\n",
            "is not https",
        ),
        ("[pr]\nbranch-prefix = \"../x\"\n", "branch-prefix"),
        ("[pr]\nremote = \"--upload-pack=x\"\n", "there is no remote"),
    ] {
        lab.p.put("surefix.toml", wrong.as_bytes());
        let r = lab.exits(2, &PR, &env());
        assert!(r.err.contains(said), "{wrong}: {}", r.err);
        assert!(!r.err.contains(TOKEN));
    }
    assert!(server.state.lock().unwrap().calls.is_empty());
}
