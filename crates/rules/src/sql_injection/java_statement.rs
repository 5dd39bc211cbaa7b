//! Where a `java.sql.Statement` comes from and what else uses it.

use super::java_text::RUNS_SQL;
use crate::FixCx;
use crate::shapes::java_value::keeps_until;
use crate::shapes::no;
use surefix_dataflow::Flow;
use surefix_ir::Lang;
use surefix_rewrite::java::locals::LocalKind;
use surefix_rewrite::{JavaCx, Uses};
use surefix_syntax::java::span_of;
use surefix_text::{FileId, Reason, Refusal, Span};
use tree_sitter::Node;

/// How a local statement is created.
pub(crate) struct Creation {
    pub name: String,
    pub kind: LocalKind,
    /// The declared type.
    pub type_span: Option<Span>,
    /// The statement (or resource) that creates it.
    pub stmt: Span,
    /// The creating expression.
    pub value: Span,
    /// The `createStatement` call, when the value is one.
    pub call: Option<Span>,
    /// What `prepareStatement` is called on.
    pub connection: String,
    /// The creating statement does nothing else.
    pub is_call_only: bool,
    /// Every mention of the variable but its declaration.
    pub uses: Vec<Span>,
}

/// What the sink is called on.
pub(crate) enum Receiver {
    /// A local variable that can become a prepared statement.
    Local(Creation),
    /// `con.createStatement().execute…(…)`.
    Chained { creation: Span },
    /// Anything else: a prepared statement beside it, on this connection.
    Split { connection: String, name: String },
}

/// Judges the receiver of the sink.
pub(crate) fn receiver(cx: &FixCx<'_>, j: &JavaCx<'_>, flow: &Flow, stmt: Span) -> Result<Receiver, Refusal> {
    let call = flow.call.span;
    let Some(recv) = j.receiver(call) else { return no(Reason::TypeUnknown, "the call has no visible receiver") };
    let Some(node) = j.node_at(recv) else { return no(Reason::TypeUnknown, "the receiver is not readable") };
    if node.kind() == "method_invocation" {
        let name = j.call_name(recv).map_or("", |n| n.of(j.text));
        if name == "createStatement" {
            return Ok(Receiver::Chained { creation: recv });
        }
        return no(Reason::TypeUnknown, "the statement comes from a call whose result is used only here");
    }
    let name = recv.of(j.text);
    let local = if node.kind() == "identifier" { j.uses(name, recv) } else { None };
    let Some(uses) = local else {
        if !j.is_simple_pure(recv) {
            return no(Reason::TypeUnknown, "the statement is not a plain variable");
        }
        return Ok(Receiver::Split {
            connection: format!("{name}.getConnection()"),
            name: "preparedStatement".to_string(),
        });
    };
    let state = readers_of_state(j, &uses, call);
    let others = other_texts(j, &uses, call);
    let batch = j.call_name(call).is_some_and(|n| n.of(j.text) == "addBatch");
    let created = creation(cx, j, &uses, call);
    match created {
        Some(c) if others.is_empty() && passes(cx, j, &uses, call)? => Ok(Receiver::Local(c)),
        created => {
            if batch {
                return no(Reason::NoRecipe, "a batch of different texts has no prepared equivalent");
            }
            if state {
                return no(
                    Reason::ControlFlow,
                    "the statement's results are read from it later, and it runs other text too",
                );
            }
            let own = created.filter(|c| {
                c.call.and_then(|s| j.receiver(s)).is_some_and(|r| keeps_until(j, r, stmt) || is_steady_field(j, r))
            });
            let connection = own.map_or_else(|| format!("{name}.getConnection()"), |c| c.connection);
            Ok(Receiver::Split { connection, name: "preparedStatement".to_string() })
        }
    }
}

/// A field that the method does not assign: the connection is the same a few lines later.
fn is_steady_field(j: &JavaCx<'_>, recv: Span) -> bool {
    let name = recv.of(j.text).trim_start_matches("this.");
    let word = name.chars().all(|c| c.is_alphanumeric() || c == '_');
    let field = j.module.classes.iter().flat_map(|c| &c.fields).any(|f| j.module.strings.get(f.name) == name);
    let Some(method) = j.method_of(recv) else { return false };
    let mut assigned = false;
    surefix_syntax::java::walk(method, &mut |n| {
        let left = n.child_by_field_name("left").filter(|_| n.kind() == "assignment_expression");
        assigned |= left.is_some_and(|l| j.node_text(l).trim_start_matches("this.") == name);
        true
    });
    word && field && !assigned && !j.is_local(name, recv)
}

/// The variable that holds the value of `call`, when a declaration, resource or assignment takes it.
pub(crate) fn holder(j: &JavaCx<'_>, call: Span) -> Option<String> {
    let mut node = j.node_at(call)?;
    while let Some(p) = node.parent() {
        let field = |n: &str| p.child_by_field_name(n) == Some(node);
        match p.kind() {
            "parenthesized_expression" | "cast_expression" => node = p,
            "variable_declarator" | "resource" if field("value") => {
                return Some(j.node_text(p.child_by_field_name("name")?).to_string());
            }
            "assignment_expression" if field("right") => {
                let left = p.child_by_field_name("left")?;
                return (left.kind() == "identifier").then(|| j.node_text(left).to_string());
            }
            _ => return None,
        }
    }
    None
}

fn creation(cx: &FixCx<'_>, j: &JavaCx<'_>, uses: &Uses, call: Span) -> Option<Creation> {
    if uses.captured || !matches!(uses.kind, LocalKind::Variable | LocalKind::Resource) {
        return None;
    }
    let mut made: Vec<(Node<'_>, Span)> = Vec::new();
    let real = |n: &Node<'_>| n.kind() != "null_literal";
    if let Some(init) = uses.init.and_then(|i| j.node_at(i)).filter(real) {
        let stmt = uses.statement.or(Some(uses.declarator).filter(|_| uses.kind == LocalKind::Resource))?;
        made.push((init, stmt));
    }
    for w in &uses.writes {
        let p = j.node_at(*w)?.parent()?;
        let right = p.child_by_field_name("right")?;
        let stmt = p.parent().filter(|s| s.kind() == "expression_statement")?;
        if real(&right) {
            made.push((right, span_of(stmt)));
        }
    }
    let [(value, stmt)] = made.as_slice() else { return None };
    if stmt.lo > call.lo {
        return None;
    }
    let value_span = span_of(*value);
    let name = value.child_by_field_name("name").map_or("", |n| j.node_text(n));
    let is_create = value.kind() == "method_invocation" && name == "createStatement";
    let connection = if is_create {
        j.receiver(value_span)?.of(j.text).to_string()
    } else if value.kind() == "method_invocation" {
        connection_beside(cx, j, *value).unwrap_or_default()
    } else {
        String::new()
    };
    if connection.is_empty() {
        return None;
    }
    Some(Creation {
        name: uses.name.clone(),
        kind: uses.kind,
        type_span: uses.type_span,
        stmt: *stmt,
        value: value_span,
        call: is_create.then_some(value_span),
        connection,
        is_call_only: uses.alone,
        uses: uses.all(),
    })
}

/// The statement comes from a helper `A.statement()` that creates it on a field: a helper of the same class that gives that
/// connection, as a call.
fn connection_beside(cx: &FixCx<'_>, j: &JavaCx<'_>, call: Node<'_>) -> Option<String> {
    let name = call.child_by_field_name("name").map(|n| j.node_text(n))?;
    let object = call.child_by_field_name("object").map(|o| j.node_text(o));
    let modules = cx.detect.program.modules.iter().enumerate().filter(|(_, m)| m.lang == Lang::Java);
    let mut homes = Vec::new();
    for (i, m) in modules {
        for f in &m.functions {
            if m.strings.get(f.name) == name && f.params.len() <= 1 && f.owner.is_some() {
                homes.push((FileId(u32::try_from(i).ok()?), f));
            }
        }
    }
    let [(file, helper)] = homes.as_slice() else { return None };
    let m = cx.detect.module(*file);
    let class = m.classes.get(helper.owner?.0 as usize)?;
    let qualifies = match object {
        Some(o) => o == "this" || o.rsplit('.').next() == Some(m.strings.get(class.name)),
        None => *file == j.file,
    };
    if !qualifies {
        return None;
    }
    let text = cx.detect.text(*file);
    // The field on which the helper creates its statements.
    let body = helper.body_span.of(text);
    let at = body.find(".createStatement(")?;
    let field = body.get(..at)?.rsplit(|c: char| !(c.is_alphanumeric() || c == '_')).next()?;
    if body.matches(".createStatement(").count() != 1 || !class.fields.iter().any(|f| m.strings.get(f.name) == field) {
        return None;
    }
    let sibling = class.methods.iter().filter_map(|f| m.functions.get(f.0 as usize)).find(|f| {
        let returns = f.ret.as_ref().is_some_and(|t| m.strings.get(t.name).rsplit('.').next() == Some("Connection"));
        let plain = f.params.iter().all(|p| p.kind == surefix_ir::ParamKind::This);
        let same_kind = f.is(surefix_ir::flags::STATIC) == helper.is(surefix_ir::flags::STATIC);
        let visible = *file == j.file || f.is(surefix_ir::flags::PUBLIC) || !helper.is(surefix_ir::flags::PUBLIC);
        let gives = f.body_span.of(text).contains(&format!("return {field};"));
        returns && plain && same_kind && visible && gives
    })?;
    let name = m.strings.get(sibling.name);
    Some(match object {
        Some(o) => format!("{o}.{name}()"),
        None => format!("{name}()"),
    })
}

/// Calls that run other text on the same statement.
fn other_texts(j: &JavaCx<'_>, uses: &Uses, call: Span) -> Vec<Span> {
    calls_on(j, uses)
        .into_iter()
        .filter(|c| *c != call && !j.args(*c).is_empty())
        .filter(|c| j.call_name(*c).is_some_and(|n| RUNS_SQL.contains(&n.of(j.text))))
        .collect()
}

/// The statement is asked for its results after the sink.
fn readers_of_state(j: &JavaCx<'_>, uses: &Uses, call: Span) -> bool {
    calls_on(j, uses).into_iter().any(|c| {
        let name = j.call_name(c).map_or("", |n| n.of(j.text));
        c.lo > call.lo
            && matches!(
                name,
                "getResultSet" | "getUpdateCount" | "getGeneratedKeys" | "getMoreResults" | "getLargeUpdateCount"
            )
    })
}

fn calls_on(j: &JavaCx<'_>, uses: &Uses) -> Vec<Span> {
    let call = |r: &Span| {
        let n = j.node_at(*r)?;
        let p = n.parent()?;
        (p.kind() == "method_invocation" && p.child_by_field_name("object") == Some(n)).then(|| span_of(p))
    };
    uses.reads.iter().filter_map(call).collect()
}

/// Whether everything else that gets the statement can do with a prepared one: nothing before the sink, nobody runs text on it.
fn passes(cx: &FixCx<'_>, j: &JavaCx<'_>, uses: &Uses, call: Span) -> Result<bool, Refusal> {
    for r in &uses.reads {
        let Some(n) = j.node_at(*r) else { continue };
        let Some(p) = n.parent() else { continue };
        match p.kind() {
            "method_invocation" if p.child_by_field_name("object") == Some(n) => {}
            "argument_list" => {
                if r.lo < call.lo {
                    return Ok(false);
                }
                let callee = p.parent().and_then(|c| c.child_by_field_name("name")).map_or("", |n| j.node_text(n));
                let mut cursor = p.walk();
                let index =
                    p.named_children(&mut cursor).filter(|a| !a.kind().ends_with("_comment")).position(|a| a == n);
                if runs_text(cx, callee, index.unwrap_or(0)) {
                    return Ok(false);
                }
            }
            "binary_expression" | "parenthesized_expression" => {}
            _ => return Ok(false),
        }
    }
    Ok(true)
}

/// A method of the project with that name runs SQL text on the statement it gets as argument `index`.
fn runs_text(cx: &FixCx<'_>, callee: &str, index: usize) -> bool {
    let program = cx.detect.program;
    program.modules.iter().enumerate().filter(|(_, m)| m.lang == Lang::Java).any(|(i, m)| {
        m.functions.iter().filter(|f| m.strings.get(f.name) == callee).any(|f| {
            let own = f.params.iter().filter(|p| p.kind != surefix_ir::ParamKind::This).nth(index);
            let Some(p) = own else { return false };
            let is_statement = p.ty.as_ref().is_some_and(|t| m.strings.get(t.name).ends_with("Statement"));
            let text = cx.detect.texts.get(i).map_or("", |t| f.body_span.of(t));
            let name = m.strings.get(p.name);
            is_statement && RUNS_SQL.iter().any(|r| runs(text, name, r))
        })
    })
}

/// `name.method(` with an argument.
fn runs(text: &str, name: &str, method: &str) -> bool {
    let call = format!("{name}.{method}(");
    text.match_indices(&call).any(|(i, _)| !text.get(i + call.len()..).is_some_and(|r| r.trim_start().starts_with(')')))
}
