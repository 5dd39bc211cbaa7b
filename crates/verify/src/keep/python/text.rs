//! The text of a test, in the style of the tests beside it.

use super::super::words;
use std::collections::BTreeSet;
use surefix_engine::Finding;

/// How the project writes tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Functions with `assert`.
    Pytest,
    /// Classes of `unittest`.
    Unittest,
    /// Classes of Django's test tools, without a database.
    Django,
}

/// What must hold after the call.
pub(super) enum Check {
    /// An expression is true.
    Holds(String),
    /// Nothing of the kind: an expression is false.
    Fails(String),
    /// The first is no part of the second.
    Lacks(String, String),
}

/// A test before it is written in a style.
#[derive(Default)]
pub(super) struct Test {
    /// The function under test.
    pub function: String,
    /// Modules that are needed, as import statements.
    pub imports: BTreeSet<String>,
    /// Modules of the project, as import statements.
    pub own_imports: BTreeSet<String>,
    /// The attack, as an expression.
    pub attack: String,
    /// Statements before the call.
    pub setup: Vec<String>,
    /// What the call stands in, as expressions of `with`.
    pub contexts: Vec<String>,
    /// The call, a statement.
    pub call: String,
    /// Statements after the call, in its context.
    pub inside: Vec<String>,
    /// The call may end with an exception.
    pub raises: bool,
    /// The log is watched; its records are in `records`.
    pub log: bool,
    /// Statements after everything.
    pub after: Vec<String>,
    /// What must hold then.
    pub checks: Vec<Check>,
}

/// What the attack must not do, as the end of a sentence.
fn promise(rule: &str) -> &'static str {
    match rule {
        "sql-injection" => "must not become part of an SQL statement",
        "command-injection" => "must not start another command",
        "path-traversal" => "must not lead out of its directory",
        "xss" => "must not become markup of the page",
        "open-redirect" => "must not lead to another site",
        "log-injection" => "must not forge a line of the log",
        "template-injection" => "must not be evaluated as a template",
        "code-injection" => "must not run as code",
        "insecure-deserialization" => "must not make objects of its own choice",
        "ldap-injection" => "must not change the filter",
        _ => "must not change the query",
    }
}

impl Test {
    /// The name of the test and the whole file.
    pub(super) fn text(mut self, style: Style, f: &Finding) -> (String, String) {
        let function = self.function.trim_start_matches('_').to_string();
        let name = format!("test_{function}_resists_{}", words(f.rule.id));
        let cwe = f.rule.cwe.first().map(|n| format!(" (CWE-{n})")).unwrap_or_default();
        let mut body = self.setup.clone();
        let mut contexts = std::mem::take(&mut self.contexts);
        if self.log {
            match style {
                Style::Pytest => body.insert(0, "caplog.set_level(\"DEBUG\")".to_string()),
                _ => contexts.push("self.assertLogs(level=\"DEBUG\") as logs".to_string()),
            }
        }
        if self.raises {
            self.imports.insert("import contextlib".to_string());
            contexts.push("contextlib.suppress(Exception)".to_string());
        }
        for (depth, c) in contexts.iter().enumerate() {
            body.push(format!("{}with {c}:", "    ".repeat(depth)));
        }
        let inner = "    ".repeat(contexts.len());
        body.push(format!("{inner}{}", self.call));
        body.extend(self.inside.iter().map(|l| format!("{inner}{l}")));
        if self.log {
            let records = if style == Style::Pytest { "caplog.records" } else { "logs.records" };
            body.push(format!("messages = [record.getMessage() for record in {records}]"));
        }
        body.append(&mut self.after);
        body.extend(self.checks.iter().map(|c| check(c, style)));
        match style {
            Style::Pytest => {}
            Style::Unittest => {
                self.imports.insert("import unittest".to_string());
            }
            Style::Django => {
                self.imports.insert("from django.test import SimpleTestCase".to_string());
            }
        }
        let mut out = format!("\"\"\"The input of {function}() {}{cwe}.\"\"\"\n\n", promise(f.rule.id));
        out.push_str(&self.import_block());
        out.push_str(&format!("ATTACK = {}\n\n\n", self.attack));
        let (base, indent) = match style {
            Style::Pytest => (None, "    "),
            Style::Unittest => (Some("unittest.TestCase"), "        "),
            Style::Django => (Some("SimpleTestCase"), "        "),
        };
        let argument = match base {
            Some(base) => {
                out.push_str(&format!("class {}Test({base}):\n    ", camel(&function)));
                "self"
            }
            None if self.log => "caplog",
            None => "",
        };
        out.push_str(&format!("def {name}({argument}):\n"));
        for l in body {
            out.push_str(&format!("{indent}{l}\n"));
        }
        (name, out)
    }

    /// Imports in three groups: the standard library, packages, the project's own.
    fn import_block(&self) -> String {
        let package = |i: &&String| i.contains("flask") || i.contains("django");
        let standard: Vec<&String> = self.imports.iter().filter(|i| !package(i)).collect();
        let packages: Vec<&String> = self.imports.iter().filter(package).collect();
        let own: Vec<&String> = self.own_imports.iter().collect();
        let mut out = String::new();
        for mut group in [standard, packages, own] {
            if group.is_empty() {
                continue;
            }
            // `import a` before `from a import b`, as sorters of imports want it.
            group.sort_by_key(|i| (i.starts_with("from "), i.as_str()));
            for i in group {
                out.push_str(i);
                out.push('\n');
            }
            out.push('\n');
        }
        out
    }
}

fn check(c: &Check, style: Style) -> String {
    match (style, c) {
        (Style::Pytest, Check::Holds(e)) => format!("assert {e}"),
        (Style::Pytest, Check::Fails(e)) => format!("assert not {e}"),
        (Style::Pytest, Check::Lacks(a, b)) => format!("assert {a} not in {b}"),
        (_, Check::Holds(e)) => format!("self.assertTrue({e})"),
        (_, Check::Fails(e)) => format!("self.assertFalse({e})"),
        (_, Check::Lacks(a, b)) => format!("self.assertNotIn({a}, {b})"),
    }
}

/// `find_user` → `FindUser`.
fn camel(name: &str) -> String {
    let parts = name.split('_').filter(|p| !p.is_empty());
    parts.map(|p| p[..1].to_ascii_uppercase() + &p[1..]).collect()
}

/// A text as a Python literal of printable ASCII.
pub(super) fn literal(text: &str) -> String {
    super::super::literal(text, |c| match u32::from(c) {
        n if n <= 0xffff => format!("\\u{n:04x}"),
        n => format!("\\U{n:08x}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_key_stays_inside_its_literal() {
        assert_eq!(literal("a\"]); import os #\\\n\u{202e}"), "\"a\\\"]); import os #\\\\\\n\\u202e\"");
        assert_eq!(camel("find__user_"), "FindUser");
    }
}
