//! The formats, on an outcome with every verdict that a scan can give.

use std::collections::BTreeSet;
use surefix_engine::config::Config;
use surefix_engine::{Depth, Flags, InputFile, Knowledge, Outcome, Role, Settings, discover, in_pool, scan_memory};
use surefix_ir::Lang;
use surefix_report::terminal::Look;
use surefix_report::{json, markdown, patch, sarif, terminal};
use surefix_rules::{Confidence, DetectCx, Found, Refusal, Rule, RuleMeta, Severity};
use surefix_text::{Assurance, Edit, FileId, Fix, Reason, Span, Tier};

const fn meta(id: &'static str, severity: Severity) -> RuleMeta {
    RuleMeta {
        id,
        title: "A <b>title</b>",
        cwe: &[89, 564],
        severity,
        langs: &[Lang::Python],
        best_tier: Tier::Preserving,
        page: "# A title\n\nWhat it *is*.\n\n```python\nbad()\n```\n",
    }
}

fn words(cx: &DetectCx<'_>, out: &mut Vec<Found>, rule: &'static str, word: &str) {
    for (i, text) in cx.texts.iter().enumerate() {
        for (at, _) in text.match_indices(word) {
            let mut f = blank(rule);
            f.file = FileId(i as u32);
            f.span = Span::new(at as u32, (at + word.len()) as u32);
            f.message = format!("{word} is | used\u{1b}[31m");
            out.push(f);
        }
    }
}

fn blank(rule: &'static str) -> Found {
    Found {
        rule,
        file: FileId(0),
        span: Span::new(0, 0),
        message: "x".into(),
        subject: String::new(),
        sink: "sink".into(),
        source: String::new(),
        confidence: Confidence::High,
        flow: None,
        call: None,
        variant: "",
    }
}

fn put(f: &Found, tier: Tier, text: &str) -> Fix {
    let mut assurance = Assurance::start(Tier::Preserving);
    if tier > Tier::Preserving {
        assurance.lower(tier, "somebody may notice");
    }
    Fix { title: format!("Write `{text}`"), edits: vec![Edit::replace(f.file, f.span, text)], assurance, needs: vec![] }
}

const RULES: &[Rule] = &[
    Rule {
        meta: meta("bad-word", Severity::High),
        detect: |cx, out| words(cx, out, "bad-word", "bad"),
        fix: |cx, f| {
            let mut fix = put(f, Tier::Preserving, "good");
            fix.edits.push(Edit::insert(f.file, cx.detect.text(f.file).len() as u32, "# end 😀\n"));
            Ok(fix)
        },
    },
    Rule {
        meta: meta("broken", Severity::Medium),
        detect: |cx, out| words(cx, out, "broken", "broken"),
        fix: |_, f| Ok(put(f, Tier::Preserving, "((")),
    },
    Rule {
        meta: meta("hard", Severity::Low),
        detect: |cx, out| words(cx, out, "hard", "hard"),
        fix: |_, _| Err(Refusal::new(Reason::NoLocalFix, "it is `hard`").with_steps("1. Think.\n2. Ask.")),
    },
    Rule {
        meta: meta("loud", Severity::Critical),
        detect: |cx, out| words(cx, out, "loud", "loud"),
        fix: |_, f| Ok(put(f, Tier::Observable, "soft")),
    },
    Rule {
        meta: meta("sql", Severity::High),
        detect: |cx, out| {
            for flow in cx.analysis.flows.iter().filter(|f| f.kind.name() == "sql") {
                let mut f = blank("sql");
                (f.file, f.span) = (FileId(flow.call.file), flow.call.span);
                f.flow = Some(Box::new(flow.clone()));
                out.push(f);
            }
        },
        fix: |_, _| Err(Refusal::new(Reason::ShapeUnknown, "unknown")),
    },
];

const ODD: &str = "# \u{1b}[2J é😀 bad\r\nx = 'é😀' + bad + loud  # \u{202e}\r\ny = broken\r\nz = hard\r\n";
const FLOW: &str = "import sqlite3\n\ndef f(c: sqlite3.Cursor):\n    q = input()\n    c.execute(\"select \" + q)\n";

fn outcome() -> Outcome {
    let code =
        |path: &str, text: &str| InputFile { path: path.into(), role: Role::Code, bytes: text.as_bytes().to_vec() };
    let files = vec![
        code("src/a ü#.py", ODD),
        code("flow.py", FLOW),
        code("s.py", "a = bad  # surefix: ignore -- known\n"),
        code("vendor/v.py", "a = bad\n"),
        code("err.py", "def (:\n"),
        code("bin.py", "\0"),
    ];
    assert_eq!(discover::role("src/a ü#.py"), Some(Role::Code));
    let settings = Settings::resolve(&Config::default(), &Flags::default());
    let knowledge = Knowledge { rules: RULES, models: surefix_models::builtin() };
    in_pool(1, || scan_memory(files, &settings, &knowledge, Depth::Full)).unwrap().unwrap()
}

fn metas() -> Vec<RuleMeta> {
    RULES.iter().map(|r| r.meta).collect()
}

#[test]
fn the_outcome_has_every_verdict() {
    let counts = outcome().counts();
    let some: Vec<_> = counts.iter().filter(|(_, n)| **n > 0).map(|(k, _)| *k).collect();
    assert_eq!(some, ["abstained", "excluded", "fixable", "fixed", "rejected", "suppressed"]);
}

#[test]
fn sarif_is_valid_and_its_fixes_do_what_was_done() {
    let schema = include_str!("data/sarif-schema-2.1.0.json");
    // A stray bracket that only lenient engines take; escaped it means the same.
    let schema = schema.replace("{2}]?$", "{2}\\\\]?$");
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let broken = serde_json::json!({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": 1}}, "x": 2}]});
    assert_eq!(validator.iter_errors(&broken).count(), 2, "the measure measures");
    let o = outcome();
    for o in [o.clone(), o.clone().as_preview(), Outcome::default()] {
        let log: serde_json::Value = serde_json::from_str(&sarif::render(&o, &metas())).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&log).map(|e| format!("{} at {}", e, e.instance_path())).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
    let log: serde_json::Value = serde_json::from_str(&sarif::render(&o, &metas())).unwrap();
    let run = &log["runs"][0];
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), o.findings.len());
    for r in results {
        assert_eq!(run["tool"]["driver"]["rules"][r["ruleIndex"].as_u64().unwrap() as usize]["id"], r["ruleId"]);
        assert_eq!(r["partialFingerprints"][sarif::FINGERPRINT].as_str().unwrap().len(), 32);
    }
    let flow = results.iter().find(|r| r["ruleId"] == "sql").unwrap();
    let steps = flow["codeFlows"][0]["threadFlows"][0]["locations"].as_array().unwrap();
    assert!(steps.len() >= 2, "{steps:?}");
    assert_eq!(steps[0]["location"]["physicalLocation"]["region"]["startLine"], 4);
    assert_eq!(results.iter().filter(|r| r.get("suppressions").is_some()).count(), 1);

    // Every fix that was applied, put into the original by line and UTF-16 column, gives the changed text.
    let mut edits: BTreeSet<(usize, usize, String)> = BTreeSet::new();
    for r in results.iter().filter(|r| r["properties"]["verdict"] == "fixed") {
        for change in r["fixes"][0]["artifactChanges"].as_array().unwrap() {
            assert_eq!(change["artifactLocation"]["uri"], "src/a%20%C3%BC%23.py");
            for e in change["replacements"].as_array().unwrap() {
                let at = |line: &str, column: &str| {
                    offset(
                        ODD,
                        e["deletedRegion"][line].as_u64().unwrap(),
                        e["deletedRegion"][column].as_u64().unwrap(),
                    )
                };
                let text = e["insertedContent"]["text"].as_str().unwrap_or("").to_string();
                edits.insert((at("startLine", "startColumn"), at("endLine", "endColumn"), text));
            }
        }
    }
    let mut text = ODD.to_string();
    for (lo, hi, new) in edits.iter().rev() {
        text.replace_range(lo..hi, new);
    }
    assert_eq!(o.changed.len(), 1);
    assert_eq!(text, o.changed[0].text_after);
}

fn offset(text: &str, line: u64, column: u64) -> usize {
    let start = text.split_inclusive('\n').take(line as usize - 1).map(str::len).sum::<usize>();
    let mut left = column as usize - 1;
    for (i, c) in text[start..].char_indices() {
        if left == 0 {
            return start + i;
        }
        left -= c.len_utf16();
    }
    text.len()
}

/// Every key of a JSON value, at any depth; keys of maps that hold data are left out.
fn keys(value: &serde_json::Value, out: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(map) => {
            for (k, v) in map {
                out.insert(k.clone());
                if !matches!(k.as_str(), "by_language" | "verdicts" | "abstentions") {
                    keys(v, out);
                }
            }
        }
        serde_json::Value::Array(list) => list.iter().for_each(|v| keys(v, out)),
        _ => {}
    }
}

#[test]
fn json_says_what_its_page_says() {
    let text = json::render(&outcome());
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["schema"], 1);
    let verdicts = value["summary"]["verdicts"].as_object().unwrap();
    let sum: u64 = verdicts.values().filter_map(|v| v.as_u64()).sum();
    assert_eq!(verdicts.len(), 8);
    assert_eq!(Some(sum), value["summary"]["findings"].as_u64());
    assert_eq!(value["findings"].as_array().unwrap().len() as u64, sum);
    assert_eq!(value["coverage"]["skipped"][0]["why"], "binary");
    assert_eq!(value["coverage"]["partly_parsed"][0], "err.py");
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/json.md")).unwrap();
    let mut all = BTreeSet::new();
    keys(&value, &mut all);
    let untold: Vec<_> = all.iter().filter(|k| !page.contains(&format!("`{k}`"))).collect();
    assert!(untold.is_empty(), "docs/json.md does not name {untold:?}");
}

#[test]
fn the_terminal_gets_nothing_that_steers_it() {
    let o = outcome();
    let look = Look { color: false, all: true, diffs: true };
    let mut text = terminal::render(&o, look) + &terminal::diagnostics(&o, look) + &markdown::render(&o);
    for f in &o.findings {
        text += &terminal::explain(&o, f, look);
    }
    let steering: Vec<char> = text.chars().filter(|c| *c != '\n' && surefix_report::escape::is_dangerous(*c)).collect();
    assert!(steering.is_empty(), "{steering:?}");
    assert!(text.contains("<U+001B>") && text.contains("<U+202E>"));
    // With colour the only escapes are those of the colours.
    let text = terminal::render(&o, Look { color: true, ..look });
    let rest: String = text
        .split('\u{1b}')
        .skip(1)
        .filter(|s| !s.starts_with('[') || !s[1..].starts_with(|c: char| c.is_ascii_digit() || c == 'm'))
        .collect();
    assert_eq!(rest, "");
    assert!(!text.contains("\u{1b}[2J"));
}

#[test]
fn the_summary_adds_up_and_heads_with_the_coverage() {
    let o = outcome();
    let text = terminal::summary(&o, Look::default());
    assert!(text.starts_with("Analysed 5 files (python 5), "), "{text}");
    assert!(text.contains("Skipped 1 file: 1 binary\nPartly parsed 1 file with syntax errors: err.py\n"), "{text}");
    let found = text.lines().find(|l| l.starts_with("Found ")).unwrap();
    let numbers: Vec<usize> = found.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
    assert_eq!(numbers[0], numbers[1..].iter().sum::<usize>(), "{found}");
    assert!(text.contains("  abstained, hard: no-local-fix 1\n"), "{text}");
}

#[test]
fn explain_shows_the_flow_and_the_failed_precondition() {
    let o = outcome();
    let one = |rule: &str| {
        let f = o.findings.iter().find(|f| f.rule.id == rule).unwrap();
        terminal::explain(&o, f, Look::default())
    };
    let sql = one("sql");
    assert!(sql.contains("1. untrusted data enters from") && sql.contains("4 |     q = input()"), "{sql}");
    assert!(one("hard").contains("abstained: no-local-fix: it is `hard`\n\nBy hand:\n1. Think."));
    let loud = one("loud");
    assert!(loud.contains("G2 gone passed") && loud.contains("tier observable: somebody may notice"), "{loud}");
    assert!(one("broken").contains("refused by gate G1 parse"));
}

#[test]
fn markdown_is_inert() {
    let text = markdown::render(&outcome());
    assert!(!text.contains("<b>") && !text.contains("is | used"), "{text}");
    assert!(text.starts_with("# Surefix\n\nAnalysed 5 files"), "{text}");
}

#[test]
fn the_patch_names_files_as_git_does() {
    let o = outcome();
    let text = String::from_utf8(patch(&o, "")).unwrap();
    assert!(String::from_utf8(patch(&o, "top")).unwrap().contains("b/top/src/a"));
    assert!(text.starts_with("diff --git \"a/src/a \\303\\274#.py\" \"b/src/a \\303\\274#.py\"\n"), "{text}");
    assert!(text.contains("+x = 'é😀' + good + loud  # \u{202e}\r\n"), "{text}");
}
