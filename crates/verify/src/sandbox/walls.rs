//! Which walls stand, and what is missing, in words.

use std::path::Path;

/// The walls that the system allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Walls {
    /// Own user, mount, process, network and message namespaces.
    pub namespaces: bool,
    /// Changes lie over the project's own files; otherwise it is copied.
    pub overlay: bool,
    /// Version of Landlock, 0 when it is not there.
    pub landlock: i32,
    /// A control group counts processes.
    pub pids_group: bool,
    /// A control group counts memory.
    pub memory_group: bool,
    /// Why there are no namespaces.
    pub why: String,
}

impl Walls {
    /// What could not be isolated, one sentence each; empty: everything is. `network`: it is allowed anyway.
    pub fn missing(&self, network: bool) -> Vec<String> {
        if self.namespaces {
            return Vec::new();
        }
        let mut out = Vec::new();
        let why = if self.why.is_empty() { "not offered by the system" } else { &self.why };
        out.push(format!("namespaces: {why}"));
        if self.landlock == 0 {
            out.push("files outside of the copy can be read and written (no Landlock)".to_string());
        }
        if !network {
            out.push(match self.landlock {
                0..4 => "the network can be reached".to_string(),
                _ => "the network can be reached by other ways than TCP".to_string(),
            });
        }
        if self.landlock < 6 {
            out.push("processes of the same user can be sent signals".to_string());
        }
        out
    }

    /// What stands, for the proof.
    pub fn standing(&self, network: bool) -> Vec<String> {
        let mut out = Vec::new();
        if self.namespaces {
            out.push("namespaces: user, mount, process, message queues, host name".to_string());
            if !network {
                out.push("namespace: network".to_string());
            }
        }
        if self.landlock > 0 {
            out.push("Landlock".to_string());
        }
        out.push(format!("process limit by {}", if self.pids_group { "control group" } else { "counting" }));
        out.push(format!("memory limit by {}", if self.memory_group { "control group" } else { "counting" }));
        out
    }
}

/// Makes everything below a directory writable for its owner and removes it; symbolic links are not followed.
pub fn mend(dir: &Path) -> std::io::Result<()> {
    if std::fs::remove_dir_all(dir).is_ok() {
        return Ok(());
    }
    let mut stack = vec![dir.to_path_buf()];
    while let Some(d) = stack.pop() {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&d, std::fs::Permissions::from_mode(0o700))?;
        }
        for e in std::fs::read_dir(&d)?.flatten() {
            if e.file_type().is_ok_and(|t| t.is_dir()) {
                stack.push(e.path());
            }
        }
    }
    std::fs::remove_dir_all(dir)
}
