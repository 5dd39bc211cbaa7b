//! Resolves rows about Python libraries with the real packages: a helper script in an environment that has them.

use super::{Lib, Report, fetch};
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const SCRIPT: &str = include_str!("resolve.py");

/// Packages that are not fetched, and why.
const NOT_FETCHED: &[(&str, &str)] = &[("torch", "a wheel of more than 700 MB")];

#[derive(Serialize)]
struct Question<'a> {
    section: &'a str,
    cells: &'a [String],
    paths: Vec<&'a str>,
}

#[derive(Serialize)]
struct Ask<'a> {
    rows: Vec<Question<'a>>,
    sources: Vec<&'a Path>,
}

#[derive(Deserialize)]
struct Answer {
    error: Option<String>,
    hint: Option<String>,
    /// Why the row is taken on trust, with the name.
    trust: Option<(String, String)>,
    /// Only a type that the row mentions is unknown: another library's environment may have it.
    mentions: Option<String>,
}

fn ask(python: &Path, question: &Ask<'_>) -> Result<Vec<Answer>> {
    let mut child = Command::new(python)
        .args(["-I", "-W", "ignore", "-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {}", python.display()))?;
    let text = serde_json::to_vec(question)?;
    if let Some(mut to) = child.stdin.take() {
        to.write_all(&text)?;
    }
    let out = child.wait_with_output()?;
    // Imported packages may print; the answer is the last line.
    let stdout = String::from_utf8_lossy(&out.stdout);
    match stdout.lines().last().and_then(|l| serde_json::from_str(l).ok()) {
        Some(answers) => Ok(answers),
        None => bail!("the helper gave no answer: {}", String::from_utf8_lossy(&out.stderr)),
    }
}

/// Checks the rows of Python libraries.
pub(crate) fn check(cache: &Path, libs: &[&Lib], report: &mut Report) -> Result<()> {
    let mut envs: Vec<PathBuf> = Vec::new();
    // Rows whose own names hold, but that mention a type of another library.
    let mut open: Vec<(usize, usize, Answer)> = Vec::new();
    for (at, lib) in libs.iter().enumerate() {
        let name = |a: &str| a.split("==").next().unwrap_or("").to_lowercase();
        let skipped: Vec<&(&str, &str)> =
            NOT_FETCHED.iter().filter(|n| lib.artifacts.iter().any(|a| name(a) == n.0)).collect();
        let wanted: Vec<&str> = lib.artifacts.iter().map(String::as_str).filter(|a| *a != "stdlib").collect();
        let wanted: Vec<&str> = wanted.into_iter().filter(|a| !skipped.iter().any(|s| s.0 == name(a))).collect();
        let packages = fetch::packages(cache, &lib.id, &wanted)?;
        for (r, _) in &packages.sources {
            report.trust("only looked up in the source of a package that does not build here", r);
        }
        let row = |r: &'_ super::Row| skipped.iter().any(|s| r.cell(0).split('.').next() == Some(s.0));
        let rows: Vec<&super::Row> = lib.rows.iter().filter(|r| !row(r)).collect();
        for (s, why) in skipped {
            for r in lib.rows.iter().filter(|r| r.cell(0).split('.').next() == Some(s)) {
                report.trust(&format!("{s} is not fetched ({why})"), r.cell(0));
            }
        }
        let question = Ask {
            rows: rows.iter().map(|r| Question { section: &r.section, cells: &r.cells, paths: r.paths() }).collect(),
            sources: packages.sources.iter().map(|s| s.1.as_path()).collect(),
        };
        let answers = ask(&packages.python, &question).with_context(|| lib.file.clone())?;
        if answers.len() != rows.len() {
            bail!("{}: {} answers for {} rows", lib.file, answers.len(), rows.len());
        }
        for (n, answer) in answers.into_iter().enumerate() {
            if let Some((why, name)) = &answer.trust {
                report.trust(why, name);
            }
            match (rows.get(n), &answer.error) {
                (Some(_), Some(_)) if answer.mentions.is_some() => {
                    if let Some(line) = lib.rows.iter().position(|r| rows.get(n).is_some_and(|x| std::ptr::eq(*x, r))) {
                        open.push((at, line, answer));
                    }
                }
                (Some(r), Some(e)) => report.error(lib, r, e, answer.hint.as_deref()),
                _ => {}
            }
        }
        envs.push(packages.python);
    }
    for python in &envs {
        if open.is_empty() {
            break;
        }
        let names: Vec<Vec<String>> = open.iter().map(|o| vec![o.2.mentions.clone().unwrap_or_default()]).collect();
        let rows = names.iter().map(|n| Question { section: "type", cells: n, paths: Vec::new() }).collect();
        let answers = ask(python, &Ask { rows, sources: Vec::new() })?;
        let mut answers = answers.into_iter();
        open.retain(|_| answers.next().is_none_or(|a| a.error.is_some()));
    }
    for (at, row, answer) in open {
        if let Some((lib, row)) = libs.get(at).and_then(|l| l.rows.get(row).map(|r| (l, r))) {
            report.error(lib, row, answer.error.as_deref().unwrap_or(""), answer.hint.as_deref());
        }
    }
    Ok(())
}
