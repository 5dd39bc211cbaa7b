//! The proof of a run: one JSON document in the form of an in-toto statement (`docs/proof.md`).
//!
//! What is hashed (`content`) holds neither a path of the machine nor a clock, so that the same run on the same files gives
//! the same bytes. What depends on the machine stands beside it.

use crate::run::Account;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;
use surefix_engine::{Applied, Outcome, Verdict};

/// Type of the statement.
pub const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// Type of the predicate.
pub const PREDICATE: &str = "urn:surefix:proof:v1";

/// SHA-256 in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// A JSON value with sorted keys and without blanks: what is hashed.
pub fn canonical(v: &Value) -> String {
    match v {
        Value::Object(map) => {
            let sorted: BTreeMap<&String, &Value> = map.iter().collect();
            let parts: Vec<String> =
                sorted.into_iter().map(|(k, v)| format!("{}:{}", Value::from(k.as_str()), canonical(v))).collect();
            format!("{{{}}}", parts.join(","))
        }
        Value::Array(list) => format!("[{}]", list.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

/// Hashes of all files of the project that are not ignored, as they were before the fixes were written. `changed`: files that
/// may be written by now.
pub fn inputs(root: &Path, outcome: &Outcome) -> BTreeMap<String, String> {
    let facts = crate::find::Facts::look(root, None, Vec::new(), false);
    let mut out = BTreeMap::new();
    for f in facts.files() {
        let full = root.join(f);
        if !full.symlink_metadata().is_ok_and(|m| m.is_file()) {
            continue;
        }
        if let Ok(bytes) = std::fs::read(full) {
            out.insert(f.to_string(), sha256(&bytes));
        }
    }
    for c in &outcome.changed {
        match c.bytes_before() {
            Some(old) => out.insert(c.path.clone(), sha256(old)),
            None => out.remove(&c.path),
        };
    }
    out
}

fn edits(outcome: &Outcome, a: &Applied) -> Value {
    match &a.edits {
        None => Value::Null,
        Some(list) => list
            .iter()
            .map(|e| json!({"path": outcome.path(e.file), "from": e.span.lo, "to": e.span.hi, "text": e.text}))
            .collect(),
    }
}

fn fix(outcome: &Outcome, a: &Applied) -> Value {
    let gates: Vec<Value> = a
        .evidence
        .iter()
        .map(|g| match &g.not_run {
            None => json!({"gate": g.gate.name(), "result": "passed"}),
            Some(why) => json!({"gate": g.gate.name(), "result": "not run", "why": why}),
        })
        .collect();
    json!({
        "title": a.title,
        "tier": a.tier.name(),
        "reasons": a.reasons.iter().map(|l| json!({"to": l.to.name(), "why": l.why})).collect::<Vec<_>>(),
        "files": a.files,
        "edits": edits(outcome, a),
        "diff_sha256": sha256(a.diff.as_bytes()),
        "gates": gates,
        "round": a.pass,
        "tests": a.tests.iter().map(|t| json!({"path": t.path, "test": t.name})).collect::<Vec<_>>(),
    })
}

/// The first line of a gate's words: what follows is output, which holds times and addresses.
fn first(text: &str) -> &str {
    text.lines().next().unwrap_or("")
}

/// What is hashed. `request`: what was asked for.
fn content(outcome: &Outcome, account: &Account, inputs: &BTreeMap<String, String>, request: Value) -> Value {
    let findings: Vec<Value> = outcome
        .findings
        .iter()
        .map(|f| {
            let mut v = json!({
                "fingerprint": f.fingerprint,
                "rule": f.rule.id,
                "path": f.path,
                "span": [f.found.span.lo, f.found.span.hi],
                "verdict": f.verdict.name(),
            });
            match &f.verdict {
                Verdict::Fixed(a) => v["fix"] = fix(outcome, a),
                Verdict::Fixable { fix: a, policy } => {
                    v["fix"] = fix(outcome, a);
                    v["reason"] = policy.as_ref().map_or(Value::Null, |p| json!(p.reason.code()));
                }
                Verdict::Rejected { title, gate, detail } => {
                    v["title"] = json!(title);
                    v["gate"] = json!(gate.name());
                    v["detail"] = json!(first(detail));
                }
                Verdict::Abstained(r) => {
                    v["reason"] = json!(r.reason.code());
                    v["detail"] = json!(r.detail);
                }
                Verdict::Suppressed { by } => v["detail"] = json!(by),
                Verdict::Excluded { why } | Verdict::Stale { why } => v["detail"] = json!(why),
                Verdict::FalsePositive { proof } => v["detail"] = json!(proof),
            }
            v
        })
        .collect();
    let steps: Vec<Value> = account
        .plan
        .steps
        .iter()
        .enumerate()
        .map(|(i, s)| {
            json!({
                "id": s.id,
                "gate": s.serves.gate().name(),
                "dir": s.dir,
                "command": s.argv,
                "results": s.report.name(),
                "why": s.why,
                "says_nothing": account.useless.get(&i).map(|w| first(w)),
            })
        })
        .collect();
    let changed: Vec<Value> = outcome
        .changed
        .iter()
        .map(|c| json!({"path": c.path, "before": c.bytes_before().map(sha256), "after": c.bytes_after().map(sha256)}))
        .collect();
    json!({
        "tool": {"name": "surefix", "version": env!("CARGO_PKG_VERSION")},
        "request": request,
        "inputs": inputs,
        "steps": steps,
        "not_run": account.plan.left_out.iter().map(|l| json!({"dir": l.dir, "what": l.what, "why": l.why})).collect::<Vec<_>>(),
        "findings": findings,
        "changed": changed,
    })
}

/// The whole document.
pub fn statement(outcome: &Outcome, account: &Account, inputs: &BTreeMap<String, String>, request: Value) -> Value {
    let network = request["allow_network"].as_bool().unwrap_or(false);
    let content = content(outcome, account, inputs, request);
    let digest = sha256(canonical(&content).as_bytes());
    let subject: Vec<Value> =
        outcome.changed.iter().map(|c| json!({"name": c.path, "digest": {"sha256": sha256(&c.after)}})).collect();
    let rejected: Vec<Value> = outcome
        .findings
        .iter()
        .filter_map(|f| match &f.verdict {
            Verdict::Rejected { gate, detail, .. } => {
                Some(json!({"fingerprint": f.fingerprint, "gate": gate.name(), "output": detail}))
            }
            _ => None,
        })
        .collect();
    json!({
        "_type": STATEMENT,
        "subject": subject,
        "predicateType": PREDICATE,
        "predicate": {
            "content": content,
            "content_sha256": digest,
            "environment": {
                "os": std::env::consts::OS,
                "arch": std::env::consts::ARCH,
                "isolated": account.walls.standing(network),
                "not_isolated": account.missing,
            },
            "observed": {
                "runs": account.runs,
                "flaky": account.flaky.iter().map(|(s, t)| json!({"step": s, "test": t})).collect::<Vec<_>>(),
                "failing_before": account.red.iter().map(|(s, n)| json!({"step": s, "results": n})).collect::<Vec<_>>(),
                "rejected": rejected,
            },
        },
    })
}

/// What is wrong with a document.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is no proof.
    #[error("this is no proof of surefix: {0}")]
    Form(String),
    /// Its content was changed.
    #[error("the content does not have the hash that the proof names: it was changed")]
    Digest,
}

/// Reads a document and checks its form and hash; gives the content.
pub fn read(bytes: &[u8]) -> Result<Value, Error> {
    let v: Value = serde_json::from_slice(bytes).map_err(|e| Error::Form(e.to_string()))?;
    let text = |p: &str| v.pointer(p).and_then(Value::as_str).unwrap_or_default().to_string();
    if text("/_type") != STATEMENT || text("/predicateType") != PREDICATE {
        return Err(Error::Form(format!("not of the type {PREDICATE}")));
    }
    let Some(content) = v.pointer("/predicate/content") else {
        return Err(Error::Form("there is no content".to_string()));
    };
    if sha256(canonical(content).as_bytes()) != text("/predicate/content_sha256") {
        return Err(Error::Digest);
    }
    Ok(content.clone())
}

/// Places in which two contents differ, with both values, at most `most`.
pub fn differences(then: &Value, now: &Value, most: usize) -> Vec<String> {
    let mut out = Vec::new();
    compare("", then, now, &mut out);
    let more = out.len().saturating_sub(most);
    out.truncate(most);
    if more > 0 {
        out.push(format!("and {more} more"));
    }
    out
}

fn compare(at: &str, then: &Value, now: &Value, out: &mut Vec<String>) {
    match (then, now) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for k in keys {
                let (x, y) = (a.get(k).unwrap_or(&Value::Null), b.get(k).unwrap_or(&Value::Null));
                compare(&format!("{at}/{k}"), x, y, out);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            for i in 0..a.len().max(b.len()) {
                let (x, y) = (a.get(i).unwrap_or(&Value::Null), b.get(i).unwrap_or(&Value::Null));
                compare(&format!("{at}/{i}"), x, y, out);
            }
        }
        _ if then == now => {}
        _ => {
            let short = |v: &Value| -> String { v.to_string().chars().take(80).collect() };
            out.push(format!("{}: {} then, {} now", at.trim_start_matches('/'), short(then), short(now)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_proof_is_noticed() {
        let outcome = Outcome::default();
        let inputs = BTreeMap::from([("a.py".to_string(), sha256(b"x"))]);
        let s = statement(&outcome, &Account::default(), &inputs, json!({"paths": ["."]}));
        let bytes = serde_json::to_vec(&s).unwrap();
        let content = read(&bytes).unwrap();
        assert_eq!(differences(&content, &content, 5), Vec::<String>::new());
        let forged = String::from_utf8(bytes).unwrap().replace("a.py", "b.py");
        assert!(matches!(read(forged.as_bytes()), Err(Error::Digest)));
        assert!(matches!(read(b"{}"), Err(Error::Form(_))));
        let mut other = content.clone();
        other["inputs"]["a.py"] = json!("0");
        other["request"]["paths"] = json!(["x", "y"]);
        let d = differences(&content, &other, 2);
        assert!(d[0].starts_with("inputs/a.py: ") && d.len() == 3 && d[2] == "and 1 more", "{d:?}");
    }

    #[test]
    fn canonical_json_does_not_depend_on_the_order_of_keys() {
        let a: Value = serde_json::from_str(r#"{"b":1,"a":[{"y":"\n","x":null}]}"#).unwrap();
        assert_eq!(canonical(&a), r#"{"a":[{"x":null,"y":"\n"}],"b":1}"#);
    }
}
