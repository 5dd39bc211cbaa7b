//! `command-injection`: OS command injection.

mod detect;
mod java;
mod java_argv;
mod java_leaves;
mod java_shell;
mod program;
mod python;
mod python_elsewhere;

use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity};
use surefix_ir::Lang;
use surefix_models::Kind;
use surefix_text::{Fix, Reason, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "command-injection",
    title: "OS command injection",
    cwe: &[78, 88],
    severity: Severity::Critical,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::AttackOnly,
    page: include_str!("../../../../docs/rules/command-injection.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

/// What a person does where the caller chooses the program.
const PROGRAM_STEPS: &str = "Map the caller's choice to a constant: a `switch` or a table from the expected names to the programs, \
    with an error for everything else.";

/// What a person does where the caller fills the environment.
const ENV_STEPS: &str = "Build the environment from constant names. Let the caller choose only values, and check each against \
    what that variable may hold; `PATH`, `LD_PRELOAD`, `IFS`, `PYTHONPATH` and their like must never come from outside.";

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    detect::detect(cx, out);
}

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let Some(flow) = &found.flow else { return Err(Refusal::new(Reason::ShapeUnknown, "the finding has no flow")) };
    if flow.kind == Kind::CmdEnv {
        let why = "the caller chooses entries of the environment, which can change what any program does";
        return Err(Refusal::new(Reason::NoLocalFix, why).with_steps(ENV_STEPS));
    }
    match cx.detect.lang(found.file) {
        Lang::Java => java::fix(cx, found, flow),
        Lang::Python => python::fix(cx, found, flow),
    }
}

/// The refusal where the untrusted value names the program or begins the command.
fn program_chosen<T>() -> Result<T, Refusal> {
    let why = "the untrusted value names the program or begins the command";
    Err(Refusal::new(Reason::DecisionNeeded, why).with_steps(PROGRAM_STEPS))
}
