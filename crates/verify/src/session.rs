//! A verification: the baseline, all fixes together, whom to drop when it got worse, and what every gate has to say.

use crate::bisect;
use crate::judge::{self, StepRun, Worse};
use crate::plan::{Plan, Serves};
use crate::units::Texts;
use std::collections::{BTreeMap, BTreeSet};

/// Runs steps on a fresh copy of the project with some files changed.
pub trait Tester {
    /// Runs the steps with these indices in order; the answers are in the same order.
    fn run(&mut self, changed: &Texts, steps: &[usize]) -> Vec<StepRun>;
}

/// The answers of all steps on the unchanged project.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Baseline {
    /// By step.
    pub steps: Vec<StepRun>,
    /// Tests that changed their answer without a change, by step.
    pub flaky: Vec<BTreeSet<String>>,
}

/// Units that were dropped together, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// Indices of the units, ascending.
    pub units: Vec<usize>,
    /// Index of the step that got worse.
    pub step: usize,
    /// What got worse; never empty.
    pub worse: Vec<Worse>,
}

/// How a batch of units came out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sifted {
    /// Dropped units in the order in which they were found.
    pub dropped: Vec<Dropped>,
    /// Units that stay.
    pub kept: Vec<usize>,
    /// True when what stays was run through every step and nothing was worse.
    pub clean: bool,
    /// Results of the last run of each usable step.
    pub last: BTreeMap<usize, StepRun>,
}

/// A verification in progress.
pub struct Session<'a> {
    plan: &'a Plan,
    tester: &'a mut dyn Tester,
    /// The baseline.
    pub baseline: Baseline,
    /// Runs of single steps so far, those of the baseline included.
    pub runs: usize,
    /// True when the baseline changed: a test turned out to be flaky.
    pub learned: bool,
    /// Told of what is done.
    pub progress: &'a mut dyn FnMut(&str),
}

/// Rounds of dropping after which the rest is given up: every round drops something, so this is never reached by a project
/// whose answers are stable.
const ROUNDS: usize = 200;

impl<'a> Session<'a> {
    /// Starts with a known baseline, or makes one. Steps that a known one has no use of are asked again.
    pub fn new(
        plan: &'a Plan,
        tester: &'a mut dyn Tester,
        known: Option<Baseline>,
        progress: &'a mut dyn FnMut(&str),
    ) -> Session<'a> {
        let known = known.filter(|b| b.steps.len() == plan.steps.len() && b.flaky.len() == plan.steps.len());
        let mut out = Session { plan, tester, baseline: Baseline::default(), runs: 0, learned: false, progress };
        match known {
            Some(b) => {
                out.baseline = b;
                out.refresh();
            }
            None => {
                (out.progress)("the project as it is");
                let all: Vec<usize> = (0..plan.steps.len()).collect();
                let steps = out.run(&Texts::new(), &all);
                out.baseline = Baseline { steps, flaky: vec![BTreeSet::new(); plan.steps.len()] };
                out.learned = true;
            }
        }
        out
    }

    /// Asks steps once more that could not tell anything when the baseline was kept: what they lacked (a library, a program) may be
    /// there by now, and that is no part of the project's content.
    fn refresh(&mut self) {
        let again: Vec<usize> = (0..self.plan.steps.len()).filter(|i| self.useless(*i).is_some()).collect();
        if again.is_empty() {
            return;
        }
        (self.progress)("what could not be used before");
        for (step, run) in again.iter().zip(self.run(&Texts::new(), &again)) {
            self.learned |= self.baseline.steps[*step] != run;
            self.baseline.steps[*step] = run;
        }
    }

    pub(crate) fn run(&mut self, changed: &Texts, steps: &[usize]) -> Vec<StepRun> {
        self.runs += steps.len();
        let mut out = self.tester.run(changed, steps);
        // A tester that answers less than it was asked has lost the rest.
        out.resize_with(steps.len(), || StepRun {
            success: false,
            how: "not started".to_string(),
            results: None,
            tail: String::new(),
        });
        out
    }

    /// The steps that can tell something, in order.
    pub fn usable(&self) -> Vec<usize> {
        let able = |i: &usize| judge::useless(&self.plan.steps[*i], &self.baseline.steps[*i]).is_none();
        (0..self.plan.steps.len()).filter(able).collect()
    }

    /// Why a step cannot tell anything.
    pub fn useless(&self, step: usize) -> Option<String> {
        judge::useless(self.plan.steps.get(step)?, self.baseline.steps.get(step)?)
    }

    /// What got worse in a step and stays so when it is repeated.
    pub(crate) fn confirmed(&mut self, step: usize, texts: &Texts, first: &StepRun) -> Vec<Worse> {
        let mut list = self.worse(step, first);
        if list.is_empty() {
            return list;
        }
        (self.progress)(&format!("{}: something got worse; once more", self.plan.steps[step].id));
        // A test that passes the second time, or fails on the unchanged project, is no reason.
        let again = self.run(texts, &[step]).remove(0);
        let still: BTreeSet<Option<String>> = self.worse(step, &again).into_iter().map(|w| w.what).collect();
        self.learn(step, list.iter().filter(|w| !still.contains(&w.what)));
        list.retain(|w| still.contains(&w.what));
        if list.is_empty() {
            return list;
        }
        let unchanged = self.run(&Texts::new(), &[step]).remove(0);
        let before: BTreeSet<Option<String>> = self.worse(step, &unchanged).into_iter().map(|w| w.what).collect();
        self.learn(step, list.iter().filter(|w| before.contains(&w.what)));
        list.retain(|w| !before.contains(&w.what));
        list
    }

    fn learn<'w>(&mut self, step: usize, list: impl Iterator<Item = &'w Worse>) {
        for name in list.filter_map(|w| w.what.clone()) {
            self.learned |= self.baseline.flaky[step].insert(name);
        }
    }

    fn worse(&self, step: usize, after: &StepRun) -> Vec<Worse> {
        judge::worse(&self.baseline.steps[step], after, &self.baseline.flaky[step])
    }

    /// Tries `count` units together and drops the smallest sets that make a step worse, until nothing does. `texts` gives the
    /// changed files of a set of units. `unchecked`: what stays need not be run through every step once more when something was
    /// dropped, because the caller does that with the texts as they will be.
    pub fn sift(&mut self, count: usize, texts: &dyn Fn(&[usize]) -> Texts, unchecked: bool) -> Sifted {
        let mut out = Sifted { kept: (0..count).collect(), ..Sifted::default() };
        let usable = self.usable();
        for _ in 0..ROUNDS {
            if out.kept.is_empty() {
                out.clean = true;
                return out;
            }
            (self.progress)(&format!("{} together", fixes(out.kept.len())));
            let all = texts(&out.kept);
            let ran = self.run(&all, &usable);
            let mut bad = None;
            for (step, r) in usable.iter().zip(&ran) {
                out.last.insert(*step, r.clone());
                let worse = self.confirmed(*step, &all, r);
                if !worse.is_empty() {
                    bad = Some((*step, worse));
                    break;
                }
            }
            let Some((step, worse)) = bad else {
                out.clean = true;
                return out;
            };
            self.drop_from(step, worse, texts, &mut out);
            if unchecked {
                return out;
            }
        }
        out.dropped.push(Dropped { units: std::mem::take(&mut out.kept), step: 0, worse: never() });
        out
    }

    /// Drops sets from those kept until the step is as it was before.
    fn drop_from(&mut self, step: usize, mut worse: Vec<Worse>, texts: &dyn Fn(&[usize]) -> Texts, out: &mut Sifted) {
        while !worse.is_empty() && !out.kept.is_empty() {
            let reasons: BTreeSet<Option<String>> = worse.iter().map(|w| w.what.clone()).collect();
            let known = out.kept.clone();
            let mut said: BTreeMap<Vec<usize>, Vec<Worse>> = BTreeMap::from([(known.clone(), worse.clone())]);
            let found = bisect::minimal(&known, |set| {
                if let Some(w) = said.get(set) {
                    return !w.is_empty();
                }
                (self.progress)(&format!("{}: {} of {}", self.plan.steps[step].id, fixes(set.len()), known.len()));
                let run = self.run(&texts(set), &[step]).remove(0);
                // Only what was seen twice with all fixes counts here: anything else could be flaky. A command that broke
                // down as a whole has lost its single results, too.
                let mut w = self.worse(step, &run);
                w.retain(|w| reasons.contains(&w.what) || w.what.is_none());
                let fails = !w.is_empty();
                said.insert(set.to_vec(), w);
                fails
            });
            let worse_of = said.remove(&found).filter(|w| !w.is_empty()).unwrap_or(worse);
            out.kept.retain(|u| !found.contains(u));
            out.dropped.push(Dropped { units: found, step, worse: worse_of });
            if out.kept.is_empty() {
                return;
            }
            let all = texts(&out.kept);
            (self.progress)(&format!("{}: the other {}", self.plan.steps[step].id, fixes(out.kept.len())));
            let run = self.run(&all, &[step]).remove(0);
            worse = self.worse(step, &run);
            if !worse.is_empty() {
                worse = self.confirmed(step, &all, &run);
            }
            out.last.insert(step, run);
        }
    }

    /// What a gate says of a fix that stayed: `None` when it passed, otherwise why it was not run.
    pub fn gate(&self, serves: Serves, files: &[String]) -> Option<String> {
        let mut reasons: BTreeSet<String> = BTreeSet::new();
        for file in files {
            let about: Vec<usize> = (0..self.plan.steps.len())
                .filter(|i| self.plan.steps[*i].serves == serves && self.plan.steps[*i].covers(file))
                .collect();
            if about.is_empty() {
                let left: Vec<String> =
                    self.plan.left_out.iter().map(|l| format!("{} is not run: {}", l.what, l.why)).take(3).collect();
                let what = match serves {
                    Serves::Build => "no build or type check was found",
                    Serves::Tests => "no tests were found",
                };
                let more = if left.is_empty() { String::new() } else { format!(" ({})", left.join("; ")) };
                reasons.insert(format!("{what} for {file}{more}"));
            } else if about.iter().all(|i| self.useless(*i).is_some()) {
                reasons.extend(
                    about
                        .iter()
                        .filter_map(|i| Some(format!("`{}` {}", self.plan.steps[*i].shown(), self.useless(*i)?))),
                );
            }
        }
        (!reasons.is_empty()).then(|| reasons.into_iter().collect::<Vec<_>>().join("; "))
    }
}

fn fixes(n: usize) -> String {
    if n == 1 { "1 fix".to_string() } else { format!("{n} fixes") }
}

fn never() -> Vec<Worse> {
    vec![Worse { what: None, said: "the answers of the project's tests contradict each other".to_string() }]
}

#[cfg(test)]
mod tests;
