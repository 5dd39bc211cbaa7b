//! Files that git keeps although an ignore file names them: they are as much of the project as any other.

use super::{Discovered, hidden, relative, repository, role};
use crate::outcome::Diagnostic;
use crate::settings::Settings;
use gix_index::{File, decode, entry::Mode};
use std::path::{Path, PathBuf};

impl Discovered {
    /// Adds what the walk below `path` left out for an ignore file only. An index that cannot be read is a message.
    pub(super) fn add_tracked(&mut self, root: &Path, path: &Path, environments: &[PathBuf], settings: &Settings) {
        let Some((top, git)) = repository(path) else { return };
        let index = git.join("index");
        // Before the first file is added there is none.
        if !index.is_file() {
            return;
        }
        let options = decode::Options { thread_limit: Some(1), ..Default::default() };
        let read = |hash| File::at(&index, hash, true, options);
        let file = match read(gix_hash::Kind::Sha1).or_else(|_| read(gix_hash::Kind::Sha256)) {
            Ok(file) => file,
            Err(_) => {
                let message = "the list of files that git keeps cannot be read (.git/index): kept files that an ignore file names are left out";
                self.diagnostics.push(Diagnostic {
                    path: String::new(),
                    line: 0,
                    message: message.to_string(),
                    failure: false,
                });
                return;
            }
        };
        for entry in file.entries().iter().filter(|e| e.mode.contains(Mode::FILE)) {
            let Ok(name) = std::str::from_utf8(entry.path(&file)) else { continue };
            if name.split('/').any(|part| part == ".." || part.is_empty()) {
                continue;
            }
            let full = top.join(name);
            let Ok(below) = full.strip_prefix(path) else { continue };
            let Ok(known) = relative(root, &full) else { continue };
            let file_name = name.rsplit('/').next().unwrap_or(name);
            let of_interest = role(&known).is_some() || !file_name.contains('.');
            if !of_interest || self.files.contains_key(&known) {
                continue;
            }
            let dirs = below.parent().into_iter().flat_map(Path::components);
            let out_of_sight = hidden(file_name, false)
                || dirs.into_iter().any(|c| hidden(&c.as_os_str().to_string_lossy(), true))
                || environments.iter().any(|v| full.starts_with(v));
            if !out_of_sight && plain(path, &full) {
                self.take(root, &full, settings);
            }
        }
    }
}

/// True when `full` is a file that is reached from `base` without a symbolic link.
fn plain(base: &Path, full: &Path) -> bool {
    let kind = |p: &Path| std::fs::symlink_metadata(p).map(|m| m.file_type());
    let dirs = full.ancestors().skip(1).take_while(|d| *d != base);
    kind(full).is_ok_and(|t| t.is_file()) && dirs.into_iter().all(|d| kind(d).is_ok_and(|t| t.is_dir()))
}
