//! Reads a specification: headings are cases, fenced blocks are files, lines such as `Verdict: …` are expectations.

use std::collections::BTreeSet;

/// A specification that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Line from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

/// Line ends of a file of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Eol {
    /// `\n`
    #[default]
    Lf,
    /// `\r\n`
    Crlf,
    /// Alternating, beginning with `\r\n`.
    Mixed,
}

/// Encoding of a file of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Encoding {
    /// UTF-8.
    #[default]
    Utf8,
    /// UTF-8 with a byte order mark.
    Utf8Bom,
    /// ISO 8859-1.
    Latin1,
    /// UTF-16, little endian, with a byte order mark.
    Utf16,
}

/// One file of a case's project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Root-relative path.
    pub path: String,
    /// The block's text, `\n` line ends.
    pub text: String,
    /// Line ends.
    pub eol: Eol,
    /// Encoding.
    pub encoding: Encoding,
    /// False: the last line end is left out.
    pub final_newline: bool,
    /// Each four leading blanks become a tab.
    pub tabs: bool,
}

/// A driver that is executed on the old and on the new code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Driver {
    /// `java` or `python`.
    pub lang: String,
    /// The program.
    pub text: String,
    /// Line of the block, from 1.
    pub line: usize,
}

/// One expected finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Expected {
    /// Verdict and, for abstentions, the reason code: `fixed`, `abstained identifier-hole`.
    pub verdict: String,
    /// `path:line`, when the case says where.
    pub at: Option<String>,
}

/// The expected diff and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffBlock {
    /// Its text.
    pub text: String,
    /// Index of the first line inside the fence, from 0.
    pub from: usize,
    /// Index of the closing fence.
    pub to: usize,
}

/// How far a case is checked with the real toolchain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Toolchain {
    /// Compiled, before and after.
    Compile,
    /// Parsed only, because of this.
    ParsedOnly(String),
}

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    /// The heading.
    pub title: String,
    /// Line of the heading, from 1.
    pub line: usize,
    /// Files.
    pub files: Vec<File>,
    /// Settings (`surefix.toml`).
    pub settings: Option<String>,
    /// The expected diff.
    pub diff: Option<DiffBlock>,
    /// Expected findings; empty together with `none`: no finding.
    pub expected: Vec<Expected>,
    /// `Verdict: none` stands there.
    pub none: bool,
    /// The expected tier of every fix.
    pub tier: Option<String>,
    /// Depth of the toolchain's check.
    pub toolchain: Toolchain,
    /// Java release to compile for.
    pub java: u32,
    /// Driver.
    pub driver: Option<Driver>,
    /// A known wrong answer that the case pins down.
    pub known: Option<String>,
    /// Index of the line after the last block, from 0: where a diff is put when there is none.
    pub end: usize,
}

/// A specification.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Repository-relative path.
    pub path: String,
    /// The rule: the folder's name.
    pub rule: String,
    /// Cases.
    pub cases: Vec<Case>,
}

/// The release that Java code is compiled for unless the case says otherwise.
pub const JAVA_RELEASE: u32 = 17;

const VERDICTS: [&str; 8] =
    ["fixed", "fixable", "rejected", "abstained", "false-positive", "suppressed", "excluded", "stale"];

impl Spec {
    /// Reads a specification.
    pub fn parse(path: &str, text: &str) -> Result<Spec, ParseError> {
        let rule = path.rsplit('/').nth(1).unwrap_or_default().to_string();
        let mut reader =
            Reader { lines: text.lines().collect(), at: 0, cases: Vec::new(), toolchain: None, java: None };
        while reader.at < reader.lines.len() {
            reader.step()?;
        }
        let mut cases = reader.cases;
        cases.retain(|c| !c.files.is_empty());
        if cases.is_empty() {
            return Err(ParseError { line: 1, message: "no case: a heading with a block that has `path=`".into() });
        }
        let mut titles = BTreeSet::new();
        for c in &mut cases {
            let err = |message: &str| ParseError { line: c.line, message: format!("{}: {message}", c.title) };
            if !titles.insert(c.title.clone()) {
                return Err(err("another case has the same heading"));
            }
            if c.none && (c.diff.is_some() || !c.expected.is_empty()) {
                return Err(err("`Verdict: none` beside a diff or another verdict"));
            }
            // A diff without a word about findings is the fix of one finding.
            if c.diff.is_some() && !c.expected.iter().any(|e| e.verdict == "fixed") {
                c.expected.push(Expected { verdict: "fixed".into(), at: None });
            }
            c.expected.sort();
            let paths: BTreeSet<&str> = c.files.iter().map(|f| f.path.as_str()).collect();
            if paths.len() != c.files.len() {
                return Err(err("two blocks have the same path"));
            }
        }
        Ok(Spec { path: path.to_string(), rule, cases })
    }
}

struct Reader<'t> {
    lines: Vec<&'t str>,
    at: usize,
    cases: Vec<Case>,
    /// What stands before the first case holds for all.
    toolchain: Option<Toolchain>,
    java: Option<u32>,
}

impl Reader<'_> {
    fn error<T>(&self, message: impl Into<String>) -> Result<T, ParseError> {
        Err(ParseError { line: self.at + 1, message: message.into() })
    }

    fn step(&mut self) -> Result<(), ParseError> {
        let line = self.lines[self.at];
        let fence = line.len() - line.trim_start_matches('`').len();
        if fence >= 3 {
            return self.block(fence);
        }
        if let Some(title) = line.strip_prefix("##") {
            let title = title.trim_start_matches('#').trim();
            self.cases.push(Case {
                title: title.to_string(),
                line: self.at + 1,
                files: Vec::new(),
                settings: None,
                diff: None,
                expected: Vec::new(),
                none: false,
                tier: None,
                toolchain: self.toolchain.clone().unwrap_or(Toolchain::Compile),
                java: self.java.unwrap_or(JAVA_RELEASE),
                driver: None,
                known: None,
                end: self.at + 1,
            });
        } else if let Some((key, value)) = line.split_once(": ") {
            self.directive(key, value.trim())?;
        }
        self.at += 1;
        Ok(())
    }

    fn directive(&mut self, key: &str, value: &str) -> Result<(), ParseError> {
        let toolchain = match (key, value.strip_prefix("parsed only, because ")) {
            ("Toolchain", Some(why)) if !why.is_empty() => Some(Toolchain::ParsedOnly(why.to_string())),
            ("Toolchain", _) => return self.error("expected `Toolchain: parsed only, because …`"),
            _ => None,
        };
        let java = match (key, value.parse::<u32>()) {
            ("Java", Ok(n)) => Some(n),
            ("Java", Err(_)) => return self.error("expected a Java release, such as `Java: 21`"),
            _ => None,
        };
        let Some(case) = self.cases.last_mut() else {
            self.toolchain = toolchain.or(self.toolchain.take());
            self.java = java.or(self.java);
            return Ok(());
        };
        if let Some(t) = toolchain {
            case.toolchain = t;
        }
        if let Some(j) = java {
            case.java = j;
        }
        match key {
            "Tier" => case.tier = Some(value.to_string()),
            "Known" => case.known = Some(value.to_string()),
            "Verdict" if value == "none" => case.none = true,
            "Verdict" => match verdict(value) {
                Ok(list) => case.expected.extend(list),
                Err(e) => return self.error(e),
            },
            _ => {}
        }
        Ok(())
    }

    fn block(&mut self, fence: usize) -> Result<(), ParseError> {
        let info = self.lines[self.at][fence..].trim();
        let from = self.at + 1;
        let is_close = |l: &str| l.len() >= fence && l.bytes().all(|b| b == b'`');
        let Some(to) = (from..self.lines.len()).find(|i| is_close(self.lines[*i])) else {
            return self.error("the block is not closed");
        };
        let text: String = self.lines[from..to].iter().flat_map(|l| [*l, "\n"]).collect();
        let mut words = info.split_whitespace();
        let lang = words.next().unwrap_or("");
        let attributes: Vec<&str> = words.collect();
        let line = self.at + 1;
        if let Some(case) = self.cases.last_mut() {
            let result = if lang == "diff" {
                let twice = case.diff.replace(DiffBlock { text, from, to }).is_some();
                if twice { Err("a second diff".to_string()) } else { Ok(()) }
            } else if attributes == ["surefix"] {
                case.settings = Some(text);
                Ok(())
            } else if attributes == ["run"] {
                case.driver = Some(Driver { lang: lang.to_string(), text, line });
                Ok(())
            } else if attributes.iter().any(|a| a.starts_with("path=")) {
                file(&attributes, text).map(|f| case.files.push(f))
            } else {
                Ok(())
            };
            case.end = to + 1;
            if let Err(e) = result {
                return self.error(e);
            }
        }
        self.at = to + 1;
        Ok(())
    }
}

/// `abstained identifier-hole x 2 at src/A.java:3` and the like.
fn verdict(value: &str) -> Result<Vec<Expected>, String> {
    let mut words: Vec<&str> = value.trim_end_matches('.').split_whitespace().collect();
    let mut at = None;
    if let Some(i) = words.iter().position(|w| *w == "at") {
        at = words.get(i + 1).map(|w| (*w).to_string());
        words.truncate(i);
    }
    let mut times = 1;
    if let Some(i) = words.iter().position(|w| *w == "x") {
        times = words.get(i + 1).and_then(|w| w.parse().ok()).ok_or("expected a number after `x`")?;
        words.truncate(i);
    }
    if !words.first().is_some_and(|w| VERDICTS.contains(w)) {
        return Err(format!("unknown verdict; known are none, {}", VERDICTS.join(", ")));
    }
    Ok(vec![Expected { verdict: words.join(" "), at }; times])
}

fn file(attributes: &[&str], text: String) -> Result<File, String> {
    let mut f =
        File { path: String::new(), text, eol: Eol::Lf, encoding: Encoding::Utf8, final_newline: true, tabs: false };
    for a in attributes {
        match *a {
            "eol=lf" => f.eol = Eol::Lf,
            "eol=crlf" => f.eol = Eol::Crlf,
            "eol=mixed" => f.eol = Eol::Mixed,
            "bom" => f.encoding = Encoding::Utf8Bom,
            "encoding=latin-1" => f.encoding = Encoding::Latin1,
            "encoding=utf-16" => f.encoding = Encoding::Utf16,
            "no-final-newline" => f.final_newline = false,
            "tabs" => f.tabs = true,
            other => match other.strip_prefix("path=") {
                Some(p) if !p.is_empty() && !p.starts_with('/') && !p.split('/').any(|s| s == "..") => {
                    f.path = p.into()
                }
                _ => return Err(format!("unknown attribute `{other}`")),
            },
        }
    }
    Ok(f)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: &str = "# T\n\nJava: 21\n\n## Group\n\nWords.\n\n### One\n\nTier: preserving\n\n```python path=a.py eol=crlf bom\nx = 1\n```\n\n```diff\n-x\n+y\n```\n\n## Two\n\nVerdict: abstained no-recipe x 2 at a.py:1\n\n```python path=a.py\n```\n";

    #[test]
    fn reads_cases_files_and_expectations() {
        let spec = Spec::parse("specs/weak-hash/python.md", SPEC).unwrap();
        assert_eq!(spec.rule, "weak-hash");
        assert_eq!(spec.cases.iter().map(|c| c.title.as_str()).collect::<Vec<_>>(), ["One", "Two"]);
        let one = &spec.cases[0];
        assert_eq!((one.java, one.tier.as_deref(), one.line), (21, Some("preserving"), 9));
        assert_eq!((one.files[0].eol, one.files[0].encoding), (Eol::Crlf, Encoding::Utf8Bom));
        assert_eq!(one.diff.as_ref().unwrap().text, "-x\n+y\n");
        assert_eq!(one.expected, [Expected { verdict: "fixed".into(), at: None }]);
        assert_eq!(spec.cases[1].expected.len(), 2);
        assert_eq!(spec.cases[1].expected[0].at.as_deref(), Some("a.py:1"));
    }

    #[test]
    fn errors_name_the_line() {
        let e = Spec::parse("specs/r/a.md", "## A\n\n```java path=A.java\n").unwrap_err();
        assert_eq!(e.line, 3);
        let e = Spec::parse("specs/r/a.md", "## A\n\nVerdict: fine\n").unwrap_err();
        assert_eq!(e.line, 3);
        let e = Spec::parse("specs/r/a.md", "## A\n\n```java path=../A.java\n```\n").unwrap_err();
        assert!(e.message.contains("unknown attribute"), "{e:?}");
    }
}
