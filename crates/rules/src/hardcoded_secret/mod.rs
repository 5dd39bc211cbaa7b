//! `hardcoded-secret`: secret written in the source code.

mod secret;

use crate::settings::{self, Home};
use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, facts, flows};
use surefix_ir::{Const, Lang};
use surefix_text::{Fix, Reason, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "hardcoded-secret",
    title: "Secret written in the source code",
    cwe: &[798, 259, 321],
    severity: Severity::High,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::Refuse,
    page: include_str!("../../../../docs/rules/hardcoded-secret.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

/// Calls that take a secret: position, keyword, what it is.
const CALLS: &[(&str, usize, &str)] = &[
    ("java.sql.DriverManager.getConnection", 2, ""),
    ("javax.sql.DataSource.getConnection", 1, ""),
    ("org.springframework.jdbc.datasource.DriverManagerDataSource.<init>", 2, ""),
    ("org.springframework.jdbc.datasource.AbstractDriverBasedDataSource.setPassword", 0, ""),
    ("java.net.PasswordAuthentication.<init>", 1, ""),
    ("javax.mail.PasswordAuthentication.<init>", 1, ""),
    ("com.jcraft.jsch.Session.setPassword", 0, ""),
    ("javax.crypto.spec.SecretKeySpec.<init>", 0, ""),
    ("javax.crypto.spec.PBEKeySpec.<init>", 0, ""),
    ("org.bouncycastle.crypto.params.KeyParameter.<init>", 0, ""),
    ("java.security.KeyStore.load", 1, ""),
    ("java.security.KeyStore.getKey", 1, ""),
    ("io.jsonwebtoken.JwtParser.setSigningKey", 0, ""),
    ("io.jsonwebtoken.JwtParserBuilder.setSigningKey", 0, ""),
    ("io.jsonwebtoken.JwtBuilder.signWith", 1, ""),
    ("com.auth0.jwt.algorithms.Algorithm.HMAC256", 0, ""),
    ("com.auth0.jwt.algorithms.Algorithm.HMAC384", 0, ""),
    ("com.auth0.jwt.algorithms.Algorithm.HMAC512", 0, ""),
    ("com.nimbusds.jose.crypto.MACSigner.<init>", 0, ""),
    ("jwt.encode", 1, "key"),
    ("jwt.decode", 1, "key"),
    ("jose.jwt.encode", 1, "key"),
    ("jose.jwt.decode", 1, "key"),
    ("hmac.new", 0, "key"),
    ("cryptography.fernet.Fernet", 0, "key"),
    ("cryptography.hazmat.primitives.ciphers.aead.AESGCM", 0, "key"),
    ("Crypto.Cipher.AES.new", 0, "key"),
    ("paramiko.SSHClient.connect", 3, "password"),
    ("pymongo.MongoClient", facts::KEYWORD_ONLY, "password"),
    ("redis.Redis", 3, "password"),
    ("boto3.client", facts::KEYWORD_ONLY, "aws_secret_access_key"),
    ("boto3.resource", facts::KEYWORD_ONLY, "aws_secret_access_key"),
    ("boto3.Session", 1, "aws_secret_access_key"),
    ("starlette.middleware.sessions.SessionMiddleware", facts::KEYWORD_ONLY, "secret_key"),
    ("ldap3.Connection", 2, "password"),
    ("ldap.ldapobject.SimpleLDAPObject.simple_bind_s", 1, "cred"),
];

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    for call in flows::watched(cx, &META) {
        for (callee, at, keyword) in CALLS.iter().filter(|c| c.0 == call.callee) {
            let arg = facts::arg(call, *at, keyword);
            // An asymmetric key of a decoder is public.
            let public = facts::text(arg).is_some_and(|t| t.contains("PUBLIC KEY"));
            if !public && facts::text(arg).is_some_and(secret::is_real) {
                out.push(flows::from_call(&META, call, "secret", message(flows::short(callee)), ""));
            }
        }
        if call.callee == "flask.Flask.secret_key" && facts::text(call.args.first()).is_some_and(secret::is_real) {
            out.push(flows::from_call(&META, call, "secret", message("secret_key"), ""));
        }
    }
    for s in settings::all(cx, &|n| n == "SECRET_KEY") {
        let module = cx.module(s.file);
        let value = match s.value {
            Const::Str(t) | Const::Bytes(t) => module.strings.get(*t),
            _ => continue,
        };
        let used = s.home != Home::Module || settings::is_django(cx, s.file);
        if used && secret::is_real(value) && !settings::is_for_development(cx, &s) {
            out.push(flows::from_place(&META, s.file, s.value_span, "secret", s.name, message(s.name), ""));
        }
    }
    secret::tokens(cx, out);
}

fn message(what: &str) -> String {
    format!("The secret for {what} is readable by everybody who can read the code, and stays in its history")
}

fn fix(_cx: &FixCx<'_>, _found: &Found) -> Result<Fix, Refusal> {
    Err(Refusal::new(Reason::DecisionNeeded, "only the owner can issue a new secret and say where it is kept").with_steps(
        "1. Issue a new secret and revoke this one: it must be taken as known. 2. Keep the new one outside the code (environment variable, mounted file, \
         secret store) and read it at the start, with an error when it is missing. 3. Where the repository was ever shared, the old one stays in its history.",
    ))
}
