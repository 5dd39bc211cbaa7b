//! Azure DevOps, Services and Server.

use super::{Forge, NewRequest, PAGES, Request, State, Suggestion, number, part, seconds, suggestion, text};
use crate::http::{ForgeError, Http};
use crate::range::Range;
use serde_json::{Value, json};

const VERSION: &str = "api-version=7.0";
/// Longest description, in characters.
const MAX_BODY: usize = 4000;

pub struct Azure {
    http: Http,
    repo: String,
}

impl Azure {
    pub fn new(http: Http, slug: &str) -> Result<Azure, ForgeError> {
        let (project, name) = slug.split_once('/').ok_or_else(|| {
            ForgeError::Settings(format!("`{}` is not PROJECT/NAME", surefix_report::escape::line(slug)))
        })?;
        Ok(Azure { http, repo: format!("/{}/_apis/git/repositories/{}", part(project), part(name)) })
    }

    fn one(&self, number: u64) -> String {
        format!("{}/pullrequests/{number}?{VERSION}", self.repo)
    }

    fn thread(&self, number: u64, content: &str, context: Option<Value>) -> Result<(), ForgeError> {
        let mut body = json!({"comments": [{"parentCommentId": 0, "content": content, "commentType": 1}], "status": 1});
        if let Some(c) = context {
            body["threadContext"] = c;
        }
        let path = format!("{}/pullRequests/{number}/threads?{VERSION}", self.repo);
        self.http.call("POST", &path, Some(&body)).map(drop)
    }
}

/// The description at its longest; the last paragraph, which later runs read, stays.
fn fitting(body: &str) -> String {
    if body.chars().count() <= MAX_BODY {
        return body.to_string();
    }
    let (text, mark) = body.trim_end().rsplit_once("\n\n").unwrap_or((body, ""));
    let room = MAX_BODY.saturating_sub(mark.chars().count() + 20);
    let cut: String = text.chars().take(room).collect();
    // Whole lines only, and no code block that is left open.
    let mut cut = cut.rsplit_once('\n').map_or(cut.as_str(), |(c, _)| c).to_string();
    if cut.lines().filter(|l| l.starts_with("```")).count() % 2 == 1 {
        cut.push_str("\n```");
    }
    format!("{cut}\n\n(cut)\n\n{mark}\n")
}

fn request(v: &Value) -> Result<Request, ForgeError> {
    let name = |pointer: &str| text(v, pointer).trim_start_matches("refs/heads/").to_string();
    let own = v.get("forkSource").is_none_or(Value::is_null);
    Ok(Request {
        number: number(v, "/pullRequestId")?,
        source: if own { name("/sourceRefName") } else { String::new() },
        target: name("/targetRefName"),
        state: match text(v, "/status").as_str() {
            "completed" => State::Merged,
            "abandoned" => State::Closed,
            _ => State::Open,
        },
        title: text(v, "/title"),
        body: text(v, "/description"),
        url: match text(v, "/repository/webUrl") {
            web if web.is_empty() => text(v, "/url"),
            web => format!("{web}/pullrequest/{}", number(v, "/pullRequestId")?),
        },
        created: seconds(&text(v, "/creationDate")),
    })
}

impl Forge for Azure {
    fn requests(&self, prefix: &str) -> Result<Vec<Request>, ForgeError> {
        let mut out = Vec::new();
        for page in 0..PAGES {
            let query = format!("searchCriteria.status=all&$top=100&$skip={}&{VERSION}", page * 100);
            let list = self.http.call("GET", &format!("{}/pullrequests?{query}", self.repo), None)?.body;
            let list = list.get("value").and_then(Value::as_array).cloned().unwrap_or_default();
            for v in &list {
                let r = request(v)?;
                if r.source.starts_with(prefix) {
                    // In lists the description is cut.
                    out.push(request(&self.http.call("GET", &self.one(r.number), None)?.body)?);
                }
            }
            if list.len() < 100 {
                break;
            }
        }
        Ok(out)
    }

    fn open(&self, new: &NewRequest) -> Result<(Request, Vec<String>), ForgeError> {
        let id = |r: &str| r.len() == 36 && r.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        let (ids, names): (Vec<&String>, Vec<&String>) = new.reviewers.iter().partition(|r| id(r));
        let notes = names
            .iter()
            .map(|n| format!("reviewer not asked: Azure DevOps wants an id, not {}", surefix_report::escape::line(n)))
            .collect();
        let labels: Vec<Value> = new.labels.iter().map(|l| json!({"name": l})).collect();
        let reviewers: Vec<Value> = ids.iter().map(|i| json!({"id": i})).collect();
        let body = json!({
            "sourceRefName": format!("refs/heads/{}", new.source),
            "targetRefName": format!("refs/heads/{}", new.target),
            "title": new.title, "description": fitting(&new.body), "isDraft": new.draft,
            "labels": labels, "reviewers": reviewers,
        });
        let path = format!("{}/pullrequests?{VERSION}", self.repo);
        Ok((request(&self.http.call("POST", &path, Some(&body))?.body)?, notes))
    }

    fn update(&self, number: u64, title: &str, body: &str) -> Result<(), ForgeError> {
        let body = json!({"title": title, "description": fitting(body)});
        self.http.call("PATCH", &self.one(number), Some(&body)).map(drop)
    }

    fn close(&self, number: u64) -> Result<(), ForgeError> {
        self.http.call("PATCH", &self.one(number), Some(&json!({"status": "abandoned"}))).map(drop)
    }

    fn comment(&self, number: u64, text: &str) -> Result<(), ForgeError> {
        self.thread(number, text, None)
    }

    fn comments(&self, number: u64) -> Result<Vec<String>, ForgeError> {
        let path = format!("{}/pullRequests/{number}/threads?{VERSION}", self.repo);
        let list = self.http.call("GET", &path, None)?.body;
        let threads = list.get("value").and_then(Value::as_array).cloned().unwrap_or_default();
        Ok(threads
            .iter()
            .filter_map(|t| t.get("comments")?.as_array())
            .flatten()
            .map(|c| text(c, "/content"))
            .collect())
    }

    fn suggest(&self, number: u64, _range: &Range, all: &[Suggestion]) -> Result<(), ForgeError> {
        for s in all {
            let context = json!({
                "filePath": format!("/{}", s.path),
                "rightFileStart": {"line": s.first, "offset": 1},
                "rightFileEnd": {"line": s.last, "offset": 1},
            });
            self.thread(number, &suggestion(s, ""), Some(context))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_description_keeps_its_mark() {
        let body = format!("head\n\n```diff\n{}```\n\n[//]: # (mark)\n", "line\n".repeat(2000));
        let cut = fitting(&body);
        assert!(cut.chars().count() <= MAX_BODY, "{}", cut.len());
        assert!(cut.ends_with("line\n```\n\n(cut)\n\n[//]: # (mark)\n"), "{}", &cut[cut.len() - 60..]);
        assert_eq!(fitting("short\n\nm"), "short\n\nm");
    }
}
