//! The last rights: Landlock, capabilities, resource limits; and the loop-back interface of a new network.

use super::spec::{Spec, Way};
use caps::{CapSet, Capability, CapsHashSet};
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr, Scope,
    path_beneath_rules,
};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::socket::{AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket};
use std::os::fd::AsRawFd;
use std::path::PathBuf;

/// The newest version of Landlock that is used.
const NEWEST: ABI = ABI::V6;

/// What root keeps inside: the power over files it sees, which are a copy, and over users of the namespace.
const KEPT: &[Capability] = &[
    Capability::CAP_CHOWN,
    Capability::CAP_DAC_OVERRIDE,
    Capability::CAP_FOWNER,
    Capability::CAP_FSETID,
    Capability::CAP_SETUID,
    Capability::CAP_SETGID,
    Capability::CAP_KILL,
];

/// The version of Landlock that the kernel offers; 0: none.
pub fn landlock_version() -> i32 {
    let works = |abi: ABI| {
        let made = Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_all(abi))
            .and_then(|r| if abi >= ABI::V4 { r.handle_access(AccessNet::from_all(abi)) } else { Ok(r) })
            .and_then(|r| if abi >= ABI::V6 { r.scope(Scope::from_all(abi)) } else { Ok(r) });
        made.is_ok_and(|r| r.create().is_ok())
    };
    [(ABI::V6, 6), (ABI::V5, 5), (ABI::V4, 4), (ABI::V3, 3), (ABI::V2, 2), (ABI::V1, 1)]
        .into_iter()
        .find(|(abi, _)| works(*abi))
        .map_or(0, |(_, n)| n)
}

/// Keeps the rights over the new namespaces across the start of the next program.
pub fn keep_rights() -> Result<(), caps::errors::CapsError> {
    let all = caps::read(None, CapSet::Permitted)?;
    caps::set(None, CapSet::Inheritable, &all)?;
    caps::set(None, CapSet::Ambient, &all)
}

/// Takes everything away that the command must not have.
pub fn confine(spec: &Spec) -> Result<(), String> {
    close_inherited()?;
    limits(spec)?;
    landlock(spec)?;
    rights(spec.bare).map_err(|e| format!("capabilities: {e}"))?;
    nix::sys::prctl::set_no_new_privs().map_err(|e| format!("no new privileges: {}", e.desc()))?;
    // A session of its own: no terminal to talk to.
    nix::unistd::setsid().map(drop).map_err(|e| format!("session: {}", e.desc()))
}

/// Closes what the program's own caller left open: files, pipes and sockets of the pipeline are a way out.
fn close_inherited() -> Result<(), String> {
    let list = std::fs::read_dir("/proc/self/fd").map_err(|e| format!("open files: {e}"))?;
    let open: Vec<i32> = list.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok()).collect();
    for fd in open.into_iter().filter(|n| *n > 2) {
        match nix::unistd::close(fd) {
            // The directory that was read is closed already.
            Ok(()) | Err(nix::Error::EBADF) => {}
            Err(e) => return Err(format!("open files: {}", e.desc())),
        }
    }
    Ok(())
}

fn limits(spec: &Spec) -> Result<(), String> {
    let set =
        |what: &str, r: Resource, n: u64| setrlimit(r, n, n).map_err(|e| format!("limit of {what}: {}", e.desc()));
    set("core files", Resource::RLIMIT_CORE, 0)?;
    set("file size", Resource::RLIMIT_FSIZE, spec.limits.disk)?;
    // Does not bind root; the helper and the control group do.
    let (_, hard) = nix::sys::resource::getrlimit(Resource::RLIMIT_NPROC).map_err(|e| e.desc().to_string())?;
    set("processes", Resource::RLIMIT_NPROC, hard.min(spec.limits.processes.saturating_mul(4)))
}

fn rights(bare: bool) -> Result<(), caps::errors::CapsError> {
    let root = nix::unistd::geteuid().is_root();
    let kept: CapsHashSet = KEPT.iter().copied().filter(|_| root).collect();
    caps::clear(None, CapSet::Ambient)?;
    caps::clear(None, CapSet::Inheritable)?;
    let permitted = caps::read(None, CapSet::Permitted)?;
    if caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP)? {
        for c in caps::read(None, CapSet::Bounding)? {
            if !kept.contains(&c) {
                caps::drop(None, CapSet::Bounding, c)?;
            }
        }
    } else if bare && root {
        // Root without this right lives in a container that has taken others as well; there is nothing more to take.
        return Ok(());
    }
    let rest: CapsHashSet = permitted.intersection(&kept).copied().collect();
    caps::set(None, CapSet::Effective, &rest)?;
    caps::set(None, CapSet::Permitted, &rest)
}

fn landlock(spec: &Spec) -> Result<(), String> {
    let version = landlock_version();
    if version == 0 {
        return Ok(());
    }
    let fail = |e: &dyn std::fmt::Display| format!("Landlock: {e}");
    let all = AccessFs::from_all(NEWEST);
    let mut rules =
        Ruleset::default().set_compatibility(CompatLevel::BestEffort).handle_access(all).map_err(|e| fail(&e))?;
    if spec.bare && !spec.network {
        rules = rules.handle_access(AccessNet::from_all(NEWEST)).map_err(|e| fail(&e))?;
    }
    let rules = rules.scope(Scope::from_all(NEWEST)).map_err(|e| fail(&e))?;
    let mut read: Vec<PathBuf> = Vec::new();
    let mut write: Vec<PathBuf> =
        ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/shm", "/dev/pts"]
            .iter()
            .map(PathBuf::from)
            .collect();
    if spec.bare {
        let hidden: Vec<&PathBuf> = spec.binds.iter().filter(|b| b.way == Way::Hide).map(|b| &b.to).collect();
        for b in &spec.binds {
            match b.way {
                Way::Read | Way::Over => read.extend(around(&b.from, &hidden)),
                Way::Write | Way::Hide => {}
            }
        }
        read.push("/proc".into());
        read.push("/sys/fs/cgroup".into());
        write.extend(["copy", "tmp", "home"].map(|d| spec.scratch.join(d)));
    } else {
        // The mount namespace says what is seen and what can be written; this holds if that should fail.
        read.push("/".into());
        write.push("/tmp".into());
        write.push("/var/tmp".into());
        write.extend(spec.binds.iter().filter(|b| matches!(b.way, Way::Write | Way::Over)).map(|b| b.to.clone()));
        write.extend(spec.overlay.clone());
        write.push("/proc".into());
    }
    let rules = rules.create().map_err(|e| fail(&e))?;
    let rules = rules.add_rules(path_beneath_rules(&read, AccessFs::from_read(NEWEST))).map_err(|e| fail(&e))?;
    let rules = rules.add_rules(path_beneath_rules(&write, all)).map_err(|e| fail(&e))?;
    rules.restrict_self().map(drop).map_err(|e| fail(&e))
}

/// A directory without some paths inside of it: the entries beside the way to each of them.
fn around(dir: &std::path::Path, hidden: &[&PathBuf]) -> Vec<PathBuf> {
    if !hidden.iter().any(|h| h.starts_with(dir)) {
        return vec![dir.to_path_buf()];
    }
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path());
    entries
        .filter(|p| !hidden.contains(&p))
        .flat_map(|p| if p.is_dir() && !p.is_symlink() { around(&p, hidden) } else { vec![p] })
        .collect()
}

/// Switches the loop-back interface of a new network namespace on: servers that tests start on it are no network.
pub fn loopback() -> Result<(), String> {
    let fail = |e: nix::Error| format!("loop-back interface: {}", e.desc());
    let s = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute)
        .map_err(fail)?;
    // struct nlmsghdr: length, type RTM_NEWLINK, flags REQUEST|ACK, sequence, port; struct ifinfomsg: family, pad, type,
    // index 1 (the first interface of every namespace), flags IFF_UP, mask IFF_UP.
    let mut m: Vec<u8> = Vec::with_capacity(32);
    m.extend(32u32.to_ne_bytes());
    m.extend(16u16.to_ne_bytes());
    m.extend(5u16.to_ne_bytes());
    m.extend(1u32.to_ne_bytes());
    m.extend(0u32.to_ne_bytes());
    m.extend([0, 0]);
    m.extend(0u16.to_ne_bytes());
    m.extend(1i32.to_ne_bytes());
    m.extend(1u32.to_ne_bytes());
    m.extend(1u32.to_ne_bytes());
    sendto(s.as_raw_fd(), &m, &NetlinkAddr::new(0, 0), MsgFlags::empty()).map_err(fail)?;
    let mut answer = [0u8; 256];
    let n = recv(s.as_raw_fd(), &mut answer, MsgFlags::empty()).map_err(fail)?;
    match answer.get(16..20).filter(|_| n >= 20).and_then(|b| b.try_into().ok()).map(i32::from_ne_bytes) {
        Some(0) => Ok(()),
        Some(code) => Err(format!("loop-back interface: error {}", -code)),
        None => Err("loop-back interface: no answer".to_string()),
    }
}
