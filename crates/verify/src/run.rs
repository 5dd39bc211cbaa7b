//! The whole verification of a run's fixes, from the plan to the evidence.

use crate::cache;
use crate::find::{Facts, find};
use crate::judge::{StepRun, Worse};
use crate::keep::{self, Kept};
use crate::plan::{Plan, Serves};
use crate::probe::{self, Probes, Says};
use crate::sandbox::{Machine, Policy, Sandbox, Walls};
use crate::scratch::Scratch;
use crate::session::{Baseline, Session, Sifted};
use crate::tester::Project;
use crate::units::Units;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use surefix_engine::config::VerifyConfig;
use surefix_engine::{Gate, Outcome, Verdict};

/// What is asked for.
pub struct Request<'a> {
    /// Root of the project.
    pub root: &'a Path,
    /// Its settings.
    pub config: &'a VerifyConfig,
    /// What commands may do.
    pub policy: Policy,
    /// Refuse to run without every wall.
    pub required: bool,
    /// Keep the probes as regression tests of the project where that can be done.
    pub with_tests: bool,
    /// The machine.
    pub machine: Machine,
    /// The program that is its own helper.
    pub helper: &'a Path,
    /// Where runs and baselines are kept.
    pub store: PathBuf,
}

/// Why nothing could be verified.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A wall is missing, and all were required.
    #[error("the sandbox is not complete, and --sandbox=required: {}", .0.join("; "))]
    Sandbox(Vec<String>),
    /// The directory of the run.
    #[error("no directory for the run below {0}: {1}")]
    Scratch(PathBuf, std::io::Error),
    /// The analysis of the rest failed.
    #[error("{0}")]
    Rescan(String),
}

/// What came out, beside the verdicts.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// What was run.
    pub plan: Plan,
    /// Why steps could not tell anything, by index.
    pub useless: BTreeMap<usize, String>,
    /// Tests that changed their answer without a change, by the id of their step.
    pub flaky: Vec<(String, String)>,
    /// What failed before, by the id of the step.
    pub red: Vec<(String, usize)>,
    /// Runs of single steps.
    pub runs: usize,
    /// The baseline came from the cache.
    pub cached: bool,
    /// Walls.
    pub walls: Walls,
    /// What could not be isolated.
    pub missing: Vec<String>,
    /// Time spent in the project's commands.
    pub commands: Duration,
    /// Time spent in all.
    pub total: Duration,
    /// Fixes whose probe passed, and those that could not be probed.
    pub probed: (usize, usize),
    /// What became of the wish for regression tests, by finding; `None`: nobody wished.
    pub kept: Option<Kept>,
    /// Number of passed and failed results of each step at the end, where it has single results.
    pub results: BTreeMap<usize, (usize, usize)>,
}

/// Rounds of dropping and analysing the rest anew.
const ROUNDS: usize = 50;

/// The plan alone.
pub fn plan(request: &Request<'_>) -> Plan {
    find(&facts(request), request.config)
}

fn facts(request: &Request<'_>) -> Facts {
    let path = std::env::join_paths(&request.machine.path).ok();
    Facts::look(request.root, path.as_deref(), request.machine.home_dirs().cloned().collect(), request.policy.network)
}

/// Builds and tests the fixes of an outcome; those that make something worse get the verdict `rejected`, and the rest is
/// analysed anew by `rescan` (which is told the verdicts to keep) and verified once more.
pub fn verify(
    request: &Request<'_>,
    mut outcome: Outcome,
    rescan: &mut dyn FnMut(BTreeMap<String, Verdict>) -> Result<Outcome, String>,
    progress: &mut dyn FnMut(&str),
) -> Result<(Outcome, Account), Error> {
    let began = Instant::now();
    let facts = facts(request);
    let plan = find(&facts, request.config);
    let mut account = Account { plan: plan.clone(), ..Account::default() };
    let any = outcome.findings.iter().any(|f| matches!(f.verdict, Verdict::Fixed(_)));
    if !any {
        account.total = began.elapsed();
        return Ok((outcome, account));
    }
    if plan.steps.is_empty() {
        let mut none = |_: &str| {};
        let mut nobody = Nobody;
        let session = Session::new(&plan, &mut nobody, Some(Baseline::default()), &mut none);
        evidence(&mut outcome, &session);
        account.total = began.elapsed();
        return Ok((outcome, account));
    }
    let scratch = Scratch::make(&request.store).map_err(|e| Error::Scratch(request.store.clone(), e))?;
    let trial = scratch.part("trial").map_err(|e| Error::Scratch(request.store.clone(), e))?;
    let sandbox = Sandbox::new(request.helper, request.policy.clone(), request.machine.clone(), &trial);
    account.walls = sandbox.walls().clone();
    account.missing = sandbox.walls().missing(request.policy.network);
    if request.machine.home_dirs().any(|h| h.starts_with(request.root)) {
        account.missing.push("the home directory is a part of the project and can be read".to_string());
    }
    if request.required && !account.missing.is_empty() {
        return Err(Error::Sandbox(account.missing));
    }
    let key = cache::key(&facts, &plan, sandbox.walls(), request.policy.network);
    let known = cache::load(&request.store, &key);
    account.cached = known.is_some();
    let mut project =
        Project { root: request.root, plan: &plan, sandbox: &sandbox, scratch: &scratch, spent: Duration::ZERO };
    let mut session = Session::new(&plan, &mut project, known, progress);
    if session.learned {
        cache::save(&request.store, &key, &session.baseline);
    }
    let mut withheld: BTreeMap<String, Verdict> = BTreeMap::new();
    let usable = session.usable();
    let mut last: BTreeMap<usize, StepRun> = BTreeMap::new();
    let mut prober =
        Project { root: request.root, plan: &plan, sandbox: &sandbox, scratch: &scratch, spent: Duration::ZERO };
    let probing = request.config.probes.unwrap_or(true);
    let mut probes = Probes::default();
    let mut says: BTreeMap<usize, Says> = BTreeMap::new();
    for round in 0.. {
        let units = Units::new(&outcome);
        if units.list.is_empty() {
            // Nothing is left: the state is the one before.
            last.clear();
            says.clear();
            break;
        }
        let mut sifted = Sifted::default();
        if !usable.is_empty() {
            sifted = session.sift(units.list.len(), &|set| units.texts(set), true);
            last = std::mem::take(&mut sifted.last);
        }
        let mut reached = Vec::new();
        if sifted.dropped.is_empty() {
            let all: Vec<usize> = (0..units.list.len()).collect();
            if probing {
                says = probes.run(&mut prober, &outcome, &units.texts(&all), &mut |text| (session.progress)(text));
            }
            reached = probe::failed(&says);
            if reached.is_empty() {
                break;
            }
        }
        let mut refuse = |findings: Vec<usize>, gate: Gate, detail: &str| {
            for f in findings.iter().filter_map(|i| outcome.findings.get(*i)) {
                if let Verdict::Fixed(a) = &f.verdict {
                    let verdict = Verdict::Rejected { title: a.title.clone(), gate, detail: detail.to_string() };
                    withheld.insert(f.fingerprint.clone(), verdict);
                }
            }
        };
        for d in &sifted.dropped {
            let gate = plan.steps.get(d.step).map_or(Gate::Tests, |s| s.serves.gate());
            let findings = units.findings(&d.units);
            let names: Vec<&str> =
                findings.iter().filter_map(|i| Some(outcome.findings.get(*i)?.fingerprint.as_str())).collect();
            let detail = detail(&plan, d.step, &d.worse, d.units.len(), &names);
            refuse(findings, gate, &detail);
        }
        for (finding, place) in reached {
            let detail = format!("the probe's attack still reaches the sink after the fix ({place})");
            refuse(vec![finding], Gate::Probe, &detail);
        }
        if round + 1 >= ROUNDS {
            let all: Vec<usize> = (0..units.list.len()).collect();
            refuse(units.findings(&all), Gate::Tests, "the rest of the fixes could not be verified together");
        }
        outcome = rescan(withheld.clone()).map_err(Error::Rescan)?;
        if round + 1 >= ROUNDS {
            // Whatever the analysis offers in the place of what was refused has not been verified.
            unverified(&mut outcome);
            break;
        }
    }
    evidence(&mut outcome, &session);
    account.probed = probe::record(&mut outcome, &says, probing);
    if request.with_tests {
        let texts = outcome.changed.iter().map(|c| (c.path.clone(), c.after.clone())).collect();
        let kept = keep::keep(&mut session, &mut prober, &facts, &outcome, &texts, &says, &probes);
        outcome.add_tests(kept.tests.clone());
        account.kept = Some(kept);
    }
    if session.learned {
        cache::save(&request.store, &key, &session.baseline);
    }
    account.runs = session.runs;
    for (i, step) in plan.steps.iter().enumerate() {
        if let Some(why) = session.useless(i) {
            account.useless.insert(i, why);
        }
        account.flaky.extend(session.baseline.flaky[i].iter().map(|t| (step.id.clone(), t.clone())));
        let before = session.baseline.steps.get(i).and_then(|s| s.results.as_ref());
        if let Some(n) = before.map(crate::results::Results::failed).filter(|n| *n > 0) {
            account.red.push((step.id.clone(), n));
        }
        if let Some(r) = last.get(&i).and_then(|s| s.results.as_ref()).or(before) {
            account.results.insert(i, (r.passed(), r.failed()));
        }
    }
    account.commands = project.spent + prober.spent;
    account.total = began.elapsed();
    Ok((outcome, account))
}

/// Nobody runs anything.
struct Nobody;

impl crate::session::Tester for Nobody {
    fn run(&mut self, _: &crate::units::Texts, _: &[usize]) -> Vec<StepRun> {
        Vec::new()
    }
}

fn unverified(outcome: &mut Outcome) {
    for f in &mut outcome.findings {
        if let Verdict::Fixed(a) = &f.verdict {
            let detail = "the rest of the fixes could not be verified together".to_string();
            f.verdict = Verdict::Rejected { title: a.title.clone(), gate: Gate::Tests, detail };
        }
    }
    outcome.changed.clear();
}

/// Characters of output that a verdict carries.
const SAID: usize = 4000;

/// What a refused fix is told: the command, the test, its words, and whether it is to blame alone.
fn detail(plan: &Plan, step: usize, worse: &[Worse], units: usize, findings: &[&str]) -> String {
    let command = plan.steps.get(step).map_or_else(String::new, |s| s.shown());
    let mut out = match worse.iter().filter(|w| w.what.is_some()).count() {
        0 => format!("`{command}` worked before and does not any more"),
        1 => {
            let name = worse.iter().find_map(|w| w.what.as_deref()).unwrap_or("");
            format!("`{command}`: {name} got worse")
        }
        n => {
            let name = worse.iter().find_map(|w| w.what.as_deref()).unwrap_or("");
            format!("`{command}`: {name} and {} more got worse", n - 1)
        }
    };
    if units > 1 {
        let names: Vec<String> = findings.iter().map(|f| f.chars().take(12).collect()).collect();
        out.push_str(&format!(" (only with {units} fixes together: {})", names.join(", ")));
    }
    if let Some(said) = worse.first().map(|w| w.said.trim()).filter(|s| !s.is_empty()) {
        let cut: String = said.chars().take(SAID).collect();
        out.push_str(&format!("\n{cut}"));
    }
    out
}

/// Writes what G7 and G8 say into the evidence of every fix.
fn evidence(outcome: &mut Outcome, session: &Session<'_>) {
    let mut known: BTreeMap<(Serves, Vec<String>), Option<String>> = BTreeMap::new();
    for f in &mut outcome.findings {
        let (fix, applied) = match &mut f.verdict {
            Verdict::Fixed(a) => (a, true),
            Verdict::Fixable { fix, .. } => (fix, false),
            _ => continue,
        };
        for e in &mut fix.evidence {
            let serves = match e.gate {
                Gate::Build => Serves::Build,
                Gate::Tests => Serves::Tests,
                _ => continue,
            };
            e.not_run = if applied {
                let key = (serves, fix.files.clone());
                known.entry(key).or_insert_with(|| session.gate(serves, &fix.files)).clone()
            } else {
                Some("not applied, so neither built nor tested".to_string())
            };
        }
    }
}
