//! npm, pnpm and yarn: the scripts of `package.json`, and the TypeScript compiler as a type check.

use super::{Facts, Module};
use crate::plan::{Plan, REPORTS, Report, Serves};
use serde_json::Value;

const NODE: &[&str] = &["js", "jsx", "ts", "tsx", "mjs", "cjs", "mts", "cts", "json", "vue", "svelte"];

pub fn find(facts: &Facts, plan: &mut Plan) {
    let mut workspaces: Vec<String> = Vec::new();
    for dir in facts.dirs(&["package.json"]) {
        let Some(package) = facts.read(&dir, "package.json").and_then(|t| serde_json::from_str::<Value>(&t).ok())
        else {
            continue;
        };
        let inside = super::within(&dir, &workspaces);
        if package.get("workspaces").is_some() || facts.has(&dir, "pnpm-workspace.yaml") {
            workspaces.push(dir.clone());
        }
        module(facts, &package, inside, &mut Module { dir: &dir, plan, about: NODE });
    }
}

/// The package manager: the lock file at or above the package decides.
fn manager(facts: &Facts, dir: &str, package: &Value) -> (&'static str, &'static str) {
    let declared = package.get("packageManager").and_then(Value::as_str).unwrap_or("");
    for name in ["pnpm", "yarn", "npm"] {
        if declared.starts_with(name) {
            return (name, "packageManager names it");
        }
    }
    let mut at = Some(dir);
    while let Some(d) = at {
        for (lock, name) in [("pnpm-lock.yaml", "pnpm"), ("yarn.lock", "yarn"), ("package-lock.json", "npm")] {
            if facts.has(d, lock) {
                return (name, lock);
            }
        }
        at = if d.is_empty() { None } else { Some(d.rsplit_once('/').map_or("", |(up, _)| up)) };
    }
    ("npm", "there is no lock file")
}

fn module(facts: &Facts, package: &Value, inside: bool, m: &mut Module<'_>) {
    let dir = m.dir.to_string();
    let scripts = package.get("scripts").cloned().unwrap_or_default();
    let script = |name: &str| scripts.get(name).and_then(Value::as_str).filter(|s| !s.trim().is_empty());
    let (build, test) = (script("build"), script("test").filter(|t| !t.contains("no test specified")));
    let typescript = facts.has(&dir, "tsconfig.json");
    if build.is_none() && test.is_none() && !typescript {
        return;
    }
    let (manager, why) = manager(facts, &dir, package);
    if facts.program(manager).is_none() {
        return m.left_out(manager, format!("{manager} is not installed"));
    }
    let needs = ["dependencies", "devDependencies"]
        .iter()
        .any(|k| package.get(*k).and_then(Value::as_object).is_some_and(|o| !o.is_empty()));
    let installed = facts.root.join(super::join(&dir, "node_modules")).is_dir()
        || (inside && facts.root.join("node_modules").is_dir());
    if needs && !installed {
        return m.left_out(manager, "the dependencies are not installed (there is no node_modules)");
    }
    if typescript && facts.present(&dir, "node_modules/.bin/tsc") {
        let argv = ["node_modules/.bin/tsc", "--noEmit", "--pretty", "false"];
        m.step("tsc", Serves::Build, &argv, Report::Messages, "there is a tsconfig.json");
    }
    if build.is_some() {
        m.step(
            "build script",
            Serves::Build,
            &[manager, "run", "build"],
            Report::Exit,
            format!("package.json has a script `build` ({why})"),
        );
    }
    let Some(test) = test else { return m.left_out("tests", "package.json has no script `test`") };
    let file = format!("--outputFile={REPORTS}/results.json");
    let words: Vec<&str> = test.split_whitespace().collect();
    // More arguments reach the runner only when the script is one plain command.
    let simple = !test.contains(['|', '&', ';', '>', '<', '$', '`', '(']);
    let more: (Vec<&str>, Report) = match words.as_slice() {
        ["jest", ..] if simple => (vec!["--json", file.as_str()], Report::NodeJson),
        ["vitest", ..] if simple => (vec!["--run", "--reporter=json", file.as_str()], Report::NodeJson),
        ["node", ..] if simple && words.contains(&"--test") => (Vec::new(), Report::Tap),
        ["tap" | "tape" | "ava", ..] => (Vec::new(), Report::Tap),
        _ => (Vec::new(), Report::Exit),
    };
    let mut argv = vec![manager, "run", "test"];
    if !more.0.is_empty() {
        if manager != "yarn" {
            argv.push("--");
        }
        argv.extend(more.0);
    }
    m.step("test script", Serves::Tests, &argv, more.1, format!("package.json has a script `test` ({why})"));
}
