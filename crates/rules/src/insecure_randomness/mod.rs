//! `insecure-randomness`: predictable random numbers where unpredictable ones are needed.

mod java_random;
mod python_random;

use crate::{Confidence, DetectCx, FixCx, Found, Rule, RuleMeta, Severity, declarative, flows, purpose};
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

/// Words of functions that make up data.
const INVENTED: &[&str] = &["demo", "dummy", "fake", "fixture", "fixtures", "mock", "sample", "samples"];

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
        let evidence = purpose::receivers(cx, call);
        let secret = purpose::names_secret(&evidence) || purpose::names_secret(purpose::function_name(cx, call));
        let invented = purpose::names_any(purpose::function_name(cx, call), INVENTED);
        if !secret || invented || seeded_on_purpose(cx, call) || picks_one(cx, call) {
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

/// True when the value only chooses among values that are there already (`KEYS[random.nextInt(KEYS.length)]`, `random.choice(keys)`),
/// once: what is chosen is no better hidden by a better generator. Chosen again and again, characters make a secret.
fn picks_one(cx: &DetectCx<'_>, call: &CallFact) -> bool {
    let file = FileId(call.file);
    let module = cx.module(file);
    let Some(func) = module.functions.get(call.func as usize) else { return false };
    let value = surefix_ir::ValueId(call.value);
    let method = call.callee.rsplit('.').next().unwrap_or("");
    let text = cx.text(file);
    match module.lang {
        Lang::Java => {
            let index = |i: &surefix_ir::Instr| matches!(i.op, surefix_ir::Op::LoadIndex(_, at) if at == value);
            let Some(load) = func.instrs.iter().find(|i| index(i)) else { return false };
            let jx = surefix_rewrite::JavaCx::new(file, text, module);
            // Only the whole value of a variable or argument: what is appended or joined may be one of many.
            let mut node = jx.node_at(load.span).and_then(|n| n.parent());
            let joined = node.is_some_and(|n| n.kind() == "binary_expression")
                || node.and_then(|n| n.parent()).is_some_and(|n| {
                    n.kind() == "method_invocation"
                        && n.child_by_field_name("name").is_some_and(|n| jx.node_text(n) == "append")
                });
            let mut repeated = false;
            while let Some(n) = node.filter(|n| !surefix_rewrite::java::is_method_like(n.kind())) {
                repeated |= matches!(n.kind(), "for_statement" | "enhanced_for_statement" | "while_statement")
                    || matches!(n.kind(), "do_statement" | "lambda_expression");
                node = n.parent();
            }
            !joined && !repeated
        }
        Lang::Python => {
            use ruff_python_ast::AnyNodeRef as N;
            if method != "choice" {
                return false;
            }
            let py = surefix_rewrite::PyCx::new(file, text, module);
            let path = py.path_to(call.span);
            let whole = declarative::assigned(&py, call.span) == Some(call.span);
            // The loop only looks for where to choose from; characters would be put together in it.
            let text = |a: &surefix_dataflow::ArgFact| a.consts.is_some() || a.types.iter().any(|t| t == "str");
            if whole && !call.args.first().is_some_and(text) {
                return true;
            }
            let inner = path.iter().rev().take_while(|n| !matches!(n, N::StmtFunctionDef(_)));
            !inner.into_iter().any(|n| {
                matches!(
                    n,
                    N::StmtFor(_)
                        | N::StmtWhile(_)
                        | N::ExprListComp(_)
                        | N::ExprGenerator(_)
                        | N::ExprSetComp(_)
                        | N::ExprBinOp(_)
                        | N::ExprLambda(_)
                        | N::StmtAugAssign(_)
                )
            })
        }
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
