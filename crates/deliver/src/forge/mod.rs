//! Forges: requests are listed, opened, refreshed and closed, and changes suggested, through each one's REST interface.

mod azure;
mod bitbucket;
mod gitea;
mod github;
mod gitlab;

use crate::git::Login;
use crate::http::{ForgeError, Http, Retry};
use crate::platform::Place;
use crate::secret::{Scrubber, Secret, base64};
use serde_json::Value;

/// Pages that are read at most, of up to 100 requests each.
const PAGES: usize = 20;

/// A kind of forge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// GitHub, in the cloud or Enterprise Server.
    GitHub,
    /// GitLab, in the cloud or self-managed.
    GitLab,
    /// Gitea or Forgejo.
    Gitea,
    /// Bitbucket Cloud.
    Bitbucket,
    /// Azure DevOps, Services or Server.
    Azure,
}

impl Kind {
    /// Name in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::GitHub => "GitHub",
            Kind::GitLab => "GitLab",
            Kind::Gitea => "Gitea",
            Kind::Bitbucket => "Bitbucket",
            Kind::Azure => "Azure DevOps",
        }
    }

    /// The user's name that goes with a token when git asks the server.
    pub const fn git_user(self) -> &'static str {
        match self {
            Kind::GitHub => "x-access-token",
            Kind::GitLab => "oauth2",
            Kind::Bitbucket => "x-token-auth",
            Kind::Gitea | Kind::Azure => "surefix",
        }
    }
}

/// State of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Open.
    Open,
    /// Merged.
    Merged,
    /// Closed without a merge.
    Closed,
}

/// A pull or merge request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its number in the repository.
    pub number: u64,
    /// Branch with the change.
    pub source: String,
    /// Branch it goes to.
    pub target: String,
    /// State.
    pub state: State,
    /// Title.
    pub title: String,
    /// Description, Markdown.
    pub body: String,
    /// Where a person sees it.
    pub url: String,
    /// When it was opened, in seconds since 1970; 0: unknown.
    pub created: u64,
}

/// A request to be opened.
#[derive(Clone, Debug)]
pub struct NewRequest {
    /// Branch with the change; it is at the forge already.
    pub source: String,
    /// Branch it goes to.
    pub target: String,
    /// Title.
    pub title: String,
    /// Description, Markdown.
    pub body: String,
    /// As a draft.
    pub draft: bool,
    /// Labels, where the forge has them.
    pub labels: Vec<String>,
    /// Reviewers: names of users; `team:NAME` for a team where the forge knows teams.
    pub reviewers: Vec<String>,
}

/// A change offered on lines of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// Path from the top of the repository.
    pub path: String,
    /// First line, from 1, in the request's version.
    pub first: usize,
    /// Last line.
    pub last: usize,
    /// The comment, Markdown, without the suggestion.
    pub note: String,
    /// The lines that are to stand there, each with its line break.
    pub text: String,
}

/// What every forge can do.
pub trait Forge {
    /// Requests, of any state, whose source branch begins with `prefix`; the newest first.
    fn requests(&self, prefix: &str) -> Result<Vec<Request>, ForgeError>;
    /// Opens a request. The second part of the answer are things that did not work beside it: labels, reviewers.
    fn open(&self, new: &NewRequest) -> Result<(Request, Vec<String>), ForgeError>;
    /// Changes title and description.
    fn update(&self, number: u64, title: &str, body: &str) -> Result<(), ForgeError>;
    /// Closes a request.
    fn close(&self, number: u64) -> Result<(), ForgeError>;
    /// Comments on a request.
    fn comment(&self, number: u64, text: &str) -> Result<(), ForgeError>;
    /// Comments of a request and its lines, as Markdown.
    fn comments(&self, number: u64) -> Result<Vec<String>, ForgeError>;
    /// Offers changes on lines of a request whose tip is `range.tip`; all of them are in lines that the request changes.
    fn suggest(&self, number: u64, range: &crate::range::Range, all: &[Suggestion]) -> Result<(), ForgeError>;
}

/// How a forge is reached.
#[derive(Clone, Debug)]
pub struct Access {
    /// The repository.
    pub place: Place,
    /// Token.
    pub token: Secret,
    /// PEM file's bytes with the only authorities that are trusted.
    pub ca: Option<Vec<u8>>,
    /// Repetition.
    pub retry: Retry,
}

impl Access {
    /// What git needs to push.
    pub fn login(&self) -> Login {
        Login { base: self.place.server.clone(), user: self.place.kind.git_user(), token: self.token.clone() }
    }

    /// The forge.
    pub fn forge(&self) -> Result<Box<dyn Forge>, ForgeError> {
        let token = &self.token;
        let secret = |text: String| Secret::new(&text).ok_or(ForgeError::Settings("the token is empty".to_string()));
        let mut headers = vec![("accept", "application/json".to_string())];
        let auth = match self.place.kind {
            Kind::GitHub => {
                headers = vec![
                    ("accept", "application/vnd.github+json".to_string()),
                    ("x-github-api-version", "2022-11-28".to_string()),
                ];
                ("authorization", secret(format!("Bearer {}", token.expose()))?)
            }
            Kind::GitLab => ("private-token", token.clone()),
            Kind::Gitea => ("authorization", secret(format!("token {}", token.expose()))?),
            Kind::Bitbucket => ("authorization", secret(format!("Bearer {}", token.expose()))?),
            Kind::Azure => {
                let pair = base64(format!(":{}", token.expose()).as_bytes());
                ("authorization", secret(format!("Basic {pair}"))?)
            }
        };
        let scrub = Scrubber::new([token, &auth.1]);
        let http = Http::new(&self.place.api, Some(auth), headers, self.ca.as_deref(), scrub, self.retry)?;
        let slug = self.place.slug.clone();
        Ok(match self.place.kind {
            Kind::GitHub => Box::new(github::GitHub::new(http, &slug)?),
            Kind::GitLab => Box::new(gitlab::GitLab::new(http, &slug)),
            Kind::Gitea => Box::new(gitea::Gitea::new(http, &slug)?),
            Kind::Bitbucket => Box::new(bitbucket::Bitbucket::new(http, &slug)?),
            Kind::Azure => Box::new(azure::Azure::new(http, &slug)?),
        })
    }
}

/// A part of a path, everything but letters, digits and `-._~` encoded.
pub(crate) fn part(text: &str) -> String {
    surefix_report::escape::uri(text).replace('/', "%2F")
}

/// `owner/name` as a path.
pub(crate) fn owner_name(slug: &str) -> Result<(String, String), ForgeError> {
    match slug.split_once('/') {
        Some((owner, name)) if !owner.is_empty() && !name.is_empty() && !name.contains('/') => {
            Ok((owner.to_string(), name.to_string()))
        }
        _ => Err(ForgeError::Settings(format!("`{}` is not OWNER/NAME", surefix_report::escape::line(slug)))),
    }
}

pub(crate) fn text(v: &Value, pointer: &str) -> String {
    v.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_string()
}

pub(crate) fn number(v: &Value, pointer: &str) -> Result<u64, ForgeError> {
    v.pointer(pointer).and_then(Value::as_u64).ok_or_else(|| ForgeError::Answer {
        what: "request".to_string(),
        why: format!("no `{}`", pointer.trim_start_matches('/')),
    })
}

/// Bodies of a list of comments.
pub(crate) fn bodies(list: &[Value], pointer: &str) -> Vec<String> {
    list.iter().map(|v| text(v, pointer)).filter(|b| !b.is_empty()).collect()
}

/// A date such as `2026-11-26T08:00:00.5+01:00` in seconds since 1970; 0 when it is none.
pub(crate) fn seconds(date: &str) -> u64 {
    let read = || -> Option<i64> {
        let n = |range: std::ops::Range<usize>| date.get(range)?.parse::<i64>().ok();
        let (year, month, day) = (n(0..4)?, n(5..7)?, n(8..10)?);
        let (h, m, s) = (n(11..13)?, n(14..16)?, n(17..19)?);
        // Days since 1970 by the civil calendar, years beginning in March.
        let y = if month <= 2 { year - 1 } else { year };
        let (era, of_era) = (y.div_euclid(400), y.rem_euclid(400));
        let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
        let rest = date.get(19..)?;
        let rest = rest.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
        let sign = if rest.starts_with('-') { -1 } else { 1 };
        let offset = match rest.get(1..3).and_then(|h| h.parse::<i64>().ok()) {
            Some(hours) => {
                let minutes = rest.get(rest.len().saturating_sub(2)..).and_then(|m| m.parse::<i64>().ok()).unwrap_or(0);
                sign * (hours * 3600 + minutes * 60)
            }
            None => 0,
        };
        Some(days * 86_400 + h * 3600 + m * 60 + s - offset)
    };
    read().and_then(|n| u64::try_from(n).ok()).unwrap_or(0)
}

/// The body of a comment with a change that the forge can apply; the fence is longer than any in the text.
pub(crate) fn suggestion(s: &Suggestion, info: &str) -> String {
    let longest = s.text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat((longest + 1).max(3));
    let end = if s.text.is_empty() || s.text.ends_with('\n') { "" } else { "\n" };
    format!("{}\n\n{fence}suggestion{info}\n{}{end}{fence}\n", s.note.trim_end(), s.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_all_forges() {
        assert_eq!(seconds("1970-01-01T00:00:00Z"), 0);
        assert_eq!(seconds("2024-02-29T12:30:15Z"), 1_709_209_815);
        assert_eq!(seconds("2024-02-29T13:30:15.123+01:00"), 1_709_209_815);
        assert_eq!(seconds("2024-02-29T12:30:15.123456Z"), 1_709_209_815);
        assert_eq!(seconds("yesterday"), 0);
    }

    #[test]
    fn a_suggestion_cannot_leave_its_fence() {
        let s = Suggestion { path: "a".into(), first: 1, last: 1, note: "n".into(), text: "x\n````\ny".into() };
        assert_eq!(suggestion(&s, ""), "n\n\n`````suggestion\nx\n````\ny\n`````\n");
    }
}
