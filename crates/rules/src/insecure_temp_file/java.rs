//! Java: `Files.createTempFile`, which makes files that only their owner reads.

use crate::guards::Draft;
use crate::{FixCx, Found};
use surefix_dataflow::{ArgFact, CallFact, ConstVal};
use surefix_rewrite::JavaCx;
use surefix_syntax::java;
use surefix_text::{Fix, Reason, Refusal, Span, Tier};

/// Plans the fix.
pub(super) fn fix(cx: &FixCx<'_>, found: &Found, call: &CallFact) -> Result<Fix, Refusal> {
    let java = cx.java(found.file);
    java.no_error_at(call.span)?;
    java.no_comment_inside(call.span)?;
    let args = java.args(call.span);
    let mut draft = Draft::default();
    if call.callee.starts_with("com.google") {
        let files = draft.java_type(&java, "java.nio.file.Files")?;
        java.replace_expr(call.span, &format!("{files}.createTempDirectory(\"tmp\").toFile()"), &mut draft.edits)?;
        return throws(&java, call.span).and(Ok(done(draft)));
    }
    let text = |i: usize| args.get(i).map_or("", |a: &Span| a.of(java.text));
    // A short prefix throws here and not there, a separator the other way round.
    let prefix = call.args.first().and_then(constant);
    if !prefix.is_some_and(|p| p.chars().count() >= 3 && !p.contains(['/', '\\'])) {
        let why = "the prefix is not a constant of three or more characters, which the two methods treat differently";
        return Err(Refusal::new(Reason::ShapeUnknown, why));
    }
    if call.args.get(1).and_then(constant).is_some_and(|s| s.contains(['/', '\\'])) {
        return Err(Refusal::new(Reason::ShapeUnknown, "the suffix holds a separator"));
    }
    if let Some(directory) = directory_idiom(&java, call.span) {
        return temporary_directory(&java, call.span, text(0), directory, draft);
    }
    let files = draft.java_type(&java, "java.nio.file.Files")?;
    let new = match args.len() {
        2 => format!("{files}.createTempFile({}, {}).toFile()", text(0), text(1)),
        3 if text(2) == "null" => format!("{files}.createTempFile({}, {}).toFile()", text(0), text(1)),
        3 if may_be_null(&java, call, 2) => {
            return Err(Refusal::new(
                Reason::TypeUnknown,
                "the directory may be null, which only the old method takes",
            ));
        }
        3 => {
            format!("{files}.createTempFile({}.toPath(), {}, {}).toFile()", java.as_primary(text(2)), text(0), text(1))
        }
        _ => return Err(Refusal::new(Reason::ShapeUnknown, "the call has an unexpected number of arguments")),
    };
    java.replace_expr(call.span, &new, &mut draft.edits)?;
    Ok(done(draft))
}

fn done(draft: Draft) -> Fix {
    let why = "another user of the machine no longer reads the file";
    draft.done("Create the temporary file for its owner alone", Tier::AttackOnly, why)
}

fn throws(java: &JavaCx<'_>, at: Span) -> Result<(), Refusal> {
    match java.can_throw(at, "java.io.IOException") {
        true => Ok(()),
        false => {
            Err(Refusal::new(Reason::ControlFlow, "createTempDirectory throws IOException, which nothing here takes"))
        }
    }
}

fn constant(arg: &ArgFact) -> Option<&str> {
    match arg.consts.as_deref() {
        Some([ConstVal::Str(s)]) => Some(s),
        _ => None,
    }
}

/// A field or parameter may be null; a call of `new File` or of `getParentFile` of something is taken as it is written.
fn may_be_null(java: &JavaCx<'_>, call: &CallFact, at: usize) -> bool {
    let args = java.args(call.span);
    let Some(node) = args.get(at).and_then(|a| java.node_at(*a)) else { return true };
    match node.kind() {
        "object_creation_expression" => false,
        "identifier" => {
            let uses = java.uses(java.node_text(node), java::span_of(node));
            let init = uses.as_ref().filter(|u| u.writes.is_empty()).and_then(|u| u.init).and_then(|i| java.node_at(i));
            // The variable is used as a file elsewhere in any case: a parameter is believed.
            match (uses, init) {
                (Some(_), Some(n)) => n.kind() == "null_literal",
                (Some(u), None) => u.init.is_some() || !u.writes.is_empty(),
                (None, _) => false,
            }
        }
        _ => true,
    }
}

/// `File d = createTempFile(…); d.delete(); d.mkdir();`: the two statements behind the declaration.
fn directory_idiom(java: &JavaCx<'_>, call: Span) -> Option<[Span; 2]> {
    let (name, stmt) = crate::guards::java_target(java, call)?;
    let node = java.node_at(stmt)?;
    let first = next(node)?;
    let second = next(first)?;
    let is = |n: tree_sitter::Node<'_>, methods: &[&str]| {
        let text: String = java.node_text(n).split_whitespace().collect();
        methods.iter().any(|m| text == format!("{name}.{m}();"))
    };
    (is(first, &["delete"]) && is(second, &["mkdir", "mkdirs"])).then(|| [java::span_of(first), java::span_of(second)])
}

fn next(node: tree_sitter::Node<'_>) -> Option<tree_sitter::Node<'_>> {
    let n = node.next_named_sibling()?;
    (!n.kind().ends_with("_comment")).then_some(n)
}

fn temporary_directory(
    java: &JavaCx<'_>,
    call: Span,
    prefix: &str,
    [first, second]: [Span; 2],
    mut draft: Draft,
) -> Result<Fix, Refusal> {
    if java.args(call).len() != 2 {
        return Err(Refusal::new(Reason::NoRecipe, "the directory is made inside another one"));
    }
    let files = draft.java_type(java, "java.nio.file.Files")?;
    java.replace_expr(call, &format!("{files}.createTempDirectory({prefix}).toFile()"), &mut draft.edits)?;
    let lo = surefix_rewrite::layout::line_start(java.text, first.lo);
    let hi = surefix_rewrite::layout::next_line(java.text, second.hi);
    let lines = Span::new(lo, hi);
    java.no_comment_inside(lines)?;
    let whole = Span::new(lo, first.lo).of(java.text).trim().is_empty()
        && Span::new(first.hi, second.lo).of(java.text).trim().is_empty()
        && Span::new(second.hi, hi).of(java.text).trim().is_empty();
    if !whole {
        return Err(Refusal::new(Reason::NoRecipe, "other code stands on the lines of the statements"));
    }
    draft.edits.push(surefix_text::Edit::delete(java.file, lines));
    let why = "another user of the machine can neither read the directory nor take its place";
    Ok(draft.done("Create the temporary directory in one step", Tier::AttackOnly, why))
}
