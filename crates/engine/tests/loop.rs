//! The fix loop and its gates, with rules whose findings are words.

mod support;

use std::sync::atomic::Ordering;
use support::*;
use surefix_engine::{Depth, InputFile, Role, Stop, Verdict};
use surefix_rules::{Confidence, Found, Rule};
use surefix_text::{Edit, Span, Tier};

#[test]
fn one_batch_costs_one_more_analysis() {
    let body: String = (0..60).map(|i| format!("x{i} = bad\n")).collect();
    ANALYSES.store(0, Ordering::SeqCst);
    let o = run(&[COUNTED, LOUD], &[("a.py", &body), ("b.py", "bad\n")], "", Depth::Full);
    assert_eq!(o.counts()["fixed"], 61);
    assert_eq!((o.stop, o.passes), (Some(Stop::Fixpoint), 1));
    // The scan, and the verification that is the next scan.
    assert_eq!(ANALYSES.load(Ordering::SeqCst), 2);

    // What the settings do not allow is verified in the same pass of a preview, and in one more of a fix.
    ANALYSES.store(0, Ordering::SeqCst);
    let o = run(&[COUNTED, LOUD], &[("a.py", "bad\nloud\n")], "", Depth::Preview);
    assert_eq!(verdicts(&o), ["fixed", "fixable"]);
    assert!(o.changed.is_empty());
    assert_eq!(ANALYSES.load(Ordering::SeqCst), 2);
    ANALYSES.store(0, Ordering::SeqCst);
    let o = run(&[COUNTED, LOUD], &[("a.py", "bad\nloud\n")], "", Depth::Full);
    assert_eq!(verdicts(&o), ["fixed", "fixable"]);
    assert_eq!(text(&o, "a.py"), Some("good\nloud\n"));
    assert_eq!(ANALYSES.load(Ordering::SeqCst), 3);
}

#[test]
fn every_guilty_fix_is_withdrawn_alone() {
    let files = [("a.py", "a = bad\nb = broken\nc = bad\n"), ("b.py", "x = same\ny = bad\n"), ("c.py", "z = needy\n")];
    let o = run(&[BAD, BROKEN, SAME, NEEDY], &files, "", Depth::Full);
    let by: Vec<(&str, &str)> = o.findings.iter().map(|f| (f.rule.id, gate(&f.verdict))).collect();
    assert_eq!(
        by,
        [("bad", "fixed"), ("broken", "G1"), ("bad", "fixed"), ("same", "G2"), ("bad", "fixed"), ("needy", "G5")]
    );
    assert_eq!(text(&o, "a.py"), Some("a = good\nb = broken\nc = good\n"));
    assert_eq!(text(&o, "b.py"), Some("x = same\ny = good\n"));
    assert_eq!(text(&o, "c.py"), None);
}

#[test]
fn rules_that_undo_each_other_change_nothing() {
    let o = run(&[PING, PONG, BAD], &[("a.py", "a = ping\nb = bad\n")], "", Depth::Full);
    assert_eq!(text(&o, "a.py"), Some("a = ping\nb = good\n"));
    let by: Vec<(&str, &str)> = o.findings.iter().map(|f| (f.rule.id, gate(&f.verdict))).collect();
    assert_eq!(by, [("ping", "G3"), ("bad", "fixed")]);
}

#[test]
fn what_the_encoding_cannot_write_is_refused_and_the_rest_keeps_its_bytes() {
    let latin = |text: &[u8]| InputFile { path: "a.py".into(), role: Role::Code, bytes: text.to_vec() };
    let o = run_bytes(&[BAD, KANJI], vec![latin(b"# caf\xe9 \x81\r\nx = bad\ry = kanji")], "", Depth::Full, 1);
    let by: Vec<(&str, &str)> = o.findings.iter().map(|f| (f.rule.id, gate(&f.verdict))).collect();
    assert_eq!(by, [("bad", "fixed"), ("kanji", "G4")]);
    assert_eq!(o.changed[0].before, b"# caf\xe9 \x81\r\nx = bad\ry = kanji");
    assert_eq!(o.changed[0].after, b"# caf\xe9 \x81\r\nx = good\ry = kanji");

    let utf16: Vec<u8> =
        [0xff, 0xfe].into_iter().chain("x = bad\r\n".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let o = run_bytes(&[BAD], vec![latin(&utf16)], "", Depth::Full, 1);
    let after: Vec<u8> =
        [0xff, 0xfe].into_iter().chain("x = good\r\n".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    assert_eq!(o.changed[0].after, after);
    let o = run_bytes(&[BAD], vec![latin(b"\xef\xbb\xbfx = bad")], "", Depth::Full, 1);
    assert_eq!(o.changed[0].after, b"\xef\xbb\xbfx = good");
}

/// Replaces the whole line of its word, so that two on one line are in each other's way.
const LINE: Rule = Rule {
    meta: meta("line"),
    detect: |cx, out| words(cx, out, "line", "cell"),
    fix: |cx, f| {
        let text = cx.detect.text(f.file);
        let lo = text[..f.span.lo as usize].rfind('\n').map_or(0, |n| n + 1);
        let hi = text[lo..].find('\n').map_or(text.len(), |n| lo + n);
        let mut fixed = text[lo..hi].to_string();
        let at = f.span.lo as usize - lo;
        fixed.replace_range(at..at + 4, "done");
        let mut fix = put(f, Tier::Preserving, "");
        fix.edits = vec![Edit::replace(f.file, Span::new(lo as u32, hi as u32), fixed)];
        Ok(fix)
    },
};

#[test]
fn overlapping_fixes_take_turns() {
    let o = run(&[LINE], &[("a.py", "a = cell, cell, cell\n")], "", Depth::Full);
    assert_eq!(text(&o, "a.py"), Some("a = done, done, done\n"));
    assert_eq!((verdicts(&o), o.passes), (vec!["fixed"; 3], 3));
    // Only the first can be told in terms of the original text.
    let told = |v: &Verdict| matches!(v, Verdict::Fixed(fix) if fix.edits.is_some());
    assert_eq!(o.findings.iter().map(|f| told(&f.verdict)).collect::<Vec<_>>(), [true, false, false]);
}

#[test]
fn a_second_run_changes_nothing() {
    let files = [
        ("a.py", "a = cell, cell\nb = bad\nc = ping\nd = broken\n"),
        ("requirements.txt", "x==1\n"),
        ("b.py", "both\n"),
    ];
    let rules = [BAD, LINE, PING, PONG, BROKEN, BOTH];
    let first = run(&rules, &files, "", Depth::Full);
    assert!(first.changed.len() == 3, "{:?}", first.changed);
    let after: Vec<(&str, &str)> = files.iter().map(|(p, t)| (*p, text(&first, p).unwrap_or(t))).collect();
    let second = run(&rules, &after, "", Depth::Full);
    assert_eq!(second.changed, []);
}

#[test]
fn files_of_one_fix_belong_together() {
    let files = [("a.py", "both\n"), ("b.py", "bad\n"), ("c.py", "both\n"), ("requirements.txt", "x==1\n")];
    let o = run(&[BAD, BOTH], &files, "", Depth::Full);
    let group = |p: &str| o.changed.iter().find(|c| c.path == p).unwrap().group;
    assert_eq!(text(&o, "requirements.txt"), Some("x==1\nlib==1.0\n"));
    assert_eq!((group("a.py"), group("c.py")), (group("requirements.txt"), group("requirements.txt")));
    assert_ne!(group("a.py"), group("b.py"));
}

#[test]
fn broken_rules_are_told_and_the_others_go_on() {
    let o = run(&[BAD, PANIC_DETECT, PANIC_FIX], &[("a.py", "a = bad\nb = trap\n")], "", Depth::Full);
    assert_eq!(verdicts(&o), ["fixed", "abstained"]);
    assert!(o.failed() && o.diagnostics.iter().any(|d| d.message.contains("panic-detect broke down: no way")));
    assert!(o.diagnostics.iter().any(|d| d.message.contains("recipe of panic-fix broke down")));
}

#[test]
fn syntax_errors_are_left_alone() {
    let text = "def f(:\n    x = bad\n\ndef g():\n    y = bad\n";
    let o = run(&[BAD], &[("a.py", text), ("b.py", "x = bad\n")], "", Depth::Full);
    assert_eq!(o.coverage.partly_parsed, ["a.py"]);
    let last = o.findings.last().unwrap();
    assert_eq!((last.path.as_str(), last.verdict.name()), ("b.py", "fixed"));
}

#[test]
fn accepted_and_foreign_code_is_not_touched() {
    let files = [
        ("a.py", "a = bad  # surefix: ignore -- known\nb = bad\n"),
        ("old/c.py", "a = bad\n"),
        ("tests/test_a.py", "import unittest\n\ndef test_x():\n    a = bad\n"),
        ("site-packages/z.py", "a = bad\n"),
    ];
    let toml = "[[suppress]]\npath = \"old/**\"\nreason = \"legacy\"\n";
    let o = run(&[BAD], &files, toml, Depth::Full);
    let by: Vec<(&str, &str)> = o.findings.iter().map(|f| (f.path.as_str(), f.verdict.name())).collect();
    assert_eq!(
        by,
        [
            ("a.py", "suppressed"),
            ("a.py", "fixed"),
            ("old/c.py", "suppressed"),
            ("site-packages/z.py", "excluded"),
            ("tests/test_a.py", "excluded")
        ]
    );
    assert_eq!(o.changed.len(), 1);
    let o = run(&[BAD], &files, "[paths]\ntests = true\n", Depth::Full);
    assert_eq!(o.findings.last().map(|f| f.verdict.name()), Some("fixed"));
    let o = run(&[BAD], &files, "[paths]\ninclude = [\"old/**\"]\n", Depth::Full);
    assert_eq!(o.changed.iter().map(|c| c.path.as_str()).collect::<Vec<_>>(), ["old/c.py"]);
}

#[test]
fn tiers_by_rule_and_path() {
    let files = [("a.py", "a = bad\nb = loud\n"), ("old/b.py", "a = bad\n")];
    let toml = "[fix.rules]\nloud = \"observable\"\n[[override]]\npaths = [\"old/**\"]\ntier = \"off\"\n";
    let o = run(&[BAD, LOUD], &files, toml, Depth::Full);
    assert_eq!(text(&o, "a.py"), Some("a = good\nb = quiet\n"));
    assert_eq!(text(&o, "old/b.py"), None);
    let Verdict::Fixable { policy: Some(p), .. } = &o.findings[2].verdict else {
        panic!("{:?}", o.findings[2].verdict)
    };
    assert_eq!(p.reason.code(), "tier-not-allowed");
}

/// A finding of medium confidence.
const UNSURE: Rule = Rule {
    meta: meta("unsure"),
    detect: |cx, out| {
        let mut own: Vec<Found> = Vec::new();
        words(cx, &mut own, "unsure", "perhaps");
        words(cx, &mut own, "unsure", "hardly");
        for f in &mut own {
            f.confidence = if f.sink == "perhaps" { Confidence::Medium } else { Confidence::Low };
        }
        out.append(&mut own);
    },
    fix: |_, f| Ok(put(f, Tier::Observable, "surely")),
};

#[test]
fn confidence_decides_what_is_reported_and_fixed() {
    let files = [("a.py", "a = perhaps\nb = hardly\n")];
    let o = run(&[UNSURE], &files, "[fix]\ntier = \"observable\"\n", Depth::Full);
    assert_eq!((verdicts(&o), o.coverage.below_confidence), (vec!["fixable"], 1));
    let toml = "[fix]\ntier = \"observable\"\nconfidence = \"low\"\n[report]\nconfidence = \"low\"\n";
    let o = run(&[UNSURE], &files, toml, Depth::Full);
    assert_eq!((verdicts(&o), o.coverage.below_confidence), (vec!["fixed"; 2], 0));
}

/// SQL flows; the "fix" calls something that nobody knows, or something that models know.
const HIDES: Rule = Rule {
    meta: meta("hides"),
    detect: |cx, out| {
        for flow in cx.analysis.flows.iter().filter(|f| f.kind.name() == "sql") {
            out.push(Found {
                rule: "hides",
                file: surefix_text::FileId(flow.call.file),
                span: flow.call.span,
                message: "flow".into(),
                subject: String::new(),
                sink: flow.call.callee.clone(),
                source: String::new(),
                confidence: Confidence::High,
                call: None,
                variant: "",
                flow: Some(Box::new(flow.clone())),
            });
        }
    },
    fix: |cx, f| {
        let mut fix = put(f, Tier::Preserving, "");
        let name = f.flow.as_ref().map(|f| f.call.name_span).unwrap_or(f.span);
        let text = if cx.detect.text(f.file).contains("known_here") { "fetchone" } else { "run_safely" };
        fix.edits = vec![Edit::replace(f.file, name, text)];
        Ok(fix)
    },
};

#[test]
fn a_flow_that_is_only_out_of_sight_is_not_gone() {
    let code = "import sqlite3\n\ndef f(c: sqlite3.Cursor):\n    q = input()\n    c.execute(\"select \" + q)\n";
    let o = run(&[HIDES], &[("a.py", code)], "", Depth::Full);
    assert_eq!(o.findings.iter().map(|f| gate(&f.verdict)).collect::<Vec<_>>(), ["G2"]);
    let Verdict::Rejected { detail, .. } = &o.findings[0].verdict else { unreachable!() };
    assert!(detail.contains("`run_safely`"), "{detail}");
    let known = code.to_string() + "\nknown_here = 1\n";
    let o = run(&[HIDES], &[("a.py", &known)], "", Depth::Full);
    assert_eq!(verdicts(&o), ["fixed"]);
}

#[test]
fn threads_and_order_cannot_be_seen() {
    let mut files: Vec<(String, String)> = (0..40)
        .map(|i| (format!("d{}/f{i}.py", i % 7), format!("a = bad\nb = cell, cell\nc = ping{i}\nd = broken\nloud\n")))
        .collect();
    files.push(("requirements.txt".into(), "x\n".into()));
    let refs = |f: &[(String, String)]| -> Vec<InputFile> {
        let list: Vec<(&str, &str)> = f.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect();
        input(&list)
    };
    let rules = [BAD, LINE, PING, BROKEN, LOUD];
    let one = run_bytes(&rules, refs(&files), "", Depth::Full, 1);
    files.reverse();
    let two = run_bytes(&rules, refs(&files), "", Depth::Full, 2);
    assert_eq!(one.changed, two.changed);
    let print = |o: &surefix_engine::Outcome| {
        o.findings.iter().map(|f| format!("{} {} {:?}", f.path, f.fingerprint, f.verdict)).collect::<Vec<_>>()
    };
    assert_eq!(print(&one), print(&two));
}
