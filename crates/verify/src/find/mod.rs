//! Finds the build and test commands of every module of a project. Only files are read; nothing of the project is executed.

mod java;
mod node;
mod other;
mod python;

use crate::plan::{LeftOut, Plan, Report, Serves, Step};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use surefix_engine::config::{CommandReport, Gate, VerifyConfig};

/// Files above this size say nothing about how to build.
const MAX_FILE: u64 = 4 << 20;
/// Files looked at before the search gives up, far above what real projects have.
const MAX_FILES: usize = 2_000_000;

/// What is known of the project and the machine.
pub struct Facts {
    root: PathBuf,
    /// All files that are not ignored, root-relative with `/`.
    files: BTreeSet<String>,
    /// Directories in which programs are looked for.
    path: Vec<PathBuf>,
    /// The user's home directories.
    homes: Vec<PathBuf>,
    /// Commands may use the network.
    network: bool,
}

impl Facts {
    /// Looks at a project. `path` is the value of `PATH`.
    pub fn look(root: &Path, path: Option<&std::ffi::OsStr>, homes: Vec<PathBuf>, network: bool) -> Facts {
        let mut files = BTreeSet::new();
        let walk = ignore::WalkBuilder::new(root)
            .standard_filters(false)
            .git_ignore(true)
            .require_git(false)
            .parents(false)
            .follow_links(false)
            .filter_entry(|e| {
                let name = e.file_name().to_string_lossy();
                let dir = e.file_type().is_some_and(|t| t.is_dir());
                e.depth() == 0 || !(dir && (name.starts_with('.') || name == "node_modules"))
            })
            .build();
        // What cannot be read cannot be built either; the scan has reported it.
        for entry in walk.flatten().take(MAX_FILES) {
            if !entry.file_type().is_some_and(|t| t.is_dir())
                && let Ok(rel) = entry.path().strip_prefix(root)
                && let Some(name) = rel.to_str()
            {
                files.insert(name.replace('\\', "/"));
            }
        }
        // A relative entry of PATH would find programs of the project.
        let path = path.map(|p| std::env::split_paths(p).filter(|d| d.is_absolute()).collect()).unwrap_or_default();
        Facts { root: root.to_path_buf(), files, path, homes, network }
    }

    /// All files that are not ignored, sorted.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(String::as_str)
    }

    /// The project's root.
    pub fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn has(&self, dir: &str, name: &str) -> bool {
        self.files.contains(&join(dir, name))
    }

    /// The text of a regular file that is not too large.
    fn read(&self, dir: &str, name: &str) -> Option<String> {
        let full = self.root.join(join(dir, name));
        let meta = std::fs::symlink_metadata(&full).ok()?;
        if !meta.is_file() || meta.len() > MAX_FILE {
            return None;
        }
        std::fs::read(full).ok().map(|b| String::from_utf8_lossy(&b).into_owned())
    }

    /// A file of the project that need not be tracked, such as an installed program.
    fn present(&self, dir: &str, name: &str) -> bool {
        self.root.join(join(dir, name)).is_file()
    }

    /// Files below a directory, relative to it.
    fn below<'a>(&'a self, dir: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        let prefix = if dir.is_empty() { String::new() } else { format!("{dir}/") };
        let from = prefix.clone();
        self.files
            .range(from..)
            .take_while(move |f| f.starts_with(&prefix))
            .map(move |f| if dir.is_empty() { f.as_str() } else { &f[dir.len() + 1..] })
    }

    /// Directories that hold a file of one of these names, sorted.
    fn dirs(&self, names: &[&str]) -> BTreeSet<String> {
        self.files
            .iter()
            .filter_map(|f| {
                let (dir, name) = f.rsplit_once('/').unwrap_or(("", f));
                names.contains(&name).then(|| dir.to_string())
            })
            .collect()
    }

    /// Where a program is, if it is installed.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        self.path.iter().map(|d| d.join(name)).find(|p| executable(p))
    }
}

#[cfg(unix)]
fn executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn executable(path: &Path) -> bool {
    path.is_file()
}

pub(crate) fn join(dir: &str, name: &str) -> String {
    if dir.is_empty() { name.to_string() } else { format!("{dir}/{name}") }
}

/// True when `dir` lies below one of `roots` (or is one).
fn within(dir: &str, roots: &[String]) -> bool {
    roots.iter().any(|r| r.is_empty() || dir == r || dir.strip_prefix(r.as_str()).is_some_and(|x| x.starts_with('/')))
}

/// The topmost of some directories.
fn topmost(dirs: &BTreeSet<String>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for d in dirs {
        if !within(d, &out) {
            out.push(d.clone());
        }
    }
    out
}

/// Collects the steps of one module.
struct Module<'a> {
    dir: &'a str,
    plan: &'a mut Plan,
    about: &'static [&'static str],
}

impl Module<'_> {
    fn step(&mut self, name: &str, serves: Serves, argv: &[&str], report: Report, why: impl Into<String>) {
        let id = if self.dir.is_empty() { name.to_string() } else { format!("{}: {name}", self.dir) };
        self.plan.steps.push(Step {
            id,
            serves,
            dir: self.dir.to_string(),
            argv: argv.iter().map(ToString::to_string).collect(),
            report,
            why: why.into(),
            about: self.about,
        });
    }
    fn left_out(&mut self, what: &str, why: impl Into<String>) {
        self.plan.left_out.push(LeftOut { dir: self.dir.to_string(), what: what.to_string(), why: why.into() });
    }
}

/// The plan of a project: the settings' commands where there are any, otherwise those that its build files tell.
pub fn find(facts: &Facts, config: &VerifyConfig) -> Plan {
    let mut plan = Plan::default();
    if !config.command.is_empty() {
        configured(config, &mut plan);
        return plan;
    }
    java::find(facts, &mut plan);
    python::find(facts, &mut plan);
    node::find(facts, &mut plan);
    other::find(facts, &mut plan);
    let out = crate::globs(&config.exclude);
    plan.steps.retain(|s| {
        let keep = !out.is_match(&s.dir);
        if !keep {
            plan.left_out.push(LeftOut {
                dir: s.dir.clone(),
                what: s.shown(),
                why: "excluded by the settings".to_string(),
            });
        }
        keep
    });
    plan.left_out.sort();
    plan.left_out.dedup();
    plan
}

fn configured(config: &VerifyConfig, plan: &mut Plan) {
    for (n, c) in config.command.iter().enumerate() {
        let dir = c.dir.trim_matches('/').trim_start_matches("./").to_string();
        let dir = if dir == "." { String::new() } else { dir };
        plan.steps.push(Step {
            id: format!("command {}", n + 1),
            serves: match c.gate {
                Gate::Build => Serves::Build,
                Gate::Tests => Serves::Tests,
            },
            dir,
            argv: c.run.clone(),
            report: match c.report {
                None => Report::Exit,
                Some(CommandReport::Junit) => {
                    Report::JunitFolders(&["surefire-reports", "failsafe-reports", "test-results", "reports"])
                }
                Some(CommandReport::JunitFile) => Report::JunitFile,
                Some(CommandReport::NodeJson) => Report::NodeJson,
                Some(CommandReport::GoJson) => Report::GoJson,
                Some(CommandReport::Tap) => Report::Tap,
                Some(CommandReport::CargoTest) => Report::CargoTest,
                Some(CommandReport::Unittest) => Report::Unittest,
                Some(CommandReport::Messages) => Report::Messages,
            },
            why: "the settings say so".to_string(),
            about: &[],
        });
    }
    plan.steps.sort_by_key(|s| s.serves);
}
