//! `timing-unsafe-comparison`: comparison of secrets in variable time.

mod java;
mod python;

use crate::{Confidence, DetectCx, FixCx, Found, Rule, RuleMeta, Severity, facts, flows, purpose};
use surefix_ir::{BinOp, Callee, Function, Lang, Module, Op, ValueId};
use surefix_text::{FileId, Fix, Reason, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "timing-unsafe-comparison",
    title: "Comparison of secrets in variable time",
    cwe: &[208],
    severity: Severity::Low,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::Preserving,
    page: include_str!("../../../../docs/rules/timing-unsafe-comparison.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

/// What makes a value of a comparison a secret that is compared with a message's claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Evidence {
    /// It is computed with a key in this function.
    Computed,
    /// Its name says so, and the file works with keyed hashes.
    Named,
}

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    for (i, module) in cx.program.modules.iter().enumerate() {
        let file = FileId(u32::try_from(i).unwrap_or(u32::MAX));
        let text = cx.text(file);
        // Nearly all files end here.
        let keyed = match module.lang {
            Lang::Java => text.contains("javax.crypto") || text.contains("HmacUtils") || text.contains("Hashing.hmac"),
            Lang::Python => text.contains("hmac"),
        };
        if !keyed {
            continue;
        }
        for func in &module.functions {
            for (at, instr) in func.instrs.iter().enumerate() {
                let Some((a, b)) = operands(module, &instr.op) else { continue };
                if [a, b].iter().any(|v| plain(func, *v)) {
                    continue;
                }
                let evidence = [a, b].iter().filter_map(|v| secret(module, func, text, *v)).min_by_key(|e| *e as u8);
                let Some(evidence) = evidence else { continue };
                let mut found = flows::from_place(
                    &META,
                    file,
                    instr.span,
                    "comparison",
                    "comparison",
                    "The comparison ends at the first difference, so its duration tells how much of a guess is right"
                        .to_string(),
                    match instr.op {
                        Op::Bin(..) => "operator",
                        _ => "equals",
                    },
                );
                if evidence == Evidence::Named {
                    found.confidence = Confidence::Medium;
                }
                let _ = at;
                out.push(found);
            }
        }
    }
}

/// The two sides of a comparison.
fn operands(module: &Module, op: &Op) -> Option<(ValueId, ValueId)> {
    match op {
        Op::Bin(BinOp::Eq | BinOp::Ne, a, b) if module.lang == Lang::Python => Some((*a, *b)),
        Op::Call(c) if module.lang == Lang::Java => match (&c.callee, c.args.as_slice()) {
            (Callee::Method { recv, name }, [one])
                if matches!(module.strings.get(*name), "equals" | "equalsIgnoreCase" | "contentEquals") =>
            {
                Some((*recv, one.value))
            }
            (Callee::Method { name, .. } | Callee::Name(name), [one, two]) if module.strings.get(*name) == "equals" => {
                Some((one.value, two.value))
            }
            _ => None,
        },
        _ => None,
    }
}

/// Nobody has to guess a value that is written in the code.
fn plain(func: &Function, v: ValueId) -> bool {
    matches!(func.instr(v).op, Op::Const(_) | Op::Aggregate(..))
}

/// Calls whose result depends on a key.
const KEYED: &[&str] =
    &["doFinal", "hexdigest", "digest", "hmacSha256Hex", "hmacSha1Hex", "hmacSha512Hex", "hmacHex", "finalize"];

/// Calls that only write bytes in another way.
const REWRITES: &[&str] = &[
    "encodeToString",
    "encodeHexString",
    "formatHex",
    "printHexBinary",
    "toHexString",
    "hexlify",
    "b64encode",
    "urlsafe_b64encode",
    "standard_b64encode",
    "decode",
    "encode",
    "hex",
    "lower",
    "upper",
    "toLowerCase",
    "toUpperCase",
    "toString",
    "strip",
    "encodeBase64String",
    "encodeBase64URLSafeString",
    "str",
    "String",
    "bytesToHex",
    "toHex",
    "rstrip",
];

/// Why a value must not be guessed, when it must not.
fn secret(module: &Module, func: &Function, text: &str, v: ValueId) -> Option<Evidence> {
    if computed(module, func, v, 0) {
        return Some(Evidence::Computed);
    }
    const NAMES: &[&str] = &["hmac", "signature", "sig", "mac"];
    let name = func.instr(v).span.of(text);
    let simple = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.'));
    (simple && purpose::names_any(facts::last(name), NAMES)).then_some(Evidence::Named)
}

/// A keyed hash, perhaps written as text.
fn computed(module: &Module, func: &Function, v: ValueId, depth: u8) -> bool {
    if depth > 12 {
        return false;
    }
    let go = |v: ValueId| computed(module, func, v, depth + 1);
    match &func.instr(v).op {
        Op::Copy(a) | Op::Cast(_, a) => go(*a),
        Op::Phi(list) => !list.is_empty() && list.iter().all(|(_, a)| *a != v && go(*a)),
        Op::Concat(parts) => parts.iter().any(|p| go(*p)),
        Op::Call(c) => {
            let (name, recv) = match &c.callee {
                Callee::Method { recv, name } => (module.strings.get(*name), Some(*recv)),
                Callee::Name(name) => (facts::last(module.strings.get(*name)), None),
                Callee::New { ty, .. } => (module.strings.get(ty.name), None),
                _ => return false,
            };
            if KEYED.contains(&name) {
                return recv.is_none_or(|r| keyed_object(module, func, r, 0));
            }
            REWRITES.contains(&name) && (recv.is_some_and(go) || c.args.iter().any(|a| go(a.value)))
        }
        _ => false,
    }
}

/// The object on which a digest is asked for works with a key: `hmac.new(…)`, `Mac.getInstance(…)`. A plain hash does not.
fn keyed_object(module: &Module, func: &Function, v: ValueId, depth: u8) -> bool {
    if depth > 12 {
        return false;
    }
    match &func.instr(v).op {
        Op::Copy(a) | Op::Cast(_, a) => keyed_object(module, func, *a, depth + 1),
        Op::Phi(list) => list.iter().any(|(_, a)| *a != v && keyed_object(module, func, *a, depth + 1)),
        Op::LoadName(n) if matches!(module.strings.get(*n), "hmac" | "HmacUtils") => true,
        Op::LoadName(n) | Op::LoadField(_, n) => purpose::names_any(module.strings.get(*n), &["mac", "hmac"]),
        Op::Param(n) => {
            let ty = func.params.get(*n as usize).and_then(|p| p.ty.as_ref());
            ty.is_some_and(|t| matches!(facts::last(module.strings.get(t.name)), "Mac" | "HMac" | "HmacUtils"))
        }
        Op::Call(c) => match &c.callee {
            Callee::Method { recv, name } => {
                let name = module.strings.get(*name);
                matches!(name, "new" | "HMAC" | "getInstance" | "copy")
                    && match &func.instr(*recv).op {
                        Op::LoadName(n) => matches!(facts::last(module.strings.get(*n)), "hmac" | "HMAC" | "Mac"),
                        _ => keyed_object(module, func, *recv, depth + 1),
                    }
            }
            Callee::New { ty, .. } => matches!(facts::last(module.strings.get(ty.name)), "HmacUtils" | "HMac"),
            Callee::Name(n) => facts::last(module.strings.get(*n)) == "HMAC",
            _ => false,
        },
        _ => false,
    }
}

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    match cx.detect.lang(found.file) {
        Lang::Java => java::fix(cx, found),
        Lang::Python => python::fix(cx, found),
    }
}

/// The refusal where a comparison of bytes could mean something else than the comparison of values.
fn unknown_types() -> Refusal {
    Refusal::new(Reason::TypeUnknown, "the types of both sides are not known, and values that are no text would compare differently")
        .with_steps("Bring both sides to bytes, reject a missing value before, and compare with hmac.compare_digest or MessageDigest.isEqual.")
}
