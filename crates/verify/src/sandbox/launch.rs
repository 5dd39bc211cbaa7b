//! The outer side: starts the helper, feeds it, keeps its output, and ends it at the limits.

use super::cgroup::Groups;
use super::reach::{Machine, add_program};
use super::spec::{Bind, Spec, Status, Way};
use super::walls::Walls;
use super::{Ended, HELPER, How, Place, REPORT_DIR, Sandbox};
use crate::plan::REPORTS;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long the walls may take to stand.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes kept of the end of the output.
const TAIL: usize = 16 << 10;

/// Tries the walls with a harmless command.
pub fn try_walls(sandbox: &Sandbox, scratch: &Path) -> Walls {
    let mut walls = Walls { landlock: super::confine::landlock_version(), ..Walls::default() };
    {
        let groups = Groups::make(&sandbox.policy.limits);
        (walls.pids_group, walls.memory_group) = (groups.pids, groups.memory);
    }
    let root = scratch.join("trial");
    let prepared = ["trial", "upper", "work", "tmp", "home", "root", "copy", "over", "empty"]
        .iter()
        .try_for_each(|d| std::fs::create_dir_all(scratch.join(d)));
    if let Err(e) = prepared.and_then(|()| std::fs::write(root.join("seen"), "")) {
        walls.why = format!("no directory for the trial: {e}");
        return walls;
    }
    let trial = |overlay: bool| {
        let place = Place { root: root.clone(), scratch: scratch.to_path_buf(), copied: !overlay };
        let w = Walls { namespaces: true, overlay, ..walls.clone() };
        let check = if overlay { "test -f seen && echo x > new" } else { "echo x > new" };
        let argv = ["sh".to_string(), "-c".to_string(), check.to_string()];
        let ended = start(sandbox, &w, &place, "", &argv, &[]);
        match ended.how {
            How::Exit(0) => Ok(()),
            How::NotStarted(why) => Err(why),
            how => Err(format!("{}: {}", how.text(), String::from_utf8_lossy(&ended.tail).trim())),
        }
    };
    match trial(true) {
        Ok(()) => (walls.namespaces, walls.overlay) = (true, true),
        Err(_) => match trial(false) {
            Ok(()) => walls.namespaces = true,
            Err(why) => walls.why = why,
        },
    }
    walls
}

/// Runs a command behind the walls that stand.
pub fn run(sandbox: &Sandbox, place: &Place, dir: &str, argv: &[String], env: &[(String, String)]) -> Ended {
    start(sandbox, &sandbox.walls, place, dir, argv, env)
}

fn not_started(why: String) -> Ended {
    Ended { how: How::NotStarted(why), stdout: Vec::new(), stderr: Vec::new(), tail: Vec::new(), truncated: false }
}

/// The whole wish of one run.
fn spec(sandbox: &Sandbox, walls: &Walls, place: &Place, dir: &str, argv: &[String], env: &[(String, String)]) -> Spec {
    let (policy, machine): (_, &Machine) = (&sandbox.policy, &sandbox.machine);
    let scratch = &place.scratch;
    let tmp = if walls.namespaces { PathBuf::from("/tmp") } else { scratch.join("tmp") };
    // Behind a mount namespace the copy stands where the project stands: environments and build results hold absolute paths.
    let seen = if walls.namespaces { place.root.clone() } else { place.written() };
    let mut machine = machine.clone();
    if !walls.namespaces {
        machine.home = Some(scratch.join("home"));
        machine.account = None;
    }
    let own_home = scratch.join("home");
    let mut binds = sandbox.machine.binds(policy, &place.root, &own_home);
    let first = argv.first().map_or("", String::as_str);
    let program = if first.contains('/') {
        place.root.join(dir).join(first)
    } else {
        machine.path.iter().map(|p| p.join(first)).find(|p| p.is_file()).unwrap_or_default()
    };
    let homes: Vec<&PathBuf> = sandbox.machine.home_dirs().collect();
    add_program(&mut binds, &program, &place.root, &homes);
    let reports = tmp.join(REPORT_DIR).to_string_lossy().into_owned();
    let argv = argv.iter().map(|a| a.replace(REPORTS, &reports)).collect();
    let mut all = machine.env(policy, &tmp);
    if !walls.namespaces {
        // Caches are only where the home directory is; what they say of it they find by these names.
        for home in sandbox.machine.home_dirs() {
            for (name, path) in
                [("GRADLE_USER_HOME", ".gradle"), ("CARGO_HOME", ".cargo"), ("GOMODCACHE", "go/pkg/mod")]
            {
                if home.join(path).is_dir() {
                    all.push((name.to_string(), home.join(path).to_string_lossy().into_owned()));
                }
            }
            let repository = home.join(".m2/repository");
            if repository.is_dir() {
                all.push(("MAVEN_ARGS".to_string(), format!("-Dmaven.repo.local={}", repository.to_string_lossy())));
            }
        }
        // An editable installation would bring in the project itself instead of the copy.
        let at = place.written().join(dir);
        let both = format!("{}:{}", at.join("src").to_string_lossy(), at.to_string_lossy());
        all.push(("PYTHONPATH".to_string(), both));
    }
    all.extend(env.iter().cloned());
    if place.copied && walls.namespaces {
        binds.push(Bind { from: place.written(), to: place.root.clone(), way: Way::Write });
    }
    binds.push(Bind { from: scratch.join("tmp"), to: PathBuf::from("/tmp"), way: Way::Write });
    binds.push(Bind { from: scratch.join("tmp"), to: PathBuf::from("/var/tmp"), way: Way::Write });
    binds.sort_by(|a, b| a.to.cmp(&b.to));
    Spec {
        binds,
        overlay: (walls.namespaces && !place.copied).then(|| place.root.clone()),
        scratch: scratch.clone(),
        cwd: seen.join(dir),
        argv,
        env: all,
        limits: policy.limits.clone(),
        network: policy.network,
        counted: (false, false),
        bare: !walls.namespaces,
    }
}

/// What is kept of the output.
#[derive(Default)]
struct Kept {
    streams: [Vec<u8>; 2],
    tail: Vec<u8>,
    truncated: bool,
}

fn drain(
    mut from: impl Read + Send + 'static,
    which: usize,
    kept: Arc<Mutex<Kept>>,
    most: u64,
) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let n = match from.read(&mut buffer) {
                Ok(0) => return,
                Ok(n) => n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(_) => return,
            };
            let Ok(mut k) = kept.lock() else { return };
            let room = (most as usize).saturating_sub(k.streams[which].len());
            k.truncated |= n > room;
            k.streams[which].extend_from_slice(&buffer[..n.min(room)]);
            k.tail.extend_from_slice(&buffer[..n]);
            if k.tail.len() > 2 * TAIL {
                let cut = k.tail.len() - TAIL;
                k.tail.drain(..cut);
            }
        }
    })
}

fn start(
    sandbox: &Sandbox,
    walls: &Walls,
    place: &Place,
    dir: &str,
    argv: &[String],
    env: &[(String, String)],
) -> Ended {
    let mut spec = spec(sandbox, walls, place, dir, argv, env);
    let status_file = place.scratch.join("status");
    // An old answer must not be taken for a new one.
    let _ = std::fs::remove_file(&status_file);
    if let Err(e) = std::fs::create_dir_all(place.reports()) {
        return not_started(format!("no directory for reports: {e}"));
    }
    let stage = if walls.namespaces { "enter" } else { "bare" };
    let child = Command::new(&sandbox.helper)
        .args([HELPER, stage])
        .env_clear()
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(c) => c,
        Err(e) => return not_started(format!("the helper: {e}")),
    };
    let kept = Arc::new(Mutex::new(Kept::default()));
    let most = spec.limits.output;
    let readers = [
        child.stdout.take().map(|s| drain(s, 0, kept.clone(), most)),
        child.stderr.take().map(|s| drain(s, 1, kept.clone(), most)),
    ];
    let mut groups = Groups::make(&spec.limits);
    groups.take(child.id());
    spec.counted = (groups.pids, groups.memory);
    let given;
    let mut how = None;
    let fed = (|| {
        if walls.namespaces {
            map_users(&mut child)?;
        }
        let mut text = serde_json::to_vec(&spec).map_err(|e| e.to_string())?;
        text.push(b'\n');
        let stdin = child.stdin.as_mut().ok_or("no way to the helper")?;
        stdin.write_all(&text).and_then(|()| stdin.flush()).map_err(|e| format!("the helper: {e}"))
    })();
    match fed {
        Ok(()) => {
            how = watch(&mut child, &spec, place);
            given = std::fs::read(&status_file).ok().and_then(|b| serde_json::from_slice::<Status>(&b).ok());
        }
        Err(why) => given = Some(Status::Failed(why)),
    }
    end(&mut child);
    for r in readers.into_iter().flatten() {
        // A reader cannot panic; if it did, what it kept is lost and nothing else.
        let _ = r.join();
    }
    let kept = kept.lock().map(|mut k| std::mem::take(&mut *k)).unwrap_or_default();
    let [stdout, stderr] = kept.streams;
    let tail = kept.tail[kept.tail.len().saturating_sub(TAIL)..].to_vec();
    let how = how.unwrap_or_else(|| match given {
        Some(Status::Exit(_) | Status::Signal(_)) if groups.out_of_memory() => How::Limit("memory".to_string()),
        Some(Status::Exit(n)) => How::Exit(n),
        Some(Status::Signal(n)) => How::Signal(n),
        Some(Status::Limit(what)) => How::Limit(what),
        Some(Status::Failed(why)) => How::NotStarted(why),
        None if groups.out_of_memory() => How::Limit("memory".to_string()),
        None => {
            let said = String::from_utf8_lossy(&tail);
            How::NotStarted(format!("the sandbox ended without an answer {}", said.trim()).trim_end().to_string())
        }
    });
    Ended { how, stdout, stderr, tail, truncated: kept.truncated }
}

/// Waits until the helper is in its own user namespace and maps the users: each to itself.
fn map_users(child: &mut Child) -> Result<(), String> {
    let pid = child.id();
    let here = std::fs::read_link("/proc/self/ns/user").map_err(|e| format!("no user namespaces: {e}"))?;
    let began = Instant::now();
    loop {
        if let Ok(Some(_)) = child.try_wait() {
            return Err("user namespaces are not allowed".to_string());
        }
        match std::fs::read_link(format!("/proc/{pid}/ns/user")) {
            Ok(there) if there != here => break,
            _ if began.elapsed() > PATIENCE => return Err("the helper did not leave its user namespace".to_string()),
            _ => std::thread::sleep(Duration::from_millis(1)),
        }
    }
    let root = nix::unistd::geteuid().is_root();
    let map = |file: &str, own: u32| -> String {
        if !root {
            return format!("{own} {own} 1\n");
        }
        let all = std::fs::read_to_string(format!("/proc/self/{file}")).unwrap_or_default();
        let line = |l: &str| {
            let mut n = l.split_whitespace();
            let (inside, _, count) = (n.next()?, n.next()?, n.next()?);
            Some(format!("{inside} {inside} {count}\n"))
        };
        all.lines().filter_map(line).collect()
    };
    let write = |file: &str, text: String| {
        std::fs::write(format!("/proc/{pid}/{file}"), text).map_err(|e| format!("{file}: {e}"))
    };
    if !root {
        write("setgroups", "deny\n".to_string())?;
    }
    write("gid_map", map("gid_map", nix::unistd::getegid().as_raw()))?;
    write("uid_map", map("uid_map", nix::unistd::geteuid().as_raw()))
}

/// Waits for the end; ends it itself where the helper cannot see the limit or does not keep it.
fn watch(child: &mut Child, spec: &Spec, place: &Place) -> Option<How> {
    let began = Instant::now();
    let limit = Duration::from_millis(spec.limits.time);
    let free = || nix::sys::statvfs::statvfs(&place.scratch).map(|s| s.blocks_available() * s.fragment_size());
    let before = free().ok();
    let mut pause = Duration::from_millis(2);
    let mut looked = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(_)) => return None,
            Ok(None) => {}
            Err(e) => return Some(How::NotStarted(format!("the helper is lost: {e}"))),
        }
        if began.elapsed() > limit + PATIENCE {
            return Some(How::Limit(format!("{} seconds", limit.as_secs())));
        }
        if looked.elapsed() > Duration::from_millis(500) {
            looked = Instant::now();
            // The free space is cheap to ask for; only when much of it went, what this run wrote is added up.
            if let (Some(before), Ok(now)) = (before, free())
                && (before.saturating_sub(now) > spec.limits.disk || now < spec.limits.disk.min(256 << 20))
                && size(&place.scratch) > spec.limits.disk.min(before / 2)
            {
                return Some(How::Limit(format!("{} MB on the disk", spec.limits.disk >> 20)));
            }
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// Bytes below a directory.
fn size(dir: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let mut total = 0;
    let mut stack = vec![dir.to_path_buf()];
    while let Some(d) = stack.pop() {
        for e in std::fs::read_dir(d).into_iter().flatten().flatten() {
            match e.metadata() {
                Ok(m) if m.is_dir() => stack.push(e.path()),
                Ok(m) => total += m.blocks() * 512,
                Err(_) => {}
            }
        }
    }
    total
}

/// Ends the helper and with it everything it started: its end closes the namespace, and the end of its input tells the one
/// without namespaces to clean up.
fn end(child: &mut Child) {
    drop(child.stdin.take());
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(5) {
        if let Ok(Some(_)) = child.try_wait() {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    // Both may fail only because it is gone.
    let _ = child.kill();
    let _ = child.wait();
}
