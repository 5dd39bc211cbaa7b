//! The file system that commands see: a new root with what is allowed, read-only but for the copy and its temporary
//! directory.

use super::spec::{Bind, Spec, Way};
use nix::mount::{MntFlags, MsFlags, mount as sys_mount, umount2};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

const NONE: Option<&str> = None;

/// Devices that every program may need.
const DEVICES: &[&str] = &["null", "zero", "full", "random", "urandom", "tty"];
/// Parts of `/proc` through which the machine can be steered or looked into.
const STEERING: &[&str] = &["sys", "sysrq-trigger", "irq", "bus", "fs", "acpi", "scsi"];
const REVEALING: &[&str] = &["kcore", "keys", "kmsg", "timer_list", "latency_stats"];

/// Mounts everything and makes it the root.
pub fn mount(spec: &Spec) -> Result<(), String> {
    let step = |what: &str, r: nix::Result<()>| r.map_err(|e| format!("{what}: {}", e.desc()));
    step("private mounts", sys_mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE))?;
    let root = spec.scratch.join("root");
    let limits = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    step("root", sys_mount(Some("tmpfs"), &root, Some("tmpfs"), limits, Some("mode=0755")))?;
    for b in &spec.binds {
        bind(spec, &root, b).map_err(|e| format!("{}: {e}", b.to.display()))?;
    }
    if let Some(project) = &spec.overlay {
        let at = inside(&root, project);
        directory(&at)?;
        over(project, &spec.scratch.join("upper"), &spec.scratch.join("work"), &at)?;
    }
    let proc = root.join("proc");
    directory(&proc)?;
    let flags = limits | MsFlags::MS_NOEXEC;
    step("/proc", sys_mount(Some("proc"), &proc, Some("proc"), flags, NONE))?;
    for name in STEERING {
        let at = proc.join(name);
        if at.exists() {
            step("/proc", sys_mount(Some(&at), &at, NONE, MsFlags::MS_BIND | MsFlags::MS_REC, NONE))?;
            read_only(&at)?;
        }
    }
    devices(&root)?;
    for name in REVEALING {
        let at = proc.join(name);
        if at.exists() {
            step("/proc", sys_mount(Some(&root.join("dev/null")), &at, NONE, MsFlags::MS_BIND, NONE))?;
        }
    }
    directory(&root.join("run"))?;
    let old = root.join(".old");
    directory(&old)?;
    step("root", nix::unistd::pivot_root(&root, &old))?;
    step("root", nix::unistd::chdir("/"))?;
    step("old root", umount2("/.old", MntFlags::MNT_DETACH))?;
    std::fs::remove_dir("/.old").map_err(|e| format!("old root: {e}"))?;
    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY | limits;
    step("root", sys_mount(NONE, "/", NONE, flags, NONE))
}

fn inside(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

fn directory(path: &Path) -> Result<(), String> {
    std::fs::create_dir_all(path).map_err(|e| format!("{}: {e}", path.display()))
}

/// A place to mount a file or directory on.
fn place(at: &Path, file: bool) -> Result<(), String> {
    if at.symlink_metadata().is_ok() {
        return Ok(());
    }
    if !file {
        return directory(at);
    }
    if let Some(up) = at.parent() {
        directory(up)?;
    }
    std::fs::File::create(at).map(drop).map_err(|e| e.to_string())
}

fn bind(spec: &Spec, root: &Path, b: &Bind) -> Result<(), String> {
    let at = inside(root, &b.to);
    let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
    let meta = match b.from.symlink_metadata() {
        Ok(m) => m,
        // Gone since it was listed: then it is not seen either.
        Err(_) => return Ok(()),
    };
    if b.way == Way::Hide {
        // Hidden is only what is there to be hidden.
        let Ok(there) = at.symlink_metadata() else { return Ok(()) };
        if there.is_symlink() {
            return Ok(());
        }
        let empty = if there.is_dir() { spec.scratch.join("empty") } else { PathBuf::from("/dev/null") };
        return sys_mount(Some(&empty), &at, NONE, flags, NONE).map_err(|e| e.desc().to_string());
    }
    if meta.is_symlink() && b.from == b.to {
        // `/bin` on most systems: stays a link when what it leads to is visible, too.
        let target = std::fs::read_link(&b.from).map_err(|e| e.to_string())?;
        if at.symlink_metadata().is_err() {
            if let Some(up) = at.parent() {
                directory(up)?;
            }
            std::os::unix::fs::symlink(&target, &at).map_err(|e| e.to_string())?;
        }
        let Ok(real) = b.from.canonicalize() else { return Ok(()) };
        let shown = spec.binds.iter().any(|o| o.to != b.to && o.way != Way::Hide && real.starts_with(&o.to));
        if shown || at.canonicalize().is_ok_and(|c| c.starts_with(root)) {
            return Ok(());
        }
        let real_bind = Bind { from: real.clone(), to: real, way: b.way };
        return bind(spec, root, &real_bind);
    }
    place(&at, !meta.is_dir())?;
    if at.symlink_metadata().is_ok_and(|m| m.is_symlink()) {
        return Ok(());
    }
    match b.way {
        Way::Over => {
            let name = blake3::hash(b.to.as_os_str().as_bytes()).to_hex();
            let own = spec.scratch.join("over").join(&name.as_str()[..16]);
            directory(&own.join("upper"))?;
            directory(&own.join("work"))?;
            if over(&b.from, &own.join("upper"), &own.join("work"), &at).is_ok() {
                return Ok(());
            }
            // A file system that cannot lie below: then it is read-only.
            sys_mount(Some(&b.from), &at, NONE, flags, NONE).map_err(|e| e.desc().to_string())?;
            read_only(&at)
        }
        Way::Write => sys_mount(Some(&b.from), &at, NONE, flags, NONE).map_err(|e| e.desc().to_string()),
        _ => {
            sys_mount(Some(&b.from), &at, NONE, flags, NONE).map_err(|e| e.desc().to_string())?;
            read_only(&at)
        }
    }
}

/// Mounts changes in `upper` over `lower`.
fn over(lower: &Path, upper: &Path, work: &Path, at: &Path) -> Result<(), String> {
    let text = |p: &Path| p.to_str().filter(|s| !s.contains([',', ':', '\\'])).map(str::to_string);
    let (Some(l), Some(u), Some(w)) = (text(lower), text(upper), text(work)) else {
        return Err("the path cannot be named in a mount".to_string());
    };
    let options = format!("lowerdir={l},upperdir={u},workdir={w},userxattr");
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    sys_mount(Some("overlay"), at, Some("overlay"), flags, Some(options.as_str()))
        .map_err(|e| format!("overlay: {}", e.desc()))
}

/// Makes a mount and all below it read-only, keeping the flags that must be kept.
fn read_only(at: &Path) -> Result<(), String> {
    let table = std::fs::read_to_string("/proc/self/mountinfo").map_err(|e| e.to_string())?;
    for line in table.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let (Some(point), Some(options)) = (fields.get(4), fields.get(5)) else { continue };
        let point = unescape(point);
        if !point.starts_with(at) {
            continue;
        }
        let mut flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY;
        for o in options.split(',') {
            flags |= match o {
                "nosuid" => MsFlags::MS_NOSUID,
                "nodev" => MsFlags::MS_NODEV,
                "noexec" => MsFlags::MS_NOEXEC,
                "noatime" => MsFlags::MS_NOATIME,
                "nodiratime" => MsFlags::MS_NODIRATIME,
                "relatime" => MsFlags::MS_RELATIME,
                _ => MsFlags::empty(),
            };
        }
        sys_mount(NONE, &point, NONE, flags, NONE).map_err(|e| format!("read-only: {}", e.desc()))?;
    }
    Ok(())
}

/// A path of the mount table, in which blanks and the like are octal.
fn unescape(text: &str) -> PathBuf {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while let Some(b) = bytes.get(i) {
        let code = bytes.get(i + 1..i + 4).and_then(|d| std::str::from_utf8(d).ok());
        match code.and_then(|d| u8::from_str_radix(d, 8).ok()) {
            Some(n) if *b == b'\\' => {
                out.push(n);
                i += 4;
            }
            _ => {
                out.push(*b);
                i += 1;
            }
        }
    }
    PathBuf::from(std::ffi::OsString::from(std::ffi::OsStr::from_bytes(&out)))
}

fn devices(root: &Path) -> Result<(), String> {
    let dev = root.join("dev");
    directory(&dev)?;
    let step = |what: &str, r: nix::Result<()>| r.map_err(|e| format!("/dev/{what}: {}", e.desc()));
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    step("", sys_mount(Some("tmpfs"), &dev, Some("tmpfs"), flags, Some("mode=0755,size=1m")))?;
    for name in DEVICES {
        let from = Path::new("/dev").join(name);
        if from.exists() {
            place(&dev.join(name), true)?;
            step(name, sys_mount(Some(&from), &dev.join(name), NONE, MsFlags::MS_BIND, NONE))?;
        }
    }
    for (name, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        std::os::unix::fs::symlink(target, dev.join(name)).map_err(|e| format!("/dev/{name}: {e}"))?;
    }
    let shm = dev.join("shm");
    directory(&shm)?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    step("shm", sys_mount(Some("tmpfs"), &shm, Some("tmpfs"), flags, Some("mode=1777,size=25%")))?;
    let pts = dev.join("pts");
    directory(&pts)?;
    // Terminals are a comfort that some systems do not give.
    let options = Some("newinstance,ptmxmode=0666,mode=620");
    if sys_mount(Some("devpts"), &pts, Some("devpts"), MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC, options).is_ok() {
        std::os::unix::fs::symlink("pts/ptmx", dev.join("ptmx")).map_err(|e| format!("/dev/ptmx: {e}"))?;
    }
    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    step("", sys_mount(NONE, &dev, NONE, flags, NONE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_unescaped() {
        assert_eq!(unescape("/a\\040b/\\134c"), PathBuf::from("/a b/\\c"));
        assert_eq!(unescape("/plain\\04"), PathBuf::from("/plain\\04"));
    }
}
