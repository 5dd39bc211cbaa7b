//! SQLAlchemy: named parameters, given to `execute` or bound to `text`.

use super::plan::Slot;
use super::python_text::{Binds, Reading, Sql};
use crate::FixCx;
use crate::shapes::{Loops, no};
use std::cell::RefCell;
use surefix_dataflow::Flow;
use surefix_rewrite::PyCx;
use surefix_syntax::python::span_of;
use surefix_text::{Assurance, Edit, Reason, Refusal, Span};

/// `text(…)` and `execute("…")`.
pub(crate) fn alchemy(
    _cx: &FixCx<'_>,
    p: &PyCx<'_>,
    flow: &Flow,
    stmt: Span,
    a: &mut Assurance,
    edits: &mut Vec<Edit>,
) -> Result<(), Refusal> {
    let method = flow.call.callee.rsplit('.').next().unwrap_or("");
    if method == "exec_driver_sql" || method == "from_statement" {
        return no(Reason::TypeUnknown, "the placeholder style of the database behind the engine is not known");
    }
    let call = flow.call.span;
    let Some(arg) = flow.arg.and_then(|i| p.args(call).get(i).map(|a| a.value)) else {
        return no(Reason::ShapeUnknown, "the text does not reach the call as an argument");
    };
    let text = crate::shapes::python::text(p, surefix_dialect::Dialect::Sql, arg, stmt, &super::plan::is_value)?;
    let names: RefCell<Vec<(usize, String)>> = RefCell::new(Vec::new());
    let name_of = |slot: &Slot| -> String {
        let mut names = names.borrow_mut();
        if let Some((_, n)) = names.iter().find(|(q, _)| *q == slot.first) {
            return n.clone();
        }
        let word = |s: &str| {
            s.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_')
                && s.chars().all(|c| c.is_alphanumeric() || c == '_')
        };
        let expr = text.expr(slot.first);
        let own = expr.map_or("", |e| e.of(p.text));
        let base = if word(own) {
            own.to_string()
        } else {
            expr.map_or("value".to_string(), |e| crate::shapes::python_value::name_for(p, e))
        };
        let taken = |n: &str| names.iter().any(|(_, o)| o == n) || p.text.contains(&format!(":{n}"));
        let mut name = base.clone();
        let mut k = 2;
        while taken(&name) {
            name = format!("{base}_{k}");
            k += 1;
        }
        names.push((slot.first, name.clone()));
        name
    };
    let reading = Reading { count: |q| q.named.len(), lenient: false, loops: Loops::Refuse, lists: None };
    let sql = Sql::read(p, flow, stmt, reading, &|_, slot| format!(":{}", name_of(slot)))?;
    if !sql.plan.facts.colon_words.is_empty() {
        return no(
            Reason::NoRecipe,
            "a word behind a colon inside a string of the text would be taken for a parameter",
        );
    }
    let slots = sql.plan.ways.first().cloned().unwrap_or_default();
    sql.render(a, edits)?;
    if sql.binds_nothing() {
        return Ok(());
    }
    let Binds::Each(list) = sql.binds(a, edits)? else {
        return no(
            Reason::AlternativesConflict,
            "a part of the text is built under a condition, so its parameter is not always there",
        );
    };
    sql.note_shown(a);
    let pairs: Vec<(String, String)> = slots.iter().zip(list).map(|(s, b)| (name_of(s), b)).collect();
    let dict = || {
        let items: Vec<String> = pairs.iter().map(|(n, b)| format!("{}: {b}", p.string_literal(n))).collect();
        format!("{{{}}}", items.join(", "))
    };
    if method == "text" {
        if let Some(outer) = execute_around(p, call) {
            let args = p.args(outer);
            match args.get(1).map(|x| x.value) {
                None => return p.insert_arg(outer, 1, &dict(), edits),
                Some(given) => {
                    if let Some(ruff_python_ast::Expr::Dict(d)) = p.expr_at(given)
                        && let Some(last) = d.items.last()
                    {
                        let at = span_of(&last.value).hi;
                        for (n, b) in &pairs {
                            surefix_rewrite::layout::push_insert(
                                edits,
                                p.file,
                                at,
                                &format!(", {}: {b}", p.string_literal(n)),
                            );
                        }
                        return Ok(());
                    }
                }
            }
        }
        let items: Vec<String> = pairs.iter().map(|(n, b)| format!("{n}={b}")).collect();
        edits.push(Edit::insert(p.file, call.hi, format!(".bindparams({})", items.join(", "))));
        return Ok(());
    }
    // A plain string: 1.x code. `text` makes the parameters independent of the driver.
    if p.args(call).len() != 1 {
        return no(Reason::TypeUnknown, "the placeholder style of the database behind the engine is not known");
    }
    let wrapper = p.bring_from("sqlalchemy", "text", call, edits)?;
    surefix_rewrite::layout::push_insert(edits, p.file, arg.lo, &format!("{wrapper}("));
    surefix_rewrite::layout::push_insert(edits, p.file, arg.hi, &format!("), {}", dict()));
    Ok(())
}

/// The `execute(text(…))` whose first argument the call is.
fn execute_around(p: &PyCx<'_>, call: Span) -> Option<Span> {
    let outer = p.path_to(call).into_iter().rev().filter_map(|n| match n {
        ruff_python_ast::AnyNodeRef::ExprCall(c) => Some(span_of(c)),
        _ => None,
    });
    let outer = outer.into_iter().find(|s| *s != call && s.contains(call))?;
    let name = p.call_name(outer)?.of(p.text);
    let first = p.args(outer).first()?.value;
    (matches!(name, "execute" | "scalar" | "scalars" | "stream") && first == call).then_some(outer)
}
