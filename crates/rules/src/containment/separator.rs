//! Does an expression of Java end in a path separator? Read off literals, constants and local variables.

use crate::FixCx;
use surefix_ir::Lang;
use surefix_rewrite::{JavaCx, LiteralMap};
use surefix_syntax::java;
use surefix_text::{FileId, Span};
use tree_sitter::Node;

/// A field as declared.
pub(super) struct Field {
    /// Its file.
    pub file: FileId,
    /// Its type as written.
    pub ty: String,
    /// Its initialiser, for final fields.
    pub init: Option<Span>,
}

/// True when the value of the expression at `span` always ends in a separator.
pub(super) fn ends_in_separator(cx: &FixCx<'_>, file: FileId, span: Span, depth: u32) -> bool {
    let java = cx.java(file);
    java.node_at(span).is_some_and(|n| ends(cx, &java, n, depth))
}

fn ends(cx: &FixCx<'_>, java: &JavaCx<'_>, node: Node<'_>, depth: u32) -> bool {
    if depth > 16 {
        return false;
    }
    let child = |name| node.child_by_field_name(name);
    let span = java::span_of(node);
    match node.kind() {
        "string_literal" => {
            LiteralMap::new(Lang::Java, span.of(java.text)).is_some_and(|m| m.decoded().ends_with(['/', '\\']))
        }
        "character_literal" => matches!(span.of(java.text), "'/'" | "'\\\\'"),
        "parenthesized_expression" => node.named_child(0).is_some_and(|n| ends(cx, java, n, depth + 1)),
        "binary_expression" => child("right").is_some_and(|n| ends(cx, java, n, depth + 1)),
        "method_invocation" => {
            let name = child("name").map_or("", |n| java.node_text(n));
            // Replacing characters keeps a separator a separator unless the separators themselves are replaced by others.
            let keeps = name == "replace" && {
                let args = java.args(span);
                let text = |i: usize| args.get(i).map_or("", |a| a.of(java.text));
                let sep = |t: &str| {
                    matches!(t, "'/'" | "'\\\\'" | "\"/\"" | "\"\\\\\"")
                        || t.ends_with("separatorChar")
                        || t.ends_with("separator")
                };
                args.len() == 2 && (!sep(text(0)) && text(0).starts_with(['\'', '"']) || sep(text(0)) && sep(text(1)))
            };
            let of_files = name == "getSeparator";
            of_files || (keeps && child("object").is_some_and(|n| ends(cx, java, n, depth + 1)))
        }
        "identifier" | "field_access" | "scoped_identifier" => {
            let text: String = span.of(java.text).split_whitespace().collect();
            if let Some((owner, "separator" | "separatorChar")) = text.rsplit_once('.') {
                return java.means_type(owner, "java.io.File");
            }
            if node.kind() == "identifier"
                && let Some(uses) = java.uses(&text, span)
            {
                let steady = uses.writes.is_empty();
                let init = uses.init.filter(|_| steady).and_then(|i| java.node_at(i));
                return init.is_some_and(|n| ends(cx, java, n, depth + 1));
            }
            let Some(f) = field(cx, java.file, span, &text) else { return false };
            f.init.is_some_and(|i| ends_in_separator(cx, f.file, i, depth + 1))
        }
        _ => false,
    }
}

/// The field that `text` (`NAME`, `this.name`, `Type.NAME`, `a.b.Type.NAME`) means at a place, in the project.
pub(super) fn field(cx: &FixCx<'_>, file: FileId, at: Span, text: &str) -> Option<Field> {
    let java = cx.java(file);
    let text: String = text.split_whitespace().collect();
    let own = text.strip_prefix("this.").unwrap_or(&text);
    match own.rsplit_once('.') {
        None => {
            let mut class = java.class_of(at);
            while let Some(c) = class {
                if let Some(f) = in_class(&java, c, own) {
                    return Some(f);
                }
                class = java.class_of(java::span_of(c.parent()?)).filter(|o| o.id() != c.id());
            }
            None
        }
        Some((owner, name)) => {
            for (i, m) in cx.detect.program.modules.iter().enumerate().filter(|(_, m)| m.lang == Lang::Java) {
                for c in &m.classes {
                    let qualified = m.strings.get(c.qualified);
                    if !qualified.ends_with(owner.rsplit('.').next().unwrap_or(owner))
                        || !java.means_type(owner, qualified)
                    {
                        continue;
                    }
                    let id = FileId(u32::try_from(i).ok()?);
                    let other = cx.java(id);
                    let node = other.class_of(Span::point(c.span.lo + 1)).or_else(|| other.class_of(c.span))?;
                    if let Some(f) = in_class(&other, node, name) {
                        return Some(f);
                    }
                }
            }
            None
        }
    }
}

fn in_class(java: &JavaCx<'_>, class: Node<'_>, name: &str) -> Option<Field> {
    let body = if class.kind() == "class_body" { class } else { class.child_by_field_name("body")? };
    let mut cursor = body.walk();
    for member in
        body.named_children(&mut cursor).filter(|m| matches!(m.kind(), "field_declaration" | "constant_declaration"))
    {
        let mut c = member.walk();
        for d in member.children_by_field_name("declarator", &mut c) {
            if d.child_by_field_name("name").is_some_and(|n| java.node_text(n) == name) {
                let mut c2 = member.walk();
                let is_final = member.kind() == "constant_declaration"
                    || member
                        .children(&mut c2)
                        .filter(|k| k.kind() == "modifiers")
                        .any(|k| java.node_text(k).split_whitespace().any(|w| w == "final"));
                let ty = member.child_by_field_name("type").map_or("", |t| java.node_text(t)).to_string();
                let init = d.child_by_field_name("value").filter(|_| is_final).map(java::span_of);
                return Some(Field { file: java.file, ty, init });
            }
        }
    }
    None
}
