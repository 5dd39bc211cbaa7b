//! The jars and wheels that specifications compile against and run with: fetched by Maven and pip, pinned by hash in
//! `specs/libraries.toml` and `specs/requirements.txt`.

use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Libraries {
    jars: BTreeMap<String, String>,
}

/// Where fetched libraries are kept.
pub fn folder(root: &Path) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    target.join("spec-libs")
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// Runs a program whose absence must be told by name; its output goes into the error.
pub fn tool(command: &mut Command) -> Result<Vec<u8>, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let out =
        command.stdin(Stdio::null()).output().map_err(|e| format!("{name} is needed and cannot be started: {e}"))?;
    if out.status.success() {
        return Ok(out.stdout);
    }
    let text = [out.stdout, out.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let tail: Vec<&str> = text.lines().rev().take(15).collect();
    Err(format!("{name} failed ({}):\n{}", out.status, tail.into_iter().rev().collect::<Vec<_>>().join("\n")))
}

/// The pinned jars by coordinates, fetched where they are not there yet.
pub fn jars(root: &Path) -> Result<BTreeMap<String, PathBuf>, String> {
    let file = root.join("specs/libraries.toml");
    let text = std::fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    let pins: Libraries = toml::from_str(&text).map_err(|e| format!("specs/libraries.toml: {e}"))?;
    let dir = folder(root).join("jars");
    std::fs::create_dir_all(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    let mut out = BTreeMap::new();
    let mut missing = Vec::new();
    for (id, pin) in &pins.jars {
        let parts: Vec<&str> = id.split(':').collect();
        let [_, artifact, version] = parts[..] else {
            return Err(format!("specs/libraries.toml: `{id}` is not group:artifact:version"));
        };
        let jar = dir.join(format!("{artifact}-{version}.jar"));
        let fits = std::fs::read(&jar).is_ok_and(|bytes| hex(&bytes) == *pin);
        if !fits {
            missing.push((id.as_str(), jar.clone(), pin));
        }
        out.insert(id.clone(), jar);
    }
    if !missing.is_empty() {
        fetch(&dir, &missing)?;
    }
    Ok(out)
}

/// One Maven run for everything that is missing.
fn fetch(dir: &Path, missing: &[(&str, PathBuf, &String)]) -> Result<(), String> {
    let work = tempfile::tempdir_in(dir).map_err(|e| e.to_string())?;
    let items: String = missing
        .iter()
        .map(|(id, _, _)| {
            let p: Vec<&str> = id.split(':').collect();
            format!(
                "<artifactItem><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></artifactItem>\n",
                p[0], p[1], p[2]
            )
        })
        .collect();
    let pom = format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>\n\
         <groupId>surefix</groupId><artifactId>libraries</artifactId><version>1</version><packaging>pom</packaging>\n\
         <build><plugins><plugin><groupId>org.apache.maven.plugins</groupId>\n\
         <artifactId>maven-dependency-plugin</artifactId><version>3.6.1</version><configuration>\n\
         <outputDirectory>{}</outputDirectory><artifactItems>\n{items}</artifactItems></configuration>\n\
         </plugin></plugins></build></project>\n",
        work.path().display()
    );
    let pom_file = work.path().join("pom.xml");
    std::fs::write(&pom_file, pom).map_err(|e| e.to_string())?;
    tool(Command::new("mvn").args(["-q", "-B", "-f"]).arg(&pom_file).arg("dependency:copy"))?;
    for (id, jar, pin) in missing {
        let name = jar.file_name().unwrap_or_default();
        let fetched = work.path().join(name);
        let bytes = std::fs::read(&fetched).map_err(|e| format!("{id}: not fetched: {e}"))?;
        let actual = hex(&bytes);
        if actual != **pin {
            return Err(format!("{id}: the jar's SHA-256 is {actual}, pinned is {pin}"));
        }
        std::fs::rename(&fetched, jar).map_err(|e| format!("{id}: {e}"))?;
    }
    Ok(())
}

/// The folder with the pinned Python packages for `python3`, installed where it is not there yet.
pub fn wheels(root: &Path) -> Result<PathBuf, String> {
    let file = root.join("specs/requirements.txt");
    let text = std::fs::read(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    let version = tool(Command::new("python3").args(["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]))?;
    let version = String::from_utf8_lossy(&version).trim().to_string();
    let dir = folder(root).join(format!("python-{version}-{}", &hex(&text)[..12]));
    if dir.is_dir() {
        return Ok(dir);
    }
    let parent = folder(root);
    std::fs::create_dir_all(&parent).map_err(|e| format!("{}: {e}", parent.display()))?;
    // Installed beside and renamed, so that a stopped run leaves nothing half done under the final name.
    let work = tempfile::tempdir_in(&parent).map_err(|e| e.to_string())?;
    let target = work.path().join("packages");
    tool(
        Command::new("python3")
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--no-deps"])
            .args(["--only-binary", ":all:", "--no-compile", "--target"])
            .arg(&target)
            .arg("-r")
            .arg(&file),
    )?;
    match std::fs::rename(&target, &dir) {
        Ok(()) => Ok(dir),
        // Another run was faster.
        Err(_) if dir.is_dir() => Ok(dir),
        Err(e) => Err(format!("{}: {e}", dir.display())),
    }
}
