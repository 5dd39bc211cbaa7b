//! Units put together give exactly what the engine verified, in every split, and each one is a step on the way.

use std::collections::BTreeMap;
use surefix_deliver::compose::{Split, units};
use surefix_deliver::message::message;
use surefix_engine::{Depth, InputFile, Knowledge, Outcome, Role, Settings, Verdict};

fn fix(files: &[(&str, &[u8])]) -> Outcome {
    let list = files.iter().map(|(p, b)| InputFile { path: p.to_string(), role: Role::Code, bytes: b.to_vec() });
    let list: Vec<InputFile> = list.collect();
    let knowledge = Knowledge { rules: surefix_rules::RULES, models: surefix_models::builtin() };
    let settings = Settings::default();
    surefix_engine::in_pool(1, || surefix_engine::scan_memory(list, &settings, &knowledge, Depth::Full))
        .unwrap()
        .unwrap()
}

/// A handler with a query and two tokens: three fixes, two of which share an import.
fn code() -> String {
    "import random\nimport sqlite3\n\nfrom flask import Flask, request\n\napp = Flask(__name__)\n\n\n@app.route(\"/a\")\ndef a():\n    token = random.randint(0, 10**9)\n    cur = sqlite3.connect(\"x\").cursor()\n    cur.execute(\"SELECT 1 FROM t WHERE n = '\" + request.args[\"n\"] + \"'\")\n    return str(token)\n\n\n@app.route(\"/b\")\ndef b():\n    session_token = random.randint(0, 10**9)\n    return str(session_token)\n".to_string()
}

#[test]
fn the_sum_is_what_was_verified() {
    let plain = code();
    let odd = format!("\u{feff}{}", plain.replace('\n', "\r\n").replace("\"/b\"", "\"/é\""));
    let out = fix(&[("plain.py", plain.as_bytes()), ("odd.py", odd.as_bytes())]);
    let fixed = out.findings.iter().filter(|f| matches!(f.verdict, Verdict::Fixed(_))).count();
    assert_eq!((fixed, out.changed.len()), (6, 2), "{:?}", out.counts());
    for (split, n) in [(Split::PerFix, 6), (Split::PerRule, 2), (Split::Single, 1)] {
        let all = units(&out, split);
        assert_eq!(all.len(), n, "{split:?}");
        assert_eq!(all.iter().map(|u| u.items.len()).sum::<usize>(), fixed, "{split:?}");
        let mut now: BTreeMap<String, Vec<u8>> =
            out.changed.iter().map(|c| (c.path.clone(), c.before.clone())).collect();
        for u in &all {
            for (path, bytes) in &u.files {
                assert_ne!(now.insert(path.clone(), bytes.clone()).as_ref(), Some(bytes), "{split:?}: nothing changes");
            }
            // What a unit's own state uses is imported in it.
            for bytes in now.values() {
                let text = String::from_utf8(bytes.clone()).unwrap();
                assert!(!text.contains("secrets.") || text.contains("import secrets"), "{split:?}\n{text}");
            }
        }
        for c in &out.changed {
            assert_eq!(now.get(&c.path), Some(&c.after), "{split:?} {}", c.path);
        }
        // The same outcome gives the same messages.
        let again = units(&out, split);
        assert!(all.iter().zip(&again).all(|(a, b)| message(a, "") == message(b, "")));
    }
}

#[test]
fn nothing_applied_is_nothing_to_commit() {
    let out = fix(&[("a.py", code().as_bytes())]).as_preview();
    assert!(units(&out, Split::PerFix).is_empty());
    assert!(units(&Outcome::default(), Split::Single).is_empty());
}
