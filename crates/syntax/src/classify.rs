//! Kinds of files that are not the project's own production code. Each kind asks for evidence: a name alone, where
//! ordinary code can have it too, is not enough.

use crate::{Lang, comments};

/// Kind of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileClass {
    /// The project's own production code.
    Normal,
    /// Test code.
    Test,
    /// Written by a program.
    Generated,
    /// Somebody else's code.
    Vendored,
    /// Compressed for transport.
    Minified,
    /// Examples and demonstrations beside the project.
    Example,
}

impl FileClass {
    /// Lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            FileClass::Normal => "normal",
            FileClass::Test => "test",
            FileClass::Generated => "generated",
            FileClass::Vendored => "vendored",
            FileClass::Minified => "minified",
            FileClass::Example => "example",
        }
    }
}

/// The kind of the file at `path` (relative to the project, with `/`). The most binding kind wins: vendored, generated, minified, test, example.
pub fn classify(lang: Lang, path: &str, text: &str) -> FileClass {
    let p = Path::new(lang, path);
    if p.vendored() {
        FileClass::Vendored
    } else if p.generated() || generated_text(lang, text) {
        FileClass::Generated
    } else if minified(p.name, text) {
        FileClass::Minified
    } else if p.test(lang, text) {
        FileClass::Test
    } else if p.folders.first().is_some_and(|f| matches!(*f, "examples" | "example" | "samples" | "sample" | "demos")) {
        FileClass::Example
    } else {
        FileClass::Normal
    }
}

struct Path<'a> {
    /// Folders down to the source root: what follows `src/main/java` are package names, which say nothing.
    folders: Vec<&'a str>,
    name: &'a str,
    /// `main`, `test`, … of `src/main/java`.
    source_set: Option<&'a str>,
}

impl<'a> Path<'a> {
    fn new(lang: Lang, path: &'a str) -> Path<'a> {
        let mut folders: Vec<&str> = path.split('/').filter(|f| !f.is_empty() && *f != ".").collect();
        let name = folders.pop().unwrap_or("");
        let mut source_set = None;
        if lang == Lang::Java {
            let package = |f: &&str| matches!(*f, "com" | "org" | "net" | "io" | "edu" | "gov" | "de");
            if let Some(at) = folders.iter().position(|f| *f == "src") {
                source_set = folders.get(at + 1).filter(|f| !package(f)).copied();
                folders.truncate(at + 2);
                if source_set.is_none() {
                    folders.truncate(at + 1);
                }
            } else if let Some(at) = folders.iter().position(package) {
                folders.truncate(at);
            }
        }
        Path { folders, name, source_set }
    }

    fn has(&self, names: &[&str]) -> bool {
        self.folders.iter().any(|f| names.contains(f))
    }

    fn pair(&self, first: &[&str], second: &[&str]) -> bool {
        self.folders.windows(2).any(|w| first.contains(&w[0]) && second.contains(&w[1]))
    }

    fn vendored(&self) -> bool {
        self.has(&[
            "vendor",
            "_vendor",
            "node_modules",
            "third_party",
            "third-party",
            "site-packages",
            "dist-packages",
            ".venv",
        ]) || self.pair(&["venv", "env", ".env", "virtualenv"], &["lib", "lib64", "Lib", "bin", "Scripts"])
    }

    fn generated(&self) -> bool {
        self.pair(&["build", "target"], &["generated", "generated-sources", "generated-test-sources", "generated-src"])
            || self.has(&["generated-sources", "generated-test-sources"])
            || self.name.ends_with("_pb2.py")
            || self.name.ends_with("_pb2_grpc.py")
    }

    fn test(&self, lang: Lang, text: &str) -> bool {
        let stem = self.name.rsplit_once('.').map_or(self.name, |(s, _)| s);
        match lang {
            Lang::Java => {
                if let Some(set) = self.source_set {
                    let set = set.to_ascii_lowercase();
                    if set == "main" {
                        return false;
                    }
                    if set.starts_with("test") || set.ends_with("test") || set == "it" {
                        return true;
                    }
                }
                // `AUDIT.java` is no integration test: the suffix must start a word.
                let suffix = |s: &str| {
                    let word = stem.strip_suffix(s).and_then(|rest| rest.chars().next_back());
                    word.is_some_and(|c| c.is_lowercase() || c.is_ascii_digit())
                };
                suffix("Test")
                    || suffix("Tests")
                    || suffix("IT")
                    || self.pair(&["test", "tests"], &["src"])
                    || (self.has(&["test", "tests"])
                        && ["org.junit", "org.testng", "junit.framework"].iter().any(|i| text.contains(i)))
            }
            Lang::Python => {
                // `tests.py` is the module that Django's `startapp` makes.
                let named =
                    matches!(stem, "conftest" | "tests") || stem.starts_with("test_") || stem.ends_with("_test");
                let evidence = || {
                    text.lines().any(|l| {
                        let l = l.trim_start();
                        [
                            "import pytest",
                            "from pytest",
                            "import unittest",
                            "from unittest",
                            "from django.test",
                            "def test_",
                            "async def test_",
                            "class Test",
                        ]
                        .iter()
                        .any(|w| l.starts_with(w))
                    })
                };
                stem == "conftest"
                    || self.has(&["tests", "_tests"])
                    || (self.has(&["test"]) && (named || evidence()))
                    || (named && evidence())
            }
        }
    }
}

/// A header that says so, or `@Generated` on a top-level class.
fn generated_text(lang: Lang, text: &str) -> bool {
    let header_end = text.match_indices('\n').nth(19).map_or(text.len(), |(i, _)| i);
    let header = text.get(..header_end.min(16 * 1024)).unwrap_or_else(|| text.get(..header_end).unwrap_or(""));
    if comments::comments(lang, header).iter().any(|c| c.span.of(header).lines().any(says_generated)) {
        return true;
    }
    if lang != Lang::Java || !text.contains("Generated") {
        return false;
    }
    let masked = comments::mask(text, &comments::pieces(lang, text));
    // Before the first body there are only annotations of top-level declarations; their arguments can hold braces in parentheses.
    let mut depth = 0i64;
    let body = masked.iter().position(|b| {
        depth += i64::from(*b == b'(') - i64::from(*b == b')');
        *b == b'{' && depth <= 0
    });
    let head = &masked[..body.unwrap_or(masked.len())];
    memchr::memmem::find_iter(head, b"Generated").any(|at| {
        let before = &head[..at];
        let dotted = before.iter().rev().take(64).take_while(|b| b.is_ascii_alphanumeric() || **b == b'.').count();
        let (before, package) = before.split_at(at - dotted);
        let ends = head.get(at + 9).is_none_or(|b| !b.is_ascii_alphanumeric() && *b != b'_' && *b != b'.');
        before.ends_with(b"@")
            && !package.starts_with(b"lombok")
            && (package.is_empty() || package.ends_with(b"."))
            && ends
    })
}

/// True for a header line of a generator; prose that merely mentions generating is not one.
fn says_generated(line: &str) -> bool {
    let line = line.trim().trim_start_matches(['#', '/', '*', '!', '-', '=', '<', ' ', '\t']).trim_end();
    if line.contains("DO NOT EDIT") || line.contains("DO NOT MODIFY") || line.contains("@generated") {
        return true;
    }
    let low = line.to_ascii_lowercase();
    let auto = ["autogenerated", "auto-generated", "auto generated", "automatically generated"]
        .iter()
        .any(|w| low.contains(w));
    let starts = [
        "generated by ",
        "code generated by ",
        "generated from ",
        "this file was generated",
        "this file is generated",
        "this class was generated",
        "this code was generated",
    ];
    starts.iter().any(|s| low.starts_with(s))
        || (low.contains("generated") && low.contains("do not edit"))
        || (auto && ["file", "code", "class", "module", "do not", "by "].iter().any(|w| low.contains(w)))
}

/// Long lines with hardly any white space. A long string or table in ordinary code has the rest of its file against it.
fn minified(name: &str, text: &str) -> bool {
    if name.contains(".min.") {
        return true;
    }
    if text.len() < 4096 {
        return false;
    }
    let lines = memchr::memchr_iter(b'\n', text.as_bytes()).count() + 1;
    text.len() / lines > 500 && text.bytes().filter(u8::is_ascii_whitespace).count() * 20 < text.len()
}
