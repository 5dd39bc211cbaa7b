//! The helper's stages.

use super::spec::{Spec, Status};
use super::{HELPER, confine, mounts};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The helper's own program, reachable in every stage.
const SELF: &str = "/proc/self/exe";
/// Exit code of a stage that could not do its work.
const BROKEN: u8 = 125;

/// Runs the stage that the first argument names.
pub fn main(args: &[String]) -> u8 {
    let done = match args.first().map(String::as_str) {
        Some("enter") => enter(),
        Some("init") => init(),
        Some("bare") => bare(),
        Some("exec") => exec(),
        _ => Err("not for use by hand".to_string()),
    };
    match done {
        Ok(code) => code,
        Err(why) => {
            // Standard error is what the caller shows when there is no status.
            let _ = writeln!(std::io::stderr(), "surefix sandbox: {why}");
            BROKEN
        }
    }
}

fn read_spec() -> Result<Spec, String> {
    let mut line = Vec::new();
    std::io::stdin().lock().read_until(b'\n', &mut line).map_err(|e| e.to_string())?;
    serde_json::from_slice(&line).map_err(|e| format!("the order cannot be read: {e}"))
}

fn said(what: &str) -> impl Fn(nix::Error) -> String + '_ {
    move |e| format!("{what}: {}", e.desc())
}

fn die_with_parent() -> Result<(), String> {
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL).map_err(said("prctl"))
}

/// Leaves the namespaces and starts the first process of the new ones.
fn enter() -> Result<u8, String> {
    die_with_parent()?;
    unshare(CloneFlags::CLONE_NEWUSER).map_err(said("user namespace"))?;
    // Comes only once the users are mapped.
    let spec = read_spec()?;
    // The end of the input means that nobody waits any more. Behind a new process namespace no thread can be started.
    std::thread::spawn(|| {
        let mut rest = Vec::new();
        let _ = std::io::stdin().lock().read_to_end(&mut rest);
        std::process::exit(i32::from(BROKEN));
    });
    let mut flags =
        CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWUTS;
    if !spec.network {
        flags |= CloneFlags::CLONE_NEWNET;
    }
    unshare(flags).map_err(said("namespaces"))?;
    confine::keep_rights().map_err(|e| format!("capabilities: {e}"))?;
    let mut child = Command::new(SELF)
        .args([HELPER, "init"])
        .env_clear()
        .stdin(Stdio::piped())
        .spawn()
        .map_err(|e| format!("the first process: {e}"))?;
    feed(&mut child, &spec)?;
    let status = child.wait().map_err(|e| e.to_string())?;
    Ok(status.code().and_then(|c| u8::try_from(c).ok()).unwrap_or(BROKEN))
}

fn feed(child: &mut std::process::Child, spec: &Spec) -> Result<(), String> {
    let mut text = serde_json::to_vec(spec).map_err(|e| e.to_string())?;
    text.push(b'\n');
    let mut pipe = child.stdin.take().ok_or("no way to the next stage")?;
    pipe.write_all(&text).map_err(|e| format!("the next stage: {e}"))
}

/// The first process of the namespaces: mounts, then watches.
fn init() -> Result<u8, String> {
    die_with_parent()?;
    let spec = read_spec()?;
    let mut status = File::create(spec.scratch.join("status")).map_err(|e| format!("status: {e}"))?;
    let ready = (|| {
        if !spec.network {
            super::confine::loopback()?;
        }
        nix::unistd::sethostname("sandbox").map_err(said("host name"))?;
        mounts::mount(&spec)
    })();
    let answer = match ready.and_then(|()| watch(&spec, &AtomicBool::new(false))) {
        Ok(answer) => answer,
        Err(why) => Status::Failed(why),
    };
    tell(&mut status, &answer)
    // With this process the kernel ends every other one of the namespace.
}

fn tell(file: &mut File, status: &Status) -> Result<u8, String> {
    let text = serde_json::to_vec(status).map_err(|e| e.to_string())?;
    file.write_all(&text).map_err(|e| format!("status: {e}"))?;
    Ok(0)
}

/// Without namespaces: becomes the parent of whatever loses its own, so that nothing gets away.
fn bare() -> Result<u8, String> {
    let spec = read_spec()?;
    nix::sys::prctl::set_child_subreaper(true).map_err(said("prctl"))?;
    let mut status = File::create(spec.scratch.join("status")).map_err(|e| format!("status: {e}"))?;
    let over = Arc::new(AtomicBool::new(false));
    let flag = over.clone();
    std::thread::spawn(move || {
        let mut rest = Vec::new();
        // The end of the input means that nobody waits any more.
        let _ = std::io::stdin().lock().read_to_end(&mut rest);
        flag.store(true, Ordering::SeqCst);
    });
    let answer = watch(&spec, &over).unwrap_or_else(Status::Failed);
    for _ in 0..1000 {
        let left = processes(Some(std::process::id()));
        if left.is_empty() {
            break;
        }
        for pid in left {
            // It may be gone by now.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        while let Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {}
        std::thread::sleep(Duration::from_millis(2));
    }
    tell(&mut status, &answer)
}

/// Starts the command and waits for its end or a limit.
fn watch(spec: &Spec, over: &AtomicBool) -> Result<Status, String> {
    let mut child = Command::new(SELF)
        .args([HELPER, "exec"])
        .env_clear()
        .stdin(Stdio::piped())
        .spawn()
        .map_err(|e| format!("the last stage: {e}"))?;
    let pid = Pid::from_raw(child.id() as i32);
    feed(&mut child, spec)?;
    let began = Instant::now();
    let limit = Duration::from_millis(spec.limits.time);
    let mut pause = Duration::from_millis(1);
    let mut looked = Instant::now();
    loop {
        // Orphans come here too and are taken away.
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(p, code)) if p == pid => return Ok(Status::Exit(code)),
                Ok(WaitStatus::Signaled(p, signal, _)) if p == pid => return Ok(Status::Signal(signal as i32)),
                Ok(WaitStatus::StillAlive) | Err(_) => break,
                Ok(_) => {}
            }
        }
        if over.load(Ordering::SeqCst) {
            return Ok(Status::Limit("the run".to_string()));
        }
        if began.elapsed() > limit {
            return Ok(Status::Limit(format!("{} seconds", limit.as_secs())));
        }
        if looked.elapsed() > Duration::from_millis(50) {
            let took = Instant::now();
            if let Some(what) = exceeded(spec) {
                return Ok(Status::Limit(what));
            }
            // However many processes there are, at most a tenth of the time goes into counting them.
            looked = Instant::now() + took.elapsed() * 10;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// The limit that is exceeded, if any. Without a control group root is bound by nothing else.
fn exceeded(spec: &Spec) -> Option<String> {
    let all = processes(spec.bare.then(std::process::id));
    let threads = |pid: &i32| -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let after = stat.rsplit_once(')').map_or("", |(_, r)| r);
        after.split_whitespace().nth(17).and_then(|n| n.parse().ok()).unwrap_or(1)
    };
    if !spec.counted.0 {
        let most = spec.limits.processes;
        if all.len() as u64 > most || all.iter().map(threads).sum::<u64>() > most {
            return Some(format!("{most} processes"));
        }
    }
    if !spec.counted.1 {
        let pages = |pid: &i32| -> u64 {
            let text = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
            let mut n = text.split_whitespace().skip(1).map(|n| n.parse::<u64>().unwrap_or(0));
            // What is mapped from files is shared and can be dropped.
            let (resident, shared) = (n.next().unwrap_or(0), n.next().unwrap_or(0));
            resident.saturating_sub(shared)
        };
        if all.iter().map(pages).sum::<u64>().saturating_mul(4096) > spec.limits.memory {
            return Some(format!("{} MB of memory", spec.limits.memory >> 20));
        }
    }
    None
}

/// All processes that can be seen, or the descendants of one.
fn processes(of: Option<u32>) -> Vec<i32> {
    let mut parents: BTreeMap<i32, i32> = BTreeMap::new();
    for e in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = e.file_name().to_str().and_then(|n| n.parse::<i32>().ok()) else { continue };
        let parent = match of {
            None => 0,
            Some(_) => {
                let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
                let after = stat.rsplit_once(')').map_or("", |(_, r)| r);
                after.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
            }
        };
        parents.insert(pid, parent);
    }
    let Some(top) = of else { return parents.into_keys().collect() };
    let top = top as i32;
    let mut out = BTreeSet::new();
    for pid in parents.keys() {
        let mut way = vec![*pid];
        let mut at = *pid;
        while let Some(up) = parents.get(&at).copied().filter(|u| *u > 1 && !way.contains(u)) {
            if up == top || out.contains(&up) {
                out.extend(way.iter().copied());
                break;
            }
            way.push(up);
            at = up;
        }
    }
    out.into_iter().collect()
}

/// Gives up the last rights and becomes the command.
fn exec() -> Result<u8, String> {
    let spec = read_spec()?;
    confine::confine(&spec)?;
    let Some((program, rest)) = spec.argv.split_first() else { return Err("no command".to_string()) };
    let error = Command::new(program)
        .args(rest)
        .env_clear()
        .envs(spec.env.iter().map(|(k, v)| (k, v)))
        .current_dir(&spec.cwd)
        .stdin(Stdio::null())
        .exec();
    Err(format!("{program} cannot be started: {error}"))
}
