//! Files that are not Java code: names of the suite in them change like in the code.

use super::names::Renaming;
use std::path::Path;

const TEXT: [&str; 14] =
    ["xml", "properties", "html", "js", "json", "yaml", "yml", "jsp", "txt", "csv", "md", "cfg", "ini", "conf"];

/// True for files whose content is renamed.
pub fn is_text(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, e)| TEXT.contains(&e))
}

/// The contents of the files that can refer to classes.
pub fn texts(root: &Path, paths: &[String]) -> Vec<String> {
    let maps = paths.iter().filter(|p| p.ends_with(".xml") || p.ends_with(".json") || p.ends_with(".properties"));
    maps.filter_map(|p| std::fs::read_to_string(root.join(p)).ok()).collect()
}

/// The new content: qualified names, names of tests, and property values that are the name of a class.
pub fn rename(text: &str, path: &str, renaming: &Renaming) -> String {
    let text = renaming.words(text);
    if !path.ends_with(".properties") {
        return text;
    }
    let lines = text.split_inclusive('\n').map(|line| {
        let Some((key, value)) = line.split_once('=') else { return line.to_string() };
        let name = value.trim();
        let new = renaming.class(name);
        if name.is_empty() || new == name {
            line.to_string()
        } else {
            format!("{key}={}", value.replacen(name, new, 1))
        }
    });
    lines.collect()
}
