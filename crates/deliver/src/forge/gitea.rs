//! Gitea and Forgejo.

use super::{
    Forge, NewRequest, PAGES, Request, State, Suggestion, bodies, number, owner_name, part, seconds, suggestion, text,
};
use crate::http::{ForgeError, Http};
use crate::range::Range;
use serde_json::{Value, json};

pub struct Gitea {
    http: Http,
    repo: String,
}

impl Gitea {
    pub fn new(http: Http, slug: &str) -> Result<Gitea, ForgeError> {
        let (owner, name) = owner_name(slug)?;
        Ok(Gitea { http, repo: format!("/repos/{}/{}", part(&owner), part(&name)) })
    }

    /// Ids of labels; those that are not there yet are made.
    fn labels(&self, names: &[String]) -> Result<Vec<u64>, ForgeError> {
        let known = self.http.pages(&format!("{}/labels?limit=50&page={{page}}", self.repo), PAGES)?;
        names
            .iter()
            .map(|name| match known.iter().find(|l| text(l, "/name") == *name) {
                Some(l) => number(l, "/id"),
                None => {
                    let body = json!({"name": name, "color": "#b60205"});
                    number(&self.http.call("POST", &format!("{}/labels", self.repo), Some(&body))?.body, "/id")
                }
            })
            .collect()
    }
}

fn request(v: &Value) -> Result<Request, ForgeError> {
    let own = v.pointer("/head/repo_id") == v.pointer("/base/repo_id");
    let mut source = text(v, "/head/ref");
    if source.starts_with("refs/pull/") {
        // The branch is gone; its name is kept in the label.
        source = text(v, "/head/label");
    }
    Ok(Request {
        number: number(v, "/number")?,
        source: if own { source } else { String::new() },
        target: text(v, "/base/ref"),
        state: match (text(v, "/state").as_str(), v.get("merged").and_then(Value::as_bool).unwrap_or(false)) {
            (_, true) => State::Merged,
            ("open", _) => State::Open,
            _ => State::Closed,
        },
        title: text(v, "/title"),
        body: text(v, "/body"),
        url: text(v, "/html_url"),
        created: seconds(&text(v, "/created_at")),
    })
}

impl Forge for Gitea {
    fn requests(&self, prefix: &str) -> Result<Vec<Request>, ForgeError> {
        let path = format!("{}/pulls?state=all&limit=50&page={{page}}", self.repo);
        let all: Result<Vec<Request>, ForgeError> = self.http.pages(&path, PAGES)?.iter().map(request).collect();
        let mut all: Vec<Request> = all?.into_iter().filter(|r| r.source.starts_with(prefix)).collect();
        all.sort_by_key(|r| std::cmp::Reverse(r.number));
        Ok(all)
    }

    fn open(&self, new: &NewRequest) -> Result<(Request, Vec<String>), ForgeError> {
        let mut notes = Vec::new();
        let labels = if new.labels.is_empty() { Ok(Vec::new()) } else { self.labels(&new.labels) };
        let labels = labels.unwrap_or_else(|e| {
            notes.push(format!("labels not set: {e}"));
            Vec::new()
        });
        let title = if new.draft { format!("WIP: {}", new.title) } else { new.title.clone() };
        let body = json!({"head": new.source, "base": new.target, "title": title, "body": new.body, "labels": labels});
        let made = request(&self.http.call("POST", &format!("{}/pulls", self.repo), Some(&body))?.body)?;
        if !new.reviewers.is_empty() {
            let (teams, people): (Vec<&str>, Vec<&str>) =
                new.reviewers.iter().map(String::as_str).partition(|r| r.starts_with("team:"));
            let teams: Vec<&str> = teams.iter().map(|t| t.trim_start_matches("team:")).collect();
            let wanted = json!({"reviewers": people, "team_reviewers": teams});
            let path = format!("{}/pulls/{}/requested_reviewers", self.repo, made.number);
            if let Err(e) = self.http.call("POST", &path, Some(&wanted)) {
                notes.push(format!("reviewers not asked: {e}"));
            }
        }
        Ok((made, notes))
    }

    fn update(&self, number: u64, title: &str, body: &str) -> Result<(), ForgeError> {
        let path = format!("{}/pulls/{number}", self.repo);
        self.http.call("PATCH", &path, Some(&json!({"title": title, "body": body}))).map(drop)
    }

    fn close(&self, number: u64) -> Result<(), ForgeError> {
        let path = format!("{}/pulls/{number}", self.repo);
        self.http.call("PATCH", &path, Some(&json!({"state": "closed"}))).map(drop)
    }

    fn comment(&self, number: u64, text: &str) -> Result<(), ForgeError> {
        let path = format!("{}/issues/{number}/comments", self.repo);
        self.http.call("POST", &path, Some(&json!({"body": text}))).map(drop)
    }

    fn comments(&self, number: u64) -> Result<Vec<String>, ForgeError> {
        let list = self.http.call("GET", &format!("{}/issues/{number}/comments", self.repo), None)?.body;
        let mut out = bodies(list.as_array().map_or(&[][..], Vec::as_slice), "/body");
        let reviews =
            self.http.pages(&format!("{}/pulls/{number}/reviews?limit=50&page={{page}}", self.repo), PAGES)?;
        for r in &reviews {
            out.push(text(r, "/body"));
            if r.get("comments_count").and_then(Value::as_u64).unwrap_or(0) > 0
                && let Some(id) = r.get("id").and_then(Value::as_u64)
            {
                let path = format!("{}/pulls/{number}/reviews/{id}/comments", self.repo);
                let list = self.http.call("GET", &path, None)?.body;
                out.extend(bodies(list.as_array().map_or(&[][..], Vec::as_slice), "/body"));
            }
        }
        Ok(out)
    }

    fn suggest(&self, number: u64, range: &Range, all: &[Suggestion]) -> Result<(), ForgeError> {
        let comments: Vec<Value> =
            all.iter().map(|s| json!({"path": s.path, "new_position": s.last, "body": suggestion(s, "")})).collect();
        let body = json!({"commit_id": range.tip, "event": "COMMENT", "comments": comments});
        self.http.call("POST", &format!("{}/pulls/{number}/reviews", self.repo), Some(&body)).map(drop)
    }
}
