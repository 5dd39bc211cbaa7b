//! What got worse: the results of a step against those of the same step before.

use crate::plan::{Report, Step};
use crate::results::{Result1, Results};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How a step ended, as far as it matters for the judgement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRun {
    /// It ended with exit code 0.
    pub success: bool,
    /// How it ended, in words.
    pub how: String,
    /// Single results, where there are any.
    pub results: Option<Results>,
    /// The end of its output.
    pub tail: String,
}

/// One thing that got worse.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Worse {
    /// The test (or message, or file); `None`: the command as a whole.
    pub what: Option<String>,
    /// What was said.
    pub said: String,
}

/// Why a step cannot tell anything, `None` when it can: it has to have worked before.
pub fn useless(step: &Step, before: &StepRun) -> Option<String> {
    let failures_only = matches!(step.report, Report::Messages | Report::Compileall);
    match &before.results {
        Some(_) if failures_only => None,
        Some(r) if r.passed() > 0 => None,
        Some(r) if r.failed() > 0 => Some(format!("no test passes before the fixes either ({} fail)", r.failed())),
        Some(_) => Some("no test is run".to_string()),
        None if before.success => None,
        None => Some(format!("fails before the fixes, too ({})", before.how)),
    }
}

/// What is worse after than before; tests in `flaky` are left out.
pub fn worse(before: &StepRun, after: &StepRun, flaky: &BTreeSet<String>) -> Vec<Worse> {
    let mut out = Vec::new();
    let whole = |said: &str| Worse { what: None, said: said.trim().to_string() };
    match (&before.results, &after.results) {
        (Some(b), Some(a)) => {
            for (name, was) in b.0.iter().filter(|(n, _)| !flaky.contains(*n)) {
                let said = match (was, a.0.get(name)) {
                    (Result1::Passed, Some(Result1::Failed(m))) => m.clone(),
                    (Result1::Passed, Some(Result1::Skipped)) => "the test is skipped now".to_string(),
                    (Result1::Passed, None) => "the test is not run any more".to_string(),
                    _ => continue,
                };
                out.push(Worse { what: Some(name.clone()), said });
            }
            for (name, is) in a.0.iter().filter(|(n, _)| !b.0.contains_key(*n) && !flaky.contains(*n)) {
                if let Result1::Failed(m) = is {
                    out.push(Worse { what: Some(name.clone()), said: m.clone() });
                }
            }
            // The exit code counts where no single result explains it: a threshold of coverage, a crash at the end.
            if out.is_empty() && before.success && !after.success && a.failed() == 0 {
                out.push(whole(&format!("{}\n{}", after.how, after.tail)));
            }
        }
        (Some(_), None) => out.push(whole(&format!("{}, and there are no results\n{}", after.how, after.tail))),
        (None, _) if before.success && !after.success => out.push(whole(&format!("{}\n{}", after.how, after.tail))),
        (None, _) => {}
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Serves;
    use std::collections::BTreeMap;

    fn step(report: Report) -> Step {
        Step {
            id: "s".into(),
            serves: Serves::Tests,
            dir: String::new(),
            argv: vec!["x".into()],
            report,
            why: String::new(),
            about: &[],
        }
    }

    fn ran(success: bool, results: &[(&str, Option<bool>)]) -> StepRun {
        let one = |r: &Option<bool>| match r {
            Some(true) => Result1::Passed,
            Some(false) => Result1::Failed("no".into()),
            None => Result1::Skipped,
        };
        let map: BTreeMap<String, Result1> = results.iter().map(|(n, r)| (n.to_string(), one(r))).collect();
        StepRun { success, how: "exit code 1".into(), results: Some(Results(map)), tail: "tail".into() }
    }

    fn plain(success: bool) -> StepRun {
        StepRun { success, how: "exit code 1".into(), results: None, tail: "tail".into() }
    }

    fn names(list: &[Worse]) -> Vec<&str> {
        list.iter().map(|w| w.what.as_deref().unwrap_or("*")).collect()
    }

    #[test]
    fn only_what_got_worse_counts() {
        let none = BTreeSet::new();
        let before =
            ran(false, &[("a", Some(true)), ("b", Some(false)), ("c", None), ("d", Some(true)), ("e", Some(true))]);
        let after =
            ran(false, &[("a", Some(false)), ("b", Some(false)), ("c", Some(false)), ("d", None), ("f", Some(false))]);
        assert_eq!(names(&worse(&before, &after, &none)), ["a", "d", "e", "f"]);
        let flaky = BTreeSet::from(["a", "d", "e", "f"].map(String::from));
        assert_eq!(worse(&before, &after, &flaky), []);
        // A suite that was red and stays red says nothing, but a single test in it does.
        assert_eq!(worse(&plain(false), &plain(false), &none), []);
        assert_eq!(names(&worse(&plain(true), &plain(false), &none)), ["*"]);
        assert_eq!(names(&worse(&before, &plain(false), &none)), ["*"], "a crash takes the results away");
        let green = ran(true, &[("a", Some(true))]);
        assert_eq!(names(&worse(&green, &ran(false, &[("a", Some(true))]), &none)), ["*"]);
    }

    #[test]
    fn a_step_that_did_not_work_before_says_nothing() {
        let s = step(Report::JunitFile);
        assert_eq!(useless(&s, &ran(false, &[("a", Some(true)), ("b", Some(false))])), None);
        assert!(useless(&s, &ran(false, &[("b", Some(false))])).unwrap().contains("no test passes"));
        assert!(useless(&s, &ran(true, &[])).unwrap().contains("no test is run"));
        assert!(useless(&s, &plain(false)).unwrap().contains("before the fixes"));
        assert_eq!(useless(&step(Report::Messages), &ran(false, &[("m", Some(false))])), None);
    }
}
