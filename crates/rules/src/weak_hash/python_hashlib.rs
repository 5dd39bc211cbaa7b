//! `hashlib` digests that serve as keys of caches, file names or change marks: says so with `usedforsecurity=False`.

use super::migrate;
use crate::{FixCx, Found, purpose};
use surefix_text::{Fix, Reason, Refusal, Tier};

/// Words of names that only identify data.
const IDENTIFIES: &[&str] =
    &["cache", "cached", "caching", "etag", "dedup", "deduplicate", "bucket", "shard", "thumbnail", "memo", "memoize"];

pub(super) fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let call = found.call().ok_or_else(|| migrate("the call is not known"))?;
    if !call.callee.starts_with("hashlib.") || call.callee == "hashlib.file_digest" {
        return Err(migrate("the digest may be stored or sent, and a different function changes it"));
    }
    let evidence = purpose::evidence(cx.detect, call);
    let name = purpose::function_name(cx.detect, call);
    let harmless = purpose::names_any(&evidence, IDENTIFIES) || purpose::names_any(name, IDENTIFIES);
    if !harmless || purpose::names_secret(&evidence) || purpose::names_secret(name) {
        return Err(migrate("nothing shows that the digest only identifies data (a cache key, an ETag, a file name)"));
    }
    // Where nothing is declared, the code runs on some version that is still maintained.
    if cx.detect.project.python_declared(cx.path(found.file)).is_some_and(|v| v < (3, 9)) {
        return Err(Refusal::new(
            Reason::LanguageLevel,
            "usedforsecurity needs Python 3.9, the project supports older versions",
        ));
    }
    let py = cx.python(found.file);
    let mut edits = Vec::new();
    py.set_keyword(call.span, "usedforsecurity", "False", &mut edits)?;
    Ok(Fix {
        title: "Mark the digest as not used for security".to_string(),
        edits,
        assurance: surefix_text::Assurance::start(Tier::Preserving),
        needs: Vec::new(),
    })
}
