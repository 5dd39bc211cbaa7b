//! Spring: `JdbcTemplate` takes the values behind the text, `JdbcClient` in `param`.

use super::java_bind::Bind;
use super::java_jdbc::TITLE;
use super::java_text::{Binds, Sql};
use crate::shapes::{Loops, no};
use crate::{FixCx, Found};
use surefix_dataflow::Flow;
use surefix_rewrite::JavaCx;
use surefix_syntax::java::{self, span_of};
use surefix_text::{Assurance, Edit, Fix, Reason, Refusal, Span, Tier};

/// The fix of a call of Spring's JDBC support.
pub(crate) fn fix(cx: &FixCx<'_>, found: &Found, flow: &Flow) -> Result<Fix, Refusal> {
    let j = cx.java(found.file);
    let callee = flow.call.callee.as_str();
    let method = callee.rsplit('.').next().unwrap_or("");
    let mut a = Assurance::start(Tier::AttackOnly);
    let mut edits = Vec::new();
    if callee.contains(".namedparam.") || callee.contains(".r2dbc.") {
        return super::java_named::fix(cx, found, flow);
    }
    if callee.contains(".object.") {
        return no(Reason::NoRecipe, "this way of running SQL has no recipe")
            .map_err(|r: Refusal| r.with_steps("Write :name into the text and give the value in the parameter map."));
    }
    let stmt = j.stmt_of(flow.call.span).unwrap_or(flow.call.stmt);
    let mut sql = Sql::read(&j, flow, stmt, &|_, _| "?".to_string(), Loops::Follow)?;
    sql.render()?;
    sql.note_guards(&mut a);
    if sql.binds_nothing() {
        edits.append(&mut sql.text_edits);
        return Ok(Fix { title: TITLE.to_string(), edits, assurance: a, needs: Vec::new() });
    }
    if sql.is_shown() {
        a.lower(
            Tier::AttackOnly,
            "where the text is also shown or logged, it now shows placeholders instead of the values",
        );
    }
    edits.extend(sql.text_edits.iter().cloned());
    let call = flow.call.span;
    match (callee.contains("JdbcClient"), method) {
        (true, _) => {
            if sql.plan.facts.placeholders.question > 0 {
                return no(Reason::NoRecipe, "the text already has placeholders");
            }
            let text = match sql.binds(cx, &mut a, &mut edits)? {
                Binds::Each(list) => list.iter().map(|b| format!(".param({})", b.expr)).collect::<String>(),
                Binds::List(name) => format!(".params({name})"),
            };
            edits.push(Edit::insert(j.file, call.hi, text));
        }
        (
            _,
            "query" | "queryForObject" | "queryForList" | "queryForMap" | "queryForRowSet" | "queryForStream"
            | "update" | "queryForInt" | "queryForLong",
        ) => {
            varargs(cx, &j, &sql, method, &mut a, &mut edits)?;
        }
        (_, "execute") => execute(cx, &j, &sql, &mut a, &mut edits)?,
        (_, "batchUpdate") => batch(cx, &j, &sql, &mut a, &mut edits)?,
        _ => return no(Reason::NoRecipe, "this way of running SQL has no recipe"),
    }
    Ok(Fix { title: TITLE.to_string(), edits, assurance: a, needs: Vec::new() })
}

/// Arguments in front of the values: the text and, for queries, what reads the rows.
fn fixed_args(method: &str, given: usize) -> usize {
    match method {
        "query" | "queryForObject" | "queryForStream" => 2,
        "queryForList" if given == 2 => 2,
        _ => 1,
    }
}

/// The values go behind the arguments, in the order of the placeholders.
fn varargs(
    cx: &FixCx<'_>,
    j: &JavaCx<'_>,
    sql: &Sql<'_, '_>,
    method: &str,
    a: &mut Assurance,
    edits: &mut Vec<Edit>,
) -> Result<(), Refusal> {
    let call = sql.flow.call.span;
    let args = j.args(call);
    let old = sql.plan.facts.placeholders.question;
    let fixed = if method == "queryForList" && (old > 0 || args.len() > 2) {
        list_fixed(j, &args)
    } else {
        fixed_args(method, args.len())
    };
    let list = match sql.binds(cx, a, edits)? {
        Binds::Each(list) => list,
        Binds::List(name) if old == 0 && args.len() == fixed => {
            return j.insert_arg(call, args.len(), &format!("{name}.toArray()"), edits);
        }
        Binds::List(_) => {
            return no(Reason::AlternativesConflict, "placeholders of the text mix with values bound under conditions");
        }
    };
    let slots = sql.plan.ways.first().map(Vec::as_slice).unwrap_or_default();
    if args.len() < fixed {
        return no(Reason::NoRecipe, "the call has fewer arguments than its method takes");
    }
    let given = args.get(fixed..).unwrap_or_default();
    // `new Object[] {…}` in second place, as older code writes it.
    let array = args.get(1).and_then(|s| j.node_at(*s)).filter(|n| n.kind() == "array_creation_expression");
    if let Some(array) = array {
        let Some(init) = array.child_by_field_name("value") else {
            return no(Reason::NoRecipe, "the array of values is not written as a list");
        };
        let mut cursor = init.walk();
        let elements: Vec<Span> =
            init.named_children(&mut cursor).filter(|n| !n.kind().ends_with("_comment")).map(span_of).collect();
        if elements.len() != old || (args.len() > 3 || (args.len() == 3 && method == "update")) {
            return no(Reason::NoRecipe, "the values have SQL types beside them");
        }
        for (s, b) in slots.iter().zip(&list) {
            match elements.get(s.before) {
                Some(e) => push_before(j, *e, &b.expr, edits),
                None => {
                    let end = elements.last().map_or(span_of(init).lo + 1, |e| e.hi);
                    let text = if elements.is_empty() { b.expr.clone() } else { format!(", {}", b.expr) };
                    surefix_rewrite::layout::push_insert(
                        edits,
                        j.file,
                        end,
                        &separated(&text, elements.is_empty(), edits, j, end),
                    );
                }
            }
        }
        return Ok(());
    }
    if given.len() != old {
        return no(Reason::NoRecipe, "the call's values do not match the placeholders of its text");
    }
    // A callback without values goes to another overload with varargs; the text of the values follows it.
    for (s, b) in slots.iter().zip(&list) {
        match given.get(s.before) {
            Some(g) => push_before(j, *g, &b.expr, edits),
            None => j.insert_arg(call, args.len(), &b.expr, edits)?,
        }
    }
    if let ([only], 0) = (list.as_slice(), given.len()) {
        return lone_argument(only);
    }
    Ok(())
}

fn separated(text: &str, empty: bool, edits: &[Edit], j: &JavaCx<'_>, at: u32) -> String {
    let again = empty && edits.iter().any(|e| e.file == j.file && e.span == Span::point(at));
    if again { format!(", {text}") } else { text.to_string() }
}

fn lone_argument(b: &Bind) -> Result<(), Refusal> {
    if b.expr == "null" {
        return no(Reason::NoRecipe, "a lone null cannot be given as a value");
    }
    Ok(())
}

/// `queryForList(sql, Class, args…)` or `queryForList(sql, args…)`.
fn list_fixed(j: &JavaCx<'_>, args: &[Span]) -> usize {
    let class = args.get(1).and_then(|s| j.node_at(*s)).is_some_and(|n| n.kind() == "class_literal");
    if class { 2 } else { 1 }
}

fn push_before(j: &JavaCx<'_>, at: Span, expr: &str, edits: &mut Vec<Edit>) {
    surefix_rewrite::layout::push_insert(edits, j.file, at.lo, &format!("{expr}, "));
}

/// `execute(text)`: data changes go through `update`, everything else through a prepared statement in a callback.
fn execute(
    cx: &FixCx<'_>,
    j: &JavaCx<'_>,
    sql: &Sql<'_, '_>,
    a: &mut Assurance,
    edits: &mut Vec<Edit>,
) -> Result<(), Refusal> {
    let call = sql.flow.call.span;
    let args = j.args(call);
    if args.len() != 1 || sql.plan.facts.placeholders.question > 0 {
        return no(Reason::NoRecipe, "the call already takes a callback");
    }
    let Some(name) = j.call_name(call) else { return no(Reason::ShapeUnknown, "the call has no name") };
    let binds = sql.binds(cx, a, edits)?;
    if matches!(sql.plan.verb.as_str(), "INSERT" | "UPDATE" | "DELETE" | "MERGE") {
        edits.push(Edit::replace(j.file, name, "update"));
        match binds {
            Binds::Each(list) => {
                for b in &list {
                    j.insert_arg(call, 1, &b.expr, edits)?;
                }
            }
            Binds::List(name) => j.insert_arg(call, 1, &format!("{name}.toArray()"), edits)?,
        }
        return Ok(());
    }
    let Binds::Each(list) = binds else {
        return no(Reason::AlternativesConflict, "values bound under conditions do not fit a callback");
    };
    if cx.detect.project.java_level(cx.path(j.file)).is_some_and(|l| l < 8) {
        return no(Reason::LanguageLevel, "the callback is a lambda, which needs Java 8");
    }
    // The lambda takes only what is never assigned again.
    let mut lines = Vec::new();
    for (i, b) in list.iter().enumerate() {
        let expr = captured(j, sql.stmt, &b.expr, edits)?;
        lines.push(format!("{{ps}}.{}({}, {expr});", b.setter, i + 1));
    }
    let callback = j.bring_type("org.springframework.jdbc.core.PreparedStatementCallback", edits)?;
    let ps = j.fresh_name("ps", sql.stmt, edits);
    let (eol, outer, unit) = (j.eol_at(call.lo), j.indent_at(sql.stmt.lo), j.indent_unit());
    let mut text = format!("({callback}<Boolean>) {ps} -> {{{eol}");
    for l in lines {
        text.push_str(&format!("{outer}{unit}{}{eol}", l.replace("{ps}", &ps)));
    }
    text.push_str(&format!("{outer}{unit}return {ps}.execute();{eol}{outer}}}"));
    j.insert_arg(call, 1, &text, edits)
}

/// `expr` as a lambda can use it: names that are assigned again are copied first.
fn captured(j: &JavaCx<'_>, stmt: Span, expr: &str, edits: &mut Vec<Edit>) -> Result<String, Refusal> {
    let plain = expr.chars().all(|c| c.is_alphanumeric() || c == '_');
    if plain {
        let at = Span::new(stmt.lo, stmt.lo);
        let fixed = j.uses(expr, at).is_none_or(|u| u.is_effectively_final());
        if fixed {
            return Ok(expr.to_string());
        }
    }
    let name = j.fresh_name("value", stmt, edits);
    j.insert_before_stmt(stmt, &[&format!("String {name} = {expr};")], edits)?;
    Ok(name)
}

/// `batchUpdate(text)` runs one statement: the overload with one list of values.
fn batch(
    cx: &FixCx<'_>,
    j: &JavaCx<'_>,
    sql: &Sql<'_, '_>,
    a: &mut Assurance,
    edits: &mut Vec<Edit>,
) -> Result<(), Refusal> {
    let call = sql.flow.call.span;
    let args = j.args(call);
    if args.len() != 1 || sql.plan.facts.placeholders.question > 0 {
        return no(Reason::NoRecipe, "a batch of different texts has no prepared equivalent");
    }
    let array = args.first().and_then(|s| j.node_at(*s)).is_some_and(|n| n.kind().starts_with("array_"));
    let varargs_array = j.covering(call).is_none_or(|n| java::enclosing(n, |n| n.kind() == "ERROR").is_some());
    if array || varargs_array {
        return no(Reason::NoRecipe, "a batch of different texts has no prepared equivalent");
    }
    let values = match sql.binds(cx, a, edits)? {
        Binds::Each(list) => {
            let list: Vec<&str> = list.iter().map(|b| b.expr.as_str()).collect();
            format!("new Object[] {{{}}}", list.join(", "))
        }
        Binds::List(name) => format!("{name}.toArray()"),
    };
    let collections = j.bring_type("java.util.Collections", edits)?;
    j.insert_arg(call, 1, &format!("{collections}.singletonList({values})"), edits)
}
