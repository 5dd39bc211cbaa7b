//! Python: lxml takes variables of the expression as keyword arguments.

use super::{is_value, names, strings};
use crate::shapes::{self, Action, Value, no, python, python_render};
use crate::{FixCx, Found};
use surefix_dataflow::Flow;
use surefix_dialect::Dialect;
use surefix_text::{Assurance, Fix, Reason, Refusal, Tier};

/// The fix of `node.xpath(text)`.
pub(crate) fn fix(cx: &FixCx<'_>, found: &Found, flow: &Flow) -> Result<Fix, Refusal> {
    let p = cx.python(found.file);
    let callee = flow.call.callee.as_str();
    if !(callee.starts_with("lxml.") && callee.ends_with(".xpath")) {
        return no(Reason::NoRecipe, "paths of this call cannot take variables").map_err(|r: Refusal| {
            r.with_steps(
                "Search with a constant path and compare the value in Python, or use lxml's xpath with a variable.",
            )
        });
    }
    let call = flow.call.span;
    let Some(arg) = flow.arg.and_then(|i| p.args(call).get(i).map(|a| a.value)) else {
        return no(Reason::ShapeUnknown, "the expression does not reach the call as an argument");
    };
    let stmt = p.stmt_of(call).unwrap_or(flow.call.stmt);
    let text = python::text(&p, Dialect::XPath, arg, stmt, &is_value)?;
    let inside = shapes::inside(&text, flow)?;
    let holes = strings(&text, &inside)?;
    let mut edits = Vec::new();
    let mut actions = vec![Action::Keep; text.pieces.len()];
    let way = text.ways.first().cloned().unwrap_or_default();
    let (groups, cuts) = shapes::quoted_groups(&text, &way, &holes);
    shapes::cut_actions(&text, &cuts, &mut actions);
    let own = |q: usize| {
        let expr = text.expr(q).unwrap_or_default();
        let word = expr.of(p.text);
        let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && word.starts_with(|c: char| c.is_ascii_alphabetic());
        if plain { word.to_string() } else { shapes::python_value::name_for(&p, expr) }
    };
    let names = names(&text, p.text, &holes, &own);
    let reserved = ["namespaces", "extensions", "smart_strings"];
    let args = p.args(call);
    for (g, name) in groups.iter().zip(&names) {
        if reserved.contains(&name.as_str()) || args.iter().any(|a| a.name.as_deref() == Some(name)) {
            return no(Reason::NameTaken, format!("the call has an argument {name} already"));
        }
        if let Some(a) = actions.get_mut(g.first) {
            *a = Action::Put(format!("${name}"));
        }
        let mut parts = Vec::new();
        for part in &g.parts {
            match part {
                Value::Text(t) => parts.push(p.string_literal(t)),
                Value::Piece(q) => {
                    let Some(expr) = text.expr(*q) else { continue };
                    let Some(event) = text.event_of(*q) else { continue };
                    if !shapes::plain_field(&text, *q) {
                        return no(Reason::NoRecipe, "the value is formatted on its way into the expression");
                    }
                    if !event.at_sink && !shapes::python_value::keeps(&p, expr) {
                        return no(
                            Reason::SideEffect,
                            "a value of the expression is no longer known where it is evaluated",
                        );
                    }
                    let value = expr.of(p.text);
                    // Variables are text, numbers or node sets; a missing value went in as the text None.
                    let text = g.parts.len() > 1 || shapes::python_value::may_be_none(&p, expr);
                    parts.push(if text { format!("str({value})") } else { value.to_string() });
                }
            }
        }
        p.insert_arg(call, args.len(), &format!("{name}={}", parts.join(" + ")), &mut edits)?;
    }
    shapes::keep_apart(&text, &|q| inside.texts(q), &mut actions);
    python_render::render(&p, &text, &actions, &mut edits)?;
    let title = "Give the value to the XPath expression as a variable".to_string();
    Ok(Fix { title, edits, assurance: Assurance::start(Tier::AttackOnly), needs: Vec::new() })
}
