//! The project's own model files, named in the settings.

use crate::config::Config;
use crate::discover::io_text;
use std::path::Path;

/// Reads the model files that the settings name: file name relative to `base` (the settings file's directory) and text,
/// sorted by name. The error is a sentence.
pub fn read(config: &Config, base: &Path) -> Result<Vec<(String, String)>, String> {
    let mut names = Vec::new();
    for pattern in &config.models {
        let (dir, file) = pattern.rsplit_once('/').unwrap_or(("", pattern));
        if !file.contains(['*', '?', '[']) {
            names.push(pattern.clone());
            continue;
        }
        let glob =
            globset::Glob::new(file).map_err(|e| format!("models: `{pattern}`: {}", e.kind()))?.compile_matcher();
        let entries = std::fs::read_dir(base.join(dir)).map_err(|e| format!("models: `{pattern}`: {}", io_text(&e)))?;
        let before = names.len();
        for name in entries.flatten().filter_map(|e| e.file_name().into_string().ok()).filter(|n| glob.is_match(n)) {
            names.push(if dir.is_empty() { name } else { format!("{dir}/{name}") });
        }
        if names.len() == before {
            return Err(format!("models: no file matches `{pattern}`"));
        }
    }
    names.sort();
    names.dedup();
    names
        .into_iter()
        .map(|name| match std::fs::read_to_string(base.join(&name)) {
            Ok(text) => Ok((name, text)),
            Err(e) => Err(format!("models: {name}: {}", io_text(&e))),
        })
        .collect()
}
