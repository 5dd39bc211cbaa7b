//! `debug-enabled`: debug features active in production.

use crate::settings::{self, Home};
use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows};
use surefix_ir::{Const, Lang};
use surefix_text::{Assurance, FileId, Fix, Reason, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "debug-enabled",
    title: "Debug features active in production",
    cwe: &[489, 215],
    severity: Severity::Medium,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::Observable,
    page: include_str!("../../../../docs/rules/debug-enabled.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    // Calls are declared in the models. What is left are settings and annotations.
    for s in settings::all(cx, &|n| n == "DEBUG" || n == "FLASK_DEBUG") {
        let django = settings::is_django(cx, s.file);
        let named = match s.home {
            Home::Module => django && s.name == "DEBUG",
            Home::Config => true,
            Home::Class(_) => uses_flask(cx, s.file),
        };
        if *s.value != Const::Bool(true) || !named || settings::is_for_development(cx, &s) {
            continue;
        }
        let variant = if django { "django" } else { "flag" };
        out.push(flows::from_place(
            &META,
            s.file,
            s.value_span,
            "debug",
            s.name,
            "Debugging is switched on: error pages show source code, settings and, with an interactive debugger, run code".to_string(),
            variant,
        ));
    }
    for (i, module) in cx.program.modules.iter().enumerate().filter(|(_, m)| m.lang == Lang::Java) {
        for a in module.classes.iter().flat_map(|c| &c.annotations) {
            let debug =
                a.args.iter().any(|(k, v)| module.strings.get(*k) == "debug" && module.strings.get(*v) == "true");
            if debug && module.strings.get(a.name).ends_with("EnableWebSecurity") {
                out.push(flows::from_place(
                    &META,
                    FileId(u32::try_from(i).unwrap_or(u32::MAX)),
                    a.span,
                    "debug",
                    "EnableWebSecurity",
                    "Debugging is switched on: requests with their headers and sessions are written to the log"
                        .to_string(),
                    "annotation",
                ));
            }
        }
    }
}

/// A configuration class of Flask stands in a module that knows Flask, or beside one that loads it.
fn uses_flask(cx: &DetectCx<'_>, file: FileId) -> bool {
    let flask = |m: &surefix_ir::Module| {
        m.imports.iter().any(|i| m.strings.get(i.path).split('.').next().is_some_and(|t| t == "flask"))
    };
    let path = cx.program.paths.get(file.0 as usize).map_or("", String::as_str);
    let config = path.rsplit('/').next().is_some_and(|n| n.starts_with("config") || n.starts_with("settings"));
    flask(cx.module(file)) || (config && cx.program.modules.iter().any(|m| flask(m)))
}

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let mut edits = Vec::new();
    let mut needs = Vec::new();
    match found.variant {
        "annotation" => {
            let jx = cx.java(found.file);
            let node = jx.node_at(found.span);
            let mut at = None;
            if let Some(n) = node {
                surefix_syntax::java::walk(n, &mut |c| {
                    if c.kind() == "element_value_pair"
                        && c.child_by_field_name("key").is_some_and(|k| jx.node_text(k) == "debug")
                    {
                        at = c.child_by_field_name("value").map(surefix_syntax::java::span_of);
                    }
                    true
                });
            }
            let Some(at) = at else {
                return Err(Refusal::new(Reason::ShapeUnknown, "the annotation has no debug element"));
            };
            jx.replace_expr(at, "false", &mut edits)?;
        }
        // The switch stays, in the environment: running the development server needs it.
        "django" => {
            let py = cx.python(found.file);
            let os = py.bring("os", found.span, &mut edits)?;
            let q = py.quote().char();
            let get = format!("{os}.environ.get({q}DJANGO_DEBUG{q}, {q}{q}) == {q}1{q}");
            py.replace_expr(found.span, &get, &mut edits)?;
            needs.push((found.file, "os".to_string()));
        }
        _ => cx.python(found.file).replace_expr(found.span, "False", &mut edits)?,
    }
    let mut assurance = Assurance::start(Tier::Observable);
    assurance.lower(
        Tier::Observable,
        if found.variant == "django" {
            "developers set DJANGO_DEBUG=1; without it, pages of errors say nothing and static files need a web server"
        } else {
            "pages of errors say nothing any more, and code is not loaded again when it changes"
        },
    );
    Ok(Fix { title: "Switch debugging off".to_string(), edits, assurance, needs })
}
