//! `weak-hash`: broken hash function.

mod python_hashlib;

use crate::{Confidence, DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows, purpose};
use surefix_dataflow::{CallFact, ConstVal};
use surefix_ir::Lang;
use surefix_text::{Fix, Reason, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "weak-hash",
    title: "Broken hash function",
    cwe: &[328, 327],
    severity: Severity::Medium,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::Preserving,
    page: include_str!("../../../../docs/rules/weak-hash.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

/// Members whose name says the function, without an argument that does. Last part of the qualified name.
const BY_NAME: &[(&str, &str)] = &[
    ("hashlib.md5", "MD5"),
    ("hashlib.sha1", "SHA-1"),
    ("hashes.MD5", "MD5"),
    ("hashes.SHA1", "SHA-1"),
    ("MD2.new", "MD2"),
    ("MD4.new", "MD4"),
    ("MD5.new", "MD5"),
    ("SHA1.new", "SHA-1"),
    ("SHA.new", "SHA-1"),
    ("DigestUtils.md2", "MD2"),
    ("DigestUtils.md2Hex", "MD2"),
    ("DigestUtils.md5", "MD5"),
    ("DigestUtils.md5Hex", "MD5"),
    ("DigestUtils.md5Digest", "MD5"),
    ("DigestUtils.md5DigestAsHex", "MD5"),
    ("DigestUtils.appendMd5DigestAsHex", "MD5"),
    ("DigestUtils.sha", "SHA-1"),
    ("DigestUtils.shaHex", "SHA-1"),
    ("DigestUtils.sha1", "SHA-1"),
    ("DigestUtils.sha1Hex", "SHA-1"),
    ("DigestUtils.getMd2Digest", "MD2"),
    ("DigestUtils.getMd5Digest", "MD5"),
    ("DigestUtils.getSha1Digest", "SHA-1"),
    ("DigestUtils.getShaDigest", "SHA-1"),
    ("Hashing.md5", "MD5"),
    ("Hashing.sha1", "SHA-1"),
    ("MD2Digest.<init>", "MD2"),
    ("MD4Digest.<init>", "MD4"),
    ("MD5Digest.<init>", "MD5"),
    ("SHA1Digest.<init>", "SHA-1"),
    ("Md5Crypt.md5Crypt", "MD5"),
    ("Md5Crypt.apr1Crypt", "MD5"),
    ("UnixCrypt.crypt", "DES crypt"),
    ("crypt.crypt", "crypt"),
    ("hashers.MD5PasswordHasher", "MD5"),
    ("Md4PasswordEncoder.<init>", "MD4"),
    ("Md5PasswordEncoder.<init>", "MD5"),
    ("ShaPasswordEncoder.<init>", "SHA-1"),
    ("LdapShaPasswordEncoder.<init>", "SHA-1"),
    ("NoOpPasswordEncoder.getInstance", UNHASHED),
    ("PlaintextPasswordEncoder.<init>", UNHASHED),
];

/// Members that are given the function's name, with the argument's position.
const BY_ARGUMENT: &[(&str, usize)] = &[
    ("MessageDigest.getInstance", 0),
    ("Signature.getInstance", 0),
    ("DigestUtils.getDigest", 0),
    ("DigestUtils.<init>", 0),
    ("hashlib.new", 0),
    ("hashlib.file_digest", 1),
    ("MessageDigestPasswordEncoder.<init>", 0),
];

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    for call in flows::watched(cx, &META) {
        let name = flows::short(&call.callee);
        if let Some((_, hash)) = BY_NAME.iter().find(|n| n.0 == name) {
            if !declared_harmless(call) && !names_picture(cx, call) {
                out.push(flows::from_call(&META, call, "algorithm", message(hash), "call"));
            }
            continue;
        }
        let Some((_, index)) = BY_ARGUMENT.iter().find(|n| n.0 == name) else { continue };
        let Some(consts) = call.args.get(*index).and_then(|a| a.consts.as_ref()) else { continue };
        let weak: Vec<&str> = consts.iter().filter_map(|c| weak_name(c)).collect();
        let Some(first) = weak.first() else { continue };
        if declared_harmless(call) || names_picture(cx, call) {
            continue;
        }
        let mut found = flows::from_call(&META, call, "algorithm", message(first), "argument");
        if weak.len() < consts.len() {
            found.confidence = Confidence::Medium;
        }
        out.push(found);
    }
}

/// What the encoders that store passwords as they are use.
const UNHASHED: &str = "no hash at all";

fn message(hash: &str) -> String {
    if hash == UNHASHED {
        return "Passwords are stored as they are: whoever reads the table can log in as everybody".to_string();
    }
    format!("{hash} does not protect against forged data: collisions or preimages can be computed")
}

/// Python's own way of saying that no security rests on the result.
fn declared_harmless(call: &CallFact) -> bool {
    call.args.iter().any(|a| a.keyword == "usedforsecurity" && a.consts.as_deref() == Some(&[ConstVal::Bool(false)]))
}

/// Gravatar's protocol names pictures by the MD5 of an address; nothing else would find them.
fn names_picture(cx: &DetectCx<'_>, call: &CallFact) -> bool {
    purpose::evidence(cx, call).contains("gravatar.com/avatar")
}

/// The broken function that a constant names, alone or inside a signature scheme.
fn weak_name(c: &ConstVal) -> Option<&'static str> {
    let text = match c {
        ConstVal::Str(s) => s.as_str(),
        ConstVal::Ref(r) => r.rsplit('.').next().unwrap_or(r),
        _ => return None,
    };
    let name: String = text.chars().filter(|c| c.is_ascii_alphanumeric()).collect::<String>().to_ascii_uppercase();
    let hash = name.split_once("WITH").map_or(name.as_str(), |(h, _)| h);
    Some(match hash {
        "MD2" => "MD2",
        "MD4" => "MD4",
        "MD5" => "MD5",
        "SHA" | "SHA1" => "SHA-1",
        _ => return None,
    })
}

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    match cx.detect.lang(found.file) {
        Lang::Python => python_hashlib::fix(cx, found),
        Lang::Java if found.message == message(UNHASHED) => Err(Refusal::new(
            Reason::NoLocalFix,
            "the passwords that are stored already would no longer match",
        )
        .with_steps(
            "Use `PasswordEncoderFactories.createDelegatingPasswordEncoder()`, and hash the stored passwords in a migration.",
        )),
        Lang::Java => Err(migrate("the digest may be stored or sent, and a different function changes it")),
    }
}

/// The refusal for every hash whose value may be kept somewhere.
fn migrate(why: &str) -> Refusal {
    Refusal::new(Reason::NoLocalFix, why).with_steps(
        "Find every place that stores or compares the digest. Passwords: migrate to Argon2id, scrypt, bcrypt or PBKDF2 at the next \
         login. Other data: write SHA-256, accept the old function while reading until the data has been renewed.",
    )
}
