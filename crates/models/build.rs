//! Reads all model files and writes their rows as plain lines, so that a start of the program parses no TOML.

#[allow(dead_code)]
#[path = "src/raw.rs"]
mod raw;

use std::fmt::Write;
use std::path::{Path, PathBuf};

fn main() {
    let models = Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../../models");
    let mut out = String::new();
    let mut failed = false;
    for lang in ["java", "python"] {
        let dir = models.join(lang);
        println!("cargo::rerun-if-changed={}", dir.display());
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(&dir).into_iter().flatten().flatten().map(|e| e.path()).collect();
        files.retain(|p| p.extension().is_some_and(|e| e == "toml"));
        files.sort();
        for path in files {
            println!("cargo::rerun-if-changed={}", path.display());
            let name = format!("models/{lang}/{}", path.file_name().unwrap_or_default().to_string_lossy());
            let text = match std::fs::read_to_string(&path) {
                Ok(t) => t,
                Err(e) => {
                    println!("cargo::error={name}: {e}");
                    failed = true;
                    continue;
                }
            };
            let mut problems = Vec::new();
            let file = raw::parse(&text, &mut problems);
            for p in problems {
                println!("cargo::error={name}:{}:{}: {}; {}", p.at.line, p.at.col, p.message, p.help);
                failed = true;
            }
            write(&mut out, &name, &file);
        }
    }
    let to = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default()).join("models.txt");
    if !failed && let Err(e) = std::fs::write(&to, out) {
        println!("cargo::error={}: {e}", to.display());
    }
}

/// One line per head and row. Cells are divided by the unit separator, which occurs in no model; line breaks become record separators.
fn write(out: &mut String, name: &str, file: &raw::RawFile<'_>) {
    let cell = |s: &str| s.replace('\n', "\u{1e}");
    let _ = write!(
        out,
        "F\u{1f}{name}\u{1f}{}\u{1f}{}\u{1f}{}\u{1f}{}",
        file.id, file.lang, file.lang_at.line, file.lang_at.col
    );
    for a in &file.artifacts {
        let _ = write!(out, "\u{1f}{}", cell(a));
    }
    out.push('\n');
    for (from, to) in &file.packages {
        let _ = writeln!(out, "P\u{1f}{from}\u{1f}{to}");
    }
    for row in &file.rows {
        let _ = write!(out, "{}\u{1f}{}\u{1f}{}", row.section, row.at.line, row.at.col);
        for c in &row.cells {
            let _ = write!(out, "\u{1f}{}", cell(&c.text));
        }
        out.push('\n');
    }
}
