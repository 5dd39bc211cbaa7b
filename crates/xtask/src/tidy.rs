//! `tidy`: what the compiler does not check. Every problem is listed, not only the first.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Lines of code above which a file is warned of.
const LONG: usize = 500;
/// Lines of code above which a file is refused.
const TOO_LONG: usize = 1000;

/// Crates that may use `anyhow`: those that talk to a person.
const TALKERS: [&str; 2] = ["surefix", "xtask"];

/// Headings that every page of a rule has, in this order.
pub const PAGE: [&str; 6] = ["What it does", "Why is this bad?", "Example", "Fix safety", "Known limits", "References"];

/// Crates that touch nothing outside the process.
const PURE: [&str; 9] = ["text", "ir", "dialect", "syntax", "models", "lower", "dataflow", "rewrite", "rules"];

const IMPURE: [&str; 8] =
    ["std::fs", "std::process", "std::net", "std::env::", "SystemTime", "Instant::now", "println!", "eprintln!"];

/// Runs all checks.
pub fn run() -> Result<()> {
    let root = crate::root()?;
    let mut problems = Vec::new();
    let mut warnings = Vec::new();
    edges(&root, &mut problems)?;
    sources(&root, &mut problems, &mut warnings)?;
    documents(&root, &mut problems)?;
    rules(&root, &mut problems);
    for w in &warnings {
        println!("note: {w}");
    }
    if problems.is_empty() {
        println!("tidy: {} rules, no problem", surefix_rules::RULES.len());
        return Ok(());
    }
    problems.sort();
    bail!("{} problems:\n{}", problems.len(), problems.join("\n"))
}

/// The layers in ARCHITECTURE.md: crate → layer; `None` for tools, which may use everything.
fn layers(text: &str) -> BTreeMap<String, Option<u32>> {
    let mut out = BTreeMap::new();
    for line in text.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let [_, layer, name, ..] = cells[..]
            && let Some(name) = name.strip_prefix('`').and_then(|n| n.strip_suffix('`'))
            && (layer == "tool" || layer.parse::<u32>().is_ok())
        {
            out.insert(name.to_string(), layer.parse().ok());
        }
    }
    out
}

fn edges(root: &Path, problems: &mut Vec<String>) -> Result<()> {
    let text = std::fs::read_to_string(root.join("ARCHITECTURE.md")).context("ARCHITECTURE.md")?;
    let layers = layers(&text);
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let out = Command::new(cargo)
        .current_dir(root)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .context("cargo metadata")?;
    let metadata: Value = serde_json::from_slice(&out.stdout).context("cargo metadata")?;
    let empty = Vec::new();
    let room = |package: &str| match package {
        "surefix" => "cli".to_string(),
        other => other.strip_prefix("surefix-").unwrap_or(other).to_string(),
    };
    for package in metadata["packages"].as_array().unwrap_or(&empty) {
        let name = package["name"].as_str().unwrap_or_default();
        let from = room(name);
        let Some(layer) = layers.get(&from) else {
            problems.push(format!("ARCHITECTURE.md: the table of rooms does not name `{from}`"));
            continue;
        };
        for d in package["dependencies"].as_array().unwrap_or(&empty) {
            let needed = d["name"].as_str().unwrap_or_default();
            // Tests may look at what lies above.
            if d["kind"].as_str() == Some("dev") {
                continue;
            }
            if needed == "anyhow" && !TALKERS.contains(&name) {
                problems.push(format!("{name} uses anyhow: library errors are enums"));
            }
            if d["path"].is_null() {
                continue;
            }
            let to = room(needed);
            match (layer, layers.get(&to)) {
                (None, _) => {}
                (Some(a), Some(Some(b))) if a > b => {}
                _ => problems.push(format!("edge {from} → {to} does not go downwards")),
            }
        }
    }
    for name in layers.keys().filter(|n| !root.join("crates").join(n).is_dir()) {
        problems.push(format!("ARCHITECTURE.md: `{name}` is no crate"));
    }
    Ok(())
}

/// All files below a folder with one of the extensions, sorted; build results and hidden folders are left out.
fn files(dir: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut out = Vec::new();
    let mut stack = vec![dir.to_path_buf()];
    while let Some(dir) = stack.pop() {
        for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if name == "target" || name.starts_with('.') {
                continue;
            }
            if path.is_dir() {
                stack.push(path);
            } else if path.extension().is_some_and(|e| extensions.iter().any(|x| e == *x)) {
                out.push(path);
            }
        }
    }
    out.sort();
    out
}

fn sources(root: &Path, problems: &mut Vec<String>, warnings: &mut Vec<String>) -> Result<()> {
    for file in files(&root.join("crates"), &["rs"]) {
        let name = shown(root, &file);
        let text = std::fs::read_to_string(&file).with_context(|| name.clone())?;
        let is_test = name.contains("/tests/") || name.ends_with("/tests.rs");
        if !text.starts_with("//!") {
            problems.push(format!("{name}: no module documentation (`//!`) at the top"));
        }
        let code = text.find("#[cfg(test)]\nmod tests {").map_or(text.as_str(), |at| &text[..at]);
        let lines = code.lines().count();
        if !is_test && lines > TOO_LONG {
            problems.push(format!("{name}: {lines} lines, at most {TOO_LONG}"));
        } else if !is_test && lines > LONG {
            warnings.push(format!("{name}: {lines} lines, better below {LONG}"));
        }
        let room = name.split('/').nth(1).unwrap_or_default();
        let pure = PURE.contains(&room) && name.contains("/src/");
        for (n, line) in code.lines().enumerate() {
            let line = line.trim_start();
            // The markers are put together here so that this file does not hold them itself.
            let left =
                [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("FIX", "ME"), concat!("XX", "X:")];
            if left.iter().any(|t| line.contains(t)) {
                problems.push(format!("{name}:{}: something is left to do", n + 1));
            }
            if pure && !line.starts_with("//") && IMPURE.iter().any(|i| line.contains(i)) {
                problems.push(format!("{name}:{}: `{room}` is pure: no files, processes, clock, environment", n + 1));
            }
        }
    }
    Ok(())
}

fn shown(root: &Path, file: &Path) -> String {
    file.strip_prefix(root).unwrap_or(file).to_string_lossy().replace('\\', "/")
}

/// Paths that documents name exist, and so do the files behind relative links.
fn documents(root: &Path, problems: &mut Vec<String>) -> Result<()> {
    let mut all = files(&root.join("docs"), &["md"]);
    for name in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "STYLE.md", "CHANGELOG.md"] {
        let file = root.join(name);
        if file.is_file() {
            all.push(file);
        } else {
            problems.push(format!("{name} is missing"));
        }
    }
    for name in ["LICENSE-MIT", "LICENSE-APACHE", ".ci/run"] {
        if !root.join(name).is_file() {
            problems.push(format!("{name} is missing"));
        }
    }
    for file in all {
        let name = shown(root, &file);
        let text = std::fs::read_to_string(&file).with_context(|| name.clone())?;
        let mut fenced = false;
        for (n, line) in text.lines().enumerate() {
            if line.starts_with("```") {
                fenced = !fenced;
            }
            if fenced {
                continue;
            }
            for path in named(line) {
                if !root.join(&path).exists() {
                    problems.push(format!("{name}:{}: there is no `{path}`", n + 1));
                }
            }
            for link in links(line) {
                let target = file.parent().unwrap_or(root).join(&link);
                if !target.exists() {
                    problems.push(format!("{name}:{}: the link to {link} leads nowhere", n + 1));
                }
            }
        }
    }
    Ok(())
}

/// Code spans that are paths of this repository; those with a placeholder name no one file.
fn named(line: &str) -> Vec<String> {
    const ROOMS: [&str; 6] = ["crates/", "docs/", "specs/", "models/", "examples/", ".ci/"];
    line.split('`')
        .skip(1)
        .step_by(2)
        .filter(|s| ROOMS.iter().any(|r| s.starts_with(r)))
        .filter(|s| !s.contains(['<', '*', ' ', '{', '…', '$']))
        .map(|s| s.trim_end_matches('/').to_string())
        .collect()
}

fn links(line: &str) -> Vec<String> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', '#', ' ']).next())
        .filter(|l| !l.is_empty() && !l.contains("://") && !l.starts_with("mailto:") && !l.contains('<'))
        .map(str::to_string)
        .collect()
}

/// Every rule has its page with the fixed headings, a specification and its line in the README.
fn rules(root: &Path, problems: &mut Vec<String>) {
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap_or_default();
    let mut last = "";
    for r in surefix_rules::RULES {
        let id = r.meta.id;
        if id <= last {
            problems.push(format!("rule {id}: the list of rules is sorted by id"));
        }
        last = id;
        if id.is_empty()
            || !id.split('-').all(|w| !w.is_empty() && w.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
        {
            problems.push(format!("rule {id}: the id is not in kebab case"));
        }
        if r.meta.cwe.is_empty() {
            problems.push(format!("rule {id}: no CWE"));
        }
        if r.meta.title.is_empty() || r.meta.title.ends_with('.') {
            problems.push(format!("rule {id}: a title without a full stop"));
        }
        let folder = format!("crates/rules/src/{}", id.replace('-', "_"));
        if !root.join(&folder).is_dir() && !root.join(format!("{folder}.rs")).is_file() {
            problems.push(format!("rule {id}: no room {folder}"));
        }
        let page = format!("docs/rules/{id}.md");
        match std::fs::read_to_string(root.join(&page)) {
            Err(_) => problems.push(format!("rule {id}: no page {page}")),
            Ok(text) => {
                let mut at = 0;
                for heading in PAGE {
                    match text[at..].find(&format!("\n## {heading}\n")) {
                        Some(i) => {
                            at += i + heading.len() + 5;
                            if text[at..].split("\n## ").next().unwrap_or_default().trim().is_empty() {
                                problems.push(format!("{page}: nothing under \"{heading}\""));
                            }
                            at -= 1;
                        }
                        None => problems.push(format!("{page}: no heading \"{heading}\", or not in its place")),
                    }
                }
            }
        }
        let specs = std::fs::read_dir(root.join("specs").join(id)).map_or(0, |d| d.flatten().count());
        if specs == 0 {
            problems.push(format!("rule {id}: no specification under specs/{id}"));
        }
        if !readme.contains(&format!("`{id}`")) {
            problems.push(format!("README.md: the table of rules does not name `{id}`"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_table_of_rooms() {
        let l = layers("| layer | crate | line |\n| --- | --- | --- |\n| 0 | `text` | x |\n| tool | `xtask` | y |\n");
        assert_eq!(l, BTreeMap::from([("text".to_string(), Some(0)), ("xtask".to_string(), None)]));
    }

    #[test]
    fn finds_paths_and_links() {
        assert_eq!(named("see `crates/ir/src` and `specs/<rule>/x.md` and `cargo test`"), ["crates/ir/src"]);
        assert_eq!(links("[a](docs/x.md#y) [b](https://x.example/)"), ["docs/x.md"]);
    }
}
