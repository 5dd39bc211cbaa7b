//! The examples on the pages of rules (`docs/rules/<rule>.md`) are tests: the flawed one is found, the other one is not.

use crate::{Options, Report, project};
use surefix_engine::{Config, Depth, Flags, Knowledge, Settings, in_pool, scan_memory};
use surefix_rules::RULES;

/// A block below the heading "Example".
#[derive(Debug, PartialEq, Eq)]
struct Example<'t> {
    line: usize,
    path: String,
    text: &'t str,
    /// "Use instead" stands before it.
    good: bool,
}

/// Checks the pages of all rules.
pub fn check(options: &Options, report: &mut Report) -> std::io::Result<()> {
    for r in RULES {
        let name = format!("docs/rules/{}.md", r.meta.id);
        if options.filter.as_ref().is_some_and(|f| !name.contains(f.as_str())) {
            continue;
        }
        let text = std::fs::read_to_string(options.root.join(&name))?;
        let all = examples(&text);
        if !all.iter().any(|e| !e.good) {
            report.failures.push(format!("{name}: no example of what the rule finds"));
        }
        report.examples += all.len();
        for e in all {
            if let Err(what) = run(r.meta.id, &e) {
                report.failures.push(format!("{name}:{}: {what}", e.line));
            }
        }
    }
    Ok(())
}

fn run(rule: &str, e: &Example<'_>) -> Result<(), String> {
    let mut config = Config::default();
    config.rules.only.push(rule.to_string());
    let settings = Settings::resolve(&config, &Flags::default());
    let input = project::input(&[(e.path.clone(), e.text.as_bytes().to_vec())]);
    let knowledge = Knowledge { rules: RULES, models: surefix_models::builtin() };
    let outcome = in_pool(1, || scan_memory(input, &settings, &knowledge, Depth::Detect))
        .and_then(|r| r)
        .map_err(|e| e.to_string())?;
    if !outcome.coverage.partly_parsed.is_empty() {
        return Err("the example does not parse".to_string());
    }
    let found = outcome.findings.iter().filter(|f| f.rule.id == rule).count();
    match (e.good, found) {
        (true, 0) | (false, 1) => Ok(()),
        (true, n) => Err(format!("the example below \"Use instead\" has {n} findings")),
        (false, n) => Err(format!("the example has {n} findings instead of one")),
    }
}

fn examples(text: &str) -> Vec<Example<'_>> {
    let mut out = Vec::new();
    let mut inside = false;
    let mut good = false;
    let mut open: Option<(usize, usize, &str)> = None;
    let mut at = 0;
    for (n, line) in text.split_inclusive('\n').enumerate() {
        let start = at;
        at += line.len();
        let bare = line.trim_end();
        match open {
            Some((from, first, info)) if bare == "```" => {
                open = None;
                let path = match info.split(' ').next() {
                    Some("java") => "src/main/java/Example.java",
                    Some("python") => "app.py",
                    _ => continue,
                };
                if inside {
                    out.push(Example { line: first, path: path.to_string(), text: &text[from..start], good });
                }
                good = false;
            }
            Some(_) => {}
            None if bare.starts_with("```") => open = Some((at, n + 1, &bare[3..])),
            None if bare.starts_with("## ") => {
                inside = bare == "## Example";
                good = false;
            }
            None if bare.starts_with("Use instead") => good = true,
            None => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_flawed_and_good_examples() {
        let page = "# x\n\n## Example\n\n```python\nbad()\n```\n\nUse instead:\n\n```python\ngood()\n```\n\n```text\nno\n```\n\n## Known limits\n\n```java\nother\n```\n";
        let all = examples(page);
        let short: Vec<_> = all.iter().map(|e| (e.line, e.text, e.good)).collect();
        assert_eq!(short, [(5, "bad()\n", false), (11, "good()\n", true)]);
    }
}
