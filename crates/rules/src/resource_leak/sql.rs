//! What lives on a database connection: statements and results end with it, so none of them may be kept longer.

use surefix_rewrite::JavaCx;
use surefix_syntax::java;
use surefix_text::Span;
use tree_sitter::Node;

/// Methods whose result needs the connection.
const GIVES: &[&str] = &[
    "createStatement",
    "prepareStatement",
    "prepareCall",
    "executeQuery",
    "getResultSet",
    "getGeneratedKeys",
    "getMetaData",
    "getTables",
    "getColumns",
    "getPrimaryKeys",
    "getSchemas",
    "getCatalogs",
];

/// Methods of statements and results that give values: text, numbers, dates.
const VALUES: &[&str] = &[
    "getString",
    "getNString",
    "getInt",
    "getLong",
    "getShort",
    "getByte",
    "getBytes",
    "getBoolean",
    "getDouble",
    "getFloat",
    "getBigDecimal",
    "getDate",
    "getTime",
    "getTimestamp",
    "getRow",
    "getUpdateCount",
    "getMoreResults",
    "getAutoCommit",
    "getTransactionIsolation",
    "getCatalog",
    "getSchema",
    "getFetchSize",
    "getMaxRows",
    "getColumnCount",
    "getColumnName",
    "getColumnLabel",
    "getColumnType",
    "getColumnTypeName",
    "getDatabaseProductName",
    "getDatabaseProductVersion",
    "getDriverName",
    "getURL",
    "getUserName",
];

/// The method that is called on the expression at `recv`.
pub(super) fn method_on<'t>(java: &'t JavaCx<'_>, recv: Span) -> Option<&'t str> {
    let node = java.node_at(recv)?;
    let parent = node.parent().filter(|p| p.kind() == "method_invocation")?;
    let on = parent.child_by_field_name("object") == Some(node);
    on.then(|| parent.child_by_field_name("name").map(|n| java.node_text(n)))?
}

/// True when somebody may keep the connection, or what lives on it, beyond the code that uses it: it is passed on, returned, stored, or
/// its methods are not known to give plain values.
pub(super) fn escapes(java: &JavaCx<'_>, node: Node<'_>) -> bool {
    escapes_within(java, node, 0)
}

fn escapes_within(java: &JavaCx<'_>, node: Node<'_>, depth: usize) -> bool {
    let Some(parent) = node.parent().filter(|_| depth < 16) else { return true };
    let field = |name| parent.child_by_field_name(name) == Some(node);
    match parent.kind() {
        "expression_statement" => false,
        "parenthesized_expression" => escapes_within(java, parent, depth + 1),
        "method_invocation" if field("object") => {
            let name = parent.child_by_field_name("name").map_or("", |n| java.node_text(n));
            if GIVES.contains(&name) {
                return escapes_within(java, parent, depth + 1);
            }
            let plain = VALUES.contains(&name) || !name.starts_with("get");
            !plain || matches!(name, "unwrap" | "stream" | "iterator" | "closeOnCompletion")
        }
        "variable_declarator" | "resource" if field("value") => {
            let Some(name) = parent.child_by_field_name("name") else { return true };
            let local = parent.kind() == "resource"
                || parent.parent().is_some_and(|p| p.kind() == "local_variable_declaration");
            let Some(uses) = java.uses(java.node_text(name), java::span_of(name)).filter(|_| local) else {
                return true;
            };
            let read = |r: &Span| java.node_at(*r).is_none_or(|n| escapes_within(java, n, depth + 1));
            uses.captured || !uses.writes.is_empty() || uses.reads.iter().any(read)
        }
        _ => true,
    }
}
