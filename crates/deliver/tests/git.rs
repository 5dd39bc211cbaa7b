//! Real git: temporary work trees, commits, history, pushing to a bare repository by file and by smart HTTP.

#[path = "support/standin.rs"]
mod standin;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use surefix_deliver::git::{Git, GitError, Login};
use surefix_deliver::history::{earlier, is_ours};
use surefix_deliver::push::Over;
use surefix_deliver::repo::Repo;
use surefix_deliver::secret::{Scrubber, Secret, base64};

struct Lab {
    dir: tempfile::TempDir,
}

impl Lab {
    fn new() -> Lab {
        let lab = Lab { dir: tempfile::tempdir().unwrap() };
        std::fs::create_dir(lab.path("w")).unwrap();
        lab.git("w", &["init", "-q", "-b", "main"]);
        lab.git("w", &["config", "user.name", "Ann"]);
        lab.git("w", &["config", "user.email", "ann@example.org"]);
        lab
    }
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join(name)
    }
    fn git(&self, at: &str, args: &[&str]) -> String {
        let out = Command::new("git").args(args).current_dir(self.path(at)).output().unwrap();
        assert!(out.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap().trim().to_string()
    }
    fn put(&self, name: &str, text: &str) {
        let full = self.path("w").join(name);
        std::fs::create_dir_all(full.parent().unwrap()).unwrap();
        std::fs::write(full, text).unwrap();
    }
    fn commit(&self, message: &str) -> String {
        self.git("w", &["add", "-A"]);
        self.git("w", &["commit", "-q", "--allow-empty", "-m", message]);
        self.git("w", &["rev-parse", "HEAD"])
    }
    fn repo(&self) -> Repo {
        Repo::open(&Git::new(self.path("w"))).unwrap()
    }
    fn bare(&self) -> String {
        self.git("", &["init", "-q", "--bare", "-b", "main", "bare.git"]);
        let url = format!("file://{}", self.path("bare.git").display());
        self.git("w", &["remote", "add", "origin", &url]);
        url
    }
}

#[test]
fn a_checkout_moves_and_other_work_stays() {
    let lab = Lab::new();
    lab.put("a.txt", "1\n");
    lab.put("b.txt", "1\n");
    lab.put("c.txt", "1\n");
    let old = lab.commit("one");
    lab.put("a.txt", "2\n");
    let new = lab.commit("two");
    lab.git("w", &["reset", "-q", "--hard", &old]);
    // Staged in one file, changed in another, and a new one.
    lab.put("b.txt", "staged\n");
    lab.git("w", &["add", "b.txt"]);
    lab.put("b.txt", "and more\n");
    lab.put("c.txt", "changed\n");
    lab.put("new.txt", "n\n");
    let repo = lab.repo();
    assert_eq!(repo.uncommitted().unwrap().into_iter().collect::<Vec<_>>(), ["b.txt", "c.txt"]);
    let before = lab.git("w", &["status", "--porcelain=v2"]);
    repo.advance(&old, &new).unwrap();
    assert_eq!(lab.git("w", &["rev-parse", "main"]), new);
    assert_eq!(std::fs::read_to_string(lab.path("w/a.txt")).unwrap(), "2\n");
    assert_eq!(lab.git("w", &["status", "--porcelain=v2"]), before);
    // Meanwhile moved: nothing happens.
    assert!(matches!(repo.advance(&old, &new), Err(GitError::State(_))));
    // A file concerned that was changed: nothing happens at all.
    lab.git("w", &["reset", "-q", "--hard", &old]);
    lab.put("a.txt", "mine\n");
    assert!(matches!(lab.repo().advance(&old, &new), Err(GitError::Failed { .. })));
    assert_eq!(lab.git("w", &["rev-parse", "main"]), old);
    assert_eq!(std::fs::read_to_string(lab.path("w/a.txt")).unwrap(), "mine\n");
}

#[test]
fn work_trees_come_and_go_without_running_anything() {
    let lab = Lab::new();
    lab.put("dir/a.txt", "1\n");
    let old = lab.commit("one");
    lab.put("dir/a.txt", "2\n");
    lab.commit("two");
    let hook = lab.path("w/.git/hooks/post-checkout");
    std::fs::write(&hook, format!("#!/bin/sh\ntouch {}\n", lab.path("ran").display())).unwrap();
    Command::new("chmod").arg("+x").arg(&hook).status().unwrap();
    let repo = lab.repo();
    let tree = repo.worktree(&old).unwrap();
    let file = tree.path().join("dir/a.txt");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "1\n");
    tree.reset(&repo.head).unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "2\n");
    drop(tree);
    assert!(!file.exists() && !lab.path("ran").exists());
    assert_eq!(lab.git("w", &["worktree", "list"]).lines().count(), 1);
}

#[test]
fn states_that_do_not_allow_it_are_named() {
    let lab = Lab::new();
    let open = |at: &Path| Repo::open(&Git::new(at)).map(|_| ()).unwrap_err().to_string();
    assert_eq!(open(&lab.path("w")), "the repository has no commit yet");
    assert_eq!(open(&lab.path("")), "not a git repository");
    lab.bare();
    assert!(open(&lab.path("bare.git")).contains("bare repository"));
    lab.put("a.txt", "1\n");
    lab.commit("one");
    lab.repo().at_rest().unwrap();
    std::fs::write(lab.path("w/.git/MERGE_HEAD"), "").unwrap();
    assert!(lab.repo().at_rest().unwrap_err().to_string().contains("a merge is under way"));
}

#[test]
fn the_history_tells_what_was_fixed_and_what_was_taken_back() {
    let lab = Lab::new();
    lab.commit("start");
    let (a, b, c) = ("a".repeat(32), "b".repeat(32), "c".repeat(32));
    let fix = |p: &str| format!("Fix\n\nText.\n\nSurefix-Finding: {p}\nSurefix-Version: 0.1.0");
    let one = lab.commit(&fix(&a));
    let two = lab.commit(&fix(&b));
    let three = lab.commit(&fix(&c));
    assert!(is_ours(&lab.repo().git, &three));
    let back = lab.commit(&format!("Revert\n\nThis reverts commit {two}."));
    let off = lab.commit(&format!("Revert\n\nThis reverts commit {three}."));
    lab.commit(&format!("Reapply\n\nThis reverts commit {off}."));
    lab.commit("A message that speaks of\nSurefix-Finding: nothing");
    let repo = lab.repo();
    let all = earlier(&repo.git, &repo.head).unwrap();
    assert_eq!(all.len(), 3);
    assert_eq!((all[&a].commit.as_str(), &all[&a].reverted_by), (one.as_str(), &None));
    assert_eq!(all[&b].reverted_by.as_deref(), Some(back.as_str()));
    assert_eq!(all[&c].reverted_by, None);
    assert!(!is_ours(&repo.git, &repo.head));
}

#[test]
fn pushes_take_nothing_away_from_others() {
    let lab = Lab::new();
    lab.bare();
    lab.put("a.txt", "1\n");
    let one = lab.commit("one");
    let repo = lab.repo();
    repo.push("origin", &one, "main", Over::Ancestor).unwrap();
    let two = lab.commit("two");
    lab.git("w", &["reset", "-q", "--hard", &one]);
    let other = lab.commit("other");
    repo.push("origin", &two, "main", Over::Ancestor).unwrap();
    // Somebody was faster.
    assert!(matches!(repo.push("origin", &other, "main", Over::Ancestor), Err(GitError::Failed { .. })));
    // A branch of our own: only over what we know.
    repo.push("origin", &one, "surefix/x", Over::Exactly(None)).unwrap();
    assert!(repo.push("origin", &other, "surefix/x", Over::Exactly(None)).is_err());
    assert!(repo.push("origin", &other, "surefix/x", Over::Exactly(Some(&two))).is_err());
    repo.push("origin", &other, "surefix/x", Over::Exactly(Some(&one))).unwrap();
    assert_eq!(repo.remote_branches("origin", "surefix/").unwrap(), [("surefix/x".to_string(), other.clone())]);
    assert!(repo.remove_branch("origin", "surefix/x", &one).is_err());
    repo.remove_branch("origin", "surefix/x", &other).unwrap();
    assert!(repo.remote_branches("origin", "surefix/").unwrap().is_empty());
}

#[test]
fn a_hook_of_the_server_that_refuses_is_heard() {
    let lab = Lab::new();
    lab.bare();
    let hook = lab.path("bare.git/hooks/pre-receive");
    std::fs::write(&hook, "#!/bin/sh\necho 'branch is protected' >&2\nexit 1\n").unwrap();
    Command::new("chmod").arg("+x").arg(&hook).status().unwrap();
    let one = lab.commit("one");
    let e = lab.repo().push("origin", &one, "main", Over::Ancestor).unwrap_err().to_string();
    assert!(e.contains("branch is protected"), "{e}");
}

#[test]
fn a_shallow_clone_is_deepened_to_the_base() {
    let lab = Lab::new();
    let url = lab.bare();
    let base = lab.commit("base");
    lab.git("w", &["push", "-q", "origin", "main"]);
    for i in 0..60 {
        lab.commit(&format!("m{i}"));
    }
    lab.git("w", &["push", "-q", "origin", "main"]);
    lab.git("w", &["checkout", "-q", "-b", "work", &base]);
    for i in 0..60 {
        lab.commit(&format!("w{i}"));
    }
    let tip = lab.git("w", &["rev-parse", "HEAD"]);
    lab.git("w", &["push", "-q", "origin", "work"]);
    lab.git("", &["clone", "-q", "--depth=1", "--branch=work", &url, "shallow"]);
    let repo = Repo::open(&Git::new(lab.path("shallow"))).unwrap();
    assert!(repo.shallow());
    let onto = repo.branch_commit(Some("origin"), "main").unwrap();
    let range = repo.range(Some("origin"), &tip, &onto).unwrap();
    assert_eq!(range.base, base);
    // A name from a hostile repository is a name.
    assert_eq!(repo.branch_commit(Some("origin"), "--upload-pack=touch x"), None);
    assert_eq!(repo.bring(Some("origin"), "--help"), None);
}

/// A server for git over smart HTTP that wants the token, made of the program that git brings along.
fn smart_http(root: PathBuf) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let root = root.clone();
            std::thread::spawn(move || cgi(stream, &root));
        }
    });
    base
}

fn cgi(mut stream: std::net::TcpStream, root: &Path) -> Option<()> {
    use std::io::{BufRead, BufReader, Read};
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_string(), words.next()?.to_string());
    let mut headers = std::collections::BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((n, v)) = line.trim_end().split_once(':') else { break };
        headers.entry(n.to_ascii_lowercase()).or_insert_with(Vec::new).push(v.trim().to_string());
    }
    let one = |n: &str| headers.get(n).and_then(|v| v.first()).cloned().unwrap_or_default();
    let want = format!("Basic {}", base64(format!("x-access-token:{}", standin::TOKEN).as_bytes()));
    // Two headers would be refused by GitHub.
    if headers.get("authorization").map(Vec::as_slice) != Some(&[want][..]) {
        let answer =
            "HTTP/1.1 401 x\r\nwww-authenticate: Basic realm=\"git\"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        return stream.write_all(answer.as_bytes()).ok();
    }
    let mut body = Vec::new();
    if one("transfer-encoding") == "chunked" {
        loop {
            let mut size = String::new();
            reader.read_line(&mut size).ok()?;
            let n = usize::from_str_radix(size.trim(), 16).ok()?;
            let mut part = vec![0; n + 2];
            reader.read_exact(&mut part).ok()?;
            body.extend_from_slice(&part[..n]);
            if n == 0 {
                break;
            }
        }
    } else {
        body = vec![0; one("content-length").parse().unwrap_or(0)];
        reader.read_exact(&mut body).ok()?;
    }
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut child = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REMOTE_USER", "x")
        .env("REQUEST_METHOD", method)
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("CONTENT_TYPE", one("content-type"))
        .env("HTTP_CONTENT_ENCODING", one("content-encoding"))
        .env("GIT_PROTOCOL", one("git-protocol"))
        .env("CONTENT_LENGTH", body.len().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    child.stdin.take()?.write_all(&body).ok()?;
    let out = child.wait_with_output().ok()?.stdout;
    let at = out.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&out[..at]).into_owned();
    let status = head.lines().find_map(|l| l.strip_prefix("Status: ")).unwrap_or("200 OK").to_string();
    let rest = &out[at + 4..];
    let kept: String = head.lines().filter(|l| !l.starts_with("Status:")).map(|l| format!("{l}\r\n")).collect();
    let first = format!("HTTP/1.1 {status}\r\n{kept}content-length: {}\r\nconnection: close\r\n\r\n", rest.len());
    stream.write_all(first.as_bytes()).ok()?;
    stream.write_all(rest).ok()
}

#[test]
fn the_token_goes_with_the_push_and_stays_nowhere() {
    let lab = Lab::new();
    lab.git("", &["init", "-q", "--bare", "-b", "main", "srv/o/r.git"]);
    let base = smart_http(lab.path("srv"));
    lab.git("w", &["remote", "add", "origin", &format!("{base}o/r.git")]);
    // What a checkout step leaves behind, for the same server and no longer valid.
    lab.git("w", &["config", &format!("http.{base}.extraHeader"), "Authorization: Basic b2xkOm9sZA=="]);
    let one = lab.commit("one");
    let token = Secret::new(standin::TOKEN).unwrap();
    let login = Login { base: base.clone(), user: "x-access-token", token: token.clone() };
    let mut repo = Repo::open(&Git::new(lab.path("w")).hiding(Scrubber::new([&token]))).unwrap();
    // Without it the server refuses, and nobody is asked.
    assert!(repo.push("origin", &one, "main", Over::Ancestor).is_err());
    repo.login = Some(login.clone());
    repo.push("origin", &one, "main", Over::Ancestor).unwrap();
    assert_eq!(lab.git("srv/o/r.git", &["rev-parse", "main"]), one);
    assert_eq!(repo.remote_branches("origin", "").unwrap().len(), 1);
    assert_eq!(repo.fetch("origin", "refs/heads/main").as_deref(), Some(one.as_str()));
    // A token for another server is not sent.
    repo.login = Some(Login { base: "https://other.example/".into(), ..login });
    assert!(repo.push("origin", &one, "two", Over::Ancestor).is_err());
    let kept = Command::new("grep").args(["-r", standin::TOKEN]).arg(lab.path("w")).output().unwrap();
    assert!(kept.stdout.is_empty(), "{}", String::from_utf8_lossy(&kept.stdout));
}
