//! What will be run to check a project: steps with their command, how their results are read, and why they were chosen.

use std::fmt::Write;

/// Which gate a step serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Serves {
    /// G7: the project builds, or its type check passes.
    Build,
    /// G8: its tests pass.
    Tests,
}

impl Serves {
    /// Name in plans and proofs.
    pub const fn name(self) -> &'static str {
        match self {
            Serves::Build => "build",
            Serves::Tests => "tests",
        }
    }
    /// The engine's gate.
    pub const fn gate(self) -> surefix_engine::Gate {
        match self {
            Serves::Build => surefix_engine::Gate::Build,
            Serves::Tests => surefix_engine::Gate::Tests,
        }
    }
}

/// How the single results of a step are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// By the exit code only.
    Exit,
    /// JUnit XML files that the command writes below its directory, in folders of these names.
    JunitFolders(&'static [&'static str]),
    /// The JUnit XML file `{reports}/junit.xml`.
    JunitFile,
    /// The JSON file `{reports}/results.json` of jest, vitest or mocha.
    NodeJson,
    /// `go test -json` on standard output.
    GoJson,
    /// The Test Anything Protocol on standard output.
    Tap,
    /// What `cargo test` prints.
    CargoTest,
    /// What `python -m unittest -v` prints.
    Unittest,
    /// What `python -m compileall` prints: one result for each file that does not compile.
    Compileall,
    /// Messages of a type checker, one a line; each is a failure of its own.
    Messages,
}

impl Report {
    /// Name in settings and plans.
    pub const fn name(self) -> &'static str {
        match self {
            Report::Exit => "exit code",
            Report::JunitFolders(_) | Report::JunitFile => "JUnit XML",
            Report::NodeJson => "JSON",
            Report::GoJson => "go test -json",
            Report::Tap => "TAP",
            Report::CargoTest => "cargo test's lines",
            Report::Unittest => "unittest's lines",
            Report::Compileall => "compileall's lines",
            Report::Messages => "messages",
        }
    }
}

/// The placeholder for the directory of report files in a command.
pub const REPORTS: &str = "{reports}";

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Name, unique in the plan: `maven build`, `services/api: pytest`.
    pub id: String,
    /// The gate it serves.
    pub serves: Serves,
    /// Directory, root-relative with `/`; empty: the root.
    pub dir: String,
    /// Program and arguments.
    pub argv: Vec<String>,
    /// How results are read.
    pub report: Report,
    /// Why it was chosen.
    pub why: String,
    /// Extensions of the files it says something about; empty: all below its directory.
    pub about: &'static [&'static str],
}

impl Step {
    /// True when the step says something about a file.
    pub fn covers(&self, path: &str) -> bool {
        let below = self.dir.is_empty() || path.strip_prefix(&self.dir).is_some_and(|r| r.starts_with('/'));
        let ext = path.rsplit('/').next().unwrap_or(path).rsplit_once('.').map_or("", |(_, e)| e);
        below && (self.about.is_empty() || self.about.contains(&ext))
    }
    /// The command as a person would type it.
    pub fn shown(&self) -> String {
        shown(&self.argv)
    }
}

/// A command as a person would type it.
pub fn shown(argv: &[String]) -> String {
    let plain = |s: &str| !s.is_empty() && s.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+=:,@%{}".contains(c));
    let one = |s: &String| if plain(s) { s.clone() } else { format!("'{}'", s.replace('\'', "'\\''")) };
    argv.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// Something that could have been run and will not be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftOut {
    /// Directory.
    pub dir: String,
    /// What.
    pub what: String,
    /// Why not.
    pub why: String,
}

/// All steps of a project, builds before tests within a module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Steps in the order in which they run.
    pub steps: Vec<Step>,
    /// What is left out.
    pub left_out: Vec<LeftOut>,
}

impl Plan {
    /// True when a step serves the gate and says something about the file.
    pub fn covers(&self, serves: Serves, path: &str) -> bool {
        self.steps.iter().any(|s| s.serves == serves && s.covers(path))
    }

    /// The plan for a person; raw, to be escaped by whoever prints it.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for s in &self.steps {
            let dir = if s.dir.is_empty() { "." } else { &s.dir };
            let _ = writeln!(out, "{}: {}", s.serves.name(), s.shown());
            let _ = writeln!(out, "    in {dir}, because {}; results from {}", s.why, s.report.name());
        }
        for l in &self.left_out {
            let dir = if l.dir.is_empty() { "." } else { &l.dir };
            let _ = writeln!(out, "not run: {} in {dir}: {}", l.what, l.why);
        }
        let none = |s: Serves| !self.steps.iter().any(|x| x.serves == s);
        if none(Serves::Build) {
            out.push_str("no build or type check was found\n");
        }
        if none(Serves::Tests) {
            out.push_str("no tests were found\n");
        }
        out
    }
}
