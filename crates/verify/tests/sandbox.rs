//! Hostile commands, and what they reach.
#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use surefix_verify::sandbox::{Ended, How, Limits, Machine, Place, Policy, Sandbox};
use surefix_verify::scratch::Scratch;

struct World {
    dir: tempfile::TempDir,
    policy: Policy,
}

impl World {
    fn new() -> World {
        let dir = tempfile::tempdir().unwrap();
        let w = World { dir, policy: Policy::default() };
        for (file, text) in [
            ("home/me/.ssh/id", "SECRET"),
            ("home/me/.m2/settings.xml", "SECRET"),
            ("home/me/.m2/repository/jar", "JAR"),
            ("home/me/other/code.py", "SECRET"),
            ("home/me/project/a.txt", "original"),
            ("home/me/project/sub/b.txt", "b"),
            ("home/me/project/.git/config", "[core]\n\tbare = false\n[http]\n\textraheader = SECRET\n"),
        ] {
            let full = w.dir.path().join(file);
            std::fs::create_dir_all(full.parent().unwrap()).unwrap();
            std::fs::write(full, text).unwrap();
        }
        w.policy_limits(|l| l.time = 20_000)
    }
    fn policy_limits(mut self, change: impl FnOnce(&mut Limits)) -> World {
        change(&mut self.policy.limits);
        self
    }
    fn home(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join("home/me")
    }
    fn root(&self) -> PathBuf {
        self.home().join("project")
    }
    fn scratch(&self) -> Scratch {
        Scratch::make(&self.dir.path().join("store")).unwrap()
    }
    fn sandbox(&self, scratch: &Scratch) -> Sandbox {
        let path = std::env::var_os("PATH").unwrap();
        let home = self.home();
        let machine = Machine::read(|n| match n {
            "PATH" => Some(path.clone()),
            "HOME" => Some(home.clone().into()),
            _ => None,
        });
        let helper = Path::new(env!("CARGO_BIN_EXE_surefix-sandbox-helper"));
        Sandbox::new(helper, self.policy.clone(), machine, &scratch.part("trial").unwrap())
    }
    /// Runs a shell script in the project.
    fn run(&self, script: &str) -> (Ended, Scratch) {
        let scratch = self.scratch();
        let sandbox = self.sandbox(&scratch);
        assert!(sandbox.walls().namespaces, "no namespaces here: {}", sandbox.walls().why);
        let ended = self.run_in(&sandbox, &scratch, script);
        (ended, scratch)
    }
    fn run_in(&self, sandbox: &Sandbox, scratch: &Scratch, script: &str) -> Ended {
        let place =
            Place { root: self.root(), scratch: scratch.part("place").unwrap(), copied: !sandbox.walls().overlay };
        if place.copied {
            for f in ["a.txt", "sub/b.txt"] {
                std::fs::create_dir_all(place.written().join(f).parent().unwrap()).unwrap();
                std::fs::copy(self.root().join(f), place.written().join(f)).unwrap();
            }
        }
        sandbox.run(&place, "", &["sh".into(), "-c".into(), script.into()], &[])
    }
}

fn out(e: &Ended) -> String {
    String::from_utf8_lossy(&e.stdout).into_owned()
}

#[test]
fn it_sees_the_project_and_writes_only_a_copy() {
    let w = World::new();
    let (e, scratch) = w.run("cat a.txt sub/b.txt; echo changed > a.txt; echo new > sub/n.txt; pwd; cat a.txt; exit 3");
    assert_eq!(e.how, How::Exit(3), "{}", String::from_utf8_lossy(&e.stderr));
    assert_eq!(out(&e), format!("originalb{}\nchanged\n", w.root().display()));
    assert_eq!(std::fs::read_to_string(w.root().join("a.txt")).unwrap(), "original");
    assert!(!w.root().join("sub/n.txt").exists());
    // What it wrote is where it can be looked at.
    assert_eq!(std::fs::read_to_string(scratch.path().join("place/upper/sub/n.txt")).unwrap(), "new\n");
}

#[test]
fn secrets_are_not_to_be_read() {
    let w = World::new();
    let home = w.home().display().to_string();
    let host = tempfile::NamedTempFile::new_in("/var/tmp").unwrap();
    std::fs::write(host.path(), "SECRET").unwrap();
    let (e, _s) = w.run(&format!(
        "cat {home}/.ssh/id {home}/.m2/settings.xml {home}/other/code.py {} /etc/shadow /proc/1/environ /proc/kcore 2>/dev/null | head -c 500; \
         ls -a {home}; cat {home}/.m2/repository/jar; cat /proc/sys/kernel/core_pattern >/dev/null && echo x > /proc/sys/kernel/core_pattern; env",
        host.path().display()
    ));
    let text = out(&e);
    assert!(!text.contains("SECRET") && !text.contains("root:"), "{text}");
    assert!(text.contains("JAR"), "the dependency cache is there: {text}");
    assert!(!text.contains(".ssh") && !text.contains("other"), "{text}");
    assert!(String::from_utf8_lossy(&e.stderr).contains("core_pattern"), "the machine cannot be steered");
    let names: Vec<&str> = text.lines().filter_map(|l| l.split_once('=')).map(|(n, _)| n).collect();
    assert!(
        !names.iter().any(|n| n.contains("CARGO") && *n != "CARGO_NET_OFFLINE"),
        "the environment is clean: {names:?}"
    );
}

#[test]
fn open_files_of_the_caller_are_no_way_in() {
    let w = World::new();
    let secret = std::fs::File::open(w.home().join(".ssh/id")).unwrap();
    // A copy of a descriptor is handed on to children, unlike the ones that Rust opens.
    let copy = nix::unistd::dup(&secret).unwrap();
    let script = "for f in /proc/self/fd/*; do case $f in */[012]) ;; *) cat $f ;; esac; done 2>/dev/null; echo end";
    let (e, _s) = w.run(script);
    drop(copy);
    assert_eq!(out(&e), "end\n");
}

#[test]
fn nothing_is_written_outside() {
    let w = World::new();
    let home = w.home().display().to_string();
    let outside = tempfile::tempdir_in("/var/tmp").unwrap();
    let o = outside.path().display();
    let (e, _s) = w.run(&format!(
        "echo x > {o}/x; echo x > {home}/x; echo x > {home}/.m2/repository/x; echo x > /etc/x; echo x > /x; echo x > /usr/x; mkdir /run/x; \
         mount -t tmpfs none /etc; umount {home}; chmod 777 /etc; echo x > /tmp/mine; echo x > /dev/shm/mine && echo done"
    ));
    assert!(out(&e).contains("done"), "{}", String::from_utf8_lossy(&e.stderr));
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    assert!(!w.home().join("x").exists() && !w.home().join(".m2/repository/x").exists());
    for p in ["/etc/x", "/x", "/usr/x", "/run/x", "/tmp/mine", "/dev/shm/mine"] {
        assert!(!Path::new(p).exists(), "{p}");
    }
}

#[test]
fn there_is_no_network_but_the_own_machine() {
    let w = World::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    listener.set_nonblocking(true).unwrap();
    let script = format!(
        "import socket\n\
         def go(*a):\n  try:\n    socket.create_connection(a, 1); return 'open'\n  except OSError: return 'closed'\n\
         print(go('127.0.0.1', {port}), go('1.1.1.1', 53))\n\
         s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(1); print(go(*s.getsockname()))\n"
    );
    std::fs::write(w.root().join("net.py"), script).unwrap();
    let (e, _s) = w.run("/usr/bin/python3 net.py");
    assert_eq!(out(&e), "closed closed\nopen\n", "{}", String::from_utf8_lossy(&e.stderr));
    assert!(listener.accept().is_err(), "nobody came");
}

#[test]
fn a_hanging_command_ends_with_all_its_children() {
    let w = World::new().policy_limits(|l| l.time = 1500);
    let mark = format!("{}", 5_000_000 + std::process::id());
    let began = Instant::now();
    let (e, _s) = w.run(&format!("setsid sleep {mark} & (trap '' TERM HUP INT; sleep {mark}) & sleep {mark}"));
    assert_eq!(e.how, How::Limit("1 seconds".into()));
    assert!(began.elapsed() < Duration::from_secs(15));
    assert!(!alive(&mark), "something was left");
}

fn alive(mark: &str) -> bool {
    std::fs::read_dir("/proc").unwrap().flatten().any(|e| {
        std::fs::read(e.path().join("cmdline"))
            .is_ok_and(|c| String::from_utf8_lossy(&c).contains(&format!("sleep\0{mark}")))
    })
}

#[test]
fn what_runs_on_behind_a_command_ends_with_it() {
    let w = World::new();
    let mark = format!("{}", 6_000_000 + std::process::id());
    let (e, _s) = w.run(&format!("setsid sleep {mark} >/dev/null 2>&1 & echo over"));
    assert_eq!((&e.how, out(&e)), (&How::Exit(0), "over\n".to_string()));
    assert!(!alive(&mark));
}

#[test]
fn a_fork_bomb_ends_at_the_limit_for_root_too() {
    let w = World::new().policy_limits(|l| {
        l.processes = 100;
        l.time = 10_000;
    });
    let (e, _s) = w.run("b() { b | b & }; b; sleep 8; echo survived");
    // With a control group forks fail and the shell goes on; without one everything is ended.
    assert!(matches!(&e.how, How::Limit(_)) || !e.stderr.is_empty(), "{e:?}");
    let after = std::fs::read_dir("/proc").unwrap().flatten().count();
    assert!(after < 2000, "{after}");
}

#[test]
fn memory_output_and_disk_have_limits() {
    let w = World::new().policy_limits(|l| {
        l.memory = 200 << 20;
        l.output = 1 << 20;
        l.time = 300_000;
    });
    let (e, _s) = w.run("/usr/bin/python3 -c \"x = []\nwhile True: x.append(b'x' * 10000000)\"");
    assert!(matches!(&e.how, How::Limit(what) if what.contains("memory")), "{:?}", e.how);
    let (e, _s) = w.run("head -c 2000000000 /dev/zero; echo end");
    assert_eq!((e.how, e.stdout.len(), e.truncated), (How::Exit(0), 1 << 20, true));
    assert!(e.tail.len() <= 16 << 10 && e.tail.ends_with(b"end\n"));
    let w = World::new().policy_limits(|l| {
        l.disk = 50 << 20;
        l.time = 300_000;
    });
    let (e, s) =
        w.run("head -c 100000000 /dev/zero > big; i=0; while :; do head -c 9000000 /dev/zero > f$i; i=$((i+1)); done");
    assert!(matches!(&e.how, How::Limit(what) if what.contains("disk")), "{:?}", e.how);
    assert!(
        std::fs::metadata(s.path().join("place/upper/big")).unwrap().len() <= 50 << 20,
        "one file has the limit, too"
    );
}

#[test]
fn the_parent_cannot_be_killed_and_its_death_ends_everything() {
    let w = World::new();
    let (e, _s) = w.run("kill -9 $PPID; kill -9 1; kill -9 -1; sleep 0.1; echo still here");
    assert!(out(&e).contains("still here") || matches!(e.how, How::Signal(9)), "{e:?}");
    // The program itself dies: its helper must not live on.
    let helper = env!("CARGO_BIN_EXE_surefix-sandbox-helper");
    let mut child = std::process::Command::new(helper)
        .args(["__sandbox", "enter"])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdin.take());
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(began.elapsed() < Duration::from_secs(10), "the helper waits for nobody");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn what_cannot_be_started_is_said() {
    let w = World::new();
    let scratch = w.scratch();
    let sandbox = w.sandbox(&scratch);
    let place = Place { root: w.root(), scratch: scratch.part("place").unwrap(), copied: false };
    let e = sandbox.run(&place, "", &["no-such-program".into()], &[]);
    assert!(!e.how.success() && String::from_utf8_lossy(&e.tail).contains("no-such-program"), "{e:?}");
    let e = sandbox.run(&place, "no/such/dir", &["true".into()], &[]);
    assert!(!e.how.success(), "{e:?}");
}

#[test]
fn a_full_copy_stands_at_the_place_of_the_project() {
    let w = World::new();
    let scratch = w.scratch();
    let sandbox = w.sandbox(&scratch).without_overlay();
    let e = w.run_in(&sandbox, &scratch, "pwd; cat a.txt sub/b.txt; echo changed > a.txt; cat a.txt; ls -a");
    assert_eq!(out(&e), format!("{}\noriginalbchanged\n.\n..\na.txt\nsub\n", w.root().display()), "{e:?}");
    assert_eq!(std::fs::read_to_string(w.root().join("a.txt")).unwrap(), "original");
    assert_eq!(std::fs::read_to_string(scratch.path().join("place/copy/a.txt")).unwrap(), "changed\n");
}

#[test]
fn without_namespaces_files_and_processes_are_still_kept_in() {
    let w = World::new().policy_limits(|l| l.time = 3000);
    let scratch = w.scratch();
    let sandbox = w.sandbox(&scratch).without_namespaces();
    let missing = sandbox.walls().missing(false);
    assert!(missing.iter().any(|m| m.contains("namespaces")), "{missing:?}");
    if sandbox.walls().landlock == 0 {
        assert!(missing.iter().any(|m| m.contains("Landlock")));
        return;
    }
    let home = w.home().display().to_string();
    let mark = format!("{}", 7_000_000 + std::process::id());
    let e = w.run_in(
        &sandbox,
        &scratch,
        &format!(
            "cat a.txt; echo x > a.txt; cat {home}/.ssh/id /etc/shadow; echo x > {home}/x; echo x > {}/a.txt; \
             (setsid sleep {mark} &) ; sleep {mark}",
            w.root().display()
        ),
    );
    assert_eq!(e.how, How::Limit("3 seconds".into()), "{e:?}");
    assert_eq!(out(&e), "original");
    assert_eq!(std::fs::read_to_string(w.root().join("a.txt")).unwrap(), "original");
    assert!(!w.home().join("x").exists() && !alive(&mark));
}
