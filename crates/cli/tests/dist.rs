//! What is handed out: the wheel in a fresh environment, the installer, and packages that are the same each time.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use support::*;

fn dist() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dist").canonicalize().unwrap()
}

fn runs(c: &mut Command) -> String {
    let out = c.output().unwrap();
    let err = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.success(), "{c:?}: {err}");
    String::from_utf8(out.stdout).unwrap()
}

fn pack(program: &str, out: &Path) {
    let pack = dist().join("pack.py");
    runs(Command::new("python3").arg(pack).arg(program).arg(out).args(["--platform", "linux-x64"]));
}

#[test]
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn the_wheel_brings_the_program_into_a_fresh_environment() {
    let p = Project::new(&[]);
    let out = p.path().join("out");
    // Packing the program of a test build, a hundred megabytes, would be most of the time: a few lines that start it do.
    p.put("program", format!("#!/bin/sh\nexec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_surefix")).as_bytes());
    pack(p.path().join("program").to_str().unwrap(), &out);
    let version = env!("CARGO_PKG_VERSION");
    let wheel = out.join(format!("surefix-{version}-py3-none-manylinux_2_17_x86_64.musllinux_1_1_x86_64.whl"));
    let env = p.path().join("env");
    runs(Command::new("python3").args(["-m", "venv"]).arg(&env));
    let pip = ["-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--disable-pip-version-check"];
    runs(Command::new(env.join("bin/python")).args(pip).arg(&wheel));
    let said = runs(Command::new(env.join("bin/surefix")).arg("--version"));
    assert_eq!(said.trim(), format!("surefix {version}"));
}

#[test]
fn packages_are_the_same_each_time() {
    let p = Project::new(&[("program", "not a program, but bytes\n")]);
    let list = |name: &str| {
        let out = p.path().join(name);
        pack(p.path().join("program").to_str().unwrap(), &out);
        let mut all: Vec<(String, Vec<u8>)> = std::fs::read_dir(&out)
            .unwrap()
            .flatten()
            .map(|e| (e.file_name().into_string().unwrap(), std::fs::read(e.path()).unwrap()))
            .collect();
        all.sort();
        all
    };
    let (one, two) = (list("one"), list("two"));
    assert_eq!(one.len(), 3);
    assert!(one == two, "{:?}", one.iter().map(|f| &f.0).collect::<Vec<_>>());
}

#[test]
#[cfg(unix)]
fn the_installer_takes_a_binary() {
    let p = Project::new(&[]);
    let said = runs(
        Command::new("sh")
            .arg(dist().join("install.sh"))
            .env("SUREFIX_BINARY", env!("CARGO_BIN_EXE_surefix"))
            .env("SUREFIX_PREFIX", p.path().join("to here")),
    );
    assert!(said.starts_with("surefix "), "{said}");
    assert!(p.path().join("to here/bin/surefix").is_file());
}
