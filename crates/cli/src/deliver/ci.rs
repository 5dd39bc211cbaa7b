//! `surefix ci`: where it runs, what it may do there, and what it leaves behind.

use super::pr::{access, backlog, branch_prefix};
use super::{Checkout, Past, count, git, proven, short, split, style};
use crate::args::{Building, Ci, Color, Common, Format};
use crate::run::{Ready, exit_code, prepare, print, render, report, talk};
use crate::{FAILED, Failure};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Component, Path, PathBuf};
use surefix_deliver::commit::commit;
use surefix_deliver::compose::{Split, Unit, alone, units};
use surefix_deliver::forge::Access;
use surefix_deliver::history::is_ours;
use surefix_deliver::novelty::old;
use surefix_deliver::platform::{Env, Event, Platform, Surroundings, surroundings};
use surefix_deliver::push::Over;
use surefix_deliver::range::Range;
use surefix_deliver::repo::Repo;
use surefix_deliver::requests::Mark;
use surefix_deliver::suggest::suggestions;
use surefix_engine::discover::{io_text, role};
use surefix_engine::{Depth, Finding, Outcome, Scope};
use surefix_report::escape::{line, markdown};
use surefix_report::pipeline;
use surefix_report::terminal::Look;

/// What the step came to.
struct Done {
    outcome: Outcome,
    /// What was done, in words; one line each.
    steps: Vec<String>,
    /// What went wrong beside the findings.
    errors: Vec<String>,
    /// Commits were pushed.
    pushed: bool,
}

/// A run with all that it knows.
struct Step<'a> {
    args: &'a Ci,
    ready: &'a Ready,
    repo: &'a Repo,
    around: &'a Surroundings,
    building: Option<&'a Building>,
    access: Option<Access>,
    remote: Option<String>,
    main: Option<String>,
}

/// `surefix ci`.
pub fn run(args: Ci, choice: Color) -> Result<u8, Failure> {
    let building = proven(args.unproven, &args.building)?;
    let ready = prepare(args.paths.clone(), &args.common, args.tier.map(Into::into))?;
    let env = Env::of_process();
    let mut around = surroundings(&env, |f| std::fs::read(f).ok());
    let mut repo = Repo::open(&git(&ready, &env))?;
    let access = access(&ready, &repo, &around)?;
    repo.login = access.as_ref().map(Access::login);
    let remote = repo.remote(ready.config.pr.remote.as_deref())?;
    let main = ready.config.ci.main.clone().or(around.main.clone());
    let main = main.or_else(|| repo.default_branch(remote.as_deref())).or_else(|| {
        // What a forge calls the main branch when nobody says otherwise.
        ["main", "master"].into_iter().find(|b| repo.branch_commit(None, b).is_some()).map(str::to_string)
    });
    if around.platform == Platform::Plain
        && let Some(b) = &repo.branch
    {
        around.event = Event::Branch(b.clone());
    }
    let step = Step { args: &args, ready: &ready, repo: &repo, around: &around, building, access, remote, main };
    talk(&format!("{}: {}\n", around.platform.name(), step.what()));
    let mut done = step.work()?;
    if !done.pushed {
        done.outcome = done.outcome.as_preview();
    }
    let out = step.leave(&done)?;
    // What is printed is read by the runner, which takes some lines for commands.
    let plain = Look { color: false, all: args.common.all, diffs: false };
    if args.common.format == Format::Text && args.common.output.is_none() {
        let body = String::from_utf8_lossy(&render(Format::Text, &done.outcome, step.prefix(), plain)).into_owned();
        print(pipeline::inert(&body).as_bytes())?;
        let file = out.join("surefix.txt");
        anew(&file, b"").map_err(|e| Failure::failed(format!("surefix.txt: {}", io_text(&e))))?;
        let quiet = Common { output: Some(file), ..args.common.clone() };
        report(&ready, &done.outcome, &quiet, choice, Format::Text, false)?;
    } else {
        report(&ready, &done.outcome, &args.common, choice, args.common.format, false)?;
    }
    match around.platform {
        Platform::GitHub => talk(&pipeline::github(&done.outcome, step.prefix())),
        Platform::Azure => talk(&pipeline::azure(&done.outcome, step.prefix())),
        _ => {}
    }
    for s in &done.steps {
        talk(&pipeline::inert(&format!("{s}\n")));
    }
    for e in &done.errors {
        talk(&pipeline::inert(&format!("error: {e}\n")));
    }
    if !done.errors.is_empty() || done.outcome.failed() {
        return Ok(FAILED);
    }
    Ok(exit_code(&done.outcome, &ready.settings, done.pushed, done.pushed, args.exit_non_zero_on_fix))
}

impl Step<'_> {
    fn prefix(&self) -> &str {
        self.ready.in_git.as_deref().unwrap_or("")
    }

    /// How fixes are built and tested; not at all where nothing is delivered: a stranger's build is not run for a patch.
    fn building(&self) -> Option<&Building> {
        let fork = matches!(self.around.event, Event::Request { fork: true, .. });
        self.building.filter(|_| !self.args.no_write && !fork)
    }

    fn what(&self) -> String {
        match &self.around.event {
            Event::Request { number, fork, .. } => {
                format!("request {number}{}", if *fork { " of a fork (nothing is written)" } else { "" })
            }
            Event::Branch(b) => format!("branch {}", line(b)),
            Event::Other => "no branch".to_string(),
        }
    }

    fn work(&self) -> Result<Done, Failure> {
        let prefix = branch_prefix(self.ready)?;
        match &self.around.event {
            Event::Request { number, source, target, head, fork } => {
                let target = target.clone().or(self.main.clone()).ok_or_else(|| {
                    Failure::usage("the branch that the request goes to is not known: set `[ci] main`")
                })?;
                let ours = source.as_ref().is_some_and(|s| s.starts_with(&prefix));
                let tip = self.tip(source.as_deref(), head.as_deref(), *number);
                // A merge that the platform made is judged, but nothing can be put on top of it.
                let known = tip.is_some();
                let tip = tip.unwrap_or(self.repo.head.clone());
                let write = !*fork && !ours && known && !self.args.no_write;
                self.change(&tip, &target, source.as_deref().filter(|_| write), Some(*number).filter(|_| write))
            }
            Event::Branch(b) if Some(b) == self.main.as_ref() => self.on_main(b),
            Event::Branch(_) | Event::Other => match &self.main {
                Some(main) => self.change(&self.repo.head, &main.clone(), None, None),
                None => self.all(),
            },
        }
    }

    /// The tip of a request's branch.
    fn tip(&self, source: Option<&str>, head: Option<&str>, number: u64) -> Option<String> {
        let remote = self.remote.as_deref();
        if let Some(head) = head {
            if let Some(c) = self.repo.bring(remote, head) {
                return Some(c);
            }
            if self.around.platform == Platform::GitHub {
                let all = self.repo.fetch(remote?, &format!("refs/pull/{number}/head"));
                return all.filter(|c| c == head);
            }
        }
        let source = source?;
        remote.and_then(|r| self.repo.fetch(r, &format!("refs/heads/{source}")))
    }

    /// Judges what a change brings; with a branch to write to, fixes it there.
    fn change(&self, tip: &str, target: &str, branch: Option<&str>, number: Option<u64>) -> Result<Done, Failure> {
        let (repo, ready) = (self.repo, self.ready);
        let remote = self.remote.as_deref();
        let fetched = remote.and_then(|r| repo.fetch(r, &format!("refs/heads/{target}")));
        let Some(onto) = fetched.or_else(|| repo.branch_commit(remote, target)) else {
            return Err(Failure::failed(format!("the branch {} is not here and cannot be fetched", line(target))));
        };
        let range = repo.range(remote, tip, &onto)?;
        let copy = Checkout::new(ready, repo, &range.base)?;
        let before = if self.args.all_findings { Vec::new() } else { self.before(&copy, &range)? };
        copy.tree.reset(&range.tip)?;
        let past = Past::new(ready, repo, &range.tip)?;
        let known = |prints: BTreeSet<String>| {
            let settings = ready.settings.clone();
            settings.with_scope(Scope::Without(prints), "not introduced by this change")
        };
        let first: BTreeSet<String> = before.iter().map(|f| f.fingerprint.clone()).collect();
        let hold = |f: &Finding| past.taken_back(f);
        let mut outcome = copy.in_memory(ready, &known(first.clone()), &hold)?;
        let really = old(&before, &outcome.findings);
        let by_print = outcome.findings.iter().map(|f| &f.fingerprint).filter(|f| first.contains(*f));
        let settings = known(really.clone());
        if by_print.cloned().collect::<BTreeSet<String>>() != really {
            outcome = copy.in_memory(ready, &settings, &hold)?;
        }
        // A patch for a reader is not worth a build.
        let building = self.building().filter(|_| branch.is_some());
        let outcome = copy.prove(ready, &settings, building, &hold, outcome)?;
        let mut list = units(&outcome, split(ready, None));
        let mut done =
            Done { steps: past.regressions(&outcome, &mut list), outcome, errors: Vec::new(), pushed: false };
        if list.is_empty() {
            return Ok(done);
        }
        let config = &ready.config.ci;
        let own = is_ours(&repo.git, &range.tip);
        if own {
            // What is on top of our own commit waits for a person: a step that answers itself never ends.
            done.steps.push("the last commit is Surefix's own; nothing is committed on top of it".to_string());
        }
        if let (Some(branch), Some(remote), false, true) = (branch, remote, own, config.commit != Some(false)) {
            let style = style(ready, true)?;
            let made = commit(&copy.tree, self.prefix(), &list, &style);
            match made.and_then(|new| repo.push(remote, &new, branch, Over::Ancestor).map(|()| new)) {
                Ok(new) => {
                    done.pushed = true;
                    let n = count(list.len(), "commit", "commits");
                    done.steps.push(format!("pushed {n} to {}, up to {}", line(branch), short(&new)));
                    return Ok(done);
                }
                Err(e) => done.steps.push(format!("the fixes are not on the branch: {e}")),
            }
        }
        if let (Some(access), Some(number), true) = (&self.access, number, config.suggestions != Some(false)) {
            match self.suggest(access, number, &range, &done.outcome) {
                Ok(said) => done.steps.push(said),
                Err(e) => done.steps.push(format!("no suggestions were made: {}", e.message)),
            }
        }
        Ok(done)
    }

    /// Findings that were there before the change.
    fn before(&self, copy: &Checkout, range: &Range) -> Result<Vec<Finding>, Failure> {
        let paths = self.repo.changed_paths(&range.base, &range.tip)?;
        // Nothing that is analysed changed: what is there now was there before.
        let relevant = paths.iter().any(|p| role(p).is_some() || !p.rsplit('/').next().unwrap_or(p).contains('.'));
        if !relevant {
            copy.tree.reset(&range.tip)?;
        }
        let outcome = match copy.scan(self.ready, &self.ready.settings, Depth::Detect) {
            // Before the change there was nothing to analyse.
            Err(e) if e.code == crate::USAGE => return Ok(Vec::new()),
            other => other?,
        };
        Ok(outcome.findings)
    }

    /// Offers the fixes on the lines that the request changes.
    fn suggest(&self, access: &Access, number: u64, range: &Range, outcome: &Outcome) -> Result<String, Failure> {
        let before: BTreeMap<String, Vec<u8>> =
            outcome.changed.iter().map(|c| (c.path.clone(), c.before.clone())).collect();
        // Each unit is offered on top of the request's version, not on top of the others.
        let list: Vec<Unit> = units(outcome, Split::PerFix).iter().filter_map(|u| alone(outcome, u)).collect();
        let all = suggestions(self.repo, range, &list, &before, self.prefix())?;
        let forge = access.forge()?;
        let there: BTreeSet<String> =
            forge.comments(number)?.iter().filter_map(|c| Mark::read(c)).flat_map(|m| m.findings).collect();
        let new: Vec<_> = all
            .into_iter()
            .filter(|s| Mark::read(&s.note).is_some_and(|m| !m.findings.iter().all(|f| there.contains(f))))
            .collect();
        if new.is_empty() {
            return Ok("no new suggestions: they are there already, or lie outside of the changed lines".to_string());
        }
        forge.suggest(number, range, &new)?;
        Ok(format!("offered {}", count(new.len(), "suggestion", "suggestions")))
    }

    /// The main branch: the backlog as requests.
    fn on_main(&self, main: &str) -> Result<Done, Failure> {
        let wanted = self.ready.config.ci.requests != Some(false) && !self.args.no_write;
        match &self.access {
            Some(access) if wanted => {
                let base = self.ready.config.pr.base.clone().unwrap_or(main.to_string());
                let done = backlog(self.ready, self.repo, access, &base, self.building(), false)?;
                Ok(Done { outcome: done.outcome, steps: done.steps, errors: done.errors, pushed: false })
            }
            _ => {
                let mut done = self.all()?;
                if wanted {
                    done.steps.push("no requests were opened: there is no token (SUREFIX_TOKEN)".to_string());
                }
                Ok(done)
            }
        }
    }

    /// Everything that is checked in.
    fn all(&self) -> Result<Done, Failure> {
        let copy = Checkout::new(self.ready, self.repo, &self.repo.head)?;
        let outcome = copy.fix(self.ready, &self.ready.settings, None, |_| None)?;
        Ok(Done { outcome, steps: Vec::new(), errors: Vec::new(), pushed: false })
    }

    /// Writes reports and patch, and the job's summary; the folder is the answer.
    fn leave(&self, done: &Done) -> Result<PathBuf, Failure> {
        let name = self.ready.config.ci.output.as_deref().unwrap_or("surefix-report");
        // The settings come with the code, which may be a stranger's: nothing is written outside of the project or through a link.
        let inside = Path::new(name).components().all(|c| matches!(c, Component::Normal(_)));
        let dir = self.ready.root.join(name);
        let way = dir.ancestors().take_while(|d| *d != self.ready.root);
        let linked = way.into_iter().any(|d| d.symlink_metadata().is_ok_and(|m| m.is_symlink()));
        if name.is_empty() || !inside || linked {
            return Err(Failure::usage("[ci] output: a folder inside of the project that is no link"));
        }
        let fail = |p: &Path, e: std::io::Error| {
            Failure::failed(format!("{}: cannot be written: {}", line(&p.to_string_lossy()), io_text(&e)))
        };
        std::fs::create_dir_all(&dir).map_err(|e| fail(&dir, e))?;
        let shown = &done.outcome;
        let plain = Look::default();
        let files =
            [("surefix.sarif", Format::Sarif), ("surefix.json", Format::Json), ("surefix.patch", Format::Patch)];
        for (name, format) in files {
            let path = dir.join(name);
            anew(&path, &render(format, shown, self.prefix(), plain)).map_err(|e| fail(&path, e))?;
        }
        if self.around.platform == Platform::GitLab {
            let path = dir.join("gl-code-quality-report.json");
            let text = pipeline::code_quality(shown, self.prefix());
            anew(&path, text.as_bytes()).map_err(|e| fail(&path, e))?;
        }
        let mut text = surefix_report::markdown::render(shown);
        if !done.steps.is_empty() || !done.errors.is_empty() {
            text.push_str("\n## What was done\n\n");
            text.extend(done.steps.iter().map(|s| format!("- {}\n", markdown(s))));
            text.extend(done.errors.iter().map(|e| format!("- error: {}\n", markdown(e))));
        }
        let path = dir.join("surefix.md");
        anew(&path, text.as_bytes()).map_err(|e| fail(&path, e))?;
        if let Some(file) = &self.around.summary {
            // The runner takes a megabyte at most.
            let short: String = text.chars().take(200_000).collect();
            let path = Path::new(file);
            std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .and_then(|mut f| f.write_all(short.as_bytes()))
                .map_err(|e| fail(path, e))?;
        }
        Ok(dir)
    }
}

/// Writes a file that is new, whatever stood there.
fn anew(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    std::fs::OpenOptions::new().write(true).create_new(true).open(path)?.write_all(bytes)
}
