//! Runs the specifications: Markdown files under `specs/<rule>/` whose code blocks are projects and whose `diff` blocks are the
//! fixes that must come out (`docs/specifications.md`).
//!
//! Each case is checked for more than its diff: [`check`] holds what must be true of every fix, [`toolchain`] compiles what
//! went in and what came out, and executes the drivers of the cases that carry one.

pub mod bless;
pub mod check;
pub mod libs;
pub mod pages;
pub mod parse;
pub mod project;
pub mod toolchain;

use check::Checked;
use parse::Spec;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a run over all specifications gave.
#[derive(Debug, Default)]
pub struct Report {
    /// Number of specification files.
    pub specs: usize,
    /// Number of cases.
    pub cases: usize,
    /// Cases compiled with the real toolchain.
    pub compiled: usize,
    /// Cases whose driver was executed.
    pub executed: usize,
    /// Cases that are parsed only, as they say themselves.
    pub parsed_only: usize,
    /// Cases that document a known wrong answer.
    pub known: usize,
    /// Examples on the pages of rules.
    pub examples: usize,
    /// Blocks rewritten because `SUREFIX_BLESS` asks for it.
    pub blessed: usize,
    /// What could not be checked here, and why.
    pub notes: Vec<String>,
    /// Failures, sorted: `file:line: case: what`.
    pub failures: Vec<String>,
}

/// How to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Root of the repository.
    pub root: PathBuf,
    /// Only specifications whose path or case whose heading contains this.
    pub filter: Option<String>,
    /// Rewrite diff blocks.
    pub bless: bool,
}

/// A case with what the engine made of it.
pub struct Case<'a> {
    /// The specification.
    pub spec: &'a Spec,
    /// The case.
    pub case: &'a parse::Case,
    /// The engine's answer, checked.
    pub checked: Checked,
}

impl Case<'_> {
    /// A failure of this case.
    pub fn failure(&self, what: &str) -> String {
        failure(self.spec, self.case, what)
    }
}

fn failure(spec: &Spec, case: &parse::Case, what: &str) -> String {
    format!("{}:{}: {}: {what}", spec.path, case.line, case.title)
}

/// All specification files below `root/specs`, sorted.
pub fn find(root: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut out = Vec::new();
    for rule in std::fs::read_dir(root.join("specs"))? {
        let rule = rule?.path();
        if !rule.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(rule)? {
            let file = file?.path();
            if file.extension().is_some_and(|e| e == "md") {
                out.push(file);
            }
        }
    }
    out.sort();
    Ok(out)
}

/// Runs every specification.
pub fn run(options: &Options) -> std::io::Result<Report> {
    let mut report = Report::default();
    let mut specs = Vec::new();
    for file in find(&options.root)? {
        let text = std::fs::read_to_string(&file)?;
        let path = file.strip_prefix(&options.root).unwrap_or(&file).to_string_lossy().replace('\\', "/");
        match Spec::parse(&path, &text) {
            Ok(spec) => specs.push(spec),
            Err(e) => report.failures.push(format!("{path}:{}: {}", e.line, e.message)),
        }
    }
    report.specs = specs.len();
    let wanted = |s: &Spec, c: &parse::Case| {
        options.filter.as_ref().is_none_or(|f| s.path.contains(f.as_str()) || c.title.contains(f.as_str()))
    };
    let all: Vec<(&Spec, &parse::Case)> =
        specs.iter().flat_map(|s| s.cases.iter().map(move |c| (s, c))).filter(|(s, c)| wanted(s, c)).collect();
    report.cases = all.len();
    // Each case runs on its own pools; a failure of one never hides another's. Plain threads: a worker of a pool that waits
    // for another pool takes up the next case on top of its own stack.
    let next = AtomicUsize::new(0);
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let mut checked: Vec<(usize, Result<Case<'_>, String>)> = std::thread::scope(|scope| {
        let work = || {
            let mut done = Vec::new();
            while let Some((i, (spec, case))) = {
                let i = next.fetch_add(1, Ordering::Relaxed);
                all.get(i).map(|c| (i, *c))
            } {
                let result = match check::check(spec, case) {
                    Ok(checked) => Ok(Case { spec, case, checked }),
                    Err(what) => Err(failure(spec, case, &what)),
                };
                done.push((i, result));
            }
            done
        };
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|t| t.join().unwrap_or_default()).collect()
    });
    checked.sort_by_key(|c| c.0);
    if checked.len() != all.len() {
        report.failures.push(format!("{} cases ended in a panic", all.len() - checked.len()));
    }
    let mut cases = Vec::new();
    for (_, c) in checked {
        match c {
            Ok(c) => cases.push(c),
            Err(f) => report.failures.push(f),
        }
    }
    report.known = cases.iter().filter(|c| c.case.known.is_some()).count();
    if options.bless {
        report.blessed = bless::bless(&options.root, &cases)?;
    }
    for c in &cases {
        let failures = c.checked.failures.iter().filter(|f| !(options.bless && f.is_blessable()));
        report.failures.extend(failures.map(|f| c.failure(&f.text())));
    }
    toolchain::check(&options.root, &cases, &mut report);
    pages::check(options, &mut report)?;
    report.failures.sort();
    Ok(report)
}
