//! Inline suppressions: Surefix's own directives and those of other scanners.
//!
//! ```text
//! q(sql)  # surefix: ignore[sql-injection] -- the value is an enum      this statement
//! # surefix: ignore -- reviewed                                          alone on a line: the next statement
//! # surefix: ignore-file[weak-hash] -- checksums only                    before any code: the whole file
//! ```
//!
//! A foreign directive without ids covers every rule; one with ids covers the rules they mean ([`crate::foreign`]).

use crate::{Comment, CommentKind, Lang, comments, foreign, java};
use surefix_text::{LineIndex, Span};

/// Whose directive it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Origin {
    Surefix,
    Nosec,
    Noqa,
    Nosonar,
    Nosemgrep,
    Codeql,
    Lgtm,
    SuppressWarnings,
}

impl Origin {
    /// The directive's word.
    pub const fn name(self) -> &'static str {
        match self {
            Origin::Surefix => "surefix: ignore",
            Origin::Nosec => "nosec",
            Origin::Noqa => "noqa",
            Origin::Nosonar => "NOSONAR",
            Origin::Nosemgrep => "nosemgrep",
            Origin::Codeql => "codeql",
            Origin::Lgtm => "lgtm",
            Origin::SuppressWarnings => "@SuppressWarnings",
        }
    }
}

/// Which rules a suppression covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rules {
    /// Every rule.
    All,
    /// These ids, sorted.
    Only(Vec<String>),
}

impl Rules {
    fn cover(&self, rule: &str) -> bool {
        match self {
            Rules::All => true,
            Rules::Only(ids) => ids.iter().any(|i| i == rule),
        }
    }
}

/// A suppression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// The comment or annotation.
    pub span: Span,
    /// Whose directive it is.
    pub origin: Origin,
    /// What it covers.
    pub rules: Rules,
    /// First covered line (1-based); 1 for a whole file.
    pub first_line: u32,
    /// Last covered line; `u32::MAX` for a whole file.
    pub last_line: u32,
    /// Why; `None` when no reason was given. Only a Surefix directive is asked for one.
    pub reason: Option<String>,
}

impl Suppression {
    /// True for a Surefix directive that does not say why.
    pub fn lacks_reason(&self) -> bool {
        self.origin == Origin::Surefix && self.reason.is_none()
    }
    /// True when it covers the whole file.
    pub fn is_file(&self) -> bool {
        self.last_line == u32::MAX
    }
}

/// A Surefix directive that cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The comment.
    pub span: Span,
    /// What is wrong, one sentence without quoting the code.
    pub what: &'static str,
}

/// The suppressions of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suppressions {
    /// Sorted by first line, then span.
    all: Vec<Suppression>,
    /// Directives that are misspelt or misplaced, in order.
    pub problems: Vec<Problem>,
}

impl Suppressions {
    /// Reads all suppressions of a file.
    pub fn collect(lang: Lang, text: &str) -> Suppressions {
        let mut out = Suppressions::default();
        // Most files hold none; the words are looked for before anything is scanned.
        let lower = |w: &str| memchr::memmem::find(text.as_bytes(), w.as_bytes()).is_some();
        let words =
            ["surefix:", "Surefix:", "SUREFIX:", "nosec", "noqa", "NOQA", "NoQA", "NOSONAR", "nosem", "codeql", "lgtm"];
        if words.iter().any(|w| lower(w)) {
            Collector::new(lang, text).run(&mut out);
        }
        if lang == Lang::Java && lower("SuppressWarnings") {
            annotations(text, &mut out.all);
        }
        out.all.sort_by_key(|s| (s.first_line, s.span, s.origin));
        out
    }

    /// A suppression that covers `rule_id` on `line` (1-based); Surefix's own and the closest first.
    pub fn covers(&self, line: u32, rule_id: &str) -> Option<&Suppression> {
        let upto = self.all.partition_point(|s| s.first_line <= line);
        let hits = self.all[..upto].iter().rev().filter(|s| line <= s.last_line && s.rules.cover(rule_id));
        hits.min_by_key(|s| s.origin)
    }

    /// Every suppression, by first covered line.
    pub fn iter(&self) -> impl Iterator<Item = &Suppression> {
        self.all.iter()
    }
}

/// What a directive says, place left out.
struct Directive {
    origin: Origin,
    rules: Rules,
    reason: Option<String>,
    file: bool,
}

struct Collector<'a> {
    lang: Lang,
    text: &'a str,
    index: LineIndex,
    masked: Vec<u8>,
    comments: Vec<Comment>,
    /// First and last line of each statement, in order.
    statements: Vec<(u32, u32)>,
}

impl<'a> Collector<'a> {
    fn new(lang: Lang, text: &'a str) -> Collector<'a> {
        let pieces = comments::pieces(lang, text);
        let only_comments: Vec<_> =
            pieces.iter().filter(|p| matches!(p, comments::Piece::Comment(_))).copied().collect();
        let masked = comments::mask(text, &only_comments);
        let without_literals = comments::mask(text, &pieces);
        let index = LineIndex::new(text);
        let comments = comments::comments(lang, text);
        let literals: Vec<Span> =
            pieces.iter().filter(|p| matches!(p, comments::Piece::Text(_))).map(|p| p.span()).collect();
        let statements = statements(lang, &masked, &without_literals, &literals, &index);
        Collector { lang, text, index, masked, comments, statements }
    }

    fn run(&self, out: &mut Suppressions) {
        let code_starts = self.masked.iter().position(|b| !b.is_ascii_whitespace()).unwrap_or(self.text.len());
        for c in &self.comments {
            let body = c.span.of(self.text);
            let mut lo = c.span.lo;
            for line in body.split_inclusive(['\n', '\r']) {
                let here = Span::new(lo, lo + line.trim_end().len() as u32);
                lo += line.len() as u32;
                for found in directives(self.lang, line, c.kind != CommentKind::Line) {
                    match found {
                        Ok(d) if d.file && d.origin == Origin::Surefix && c.span.lo as usize > code_starts => {
                            out.problems.push(Problem { span: here, what: "`ignore-file` must stand before any code" });
                        }
                        Ok(d) => out.all.push(self.place(d, here, *c)),
                        Err(what) => out.problems.push(Problem { span: here, what }),
                    }
                }
            }
        }
    }

    fn place(&self, d: Directive, span: Span, comment: Comment) -> Suppression {
        let (first_line, last_line) = if d.file { (1, u32::MAX) } else { self.lines(span, comment) };
        Suppression { span, origin: d.origin, rules: d.rules, first_line, last_line, reason: d.reason }
    }

    fn lines(&self, span: Span, comment: Comment) -> (u32, u32) {
        let line = self.index.line(span.lo);
        let has_code = |line: u32| {
            let lo = self.index.line_start(line).unwrap_or(0) as usize;
            let hi = self.index.line_end(line).unwrap_or(0) as usize;
            self.masked.get(lo..hi).is_some_and(|l| !l.trim_ascii().is_empty())
        };
        if has_code(line) {
            // Beside code: the line, and a statement that starts or ends on it as a whole. The middle of a long literal is a line of its own.
            let from = self.statements.partition_point(|s| s.1 < line);
            let touching =
                self.statements[from..].iter().take_while(|s| s.0 <= line).filter(|s| s.0 == line || s.1 == line);
            return touching.fold((line, line), |(lo, hi), s| (lo.min(s.0), hi.max(s.1)));
        }
        // Alone: the statement of the next line that holds code.
        let after = self.index.line(comment.span.hi);
        let from = self.statements.partition_point(|s| s.1 <= after);
        match self.statements.get(from) {
            // Inside a statement: only the next line of it that holds code.
            Some(&(lo, hi)) if lo <= after => {
                let next = (after + 1..=hi).find(|l| has_code(*l)).unwrap_or(hi);
                (line, next)
            }
            Some(&(_, hi)) => (line, hi),
            None => (line, after),
        }
    }
}

/// Lines of each statement: logical lines in Python, runs between `;`, `{` and `}` in Java.
fn statements(lang: Lang, code: &[u8], bare: &[u8], literals: &[Span], index: &LineIndex) -> Vec<(u32, u32)> {
    let mut out = Vec::new();
    let mut open: Option<(usize, usize)> = None;
    let mut depth = 0u32;
    let mut literals = literals.iter().peekable();
    let mut close = |open: &mut Option<(usize, usize)>| {
        if let Some((lo, hi)) = open.take() {
            out.push((index.line(lo as u32), index.line(hi as u32)));
        }
    };
    for (i, (&b, &naked)) in code.iter().zip(bare).enumerate() {
        while literals.next_if(|l| l.hi as usize <= i).is_some() {}
        if lang == Lang::Python {
            match naked {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if matches!(b, b'\n' | b'\r') {
                let continued = open.is_some_and(|(_, last)| bare.get(last) == Some(&b'\\'));
                let in_literal = literals.peek().is_some_and(|l| (l.lo as usize) < i);
                if depth == 0 && !continued && !in_literal {
                    close(&mut open);
                }
                continue;
            }
        }
        if b.is_ascii_whitespace() {
            continue;
        }
        open = Some((open.map_or(i, |o| o.0), i));
        if lang == Lang::Java && matches!(naked, b';' | b'{' | b'}') {
            close(&mut open);
        }
    }
    close(&mut open);
    out
}

/// The directives in one line of a comment.
fn directives(lang: Lang, line: &str, block: bool) -> Vec<Result<Directive, &'static str>> {
    let mut out = Vec::new();
    let body = line.trim().trim_start_matches(['#', '/', '*', '!', ' ', '\t']);
    let body = if block { body.trim_end_matches(['*', '/', ' ', '\t']) } else { body };
    if let Some(rest) = strip_word(body, "surefix:") {
        return vec![own(rest.trim())];
    }
    // A second comment in the comment: `# type: ignore  # nosec`.
    let separator = if lang == Lang::Python { "#" } else { "//" };
    for part in body.split(separator) {
        out.extend(part_directive(lang, part.trim()));
    }
    if let Some(at) = body.find("surefix:").filter(|at| body[..*at].trim_end().ends_with(separator)) {
        out.push(own(body[at + "surefix:".len()..].trim()));
    }
    if let Some(at) = body.find("NOSONAR") {
        let rest = &body[at + "NOSONAR".len()..];
        let rules = match bracketed(rest, '(', ')') {
            Some((ids, _)) => mapped(ids, foreign::sonar),
            None => Some(Rules::All),
        };
        out.extend(
            rules.map(|r| Ok(foreign_directive(Origin::Nosonar, r, bracketed(rest, '(', ')').map_or(rest, |b| b.1)))),
        );
    }
    out
}

fn part_directive(lang: Lang, part: &str) -> Option<Result<Directive, &'static str>> {
    if part.starts_with("surefix:") {
        return None;
    }
    let python = lang == Lang::Python;
    if python && let Some(rest) = strip_word(part, "nosec").filter(|r| !r.starts_with(char::is_alphanumeric)) {
        let rest = rest.trim_start_matches(':');
        let is_id = |w: &&str| w.len() == 4 && w.starts_with('B') && w[1..].bytes().all(|b| b.is_ascii_digit());
        let ids: Vec<&str> = words(rest).filter(is_id).collect();
        let rules = if ids.is_empty() { Some(Rules::All) } else { mapped(&ids.join(","), foreign::bandit) };
        let reason = if ids.is_empty() { rest } else { "" };
        return rules.map(|r| Ok(foreign_directive(Origin::Nosec, r, reason)));
    }
    if python {
        let (file, at) = match strip_word(part, "ruff:").map(str::trim_start) {
            Some(rest) => (true, rest),
            None => (false, part),
        };
        // Without ids `noqa` is about style and covers nothing here.
        if let Some(rest) = strip_word(at, "noqa").and_then(|r| r.trim_start().strip_prefix(':')) {
            let is_id =
                |w: &&str| w.starts_with(|c: char| c.is_ascii_uppercase()) && w.ends_with(|c: char| c.is_ascii_digit());
            let ids: Vec<&str> = words(rest).take_while(is_id).collect();
            let d = |r| Ok(Directive { file, ..foreign_directive(Origin::Noqa, r, "") });
            return mapped(&ids.join(","), foreign::ruff).map(d);
        }
    }
    if let Some(rest) = strip_word(part, "nosemgrep").or_else(|| strip_word(part, "nosem"))
        && !rest.starts_with(char::is_alphanumeric)
    {
        let rules = match rest.trim_start().strip_prefix(':') {
            Some(ids) => mapped(ids, foreign::semgrep),
            None => Some(Rules::All),
        };
        return rules.map(|r| Ok(foreign_directive(Origin::Nosemgrep, r, "")));
    }
    for (word, origin) in [("codeql", Origin::Codeql), ("lgtm", Origin::Lgtm)] {
        if let Some((ids, rest)) = strip_word(part, word).and_then(|r| bracketed(r, '[', ']')) {
            return mapped(ids, foreign::codeql).map(|r| Ok(foreign_directive(origin, r, rest)));
        }
    }
    None
}

/// `ignore`, `ignore[a,b]`, `ignore-file[a]`, then `-- reason`.
fn own(rest: &str) -> Result<Directive, &'static str> {
    let (rest, file) = match rest.strip_prefix("ignore-file") {
        Some(r) => (r, true),
        None => (rest.strip_prefix("ignore").ok_or("the directive is neither `ignore` nor `ignore-file`")?, false),
    };
    let (rules, rest) = match bracketed(rest, '[', ']') {
        Some((ids, rest)) => {
            let ids = sorted(words(ids).map(str::to_owned));
            if ids.is_empty() {
                return Err("the brackets name no rule");
            }
            (Rules::Only(ids), rest)
        }
        None if rest.trim_start().starts_with('[') => return Err("the bracket is not closed"),
        None => (Rules::All, rest),
    };
    let reason = match rest.trim() {
        "" => None,
        r => Some(r.strip_prefix("--").or_else(|| r.strip_prefix('—')).ok_or("the reason must follow `--`")?.trim()),
    };
    let reason = reason.filter(|r| !r.is_empty()).map(str::to_owned);
    Ok(Directive { origin: Origin::Surefix, rules, reason, file })
}

fn foreign_directive(origin: Origin, rules: Rules, reason: &str) -> Directive {
    let reason = reason.trim_matches(|c: char| c.is_whitespace() || matches!(c, ':' | '-' | '—')).to_owned();
    Directive { origin, rules, reason: Some(reason).filter(|r| !r.is_empty()), file: false }
}

/// The rules that foreign ids mean; `None` when they mean none.
fn mapped(ids: &str, of: fn(&str) -> Vec<&'static str>) -> Option<Rules> {
    let rules = sorted(words(ids).flat_map(of).map(str::to_owned));
    (!rules.is_empty()).then_some(Rules::Only(rules))
}

fn sorted(ids: impl Iterator<Item = String>) -> Vec<String> {
    let mut out: Vec<String> = ids.collect();
    out.sort();
    out.dedup();
    out
}

fn words(s: &str) -> impl Iterator<Item = &str> {
    s.split(|c: char| c.is_whitespace() || c == ',').filter(|w| !w.is_empty())
}

/// Strips a word whatever its case.
fn strip_word<'a>(s: &'a str, word: &str) -> Option<&'a str> {
    s.get(..word.len()).filter(|p| p.eq_ignore_ascii_case(word)).and_then(|_| s.get(word.len()..))
}

/// `[inside] rest`
fn bracketed(s: &str, open: char, close: char) -> Option<(&str, &str)> {
    s.trim_start().strip_prefix(open)?.split_once(close)
}

/// `@SuppressWarnings` with ids that mean a rule: Sonar's (`java:S2077`, `squid:S2077`) or Surefix's (`surefix:xss`, `xss`).
fn annotations(text: &str, out: &mut Vec<Suppression>) {
    let tree = java::parse(text);
    let index = LineIndex::new(text);
    java::walk(tree.root_node(), &mut |n| {
        if n.kind() != "annotation" {
            return true;
        }
        let name = n.child_by_field_name("name").map(|c| java::span_of(c).of(text)).unwrap_or("");
        let declaration = n.parent().filter(|p| p.kind() == "modifiers").and_then(|p| p.parent());
        let (Some(declaration), Some(arguments)) = (declaration, n.child_by_field_name("arguments")) else {
            return true;
        };
        if name.rsplit('.').next() != Some("SuppressWarnings") {
            return true;
        }
        let mut rules: Vec<String> = Vec::new();
        java::walk(arguments, &mut |a| {
            if a.kind() == "string_literal" {
                let id = java::span_of(a).of(text).trim_matches('"');
                match id.strip_prefix("surefix:") {
                    Some(own) => rules.push(own.to_owned()),
                    None if foreign::is_rule(id) => rules.push(id.to_owned()),
                    None if id.starts_with("java:") || id.starts_with("squid:") => {
                        rules.extend(foreign::sonar(id).into_iter().map(str::to_owned));
                    }
                    None => {}
                }
            }
            true
        });
        let rules = sorted(rules.into_iter());
        if !rules.is_empty() {
            let d = java::span_of(declaration);
            out.push(Suppression {
                span: java::span_of(n),
                origin: Origin::SuppressWarnings,
                rules: Rules::Only(rules),
                first_line: index.line(d.lo),
                last_line: index.line(d.hi.saturating_sub(1)),
                reason: None,
            });
        }
        true
    });
}
