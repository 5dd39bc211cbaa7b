//! MongoDB from Python: an object where a value belongs acts as an operator; `$eq` compares it as it is.

use crate::shapes::no;
use crate::{DetectCx, FixCx, Found};
use ruff_python_ast::{Expr, ExprDict};
use surefix_dataflow::{Flow, Frag};
use surefix_rewrite::PyCx;
use surefix_syntax::python::span_of;
use surefix_text::{Assurance, Fix, Reason, Refusal, Span, Tier};

/// Operators whose operand is compared as it is.
const COMPARES: &[&str] = &["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"];
/// Update operators whose values are stored as they are.
const STORES: &[&str] = &[
    "$set",
    "$setOnInsert",
    "$unset",
    "$inc",
    "$mul",
    "$min",
    "$max",
    "$push",
    "$addToSet",
    "$rename",
    "$currentDate",
];

/// A value in a document, and the keys above it.
struct Place {
    span: Span,
    keys: Vec<String>,
}

/// Every value of a dictionary display that is no literal, with its keys.
fn places(dict: &ExprDict, keys: &mut Vec<String>, out: &mut Vec<Place>) {
    for item in &dict.items {
        let key = match &item.key {
            Some(Expr::StringLiteral(s)) => s.value.to_str().to_string(),
            _ => String::new(),
        };
        keys.push(key);
        value(&item.value, keys, out);
        keys.pop();
    }
}

fn value(e: &Expr, keys: &mut Vec<String>, out: &mut Vec<Place>) {
    if keys.len() > 40 {
        return;
    }
    match e {
        Expr::Dict(d) => places(d, keys, out),
        Expr::List(l) => l.elts.iter().for_each(|e| value(e, keys, out)),
        e if e.is_literal_expr() => {}
        e => out.push(Place { span: span_of(e), keys: keys.clone() }),
    }
}

/// The document that the sink gets: written at the call, or the only value of a variable.
fn document<'p>(p: &'p PyCx<'_>, arg: Span) -> Option<&'p Expr> {
    match p.expr_at(arg)? {
        Expr::Name(n) => {
            let uses = p.uses(&n.id, arg)?;
            let value = uses.writes.first().and_then(|w| w.value).filter(|_| uses.is_single_assignment())?;
            p.expr_at(value).filter(|e| e.is_dict_expr())
        }
        e => Some(e),
    }
}

/// The untrusted values of the document, by the places that the analysis names; all of them when it names none.
fn untrusted(p: &PyCx<'_>, flow: &Flow) -> Option<Vec<Place>> {
    let arg = flow.arg.and_then(|i| p.args(flow.call.span).get(i).map(|a| a.value))?;
    let Expr::Dict(d) = document(p, arg)? else { return None };
    let mut all = Vec::new();
    places(d, &mut Vec::new(), &mut all);
    let named: Vec<Span> = flow
        .shapes
        .iter()
        .flat_map(|s| &s.frags)
        .filter_map(|f| match f {
            Frag::Hole(h) if h.place.file == p.file => Some(h.place.span),
            _ => None,
        })
        .collect();
    let source = flow.trace.iter().map(|s| s.place.span).collect::<Vec<Span>>();
    let hit = |x: &Place| {
        named.contains(&x.span)
            || source.iter().any(|s| x.span.contains(*s))
            || match p.expr_at(x.span) {
                // A variable that got the value on the way.
                Some(Expr::Name(n)) => p.uses(&n.id, x.span).is_some_and(|u| {
                    u.writes.iter().filter_map(|w| w.value).any(|v| source.iter().any(|s| v.contains(*s)))
                        || u.param.is_some_and(|q| source.iter().any(|s| q.contains(*s)))
                }),
                _ => false,
            }
    };
    let (mine, rest): (Vec<Place>, Vec<Place>) = all.into_iter().partition(hit);
    Some(if mine.is_empty() { rest } else { mine })
}

/// True when every untrusted value stands below an operator that takes it as it is.
pub(crate) fn is_harmless(cx: &DetectCx<'_>, found: &Found) -> bool {
    let Some(flow) = found.flow.as_deref() else { return false };
    let p = PyCx::new(found.file, cx.text(found.file), cx.module(found.file));
    let Some(places) = untrusted(&p, flow) else { return false };
    let update = flow.arg == Some(1);
    let harmless = |x: &Place| {
        let last = x.keys.last().is_some_and(|k| COMPARES.contains(&k.as_str()));
        let stored = update && x.keys.len() > 1 && x.keys.first().is_some_and(|k| STORES.contains(&k.as_str()));
        last || stored
    };
    !places.is_empty() && places.iter().all(harmless)
}

/// The fix of a call of a collection.
pub(crate) fn fix(cx: &FixCx<'_>, found: &Found, flow: &Flow) -> Result<Fix, Refusal> {
    let p = cx.python(found.file);
    let Some(places) = untrusted(&p, flow) else {
        return no(Reason::NoLocalFix, "the whole query comes from outside").map_err(|r: Refusal| {
            r.with_steps("Build the query from constant field names and compare each value by {\"$eq\": value}.")
        });
    };
    let mut edits = Vec::new();
    for x in &places {
        if COMPARES.iter().any(|o| x.keys.last().is_some_and(|k| k == o)) {
            continue;
        }
        if let Some(op) =
            x.keys.iter().find(|k| k.starts_with('$') && !matches!(k.as_str(), "$and" | "$or" | "$nor" | "$match"))
        {
            let code = matches!(op.as_str(), "$where" | "$function" | "$accumulator");
            let detail = match code {
                true => format!("the value is a part of the code that {op} runs in the database"),
                false => format!("the value is an operand of {op}, which takes more than plain values"),
            };
            return no(Reason::NoLocalFix, detail).map_err(|r: Refusal| {
                r.with_steps("Express the condition by query operators on fields, with the value compared by $eq.")
            });
        }
        if x.keys.last().is_some_and(String::is_empty) {
            return no(Reason::NoLocalFix, "the name of the field comes from outside or is not constant");
        }
        let source = x.span.of(p.text);
        p.no_comment_inside(x.span)?;
        p.replace_expr(x.span, &format!("{{{}: {source}}}", p.string_literal("$eq")), &mut edits)?;
    }
    if edits.is_empty() {
        return no(Reason::ShapeUnknown, "no value of the query can be told apart as untrusted");
    }
    let mut a = Assurance::start(Tier::AttackOnly);
    a.lower(Tier::AttackOnly, "a value that is an object is compared as it is and no longer acts as an operator");
    Ok(Fix { title: "Compare the value by $eq".to_string(), edits, assurance: a, needs: Vec::new() })
}
