//! Python: compileall, a type checker that the project configures, and pytest, Django's runner or unittest, with the
//! interpreter of the project's own environment.

use super::{Facts, Module, join};
use crate::plan::{Plan, Report, Serves};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const PYTHON: &[&str] = &["py", "pyw", "pyi", "toml", "cfg", "ini", "txt"];
const MARKERS: &[&str] =
    &["pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "pytest.ini", "manage.py", "noxfile.py"];

pub fn find(facts: &Facts, plan: &mut Plan) {
    let python = |f: &&str| f.ends_with(".py");
    let mut roots: Vec<String> = Vec::new();
    for dir in facts.dirs(MARKERS) {
        // Below another module, only what is a package of its own is a module.
        let own = facts.has(&dir, "pyproject.toml") || facts.has(&dir, "setup.py") || facts.has(&dir, "manage.py");
        if (own || !super::within(&dir, &roots)) && facts.below(&dir).any(|f| f.ends_with(".py") && f != "setup.py") {
            roots.push(dir);
        }
    }
    let covered = |f: &str| super::within(f.rsplit_once('/').map_or("", |(d, _)| d), &roots);
    if facts.below("").filter(python).any(|f| !covered(f)) {
        // Code outside of every package: one module for the whole.
        roots.insert(0, String::new());
    }
    roots.dedup();
    for dir in &roots {
        let inner: Vec<String> =
            roots.iter().filter(|r| *r != dir && super::within(r, std::slice::from_ref(dir))).cloned().collect();
        module(facts, &inner, &mut Module { dir, plan, about: PYTHON });
    }
}

/// The interpreter to use and the folder of its packages, if that can be told from files.
struct Interpreter {
    argv0: String,
    packages: Vec<PathBuf>,
    why: String,
}

fn interpreter(facts: &Facts, dir: &str) -> Option<Interpreter> {
    // The nearest environment at or above the module.
    let mut at = Some(dir);
    while let Some(d) = at {
        for env in [".venv", "venv", "env"] {
            if facts.present(d, &format!("{env}/pyvenv.cfg")) && facts.present(d, &format!("{env}/bin/python")) {
                return Some(environment(facts, dir, &join(d, env), &format!("{env} is the project's environment")));
            }
        }
        for store in [".tox", ".nox"] {
            if let Some(env) = first_environment(&facts.root.join(join(d, store))) {
                let why = format!("{store}/{env} is the project's environment");
                return Some(environment(facts, dir, &join(d, &format!("{store}/{env}")), &why));
            }
        }
        at = if d.is_empty() { None } else { Some(d.rsplit_once('/').map_or("", |(up, _)| up)) };
    }
    ["python3", "python"].into_iter().find_map(|name| {
        let program = facts.program(name)?;
        let real = program.canonicalize().unwrap_or_else(|_| program.clone());
        let mut packages = Vec::new();
        for p in [program.as_path(), real.as_path()] {
            if let Some(prefix) = p.parent().and_then(Path::parent) {
                packages.extend(package_folders(prefix));
            }
        }
        // A version manager's stand-in does not tell where it leads.
        for home in &facts.homes {
            packages.extend(package_folders(&home.join(".local")));
            if program.starts_with(home.join(".pyenv/shims")) {
                let versions = std::fs::read_dir(home.join(".pyenv/versions")).into_iter().flatten().flatten();
                packages.extend(versions.flat_map(|v| package_folders(&v.path())));
            }
        }
        Some(Interpreter { argv0: name.to_string(), packages, why: format!("{name} is installed") })
    })
}

fn first_environment(store: &Path) -> Option<String> {
    let mut names: Vec<String> = std::fs::read_dir(store)
        .ok()?
        .flatten()
        .filter(|e| e.path().join("bin/python").is_file())
        .filter_map(|e| e.file_name().into_string().ok())
        .collect();
    // Of several, the newest Python that runs tests: `py312` before `lint`.
    names.sort_by_key(|n| (n.starts_with("py") || n.starts_with("test"), n.clone()));
    names.pop()
}

fn environment(facts: &Facts, dir: &str, env: &str, why: &str) -> Interpreter {
    let up = if dir.is_empty() { 0 } else { dir.split('/').count() };
    let argv0 = format!("{}{env}/bin/python", "../".repeat(up));
    let argv0 = if up == 0 { format!("./{argv0}") } else { argv0 };
    Interpreter { argv0, packages: package_folders(&facts.root.join(env)), why: why.to_string() }
}

fn package_folders(prefix: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for lib in ["lib", "lib64"] {
        for e in std::fs::read_dir(prefix.join(lib)).into_iter().flatten().flatten() {
            if e.file_name().to_string_lossy().starts_with("python") {
                out.push(e.path().join("site-packages"));
                out.push(e.path().join("dist-packages"));
            }
        }
    }
    out
}

impl Interpreter {
    fn has(&self, package: &str) -> bool {
        self.packages.iter().any(|p| p.join(package).is_dir() || p.join(format!("{package}.py")).is_file())
    }
}

fn module(facts: &Facts, inner: &[String], m: &mut Module<'_>) {
    let dir = m.dir.to_string();
    let Some(py) = interpreter(facts, &dir) else {
        return m.left_out("Python", "python3 is not installed");
    };
    let python = py.argv0.as_str();
    let own =
        |f: &&str| f.ends_with(".py") && !super::within(join(&dir, f).rsplit_once('/').map_or("", |(d, _)| d), inner);
    let files: Vec<&str> = facts.below(&dir).filter(own).collect();
    if files.is_empty() {
        return;
    }
    // The folders and files at the top that hold Python code: what else lies beside them (environments, build results) is
    // nobody's business.
    let tops: BTreeSet<&str> = files.iter().map(|f| f.split('/').next().unwrap_or(f)).collect();
    let mut argv = vec![python, "-m", "compileall", "-q", "-f"];
    argv.extend(tops.iter().copied().filter(|t| !t.starts_with('-')));
    m.step("compileall", Serves::Build, &argv, Report::Compileall, format!("there is Python code, and {}", py.why));
    checkers(facts, m, &py);
    tests(facts, m, &py, &files);
}

/// True when a settings file of the module has a section.
fn section(facts: &Facts, dir: &str, name: &str) -> bool {
    let toml = format!("[tool.{name}");
    facts.read(dir, "pyproject.toml").is_some_and(|t| t.lines().any(|l| l.trim_start().starts_with(&toml)))
        || ["setup.cfg", "tox.ini"].iter().any(|f| {
            facts.read(dir, f).is_some_and(|t| {
                t.lines().any(|l| l.trim() == format!("[{name}]") || l.trim() == format!("[tool:{name}]"))
            })
        })
}

fn checkers(facts: &Facts, m: &mut Module<'_>, py: &Interpreter) {
    let dir = m.dir.to_string();
    let mypy = facts.has(&dir, "mypy.ini") || facts.has(&dir, ".mypy.ini") || section(facts, &dir, "mypy");
    if mypy {
        if py.has("mypy") {
            let config = if facts.has(&dir, "mypy.ini") { "mypy.ini" } else { "its settings" };
            let argv = [py.argv0.as_str(), "-m", "mypy", "--no-color-output", "--no-error-summary", "."];
            m.step("mypy", Serves::Build, &argv, Report::Messages, format!("{config} configures mypy"));
        } else {
            m.left_out("mypy", format!("the project configures it, but it is not installed for {}", py.argv0));
        }
    }
    if facts.has(&dir, "pyrightconfig.json") || section(facts, &dir, "pyright") {
        if py.has("pyright") {
            let argv = [py.argv0.as_str(), "-m", "pyright"];
            m.step("pyright", Serves::Build, &argv, Report::Messages, "the project configures pyright");
        } else {
            m.left_out("pyright", format!("the project configures it, but it is not installed for {}", py.argv0));
        }
    }
}

fn is_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.starts_with("test") && name.ends_with(".py") || name.ends_with("_test.py")
}

fn tests(facts: &Facts, m: &mut Module<'_>, py: &Interpreter, files: &[&str]) {
    let dir = m.dir.to_string();
    let tests: Vec<&&str> = files.iter().filter(|f| is_test(f)).collect();
    if tests.is_empty() {
        return m.left_out("tests of Python", "there are no files test*.py or *_test.py");
    }
    let python = py.argv0.as_str();
    let configured = facts.has(&dir, "pytest.ini")
        || section(facts, &dir, "pytest")
        || files.iter().any(|f| f.ends_with("conftest.py"))
        || facts.read(&dir, "tox.ini").is_some_and(|t| t.contains("pytest"))
        || facts.read(&dir, "noxfile.py").is_some_and(|t| t.contains("pytest"));
    let imports = || {
        tests
            .iter()
            .any(|f| facts.read(&dir, f).is_some_and(|t| t.contains("import pytest") || t.contains("from pytest")))
    };
    let django = facts.has(&dir, "manage.py") && py.has("django") && !configured;
    if django {
        let argv = [python, "manage.py", "test", "--noinput", "-v", "2"];
        return m.step("django tests", Serves::Tests, &argv, Report::Unittest, "there is a manage.py");
    }
    if py.has("pytest") {
        let junit = format!("--junitxml={}/junit.xml", crate::plan::REPORTS);
        let argv = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", junit.as_str()];
        let why =
            if configured { "the project configures pytest" } else { "there are test files, and pytest runs them" };
        return m.step("pytest", Serves::Tests, &argv, Report::JunitFile, why);
    }
    if configured || imports() {
        return m.left_out("pytest", format!("the tests need it, but it is not installed for {python}"));
    }
    // Where the tests lie decides what discovery must start from.
    let tops: BTreeSet<&str> = tests.iter().map(|f| f.rsplit_once('/').map_or(".", |(d, _)| d)).collect();
    let start = if tops.contains(".") { "." } else { tops.first().copied().unwrap_or(".") };
    let package = start != "." && facts.has(&join(&dir, start), "__init__.py");
    let pattern = if tests.iter().any(|f| f.ends_with("_test.py")) { "*test*.py" } else { "test*.py" };
    let mut argv = vec![python, "-m", "unittest", "discover", "-v", "-s", start, "-p", pattern];
    if package {
        argv.extend(["-t", "."]);
    }
    m.step("unittest", Serves::Tests, &argv, Report::Unittest, "there are test files, and pytest is not used");
}
