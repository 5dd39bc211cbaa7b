//! Gate G9: the function with the flaw is called with a harmless input and with an attack, before and after the fix, and the sink
//! is watched. A fix passes when the attack arrived before and does not any more.
//!
//! Everything runs in the sandbox, on places with the project's own compiled classes or packages. What cannot be called that way
//! (no function takes the input, the sink is not reached) is said as the reason why the gate was not run.

pub(crate) mod java;
pub(crate) mod python;

use crate::plan::Step;
use crate::sandbox::{Ended, Place};
use crate::tester::Project;
use crate::units::Texts;
use std::collections::{BTreeMap, BTreeSet};
use surefix_engine::{Finding, Gate, Outcome, Verdict};
use surefix_ir::Lang;

/// Classes of flaws that probes know an attack for, in all languages.
pub const RULES: &[&str] = &[
    "command-injection",
    "header-injection",
    "ldap-injection",
    "log-injection",
    "open-redirect",
    "path-traversal",
    "sql-injection",
    "xpath-injection",
    "xss",
    "zip-slip",
];

/// Further classes for Python.
pub const PYTHON_RULES: &[&str] = &["code-injection", "insecure-deserialization", "template-injection"];

/// One function to call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    /// Index of the finding in the outcome.
    pub finding: usize,
    /// Path of the file that declares the function.
    pub file: String,
    /// The line for the harness, without the id in front.
    pub line: String,
    /// Further sinks to watch: `rule`, class, method.
    pub sinks: Vec<[String; 3]>,
}

/// What was seen of one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// How often the sink was called.
    pub calls: usize,
    /// Where the input arrived; empty: it did not.
    pub hit: String,
    /// How the call ended.
    pub how: String,
}

/// The answers for one case: with the harmless input, with the attack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pair {
    pub benign: Seen,
    pub attack: Seen,
}

/// The answers by finding, or why there are none.
pub(crate) type Answers = BTreeMap<usize, Result<Pair, String>>;

/// What the gate says of one fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    /// The attack arrived before and does not any more.
    Passed,
    /// It still arrives; where.
    Failed(String),
    /// Nothing was shown, and why.
    NotRun(String),
}

/// Probes of a run: what the unchanged project answered is asked for once.
#[derive(Default)]
pub struct Probes {
    before: BTreeMap<String, Result<Pair, String>>,
    /// Findings, by index, whose call with the attack did not return, without the fixes or with them.
    raised: BTreeSet<usize>,
}

impl Probes {
    /// What the gate says of each fixed finding, by index. `texts` are the files after all fixes.
    pub fn run(
        &mut self,
        project: &mut Project<'_>,
        outcome: &Outcome,
        texts: &Texts,
        progress: &mut dyn FnMut(&str),
    ) -> BTreeMap<usize, Says> {
        let mut out = BTreeMap::new();
        let mut cases: Vec<Case> = Vec::new();
        for (i, f) in outcome.findings.iter().enumerate() {
            if !matches!(f.verdict, Verdict::Fixed(_)) {
                continue;
            }
            match case(outcome, i, f) {
                Ok(c) => cases.push(c),
                Err(why) => {
                    out.insert(i, Says::NotRun(why));
                }
            }
        }
        let print = |i: usize| outcome.findings.get(i).map_or("", |f| f.fingerprint.as_str());
        let fresh: Vec<Case> = cases.iter().filter(|c| !self.before.contains_key(print(c.finding))).cloned().collect();
        if !fresh.is_empty() {
            progress(&format!("{} probes on the project as it is", fresh.len()));
            let answers = ask(project, &Texts::new(), &fresh);
            for c in &fresh {
                let a = answers.get(&c.finding).cloned().unwrap_or_else(|| Err("it was not called".to_string()));
                self.before.insert(print(c.finding).to_string(), a);
            }
        }
        // Only those that show the attack on the old code can show anything on the new one.
        let reached = |c: &&Case| matches!(self.before.get(print(c.finding)), Some(Ok(p)) if !p.attack.hit.is_empty());
        let worth: Vec<Case> = cases.iter().filter(reached).cloned().collect();
        let after = if worth.is_empty() {
            Answers::new()
        } else {
            progress(&format!("{} probes on the fixed project", worth.len()));
            ask(project, texts, &worth)
        };
        self.raised.clear();
        for c in &cases {
            let before = self.before.get(print(c.finding));
            let both = [before, after.get(&c.finding)];
            if both.into_iter().flatten().flatten().any(|p| p.attack.how != "returned") {
                self.raised.insert(c.finding);
            }
            out.insert(c.finding, judge(before, after.get(&c.finding)));
        }
        out
    }
}

impl Probes {
    /// True when the call of a finding's function with the attack ended with an exception, without the fixes or with them.
    pub fn raised(&self, finding: usize) -> bool {
        self.raised.contains(&finding)
    }
}

/// What two answers mean.
fn judge(before: Option<&Result<Pair, String>>, after: Option<&Result<Pair, String>>) -> Says {
    let before = match before {
        Some(Ok(p)) => p,
        Some(Err(why)) => return Says::NotRun(format!("no probe: {why}")),
        None => return Says::NotRun("no probe: it was not called".to_string()),
    };
    if before.attack.hit.is_empty() {
        let how = if before.attack.how.is_empty() { "it was not called" } else { &before.attack.how };
        return Says::NotRun(format!("the probe's attack does not reach the sink without the fix, either ({how})"));
    }
    let after = match after {
        Some(Ok(p)) => p,
        Some(Err(why)) => return Says::NotRun(format!("the probe could not be run on the fixed code: {why}")),
        None => return Says::NotRun("the probe could not be run on the fixed code".to_string()),
    };
    if !after.attack.hit.is_empty() {
        return Says::Failed(after.attack.hit.clone());
    }
    // Code that never comes to the sink shows nothing.
    if !before.benign.hit.is_empty() && after.benign.hit.is_empty() {
        let how = &after.benign.how;
        return Says::NotRun(format!("the probe's harmless input does not reach the sink in the fixed code ({how})"));
    }
    Says::Passed
}

fn case(outcome: &Outcome, index: usize, f: &Finding) -> Result<Case, String> {
    let flow = f.found.flow.as_deref().ok_or("no probe: the flaw is no flow of an input")?;
    let lang = lang(&f.path);
    if !(RULES.contains(&f.rule.id) || (lang == Lang::Python && PYTHON_RULES.contains(&f.rule.id))) {
        return Err(format!("no probe: there is no attack to try for {}", f.rule.id));
    }
    match lang {
        Lang::Java => java::case(outcome, index, f, flow),
        Lang::Python => python::case(outcome, index, f, flow),
    }
    .map_err(|why| format!("no probe: {why}"))
}

fn lang(path: &str) -> Lang {
    if path.ends_with(".java") { Lang::Java } else { Lang::Python }
}

/// Asks the harness of each language.
fn ask(project: &mut Project<'_>, texts: &Texts, cases: &[Case]) -> Answers {
    let mut out = Answers::new();
    for wanted in [Lang::Java, Lang::Python] {
        let mine: Vec<Case> = cases.iter().filter(|c| lang(&c.file) == wanted).cloned().collect();
        if mine.is_empty() {
            continue;
        }
        let got = match wanted {
            Lang::Java => java::ask(project, texts, &mine),
            Lang::Python => python::ask(project, texts, &mine),
        };
        out.extend(got);
    }
    out
}

/// All cases with the same reason.
fn none(cases: &[Case], why: &str) -> Answers {
    cases.iter().map(|c| (c.finding, Err(why.to_string()))).collect()
}

/// Asks for the cases of each step whose id holds `kind`, the nearest one above a file; `missing` is said of files without.
fn by_step(
    project: &mut Project<'_>,
    cases: &[Case],
    kind: &str,
    missing: &str,
    ask: impl Fn(&mut Project<'_>, &Step, &[Case]) -> Result<Answers, String>,
) -> Answers {
    let steps = &project.plan.steps;
    let mut groups: BTreeMap<usize, Vec<Case>> = BTreeMap::new();
    let mut out = Answers::new();
    for c in cases {
        let near = (0..steps.len()).filter(|i| steps[*i].id.contains(kind) && steps[*i].covers(&c.file));
        match near.max_by_key(|i| steps[*i].dir.len()) {
            Some(i) => groups.entry(i).or_default().push(c.clone()),
            None => out.extend(none(std::slice::from_ref(c), missing)),
        }
    }
    for (i, cases) in groups {
        out.extend(ask(project, &steps[i], &cases).unwrap_or_else(|why| none(&cases, &why)));
    }
    out
}

/// Puts the files of a harness into the empty folder of reports.
fn put(place: &Place, files: &[(&str, &str)]) -> Result<(), String> {
    let reports = place.reports();
    if reports.exists() {
        crate::sandbox::mend(&reports).map_err(|e| e.to_string())?;
    }
    std::fs::create_dir_all(&reports).map_err(|e| e.to_string())?;
    files.iter().try_for_each(|(name, text)| std::fs::write(reports.join(name), text)).map_err(|e| e.to_string())
}

/// What the harness wrote, once it has run.
fn results(place: &Place, ran: &Ended, cases: &[Case]) -> Result<Answers, String> {
    match crate::results::regular(&place.reports(), std::path::Path::new("results")) {
        Some(bytes) => Ok(read(&String::from_utf8_lossy(&bytes), cases)),
        None => Err(format!("the harness left no results ({})", ran.how.text())),
    }
}

/// Reads lines `id, mode, calls, hit, how` of a harness.
fn read(text: &str, cases: &[Case]) -> Answers {
    let mut pairs: BTreeMap<usize, (Option<Seen>, Option<Seen>)> = BTreeMap::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [id, mode, calls, hit, how] = fields.as_slice() else { continue };
        let (Ok(id), Ok(calls)) = (id.parse::<usize>(), calls.parse::<usize>()) else { continue };
        let cut = |t: &str| t.chars().filter(|c| !c.is_control()).take(200).collect::<String>();
        let seen = Seen { calls, hit: cut(hit), how: cut(how) };
        let pair = pairs.entry(id).or_default();
        match *mode {
            "benign" => pair.0 = Some(seen),
            "attack" => pair.1 = Some(seen),
            _ => {}
        }
    }
    let mut answer = |c: &Case| match pairs.remove(&c.finding) {
        Some((Some(benign), Some(attack))) if !attack.how.starts_with("not called") => Ok(Pair { benign, attack }),
        Some((_, Some(attack))) => Err(attack.how),
        _ => Err("the probes did not end in time".to_string()),
    };
    cases.iter().map(|c| (c.finding, answer(c))).collect()
}

/// The findings whose attack still arrives after the fix, and where.
pub fn failed(says: &BTreeMap<usize, Says>) -> Vec<(usize, String)> {
    let one = |(i, s): (&usize, &Says)| match s {
        Says::Failed(place) => Some((*i, place.clone())),
        _ => None,
    };
    says.iter().filter_map(one).collect()
}

/// Writes what the gate says into the evidence of each fix. Gives the number of fixes that passed and of those that were not probed.
pub fn record(outcome: &mut Outcome, says: &BTreeMap<usize, Says>, asked: bool) -> (usize, usize) {
    let (mut passed, mut not) = (0, 0);
    for (i, f) in outcome.findings.iter_mut().enumerate() {
        let (fix, applied) = match &mut f.verdict {
            Verdict::Fixed(a) => (a, true),
            Verdict::Fixable { fix, .. } => (fix, false),
            _ => continue,
        };
        for e in fix.evidence.iter_mut().filter(|e| e.gate == Gate::Probe) {
            e.not_run = match says.get(&i) {
                _ if !applied => Some("not applied, so not probed".to_string()),
                Some(Says::Passed) => None,
                Some(Says::NotRun(why)) => Some(why.clone()),
                Some(Says::Failed(_)) | None if asked => {
                    Some("no probe: there is nothing to build or to run".to_string())
                }
                _ => Some("the settings ask for no probes".to_string()),
            };
            match e.not_run {
                _ if !applied => {}
                None => passed += 1,
                Some(_) => not += 1,
            }
        }
    }
    (passed, not)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(hit: &str) -> Seen {
        Seen { calls: 1, hit: hit.to_string(), how: "returned".to_string() }
    }

    fn pair(benign: &str, attack: &str) -> Result<Pair, String> {
        Ok(Pair { benign: seen(benign), attack: seen(attack) })
    }

    #[test]
    fn only_an_attack_that_arrived_and_no_longer_does_passes() {
        let say = |a: Result<Pair, String>, b: Result<Pair, String>| judge(Some(&a), Some(&b));
        assert_eq!(say(pair("x", "x"), pair("x", "")), Says::Passed);
        assert_eq!(say(pair("", "x"), pair("", "")), Says::Passed);
        assert_eq!(say(pair("x", "x"), pair("x", "y")), Says::Failed("y".to_string()));
        assert!(matches!(say(pair("x", ""), pair("x", "")), Says::NotRun(_)));
        assert!(matches!(say(pair("x", "x"), pair("", "")), Says::NotRun(_)));
        assert!(matches!(say(Err("e".into()), pair("x", "")), Says::NotRun(_)));
        assert!(matches!(say(pair("x", "x"), Err("e".into())), Says::NotRun(_)));
    }

    #[test]
    fn answers_are_read_as_a_hostile_program_may_write_them() {
        let case = |finding| Case { finding, file: "a.py".into(), line: String::new(), sinks: Vec::new() };
        let cases = [case(1), case(2), case(3)];
        let text = "1\tbenign\t1\t\treturned\n1\tattack\t1\ta\u{1b}[2Jb\treturned\nx\n2\tattack\t0\t\tnot called: no\n9\tattack\t1\tx\ty\n";
        let got = read(text, &cases);
        assert_eq!(got[&1].as_ref().unwrap().attack.hit, "a[2Jb");
        assert_eq!(got[&2], Err("not called: no".to_string()));
        assert!(got[&3].is_err() && got.len() == 3);
    }
}
