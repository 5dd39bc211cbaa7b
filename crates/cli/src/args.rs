//! The command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use surefix_engine::config::{FailOn, Level, MaxTier};

/// Finds security flaws in Java and Python code and fixes them, each fix proven before it is written.
#[derive(Parser, Debug)]
#[command(name = "surefix", version, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do; nothing shows the three commands to start with.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// When to use colour.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
}

/// Commands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Find flaws and say of each how it would end; change nothing.
    Scan(Scan),
    /// Find flaws and fix them.
    Fix(Fix),
    /// List the rules.
    Rules,
    /// Show the page of a rule.
    Rule {
        /// Rule id, for example `sql-injection`.
        id: String,
    },
    /// Show a finding in full: its flow with code, the fix and its proof, or why there is none.
    Explain {
        /// Beginning of the fingerprint (shown in brackets), or `path:line`.
        finding: String,
        /// What to scan.
        #[arg(default_value = ".")]
        paths: Vec<PathBuf>,
        #[command(flatten)]
        common: Common,
    },
    /// Show how the project would be built and tested, or replay the proof of a run.
    Verify(Verify),
    /// Take one fix out again, also when its lines have moved since.
    Undo {
        /// Beginning of the fingerprint (shown in brackets behind the finding).
        fix: String,
    },
    /// Fix in pull or merge requests: branches, commits, pushes, one request a group of findings.
    Pr(Pr),
    /// The pipeline step: finds out where it runs, and fixes there what it may.
    Ci(Ci),
    /// Write a commented `surefix.toml`, or the files of a pipeline.
    Init {
        /// Write the pipeline step for this platform instead.
        #[arg(long, value_enum, value_name = "PLATFORM")]
        ci: Option<CiFile>,
    },
    /// Print shell completions.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// `surefix scan`.
#[derive(Args, Debug)]
pub struct Scan {
    /// Files and directories; default: the current directory.
    pub paths: Vec<PathBuf>,
    /// The worst tier that counts as allowed.
    #[arg(long, value_enum)]
    pub tier: Option<TierArg>,
    /// Write the findings that remain to a file; with it as `baseline` they are accepted for now.
    #[arg(long, value_name = "FILE")]
    pub write_baseline: Option<PathBuf>,
    #[command(flatten)]
    pub common: Common,
}

/// `surefix fix`.
#[derive(Args, Debug)]
pub struct Fix {
    /// Files and directories; default: the current directory.
    pub paths: Vec<PathBuf>,
    /// Print the changes as a unified diff instead of writing them.
    #[arg(long)]
    pub diff: bool,
    /// Write nothing; fail when a finding at or above the threshold is there.
    #[arg(long)]
    pub check: bool,
    /// The worst tier that is applied.
    #[arg(long, value_enum)]
    pub tier: Option<TierArg>,
    /// Return 5 when fixes were applied and nothing worse happened.
    #[arg(long)]
    pub exit_non_zero_on_fix: bool,
    /// Commit the fixes of what is checked in; nothing that is not committed is touched.
    #[arg(
        long,
        value_enum,
        value_name = "SPLIT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "as-configured",
        conflicts_with_all = ["diff", "check"]
    )]
    pub commit: Option<SplitArg>,
    #[command(flatten)]
    pub unproven: Unproven,
    #[command(flatten)]
    pub building: Building,
    #[command(flatten)]
    pub common: Common,
}

/// `surefix verify`.
#[derive(Args, Debug)]
pub struct Verify {
    /// The proof to replay; with `--plan`: the project.
    #[arg(required_unless_present = "plan")]
    pub what: Option<PathBuf>,
    /// Print which commands would be run, and why; run nothing.
    #[arg(long)]
    pub plan: bool,
    /// The project that the proof speaks of.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub root: PathBuf,
    #[command(flatten)]
    pub building: Building,
    #[command(flatten)]
    pub common: Common,
}

/// Delivery with less proof than usual.
#[derive(Args, Debug, Clone, Copy)]
pub struct Unproven {
    /// Commit without building and testing; the messages then say "not built, not tested".
    #[arg(long, conflicts_with_all = ["verify", "proof"])]
    pub no_verify: bool,
}

/// `surefix pr`.
#[derive(Args, Debug)]
pub struct Pr {
    /// Files and directories; default: the whole project.
    pub paths: Vec<PathBuf>,
    /// The worst tier that is applied.
    #[arg(long, value_enum)]
    pub tier: Option<TierArg>,
    /// Say what would be done; write nothing.
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub unproven: Unproven,
    #[command(flatten)]
    pub building: Building,
    #[command(flatten)]
    pub common: Common,
}

/// How the project's own build and tests are run.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Build and tests")]
pub struct Building {
    /// Run the project's own build and tests in a sandbox, and drop the fixes that make something worse.
    #[arg(long)]
    pub verify: bool,
    /// Add a regression test to the project for each fix where one can be made and shown to fail before and pass after (implies
    /// `--verify`).
    #[arg(long)]
    pub with_tests: bool,
    /// What to do when the system cannot isolate commands completely.
    #[arg(long, value_enum, default_value_t = SandboxArg::Auto)]
    pub sandbox: SandboxArg,
    /// Let the commands use the network.
    #[arg(long)]
    pub allow_network: bool,
    /// Let the commands read a path outside of the project; may be repeated.
    #[arg(long, value_name = "PATH")]
    pub allow_read: Vec<PathBuf>,
    /// Give the commands an environment variable; may be repeated.
    #[arg(long, value_name = "NAME")]
    pub allow_env: Vec<String>,
    /// Write the proof to a file (implies `--verify`; default: beside the undo patch).
    #[arg(long, value_name = "FILE")]
    pub proof: Option<PathBuf>,
}

/// What to do when commands cannot be isolated completely.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SandboxArg {
    /// Run them and say what is missing.
    #[default]
    Auto,
    /// Refuse to run them.
    Required,
}

/// `surefix ci`.
#[derive(Args, Debug)]
pub struct Ci {
    /// Files and directories; default: the whole project.
    pub paths: Vec<PathBuf>,
    /// The worst tier that is applied.
    #[arg(long, value_enum)]
    pub tier: Option<TierArg>,
    /// Reports and patch only: no commit, no push, no request, no suggestion.
    #[arg(long)]
    pub no_write: bool,
    /// Report all findings, not only those that the change introduces.
    #[arg(long)]
    pub all_findings: bool,
    /// Return 5 when fixes were committed and nothing worse happened.
    #[arg(long)]
    pub exit_non_zero_on_fix: bool,
    #[command(flatten)]
    pub unproven: Unproven,
    #[command(flatten)]
    pub building: Building,
    #[command(flatten)]
    pub common: Common,
}

/// How fixes are spread over commits.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum SplitArg {
    /// One commit a fix.
    PerFix,
    /// One commit a rule.
    PerRule,
    /// One commit.
    Single,
    /// As `[commit] split` says.
    #[value(hide = true)]
    AsConfigured,
}

/// A platform that `init --ci` writes for.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum CiFile {
    /// GitHub Actions.
    Github,
    /// GitLab CI.
    Gitlab,
    /// Azure Pipelines.
    Azure,
    /// Bitbucket Pipelines.
    Bitbucket,
    /// Jenkins.
    Jenkins,
    /// CircleCI.
    Circleci,
}

/// Flags of all runs.
#[derive(Args, Debug, Clone)]
pub struct Common {
    /// Only this rule; may be repeated.
    #[arg(long = "rule", value_name = "ID")]
    pub rules: Vec<String>,
    /// Not this rule; may be repeated.
    #[arg(long = "exclude-rule", value_name = "ID")]
    pub exclude_rules: Vec<String>,
    /// The severity from which a remaining finding fails the run.
    #[arg(long, value_enum)]
    pub fail_on: Option<FailOnArg>,
    /// The lowest confidence that is reported.
    #[arg(long, value_enum)]
    pub confidence: Option<LevelArg>,
    /// Number of threads; 0: one a core.
    #[arg(long, default_value_t = 0)]
    pub threads: usize,
    /// Settings file; default: `surefix.toml` at the project's root.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Form of the report.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Write the report to a file instead of standard output.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write another report beside it, as FORMAT=FILE; may be repeated.
    #[arg(long, value_name = "FORMAT=FILE", value_parser = parse_save)]
    pub save: Vec<(Format, PathBuf)>,
    /// File with findings that are known and accepted for now.
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Show suppressed and excluded findings as well.
    #[arg(long)]
    pub all: bool,
}

fn parse_save(text: &str) -> Result<(Format, PathBuf), String> {
    let (format, file) = text.split_once('=').ok_or("expected FORMAT=FILE")?;
    Ok((Format::from_str(format, true)?, PathBuf::from(file)))
}

/// Form of a report.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For reading in a terminal.
    Text,
    /// JSON, schema 1.
    Json,
    /// SARIF 2.1.0.
    Sarif,
    /// Markdown.
    Markdown,
    /// Unified diff of all changes.
    Patch,
}

/// When to use colour.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

macro_rules! mirror {
    ($(#[$doc:meta])* $name:ident, $to:ident { $($(#[$vdoc:meta])* $v:ident),* }) => {
        $(#[$doc])*
        #[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$vdoc])* $v),* }
        impl From<$name> for $to {
            fn from(v: $name) -> $to { match v { $($name::$v => $to::$v),* } }
        }
    };
}

mirror! {
    /// Tier on the command line.
    TierArg, MaxTier {
        /// Nothing is fixed.
        Off,
        /// The same result for every input.
        Preserving,
        /// Differs for attack-shaped input only.
        AttackOnly,
        /// A legitimate caller can notice.
        Observable
    }
}
mirror! {
    /// Severity on the command line.
    FailOnArg, FailOn {
        /// Any finding.
        Low,
        /// Medium and worse.
        Medium,
        /// High and worse.
        High,
        /// Critical only.
        Critical,
        /// No finding fails the run.
        Never
    }
}
mirror! {
    /// Confidence on the command line.
    LevelArg, Level {
        /// Anything.
        Low,
        /// One doubt at most.
        Medium,
        /// No doubt.
        High
    }
}
