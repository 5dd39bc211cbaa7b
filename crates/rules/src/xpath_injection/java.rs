//! Java: the value becomes a variable that a resolver of the `XPath` object gives.

use super::{is_value, names, strings};
use crate::shapes::java_value::{keeps_until, name_for, type_in};
use crate::shapes::{self, Action, Value, java, java_render, no};
use crate::{FixCx, Found};
use surefix_dataflow::Flow;
use surefix_dialect::Dialect;
use surefix_rewrite::JavaCx;
use surefix_rewrite::java::locals::LocalKind;
use surefix_text::{Assurance, Edit, Fix, Reason, Refusal, Span, Tier};

/// The fix of `evaluate(text)` and `compile(text)`.
pub(crate) fn fix(cx: &FixCx<'_>, found: &Found, flow: &Flow) -> Result<Fix, Refusal> {
    let j = cx.java(found.file);
    if !flow.call.callee.starts_with("javax.xml.xpath.XPath.") {
        return no(Reason::NoRecipe, "this library has no recipe").map_err(|r: Refusal| {
            r.with_steps("Write $name into the expression and give the value as that variable.")
        });
    }
    let call = flow.call.span;
    let Some(arg) = flow.arg.and_then(|i| flow.call.args.get(i)).map(|a| a.span) else {
        return no(Reason::ShapeUnknown, "the expression does not reach the call as an argument");
    };
    let stmt = j.hoist_point(call)?;
    let text = java::text(&j, Dialect::XPath, arg, stmt, &is_value)?;
    let inside = shapes::inside(&text, flow)?;
    let holes = strings(&text, &inside)?;
    let recv = owner(&j, call)?;
    let mut edits = Vec::new();
    let mut actions = vec![Action::Keep; text.pieces.len()];
    let way = text.ways.first().cloned().unwrap_or_default();
    let (groups, cuts) = shapes::quoted_groups(&text, &way, &holes);
    shapes::cut_actions(&text, &cuts, &mut actions);
    let own = |p: usize| {
        let expr = text.expr(p).unwrap_or_default();
        let word = expr.of(j.text);
        let plain =
            word.chars().all(|c| c.is_ascii_alphanumeric()) && word.starts_with(|c: char| c.is_ascii_alphabetic());
        if plain { word.to_string() } else { name_for(&j, expr, "value") }
    };
    let names = names(&text, j.text, &holes, &own);
    let mut values = Vec::new();
    for (g, name) in groups.iter().zip(&names) {
        if let Some(a) = actions.get_mut(g.first) {
            *a = Action::Put(format!("${name}"));
        }
        values.push(value(&j, flow, &text, g, stmt, name, &mut edits)?);
    }
    shapes::keep_apart(&text, &|p| inside.texts(p), &mut actions);
    java_render::render(&j, &text, &actions, &mut edits)?;
    let lambda = cx.detect.project.java_level(cx.path(j.file)).is_none_or(|l| l >= 8);
    if !lambda {
        return no(Reason::LanguageLevel, "the resolver is a lambda, which needs Java 8");
    }
    let v = j.fresh_name("variable", stmt, &edits);
    let mut lines: Vec<String> = Vec::new();
    if let ([name], [value]) = (names.as_slice(), values.as_slice()) {
        lines.push(format!(
            "{recv}.setXPathVariableResolver({v} -> {}.equals({v}.getLocalPart()) ? {value} : null);",
            j.string_literal(name)
        ));
    } else {
        let (map, hash) = (j.bring_type("java.util.Map", &mut edits)?, j.bring_type("java.util.HashMap", &mut edits)?);
        let holder = j.fresh_name("variables", stmt, &edits);
        lines.push(format!("{map}<String, Object> {holder} = new {hash}<>();"));
        for (n, value) in names.iter().zip(&values) {
            lines.push(format!("{holder}.put({}, {value});", j.string_literal(n)));
        }
        lines.push(format!("{recv}.setXPathVariableResolver({v} -> {holder}.get({v}.getLocalPart()));"));
    }
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    j.insert_before_stmt(stmt, &lines, &mut edits)?;
    let title = "Give the value to the XPath expression as a variable".to_string();
    Ok(Fix { title, edits, assurance: Assurance::start(Tier::AttackOnly), needs: Vec::new() })
}

/// The local `XPath` object, which has no resolver yet.
fn owner(j: &JavaCx<'_>, call: Span) -> Result<String, Refusal> {
    let Some(recv) = j.receiver(call) else { return no(Reason::TypeUnknown, "the call has no visible receiver") };
    let name = recv.of(j.text);
    let Some(uses) = j.uses(name, recv).filter(|u| u.kind == LocalKind::Variable) else {
        return no(Reason::NoLocalFix, "the XPath object is not a local variable, and a resolver would change it for others")
            .map_err(|r: Refusal| r.with_steps("Create the XPath object where the expression is evaluated, set a variable resolver, and write $name into the expression."));
    };
    let made = uses.init.is_some_and(|i| i.of(j.text).trim_end().ends_with(".newXPath()")) && uses.writes.is_empty();
    if !made {
        return no(Reason::TypeUnknown, "the XPath object is not created where it can be seen");
    }
    for r in &uses.reads {
        let other =
            j.call_span(Span::new(r.lo, r.hi)).filter(|c| j.receiver(*c) == Some(*r)).and_then(|c| j.call_name(c));
        let other = other.or_else(|| called_on(j, *r)).map_or("", |n| n.of(j.text));
        if other == "setXPathVariableResolver" {
            return no(Reason::NoRecipe, "the XPath object already has a variable resolver");
        }
        if other.is_empty() {
            return no(Reason::NoLocalFix, "the XPath object is passed on");
        }
    }
    Ok(name.to_string())
}

/// The name of the method that is called on the expression at `r`.
fn called_on(j: &JavaCx<'_>, r: Span) -> Option<Span> {
    let n = j.node_at(r)?;
    let p = n.parent()?;
    let on = p.kind() == "method_invocation" && p.child_by_field_name("object") == Some(n);
    on.then(|| p.child_by_field_name("name").map(surefix_syntax::java::span_of))?
}

/// The value as the lambda can use it: text, and never assigned again.
fn value(
    j: &JavaCx<'_>,
    flow: &Flow,
    text: &shapes::Text,
    group: &shapes::Group,
    stmt: Span,
    name: &str,
    edits: &mut Vec<Edit>,
) -> Result<String, Refusal> {
    let [Value::Piece(p)] = group.parts.as_slice() else {
        // Constant text around the value: one text, kept in a local.
        let mut parts = Vec::new();
        for part in &group.parts {
            match part {
                Value::Text(t) => parts.push(j.string_literal(t)),
                Value::Piece(p) => {
                    let Some(expr) = text.expr(*p).filter(|e| keeps_until(j, *e, stmt)) else {
                        return no(
                            Reason::SideEffect,
                            "a value of the expression is no longer known where it is evaluated",
                        );
                    };
                    parts.push(expr.of(j.text).to_string());
                }
            }
        }
        let local = j.fresh_name(&format!("{name}Text"), stmt, edits);
        j.declare_before(stmt, "String", &local, &parts.join(" + "), edits)?;
        return Ok(local);
    };
    let Some(expr) = text.expr(*p) else { return no(Reason::ShapeUnknown, "a value is not an expression") };
    j.no_comment_inside(expr)?;
    if !shapes::plain_field(text, *p) {
        return no(Reason::NoRecipe, "the value is formatted on its way into the expression");
    }
    let source = expr.of(j.text);
    let is_text = type_in(j, expr, flow).as_deref() == Some("String");
    let as_text = if is_text { source.to_string() } else { format!("String.valueOf({source})") };
    let Some(event) = text.event_of(*p) else { return no(Reason::ShapeUnknown, "a value has no place") };
    let steady = keeps_until(j, expr, stmt);
    let uses = j.uses(source, expr);
    if is_text && steady && uses.as_ref().is_some_and(|u| u.is_effectively_final()) {
        return Ok(as_text);
    }
    let place = if steady || event.at_sink { stmt } else { event.stmt };
    let visible =
        j.node_at(place).and_then(|n| n.parent()).is_some_and(|b| surefix_syntax::java::span_of(b).contains(stmt));
    if event.guarded || !visible {
        return no(Reason::SideEffect, "a value of the expression is no longer known where it is evaluated");
    }
    let base = if uses.is_some() { format!("{name}Value") } else { name.to_string() };
    let local = j.fresh_name(&base, expr, edits);
    j.declare_before(place, "String", &local, &as_text, edits)?;
    Ok(local)
}
