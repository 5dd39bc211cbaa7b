//! Go, Cargo and Make.

use super::{Facts, Module, topmost};
use crate::plan::{Plan, Report, Serves};

pub fn find(facts: &Facts, plan: &mut Plan) {
    for dir in facts.dirs(&["go.mod"]) {
        let mut m = Module { dir: &dir, plan, about: &["go", "mod", "sum"] };
        if facts.program("go").is_none() {
            m.left_out("Go", "go is not installed");
            continue;
        }
        m.step("go build", Serves::Build, &["go", "build", "./..."], Report::Exit, "there is a go.mod");
        m.step("go vet", Serves::Build, &["go", "vet", "./..."], Report::Exit, "there is a go.mod");
        if facts.below(&dir).any(|f| f.ends_with("_test.go")) {
            let argv = ["go", "test", "-json", "./..."];
            m.step("go test", Serves::Tests, &argv, Report::GoJson, "there are files *_test.go");
        } else {
            m.left_out("tests of Go", "there are no files *_test.go");
        }
    }
    for dir in topmost(&facts.dirs(&["Cargo.toml"])) {
        let mut m = Module { dir: &dir, plan, about: &["rs", "toml"] };
        if facts.program("cargo").is_none() {
            m.left_out("Cargo", "cargo is not installed");
            continue;
        }
        let mut build = vec!["cargo", "check", "--all-targets"];
        let mut test = vec!["cargo", "test", "--no-fail-fast"];
        if !facts.network {
            build.push("--offline");
            test.push("--offline");
        }
        m.step("cargo check", Serves::Build, &build, Report::Exit, "there is a Cargo.toml");
        m.step("cargo test", Serves::Tests, &test, Report::CargoTest, "there is a Cargo.toml");
    }
    if plan.steps.is_empty()
        && let Some(file) = ["GNUmakefile", "Makefile", "makefile"].into_iter().find(|f| facts.has("", f))
    {
        let text = facts.read("", file).unwrap_or_default();
        let mut m = Module { dir: "", plan, about: &[] };
        if facts.program("make").is_none() {
            return m.left_out("Make", "make is not installed");
        }
        let target =
            |name: &str| text.lines().any(|l| l.strip_prefix(name).is_some_and(|r| r.trim_start().starts_with(':')));
        let why = format!("there is a {file} and nothing more specific");
        m.step("make", Serves::Build, &["make"], Report::Exit, why);
        match ["test", "check"].into_iter().find(|t| target(t)) {
            Some(t) => {
                m.step("make tests", Serves::Tests, &["make", t], Report::Exit, format!("{file} has a target `{t}`"))
            }
            None => m.left_out("tests of Make", "there is no target `test` or `check`"),
        }
    }
}
