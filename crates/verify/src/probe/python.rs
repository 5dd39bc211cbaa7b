//! Python: what the harness must know of a finding; it finds the function and stands in for the sink's receiver by itself.

use super::{Answers, Case, by_step, put, results};
use crate::plan::Step;
use crate::tester::Project;
use crate::units::Texts;
use surefix_dataflow::{Flow, Place, StepKind};
use surefix_engine::{Finding, Outcome};

const HARNESS: &str = include_str!("harness/surefix_probe.py");

/// What opens a connection to a database.
pub(crate) const CONNECTS: &[&str] = &[
    "sqlite3.connect",
    "psycopg2.connect",
    "psycopg.connect",
    "pymysql.connect",
    "MySQLdb.connect",
    "mysql.connector.connect",
    "pyodbc.connect",
    "cx_Oracle.connect",
    "oracledb.connect",
];

/// A place as Python's `ast` counts: lines from 1, columns in bytes from 0.
fn place(outcome: &Outcome, at: Place) -> Option<serde_json::Value> {
    let path = outcome.path(at.file);
    let before = outcome.texts.get(path)?.get(..at.span.lo as usize)?;
    let line = before.matches('\n').count() + 1;
    let col = before.len() - before.rfind('\n').map_or(0, |i| i + 1);
    Some(serde_json::json!({ "file": path, "line": line, "col": col }))
}

/// The case of a finding.
pub(super) fn case(outcome: &Outcome, index: usize, f: &Finding, flow: &Flow) -> Result<Case, String> {
    let source = flow.trace.iter().find(|s| s.what == StepKind::Source).ok_or("the source is not known")?;
    let sink = flow.trace.iter().rfind(|s| s.what == StepKind::Sink).ok_or("the sink is not known")?;
    let missing = "the source's text is not at hand";
    let mut from = place(outcome, source.place).ok_or(missing)?;
    from["name"] = source.name.clone().into();
    let to = place(outcome, sink.place).ok_or(missing)?;
    let mut texts = serde_json::Map::new();
    for p in [source.place, sink.place] {
        let path = outcome.path(p.file);
        texts.insert(path.to_string(), outcome.texts.get(path).ok_or(missing)?.clone().into());
    }
    let callee = flow.call.callee.as_str();
    let arg = flow.arg.and_then(|i| flow.call.args.get(i));
    let line = serde_json::json!({
        "rule": f.rule.id,
        "source": from,
        "sink": to,
        "texts": texts,
        "method": callee.rsplit('.').next().unwrap_or(""),
        "arg": flow.arg,
        "connects": CONNECTS,
        "keyword": arg.map_or("", |a| a.keyword.as_str()),
    });
    let file = outcome.path(source.place.file).to_string();
    Ok(Case { finding: index, file, line: line.to_string(), sinks: Vec::new() })
}

/// Runs the harness once for each Python module of the plan.
pub(super) fn ask(project: &mut Project<'_>, texts: &Texts, cases: &[Case]) -> Answers {
    let missing = "no Python interpreter is known for the file";
    by_step(project, cases, "compileall", missing, |project, step, cases| of_module(project, texts, step, cases))
}

fn of_module(project: &mut Project<'_>, texts: &Texts, step: &Step, cases: &[Case]) -> Result<Answers, String> {
    let python = step.argv.first().ok_or("the interpreter is not in the plan")?;
    let place = project.place(texts).map_err(|e| format!("the copy of the project could not be made: {e}"))?;
    let mut lines = String::new();
    for c in cases {
        let mut line: serde_json::Value = serde_json::from_str(&c.line).map_err(|e| e.to_string())?;
        line["id"] = c.finding.into();
        lines.push_str(&line.to_string());
        lines.push('\n');
    }
    put(&place, &[("surefix_probe.py", HARNESS), ("cases", &lines)])?;
    let r = crate::plan::REPORTS;
    let python = root_relative(&step.dir, python);
    let argv = [python, format!("{r}/surefix_probe.py"), format!("{r}/cases"), format!("{r}/results")];
    // Paths of findings are those of the root.
    let ran = project.command(&place, "", &argv);
    results(&place, &ran, cases)
}

/// An interpreter that is named relative to its module, named from the root.
fn root_relative(dir: &str, argv0: &str) -> String {
    if dir.is_empty() || !argv0.starts_with('.') {
        return argv0.to_string();
    }
    format!("./{dir}/{argv0}")
}
