//! What commands may see of the machine: the system, tool chains and dependency caches; no home directory, no other project.

use super::spec::{Bind, Policy, Way};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Directories of the system.
const SYSTEM: &[&str] = &[
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/etc",
    "/opt",
    "/nix/store",
    "/var/lib/dpkg/alternatives",
];

/// Secrets inside of them.
const HIDDEN: &[&str] = &[
    "/etc/shadow",
    "/etc/shadow-",
    "/etc/gshadow",
    "/etc/gshadow-",
    "/etc/sudoers",
    "/etc/sudoers.d",
    "/etc/ssh",
    "/etc/ssl/private",
    "/etc/krb5.keytab",
    "/etc/docker",
    "/etc/kubernetes",
    "/etc/wireguard",
    "/etc/openvpn",
    "/etc/NetworkManager",
    "/etc/environment",
    "/etc/netrc",
    "/etc/pip.conf",
    "/etc/npmrc",
    "/usr/etc/npmrc",
    "/etc/gitconfig",
];

/// Tool chains below the home directory.
const TOOLS: &[&str] = &[
    ".cargo/bin",
    ".rustup",
    ".pyenv",
    ".local/bin",
    ".local/lib",
    ".local/share/uv",
    ".local/share/virtualenvs",
    ".local/share/pnpm",
    ".local/pipx",
    ".sdkman/candidates",
    ".jdks",
    ".nvm",
    ".volta",
    ".asdf",
    ".jenv",
    ".nodenv",
    "go/bin",
    "sdk",
];

/// Dependency caches below the home directory: what a command writes into them is thrown away.
const CACHES: &[&str] = &[
    ".m2/repository",
    ".m2/wrapper",
    ".gradle/caches",
    ".gradle/wrapper",
    ".gradle/native",
    ".cargo/registry",
    ".cargo/git",
    "go/pkg",
    ".cache/go-build",
    ".cache/yarn",
    ".cache/node",
    ".cache/uv",
    ".cache/coursier",
    ".npm/_cacache",
    ".ivy2/cache",
];

/// Variables that name tool chains.
const HOMES: &[&str] = &[
    "JAVA_HOME",
    "GRADLE_HOME",
    "MAVEN_HOME",
    "M2_HOME",
    "GOROOT",
    "RUSTUP_HOME",
    "NVM_DIR",
    "PYENV_ROOT",
    "VIRTUAL_ENV",
];

/// The part of the environment that decides which tools are found.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    /// Absolute directories of `PATH`.
    pub path: Vec<PathBuf>,
    /// Home directory.
    pub home: Option<PathBuf>,
    /// Home directory as the system's list of users has it, where it is another one: Java asks there.
    pub account: Option<PathBuf>,
    /// Tool chains by variable.
    pub homes: BTreeMap<String, PathBuf>,
}

impl Machine {
    /// Reads the environment through `var`.
    pub fn read(var: impl Fn(&str) -> Option<OsString>) -> Machine {
        let absolute = |p: &PathBuf| p.is_absolute();
        let path = var("PATH").map(|p| std::env::split_paths(&p).filter(absolute).collect()).unwrap_or_default();
        let home = var("HOME").map(PathBuf::from).filter(absolute).filter(|h| h.parent().is_some());
        let homes = HOMES
            .iter()
            .filter_map(|n| Some((n.to_string(), var(n).map(PathBuf::from).filter(absolute)?)))
            .filter(|(_, p)| p.is_dir())
            .collect();
        let account = account_home().filter(absolute).filter(|h| h.parent().is_some() && Some(h) != home.as_ref());
        Machine { path, home, account, homes }
    }

    /// All home directories.
    pub fn home_dirs(&self) -> impl Iterator<Item = &PathBuf> {
        self.home.iter().chain(&self.account)
    }

    /// The environment of every command.
    pub fn env(&self, policy: &Policy, tmp: &Path) -> Vec<(String, String)> {
        let mut out = BTreeMap::from([
            ("LANG".to_string(), "C.UTF-8".to_string()),
            ("LC_ALL".to_string(), "C.UTF-8".to_string()),
            ("TZ".to_string(), "UTC".to_string()),
            ("TERM".to_string(), "dumb".to_string()),
            ("NO_COLOR".to_string(), "1".to_string()),
            ("CI".to_string(), "true".to_string()),
            ("PYTHONHASHSEED".to_string(), "0".to_string()),
            ("GOFLAGS".to_string(), "-buildvcs=false".to_string()),
            ("GOTOOLCHAIN".to_string(), "local".to_string()),
        ]);
        if !policy.network {
            out.insert("GOPROXY".to_string(), "off".to_string());
            out.insert("CARGO_NET_OFFLINE".to_string(), "true".to_string());
            out.insert("PIP_NO_INDEX".to_string(), "1".to_string());
        }
        let path: Vec<_> = self.path.iter().filter(|p| p.to_str().is_some_and(|s| !s.contains(':'))).collect();
        if let Ok(joined) = std::env::join_paths(path)
            && let Ok(text) = joined.into_string()
        {
            out.insert("PATH".to_string(), text);
        }
        for (name, p) in &self.homes {
            out.insert(name.clone(), p.to_string_lossy().into_owned());
        }
        let tmp = tmp.to_string_lossy().into_owned();
        out.insert("HOME".to_string(), self.home.as_ref().map_or(tmp.clone(), |h| h.to_string_lossy().into_owned()));
        out.insert("TMPDIR".to_string(), tmp);
        out.extend(policy.env.clone());
        out.into_iter().collect()
    }

    /// The visible paths of the machine, outer ones first. `own`: home directory of the commands.
    pub fn binds(&self, policy: &Policy, project: &Path, own: &Path) -> Vec<Bind> {
        let same = |p: PathBuf, way: Way| Bind { from: p.clone(), to: p, way };
        let mut out: BTreeMap<PathBuf, Bind> = BTreeMap::new();
        let mut add = |b: Bind| {
            // Neither the whole home directory nor anything around it or the project comes in by way of a tool.
            let around = |p: &Path| p.starts_with(&b.to);
            let secret = self.home_dirs().any(|h| around(h)) || around(project) || b.to.parent().is_none();
            if (!secret || b.way == Way::Write) && b.from.symlink_metadata().is_ok() {
                out.entry(b.to.clone()).or_insert(b);
            }
        };
        for p in SYSTEM {
            add(same(PathBuf::from(p), Way::Read));
        }
        for p in HIDDEN {
            add(same(PathBuf::from(p), Way::Hide));
        }
        if policy.network {
            add(same(PathBuf::from("/run/systemd/resolve"), Way::Read));
        }
        for home in self.home_dirs() {
            add(Bind { from: own.to_path_buf(), to: home.clone(), way: Way::Write });
            TOOLS.iter().for_each(|p| add(same(home.join(p), Way::Read)));
            CACHES.iter().for_each(|p| add(same(home.join(p), Way::Over)));
        }
        for dir in self.path.iter().chain(&policy.readable).chain(self.homes.values()) {
            add(same(dir.clone(), Way::Read));
            // A tool needs what lies beside its `bin`.
            let tool = dir.file_name().is_some_and(|n| n == "bin" || n == "shims");
            let open = |p: &Path| p.file_name().is_some_and(|n| n != ".cargo" && n != ".local" && n != "local");
            if tool && let Some(up) = dir.parent().filter(|p| p.components().count() > 2 && open(p)) {
                add(same(up.to_path_buf(), Way::Read));
            }
        }
        out.into_values().collect()
    }
}

#[cfg(target_os = "linux")]
fn account_home() -> Option<PathBuf> {
    nix::unistd::User::from_uid(nix::unistd::getuid()).ok()?.map(|u| u.dir)
}

#[cfg(not(target_os = "linux"))]
fn account_home() -> Option<PathBuf> {
    None
}

/// Adds what a program lies in, if nothing visible covers it: the interpreter behind a virtual environment, and the
/// environment behind a link of the project.
pub fn add_program(binds: &mut Vec<Bind>, program: &Path, project: &Path, homes: &[&PathBuf]) {
    let behind_links = program.parent().and_then(|d| d.canonicalize().ok()).map(|d| d.join("program"));
    for real in behind_links.into_iter().chain(program.canonicalize().ok()) {
        let seen = |b: &&Bind| !matches!(b.way, Way::Hide | Way::Write) && real.starts_with(&b.to);
        if real.starts_with(project) || binds.iter().any(|b| seen(&b)) {
            continue;
        }
        let Some(bin) = real.parent() else { continue };
        let top = if bin.file_name().is_some_and(|n| n == "bin") { bin.parent().unwrap_or(bin) } else { bin };
        let wide = top.components().count() <= 2 || project.starts_with(top);
        if !wide && !homes.iter().any(|h| h.starts_with(top)) {
            binds.push(Bind { from: top.to_path_buf(), to: top.to_path_buf(), way: Way::Read });
        }
    }
    binds.sort_by(|a, b| a.to.cmp(&b.to));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_directory_is_never_shown_as_a_whole() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("u/me");
        for d in ["bin", ".cargo/bin", ".m2/repository", ".ssh", "work/project", "tools/jdk/bin"] {
            std::fs::create_dir_all(home.join(d)).unwrap();
        }
        let machine = Machine {
            path: vec![home.join("bin"), home.join(".cargo/bin"), home.join("tools/jdk/bin")],
            home: Some(home.clone()),
            account: None,
            homes: BTreeMap::new(),
        };
        let own = dir.path().join("own");
        std::fs::create_dir(&own).unwrap();
        let binds = machine.binds(&Policy::default(), &home.join("work/project"), &own);
        let below: Vec<(String, Way)> = binds
            .iter()
            .filter_map(|b| Some((b.to.strip_prefix(&home).ok()?.to_string_lossy().into_owned(), b.way)))
            .collect();
        let expected = [
            ("", Way::Write),
            (".cargo/bin", Way::Read),
            (".m2/repository", Way::Over),
            ("bin", Way::Read),
            ("tools/jdk", Way::Read),
            ("tools/jdk/bin", Way::Read),
        ];
        assert_eq!(below, expected.map(|(p, w)| (p.to_string(), w)));
        // An environment somewhere else, behind a link of the project.
        let project = home.join("work/project");
        let venv = dir.path().join("venvs/a/bin");
        std::fs::create_dir_all(&venv).unwrap();
        std::fs::write(venv.join("python"), "").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(venv.parent().unwrap(), project.join(".venv")).unwrap();
        let mut more = binds.clone();
        add_program(&mut more, &project.join(".venv/bin/python"), &project, &[&home]);
        let real = venv.parent().unwrap().canonicalize().unwrap();
        assert!(more.len() == binds.len() + 1 && more.iter().any(|b| b.to == real && b.way == Way::Read), "{more:?}");
        add_program(&mut more, &home.join("secret.sh"), &project, &[&home]);
        assert_eq!(more.len(), binds.len() + 1, "a program in the home directory does not open it");
        let env = machine.env(&Policy::default(), Path::new("/tmp"));
        assert!(env.iter().all(|(n, _)| !n.contains("TOKEN")), "{env:?}");
    }
}
