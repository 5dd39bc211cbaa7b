//! `eval`: scores a SARIF report against a suite whose cases are labelled one per file, and makes renamed copies of a suite.
//!
//! The labels are a CSV of test name, category, real vulnerability, CWE. A finding counts for a test when its file's
//! stem is the test's name and its rule has the test's CWE.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A labelled test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Name: the stem of its file.
    pub name: String,
    /// Category.
    pub category: String,
    /// True when the flaw is real.
    pub real: bool,
    /// CWE number.
    pub cwe: u32,
}

/// Reads the labels; lines that begin with `#` are comments.
pub fn labels(text: &str) -> Result<Vec<Label>> {
    let mut out = Vec::new();
    for (n, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        let [name, category, real, cwe, ..] = cells[..] else { bail!("line {}: four columns are needed", n + 1) };
        let real = match real {
            "true" => true,
            "false" => false,
            other => bail!("line {}: `{other}` is neither true nor false", n + 1),
        };
        let cwe = cwe.parse().with_context(|| format!("line {}: the CWE", n + 1))?;
        out.push(Label { name: name.to_string(), category: category.to_string(), real, cwe });
    }
    Ok(out)
}

/// What a report says of one file and one CWE: the verdict (empty when the tool gives none) and its reason.
type Found = BTreeMap<(String, u32), Vec<(String, String)>>;

/// Findings by file stem and CWE.
pub fn findings(sarif: &Value) -> Found {
    let mut out = Found::new();
    let empty = Vec::new();
    for run in sarif["runs"].as_array().unwrap_or(&empty) {
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap_or(&empty);
        let cwes: BTreeMap<&str, BTreeSet<u32>> =
            rules.iter().map(|r| (r["id"].as_str().unwrap_or_default(), cwes(r))).collect();
        for result in run["results"].as_array().unwrap_or(&empty) {
            let verdict = result["properties"]["verdict"].as_str().unwrap_or_default();
            let silent = ["false-positive", "suppressed", "excluded", "stale"].contains(&verdict);
            if silent || result["suppressions"].as_array().is_some_and(|s| !s.is_empty()) {
                continue;
            }
            let uri =
                result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap_or_default();
            let stem = Path::new(uri).file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
            let reason = result["properties"]["reason"].as_str().or(result["properties"]["gate"].as_str());
            let said = (verdict.to_string(), reason.unwrap_or_default().to_string());
            for cwe in cwes.get(result["ruleId"].as_str().unwrap_or_default()).into_iter().flatten() {
                out.entry((stem.clone(), *cwe)).or_default().push(said.clone());
            }
        }
    }
    out
}

/// CWE numbers in a rule's tags and properties, in any of the usual spellings.
fn cwes(rule: &Value) -> BTreeSet<u32> {
    let empty = Vec::new();
    let p = &rule["properties"];
    let tags = p["tags"].as_array().unwrap_or(&empty).iter().chain(p["cwe"].as_array().unwrap_or(&empty));
    tags.filter_map(Value::as_str)
        .filter_map(|t| {
            let lower = t.to_ascii_lowercase();
            let at = lower.rfind("cwe-")?;
            let digits: String = lower[at + 4..].chars().take_while(char::is_ascii_digit).collect();
            digits.parse().ok()
        })
        .collect()
}

/// Counts of one category.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// Real flaws.
    pub real: usize,
    /// Real flaws found.
    pub hit: usize,
    /// Safe cases.
    pub safe: usize,
    /// Safe cases reported.
    pub alarm: usize,
}

impl Score {
    fn rate(n: usize, of: usize) -> f64 {
        if of == 0 { 0.0 } else { 100.0 * n as f64 / of as f64 }
    }
    /// True-positive rate in percent.
    pub fn tpr(&self) -> f64 {
        Score::rate(self.hit, self.real)
    }
    /// False-positive rate in percent.
    pub fn fpr(&self) -> f64 {
        Score::rate(self.alarm, self.safe)
    }
}

/// Scores per category, and the wrong answers: missed and false.
pub fn score(labels: &[Label], found: &Found) -> (BTreeMap<String, Score>, Vec<Label>, Vec<Label>) {
    let mut by: BTreeMap<String, Score> = BTreeMap::new();
    let (mut missed, mut false_alarms) = (Vec::new(), Vec::new());
    for l in labels {
        let reported = found.contains_key(&(l.name.clone(), l.cwe));
        let s = by.entry(l.category.clone()).or_default();
        if l.real {
            s.real += 1;
            s.hit += usize::from(reported);
            if !reported {
                missed.push(l.clone());
            }
        } else {
            s.safe += 1;
            s.alarm += usize::from(reported);
            if reported {
                false_alarms.push(l.clone());
            }
        }
    }
    (by, missed, false_alarms)
}

struct Options {
    expected: PathBuf,
    sarif: Option<PathBuf>,
    mutate: Option<(PathBuf, PathBuf)>,
    seed: u64,
    list: bool,
}

fn options(args: &[String]) -> Result<Options> {
    let (mut expected, mut sarif, mut mutate, mut seed, mut list) = (None, None, None, 1, false);
    let mut args = args.iter();
    while let Some(a) = args.next() {
        let mut value = || args.next().map(PathBuf::from).with_context(|| format!("{a} needs a value"));
        match a.as_str() {
            "--expected" => expected = Some(value()?),
            "--sarif" => sarif = Some(value()?),
            "--mutate" => mutate = Some((value()?, value()?)),
            "--seed" => seed = value()?.to_string_lossy().parse().context("--seed")?,
            "--list" => list = true,
            other => bail!("unknown argument `{other}`"),
        }
    }
    let Some(expected) = expected else { bail!("--expected CSV is needed") };
    Ok(Options { expected, sarif, mutate, seed, list })
}

/// Runs the task.
pub fn run(args: &[String]) -> Result<()> {
    let o = options(args)?;
    let shown = o.expected.display().to_string();
    let text = std::fs::read_to_string(&o.expected).with_context(|| shown.clone())?;
    let labels = labels(&text).with_context(|| shown)?;
    match (&o.sarif, &o.mutate) {
        (_, Some((from, to))) => crate::mutate::run(from, to, &labels, o.seed),
        (Some(sarif), None) => {
            let shown = sarif.display().to_string();
            let text = std::fs::read_to_string(sarif).with_context(|| shown.clone())?;
            let sarif: Value = serde_json::from_str(&text).with_context(|| shown)?;
            print(&labels, &findings(&sarif), o.list);
            Ok(())
        }
        (None, None) => bail!("--sarif FILE or --mutate SRC OUT is needed"),
    }
}

fn print(labels: &[Label], found: &Found, list: bool) {
    let (by, missed, false_alarms) = score(labels, found);
    println!("{:14} {:>6} {:>6} {:>8} {:>6} {:>6} {:>8}", "category", "real", "found", "TPR", "safe", "alarms", "FPR");
    let mut all = Score::default();
    let row = |name: &str, s: &Score| {
        println!(
            "{name:14} {:>6} {:>6} {:>7.2}% {:>6} {:>6} {:>7.2}%",
            s.real,
            s.hit,
            s.tpr(),
            s.safe,
            s.alarm,
            s.fpr()
        );
    };
    for (name, s) in &by {
        row(name, s);
        all = Score {
            real: all.real + s.real,
            hit: all.hit + s.hit,
            safe: all.safe + s.safe,
            alarm: all.alarm + s.alarm,
        };
    }
    row("all", &all);
    verdicts(labels, found);
    if list {
        for (what, cases) in [("missed", missed), ("false alarm", false_alarms)] {
            cases.iter().for_each(|l| println!("{what}: {} ({}, CWE-{})", l.name, l.category, l.cwe));
        }
    }
}

/// How the findings of real flaws end, by category: verdict and, where there is none of a fix, the reason.
fn verdicts(labels: &[Label], found: &Found) {
    let mut by: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for l in labels.iter().filter(|l| l.real) {
        let Some(said) = found.get(&(l.name.clone(), l.cwe)) else { continue };
        // One case counts once, as the worst of its findings: what stays open stays open.
        let open = said.iter().find(|(v, _)| v != "fixed" && v != "fixable").or(said.first());
        let Some((verdict, reason)) = open else { continue };
        let text = if reason.is_empty() { verdict.clone() } else { format!("{verdict} {reason}") };
        *by.entry((l.category.as_str(), text)).or_default() += 1;
    }
    println!("\nverdicts of the real flaws found:");
    for ((category, verdict), n) in by {
        println!("{category:14} {n:>6} {verdict}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_finding_counts_for_the_file_and_cwe() {
        let all = labels("# head\nA1,sqli,true,89\nA2,sqli,false,89\nA3,xss,true,79\nA4,xss,false,79\n").unwrap();
        let at = |uri: &str, rule: &str, verdict: &str| {
            json!({"ruleId": rule, "properties": {"verdict": verdict},
                   "locations": [{"physicalLocation": {"artifactLocation": {"uri": uri}}}]})
        };
        let sarif = json!({"runs": [{
            "tool": {"driver": {"rules": [
                {"id": "sql-injection", "properties": {"tags": ["security", "external/cwe/cwe-089"]}},
                {"id": "xss", "properties": {"cwe": ["CWE-79"]}},
            ]}},
            "results": [
                at("src/A1.java", "sql-injection", "fixed"),
                at("src/A2.java", "xss", "abstained"),
                at("src/A4.java", "xss", "abstained"),
                at("src/A3.java", "xss", "suppressed"),
            ],
        }]});
        let (by, missed, false_alarms) = score(&all, &findings(&sarif));
        assert_eq!(by["sqli"], Score { real: 1, hit: 1, safe: 1, alarm: 0 });
        assert_eq!(by["xss"], Score { real: 1, hit: 0, safe: 1, alarm: 1 });
        assert_eq!((missed[0].name.as_str(), false_alarms[0].name.as_str()), ("A3", "A4"));
    }

    #[test]
    fn wrong_labels_are_refused() {
        assert!(labels("A,b,maybe,1\n").is_err());
        assert!(labels("A,b\n").is_err());
    }
}
