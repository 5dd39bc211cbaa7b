//! GitHub, in the cloud and as Enterprise Server.

use super::{
    Forge, NewRequest, PAGES, Request, State, Suggestion, bodies, number, owner_name, part, seconds, suggestion, text,
};
use crate::http::{ForgeError, Http};
use crate::range::Range;
use serde_json::{Value, json};

pub struct GitHub {
    http: Http,
    repo: String,
}

impl GitHub {
    pub fn new(http: Http, slug: &str) -> Result<GitHub, ForgeError> {
        let (owner, name) = owner_name(slug)?;
        Ok(GitHub { http, repo: format!("/repos/{}/{}", part(&owner), part(&name)) })
    }
}

fn request(v: &Value) -> Result<Request, ForgeError> {
    let state = match (text(v, "/state").as_str(), v.get("merged_at").is_some_and(|m| !m.is_null())) {
        ("open", _) => State::Open,
        (_, true) => State::Merged,
        _ => State::Closed,
    };
    // A branch of the same name in a fork is not ours.
    let own = v.pointer("/head/repo/full_name") == v.pointer("/base/repo/full_name");
    Ok(Request {
        number: number(v, "/number")?,
        source: if own { text(v, "/head/ref") } else { String::new() },
        target: text(v, "/base/ref"),
        state,
        title: text(v, "/title"),
        body: text(v, "/body"),
        url: text(v, "/html_url"),
        created: seconds(&text(v, "/created_at")),
    })
}

impl Forge for GitHub {
    fn requests(&self, prefix: &str) -> Result<Vec<Request>, ForgeError> {
        let path = format!("{}/pulls?state=all&sort=created&direction=desc&per_page=100&page={{page}}", self.repo);
        let all: Result<Vec<Request>, ForgeError> = self.http.pages(&path, PAGES)?.iter().map(request).collect();
        Ok(all?.into_iter().filter(|r| r.source.starts_with(prefix)).collect())
    }

    fn open(&self, new: &NewRequest) -> Result<(Request, Vec<String>), ForgeError> {
        let body = json!({
            "title": new.title, "head": new.source, "base": new.target, "body": new.body, "draft": new.draft,
            "maintainer_can_modify": true,
        });
        let made = request(&self.http.call("POST", &format!("{}/pulls", self.repo), Some(&body))?.body)?;
        let mut notes = Vec::new();
        if !new.labels.is_empty() {
            let path = format!("{}/issues/{}/labels", self.repo, made.number);
            if let Err(e) = self.http.call("POST", &path, Some(&json!({"labels": new.labels}))) {
                notes.push(format!("labels not set: {e}"));
            }
        }
        let (teams, people): (Vec<&str>, Vec<&str>) =
            new.reviewers.iter().map(String::as_str).partition(|r| r.starts_with("team:"));
        if !new.reviewers.is_empty() {
            let teams: Vec<&str> = teams.iter().map(|t| t.trim_start_matches("team:")).collect();
            let path = format!("{}/pulls/{}/requested_reviewers", self.repo, made.number);
            let wanted = json!({"reviewers": people, "team_reviewers": teams});
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
        let mut out = Vec::new();
        for kind in ["issues", "pulls"] {
            let path = format!("{}/{kind}/{number}/comments?per_page=100&page={{page}}", self.repo);
            out.extend(bodies(&self.http.pages(&path, PAGES)?, "/body"));
        }
        Ok(out)
    }

    fn suggest(&self, number: u64, range: &Range, all: &[Suggestion]) -> Result<(), ForgeError> {
        let comments: Vec<Value> = all
            .iter()
            .map(|s| {
                let mut c = json!({"path": s.path, "line": s.last, "side": "RIGHT", "body": suggestion(s, "")});
                if s.first < s.last {
                    c["start_line"] = json!(s.first);
                    c["start_side"] = json!("RIGHT");
                }
                c
            })
            .collect();
        let body = json!({"commit_id": range.tip, "event": "COMMENT", "comments": comments});
        self.http.call("POST", &format!("{}/pulls/{number}/reviews", self.repo), Some(&body)).map(drop)
    }
}
