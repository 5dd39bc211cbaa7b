//! A stand-in for forges on loopback. It keeps requests in memory, answers in the form of each forge, and refuses what the forge
//! would refuse. For GitHub the calls are checked against its published description, for the others against what their
//! documentation says of the fields.
#![allow(dead_code)]

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A call as it came in.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: String,
    pub path: String,
    pub query: String,
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

impl Call {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map_or("", |(_, v)| v)
    }
}

/// An answer: status, further headers, body.
pub type Reply = (u16, Vec<(String, String)>, String);

/// A server on loopback. It ends with the test.
pub struct Server {
    pub base: String,
}

/// Serves every connection with `answer`.
pub fn serve(answer: impl Fn(Call) -> Reply + Send + Sync + 'static) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            std::thread::spawn(move || one(stream, &*answer));
        }
    });
    Server { base }
}

fn one(stream: TcpStream, answer: &dyn Fn(Call) -> Reply) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_string(), words.next()?.to_string());
    let mut headers = Vec::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok()?;
        }
        headers.push((name.to_string(), value.trim().to_string()));
    }
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    let call = Call { method, path: path.to_string(), query: query.to_string(), headers, body };
    let (status, more, text) = answer(call);
    let mut out = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n", text.len());
    for (n, v) in more {
        out.push_str(&format!("{n}: {v}\r\n"));
    }
    let mut stream = stream;
    stream.write_all(format!("{out}\r\n{text}").as_bytes()).ok()
}

/// A request at the forge.
#[derive(Clone, Debug, Default)]
pub struct Pr {
    pub number: u64,
    pub source: String,
    pub target: String,
    pub title: String,
    pub body: String,
    /// `open`, `merged` or `closed`.
    pub state: &'static str,
    pub draft: bool,
    pub labels: Vec<String>,
    pub reviewers: Vec<String>,
    pub comments: Vec<String>,
    /// Path, last line, text.
    pub suggestions: Vec<(String, u64, String)>,
}

/// All that the forge knows.
#[derive(Default)]
pub struct State {
    pub prs: Vec<Pr>,
    pub calls: Vec<Call>,
    /// What was wrong with calls; a test wants it empty.
    pub violations: Vec<String>,
    /// Answers that are given first, whatever is asked.
    pub first: Vec<Reply>,
    /// The commit at the tip of the request's branch, for forges that ask for it.
    pub tip: String,
    labels: Vec<String>,
}

/// Which forge is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Played {
    GitHub,
    GitLab,
    Gitea,
    Bitbucket,
    Azure,
}

pub struct Forge {
    pub state: Arc<Mutex<State>>,
    pub base: String,
}

const CREATED: &str = "2020-01-02T03:04:05Z";

/// The value that the `authorization` or `private-token` header must have for the token `t0ken-t0ken`.
pub const TOKEN: &str = "t0ken-t0ken";

fn authorised(played: Played, call: &Call) -> bool {
    match played {
        Played::GitHub | Played::Bitbucket => call.header("authorization") == format!("Bearer {TOKEN}"),
        Played::GitLab => call.header("private-token") == TOKEN,
        Played::Gitea => call.header("authorization") == format!("token {TOKEN}"),
        // The coded form of `:t0ken-t0ken`.
        Played::Azure => call.header("authorization") == "Basic OnQwa2VuLXQwa2Vu",
    }
}

/// Starts a forge with one repository: `o/r`, at Azure DevOps `p/r`, at GitLab `g/s/r`.
pub fn forge(played: Played) -> Forge {
    let state = Arc::new(Mutex::new(State::default()));
    let inner = state.clone();
    let server = serve(move |call| {
        let mut s = inner.lock().unwrap();
        s.calls.push(call.clone());
        if !s.first.is_empty() {
            return s.first.remove(0);
        }
        if !authorised(played, &call) {
            return (401, Vec::new(), json!({"message": "Bad credentials"}).to_string());
        }
        let answer = match played {
            Played::GitHub => check_github(&call).and_then(|()| github(&mut s, &call)),
            Played::GitLab => gitlab(&mut s, &call),
            Played::Gitea => gitea(&mut s, &call),
            Played::Bitbucket => bitbucket(&mut s, &call),
            Played::Azure => azure(&mut s, &call),
        };
        match answer {
            Ok((status, body)) => (status, Vec::new(), body.to_string()),
            Err(why) => {
                s.violations.push(format!("{} {}: {why}", call.method, call.path));
                (422, Vec::new(), json!({"message": why}).to_string())
            }
        }
    });
    Forge { state, base: server.base }
}

type Answer = Result<(u16, Value), String>;

/// The call is one of the description's, its query is known and its body fits the schema and has no further fields.
fn check_github(call: &Call) -> Result<(), String> {
    let text = include_str!("../data/github-rest.json");
    let known: Value = serde_json::from_str(text).unwrap();
    let fits = |pattern: &str| {
        let (a, b): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), call.path.split('/').collect());
        a.len() == b.len() && a.iter().zip(&b).all(|(p, w)| p.starts_with('{') && !w.is_empty() || p == w)
    };
    let found = known
        .as_array()
        .unwrap()
        .iter()
        .find(|o| o["method"].as_str() == Some(call.method.as_str()) && fits(o["path"].as_str().unwrap()));
    let op = found.ok_or("no such call in the description")?;
    for pair in call.query.split('&').filter(|p| !p.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let schema = op["query"].get(name).ok_or(format!("no query parameter `{name}`"))?;
        if let Some(list) = schema["enum"].as_array()
            && !list.iter().any(|v| v.as_str() == Some(value))
        {
            return Err(format!("`{name}` cannot be `{value}`"));
        }
    }
    match op.get("body") {
        None if !call.body.is_null() => Err("a body that is not expected".to_string()),
        None => Ok(()),
        Some(schema) => {
            let validator = jsonschema::validator_for(schema).unwrap();
            if let Err(e) = validator.validate(&call.body) {
                return Err(format!("body: {e}"));
            }
            let fields = call.body.as_object().ok_or("no object")?;
            let all = schema.to_string();
            match fields.keys().find(|k| !all.contains(&format!("\"{k}\":"))) {
                Some(k) => Err(format!("body: unknown field `{k}`")),
                None => Ok(()),
            }
        }
    }
}

fn parts(call: &Call) -> Vec<&str> {
    call.path.trim_start_matches('/').split('/').collect()
}

fn field(v: &Value, pointer: &str) -> Result<String, String> {
    let text = v.pointer(pointer).and_then(Value::as_str).ok_or(format!("no `{pointer}`"))?;
    if text.is_empty() { Err(format!("`{pointer}` is empty")) } else { Ok(text.to_string()) }
}

impl State {
    fn add(
        &mut self,
        source: String,
        target: String,
        title: String,
        body: String,
        draft: bool,
    ) -> Result<usize, String> {
        if self.prs.iter().any(|p| p.source == source && p.target == target && p.state == "open") {
            return Err("A pull request already exists".to_string());
        }
        let number = self.prs.len() as u64 + 1;
        let pr = Pr { number, source, target, title, body, state: "open", draft, ..Pr::default() };
        self.prs.push(pr);
        Ok(self.prs.len() - 1)
    }
    fn at(&mut self, number: &str) -> Result<&mut Pr, String> {
        let n: u64 = number.parse().map_err(|_| "no number".to_string())?;
        self.prs.iter_mut().find(|p| p.number == n).ok_or("no such request".to_string())
    }
    /// All, the newest first, as `form` writes them.
    fn list(&self, form: fn(&Pr) -> Value) -> Value {
        self.prs.iter().rev().map(form).collect()
    }
}

fn change(pr: &mut Pr, body: &Value, text: &str) {
    if let Some(t) = body["title"].as_str() {
        pr.title = t.to_string();
    }
    if let Some(t) = body[text].as_str() {
        pr.body = t.to_string();
    }
}

fn github_form(p: &Pr) -> Value {
    json!({
        "number": p.number, "state": if p.state == "open" { "open" } else { "closed" },
        "merged_at": if p.state == "merged" { json!(CREATED) } else { Value::Null },
        "title": p.title, "body": p.body, "html_url": format!("https://forge.example/{}", p.number),
        "created_at": CREATED, "draft": p.draft,
        "head": {"ref": p.source, "repo": {"full_name": "o/r"}}, "base": {"ref": p.target, "repo": {"full_name": "o/r"}},
    })
}

fn github(s: &mut State, call: &Call) -> Answer {
    let b = &call.body;
    match (call.method.as_str(), parts(call).as_slice()) {
        ("GET", ["repos", "o", "r", "pulls"]) => Ok((200, s.list(github_form))),
        ("POST", ["repos", "o", "r", "pulls"]) => {
            let draft = b["draft"].as_bool().unwrap_or(false);
            let i = s.add(field(b, "/head")?, field(b, "/base")?, field(b, "/title")?, field(b, "/body")?, draft)?;
            Ok((201, github_form(&s.prs[i])))
        }
        ("PATCH", ["repos", "o", "r", "pulls", n]) => {
            let pr = s.at(n)?;
            change(pr, b, "body");
            if b["state"] == "closed" {
                pr.state = "closed";
            }
            Ok((200, github_form(pr)))
        }
        ("POST", ["repos", "o", "r", "issues", n, "labels"]) => {
            s.at(n)?.labels = b["labels"].as_array().unwrap().iter().map(|l| l.as_str().unwrap().into()).collect();
            Ok((200, json!([])))
        }
        ("POST", ["repos", "o", "r", "pulls", n, "requested_reviewers"]) => {
            let all = ["reviewers", "team_reviewers"].iter().flat_map(|k| b[k].as_array().cloned().unwrap_or_default());
            s.at(n)?.reviewers = all.map(|r| r.as_str().unwrap().to_string()).collect();
            Ok((201, json!({})))
        }
        ("POST", ["repos", "o", "r", "issues", n, "comments"]) => {
            s.at(n)?.comments.push(field(b, "/body")?);
            Ok((201, json!({})))
        }
        ("GET", ["repos", "o", "r", "issues", n, "comments"]) => {
            Ok((200, s.at(n)?.comments.iter().map(|c| json!({"body": c})).collect()))
        }
        ("GET", ["repos", "o", "r", "pulls", n, "comments"]) => {
            Ok((200, s.at(n)?.suggestions.iter().map(|c| json!({"body": c.2})).collect()))
        }
        ("POST", ["repos", "o", "r", "pulls", n, "reviews"]) => {
            if b["commit_id"].as_str() != Some(s.tip.as_str()) {
                return Err("commit_id is not part of the pull request".to_string());
            }
            for c in b["comments"].as_array().unwrap() {
                let one = (field(c, "/path")?, c["line"].as_u64().ok_or("no line")?, field(c, "/body")?);
                s.at(n)?.suggestions.push(one);
            }
            Ok((200, json!({})))
        }
        _ => Err("unknown".to_string()),
    }
}

fn gitlab_form(p: &Pr) -> Value {
    json!({
        "iid": p.number, "id": p.number + 1000, "state": if p.state == "open" { "opened" } else { p.state },
        "title": p.title, "description": p.body, "source_branch": p.source, "target_branch": p.target,
        "source_project_id": 7, "target_project_id": 7, "web_url": format!("https://forge.example/{}", p.number),
        "created_at": "2020-01-02T03:04:05.000+01:00",
    })
}

fn gitlab(s: &mut State, call: &Call) -> Answer {
    let b = &call.body;
    if call.method == "GET" && call.path == "/users" {
        let known = call.query == "username=ann";
        return Ok((200, if known { json!([{"id": 5, "username": "ann"}]) } else { json!([]) }));
    }
    let all = parts(call);
    let ["projects", "g%2Fs%2Fr", "merge_requests", rest @ ..] = all.as_slice() else { return Err("unknown".into()) };
    match (call.method.as_str(), rest) {
        ("GET", []) => Ok((200, s.list(gitlab_form))),
        ("POST", []) => {
            let (source, target) = (field(b, "/source_branch")?, field(b, "/target_branch")?);
            let i = s.add(source, target, field(b, "/title")?, field(b, "/description")?, false)?;
            let pr = &mut s.prs[i];
            pr.draft = pr.title.starts_with("Draft: ");
            pr.labels = b["labels"].as_str().unwrap_or("").split(',').map(str::to_string).collect();
            pr.reviewers = b["reviewer_ids"].as_array().into_iter().flatten().map(Value::to_string).collect();
            Ok((201, gitlab_form(pr)))
        }
        ("PUT", [n]) => {
            let pr = s.at(n)?;
            change(pr, b, "description");
            match b["state_event"].as_str() {
                Some("close") => pr.state = "closed",
                Some(_) => return Err("state_event".to_string()),
                None => {}
            }
            Ok((200, gitlab_form(pr)))
        }
        ("POST", [n, "notes"]) => {
            s.at(n)?.comments.push(field(b, "/body")?);
            Ok((201, json!({})))
        }
        ("GET", [n, "notes"]) => {
            let pr = s.at(n)?;
            let all = pr.comments.iter().chain(pr.suggestions.iter().map(|c| &c.2));
            Ok((200, all.map(|c| json!({"body": c})).collect()))
        }
        ("GET", [_, "versions"]) => Ok((
            200,
            json!([{"head_commit_sha": s.tip, "base_commit_sha": "b".repeat(40), "start_commit_sha": "c".repeat(40)}]),
        )),
        ("POST", [n, "discussions"]) => {
            for k in ["base_sha", "start_sha", "head_sha", "new_path", "old_path"] {
                field(b, &format!("/position/{k}"))?;
            }
            let line = b["position"]["new_line"].as_u64().ok_or("no new_line")?;
            let one = (field(b, "/position/new_path")?, line, field(b, "/body")?);
            s.at(n)?.suggestions.push(one);
            Ok((201, json!({})))
        }
        _ => Err("unknown".to_string()),
    }
}

fn gitea_form(p: &Pr) -> Value {
    json!({
        "number": p.number, "state": if p.state == "open" { "open" } else { "closed" }, "merged": p.state == "merged",
        "title": p.title, "body": p.body, "html_url": format!("https://forge.example/{}", p.number),
        "created_at": CREATED, "head": {"ref": p.source, "label": p.source, "repo_id": 1},
        "base": {"ref": p.target, "repo_id": 1},
    })
}

fn gitea(s: &mut State, call: &Call) -> Answer {
    let b = &call.body;
    let all = parts(call);
    let ["repos", "o", "r", rest @ ..] = all.as_slice() else { return Err("unknown".into()) };
    match (call.method.as_str(), rest) {
        ("GET", ["pulls"]) => Ok((200, s.list(gitea_form))),
        ("GET", ["labels"]) => {
            Ok((200, s.labels.iter().enumerate().map(|(i, l)| json!({"id": i + 1, "name": l})).collect()))
        }
        ("POST", ["labels"]) => {
            field(b, "/color")?;
            s.labels.push(field(b, "/name")?);
            Ok((201, json!({"id": s.labels.len()})))
        }
        ("POST", ["pulls"]) => {
            let i = s.add(field(b, "/head")?, field(b, "/base")?, field(b, "/title")?, field(b, "/body")?, false)?;
            let ids: Vec<u64> = b["labels"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
            s.prs[i].labels = ids.iter().filter_map(|i| s.labels.get(*i as usize - 1).cloned()).collect();
            s.prs[i].draft = s.prs[i].title.starts_with("WIP: ");
            Ok((201, gitea_form(&s.prs[i])))
        }
        ("PATCH", ["pulls", n]) => {
            let pr = s.at(n)?;
            change(pr, b, "body");
            if b["state"] == "closed" {
                pr.state = "closed";
            }
            Ok((201, gitea_form(pr)))
        }
        ("POST", ["pulls", n, "requested_reviewers"]) => {
            let all = ["reviewers", "team_reviewers"].iter().flat_map(|k| b[k].as_array().cloned().unwrap_or_default());
            s.at(n)?.reviewers = all.map(|r| r.as_str().unwrap().to_string()).collect();
            Ok((201, json!([])))
        }
        ("POST", ["issues", n, "comments"]) => {
            s.at(n)?.comments.push(field(b, "/body")?);
            Ok((201, json!({})))
        }
        ("GET", ["issues", n, "comments"]) => Ok((200, s.at(n)?.comments.iter().map(|c| json!({"body": c})).collect())),
        ("GET", ["pulls", n, "reviews"]) => {
            let count = s.at(n)?.suggestions.len();
            Ok((200, if count == 0 { json!([]) } else { json!([{"id": 3, "body": "", "comments_count": count}]) }))
        }
        ("GET", ["pulls", n, "reviews", "3", "comments"]) => {
            Ok((200, s.at(n)?.suggestions.iter().map(|c| json!({"body": c.2})).collect()))
        }
        ("POST", ["pulls", n, "reviews"]) => {
            for c in b["comments"].as_array().ok_or("no comments")? {
                let one = (field(c, "/path")?, c["new_position"].as_u64().ok_or("no line")?, field(c, "/body")?);
                s.at(n)?.suggestions.push(one);
            }
            Ok((200, json!({})))
        }
        _ => Err("unknown".to_string()),
    }
}

fn bitbucket_form(p: &Pr) -> Value {
    let state = match p.state {
        "open" => "OPEN",
        "merged" => "MERGED",
        _ => "DECLINED",
    };
    json!({
        "id": p.number, "state": state, "title": p.title, "description": p.body, "created_on": CREATED,
        "source": {"branch": {"name": p.source}, "repository": {"full_name": "o/r"}},
        "destination": {"branch": {"name": p.target}, "repository": {"full_name": "o/r"}},
        "links": {"html": {"href": format!("https://forge.example/{}", p.number)}},
    })
}

fn bitbucket(s: &mut State, call: &Call) -> Answer {
    let b = &call.body;
    let all = parts(call);
    let ["repositories", "o", "r", "pullrequests", rest @ ..] = all.as_slice() else { return Err("unknown".into()) };
    match (call.method.as_str(), rest) {
        ("GET", []) => Ok((200, json!({"values": s.list(bitbucket_form)}))),
        ("POST", []) => {
            let (source, target) = (field(b, "/source/branch/name")?, field(b, "/destination/branch/name")?);
            let draft = b["draft"].as_bool().unwrap_or(false);
            let i = s.add(source, target, field(b, "/title")?, field(b, "/description")?, draft)?;
            let who = b["reviewers"].as_array().into_iter().flatten();
            s.prs[i].reviewers = who.map(|r| field(r, "/account_id")).collect::<Result<_, _>>()?;
            Ok((201, bitbucket_form(&s.prs[i])))
        }
        ("PUT", [n]) => {
            let pr = s.at(n)?;
            change(pr, b, "description");
            Ok((200, bitbucket_form(pr)))
        }
        ("POST", [n, "decline"]) => {
            s.at(n)?.state = "closed";
            Ok((200, json!({})))
        }
        ("POST", [n, "comments"]) => {
            let text = field(b, "/content/raw")?;
            let pr = s.at(n)?;
            match b["inline"]["to"].as_u64() {
                Some(line) => pr.suggestions.push((field(b, "/inline/path")?, line, text)),
                None => pr.comments.push(text),
            }
            Ok((201, json!({})))
        }
        ("GET", [n, "comments"]) => {
            let pr = s.at(n)?;
            let all = pr.comments.iter().chain(pr.suggestions.iter().map(|c| &c.2));
            let values: Vec<Value> = all.map(|c| json!({"content": {"raw": c}})).collect();
            Ok((200, json!({"values": values})))
        }
        _ => Err("unknown".to_string()),
    }
}

fn azure_form(p: &Pr) -> Value {
    let status = match p.state {
        "open" => "active",
        "merged" => "completed",
        _ => "abandoned",
    };
    json!({
        "pullRequestId": p.number, "status": status, "title": p.title, "description": p.body,
        "sourceRefName": format!("refs/heads/{}", p.source), "targetRefName": format!("refs/heads/{}", p.target),
        "creationDate": "2020-01-02T03:04:05.1234567Z", "repository": {"webUrl": "https://forge.example/p/_git/r"},
    })
}

/// In lists the description is cut, as the real one does.
fn azure_short(p: &Pr) -> Value {
    let mut v = azure_form(p);
    v["description"] = json!(p.body.chars().take(400).collect::<String>());
    v
}

fn azure(s: &mut State, call: &Call) -> Answer {
    let b = &call.body;
    if !call.query.contains("api-version=") {
        return Err("no api-version".to_string());
    }
    let all = parts(call);
    let ["p", "_apis", "git", "repositories", "r", kind, rest @ ..] = all.as_slice() else {
        return Err("unknown".into());
    };
    if !kind.eq_ignore_ascii_case("pullrequests") {
        return Err("unknown".to_string());
    }
    if b["description"].as_str().is_some_and(|d| d.chars().count() > 4000) {
        return Err("the description is too long".to_string());
    }
    match (call.method.as_str(), rest) {
        ("GET", []) => Ok((200, json!({"value": s.list(azure_short)}))),
        ("GET", [n]) => Ok((200, azure_form(s.at(n)?))),
        ("POST", []) => {
            let branch = |k: &str| {
                let full = field(b, k)?;
                full.strip_prefix("refs/heads/").map(str::to_string).ok_or(format!("{k} is no full name"))
            };
            let (source, target) = (branch("/sourceRefName")?, branch("/targetRefName")?);
            let draft = b["isDraft"].as_bool().unwrap_or(false);
            let i = s.add(source, target, field(b, "/title")?, field(b, "/description")?, draft)?;
            let names = b["labels"].as_array().into_iter().flatten();
            s.prs[i].labels = names.map(|l| field(l, "/name")).collect::<Result<_, _>>()?;
            Ok((201, azure_form(&s.prs[i])))
        }
        ("PATCH", [n]) => {
            let pr = s.at(n)?;
            change(pr, b, "description");
            if b["status"] == "abandoned" {
                pr.state = "closed";
            }
            Ok((200, azure_form(pr)))
        }
        ("POST", [n, "threads"]) => {
            let text = field(b, "/comments/0/content")?;
            let pr = s.at(n)?;
            match b["threadContext"]["rightFileEnd"]["line"].as_u64() {
                Some(line) => {
                    let path = field(b, "/threadContext/filePath")?;
                    let path = path.strip_prefix('/').ok_or("a path begins with a slash")?.to_string();
                    pr.suggestions.push((path, line, text));
                }
                None => pr.comments.push(text),
            }
            Ok((200, json!({})))
        }
        ("GET", [n, "threads"]) => {
            let pr = s.at(n)?;
            let all = pr.comments.iter().chain(pr.suggestions.iter().map(|c| &c.2));
            let values: Vec<Value> = all.map(|c| json!({"comments": [{"content": c}]})).collect();
            Ok((200, json!({"value": values})))
        }
        _ => Err("unknown".to_string()),
    }
}
