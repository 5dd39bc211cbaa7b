//! Named parameters: fresh names, Spring's `NamedParameterJdbcTemplate` and its R2DBC client.

use super::java_bind::Bind;
use super::java_jdbc::{TITLE, is_postgres};
use super::java_text::{Binds, Sql};
use super::plan::Slot;
use crate::shapes::{Loops, Text, java, java_value, no};
use crate::{FixCx, Found};
use std::cell::RefCell;
use surefix_dataflow::Flow;
use surefix_rewrite::JavaCx;
use surefix_rewrite::java::locals::LocalKind;
use surefix_text::{Assurance, Edit, Fix, Reason, Refusal, Span, Tier};

const SOURCE: &str = "org.springframework.jdbc.core.namedparam.MapSqlParameterSource";

/// Names for the parameters of a text, the same for a value on every way of building it.
pub(crate) struct Names<'s, 'a> {
    j: &'s JavaCx<'a>,
    text: Text,
    /// The sink's argument, as it is written.
    arg: String,
    given: RefCell<Vec<(usize, String)>>,
}

impl<'s, 'a> Names<'s, 'a> {
    /// For the text at the flow's argument.
    pub(crate) fn new(j: &'s JavaCx<'a>, flow: &Flow, stmt: Span) -> Result<Names<'s, 'a>, Refusal> {
        let arg = flow.arg.and_then(|i| flow.call.args.get(i)).map(|a| a.span).unwrap_or_default();
        let text = java::text(j, surefix_dialect::Dialect::Sql, arg, stmt, &super::plan::is_value)?;
        Ok(Names { j, text, arg: arg.of(j.text).to_string(), given: RefCell::default() })
    }

    /// The text.
    pub(crate) fn text(&self) -> &Text {
        &self.text
    }

    /// The name of a placeholder: that of its variable, where it is free.
    pub(crate) fn of(&self, slot: &Slot) -> String {
        let mut names = self.given.borrow_mut();
        if let Some((_, n)) = names.iter().find(|(p, _)| *p == slot.first) {
            return n.clone();
        }
        let expr = self.text.expr(slot.first).map(|e| (e, e.of(self.j.text)));
        let word =
            |s: &str| s.chars().next().is_some_and(char::is_alphabetic) && s.chars().all(|c| c.is_alphanumeric());
        let base = match expr {
            Some((_, t)) if word(t) => t.to_string(),
            Some((e, _)) => java_value::name_for(self.j, e, "value"),
            None => "value".to_string(),
        };
        let taken = |n: &str| {
            let mark = format!(":{n}");
            names.iter().any(|(_, o)| o == n) || self.j.text.contains(&mark) || self.arg.contains(&mark)
        };
        let mut name = base.clone();
        let mut k = 2;
        while taken(&name) {
            name = format!("{base}{k}");
            k += 1;
        }
        names.push((slot.first, name.clone()));
        name
    }
}

/// The fix of a call of `NamedParameterJdbcTemplate` or of R2DBC's `DatabaseClient.sql`.
pub(crate) fn fix(cx: &FixCx<'_>, found: &Found, flow: &Flow) -> Result<Fix, Refusal> {
    let j = cx.java(found.file);
    let callee = flow.call.callee.as_str();
    let method = callee.rsplit('.').next().unwrap_or("");
    if method == "batchUpdate" {
        return no(Reason::NoRecipe, "a batch takes one set of values for every run of its text");
    }
    let stmt = j.stmt_of(flow.call.span).unwrap_or(flow.call.stmt);
    let names = Names::new(&j, flow, stmt)?;
    let mut sql = Sql::read(&j, flow, stmt, &|_, slot| format!(":{}", names.of(slot)), Loops::Refuse)?;
    if sql.plan.facts.placeholders.question > 0 {
        return no(Reason::NoRecipe, "the text mixes positional placeholders with named ones");
    }
    if !sql.plan.facts.colon_words.is_empty() {
        return no(
            Reason::NoRecipe,
            "a word behind a colon inside a string of the text would be taken for a parameter",
        );
    }
    sql.render()?;
    let mut a = Assurance::start(Tier::AttackOnly);
    sql.note_guards(&mut a);
    let mut edits = Vec::new();
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
    edits.extend(sql.text_edits.iter().cloned());
    let slots = sql.plan.ways.first().cloned().unwrap_or_default();
    let Binds::Each(list) = sql.binds(cx, &mut a, &mut edits)? else {
        return no(
            Reason::AlternativesConflict,
            "a part of the text is built under a condition, so its parameter is not always there",
        )
        .map_err(|r: Refusal| r.with_steps("Add the parameter under the same condition as its part of the text."));
    };
    let pairs: Vec<(String, &Slot, &Bind)> = slots.iter().zip(&list).map(|(s, b)| (names.of(s), s, b)).collect();
    if callee.contains(".r2dbc.") {
        let mut text = String::new();
        for (name, slot, b) in &pairs {
            text.push_str(&format!(".bind({}, {})", j.string_literal(name), never_null(slot, b)?));
        }
        edits.push(Edit::insert(j.file, flow.call.span.hi, text));
    } else {
        source(cx, &j, flow.call.span, &pairs, &mut edits)?;
    }
    Ok(Fix { title: TITLE.to_string(), edits, assurance: a, needs: Vec::new() })
}

/// The value as `bind` takes it: never null. A null went into the text as the word `null`.
fn never_null(slot: &Slot, b: &Bind) -> Result<String, Refusal> {
    if b.setter != "setString" && b.setter != "setObject" {
        return Ok(b.expr.clone());
    }
    if !slot.quoted {
        return no(Reason::TypeUnknown, "whether a value that stood without quotes is there is not known");
    }
    let joined = slot.parts.len() > 1 || b.expr.starts_with("String.valueOf(");
    Ok(if joined { b.expr.clone() } else { format!("String.valueOf({})", b.expr) })
}

/// The values go into the call's parameters: the ones that it has, or new ones behind the text.
fn source(
    cx: &FixCx<'_>,
    j: &JavaCx<'_>,
    call: Span,
    pairs: &[(String, &Slot, &Bind)],
    edits: &mut Vec<Edit>,
) -> Result<(), Refusal> {
    let other = match is_postgres(cx, cx.path(j.file)) && pairs.iter().any(|p| p.2.text) {
        true => Some(j.bring_type("java.sql.Types", edits)?),
        false => None,
    };
    let value = |p: &(String, &Slot, &Bind)| match &other {
        Some(types) if p.2.text => format!("{}, {}, {types}.OTHER", j.string_literal(&p.0), p.2.expr),
        _ => format!("{}, {}", j.string_literal(&p.0), p.2.expr),
    };
    let chain = |list: &[(String, &Slot, &Bind)]| -> String {
        list.iter().map(|p| format!(".addValue({})", value(p))).collect()
    };
    let args = j.args(call);
    let given = args.get(1).copied();
    match given.map(|g| parameters(j, g)) {
        Some(Parameters::Source) => {
            let at = given.map_or(0, |g| g.hi);
            edits.push(Edit::insert(j.file, at, chain(pairs)));
            Ok(())
        }
        Some(Parameters::Map) => {
            let Some(g) = given else { return Ok(()) };
            j.no_comment_inside(g)?;
            let ty = j.bring_type(SOURCE, edits)?;
            j.replace_expr(g, &format!("new {ty}({}){}", g.of(j.text), chain(pairs)), edits)
        }
        Some(Parameters::Unknown) => {
            no(Reason::TypeUnknown, "the parameters of the call are of a kind that cannot be added to")
                .map_err(|r: Refusal| r.with_steps("Write :name into the text and give the value in the parameters."))
        }
        Some(Parameters::Callback) | None => {
            let ty = j.bring_type(SOURCE, edits)?;
            j.insert_arg(call, 1, &format!("new {ty}(){}", chain(pairs)), edits)
        }
    }
}

/// What the argument behind the text is.
enum Parameters {
    /// A `MapSqlParameterSource`, which grows.
    Source,
    /// A map.
    Map,
    /// No parameters: what reads the rows.
    Callback,
    Unknown,
}

fn parameters(j: &JavaCx<'_>, arg: Span) -> Parameters {
    let Some(node) = j.node_at(arg) else { return Parameters::Unknown };
    let by_type = |ty: &str| {
        let simple = ty.split('<').next().unwrap_or(ty).rsplit('.').next().unwrap_or(ty).trim();
        match simple {
            "MapSqlParameterSource" => Parameters::Source,
            "Map" | "HashMap" | "LinkedHashMap" | "TreeMap" => Parameters::Map,
            t if t.ends_with("RowMapper") || t.ends_with("Extractor") || t.ends_with("Handler") => Parameters::Callback,
            _ => Parameters::Unknown,
        }
    };
    match node.kind() {
        "lambda_expression" | "method_reference" => Parameters::Callback,
        "object_creation_expression" => {
            node.child_by_field_name("type").map_or(Parameters::Unknown, |t| by_type(j.node_text(t)))
        }
        "identifier" => {
            let uses = j.uses(j.node_text(node), arg);
            // A variable that others read as well would carry the value on.
            let own = uses.as_ref().is_some_and(|u| matches!(u.kind, LocalKind::Variable | LocalKind::Parameter));
            let ty = uses.as_ref().and_then(|u| j.type_text(u)).unwrap_or("");
            match by_type(ty) {
                Parameters::Source if !own => Parameters::Unknown,
                p => p,
            }
        }
        "method_invocation" => {
            let name = node.child_by_field_name("name").map_or("", |n| j.node_text(n));
            let object = node.child_by_field_name("object");
            match (name, object) {
                ("addValue" | "addValues", Some(_)) => Parameters::Source,
                ("of" | "ofEntries" | "copyOf", Some(o)) if j.node_text(o) == "Map" => Parameters::Map,
                ("emptyMap" | "singletonMap", _) => Parameters::Map,
                ("newInstance", Some(o)) if j.node_text(o).ends_with("RowMapper") => Parameters::Callback,
                _ => Parameters::Unknown,
            }
        }
        _ => Parameters::Unknown,
    }
}
