//! Runs commands of the scanned project where they can do no harm: no network, nothing to read that is secret, nothing to
//! write but a copy, no environment, bounded time, memory, processes, disk and output, and no process left behind.
//!
//! The walls are put up by a helper: this very program, called with [`HELPER`] as its first argument, which goes through three
//! stages. `enter` leaves the namespaces of the system, `init` is the first process of the new ones: it mounts what may be
//! seen, watches the limits and takes everything with it when it ends; `exec` gives up the last rights and becomes the command.
//! Where the system allows no namespaces, `bare` takes the place of the first two, and what is missing is said.

mod reach;
mod spec;
mod walls;

#[cfg(target_os = "linux")]
mod cgroup;
#[cfg(target_os = "linux")]
mod confine;
#[cfg(target_os = "linux")]
mod launch;
#[cfg(target_os = "linux")]
mod mounts;
#[cfg(target_os = "linux")]
mod stages;

pub use reach::Machine;
pub use spec::{Limits, Policy};
pub use walls::{Walls, mend};

use std::path::{Path, PathBuf};

/// First argument that turns the program into the helper; the second is the stage.
pub const HELPER: &str = "__sandbox";

/// What is known of how a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// It ended by itself.
    Exit(i32),
    /// A signal ended it.
    Signal(i32),
    /// It was ended at a limit; the words say at which.
    Limit(String),
    /// It could not be started.
    NotStarted(String),
}

impl How {
    /// True for a plain success.
    pub fn success(&self) -> bool {
        *self == How::Exit(0)
    }
    /// In words.
    pub fn text(&self) -> String {
        match self {
            How::Exit(n) => format!("exit code {n}"),
            How::Signal(n) => format!("ended by signal {n}"),
            How::Limit(what) => format!("ended at the limit of {what}"),
            How::NotStarted(why) => format!("not started: {why}"),
        }
    }
}

/// A command that ran.
#[derive(Clone, Debug)]
pub struct Ended {
    /// How it ended.
    pub how: How,
    /// Standard output up to the limit.
    pub stdout: Vec<u8>,
    /// Standard error up to the limit.
    pub stderr: Vec<u8>,
    /// The end of both streams, in the order in which it came, for a person.
    pub tail: Vec<u8>,
    /// More came than was kept.
    pub truncated: bool,
}

/// Where a command finds the project.
#[derive(Clone, Debug)]
pub struct Place {
    /// The project as the user has it; never written.
    pub root: PathBuf,
    /// Directory of this run: what is written lands here.
    pub scratch: PathBuf,
    /// A full copy stands in `scratch/copy`; otherwise changes lie over the project (`scratch/upper`).
    pub copied: bool,
}

impl Place {
    /// The folder of report files, outside.
    pub fn reports(&self) -> PathBuf {
        self.scratch.join("tmp").join(REPORT_DIR)
    }
    /// The folder in which files written by commands lie, by their root-relative path.
    pub fn written(&self) -> PathBuf {
        self.scratch.join(if self.copied { "copy" } else { "upper" })
    }
}

/// Name of the folder of report files inside the temporary directory.
const REPORT_DIR: &str = "surefix-reports";

/// A way to run commands.
pub struct Sandbox {
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    helper: PathBuf,
    policy: Policy,
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    machine: Machine,
    walls: Walls,
}

impl Sandbox {
    /// Finds out which walls can be put up here. `helper` is a program that calls [`helper_main`] when its first argument is
    /// [`HELPER`]; `scratch` is a directory for the trial.
    pub fn new(helper: &Path, policy: Policy, machine: Machine, scratch: &Path) -> Sandbox {
        let mut out = Sandbox { helper: helper.to_path_buf(), policy, machine, walls: Walls::default() };
        out.walls = out.try_walls(scratch);
        out
    }

    /// The walls that stand.
    pub fn walls(&self) -> &Walls {
        &self.walls
    }

    /// The same without namespaces, for tests of what is left then.
    pub fn without_namespaces(mut self) -> Sandbox {
        self.walls.namespaces = false;
        self.walls.overlay = false;
        self
    }

    /// The same on full copies, for tests of systems without overlays.
    pub fn without_overlay(mut self) -> Sandbox {
        self.walls.overlay = false;
        self
    }

    #[cfg(target_os = "linux")]
    fn try_walls(&self, scratch: &Path) -> Walls {
        launch::try_walls(self, scratch)
    }

    #[cfg(not(target_os = "linux"))]
    fn try_walls(&self, _scratch: &Path) -> Walls {
        Walls::default()
    }

    /// Runs a command in `dir` (root-relative) of a place.
    #[cfg(target_os = "linux")]
    pub fn run(&self, place: &Place, dir: &str, argv: &[String], env: &[(String, String)]) -> Ended {
        launch::run(self, place, dir, argv, env)
    }

    /// Runs a command in `dir` (root-relative) of a place.
    #[cfg(not(target_os = "linux"))]
    pub fn run(&self, _place: &Place, _dir: &str, _argv: &[String], _env: &[(String, String)]) -> Ended {
        let why = "commands of scanned projects are run on Linux only".to_string();
        Ended { how: How::NotStarted(why), stdout: Vec::new(), stderr: Vec::new(), tail: Vec::new(), truncated: false }
    }
}

/// The helper: `args` are those after [`HELPER`]. Returns the exit code when a stage ends.
#[cfg(target_os = "linux")]
pub fn helper_main(args: &[String]) -> u8 {
    stages::main(args)
}

/// The helper: `args` are those after [`HELPER`]. Returns the exit code when a stage ends.
#[cfg(not(target_os = "linux"))]
pub fn helper_main(_args: &[String]) -> u8 {
    2
}
