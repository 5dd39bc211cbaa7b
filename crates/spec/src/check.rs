//! What must hold for every case, checked in memory.

use crate::parse::{Case, Eol, Expected, Spec};
use crate::project::{self, Files};
use std::borrow::Cow;
use std::collections::BTreeMap;
use surefix_engine::config::MaxTier;
use surefix_engine::{Applied, Config, Depth, Flags, Knowledge, Outcome, Settings, Verdict, in_pool, scan_memory};
use surefix_models::ModelSet;
use surefix_rules::RULES;
use surefix_text::{EditKind, SourceFile, diff};

/// Something that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Another diff came out.
    Diff,
    /// Anything else.
    Other(String),
}

/// A failure, with the diff that came out where that is what failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    broken: Broken,
    actual: String,
}

impl Failure {
    /// True when rewriting the diff block would mend it.
    pub fn is_blessable(&self) -> bool {
        self.broken == Broken::Diff
    }
    /// For the report.
    pub fn text(&self) -> String {
        match &self.broken {
            Broken::Other(text) => text.clone(),
            Broken::Diff if self.actual.is_empty() => "a diff is expected, and nothing was changed".to_string(),
            Broken::Diff => format!("another diff came out (SUREFIX_BLESS=1 takes it over):\n{}", self.actual),
        }
    }
}

/// What the engine made of a case.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// The project before.
    pub before: Files,
    /// The project after; equal to `before` when nothing was fixed.
    pub after: Files,
    /// The diff that came out, as specifications show it.
    pub diff: String,
    /// What does not hold.
    pub failures: Vec<Failure>,
}

impl Checked {
    /// True when a fix changed something.
    pub fn changed(&self) -> bool {
        self.before != self.after
    }
    fn other(&mut self, text: impl Into<String>) {
        self.failures.push(Failure { broken: Broken::Other(text.into()), actual: String::new() });
    }
}

/// Everything a scan of a case needs.
struct Bench<'a> {
    settings: Settings,
    models: Cow<'a, ModelSet>,
    only: Vec<String>,
}

impl Bench<'_> {
    fn of(spec: &Spec, case: &Case) -> Result<Self, String> {
        let ids: Vec<&str> = RULES.iter().map(|r| r.meta.id).collect();
        let mut config = match &case.settings {
            Some(text) => Config::parse("surefix.toml", text, &ids).map_err(|e| e.to_string())?,
            None => Config::default(),
        };
        if config.rules.only.is_empty() {
            if !ids.contains(&spec.rule.as_str()) {
                return Err(format!("the folder names no rule: {}", spec.rule));
            }
            config.rules.only.push(spec.rule.clone());
        }
        // A specification is about what a fix does, so the policy hides none unless the case is about the policy.
        config.fix.tier.get_or_insert(MaxTier::Observable);
        let user: Vec<(String, String)> = case
            .files
            .iter()
            .filter(|f| config.models.contains(&f.path))
            .map(|f| (f.path.clone(), f.text.clone()))
            .collect();
        let models = if user.is_empty() {
            Cow::Borrowed(surefix_models::builtin())
        } else {
            let loaded = surefix_models::load(surefix_models::builtin(), &user);
            Cow::Owned(loaded.map_err(|e| e.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))?)
        };
        let only = config.rules.only.clone();
        Ok(Bench { settings: Settings::resolve(&config, &Flags::default()), models, only })
    }

    fn scan(&self, files: &[(String, Vec<u8>)], threads: usize, depth: Depth) -> Result<Outcome, String> {
        let mut input = project::input(files);
        if threads > 1 {
            // Neither the number of threads nor the order of the files may show.
            input.reverse();
        }
        let knowledge = Knowledge { rules: RULES, models: &self.models };
        in_pool(threads, || scan_memory(input, &self.settings, &knowledge, depth))
            .and_then(|r| r)
            .map_err(|e| e.to_string())
    }

    fn mine<'o>(&self, outcome: &'o Outcome) -> impl Iterator<Item = &'o surefix_engine::Finding> {
        outcome.findings.iter().filter(|f| self.only.iter().any(|id| id == f.rule.id))
    }
}

/// Runs a case. An error means that it could not be run at all.
pub fn check(spec: &Spec, case: &Case) -> Result<Checked, String> {
    let bench = Bench::of(spec, case)?;
    let before = project::files(case);
    let first = bench.scan(&before, 1, Depth::Full)?;
    let mut after = before.clone();
    for c in &first.changed {
        match after.iter_mut().find(|(p, _)| *p == c.path) {
            Some((_, bytes)) => bytes.clone_from(&c.after),
            None => after.push((c.path.clone(), c.after.clone())),
        }
    }
    let shown: String =
        first.changed.iter().map(|c| surefix_engine::diff(&c.path, &c.text_before, &c.text_after)).collect();
    let mut out = Checked { before, after, diff: as_shown(&shown), failures: Vec::new() };

    expectations(&bench, case, &first, &mut out);
    for d in first.diagnostics.iter().filter(|d| d.failure) {
        out.other(format!("{}: {}", d.path, d.message));
    }
    let second = bench.scan(&out.before, 2, Depth::Full)?;
    if fingerprint(&first) != fingerprint(&second) {
        out.other("two threads and another order of files give another answer");
    }
    if out.changed() {
        bytes_kept(case, &first, &mut out);
        comments_kept(&first, &mut out);
        let detected = bench.scan(&out.before, 1, Depth::Detect)?;
        let again = bench.scan(&out.after, 1, Depth::Full)?;
        rescanned(&bench, &detected, &first, &again, &mut out);
    }
    Ok(out)
}

/// A diff as specifications show it: line ends plain, and no blank at the end of an empty line that editors would take away.
fn as_shown(diff: &str) -> String {
    diff.lines().map(|l| if l.trim_end() == "" { "" } else { l }).flat_map(|l| [l, "\n"]).collect()
}

/// Findings, verdicts, tiers and the diff are what the case says.
fn expectations(bench: &Bench<'_>, case: &Case, first: &Outcome, out: &mut Checked) {
    let mut actual: Vec<Expected> = Vec::new();
    let mut told: Vec<String> = Vec::new();
    for f in bench.mine(first) {
        let verdict = match &f.verdict {
            Verdict::Abstained(r) => format!("abstained {}", r.reason.code()),
            v => v.name().to_string(),
        };
        let at = place(first, f);
        let why = match &f.verdict {
            Verdict::Abstained(r) => r.detail.clone(),
            Verdict::Rejected { gate, detail, .. } => format!("{}: {detail}", gate.name()),
            Verdict::Fixable { policy: Some(p), .. } => p.detail.clone(),
            _ => String::new(),
        };
        told.push(format!("  {verdict} at {at} [{} confidence] {} {why}", f.confidence().name(), f.found.message));
        actual.push(Expected { verdict, at: Some(at) });
        if let (Some(tier), Verdict::Fixed(fix) | Verdict::Fixable { fix, .. }) = (&case.tier, &f.verdict)
            && fix.tier.name() != tier
        {
            out.other(format!("tier {} instead of {tier}", fix.tier.name()));
        }
    }
    let mut rest = actual.clone();
    let mut missing: Vec<&Expected> = Vec::new();
    // Those that say where come first, so that the others take what is left.
    let (placed, free): (Vec<_>, Vec<_>) = case.expected.iter().partition(|e| e.at.is_some());
    for e in placed.into_iter().chain(free) {
        let fits = |a: &Expected| {
            let plain = a.verdict.split(' ').next().unwrap_or_default();
            (a.verdict == e.verdict || plain == e.verdict) && (e.at.is_none() || e.at == a.at)
        };
        match rest.iter().position(fits) {
            Some(i) => drop(rest.remove(i)),
            None => missing.push(e),
        }
    }
    let said = case.none || !case.expected.is_empty();
    if !said {
        out.other(format!("the case expects nothing: add a diff or a `Verdict:`; found:\n{}", told.join("\n")));
    } else if !missing.is_empty() || !rest.is_empty() {
        let list = |v: &mut dyn Iterator<Item = &Expected>| v.map(|e| e.verdict.clone()).collect::<Vec<_>>().join(", ");
        out.other(format!(
            "other findings than expected; missing: [{}], too many: [{}]; found:\n{}",
            list(&mut missing.iter().copied()),
            list(&mut rest.iter()),
            told.join("\n")
        ));
    }
    let expected = case.diff.as_ref().map_or(String::new(), |d| as_shown(&d.text));
    if expected != out.diff {
        out.failures.push(Failure { broken: Broken::Diff, actual: out.diff.clone() });
    }
}

fn place(outcome: &Outcome, f: &surefix_engine::Finding) -> String {
    let text = outcome.texts.get(&f.path).map_or("", String::as_str);
    let line = text.get(..f.found.span.lo as usize).unwrap_or("").matches('\n').count() + 1;
    format!("{}:{line}", f.path)
}

/// Everything of an outcome that a user can see.
fn fingerprint(o: &Outcome) -> String {
    let findings: Vec<_> = o
        .findings
        .iter()
        .map(|f| (&f.path, f.found.span, f.rule.id, &f.fingerprint, &f.found.message, &f.verdict))
        .collect();
    format!("{findings:?}\n{:?}\n{:?}", o.changed, o.diagnostics)
}

/// No byte outside the edits changed: line ends, encoding, final newline, and every line that no edit touches.
fn bytes_kept(case: &Case, first: &Outcome, out: &mut Checked) {
    for c in &first.changed {
        // A line end or an encoding that changed would show in the bytes and not in the text, or the other way round.
        let in_bytes = count(&diff::unified_bytes("x", &c.before, &c.after));
        let in_text = count(diff::unified("x", &c.text_before, &c.text_after).as_bytes());
        let wide = case.files.iter().any(|f| f.path == c.path && f.encoding == crate::parse::Encoding::Utf16);
        if in_bytes != in_text && !wide {
            out.other(format!("{}: {in_bytes} changed lines in the bytes, {in_text} in the text", c.path));
        }
        let Some(file) = case.files.iter().find(|f| f.path == c.path) else { continue };
        let bare = c.text_after.replace("\r\n", "").contains('\n');
        if file.eol == Eol::Crlf && bare {
            out.other(format!("{}: a line ends with LF in a CRLF file", c.path));
        }
        if file.eol == Eol::Lf && c.text_after.contains('\r') {
            out.other(format!("{}: a line ends with CRLF in an LF file", c.path));
        }
        if c.text_before.ends_with('\n') != c.text_after.ends_with('\n') {
            out.other(format!("{}: the final newline changed", c.path));
        }
        let mark = |b: &[u8]| (b.starts_with(b"\xef\xbb\xbf"), b.starts_with(b"\xff\xfe"));
        if mark(&c.before) != mark(&c.after) {
            out.other(format!("{}: the byte order mark changed", c.path));
        }
    }
    let fixes = first.findings.iter().filter_map(|f| match &f.verdict {
        Verdict::Fixed(a) => Some(a.as_ref()),
        _ => None,
    });
    let fixes: Vec<&Applied> = fixes.collect();
    if fixes.iter().any(|a| a.edits.is_none()) {
        // A fix on top of another has no edits in terms of the original; the diff shows what it did.
        return;
    }
    for c in &first.changed {
        let mut touched: BTreeMap<usize, ()> = BTreeMap::new();
        let shared = first.shared.iter().filter_map(|s| s.original.as_ref());
        for e in fixes.iter().flat_map(|a| a.edits.iter().flatten()).chain(shared) {
            if e.kind == EditKind::Pin || first.path(e.file) != c.path {
                continue;
            }
            let line = |at: u32| c.text_before.get(..at as usize).unwrap_or("").matches('\n').count();
            touched.extend((line(e.span.lo)..=line(e.span.hi)).map(|l| (l, ())));
        }
        let mut left = c.text_after.split('\n');
        for (i, line) in c.text_before.split('\n').enumerate().filter(|(i, _)| !touched.contains_key(i)) {
            if !left.any(|l| l == line) {
                out.other(format!("{}:{}: a line that no edit touches changed", c.path, i + 1));
                break;
            }
        }
    }
}

fn count(diff: &[u8]) -> usize {
    diff.split(|b| *b == b'\n').filter(|l| matches!(l.first(), Some(b'+' | b'-'))).count()
}

/// Every comment is still there, but those that told a linter to be silent about a statement that is gone.
fn comments_kept(first: &Outcome, out: &mut Checked) {
    for c in &first.changed {
        let Some(lang) = surefix_syntax::detect(&c.path, &c.before) else { continue };
        let of = |text: &str| -> Vec<String> {
            let spans = surefix_syntax::comments(lang, text);
            spans
                .iter()
                .filter_map(|s| Some(text.get(s.span.lo as usize..s.span.hi as usize)?.trim().to_string()))
                .collect()
        };
        let mut after = of(&c.text_after);
        for comment in of(&c.text_before) {
            match after.iter().position(|a| *a == comment) {
                Some(i) => drop(after.remove(i)),
                None if comment.starts_with("# noqa") || comment.starts_with("# nosec") => {}
                None => out.other(format!("{}: a comment is gone: {comment}", c.path)),
            }
        }
    }
}

/// The fixed project: parses as before, the findings are gone, none is new, and a second run changes nothing.
fn rescanned(bench: &Bench<'_>, before: &Outcome, first: &Outcome, again: &Outcome, out: &mut Checked) {
    for path in &again.coverage.partly_parsed {
        if !before.coverage.partly_parsed.contains(path) {
            out.other(format!("{path}: the fixed text does not parse"));
        }
    }
    let by_rule = |o: &Outcome| {
        let mut n: BTreeMap<&'static str, usize> = BTreeMap::new();
        o.findings.iter().for_each(|f| *n.entry(f.rule.id).or_default() += 1);
        n
    };
    let (old, new) = (by_rule(before), by_rule(again));
    let mut fixed: BTreeMap<&'static str, usize> = BTreeMap::new();
    for f in bench.mine(first).filter(|f| matches!(f.verdict, Verdict::Fixed(_))) {
        *fixed.entry(f.rule.id).or_default() += 1;
    }
    for (rule, n) in &new {
        let had = old.get(rule).copied().unwrap_or(0).saturating_sub(fixed.get(rule).copied().unwrap_or(0));
        if *n > had {
            let where_: Vec<String> =
                again.findings.iter().filter(|f| f.rule.id == *rule).map(|f| place(again, f)).collect();
            out.other(format!("after the fix {n} findings of {rule} instead of {had}: {}", where_.join(", ")));
        }
    }
    for c in &again.changed {
        out.other(format!(
            "a second run changes {}:\n{}",
            c.path,
            surefix_engine::diff(&c.path, &c.text_before, &c.text_after)
        ));
    }
    for (path, bytes) in &out.after.clone() {
        if let Err(e) = SourceFile::decode(path, bytes) {
            out.other(format!("{path}: cannot be read back: {e}"));
        }
    }
}
