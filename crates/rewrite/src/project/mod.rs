//! Build files of the project: language levels, dependencies, and how to declare a new one.

mod gradle;
mod maven;
mod python;
mod xml;

use crate::layout::no;
use surefix_text::{Edit, FileId, Reason, Refusal};

/// File ids of manifests start here: the manifest at index `i` of the list given to [`Project::new`] has the id
/// `FileId(MANIFEST_BASE + i)`.
pub const MANIFEST_BASE: u32 = 1_000_000;

/// The build files of a project. Every question names the code file it is asked for: the nearest manifest governs it.
#[derive(Clone, Debug, Default)]
pub struct Project {
    files: Vec<Manifest>,
    poms: Vec<maven::Pom>,
}

/// One build file.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    pub id: FileId,
    pub path: String,
    pub text: String,
}

impl Manifest {
    /// The folder; empty for the project's root.
    pub fn dir(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(d, _)| d)
    }
    /// The file name.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or("")
    }
}

/// True when `dir` is the folder of `path` or one above it.
pub(crate) fn governs(dir: &str, path: &str) -> bool {
    dir.is_empty() || path.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'))
}

fn is_java(path: &str) -> bool {
    path.ends_with(".java")
}

impl Project {
    /// Reads build files: path (with `/`, relative to the project's root) and decoded text. Files that are no build files do no harm.
    pub fn new(files: &[(String, String)]) -> Project {
        let files: Vec<Manifest> = files
            .iter()
            .zip(MANIFEST_BASE..)
            .map(|((path, text), id)| Manifest { id: FileId(id), path: path.clone(), text: text.clone() })
            .collect();
        let poms = files.iter().filter(|f| f.name() == "pom.xml").filter_map(maven::Pom::read).collect();
        Project { files, poms }
    }

    /// The manifests: id, path, text.
    pub fn files(&self) -> impl Iterator<Item = (FileId, &str, &str)> {
        self.files.iter().map(|m| (m.id, m.path.as_str(), m.text.as_str()))
    }

    pub(crate) fn manifests(&self) -> &[Manifest] {
        &self.files
    }

    /// Manifests that govern `path` and that `wanted` accepts by file name, nearest first.
    pub(crate) fn above<'p>(&'p self, path: &str, wanted: impl Fn(&str) -> bool) -> Vec<&'p Manifest> {
        let mut found: Vec<&Manifest> =
            self.files.iter().filter(|m| wanted(m.name()) && governs(m.dir(), path)).collect();
        found.sort_by_key(|m| std::cmp::Reverse(m.dir().len()));
        found
    }

    /// The build system that governs a Java file: the nearest of `pom.xml` and `build.gradle(.kts)`.
    fn java_build(&self, path: &str) -> Option<&Manifest> {
        let build = |n: &str| matches!(n, "pom.xml" | "build.gradle" | "build.gradle.kts");
        self.above(path, build).into_iter().next()
    }

    /// The Java language level (8, 11, 17, …) that the code at `path` is compiled for; `None` when the build files do not tell
    /// (use 8 then).
    pub fn java_level(&self, path: &str) -> Option<u32> {
        match self.java_build(path)?.name() {
            "pom.xml" => self.maven_level(path),
            _ => self.gradle_level(path),
        }
    }

    /// The lowest Python version that the code at `path` must run on; 3.8 when nothing tells.
    pub fn python_min(&self, path: &str) -> (u8, u8) {
        self.python_lowest(path).unwrap_or((3, 8))
    }

    /// The lowest Python version that the project of `path` says it supports; `None` when it says nothing.
    pub fn python_declared(&self, path: &str) -> Option<(u8, u8)> {
        self.python_lowest(path)
    }

    /// Whether the code at `path` (`….java` or Python) can use a dependency: `group:artifact` for Java, a distribution name for
    /// Python. The inner value is its version where it is written. Dependencies for tests only count for test code.
    pub fn has_dep(&self, path: &str, name: &str) -> Option<Option<String>> {
        if !is_java(path) {
            return self.python_dep(path, name);
        }
        self.java_dep(path, name, false)
    }

    /// As [`Project::has_dep`] for Java, without what is only there to compile against (`provided`, `optional`, `compileOnly`):
    /// code that starts to use such a library fails for users who go without it.
    pub fn brings_dep(&self, path: &str, name: &str) -> Option<Option<String>> {
        self.java_dep(path, name, true)
    }

    fn java_dep(&self, path: &str, name: &str, firm: bool) -> Option<Option<String>> {
        match self.java_build(path)?.name() {
            "pom.xml" => self.maven_dep(path, name, firm),
            _ => self.gradle_dep(path, name, firm),
        }
    }

    /// True when the same build file governs two Java files, or none does.
    pub fn same_module(&self, a: &str, b: &str) -> bool {
        let build = |path| self.java_build(path).map(|m| m.path.as_str());
        build(a) == build(b)
    }

    /// Declares a dependency in the manifest that governs `path`, in that file's style; nothing happens when it is there. Refuses
    /// with `dependency-missing` when no manifest can be edited, or when a lock file or hashes would no longer fit.
    pub fn add_dependency(&self, path: &str, name: &str, version: &str, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
        if self.has_dep(path, name).is_some() {
            return Ok(());
        }
        // All or nothing: two manifests may have to be edited.
        let mut new = edits.clone();
        if !is_java(path) {
            self.python_add(path, name, version, &mut new)?;
        } else {
            match self.java_build(path) {
                None => return no(Reason::DependencyMissing, format!("no build file declares the dependency {name}")),
                Some(m) if m.name() == "pom.xml" => self.maven_add(path, name, version, &mut new)?,
                Some(_) => self.gradle_add(path, name, version, &mut new)?,
            }
        }
        *edits = new;
        Ok(())
    }
}

/// True for code that only tests run.
pub fn is_test_path(path: &str) -> bool {
    path.split('/').any(|p| matches!(p, "test" | "tests" | "testFixtures" | "integrationTest"))
}

/// `1.8` → 8, `17` → 17.
pub(crate) fn java_number(text: &str) -> Option<u32> {
    let t = text.trim();
    let t = t.strip_prefix("1.").unwrap_or(t);
    let digits: String = t.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok().filter(|n| (5..100).contains(n))
}
