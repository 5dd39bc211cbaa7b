//! Constants from the project's resource files.

use crate::Program;
use std::collections::BTreeMap;

/// Key-value pairs of the resource whose path ends in `name` (as class loaders and relative paths find it). `None` when there is none or several differ.
pub(crate) fn properties(program: &Program, name: &str) -> Option<BTreeMap<String, String>> {
    let name = name.trim_start_matches('/').trim_start_matches("./");
    if name.is_empty() {
        return None;
    }
    let mut found: Option<BTreeMap<String, String>> = None;
    for r in &program.resources {
        let fits = r.path == name || r.path.strip_suffix(name).is_some_and(|p| p.ends_with('/'));
        if !fits || r.path.contains("/target/") || r.path.contains("src/test/") {
            continue;
        }
        let map = parse(&r.path, &r.text);
        match &found {
            Some(f) if *f != map => return None,
            _ => found = Some(map),
        }
    }
    found
}

fn parse(path: &str, text: &str) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    if path.ends_with(".json") {
        if let Ok(v) = serde_json::from_str::<serde_json::Value>(text) {
            flatten("", &v, &mut out, 0);
        }
        return out;
    }
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let mut line = line.trim_start().to_string();
        if line.is_empty() || line.starts_with(['#', '!', ';', '[']) {
            continue;
        }
        while line.ends_with('\\') && !line.ends_with("\\\\") {
            line.pop();
            match lines.next() {
                Some(n) => line.push_str(n.trim_start()),
                None => break,
            }
        }
        let cut = line.char_indices().find(|(i, c)| matches!(c, '=' | ':') && !line[..*i].ends_with('\\')).map(|x| x.0);
        if let Some(i) = cut {
            let value = line[i + 1..].trim();
            let value = if path.ends_with(".env") { value.trim_matches(['"', '\'']) } else { value };
            out.insert(
                line[..i].trim().replace("\\", ""),
                value.replace("\\\\", "\u{0}").replace('\\', "").replace('\u{0}', "\\"),
            );
        }
    }
    out
}

fn flatten(prefix: &str, v: &serde_json::Value, out: &mut BTreeMap<String, String>, depth: u32) {
    if depth > 8 {
        return;
    }
    match v {
        serde_json::Value::Object(m) => {
            for (k, x) in m {
                let key = if prefix.is_empty() { k.clone() } else { format!("{prefix}.{k}") };
                flatten(&key, x, out, depth + 1);
            }
        }
        serde_json::Value::String(s) => {
            out.insert(prefix.to_string(), s.clone());
        }
        serde_json::Value::Number(n) => {
            out.insert(prefix.to_string(), n.to_string());
        }
        serde_json::Value::Bool(b) => {
            out.insert(prefix.to_string(), b.to_string());
        }
        _ => {}
    }
}
