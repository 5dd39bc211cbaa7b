//! Runs the built program in a directory of its own.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A flaw that has a fix: text from a request goes into an SQL statement.
pub const FLAWED: &str = "\
import sqlite3

from flask import Flask, request

app = Flask(__name__)


@app.route(\"/user\")
def user():
    name = request.args[\"name\"]
    db = sqlite3.connect(\"app.db\")
    cur = db.cursor()
    cur.execute(\"SELECT id FROM users WHERE name = '\" + name + \"'\")
    return str(cur.fetchall())
";

/// The line of [`FLAWED`] with the flaw, and what the fix makes of it.
pub const FLAW: &str = "    cur.execute(\"SELECT id FROM users WHERE name = '\" + name + \"'\")\n";
pub const FIXED: &str = "    cur.execute(\"SELECT id FROM users WHERE name = ?\", (name,))\n";

/// As much of Flask as handlers that are called one by one need, so that nothing must be installed.
pub const FLASK: &str = "\
class _Request:
    args = {}


request = _Request()


class _Context:
    def __init__(self, values):
        self.values = values

    def __enter__(self):
        request.args = self.values

    def __exit__(self, *how):
        request.args = {}


class Flask:
    def __init__(self, name):
        pass

    def route(self, path):
        return lambda f: f

    def test_request_context(self, path, query_string=None):
        return _Context(query_string or {})
";

pub struct Project {
    dir: tempfile::TempDir,
}

pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
    pub raw: Vec<u8>,
}

impl Project {
    pub fn new(files: &[(&str, &str)]) -> Project {
        let p = Project { dir: tempfile::tempdir().unwrap() };
        for (name, text) in files {
            p.put(name, text.as_bytes());
        }
        p
    }

    pub fn path(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap()
    }

    pub fn put(&self, name: &str, bytes: &[u8]) {
        let full = self.path().join(name);
        std::fs::create_dir_all(full.parent().unwrap()).unwrap();
        std::fs::write(full, bytes).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        String::from_utf8(std::fs::read(self.path().join(name)).unwrap()).unwrap()
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut c = Command::new(env!("CARGO_BIN_EXE_surefix"));
        c.args(args).current_dir(self.path());
        for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "FORCE_COLOR"] {
            c.env_remove(name);
        }
        c
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        ran(self.command(args).output().unwrap())
    }

    /// Runs and wants this exit code.
    pub fn exits(&self, code: i32, args: &[&str]) -> Ran {
        let r = self.run(args);
        assert_eq!(r.code, code, "surefix {args:?}\nstdout:\n{}\nstderr:\n{}", r.out, r.err);
        r
    }

    pub fn json(&self, args: &[&str]) -> serde_json::Value {
        let mut all = args.to_vec();
        all.extend(["--format", "json"]);
        serde_json::from_str(&self.run(&all).out).unwrap()
    }

    pub fn git(&self, args: &[&str]) -> Ran {
        let out = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "core.autocrlf=false"])
            .args(args)
            .current_dir(self.path())
            .output()
            .expect("git is missing");
        let r = ran(out);
        assert_eq!(r.code, 0, "git {args:?}: {}", r.err);
        r
    }
}

pub fn ran(o: Output) -> Ran {
    Ran {
        code: o.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&o.stdout).into_owned(),
        err: String::from_utf8_lossy(&o.stderr).into_owned(),
        raw: o.stdout,
    }
}

/// Every file of a directory with its bytes, the program's own state left out.
pub fn snapshot(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut out = Vec::new();
    let mut todo = vec![dir.to_path_buf()];
    while let Some(d) = todo.pop() {
        for e in std::fs::read_dir(d).unwrap().flatten() {
            let kind = e.file_type().unwrap();
            if kind.is_dir() && e.file_name() != ".git" && e.file_name() != ".surefix" {
                todo.push(e.path());
            } else if kind.is_file() {
                out.push((e.path(), std::fs::read(e.path()).unwrap()));
            }
        }
    }
    out.sort();
    out
}
