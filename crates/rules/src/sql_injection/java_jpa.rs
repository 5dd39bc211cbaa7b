//! JPA and Hibernate: named parameters, set where the query is created.

use super::java_jdbc::TITLE;
use super::java_text::{Binds, Sql};
use super::plan::Slot;
use crate::shapes::{Loops, PieceKind, no};
use crate::{FixCx, Found};
use std::cell::RefCell;
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
    // Names by the first value's piece, so that every way gives the same.
    let names: RefCell<Vec<(usize, String)>> = RefCell::new(Vec::new());
    let arg = flow.arg.and_then(|i| flow.call.args.get(i)).map_or("", |a| a.span.of(j.text)).to_string();
    let text = crate::shapes::java::text(
        &j,
        surefix_dialect::Dialect::Sql,
        flow.arg.and_then(|i| flow.call.args.get(i)).map(|a| a.span).unwrap_or_default(),
        stmt,
        &super::plan::is_value,
    )?;
    let name_of = |slot: &Slot| -> String {
        let mut names = names.borrow_mut();
        if let Some((_, n)) = names.iter().find(|(p, _)| *p == slot.first) {
            return n.clone();
        }
        let expr = text.expr(slot.first).map(|e| (e, e.of(j.text)));
        let word =
            |s: &str| s.chars().next().is_some_and(char::is_alphabetic) && s.chars().all(|c| c.is_alphanumeric());
        let base = match expr {
            Some((_, t)) if word(t) => t.to_string(),
            Some((e, _)) => crate::shapes::java_value::name_for(&j, e, "value"),
            None => "value".to_string(),
        };
        let taken = |n: &str| {
            names.iter().any(|(_, o)| o == n) || j.text.contains(&format!(":{n}")) || arg.contains(&format!(":{n}"))
        };
        let mut name = base.clone();
        let mut k = 2;
        while taken(&name) {
            name = format!("{base}{k}");
            k += 1;
        }
        names.push((slot.first, name.clone()));
        name
    };
    let spell = |i: usize, slot: &Slot| if named { format!(":{}", name_of(slot)) } else { format!("?{}", i + 1) };
    let mut sql = Sql::read(&j, flow, stmt, &spell, Loops::Refuse)?;
    if sql.plan.facts.placeholders.question > 0 && !named {
        return no(Reason::NoRecipe, "the text already has positional parameters");
    }
    sql.render()?;
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
        let string = text
            .expr(s.first)
            .and_then(|e| crate::shapes::java_value::type_in(&j, e, flow))
            .is_none_or(|t| t == "String");
        let plain = matches!(text.pieces.get(s.first).map(|p| &p.kind), Some(PieceKind::Val { .. }));
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
            true => text.push_str(&format!(".setParameter(\"{}\", {})", name_of(s), b.expr)),
            false => text.push_str(&format!(".setParameter({}, {})", i + 1, b.expr)),
        }
    }
    edits.push(Edit::insert(j.file, flow.call.span.hi, text));
    Ok(Fix { title: TITLE.to_string(), edits, assurance: a, needs: Vec::new() })
}
