//! Control groups, where they can be written: they count processes and memory for root as well.

use super::spec::Limits;
use std::path::{Path, PathBuf};

/// Groups of one run; removed when dropped.
#[derive(Debug, Default)]
pub struct Groups {
    dirs: Vec<PathBuf>,
    /// Processes are counted.
    pub pids: bool,
    /// Memory is counted.
    pub memory: bool,
}

const PREFIX: &str = "surefix-";

/// The directory of this process's own group for a controller of version 1, or of version 2 (empty name).
fn own(controller: &str) -> Option<PathBuf> {
    let text = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    text.lines().find_map(|l| {
        let mut parts = l.splitn(3, ':');
        let (_, names, path) = (parts.next()?, parts.next()?, parts.next()?);
        let hit = if controller.is_empty() { names.is_empty() } else { names.split(',').any(|n| n == controller) };
        if !hit {
            return None;
        }
        let base = if controller.is_empty() {
            PathBuf::from("/sys/fs/cgroup")
        } else {
            Path::new("/sys/fs/cgroup").join(controller)
        };
        Some(base.join(path.trim_start_matches('/'))).filter(|d| d.join("cgroup.procs").is_file())
    })
}

/// Removes groups that a killed run left: a group with processes in it cannot be removed.
fn sweep(parent: &Path) {
    for e in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        if e.file_name().to_string_lossy().starts_with(PREFIX) {
            // Busy ones belong to other runs.
            let _ = std::fs::remove_dir(e.path());
        }
    }
}

impl Groups {
    /// Makes what can be made.
    pub fn make(limits: &Limits) -> Groups {
        let mut out = Groups::default();
        let name = format!("{PREFIX}{}-{:?}", std::process::id(), std::thread::current().id());
        let name: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        if let Some(parent) = own("").filter(|d| d.join("cgroup.controllers").is_file()) {
            sweep(&parent);
            let dir = parent.join(&name);
            if std::fs::create_dir(&dir).is_ok() {
                out.pids = std::fs::write(dir.join("pids.max"), limits.processes.to_string()).is_ok();
                out.memory = std::fs::write(dir.join("memory.max"), limits.memory.to_string()).is_ok();
                out.dirs.push(dir);
            }
        }
        let mut one = |controller: &str, file: &str, value: u64| {
            let Some(parent) = own(controller) else { return false };
            sweep(&parent);
            let dir = parent.join(&name);
            if std::fs::create_dir(&dir).is_err() {
                return false;
            }
            let set = std::fs::write(dir.join(file), value.to_string()).is_ok();
            out.dirs.push(dir);
            set
        };
        let pids = one("pids", "pids.max", limits.processes);
        let memory = one("memory", "memory.limit_in_bytes", limits.memory);
        out.pids |= pids;
        out.memory |= memory;
        out
    }

    /// Puts a process and all its children to come into the groups. `false`: they do not count it.
    pub fn take(&mut self, pid: u32) -> bool {
        let all = self.dirs.iter().all(|d| std::fs::write(d.join("cgroup.procs"), pid.to_string()).is_ok());
        if !all {
            (self.pids, self.memory) = (false, false);
        }
        all
    }

    /// True when the kernel ended a process because of the memory limit.
    pub fn out_of_memory(&self) -> bool {
        let count = |text: String| text.lines().any(|l| l.strip_prefix("oom_kill ").is_some_and(|n| n.trim() != "0"));
        self.dirs
            .iter()
            .flat_map(|d| [d.join("memory.events"), d.join("memory.oom_control")])
            .filter_map(|f| std::fs::read_to_string(f).ok())
            .any(count)
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        for dir in &self.dirs {
            // The last process may still be on its way out.
            for _ in 0..50 {
                match std::fs::remove_dir(dir) {
                    Err(e) if e.raw_os_error() == Some(16) => std::thread::sleep(std::time::Duration::from_millis(10)),
                    _ => break,
                }
            }
        }
    }
}
