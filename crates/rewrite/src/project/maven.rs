//! Maven: effective properties, levels and dependencies over the chain of parents.

use super::xml::{self, Element};
use super::{Manifest, Project, governs, is_test_path, java_number};
use crate::layout::{eol_at, first_on_line, indent_at, line_start, no, push_insert};
use std::collections::BTreeMap;
use surefix_text::{Edit, FileId, Reason, Refusal};

/// A dependency as written.
#[derive(Clone, Debug)]
struct Dep {
    group: String,
    artifact: String,
    version: Option<String>,
    scope: String,
    optional: bool,
}

/// One `pom.xml`.
#[derive(Clone, Debug)]
pub(crate) struct Pom {
    id: FileId,
    dir: String,
    text: String,
    elements: Vec<Element>,
    artifact: String,
    /// Artifact and relative path of the parent.
    parent: Option<(String, String)>,
    properties: BTreeMap<String, String>,
    deps: Vec<Dep>,
    managed: Vec<Dep>,
    /// `release`, `source`, `target` of the compiler plugin.
    compiler: BTreeMap<String, String>,
}

impl Pom {
    pub fn read(m: &Manifest) -> Option<Pom> {
        let elements = xml::read(&m.text)?;
        let mut pom = Pom {
            id: m.id,
            dir: m.dir().to_owned(),
            text: m.text.clone(),
            elements,
            artifact: String::new(),
            parent: None,
            properties: BTreeMap::new(),
            deps: Vec::new(),
            managed: Vec::new(),
            compiler: BTreeMap::new(),
        };
        pom.artifact = pom.get(0, "artifactId").unwrap_or_default();
        if let Some(p) = pom.child(0, "parent") {
            let relative = pom.get(p, "relativePath").unwrap_or_else(|| "../pom.xml".to_owned());
            pom.parent = Some((pom.get(p, "artifactId").unwrap_or_default(), relative));
        }
        if let Some(p) = pom.child(0, "properties") {
            for (name, value) in pom.pairs(p) {
                pom.properties.insert(name, value);
            }
        }
        for (name, key) in [("groupId", "project.groupId"), ("version", "project.version")] {
            if let Some(v) = pom.get(0, name) {
                pom.properties.insert(key.to_owned(), v);
            }
        }
        pom.deps = pom.child(0, "dependencies").map(|d| pom.list(d)).unwrap_or_default();
        let managed = pom.child(0, "dependencyManagement").and_then(|m| pom.child(m, "dependencies"));
        pom.managed = managed.map(|d| pom.list(d)).unwrap_or_default();
        let build = pom.child(0, "build");
        let plain = build.and_then(|b| pom.child(b, "plugins"));
        let in_management = build.and_then(|b| pom.child(b, "pluginManagement")).and_then(|m| pom.child(m, "plugins"));
        for plugins in [in_management, plain].into_iter().flatten() {
            for plugin in pom.children(plugins, "plugin") {
                if pom.get(plugin, "artifactId").as_deref() != Some("maven-compiler-plugin") {
                    continue;
                }
                if let Some(c) = pom.child(plugin, "configuration") {
                    for (name, value) in pom.pairs(c) {
                        pom.compiler.insert(name, value);
                    }
                }
            }
        }
        Some(pom)
    }

    fn children(&self, of: usize, name: &str) -> Vec<usize> {
        let all = self.elements.get(of).map(|e| e.children.as_slice()).unwrap_or(&[]);
        all.iter().copied().filter(|i| self.elements.get(*i).is_some_and(|e| e.name == name)).collect()
    }

    fn child(&self, of: usize, name: &str) -> Option<usize> {
        self.children(of, name).into_iter().next()
    }

    fn get(&self, of: usize, name: &str) -> Option<String> {
        let e = self.elements.get(self.child(of, name)?)?;
        Some(xml::value(&self.text, e.content))
    }

    fn pairs(&self, of: usize) -> Vec<(String, String)> {
        let all = self.elements.get(of).map(|e| e.children.clone()).unwrap_or_default();
        let leaf = |i: &usize| self.elements.get(*i).filter(|e| e.children.is_empty());
        all.iter().filter_map(leaf).map(|e| (e.name.clone(), xml::value(&self.text, e.content))).collect()
    }

    fn list(&self, of: usize) -> Vec<Dep> {
        let one = |d: usize| Dep {
            group: self.get(d, "groupId").unwrap_or_default(),
            artifact: self.get(d, "artifactId").unwrap_or_default(),
            version: self.get(d, "version"),
            scope: self.get(d, "scope").unwrap_or_default(),
            optional: self.get(d, "optional").is_some_and(|o| o.trim() == "true"),
        };
        self.children(of, "dependency").into_iter().map(one).collect()
    }
}

/// `a/b` and `../pom.xml` → `a/pom.xml`.
fn join(dir: &str, relative: &str) -> Option<String> {
    let mut parts: Vec<&str> = dir.split('/').filter(|p| !p.is_empty()).collect();
    for part in relative.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            p => parts.push(p),
        }
    }
    Some(parts.join("/"))
}

impl Project {
    /// The module's own pom first, then its parents in the project.
    fn chain(&self, path: &str) -> Vec<&Pom> {
        let nearest = self.poms.iter().filter(|p| governs(&p.dir, path)).max_by_key(|p| p.dir.len());
        let mut chain: Vec<&Pom> = nearest.into_iter().collect();
        while let Some((artifact, relative)) = chain.last().and_then(|p| p.parent.as_ref()) {
            let Some(dir) = chain.last().map(|p| p.dir.as_str()) else { break };
            let Some(mut place) = join(dir, relative) else { break };
            if !place.ends_with(".xml") {
                place = if place.is_empty() { "pom.xml".to_owned() } else { format!("{place}/pom.xml") };
            }
            let folder = place.rsplit_once('/').map_or("", |(d, _)| d);
            let next = self.poms.iter().find(|p| p.dir == folder && p.artifact == *artifact);
            match next {
                Some(p) if !chain.iter().any(|c| std::ptr::eq(*c, p)) => chain.push(p),
                _ => break,
            }
        }
        chain
    }

    fn expand(chain: &[&Pom], text: &str) -> String {
        let mut out = text.to_owned();
        for _ in 0..8 {
            let Some((head, tail)) = out.split_once("${") else { break };
            let Some((name, rest)) = tail.split_once('}') else { break };
            let Some(value) = chain.iter().find_map(|p| p.properties.get(name)) else { break };
            out = format!("{head}{value}{rest}");
        }
        out
    }

    pub(super) fn maven_level(&self, path: &str) -> Option<u32> {
        let chain = self.chain(path);
        let number = |text: &String| java_number(&Project::expand(&chain, text));
        let plugin = |key: &str| chain.iter().find_map(|p| p.compiler.get(key)).and_then(number);
        let property = |key: &str| chain.iter().find_map(|p| p.properties.get(key)).and_then(number);
        let lower = |a: Option<u32>, b: Option<u32>| match (a, b) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        plugin("release")
            .or_else(|| property("maven.compiler.release"))
            .or_else(|| lower(plugin("source"), plugin("target")))
            .or_else(|| lower(property("maven.compiler.source"), property("maven.compiler.target")))
            .or_else(|| property("java.version"))
    }

    /// As [`Project::has_dep`]; `firm`: only what users of the module are sure to have.
    pub(super) fn maven_dep(&self, path: &str, name: &str, firm: bool) -> Option<Option<String>> {
        let chain = self.chain(path);
        let (group, artifact) = name.split_once(':')?;
        let is =
            |d: &&Dep| Project::expand(&chain, &d.group) == group && Project::expand(&chain, &d.artifact) == artifact;
        let given = |d: &Dep| !firm || !(d.optional || d.scope == "provided");
        let usable = |d: &&Dep| is(d) && given(d) && (d.scope != "test" || is_test_path(path));
        let dep = chain.iter().find_map(|p| p.deps.iter().find(usable))?;
        let managed = || chain.iter().find_map(|p| p.managed.iter().find(is)).and_then(|d| d.version.clone());
        let version = dep.version.clone().or_else(managed).map(|v| Project::expand(&chain, &v));
        Some(version.filter(|v| !v.contains("${")))
    }

    pub(super) fn maven_add(
        &self,
        path: &str,
        name: &str,
        version: &str,
        edits: &mut Vec<Edit>,
    ) -> Result<(), Refusal> {
        let chain = self.chain(path);
        let missing = |why: &str| no(Reason::DependencyMissing, format!("{name} is not a dependency and {why}"));
        let Some(pom) = chain.first() else { return missing("no pom.xml can be read") };
        let Some((group, artifact)) = name.split_once(':') else { return missing("its coordinates are not complete") };
        let is =
            |d: &Dep| Project::expand(&chain, &d.group) == group && Project::expand(&chain, &d.artifact) == artifact;
        if pom.deps.iter().any(is) {
            return missing("the pom.xml has it for tests only");
        }
        let marker = format!("<artifactId>{artifact}</artifactId>");
        if edits.iter().any(|e| e.file == pom.id && e.text.contains(&marker)) {
            return Ok(());
        }
        let managed = chain.iter().any(|p| p.managed.iter().any(|d| is(d) && d.version.is_some()));
        let mut lines = vec![format!("<groupId>{group}</groupId>"), marker];
        if !managed {
            lines.push(format!("<version>{version}</version>"));
        }
        let text = pom.text.as_str();
        let list = pom.child(0, "dependencies").and_then(|d| pom.elements.get(d));
        let last = list.and_then(|l| l.children.last()).and_then(|d| pom.elements.get(*d));
        let unit = pom.unit();
        let block = |indent: &str, inner: &str, eol: &str| {
            let body: String = lines.iter().map(|l| format!("{inner}{l}{eol}")).collect();
            format!("{indent}<dependency>{eol}{body}{indent}</dependency>{eol}")
        };
        match (list, last) {
            (Some(_), Some(last)) if first_on_line(text, last.span.lo) => {
                let (indent, eol) = (indent_at(text, last.span.lo), eol_at(text, last.span.hi));
                let leaf = last.children.first().and_then(|c| pom.elements.get(*c));
                let inner = match leaf.filter(|c| first_on_line(text, c.span.lo)) {
                    Some(c) => indent_at(text, c.span.lo).to_owned(),
                    None => format!("{indent}{unit}"),
                };
                let new = block(indent, &inner, eol);
                push_insert(edits, pom.id, last.span.hi, &format!("{eol}{}", new.trim_end_matches(['\r', '\n'])));
            }
            (Some(_), Some(last)) => {
                push_insert(edits, pom.id, last.span.hi, &format!("<dependency>{}</dependency>", lines.concat()));
            }
            (Some(list), None) => {
                let (outer, eol) = (indent_at(text, list.span.lo), eol_at(text, list.span.lo));
                let indent = format!("{outer}{unit}");
                let new = block(&indent, &format!("{indent}{unit}"), eol);
                if list.self_closing {
                    edits.push(Edit::replace(
                        pom.id,
                        list.span,
                        format!("<dependencies>{eol}{new}{outer}</dependencies>"),
                    ));
                } else if first_on_line(text, list.content.hi) {
                    push_insert(edits, pom.id, line_start(text, list.content.hi), &new);
                } else {
                    push_insert(edits, pom.id, list.content.hi, &format!("{eol}{new}{outer}"));
                }
            }
            (None, _) => {
                let Some(root) = pom.elements.first().filter(|r| !r.self_closing && first_on_line(text, r.content.hi))
                else {
                    return missing("the pom.xml has no place for it");
                };
                let at = line_start(text, root.content.hi);
                let eol = eol_at(text, at.saturating_sub(1));
                let new = block(&unit.repeat(2), &unit.repeat(3), eol);
                push_insert(edits, pom.id, at, &format!("{unit}<dependencies>{eol}{new}{unit}</dependencies>{eol}"));
            }
        }
        Ok(())
    }
}

impl Pom {
    /// One level of indentation: that of the root's children.
    fn unit(&self) -> String {
        let first = self.elements.iter().find(|e| e.parent == Some(0) && first_on_line(&self.text, e.span.lo));
        match first.map(|e| indent_at(&self.text, e.span.lo)) {
            Some(i) if !i.is_empty() => i.to_owned(),
            _ => "    ".to_owned(),
        }
    }
}
