//! The course of a verification with a runner made for it.

use super::*;
use crate::plan::{Report, Step};
use crate::results::{Result1, Results};

/// Tests that fail when all of their files are changed; some fail every other time.
struct Fake {
    /// Test name, files that break it together.
    breaks: Vec<(&'static str, Vec<String>)>,
    flaky: Option<&'static str>,
    /// The second step fails when this file is changed.
    build: Option<String>,
    calls: usize,
    tested: usize,
}

impl Tester for Fake {
    fn run(&mut self, changed: &Texts, steps: &[usize]) -> Vec<StepRun> {
        steps
            .iter()
            .map(|s| {
                self.calls += 1;
                if *s == 0 {
                    let bad = self.build.as_ref().is_some_and(|f| changed.contains_key(f));
                    return StepRun {
                        success: !bad,
                        how: format!("exit code {}", i32::from(bad)),
                        results: None,
                        tail: "cannot find symbol".into(),
                    };
                }
                let mut r = Results::default();
                for (name, files) in &self.breaks {
                    let bad = files.iter().all(|f| changed.contains_key(f));
                    let result = if bad { Result1::Failed("expected 1".into()) } else { Result1::Passed };
                    r.0.insert(name.to_string(), result);
                }
                r.0.insert("fine".into(), Result1::Passed);
                r.0.insert("red".into(), Result1::Failed("always".into()));
                if let Some(f) = self.flaky {
                    self.tested += 1;
                    let bad = self.tested.is_multiple_of(2);
                    r.0.insert(f.into(), if bad { Result1::Failed("time".into()) } else { Result1::Passed });
                }
                StepRun { success: false, how: "exit code 1".into(), results: Some(r), tail: String::new() }
            })
            .collect()
    }
}

/// Answers as in a baseline.
struct Same(Baseline);

impl Tester for Same {
    fn run(&mut self, _: &Texts, steps: &[usize]) -> Vec<StepRun> {
        steps.iter().map(|s| self.0.steps[*s].clone()).collect()
    }
}

fn plan() -> Plan {
    let step = |id: &str, serves, report| Step {
        id: id.to_string(),
        serves,
        dir: String::new(),
        argv: vec!["run".into(), id.to_string()],
        report,
        why: String::new(),
        about: &["py"],
    };
    Plan {
        steps: vec![step("build", Serves::Build, Report::Exit), step("tests", Serves::Tests, Report::JunitFile)],
        left_out: Vec::new(),
    }
}

fn texts(set: &[usize]) -> Texts {
    set.iter().map(|u| (format!("{u}.py"), Vec::new())).collect()
}

fn sift(fake: &mut Fake, n: usize) -> (Sifted, Baseline, usize) {
    let plan = plan();
    let mut quiet = |_: &str| {};
    let mut s = Session::new(&plan, fake, None, &mut quiet);
    let sifted = s.sift(n, &texts, false);
    let runs = s.runs;
    (sifted, s.baseline, runs)
}

fn dropped(s: &Sifted) -> Vec<Vec<usize>> {
    s.dropped.iter().map(|d| d.units.clone()).collect()
}

#[test]
fn five_hundred_fixes_three_guilty_two_only_together() {
    let mut fake = Fake {
        breaks: vec![("alone", vec!["123.py".into()]), ("pair", vec!["40.py".into(), "471.py".into()])],
        flaky: None,
        build: None,
        calls: 0,
        tested: 0,
    };
    let (s, _, runs) = sift(&mut fake, 500);
    let mut all = dropped(&s);
    all.sort();
    assert_eq!(all, [vec![40, 471], vec![123]]);
    assert_eq!(s.kept.len(), 497);
    assert!(s.clean, "what is left was run through every step");
    for d in &s.dropped {
        assert_eq!((d.step, d.worse[0].said.as_str()), (1, "expected 1"), "{d:?}");
        assert_eq!(d.worse[0].what.as_deref(), Some(if d.units.len() == 2 { "pair" } else { "alone" }));
    }
    // Three guilty ones, log2(500) = 9: 27 questions, and some to begin, confirm and end with.
    assert_eq!(runs, fake.calls);
    assert!(runs <= 27 + 20, "{runs}");
}

#[test]
fn a_build_that_breaks_comes_first() {
    let mut fake =
        Fake { breaks: vec![("t", vec!["2.py".into()])], flaky: None, build: Some("5.py".into()), calls: 0, tested: 0 };
    let (s, ..) = sift(&mut fake, 8);
    assert_eq!(dropped(&s), [vec![5], vec![2]]);
    assert_eq!((s.dropped[0].step, s.dropped[0].worse[0].what.clone()), (0, None));
    assert!(s.dropped[0].worse[0].said.contains("cannot find symbol"));
    assert!(s.clean);
}

#[test]
fn a_flaky_test_is_named_and_blames_nobody() {
    let mut fake =
        Fake { breaks: vec![("t", vec!["9.py".into()])], flaky: Some("sometimes"), build: None, calls: 0, tested: 0 };
    let (s, b, _) = sift(&mut fake, 4);
    assert_eq!(dropped(&s), Vec::<Vec<usize>>::new());
    assert_eq!(b.flaky[1], BTreeSet::from(["sometimes".to_string()]));
    // A really guilty one is found all the same.
    let mut fake =
        Fake { breaks: vec![("t", vec!["3.py".into()])], flaky: Some("sometimes"), build: None, calls: 0, tested: 0 };
    let (s, ..) = sift(&mut fake, 4);
    assert_eq!(dropped(&s), [vec![3]]);
}

#[test]
fn gates_say_why_they_were_not_run() {
    let plan = plan();
    let mut fake = Fake { breaks: Vec::new(), flaky: None, build: None, calls: 0, tested: 0 };
    let mut quiet = |_: &str| {};
    let s = Session::new(&plan, &mut fake, None, &mut quiet);
    assert_eq!(s.gate(Serves::Build, &["a.py".into()]), None);
    assert_eq!(s.gate(Serves::Tests, &["a.py".into()]), None);
    assert!(
        s.gate(Serves::Tests, &["a.py".into(), "B.java".into()]).unwrap().contains("no tests were found for B.java")
    );
    let red = Baseline {
        steps: vec![
            StepRun { success: false, how: "exit code 2".into(), results: None, tail: String::new() },
            StepRun {
                success: true,
                how: "exit code 0".into(),
                results: Some(Results::default()),
                tail: String::new(),
            },
        ],
        flaky: vec![BTreeSet::new(); 2],
    };
    let mut same = Same(red.clone());
    let s = Session::new(&plan, &mut same, Some(red), &mut quiet);
    assert_eq!(s.usable(), Vec::<usize>::new());
    assert!(s.gate(Serves::Build, &["a.py".into()]).unwrap().contains("`run build` fails before the fixes, too"));
    assert!(s.gate(Serves::Tests, &["a.py".into()]).unwrap().contains("no test is run"));
}

#[test]
fn what_a_known_baseline_could_not_use_is_asked_again() {
    let plan = plan();
    let mut fake = Fake { breaks: Vec::new(), flaky: None, build: None, calls: 0, tested: 0 };
    let mut quiet = |_: &str| {};
    let good = Session::new(&plan, &mut fake, None, &mut quiet).baseline.clone();
    let mut bad = good.clone();
    bad.steps[0] = StepRun { success: false, how: "exit code 1".into(), results: None, tail: "no library".into() };
    let mut fake = Fake { breaks: Vec::new(), flaky: None, build: None, calls: 0, tested: 0 };
    let session = Session::new(&plan, &mut fake, Some(bad), &mut quiet);
    assert!(session.learned && session.baseline == good && session.runs == 1);
    let mut fake = Fake { breaks: Vec::new(), flaky: None, build: None, calls: 0, tested: 0 };
    let session = Session::new(&plan, &mut fake, Some(good), &mut quiet);
    assert!(!session.learned && session.runs == 0);
}
