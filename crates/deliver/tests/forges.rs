//! Every forge, call by call, against a stand-in on loopback that refuses what the forge would refuse; and the client's manners:
//! retries, no redirects, no secret in messages.

#[path = "support/standin.rs"]
mod standin;

use serde_json::json;
use standin::{Played, TOKEN};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use surefix_deliver::forge::{Access, Forge, Kind, NewRequest, State, Suggestion};
use surefix_deliver::http::{ForgeError, Retry};
use surefix_deliver::platform::Place;
use surefix_deliver::range::Range;
use surefix_deliver::secret::Secret;

const ALL: [(Kind, Played, &str); 5] = [
    (Kind::GitHub, Played::GitHub, "o/r"),
    (Kind::GitLab, Played::GitLab, "g/s/r"),
    (Kind::Gitea, Played::Gitea, "o/r"),
    (Kind::Bitbucket, Played::Bitbucket, "o/r"),
    (Kind::Azure, Played::Azure, "p/r"),
];

const QUICK: Retry = Retry { tries: 3, first: Duration::from_millis(1) };

fn access(kind: Kind, api: &str, slug: &str) -> Access {
    let place = Place { kind, api: api.to_string(), server: "https://forge.example/".into(), slug: slug.to_string() };
    Access { place, token: Secret::new(TOKEN).unwrap(), ca: None, retry: QUICK }
}

fn new(source: &str) -> NewRequest {
    NewRequest {
        source: source.to_string(),
        target: "main".to_string(),
        title: "A title with <b> & \"quotes\"".to_string(),
        body: "text\n\n[//]: # (surefix:1 group=x findings=aa)\n".to_string(),
        draft: true,
        labels: vec!["security".to_string()],
        reviewers: vec!["ann".to_string()],
    }
}

#[test]
fn a_request_lives_and_ends_on_every_forge() {
    for (kind, played, slug) in ALL {
        let server = standin::forge(played);
        server.state.lock().unwrap().tip = "a".repeat(40);
        let f = access(kind, &server.base, slug).forge().unwrap();
        assert_eq!(f.requests("surefix/").unwrap(), [], "{kind:?}");
        let (made, notes) = f.open(&new("surefix/x-1")).unwrap();
        assert_eq!((made.number, made.state, made.target.as_str()), (1, State::Open, "main"), "{kind:?}");
        assert!(made.created > 1_577_000_000 && made.url.starts_with("https://forge.example/"), "{kind:?} {made:?}");
        // What the forge has no means for is said, not swallowed.
        let lacks = matches!(kind, Kind::Bitbucket | Kind::Azure);
        assert_eq!(notes.is_empty(), !lacks, "{kind:?} {notes:?}");
        // A second one for the same branch is refused by the forge.
        assert!(matches!(f.open(&new("surefix/x-1")), Err(ForgeError::Status { status: 422, .. })), "{kind:?}");
        f.open(&new("other")).unwrap();
        let mine = f.requests("surefix/").unwrap();
        assert_eq!(mine.len(), 1, "{kind:?}");
        assert!(mine[0].body.ends_with("(surefix:1 group=x findings=aa)\n"), "{kind:?}");
        f.update(1, "New", "new body").unwrap();
        f.comment(1, "hello").unwrap();
        let s = Suggestion { path: "src/a b.py".into(), first: 3, last: 4, note: "why".into(), text: "x\n".into() };
        let range = Range { tip: "a".repeat(40), base: "b".repeat(40) };
        f.suggest(1, &range, std::slice::from_ref(&s)).unwrap();
        let comments = f.comments(1).unwrap();
        assert!(comments.iter().any(|c| c == "hello"), "{kind:?} {comments:?}");
        assert!(comments.iter().any(|c| c.starts_with("why\n\n```suggestion")), "{kind:?} {comments:?}");
        f.close(1).unwrap();
        let s = server.state.lock().unwrap();
        assert_eq!((s.prs[0].title.as_str(), s.prs[0].body.as_str(), s.prs[0].state), ("New", "new body", "closed"));
        assert_eq!(s.prs[0].suggestions[0].0, "src/a b.py", "{kind:?}");
        assert_eq!(s.prs[0].suggestions[0].1, 4, "{kind:?}");
        assert_eq!((s.prs[0].draft, s.prs[1].draft), (true, true), "{kind:?}");
        if kind != Kind::Bitbucket {
            assert_eq!(s.prs[0].labels, ["security"], "{kind:?}");
        }
        assert_eq!(s.prs[0].reviewers.is_empty(), kind == Kind::Azure, "{kind:?}");
        // The two refusals above, and nothing else.
        let wrong: Vec<&String> = s.violations.iter().filter(|v| !v.contains("already exists")).collect();
        assert!(wrong.is_empty(), "{kind:?} {wrong:?}");
        for c in &s.calls {
            assert!(!c.path.contains(TOKEN) && !c.query.contains(TOKEN), "{kind:?} {c:?}");
        }
    }
}

#[test]
fn a_wrong_token_is_refused_and_not_shown() {
    for (kind, played, slug) in ALL {
        let server = standin::forge(played);
        let mut a = access(kind, &server.base, slug);
        a.token = Secret::new("wrong-wrong-wrong").unwrap();
        let e = a.forge().unwrap().requests("surefix/").unwrap_err();
        assert!(matches!(e, ForgeError::Status { status: 401, .. }), "{kind:?}");
        assert!(!format!("{e} {e:?}").contains("wrong-wrong"), "{e}");
    }
}

fn replying(replies: Vec<standin::Reply>) -> (standin::Server, Arc<Mutex<Vec<standin::Call>>>) {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let log = calls.clone();
    let replies = Mutex::new(replies);
    let server = standin::serve(move |call| {
        log.lock().unwrap().push(call);
        let mut r = replies.lock().unwrap();
        if r.len() > 1 { r.remove(0) } else { r[0].clone() }
    });
    (server, calls)
}

fn plain(status: u16, text: &str) -> standin::Reply {
    (status, Vec::new(), text.to_string())
}

fn forge(base: &str) -> Box<dyn Forge> {
    access(Kind::GitHub, base, "o/r").forge().unwrap()
}

#[test]
fn passing_failures_are_tried_again_and_lasting_ones_are_not() {
    let (s, calls) = replying(vec![plain(502, "<html>"), plain(503, ""), plain(200, "[]")]);
    assert_eq!(forge(&s.base).requests("x").unwrap(), []);
    assert_eq!(calls.lock().unwrap().len(), 3);
    let (s, calls) = replying(vec![plain(502, "<html>")]);
    assert!(matches!(forge(&s.base).requests("x"), Err(ForgeError::Status { status: 502, .. })));
    assert_eq!(calls.lock().unwrap().len(), 3);
    let (s, calls) = replying(vec![plain(404, "{\"message\": \"Not Found\"}")]);
    let e = forge(&s.base).requests("x").unwrap_err().to_string();
    assert_eq!(
        (calls.lock().unwrap().len(), e.as_str()),
        (1, "GET /repos/o/r/pulls: the server answered 404: Not Found")
    );
}

#[test]
fn what_may_have_been_done_is_not_done_again() {
    // A gateway that broke down may have passed the call on; a refusal for the rate did not.
    let (s, calls) = replying(vec![plain(502, "")]);
    forge(&s.base).comment(1, "x").unwrap_err();
    assert_eq!(calls.lock().unwrap().len(), 1);
    let limit = (403, vec![("retry-after".to_string(), "0".to_string())], String::new());
    let (s, calls) = replying(vec![limit.clone(), limit, plain(201, "{}")]);
    forge(&s.base).comment(1, "x").unwrap();
    assert_eq!(calls.lock().unwrap().len(), 3);
    // A pause longer than anybody waits is an error at once.
    let (s, calls) = replying(vec![(429, vec![("retry-after".to_string(), "3600".to_string())], String::new())]);
    forge(&s.base).comment(1, "x").unwrap_err();
    assert_eq!(calls.lock().unwrap().len(), 1);
}

#[test]
fn redirects_are_not_followed() {
    let (other, elsewhere) = replying(vec![plain(200, "[]")]);
    let (s, _) = replying(vec![(301, vec![("location".to_string(), format!("{}/x", other.base))], String::new())]);
    let e = forge(&s.base).requests("x").unwrap_err().to_string();
    assert!(e.contains("301") && e.contains("moved"), "{e}");
    assert!(elsewhere.lock().unwrap().is_empty());
}

#[test]
fn a_servers_words_are_made_harmless() {
    let evil = json!({"message": format!("\u{1b}[31m{TOKEN}\nBearer {TOKEN} \u{202e}")}).to_string();
    let (s, _) = replying(vec![plain(400, &evil)]);
    let e = forge(&s.base).requests("x").unwrap_err().to_string();
    assert!(!e.contains(TOKEN) && !e.contains('\u{1b}') && !e.contains('\n') && !e.contains('\u{202e}'), "{e:?}");
}

#[test]
fn a_token_goes_nowhere_unencrypted() {
    for bad in ["http://forge.example/api", "ftp://x/y", "nonsense", "https://u:p@forge.example/"] {
        assert!(matches!(access(Kind::GitHub, bad, "o/r").forge().err(), Some(ForgeError::Settings(_))), "{bad}");
    }
    let mut a = access(Kind::GitHub, "https://forge.example", "o/r");
    a.ca = Some(b"no pem".to_vec());
    assert!(matches!(a.forge().err(), Some(ForgeError::Settings(_))));
    assert!(matches!(
        access(Kind::GitHub, "https://forge.example", "only").forge().err(),
        Some(ForgeError::Settings(_))
    ));
}

#[test]
fn lists_are_read_to_the_end() {
    let page = |n: usize, next: bool| {
        let pr = json!([{
            "number": n, "state": "open", "title": "t", "body": "b", "html_url": "u", "created_at": "2020-01-01T00:00:00Z",
            "head": {"ref": format!("surefix/{n}"), "repo": {"full_name": "o/r"}},
            "base": {"ref": "main", "repo": {"full_name": if n == 3 { "x/y" } else { "o/r" }}},
        }]);
        let link = if next { vec![("link".to_string(), "<x>; rel=\"next\"".to_string())] } else { Vec::new() };
        (200, link, pr.to_string())
    };
    let (s, calls) = replying(vec![page(1, true), page(2, true), page(3, false)]);
    let all = forge(&s.base).requests("surefix/").unwrap();
    // The third one's branch lies in another repository.
    assert_eq!(all.iter().map(|r| r.number).collect::<Vec<_>>(), [1, 2]);
    assert!(calls.lock().unwrap()[1].query.ends_with("page=2"));
}
