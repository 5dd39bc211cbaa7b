//! Fetches what rows are checked against: jars with Maven, the JDK's classes with `jimage`, packages with pip.

use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Pinned, so that a check does not depend on what Maven ships with.
const PLUGIN: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies";

/// Runs a tool; its output goes into the error when it fails.
fn run(command: &mut Command, name: &str) -> Result<String> {
    let out = command.output().with_context(|| format!("cannot run {name}: is it installed?"))?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    if out.status.success() {
        return Ok(text);
    }
    let all = format!("{text}\n{}", String::from_utf8_lossy(&out.stderr));
    let lines: Vec<&str> = all.lines().filter(|l| !l.trim().is_empty()).collect();
    bail!("{name} failed ({}):\n{}", out.status, lines[lines.len().saturating_sub(12)..].join("\n"))
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| path.display().to_string())
}

/// The jars of each coordinate (`group:artifact:version`) with those that it depends on.
pub(crate) fn jars(cache: &Path, coordinates: &BTreeSet<&str>) -> Result<BTreeMap<String, Vec<PathBuf>>> {
    let root = cache.join("java");
    let folder = |c: &str| root.join(c.replace(':', "_"));
    let mut missing = Vec::new();
    for c in coordinates {
        let parts: Vec<&str> = c.split(':').collect();
        let [group, artifact, version] = parts.as_slice() else { bail!("`{c}` is no group:artifact:version") };
        let dir = folder(c);
        if dir.join("done").exists() {
            continue;
        }
        std::fs::create_dir_all(&dir).with_context(|| dir.display().to_string())?;
        let mut pom =
            String::from("<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>");
        pom.push_str("<parent><groupId>models</groupId><artifactId>all</artifactId><version>1</version></parent>");
        let _ = write!(
            pom,
            "<artifactId>m.{artifact}.{version}</artifactId><dependencies><dependency><groupId>{group}</groupId>\
             <artifactId>{artifact}</artifactId><version>{version}</version></dependency></dependencies></project>"
        );
        write(&dir.join("pom.xml"), &pom)?;
        missing.push(*c);
    }
    if !missing.is_empty() {
        let mut pom =
            String::from("<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>");
        pom.push_str("<groupId>models</groupId><artifactId>all</artifactId><version>1</version><packaging>pom</packaging><modules>");
        for c in &missing {
            let _ = write!(pom, "<module>{}</module>", c.replace(':', "_"));
        }
        pom.push_str("</modules></project>");
        write(&root.join("pom.xml"), &pom)?;
        eprintln!("fetching {} libraries with Maven", missing.len());
        let mut mvn = Command::new("mvn");
        mvn.current_dir(&root).args(["-B", "-q", "-fae", PLUGIN, "-DincludeScope=runtime"]);
        mvn.arg("-DoutputDirectory=${project.basedir}/jars");
        let ran = run(&mut mvn, "mvn");
        for c in &missing {
            let (artifact, version) = (c.split(':').nth(1).unwrap_or(""), c.split(':').nth(2).unwrap_or(""));
            if folder(c).join("jars").join(format!("{artifact}-{version}.jar")).exists() {
                write(&folder(c).join("done"), "")?;
            } else if let Err(e) = &ran {
                bail!("cannot get {c}: {e}");
            } else {
                bail!("Maven gave no jar for {c}");
            }
        }
        ran?;
    }
    let mut out = BTreeMap::new();
    for c in coordinates {
        let dir = folder(c).join("jars");
        let mut found: Vec<PathBuf> = std::fs::read_dir(&dir)?.flatten().map(|e| e.path()).collect();
        found.retain(|p| p.extension().is_some_and(|e| e == "jar"));
        // The artifact's own jar comes before those it depends on.
        let own = format!("{}-{}.jar", c.split(':').nth(1).unwrap_or(""), c.split(':').nth(2).unwrap_or(""));
        found.sort_by_key(|p| (p.file_name().is_none_or(|n| n.to_str() != Some(own.as_str())), p.clone()));
        out.insert(c.to_string(), found);
    }
    Ok(out)
}

/// The folder with the classes of the running JDK, one folder a module.
pub(crate) fn jdk(cache: &Path) -> Result<PathBuf> {
    let java = Command::new("java")
        .args(["-XshowSettings:properties", "-version"])
        .output()
        .context("cannot run java: is a JDK installed?")?;
    let text = String::from_utf8_lossy(&java.stderr).into_owned();
    let value = |key: &str| {
        text.lines().find_map(|l| l.trim().strip_prefix(key)?.trim().strip_prefix("= ").map(str::to_string))
    };
    let home = value("java.home").context("java does not tell where it is installed")?;
    let version = value("java.version").unwrap_or_default();
    let dir = cache.join(format!("jdk-{version}"));
    if !dir.exists() {
        let modules = Path::new(&home).join("lib").join("modules");
        let part = cache.join(format!("jdk-{version}.part"));
        if part.exists() {
            std::fs::remove_dir_all(&part)?;
        }
        eprintln!("unpacking the classes of JDK {version}");
        let mut jimage = Command::new(Path::new(&home).join("bin").join("jimage"));
        jimage.arg("extract").arg("--dir").arg(&part).arg(&modules);
        run(&mut jimage, "jimage")?;
        std::fs::rename(&part, &dir)?;
    }
    Ok(dir)
}

/// An environment with packages, and those that cannot be installed here with the folder of their source (`None`: nothing at all).
pub(crate) struct Packages {
    /// The interpreter.
    pub python: PathBuf,
    /// Requirement, folder of its source.
    pub sources: Vec<(String, PathBuf)>,
}

/// An environment with the requirements of a library.
pub(crate) fn packages(cache: &Path, id: &str, requirements: &[&str]) -> Result<Packages> {
    if requirements.is_empty() {
        return Ok(Packages { python: PathBuf::from("python3"), sources: Vec::new() });
    }
    let root = cache.join("python").join(id);
    let env = root.join("env");
    let python = env.join("bin").join("python");
    let done = root.join("done");
    if std::fs::read_to_string(&done)
        .is_ok_and(|t| t.lines().map(|l| l.trim_start_matches("source ")).eq(requirements.iter().copied()))
        && python.exists()
    {
        let text = std::fs::read_to_string(&done)?;
        let sources =
            text.lines().filter_map(|l| l.strip_prefix("source ")).map(|r| (r.to_string(), source_dir(&root, r)));
        return Ok(Packages { python, sources: sources.collect() });
    }
    if root.exists() {
        std::fs::remove_dir_all(&root)?;
    }
    std::fs::create_dir_all(&root)?;
    run(Command::new("python3").args(["-m", "venv", "--without-pip"]).arg(&env), "python3 -m venv")?;
    // The interpreter's own pip installs into the new environment: it need not have one.
    let pip = |args: &[&str]| {
        let mut c = Command::new("python3");
        c.args(["-m", "pip", "--disable-pip-version-check", "-q", "--python"]).arg(&python).args(args);
        c
    };
    let mut sources = Vec::new();
    eprintln!("installing {}", requirements.join(" "));
    // Together first: one resolution. What has no wheel and does not build is looked at in its source.
    let all: Vec<&str> = ["install", "--no-compile"].iter().chain(requirements).copied().collect();
    if run(&mut pip(&all), "pip").is_err() {
        for r in requirements {
            // Old build scripts need what later setuptools leave out.
            let mut alone = pip(&["install", "--no-compile", r]);
            if run(alone.env("PIP_CONSTRAINT", constraint(&root)?), "pip").is_ok() {
                continue;
            }
            let to = source_dir(&root, r);
            std::fs::create_dir_all(&to)?;
            let mut get = pip(&["download", "--no-deps", "--no-binary", ":all:", r, "-d"]);
            get.arg(&to);
            // Their build scripts ask for tools of the system before they tell their names; nothing is built.
            get.env("MYSQLCLIENT_CFLAGS", "-I.").env("MYSQLCLIENT_LDFLAGS", "-L.");
            get.env("PIP_CONSTRAINT", constraint(&root)?);
            run(&mut get, "pip download").with_context(|| format!("cannot get {r}"))?;
            for e in std::fs::read_dir(&to)?.flatten() {
                run(Command::new("tar").arg("xf").arg(e.path()).arg("-C").arg(&to), "tar")?;
            }
            sources.push((r.to_string(), to));
        }
    }
    let mark = |r: &&str| if sources.iter().any(|s| s.0 == *r) { format!("source {r}") } else { r.to_string() };
    write(&done, &requirements.iter().map(mark).collect::<Vec<_>>().join("\n"))?;
    Ok(Packages { python, sources })
}

fn source_dir(root: &Path, requirement: &str) -> PathBuf {
    root.join("source").join(requirement.replace("==", "-"))
}

fn constraint(root: &Path) -> Result<PathBuf> {
    let path = root.join("constraints.txt");
    write(&path, "setuptools<80\n")?;
    Ok(path)
}
