//! A project in a git repository with a bare remote, and the variables of platforms.
#![allow(dead_code)]

use super::support::{FLAW, FLAWED, Project, Ran, ran};
use std::path::PathBuf;
use std::process::Command;

/// A second flaw of another rule in a file of its own.
pub const RANDOM: &str = "\
import random

from flask import Flask

app = Flask(__name__)


@app.route(\"/reset\")
def reset():
    token = random.randint(0, 10**9)
    return str(token)
";

/// [`FLAWED`] without the flaw.
pub fn clean() -> String {
    FLAWED.replace(FLAW, "    cur.execute(\"SELECT id FROM users\")\n")
}

/// Variables that say where a pipeline runs; none of this machine's must reach a test.
const FOREIGN: [&str; 14] = [
    "GITHUB_",
    "GITLAB_",
    "CI_",
    "CI",
    "TF_BUILD",
    "BUILD_",
    "SYSTEM_",
    "BITBUCKET_",
    "JENKINS_",
    "CHANGE_",
    "BRANCH_",
    "CIRCLE",
    "SUREFIX_",
    "GIT_",
];

pub struct Lab {
    pub p: Project,
    pub remote: tempfile::TempDir,
}

impl Lab {
    /// A repository on branch `main` with these files, pushed to a bare one.
    pub fn new(files: &[(&str, &str)]) -> Lab {
        let lab = Lab { p: Project::new(files), remote: tempfile::tempdir().unwrap() };
        let g = |args: &[&str]| lab.p.git(args);
        g(&["init", "-q", "-b", "main"]);
        g(&["config", "user.name", "Ann"]);
        g(&["config", "user.email", "ann@example.org"]);
        g(&["add", "-A"]);
        g(&["commit", "-q", "--allow-empty", "-m", "start"]);
        g(&["init", "-q", "--bare", "-b", "main", &lab.bare()]);
        g(&["remote", "add", "origin", &format!("file://{}", lab.bare())]);
        g(&["push", "-q", "origin", "main"]);
        lab
    }

    pub fn bare(&self) -> String {
        self.remote.path().canonicalize().unwrap().join("r.git").to_str().unwrap().to_string()
    }

    /// Puts a file and commits it.
    pub fn change(&self, name: &str, text: &str) -> String {
        self.p.put(name, text.as_bytes());
        self.p.git(&["add", "-A"]);
        self.p.git(&["commit", "-q", "-m", "change"]);
        self.head("HEAD")
    }

    pub fn push(&self, branch: &str) {
        self.p.git(&["push", "-q", "origin", &format!("HEAD:refs/heads/{branch}")]);
    }

    pub fn head(&self, rev: &str) -> String {
        self.p.git(&["rev-parse", rev]).out.trim().to_string()
    }

    /// In the bare repository.
    pub fn there(&self, args: &[&str]) -> String {
        let out = Command::new("git").args(args).current_dir(self.bare()).output().unwrap();
        String::from_utf8_lossy(&out.stdout).trim().to_string()
    }

    pub fn command(&self, args: &[&str], env: &[(&str, &str)]) -> Command {
        let mut c = self.p.command(args);
        for (name, _) in std::env::vars() {
            if FOREIGN.iter().any(|f| name.starts_with(f)) {
                c.env_remove(name);
            }
        }
        c.envs(env.iter().copied());
        c
    }

    /// Runs and wants this exit code.
    pub fn exits(&self, code: i32, args: &[&str], env: &[(&str, &str)]) -> Ran {
        let r = ran(self.command(args, env).output().unwrap());
        assert_eq!(r.code, code, "surefix {args:?}\nstdout:\n{}\nstderr:\n{}", r.out, r.err);
        r
    }

    pub fn hook(&self, path: PathBuf, text: &str) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
}
