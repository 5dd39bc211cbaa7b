//! The terminal: code frame, flow, verdict, diff, and a summary that adds up.

use crate::escape::{block, is_dangerous, line};
use crate::place::Lines;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use anstyle::{AnsiColor, Style};
use std::collections::BTreeMap;
use std::fmt::Write;
use surefix_dataflow::{StepKind, TraceStep};
use surefix_engine::{Finding, Outcome, Verdict};
use surefix_rules::Severity;

/// How the report is printed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look {
    /// With colour.
    pub color: bool,
    /// With findings that need no attention (suppressed, excluded, …).
    pub all: bool,
    /// With the diff of each fix.
    pub diffs: bool,
}

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const RED: Style = AnsiColor::Red.on_default();
const GREEN: Style = AnsiColor::Green.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const CYAN: Style = AnsiColor::Cyan.on_default();

impl Look {
    fn paint(self, style: Style, text: &str) -> String {
        if self.color { format!("{style}{text}{style:#}") } else { text.to_string() }
    }
}

/// Widest part of a code line that is shown.
const WIDTH: usize = 140;
/// Most lines of a frame.
const FRAME: usize = 8;

/// The words for a step of a flow, without markup.
pub fn step(s: &TraceStep) -> String {
    let name = if s.name.is_empty() { String::new() } else { format!(" `{}`", s.name) };
    match s.what {
        StepKind::Source => {
            format!("untrusted data enters{}", if s.name.is_empty() { name } else { format!(" from{name}") })
        }
        StepKind::Argument => {
            format!("passed as an argument{}", if s.name.is_empty() { name } else { format!(" to{name}") })
        }
        StepKind::Return => format!("returned{}", if s.name.is_empty() { name } else { format!(" from{name}") }),
        StepKind::Through => {
            format!("passes{}", if s.name.is_empty() { " a call".to_string() } else { format!(" through{name}") })
        }
        StepKind::Concat => "joined into a text".to_string(),
        StepKind::Store => format!("stored{}", if s.name.is_empty() { name } else { format!(" in{name}") }),
        StepKind::Sink => format!("used{}", if s.name.is_empty() { " here".to_string() } else { format!(" by{name}") }),
    }
}

/// All findings, then the summary.
pub fn render(outcome: &Outcome, look: Look) -> String {
    let mut out = String::new();
    let lines = line_tables(outcome);
    for f in &outcome.findings {
        if look.all || f.verdict.remains() || matches!(f.verdict, Verdict::Fixed(_)) {
            out.push_str(&finding(outcome, &lines, f, look));
            out.push('\n');
        }
    }
    out.push_str(&summary(outcome, look));
    out
}

fn line_tables(outcome: &Outcome) -> BTreeMap<&str, Lines<'_>> {
    outcome.texts.iter().map(|(p, t)| (p.as_str(), Lines::new(t))).collect()
}

fn finding(outcome: &Outcome, lines: &BTreeMap<&str, Lines<'_>>, f: &Finding, look: Look) -> String {
    let mut out = frame(lines, f, look);
    for s in f.found.trace() {
        let path = outcome.path(s.place.file);
        let at = lines.get(path).map_or(0, |l| l.chars(s.place.span).line);
        let _ = writeln!(out, "    {} {}", look.paint(DIM, &format!("{}:{at}", line(path))), line(&step(s)));
    }
    let style = match f.verdict {
        Verdict::Fixed(_) => GREEN,
        Verdict::Fixable { .. } => CYAN,
        Verdict::Rejected { .. } => RED,
        _ => YELLOW,
    };
    let short = f.fingerprint.get(..12).unwrap_or("");
    let why = crate::why(&f.verdict);
    let _ = writeln!(
        out,
        "  {}: {}  {}",
        look.paint(style.bold(), f.verdict.name()),
        line(first(&why)),
        look.paint(DIM, &format!("[{short}]"))
    );
    out.push_str(&rest(&why));
    if look.diffs
        && let Verdict::Fixed(fix) | Verdict::Fixable { fix, .. } = &f.verdict
    {
        out.push_str(&diff(&fix.diff, look));
    }
    out
}

/// Lines of a command's output that are shown below a verdict.
const OUTPUT: usize = 25;

fn first(text: &str) -> &str {
    text.lines().next().unwrap_or("")
}

/// What follows the first line of a verdict's words (the output of a command), set in.
fn rest(text: &str) -> String {
    let mut out = String::new();
    let all = text.lines().skip(1).filter(|l| !l.trim().is_empty());
    let (shown, more) = (all.clone().take(OUTPUT), all.count().saturating_sub(OUTPUT));
    for l in shown {
        let _ = writeln!(out, "    | {}", line(l));
    }
    if more > 0 {
        let _ = writeln!(out, "    | … and {more} more lines");
    }
    out
}

/// A diff with colours, its text made harmless.
pub fn diff(text: &str, look: Look) -> String {
    let mut out = String::new();
    for l in text.split_inclusive('\n') {
        let l = l.trim_end_matches(['\n', '\r']);
        let style = match l.as_bytes().first() {
            Some(b'+') => GREEN,
            Some(b'-') => RED,
            Some(b'@') => CYAN,
            _ => Style::new(),
        };
        let _ = writeln!(out, "    {}", look.paint(style, &block(l)));
    }
    out
}

fn frame(lines: &BTreeMap<&str, Lines<'_>>, f: &Finding, look: Look) -> String {
    let level = match f.severity() {
        Severity::Critical | Severity::High => Level::ERROR,
        Severity::Medium => Level::WARNING,
        Severity::Low => Level::NOTE,
    };
    let level = level.with_name(f.severity().name());
    let title = line(&f.found.message).into_owned();
    let path = line(&f.path).into_owned();
    let excerpt = lines.get(f.path.as_str()).map(|l| excerpt(l, f.found.span));
    let renderer = if look.color { Renderer::styled() } else { Renderer::plain() };
    let group = match &excerpt {
        Some(e) => Group::with_title(level.primary_title(&title).id(f.rule.id)).element(
            Snippet::source(e.text.as_str())
                .line_start(e.first)
                .path(path.as_str())
                .annotation(AnnotationKind::Primary.span(e.lo..e.hi)),
        ),
        None => Group::with_title(level.primary_title(&title).id(f.rule.id)),
    };
    renderer.render(&[group]).to_string() + "\n"
}

/// Some lines of code with dangerous characters replaced, and where the span lies in them.
struct Excerpt {
    text: String,
    first: usize,
    lo: usize,
    hi: usize,
}

fn excerpt(lines: &Lines<'_>, span: surefix_text::Span) -> Excerpt {
    let region = lines.chars(span);
    let mut out = Excerpt { text: String::new(), first: region.line, lo: 0, hi: 0 };
    let last = region.end_line.min(region.line + FRAME - 1);
    let (lo, hi) = (span.lo as usize, span.hi as usize);
    let mut done = false;
    for n in region.line..=last {
        let Some((start, code)) = lines.line(n) else { break };
        // In a long line the window starts shortly before the span.
        let from = if n == region.line && region.column > WIDTH - 40 { region.column - 40 } else { 0 };
        for (i, (at, c)) in code.char_indices().enumerate() {
            let at = start + at;
            if at == lo {
                out.lo = out.text.len();
            }
            if at >= hi && !done {
                out.hi = out.text.len();
                done = true;
            }
            if i < from {
                continue;
            }
            if i >= from + WIDTH {
                out.text.push('…');
                break;
            }
            if c == '\t' || !is_dangerous(c) {
                out.text.push(c);
            } else {
                let _ = write!(out.text, "<U+{:04X}>", c as u32);
            }
        }
        if lo >= start + code.len() && n == region.line {
            out.lo = out.text.len();
        }
        if !done && hi <= start + code.len() {
            out.hi = out.text.len();
            done = true;
        }
        if n < last {
            out.text.push('\n');
        }
    }
    if !done {
        out.hi = out.text.len();
    }
    out.hi = out.hi.max(out.lo);
    out
}

fn plural(n: usize, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

/// What was looked at, what was found, how each ended.
pub fn summary(outcome: &Outcome, look: Look) -> String {
    let mut out = String::new();
    let c = &outcome.coverage;
    let languages: Vec<String> = c.analysed.iter().map(|(l, n)| format!("{} {n}", l.name())).collect();
    let by = if languages.is_empty() { String::new() } else { format!(" ({})", languages.join(", ")) };
    let _ = writeln!(
        out,
        "{} {}{by}, {}",
        look.paint(BOLD, "Analysed"),
        plural(c.files(), "file"),
        plural(c.lines as usize, "line")
    );
    if !c.skipped.is_empty() {
        let why: Vec<String> = c.skipped_by_reason().iter().map(|(w, n)| format!("{n} {}", line(w))).collect();
        let _ =
            writeln!(out, "{} {}: {}", look.paint(BOLD, "Skipped"), plural(c.skipped.len(), "file"), why.join(", "));
    }
    if !c.partly_parsed.is_empty() {
        let shown: Vec<_> = c.partly_parsed.iter().take(5).map(|p| line(p)).collect();
        let more = if c.partly_parsed.len() > 5 { ", …" } else { "" };
        let n = plural(c.partly_parsed.len(), "file");
        let _ =
            writeln!(out, "{} {n} with syntax errors: {}{more}", look.paint(BOLD, "Partly parsed"), shown.join(", "));
    }
    if !c.budget_cut.is_empty() {
        let shown: Vec<String> =
            c.budget_cut.iter().take(5).map(|(p, f, _)| format!("{} in {}", line(f), line(p))).collect();
        let more = if c.budget_cut.len() > 5 { ", …" } else { "" };
        let n = plural(c.budget_cut.len(), "function");
        let _ = writeln!(out, "{} {n} (a step budget was spent): {}{more}", look.paint(BOLD, "Cut"), shown.join(", "));
    }
    let counts = outcome.counts();
    let parts: Vec<String> =
        Verdict::NAMES.iter().filter_map(|n| counts.get(n).filter(|k| **k > 0).map(|k| format!("{k} {n}"))).collect();
    let parts = if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) };
    let _ = writeln!(out, "{} {}{parts}", look.paint(BOLD, "Found"), plural(outcome.findings.len(), "finding"));
    if c.below_confidence > 0 {
        let n = c.below_confidence;
        let _ = writeln!(out, "  {n} more below the reported confidence (`--confidence low` shows them)");
    }
    let mut by_rule: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for ((rule, code), n) in outcome.abstentions() {
        by_rule.entry(rule).or_default().push(format!("{code} {n}"));
    }
    for (rule, codes) in by_rule {
        let _ = writeln!(out, "  abstained, {rule}: {}", codes.join(", "));
    }
    match outcome.stop {
        Some(surefix_engine::Stop::Cycle) => {
            out.push_str("Some fixes undo each other; neither side was kept.\n");
        }
        Some(surefix_engine::Stop::Budget) => out.push_str("Some fixes never came to rest; they were dropped.\n"),
        _ => {}
    }
    out
}

/// A page of Markdown for reading: headings stand out, code is set in.
pub fn page(markdown: &str, look: Look) -> String {
    let mut out = String::new();
    let mut code = false;
    for l in markdown.lines() {
        if l.trim_start().starts_with("```") {
            code = !code;
        } else if code {
            let _ = writeln!(out, "    {}", look.paint(CYAN, &line(l)));
        } else if let Some(title) = l.strip_prefix('#') {
            let _ = writeln!(out, "{}", look.paint(BOLD, &line(title.trim_start_matches('#').trim())));
        } else {
            let _ = writeln!(out, "{}", line(l));
        }
    }
    out
}

/// Messages for the talk on stderr, one a line.
pub fn diagnostics(outcome: &Outcome, look: Look) -> String {
    let mut out = String::new();
    for d in &outcome.diagnostics {
        let kind = if d.failure { look.paint(RED.bold(), "error") } else { look.paint(YELLOW.bold(), "warning") };
        let at = match (d.path.is_empty(), d.line) {
            (true, _) => String::new(),
            (false, 0) => format!("{}: ", line(&d.path)),
            (false, n) => format!("{}:{n}: ", line(&d.path)),
        };
        let _ = writeln!(out, "{kind}: {at}{}", line(&d.message));
    }
    out
}

/// One finding in full: the frame of every step, the recipe's work or the failed precondition, the manual steps.
pub fn explain(outcome: &Outcome, f: &Finding, look: Look) -> String {
    let lines = line_tables(outcome);
    let mut out = frame(&lines, f, look);
    let cwe: Vec<String> = f.rule.cwe.iter().map(|n| format!("CWE-{n}")).collect();
    let _ = writeln!(
        out,
        "{} ({}), severity {}, confidence {}\nfingerprint {}\n",
        f.rule.title,
        cwe.join(", "),
        f.severity().name(),
        f.confidence().name(),
        f.fingerprint
    );
    for (i, s) in f.found.trace().iter().enumerate() {
        let path = outcome.path(s.place.file);
        let _ = writeln!(out, "{} {}", look.paint(BOLD, &format!("{}.", i + 1)), line(&step(s)));
        if let Some(l) = lines.get(path) {
            let e = excerpt(l, s.place.span);
            let _ = writeln!(out, "   {}", look.paint(DIM, &format!("{}:{}", line(path), e.first)));
            for (k, code) in e.text.lines().take(3).enumerate() {
                let _ = writeln!(out, "   {:>5} | {code}", e.first + k);
            }
        }
    }
    let why = crate::why(&f.verdict);
    let _ = writeln!(out, "\n{}: {}", look.paint(BOLD, f.verdict.name()), line(first(&why)));
    out.push_str(&rest(&why));
    match &f.verdict {
        Verdict::Fixed(fix) | Verdict::Fixable { fix, .. } => {
            for l in &fix.reasons {
                let _ = writeln!(out, "  tier {}: {}", l.to.name(), line(&l.why));
            }
            for g in &fix.evidence {
                match &g.not_run {
                    None => writeln!(out, "  {} passed", g.gate.name()),
                    Some(why) => writeln!(out, "  {} not run: {}", g.gate.name(), line(why)),
                }
                .unwrap_or_default();
            }
            out.push_str(&diff(&fix.diff, look));
        }
        Verdict::Abstained(r) if !r.steps.is_empty() => {
            let _ = writeln!(out, "\nBy hand:\n{}", block(&r.steps));
        }
        _ => {}
    }
    let _ = writeln!(out, "\nMore: surefix rule {}", f.rule.id);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use surefix_text::Span;

    #[test]
    fn an_excerpt_is_harmless_and_keeps_its_place() {
        let text = "a\n\u{1b}[2J x = run(y)\n";
        let lo = text.find("run").unwrap() as u32;
        let e = excerpt(&Lines::new(text), Span::new(lo, lo + 6));
        assert_eq!(&e.text[e.lo..e.hi], "run(y)");
        assert_eq!((e.first, e.text.contains('\u{1b}')), (2, false));
    }

    #[test]
    fn pages_are_for_reading() {
        let text = page("# Title\n\nText `a`.\n\n```python,finding\nx = 1\n```\n", Look::default());
        assert_eq!(text, "Title\n\nText `a`.\n\n    x = 1\n");
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let text = format!("{}run(){}", "x".repeat(5000), "y".repeat(5000));
        let e = excerpt(&Lines::new(&text), Span::new(5000, 5005));
        assert_eq!(&e.text[e.lo..e.hi], "run()");
        assert!(e.text.len() < 300);
        let e = excerpt(&Lines::new("a(\nb\n)"), Span::new(0, 6));
        assert_eq!((e.lo, e.hi, e.text.as_str()), (0, 6, "a(\nb\n)"));
    }
}
