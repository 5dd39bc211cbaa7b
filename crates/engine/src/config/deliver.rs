//! The settings of delivery: commits, requests, the pipeline step.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Commits of fixes.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct CommitConfig {
    /// How fixes are spread over commits (default `per-fix`).
    pub split: Option<SplitConfig>,
    /// Stands before the subject, for example `fix(security): `.
    pub prefix: String,
    /// Author as `Name <mail>` (default: as git is configured).
    pub author: Option<String>,
    /// Add `Signed-off-by`.
    pub sign_off: bool,
}

/// How fixes are spread over commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SplitConfig {
    /// One commit a fix.
    PerFix,
    /// One commit a rule.
    PerRule,
    /// One commit.
    Single,
}

/// Pull and merge requests.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct PrConfig {
    /// The forge (default: as the pipeline tells, else from the remote's address).
    pub forge: Option<ForgeConfig>,
    /// Address of the forge's programming interface; what the pipeline tells beats it.
    pub api: Option<String>,
    /// Address of the forge's server for git, to which alone the token goes; what the pipeline tells beats it.
    pub server: Option<String>,
    /// The repository as the forge names it; what the pipeline tells beats it.
    pub repository: Option<String>,
    /// PEM file, relative to the settings file, with the only certificate authorities that are trusted.
    pub ca_file: Option<String>,
    /// Name of the remote (default `origin`).
    pub remote: Option<String>,
    /// Branch that requests go to (default: the forge's default branch).
    pub base: Option<String>,
    /// Beginning of the names of branches (default `surefix/`).
    pub branch_prefix: Option<String>,
    /// What goes into one request (default `rule`).
    pub group: Option<GroupConfig>,
    /// Requests that are open at once, at most (default 5).
    pub max_open: Option<usize>,
    /// Requests that are opened within 24 hours, at most (default 5).
    pub max_daily: Option<usize>,
    /// Labels.
    pub labels: Vec<String>,
    /// Reviewers; `team:NAME` for a team.
    pub reviewers: Vec<String>,
    /// Ask the code owners of the changed files (default `true`).
    pub codeowners: Option<bool>,
    /// Open requests as drafts.
    pub draft: bool,
    /// Stands before the title.
    pub title_prefix: String,
}

/// A kind of forge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ForgeConfig {
    /// GitHub, in the cloud or Enterprise Server.
    Github,
    /// GitLab.
    Gitlab,
    /// Gitea or Forgejo.
    Gitea,
    /// Bitbucket Cloud.
    Bitbucket,
    /// Azure DevOps.
    Azure,
}

/// What goes into one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GroupConfig {
    /// One finding.
    Finding,
    /// One rule.
    Rule,
    /// What lies below one build file.
    Module,
    /// Everything.
    All,
}

/// The pipeline step.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct CiConfig {
    /// The branch whose backlog is worked down (default: the forge's default branch).
    pub main: Option<String>,
    /// Commit to the branch of a request where that is allowed (default `true`).
    pub commit: Option<bool>,
    /// Open requests from the main branch where that is allowed (default `true`).
    pub requests: Option<bool>,
    /// Offer fixes as suggestions where committing is not allowed (default `true`).
    pub suggestions: Option<bool>,
    /// Folder for reports and the patch (default `surefix-report`).
    pub output: Option<String>,
}
