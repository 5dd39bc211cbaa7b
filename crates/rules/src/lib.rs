//! Vulnerability classes: metadata, detection, recipes. One folder a class; classes do not know each other.
//!
//! A rule reads the [`surefix_dataflow::Analysis`] and reports [`Found`]s; asked for a fix it returns
//! a [`Fix`] or a [`Refusal`]. Everything here is pure.

mod containment;
mod context;
mod declarative;
mod encoders;
mod facts;
mod flows;
mod guards;
mod hosts;
mod line_breaks;
mod meta;
mod operands;
mod origins;
mod purpose;
mod python_text;
mod registry;
mod removal;
mod settings;
mod syntaxes;

mod cleartext_transport;
mod code_injection;
mod command_injection;
mod csrf_disabled;
mod debug_enabled;
mod file_permissions;
mod hardcoded_secret;
mod header_injection;
mod info_exposure;
mod insecure_cookie;
mod insecure_deserialization;
mod insecure_randomness;
mod insecure_temp_file;
mod jndi_injection;
mod jwt_verification;
mod ldap_injection;
mod log_injection;
mod missing_timeout;
mod nosql_injection;
mod open_redirect;
mod partial_path_check;
mod path_traversal;
mod regex_injection;
mod resource_leak;
mod session_fixation;
mod shapes;
mod sql_injection;
mod ssrf;
mod static_iv;
mod tar_slip;
mod template_injection;
mod timing_unsafe_comparison;
mod tls_verification;
mod tls_version;
mod trust_boundary;
mod unsafe_reflection;
mod weak_cipher;
mod weak_hash;
mod weak_key;
mod xpath_injection;
mod xss;
mod xxe;
mod zip_slip;

pub use context::{DECISION_KEYS, Decisions, DetectCx, FixCx};
pub use meta::{Confidence, Found, RuleMeta, Severity};
pub use registry::{RULES, Rule, rule};
pub use surefix_text::{Fix, Refusal};
