//! `surefix init --ci`: the pipeline step as a file.

use crate::Failure;
use crate::args::CiFile;
use crate::run::{print, talk};
use std::io::{ErrorKind, Write};
use std::path::Path;
use surefix_engine::discover::io_text;

/// File and text for a platform.
const fn file(platform: CiFile) -> (&'static str, &'static str) {
    match platform {
        CiFile::Github => (".github/workflows/surefix.yml", include_str!("../../templates/github.yml")),
        CiFile::Gitlab => (".gitlab-ci.yml", include_str!("../../templates/gitlab.yml")),
        CiFile::Azure => ("azure-pipelines.yml", include_str!("../../templates/azure.yml")),
        CiFile::Bitbucket => ("bitbucket-pipelines.yml", include_str!("../../templates/bitbucket.yml")),
        CiFile::Jenkins => ("Jenkinsfile", include_str!("../../templates/Jenkinsfile")),
        CiFile::Circleci => (".circleci/config.yml", include_str!("../../templates/circleci.yml")),
    }
}

/// Writes the file; one that is there stays, and the text goes to standard output.
pub fn run(platform: CiFile) -> Result<u8, Failure> {
    let (name, text) = file(platform);
    let path = Path::new(name);
    let fail = |e: std::io::Error| Failure::failed(format!("{name}: {}", io_text(&e)));
    if let Some(dir) = path.parent().filter(|d| !d.as_os_str().is_empty()) {
        std::fs::create_dir_all(dir).map_err(fail)?;
    }
    match std::fs::OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut f) => {
            f.write_all(text.as_bytes()).map_err(fail)?;
            talk(&format!("{name} written; its first lines say what is to be set up once\n"));
            Ok(0)
        }
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {
            print(text.as_bytes())?;
            Err(Failure::usage(format!("{name} is there already; what belongs into it is on standard output")))
        }
        Err(e) => Err(fail(e)),
    }
}
