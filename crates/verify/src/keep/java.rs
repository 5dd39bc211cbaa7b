//! Regression tests in Java: JUnit 4 or 5, with objects of `java.lang.reflect.Proxy` in the place of connections, requests and
//! responses, so that no library is needed that the project does not have.
//!
//! Everything in the test comes from the syntax tree of the project's file; nothing of what its code said when it ran.

mod text;

use super::Input;
use crate::find::Facts;
use crate::probe::java::{Method, Target, method_at, simple, target};
use surefix_engine::RegressionTest;
use surefix_syntax::java;
use text::{JUnit, Test};
use tree_sitter::{Node, Tree};

/// Interfaces that a proxy can stand in for, by the package that their import names.
const INTERFACES: &[(&str, &str)] = &[
    ("Connection", "java.sql.Connection"),
    ("DataSource", "javax.sql.DataSource"),
    ("DirContext", "javax.naming.directory.DirContext"),
    ("LdapContext", "javax.naming.ldap.LdapContext"),
];

/// The test of a finding.
pub(super) fn draft(of: &Input<'_>) -> Result<RegressionTest, String> {
    let Input { facts, outcome, finding: f, raises, .. } = *of;
    let flow = f.found.flow.as_deref().ok_or("the flaw is no flow of an input")?;
    let target = target(outcome, flow)?;
    let source = outcome.texts.get(&target.file).ok_or("the source's text is not at hand")?;
    let (module, package_path) =
        target.file.split_once("src/main/java/").ok_or("the file does not lie in src/main/java")?;
    let folder = format!("{module}src/test/java/");
    let junit = junit(facts, &folder)?;
    if target.method.class.contains('$') {
        return Err("the class stands inside another one".to_string());
    }
    let tree = java::parse_kept(source);
    let aim = Aim { source, tree: &tree, target: &target };
    let method = aim.node().ok_or("the method is not found")?;
    let mut t = Test { raises, ..Test::default() };
    t.class = target.method.class.rsplit('.').next().unwrap_or("").to_string();
    t.package = target.method.class.rsplit_once('.').map(|(p, _)| p.to_string());
    t.method.clone_from(&target.method.name);
    if !t.class.is_ascii() || !t.method.is_ascii() {
        return Err("the names are not plain".to_string());
    }
    t.header = licence(source);
    let args = aim.args(&mut t)?;
    let receiver = aim.receiver(&mut t, method)?;
    let call = format!("{receiver}.{}({})", t.method, args.join(", "));
    let returns = method.child_by_field_name("type").map_or("void", |n| java::span_of(n).of(source)).to_string();
    t.watch(f.rule.id, call, &returns)?;
    let at = package_path.rsplit_once('/').map_or("", |(d, _)| d);
    let name = t.name(f.rule.id);
    let path = if at.is_empty() { format!("{folder}{name}.java") } else { format!("{folder}{at}/{name}.java") };
    let (name, text) = t.text(junit, f);
    Ok(RegressionTest { path, text, name })
}

/// The JUnit that the tests of a module use.
fn junit(facts: &Facts, folder: &str) -> Result<JUnit, String> {
    let tests = facts.files().filter(|f| f.starts_with(folder) && f.ends_with(".java")).take(200);
    let (mut four, mut five) = (0, 0);
    for t in tests {
        let text = std::fs::read_to_string(facts.root().join(t)).unwrap_or_default();
        four += usize::from(text.contains("import org.junit.Test;") || text.contains("import org.junit.*;"));
        five += usize::from(text.contains("import org.junit.jupiter.api."));
    }
    match (four, five) {
        (0, 0) => Err("the module has no tests of JUnit 4 or 5".to_string()),
        (a, b) if a > b => Ok(JUnit::Four),
        _ => Ok(JUnit::Five),
    }
}

/// The comment about the licence at the top of a file, which new files of a project have to carry as well.
fn licence(source: &str) -> String {
    let Some(rest) = source.trim_start_matches('\u{feff}').strip_prefix("/*") else { return String::new() };
    let Some((comment, _)) = rest.split_once("*/") else { return String::new() };
    let lower = comment.to_ascii_lowercase();
    if lower.contains("licen") || lower.contains("copyright") {
        format!("/*{}*/\n", comment.replace("\r\n", "\n"))
    } else {
        String::new()
    }
}

struct Aim<'a> {
    source: &'a str,
    tree: &'a Tree,
    target: &'a Target,
}

impl<'a> Aim<'a> {
    fn of(&self, n: Node<'_>) -> &'a str {
        java::span_of(n).of(self.source)
    }

    /// The declaration of the method.
    fn node(&self) -> Option<Node<'a>> {
        let same = |m: &Method| {
            let t = &self.target.method;
            m.class == t.class && m.name == t.name && m.params == t.params
        };
        let mut stack = vec![self.tree.root_node()];
        while let Some(n) = stack.pop() {
            if n.kind() == "method_declaration"
                && let Some(name) = n.child_by_field_name("name")
                && method_at(self.source, self.tree, java::span_of(name)).is_some_and(|m| same(&m))
            {
                return Some(n);
            }
            let mut cursor = n.walk();
            stack.extend(n.named_children(&mut cursor));
        }
        None
    }

    fn modifiers(&self, n: Node<'_>) -> &'a str {
        let mut cursor = n.walk();
        n.named_children(&mut cursor).find(|c| c.kind() == "modifiers").map_or("", |m| self.of(m))
    }

    /// What the test passes: the attack, stand-ins, harmless values.
    fn args(&self, t: &mut Test) -> Result<Vec<String>, String> {
        let params = self.target.method.params.iter().enumerate();
        let one = |(i, (ty, _)): (usize, &(String, String))| {
            if self.target.at == Some(i) {
                if ty == "String" { Ok("ATTACK".to_string()) } else { Err(format!("the input is a {ty}, not a text")) }
            } else {
                self.value(t, ty)
            }
        };
        params.map(one).collect()
    }

    /// A harmless value of a type.
    fn value(&self, t: &mut Test, ty: &str) -> Result<String, String> {
        let import = |name: &str| {
            let ending = format!(".{name};");
            let line = self
                .source
                .lines()
                .find(|l| l.trim_start().starts_with("import ") && l.trim_end().ends_with(&ending))?;
            Some(line.trim().trim_start_matches("import ").trim_end_matches(';').to_string())
        };
        let meant = || import(ty).ok_or_else(|| format!("which {ty} is meant is not known"));
        match ty {
            "String" | "CharSequence" => return Ok("\"1\"".to_string()),
            "int" | "short" | "byte" | "Integer" => return Ok("1".to_string()),
            "long" | "Long" => return Ok("1L".to_string()),
            "boolean" | "Boolean" => return Ok("false".to_string()),
            "HttpServletRequest" | "HttpServletResponse" | "ServletRequest" | "ServletResponse" => {
                let full = meant()?;
                // Filters cast what they are given to the kind of HTTP.
                let plain = full.strip_suffix(ty).filter(|p| p.ends_with(".servlet.")).unwrap_or("");
                let ty = if plain.is_empty() { ty.to_string() } else { format!("Http{ty}") };
                t.imports.insert(if plain.is_empty() { full } else { format!("{plain}http.{ty}") });
                let request = ty.ends_with("Request");
                if request {
                    t.request = Some((self.target.source.clone(), self.target.key.clone()));
                } else {
                    t.response = true;
                }
                return Ok(format!("{}({ty}.class)", if request { "request" } else { "response" }));
            }
            // Interfaces of a container or framework: whatever they are asked for is nothing.
            "FilterChain" | "FilterConfig" | "HttpSession" | "Model" | "ServletContext" => {
                t.imports.insert(meant()?);
                t.recorder = true;
                return Ok(format!("recorder({ty}.class)"));
            }
            "JdbcTemplate" => {
                t.imports.insert(meant()?);
                t.imports.insert("javax.sql.DataSource".to_string());
                t.recorder = true;
                return Ok("new JdbcTemplate(recorder(DataSource.class))".to_string());
            }
            _ => {}
        }
        match INTERFACES.iter().find(|(n, _)| *n == ty) {
            Some((_, full)) if import(ty).is_none_or(|i| i == *full) => {
                t.imports.insert((*full).to_string());
                t.recorder = true;
                Ok(format!("recorder({ty}.class)"))
            }
            _ => Err(format!("no {ty} can be made without knowing more")),
        }
    }

    /// The object on which the method is called, or its class.
    fn receiver(&self, t: &mut Test, method: Node<'_>) -> Result<String, String> {
        let own = self.modifiers(method);
        let has = |all: &str, word: &str| all.split_whitespace().any(|w| w == word);
        if has(own, "private") {
            return Err("the method is private".to_string());
        }
        let class =
            java::enclosing(method, |n| matches!(n.kind(), "class_declaration")).ok_or("it is no method of a class")?;
        if has(own, "static") {
            return Ok(t.class.clone());
        }
        if has(self.modifiers(class), "abstract") {
            return Err("the class is abstract".to_string());
        }
        let body = class.child_by_field_name("body").ok_or("the class has no body")?;
        let mut cursor = body.walk();
        let constructors: Vec<Node<'_>> =
            body.named_children(&mut cursor).filter(|n| n.kind() == "constructor_declaration").collect();
        if constructors.is_empty() {
            return Ok(format!("new {}()", t.class));
        }
        let mut why = "its constructors are private".to_string();
        for c in constructors {
            if has(self.modifiers(c), "private") {
                continue;
            }
            let mut types = Vec::new();
            if let Some(list) = c.child_by_field_name("parameters") {
                let mut cursor = list.walk();
                let all = list.named_children(&mut cursor).filter(|p| p.kind() == "formal_parameter");
                types.extend(all.filter_map(|p| Some(simple(self.of(p.child_by_field_name("type")?), &[]))));
            }
            match types.iter().map(|ty| self.value(t, ty)).collect::<Result<Vec<_>, _>>() {
                Ok(values) => return Ok(format!("new {}({})", t.class, values.join(", "))),
                Err(e) => why = e,
            }
        }
        Err(why)
    }
}

#[cfg(test)]
mod tests {
    use super::text::literal;
    use super::*;

    #[test]
    fn only_a_licence_is_taken_over() {
        assert_eq!(licence("/*\n * Copyright X\n */\npackage a;"), "/*\n * Copyright X\n */\n");
        assert_eq!(licence("/* A class. */\npackage a;"), "");
        assert_eq!(licence("package a;"), "");
        assert_eq!(literal("a\"\\u000a\n"), "\"a\\\"\\\\u000a\\n\"");
    }
}
