//! Delivery from the command line: commits, requests, the pipeline step, and the files that set it up.

pub mod ci;
pub mod commit;
pub mod init;
pub mod pr;

use crate::args::{Building, SplitArg, Unproven};
use crate::run::{Ready, talk};
use crate::{Failure, verify};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use surefix_deliver::commit::{Author, CommitStyle};
use surefix_deliver::compose::{Split, Unit};
use surefix_deliver::git::{Git, GitError, TOKENS};
use surefix_deliver::history::{Earlier, earlier, touches};
use surefix_deliver::http::ForgeError;
use surefix_deliver::platform::Env;
use surefix_deliver::repo::{Repo, Worktree};
use surefix_deliver::secret::{Scrubber, Secret};
use surefix_engine::config::SplitConfig;
use surefix_engine::{Depth, Finding, Outcome, Scope, Settings, Verdict};
use surefix_report::escape::line;
use surefix_report::pipeline;
use surefix_text::{Reason, Refusal};

impl From<GitError> for Failure {
    fn from(e: GitError) -> Failure {
        match e {
            // Nothing was done; the user has to do something first.
            GitError::State(_) | GitError::TooOld(_) => Failure::usage(e),
            _ => Failure::failed(e),
        }
    }
}

impl From<ForgeError> for Failure {
    fn from(e: ForgeError) -> Failure {
        match e {
            ForgeError::Settings(_) => Failure::usage(e),
            _ => Failure::failed(e),
        }
    }
}

/// How what is delivered is built and tested; `None`: not at all, as was asked for.
pub fn proven(unproven: Unproven, building: &Building) -> Result<Option<&Building>, Failure> {
    if building.proof.is_some() {
        return Err(Failure::usage(
            "--proof goes with a `surefix fix` that writes files; a commit carries its evidence itself",
        ));
    }
    Ok((!unproven.no_verify).then_some(building))
}

/// Git for the project, with every token of the environment hidden in messages.
pub fn git(ready: &Ready, env: &Env) -> Git {
    let secrets: Vec<Secret> = TOKENS.iter().filter_map(|n| Secret::new(env.get(n)?)).collect();
    Git::new(&ready.root).hiding(Scrubber::new(&secrets))
}

/// How commits are made; `bot`: somebody commits even where git knows nobody.
pub fn style(ready: &Ready, bot: bool) -> Result<CommitStyle, Failure> {
    let c = &ready.config.commit;
    let author = match &c.author {
        None => None,
        Some(text) => Some(
            Author::parse(text)
                .ok_or_else(|| Failure::usage(format!("[commit] author: `{}` is not `Name <mail>`", line(text))))?,
        ),
    };
    let fallback = bot.then(|| Author { name: "Surefix".to_string(), mail: "surefix@localhost".to_string() });
    Ok(CommitStyle { prefix: c.prefix.clone(), author, sign_off: c.sign_off, fallback })
}

/// How fixes are spread over commits.
pub fn split(ready: &Ready, flag: Option<SplitArg>) -> Split {
    match flag {
        Some(SplitArg::PerFix) => Split::PerFix,
        Some(SplitArg::PerRule) => Split::PerRule,
        Some(SplitArg::Single) => Split::Single,
        Some(SplitArg::AsConfigured) | None => match ready.config.commit.split {
            Some(SplitConfig::PerRule) => Split::PerRule,
            Some(SplitConfig::Single) => Split::Single,
            Some(SplitConfig::PerFix) | None => Split::PerFix,
        },
    }
}

/// A commit of the project, checked out beside the user's files.
pub struct Checkout {
    /// The work tree.
    pub tree: Worktree,
    /// The project's root in it.
    pub root: PathBuf,
    /// What was given, in it.
    pub paths: Vec<PathBuf>,
}

impl Checkout {
    /// Checks a commit out.
    pub fn new(ready: &Ready, repo: &Repo, commit: &str) -> Result<Checkout, Failure> {
        let tree = repo.worktree(commit)?;
        let root = tree.path().join(ready.in_git.as_deref().unwrap_or(""));
        let mut paths = Vec::new();
        for p in &ready.paths {
            let full = p
                .canonicalize()
                .map_err(|_| Failure::usage(format!("no such file or directory: {}", line(&p.to_string_lossy()))))?;
            let inside = full.strip_prefix(&ready.root).unwrap_or(std::path::Path::new(""));
            paths.push(root.join(inside));
        }
        Ok(Checkout { tree, root, paths })
    }

    /// Analyses what is checked out.
    pub fn scan(&self, ready: &Ready, settings: &Settings, depth: Depth) -> Result<Outcome, Failure> {
        let there: Vec<PathBuf> = self.paths.iter().filter(|p| p.exists()).cloned().collect();
        if there.is_empty() {
            return Err(Failure::usage("nothing of what was given is in the commit"));
        }
        ready.scan_in(Some(&self.root), &there, settings, depth)
    }

    /// As [`Checkout::scan`], but fixes that `hold` has a reason against are not made: their findings are `fixable`, with the
    /// reason. The answer of the first run is asked, and the second one leaves these out, so that nothing relies on them.
    pub fn in_memory(
        &self,
        ready: &Ready,
        settings: &Settings,
        hold: &dyn Fn(&Finding) -> Option<String>,
    ) -> Result<Outcome, Failure> {
        let mut held: BTreeMap<String, (Finding, String)> = BTreeMap::new();
        loop {
            let without: BTreeSet<String> = held.keys().cloned().collect();
            let scoped = settings.clone().with_scope(Scope::Without(without), "held back");
            let mut outcome = self.scan(ready, &scoped, Depth::Full)?;
            let before = held.len();
            for f in &outcome.findings {
                if matches!(f.verdict, Verdict::Fixed(_))
                    && let Some(why) = hold(f)
                {
                    held.insert(f.fingerprint.clone(), (f.clone(), why));
                }
            }
            if held.len() > before {
                continue;
            }
            for f in &mut outcome.findings {
                if let Some((first, why)) = held.get(&f.fingerprint)
                    && let Verdict::Fixed(fix) = &first.verdict
                {
                    let policy = Some(Refusal::new(Reason::Conflict, why.clone()));
                    f.verdict = Verdict::Fixable { fix: fix.clone(), policy };
                }
            }
            return Ok(outcome);
        }
    }
}

impl Checkout {
    /// Analyses what is checked out, and makes the fixes that `hold` has no reason against; they are built and tested as well
    /// unless `building` is `None`.
    pub fn fix(
        &self,
        ready: &Ready,
        settings: &Settings,
        building: Option<&Building>,
        hold: impl Fn(&Finding) -> Option<String>,
    ) -> Result<Outcome, Failure> {
        let outcome = self.in_memory(ready, settings, &hold)?;
        self.prove(ready, settings, building, &hold, outcome)
    }

    /// Builds and tests the fixes of an outcome; what was done is told on standard error.
    pub fn prove(
        &self,
        ready: &Ready,
        settings: &Settings,
        building: Option<&Building>,
        hold: &dyn Fn(&Finding) -> Option<String>,
        outcome: Outcome,
    ) -> Result<Outcome, Failure> {
        let Some(building) = building else { return Ok(outcome) };
        if outcome.changed.is_empty() {
            return Ok(outcome);
        }
        let mut rescan = |verdicts| {
            let settings = settings.clone().withhold(verdicts);
            self.in_memory(ready, &settings, hold).map_err(|f| f.message)
        };
        let (outcome, account) = verify::verified_in(ready, &self.root, building, outcome, &mut rescan)?;
        talk(&pipeline::inert(&verify::told(&outcome, &account)));
        Ok(outcome)
    }
}

/// What the history says of findings.
pub struct Past {
    git: Git,
    prefix: String,
    fixes: BTreeMap<String, Earlier>,
}

impl Past {
    /// That of a commit.
    pub fn new(ready: &Ready, repo: &Repo, commit: &str) -> Result<Past, Failure> {
        let fixes = earlier(&repo.git, commit)?;
        Ok(Past { git: repo.git.clone(), prefix: ready.in_git.clone().unwrap_or_default(), fixes })
    }

    /// The fix that a finding had before. Code that is alike in several files can share a fingerprint over time: only a commit
    /// that changed the finding's own file counts.
    fn of(&self, fingerprint: &str, path: &str) -> Option<&Earlier> {
        let e = self.fixes.get(fingerprint)?;
        touches(&self.git, &e.commit, &below(&self.prefix, path)).then_some(e)
    }

    /// Why a fix is not made again: a person took it back.
    pub fn taken_back(&self, f: &Finding) -> Option<String> {
        let e = self.of(&f.fingerprint, &f.path)?;
        let by = e.reverted_by.as_ref()?;
        Some(format!("the fix of commit {} was taken back by commit {}", short(&e.commit), short(by)))
    }

    /// Notes in units which flaws had been fixed before, and says so of all findings that are there.
    pub fn regressions(&self, outcome: &Outcome, units: &mut [Unit]) -> Vec<String> {
        for i in units.iter_mut().flat_map(|u| &mut u.items) {
            i.regression = self.of(&i.fingerprint, &i.path).map(|e| short(&e.commit).to_string());
        }
        outcome
            .findings
            .iter()
            .filter(|f| f.verdict.remains() || matches!(f.verdict, Verdict::Fixed(_)))
            .filter_map(|f| {
                let e = self.of(&f.fingerprint, &f.path)?;
                Some(format!("{} in {} is back: commit {} had fixed it", f.rule.id, line(&f.path), short(&e.commit)))
            })
            .collect()
    }
}

/// A path of the project from the top of its repository.
pub fn below(prefix: &str, path: &str) -> String {
    if prefix.is_empty() { path.to_string() } else { format!("{prefix}/{path}") }
}

/// The usual beginning of a commit's id.
pub fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}

/// `1 fix`, `2 fixes`.
pub fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}
