//! Probes that stay: a regression test in the project's own framework for each fix whose probe passed (`--with-tests`).
//!
//! A test is kept only when the project's own runner has shown that it fails without the fixes and passes with them, and that
//! nothing else got worse by its being there.

mod java;
mod python;

use crate::find::Facts;
use crate::judge::StepRun;
use crate::plan::{Plan, Serves, Step};
use crate::probe::{Probes, Says};
use crate::results::Result1;
use crate::session::{Session, Tester};
use crate::tester::Project;
use crate::units::Texts;
use std::collections::{BTreeMap, BTreeSet};
use surefix_engine::{Finding, Outcome, RegressionTest, Verdict};

/// What became of the wish for tests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Tests by finding.
    pub tests: BTreeMap<usize, RegressionTest>,
    /// Why a fixed finding has none.
    pub reasons: BTreeMap<usize, String>,
}

/// What a test is made from.
struct Input<'a> {
    facts: &'a Facts,
    /// The step whose runner will run it.
    step: &'a Step,
    outcome: &'a Outcome,
    finding: &'a Finding,
    /// The call with the attack ends with an exception, before or after the fix.
    raises: bool,
}

/// Tests that are tried, by finding, with the step that runs each.
type Drafts = BTreeMap<usize, (usize, RegressionTest)>;

/// The name of a test's file without its ending.
fn stem(test: &RegressionTest) -> &str {
    let name = test.path.rsplit('/').next().unwrap_or(&test.path);
    name.rsplit_once('.').map_or(name, |(s, _)| s)
}

/// Drops the tests of a step that did not end as wanted, with the reason.
fn drop_others(
    drafts: &mut Drafts,
    reasons: &mut BTreeMap<usize, String>,
    step: usize,
    ran: Option<&StepRun>,
    wanted: impl Fn(&Result1) -> bool,
    otherwise: &str,
) {
    let results = ran.and_then(|r| r.results.as_ref());
    let ended = |t: &RegressionTest| {
        let mine = |name: &String| name.contains(stem(t)) && name.contains(&t.name);
        results.and_then(|r| r.0.iter().find(|(name, _)| mine(name))).map(|(_, r)| r)
    };
    drafts.retain(|i, (s, t)| {
        let why = match ended(t) {
            _ if *s != step => return true,
            Some(r) if wanted(r) => return true,
            Some(_) => otherwise,
            None => "the project's runner does not run the test",
        };
        reasons.insert(*i, why.to_string());
        false
    });
}

/// Rounds of dropping tests.
const ROUNDS: usize = 5;

/// Makes the tests and runs them. `texts`: the files after all fixes; `says`: what the probes said of each finding.
pub fn keep(
    session: &mut Session<'_>,
    project: &mut Project<'_>,
    facts: &Facts,
    outcome: &Outcome,
    texts: &Texts,
    says: &BTreeMap<usize, Says>,
    probes: &Probes,
) -> Kept {
    let mut out = Kept::default();
    let plan = project.plan;
    let usable = session.usable();
    let mut drafts = Drafts::new();
    let mut taken: BTreeSet<String> = BTreeSet::new();
    for (i, f) in outcome.findings.iter().enumerate() {
        if !matches!(f.verdict, Verdict::Fixed(_)) {
            continue;
        }
        let made = match says.get(&i) {
            Some(Says::Passed) => draft(plan, &usable, facts, outcome, f, probes.raised(i)),
            Some(Says::NotRun(why) | Says::Failed(why)) => Err(why.clone()),
            None => Err("it was not probed".to_string()),
        };
        match made {
            Ok((step, d)) => {
                let there = project.root.join(&d.path).symlink_metadata().is_ok();
                if there || !taken.insert(d.path.clone()) {
                    out.reasons.insert(i, format!("there is another {}", d.path));
                } else {
                    drafts.insert(i, (step, d));
                }
            }
            Err(why) => {
                out.reasons.insert(i, why);
            }
        }
    }
    fails_before(session, project, &mut drafts, &mut out.reasons);
    passes_after(session, plan, &usable, texts, &mut drafts, &mut out.reasons);
    out.tests = drafts.into_iter().map(|(i, (_, t))| (i, t)).collect();
    out
}

/// The draft of a finding's test and the step that runs it.
fn draft(
    plan: &Plan,
    usable: &[usize],
    facts: &Facts,
    outcome: &Outcome,
    f: &Finding,
    raises: bool,
) -> Result<(usize, RegressionTest), String> {
    let java = f.path.ends_with(".java");
    let kinds: &[&str] = if java { &["maven tests", "gradle tests"] } else { &["pytest", "unittest", "django tests"] };
    let about = |i: &&usize| {
        let s = &plan.steps[**i];
        s.serves == Serves::Tests && s.covers(&f.path) && kinds.iter().any(|k| s.id.ends_with(k))
    };
    let near = usable.iter().filter(about).max_by_key(|i| plan.steps[**i].dir.len());
    let step = *near.ok_or("no tests of the project that could be run lie there")?;
    let input = Input { facts, step: &plan.steps[step], outcome, finding: f, raises };
    let made = if java { java::draft(&input) } else { python::draft(&input) };
    made.map(|d| (step, d))
}

fn files<'d>(tests: impl Iterator<Item = &'d RegressionTest>) -> Texts {
    tests.map(|d| (d.path.clone(), d.text.clone().into_bytes())).collect()
}

/// Runs the tests on the project as it is and drops those that do not fail.
fn fails_before(
    session: &mut Session<'_>,
    project: &mut Project<'_>,
    drafts: &mut Drafts,
    reasons: &mut BTreeMap<usize, String>,
) {
    let steps: BTreeSet<usize> = drafts.values().map(|(s, _)| *s).collect();
    for step in steps {
        let mine: Vec<&RegressionTest> = drafts.values().filter(|(s, _)| *s == step).map(|(_, d)| d).collect();
        let mut narrow = project.plan.clone();
        select(&mut narrow.steps[step], &mine);
        (session.progress)(&format!("{} new tests on the project as it is", mine.len()));
        let mut runner = Project {
            root: project.root,
            plan: &narrow,
            sandbox: project.sandbox,
            scratch: project.scratch,
            spent: std::time::Duration::ZERO,
        };
        let ran = runner.run(&files(mine.into_iter()), &[step]).pop();
        project.spent += runner.spent;
        session.runs += 1;
        let failed = |r: &Result1| matches!(r, Result1::Failed(_));
        drop_others(drafts, reasons, step, ran.as_ref(), failed, "the test does not fail without the fix");
    }
}

/// Only the new tests, where the runner can select them.
fn select(step: &mut Step, drafts: &[&RegressionTest]) {
    let below = |d: &RegressionTest| {
        let prefix = if step.dir.is_empty() { 0 } else { step.dir.len() + 1 };
        d.path.get(prefix..).unwrap_or(&d.path).to_string()
    };
    if step.id.ends_with("pytest") {
        let paths: Vec<String> = drafts.iter().map(|d| below(d)).collect();
        step.argv.extend(paths);
    } else if step.id.ends_with("maven tests") {
        let names: Vec<&str> = drafts.iter().map(|d| stem(d)).collect();
        step.argv.push(format!("-Dtest={}", names.join(",")));
        step.argv.extend(["-DfailIfNoTests=false", "-Dsurefire.failIfNoSpecifiedTests=false"].map(String::from));
    }
}

/// Runs everything on the fixed project with the tests and drops those that do not pass, or all when something else got worse.
fn passes_after(
    session: &mut Session<'_>,
    plan: &Plan,
    usable: &[usize],
    texts: &Texts,
    drafts: &mut Drafts,
    reasons: &mut BTreeMap<usize, String>,
) {
    for _ in 0..ROUNDS {
        if drafts.is_empty() {
            return;
        }
        let mut all = texts.clone();
        all.extend(files(drafts.values().map(|(_, d)| d)));
        (session.progress)(&format!("{} new tests on the fixed project", drafts.len()));
        let ran = session.run(&all, usable);
        let before = drafts.len();
        for (step, r) in usable.iter().zip(&ran) {
            let passed = |r: &Result1| *r == Result1::Passed;
            drop_others(drafts, reasons, *step, Some(r), passed, "the test does not pass with the fix");
        }
        if drafts.len() < before {
            continue;
        }
        let worse = usable.iter().zip(&ran).find(|(step, r)| !session.confirmed(**step, &all, r).is_empty());
        let Some((step, _)) = worse else { return };
        let why = format!("with the new tests {} got worse", plan.steps[*step].id);
        reasons.extend(std::mem::take(drafts).into_keys().map(|i| (i, why.clone())));
    }
    let why = "the answers of the new tests contradict each other";
    reasons.extend(std::mem::take(drafts).into_keys().map(|i| (i, why.to_string())));
}

/// `sql-injection` → `sql_injection`; what is no word becomes an underscore.
fn words(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
}

/// A text as a literal in double quotes that holds printable ASCII only, in the form that Java and Python share; `other` writes the rest.
fn literal(text: &str, other: impl Fn(char) -> String) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ' '..='~' => out.push(c),
            c => out.push_str(&other(c)),
        }
    }
    out.push('"');
    out
}
