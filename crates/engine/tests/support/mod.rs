//! Rules made for the tests: words of the text are their findings, so that a test says exactly what happens.
#![allow(dead_code)]

use std::sync::atomic::{AtomicUsize, Ordering};
use surefix_engine::config::Config;
use surefix_engine::{Depth, Flags, InputFile, Knowledge, Outcome, Settings, Verdict, discover, in_pool, scan_memory};
use surefix_ir::Lang;
use surefix_rules::{Confidence, DetectCx, FixCx, Found, Refusal, Rule, RuleMeta, Severity};
use surefix_text::{Assurance, Edit, FileId, Fix, Span, Tier};

pub const fn meta(id: &'static str) -> RuleMeta {
    RuleMeta {
        id,
        title: "Test rule",
        cwe: &[1],
        severity: Severity::High,
        langs: &[Lang::Java, Lang::Python],
        best_tier: Tier::Preserving,
        page: "# Test rule",
    }
}

/// Reports every place where `word` stands as a whole word.
pub fn words(cx: &DetectCx<'_>, out: &mut Vec<Found>, rule: &'static str, word: &str) {
    for (i, text) in cx.texts.iter().enumerate() {
        for (at, _) in text.match_indices(word) {
            let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
            if part(text[..at].chars().next_back()) || part(text[at + word.len()..].chars().next()) {
                continue;
            }
            out.push(Found {
                rule,
                file: FileId(i as u32),
                span: Span::new(at as u32, (at + word.len()) as u32),
                message: format!("{word} is used"),
                subject: String::new(),
                sink: word.to_string(),
                source: String::new(),
                confidence: Confidence::High,
                flow: None,
                call: None,
                variant: "",
            });
        }
    }
}

/// A fix that puts `text` in the place of the finding.
pub fn put(f: &Found, tier: Tier, text: &str) -> Fix {
    Fix {
        title: format!("Write {text}"),
        edits: vec![Edit::replace(f.file, f.span, text)],
        assurance: Assurance::start(tier),
        needs: Vec::new(),
    }
}

/// A rule that replaces a word by another one.
macro_rules! swap {
    ($name:ident, $id:literal, $from:literal => $to:literal, $tier:ident) => {
        pub const $name: Rule = Rule {
            meta: meta($id),
            detect: |cx, out| words(cx, out, $id, $from),
            fix: |_, f| Ok(put(f, Tier::$tier, $to)),
        };
    };
}

swap!(BAD, "bad", "bad" => "good", Preserving);
swap!(LOUD, "loud", "loud" => "quiet", Observable);
swap!(PING, "ping", "ping" => "pong", Preserving);
swap!(PONG, "pong", "pong" => "ping", Preserving);
swap!(BROKEN, "broken", "broken" => "((", Preserving);
swap!(KANJI, "kanji", "kanji" => "日", Preserving);
swap!(SAME, "same", "same" => "same + 0", Preserving);

pub static ANALYSES: AtomicUsize = AtomicUsize::new(0);

/// As [`BAD`], counting how often it is asked.
pub const COUNTED: Rule = Rule {
    meta: meta("counted"),
    detect: |cx, out| {
        ANALYSES.fetch_add(1, Ordering::SeqCst);
        words(cx, out, "counted", "bad");
    },
    fix: |_, f| Ok(put(f, Tier::Preserving, "good")),
};

/// Breaks down.
pub const PANIC_DETECT: Rule = Rule { meta: meta("panic-detect"), detect: |_, _| panic!("no way"), fix: |_, _| no() };
pub const PANIC_FIX: Rule = Rule {
    meta: meta("panic-fix"),
    detect: |cx, out| words(cx, out, "panic-fix", "trap"),
    fix: |_, _| panic!("no way"),
};

fn no() -> Result<Fix, Refusal> {
    Err(Refusal::new(surefix_text::Reason::NoRecipe, "none"))
}

/// Needs a name that nothing brings in.
pub const NEEDY: Rule = Rule {
    meta: meta("needy"),
    detect: |cx, out| words(cx, out, "needy", "needy"),
    fix: |_: &FixCx<'_>, f: &Found| {
        let mut fix = put(f, Tier::Preserving, "helper()");
        fix.needs.push((f.file, "not.there.helper".to_string()));
        Ok(fix)
    },
};

/// Changes the code and the first build file.
pub const BOTH: Rule = Rule {
    meta: meta("both"),
    detect: |cx, out| words(cx, out, "both", "both"),
    fix: |cx, f| {
        let mut fix = put(f, Tier::Preserving, "one");
        if let Some((id, _, text)) = cx.detect.project.files().next() {
            fix.edits.push(Edit::insert(id, text.len() as u32, "lib==1.0\n"));
        }
        Ok(fix)
    },
};

pub fn input(files: &[(&str, &str)]) -> Vec<InputFile> {
    let one = |(path, text): &(&str, &str)| InputFile {
        path: path.to_string(),
        role: discover::role(path).unwrap(),
        bytes: text.as_bytes().to_vec(),
    };
    files.iter().map(one).collect()
}

pub fn settings(toml: &str) -> Settings {
    Settings::resolve(&Config::parse("surefix.toml", toml, &[]).unwrap(), &Flags::default())
}

pub fn run(rules: &[Rule], files: &[(&str, &str)], toml: &str, depth: Depth) -> Outcome {
    run_bytes(rules, input(files), toml, depth, 1)
}

pub fn run_bytes(rules: &[Rule], files: Vec<InputFile>, toml: &str, depth: Depth, threads: usize) -> Outcome {
    let knowledge = Knowledge { rules, models: surefix_models::builtin() };
    let settings = settings(toml);
    in_pool(threads, || scan_memory(files, &settings, &knowledge, depth)).unwrap().unwrap()
}

pub fn verdicts(o: &Outcome) -> Vec<&'static str> {
    o.findings.iter().map(|f| f.verdict.name()).collect()
}

/// The gate that refused a finding's fix.
pub fn gate(v: &Verdict) -> &'static str {
    match v {
        Verdict::Rejected { gate, .. } => &gate.name()[..2],
        other => other.name(),
    }
}

pub fn text<'a>(o: &'a Outcome, path: &str) -> Option<&'a str> {
    o.changed.iter().find(|c| c.path == path).map(|c| c.text_after.as_str())
}
