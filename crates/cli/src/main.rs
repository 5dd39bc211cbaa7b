//! The `surefix` program: arguments to settings to engine to reports; exit codes.

mod args;
mod deliver;
mod run;
mod verify;

use args::{Cli, Color, Command};
use clap::{CommandFactory, Parser};
use std::io::Write;
use std::process::ExitCode;

/// Analysis makes and frees small values on all threads at once: with glibc's allocator it takes a fifth longer, and musl's is known
/// to be slow with threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Wrong usage or configuration; nothing was changed.
pub const USAGE: u8 = 2;
/// Surefix itself failed.
pub const FAILED: u8 = 3;

/// An error with its exit code.
#[derive(Debug)]
pub struct Failure {
    /// The code.
    pub code: u8,
    /// The message.
    pub message: String,
}

impl Failure {
    /// Wrong usage or configuration.
    pub fn usage(message: impl std::fmt::Display) -> Failure {
        Failure { code: USAGE, message: message.to_string() }
    }
    /// Surefix itself failed.
    pub fn failed(message: impl std::fmt::Display) -> Failure {
        Failure { code: FAILED, message: message.to_string() }
    }
}

const START: &str = "\
Surefix finds security flaws in Java and Python code and fixes them.

  surefix scan            show what is wrong, and what could be fixed
  surefix fix --diff      show the fixes as a diff, change nothing
  surefix fix             fix

More: surefix --help, surefix rules
";

fn main() -> ExitCode {
    // The program is its own helper around the commands of scanned projects.
    let mut args = std::env::args_os().skip(1);
    if args.next().is_some_and(|a| a == surefix_verify::sandbox::HELPER) {
        let rest: Vec<String> = args.filter_map(|a| a.into_string().ok()).collect();
        return ExitCode::from(surefix_verify::sandbox::helper_main(&rest));
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            // Help and version are results, everything else is wrong usage.
            let code = if e.use_stderr() { USAGE } else { 0 };
            let _ = e.print();
            return ExitCode::from(code);
        }
    };
    match dispatch(cli) {
        Ok(code) => ExitCode::from(code),
        Err(f) => {
            let mut err = std::io::stderr().lock();
            let _ = writeln!(err, "error: {}", surefix_report::escape::block(&f.message));
            ExitCode::from(f.code)
        }
    }
}

/// Colour for a stream, as the flag, `NO_COLOR` and the terminal want it.
pub fn color(choice: Color, stream: &impl anstream::stream::RawStream) -> bool {
    match choice {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => anstream::AutoStream::choice(stream) != anstream::ColorChoice::Never,
    }
}

fn dispatch(cli: Cli) -> Result<u8, Failure> {
    let Some(command) = cli.command else {
        run::print(START.as_bytes())?;
        return Ok(0);
    };
    match command {
        Command::Scan(a) => run::scan(a, cli.color),
        Command::Fix(a) if a.commit.is_some() => deliver::commit::run(a, cli.color),
        Command::Fix(a) => run::fix(a, cli.color),
        Command::Explain { finding, paths, common } => run::explain(&finding, paths, common, cli.color),
        Command::Rules => run::rules(),
        Command::Rule { id } => run::rule(&id, cli.color),
        Command::Verify(a) if a.plan => verify::plan(a.what, &a.common, &a.building),
        Command::Verify(a) => verify::replay(&a.what.unwrap_or_default(), &a.root, &a.common, &a.building),
        Command::Undo { fix } => verify::undo(&fix),
        Command::Pr(a) => deliver::pr::run(a, cli.color),
        Command::Ci(a) => deliver::ci::run(a, cli.color),
        Command::Init { ci: None } => run::init(),
        Command::Init { ci: Some(platform) } => deliver::init::run(platform),
        Command::Completions { shell } => {
            let mut out = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "surefix", &mut out);
            run::print(&out)?;
            Ok(0)
        }
    }
}
