//! JPA and Hibernate: named parameters, set where the query is created.

use super::java_jdbc::TITLE;
use super::java_named::Names;
use super::java_text::{Binds, Sql};
use crate::shapes::{Loops, PieceKind, no};
use crate::{FixCx, Found};
use surefix_dataflow::Flow;
use surefix_dialect::Label;
use surefix_text::{Assurance, Edit, Fix, Reason, Refusal, Tier};

/// The fix of `createQuery(text)` and its relatives.
pub(crate) fn fix(cx: &FixCx<'_>, found: &Found, flow: &Flow) -> Result<Fix, Refusal> {
    let j = cx.java(found.file);
    let callee = flow.call.callee.as_str();
    let method = callee.rsplit('.').next().unwrap_or("");
    if !method.starts_with("create") {
        return no(Reason::NoRecipe, "this way of running a query has no recipe");
    }
    let native = method.contains("Native") || method.contains("SQL");
    let hibernate = callee.starts_with("org.hibernate");
    let named = !native || hibernate;
    let mut a = Assurance::start(Tier::AttackOnly);
    let mut edits = Vec::new();
    let stmt = j.stmt_of(flow.call.span).unwrap_or(flow.call.stmt);
    let names = Names::new(&j, flow, stmt)?;
    let spell =
        |i: usize, slot: &super::plan::Slot| if named { format!(":{}", names.of(slot)) } else { format!("?{}", i + 1) };
    let mut sql = Sql::read(&j, flow, stmt, &spell, Loops::Refuse)?;
    if sql.plan.facts.placeholders.question > 0 && !named {
        return no(Reason::NoRecipe, "the text already has positional parameters");
    }
    sql.render()?;
    sql.note_guards(&mut a);
    if sql.binds_nothing() {
        edits.append(&mut sql.text_edits);
        return Ok(Fix { title: TITLE.to_string(), edits, assurance: a, needs: Vec::new() });
    }
    if sql.is_shown() {
        a.lower(
            Tier::AttackOnly,
            "where the text is also shown or logged, it now shows parameter names instead of the values",
        );
    }
    let slots = sql.plan.ways.first().cloned().unwrap_or_default();
    if !native && slots.iter().any(|s| s.label == Label::SqlLimit) {
        return no(Reason::NoRecipe, "a row limit is set by setMaxResults");
    }
    for s in slots.iter().filter(|s| !s.quoted && !native) {
        let string = names
            .text()
            .expr(s.first)
            .and_then(|e| crate::shapes::java_value::type_in(&j, e, flow))
            .is_none_or(|t| t == "String");
        let plain = matches!(names.text().pieces.get(s.first).map(|p| &p.kind), Some(PieceKind::Val { .. }));
        if string && plain {
            return no(
                Reason::TypeUnknown,
                "the attribute that the value is compared with is no text, and its type is not known",
            )
            .map_err(|r: Refusal| {
                r.with_steps("Convert the value to the attribute's type and set it as a named parameter.")
            });
        }
    }
    edits.extend(sql.text_edits.iter().cloned());
    let Binds::Each(list) = sql.binds(cx, &mut a, &mut edits)? else {
        return no(
            Reason::AlternativesConflict,
            "a part of the text is built under a condition, so its parameter is not always there",
        )
        .map_err(|r: Refusal| r.with_steps("Set the parameter under the same condition as its part of the text."));
    };
    let mut text = String::new();
    for (i, (s, b)) in slots.iter().zip(&list).enumerate() {
        match named {
            true => text.push_str(&format!(".setParameter(\"{}\", {})", names.of(s), b.expr)),
            false => text.push_str(&format!(".setParameter({}, {})", i + 1, b.expr)),
        }
    }
    edits.push(Edit::insert(j.file, flow.call.span.hi, text));
    Ok(Fix { title: TITLE.to_string(), edits, assurance: a, needs: Vec::new() })
}
