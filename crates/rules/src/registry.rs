//! The list of rules.

use crate::{DetectCx, FixCx, Found, RuleMeta, declarative};
use surefix_text::{Fix, Refusal};

/// A vulnerability class: constant metadata and two functions.
#[derive(Clone, Copy)]
pub struct Rule {
    /// Metadata.
    pub meta: RuleMeta,
    /// Reports findings; cheap. Order does not matter, the engine sorts.
    pub detect: fn(&DetectCx<'_>, &mut Vec<Found>),
    /// Plans the fix of one finding of this rule.
    pub fix: fn(&FixCx<'_>, &Found) -> Result<Fix, Refusal>,
}

impl Rule {
    /// All findings: those of declarative rows first, then those of the class that stand elsewhere.
    pub fn find(&self, cx: &DetectCx<'_>, out: &mut Vec<Found>) {
        let start = out.len();
        declarative::detect(cx, &self.meta, out);
        let declared = out.len();
        (self.detect)(cx, out);
        let (_, new) = out.split_at(start);
        let (rows, own) = new.split_at(declared - start);
        let keep: Vec<Found> =
            own.iter().filter(|f| !rows.iter().any(|r| r.file == f.file && r.span == f.span)).cloned().collect();
        out.truncate(declared);
        out.extend(keep);
    }

    /// The fix of a finding of this rule.
    pub fn plan(&self, cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
        if found.variant == declarative::VARIANT { declarative::fix(cx, found) } else { (self.fix)(cx, found) }
    }
}

/// Every rule, sorted by id.
pub static RULES: &[Rule] = &[
    crate::cleartext_transport::RULE,
    crate::code_injection::RULE,
    crate::command_injection::RULE,
    crate::csrf_disabled::RULE,
    crate::debug_enabled::RULE,
    crate::file_permissions::RULE,
    crate::hardcoded_secret::RULE,
    crate::header_injection::RULE,
    crate::info_exposure::RULE,
    crate::insecure_cookie::RULE,
    crate::insecure_deserialization::RULE,
    crate::insecure_randomness::RULE,
    crate::insecure_temp_file::RULE,
    crate::jndi_injection::RULE,
    crate::jwt_verification::RULE,
    crate::ldap_injection::RULE,
    crate::log_injection::RULE,
    crate::missing_timeout::RULE,
    crate::nosql_injection::RULE,
    crate::open_redirect::RULE,
    crate::partial_path_check::RULE,
    crate::path_traversal::RULE,
    crate::regex_injection::RULE,
    crate::resource_leak::RULE,
    crate::session_fixation::RULE,
    crate::sql_injection::RULE,
    crate::ssrf::RULE,
    crate::static_iv::RULE,
    crate::tar_slip::RULE,
    crate::template_injection::RULE,
    crate::timing_unsafe_comparison::RULE,
    crate::tls_verification::RULE,
    crate::tls_version::RULE,
    crate::trust_boundary::RULE,
    crate::unsafe_reflection::RULE,
    crate::weak_cipher::RULE,
    crate::weak_hash::RULE,
    crate::weak_key::RULE,
    crate::xpath_injection::RULE,
    crate::xss::RULE,
    crate::xxe::RULE,
    crate::zip_slip::RULE,
];

/// The rule with this id.
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|r| r.meta.id == id)
}
