//! The real toolchain: every project before and after its fix is compiled, and drivers are executed on both.

use crate::parse::{Encoding, Toolchain};
use crate::{Case, Report, libs};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A driver that takes longer hangs.
const DRIVER_LIMIT: Duration = Duration::from_secs(120);

const DRIVER_JAVA: &str = "Run.java";
const DRIVER_PYTHON: &str = "run_driver.py";

/// One side (before or after) of a case, laid out on the disk.
struct Side<'c> {
    case: &'c Case<'c>,
    name: &'static str,
    dir: PathBuf,
    classes: PathBuf,
    java: Vec<PathBuf>,
    python: Vec<PathBuf>,
}

/// Compiles and runs everything; failures go into the report.
pub fn check(root: &Path, cases: &[Case<'_>], report: &mut Report) {
    if let Err(e) = check_all(root, cases, report) {
        report.failures.push(e);
    }
}

fn check_all(root: &Path, cases: &[Case<'_>], report: &mut Report) -> Result<(), String> {
    let work = tempfile::tempdir().map_err(|e| format!("no temporary folder: {e}"))?;
    let mut sides = Vec::new();
    // A JDK that is there decides which releases can be compiled for; without any, the first compilation says so.
    let newest = newest_jdk().map_or(u32::MAX, |(_, version)| version);
    for (n, case) in cases.iter().enumerate() {
        if case.case.java > newest && case.case.driver.is_none() {
            report.parsed_only += 1;
            let why = format!("parsed only: the newest JDK here is {newest}, the case needs {}", case.case.java);
            report.notes.push(case.failure(&why));
            continue;
        }
        if matches!(case.case.toolchain, Toolchain::ParsedOnly(_)) {
            report.parsed_only += 1;
        } else {
            report.compiled += 1;
        }
        sides.push(lay_out(case, "before", &work.path().join(format!("{n}/before")))?);
        if case.checked.changed() {
            sides.push(lay_out(case, "after", &work.path().join(format!("{n}/after")))?);
        }
    }
    let wanted = |s: &&Side<'_>| s.case.case.toolchain == Toolchain::Compile || s.case.case.driver.is_some();
    let java: Vec<&Side<'_>> = sides.iter().filter(|s| !s.java.is_empty()).filter(wanted).collect();
    let python: Vec<&Side<'_>> = sides.iter().filter(|s| !s.python.is_empty()).filter(wanted).collect();
    let mut class_path = String::new();
    let mut jdk = None;
    if !java.is_empty() {
        let jars = libs::jars(root)?;
        class_path = jars.values().map(|p| p.display().to_string()).collect::<Vec<_>>().join(":");
        jdk = Some(newest_jdk()?);
    }
    if let Some((home, version)) = &jdk {
        report.failures.extend(compile_java(root, home, *version, &class_path, &java, work.path())?);
    }
    if !python.is_empty() {
        report.failures.extend(compile_python(root, &python)?);
    }
    let driven: Vec<&Case<'_>> = cases.iter().filter(|c| c.case.driver.is_some()).collect();
    report.executed = driven.len();
    if driven.is_empty() {
        return Ok(());
    }
    let wheels = if driven.iter().any(|c| lang(c) == "python") { Some(libs::wheels(root)?) } else { None };
    let failures: Vec<String> = driven
        .par_iter()
        .filter_map(|c| {
            let mine: Vec<&Side<'_>> = sides.iter().filter(|s| std::ptr::eq(s.case, *c)).collect();
            drive(c, &mine, jdk.as_ref().map(|j| j.0.as_path()), &class_path, wheels.as_deref()).err()
        })
        .collect();
    report.failures.extend(failures);
    Ok(())
}

fn lang<'c>(c: &'c Case<'_>) -> &'c str {
    c.case.driver.as_ref().map_or("", |d| d.lang.as_str())
}

fn lay_out<'c>(case: &'c Case<'c>, name: &'static str, dir: &Path) -> Result<Side<'c>, String> {
    let classes = dir.with_extension("classes");
    let mut side = Side { case, name, dir: dir.to_path_buf(), classes, java: Vec::new(), python: Vec::new() };
    let put = |path: &Path, bytes: &[u8]| -> Result<(), String> {
        let parent = path.parent().unwrap_or(dir);
        std::fs::create_dir_all(parent)
            .and_then(|()| std::fs::write(path, bytes))
            .map_err(|e| format!("{}: {e}", path.display()))
    };
    std::fs::create_dir_all(&side.classes).map_err(|e| format!("{}: {e}", side.classes.display()))?;
    let files = if name == "before" { &case.checked.before } else { &case.checked.after };
    for (path, bytes) in files {
        let to = dir.join(path);
        put(&to, bytes)?;
        match to.extension().and_then(|e| e.to_str()) {
            Some("java") => side.java.push(to),
            Some("py" | "pyw") => side.python.push(to),
            _ => {}
        }
    }
    if let Some(d) = &case.case.driver {
        if d.lang == "java" {
            // Beside the project, not in it: the driver must not shadow a file of the case.
            let folder = dir.with_extension("driver");
            for (name, text) in [(DRIVER_JAVA, d.text.as_str()), ("Fake.java", include_str!("../java/Fake.java"))] {
                put(&folder.join(name), text.as_bytes())?;
                side.java.push(folder.join(name));
            }
        } else {
            put(&dir.join(DRIVER_PYTHON), d.text.as_bytes())?;
            side.python.push(dir.join(DRIVER_PYTHON));
        }
    }
    Ok(side)
}

/// The newest JDK on the machine and its version: `JAVA_HOME` and `JAVA_HOME_…`, the one of `javac` on the path, those beside it.
fn newest_jdk() -> Result<(PathBuf, u32), String> {
    let mut homes: BTreeSet<PathBuf> = BTreeSet::new();
    let named = |name: &std::ffi::OsStr| name.to_str().is_some_and(|n| n == "JAVA_HOME" || n.starts_with("JAVA_HOME_"));
    homes.extend(std::env::vars_os().filter(|(name, _)| named(name)).map(|(_, home)| PathBuf::from(home)));
    for dir in std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()) {
        if let Ok(javac) = dir.join("javac").canonicalize() {
            homes.extend(javac.ancestors().nth(2).map(Path::to_path_buf));
        }
    }
    for parent in ["/usr/lib/jvm", "/opt/java", "/Library/Java/JavaVirtualMachines"] {
        let dirs = std::fs::read_dir(parent).into_iter().flatten().flatten();
        homes.extend(dirs.flat_map(|d| [d.path(), d.path().join("Contents/Home")]));
    }
    homes
        .into_iter()
        .filter(|h| h.join("bin/javac").is_file() && h.join("bin/java").is_file())
        .filter_map(|h| {
            let release = std::fs::read_to_string(h.join("release")).ok()?;
            let version = release.lines().find_map(|l| l.strip_prefix("JAVA_VERSION=\""))?;
            let version = version.strip_prefix("1.").unwrap_or(version);
            let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
            Some((digits.parse::<u32>().ok()?, h))
        })
        .max()
        .map(|(v, h)| (h, v))
        .ok_or_else(|| "javac is needed and there is no JDK (JAVA_HOME, PATH, /usr/lib/jvm)".to_string())
}

fn compile_java(
    root: &Path,
    jdk: &Path,
    version: u32,
    class_path: &str,
    sides: &[&Side<'_>],
    work: &Path,
) -> Result<Vec<String>, String> {
    let mut failures = Vec::new();
    let mut input = String::new();
    for (n, s) in sides.iter().enumerate() {
        if s.case.case.java > version {
            failures
                .push(s.case.failure(&format!("a JDK {} is needed, the newest here is {version}", s.case.case.java)));
            continue;
        }
        let encoding = s.case.case.files.iter().map(|f| f.encoding).find(|e| *e != Encoding::Utf8);
        let encoding = match encoding {
            Some(Encoding::Latin1) => "ISO-8859-1",
            Some(Encoding::Utf16) => "UTF-16",
            _ => "UTF-8",
        };
        input.push_str(&format!("{n}\t{}\t{encoding}\t{}", s.case.case.java, s.classes.display()));
        for f in &s.java {
            // javac takes a byte order mark for an illegal character; what it stands before is what is compiled.
            let bytes = std::fs::read(f).map_err(|e| format!("{}: {e}", f.display()))?;
            if let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf") {
                std::fs::write(f, rest).map_err(|e| format!("{}: {e}", f.display()))?;
            }
            input.push_str(&format!("\t{}", f.display()));
        }
        input.push('\n');
    }
    let list = work.join("java.txt");
    std::fs::write(&list, input).map_err(|e| format!("{}: {e}", list.display()))?;
    let stdin = std::fs::File::open(&list).map_err(|e| format!("{}: {e}", list.display()))?;
    let out = Command::new(jdk.join("bin/java"))
        .args(["-Xshare:auto", "-XX:TieredStopAtLevel=1"])
        .arg(root.join("crates/spec/java/Batch.java"))
        .arg(class_path)
        .stdin(Stdio::from(stdin))
        .output()
        .map_err(|e| format!("java cannot be started: {e}"))?;
    if !out.status.success() {
        return Err(format!("the Java compiler broke down: {}", String::from_utf8_lossy(&out.stderr)));
    }
    let mut answered = 0;
    for line in String::from_utf8_lossy(&out.stdout).lines() {
        let Some((n, what)) = line.split_once('\t') else { continue };
        answered += 1;
        if let Some(s) = n.parse::<usize>().ok().and_then(|n| sides.get(n))
            && what != "ok"
        {
            failures.push(s.case.failure(&format!("the code {} the fix does not compile: {what}", s.name)));
        }
    }
    if answered + failures.iter().filter(|f| f.contains("a JDK")).count() < sides.len() {
        return Err("the Java compiler left out projects".to_string());
    }
    Ok(failures)
}

/// Compiles with `python3`; with every other version on the machine, what compiled before must compile after.
fn compile_python(root: &Path, sides: &[&Side<'_>]) -> Result<Vec<String>, String> {
    let mut failures = Vec::new();
    for (i, python) in pythons()?.iter().enumerate() {
        let mut input = String::new();
        for (n, s) in sides.iter().enumerate() {
            s.python.iter().for_each(|f| input.push_str(&format!("{n}\t{}\n", f.display())));
        }
        let mut child = Command::new(python)
            .args(["-B", "-W", "ignore"])
            .arg(root.join("crates/spec/python/batch.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("{} is needed and cannot be started: {e}", python.display()))?;
        let stdin = child.stdin.take();
        let out = std::thread::scope(|scope| {
            // Written beside the reading, so that neither side waits for the other.
            scope.spawn(move || stdin.map(|mut i| i.write_all(input.as_bytes())));
            child.wait_with_output()
        })
        .map_err(|e| format!("{}: {e}", python.display()))?;
        if !out.status.success() {
            return Err(format!("{} broke down while compiling", python.display()));
        }
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        let mut errors: BTreeMap<usize, &str> = BTreeMap::new();
        for line in text.lines() {
            if let Some((n, what)) = line.split_once('\t')
                && let Ok(n) = n.parse()
            {
                errors.insert(n, what);
            }
        }
        for (n, what) in &errors {
            let Some(s) = sides.get(*n) else { continue };
            let before = |m: usize| sides.get(m).is_some_and(|b| std::ptr::eq(b.case, s.case) && b.name == "before");
            let too_old = i > 0 && (s.name == "before" || errors.keys().any(|m| before(*m)));
            if !too_old {
                let python = python.display();
                failures.push(
                    s.case.failure(&format!("the code {} the fix does not compile with {python}: {what}", s.name)),
                );
            }
        }
    }
    Ok(failures)
}

/// `python3`, then one interpreter of every other version found on the path and in pyenv's folder.
fn pythons() -> Result<Vec<PathBuf>, String> {
    let version = |p: &Path| {
        let out = Command::new(p)
            .args(["-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
            .stderr(Stdio::null())
            .output()
            .ok()
            .filter(|o| o.status.success())?;
        Some(String::from_utf8_lossy(&out.stdout).trim().to_string())
    };
    let main = PathBuf::from("python3");
    let Some(v) = version(&main) else { return Err("python3 is needed and cannot be started".to_string()) };
    let mut seen = BTreeSet::from([v]);
    let mut out = vec![main];
    let mut candidates: Vec<PathBuf> = (6..30).map(|n| PathBuf::from(format!("python3.{n}"))).collect();
    let home = std::env::var_os("HOME").map(|h| PathBuf::from(h).join(".pyenv"));
    if let Some(root) = std::env::var_os("PYENV_ROOT").map(PathBuf::from).or(home) {
        let dirs = std::fs::read_dir(root.join("versions")).into_iter().flatten().flatten();
        let mut dirs: Vec<PathBuf> = dirs.map(|d| d.path().join("bin/python3")).filter(|p| p.is_file()).collect();
        dirs.sort();
        candidates.extend(dirs);
    }
    for c in candidates {
        if let Some(v) = version(&c)
            && seen.insert(v)
        {
            out.push(c);
        }
    }
    Ok(out)
}

/// The lines that a driver prints.
#[derive(Debug, Default, PartialEq)]
struct Printed {
    benign: Vec<String>,
    attack: Vec<String>,
}

/// Runs the driver on each side and compares what it says.
fn drive(
    c: &Case<'_>,
    sides: &[&Side<'_>],
    jdk: Option<&Path>,
    class_path: &str,
    wheels: Option<&Path>,
) -> Result<(), String> {
    let mut said = Vec::new();
    for s in sides {
        let mut command = if lang(c) == "java" {
            let java = jdk.map_or_else(|| PathBuf::from("java"), |j| j.join("bin/java"));
            let mut command = Command::new(java);
            let resources = s.dir.join("src/main/resources");
            let path = format!("{}:{}:{}:{class_path}", s.classes.display(), s.dir.display(), resources.display());
            command.args(["-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", &path, "Run"]);
            command
        } else {
            let mut command = Command::new("python3");
            let src = s.dir.join("src");
            let wheels = wheels.map(|w| w.display().to_string()).unwrap_or_default();
            command
                .args(["-B", DRIVER_PYTHON])
                .env("PYTHONPATH", format!("{}:{}:{wheels}", s.dir.display(), src.display()));
            command
        };
        let text = run_limited(command.current_dir(&s.dir))
            .map_err(|e| c.failure(&format!("driver {} the fix: {e}", s.name)))?;
        let mut printed = Printed::default();
        for line in text.lines() {
            if let Some(l) = line.strip_prefix("benign: ") {
                printed.benign.push(l.to_string());
            } else if let Some(l) = line.strip_prefix("attack: ") {
                printed.attack.push(l.to_string());
            }
        }
        said.push(printed);
    }
    let [before, after] = &said[..] else { return Err(c.failure("a driver, and no fix to run it on")) };
    if before.benign.is_empty() || before.attack.is_empty() {
        return Err(c.failure("the driver prints no `benign: ` or no `attack: ` line"));
    }
    if before.benign != after.benign {
        return Err(c.failure(&format!("benign input: {:?} before, {:?} after", before.benign, after.benign)));
    }
    if before.attack.len() != after.attack.len() {
        return Err(c.failure(&format!("attacks: {:?} before, {:?} after", before.attack, after.attack)));
    }
    for (b, a) in before.attack.iter().zip(&after.attack) {
        if b.starts_with("blocked") {
            return Err(c.failure("the attack does not work before the fix"));
        }
        if !a.starts_with("blocked") {
            return Err(c.failure(&format!("the attack works after the fix: {a}")));
        }
    }
    Ok(())
}

fn run_limited(command: &mut Command) -> Result<String, String> {
    let out = tempfile::NamedTempFile::new().map_err(|e| e.to_string())?;
    let err = tempfile::NamedTempFile::new().map_err(|e| e.to_string())?;
    let handle = |f: &tempfile::NamedTempFile| f.reopen().map(Stdio::from).map_err(|e| e.to_string());
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(handle(&out)?)
        .stderr(handle(&err)?)
        .spawn()
        .map_err(|e| format!("{name} is needed and cannot be started: {e}"))?;
    let start = Instant::now();
    let status = loop {
        match child.try_wait().map_err(|e| e.to_string())? {
            Some(status) => break status,
            None if start.elapsed() > DRIVER_LIMIT => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("no end after {} seconds", DRIVER_LIMIT.as_secs()));
            }
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    let read = |f: &tempfile::NamedTempFile| std::fs::read(f.path()).map(|b| String::from_utf8_lossy(&b).into_owned());
    let text = read(&out).map_err(|e| e.to_string())?;
    if status.success() {
        return Ok(text);
    }
    let errors = read(&err).unwrap_or_default();
    let tail: Vec<&str> = errors.lines().rev().take(12).collect();
    Err(format!("{status}: {}", tail.into_iter().rev().collect::<Vec<_>>().join("\n")))
}
