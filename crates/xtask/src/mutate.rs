//! `eval --mutate`: a copy of a labelled Java suite in which nothing is called as before.
//!
//! Names of packages, classes, methods, fields, locals and files change consistently; constants change where every condition,
//! index, key and look-up keeps its outcome. An analysis that does not know the suite by heart scores the same on the copy.
//! The copy must compile: what the compiler cannot resolve under its new name keeps the old one, and the copy is made anew.

mod constants;
mod names;
mod resources;

use crate::eval::Label;
use anyhow::{Context, Result, bail};
use names::{Names, Renaming};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use tree_sitter::Tree;

/// Copies are made anew this often before it is given up.
const ROUNDS: usize = 12;

/// A replacement of a byte range.
pub type Edit = (std::ops::Range<usize>, String);

/// A Java file of the suite.
pub struct JavaFile {
    /// Path relative to the suite.
    pub path: String,
    /// Text.
    pub text: String,
    /// Tree.
    pub tree: Tree,
}

/// A small deterministic generator (splitmix64).
pub struct Dice(u64);

impl Dice {
    /// Seeded with a number and a text.
    pub fn new(seed: u64, text: &str) -> Dice {
        let mut h = 0xcbf2_9ce4_8422_2325_u64 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for b in text.bytes() {
            h = (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Dice(h)
    }
    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// A number below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }
}

/// Makes the copy.
pub fn run(from: &Path, to: &Path, labels: &[Label], seed: u64) -> Result<()> {
    if to.exists() {
        bail!("{} is there already", to.display());
    }
    let all = walk(from)?;
    let java: Vec<JavaFile> = all
        .par_iter()
        .filter(|p| p.ends_with(".java"))
        .map(|p| {
            let text = std::fs::read_to_string(from.join(p)).with_context(|| p.clone())?;
            let tree = surefix_syntax::java::parse(&text);
            Ok(JavaFile { path: p.clone(), text, tree })
        })
        .collect::<Result<_>>()?;
    let others: Vec<String> = all.into_iter().filter(|p| !p.ends_with(".java")).collect();
    let mut names = Names::collect(&java);
    names.keep_mapped(&java, &resources::texts(from, &others));
    let class_path = class_path(from)?;
    for round in 1..=ROUNDS {
        let renaming = Renaming::new(&names, labels, seed);
        write(from, to, &java, &others, &renaming, seed)?;
        let Some(class_path) = &class_path else {
            println!("no pom.xml: the copy was not compiled");
            return finish(to, labels, &renaming);
        };
        let unresolved = compile(to, class_path, &renaming)?;
        if unresolved.is_empty() {
            println!("the copy compiles (round {round}); {} names kept", names.keep.len());
            return finish(to, labels, &renaming);
        }
        let before = names.keep.len();
        names.keep.extend(unresolved);
        if names.keep.len() == before {
            bail!("the copy does not compile, and no further name to keep is known");
        }
        std::fs::remove_dir_all(to).with_context(|| to.display().to_string())?;
    }
    bail!("the copy does not compile after {ROUNDS} rounds")
}

fn finish(to: &Path, labels: &[Label], renaming: &Renaming) -> Result<()> {
    let mut csv = String::from("# test name, category, real vulnerability, cwe\n");
    let mut rows: Vec<String> =
        labels.iter().map(|l| format!("{},{},{},{}\n", renaming.class(&l.name), l.category, l.real, l.cwe)).collect();
    rows.sort();
    csv.extend(rows);
    let file = to.join("expectedresults.csv");
    std::fs::write(&file, csv).with_context(|| file.display().to_string())?;
    println!("{}", file.display());
    Ok(())
}

/// Relative paths of all files, sorted; hidden folders and build results are left out.
fn walk(root: &Path) -> Result<Vec<String>> {
    let mut out = Vec::new();
    let mut stack = vec![root.to_path_buf()];
    while let Some(dir) = stack.pop() {
        for entry in std::fs::read_dir(&dir).with_context(|| dir.display().to_string())? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                if name != "target" && !name.starts_with('.') {
                    stack.push(path);
                }
            } else {
                out.push(path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/"));
            }
        }
    }
    out.sort();
    Ok(out)
}

fn write(from: &Path, to: &Path, java: &[JavaFile], others: &[String], renaming: &Renaming, seed: u64) -> Result<()> {
    let put = |path: &str, bytes: &[u8]| -> Result<()> {
        let file = to.join(path);
        let dir = file.parent().unwrap_or(to);
        std::fs::create_dir_all(dir).and_then(|()| std::fs::write(&file, bytes)).with_context(|| path.to_string())
    };
    java.par_iter().try_for_each(|f| {
        let mut edits = renaming.edits(f);
        let taken: BTreeSet<usize> = edits.iter().map(|(r, _)| r.start).collect();
        let constants = constants::edits(f, renaming, seed);
        edits.extend(constants.into_iter().filter(|(r, _)| r.is_empty() || !taken.contains(&r.start)));
        put(&renaming.java_path(&f.path), apply(&f.text, edits).as_bytes())
    })?;
    others.par_iter().try_for_each(|path| {
        let bytes = std::fs::read(from.join(path)).with_context(|| path.clone())?;
        let new_path = renaming.words(path);
        match (resources::is_text(path), String::from_utf8(bytes)) {
            (true, Ok(text)) => put(&new_path, resources::rename(&text, path, renaming).as_bytes()),
            (_, Ok(text)) => put(&new_path, text.as_bytes()),
            (_, Err(e)) => put(&new_path, e.as_bytes()),
        }
    })
}

fn apply(text: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|(r, _)| (r.start, r.end));
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (range, new) in edits {
        if range.start < at {
            continue;
        }
        out.push_str(&text[at..range.start]);
        out.push_str(&new);
        at = range.end;
    }
    out.push_str(&text[at..]);
    out
}

/// The class path of a Maven project; `None` when there is no pom.xml.
fn class_path(from: &Path) -> Result<Option<String>> {
    if !from.join("pom.xml").is_file() {
        return Ok(None);
    }
    let file = tempfile::NamedTempFile::new()?;
    let status = Command::new("mvn")
        .current_dir(from)
        .args(["-q", "-B", "dependency:build-classpath"])
        .arg(format!("-Dmdep.outputFile={}", file.path().display()))
        .status()
        .context("mvn")?;
    if !status.success() {
        bail!("mvn dependency:build-classpath failed");
    }
    Ok(Some(std::fs::read_to_string(file.path())?))
}

/// Compiles the copy; the old names of what cannot be resolved under its new name.
fn compile(to: &Path, class_path: &str, renaming: &Renaming) -> Result<BTreeSet<String>> {
    let classes = tempfile::tempdir()?;
    let sources = walk(to)?.into_iter().filter(|p| p.ends_with(".java") && !p.contains("src/test/"));
    let list: String = sources.map(|p| format!("\"{}\"\n", to.join(p).display())).collect();
    let argfile = classes.path().join("sources");
    std::fs::write(&argfile, list)?;
    let out = Command::new("javac")
        .args([
            "-proc:none",
            "-nowarn",
            "-Xlint:none",
            "-encoding",
            "UTF-8",
            "-XDrawDiagnostics",
            "-Xmaxerrs",
            "100000",
        ])
        .args(["-cp", class_path, "-d"])
        .arg(classes.path())
        .arg(format!("@{}", argfile.display()))
        .output()
        .context("javac")?;
    if out.status.success() {
        return Ok(BTreeSet::new());
    }
    let text = String::from_utf8_lossy(&out.stderr);
    let old: BTreeMap<&str, &str> = renaming.all().map(|(old, new)| (new, old)).collect();
    let mut keep = BTreeSet::new();
    let mut other = Vec::new();
    for line in text.lines() {
        let name = if line.contains("compiler.err.cant.resolve") {
            line.split(": ").nth(2).and_then(|rest| rest.split(", ").nth(1)).map(|n| n.trim().to_string())
        } else if line.contains("does.not.override.abstract") {
            line.split(", ").nth(1).and_then(|n| n.split('(').next()).map(str::to_string)
        } else if line.contains("method.does.not.override.superclass") {
            overriding(to, line)
        } else {
            None
        };
        match name {
            Some(n) => drop(keep.insert(old.get(n.as_str()).map_or(n.clone(), |o| (*o).to_string()))),
            None if line.contains("compiler.err") => other.push(line.to_string()),
            None => {}
        }
    }
    if keep.is_empty() {
        bail!("the copy does not compile:\n{}", other.into_iter().take(20).collect::<Vec<_>>().join("\n"));
    }
    Ok(keep)
}

/// The name of the method declared below the annotation at `File.java:line:column`.
fn overriding(to: &Path, line: &str) -> Option<String> {
    let mut parts = line.split(':');
    let name = parts.next()?;
    let at: usize = parts.next()?.parse().ok()?;
    let file: PathBuf = walk(to).ok()?.into_iter().find(|p| p.ends_with(&format!("/{name}"))).map(|p| to.join(p))?;
    let text = std::fs::read_to_string(file).ok()?;
    let rest: Vec<&str> = text.lines().skip(at.saturating_sub(1)).take(4).collect();
    let rest = rest.join(" ");
    let rest = rest.split("@Override").nth(1).unwrap_or(&rest);
    let head = rest.split('(').next()?;
    head.split_whitespace().last().map(str::to_string)
}
