//! `insecure-randomness`: predictable random numbers where unpredictable ones are needed.

mod java_random;
mod python_random;

use crate::{Confidence, DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows, purpose};
use surefix_dataflow::CallFact;
use surefix_ir::Lang;
use surefix_text::{FileId, Fix, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "insecure-randomness",
    title: "Predictable random numbers where unpredictable ones are needed",
    cwe: &[330, 338],
    severity: Severity::Medium,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::Preserving,
    page: include_str!("../../../../docs/rules/insecure-randomness.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

/// Generators of the JDK that nobody can predict: they inherit the methods of the predictable one.
const SECURE: &[&str] = &["java.security.SecureRandom", "random.SystemRandom", "secrets.SystemRandom"];

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    for call in flows::watched(cx, &META) {
        if !predictable(call) {
            continue;
        }
        let mut found = flows::from_call(
            &META,
            call,
            "generator",
            match call.callee.ends_with(".setSeed") {
                true => "The values of a generator with a chosen seed can be predicted".to_string(),
                false => format!("The values of {} can be predicted", flows::short(&call.callee)),
            },
            "",
        );
        // Games, tests, sampling and back-off want exactly this generator: only names tell that a secret is made.
        let evidence = purpose::evidence(cx, call);
        let secret = purpose::names_secret(&evidence) || purpose::names_secret(purpose::function_name(cx, call));
        if !secret || seeded_on_purpose(cx, call) {
            found.confidence = Confidence::Low;
        }
        out.push(found);
    }
}

/// True when the call yields numbers of a predictable generator.
fn predictable(call: &CallFact) -> bool {
    let name = call.callee.rsplit('.').next().unwrap_or("");
    if matches!(name, "<init>" | "Random" | "seed" | "current" | "insecure") {
        return false;
    }
    match &call.recv {
        Some(r) => !r.types.iter().any(|t| SECURE.contains(&t.as_str())),
        None => true,
    }
}

/// A seed or a numeric library in the same file: the values are meant to be reproducible.
fn seeded_on_purpose(cx: &DetectCx<'_>, call: &CallFact) -> bool {
    if cx.lang(FileId(call.file)) != Lang::Python {
        return false;
    }
    let module = cx.module(FileId(call.file));
    let numeric = |p: &str| {
        let top = p.split('.').next().unwrap_or(p);
        matches!(top, "numpy" | "torch" | "tensorflow" | "sklearn" | "scipy" | "pandas" | "jax")
    };
    let seeds = |c: &CallFact| c.file == call.file && c.callee.ends_with(".seed");
    module.imports.iter().any(|i| numeric(module.strings.get(i.path))) || cx.analysis.calls.iter().any(seeds)
}

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    match cx.detect.lang(found.file) {
        Lang::Java => java_random::fix(cx, found),
        Lang::Python => python_random::fix(cx, found),
    }
}
