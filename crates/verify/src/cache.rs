//! Baselines of earlier runs, by content: the same files, commands and tools give the same baseline.

use crate::find::Facts;
use crate::plan::Plan;
use crate::sandbox::Walls;
use crate::session::Baseline;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Files above this size count by size and time, not by content.
const LARGE: u64 = 16 << 20;
/// Baselines that are kept.
const KEEP: usize = 200;

/// The name of a baseline. `network`: commands may use it.
pub fn key(facts: &Facts, plan: &Plan, walls: &Walls, network: bool) -> String {
    let mut h = blake3::Hasher::new();
    let mut add = |part: &[u8]| {
        h.update(&(part.len() as u64).to_le_bytes());
        h.update(part);
    };
    add(env!("CARGO_PKG_VERSION").as_bytes());
    add(format!("{plan:?} {walls:?} {network}").as_bytes());
    for s in &plan.steps {
        if let Some(program) = s.argv.first().and_then(|p| facts.program(p)) {
            add(program.as_os_str().as_encoded_bytes());
            add(&stamp(&program));
        }
    }
    for f in facts.files() {
        add(f.as_bytes());
        let full = facts.root().join(f);
        match std::fs::symlink_metadata(&full) {
            Ok(m) if m.is_file() && m.len() <= LARGE => match std::fs::read(&full) {
                Ok(bytes) => add(blake3::hash(&bytes).as_bytes()),
                Err(_) => add(b"unreadable"),
            },
            _ => add(&stamp(&full)),
        }
    }
    h.finalize().to_hex().to_string()
}

/// Size and time of a file.
fn stamp(path: &Path) -> Vec<u8> {
    match std::fs::metadata(path) {
        Ok(m) => format!("{} {:?}", m.len(), m.modified().ok()).into_bytes(),
        Err(_) => b"absent".to_vec(),
    }
}

fn file(store: &Path, key: &str) -> PathBuf {
    store.join("baselines").join(format!("{key}.json"))
}

/// A baseline of an earlier run.
pub fn load(store: &Path, key: &str) -> Option<Baseline> {
    serde_json::from_slice(&std::fs::read(file(store, key)).ok()?).ok()
}

/// Keeps a baseline. That it cannot be kept only costs time in the next run.
pub fn save(store: &Path, key: &str, baseline: &Baseline) {
    let to = file(store, key);
    let Some(dir) = to.parent() else { return };
    let _ = (|| -> std::io::Result<()> {
        std::fs::create_dir_all(dir)?;
        let mut temporary = tempfile::NamedTempFile::new_in(dir)?;
        temporary.write_all(&serde_json::to_vec(baseline)?)?;
        temporary.persist(&to).map_err(|e| e.error)?;
        let mut all: Vec<_> = std::fs::read_dir(dir)?
            .flatten()
            .filter_map(|e| Some((e.metadata().ok()?.modified().ok()?, e.path())))
            .collect();
        all.sort();
        let old = all.len().saturating_sub(KEEP);
        all.into_iter().take(old).try_for_each(|(_, p)| std::fs::remove_file(p))
    })();
}
