//! `models --check`: every row of the bundled models names something real.
//!
//! Java rows are resolved against class files (the running JDK, the jars of the Maven coordinates in `artifacts`), Python rows
//! against the installed packages. What is fetched lies in `models-cache` in the target directory and is fetched once.

mod class;
mod fetch;
mod java;
mod python;
#[allow(dead_code)]
#[path = "../../models/src/raw.rs"]
mod raw;

use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use surefix_models::callables;

const USAGE: &str = "usage: cargo xtask models --check [--lang java|python] [LIB...]\n\
                     LIB is an id (`java.jpa`), its last part or the file's path";

/// A row as it stands in its file.
pub(crate) struct Row {
    /// Section (`sink`).
    pub section: String,
    /// Line in the file, from 1.
    pub line: u32,
    /// Cells.
    pub cells: Vec<String>,
}

impl Row {
    /// A cell, empty when it is not there.
    pub fn cell(&self, n: usize) -> &str {
        self.cells.get(n).map_or("", String::as_str)
    }

    /// The access paths in the row.
    pub fn paths(&self) -> Vec<&str> {
        let cells: &[usize] = match self.section.as_str() {
            "source" | "sink" | "guard" => &[1],
            "flow" | "clean" | "decode" | "props" => &[1, 2],
            "prop" => &[1, 3],
            "invokes" => &[1, 2, 3],
            _ => &[],
        };
        let text = cells.iter().map(|n| self.cell(*n)).filter(|c| !c.starts_with('='));
        text.flat_map(|c| c.split(',')).map(str::trim).filter(|p| !p.is_empty()).collect()
    }

    /// The row as it would be written.
    fn shown(&self) -> String {
        let cells: Vec<String> = self.cells.iter().map(|c| format!("\"{c}\"")).collect();
        format!("{} [{}]", self.section, cells.join(", "))
    }
}

/// A model file.
pub(crate) struct Lib {
    /// `models/java/jpa.toml`.
    pub file: String,
    /// `java.jpa`.
    pub id: String,
    /// `java` or `python`.
    pub lang: String,
    /// What its rows are checked against.
    pub artifacts: Vec<String>,
    /// Package in the real thing, package in the rows.
    pub packages: Vec<(String, String)>,
    /// Rows.
    pub rows: Vec<Row>,
}

/// What a check found.
#[derive(Default)]
pub(crate) struct Report {
    /// Lines about rows that name nothing real.
    pub errors: Vec<String>,
    /// Why a name was taken on trust, and which names.
    pub trusted: BTreeMap<String, BTreeSet<String>>,
}

impl Report {
    /// Notes an error about a row.
    pub fn error(&mut self, lib: &Lib, row: &Row, message: &str, hint: Option<&str>) {
        let hint = hint.map_or(String::new(), |h| format!("; did you mean {h}?"));
        self.errors.push(format!("{}:{}: {message}{hint}\n    {}", lib.file, row.line, row.shown()));
    }
    /// Notes a name that is not resolved, and why.
    pub fn trust(&mut self, why: &str, name: &str) {
        self.trusted.entry(why.to_string()).or_default().insert(name.to_string());
    }
}

/// The nearest of several names.
pub(crate) fn near<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    raw::nearest(word, names).map(|n| format!("`{n}`"))
}

/// The command.
pub fn run(args: &[String]) -> Result<()> {
    let (mut check, mut lang, mut wanted) = (false, None, Vec::new());
    let mut args = args.iter();
    while let Some(a) = args.next() {
        match a.as_str() {
            "--check" => check = true,
            "--lang" => match args.next().map(String::as_str) {
                Some(l @ ("java" | "python")) => lang = Some(l.to_string()),
                _ => bail!("--lang takes java or python\n{USAGE}"),
            },
            o if o.starts_with('-') => bail!("unknown option {o}\n{USAGE}"),
            lib => wanted.push(lib.to_string()),
        }
    }
    if !check {
        bail!("{USAGE}");
    }
    let root = root();
    let libs = read(&root)?;
    let named = |l: &Lib, w: &str| l.id == w || l.file == w || Path::new(&l.file).file_stem().is_some_and(|s| s == w);
    for w in &wanted {
        if !libs.iter().any(|l| named(l, w)) {
            let hint =
                near(w, libs.iter().map(|l| l.id.as_str())).map_or(String::new(), |n| format!("; did you mean {n}?"));
            bail!("no model file is called {w}{hint}");
        }
    }
    let of = |of: &str| -> Vec<&Lib> {
        let asked = |l: &&Lib| wanted.is_empty() || wanted.iter().any(|w| named(l, w));
        libs.iter().filter(|l| l.lang == of && lang.as_deref().is_none_or(|x| x == of)).filter(asked).collect()
    };
    let cache = cache(&root);
    std::fs::create_dir_all(&cache).with_context(|| cache.display().to_string())?;
    let mut report = Report::default();
    let mut rows = 0;
    let chosen = of("java");
    if !chosen.is_empty() {
        rows += chosen.iter().map(|l| l.rows.len()).sum::<usize>();
        let all: Vec<&Lib> = libs.iter().filter(|l| l.lang == "java").collect();
        check_java(&cache, &chosen, &all, &mut report)?;
    }
    let chosen = of("python");
    if !chosen.is_empty() {
        rows += chosen.iter().map(|l| l.rows.len()).sum::<usize>();
        python::check(&cache, &chosen, &mut report)?;
    }
    for (why, names) in &report.trusted {
        let list: Vec<&str> = names.iter().map(String::as_str).collect();
        println!("taken on trust, {why}: {}", list.join(", "));
    }
    for e in &report.errors {
        println!("error: {e}");
    }
    let trusted: usize = report.trusted.values().map(BTreeSet::len).sum();
    println!("{rows} rows checked, {} wrong, {trusted} names taken on trust", report.errors.len());
    if report.errors.is_empty() { Ok(()) } else { bail!("{} rows name nothing real", report.errors.len()) }
}

fn check_java(cache: &Path, chosen: &[&Lib], all: &[&Lib], report: &mut Report) -> Result<()> {
    let is_jar = |a: &&String| a.as_str() != "jdk";
    let coordinates: BTreeSet<&str> =
        all.iter().flat_map(|l| l.artifacts.iter().filter(is_jar)).map(String::as_str).collect();
    let jars = fetch::jars(cache, &coordinates)?;
    let jdk = Rc::new(java::World::of_jdk(&fetch::jdk(cache)?)?);
    let mut worlds = BTreeMap::new();
    for c in &coordinates {
        let paths: &[PathBuf] = jars.get(*c).map_or(&[], Vec::as_slice);
        worlds.insert(*c, java::World::of_jars(paths, Rc::clone(&jdk))?);
    }
    let packages: Vec<(String, String)> = all.iter().flat_map(|l| l.packages.iter().cloned()).collect();
    for lib in chosen {
        let mut own: Vec<&java::World> = lib.artifacts.iter().filter_map(|a| worlds.get(a.as_str())).collect();
        if own.is_empty() || lib.artifacts.iter().any(|a| a == "jdk") {
            own.push(&jdk);
        }
        let checker = java::Checker { own, all: worlds.values().collect(), packages: packages.clone() };
        for row in &lib.rows {
            for c in row.cells.iter().flat_map(|c| c.split(' ')).filter(|c| c.starts_with("surefix.")) {
                report.trust("a type of the analysis itself", c.split('(').next().unwrap_or(c));
            }
            if let Err((message, hint)) = checker.row(row) {
                report.error(lib, row, &message, hint.as_deref());
            }
        }
    }
    Ok(())
}

/// All model files, in the order of their names.
fn read(root: &Path) -> Result<Vec<Lib>> {
    let mut out = Vec::new();
    for lang in ["java", "python"] {
        let dir = root.join("models").join(lang);
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(&dir).with_context(|| dir.display().to_string())?.flatten().map(|e| e.path()).collect();
        files.retain(|p| p.extension().is_some_and(|e| e == "toml"));
        files.sort();
        for path in files {
            let file = format!("models/{lang}/{}", path.file_name().unwrap_or_default().to_string_lossy());
            let text = std::fs::read_to_string(&path).with_context(|| file.clone())?;
            let mut problems = Vec::new();
            let raw = raw::parse(&text, &mut problems);
            if let Some(p) = problems.first() {
                bail!("{file}:{}:{}: {}; {}", p.at.line, p.at.col, p.message, p.help);
            }
            let rows = raw.rows.iter().flat_map(|r| {
                let section = raw::SECTIONS.get(r.section).map_or("", |s| s.0);
                let cells: Vec<String> = r.cells.iter().map(|c| c.text.to_string()).collect();
                let first = cells.first().map_or("", String::as_str);
                // A row of fixes may name several callables: each must be there.
                let names = if section == "fix" { callables(first) } else { vec![first.to_string()] };
                names.into_iter().map(move |name| {
                    let mut cells = cells.clone();
                    cells.iter_mut().take(1).for_each(|c| c.clone_from(&name));
                    Row { section: section.to_string(), line: r.at.line, cells }
                })
            });
            out.push(Lib {
                rows: rows.collect(),
                id: raw.id.to_string(),
                lang: lang.to_string(),
                artifacts: raw.artifacts.iter().map(ToString::to_string).collect(),
                packages: raw.packages.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect(),
                file,
            });
        }
    }
    Ok(out)
}

fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).map_or(here.clone(), Path::to_path_buf)
}

fn cache(root: &Path) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let target = if target.is_absolute() { target } else { root.join(target) };
    target.join("models-cache")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_rows() {
        let row = |section: &str, cells: &[&str]| Row {
            section: section.into(),
            line: 1,
            cells: cells.iter().map(|c| c.to_string()).collect(),
        };
        assert_eq!(row("sink", &["a.B.m", "arg0,arg1.elem", "sql"]).paths(), ["arg0", "arg1.elem"]);
        assert_eq!(row("prop", &["a.B.m", "this", "k", "=true"]).paths(), ["this"]);
        assert_eq!(row("invokes", &["a.B.m", "arg0", "", "ret"]).paths(), ["arg0", "ret"]);
        assert!(row("watch", &["a.B.m", "weak-hash"]).paths().is_empty());
    }

    #[test]
    fn the_bundled_files_are_read() {
        let libs = read(&root()).unwrap();
        assert!(libs.iter().any(|l| l.lang == "java") && libs.iter().any(|l| l.lang == "python"));
        for l in &libs {
            assert!(!l.artifacts.is_empty() && !l.rows.is_empty(), "{}", l.file);
            for a in l.artifacts.iter().filter(|a| l.lang == "java" && *a != "jdk") {
                assert_eq!(a.split(':').count(), 3, "{}: `{a}` is no Maven coordinate", l.file);
            }
        }
    }

    #[test]
    fn wrong_arguments_say_what_is_right() {
        let fails = |args: &[&str], text: &str| {
            let args: Vec<String> = args.iter().map(|a| a.to_string()).collect();
            let e = run(&args).unwrap_err().to_string();
            assert!(e.contains(text), "{e}");
        };
        fails(&[], "usage");
        fails(&["--check", "--lang", "c"], "java or python");
        fails(&["--chek"], "unknown option");
        fails(&["--check", "java.jpaa"], "did you mean `java.jpa`");
    }
}
