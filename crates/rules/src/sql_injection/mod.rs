//! `sql-injection`: SQL injection.

mod java_bind;
mod java_jdbc;
mod java_jpa;
mod java_named;
mod java_spring;
mod java_statement;
mod java_text;
mod mybatis;
mod plan;
mod python;
mod python_list;
mod python_orm;
mod python_text;

use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows};
use surefix_ir::Lang;
use surefix_models::Kind;
use surefix_text::{Fix, Reason, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "sql-injection",
    title: "SQL injection",
    cwe: &[89, 564],
    severity: Severity::Critical,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::AttackOnly,
    page: include_str!("../../../../docs/rules/sql-injection.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    let mut found = Vec::new();
    flows::report(cx, &META, &[Kind::Sql], flows::any, &mut found);
    // Text that is already reported where it becomes a statement object (`text(…)`, `prepareStatement(…)`) is not reported
    // again where that object runs.
    let calls: Vec<_> = found.iter().map(|f| (f.file, f.span)).collect();
    let again = |f: &Found| {
        f.trace()
            .iter()
            .any(|s| (s.place.file, s.place.span) != (f.file, f.span) && calls.contains(&(s.place.file, s.place.span)))
    };
    found.retain(|f| !again(f));
    mybatis::detect(cx, &mut found);
    out.append(&mut found);
}

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    if found.variant == mybatis::VARIANT {
        return mybatis::fix(cx, found);
    }
    let Some(flow) = found.flow.as_deref() else {
        return Err(Refusal::new(Reason::ShapeUnknown, "the way of the value is not known"));
    };
    if cx.detect.lang(found.file) == Lang::Python {
        return python::fix(cx, found, flow);
    }
    let callee = flow.call.callee.as_str();
    match callee {
        c if c.starts_with("java.sql.") => java_jdbc::fix(cx, found, flow),
        c if c.starts_with("org.springframework.") => java_spring::fix(cx, found, flow),
        c if c.starts_with("javax.persistence.") || c.starts_with("org.hibernate.") => java_jpa::fix(cx, found, flow),
        _ => Err(Refusal::new(Reason::NoRecipe, "no recipe covers this library")),
    }
}
