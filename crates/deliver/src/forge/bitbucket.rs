//! Bitbucket Cloud.

use super::{
    Forge, NewRequest, PAGES, Request, State, Suggestion, number, owner_name, part, seconds, suggestion, text,
};
use crate::http::{ForgeError, Http};
use crate::range::Range;
use serde_json::{Value, json};

pub struct Bitbucket {
    http: Http,
    requests: String,
}

impl Bitbucket {
    pub fn new(http: Http, slug: &str) -> Result<Bitbucket, ForgeError> {
        let (owner, name) = owner_name(slug)?;
        Ok(Bitbucket { http, requests: format!("/repositories/{}/{}/pullrequests", part(&owner), part(&name)) })
    }

    /// All values of a list; whether there is more stands in its body.
    fn list(&self, path: &str) -> Result<Vec<Value>, ForgeError> {
        let mut out = Vec::new();
        for page in 1..=PAGES {
            let body = self.http.call("GET", &format!("{path}&page={page}"), None)?.body;
            out.extend(body.get("values").and_then(Value::as_array).cloned().unwrap_or_default());
            if body.get("next").is_none() {
                break;
            }
        }
        Ok(out)
    }
}

fn request(v: &Value) -> Result<Request, ForgeError> {
    let own = v.pointer("/source/repository/full_name") == v.pointer("/destination/repository/full_name");
    Ok(Request {
        number: number(v, "/id")?,
        source: if own { text(v, "/source/branch/name") } else { String::new() },
        target: text(v, "/destination/branch/name"),
        state: match text(v, "/state").as_str() {
            "OPEN" => State::Open,
            "MERGED" => State::Merged,
            _ => State::Closed,
        },
        title: text(v, "/title"),
        body: text(v, "/description"),
        url: text(v, "/links/html/href"),
        created: seconds(&text(v, "/created_on")),
    })
}

impl Forge for Bitbucket {
    fn requests(&self, prefix: &str) -> Result<Vec<Request>, ForgeError> {
        let states = "state=OPEN&state=MERGED&state=DECLINED&state=SUPERSEDED";
        let path = format!("{}?{states}&sort=-created_on&pagelen=50", self.requests);
        let all: Result<Vec<Request>, ForgeError> = self.list(&path)?.iter().map(request).collect();
        Ok(all?.into_iter().filter(|r| r.source.starts_with(prefix)).collect())
    }

    fn open(&self, new: &NewRequest) -> Result<(Request, Vec<String>), ForgeError> {
        let mut notes = Vec::new();
        let mut reviewers = Vec::new();
        for r in &new.reviewers {
            // Names of users were abolished there: an account id, or a UUID in braces.
            match r.starts_with('{') {
                true => reviewers.push(json!({"uuid": r})),
                false => reviewers.push(json!({"account_id": r})),
            }
        }
        if !new.labels.is_empty() {
            notes.push("labels not set: Bitbucket has none".to_string());
        }
        let mut body = json!({
            "title": new.title, "description": new.body, "draft": new.draft, "close_source_branch": true,
            "source": {"branch": {"name": new.source}}, "destination": {"branch": {"name": new.target}},
        });
        if !reviewers.is_empty() {
            body["reviewers"] = json!(reviewers);
        }
        let made = self.http.call("POST", &self.requests, Some(&body))?;
        Ok((request(&made.body)?, notes))
    }

    fn update(&self, number: u64, title: &str, body: &str) -> Result<(), ForgeError> {
        let path = format!("{}/{number}", self.requests);
        self.http.call("PUT", &path, Some(&json!({"title": title, "description": body}))).map(drop)
    }

    fn close(&self, number: u64) -> Result<(), ForgeError> {
        self.http.call("POST", &format!("{}/{number}/decline", self.requests), Some(&json!({}))).map(drop)
    }

    fn comment(&self, number: u64, text: &str) -> Result<(), ForgeError> {
        let path = format!("{}/{number}/comments", self.requests);
        self.http.call("POST", &path, Some(&json!({"content": {"raw": text}}))).map(drop)
    }

    fn comments(&self, number: u64) -> Result<Vec<String>, ForgeError> {
        let list = self.list(&format!("{}/{number}/comments?pagelen=100", self.requests))?;
        Ok(list.iter().map(|c| text(c, "/content/raw")).collect())
    }

    fn suggest(&self, number: u64, _range: &Range, all: &[Suggestion]) -> Result<(), ForgeError> {
        let path = format!("{}/{number}/comments", self.requests);
        for s in all {
            let mut inline = json!({"path": s.path, "to": s.last});
            if s.first < s.last {
                inline["start_to"] = json!(s.first);
            }
            let body = json!({"content": {"raw": suggestion(s, "")}, "inline": inline});
            self.http.call("POST", &path, Some(&body))?;
        }
        Ok(())
    }
}
