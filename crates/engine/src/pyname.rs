//! Dotted names of Python files, from the tree of paths and from what the files import.

use std::collections::{BTreeMap, BTreeSet};

/// Names Python modules. Packages are chains of directories with an `__init__.py`; what lies outside of a package belongs to the
/// nearest directory that the imports beside it can only mean, to a directory with a build file or named `src`, or to the root.
#[derive(Debug, Default)]
pub struct PyNames {
    /// Directories with an `__init__.py`.
    packages: BTreeSet<String>,
    /// Names that can be imported from a directory.
    children: BTreeMap<String, BTreeSet<String>>,
    /// Top names that the files of a directory import.
    imported: BTreeMap<String, BTreeSet<String>>,
    /// Directories where a source tree starts.
    roots: BTreeSet<String>,
}

fn parent(path: &str) -> Option<&str> {
    if path.is_empty() { None } else { Some(path.rsplit_once('/').map_or("", |(d, _)| d)) }
}

fn identifier(s: &str) -> bool {
    !s.is_empty() && !s.starts_with(|c: char| c.is_ascii_digit()) && s.chars().all(|c| c.is_alphanumeric() || c == '_')
}

impl PyNames {
    /// From all Python files (path and text) and the paths of build files.
    pub fn new<'a>(
        files: impl Iterator<Item = (&'a str, &'a str)>,
        manifests: impl Iterator<Item = &'a str>,
    ) -> PyNames {
        let mut out = PyNames::default();
        for (path, text) in files {
            let dir = parent(path).unwrap_or("");
            let file = path.rsplit('/').next().unwrap_or(path);
            let stem = file.rsplit_once('.').map_or(file, |(s, _)| s);
            if stem == "__init__" {
                out.packages.insert(dir.to_string());
            } else {
                out.children.entry(dir.to_string()).or_default().insert(stem.to_string());
            }
            let mut at = dir;
            while let Some(up) = parent(at) {
                let name = at.rsplit('/').next().unwrap_or(at).to_string();
                if !out.children.entry(up.to_string()).or_default().insert(name) {
                    break;
                }
                at = up;
            }
            let tops = out.imported.entry(dir.to_string()).or_default();
            for line in text.lines() {
                let line = line.trim_start();
                let rest = line.strip_prefix("import ").or_else(|| line.strip_prefix("from "));
                if let Some(rest) = rest {
                    let top: String =
                        rest.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                    if !top.is_empty() {
                        tops.insert(top);
                    }
                }
            }
        }
        for m in manifests {
            let file = m.rsplit('/').next().unwrap_or(m);
            if matches!(file, "pyproject.toml" | "setup.py" | "setup.cfg" | "Pipfile" | "requirements.txt") {
                out.roots.insert(parent(m).unwrap_or("").to_string());
            }
        }
        out
    }

    /// The directory from which the modules of `dir` are named.
    fn root_of(&self, dir: &str) -> String {
        let mut top = dir;
        while self.packages.contains(top) {
            match parent(top) {
                Some(up) => top = up,
                None => return String::new(),
            }
        }
        if top != dir {
            return top.to_string();
        }
        let none = BTreeSet::new();
        let imported = self.imported.get(dir).unwrap_or(&none);
        let ups: Vec<&str> = std::iter::successors(Some(dir), |d| parent(d)).collect();
        for up in &ups {
            let own = self.children.get(*up).unwrap_or(&none);
            if imported.iter().any(|name| own.contains(name)) {
                return (*up).to_string();
            }
        }
        for up in &ups {
            if self.roots.contains(*up) || up.rsplit('/').next() == Some("src") {
                return (*up).to_string();
            }
        }
        // A directory whose name can be no module cannot be part of a dotted name.
        let mut root = "";
        for up in ups.iter().rev().filter(|u| !u.is_empty()) {
            if !identifier(up.rsplit('/').next().unwrap_or(up)) {
                root = up;
            }
        }
        root.to_string()
    }

    /// Dotted name, and whether the file is a package's `__init__.py`.
    pub fn name(&self, path: &str) -> (String, bool) {
        let dir = parent(path).unwrap_or("");
        let root = self.root_of(dir);
        let rel = path.strip_prefix(root.as_str()).unwrap_or(path).trim_start_matches('/');
        let stem = rel.rsplit_once('.').map_or(rel, |(s, _)| s);
        let package = stem == "__init__" || stem.ends_with("/__init__");
        let stem = stem.strip_suffix("__init__").unwrap_or(stem).trim_end_matches('/');
        let name =
            if stem.is_empty() { root.rsplit('/').next().unwrap_or("").to_string() } else { stem.replace('/', ".") };
        (name, package)
    }
}

#[cfg(test)]
mod tests {
    use super::PyNames;

    #[test]
    fn packages_sources_and_scripts() {
        let files = [
            ("lib/pkg/__init__.py", ""),
            ("lib/pkg/sub/__init__.py", ""),
            ("lib/pkg/sub/mod.py", "import os\n"),
            ("web/app.py", "from util import x\n"),
            ("web/util.py", ""),
            ("web/views/home.py", "import util\n"),
            ("svc/src/core/run.py", ""),
            ("tools/one.py", "import json\n"),
            ("my-app/two.py", ""),
        ];
        let names = PyNames::new(files.into_iter(), ["svc/pyproject.toml"].into_iter());
        let n = |p: &str| names.name(p).0;
        assert_eq!(names.name("lib/pkg/__init__.py"), ("pkg".to_string(), true));
        assert_eq!(n("lib/pkg/sub/mod.py"), "pkg.sub.mod");
        assert_eq!(n("web/app.py"), "app");
        assert_eq!(n("web/util.py"), "util");
        assert_eq!(n("web/views/home.py"), "views.home");
        assert_eq!(n("svc/src/core/run.py"), "core.run");
        assert_eq!(n("tools/one.py"), "tools.one");
        assert_eq!(n("my-app/two.py"), "two");
    }
}
