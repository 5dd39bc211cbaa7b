//! Java: which method is called with which input, and the harness that does it under a debugger.

use super::{Answers, Case, by_step, none, put, results};
use crate::plan::Step;
use crate::tester::Project;
use crate::units::Texts;
use std::collections::BTreeMap;
use surefix_dataflow::{Flow, StepKind};
use surefix_engine::{Finding, Outcome};
use surefix_syntax::java;
use surefix_text::Span;
use tree_sitter::{Node, Tree};

const DRIVE: &str = include_str!("harness/SurefixDrive.java");
const OBSERVE: &str = include_str!("harness/SurefixObserve.java");

/// A method, as the harness finds it.
pub(crate) struct Method {
    /// Binary name of the class (`a.b.Outer$Inner`).
    pub class: String,
    /// Name.
    pub name: String,
    /// Simple types and names of the parameters; `?` is any type.
    pub params: Vec<(String, String)>,
}

/// What is called with the input, and how the input gets there.
pub(crate) struct Target {
    /// The file of the method.
    pub file: String,
    /// The method.
    pub method: Method,
    /// The parameter that is the input; `None`: it comes with a request.
    pub at: Option<usize>,
    /// The name under which the input comes, empty when any will do.
    pub key: String,
    /// The name itself is the input.
    pub names: bool,
    /// The last part of the source's name (`getParameter`).
    pub source: String,
}

/// The method to call for a finding.
pub(crate) fn target(outcome: &Outcome, flow: &Flow) -> Result<Target, String> {
    let source = flow.trace.iter().find(|s| s.what == StepKind::Source).ok_or("the source is not known")?;
    let mut methods: Vec<(String, Method)> = Vec::new();
    // The method of the sink first, then those on the way back to the source.
    for step in flow.trace.iter().rev() {
        let path = outcome.path(step.place.file);
        let Some(text) = outcome.texts.get(path) else { continue };
        let tree = java::parse_kept(text);
        if let Some(m) = method_at(text, &tree, step.place.span)
            && !methods.iter().any(|(p, o)| p == path && o.class == m.class && o.name == m.name)
        {
            methods.push((path.to_string(), m));
        }
    }
    let path = outcome.path(source.place.file);
    let text = outcome.texts.get(path).ok_or("the source's file is not at hand")?;
    let tree = java::parse_kept(text);
    // A parameter is named as it is, a member with its class.
    let parameter = (!source.name.contains('.')).then_some(source.name.as_str());
    let request = |m: &Method| m.params.iter().any(|(ty, _)| ty.ends_with("ServletRequest"));
    let (file, method, at) = match parameter {
        Some(name) => {
            let m = method_at(text, &tree, source.place.span).ok_or("the function of the source is not a method")?;
            let at = m.params.iter().position(|(_, n)| n == name).ok_or("the parameter is not found")?;
            (path.to_string(), m, Some(at))
        }
        None if source.name.contains("servlet.") => {
            let (p, m) =
                methods.into_iter().find(|(_, m)| request(m)).ok_or("no method on the way takes the request")?;
            (p, m, None)
        }
        None => return Err(format!("the input of {} cannot be given to a call", source.name)),
    };
    let (key, names) = key(outcome, text, &tree, source.place.span, &source.name, &file);
    if key.contains(['\t', '\n', '\r']) {
        return Err("the name of the input is no plain text".to_string());
    }
    let source = source.name.rsplit('.').next().unwrap_or("").to_string();
    Ok(Target { file, method, at, key, names, source })
}

/// The case of a finding.
pub(super) fn case(outcome: &Outcome, index: usize, f: &Finding, flow: &Flow) -> Result<Case, String> {
    let t = target(outcome, flow)?;
    let types: Vec<&str> = t.method.params.iter().map(|(t, _)| t.as_str()).collect();
    let at = t.at.map_or("-1".to_string(), |a| a.to_string());
    let names = if t.names { "1" } else { "0" };
    let line = [f.rule.id, &t.method.class, &t.method.name, &types.join(","), &at, &t.key, names, &t.source].join("\t");
    let sinks = match flow.call.callee.rsplit_once('.') {
        Some((class, name)) if class.contains('.') && !class.starts_with("surefix.") => {
            vec![[f.rule.id.to_string(), class.to_string(), name.to_string()]]
        }
        _ => Vec::new(),
    };
    Ok(Case { finding: index, file: t.file, line, sinks })
}

/// The method around a place, when it can be called by reflection.
pub(crate) fn method_at(text: &str, tree: &Tree, span: Span) -> Option<Method> {
    let of = |n: Node<'_>| java::span_of(n).of(text).to_string();
    let node = java::enclosing(java::covering(tree, span)?, |n| n.kind() == "method_declaration")?;
    let mut class = String::new();
    let mut at = node.parent();
    while let Some(n) = at {
        match n.kind() {
            "class_declaration" | "interface_declaration" | "enum_declaration" | "record_declaration" => {
                let name = of(n.child_by_field_name("name")?);
                class = if class.is_empty() { name } else { format!("{name}${class}") };
                // A class inside a method has a name of the compiler's.
                if n.parent().is_some_and(|p| p.kind() == "block") {
                    return None;
                }
            }
            "object_creation_expression" => return None,
            _ => {}
        }
        at = n.parent();
    }
    let mut cursor = tree.root_node().walk();
    let package = tree.root_node().named_children(&mut cursor).find(|n| n.kind() == "package_declaration");
    if let Some(p) = package.and_then(|p| {
        let mut c = p.walk();
        p.named_children(&mut c).find(|n| matches!(n.kind(), "scoped_identifier" | "identifier"))
    }) {
        class = format!("{}.{class}", of(p).split_whitespace().collect::<String>());
    }
    let generic: Vec<String> = type_parameters(text, node);
    let mut params = Vec::new();
    let list = node.child_by_field_name("parameters")?;
    let mut cursor = list.walk();
    for p in list.named_children(&mut cursor) {
        match p.kind() {
            "formal_parameter" => {
                let ty = simple(&of(p.child_by_field_name("type")?), &generic);
                let name = of(p.child_by_field_name("name")?);
                let dims = p.child_by_field_name("dimensions").map(of).unwrap_or_default();
                params.push((format!("{ty}{dims}"), name));
            }
            "spread_parameter" => params.push(("?".to_string(), String::new())),
            _ => {}
        }
    }
    Some(Method { class, name: of(node.child_by_field_name("name")?), params })
}

/// Names of type parameters that are in scope.
fn type_parameters(text: &str, method: Node<'_>) -> Vec<String> {
    let mut out = Vec::new();
    let mut at = Some(method);
    while let Some(n) = at {
        let mut cursor = n.walk();
        for list in n.named_children(&mut cursor).filter(|c| c.kind() == "type_parameters") {
            let mut cursor = list.walk();
            for p in list.named_children(&mut cursor) {
                let name = p.named_child(0).map(|x| java::span_of(x).of(text).to_string());
                out.extend(name);
            }
        }
        at = n.parent();
    }
    out
}

/// `java.util.Map<String, T>[]` → `Map[]`; type parameters are any type.
pub(crate) fn simple(ty: &str, generic: &[String]) -> String {
    let mut out = String::new();
    let mut depth = 0;
    for c in ty.chars().filter(|c| !c.is_whitespace()) {
        match c {
            '<' => depth += 1,
            '>' => depth -= 1,
            c if depth == 0 => out.push(c),
            _ => {}
        }
    }
    let out = out.rsplit('.').next().unwrap_or("").to_string();
    if generic.contains(&out) { "?".to_string() } else { out }
}

/// The name under which the input comes, empty when any will do, and whether the name itself is the input.
fn key(outcome: &Outcome, text: &str, tree: &Tree, source: Span, name: &str, file: &str) -> (String, bool) {
    let last = name.rsplit('.').next().unwrap_or("");
    let names = last.ends_with("Names");
    let own = java::covering(tree, source).and_then(|n| {
        let call = java::enclosing(n, |n| n.kind() == "method_invocation")?;
        let args = call.child_by_field_name("arguments")?;
        let first = args.named_child(0).filter(|a| a.kind() == "string_literal")?;
        Some(java::span_of(first).of(text).trim_matches('"').to_string())
    });
    if let Some(k) = own.filter(|k| !k.contains('\\')) {
        return (k, names);
    }
    // The code says elsewhere in the method for which name it looks.
    let around = outcome.texts.get(file).map_or(text, String::as_str);
    let body = match java::covering(tree, source).and_then(|n| java::enclosing(n, |n| n.kind() == "method_declaration"))
    {
        Some(m) if file_is(outcome, text, file) => java::span_of(m).of(text),
        _ => around,
    };
    let found = match last {
        // A name counts by the value that comes with it.
        _ if names => between(body, ".equals(\"", "\""),
        "getCookies" | "getName" | "getValue" => beside(body, "getName().equals(\"", "\".equals("),
        "getParameterMap" => between(body, ".get(\"", "\""),
        "getQueryString" => query_name(body),
        _ => None,
    };
    (found.unwrap_or_default(), names)
}

fn file_is(outcome: &Outcome, text: &str, file: &str) -> bool {
    outcome.texts.get(file).is_some_and(|t| t == text)
}

fn between(text: &str, before: &str, after: &str) -> Option<String> {
    let rest = text.split_once(before)?.1;
    let found = rest.split_once(after)?.0;
    (!found.contains(['\\', '\n'])).then(|| found.to_string())
}

/// `cookie.getName().equals("x")` or `"x".equals(cookie.getName())`.
fn beside(text: &str, first: &str, second: &str) -> Option<String> {
    between(text, first, "\"").or_else(|| {
        let (head, tail) = text.split_once(second)?;
        let call = tail.split_once(')').map_or("", |(c, _)| c);
        let name = head.rsplit_once('"').map(|(_, n)| n)?;
        call.contains("getName(").then(|| name.to_string())
    })
}

/// `"x="` or `"x" + "="`: the name in front of an equals sign.
fn query_name(text: &str) -> Option<String> {
    let mut inside = false;
    let outside = |c: &char| {
        inside ^= *c == '"';
        inside || !c.is_whitespace()
    };
    let squeezed: String = text.chars().filter(outside).collect();
    let joined = squeezed.replace("\"+\"", "");
    let plain = |s: &str| !s.is_empty() && s.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
    joined.split('"').skip(1).step_by(2).filter_map(|l| l.strip_suffix('=')).find(|l| plain(l)).map(str::to_string)
}

/// Compiles the project with the changed files and calls the cases of each module.
pub(super) fn ask(project: &mut Project<'_>, texts: &Texts, cases: &[Case]) -> Answers {
    let missing = "the class path is only known of Maven builds";
    by_step(project, cases, "maven build", missing, |project, step, cases| of_build(project, texts, step, cases))
}

/// The cases of one build.
fn of_build(project: &mut Project<'_>, texts: &Texts, step: &Step, cases: &[Case]) -> Result<Answers, String> {
    let place = project.place(texts).map_err(|e| format!("the copy of the project could not be made: {e}"))?;
    let mut argv = step.argv.clone();
    argv.push("-X".to_string());
    let built = project.command(&place, &step.dir, &argv);
    if !built.how.success() {
        return Err(format!("`{}` did not work ({})", step.shown(), built.how.text()));
    }
    let paths = class_paths(&String::from_utf8_lossy(&built.stdout));
    let mut out = Answers::new();
    let mut modules: BTreeMap<String, (Vec<String>, Vec<Case>)> = BTreeMap::new();
    for c in cases {
        match module_of(&c.file).and_then(|m| Some((m.clone(), class_path(&paths, &m)?))) {
            Some((m, path)) => modules.entry(m).or_insert_with(|| (path, Vec::new())).1.push(c.clone()),
            None => {
                out.insert(c.finding, Err("the class path of its module is not known".to_string()));
            }
        }
    }
    for (path, cases) in modules.into_values() {
        out.extend(call(project, &place, &step.dir, &path, &cases).unwrap_or_else(|why| none(&cases, &why)));
    }
    Ok(out)
}

/// Lists that Maven's compiler plugin tells of itself when it is asked for everything, by the names that its versions have for them.
fn class_paths(output: &str) -> Vec<Vec<String>> {
    let list = |l: &str| {
        let (_, rest) = ["compilePath = [", "classpathElements = ["].iter().find_map(|mark| l.split_once(mark))?;
        rest.strip_suffix(']').map(str::to_string)
    };
    let lists = output.lines().filter_map(list);
    lists.map(|l| l.split(", ").map(str::to_string).collect()).collect()
}

/// The directory of a Maven module, by the layout of its sources.
fn module_of(file: &str) -> Option<String> {
    let at = if file.starts_with("src/") { 0 } else { file.find("/src/")? };
    Some(file.get(..at)?.to_string())
}

/// The longest list that holds the classes of a module: the one for its tests.
fn class_path(paths: &[Vec<String>], module: &str) -> Option<Vec<String>> {
    let own = if module.is_empty() { "/target/classes".to_string() } else { format!("/{module}/target/classes") };
    let mine = paths.iter().filter(|p| p.iter().any(|e| e.ends_with(&own)));
    mine.max_by_key(|p| p.len()).cloned()
}

/// Compiles the harness and runs it.
fn call(
    project: &mut Project<'_>,
    place: &crate::sandbox::Place,
    dir: &str,
    path: &[String],
    cases: &[Case],
) -> Result<Answers, String> {
    let mut sinks: Vec<String> = cases.iter().flat_map(|c| c.sinks.iter().map(|s| s.join("\t"))).collect();
    sinks.sort();
    sinks.dedup();
    let lines: Vec<String> = cases.iter().map(|c| format!("{}\t{}", c.finding, c.line)).collect();
    put(
        place,
        &[
            ("SurefixDrive.java", DRIVE),
            ("SurefixObserve.java", OBSERVE),
            ("cases", &lines.join("\n")),
            ("path", &path.join("\n")),
            ("sinks", &sinks.join("\n")),
        ],
    )?;
    let own = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<String>>();
    let r = crate::plan::REPORTS;
    let compile = own(&[
        "javac",
        "-nowarn",
        "-proc:none",
        "-d",
        r,
        &format!("{r}/SurefixDrive.java"),
        &format!("{r}/SurefixObserve.java"),
    ]);
    let compiled = project.command(place, dir, &compile);
    if !compiled.how.success() {
        return Err(format!("the harness needs javac of Java 11 or later ({})", compiled.how.text()));
    }
    let files: Vec<String> = ["cases", "path", "", "sinks", "results"]
        .iter()
        .map(|f| format!("{r}/{f}").trim_end_matches('/').to_string())
        .collect();
    let mut run = own(&["java", "-cp", r, "SurefixObserve"]);
    run.extend(files);
    let ran = project.command(place, dir, &run);
    results(place, &ran, cases)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_named_as_reflection_finds_them() {
        let text = "package a.b;\nclass A<T> {\n  static class In {\n    void f(java.util.Map<String, int[]> m, String[] a, T t, int... r) { x(); }\n  }\n}\n";
        let tree = java::parse(text);
        let at = u32::try_from(text.find("x()").unwrap()).unwrap();
        let m = method_at(text, &tree, Span::new(at, at + 3)).unwrap();
        assert_eq!((m.class.as_str(), m.name.as_str()), ("a.b.A$In", "f"));
        let types: Vec<&str> = m.params.iter().map(|(t, _)| t.as_str()).collect();
        assert_eq!(types, ["Map", "String[]", "?", "?"]);
        let inner = "class A { void f() { new B() { void g() { x(); } }; } }";
        let tree = java::parse(inner);
        let at = u32::try_from(inner.find("x()").unwrap()).unwrap();
        assert!(method_at(inner, &tree, Span::new(at, at + 3)).is_none());
    }

    #[test]
    fn names_of_inputs_are_read_from_the_code() {
        assert_eq!(query_name("q.indexOf(\"id\" + \"=\")").as_deref(), Some("id"));
        assert_eq!(query_name("q.indexOf(\"a b=\"); x(\"name=\")").as_deref(), Some("name"));
        assert_eq!(
            beside("\"user\".equals(c.getName())", "getName().equals(\"", "\".equals(").as_deref(),
            Some("user")
        );
        assert_eq!(
            beside("c.getName().equals(\"user\")", "getName().equals(\"", "\".equals(").as_deref(),
            Some("user")
        );
    }

    #[test]
    fn class_paths_are_those_of_the_module() {
        let out = "[DEBUG]   (f) compilePath = [/p/a/target/classes, /m/x.jar]\n[DEBUG]   (f) compilePath = [/p/a/target/test-classes, /p/a/target/classes, /m/x.jar, /m/j.jar]\n";
        let paths = class_paths(out);
        assert_eq!(class_path(&paths, "a").unwrap().len(), 4);
        assert_eq!(class_path(&paths, "b"), None);
        assert_eq!(module_of("a/src/main/java/A.java").as_deref(), Some("a"));
        assert_eq!(module_of("src/main/java/A.java").as_deref(), Some(""));
    }
}
