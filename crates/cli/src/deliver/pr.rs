//! `surefix pr`, and what `surefix ci` does on the main branch.

use super::{Checkout, Past, count, git, proven, short, split, style};
use crate::args::{Building, Color, Pr};
use crate::run::{Ready, exit_code, prepare, report, talk};
use crate::{FAILED, Failure};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};
use surefix_deliver::codeowners::{Owners, PLACES};
use surefix_deliver::commit::commit;
use surefix_deliver::compose::{Unit, units};
use surefix_deliver::describe::{GONE, description, title};
use surefix_deliver::forge::{Access, Forge, Kind, NewRequest, Request};
use surefix_deliver::git::GitError;
use surefix_deliver::history::all_ours;
use surefix_deliver::http::Retry;
use surefix_deliver::place::{Wanted, place};
use surefix_deliver::platform::{Env, Surroundings, surroundings};
use surefix_deliver::push::Over;
use surefix_deliver::repo::Repo;
use surefix_deliver::requests::{Action, Group, Grouping, Limits, Mark, groups, plan};
use surefix_engine::config::{ForgeConfig, GroupConfig};
use surefix_engine::discover::{Role, io_text, role};
use surefix_engine::{Depth, Outcome, Scope, Settings, Verdict};
use surefix_report::escape::line;

/// Requests that are open at once, and that are opened within 24 hours, unless the settings say otherwise.
const CAP: usize = 5;

/// Beginning of the branches' names.
pub fn branch_prefix(ready: &Ready) -> Result<String, Failure> {
    let text = ready.config.pr.branch_prefix.clone().unwrap_or_else(|| "surefix/".to_string());
    let fine = |c: char| c.is_ascii_alphanumeric() || "-_/".contains(c);
    if text.len() < 3 || !text.chars().all(fine) || text.starts_with(['/', '-']) || text.contains("//") {
        return Err(Failure::usage("[pr] branch-prefix: at least three letters, digits, `-`, `_` or `/`"));
    }
    Ok(text)
}

/// How the forge is reached; `None` without a token.
pub fn access(ready: &Ready, repo: &Repo, around: &Surroundings) -> Result<Option<Access>, Failure> {
    let Some(token) = around.token.clone() else { return Ok(None) };
    let c = &ready.config.pr;
    let kind = c.forge.map(|f| match f {
        ForgeConfig::Github => Kind::GitHub,
        ForgeConfig::Gitlab => Kind::GitLab,
        ForgeConfig::Gitea => Kind::Gitea,
        ForgeConfig::Bitbucket => Kind::Bitbucket,
        ForgeConfig::Azure => Kind::Azure,
    });
    let wanted = Wanted { kind, api: c.api.clone(), server: c.server.clone(), slug: c.repository.clone() };
    let remote = repo.remote(c.remote.as_deref())?;
    let url = remote.and_then(|r| repo.git.maybe(&["remote", "get-url", "--", &r]));
    let place = place(around.place.as_ref(), &wanted, url.as_deref()).map_err(Failure::usage)?;
    let ca = match &c.ca_file {
        None => None,
        Some(f) => Some(
            std::fs::read(ready.base.join(f))
                .map_err(|e| Failure::usage(format!("[pr] ca-file: {}: {}", line(f), io_text(&e))))?,
        ),
    };
    Ok(Some(Access { place, token, ca, retry: Retry::default() }))
}

/// `surefix pr`.
pub fn run(args: Pr, choice: Color) -> Result<u8, Failure> {
    let building = proven(args.unproven, &args.building)?;
    let ready = prepare(args.paths.clone(), &args.common, args.tier.map(Into::into))?;
    branch_prefix(&ready)?;
    let env = Env::of_process();
    let around = surroundings(&env, |f| std::fs::read(f).ok());
    let mut repo = Repo::open(&git(&ready, &env))?;
    let access = access(&ready, &repo, &around)?
        .ok_or_else(|| Failure::usage("no token: set SUREFIX_TOKEN to one that may push and open requests"))?;
    repo.login = Some(access.login());
    let base = ready.config.pr.base.clone().or(around.main.clone());
    let base = base.or_else(|| repo.default_branch(Some("origin"))).or(repo.branch.clone());
    let base = base.ok_or_else(|| Failure::usage("which branch requests go to is not known: set `[pr] base`"))?;
    let done = backlog(&ready, &repo, &access, &base, building, args.dry_run)?;
    report(&ready, &done.outcome, &args.common, choice, args.common.format, false)?;
    talk(&done.said());
    if !done.errors.is_empty() || done.outcome.failed() {
        return Ok(FAILED);
    }
    Ok(exit_code(&done.outcome, &ready.settings, false, false, false))
}

/// What was done about the backlog.
pub struct Done {
    /// Findings of the base, none of them fixed there yet.
    pub outcome: Outcome,
    /// What was done, one line each.
    pub steps: Vec<String>,
    /// What went wrong; the rest was done.
    pub errors: Vec<String>,
}

impl Done {
    /// For a reader.
    pub fn said(&self) -> String {
        let mut out: String = self.steps.iter().map(|s| format!("{s}\n")).collect();
        out.extend(self.errors.iter().map(|e| format!("error: {e}\n")));
        out
    }
}

/// Everything a single request needs.
struct Work<'a> {
    ready: &'a Ready,
    repo: &'a Repo,
    forge: Box<dyn Forge>,
    remote: String,
    base: &'a str,
    commit: String,
    copy: Checkout,
    past: Past,
    branches: BTreeMap<String, String>,
    settings: Settings,
    building: Option<&'a Building>,
}

/// Opens, refreshes and closes requests until what the settings allow is done.
pub fn backlog(
    ready: &Ready,
    repo: &Repo,
    access: &Access,
    base: &str,
    building: Option<&Building>,
    dry: bool,
) -> Result<Done, Failure> {
    let prefix = branch_prefix(ready)?;
    let named = ready.config.pr.remote.as_deref();
    let remote = repo.remote(named)?.ok_or_else(|| Failure::usage("there is no remote to push to"))?;
    let head = repo.fetch(&remote, &format!("refs/heads/{base}")).ok_or_else(|| {
        Failure::failed(format!("the branch {} cannot be fetched from {}", line(base), line(&remote)))
    })?;
    let past = Past::new(ready, repo, &head)?;
    let copy = Checkout::new(ready, repo, &head)?;
    let preview = copy.scan(ready, &ready.settings, Depth::Preview)?.as_preview();
    // What a person took back is not offered again.
    let back: BTreeSet<String> = preview
        .findings
        .iter()
        .filter(|f| f.verdict.remains() && past.taken_back(f).is_some())
        .map(|f| f.fingerprint.clone())
        .collect();
    let mut offered = preview.clone();
    offered.findings.retain(|f| !back.contains(&f.fingerprint));
    let grouping = match ready.config.pr.group {
        Some(GroupConfig::Finding) => Grouping::Finding,
        Some(GroupConfig::Rule) | None => Grouping::Rule,
        Some(GroupConfig::Module) => Grouping::Module,
        Some(GroupConfig::All) => Grouping::All,
    };
    let groups = groups(&offered, grouping, &manifests(ready, repo, &head)?);
    let present: BTreeSet<String> =
        preview.findings.iter().filter(|f| f.verdict.remains()).map(|f| f.fingerprint.clone()).collect();
    let forge = access.forge()?;
    let requests = forge.requests(&prefix)?;
    let branches = repo.remote_branches(&remote, &prefix)?.into_iter().collect();
    let limits = Limits {
        open: ready.config.pr.max_open.unwrap_or(CAP),
        daily: ready.config.pr.max_daily.unwrap_or(CAP),
        now: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs()),
    };
    let plan = plan(&groups, &requests, &present, &prefix, limits);
    let settings = ready.settings.clone().with_scope(Scope::Without(back), "its fix was taken back by a person");
    let work = Work { ready, repo, forge, remote, base, commit: head, copy, past, branches, settings, building };
    let mut done = Done { outcome: preview, steps: Vec::new(), errors: Vec::new() };
    for action in &plan.actions {
        if dry {
            done.steps.push(work.would(action));
            continue;
        }
        match work.act(action) {
            Ok(steps) => done.steps.extend(steps),
            Err(e) => done.errors.push(format!("{}: {}", work.would(action), e.message)),
        }
    }
    done.steps.extend(plan.held.iter().map(|(group, why)| format!("left: {}: {why}", line(group))));
    Ok(done)
}

/// Build files of a commit, by root-relative path.
fn manifests(ready: &Ready, repo: &Repo, commit: &str) -> Result<BTreeSet<String>, GitError> {
    let prefix = ready.in_git.as_deref().filter(|p| !p.is_empty()).map(|p| format!("{p}/")).unwrap_or_default();
    let all = repo.git.paths(&["ls-tree", "-r", "-z", "--name-only", "--full-tree", commit])?;
    let inside = all.iter().filter_map(|p| p.strip_prefix(&prefix));
    Ok(inside.filter(|p| role(p) == Some(Role::Manifest)).map(str::to_string).collect())
}

impl Work<'_> {
    /// An action in words, before it is done.
    fn would(&self, action: &Action) -> String {
        let n = |g: &Group| count(g.findings.len(), "finding", "findings");
        match action {
            Action::Close { request, .. } => format!("close request {}", request.number),
            Action::Refresh { request, group, .. } => format!("refresh request {} ({})", request.number, n(group)),
            Action::Open { group, .. } => format!("open a request: {} ({})", line(&group.name), n(group)),
        }
    }

    fn act(&self, action: &Action) -> Result<Vec<String>, Failure> {
        match action {
            Action::Close { request, mark } => self.close(request, mark),
            Action::Refresh { request, mark, group } => self.refresh(request, mark, group),
            Action::Open { group, branch } => self.open(group, branch),
        }
    }

    fn close(&self, request: &Request, mark: &Mark) -> Result<Vec<String>, Failure> {
        // The mark goes first: a run that dies after it must not be taken for a person's close.
        let gone = Mark { gone: true, ..mark.clone() };
        let body = request.body.replace(&mark.write(), &gone.write());
        self.forge.update(request.number, &request.title, &body)?;
        self.forge.comment(request.number, GONE)?;
        self.forge.close(request.number)?;
        let mut said = vec![format!("closed request {}: its findings are gone", request.number)];
        if let Some(at) = self.branches.get(&request.source)
            && self.is_ours(at)
            && let Err(e) = self.repo.remove_branch(&self.remote, &request.source, at)
        {
            said.push(format!("note: its branch stays: {e}"));
        }
        Ok(said)
    }

    /// True when nobody else put a commit on a branch of ours.
    fn is_ours(&self, tip: &str) -> bool {
        let Some(tip) = self.repo.bring(Some(&self.remote), tip) else { return false };
        self.repo
            .range(Some(&self.remote), &tip, &self.commit)
            .is_ok_and(|r| r.base != tip && all_ours(&self.repo.git, &r.base, &tip).unwrap_or(false))
    }

    fn refresh(&self, request: &Request, mark: &Mark, group: &Group) -> Result<Vec<String>, Failure> {
        let number = request.number;
        let tip = self.branches.get(&request.source);
        if let Some(tip) = tip {
            if !self.is_ours(tip) {
                return Ok(vec![format!("left request {number} as it is: somebody else has pushed to its branch")]);
            }
            let same: BTreeSet<&String> = group.findings.iter().collect();
            let base = self.repo.git.maybe(&["merge-base", "--end-of-options", tip, &self.commit]);
            if base.as_deref() == Some(self.commit.as_str()) && same.iter().copied().eq(mark.findings.iter()) {
                return Ok(vec![format!("request {number} is up to date")]);
            }
        }
        let Some((units, new)) = self.make(group)? else {
            return Ok(vec![format!("left request {number} as it is: its fixes did not pass the gates again")]);
        };
        if !self.pushed(tip, &new)? {
            let over = Over::Exactly(tip.map(String::as_str));
            self.repo.push(&self.remote, &new, &request.source, over)?;
        }
        let prefix = &self.ready.config.pr.title_prefix;
        self.forge.update(number, &title(group, &units, prefix), &description(group, &units))?;
        Ok(vec![format!("refreshed request {number}: {}", line(&request.url))])
    }

    fn open(&self, group: &Group, branch: &str) -> Result<Vec<String>, Failure> {
        let Some((units, new)) = self.make(group)? else {
            return Ok(vec![format!("no request for {}: its fixes do not pass the gates alone", line(&group.name))]);
        };
        // A run that died between the push and the request left the branch: it is not pushed again.
        let tip = self.branches.get(branch);
        if let Some(tip) = tip.filter(|t| !self.is_ours(t)) {
            return Err(Failure::failed(format!(
                "the branch {branch} holds the work of somebody else ({})",
                short(tip)
            )));
        }
        if !self.pushed(tip, &new)? {
            let over = Over::Exactly(tip.map(String::as_str));
            self.repo.push(&self.remote, &new, branch, over)?;
        }
        let c = &self.ready.config.pr;
        let mut reviewers = c.reviewers.clone();
        if c.codeowners != Some(false) {
            reviewers.extend(self.owners(&units));
        }
        reviewers.sort();
        reviewers.dedup();
        let request = NewRequest {
            source: branch.to_string(),
            target: self.base.to_string(),
            title: title(group, &units, &c.title_prefix),
            body: description(group, &units),
            draft: c.draft,
            labels: c.labels.clone(),
            reviewers,
        };
        let (made, notes) = match self.forge.open(&request) {
            Ok(made) => made,
            Err(e) => {
                // The answer may have been lost on the way back.
                let there = self.forge.requests(branch).unwrap_or_default();
                let open = |r: &&Request| r.source == branch && r.state == surefix_deliver::forge::State::Open;
                match there.iter().find(open) {
                    Some(r) => (r.clone(), Vec::new()),
                    None => return Err(e.into()),
                }
            }
        };
        let mut said = vec![format!("opened request {}: {}", made.number, line(&made.url))];
        said.extend(notes.iter().map(|n| format!("note: {}", line(n))));
        Ok(said)
    }

    /// Makes the commits of a group on top of the base; the gates are asked again for these fixes alone.
    fn make(&self, group: &Group) -> Result<Option<(Vec<Unit>, String)>, Failure> {
        let only: BTreeSet<String> = group.findings.iter().cloned().collect();
        self.copy.tree.reset(&self.commit)?;
        let scoped = self.settings.clone().with_scope(Scope::Only(only), "not part of this request");
        let outcome = self.copy.fix(self.ready, &scoped, self.building, |f| self.past.taken_back(f))?;
        if !outcome.findings.iter().any(|f| matches!(f.verdict, Verdict::Fixed(_))) {
            return Ok(None);
        }
        let mut list = units(&outcome, split(self.ready, None));
        self.past.regressions(&outcome, &mut list);
        let prefix = self.ready.in_git.as_deref().unwrap_or("");
        let new = commit(&self.copy.tree, prefix, &list, &style(self.ready, true)?)?;
        Ok(Some((list, new)))
    }

    /// True when the branch already holds the same files on top of the same base.
    fn pushed(&self, tip: Option<&String>, new: &str) -> Result<bool, GitError> {
        let Some(tip) = tip else { return Ok(false) };
        let git = &self.repo.git;
        let base = git.maybe(&["merge-base", "--end-of-options", tip, &self.commit]);
        Ok(base.as_deref() == Some(self.commit.as_str()) && git.tree(tip)? == git.tree(new)?)
    }

    fn owners(&self, units: &[Unit]) -> Vec<String> {
        let git = &self.repo.git;
        let file =
            PLACES.iter().find_map(|p| git.maybe(&["show", "--end-of-options", &format!("{}:{p}", self.commit)]));
        let Some(text) = file else { return Vec::new() };
        let prefix =
            self.ready.in_git.as_deref().filter(|p| !p.is_empty()).map(|p| format!("{p}/")).unwrap_or_default();
        let files: BTreeSet<String> =
            units.iter().flat_map(|u| u.files.keys().map(|p| format!("{prefix}{p}"))).collect();
        Owners::parse(&text).of(files.iter().map(String::as_str))
    }
}
