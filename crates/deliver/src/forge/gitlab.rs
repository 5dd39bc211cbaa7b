//! GitLab, in the cloud and self-managed.

use super::{Forge, NewRequest, PAGES, Request, State, Suggestion, bodies, number, part, seconds, suggestion, text};
use crate::http::{ForgeError, Http};
use crate::range::Range;
use serde_json::{Value, json};

pub struct GitLab {
    http: Http,
    project: String,
}

impl GitLab {
    pub fn new(http: Http, slug: &str) -> GitLab {
        GitLab { http, project: format!("/projects/{}", part(slug)) }
    }

    fn one(&self, number: u64) -> String {
        format!("{}/merge_requests/{number}", self.project)
    }

    fn user(&self, name: &str) -> Result<Option<u64>, ForgeError> {
        let found = self.http.call("GET", &format!("/users?username={}", part(name)), None)?.body;
        Ok(found.pointer("/0/id").and_then(Value::as_u64))
    }
}

fn request(v: &Value) -> Result<Request, ForgeError> {
    let own = v.get("source_project_id") == v.get("target_project_id");
    Ok(Request {
        number: number(v, "/iid")?,
        source: if own { text(v, "/source_branch") } else { String::new() },
        target: text(v, "/target_branch"),
        state: match text(v, "/state").as_str() {
            "merged" => State::Merged,
            "closed" => State::Closed,
            _ => State::Open,
        },
        title: text(v, "/title"),
        body: text(v, "/description"),
        url: text(v, "/web_url"),
        created: seconds(&text(v, "/created_at")),
    })
}

impl Forge for GitLab {
    fn requests(&self, prefix: &str) -> Result<Vec<Request>, ForgeError> {
        let query = "state=all&scope=all&order_by=created_at&sort=desc&per_page=100&page={page}";
        let path = format!("{}/merge_requests?{query}", self.project);
        let all: Result<Vec<Request>, ForgeError> = self.http.pages(&path, PAGES)?.iter().map(request).collect();
        Ok(all?.into_iter().filter(|r| r.source.starts_with(prefix)).collect())
    }

    fn open(&self, new: &NewRequest) -> Result<(Request, Vec<String>), ForgeError> {
        let mut notes = Vec::new();
        let mut ids = Vec::new();
        for name in &new.reviewers {
            match self.user(name) {
                Ok(Some(id)) => ids.push(id),
                Ok(None) => notes.push(format!("reviewer not asked: no user {}", surefix_report::escape::line(name))),
                Err(e) => notes.push(format!("reviewer not asked: {e}")),
            }
        }
        let title = if new.draft { format!("Draft: {}", new.title) } else { new.title.clone() };
        let mut body = json!({
            "source_branch": new.source, "target_branch": new.target, "title": title, "description": new.body,
            "remove_source_branch": true,
        });
        if !new.labels.is_empty() {
            body["labels"] = json!(new.labels.join(","));
        }
        if !ids.is_empty() {
            body["reviewer_ids"] = json!(ids);
        }
        let made = self.http.call("POST", &format!("{}/merge_requests", self.project), Some(&body))?;
        Ok((request(&made.body)?, notes))
    }

    fn update(&self, number: u64, title: &str, body: &str) -> Result<(), ForgeError> {
        self.http.call("PUT", &self.one(number), Some(&json!({"title": title, "description": body}))).map(drop)
    }

    fn close(&self, number: u64) -> Result<(), ForgeError> {
        self.http.call("PUT", &self.one(number), Some(&json!({"state_event": "close"}))).map(drop)
    }

    fn comment(&self, number: u64, text: &str) -> Result<(), ForgeError> {
        self.http.call("POST", &format!("{}/notes", self.one(number)), Some(&json!({"body": text}))).map(drop)
    }

    fn comments(&self, number: u64) -> Result<Vec<String>, ForgeError> {
        let path = format!("{}/notes?per_page=100&page={{page}}", self.one(number));
        Ok(bodies(&self.http.pages(&path, PAGES)?, "/body"))
    }

    fn suggest(&self, number: u64, range: &Range, all: &[Suggestion]) -> Result<(), ForgeError> {
        let versions = self.http.call("GET", &format!("{}/versions", self.one(number)), None)?.body;
        let version = versions.get(0).cloned().unwrap_or(Value::Null);
        if text(&version, "/head_commit_sha") != range.tip {
            return Err(ForgeError::Unsupported("the request was pushed to meanwhile".to_string()));
        }
        for s in all {
            let body = json!({
                "body": suggestion(s, &format!(":-{}+0", s.last - s.first)),
                "position": {
                    "position_type": "text",
                    "base_sha": version["base_commit_sha"],
                    "start_sha": version["start_commit_sha"],
                    "head_sha": version["head_commit_sha"],
                    "old_path": s.path, "new_path": s.path, "new_line": s.last,
                },
            });
            self.http.call("POST", &format!("{}/discussions", self.one(number)), Some(&body))?;
        }
        Ok(())
    }
}
