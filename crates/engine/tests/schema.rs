//! The published schema of the settings is the one that the program reads.

use surefix_engine::config::{Config, INIT};

#[test]
fn the_schema_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/surefix.schema.json");
    let now = Config::schema();
    if std::env::var_os("SUREFIX_BLESS").is_some() {
        std::fs::write(path, &now).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == now, "docs/surefix.schema.json is not current: run this test with SUREFIX_BLESS=1");
}

#[test]
fn the_schema_and_the_reader_agree() {
    let schema: serde_json::Value = serde_json::from_str(&Config::schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let verdicts = |text: &str| {
        let value: serde_json::Value = toml::from_str::<toml::Value>(text)
            .ok()
            .and_then(|v| serde_json::to_value(v).ok())
            .unwrap_or(serde_json::Value::Null);
        (validator.is_valid(&value), Config::parse("s", text, &[]).is_ok())
    };
    let good = [
        INIT,
        "models = [\"m/*.toml\"]\n[fix]\ntier = \"off\"\nrules = { xss = \"observable\" }\n",
        "[decisions.ssrf]\nhosts = \"a\"\nmore = [\"b\", \"c\"]\n[[override]]\npaths = [\"a\"]\n",
    ];
    for text in good {
        assert_eq!(verdicts(text), (true, true), "{text}");
    }
    let bad = [
        "[path]\n",
        "[paths]\ntests = \"yes\"\n",
        "[fix]\ntier = \"none\"\n",
        "[report]\nconfidence = 3\n",
        "[[suppress]]\nrule = \"x\"\n",
        "[[override]]\ntier = \"off\"\n",
        "[decisions]\nssrf = 3\n",
    ];
    for text in bad {
        assert_eq!(verdicts(text), (false, false), "{text}");
    }
}
