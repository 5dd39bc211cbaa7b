//! Which files a run looks at: the project's root, the walk, and what is left out with the reason.

mod tracked;

use crate::outcome::{Diagnostic, Skipped};
use crate::settings::Settings;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

/// Files above this size are not read.
pub const MAX_FILE: u64 = 10 * 1024 * 1024;

/// What a file is to the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Source code of a supported language.
    Code,
    /// Build file: dependencies, language level.
    Manifest,
    /// Holds constants that the code reads.
    Resource,
}

/// A file with its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputFile {
    /// Root-relative path with `/`.
    pub path: String,
    /// Role.
    pub role: Role,
    /// Bytes as read.
    pub bytes: Vec<u8>,
}

/// What the walk gave.
#[derive(Clone, Debug, Default)]
pub struct Discovered {
    /// Root of the project; every path is relative to it.
    pub root: PathBuf,
    /// Paths to read, by root-relative name.
    pub files: BTreeMap<String, Role>,
    /// Files left out.
    pub skipped: BTreeSet<Skipped>,
    /// Messages.
    pub diagnostics: Vec<Diagnostic>,
}

/// A path that cannot be scanned; nothing was done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Not there.
    #[error("no such file or directory: {0}")]
    Missing(String),
    /// There, but not readable.
    #[error("cannot read {0}: {1}")]
    Unreadable(String, String),
    /// A named path holds no file of a supported language.
    #[error("no file of a supported language in {0} (supported: Java, Python)")]
    Unsupported(String),
}

/// The role of a file by its name, `None` when it is of no interest.
pub fn role(name: &str) -> Option<Role> {
    let file = name.rsplit('/').next().unwrap_or(name);
    let ext = file.rsplit_once('.').map_or("", |(_, e)| e);
    if matches!(ext, "java" | "py" | "pyw") {
        return Some(if file == "setup.py" { Role::Manifest } else { Role::Code });
    }
    if is_manifest(file, name) {
        return Some(Role::Manifest);
    }
    let resource = matches!(ext, "properties" | "ini" | "cfg" | "json" | "yaml" | "yml" | "env")
        || file == ".env"
        || file.starts_with(".env.");
    let noise = matches!(file, "package-lock.json" | "composer.lock" | "tsconfig.json" | "package.json");
    (resource && !noise).then_some(Role::Resource)
}

fn is_manifest(file: &str, path: &str) -> bool {
    matches!(
        file,
        "pom.xml"
            | "build.gradle"
            | "build.gradle.kts"
            | "settings.gradle"
            | "settings.gradle.kts"
            | "gradle.properties"
            | "libs.versions.toml"
            | "pyproject.toml"
            | "setup.cfg"
            | "Pipfile"
            | "poetry.lock"
            | "uv.lock"
            | ".python-version"
            | "tox.ini"
            | "runtime.txt"
    ) || (file.ends_with(".txt")
        && (file.starts_with("requirements") || file.starts_with("constraints") || path.contains("requirements/")))
        || (file.ends_with(".in") && file.starts_with("requirements"))
        || file.ends_with(".lockfile")
}

/// Code in a file without an extension, as its `#!` line tells.
fn by_first_line(path: &Path, name: &str) -> Option<Role> {
    use std::io::Read;
    if name.rsplit('/').next().unwrap_or(name).contains('.') {
        return None;
    }
    let mut head = [0u8; 128];
    let n = std::fs::File::open(path).and_then(|mut f| f.read(&mut head)).ok()?;
    surefix_syntax::detect(name, head.get(..n)?).map(|_| Role::Code)
}

/// The project root of `path`: the nearest directory at or above it with a settings file or a `.git`; otherwise `None`.
pub fn project_root(path: &Path) -> Option<PathBuf> {
    let start = if path.is_dir() { path } else { path.parent()? };
    start
        .ancestors()
        .find(|d| d.join(crate::config::FILE_NAME).is_file() || d.join(".git").exists())
        .map(Path::to_path_buf)
}

/// The work tree that `path` lies in, and its git directory; a `.git` that is a file, as in further work trees and submodules, names it.
pub(crate) fn repository(path: &Path) -> Option<(&Path, PathBuf)> {
    path.ancestors().find_map(|top| {
        let git = top.join(".git");
        if git.is_dir() {
            return Some((top, git));
        }
        let text = std::fs::read_to_string(&git).ok()?;
        Some((top, top.join(text.trim().strip_prefix("gitdir:")?.trim())))
    })
}

/// The root's place in its git repository, with `/`; empty at the top, `None` outside of any.
pub fn in_git(root: &Path) -> Option<String> {
    let top = root.ancestors().find(|d| d.join(".git").exists())?;
    relative(top, root).ok()
}

/// Root-relative name with `/`; an error carries the name with replacement characters.
fn relative(root: &Path, path: &Path) -> Result<String, String> {
    let rel = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = rel.components().filter(|c| matches!(c, Component::Normal(_))).collect();
    let all: Option<Vec<&str>> = parts.iter().map(|c| c.as_os_str().to_str()).collect();
    match all {
        Some(names) => Ok(names.join("/")),
        None => Err(parts.iter().map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")),
    }
}

fn common(paths: &[PathBuf]) -> PathBuf {
    let mut it = paths.iter().map(|p| if p.is_dir() { p.clone() } else { p.parent().unwrap_or(p).to_path_buf() });
    let first = it.next().unwrap_or_default();
    it.fold(first, |acc, p| {
        acc.components().zip(p.components()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect::<PathBuf>()
    })
}

/// The root for a list of given paths, and the paths made absolute.
pub fn resolve(given: &[PathBuf]) -> Result<(PathBuf, Vec<PathBuf>), PathError> {
    let mut paths = Vec::new();
    for p in given {
        let shown = p.to_string_lossy().to_string();
        match p.canonicalize() {
            Ok(c) => paths.push(c),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(PathError::Missing(shown)),
            Err(e) => return Err(PathError::Unreadable(shown, io_text(&e))),
        }
    }
    let shared = common(&paths);
    Ok((project_root(&shared).unwrap_or(shared), paths))
}

/// The operating system's words for an error, without the number.
pub fn io_text(e: &std::io::Error) -> String {
    let text = e.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_string()
}

/// Walks the given paths. Hidden files and directories are left out, except `.env` files; ignore files count in a git repository,
/// but not for files that git keeps nevertheless; symbolic links are not followed.
pub fn discover(given: &[PathBuf], settings: &Settings) -> Result<Discovered, PathError> {
    let (root, _) = resolve(given)?;
    discover_in(root, given, settings)
}

/// As [`discover`], in a project whose root is known: paths are relative to it, whatever lies there.
pub fn discover_in(root: PathBuf, given: &[PathBuf], settings: &Settings) -> Result<Discovered, PathError> {
    let (_, paths) = resolve(given)?;
    let mut out = Discovered::default();
    let anchored = project_root(&root).is_some();
    let mut empty = Vec::new();
    for (path, shown) in paths.iter().zip(given) {
        let before = out.seen();
        if path.is_file() {
            out.take(&root, path, settings);
        } else {
            let environments = out.walk(&root, path, anchored, settings);
            out.add_tracked(&root, path, &environments, settings);
        }
        // A whole project without code is no mistake, a named part of one is.
        let whole = shown.as_os_str() == "." || (anchored && *path == root);
        if out.seen() == before && !whole && !out.knows(&root, path) {
            empty.push(shown.to_string_lossy().to_string());
        }
    }
    if !empty.is_empty() {
        return Err(PathError::Unsupported(empty.join(", ")));
    }
    // Parts of a project are governed by build files above them.
    out.add_manifests(&root, &paths);
    out.root = root;
    Ok(out)
}

/// Names that the walk leaves out.
fn hidden(name: &str, dir: bool) -> bool {
    name.starts_with('.') && (dir || !(name.starts_with(".env") || name == ".python-version"))
}

fn error_path(e: &ignore::Error) -> Option<&Path> {
    match e {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => error_path(err),
        _ => None,
    }
}

/// A file that was read, or one that is too large (`None`) or unreadable.
type Read = Result<InputFile, (String, Role, Option<std::io::Error>)>;

impl Discovered {
    /// Takes everything below a directory; gives the virtual environments that were met.
    fn walk(&mut self, root: &Path, path: &Path, anchored: bool, settings: &Settings) -> Vec<PathBuf> {
        let mut walk = ignore::WalkBuilder::new(path);
        // In an export nothing tells what git keeps although an ignore file names it, and what it does not keep is not there.
        walk.standard_filters(false)
            .git_ignore(repository(path).is_some())
            .require_git(false)
            .parents(anchored)
            .follow_links(false)
            .sort_by_file_name(|a, b| a.cmp(b))
            .filter_entry(|e| {
                let dir = e.file_type().is_some_and(|t| t.is_dir());
                e.depth() == 0 || !hidden(&e.file_name().to_string_lossy(), dir)
            });
        let mut environments: Vec<PathBuf> = Vec::new();
        for entry in walk.build() {
            match entry {
                Ok(e) if e.file_type().is_some_and(|t| t.is_dir()) => {
                    if e.path().join("pyvenv.cfg").is_file() {
                        environments.push(e.into_path());
                    }
                }
                Ok(e) if environments.iter().any(|v| e.path().starts_with(v)) => {
                    if let Ok(name) = relative(root, e.path())
                        && role(&name) == Some(Role::Code)
                    {
                        self.skip(name, "virtual environment");
                    }
                }
                Ok(e) if e.file_type().is_some_and(|t| t.is_symlink()) => match relative(root, e.path()) {
                    Ok(name) if role(&name) == Some(Role::Code) => self.skip(name, "symbolic link"),
                    _ => {}
                },
                Ok(e) if e.file_type().is_some_and(|t| t.is_file()) => {
                    self.take(root, e.path(), settings);
                }
                Ok(_) => {}
                Err(e) => {
                    let at =
                        error_path(&e).map_or_else(String::new, |p| relative(root, p).unwrap_or_else(|lossy| lossy));
                    // The walk's own words name the place on this machine.
                    let text = e
                        .io_error()
                        .map_or_else(|| "not understood".to_string(), |e| std::io::Error::from(e.kind()).to_string());
                    let failure = e.io_error().is_some();
                    let message = format!("cannot be read: {text}");
                    self.diagnostics.push(Diagnostic { path: at, line: 0, message, failure });
                }
            }
        }
        environments
    }

    /// Number of code files met so far.
    fn seen(&self) -> usize {
        self.skipped.len() + self.files.values().filter(|r| **r == Role::Code).count()
    }

    /// True when code below `path` was met already, by way of another path.
    fn knows(&self, root: &Path, path: &Path) -> bool {
        let Ok(name) = relative(root, path) else { return false };
        let below =
            |p: &str| name.is_empty() || p == name || p.strip_prefix(name.as_str()).is_some_and(|r| r.starts_with('/'));
        self.files.iter().any(|(p, r)| *r == Role::Code && below(p)) || self.skipped.iter().any(|s| below(&s.path))
    }

    fn skip(&mut self, path: String, why: &str) {
        self.skipped.insert(Skipped { path, why: why.to_string() });
    }

    fn take(&mut self, root: &Path, path: &Path, settings: &Settings) -> Option<Role> {
        let name = match relative(root, path) {
            Ok(name) => name,
            Err(lossy) => {
                if role(&lossy) == Some(Role::Code) {
                    self.skip(lossy, "file name is not UTF-8");
                }
                return None;
            }
        };
        let role = role(&name).or_else(|| by_first_line(path, &name))?;
        if settings.excludes(&name) {
            if role == Role::Code {
                self.skip(name, "excluded by the settings");
            }
            return None;
        }
        self.files.insert(name, role);
        Some(role)
    }

    fn add_manifests(&mut self, root: &Path, paths: &[PathBuf]) {
        for path in paths {
            for dir in path.ancestors().skip(1).take_while(|d| d.starts_with(root)) {
                let Ok(entries) = std::fs::read_dir(dir) else { continue };
                for e in entries.flatten() {
                    if let Ok(name) = relative(root, &e.path())
                        && role(&name) == Some(Role::Manifest)
                        && e.file_type().is_ok_and(|t| t.is_file())
                    {
                        self.files.insert(name, Role::Manifest);
                    }
                }
            }
        }
    }

    /// Reads every file, in parallel; what cannot be read becomes a message, what is too large is left out.
    pub fn read(&mut self) -> Vec<InputFile> {
        use rayon::prelude::*;
        let list: Vec<(String, Role)> = self.files.iter().map(|(p, r)| (p.clone(), *r)).collect();
        let root = self.root.clone();
        let read: Vec<Read> = list
            .into_par_iter()
            .map(|(path, role)| {
                let full = root.join(&path);
                let size = match std::fs::metadata(&full) {
                    Ok(m) => m.len(),
                    Err(e) => return Err((path, role, Some(e))),
                };
                if size > MAX_FILE {
                    return Err((path, role, None));
                }
                match std::fs::read(&full) {
                    Ok(bytes) => Ok(InputFile { path, role, bytes }),
                    Err(e) => Err((path, role, Some(e))),
                }
            })
            .collect();
        let mut out = Vec::with_capacity(read.len());
        for item in read {
            match item {
                Ok(file) => out.push(file),
                Err((path, role, None)) => {
                    if role == Role::Code {
                        self.skip(path, "larger than 10 MB");
                    }
                }
                Err((path, role, Some(e))) if e.kind() == std::io::ErrorKind::NotFound => {
                    if role == Role::Code {
                        self.skip(path, "vanished during the run");
                    }
                }
                Err((path, role, Some(e))) => {
                    let message = format!("cannot be read: {}", io_text(&e));
                    self.diagnostics.push(Diagnostic { path: path.clone(), line: 0, message, failure: true });
                    if role == Role::Code {
                        self.skip(path, "cannot be read");
                    }
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_by_name() {
        assert_eq!(role("a/B.java"), Some(Role::Code));
        assert_eq!(role("setup.py"), Some(Role::Manifest));
        assert_eq!(role("requirements/dev.txt"), Some(Role::Manifest));
        assert_eq!(role("src/main/resources/app.properties"), Some(Role::Resource));
        assert_eq!(role(".env"), Some(Role::Resource));
        assert_eq!(role("notes.txt"), None);
    }

    /// Ignored by git, and kept by it all the same.
    #[test]
    fn what_git_keeps_is_read_whatever_ignore_files_say() {
        let dir = tempfile::tempdir().unwrap();
        let d = dir.path().canonicalize().unwrap();
        let git = |args: &[&str]| {
            let done = std::process::Command::new("git").arg("-C").arg(&d).args(args).output().expect("git is missing");
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        };
        let put = |p: &str| {
            let full = d.join(p);
            std::fs::create_dir_all(full.parent().unwrap()).unwrap();
            std::fs::write(full, "").unwrap();
        };
        for p in
            ["a.py", "out/kept.py", "out/b/c.properties", "out/.x/y.py", "out/gone.py", "env/z.py", "env/pyvenv.cfg"]
        {
            put(p);
        }
        git(&["init", "-q", "."]);
        git(&["add", "."]);
        std::fs::write(d.join(".gitignore"), "out/\n").unwrap();
        put("out/made.py");
        std::fs::remove_file(d.join("out/gone.py")).unwrap();
        let names = |given: &Path| -> Vec<String> {
            discover(&[given.to_path_buf()], &Settings::default()).unwrap().files.into_keys().collect()
        };
        assert_eq!(names(&d), ["a.py", "out/b/c.properties", "out/kept.py"]);
        // A place that is named is wanted, ignored or not.
        assert_eq!(names(&d.join("out")), ["out/b/c.properties", "out/kept.py", "out/made.py"]);
        // Paths in a place of their own are compressed in newer forms of the index.
        git(&["update-index", "--index-version", "4"]);
        assert_eq!(names(&d), ["a.py", "out/b/c.properties", "out/kept.py"]);
        std::fs::write(d.join(".git/index"), "DIRC no index").unwrap();
        let found = discover(std::slice::from_ref(&d), &Settings::default()).unwrap();
        assert_eq!(found.files.keys().collect::<Vec<_>>(), ["a.py"]);
        let told = &found.diagnostics[0];
        assert!(
            told.message.starts_with("the list of files that git keeps cannot be read") && !told.failure,
            "{told:?}"
        );
    }

    #[test]
    fn the_walk_honours_ignore_files_and_links() {
        let dir = tempfile::tempdir().unwrap();
        let d = dir.path().canonicalize().unwrap();
        for (p, t) in [
            ("surefix.toml", ""),
            (".gitignore", "build/\n"),
            (".git/HEAD", "ref: refs/heads/main\n"),
            ("build/gen.py", ""),
            ("a/x.py", ""),
            (".hidden/y.py", ""),
            ("env/pyvenv.cfg", ""),
            ("env/lib/z.py", ""),
            (".env", "A=1"),
        ] {
            let full = d.join(p);
            std::fs::create_dir_all(full.parent().unwrap()).unwrap();
            std::fs::write(full, t).unwrap();
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&d, d.join("a/loop")).unwrap();
            std::os::unix::fs::symlink("/etc/hostname", d.join("a/out.py")).unwrap();
        }
        let found = discover(&[d.join("a"), d.clone()], &Settings::default()).unwrap();
        assert_eq!(found.root, d);
        assert_eq!(found.files.keys().collect::<Vec<_>>(), [".env", "a/x.py"]);
        let skipped: Vec<_> = found.skipped.iter().map(|s| (s.path.as_str(), s.why.as_str())).collect();
        assert_eq!(skipped, [("a/out.py", "symbolic link"), ("env/lib/z.py", "virtual environment")]);
        assert!(matches!(discover(&[d.join("nowhere")], &Settings::default()), Err(PathError::Missing(_))));
        assert!(matches!(discover(&[d.join("surefix.toml")], &Settings::default()), Err(PathError::Unsupported(_))));
        // In an export of the repository everything is there on purpose.
        std::fs::remove_dir_all(d.join(".git")).unwrap();
        let found = discover(std::slice::from_ref(&d), &Settings::default()).unwrap();
        assert_eq!(found.files.keys().collect::<Vec<_>>(), [".env", "a/x.py", "build/gen.py"]);
    }
}
