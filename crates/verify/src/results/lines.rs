//! Results that stand in a command's output, or in the JSON of Node's runners.

use super::{Result1, Results};
use crate::sandbox::How;
use serde_json::Value;
use std::collections::BTreeMap;

/// `go test -json`: one object a line.
pub fn go(text: &str) -> Option<Results> {
    let mut out = Results::default();
    let mut said: BTreeMap<String, String> = BTreeMap::new();
    let mut any = false;
    for line in text.lines().filter(|l| l.starts_with('{')) {
        let Ok(v) = serde_json::from_str::<Value>(line) else { continue };
        let get = |k: &str| v.get(k).and_then(Value::as_str);
        let Some(action) = get("Action") else { continue };
        any = true;
        let package = get("Package").unwrap_or("");
        let name = get("Test").map_or_else(|| package.to_string(), |t| format!("{package}.{t}"));
        match action {
            "output" => {
                let text = said.entry(name).or_default();
                if text.len() < 4 * super::MESSAGE {
                    text.push_str(get("Output").unwrap_or(""));
                }
            }
            "pass" => out.add(&name, Result1::Passed),
            "skip" => out.add(&name, Result1::Skipped),
            "fail" => out.add(&name, Result1::Failed(said.remove(&name).unwrap_or_default())),
            _ => {}
        }
    }
    any.then_some(out)
}

/// The Test Anything Protocol; subtests count by their outermost test.
pub fn tap(text: &str) -> Option<Results> {
    let mut out = Results::default();
    let mut any = false;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        any |= line.starts_with("TAP version") || line.starts_with("1..");
        let (ok, rest) = match (line.strip_prefix("ok"), line.strip_prefix("not ok")) {
            (_, Some(r)) => (false, r),
            (Some(r), _) => (true, r),
            _ => continue,
        };
        if !(rest.is_empty() || rest.starts_with(' ')) {
            continue;
        }
        let (name, directive) = rest.rsplit_once(" # ").unwrap_or((rest, ""));
        let name = name.trim_start().trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
        let name = name.strip_prefix("- ").unwrap_or(name);
        let directive = directive.to_ascii_lowercase();
        let mut detail = String::new();
        while let Some(l) = lines.next_if(|l| l.starts_with(' ') || l.starts_with('#')) {
            detail.push_str(l);
            detail.push('\n');
        }
        any = true;
        let skipped = directive.starts_with("skip") || directive.starts_with("todo");
        out.add(
            name,
            if skipped {
                Result1::Skipped
            } else if ok {
                Result1::Passed
            } else {
                Result1::Failed(detail)
            },
        );
    }
    any.then_some(out)
}

/// What `cargo test` prints. Tests of several programs can have the same name; they come in a fixed order.
pub fn cargo(text: &str) -> Option<Results> {
    let mut out = Results::default();
    let mut any = false;
    for line in text.lines() {
        any |= line.starts_with("running ") && line.contains(" test");
        let Some((name, end)) = line.strip_prefix("test ").and_then(|r| r.rsplit_once(" ... ")) else { continue };
        let result = match end.trim() {
            "ok" => Result1::Passed,
            e if e.starts_with("ignored") => Result1::Skipped,
            _ => Result1::Failed(section(text, &format!("---- {name} stdout ----"))),
        };
        out.add(name, result);
    }
    any.then_some(out)
}

fn section(text: &str, head: &str) -> String {
    let after = text.split_once(head).map_or("", |(_, r)| r);
    after
        .lines()
        .skip(1)
        .take_while(|l| !l.starts_with("---- ") && !l.starts_with("failures:"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// What `python -m unittest -v` prints: `test_a (module.Class.test_a) ... ok`, with a line of the doc string in between.
pub fn unittest(text: &str) -> Option<Results> {
    let mut out = Results::default();
    let mut name = String::new();
    for line in text.lines() {
        if let Some((test, rest)) = line.split_once(" (")
            && let Some((class, _)) = rest.split_once(')')
            && !test.contains(' ')
        {
            // Newer versions repeat the method's name behind the class.
            let class = class.strip_suffix(&format!(".{test}")).unwrap_or(class);
            name = format!("{class}.{test}");
        }
        let Some((_, end)) = line.rsplit_once(" ... ") else { continue };
        if name.is_empty() {
            continue;
        }
        let result = match end.trim() {
            "ok" => Result1::Passed,
            "FAIL" | "ERROR" | "unexpected success" => Result1::Failed(unittest_detail(text, &name)),
            e if e.starts_with("skipped") || e == "expected failure" => Result1::Skipped,
            // Something the test printed stands in between: the line with the end follows.
            _ => continue,
        };
        out.add(&std::mem::take(&mut name), result);
    }
    let ran = text.lines().any(|l| l.starts_with("Ran ") && l.contains(" test"));
    ran.then_some(out)
}

fn unittest_detail(text: &str, name: &str) -> String {
    let (class, test) = name.rsplit_once('.').unwrap_or(("", name));
    let heads = [format!("{test} ({class})"), format!("{test} ({class}.{test})")];
    let mut lines = text.lines();
    let found = lines.any(|l| {
        l.strip_prefix("FAIL: ").or_else(|| l.strip_prefix("ERROR: ")).is_some_and(|r| heads.iter().any(|h| r == h))
    });
    if !found {
        return String::new();
    }
    lines.take_while(|l| !l.starts_with("======")).filter(|l| !l.starts_with("------")).collect::<Vec<_>>().join("\n")
}

/// What `python -m compileall -q` prints of files that do not compile.
pub fn compileall(text: &str) -> Results {
    let mut out = Results::default();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(rest) = line.strip_prefix("*** Error compiling '")
            && let Some((path, _)) = rest.split_once('\'')
        {
            let detail: Vec<&str> = lines.by_ref().take_while(|l| !l.trim().is_empty()).collect();
            out.add(path.trim_start_matches("./"), Result1::Failed(detail.join("\n")));
        }
    }
    out
}

/// Messages of a type checker, one a line, without their line numbers: those move with every edit. Notes and the sum at the
/// end say nothing. A failure without a message is none that can be compared.
pub fn messages(text: &str, how: &How) -> Option<Results> {
    let mut out = Results::default();
    for line in text.lines() {
        let lower = line.to_ascii_lowercase();
        if !lower.contains("error")
            || lower.contains(": note:")
            || lower.trim_start().starts_with(|c: char| c.is_ascii_digit())
        {
            continue;
        }
        out.add(&without_places(line), Result1::Failed(line.to_string()));
    }
    (how.success() || !out.0.is_empty()).then_some(out)
}

/// `a.py:12:5: error` and `a.ts(12,5): error` without the numbers.
fn without_places(line: &str) -> String {
    let mut out = String::new();
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        out.push(c);
        if matches!(c, ':' | '(' | ',') {
            while chars.peek().is_some_and(char::is_ascii_digit) {
                chars.next();
            }
        }
    }
    out
}

/// The JSON of jest and vitest (`testResults`), and of mocha (`tests`).
pub fn node(bytes: &[u8]) -> Option<Results> {
    let v: Value = serde_json::from_slice(bytes).ok()?;
    let mut out = Results::default();
    if let Some(files) = v.get("testResults").and_then(Value::as_array) {
        for f in files {
            // The path is one of the machine; its last parts name the file.
            let path = f.get("name").and_then(Value::as_str).unwrap_or("").replace('\\', "/");
            let file = path.rsplit('/').take(2).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("/");
            let tests = f.get("assertionResults").and_then(Value::as_array);
            for t in tests.into_iter().flatten() {
                let name = t.get("fullName").and_then(Value::as_str).unwrap_or("");
                let result = match t.get("status").and_then(Value::as_str) {
                    Some("passed") => Result1::Passed,
                    Some("failed") => Result1::Failed(strings(t.get("failureMessages"))),
                    _ => Result1::Skipped,
                };
                out.add(&format!("{file}: {name}"), result);
            }
            if tests.is_none_or(Vec::is_empty) && f.get("status").and_then(Value::as_str) == Some("failed") {
                out.add(&file, Result1::Failed(f.get("message").and_then(Value::as_str).unwrap_or("").to_string()));
            }
        }
        return Some(out);
    }
    let tests = v.get("tests")?.as_array()?;
    for t in tests {
        let name = t.get("fullTitle").and_then(Value::as_str).unwrap_or("");
        let err = t.get("err").and_then(Value::as_object).filter(|e| !e.is_empty());
        let pending = v
            .get("pending")
            .and_then(Value::as_array)
            .is_some_and(|p| p.iter().any(|x| x.get("fullTitle") == t.get("fullTitle")));
        out.add(
            name,
            match err {
                Some(e) => Result1::Failed(e.get("message").and_then(Value::as_str).unwrap_or("").to_string()),
                None if pending => Result1::Skipped,
                None => Result1::Passed,
            },
        );
    }
    Some(out)
}

fn strings(v: Option<&Value>) -> String {
    let list = v.and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
}
