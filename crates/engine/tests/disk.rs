//! Files on the disk that are not as one expects them.

mod support;

use std::path::Path;
use support::*;
use surefix_engine::discover::{self, PathError, discover};
use surefix_engine::{Depth, Knowledge, Settings, in_pool, scan, write};

fn put_file(root: &Path, name: &str, text: &[u8]) {
    let full = root.join(name);
    std::fs::create_dir_all(full.parent().unwrap()).unwrap();
    std::fs::write(full, text).unwrap();
}

#[test]
fn a_file_that_vanishes_is_skipped_and_one_that_changes_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    for name in ["a.py", "b.py", "c.py"] {
        put_file(&root, name, b"x = bad\n");
    }
    let found = discover(std::slice::from_ref(&root), &Settings::default()).unwrap();
    std::fs::remove_file(root.join("a.py")).unwrap();
    let knowledge = Knowledge { rules: &[BAD], models: surefix_models::builtin() };
    let settings = Settings::default();
    let o = in_pool(1, || scan(found, &settings, &knowledge, Depth::Full)).unwrap().unwrap();
    let skipped: Vec<_> = o.coverage.skipped.iter().map(|s| (s.path.as_str(), s.why.as_str())).collect();
    assert_eq!(skipped, [("a.py", "vanished during the run")]);
    assert!(!o.failed());
    // The user saves b.py while Surefix thinks.
    put_file(&root, "b.py", b"x = mine\n");
    let w = write::write(&root, &o.changed, b"", &write::RealDisk);
    assert_eq!(w.files, ["c.py"]);
    assert_eq!(w.errors.len(), 1, "{:?}", w.errors);
    assert_eq!(std::fs::read(root.join("b.py")).unwrap(), b"x = mine\n");
    assert_eq!(std::fs::read(root.join("c.py")).unwrap(), b"x = good\n");
}

#[test]
fn paths_without_code() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    put_file(&root, "surefix.toml", b"");
    put_file(&root, "docs/a.txt", b"x");
    put_file(&root, "src/run", b"#!/usr/bin/env python3\nx = 1\n");
    put_file(&root, "requirements.txt", b"x\n");
    let s = Settings::default();
    let unsupported = |p: &str| matches!(discover(&[root.join(p)], &s), Err(PathError::Unsupported(_)));
    assert!(unsupported("docs") && unsupported("docs/a.txt"));
    let found = discover(&[root.join("src")], &s).unwrap();
    assert_eq!(found.files.keys().collect::<Vec<_>>(), ["requirements.txt", "src/run"]);
    assert!(discover(std::slice::from_ref(&root), &s).is_ok());
    // Named twice, the second time inside the first: still there.
    assert!(discover(&[root.join("src"), root.join("src/run")], &s).is_ok());
    std::fs::remove_dir_all(root.join("src")).unwrap();
    assert!(discover(std::slice::from_ref(&root), &s).unwrap().files.len() == 1);
    assert_eq!(discover::role("x/Makefile"), None);
}
