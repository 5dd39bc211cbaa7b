//! JDBC: `Statement` becomes `PreparedStatement`, prepared text gets its values bound.

use super::java_bind::Bind;
use super::java_statement::{Creation, Receiver, receiver};
use super::java_text::{Binds, Sql, applied};
use crate::shapes::{Loops, no};
use crate::{FixCx, Found};
use surefix_dataflow::Flow;
use surefix_rewrite::JavaCx;
use surefix_rewrite::java::locals::LocalKind;
use surefix_syntax::java::{self, span_of};
use surefix_text::{Assurance, Edit, Fix, Reason, Refusal, Span, Tier};

/// The title of every fix here.
pub(crate) const TITLE: &str = "Bind the values of the SQL text as parameters";

/// The fix of a JDBC call.
pub(crate) fn fix(cx: &FixCx<'_>, found: &Found, flow: &Flow) -> Result<Fix, Refusal> {
    let j = cx.java(found.file);
    let method = flow.call.callee.rsplit('.').next().unwrap_or("");
    let mut a = Assurance::start(Tier::AttackOnly);
    let mut edits = Vec::new();
    match method {
        "prepareStatement" | "prepareCall" => prepared(cx, &j, flow, &mut a, &mut edits)?,
        "nativeSQL" => return no(Reason::NoRecipe, "the call only translates the text"),
        _ => statement(cx, &j, flow, &mut a, &mut edits)?,
    }
    Ok(Fix { title: TITLE.to_string(), edits, assurance: a, needs: Vec::new() })
}

/// PostgreSQL is strict about the type of a bound text.
pub(crate) fn is_postgres(cx: &FixCx<'_>, path: &str) -> bool {
    cx.detect.project.has_dep(path, "org.postgresql:postgresql").is_some()
        || cx.detect.texts.iter().any(|t| t.contains("jdbc:postgresql:"))
}

/// The lines that bind values to the statement `st`, from index `from` on.
fn setters(
    cx: &FixCx<'_>,
    j: &JavaCx<'_>,
    st: &str,
    binds: &[(usize, &Bind)],
    edits: &mut Vec<Edit>,
) -> Result<Vec<String>, Refusal> {
    let postgres = is_postgres(cx, cx.path(j.file));
    let mut lines = Vec::new();
    for (i, b) in binds {
        if postgres && b.text {
            let types = j.bring_type("java.sql.Types", edits)?;
            lines.push(format!("{st}.setObject({i}, {}, {types}.OTHER);", b.expr));
        } else {
            lines.push(format!("{st}.{}({i}, {});", b.setter, b.expr));
        }
    }
    Ok(lines)
}

/// The lines that bind everything.
fn bind_lines(
    cx: &FixCx<'_>,
    j: &JavaCx<'_>,
    st: &str,
    binds: &Binds,
    stmt: Span,
    edits: &mut Vec<Edit>,
) -> Result<Vec<String>, Refusal> {
    match binds {
        Binds::Each(list) => {
            let numbered: Vec<(usize, &Bind)> = list.iter().enumerate().map(|(i, b)| (i + 1, b)).collect();
            setters(cx, j, st, &numbered, edits)
        }
        Binds::List(params) => {
            let i = j.fresh_name("i", stmt, edits);
            let other = match is_postgres(cx, cx.path(j.file)) {
                true => format!(", {}.OTHER", j.bring_type("java.sql.Types", edits)?),
                false => String::new(),
            };
            Ok(vec![
                format!("for (int {i} = 0; {i} < {params}.size(); {i}++) {{"),
                format!("    {st}.setObject({i} + 1, {params}.get({i}){other});"),
                "}".to_string(),
            ])
        }
    }
}

fn shown(sql: &Sql<'_, '_>, a: &mut Assurance) {
    if sql.is_shown() {
        a.lower(
            Tier::AttackOnly,
            "where the text is also shown or logged, it now shows placeholders instead of the values",
        );
    }
}

/// The sink is `execute*(text)` or `addBatch(text)` of a `Statement`.
fn statement(
    cx: &FixCx<'_>,
    j: &JavaCx<'_>,
    flow: &Flow,
    a: &mut Assurance,
    edits: &mut Vec<Edit>,
) -> Result<(), Refusal> {
    let call = flow.call.span;
    let in_resource = second_resource(j, call);
    let stmt = match in_resource {
        Some(r) => r.stmt,
        None => j.hoist_point(call)?,
    };
    let mut sql = Sql::read(j, flow, stmt, &|_, _| "?".to_string(), Loops::Follow)?;
    if sql.plan.facts.placeholders.question > 0 {
        return no(
            Reason::NoRecipe,
            "the text holds question marks that a prepared statement would take for placeholders",
        );
    }
    sql.render()?;
    sql.note_guards(a);
    if sql.binds_nothing() {
        edits.append(&mut sql.text_edits);
        return Ok(());
    }
    let target = receiver(cx, j, flow, sql.stmt)?;
    let binds = sql.binds(cx, a, edits)?;
    shown(&sql, a);
    let extra: Vec<Span> = j.args(call).into_iter().skip(1).collect();
    match target {
        Receiver::Local(creation) => convert(cx, j, &sql, &creation, &extra, &binds, in_resource, edits),
        Receiver::Chained { creation } => {
            let name = j.fresh_name("statement", stmt, edits);
            let prepare = prepare_call(j, creation, &sql.new_arg(), &extra)?;
            fresh(cx, j, &sql, &name, &prepare, &binds, false, edits)
        }
        Receiver::Split { connection, name } => {
            let name = j.fresh_name(&name, stmt, edits);
            let extras: Vec<&str> = extra.iter().map(|e| e.of(j.text)).collect();
            let list = [vec![sql.new_arg()], extras.iter().map(|s| s.to_string()).collect()].concat();
            let prepare = format!("{connection}.prepareStatement({})", list.join(", "));
            fresh(cx, j, &sql, &name, &prepare, &binds, true, edits)
        }
    }
}

/// `X.createStatement(options)` as `X.prepareStatement(sql, options)`.
fn prepare_call(j: &JavaCx<'_>, creation: Span, sql: &str, extra: &[Span]) -> Result<String, Refusal> {
    let options = j.args(creation);
    if !options.is_empty() && !extra.is_empty() {
        return no(
            Reason::NoRecipe,
            "the statement has options and asks for generated keys; prepareStatement takes one of them",
        );
    }
    let Some(recv) = j.receiver(creation) else { return no(Reason::TypeUnknown, "the connection is not visible") };
    j.no_comment_inside(creation)?;
    let rest: Vec<&str> = options.iter().chain(extra).map(|s| s.of(j.text)).collect();
    let list = [vec![sql], rest].concat();
    Ok(format!("{}.prepareStatement({})", recv.of(j.text), list.join(", ")))
}

/// A new local `PreparedStatement` in front of the sink's statement.
#[allow(clippy::too_many_arguments)]
fn fresh(
    cx: &FixCx<'_>,
    j: &JavaCx<'_>,
    sql: &Sql<'_, '_>,
    name: &str,
    prepare: &str,
    binds: &Binds,
    close: bool,
    edits: &mut Vec<Edit>,
) -> Result<(), Refusal> {
    let call = sql.flow.call.span;
    let method = j.call_name(call).map_or("", |n| n.of(j.text));
    if method == "addBatch" {
        return no(Reason::NoRecipe, "a batch of different texts has no prepared equivalent");
    }
    edits.extend(sql.outer_edits());
    let ty = j.bring_type("java.sql.PreparedStatement", edits)?;
    let mut lines = vec![format!("{ty} {name} = {prepare};")];
    lines.extend(bind_lines(cx, j, name, binds, sql.stmt, edits)?);
    let run = format!("{name}.{method}()");
    // A statement of its own: closed where it ends.
    let alone = j
        .node_at(sql.stmt)
        .is_some_and(|n| n.kind() == "expression_statement" && n.named_child(0).is_some_and(|c| span_of(c) == call));
    if alone && method != "executeQuery" {
        let first = lines.remove(0);
        let mut block = vec![format!("try ({}) {{", first.trim_end_matches(';'))];
        block.extend(lines.iter().map(|l| format!("    {l}")));
        block.push(format!("    {run};"));
        block.push("}".to_string());
        return replace_stmt(j, sql.stmt, &block, edits);
    }
    if close && method == "executeQuery" {
        lines.insert(1, format!("{name}.closeOnCompletion();"));
    }
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    j.insert_before_stmt(sql.stmt, &lines, edits)?;
    j.replace_expr(call, &run, edits)
}

/// Replaces a whole statement by lines.
fn replace_stmt(j: &JavaCx<'_>, stmt: Span, lines: &[String], edits: &mut Vec<Edit>) -> Result<(), Refusal> {
    j.no_comment_inside(stmt)?;
    j.no_error_at(stmt)?;
    let (indent, eol) = (j.indent_at(stmt.lo), j.eol_at(stmt.lo));
    let unit = j.indent_unit();
    let line = |l: &String| {
        let body = l.trim_start_matches(' ');
        format!("{}{body}", unit.repeat((l.len() - body.len()) / 4))
    };
    let text: Vec<String> = lines.iter().map(line).collect();
    edits.push(Edit::replace(j.file, stmt, text.join(&format!("{eol}{indent}"))));
    Ok(())
}

/// The local `Statement` becomes a `PreparedStatement`.
#[allow(clippy::too_many_arguments)]
fn convert(
    cx: &FixCx<'_>,
    j: &JavaCx<'_>,
    sql: &Sql<'_, '_>,
    c: &Creation,
    extra: &[Span],
    binds: &Binds,
    resource: Option<Resource>,
    edits: &mut Vec<Edit>,
) -> Result<(), Refusal> {
    let options = c.call.map(|s| j.args(s)).unwrap_or_default();
    if !options.is_empty() && !extra.is_empty() {
        return no(
            Reason::NoRecipe,
            "the statement has options and asks for generated keys; prepareStatement takes one of them",
        );
    }
    let call = sql.flow.call.span;
    let inline = sql.is_inline();
    // Where the statement is created, and with which text.
    let same = sql.plan.constant || sql.is_same_at(c.stmt);
    let fixed_text = inline && same && matches!(binds, Binds::Each(_));
    let (text, moved, gone) = if fixed_text || sql.is_ready_at(c.stmt) {
        (sql.new_arg(), false, None)
    } else if movable(j, c, sql.stmt) {
        (sql.new_arg(), true, None)
    } else if let Some((text, decl)) = constant_declaration(j, sql) {
        (text, false, Some(decl))
    } else {
        return no(
            Reason::ControlFlow,
            "the statement is created before its text is known, and cannot be created later",
        );
    };
    match gone {
        Some(decl) => edits.push(delete_stmt(j, decl)?),
        None => edits.extend(sql.outer_edits()),
    }
    // The type.
    if let Some(ty) = c.type_span {
        let written = ty.of(j.text);
        match written.rsplit('.').next() {
            Some("var" | "PreparedStatement") => {}
            Some("Statement") => {
                let new = match written.contains('.') {
                    true => "java.sql.PreparedStatement".to_string(),
                    false => j.bring_type("java.sql.PreparedStatement", edits)?,
                };
                if !moved || ty.lo < c.stmt.lo || ty.lo >= c.stmt.hi {
                    edits.push(Edit::replace(j.file, ty, new));
                }
            }
            _ => return no(Reason::TypeUnknown, format!("the statement is declared as {written}")),
        }
    }
    let rest: Vec<&str> = options.iter().chain(extra).map(|s| s.of(j.text)).collect();
    let list = [vec![text.as_str()], rest].concat().join(", ");
    let prepare = format!("{}.prepareStatement({list})", c.connection);
    if moved {
        let head = Span::new(c.stmt.lo, c.value.lo).of(j.text);
        let head = match c.type_span.filter(|t| c.stmt.contains(*t)) {
            Some(t) if t.of(j.text).rsplit('.').next() == Some("Statement") => {
                let new = if t.of(j.text).contains('.') { "java.sql.PreparedStatement" } else { "PreparedStatement" };
                let new = if new == "PreparedStatement" {
                    j.bring_type("java.sql.PreparedStatement", edits)?
                } else {
                    new.to_string()
                };
                format!("{}{new}{}", Span::new(c.stmt.lo, t.lo).of(j.text), Span::new(t.hi, c.value.lo).of(j.text))
            }
            _ => head.to_string(),
        };
        edits.push(delete_stmt(j, c.stmt)?);
        j.insert_before_stmt(sql.stmt, &[&format!("{head}{prepare};")], edits)?;
    } else {
        j.no_comment_inside(c.value)?;
        match c.call.filter(|_| c.value.of(j.text).starts_with(&c.connection)) {
            // Only what changes: the method's name and its arguments.
            Some(create) => {
                let Some(name) = j.call_name(create) else {
                    return no(Reason::TypeUnknown, "the creation is not a call");
                };
                edits.push(Edit::replace(j.file, Span::new(name.lo, create.hi), format!("prepareStatement({list})")));
            }
            None => edits.push(Edit::replace(j.file, c.value, prepare)),
        }
    }
    let lines = bind_lines(cx, j, &c.name, binds, sql.stmt, edits)?;
    let Some(args) = j.arg_list(call).map(span_of) else {
        return no(Reason::ShapeUnknown, "the call has no arguments");
    };
    j.no_comment_inside(args)?;
    edits.push(Edit::replace(j.file, args, "()"));
    match resource {
        Some(r) => split_resources(j, &r, &lines, edits),
        None => {
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            j.insert_before_stmt(sql.stmt, &lines, edits)
        }
    }
}

/// A call in a resource of `try (…)` that is not the first.
#[derive(Clone, Copy)]
pub(crate) struct Resource {
    /// The whole `try`.
    stmt: Span,
    /// The resource before, and the one with the call.
    before: Span,
    own: Span,
    /// The body's block.
    body: Span,
}

fn second_resource(j: &JavaCx<'_>, call: Span) -> Option<Resource> {
    let node = java::enclosing(j.covering(call)?, |n| n.kind() == "resource" || n.kind().ends_with("_statement"))?;
    if node.kind() != "resource" {
        return None;
    }
    let spec = node.parent()?;
    let mut cursor = spec.walk();
    let all: Vec<Span> = spec.named_children(&mut cursor).filter(|n| n.kind() == "resource").map(span_of).collect();
    let own = all.iter().position(|s| *s == span_of(node))?;
    let before = *all.get(own.checked_sub(1)?)?;
    let stmt = spec.parent()?;
    let body = stmt.child_by_field_name("body")?;
    Some(Resource { stmt: span_of(stmt), before, own: span_of(node), body: span_of(body) })
}

/// `try (A a = …; B b = a.run()) { … }` as two `try`, with lines between them.
fn split_resources(j: &JavaCx<'_>, r: &Resource, lines: &[String], edits: &mut Vec<Edit>) -> Result<(), Refusal> {
    let gap = Span::new(r.before.hi, r.own.lo);
    j.no_comment_inside(gap)?;
    let body = r.body.of(j.text);
    if body.contains("\"\"\"") || body.contains("/*") {
        return no(Reason::ControlFlow, "the block of the try statement cannot be indented safely");
    }
    let (outer, eol, unit) = (j.indent_at(r.stmt.lo), j.eol_at(r.stmt.lo), j.indent_unit());
    let inner = format!("{outer}{unit}");
    let mut text = format!(") {{{eol}");
    for l in lines {
        text.push_str(&format!("{inner}{l}{eol}"));
    }
    text.push_str(&format!("{inner}try ("));
    edits.push(Edit::replace(j.file, gap, text));
    // One level deeper, and a brace more.
    let mut at = surefix_rewrite::layout::next_line(j.text, r.body.lo);
    while at < r.body.hi {
        let end = surefix_rewrite::layout::line_end(j.text, at);
        if !Span::new(at, end).of(j.text).trim().is_empty() {
            surefix_rewrite::layout::push_insert(edits, j.file, at, unit);
        }
        let next = surefix_rewrite::layout::next_line(j.text, at);
        if next <= at {
            break;
        }
        at = next;
    }
    edits.push(Edit::insert(j.file, r.body.hi, format!("{eol}{outer}}}")));
    Ok(())
}

/// The creation can move down to the sink: same block, nothing uses the statement between.
fn movable(j: &JavaCx<'_>, c: &Creation, sink: Span) -> bool {
    let parent = |s: Span| j.node_at(s).and_then(|n| n.parent()).map(|p| (span_of(p), p.kind()));
    c.kind == LocalKind::Variable
        && parent(c.stmt).is_some_and(|(_, k)| k == "block")
        && parent(c.stmt) == parent(sink)
        && c.stmt.hi <= sink.lo
        && c.uses.iter().all(|u| u.lo < c.stmt.hi || u.lo >= sink.lo)
        && c.is_call_only
}

/// The text is one declaration that holds a constant after the fix, and nothing else uses it: the literal, and the declaration.
fn constant_declaration(j: &JavaCx<'_>, sql: &Sql<'_, '_>) -> Option<(String, Span)> {
    let [carrier] = sql.text.carriers.as_slice() else { return None };
    let used = carrier.other_uses.iter().any(|r| !sql.arg.contains(*r));
    if used || !sql.plan.constant || sql.text.ways.len() != 1 || sql.text.branches() {
        return None;
    }
    let uses = j.uses(&carrier.name, carrier.declarator)?;
    let (decl, init) = (uses.statement?, uses.init?);
    let steps = sql.text.events.iter().filter(|e| !e.at_sink).count();
    (uses.alone && uses.writes.is_empty() && steps == 1 && sql.arg.of(j.text) == carrier.name)
        .then(|| (applied(j.text, init, &sql.text_edits), decl))
}

/// Deletes a statement with its line.
fn delete_stmt(j: &JavaCx<'_>, stmt: Span) -> Result<Edit, Refusal> {
    use surefix_rewrite::layout::{first_on_line, last_on_line, line_start, next_line};
    j.no_comment_inside(stmt)?;
    let own = first_on_line(j.text, stmt.lo) && last_on_line(j.text, stmt.hi);
    let span = if own { Span::new(line_start(j.text, stmt.lo), next_line(j.text, stmt.hi)) } else { stmt };
    Ok(Edit::delete(j.file, span))
}

/// The sink prepares the text: bind to the statement it gives, and move the indices of what is bound already.
fn prepared(
    cx: &FixCx<'_>,
    j: &JavaCx<'_>,
    flow: &Flow,
    a: &mut Assurance,
    edits: &mut Vec<Edit>,
) -> Result<(), Refusal> {
    let call = flow.call.span;
    let stmt = j.stmt_of(call).unwrap_or(flow.call.stmt);
    let mut sql = Sql::read(j, flow, stmt, &|_, _| "?".to_string(), Loops::Follow)?;
    sql.render()?;
    sql.note_guards(a);
    if sql.binds_nothing() {
        edits.append(&mut sql.text_edits);
        return Ok(());
    }
    let Some(owner) = super::java_statement::holder(j, call) else {
        return chained_prepare(cx, j, sql, a, edits);
    };
    let Some(uses) = j.uses(&owner, call) else {
        return no(Reason::TypeUnknown, "the prepared statement is not kept in a local variable");
    };
    let binds = sql.binds(cx, a, edits)?;
    shown(&sql, a);
    edits.extend(sql.text_edits.iter().cloned());
    let old = sql.plan.facts.placeholders.question;
    let slots = sql.plan.ways.first().map(Vec::as_slice).unwrap_or_default();
    let list = match &binds {
        Binds::Each(list) => list,
        Binds::List(_) if old > 0 => {
            return no(Reason::AlternativesConflict, "placeholders of the text mix with values bound under conditions");
        }
        Binds::List(_) => {
            let lines = bind_lines(cx, j, &owner, &binds, stmt, edits)?;
            return insert_after_creation(j, &uses.kind, stmt, call, &lines, edits);
        }
    };
    // Existing setters by index.
    let mut known: Vec<(usize, Span, Span)> = Vec::new();
    for r in &uses.reads {
        let Some(c) = j.node_at(*r).and_then(|n| n.parent()).filter(|p| p.kind() == "method_invocation") else {
            continue;
        };
        let name = c.child_by_field_name("name").map_or("", |n| j.node_text(n));
        if r.lo < call.lo || !(name.starts_with("set") || name == "registerOutParameter") || is_option(name) {
            continue;
        }
        let first = j.args(span_of(c)).first().copied();
        match first.and_then(|s| Some((s.of(j.text).parse::<usize>().ok()?, s))) {
            Some((k, s)) => known.push((k, s, j.stmt_of(span_of(c)).unwrap_or(s))),
            None if slots.iter().all(|s| s.before == old) => {}
            None => return no(Reason::SideEffect, "the indices of the values that are bound already are not constant"),
        }
    }
    if uses.writes.len()
        + usize::from(uses.init.is_some_and(|i| j.node_at(i).is_none_or(|n| n.kind() != "null_literal")))
        > 1
    {
        return no(Reason::AlternativesConflict, "the variable holds more than one prepared statement");
    }
    for (k, s, _) in &known {
        let shift = slots.iter().filter(|s| s.before < *k).count();
        if shift > 0 {
            edits.push(Edit::replace(j.file, *s, (k + shift).to_string()));
        }
    }
    let numbered: Vec<(usize, &Bind)> =
        slots.iter().zip(list).enumerate().map(|(n, (s, b))| (s.before + n + 1, b)).collect();
    let lines = setters(cx, j, &owner, &numbered, edits)?;
    // Behind the setter of the index before, where that stands beside the creation.
    let block = |s: Span| j.node_at(s).and_then(|n| n.parent()).map(span_of);
    let mut rest = Vec::new();
    for ((n, _), line) in numbered.iter().zip(lines) {
        let new_index = |k: usize| k + slots.iter().filter(|s| s.before < k).count();
        let after = known.iter().filter(|(k, _, s)| new_index(*k) < *n && block(*s) == block(stmt)).max_by_key(|x| x.0);
        match after {
            Some((_, _, s)) if uses.kind == LocalKind::Variable => j.insert_after_stmt(*s, &[&line], edits)?,
            _ => rest.push(line),
        }
    }
    insert_after_creation(j, &uses.kind, stmt, call, &rest, edits)
}

fn is_option(name: &str) -> bool {
    matches!(
        name,
        "setFetchSize"
            | "setMaxRows"
            | "setLargeMaxRows"
            | "setQueryTimeout"
            | "setFetchDirection"
            | "setMaxFieldSize"
            | "setPoolable"
            | "setCursorName"
            | "setEscapeProcessing"
    )
}

fn insert_after_creation(
    j: &JavaCx<'_>,
    kind: &LocalKind,
    stmt: Span,
    call: Span,
    lines: &[String],
    edits: &mut Vec<Edit>,
) -> Result<(), Refusal> {
    if lines.is_empty() {
        return Ok(());
    }
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    if *kind != LocalKind::Resource {
        return j.insert_after_stmt(stmt, &lines, edits);
    }
    let Some(node) = j.covering(call).and_then(|n| java::enclosing(n, |n| n.kind() == "resource")) else {
        return no(Reason::ControlFlow, "the resource is not readable");
    };
    let next = node.next_named_sibling().filter(|n| n.kind() == "resource");
    if let Some(next) = next {
        let owned: Vec<String> = lines.iter().map(|s| s.to_string()).collect();
        let r = second_resource(j, Span::new(span_of(next).lo, span_of(next).lo + 1));
        let Some(r) = r else { return no(Reason::ControlFlow, "the resources cannot be told apart") };
        return split_resources(j, &r, &owned, edits);
    }
    let body = java::enclosing(node, |n| n.kind() == "try_with_resources_statement")
        .and_then(|t| t.child_by_field_name("body"));
    let first = body.and_then(|b| {
        let mut cursor = b.walk();
        b.named_children(&mut cursor).find(|n| !n.kind().ends_with("_comment")).map(span_of)
    });
    match first {
        Some(first) => j.insert_before_stmt(first, &lines, edits),
        None => no(Reason::ControlFlow, "the try statement has no body"),
    }
}

/// `con.prepareStatement(text).executeQuery()`.
fn chained_prepare(
    cx: &FixCx<'_>,
    j: &JavaCx<'_>,
    sql: Sql<'_, '_>,
    a: &mut Assurance,
    edits: &mut Vec<Edit>,
) -> Result<(), Refusal> {
    let call = sql.flow.call.span;
    let used = j.node_at(call).and_then(|n| n.parent()).is_some_and(|p| {
        p.kind() == "method_invocation" && p.child_by_field_name("object").is_some_and(|o| span_of(o) == call)
    });
    if !used || sql.plan.facts.placeholders.question > 0 {
        return no(Reason::TypeUnknown, "the prepared statement goes where it cannot be followed");
    }
    let stmt = j.hoist_point(call)?;
    let binds = sql.binds(cx, a, edits)?;
    shown(&sql, a);
    edits.extend(sql.outer_edits());
    let call_type = j.call_name(call).map_or("", |n| n.of(j.text));
    let ty = if call_type == "prepareCall" { "java.sql.CallableStatement" } else { "java.sql.PreparedStatement" };
    let ty = j.bring_type(ty, edits)?;
    let name = j.fresh_name("statement", stmt, edits);
    let prepare = applied(j.text, call, &sql.text_edits);
    let mut lines = vec![format!("{ty} {name} = {prepare};")];
    lines.extend(bind_lines(cx, j, &name, &binds, stmt, edits)?);
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    j.insert_before_stmt(stmt, &lines, edits)?;
    j.replace_expr(call, &name, edits)
}
