//! The settings file `surefix.toml`: its form, its errors with place and suggestion, and its schema.

mod deliver;

pub use deliver::{CiConfig, CommitConfig, ForgeConfig, GroupConfig, PrConfig, SplitConfig};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use surefix_rules::DECISION_KEYS;

/// Name of the settings file.
pub const FILE_NAME: &str = "surefix.toml";

/// Settings of a project. Every key is optional; a flag on the command line beats the file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// Which files are looked at.
    pub paths: Paths,
    /// Which rules run.
    pub rules: Rules,
    /// What is reported, and what fails a run.
    pub report: Report,
    /// What may be fixed.
    pub fix: FixConfig,
    /// Exceptions for some paths; later ones win.
    #[serde(rename = "override")]
    pub overrides: Vec<Override>,
    /// Findings that are accepted, each with the reason.
    pub suppress: Vec<Suppress>,
    /// Decisions that a fix needs and nobody can derive: rule, key, values.
    pub decisions: BTreeMap<String, BTreeMap<String, Values>>,
    /// Model files of the project, relative to the settings file; `*` is allowed.
    pub models: Vec<String>,
    /// Commits of fixes.
    pub commit: CommitConfig,
    /// Pull and merge requests.
    pub pr: PrConfig,
    /// The pipeline step.
    pub ci: CiConfig,
    /// How the project's own build and tests are run. What widens the sandbox is a flag, never a setting of the project.
    pub verify: VerifyConfig,
}

/// How the project's own build and tests are run.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct VerifyConfig {
    /// Build and test with every `fix`, as `--verify` does (default `false`).
    pub always: bool,
    /// Call the functions that were fixed, with a harmless input and with an attack (default `true`).
    pub probes: Option<bool>,
    /// Add regression tests with every verified fix, as `--with-tests` does (default `false`).
    pub with_tests: bool,
    /// Commands to run instead of those that are found.
    pub command: Vec<VerifyCommand>,
    /// Globs of directories whose commands are not run.
    pub exclude: Vec<String>,
    /// Environment variables that the commands get.
    pub env: BTreeMap<String, String>,
    /// Seconds after which a command is ended (default 1800).
    pub time_limit: Option<u64>,
    /// Megabytes of memory that a command may use (default 8192).
    pub memory_limit: Option<u64>,
    /// Processes and threads that a command may have at once (default 4096).
    pub process_limit: Option<u64>,
    /// Megabytes that a run may write to the disk (default 10240).
    pub disk_limit: Option<u64>,
}

/// A command that builds or tests the project.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct VerifyCommand {
    /// Directory, relative to the settings file's (default: that one).
    #[serde(default)]
    pub dir: String,
    /// What it shows.
    pub gate: Gate,
    /// Program and arguments; no shell is involved. `{reports}` stands for the directory of report files.
    pub run: Vec<String>,
    /// Where single results are to be found (default: there is only the exit code).
    #[serde(default)]
    pub report: Option<CommandReport>,
}

/// What a command shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Gate {
    /// That the project builds.
    Build,
    /// That its tests pass.
    Tests,
}

/// Where single results of a command are to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CommandReport {
    /// JUnit XML in folders named `surefire-reports`, `failsafe-reports`, `test-results` or `reports`.
    Junit,
    /// JUnit XML in `{reports}/junit.xml`.
    JunitFile,
    /// JSON of jest, vitest or mocha in `{reports}/results.json`.
    NodeJson,
    /// `go test -json` on standard output.
    GoJson,
    /// Test Anything Protocol on standard output.
    Tap,
    /// What `cargo test` prints.
    CargoTest,
    /// What `python -m unittest -v` prints.
    Unittest,
    /// One message a line, each a failure of its own.
    Messages,
}

/// Which files are looked at.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Paths {
    /// Globs of files whose findings are reported; empty: all.
    pub include: Vec<String>,
    /// Globs of files that are not looked at.
    pub exclude: Vec<String>,
    /// Report and fix test code as well.
    pub tests: bool,
    /// Report and fix generated code as well.
    pub generated: bool,
    /// Report and fix vendored code as well.
    pub vendored: bool,
}

/// Which rules run.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Rules {
    /// Only these rules; empty: all.
    pub only: Vec<String>,
    /// Not these rules.
    pub exclude: Vec<String>,
}

/// What is reported, and what fails a run.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Report {
    /// The lowest confidence that is reported (default `medium`).
    pub confidence: Option<Level>,
    /// The severity from which a remaining finding fails the run (default `medium`).
    pub fail_on: Option<FailOn>,
    /// File with findings that are known and accepted for now, relative to the settings file (`surefix scan --write-baseline`).
    pub baseline: Option<String>,
}

/// What may be fixed.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct FixConfig {
    /// The worst tier that is applied (default `attack-only`).
    pub tier: Option<MaxTier>,
    /// The lowest confidence that is fixed (default: `medium`, and `high` for `observable` fixes).
    pub confidence: Option<Level>,
    /// The worst tier for one rule.
    pub rules: BTreeMap<String, MaxTier>,
}

/// Exceptions for some paths.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Override {
    /// Globs of the files concerned.
    pub paths: Vec<String>,
    /// The worst tier there.
    #[serde(default)]
    pub tier: Option<MaxTier>,
    /// Rules whose findings are not reported there.
    #[serde(default)]
    pub exclude_rules: Vec<String>,
    /// The worst tier there for one rule.
    #[serde(default)]
    pub rules: BTreeMap<String, MaxTier>,
}

/// An accepted finding.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Suppress {
    /// Rule; absent: every rule.
    #[serde(default)]
    pub rule: Option<String>,
    /// Glob of files; absent: every file.
    #[serde(default)]
    pub path: Option<String>,
    /// Fingerprint, or its beginning (at least 8 digits).
    #[serde(default)]
    pub fingerprint: Option<String>,
    /// Why.
    pub reason: String,
}

/// One value or several.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Values {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl Values {
    /// As a list.
    pub fn list(&self) -> Vec<String> {
        match self {
            Values::One(v) => vec![v.clone()],
            Values::Many(v) => v.clone(),
        }
    }
}

/// A confidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Anything.
    Low,
    /// One doubt at most.
    Medium,
    /// No doubt.
    High,
}

/// The severity from which a remaining finding fails a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FailOn {
    /// Any finding.
    Low,
    /// Medium and worse.
    Medium,
    /// High and worse.
    High,
    /// Critical only.
    Critical,
    /// No finding fails the run.
    Never,
}

/// The worst tier that is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MaxTier {
    /// Nothing is fixed.
    Off,
    /// Only fixes with the same result for every input.
    Preserving,
    /// Also fixes that differ for attack-shaped input only.
    AttackOnly,
    /// Also fixes that a legitimate caller can notice.
    Observable,
}

/// What is wrong with a settings file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {message}{}", suggestion.as_ref().map(|s| format!(" (did you mean `{s}`?)")).unwrap_or_default())]
pub struct ConfigError {
    /// The file as named by the user.
    pub file: String,
    /// Line from 1.
    pub line: usize,
    /// Column from 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// The nearest known name.
    pub suggestion: Option<String>,
}

impl Config {
    /// Reads the text of a settings file. `rules` are the known rule ids (empty: not checked).
    pub fn parse(file: &str, text: &str, rules: &[&str]) -> Result<Config, ConfigError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let config: Config = toml::from_str(text).map_err(|e| {
            let at = e.span().map_or(0, |s| s.start);
            let message = e.message().lines().next().unwrap_or("not valid").to_string();
            let suggestion = suggest_from(&message);
            place(file, text, at, message, suggestion)
        })?;
        if !rules.is_empty() {
            for id in config.rule_ids() {
                if !rules.contains(&id.as_str()) {
                    let at = text.find(&format!("\"{id}\"")).or_else(|| text.find(&id)).unwrap_or(0);
                    let suggestion = nearest(&id, rules.iter().copied());
                    return Err(place(file, text, at, format!("unknown rule `{id}`"), suggestion));
                }
            }
        }
        if !rules.is_empty()
            && let Some((at, message, suggestion)) = config.wrong_decision(text)
        {
            return Err(place(file, text, at, message, suggestion));
        }
        for glob in config.globs() {
            if let Err(e) = globset::Glob::new(&glob) {
                let at = text.find(&glob).unwrap_or(0);
                return Err(place(file, text, at, format!("not a valid glob: {}", e.kind()), None));
            }
        }
        for s in &config.suppress {
            if s.rule.is_none() && s.path.is_none() && s.fingerprint.is_none() {
                let at = text.find("[[suppress]]").unwrap_or(0);
                let message = "a suppression needs a rule, a path or a fingerprint".to_string();
                return Err(place(file, text, at, message, None));
            }
            if s.fingerprint.as_ref().is_some_and(|f| f.len() < 8) {
                let at = text.find("fingerprint").unwrap_or(0);
                return Err(place(file, text, at, "a fingerprint needs at least 8 digits".to_string(), None));
            }
        }
        for c in &config.verify.command {
            let inside = !c.dir.starts_with('/') && c.dir.split('/').all(|p| p != "..");
            if c.run.first().is_none_or(String::is_empty) || !inside {
                let at = text.find("[[verify.command]]").unwrap_or(0);
                let message = if inside { "a command needs a program" } else { "the directory leaves the project" };
                return Err(place(file, text, at, message.to_string(), None));
            }
        }
        Ok(config)
    }

    fn rule_ids(&self) -> Vec<String> {
        let mut out: Vec<String> = Vec::new();
        out.extend(self.rules.only.iter().chain(&self.rules.exclude).cloned());
        out.extend(self.fix.rules.keys().cloned());
        out.extend(self.decisions.keys().cloned());
        for o in &self.overrides {
            out.extend(o.exclude_rules.iter().cloned());
            out.extend(o.rules.keys().cloned());
        }
        out.extend(self.suppress.iter().filter_map(|s| s.rule.clone()));
        out
    }

    /// The first decision that no recipe asks for: where it stands, what is wrong, and what may be meant.
    fn wrong_decision(&self, text: &str) -> Option<(usize, String, Option<String>)> {
        for (rule, keys) in &self.decisions {
            let known = DECISION_KEYS.iter().find(|(r, _)| r == rule).map_or(&[][..], |(_, keys)| *keys);
            if let Some(key) = keys.keys().find(|k| !known.contains(&k.as_str())) {
                let after = |from: usize, word: &str| text.get(from..)?.find(word).map(|i| from + i);
                let table = after(0, "decisions").unwrap_or(0);
                let at = after(after(table, rule).unwrap_or(table), key).unwrap_or(table);
                let message = match known {
                    [] => format!("`{rule}` takes no decisions, so `{key}` would change nothing"),
                    _ => format!("unknown decision `{key}` of `{rule}`, expected `{}`", known.join("` or `")),
                };
                let few = if let [one] = known { Some((*one).to_string()) } else { None };
                return Some((at, message, nearest(key, known.iter().copied()).or(few)));
            }
        }
        None
    }

    fn globs(&self) -> Vec<String> {
        let mut out: Vec<String> = self.paths.include.iter().chain(&self.paths.exclude).cloned().collect();
        out.extend(self.overrides.iter().flat_map(|o| o.paths.iter().cloned()));
        out.extend(self.suppress.iter().filter_map(|s| s.path.clone()));
        out.extend(self.verify.exclude.iter().cloned());
        out
    }

    /// The JSON Schema of the settings file, with a final newline.
    pub fn schema() -> String {
        let schema = schemars::schema_for!(Config);
        let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
        text.push('\n');
        text
    }
}

fn place(file: &str, text: &str, at: usize, message: String, suggestion: Option<String>) -> ConfigError {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    ConfigError { file: file.to_string(), line, column, message, suggestion }
}

/// The known name nearest to the unknown one in a message such as "unknown field `x`, expected one of `a`, `b`".
fn suggest_from(message: &str) -> Option<String> {
    let mut names = message.split('`').skip(1).step_by(2);
    let wrong = names.next()?;
    nearest(wrong, names)
}

/// The candidate with the smallest edit distance to `wrong`, if it is near enough to be meant.
pub fn nearest<'a>(wrong: &str, candidates: impl Iterator<Item = &'a str>) -> Option<String> {
    candidates
        .map(|c| (distance(wrong, c), c))
        .filter(|(d, c)| *d <= (c.len().max(wrong.len()) / 3).max(1))
        .min()
        .map(|(_, c)| c.to_string())
}

fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let cost = if ca == *cb { diagonal } else { diagonal + 1 };
            diagonal = row[j + 1];
            row[j + 1] = cost.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// The commented file that `surefix init` writes.
pub const INIT: &str = r#"# Settings of Surefix. Every key is optional; what stands here commented out is the default.
# Check and complete it in an editor with the schema: docs/surefix.schema.json

[paths]
# include = ["src/**"]            # only findings in these files are reported
# exclude = ["third_party/**"]    # these files are not looked at
# tests = false                   # report and fix test code as well
# generated = false
# vendored = false

[rules]
# only = ["sql-injection"]
# exclude = ["log-injection"]

[report]
# confidence = "medium"           # lowest confidence reported: low, medium, high
# fail-on = "medium"              # severity from which a remaining finding fails the run, or "never"
# baseline = "surefix-baseline.txt"   # findings that are known and accepted for now

[fix]
# tier = "attack-only"            # worst tier applied: off, preserving, attack-only, observable
# confidence = "medium"           # lowest confidence fixed

# [fix.rules]                     # the worst tier for one rule
# insecure-cookie = "observable"

# [[override]]                    # exceptions for some paths
# paths = ["legacy/**"]
# tier = "off"
# exclude-rules = ["weak-hash"]

# [[suppress]]                    # accepted findings
# rule = "weak-hash"
# path = "src/cache/**"
# reason = "a cache key, not a security boundary"

# [decisions.open-redirect]       # what a fix needs and nobody can derive
# allowed-hosts = ["www.example.org"]

# [verify]                        # the project's own build and tests, for --verify
# always = false
# probes = true
# exclude = ["legacy/**"]         # directories whose commands are not run
# time-limit = 1800               # seconds for one command
# memory-limit = 8192             # megabytes
# process-limit = 4096            # processes and threads
# disk-limit = 10240              # megabytes

# [[verify.command]]              # instead of the commands that are found
# dir = "server"
# gate = "tests"
# run = ["make", "check"]
# report = "tap"

# [commit]                        # commits of fixes
# split = "per-fix"               # per-fix, per-rule, single
# prefix = "fix(security): "
# author = "Surefix <surefix@example.org>"
# sign-off = false

# [pr]                            # pull and merge requests
# group = "rule"                  # finding, rule, module, all
# max-open = 5
# max-daily = 5
# labels = ["security"]
# reviewers = ["alice", "team:web"]
# codeowners = true
# draft = false
# title-prefix = "[security] "
# forge = "gitea"                 # github, gitlab, gitea, bitbucket, azure; the pipeline tells by itself
# api = "https://git.example.org/api/v1"
# server = "https://git.example.org/"
# repository = "team/shop"
# ca-file = "ca.pem"

# [ci]                            # the pipeline step
# main = "main"
# commit = true                   # commit to the branch of a request
# requests = true                 # open requests from the main branch
# suggestions = true
# output = "surefix-report"

# models = ["surefix-models/*.toml"]   # goes above the first [table]
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commented_file_is_valid_and_means_the_defaults() {
        assert_eq!(Config::parse("x", INIT, &[]).unwrap(), Config::default());
    }

    #[test]
    fn every_commented_key_is_known() {
        let live: String = INIT
            .lines()
            .filter(|l| !l.contains("models ="))
            .skip(3)
            .map(|l| l.strip_prefix("# ").unwrap_or(l).to_string() + "\n")
            .collect();
        let config = Config::parse("x", &live, &[]).unwrap();
        assert_eq!(config.overrides[0].tier, Some(MaxTier::Off));
        assert_eq!(config.decisions["open-redirect"]["allowed-hosts"].list(), ["www.example.org"]);
    }

    #[test]
    fn errors_name_the_place_and_a_suggestion() {
        let e = Config::parse("surefix.toml", "[paths]\nexlude = []\n", &[]).unwrap_err();
        assert_eq!((e.line, e.suggestion.as_deref()), (2, Some("exclude")), "{e}");
        let e = Config::parse("surefix.toml", "[fix]\ntier = \"observabel\"\n", &[]).unwrap_err();
        assert_eq!((e.line, e.suggestion.as_deref()), (2, Some("observable")), "{e}");
        let e = Config::parse("s", "[rules]\nonly = [\"sql-injecton\"]\n", &["sql-injection", "xss"]).unwrap_err();
        assert_eq!(e.suggestion.as_deref(), Some("sql-injection"));
        assert!(Config::parse("s", "[paths]\nexclude = [\"a[\"]\n", &[]).is_err());
        assert!(Config::parse("s", "[[suppress]]\nreason = \"x\"\n", &[]).is_err());
        assert!(Config::parse("s", "[paths\n", &[]).is_err());
    }

    #[test]
    fn decisions_that_nobody_asks_for_are_errors() {
        let ids = ["ssrf", "open-redirect", "weak-hash"];
        let read = |text: &str| Config::parse("s", text, &ids);
        let good = "[decisions.ssrf]\nallowed-hosts = [\"a.example\"]\n";
        assert!(read(good).is_ok());
        let e = read("[report]\n[decisions.ssrf]\nallowed-host = \"a.example\"\n").unwrap_err();
        assert_eq!((e.line, e.column, e.suggestion.as_deref()), (3, 1, Some("allowed-hosts")), "{e}");
        let e = read("[decisions.weak-hash]\nallow = \"md5\"\n").unwrap_err();
        assert_eq!((e.line, e.suggestion), (2, None));
        assert!(e.message.contains("takes no decisions"), "{}", e.message);
        let e = read("[decisions.open-redirct]\nallowed-hosts = \"a\"\n").unwrap_err();
        assert_eq!((e.line, e.suggestion.as_deref()), (1, Some("open-redirect")), "{e}");
    }
}
