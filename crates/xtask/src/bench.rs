//! `bench`: what a run costs, measured on child processes: parse-only with the same parsers, cold scan, fix, and growth with
//! the size of the tree.

use anyhow::{Context, Result, bail};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;
use surefix_engine::{Role, Settings, discover};
use surefix_text::SourceFile;

/// Shares of a tree for the growth table, in percent.
const SHARES: [u64; 5] = [10, 25, 50, 75, 100];

/// Cost of one child process.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Cost {
    /// Seconds on the clock.
    wall: f64,
    /// Processor seconds.
    cpu: f64,
    /// Peak memory in megabytes.
    memory: f64,
}

/// Runs the task; `parse-only` and `measure` are its own child processes.
pub fn run(args: &[String]) -> Result<()> {
    match args.first().map(String::as_str) {
        Some("--parse-only") => parse_only(&args[1..]),
        Some("--measure") => measure(&args[1..]),
        _ => bench(args),
    }
}

fn bench(args: &[String]) -> Result<()> {
    let mut folders = Vec::new();
    let mut runs = 3;
    let mut args = args.iter();
    while let Some(a) = args.next() {
        match a.as_str() {
            "--runs" => runs = args.next().and_then(|n| n.parse().ok()).context("--runs needs a number")?,
            other if other.starts_with('-') => bail!("unknown argument `{other}`"),
            folder => folders.push(PathBuf::from(folder)),
        }
    }
    if folders.is_empty() {
        bail!("usage: cargo xtask bench FOLDER... [--runs N]");
    }
    let (surefix, xtask) = build()?;
    for folder in &folders {
        let folder = folder.canonicalize().with_context(|| folder.display().to_string())?;
        one(&folder, &surefix, &xtask, runs)?;
    }
    Ok(())
}

/// Both programs, optimised: the parsers must be the same in every measurement.
fn build() -> Result<(PathBuf, PathBuf)> {
    let root = crate::root()?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .current_dir(&root)
        .args(["build", "--release", "--quiet", "--package", "surefix", "--package", "xtask"])
        .status()
        .context("cargo build")?;
    if !status.success() {
        bail!("cargo build failed");
    }
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from).join("release");
    Ok((target.join("surefix"), target.join("xtask")))
}

struct Size {
    files: usize,
    lines: u64,
}

fn code(folder: &Path) -> Result<Vec<PathBuf>> {
    let found = discover::discover(&[folder.to_path_buf()], &Settings::default())?;
    let root = found.root.clone();
    Ok(found.files.iter().filter(|(_, role)| **role == Role::Code).map(|(p, _)| root.join(p)).collect())
}

fn size(folder: &Path) -> Result<Size> {
    let files = code(folder)?;
    let lines = files
        .par_iter()
        .map(|f| std::fs::read(f).map_or(0, |b| b.iter().filter(|c| **c == b'\n').count() as u64))
        .sum();
    Ok(Size { files: files.len(), lines })
}

fn one(folder: &Path, surefix: &Path, xtask: &Path, runs: usize) -> Result<()> {
    let size = size(folder)?;
    println!("\n{}: {} files, {} lines", folder.display(), size.files, size.lines);
    println!("{:14} {:>9} {:>9} {:>8} {:>10} {:>12}", "", "wall s", "cpu s", "wall/cpu", "memory MB", "lines/cpu s");
    let row = |name: &str, c: Cost, lines: u64| {
        println!(
            "{name:14} {:>9.2} {:>9.2} {:>8.2} {:>10.0} {:>12.0}",
            c.wall,
            c.cpu,
            c.wall / c.cpu.max(0.001),
            c.memory,
            lines as f64 / c.cpu.max(0.001)
        );
    };
    let parse =
        best(xtask, runs, || Ok((xtask.to_path_buf(), vec!["bench".into(), "--parse-only".into(), path(folder)])))?;
    row("parse only", parse, size.lines);
    let scan_args = |f: &Path| vec!["scan".to_string(), path(f), "--format".into(), "json".into()];
    let scan = best(xtask, runs, || Ok((surefix.to_path_buf(), scan_args(folder))))?;
    row("cold scan", scan, size.lines);
    let mut copies = Vec::new();
    let fix = best(xtask, runs, || {
        // A fix changes its tree: every run gets a fresh one.
        let copy = tempfile::tempdir()?;
        copy_tree(folder, copy.path(), 100)?;
        let args = vec![
            "fix".into(),
            path(copy.path()),
            "--tier".into(),
            "observable".into(),
            "--format".into(),
            "json".into(),
        ];
        copies.push(copy);
        Ok((surefix.to_path_buf(), args))
    })?;
    row("fix", fix, size.lines);
    println!(
        "scan / parse only: {:.2} times the processor time; fix / scan: {:.2}; memory of the scan: {:.2} GB a million lines",
        scan.cpu / parse.cpu.max(0.001),
        fix.cpu / scan.cpu.max(0.001),
        scan.memory * 1000.0 / (size.lines.max(1) as f64)
    );
    println!(
        "\n{:>6} {:>10} {:>9} {:>10} {:>14} {:>16}",
        "share", "lines", "cpu s", "memory MB", "cpu µs a line", "memory KB a line"
    );
    for share in SHARES {
        let copy = tempfile::tempdir()?;
        copy_tree(folder, copy.path(), share)?;
        let part = self::size(copy.path())?;
        if part.lines == 0 {
            continue;
        }
        let c = best(xtask, runs.min(2), || Ok((surefix.to_path_buf(), scan_args(copy.path()))))?;
        let lines = part.lines as f64;
        println!(
            "{share:>5}% {:>10} {:>9.2} {:>10.0} {:>14.2} {:>16.2}",
            part.lines,
            c.cpu,
            c.memory,
            c.cpu * 1e6 / lines,
            c.memory * 1000.0 / lines
        );
    }
    Ok(())
}

fn path(p: &Path) -> String {
    p.to_string_lossy().into_owned()
}

/// The cheapest of some runs: noise only adds.
fn best(xtask: &Path, runs: usize, mut command: impl FnMut() -> Result<(PathBuf, Vec<String>)>) -> Result<Cost> {
    let mut best: Option<Cost> = None;
    for _ in 0..runs.max(1) {
        let (program, args) = command()?;
        let out =
            Command::new(xtask).args(["bench", "--measure"]).arg(&program).args(&args).output().context("xtask")?;
        let text = String::from_utf8_lossy(&out.stdout);
        let cost: Cost = serde_json::from_str(text.trim()).with_context(|| {
            format!("{} {}: {}", program.display(), args.join(" "), String::from_utf8_lossy(&out.stderr))
        })?;
        if best.is_none_or(|b| cost.cpu < b.cpu) {
            best = Some(cost);
        }
    }
    best.context("no run")
}

/// Runs one program and prints what it cost. In a process of its own, because the peak of all children is one number.
fn measure(args: &[String]) -> Result<()> {
    let Some((program, rest)) = args.split_first() else { bail!("a program is needed") };
    let start = Instant::now();
    let status =
        Command::new(program).args(rest).stdin(Stdio::null()).stdout(Stdio::null()).status().context("child")?;
    let wall = start.elapsed().as_secs_f64();
    // 1 and 4 say that findings remain.
    if !matches!(status.code(), Some(0 | 1 | 4)) {
        bail!("{program} ended with {status}");
    }
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let seconds = |t: nix::sys::time::TimeVal| t.num_microseconds() as f64 / 1e6;
    let cost = Cost {
        wall,
        cpu: seconds(usage.user_time()) + seconds(usage.system_time()),
        memory: usage.max_rss() as f64 / 1024.0,
    };
    println!("{}", serde_json::to_string(&cost)?);
    Ok(())
}

/// Reads and parses every file as a scan does, on all cores, and does nothing with the trees.
fn parse_only(args: &[String]) -> Result<()> {
    let Some(folder) = args.first() else { bail!("a folder is needed") };
    let files = code(Path::new(folder))?;
    let nodes: usize = surefix_engine::in_pool(0, || {
        files
            .par_iter()
            .map(|f| {
                let Ok(bytes) = std::fs::read(f) else { return 0 };
                let Ok(source) = SourceFile::decode("", &bytes) else { return 0 };
                if f.extension().is_some_and(|e| e == "java") {
                    surefix_syntax::java::parse(&source.text).root_node().child_count() as usize
                } else {
                    surefix_syntax::python::parse(&source.text).suite().len()
                }
            })
            .sum()
    })?;
    // Printed so that nothing of it can be left out as unused.
    println!("{nodes}");
    Ok(())
}

/// Copies the share of the tree's folders whose hash falls below it; whole folders, so that packages stay together.
fn copy_tree(from: &Path, to: &Path, share: u64) -> Result<()> {
    let mut stack = vec![from.to_path_buf()];
    while let Some(dir) = stack.pop() {
        let relative = dir.strip_prefix(from).unwrap_or(&dir);
        let taken = crate::mutate::Dice::new(0, &relative.to_string_lossy()).below(100) < share;
        for entry in std::fs::read_dir(&dir).with_context(|| path(&dir))? {
            let entry = entry?;
            let name = entry.file_name();
            let kind = entry.file_type()?;
            if kind.is_dir() {
                if name != ".git" {
                    stack.push(entry.path());
                }
            } else if kind.is_file() && (taken || !is_code(&entry.path())) {
                let target = to.join(relative);
                std::fs::create_dir_all(&target)?;
                std::fs::copy(entry.path(), target.join(&name)).with_context(|| path(&entry.path()))?;
            }
        }
    }
    Ok(())
}

fn is_code(p: &Path) -> bool {
    p.extension().is_some_and(|e| e == "java" || e == "py")
}
