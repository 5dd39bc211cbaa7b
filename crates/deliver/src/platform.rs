//! Where a pipeline step runs, from the variables that each platform documents: request or branch, who may write, which forge.

use crate::forge::Kind;
use crate::secret::Secret;
use std::collections::BTreeMap;

/// The environment of the run. Tests make their own.
#[derive(Clone, Debug, Default)]
pub struct Env(pub BTreeMap<String, String>);

impl Env {
    /// That of this process; what is not UTF-8 is left out.
    pub fn of_process() -> Env {
        Env(std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect())
    }
    /// A variable that is there and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|v| v.trim()).filter(|v| !v.is_empty())
    }
    fn is(&self, name: &str, value: &str) -> bool {
        self.get(name).is_some_and(|v| v.eq_ignore_ascii_case(value))
    }
    fn secret(&self, names: &[&str]) -> Option<Secret> {
        names.iter().find_map(|n| Secret::new(self.get(n)?))
    }
}

/// A platform that runs pipelines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// GitHub Actions; Gitea and Forgejo run the same.
    GitHub,
    /// GitLab CI.
    GitLab,
    /// Azure Pipelines.
    Azure,
    /// Bitbucket Pipelines.
    Bitbucket,
    /// Jenkins.
    Jenkins,
    /// CircleCI.
    CircleCi,
    /// None that is known.
    Plain,
}

impl Platform {
    /// Name in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Platform::GitHub => "GitHub Actions",
            Platform::GitLab => "GitLab CI",
            Platform::Azure => "Azure Pipelines",
            Platform::Bitbucket => "Bitbucket Pipelines",
            Platform::Jenkins => "Jenkins",
            Platform::CircleCi => "CircleCI",
            Platform::Plain => "plain git",
        }
    }
}

/// What the step runs for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A pull or merge request.
    Request {
        /// Its number.
        number: u64,
        /// Branch with the change, `None` when the platform does not say.
        source: Option<String>,
        /// Branch it is to be merged into.
        target: Option<String>,
        /// Commit at the tip of the source branch.
        head: Option<String>,
        /// From another repository: no secret, no write.
        fork: bool,
    },
    /// A branch.
    Branch(String),
    /// A tag or something else.
    Other,
}

/// A repository on a forge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which forge.
    pub kind: Kind,
    /// Address of its programming interface, without a slash at the end.
    pub api: String,
    /// Address of the server for git, with a slash at the end: where the token may go.
    pub server: String,
    /// The repository as the forge names it: `owner/name`, `group/sub/name`, `organisation/project/name`.
    pub slug: String,
}

/// All that is known of where the step runs.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Platform.
    pub platform: Platform,
    /// What it runs for.
    pub event: Event,
    /// The branch that the platform calls the default one.
    pub main: Option<String>,
    /// The repository, where the platform tells.
    pub place: Option<Place>,
    /// The forge's token; never there for a fork's request.
    pub token: Option<Secret>,
    /// File for the job's summary.
    pub summary: Option<String>,
}

fn branch(name: &str) -> String {
    name.strip_prefix("refs/heads/").unwrap_or(name).to_string()
}

fn slash(url: &str) -> String {
    format!("{}/", url.trim_end_matches('/'))
}

/// Reads the surroundings. `event` gives the bytes of the file that GitHub's description of the event lies in.
pub fn surroundings(env: &Env, event: impl Fn(&str) -> Option<Vec<u8>>) -> Surroundings {
    let mut s = if env.is("GITHUB_ACTIONS", "true") || env.is("GITEA_ACTIONS", "true") {
        github(env, event)
    } else if env.is("GITLAB_CI", "true") {
        gitlab(env)
    } else if env.is("TF_BUILD", "true") {
        azure(env)
    } else if env.get("BITBUCKET_BUILD_NUMBER").is_some() {
        bitbucket(env)
    } else if env.is("CIRCLECI", "true") {
        circle(env)
    } else if env.get("JENKINS_URL").is_some() {
        jenkins(env)
    } else {
        Surroundings {
            platform: Platform::Plain,
            event: Event::Other,
            main: None,
            place: None,
            token: env.secret(&["SUREFIX_TOKEN"]),
            summary: None,
        }
    };
    if matches!(s.event, Event::Request { fork: true, .. }) {
        // Even where a platform hands it out by mistake.
        s.token = None;
    }
    s
}

fn github(env: &Env, event: impl Fn(&str) -> Option<Vec<u8>>) -> Surroundings {
    let json: serde_json::Value = env
        .get("GITHUB_EVENT_PATH")
        .and_then(event)
        .and_then(|b| serde_json::from_slice(&b).ok())
        .unwrap_or(serde_json::Value::Null);
    let text = |pointer: &str| json.pointer(pointer).and_then(|v| v.as_str()).map(str::to_string);
    let pull = env.get("GITHUB_EVENT_NAME").is_some_and(|e| e == "pull_request" || e == "pull_request_target");
    let number = json
        .pointer("/pull_request/number")
        .and_then(serde_json::Value::as_u64)
        .or_else(|| env.get("GITHUB_REF")?.strip_prefix("refs/pull/")?.split('/').next()?.parse().ok());
    let event = if pull && let Some(number) = number {
        let (head, base) = (text("/pull_request/head/repo/full_name"), text("/pull_request/base/repo/full_name"));
        // A repository that was deleted counts as a fork, and so does one that nothing is known of.
        Event::Request {
            number,
            source: env.get("GITHUB_HEAD_REF").map(branch).or_else(|| text("/pull_request/head/ref")),
            target: env.get("GITHUB_BASE_REF").map(branch).or_else(|| text("/pull_request/base/ref")),
            head: text("/pull_request/head/sha"),
            fork: head.is_none() || head != base,
        }
    } else if env.get("GITHUB_REF").is_some_and(|r| r.starts_with("refs/heads/")) {
        Event::Branch(branch(env.get("GITHUB_REF").unwrap_or_default()))
    } else {
        Event::Other
    };
    let gitea = env.is("GITEA_ACTIONS", "true") || env.is("FORGEJO_ACTIONS", "true");
    let place = match (env.get("GITHUB_API_URL"), env.get("GITHUB_SERVER_URL"), env.get("GITHUB_REPOSITORY")) {
        (Some(api), Some(server), Some(slug)) => Some(Place {
            kind: if gitea { Kind::Gitea } else { Kind::GitHub },
            api: api.trim_end_matches('/').to_string(),
            server: slash(server),
            slug: slug.to_string(),
        }),
        _ => None,
    };
    Surroundings {
        platform: Platform::GitHub,
        event,
        main: text("/repository/default_branch"),
        place,
        token: env.secret(&["SUREFIX_TOKEN", "GITHUB_TOKEN", "GITEA_TOKEN"]),
        summary: env.get("GITHUB_STEP_SUMMARY").map(str::to_string),
    }
}

fn gitlab(env: &Env) -> Surroundings {
    let event = if let Some(number) = env.get("CI_MERGE_REQUEST_IID").and_then(|n| n.parse().ok()) {
        let (source, project) = (env.get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID"), env.get("CI_PROJECT_ID"));
        let target = env.get("CI_MERGE_REQUEST_PROJECT_ID");
        Event::Request {
            number,
            source: env.get("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME").map(branch),
            target: env.get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME").map(branch),
            // In pipelines of merged results the checked-out commit is another one, and only then this is set.
            head: env.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA").or(env.get("CI_COMMIT_SHA")).map(str::to_string),
            fork: source.is_none() || source != target.or(project),
        }
    } else if let Some(b) = env.get("CI_COMMIT_BRANCH") {
        Event::Branch(branch(b))
    } else {
        Event::Other
    };
    let place = match (env.get("CI_API_V4_URL"), env.get("CI_SERVER_URL"), env.get("CI_PROJECT_PATH")) {
        (Some(api), Some(server), Some(slug)) => Some(Place {
            kind: Kind::GitLab,
            api: api.trim_end_matches('/').to_string(),
            server: slash(server),
            slug: slug.to_string(),
        }),
        _ => None,
    };
    Surroundings {
        platform: Platform::GitLab,
        event,
        main: env.get("CI_DEFAULT_BRANCH").map(str::to_string),
        place,
        // The job's own token may neither open a request nor, by default, push.
        token: env.secret(&["SUREFIX_TOKEN", "GITLAB_TOKEN"]),
        summary: None,
    }
}

fn azure(env: &Env) -> Surroundings {
    let event = if let Some(number) = env.get("SYSTEM_PULLREQUEST_PULLREQUESTID").and_then(|n| n.parse().ok()) {
        Event::Request {
            number,
            source: env.get("SYSTEM_PULLREQUEST_SOURCEBRANCH").map(branch),
            target: env.get("SYSTEM_PULLREQUEST_TARGETBRANCH").map(branch),
            head: env.get("SYSTEM_PULLREQUEST_SOURCECOMMITID").map(str::to_string),
            fork: env.is("SYSTEM_PULLREQUEST_ISFORK", "true"),
        }
    } else if let Some(b) = env.get("BUILD_SOURCEBRANCH").filter(|b| b.starts_with("refs/heads/")) {
        Event::Branch(branch(b))
    } else {
        Event::Other
    };
    let collection = env.get("SYSTEM_COLLECTIONURI").map(|u| u.trim_end_matches('/').to_string());
    let here = env.get("BUILD_REPOSITORY_PROVIDER").is_none_or(|p| p == "TfsGit");
    let place = match (collection, env.get("SYSTEM_TEAMPROJECT"), env.get("BUILD_REPOSITORY_NAME")) {
        (Some(api), Some(project), Some(name)) if here => {
            Some(Place { kind: Kind::Azure, server: slash(&api), api, slug: format!("{project}/{name}") })
        }
        _ => None,
    };
    Surroundings {
        platform: Platform::Azure,
        event,
        main: None,
        place,
        token: env.secret(&["SUREFIX_TOKEN", "SYSTEM_ACCESSTOKEN"]),
        summary: None,
    }
}

fn bitbucket(env: &Env) -> Surroundings {
    let event = if let Some(number) = env.get("BITBUCKET_PR_ID").and_then(|n| n.parse().ok()) {
        Event::Request {
            number,
            source: env.get("BITBUCKET_BRANCH").map(branch),
            target: env.get("BITBUCKET_PR_DESTINATION_BRANCH").map(branch),
            head: env.get("BITBUCKET_COMMIT").map(str::to_string),
            // Pipelines do not run for requests of forks.
            fork: false,
        }
    } else if let Some(b) = env.get("BITBUCKET_BRANCH") {
        Event::Branch(branch(b))
    } else {
        Event::Other
    };
    let place = env.get("BITBUCKET_REPO_FULL_NAME").map(|slug| Place {
        kind: Kind::Bitbucket,
        api: "https://api.bitbucket.org/2.0".to_string(),
        server: "https://bitbucket.org/".to_string(),
        slug: slug.to_string(),
    });
    Surroundings {
        platform: Platform::Bitbucket,
        event,
        main: None,
        place,
        token: env.secret(&["SUREFIX_TOKEN", "BITBUCKET_TOKEN"]),
        summary: None,
    }
}

fn jenkins(env: &Env) -> Surroundings {
    let event = if let Some(number) = env.get("CHANGE_ID").and_then(|n| n.parse().ok()) {
        Event::Request {
            number,
            source: env.get("CHANGE_BRANCH").map(branch),
            target: env.get("CHANGE_TARGET").map(branch),
            // The checked-out commit may be a merge that Jenkins made.
            head: None,
            fork: env.get("CHANGE_FORK").is_some(),
        }
    } else if let Some(b) = env.get("BRANCH_NAME").or(env.get("GIT_LOCAL_BRANCH")).or(env.get("GIT_BRANCH")) {
        Event::Branch(branch(b.strip_prefix("origin/").unwrap_or(b)))
    } else {
        Event::Other
    };
    let main = env.is("BRANCH_IS_PRIMARY", "true").then(|| env.get("BRANCH_NAME").map(str::to_string)).flatten();
    Surroundings {
        platform: Platform::Jenkins,
        event,
        main,
        place: None,
        token: env.secret(&["SUREFIX_TOKEN"]),
        summary: None,
    }
}

fn circle(env: &Env) -> Surroundings {
    let from_url = |u: &str| u.rsplit('/').next().and_then(|n| n.parse().ok());
    let number =
        env.get("CIRCLE_PR_NUMBER").and_then(|n| n.parse().ok()).or(env.get("CIRCLE_PULL_REQUEST").and_then(from_url));
    let event = match (number, env.get("CIRCLE_BRANCH")) {
        (Some(number), b) => Event::Request {
            number,
            source: b.map(branch),
            target: None,
            head: env.get("CIRCLE_SHA1").map(str::to_string),
            // Only set for requests of forks.
            fork: env.get("CIRCLE_PR_REPONAME").is_some() || env.get("CIRCLE_PR_USERNAME").is_some(),
        },
        (None, Some(b)) => Event::Branch(branch(b)),
        (None, None) => Event::Other,
    };
    Surroundings {
        platform: Platform::CircleCi,
        event,
        main: None,
        place: None,
        token: env.secret(&["SUREFIX_TOKEN"]),
        summary: None,
    }
}
