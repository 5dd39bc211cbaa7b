//! `static-iv`: initialisation vector that never changes.

use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, facts, flows};
use surefix_dataflow::{ArgFact, CallFact, ConstVal};
use surefix_ir::{BinOp, Callee, Function, Lang, Op, ValueId};
use surefix_text::{FileId, Fix, Reason, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "static-iv",
    title: "Initialisation vector that never changes",
    cwe: &[329, 1204],
    severity: Severity::High,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::Decision,
    page: include_str!("../../../../docs/rules/static-iv.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

/// Calls with the position and keyword of the initialisation vector.
const VECTORS: &[(&str, usize, &str)] = &[
    ("IvParameterSpec.<init>", 0, ""),
    ("GCMParameterSpec.<init>", 1, ""),
    ("ParametersWithIV.<init>", 1, ""),
    ("modes.CBC", 0, "initialization_vector"),
    ("modes.CTR", 0, "nonce"),
    ("modes.GCM", 0, "initialization_vector"),
    ("modes.OFB", 0, "initialization_vector"),
    ("modes.CFB", 0, "initialization_vector"),
    ("modes.CFB8", 0, "initialization_vector"),
    ("AESGCM.encrypt", 0, "nonce"),
    ("ChaCha20Poly1305.encrypt", 0, "nonce"),
    ("AESCCM.encrypt", 0, "nonce"),
    ("AESOCB3.encrypt", 0, "nonce"),
    ("algorithms.ChaCha20", 1, "nonce"),
    ("AES.new", 2, "iv"),
    ("DES.new", 2, "iv"),
    ("DES3.new", 2, "iv"),
    ("Blowfish.new", 2, "iv"),
    ("ChaCha20.new", facts::KEYWORD_ONLY, "nonce"),
    ("Salsa20.new", facts::KEYWORD_ONLY, "nonce"),
];

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    for call in flows::watched(cx, &META) {
        let name = flows::short(&call.callee);
        let vector = VECTORS
            .iter()
            .filter(|v| v.0 == name)
            .find_map(|v| facts::arg(call, v.1, v.2).or_else(|| facts::arg(call, facts::KEYWORD_ONLY, "nonce")));
        let Some(vector) = vector else { continue };
        if constant(vector) || never_filled(cx, call, vector) {
            let message =
                "The initialisation vector is the same for every message, which gives away equal beginnings of texts";
            out.push(flows::from_call(&META, call, "iv", message.to_string(), ""));
        }
    }
}

/// Text or bytes that are written in the code.
fn constant(arg: &ArgFact) -> bool {
    let text = |c: &ConstVal| matches!(c, ConstVal::Str(s) if !s.is_empty());
    facts::always(Some(arg), text)
        || arg.elems.as_ref().is_some_and(|e| {
            let number = |a: &ArgFact| facts::always(Some(a), |c| matches!(c, ConstVal::Int(_)));
            e.len() >= 8 && e.iter().all(number) && arg.consts.is_none()
        })
}

/// A new array of zeros that nothing else ever touches, or `b"\0" * 16`, `bytes(16)`.
fn never_filled(cx: &DetectCx<'_>, call: &CallFact, vector: &ArgFact) -> bool {
    let module = cx.module(FileId(call.file));
    let Some(func) = module.functions.get(call.func as usize) else { return false };
    let Some(Op::Call(c)) = func.instrs.get(call.value as usize).map(|i| &i.op) else { return false };
    let Some(value) = c.args.iter().find(|a| a.span == vector.span).map(|a| a.value) else { return false };
    let is_const = |v: ValueId| matches!(func.instr(v).op, Op::Const(_));
    match &func.instr(value).op {
        Op::NewArray(..) => uses(func, value) == 1,
        Op::Bin(BinOp::Mul, a, b) => is_const(*a) && is_const(*b),
        Op::Call(inner) => match &inner.callee {
            Callee::Name(n) => {
                module.strings.get(*n) == "bytes"
                    && inner.args.len() == 1
                    && inner.args.iter().all(|a| is_const(a.value))
            }
            _ => false,
        },
        _ => false,
    }
}

fn uses(func: &Function, value: ValueId) -> usize {
    let mut n = 0;
    func.instrs.iter().for_each(|i| i.op.operands(&mut |o| n += usize::from(o == value)));
    n
}

fn fix(_cx: &FixCx<'_>, _found: &Found) -> Result<Fix, Refusal> {
    Err(Refusal::new(Reason::NoLocalFix, "a fresh vector has to travel with the message, and what is stored was encrypted with the old one")
        .with_steps(
            "For each message draw a fresh vector (12 bytes for GCM and ChaCha20, 16 for CBC) from SecureRandom or os.urandom, write it in \
             front of the ciphertext, and read it from there before decrypting. Decrypt old data with the old vector once and write it back.",
        ))
}
