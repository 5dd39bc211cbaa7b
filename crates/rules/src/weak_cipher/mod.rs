//! `weak-cipher`: broken or risky cipher.

use crate::{Confidence, DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows};
use surefix_dataflow::{CallFact, ConstVal};
use surefix_ir::Lang;
use surefix_text::{Fix, Reason, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "weak-cipher",
    title: "Broken or risky cipher",
    cwe: &[327],
    severity: Severity::High,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::Refuse,
    page: include_str!("../../../../docs/rules/weak-cipher.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

/// Classes and functions that are one cipher. Last part of the qualified name.
const BY_NAME: &[(&str, &str)] = &[
    ("NullCipher.<init>", "NullCipher"),
    ("DESEngine.<init>", "DES"),
    ("DESedeEngine.<init>", "Triple DES"),
    ("RC2Engine.<init>", "RC2"),
    ("RC4Engine.<init>", "RC4"),
    ("BlowfishEngine.<init>", "Blowfish"),
    ("IDEAEngine.<init>", "IDEA"),
    ("SkipjackEngine.<init>", "Skipjack"),
    ("TEAEngine.<init>", "TEA"),
    ("XTEAEngine.<init>", "XTEA"),
    ("algorithms.TripleDES", "Triple DES"),
    ("algorithms.ARC4", "RC4"),
    ("algorithms.Blowfish", "Blowfish"),
    ("algorithms.CAST5", "CAST5"),
    ("algorithms.IDEA", "IDEA"),
    ("algorithms.SEED", "SEED"),
    ("algorithms.RC2", "RC2"),
    ("modes.ECB", "ECB mode"),
    ("DES.new", "DES"),
    ("DES3.new", "Triple DES"),
    ("ARC2.new", "RC2"),
    ("ARC4.new", "RC4"),
    ("Blowfish.new", "Blowfish"),
    ("CAST.new", "CAST"),
];

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    for call in flows::watched(cx, &META) {
        let name = flows::short(&call.callee);
        if let Some((_, cipher)) = BY_NAME.iter().find(|n| n.0 == name) {
            out.push(flows::from_call(&META, call, "algorithm", message(cipher), ""));
            continue;
        }
        match name {
            "Cipher.getInstance" => transformation(call, out),
            "AES.new" => {
                let ecb =
                    |c: &ConstVal| matches!(c, ConstVal::Ref(r) if r.ends_with("MODE_ECB")) || *c == ConstVal::Int(1);
                let mode = call
                    .args
                    .iter()
                    .find(|a| a.keyword == "mode")
                    .or(call.args.get(1).filter(|a| a.keyword.is_empty()));
                if mode.and_then(|a| a.consts.as_ref()).is_some_and(|c| c.iter().all(ecb)) {
                    out.push(flows::from_call(&META, call, "mode", message("ECB mode"), ""));
                }
            }
            _ => {}
        }
    }
}

fn message(cipher: &str) -> String {
    format!("{cipher} does not keep the data secret")
}

/// `Cipher.getInstance(transformation)`.
fn transformation(call: &CallFact, out: &mut Vec<Found>) {
    let Some(consts) = call.args.first().and_then(|a| a.consts.as_ref()) else { return };
    let weak: Vec<&str> = consts
        .iter()
        .filter_map(|c| match c {
            ConstVal::Str(s) => weak_transformation(s),
            _ => None,
        })
        .collect();
    let Some(first) = weak.first() else { return };
    let mut found = flows::from_call(&META, call, "transformation", message(first), "");
    if weak.len() < consts.len() {
        found.confidence = Confidence::Medium;
    }
    out.push(found);
}

/// What is weak in a transformation (`algorithm`, `algorithm/mode/padding`). "ECB" behind RSA is no block mode, and a bare
/// `AES` means ECB to the providers of the JDK.
fn weak_transformation(text: &str) -> Option<&'static str> {
    let mut parts = text.split('/').map(|p| p.trim().to_ascii_uppercase());
    let algorithm = parts.next().unwrap_or_default();
    let mode = parts.next();
    match algorithm.as_str() {
        "DES" => Some("DES"),
        "DESEDE" | "TRIPLEDES" | "3DES" | "DESEDEWRAP" => Some("Triple DES"),
        "RC2" | "ARCTWO" => Some("RC2"),
        "RC4" | "ARCFOUR" => Some("RC4"),
        "BLOWFISH" => Some("Blowfish"),
        "AES" | "AES_128" | "AES_192" | "AES_256" => match mode.as_deref() {
            None | Some("ECB") => Some("ECB mode"),
            _ => None,
        },
        _ => None,
    }
}

fn fix(_cx: &FixCx<'_>, _found: &Found) -> Result<Fix, Refusal> {
    Err(Refusal::new(
        Reason::NoLocalFix,
        "another cipher needs another key, a nonce beside the data, and a way to read what is already encrypted",
    )
    .with_steps(
        "Encrypt new data with AES-256 in GCM mode: a fresh 12-byte nonce from a secure generator for each message, stored in front \
         of the ciphertext. Decrypt old data with the old cipher once and write it back. Change encryption, decryption and \
         key generation together.",
    ))
}

#[cfg(test)]
mod tests {
    use super::weak_transformation;

    #[test]
    fn transformations() {
        assert_eq!(weak_transformation("des/cbc/PKCS5Padding"), Some("DES"));
        assert_eq!(weak_transformation("AES"), Some("ECB mode"));
        assert_eq!(weak_transformation("AES/GCM/NoPadding"), None);
        assert_eq!(weak_transformation("RSA/ECB/OAEPWithSHA-256AndMGF1Padding"), None);
        assert_eq!(weak_transformation("ChaCha20-Poly1305"), None);
    }
}
