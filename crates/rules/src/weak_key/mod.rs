//! `weak-key`: key too short.

use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, facts, flows};
use surefix_dataflow::{ArgFact, CallFact, ConstVal};
use surefix_ir::Lang;
use surefix_text::{Assurance, Fix, Reason, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "weak-key",
    title: "Key too short",
    cwe: &[326],
    severity: Severity::Medium,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::Observable,
    page: include_str!("../../../../docs/rules/weak-key.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

/// Curves with less than 224 bits.
const SMALL_CURVES: &[&str] = &[
    "secp112r1",
    "secp112r2",
    "secp128r1",
    "secp128r2",
    "secp160k1",
    "secp160r1",
    "secp160r2",
    "secp192k1",
    "secp192r1",
    "prime192v1",
    "prime192v2",
    "prime192v3",
    "p-192",
    "p192",
    "nistp192",
    "sect113r1",
    "sect131r1",
    "sect163k1",
    "sect163r1",
    "sect163r2",
    "sect193r1",
    "sect193r2",
    "brainpoolp160r1",
    "brainpoolp192r1",
];

/// Rounds below which a password hash is searched through in no time.
const FEW_ROUNDS: i64 = 10_000;

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    for call in flows::watched(cx, &META) {
        let name = flows::short(&call.callee);
        let (at, variant, message) = match name {
            "KeyPairGenerator.initialize" => match pair_size(call) {
                Some(v) => (0, v, "A key of this size can be broken".to_string()),
                None => continue,
            },
            "KeyGenerator.init" => match (number(call.args.first()), algorithm(call)) {
                // Keys of DES have 56 bits whatever is asked for: that is another finding.
                (Some(n), a) if (1..128).contains(&n) && !a.as_deref().is_some_and(|a| a.starts_with("DES")) => {
                    (0, "128", format!("A key of {n} bits can be found by trying"))
                }
                _ => continue,
            },
            "ECGenParameterSpec.<init>" => match facts::text(call.args.first()) {
                Some(t) if SMALL_CURVES.contains(&t.to_ascii_lowercase().as_str()) => {
                    (0, "\"secp256r1\"", "A key on this curve can be broken".to_string())
                }
                _ => continue,
            },
            "PBEKeySpec.<init>" if few(call.args.get(2)) => (2, "rounds", rounds()),
            "PBEParameterSpec.<init>" if few(call.args.get(1)) => (1, "rounds", rounds()),
            "hashlib.pbkdf2_hmac" if few(facts::arg(call, 3, "iterations")) => (3, "rounds", rounds()),
            "KDF.PBKDF2" if few(facts::arg(call, 3, "count")) => (3, "rounds", rounds()),
            "pbkdf2.PBKDF2HMAC" if few(facts::arg(call, 3, "iterations")) => (3, "rounds", rounds()),
            _ => continue,
        };
        out.push(flows::from_call(&META, call, &format!("arg{at}"), message, variant));
    }
}

fn rounds() -> String {
    "So few rounds do not slow the search for the password down".to_string()
}

fn few(arg: Option<&ArgFact>) -> bool {
    facts::always(arg, |c| matches!(c, ConstVal::Int(n) if (1..FEW_ROUNDS).contains(n)))
}

fn number(arg: Option<&ArgFact>) -> Option<i64> {
    match arg?.consts.as_deref()? {
        [ConstVal::Int(n)] => Some(*n),
        _ => None,
    }
}

/// The algorithm that the generator was made for, upper case.
fn algorithm(call: &CallFact) -> Option<String> {
    match call.recv.as_ref()?.props.get("algorithm")?.as_deref()? {
        [ConstVal::Str(s)] => Some(s.to_ascii_uppercase()),
        _ => None,
    }
}

/// The size to use instead of one that is too small. Sizes of elliptic curves are another scale.
fn pair_size(call: &CallFact) -> Option<&'static str> {
    let n = number(call.args.first())?;
    match algorithm(call).as_deref() {
        Some("RSA" | "DSA" | "DH" | "DIFFIEHELLMAN" | "RSASSA-PSS" | "ELGAMAL") if (1..2048).contains(&n) => {
            Some("2048")
        }
        Some("EC" | "ECDSA" | "ECDH") if (1..224).contains(&n) => Some("256"),
        None if matches!(n, 512 | 768 | 1024) => Some("2048"),
        _ => None,
    }
}

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let Some(call) = found.call() else { return Err(Refusal::new(Reason::NoRecipe, "the call is not known")) };
    if found.variant == "rounds" {
        return Err(Refusal::new(Reason::NoLocalFix, "another number of rounds gives another key, so stored data would not fit")
            .with_steps(
                "Store the number of rounds beside each hash. Hash new passwords with at least 210,000 rounds of PBKDF2-HMAC-SHA512 \
                 (or with Argon2id, scrypt, bcrypt), check old ones with their own number, and hash again at the next login.",
            ));
    }
    let jx = cx.java(found.file);
    let at = jx.args(call.span).first().copied();
    let literal = |s| jx.node_at(s).is_some_and(|n| n.kind().ends_with("_literal"));
    if !at.is_some_and(literal) {
        return Err(Refusal::new(Reason::NonOwnedCallee, "the size is decided elsewhere, not in the call"));
    }
    let mut edits = Vec::new();
    jx.replace_arg(call.span, 0, found.variant, &mut edits)?;
    let mut assurance = Assurance::start(Tier::Observable);
    assurance.lower(Tier::Observable, NOTICED);
    Ok(Fix { title: "Generate a key of sufficient size".to_string(), edits, assurance, needs: Vec::new() })
}

/// The note on who can notice.
const NOTICED: &str = "generating keys takes longer, and peers with a limit on key sizes no longer accept them";
