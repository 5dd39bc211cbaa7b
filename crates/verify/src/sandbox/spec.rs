//! What is asked of the sandbox, and the form in which the helper gets it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Limits of one command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Milliseconds.
    pub time: u64,
    /// Bytes of memory of all processes together.
    pub memory: u64,
    /// Processes and threads.
    pub processes: u64,
    /// Bytes kept of each output stream; more is read and thrown away.
    pub output: u64,
    /// Bytes that may be written to the disk.
    pub disk: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { time: 1_800_000, memory: 8 << 30, processes: 4096, output: 64 << 20, disk: 10 << 30 }
    }
}

/// What commands may do.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// They may use the network.
    pub network: bool,
    /// Further paths they may read.
    pub readable: Vec<PathBuf>,
    /// Environment variables they get beside the few that every command gets.
    pub env: BTreeMap<String, String>,
    /// Limits.
    pub limits: Limits,
}

/// How a path becomes visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Way {
    /// As it is, read-only.
    Read,
    /// As it is, writable.
    Write,
    /// Readable; what is written over it is lost afterwards.
    Over,
    /// As an empty file or directory.
    Hide,
}

/// One visible path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    /// Where it lies.
    pub from: PathBuf,
    /// Where commands see it.
    pub to: PathBuf,
    /// How.
    pub way: Way,
}

/// Everything the helper must know of one run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Spec {
    /// Sorted so that outer paths come before inner ones.
    pub binds: Vec<Bind>,
    /// The project: changes in `scratch/upper` lie over `root`.
    pub overlay: Option<PathBuf>,
    /// Directory of this run.
    pub scratch: PathBuf,
    /// Working directory, as commands see it.
    pub cwd: PathBuf,
    /// Program and arguments.
    pub argv: Vec<String>,
    /// The whole environment.
    pub env: Vec<(String, String)>,
    /// Limits.
    pub limits: Limits,
    /// The network may be used.
    pub network: bool,
    /// A control group counts memory and processes; otherwise the helper does.
    pub counted: (bool, bool),
    /// No namespaces.
    pub bare: bool,
}

/// What the helper writes when a command has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// Exit code.
    Exit(i32),
    /// Signal.
    Signal(i32),
    /// Limit.
    Limit(String),
    /// The walls could not be put up, or the command not be started.
    Failed(String),
}
