//! Maven and Gradle: the wrapper first, offline unless the network is allowed.

use super::{Facts, Module, join, topmost};
use crate::plan::{Plan, Report, Serves};
use quick_xml::events::Event;
use std::collections::BTreeSet;

const JAVA: &[&str] = &["java", "kt", "groovy", "scala", "xml", "properties", "gradle", "kts"];

pub fn find(facts: &Facts, plan: &mut Plan) {
    for dir in maven_roots(facts) {
        maven(facts, &mut Module { dir: &dir, plan, about: JAVA });
    }
    let settings = topmost(&facts.dirs(&["settings.gradle", "settings.gradle.kts"]));
    let builds = facts.dirs(&["build.gradle", "build.gradle.kts"]);
    let mut roots = settings.clone();
    roots.extend(builds.into_iter().filter(|d| !super::within(d, &settings)));
    for dir in topmost(&roots.into_iter().collect()) {
        if facts.has(&dir, "pom.xml") {
            continue;
        }
        gradle(facts, &mut Module { dir: &dir, plan, about: JAVA });
    }
}

/// Directories with a `pom.xml` that no other one names as its module.
fn maven_roots(facts: &Facts) -> Vec<String> {
    let all = facts.dirs(&["pom.xml"]);
    let mut named = BTreeSet::new();
    for dir in &all {
        for module in facts.read(dir, "pom.xml").map(|t| modules(&t)).unwrap_or_default() {
            if let Some(path) = resolve(dir, module.trim_end_matches("/pom.xml")) {
                named.insert(path);
            }
        }
    }
    all.into_iter().filter(|d| !named.contains(d)).collect()
}

/// A path relative to a directory, with `..` taken out; `None` when it leaves the project.
fn resolve(dir: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = dir.split('/').filter(|p| !p.is_empty()).collect();
    for p in path.split('/') {
        match p {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            p => parts.push(p),
        }
    }
    Some(parts.join("/"))
}

fn modules(pom: &str) -> Vec<String> {
    let mut reader = quick_xml::Reader::from_str(pom);
    let mut out = Vec::new();
    let mut inside = false;
    loop {
        match reader.read_event() {
            Ok(Event::Start(e)) => inside = matches!(e.local_name().as_ref(), "module" | "subproject"),
            Ok(Event::Text(t)) if inside => out.push(t.trim().to_string()),
            Ok(Event::End(_)) => inside = false,
            Ok(Event::Eof) | Err(_) => return out,
            _ => {}
        }
    }
}

/// The program to call, and why; `Err`: why none can be.
fn launcher(
    facts: &Facts,
    dir: &str,
    wrapper: &str,
    tool: &str,
    cached: bool,
) -> Result<(Vec<String>, String), String> {
    let here = facts.has(dir, wrapper);
    if here && (cached || facts.network) {
        let full = facts.root.join(join(dir, wrapper));
        let argv = if super::executable(&full) {
            vec![format!("./{wrapper}")]
        } else {
            vec!["sh".to_string(), format!("./{wrapper}")]
        };
        return Ok((argv, format!("the project has {wrapper}")));
    }
    match (facts.program(tool).is_some(), here) {
        (true, true) => Ok((
            vec![tool.to_string()],
            format!("the distribution that {wrapper} wants is not on this machine, {tool} is"),
        )),
        (true, false) => Ok((vec![tool.to_string()], format!("{tool} is installed"))),
        (false, true) => Err(format!(
            "the distribution that {wrapper} wants is not on this machine, the network is not allowed, and {tool} is not installed"
        )),
        (false, false) => Err(format!("{tool} is not installed and there is no {wrapper}")),
    }
}

/// True when the distribution named in a wrapper's properties was downloaded before.
fn distribution(facts: &Facts, dir: &str, properties: &str, store: &str) -> bool {
    let url = facts.read(dir, properties).and_then(|t| {
        let line = t.lines().map(str::trim).find(|l| l.starts_with("distributionUrl"))?.to_string();
        Some(line.split_once('=')?.1.trim().to_string())
    });
    let Some(name) = url.as_deref().and_then(|u| u.rsplit('/').next()).map(|n| n.trim_end_matches(".zip")) else {
        return false;
    };
    // Both tools shorten the name of the archive; a folder with either form holds what was unpacked.
    let short = name.trim_end_matches("-bin").trim_end_matches("-all");
    facts.homes.iter().any(|h| [name, short].iter().any(|n| h.join(store).join(n).is_dir()))
}

fn maven(facts: &Facts, m: &mut Module<'_>) {
    let cached = distribution(facts, m.dir, ".mvn/wrapper/maven-wrapper.properties", ".m2/wrapper/dists");
    let (start, chosen) = match launcher(facts, m.dir, "mvnw", "mvn", cached) {
        Ok(l) => l,
        Err(why) => return m.left_out("Maven", why),
    };
    let mut argv: Vec<&str> = start.iter().map(String::as_str).collect();
    argv.extend(["-B", "-ntp"]);
    if !facts.network {
        // Artifacts count wherever they were once loaded from: the settings with the mirrors' names hold credentials and
        // are not shown to the build.
        argv.extend(["-o", "-Daether.enhancedLocalRepository.trackingFilename=none.repositories"]);
    }
    let why = format!("there is a pom.xml, and {chosen}");
    let with = |more: &[&'static str]| -> Vec<&str> { argv.iter().copied().chain(more.iter().copied()).collect() };
    m.step("maven build", Serves::Build, &with(&["test-compile"]), Report::Exit, why.clone());
    let tests = m.dir.to_string();
    if facts.below(&tests).any(|f| f.contains("src/test/")) {
        let argv = with(&["-Dmaven.test.failure.ignore=true", "test"]);
        let folders = Report::JunitFolders(&["surefire-reports", "failsafe-reports"]);
        m.step("maven tests", Serves::Tests, &argv, folders, "there is code in src/test");
    } else {
        m.left_out("tests of Maven", "there is no src/test");
    }
}

fn gradle(facts: &Facts, m: &mut Module<'_>) {
    let cached = distribution(facts, m.dir, "gradle/wrapper/gradle-wrapper.properties", ".gradle/wrapper/dists");
    let (start, chosen) = match launcher(facts, m.dir, "gradlew", "gradle", cached) {
        Ok(l) => l,
        Err(why) => return m.left_out("Gradle", why),
    };
    let mut argv: Vec<&str> = start.iter().map(String::as_str).collect();
    argv.extend(["--no-daemon", "--console=plain", "--continue"]);
    if !facts.network {
        argv.push("--offline");
    }
    let with = |more: &[&'static str]| -> Vec<&str> { argv.iter().copied().chain(more.iter().copied()).collect() };
    let why = format!("there is a Gradle build, and {chosen}");
    m.step("gradle build", Serves::Build, &with(&["testClasses"]), Report::Exit, why);
    let tests = m.dir.to_string();
    if facts.below(&tests).any(|f| f.contains("src/test/")) {
        let folders = Report::JunitFolders(&["test-results"]);
        m.step("gradle tests", Serves::Tests, &with(&["test"]), folders, "there is code in src/test");
    } else {
        m.left_out("tests of Gradle", "there is no src/test");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_of_a_pom_are_read() {
        let pom = "<project><modules><module>a</module><module> ../b </module></modules><name>module</name></project>";
        assert_eq!(modules(pom), ["a", "../b"]);
        assert_eq!(resolve("x", "../b"), Some("b".to_string()));
        assert_eq!(resolve("", "../b"), None);
        assert!(modules("<project><module>").is_empty());
    }
}
