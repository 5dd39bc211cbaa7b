//! The `git` program: started without a shell, names after `--` or on standard input, its environment under control.

use crate::secret::{Scrubber, Secret, base64};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use surefix_engine::discover::io_text;

/// Variables of git that say who commits and how a server is reached. All others would lead git to another repository, index
/// or object store than the one meant.
const KEPT: [&str; 14] = [
    "GIT_ASKPASS",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_CONFIG_SYSTEM",
    "GIT_EXEC_PATH",
    "GIT_PROXY_COMMAND",
    "GIT_PROXY_SSL_CAINFO",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_SSH_VARIANT",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    "GIT_TEMPLATE_DIR",
];
const KEPT_BEGINNINGS: [&str; 4] = ["GIT_AUTHOR_", "GIT_COMMITTER_", "GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_"];

/// Variables with tokens: hooks and filters are the repository's code and have no use for them.
pub const TOKENS: [&str; 12] = [
    "SUREFIX_TOKEN",
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "GITLAB_TOKEN",
    "CI_JOB_TOKEN",
    "GITEA_TOKEN",
    "FORGEJO_TOKEN",
    "BITBUCKET_TOKEN",
    "SYSTEM_ACCESSTOKEN",
    "AZURE_DEVOPS_EXT_PAT",
    "ACTIONS_RUNTIME_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
];

/// What went wrong with git. The texts hold no secret and nothing that steers a terminal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GitError {
    /// The program cannot be started.
    #[error("git cannot be started: {0}")]
    Missing(String),
    /// The program is too old.
    #[error("git {0} is too old: 2.30 or newer is needed")]
    TooOld(String),
    /// A command failed.
    #[error("git {what} failed: {words}")]
    Failed {
        /// The command's name.
        what: String,
        /// What git said.
        words: String,
    },
    /// An answer that cannot be read.
    #[error("git {what} gave an answer that is not understood")]
    Answer {
        /// The command's name.
        what: String,
    },
    /// A file of the work tree.
    #[error("{path}: {why}")]
    Io {
        /// The file.
        path: String,
        /// The system's words.
        why: String,
    },
    /// The state of the repository does not allow it.
    #[error("{0}")]
    State(String),
}

/// Git in one directory.
#[derive(Clone, Debug)]
pub struct Git {
    dir: PathBuf,
    /// Put into the environment of every command.
    env: BTreeMap<String, OsString>,
    scrub: Scrubber,
}

/// Where a token may be sent, and how it is put into the header.
#[derive(Clone, Debug)]
pub struct Login {
    /// Beginning of the addresses it is for, for example `https://github.com/`.
    pub base: String,
    /// The user's name that the forge wants beside the token.
    pub user: &'static str,
    /// The token.
    pub token: Secret,
}

impl Git {
    /// Git in `dir`. Nothing is started yet.
    pub fn new(dir: impl Into<PathBuf>) -> Git {
        Git { dir: dir.into(), env: BTreeMap::new(), scrub: Scrubber::default() }
    }

    /// The same, in another directory.
    pub fn at(&self, dir: impl Into<PathBuf>) -> Git {
        Git { dir: dir.into(), ..self.clone() }
    }

    /// The same, with a variable in the environment of its commands.
    pub fn with(mut self, name: &str, value: impl Into<OsString>) -> Git {
        self.env.insert(name.to_string(), value.into());
        self
    }

    /// The same, hiding these secrets in messages.
    pub fn hiding(mut self, scrub: Scrubber) -> Git {
        self.scrub = scrub;
        self
    }

    /// The same, sending the token to the addresses it is for. It goes through the environment of the one command: neither its
    /// arguments nor a file hold it.
    pub fn with_login(&self, login: &Login) -> Git {
        let mut git = self.clone();
        let first: usize = std::env::var("GIT_CONFIG_COUNT").ok().and_then(|n| n.parse().ok()).unwrap_or(0);
        let key = format!("http.{}.extraHeader", login.base);
        let value =
            format!("Authorization: Basic {}", base64(format!("{}:{}", login.user, login.token.expose()).as_bytes()));
        // The empty value takes out what a checkout step left there: two such headers are refused.
        for (i, v) in [(first, String::new()), (first + 1, value)] {
            git.env.insert(format!("GIT_CONFIG_KEY_{i}"), key.clone().into());
            git.env.insert(format!("GIT_CONFIG_VALUE_{i}"), v.into());
        }
        git.env.insert("GIT_CONFIG_COUNT".to_string(), (first + 2).to_string().into());
        git
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut c = Command::new("git");
        // What a repository can configure to be run by a mere look at it, and addresses that are commands.
        c.args(["-c", "core.fsmonitor=false", "-c", "protocol.ext.allow=never", "-c", "color.ui=false"]);
        c.args(["-c", "advice.detachedHead=false", "-c", "core.quotePath=true", "-c", "gc.auto=0"]);
        c.args(["--literal-pathspecs", "--no-pager"]);
        c.args(args).current_dir(&self.dir);
        for (name, _) in std::env::vars_os() {
            let Some(text) = name.to_str() else { continue };
            let foreign = text.starts_with("GIT_")
                && !KEPT.contains(&text)
                && !KEPT_BEGINNINGS.iter().any(|k| text.starts_with(k));
            if foreign || TOKENS.contains(&text) {
                c.env_remove(&name);
            }
        }
        c.env("GIT_TERMINAL_PROMPT", "0").env("GIT_EDITOR", ":").env("GIT_LFS_SKIP_SMUDGE", "1").env("LC_ALL", "C");
        c.envs(&self.env);
        c
    }

    /// Starts a command and waits for it, whatever its exit code.
    pub fn output(&self, args: &[&str], input: &[u8]) -> Result<Output, GitError> {
        let mut child = self
            .command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| GitError::Missing(io_text(&e)))?;
        let stdin = child.stdin.take();
        std::thread::scope(|s| {
            s.spawn(move || {
                if let Some(mut pipe) = stdin {
                    // A command that does not read its input to the end says itself what is wrong.
                    let _ = pipe.write_all(input);
                }
            });
            child.wait_with_output()
        })
        .map_err(|e| GitError::Missing(io_text(&e)))
    }

    /// Runs a command that must succeed; its output as bytes.
    pub fn bytes(&self, args: &[&str], input: &[u8]) -> Result<Vec<u8>, GitError> {
        let out = self.output(args, input)?;
        if out.status.success() { Ok(out.stdout) } else { Err(self.failed(args, &out)) }
    }

    /// Runs a command that must succeed; its output as text, without the final line break.
    pub fn text(&self, args: &[&str]) -> Result<String, GitError> {
        let bytes = self.bytes(args, b"")?;
        let text = String::from_utf8(bytes).map_err(|_| GitError::Answer { what: name(args) })?;
        Ok(text.trim_end_matches('\n').to_string())
    }

    /// As [`Git::text`], `None` when the command fails.
    pub fn maybe(&self, args: &[&str]) -> Option<String> {
        self.text(args).ok().filter(|t| !t.is_empty())
    }

    /// True when the command succeeds.
    pub fn ok(&self, args: &[&str]) -> bool {
        self.output(args, b"").is_ok_and(|o| o.status.success())
    }

    /// What a failed command said, made harmless.
    pub fn failed(&self, args: &[&str], out: &Output) -> GitError {
        let said = if out.stderr.is_empty() { &out.stdout } else { &out.stderr };
        let text = String::from_utf8_lossy(said);
        let words: String = text.trim().chars().take(2000).collect();
        let words = surefix_report::escape::block(&self.scrub.clean(&words)).into_owned();
        let words = if words.is_empty() { format!("{}", out.status) } else { words };
        GitError::Failed { what: name(args), words }
    }

    /// Paths of an answer with `-z`.
    pub fn paths(&self, args: &[&str]) -> Result<Vec<String>, GitError> {
        let bytes = self.bytes(args, b"")?;
        Ok(bytes
            .split(|b| *b == 0)
            .filter(|p| !p.is_empty())
            .map(|p| String::from_utf8_lossy(p).into_owned())
            .collect())
    }

    /// Wants a git that knows all that is used here.
    pub fn check_version(&self) -> Result<(), GitError> {
        let text = self.text(&["version"])?;
        let number = text.split_whitespace().nth(2).unwrap_or_default();
        let mut parts = number.split('.').map(|p| p.parse::<u32>().unwrap_or(0));
        let version = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
        if version < (2, 30) { Err(GitError::TooOld(number.to_string())) } else { Ok(()) }
    }

    /// The object id of a commit that is here.
    pub fn commit(&self, rev: &str) -> Option<String> {
        self.maybe(&["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{rev}^{{commit}}")])
    }

    /// The tree of a commit.
    pub fn tree(&self, commit: &str) -> Result<String, GitError> {
        self.text(&["rev-parse", "--verify", "--end-of-options", &format!("{commit}^{{tree}}")])
    }
}

/// The command's name, for messages: the first argument that is no option.
fn name(args: &[&str]) -> String {
    args.iter().find(|a| !a.starts_with('-')).copied().unwrap_or_default().to_string()
}
